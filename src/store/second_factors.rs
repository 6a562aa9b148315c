//! Second factors: the sealed secret of each account's authenticator app, and its recovery codes as hashes.

use super::conn::{Conn, Write};
use super::error::Error;
use super::schema::{recovery_codes as codes, second_factors as factors, users};
use super::users::mark;
use crate::domain::second_factor::Misses;
use crate::domain::time::Moment;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// A second factor as it is stored.
#[derive(Clone, Debug, Queryable)]
pub struct SecondFactorRow {
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    pub is_confirmed: bool,
    pub misses: Misses,
}

/// On PostgreSQL: of those who show something for one account, one at a time, so that every wrong code counts. SQLite has one writer.
pub fn take_turn(write: &mut Write<'_>, user_id: &str) -> Result<(), Error> {
    if let Conn::Postgres(postgres) = &mut *write.conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 12))").bind::<Text, _>(user_id).execute(postgres)?;
    }
    Ok(())
}

/// The second factor of an account, confirmed or not.
pub fn of(conn: &mut Conn, user_id: &str) -> Result<Option<SecondFactorRow>, Error> {
    let columns = (factors::sealed, factors::confirmed_at, factors::misses, factors::missed_since);
    let found: Option<(Vec<u8>, Option<i64>, i64, i64)> = factors::table.find(user_id).select(columns).first(conn).optional()?;
    Ok(found.map(|(sealed, confirmed_at, count, since)| SecondFactorRow {
        sealed,
        is_confirmed: confirmed_at.is_some(),
        misses: Misses { count, since: Moment::from_milliseconds(since) },
    }))
}

/// Puts a secret in the place of one that was not confirmed.
pub fn propose(write: &mut Write<'_>, user_id: &str, sealed: Vec<u8>, now: Moment) -> Result<(), Error> {
    write.note("user", user_id);
    diesel::delete(factors::table.filter(factors::user_id.eq(user_id).and(factors::confirmed_at.is_null()))).execute(write.conn)?;
    diesel::insert_into(factors::table)
        .values((
            (factors::user_id.eq(user_id), factors::sealed.eq(sealed), factors::last_step.eq(0), factors::misses.eq(0)),
            (factors::missed_since.eq(now.milliseconds()), factors::created_at.eq(now.milliseconds())),
        ))
        .execute(write.conn)?;
    Ok(())
}

/// Puts the second factor in force, with new recovery codes by their hashes.
pub fn confirm(write: &mut Write<'_>, user_id: &str, hashes: &[String], now: Moment) -> Result<(), Error> {
    write.note_members("user", user_id, ["second_factor"]);
    write.touch(mark(user_id));
    diesel::update(factors::table.find(user_id)).set(factors::confirmed_at.eq(now.milliseconds())).execute(write.conn)?;
    diesel::update(users::table.find(user_id)).set(users::second_factor.eq(true)).execute(write.conn)?;
    diesel::delete(codes::table.filter(codes::user_id.eq(user_id))).execute(write.conn)?;
    for hash in hashes {
        diesel::insert_into(codes::table).values((codes::hash.eq(hash), codes::user_id.eq(user_id))).execute(write.conn)?;
    }
    Ok(())
}

/// Counts a step as used; false if it, or a later one, was used before. Wrong codes before it are forgiven.
pub fn pass(write: &mut Write<'_>, user_id: &str, step: i64) -> Result<bool, Error> {
    let fresh = factors::table.filter(factors::user_id.eq(user_id).and(factors::last_step.lt(step)));
    let passed = diesel::update(fresh).set((factors::last_step.eq(step), factors::misses.eq(0))).execute(write.conn)?;
    Ok(passed == 1)
}

/// Uses a recovery code up; false if it is none, or was used before. Wrong codes before it are forgiven.
pub fn spend(write: &mut Write<'_>, user_id: &str, hash: &str) -> Result<bool, Error> {
    let own = codes::table.filter(codes::hash.eq(hash).and(codes::user_id.eq(user_id)));
    if diesel::delete(own).execute(write.conn)? == 0 {
        return Ok(false);
    }
    diesel::update(factors::table.find(user_id)).set(factors::misses.eq(0)).execute(write.conn)?;
    Ok(true)
}

/// Counts a wrong code.
pub fn miss(write: &mut Write<'_>, user_id: &str, misses: Misses) -> Result<(), Error> {
    diesel::update(factors::table.find(user_id))
        .set((factors::misses.eq(misses.count), factors::missed_since.eq(misses.since.milliseconds())))
        .execute(write.conn)?;
    Ok(())
}

/// Takes the second factor of an account away, with its recovery codes; false if it has none.
pub fn remove(write: &mut Write<'_>, user_id: &str) -> Result<bool, Error> {
    write.note_members("user", user_id, ["second_factor"]);
    write.touch(mark(user_id));
    diesel::delete(codes::table.filter(codes::user_id.eq(user_id))).execute(write.conn)?;
    diesel::update(users::table.find(user_id)).set(users::second_factor.eq(false)).execute(write.conn)?;
    Ok(diesel::delete(factors::table.find(user_id)).execute(write.conn)? == 1)
}
