//! How scheduled backups fare: what makes them says it, and those who watch are told.

use super::time::Moment;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When the newest one in their place was made, by whomever.
    pub newest: Option<Moment>,
    /// Whether the last try failed.
    pub is_failing: bool,
}

/// What the backups of this process have come to so far, for several to look at.
#[derive(Clone, Debug, Default)]
pub struct Record(Arc<Mutex<Status>>);

impl Record {
    pub fn status(&self) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// There is one of that moment, and none that is newer.
    pub fn has(&self, newest: Moment) {
        self.put(|status| status.newest = Some(newest));
    }

    /// How the last try went.
    pub fn tried(&self, has_failed: bool) {
        self.put(|status| status.is_failing = has_failed);
    }

    fn put(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
