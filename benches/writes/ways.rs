//! Three ways to commit what many write at once.

use crate::desk::{Desk, Links, create, draft};
use copydesk::store::{Conn, Error, Shared, open_sqlite};
use diesel::connection::SimpleConnection;
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
    /// A connection for each writer, a transaction for each write.
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
        let at = |share: usize| taken.get((taken.len() * share / 100).min(taken.len().saturating_sub(1))).map_or(0.0, |one| one.as_secs_f64() * 1000.0);
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
    let shared = Shared::sqlite(&desk.path).expect("a database");
    let (turns, stop) = (Arc::new(Semaphore::new(if way == Way::Alone { 1 } else { Semaphore::MAX_PERMITS })), Arc::new(AtomicBool::new(false)));
    let begun = Instant::now();
    let threads: Vec<_> = (0..writers)
        .map(|writer| {
            let (shared, links, turns, stop, path) = (shared.clone(), desk.links.clone(), turns.clone(), stop.clone(), desk.path.clone());
            thread::spawn(move || match way {
                Way::Pool => through_a_connection(&path, &links, writer, &stop),
                Way::Together | Way::Alone => through_the_door(&shared, &links, writer, &turns, &stop),
            })
        })
        .collect();
    thread::sleep(time);
    stop.store(true, Ordering::Relaxed);
    let taken: Vec<Duration> = threads.into_iter().flat_map(|thread| thread.join().expect("a writer")).collect();
    let whole = begun.elapsed();
    let stored = count(&desk);
    assert_eq!(stored, i64::try_from(taken.len()).expect("few"), "what was acknowledged is there");
    Figures::of(taken, whole)
}

fn through_the_door(shared: &Shared, links: &Links, writer: usize, turns: &Semaphore, stop: &AtomicBool) -> Vec<Duration> {
    let store = shared.store();
    let mut taken = Vec::new();
    actix_web::rt::System::new().block_on(async {
        while !stop.load(Ordering::Relaxed) {
            let draft = draft(links, writer, taken.len());
            let begun = Instant::now();
            let turn = turns.acquire().await.expect("a turn");
            store.write(move |write| create(write, draft)).await.expect("a create");
            drop(turn);
            taken.push(begun.elapsed());
        }
    });
    taken
}

fn through_a_connection(path: &std::path::Path, links: &Links, writer: usize, stop: &AtomicBool) -> Vec<Duration> {
    let mut conn = open_sqlite(path).expect("a connection");
    let mut taken = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let draft = draft(links, writer, taken.len());
        let begun = Instant::now();
        // Whoever waited longer than the busy timeout asks again, as its client would.
        while in_a_transaction(&mut conn, draft.clone()).is_err() {}
        taken.push(begun.elapsed());
    }
    taken
}

fn in_a_transaction(conn: &mut Conn, draft: copydesk::store::articles::Draft) -> Result<(), Error> {
    conn.batch_execute("BEGIN IMMEDIATE")?;
    create(conn, draft)?;
    Ok(conn.batch_execute("COMMIT")?)
}

fn count(desk: &Desk) -> i64 {
    use diesel::prelude::*;
    let mut conn = open_sqlite(&desk.path).expect("a connection");
    let counted: Result<i64, _> = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT count(*) FROM articles)")).get_result(&mut conn);
    counted.expect("a count")
}
