//! The keys that sign tokens: how they are replaced beside a running server, and what others are told of them.

use crate::newsroom::{Newsroom, Person, SECRET};
use crate::program::Folder;
use copydesk::auth::token::Subject;
use copydesk::auth::{Algorithm, SigningSecret, Tokens};
use copydesk::domain::audit::Occasion;
use copydesk::domain::time::Moment;
use copydesk::domain::user::Role;
use copydesk::http::signing;
use copydesk::store::{Conn, Write, signing_keys, write_on};
use serde_json::{Value, json};

/// Lets tokens be signed with the keys of a database, as each start does.
pub fn prepare(conn: &mut Conn, tokens: &Tokens, now: Moment) {
    write_on(conn, Occasion::of_system("rotate_keys", now), |write| signing::prepare(write, tokens, now)).unwrap();
}

/// What issues tokens with the keys of this newsroom, in the name of that issuer for that audience.
pub fn tokens_of(newsroom: &Newsroom, issuer: &str, audience: &str) -> Tokens {
    let tokens = Tokens::new(&SigningSecret::from_config(SECRET).unwrap(), issuer, audience, 900);
    prepare(&mut newsroom.conn(), &tokens, newsroom.now());
    tokens
}

/// The tokens of another node, or of a command, which share nothing with the server but the database and the secret.
fn elsewhere(newsroom: &Newsroom) -> Tokens {
    tokens_of(newsroom, "copydesk", "copydesk")
}

/// What `copydesk keys rotate` does.
fn rotate(newsroom: &Newsroom, tokens: &Tokens) -> String {
    let now = newsroom.now();
    write_on(&mut newsroom.conn(), Occasion::of_command("rotate_keys", now), |write| signing::rotate(write, tokens, now)).unwrap()
}

fn bearing(person: &Person, tokens: &Tokens, newsroom: &Newsroom) -> Person {
    let subject = Subject { user_id: person.id.clone(), ver: 1, session: None };
    Person { token: tokens.issue(&subject, newsroom.now().milliseconds()).unwrap().token, ..person.clone() }
}

#[test]
fn a_key_that_was_made_elsewhere_is_known_at_the_first_token_and_the_old_one_reads_on() {
    let newsroom = Newsroom::open();
    let ana = newsroom.person(Role::Editor);
    let other = elsewhere(&newsroom);
    newsroom.pass(1000);
    let kid = rotate(&newsroom, &other);
    let with_new = bearing(&ana, &other, &newsroom);
    newsroom.get_as(&with_new, "/v1/auth/me").expect(200);
    newsroom.get_as(&ana, "/v1/auth/me").expect(200);
    assert_eq!(newsroom.tokens.signing_key().as_deref(), Some(kid.as_str()), "the server signs with it, too");
    newsroom.pass(903_000);
    newsroom.get_as(&ana, "/v1/auth/me").expect(200);
    newsroom.pass(1000);
    newsroom.get_as(&ana, "/v1/auth/me").expect(401);
}

#[test]
fn a_preview_token_outlives_the_key_that_signed_it() {
    let newsroom = Newsroom::open();
    let ana = newsroom.person(Role::Editor);
    newsroom.draft(&ana, &json!({ "title": "Night Buses" }));
    let body = json!({ "expires_in": 2_592_000 });
    let token = newsroom.post(&ana, "/v1/articles/night-buses/preview-tokens", &body).expect(201).json()["token"].clone();
    let guest = Person { token: token.as_str().unwrap().to_owned(), ..ana.clone() };
    let other = elsewhere(&newsroom);
    rotate(&newsroom, &other);
    newsroom.pass(1000);
    newsroom.get_as(&bearing(&ana, &other, &newsroom), "/v1/auth/me").expect(200);
    newsroom.pass(2_590_000_000);
    newsroom.get_as(&guest, "/v1/articles/night-buses").expect(200);
    // What a rotation forgets is what nothing is signed with any more.
    rotate(&newsroom, &other);
    newsroom.get_as(&guest, "/v1/articles/night-buses").expect(200);
    newsroom.pass(2_006_000);
    newsroom.get_as(&guest, "/v1/articles/night-buses").expect(401);
}

#[test]
fn sessions_outlive_every_key() {
    let newsroom = Newsroom::open();
    let ana = newsroom.person_with(Role::Editor, Some("nine-lamps-on-the-quay"));
    let credentials = json!({ "email": ana.email, "password": "nine-lamps-on-the-quay" });
    let session = newsroom.post(&ana, "/v1/auth/login", &credentials);
    // Whoever sends a token with the sign-in is asked for it, too; a stranger is not.
    let session = session.expect(200).json();
    let other = elsewhere(&newsroom);
    let revoked = |write: &mut Write<'_>| -> Result<_, signing::NoKey> {
        let kid = signing::rotate(write, &other, newsroom.now())?;
        Ok(signing_keys::delete_others(write, &kid)?)
    };
    write_on(&mut newsroom.conn(), Occasion::of_command("rotate_keys", newsroom.now()), revoked).unwrap();
    newsroom.pass(1000);
    newsroom.get_as(&bearing(&ana, &other, &newsroom), "/v1/auth/me").expect(200);
    newsroom.get_as(&ana, "/v1/auth/me").expect(401);
    let next = json!({ "refresh_token": session["refresh_token"] });
    let headers = [("content-type", "application/json")];
    let next = newsroom.send("POST", "/v1/auth/refresh", None, &headers, Some(next.to_string().as_bytes())).expect(200).json();
    let token = next["access_token"].as_str().unwrap().to_owned();
    newsroom.get_as(&Person { token, ..ana }, "/v1/auth/me").expect(200);
}

#[test]
fn made_up_keys_are_looked_for_once_a_second_and_refused() {
    let newsroom = Newsroom::open();
    let ana = newsroom.person(Role::Editor);
    let strange =
        Tokens::new(&SigningSecret::from_config("Zk7Qm2Xv9Lw4ZtRyY8uNf5HsJm3PcB6dGa1Ee0oIxWiVyTzM").unwrap(), "copydesk", "copydesk", 900);
    for _ in 0..3 {
        assert!(strange.take_keys(vec![strange.make_key(newsroom.now().milliseconds()).unwrap()]));
        let answer = newsroom.get_as(&bearing(&ana, &strange, &newsroom), "/v1/auth/me").expect(401);
        assert_eq!(answer.code(), "invalid_token");
    }
}

#[test]
fn the_public_keys_are_there_for_everybody_and_hold_no_secret() {
    let newsroom = Newsroom::open();
    let empty = newsroom.get("/.well-known/jwks.json").expect(200);
    assert_eq!(empty.json(), json!({ "keys": [] }), "HS256 has none");
    newsroom.send("GET", "/.well-known/jwks.json", None, &[("if-none-match", empty.header("etag"))], None).expect(304);
    let ana = newsroom.person(Role::Editor);
    let tokens = Tokens::new(&SigningSecret::from_config(SECRET).unwrap(), "copydesk", "copydesk", 900).signed_with(Algorithm::EdDsa);
    rotate(&newsroom, &tokens);
    newsroom.pass(1000);
    newsroom.get_as(&bearing(&ana, &tokens, &newsroom), "/v1/auth/me").expect(200);
    let keys = newsroom.get("/.well-known/jwks.json").expect(200).json();
    let [key] = keys["keys"].as_array().unwrap().as_slice() else { panic!("{keys}") };
    let mut members: Vec<&String> = key.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!(key["kid"].as_str(), tokens.signing_key().as_deref());
    // Both are told while tokens of both are good.
    rotate(&newsroom, &tokens);
    newsroom.pass(1000);
    newsroom.get_as(&bearing(&ana, &tokens, &newsroom), "/v1/auth/me").expect(200);
    let count = || newsroom.get("/.well-known/jwks.json").json()["keys"].as_array().unwrap().len();
    assert_eq!(count(), 2);
    newsroom.pass(905_000);
    assert_eq!(count(), 1);
}

#[test]
fn an_operator_rotates_the_keys_beside_a_running_server() {
    let folder = Folder::new();
    let server = folder.serve_with(&[], &[("COPYDESK_TOKEN_ALGORITHM", "EdDSA")]);
    let password = crate::program::word_after(&server.said, "the password ");
    let token = server.sign_in("admin@copydesk.local", &password).1.unwrap();
    let settings = [("COPYDESK_TOKEN_ALGORITHM", "EdDSA")];
    let first = folder.run_with(&["keys", "list"], &settings, "").out;
    assert!(first.lines().count() == 1 && first.contains("\tEdDSA\tmade ") && first.ends_with("\tsigns\n"), "{first}");
    let rotated = folder.run_with(&["keys", "rotate"], &settings, "");
    assert!(rotated.out.ends_with("Tokens of the keys before are good until they expire.\n"), "{} {}", rotated.out, rotated.err);
    let kid = crate::program::word_after(&rotated.out, "the key ").trim_end_matches('.').to_owned();
    // It signs without a restart, at the latest a second later.
    let kid_of = |token: &str| header_of(token)["kid"].as_str().unwrap().to_owned();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let newer = loop {
        let newer = server.sign_in("admin@copydesk.local", &password).1.unwrap();
        if kid_of(&newer) == kid {
            break newer;
        }
        assert!(std::time::Instant::now() < deadline, "the server goes on with {}", kid_of(&newer));
    };
    assert_eq!(header_of(&newer)["alg"], "EdDSA");
    for good in [&token, &newer] {
        assert_eq!(server.send("GET", "/v1/auth/me", Some(good), "").0, 200);
    }
    assert_eq!(folder.run_with(&["keys", "list"], &settings, "").out.lines().count(), 2);
    let revoked = folder.run_with(&["keys", "rotate", "--revoke"], &settings, "");
    assert!(revoked.out.ends_with("Tokens of the keys before are refused.\n"), "{}", revoked.out);
    assert_eq!(folder.run_with(&["keys", "list"], &settings, "").out.lines().count(), 1);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while server.send("GET", "/v1/auth/me", Some(&newer), "").0 == 200 {
        assert!(std::time::Instant::now() < deadline, "the old key is good still");
    }
    assert_eq!(server.send("GET", "/v1/auth/me", Some(&newer), "").0, 401);
    assert_eq!(server.sign_in("admin@copydesk.local", &password).0, 200);
}

fn header_of(token: &str) -> Value {
    use base64::Engine;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice(&header).unwrap()
}
