//! The entries of the index, and expressions over them in the language of either database.
//!
//! A word is its own entry. Entries that are no words begin with a mark that no folded word has.

use super::super::conn::Conn;
use crate::domain::search::Term;
use std::fmt::Write as _;

/// What says that a word is one of the title. One letter, so that of the beginnings that FTS5 keeps more are those of words.
const TITLE: &str = "¶";

/// A word, in the title.
pub fn of_title(word: &str) -> String {
    format!("{TITLE}{word}")
}

/// The mark and the word of an entry for a word.
pub fn word_of(entry: &str) -> (&'static str, &str) {
    entry.strip_prefix(TITLE).map_or(("", entry), |word| (TITLE, word))
}

/// Written by an author.
pub fn of_author(id: &str) -> String {
    format!("§a{}", plain(id))
}

/// Under a tag.
pub fn of_tag(id: &str) -> String {
    format!("§g{}", plain(id))
}

pub fn of_language(language: &str) -> String {
    format!("§l{}", plain(language))
}

/// First published in a year.
pub fn of_year(year: i64) -> String {
    format!("§y{year}")
}

/// In one piece for both databases: no marks, small.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// What a story has to have in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Token(String),
    /// An entry that begins so.
    Prefix(String),
    All(Vec<Self>),
    /// One of them, at least; none of nothing.
    Any(Vec<Self>),
    Without(Box<Self>, Box<Self>),
}

impl Node {
    /// The words of a term, each as `entry` makes it.
    pub fn of_term(term: &Term, entry: impl Fn(&str) -> String) -> Self {
        let last = term.words.len() - 1;
        let word = |(index, word): (usize, &String)| {
            if term.is_prefix && index == last { Self::Prefix(entry(word)) } else { Self::Token(entry(word)) }
        };
        Self::All(term.words.iter().enumerate().map(word).collect())
    }

    pub fn any_of(tokens: impl IntoIterator<Item = String>) -> Self {
        Self::Any(tokens.into_iter().map(Self::Token).collect())
    }

    /// The same without what has any of these.
    #[must_use]
    pub fn without(self, others: Vec<Self>) -> Self {
        if others.is_empty() { self } else { Self::Without(Box::new(self), Box::new(Self::Any(others))) }
    }

    /// The same with each beginning replaced by what `instead` knows of it.
    pub fn replacing<E>(self, instead: &mut impl FnMut(&str) -> Result<Option<Self>, E>) -> Result<Self, E> {
        let mut each = |nodes: Vec<Self>| nodes.into_iter().map(|node| node.replacing(instead)).collect::<Result<Vec<_>, E>>();
        Ok(match self {
            Self::Token(token) => Self::Token(token),
            Self::Prefix(token) => instead(&token)?.unwrap_or(Self::Prefix(token)),
            Self::All(nodes) => Self::All(each(nodes)?),
            Self::Any(nodes) => Self::Any(each(nodes)?),
            Self::Without(node, other) => Self::Without(Box::new(node.replacing(instead)?), Box::new(other.replacing(instead)?)),
        })
    }

    /// As the database wants it.
    pub fn written(&self, conn: &Conn) -> String {
        let mut out = String::new();
        match conn {
            Conn::Sqlite(_) => self.fts5(&mut out),
            Conn::Postgres(_) => self.tsquery(&mut out),
        }
        out
    }

    fn fts5(&self, out: &mut String) {
        match self {
            Self::Token(token) => _ = write!(out, "\"{token}\""),
            Self::Prefix(token) => _ = write!(out, "\"{token}\"*"),
            Self::All(nodes) => joined(out, nodes, " AND ", Self::fts5),
            Self::Any(nodes) => joined(out, nodes, " OR ", Self::fts5),
            Self::Without(node, other) => {
                out.push('(');
                node.fts5(out);
                out.push_str(" NOT ");
                other.fts5(out);
                out.push(')');
            }
        }
    }

    fn tsquery(&self, out: &mut String) {
        match self {
            Self::Token(token) => _ = write!(out, "'{token}'"),
            Self::Prefix(token) => _ = write!(out, "'{token}':*"),
            Self::All(nodes) => joined(out, nodes, " & ", Self::tsquery),
            Self::Any(nodes) => joined(out, nodes, " | ", Self::tsquery),
            Self::Without(node, other) => {
                out.push('(');
                node.tsquery(out);
                out.push_str(" & !");
                other.tsquery(out);
                out.push(')');
            }
        }
    }
}

/// In brackets; nothing at all is an entry that no story has.
fn joined(out: &mut String, nodes: &[Node], joint: &str, write: impl Fn(&Node, &mut String)) {
    if nodes.is_empty() {
        return write(&Node::Token("§none".into()), out);
    }
    out.push('(');
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            out.push_str(joint);
        }
        write(node, out);
    }
    out.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::search::Query;

    #[test]
    fn one_expression_in_two_languages() {
        let query = Query::parse("state-of* -tram").unwrap();
        let node = Node::All(query.terms().map(|term| Node::of_term(term, str::to_owned)).chain([Node::Any(Vec::new())]).collect());
        let node = node.without(query.none.iter().map(|term| Node::of_term(term, of_title)).collect());
        let (mut sqlite, mut postgres) = (String::new(), String::new());
        node.fts5(&mut sqlite);
        node.tsquery(&mut postgres);
        assert_eq!(sqlite, "(((\"state\" AND \"of\"*) AND \"§none\") NOT ((\"¶tram\")))");
        assert_eq!(postgres, "((('state' & 'of':*) & '§none') & !(('¶tram')))");
    }

    #[test]
    fn an_entry_is_in_one_piece() {
        assert_eq!(of_author("0197B1E2-8f3a"), "§a0197b1e28f3a");
        assert_eq!(of_language("zh-Hant-TW"), "§lzhhanttw");
    }
}
