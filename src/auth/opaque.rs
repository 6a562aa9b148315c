//! What opaque secrets are made of: the system's randomness, and how it is written down.

use super::token::IssueFailure;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Thirty-two characters that cannot be mistaken for one another when read aloud or typed from paper.
pub(super) const UNAMBIGUOUS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Bytes that nobody can foresee.
pub(super) fn random<const N: usize>() -> Result<[u8; N], IssueFailure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| IssueFailure)?;
    Ok(bytes)
}

/// So many unambiguous characters, of 5 bits each.
pub(super) fn random_text<const N: usize>() -> Result<String, IssueFailure> {
    // 32 divides 256, so the remainder keeps every character equally likely.
    Ok(random::<N>()?.iter().map(|byte| char::from(UNAMBIGUOUS[usize::from(byte % 32)])).collect())
}

/// As clients send it: base64url behind a prefix that tells people and scanners of leaked secrets what it is.
pub(super) fn written(prefix: &str, bytes: &[u8]) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// What was written like that; `None` if it is something else, or of another length.
pub(super) fn read<const N: usize>(prefix: &str, text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text.strip_prefix(prefix)?).ok()?.try_into().ok()
}
