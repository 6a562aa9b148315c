//! Slugs: made, chosen, taken, remembered.

use crate::newsroom::Newsroom;
use copydesk::domain::user::Role;
use serde_json::json;

#[test]
fn a_slug_is_made_from_the_title_and_numbered_where_it_is_taken() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for slug in ["policia-detiene-a-el-guero", "policia-detiene-a-el-guero-2", "policia-detiene-a-el-guero-3"] {
        assert_eq!(newsroom.draft(&editor, &json!({ "title": "Policía detiene a “El Güero”" }))["slug"], slug);
    }
    assert_eq!(newsroom.draft(&editor, &json!({ "title": "!!!" }))["slug"], "story");
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(newsroom.draft(&editor, &json!({ "title": id }))["slug"], "story-2");
    let refusal = newsroom.post(&editor, "/v1/articles", &json!({ "title": "Story", "slug": id })).expect(422);
    assert_eq!(refusal.places(), ["/slug"]);
    for bad in ["Not-Lower", "a b", "-a", "a--b", "ü", "", "a/b", "a\r\nb"] {
        assert_eq!(
            newsroom.post(&editor, "/v1/articles", &json!({ "title": "Story", "slug": bad })).expect(422).places(),
            ["/slug"],
            "{bad}"
        );
    }
}

#[test]
fn a_slug_that_was_chosen_and_is_taken_is_refused() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "One", "slug": "mine" }));
    let refusal = newsroom.post(&editor, "/v1/articles", &json!({ "title": "Two", "slug": "mine" })).expect(409);
    assert_eq!(refusal.code(), "slug_taken");
    newsroom.draft(&editor, &json!({ "title": "Two" }));
    assert_eq!(newsroom.patch(&editor, "/v1/articles/two", "*", &json!({ "slug": "mine" })).expect(409).code(), "slug_taken");
    for path in ["/v1/authors", "/v1/tags"] {
        newsroom.post(&editor, path, &json!({ "name": "Mine" })).expect(201);
        assert_eq!(newsroom.post(&editor, path, &json!({ "name": "Mine", "slug": "mine" })).expect(409).code(), "slug_taken");
        assert_eq!(newsroom.post(&editor, path, &json!({ "name": "Mine" })).expect(201).json()["slug"], "mine-2");
    }
}

#[test]
fn the_public_is_led_from_an_old_slug_to_the_new_one_and_its_query_goes_along() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Old" }));
    newsroom.patch(&editor, "/v1/articles/old", "*", &json!({ "slug": "new" })).expect(200);
    newsroom.get("/v1/articles/old").expect(200);
    newsroom.get("/v1/articles/new").expect(404);
    newsroom.post(&editor, "/v1/articles/new/publish", &json!({})).expect(200);
    let moved = newsroom.get("/v1/articles/old?fields=title&formats=text").expect(308);
    assert_eq!(moved.header("location"), "/v1/articles/new?fields=title&formats=text");
    assert!(moved.body.is_empty() && moved.header("cache-control").starts_with("public"));
    newsroom.get(moved.header("location")).expect(200);
    newsroom.send("HEAD", "/v1/articles/old", None, &[], None).expect(308);
    assert_eq!(newsroom.get("/v1/articles/old/related").expect(308).header("location"), "/v1/articles/new/related");
    newsroom.post(&editor, "/v1/articles/new/unpublish", &json!({})).expect(200);
    newsroom.get("/v1/articles/old").expect(404);
}

#[test]
fn the_newsroom_is_led_from_an_old_slug_too_also_when_it_writes() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Old" }));
    newsroom.patch(&editor, "/v1/articles/old", "*", &json!({ "slug": "new" })).expect(200);
    newsroom.get("/v1/articles/old").expect(404);
    let seen = newsroom.get_as(&editor, "/v1/articles/old?view=working").expect(308);
    assert_eq!((seen.header("location"), seen.header("cache-control")), ("/v1/articles/new?view=working", "private, no-store"));
    assert_eq!(newsroom.patch(&editor, "/v1/articles/old", "*", &json!({})).expect(308).header("location"), "/v1/articles/new");
    let publish = newsroom.post(&editor, "/v1/articles/old/publish", &json!({})).expect(308);
    assert_eq!(publish.header("location"), "/v1/articles/new/publish");
    assert_eq!(newsroom.delete(&editor, "/v1/articles/old").expect(308).header("location"), "/v1/articles/new");
    newsroom.get_as(&editor, "/v1/articles/new?view=working").expect(200);
}

#[test]
fn an_old_slug_stays_with_its_story_which_may_take_it_back() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Old" }));
    newsroom.patch(&editor, "/v1/articles/old", "*", &json!({ "slug": "new" })).expect(200);
    assert_eq!(newsroom.post(&editor, "/v1/articles", &json!({ "title": "Other", "slug": "old" })).expect(409).code(), "slug_taken");
    assert_eq!(newsroom.draft(&editor, &json!({ "title": "Old" }))["slug"], "old-2");
    newsroom.patch(&editor, "/v1/articles/new", "*", &json!({ "slug": "old" })).expect(200);
    let moved = newsroom.get_as(&editor, "/v1/articles/new?view=working").expect(308);
    assert_eq!(moved.header("location"), "/v1/articles/old?view=working");
}

#[test]
fn old_slugs_of_authors_and_tags_lead_on_and_still_filter() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Crime" })).expect(201);
    newsroom.publish(&editor, &json!({ "title": "Story", "authors": ["ana"], "tags": ["crime"] }));
    newsroom.patch(&editor, "/v1/authors/ana", "*", &json!({ "slug": "ana-lopez" })).expect(200);
    newsroom.patch(&editor, "/v1/tags/crime", "*", &json!({ "slug": "justice" })).expect(200);
    assert_eq!(newsroom.get("/v1/authors/ana?fields=name").expect(308).header("location"), "/v1/authors/ana-lopez?fields=name");
    assert_eq!(newsroom.get("/v1/tags/crime").expect(308).header("location"), "/v1/tags/justice");
    for query in ["author=ana", "author=ana-lopez", "tag=crime", "tag=justice"] {
        assert_eq!(newsroom.get(&format!("/v1/articles?{query}")).expect(200).items().len(), 1, "{query}");
        assert_eq!(newsroom.get(&format!("/v1/articles?exclude_{query}")).expect(200).items().len(), 0, "{query}");
    }
    assert_eq!(newsroom.draft(&editor, &json!({ "title": "Next", "authors": ["ana"] }))["authors"][0]["slug"], "ana-lopez");
}

#[test]
fn many_who_want_the_same_title_at_once_get_a_slug_each() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let mut slugs: Vec<String> = std::thread::scope(|scope| {
        let write = |_: usize| {
            let (newsroom, editor) = (&newsroom, &editor);
            scope.spawn(move || newsroom.draft(editor, &json!({ "title": "Breaking" }))["slug"].as_str().unwrap().to_owned())
        };
        let writes: Vec<_> = (0..12).map(write).collect();
        writes.into_iter().map(|write| write.join().unwrap()).collect()
    });
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 12);
}
