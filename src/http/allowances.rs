//! How often each client has asked: what costs is counted, by key, by account, or by address. Each process counts for itself, in memory.
//!
//! Live answers that are kept are given before anything is counted (`front.rs`): they cost less than the counting. The headers are those of
//! draft-ietf-httpapi-ratelimit-headers.

use super::attempts::network;
use super::callers::Known;
use super::problem::{Code, Problem};
use crate::domain::allowance::{Allowance, Left, WINDOW};
use crate::domain::time::Moment;
use crate::domain::user::Credential;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use quick_cache::sync::Cache;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many clients are counted: some megabytes. Who has more addresses than that pushes out his own first.
const MOST: usize = 50_000;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How much each client may ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RateLimit {
    /// As much as they like.
    #[default]
    None,
    /// So much, of those who come from the outer net: whoever comes from the inner one is this machine, or a proxy that nobody has named,
    /// and so all clients in one.
    OuterNet(Allowance),
    /// So much.
    Everybody(Allowance),
}

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Client {
    Key(String),
    Account(String),
    Address(IpAddr),
}

/// What all have asked of late.
pub struct Allowances {
    limit: RateLimit,
    /// When the debt of each is paid back, in microseconds.
    debts: Cache<Client, Arc<AtomicI64>>,
}

/// What is told of the count with the answer.
#[derive(Clone, Copy)]
pub struct Counted {
    policy: &'static str,
    allowance: Allowance,
    left: Left,
}

impl Allowances {
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, debts: Cache::new(MOST) }
    }

    /// Counts a request; a refusal if it is one too many.
    pub fn count(&self, known: Option<&Known>, address: IpAddr, now: Moment) -> Result<Option<Counted>, Problem> {
        let allowance = match self.limit {
            RateLimit::None => return Ok(None),
            RateLimit::OuterNet(_) if is_inner(address) => return Ok(None),
            RateLimit::OuterNet(allowance) | RateLimit::Everybody(allowance) => allowance,
        };
        let (client, policy) = match known.map(|known| &known.caller) {
            None => (Client::Address(network(address)), "address"),
            Some(caller) => match &caller.credential {
                Credential::ApiKey { id, .. } => (Client::Key(id.clone()), "key"),
                Credential::Session(_) | Credential::OpenId => (Client::Account(caller.user_id.clone()), "account"),
            },
        };
        let debt = match self.debts.get(&client) {
            Some(debt) => debt,
            None => {
                let none = Arc::new(AtomicI64::new(i64::MIN));
                self.debts.get_or_insert_with(&client, || Ok::<_, std::convert::Infallible>(none.clone())).unwrap_or(none)
            }
        };
        loop {
            let paid_back = debt.load(Ordering::Relaxed);
            let left = match allowance.take(paid_back, now) {
                Ok(left) => left,
                Err(wait) => return Err(refusal(policy, allowance, wait)),
            };
            if debt.compare_exchange_weak(paid_back, left.paid_back, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return Ok(Some(Counted { policy, allowance, left }));
            }
        }
    }
}

impl Counted {
    /// Tells the client what is left.
    pub fn tell(self, headers: &mut HeaderMap) {
        let Self { policy, allowance, left } = self;
        put(headers, RATELIMIT_POLICY, &of_policy(policy, allowance));
        put(headers, RATELIMIT, &format!("\"{policy}\";r={};t={}", left.requests, left.whole_in));
    }
}

fn of_policy(policy: &str, allowance: Allowance) -> String {
    format!("\"{policy}\";q={};w={WINDOW}", allowance.requests())
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn refusal(policy: &'static str, allowance: Allowance, wait: i64) -> Problem {
    let detail = format!("{} requests a minute are answered for one {policy}. Go on in {wait} seconds.", allowance.requests());
    Problem::new(Code::TooManyRequests, detail)
        .with_header("retry-after", &wait.to_string())
        .with_header("ratelimit-policy", &of_policy(policy, allowance))
        .with_header("ratelimit", &format!("\"{policy}\";r=0;t={wait}"))
}

/// Addresses that nobody has in the outer net (RFC 1918, RFC 4193, RFC 3927).
fn is_inner(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_counted_by_itself_and_the_inner_net_only_if_it_was_said() {
        let allowance = Allowance::each_minute(2).unwrap();
        let now = Moment::from_milliseconds(0);
        let count = |limit, addresses: &[&str]| {
            let allowances = Allowances::new(limit);
            addresses.iter().filter(|address| allowances.count(None, address.parse().unwrap(), now).is_ok()).count()
        };
        let outer = ["203.0.113.7", "203.0.113.7", "203.0.113.7", "198.51.100.1"];
        let inner = ["127.0.0.1", "127.0.0.1", "127.0.0.1", "10.0.0.1", "::1", "fd00::1", "::ffff:192.168.1.1"];
        assert_eq!(count(RateLimit::None, &outer), 4);
        assert_eq!(count(RateLimit::OuterNet(allowance), &outer), 3);
        assert_eq!(count(RateLimit::OuterNet(allowance), &inner), 7);
        assert_eq!(count(RateLimit::Everybody(allowance), &inner), 6);
    }
}
