//! The authors and tags of working copies, in their order.

use super::conn::Conn;
use super::error::{Error, Expect};
use super::schema::{article_authors, article_tags, author_slugs, authors, tag_slugs, tags};
use super::statement::{Statement, on_either};
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::{HashMap, HashSet};

/// How many keys a story mostly has; statements for so many stay prepared.
const FEW: usize = 8;

diesel::define_sql_function! {
    /// `text` with each `from` in it replaced; the same on both databases.
    fn replace(text: Text, from: Text, to: Text) -> Text;
}

/// What anybody may see of an author.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = authors)]
pub struct BylineRow {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub document: String,
    pub bio_html: String,
}

/// What a story shows of a tag.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = tags)]
pub struct LabelRow {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub description: Option<String>,
    pub visibility: String,
}

/// Rows that belong to stories, by the story's id, in order.
pub type ByStory<T> = HashMap<String, Vec<T>>;

/// Collects (story id, row) pairs, which come ordered.
pub(super) fn by_story<T>(rows: Vec<(String, T)>) -> ByStory<T> {
    let mut stories = ByStory::new();
    for (story, row) in rows {
        stories.entry(story).or_default().push(row);
    }
    stories
}

/// The authors of working copies.
pub fn authors_of(conn: &mut Conn, stories: &[String]) -> Result<ByStory<BylineRow>, Error> {
    let rows = article_authors::table
        .inner_join(authors::table)
        .order((article_authors::article_id, article_authors::position))
        .select((article_authors::article_id, BylineRow::as_select()));
    Ok(by_story(match stories {
        // Of one story, as every write asks, it is prepared once.
        [story] => rows.filter(article_authors::article_id.eq(story)).load(conn)?,
        _ => rows.filter(article_authors::article_id.eq_any(stories)).load(conn)?,
    }))
}

/// The tags of working copies, internal ones included.
pub fn tags_of(conn: &mut Conn, stories: &[String]) -> Result<ByStory<LabelRow>, Error> {
    let rows = article_tags::table
        .inner_join(tags::table)
        .order((article_tags::article_id, article_tags::position))
        .select((article_tags::article_id, LabelRow::as_select()));
    Ok(by_story(match stories {
        // Of one story, as every write asks, it is prepared once.
        [story] => rows.filter(article_tags::article_id.eq(story)).load(conn)?,
        _ => rows.filter(article_tags::article_id.eq_any(stories)).load(conn)?,
    }))
}

/// The authors of those ids, in the given order; those that are gone are left out.
pub fn bylines(conn: &mut Conn, ids: &[String]) -> Result<Vec<BylineRow>, Error> {
    let mut rows: Vec<BylineRow> = authors::table.filter(authors::id.eq_any(ids)).select(BylineRow::as_select()).load(conn)?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    Ok(rows)
}

/// The tags of those ids, in the given order; those that are gone are left out.
pub fn labels(conn: &mut Conn, ids: &[String]) -> Result<Vec<LabelRow>, Error> {
    let mut rows: Vec<LabelRow> = tags::table.filter(tags::id.eq_any(ids)).select(LabelRow::as_select()).load(conn)?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    Ok(rows)
}

/// The ids behind author keys (ids or slugs, old slugs too), in the given order; `None` where there is no such author.
pub fn author_ids(conn: &mut Conn, keys: &[String]) -> Result<Vec<Option<String>>, Error> {
    behind(conn, keys, ["SELECT slug, author_id FROM author_slugs WHERE slug IN ", " UNION ALL SELECT id, id FROM authors WHERE id IN "])
}

/// The ids behind tag keys (ids or slugs, old slugs too), in the given order; `None` where there is no such tag.
pub fn tag_ids(conn: &mut Conn, keys: &[String]) -> Result<Vec<Option<String>>, Error> {
    behind(conn, keys, ["SELECT slug, tag_id FROM tag_slugs WHERE slug IN ", " UNION ALL SELECT id, id FROM tags WHERE id IN "])
}

/// What each key leads to, as the id that it is or as a slug.
fn behind(conn: &mut Conn, keys: &[String], [as_slugs, as_ids]: [&'static str; 2]) -> Result<Vec<Option<String>>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = Statement::default();
    for words in [as_slugs, as_ids] {
        statement.words(words).texts(keys.iter().map(String::as_str));
    }
    if keys.len() > FEW {
        statement.rare();
    }
    let rows = statement.rows::<(Text, Text)>();
    let rows: Vec<(String, String)> = on_either!(conn, conn => rows.load(conn)?);
    let mut known: HashMap<String, String> = HashMap::new();
    for (key, id) in rows {
        // Whatever is there under an id is meant by it.
        if key == id {
            known.insert(key, id);
        } else {
            known.entry(key).or_insert(id);
        }
    }
    Ok(keys.iter().map(|key| known.get(key).cloned()).collect())
}

/// The same authors, each that was merged into another as the other; each once.
pub fn authors_of_today(conn: &mut Conn, ids: Vec<String>) -> Result<Vec<String>, Error> {
    let merged =
        author_slugs::table.filter(author_slugs::slug.eq_any(&ids)).select((author_slugs::slug, author_slugs::author_id)).load(conn)?;
    Ok(of_today(ids, merged))
}

/// The same tags, each that was merged into another as the other; each once.
pub fn tags_of_today(conn: &mut Conn, ids: Vec<String>) -> Result<Vec<String>, Error> {
    let merged = tag_slugs::table.filter(tag_slugs::slug.eq_any(&ids)).select((tag_slugs::slug, tag_slugs::tag_id)).load(conn)?;
    Ok(of_today(ids, merged))
}

/// The slugs of authors, in the given order; an id stays where there is no such author.
pub fn author_slugs(conn: &mut Conn, ids: Vec<String>) -> Result<Vec<String>, Error> {
    let known: Vec<(String, String)> = authors::table.filter(authors::id.eq_any(&ids)).select((authors::id, authors::slug)).load(conn)?;
    Ok(named(ids, known))
}

/// The slugs of tags, in the given order; an id stays where there is no such tag.
pub fn tag_slugs(conn: &mut Conn, ids: Vec<String>) -> Result<Vec<String>, Error> {
    let known: Vec<(String, String)> = tags::table.filter(tags::id.eq_any(&ids)).select((tags::id, tags::slug)).load(conn)?;
    Ok(named(ids, known))
}

fn of_today(ids: Vec<String>, merged: Vec<(String, String)>) -> Vec<String> {
    let merged: HashMap<String, String> = merged.into_iter().collect();
    let mut seen = HashSet::new();
    let ids = ids.into_iter().map(|id| merged.get(&id).cloned().unwrap_or(id));
    ids.filter(|id| seen.insert(id.clone())).collect()
}

fn named(ids: Vec<String>, known: Vec<(String, String)>) -> Vec<String> {
    let known: HashMap<String, String> = known.into_iter().collect();
    ids.into_iter().map(|id| known.get(&id).cloned().unwrap_or(id)).collect()
}

/// Replaces the authors of a working copy.
pub fn set_authors(conn: &mut Conn, story: &str, author_ids: &[String]) -> Result<(), Error> {
    diesel::delete(article_authors::table.filter(article_authors::article_id.eq(story))).execute(conn)?;
    add_authors(conn, story, author_ids)
}

/// Gives a working copy that has none its authors.
pub fn add_authors(conn: &mut Conn, story: &str, author_ids: &[String]) -> Result<(), Error> {
    for (position, author) in (0_i64..).zip(author_ids) {
        diesel::insert_into(article_authors::table)
            .values((article_authors::article_id.eq(story), article_authors::position.eq(position), article_authors::author_id.eq(author)))
            .execute(conn)
            .or_raced()?;
    }
    Ok(())
}

/// Replaces the tags of a working copy.
pub fn set_tags(conn: &mut Conn, story: &str, tag_ids: &[String]) -> Result<(), Error> {
    diesel::delete(article_tags::table.filter(article_tags::article_id.eq(story))).execute(conn)?;
    add_tags(conn, story, tag_ids)
}

/// Gives a working copy that has none its tags.
pub fn add_tags(conn: &mut Conn, story: &str, tag_ids: &[String]) -> Result<(), Error> {
    for (position, tag) in (0_i64..).zip(tag_ids) {
        diesel::insert_into(article_tags::table)
            .values((article_tags::article_id.eq(story), article_tags::position.eq(position), article_tags::tag_id.eq(tag)))
            .execute(conn)
            .or_raced()?;
    }
    Ok(())
}
