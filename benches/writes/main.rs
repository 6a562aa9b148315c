//! Writes: what it brings that writers who wait together share one sync, and what readers notice of writers.
//!
//! `cargo bench --bench writes` lets 32 writers create stories, three ways on the same disk, in turn, some rounds: through the one
//! writer with its group commit; through the same writer, each create committed alone; through a pool of connections, each create in a
//! transaction of its own (`BEGIN IMMEDIATE`, a busy timeout); `-- together` runs the first alone, for a profiler, `-- readers` only what follows. Then 64 clients read from the release binary at a steady rate,
//! without and with clients that create.

mod desk;
mod readers;
mod ways;

use mimalloc::MiMalloc;
use std::time::Duration;
use ways::{Figures, Way};

/// As the program itself has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const WRITERS: usize = 32;
const ROUNDS: usize = 5;
const SECONDS: Duration = Duration::from_secs(3);

fn main() {
    if std::env::args().any(|argument| argument == "together") {
        // For a profiler: nothing else runs.
        return println!("{:?}", ways::run(Way::Together, WRITERS, SECONDS * 4));
    }
    if std::env::args().any(|argument| argument == "readers") {
        return readers::compare();
    }
    println!("{WRITERS} writers, durable creates, medians of {ROUNDS} rounds of {} s:\n", SECONDS.as_secs());
    println!("| way | creates/s | p50 ms | p99 ms |\n|---|---|---|---|");
    let mut rounds: Vec<[Figures; 3]> = Vec::new();
    for _ in 0..ROUNDS {
        // In turn, so that the machine's moods meet all three.
        rounds.push([Way::Together, Way::Alone, Way::Pool].map(|way| ways::run(way, WRITERS, SECONDS)));
    }
    let medians = [0, 1, 2].map(|way| Figures::median(rounds.iter().map(|round| round[way])));
    for (way, figures) in [Way::Together, Way::Alone, Way::Pool].iter().zip(&medians) {
        println!("| {} | {:.0} | {:.1} | {:.1} |", way.name(), figures.rate, figures.p50, figures.p99);
    }
    let [together, alone, pool] = medians;
    println!(
        "\nTo each alone: {:.1} times as many. To the pool: {:.1} times as many.\n",
        together.rate / alone.rate,
        together.rate / pool.rate
    );
    readers::compare();
}
