//! Sealing of what is kept and has to be read again, kept answers say: whoever has the database alone cannot read them (XChaCha20-Poly1305).

use super::secret::SigningSecret;
use chacha20poly1305::aead::{Aead, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

const NONCE: usize = 24;

/// Makes envelopes of one server's secret.
#[derive(Clone)]
pub struct Sealer(Hmac<Sha256>);

/// Where one answer is kept, and what opens it.
#[derive(Clone)]
pub struct Envelope {
    /// Of a kept answer a hash of whose it is and of the key that they sent, 64 hexadecimal digits; else the id of what is sealed.
    pub name: String,
    key: [u8; 32],
}

/// The system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer could not be sealed")]
pub struct SealFailure;

impl Sealer {
    pub(super) fn new(secret: &SigningSecret) -> Self {
        Self(keyed(secret))
    }

    /// The envelope for the secret of a user's authenticator app.
    pub fn second_factor(&self, user_id: &str) -> Envelope {
        self.of("copydesk sealed second factor\n", user_id)
    }

    /// The envelope for the token in a mail that waits.
    pub fn mail(&self, invitation: &str) -> Envelope {
        self.of("copydesk sealed mail\n", invitation)
    }

    fn of(&self, use_of_it: &str, id: &str) -> Envelope {
        let opens = self.0.clone().chain_update(use_of_it).chain_update(id).finalize().into_bytes();
        Envelope { name: id.to_owned(), key: opens.into() }
    }

    /// The envelope for what `user_id` asked under `key`.
    pub fn envelope(&self, user_id: &str, key: &str) -> Envelope {
        self.envelope_of(b"copydesk sealed answers\n", format!("{user_id}\n{key}"))
    }

    /// The envelope for the signing key of that name; what is sealed as a key of one algorithm is none of another.
    pub(super) fn key_envelope(&self, kid: &str, algorithm: &str) -> Envelope {
        self.envelope_of(b"copydesk sealed signing keys\n", format!("{kid}\n{algorithm}"))
    }

    fn envelope_of(&self, kind: &[u8], what: String) -> Envelope {
        let opens = self.0.clone().chain_update(kind).chain_update(&what).finalize().into_bytes();
        Envelope { name: hexadecimal(&Sha256::digest(what)), key: opens.into() }
    }
}

impl Envelope {
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        let mut sealed = vec![0; NONCE];
        getrandom::fill(&mut sealed).map_err(|_| SealFailure)?;
        let nonce = XNonce::try_from(sealed.as_slice()).map_err(|_| SealFailure)?;
        sealed.extend(XChaCha20Poly1305::new(&self.key.into()).encrypt(&nonce, plain).map_err(|_| SealFailure)?);
        Ok(sealed)
    }

    /// What was sealed; `None` if it was with another secret, or is damaged.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
        XChaCha20Poly1305::new(&self.key.into()).decrypt(&XNonce::try_from(nonce).ok()?, sealed).ok()
    }
}

/// A hash (SHA-256) of the parts of a request that make it the same: 64 hexadecimal digits. No part runs into the next.
pub fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hexadecimal(&hash.finalize())
}

/// What authenticates, and derives other keys, by the server's secret. Each use begins with a text of its own.
pub(super) fn keyed(secret: &SigningSecret) -> Hmac<Sha256> {
    let mut key = [0; 64];
    key[..32].copy_from_slice(&Sha256::digest(secret.as_bytes()));
    hmac::KeyInit::new(&key.into())
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _always_fits = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secret: &str) -> Sealer {
        Sealer::new(&SigningSecret::from_config(secret).unwrap())
    }

    #[test]
    fn only_the_same_caller_key_and_secret_open_an_envelope() {
        let ours = sealer("rQ8vK2mZx7Lp0Tn4Yb6Wc1Hd9Js3Fg5A");
        let sealed = ours.envelope("ana", "key-1").seal(b"token").unwrap();
        assert_eq!(ours.envelope("ana", "key-1").open(&sealed).as_deref(), Some(b"token".as_slice()));
        assert!(!sealed.windows(5).any(|bytes| bytes == b"token"));
        assert_eq!(ours.envelope("ana", "key-2").open(&sealed), None);
        assert_eq!(ours.envelope("eva", "key-1").open(&sealed), None);
        assert_eq!(sealer("Zx7Lp0Tn4Yb6Wc1Hd9Js3Fg5ArQ8vK2m").envelope("ana", "key-1").open(&sealed), None);
        assert_eq!(ours.envelope("ana", "key-1").open(&sealed[..20]), None);
        let damaged: Vec<u8> = sealed.iter().map(|byte| byte ^ 1).collect();
        assert_eq!(ours.envelope("ana", "key-1").open(&damaged), None);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
        assert_eq!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"ab", b"c"]));
    }
}
