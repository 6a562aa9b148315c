//! The public faces of authors and tags, finished and kept in memory, from where they are put into stories: there are few of them, and
//! they show in many. A face is good as long as its mark stands (`store/marks.rs`), so a renamed author is renamed everywhere at once.

use super::finished::Faces;
use super::representation::{byline, label};
use crate::domain::tag::Visibility;
use crate::domain::time::Moment;
use crate::store::live::{self, LiveRow, Named};
use crate::store::marks::{Marks, Seen};
use crate::store::slugs::Kind;
use crate::store::{Conn, Error};
use quick_cache::sync::Cache;
use std::sync::Arc;

/// How many authors, tags, and names of each are kept: some megabytes.
const MOST: usize = 10_000;

/// An author or a tag as stories show it.
pub struct Face {
    pub id: String,
    /// `author-<id>` or `tag-<id>`: the name by which caches know it.
    pub name: String,
    pub json: String,
    pub changed_at: i64,
    /// Whether the live view may show it; internal tags hide.
    pub is_public: bool,
}

/// All faces in memory.
pub struct Directory {
    authors: Cache<String, Remembered<Arc<Face>>>,
    tags: Cache<String, Remembered<Arc<Face>>>,
    names: Cache<(Kind, String), Remembered<Option<Named>>>,
    marks: Arc<Marks>,
}

#[derive(Clone)]
struct Remembered<T> {
    value: T,
    seen: Arc<[Seen]>,
}

impl Directory {
    pub fn new(marks: Arc<Marks>) -> Self {
        Self { authors: Cache::new(MOST), tags: Cache::new(MOST), names: Cache::new(MOST), marks }
    }

    /// The author or the public tag behind an id or a slug, old ones too.
    pub fn named(&self, conn: &mut Conn, kind: Kind, key: &str) -> Result<Option<Named>, Error> {
        let place = (kind, key.to_owned());
        if let Some(known) = self.names.get(&place).filter(|known| self.marks.hold(&known.seen)) {
            return Ok(known.value);
        }
        let began = self.marks.begin();
        let (value, all) = match kind {
            Kind::Author => (live::author(conn, key)?, "authors"),
            Kind::Tag => (live::tag(conn, key)?, "tags"),
            Kind::Article => return Ok(None),
        };
        if let Some(seen) = self.marks.seen(began, &[all.to_owned()]) {
            self.names.insert(place, Remembered { value: value.clone(), seen: seen.into() });
        }
        Ok(value)
    }

    /// The faces of each story; those that are not in memory are fetched together.
    /// `Error::Raced` if one has gone since the rows were read: then they are to be read again.
    pub fn of(&self, conn: &mut Conn, rows: &[LiveRow]) -> Result<Vec<Faces>, Error> {
        let authors = self.gather(conn, Kind::Author, rows.iter().flat_map(|row| row.author_ids.split_ascii_whitespace()))?;
        let tags = self.gather(conn, Kind::Tag, rows.iter().flat_map(|row| row.tag_ids.split_ascii_whitespace()))?;
        let (mut authors, mut tags) = (authors.into_iter(), tags.into_iter());
        let faces = rows.iter().map(|row| {
            let authors: Vec<_> = authors.by_ref().take(row.author_ids.split_ascii_whitespace().count()).collect();
            let mut tags: Vec<_> = tags.by_ref().take(row.tag_ids.split_ascii_whitespace().count()).collect();
            let changed_at =
                authors.iter().chain(&tags).fold(row.content_updated_at.max(row.changed_at), |latest, face| latest.max(face.changed_at));
            tags.retain(|tag| tag.is_public);
            Faces { authors, tags, changed_at: Moment::from_milliseconds(changed_at) }
        });
        Ok(faces.collect())
    }

    /// The faces behind ids, in their order.
    fn gather<'a>(&self, conn: &mut Conn, kind: Kind, ids: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<Arc<Face>>, Error> {
        let cache = if kind == Kind::Author { &self.authors } else { &self.tags };
        let remembered = |id: &str| cache.get(id).filter(|known| self.marks.hold(&known.seen)).map(|known| known.value);
        let known: Vec<Option<Arc<Face>>> = ids.clone().map(remembered).collect();
        let mut missing: Vec<String> = ids.clone().zip(&known).filter(|(_, face)| face.is_none()).map(|(id, _)| id.to_owned()).collect();
        if missing.is_empty() {
            return Ok(known.into_iter().flatten().collect());
        }
        missing.sort_unstable();
        missing.dedup();
        let began = self.marks.begin();
        let fetched = fetch(conn, kind, &missing)?;
        for face in &fetched {
            if let Some(seen) = self.marks.seen(began, std::slice::from_ref(&face.name)) {
                cache.insert(face.id.clone(), Remembered { value: face.clone(), seen: seen.into() });
            }
        }
        let found = |(id, known): (&str, Option<Arc<Face>>)| known.or_else(|| fetched.iter().find(|face| face.id == id).cloned());
        ids.zip(known).map(|place| found(place).ok_or(Error::Raced)).collect()
    }
}

fn fetch(conn: &mut Conn, kind: Kind, ids: &[String]) -> Result<Vec<Arc<Face>>, Error> {
    let damaged = |error: serde_json::Error| Error::Damaged(error.to_string());
    if kind == Kind::Author {
        let rows = live::bylines(conn, ids)?.into_iter().map(|(row, changed_at)| {
            let (id, name) = (row.id.clone(), format!("author-{}", row.id));
            let json = serde_json::to_string(&byline(row)?).map_err(damaged)?;
            Ok(Arc::new(Face { id, name, json, changed_at, is_public: true }))
        });
        return rows.collect();
    }
    let rows = live::labels(conn, ids)?.into_iter().map(|(row, changed_at)| {
        let (id, name, is_public) = (row.id.clone(), format!("tag-{}", row.id), row.visibility == Visibility::Public.name());
        let json = serde_json::to_string(&label(row, false)).map_err(damaged)?;
        Ok(Arc::new(Face { id, name, json, changed_at, is_public }))
    });
    rows.collect()
}
