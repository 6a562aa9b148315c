//! The doctor, on newsrooms that are well and on others.

use crate::newsroom::{Database, execute};
use crate::program::Folder;
use copydesk::store::{Conn, open_postgres, open_sqlite};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

/// A folder with the demo's newsroom, on the database under test, and its address.
fn newsroom() -> (Folder, String) {
    let folder = Folder::new();
    let url = match Database::new() {
        Database::Postgres(url) => url,
        Database::Sqlite(_) => "sqlite:data/copydesk.db".to_owned(),
    };
    let server = folder.serve_with(&["demo"], &[("DATABASE_URL", &url)]);
    server.get("/v1/articles");
    assert!(server.terminate().0);
    (folder, url)
}

fn conn(folder: &Folder, url: &str) -> Conn {
    match url.strip_prefix("sqlite:") {
        Some(path) => open_sqlite(&folder.path().join(path)).unwrap(),
        None => open_postgres(url).unwrap(),
    }
}

const SECRET: (&str, &str) = ("COPYDESK_JWT_SECRET", "q3Xv8Lw0ZtRkY5uNf2HsJm7PcB9dGa4Ee1oIxWiVyTzMhUrQ");

/// What the doctor finds: whether all is well, and for each finding its check, its level and what it is.
fn findings(folder: &Folder, url: &str, settings: &[(&str, &str)]) -> (bool, Vec<String>) {
    let settings = [settings, &[("DATABASE_URL", url), SECRET]].concat();
    let told = folder.run_with(&["doctor", "--json"], &settings, "");
    let report: Value = serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    assert_eq!(report["ok"], told.success, "{told:?}");
    let mut found = Vec::new();
    for check in report["checks"].as_array().unwrap() {
        for finding in check["findings"].as_array().unwrap() {
            assert!(finding["remedy"].as_str().unwrap().len() > 5, "{finding}");
            found.push(format!(
                "{} {}: {}",
                check["name"].as_str().unwrap(),
                finding["level"].as_str().unwrap(),
                finding["what"].as_str().unwrap()
            ));
        }
    }
    (told.success, found)
}

#[test]
fn a_newsroom_that_is_well_is_told_so_beside_its_running_server() {
    let (folder, url) = newsroom();
    let _server = folder.serve_with(&[], &[("DATABASE_URL", &url)]);
    assert_eq!(findings(&folder, &url, &[]), (true, vec!["backups warning: there is no backup in ./data/backups".to_owned()]));
    assert!(folder.run_with(&["backup"], &[("DATABASE_URL", &url)], "").success);
    assert_eq!(findings(&folder, &url, &[]), (true, Vec::new()));
    let told = folder.run_with(&["doctor"], &[("DATABASE_URL", &url), SECRET], "");
    assert!(told.out.ends_with("0 problems, 0 warnings.\n") && told.out.contains("ok       slugs"), "{}", told.out);
}

#[test]
fn what_does_not_fit_together_among_the_rows_is_found_with_a_remedy() {
    let (folder, url) = newsroom();
    execute(
        &mut conn(&folder, &url),
        "UPDATE authors SET live_count = live_count + 1; \
         DELETE FROM article_slugs WHERE slug = 'council-to-weigh-nurses-against-asphalt'; \
         UPDATE articles SET status = 'draft' WHERE slug = 'el-puerto-bate-su-record'; \
         DELETE FROM published_slugs WHERE slug = 'the-bridge-that-waited-for-the-river'; \
         DELETE FROM published_contents WHERE place = (SELECT place FROM published_articles WHERE slug = 'the-bridge-that-waited-for-the-river'); \
         DELETE FROM published_article_pairs; \
         DELETE FROM revisions WHERE article_id = (SELECT id FROM articles WHERE slug = 'el-puerto-bate-su-record'); \
         UPDATE articles SET unpublish_at = 1 WHERE slug = 'the-bridge-that-waited-for-the-river'; \
         UPDATE articles SET updated_at = 99999999999999 WHERE slug = 'the-bridge-that-waited-for-the-river'; \
         INSERT INTO schedules (id, article_id, action, due_at, version, created_by, created_at) SELECT 'late', id, 'publish', 5, 1, 'x', 1 FROM articles \
             WHERE status = 'draft' AND slug = 'council-to-weigh-nurses-against-asphalt'; \
         UPDATE users SET disabled = TRUE WHERE role = 'admin'",
    );
    let (is_well, found) = findings(&folder, &url, &[]);
    assert!(!is_well);
    for expected in [
        "slugs problem: a story bears a slug that is not its own (1: ",
        "slugs problem: a live story cannot be found by its slug (1: ",
        "live problem: a story is live that is not published (1: ",
        "live problem: a live story has no text (1: ",
        "counts problem: the number of an author's live stories is wrong (",
        "counts problem: the lists of an author under a tag are not those of the links (",
        "history problem: a story lacks the revision that it is at (1: ",
        "schedule problem: a story has a time to go out or down, and nothing waits for it (1: ",
        "schedule warning: 1 schedules are overdue",
        "people warning: there is no administrator who can sign in",
        "clock warning: 1 stories were changed later than it is now",
    ] {
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: {found:#?}");
    }
    let told = folder.run_with(&["doctor"], &[("DATABASE_URL", &url), SECRET], "");
    assert!(told.err.starts_with("copydesk: ") && told.err.contains(" problems, "), "{}", told.err);
}

#[test]
fn rows_that_refer_to_nothing_are_found() {
    let (folder, url) = newsroom();
    if !url.starts_with("sqlite:") {
        return;
    }
    execute(&mut conn(&folder, &url), "PRAGMA foreign_keys = OFF; DELETE FROM authors WHERE slug = (SELECT min(slug) FROM authors)");
    let (is_well, found) = findings(&folder, &url, &[]);
    assert!(!is_well && found.iter().any(|line| line.starts_with("references problem: ") && line.contains("has no authors")), "{found:#?}");
}

#[test]
fn files_that_others_can_read_and_settings_that_are_rarely_meant_are_found() {
    let (folder, url) = newsroom();
    assert!(folder.run_with(&["backup"], &[("DATABASE_URL", &url)], "").success);
    let backups = folder.path().join("data/backups");
    for entry in std::fs::read_dir(&backups).unwrap() {
        std::fs::set_permissions(entry.unwrap().path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    std::fs::set_permissions(folder.path().join("data"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let (is_well, found) = findings(&folder, &url, &[("COPYDESK_LISTEN", "0.0.0.0:8080")]);
    assert!(!is_well);
    for expected in [
        "modes problem: ./data/backups/copydesk-",
        "modes problem: others can put files into ./data (mode 777)",
        "settings warning: the server listens on 0.0.0.0:8080 and tells clients that it is at http://127.0.0.1:8080",
    ] {
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: {found:#?}");
    }
    let (_, found) = findings(&folder, &url, &[("COPYDESK_PUBLIC_URL", "https://api.news.example")]);
    assert!(found.iter().any(|line| line.contains("COPYDESK_TRUSTED_PROXIES")), "{found:#?}");
}

#[test]
fn a_backup_that_is_late_or_damaged_is_found() {
    let (folder, url) = newsroom();
    assert!(folder.run_with(&["backup"], &[("DATABASE_URL", &url)], "").success);
    let backups = folder.path().join("data/backups");
    let file = |ending: &str| {
        let names = std::fs::read_dir(&backups).unwrap().map(|entry| entry.unwrap().path());
        names.into_iter().find(|path| path.to_str().unwrap().ends_with(ending) && !path.ends_with(".backup.lock")).unwrap()
    };
    let manifest = file(".json");
    let mut told: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    told["made_at"] = Value::from("2026-01-01T00:00:00.000Z");
    std::fs::write(&manifest, told.to_string()).unwrap();
    let daily = [("COPYDESK_BACKUP_EVERY", "24")];
    let (is_well, found) = findings(&folder, &url, &daily);
    assert!(!is_well && found[0].starts_with("backups problem: the newest backup in ./data/backups is "), "{found:#?}");
    let (is_well, found) = findings(&folder, &url, &[]);
    assert!(is_well && found[0].starts_with("backups warning: the newest backup "), "{found:#?}");
    std::fs::write(file(".zst"), "other bytes").unwrap();
    let (is_well, found) = findings(&folder, &url, &[]);
    assert!(!is_well && found.iter().any(|line| line.contains("is damaged: it has 11 bytes")), "{found:#?}");
}
