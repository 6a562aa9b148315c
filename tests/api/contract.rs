//! The contract: kept as a file, complete, and true to what the server does.

use crate::newsroom::{Answer, Newsroom};
use copydesk::domain::user::Role;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The document, parsed.
pub fn document() -> Value {
    serde_json::from_str(&copydesk::http::document()).unwrap()
}

/// Every operation: path, verb, and what the document says of it.
pub fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(verb, operation)| (path.as_str(), verb.as_str(), operation)))
        .collect()
}

/// Compares a text with the file that keeps it; `rewrite` names the environment variable that writes the file anew.
pub fn compare_with_file(text: &str, path: &str, rewrite: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os(rewrite).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let first = kept.lines().zip(text.lines()).position(|(one, other)| one != other);
    let line = first.unwrap_or_else(|| kept.lines().count().min(text.lines().count()));
    assert!(
        kept == text,
        "{} is not what the server says now, from line {} on:\n- {}\n+ {}\nIf that is meant: {rewrite}=1 cargo test --test api",
        path.display(),
        line + 1,
        kept.lines().nth(line).unwrap_or_default(),
        text.lines().nth(line).unwrap_or_default(),
    );
}

#[test]
fn the_contract_is_the_one_that_is_kept_in_the_repository() {
    compare_with_file(&copydesk::http::document(), "openapi/openapi.json", "UPDATE_OPENAPI");
}

#[test]
fn the_server_serves_the_contract_that_is_kept() {
    let newsroom = Newsroom::open();
    assert_eq!(newsroom.get("/openapi.json").expect(200).json(), document());
}

#[test]
fn every_operation_has_a_name_of_its_own_made_of_a_verb_and_a_resource() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut seen = BTreeSet::new();
    for (path, verb, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{verb} {path} has no name"));
        let (first, resource) = id.split_once('_').unwrap_or_else(|| panic!("{id} is not <verb>_<resource>"));
        let verbs: &[&str] = match verb {
            "get" => &["get", "list", "search", "suggest"],
            "post" => &[
                "create",
                "batch",
                "merge",
                "publish",
                "unpublish",
                "discard",
                "submit",
                "return",
                "archive",
                "unarchive",
                "kill",
                "unkill",
                "schedule",
                "unschedule",
                "restore",
                "login",
                "refresh",
                "logout",
                "change",
                "accept",
                "confirm",
                "disable",
            ],
            "patch" => &["update"],
            "delete" => &["delete", "purge"],
            other => panic!("{other} {path}"),
        };
        assert!(verbs.contains(&first), "{id} is no name for {verb} {path}");
        assert!(resource.chars().all(|c| c.is_ascii_lowercase()), "{id}");
        assert!(seen.insert(id), "{id} twice");
    }
}

#[test]
fn every_operation_tells_what_it_does_who_may_and_what_can_go_wrong() {
    let document = document();
    let tags: BTreeSet<&str> = document["tags"].as_array().unwrap().iter().filter_map(|tag| tag["name"].as_str()).collect();
    for (path, verb, operation) in operations(&document) {
        let about = format!("{verb} {path}");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{about} has no summary");
        let named: Vec<&str> = operation["tags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(named.len() == 1 && tags.contains(named[0]), "{about}: {named:?}");
        assert!(operation["security"].as_array().is_some_and(|ways| !ways.is_empty()), "{about} does not say who may");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{about} cannot succeed");
        assert!(responses.keys().any(|status| status.starts_with('4')), "{about} cannot fail");
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{about} {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let description = parameter["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{about}: {} is not described", parameter["name"]);
        }
    }
}

#[test]
fn every_body_that_goes_in_or_comes_out_has_an_example() {
    let document = document();
    for (path, verb, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let good = responses.iter().filter(|(status, _)| status.starts_with('2')).map(|(_, response)| response);
        for body in operation.get("requestBody").into_iter().chain(good) {
            for (_, media) in body["content"].as_object().into_iter().flatten() {
                let example = media["examples"]["seed-story"]["$ref"].as_str().unwrap_or_else(|| panic!("{verb} {path} shows none"));
                assert!(document.pointer(&format!("{}/value", &example[1..])).is_some(), "{example} is missing");
            }
        }
    }
}

/// An example of the document.
pub fn example(name: &str) -> Value {
    document().pointer(&format!("/components/examples/{name}/value")).unwrap().clone()
}

/// The names of all members, those inside others as well.
fn members(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(value, "", &mut names);
    names
}

fn collect(value: &Value, above: &str, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, member) in object {
                names.insert(format!("{above}/{name}"));
                collect(member, &format!("{above}/{name}"), names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, above, names)),
        _ => {}
    }
}

#[track_caller]
fn looks_like(answer: &Answer, name: &str) {
    assert_eq!(members(&answer.json()), members(&example(name)), "{name}");
}

#[test]
fn the_examples_can_be_sent_as_they_stand_and_what_comes_back_looks_like_them() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    looks_like(&newsroom.post(&admin, "/v1/authors", &example("CreateAuthor")).expect(201), "Author");
    looks_like(&newsroom.post(&admin, "/v1/tags", &example("CreateTag")).expect(201), "Tag");
    looks_like(&newsroom.post(&admin, "/v1/users", &example("CreateUser")).expect(201), "User");
    let created = newsroom.post(&admin, "/v1/articles", &example("CreateArticle")).expect(201);
    looks_like(&created, "WorkingArticle");
    let path = format!("/v1/articles/{}", example("ArticleView")["slug"].as_str().unwrap());
    assert_eq!(created.header("location"), path);
    looks_like(&newsroom.post(&admin, &format!("{path}/publish"), &example("PublishArticle")).expect(200), "WorkingArticle");
    let correction = newsroom.post(&admin, &format!("{path}/corrections"), &example("CreateCorrection")).expect(201);
    looks_like(&correction, "Correction");
    let correction = correction.json();
    looks_like(&newsroom.post(&admin, &format!("{path}/comments"), &example("CreateComment")).expect(201), "Comment");
    looks_like(&newsroom.post(&admin, &format!("{path}/lock"), &example("LockArticle")).expect(200), "Lock");
    newsroom.delete(&admin, &format!("{path}/lock")).expect(204);
    looks_like(&newsroom.get_as(&admin, &format!("{path}/comments")).expect(200), "CommentPage");
    newsroom.delete(&admin, &format!("{path}/corrections/{}", correction["id"].as_str().unwrap())).expect(204);
    for (step, body) in [("archive", "Nothing"), ("unarchive", "Nothing"), ("submit", "SubmitArticle"), ("return", "ReturnArticle")] {
        looks_like(&newsroom.post(&admin, &format!("{path}/{step}"), &example(body)).expect(200), "WorkingArticle");
    }
    looks_like(&newsroom.post(&admin, &format!("{path}/schedule"), &example("ScheduleArticle")).expect(200), "WorkingArticle");
    looks_like(&newsroom.get_as(&admin, "/v1/schedule").expect(200), "SchedulePage");
    looks_like(&newsroom.post(&admin, &format!("{path}/unschedule"), &example("Nothing")).expect(200), "WorkingArticle");
    for (step, body) in [("publish", "PublishArticle"), ("kill", "KillArticle"), ("unkill", "Nothing"), ("discard", "Nothing")] {
        newsroom.post(&admin, &format!("{path}/{step}"), &example(body)).expect(200);
    }
    looks_like(&newsroom.get(&path).expect(200), "ArticleView");
    looks_like(&newsroom.get("/v1/articles").expect(200), "ArticlePage");
    looks_like(&newsroom.get("/v1/search?q=drug-trafficking&facets=tag").expect(200), "SearchPage");
    looks_like(&newsroom.get("/v1/search/suggest?q=guatemala").expect(200), "Suggestions");
    looks_like(&newsroom.get("/v1/authors").expect(200), "AuthorPage");
    looks_like(&newsroom.get("/v1/tags").expect(200), "TagPage");
    looks_like(&newsroom.get_as(&admin, "/v1/users").expect(200), "UserPage");
    looks_like(&newsroom.get("/").expect(200), "Index");
    newsroom.patch(&admin, &path, "*", &example("EditArticle")).expect(200);
    newsroom.patch(&admin, "/v1/authors/marcus", "*", &example("EditAuthor")).expect(200);
    newsroom.patch(&admin, "/v1/tags/migration", "*", &example("EditTag")).expect(200);
    newsroom.patch(&admin, &format!("/v1/users/{}", admin.id), "*", &example("EditUser")).expect(200);
    let body = example("Credentials").to_string();
    let session = newsroom.send("POST", "/v1/auth/login", None, &[("content-type", "application/json")], Some(body.as_bytes())).expect(200);
    looks_like(&session, "Session");
}

#[test]
fn the_example_of_a_live_story_is_what_the_server_makes_of_the_example_of_a_new_one() {
    let newsroom = Newsroom::open_with(|settings| settings.article_url = "https://example.com/{slug}".into());
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &example("CreateAuthor")).expect(201);
    newsroom.post(&editor, "/v1/tags", &example("CreateTag")).expect(201);
    let slug = newsroom.publish(&editor, &example("CreateArticle"))["slug"].as_str().unwrap().to_owned();
    let live = newsroom.get(&format!("/v1/articles/{slug}")).expect(200).json();
    assert_eq!(without_ids(live), without_ids(example("ArticleView")));
}

fn without_ids(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept: Map<String, Value> =
                object.into_iter().filter(|(name, _)| name != "id").map(|(name, member)| (name, without_ids(member))).collect();
            kept.into()
        }
        Value::Array(items) => items.into_iter().map(without_ids).collect(),
        other => other,
    }
}
