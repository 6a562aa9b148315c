//! Where a request comes from, and from what: the peer, or whom a proxy that is trusted says it speaks for (`X-Forwarded-For`).

use super::site::{HttpSettings, Worker};
use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// The address of the client, as far as it can be believed.
pub fn address(request: &HttpRequest, site: &Worker) -> IpAddr {
    address_of(request, site.settings())
}

/// The same, where there is no worker yet.
pub fn address_of(request: &HttpRequest, settings: &HttpSettings) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let trusted = &settings.trusted_proxies;
    if trusted.is_empty() {
        return peer.to_canonical();
    }
    let values: Vec<&str> = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok()).collect();
    client(peer, &values.join(","), trusted)
}

/// An address, as the network of itself alone, or a network.
pub fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical())))
}

/// Whether that is an address or a network.
pub fn is_network(text: &str) -> bool {
    network(text).is_some()
}

/// The longest `User-Agent` that is kept, in characters.
const LONGEST_DEVICE: usize = 200;

/// What the client says it is.
pub fn device(request: &HttpRequest) -> Option<String> {
    let device = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    device.map(|device| device.chars().filter(|c| !c.is_control()).take(LONGEST_DEVICE).collect())
}

/// From the peer backwards: each trusted proxy names who came to it; the first that is none is the client. What stands before that anybody
/// may have made up.
fn client(peer: IpAddr, forwarded: &str, trusted: &[IpNet]) -> IpAddr {
    let mut known = peer.to_canonical();
    for named in forwarded.rsplit(',').map(str::trim) {
        if !trusted.iter().any(|net| net.contains(&known)) {
            break;
        }
        let Ok(before) = named.parse::<IpAddr>() else { break };
        known = before.to_canonical();
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_and_each_only_of_its_own_client() {
        let trusted: Vec<IpNet> = ["127.0.0.1/32", "10.0.0.0/8", "::1/128"].iter().map(|net| net.parse().unwrap()).collect();
        let of = |peer: &str, forwarded: &str| client(peer.parse().unwrap(), forwarded, &trusted).to_string();
        assert_eq!(of("203.0.113.7", "198.51.100.1"), "203.0.113.7");
        assert_eq!(of("127.0.0.1", ""), "127.0.0.1");
        assert_eq!(of("127.0.0.1", "203.0.113.7"), "203.0.113.7");
        assert_eq!(of("127.0.0.1", "198.51.100.1, 203.0.113.7"), "203.0.113.7");
        assert_eq!(of("127.0.0.1", "198.51.100.1, 203.0.113.7,10.1.2.3"), "203.0.113.7");
        assert_eq!(of("::ffff:127.0.0.1", "203.0.113.7"), "203.0.113.7");
        assert_eq!(of("127.0.0.1", "203.0.113.7, unknown"), "127.0.0.1");
        assert_eq!(of("::1", "10.0.0.1, 10.0.0.2"), "10.0.0.1");
    }
}
