//! Tokens of others: JWTs that an OpenID Connect provider has signed, checked by the keys that it publishes (RFC 7517, OpenID Connect Core §3.1.3.7).

use super::claims::{Audience, is_over, is_to_come};
use super::jws::{Algorithm, Compact, Verifier};
use super::token::BadToken;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::RsaPublicKeyComponents;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest token that is looked at, in bytes; it may name many groups.
const LONGEST: usize = 16_384;
/// More keys than any provider has; what comes after them is not looked at.
const MOST_KEYS: usize = 64;
/// Longest subject (OpenID Connect Core §2), in bytes.
const LONGEST_SUBJECT: usize = 255;
/// Header members that bring or name keys, or change the meaning of the others: no provider needs them, so a token that has one is refused.
const REFUSED: [&str; 7] = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip"];

/// The keys of a provider that tokens may be signed with: RS256, ES256 or EdDSA, each key for one of them.
#[derive(Default)]
pub struct ForeignKeys(Vec<(Option<String>, Verifier)>);

/// What a token of a provider is for. An access token is never read as one that says who signed in, nor the other way round: the audiences differ.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// Sent to us as Bearer, for this audience, perhaps beside others.
    Access { audience: &'a str },
    /// Given to us, the client, at the end of a sign-in that began with this nonce.
    Identity { client_id: &'a str, nonce: &'a str },
}

/// What a provider says of somebody.
#[derive(Clone, Debug)]
pub struct ForeignClaims {
    /// Who it is, for ever, at this issuer.
    pub subject: String,
    /// When it said so, in seconds since 1970.
    pub issued_at: i64,
    /// Until when it is good, in seconds since 1970.
    pub expires_at: i64,
    /// The address, if the provider has made sure of it.
    pub verified_email: Option<String>,
    pub name: Option<String>,
    all: Map<String, Value>,
}

/// It is no JSON, or no key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the provider calls its keys is no JWK set")]
pub struct BadKeySet;

#[derive(Deserialize)]
struct WireSet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct WireKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

#[derive(Deserialize)]
struct WireHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

/// A claim of these that comes twice does not parse.
#[derive(Deserialize)]
struct WireClaims {
    iss: String,
    aud: Audience,
    sub: String,
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    azp: Option<String>,
    email: Option<String>,
    email_verified: Option<Value>,
    name: Option<String>,
}

impl ForeignKeys {
    /// Reads a key set. Keys that are for something else, or that we cannot check signatures with, are passed over.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(json: &[u8]) -> Result<Self, BadKeySet> {
        let set: WireSet = serde_json::from_slice(json).map_err(|_| BadKeySet)?;
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).filter_map(WireKey::verifier);
        Ok(Self(keys.take(MOST_KEYS).collect()))
    }

    /// The key that a header means: the one of that name, or the only one of the algorithm where it names none.
    fn find(&self, kid: Option<&str>, alg: &str) -> Result<&Verifier, BadToken> {
        let named = |known: &Option<String>| kid.is_none_or(|kid| known.as_deref() == Some(kid));
        let mut of_name = self.0.iter().filter(|(known, _)| named(known)).map(|(_, key)| key).peekable();
        if of_name.peek().is_none() {
            return Err(BadToken::OtherKey);
        }
        let mut of_both = of_name.filter(|key| key.algorithm().name() == alg);
        match (of_both.next(), of_both.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(BadToken::OtherAlgorithm),
            (Some(_), Some(_)) => Err(BadToken::OtherKey),
        }
    }
}

impl WireKey {
    /// The one algorithm that the key is for comes from its kind, and `alg` may only say the same.
    fn verifier(self) -> Option<(Option<String>, Verifier)> {
        if self.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let exactly_32 = |text| bytes(text).filter(|bytes| bytes.len() == 32);
        let number = |text| bytes(text).map(|bytes| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>());
        let verifier = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Verifier::Rs256(RsaPublicKeyComponents { n: number(self.n)?, e: number(self.e)? }),
            ("EC", Some("P-256")) => Verifier::Es256([vec![4], exactly_32(self.x)?, exactly_32(self.y)?].concat()),
            ("OKP", Some("Ed25519")) => Verifier::EdDsa(exactly_32(self.x)?),
            _ => return None,
        };
        // RFC 9864 calls EdDSA with this curve by the curve's name.
        let is_its = |alg: String| alg == verifier.algorithm().name() || (alg == "Ed25519" && verifier.algorithm() == Algorithm::EdDsa);
        self.alg.is_none_or(is_its).then_some((self.kid, verifier))
    }
}

/// Reads a token that `issuer` has signed, at the moment `now_ms` (Unix milliseconds).
///
/// # Errors
/// The first reason it is refused; `OtherKey` if the keys should be asked for anew.
pub fn read(keys: &ForeignKeys, token: &str, issuer: &str, purpose: Purpose<'_>, now_ms: i64) -> Result<ForeignClaims, BadToken> {
    if token.len() > LONGEST {
        return Err(BadToken::TooLong);
    }
    let compact = Compact::parse(token).ok_or(BadToken::Malformed)?;
    let members: Map<String, Value> = serde_json::from_slice(&compact.header).map_err(|_| BadToken::Malformed)?;
    let WireHeader { alg, typ, kid } = serde_json::from_slice(&compact.header).map_err(|_| BadToken::Malformed)?;
    if REFUSED.iter().any(|member| members.contains_key(*member)) {
        return Err(BadToken::Malformed);
    }
    if !purpose.is_of(typ.as_deref()) {
        return Err(BadToken::OtherType);
    }
    let json = compact.verified(keys.find(kid.as_deref(), &alg)?).ok_or(BadToken::BadSignature)?;
    let claims: WireClaims = serde_json::from_slice(&json).map_err(|_| BadToken::Malformed)?;
    let all = serde_json::from_slice(&json).map_err(|_| BadToken::Malformed)?;
    check(&claims, issuer, purpose, now_ms)?;
    let verified_email = claims.email.filter(|_| claims.email_verified == Some(Value::Bool(true)));
    Ok(ForeignClaims { subject: claims.sub, issued_at: claims.iat, expires_at: claims.exp, verified_email, name: claims.name, all })
}

/// Whom a token says it is from, whoever wrote it: to choose the keys that it has to match, and for nothing else.
pub fn claimed_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let compact = Compact::parse(token).filter(|_| token.len() <= LONGEST)?;
    Some(serde_json::from_slice::<Issuer>(&compact.unverified()?).ok()?.iss)
}

fn check(claims: &WireClaims, issuer: &str, purpose: Purpose<'_>, now_ms: i64) -> Result<(), BadToken> {
    if claims.iss != issuer {
        return Err(BadToken::OtherIssuer);
    }
    match purpose {
        Purpose::Access { audience } if claims.aud.names(audience) => {}
        Purpose::Identity { client_id, .. }
            if claims.aud.is_only(client_id) && claims.azp.as_deref().is_none_or(|azp| azp == client_id) => {}
        _ => return Err(BadToken::OtherAudience),
    }
    if claims.sub.is_empty() || claims.sub.len() > LONGEST_SUBJECT {
        return Err(BadToken::Malformed);
    }
    if is_over(claims.exp, now_ms) {
        return Err(BadToken::Expired);
    }
    if is_to_come(claims.iat, now_ms) || claims.nbf.is_some_and(|begin| is_to_come(begin, now_ms)) {
        return Err(BadToken::NotYetValid);
    }
    match purpose {
        Purpose::Identity { nonce, .. } if claims.nonce.as_deref() != Some(nonce) => Err(BadToken::OtherNonce),
        _ => Ok(()),
    }
}

impl Purpose<'_> {
    /// Access tokens have the type of RFC 9068, or that of any JWT, as many providers write; those that say who signed in have the latter, or none.
    fn is_of(self, typ: Option<&str>) -> bool {
        let typ = typ.map(str::to_ascii_lowercase);
        let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        match self {
            Self::Access { .. } => matches!(typ, None | Some("at+jwt" | "jwt")),
            Self::Identity { .. } => matches!(typ, None | Some("jwt")),
        }
    }
}

impl ForeignClaims {
    /// The words of a claim that is a text or a list of texts. A claim has its name as it stands, or lies inside others: `realm_access.roles`.
    pub fn words(&self, claim: &str) -> Vec<String> {
        let inside = || {
            let mut names = claim.split('.');
            let first = self.all.get(names.next()?)?;
            names.try_fold(first, |value, name| value.get(name))
        };
        match self.all.get(claim).or_else(inside) {
            Some(Value::String(word)) => vec![word.clone()],
            Some(Value::Array(words)) => words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
#[path = "foreign_tests.rs"]
mod tests;
