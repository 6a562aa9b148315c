//! The live view: what the public reads. It knows the published tables only; a test keeps working tables out of this file.

use super::conn::Conn;
use super::error::{Error, Expect};
use super::links::{ByStory, BylineRow, LabelRow, by_story};
use super::page::{Filter, Key, Order, Page, Position, Slice, walk};
use super::schema::{
    author_slugs, authors, published_article_authors, published_article_tags, published_articles, published_slugs, tag_slugs, tags,
};
use crate::domain::article::Content;
use crate::domain::id;
use crate::domain::tag::Visibility;
use crate::domain::time::Moment;
use diesel::prelude::*;
use diesel::sql_types::Bool;

/// A published copy as it is stored, but for its body. `document` is a `Content` as JSON whose body is empty; times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = published_articles)]
pub struct LiveRow {
    pub article_id: String,
    pub slug: String,
    pub version: i64,
    pub document: String,
    pub word_count: i64,
    pub reading_minutes: i64,
    pub first_published_at: i64,
    pub published_at: i64,
    pub content_updated_at: i64,
}

impl LiveRow {
    /// The content as it was published.
    pub fn content(&self) -> Result<Content, Error> {
        serde_json::from_str(&self.document).map_err(|error| Error::Damaged(format!("published article {}: {error}", self.article_id)))
    }
}

/// The body of a published copy in its four forms; `blocks` is the typed tree as JSON.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = published_articles)]
pub struct LiveBody {
    pub html: String,
    pub markdown: String,
    pub text: String,
    pub blocks: String,
}

/// A published copy with its authors and its public tags.
#[derive(Clone, Debug)]
pub struct LiveCopy {
    pub row: LiveRow,
    /// Only where it was asked for.
    pub body: Option<LiveBody>,
    pub authors: Vec<BylineRow>,
    pub tags: Vec<LabelRow>,
    /// When the story, one of its authors or one of its tags (an internal one may have been public before) last changed, in milliseconds.
    pub changed_at: i64,
}

/// The published copy behind an id or a slug; a slug of former days is `Error::Moved`.
pub fn find(conn: &mut Conn, key: &str, with_body: bool) -> Result<LiveCopy, Error> {
    let id = if id::looks_like_one(key) {
        key.to_ascii_lowercase()
    } else {
        published_slugs::table.find(key).select(published_slugs::article_id).first(conn).or_not_found("article")?
    };
    let query = published_articles::table.find(&id).into_boxed();
    let (row, body) = load(conn, query, with_body)?.pop().ok_or(Error::NotFound("article"))?;
    if !id::looks_like_one(key) && row.slug != key {
        return Err(Error::Moved("article", row.slug));
    }
    let mut copies = with_links(conn, vec![(row, body)])?;
    copies.pop().ok_or(Error::NotFound("article"))
}

/// A page of published copies in an order, with their bodies where they are wanted.
pub fn list(
    conn: &mut Conn,
    filter: &Filter,
    (order, descending): (Order, bool),
    slice: &Slice,
    with_body: bool,
) -> Result<Page<LiveCopy>, Error> {
    use published_articles::{article_id, content_updated_at, published_at, title};
    let after = slice.after.as_ref();
    let query = filtered(filter);
    let query = match (order, slice.walks_down(descending)) {
        (Order::Publication | Order::Creation, true) => walk!(query, after, published_at, article_id, number, descending),
        (Order::Publication | Order::Creation, false) => walk!(query, after, published_at, article_id, number, ascending),
        (Order::Update, true) => walk!(query, after, content_updated_at, article_id, number, descending),
        (Order::Update, false) => walk!(query, after, content_updated_at, article_id, number, ascending),
        (Order::Title, true) => walk!(query, after, title, article_id, text, descending),
        (Order::Title, false) => walk!(query, after, title, article_id, text, ascending),
    };
    let rows = load(conn, query.limit(slice.rows()), with_body)?;
    let total = if slice.count { Some(filtered(filter).count().get_result(conn)?) } else { None };
    let copies = with_links(conn, rows)?;
    Ok(slice.page(copies, total))
}

/// The published copies of those ids, in the given order and without their bodies; those that are not live are left out.
pub fn by_ids(conn: &mut Conn, ids: &[String]) -> Result<Vec<LiveCopy>, Error> {
    let rows = load(conn, published_articles::table.filter(published_articles::article_id.eq_any(ids)).into_boxed(), false)?;
    let mut copies = with_links(conn, rows)?;
    copies.sort_by_key(|copy| ids.iter().position(|id| *id == copy.row.article_id));
    Ok(copies)
}

/// Where a published copy stands in an order.
pub fn position(copy: &LiveCopy, order: Order) -> Result<Position, Error> {
    let key = match order {
        Order::Publication | Order::Creation => Key::Number(copy.row.published_at),
        Order::Update => Key::Number(copy.row.content_updated_at),
        Order::Title => Key::Text(copy.row.content()?.title),
    };
    Ok(Position { key, id: copy.row.article_id.clone() })
}

/// The ids of the authors that the keys (ids or slugs, old ones too) name; unknown keys name nobody.
pub fn author_ids(conn: &mut Conn, keys: &[String]) -> Result<Vec<String>, Error> {
    let (mut ids, slugs): (Vec<String>, Vec<String>) = keys.iter().cloned().partition(|key| id::looks_like_one(key));
    if !slugs.is_empty() {
        ids.extend(author_slugs::table.filter(author_slugs::slug.eq_any(slugs)).select(author_slugs::author_id).load::<String>(conn)?);
    }
    Ok(ids)
}

/// The ids of the public tags that the keys (ids or slugs, old ones too) name; an internal tag is unknown here.
pub fn tag_ids(conn: &mut Conn, keys: &[String]) -> Result<Vec<String>, Error> {
    let public = tags::visibility.eq(Visibility::Public.name());
    let (given, slugs): (Vec<String>, Vec<String>) = keys.iter().cloned().partition(|key| id::looks_like_one(key));
    let mut ids: Vec<String> = Vec::new();
    if !given.is_empty() {
        ids = tags::table.filter(tags::id.eq_any(given)).filter(public).select(tags::id).load(conn)?;
    }
    if !slugs.is_empty() {
        let named = tag_slugs::table.inner_join(tags::table).filter(tag_slugs::slug.eq_any(slugs)).filter(public).select(tags::id);
        ids.extend(named.load::<String>(conn)?);
    }
    Ok(ids)
}

type Query<'a> = published_articles::BoxedQuery<'a, <Conn as Connection>::Backend>;

/// Runs a query; the bodies, most of the bytes of a row, are read only where they are wanted.
fn load(conn: &mut Conn, query: Query<'_>, with_body: bool) -> Result<Vec<(LiveRow, Option<LiveBody>)>, Error> {
    if with_body {
        let rows: Vec<(LiveRow, LiveBody)> = query.select((LiveRow::as_select(), LiveBody::as_select())).load(conn)?;
        return Ok(rows.into_iter().map(|(row, body)| (row, Some(body))).collect());
    }
    let rows: Vec<LiveRow> = query.select(LiveRow::as_select()).load(conn)?;
    Ok(rows.into_iter().map(|row| (row, None)).collect())
}

fn filtered(filter: &Filter) -> Query<'static> {
    use {published_article_authors as by, published_article_tags as under, published_articles as live};
    let mut query = live::table.into_boxed();
    if let Some(ids) = filter.ids.clone() {
        query = query.filter(live::article_id.eq_any(ids));
    }
    if let Some(ids) = filter.authors.clone() {
        query = query.filter(live::article_id.eq_any(by::table.filter(by::author_id.eq_any(ids)).select(by::article_id)));
    }
    if let Some(ids) = filter.tags.clone() {
        query = query.filter(live::article_id.eq_any(under::table.filter(under::tag_id.eq_any(ids)).select(under::article_id)));
    }
    if !filter.without_authors.is_empty() {
        let ids = filter.without_authors.clone();
        query = query.filter(live::article_id.ne_all(by::table.filter(by::author_id.eq_any(ids)).select(by::article_id)));
    }
    if !filter.without_tags.is_empty() {
        let ids = filter.without_tags.clone();
        query = query.filter(live::article_id.ne_all(under::table.filter(under::tag_id.eq_any(ids)).select(under::article_id)));
    }
    if let Some(languages) = filter.languages.clone() {
        query = query.filter(live::language.eq_any(languages));
    }
    if let Some(after) = filter.published_after {
        query = query.filter(live::published_at.gt(after.milliseconds()));
    }
    if let Some(before) = filter.published_before {
        query = query.filter(live::published_at.lt(before.milliseconds()));
    }
    if let Some(after) = filter.updated_after {
        query = query.filter(live::content_updated_at.gt(after.milliseconds()));
    }
    if let Some(years) = &filter.years {
        type Predicate = Box<dyn BoxableExpression<live::table, <Conn as Connection>::Backend, SqlType = Bool>>;
        let in_year = |(start, end): &(Moment, Moment)| -> Predicate {
            Box::new(live::published_at.ge(start.milliseconds()).and(live::published_at.lt(end.milliseconds())))
        };
        let any = years.iter().map(in_year).reduce(|one, other| Box::new(one.or(other)));
        query = query.filter(any.unwrap_or_else(|| Box::new(live::article_id.is_null())));
    }
    query
}

fn with_links(conn: &mut Conn, rows: Vec<(LiveRow, Option<LiveBody>)>) -> Result<Vec<LiveCopy>, Error> {
    let ids: Vec<String> = rows.iter().map(|(row, _)| row.article_id.clone()).collect();
    let mut authors = authors_of(conn, &ids)?;
    let mut tags = tags_of(conn, &ids)?;
    let copy = |(row, body): (LiveRow, Option<LiveBody>)| {
        let (authors, authors_at): (Vec<BylineRow>, Vec<i64>) = authors.remove(&row.article_id).unwrap_or_default().into_iter().unzip();
        let (mut tags, tags_at): (Vec<LabelRow>, Vec<i64>) = tags.remove(&row.article_id).unwrap_or_default().into_iter().unzip();
        tags.retain(|tag| tag.visibility == Visibility::Public.name());
        let changed_at = authors_at.into_iter().chain(tags_at).fold(row.content_updated_at, i64::max);
        LiveCopy { row, body, authors, tags, changed_at }
    };
    Ok(rows.into_iter().map(copy).collect())
}

/// The authors, and when each last changed.
fn authors_of(conn: &mut Conn, stories: &[String]) -> Result<ByStory<(BylineRow, i64)>, Error> {
    use published_article_authors as by;
    let rows = by::table
        .inner_join(authors::table)
        .filter(by::article_id.eq_any(stories))
        .order((by::article_id, by::position))
        .select((by::article_id, (BylineRow::as_select(), authors::updated_at)))
        .load(conn)?;
    Ok(by_story(rows))
}

/// The tags, internal ones included, and when each last changed.
fn tags_of(conn: &mut Conn, stories: &[String]) -> Result<ByStory<(LabelRow, i64)>, Error> {
    use published_article_tags as under;
    let rows = under::table
        .inner_join(tags::table)
        .filter(under::article_id.eq_any(stories))
        .order((under::article_id, under::position))
        .select((under::article_id, (LabelRow::as_select(), tags::updated_at)))
        .load(conn)?;
    Ok(by_story(rows))
}
