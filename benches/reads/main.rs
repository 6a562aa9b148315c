//! Reads against the floor: how near the live view comes to bytes from memory, and whether size matters.
//!
//! `cargo bench --bench reads -- guard` measures what it costs to know who asks, `… -- sign-ins` whether readers feel it when many sign in.
//! `cargo bench --bench reads -- [--keep FOLDER] [STORIES…] [CASE…]` builds a corpus of each size, starts the release binary on it and, on another core, a floor
//! server that answers the very same bytes from memory; `wrk` (Debian's package) asks both in turn, five rounds a case, and the medians
//! are printed: stories an answer, requests/s, CPU microseconds a request of the server process (user and system), p50, p99, and the ratios to the floor.

mod corpus;
mod floor;
mod guard;
mod load;
mod multiply;
mod sign_ins;

use corpus::Corpus;
use load::{Case, Figures, median, run};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|first| first == "floor") {
        return floor::serve(&arguments[1]);
    }
    let (kept, arguments) = match arguments.iter().position(|argument| argument == "--keep") {
        Some(at) => (arguments.get(at + 1).map(PathBuf::from), [&arguments[..at], arguments.get(at + 2..).unwrap_or_default()].concat()),
        None => (None, arguments),
    };
    let (sizes, names): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|word| word.parse::<usize>().is_ok());
    let sizes: Vec<usize> = sizes.into_iter().filter_map(|size| size.parse().ok()).collect();
    if let Some(size) = sizes.iter().find(|size| **size > corpus::WRITTEN && **size % corpus::WRITTEN != 0) {
        return println!("{size} is more than {} stories and no whole multiple of that", corpus::WRITTEN);
    }
    let sizes = if sizes.is_empty() { vec![1_000, 100_000] } else { sizes };
    if Command::new("wrk").arg("-v").output().is_err() {
        println!("wrk is missing: apt-get install wrk");
        return;
    }
    if let Some(word) = names.first().filter(|name| ["guard", "sign-ins"].contains(&name.as_str())) {
        let corpus = Corpus::build(1_000, None);
        if word.as_str() == "guard" {
            return guard::measure(&corpus);
        }
        guard::credentials(corpus.folder()).expect("an account");
        return sign_ins::measure(&corpus);
    }
    println!(
        "| stories | case | items | requests/s | to the floor | CPU µs | to the floor | p50 ms | p99 ms |\n|---|---|---|---|---|---|---|---|---|"
    );
    for size in sizes {
        let corpus = Corpus::build(size, kept.as_deref());
        for case in corpus.cases().iter().filter(|case| names.is_empty() || names.iter().any(|name| case.name.contains(name.as_str()))) {
            measure(&corpus, size, case);
        }
        eprintln!("resident at {size} stories: {} MB", corpus.server.resident());
    }
}

/// One case: server and floor in turn, so that the machine's moods meet both.
fn measure(corpus: &Corpus, size: usize, case: &Case) {
    let server = corpus.server(case);
    let sample = load::fetch(server.port, &case.paths[0], &case.headers);
    let floor = Floor::start(&sample);
    let (mut ours, mut floors): (Vec<Figures>, Vec<Figures>) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(run(server.port, server.pid(), case));
        floors.push(run(floor.port, floor.child.id(), case));
    }
    let of = |figures: &[Figures], value: fn(&Figures) -> f64| median(figures.iter().map(value).collect());
    let (rate, cpu) = (of(&ours, |f| f.rate), of(&ours, |f| f.cpu));
    let (floor_rate, floor_cpu) = (of(&floors, |f| f.rate), of(&floors, |f| f.cpu));
    let (p50, p99) = (of(&ours, |f| f.p50), of(&ours, |f| f.p99));
    println!(
        "| {size} | {} | {} | {rate:.0} | {:.2} | {cpu:.1} | {:.2} | {p50:.2} | {p99:.2} |",
        case.name,
        items(server.port, case),
        rate / floor_rate,
        cpu / floor_cpu
    );
}

/// How many stories the answers of a case have, in the middle: a small corpus may have fewer than a page of them.
fn items(port: u16, case: &Case) -> f64 {
    let count = |path: &String| {
        let body: serde_json::Value = serde_json::from_slice(&load::fetch(port, path, &case.headers).body).unwrap_or_default();
        f64::from(u32::try_from(body["items"].as_array().map_or(1, Vec::len)).unwrap_or(u32::MAX))
    };
    median(case.paths.iter().take(51).map(count).collect())
}

/// A server that answers everything with the same bytes.
struct Floor {
    child: Child,
    port: u16,
}

impl Floor {
    fn start(sample: &load::Sample) -> Self {
        let port = load::free_port();
        let file = std::env::temp_dir().join(format!("copydesk-floor-{port}"));
        std::fs::write(&file, sample.to_bytes()).expect("a temporary file");
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program).args(["floor", &format!("{port}:{}", file.display())]);
        let child = command.stdout(Stdio::null()).spawn().expect("the floor server");
        load::wait_for(port);
        Self { child, port }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
