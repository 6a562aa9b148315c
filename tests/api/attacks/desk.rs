//! Class E at the desk: of many who step in at once, one wins, nobody's word is lost, and nothing half done shows.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn together<T: Sync>(them: &[T], send: impl Fn(&T) -> Answer + Sync) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let send = &send;
        let sent: Vec<_> = them.iter().map(|one| scope.spawn(move || send(one))).collect();
        sent.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

#[test]
fn e01_of_two_steps_for_one_version_one_is_taken_and_one_refused() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    for round in 0..15 {
        let seen = newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "lead": round.to_string() })).expect(200);
        let steps = [("publish", "{}"), ("discard", "{}"), ("corrections", "{\"kind\":\"update\",\"note\":\"More.\"}")];
        let answers = together(&steps, |(step, body)| {
            let headers = [("content-type", "application/json"), ("if-match", seen.header("etag"))];
            newsroom.send("POST", &format!("/v1/articles/story/{step}"), Some(&editor), &headers, Some(body.as_bytes()))
        });
        let taken: Vec<&Answer> = answers.iter().filter(|answer| answer.status < 300).collect();
        assert_eq!((taken.len(), statuses(&answers)[1..].to_vec()), (1, vec![412, 412]));
    }
}

#[test]
fn e01_of_many_who_lock_at_once_one_is_at_the_story_and_the_others_are_told_who() {
    let newsroom = Newsroom::open();
    let editors: Vec<Person> = (0..12).map(|_| newsroom.person(Role::Editor)).collect();
    newsroom.draft(&editors[0], &json!({ "title": "Story" }));
    let answers = together(&editors, |editor| newsroom.post(editor, "/v1/articles/story/lock", &json!({})));
    assert_eq!(statuses(&answers), [vec![200], vec![409; 11]].concat());
    let holder = newsroom.get_as(&editors[0], "/v1/articles/story?view=working").expect(200).json()["lock"].clone();
    for answer in answers {
        let told = if answer.status == 200 { answer.json() } else { answer.json()["lock"].clone() };
        assert_eq!(told, holder);
    }
    let answers = together(&editors, |editor| newsroom.post(editor, "/v1/articles/story/lock", &json!({ "takeover": true })));
    assert_eq!(statuses(&answers), [200; 12]);
}

#[test]
fn e01_what_many_say_at_once_is_all_kept_in_one_order() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    let notes: Vec<String> = (0..24).map(|n| n.to_string()).collect();
    let answers = together(&notes, |note| {
        let (path, body) = match note.parse::<usize>().unwrap() % 2 {
            0 => ("corrections", json!({ "kind": "update", "note": note })),
            _ => ("comments", json!({ "comment": note })),
        };
        newsroom.post(&editor, &format!("/v1/articles/story/{path}"), &body)
    });
    assert_eq!(statuses(&answers), [201; 24]);
    let told = |items: &[Value], name: &str| -> BTreeSet<String> { items.iter().map(|one| one[name].as_str().unwrap().into()).collect() };
    let live = newsroom.get("/v1/articles/story").expect(200).json();
    let mut all = told(live["corrections"].as_array().unwrap(), "note");
    all.extend(told(&newsroom.get_as(&editor, "/v1/articles/story/comments?limit=100").expect(200).items(), "comment"));
    assert_eq!(all, notes.iter().cloned().collect());
    assert_eq!(newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200).json()["version"], 14);
}

#[test]
fn e01_a_kill_among_publishes_leaves_a_notice_or_the_story_and_never_both() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    for round in 0..10 {
        newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "lead": round.to_string() })).expect(200);
        let steps = ["publish", "kill", "unkill", "discard", "unkill"];
        let answers = together(&steps, |step| {
            let body = if *step == "kill" { json!({ "reason": "Wrong." }) } else { json!({}) };
            newsroom.post(&editor, &format!("/v1/articles/story/{step}"), &body)
        });
        assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status)), "{:?}", statuses(&answers));
        let killed = newsroom.get_as(&editor, "/v1/articles/story?view=working").expect(200).json()["killed"].is_object();
        newsroom.get("/v1/articles/story").expect(if killed { 410 } else { 200 });
        assert_eq!(newsroom.get("/v1/articles?count=true").expect(200).json()["page"]["total"], u8::from(!killed));
        if killed {
            newsroom.post(&editor, "/v1/articles/story/unkill", &json!({})).expect(200);
        }
    }
}
