//! The statement behind a list of live stories: a walk over one index from a place on, in which the other filters are probed.
//!
//! The narrowest filter is walked; each value of it is a path of its own, and paths are merged. What a page costs depends on how many
//! stories the walk has to pass, never on how far down the list it lies.

use super::page::{Order, Position};
use super::statement::Statement;
use crate::domain::time::Moment;

/// How many pairs of an author and a tag are walked side by side; more are probed.
const MOST_PAIRS: usize = 50;

/// An author or a tag that a list is narrowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub id: String,
    /// How many live stories it had when it was looked up: an estimate of how long the walk is.
    pub live_count: i64,
}

/// What a list of live stories shows only; an empty `Some` shows nothing.
#[derive(Clone, Debug, Default)]
pub struct LiveFilter {
    pub ids: Option<Vec<String>>,
    pub authors: Option<Vec<Named>>,
    pub tags: Option<Vec<Named>>,
    pub without_authors: Vec<String>,
    pub without_tags: Vec<String>,
    pub languages: Option<Vec<String>>,
    pub years: Option<Vec<i16>>,
    pub published_after: Option<Moment>,
    pub published_before: Option<Moment>,
    pub updated_after: Option<Moment>,
}

/// Which forms of the body rows carry, in the order html, markdown, text, blocks, and whether the corrections come with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bodies {
    pub html: bool,
    pub markdown: bool,
    pub text: bool,
    pub blocks: bool,
    pub corrections: bool,
}

/// A list of live stories, from a place on.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    pub filter: &'a LiveFilter,
    pub order: Order,
    pub descending: bool,
    pub after: Option<&'a Position>,
    pub rows: i64,
}

/// What one walk holds on to.
#[derive(Clone, Copy, Debug)]
enum Path<'a> {
    All,
    Author(&'a str),
    Tag(&'a str),
    Language(&'a str),
    Year(i16),
    /// An author and a tag.
    Pair(&'a str, &'a str),
}

/// How a list is carried out.
pub enum Steps {
    /// Nothing can match.
    Nothing,
    /// One statement answers the rows themselves.
    Rows(Statement),
    /// One statement answers the keys of several paths, each in order; the rows are fetched by them.
    Keys(Statement),
    /// The rows of these ids, which are few: they are ordered when they are here.
    Ids(Statement),
}

impl Bodies {
    pub const NONE: Self = Self { html: false, markdown: false, text: false, blocks: false, corrections: false };

    pub fn any(self) -> bool {
        self != Self::NONE
    }
}

impl Walk<'_> {
    pub fn steps(&self, bodies: Bodies) -> Steps {
        let filter = self.filter;
        if let Some(ids) = &filter.ids {
            return if ids.is_empty() { Steps::Nothing } else { Steps::Ids(self.of_ids(ids, bodies)) };
        }
        let nobody = |named: &Option<Vec<Named>>| named.as_ref().is_some_and(Vec::is_empty);
        if nobody(&filter.authors) || nobody(&filter.tags) {
            return Steps::Nothing;
        }
        match self.paths().as_slice() {
            [] => Steps::Nothing,
            [path] => Steps::Rows(self.along(*path, Some(bodies))),
            paths => {
                let mut statement = Statement::default();
                for (index, path) in paths.iter().enumerate() {
                    statement.words(if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
                    statement.append(self.along(*path, None)).words(") walked");
                }
                statement.rare();
                Steps::Keys(statement)
            }
        }
    }

    /// How many stories there are in the whole list.
    pub fn count(&self) -> Statement {
        let mut statement = Statement::default();
        statement.words("SELECT count(*) FROM published_articles a WHERE TRUE");
        if let Some(ids) = &self.filter.ids {
            statement.words(" AND a.article_id IN ").texts(ids.iter().map(String::as_str));
        }
        self.filters(&mut statement, "a.", None);
        statement.rare();
        statement
    }

    /// The values of the narrowest filter.
    fn paths(&self) -> Vec<Path<'_>> {
        let filter = self.filter;
        if let (Some(authors), Some(tags), Order::Publication) = (&filter.authors, &filter.tags, self.order)
            && authors.len() * tags.len() <= MOST_PAIRS
            && filter.updated_after.is_none()
        {
            return authors.iter().flat_map(|by| tags.iter().map(|under| Path::Pair(&by.id, &under.id))).collect();
        }
        let length = |named: &Option<Vec<Named>>| named.as_ref().map(|named| named.iter().map(|one| one.live_count).sum::<i64>());
        match (length(&filter.authors), length(&filter.tags), &filter.years, &filter.languages) {
            (Some(by), under, ..) if under.is_none_or(|under| by <= under) => named(filter.authors.as_ref(), Path::Author),
            (_, Some(_), ..) => named(filter.tags.as_ref(), Path::Tag),
            (_, _, Some(years), _) => years.iter().map(|year| Path::Year(*year)).collect(),
            (_, _, _, Some(languages)) => languages.iter().map(|language| Path::Language(language)).collect(),
            _ => vec![Path::All],
        }
    }

    /// The walk along one path: whole rows with `bodies`, or the keys alone.
    fn along(&self, path: Path<'_>, bodies: Option<Bodies>) -> Statement {
        let mut statement = Statement::default();
        let (walked, table) = match path {
            Path::Author(_) => ("w.", " FROM published_article_authors w JOIN published_articles a ON a.place = w.place"),
            Path::Tag(_) => ("w.", " FROM published_article_tags w JOIN published_articles a ON a.place = w.place"),
            Path::Pair(..) => ("w.", " FROM published_article_pairs w JOIN published_articles a ON a.place = w.place"),
            Path::All | Path::Language(_) | Path::Year(_) => ("a.", " FROM published_articles a"),
        };
        match bodies {
            Some(bodies) => select(&mut statement, bodies),
            None => _ = statement.words("SELECT a.article_id, a.published_at, a.content_updated_at, a.title"),
        }
        statement.words(table);
        if bodies.is_some_and(Bodies::any) {
            statement.words(" JOIN published_contents c ON c.place = a.place");
        }
        match path {
            Path::All => statement.words(" WHERE TRUE"),
            Path::Author(id) => statement.words(" WHERE w.author_id = ").text(id),
            Path::Tag(id) => statement.words(" WHERE w.tag_id = ").text(id),
            Path::Language(language) => statement.words(" WHERE a.language = ").text(language),
            Path::Year(year) => statement.words(" WHERE a.year = ").number(year.into()),
            Path::Pair(author, tag) => statement.words(" WHERE w.author_id = ").text(author).words(" AND w.tag_id = ").text(tag),
        };
        self.filters(&mut statement, walked, Some(path));
        self.go_on(&mut statement, walked);
        statement
    }

    fn of_ids(&self, ids: &[String], bodies: Bodies) -> Statement {
        let mut statement = rows_of(ids.iter().map(String::as_str), bodies);
        self.filters(&mut statement, "a.", None);
        statement.rare();
        statement
    }

    /// All filters but the one that is walked.
    fn filters(&self, statement: &mut Statement, walked: &'static str, path: Option<Path<'_>>) {
        let filter = self.filter;
        let mut probes = 0;
        let mut bound = |words: &'static str, at: Option<Moment>| {
            if let Some(at) = at {
                statement.words(" AND ").words(walked).words(words).number(at.milliseconds());
            }
        };
        bound("published_at > ", filter.published_after);
        bound("published_at < ", filter.published_before);
        bound("content_updated_at > ", filter.updated_after);
        let ids = |named: Option<&[Named]>| named.unwrap_or_default().iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        let authors = ids(filter.authors.as_deref().filter(|_| !matches!(path, Some(Path::Author(_) | Path::Pair(..)))));
        let tags = ids(filter.tags.as_deref().filter(|_| !matches!(path, Some(Path::Tag(_) | Path::Pair(..)))));
        const BY: [&str; 2] = ["EXISTS (SELECT 1 FROM published_article_authors x WHERE x.place = ", "place AND x.author_id IN "];
        const UNDER: [&str; 2] = ["EXISTS (SELECT 1 FROM published_article_tags x WHERE x.place = ", "place AND x.tag_id IN "];
        let links = [
            (" AND ", BY, &authors),
            (" AND ", UNDER, &tags),
            (" AND NOT ", BY, &filter.without_authors),
            (" AND NOT ", UNDER, &filter.without_tags),
        ];
        for (joint, [exists, among], ids) in links.into_iter().filter(|(.., ids)| !ids.is_empty()) {
            statement.words(joint).words(exists).words(walked).words(among).texts(ids.iter().map(String::as_str)).words(")");
            probes += ids.len();
        }
        if let Some(languages) = filter.languages.as_deref().filter(|_| !matches!(path, Some(Path::Language(_)))) {
            statement.words(" AND a.language IN ").texts(languages.iter().map(String::as_str)).rare();
        }
        if let Some(years) = filter.years.as_deref().filter(|_| !matches!(path, Some(Path::Year(_)))) {
            for (index, year) in years.iter().enumerate() {
                statement.words(if index == 0 { " AND a.year IN (" } else { ", " }).number((*year).into());
            }
            statement.words(")").rare();
        }
        if probes > 1 {
            statement.rare();
        }
    }

    /// The place, the order and the end. A comparison of pairs walks the index; `key < ? OR (key = ? AND id < ?)` does not.
    fn go_on(&self, statement: &mut Statement, walked: &'static str) {
        let key = match self.order {
            Order::Publication | Order::Creation => "published_at",
            Order::Update => "content_updated_at",
            Order::Title => "title",
        };
        if let Some(after) = self.after {
            statement.words(" AND (").words(walked).words(key).words(", ").words(walked).words("article_id)");
            statement.words(if self.descending { " < (" } else { " > (" });
            match self.order {
                Order::Title => statement.text(after.key.text()),
                _ => statement.number(after.key.number()),
            };
            statement.words(", ").text(after.id.as_str()).words(")");
        }
        let direction = if self.descending { " DESC" } else { " ASC" };
        statement.words(" ORDER BY ").words(walked).words(key).words(direction);
        statement.words(", ").words(walked).words("article_id").words(direction);
        statement.words(" LIMIT ").number(self.rows);
    }
}

/// The rows of live stories by their ids, in no order.
pub(super) fn rows_of<'a>(ids: impl IntoIterator<Item = &'a str>, bodies: Bodies) -> Statement {
    let mut statement = one_row(bodies);
    statement.words(" WHERE a.article_id IN ").texts(ids);
    statement
}

/// The beginning of a statement that answers one row.
pub(super) fn one_row(bodies: Bodies) -> Statement {
    let mut statement = Statement::default();
    select(&mut statement, bodies);
    statement.words(" FROM published_articles a");
    if bodies.any() {
        statement.words(" JOIN published_contents c ON c.place = a.place");
    }
    statement
}

/// The columns of `LiveRow`, in its order.
fn select(statement: &mut Statement, bodies: Bodies) {
    statement
        .words("SELECT a.article_id, a.slug, a.version, a.title, a.published_at, a.content_updated_at, a.changed_at")
        .words(", a.author_ids, a.tag_ids, a.summary");
    let parts = [
        (bodies.html, ", c.html"),
        (bodies.markdown, ", c.markdown"),
        (bodies.text, ", c.text"),
        (bodies.blocks, ", c.blocks"),
        (bodies.corrections, ", c.corrections"),
    ];
    for (wanted, column) in parts {
        statement.words(if wanted { column } else { ", NULL" });
    }
}

fn named<'a>(named: Option<&'a Vec<Named>>, path: impl Fn(&'a str) -> Path<'a>) -> Vec<Path<'a>> {
    named.into_iter().flatten().map(|one| path(&one.id)).collect()
}
