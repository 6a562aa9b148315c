//! Where people are signed in, and the hashes of their refresh tokens.

use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::{refresh_tokens as tokens, sessions};
use super::users;
use crate::domain::time::Moment;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// A session as it is stored. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct SessionRow {
    pub id: String,
    pub user_id: String,
    /// What the client says it is.
    pub device: Option<String>,
    pub address: Option<String>,
    pub created_at: i64,
    /// When it was last refreshed, or began.
    pub last_seen_at: i64,
    pub expires_at: i64,
}

/// A refresh token that was found.
pub struct Presented {
    pub session: SessionRow,
    pub spent_at: Option<Moment>,
}

/// Begins a session with its first refresh token, and forgets those of everybody that are over.
pub fn begin(conn: &mut Conn, row: &SessionRow, hash: &str) -> Result<(), Error> {
    diesel::delete(sessions::table.filter(sessions::expires_at.le(row.created_at))).execute(conn)?;
    diesel::insert_into(sessions::table)
        .values((
            (sessions::id.eq(&row.id), sessions::user_id.eq(&row.user_id)),
            (sessions::device.eq(&row.device), sessions::address.eq(&row.address)),
            (sessions::created_at.eq(row.created_at), sessions::last_seen_at.eq(row.last_seen_at), sessions::expires_at.eq(row.expires_at)),
        ))
        .execute(conn)
        .or_raced()?;
    hold(conn, &row.id, hash)
}

/// The session of a refresh token, spent or not, if it is not over. On PostgreSQL others who bring a token of that session wait until
/// this transaction ends; SQLite has one writer.
pub fn of_token(write: &mut Write<'_>, hash: &str, now: Moment) -> Result<Option<Presented>, Error> {
    if let Conn::Postgres(postgres) = &mut *write.conn {
        diesel::sql_query("SELECT id FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = $1) FOR UPDATE")
            .bind::<Text, _>(hash)
            .execute(postgres)?;
    }
    let found: Option<(SessionRow, Option<i64>)> = tokens::table
        .inner_join(sessions::table)
        .filter(tokens::hash.eq(hash).and(sessions::expires_at.gt(now.milliseconds())))
        .select((SessionRow::as_select(), tokens::spent_at))
        .first(&mut *write.conn)
        .optional()?;
    Ok(found.map(|(session, spent_at)| Presented { session, spent_at: spent_at.map(Moment::from_milliseconds) }))
}

/// Whether a token was used.
pub fn is_spent(conn: &mut Conn, hash: &str) -> Result<bool, Error> {
    let spent: Option<Option<i64>> = tokens::table.find(hash).select(tokens::spent_at).first(conn).optional()?;
    Ok(spent.flatten().is_some())
}

/// Spends a session's token and puts the next in force.
pub fn rotate(write: &mut Write<'_>, session: &str, spent: &str, next: &str, now: Moment, end: Moment) -> Result<(), Error> {
    write.note("session", session);
    let conn = &mut *write.conn;
    diesel::update(tokens::table.find(spent)).set(tokens::spent_at.eq(now.milliseconds())).execute(conn)?;
    hold(conn, session, next)?;
    diesel::update(sessions::table.find(session))
        .set((sessions::last_seen_at.eq(now.milliseconds()), sessions::expires_at.eq(end.milliseconds())))
        .execute(conn)?;
    Ok(())
}

fn hold(conn: &mut Conn, session: &str, hash: &str) -> Result<(), Error> {
    diesel::insert_into(tokens::table).values((tokens::hash.eq(hash), tokens::session_id.eq(session))).execute(conn)?;
    Ok(())
}

/// When a session of that user is over, if it is not over yet.
pub fn stands_until(conn: &mut Conn, id: &str, user_id: &str, now: Moment) -> Result<Option<Moment>, Error> {
    let good = sessions::id.eq(id).and(sessions::user_id.eq(user_id)).and(sessions::expires_at.gt(now.milliseconds()));
    let found: Option<i64> = sessions::table.filter(good).select(sessions::expires_at).first(conn).optional()?;
    Ok(found.map(Moment::from_milliseconds))
}

/// A page of a user's sessions, the newest first.
pub fn list(conn: &mut Conn, user_id: &str, now: Moment, slice: &Slice) -> Result<Page<SessionRow>, Error> {
    let after = slice.after.as_ref();
    let good = || {
        let good = sessions::user_id.eq(user_id.to_owned()).and(sessions::expires_at.gt(now.milliseconds()));
        sessions::table.filter(good).into_boxed()
    };
    let query = good();
    let query = if slice.walks_down(true) {
        walk!(query, after, sessions::created_at, sessions::id, number, descending)
    } else {
        walk!(query, after, sessions::created_at, sessions::id, number, ascending)
    };
    let rows = query.limit(slice.rows()).select(SessionRow::as_select()).load(conn)?;
    let total = if slice.count { Some(good().count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

/// Where a session stands in its list.
pub fn position(row: &SessionRow) -> Position {
    Position { key: Key::Number(row.created_at), id: row.id.clone() }
}

/// Ends a session of that user, with all of its tokens.
pub fn end(write: &mut Write<'_>, id: &str, user_id: &str) -> Result<(), Error> {
    write.note("session", id);
    write.touch(users::mark(user_id));
    let ended = diesel::delete(sessions::table.filter(sessions::id.eq(id).and(sessions::user_id.eq(user_id)))).execute(write.conn)?;
    if ended == 0 { Err(Error::NotFound("session")) } else { Ok(()) }
}

/// Ends all sessions of a user but one.
pub fn end_others(write: &mut Write<'_>, user_id: &str, kept: Option<&str>) -> Result<(), Error> {
    write.touch(users::mark(user_id));
    let others = sessions::table.filter(sessions::user_id.eq(user_id).and(sessions::id.ne(kept.unwrap_or_default())));
    diesel::delete(others).execute(write.conn)?;
    Ok(())
}

/// Ends all sessions of a user.
pub fn end_all(write: &mut Write<'_>, user_id: &str) -> Result<(), Error> {
    write.touch(users::mark(user_id));
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id))).execute(&mut **write)?;
    Ok(())
}
