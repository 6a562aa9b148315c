//! Databases of every released version: kept as they were, brought up to date, and read word for word. And how that is done on a machine:
//! told before, copied before, by one process at a time.

use crate::newsroom::{Database, Newsroom, execute};
use crate::program::Folder;
use copydesk::domain::time::Moment;
use copydesk::http::finish_anew;
use copydesk::keep::export::export;
use copydesk::keep::import::import;
use copydesk::keep::progress::Show;
use copydesk::store::{Conn, known, migrate, pending};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The released versions, each with the newest migration that it knew.
const RELEASES: [(&str, &str); 1] = [("0.1.0", "0001_newsroom")];

fn fixture(release: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/released").join(release).join(file);
    std::fs::read_to_string(path).unwrap()
}

/// Makes the database that a release left behind.
fn leave(conn: &mut Conn, release: &str) {
    let schema = if matches!(conn, Conn::Sqlite(_)) { "sqlite.sql" } else { "postgres.sql" };
    execute(conn, &fixture(release, schema));
    execute(conn, &fixture(release, "rows.sql"));
}

/// Every live story, as its columns were, must be told by this server.
fn reads_word_for_word(newsroom: &Newsroom) {
    let list = newsroom.get("/v1/articles?limit=100&sort=published_at&formats=html,markdown,text").expect(200).items();
    let slugs: Vec<&str> = list.iter().map(|story| story["slug"].as_str().unwrap()).collect();
    assert_eq!(slugs.len(), 5, "{slugs:?}");
    // The words stand in the fixture, with quotes doubled as SQL has them.
    let rows = fixture("0.1.0", "rows.sql");
    let (_, live) = rows.split_once("INSERT INTO published_articles (").unwrap();
    for story in &list {
        for member in ["title", "html", "markdown", "text"] {
            let words = story[member].as_str().unwrap().replace('\'', "''");
            assert!(!words.is_empty() && live.contains(&format!("'{words}'")), "{member} of {}: {words}", story["slug"]);
        }
        assert!(!story["authors"].as_array().unwrap().is_empty(), "{}", story["slug"]);
        let alone =
            newsroom.get(&format!("/v1/articles/{}?formats=html,markdown,text,blocks", story["slug"].as_str().unwrap())).expect(200).json();
        assert!(!alone["blocks"].as_array().unwrap().is_empty() && alone["html"] == story["html"]);
    }
    let old = newsroom.get("/v1/articles/an-older-name-of-it").expect(308);
    assert!(old.header("location").starts_with("/v1/articles/"));
    assert_eq!(newsroom.get("/v1/tags/health").expect(200).json()["article_count"], 2);
    assert_eq!(newsroom.get("/v1/tags/ask-legal-first").expect(404).code(), "not_found");
}

#[test]
fn the_database_of_every_release_becomes_one_of_today() {
    for (release, newest) in RELEASES {
        let database = Database::new();
        let mut conn = database.conn();
        leave(&mut conn, release);
        let missing = pending(&mut conn).unwrap();
        let later: Vec<String> = known().unwrap().into_iter().filter(|name| name.as_str() > newest).collect();
        assert_eq!(missing, later);
        assert_eq!(migrate(&mut conn).unwrap(), later);
        finish_anew(&mut conn).unwrap();
        assert_eq!(pending(&mut conn).unwrap(), Vec::<String>::new());
        drop(conn);
        let newsroom = Newsroom::open_on(database, |_| {});
        reads_word_for_word(&newsroom);
        // What was not out is not out, its history is there, and people can sign in with what they had.
        let editor = newsroom.person(copydesk::domain::user::Role::Editor);
        let draft = "/v1/articles/council-to-weigh-nurses-against-asphalt";
        newsroom.get(draft).expect(404);
        assert_eq!(newsroom.get_as(&editor, &format!("{draft}?view=working")).expect(200).json()["status"], "draft");
        let first = newsroom.get_as(&editor, &format!("{draft}/revisions/1")).expect(200).json();
        assert!(first.to_string().contains("asphalt"), "{first}");
        newsroom.patch(&editor, draft, "*", &json!({ "lead": "A new lead." })).expect(200);
        newsroom.post(&editor, &format!("{draft}/publish"), &json!({})).expect(200);
        newsroom.get(draft).expect(200);
    }
}

#[test]
fn the_export_of_every_release_is_imported_and_brought_up_to_date() {
    for (release, newest) in RELEASES {
        let old = Database::new();
        let mut conn = old.conn();
        leave(&mut conn, release);
        let mut lines = Vec::new();
        let head = export(&mut conn, &mut lines, Moment::from_milliseconds(0), Show::Nothing).unwrap();
        assert_eq!(head.schema, newest);
        let new = Database::new();
        import(&mut new.conn(), lines.as_slice(), Show::Nothing).unwrap();
        assert_eq!(pending(&mut new.conn()).unwrap(), Vec::<String>::new());
        let refused = import(&mut new.conn(), lines.as_slice(), Show::Nothing).unwrap_err().to_string();
        assert!(refused.contains("import it into a database that does not exist yet"), "{refused}");
        reads_word_for_word(&Newsroom::open_on(new, |_| {}));
    }
}

/// A folder whose database a release left behind.
fn folder_of(release: &str) -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    leave(&mut copydesk::store::open_sqlite(&folder.path().join("data/copydesk.db")).unwrap(), release);
    folder
}

fn names_beside(folder: &Folder, with: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path().join("data")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.contains(with));
    names
}

#[test]
fn a_migration_is_told_before_it_is_done_and_a_snapshot_leads_back() {
    let folder = folder_of("0.1.0");
    let told = folder.run(&["migrate", "--dry-run"]);
    assert!(told.success && told.out.starts_with("Would apply 0002_finished.\n"), "{told:?}");
    assert!(!told.out.contains("0001"));
    assert_eq!(names_beside(&folder, "before-migration"), Vec::<String>::new());
    assert_eq!(folder.run(&["migrate", "--dry-run"]).out, told.out, "it changed nothing");

    let done = folder.run(&["migrate"]);
    assert_eq!(done.out.replace("Applied", "Would apply"), told.out, "{}", done.err);
    let snapshots = names_beside(&folder, "before-migration");
    assert!(snapshots.len() == 1 && snapshots[0].ends_with("-0001_newsroom"), "{snapshots:?}");
    let snapshot = folder.path().join("data").join(&snapshots[0]);
    assert_eq!(std::fs::metadata(&snapshot).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(folder.run(&["migrate", "--dry-run"]).out, "The schema is up to date.\n");
    folder.run(&["migrate"]);
    assert_eq!(names_beside(&folder, "before-migration").len(), 1, "no snapshot where nothing changes");

    let back = folder.run(&["restore", snapshot.to_str().unwrap()]);
    assert!(back.success && back.out.contains("schema 0001_newsroom"), "{back:?}");
    assert_eq!(folder.run(&["migrate", "--dry-run"]).out, told.out);
    let without = folder.run(&["migrate", "--no-snapshot"]);
    assert!(without.success && names_beside(&folder, "before-migration").len() == 1, "{without:?}");
    assert_eq!(folder.serve(&[]).get("/v1/articles")["items"].as_array().unwrap().len(), 5);
}

#[test]
fn a_dry_run_makes_no_database() {
    let folder = Folder::new();
    let told = folder.run(&["migrate", "--dry-run"]);
    assert!(told.out.starts_with("Would apply 0001_newsroom.\n"), "{told:?}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn of_several_processes_at_once_one_migrates_and_makes_the_snapshot() {
    let folder = folder_of("0.1.0");
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(|| folder.run(&["migrate"]))).collect();
        running.into_iter().map(|process| process.join().unwrap()).collect()
    });
    assert!(outcomes.iter().all(|outcome| outcome.success), "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| outcome.out.contains("Applied 0002_finished.")).count(), 1, "{outcomes:?}");
    assert_eq!(names_beside(&folder, "before-migration").len(), 1);
}
