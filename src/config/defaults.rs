//! What holds where nothing is set, as far as it depends on something.

use std::net::SocketAddr;

/// An address that means "all of them" is reached at this machine's own.
pub(super) fn default_public_url(listen: SocketAddr) -> String {
    let host = match listen {
        SocketAddr::V4(address) if address.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) if address.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    format!("http://{host}:{}", listen.port())
}

pub(super) fn default_article_url(public_url: &str) -> String {
    format!("{public_url}/v1/articles/{{slug}}")
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(256))
}
