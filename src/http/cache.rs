//! Finished answers of the live view, kept as bytes with their entity tag: a hit is a look-up, a few marks and a copy-free body.
//!
//! An answer is good as long as the marks of all that is inside it stand (`store/marks.rs`); a commit moves them before its writer is
//! answered, so no read after an acknowledged write is stale on this node. Compressed once, when it is kept, not when it is sent.

use super::answer::{self, Public};
use super::coding::{Coding, encode};
use crate::domain::time::Moment;
use crate::store::marks::{Began, Marks, Seen};
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// What a kept answer takes beside its body, in bytes; a careful guess.
const OVERHEAD: u64 = 1024;

/// An address with its query, and a coding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    address: Box<str>,
    coding: Coding,
}

/// A finished answer.
pub struct Kept {
    body: Bytes,
    headers: HeaderMap,
    tag: HeaderValue,
    last_modified: Option<Moment>,
    seen: Vec<Seen>,
}

/// The answers kept by a process, bounded by their bytes.
pub struct Answers {
    kept: Option<Cache<Key, Arc<Kept>, Weight>>,
    marks: Arc<Marks>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Kept>> for Weight {
    fn weight(&self, key: &Key, kept: &Arc<Kept>) -> u64 {
        OVERHEAD + (key.address.len() + kept.body.len()) as u64
    }
}

impl Answers {
    /// Keeps at most `bytes`; 0 keeps nothing.
    pub fn new(bytes: u64, marks: Arc<Marks>) -> Self {
        let items = usize::try_from(bytes / 8192).unwrap_or(usize::MAX).clamp(64, 1_000_000);
        Self { kept: (bytes > 0).then(|| Cache::with_weighter(items, bytes, Weight)), marks }
    }

    /// The key of a request whose answer may be kept: a read by a stranger.
    pub fn key(request: &ServiceRequest) -> Option<Key> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_strangers = !request.headers().contains_key(header::AUTHORIZATION);
        let address = request.uri().path_and_query()?.as_str();
        (is_read && is_strangers).then(|| Key { address: address.into(), coding: Coding::wanted(request.headers()) })
    }

    /// The answer under that key, if nothing inside it has changed.
    pub fn find(&self, key: &Key) -> Option<Arc<Kept>> {
        let kept = self.kept.as_ref()?.get(key)?;
        if self.marks.hold(&kept.seen) {
            return Some(kept);
        }
        self.kept.as_ref()?.remove(key);
        None
    }

    /// To be called before the queries of an answer.
    pub fn begin(&self) -> Began {
        self.marks.begin()
    }

    /// Finishes an answer, and keeps it unless a commit came in between.
    pub fn finish(&self, key: Option<Key>, began: Began, body: Bytes, public: &Public) -> Arc<Kept> {
        let coding = key.as_ref().map_or(Coding::Identity, |key| key.coding);
        let (body, coding) = encode(body, coding);
        let seen = self.marks.seen(began, &public.surrogate_keys);
        let kept = Arc::new(Kept::new(body, coding, public, seen.clone().unwrap_or_default()));
        if let (Some(cache), Some(key), Some(_)) = (&self.kept, key, seen) {
            cache.insert(key, kept.clone());
        }
        kept
    }
}

impl Kept {
    fn new(body: Bytes, coding: Coding, public: &Public, seen: Vec<Seen>) -> Self {
        let tag = HeaderValue::from_str(&answer::tag(public.version, &body)).unwrap_or(HeaderValue::from_static("\"-\""));
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, tag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(answer::PUBLIC));
        let names: Vec<&str> = public.surrogate_keys.iter().map(String::as_str).collect();
        if let Ok(names) = HeaderValue::from_str(&names.join(" ")) {
            headers.insert(header::HeaderName::from_static("surrogate-key"), names);
        }
        if let Some(date) = public.last_modified.and_then(|moment| HeaderValue::from_str(&moment.http_date()).ok()) {
            headers.insert(header::LAST_MODIFIED, date);
        }
        if let Some(link) = public.link.as_ref().and_then(|link| HeaderValue::from_str(link).ok()) {
            headers.insert(header::LINK, link);
        }
        if let Some(name) = coding.name() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        Self { body, headers, tag, last_modified: public.last_modified, seen }
    }

    /// The answer to a request: 200, or 304 if the client has it already.
    pub fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let has_it = answer::has_it(request.headers(), self.tag.to_str().unwrap_or_default(), self.last_modified);
        let mut response = if has_it {
            HttpResponse::NotModified().finish()
        } else {
            HttpResponse::build(StatusCode::OK).content_type("application/json").body(self.body.clone())
        };
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}
