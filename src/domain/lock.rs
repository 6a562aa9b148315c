//! Locks that advise: somebody says that they are at a story, and for how long. They bind no write.

use super::time::Moment;

/// How long a lock lasts where its taker does not say, in seconds.
pub const USUAL_SECONDS: u32 = 300;

/// Somebody's word that they are at a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub user_id: String,
    /// The user's name.
    pub name: String,
    pub until: Moment,
}

impl Lock {
    /// Whether it says anything still.
    pub fn holds(&self, now: Moment) -> bool {
        self.until > now
    }

    /// Whether it tells `user_id` to wait.
    pub fn keeps_out(&self, user_id: &str, now: Moment) -> bool {
        self.holds(now) && self.user_id != user_id
    }
}

/// When a lock taken at `now` ends.
pub fn end(now: Moment, seconds: Option<u32>) -> Moment {
    Moment::from_milliseconds(now.milliseconds() + i64::from(seconds.unwrap_or(USUAL_SECONDS)) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_keeps_others_out_until_its_time_is_up() {
        let at = Moment::from_milliseconds;
        let lock = Lock { user_id: "ana".into(), name: "Ana".into(), until: end(at(1000), Some(60)) };
        assert!(lock.keeps_out("bo", at(60_999)));
        assert!(!lock.keeps_out("ana", at(60_999)));
        assert!(!lock.keeps_out("bo", at(61_000)));
        assert_eq!(end(at(0), None), at(300_000));
    }
}
