//! Search: what is asked, what is found, in which order, and page by page.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

/// The address of a search; `more` are further parameters.
pub fn address(q: &str, more: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", q).extend_pairs(more);
    format!("/v1/search?{}", query.finish())
}

pub fn find(newsroom: &Newsroom, q: &str) -> Answer {
    newsroom.get(&address(q, &[])).expect(200)
}

pub fn titles(answer: &Answer) -> Vec<String> {
    answer.items().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

/// A newsroom with some live stories, a day apart, the last one first here:
///
/// | title | author | tags | language |
/// |---|---|---|---|
/// | La Policía informa | Bo Å | Crime | es |
/// | Trams at dawn | Mara Lindqvist | Transport | en |
/// | The budget | Bo Å | Budget, legal (internal) | en |
/// | Night buses return | Mara Lindqvist | Transport, Budget | en |
struct Archive {
    newsroom: Newsroom,
    editor: Person,
}

fn archive() -> Archive {
    let newsroom = Newsroom::open();
    newsroom.pass(-10 * DAY);
    let mut editor = newsroom.person(Role::Editor);
    for name in ["Mara Lindqvist", "Bo Å"] {
        newsroom.post(&editor, "/v1/authors", &json!({ "name": name })).expect(201);
    }
    for (name, visibility) in [("Transport", "public"), ("Budget", "public"), ("Crime", "public"), ("Legalhold", "internal")] {
        newsroom.post(&editor, "/v1/tags", &json!({ "name": name, "visibility": visibility })).expect(201);
    }
    for (title, lead, body, author, tags, language) in [
        (
            "Night buses return",
            "After a year, the night buses are back.",
            "## What it costs\n\nThe night line costs little. A tram would cost more, says the depot at dawn.",
            "mara-lindqvist",
            json!(["transport", "budget"]),
            "en",
        ),
        ("The budget", "Buses are dear.", "Nothing about the depot.", "bo-a", json!(["budget", "legalhold"]), "en"),
        (
            "Trams at dawn",
            "A photograph.",
            "The first tram leaves the depot & \"sings\" <softly>.",
            "mara-lindqvist",
            json!(["transport"]),
            "en",
        ),
        ("La Policía informa", "Un comunicado.", "Nada más; el alcalde no habló.", "bo-a", json!(["crime"]), "es"),
    ] {
        newsroom.pass(DAY);
        editor.token = newsroom.token(&editor.id, 1);
        let story = json!({ "title": title, "lead": lead, "body": body, "authors": [author], "tags": tags, "language": language });
        newsroom.publish(&editor, &story);
    }
    newsroom.draft(&editor, &json!({ "title": "Secret depot plan", "lead": "zeppelin", "authors": ["mara-lindqvist"], "language": "en" }));
    Archive { newsroom, editor }
}

impl Archive {
    fn titles(&self, q: &str) -> Vec<String> {
        titles(&find(&self.newsroom, q))
    }

    fn with(&self, q: &str, more: &[(&str, &str)]) -> Vec<String> {
        titles(&self.newsroom.get(&address(q, more)).expect(200))
    }
}

#[test]
fn words_phrases_beginnings_alternatives_and_what_to_leave_out() {
    let archive = archive();
    for (q, expected) in [
        ("depot dawn", vec!["Trams at dawn", "Night buses return"]),
        ("\"at dawn\"", vec!["Trams at dawn", "Night buses return"]),
        ("\"night line\"", vec!["Night buses return"]),
        ("\"line night\"", vec![]),
        ("depot -tram", vec!["The budget"]),
        ("depot -\"first tram\" -nothing", vec!["Night buses return"]),
        ("polic*", vec!["La Policía informa"]),
        ("policia", vec!["La Policía informa"]),
        ("POLICÍA", vec!["La Policía informa"]),
        ("habló OR sings", vec!["Trams at dawn", "La Policía informa"]),
        ("buses costs", vec!["Night buses return"]),
        ("nonsense", vec![]),
    ] {
        let mut found = archive.titles(q);
        let mut expected = expected;
        if q.contains(" OR ") {
            found.sort();
            expected.sort_unstable();
        }
        assert_eq!(found, expected, "{q}");
    }
}

#[test]
fn titles_count_more_than_leads_headings_the_body_and_names() {
    let archive = archive();
    assert_eq!(archive.titles("budget"), ["The budget", "Night buses return"]);
    assert_eq!(archive.titles("buses"), ["Night buses return", "The budget"]);
    assert_eq!(archive.titles("mara lindqvist"), ["Trams at dawn", "Night buses return"]);
    assert_eq!(archive.titles("lindqvist tram*"), ["Trams at dawn", "Night buses return"]);
    assert_eq!(archive.titles("\"mara lindqvist\" -photograph"), ["Night buses return"]);
    assert_eq!(archive.titles("-lindqvist depot"), ["The budget"]);
}

#[test]
fn an_answer_says_how_well_each_story_fits_and_where() {
    let archive = archive();
    let answer = find(&archive.newsroom, "tram \"the depot\"");
    let mut items = answer.items();
    assert_eq!(items.len(), 2);
    assert!(items[0]["score"].as_f64() > items[1]["score"].as_f64() && items[1]["score"].as_f64() > Some(0.0), "{items:?}");
    items.sort_by_key(|item| item["title"] != "Trams at dawn");
    assert_eq!(
        items[0]["highlights"],
        json!({ "text": "The first <mark>tram</mark> leaves <mark>the</mark> <mark>depot</mark> &amp; &quot;sings&quot; &lt;softly&gt;." })
    );
    assert_eq!(items[0]["authors"][0]["name"], "Mara Lindqvist");
    assert_eq!(items[0].get("html"), None);
    let titled = find(&archive.newsroom, "policia").items().remove(0);
    assert_eq!(titled["highlights"], json!({ "title": "La <mark>Policía</mark> informa" }));
    let sparse = archive.newsroom.get(&address("policia", &[("fields", "title")])).expect(200).items().remove(0);
    let members: Vec<&String> = sparse.as_object().unwrap().keys().collect();
    assert_eq!(members, ["id", "title", "score", "highlights"]);
}

#[test]
fn searches_are_narrowed_as_lists_are() {
    let archive = archive();
    for (filter, value, expected) in [
        ("author", "mara-lindqvist", vec!["Trams at dawn", "Night buses return"]),
        ("author", "nobody", vec![]),
        ("tag", "budget", vec!["The budget", "Night buses return"]),
        ("tag", "legalhold", vec![]),
        ("exclude_tag", "transport", vec!["The budget"]),
        ("exclude_author", "bo-a", vec!["Trams at dawn", "Night buses return"]),
        ("language", "es", vec![]),
        ("language", "en,es", vec!["Trams at dawn", "The budget", "Night buses return"]),
        ("year", "2025", vec!["Trams at dawn", "The budget", "Night buses return"]),
        ("year", "2024", vec![]),
        ("published_after", "2025-06-19T15:00:00Z", vec!["Trams at dawn"]),
        ("published_before", "2025-06-19T15:00:00Z", vec!["The budget", "Night buses return"]),
        ("updated_after", "2025-06-19T15:00:00Z", vec!["Trams at dawn"]),
    ] {
        let mut found = archive.with("depot", &[(filter, value), ("sort", "-published_at")]);
        let total = archive.newsroom.get(&address("depot", &[(filter, value), ("count", "true")])).expect(200).json();
        assert_eq!(total["page"]["total"], found.len(), "{filter}={value}");
        assert_eq!(total["page"]["total_is_exact"], true, "{filter}={value}");
        assert_eq!(found, expected, "{filter}={value}");
        found.clear();
    }
    let id = find(&archive.newsroom, "sings").items()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(archive.with("depot", &[("ids", &id)]), ["Trams at dawn"]);
    let refused = archive.newsroom.get(&address("depot", &[("status", "draft")])).expect(400);
    assert_eq!(refused.places(), ["status"]);
}

#[test]
fn facets_count_under_the_same_filters_and_no_internal_tag_shows() {
    let archive = archive();
    let all = [("facets", "tag,author,language,year")];
    let facets = archive.newsroom.get(&address("depot", &all)).expect(200).json()["facets"].clone();
    assert_eq!(
        facets,
        json!({
            "tag": [{ "value": "budget", "name": "Budget", "count": 2 }, { "value": "transport", "name": "Transport", "count": 2 }],
            "author": [{ "value": "mara-lindqvist", "name": "Mara Lindqvist", "count": 2 }, { "value": "bo-a", "name": "Bo Å", "count": 1 }],
            "language": [{ "value": "en", "count": 3 }],
            "year": [{ "value": "2025", "count": 3 }],
        })
    );
    let narrowed = archive.newsroom.get(&address("depot", &[("facets", "tag"), ("author", "bo-a")])).expect(200).json();
    assert_eq!(narrowed["facets"], json!({ "tag": [{ "value": "budget", "name": "Budget", "count": 1 }] }));
    let working = archive.newsroom.get_as(&archive.editor, &address("depot", &[("facets", "tag"), ("view", "working")])).expect(200).json();
    assert_eq!(working["facets"]["tag"].as_array().unwrap().len(), 3, "{working}");
}

#[test]
fn a_slip_of_the_fingers_is_answered_with_what_may_be_meant() {
    let archive = archive();
    for (q, expected) in [
        ("tarm", json!("tram")),
        ("\"nihgt line\" costs", json!("\"night line\" costs")),
        ("lnidqvist", Value::Null),
        ("polcia informa", json!("policia informa")),
        ("zeppelinn", Value::Null),
        ("zeppelin", Value::Null),
        ("xyzzy", Value::Null),
        ("tarm -tram", Value::Null),
    ] {
        let answer = find(&archive.newsroom, q).json();
        assert_eq!(answer["items"], json!([]), "{q}");
        assert_eq!(answer.get("did_you_mean").cloned().unwrap_or_default(), expected, "{q}");
    }
    assert_eq!(find(&archive.newsroom, "tram").json().get("did_you_mean"), None);
}

#[test]
fn suggestions_begin_as_what_has_been_typed() {
    let archive = archive();
    let suggest = |q: &str| -> Vec<String> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish();
        let items = archive.newsroom.get(&format!("/v1/search/suggest?{query}")).expect(200).items();
        items.iter().map(|item| format!("{} {}", item["kind"].as_str().unwrap(), item["text"].as_str().unwrap())).collect()
    };
    assert_eq!(suggest("t"), ["tag Transport", "article Trams at dawn", "article The budget"]);
    assert_eq!(suggest("tra"), ["tag Transport", "article Trams at dawn"]);
    assert_eq!(suggest("poli"), ["article La Policía informa"]);
    assert_eq!(suggest("mara li"), ["author Mara Lindqvist"]);
    assert_eq!(suggest("buses ret"), ["article Night buses return"]);
    assert_eq!(suggest("bud"), ["tag Budget", "article The budget"]);
    for nothing in ["legal", "secret", "zepp", "%", "🚲", "\"", "depot"] {
        assert_eq!(suggest(nothing), Vec::<String>::new(), "{nothing}");
    }
}

#[test]
fn editors_search_working_copies_and_nobody_else_does() {
    let archive = archive();
    let working = [("view", "working")];
    archive.newsroom.get(&address("zeppelin", &working)).expect(401);
    let found = archive.newsroom.get_as(&archive.editor, &address("zeppelin", &working)).expect(200);
    assert_eq!(titles(&found), ["Secret depot plan"]);
    assert_eq!(found.items()[0]["status"], "draft");
    assert_eq!(found.items()[0]["highlights"], json!({ "lead": "<mark>zeppelin</mark>" }));
    assert_eq!(found.header("cache-control"), "private, no-store");
    let drafts = address("depot", &[("view", "working"), ("status", "draft"), ("author", "mara-lindqvist")]);
    assert_eq!(titles(&archive.newsroom.get_as(&archive.editor, &drafts).expect(200)), ["Secret depot plan"]);
    let internal = archive.newsroom.get_as(&archive.editor, &address("legalhold", &working)).expect(200);
    assert_eq!(titles(&internal), ["The budget"]);
    assert_eq!(archive.titles("legalhold"), Vec::<String>::new());
    let phrase =
        archive.newsroom.get_as(&archive.editor, &address("\"depot plan\"", &[("view", "working"), ("count", "true")])).expect(200);
    assert_eq!((titles(&phrase), phrase.json()["page"]["total"].clone()), (vec!["Secret depot plan".to_owned()], json!(1)));
}

#[test]
fn a_live_answer_may_be_kept_by_caches_until_something_is_published() {
    let archive = archive();
    let answer = find(&archive.newsroom, "policia");
    assert!(answer.header("cache-control").starts_with("public"), "{:?}", answer.headers);
    assert!(answer.header("surrogate-key").contains("articles"));
    let again = archive.newsroom.send("GET", &address("policia", &[]), None, &[("if-none-match", answer.header("etag"))], None);
    assert_eq!(again.status, 304);
    archive.newsroom.publish(&archive.editor, &json!({ "title": "Policía again", "language": "es" }));
    assert_eq!(archive.titles("policia").len(), 2);
}

#[test]
fn a_bad_query_is_refused_with_the_place() {
    let archive = archive();
    for (q, position, code) in [("a \"b", 2, "unclosed_quote"), ("-a", 0, "no_words"), ("é OR", 2, "misplaced_or"), ("!", 0, "no_words")] {
        let refused = archive.newsroom.get(&address(q, &[])).expect(422);
        assert_eq!(refused.code(), "invalid_search");
        assert_eq!(refused.json()["position"], position, "{q}");
        assert_eq!((refused.places(), &refused.json()["errors"][0]["code"]), (vec!["q".to_owned()], &json!(code)), "{q}");
    }
    assert_eq!(archive.newsroom.get("/v1/search").expect(400).places(), ["q"]);
    assert_eq!(archive.newsroom.get(&address(&"a".repeat(301), &[])).expect(400).code(), "invalid_parameter");
    assert_eq!(archive.newsroom.get(&address("a", &[("sort", "title")])).expect(400).code(), "invalid_parameter");
}

/// Many stories with the same word, some of them published at the same moment.
fn crowd(newsroom: &Newsroom, editor: &Person, count: usize) {
    for number in 0..count {
        if number % 3 == 0 {
            newsroom.pass(60_000);
        }
        let body = "crowd ".repeat(number % 5 + 1);
        newsroom.publish(
            editor,
            &json!({ "title": format!("Story {number}"), "lead": if number % 4 == 0 { "crowd" } else { "few" }, "body": body }),
        );
    }
}

#[test]
fn pages_neither_skip_nor_repeat_whatever_is_published_meanwhile() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    crowd(&newsroom, &editor, 23);
    for more in [vec![], vec![("sort", "-published_at")], vec![("fresh", "false")]] {
        let all = titles(&newsroom.get(&address("crowd", &[vec![("limit", "100")], more.clone()].concat())).expect(200));
        assert_eq!(all.len(), 23);
        let mut pages = vec![newsroom.get(&address("crowd", &[vec![("limit", "4")], more.clone()].concat())).expect(200)];
        while let Some(cursor) = pages.last().unwrap().json()["page"]["next_cursor"].as_str().map(str::to_owned) {
            newsroom.publish(&editor, &json!({ "title": "Crowd crowd", "body": "crowd" }));
            newsroom.pass(1_000);
            pages.push(newsroom.get(&address("crowd", &[vec![("limit", "4"), ("cursor", &cursor)], more.clone()].concat())).expect(200));
        }
        let read: Vec<String> = pages.iter().flat_map(titles).collect();
        assert_eq!(read, all, "{more:?}");
        // And back.
        let before = pages.last().unwrap().json()["page"]["prev_cursor"].as_str().unwrap().to_owned();
        let back = newsroom.get(&address("crowd", &[vec![("limit", "4"), ("cursor", &before)], more.clone()].concat())).expect(200);
        assert_eq!(titles(&back), titles(&pages[pages.len() - 2]), "{more:?}");
        for story in newsroom.get(&address("\"crowd crowd\"", &[("limit", "100")])).expect(200).items() {
            if story["title"] == "Crowd crowd" {
                newsroom.delete(&editor, &format!("/v1/articles/{}", story["id"].as_str().unwrap())).expect(204);
            }
        }
    }
}

#[test]
fn a_cursor_of_another_search_or_none_of_ours_is_refused() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    crowd(&newsroom, &editor, 3);
    let cursor = newsroom.get(&address("crowd", &[("limit", "1")])).expect(200).json()["page"]["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(newsroom.get(&address("few", &[("cursor", &cursor)])).expect(400).code(), "cursor_mismatch");
    assert_eq!(newsroom.get(&address("crowd", &[("cursor", "abc")])).expect(400).code(), "invalid_cursor");
}

#[test]
fn a_fresh_story_comes_before_an_old_one_that_says_the_same_unless_that_is_turned_off() {
    let newsroom = Newsroom::open();
    newsroom.pass(-300 * DAY);
    let mut editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Old", "lead": "comet", "body": "comet" }));
    newsroom.pass(300 * DAY);
    editor.token = newsroom.token(&editor.id, 1);
    newsroom.publish(&editor, &json!({ "title": "New", "lead": "comet", "body": "Nothing" }));
    assert_eq!(titles(&find(&newsroom, "comet")), ["New", "Old"]);
    assert_eq!(titles(&newsroom.get(&address("comet", &[("fresh", "false")])).expect(200)), ["Old", "New"]);
}
