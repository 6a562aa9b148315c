//! Sign-in elsewhere: an OpenID Connect provider vouches for people, by a code at the end of a sign-in or by its own tokens.

use crate::newsroom::{Answer, Newsroom, Person};
use crate::provider::{CLIENT, CLIENT_SECRET, CameBack, TestProvider, token};
use copydesk::domain::identity::{Policy, RoleMap};
use copydesk::domain::user::Role;
use copydesk::http::{ClientSettings, ProviderSettings};
use serde_json::{Value, json};

const BACK: &str = "https://desk.example/signed-in";
pub const AUDIENCE: &str = "newsroom";

fn settings(provider: &TestProvider) -> ProviderSettings {
    let roles = RoleMap(vec![("desk".into(), Role::Editor), ("interns".into(), Role::Contributor), ("it".into(), Role::Admin)]);
    ProviderSettings {
        issuer: provider.issuer.clone(),
        client: Some(ClientSettings {
            id: CLIENT.into(),
            secret: Some(CLIENT_SECRET.into()),
            redirect_uris: vec![BACK.into(), "http://localhost/other".into()],
            scopes: "openid email profile".into(),
        }),
        audience: Some(AUDIENCE.into()),
        role_claim: "realm_access.roles".into(),
        policy: Policy { roles, follows_claim: true, makes_accounts: true },
    }
}

/// A newsroom whose people may come from a provider.
pub fn open_with(change: impl FnOnce(&mut ProviderSettings)) -> (Newsroom, TestProvider) {
    let provider = TestProvider::open();
    let mut settings = settings(&provider);
    change(&mut settings);
    (Newsroom::open_with(|http| http.provider = Some(settings)), provider)
}

pub fn open() -> (Newsroom, TestProvider) {
    open_with(|_| {})
}

pub fn send(newsroom: &Newsroom, path: &str, body: &Value) -> Answer {
    newsroom.send("POST", path, None, &[("content-type", "application/json")], Some(body.to_string().as_bytes()))
}

/// What the provider says of somebody, now.
pub fn ana(newsroom: &Newsroom, roles: &[&str]) -> Value {
    let now = newsroom.now().milliseconds() / 1000;
    json!({ "sub": "ana-1", "iat": now, "exp": now + 300, "email": "Ana@Example.com", "email_verified": true, "name": "Ana López",
            "realm_access": { "roles": roles } })
}

pub fn with(mut claims: Value, member: &str, value: Value) -> Value {
    claims[member] = value;
    claims
}

pub fn begin(newsroom: &Newsroom) -> Value {
    send(newsroom, "/v1/auth/oidc/start", &json!({})).expect(200).json()
}

pub fn finish(newsroom: &Newsroom, begun: &Value, back: &CameBack) -> Answer {
    send(newsroom, "/v1/auth/oidc/callback", &json!({ "code": back.code, "state": back.state, "ticket": begun["ticket"] }))
}

pub fn came_back(provider: &TestProvider, begun: &Value, claims: &Value) -> CameBack {
    provider.sign_in(begun["authorization_url"].as_str().unwrap(), claims, "RS256")
}

/// The whole way with claims of one's own.
fn sign_in(newsroom: &Newsroom, provider: &TestProvider, claims: &Value) -> Answer {
    let begun = begin(newsroom);
    finish(newsroom, &begun, &came_back(provider, &begun, claims))
}

pub fn bearing(token: String) -> Person {
    Person { id: String::new(), email: String::new(), token }
}

fn session(answer: Answer) -> Person {
    bearing(answer.expect(200).json()["access_token"].as_str().unwrap().to_owned())
}

pub fn me(newsroom: &Newsroom, person: &Person) -> Value {
    newsroom.get_as(person, "/v1/auth/me").expect(200).json()
}

/// An access token of the provider for this newsroom.
pub fn access(newsroom: &Newsroom, provider: &TestProvider, algorithm: &str, roles: &[&str]) -> Person {
    bearing(token(algorithm, &with(with(ana(newsroom, roles), "iss", json!(provider.issuer)), "aud", json!(["account", AUDIENCE]))))
}

fn user(newsroom: &Newsroom, email: &str, role: Role) -> Person {
    let admin = newsroom.person(Role::Admin);
    let made = newsroom.post(&admin, "/v1/users", &json!({ "email": email, "role": role.name() })).expect(201).json();
    Person { id: made["id"].as_str().unwrap().to_owned(), ..admin }
}

#[test]
fn somebody_signs_in_at_the_provider_and_gets_a_session_like_any_other() {
    let (newsroom, provider) = open();
    let begun = begin(&newsroom);
    let back = came_back(&provider, &begun, &ana(&newsroom, &["desk"]));
    assert_eq!(begun["state"], back.state);
    let answer = finish(&newsroom, &begun, &back).expect(200).json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(900)));
    let ana = bearing(answer["access_token"].as_str().unwrap().to_owned());
    let account = me(&newsroom, &ana);
    assert_eq!((&account["email"], &account["name"], &account["role"]), (&json!("ana@example.com"), &json!("Ana López"), &json!("editor")));
    assert_eq!(newsroom.get_as(&ana, "/v1/auth/sessions").expect(200).items().len(), 1);
    send(&newsroom, "/v1/auth/refresh", &json!({ "refresh_token": answer["refresh_token"] })).expect(200);
    newsroom.post(&ana, "/v1/auth/logout", &json!({})).expect(204);
    newsroom.get_as(&ana, "/v1/auth/me").expect(401);
}

#[test]
fn an_account_is_found_by_a_verified_address_once_and_by_its_subject_ever_after() {
    let (newsroom, provider) = open_with(|settings| settings.policy.makes_accounts = false);
    let account = user(&newsroom, "ana@example.com", Role::Editor);
    let unverified = with(ana(&newsroom, &["desk"]), "email_verified", json!(false));
    assert_eq!(sign_in(&newsroom, &provider, &unverified).expect(403).code(), "forbidden", "anybody can call himself Ana");
    let first = session(sign_in(&newsroom, &provider, &ana(&newsroom, &["desk"])));
    assert_eq!(me(&newsroom, &first)["id"], account.id.as_str());
    let moved = with(ana(&newsroom, &["desk"]), "email", json!("ana.lopez@example.com"));
    assert_eq!(me(&newsroom, &session(sign_in(&newsroom, &provider, &moved)))["id"], account.id.as_str());
    // The address has gone to somebody else at the provider: the account has not.
    let heir = with(ana(&newsroom, &["desk"]), "sub", json!("ana-2"));
    assert_eq!(sign_in(&newsroom, &provider, &heir).expect(403).code(), "forbidden");
    let stranger = with(with(ana(&newsroom, &["it"]), "sub", json!("eva")), "email", json!("eva@example.com"));
    sign_in(&newsroom, &provider, &stranger).expect(403);
}

#[test]
fn accounts_are_made_for_those_who_have_a_role_and_an_address_of_their_own() {
    let (newsroom, provider) = open();
    sign_in(&newsroom, &provider, &ana(&newsroom, &["chess"])).expect(403);
    sign_in(&newsroom, &provider, &with(ana(&newsroom, &["desk"]), "email_verified", json!("true"))).expect(403);
    sign_in(&newsroom, &provider, &with(ana(&newsroom, &["desk"]), "email", json!("no address"))).expect(403);
    let nameless = with(ana(&newsroom, &["interns", "desk"]), "name", json!("\u{0}\n "));
    let account = me(&newsroom, &session(sign_in(&newsroom, &provider, &nameless)));
    assert_eq!((&account["name"], &account["role"]), (&json!("ana@example.com"), &json!("editor")));
}

#[test]
fn the_role_follows_the_claim_at_each_sign_in() {
    let (newsroom, provider) = open();
    let other = newsroom.person(Role::Admin);
    let first = session(sign_in(&newsroom, &provider, &ana(&newsroom, &["it"])));
    assert_eq!(me(&newsroom, &first)["role"], "admin");
    newsroom.pass(1000);
    let second = session(sign_in(&newsroom, &provider, &ana(&newsroom, &["interns"])));
    assert_eq!(me(&newsroom, &second)["role"], "contributor");
    newsroom.get_as(&first, "/v1/users").expect(401);
    newsroom.pass(1000);
    sign_in(&newsroom, &provider, &ana(&newsroom, &[])).expect(403);
    // The last administrator stays one, whatever the claim says.
    newsroom.pass(1000);
    let again = session(sign_in(&newsroom, &provider, &ana(&newsroom, &["it"])));
    let path = format!("/v1/users/{}", other.id);
    newsroom.patch(&again, &path, "*", &json!({ "disabled": true })).expect(200);
    newsroom.pass(1000);
    assert_eq!(me(&newsroom, &session(sign_in(&newsroom, &provider, &ana(&newsroom, &["interns"]))))["role"], "admin");
}

#[test]
fn the_role_is_ours_where_the_settings_say_so() {
    let (newsroom, provider) = open_with(|settings| settings.policy.follows_claim = false);
    let account = user(&newsroom, "ana@example.com", Role::Author);
    let signed_in = session(sign_in(&newsroom, &provider, &ana(&newsroom, &["it"])));
    assert_eq!(me(&newsroom, &signed_in)["role"], "author");
    newsroom.patch(&account, &format!("/v1/users/{}", account.id), "*", &json!({ "disabled": true })).expect(200);
    newsroom.pass(1);
    assert_eq!(sign_in(&newsroom, &provider, &ana(&newsroom, &["it"])).expect(403).code(), "forbidden", "a disabled account stays out");
    newsroom.get_as(&access(&newsroom, &provider, "EdDSA", &["it"]), "/v1/auth/me").expect(403);
    let admin = newsroom.person(Role::Admin);
    let lines = newsroom.get_as(&admin, "/v1/audit?operation=login_identity").expect(200).items();
    let seen: Vec<_> =
        lines.iter().map(|line| (line["outcome"].as_str(), line["actor"]["credential"].as_str(), line["reason"].as_str())).collect();
    assert_eq!(seen[0], (Some("refused"), Some("openid"), Some("account_disabled")));
    assert!(seen[1..].iter().all(|line| *line == (Some("done"), Some("openid"), None)) && seen.len() > 1, "{seen:?}");
}

#[test]
fn a_sign_in_is_good_once_in_time_for_who_began_it_and_with_the_provider_that_was_asked() {
    let (newsroom, provider) = open();
    let claims = ana(&newsroom, &["desk"]);
    let begun = begin(&newsroom);
    let back = came_back(&provider, &begun, &claims);
    finish(&newsroom, &begun, &back).expect(200);
    let refused = |what: &str, answer: Answer| assert_eq!(answer.expect(401).code(), "invalid_credentials", "{what}");
    refused("the same again", finish(&newsroom, &begun, &back));
    let fresh = came_back(&provider, &begun, &claims);
    refused("its state with a new code", finish(&newsroom, &begun, &fresh));
    let other = begin(&newsroom);
    refused(
        "an old code in another sign-in",
        finish(&newsroom, &other, &CameBack { state: other["state"].as_str().unwrap().into(), ..back }),
    );
    // Somebody else's code and state, in a browser that began another sign-in: without the ticket they are worth nothing.
    let (mine, theirs) = (begin(&newsroom), begin(&newsroom));
    let back = came_back(&provider, &theirs, &claims);
    refused("another's state", finish(&newsroom, &mine, &back));
    let mixed = CameBack { state: mine["state"].as_str().unwrap().into(), code: back.code.clone() };
    refused("another's code", finish(&newsroom, &mine, &mixed));
    for ticket in ["", "cdt_", "cdr_AAAA", theirs["state"].as_str().unwrap()] {
        let body = json!({ "code": back.code, "state": back.state, "ticket": ticket });
        assert!(matches!(send(&newsroom, "/v1/auth/oidc/callback", &body).status, 401 | 422), "{ticket}");
    }
    let late = begin(&newsroom);
    let back = came_back(&provider, &late, &claims);
    newsroom.pass(600_000);
    refused("too late", finish(&newsroom, &late, &back));
    // RFC 9207: what another provider sends back is not taken for this one's.
    let begun = begin(&newsroom);
    let back = came_back(&provider, &begun, &ana(&newsroom, &["desk"]));
    let body = json!({ "code": back.code, "state": back.state, "ticket": begun["ticket"], "iss": "https://evil.example" });
    refused("mixed up", send(&newsroom, "/v1/auth/oidc/callback", &body));
    provider.say("authorization_response_iss_parameter_supported", json!(true));
    newsroom.pass(600_000);
    let begun = begin(&newsroom);
    let back = came_back(&provider, &begun, &ana(&newsroom, &["desk"]));
    refused("unsaid where it is always said", finish(&newsroom, &begun, &back));
    let begun = begin(&newsroom);
    let back = came_back(&provider, &begun, &ana(&newsroom, &["desk"]));
    let body = json!({ "code": back.code, "state": back.state, "ticket": begun["ticket"], "iss": provider.issuer });
    send(&newsroom, "/v1/auth/oidc/callback", &body).expect(200);
}

#[test]
fn what_the_provider_says_must_be_for_us_for_this_sign_in_and_signed_by_its_keys() {
    let (newsroom, provider) = open();
    let now = newsroom.now().milliseconds() / 1000;
    for (member, value) in [
        ("nonce", json!("another")),
        ("nonce", json!(null)),
        ("aud", json!("other")),
        ("aud", json!([CLIENT, "other"])),
        ("aud", json!(AUDIENCE)),
        ("azp", json!("other")),
        ("iss", json!("https://evil.example")),
        ("exp", json!(now - 6)),
        ("iat", json!(now + 60)),
        ("sub", json!("")),
    ] {
        let answer = sign_in(&newsroom, &provider, &with(ana(&newsroom, &["desk"]), member, value.clone()));
        assert_eq!(answer.expect(401).code(), "invalid_credentials", "{member} {value}");
    }
    for (algorithm, status) in [("RS256", 200), ("ES256", 200), ("EdDSA", 200), ("HS256", 401)] {
        let begun = begin(&newsroom);
        let back = provider.sign_in(begun["authorization_url"].as_str().unwrap(), &ana(&newsroom, &["desk"]), algorithm);
        finish(&newsroom, &begun, &back).expect(status);
    }
}

#[test]
fn people_are_sent_back_to_known_addresses_alone() {
    let (newsroom, provider) = open();
    let start = |uri: &str| send(&newsroom, "/v1/auth/oidc/start", &json!({ "redirect_uri": uri }));
    for uri in
        ["https://evil.example", "https://desk.example/signed-in/", "https://desk.example/signed-in?x", "HTTPS://desk.example/signed-in"]
    {
        assert_eq!(start(uri).expect(422).places(), ["/redirect_uri"], "{uri}");
    }
    let begun = start("http://localhost/other").expect(200).json();
    assert!(begun["authorization_url"].as_str().unwrap().contains("redirect_uri=http%3A%2F%2Flocalhost%2Fother"), "{begun}");
    finish(&newsroom, &begun, &came_back(&provider, &begun, &ana(&newsroom, &["desk"]))).expect(200);
}

#[test]
fn where_no_provider_is_set_there_is_no_such_address() {
    let newsroom = Newsroom::open();
    send(&newsroom, "/v1/auth/oidc/start", &json!({})).expect(404);
    send(&newsroom, "/v1/auth/oidc/callback", &json!({ "code": "c", "state": "s", "ticket": "t" })).expect(404);
}

#[test]
fn the_provider_s_own_tokens_are_taken_as_bearer() {
    let (newsroom, provider) = open();
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        assert_eq!(me(&newsroom, &access(&newsroom, &provider, algorithm, &["desk"]))["role"], "editor", "{algorithm}");
    }
    newsroom.post(&access(&newsroom, &provider, "RS256", &["desk"]), "/v1/tags", &json!({ "name": "Migration" })).expect(201);
    newsroom.pass(2000);
    let lower = access(&newsroom, &provider, "RS256", &["interns"]);
    newsroom.post(&lower, "/v1/tags", &json!({ "name": "Borders" })).expect(403);
    assert_eq!(me(&newsroom, &lower)["role"], "contributor");
    newsroom.get_as(&access(&newsroom, &provider, "RS256", &["chess"]), "/v1/auth/me").expect(403);
    assert_eq!(provider.asked("/keys"), 1, "the keys are kept");
}

#[test]
fn an_older_token_does_not_undo_what_a_newer_one_said() {
    let (newsroom, provider) = open();
    let older = access(&newsroom, &provider, "EdDSA", &["it"]);
    newsroom.person(Role::Admin);
    newsroom.pass(2000);
    let newer = access(&newsroom, &provider, "EdDSA", &["interns"]);
    assert_eq!(me(&newsroom, &newer)["role"], "contributor");
    assert_eq!(me(&newsroom, &older)["role"], "contributor");
    assert_eq!(me(&newsroom, &newer)["role"], "contributor");
}

#[test]
fn c09_a_provider_s_token_ends_with_signing_out() {
    let (newsroom, provider) = open();
    for path in ["/v1/auth/logout", "/v1/auth/logout-all"] {
        let ana = access(&newsroom, &provider, "EdDSA", &["desk"]);
        me(&newsroom, &ana);
        newsroom.pass(1000);
        newsroom.post(&ana, path, &json!({})).expect(204);
        assert_eq!(newsroom.get_as(&ana, "/v1/auth/me").expect(401).code(), "invalid_token");
        newsroom.pass(1000);
    }
    me(&newsroom, &access(&newsroom, &provider, "EdDSA", &["desk"]));
}
