//! The audit log: a line for each thing that is done, and for who was refused; nothing else makes one, and nothing takes one away.

use crate::contract::{document, example, operations};
use crate::newsroom::{Answer, Newsroom, Person};
use crate::{idempotency, second_factor};
use copydesk::domain::user::Role;
use diesel::RunQueryDsl as _;
use serde_json::{Value, json};

const PASSWORD: &str = "a long enough phrase";
const DAY: i64 = 24 * 60 * 60 * 1000;

/// The lines that a query asks for, the newest first.
fn lines(newsroom: &Newsroom, admin: &Person, query: &str) -> Vec<Value> {
    newsroom.get_as(admin, &format!("/v1/audit?limit=100&{query}")).expect(200).items()
}

fn send(newsroom: &Newsroom, path: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("user-agent", "Newsroom/1.0 (test)")];
    newsroom.send("POST", path, None, &headers, Some(body.to_string().as_bytes()))
}

fn sign_in(newsroom: &Newsroom, email: &str, password: &str) -> Answer {
    send(newsroom, "/v1/auth/login", &json!({ "email": email, "password": password }))
}

fn signed_in(newsroom: &Newsroom, person: &Person) -> (Person, String) {
    let tokens = sign_in(newsroom, &person.email, PASSWORD).expect(200).json();
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    (Person { token: text("access_token"), ..person.clone() }, text("refresh_token"))
}

/// Does once what the operation is for; answers who is expected to have done it to a thing of which kind, by what.
fn carry_out(newsroom: &Newsroom, admin: &Person, operation: &str, verb: &str) -> (&'static str, &'static str) {
    let draft = || newsroom.draft(admin, &json!({ "title": "Story" }));
    let made =
        |path: &str, schema: &str| newsroom.post(admin, path, &example(schema)).expect(201).json()["id"].as_str().unwrap().to_owned();
    let patch = |path: &str, body: Value| drop(newsroom.patch(admin, path, "*", &body).expect(200));
    let delete = |path: &str| drop(newsroom.delete(admin, path).expect(204));
    match operation {
        "login_session" => (sign_in(newsroom, &admin.email, PASSWORD).expect(200), ("session", "password")).1,
        "refresh_session" => {
            let token = signed_in(newsroom, admin).1;
            send(newsroom, "/v1/auth/refresh", &json!({ "refresh_token": token })).expect(200);
            ("session", "refresh_token")
        }
        "logout_session" => {
            (newsroom.post(&signed_in(newsroom, admin).0, "/v1/auth/logout", &json!({})).expect(204), ("session", "session")).1
        }
        "logout_everywhere" => (newsroom.post(admin, "/v1/auth/logout-all", &json!({})).expect(204), ("user", "session")).1,
        "change_password" => {
            let change = json!({ "current_password": PASSWORD, "new_password": "another long enough phrase" });
            (newsroom.post(admin, "/v1/auth/password", &change).expect(200), ("user", "session")).1
        }
        "accept_invitation" => {
            let other = newsroom.person(Role::Admin);
            let link = newsroom.post(&other, &format!("/v1/users/{}/password-reset", admin.id), &json!({})).expect(201).json();
            let body = json!({ "token": link["token"], "password": PASSWORD });
            (send(newsroom, "/v1/auth/accept", &body).expect(200), ("user", "invitation")).1
        }
        "create_totp" | "confirm_totp" => (second_factor::set_up_with(newsroom, admin, PASSWORD), ("user", "session")).1,
        "disable_totp" => {
            let app = second_factor::set_up_with(newsroom, admin, PASSWORD);
            let body = json!({ "code": app.recovery_codes[0] });
            (newsroom.post(admin, "/v1/auth/totp/disable", &body).expect(204), ("user", "session")).1
        }
        "delete_totp" => {
            let other = newsroom.person_with(Role::Author, Some(PASSWORD));
            second_factor::set_up_with(newsroom, &other, PASSWORD);
            (delete(&format!("/v1/users/{}/totp", other.id)), ("user", "session")).1
        }
        "delete_invitation" => {
            let link = newsroom.post(admin, "/v1/invitations", &json!({ "email": "new@example.com", "role": "author" })).expect(201);
            (delete(link.header("location")), ("user", "session")).1
        }
        "delete_session" => {
            signed_in(newsroom, admin);
            let id = newsroom.get_as(admin, "/v1/auth/sessions").items()[0]["id"].clone();
            (delete(&format!("/v1/auth/sessions/{}", id.as_str().unwrap())), ("session", "session")).1
        }
        "update_article" => (draft(), patch("/v1/articles/story", json!({ "lead": "Second." })), ("article", "session")).2,
        "delete_article" => (draft(), delete("/v1/articles/story"), ("article", "session")).2,
        "purge_article" => {
            let id = draft()["id"].as_str().unwrap().to_owned();
            (delete("/v1/articles/story"), delete(&format!("/v1/trash/{id}")), ("article", "session")).2
        }
        "delete_correction" => {
            newsroom.publish(admin, &json!({ "title": "Story" }));
            let correction = newsroom.post(admin, "/v1/articles/story/corrections", &example("CreateCorrection")).expect(201);
            (delete(correction.header("location")), ("article", "session")).1
        }
        "delete_lock" => {
            draft();
            newsroom.post(admin, "/v1/articles/story/lock", &json!({})).expect(200);
            (delete("/v1/articles/story/lock"), ("article", "session")).1
        }
        "delete_preview" => {
            draft();
            let preview = newsroom.post(admin, "/v1/articles/story/preview-tokens", &json!({ "expires_in": 60 })).expect(201);
            (delete(preview.header("location")), ("article", "session")).1
        }
        "update_author" => {
            (patch(&format!("/v1/authors/{}", made("/v1/authors", "CreateAuthor")), json!({ "name": "Ana" })), ("author", "session")).1
        }
        "delete_author" => (delete(&format!("/v1/authors/{}", made("/v1/authors", "CreateAuthor"))), ("author", "session")).1,
        "update_tag" => (patch(&format!("/v1/tags/{}", made("/v1/tags", "CreateTag")), json!({ "name": "Border" })), ("tag", "session")).1,
        "delete_tag" => (delete(&format!("/v1/tags/{}", made("/v1/tags", "CreateTag"))), ("tag", "session")).1,
        "update_user" => {
            (patch(&format!("/v1/users/{}", made("/v1/users", "CreateUser")), json!({ "role": "author" })), ("user", "session")).1
        }
        "delete_key" => (delete(&format!("/v1/api-keys/{}", made("/v1/api-keys", "CreateApiKey"))), ("api_key", "session")).1,
        "delete_user" => (delete(&format!("/v1/users/{}", made("/v1/users", "CreateUser"))), ("user", "session")).1,
        _ if verb == "post" => {
            let (path, body) = idempotency::tried(newsroom, admin, operation);
            let answer = newsroom.post(admin, &path, &body);
            assert!((200..300).contains(&answer.status), "{operation}: {}", answer.text());
            ("", "session")
        }
        other => panic!("say here how {other} can be tried"),
    }
}

#[test]
fn every_operation_that_changes_something_leaves_one_line_that_says_who_did_what_to_what() {
    let document = document();
    let mut tries = 0;
    let changes = operations(&document).into_iter().filter(|(_, verb, _)| *verb != "get");
    let changes = changes.map(|(_, verb, operation)| (verb, operation["operationId"].as_str().unwrap()));
    // Two need a provider: tests/api/oidc.rs tries them.
    for (verb, id) in changes.filter(|(_, id)| !["create_ticket", "login_identity"].contains(id)) {
        let newsroom = Newsroom::open();
        let admin = newsroom.person_with(Role::Admin, Some(PASSWORD));
        let reader = newsroom.person(Role::Admin);
        let (kind, credential) = carry_out(&newsroom, &admin, id, verb);
        let found = lines(&newsroom, &reader, &format!("operation={id}"));
        assert_eq!(found.len(), 1, "{id}: {found:?}");
        let line = &found[0];
        assert_eq!((&line["outcome"], &line["at"]), (&json!("done"), &json!(newsroom.now().to_string())), "{id}");
        let actor = &line["actor"];
        assert_eq!((&actor["user_id"], &actor["email"]), (&json!(admin.id), &json!(admin.email)), "{id}");
        assert_eq!((&actor["address"], &actor["credential"]), (&json!("127.0.0.1"), &json!(credential)), "{id}");
        let target = (line["target"]["kind"].as_str().unwrap_or_default(), line["target"]["id"].as_str().unwrap_or_default());
        assert!(target.0 == kind || (kind.is_empty() && !target.0.is_empty()), "{id}: {line}");
        assert_eq!(target.1.len(), 36, "{id}: {line}");
        tries += 1;
    }
    assert!(tries >= 40, "{tries}");
}

#[test]
fn a_line_names_the_members_that_were_changed_and_not_what_they_hold() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    newsroom.post(&admin, "/v1/authors", &json!({ "name": "Ana" })).expect(201);
    newsroom.draft(&admin, &json!({ "title": "Story", "lead": "First." }));
    newsroom.patch(&admin, "/v1/articles/story", "*", &json!({ "title": "Other", "lead": "First.", "authors": ["ana"] })).expect(200);
    newsroom.patch(&admin, "/v1/authors/ana", "*", &json!({ "beat": "Courts", "name": "Ana" })).expect(200);
    let user = newsroom.person(Role::Author);
    newsroom.patch(&admin, &format!("/v1/users/{}", user.id), "*", &json!({ "role": "editor", "password": PASSWORD })).expect(200);
    let members = |operation: &str| lines(&newsroom, &admin, &format!("operation={operation}"))[0]["members"].clone();
    assert_eq!(members("update_article"), json!(["title", "author_ids"]));
    assert_eq!(members("update_author"), json!(["beat"]));
    assert_eq!(members("update_user"), json!(["role", "password"]));
    assert!(!newsroom.get_as(&admin, "/v1/audit").text().contains("Courts"));
}

#[test]
fn what_does_not_happen_leaves_no_line() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let story = json!({ "title": "Story", "slug": "story" });
    let once = [("content-type", "application/json"), ("idempotency-key", "once")];
    let body = story.to_string();
    newsroom.send("POST", "/v1/articles", Some(&admin), &once, Some(body.as_bytes())).expect(201);
    newsroom.publish(&admin, &json!({ "title": "Live" }));
    newsroom.post(&admin, "/v1/tags", &json!({ "name": "Border" })).expect(201);
    let before = lines(&newsroom, &admin, "");
    assert_eq!(before.len(), 5, "{before:?}");
    // Sent again, refused, or no change.
    newsroom.send("POST", "/v1/articles", Some(&admin), &once, Some(body.as_bytes())).expect(201);
    newsroom.post(&admin, "/v1/articles", &story).expect(409);
    newsroom.patch(&admin, "/v1/articles/story", "\"9-0\"", &json!({ "lead": "x" })).expect(412);
    newsroom.patch(&admin, "/v1/articles/story", "*", &json!({ "title": "Story" })).expect(200);
    newsroom.post(&admin, "/v1/articles/live/publish", &json!({})).expect(200);
    newsroom.patch(&admin, "/v1/tags/border", "*", &json!({ "name": "Border" })).expect(200);
    newsroom.patch(&admin, &format!("/v1/users/{}", admin.id), "*", &json!({ "role": "admin" })).expect(200);
    newsroom.patch(&admin, &format!("/v1/users/{}", admin.id), "*", &json!({ "role": "editor" })).expect(409);
    let batch = json!({ "atomic": false, "operations": [{ "op": "delete", "article": "nothing", "if_match": "*" }] });
    newsroom.post(&admin, "/v1/articles/batch", &batch).expect(200);
    send(&newsroom, "/v1/auth/refresh", &json!({ "refresh_token": "cdr_nothing" })).expect(401);
    newsroom.get_as(&admin, "/v1/trash").expect(200);
    assert_eq!(lines(&newsroom, &admin, ""), before);
}

#[test]
fn a_batch_leaves_a_line_for_each_story_in_order() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let create = |title: &str| json!({ "op": "create", "body": { "title": title } });
    let refused = json!({ "op": "publish", "article": "nothing", "if_match": "*" });
    let publish = json!({ "op": "publish", "article": "one", "if_match": "*" });
    let batch = json!({ "atomic": false, "operations": [create("One"), refused, create("Two"), publish] });
    let results = newsroom.post(&admin, "/v1/articles/batch", &batch).expect(200).json()["results"].clone();
    let targets: Vec<Value> = lines(&newsroom, &admin, "kind=article").iter().rev().map(|line| line["target"]["id"].clone()).collect();
    assert_eq!(targets, [results[0]["id"].clone(), results[2]["id"].clone()]);
}

#[test]
fn who_is_refused_is_written_down_with_the_reason() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let editor = newsroom.person_with(Role::Editor, Some(PASSWORD));
    let disabled = newsroom.person_with(Role::Author, Some(PASSWORD));
    newsroom.patch(&admin, &format!("/v1/users/{}", disabled.id), "*", &json!({ "disabled": true })).expect(200);
    sign_in(&newsroom, "hunter2@example.com", PASSWORD).expect(401);
    newsroom.pass(1);
    sign_in(&newsroom, &editor.email, "a wrong enough phrase").expect(401);
    newsroom.pass(1);
    sign_in(&newsroom, &disabled.email, PASSWORD).expect(401);
    let (here, refresh) = signed_in(&newsroom, &editor);
    let again = |token: &str| send(&newsroom, "/v1/auth/refresh", &json!({ "refresh_token": token }));
    again(&refresh).expect(200);
    newsroom.pass(11_000);
    again(&refresh).expect(401);
    let change = json!({ "current_password": "a wrong enough phrase", "new_password": "another long enough phrase" });
    newsroom.pass(1);
    newsroom.post(&editor, "/v1/auth/password", &change).expect(422);
    newsroom.pass(1);
    newsroom.get_as(&editor, "/v1/users").expect(403);
    newsroom.get_as(&here, "/v1/users").expect(401);
    let refused = lines(&newsroom, &admin, "outcome=refused");
    let told: Vec<_> = refused
        .iter()
        .rev()
        .map(|line| (line["operation"].as_str().unwrap(), line["reason"].as_str().unwrap(), line["actor"]["user_id"].clone()))
        .collect();
    let by = |person: &Person| json!(person.id);
    assert_eq!(
        told,
        [
            ("login_session", "invalid_credentials", json!(null)),
            ("login_session", "invalid_credentials", by(&editor)),
            ("login_session", "account_disabled", by(&disabled)),
            ("refresh_session", "token_reused", by(&editor)),
            ("change_password", "wrong_password", by(&editor)),
            ("list_users", "forbidden", by(&editor)),
        ]
    );
    assert!(!newsroom.get_as(&admin, "/v1/audit").text().contains("hunter2"), "an address that nobody has may be a password");
}

#[test]
fn what_was_scheduled_is_the_deed_of_who_scheduled_it() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let id = newsroom.draft(&editor, &json!({ "title": "Story" }))["id"].clone();
    newsroom.post(&editor, "/v1/articles/story/schedule", &json!({ "publish_at": "2025-06-28T09:00:00Z" })).expect(200);
    newsroom.pass(DAY);
    newsroom.get("/v1/articles/story").expect(200);
    let admin = newsroom.person(Role::Admin);
    let line = &lines(&newsroom, &admin, "operation=publish_article")[0];
    let actor = &line["actor"];
    assert_eq!((&actor["user_id"], &actor["email"], &actor["credential"]), (&json!(editor.id), &json!(editor.email), &json!("schedule")));
    assert_eq!((&line["target"]["id"], &actor["address"]), (&id, &json!(null)));
}

#[test]
fn the_log_is_searched_by_what_one_knows_and_read_page_by_page() {
    let newsroom = Newsroom::open_with(|settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]);
    let [admin, other] = [Role::Admin, Role::Admin].map(|role| newsroom.person(role));
    let story = newsroom.draft(&admin, &json!({ "title": "Story" }))["id"].as_str().unwrap().to_owned();
    newsroom.pass(1000);
    for n in 0..4 {
        newsroom.patch(&other, "/v1/articles/story", "*", &json!({ "lead": n.to_string() })).expect(200);
    }
    newsroom.pass(1000);
    let headers = [("content-type", "application/json"), ("x-forwarded-for", "2001:db8::7"), ("user-agent", "Zeitung/2")];
    newsroom.send("POST", "/v1/tags", Some(&admin), &headers, Some(b"{\"name\":\"Border\"}")).expect(201);
    let count = |query: &str| lines(&newsroom, &admin, query).len();
    let story_lines = format!("kind=article&id={story}");
    for (query, expected) in [
        (format!("user={}", other.id), 4),
        (format!("user={}&kind=article", admin.id), 1),
        ("operation=update_article".into(), 4),
        (story_lines, 5),
        ("kind=tag".into(), 1),
        ("address=2001:DB8:0::7".into(), 1),
        ("address=203.0.113.7".into(), 0),
        ("credential=session".into(), 6),
        ("credential=api_key".into(), 0),
        // The two who were hired stand there, too.
        ("outcome=done".into(), 8),
        ("since=2025-06-27T14:30:01Z".into(), 5),
        ("until=2025-06-27T14:30:01Z".into(), 3),
        ("since=2025-06-27T14:30:01Z&until=2025-06-27T14:30:02Z".into(), 4),
    ] {
        assert_eq!(count(&query), expected, "{query}");
    }
    let tag = &lines(&newsroom, &admin, "kind=tag")[0];
    assert_eq!((&tag["actor"]["address"], &tag["actor"]["device"]), (&json!("2001:db8::7"), &json!("Zeitung/2")));
    let (mut seen, mut path) = (Vec::new(), "/v1/audit?limit=3&kind=article&count=true".to_owned());
    while !path.is_empty() {
        let page = newsroom.get_as(&admin, &path).expect(200);
        assert_eq!(page.json()["page"]["total"], 5);
        seen.extend(page.items().iter().map(|line| line["id"].as_str().unwrap().to_owned()));
        path = page.json()["page"]["next_cursor"]
            .as_str()
            .map(|next| format!("/v1/audit?limit=3&kind=article&count=true&cursor={next}"))
            .unwrap_or_default();
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    sorted.reverse();
    assert_eq!((seen.len(), &seen), (5, &sorted));
    let first = newsroom.get_as(&admin, "/v1/audit?limit=1").json()["page"]["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(newsroom.get_as(&admin, &format!("/v1/audit?kind=tag&cursor={first}")).expect(400).code(), "cursor_mismatch");
    for bad in
        ["user=me", "address=::g", "address=1.2.3", "outcome=maybe", "operation=a;b", "since=yesterday", "user=", "sort=at", "limit=101"]
    {
        newsroom.get_as(&admin, &format!("/v1/audit?{bad}")).expect(400);
    }
}

#[test]
fn lines_go_with_their_time_and_by_nothing_else() {
    let newsroom = Newsroom::open_with(|settings| settings.audit_days = 7);
    let admin = newsroom.person(Role::Admin);
    newsroom.draft(&admin, &json!({ "title": "Old" }));
    newsroom.pass(6 * DAY);
    let admin = Person { token: newsroom.token(&admin.id, 1), ..admin };
    newsroom.draft(&admin, &json!({ "title": "New" }));
    assert_eq!(lines(&newsroom, &admin, "operation=create_article").len(), 2);
    newsroom.pass(DAY);
    let admin = Person { token: newsroom.token(&admin.id, 1), ..admin };
    assert_eq!(lines(&newsroom, &admin, "").len(), 1);
    assert_eq!(rows(&newsroom).len(), 1, "what is not shown any more is gone");
    let document = document();
    let verbs: Vec<&str> =
        operations(&document).into_iter().filter(|(path, ..)| path.starts_with("/v1/audit")).map(|(_, verb, _)| verb).collect();
    assert_eq!(verbs, ["get"]);
    for verb in ["DELETE", "PATCH", "POST", "PUT"] {
        newsroom.send(verb, "/v1/audit", Some(&admin), &[("if-match", "*")], None).expect(405);
    }
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

/// All that the table holds, a line a row.
fn rows(newsroom: &Newsroom) -> Vec<String> {
    let columns = [
        "id",
        "operation",
        "outcome",
        "reason",
        "user_id",
        "email",
        "means",
        "means_id",
        "address",
        "device",
        "kind",
        "target_id",
        "members",
    ];
    let line = columns.map(|column| format!("coalesce({column}, '')")).join(" || ' ' || ");
    let rows: Vec<Row> = diesel::sql_query(format!("SELECT {line} AS line FROM audit_log")).load(&mut newsroom.conn()).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

#[test]
fn c31_no_password_and_no_token_is_in_the_log() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person_with(Role::Admin, Some(PASSWORD));
    let (here, refresh) = signed_in(&newsroom, &admin);
    let next = send(&newsroom, "/v1/auth/refresh", &json!({ "refresh_token": refresh })).expect(200).json();
    sign_in(&newsroom, &admin.email, "hunter2-hunter2").expect(401);
    newsroom
        .post(&admin, "/v1/users", &json!({ "email": "new@example.com", "role": "author", "password": "swordfish-swordfish" }))
        .expect(201);
    newsroom.draft(&admin, &json!({ "title": "Story" }));
    let preview = newsroom.post(&admin, "/v1/articles/story/preview-tokens", &json!({ "expires_in": 60 })).expect(201).json();
    let change = json!({ "current_password": PASSWORD, "new_password": "another long enough phrase" });
    let changed = newsroom.post(&here, "/v1/auth/password", &change).expect(200).json();
    let log = rows(&newsroom).join("\n");
    assert!(log.lines().count() >= 8, "{log}");
    let tokens = [&next["access_token"], &next["refresh_token"], &preview["token"], &changed["access_token"], &changed["refresh_token"]];
    let secrets = [PASSWORD, "hunter2", "swordfish", "another long", &here.token, &refresh].map(str::to_owned);
    for secret in secrets.into_iter().chain(tokens.map(|token| token.as_str().unwrap().to_owned())) {
        assert!(!log.contains(&secret), "{secret} is in the log");
        let signature = secret.rsplit('.').next().unwrap();
        assert!(!log.contains(signature), "{signature} is in the log");
    }
    assert!(!log.contains("argon2"));
}
