//! What a story is about.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether the public sees a tag. Internal tags sort work in the newsroom and never show in the live view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    #[default]
    Public,
    Internal,
}

impl Visibility {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
        }
    }

    /// The visibility of that name, as it is stored.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Public, Self::Internal].into_iter().find(|visibility| visibility.name() == name)
    }
}

/// How many levels of tags there may be.
pub const DEEPEST: usize = 8;
