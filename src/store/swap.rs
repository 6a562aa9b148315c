//! Another newsroom in the place of the one on a PostgreSQL, in one transaction; and the lock that says whether anybody is at work there.

use super::conn::Conn;
use super::error::Error;
use super::transaction::in_transaction;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use std::time::Duration;

/// Shared by every process that has the doors open, taken alone by who swaps. "copyswap" on a telephone's keys.
const SHARE: &str = "SELECT pg_try_advisory_lock_shared(26797927) AS taken";
const TAKE: &str = "SELECT pg_try_advisory_lock(26797927) AS taken";

/// How often, and how far apart, a lock is tried.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Says, for as long as this connection lives, that somebody is at work. False while another newsroom is being put in place.
pub fn share(conn: &mut Conn) -> Result<bool, Error> {
    patiently(conn, SHARE)
}

/// The same for who says it once more and need not wait.
pub(super) fn share_again(conn: &mut Conn) -> Result<bool, Error> {
    attempt(conn, SHARE)
}

/// Refuses where anybody else is at work; nobody begins while this connection lives. SQLite has a lock beside its file.
pub fn take(conn: &mut Conn) -> Result<(), Error> {
    if patiently(conn, TAKE)? {
        return Ok(());
    }
    Err(Error::Start("a server runs on this database, or another command uses it; stop it first".into()))
}

/// PostgreSQL notices a moment later that a process has gone, and its locks with it.
fn patiently(conn: &mut Conn, words: &'static str) -> Result<bool, Error> {
    for _ in 1..TRIES {
        if attempt(conn, words)? {
            return Ok(true);
        }
        std::thread::sleep(PAUSE);
    }
    attempt(conn, words)
}

fn attempt(conn: &mut Conn, words: &'static str) -> Result<bool, Error> {
    let Conn::Postgres(postgres) = conn else { return Ok(true) };
    Ok(diesel::sql_query(words).get_result::<Taken>(postgres)?.taken)
}

/// Fills a new schema and keeps the old one under the name `aside`; answers that name unless there was nothing. All or nothing.
pub fn in_place<T, E: From<Error>>(
    conn: &mut Conn,
    aside: &str,
    fill: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<(Option<String>, T), E> {
    in_transaction(conn, |conn| {
        let had_tables = !super::catalogue::tables(conn)?.is_empty();
        if had_tables {
            rename(conn, aside)?;
        }
        let value = fill(conn)?;
        Ok((had_tables.then(|| aside.to_owned()), value))
    })
}

/// What the schema was made by extensions for stays where statements look for it.
fn rename(conn: &mut Conn, aside: &str) -> Result<(), Error> {
    let Conn::Postgres(postgres) = conn else { return Ok(()) };
    let words = |words: &str, bound: &str, postgres: &mut diesel::pg::PgConnection| -> QueryResult<Vec<String>> {
        let rows: Vec<Named> = diesel::sql_query(words).bind::<Text, _>(bound).load(postgres)?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    };
    let schema = words("SELECT quote_ident(current_schema()) AS name WHERE $1 <> ''", aside, postgres)?.pop().unwrap_or_default();
    let aside = words("SELECT quote_ident($1) AS name", aside, postgres)?.pop().unwrap_or_default();
    let extensions = words(
        "SELECT quote_ident(extname) AS name FROM pg_extension \
         WHERE extnamespace = current_schema()::regnamespace AND extrelocatable AND $1 <> ''",
        &aside,
        postgres,
    )?;
    postgres.batch_execute(&format!("ALTER SCHEMA {schema} RENAME TO {aside}; CREATE SCHEMA {schema}"))?;
    for extension in extensions {
        postgres.batch_execute(&format!("ALTER EXTENSION {extension} SET SCHEMA {schema}"))?;
    }
    Ok(())
}
