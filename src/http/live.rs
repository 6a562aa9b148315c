//! Reads of the live view: rows from the store, faces from memory, put together into finished answers.

use super::answer::Public;
use super::article_query::{AskedList, ListArticles};
use super::faces::Face;
use super::finished::{self, Faces};
use super::page::{Ends, Fields, List, ends};
use super::problem::Problem;
use super::representation::Format;
use super::site::{Desk, Site};
use crate::domain::text::Key;
use crate::store::live::{self, Bodies, LiveFilter, LiveRow, Named};
use crate::store::page::Page;
use crate::store::slugs::Kind;
use crate::store::{Conn, Error};
use actix_web::HttpRequest;
use std::sync::Arc;

/// How often a read is begun again when an author or a tag goes while it runs.
const TRIES: usize = 5;

/// A finished body, and what caches are told about it.
pub struct Answer {
    pub body: String,
    pub public: Public,
}

/// Runs a read of the live view. Its statements need not see one snapshot: each row is whole in itself, and an answer during which
/// something changed is not kept. A row that names somebody who has just gone is read again.
pub async fn read<T: Send + 'static>(
    site: &Site,
    work: impl Fn(&mut Conn, &Desk) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let desk = site.desk.clone();
    site.store.read_loosely(move |conn| again_while_raced(conn, &desk, &work)).await
}

/// The same for what may take long.
pub async fn read_long<T: Send + 'static>(
    site: &Site,
    work: impl Fn(&mut Conn, &Desk) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let desk = site.desk.clone();
    site.store.read_long(move |conn| again_while_raced(conn, &desk, &work)).await
}

fn again_while_raced<T>(conn: &mut Conn, desk: &Desk, work: &impl Fn(&mut Conn, &Desk) -> Result<T, Error>) -> Result<T, Error> {
    for _ in 1..TRIES {
        match work(conn, desk) {
            Err(Error::Raced) => {}
            outcome => return outcome,
        }
    }
    match work(conn, desk) {
        Err(Error::Raced) => Err(Error::Damaged("a live story names an author or a tag that is not there".into())),
        outcome => outcome,
    }
}

/// One story.
pub fn story(conn: &mut Conn, desk: &Desk, key: &str, formats: &[Format], fields: Option<&Fields>) -> Result<Answer, Error> {
    let rows = [live::find(conn, key, Bodies { corrections: true, ..bodies(formats) })?];
    let faces = desk.directory.of(conn, &rows)?;
    let mut body = String::with_capacity(rows[0].html.as_ref().map_or(0, String::len) + rows[0].summary.len() + 2048);
    write(&mut body, desk, &rows, &faces, fields)?;
    let (version, last_modified) = (Some(rows[0].version), faces.first().map(|faces| faces.changed_at));
    Ok(Answer { body, public: Public { version, last_modified, link: None, surrogate_keys: names(&rows, &faces) } })
}

/// A page of a list.
pub async fn list(site: &Site, request: &HttpRequest, list: AskedList) -> Result<Answer, Problem> {
    let AskedList { query, name, order, descending, slice, fields, formats } = list;
    let asked = slice.clone();
    let work = move |conn: &mut Conn, desk: &Desk| -> Result<(String, Vec<String>, Page<()>, Ends), Error> {
        let filter = filter(conn, desk, &query)?;
        let page = live::list(conn, &filter, (order, descending), &asked, bodies(&formats))?;
        let ends = ends(&page.items, |row| Ok::<_, Error>(live::position(row, order)))?;
        let (rows, page) = page.split();
        let mut body = String::from("{\"items\":[");
        let names = write_items(&mut body, conn, desk, &rows, fields.as_ref())?;
        Ok((body, names, page, ends))
    };
    let (mut body, names, page, ends) = if slice.count { read_long(site, work).await? } else { read(site, work).await? };
    let list = List::of(page, &slice, ends, &name);
    let page = serde_json::to_string(&list.page).map_err(|error| Problem::internal(&error.to_string()))?;
    let public = Public { link: list.link(request), ..about_list(names) };
    body.push_str("],\"page\":");
    body.push_str(&page);
    body.push('}');
    Ok(Answer { body, public })
}

/// Stories of a list as they go out, a comma between, and the names of all that is inside.
pub fn items(conn: &mut Conn, desk: &Desk, rows: &[LiveRow], fields: Option<&Fields>) -> Result<(String, Vec<String>), Error> {
    let mut items = String::new();
    let names = write_items(&mut items, conn, desk, rows, fields)?;
    Ok((items, names))
}

fn write_items(out: &mut String, conn: &mut Conn, desk: &Desk, rows: &[LiveRow], fields: Option<&Fields>) -> Result<Vec<String>, Error> {
    let faces = desk.directory.of(conn, rows)?;
    out.reserve(rows.iter().map(|row| row.summary.len() + 1024).sum());
    write(out, desk, rows, &faces, fields)?;
    Ok(names(rows, &faces))
}

/// What caches are told about a list: the names of all that is inside, and of the list itself.
pub fn about_list(mut names: Vec<String>) -> Public {
    names.insert(0, "articles".into());
    Public { surrogate_keys: names, ..Public::default() }
}

fn write(out: &mut String, desk: &Desk, rows: &[LiveRow], faces: &[Faces], fields: Option<&Fields>) -> Result<(), Error> {
    for (index, (row, faces)) in rows.iter().zip(faces).enumerate() {
        if index > 0 {
            out.push(',');
        }
        let before = out.len();
        finished::write(out, row, faces, &desk.settings);
        if let Some(fields) = fields {
            let sparse = sparse(&out[before..], fields)?;
            out.truncate(before);
            out.push_str(&sparse);
        }
    }
    Ok(())
}

/// The names of stories and of all that they show, each once.
pub fn names(rows: &[LiveRow], faces: &[Faces]) -> Vec<String> {
    let mut shown: Vec<&Arc<Face>> = Vec::new();
    for face in faces.iter().flat_map(|faces| faces.authors.iter().chain(&faces.tags)) {
        // The same face is the same place in memory, but for one that was fetched anew meanwhile; a name told twice does no harm.
        if !shown.iter().any(|known| Arc::ptr_eq(known, face)) {
            shown.push(face);
        }
    }
    let stories = rows.iter().map(|row| format!("article-{}", row.article_id));
    stories.chain(shown.into_iter().map(|face| face.name.clone())).collect()
}

pub fn bodies(formats: &[Format]) -> Bodies {
    let wants = |format| formats.contains(&format);
    Bodies {
        html: wants(Format::Html),
        markdown: wants(Format::Markdown),
        text: wants(Format::Text),
        blocks: wants(Format::Blocks),
        corrections: false,
    }
}

fn sparse(item: &str, fields: &Fields) -> Result<String, Error> {
    let damaged = |error: serde_json::Error| Error::Damaged(format!("a finished story: {error}"));
    serde_json::to_string(&fields.apply(serde_json::from_str(item).map_err(damaged)?)).map_err(damaged)
}

/// The filter over live stories.
pub fn filter(conn: &mut Conn, desk: &Desk, query: &ListArticles) -> Result<LiveFilter, Error> {
    let mut known = |kind: Kind, keys: &[Key]| -> Result<Vec<Named>, Error> {
        let mut found: Vec<Named> = Vec::with_capacity(keys.len());
        for key in keys {
            let named = desk.directory.named(conn, kind, &key.0)?;
            found.extend(named.filter(|named| !found.iter().any(|known| known.id == named.id)));
        }
        Ok(found)
    };
    let ids = |named: Vec<Named>| named.into_iter().map(|one| one.id).collect();
    Ok(LiveFilter {
        authors: query.author.as_deref().map(|keys| known(Kind::Author, keys)).transpose()?,
        tags: query.tag.as_deref().map(|keys| known(Kind::Tag, keys)).transpose()?,
        without_authors: known(Kind::Author, query.exclude_author.as_deref().unwrap_or_default()).map(ids)?,
        without_tags: known(Kind::Tag, query.exclude_tag.as_deref().unwrap_or_default()).map(ids)?,
        ids: query.ids.as_ref().map(|ids| ids.iter().map(|id| id.0.clone()).collect()),
        languages: query.language.as_ref().map(|tags| tags.iter().map(|tag| tag.0.clone()).collect()),
        years: query.year.as_ref().map(|years| years.iter().map(|year| year.0).collect()),
        published_after: query.published_after,
        published_before: query.published_before,
        updated_after: query.updated_after,
    })
}
