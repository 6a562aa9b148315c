//! What the newsroom says about a story, in order. Nothing of it is ever public.

use super::articles::Stamp;
use super::conn::{Conn, Write};
use super::error::Error;
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::{article_comments as comments, users};
use diesel::prelude::*;

/// A comment as it is stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = comments)]
pub struct CommentRow {
    pub id: String,
    pub position: i64,
    pub version: i64,
    pub event: String,
    pub text: String,
    pub created_by: String,
    pub created_at: i64,
}

/// Something said: with which step, and about which version.
pub struct Said<'a> {
    pub id: &'a str,
    pub event: &'a str,
    pub version: i64,
    pub text: &'a str,
}

/// A page of a story's comments, the oldest first, each with its writer's name while there is such a user.
pub fn list(conn: &mut Conn, story: &str, slice: &Slice) -> Result<Page<(CommentRow, Option<String>)>, Error> {
    let own = comments::table.filter(comments::article_id.eq(story));
    let (query, after) = (own.into_boxed(), slice.after.as_ref());
    let query = if slice.walks_down(false) {
        walk!(query, after, comments::position, comments::id, number, descending)
    } else {
        walk!(query, after, comments::position, comments::id, number, ascending)
    };
    let rows: Vec<CommentRow> = query.limit(slice.rows()).select(CommentRow::as_select()).load(conn)?;
    let total = if slice.count { Some(own.count().get_result(conn)?) } else { None };
    let writers: Vec<&String> = rows.iter().map(|row| &row.created_by).collect();
    let names: Vec<(String, String)> = users::table.filter(users::id.eq_any(writers)).select((users::id, users::name)).load(conn)?;
    let name = |id: &str| names.iter().find(|(known, _)| known == id).map(|(_, name)| name.clone());
    slice.page(rows, total).with(|rows| {
        Ok(rows
            .into_iter()
            .map(|row| {
                let name = name(&row.created_by);
                (row, name)
            })
            .collect())
    })
}

/// Where a comment stands in the list.
pub fn position(row: &CommentRow) -> Position {
    Position { key: Key::Number(row.position), id: row.id.clone() }
}

/// Puts one after those that there are. The caller has taken their turn at the story.
pub fn insert(write: &mut Write<'_>, story: &str, said: &Said<'_>, stamp: &Stamp) -> Result<CommentRow, Error> {
    write.note("article", story);
    let conn = &mut *write.conn;
    let own = comments::table.filter(comments::article_id.eq(story));
    let last: Option<i64> = own.select(diesel::dsl::max(comments::position)).first(conn)?;
    let row = CommentRow {
        id: said.id.to_owned(),
        position: last.unwrap_or(0) + 1,
        version: said.version,
        event: said.event.to_owned(),
        text: said.text.to_owned(),
        created_by: stamp.user_id.clone(),
        created_at: stamp.now.milliseconds(),
    };
    diesel::insert_into(comments::table)
        .values((
            (comments::id.eq(&row.id), comments::article_id.eq(story), comments::position.eq(row.position)),
            (comments::version.eq(row.version), comments::event.eq(&row.event), comments::text.eq(&row.text)),
            (comments::created_by.eq(&row.created_by), comments::created_at.eq(row.created_at)),
        ))
        .execute(conn)?;
    Ok(row)
}
