//! What holds whatever the newsroom does: no draft in public, no page that skips or repeats.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Something somebody does to a story; `who` and `which` are picked among those there are.
#[derive(Clone, Debug)]
enum Deed {
    Create { who: usize },
    Edit { who: usize, which: Index },
    Publish { who: usize, which: Index },
    Unpublish { who: usize, which: Index },
    Delete { who: usize, which: Index },
}

const ROLES: [Role; 4] = [Role::Contributor, Role::Author, Role::Author, Role::Editor];

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let who = 0..ROLES.len();
    let pair = (who.clone(), any::<Index>());
    let deed = prop_oneof![
        2 => who.prop_map(|who| Deed::Create { who }),
        3 => pair.clone().prop_map(|(who, which)| Deed::Edit { who, which }),
        4 => pair.clone().prop_map(|(who, which)| Deed::Publish { who, which }),
        1 => pair.clone().prop_map(|(who, which)| Deed::Unpublish { who, which }),
        1 => pair.prop_map(|(who, which)| Deed::Delete { who, which }),
    ];
    prop::collection::vec(deed, 6..24)
}

/// What the test knows of a story: the words in its working copy and in its live one, if there is one.
struct Story {
    id: String,
    working: String,
    live: Option<String>,
    is_gone: bool,
}

/// A newsroom and the model of it.
struct Model {
    newsroom: Newsroom,
    people: Vec<Person>,
    stories: Vec<Story>,
    /// Every save writes a word that was never written before.
    words: usize,
}

impl Model {
    fn open() -> Self {
        let newsroom = Newsroom::open();
        let people: Vec<Person> = ROLES.iter().map(|role| newsroom.person(*role)).collect();
        newsroom.post(&people[3], "/v1/authors", &json!({ "name": "Ana" })).expect(201);
        newsroom.post(&people[3], "/v1/tags", &json!({ "name": "Crime" })).expect(201);
        Self { newsroom, people, stories: Vec::new(), words: 0 }
    }

    fn word(&mut self) -> String {
        self.words += 1;
        format!("word{}x", self.words)
    }

    fn do_it(&mut self, deed: &Deed) {
        self.newsroom.pass(1000);
        let (newsroom, people) = (&self.newsroom, self.people.clone());
        match deed {
            Deed::Create { who } => {
                let word = self.word();
                let story = self.newsroom.draft(&people[*who], &content(&word));
                self.stories.push(Story { id: story["id"].as_str().unwrap().into(), working: word, live: None, is_gone: false });
            }
            _ if self.stories.is_empty() => {}
            Deed::Edit { who, which } => {
                let at = which.index(self.stories.len());
                let word = self.word();
                if self.newsroom.patch(&people[*who], &self.path(at, ""), "*", &content(&word)).status == 200 {
                    self.stories[at].working = word;
                }
            }
            Deed::Publish { who, which } => {
                let at = which.index(self.stories.len());
                if newsroom.post(&people[*who], &self.path(at, "/publish"), &json!({})).status == 200 {
                    self.stories[at].live = Some(self.stories[at].working.clone());
                }
            }
            Deed::Unpublish { who, which } => {
                let at = which.index(self.stories.len());
                if newsroom.post(&people[*who], &self.path(at, "/unpublish"), &json!({})).status == 200 {
                    self.stories[at].live = None;
                }
            }
            Deed::Delete { who, which } => {
                let at = which.index(self.stories.len());
                if newsroom.delete(&people[*who], &self.path(at, "")).status == 204 {
                    self.stories[at].live = None;
                    self.stories[at].is_gone = true;
                }
            }
        }
    }

    fn path(&self, at: usize, step: &str) -> String {
        format!("/v1/articles/{}{step}", self.stories[at].id)
    }

    /// Reads all that the public can read and looks for words that it must not.
    fn check(&self) -> Result<(), TestCaseError> {
        let live: BTreeSet<&str> = self.stories.iter().filter_map(|story| story.live.as_deref()).collect();
        let mut paths: Vec<String> =
            ["published_at", "-updated_at", "title"].map(|sort| format!("/v1/articles?{ALL}&count=true&sort={sort}")).into();
        paths.extend(["author=ana", "tag=crime", "exclude_tag=nothing"].map(|filter| format!("/v1/articles?{ALL}&count=true&{filter}")));
        for path in &paths {
            let page = self.newsroom.get(path).expect(200).json();
            prop_assert_eq!(&page["page"]["total"], &json!(live.len()), "{}", path);
            prop_assert_eq!(page["items"].as_array().unwrap().len(), live.len());
        }
        for path in ["/v1/authors/ana", "/v1/tags/crime"] {
            prop_assert_eq!(&self.newsroom.get(path).expect(200).json()["article_count"], &json!(live.len()));
        }
        for (at, story) in self.stories.iter().enumerate() {
            for key in [story.id.clone(), slug(&story.working)] {
                paths.extend(["", "/adjacent", "/related"].map(|more| format!("/v1/articles/{key}{more}")));
            }
            let answer = self.newsroom.get(&self.path(at, "")).status;
            prop_assert_eq!(answer, if story.live.is_some() { 200 } else { 404 });
            let working = self.newsroom.get_as(&self.people[3], &self.path(at, "?view=working")).status;
            prop_assert_eq!(working, if story.is_gone { 404 } else { 200 });
        }
        for path in paths {
            for answer in [self.newsroom.get(&path), self.newsroom.get_as(&self.people[3], &path)] {
                let text = answer.text().replace(&path, "");
                let hidden = (1..=self.words).map(|n| format!("word{n}x")).filter(|word| !live.contains(word.as_str()));
                for word in hidden {
                    prop_assert!(!text.contains(&word), "{} shows {}: {}", path, word, text);
                }
            }
        }
        Ok(())
    }
}

const ALL: &str = "formats=html,markdown,text,blocks&limit=100";

fn slug(word: &str) -> String {
    format!("slug-{word}")
}

/// A story that has the word everywhere.
fn content(word: &str) -> Value {
    json!({
        "title": format!("Title {word}"), "slug": slug(word), "lead": word, "body": word, "custom": { "word": word },
        "dateline": { "city": word }, "seo": { "title": word }, "image": { "url": "https://a.example/", "caption": word },
        "authors": ["ana"], "tags": ["crime"],
    })
}

const LIVE_SORTS: [&str; 6] = ["published_at", "-published_at", "updated_at", "-updated_at", "title", "-title"];
const WORKING_SORTS: [&str; 8] =
    ["published_at", "-published_at", "updated_at", "-updated_at", "title", "-title", "created_at", "-created_at"];

/// Walks a whole list while a story comes in after each of the first pages, and looks at what was seen.
fn walk(newsroom: &Newsroom, editor: &Person, query: &str, limit: usize, arrivals: &[(String, bool)]) -> Result<(), TestCaseError> {
    let page = |limit: usize, cursor: &str| newsroom.get_as(editor, &format!("/v1/articles?{query}&limit={limit}{cursor}")).expect(200);
    let ids = |answer: &Answer| -> Vec<String> { answer.items().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect() };
    let before: BTreeSet<String> = ids(&page(100, "")).into_iter().collect();
    let (mut seen, mut cursor, mut arrivals) = (Vec::new(), String::new(), arrivals.iter());
    loop {
        let answer = page(limit, &cursor);
        seen.extend(ids(&answer));
        let Some(next) = answer.json()["page"]["next_cursor"].as_str().map(str::to_owned) else { break };
        cursor = format!("&cursor={next}");
        if let Some((title, later)) = arrivals.next() {
            newsroom.pass(i64::from(*later));
            newsroom.publish(editor, &json!({ "title": title }));
        }
    }
    let once: BTreeSet<String> = seen.iter().cloned().collect();
    prop_assert_eq!(once.len(), seen.len(), "{} repeats", query);
    prop_assert!(before.is_subset(&once), "{} skips", query);
    Ok(())
}

/// RFC 7396 §2, word for word.
fn merged(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut target = if let Value::Object(target) = target { target } else { Map::new() };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            let before = target.remove(name).unwrap_or(Value::Null);
            target.insert(name.clone(), merged(before, value));
        }
    }
    target.into()
}

/// Any value of few names, so that patches meet what is there.
fn free_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (-9..9_i64).prop_map(Value::from), text()];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from), object(&["a", "b"], inner)]
    })
}

fn text() -> impl Strategy<Value = Value> {
    "[a-z<&*]{0,4}".prop_map(Value::from)
}

/// An object with some of these names.
fn object(names: &'static [&'static str], member: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::option::of(member), names.len()).prop_map(|members| {
        names.iter().zip(members).filter_map(|(name, member)| Some(((*name).to_owned(), member?))).collect::<Map<_, _>>().into()
    })
}

fn patches() -> impl Strategy<Value = Vec<Value>> {
    let nullable = || prop_oneof![1 => Just(Value::Null), 2 => text()];
    let texts = object(&["subtitle", "lead", "body"], nullable());
    let dateline = prop_oneof![1 => Just(Value::Null), 3 => object(&["text", "city", "region", "country"], nullable())];
    let custom = prop_oneof![1 => Just(Value::Null), 4 => object(&["a", "b", "c"], free_value())];
    let patch = (texts, object(&["dateline"], dateline), object(&["custom"], custom));
    let joined = patch.prop_map(|parts| {
        let members = [parts.0, parts.1, parts.2].into_iter().flat_map(|part| part.as_object().cloned().unwrap_or_default());
        members.collect::<Map<_, _>>().into()
    });
    prop::collection::vec(joined, 1..7)
}

/// How a story of these members is shown: what is missing is null, or empty where the member always has a value.
fn shown(model: &Value) -> Value {
    let dateline = model.get("dateline").map(|dateline| {
        let members = ["text", "city", "region", "country", "country_code"].map(|name| (name.to_owned(), dateline[name].clone()));
        Value::from(Map::from_iter(members))
    });
    json!({
        "title": model["title"], "subtitle": model["subtitle"], "lead": model["lead"],
        "body": model.get("body").cloned().unwrap_or("".into()), "dateline": dateline,
        "custom": model.get("custom").cloned().unwrap_or(json!({})),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_live_endpoint_shows_a_draft_whatever_the_newsroom_does(deeds in deeds()) {
        let mut model = Model::open();
        for deed in &deeds {
            model.do_it(deed);
        }
        model.check()?;
    }

    #[test]
    fn paging_neither_skips_nor_repeats_while_stories_arrive(
        stories in prop::collection::vec(("[a-c]{1,2}", any::<bool>()), 1..9),
        arrivals in prop::collection::vec(("[a-c]{1,2}", any::<bool>()), 1..3),
        limit in 1..=7_usize,
    ) {
        let newsroom = Newsroom::open();
        let editor = newsroom.person(Role::Editor);
        for (title, later) in &stories {
            newsroom.pass(i64::from(*later));
            newsroom.publish(&editor, &json!({ "title": title }));
        }
        for sort in LIVE_SORTS {
            walk(&newsroom, &editor, &format!("sort={sort}"), limit, &arrivals)?;
        }
        for sort in WORKING_SORTS {
            walk(&newsroom, &editor, &format!("view=working&sort={sort}"), limit, &arrivals)?;
        }
    }
    #[test]
    fn a_patched_story_is_what_rfc_7396_makes_of_it(patches in patches()) {
        let newsroom = Newsroom::open();
        let editor = newsroom.person(Role::Editor);
        let mut model = json!({ "title": "Story", "dateline": { "city": "Here" }, "custom": { "a": { "b": [1] } } });
        newsroom.draft(&editor, &model);
        for patch in &patches {
            newsroom.patch(&editor, "/v1/articles/story", "*", patch).expect(200);
            model = merged(model, patch);
            let fields = "title,subtitle,lead,body,dateline,custom";
            let mut story = newsroom.get_as(&editor, &format!("/v1/articles/story?view=working&fields={fields}")).expect(200).json();
            story.as_object_mut().unwrap().remove("id");
            prop_assert_eq!(story, shown(&model), "after {}", patch);
        }
    }
}
