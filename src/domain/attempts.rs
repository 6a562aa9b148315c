//! Guesses at passwords: how many wrong ones are borne, so that guessing is slow and nobody is locked out by somebody elsewhere.

use super::time::Moment;

/// Wrong passwords are counted for so long: a minute, in milliseconds.
const WINDOW: i64 = 60_000;
/// So many are borne for one account from one address in that time. Those of other addresses do not count: they would lock its owner out.
pub const MOST_FOR_ACCOUNT: u32 = 10;
/// So many are borne from one address in that time, whatever the accounts.
pub const MOST_FROM_ADDRESS: u32 = 50;

/// With so many for one account from all addresses in that time, somebody guesses from many: then strangers get fewer.
pub const MOST_FROM_EVERYWHERE: u32 = 100;
/// So many are borne for an account that is guessed at from many addresses, from one that has not signed in to it of late. Never none: whoever
/// comes from a new address while others guess has one try each minute, so nobody is locked out.
const MOST_FOR_STRANGERS: u32 = 1;

/// How many wrong passwords are borne for one account from one address; `everywhere` counts those from all addresses.
pub fn most_for_account(everywhere: Option<Tally>, is_familiar: bool, now: Moment) -> u32 {
    let is_under_attack = everywhere.is_some_and(|tally| tally.wait(MOST_FROM_EVERYWHERE, now).is_some());
    if is_under_attack && !is_familiar { MOST_FOR_STRANGERS } else { MOST_FOR_ACCOUNT }
}

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

    #[test]
    fn an_account_that_many_guess_at_bears_one_try_of_a_stranger_and_ten_of_who_is_known_there() {
        let at = Moment::from_milliseconds;
        let many = (0..100).fold(Tally::none(at(0)), |tally, n| tally.and_one(at(n)));
        assert_eq!(most_for_account(None, false, at(0)), 10);
        assert_eq!(most_for_account(Some(many), false, at(200)), 1);
        assert_eq!(most_for_account(Some(many), true, at(200)), 10);
        assert_eq!(most_for_account(Some(many), false, at(60_000)), 10);
        assert_eq!(Tally::none(at(0)).wait(1, at(0)), None);
    }
}
