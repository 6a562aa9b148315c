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
    /// The database holds something this program never wrote.
    #[error("damaged data: {0}")]
    Damaged(String),
    #[error("a write panicked")]
    Panicked,
    #[error("database: {0}")]
    Database(DieselError),
    #[error("{0}")]
    Start(String),
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

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
            other => Error::Database(other),
        })
    }

    fn or_not_found(self, what: &'static str) -> Result<T, Error> {
        self.map_err(|error| match error {
            DieselError::NotFound => Error::NotFound(what),
            other => Error::Database(other),
        })
    }

    fn or_taken(self, what: &'static str, value: &str) -> Result<T, Error> {
        self.map_err(|error| match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Error::Taken { what, value: value.to_owned() },
            other => Error::Database(other),
        })
    }
}
