//! Merges: two tags or authors become one, and every story, slug, id, revision and schedule that named the one leads to the other.

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::time::Moment;
use copydesk::domain::user::Role;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn make(newsroom: &Newsroom, editor: &Person, kind: &str, slug: &str) -> Value {
    newsroom.post(editor, &format!("/v1/{kind}"), &json!({ "name": slug.to_uppercase(), "slug": slug })).expect(201).json()
}

fn slugs_of(story: &Value, kind: &str) -> Vec<String> {
    story[kind].as_array().unwrap().iter().map(|named| named["slug"].as_str().unwrap().to_owned()).collect()
}

fn merge(newsroom: &Newsroom, editor: &Person, kind: &str, from: &str, into: &str) -> crate::newsroom::Answer {
    newsroom.post(editor, &format!("/v1/{kind}/{from}/merge"), &json!({ "into": into }))
}

#[test]
fn every_story_names_the_one_that_stays_once_live_and_working_killed_and_in_the_trash() {
    for kind in ["tags", "authors"] {
        let newsroom = Newsroom::open();
        let editor = newsroom.person(Role::Editor);
        let gone = make(&newsroom, &editor, kind, "a")["id"].as_str().unwrap().to_owned();
        let stays = make(&newsroom, &editor, kind, "b");
        make(&newsroom, &editor, kind, "c");
        newsroom.publish(&editor, &json!({ "title": "Both", kind: ["a", "c", "b"] }));
        newsroom.publish(&editor, &json!({ "title": "One", kind: ["c", "a"] }));
        newsroom.draft(&editor, &json!({ "title": "Draft", kind: ["a"] }));
        newsroom.publish(&editor, &json!({ "title": "Killed", kind: ["a"] }));
        newsroom.post(&editor, "/v1/articles/killed/kill", &json!({ "reason": "Not true." })).expect(200);
        newsroom.draft(&editor, &json!({ "title": "Thrown", kind: ["a"] }));
        newsroom.delete(&editor, "/v1/articles/thrown").expect(204);
        // Kept answers must go, too.
        let filter = kind.trim_end_matches('s');
        newsroom.get("/v1/articles/both").expect(200);
        assert_eq!(newsroom.get(&format!("/v1/articles?{filter}=b")).expect(200).items().len(), 1);

        let merged = merge(&newsroom, &editor, kind, "a", "b").expect(200);
        assert_eq!((&merged.json()["id"], &merged.json()["article_count"]), (&stays["id"], &json!(2)));
        assert!(merged.header("etag").starts_with("\"1-"), "{}", merged.header("etag"));
        assert_eq!(slugs_of(&newsroom.get("/v1/articles/both").expect(200).json(), kind), ["c", "b"]);
        assert_eq!(slugs_of(&newsroom.get("/v1/articles/one").expect(200).json(), kind), ["c", "b"]);
        for key in ["a", "b", gone.as_str()] {
            assert_eq!(newsroom.get(&format!("/v1/articles?{filter}={key}")).expect(200).items().len(), 2, "{key}");
            assert_eq!(
                newsroom.get_as(&editor, &format!("/v1/articles?view=working&{filter}={key}")).expect(200).items().len(),
                4,
                "{key}"
            );
        }
        newsroom.post(&editor, "/v1/articles/killed/unkill", &json!({})).expect(200);
        assert_eq!(slugs_of(&newsroom.get("/v1/articles/killed").expect(200).json(), kind), ["b"]);
        newsroom.post(&editor, "/v1/articles/thrown/restore", &json!({})).expect(200);
        assert_eq!(slugs_of(&newsroom.get_as(&editor, "/v1/articles/thrown?view=working").expect(200).json(), kind), ["b"]);
    }
}

#[test]
fn old_slugs_and_the_id_lead_to_the_one_that_stays_through_any_number_of_merges() {
    for kind in ["tags", "authors"] {
        let newsroom = Newsroom::open();
        let editor = newsroom.person(Role::Editor);
        let ids: Vec<String> =
            (0..8).map(|n| make(&newsroom, &editor, kind, &format!("n{n}"))["id"].as_str().unwrap().to_owned()).collect();
        newsroom.patch(&editor, &format!("/v1/{kind}/n0"), "*", &json!({ "slug": "old" })).expect(200);
        newsroom.patch(&editor, &format!("/v1/{kind}/old"), "*", &json!({ "slug": "n0" })).expect(200);
        for n in 0..7 {
            merge(&newsroom, &editor, kind, &format!("n{n}"), &format!("n{}", n + 1)).expect(200);
        }
        newsroom.patch(&editor, &format!("/v1/{kind}/n7"), "*", &json!({ "slug": "last" })).expect(200);
        let former = ids.iter().take(7).cloned().chain((0..8).map(|n| format!("n{n}"))).chain(["old".into()]);
        for key in former {
            let moved = newsroom.get(&format!("/v1/{kind}/{key}?fields=name")).expect(308);
            assert_eq!(moved.header("location"), format!("/v1/{kind}/last?fields=name"), "{key}");
            newsroom.patch(&editor, &format!("/v1/{kind}/{key}"), "*", &json!({})).expect(308);
        }
        newsroom.get(&format!("/v1/{kind}/{}", ids[7])).expect(200);
        // What is written with an old name or id names the one that stays.
        let story = newsroom.draft(&editor, &json!({ "title": "Story", kind: [ids[0]] }));
        assert_eq!(slugs_of(&story, kind), ["last"]);
    }
}

#[test]
fn old_revisions_and_schedules_follow_a_merge() {
    for kind in ["tags", "authors"] {
        let newsroom = Newsroom::open();
        let editor = newsroom.person(Role::Editor);
        for slug in ["a", "b", "c"] {
            make(&newsroom, &editor, kind, slug);
        }
        newsroom.draft(&editor, &json!({ "title": "Story", kind: ["a", "b"] }));
        let due = json!({ "publish_at": Moment::from_milliseconds(newsroom.now().milliseconds() + 60_000).to_string() });
        newsroom.post(&editor, "/v1/articles/story/schedule", &due).expect(200);
        newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ kind: ["c"] })).expect(200);
        merge(&newsroom, &editor, kind, "a", "b").expect(200);
        let then = newsroom.get_as(&editor, "/v1/articles/story/revisions/1").expect(200).json();
        assert!(then.to_string().contains("[\"b\"]"), "{then}");
        newsroom.pass(60_000);
        assert_eq!(slugs_of(&newsroom.get("/v1/articles/story").expect(200).json(), kind), ["b"]);
        let restored = newsroom.post(&editor, "/v1/articles/story/revisions/1/restore", &json!({})).expect(200).json();
        assert_eq!(slugs_of(&restored, kind), ["b"]);
        let again = newsroom.post(&editor, "/v1/articles/story/revisions/1/restore", &json!({})).expect(200).json();
        assert_eq!(again["version"], restored["version"]);
    }
}

#[test]
fn a_merge_that_cannot_be_is_refused_and_changes_nothing() {
    let newsroom = Newsroom::open();
    let (editor, author) = (newsroom.person(Role::Editor), newsroom.person(Role::Author));
    for kind in ["tags", "authors"] {
        let one = make(&newsroom, &editor, kind, "one");
        make(&newsroom, &editor, kind, "other");
        newsroom.patch(&editor, &format!("/v1/{kind}/other"), "*", &json!({ "slug": "new" })).expect(200);
        for into in ["one", one["id"].as_str().unwrap(), "none", "other"] {
            assert_eq!(merge(&newsroom, &editor, kind, "one", into).expect(422).places(), ["/into"], "{into}");
        }
        assert_eq!(newsroom.post(&editor, &format!("/v1/{kind}/one/merge"), &json!({})).expect(422).places(), ["/into"]);
        merge(&newsroom, &author, kind, "one", "new").expect(403);
        merge(&newsroom, &editor, kind, "none", "new").expect(404);
        let send = |headers: &[(&str, &str)]| {
            let headers = [&[("content-type", "application/json")], headers].concat();
            newsroom.send("POST", &format!("/v1/{kind}/one/merge"), Some(&editor), &headers, Some(br#"{"into":"new"}"#))
        };
        send(&[]).expect(428);
        send(&[("if-match", "\"7-0\"")]).expect(412);
        newsroom.get(&format!("/v1/{kind}/one")).expect(200);
    }
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Below", "parent": "one" })).expect(201);
    assert_eq!(merge(&newsroom, &editor, "tags", "one", "below").expect(422).places(), ["/into"]);
    merge(&newsroom, &editor, "tags", "one", "new").expect(200);
    assert_eq!(newsroom.get("/v1/tags/below").expect(200).json()["parent"], "new");
}

#[test]
fn a_tag_merged_into_an_internal_one_is_hidden_with_its_old_names() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let gone = make(&newsroom, &editor, "tags", "a");
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Desk", "visibility": "internal" })).expect(201);
    newsroom.publish(&editor, &json!({ "title": "Story", "tags": ["a"] }));
    merge(&newsroom, &editor, "tags", "a", "desk").expect(200);
    assert_eq!(newsroom.get("/v1/articles/story").expect(200).json()["tags"], json!([]));
    newsroom.get("/v1/tags/a").expect(404);
    newsroom.get(&format!("/v1/tags/{}", gone["id"].as_str().unwrap())).expect(404);
    assert_eq!(newsroom.get("/v1/articles?tag=a").expect(200).items().len(), 0);
}

#[test]
fn merges_that_cross_leave_one_of_the_two() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for kind in ["tags", "authors"] {
        for round in 0..6 {
            let (one, other) = (format!("one-{round}"), format!("other-{round}"));
            make(&newsroom, &editor, kind, &one);
            make(&newsroom, &editor, kind, &other);
            let (first, second) = std::thread::scope(|scope| {
                let first = scope.spawn(|| merge(&newsroom, &editor, kind, &one, &other).status);
                let second = scope.spawn(|| merge(&newsroom, &editor, kind, &other, &one).status);
                (first.join().unwrap(), second.join().unwrap())
            });
            let mut statuses = [first, second];
            statuses.sort_unstable();
            assert!(statuses[0] == 200 && [308, 422].contains(&statuses[1]), "{statuses:?}");
            let reads = [&one, &other].map(|slug| newsroom.get(&format!("/v1/{kind}/{slug}")).status);
            assert!(reads == [200, 308] || reads == [308, 200], "{reads:?}");
        }
    }
}

/// What is done to the tags of the slugs `s0` to `s5`; a slug that is not there makes it a refusal.
#[derive(Clone, Debug)]
enum Deed {
    Create(u8),
    Rename(u8, u8),
    Take(u8, u8),
    Merge(u8, u8),
    Delete(u8),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let slug = 0_u8..6;
    let deed = prop_oneof![
        3 => slug.clone().prop_map(Deed::Create),
        4 => (slug.clone(), slug.clone()).prop_map(|(from, to)| Deed::Rename(from, to)),
        2 => (slug.clone(), slug.clone()).prop_map(|(from, to)| Deed::Take(from, to)),
        2 => (slug.clone(), slug.clone()).prop_map(|(from, to)| Deed::Merge(from, to)),
        1 => slug.prop_map(Deed::Delete),
    ];
    prop::collection::vec(deed, 1..30)
}

/// Who holds each slug, and which each bears.
#[derive(Default)]
struct Model {
    held: BTreeMap<String, usize>,
    borne: BTreeMap<usize, String>,
    made: usize,
}

impl Model {
    fn bearer(&self, slug: &str) -> Option<usize> {
        self.held.get(slug).copied().filter(|owner| self.borne[owner] == slug)
    }

    /// The status of a request that begins with that slug in its path; `Ok` with the owner if it is there.
    fn at(&self, slug: &str) -> Result<usize, u16> {
        match self.held.get(slug) {
            None => Err(404),
            Some(_) => self.bearer(slug).ok_or(308),
        }
    }

    fn rename(&mut self, from: &str, to: &str, takes: bool) -> u16 {
        let owner = match self.at(from) {
            Ok(owner) => owner,
            Err(status) => return status,
        };
        let is_free = self.held.get(to).is_none_or(|holder| *holder == owner || (takes && self.bearer(to).is_none()));
        if !is_free {
            return 409;
        }
        self.held.insert(to.into(), owner);
        self.borne.insert(owner, to.into());
        200
    }

    fn merge(&mut self, from: &str, into: &str) -> u16 {
        let (from, into) = match (self.at(from), self.at(into)) {
            (Err(status), _) => return status,
            (Ok(from), Ok(into)) if from != into => (from, into),
            _ => return 422,
        };
        self.held.values_mut().filter(|owner| **owner == from).for_each(|owner| *owner = into);
        self.borne.remove(&from);
        200
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_slug_leads_to_whoever_holds_it_whatever_was_renamed_taken_merged_or_deleted(deeds in deeds(), authors in any::<bool>()) {
        let kind = if authors { "authors" } else { "tags" };
        let newsroom = Newsroom::open();
        let editor = newsroom.person(Role::Editor);
        let mut model = Model::default();
        let slug = |n: u8| format!("s{n}");
        for deed in deeds {
            let (expected, answered) = match deed {
                Deed::Create(n) => {
                    let name = model.made.to_string();
                    let answer = newsroom.post(&editor, &format!("/v1/{kind}"), &json!({ "name": name, "slug": slug(n) }));
                    let is_free = !model.held.contains_key(&slug(n));
                    if is_free {
                        model.held.insert(slug(n), model.made);
                        model.borne.insert(model.made, slug(n));
                        model.made += 1;
                    }
                    (if is_free { 201 } else { 409 }, answer.status)
                }
                Deed::Rename(from, to) => {
                    let answer = newsroom.patch(&editor, &format!("/v1/{kind}/s{from}"), "*", &json!({ "slug": slug(to) }));
                    (model.rename(&slug(from), &slug(to), false), answer.status)
                }
                Deed::Take(from, to) => {
                    let path = format!("/v1/{kind}/s{from}?take_slug=true");
                    let answer = newsroom.patch(&editor, &path, "*", &json!({ "slug": slug(to) }));
                    (model.rename(&slug(from), &slug(to), true), answer.status)
                }
                Deed::Merge(from, into) => {
                    let answer = merge(&newsroom, &editor, kind, &slug(from), &slug(into));
                    (model.merge(&slug(from), &slug(into)), answer.status)
                }
                Deed::Delete(n) => {
                    let expected = model.at(&slug(n)).err().unwrap_or(204);
                    if let Ok(owner) = model.at(&slug(n)) {
                        model.held.retain(|_, holder| *holder != owner);
                        model.borne.remove(&owner);
                    }
                    (expected, newsroom.delete(&editor, &format!("/v1/{kind}/s{n}")).status)
                }
            };
            prop_assert_eq!(expected, answered, "{:?}", deed);
            for n in 0..6 {
                let answer = newsroom.get(&format!("/v1/{kind}/s{n}"));
                match model.held.get(&slug(n)) {
                    None => prop_assert_eq!(answer.status, 404),
                    Some(owner) if model.borne[owner] == slug(n) => prop_assert_eq!(&answer.expect(200).json()["name"], &json!(owner.to_string())),
                    Some(owner) => prop_assert_eq!(answer.expect(308).header("location").to_owned(), format!("/v1/{kind}/{}", model.borne[owner])),
                }
            }
        }
    }
}
