//! What readers type into a search box, as a rule: words, `"phrases"`, `-without`, `begin*`, and `OR`. All else is literal.
//!
//! Words that stand side by side must all be there. `OR` binds tighter: `bus OR tram night` is (bus or tram) and night. A word with something
//! in its middle (`e-mail`, `3.5`) is a phrase.

pub mod facts;
pub mod passage;
pub mod ranking;
pub mod spelling;

use super::words::words;
use std::ops::Range;

/// The most words in a query.
pub const MOST_WORDS: usize = 16;

/// A query that can be carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Each of them must be there, by one of its alternatives.
    pub all: Vec<Vec<Term>>,
    /// None of them may be there.
    pub none: Vec<Term>,
}

/// A word, several in a row, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Folded, in their order; at least one.
    pub words: Vec<String>,
    /// Where each of them stands in the query, in bytes.
    pub places: Vec<Range<usize>>,
    /// Whether the last word is the beginning of one.
    pub is_prefix: bool,
}

/// Why a query cannot be carried out, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable, snake_case.
    pub code: &'static str,
    pub detail: String,
    /// Counted in characters, from 0.
    pub position: usize,
}

/// One piece of a query, before it is put in its place.
enum Piece {
    Or,
    Term { term: Term, is_without: bool },
}

impl Term {
    /// Whether its words must stand side by side.
    pub fn is_phrase(&self) -> bool {
        self.words.len() > 1
    }

    /// Whether words that come in a row have it somewhere.
    pub fn is_in<S: AsRef<str>>(&self, row: &[S]) -> bool {
        row.windows(self.words.len()).any(|window| self.is_at(window))
    }

    fn is_at<S: AsRef<str>>(&self, window: &[S]) -> bool {
        let last = self.words.len() - 1;
        self.words.iter().zip(window).enumerate().all(|(index, (wanted, found))| {
            let found = found.as_ref();
            if self.is_prefix && index == last { found.starts_with(wanted.as_str()) } else { found == wanted }
        })
    }
}

impl Query {
    /// Reads a query. Whatever a text holds, the outcome is a query or a place.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut query = Self::default();
        let mut joined = None;
        let mut after_without = false;
        let mut count = 0;
        for (piece, at) in pieces(text)? {
            let at_character = || text[..at].chars().count();
            match piece {
                Piece::Or if joined.is_some() || query.all.is_empty() || after_without => {
                    return Err(refusal(
                        "misplaced_or",
                        "Put a word before and after `OR`, or write it small to look for it.",
                        at_character(),
                    ));
                }
                Piece::Or => joined = Some(at),
                Piece::Term { term, is_without } => {
                    after_without = is_without;
                    count += term.words.len();
                    if count > MOST_WORDS {
                        return Err(refusal("too_many_words", format!("Use at most {MOST_WORDS} words."), at_character()));
                    }
                    match (joined.take(), is_without) {
                        (Some(_), true) => {
                            return Err(refusal("misplaced_or", "What stands with `OR` cannot be left out with `-`.", at_character()));
                        }
                        (Some(_), false) => query.all.last_mut().into_iter().for_each(|group| group.push(term.clone())),
                        (None, true) => query.none.push(term),
                        (None, false) => query.all.push(vec![term]),
                    }
                }
            }
        }
        if let Some(at) = joined {
            return Err(refusal(
                "misplaced_or",
                "Put a word before and after `OR`, or write it small to look for it.",
                text[..at].chars().count(),
            ));
        }
        if query.all.is_empty() {
            let detail =
                if query.none.is_empty() { "There is no word to look for." } else { "Name a word to look for beside those to leave out." };
            return Err(refusal("no_words", detail, 0));
        }
        Ok(query)
    }

    /// The terms that are looked for.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.all.iter().flatten()
    }

    /// Whether only the text of a story can say if it matches.
    pub fn has_phrases(&self) -> bool {
        self.terms().chain(&self.none).any(Term::is_phrase)
    }
}

fn refusal(code: &'static str, detail: impl Into<String>, position: usize) -> Refusal {
    Refusal { code, detail: detail.into(), position }
}

/// Cuts a query at its spaces and quotes; each piece comes with where it begins, in bytes.
fn pieces(text: &str) -> Result<Vec<(Piece, usize)>, Refusal> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find(|c: char| !c.is_whitespace()) {
        let start = at + offset;
        let is_without = text[start..].starts_with('-');
        let begins = start + usize::from(is_without);
        let (range, is_quoted) = if text[begins..].starts_with('"') {
            let inside = begins + 1;
            let Some(length) = text[inside..].find('"') else {
                let detail = "The quotation mark is not closed. Close it, or leave it out.";
                return Err(refusal("unclosed_quote", detail, text[..begins].chars().count()));
            };
            at = inside + length + 1;
            (inside..inside + length, true)
        } else {
            // A mark in the middle of a piece, as in 5"-pipe, is literal.
            at = text[begins..].find(char::is_whitespace).map_or(text.len(), |length| begins + length);
            (begins..at, false)
        };
        if !is_quoted && !is_without && &text[range.clone()] == "OR" {
            pieces.push((Piece::Or, start));
        } else if let Some(term) = term(text, range, is_quoted) {
            pieces.push((Piece::Term { term, is_without }, start));
        }
    }
    Ok(pieces)
}

/// The words of a piece; none where it is marks alone.
fn term(text: &str, range: Range<usize>, is_quoted: bool) -> Option<Term> {
    let found: Vec<_> = words(&text[range.clone()]).collect();
    let last = found.last()?;
    let is_prefix = !is_quoted && text[range.start + last.end..range.end].starts_with('*');
    let places = found.iter().map(|word| range.start + word.start..range.start + word.end).collect();
    Some(Term { words: found.into_iter().map(|word| word.folded).collect(), places, is_prefix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The query in short: groups by `|` and `&`, phrases by `_`, what is left out behind `!`.
    fn read(text: &str) -> String {
        let short = |term: &Term| format!("{}{}", term.words.join("_"), if term.is_prefix { "*" } else { "" });
        match Query::parse(text) {
            Ok(query) => {
                let all: Vec<String> = query.all.iter().map(|group| group.iter().map(short).collect::<Vec<_>>().join("|")).collect();
                let none: String = query.none.iter().map(|term| format!(" !{}", short(term))).collect();
                format!("{}{none}", all.join("&"))
            }
            Err(refusal) => format!("{} at {}", refusal.code, refusal.position),
        }
    }

    #[test]
    fn words_phrases_beginnings_alternatives_and_what_to_leave_out() {
        for (text, expected) in [
            ("night buses", "night&buses"),
            ("  Policía  ", "policia"),
            ("\"night buses\" return", "night_buses&return"),
            ("bus -tram", "bus !tram"),
            ("bus -\"night line\" -tr*", "bus !night_line !tr*"),
            ("bus*", "bus*"),
            ("bus OR tram night", "bus|tram&night"),
            ("a OR b OR c", "a|b|c"),
            ("e-mail", "e_mail"),
            ("state-of*", "state_of*"),
            ("東京", "東_京"),
            ("bus or tram", "bus&or&tram"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn everything_else_is_literal() {
        for (text, expected) in [
            ("a NEAR/9999999 b", "a&near_9999999&b"),
            ("title:*", "title"),
            ("{a b}:c", "a&b_c"),
            ("^a*", "a*"),
            ("a AND", "a&and"),
            ("a & b | !c <-> d:*", "a&b&c&d"),
            ("foo - bar", "foo&bar"),
            ("NOT a", "not&a"),
            ("a' OR 1=1 --", "a|1_1"),
            ("5\"-pipe", "5_pipe"),
            ("\"a* b\"", "a_b"),
            ("a**", "a*"),
            ("\"\" a", "a"),
            ("%_\\", "no_words at 0"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_bad_query_is_refused_with_the_place() {
        for (text, expected) in [
            ("\"", "unclosed_quote at 0"),
            ("búsq \"a", "unclosed_quote at 5"),
            ("-", "no_words at 0"),
            ("", "no_words at 0"),
            ("🚲", "no_words at 0"),
            ("-bus", "no_words at 0"),
            ("OR a", "misplaced_or at 0"),
            ("é OR", "misplaced_or at 2"),
            ("a OR OR b", "misplaced_or at 5"),
            ("a OR -b", "misplaced_or at 5"),
            ("a -b OR c", "misplaced_or at 5"),
            ("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "too_many_words at 39"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_the_outcome_is_a_query_or_a_place(text in "([\\PC]|OR|\"| |-|\\*|[a-z]{1,3}){0,40}") {
            match Query::parse(&text) {
                Ok(query) => {
                    prop_assert!(!query.all.is_empty());
                    for term in query.terms().chain(&query.none) {
                        prop_assert_eq!(term.words.len(), term.places.len());
                        for (word, place) in term.words.iter().zip(&term.places) {
                            prop_assert_eq!(&super::super::words::folded(&text[place.clone()]).concat(), word);
                        }
                    }
                }
                Err(refusal) => prop_assert!(refusal.position <= text.chars().count()),
            }
        }
    }
}
