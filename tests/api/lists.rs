//! Lists of stories: filters, orders, counts, pages.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

fn titles(answer: &Answer) -> Vec<String> {
    answer.items().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

/// A newsroom with live stories and one draft, a day apart from 2024-12-31 on:
///
/// | title | authors | tags | language |
/// |---|---|---|---|
/// | A | ana | crime | en |
/// | B | bo | trade | es |
/// | C | ana, bo | crime, trade | pt-BR |
/// | D | – | – | en |
/// | draft | ana | crime | en |
struct Archive {
    newsroom: Newsroom,
    editor: Person,
    stories: Vec<Value>,
}

fn archive() -> Archive {
    let newsroom = Newsroom::open();
    newsroom.pass(-179 * DAY);
    let mut editor = newsroom.person(Role::Editor);
    for name in ["Ana", "Bo"] {
        newsroom.post(&editor, "/v1/authors", &json!({ "name": name })).expect(201);
    }
    for name in ["Crime", "Trade"] {
        newsroom.post(&editor, "/v1/tags", &json!({ "name": name })).expect(201);
    }
    let mut stories = Vec::new();
    for (title, authors, tags, language) in [
        ("A", json!(["ana"]), json!(["crime"]), "en"),
        ("B", json!(["bo"]), json!(["trade"]), "es"),
        ("C", json!(["ana", "bo"]), json!(["crime", "trade"]), "pt-BR"),
        ("D", json!([]), json!([]), "en"),
    ] {
        newsroom.pass(DAY);
        editor.token = newsroom.token(&editor.id, 1);
        let story = json!({ "title": title, "authors": authors, "tags": tags, "language": language, "body": "Text." });
        stories.push(newsroom.publish(&editor, &story));
    }
    newsroom.pass(1000);
    newsroom.draft(&editor, &json!({ "title": "draft", "authors": ["ana"], "tags": ["crime"] }));
    Archive { newsroom, editor, stories }
}

const DAY: i64 = 86_400_000;

impl Archive {
    fn live(&self, query: &str) -> Vec<String> {
        titles(&self.newsroom.get(&format!("/v1/articles?{query}")).expect(200))
    }

    fn working(&self, query: &str) -> Vec<String> {
        titles(&self.newsroom.get_as(&self.editor, &format!("/v1/articles?view=working&{query}")).expect(200))
    }
}

#[test]
fn each_filter_of_the_live_view_narrows_the_list_and_all_of_them_together_more() {
    let archive = archive();
    let (a, d) = (archive.stories[0]["id"].as_str().unwrap(), archive.stories[3]["id"].as_str().unwrap());
    for (query, expected) in [
        (String::new(), "DCBA"),
        ("author=ana".into(), "CA"),
        ("author=ana,bo".into(), "CBA"),
        ("author=nobody".into(), ""),
        ("tag=trade".into(), "CB"),
        ("author=ana&tag=trade".into(), "C"),
        ("exclude_author=ana".into(), "DB"),
        ("exclude_tag=crime,trade".into(), "D"),
        ("exclude_tag=nothing".into(), "DCBA"),
        ("tag=crime&exclude_author=bo".into(), "A"),
        ("language=en".into(), "DA"),
        ("language=es,pt-BR".into(), "CB"),
        ("year=2024".into(), "A"),
        ("year=2024,2025".into(), "DCBA"),
        ("year=1999".into(), ""),
        (format!("ids={a},{d}"), "DA"),
        ("ids=00000000-0000-7000-8000-000000000000".into(), ""),
        (format!("published_after={}", archive.stories[1]["published_at"].as_str().unwrap()), "DC"),
        (format!("published_before={}", archive.stories[1]["published_at"].as_str().unwrap()), "A"),
        (format!("updated_after={}", archive.stories[2]["content_updated_at"].as_str().unwrap()), "D"),
        ("formats=html&include=authors,tags&view=live".into(), "DCBA"),
    ] {
        assert_eq!(archive.live(&query).concat(), expected, "{query}");
    }
}

#[test]
fn the_working_view_filters_by_status_too_and_sees_drafts() {
    let archive = archive();
    archive.newsroom.patch(&archive.editor, "/v1/articles/a", "*", &json!({ "tags": ["trade"] })).expect(200);
    for (query, expected) in [
        ("sort=title", "ABCDdraft"),
        ("sort=title&status=draft", "draft"),
        ("sort=title&status=published", "ABCD"),
        ("sort=title&status=draft,published&author=ana", "ACdraft"),
        ("sort=title&status=in_review,scheduled,archived", ""),
        ("sort=title&tag=trade", "ABC"),
        ("sort=title&exclude_tag=trade", "Ddraft"),
        ("sort=title&year=2025", "BCD"),
        ("assignee=me", ""),
        ("assignee=00000000-0000-7000-8000-000000000000", ""),
    ] {
        assert_eq!(archive.working(query).concat(), expected, "{query}");
    }
    assert_eq!(archive.live("tag=trade&sort=title").concat(), "BC");
}

#[test]
fn every_order_goes_both_ways() {
    let archive = archive();
    for (sort, expected) in [
        ("published_at", "ABCD"),
        ("-published_at", "DCBA"),
        ("title", "ABCD"),
        ("-title", "DCBA"),
        ("updated_at", "BCDA"),
        ("-updated_at", "ADCB"),
    ] {
        archive.newsroom.patch(&archive.editor, "/v1/articles/a", "*", &json!({ "lead": sort })).expect(200);
        archive.newsroom.pass(1000);
        archive.newsroom.post(&archive.editor, "/v1/articles/a/publish", &json!({})).expect(200);
        assert_eq!(archive.live(&format!("sort={sort}")).concat(), expected, "{sort}");
    }
    assert_eq!(archive.working("sort=created_at").concat(), "ABCDdraft");
    assert_eq!(archive.working("sort=-created_at").concat(), "draftDCBA");
    assert_eq!(archive.working("").concat(), "AdraftDCB");
    assert_eq!(archive.working("sort=-published_at").concat(), "DCBAdraft");
    assert_eq!(archive.working("sort=published_at").concat(), "draftABCD");
}

#[test]
fn what_belongs_to_the_working_view_is_refused_in_the_live_one() {
    let newsroom = Newsroom::open();
    for (query, parameter) in
        [("status=draft", "status"), ("assignee=me", "assignee"), ("sort=created_at", "sort"), ("sort=-created_at", "sort")]
    {
        let refusal = newsroom.get(&format!("/v1/articles?{query}")).expect(400);
        assert_eq!((refusal.code(), refusal.places()), ("invalid_parameter".into(), vec![parameter.to_owned()]), "{query}");
    }
    assert_eq!(newsroom.get("/v1/articles?view=working").expect(401).code(), "unauthenticated");
}

#[test]
fn a_range_of_dates_goes_with_the_order_by_that_date() {
    let archive = archive();
    let (after, day) = ("2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    for (query, places) in [
        (format!("published_after={after}&sort=title"), vec!["sort"]),
        (format!("published_before={day}&sort=-updated_at"), vec!["sort"]),
        (format!("updated_after={after}&sort=-published_at"), vec!["sort"]),
        (format!("updated_after={after}&published_before={day}"), vec!["updated_after"]),
    ] {
        let refusal = archive.newsroom.get(&format!("/v1/articles?{query}")).expect(400);
        assert_eq!(refusal.places(), places, "{query}");
        assert_eq!(refusal.json()["errors"][0]["code"], "unsupported_combination");
    }
    for query in [format!("published_after={after}&sort=published_at"), format!("updated_after={after}&sort=updated_at")] {
        assert_eq!(archive.live(&query).len(), 4, "{query}");
    }
    assert_eq!(archive.live("year=2025&sort=title").len(), 3);
    // With `updated_after` alone the last change comes first: what a copy elsewhere asks that wants to keep up.
    archive.newsroom.pass(1000);
    archive.newsroom.patch(&archive.editor, "/v1/articles/b", "*", &json!({ "lead": "Changed." })).expect(200);
    archive.newsroom.post(&archive.editor, "/v1/articles/b/publish", &json!({})).expect(200);
    assert_eq!(archive.live(&format!("updated_after={after}"))[0], "B");
    // The working view may combine them as it likes.
    archive.newsroom.get_as(&archive.editor, &format!("/v1/articles?view=working&published_after={after}&sort=title")).expect(200);
}

#[test]
fn the_total_is_exact_and_comes_only_when_it_is_asked_for() {
    let archive = archive();
    let page = |query: &str| archive.newsroom.get(&format!("/v1/articles?{query}")).expect(200).json()["page"].clone();
    assert!(page("limit=1").get("total").is_none() && page("limit=1&count=false").get("total").is_none());
    assert_eq!(page("limit=1&count=true")["total"], 4);
    assert_eq!(page("count=true&author=ana")["total"], 2);
    assert_eq!(page("count=true&tag=nothing")["total"], 0);
    let working = archive.newsroom.get_as(&archive.editor, "/v1/articles?view=working&count=true").expect(200).json();
    assert_eq!(working["page"]["total"], 5);
}

#[test]
fn a_page_links_to_the_next_one_which_keeps_the_query() {
    let archive = archive();
    let first = archive.newsroom.get("/v1/articles?limit=3&tag=crime,trade&fields=title").expect(200);
    assert_eq!(first.json()["page"], json!({ "limit": 3 }));
    assert_eq!(first.header("link"), "");
    let first = archive.newsroom.get("/v1/articles?limit=2&tag=crime,trade&fields=title").expect(200);
    let link = first.header("link");
    let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap_or_else(|| panic!("{link}"));
    let cursor = first.json()["page"]["next_cursor"].as_str().unwrap().to_owned();
    assert!(next.contains("limit=2") && next.contains("fields=title") && next.contains(&cursor), "{next}");
    let last = archive.newsroom.get(next).expect(200);
    assert_eq!(titles(&last), ["A"]);
    assert!(last.json()["page"].get("next_cursor").is_none() && !last.header("link").contains("next"));
    let wider = archive.newsroom.get(&format!("/v1/articles?limit=100&tag=crime,trade&count=true&cursor={cursor}")).expect(200);
    assert_eq!((titles(&wider), &wider.json()["page"]["total"]), (vec!["A".to_owned()], &json!(3)));
}

#[test]
fn a_cursor_belongs_to_its_list_alone() {
    let archive = archive();
    let page = archive.newsroom.get("/v1/articles?limit=1&tag=crime").expect(200).json()["page"].clone();
    let cursor = page["next_cursor"].as_str().unwrap();
    for other in ["tag=trade", "tag=crime&language=en", "tag=crime&sort=title", "", "tag=crime&view=working"] {
        let refusal =
            archive.newsroom.get_as(&archive.editor, &format!("/v1/articles?{other}&cursor={cursor}").replace("?&", "?")).expect(400);
        assert_eq!(refusal.code(), "cursor_mismatch", "{other}");
    }
    for path in ["/v1/authors", "/v1/tags"] {
        assert_eq!(archive.newsroom.get(&format!("{path}?cursor={cursor}")).expect(400).code(), "cursor_mismatch");
    }
}

#[test]
fn a_cursor_that_is_not_one_of_ours_is_refused() {
    let newsroom = Newsroom::open();
    for garbage in ["abc", "e30", "bnVsbA", "W10", "eyJrZXkiOjF9", "AAAA", "____"] {
        assert_eq!(newsroom.get(&format!("/v1/articles?cursor={garbage}")).expect(400).code(), "invalid_cursor", "{garbage}");
    }
    for garbage in ["a%20b", "%3D", "'", ""] {
        assert_eq!(newsroom.get(&format!("/v1/articles?cursor={garbage}")).expect(400).places(), ["cursor"], "{garbage}");
    }
}

#[test]
fn every_parameter_has_its_bounds_and_all_breaches_are_told_at_once() {
    let newsroom = Newsroom::open();
    for limit in ["0", "101", "-1", "1.5", "a", "", "+5", "99999999999999999999", "0x10"] {
        let refusal = newsroom.get(&format!("/v1/articles?limit={limit}")).expect(400);
        assert_eq!((refusal.code(), refusal.places()), ("invalid_parameter".into(), vec!["limit".to_owned()]), "{limit}");
    }
    newsroom.get("/v1/articles?limit=1").expect(200);
    newsroom.get("/v1/articles?limit=100").expect(200);
    for query in [
        "count=1",
        "sort=password_hash",
        "sort=-authors.email",
        "view=secret",
        "formats=",
        "tag=,",
        "tag=a,",
        "language=English",
        "year=0",
        "year=x",
        "published_after=yesterday",
        "ids=1",
        "include=revisions",
        "fields=",
    ] {
        let refusal = newsroom.get(&format!("/v1/articles?{query}")).expect(400);
        assert_eq!(
            (refusal.code(), refusal.places()),
            ("invalid_parameter".into(), vec![query.split('=').next().unwrap().to_owned()]),
            "{query}"
        );
    }
    assert_eq!(newsroom.get("/v1/articles?limit=0&sort=x&foo=1&tag=a&tag=b").expect(400).places(), ["limit", "sort", "foo", "tag"]);
}

#[test]
fn an_unknown_or_repeated_parameter_is_named() {
    let newsroom = Newsroom::open();
    let unknown = newsroom.get("/v1/articles?author.email=a@b.c&tag!=a").expect(400);
    assert_eq!((unknown.code(), unknown.places()), ("unknown_parameter".into(), vec!["author.email".to_owned(), "tag!".to_owned()]));
    let repeated = newsroom.get("/v1/articles?tag=a&tag=b").expect(400);
    assert_eq!((repeated.code(), repeated.places()), ("repeated_parameter".into(), vec!["tag".to_owned()]));
    assert_eq!(newsroom.get("/v1/articles?tag=%ff").expect(400).code(), "malformed_query");
    assert_eq!(newsroom.get("/v1/articles?tag=%zz").expect(400).code(), "malformed_query");
    assert_eq!(newsroom.get("/?a=1").expect(400).code(), "unknown_parameter");
}

#[test]
fn the_first_page_of_nothing_is_the_last() {
    let newsroom = Newsroom::open();
    for path in ["/v1/articles", "/v1/authors", "/v1/tags"] {
        let empty = newsroom.get(&format!("{path}?count=true")).expect(200).json();
        assert_eq!(empty, json!({ "items": [], "page": { "limit": 20, "total": 0 } }), "{path}");
    }
}

#[test]
fn a_cursor_that_was_tampered_with_is_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let archive = archive();
    for sort in ["title", "published_at"] {
        let page = archive.newsroom.get(&format!("/v1/articles?limit=1&sort={sort}")).expect(200).json()["page"].clone();
        let cursor: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(page["next_cursor"].as_str().unwrap()).unwrap()).unwrap();
        for (member, value) in [
            ("id", json!("\u{0}")),
            ("id", json!("")),
            ("id", json!("x".repeat(2000))),
            ("key", json!("\u{0}")),
            ("key", json!(null)),
            ("key", json!(1.5)),
        ] {
            let mut forged = cursor.clone();
            forged[member] = value;
            let forged = URL_SAFE_NO_PAD.encode(forged.to_string());
            let refusal = archive.newsroom.get(&format!("/v1/articles?limit=1&sort={sort}&cursor={forged}")).expect(400);
            assert_eq!(refusal.code(), "invalid_cursor", "{sort} {member}");
        }
    }
}
