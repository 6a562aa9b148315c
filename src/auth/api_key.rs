//! API keys: opaque, recognisable, with a checksum that tells a typo, or a look-alike, before any database is asked. Stored as hashes.

use super::opaque;
use super::seal::hexadecimal;
use super::token::IssueFailure;
use sha2::{Digest, Sha256};
use std::fmt;

/// Tells people and scanners of leaked secrets what it is: `cdk_[A-Za-z0-9_-]{48}`.
pub const PREFIX: &str = "cdk_";
/// So many characters of a key, the prefix with them, are shown in lists: 36 of its 256 bits.
const SHOWN: usize = 10;
const RANDOM: usize = 32;
const CHECKED: usize = RANDOM + 4;

/// A key: 256 random bits and their CRC-32, 48 characters of base64url. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey([u8; RANDOM]);

impl ApiKey {
    /// A new one, from the system's randomness.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn random() -> Result<Self, IssueFailure> {
        opaque::random().map(Self)
    }

    /// Reads a key as a client sends it; `None` if it is none of ours in form, or its checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; CHECKED] = opaque::read(PREFIX, text)?;
        let (random, checksum) = bytes.split_at_checked(RANDOM)?;
        (crc32fast::hash(random).to_be_bytes() == checksum).then_some(())?;
        Some(Self(random.try_into().ok()?))
    }

    /// The key itself, for its owner alone.
    pub fn reveal(&self) -> String {
        let checksum = crc32fast::hash(&self.0).to_be_bytes();
        opaque::written(PREFIX, &[self.0.as_slice(), &checksum].concat())
    }

    /// The first characters, by which people know it again.
    pub fn prefix(&self) -> String {
        self.reveal().chars().take(SHOWN).collect()
    }

    /// What is stored of it: SHA-256 in hexadecimal. A key has 256 random bits: nothing slower, and no secret, is needed, so that a new
    /// signing secret leaves keys in force.
    pub fn hash(&self) -> String {
        hexadecimal(&Sha256::new().chain_update(b"copydesk API key\n").chain_update(self.0).finalize())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey([hidden])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_a_typo_is_told() {
        let key = ApiKey::random().unwrap();
        let text = key.reveal();
        assert_eq!((text.len(), ApiKey::parse(&text)), (52, Some(key.clone())));
        assert!(text.starts_with(&key.prefix()) && key.prefix().len() == 10);
        for (at, was) in text.char_indices().skip(4) {
            let mut typo = text.clone();
            typo.replace_range(at..=at, if was == 'A' { "B" } else { "A" });
            assert_eq!(ApiKey::parse(&typo), None, "{at}");
        }
        for bad in [
            "",
            "cdk_",
            &text[4..],
            &text[..51],
            &format!("{text}A"),
            &format!("{text}="),
            &text.replace("cdk_", "cdr_"),
            &text.to_uppercase(),
        ] {
            assert_eq!(ApiKey::parse(bad), None, "{bad}");
        }
        assert!(!format!("{key:?}").contains(&text[4..]));
        assert_eq!(key.hash().len(), 64);
        assert!(!key.hash().contains(&text[4..12]));
    }
}
