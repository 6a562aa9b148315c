//! One broken rule of an input: where, which, and what to do about it.

use serde::Serialize;
use utoipa::ToSchema;

/// How many breaches of one request are told: more help nobody, and would make an answer many times the size of what asked for it.
pub const MOST_BREACHES: usize = 100;

/// Where in the request a rule was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A member of the body, as a JSON Pointer (RFC 6901).
    Pointer(String),
    /// A query parameter, by name.
    Parameter(String),
    /// A request header, by name.
    Header(String),
}

/// One broken rule. All breaches of a request are reported together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Breach {
    #[serde(flatten)]
    pub place: Place,
    /// Stable, snake_case.
    #[schema(example = "too_long")]
    pub code: String,
    /// What is wrong and what is allowed, for people.
    #[schema(example = "Use at most 300 characters.")]
    pub detail: String,
}

impl Breach {
    pub fn member(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self { place: Place::Pointer(pointer.into()), code: code.to_owned(), detail: detail.into() }
    }

    pub fn parameter(name: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self { place: Place::Parameter(name.into()), code: code.to_owned(), detail: detail.into() }
    }

    pub fn header(name: &str, code: &str, detail: impl Into<String>) -> Self {
        Self { place: Place::Header(name.to_owned()), code: code.to_owned(), detail: detail.into() }
    }
}
