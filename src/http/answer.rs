//! Finished answers: bodies with their entity tag, and what caches may do with them.

use super::live::Answer;
use super::problem::Problem;
use crate::domain::time::Moment;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

/// What shared caches may do with a live answer: ask again each time, but may show it for 30 s, and five minutes longer while they ask.
pub const PUBLIC: &str = "public, max-age=0, s-maxage=30, stale-while-revalidate=300";
/// The two bounds in it, in seconds.
const SHARED: i64 = 30;
const STALE: i64 = 300;

/// The same for an answer that changes by itself in so many milliseconds; `None` if that is later than any cache keeps it.
pub fn public_for(milliseconds: i64) -> Option<String> {
    let left = milliseconds / 1000;
    let shared = left.min(SHARED);
    (left < SHARED + STALE).then(|| format!("public, max-age=0, s-maxage={shared}, stale-while-revalidate={}", (left - shared).min(STALE)))
}

const PRIVATE: &str = "private, no-store";

/// Says that an answer was given before, to the same `Idempotency-Key`.
const REPLAYED: &str = "idempotency-replayed";

/// What a cache is told about a live answer.
#[derive(Clone, Debug, Default)]
pub struct Public {
    /// The version in the entity tag; `None` for lists, which have none.
    pub version: Option<i64>,
    pub last_modified: Option<Moment>,
    /// The pages beside it (RFC 8288).
    pub link: Option<String>,
    /// The names under which the answer can be purged: `article-<id>`, `author-<id>`, `tag-<id>`, `articles`, …
    pub surrogate_keys: Vec<String>,
}

/// A live answer. The last step (`edges.rs`) gives it its tag, its coding and its headers, and keeps it (`cache.rs`).
pub fn public<T: Serialize>(value: &T, public: Public) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::Ok().content_type("application/json").body(bytes(value)?);
    response.extensions_mut().insert(public);
    Ok(response)
}

/// A live answer whose body is finished already.
pub fn finished(answer: Answer) -> HttpResponse {
    let mut response = HttpResponse::Ok().content_type("application/json").body(answer.body);
    response.extensions_mut().insert(answer.public);
    response
}

/// An answer to a caller alone, as plain data: it can be made in the transaction of a write, and kept with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    status: u16,
    tag: String,
    location: Option<String>,
    body: String,
    /// Whether it was given before.
    #[serde(skip)]
    is_again: bool,
}

impl Reply {
    /// The answer to a read, or to a change of something that was there.
    pub fn private<T: Serialize>(value: &T, version: Option<i64>) -> Result<Self, Problem> {
        let body = serde_json::to_string(value).map_err(|error| Problem::internal(&error.to_string()))?;
        Ok(Self { status: 200, tag: tag(version, body.as_bytes()), location: None, body, is_again: false })
    }

    /// The answer to a POST that created something.
    pub fn created<T: Serialize>(value: &T, version: i64, location: String) -> Result<Self, Problem> {
        Ok(Self { status: 201, location: Some(location), ..Self::private(value, Some(version))? })
    }

    /// The same, given once more.
    #[must_use]
    pub fn again(self) -> Self {
        Self { is_again: true, ..self }
    }
}

impl From<Reply> for HttpResponse {
    fn from(reply: Reply) -> Self {
        let Reply { status, tag, location, body, is_again } = reply;
        let mut answer = Self::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
        answer.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, PRIVATE)).content_type("application/json");
        if let Some(location) = location {
            answer.insert_header((header::LOCATION, location));
        }
        if is_again {
            answer.insert_header((REPLAYED, "true"));
        }
        answer.body(body)
    }
}

/// An answer for one caller alone.
pub fn private<T: Serialize>(value: &T, version: Option<i64>) -> Result<HttpResponse, Problem> {
    Reply::private(value, version).map(HttpResponse::from)
}

/// The answer to a DELETE.
pub fn gone() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

fn bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|error| Problem::internal(&error.to_string()))
}

/// A strong entity tag: the version, and a hash (XXH3) of the very bytes.
pub fn tag(version: Option<i64>, bytes: &[u8]) -> String {
    let hash = XxHash3_64::oneshot(bytes);
    version.map_or_else(|| format!("\"{hash:016x}\""), |version| format!("\"{version}-{hash:016x}\""))
}

/// `If-None-Match` (weak comparison), else `If-Modified-Since` (RFC 9110 §13.1.2, §13.1.3).
pub fn has_it(headers: &HeaderMap, tag: &str, last_modified: Option<Moment>) -> bool {
    let mut tags = headers.get_all(header::IF_NONE_MATCH).peekable();
    if tags.peek().is_some() {
        return tags.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|candidate| {
            let candidate = candidate.trim();
            candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == tag
        });
    }
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    match (since.and_then(|value| value.parse::<header::HttpDate>().ok()), last_modified) {
        (Some(since), Some(moment)) => {
            let since = std::time::SystemTime::from(since).duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
            u64::try_from(moment.milliseconds() / 1000).is_ok_and(|modified| modified <= since)
        }
        _ => false,
    }
}
