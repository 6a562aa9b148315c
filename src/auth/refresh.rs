//! Refresh tokens: opaque, single use, stored as hashes. Each is made of the one before it and the server's secret, so that an answer
//! which was lost on its way can be given once more, and nobody else can foresee the next one.

use super::opaque;
use super::seal::{hexadecimal, keyed};
use super::secret::SigningSecret;
use super::token::IssueFailure;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;

/// Tells people and scanners of leaked secrets what it is.
const PREFIX: &str = "cdr_";

/// A refresh token of 256 bits. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken([u8; 32]);

/// What makes the next token of the one that was spent, and what is stored of each.
#[derive(Clone)]
pub struct Rotation(Hmac<Sha256>);

impl RefreshToken {
    /// The first of a session, from the system's randomness.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn random() -> Result<Self, IssueFailure> {
        opaque::random().map(Self)
    }

    /// Reads a token as a client sends it; `None` if it is none of ours in form.
    pub fn parse(text: &str) -> Option<Self> {
        opaque::read(PREFIX, text).map(Self)
    }

    /// The token itself, for the client alone.
    pub fn reveal(&self) -> String {
        opaque::written(PREFIX, &self.0)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RefreshToken([hidden])")
    }
}

impl Rotation {
    pub(super) fn new(secret: &SigningSecret) -> Self {
        Self(keyed(secret))
    }

    /// The token that takes the place of `spent`.
    pub fn next(&self, spent: &RefreshToken) -> RefreshToken {
        RefreshToken(self.of(b"copydesk next refresh token\n", spent))
    }

    /// What is stored of a token: HMAC-SHA-256 in hexadecimal, so that a new secret ends refresh tokens with all others. A token has 256
    /// random bits: nothing slower is needed.
    pub fn hash(&self, token: &RefreshToken) -> String {
        hexadecimal(&self.of(b"copydesk stored refresh token\n", token))
    }

    fn of(&self, what: &[u8], token: &RefreshToken) -> [u8; 32] {
        self.0.clone().chain_update(what).chain_update(token.0).finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is() {
        let token = RefreshToken::random().unwrap();
        assert_eq!(RefreshToken::parse(&token.reveal()), Some(token.clone()));
        let text = token.reveal();
        for bad in ["", "cdr_", &text[4..], &text[..text.len() - 1], &format!("{text}A"), &text.replace("cdr_", "cdk_")] {
            assert_eq!(RefreshToken::parse(bad), None, "{bad}");
        }
        assert!(!format!("{token:?}").contains(&text[4..]));
    }

    #[test]
    fn the_next_token_is_the_same_each_time_and_another_with_another_secret() {
        let rotation = |secret: &str| Rotation::new(&SigningSecret::from_config(secret).unwrap());
        let (ours, theirs) = (rotation("a secret that is long enough for this"), rotation("another that is long enough for this"));
        let first = RefreshToken::random().unwrap();
        assert_eq!(ours.next(&first), ours.next(&first));
        assert_ne!(ours.next(&first), first);
        assert_ne!(ours.next(&first), theirs.next(&first));
        assert_ne!(ours.next(&ours.next(&first)), ours.next(&first));
        assert_eq!((ours.hash(&first).len(), ours.hash(&first) == theirs.hash(&first)), (64, false));
    }
}
