//! Who may see a story before the public does: what is known of preview tokens, but for the tokens themselves.

use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::{preview_tokens as previews, users};
use crate::domain::time::Moment;
use diesel::prelude::*;

/// A preview token as it is stored. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = previews)]
pub struct PreviewRow {
    pub id: String,
    pub article_id: String,
    /// The revision that it shows; `None` shows the working copy.
    pub revision: Option<i64>,
    pub created_by: String,
    pub created_at: i64,
    pub expires_at: i64,
    /// The key that made it, if it was one: the token ends with it.
    pub api_key_id: Option<String>,
}

/// A page of a story's tokens that have not expired, the newest first, each with its maker's name.
pub fn list(conn: &mut Conn, story: &str, now: Moment, slice: &Slice) -> Result<Page<(PreviewRow, String)>, Error> {
    let after = slice.after.as_ref();
    let good = || {
        let good = previews::article_id.eq(story.to_owned()).and(previews::expires_at.gt(now.milliseconds()));
        previews::table.inner_join(users::table).filter(good).into_boxed()
    };
    let query = good();
    let query = if slice.walks_down(true) {
        walk!(query, after, previews::created_at, previews::id, number, descending)
    } else {
        walk!(query, after, previews::created_at, previews::id, number, ascending)
    };
    let rows = query.limit(slice.rows()).select((PreviewRow::as_select(), users::name)).load(conn)?;
    let total = if slice.count { Some(good().count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

/// Where a token stands in its list.
pub fn position(row: &PreviewRow) -> Position {
    Position { key: Key::Number(row.created_at), id: row.id.clone() }
}

/// The token of that id for that story, if it has not expired.
pub fn find(conn: &mut Conn, id: &str, story: &str, now: Moment) -> Result<PreviewRow, Error> {
    let good = previews::id.eq(id).and(previews::article_id.eq(story)).and(previews::expires_at.gt(now.milliseconds()));
    previews::table.filter(good).select(PreviewRow::as_select()).first(conn).or_not_found("preview token")
}

/// Keeps what is known of a new token, and forgets those that have expired.
pub fn insert(write: &mut Write<'_>, row: &PreviewRow) -> Result<(), Error> {
    write.note("article", &row.article_id);
    let conn = &mut *write.conn;
    diesel::delete(previews::table.filter(previews::expires_at.le(row.created_at))).execute(conn)?;
    diesel::insert_into(previews::table)
        .values((
            (previews::id.eq(&row.id), previews::article_id.eq(&row.article_id), previews::revision.eq(row.revision)),
            (previews::created_by.eq(&row.created_by), previews::created_at.eq(row.created_at), previews::expires_at.eq(row.expires_at)),
            previews::api_key_id.eq(&row.api_key_id),
        ))
        .execute(conn)
        .or_raced()?;
    Ok(())
}

/// Revokes a token.
pub fn delete(write: &mut Write<'_>, row: &PreviewRow) -> Result<(), Error> {
    write.note("article", &row.article_id);
    diesel::delete(previews::table.find(&row.id)).execute(write.conn)?;
    Ok(())
}

/// Revokes all that a user has made.
pub(super) fn delete_of_user(conn: &mut Conn, user_id: &str) -> Result<(), Error> {
    diesel::delete(previews::table.filter(previews::created_by.eq(user_id))).execute(conn)?;
    Ok(())
}
