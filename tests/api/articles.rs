//! Stories go in and come out.

use crate::newsroom::{Newsroom, seed_author, seed_story};
use copydesk::domain::user::Role;
use serde_json::json;

#[test]
fn the_seed_story_goes_in_and_comes_out_with_its_byline_and_sections() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &seed_author()).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Migration" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Drug trafficking" })).expect(201);
    let story = seed_story();
    let draft = newsroom.draft(&editor, &story);
    let path = format!("/v1/articles/{}", draft["slug"].as_str().unwrap());
    newsroom.get(&path).expect(404);
    newsroom.post(&editor, &format!("{path}/publish"), &json!({})).expect(200);
    let live = newsroom.get(&path).expect(200).json();
    assert_eq!(live["title"], story["title"]);
    assert_eq!(live["dateline"]["text"], "Guatemala City, Guatemala");
    assert_eq!(live["lead"], story["lead"]);
    assert_eq!(live["authors"][0]["beat"], "Focuses on crime, public safety, and regional events.");
    assert_eq!(live["tags"][1]["slug"], "drug-trafficking");
    assert_eq!(live["url"], "https://news.example/u-s-and-guatemala-address-migration-and-drug-trafficking");
    let html = live["html"].as_str().unwrap();
    assert_eq!(html.matches("<h2>").count(), 3);
    assert!(html.contains("“great partner”"));
    assert!(live.get("status").is_none());
}
