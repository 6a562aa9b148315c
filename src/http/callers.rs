//! Who is behind a token or a key, remembered: a request that comes again with the same one costs a hash and a look at a mark.
//!
//! What is remembered holds while the mark of the account stands (`store/marks.rs`): every write that ends a token, a session or a key moves
//! it before the writer is answered. So a revoked one is refused at the next request on this node, and on others as soon as they hear of it.

use crate::domain::time::Moment;
use crate::domain::user::Caller;
use crate::store::marks::{Began, Marks, Seen};
use crate::store::users::mark;
use ipnet::IpNet;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many are remembered: a few megabytes.
const MOST: usize = 10_000;
/// The mark that moves when other keys sign tokens, and the name by which shared caches purge the set of them.
pub const SIGNING_KEYS: &str = "signing-keys";
/// The use of a key is noted once in so many milliseconds.
const NOTED_EACH: i64 = 60_000;

/// Somebody who has shown a good token or key.
pub struct Known {
    pub caller: Caller,
    /// Whether the operator wants a second factor of them, and they have none.
    pub lacks_second_factor: bool,
    /// When it is over, by itself.
    ends: Moment,
    /// Where it may come from; empty is anywhere.
    networks: Vec<IpNet>,
    /// When its use was last noted, in milliseconds.
    noted: AtomicI64,
    seen: Vec<Seen>,
}

/// All that are remembered, by the hash of what they came with: the tokens themselves are not kept.
pub struct Callers {
    known: Cache<[u8; 32], Arc<Known>>,
    marks: Arc<Marks>,
}

/// What is known of a token or key that was looked up just now.
pub struct Fresh {
    pub caller: Caller,
    pub ends: Moment,
    pub networks: Vec<IpNet>,
    pub last_used_at: Option<i64>,
    pub lacks_second_factor: bool,
}

impl Callers {
    pub fn new(marks: Arc<Marks>) -> Self {
        Self { known: Cache::new(MOST), marks }
    }

    /// Who is behind a token, if that is remembered and nothing has changed since.
    pub fn recall(&self, token: &str, address: IpAddr, now: Moment) -> Option<Arc<Known>> {
        let known = self.known.get(&digest(token))?;
        (now < known.ends && self.marks.hold(&known.seen) && known.may_come_from(address)).then_some(known)
    }

    /// Takes nobody's word any more for what they came with before: the keys that sign tokens have changed.
    pub fn forget_tokens(&self) {
        self.marks.touch(&[SIGNING_KEYS.to_owned()]);
    }

    /// To be called before the queries that tell who it is.
    pub fn begin(&self) -> Began {
        self.marks.begin()
    }

    /// Remembers who it is, unless a commit came in between.
    pub fn remember(&self, token: &str, fresh: Fresh, began: Began) -> Arc<Known> {
        let Fresh { caller, ends, networks, last_used_at, lacks_second_factor } = fresh;
        let seen = self.marks.seen(began, &[mark(&caller.user_id), SIGNING_KEYS.to_owned()]);
        let is_whole = seen.is_some();
        let noted = AtomicI64::new(last_used_at.unwrap_or(i64::MIN));
        let known = Arc::new(Known { caller, lacks_second_factor, ends, networks, noted, seen: seen.unwrap_or_default() });
        if is_whole {
            self.known.insert(digest(token), known.clone());
        }
        known
    }
}

impl Known {
    /// Whether it may be used from there.
    pub fn may_come_from(&self, address: IpAddr) -> bool {
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether its use is to be noted now; true for one of those who ask at the same time.
    pub fn is_to_be_noted(&self, now: Moment) -> bool {
        let (noted, now) = (self.noted.load(Ordering::Relaxed), now.milliseconds());
        let is_due = now.saturating_sub(noted) >= NOTED_EACH;
        is_due && self.noted.compare_exchange(noted, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::user::{Credential, Role};

    fn fresh(ends: i64, networks: &[&str]) -> Fresh {
        let caller =
            Caller { user_id: "ana".into(), role: Role::Editor, email: "ana@example.com".into(), credential: Credential::Session(None) };
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        Fresh { caller, ends: Moment::from_milliseconds(ends), networks, last_used_at: Some(0), lacks_second_factor: false }
    }

    #[test]
    fn who_is_remembered_is_forgotten_when_the_account_is_touched_or_the_time_is_over() {
        let callers = Callers::new(Arc::default());
        let (home, at) = ("10.1.2.3".parse().unwrap(), Moment::from_milliseconds);
        callers.remember("token", fresh(100, &[]), callers.begin());
        assert!(callers.recall("token", home, at(99)).is_some());
        assert!(callers.recall("other", home, at(99)).is_none());
        assert!(callers.recall("token", home, at(100)).is_none());
        callers.marks.touch(&[mark("eva")]);
        assert!(callers.recall("token", home, at(99)).is_some());
        callers.marks.touch(&[mark("ana")]);
        assert!(callers.recall("token", home, at(99)).is_none());
        let began = callers.begin();
        callers.marks.touch(&["articles".to_owned()]);
        callers.remember("token", fresh(100, &[]), began);
        assert!(callers.recall("token", home, at(99)).is_none());
    }

    #[test]
    fn a_key_is_known_where_it_may_come_from_and_its_use_is_noted_once_a_minute() {
        let callers = Callers::new(Arc::default());
        let at = Moment::from_milliseconds;
        let known = callers.remember("key", fresh(i64::MAX, &["10.0.0.0/8", "2001:db8::/32"]), callers.begin());
        assert!(callers.recall("key", "10.1.2.3".parse().unwrap(), at(0)).is_some());
        assert!(callers.recall("key", "2001:db8::1".parse().unwrap(), at(0)).is_some());
        assert!(callers.recall("key", "203.0.113.7".parse().unwrap(), at(0)).is_none());
        assert!(!known.is_to_be_noted(at(59_999)));
        assert!(known.is_to_be_noted(at(60_000)));
        assert!(!known.is_to_be_noted(at(60_001)));
    }
}
