//! The names of authors and tags, word by word. Stories are indexed under ids, and which ids a word means is looked up when somebody asks: a
//! renamed author is found by the new name at once, in however many stories.

use super::super::conn::Conn;
use super::super::error::Error;
use super::super::statement::{Statement, on_either};
use super::schema::{author_words, published_formers, tag_words};
use super::token::{self, Node};
use crate::domain::search::Term;
use crate::domain::words::folded;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::BTreeSet;

/// How many authors, and how many tags, one word can mean; what goes beyond is not looked for.
const MOST: i64 = 50;

/// The authors and tags that a term means by their names: ids, former ones included.
#[derive(Clone, Debug, Default)]
pub struct Meant {
    pub authors: Vec<String>,
    pub tags: Vec<String>,
}

impl Meant {
    pub fn node(&self) -> impl Iterator<Item = Node> {
        let authors = self.authors.iter().map(|id| token::of_author(id));
        authors.chain(self.tags.iter().map(|id| token::of_tag(id))).map(Node::Token)
    }

    /// Whether one of them is among ids with a space between.
    pub fn has(&self, author_ids: &str, tag_ids: &str) -> bool {
        let among = |ids: &str, meant: &[String]| ids.split_ascii_whitespace().any(|id| meant.iter().any(|known| known == id));
        among(author_ids, &self.authors) || among(tag_ids, &self.tags)
    }
}

/// Notes the name of an author.
pub fn keep_author(conn: &mut Conn, id: &str, name: &str) -> Result<(), Error> {
    diesel::delete(author_words::table.filter(author_words::author_id.eq(id))).execute(conn)?;
    for word in folded(name).into_iter().collect::<BTreeSet<_>>() {
        diesel::insert_into(author_words::table).values((author_words::word.eq(word), author_words::author_id.eq(id))).execute(conn)?;
    }
    Ok(())
}

/// Notes the name of a tag.
pub fn keep_tag(conn: &mut Conn, id: &str, name: &str) -> Result<(), Error> {
    diesel::delete(tag_words::table.filter(tag_words::tag_id.eq(id))).execute(conn)?;
    for word in folded(name).into_iter().collect::<BTreeSet<_>>() {
        diesel::insert_into(tag_words::table).values((tag_words::word.eq(word), tag_words::tag_id.eq(id))).execute(conn)?;
    }
    Ok(())
}

/// Notes that `to` stands wherever `from` stood, without touching a story in the index.
pub fn hand_over(conn: &mut Conn, from: &str, to: &str) -> Result<(), Error> {
    diesel::update(published_formers::table.filter(published_formers::id.eq(from))).set(published_formers::id.eq(to)).execute(conn)?;
    diesel::delete(published_formers::table.find(from)).execute(conn)?;
    diesel::insert_into(published_formers::table)
        .values((published_formers::former.eq(from), published_formers::id.eq(to)))
        .execute(conn)?;
    Ok(())
}

/// The same ids, and those whose place they took.
fn with_formers(conn: &mut Conn, ids: &[String]) -> Result<Vec<String>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let formers: Vec<String> =
        published_formers::table.filter(published_formers::id.eq_any(ids)).select(published_formers::former).load(conn)?;
    Ok(ids.iter().cloned().chain(formers).collect())
}

/// What the index has of stories by any of these authors.
pub fn by_any(conn: &mut Conn, author_ids: &[String]) -> Result<Node, Error> {
    Ok(Node::any_of(with_formers(conn, author_ids)?.iter().map(|id| token::of_author(id))))
}

/// What the index has of stories under any of these tags.
pub fn under_any(conn: &mut Conn, tag_ids: &[String]) -> Result<Node, Error> {
    Ok(Node::any_of(with_formers(conn, tag_ids)?.iter().map(|id| token::of_tag(id))))
}

/// What the index has of stories that are left out: by these authors, or under these tags.
pub fn left_out(conn: &mut Conn, author_ids: &[String], tag_ids: &[String]) -> Result<Vec<Node>, Error> {
    let ids = Meant { authors: with_formers(conn, author_ids)?, tags: with_formers(conn, tag_ids)? };
    Ok(ids.node().collect())
}

/// Whom a term means. Internal tags are meant where the newsroom asks.
pub fn meant(conn: &mut Conn, term: &Term, with_internal: bool) -> Result<Meant, Error> {
    let authors =
        named(conn, term, "SELECT DISTINCT n.id, n.name FROM author_words w JOIN authors n ON n.id = w.author_id WHERE w.word ", "")?;
    let tags = "SELECT DISTINCT n.id, n.name FROM tag_words w JOIN tags n ON n.id = w.tag_id WHERE w.word ";
    let tags = named(conn, term, tags, if with_internal { "" } else { " AND n.visibility = 'public'" })?;
    Ok(Meant { authors: with_formers(conn, &authors)?, tags: with_formers(conn, &tags)? })
}

fn named(conn: &mut Conn, term: &Term, from: &'static str, only: &'static str) -> Result<Vec<String>, Error> {
    let mut statement = Statement::default();
    statement.words(from);
    let Some(word) = term.words.first() else { return Ok(Vec::new()) };
    if term.is_prefix && !term.is_phrase() {
        // A name that merely begins with one letter is no answer to it.
        if word.chars().count() < 3 {
            return Ok(Vec::new());
        }
        statement.words(">= ").text(word).words(" AND w.word < ").text(after(word));
    } else {
        statement.words("= ").text(word);
    }
    statement.words(only).words(" ORDER BY n.id LIMIT ").number(MOST);
    let rows = statement.rows::<(Text, Text)>();
    let rows: Vec<(String, String)> = on_either!(conn, conn => rows.load(conn)?);
    Ok(rows.into_iter().filter(|(_, name)| term.is_in(&folded(name))).map(|(id, _)| id).collect())
}

/// Behind all words that begin so.
pub fn after(begins: &str) -> String {
    format!("{begins}{}", char::MAX)
}
