//! Working copies: what editors edit. The live view is in `live.rs`; what touches both is in `publishing.rs`.

use super::conn::{Conn, Write};
use super::corrections::{self, CorrectionRow};
use super::error::{Error, Expect};
use super::history;
use super::kills::{self, KillRow};
use super::links::{self, BylineRow, LabelRow};
use super::locks;
use super::manuscript::{Ends, Manuscript};
use super::schema::{article_authors, article_tags, articles, authors};
use super::search;
use super::slugs::{self, Kind, Wish};
use crate::domain::article::{Content, State, Status};
use crate::domain::lock::Lock;
use crate::domain::revision::Retention;
use crate::domain::time::Moment;
use diesel::prelude::*;
use std::collections::HashMap;

pub use super::working::{list, position};

/// A working copy as it is stored. `document` is a `Content` as JSON; times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = articles)]
pub struct ArticleRow {
    pub id: String,
    pub slug: String,
    pub status: String,
    pub version: i64,
    pub document: String,
    pub word_count: i64,
    pub reading_minutes: i64,
    pub has_unpublished_changes: bool,
    pub first_published_at: Option<i64>,
    pub published_at: Option<i64>,
    pub content_updated_at: Option<i64>,
    pub publish_at: Option<i64>,
    pub unpublish_at: Option<i64>,
    pub embargo_until: Option<i64>,
    pub assignee_id: Option<String>,
    pub created_by: Option<String>,
    pub created_at: i64,
    pub updated_by: Option<String>,
    pub updated_at: i64,
    /// Who last changed the content.
    pub edited_by: Option<String>,
    pub is_killed: bool,
}

impl ArticleRow {
    /// The content that editors wrote.
    pub fn content(&self) -> Result<Content, Error> {
        serde_json::from_str(&self.document).map_err(|error| Error::Damaged(format!("article {}: {error}", self.id)))
    }

    /// The state that the rules look at.
    pub fn state(&self) -> Result<State, Error> {
        let moment = |milliseconds: Option<i64>| milliseconds.map(Moment::from_milliseconds);
        Ok(State {
            status: Status::named(&self.status).ok_or_else(|| Error::Damaged(format!("article {}: status {}", self.id, self.status)))?,
            is_killed: self.is_killed,
            has_unpublished_changes: self.has_unpublished_changes,
            first_published_at: moment(self.first_published_at),
            published_at: moment(self.published_at),
            content_updated_at: moment(self.content_updated_at),
        })
    }
}

/// A working copy with its authors and tags, and with what stands beside it.
#[derive(Clone, Debug)]
pub struct WorkingCopy {
    pub row: ArticleRow,
    pub authors: Vec<BylineRow>,
    pub tags: Vec<LabelRow>,
    /// The last lock; it may have ended.
    pub lock: Option<Lock>,
    /// The notice, if it is killed.
    pub kill: Option<KillRow>,
    /// Only where one story is read.
    pub corrections: Option<Vec<CorrectionRow>>,
}

/// What a save puts in place of the working copy.
#[derive(Clone, Debug)]
pub struct Draft {
    pub slug: Wish,
    pub manuscript: Manuscript,
    pub author_ids: Vec<String>,
    pub tag_ids: Vec<String>,
}

/// Who writes, when and why, and what of the history stays.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub user_id: String,
    pub now: Moment,
    pub note: Option<String>,
    pub retention: Retention,
}

impl Stamp {
    /// Who and when; no reason is given, and all history stays.
    pub fn new(user_id: impl Into<String>, now: Moment) -> Self {
        Self { user_id: user_id.into(), now, note: None, retention: Retention::default() }
    }
}

/// The working copy behind an id or a slug. A story in the trash is not found.
pub fn find(conn: &mut Conn, key: &str) -> Result<WorkingCopy, Error> {
    let id = slugs::resolve(conn, Kind::Article, key)?;
    by_id(conn, &id)
}

/// The id behind an id or a slug. A story in the trash is not found.
pub fn find_id(conn: &mut Conn, key: &str) -> Result<String, Error> {
    let id = slugs::resolve(conn, Kind::Article, key)?;
    articles::table.filter(articles::id.eq(id).and(articles::deleted_at.is_null())).select(articles::id).first(conn).or_not_found("article")
}

/// The working copy of that id.
pub fn by_id(conn: &mut Conn, id: &str) -> Result<WorkingCopy, Error> {
    let row: ArticleRow = articles::table
        .filter(articles::id.eq(id).and(articles::deleted_at.is_null()))
        .select(ArticleRow::as_select())
        .first(conn)
        .or_not_found("article")?;
    let corrections = corrections::of(conn, id)?;
    let copy = with_links(conn, vec![row])?.pop().ok_or(Error::NotFound("article"))?;
    Ok(WorkingCopy { corrections: Some(corrections), ..copy })
}

/// A story with other content; where it stands in the newsroom stays.
pub fn with_content(conn: &mut Conn, copy: WorkingCopy, draft: Draft) -> Result<WorkingCopy, Error> {
    let Draft { slug, manuscript, author_ids, tag_ids } = draft;
    let row = ArticleRow {
        slug: slug.slug().to_owned(),
        document: manuscript.document().to_owned(),
        word_count: manuscript.word_count(),
        reading_minutes: manuscript.reading_minutes(),
        ..copy.row
    };
    Ok(WorkingCopy { row, authors: links::bylines(conn, &author_ids)?, tags: links::labels(conn, &tag_ids)?, ..copy })
}

/// Whether a story is a user's own: made by them, or under the byline tied to their account.
pub fn is_own(conn: &mut Conn, story: &ArticleRow, user_id: &str) -> Result<bool, Error> {
    if story.created_by.as_deref() == Some(user_id) {
        return Ok(true);
    }
    let bylines: i64 = article_authors::table
        .inner_join(authors::table)
        .filter(article_authors::article_id.eq(&story.id).and(authors::user_id.eq(user_id)))
        .count()
        .get_result(conn)?;
    Ok(bylines > 0)
}

pub(super) fn with_links(conn: &mut Conn, rows: Vec<ArticleRow>) -> Result<Vec<WorkingCopy>, Error> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut authors = links::authors_of(conn, &ids)?;
    let mut tags = links::tags_of(conn, &ids)?;
    let mut locks = locks::of(conn, &ids)?;
    let mut kills = if rows.iter().any(|row| row.is_killed) { kills::of(conn, &ids)? } else { HashMap::new() };
    let copy = |row: ArticleRow| WorkingCopy {
        authors: authors.remove(&row.id).unwrap_or_default(),
        tags: tags.remove(&row.id).unwrap_or_default(),
        lock: locks.remove(&row.id),
        kill: kills.remove(&row.id),
        corrections: None,
        row,
    };
    Ok(rows.into_iter().map(copy).collect())
}

/// Puts a new draft into the newsroom.
pub fn insert(write: &mut Write<'_>, id: &str, draft: Draft, stamp: &Stamp) -> Result<WorkingCopy, Error> {
    let conn = &mut *write.conn;
    let Draft { slug, manuscript, author_ids, tag_ids } = draft;
    let slug = slugs::claim(conn, Kind::Article, id, slug)?;
    let content = manuscript.content();
    let row = drafted(id, slug, &manuscript, stamp);
    diesel::insert_into(articles::table)
        .values((
            (articles::id.eq(id), articles::slug.eq(&row.slug), articles::status.eq(&row.status), articles::version.eq(row.version)),
            (articles::title.eq(&content.title), articles::language.eq(&content.language.0)),
            (articles::document.eq(&row.document), articles::word_count.eq(row.word_count)),
            (articles::reading_minutes.eq(row.reading_minutes), articles::has_unpublished_changes.eq(row.has_unpublished_changes)),
            (articles::created_by.eq(&row.created_by), articles::created_at.eq(row.created_at)),
            (articles::updated_by.eq(&row.updated_by), articles::updated_at.eq(row.updated_at), articles::edited_by.eq(&row.edited_by)),
        ))
        .execute(conn)
        .or_taken("slug", &row.slug)?;
    slugs::take_up(conn, Kind::Article, id, &row.slug)?;
    links::add_authors(conn, id, &author_ids)?;
    links::add_tags(conn, id, &tag_ids)?;
    let beside = search::Beside::of_draft(&content.language.0, &author_ids, &tag_ids);
    search::add_working(conn, id, manuscript.indexed(), &beside)?;
    let ends = Ends { slug: &row.slug, author_ids: &author_ids, tag_ids: &tag_ids };
    history::begin(conn, id, manuscript.first_revision(&ends)?, stamp)?;
    write.note("article", id);
    let of_it = std::slice::from_ref(&row.id);
    let authors = links::authors_of(write, of_it)?.remove(id).unwrap_or_default();
    let tags = links::tags_of(write, of_it)?.remove(id).unwrap_or_default();
    Ok(WorkingCopy { row, authors, tags, lock: None, kill: None, corrections: Some(Vec::new()) })
}

/// What the newsroom has of a story that has just come in.
fn drafted(id: &str, slug: String, manuscript: &Manuscript, stamp: &Stamp) -> ArticleRow {
    let (by, now) = (Some(stamp.user_id.clone()), stamp.now.milliseconds());
    ArticleRow {
        id: id.to_owned(),
        slug,
        status: Status::Draft.name().to_owned(),
        version: 1,
        document: manuscript.document().to_owned(),
        word_count: manuscript.word_count(),
        reading_minutes: manuscript.reading_minutes(),
        has_unpublished_changes: true,
        first_published_at: None,
        published_at: None,
        content_updated_at: None,
        publish_at: None,
        unpublish_at: None,
        embargo_until: None,
        assignee_id: None,
        created_by: by.clone(),
        created_at: now,
        updated_by: by.clone(),
        updated_at: now,
        edited_by: by,
        is_killed: false,
    }
}

/// Replaces the working copy of version `seen`; the live copy stays as it is.
pub fn update(write: &mut Write<'_>, id: &str, seen: i64, draft: Draft, state: State, stamp: &Stamp) -> Result<(), Error> {
    replace(write, id, seen, draft, state, "edit", stamp)
}

/// Replaces the working copy of version `seen` by that event.
pub fn replace(write: &mut Write<'_>, id: &str, seen: i64, draft: Draft, state: State, event: &str, stamp: &Stamp) -> Result<(), Error> {
    let members = changed(write, id, &draft)?;
    write.note_members("article", id, &members);
    let conn = &mut *write.conn;
    let Draft { slug, manuscript, author_ids, tag_ids } = draft;
    let slug = slugs::claim(conn, Kind::Article, id, slug)?;
    let content = manuscript.content();
    let changed = diesel::update(articles::table.filter(articles::id.eq(id).and(articles::version.eq(seen))))
        .set((
            (articles::slug.eq(&slug), articles::version.eq(seen + 1)),
            (articles::title.eq(&content.title), articles::language.eq(&content.language.0)),
            (articles::document.eq(manuscript.document()), articles::word_count.eq(manuscript.word_count())),
            articles::reading_minutes.eq(manuscript.reading_minutes()),
            articles::has_unpublished_changes.eq(state.has_unpublished_changes),
            (articles::updated_by.eq(&stamp.user_id), articles::updated_at.eq(stamp.now.milliseconds())),
            articles::edited_by.eq(&stamp.user_id),
        ))
        .execute(conn)
        .or_taken("slug", &slug)?;
    won(changed)?;
    slugs::hold(conn, Kind::Article, id, &slug)?;
    if members.iter().any(|member| member == "author_ids") {
        links::set_authors(conn, id, &author_ids)?;
    }
    if members.iter().any(|member| member == "tag_ids") {
        links::set_tags(conn, id, &tag_ids)?;
    }
    let beside = search::Beside::of_draft(&content.language.0, &author_ids, &tag_ids);
    search::put_working(conn, id, manuscript.indexed(), &beside)?;
    let ends = Ends { slug: &slug, author_ids: &author_ids, tag_ids: &tag_ids };
    history::append(conn, id, seen + 1, event, &ends.behind(manuscript.document())?, stamp)
}

/// The names of the members that a save changes.
fn changed(conn: &mut Conn, id: &str, draft: &Draft) -> Result<Vec<String>, Error> {
    type Members = serde_json::Map<String, serde_json::Value>;
    let (slug, before): (String, String) = articles::table.find(id).select((articles::slug, articles::document)).first(conn)?;
    let members = |document: &str| serde_json::from_str::<Members>(document).unwrap_or_default();
    let (before, after) = (members(&before), members(draft.manuscript.document()));
    let mut changed: Vec<String> =
        after.iter().filter(|(name, value)| before.get(*name) != Some(value)).map(|(name, _)| name.clone()).collect();
    let (author_ids, tag_ids) = (author_ids_of(conn, id)?, tag_ids_of(conn, id)?);
    let beside =
        [("slug", slug != draft.slug.slug()), ("author_ids", author_ids != draft.author_ids), ("tag_ids", tag_ids != draft.tag_ids)];
    changed.extend(beside.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()));
    Ok(changed)
}

fn author_ids_of(conn: &mut Conn, id: &str) -> Result<Vec<String>, Error> {
    let own = article_authors::table.filter(article_authors::article_id.eq(id)).order(article_authors::position);
    Ok(own.select(article_authors::author_id).load(conn)?)
}

fn tag_ids_of(conn: &mut Conn, id: &str) -> Result<Vec<String>, Error> {
    let own = article_tags::table.filter(article_tags::article_id.eq(id)).order(article_tags::position);
    Ok(own.select(article_tags::tag_id).load(conn)?)
}

/// An update that found its version changed one row; else another write came first.
pub(super) const fn won(changed: usize) -> Result<(), Error> {
    if changed == 1 { Ok(()) } else { Err(Error::Raced) }
}

pub(super) fn document(content: &Content) -> Result<String, Error> {
    serde_json::to_string(content).map_err(|error| Error::Damaged(error.to_string()))
}

/// Keeps what the write left: the content with its slug, authors and tags.
pub(super) fn note_revision(write: &mut Write<'_>, id: &str, number: i64, event: &str, stamp: &Stamp) -> Result<(), Error> {
    write.note("article", id);
    let conn = &mut *write.conn;
    let (slug, document): (String, String) = articles::table.find(id).select((articles::slug, articles::document)).first(conn)?;
    let (author_ids, tag_ids) = (author_ids_of(conn, id)?, tag_ids_of(conn, id)?);
    let ends = Ends { slug: &slug, author_ids: &author_ids, tag_ids: &tag_ids };
    history::append(conn, id, number, event, &ends.behind(&document)?, stamp)
}
