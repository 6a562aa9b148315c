//! `If-Match`: nobody overwrites what they have not seen (RFC 9110 §13.1.1, RFC 6585 §3).

use super::problem::{Code, Problem};
use crate::domain::time::Moment;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev};
use serde_json::json;
use std::future::{Ready, ready};

/// The versions that the caller has seen and may overwrite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever is there.
    Any,
    /// The version numbers in the entity tags; tags that are not ours match nothing.
    Versions(Vec<i64>),
}

/// What a stale caller is told.
pub struct Current {
    pub version: i64,
    pub changed_by: Option<String>,
    pub changed_at: i64,
    /// The members that differ from what the caller has seen, as far as that is known.
    pub differing: Vec<String>,
    /// Those of them that the caller's change would have changed, too.
    pub conflicting: Vec<String>,
}

impl IfMatch {
    /// Whether the caller has seen `version`.
    pub fn allows(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }

    /// The newest version that the caller has seen.
    pub fn seen(&self) -> Option<i64> {
        match self {
            Self::Any => None,
            Self::Versions(versions) => versions.iter().copied().max(),
        }
    }

    /// What the header's value says, or a member of a body that stands for it.
    pub fn parse(values: &str) -> Self {
        if values.trim() == "*" {
            return Self::Any;
        }
        Self::Versions(values.split(',').filter_map(version_of).collect())
    }
}

/// The version in one entity tag of ours, `"<version>-<hash>"`; weak ones count by their version, too.
fn version_of(tag: &str) -> Option<i64> {
    let tag = tag.trim();
    let opaque = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
    let (version, _hash) = opaque.split_once('-')?;
    let is_plain = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| version.parse().ok()).flatten()
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let values: Vec<&str> = request.headers().get_all(header::IF_MATCH).map(|value| value.to_str().unwrap_or("?")).collect();
        ready(if values.is_empty() {
            let detail = "Send `If-Match` with the ETag that you have seen in the working view, or `If-Match: *` to overwrite knowingly.";
            Err(Problem::new(Code::PreconditionRequired, detail))
        } else {
            Ok(Self::parse(&values.join(",")))
        })
    }
}

impl Current {
    /// The refusal of a write that was made for another version.
    pub fn refuse(self) -> Problem {
        let detail = format!("The current version is {}. Fetch it, bring your change into it, and send that with its ETag.", self.version);
        Problem::new(Code::Stale, detail)
            .with_member("current_version", self.version)
            .with_member("changed_by", self.changed_by)
            .with_member("changed_at", Moment::from_milliseconds(self.changed_at).to_string())
            .with_member("differing_members", json!(self.differing))
            .with_member("conflicting_members", json!(self.conflicting))
    }
}

#[cfg(test)]
mod tests {
    use super::IfMatch;

    #[test]
    fn tags_count_by_their_version() {
        assert_eq!(IfMatch::parse("*"), IfMatch::Any);
        assert_eq!(IfMatch::parse("\"3-abc\""), IfMatch::Versions(vec![3]));
        assert_eq!(IfMatch::parse("W/\"3-abc\", \"5-x\""), IfMatch::Versions(vec![3, 5]));
        assert_eq!(IfMatch::parse("garbage, \"x\", \"-1-a\", 3-abc, \"3\""), IfMatch::Versions(vec![]));
        assert!(!IfMatch::parse("garbage").allows(3));
        assert!(IfMatch::parse("W/\"3-abc\", \"5-x\"").allows(5));
    }
}
