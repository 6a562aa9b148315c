//! Access and preview tokens: JWT (RFC 7519), access tokens in the profile of RFC 9068, signed with HS256, read as strictly as RFC 8725 asks.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::hs256;
use super::refresh::Rotation;
use super::seal::Sealer;
use super::secret::SigningSecret;

/// What a token is for. One kind is never read as another: each has a media type and an audience of its own (RFC 8725 §3.11, §3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Access,
    Preview,
}

impl Kind {
    /// The media type, in the header `typ`; that of an access token is RFC 9068 §2.1's.
    const fn media_type(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Preview => "preview+jwt",
        }
    }
}

/// Seconds by which the clocks of two machines may differ.
const LEEWAY_SECONDS: i64 = 5;
/// Longest token that is looked at, in bytes; ours have about 400.
const LONGEST: usize = 4096;

/// Whom a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The user's id, the claim `sub`.
    pub user_id: String,
    /// The user's token version, the claim `ver`: raising it ends every token issued before.
    pub ver: i64,
    /// The session that it belongs to, the claim `sid`: it ends with the session. A token without one ends by itself or by `ver`.
    pub session: Option<String>,
}

/// What a preview token shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The token's own id, the claim `jti`: what else is known of the token is stored under it.
    pub id: String,
    /// The story's id, the claim `sub`.
    pub article_id: String,
}

/// A fresh token, as the answer to a login carries it. `Debug` does not show the token.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The compact form (RFC 7515 §7.1), to be sent as `Authorization: Bearer`.
    pub token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IssuedToken").field("token", &"[hidden]").field("expires_in", &self.expires_in).finish()
    }
}

/// What a valid token says; the caller still compares `ver` with the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The user's id.
    pub sub: String,
    /// The user's token version when the token was issued.
    pub ver: i64,
    /// The session that it belongs to, if any.
    pub sid: Option<String>,
    /// The token's own id.
    pub jti: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
}

/// Why a token is refused. Clients learn only that it is invalid; this is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadToken {
    #[error("the token is longer than 4096 bytes")]
    TooLong,
    #[error("the token is not three base64url parts with the header and claims of its kind")]
    Malformed,
    #[error("the token's header names another algorithm than HS256")]
    OtherAlgorithm,
    #[error("the token's header names another type than the one wanted here")]
    OtherType,
    #[error("the token's header names another key than ours")]
    OtherKey,
    #[error("the token's signature is not ours")]
    BadSignature,
    #[error("the token's issuer is another")]
    OtherIssuer,
    #[error("the token's audience is another")]
    OtherAudience,
    #[error("the token is expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// The library could not sign, or the system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no token could be made")]
pub struct IssueFailure;

/// Issues and reads the tokens of one issuer for one audience.
#[derive(Clone)]
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    kid: String,
    issuer: String,
    audience: String,
    lifetime_seconds: i64,
    sealer: Sealer,
    rotation: Rotation,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").field("kid", &self.kid).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Tokens signed with `secret`, which say `iss` and `aud` and live for `lifetime_seconds`.
    pub fn new(secret: &SigningSecret, issuer: &str, audience: &str, lifetime_seconds: i64) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        // The library compares with the system clock and takes any member of an `aud` array; `read` does both by hand.
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        validation.required_spec_claims.clear();
        Self {
            signing: EncodingKey::from_secret(secret.as_bytes()),
            checking: DecodingKey::from_secret(secret.as_bytes()),
            validation,
            kid: Sha256::digest(secret.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect(),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            lifetime_seconds,
            sealer: Sealer::new(secret),
            rotation: Rotation::new(secret),
        }
    }

    /// What seals answers with the same secret.
    pub const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// What makes refresh tokens with the same secret.
    pub const fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// Signs a token for `subject`, issued now (Unix milliseconds).
    ///
    /// # Errors
    /// When the system gives no randomness for the token's id.
    pub fn issue(&self, subject: &Subject, now_ms: i64) -> Result<IssuedToken, IssueFailure> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| IssueFailure)?;
        let (sub, jti) = (subject.user_id.clone(), uuid::Builder::from_random_bytes(id).into_uuid().to_string());
        let whose = Whose { sub, jti, ver: Some(subject.ver), sid: subject.session.clone() };
        let token = self.sign(Kind::Access, whose, now_ms, self.lifetime_seconds)?;
        Ok(IssuedToken { token, expires_in: self.lifetime_seconds })
    }

    /// Signs a token that shows a story for `lifetime_seconds` from now (Unix milliseconds) to whoever sends it.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub fn issue_preview(&self, preview: &Preview, lifetime_seconds: i64, now_ms: i64) -> Result<IssuedToken, IssueFailure> {
        let whose = Whose { sub: preview.article_id.clone(), jti: preview.id.clone(), ver: None, sid: None };
        let token = self.sign(Kind::Preview, whose, now_ms, lifetime_seconds)?;
        Ok(IssuedToken { token, expires_in: lifetime_seconds })
    }

    /// Reads a token as it was sent, at the moment `now_ms` (Unix milliseconds): header first, then the signature, then the claims.
    ///
    /// # Errors
    /// The first reason it is refused.
    pub fn read(&self, token: &str, now_ms: i64) -> Result<Claims, BadToken> {
        let WireClaims { sub, ver, sid, jti, iat, exp, .. } = self.read_kind(Kind::Access, token, now_ms)?;
        Ok(Claims { sub, ver: ver.ok_or(BadToken::Malformed)?, sid, jti, iat, exp })
    }

    /// Reads a preview token in the same way; the caller still looks whether it is stored under its id.
    ///
    /// # Errors
    /// The first reason it is refused.
    pub fn read_preview(&self, token: &str, now_ms: i64) -> Result<Preview, BadToken> {
        let WireClaims { sub, jti, .. } = self.read_kind(Kind::Preview, token, now_ms)?;
        Ok(Preview { id: jti, article_id: sub })
    }

    fn sign(&self, kind: Kind, whose: Whose, now_ms: i64, lifetime_seconds: i64) -> Result<String, IssueFailure> {
        let Whose { sub, jti, ver, sid } = whose;
        let (iss, aud, iat) = (self.issuer.clone(), Audience::One(self.audience(kind)), now_ms.div_euclid(1000));
        let claims = WireClaims { iss, aud, sub, iat, exp: iat.saturating_add(lifetime_seconds), nbf: None, jti, ver, sid };
        let header = Header { typ: Some(kind.media_type().to_owned()), kid: Some(self.kid.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &self.signing).map_err(|_| IssueFailure)
    }

    fn audience(&self, kind: Kind) -> String {
        match kind {
            Kind::Access => self.audience.clone(),
            Kind::Preview => format!("{}/preview", self.audience),
        }
    }

    fn read_kind(&self, kind: Kind, token: &str, now_ms: i64) -> Result<WireClaims, BadToken> {
        if token.len() > LONGEST {
            return Err(BadToken::TooLong);
        }
        self.check_header(kind, token)?;
        let claims = jsonwebtoken::decode::<WireClaims>(token, &self.checking, &self.validation).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => BadToken::BadSignature,
            _ => BadToken::Malformed,
        })?;
        self.check_claims(kind, claims.claims, now_ms)
    }

    fn check_header(&self, kind: Kind, token: &str) -> Result<(), BadToken> {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(BadToken::Malformed);
        };
        let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| BadToken::Malformed)?;
        let header: WireHeader = serde_json::from_slice(&json).map_err(|_| BadToken::Malformed)?;
        if header.alg != "HS256" {
            return Err(BadToken::OtherAlgorithm);
        }
        // RFC 7515 §4.1.9: media types compare without case, and `application/` may be left out.
        let media_type = header.typ.to_ascii_lowercase();
        if media_type.strip_prefix("application/").unwrap_or(&media_type) != kind.media_type() {
            return Err(BadToken::OtherType);
        }
        if header.kid.is_some_and(|kid| kid != self.kid) {
            return Err(BadToken::OtherKey);
        }
        Ok(())
    }

    fn check_claims(&self, kind: Kind, claims: WireClaims, now_ms: i64) -> Result<WireClaims, BadToken> {
        let WireClaims { iss, aud, sub, iat, exp, nbf, jti, ver: _, sid: _ } = &claims;
        if *iss != self.issuer {
            return Err(BadToken::OtherIssuer);
        }
        if !aud.is_only(&self.audience(kind)) {
            return Err(BadToken::OtherAudience);
        }
        if sub.is_empty() || jti.is_empty() {
            return Err(BadToken::Malformed);
        }
        if now_ms >= milliseconds(exp.saturating_add(LEEWAY_SECONDS)) {
            return Err(BadToken::Expired);
        }
        if nbf.iter().chain([iat]).any(|begin| now_ms < milliseconds(begin.saturating_sub(LEEWAY_SECONDS))) {
            return Err(BadToken::NotYetValid);
        }
        Ok(claims)
    }
}

fn milliseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}

/// The only header members there are: `crit`, `jku`, `jwk`, `x5u`, `x5c` and whatever else names keys or changes the meaning is refused
/// for being unknown (RFC 7515 §4.1, RFC 8725 §3.10).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHeader {
    alg: String,
    typ: String,
    kid: Option<String>,
}

/// The claims of RFC 9068 §2.2, less `client_id`, and our `ver` and `sid`, which access tokens alone have; a missing or repeated one does
/// not parse, unknown ones are ignored (RFC 7519 §4).
#[derive(Serialize, Deserialize)]
struct WireClaims {
    iss: String,
    aud: Audience,
    sub: String,
    iat: i64,
    exp: i64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    jti: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    ver: Option<i64>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

/// What tells one token from all others.
struct Whose {
    sub: String,
    jti: String,
    ver: Option<i64>,
    sid: Option<String>,
}

/// `"nbf": null` is not the same as no `nbf`: it is not a time.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    /// A token that is also for somebody else could be sent on to us by them.
    fn is_only(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => matches!(many.as_slice(), [one] if one == audience),
        }
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
