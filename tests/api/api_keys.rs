//! API keys: programs come with them, and get what they were given, never more than their owner has.

use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

/// A key of somebody's, made by an administrator; its `id` is the key's own.
pub fn key(newsroom: &Newsroom, owner: &Person, wanted: Value) -> Person {
    let admin = newsroom.person(Role::Admin);
    let mut body = json!({ "label": "A program", "owner": owner.id });
    body.as_object_mut().unwrap().extend(wanted.as_object().unwrap().clone());
    let made = newsroom.post(&admin, "/v1/api-keys", &body).expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Person { id: text("id"), email: owner.email.clone(), token: text("key") }
}

fn get(newsroom: &Newsroom, key: &Person, path: &str) -> Answer {
    newsroom.get_as(key, path)
}

#[test]
fn a_key_is_made_shown_once_listed_and_revoked() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let asked = json!({ "label": "The web site", "scopes": ["drafts:read", "content:read"], "expires_at": "2026-01-01T00:00:00Z" });
    let made = newsroom.post(&admin, "/v1/api-keys", &asked).expect(201);
    let (location, made) = (made.header("location").to_owned(), made.json());
    let secret = made["key"].as_str().unwrap();
    assert_eq!(location, format!("/v1/api-keys/{}", made["id"].as_str().unwrap()));
    assert!(secret.starts_with("cdk_") && secret.len() == 52 && secret.starts_with(made["prefix"].as_str().unwrap()), "{secret}");
    assert_eq!((&made["scopes"], &made["owner"]), (&json!(["content:read", "drafts:read"]), &json!(admin.id)));
    let shown = newsroom.get_as(&admin, &location).expect(200);
    let list = newsroom.get_as(&admin, "/v1/api-keys?count=true").expect(200);
    assert!(!shown.text().contains(secret) && !list.text().contains(secret));
    assert_eq!((list.json()["page"]["total"].as_i64(), &list.json()["items"][0]), (Some(1), &shown.json()));
    assert_eq!((&shown.json()["label"], &shown.json()["last_used_at"]), (&json!("The web site"), &Value::Null));
    let program = Person { token: secret.to_owned(), ..admin.clone() };
    get(&newsroom, &program, "/v1/articles?view=working").expect(200);
    newsroom.delete(&admin, &location).expect(204);
    assert_eq!(get(&newsroom, &program, "/v1/articles?view=working").expect(401).code(), "invalid_token");
    newsroom.delete(&admin, &location).expect(404);
    newsroom.get_as(&admin, &location).expect(404);
}

#[test]
fn all_that_is_wrong_with_a_new_key_is_told_at_once() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let places = |body: Value| newsroom.post(&admin, "/v1/api-keys", &body).expect(422).places();
    assert_eq!(places(json!({})), ["/label", "/scopes"]);
    assert_eq!(places(json!({ "label": " ", "scopes": ["everything"], "key": "mine" })).len(), 3);
    assert_eq!(places(json!({ "label": "x", "scopes": [] })), ["/scopes"]);
    assert_eq!(places(json!({ "label": "x", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z" })), ["/expires_at"]);
    assert_eq!(places(json!({ "label": "x", "scopes": ["admin"], "addresses": ["10.0.0.1", "10.0.0.0/40"] })), ["/addresses/1"]);
    assert_eq!(places(json!({ "label": "x", "scopes": ["admin"], "tags": ["nothing"], "authors": ["nobody"] })), ["/tags/0", "/authors/0"]);
    assert_eq!(places(json!({ "label": "x", "scopes": ["admin"], "owner": "01890a5d-ac96-774b-bcce-b302099a8057" })), ["/owner"]);
    assert_eq!(newsroom.get_as(&admin, "/v1/api-keys").expect(200).json()["items"], json!([]));
}

#[test]
fn a_key_has_the_rights_of_its_scopes_and_of_its_owner_today() {
    let newsroom = Newsroom::open();
    let (admin, author) = (newsroom.person(Role::Admin), newsroom.person(Role::Author));
    let all = json!({ "scopes": ["content:read", "drafts:read", "content:write", "content:publish", "admin"] });
    let program = key(&newsroom, &author, all);
    newsroom.draft(&admin, &json!({ "title": "Not mine" }));
    newsroom.publish(&program, &json!({ "title": "Mine" }));
    newsroom.post(&program, "/v1/articles/not-mine/publish", &json!({})).expect(403);
    get(&newsroom, &program, "/v1/users").expect(403);
    get(&newsroom, &program, "/v1/api-keys").expect(403);
    newsroom.post(&program, "/v1/tags", &json!({ "name": "New" })).expect(403);
    let set_role = |role: &str| newsroom.patch(&admin, &format!("/v1/users/{}", author.id), "*", &json!({ "role": role })).expect(200);
    set_role("editor");
    newsroom.post(&program, "/v1/articles/not-mine/publish", &json!({})).expect(200);
    set_role("contributor");
    newsroom.post(&program, "/v1/articles/mine/unpublish", &json!({})).expect(403);
    newsroom.patch(&admin, &format!("/v1/users/{}", author.id), "*", &json!({ "disabled": true })).expect(200);
    assert_eq!(get(&newsroom, &program, "/v1/articles").expect(401).code(), "invalid_token");
    newsroom.patch(&admin, &format!("/v1/users/{}", author.id), "*", &json!({ "disabled": false })).expect(200);
    get(&newsroom, &program, "/v1/articles").expect(200);
    newsroom.delete(&admin, &format!("/v1/users/{}", author.id)).expect(204);
    get(&newsroom, &program, "/v1/articles").expect(401);
}

#[test]
fn each_scope_opens_its_own_doors_and_the_live_view_is_the_same_for_all() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Out" }));
    newsroom.draft(&editor, &json!({ "title": "Draft" }));
    let with = |scope: &str| key(&newsroom, &editor, json!({ "scopes": [scope] }));
    let [reads, drafts, writes, publishes] = ["content:read", "drafts:read", "content:write", "content:publish"].map(with);
    let live = newsroom.get("/v1/articles/out").expect(200);
    for program in [&reads, &drafts, &writes, &publishes] {
        let answer = get(&newsroom, program, "/v1/articles/out").expect(200);
        assert_eq!((answer.body.as_slice(), answer.header("cache-control")), (live.body.as_slice(), "private, no-store"));
        assert_eq!(get(&newsroom, program, "/v1/auth/me").expect(200).json()["id"], editor.id);
        for path in ["/v1/auth/logout", "/v1/auth/logout-all"] {
            newsroom.post(program, path, &json!({})).expect(403);
        }
        get(&newsroom, program, "/v1/auth/sessions").expect(403);
    }
    for (program, sees) in [(&reads, 403), (&drafts, 200), (&writes, 403), (&publishes, 403)] {
        for path in
            ["/v1/articles?view=working", "/v1/articles/draft?view=working", "/v1/articles/draft/revisions", "/v1/authors?view=working"]
        {
            get(&newsroom, program, path).expect(sees);
        }
    }
    let edit = json!({ "lead": "More" });
    for (program, may) in [(&reads, 403), (&drafts, 403), (&publishes, 403), (&writes, 200)] {
        newsroom.patch(program, "/v1/articles/out", "*", &edit).expect(may);
    }
    // Deleting what is out takes it from the public.
    newsroom.delete(&writes, "/v1/articles/out").expect(403);
    newsroom.post(&writes, "/v1/articles/draft/publish", &json!({})).expect(403);
    let batch = json!({ "operations": [{ "op": "publish", "article": "draft", "if_match": "*" }] });
    newsroom.post(&writes, "/v1/articles/batch", &batch).expect(403);
    newsroom.post(&publishes, "/v1/articles/batch", &batch).expect(403);
    newsroom.post(&publishes, "/v1/articles/draft/publish", &json!({})).expect(200);
    newsroom.post(&publishes, "/v1/articles/draft/unpublish", &json!({})).expect(200);
    newsroom.delete(&writes, "/v1/articles/draft").expect(204);
}

#[test]
fn a_key_ends_when_it_was_said_and_comes_from_where_it_may() {
    let newsroom = Newsroom::open_with(|settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let editor = newsroom.person(Role::Editor);
    let program = key(&newsroom, &editor, json!({ "scopes": ["content:read"], "expires_at": "2025-06-27T15:00:00Z" }));
    get(&newsroom, &program, "/v1/articles").expect(200);
    newsroom.pass(30 * 60_000);
    assert_eq!(get(&newsroom, &program, "/v1/articles").expect(401).code(), "invalid_token");
    let program = key(&newsroom, &editor, json!({ "scopes": ["content:read"], "addresses": ["203.0.113.0/24", "2001:db8::7"] }));
    let from = |address: &str| newsroom.send("GET", "/v1/articles", Some(&program), &[("x-forwarded-for", address)], None);
    for (address, status) in [("203.0.113.7", 200), ("198.51.100.1", 401), ("2001:db8::7", 200), ("2001:db8::8", 401), ("203.0.113.8", 200)]
    {
        from(address).expect(status);
    }
}

#[test]
fn the_use_of_a_key_is_noted_once_a_minute() {
    let newsroom = Newsroom::open_with(|settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let (admin, editor) = (newsroom.person(Role::Admin), newsroom.person(Role::Editor));
    let program = key(&newsroom, &editor, json!({ "scopes": ["content:read"] }));
    let used = |address: &str| newsroom.send("GET", "/v1/articles", Some(&program), &[("x-forwarded-for", address)], None).expect(200);
    let noted = || newsroom.get_as(&admin, &format!("/v1/api-keys/{}", program.id)).expect(200).json();
    // It is noted after the answer: ask until it is there.
    let noted_at =
        |at: &str| (0..2000).map(|_| noted()).find(|key| key["last_used_at"] == at).unwrap_or_else(|| panic!("{at}: {}", noted()));
    used("203.0.113.7");
    assert_eq!(noted_at("2025-06-27T14:30:00.000Z")["last_used_address"], "203.0.113.7");
    newsroom.pass(59_999);
    used("203.0.113.8");
    newsroom.pass(1);
    used("203.0.113.9");
    assert_eq!(noted_at("2025-06-27T14:31:00.000Z")["last_used_address"], "203.0.113.9");
}

#[test]
fn a_limited_key_sees_and_changes_its_own_stories_and_leaves_them_so() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for tag in ["Sport", "Culture"] {
        newsroom.post(&editor, "/v1/tags", &json!({ "name": tag })).expect(201);
    }
    newsroom.draft(&editor, &json!({ "title": "Match", "tags": ["sport"], "language": "es" }));
    newsroom.draft(&editor, &json!({ "title": "Opera", "tags": ["culture"], "language": "es" }));
    newsroom.draft(&editor, &json!({ "title": "Game", "tags": ["sport"], "language": "en" }));
    let scopes = json!(["drafts:read", "content:write", "content:publish"]);
    let program = key(&newsroom, &editor, json!({ "scopes": scopes, "tags": ["sport"], "languages": ["es"] }));
    let list = get(&newsroom, &program, "/v1/articles?view=working&count=true").expect(200).json();
    let words = list["items"][0]["title"].as_str().unwrap().to_owned();
    let search = |q: &str| get(&newsroom, &program, &format!("/v1/search?view=working&q={q}")).expect(200).items().len();
    assert_eq!((search(&words), search("opera")), (1, 0));
    assert_eq!((list["page"]["total"].as_i64(), &list["items"][0]["slug"]), (Some(1), &json!("match")));
    assert_eq!(get(&newsroom, &program, "/v1/articles?view=working&tag=culture").expect(200).json()["items"], json!([]));
    get(&newsroom, &program, "/v1/articles/match?view=working").expect(200);
    let missing = get(&newsroom, &program, "/v1/articles/absent?view=working").expect(404).text().replace("absent", "opera");
    for hidden in ["opera", "game"] {
        let refusal = get(&newsroom, &program, &format!("/v1/articles/{hidden}?view=working")).expect(404);
        assert_eq!(refusal.text().replace(hidden, "opera"), missing);
        for part in ["revisions", "revisions/1", "revisions/1/diff", "comments", "preview-tokens"] {
            let path = format!("/v1/articles/{hidden}/{part}");
            assert!([403, 404].contains(&get(&newsroom, &program, &path).status), "{path}");
        }
        let story = format!("/v1/articles/{hidden}");
        newsroom.patch(&program, &story, "*", &json!({ "tags": ["sport"], "language": "es" })).expect(404);
        newsroom.delete(&program, &story).expect(404);
        for step in ["publish", "submit", "comments", "lock", "preview-tokens", "schedule"] {
            let body = match step {
                "comments" => json!({ "comment": "Hm." }),
                "preview-tokens" => json!({ "expires_in": 60 }),
                "schedule" => json!({ "publish_at": "2097-11-01T09:00:00Z" }),
                _ => json!({}),
            };
            newsroom.post(&program, &format!("{story}/{step}"), &body).expect(404);
        }
    }
    newsroom.post(&program, "/v1/articles", &json!({ "title": "Untagged", "language": "es" })).expect(403);
    newsroom.post(&program, "/v1/articles", &json!({ "title": "English", "tags": ["sport"] })).expect(403);
    newsroom.draft(&program, &json!({ "title": "Goal", "tags": ["culture", "sport"], "language": "es" }));
    for taken_away in [json!({ "tags": ["culture"] }), json!({ "tags": null }), json!({ "language": "en" })] {
        newsroom.patch(&program, "/v1/articles/match", "*", &taken_away).expect(403);
    }
    let batch = json!({ "operations": [{ "op": "create", "body": { "title": "Sly" } }] });
    newsroom.post(&program, "/v1/articles/batch", &batch).expect(403);
    let batch = json!({ "operations": [{ "op": "patch", "article": "opera", "if_match": "*", "body": { "lead": "Sly" } }] });
    newsroom.post(&program, "/v1/articles/batch", &batch).expect(404);
    newsroom.patch(&program, "/v1/articles/match", "*", &json!({ "lead": "Two nil" })).expect(200);
    newsroom.post(&program, "/v1/articles/match/publish", &json!({})).expect(200);
    for path in ["/v1/schedule", "/v1/trash", "/v1/authors?view=working", "/v1/tags?view=working"] {
        get(&newsroom, &program, path).expect(403);
    }
    newsroom.patch(&program, "/v1/tags/sport", "*", &json!({ "name": "Mine" })).expect(403);
    // A tag that was merged into another is that other, for the key as for everybody.
    newsroom.post(&editor, "/v1/tags/sport/merge", &json!({ "into": "culture" })).expect(200);
    get(&newsroom, &program, "/v1/articles/opera?view=working").expect(200);
    newsroom.delete(&program, "/v1/articles/opera").expect(204);
    newsroom.post(&program, "/v1/articles/opera/restore", &json!({})).expect(200);
}

#[test]
fn a_key_limited_to_an_author_restores_nothing_that_another_wrote() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    for name in ["Ana", "Eva"] {
        newsroom.post(&editor, "/v1/authors", &json!({ "name": name })).expect(201);
    }
    newsroom.draft(&editor, &json!({ "title": "Story", "authors": ["eva"] }));
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "authors": ["ana"] })).expect(200);
    let program = key(&newsroom, &editor, json!({ "scopes": ["content:write"], "authors": ["ana"] }));
    newsroom.post(&program, "/v1/articles/story/revisions/1/restore", &json!({})).expect(403);
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "lead": "By Ana" })).expect(200);
    newsroom.post(&program, "/v1/articles/story/revisions/2/restore", &json!({})).expect(200);
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
}

#[test]
fn what_a_key_makes_ends_with_the_key() {
    let newsroom = Newsroom::open();
    let (admin, editor) = (newsroom.person(Role::Admin), newsroom.person(Role::Editor));
    let story = newsroom.draft(&editor, &json!({ "title": "Story" }))["id"].as_str().unwrap().to_owned();
    let program = key(&newsroom, &editor, json!({ "scopes": ["content:write"], "expires_at": "2025-06-27T14:40:00Z" }));
    let preview =
        newsroom.post(&program, &format!("/v1/articles/{story}/preview-tokens"), &json!({ "expires_in": 86_400 })).expect(201).json();
    assert_eq!(preview["expires_at"], "2025-06-27T14:40:00.000Z");
    let reader = Person { token: preview["token"].as_str().unwrap().to_owned(), ..editor.clone() };
    newsroom.get_as(&reader, &format!("/v1/articles/{story}")).expect(200);
    newsroom.delete(&admin, &format!("/v1/api-keys/{}", program.id)).expect(204);
    newsroom.get_as(&reader, &format!("/v1/articles/{story}")).expect(401);
}

#[test]
fn a_key_makes_no_key_that_may_more_than_itself() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let maker = key(&newsroom, &admin, json!({ "scopes": ["admin", "content:read"], "expires_at": "2025-12-01T00:00:00Z" }));
    let make = |wanted: Value| newsroom.post(&maker, "/v1/api-keys", &wanted);
    assert_eq!(make(json!({ "label": "x", "scopes": ["content:publish", "admin"] })).expect(422).places(), ["/scopes/0", "/expires_at"]);
    assert_eq!(
        make(json!({ "label": "x", "scopes": ["admin"], "expires_at": "2026-01-01T00:00:00Z" })).expect(422).places(),
        ["/expires_at"]
    );
    make(json!({ "label": "x", "scopes": ["content:read"], "expires_at": "2025-12-01T00:00:00Z" })).expect(201);
    let limited = key(&newsroom, &admin, json!({ "scopes": ["admin"], "languages": ["en"] }));
    newsroom.post(&limited, "/v1/api-keys", &json!({ "label": "x", "scopes": ["admin"] })).expect(403);
}

#[test]
fn answers_under_an_idempotency_key_are_not_shared_by_an_account_and_its_keys() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let program = key(&newsroom, &editor, json!({ "scopes": ["content:write"] }));
    let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
    let body = json!({ "title": "Once" }).to_string();
    let create = |by: &Person| newsroom.send("POST", "/v1/articles", Some(by), &headers, Some(body.as_bytes())).expect(201).json();
    assert_eq!(create(&editor)["slug"], "once");
    assert_eq!(create(&program)["slug"], "once-2");
    assert_eq!(create(&program)["slug"], "once-2");
}

#[test]
fn the_audit_log_tells_what_a_key_did_and_was_refused_by_its_id() {
    let newsroom = Newsroom::open();
    let (admin, editor) = (newsroom.person(Role::Admin), newsroom.person(Role::Editor));
    let program = key(&newsroom, &editor, json!({ "scopes": ["content:write"] }));
    newsroom.draft(&program, &json!({ "title": "Story" }));
    newsroom.pass(1);
    newsroom.post(&program, "/v1/articles/story/publish", &json!({})).expect(403);
    let log = newsroom.get_as(&admin, "/v1/audit?credential=api_key").expect(200);
    let told: Vec<String> = log.items().iter().map(|line| format!("{} {}", line["operation"], line["outcome"])).collect();
    assert_eq!(told, ["\"publish_article\" \"refused\"", "\"create_article\" \"done\""]);
    for line in log.items() {
        assert_eq!((&line["actor"]["credential_id"], &line["actor"]["user_id"]), (&json!(program.id), &json!(editor.id)));
    }
    assert!(!log.text().contains("cdk_"));
}

#[test]
fn another_node_and_another_process_are_heard_of() {
    let newsroom = Newsroom::open();
    let (admin, editor) = (newsroom.person(Role::Admin), newsroom.person(Role::Editor));
    let program = key(&newsroom, &editor, json!({ "scopes": ["drafts:read"] }));
    let other = newsroom.node(|_| {});
    other.get_as(&program, "/v1/articles?view=working").expect(200);
    newsroom.delete(&admin, &format!("/v1/api-keys/{}", program.id)).expect(204);
    newsroom.get_as(&program, "/v1/articles?view=working").expect(401);
    // News travel for a tenth of a second.
    let started = std::time::Instant::now();
    while other.get_as(&program, "/v1/articles?view=working").status == 200 {
        assert!(started.elapsed().as_secs() < 5, "the other node has not heard");
    }
}
