//! `copydesk health`: asks a running server how it is, for where there is no curl.

use super::Stop;
use crate::config::Config;
use crate::outbound::{Client, Request};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// Prints what `/readyz` says (`/healthz`, if it is only asked whether the process lives); an error where that is not 200.
pub fn ask(config: &Config, only_alive: bool) -> Result<(), Stop> {
    let address = config.admin_listen.ok_or_else(|| Stop("COPYDESK_ADMIN_LISTEN is off: there is nobody to ask".into()))?;
    let url = format!("http://{}{}", reachable(address), if only_alive { "/healthz" } else { "/readyz" });
    let request = Request { method: "GET", url: url.clone(), headers: vec![], body: vec![], timeout: PATIENCE, longest: 65_536 };
    let answer = Client::within_the_network().send_and_wait(&request);
    let answer = answer.map_err(|failure| Stop(format!("nobody answers at {url}: {failure}")))?;
    println!("{}", String::from_utf8_lossy(&answer.body).trim_end());
    if answer.status == 200 { Ok(()) } else { Err(Stop(format!("{url} answers {}", answer.status))) }
}

/// A server that listens on all addresses is reached at this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
