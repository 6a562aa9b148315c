//! The live view: what the public reads. It knows the published tables only; a test keeps working tables out of this file.
//!
//! A published copy is stored in the shape in which it is read: see migration `0002_finished`.

use super::conn::Conn;
use super::error::{Error, Expect};
use super::kills;
use super::links::{BylineRow, LabelRow};
use super::page::{Key, Order, Page, Position, Slice};
use super::schema::{author_slugs, authors, published_slugs, tag_slugs, tags};
use super::statement::{Statement, on_either};
use super::walk::{one_row, rows_of};
use crate::domain::id;
use crate::domain::tag::Visibility;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

pub use super::walk::{Bodies, LiveFilter, Named, Steps, Walk};

/// A published copy as it is stored. Times are milliseconds; what is JSON is finished.
#[derive(Clone, Debug, Queryable)]
pub struct LiveRow {
    pub article_id: String,
    pub slug: String,
    pub version: i64,
    pub title: String,
    pub published_at: i64,
    pub content_updated_at: i64,
    /// When anything of the copy last changed, minor changes and corrections included.
    pub changed_at: i64,
    /// In their order, a space between.
    pub author_ids: String,
    /// In their order, internal ones included, a space between.
    pub tag_ids: String,
    /// See `http/finished.rs`.
    pub summary: String,
    /// The forms of the body that were asked for.
    pub html: Option<String>,
    pub markdown: Option<String>,
    pub text: Option<String>,
    pub blocks: Option<String>,
    /// Only where one story is read.
    pub corrections: Option<String>,
}

type Columns = (Text, Text, BigInt, Text, BigInt, BigInt, BigInt, Text, Text, Text, Part, Part, Part, Part, Part);
type Part = Nullable<Text>;

/// The published copy behind an id or a slug; a slug of former days is `Error::Moved`, and a story that was killed `Error::Gone`.
pub fn find(conn: &mut Conn, key: &str, bodies: Bodies) -> Result<LiveRow, Error> {
    match find_there(conn, key, bodies) {
        Err(Error::NotFound(_)) => Err(kills::why_missing(conn, key)?),
        found => found,
    }
}

fn find_there(conn: &mut Conn, key: &str, bodies: Bodies) -> Result<LiveRow, Error> {
    let mut statement = one_row(bodies);
    if id::looks_like_one(key) {
        statement.words(" WHERE a.article_id = ").text(key.to_ascii_lowercase());
        return load(conn, statement)?.pop().ok_or(Error::NotFound("article"));
    }
    statement.words(" WHERE a.slug = ").text(key);
    match load(conn, statement)?.pop() {
        Some(row) => Ok(row),
        None => Err(Error::Moved("article", slug_of_today(conn, key)?)),
    }
}

fn slug_of_today(conn: &mut Conn, former: &str) -> Result<String, Error> {
    let id: String = published_slugs::table.find(former).select(published_slugs::article_id).first(conn).or_not_found("article")?;
    let mut statement = one_row(Bodies::NONE);
    statement.words(" WHERE a.article_id = ").text(id);
    Ok(load(conn, statement)?.pop().ok_or(Error::NotFound("article"))?.slug)
}

/// A page of published copies in an order.
pub fn list(
    conn: &mut Conn,
    filter: &LiveFilter,
    (order, descending): (Order, bool),
    slice: &Slice,
    bodies: Bodies,
) -> Result<Page<LiveRow>, Error> {
    let descending = slice.walks_down(descending);
    let walk = Walk { filter, order, descending, after: slice.after.as_ref(), rows: slice.rows() };
    let rows = match walk.steps(bodies) {
        Steps::Nothing => return Ok(slice.page(Vec::new(), slice.count.then_some(0))),
        Steps::Rows(statement) => load(conn, statement)?,
        Steps::Ids(statement) => in_order(load(conn, statement)?, &walk),
        Steps::Keys(statement) => {
            let ids = merged(keys(conn, statement)?, &walk);
            by_ids(conn, &ids, bodies)?
        }
    };
    let total = if slice.count { Some(count(conn, walk.count())?) } else { None };
    Ok(slice.page(rows, total))
}

/// The published copies of those ids, in the given order; those that are not live are left out.
pub fn by_ids(conn: &mut Conn, ids: &[String], bodies: Bodies) -> Result<Vec<LiveRow>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = load(conn, rows_of(ids.iter().map(String::as_str), bodies))?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.article_id));
    Ok(rows)
}

/// The published copies at those places, in the given order; `Error::Raced` if one has moved to another place since it was looked up.
pub(super) fn by_places(conn: &mut Conn, places: &[i64]) -> Result<Vec<LiveRow>, Error> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = one_row(Bodies::NONE);
    statement.words(" WHERE a.place IN ").numbers(places).words(" ORDER BY a.place");
    let rows = load(conn, statement)?;
    if rows.len() < places.len() {
        return Err(Error::Raced);
    }
    let mut ranks: Vec<usize> = (0..places.len()).collect();
    ranks.sort_unstable_by_key(|rank| places[*rank]);
    let mut rows: Vec<(usize, LiveRow)> = ranks.into_iter().zip(rows).collect();
    rows.sort_unstable_by_key(|(rank, _)| *rank);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Where a published copy stands in an order.
pub fn position(row: &LiveRow, order: Order) -> Position {
    let key = match order {
        Order::Publication | Order::Creation => Key::Number(row.published_at),
        Order::Update => Key::Number(row.content_updated_at),
        Order::Title => Key::Text(row.title.clone()),
    };
    Position { key, id: row.article_id.clone() }
}

/// The author that a key (an id or a slug, an old one too) names, if there is one.
pub fn author(conn: &mut Conn, key: &str) -> Result<Option<Named>, Error> {
    let mut named = None;
    if id::looks_like_one(key) {
        named = on_either!(conn, conn => authors::table.find(key).select((authors::id, authors::live_count)).first(conn).optional()?);
    }
    if named.is_none() {
        let by_slug = author_slugs::table.inner_join(authors::table).filter(author_slugs::slug.eq(key));
        named = on_either!(conn, conn => by_slug.select((authors::id, authors::live_count)).first(conn).optional()?);
    }
    Ok(named.map(|(id, live_count)| Named { id, live_count }))
}

/// The public tag that a key (an id or a slug, an old one too) names, if there is one; an internal tag is unknown here.
pub fn tag(conn: &mut Conn, key: &str) -> Result<Option<Named>, Error> {
    let public = tags::visibility.eq(Visibility::Public.name());
    let mut named = None;
    if id::looks_like_one(key) {
        let by_id = tags::table.find(key).filter(public);
        named = on_either!(conn, conn => by_id.select((tags::id, tags::live_count)).first(conn).optional()?);
    }
    if named.is_none() {
        let by_slug = tag_slugs::table.inner_join(tags::table).filter(tag_slugs::slug.eq(key)).filter(public);
        named = on_either!(conn, conn => by_slug.select((tags::id, tags::live_count)).first(conn).optional()?);
    }
    Ok(named.map(|(id, live_count)| Named { id, live_count }))
}

/// The authors of those ids, each with when it last changed, in milliseconds.
pub fn bylines(conn: &mut Conn, ids: &[String]) -> Result<Vec<(BylineRow, i64)>, Error> {
    let query = authors::table.filter(authors::id.eq_any(ids));
    Ok(query.select((BylineRow::as_select(), authors::updated_at)).load(conn)?)
}

/// The tags of those ids, internal ones included, each with when it last changed, in milliseconds.
pub fn labels(conn: &mut Conn, ids: &[String]) -> Result<Vec<(LabelRow, i64)>, Error> {
    let query = tags::table.filter(tags::id.eq_any(ids));
    Ok(query.select((LabelRow::as_select(), tags::updated_at)).load(conn)?)
}

pub(super) fn load(conn: &mut Conn, statement: Statement) -> Result<Vec<LiveRow>, Error> {
    let rows = statement.rows::<Columns>();
    Ok(on_either!(conn, conn => rows.load::<LiveRow>(conn)?))
}

/// A story's place in every order.
#[derive(Debug, Queryable)]
struct Place {
    article_id: String,
    published_at: i64,
    content_updated_at: i64,
    title: String,
}

fn keys(conn: &mut Conn, statement: Statement) -> Result<Vec<Place>, Error> {
    let rows = statement.rows::<(Text, BigInt, BigInt, Text)>();
    Ok(on_either!(conn, conn => rows.load::<Place>(conn)?))
}

fn count(conn: &mut Conn, statement: Statement) -> Result<i64, Error> {
    let rows = statement.rows::<BigInt>();
    Ok(on_either!(conn, conn => rows.get_result::<i64>(conn)?))
}

/// The first of several paths that were walked in the same order, each story once.
fn merged(mut places: Vec<Place>, walk: &Walk<'_>) -> Vec<String> {
    places.sort_by(|one, other| {
        let ordering = match walk.order {
            Order::Publication | Order::Creation => one.published_at.cmp(&other.published_at),
            Order::Update => one.content_updated_at.cmp(&other.content_updated_at),
            Order::Title => one.title.cmp(&other.title),
        };
        let ordering = ordering.then_with(|| one.article_id.cmp(&other.article_id));
        if walk.descending { ordering.reverse() } else { ordering }
    });
    places.dedup_by(|one, other| one.article_id == other.article_id);
    places.truncate(usize::try_from(walk.rows).unwrap_or(usize::MAX));
    places.into_iter().map(|place| place.article_id).collect()
}

/// A few rows, ordered and cut here.
fn in_order(rows: Vec<LiveRow>, walk: &Walk<'_>) -> Vec<LiveRow> {
    let place = |row: &LiveRow| {
        let (key, number) = match walk.order {
            Order::Publication | Order::Creation => (String::new(), row.published_at),
            Order::Update => (String::new(), row.content_updated_at),
            Order::Title => (row.title.clone(), 0),
        };
        (number, key, row.article_id.clone())
    };
    let after = walk.after.map(|after| match walk.order {
        Order::Title => (0, after.key.text().to_owned(), after.id.clone()),
        _ => (after.key.number(), String::new(), after.id.clone()),
    });
    let mut rows: Vec<_> = rows.into_iter().map(|row| (place(&row), row)).collect();
    rows.retain(|(place, _)| after.as_ref().is_none_or(|after| if walk.descending { place < after } else { place > after }));
    rows.sort_by(|(one, _), (other, _)| if walk.descending { other.cmp(one) } else { one.cmp(other) });
    rows.truncate(usize::try_from(walk.rows).unwrap_or(usize::MAX));
    rows.into_iter().map(|(_, row)| row).collect()
}
