//! Clients that keep their connection and look at the clock.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long ordinary reads are watched.
const WATCHED: Duration = Duration::from_secs(8);
const READERS: usize = 4;
/// Between two reads of one reader.
const PACE: Duration = Duration::from_millis(10);

/// How long answers took, in milliseconds, the quickest first.
pub struct Times(Vec<f64>);

impl Times {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// What that share of answers did not exceed.
    pub fn at(&self, share: f64) -> f64 {
        let mut index = 0;
        while index + 1 < self.0.len()
            && f64::from(u32::try_from(index + 1).unwrap_or(u32::MAX)) < share * f64::from(u32::try_from(self.0.len()).unwrap_or(u32::MAX))
        {
            index += 1;
        }
        self.0.get(index).copied().unwrap_or(0.0)
    }
}

/// One connection.
pub struct Client(BufReader<TcpStream>);

impl Client {
    pub fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server");
        stream.set_nodelay(true).expect("a socket");
        Self(BufReader::new(stream))
    }

    /// Asks, and reads the whole answer.
    pub fn get(&mut self, path: &str) -> Vec<u8> {
        write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").expect("the server");
        let (mut length, mut line) = (0, String::new());
        let mut first = String::new();
        self.0.read_line(&mut first).expect("an answer");
        assert!(first.contains(" 200 "), "{path}: {first}");
        loop {
            line.clear();
            self.0.read_line(&mut line).expect("an answer");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a body");
        body
    }

    fn timed(&mut self, path: &str) -> f64 {
        let begun = Instant::now();
        self.get(path);
        begun.elapsed().as_secs_f64() * 1000.0
    }
}

/// Asks one after the other.
pub fn ask(port: u16, paths: Vec<String>) -> Times {
    let mut client = Client::new(port);
    paths.iter().take(20).for_each(|path| _ = client.get(path));
    Times::of(paths.iter().map(|path| client.timed(path)).collect())
}

/// Ordinary reads at their pace, while so many search without a pause; and how many searches that were.
pub fn beside(port: u16, stories: &[String], searches: &[String], searchers: usize) -> (Times, usize) {
    let (over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let times = std::thread::scope(|scope| {
        for searcher in 0..searchers {
            let (over, done) = (&over, &done);
            scope.spawn(move || {
                let mut client = Client::new(port);
                for path in searches.iter().cycle().skip(searcher * 97) {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    client.get(path);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                scope.spawn(move || {
                    let mut client = Client::new(port);
                    let (begun, mut times) = (Instant::now(), Vec::new());
                    for path in stories.iter().cycle().skip(reader * 97) {
                        if begun.elapsed() > WATCHED {
                            break;
                        }
                        times.push(client.timed(path));
                        std::thread::sleep(PACE);
                    }
                    times
                })
            })
            .collect();
        let times = readers.into_iter().flat_map(|reader| reader.join().expect("a reader")).collect();
        over.store(true, Ordering::Relaxed);
        times
    });
    (Times::of(times), done.load(Ordering::Relaxed))
}
