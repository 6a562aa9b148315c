//! Classes A, D and E at the doors of history and trash.

use super::newsroom;
use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const HISTORY: [&str; 4] = ["revisions", "revisions/1", "revisions/2", "revisions/2/diff"];

/// The names of all members in a value, those inside of others too.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            found.insert(name.clone());
            names(member, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

#[test]
fn a11_history_tells_no_secret_and_no_member_that_the_working_view_hides() {
    let (newsroom, editor) = newsroom();
    let author = newsroom.person_with(Role::Author, Some("correct horse battery staple"));
    newsroom.patch(&editor, "/v1/authors/marcus", "*", &json!({ "user_id": author.id })).expect(200);
    newsroom.patch(&editor, "/v1/articles/live", "*", &json!({ "lead": "More." })).expect(200);
    let mut known = BTreeSet::from(["items", "page", "limit", "next_cursor", "number", "event", "note", "published"].map(str::to_owned));
    known.extend(["from", "to", "members", "member", "changes", "op", "deleted_by", "deleted_at", "purge_at"].map(str::to_owned));
    names(&newsroom.get_as(&author, "/v1/articles/live?view=working").expect(200).json(), &mut known);
    let mut answers: Vec<Value> =
        HISTORY.iter().map(|path| newsroom.get_as(&author, &format!("/v1/articles/live/{path}")).expect(200).json()).collect();
    newsroom.delete(&editor, "/v1/articles/hidden").expect(204);
    answers.push(newsroom.get_as(&author, "/v1/trash").expect(200).json());
    assert_eq!(answers[4]["items"][0]["slug"], "hidden");
    for answer in answers {
        let mut told = BTreeSet::new();
        names(&answer, &mut told);
        assert_eq!(told.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
        for secret in ["secret.example", "@example.com", "argon2", "password", "user_id", "credentials", "token"] {
            assert!(!answer.to_string().contains(secret), "{secret}: {answer}");
        }
    }
}

#[test]
fn d01_a_stranger_sees_no_history_and_no_trash_of_anything() {
    let (newsroom, editor) = newsroom();
    newsroom.delete(&editor, "/v1/articles/hidden").expect(204);
    let nothing = newsroom.get("/v1/articles/nothing/revisions").expect(401);
    for key in ["live", "hidden", "nothing"] {
        for path in HISTORY {
            let answer = newsroom.get(&format!("/v1/articles/{key}/{path}")).expect(401);
            assert_eq!((answer.code().as_str(), answer.headers.len()), ("unauthenticated", nothing.headers.len()));
            assert_eq!(answer.header("cache-control"), "private, no-store");
        }
    }
    newsroom.get("/v1/trash").expect(401);
    let answer = newsroom.get_as(&editor, "/v1/articles/live/revisions").expect(200);
    assert_eq!((answer.header("cache-control"), answer.header("surrogate-key")), ("private, no-store", ""));
}

#[test]
fn d03_nobody_restores_or_purges_what_is_not_theirs() {
    let newsroom = Newsroom::open();
    let [one, other, contributor, editor] = [Role::Author, Role::Author, Role::Contributor, Role::Editor].map(|role| newsroom.person(role));
    newsroom.draft(&one, &json!({ "title": "Mine" }));
    newsroom.patch(&one, "/v1/articles/mine", "*", &json!({ "lead": "Second." })).expect(200);
    let before = newsroom.get_as(&one, "/v1/articles/mine?view=working").expect(200).text();
    for stranger in [&other, &contributor] {
        newsroom.post(stranger, "/v1/articles/mine/revisions/1/restore", &json!({})).expect(403);
    }
    assert_eq!(newsroom.get_as(&one, "/v1/articles/mine?view=working").expect(200).text(), before);
    newsroom.delete(&one, "/v1/articles/mine").expect(204);
    let missing = newsroom.post(&other, "/v1/articles/none/restore", &json!({})).expect(404);
    for stranger in [&other, &contributor] {
        let hidden = newsroom.post(stranger, "/v1/articles/mine/restore", &json!({})).expect(404);
        assert_eq!(hidden.text().replace("mine", "none"), missing.text());
        assert_eq!(newsroom.get_as(stranger, "/v1/trash").expect(200).items(), Vec::<Value>::new());
    }
    for person in [&one, &other, &contributor] {
        newsroom.delete(person, "/v1/trash/mine").expect(403);
    }
    assert_eq!(newsroom.get_as(&editor, "/v1/trash").expect(200).items().len(), 1);
    // Of a published story a contributor may bring back nothing, though it is theirs.
    newsroom.draft(&contributor, &json!({ "title": "Trainee" }));
    newsroom.post(&editor, "/v1/articles/trainee/publish", &json!({})).expect(200);
    newsroom.post(&contributor, "/v1/articles/trainee/revisions/1/restore", &json!({})).expect(403);
    newsroom.delete(&editor, "/v1/articles/trainee").expect(204);
    newsroom.post(&contributor, "/v1/articles/trainee/restore", &json!({})).expect(403);
}

#[test]
fn d07_a_restore_takes_a_note_and_nothing_else() {
    let (newsroom, editor) = newsroom();
    newsroom.delete(&editor, "/v1/articles/hidden").expect(204);
    let stolen =
        json!({ "number": 1, "event": "publish", "published": true, "status": "published", "created_by": editor.id, "title": "T" });
    let mut wanted: Vec<String> = stolen.as_object().unwrap().keys().map(|name| format!("/{name}")).collect();
    wanted.sort();
    for path in ["/v1/articles/live/revisions/1/restore", "/v1/articles/hidden/restore"] {
        let mut places = newsroom.post(&editor, path, &stolen).expect(422).places();
        places.sort();
        assert_eq!(places, wanted);
        for note in [json!(1), json!(["a"]), json!({ "a": 1 }), json!("\u{1b}[31m"), json!("\0"), json!("x".repeat(501))] {
            assert_eq!(newsroom.post(&editor, path, &json!({ "note": note })).expect(422).places(), ["/note"], "{note}");
        }
    }
}

#[test]
fn e06_a_restore_and_a_purge_say_which_version_they_have_seen() {
    let (newsroom, editor) = newsroom();
    newsroom.patch(&editor, "/v1/articles/live", "*", &json!({ "lead": "More." })).expect(200);
    newsroom.delete(&editor, "/v1/articles/hidden").expect(204);
    let json = ("content-type", "application/json");
    for (method, path, version) in [
        ("POST", "/v1/articles/live/revisions/1/restore", 3),
        ("POST", "/v1/articles/hidden/restore", 2),
        ("DELETE", "/v1/trash/live", 0),
        ("DELETE", "/v1/trash/hidden", 2),
    ] {
        let send = |headers: &[(&str, &str)]| newsroom.send(method, path, Some(&editor), headers, Some(b"{}"));
        assert_eq!(send(&[json]).expect(428).code(), "precondition_required");
        if version == 0 {
            continue;
        }
        for garbage in ["garbage", "\"1-0\"", "W/", "", "\"99999999999999999999-a\"", "2", "\"-2-a\""] {
            assert_eq!(send(&[json, ("if-match", garbage)]).expect(412).json()["current_version"], version, "{path} {garbage}");
        }
    }
    let seen = |tag| [json, ("if-match", tag)];
    newsroom.send("POST", "/v1/articles/live/revisions/1/restore", Some(&editor), &seen("\"9-0\", W/\"3-ff\""), Some(b"{}")).expect(200);
    newsroom.send("POST", "/v1/articles/hidden/restore", Some(&editor), &seen("W/\"2-0\""), Some(b"{}")).expect(200);
}

/// Appends a line to the story's body, again and again until nobody has come first.
fn append(newsroom: &Newsroom, person: &Person, line: &str) {
    loop {
        let story = newsroom.get_as(person, "/v1/articles/shared?view=working").expect(200);
        let body = format!("{}{line}\n", story.json()["body"].as_str().unwrap());
        match newsroom.patch(person, "/v1/articles/shared", story.header("etag"), &json!({ "body": body })).status {
            200 => return,
            412 => {}
            other => panic!("{other}"),
        }
    }
}

#[test]
fn e01_fifty_clients_that_append_to_one_story_lose_nothing() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Shared" }));
    std::thread::scope(|scope| {
        for client in 0..50 {
            let (newsroom, editor) = (&newsroom, &editor);
            scope.spawn(move || append(newsroom, editor, &format!("Line {client}.")));
        }
    });
    let body = newsroom.get_as(&editor, "/v1/articles/shared?view=working").expect(200).json()["body"].as_str().unwrap().to_owned();
    let lines: BTreeSet<&str> = body.lines().collect();
    assert_eq!((body.lines().count(), lines.len()), (50, 50));
    // The history is linear: each revision has one line more than the one before.
    for number in 1..=51 {
        let then = newsroom.get_as(&editor, &format!("/v1/articles/shared/revisions/{number}")).expect(200).json();
        let then = then["body"].as_str().unwrap();
        assert_eq!((then.lines().count(), body.starts_with(then)), (number - 1, true));
    }
    newsroom.get_as(&editor, "/v1/articles/shared/revisions/52").expect(404);
}

#[test]
fn e06_of_many_who_restore_purge_and_delete_one_story_none_breaks_it() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for round in 0..6 {
        let (slug, n) = (format!("story-{round}"), newsroom.draft(&editor, &json!({ "title": format!("Story {round}") })));
        newsroom.delete(&editor, &format!("/v1/articles/{slug}")).expect(204);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let (newsroom, editor, slug) = (&newsroom, &editor, &slug);
            let id = n["id"].as_str().unwrap();
            let restores =
                (0..3).map(|_| scope.spawn(move || newsroom.post(editor, &format!("/v1/articles/{id}/restore"), &json!({})).status));
            let mut all: Vec<_> = restores.collect();
            all.push(scope.spawn(move || newsroom.delete(editor, &format!("/v1/articles/{slug}")).status));
            all.push(scope.spawn(move || newsroom.delete(editor, &format!("/v1/trash/{id}")).status));
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(statuses.iter().all(|status| [200, 204, 404, 409].contains(status)), "{statuses:?}");
        let id = n["id"].as_str().unwrap();
        let is_there = newsroom.get_as(&editor, &format!("/v1/articles/{id}?view=working")).status == 200;
        let trash = newsroom.get_as(&editor, "/v1/trash?limit=100").expect(200).text();
        assert!(!(is_there && trash.contains(id)), "in both places");
        if statuses[4] == 204 {
            assert!(!is_there && !trash.contains(id), "it was purged");
        } else {
            assert!(is_there || trash.contains(id), "it is in one of them");
        }
    }
}
