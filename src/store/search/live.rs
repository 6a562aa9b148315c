//! Search in the live view. It knows the published tables only; a test keeps working tables out of this file.

use super::super::conn::Conn;
use super::super::error::Error;
use super::super::live::{LiveFilter, Named};
use super::super::schema::published_contents as parts;
use super::super::statement::{Statement, on_either};
use super::hits::{self, Asked, COUNTED, Facets, Found, Gathered, Hit, Pinned, RANKED, READ, READ_AT_ONCE, TITLED, Total};
use super::index;
use super::names::{self, Meant};
use super::spelling;
use super::token::{self, Node};
use crate::domain::article::Content;
use crate::domain::search::facts::Story;
use crate::domain::search::{Query, ranking};
use crate::domain::time::Moment;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use std::collections::HashMap;

/// The years between which dates are looked up in the index; what lies further apart is not narrowed by it.
const MOST_YEARS: i64 = 200;

/// How many letters the beginnings have at the most that FTS5 keeps.
const KEPT: usize = 3;
/// How many words are written in the place of their beginning; one with more is left to the database.
const SPELT_OUT: i64 = 500;

/// What is looked for, made ready.
struct Search<'a> {
    asked: &'a Asked,
    filter: &'a LiveFilter,
    meant: Vec<Meant>,
    /// What the index is asked: words anywhere, or in titles alone.
    anywhere: Node,
    in_titles: Node,
    top: i64,
}

/// Finds live stories.
pub fn search(conn: &mut Conn, asked: &Asked, filter: &LiveFilter) -> Result<Found, Error> {
    let Some(search) = Search::prepare(conn, asked, filter)? else {
        let pinned = Pinned { top: 0, now: asked.now, weights: Vec::new() };
        return Ok(Found {
            total: asked.count.then_some(NONE),
            facets: asked.facets.then(Facets::default),
            ..hits::page(asked, pinned, &[], &[])
        });
    };
    let gathered = search.gather(conn)?;
    let weights = match &asked.pinned {
        Some(pinned) => pinned.weights.clone(),
        None => {
            let all = counted(conn, ranking::COUNTED)?;
            hits::weights(&asked.query, all, |node| matches(conn, node, i64::MAX, ranking::COUNTED))?
        }
    };
    let now = asked.pinned.as_ref().map_or(asked.now, |pinned| pinned.now);
    let pinned = Pinned { top: search.top, now, weights };
    let mut found = hits::page(asked, pinned, &search.meant, &gathered.hits);
    search.complete(conn, &mut found, &gathered)?;
    Ok(found)
}

const NONE: Total = Total { count: 0, is_exact: true };

/// The query with its slips mended, if it finds something then; to be asked where it finds nothing as it is.
pub fn did_you_mean(conn: &mut Conn, text: &str, asked: &Asked, filter: &LiveFilter) -> Result<Option<String>, Error> {
    let Some(mended) = spelling::mended(conn, text, &asked.query)? else { return Ok(None) };
    let Ok(query) = Query::parse(&mended) else { return Ok(None) };
    let asked = Asked { query, pinned: None, after: None, limit: 1, count: false, facets: false, ..asked.clone() };
    let found = match Search::prepare(conn, &asked, filter)? {
        Some(search) => !search.gather(conn)?.hits.is_empty(),
        None => false,
    };
    Ok(found.then_some(mended))
}

impl<'a> Search<'a> {
    /// `None` if nothing can match.
    fn prepare(conn: &mut Conn, asked: &'a Asked, filter: &'a LiveFilter) -> Result<Option<Self>, Error> {
        let top = match &asked.pinned {
            Some(pinned) => pinned.top,
            None => newest(conn)?,
        };
        let mut narrow = Vec::new();
        let ids = |named: &[Named]| named.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        if let Some(authors) = &filter.authors {
            narrow.push(names::by_any(conn, &ids(authors))?);
        }
        if let Some(tags) = &filter.tags {
            narrow.push(names::under_any(conn, &ids(tags))?);
        }
        if let Some(languages) = &filter.languages {
            narrow.push(Node::any_of(languages.iter().map(|language| token::of_language(language))));
        }
        if let Some(years) = &filter.years {
            narrow.push(Node::any_of(years.iter().map(|year| token::of_year(i64::from(*year)))));
        }
        narrow.extend(years_between(conn, filter)?);
        let without = names::left_out(conn, &filter.without_authors, &filter.without_tags)?;
        if narrow.contains(&Node::Any(Vec::new())) || filter.ids.as_ref().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        let meant: Vec<Meant> = asked.query.terms().map(|term| names::meant(conn, term, false)).collect::<Result<_, _>>()?;
        let without_meant: Vec<Meant> = asked.query.none.iter().map(|term| names::meant(conn, term, false)).collect::<Result<_, _>>()?;
        let mut narrowed = |query: Node| {
            let all = std::iter::once(query).chain(narrow.iter().cloned()).collect();
            spelt_out(conn, Node::All(all).without(without.clone()))
        };
        let anywhere = narrowed(hits::node(&asked.query, &meant, &without_meant, str::to_owned, true))?;
        let in_titles = narrowed(hits::node(&asked.query, &meant, &without_meant, token::of_title, false))?;
        Ok(Some(Self { asked, filter, meant, anywhere, in_titles, top }))
    }

    /// The matches that are to be ranked.
    fn gather(&self, conn: &mut Conn) -> Result<Gathered, Error> {
        let mut gathered =
            if self.asked.query.has_phrases() { self.read(conn, &self.anywhere)? } else { self.newest(conn, &self.anywhere)? };
        if !gathered.is_whole {
            let mut titled = self.rows(conn, &self.in_titles, self.top, TITLED)?;
            titled.retain(|hit| !gathered.hits.iter().any(|known| known.place == hit.place));
            if self.asked.query.has_phrases() {
                titled = self.with_phrases(conn, titled)?;
            }
            gathered.hits.extend(titled);
        }
        Ok(gathered)
    }

    fn newest(&self, conn: &mut Conn, node: &Node) -> Result<Gathered, Error> {
        let mut hits = self.rows(conn, node, self.top, RANKED + 1)?;
        let most = usize::try_from(RANKED).unwrap_or(usize::MAX);
        let is_whole = hits.len() <= most;
        hits.truncate(most);
        Ok(Gathered { hits, is_whole })
    }

    /// The newest matches in whose text the phrases stand.
    fn read(&self, conn: &mut Conn, node: &Node) -> Result<Gathered, Error> {
        let (mut gathered, mut read, mut top) = (Gathered::default(), 0, self.top);
        loop {
            let hits = self.rows(conn, node, top, READ_AT_ONCE)?;
            // Of stories that are narrowed by dates, those that were looked at last may all have been of other dates.
            let is_last = hits.is_empty() || (hits.len() < usize::try_from(READ_AT_ONCE).unwrap_or(0) && !self.filter.is_dated());
            read += hits.len();
            top = hits.last().map_or(0, |hit| hit.place) - 1;
            gathered.hits.extend(self.with_phrases(conn, hits)?);
            if is_last {
                gathered.is_whole = true;
                return Ok(gathered);
            }
            if read >= READ || gathered.hits.len() >= usize::try_from(RANKED).unwrap_or(usize::MAX) {
                return Ok(gathered);
            }
        }
    }

    fn with_phrases(&self, conn: &mut Conn, hits: Vec<Hit>) -> Result<Vec<Hit>, Error> {
        let places: Vec<i64> = hits.iter().map(|hit| hit.place).collect();
        let mut stories: HashMap<i64, Story> = stories(conn, &places)?.into_iter().collect();
        let mut kept = Vec::new();
        for hit in hits {
            let is_meant = |at: usize| self.meant.get(at).is_some_and(|meant| meant.has(&hit.author_ids, &hit.tag_ids));
            if stories.remove(&hit.place).is_some_and(|story| hits::has_phrases(&self.asked.query, &story, is_meant)) {
                kept.push(hit);
            }
        }
        Ok(kept)
    }

    /// The newest stories that the index and the filters say yes to.
    fn rows(&self, conn: &mut Conn, node: &Node, top: i64, limit: i64) -> Result<Vec<Hit>, Error> {
        let mut statement = Statement::default();
        statement
            .words("SELECT a.place, a.article_id, a.title, a.published_at, a.language, a.year, a.author_ids, a.tag_ids, t.terms FROM ");
        let looked_at = if self.filter.is_dated() { COUNTED } else { limit };
        matching(conn, &mut statement, node, top, looked_at);
        join(conn, &mut statement, "published_articles a ON a.place = m.place");
        join(conn, &mut statement, "published_terms t ON t.place = m.place");
        self.probe(&mut statement);
        statement.words(" ORDER BY m.place DESC LIMIT ").number(limit);
        let rows = statement.rows::<(BigInt, Text, Text, BigInt, Text, BigInt, Text, Text, Binary)>();
        type Row = (i64, String, String, i64, String, i64, String, String, Vec<u8>);
        let rows: Vec<Row> = on_either!(conn, conn => rows.load(conn)?);
        let hit = |(place, id, title, published_at, language, year, author_ids, tag_ids, terms): Row| Hit {
            place,
            id,
            title,
            published_at,
            fresh_at: published_at,
            language,
            year,
            author_ids,
            tag_ids,
            terms,
        };
        Ok(rows.into_iter().map(hit).collect())
    }

    /// Filters that the index knows nothing of.
    fn probe(&self, statement: &mut Statement) {
        statement.words(" WHERE TRUE");
        let bounds = [
            (" AND a.published_at > ", self.filter.published_after),
            (" AND a.published_at < ", self.filter.published_before),
            (" AND a.content_updated_at > ", self.filter.updated_after),
        ];
        for (words, bound) in bounds {
            if let Some(bound) = bound {
                statement.words(words).number(bound.milliseconds());
            }
        }
        if let Some(ids) = &self.filter.ids {
            statement.words(" AND a.article_id IN ").texts(ids.iter().map(String::as_str)).rare();
        }
    }

    /// Adds what was asked for beside the page.
    fn complete(&self, conn: &mut Conn, found: &mut Found, gathered: &Gathered) -> Result<(), Error> {
        let all = i64::try_from(gathered.hits.len()).unwrap_or(i64::MAX);
        let is_read = self.asked.query.has_phrases();
        if (gathered.is_whole && !self.filter.is_dated()) || is_read {
            found.total = self.asked.count.then_some(Total { count: all, is_exact: gathered.is_whole });
            let of = |hit: &'_ Hit| (hit.author_ids.clone(), hit.tag_ids.clone(), hit.language.clone(), hit.year);
            let rows: Vec<_> = gathered.hits.iter().map(of).collect();
            found.facets = self.asked.facets.then(|| facets_of(&rows));
            return Ok(());
        }
        if !self.asked.count && !self.asked.facets {
            return Ok(());
        }
        let rows = self.wide(conn)?;
        if self.asked.count {
            let looked_at = matches(conn, &self.anywhere, self.top, COUNTED + 1)?;
            let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            found.total = Some(Total { count, is_exact: looked_at <= COUNTED });
        }
        found.facets = self.asked.facets.then(|| facets_of(&rows));
        Ok(())
    }

    /// What facets are counted by, of the newest ten thousand.
    fn wide(&self, conn: &mut Conn) -> Result<Vec<(String, String, String, i64)>, Error> {
        let mut statement = Statement::default();
        statement.words("SELECT a.author_ids, a.tag_ids, a.language, a.year FROM ");
        matching(conn, &mut statement, &self.anywhere, self.top, COUNTED);
        join(conn, &mut statement, "published_articles a ON a.place = m.place");
        self.probe(&mut statement);
        let rows = statement.rows::<(Text, Text, Text, BigInt)>();
        Ok(on_either!(conn, conn => rows.load(conn)?))
    }
}

fn facets_of(rows: &[(String, String, String, i64)]) -> Facets {
    hits::facets(rows.iter().map(|(authors, tags, language, year)| (authors.as_str(), tags.as_str(), language.as_str(), *year)))
}

impl LiveFilter {
    /// Whether it has bounds that the index does not know to the day.
    fn is_dated(&self) -> bool {
        self.published_after.is_some() || self.published_before.is_some() || self.updated_after.is_some() || self.ids.is_some()
    }
}

/// The years that a range of dates touches, of those that there are.
fn years_between(conn: &mut Conn, filter: &LiveFilter) -> Result<Option<Node>, Error> {
    if filter.published_after.is_none() && filter.published_before.is_none() {
        return Ok(None);
    }
    let mut statement = Statement::default();
    statement.words("SELECT min(year), (SELECT max(year) FROM published_articles) FROM published_articles");
    let rows = statement.rows::<(Nullable<BigInt>, Nullable<BigInt>)>();
    let (first, last): (Option<i64>, Option<i64>) = on_either!(conn, conn => rows.get_result(conn)?);
    let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
    let year = |moment: Option<Moment>, otherwise: i64| moment.map_or(otherwise, |moment| i64::from(moment.year()));
    let (from, to) = (year(filter.published_after, first).max(first), year(filter.published_before, last).min(last));
    Ok((to - from < MOST_YEARS).then(|| Node::any_of((from..=to).map(token::of_year))))
}

/// The newest story in the index.
fn newest(conn: &mut Conn) -> Result<i64, Error> {
    let mut statement = Statement::default();
    statement.words("SELECT max(place) FROM published_terms");
    let rows = statement.rows::<Nullable<BigInt>>();
    let top: Option<i64> = on_either!(conn, conn => rows.get_result(conn)?);
    Ok(top.unwrap_or(0))
}

/// How many live stories there are, counted to a bound.
fn counted(conn: &mut Conn, most: i64) -> Result<i64, Error> {
    let mut statement = Statement::default();
    statement.words("SELECT count(*) FROM (SELECT 1 FROM published_articles LIMIT ").number(most).words(") m");
    let rows = statement.rows::<BigInt>();
    Ok(on_either!(conn, conn => rows.get_result(conn)?))
}

/// How many stories the index says yes to, counted to a bound.
pub(super) fn matches(conn: &mut Conn, node: &Node, top: i64, most: i64) -> Result<i64, Error> {
    let node = spelt_out(conn, node.clone())?;
    let mut statement = Statement::default();
    statement.words("SELECT count(*) FROM ");
    matching(conn, &mut statement, &node, top, most);
    let rows = statement.rows::<BigInt>();
    Ok(on_either!(conn, conn => rows.get_result(conn)?))
}

/// The same with the words that begin so in the place of each beginning. FTS5 merges all that it has of these words before it tells the first,
/// unless the beginning is one of those that it keeps; words it walks from the newest, and no further than asked.
pub(super) fn spelt_out(conn: &mut Conn, node: Node) -> Result<Node, Error> {
    if matches!(conn, Conn::Postgres(_)) {
        return Ok(node);
    }
    node.replacing(&mut |entry| {
        let (mark, beginning) = token::word_of(entry);
        if entry.chars().count() <= KEPT {
            return Ok(None);
        }
        let mut statement = Statement::default();
        statement
            .words("SELECT word FROM published_words WHERE word >= ")
            .text(beginning)
            .words(" AND word < ")
            .text(names::after(beginning));
        statement.words(" ORDER BY word LIMIT ").number(SPELT_OUT + 1);
        let rows = statement.rows::<Text>();
        let words: Vec<String> = on_either!(conn, conn => rows.load(conn)?);
        let is_few = i64::try_from(words.len()).is_ok_and(|count| count <= SPELT_OUT);
        Ok(is_few.then(|| Node::any_of(words.iter().map(|word| format!("{mark}{word}")))))
    })
}

/// The places of the newest stories that the index says yes to, as a table `m`: it is walked from its newest end, and no further than asked.
pub(super) fn matching(conn: &Conn, statement: &mut Statement, node: &Node, top: i64, limit: i64) {
    let (before, after) = match conn {
        Conn::Sqlite(_) => ("(SELECT rowid AS place FROM published_index WHERE published_index MATCH ", " AND rowid <= "),
        Conn::Postgres(_) => ("(SELECT place FROM published_terms WHERE words @@ CAST(", " AS tsquery) AND place <= "),
    };
    let order = if matches!(conn, Conn::Sqlite(_)) { " ORDER BY rowid DESC LIMIT " } else { " ORDER BY place DESC LIMIT " };
    statement.words(before).text(node.written(conn)).words(after).number(top).words(order).number(limit).words(") m");
}

/// Joins a table to `m`, which SQLite is told to begin with.
pub(super) fn join(conn: &Conn, statement: &mut Statement, table: &'static str) {
    statement.words(if matches!(conn, Conn::Sqlite(_)) { " CROSS JOIN " } else { " JOIN " }).words(table);
}

/// The texts of live stories, by their places.
fn stories(conn: &mut Conn, places: &[i64]) -> Result<Vec<(i64, Story)>, Error> {
    let query = parts::table.filter(parts::place.eq_any(places)).select((parts::place, parts::document, parts::markdown, parts::text));
    let rows: Vec<(i64, String, String, String)> = query.load(conn)?;
    let story = |(place, document, markdown, text): (i64, String, String, String)| {
        let (content, text) = parsed(&document, &markdown, &text)?;
        Ok((place, index::story(&content, text)))
    };
    rows.into_iter().map(story).collect()
}

/// The content of a live story and its body as text, of what is stored of it.
pub(super) fn parsed(document: &str, markdown: &str, text: &str) -> Result<(Content, String), Error> {
    let damaged = |error: serde_json::Error| Error::Damaged(format!("a live story: {error}"));
    let content: Content = serde_json::from_str(document).map_err(damaged)?;
    let body: String = serde_json::from_str(markdown).map_err(damaged)?;
    Ok((Content { body, ..content }, serde_json::from_str(text).map_err(damaged)?))
}

/// The content of live stories, each with its body as text, by their ids: what passages are cut from.
pub fn texts(conn: &mut Conn, ids: &[String]) -> Result<HashMap<String, (Content, String)>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut statement = Statement::default();
    statement.words(
        "SELECT a.article_id, c.document, c.markdown, c.text FROM published_articles a JOIN published_contents c ON c.place = a.place",
    );
    statement.words(" WHERE a.article_id IN ").texts(ids.iter().map(String::as_str)).rare();
    let rows = statement.rows::<(Text, Text, Text, Text)>();
    let rows: Vec<(String, String, String, String)> = on_either!(conn, conn => rows.load(conn)?);
    rows.into_iter().map(|(id, document, markdown, text)| Ok((id, parsed(&document, &markdown, &text)?))).collect()
}
