//! Class C: a token is what it claims to be, or it is nothing.

use crate::newsroom::{Answer, Newsroom, Person};
use crate::program::Folder;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use copydesk::auth::{SigningSecret, Subject, Tokens};
use copydesk::domain::user::Role;
use serde_json::{Value, json};

fn with(token: String) -> Person {
    Person { id: String::new(), email: String::new(), token }
}

/// Insists that a token opens nothing, not even what is open to all.
#[track_caller]
fn is_refused(newsroom: &Newsroom, token: String) {
    let forged = with(token);
    for path in ["/v1/auth/me", "/v1/articles", "/v1/articles?view=working"] {
        let answer = newsroom.get_as(&forged, path).expect(401);
        assert_eq!(answer.code(), "invalid_token");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    newsroom.post(&forged, "/v1/articles", &json!({ "title": "x" })).expect(401);
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn c01_a_token_without_a_signature_is_refused() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let claims = admin.token.split('.').nth(1).unwrap();
    for algorithm in ["none", "None", "NONE", "nOnE", "", "HS384", "RS256", "ES256"] {
        let header = encoded(&json!({ "typ": "at+jwt", "alg": algorithm }));
        is_refused(&newsroom, format!("{header}.{claims}."));
        is_refused(&newsroom, format!("{header}.{claims}.{}", admin.token.rsplit('.').next().unwrap()));
    }
    for broken in ["", ".", "..", "a.b.c", "Bearer", &admin.token[..admin.token.len() - 2], &format!("{}x", admin.token)] {
        is_refused(&newsroom, broken.to_owned());
    }
}

#[test]
fn c02_a_token_signed_with_a_guessed_secret_is_refused() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    for secret in ["secret", "changeme", "password", "copydesk", "replace-this-example-with-openssl-rand-base64-48"] {
        assert!(SigningSecret::from_config(secret).is_err(), "{secret} is no secret");
    }
    let other = SigningSecret::from_config("Zk4nQ8vXy2LwT6mJ9rBd3HsGp5cFaE7uVi1oKxNzWqMtYhRj").unwrap();
    let foreign = Tokens::new(&other, "copydesk", "copydesk", 900);
    foreign.take_keys(vec![foreign.make_key(newsroom.now().milliseconds()).unwrap()]);
    let subject = Subject { user_id: admin.id, ver: 1, session: None };
    is_refused(&newsroom, foreign.issue(&subject, newsroom.now().milliseconds()).unwrap().token);
}

#[test]
fn c08_a_token_that_is_late_or_meant_for_others_is_refused() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let subject = Subject { user_id: admin.id.clone(), ver: 1, session: None };
    for (issuer, audience) in [("elsewhere", "copydesk"), ("copydesk", "elsewhere"), ("", ""), ("Copydesk", "copydesk")] {
        let token = crate::signing::tokens_of(&newsroom, issuer, audience).issue(&subject, newsroom.now().milliseconds()).unwrap().token;
        is_refused(&newsroom, token);
    }
    is_refused(&newsroom, newsroom.token(&admin.id, 2));
    is_refused(&newsroom, newsroom.token("01890a5d-ac96-774b-bcce-b302099a8057", 1));
    newsroom.pass(900_000 + 4_000);
    newsroom.get_as(&admin, "/v1/auth/me").expect(200);
    newsroom.pass(2_000);
    is_refused(&newsroom, admin.token);
}

#[test]
fn c10_a_disabled_or_deleted_user_is_out_at_the_next_request() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    for change in ["disable", "demote", "delete"] {
        let editor = newsroom.person(Role::Editor);
        newsroom.get_as(&editor, "/v1/auth/me").expect(200);
        let path = format!("/v1/users/{}", editor.id);
        match change {
            "disable" => drop(newsroom.patch(&admin, &path, "*", &json!({ "disabled": true })).expect(200)),
            "demote" => drop(newsroom.patch(&admin, &path, "*", &json!({ "role": "author" })).expect(200)),
            _ => drop(newsroom.delete(&admin, &path).expect(204)),
        }
        is_refused(&newsroom, editor.token);
    }
}

#[test]
fn c16_a_token_counts_in_its_header_alone() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    let token = &admin.token;
    for parameter in ["access_token", "token", "auth", "key", "jwt"] {
        newsroom.get(&format!("/v1/users?{parameter}={token}")).expect(401);
    }
    newsroom.send("GET", "/v1/users", None, &[("cookie", &format!("token={token}; access_token={token}"))], None).expect(401);
    newsroom.send("GET", "/v1/users", None, &[("x-api-key", token)], None).expect(401);
    let form = format!("access_token={token}&title=x");
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    newsroom.send("POST", "/v1/articles", None, &kind, Some(form.as_bytes())).expect(401);
    for scheme in ["Basic", "Token", "bearer:", ""] {
        newsroom.send("GET", "/v1/users", None, &[("authorization", &format!("{scheme} {token}"))], None).expect(401);
    }
    newsroom.send("GET", "/v1/users", Some(&admin), &[("authorization", &format!("Bearer {token}"))], None).expect(401);
    newsroom.send("GET", "/v1/users", None, &[("authorization", &format!("bearer {token}"))], None).expect(200);
}

#[test]
fn c19_an_unknown_address_and_a_wrong_password_are_told_apart_by_nothing() {
    let newsroom = Newsroom::open();
    let known = newsroom.person_with(Role::Editor, Some("a long and good password"));
    let sign_in = |email: &str| {
        let body = json!({ "email": email, "password": "a long and wrong password" }).to_string();
        newsroom.send("POST", "/v1/auth/login", None, &[("content-type", "application/json")], Some(body.as_bytes())).expect(401)
    };
    let (somebody, nobody) = (sign_in(&known.email), sign_in("nobody@example.com"));
    assert_eq!(somebody.body, nobody.body);
    let names = |answer: &Answer| answer.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&somebody), names(&nobody));
}

#[cfg(target_os = "linux")]
#[test]
fn c19_an_unknown_address_costs_the_work_of_a_wrong_password() {
    let folder = Folder::new();
    let server = folder.serve(&["serve"]);
    let work_for = |email: &str| {
        let before = hashing_time(&server.pid());
        for _ in 0..5 {
            assert_eq!(server.sign_in(email, "a long and wrong password").0, 401);
        }
        hashing_time(&server.pid()) - before
    };
    let (somebody, nobody) = (work_for("admin@copydesk.local"), work_for("nobody@copydesk.local"));
    // Time on the processor is not what the clock says, which nobody can promise while other tests run; twice the work is no noise.
    assert!(somebody < 2 * nobody && nobody < 2 * somebody, "{somebody} ns for somebody, {nobody} ns for nobody");
}

/// Nanoseconds that the hashing threads of a process have spent on a processor, proc_pid_schedstat(5).
#[cfg(target_os = "linux")]
fn hashing_time(pid: &str) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|thread| thread.unwrap().path());
    let hashing = threads.filter(|thread| std::fs::read_to_string(thread.join("comm")).unwrap().trim() == "hashing");
    let spent = hashing.map(|thread| std::fs::read_to_string(thread.join("schedstat")).unwrap());
    spent.map(|line| line.split(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn c23_a_password_counts_to_its_last_character() {
    let newsroom = Newsroom::open();
    let password: String = "correct horse battery staple ".chars().cycle().take(100).collect();
    let person = newsroom.person_with(Role::Editor, Some(&password));
    let sign_in = |password: &str| {
        let body = json!({ "email": person.email, "password": password }).to_string();
        newsroom.send("POST", "/v1/auth/login", None, &[("content-type", "application/json")], Some(body.as_bytes()))
    };
    sign_in(&password).expect(200);
    sign_in(&password[..72]).expect(401);
    sign_in(&password[..99]).expect(401);
    sign_in(&format!("{password} ")).expect(401);
    sign_in(&"x".repeat(128)).expect(401);
    sign_in(&"x".repeat(1024)).expect(401);
    assert_eq!(sign_in(&"x".repeat(1025)).expect(422).places(), ["/password"]);
    let admin = newsroom.person(Role::Admin);
    let create = |password: String, email: &str| {
        newsroom.post(&admin, "/v1/users", &json!({ "email": email, "role": "author", "password": password }))
    };
    create("A password of one hundred and twenty-eight characters. ".chars().cycle().take(128).collect(), "long@example.com").expect(201);
    for weak in ["short", "passwordpassword", "aaaaaaaaaaaaaaaa", "1234567890"] {
        assert_eq!(create(weak.into(), "weak@example.com").expect(422).places(), ["/password"], "{weak}");
    }
}

#[test]
fn c26_nobody_makes_themselves_the_first_administrator_over_http() {
    let newsroom = Newsroom::open();
    let body = json!({ "email": "me@evil.example", "password": "a long and good password", "role": "admin" }).to_string();
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                for path in ["/v1/setup", "/v1/users", "/v1/auth/register", "/v1/auth/setup", "/v1/auth/signup"] {
                    let answer = newsroom.send("POST", path, None, &[("content-type", "application/json")], Some(body.as_bytes()));
                    assert!([401, 404].contains(&answer.status), "{path}: {}", answer.text());
                }
            });
        }
    });
    let admin = newsroom.person(Role::Admin);
    let users = newsroom.get_as(&admin, "/v1/users?count=true").expect(200).json();
    assert_eq!(users["page"]["total"], 1);
}

#[test]
fn c27_a_secret_of_another_type_is_refused_before_it_is_looked_at() {
    let newsroom = Newsroom::open();
    let admin = newsroom.person(Role::Admin);
    for secret in [json!({ "$gt": "" }), json!(["a"]), json!(true), json!(0), Value::Null] {
        for body in [json!({ "email": "a@b.example", "password": secret }), json!({ "email": secret, "password": "a long password" })] {
            let answer =
                newsroom.send("POST", "/v1/auth/login", None, &[("content-type", "application/json")], Some(body.to_string().as_bytes()));
            assert_eq!(answer.expect(422).places().len(), 1);
        }
        if !secret.is_null() {
            newsroom.post(&admin, "/v1/users", &json!({ "email": "a@b.example", "role": "author", "password": secret })).expect(422);
        }
    }
}
