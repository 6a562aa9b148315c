//! The one way out: requests of this server to others, over TLS, with an end to their time and size.
//!
//! TLS 1.2 and 1.3 with the roots that browsers trust (webpki). Plain HTTP goes to this machine alone, but for traces. No redirect is followed: it could lead
//! where nobody meant to send what goes with the request. No proxy and no cookie is taken from anywhere.

use std::io::Read;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{self, Uri};

/// What is sent.
#[derive(Clone)]
pub struct Request {
    /// `GET`, `POST`, `PUT`, …
    pub method: &'static str,
    /// `https://…`, or `http://` and an address of this machine.
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    /// Empty where there is none.
    pub body: Vec<u8>,
    /// Until the last byte of the answer, looking up the name included.
    pub timeout: Duration,
    /// The longest answer that is taken, in bytes, without its head.
    pub longest: u64,
}

/// What came back, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Why nothing came back. For the log and for operators: it names no more of the address than its host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("the request cannot be sent: {0}")]
    NotSendable(String),
    #[error("{host} cannot be reached: {why}")]
    Unreachable { host: String, why: String },
    #[error("{host} did not answer within {seconds} seconds")]
    TooSlow { host: String, seconds: u64 },
    #[error("{host} answered more than {longest} bytes")]
    TooLong { host: String, longest: u64 },
}

/// Sends requests; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    /// Whether plain HTTP may go to other machines.
    plain: bool,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    pub fn new() -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
        let config = config.user_agent(concat!("copydesk/", env!("CARGO_PKG_VERSION")));
        Self { agent: config.build().into(), plain: false }
    }

    /// One that may speak plain HTTP to other machines, too: for what is no secret and stays in the operator's own network.
    pub fn within_the_network() -> Self {
        Self { plain: true, ..Self::new() }
    }

    /// Sends from a thread that may wait, and answers on this one.
    ///
    /// # Errors
    /// When no whole answer came.
    pub async fn send(&self, request: Request) -> Result<Response, Failure> {
        let client = self.clone();
        let sent = tokio::task::spawn_blocking(move || client.send_and_wait(&request)).await;
        sent.unwrap_or_else(|_panic| Err(Failure::NotSendable("the sending thread has ended".into())))
    }

    /// Sends, and keeps this thread waiting: for commands, and for threads of one's own.
    ///
    /// # Errors
    /// When no whole answer came.
    pub fn send_and_wait(&self, request: &Request) -> Result<Response, Failure> {
        let host = host(&request.url, self.plain)?;
        let failed = |error: ureq::Error| match error {
            ureq::Error::Timeout(_) => Failure::TooSlow { host: host.clone(), seconds: request.timeout.as_secs() },
            other => Failure::Unreachable { host: host.clone(), why: other.to_string() },
        };
        let mut outgoing = http::Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            outgoing = outgoing.header(*name, value);
        }
        let outgoing = outgoing.body(request.body.as_slice()).map_err(|error| Failure::NotSendable(error.to_string()))?;
        let outgoing = self.agent.configure_request(outgoing).timeout_global(Some(request.timeout)).build();
        let mut response = self.agent.run(outgoing).map_err(failed)?;
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let mut body = Vec::new();
        let read = response.body_mut().as_reader().take(request.longest.saturating_add(1)).read_to_end(&mut body);
        read.map_err(|error| failed(ureq::Error::from(error)))?;
        if body.len() as u64 > request.longest {
            return Err(Failure::TooLong { host, longest: request.longest });
        }
        Ok(Response { status: response.status().as_u16(), headers, body })
    }
}

impl Response {
    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Whether a request may be sent there: over TLS, or to this machine itself.
pub fn is_allowed(url: &str) -> bool {
    host(url, false).is_ok()
}

/// The host that a request goes to, if it may go there.
fn host(url: &str, plain: bool) -> Result<String, Failure> {
    let uri: Uri = url.parse().map_err(|_| Failure::NotSendable("its address is no URL".into()))?;
    let host = uri.host().unwrap_or_default();
    let is_here = matches!(host, "127.0.0.1" | "[::1]" | "localhost");
    match uri.scheme_str() {
        _ if host.is_empty() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
            Err(Failure::NotSendable("its address names no host, or a password".into()))
        }
        Some("https") => Ok(host.to_owned()),
        Some("http") if is_here || plain => Ok(host.to_owned()),
        _ => Err(Failure::NotSendable("its address is not https://".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// Answers one request with these bytes, then falls silent with the connection open; gives its address and what it was sent.
    fn answering(answer: &'static [u8]) -> (String, std::sync::mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, (heard, hear)) = (listener.local_addr().unwrap(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let head: Vec<String> = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let _nobody_listens = heard.send(head.join("\n"));
            stream.write_all(answer).unwrap();
            let _until_the_client_goes = stream.read(&mut [0; 64]);
        });
        (format!("http://{address}/path?query"), hear)
    }

    fn get(url: &str) -> Result<Response, Failure> {
        let timeout = Duration::from_millis(1500);
        Client::new().send_and_wait(&Request {
            method: "GET",
            url: url.into(),
            headers: vec![("accept", "application/json".into())],
            body: Vec::new(),
            timeout,
            longest: 10,
        })
    }

    #[test]
    fn an_answer_comes_back_whole_whatever_its_status() {
        let (url, hear) = answering(b"HTTP/1.1 404 Not Found\r\nX-Kind: none\r\nContent-Length: 4\r\n\r\nnone");
        let response = get(&url).unwrap();
        assert_eq!((response.status, response.header("x-kind"), response.body.as_slice()), (404, Some("none"), b"none".as_slice()));
        let head = hear.recv().unwrap();
        assert!(head.starts_with("GET /path?query HTTP/1.1\n") && head.contains("accept: application/json"), "{head}");
    }

    #[test]
    fn a_redirect_is_an_answer_and_not_followed() {
        let (url, _) = answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(get(&url).unwrap().status, 302);
    }

    #[test]
    fn an_answer_that_is_too_long_or_does_not_end_is_given_up() {
        let (url, _) = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901");
        assert_eq!(get(&url), Err(Failure::TooLong { host: "127.0.0.1".into(), longest: 10 }));
        let (url, _) = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234");
        assert_eq!(get(&url), Err(Failure::TooSlow { host: "127.0.0.1".into(), seconds: 1 }));
    }

    #[test]
    fn what_does_not_speak_is_unreachable() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(matches!(get(&format!("http://{closed}/")), Err(Failure::Unreachable { .. })));
        let (url, _) = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert!(get(&url.replace("http://", "https://")).is_err(), "no TLS, no answer");
    }

    #[test]
    fn plain_http_goes_to_this_machine_alone_and_no_address_carries_a_password() {
        for url in ["https://id.example/realms/news", "http://127.0.0.1:9000/", "http://[::1]:9000/", "http://localhost/"] {
            assert!(is_allowed(url), "{url}");
        }
        for url in
            ["http://id.example/", "http://127.0.0.1.example/", "http://10.0.0.7/", "ftp://id.example/", "file:///etc/passwd", "/path", ""]
        {
            assert!(!is_allowed(url), "{url}");
        }
        assert!(host("http://collector:4318/", true).is_ok() && host("ftp://collector/", true).is_err());
        assert!(!is_allowed("https://name:word@id.example/") && !is_allowed("https://127.0.0.1@id.example/"));
    }
}
