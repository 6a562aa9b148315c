//! Times that cannot be missed: what is scheduled is there at the first read at or after its moment, once, and as it was scheduled.

use crate::newsroom::{Newsroom, Person, execute};
use copydesk::domain::time::Moment;
use copydesk::domain::user::Role;
use proptest::prelude::*;
use serde_json::{Value, json};

const STORY: &str = "/v1/articles/story";

fn newsroom_with_a_draft() -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.draft(&editor, &json!({ "title": "Story", "body": "As it was scheduled." }));
    (newsroom, editor)
}

/// The moment that many milliseconds from now.
fn ahead(newsroom: &Newsroom, milliseconds: i64) -> String {
    Moment::from_milliseconds(newsroom.now().milliseconds() + milliseconds).to_string()
}

fn working(newsroom: &Newsroom, person: &Person) -> Value {
    newsroom.get_as(person, &format!("{STORY}?view=working")).expect(200).json()
}

fn publish_revisions(newsroom: &Newsroom, person: &Person, story: &str) -> usize {
    let revisions = newsroom.get_as(person, &format!("/v1/articles/{story}/revisions?limit=100")).expect(200).items();
    revisions.iter().filter(|revision| revision["event"] == "publish").count()
}

#[test]
fn a_story_comes_out_at_the_first_read_at_its_moment_and_not_before() {
    let (newsroom, editor) = newsroom_with_a_draft();
    let at = ahead(&newsroom, 60_000);
    let scheduled = newsroom.post(&editor, &format!("{STORY}/schedule"), &json!({ "publish_at": at })).expect(200).json();
    assert_eq!((&scheduled["status"], &scheduled["publish_at"]), (&json!("scheduled"), &json!(at)));
    assert_eq!(newsroom.get("/v1/articles").expect(200).items().len(), 0);
    newsroom.pass(59_999);
    newsroom.get(STORY).expect(404);
    assert_eq!(newsroom.get("/v1/articles").expect(200).items().len(), 0);
    newsroom.pass(1);
    assert_eq!(newsroom.get("/v1/articles").expect(200).items()[0]["published_at"], json!(at));
    let live = newsroom.get(STORY).expect(200).json();
    assert_eq!((&live["first_published_at"], &live["content_updated_at"]), (&json!(at), &json!(at)));
    let now = working(&newsroom, &editor);
    assert_eq!((&now["status"], &now["publish_at"], &now["has_unpublished_changes"]), (&json!("published"), &Value::Null, &json!(false)));
    let newest = newsroom.get_as(&editor, &format!("{STORY}/revisions")).expect(200).items()[0].clone();
    assert_eq!((&newest["event"], &newest["created_by"], &newest["created_at"]), (&json!("publish"), &json!(editor.id), &json!(at)));
    assert_eq!(publish_revisions(&newsroom, &editor, "story"), 1);
}

#[test]
fn a_server_that_was_down_over_the_moment_shows_the_story_at_its_first_read() {
    let (newsroom, editor) = newsroom_with_a_draft();
    let at = ahead(&newsroom, 60_000);
    newsroom.post(&editor, &format!("{STORY}/schedule"), &json!({ "publish_at": at })).expect(200);
    let newsroom = newsroom.restarted_after(3_600_000);
    assert_eq!(newsroom.get(STORY).expect(200).json()["published_at"], json!(at));
    assert_eq!(publish_revisions(&newsroom, &editor_of(&newsroom), "story"), 1);
}

fn editor_of(newsroom: &Newsroom) -> Person {
    newsroom.person(Role::Editor)
}

#[test]
fn what_was_scheduled_goes_out_though_somebody_edits_on() {
    let (newsroom, editor) = newsroom_with_a_draft();
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Crime" })).expect(201);
    newsroom.post(&editor, &format!("{STORY}/schedule"), &json!({ "publish_at": ahead(&newsroom, 60_000) })).expect(200);
    let patch = json!({ "title": "Edited on", "body": "Not yet.", "tags": ["crime"], "slug": "story" });
    assert_eq!(newsroom.patch(&editor, STORY, "*", &patch).expect(200).json()["status"], "scheduled");
    newsroom.pass(60_000);
    let live = newsroom.get(STORY).expect(200).json();
    assert_eq!((&live["title"], live["tags"].as_array().unwrap().len()), (&json!("Story"), 0));
    assert!(live["html"].as_str().unwrap().contains("As it was scheduled."));
    let now = working(&newsroom, &editor);
    assert_eq!((&now["title"], &now["has_unpublished_changes"]), (&json!("Edited on"), &json!(true)));
    // History tells both: the edition that went out, and what is being written.
    let revisions = newsroom.get_as(&editor, &format!("{STORY}/revisions")).expect(200).items();
    let titles: Vec<Value> = revisions
        .iter()
        .map(|one| newsroom.get_as(&editor, &format!("{STORY}/revisions/{}", one["number"])).expect(200).json()["title"].clone())
        .collect();
    assert_eq!(titles[..2], [json!("Edited on"), json!("Story")]);
    assert_eq!((&revisions[1]["event"], &revisions[1]["published"]), (&json!("publish"), &json!(true)));
    newsroom.post(&editor, &format!("{STORY}/discard"), &json!({})).expect(200);
    assert_eq!(working(&newsroom, &editor)["title"], "Story");
}

#[test]
fn a_live_story_goes_at_its_moment_from_kept_answers_too_and_a_change_comes() {
    let (newsroom, editor) = newsroom_with_a_draft();
    newsroom.post(&editor, &format!("{STORY}/publish"), &json!({})).expect(200);
    newsroom.patch(&editor, STORY, "*", &json!({ "title": "Second edition", "slug": "story" })).expect(200);
    let plan = json!({ "publish_at": ahead(&newsroom, 60_000), "unpublish_at": ahead(&newsroom, 120_000) });
    assert_eq!(newsroom.post(&editor, &format!("{STORY}/schedule"), &plan).expect(200).json()["status"], "published");
    assert_eq!(newsroom.get(STORY).expect(200).json()["title"], "Story");
    newsroom.pass(60_000);
    assert_eq!(newsroom.get(STORY).expect(200).json()["title"], "Second edition");
    newsroom.pass(60_000);
    newsroom.get(STORY).expect(404);
    assert_eq!(newsroom.get("/v1/articles?count=true").expect(200).json()["page"]["total"], 0);
    let now = working(&newsroom, &editor);
    assert_eq!((&now["status"], &now["unpublish_at"]), (&json!("draft"), &Value::Null));
}

#[test]
fn no_answer_outlives_the_next_moment_in_a_shared_cache() {
    let (newsroom, editor) = newsroom_with_a_draft();
    newsroom.publish(&editor, &json!({ "title": "Other" }));
    let control = || newsroom.get("/v1/articles").expect(200).header("cache-control").to_owned();
    assert_eq!(control(), "public, max-age=0, s-maxage=30, stale-while-revalidate=300");
    newsroom.post(&editor, &format!("{STORY}/schedule"), &json!({ "publish_at": ahead(&newsroom, 400_000) })).expect(200);
    assert_eq!(control(), "public, max-age=0, s-maxage=30, stale-while-revalidate=300");
    newsroom.pass(300_000);
    assert_eq!(control(), "public, max-age=0, s-maxage=30, stale-while-revalidate=70");
    newsroom.pass(90_500);
    assert_eq!(control(), "public, max-age=0, s-maxage=9, stale-while-revalidate=0");
    newsroom.pass(9_500);
    assert_eq!(control(), "public, max-age=0, s-maxage=30, stale-while-revalidate=300");
}

#[test]
fn a_schedule_is_checked_and_told_what_is_wrong() {
    let (newsroom, editor) = newsroom_with_a_draft();
    let author = newsroom.person(Role::Author);
    let path = format!("{STORY}/schedule");
    newsroom.post(&author, &path, &json!({ "publish_at": ahead(&newsroom, 1000) })).expect(403);
    for (body, place, code) in [
        (json!({ "publish_at": "2025-03-30T02:30[Europe/Berlin]" }), "/publish_at", "unclear_time"),
        (json!({ "publish_at": "2025-10-26T02:30[Europe/Berlin]" }), "/publish_at", "unclear_time"),
        (json!({ "publish_at": "2035-10-26T02:30" }), "/publish_at", "unclear_time"),
        (json!({ "publish_at": "2020-01-01T00:00:00Z" }), "/publish_at", "past"),
        (json!({ "unpublish_at": "2035-01-01T00:00:00Z" }), "/unpublish_at", "not_live"),
        (json!({ "publish_at": "2035-01-01T00:00:00Z", "embargo_until": "2036-01-01T00:00:00Z" }), "/publish_at", "embargoed"),
        (json!({}), "", "empty"),
    ] {
        let refusal = newsroom.post(&editor, &path, &body).expect(422);
        assert_eq!((refusal.places(), &refusal.json()["errors"][0]["code"]), (vec![place.to_owned()], &json!(code)), "{body}");
    }
    let zoned = newsroom.post(&editor, &path, &json!({ "publish_at": "2035-11-01T09:00[America/Guatemala]" })).expect(200).json();
    assert_eq!(zoned["publish_at"], "2035-11-01T15:00:00.000Z");
    let stale = [("content-type", "application/json"), ("if-match", "\"1-0\"")];
    newsroom.send("POST", &path, Some(&editor), &stale, Some(b"{\"publish_at\":\"2035-11-01T15:00:00Z\"}")).expect(412);
}

#[test]
fn a_story_under_embargo_is_not_published_before_its_end() {
    let (newsroom, editor) = newsroom_with_a_draft();
    let until = ahead(&newsroom, 60_000);
    let kept = newsroom.post(&editor, &format!("{STORY}/schedule"), &json!({ "embargo_until": until })).expect(200).json();
    assert_eq!((&kept["status"], &kept["embargo_until"]), (&json!("draft"), &json!(until)));
    let refusal = newsroom.post(&editor, &format!("{STORY}/publish"), &json!({})).expect(409);
    assert_eq!((refusal.code().as_str(), &refusal.json()["embargo_until"]), ("embargoed", &json!(until)));
    newsroom.pass(60_000);
    newsroom.get(STORY).expect(404);
    newsroom.post(&editor, &format!("{STORY}/publish"), &json!({})).expect(200);
}

#[test]
fn what_comes_and_what_has_failed_is_listed_and_a_failure_stands_in_nobodys_way() {
    let (newsroom, editor) = newsroom_with_a_draft();
    newsroom.draft(&editor, &json!({ "title": "Second" }));
    for (story, milliseconds) in [("story", 60_000), ("second", 90_000)] {
        let plan = json!({ "publish_at": ahead(&newsroom, milliseconds) });
        newsroom.post(&editor, &format!("/v1/articles/{story}/schedule"), &plan).expect(200);
    }
    let listed = || newsroom.get_as(&editor, "/v1/schedule").expect(200).items();
    let faces: Vec<Value> = listed().iter().map(|one| json!([one["slug"], one["action"], one["state"]])).collect();
    assert_eq!(faces, [json!(["story", "publish", "waiting"]), json!(["second", "publish", "waiting"])]);
    newsroom.get("/v1/schedule").expect(401);
    // No way through the front door leads there: somebody has been at the database.
    execute(&mut newsroom.conn(), "UPDATE articles SET status = 'archived' WHERE slug = 'story'");
    newsroom.pass(90_000);
    newsroom.get("/v1/articles/second").expect(200);
    newsroom.get(STORY).expect(404);
    let failed = listed();
    assert_eq!((failed.len(), &failed[0]["state"], &failed[0]["failure"]), (1, &json!("failed"), &json!("the story is archived by then")));
}

#[test]
fn a_schedule_is_cancelled_by_hand_or_by_what_makes_it_pointless() {
    let (newsroom, editor) = newsroom_with_a_draft();
    let schedule = || newsroom.post(&editor, &format!("{STORY}/schedule"), &json!({ "publish_at": ahead(&newsroom, 60_000) })).expect(200);
    let waiting = || newsroom.get_as(&editor, "/v1/schedule").expect(200).items().len();
    schedule();
    assert_eq!(newsroom.post(&editor, &format!("{STORY}/unschedule"), &json!({})).expect(200).json()["status"], "draft");
    assert_eq!((waiting(), &working(&newsroom, &editor)["publish_at"]), (0, &Value::Null));
    schedule();
    newsroom.post(&editor, &format!("{STORY}/publish"), &json!({})).expect(200);
    assert_eq!((waiting(), publish_revisions(&newsroom, &editor, "story")), (0, 1));
    newsroom.post(&editor, &format!("{STORY}/unpublish"), &json!({})).expect(200);
    schedule();
    newsroom.delete(&editor, STORY).expect(204);
    newsroom.pass(60_000);
    newsroom.get(STORY).expect(404);
    assert_eq!(waiting(), 0);
}

#[test]
fn two_hundred_stories_due_in_one_second_come_out_once_each_with_two_nodes() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let at = ahead(&newsroom, 300_000);
    for n in 0..200 {
        newsroom.draft(&editor, &json!({ "title": format!("Story {n}") }));
        newsroom.post(&editor, &format!("/v1/articles/story-{n}/schedule"), &json!({ "publish_at": at })).expect(200);
    }
    // On SQLite one process has the database.
    let other = std::env::var("TEST_POSTGRES_URL").is_ok().then(|| newsroom.node(|_| {}));
    let nodes = [&newsroom, other.as_ref().unwrap_or(&newsroom)];
    newsroom.pass(300_000);
    std::thread::scope(|scope| {
        for reader in 0..8 {
            let node = nodes[reader % 2];
            scope.spawn(move || {
                for n in (reader..200).step_by(8) {
                    node.get(&format!("/v1/articles/story-{n}")).expect(200);
                }
            });
        }
    });
    for n in 0..200 {
        assert_eq!(publish_revisions(&newsroom, &editor, &format!("story-{n}")), 1, "story {n}");
    }
}

/// What somebody does, or time does.
#[derive(Clone, Debug)]
enum Deed {
    Schedule { out: Option<i64>, down: Option<i64> },
    Unschedule,
    Edit,
    Publish,
    Unpublish,
    Pass(i64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let minutes = || prop::option::of(1..5_i64);
    let deed = prop_oneof![
        3 => (minutes(), minutes()).prop_map(|(out, down)| Deed::Schedule { out, down }),
        1 => Just(Deed::Unschedule),
        3 => Just(Deed::Edit),
        1 => Just(Deed::Publish),
        1 => Just(Deed::Unpublish),
        4 => (1..4_i64).prop_map(Deed::Pass),
    ];
    prop::collection::vec(deed, 1..14)
}

/// What a story should be: minutes since the beginning, titles as numbers.
#[derive(Clone, Debug, Default)]
struct Model {
    now: i64,
    working: usize,
    live: Option<usize>,
    waits: bool,
    out: Option<(i64, usize)>,
    down: Option<i64>,
}

impl Model {
    fn pass(&mut self, minutes: i64) {
        self.now += minutes;
        let mut dues: Vec<(i64, bool)> = self.out.iter().map(|(at, _)| (*at, true)).chain(self.down.map(|at| (at, false))).collect();
        dues.sort_unstable();
        for (at, is_out) in dues.into_iter().filter(|(at, _)| *at <= self.now) {
            let _ = at;
            if is_out {
                (self.live, self.waits) = (self.out.take().map(|(_, title)| title), false);
            } else {
                (self.live, self.down) = (None, None);
            }
        }
    }

    /// Whether the deed is allowed; if it is, it is done.
    fn take(&mut self, deed: &Deed) -> bool {
        match *deed {
            Deed::Pass(minutes) => self.pass(minutes),
            Deed::Edit => self.working += 1,
            Deed::Publish => (self.live, self.out, self.waits) = (Some(self.working), None, false),
            Deed::Unpublish if self.live.is_some() => (self.live, self.out, self.down, self.waits) = (None, None, None, false),
            Deed::Unschedule if self.live.is_some() || self.waits => (self.out, self.down, self.waits) = (None, None, false),
            Deed::Schedule { out, down } => {
                let fits = match (out, down) {
                    (None, None) => false,
                    (Some(out), Some(down)) => down > out,
                    (None, Some(_)) => self.live.is_some(),
                    (Some(_), None) => true,
                };
                if !fits {
                    return false;
                }
                self.out = out.map(|minutes| (self.now + minutes, self.working));
                self.down = down.map(|minutes| self.now + minutes);
                self.waits = self.live.is_none() && out.is_some();
            }
            Deed::Unpublish | Deed::Unschedule => return false,
        }
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_scheduled_cancelled_and_edited_the_public_sees_what_the_model_says(deeds in deeds()) {
        let newsroom = Newsroom::open();
        let editor = newsroom.person(Role::Editor);
        let id = newsroom.draft(&editor, &json!({ "title": "Title 0" }))["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/articles/{id}");
        let minutes = |minutes: Option<i64>| minutes.map(|minutes| ahead(&newsroom, minutes * 60_000));
        let mut model = Model::default();
        for deed in &deeds {
            let is_allowed = model.take(deed);
            // More time may have passed than a token lives.
            let editor = Person { token: newsroom.token(&editor.id, 1), ..editor.clone() };
            let step = |name: &str, body: &Value| newsroom.post(&editor, &format!("{path}/{name}"), body).status;
            let status = match *deed {
                Deed::Pass(minutes) => {
                    newsroom.pass(minutes * 60_000);
                    200
                }
                Deed::Edit => newsroom.patch(&editor, &path, "*", &json!({ "title": format!("Title {}", model.working) })).status,
                Deed::Publish => step("publish", &json!({})),
                Deed::Unpublish => step("unpublish", &json!({})),
                Deed::Unschedule => step("unschedule", &json!({})),
                Deed::Schedule { out, down } => {
                    let mut plan = serde_json::Map::new();
                    plan.extend(minutes(out).map(|at| ("publish_at".to_owned(), json!(at))));
                    plan.extend(minutes(down).map(|at| ("unpublish_at".to_owned(), json!(at))));
                    step("schedule", &Value::Object(plan))
                }
            };
            prop_assert_eq!(status == 200, is_allowed, "{:?}: {} in {:?}", deed, status, model);
            let live = newsroom.get(&path);
            let title = (live.status == 200).then(|| live.json()["title"].as_str().unwrap().to_owned());
            prop_assert_eq!(title, model.live.map(|title| format!("Title {title}")), "after {:?}: {:?}", deed, model);
            let listed = newsroom.get("/v1/articles?count=true").expect(200).json()["page"]["total"].clone();
            prop_assert_eq!(listed, json!(usize::from(model.live.is_some())));
        }
    }
}
