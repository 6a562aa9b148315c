//! What 64 readers at a steady rate notice when stories are created at the same time: p99 without and with.

use crate::desk::Desk;
use crate::ways::Figures;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const READERS: u32 = 64;
const CREATORS: usize = 4;
/// Between two reads of one reader: together 1 280 a second.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two creates of one creator, if the answer came before: together 200 a second.
const BREATH: Duration = Duration::from_millis(20);
const ROUNDS: usize = 3;
const SECONDS: Duration = Duration::from_secs(5);
const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "as-many-as-the-disk-takes-7";

pub fn compare() {
    let desk = Desk::new();
    let server = Server::start(&desk);
    let token = server.sign_in();
    for n in 0..200 {
        let id = server.create(&token, n).expect("a story");
        server.publish(&token, &id);
    }
    println!("{READERS} clients read {} times a second, medians of {ROUNDS} rounds of {} s:\n", READERS * 1000 / 50, SECONDS.as_secs());
    println!("| meanwhile | reads/s | p50 ms | p99 ms | creates/s |\n|---|---|---|---|---|");
    let (mut idle, mut busy, mut created) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        idle.push(server.read(|_| ()).0);
        let (figures, creates) = server.read(|stop| server.keep_creating(&token, stop));
        busy.push(figures);
        created.push(creates);
    }
    let (idle, busy) = (Figures::median(idle.iter().copied()), Figures::median(busy.iter().copied()));
    created.sort_by(f64::total_cmp);
    println!("| nobody writes | {:.0} | {:.2} | {:.2} | 0 |", idle.rate, idle.p50, idle.p99);
    println!("| {CREATORS} clients create | {:.0} | {:.2} | {:.2} | {:.0} |", busy.rate, busy.p50, busy.p99, created[created.len() / 2]);
    println!("\nThe readers' p99 is {:.2} times that of idle.", busy.p99 / idle.p99);
}

struct Server {
    child: Child,
    port: u16,
    made: AtomicUsize,
}

impl Server {
    fn start(desk: &Desk) -> Self {
        let folder = desk.path.parent().expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let program = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_copydesk"));
            command.current_dir(folder).env("COPYDESK_DATA_DIR", folder).env("COPYDESK_LISTEN", format!("127.0.0.1:{port}"));
            command.env("COPYDESK_LOG", "warn");
            command
        };
        let mut account = program();
        account.args(["user", "add", EMAIL, "--role", "admin", "--password-stdin"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut account = account.spawn().expect("the program");
        account.stdin.take().expect("a pipe").write_all(PASSWORD.as_bytes()).expect("a password");
        assert!(account.wait().expect("the program").success(), "an account");
        let child = program().stdout(Stdio::null()).spawn().expect("the server");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        Self { child, port, made: AtomicUsize::new(0) }
    }

    fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn sign_in(&self) -> String {
        let body = serde_json::json!({ "email": EMAIL, "password": PASSWORD });
        let mut answer = ureq::post(self.address("/v1/auth/login")).send_json(body).expect("a sign-in");
        let answer: serde_json::Value = answer.body_mut().read_json().expect("JSON");
        format!("Bearer {}", answer["access_token"].as_str().expect("a token"))
    }

    fn create(&self, token: &str, n: usize) -> Option<String> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let body = serde_json::json!({
            "title": format!("Story {number}"), "lead": "A lead. ".repeat(20), "body": "Words and *more* words.\n\n".repeat(60),
            "authors": [format!("author-{}", n % 20)], "tags": [format!("tag-{}", n % 20), format!("tag-{}", (n + 7) % 20)],
        });
        let mut answer = ureq::post(self.address("/v1/articles")).header("authorization", token).send_json(body).ok()?;
        let answer: serde_json::Value = answer.body_mut().read_json().ok()?;
        answer["id"].as_str().map(str::to_owned)
    }

    fn publish(&self, token: &str, id: &str) {
        let request =
            ureq::post(self.address(&format!("/v1/articles/{id}/publish"))).header("authorization", token).header("if-match", "*");
        request.send_json(serde_json::json!({})).expect("a live story");
    }

    /// Creates until told to stop; answers are waited for.
    fn keep_creating(&self, token: &str, stop: &AtomicBool) {
        thread::scope(|scope| {
            for creator in 0..CREATORS {
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let due = Instant::now() + BREATH;
                        self.create(token, creator).expect("a create");
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                    }
                });
            }
        });
    }

    /// All readers at their pace, and `meanwhile` beside them; and how many stories a second that made.
    fn read(&self, meanwhile: impl FnOnce(&AtomicBool) + Send) -> (Figures, f64) {
        let stop = AtomicBool::new(false);
        let made = self.made.load(Ordering::Relaxed);
        let begun = Instant::now();
        let stopping = &stop;
        let taken = thread::scope(|scope| {
            let beside = scope.spawn(move || meanwhile(stopping));
            let readers: Vec<_> = (0..READERS).map(|reader| scope.spawn(move || reader_at_work(self.port, reader, stopping))).collect();
            thread::sleep(SECONDS);
            stop.store(true, Ordering::Relaxed);
            let taken: Vec<Duration> = readers.into_iter().flat_map(|reader| reader.join().expect("a reader")).collect();
            beside.join().expect("the creators");
            taken
        });
        let made = self.made.load(Ordering::Relaxed) - made;
        let whole = begun.elapsed();
        (Figures::of(taken, whole), f64::from(u32::try_from(made).unwrap_or(u32::MAX)) / whole.as_secs_f64())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One connection; what a read took counts from when it was due, so that nobody hides behind readers who wait.
fn reader_at_work(port: u16, reader: u32, stop: &AtomicBool) -> Vec<Duration> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    let mut answers = BufReader::new(stream.try_clone().expect("a socket"));
    let (mut stream, mut taken, mut body) = (stream, Vec::new(), Vec::new());
    let mut due = Instant::now() + PAUSE * reader / READERS;
    for n in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let path = if n % 4 == 0 {
            format!("/v1/articles?limit={}", n % 20 + 1)
        } else {
            format!("/v1/articles/story-{}", (n * 7 + reader) % 200)
        };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").expect("a request");
        read_answer(&mut answers, &mut body);
        taken.push(due.elapsed());
        due += PAUSE;
    }
    taken
}

fn read_answer(answers: &mut BufReader<TcpStream>, body: &mut Vec<u8>) {
    let (mut line, mut length) = (String::new(), 0);
    answers.read_line(&mut line).expect("an answer");
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    loop {
        line.clear();
        answers.read_line(&mut line).expect("a header");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.trim().is_empty() {
            break;
        }
    }
    body.resize(length, 0);
    answers.read_exact(body).expect("a body");
}
