//! Finished answers of the live view, kept as bytes with their entity tag: a hit is a look-up, a few marks and a copy-free body.
//!
//! An answer is good as long as the marks of all that is inside it stand (`store/marks.rs`); a commit moves them before its writer is
//! answered, so no read after an acknowledged write is stale on this node. Compressed once, when it is kept, not when it is sent.

use super::answer::{self, Public};
use super::coding::{Coding, encode};
use super::edges::{write_fixed, write_for_reads};
use super::metrics::Place;
use super::surrogate::surrogate_key;
use crate::domain::time::Moment;
use crate::store::marks::{Began, Marks, Seen};
use actix_web::body::BoxBody;
use actix_web::dev::Response;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::web::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, Weighter};
use std::sync::Arc;
use std::time::Duration;

/// What a kept answer takes beside its body, in bytes; a careful guess.
const OVERHEAD: u64 = 1024;

/// How long a request waits for another to make the answer for both.
const PATIENCE: Duration = Duration::from_secs(1);

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
    /// The same for those who have it already.
    headers_alone: HeaderMap,
    tag: HeaderValue,
    /// Of a story. A list is dated by when it was made, which cannot tell two changes in one second apart: it is asked for by its tag.
    last_modified: Option<Moment>,
    seen: Vec<Seen>,
    /// Where on the route page it was made.
    place: Place,
}

type Turn<'a> = PlaceholderGuard<'a, Key, Arc<Kept>, Weight, DefaultHashBuilder, DefaultLifecycle<Key, Arc<Kept>>>;

/// What there is for a request.
pub enum Found<'a> {
    Kept(Arc<Kept>),
    /// Nothing yet; whoever asks for the same waits for what this one makes.
    Turn(Turn<'a>, Coding),
    /// Nothing, and nothing will be kept; the coding is given where the answer may have one.
    Nothing(Option<Coding>),
}

impl Found<'_> {
    /// Whether it is asked for something that the public may see.
    pub const fn is_public(&self) -> bool {
        !matches!(self, Self::Nothing(None))
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub entries: usize,
    pub bytes: u64,
    pub limit: u64,
}

/// The answers kept by a process, bounded by their bytes.
pub struct Answers {
    kept: Option<Cache<Key, Arc<Kept>, Weight>>,
    marks: Arc<Marks>,
}

#[derive(Clone)]
pub struct Weight;

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
    pub fn key(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Key> {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let is_strangers = !headers.contains_key(header::AUTHORIZATION);
        let address = uri.path_and_query()?.as_str();
        let may_be_kept = is_read && is_strangers && (address == "/" || address.starts_with("/v1/"));
        may_be_kept.then(|| Key { address: address.into(), coding: Coding::wanted(headers) })
    }

    /// The answer under that key, if it is there and nothing inside it has changed.
    pub fn get(&self, key: &Key) -> Option<Arc<Kept>> {
        self.kept.as_ref()?.get(key).filter(|kept| self.marks.hold(&kept.seen))
    }

    /// The answer under that key, if nothing inside it has changed; else the turn to make it. Of those who ask for the same at the same
    /// time one makes the answer and the others wait for it, but not for long: a slow one must not make a queue.
    pub async fn find(&self, key: Option<Key>) -> Found<'_> {
        let Some(key) = key else { return Found::Nothing(None) };
        let Some(cache) = &self.kept else { return Found::Nothing(Some(key.coding)) };
        if let Some(kept) = self.get(&key) {
            return Found::Kept(kept);
        }
        let entry = cache.entry_async(&key, |_, kept| {
            if self.marks.hold(&kept.seen) { EntryAction::Retain(kept.clone()) } else { EntryAction::ReplaceWithGuard }
        });
        match tokio::time::timeout(PATIENCE, entry).await {
            Ok(EntryResult::Retained(kept)) => Found::Kept(kept),
            Ok(EntryResult::Vacant(guard) | EntryResult::Replaced(guard, _)) => Found::Turn(guard, key.coding),
            _ => Found::Nothing(Some(key.coding)),
        }
    }

    /// How much is kept now.
    pub fn size(&self) -> Size {
        self.kept.as_ref().map_or(Size { entries: 0, bytes: 0, limit: 0 }, |kept| Size {
            entries: kept.len(),
            bytes: kept.weight(),
            limit: kept.capacity(),
        })
    }

    /// To be called before the queries of an answer.
    pub fn begin(&self) -> Began {
        self.marks.begin()
    }

    /// Finishes an answer, and keeps it unless a commit came in between. What has no date of its own is dated `now`, when it was made.
    pub fn finish(&self, found: Found<'_>, began: Began, body: Bytes, public: &Public, place: Place, now: Moment) -> Arc<Kept> {
        let (guard, coding) = match found {
            Found::Turn(guard, coding) => (Some(guard), coding),
            Found::Nothing(coding) => (None, coding.unwrap_or(Coding::Identity)),
            Found::Kept(kept) => return kept,
        };
        let (body, coding) = encode(body, coding);
        let Some(guard) = guard else { return Arc::new(Kept::new(body, coding, public, now, Vec::new(), place)) };
        let seen = self.marks.seen(began, &public.surrogate_keys);
        let is_whole = seen.is_some();
        let kept = Arc::new(Kept::new(body, coding, public, now, seen.unwrap_or_default(), place));
        if is_whole {
            // An error says that it was removed meanwhile: then it is sent, and not kept.
            drop(guard.insert(kept.clone()));
        }
        kept
    }
}

impl Kept {
    fn new(body: Bytes, coding: Coding, public: &Public, now: Moment, seen: Vec<Seen>, place: Place) -> Self {
        let tag = HeaderValue::from_str(&answer::tag(public.version, &body)).unwrap_or(HeaderValue::from_static("\"-\""));
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        write_fixed(&mut headers);
        write_for_reads(&mut headers);
        headers.insert(header::ETAG, tag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(answer::PUBLIC));
        if let Ok(names) = HeaderValue::from_str(&surrogate_key(public.surrogate_keys.iter().map(String::as_str))) {
            headers.insert(header::HeaderName::from_static("surrogate-key"), names);
        }
        if let Ok(date) = HeaderValue::from_str(&public.last_modified.unwrap_or(now).http_date()) {
            headers.insert(header::LAST_MODIFIED, date);
        }
        if let Some(link) = public.link.as_ref().and_then(|link| HeaderValue::from_str(link).ok()) {
            headers.insert(header::LINK, link);
        }
        if let Some(name) = coding.name() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        let mut headers_alone = headers.clone();
        headers_alone.remove(header::CONTENT_TYPE);
        Self { body, headers, headers_alone, tag, last_modified: public.last_modified, seen, place }
    }

    pub const fn place(&self) -> Place {
        self.place
    }

    /// The answer to a request with those headers: 200, or 304 if the client has it already.
    pub fn answer(&self, asked: &HeaderMap) -> Response<BoxBody> {
        let has_it = answer::has_it(asked, self.tag.to_str().unwrap_or_default(), self.last_modified);
        let (status, body) =
            if has_it { (StatusCode::NOT_MODIFIED, BoxBody::new(())) } else { (StatusCode::OK, BoxBody::new(self.body.clone())) };
        let mut response = Response::with_body(status, body);
        *response.headers_mut() = if has_it { self.headers_alone.clone() } else { self.headers.clone() };
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn of_many_who_ask_for_the_same_one_makes_the_answer_and_the_others_get_it() {
        let answers = Answers::new(1 << 20, Arc::default());
        let made = Cell::new(0);
        let ask = async || {
            let key = Key { address: "/v1/articles".into(), coding: Coding::Identity };
            let began = answers.begin();
            match answers.find(Some(key)).await {
                Found::Kept(kept) => kept.body.clone(),
                found => {
                    made.set(made.get() + 1);
                    tokio::task::yield_now().await;
                    let public = Public { surrogate_keys: vec!["articles".into()], ..Public::default() };
                    answers.finish(found, began, Bytes::from_static(b"{}"), &public, Place(1), Moment::from_milliseconds(0)).body.clone()
                }
            }
        };
        let bodies = futures_util::future::join_all((0..20).map(|_| ask())).await;
        assert_eq!((bodies.len(), made.get()), (20, 1));
        answers.marks.touch(&["articles".to_owned()]);
        futures_util::future::join_all((0..20).map(|_| ask())).await;
        assert_eq!(made.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_for_the_answer_of_another_makes_it_alone() {
        let answers = Answers::new(1 << 20, Arc::default());
        let key = || Some(Key { address: "/v1/articles".into(), coding: Coding::Gzip });
        let slow = answers.find(key()).await;
        assert!(matches!(slow, Found::Turn(..)));
        assert!(matches!(answers.find(key()).await, Found::Nothing(Some(Coding::Gzip))));
    }
}
