//! The house: which room may name what, and what every file keeps. See ARCHITECTURE.md.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Nobody below `http` knows of it, and so on: each room with the words that its code may not hold.
const ROOMS: [(&str, &[&str]); 6] = [
    ("src/http", &["diesel", "std::env", "crate::config", "crate::cli"]),
    ("src/store", &["actix", "actix_web", "utoipa", "StatusCode", "crate::config", "crate::http", "crate::auth", "crate::render"]),
    (
        "src/domain",
        &["actix", "actix_web", "diesel", "async", "tokio", "std::env", "crate::http", "crate::store", "crate::auth", "crate::render"],
    ),
    ("src/render", &["actix", "actix_web", "diesel", "std::env", "crate::http", "crate::store", "crate::auth", "crate::config"]),
    ("src/keep", &["actix", "actix_web", "diesel", "std::env", "crate::cli"]),
    ("src/auth", &["actix", "actix_web", "diesel", "crate::domain", "crate::http", "crate::store", "crate::config"]),
];

/// Ways to ask what time it is. How long something took is another question.
const CLOCKS: [&str; 5] = ["Timestamp::now", "SystemTime::now", "Zoned::now", "Utc::now", "now_v7"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a folder, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    let mut sources: Vec<(String, String)> = found
        .into_iter()
        .map(|path| (path.strip_prefix(root()).unwrap().display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    sources.sort();
    sources
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines of code, with their numbers: comments may name what they like.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(number, line)| (number + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a line holds a word, whole.
fn holds(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

fn breaches(sources: &[(String, String)], words: &[&str]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in sources {
        for (number, line) in code(text) {
            breaches.extend(words.iter().filter(|word| holds(line, word)).map(|word| format!("{path}:{number} names {word}")));
        }
    }
    breaches
}

#[test]
fn no_room_names_what_is_not_its_own() {
    let found: Vec<String> = ROOMS.iter().flat_map(|(room, words)| breaches(&sources(room), words)).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn one_file_reads_the_clock_and_one_room_the_environment() {
    let mut sources = sources("src");
    sources.retain(|(path, _)| path != "src/http/clock.rs");
    assert_eq!(breaches(&sources, &CLOCKS), Vec::<String>::new());
    sources.retain(|(path, _)| path != "src/config.rs" && !path.starts_with("src/config/"));
    assert_eq!(breaches(&sources, &["std::env", "env::var"]), Vec::<String>::new());
}

#[test]
fn one_file_speaks_to_other_servers() {
    let mut sources = sources("src");
    sources.retain(|(path, _)| path != "src/outbound.rs");
    assert_eq!(breaches(&sources, &["ureq", "TcpStream"]), Vec::<String>::new());
    sources.retain(|(path, _)| path != "src/mail.rs");
    assert_eq!(breaches(&sources, &["lettre"]), Vec::<String>::new());
}

#[test]
fn the_live_view_cannot_name_a_working_table() {
    let schema = std::fs::read_to_string(root().join("src/store/schema.rs")).unwrap();
    let tables: Vec<&str> = schema.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(" (")).map(|(table, _)| table).collect();
    let may_show = |table: &str| table.starts_with("published_") || ["authors", "author_slugs", "tags", "tag_slugs"].contains(&table);
    let mut words: Vec<&str> = tables.iter().copied().filter(|table| !may_show(table)).collect();
    assert!(words.contains(&"articles") && words.contains(&"revisions") && words.contains(&"users"), "{words:?}");
    // The rooms beside it that read working tables.
    words.extend(["article_terms", "article_index", "working::"]);
    words.extend(["slugs::", "publishing::", "links::authors_of", "links::tags_of"]);
    let of_the_live_view = ["/live.rs", "/suggest.rs", "/search/spelling.rs", "/neighbours.rs", "/walk.rs", "/kills.rs", "/corrections.rs"];
    let live: Vec<(String, String)> =
        sources("src/store").into_iter().filter(|(path, _)| of_the_live_view.iter().any(|file| path.ends_with(file))).collect();
    assert_eq!(live.len(), 8);
    assert_eq!(breaches(&live, &words), Vec::<String>::new());
}

#[test]
fn both_databases_have_migrations_of_the_same_names() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join("migrations").join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    for name in names("sqlite") {
        for file in ["up.sql", "down.sql"] {
            let has_it = |folder: &str| root().join("migrations").join(folder).join(&name).join(file).is_file();
            assert!(has_it("sqlite") && has_it("postgres"), "{name}/{file}");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_fits_a_reader() {
    let files = ["src", "tests", "benches"].map(sources).concat();
    let silent: Vec<&String> = files.iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert_eq!(silent, Vec::<&String>::new());
    // The tables are one list, which nobody reads from top to bottom.
    let read = files.iter().filter(|(path, _)| path != "src/store/schema.rs");
    let long: Vec<&String> = read.filter(|(_, text)| text.lines().count() > 400).map(|(path, _)| path).collect();
    assert_eq!(long, Vec::<&String>::new());
}

#[test]
fn every_problem_code_has_a_test() {
    let table = std::fs::read_to_string(root().join("src/http/problem.rs")).unwrap();
    let codes: Vec<&str> = table.lines().filter_map(|line| line.trim().strip_prefix("(Code::")?.split('"').nth(1)).collect();
    assert!(codes.len() > 25 && codes.contains(&"slug_taken"), "{codes:?}");
    let tests: String = sources("tests").into_iter().filter(|(path, _)| path != "tests/api/house.rs").map(|(_, text)| text).collect();
    // In quotes, or in the quotes of a raw answer.
    let is_tested = |code: &&&str| [format!("\"{code}\""), format!("\"{code}\\\"")].iter().any(|quoted| tests.contains(quoted));
    let untested: Vec<&&str> = codes.iter().filter(|code| !is_tested(code)).collect();
    assert_eq!(untested, Vec::<&&str>::new());
}
