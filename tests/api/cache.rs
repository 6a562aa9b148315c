//! Kept answers: never stale, each coding with a tag of its own.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Read;

/// The addresses that are compared: single things, lists with filters and orders, what stands beside a story.
const ADDRESSES: [&str; 16] = [
    "/v1/articles",
    "/v1/articles?limit=2&count=true",
    "/v1/articles?sort=title&formats=html",
    "/v1/articles?tag=tag-a",
    "/v1/articles?tag=renamed",
    "/v1/articles?author=author-a",
    "/v1/articles?exclude_tag=tag-b&sort=-updated_at",
    "/v1/articles/story-0",
    "/v1/articles/story-1",
    "/v1/articles/story-0/adjacent?within=primary_tag",
    "/v1/articles/story-0/related",
    "/v1/authors",
    "/v1/authors/author-a",
    "/v1/tags",
    "/v1/tags/tag-a",
    "/v1/tags/tag-b",
];

/// Something an editor does.
#[derive(Clone, Debug)]
enum Deed {
    Edit { story: usize, tag: usize },
    Publish { story: usize },
    Unpublish { story: usize },
    Kill { story: usize },
    Unkill { story: usize },
    Correct { story: usize },
    EditTag { visibility: bool, renamed: bool },
    EditAuthor { name: String },
    MoveTag,
    Read { address: usize },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        (0..2_usize, 0..2_usize).prop_map(|(story, tag)| Deed::Edit { story, tag }),
        (0..2_usize).prop_map(|story| Deed::Publish { story }),
        (0..2_usize).prop_map(|story| Deed::Unpublish { story }),
        (0..2_usize).prop_map(|story| Deed::Kill { story }),
        (0..2_usize).prop_map(|story| Deed::Unkill { story }),
        (0..2_usize).prop_map(|story| Deed::Correct { story }),
        (any::<bool>(), any::<bool>()).prop_map(|(visibility, renamed)| Deed::EditTag { visibility, renamed }),
        "[a-z]{3,8}".prop_map(|name| Deed::EditAuthor { name }),
        Just(Deed::MoveTag),
        (0..ADDRESSES.len()).prop_map(|address| Deed::Read { address }),
    ];
    prop::collection::vec(deed, 4..16)
}

fn do_it(newsroom: &Newsroom, editor: &Person, tag_ids: &[String; 2], stories: &[String; 2], deed: &Deed) {
    match deed {
        Deed::Edit { story, tag } => {
            let patch = json!({ "title": format!("Edited with {tag}"), "tag_ids": [tag_ids[*tag]] });
            newsroom.patch(editor, &format!("/v1/articles/{}", stories[*story]), "*", &patch).expect(200);
        }
        Deed::Publish { story } => drop(newsroom.post(editor, &format!("/v1/articles/{}/publish", stories[*story]), &json!({}))),
        Deed::Unpublish { story } => drop(newsroom.post(editor, &format!("/v1/articles/{}/unpublish", stories[*story]), &json!({}))),
        Deed::Kill { story } => {
            drop(newsroom.post(editor, &format!("/v1/articles/{}/kill", stories[*story]), &json!({ "reason": "Wrong." })))
        }
        Deed::Unkill { story } => drop(newsroom.post(editor, &format!("/v1/articles/{}/unkill", stories[*story]), &json!({}))),
        Deed::Correct { story } => {
            let correction = json!({ "kind": "update", "note": "More." });
            drop(newsroom.post(editor, &format!("/v1/articles/{}/corrections", stories[*story]), &correction));
        }
        Deed::EditTag { visibility, renamed } => {
            let patch = json!({
                "visibility": if *visibility { "public" } else { "internal" },
                "slug": if *renamed { "renamed" } else { "tag-a" },
            });
            newsroom.patch(editor, &format!("/v1/tags/{}", tag_ids[0]), "*", &patch).expect(200);
        }
        Deed::EditAuthor { name } => drop(newsroom.patch(editor, "/v1/authors/author-a", "*", &json!({ "name": name })).expect(200)),
        Deed::MoveTag => {
            drop(newsroom.patch(editor, &format!("/v1/tags/{}", tag_ids[1]), "*", &json!({ "parent": tag_ids[0] })).expect(200))
        }
        Deed::Read { address } => drop(newsroom.get(ADDRESSES[*address])),
    }
}

fn face(answer: &Answer) -> (u16, String, String, String) {
    (answer.status, answer.text(), answer.header("etag").to_owned(), answer.header("surrogate-key").to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_read_after_any_writes_is_what_a_server_that_keeps_nothing_answers(deeds in deeds()) {
        let newsroom = Newsroom::open();
        let fresh = newsroom.node(|settings| settings.cache_bytes = 0);
        let editor = newsroom.person(Role::Editor);
        let id = |answer: Answer| answer.expect(201).json()["id"].as_str().unwrap().to_owned();
        newsroom.post(&editor, "/v1/authors", &json!({ "name": "Author A" })).expect(201);
        let tag_ids = ["Tag A", "Tag B"].map(|name| id(newsroom.post(&editor, "/v1/tags", &json!({ "name": name }))));
        let stories = [0, 1].map(|n| {
            let story = json!({ "title": format!("Story {n}"), "body": "A paragraph.", "authors": ["author-a"], "tag_ids": [tag_ids[n]] });
            id(newsroom.post(&editor, "/v1/articles", &story))
        });
        for deed in &deeds {
            do_it(&newsroom, &editor, &tag_ids, &stories, deed);
            newsroom.pass(1000);
            fresh.forget();
            for address in ADDRESSES {
                prop_assert_eq!(face(&newsroom.get(address)), face(&fresh.get(address)), "{} after {:?}", address, deed);
            }
        }
    }
}

#[test]
fn a_kept_story_changes_when_an_internal_tag_comes_to_light_or_gives_way() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for name in ["Desk", "Planning"] {
        newsroom.post(&editor, "/v1/tags", &json!({ "name": name, "visibility": "internal" })).expect(201);
    }
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Crime" })).expect(201);
    newsroom.publish(&editor, &json!({ "title": "Story", "tags": ["desk", "planning"] }));
    let tags = || newsroom.get("/v1/articles/story").expect(200).json()["tags"].as_array().unwrap().len();
    assert_eq!(tags(), 0);
    newsroom.patch(&editor, "/v1/tags/desk", "*", &json!({ "visibility": "public" })).expect(200);
    assert_eq!(tags(), 1);
    newsroom.delete(&editor, "/v1/tags/planning?reassign_to=crime").expect(204);
    assert_eq!(tags(), 2);
}

#[test]
fn each_coding_is_the_same_story_under_a_tag_of_its_own() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let story = json!({ "title": "Long", "body": "A sentence that is said again. ".repeat(200) });
    newsroom.publish(&editor, &story);
    let plain = newsroom.get("/v1/articles/long").expect(200);
    let mut tags = vec![plain.header("etag").to_owned()];
    for _twice in 0..2 {
        let gzip = newsroom.send("GET", "/v1/articles/long", None, &[("accept-encoding", "gzip")], None).expect(200);
        assert_eq!(gzip.header("content-encoding"), "gzip");
        let mut body = Vec::new();
        flate2::read::GzDecoder::new(gzip.body.as_slice()).read_to_end(&mut body).unwrap();
        assert_eq!(body, plain.body);
        let zstd = newsroom.send("GET", "/v1/articles/long", None, &[("accept-encoding", "zstd;q=0.9, gzip;q=0.1")], None).expect(200);
        assert_eq!(zstd::bulk::decompress(&zstd.body, 1 << 20).unwrap(), plain.body);
        let brotli = newsroom.send("GET", "/v1/articles/long", None, &[("accept-encoding", "gzip, br")], None).expect(200);
        let mut body = Vec::new();
        brotli::BrotliDecompress(&mut brotli.body.as_slice(), &mut body).unwrap();
        assert_eq!(body, plain.body);
        tags.extend([gzip, zstd, brotli].iter().map(|answer| answer.header("etag").to_owned()));
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}

#[test]
fn a_client_that_has_the_story_in_its_coding_gets_304_and_another_tag_gets_the_story() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Long", "body": "A sentence that is said again. ".repeat(200) }));
    let gzip = newsroom.send("GET", "/v1/articles/long", None, &[("accept-encoding", "gzip")], None).expect(200);
    let tag = gzip.header("etag").to_owned();
    let again = newsroom.send("GET", "/v1/articles/long", None, &[("accept-encoding", "gzip"), ("if-none-match", &tag)], None).expect(304);
    assert_eq!((again.body.len(), again.header("etag"), again.header("vary")), (0, tag.as_str(), "Accept-Encoding"));
    newsroom.send("GET", "/v1/articles/long", None, &[("if-none-match", &tag)], None).expect(200);
    newsroom.patch(&editor, "/v1/articles/long", "*", &json!({ "title": "Longer" })).expect(200);
    newsroom.send("GET", "/v1/articles/long", None, &[("accept-encoding", "gzip"), ("if-none-match", &tag)], None).expect(304);
    newsroom.post(&editor, "/v1/articles/long/publish", &json!({})).expect(200);
    newsroom.send("GET", "/v1/articles/long", None, &[("accept-encoding", "gzip"), ("if-none-match", &tag)], None).expect(200);
}

#[test]
fn the_answer_to_an_editor_is_neither_kept_nor_shared() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Live" }));
    let mine = newsroom.get_as(&editor, "/v1/articles/live").expect(200);
    assert_eq!((mine.header("cache-control"), mine.header("surrogate-key")), ("private, no-store", ""));
    let public = newsroom.get("/v1/articles/live").expect(200);
    assert!(public.header("cache-control").starts_with("public"));
    newsroom.get_as(&editor, "/v1/articles?view=working").expect(200);
    newsroom.get("/v1/articles?view=working").expect(401);
    let forged = Person { token: "forged".into(), ..editor };
    newsroom.get_as(&forged, "/v1/articles/live").expect(401);
}

#[test]
fn the_names_of_all_that_is_inside_leave_room_in_the_head() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let tags: Vec<String> = (0..100).map(|number| format!("tag-of-the-town-{number}")).collect();
    tags.iter().for_each(|tag| drop(newsroom.post(&editor, "/v1/tags", &json!({ "name": tag, "slug": tag })).expect(201)));
    let many = newsroom.publish(&editor, &json!({ "title": "Many", "tags": tags }));
    newsroom.publish(&editor, &json!({ "title": "Few", "tags": tags[..2] }));
    assert_eq!(
        newsroom.get("/v1/articles/many").expect(200).header("surrogate-key"),
        format!("article-{} tags", many["id"].as_str().unwrap())
    );
    assert_eq!(newsroom.get("/v1/articles/few").expect(200).header("surrogate-key").matches("tag-").count(), 2);
    for path in ["/v1/articles?limit=100", "/v1/tags?limit=100", "/v1/articles/many/related"] {
        let answer = newsroom.get(path).expect(200);
        let names = answer.header("surrogate-key");
        assert!(names.len() < 2048 && names.split(' ').any(|name| name == "tags"), "{path}: {names}");
    }
}

#[test]
fn on_one_postgresql_a_node_hears_of_the_others_writes() {
    if std::env::var("TEST_POSTGRES_URL").is_err() {
        return;
    }
    let newsroom = Newsroom::open();
    let other = newsroom.node(|_| {});
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Before" }));
    let seen = |title: &str| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while other.get("/v1/articles").expect(200).items().first().map(|item| item["title"].clone()) != Some(Value::from(title)) {
            assert!(std::time::Instant::now() < deadline, "the other node has not heard of `{title}`");
            std::thread::yield_now();
        }
    };
    seen("Before");
    newsroom.patch(&editor, "/v1/articles/before", "*", &json!({ "title": "After" })).expect(200);
    newsroom.post(&editor, "/v1/articles/before/publish", &json!({})).expect(200);
    seen("After");
}
