//! Which tokens are read and which are refused; each forgery changes one thing in a token that is good.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

use super::super::jws::Verifier;
use super::*;

const SECRET: &str = "pX7vQ2mN9sK4wL1tR8yB3cF6hJ0dG5zA";
const ISSUER: &str = "https://desk.example";
const AUDIENCE: &str = "copydesk";
const NOW: i64 = 1_764_000_000_000;
const SECOND: i64 = 1000;
const KEY: [u8; 32] = *b"a signing key of 32 random bytes";

fn tokens_with(secret: &str) -> Tokens {
    Tokens::new(&SigningSecret::from_config(secret).unwrap(), ISSUER, AUDIENCE, 900)
}

/// The key of the forgeries under a name, as it is stored.
fn stored(kid: &str, algorithm: Algorithm, created_at: i64, retired_at: Option<i64>) -> SealedKey {
    let algorithm = algorithm.name().to_owned();
    let sealed = tokens_with(SECRET).sealer.key_envelope(kid, &algorithm).seal(&KEY).unwrap();
    SealedKey { kid: kid.to_owned(), algorithm, sealed, created_at, retired_at }
}

fn tokens_of(keys: Vec<SealedKey>) -> Tokens {
    let tokens = tokens_with(SECRET);
    tokens.take_keys(keys);
    tokens
}

fn tokens() -> Tokens {
    tokens_of(vec![stored("k1", Algorithm::Hs256, NOW, None)])
}

fn issued() -> String {
    tokens().issue(&Subject { user_id: "user-1".to_owned(), ver: 3, session: None }, NOW).unwrap().token
}

fn header() -> Value {
    json!({"alg": "HS256", "typ": "at+jwt", "kid": "k1"})
}

fn claims() -> Value {
    let now = NOW / SECOND;
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "iat": now, "exp": now + 900, "jti": "token-1", "ver": 3})
}

fn with(mut object: Value, member: &str, value: Value) -> Value {
    object[member] = value;
    object
}

/// Signed with the right key, whatever the header says: only the check under test can refuse it.
fn signed_text(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = Hmac::<Sha256>::new_from_slice(&KEY).unwrap().chain_update(&message).finalize().into_bytes();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn signed(header: &Value, claims: &Value) -> String {
    signed_text(&header.to_string(), &claims.to_string())
}

fn read(token: &str) -> Result<Claims, BadToken> {
    tokens().read(token, NOW)
}

fn read_claims(claims: &Value) -> Result<Claims, BadToken> {
    read(&signed(&header(), claims))
}

fn read_header(header: &Value) -> Result<Claims, BadToken> {
    read(&signed(header, &claims()))
}

#[test]
fn an_issued_token_is_read_back() {
    let issued = tokens().issue(&Subject { user_id: "user-1".to_owned(), ver: 3, session: None }, NOW + 999).unwrap();
    assert_eq!(issued.expires_in, 900);
    let claims = tokens().read(&issued.token, NOW + 999).unwrap();
    assert_eq!((claims.sub.as_str(), claims.ver), ("user-1", 3));
    assert_eq!((claims.iat, claims.exp), (NOW / SECOND, NOW / SECOND + 900));
    assert!(uuid::Uuid::parse_str(&claims.jti).is_ok());
}

#[test]
fn an_issued_token_carries_the_header_and_claims_of_rfc_9068_and_an_id_of_its_own() {
    let token = issued();
    let part =
        |index: usize| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap() };
    assert_eq!(part(0), header());
    let mut members: Vec<_> = part(1).as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(members, ["aud", "exp", "iat", "iss", "jti", "sub", "ver"]);
    assert_ne!(part(1)["jti"], read(&issued()).unwrap().jti);
}

#[test]
fn the_hand_made_token_the_forgeries_start_from_is_good() {
    assert!(read(&signed(&header(), &claims())).is_ok());
}

#[test]
fn no_algorithm_in_any_spelling_is_refused_with_and_without_a_signature() {
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let forged = signed(&with(header(), "alg", json!(name)), &claims());
        let unsigned = format!("{}.", forged.rsplit_once('.').unwrap().0);
        assert_eq!(read(&forged), Err(BadToken::OtherAlgorithm), "{name} signed");
        assert_eq!(read(&unsigned), Err(BadToken::OtherAlgorithm), "{name} with an empty signature");
    }
}

#[test]
fn another_algorithm_in_the_header_is_refused_even_over_our_signature() {
    for name in ["HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "hs256", "HS256 "] {
        assert_eq!(read_header(&with(header(), "alg", json!(name))), Err(BadToken::OtherAlgorithm), "{name}");
    }
    assert_eq!(read_header(&with(header(), "alg", json!(["HS256"]))), Err(BadToken::Malformed));
    assert_eq!(read_header(&json!({"typ": "at+jwt", "kid": "k1"})), Err(BadToken::Malformed));
    assert_eq!(
        read(&signed_text(r#"{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"k1"}"#, &claims().to_string())),
        Err(BadToken::Malformed)
    );
}

#[test]
fn the_type_is_an_access_token_in_any_case_and_nothing_else() {
    for name in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(read_header(&with(header(), "typ", json!(name))).is_ok(), "{name}");
    }
    for name in ["JWT", "jwt", "", "refresh+jwt", "text/at+jwt", "application/application/at+jwt"] {
        assert_eq!(read_header(&with(header(), "typ", json!(name))), Err(BadToken::OtherType), "{name}");
    }
    assert_eq!(read_header(&json!({"alg": "HS256", "kid": "k1"})), Err(BadToken::Malformed));
}

#[test]
fn a_header_that_brings_or_names_keys_or_demands_extensions_is_refused() {
    for (member, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jku", json!("https://evil.example/keys")),
        ("jku", json!(null)),
        ("x5u", json!("https://evil.example/cert")),
        ("jwk", json!({"kty": "oct", "k": "c2VjcmV0"})),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("abc")),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        assert_eq!(read_header(&with(header(), member, value)), Err(BadToken::Malformed), "{member}");
    }
}

#[test]
fn a_token_names_the_key_and_the_key_is_ours() {
    assert!(read(&issued()).is_ok());
    assert_eq!(read_header(&json!({"alg": "HS256", "typ": "at+jwt"})), Err(BadToken::Malformed));
    for kid in ["", "00000000", "K1", "k1 ", "../../../dev/null", "' OR 1=1 --"] {
        assert_eq!(read_header(&with(header(), "kid", json!(kid))), Err(BadToken::OtherKey), "{kid}");
    }
}

#[test]
fn a_token_of_another_secret_is_refused() {
    let other = tokens_with("another-Sx8d2kQpL0vNw7rTzY5bHc3mUq");
    let subject = Subject { user_id: "user-1".to_owned(), ver: 3, session: None };
    assert_eq!(other.issue(&subject, NOW), Err(IssueFailure), "no key, no token");
    let key = SealedKey { kid: "k1".into(), ..other.make_key(NOW).unwrap() };
    other.take_keys(vec![key.clone()]);
    assert_eq!(other.issue(&subject, NOW), Err(IssueFailure), "a key under another name does not open");
    let key = other.make_key(NOW).unwrap();
    other.take_keys(vec![key.clone()]);
    let token = other.issue(&subject, NOW).unwrap().token;
    assert_eq!(read(&token), Err(BadToken::OtherKey));
    assert_eq!(tokens_of(vec![key]).read(&token, NOW), Err(BadToken::OtherKey), "what another secret has sealed stays closed");
    let signature = token.rsplit_once('.').unwrap().1;
    assert_eq!(read(&format!("{}.{signature}", signed(&header(), &claims()).rsplit_once('.').unwrap().0)), Err(BadToken::BadSignature));
}

#[test]
fn a_token_signed_with_a_secret_everybody_tries_is_refused() {
    let good = signed(&header(), &claims());
    let message = good.rsplit_once('.').unwrap().0;
    for guess in ["", "secret", "changeme", crate::auth::secret::EXAMPLE, SECRET, "k1"] {
        let mac = Hmac::<Sha256>::new_from_slice(guess.as_bytes()).unwrap().chain_update(message).finalize().into_bytes();
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac));
        assert_eq!(read(&forged), Err(BadToken::BadSignature), "{guess}");
    }
}

#[test]
fn a_changed_payload_or_signature_is_refused() {
    let token = issued();
    let parts: Vec<_> = token.split('.').collect();
    let admin = URL_SAFE_NO_PAD.encode(with(claims(), "sub", json!("admin")).to_string());
    assert_eq!(read(&format!("{}.{admin}.{}", parts[0], parts[2])), Err(BadToken::BadSignature));
    assert_eq!(read(&format!("{}.{}.", parts[0], parts[1])), Err(BadToken::BadSignature));
    assert_eq!(read(&format!("{}.{}.{}", parts[0], parts[1], &parts[2][..40])), Err(BadToken::BadSignature));
}

#[test]
fn what_is_not_three_parts_of_base64url_json_is_refused() {
    let token = issued();
    for text in ["", ".", "..", "...", "a.b", "a.b.c", "ckd_live_abc", " ", &format!("{token}."), &format!(".{token}")] {
        assert_eq!(read(text), Err(BadToken::Malformed), "{text}");
    }
    assert_eq!(read(&format!("{token}=")), Err(BadToken::BadSignature));
    assert_eq!(read(&signed_text("[]", "{}")), Err(BadToken::Malformed));
    assert_eq!(read(&signed_text(&header().to_string(), "not json")), Err(BadToken::Malformed));
}

#[test]
fn a_token_over_4096_bytes_is_refused_before_it_is_parsed() {
    let token = signed(&header(), &with(claims(), "padding", json!("x".repeat(4096))));
    assert_eq!(read(&token), Err(BadToken::TooLong));
    assert!(read_claims(&with(claims(), "padding", json!("x".repeat(2048)))).is_ok(), "unknown claims are ignored");
}

#[test]
fn a_token_lives_5_seconds_past_its_end_and_not_6() {
    let end = NOW + 900 * SECOND;
    let token = issued();
    assert!(tokens().read(&token, end).is_ok());
    assert!(tokens().read(&token, end + 5 * SECOND - 1).is_ok());
    assert_eq!(tokens().read(&token, end + 5 * SECOND), Err(BadToken::Expired));
    assert_eq!(tokens().read(&token, end + 6 * SECOND), Err(BadToken::Expired));
}

#[test]
fn a_token_from_the_future_is_refused_beyond_5_seconds() {
    for member in ["iat", "nbf"] {
        assert!(read_claims(&with(claims(), member, json!(NOW / SECOND + 5))).is_ok(), "{member}");
        assert_eq!(read_claims(&with(claims(), member, json!(NOW / SECOND + 6))), Err(BadToken::NotYetValid), "{member}");
    }
    assert_eq!(read_claims(&with(claims(), "nbf", json!(null))), Err(BadToken::Malformed));
}

#[test]
fn times_at_the_edge_of_the_integers_do_not_wrap() {
    assert!(read_claims(&with(claims(), "exp", json!(i64::MAX))).is_ok());
    assert_eq!(read_claims(&with(claims(), "exp", json!(i64::MIN))), Err(BadToken::Expired));
    assert_eq!(read_claims(&with(claims(), "iat", json!(i64::MAX))), Err(BadToken::NotYetValid));
    assert_eq!(read_claims(&with(claims(), "exp", json!(1e300))), Err(BadToken::Malformed));
}

#[test]
fn the_issuer_is_ours_to_the_letter() {
    for issuer in ["https://desk.example/", "https://DESK.example", "", "https://evil.example"] {
        assert_eq!(read_claims(&with(claims(), "iss", json!(issuer))), Err(BadToken::OtherIssuer), "{issuer}");
    }
    assert_eq!(read_claims(&with(claims(), "iss", json!([ISSUER]))), Err(BadToken::Malformed));
}

#[test]
fn the_audience_is_us_and_nobody_else() {
    assert!(read_claims(&with(claims(), "aud", json!([AUDIENCE]))).is_ok());
    for audience in [json!("other"), json!(""), json!([]), json!(["other"]), json!(["other", AUDIENCE]), json!([AUDIENCE, "other"])] {
        assert_eq!(read_claims(&with(claims(), "aud", audience.clone())), Err(BadToken::OtherAudience), "{audience}");
    }
}

#[test]
fn every_claim_is_required_and_has_its_type() {
    for member in ["iss", "aud", "sub", "iat", "exp", "jti", "ver"] {
        let mut missing = claims();
        missing.as_object_mut().unwrap().remove(member);
        assert_eq!(read_claims(&missing), Err(BadToken::Malformed), "without {member}");
        assert_eq!(read_claims(&with(claims(), member, json!(null))), Err(BadToken::Malformed), "{member} null");
        assert_eq!(read_claims(&with(claims(), member, json!({"$gt": ""}))), Err(BadToken::Malformed), "{member} an object");
    }
    assert_eq!(read_claims(&with(claims(), "sub", json!(""))), Err(BadToken::Malformed));
    assert_eq!(read_claims(&with(claims(), "ver", json!("3"))), Err(BadToken::Malformed));
    let repeated = claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    assert_eq!(read(&signed_text(&header().to_string(), &repeated)), Err(BadToken::Malformed));
}

#[test]
fn debug_shows_neither_token_nor_secret() {
    let issued = tokens().issue(&Subject { user_id: "user-1".to_owned(), ver: 3, session: None }, NOW).unwrap();
    assert!(!format!("{issued:?}").contains(&issued.token));
    assert!(!format!("{:?}", tokens()).contains(SECRET));
}

#[test]
fn a_preview_token_says_what_it_shows_and_no_kind_of_token_is_read_as_another() {
    let preview = Preview { id: "preview-1".into(), article_id: "story-1".into() };
    let token = tokens().issue_preview(&preview, 60, NOW).unwrap().token;
    assert_eq!(tokens().read_preview(&token, NOW), Ok(preview));
    assert_eq!(tokens().read_preview(&token, NOW + 66 * SECOND), Err(BadToken::Expired));
    assert_eq!(read(&token), Err(BadToken::OtherType));
    assert_eq!(tokens().read_preview(&issued(), NOW), Err(BadToken::OtherType));
    // Under the other's header, too, each has the wrong audience.
    let claims_of = |token: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let dressed_up = signed(&header(), &with(claims_of(&token), "ver", 3.into()));
    assert_eq!(read(&dressed_up), Err(BadToken::OtherAudience));
    let dressed_down = signed(&with(header(), "typ", "preview+jwt".into()), &claims());
    assert_eq!(tokens().read_preview(&dressed_down, NOW), Err(BadToken::OtherAudience));
}

const OLD: i64 = NOW - 3600 * SECOND;

#[test]
fn the_newest_key_signs_and_the_one_before_reads_on_until_its_tokens_are_over() {
    let subject = Subject { user_id: "user-1".to_owned(), ver: 3, session: None };
    let before = tokens_of(vec![stored("old", Algorithm::Hs256, OLD, None)]);
    let (access, preview) = (before.issue(&subject, NOW).unwrap().token, Preview { id: "p".into(), article_id: "s".into() });
    let shown = before.issue_preview(&preview, LONGEST_PREVIEW_SECONDS, NOW).unwrap().token;
    before.take_keys(vec![stored("old", Algorithm::Hs256, OLD, Some(NOW)), stored("new", Algorithm::Hs256, NOW, None)]);
    assert_eq!(before.signing_key().as_deref(), Some("new"));
    let after = before;
    assert!(after.issue(&subject, NOW).is_ok_and(|issued| after.read(&issued.token, NOW).is_ok()));
    assert!(after.read(&access, NOW + 904 * SECOND).is_ok() && after.read(&access, NOW + 905 * SECOND).is_err());
    assert!(after.read_preview(&shown, NOW + LONGEST_PREVIEW_SECONDS * SECOND).is_ok());
    // Whoever has the old key cannot make a token of it that lives longer.
    let forged = signed(&with(header(), "kid", json!("old")), &with(claims(), "exp", json!(NOW / SECOND + 99_999)));
    assert!(after.read(&forged, NOW + 904 * SECOND).is_ok());
    assert_eq!(after.read(&forged, NOW + 905 * SECOND), Err(BadToken::RetiredKey));
    let age = |moment: i64| Tokens::forgotten_before(moment) > NOW;
    assert!(!age(NOW + LONGEST_PREVIEW_SECONDS * SECOND) && age(NOW + (LONGEST_PREVIEW_SECONDS + 6) * SECOND));
    after.take_keys(vec![stored("new", Algorithm::Hs256, NOW, None)]);
    assert_eq!(after.read(&access, NOW), Err(BadToken::OtherKey), "a key that is gone reads nothing");
}

#[test]
fn a_key_of_one_algorithm_is_never_used_as_one_of_another() {
    let tokens = tokens_of(vec![stored("k1", Algorithm::Hs256, OLD, None), stored("ed", Algorithm::EdDsa, NOW, None)]);
    let eddsa = tokens.clone().signed_with(Algorithm::EdDsa);
    let subject = Subject { user_id: "user-1".to_owned(), ver: 3, session: None };
    let token = eddsa.issue(&subject, NOW).unwrap().token;
    assert!(tokens.read(&token, NOW).is_ok() && eddsa.read(&issued(), NOW).is_ok(), "both are read, whichever signs");
    let [public] = eddsa.public_keys(NOW).try_into().unwrap();
    assert_eq!((public.kid.as_str(), public.kty, public.crv, public.alg, public.usage), ("ed", "OKP", "Ed25519", "EdDSA", "sig"));
    let point = URL_SAFE_NO_PAD.decode(&public.x).unwrap();
    assert!(Compact::parse(&token).unwrap().verified(&Verifier::EdDsa(point.clone())).is_some(), "others can check it");
    assert!(Compact::parse(&issued()).unwrap().verified(&Verifier::EdDsa(point.clone())).is_none());
    // The classic: HS256, keyed with what everybody can read.
    for (alg, refusal) in [("HS256", BadToken::OtherAlgorithm), ("EdDSA", BadToken::BadSignature)] {
        for key in [point.as_slice(), public.x.as_bytes()] {
            let message = signed(&json!({"alg": alg, "typ": "at+jwt", "kid": "ed"}), &claims());
            let message = message.rsplit_once('.').unwrap().0;
            let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes();
            assert_eq!(tokens.read(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac)), NOW), Err(refusal), "{alg}");
        }
    }
    assert_eq!(tokens.read(&signed(&with(header(), "alg", json!("EdDSA")), &claims()), NOW), Err(BadToken::OtherAlgorithm));
    let relabelled = SealedKey { algorithm: "HS256".into(), ..stored("ed", Algorithm::EdDsa, NOW, None) };
    assert_eq!(tokens_of(vec![relabelled]).signing_key(), None, "a key that the database calls another does not open");
    assert!(tokens_with(SECRET).public_keys(NOW).is_empty());
}

proptest! {
    #[test]
    fn no_random_text_is_a_token(text in "\\PC{0,200}", parts in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}") {
        prop_assert!(read(&text).is_err() && read(&parts).is_err());
    }

    #[test]
    fn no_token_with_a_changed_character_is_accepted(at in 0_usize..10_000, replacement in "[A-Za-z0-9_.=-]") {
        for kind in [Algorithm::Hs256, Algorithm::EdDsa] {
            let tokens = tokens_of(vec![stored("k1", kind, NOW, None)]).signed_with(kind);
            let token = tokens.issue(&Subject { user_id: "user-1".into(), ver: 3, session: None }, NOW).unwrap().token;
            let at = at % token.len();
            let changed = format!("{}{replacement}{}", &token[..at], &token[at + 1..]);
            prop_assert!(changed == token || tokens.read(&changed, NOW).is_err(), "{changed}");
        }
    }

    #[test]
    fn no_token_signed_with_another_key_is_accepted(key: [u8; 32], ver in 0_i64..9) {
        let message = signed(&header(), &with(claims(), "ver", json!(ver)));
        let message = message.rsplit_once('.').unwrap().0;
        let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(message).finalize().into_bytes();
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac));
        prop_assert!(key == KEY || read(&forged).is_err());
    }
}
