//! What somebody may have meant, of the words that live stories have. Bounded: a slip leaves one end of a word alone, and words are looked up by it.

use super::super::conn::Conn;
use super::super::error::Error;
use super::super::statement::{Statement, on_either};
use super::live::matches;
use super::names::{self, after};
use super::token::Node;
use crate::domain::search::spelling::{ends, is_speakable, slips};
use crate::domain::search::{Query, Term};
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::ops::Range;

/// How many words with the same beginning, or the same end, are looked at.
const LOOKED_AT: i64 = 5_000;
/// How many of those that come near are counted.
const COUNTED: usize = 12;
/// How far they are counted.
const COUNTED_TO: i64 = 1_000;

/// The text of a query with each word that no live story has replaced by one that some have; `None` if there is none to replace, or nothing
/// that comes near. Words of stories that are gone are in no index, and not offered.
pub fn mended(conn: &mut Conn, text: &str, query: &Query) -> Result<Option<String>, Error> {
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    for term in query.terms() {
        for (word, place) in term.words.iter().zip(&term.places) {
            let alone =
                Term { words: vec![word.clone()], places: Vec::new(), is_prefix: term.is_prefix && Some(word) == term.words.last() };
            let meant = names::meant(conn, &alone, false)?;
            let node = Node::Any(std::iter::once(Node::of_term(&alone, str::to_owned)).chain(meant.node()).collect());
            if matches(conn, &node, i64::MAX, 1)? > 0 {
                continue;
            }
            let Some(better) = better(conn, word)? else { return Ok(None) };
            changes.push((place.clone(), better));
        }
    }
    if changes.is_empty() {
        return Ok(None);
    }
    changes.sort_by_key(|(place, _)| place.start);
    let mut mended = text.to_owned();
    for (place, better) in changes.into_iter().rev() {
        mended.replace_range(place, &better);
    }
    Ok(Some(mended))
}

/// The word that comes nearest, and of those the one that most stories have.
fn better(conn: &mut Conn, word: &str) -> Result<Option<String>, Error> {
    if !is_speakable(word) {
        return Ok(None);
    }
    let Some((begin, end)) = ends(word) else { return Ok(None) };
    let mut near: Vec<(usize, String)> = Vec::new();
    for candidate in alike(conn, begin, end)? {
        if let Some(slips) = slips(word, &candidate) {
            near.push((slips, candidate));
        }
    }
    near.sort();
    near.dedup();
    let first = word.chars().next();
    let mut best: Option<((usize, bool, i64), String)> = None;
    for (slips, candidate) in near.into_iter().take(COUNTED) {
        let count = matches(conn, &Node::Token(candidate.clone()), i64::MAX, COUNTED_TO)?;
        let worth = (slips, candidate.chars().next() != first, -count);
        if count > 0 && best.as_ref().is_none_or(|(least, _)| worth < *least) {
            best = Some((worth, candidate));
        }
    }
    Ok(best.map(|(_, word)| word))
}

/// Words that begin or end as a word does.
fn alike(conn: &mut Conn, begin: String, end: String) -> Result<Vec<String>, Error> {
    let mut statement = Statement::default();
    statement.words("SELECT word FROM (SELECT word FROM published_words WHERE word >= ").text(begin.as_str());
    statement.words(" AND word < ").text(after(&begin)).words(" ORDER BY word LIMIT ").number(LOOKED_AT);
    statement.words(") b UNION SELECT word FROM (SELECT word FROM published_words WHERE backwards >= ").text(end.as_str());
    statement.words(" AND backwards < ").text(after(&end)).words(" ORDER BY backwards LIMIT ").number(LOOKED_AT).words(") e");
    let rows = statement.rows::<Text>();
    let mut words: Vec<String> = on_either!(conn, conn => rows.load(conn)?);
    words.retain(|word| is_speakable(word));
    Ok(words)
}
