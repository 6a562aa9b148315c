//! How many requests somebody may make: the generic cell rate algorithm (ITU-T I.371), one number for each client. A whole minute's worth
//! may come at once; from then on they come in at the pace at which they are given.

use super::time::Moment;

/// Quotas are told for so many seconds.
pub const WINDOW: u32 = 60;
const WINDOW_MICROSECONDS: i64 = WINDOW as i64 * 1_000_000;

/// So many requests in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance(u32);

/// What is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// When all that was taken is given back, in microseconds: what is to be remembered of a client.
    pub paid_back: i64,
    pub requests: u32,
    /// Seconds until all of it is there again.
    pub whole_in: i64,
}

impl Allowance {
    /// `None` for 0, which is no bound.
    pub fn each_minute(requests: u32) -> Option<Self> {
        (requests > 0).then_some(Self(requests))
    }

    pub const fn requests(self) -> u32 {
        self.0
    }

    /// Takes one of a client whose debt is paid back then; `Err` with the seconds to wait if there is none left.
    pub fn take(self, paid_back: i64, now: Moment) -> Result<Left, i64> {
        let now = now.milliseconds().saturating_mul(1000);
        let each = (WINDOW_MICROSECONDS / i64::from(self.0)).max(1);
        let after = paid_back.max(now).saturating_add(each);
        let debt = after - now;
        if debt > each.saturating_mul(i64::from(self.0)) {
            return Err(seconds(debt - each.saturating_mul(i64::from(self.0))));
        }
        let left = (each.saturating_mul(i64::from(self.0)) - debt) / each;
        Ok(Left { paid_back: after, requests: u32::try_from(left).unwrap_or(0), whole_in: seconds(debt) })
    }
}

/// Whole seconds, never too few.
const fn seconds(microseconds: i64) -> i64 {
    (microseconds + 999_999) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_comes_at_once_and_then_one_each_so_often() {
        let allowance = Allowance::each_minute(30).unwrap();
        let at = Moment::from_milliseconds;
        let mut paid_back = i64::MIN;
        for n in (0..30).rev() {
            let left = allowance.take(paid_back, at(1_000_000)).unwrap();
            assert_eq!(left.requests, n);
            paid_back = left.paid_back;
        }
        assert_eq!(allowance.take(paid_back, at(1_000_000)), Err(2));
        assert_eq!(allowance.take(paid_back, at(1_001_999)), Err(1));
        let left = allowance.take(paid_back, at(1_002_000)).unwrap();
        assert_eq!((left.requests, left.whole_in), (0, 60));
        assert_eq!(allowance.take(left.paid_back, at(1_062_000)).unwrap().requests, 29);
    }

    #[test]
    fn nought_is_no_bound_and_large_ones_hold() {
        assert_eq!(Allowance::each_minute(0), None);
        for requests in [1, 7, 6000, 1_000_000] {
            let allowance = Allowance::each_minute(requests).unwrap();
            let (mut paid_back, mut taken) = (0, 0);
            while let Ok(left) = allowance.take(paid_back, Moment::from_milliseconds(5)) {
                (paid_back, taken) = (left.paid_back, taken + 1);
            }
            assert_eq!(taken, requests);
        }
    }
}
