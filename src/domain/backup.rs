//! How scheduled backups fare: what makes them says it, and those who watch are told.

use super::time::Moment;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When the newest one was made, by whomever.
    pub newest: Option<Moment>,
    /// Whether the last try failed.
    pub is_failing: bool,
}

/// What the backups of this process have come to so far, for several to look at.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Status>>);

impl Progress {
    pub fn status(&self) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One was made then, or found that is young enough.
    pub fn made(&self, newest: Moment) {
        self.put(|status| *status = Status { newest: Some(newest), is_failing: false });
    }

    /// The last try failed.
    pub fn failed(&self) {
        self.put(|status| status.is_failing = true);
    }

    fn put(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
