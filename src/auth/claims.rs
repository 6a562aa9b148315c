//! What claims mean, whoever has signed them: whom a token is for, and when it is good.

use serde::{Deserialize, Serialize};

/// Seconds by which the clocks of two machines may differ.
pub(super) const LEEWAY_SECONDS: i64 = 5;

/// The claim `aud` (RFC 7519 §4.1.3).
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    /// A token that is also for somebody else could be sent on to us by them.
    pub(super) fn is_only(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => matches!(many.as_slice(), [one] if one == audience),
        }
    }

    pub(super) fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// Whether a token that expires then (in seconds) has expired, whichever clock of the two is right.
pub(super) const fn is_over(exp: i64, now_ms: i64) -> bool {
    now_ms >= milliseconds(exp.saturating_add(LEEWAY_SECONDS))
}

/// Whether a moment (in seconds) is still to come.
pub(super) const fn is_to_come(begin: i64, now_ms: i64) -> bool {
    now_ms < milliseconds(begin.saturating_sub(LEEWAY_SECONDS))
}

/// Of seconds, as claims have them.
pub(super) const fn milliseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}
