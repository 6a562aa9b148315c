//! `copydesk demo`: what somebody sees who tries Copydesk for the first time.

use crate::newsroom::{seed_author, seed_story};
use crate::program::{Folder, word_after};
use serde_json::Value;

const SEED: &str = "/v1/articles/u-s-and-guatemala-address-migration-and-drug-trafficking";

#[test]
fn the_demo_serves_the_seed_story_byte_for_byte() {
    let folder = Folder::new();
    let server = folder.serve(&["demo"]);
    let (shown, sent) = (server.get(&format!("{SEED}?formats=html,markdown")), seed_story());
    for (member, origin) in [("title", "title"), ("lead", "lead"), ("markdown", "body"), ("language", "language")] {
        assert_eq!(shown[member], sent[origin], "{member}");
    }
    assert_eq!(shown["dateline"]["text"], "Guatemala City, Guatemala");
    let html = shown["html"].as_str().unwrap();
    for heading in sent["body"].as_str().unwrap().lines().filter_map(|line| line.strip_prefix("## ")) {
        assert!(html.contains(&format!("<h2>{heading}</h2>")), "{heading}");
    }
    let (byline, author) = (&shown["authors"][0], seed_author());
    for member in ["name", "beat", "bio"] {
        assert_eq!(byline[member], author[member], "{member}");
    }
}

#[test]
fn the_demo_has_two_languages_a_draft_and_changes_that_are_not_out() {
    let folder = Folder::new();
    let server = folder.serve(&["demo"]);
    let token = word_after(&server.said, "Authorization: Bearer ");
    let token = token.trim_end_matches('\'');
    let (status, working) = server.send("GET", "/v1/articles?view=working", Some(token), "");
    assert_eq!(status, 200, "{working}");
    let working: Value = serde_json::from_str(&working).unwrap();
    let working = working["items"].as_array().unwrap();
    let live = server.get("/v1/articles?count=true");
    assert_eq!(live["page"]["total"], working.len() - 1);
    assert!(live["items"].as_array().unwrap().iter().any(|story| story["language"] == "es"));

    let draft = working.iter().find(|story| story["status"] == "draft").unwrap();
    let (status, _) = server.send("GET", &format!("/v1/articles/{}", draft["slug"].as_str().unwrap()), None, "");
    assert_eq!(status, 404);

    let edited = working.iter().find(|story| story["status"] == "published" && story["has_unpublished_changes"] == true).unwrap();
    let shown = server.get(&format!("/v1/articles/{}", edited["slug"].as_str().unwrap()));
    assert_ne!(shown["title"], edited["title"]);

    let (_, me) = server.send("GET", "/v1/auth/me", Some(token), "");
    let me: Value = serde_json::from_str(&me).unwrap();
    assert!(working.iter().all(|story| story["created_by"] == me["id"]), "every story was written by the demo's editor");
    let internal = server.get("/v1/tags");
    assert!(internal["items"].as_array().unwrap().iter().all(|tag| tag["visibility"] == "public"));
}

#[test]
fn the_three_lines_that_the_demo_prints_work_as_they_are() {
    let folder = Folder::new();
    let server = folder.serve(&["demo"]);
    let lines: Vec<&str> = server.said.lines().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(lines.len(), 3, "{}", server.said);
    for line in &lines {
        assert!(line.contains(&server.url), "{line}");
    }
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    let answers: Vec<Value> = lines
        .iter()
        .map(|line| {
            let output = std::process::Command::new("sh").arg("-c").arg(line).output().unwrap();
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
        })
        .collect();
    assert!(answers[0]["items"].as_array().unwrap().len() > 3);
    assert_eq!(answers[1]["title"], seed_story()["title"]);
    assert_eq!(answers[2]["status"], "draft");
}

#[test]
fn the_demo_starts_again_on_its_own_newsroom_and_its_editor_signs_in() {
    let folder = Folder::new();
    let (stories, password) = {
        let server = folder.serve(&["demo"]);
        (server.get("/v1/articles")["items"].clone(), word_after(&server.said, "demo@copydesk.local, the password "))
    };
    let server = folder.serve(&["demo"]);
    let ids = |stories: &Value| stories.as_array().unwrap().iter().map(|story| story["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&server.get("/v1/articles")["items"]), ids(&stories));
    assert!(!server.said.contains(&password));
    assert_eq!(server.sign_in("demo@copydesk.local", &password).0, 200);
}

#[test]
fn the_demo_leaves_a_newsroom_of_somebody_elses_alone() {
    let folder = Folder::new();
    {
        let server = folder.serve(&["serve"]);
        let password = word_after(&server.said, "the password ");
        let token = server.sign_in("admin@copydesk.local", &password).1.unwrap();
        let (status, answer) = server.send("POST", "/v1/tags", Some(&token), r#"{"name":"Ours"}"#);
        assert_eq!(status, 201, "{answer}");
    }
    let refused = folder.run_with(&["demo"], &[("COPYDESK_LISTEN", "127.0.0.1:0")], "");
    assert!(!refused.success);
    assert_eq!(
        refused.err.lines().last().unwrap(),
        "copydesk: this database holds stories already; run the demo in an empty folder, or on an empty database"
    );
    assert!(!folder.run(&["user", "list"]).out.contains("demo@copydesk.local"));
}
