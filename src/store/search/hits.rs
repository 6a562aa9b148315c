//! Stories that match, in the order of their worth, page by page. The same for both databases and both views.

use super::super::error::Error;
use super::names::Meant;
use super::token::Node;
use crate::domain::search::facts::{Packed, Story};
use crate::domain::search::ranking::{Match, Scale, score};
use crate::domain::search::{Query, Term};
use crate::domain::words::folded;
use std::collections::{BTreeMap, HashMap};

/// How many matches are ranked: the newest of them, where there are more.
pub const RANKED: i64 = 600;
/// How many matches in titles are ranked beside those, so that an old story of just that name is found among many new ones.
pub const TITLED: i64 = 500;
/// How many matches are counted, and looked at where a list is narrowed by dates.
pub const COUNTED: i64 = 10_000;
/// In how many texts phrases are looked for.
pub const READ: usize = 4_000;
/// How many texts are read at once.
pub const READ_AT_ONCE: i64 = 500;
/// How many values of a facet are told.
const TOLD: usize = 50;

/// What is looked for, in whichever view.
#[derive(Clone, Debug)]
pub struct Asked {
    pub query: Query,
    /// Whether the newest come first, and not the best.
    pub by_date: bool,
    /// The hour, since 1970, that stories are fresh at; `None` counts all the same.
    pub now: Option<i64>,
    /// What the first page pinned down, so that later pages are pages of the same list.
    pub pinned: Option<Pinned>,
    /// Where to go on from: a score (or a date), and an id.
    pub after: Option<(i64, String)>,
    pub backward: bool,
    /// 1 to 100.
    pub limit: usize,
    pub count: bool,
    pub facets: bool,
}

/// What all pages of one list have in common, whatever is published meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// No story that was put into the index after this one.
    pub top: i64,
    pub now: Option<i64>,
    /// What each term is worth, in thousandths.
    pub weights: Vec<i64>,
}

/// A story that matches.
#[derive(Clone, Debug)]
pub struct Hit {
    pub place: i64,
    pub id: String,
    pub title: String,
    pub published_at: i64,
    /// What it is as fresh as: of a working copy, its last save.
    pub fresh_at: i64,
    pub language: String,
    pub year: i64,
    /// In their order, a space between.
    pub author_ids: String,
    pub tag_ids: String,
    pub terms: Vec<u8>,
}

/// The matches that are ranked.
#[derive(Debug, Default)]
pub struct Gathered {
    pub hits: Vec<Hit>,
    /// Whether these are all there are.
    pub is_whole: bool,
}

/// A page of what was found.
#[derive(Debug)]
pub struct Found {
    /// Ids in their order, each with its score in millionths and what it is sorted by.
    pub page: Vec<Place>,
    pub has_previous: bool,
    pub has_next: bool,
    pub pinned: Pinned,
    pub total: Option<Total>,
    pub facets: Option<Facets>,
    /// The query with its slips mended, where it finds nothing as it is.
    pub did_you_mean: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub id: String,
    pub score: i64,
    pub key: i64,
}

/// How many stories match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    pub count: i64,
    /// Whether it is all of them: counting ends at [`COUNTED`].
    pub is_exact: bool,
}

/// How many of the matches have which author, tag, language and year; the most frequent first.
#[derive(Clone, Debug, Default)]
pub struct Facets {
    pub authors: Vec<(String, i64)>,
    pub tags: Vec<(String, i64)>,
    pub languages: Vec<(String, i64)>,
    pub years: Vec<(String, i64)>,
}

/// What the index has to say yes to, beside the filters. Whether a phrase is one, the text says.
pub fn node(query: &Query, meant: &[Meant], without: &[Meant], entry: impl Fn(&str) -> String + Copy, with_names: bool) -> Node {
    let mut meant = meant.iter();
    let mut groups: Vec<Node> = Vec::with_capacity(query.all.len());
    for group in &query.all {
        let mut any: Vec<Node> = Vec::new();
        for term in group {
            any.push(Node::of_term(term, entry));
            any.extend(meant.next().filter(|_| with_names).into_iter().flat_map(Meant::node));
        }
        groups.push(if any.len() == 1 { any.remove(0) } else { Node::Any(any) });
    }
    let none = query.none.iter().filter(|term| !term.is_phrase()).map(|term| Node::of_term(term, str::to_owned));
    Node::All(groups).without(none.chain(without.iter().flat_map(Meant::node)).collect())
}

/// Whether a story has the phrases of a query, and not those to leave out.
pub fn has_phrases(query: &Query, story: &Story, is_meant: impl Fn(usize) -> bool) -> bool {
    let texts = std::iter::once(&story.title).chain(&story.lead).chain(&story.headings).chain(&story.body);
    let rows: Vec<Vec<String>> = texts.map(|text| folded(text)).collect();
    let has = |term: &Term| rows.iter().any(|row| term.is_in(row));
    let mut at = 0;
    let all = query.all.iter().all(|group| {
        let begin = at;
        at += group.len();
        group.iter().enumerate().any(|(index, term)| has(term) || is_meant(begin + index))
    });
    all && !query.none.iter().filter(|term| term.is_phrase()).any(has)
}

/// Ranks what was gathered and cuts the page out of it.
pub fn page(asked: &Asked, pinned: Pinned, meant: &[Meant], hits: &[Hit]) -> Found {
    let scale = Scale { weights: pinned.weights.iter().map(|weight| thousandths(*weight)).collect(), now: pinned.now };
    let place = |hit: &Hit| {
        let named: Vec<bool> = meant.iter().map(|meant| meant.has(&hit.author_ids, &hit.tag_ids)).collect();
        let story = Match { title: &hit.title, facts: Packed::of(&hit.terms), fresh_at: hit.fresh_at, named: &named };
        let score = score(&asked.query, &scale, &story);
        Place { id: hit.id.clone(), score, key: if asked.by_date { hit.published_at } else { score } }
    };
    let mut places: Vec<Place> = hits.iter().map(place).collect();
    // The best first; of equals the last made.
    places.sort_by(|one, other| (other.key, &other.id).cmp(&(one.key, &one.id)));
    let is_behind = |place: &Place, (key, id): &(i64, String)| (place.key, &place.id) < (*key, id);
    let is_before = |place: &Place, (key, id): &(i64, String)| (place.key, &place.id) > (*key, id);
    let (start, end) = match &asked.after {
        None => (0, asked.limit.min(places.len())),
        Some(after) if asked.backward => {
            let end = places.iter().take_while(|place| is_before(place, after)).count();
            (end.saturating_sub(asked.limit), end)
        }
        Some(after) => {
            let start = places.iter().take_while(|place| !is_behind(place, after)).count();
            (start, (start + asked.limit).min(places.len()))
        }
    };
    let has_next = end < places.len();
    let page = places.drain(start..end).collect();
    Found { page, has_previous: start > 0, has_next, pinned, total: None, facets: None, did_you_mean: None }
}

fn thousandths(weight: i64) -> f64 {
    f64::from(i32::try_from(weight).unwrap_or(i32::MAX)) / 1000.0
}

/// Counts what matches have.
pub fn facets<'a>(hits: impl Iterator<Item = (&'a str, &'a str, &'a str, i64)>) -> Facets {
    let mut counts: [HashMap<&str, i64>; 3] = Default::default();
    let mut years: BTreeMap<i64, i64> = BTreeMap::new();
    for (author_ids, tag_ids, language, year) in hits {
        author_ids.split_ascii_whitespace().for_each(|id| *counts[0].entry(id).or_default() += 1);
        tag_ids.split_ascii_whitespace().for_each(|id| *counts[1].entry(id).or_default() += 1);
        *counts[2].entry(language).or_default() += 1;
        *years.entry(year).or_default() += 1;
    }
    let sorted = |counts: HashMap<&str, i64>| {
        let mut counts: Vec<(String, i64)> = counts.into_iter().map(|(value, count)| (value.to_owned(), count)).collect();
        counts.sort_by(|(one, of_one), (other, of_other)| of_other.cmp(of_one).then_with(|| one.cmp(other)));
        counts
    };
    let [authors, tags, languages] = counts.map(sorted);
    let years = years.into_iter().rev().filter(|(year, _)| *year > 0).map(|(year, count)| (year.to_string(), count)).collect();
    Facets { authors, tags, languages, years }
}

/// The first of a facet's values, with what `name` knows of each; those of which it knows nothing are left out.
pub fn told<T>(values: Vec<(String, i64)>, mut name: impl FnMut(&str) -> Option<T>) -> Vec<(T, i64)> {
    values.into_iter().filter_map(|(value, count)| Some((name(&value)?, count))).take(TOLD).collect()
}

/// What each term of a query is worth, in thousandths: the rarest of its words counts. `having` says how many stories have a word.
pub fn weights(query: &Query, all: i64, mut having: impl FnMut(&Node) -> Result<i64, Error>) -> Result<Vec<i64>, Error> {
    let mut weights = Vec::new();
    let is_one = query.all.len() == 1;
    for term in query.terms() {
        // With one word there is nothing to weigh it against.
        let having = if is_one { 1 } else { having(&Node::of_term(term, str::to_owned))? };
        weights.push(rounded(crate::domain::search::ranking::weight(having, all)));
    }
    Ok(weights)
}

#[expect(clippy::cast_possible_truncation, reason = "a logarithm of some thousands")]
fn rounded(weight: f64) -> i64 {
    (weight * 1000.0).round() as i64
}
