//! Search in working copies, drafts included: for those who have signed in. Its index is one of its own, so that the public's holds no draft.

use super::super::articles::{ArticleRow, WorkingCopy, with_links};
use super::super::conn::Conn;
use super::super::error::Error;
use super::super::links;
use super::super::page::Filter;
use super::super::schema::articles;
use super::super::statement::{Statement, on_either};
use super::hits::{self, Asked, COUNTED, Found, Gathered, Hit, Pinned, RANKED, READ, Total};
use super::index;
use super::live::join;
use super::names::{self, Meant};
use super::token::{self, Node};
use crate::domain::api_key::Limits;
use crate::domain::article::Content;
use crate::domain::search::facts::Story;
use crate::domain::search::ranking;
use crate::domain::time::Moment;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

/// Finds working copies.
pub fn search(conn: &mut Conn, asked: &Asked, filter: &Filter) -> Result<Found, Error> {
    let meant: Vec<Meant> = asked.query.terms().map(|term| names::meant(conn, term, true)).collect::<Result<_, _>>()?;
    let without: Vec<Meant> = asked.query.none.iter().map(|term| names::meant(conn, term, true)).collect::<Result<_, _>>()?;
    let node = Node::All([vec![hits::node(&asked.query, &meant, &without, str::to_owned, true)], narrowed(conn, filter)?].concat());
    let node = node.without(names::left_out(conn, &filter.without_authors, &filter.without_tags)?);
    let top = asked.pinned.as_ref().map_or_else(|| newest(conn), |pinned| Ok(pinned.top))?;
    let gathered = gather(conn, asked, filter, (&node, top), &meant)?;
    let weights = match &asked.pinned {
        Some(pinned) => pinned.weights.clone(),
        None => hits::weights(&asked.query, ranking::COUNTED, |node| matches(conn, node, i64::MAX, ranking::COUNTED))?,
    };
    let now = asked.pinned.as_ref().map_or(asked.now, |pinned| pinned.now);
    let mut found = hits::page(asked, Pinned { top, now, weights }, &meant, &gathered.hits);
    let count = i64::try_from(gathered.hits.len()).unwrap_or(i64::MAX);
    found.total = asked.count.then_some(Total { count, is_exact: gathered.is_whole });
    found.facets = asked.facets.then(|| {
        hits::facets(gathered.hits.iter().map(|hit| (hit.author_ids.as_str(), hit.tag_ids.as_str(), hit.language.as_str(), hit.year)))
    });
    Ok(found)
}

/// The working copies of those ids, those in the trash included.
pub(super) fn all(conn: &mut Conn, ids: &[String]) -> Result<Vec<WorkingCopy>, Error> {
    let rows: Vec<ArticleRow> = articles::table.filter(articles::id.eq_any(ids)).select(ArticleRow::as_select()).load(conn)?;
    with_links(conn, rows)
}

/// The working copies of those ids, in the given order; those in the trash are left out.
pub fn copies(conn: &mut Conn, ids: &[String]) -> Result<Vec<WorkingCopy>, Error> {
    let query = articles::table.filter(articles::id.eq_any(ids).and(articles::deleted_at.is_null()));
    let rows: Vec<ArticleRow> = query.select(ArticleRow::as_select()).load(conn)?;
    let mut copies = with_links(conn, rows)?;
    copies.sort_by_key(|copy| ids.iter().position(|id| *id == copy.row.id));
    Ok(copies)
}

fn narrowed(conn: &mut Conn, filter: &Filter) -> Result<Vec<Node>, Error> {
    let mut narrow = Vec::new();
    if let Some(authors) = &filter.authors {
        narrow.push(names::by_any(conn, authors)?);
    }
    if let Some(tags) = &filter.tags {
        narrow.push(names::under_any(conn, tags)?);
    }
    if let Some(languages) = &filter.languages {
        narrow.push(Node::any_of(languages.iter().map(|language| token::of_language(language))));
    }
    // What an API key is bound to holds beside whatever is asked for.
    if let Some(Limits { tags, authors, languages }) = &filter.limits {
        if !tags.is_empty() {
            narrow.push(names::under_any(conn, tags)?);
        }
        if !authors.is_empty() {
            narrow.push(names::by_any(conn, authors)?);
        }
        if !languages.is_empty() {
            narrow.push(Node::any_of(languages.iter().map(|language| token::of_language(language))));
        }
    }
    Ok(narrow)
}

/// The copies that are to be ranked: of those that match the ones that were saved last.
fn gather(conn: &mut Conn, asked: &Asked, filter: &Filter, (node, top): (&Node, i64), meant: &[Meant]) -> Result<Gathered, Error> {
    let has_phrases = asked.query.has_phrases();
    let limit = if has_phrases { i64::try_from(READ).unwrap_or(i64::MAX) } else { RANKED + 1 };
    let mut rows = rows(conn, filter, (node, top), limit)?;
    let mut is_whole = i64::try_from(rows.len()).unwrap_or(i64::MAX) < limit;
    if has_phrases {
        let mut kept = Vec::new();
        for (hit, document) in rows {
            let is_meant = |at: usize| meant.get(at).is_some_and(|meant| meant.has(&hit.author_ids, &hit.tag_ids));
            if hits::has_phrases(&asked.query, &story(&hit.id, &document)?, is_meant) {
                kept.push((hit, document));
            }
        }
        rows = kept;
    }
    let most = usize::try_from(RANKED).unwrap_or(usize::MAX);
    is_whole &= rows.len() <= most;
    rows.truncate(most);
    Ok(Gathered { hits: rows.into_iter().map(|(hit, _)| hit).collect(), is_whole })
}

/// A working copy as search reads it: its body as it is written.
fn story(id: &str, document: &str) -> Result<Story, Error> {
    let content: Content = serde_json::from_str(document).map_err(|error| Error::Damaged(format!("article {id}: {error}")))?;
    Ok(index::story(&content, content.body.clone()))
}

fn rows(conn: &mut Conn, filter: &Filter, (node, top): (&Node, i64), limit: i64) -> Result<Vec<(Hit, String)>, Error> {
    let mut statement = Statement::default();
    statement.words("SELECT m.place, a.id, a.title, a.published_at, a.updated_at, a.language, t.terms, a.document FROM ");
    matching(conn, &mut statement, node, top, COUNTED);
    join(conn, &mut statement, "article_terms t ON t.place = m.place");
    join(conn, &mut statement, "articles a ON a.id = t.article_id");
    probe(&mut statement, filter);
    statement.words(" ORDER BY m.place DESC LIMIT ").number(limit);
    let rows = statement.rows::<(BigInt, Text, Text, Nullable<BigInt>, BigInt, Text, Binary, Text)>();
    type Row = (i64, String, String, Option<i64>, i64, String, Vec<u8>, String);
    let rows: Vec<Row> = on_either!(conn, conn => rows.load(conn)?);
    let ids: Vec<String> = rows.iter().map(|(_, id, ..)| id.clone()).collect();
    let mut authors = links::authors_of(conn, &ids)?;
    let mut tags = links::tags_of(conn, &ids)?;
    let hits = rows.into_iter().map(|(place, id, title, published_at, fresh_at, language, terms, document)| {
        let author_ids: Vec<String> = authors.remove(&id).unwrap_or_default().into_iter().map(|author| author.id).collect();
        let tag_ids: Vec<String> = tags.remove(&id).unwrap_or_default().into_iter().map(|tag| tag.id).collect();
        let year = published_at.map_or(0, |at| i64::from(Moment::from_milliseconds(at).year()));
        let (author_ids, tag_ids, published_at) = (author_ids.join(" "), tag_ids.join(" "), published_at.unwrap_or(0));
        (Hit { place, id, title, published_at, fresh_at, language, year, author_ids, tag_ids, terms }, document)
    });
    Ok(hits.collect())
}

/// Filters that the index knows nothing of.
fn probe(statement: &mut Statement, filter: &Filter) {
    statement.words(" WHERE a.deleted_at IS NULL");
    let bounds = [
        (" AND a.published_at > ", filter.published_after),
        (" AND a.published_at < ", filter.published_before),
        (" AND a.updated_at > ", filter.updated_after),
    ];
    for (words, bound) in bounds {
        if let Some(bound) = bound {
            statement.words(words).number(bound.milliseconds());
        }
    }
    if let Some(years) = &filter.years {
        statement.words(" AND (FALSE");
        for (start, end) in years {
            statement.words(" OR (a.published_at >= ").number(start.milliseconds());
            statement.words(" AND a.published_at < ").number(end.milliseconds()).words(")");
        }
        statement.words(")").rare();
    }
    if let Some(statuses) = filter.statuses.as_ref().filter(|statuses| !statuses.is_empty()) {
        statement.words(" AND a.status IN ").texts(statuses.iter().map(|status| status.name())).rare();
    }
    if let Some(assignee) = &filter.assignee {
        statement.words(" AND a.assignee_id = ").text(assignee.as_str());
    }
    match &filter.ids {
        Some(ids) if ids.is_empty() => _ = statement.words(" AND FALSE"),
        Some(ids) => _ = statement.words(" AND a.id IN ").texts(ids.iter().map(String::as_str)).rare(),
        None => {}
    }
}

fn newest(conn: &mut Conn) -> Result<i64, Error> {
    let mut statement = Statement::default();
    statement.words("SELECT max(place) FROM article_terms");
    let rows = statement.rows::<Nullable<BigInt>>();
    let top: Option<i64> = on_either!(conn, conn => rows.get_result(conn)?);
    Ok(top.unwrap_or(0))
}

fn matches(conn: &mut Conn, node: &Node, top: i64, most: i64) -> Result<i64, Error> {
    let mut statement = Statement::default();
    statement.words("SELECT count(*) FROM ");
    matching(conn, &mut statement, node, top, most);
    let rows = statement.rows::<BigInt>();
    Ok(on_either!(conn, conn => rows.get_result(conn)?))
}

/// The places of the copies saved last that the index says yes to, as a table `m`.
fn matching(conn: &Conn, statement: &mut Statement, node: &Node, top: i64, limit: i64) {
    let (before, after) = match conn {
        Conn::Sqlite(_) => ("(SELECT rowid AS place FROM article_index WHERE article_index MATCH ", " AND rowid <= "),
        Conn::Postgres(_) => ("(SELECT place FROM article_terms WHERE words @@ CAST(", " AS tsquery) AND place <= "),
    };
    let order = if matches!(conn, Conn::Sqlite(_)) { " ORDER BY rowid DESC LIMIT " } else { " ORDER BY place DESC LIMIT " };
    statement.words(before).text(node.written(conn)).words(after).number(top).words(order).number(limit).words(") m");
}
