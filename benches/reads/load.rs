//! Load and figures: wrk for the requests, /proc for the server's CPU.

use actix_web::web::Bytes;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

const SECONDS: u64 = 2;
const CONNECTIONS: u32 = 32;
/// Clock ticks a second in /proc/<pid>/stat, as on every Linux.
const TICKS: f64 = 100.0;

/// What is asked.
pub struct Case {
    pub name: &'static str,
    /// Addresses, asked in turn.
    pub paths: Vec<String>,
    pub headers: Vec<(&'static str, String)>,
    /// Whether a server that keeps no answers is asked.
    pub is_cold: bool,
}

/// What came back once: what the floor answers.
#[derive(Clone)]
pub struct Sample {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// One round.
pub struct Figures {
    pub rate: f64,
    pub cpu: f64,
    pub p50: f64,
    pub p99: f64,
}

/// Asks for some seconds, as fast as answers come.
pub fn run(port: u16, pid: u32, case: &Case) -> Figures {
    run_at(port, pid, case, 0)
}

/// The same with a pause of so many milliseconds before each request of a connection.
pub fn run_at(port: u16, pid: u32, case: &Case, pause: u32) -> Figures {
    let script = std::env::temp_dir().join(format!("copydesk-wrk-{port}.lua"));
    let pace = if pause == 0 { String::new() } else { format!("delay = function() return {pause} end\n") };
    std::fs::write(&script, lua(case) + &pace).expect("a temporary file");
    let before = cpu_seconds(pid);
    let output = Command::new("taskset")
        .args(["-c", "1", "wrk", "-t1", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s"), "--latency", "-s"])
        .arg(&script)
        .arg(format!("http://127.0.0.1:{port}/"))
        .output()
        .expect("wrk");
    let spent = cpu_seconds(pid) - before;
    drop(std::fs::remove_file(script));
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label)).unwrap_or_default().trim().to_owned();
    let rate: f64 = value("Requests/sec:").parse().unwrap_or(0.0);
    let requests: f64 =
        text.lines().find_map(|line| line.split_once(" requests in")).map_or(0.0, |(count, _)| count.trim().parse().unwrap_or(0.0));
    Figures { rate, cpu: spent * 1e6 / requests.max(1.0), p50: milliseconds(&value("50%")), p99: milliseconds(&value("99%")) }
}

fn lua(case: &Case) -> String {
    let quoted = |text: &str| format!("{text:?}");
    let paths: Vec<String> = case.paths.iter().map(|path| quoted(path)).collect();
    let headers: String = case.headers.iter().map(|(name, value)| format!("wrk.headers[{name:?}] = {value:?}\n")).collect();
    format!(
        "{headers}local paths = {{{}}}\nlocal at = 0\nlocal made = {{}}\n\
         init = function() for i, path in ipairs(paths) do made[i] = wrk.format('GET', path) end end\n\
         request = function() at = at % #made + 1 return made[at] end\n",
        paths.join(",")
    )
}

fn milliseconds(text: &str) -> f64 {
    let number: f64 = text.trim_end_matches(char::is_alphabetic).parse().unwrap_or(0.0);
    match text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "us" => number / 1000.0,
        "s" => number * 1000.0,
        _ => number,
    }
}

fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let tick = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (tick(11) + tick(12)) / TICKS
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port()
}

/// Waits until somebody listens there.
pub fn wait_for(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nobody listens on {port}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Asks once.
pub fn fetch(port: u16, path: &str, headers: &[(&'static str, String)]) -> Sample {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server");
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}connection: close\r\n\r\n").expect("the server");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    Sample::from_bytes(&answer)
}

impl Sample {
    /// The bytes of an HTTP/1.1 answer with a known length.
    pub fn to_bytes(&self) -> Vec<u8> {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut bytes = format!("HTTP/1.1 {} x\r\n{headers}\r\n", self.status).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("the end of the headers");
        let head = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok()).expect("a status");
        let own = |name: &str| !["content-length", "date", "connection"].contains(&name);
        let headers = lines.filter_map(|line| line.split_once(": ")).filter(|(name, _)| own(name));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { status, headers, body: Bytes::copy_from_slice(&bytes[end + 4..]) }
    }
}
