//! Three ways to commit what many write at once.

use crate::desk::{Desk, Links, create, draft, occasion};
use copydesk::store::{Error, Shared};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    /// The one writer: those who wait together share one commit.
    Together,
    /// The same writer, one write at a time: each is committed alone. Those who wait are let in one after the other.
    Alone,
    /// A connection for each writer, and so a transaction for each write: they wait for each other as SQLite has it (`BEGIN IMMEDIATE`, a
    /// busy timeout of 5 s).
    Pool,
}

#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub rate: f64,
    pub p50: f64,
    pub p99: f64,
}

impl Way {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Together => "one writer, group commit",
            Self::Alone => "one writer, each alone",
            Self::Pool => "a pool, a transaction each",
        }
    }
}

impl Figures {
    /// Of what each create took.
    pub fn of(mut taken: Vec<Duration>, whole: Duration) -> Self {
        taken.sort_unstable();
        let at = |share: usize| {
            taken.get((taken.len() * share / 100).min(taken.len().saturating_sub(1))).map_or(0.0, |one| one.as_secs_f64() * 1000.0)
        };
        let rate = f64::from(u32::try_from(taken.len()).unwrap_or(u32::MAX)) / whole.as_secs_f64();
        Self { rate, p50: at(50), p99: at(99) }
    }

    /// Figure by figure.
    pub fn median(all: impl Iterator<Item = Self> + Clone) -> Self {
        let middle = |value: fn(&Self) -> f64| {
            let mut values: Vec<f64> = all.clone().map(|figures| value(&figures)).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        Self { rate: middle(|f| f.rate), p50: middle(|f| f.p50), p99: middle(|f| f.p99) }
    }
}

/// So many writers, each with one create after the other, for that long, on a newsroom of their own.
pub fn run(way: Way, writers: usize, time: Duration) -> Figures {
    let desk = Desk::new();
    let doors: Vec<Shared> =
        (0..if way == Way::Pool { writers } else { 1 }).map(|_| Shared::sqlite(&desk.path).expect("a database")).collect();
    let turns = Arc::new(Semaphore::new(if way == Way::Alone { 1 } else { writers }));
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let threads: Vec<_> = (0..writers)
        .map(|writer| {
            let (door, links, turns, stop) = (doors[writer % doors.len()].clone(), desk.links.clone(), turns.clone(), stop.clone());
            thread::spawn(move || actix_web::rt::System::new().block_on(work(&door, &links, writer, &turns, &stop)))
        })
        .collect();
    thread::sleep(time);
    stop.store(true, Ordering::Relaxed);
    let taken: Vec<Duration> = threads.into_iter().flat_map(|thread| thread.join().expect("a writer")).collect();
    let whole = begun.elapsed();
    assert_eq!(desk.stories(), i64::try_from(taken.len()).expect("few"), "what was acknowledged is there");
    Figures::of(taken, whole)
}

async fn work(door: &Shared, links: &Links, writer: usize, turns: &Semaphore, stop: &AtomicBool) -> Vec<Duration> {
    let store = door.store();
    let mut taken = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let draft = draft(links, writer, taken.len());
        let begun = Instant::now();
        let turn = turns.acquire().await.expect("a turn");
        loop {
            let draft = draft.clone();
            match store.write(occasion(), move |write| create(write, draft)).await {
                Ok(()) => break,
                // Whoever waited longer than the busy timeout asks again, as its client would.
                Err(Error::Unavailable(_) | Error::Busy(_)) => {}
                Err(error) => panic!("a create failed: {error}"),
            }
        }
        drop(turn);
        taken.push(begun.elapsed());
    }
    taken
}
