//! What is found follows every step of the desk in the same breath; and the index can be rebuilt and compared.

use crate::newsroom::{Database, Newsroom, Person, execute};
use crate::search::{address, find, titles};
use copydesk::domain::user::Role;
use copydesk::store::Conn;
use copydesk::store::search::{Difference, Progress, compare, index_anew, rebuild};
use serde_json::{Value, json};

#[track_caller]
fn found(newsroom: &Newsroom, q: &str, expected: &[&str]) {
    assert_eq!(titles(&find(newsroom, q)), expected, "{q}");
}

fn step(newsroom: &Newsroom, editor: &Person, story: &Value, step: &str, body: &Value) {
    newsroom.post(editor, &format!("/v1/articles/{}/{step}", story["id"].as_str().unwrap()), body).expect(200);
}

fn compared(newsroom: &Newsroom) -> Difference {
    compare(&mut newsroom.conn()).unwrap()
}

#[test]
fn each_step_of_the_desk_changes_what_is_found_at_once() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let draft = newsroom.draft(&editor, &json!({ "title": "Comet", "body": "first" }));
    let path = format!("/v1/articles/{}", draft["id"].as_str().unwrap());
    found(&newsroom, "comet", &[]);
    step(&newsroom, &editor, &draft, "publish", &json!({}));
    found(&newsroom, "comet first", &["Comet"]);
    newsroom.patch(&editor, &path, "*", &json!({ "body": "second", "title": "Asteroid" })).expect(200);
    found(&newsroom, "comet first", &["Comet"]);
    found(&newsroom, "asteroid", &[]);
    step(&newsroom, &editor, &draft, "publish", &json!({}));
    found(&newsroom, "first", &[]);
    found(&newsroom, "second", &["Asteroid"]);
    step(&newsroom, &editor, &draft, "kill", &json!({ "reason": "Wrong." }));
    found(&newsroom, "second", &[]);
    step(&newsroom, &editor, &draft, "unkill", &json!({}));
    found(&newsroom, "second", &["Asteroid"]);
    step(&newsroom, &editor, &draft, "unpublish", &json!({}));
    found(&newsroom, "second", &[]);
    step(&newsroom, &editor, &draft, "publish", &json!({}));
    step(&newsroom, &editor, &draft, "archive", &json!({}));
    found(&newsroom, "second", &[]);
    step(&newsroom, &editor, &draft, "unarchive", &json!({}));
    step(&newsroom, &editor, &draft, "publish", &json!({}));
    found(&newsroom, "second", &["Asteroid"]);
    newsroom.delete(&editor, &path).expect(204);
    found(&newsroom, "second", &[]);
    assert_eq!(compared(&newsroom), Difference::default());
}

#[test]
fn what_is_scheduled_is_found_from_its_moment_on() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let draft = newsroom.draft(&editor, &json!({ "title": "Embargoed comet", "body": "Text." }));
    step(&newsroom, &editor, &draft, "schedule", &json!({ "publish_at": "2025-06-27T15:00:00Z", "unpublish_at": "2025-06-27T16:00:00Z" }));
    found(&newsroom, "comet", &[]);
    newsroom.pass(30 * 60_000);
    found(&newsroom, "comet", &["Embargoed comet"]);
    newsroom.pass(60 * 60_000);
    found(&newsroom, "comet", &[]);
}

#[test]
fn authors_and_tags_are_found_by_the_names_of_today() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for name in ["Mara Lindqvist", "Ana", "Zoe"] {
        newsroom.post(&editor, "/v1/authors", &json!({ "name": name })).expect(201);
    }
    for name in ["Transport", "Trains"] {
        newsroom.post(&editor, "/v1/tags", &json!({ "name": name })).expect(201);
    }
    newsroom.publish(&editor, &json!({ "title": "One", "body": "Text.", "authors": ["mara-lindqvist"], "tags": ["transport"] }));
    newsroom.pass(1_000);
    newsroom.publish(&editor, &json!({ "title": "Two", "body": "Text.", "authors": ["ana"], "tags": ["trains"] }));
    found(&newsroom, "lindqvist", &["One"]);
    newsroom.patch(&editor, "/v1/authors/mara-lindqvist", "*", &json!({ "name": "Mara Berg" })).expect(200);
    found(&newsroom, "lindqvist", &[]);
    found(&newsroom, "berg text", &["One"]);
    newsroom.patch(&editor, "/v1/tags/transport", "*", &json!({ "name": "Mobility" })).expect(200);
    found(&newsroom, "transport", &[]);
    found(&newsroom, "mobility", &["One"]);
    newsroom.patch(&editor, "/v1/tags/transport", "*", &json!({ "visibility": "internal" })).expect(200);
    found(&newsroom, "mobility", &[]);
    newsroom.patch(&editor, "/v1/tags/transport", "*", &json!({ "visibility": "public" })).expect(200);
    // Merged, and then put in another's place: stories are found under whoever stands there now.
    newsroom.post(&editor, "/v1/tags/trains/merge", &json!({ "into": "transport" })).expect(200);
    found(&newsroom, "mobility", &["Two", "One"]);
    newsroom.post(&editor, "/v1/authors/ana/merge", &json!({ "into": "mara-lindqvist" })).expect(200);
    found(&newsroom, "berg", &["Two", "One"]);
    newsroom.delete(&editor, "/v1/authors/mara-lindqvist?reassign_to=zoe").expect(204);
    found(&newsroom, "berg", &[]);
    found(&newsroom, "zoe", &["Two", "One"]);
    assert_eq!(titles(&newsroom.get(&address("text", &[("author", "zoe"), ("tag", "transport")])).expect(200)), ["Two", "One"]);
    assert_eq!(titles(&newsroom.get(&address("text", &[("exclude_author", "zoe")])).expect(200)), Vec::<String>::new());
    let working = address("zoe", &[("view", "working")]);
    assert_eq!(titles(&newsroom.get_as(&editor, &working).expect(200)), ["Two", "One"]);
}

#[test]
fn the_newsroom_finds_what_was_saved_last() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let draft = newsroom.draft(&editor, &json!({ "title": "Comet", "body": "first" }));
    let path = format!("/v1/articles/{}", draft["id"].as_str().unwrap());
    let working = |q: &str| titles(&newsroom.get_as(&editor, &address(q, &[("view", "working")])).expect(200));
    assert_eq!(working("first"), ["Comet"]);
    newsroom.patch(&editor, &path, "*", &json!({ "body": "second" })).expect(200);
    assert_eq!((working("first").len(), working("second").len()), (0, 1));
    newsroom.delete(&editor, &path).expect(204);
    assert_eq!(working("second").len(), 0);
    newsroom.post(&editor, &format!("{path}/restore"), &json!({})).expect(200);
    assert_eq!(working("second"), ["Comet"]);
    newsroom.delete(&editor, &path).expect(204);
    newsroom.delete(&newsroom.person(Role::Admin), &format!("/v1/trash/{}", draft["id"].as_str().unwrap())).expect(204);
    assert_eq!(working("second").len(), 0);
}

#[test]
fn the_index_is_compared_and_rebuilt_while_the_server_runs() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Mara" })).expect(201);
    let ids: Vec<String> = ["Comet one", "Comet two", "Comet three"]
        .map(|title| {
            newsroom.pass(1_000);
            newsroom.publish(&editor, &json!({ "title": title, "body": "Text.", "authors": ["mara"] }))["id"].as_str().unwrap().to_owned()
        })
        .to_vec();
    assert_eq!(compared(&newsroom), Difference { live: 3, ..Difference::default() });
    let mut conn = newsroom.conn();
    execute(&mut conn, "DELETE FROM published_terms WHERE place = (SELECT min(place) FROM published_terms)");
    execute(
        &mut conn,
        "UPDATE published_terms SET terms = (SELECT content FROM revisions LIMIT 1) WHERE place = (SELECT max(place) FROM published_terms)",
    );
    execute(&mut conn, "DELETE FROM author_words");
    let strangers = u64::from(matches!(conn, Conn::Sqlite(_)));
    if strangers > 0 {
        execute(&mut conn, "INSERT INTO published_index (rowid, words) VALUES (999, 'comet')");
    }
    execute(&mut conn, "INSERT INTO published_words (word, backwards) VALUES ('ghostly', 'yltsohg')");
    newsroom.forget();
    let difference = compared(&newsroom);
    assert_eq!((difference.live, difference.extra), (3, strangers));
    let mut wrong = difference.wrong;
    wrong.sort();
    let mut expected = vec![ids[0].clone(), ids[2].clone()];
    expected.sort();
    assert_eq!(wrong, expected);
    let mut next = Some(Progress::begin());
    let mut steps = 0;
    while let Some(progress) = next {
        assert_eq!(titles(&find(&newsroom, "two")), ["Comet two"]);
        next = rebuild(&mut conn, progress).unwrap();
        steps += 1;
    }
    assert!(steps >= 8, "{steps}");
    newsroom.forget();
    assert!(compared(&newsroom).is_none());
    found(&newsroom, "comet mara", &["Comet three", "Comet two", "Comet one"]);
    assert_eq!(find(&newsroom, "ghostli").json().get("did_you_mean"), None);
}

#[test]
fn what_was_there_before_there_was_an_index_is_found_after_the_migration() {
    let database = Database::new();
    copydesk::store::migrate(&mut database.conn()).unwrap();
    let newsroom = Newsroom::open_on(database, |_| {});
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Mara" })).expect(201);
    newsroom.publish(&editor, &json!({ "title": "Comet", "body": "Text.", "authors": ["mara"] }));
    newsroom.pass(1_000);
    newsroom.draft(&editor, &json!({ "title": "Draft", "body": "Text." }));
    let mut conn = newsroom.conn();
    for table in ["published_terms", "article_terms", "author_words", "tag_words", "published_words"] {
        execute(&mut conn, &format!("DELETE FROM {table}"));
    }
    // As the migration leaves an older database.
    let (empty, words) = if matches!(conn, Conn::Sqlite(_)) { ("x''", "") } else { ("'', ''", ", words") };
    execute(&mut conn, &format!("INSERT INTO published_terms SELECT place, 0, {empty} FROM published_articles"));
    execute(&mut conn, &format!("INSERT INTO article_terms (article_id, form, terms{words}) SELECT id, 0, {empty} FROM articles"));
    newsroom.forget();
    found(&newsroom, "comet", &[]);
    assert_eq!((index_anew(&mut conn).unwrap(), index_anew(&mut conn).unwrap()), (3, 0));
    newsroom.forget();
    found(&newsroom, "comet mara", &["Comet"]);
    assert_eq!(titles(&newsroom.get_as(&editor, &address("text", &[("view", "working")])).expect(200)), ["Draft", "Comet"]);
}
