//! The second factor: how many wrong codes are borne.

use super::time::Moment;

/// Wrong codes are counted for so long: 15 minutes, in milliseconds.
const WINDOW: i64 = 15 * 60 * 1000;
/// So many are borne in that time, wherever they come from. Only who knows the password gets to try one: nobody else can keep its owner out.
const MOST: i64 = 10;

/// Wrong codes of late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misses {
    pub count: i64,
    /// When the first of them came.
    pub since: Moment,
}

impl Misses {
    /// The same with one more.
    #[must_use]
    pub fn and_one(self, now: Moment) -> Self {
        if self.count == 0 || self.is_over(now) {
            Self { count: 1, since: now }
        } else {
            Self { count: self.count.saturating_add(1), ..self }
        }
    }

    /// How many seconds to wait until another code is looked at.
    pub fn wait(self, now: Moment) -> Option<i64> {
        let left = self.since.milliseconds() + WINDOW - now.milliseconds();
        (self.count >= MOST && !self.is_over(now)).then_some((left + 999) / 1000)
    }

    fn is_over(self, now: Moment) -> bool {
        now.milliseconds() - self.since.milliseconds() >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_codes_in_a_quarter_of_an_hour_are_borne() {
        let at = Moment::from_milliseconds;
        let mut misses = Misses { count: 0, since: at(-5) };
        for n in 0..10 {
            assert_eq!(misses.wait(at(n)), None);
            misses = misses.and_one(at(n));
        }
        assert_eq!(misses.wait(at(10)), Some(900));
        assert_eq!(misses.wait(at(899_999)), Some(1));
        assert_eq!(misses.wait(at(900_000)), None);
        assert_eq!(misses.and_one(at(900_000)), Misses { count: 1, since: at(900_000) });
    }
}
