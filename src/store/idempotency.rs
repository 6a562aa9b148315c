//! The answers of writes that carried an Idempotency-Key, kept with the writes themselves.

use super::conn::{Conn, Write};
use super::error::Error;
use super::schema::idempotency_keys as keys;
use crate::domain::time::Moment;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// How long an answer is kept, in milliseconds: a day.
const KEPT: i64 = 24 * 60 * 60 * 1000;
/// How many answers that have had their time one write lets go.
const AT_ONCE: i64 = 16;

/// An answer that was given.
#[derive(Clone, Debug, Queryable)]
pub struct KeptAnswer {
    /// A hash of what was asked.
    pub fingerprint: String,
    /// The answer, sealed.
    pub answer: Vec<u8>,
}

/// On PostgreSQL: of writes with one key, one at a time. SQLite has one writer and needs no lock.
pub fn take_turn(write: &mut Write<'_>, name: &str) -> Result<(), Error> {
    if let Conn::Postgres(postgres) = &mut *write.conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 6))").bind::<Text, _>(name).execute(postgres)?;
    }
    Ok(())
}

/// The answer under that name, while it is kept.
pub fn find(conn: &mut Conn, name: &str, now: Moment) -> Result<Option<KeptAnswer>, Error> {
    let good = keys::name.eq(name).and(keys::created_at.gt(now.milliseconds() - KEPT));
    Ok(keys::table.filter(good).select((keys::fingerprint, keys::answer)).first(conn).optional()?)
}

/// Keeps an answer, and lets some go that have had their time.
pub fn keep(write: &mut Write<'_>, name: &str, kept: KeptAnswer, now: Moment) -> Result<(), Error> {
    let KeptAnswer { fingerprint, answer } = kept;
    let conn = &mut *write.conn;
    let had_their_time = keys::table.filter(keys::created_at.le(now.milliseconds() - KEPT));
    let names: Vec<String> = had_their_time.order(keys::created_at).limit(AT_ONCE).select(keys::name).load(conn)?;
    diesel::delete(keys::table.filter(keys::name.eq_any(names).or(keys::name.eq(name)))).execute(conn)?;
    diesel::insert_into(keys::table)
        .values((
            (keys::name.eq(name), keys::fingerprint.eq(fingerprint)),
            (keys::answer.eq(answer), keys::created_at.eq(now.milliseconds())),
        ))
        .execute(conn)?;
    Ok(())
}
