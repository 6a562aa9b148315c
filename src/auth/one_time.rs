//! One-time links: opaque tokens with which somebody sets a password, once. Stored as hashes.

use super::opaque;
use super::seal::hexadecimal;
use super::token::IssueFailure;
use sha2::{Digest, Sha256};
use std::fmt;

/// Tells people and scanners of leaked secrets what it is.
const PREFIX: &str = "cdi_";

/// A token of 256 bits. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeToken([u8; 32]);

impl OneTimeToken {
    /// A new one, from the system's randomness.
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

    /// The token itself, for whom it is made alone. It goes into a web address as it is.
    pub fn reveal(&self) -> String {
        opaque::written(PREFIX, &self.0)
    }

    /// What is stored of it: SHA-256 in hexadecimal. It has 256 random bits: nothing slower is needed.
    pub fn hash(&self) -> String {
        hexadecimal(&Sha256::digest(self.0))
    }
}

impl fmt::Debug for OneTimeToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OneTimeToken([hidden])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is() {
        let token = OneTimeToken::random().unwrap();
        let text = token.reveal();
        assert_eq!(OneTimeToken::parse(&text), Some(token.clone()));
        for bad in ["", "cdi_", &text[4..], &text[..text.len() - 1], &format!("{text}A"), &text.replace("cdi_", "cdr_")] {
            assert_eq!(OneTimeToken::parse(bad), None, "{bad}");
        }
        assert!(!format!("{token:?}").contains(&text[4..]));
        assert_eq!(token.hash().len(), 64);
        assert!(!token.hash().contains(&text[4..]));
    }
}
