//! The desk against a small model of its rules: whatever people of several roles try, in whatever order, states, dates and what the
//! public sees are what the model says, at each step.

mod rules;

use self::rules::{ROLES, Story, least_role};
use crate::newsroom::{Newsroom, Person};
use copydesk::domain::time::Moment;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Something that somebody tries on one of the stories.
#[derive(Clone, Debug)]
struct Deed {
    /// `None` is the story's owner.
    who: Option<usize>,
    story: usize,
    what: What,
}

/// A deed without chance.
#[derive(Clone, Debug)]
struct Chosen {
    who: usize,
    story: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Edit,
    Delete,
    Publish {
        minor: bool,
    },
    Submit {
        assignee: Option<usize>,
    },
    /// `unpublish`, `discard`, `return`, `archive`, `unarchive`, `unkill`.
    Plain(&'static str),
    Kill,
    Correct,
    Retract(Index),
    Comment,
    Lock {
        takeover: bool,
    },
    /// One of the steps that the story allows.
    Allowed(Index),
}

const STORIES: usize = 3;
const LOCK_SECONDS: i64 = 3;

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let plain = prop::sample::select(vec!["unpublish", "discard", "return", "archive", "unarchive", "unkill", "unkill"]);
    let what = prop_oneof![
        5 => Just(What::Edit),
        1 => Just(What::Delete),
        6 => any::<bool>().prop_map(|minor| What::Publish { minor }),
        3 => prop::option::of(0..ROLES.len()).prop_map(|assignee| What::Submit { assignee }),
        7 => plain.prop_map(What::Plain),
        3 => Just(What::Kill),
        3 => Just(What::Correct),
        1 => any::<Index>().prop_map(What::Retract),
        1 => Just(What::Comment),
        2 => any::<bool>().prop_map(|takeover| What::Lock { takeover }),
        20 => any::<Index>().prop_map(What::Allowed),
    ];
    let who = prop_oneof![2 => (0..ROLES.len()).prop_map(Some), 1 => Just(Some(3)), 2 => Just(None)];
    let deed = (who, 0..STORIES, what).prop_map(|(who, story, what)| Deed { who, story, what });
    prop::collection::vec(deed, 20..60)
}

/// A newsroom and the model of it.
struct Model {
    newsroom: Newsroom,
    people: Vec<Person>,
    stories: Vec<Story>,
    /// Whatever is written has a word that was never written before.
    words: usize,
}

impl Model {
    fn open() -> Self {
        let newsroom = Newsroom::open();
        let people: Vec<Person> = ROLES.iter().map(|role| newsroom.person(*role)).collect();
        newsroom.post(&people[3], "/v1/authors", &json!({ "name": "Ana" })).expect(201);
        newsroom.post(&people[3], "/v1/tags", &json!({ "name": "Crime" })).expect(201);
        let mut model = Self { newsroom, people, stories: Vec::new(), words: 0 };
        for owner in 0..STORIES {
            let working = model.word();
            let story = model.newsroom.draft(&model.people[owner], &content(&working));
            let id = story["id"].as_str().unwrap().to_owned();
            model.stories.push(Story {
                id,
                owner,
                status: "draft",
                version: 1,
                has_changes: true,
                working,
                done: vec![("create", None)],
                ..Story::default()
            });
        }
        model
    }

    fn word(&mut self) -> String {
        self.words += 1;
        format!("word{}x", self.words)
    }

    fn now(&self) -> i64 {
        self.newsroom.now().milliseconds()
    }

    /// Tries it, compares the answer with what the model expects, and lets the model follow.
    fn try_it(&mut self, deed: &Deed) -> Result<(), TestCaseError> {
        self.newsroom.pass(1000);
        let deed = &self.chosen(deed);
        let (word, before) = (self.word(), self.stories[deed.story].clone());
        let (name, method, segment, body) = self.request(deed, &word);
        let path = format!("/v1/articles/{}{segment}", before.id);
        let by = &self.people[deed.who];
        let headers = [("content-type", "application/json"), ("if-match", "*")];
        let answer =
            self.newsroom.send(method, &path, Some(by), &headers, body.map(|body| body.to_string()).as_ref().map(String::as_bytes));
        let expected = self.expected(deed, name, &before);
        prop_assert_eq!(answer.status, expected, "{:?} on {:?}: {}", deed, before, answer.text());
        if expected == 409 && name != "lock" {
            prop_assert_eq!(&answer.json()["allowed_transitions"], &json!(before.allowed()));
        }
        if expected < 300 {
            let made = if matches!(deed.what, What::Correct) { answer.json()["id"].as_str().unwrap().to_owned() } else { String::new() };
            self.follow(deed, &word, made);
        }
        Ok(())
    }

    /// Without chance: who it is, and which of the allowed steps.
    fn chosen(&self, deed: &Deed) -> Chosen {
        let story = &self.stories[deed.story];
        let what = match &deed.what {
            What::Allowed(which) => match *which.get(&story.steps()) {
                "publish" => What::Publish { minor: false },
                "submit" => What::Submit { assignee: None },
                "kill" => What::Kill,
                "corrections" => What::Correct,
                plain => What::Plain(plain),
            },
            what => what.clone(),
        };
        Chosen { who: deed.who.unwrap_or(story.owner), story: deed.story, what }
    }

    /// The deed's name, and the request for it.
    fn request(&self, deed: &Chosen, word: &str) -> (&'static str, &'static str, String, Option<Value>) {
        let post = |name: &'static str, body: Value| (name, "POST", format!("/{name}"), Some(body));
        match &deed.what {
            What::Edit => ("edit", "PATCH", String::new(), Some(content(word))),
            What::Delete => ("delete", "DELETE", String::new(), None),
            What::Publish { minor } => post("publish", json!({ "minor": minor, "note": word })),
            What::Submit { assignee } => post("submit", json!({ "comment": word, "assignee": assignee.map(|who| &self.people[who].id) })),
            What::Plain("return") => post("return", json!({ "comment": word })),
            What::Plain(name) => post(name, json!({})),
            What::Kill => post("kill", json!({ "reason": word })),
            What::Correct => post("corrections", json!({ "kind": "correction", "note": word })),
            What::Retract(which) => {
                let known = &self.stories[deed.story].corrections;
                let id = if known.is_empty() { "01890a5d-ac96-774b-bcce-b302099a8057" } else { &which.get(known).0 };
                ("retract", "DELETE", format!("/corrections/{id}"), None)
            }
            What::Comment => post("comments", json!({ "comment": word })),
            What::Lock { takeover } => post("lock", json!({ "ttl_seconds": LOCK_SECONDS, "takeover": takeover })),
            What::Allowed(_) => unreachable!("chosen before"),
        }
    }

    fn expected(&self, deed: &Chosen, name: &str, story: &Story) -> u16 {
        let is_step = !["edit", "delete", "retract", "comments", "lock"].contains(&name);
        let is_kept_out = |lock: (usize, i64)| lock.0 != deed.who && lock.1 > self.now();
        match &deed.what {
            _ if ROLES[deed.who] < least_role(name) => 403,
            _ if story.is_in_the_trash => 404,
            _ if !story.may(deed.who, name) => 403,
            _ if is_step && !story.allowed().contains(&name) => 409,
            What::Lock { takeover: false } if story.lock.is_some_and(is_kept_out) => 409,
            What::Retract(_) if story.corrections.is_empty() => 404,
            What::Delete | What::Retract(_) => 204,
            What::Correct | What::Comment => 201,
            _ => 200,
        }
    }

    fn follow(&mut self, deed: &Chosen, word: &str, made: String) {
        let now = self.now();
        let story = &mut self.stories[deed.story];
        let is_idle = matches!(deed.what, What::Publish { .. } | What::Plain("discard")) && story.is_public() && !story.has_changes;
        let is_beside = matches!(deed.what, What::Comment | What::Lock { .. });
        if is_idle {
            return;
        }
        story.version += i64::from(!is_beside);
        let event = match &deed.what {
            What::Edit => "edit",
            What::Delete => "delete",
            What::Publish { .. } => "publish",
            What::Submit { .. } => "submit",
            What::Plain(name) => name,
            What::Kill => "kill",
            What::Correct => "correct",
            What::Retract(_) => "retract",
            What::Comment => "comment",
            What::Lock { .. } | What::Allowed(_) => "",
        };
        let is_told = ["publish", "submit", "return", "kill", "correct"].contains(&event);
        if !is_beside {
            story.done.push((event, is_told.then(|| word.to_owned())));
        }
        if ["submit", "return", "comment"].contains(&event) {
            story.said.push((event, word.to_owned()));
        }
        match &deed.what {
            What::Edit => (story.working, story.has_changes) = (word.to_owned(), true),
            What::Delete => (story.is_in_the_trash, story.live, story.reason) = (true, None, None),
            What::Publish { minor } => {
                let [first, published, content] = story.dates;
                let published = if story.live.is_some() { published } else { Some(now) };
                let content = if *minor { content.or(Some(now)) } else { Some(now) };
                story.dates = [first.or(Some(now)), published, content];
                (story.status, story.has_changes, story.assignee) = ("published", false, None);
                story.live = Some(story.working.clone());
                story.slugs.insert(slug(&story.working));
            }
            What::Submit { assignee } => (story.status, story.assignee) = ("in_review", *assignee),
            What::Plain("return") => (story.status, story.assignee) = ("draft", None),
            What::Plain("unarchive") => story.status = "draft",
            What::Plain("unpublish") => story.take_down("draft"),
            What::Plain("archive") => story.take_down("archived"),
            What::Plain("discard") => (story.working, story.has_changes) = (story.live.clone().unwrap(), false),
            What::Plain(_unkill) => story.reason = None,
            What::Kill => story.reason = Some(word.to_owned()),
            What::Correct => story.corrections.push((made, word.to_owned())),
            What::Retract(which) => drop(story.corrections.remove(which.index(story.corrections.len()))),
            What::Lock { .. } => story.lock = Some((deed.who, now + LOCK_SECONDS * 1000)),
            What::Comment | What::Allowed(_) => {}
        }
    }

    /// The story as the newsroom and as the public see it.
    fn check(&self, story: &Story) -> Result<(), TestCaseError> {
        let path = format!("/v1/articles/{}", story.id);
        let working = self.newsroom.get_as(&self.people[0], &format!("{path}?view=working"));
        let live = self.newsroom.get(&path);
        if story.is_in_the_trash {
            prop_assert_eq!((working.status, live.status), (404, 404));
            return Ok(());
        }
        let dates = story.dates.map(|at| at.map(|at| Moment::from_milliseconds(at).to_string()));
        let expected = json!([
            story.status,
            story.version,
            story.has_changes,
            dates,
            story.working,
            slug(&story.working),
            story.reason,
            story.corrections.iter().map(|(_, note)| note).collect::<Vec<_>>(),
            story.assignee.map(|who| &self.people[who].id),
            story.lock.filter(|(_, until)| *until > self.now()).map(|(who, _)| &self.people[who].id),
        ]);
        let copy = working.expect(200).json();
        let notes = |story: &Value| story["corrections"].as_array().unwrap().iter().map(|one| one["note"].clone()).collect::<Vec<_>>();
        let shown_dates = |story: &Value| ["first_published_at", "published_at", "content_updated_at"].map(|name| story[name].clone());
        let shown = json!([
            copy["status"],
            copy["version"],
            copy["has_unpublished_changes"],
            shown_dates(&copy),
            copy["lead"],
            copy["slug"],
            copy["killed"]["reason"],
            notes(&copy),
            copy["assignee"],
            copy["lock"]["user_id"],
        ]);
        prop_assert_eq!(&shown, &expected);
        match (&story.live, &story.reason) {
            (None, _) => prop_assert_eq!(live.status, 404),
            (Some(_), Some(reason)) => {
                prop_assert_eq!(live.status, 410);
                prop_assert_eq!(&live.json()["reason"], reason);
            }
            (Some(word), None) => {
                let copy = live.expect(200).json();
                let shown = json!([copy["lead"], copy["slug"], shown_dates(&copy), notes(&copy)]);
                prop_assert_eq!(shown, json!([word, slug(word), dates, expected[7]]));
            }
        }
        Ok(())
    }

    /// What was done and what was said about the story, in order.
    fn check_past(&self, story: &Story) -> Result<(), TestCaseError> {
        if story.is_in_the_trash {
            return Ok(());
        }
        let read = |what: &str| {
            let page = self.newsroom.get_as(&self.people[0], &format!("/v1/articles/{}/{what}?limit=100", story.id)).expect(200);
            page.items().iter().map(|item| (item["event"].clone(), item["note"].clone(), item["comment"].clone())).collect::<Vec<_>>()
        };
        let done: Vec<(Value, Value)> = read("revisions").into_iter().rev().map(|(event, note, _)| (event, note)).collect();
        prop_assert_eq!(done, story.done.iter().map(|(event, note)| (json!(event), json!(note))).collect::<Vec<_>>());
        let said: Vec<(Value, Value)> = read("comments").into_iter().map(|(event, _, comment)| (event, comment)).collect();
        prop_assert_eq!(said, story.said.iter().map(|(event, text)| (json!(event), json!(text))).collect::<Vec<_>>());
        Ok(())
    }

    /// All that the public can read shows the live words and no other, and counts the live stories and no other.
    fn check_public(&self) -> Result<(), TestCaseError> {
        let public: Vec<&Story> = self.stories.iter().filter(|story| story.is_public()).collect();
        let mut paths = Vec::new();
        for query in ["", "&sort=title", "&sort=updated_at", "&author=ana", "&tag=crime"] {
            let path = format!("/v1/articles?formats=html,markdown,text,blocks&limit=100&count=true{query}");
            let page = self.newsroom.get(&path).expect(200).json();
            prop_assert_eq!(&page["page"]["total"], &json!(public.len()));
            prop_assert_eq!(page["items"].as_array().unwrap().len(), public.len());
            paths.push(path);
        }
        for path in ["/v1/authors/ana", "/v1/tags/crime"] {
            prop_assert_eq!(&self.newsroom.get(path).expect(200).json()["article_count"], &json!(public.len()));
        }
        for story in &self.stories {
            let expected = |key: &str| match (&story.live, &story.reason) {
                (None, _) => 404,
                (Some(_), Some(_)) => 410,
                (Some(word), None) => {
                    if key == story.id || key == slug(word) {
                        200
                    } else {
                        308
                    }
                }
            };
            for key in story.slugs.iter().chain([&story.id]) {
                for more in ["", "/adjacent", "/related"] {
                    let path = format!("/v1/articles/{key}{more}");
                    prop_assert_eq!(self.newsroom.get(&path).status, expected(key), "{}", path);
                    paths.push(path);
                }
            }
        }
        let told = |story: &&Story| story.corrections.iter().map(|(_, note)| note.clone()).chain(story.live.clone()).collect::<Vec<_>>();
        let mut shown: BTreeSet<String> = public.iter().flat_map(told).collect();
        shown.extend(self.stories.iter().filter_map(|story| story.reason.clone()));
        for path in paths {
            let text = self.newsroom.get(&path).text().replace(&path, "");
            for word in (1..=self.words).map(|n| format!("word{n}x")).filter(|word| !shown.contains(word)) {
                prop_assert!(!text.contains(&word), "{} shows {}: {}", path, word, text);
            }
        }
        Ok(())
    }
}

fn slug(word: &str) -> String {
    format!("slug-{word}")
}

/// A story that has the word everywhere.
fn content(word: &str) -> Value {
    json!({
        "title": format!("Title {word}"), "slug": slug(word), "lead": word, "body": word, "custom": { "word": word },
        "seo": { "title": word }, "image": { "url": "https://a.example/", "caption": word }, "authors": ["ana"], "tags": ["crime"],
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_desk_does_what_the_model_says_whoever_tries_what(deeds in deeds()) {
        let mut model = Model::open();
        for (number, deed) in deeds.iter().enumerate() {
            model.try_it(deed)?;
            model.check(&model.stories[deed.story])?;
            if number % 8 == 7 {
                model.check_public()?;
            }
        }
        for story in &model.stories {
            model.check(story)?;
            model.check_past(story)?;
        }
        model.check_public()?;
    }
}
