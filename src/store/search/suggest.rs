//! What somebody may be about to type: titles of live stories, authors and public tags whose words begin so. Cheap enough for every keystroke.

use super::super::conn::Conn;
use super::super::error::Error;
use super::super::statement::{Statement, on_either};
use super::live::{join, matching, spelt_out};
use super::names::after;
use super::token::{self, Node};
use crate::domain::search::Term;
use crate::domain::words::folded;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// How many of the newest titles, and how many words of names, are looked at.
const LOOKED_AT: i64 = 60;

/// An author, a tag or a story.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Suggested {
    pub id: String,
    pub slug: String,
    /// Its name or title.
    pub text: String,
}

/// Titles with all words of a term, the last of which may go on: those that begin so before the others, the newest first.
pub fn titles(conn: &mut Conn, term: &Term, limit: usize) -> Result<Vec<Suggested>, Error> {
    let words = Term { is_prefix: true, ..term.clone() };
    let node = spelt_out(conn, Node::of_term(&words, token::of_title))?;
    let mut statement = Statement::default();
    statement.words("SELECT a.article_id, a.slug, a.title FROM ");
    matching(conn, &mut statement, &node, i64::MAX, LOOKED_AT);
    join(conn, &mut statement, "published_articles a ON a.place = m.place");
    statement.words(" ORDER BY m.place DESC");
    let rows = statement.rows::<(Text, Text, Text)>();
    let mut rows: Vec<Suggested> = on_either!(conn, conn => rows.load(conn)?);
    // The sort is stable: of equals the newest stays first.
    rows.sort_by_key(|row| !begins(&row.text, &words));
    let mut seen = std::collections::HashSet::new();
    rows.retain(|row| seen.insert(folded(&row.text)));
    rows.truncate(limit);
    Ok(rows)
}

/// Authors of live stories.
pub fn authors(conn: &mut Conn, term: &Term, limit: usize) -> Result<Vec<Suggested>, Error> {
    let from = "SELECT DISTINCT n.id, n.slug, n.name FROM (SELECT author_id AS id FROM author_words WHERE word >= ";
    named(conn, term, limit, from, "JOIN authors n ON n.id = w.id WHERE n.live_count > 0")
}

/// Public tags of live stories.
pub fn tags(conn: &mut Conn, term: &Term, limit: usize) -> Result<Vec<Suggested>, Error> {
    let from = "SELECT DISTINCT n.id, n.slug, n.name FROM (SELECT tag_id AS id FROM tag_words WHERE word >= ";
    named(conn, term, limit, from, "JOIN tags n ON n.id = w.id WHERE n.live_count > 0 AND n.visibility = 'public'")
}

fn named(conn: &mut Conn, term: &Term, limit: usize, from: &'static str, joined: &'static str) -> Result<Vec<Suggested>, Error> {
    let Some(last) = term.words.last() else { return Ok(Vec::new()) };
    let words = Term { is_prefix: true, ..term.clone() };
    let mut statement = Statement::default();
    statement.words(from).text(last.as_str()).words(" AND word < ").text(after(last));
    statement.words(" ORDER BY word LIMIT ").number(LOOKED_AT * 10).words(") w ").words(joined).words(" ORDER BY n.name, n.id");
    let rows = statement.rows::<(Text, Text, Text)>();
    let mut rows: Vec<Suggested> = on_either!(conn, conn => rows.load(conn)?);
    let others = &words.words[..words.words.len() - 1];
    rows.retain(|row| {
        let name = folded(&row.text);
        others.iter().all(|word| name.contains(word)) && name.iter().any(|word| word.starts_with(last.as_str()))
    });
    rows.sort_by_key(|row| !begins(&row.text, &words));
    rows.truncate(limit);
    Ok(rows)
}

/// Whether a text begins with the words.
fn begins(text: &str, words: &Term) -> bool {
    let text = folded(text);
    text.len() >= words.words.len() && words.is_in(&text[..words.words.len()])
}
