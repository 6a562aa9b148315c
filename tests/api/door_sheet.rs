//! The door sheet: who passes each door of the contract. A handler that forgets its guard turns it red.

use crate::api_keys::key;
use crate::contract::{compare_with_file, document, example, operations};
use crate::newsroom::{Newsroom, Person};
use crate::oidc;
use crate::provider::TestProvider;
use crate::second_factor;
use copydesk::domain::id;
use copydesk::domain::rights::{self, Scope};
use copydesk::domain::user::Role;
use copydesk::store::sessions::{self, SessionRow};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const HEAD: &str = "\
# Who passes each door: `ok` is a success of a minimal valid request, `401`, `403` and `404` (not theirs to see) are refusals.
# A door that opens on a story is tried on one's own and on another's; one with two views is tried in both.
# `key …` is an API key of an administrator with one scope: content:read, drafts:read, content:write, content:publish, admin.
# Made by tests/api/door_sheet.rs: UPDATE_DOOR_SHEET=1 cargo test --test api door_sheet
";

/// The password of the contract's examples.
const PASSWORD: &str = "correct horse battery staple";

/// An operation in one of the ways that make a difference.
struct Door<'a> {
    name: String,
    verb: &'a str,
    path: &'a str,
    body: Option<&'a str>,
    query: &'static str,
    of_own: bool,
}

/// Somebody who knocks at doors.
struct Knocker {
    name: &'static str,
    /// Who the request says that it is.
    person: Option<Person>,
    /// Whose the things are that are their own; for keys, their owner in person.
    owner: Option<Person>,
    role: Option<Role>,
    /// The one scope of a key.
    scope: Option<Scope>,
}

/// A newsroom with somebody of each role, a key of each scope, and somebody else whose things are tried.
struct Desk {
    newsroom: Newsroom,
    provider: TestProvider,
    knockers: Vec<Knocker>,
    somebody_else: Person,
}

fn doors(document: &Value) -> Vec<Door<'_>> {
    let mut doors = Vec::new();
    for (path, verb, operation) in operations(document) {
        let id = operation["operationId"].as_str().unwrap();
        let content = operation["requestBody"]["content"].as_object().and_then(|content| content.values().next());
        let body = content.and_then(|media| media["schema"]["$ref"].as_str()?.rsplit('/').next());
        let mut door = |more: &str, query: &'static str, of_own: bool| {
            doors.push(Door { name: format!("{id}{more}"), verb, path, body, query, of_own });
        };
        let has_view = operation["parameters"].as_array().is_some_and(|parameters| parameters.iter().any(|one| one["name"] == "view"));
        let is_search = operation["parameters"].as_array().is_some_and(|parameters| parameters.iter().any(|one| one["name"] == "q"));
        if path.contains("{article}") && verb != "get" {
            door(", own", "", true);
            door(", another's", "", false);
        } else if has_view {
            door("", if is_search { "?q=a" } else { "" }, false);
            door("?view=working", if is_search { "?view=working&q=a" } else { "?view=working" }, false);
        } else {
            door("", if is_search { "?q=a" } else { "" }, false);
        }
    }
    doors
}

impl Desk {
    fn open() -> Self {
        let back = example("BeginSignIn")["redirect_uri"].as_str().unwrap().to_owned();
        let (newsroom, provider) = oidc::open_with(|settings| settings.client.as_mut().unwrap().redirect_uris.push(back));
        let somebody_else = newsroom.person(Role::Admin);
        newsroom.post(&somebody_else, "/v1/authors", &example("CreateAuthor")).expect(201);
        newsroom.post(&somebody_else, "/v1/tags", &example("CreateTag")).expect(201);
        // What the example of a merge names is a tag; let there be an author of that slug, too.
        let into = &example("Merge")["into"];
        newsroom.post(&somebody_else, "/v1/authors", &json!({ "name": "Into", "slug": into })).expect(201);
        newsroom.post(&somebody_else, "/v1/users", &example("CreateUser")).expect(201);
        let forged = Person { token: format!("{}x", somebody_else.token), ..somebody_else.clone() };
        let stranger = |name, person| Knocker { name, person, owner: None, role: None, scope: None };
        let mut knockers = vec![stranger("nobody", None), stranger("forged", Some(forged))];
        knockers.extend(Role::ALL.map(|role| {
            let person = Some(newsroom.person(role));
            Knocker { name: role.name(), owner: person.clone(), person, role: Some(role), scope: None }
        }));
        let names = ["key read", "key drafts", "key write", "key publish", "key admin"];
        knockers.extend(names.into_iter().zip(Scope::ALL).map(|(name, scope)| {
            let owner = newsroom.person(Role::Admin);
            let person = Some(key(&newsroom, &owner, json!({ "scopes": [scope.name()] })));
            Knocker { name, person, owner: Some(owner), role: Some(Role::Admin), scope: Some(scope) }
        }));
        Self { newsroom, provider, knockers, somebody_else }
    }

    /// Tries a door on things made for this one try.
    fn knock(&self, door: &Door<'_>, knocker: &Knocker) -> &'static str {
        let Knocker { name, person, owner, role, scope } = knocker;
        // Signing out and changing a password end the caller's token: each try has a caller of its own.
        let fresh = role.filter(|_| scope.is_none() && door.verb == "post" && door.path.starts_with("/v1/auth/"));
        let fresh = fresh.map(|role| self.newsroom.person_with(role, example("ChangePassword")["current_password"].as_str()));
        let caller = fresh.as_ref().or(person.as_ref());
        let in_person = owner.as_ref();
        let owner = in_person.filter(|_| door.of_own).unwrap_or(&self.somebody_else);
        let path = format!("{}{}", self.address(door, owner, in_person), door.query);
        let mut headers = vec![("if-match", "*")];
        headers.extend(door.body.map(|_| ("content-type", "application/json")));
        let body = door.body.map(|schema| self.body_for(door, fresh.as_ref()).unwrap_or_else(|| self.body(schema)).to_string());
        let answer =
            self.newsroom.send(&door.verb.to_ascii_uppercase(), &path, caller, &headers, body.as_ref().map(|body| body.as_bytes()));
        match answer.status {
            401 => "401",
            403 => "403",
            404 => "404",
            200..300 => "ok",
            _ => panic!("{} by {name}: {} {}", door.name, answer.status, answer.text()),
        }
    }

    fn address(&self, door: &Door<'_>, owner: &Person, caller: Option<&Person>) -> String {
        let made = |path: &str, schema: &str| {
            let thing = self.newsroom.post(owner, path, &example(schema)).expect(201).json();
            thing["id"].as_str().unwrap().to_owned()
        };
        let Some((before, rest)) = door.path.split_once('{') else { return door.path.to_owned() };
        let (kind, after) = rest.split_once('}').unwrap();
        let id = match kind {
            "article" => made("/v1/articles", "CreateArticle"),
            "author" => made("/v1/authors", "CreateAuthor"),
            "tag" => made("/v1/tags", "CreateTag"),
            "user" if after == "/totp" => {
                let user = self.newsroom.person_with(Role::Author, Some(PASSWORD));
                second_factor::set_up_with(&self.newsroom, &user, PASSWORD);
                user.id
            }
            "user" => self.newsroom.person(Role::Author).id,
            "invitation" => {
                let body = json!({ "email": format!("{}@example.com", uuid::Uuid::new_v4().simple()), "role": "author" });
                self.newsroom.post(&self.somebody_else, "/v1/invitations", &body).expect(201).json()["id"].as_str().unwrap().to_owned()
            }
            "key" => made("/v1/api-keys", "CreateApiKey"),
            "session" => self.session(caller.unwrap_or(owner)),
            other => panic!("nobody told how to make a {other}"),
        };
        if before == "/v1/trash/" || after == "/restore" {
            self.newsroom.delete(owner, &format!("/v1/articles/{id}")).expect(204);
            return format!("{before}{id}{after}");
        }
        let made = format!("{before}{id}{}", after.replace("{number}", "1"));
        if kind == "article" { self.lead_to(door, &made, caller) } else { made }
    }

    /// A session of somebody, as sign-in would begin it.
    fn session(&self, person: &Person) -> String {
        let now = self.newsroom.now();
        let (id, user_id, milliseconds) = (id::new(now), person.id.clone(), now.milliseconds());
        let row = SessionRow {
            id: id.clone(),
            user_id,
            device: None,
            address: None,
            created_at: milliseconds,
            last_seen_at: milliseconds,
            expires_at: milliseconds + 3_600_000,
        };
        sessions::begin(&mut self.newsroom.conn(), &row, &id).unwrap();
        id
    }

    /// Brings a story to where the door can open, and names the part of it that the door is to.
    fn lead_to(&self, door: &Door<'_>, path: &str, caller: Option<&Person>) -> String {
        let (story, after) = path.split_at("/v1/articles/".len() + 36);
        let step = |name: &str, body: Value| self.newsroom.post(&self.somebody_else, &format!("{story}/{name}"), &body);
        let is_read = door.verb == "get" && after != "/comments";
        if is_read || ["/unpublish", "/discard", "/kill", "/unkill"].contains(&after) || after.starts_with("/corrections") {
            step("publish", json!({})).expect(200);
        }
        match after {
            "/unkill" => drop(step("kill", json!({ "reason": "Wrong." })).expect(200)),
            "/unschedule" => drop(step("schedule", json!({ "publish_at": "2097-11-01T09:00:00Z" })).expect(200)),
            "/return" => drop(step("submit", json!({})).expect(200)),
            "/unarchive" => drop(step("archive", json!({})).expect(200)),
            "/lock" if door.verb == "delete" => drop(caller.map(|caller| self.newsroom.post(caller, path, &json!({})))),
            "/preview-tokens/{token}" => {
                let preview = step("preview-tokens", json!({ "expires_in": 60 })).expect(201).json();
                return path.replace("{token}", preview["id"].as_str().unwrap());
            }
            "/corrections/{correction}" => {
                let correction = step("corrections", json!({ "kind": "update", "note": "More." })).expect(201).json();
                return path.replace("{correction}", correction["id"].as_str().unwrap());
            }
            _ => {}
        }
        path.to_owned()
    }

    /// What an example cannot say: codes and tokens that are good.
    fn body_for(&self, door: &Door<'_>, caller: Option<&Person>) -> Option<Value> {
        let newsroom = &self.newsroom;
        match door.name.as_str() {
            "accept_invitation" => {
                let body = json!({ "email": format!("{}@example.com", uuid::Uuid::new_v4().simple()), "role": "author" });
                let link = newsroom.post(&self.somebody_else, "/v1/invitations", &body).expect(201).json();
                Some(json!({ "token": link["token"], "password": PASSWORD }))
            }
            "confirm_totp" => {
                let shown = newsroom.post(caller?, "/v1/auth/totp", &json!({ "current_password": PASSWORD })).expect(200).json();
                Some(json!({ "code": second_factor::secret_of(&shown).code(newsroom.now().milliseconds()) }))
            }
            "disable_totp" => {
                let app = second_factor::set_up_with(newsroom, caller?, PASSWORD);
                Some(json!({ "code": app.recovery_codes[0] }))
            }
            _ => None,
        }
    }

    fn body(&self, schema: &str) -> Value {
        let mut body = example(schema);
        if schema == "FinishSignIn" {
            let begun = oidc::begin(&self.newsroom);
            let back = oidc::came_back(&self.provider, &begun, &oidc::ana(&self.newsroom, &["desk"]));
            return json!({ "code": back.code, "state": back.state, "ticket": begun["ticket"] });
        }
        if schema == "CreateApiKey" {
            // A key makes no key that may more than itself.
            body["scopes"] = json!(["admin"]);
        }
        if schema == "CreateUser" || schema == "CreateInvitation" {
            body["email"] = format!("{}@example.com", uuid::Uuid::new_v4().simple()).into();
        }
        body
    }
}

#[test]
fn d20_every_door_lets_pass_whom_the_sheet_says() {
    let (document, desk) = (document(), Desk::open());
    let names: Vec<&str> = desk.knockers.iter().map(|knocker| knocker.name).collect();
    let mut sheet = format!("{HEAD}{:<32}{}\n", "", row(&names));
    for door in doors(&document) {
        let answers: Vec<&str> = desk.knockers.iter().map(|knocker| desk.knock(&door, knocker)).collect();
        for (knocker, answer) in desk.knockers.iter().zip(&answers) {
            assert_eq!(*answer, said(&door, knocker), "{} by {}: the matrix says otherwise", door.name, knocker.name);
        }
        sheet.push_str(&format!("{:<32}{}\n", door.name, row(&answers)));
    }
    compare_with_file(&sheet, "tests/fixtures/door-sheet.txt", "UPDATE_DOOR_SHEET");
}

/// What the matrix says of a door, and the few things that hang on more than it knows.
fn said(door: &Door<'_>, knocker: &Knocker) -> &'static str {
    let operation = door.name.split(',').next().unwrap();
    let right = rights::of(operation).unwrap_or_else(|| panic!("{operation} has no row in the matrix"));
    let Some(role) = knocker.role else {
        let is_open = knocker.person.is_none() && right.role().is_none() && operation != "refresh_session";
        return if is_open { "ok" } else { "401" };
    };
    let is_high_enough = right.role_for(door.of_own).is_none_or(|least| role >= least);
    let opens = knocker.scope.is_none_or(|scope| right.admit(role, Some((&[scope], false))).is_ok());
    match operation {
        // Its example is no token of ours.
        "refresh_session" => "401",
        // Its example changes and publishes somebody else's, which takes an editor, and two scopes.
        "batch_articles" if role < Role::Editor || knocker.scope.is_some() => "403",
        // What is somebody else's is not to be seen in the trash.
        "restore_article" if !is_high_enough => "404",
        _ if is_high_enough && opens => "ok",
        _ => "403",
    }
}

#[test]
fn every_row_of_the_matrix_is_an_operation() {
    let document = document();
    let doors: BTreeSet<String> = doors(&document).into_iter().map(|door| door.name.split(',').next().unwrap().to_owned()).collect();
    let rows: BTreeSet<String> = rights::RIGHTS.iter().map(|right| right.operation.to_owned()).collect();
    assert_eq!(rows, doors);
    let page = Newsroom::open().get("/docs/rights").expect(200).text();
    for row in rows {
        assert!(page.contains(&format!("<code>{row}</code>")), "{row} is not in the documentation");
    }
}

#[test]
fn a_key_with_every_scope_opens_no_door_that_is_shut_to_its_owner() {
    let (document, desk) = (document(), Desk::open());
    for role in [Role::Contributor, Role::Editor] {
        let owner = desk.newsroom.person(role);
        let all = Scope::ALL.map(Scope::name);
        let program = key(&desk.newsroom, &owner, json!({ "scopes": all }));
        let in_person =
            Knocker { name: role.name(), person: Some(owner.clone()), owner: Some(owner.clone()), role: Some(role), scope: None };
        let by_key = Knocker { name: "key", person: Some(program), owner: Some(owner), role: Some(role), scope: Some(Scope::Admin) };
        for door in doors(&document).iter().filter(|door| !door.path.starts_with("/v1/auth/")) {
            assert_eq!(desk.knock(door, &by_key), desk.knock(door, &in_person), "{} by a key of a {}", door.name, role.name());
        }
    }
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<13}")).collect();
    cells.concat().trim_end().to_owned()
}
