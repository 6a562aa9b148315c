//! Whether readers feel it when many sign in: hot reads at a steady pace and as fast as they come, alone and while a hundred clients sign in over
//! and over, on a server that has one core for both.

use crate::corpus::Corpus;
use crate::guard::{EMAIL, PASSWORD};
use crate::load::{Case, Figures, median, run_at};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const ROUNDS: usize = 5;
const CLIENTS: usize = 100;

/// Milliseconds between an answer and the next request of a connection; none is as fast as they come.
const PAUSES: [u32; 2] = [10, 0];

pub fn measure(corpus: &Corpus) {
    println!("| hot reads | requests/s | p50 ms | p99 ms | p99 to alone |\n|---|---|---|---|---|");
    for pause in PAUSES {
        measure_at(corpus, pause);
    }
}

fn measure_at(corpus: &Corpus, pause: u32) {
    let server = &corpus.server;
    let case = Case { name: "hot story", paths: corpus.stories().into_iter().take(1).collect(), headers: Vec::new(), is_cold: false };
    let (mut alone, mut among) = (Vec::new(), Vec::new());
    let (idle, mut most, mut signed_in) = (server.resident(), 0, 0);
    for _ in 0..ROUNDS {
        alone.push(run_at(server.port, server.pid(), &case, pause));
        let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| sign_in_over_and_over(server.port, &is_over, &answered));
            }
            among.push(run_at(server.port, server.pid(), &case, pause));
            most = most.max(server.resident());
            is_over.store(true, Ordering::Relaxed);
        });
        signed_in += answered.load(Ordering::Relaxed);
    }
    let of = |figures: &[Figures], value: fn(&Figures) -> f64| median(figures.iter().map(value).collect());
    let pace = if pause == 0 { "as fast as they come".to_owned() } else { format!("a pause of {pause} ms each") };
    let p99 = of(&alone, |f| f.p99);
    for (name, figures) in [("alone", &alone), ("while 100 sign in", &among)] {
        let (rate, p50, own) = (of(figures, |f| f.rate), of(figures, |f| f.p50), of(figures, |f| f.p99));
        println!("| {name}, {pace} | {rate:.0} | {p50:.2} | {own:.2} | {:.2} |", own / p99);
    }
    eprintln!("{signed_in} sign-ins were answered meanwhile; resident {idle} MB before, {most} MB at the most");
}

fn sign_in_over_and_over(port: u16, is_over: &AtomicBool, answered: &AtomicUsize) {
    let body = format!("{{\"email\":\"{EMAIL}\",\"password\":\"{PASSWORD}\"}}");
    let length = body.len();
    let request = format!(
        "POST /v1/auth/login HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    while !is_over.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { continue };
        let mut answer = Vec::new();
        let is_sent = stream.write_all(request.as_bytes()).is_ok() && stream.read_to_end(&mut answer).is_ok();
        assert!(!is_sent || answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
