//! What an operator needs to sleep: backups and their way back, moves between databases, and a look at the newsroom's health.
//!
//! The room deals in files; every SQL statement that it needs is in `store`. Nothing is in its place before it is whole and on disk:
//! files are written under another name, verified, synced, and renamed.

pub mod backup;
pub mod bucket;
pub mod destination;
pub mod disk;
pub mod doctor;
pub mod export;
pub mod import;
pub mod lock;
pub mod manifest;
pub mod progress;
pub mod restore;
pub mod rotation;
pub mod scheduled;
pub mod signature;
pub mod snapshot;
pub mod sqlite_file;

use crate::store;

/// Why something could not be done, as one sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub(crate) String);

impl Failure {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}
