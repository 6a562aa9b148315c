//! What a revision holds, and how long it is kept.

use super::article::Content;
use super::time::Moment;
use serde::{Deserialize, Serialize};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// All that a write left of a story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    #[serde(flatten)]
    pub content: Content,
    pub slug: String,
    pub author_ids: Vec<String>,
    pub tag_ids: Vec<String>,
}

/// Which revisions stay beside those that the public has seen, which always do. One goes when it is beyond every bound that is set;
/// without bounds all stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The newest so many stay.
    pub newest: Option<u32>,
    /// Those of the last so many days stay.
    pub days: Option<u32>,
}

/// What may go: revisions of at most this number, made no later than this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prunable {
    pub up_to: i64,
    pub latest: Moment,
}

impl Retention {
    /// What may go of a story whose newest revision is `newest`, which itself stays.
    pub fn prunable(self, newest: i64, now: Moment) -> Option<Prunable> {
        if self == Self::default() {
            return None;
        }
        let up_to = newest - i64::from(self.newest.unwrap_or(1).max(1));
        Some(Prunable { up_to, latest: days_before(now, self.days.unwrap_or(0)) })
    }
}

/// The moment so many days before another.
pub fn days_before(moment: Moment, days: u32) -> Moment {
    Moment::from_milliseconds(moment.milliseconds() - i64::from(days) * DAY)
}

/// The moment so many days after another.
pub fn days_after(moment: Moment, days: u32) -> Moment {
    Moment::from_milliseconds(moment.milliseconds() + i64::from(days) * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_goes_when_it_is_beyond_every_bound() {
        let now = Moment::from_milliseconds(10 * DAY);
        assert_eq!(Retention::default().prunable(100, now), None);
        let bounds = |newest, days| Retention { newest, days }.prunable(100, now).unwrap();
        assert_eq!(bounds(Some(30), None), Prunable { up_to: 70, latest: now });
        assert_eq!(bounds(None, Some(3)), Prunable { up_to: 99, latest: Moment::from_milliseconds(7 * DAY) });
        assert_eq!(bounds(Some(30), Some(3)), Prunable { up_to: 70, latest: Moment::from_milliseconds(7 * DAY) });
    }
}
