//! Who has guessed wrong of late. Each process counts for itself, in memory.

use super::problem::{Code, Problem};
use crate::domain::attempts::{MOST_FROM_ADDRESS, Tally, most_for_account};
use crate::domain::time::Moment;
use quick_cache::sync::Cache;
use std::net::{IpAddr, Ipv6Addr};

/// How many tallies are kept: some megabytes. Who has more addresses than that pushes out his own first.
const MOST: usize = 50_000;

/// Wrong passwords, by account and address, and who has signed in from where.
pub struct Attempts {
    for_account: Cache<(String, IpAddr), Tally>,
    from_everywhere: Cache<String, Tally>,
    from_address: Cache<IpAddr, Tally>,
    familiar: Cache<(String, IpAddr), ()>,
}

impl Attempts {
    pub fn new() -> Self {
        Self {
            for_account: Cache::new(MOST),
            from_everywhere: Cache::new(MOST),
            from_address: Cache::new(MOST),
            familiar: Cache::new(MOST),
        }
    }

    /// Refuses those who have to wait. The same for accounts that there are and accounts that there are not.
    pub fn check(&self, account: &str, address: IpAddr, now: Moment) -> Result<(), Problem> {
        let address = network(address);
        let place = (account.to_owned(), address);
        let is_familiar = self.familiar.get(&place).is_some();
        let most = most_for_account(self.from_everywhere.get(account), is_familiar, now);
        let on_account = self.for_account.get(&place).and_then(|tally| tally.wait(most, now));
        let on_address = self.from_address.get(&address).and_then(|tally| tally.wait(MOST_FROM_ADDRESS, now));
        match on_account.max(on_address) {
            None => Ok(()),
            Some(seconds) => {
                let detail = format!("There were too many wrong passwords. Try again in {seconds} seconds.");
                Err(Problem::new(Code::TooManyAttempts, detail).with_header("retry-after", &seconds.to_string()))
            }
        }
    }

    /// Counts a wrong one.
    pub fn failed(&self, account: &str, address: IpAddr, now: Moment) {
        let address = network(address);
        let place = (account.to_owned(), address);
        let tally = self.for_account.get(&place).unwrap_or_else(|| Tally::none(now)).and_one(now);
        self.for_account.insert(place, tally);
        let tally = self.from_everywhere.get(account).unwrap_or_else(|| Tally::none(now)).and_one(now);
        self.from_everywhere.insert(account.to_owned(), tally);
        let tally = self.from_address.get(&address).unwrap_or_else(|| Tally::none(now)).and_one(now);
        self.from_address.insert(address, tally);
    }

    /// Whoever knows the password has not guessed.
    pub fn succeeded(&self, account: &str, address: IpAddr) {
        let place = (account.to_owned(), network(address));
        self.for_account.remove(&place);
        self.familiar.insert(place, ());
    }
}

/// Whoever has one IPv6 address has the 2^64 beside it, too.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_one_ipv6_network_are_one_and_mapped_addresses_are_themselves() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("203.0.113.7"), "203.0.113.7");
        assert_eq!(of("::ffff:203.0.113.7"), "203.0.113.7");
    }
}
