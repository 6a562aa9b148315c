//! Authors: bylines with their beat and bio.

use super::articles::{Stamp, won};
use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::kills;
use super::links::replace;
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::{article_authors, authors, published_article_authors, published_articles};
use super::search;
use super::slugs::{self, Kind, Wish};
use crate::domain::author::Profile;
use crate::domain::time::Moment;
use diesel::prelude::*;
use std::collections::BTreeSet;

/// An author as it is stored. `document` is a `Profile` as JSON; times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = authors)]
pub struct AuthorRow {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub document: String,
    pub bio_html: String,
    pub email: Option<String>,
    pub user_id: Option<String>,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub updated_by: Option<String>,
    /// How many live stories it has.
    pub live_count: i64,
}

/// Reads a stored profile.
pub fn profile(id: &str, document: &str) -> Result<Profile, Error> {
    serde_json::from_str(document).map_err(|error| Error::Damaged(format!("author {id}: {error}")))
}

/// What a save puts in place.
#[derive(Clone, Debug)]
pub struct AuthorDraft {
    pub slug: Wish,
    pub name: String,
    pub profile: Profile,
    pub bio_html: String,
    pub email: Option<String>,
    pub user_id: Option<String>,
}

/// What authors and tags may be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Name,
    Creation,
}

/// The author behind an id or a slug; an old slug, or the id of one that was merged into another, is `Error::Moved`.
pub fn find(conn: &mut Conn, key: &str) -> Result<AuthorRow, Error> {
    let id = slugs::resolve(conn, Kind::Author, key)?;
    let row = authors::table.find(&id).select(AuthorRow::as_select()).first(conn).optional()?;
    match row {
        Some(row) => Ok(row),
        None => Err(slugs::why_missing(conn, Kind::Author, &id)?),
    }
}

/// A page of authors.
pub fn list(conn: &mut Conn, order: Order, descending: bool, slice: &Slice) -> Result<Page<AuthorRow>, Error> {
    let after = slice.after.as_ref();
    let query = authors::table.into_boxed();
    let query = match (order, slice.walks_down(descending)) {
        (Order::Name, false) => walk!(query, after, authors::name, authors::id, text, ascending),
        (Order::Name, true) => walk!(query, after, authors::name, authors::id, text, descending),
        (Order::Creation, false) => walk!(query, after, authors::created_at, authors::id, number, ascending),
        (Order::Creation, true) => walk!(query, after, authors::created_at, authors::id, number, descending),
    };
    let rows = query.limit(slice.rows()).select(AuthorRow::as_select()).load(conn)?;
    let total = if slice.count { Some(authors::table.count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

/// Where an author stands in an order.
pub fn position(row: &AuthorRow, order: Order) -> Position {
    let key = match order {
        Order::Name => Key::Text(row.name.clone()),
        Order::Creation => Key::Number(row.created_at),
    };
    Position { key, id: row.id.clone() }
}

/// The bylines tied to a user, by name: id, slug, name.
pub fn of_user(conn: &mut Conn, user_id: &str) -> Result<Vec<(String, String, String)>, Error> {
    let own = authors::table.filter(authors::user_id.eq(user_id)).order((authors::name, authors::id));
    Ok(own.select((authors::id, authors::slug, authors::name)).load(conn)?)
}

pub fn insert(write: &mut Write<'_>, id: &str, draft: AuthorDraft, stamp: &Stamp) -> Result<(), Error> {
    note(write, &[id]);
    write.note("author", id);
    let conn = &mut *write.conn;
    let slug = slugs::claim(conn, Kind::Author, id, draft.slug)?;
    let now = stamp.now.milliseconds();
    diesel::insert_into(authors::table)
        .values((
            (authors::id.eq(id), authors::slug.eq(&slug), authors::name.eq(&draft.name), authors::version.eq(1)),
            (authors::document.eq(document(&draft.profile)?), authors::bio_html.eq(draft.bio_html)),
            (authors::email.eq(draft.email), authors::user_id.eq(draft.user_id)),
            (authors::created_at.eq(now), authors::updated_at.eq(now), authors::updated_by.eq(&stamp.user_id)),
        ))
        .execute(conn)
        .or_taken("slug", &slug)?;
    search::keep_author(conn, id, &draft.name)?;
    slugs::hold(conn, Kind::Author, id, &slug)
}

/// Replaces the author of version `seen`.
pub fn update(write: &mut Write<'_>, id: &str, seen: i64, draft: AuthorDraft, stamp: &Stamp) -> Result<(), Error> {
    note(write, &[id]);
    write.note("author", id);
    let conn = &mut *write.conn;
    let slug = slugs::claim(conn, Kind::Author, id, draft.slug)?;
    let changed = diesel::update(authors::table.filter(authors::id.eq(id).and(authors::version.eq(seen))))
        .set((
            (authors::slug.eq(&slug), authors::name.eq(&draft.name), authors::version.eq(seen + 1)),
            (authors::document.eq(document(&draft.profile)?), authors::bio_html.eq(draft.bio_html)),
            (authors::email.eq(draft.email), authors::user_id.eq(draft.user_id)),
            (authors::updated_at.eq(stamp.now.milliseconds()), authors::updated_by.eq(&stamp.user_id)),
        ))
        .execute(conn)
        .or_taken("slug", &slug)?;
    won(changed)?;
    search::keep_author(conn, id, &draft.name)?;
    slugs::hold(conn, Kind::Author, id, &slug)
}

/// Deletes the author of version `seen`, whom no story may name any more.
pub fn delete(write: &mut Write<'_>, id: &str, seen: i64) -> Result<(), Error> {
    note(write, &[id]);
    write.note("author", id);
    let conn = &mut *write.conn;
    let uses = stories_with(conn, id)?.len();
    if uses > 0 {
        return Err(Error::InUse(i64::try_from(uses).unwrap_or(i64::MAX)));
    }
    won(diesel::delete(authors::table.filter(authors::id.eq(id).and(authors::version.eq(seen)))).execute(conn).or_raced()?)
}

/// Puts `to` wherever `from` is named, in working and live copies; where both are named `from` just goes.
pub fn reassign(write: &mut Write<'_>, from: &str, to: &str, now: Moment) -> Result<(), Error> {
    note(write, &[from, to]);
    let conn = &mut *write.conn;
    use {published_article_authors as by, published_articles as live};
    let both: Vec<String> =
        article_authors::table.filter(article_authors::author_id.eq(to)).select(article_authors::article_id).load(conn)?;
    diesel::delete(article_authors::table.filter(article_authors::author_id.eq(from).and(article_authors::article_id.eq_any(both))))
        .execute(conn)?;
    diesel::update(article_authors::table.filter(article_authors::author_id.eq(from)))
        .set(article_authors::author_id.eq(to))
        .execute(conn)?;
    let both: Vec<String> = by::table.filter(by::author_id.eq(to)).select(by::article_id).load(conn)?;
    diesel::update(live::table.filter(live::article_id.eq_any(&both)))
        .set(live::author_ids.eq(replace(replace(live::author_ids, format!("{from} "), ""), format!(" {from}"), "")))
        .execute(conn)?;
    diesel::delete(by::table.filter(by::author_id.eq(from).and(by::article_id.eq_any(both)))).execute(conn)?;
    let stories = by::table.filter(by::author_id.eq(from)).select(by::article_id);
    diesel::update(live::table.filter(live::article_id.eq_any(stories)))
        .set(live::author_ids.eq(replace(live::author_ids, from, to)))
        .execute(conn)?;
    diesel::update(by::table.filter(by::author_id.eq(from))).set(by::author_id.eq(to)).execute(conn)?;
    kills::reassign_author(conn, from, to)?;
    search::hand_over(conn, from, to)?;
    // For those who ask whether a story has changed since some date.
    diesel::update(authors::table.find(to)).set(authors::updated_at.eq(now.milliseconds())).execute(conn)?;
    Ok(())
}

/// Puts `to` in the place of the author of version `seen`, for good: in every story, under every slug it had, and under its id.
pub fn merge(write: &mut Write<'_>, from: &str, seen: i64, to: &str, now: Moment) -> Result<(), Error> {
    reassign(write, from, to, now)?;
    slugs::hand_over(write, Kind::Author, from, to)?;
    delete(write, from, seen)
}

/// The stories that name an author in either copy, those in the trash and killed ones included: they may come back.
fn stories_with(conn: &mut Conn, id: &str) -> Result<BTreeSet<String>, Error> {
    use published_article_authors as by;
    let working = article_authors::table.filter(article_authors::author_id.eq(id)).select(article_authors::article_id);
    let mut stories: BTreeSet<String> = working.load(conn)?.into_iter().collect();
    stories.extend(by::table.filter(by::author_id.eq(id)).select(by::article_id).load::<String>(conn)?);
    stories.extend(kills::with_author(conn, id)?);
    Ok(stories)
}

fn document(profile: &Profile) -> Result<String, Error> {
    serde_json::to_string(profile).map_err(|error| Error::Damaged(error.to_string()))
}

/// Authors show in stories and in their own pages; a list may begin or cease to know one by its slug.
fn note(write: &mut Write<'_>, ids: &[&str]) {
    ids.iter().for_each(|id| write.touch(format!("author-{id}")));
    write.touch("authors");
    write.touch("articles");
}
