//! What signs tokens, sealed.

use super::conn::Conn;
use super::error::{Error, Expect};
use super::schema::signing_keys as keys;
use crate::domain::time::Moment;
use diesel::prelude::*;

/// A key as it is stored. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = keys)]
pub struct SigningKeyRow {
    pub kid: String,
    pub algorithm: String,
    pub sealed: Vec<u8>,
    pub created_at: i64,
    /// When another took its place.
    pub retired_at: Option<i64>,
}

/// All of them, the newest first; there are few.
pub fn list(conn: &mut Conn) -> Result<Vec<SigningKeyRow>, Error> {
    Ok(keys::table.order((keys::created_at.desc(), keys::kid.desc())).select(SigningKeyRow::as_select()).load(conn)?)
}

/// Puts a key in the place of those, and lets all go that were retired before `forgotten`.
pub fn insert(conn: &mut Conn, row: &SigningKeyRow, replaced: &[String], forgotten: Moment) -> Result<(), Error> {
    diesel::delete(keys::table.filter(keys::retired_at.lt(forgotten.milliseconds()))).execute(conn)?;
    let in_force = keys::table.filter(keys::kid.eq_any(replaced).and(keys::retired_at.is_null()));
    diesel::update(in_force).set(keys::retired_at.eq(row.created_at)).execute(conn)?;
    diesel::insert_into(keys::table).values(row).execute(conn).or_raced()?;
    Ok(())
}

/// Deletes every key but this one: what they have signed is good no more.
pub fn delete_others(conn: &mut Conn, kid: &str) -> Result<usize, Error> {
    Ok(diesel::delete(keys::table.filter(keys::kid.ne(kid))).execute(conn)?)
}
