//! Search at size: how long queries take that are cheap, dear and dearest, what ordinary reads notice of them, and how large the index is.
//!
//! `cargo bench --bench search -- [--keep FOLDER] [STORIES…]` writes a corpus of each size (30 000 words by Zipf's law, bodies of 3 KB), starts the release binary on
//! it with no answers kept, and asks over HTTP. The folder keeps the corpus for the next time. Stories are put straight into the
//! published tables, by the statements below, and into the index as publishing does it; the HTML and the blocks of their bodies are left empty.

mod clients;
mod corpus;

use clients::{Times, ask, beside};
use corpus::{Corpus, Dice};
use std::path::PathBuf;

/// How often each case is asked, with another query each time.
const ASKED: usize = 600;
/// How many search at once beside ordinary reads.
const SEARCHERS: usize = 8;

/// A case: its name, and a query of it.
type Case = (&'static str, fn(&Corpus, &mut Dice) -> String);

const CASES: [Case; 13] = [
    ("a word of one story", |corpus, dice| format!("q=case{}", dice.roll(corpus.size))),
    ("a rare word (rank 20 000 to 30 000)", |corpus, dice| format!("q={}", corpus.word(dice.between(20_000, 30_000)))),
    ("a middling word (rank 500 to 2000)", |corpus, dice| format!("q={}", corpus.word(dice.between(500, 2_000)))),
    ("a common word (the first 10)", |corpus, dice| format!("q={}", corpus.word(dice.roll(10)))),
    ("two common words", |corpus, dice| format!("q={}%20{}", corpus.word(dice.roll(10)), corpus.word(dice.between(10, 30)))),
    ("a common and a rare word", |corpus, dice| {
        format!("q={}%20{}", corpus.word(dice.roll(10)), corpus.word(dice.between(20_000, 30_000)))
    }),
    ("one letter*", |_, dice| format!("q={}*", char::from(b'a' + u8::try_from(dice.roll(26)).unwrap_or(0)))),
    ("four letters*", |corpus, dice| format!("q={}*", &corpus.word(dice.roll(30_000))[..4])),
    ("a phrase of two common words", |corpus, dice| format!("q=%22{}%20{}%22", corpus.word(dice.roll(10)), corpus.word(dice.roll(10)))),
    ("a phrase of sixteen common words", |corpus, dice| {
        let words: Vec<&str> = (0..16).map(|_| corpus.word(dice.roll(20))).collect();
        format!("q=%22{}%22", words.join("%20"))
    }),
    ("a common word, facets and count", |corpus, dice| {
        format!("q={}&facets=tag,author,language,year&count=true", corpus.word(dice.roll(10)))
    }),
    ("a common word under a rare tag", |corpus, dice| format!("q={}&tag=tag-99", corpus.word(dice.roll(10)))),
    ("a slip (did_you_mean)", |corpus, dice| {
        let word = corpus.word(dice.between(100, 30_000));
        format!("q={}x{}", &word[..3], &word[3..])
    }),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let kept = arguments.iter().position(|argument| argument == "--keep").and_then(|at| arguments.get(at + 1)).map(PathBuf::from);
    let sizes: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    for size in if sizes.is_empty() { vec![10_000] } else { sizes } {
        let corpus = Corpus::open(size, kept.as_deref());
        println!("{}", corpus.sizes());
        println!("| stories | case | p50 ms | p99 ms | worst ms |\n|---|---|---|---|---|");
        let mut dice = Dice::new(7);
        for (name, query) in CASES {
            let paths = (0..ASKED).map(|_| format!("/v1/search?{}", query(&corpus, &mut dice))).collect();
            told(size, name, &ask(corpus.port(), paths));
        }
        let letters = (0..ASKED).map(|_| {
            let word = corpus.word(dice.roll(30_000));
            format!("/v1/search/suggest?q={}", &word[..dice.between(1, word.len() + 1)])
        });
        told(size, "suggest, 1 letter to a whole word", &ask(corpus.port(), letters.collect()));
        told(size, "the deepest page", &ask(corpus.port(), corpus.deep(&mut dice)));
        reads_beside(&corpus, &mut dice);
    }
}

/// Ordinary reads, 400 a second, with nobody else there, and while others search without a pause.
fn reads_beside(corpus: &Corpus, dice: &mut Dice) {
    let searches: Vec<String> = (0..2_000).map(|number| format!("/v1/search?{}", CASES[number % CASES.len()].1(corpus, dice))).collect();
    let stories: Vec<String> = (0..2_000).map(|_| format!("/v1/articles/story-{}", dice.roll(corpus.size))).collect();
    for round in 0..3 {
        let (idle, _) = beside(corpus.port(), &stories, &searches, 0);
        let (busy, count) = beside(corpus.port(), &stories, &searches, SEARCHERS);
        told(corpus.size, "reads of stories, idle", &idle);
        told(corpus.size, &format!("reads of stories while {SEARCHERS} search ({count} searches)"), &busy);
        println!("round {round}: p99 {:.2} times as long", busy.at(0.99) / idle.at(0.99));
    }
}

fn told(size: usize, name: &str, times: &Times) {
    println!("| {size} | {name} | {:.2} | {:.2} | {:.2} |", times.at(0.5), times.at(0.99), times.at(1.0));
}
