//! The passage of a text that answers a query best, its words marked and everything else escaped.

use super::super::words::{Word, words};
use super::Query;

/// How many words a passage has.
const LONG: usize = 36;
/// How many words a passage begins before the first that is marked.
const BEFORE: usize = 8;

/// The whole text with its words marked; `None` if none is in it.
pub fn whole(text: &str, query: &Query) -> Option<String> {
    let words: Vec<Word> = words(text).collect();
    let marks = marks(&words, query);
    marks.iter().any(|mark| *mark).then(|| written(text, &words, &marks, 0, text.len()))
}

/// The part of a long text with most of the query's words, marked; `None` if none is in it.
pub fn best(text: &str, query: &Query) -> Option<String> {
    let words: Vec<Word> = words(text).collect();
    let marks = marks(&words, query);
    let first = marks.iter().position(|mark| *mark)?;
    let terms: Vec<&str> = query.terms().flat_map(|term| &term.words).map(String::as_str).collect();
    // Passages begin at a word that is marked. What counts is how many of the query's words are in it, and then how many are marked at all.
    let mut best = ((0, 0), first);
    for start in (first..words.len()).filter(|at| marks[*at]) {
        let end = (start + LONG - BEFORE).min(words.len());
        let inside = || (start..end).filter(|at| marks[*at]);
        let of_query = terms.iter().filter(|term| inside().any(|at| words[at].folded.starts_with(**term))).count();
        let worth = (of_query, inside().count());
        if worth > best.0 {
            best = (worth, start);
        }
        if of_query == terms.len() && words.len() > 2_000 {
            break;
        }
    }
    let start = best.1.saturating_sub(BEFORE);
    let end = (start + LONG).min(words.len());
    let from = if start == 0 { 0 } else { words[start].start };
    let to = if end == words.len() { text.len() } else { words[end - 1].end };
    let written = written(text, &words[start..end], &marks[start..end], from, to);
    Some(format!("{}{written}{}", if start == 0 { "" } else { "… " }, if end == words.len() { "" } else { " …" }))
}

/// Which words are to be marked. A word of a phrase is marked where the phrase stands.
fn marks(words: &[Word], query: &Query) -> Vec<bool> {
    let mut marks = vec![false; words.len()];
    for term in query.terms() {
        for at in 0..words.len().saturating_sub(term.words.len() - 1) {
            if term.is_at(&words[at..at + term.words.len()]) {
                marks[at..at + term.words.len()].fill(true);
            }
        }
    }
    marks
}

fn written(text: &str, words: &[Word], marks: &[bool], from: usize, to: usize) -> String {
    let mut out = String::with_capacity(to - from + 64);
    let mut at = from;
    for (word, _) in words.iter().zip(marks).filter(|(_, mark)| **mark) {
        escape(&mut out, &text[at..word.start]);
        out.push_str("<mark>");
        escape(&mut out, &text[word.start..word.end]);
        out.push_str("</mark>");
        at = word.end;
    }
    escape(&mut out, &text[at..to]);
    out
}

/// As HTML wants it, in text and in attributes; line breaks and tabs become spaces.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            other => out.push(other),
        }
    }
}

impl AsRef<str> for Word {
    fn as_ref(&self) -> &str {
        &self.folded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    #[test]
    fn words_are_marked_as_they_are_written_and_all_else_is_escaped() {
        let marked = whole("<b>Policía</b> & \"Police\"", &query("policia OR polic*"));
        assert_eq!(marked.unwrap(), "&lt;b&gt;<mark>Policía</mark>&lt;/b&gt; &amp; &quot;<mark>Police</mark>&quot;");
        assert_eq!(whole("Nothing", &query("policia")), None);
        assert_eq!(whole("<mark>", &query("mark")).unwrap(), "&lt;<mark>mark</mark>&gt;");
    }

    #[test]
    fn a_phrase_is_marked_where_it_stands() {
        assert_eq!(whole("night: the night buses", &query("\"night buses\"")).unwrap(), "night: the <mark>night</mark> <mark>buses</mark>");
        assert_eq!(whole("buses at night", &query("\"night buses\"")), None);
    }

    #[test]
    fn the_passage_is_the_one_with_most_of_the_querys_words() {
        let filling = "word ".repeat(100);
        let text = format!("A bus here. {filling}The night bus\nreturns. {filling}");
        let passage = best(&text, &query("night bus")).unwrap();
        assert!(passage.starts_with("… word") && passage.ends_with("word …"), "{passage}");
        assert!(passage.contains("The <mark>night</mark> <mark>bus</mark> returns."), "{passage}");
        assert!(passage.split_whitespace().count() < 45, "{passage}");
        assert_eq!(best("A bus.", &query("bus")).unwrap(), "A <mark>bus</mark>.");
    }

    proptest! {
        #[test]
        fn a_passage_is_the_text_once_marks_and_escapes_are_taken_out(text in "([\\PC]|bus |<|&|\"){0,60}") {
            if let Some(marked) = whole(&text, &query("bus OR 1 OR a*")) {
                let plain = marked.replace("<mark>", "").replace("</mark>", "");
                prop_assert!(!plain.contains(['<', '>', '"', '\'']));
                let plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
                let spaces = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                prop_assert_eq!(spaces(&plain), spaces(&text));
            }
        }
    }
}
