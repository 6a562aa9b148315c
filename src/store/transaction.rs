//! How transactions begin and end.

use super::conn::Conn;
use super::error::Error;
use super::search;
use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use diesel::result::QueryResult;

pub(super) type Manager = <Conn as Connection>::TransactionManager;

/// Runs `work` in a transaction of its own that is going to write. One of SQLite that has read before cannot wait for its turn to write, and
/// even a statement that only writes may read first (the full-text index looks at its settings), so it takes its turn when it begins.
pub fn in_write<T, E: From<Error>>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    begin_write(conn).map_err(lost)?;
    end_transaction(conn, |conn| {
        let value = work(conn)?;
        search::settle(conn)?;
        Ok(value)
    })
}

/// Begins a transaction that is going to write.
pub(super) fn begin_write(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE"),
        Conn::Postgres(_) => Manager::begin_transaction(conn),
    }
}

/// Runs `work` in a transaction of its own, or in a savepoint of the one that is open.
pub fn in_transaction<T, E: From<Error>>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    Manager::begin_transaction(conn).map_err(lost)?;
    end_transaction(conn, work)
}

/// Runs `work` in the transaction that has just begun, and ends it.
pub(super) fn end_transaction<T, E: From<Error>>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    match work(conn) {
        Ok(value) => {
            Manager::commit_transaction(conn).map_err(|error| match lost(error) {
                Error::Cut(why) => Error::Unsure(why),
                other => other,
            })?;
            Ok(value)
        }
        Err(error) => {
            // What cannot be rolled back goes with its connection: the transaction manager is broken then.
            let _broken = Manager::rollback_transaction(conn);
            Err(error)
        }
    }
}

/// A failure of BEGIN or COMMIT: the database is away, busy or full; what was asked did not happen.
pub(super) fn lost(error: diesel::result::Error) -> Error {
    match Error::from(error) {
        Error::Database(error) => Error::Unavailable(error.to_string()),
        known => known,
    }
}
