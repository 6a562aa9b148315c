//! Many stories in one request.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

fn batch(newsroom: &Newsroom, by: &Person, atomic: bool, operations: &Value) -> Answer {
    newsroom.post(by, "/v1/articles/batch", &json!({ "atomic": atomic, "operations": operations }))
}

fn total(newsroom: &Newsroom, by: &Person) -> Value {
    newsroom.get_as(by, "/v1/articles?view=working&count=true").expect(200).json()["page"]["total"].clone()
}

#[test]
fn a_batch_creates_changes_publishes_takes_down_and_deletes_in_order() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Old" }));
    newsroom.publish(&editor, &json!({ "title": "Older" }));
    let done = newsroom
        .post(
            &editor,
            "/v1/articles/batch",
            &json!({ "operations": [
                { "op": "create", "body": { "title": "New" }, "note": "From the wire" },
                { "op": "patch", "article": "new", "if_match": "\"1-0\"", "body": { "lead": "First." } },
                { "op": "publish", "article": "new", "if_match": "\"2-0\"" },
                { "op": "unpublish", "article": "old", "if_match": "*" },
                { "op": "delete", "article": "older", "if_match": "*" },
            ] }),
        )
        .expect(200)
        .json();
    let results: Vec<(u64, &str, Option<i64>)> = done["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| (result["status"].as_u64().unwrap(), result["slug"].as_str().unwrap(), result["version"].as_i64()))
        .collect();
    assert_eq!(results, [(201, "new", Some(1)), (200, "new", Some(2)), (200, "new", Some(3)), (200, "old", Some(3)), (204, "older", None)]);
    assert_eq!(newsroom.get("/v1/articles/new").expect(200).json()["lead"], "First.");
    newsroom.get("/v1/articles/old").expect(404);
    newsroom.get_as(&editor, "/v1/articles/older?view=working").expect(404);
    let revisions = newsroom.get_as(&editor, "/v1/articles/new/revisions").items();
    assert_eq!(revisions[2]["note"], "From the wire");
}

#[test]
fn an_atomic_batch_leaves_nothing_behind_when_one_operation_is_refused() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Live", "slug": "live" }));
    let refusal = batch(
        &newsroom,
        &editor,
        true,
        &json!([
            { "op": "create", "body": { "title": "One" } },
            { "op": "unpublish", "article": "live", "if_match": "*" },
            { "op": "create", "body": { "title": "Two", "slug": "live" } },
        ]),
    )
    .expect(409);
    assert_eq!((refusal.code().as_str(), &refusal.json()["operation"]), ("slug_taken", &json!(2)));
    assert_eq!(total(&newsroom, &editor), 1);
    newsroom.get("/v1/articles/live").expect(200);
    let unknown = json!([{ "op": "create", "body": { "title": "One" } }, { "op": "create", "body": { "title": "Two", "tags": ["none"] } }]);
    assert_eq!(batch(&newsroom, &editor, true, &unknown).expect(422).places(), ["/operations/1/body/tags/0"]);
    assert_eq!(total(&newsroom, &editor), 1);
}

#[test]
fn a_batch_that_is_not_atomic_tells_of_each_operation_what_became_of_it() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let results = batch(
        &newsroom,
        &editor,
        false,
        &json!([
            { "op": "create", "body": { "title": "One" } },
            { "op": "create", "body": { "title": "" } },
            { "op": "patch", "article": "one", "if_match": "\"7-0\"", "body": { "lead": "Late." } },
            { "op": "publish", "article": "nowhere", "if_match": "*" },
            { "op": "publish", "article": "one", "if_match": "\"1-0\"", "body": { "minor": true } },
        ]),
    )
    .expect(200)
    .json()["results"]
        .clone();
    let statuses: Vec<u64> = results.as_array().unwrap().iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 422, 412, 404, 200]);
    assert_eq!(results[1]["problem"]["errors"][0]["pointer"], "/operations/1/body/title");
    assert_eq!((&results[2]["problem"]["code"], &results[2]["problem"]["current_version"]), (&json!("stale"), &json!(1)));
    newsroom.get("/v1/articles/one").expect(200);
}

#[test]
fn the_form_of_all_operations_is_judged_at_once() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let wrong = json!([
        { "op": "create", "article": "one", "body": { "title": "One", "status": "published" } },
        { "op": "patch", "article": "one" },
        { "op": "create", "body": { "titel": "One" } },
        { "op": "delete", "article": "one", "if_match": "*", "body": {} },
    ]);
    let mut places = batch(&newsroom, &editor, true, &wrong).expect(422).places();
    places.sort();
    let expected = [
        "/operations/0/article",
        "/operations/1/body",
        "/operations/1/if_match",
        "/operations/2/body/titel",
        "/operations/2/body/title",
        "/operations/3/body",
    ];
    assert_eq!(places, expected);
    for wrong in [json!([]), json!(vec![json!({ "op": "create", "body": { "title": "One" } }); 101]), json!([{ "op": "kill" }])] {
        batch(&newsroom, &editor, true, &wrong).expect(422);
    }
    assert_eq!(total(&newsroom, &editor), 0);
    let hundred = json!(vec![json!({ "op": "create", "body": { "title": "One" } }); 100]);
    batch(&newsroom, &editor, true, &hundred).expect(200);
    assert_eq!(total(&newsroom, &editor), 100);
}

#[test]
fn d03_a_batch_gives_nobody_more_rights_than_single_requests_do() {
    let newsroom = Newsroom::open();
    let [one, other, contributor] = [Role::Author, Role::Author, Role::Contributor].map(|role| newsroom.person(role));
    newsroom.draft(&one, &json!({ "title": "Own" }));
    for (op, body) in [("patch", json!({ "lead": "!" })), ("publish", json!({})), ("unpublish", Value::Null), ("delete", Value::Null)] {
        let mut operation = json!({ "op": op, "article": "own", "if_match": "*" });
        if !body.is_null() {
            operation["body"] = body;
        }
        for person in [&other, &contributor] {
            batch(&newsroom, person, true, &json!([operation])).expect(403);
            assert_eq!(batch(&newsroom, person, false, &json!([operation])).expect(200).json()["results"][0]["status"], 403, "{op}");
        }
    }
    newsroom.draft(&contributor, &json!({ "title": "Theirs" }));
    let publish = json!([{ "op": "publish", "article": "theirs", "if_match": "*" }]);
    batch(&newsroom, &contributor, true, &publish).expect(403);
    assert_eq!(newsroom.get("/v1/articles").items().len(), 0);
}
