//! The keys that sign this server's tokens: made here, kept sealed by whoever keeps them, the newest of the configured algorithm signs.

use super::jws::{Algorithm, Signer, Verifier};
use super::opaque;
use super::seal::{Sealer, hexadecimal};
use super::token::IssueFailure;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// A key as it is kept: nobody who has not the server's secret can sign with it. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// What tokens call it.
    pub kid: String,
    /// `HS256` or `EdDSA`.
    pub algorithm: String,
    pub sealed: Vec<u8>,
    pub created_at: i64,
    /// When another took its place; its tokens are good until they expire.
    pub retired_at: Option<i64>,
}

/// A public key for those who check our tokens (RFC 7517 §4, RFC 8037 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicKey {
    pub kid: String,
    pub kty: &'static str,
    pub crv: &'static str,
    pub x: String,
    pub alg: &'static str,
    #[serde(rename = "use")]
    pub usage: &'static str,
}

/// A key that was opened.
pub(super) struct Key {
    pub kid: String,
    pub signer: Signer,
    pub verifier: Verifier,
    retired_at: Option<i64>,
}

/// The keys whose place nobody took, then the others, the newest first.
#[derive(Default)]
pub(super) struct Keyring {
    keys: Vec<Key>,
    /// What they were opened from.
    sealed: Vec<SealedKey>,
}

impl SealedKey {
    /// A new key.
    pub(super) fn new(algorithm: Algorithm, sealer: &Sealer, now_ms: i64) -> Result<Self, IssueFailure> {
        let (secret, name) = (opaque::random::<32>()?, opaque::random::<8>()?);
        let (kid, algorithm) = (hexadecimal(&name), algorithm.name().to_owned());
        let sealed = sealer.key_envelope(&kid, &algorithm).seal(&secret).map_err(|_| IssueFailure)?;
        Ok(Self { kid, algorithm, sealed, created_at: now_ms, retired_at: None })
    }

    /// `None` if it was sealed with another secret, or is damaged.
    fn open(&self, sealer: &Sealer) -> Option<Key> {
        let secret = sealer.key_envelope(&self.kid, &self.algorithm).open(&self.sealed)?.try_into().ok()?;
        let signer = Signer::new(Algorithm::named(&self.algorithm)?, &secret)?;
        Some(Key { kid: self.kid.clone(), verifier: signer.verifier(), signer, retired_at: self.retired_at })
    }
}

impl Keyring {
    /// Opens those that were sealed with our secret.
    pub fn open(mut sealed: Vec<SealedKey>, sealer: &Sealer) -> Self {
        let age = |key: &SealedKey| (key.retired_at.is_none(), key.created_at, key.kid.clone());
        sealed.sort_by_key(|key| std::cmp::Reverse(age(key)));
        Self { keys: sealed.iter().filter_map(|key| key.open(sealer)).collect(), sealed }
    }

    /// Whether it was opened from these.
    pub fn is_of(&self, sealed: &[SealedKey]) -> bool {
        self.sealed.len() == sealed.len() && self.sealed.iter().all(|key| sealed.contains(key))
    }

    /// The key that signs. One whose place was taken signs only while no node has one that is not.
    pub fn signing(&self, algorithm: Algorithm) -> Option<&Key> {
        self.keys.iter().find(|key| key.verifier.algorithm() == algorithm)
    }

    /// Whether there is a key to sign with whose place nobody took.
    pub fn has_current(&self, algorithm: Algorithm) -> bool {
        self.signing(algorithm).is_some_and(|key| key.retired_at.is_none())
    }

    pub fn named(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// Those that have a public half and may have signed what is good for `lifetime_ms`.
    pub fn public(&self, lifetime_ms: i64, now_ms: i64) -> Vec<PublicKey> {
        let public = |key: &Key| match &key.verifier {
            Verifier::EdDsa(point) if key.is_good(lifetime_ms, now_ms) => Some(PublicKey {
                kid: key.kid.clone(),
                kty: "OKP",
                crv: "Ed25519",
                x: URL_SAFE_NO_PAD.encode(point),
                alg: "EdDSA",
                usage: "sig",
            }),
            _ => None,
        };
        self.keys.iter().filter_map(public).collect()
    }

    pub fn names(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key.kid.as_str()).collect()
    }
}

impl Key {
    /// Whether what it has signed, and what is good for so long, may still be good.
    pub fn is_good(&self, lifetime_ms: i64, now_ms: i64) -> bool {
        self.retired_at.is_none_or(|at| now_ms < at.saturating_add(lifetime_ms))
    }
}
