//! Tags: what stories are about, in a shallow tree.

use super::articles::{Stamp, won};
use super::authors::Order;
use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::kills;
use super::links::replace;
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::{article_tags, published_article_tags, published_articles, tags};
use super::search;
use super::slugs::{self, Kind, Wish};
use crate::domain::tag::{DEEPEST, Visibility};
use crate::domain::time::Moment;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// A tag as it is stored. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = tags)]
pub struct TagRow {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub description: Option<String>,
    pub parent_id: Option<String>,
    pub visibility: String,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub updated_by: Option<String>,
    /// How many live stories it has.
    pub live_count: i64,
}

/// What a save puts in place.
#[derive(Clone, Debug)]
pub struct TagDraft {
    pub slug: Wish,
    pub name: String,
    pub description: Option<String>,
    pub parent_id: Option<String>,
    pub visibility: Visibility,
}

/// The tag behind an id or a slug; an old slug, or the id of one that was merged into another, is `Error::Moved`.
pub fn find(conn: &mut Conn, key: &str) -> Result<TagRow, Error> {
    let id = slugs::resolve(conn, Kind::Tag, key)?;
    let row = tags::table.find(&id).select(TagRow::as_select()).first(conn).optional()?;
    match row {
        Some(row) => Ok(row),
        None => Err(slugs::why_missing(conn, Kind::Tag, &id)?),
    }
}

/// A page of tags; internal ones only where asked for.
pub fn list(conn: &mut Conn, with_internal: bool, order: Order, descending: bool, slice: &Slice) -> Result<Page<TagRow>, Error> {
    let after = slice.after.as_ref();
    let query = visible(with_internal);
    let query = match (order, slice.walks_down(descending)) {
        (Order::Name, false) => walk!(query, after, tags::name, tags::id, text, ascending),
        (Order::Name, true) => walk!(query, after, tags::name, tags::id, text, descending),
        (Order::Creation, false) => walk!(query, after, tags::created_at, tags::id, number, ascending),
        (Order::Creation, true) => walk!(query, after, tags::created_at, tags::id, number, descending),
    };
    let rows = query.limit(slice.rows()).select(TagRow::as_select()).load(conn)?;
    let total = if slice.count { Some(visible(with_internal).count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

fn visible(with_internal: bool) -> tags::BoxedQuery<'static, <Conn as Connection>::Backend> {
    let query = tags::table.into_boxed();
    if with_internal { query } else { query.filter(tags::visibility.eq(Visibility::Public.name())) }
}

/// The slugs of tags by their ids; those of internal ones only where asked for.
pub fn slugs_of(conn: &mut Conn, ids: &[String], with_internal: bool) -> Result<HashMap<String, String>, Error> {
    let rows =
        visible(with_internal).filter(tags::id.eq_any(ids.to_vec())).select((tags::id, tags::slug)).load::<(String, String)>(conn)?;
    Ok(rows.into_iter().collect())
}

/// Whether `tag`, with all that stands below it, may stand below `parent`: not below itself, nor deeper than `DEEPEST` levels.
pub fn may_stand_below(conn: &mut Conn, tag: &str, parent: &str) -> Result<bool, Error> {
    lock_tree(conn)?;
    let Some(above) = levels_to(conn, parent, tag)? else { return Ok(false) };
    Ok(above + levels_from(conn, tag)? <= DEEPEST)
}

/// Whether what stands below `tag` may stand below `other` instead.
pub fn may_replace(conn: &mut Conn, tag: &str, other: &str) -> Result<bool, Error> {
    lock_tree(conn)?;
    let Some(above) = levels_to(conn, other, tag)? else { return Ok(false) };
    Ok(above + levels_from(conn, tag)? <= DEEPEST + 1)
}

/// How many levels lead from the top to `tag`, its own counted; `None` if `without` is one of them, or if there are too many.
fn levels_to(conn: &mut Conn, tag: &str, without: &str) -> Result<Option<usize>, Error> {
    let mut next = Some(tag.to_owned());
    for levels in 0..DEEPEST {
        match next {
            None => return Ok(Some(levels)),
            Some(id) if id == without => return Ok(None),
            Some(id) => next = tags::table.find(id).select(tags::parent_id).first(conn)?,
        }
    }
    Ok(next.is_none().then_some(DEEPEST))
}

/// How many levels there are from `tag` down, its own counted.
fn levels_from(conn: &mut Conn, tag: &str) -> Result<usize, Error> {
    let (mut levels, mut ids) = (0, vec![tag.to_owned()]);
    while !ids.is_empty() && levels <= DEEPEST {
        ids = tags::table.filter(tags::parent_id.eq_any(ids)).select(tags::id).load(conn)?;
        levels += 1;
    }
    Ok(levels)
}

/// On PostgreSQL two who move tags at once could close a circle that neither sees: one waits for the other.
/// SQLite has one writer and needs no lock.
fn lock_tree(conn: &mut Conn) -> Result<(), Error> {
    if let Conn::Postgres(postgres) = conn {
        postgres.batch_execute("SELECT pg_advisory_xact_lock(26793377)")?;
    }
    Ok(())
}

/// Where a tag stands in an order.
pub fn position(row: &TagRow, order: Order) -> Position {
    let key = match order {
        Order::Name => Key::Text(row.name.clone()),
        Order::Creation => Key::Number(row.created_at),
    };
    Position { key, id: row.id.clone() }
}

pub fn insert(write: &mut Write<'_>, id: &str, draft: TagDraft, stamp: &Stamp) -> Result<(), Error> {
    note(write, &[id]);
    write.note("tag", id);
    let conn = &mut *write.conn;
    let slug = slugs::claim(conn, Kind::Tag, id, draft.slug)?;
    let now = stamp.now.milliseconds();
    diesel::insert_into(tags::table)
        .values((
            (tags::id.eq(id), tags::slug.eq(&slug), tags::name.eq(&draft.name), tags::version.eq(1)),
            (tags::description.eq(draft.description), tags::parent_id.eq(draft.parent_id)),
            tags::visibility.eq(draft.visibility.name()),
            (tags::created_at.eq(now), tags::updated_at.eq(now), tags::updated_by.eq(&stamp.user_id)),
        ))
        .execute(conn)
        .or_taken("slug", &slug)?;
    search::keep_tag(conn, id, &draft.name)?;
    slugs::hold(conn, Kind::Tag, id, &slug)
}

/// Replaces the tag of version `seen`.
pub fn update(write: &mut Write<'_>, id: &str, seen: i64, draft: TagDraft, stamp: &Stamp) -> Result<(), Error> {
    note(write, &[id]);
    write.note("tag", id);
    let was_visible: String = tags::table.find(id).select(tags::visibility).first(write.conn).or_not_found("tag")?;
    if was_visible != draft.visibility.name() {
        note_stories(write, id)?;
    }
    let conn = &mut *write.conn;
    let slug = slugs::claim(conn, Kind::Tag, id, draft.slug)?;
    let changed = diesel::update(tags::table.filter(tags::id.eq(id).and(tags::version.eq(seen))))
        .set((
            (tags::slug.eq(&slug), tags::name.eq(&draft.name), tags::version.eq(seen + 1)),
            (tags::description.eq(draft.description), tags::parent_id.eq(draft.parent_id)),
            tags::visibility.eq(draft.visibility.name()),
            (tags::updated_at.eq(stamp.now.milliseconds()), tags::updated_by.eq(&stamp.user_id)),
        ))
        .execute(conn)
        .or_taken("slug", &slug)?;
    won(changed)?;
    search::keep_tag(conn, id, &draft.name)?;
    slugs::hold(conn, Kind::Tag, id, &slug)
}

/// Deletes the tag of version `seen`, which no story may name and below which no tag may stand any more.
pub fn delete(write: &mut Write<'_>, id: &str, seen: i64) -> Result<(), Error> {
    note(write, &[id]);
    write.note("tag", id);
    let conn = &mut *write.conn;
    let below: i64 = tags::table.filter(tags::parent_id.eq(id)).count().get_result(conn)?;
    let uses = i64::try_from(stories_with(conn, id)?.len()).unwrap_or(i64::MAX).saturating_add(below);
    if uses > 0 {
        return Err(Error::InUse(uses));
    }
    won(diesel::delete(tags::table.filter(tags::id.eq(id).and(tags::version.eq(seen)))).execute(conn).or_raced()?)
}

/// Puts `to` wherever `from` is named, in working and live copies and above other tags; where both are named `from` just goes.
pub fn reassign(write: &mut Write<'_>, from: &str, to: &str, now: Moment) -> Result<(), Error> {
    note(write, &[from, to]);
    note_stories(write, from)?;
    let conn = &mut *write.conn;
    use {published_article_tags as under, published_articles as live};
    let both: Vec<String> = article_tags::table.filter(article_tags::tag_id.eq(to)).select(article_tags::article_id).load(conn)?;
    diesel::delete(article_tags::table.filter(article_tags::tag_id.eq(from).and(article_tags::article_id.eq_any(both)))).execute(conn)?;
    diesel::update(article_tags::table.filter(article_tags::tag_id.eq(from))).set(article_tags::tag_id.eq(to)).execute(conn)?;
    let both: Vec<String> = under::table.filter(under::tag_id.eq(to)).select(under::article_id).load(conn)?;
    diesel::update(live::table.filter(live::article_id.eq_any(&both)))
        .set(live::tag_ids.eq(replace(replace(live::tag_ids, format!("{from} "), ""), format!(" {from}"), "")))
        .execute(conn)?;
    diesel::delete(under::table.filter(under::tag_id.eq(from).and(under::article_id.eq_any(both)))).execute(conn)?;
    let stories = under::table.filter(under::tag_id.eq(from)).select(under::article_id);
    diesel::update(live::table.filter(live::article_id.eq_any(stories)))
        .set(live::tag_ids.eq(replace(live::tag_ids, from, to)))
        .execute(conn)?;
    diesel::update(under::table.filter(under::tag_id.eq(from))).set(under::tag_id.eq(to)).execute(conn)?;
    kills::reassign_tag(conn, from, to)?;
    diesel::update(tags::table.filter(tags::parent_id.eq(from).and(tags::id.ne(to)))).set(tags::parent_id.eq(to)).execute(conn)?;
    search::hand_over(conn, from, to)?;
    // For those who ask whether a story has changed since some date.
    diesel::update(tags::table.find(to)).set(tags::updated_at.eq(now.milliseconds())).execute(conn)?;
    Ok(())
}

/// Puts `to` in the place of the tag of version `seen`, for good: in every story, under every slug it had, and under its id.
pub fn merge(write: &mut Write<'_>, from: &str, seen: i64, to: &str, now: Moment) -> Result<(), Error> {
    reassign(write, from, to, now)?;
    slugs::hand_over(write, Kind::Tag, from, to)?;
    delete(write, from, seen)
}

/// The stories that name a tag in either copy, those in the trash and killed ones included: they may come back.
fn stories_with(conn: &mut Conn, id: &str) -> Result<BTreeSet<String>, Error> {
    use published_article_tags as under;
    let working = article_tags::table.filter(article_tags::tag_id.eq(id)).select(article_tags::article_id);
    let mut stories: BTreeSet<String> = working.load(conn)?.into_iter().collect();
    stories.extend(under::table.filter(under::tag_id.eq(id)).select(under::article_id).load::<String>(conn)?);
    stories.extend(kills::with_tag(conn, id)?);
    Ok(stories)
}

/// Tags show in stories and in their own pages; a list may begin or cease to know one by its slug.
fn note(write: &mut Write<'_>, ids: &[&str]) {
    ids.iter().for_each(|id| write.touch(format!("tag-{id}")));
    write.touch("tags");
    write.touch("articles");
}

/// The live stories that carry a tag: those under an internal one do not name it, and change when it comes to light.
fn note_stories(write: &mut Write<'_>, id: &str) -> Result<(), Error> {
    use published_article_tags as under;
    let stories: Vec<String> = under::table.filter(under::tag_id.eq(id)).select(under::article_id).load(write.conn)?;
    stories.iter().for_each(|story| write.touch(format!("article-{story}")));
    Ok(())
}
