//! Slugs: made, chosen, taken, remembered.

use crate::newsroom::Newsroom;
use copydesk::domain::time::Moment;
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

#[test]
fn thirty_renames_lead_to_the_last_in_one_step_and_back_again() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Name", "slug": "name-0" }));
    for path in ["/v1/authors", "/v1/tags"] {
        newsroom.post(&editor, path, &json!({ "name": "Name", "slug": "name-0" })).expect(201);
    }
    let rename = |from: usize, to: usize| {
        for kind in ["articles", "authors", "tags"] {
            newsroom.patch(&editor, &format!("/v1/{kind}/name-{from}"), "*", &json!({ "slug": format!("name-{to}") })).expect(200);
        }
        newsroom.post(&editor, &format!("/v1/articles/name-{to}/publish"), &json!({})).expect(200);
    };
    let all_lead_to = |current: usize| {
        for kind in ["articles", "authors", "tags"] {
            for former in (0..=30).filter(|n| *n != current) {
                let moved = newsroom.get(&format!("/v1/{kind}/name-{former}")).expect(308);
                assert_eq!(moved.header("location"), format!("/v1/{kind}/name-{current}"));
            }
            assert_eq!(newsroom.get(&format!("/v1/{kind}/name-{current}")).expect(200).json()["slug"], format!("name-{current}"));
        }
    };
    (0..30).for_each(|n| rename(n, n + 1));
    all_lead_to(30);
    rename(30, 0);
    all_lead_to(0);
}

#[test]
fn an_editor_may_take_a_slug_that_nobody_bears_any_more() {
    let newsroom = Newsroom::open();
    let (editor, author) = (newsroom.person(Role::Editor), newsroom.person(Role::Author));
    for path in ["/v1/authors", "/v1/tags", "/v1/articles"] {
        let named = |name: &str, slug: &str| match path {
            "/v1/articles" => json!({ "title": name, "slug": slug }),
            _ => json!({ "name": name, "slug": slug }),
        };
        newsroom.post(&editor, path, &named("First", "x")).expect(201);
        newsroom.post(&editor, &format!("{path}?take_slug=true"), &named("Second", "x")).expect(409);
        newsroom.patch(&editor, &format!("{path}/x"), "*", &json!({ "slug": "y" })).expect(200);
        assert!(newsroom.post(&editor, path, &named("Second", "x")).expect(409).text().contains("take_slug"));
        newsroom.post(&author, &format!("{path}?take_slug=true"), &named("Second", "x")).expect(403);
        newsroom.post(&editor, &format!("{path}?take_slug=true"), &named("Second", "x")).expect(201);
        let read = |slug: &str| newsroom.get_as(&editor, &format!("{path}/{slug}?view=working")).expect(200).json();
        let name = if path == "/v1/articles" { "title" } else { "name" };
        assert_eq!((&read("x")[name], &read("y")[name]), (&json!("Second"), &json!("First")));
        // The first cannot have it back while the second bears it, and can once it does not.
        newsroom.patch(&editor, &format!("{path}/y?take_slug=true"), "*", &json!({ "slug": "x" })).expect(409);
        newsroom.patch(&editor, &format!("{path}/x"), "*", &json!({ "slug": "z" })).expect(200);
        newsroom.patch(&editor, &format!("{path}/y?take_slug=true"), "*", &json!({ "slug": "x" })).expect(200);
        assert_eq!((&read("x")[name], &read("z")[name]), (&json!("First"), &json!("Second")));
    }
}

#[test]
fn a_slug_taken_from_a_live_story_leads_to_it_until_the_taker_is_public() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "First", "slug": "x" }));
    newsroom.patch(&editor, "/v1/articles/x", "*", &json!({ "slug": "y" })).expect(200);
    // The newsroom calls it otherwise, the public does not yet.
    newsroom.post(&editor, "/v1/articles?take_slug=true", &json!({ "title": "Second", "slug": "x" })).expect(409);
    newsroom.post(&editor, "/v1/articles/y/publish", &json!({})).expect(200);
    newsroom.post(&editor, "/v1/articles?take_slug=true", &json!({ "title": "Second", "slug": "x" })).expect(201);
    assert_eq!(newsroom.get("/v1/articles/x").expect(308).header("location"), "/v1/articles/y");
    newsroom.post(&editor, "/v1/articles/x/publish", &json!({})).expect(200);
    assert_eq!(newsroom.get("/v1/articles/x").expect(200).json()["title"], "Second");
    assert_eq!(newsroom.get("/v1/articles/y").expect(200).json()["title"], "First");
    newsroom.patch(&editor, "/v1/articles/y", "*", &json!({ "lead": "Again." })).expect(200);
    newsroom.post(&editor, "/v1/articles/y/publish", &json!({})).expect(200);
    assert_eq!(newsroom.get("/v1/articles/x").expect(200).json()["title"], "Second");
}

#[test]
fn a_schedule_whose_slug_was_given_away_fails_and_says_so() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "First", "slug": "x" }));
    let due = json!({ "publish_at": Moment::from_milliseconds(newsroom.now().milliseconds() + 60_000).to_string() });
    newsroom.post(&editor, "/v1/articles/x/schedule", &due).expect(200);
    newsroom.patch(&editor, "/v1/articles/x", "*", &json!({ "slug": "y" })).expect(200);
    newsroom.post(&editor, "/v1/articles?take_slug=true", &json!({ "title": "Second", "slug": "x" })).expect(201);
    newsroom.pass(61_000);
    newsroom.get("/v1/articles/x").expect(404);
    newsroom.get("/v1/articles/y").expect(404);
    let failed = newsroom.get_as(&editor, "/v1/schedule").expect(200);
    assert!(failed.text().contains("the slug `x` is held by another"), "{}", failed.text());
}
