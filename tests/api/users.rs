//! Users: the accounts of the newsroom, kept by administrators.

use crate::newsroom::{Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::json;

const PASSWORD: &str = "a long enough phrase";

fn newsroom_with_admin() -> (Newsroom, Person) {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    (newsroom, admin)
}

fn path_of(person: &Person) -> String {
    format!("/v1/users/{}", person.id)
}

fn sign_in(newsroom: &Newsroom, email: &str, password: &str) -> u16 {
    let body = json!({ "email": email, "password": password }).to_string();
    newsroom.send("POST", "/v1/auth/login", None, &[("content-type", "application/json")], Some(body.as_bytes())).status
}

#[test]
fn an_administrator_makes_an_account_that_can_sign_in_and_no_answer_shows_its_password() {
    let (newsroom, admin) = newsroom_with_admin();
    let account = json!({ "email": "Ana@Example.COM", "name": "Ana López", "role": "author", "password": PASSWORD });
    let created = newsroom.post(&admin, "/v1/users", &account).expect(201);
    let user = created.json();
    assert_eq!((&user["email"], &user["name"], &user["role"]), (&json!("ana@example.com"), &json!("Ana López"), &json!("author")));
    assert_eq!((&user["disabled"], &user["version"]), (&json!(false), &json!(1)));
    let path = created.header("location").to_owned();
    assert_eq!(newsroom.get_as(&admin, &path).expect(200).json(), user);
    assert_eq!(sign_in(&newsroom, "ana@example.com", PASSWORD), 200);
    for answer in [created, newsroom.get_as(&admin, &path), newsroom.get_as(&admin, "/v1/users")] {
        assert!(!answer.text().contains("password") && !answer.text().contains("argon2") && !answer.text().contains("token"));
        assert_eq!(answer.header("cache-control"), "private, no-store");
    }
}

#[test]
fn an_address_is_held_once_whatever_its_case() {
    let (newsroom, admin) = newsroom_with_admin();
    newsroom.post(&admin, "/v1/users", &json!({ "email": "a@example.com", "role": "editor" })).expect(201);
    let again = newsroom.post(&admin, "/v1/users", &json!({ "email": "A@EXAMPLE.com", "role": "editor" })).expect(409);
    assert_eq!(again.code(), "email_taken");
    let other = newsroom.person(Role::Author);
    let taken = newsroom.patch(&admin, &path_of(&other), "*", &json!({ "email": "a@Example.com" })).expect(409);
    assert_eq!(taken.code(), "email_taken");
}

#[test]
fn an_account_keeps_its_rules_all_told_at_once() {
    let (newsroom, admin) = newsroom_with_admin();
    let refusal = newsroom
        .post(&admin, "/v1/users", &json!({ "email": "nobody", "role": "owner", "password": "short", "token_version": 7, "name": "" }))
        .expect(422);
    let mut places = refusal.places();
    places.sort();
    assert_eq!(places, ["/email", "/name", "/password", "/role", "/token_version"]);
    assert_eq!(newsroom.post(&admin, "/v1/users", &json!({})).expect(422).places().len(), 2);
    let common = json!({ "email": "b@example.com", "role": "author", "password": "password123" });
    assert_eq!(newsroom.post(&admin, "/v1/users", &common).expect(422).places(), ["/password"]);
}

#[test]
fn an_account_without_a_password_cannot_sign_in_until_it_has_one() {
    let (newsroom, admin) = newsroom_with_admin();
    let user = newsroom.post(&admin, "/v1/users", &json!({ "email": "a@example.com", "role": "author" })).expect(201).json();
    assert_eq!(user["name"], "a@example.com");
    assert_eq!(sign_in(&newsroom, "a@example.com", PASSWORD), 401);
    let path = format!("/v1/users/{}", user["id"].as_str().unwrap());
    newsroom.patch(&admin, &path, "*", &json!({ "password": PASSWORD })).expect(200);
    assert_eq!(sign_in(&newsroom, "a@example.com", PASSWORD), 200);
}

#[test]
fn what_changes_a_users_rights_ends_all_of_their_tokens_at_once() {
    let (newsroom, admin) = newsroom_with_admin();
    for (patch, ends) in [
        (json!({ "role": "contributor" }), true),
        (json!({ "password": "another long phrase" }), true),
        (json!({ "disabled": true }), true),
        (json!({ "name": "New name" }), false),
        (json!({ "email": "new@example.com" }), false),
        (json!({ "role": "editor" }), false),
    ] {
        let user = newsroom.person(Role::Editor);
        newsroom.get_as(&user, "/v1/auth/me").expect(200);
        newsroom.patch(&admin, &path_of(&user), "*", &patch).expect(200);
        let after = newsroom.get_as(&user, "/v1/auth/me");
        assert_eq!(after.status, if ends { 401 } else { 200 }, "{patch}");
        if ends {
            assert_eq!(after.code(), "invalid_token");
            newsroom.get_as(&user, "/v1/articles").expect(401);
        }
    }
}

#[test]
fn a_disabled_account_cannot_sign_in_and_can_again_when_it_is_enabled() {
    let (newsroom, admin) = newsroom_with_admin();
    let user = newsroom.person_with(Role::Author, Some(PASSWORD));
    newsroom.patch(&admin, &path_of(&user), "*", &json!({ "disabled": true })).expect(200);
    assert_eq!(sign_in(&newsroom, &user.email, PASSWORD), 401);
    newsroom.patch(&admin, &path_of(&user), "*", &json!({ "disabled": null })).expect(200);
    assert_eq!(sign_in(&newsroom, &user.email, PASSWORD), 200);
    newsroom.get_as(&user, "/v1/auth/me").expect(401);
}

#[test]
fn the_last_administrator_stays() {
    let (newsroom, admin) = newsroom_with_admin();
    let path = path_of(&admin);
    for patch in [json!({ "role": "editor" }), json!({ "disabled": true })] {
        assert_eq!(newsroom.patch(&admin, &path, "*", &patch).expect(409).code(), "last_admin", "{patch}");
    }
    assert_eq!(newsroom.delete(&admin, &path).expect(409).code(), "last_admin");
    let second = newsroom.person(Role::Admin);
    newsroom.patch(&admin, &path_of(&second), "*", &json!({ "disabled": true })).expect(200);
    assert_eq!(newsroom.delete(&admin, &path).expect(409).code(), "last_admin");
    newsroom.patch(&admin, &path_of(&second), "*", &json!({ "disabled": false })).expect(200);
    newsroom.delete(&admin, &path).expect(204);
}

#[test]
fn two_administrators_who_remove_one_another_at_once_leave_one() {
    let newsroom = Newsroom::open();
    let (one, other) = (newsroom.person(Role::Admin), newsroom.person(Role::Admin));
    let statuses = std::thread::scope(|scope| {
        let removals = [(&one, &other), (&other, &one)].map(|(by, whom)| scope.spawn(|| newsroom.delete(by, &path_of(whom)).status));
        removals.map(|removal| removal.join().unwrap())
    });
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
}

#[test]
fn a_user_who_leaves_takes_no_story_along() {
    let (newsroom, admin) = newsroom_with_admin();
    let author = newsroom.person(Role::Author);
    newsroom.post(&admin, "/v1/authors", &json!({ "name": "Ana", "user_id": author.id })).expect(201);
    newsroom.publish(&author, &json!({ "title": "Story", "authors": ["ana"] }));
    newsroom.delete(&admin, &path_of(&author)).expect(204);
    newsroom.delete(&admin, &path_of(&author)).expect(404);
    assert_eq!(newsroom.get_as(&author, "/v1/auth/me").expect(401).code(), "invalid_token");
    assert_eq!(newsroom.get("/v1/articles/story").expect(200).json()["authors"][0]["slug"], "ana");
    let story = newsroom.get_as(&admin, "/v1/articles/story?view=working").expect(200).json();
    assert_eq!(story["created_by"], json!(author.id));
    assert_eq!(newsroom.get_as(&admin, "/v1/authors/ana?view=working").expect(200).json().get("user_id"), None);
    newsroom.patch(&admin, "/v1/articles/story", "*", &json!({ "lead": "!" })).expect(200);
}

#[test]
fn a_user_changed_by_another_is_not_overwritten_unseen() {
    let (newsroom, admin) = newsroom_with_admin();
    let user = newsroom.person(Role::Author);
    let seen = newsroom.get_as(&admin, &path_of(&user)).expect(200).header("etag").to_owned();
    newsroom.patch(&admin, &path_of(&user), &seen, &json!({ "name": "One" })).expect(200);
    let refusal = newsroom.patch(&admin, &path_of(&user), &seen, &json!({ "name": "Two", "password": PASSWORD })).expect(412);
    assert_eq!((refusal.code(), &refusal.json()["changed_by"]), ("stale".into(), &json!(admin.id)));
    assert!(!refusal.text().contains("password"));
    let headers = [("if-match", seen.as_str())];
    assert_eq!(newsroom.send("DELETE", &path_of(&user), Some(&admin), &headers, None).expect(412).code(), "stale");
}

#[test]
fn users_are_listed_page_by_page() {
    let (newsroom, admin) = newsroom_with_admin();
    for _ in 0..3 {
        newsroom.pass(1);
        newsroom.person(Role::Author);
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/users?limit=2&count=true".to_owned());
    while !path.is_empty() {
        let page = newsroom.get_as(&admin, &path).expect(200);
        assert_eq!(page.json()["page"]["total"], 4);
        seen.extend(page.items().iter().map(|user| user["id"].clone()));
        let cursor = page.json()["page"]["next_cursor"].clone();
        path = cursor.as_str().map(|cursor| format!("/v1/users?limit=2&count=true&cursor={cursor}")).unwrap_or_default();
    }
    seen.dedup();
    assert_eq!((seen.len(), &seen[0]), (4, &json!(admin.id)));
}
