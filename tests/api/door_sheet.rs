//! The door sheet: who passes each door of the contract. A handler that forgets its guard turns it red.

use crate::contract::{compare_with_file, document, example, operations};
use crate::newsroom::{Newsroom, Person};
use copydesk::domain::id;
use copydesk::domain::user::Role;
use copydesk::store::sessions::{self, SessionRow};
use serde_json::{Value, json};

const HEAD: &str = "\
# Who passes each door: `ok` is a success of a minimal valid request, `401`, `403` and `404` (not theirs to see) are refusals.
# A door that opens on a story is tried on one's own and on another's; one with two views is tried in both.
# Made by tests/api/door_sheet.rs: UPDATE_DOOR_SHEET=1 cargo test --test api door_sheet
";

/// An operation in one of the ways that make a difference.
struct Door<'a> {
    name: String,
    verb: &'a str,
    path: &'a str,
    body: Option<&'a str>,
    query: &'static str,
    of_own: bool,
}

/// A newsroom with somebody of each role, and somebody else whose things are tried.
struct Desk {
    newsroom: Newsroom,
    callers: Vec<(&'static str, Option<Person>)>,
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
        if path.contains("{article}") && verb != "get" {
            door(", own", "", true);
            door(", another's", "", false);
        } else if has_view {
            door("", "", false);
            door("?view=working", "?view=working", false);
        } else {
            door("", "", false);
        }
    }
    doors
}

impl Desk {
    fn open() -> Self {
        let newsroom = Newsroom::open();
        let somebody_else = newsroom.person(Role::Admin);
        newsroom.post(&somebody_else, "/v1/authors", &example("CreateAuthor")).expect(201);
        newsroom.post(&somebody_else, "/v1/tags", &example("CreateTag")).expect(201);
        // What the example of a merge names is a tag; let there be an author of that slug, too.
        let into = &example("Merge")["into"];
        newsroom.post(&somebody_else, "/v1/authors", &json!({ "name": "Into", "slug": into })).expect(201);
        newsroom.post(&somebody_else, "/v1/users", &example("CreateUser")).expect(201);
        let forged = Person { token: format!("{}x", somebody_else.token), ..somebody_else.clone() };
        let mut callers = vec![("nobody", None), ("forged", Some(forged))];
        callers.extend(Role::ALL.map(|role| (role.name(), Some(newsroom.person(role)))));
        Self { newsroom, callers, somebody_else }
    }

    /// Tries a door on things made for this one try.
    fn knock(&self, door: &Door<'_>, name: &str, caller: Option<&Person>) -> &'static str {
        let role = Role::named(name);
        let is_known = role.is_some();
        // Signing out and changing a password end the caller's token: each try has a caller of its own.
        let fresh = role.filter(|_| door.verb == "post" && door.path.starts_with("/v1/auth/"));
        let fresh = fresh.map(|role| self.newsroom.person_with(role, example("ChangePassword")["current_password"].as_str()));
        let caller = fresh.as_ref().or(caller);
        let owner = caller.filter(|_| door.of_own && is_known).unwrap_or(&self.somebody_else);
        let path = format!("{}{}", self.address(door, owner, caller), door.query);
        let mut headers = vec![("if-match", "*")];
        headers.extend(door.body.map(|_| ("content-type", "application/json")));
        let body = door.body.map(|schema| self.body(schema).to_string());
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
            "user" => self.newsroom.person(Role::Author).id,
            "session" => self.session(caller.filter(|caller| !caller.id.is_empty()).unwrap_or(owner)),
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

    fn body(&self, schema: &str) -> Value {
        let mut body = example(schema);
        if schema == "CreateUser" {
            body["email"] = format!("{}@example.com", uuid::Uuid::new_v4().simple()).into();
        }
        body
    }
}

#[test]
fn every_door_lets_pass_whom_the_sheet_says() {
    let (document, desk) = (document(), Desk::open());
    let names: Vec<&str> = desk.callers.iter().map(|(name, _)| *name).collect();
    let mut sheet = format!("{HEAD}{:<32}{}\n", "", row(&names));
    for door in doors(&document) {
        let answers: Vec<&str> = desk.callers.iter().map(|(name, caller)| desk.knock(&door, name, caller.as_ref())).collect();
        sheet.push_str(&format!("{:<32}{}\n", door.name, row(&answers)));
    }
    compare_with_file(&sheet, "tests/fixtures/door-sheet.txt", "UPDATE_DOOR_SHEET");
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<13}")).collect();
    cells.concat().trim_end().to_owned()
}
