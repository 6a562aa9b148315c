//! Class E: of many who write at once, one wins and the others are told.

use crate::newsroom::Newsroom;
use copydesk::domain::user::Role;
use serde_json::json;

#[test]
fn e01_of_two_patches_for_one_version_one_is_taken_and_one_refused() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let story = newsroom.post(&editor, "/v1/articles", &json!({ "title": "Contested" })).expect(201);
    let mut etag = story.header("etag").to_owned();
    for round in 0..500 {
        let answers = std::thread::scope(|scope| {
            let writers = [0, 1].map(|writer| {
                let (newsroom, editor, etag) = (&newsroom, &editor, &etag);
                scope.spawn(move || {
                    newsroom.patch(editor, "/v1/articles/contested", etag, &json!({ "lead": format!("{round} by {writer}") }))
                })
            });
            writers.map(|writer| writer.join().unwrap())
        });
        let mut statuses = answers.each_ref().map(|answer| answer.status);
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
        etag = answers.iter().find(|answer| answer.status == 200).unwrap().header("etag").to_owned();
    }
    let last = newsroom.get_as(&editor, "/v1/articles/contested?view=working").expect(200).json();
    assert_eq!(last["version"], 501);
}

#[test]
fn e02_of_fifty_stories_with_one_chosen_slug_one_is_made() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let post = || newsroom.post(&editor, "/v1/articles", &json!({ "title": "Same", "slug": "same" })).status;
        let posts: Vec<_> = (0..50).map(|_| scope.spawn(post)).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201], vec![409; 49]].concat());
}

#[test]
fn e02_fifty_stories_of_one_title_are_all_made_under_fifty_slugs() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let mut slugs: Vec<String> = std::thread::scope(|scope| {
        let post = || newsroom.draft(&editor, &json!({ "title": "Same" }))["slug"].as_str().unwrap().to_owned();
        let posts: Vec<_> = (0..50).map(|_| scope.spawn(post)).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 50);
    assert!(slugs.contains(&"same".to_owned()) && slugs.contains(&"same-2".to_owned()));
}

#[test]
fn e06_a_change_says_which_version_it_has_seen() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Seen" }));
    let json = ("content-type", "application/json");
    for (method, path, body) in [
        ("PATCH", "/v1/articles/seen", "{\"lead\":\"x\"}"),
        ("DELETE", "/v1/articles/seen", ""),
        ("POST", "/v1/articles/seen/publish", "{}"),
    ] {
        let answer = newsroom.send(method, path, Some(&editor), &[json], Some(body.as_bytes()));
        assert_eq!(answer.expect(428).code(), "precondition_required");
    }
    for garbage in ["garbage", "\"garbage\"", "1-abc", "\"-1-a\"", "W/", "", "\"99999999999999999999-a\"", "\"2-0\""] {
        newsroom.patch(&editor, "/v1/articles/seen", garbage, &json!({ "lead": "x" })).expect(412);
    }
    newsroom.patch(&editor, "/v1/articles/seen", "W/\"1-0\"", &json!({ "lead": "weak" })).expect(200);
    newsroom.patch(&editor, "/v1/articles/seen", "\"9-0\", W/\"2-ff\"", &json!({ "lead": "one of several" })).expect(200);
    assert_eq!(
        newsroom.patch(&editor, "/v1/articles/seen", "\"1-0\"", &json!({ "lead": "late" })).expect(412).json()["current_version"],
        3
    );
}

#[test]
fn e06_of_many_who_overwrite_knowingly_nobody_is_told_of_another() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.post(&editor, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Crime" })).expect(201);
    newsroom.publish(&editor, &json!({ "title": "Busy" }));
    for round in 0..5 {
        newsroom.patch(&editor, "/v1/articles/busy", "*", &json!({ "lead": round.to_string() })).expect(200);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let (newsroom, editor) = (&newsroom, &editor);
            let write = |n: usize| {
                let text = format!("{round} {n}");
                let (beat, description) = (json!({ "beat": text }), json!({ "description": text }));
                [
                    scope.spawn(move || newsroom.patch(editor, "/v1/authors/ana", "*", &beat).status),
                    scope.spawn(move || newsroom.patch(editor, "/v1/tags/crime", "*", &description).status),
                    scope.spawn(move || newsroom.post(editor, "/v1/articles/busy/publish", &json!({})).status),
                ]
            };
            let writes: Vec<_> = (0..4).flat_map(write).collect();
            writes.into_iter().map(|write| write.join().unwrap()).collect()
        });
        assert_eq!(statuses, [200; 12]);
    }
}

#[test]
fn e01_an_author_or_tag_that_leaves_while_stories_come_in_is_still_in_use_or_missing() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for round in 0..6 {
        let slug = format!("one-{round}");
        for path in ["/v1/authors", "/v1/tags"] {
            newsroom.post(&editor, path, &json!({ "name": "One", "slug": slug })).expect(201);
        }
        let (comings, goings) = std::thread::scope(|scope| {
            let (newsroom, editor, slug) = (&newsroom, &editor, &slug);
            let comings = [0, 1, 2].map(|n| {
                scope.spawn(move || {
                    let story = json!({ "title": format!("Story {round} {n}"), "authors": [slug], "tags": [slug] });
                    newsroom.post(editor, "/v1/articles", &story).status
                })
            });
            let goings = ["authors", "tags"].map(|kind| scope.spawn(move || newsroom.delete(editor, &format!("/v1/{kind}/{slug}")).status));
            (comings.map(|coming| coming.join().unwrap()), goings.map(|going| going.join().unwrap()))
        });
        assert!(comings.iter().all(|status| [201, 422].contains(status)), "{comings:?}");
        assert!(goings.iter().all(|status| [204, 409].contains(status)), "{goings:?}");
    }
}

#[test]
fn e01_two_who_put_each_others_tag_and_author_in_place_end_with_one_of_both() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for round in 0..4 {
        let [one, other] = ["one", "other"].map(|name| format!("{name}-{round}"));
        for (path, slug) in ["/v1/authors", "/v1/tags"].into_iter().flat_map(|path| [(path, &one), (path, &other)]) {
            newsroom.post(&editor, path, &json!({ "name": slug, "slug": slug })).expect(201);
        }
        for n in 0..6 {
            let both = if n % 2 == 0 { [&one, &other] } else { [&other, &one] };
            let few = &both[..1 + n % 2];
            newsroom.publish(&editor, &json!({ "title": format!("Story {round} {n}"), "authors": few, "tags": few }));
        }
        for kind in ["authors", "tags"] {
            let statuses = std::thread::scope(|scope| {
                let (newsroom, editor) = (&newsroom, &editor);
                let put = |from: &str, to: &str| {
                    let path = format!("/v1/{kind}/{from}?reassign_to={to}");
                    scope.spawn(move || newsroom.delete(editor, &path).status)
                };
                let puts = [put(&one, &other), put(&other, &one)];
                let mut statuses = puts.map(|put| put.join().unwrap());
                statuses.sort_unstable();
                statuses
            });
            // The second finds nobody to put in place, or nothing to delete.
            assert!([[204, 400], [204, 404]].contains(&statuses), "{kind}: {statuses:?}");
            let left = newsroom.get(&format!("/v1/{kind}?fields=slug,article_count")).expect(200).items();
            let left: Vec<_> =
                left.iter().filter(|item| [one.as_str(), other.as_str()].contains(&item["slug"].as_str().unwrap())).collect();
            assert_eq!((left.len(), &left[0]["article_count"]), (1, &json!(6)), "{left:?}");
        }
    }
}
