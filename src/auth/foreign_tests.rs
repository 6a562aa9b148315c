//! Which tokens of a provider are believed; each forgery changes one thing in a token that is good.

use super::*;
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;
use sha2::Sha256;

const ISSUER: &str = "https://id.example/realms/news";
const NOW: i64 = 1_764_000_000_000;
const ACCESS: Purpose<'_> = Purpose::Access { audience: "newsroom" };
const IDENTITY: Purpose<'_> = Purpose::Identity { client_id: "desk", nonce: "n-1" };

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(include_bytes!("../../tests/fixtures/provider/rs256.pk8")).unwrap()
}

fn ecdsa() -> EcdsaKeyPair {
    let key = include_bytes!("../../tests/fixtures/provider/es256.pk8");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &SystemRandom::new()).unwrap()
}

fn ed25519() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap()
}

/// The set as providers publish it, with what we have no use for in it.
fn published() -> Value {
    let (rsa, ecdsa) = (RsaPublicKeyComponents::<Vec<u8>>::from(rsa().public()), ecdsa());
    let point = ecdsa.public_key().as_ref();
    json!({ "keys": [
        { "kty": "RSA", "use": "enc", "kid": "rs", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB" },
        { "kty": "oct", "kid": "oct", "k": text(b"a secret that everybody can read") },
        { "kty": "EC", "crv": "P-384", "kid": "es384", "x": "AA", "y": "AA" },
        { "kty": "RSA", "kid": "ps", "alg": "PS256", "n": text(&[255; 256]), "e": "AQAB" },
        { "kty": 7 },
        { "kty": "RSA", "use": "sig", "kid": "rs", "alg": "RS256", "x5t": "x", "n": text(&rsa.n),
          "e": text(&rsa.e) },
        { "kty": "EC", "crv": "P-256", "kid": "es", "x": text(&point[1..33]), "y": text(&point[33..]) },
        { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA", "x": text(ed25519().public_key().as_ref()) },
    ]})
}

fn keys() -> ForeignKeys {
    ForeignKeys::parse(published().to_string().as_bytes()).unwrap()
}

fn claims() -> Value {
    let now = NOW / 1000;
    json!({ "iss": ISSUER, "aud": "newsroom", "sub": "248289761001", "iat": now, "exp": now + 300, "email": "ana@example.com",
            "email_verified": true, "name": "Ana López", "realm_access": { "roles": ["editors", "staff"] } })
}

fn identity() -> Value {
    with(with(claims(), "aud", json!("desk")), "nonce", json!("n-1"))
}

fn with(mut object: Value, member: &str, value: Value) -> Value {
    object[member] = value;
    object
}

fn message(header: &Value, claims: &str) -> String {
    format!("{}.{}", text(header.to_string().as_bytes()), text(claims.as_bytes()))
}

/// Signed by the key of the algorithm, whatever the header says.
fn signed_by(algorithm: Algorithm, header: &Value, claims: &str) -> String {
    let message = message(header, claims);
    let signature = match algorithm {
        Algorithm::Rs256 => {
            let mut signature = vec![0; rsa().public().modulus_len()];
            rsa().sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
            signature
        }
        Algorithm::Es256 => ecdsa().sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
        Algorithm::EdDsa => ed25519().sign(message.as_bytes()).as_ref().to_vec(),
        Algorithm::Hs256 => panic!("no provider signs with a secret"),
    };
    format!("{message}.{}", text(&signature))
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "ed" })
}

fn access(token: &str) -> Result<ForeignClaims, BadToken> {
    read(&keys(), token, ISSUER, ACCESS, NOW)
}

#[track_caller]
fn refusal(token: &str) -> BadToken {
    access(token).expect_err(token)
}

fn read_claims(claims: &Value) -> Result<ForeignClaims, BadToken> {
    access(&signed_by(Algorithm::EdDsa, &header(), &claims.to_string()))
}

fn read_identity(header: &Value, claims: &Value) -> Result<ForeignClaims, BadToken> {
    read(&keys(), &signed_by(Algorithm::EdDsa, header, &claims.to_string()), ISSUER, IDENTITY, NOW)
}

#[test]
fn rs256_es256_and_eddsa_are_read_each_by_its_key() {
    for (algorithm, kid) in [(Algorithm::Rs256, "rs"), (Algorithm::Es256, "es"), (Algorithm::EdDsa, "ed")] {
        for header in [json!({ "alg": algorithm.name(), "typ": "JWT", "kid": kid, "x5t": "any" }), json!({ "alg": algorithm.name() })] {
            let claims = access(&signed_by(algorithm, &header, &claims().to_string())).unwrap();
            assert_eq!((claims.subject.as_str(), claims.verified_email.as_deref()), ("248289761001", Some("ana@example.com")), "{kid}");
        }
        for (other, _) in
            [(Algorithm::Rs256, ""), (Algorithm::Es256, ""), (Algorithm::EdDsa, "")].iter().filter(|(other, _)| *other != algorithm)
        {
            let confused = signed_by(*other, &json!({ "alg": other.name(), "kid": kid }), &claims().to_string());
            assert_eq!(refusal(&confused), BadToken::OtherAlgorithm, "{kid} as {}", other.name());
            let confused = signed_by(*other, &json!({ "alg": algorithm.name(), "kid": kid }), &claims().to_string());
            assert_eq!(refusal(&confused), BadToken::BadSignature, "{kid} by {}", other.name());
        }
    }
}

#[test]
fn no_secret_and_no_public_key_makes_a_token_and_none_is_no_algorithm() {
    let public: Vec<u8> = ed25519().public_key().as_ref().to_vec();
    for (alg, kid) in [
        ("HS256", "oct"),
        ("HS256", "ed"),
        ("HS256", "rs"),
        ("none", "ed"),
        ("None", "ed"),
        ("NONE", "ed"),
        ("", "ed"),
        ("PS256", "ps"),
        ("PS256", "rs"),
    ] {
        for key in
            [b"a secret that everybody can read".to_vec(), public.clone(), text(&public).into_bytes(), published().to_string().into_bytes()]
        {
            let message = message(&json!({ "alg": alg, "kid": kid }), &claims().to_string());
            let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(&message).finalize().into_bytes();
            for forged in [format!("{message}.{}", text(&mac)), format!("{message}.")] {
                assert!(matches!(refusal(&forged), BadToken::OtherAlgorithm | BadToken::OtherKey), "{alg} {kid}");
            }
        }
    }
}

#[test]
fn headers_that_bring_keys_or_change_the_meaning_are_refused_and_so_are_other_kinds_of_token() {
    for member in ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip"] {
        for value in [json!(null), json!("https://evil.example"), json!([])] {
            let token = signed_by(Algorithm::EdDsa, &with(header(), member, value), &claims().to_string());
            assert_eq!(refusal(&token), BadToken::Malformed, "{member}");
        }
    }
    for typ in ["preview+jwt", "logout+jwt", "dpop+jwt", "", "application/application/jwt"] {
        assert_eq!(
            refusal(&signed_by(Algorithm::EdDsa, &with(header(), "typ", json!(typ)), &claims().to_string())),
            BadToken::OtherType,
            "{typ}"
        );
    }
    assert_eq!(read_identity(&header(), &identity()).unwrap_err(), BadToken::OtherType, "an access token says nothing of a sign-in");
    assert_eq!(refusal(&signed_by(Algorithm::EdDsa, &with(header(), "kid", json!("new")), &claims().to_string())), BadToken::OtherKey);
    assert_eq!(refusal(&"x".repeat(20_000)), BadToken::TooLong);
}

#[test]
fn issuer_audience_and_times_are_exact() {
    assert!(read_claims(&claims()).is_ok());
    for issuer in ["https://id.example/realms/news/", "https://ID.example/realms/news", "https://evil.example", ""] {
        assert_eq!(read_claims(&with(claims(), "iss", json!(issuer))).unwrap_err(), BadToken::OtherIssuer, "{issuer}");
    }
    assert!(read_claims(&with(claims(), "aud", json!(["account", "newsroom"]))).is_ok(), "a provider may name others beside us");
    for audience in [json!("desk"), json!([]), json!(["account"]), json!("")] {
        assert_eq!(read_claims(&with(claims(), "aud", audience)).unwrap_err(), BadToken::OtherAudience);
    }
    let now = NOW / 1000;
    assert!(read_claims(&with(claims(), "exp", json!(now - 4))).is_ok());
    assert_eq!(read_claims(&with(claims(), "exp", json!(now - 6))).unwrap_err(), BadToken::Expired);
    for member in ["nbf", "iat"] {
        assert_eq!(read_claims(&with(claims(), member, json!(now + 6))).unwrap_err(), BadToken::NotYetValid, "{member}");
    }
    for (member, value) in
        [("sub", json!("")), ("sub", json!("s".repeat(256))), ("exp", json!(null)), ("iat", json!("now")), ("aud", json!(7))]
    {
        assert_eq!(read_claims(&with(claims(), member, value)).unwrap_err(), BadToken::Malformed, "{member}");
    }
    let twice = claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    assert_eq!(refusal(&signed_by(Algorithm::EdDsa, &header(), &twice)), BadToken::Malformed);
}

#[test]
fn what_says_who_signed_in_is_for_us_alone_and_for_this_sign_in() {
    let plain = json!({ "alg": "EdDSA", "kid": "ed" });
    assert!(read_identity(&plain, &identity()).is_ok());
    assert!(read_identity(&plain, &with(with(identity(), "aud", json!(["desk"])), "azp", json!("desk"))).is_ok());
    for (member, value, why) in [
        ("nonce", json!("n-2"), BadToken::OtherNonce),
        ("nonce", json!(null), BadToken::OtherNonce),
        ("aud", json!(["desk", "newsroom"]), BadToken::OtherAudience),
        ("aud", json!("newsroom"), BadToken::OtherAudience),
        ("azp", json!("other"), BadToken::OtherAudience),
        ("iss", json!("https://evil.example"), BadToken::OtherIssuer),
    ] {
        assert_eq!(read_identity(&plain, &with(identity(), member, value)).unwrap_err(), why, "{member}");
    }
}

#[test]
fn an_address_counts_when_the_provider_has_made_sure_of_it() {
    assert_eq!(read_claims(&claims()).unwrap().verified_email.as_deref(), Some("ana@example.com"));
    for verified in [json!(false), json!("true"), json!(1), json!(null)] {
        assert_eq!(read_claims(&with(claims(), "email_verified", verified)).unwrap().verified_email, None);
    }
}

#[test]
fn roles_are_words_of_a_claim_of_that_name_or_of_one_inside_others() {
    let claims = with(with(claims(), "https://news.example/role", json!("chief")), "groups", json!(["a", 7, "b"]));
    let claims = read_claims(&claims).unwrap();
    assert_eq!(claims.words("realm_access.roles"), ["editors", "staff"]);
    assert_eq!(claims.words("https://news.example/role"), ["chief"]);
    assert_eq!(claims.words("groups"), ["a", "b"]);
    assert!(claims.words("realm_access").is_empty() && claims.words("nothing.here").is_empty() && claims.words("").is_empty());
}

#[test]
fn a_set_that_is_none_is_told_and_a_huge_one_is_cut() {
    for text in ["", "[]", "{}", r#"{"keys": {}}"#, "<html>"] {
        assert!(ForeignKeys::parse(text.as_bytes()).is_err(), "{text}");
    }
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&[7; 32]) });
    let many = json!({ "keys": vec![key; 1000] });
    assert_eq!(ForeignKeys::parse(many.to_string().as_bytes()).unwrap().0.len(), MOST_KEYS);
}

#[test]
fn who_is_said_to_have_signed_is_read_without_belief() {
    let token = signed_by(Algorithm::EdDsa, &header(), &claims().to_string());
    assert_eq!(claimed_issuer(&token).as_deref(), Some(ISSUER));
    assert_eq!(claimed_issuer("a.b.c"), None);
    assert_eq!(claimed_issuer("cdr_opaque"), None);
}
