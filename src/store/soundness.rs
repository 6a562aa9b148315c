//! Whole copies of a SQLite database, and whether a database is sound.
//!
//! Connections of its own: what reads a whole database must not stand in the way of the two doors.

use super::catalogue;
use super::conn::Conn;
use super::error::Error;
use super::search;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use std::path::Path;

/// Opens a SQLite file that is there, beside whoever else has it open.
pub fn open_beside(path: &Path) -> Result<Conn, Error> {
    let mut conn = connect(path)?;
    conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384")
        .map_err(|error| unreadable(path, &error))?;
    Ok(Conn::Sqlite(conn))
}

/// Opens a SQLite file that is being built and that nobody needs until it is whole: no journal, no waiting for the disk.
pub fn open_unfinished(path: &Path) -> Result<Conn, Error> {
    let mut conn = connect(path)?;
    conn.batch_execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536")
        .and_then(|()| search::prepare(&mut conn))
        .map_err(|error| unreadable(path, &error))?;
    Ok(Conn::Sqlite(conn))
}

/// Writes the database as it is now into an empty file, compact, while others read and write (SQLite's `VACUUM INTO`).
pub fn copy_into(conn: &mut Conn, path: &Path) -> Result<(), Error> {
    let Conn::Sqlite(sqlite) = conn else { return Err(Error::Start("only a SQLite database is copied as a file".into())) };
    let copied = diesel::sql_query("VACUUM INTO ?1").bind::<Text, _>(text(path)?).execute(sqlite);
    copied.map(drop).map_err(|error| Error::Start(format!("the database cannot be copied to {}: {error}", path.display())))
}

/// How many bytes the database has, compact or not.
pub fn bytes(conn: &mut Conn) -> Result<u64, Error> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    let row: Size = match conn {
        Conn::Sqlite(sqlite) => {
            diesel::sql_query("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size").get_result(sqlite)?
        }
        Conn::Postgres(postgres) => diesel::sql_query("SELECT pg_database_size(current_database()) AS bytes").get_result(postgres)?,
    };
    Ok(u64::try_from(row.bytes).unwrap_or_default())
}

/// Carries the write-ahead log over into the file and leaves it empty, as far as nobody else is reading from it.
pub fn empty_log(path: &Path) -> Result<(), Error> {
    connect(path)?.batch_execute("PRAGMA busy_timeout = 1000; PRAGMA wal_checkpoint(TRUNCATE)").map_err(|error| unreadable(path, &error))
}

/// Ends the write-ahead log: all of it is in the file then. False when somebody else has the database open.
pub fn close_log(path: &Path) -> Result<bool, Error> {
    let mut conn = connect(path)?;
    #[derive(QueryableByName)]
    struct Mode {
        #[diesel(sql_type = Text)]
        journal_mode: String,
    }
    match diesel::sql_query("PRAGMA journal_mode = DELETE").get_result::<Mode>(&mut conn) {
        Ok(Mode { journal_mode }) => Ok(journal_mode == "delete"),
        Err(diesel::result::Error::DatabaseError(_, information)) if information.message().contains("locked") => Ok(false),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// What is wrong with the structure of a SQLite database, page by page; reads all of it. PostgreSQL keeps its own.
pub fn structure(conn: &mut Conn) -> Result<Vec<String>, Error> {
    #[derive(QueryableByName)]
    struct Told {
        #[diesel(sql_type = Text)]
        integrity_check: String,
    }
    let Conn::Sqlite(sqlite) = conn else { return Ok(Vec::new()) };
    let told: Vec<Told> = diesel::sql_query("PRAGMA integrity_check(20)").load(sqlite)?;
    Ok(breaches(told.into_iter().map(|row| row.integrity_check)))
}

/// The same without the comparison of indexes with their tables.
pub fn pages(conn: &mut Conn) -> Result<Vec<String>, Error> {
    #[derive(QueryableByName)]
    struct Told {
        #[diesel(sql_type = Text)]
        quick_check: String,
    }
    let Conn::Sqlite(sqlite) = conn else { return Ok(Vec::new()) };
    let told: Vec<Told> = diesel::sql_query("PRAGMA quick_check(3)").load(sqlite)?;
    Ok(breaches(told.into_iter().map(|row| row.quick_check)))
}

fn breaches(told: impl Iterator<Item = String>) -> Vec<String> {
    told.filter(|line| line != "ok").map(|line| line.replace('\n', " ")).collect()
}

/// Rows that refer to rows that are not there. PostgreSQL lets none come about.
pub fn dangling(conn: &mut Conn) -> Result<Vec<String>, Error> {
    let Conn::Sqlite(sqlite) = conn else { return Ok(Vec::new()) };
    #[derive(QueryableByName)]
    struct Dangling {
        #[diesel(sql_type = Text)]
        table: String,
        #[diesel(sql_type = Text)]
        parent: String,
        #[diesel(sql_type = Nullable<BigInt>)]
        rowid: Option<i64>,
    }
    let rows: Vec<Dangling> = diesel::sql_query("PRAGMA foreign_key_check").load(sqlite)?;
    let line = |row: Dangling| match row.rowid {
        Some(rowid) => format!("{} row {rowid} has no {}", row.table, row.parent),
        None => format!("a row of {} has no {}", row.table, row.parent),
    };
    Ok(rows.into_iter().map(line).take(20).collect())
}

/// Reads the schema and both ends of every table: what a start can afford, whatever the size.
pub fn glance(conn: &mut Conn) -> Result<(), Error> {
    for name in catalogue::tables(conn)? {
        let Some(table) = catalogue::table(conn, &name)? else { continue };
        let Conn::Sqlite(sqlite) = &mut *conn else { return Ok(()) };
        // Without a key it is the face of an index that SQLite keeps in tables of its own.
        let Some(column) = table.columns.first().filter(|column| column.in_key) else { continue };
        for direction in ["", " DESC"] {
            let words = format!("SELECT count(*) FROM (SELECT 1 FROM \"{name}\" ORDER BY \"{}\"{direction} LIMIT 1)", column.name);
            sqlite.batch_execute(&words)?;
        }
    }
    Ok(())
}

fn connect(path: &Path) -> Result<SqliteConnection, Error> {
    if !path.exists() {
        return Err(Error::Start(format!("there is no database {}", path.display())));
    }
    SqliteConnection::establish(text(path)?).map_err(|error| unreadable(path, &error))
}

fn text(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| Error::Start(format!("the path {} is not valid UTF-8", path.display())))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Start(format!("the database {} cannot be read: {error}", path.display()))
}
