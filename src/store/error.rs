//! What can go wrong in the store, told apart next to the query that expects it.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// An outcome that the caller of a query has to answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Killed, with what the public is told; `since` in milliseconds.
    #[error("killed: {reason}")]
    Gone { reason: String, since: i64 },
    #[error("the {0} has moved to `{1}`")]
    Moved(&'static str, String),
    #[error("the {what} `{value}` is taken")]
    Taken { what: &'static str, value: String },
    #[error("another write came first")]
    Raced,
    #[error("still in use {0} times")]
    InUse(i64),
    /// Too many writes wait, or the database does not answer: worth another try in a moment.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The connection was lost in the middle of a statement.
    #[error("the database is not available: {0}")]
    Cut(String),
    /// Another process holds the database's lock.
    #[error("the database is not available: {0}")]
    Busy(String),
    /// The disk under the database is full.
    #[error("the disk is full: {0}")]
    Full(String),
    /// A COMMIT was sent and failed, or its answer was lost: whether it is stored nobody can tell now.
    #[error("it is not known whether it was stored: {0}")]
    Unsure(String),
    /// The database holds something this program never wrote.
    #[error("damaged data: {0}")]
    Damaged(String),
    #[error("the work panicked")]
    Panicked,
    #[error("database: {0}")]
    Database(DieselError),
    #[error("{0}")]
    Start(String),
}

impl Error {
    /// Whether the database, not what was asked of it, is the reason: worth another try in a moment.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Cut(_) | Self::Busy(_) | Self::Full(_) | Self::Unsure(_))
    }
}

/// Tells what is the machine's or the network's from what is ours. Diesel has no kind for most of it; SQLite's sentences are fixed
/// (`sqlite3_errstr`), of PostgreSQL's those are known that a server in English writes.
impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        let (kind, said) = match error {
            DieselError::RollbackErrorOnCommit { commit_error, .. } => return Self::from(*commit_error),
            DieselError::BrokenTransactionManager => return Self::Unavailable(error.to_string()),
            DieselError::DatabaseError(kind, ref told) => (kind, told.message().to_owned()),
            _ => return Self::Database(error),
        };
        let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
        match kind {
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => Self::Cut(said),
            DatabaseErrorKind::SerializationFailure => Self::Unavailable(said),
            DatabaseErrorKind::Unknown if says(FULL) => Self::Full(said),
            DatabaseErrorKind::Unknown if says(BUSY) => Self::Busy(said),
            DatabaseErrorKind::Unknown if says(AWAY) => Self::Unavailable(said),
            _ => Self::Database(error),
        }
    }
}

const FULL: &[&str] = &["database or disk is full", "No space left on device"];
const BUSY: &[&str] = &["database is locked", "database table is locked"];
const AWAY: &[&str] =
    &["disk I/O error", "unable to open database file", "attempt to write a readonly database", "canceling statement due to"];

/// The expectation next to the query; all else stays a database error, never a guess.
pub trait Expect<T> {
    /// A missing row means that there is no such `what`.
    fn or_not_found(self, what: &'static str) -> Result<T, Error>;
    /// A breach of a unique index means that `value` is taken as `what`.
    fn or_taken(self, what: &'static str, value: &str) -> Result<T, Error>;
    /// A breach of a foreign key means that another transaction has just deleted what this one names, or named what this one deletes.
    fn or_raced(self) -> Result<T, Error>;
}

impl<T> Expect<T> for Result<T, DieselError> {
    fn or_raced(self) -> Result<T, Error> {
        self.map_err(|error| match error {
            DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => Error::Raced,
            other => other.into(),
        })
    }

    fn or_not_found(self, what: &'static str) -> Result<T, Error> {
        self.map_err(|error| match error {
            DieselError::NotFound => Error::NotFound(what),
            other => other.into(),
        })
    }

    fn or_taken(self, what: &'static str, value: &str) -> Result<T, Error> {
        self.map_err(|error| match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Error::Taken { what, value: value.to_owned() },
            other => other.into(),
        })
    }
}
