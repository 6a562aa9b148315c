//! Guesses at passwords: how many wrong ones are borne, so that guessing is slow and nobody is locked out by somebody elsewhere.

use super::time::Moment;

/// Wrong passwords are counted for so long: a minute, in milliseconds.
const WINDOW: i64 = 60_000;
/// So many are borne for one account from one address in that time. Those of other addresses do not count: they would lock its owner out.
pub const MOST_FOR_ACCOUNT: u32 = 10;
/// So many are borne from one address in that time, whatever the accounts.
pub const MOST_FROM_ADDRESS: u32 = 50;

/// Wrong passwords of late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    began: Moment,
    count: u32,
}

impl Tally {
    pub const fn none(now: Moment) -> Self {
        Self { began: now, count: 0 }
    }

    /// The same with one more.
    #[must_use]
    pub fn and_one(self, now: Moment) -> Self {
        if self.is_over(now) { Self { began: now, count: 1 } } else { Self { count: self.count.saturating_add(1), ..self } }
    }

    /// Whether it says nothing any more.
    pub fn is_over(self, now: Moment) -> bool {
        now.milliseconds() - self.began.milliseconds() >= WINDOW
    }

    /// How many seconds to wait, if there have been `most`.
    pub fn wait(self, most: u32, now: Moment) -> Option<i64> {
        let left = self.began.milliseconds() + WINDOW - now.milliseconds();
        (self.count >= most && left > 0).then_some((left + 999) / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_borne_in_a_minute_and_then_there_is_a_wait_for_the_rest_of_it() {
        let at = Moment::from_milliseconds;
        let mut tally = Tally::none(at(0));
        for n in 0..10 {
            assert_eq!(tally.wait(10, at(n * 100)), None);
            tally = tally.and_one(at(n * 100));
        }
        assert_eq!(tally.wait(10, at(1000)), Some(59));
        assert_eq!(tally.wait(10, at(59_999)), Some(1));
        assert_eq!(tally.wait(10, at(60_000)), None);
        assert!(tally.is_over(at(60_000)));
        assert_eq!(tally.and_one(at(60_000)).wait(2, at(60_000)), None);
    }
}
