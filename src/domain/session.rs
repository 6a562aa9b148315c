//! Sessions: how long somebody stays signed in, and what to make of a refresh token that comes back (RFC 9700 §4.14.2).

use super::time::Moment;

/// A session that is not refreshed for so long is over: 14 days, in milliseconds.
const IDLE: i64 = 14 * 24 * 3600 * 1000;
/// However often it is refreshed, a session is over after 90 days, in milliseconds.
const LONGEST: i64 = 90 * 24 * 3600 * 1000;
/// For so long a spent token gets its answer again, in case the answer was lost: 10 seconds, in milliseconds.
const GRACE: i64 = 10_000;

/// What becomes of a refresh token that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is in force: it is spent now, and another takes its place.
    Rotate,
    /// Its answer may have been lost: the same answer again.
    Repeat,
    /// Somebody has it who should not: the session ends for both.
    Reuse,
}

/// Judges a token that was spent at some time, or never; `successor_is_spent` if the one that took its place has been used.
pub fn judge(spent_at: Option<Moment>, successor_is_spent: bool, now: Moment) -> Verdict {
    match spent_at {
        None => Verdict::Rotate,
        Some(spent) if !successor_is_spent && now.milliseconds() - spent.milliseconds() <= GRACE => Verdict::Repeat,
        Some(_) => Verdict::Reuse,
    }
}

/// When a session that began then and is refreshed now is over.
pub fn end(began: Moment, now: Moment) -> Moment {
    Moment::from_milliseconds((now.milliseconds() + IDLE).min(began.milliseconds() + LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Moment {
        Moment::from_milliseconds(milliseconds)
    }

    #[test]
    fn a_spent_token_gets_its_answer_again_for_ten_seconds_and_only_while_that_was_not_used() {
        assert_eq!(judge(None, false, at(0)), Verdict::Rotate);
        assert_eq!(judge(Some(at(0)), false, at(10_000)), Verdict::Repeat);
        assert_eq!(judge(Some(at(0)), false, at(10_001)), Verdict::Reuse);
        assert_eq!(judge(Some(at(0)), true, at(1)), Verdict::Reuse);
    }

    #[test]
    fn a_session_ends_14_days_after_it_was_seen_and_90_after_it_began() {
        let day = 24 * 3600 * 1000;
        assert_eq!(end(at(0), at(0)), at(14 * day));
        assert_eq!(end(at(0), at(70 * day)), at(84 * day));
        assert_eq!(end(at(0), at(80 * day)), at(90 * day));
    }
}
