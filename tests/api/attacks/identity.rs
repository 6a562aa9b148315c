//! Tokens of an identity provider that somebody has made up, and a provider that is away, says too much, or is another.

use crate::newsroom::Newsroom;
use crate::oidc::{AUDIENCE, access, ana, bearing, begin, came_back, finish, me, open, send, with};
use crate::provider::{CLIENT, TestProvider, signed, token};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn c01_c08_forged_late_and_foreign_tokens_of_a_provider_are_refused() {
    let (newsroom, provider) = open();
    let now = newsroom.now().milliseconds() / 1000;
    let good = with(with(ana(&newsroom, &["it"]), "iss", json!(provider.issuer)), "aud", json!(AUDIENCE));
    me(&newsroom, &bearing(token("EdDSA", &good)));
    let refused =
        |token: String| assert_eq!(newsroom.get_as(&bearing(token.clone()), "/v1/articles").expect(401).code(), "invalid_token", "{token}");
    for (member, value) in [
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        // What says who has signed in is no access token.
        ("aud", json!(CLIENT)),
        ("iss", json!("https://evil.example")),
        ("iss", json!("copydesk")),
        ("iss", json!(format!("{}/", provider.issuer))),
        ("exp", json!(now - 6)),
        ("nbf", json!(now + 6)),
        ("iat", json!(now + 6)),
    ] {
        refused(token("EdDSA", &with(good.clone(), member, value)));
    }
    for alg in ["none", "None", "NONE", "HS256"] {
        for kid in ["EdDSA", "RS256"] {
            let forged = signed("HS256", &json!({ "alg": alg, "typ": "at+jwt", "kid": kid }), &good);
            refused(format!("{}.", forged.rsplit_once('.').unwrap().0));
            refused(forged);
        }
    }
    refused(signed("EdDSA", &json!({ "alg": "RS256", "kid": "EdDSA" }), &good));
    refused(signed("EdDSA", &json!({ "alg": "RS256", "kid": "RS256" }), &good));
    refused(signed("EdDSA", &json!({ "alg": "EdDSA", "kid": "EdDSA", "jku": "https://evil.example" }), &good));
    refused(signed("EdDSA", &json!({ "alg": "EdDSA", "kid": "EdDSA", "typ": "preview+jwt" }), &good));
}

#[test]
fn a_key_that_is_new_at_the_provider_is_looked_for_but_not_at_every_token() {
    let (newsroom, provider) = open();
    let claims = |newsroom: &Newsroom| with(with(ana(newsroom, &["desk"]), "iss", json!(provider.issuer)), "aud", json!(AUDIENCE));
    let new = |newsroom: &Newsroom| bearing(signed("new", &json!({ "alg": "EdDSA", "kid": "new" }), &claims(newsroom)));
    me(&newsroom, &access(&newsroom, &provider, "EdDSA", &["desk"]));
    for _ in 0..3 {
        newsroom.get_as(&new(&newsroom), "/v1/auth/me").expect(401);
    }
    assert_eq!(provider.asked("/keys"), 1, "it was asked just now");
    newsroom.pass(10_000);
    for _ in 0..3 {
        newsroom.get_as(&new(&newsroom), "/v1/auth/me").expect(401);
    }
    assert_eq!(provider.asked("/keys"), 2);
    provider.rotate();
    newsroom.pass(10_000);
    me(&newsroom, &new(&newsroom));
    assert_eq!(provider.asked("/keys"), 3);
}

#[test]
fn while_the_provider_is_away_its_tokens_are_read_on_and_sign_in_says_so_at_once() {
    let (newsroom, provider) = open();
    provider.break_down(Some(503));
    let began = Instant::now();
    for _ in 0..3 {
        let away = send(&newsroom, "/v1/auth/oidc/start", &json!({})).expect(503);
        assert_eq!((away.code(), away.header("retry-after")), ("unavailable".into(), "10"));
    }
    newsroom.get_as(&access(&newsroom, &provider, "EdDSA", &["desk"]), "/v1/auth/me").expect(503);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(provider.asked("/openid-configuration"), 1, "nobody asks again at once");
    newsroom.get("/v1/articles").expect(200);
    provider.break_down(None);
    newsroom.pass(10_000);
    me(&newsroom, &access(&newsroom, &provider, "EdDSA", &["desk"]));
    provider.break_down(Some(500));
    newsroom.pass(3_600_000);
    me(&newsroom, &access(&newsroom, &provider, "EdDSA", &["desk"]));
    let begun = begin(&newsroom);
    let back = came_back(&provider, &begun, &ana(&newsroom, &["desk"]));
    finish(&newsroom, &begun, &back).expect(503);
    newsroom.pass(86_400_000);
    newsroom.get_as(&access(&newsroom, &provider, "EdDSA", &["desk"]), "/v1/auth/me").expect(503);
}

#[test]
fn a_provider_that_says_too_much_or_is_another_is_not_believed() {
    let (newsroom, provider) = open();
    let attempt = |what: &str, change: &dyn Fn(&TestProvider)| {
        change(&provider);
        newsroom.pass(10_000);
        let answer = newsroom.get_as(&access(&newsroom, &provider, "EdDSA", &["desk"]), "/v1/auth/me");
        assert_eq!(answer.expect(503).code(), "unavailable", "{what}");
    };
    attempt("huge keys", &|provider| provider.publish(format!("{{\"keys\": [{}0]}}", "0,".repeat(200_000))));
    attempt("no keys", &|provider| provider.publish("<html>".into()));
    provider.rotate();
    attempt("another issuer", &|provider| provider.say("issuer", json!("https://evil.example")));
    provider.say("issuer", json!(provider.issuer));
    attempt("keys without TLS", &|provider| provider.say("jwks_uri", json!("http://192.0.2.1/keys")));
    attempt("keys in a file", &|provider| provider.say("jwks_uri", json!("file:///etc/passwd")));
    attempt("a redirect", &|provider| provider.break_down(Some(302)));
}
