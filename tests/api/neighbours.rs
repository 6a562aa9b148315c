//! Beside a story: before and after it, about the same, and the page before.

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

/// A newsroom with live stories `1`, `2`, … a minute apart; `tags` says which tags each carries.
fn newsroom_with(tags: &[&[&str]]) -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for name in ["crime", "trade", "weather"] {
        newsroom.post(&editor, "/v1/tags", &json!({ "name": name })).expect(201);
    }
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Marcus" })).expect(201);
    for (index, tags) in tags.iter().enumerate() {
        newsroom.pass(60_000);
        let title = (index + 1).to_string();
        newsroom.publish(&editor, &json!({ "title": title, "slug": format!("story-{title}"), "tags": tags, "authors": ["marcus"] }));
    }
    (newsroom, editor)
}

fn titles(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_story_stands_between_the_one_before_and_the_one_after_it() {
    let (newsroom, editor) = newsroom_with(&[&["crime"], &["trade"], &["crime"]]);
    newsroom.draft(&editor, &json!({ "title": "A draft", "tags": ["crime"] }));
    let beside = newsroom.get("/v1/articles/story-2/adjacent").expect(200).json();
    assert_eq!((&beside["previous"]["title"], &beside["next"]["title"]), (&json!("1"), &json!("3")));
    let ends = newsroom.get("/v1/articles/story-3/adjacent").expect(200).json();
    assert_eq!((&ends["previous"]["title"], &ends["next"]), (&json!("2"), &Value::Null));
    assert!(ends["previous"].get("html").is_none());
    newsroom.get("/v1/articles/a-draft/adjacent").expect(404);
}

#[test]
fn neighbours_within_the_primary_tag_skip_all_others() {
    let (newsroom, _) = newsroom_with(&[&["crime"], &["trade"], &["crime", "trade"]]);
    let beside = newsroom.get("/v1/articles/story-3/adjacent?within=primary_tag").expect(200).json();
    assert_eq!(beside["previous"]["title"], "1");
    assert_eq!(newsroom.get("/v1/articles/story-3/adjacent?within=tag").expect(400).places(), ["within"]);
}

#[test]
fn related_stories_are_ranked_by_what_they_share_and_then_by_age() {
    let (newsroom, _) = newsroom_with(&[&["crime", "trade"], &["weather"], &["crime"], &["crime", "trade"]]);
    let related = newsroom.get("/v1/articles/story-4/related").expect(200);
    assert_eq!(titles(&related.items()), ["1", "3", "2"]);
    assert_eq!(titles(&newsroom.get("/v1/articles/story-4/related?limit=1").expect(200).items()), ["1"]);
    newsroom.get("/v1/articles/story-4/related?limit=21").expect(400);
}

#[test]
fn a_list_can_be_walked_there_and_back() {
    let (newsroom, _) = newsroom_with(&[&[], &[], &[], &[], &[]]);
    let first = newsroom.get("/v1/articles?limit=2&sort=published_at").expect(200);
    assert!(first.json()["page"].get("prev_cursor").is_none());
    let mut pages = vec![titles(&first.items())];
    let mut page = first.json()["page"].clone();
    while let Some(cursor) = page["next_cursor"].as_str() {
        let next = newsroom.get(&format!("/v1/articles?limit=2&sort=published_at&cursor={cursor}")).expect(200);
        assert!(next.header("link").contains("rel=\"prev\""));
        pages.push(titles(&next.items()));
        page = next.json()["page"].clone();
    }
    assert_eq!(pages, [vec!["1", "2"], vec!["3", "4"], vec!["5"]]);
    let mut back = vec![pages[2].clone()];
    while let Some(cursor) = page["prev_cursor"].as_str() {
        let previous = newsroom.get(&format!("/v1/articles?limit=2&sort=published_at&cursor={cursor}")).expect(200);
        back.insert(0, titles(&previous.items()));
        page = previous.json()["page"].clone();
    }
    assert_eq!(back, pages);
}
