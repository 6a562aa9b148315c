//! The trash: stories that were deleted, until they come back or are purged. They keep their slugs, links and history.

use super::articles::{ArticleRow, Stamp, WorkingCopy, note_revision, with_links, won};
use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::{article_authors, article_slugs, articles, authors};
use crate::domain::article::Status;
use crate::domain::id;
use crate::domain::time::Moment;
use diesel::prelude::*;

/// How many stories are purged at one occasion: enough to keep up, too few to be waited for.
pub const AT_ONCE: i64 = 20;

/// A story in the trash, in short. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = articles)]
pub struct TrashedRow {
    pub id: String,
    pub slug: String,
    pub title: String,
    pub version: i64,
    pub first_published_at: Option<i64>,
    pub created_by: Option<String>,
    pub created_at: i64,
    pub deleted_by: Option<String>,
    #[diesel(select_expression = articles::deleted_at.assume_not_null())]
    pub deleted_at: i64,
}

/// What is shown of the trash.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// The user whose own stories are shown; `None` shows all.
    pub owner: Option<String>,
    /// What was deleted no later than this has had its time, whether it is purged already or not.
    pub expired: Moment,
}

/// A page of the trash, what was deleted last first.
pub fn list(conn: &mut Conn, shelf: &Shelf, slice: &Slice) -> Result<Page<TrashedRow>, Error> {
    let after = slice.after.as_ref();
    let query = shown(shelf);
    let deleted_at = articles::deleted_at.assume_not_null();
    let query = if slice.walks_down(true) {
        walk!(query, after, deleted_at, articles::id, number, descending)
    } else {
        walk!(query, after, deleted_at, articles::id, number, ascending)
    };
    let rows = query.limit(slice.rows()).select(TrashedRow::as_select()).load(conn)?;
    let total = if slice.count { Some(shown(shelf).count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

fn shown(shelf: &Shelf) -> articles::BoxedQuery<'static, <Conn as Connection>::Backend> {
    let in_time = articles::deleted_at.is_not_null().and(articles::deleted_at.assume_not_null().gt(shelf.expired.milliseconds()));
    let query = articles::table.filter(in_time).into_boxed();
    let Some(owner) = shelf.owner.clone() else { return query };
    let bylines =
        article_authors::table.inner_join(authors::table).filter(authors::user_id.eq(owner.clone())).select(article_authors::article_id);
    query.filter(articles::created_by.assume_not_null().eq(owner).or(articles::id.eq_any(bylines)))
}

/// Where a story stands in the trash.
pub fn position(row: &TrashedRow) -> Position {
    Position { key: Key::Number(row.deleted_at), id: row.id.clone() }
}

/// The story in the trash behind an id or any of its slugs, if its time has not come.
pub fn find(conn: &mut Conn, key: &str, expired: Moment) -> Result<WorkingCopy, Error> {
    let id = if id::looks_like_one(key) {
        key.to_ascii_lowercase()
    } else {
        article_slugs::table.find(key).select(article_slugs::article_id).first(conn).or_not_found("article")?
    };
    let row: ArticleRow = articles::table
        .filter(articles::id.eq(id).and(articles::deleted_at.gt(expired.milliseconds())))
        .select(ArticleRow::as_select())
        .first(conn)
        .or_not_found("article")?;
    with_links(conn, vec![row])?.pop().ok_or(Error::NotFound("article"))
}

/// Brings version `seen` of a story back as a draft, under its slug.
pub fn restore(write: &mut Write<'_>, id: &str, seen: i64, stamp: &Stamp) -> Result<(), Error> {
    let nobody = None::<String>;
    let never = None::<i64>;
    let changed = diesel::update(articles::table.filter(articles::id.eq(id).and(articles::version.eq(seen))))
        .set((
            (articles::version.eq(seen + 1), articles::status.eq(Status::Draft.name()), articles::has_unpublished_changes.eq(true)),
            (articles::deleted_by.eq(nobody), articles::deleted_at.eq(never)),
            (articles::publish_at.eq(never), articles::unpublish_at.eq(never)),
            (articles::updated_by.eq(&stamp.user_id), articles::updated_at.eq(stamp.now.milliseconds())),
        ))
        .execute(write.conn)?;
    won(changed)?;
    note_revision(write, id, seen + 1, "restore", stamp)
}

/// Removes version `seen` of a story for good, with its history; its slugs are free.
pub fn purge(write: &mut Write<'_>, id: &str, seen: i64) -> Result<(), Error> {
    write.note("article", id);
    let trashed = articles::table.filter(articles::id.eq(id).and(articles::version.eq(seen)).and(articles::deleted_at.is_not_null()));
    won(diesel::delete(trashed).execute(write.conn)?)
}

/// Whether something in the trash has had its time.
pub fn has_expired(conn: &mut Conn, expired: Moment) -> Result<bool, Error> {
    let oldest: Option<i64> = articles::table
        .filter(articles::deleted_at.is_not_null())
        .order(articles::deleted_at)
        .select(articles::deleted_at)
        .first::<Option<i64>>(conn)
        .optional()?
        .flatten();
    Ok(oldest.is_some_and(|oldest| oldest <= expired.milliseconds()))
}

/// Removes at most `most` stories that have had their time, the oldest first; answers how many. That is nobody's deed but the program's.
pub fn purge_expired(write: &mut Write<'_>, expired: Moment, most: i64) -> Result<usize, Error> {
    let trashed = articles::deleted_at.is_not_null().and(articles::deleted_at.le(expired.milliseconds()));
    let ids: Vec<String> = articles::table.filter(trashed).order(articles::deleted_at).limit(most).select(articles::id).load(write.conn)?;
    let mut purged = 0;
    for id in ids {
        // Somebody may have brought it back meanwhile.
        let gone =
            diesel::delete(articles::table.filter(articles::id.eq(&id).and(articles::deleted_at.is_not_null()))).execute(write.conn)?;
        if gone > 0 {
            write.note_by_system("purge_article", "article", &id);
        }
        purged += gone;
    }
    write.note_idle();
    Ok(purged)
}
