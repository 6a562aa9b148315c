//! Stop and start: what is under way is finished, and a socket that a service manager holds drops nobody.

use crate::program::{Folder, Server, word_after};
use crate::watched::until;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn signed_in(server: &Server) -> String {
    server.sign_in("admin@copydesk.local", &word_after(&server.said, "the password ")).1.unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The head of a request and half of its body; what is left of it.
fn begin(stream: &mut TcpStream, token: &str) -> &'static str {
    let (first, rest) = ("{\"name\":", "\"Elections\"}");
    let length = first.len() + rest.len();
    write!(stream, "POST /v1/tags HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n").unwrap();
    write!(stream, "content-length: {length}\r\n\r\n{first}").unwrap();
    rest
}

fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_server_that_is_told_to_end_says_so_first_and_answers_what_is_under_way() {
    let folder = Folder::new();
    let server = folder.serve_with(&[], &[("COPYDESK_DRAIN_SECONDS", "2")]);
    let token = signed_in(&server);
    let (mut slow, mut idle) = (connect(&server), connect(&server));
    let rest = begin(&mut slow, &token);
    server.signal("TERM");
    until("it does not say that it ends", || (server.watch("/readyz").0 == 503).then_some(()));
    assert!(server.watch("/readyz").1.contains("\"status\":\"draining\"") && server.watch("/healthz").0 == 200);
    // Until others have noticed it takes new requests, and ends each connection with its answer.
    write!(idle, "GET /v1/articles HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let answer = read_answer(&mut idle).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
    // Nobody new gets in after that; who is under way goes on.
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    until("it listens on", || TcpStream::connect(&address).is_err().then_some(()));
    slow.write_all(rest.as_bytes()).unwrap();
    let answer = read_answer(&mut slow);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let (ended_well, log) = server.ended();
    assert!(ended_well && log.contains("copydesk has stopped"), "{log}");
}

#[test]
fn connections_that_do_nothing_do_not_hold_it_up() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let mut idle = connect(&server);
    write!(idle, "GET /v1/articles HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = [0; 4096];
    assert!(idle.read(&mut answer).unwrap() > 0 && answer.starts_with(b"HTTP/1.1 200"));
    let told = Instant::now();
    assert!(server.terminate().0);
    assert!(told.elapsed() < Duration::from_secs(8), "{:?}", told.elapsed());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = Folder::new();
    let server = folder.serve_with(&[], &[("COPYDESK_DRAIN_SECONDS", "300")]);
    let token = signed_in(&server);
    let mut slow = connect(&server);
    begin(&mut slow, &token);
    server.signal("TERM");
    until("it does not say that it ends", || (server.watch("/readyz").0 == 503).then_some(()));
    let told = Instant::now();
    server.signal("INT");
    let (ended_well, log) = server.ended();
    assert!(!ended_well && told.elapsed() < Duration::from_secs(8), "{:?}", told.elapsed());
    assert!(log.contains("ended at once by a second signal"), "{log}");
}

#[test]
fn a_request_that_comes_between_two_processes_is_answered_by_the_second() {
    // As systemd does: the socket is open before the server starts, and stays so.
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let folder = Folder::new();
    let start = || {
        let given = Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
        folder.serve_by_shell("exec env LISTEN_PID=$$ LISTEN_FDS=1 \"$0\" 3<&0 </dev/null", &[("COPYDESK_LISTEN", "127.0.0.1:1")], given)
    };
    let first = start();
    assert_eq!(first.url, format!("http://{address}"), "the given socket, not the address that is set");
    assert_eq!(first.send("GET", "/v1/articles", None, "").0, 200);
    assert!(first.terminate().0);
    let mut between = TcpStream::connect(address).unwrap();
    between.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(between, "GET /v1/articles HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let second = start();
    assert!(read_answer(&mut between).starts_with("HTTP/1.1 200"));
    assert!(second.terminate().0);
}
