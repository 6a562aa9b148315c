//! Access and preview tokens: JWT (RFC 7519), access tokens in the profile of RFC 9068, read as strictly as RFC 8725 asks.

use std::fmt;

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::claims::{Audience, LEEWAY_SECONDS, is_over, is_to_come, milliseconds};
use super::jws::{Algorithm, Compact};
use super::keys::{Keyring, PublicKey, SealedKey};
use super::opaque;
use super::refresh::Rotation;
use super::seal::Sealer;
use super::secret::SigningSecret;
use super::ticket::TicketOffice;

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

/// Longest token that is looked at, in bytes; ours have about 400.
const LONGEST: usize = 4096;
/// The longest life of a preview token, in seconds: 30 days.
pub const LONGEST_PREVIEW_SECONDS: i64 = 2_592_000;

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
    #[error("the token's header names another algorithm than its key has")]
    OtherAlgorithm,
    #[error("the token's header names another type than the one wanted here")]
    OtherType,
    #[error("the token's header names a key that this server does not have")]
    OtherKey,
    #[error("the token's key was replaced, longer ago than any token of its kind lives")]
    RetiredKey,
    #[error("the token's signature is not ours")]
    BadSignature,
    #[error("the token's issuer is another")]
    OtherIssuer,
    #[error("the token's audience is another")]
    OtherAudience,
    #[error("the token belongs to another sign-in")]
    OtherNonce,
    #[error("the token is expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// There is no key to sign with, or the system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no token could be made")]
pub struct IssueFailure;

/// Issues and reads the tokens of one issuer for one audience. Clones share their keys.
#[derive(Clone)]
pub struct Tokens {
    keys: Arc<RwLock<Arc<Keyring>>>,
    algorithm: Algorithm,
    issuer: String,
    audience: String,
    lifetime_seconds: i64,
    sealer: Sealer,
    rotation: Rotation,
    ticket_office: TicketOffice,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tokens").field("keys", &self.ring().names()).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Tokens that say `iss` and `aud` and live for `lifetime_seconds`, signed with HS256 by keys that `secret` opens. There are none yet:
    /// see [`Tokens::take_keys`].
    pub fn new(secret: &SigningSecret, issuer: &str, audience: &str, lifetime_seconds: i64) -> Self {
        Self {
            keys: Arc::default(),
            algorithm: Algorithm::Hs256,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            lifetime_seconds,
            sealer: Sealer::new(secret),
            rotation: Rotation::new(secret),
            ticket_office: TicketOffice::new(secret),
        }
    }

    /// The same, signed with another algorithm. Tokens of before are read on.
    #[must_use]
    pub fn signed_with(self, algorithm: Algorithm) -> Self {
        Self { algorithm, ..self }
    }

    /// A new key, to be kept and taken with the others.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn make_key(&self, now_ms: i64) -> Result<SealedKey, IssueFailure> {
        SealedKey::new(self.algorithm, &self.sealer, now_ms)
    }

    /// Signs and reads with these keys from now on, as far as our secret opens them. Answers whether they are others than before.
    pub fn take_keys(&self, sealed: Vec<SealedKey>) -> bool {
        let are_others = !self.ring().is_of(&sealed);
        if are_others {
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Keyring::open(sealed, &self.sealer));
        }
        are_others
    }

    /// Whether there is a key to sign with whose place no other took.
    pub fn can_sign(&self) -> bool {
        self.ring().has_current(self.algorithm)
    }

    /// The name of the key that signs.
    pub fn signing_key(&self) -> Option<String> {
        self.ring().signing(self.algorithm).map(|key| key.kid.clone())
    }

    /// The names of the keys that our secret has opened, the newest first.
    pub fn key_names(&self) -> Vec<String> {
        self.ring().names().into_iter().map(str::to_owned).collect()
    }

    /// The public halves of the keys that access tokens may be signed with; keys of HS256 have none.
    pub fn public_keys(&self, now_ms: i64) -> Vec<PublicKey> {
        self.ring().public(self.longest_life(Kind::Access), now_ms)
    }

    /// The moment (Unix milliseconds) before which a key must have been replaced so that nothing it has signed is good now.
    pub const fn forgotten_before(now_ms: i64) -> i64 {
        now_ms.saturating_sub(milliseconds(LONGEST_PREVIEW_SECONDS + LEEWAY_SECONDS))
    }

    fn ring(&self) -> Arc<Keyring> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long after its signing a token may be read, in milliseconds.
    fn longest_life(&self, kind: Kind) -> i64 {
        let seconds = match kind {
            Kind::Access => self.lifetime_seconds,
            Kind::Preview => LONGEST_PREVIEW_SECONDS,
        };
        milliseconds(seconds.saturating_add(LEEWAY_SECONDS))
    }

    /// What seals answers with the same secret.
    pub const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// What makes refresh tokens with the same secret.
    pub const fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// What makes the parts of sign-ins elsewhere with the same secret.
    pub const fn ticket_office(&self) -> &TicketOffice {
        &self.ticket_office
    }

    /// Signs a token for `subject`, issued now (Unix milliseconds).
    ///
    /// # Errors
    /// When the system gives no randomness for the token's id, or there is no key to sign with.
    pub fn issue(&self, subject: &Subject, now_ms: i64) -> Result<IssuedToken, IssueFailure> {
        let (sub, jti) = (subject.user_id.clone(), uuid::Builder::from_random_bytes(opaque::random()?).into_uuid().to_string());
        let whose = Whose { sub, jti, ver: Some(subject.ver), sid: subject.session.clone() };
        let token = self.sign(Kind::Access, whose, now_ms, self.lifetime_seconds)?;
        Ok(IssuedToken { token, expires_in: self.lifetime_seconds })
    }

    /// Signs a token that shows a story for `lifetime_seconds` from now (Unix milliseconds) to whoever sends it.
    ///
    /// # Errors
    /// When there is no key to sign with.
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
        let ring = self.ring();
        let key = ring.signing(self.algorithm).ok_or(IssueFailure)?;
        let header = WireHeader { alg: self.algorithm.name().to_owned(), typ: kind.media_type().to_owned(), kid: key.kid.clone() };
        key.signer.sign(&header, &claims).ok_or(IssueFailure)
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
        let compact = Compact::parse(token).ok_or(BadToken::Malformed)?;
        let WireHeader { alg, typ, kid } = serde_json::from_slice(&compact.header).map_err(|_| BadToken::Malformed)?;
        // RFC 7515 §4.1.9: media types compare without case, and `application/` may be left out.
        let media_type = typ.to_ascii_lowercase();
        if media_type.strip_prefix("application/").unwrap_or(&media_type) != kind.media_type() {
            return Err(BadToken::OtherType);
        }
        let ring = self.ring();
        let key = ring.named(&kid).ok_or(BadToken::OtherKey)?;
        if alg != key.verifier.algorithm().name() {
            return Err(BadToken::OtherAlgorithm);
        }
        if !key.is_good(self.longest_life(kind), now_ms) {
            return Err(BadToken::RetiredKey);
        }
        let claims = compact.verified(&key.verifier).ok_or(BadToken::BadSignature)?;
        self.check_claims(kind, serde_json::from_slice(&claims).map_err(|_| BadToken::Malformed)?, now_ms)
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
        if is_over(*exp, now_ms) {
            return Err(BadToken::Expired);
        }
        if nbf.iter().chain([iat]).any(|begin| is_to_come(*begin, now_ms)) {
            return Err(BadToken::NotYetValid);
        }
        Ok(claims)
    }
}

/// The only header members there are, each once: `crit`, `jku`, `jwk`, `x5u`, `x5c` and whatever else names keys or changes the meaning is refused
/// for being unknown (RFC 7515 §4.1, RFC 8725 §3.10).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHeader {
    alg: String,
    typ: String,
    kid: String,
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

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
