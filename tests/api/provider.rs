//! A small OpenID Connect provider for tests: discovery, keys and the token endpoint on a port of its own, signing with fixed keys.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub const CLIENT: &str = "desk";
pub const CLIENT_SECRET: &str = "s3cret/with+signs";

/// A provider that answers until the test ends.
pub struct TestProvider {
    pub issuer: String,
    state: Arc<Mutex<State>>,
}

/// What it answers; tests change it.
struct State {
    metadata: Value,
    keys: String,
    /// A status instead of every answer.
    broken: Option<u16>,
    grants: HashMap<String, Grant>,
    /// The paths that were asked for.
    asked: Vec<String>,
}

struct Grant {
    claims: Value,
    challenge: String,
    redirect_uri: String,
    algorithm: &'static str,
}

/// What a browser brings back from the provider.
pub struct CameBack {
    pub code: String,
    pub state: String,
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(include_bytes!("../fixtures/provider/rs256.pk8")).unwrap()
}

fn ecdsa() -> EcdsaKeyPair {
    let key = include_bytes!("../fixtures/provider/es256.pk8");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &SystemRandom::new()).unwrap()
}

fn ed25519(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// The public keys, with one more of Ed25519 under a name of its own where it is asked for.
fn key_set(more: Option<(&str, u8)>) -> Value {
    let (rsa, ecdsa) = (RsaPublicKeyComponents::<Vec<u8>>::from(rsa().public()), ecdsa());
    let point = ecdsa.public_key().as_ref();
    let ed = |kid: &str, seed| json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(ed25519(seed).public_key().as_ref()) });
    let mut keys = vec![
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "RS256", "n": text(&rsa.n), "e": text(&rsa.e) }),
        json!({ "kty": "EC", "crv": "P-256", "kid": "ES256", "x": text(&point[1..33]), "y": text(&point[33..]) }),
        ed("EdDSA", 9),
    ];
    keys.extend(more.map(|(kid, seed)| ed(kid, seed)));
    json!({ "keys": keys })
}

/// Signs by the algorithm; `header` says what the token claims to be.
pub fn signed(algorithm: &str, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
    let signature = match algorithm {
        "RS256" => {
            let mut signature = vec![0; rsa().public().modulus_len()];
            rsa().sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
            signature
        }
        "ES256" => ecdsa().sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
        "EdDSA" => ed25519(9).sign(message.as_bytes()).as_ref().to_vec(),
        "new" => ed25519(10).sign(message.as_bytes()).as_ref().to_vec(),
        // The classic confusion: a MAC, keyed with what everybody can read.
        "HS256" => {
            use hmac::{Hmac, KeyInit, Mac};
            let key = ed25519(9).public_key().as_ref().to_vec();
            Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(&message).finalize().into_bytes().to_vec()
        }
        other => panic!("nobody signs with {other}"),
    };
    format!("{message}.{}", text(&signature))
}

/// A token with the header that goes with the algorithm.
pub fn token(algorithm: &str, claims: &Value) -> String {
    signed(algorithm, &json!({ "alg": algorithm, "typ": "JWT", "kid": algorithm }), claims)
}

impl TestProvider {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}/realms/news", listener.local_addr().unwrap());
        let metadata = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"), "code_challenge_methods_supported": ["S256"],
        });
        let state = State { metadata, keys: key_set(None).to_string(), broken: None, grants: HashMap::new(), asked: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = shared.clone();
                std::thread::spawn(move || answer(stream, &state));
            }
        });
        Self { issuer, state }
    }

    /// Says something else of itself.
    pub fn say(&self, member: &str, value: Value) {
        self.state.lock().unwrap().metadata[member] = value;
    }

    /// Publishes other bytes as its keys.
    pub fn publish(&self, keys: String) {
        self.state.lock().unwrap().keys = keys;
    }

    /// Begins to sign with another key, called `new`.
    pub fn rotate(&self) {
        self.publish(key_set(Some(("new", 10))).to_string());
    }

    /// Answers this status to everything, or nothing but the truth again.
    pub fn break_down(&self, status: Option<u16>) {
        self.state.lock().unwrap().broken = status;
    }

    /// How often that path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|asked| asked.ends_with(path)).count()
    }

    /// What happens in the browser: the person signs in at that address, and the provider sends them back. `claims` are what it will say of them,
    /// beside what goes with the sign-in.
    pub fn sign_in(&self, address: &str, claims: &Value, algorithm: &'static str) -> CameBack {
        let (endpoint, query) = address.split_once('?').unwrap();
        assert_eq!(endpoint, format!("{}/authorize", self.issuer));
        let query: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!((query["response_type"].as_str(), query["client_id"].as_str()), ("code", CLIENT));
        assert_eq!((query["scope"].as_str(), query["code_challenge_method"].as_str()), ("openid email profile", "S256"));
        let mut said = json!({ "iss": self.issuer, "aud": CLIENT, "nonce": query["nonce"] });
        said.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let code = uuid::Uuid::new_v4().to_string();
        let (challenge, redirect_uri) = (query["code_challenge"].clone(), query["redirect_uri"].clone());
        self.state.lock().unwrap().grants.insert(code.clone(), Grant { claims: said, challenge, redirect_uri, algorithm });
        CameBack { code, state: query["state"].clone() }
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    while let Some(Ok(line)) = reader.by_ref().lines().next() {
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else { return };
    let header = |name: &str| {
        head.iter().find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name))).map(|(_, value)| value)
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let mut state = state.lock().unwrap();
    state.asked.push(path.to_owned());
    let (status, text) = match (state.broken, path.rsplit('/').next().unwrap()) {
        (Some(status), _) => (status, "{}".to_owned()),
        (None, "openid-configuration") => (200, state.metadata.to_string()),
        (None, "keys") => (200, state.keys.clone()),
        (None, "token") => trade(&mut state, header("authorization"), &body),
        _ => (404, "{}".to_owned()),
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // The client may have had enough of a long answer.
    let _gone = stream.write_all(answer.as_bytes());
}

/// The token endpoint, as strict as the RFCs ask.
fn trade(state: &mut State, authorization: Option<&str>, body: &[u8]) -> (u16, String) {
    let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let encoded: String = form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{encoded}")));
    let Some(grant) = state.grants.remove(&form["code"]) else { return (400, r#"{"error":"invalid_grant"}"#.into()) };
    let is_whole = authorization == Some(expected.as_str())
        && form["grant_type"] == "authorization_code"
        && form["redirect_uri"] == grant.redirect_uri
        && text(&Sha256::digest(&form["code_verifier"])) == grant.challenge;
    if !is_whole {
        return (400, r#"{"error":"invalid_grant"}"#.into());
    }
    (200, json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": token(grant.algorithm, &grant.claims) }).to_string())
}
