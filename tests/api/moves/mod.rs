//! Moving house: a newsroom leaves one database as lines of JSON, and is word for word the same in another.

mod everything;

use self::everything::{answers, happen};
use crate::newsroom::{Database, Newsroom, execute};
use crate::program::Folder;
use copydesk::domain::time::Moment;
use copydesk::keep::export::export;
use copydesk::keep::import::{Imported, import};
use copydesk::keep::progress::Show;
use copydesk::store::{Conn, catalogue, migrate};
use std::collections::BTreeSet;

fn exported(conn: &mut Conn) -> String {
    let mut lines = Vec::new();
    export(conn, &mut lines, Moment::from_milliseconds(0), Show::Nothing).unwrap();
    String::from_utf8(lines).unwrap()
}

fn imported(conn: &mut Conn, lines: &str) -> Result<Imported, String> {
    import(conn, lines.as_bytes(), Show::Nothing).map_err(|failure| failure.to_string())
}

fn sqlite() -> Database {
    Database::Sqlite(tempfile::tempdir().unwrap())
}

/// A newsroom on SQLite in which everything has happened.
fn busy() -> Newsroom {
    let database = sqlite();
    migrate(&mut database.conn()).unwrap();
    Newsroom::open_on(database, |_| {})
}

#[test]
fn every_answer_is_the_same_after_a_move_to_the_other_database_and_back() {
    let first = busy();
    let admin = happen(&first);
    let (before, lines) = (answers(&first, &admin), exported(&mut first.conn()));
    let told = before.values().filter(|answer| answer.starts_with("200 ")).count();
    assert!(before.len() > 500 && told > 100, "{told} of {}", before.len());
    let rows = lines.lines().count() as u64 - 2;
    let later = first.now().milliseconds();
    let mut lines_then = lines.clone();
    for database in [Database::new(), sqlite()] {
        assert_eq!(imported(&mut database.conn(), &lines_then), Ok(Imported { added: rows, there: 0 }));
        lines_then = exported(&mut database.conn());
        assert_eq!(lines_then, lines, "the export of an import is the export");
        let moved = Newsroom::open_on(database, |_| {});
        moved.pass(later - moved.now().milliseconds());
        for (address, answer) in answers(&moved, &admin) {
            assert_eq!(Some(&answer), before.get(&address), "{address}");
        }
        assert_eq!(answers(&moved, &admin).len(), before.len());
        // And it can be worked on: numbers that the database gives out go on after those that came.
        moved.publish(&admin, &serde_json::json!({ "title": "Written after the move", "tags": ["crime"], "authors": ["ana"] }));
    }
}

#[test]
fn a_second_import_changes_nothing_and_one_that_differs_leaves_nothing() {
    let first = busy();
    let admin = happen(&first);
    let lines = exported(&mut first.conn());
    let rows = lines.lines().count() as u64 - 2;
    let database = Database::new();
    let mut conn = database.conn();
    assert_eq!(imported(&mut conn, &lines), Ok(Imported { added: rows, there: 0 }));
    assert_eq!(imported(&mut conn, &lines), Ok(Imported { added: 0, there: rows }));
    assert_eq!(exported(&mut conn), lines);
    // Written on meanwhile: what is there stays, the new comes.
    first.draft(&admin, &serde_json::json!({ "title": "Another draft" }));
    let more = exported(&mut first.conn());
    let added = more.lines().count() as u64 - 2 - rows;
    assert!(added > 2);
    assert_eq!(imported(&mut conn, &more), Ok(Imported { added, there: rows }));
    // Edited there: refused, with all that came before it.
    execute(&mut conn, "DELETE FROM article_comments; UPDATE articles SET title = 'Edited there' WHERE slug = 'another-draft'");
    let (edited, refused) = (exported(&mut conn), imported(&mut conn, &more).unwrap_err());
    assert!(refused.starts_with("nothing is imported: articles ") && refused.ends_with("there is one already that differs"), "{refused}");
    assert_eq!(exported(&mut conn), edited);
    // Into another newsroom: its slug is taken there.
    let other = Database::new();
    imported(&mut other.conn(), &lines).unwrap();
    execute(
        &mut other.conn(),
        "UPDATE tag_slugs SET slug = 'unused' WHERE slug = 'crime'; UPDATE tags SET slug = 'unused' WHERE slug = 'crime'",
    );
    assert!(imported(&mut other.conn(), &lines).is_err());
}

#[test]
fn an_export_that_was_cut_or_changed_is_refused_and_leaves_nothing() {
    let first = busy();
    happen(&first);
    let lines = exported(&mut first.conn());
    let database = Database::new();
    let mut conn = database.conn();
    let all: Vec<&str> = lines.lines().collect();
    let cut = |upto: usize| format!("{}\n", all[..upto].join("\n"));
    let without_one = [&all[..5], &all[6..]].concat().join("\n") + "\n";
    for (damaged, why) in [
        (String::new(), "this is no export of Copydesk"),
        ("{\"title\":\"a story\"}\n".to_owned(), "this is no export of Copydesk"),
        (cut(all.len() - 1), "the export ends early"),
        (cut(20), "the export ends early"),
        (lines[..lines.len() - 1].to_owned(), "the export ends early"),
        (without_one, "its sum does not fit"),
        (lines.replacen("Ana", "Eva", 1), "its sum does not fit"),
        (format!("{lines}{{}}\n"), "its sum does not fit"),
        (lines.replacen("\"schema\":\"0", "\"schema\":\"9", 1), "a newer copydesk made this export"),
        (lines.replacen("\"copydesk_export\":1", "\"copydesk_export\":2", 1), "a newer copydesk made this export"),
        (lines.replacen("{\"users\":{", "{\"sessions\":{", 1), "which its head does not name"),
    ] {
        let refused = imported(&mut conn, &damaged).unwrap_err();
        // PostgreSQL misses a row that others refer to before the end is reached.
        assert!(refused.contains(why) || refused.contains("violates foreign key constraint"), "{refused}");
    }
    migrate(&mut conn).unwrap();
    assert_eq!(exported(&mut conn).lines().count(), 2, "nothing but head and end");
}

#[test]
fn every_table_is_exported_or_left_out_for_a_reason() {
    let database = Database::new();
    let mut conn = database.conn();
    migrate(&mut conn).unwrap();
    let tables: BTreeSet<String> = catalogue::tables(&mut conn).unwrap().into_iter().collect();
    let named: Vec<&str> = catalogue::KEPT.iter().copied().chain(catalogue::LEFT_OUT.iter().map(|(name, _)| *name)).collect();
    let known: BTreeSet<String> = named.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(known.len(), named.len(), "no table is in both lists");
    let new: Vec<&String> = tables.difference(&known).collect();
    assert_eq!(new, Vec::<&String>::new(), "say in store/catalogue.rs whether a new table is exported, or why not");
    for name in catalogue::KEPT {
        // One of a later migration is not there yet.
        let Some(table) = catalogue::table(&mut conn, name).unwrap() else { continue };
        assert!(table.columns.iter().any(|column| column.in_key), "{name} has no key to find its rows by");
    }
    assert!(catalogue::LEFT_OUT.iter().all(|(_, reason)| reason.len() > 10));
}

#[test]
fn the_commands_move_a_newsroom_through_files_and_pipes() {
    let folder = Folder::new();
    let server = folder.serve(&["demo"]);
    let export = folder.run(&["export", "all.ndjson.zst"]);
    assert!(export.success && export.out.starts_with("Exported "), "{export:?}");
    assert_eq!(
        folder.run(&["export", "all.ndjson.zst"]).err,
        "copydesk: there is a all.ndjson.zst already; move it away, or name another file\n"
    );
    let refused = folder.run(&["import", "all.ndjson.zst"]);
    assert!(!refused.success && refused.err.contains("a server runs on "), "{}", refused.err);
    let stories = server.get("/v1/articles?formats=html");
    drop(server);
    let again = folder.run(&["import", "all.ndjson.zst"]);
    assert!(again.out.contains("are there already; nothing has changed."), "{again:?}");

    let elsewhere = Database::new();
    let other = match &elsewhere {
        Database::Postgres(url) => url.clone(),
        Database::Sqlite(there) => format!("sqlite:{}", there.path().join("other/desk.db").display()),
    };
    let there = [("DATABASE_URL", other.as_str())];
    let import = folder.run_with(&["import", "all.ndjson.zst"], &there, "");
    assert!(import.success && import.out.starts_with("Imported "), "{import:?}");
    let piped = folder.run_with(&["import", "-"], &there, &folder.run(&["export"]).out);
    assert!(piped.out.contains("nothing has changed"), "{piped:?}");
    let server = folder.serve_with(&[], &there);
    assert_eq!(
        server.get("/v1/articles?formats=html").to_string().replace(&server.url, ""),
        stories.to_string().replace(word_before(&stories), "")
    );
}

/// The address that the stories of a list tell.
fn word_before(stories: &serde_json::Value) -> &str {
    stories["items"][0]["url"].as_str().unwrap().split("/v1/").next().unwrap()
}
