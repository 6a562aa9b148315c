//! What a newsroom says in public about a story that it has changed or got wrong.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most that one story may have: all of them go out with each read of it.
pub const MOST_CORRECTIONS: usize = 100;

/// What kind of note it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionKind {
    /// Something was wrong.
    Correction,
    /// Something could be misunderstood.
    Clarification,
    /// Something new has happened.
    Update,
}

impl CorrectionKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Correction => "correction",
            Self::Clarification => "clarification",
            Self::Update => "update",
        }
    }

    /// The kind of that name, as it is stored.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Correction, Self::Clarification, Self::Update].into_iter().find(|kind| kind.name() == name)
    }
}
