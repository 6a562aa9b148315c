//! The one writer of a SQLite database: a thread that owns the only writing connection.
//!
//! Writes that wait together share one `BEGIN IMMEDIATE … COMMIT`, each in a savepoint of its own, so that they share one
//! fsync and one that fails does not fail the others. Each caller is answered after the commit is on disk. A write whose turn does
//! not come in time is not begun; after a commit that failed the writer goes on with a new connection. What another process writes is
//! heard of within `PAUSE`.

use super::conn::{Conn, PATIENCE, Write, noting, open_sqlite};
use super::counts::Counts;
use super::error::Error;
use super::marks::Marks;
use super::search;
use super::transaction::{begin_write, in_transaction};
use crate::background::give_way;
use crate::domain::audit::Occasion;
use diesel::connection::{AnsiTransactionManager, Connection, InstrumentationEvent, TransactionManager, get_default_instrumentation};
use diesel::prelude::*;
use diesel::sql_types::Integer;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tracing::Span;

/// How many writes may wait; one more is told to come back later.
pub const QUEUE: usize = 1024;
/// How many writes share one commit at the most.
const BATCH: usize = 128;
/// How long the writer keeps a processor before it offers it to others. A low priority alone does not help them: a thread that has begun its
/// slice mostly ends it, whoever wakes up meanwhile.
const TURN: Duration = Duration::from_micros(50);
/// How long the writer waits for a write before it looks whether another process has written.
const PAUSE: Duration = Duration::from_millis(100);
/// When a running server has heard of a commit that another process has made, on either database: it looks twice as often.
pub const HEARD_AFTER: Duration = Duration::from_millis(250);

/// The door to the writing thread, which ends when the door is dropped: all that waits is written then, and the connection closed.
pub struct Writer {
    /// Both are there until the end.
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<Counts>,
}

/// A write of any type, so that writes of all types wait in one queue.
trait Job: Send {
    /// Does the work in a savepoint and keeps its outcome. False if its caller has given up waiting before.
    fn run(&mut self, conn: &mut Conn) -> bool;
    /// Tells the caller: the outcome, or why the commit is not on disk.
    fn answer(self: Box<Self>, failure: Option<&Failure>, marks: &Marks);
}

struct Waiting<W, T, E> {
    work: Option<(Occasion, W)>,
    outcome: Option<Result<(T, BTreeSet<String>), E>>,
    caller: oneshot::Sender<Result<T, E>>,
    /// Taken once: by the writer, who begins, or by the caller, who gives up. So nobody who was told that nothing was stored is wrong.
    taken: Arc<AtomicBool>,
    /// What the caller's log lines belong to.
    span: Span,
}

/// Why a batch is not on disk.
enum Failure {
    /// It was not begun.
    Before(Error),
    /// Its COMMIT failed. What a crash right now would leave of it nobody knows.
    AtCommit(Error),
}

impl Failure {
    fn told(&self) -> Error {
        match self {
            Self::Before(Error::Full(why)) | Self::AtCommit(Error::Full(why)) => Error::Full(why.clone()),
            Self::Before(why) => Error::Unavailable(why.to_string()),
            Self::AtCommit(why) => Error::Unsure(why.to_string()),
        }
    }
}

impl<W, T, E> Job for Waiting<W, T, E>
where
    W: FnOnce(&mut Write<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, conn: &mut Conn) -> bool {
        if self.taken.swap(true, Ordering::AcqRel) {
            return false;
        }
        let Some((occasion, work)) = self.work.take() else { return false };
        let _caller = self.span.enter();
        let _work = tracing::debug_span!("transaction").entered();
        self.outcome = Some(in_transaction(conn, |conn| {
            catch_unwind(AssertUnwindSafe(|| noting(conn, occasion, work))).unwrap_or_else(|_panic| Err(Error::Panicked.into()))
        }));
        true
    }

    fn answer(self: Box<Self>, failure: Option<&Failure>, marks: &Marks) {
        let answer = match (self.outcome, failure) {
            (Some(Err(refused)), _) => Err(refused),
            (Some(Ok((value, touched))), None) => {
                marks.touch(&touched);
                Ok(value)
            }
            (_, Some(failure)) => Err(failure.told().into()),
            (None, None) => Err(Error::Unavailable("the write was not run".into()).into()),
        };
        // A caller that has gone away does not want its answer any more.
        let _gone = self.caller.send(answer);
    }
}

impl Writer {
    /// Starts the thread with a connection that is good, and the place where to open another.
    pub fn start(conn: Conn, path: PathBuf, marks: Arc<Marks>, counts: Arc<Counts>) -> Result<Self, Error> {
        let (queue, jobs) = sync_channel(QUEUE);
        let desk = Desk { conn: Some(polite(conn)), path, jobs, marks, counts: counts.clone() };
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || desk.run())
            .map_err(|error| Error::Start(format!("the writing thread cannot be started: {error}")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), counts })
    }

    pub async fn write<T, E>(&self, occasion: Occasion, work: impl FnOnce(&mut Write<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (caller, mut answer) = oneshot::channel();
        let turn = Turn::default();
        let job = Waiting { work: Some((occasion, work)), outcome: None, caller, taken: turn.0.clone(), span: Span::current() };
        let Some(queue) = &self.queue else { return Err(Error::Unavailable("the writer has stopped".into()).into()) };
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(Box::new(job)).map_err(|refused| {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => {
                    self.counts.refused_full.fetch_add(1, Ordering::Relaxed);
                    Error::Unavailable("too many writes are waiting".into())
                }
                TrySendError::Disconnected(_) => Error::Unavailable("the writer has stopped".into()),
            }
        })?;
        let answer = match tokio::time::timeout(PATIENCE, &mut answer).await {
            Ok(answer) => answer,
            Err(_late) if turn.give_up() => {
                self.counts.refused_late.fetch_add(1, Ordering::Relaxed);
                return Err(Error::Unavailable("the write has waited too long for its turn".into()).into());
            }
            // It was begun: what becomes of it is known when it is done.
            Err(_late) => answer.await,
        };
        answer.unwrap_or_else(|_gone| Err(Error::Unavailable("the writer has stopped".into()).into()))
    }
}

impl Drop for Writer {
    /// Waits for the thread: who closes a SQLite file as the last one carries its log over, and a program that ends sooner leaves it behind.
    fn drop(&mut self) {
        self.queue.take();
        // A write may hold the last door itself, and be dropped by the thread.
        let is_other = |thread: &JoinHandle<()>| thread.thread().id() != std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(is_other) {
            let _panicked = thread.join();
        }
    }
}

/// A caller's place in the queue. Given up with the request that waits, too: when its time is over, or its client is gone.
#[derive(Default)]
struct Turn(Arc<AtomicBool>);

impl Turn {
    /// True if the write was not begun, and will not be.
    fn give_up(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// What the writing thread has on its desk.
struct Desk {
    /// None after a failure, until another is opened.
    conn: Option<Conn>,
    path: PathBuf,
    jobs: Receiver<Box<dyn Job>>,
    marks: Arc<Marks>,
    counts: Arc<Counts>,
}

impl Desk {
    fn run(mut self) {
        // A commit takes as long as many reads.
        give_way();
        let mut seen = self.commits_of_others();
        loop {
            let next = self.jobs.recv_timeout(PAUSE);
            let commits = self.commits_of_others();
            if commits.is_some() && commits != seen {
                self.marks.touch_all();
                seen = commits;
            }
            let first = match next {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            let mut batch = vec![first];
            let failure = self.commit_together(&mut batch).err();
            if let Some(failure) = &failure {
                tracing::error!(cause = %failure.told(), writes = batch.len(), "a commit failed");
            }
            self.counts.note_commit(failure.is_none());
            for job in batch {
                job.answer(failure.as_ref(), &self.marks);
            }
        }
    }

    /// A number that moves with every commit that another connection makes: another process has written, a command of the operator's say,
    /// and nobody knows what. This process has no other connection that writes. A failure tells nothing: the next look does.
    fn commits_of_others(&mut self) -> Option<i32> {
        let Some(Conn::Sqlite(sqlite)) = &mut self.conn else { return None };
        diesel::sql_query("PRAGMA data_version").get_result::<DataVersion>(sqlite).ok().map(|row| row.data_version)
    }

    /// Runs what waits in one transaction. A connection on which something went wrong is not used again: a transaction may be open on it,
    /// and closing it is the one way of ending that which no failing disk can refuse.
    fn commit_together(&mut self, batch: &mut Vec<Box<dyn Job>>) -> Result<(), Failure> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => open_sqlite(&self.path).map(polite).map_err(Failure::Before)?,
        };
        if let Err(error) = begin_write(&mut conn).map_err(Error::from) {
            if matches!(error, Error::Busy(_)) {
                self.conn = Some(conn);
            }
            return Err(Failure::Before(error));
        }
        let (mut done, mut begun) = (0, 0);
        while let Some(job) = batch.get_mut(done) {
            begun += u64::from(job.run(&mut conn));
            done += 1;
            if done < BATCH
                && let Ok(next) = self.jobs.try_recv()
            {
                self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
                batch.push(next);
            }
        }
        search::settle(&mut conn).map_err(Failure::Before)?;
        let started = Instant::now();
        commit(&mut conn).map_err(Failure::AtCommit)?;
        self.counts.commits.note_time(started.elapsed());
        self.counts.batches.note(begun);
        self.conn = Some(conn);
        Ok(())
    }
}

/// A connection whose thread offers its processor, before a statement, to whoever waits for it. Who watches all of the process goes on to see it.
fn polite(mut conn: Conn) -> Conn {
    let (mut since, mut others) = (Instant::now(), get_default_instrumentation());
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        match event {
            // It comes out of a wait.
            InstrumentationEvent::BeginTransaction { depth, .. } if depth.get() == 1 => since = Instant::now(),
            InstrumentationEvent::StartQuery { .. } if since.elapsed() >= TURN => {
                std::thread::yield_now();
                since = Instant::now();
            }
            _ => {}
        }
        if let Some(others) = &mut others {
            others.on_connection_event(event);
        }
    });
    conn
}

#[derive(QueryableByName)]
struct DataVersion {
    #[diesel(sql_type = Integer)]
    data_version: i32,
}

fn commit(conn: &mut Conn) -> Result<(), Error> {
    let Conn::Sqlite(sqlite) = conn else { return Err(Error::Unavailable("no SQLite connection".into())) };
    Ok(AnsiTransactionManager::commit_transaction(sqlite)?)
}
