//! The two doors to the database, and the connections behind them.
//!
//! SQLite: each worker thread reads inline on a read-only connection of its own (a thread hop costs three times the query),
//! and one thread owns the only writing connection (`writer.rs`). PostgreSQL: a pool, used from blocking threads.

use super::audit::Log;
use super::collisions::MOST_TRIES;
use super::counts::Counts;
use super::error::Error;
use super::marks::Marks;
use super::news;
use super::pool::{Pool, PoolState};
use super::search;
use super::transaction::{Manager, end_transaction, in_transaction, in_write, lost};
use super::writer::Writer;
use crate::background::{Background, NotDone, give_way};
use crate::domain::audit::Occasion;
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

/// How long a write, or a read that may take long, waits for its turn before it is told to come back.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to either database; queries do not see which.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// A write in its transaction. It reads as a connection does; functions that change something take it whole, because they note what
/// they touch (`marks.rs`) and what they did (`audit.rs`).
pub struct Write<'a> {
    pub(super) conn: &'a mut Conn,
    touched: BTreeSet<String>,
    pub(super) log: Log,
}

impl Deref for Write<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.conn
    }
}

impl DerefMut for Write<'_> {
    fn deref_mut(&mut self) -> &mut Conn {
        self.conn
    }
}

impl Write<'_> {
    /// Tries something that may fail without taking the rest of the transaction along: an `Err` leaves nothing of it behind.
    pub fn attempt<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Write<'_>) -> Result<T, E>) -> Result<T, E> {
        let log = self.log.part();
        let (value, touched, log) = in_transaction(self.conn, |conn| {
            let mut part = Write { conn, touched: BTreeSet::new(), log };
            let value = work(&mut part)?;
            Ok::<_, E>((value, part.touched, part.log))
        })?;
        self.touched.extend(touched);
        self.log.extend(log);
        Ok(value)
    }

    /// Notes a name whose public face this write changes; see `marks.rs`.
    pub(super) fn touch(&mut self, name: impl Into<String>) {
        self.touched.insert(name.into());
    }
}

/// What all threads of a process share.
#[derive(Clone)]
pub struct Shared {
    database: Database,
    marks: Arc<Marks>,
    counts: Arc<Counts>,
    /// Turns for reads that may take long.
    long: Arc<Semaphore>,
}

#[derive(Clone)]
enum Database {
    Sqlite { path: Arc<PathBuf>, writer: Arc<Writer>, long: Arc<Background>, readers: Arc<Mutex<Vec<Conn>>> },
    Postgres { pool: Arc<Pool> },
}

/// One worker's doors. Made in the thread that uses it, from what the process shares.
pub struct Store {
    shared: Shared,
    reader: Rc<RefCell<Option<Conn>>>,
}

impl Shared {
    /// Opens a SQLite file, made if it is missing, and starts its writer.
    pub fn sqlite(path: &Path) -> Result<Self, Error> {
        let conn = open_sqlite(path)?;
        let (marks, counts) = (Arc::<Marks>::default(), Arc::<Counts>::default());
        let writer = Arc::new(Writer::start(conn, path.to_owned(), marks.clone(), counts.clone())?);
        let long = Background::start("long-read", long_reads(), long_reads(), give_way)
            .map_err(|error| Error::Start(format!("the threads for long reads cannot be started: {error}")))?;
        let database = Database::Sqlite { path: Arc::new(path.to_owned()), writer, long: Arc::new(long), readers: Arc::default() };
        Ok(Self { database, marks, counts, long: turns() })
    }

    /// Opens a pool of at most `connections` to the PostgreSQL at `url`; refuses at once when the server does not answer.
    pub fn postgres(url: &str, connections: u32) -> Result<Self, Error> {
        let pool = Arc::new(Pool::open(url, connections)?);
        let marks = Arc::<Marks>::default();
        news::listen(url, &marks)?;
        Ok(Self { database: Database::Postgres { pool }, marks, counts: Arc::default(), long: turns() })
    }

    /// What the store counts of its work.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How the connections to PostgreSQL stand; none with SQLite.
    pub fn pool(&self) -> Option<PoolState> {
        match &self.database {
            Database::Sqlite { .. } => None,
            Database::Postgres { pool } => Some(pool.state()),
        }
    }

    /// The folder of the SQLite file, whose disk must not be full.
    pub fn folder(&self) -> Option<&Path> {
        match &self.database {
            Database::Sqlite { path, .. } => path.parent(),
            Database::Postgres { .. } => None,
        }
    }

    /// The marks of what the public sees.
    pub fn marks(&self) -> &Arc<Marks> {
        &self.marks
    }

    /// The doors for the current thread.
    pub fn store(&self) -> Store {
        Store { shared: self.clone(), reader: Rc::default() }
    }
}

impl Store {
    /// What the process shares.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Runs ordinary queries in one snapshot. Bounded to well under a millisecond: it runs inline on SQLite.
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.shared.database {
            Database::Sqlite { path, .. } => {
                // Taken out while it works: if the work panics, the connection goes with it, and its open transaction, too.
                let taken = self.reader.take();
                let mut conn = taken.map_or_else(|| open_sqlite_reader(path), Ok)?;
                let outcome = tracing::debug_span!("read").in_scope(|| in_transaction(&mut conn, work));
                self.reader.replace(Some(conn));
                outcome
            }
            Database::Postgres { pool } => {
                let pool = pool.clone();
                on_a_blocking_thread(move || {
                    let _span = tracing::debug_span!("read").entered();
                    let mut conn = pool.begin(|conn| conn.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))?;
                    let outcome = work(&mut conn);
                    conn.batch_execute("COMMIT").map_err(lost)?;
                    outcome
                })
                .await
            }
        }
    }

    /// The same without the transaction around it, which costs as much as a query: for work that is one statement, or whose statements need
    /// not agree.
    pub async fn read_loosely<T, E>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.shared.database {
            Database::Sqlite { path, .. } => {
                let taken = self.reader.take();
                let mut conn = taken.map_or_else(|| open_sqlite_reader(path), Ok)?;
                let outcome = tracing::debug_span!("read").in_scope(|| work(&mut conn));
                self.reader.replace(Some(conn));
                outcome
            }
            Database::Postgres { pool } => {
                let pool = pool.clone();
                on_a_blocking_thread(move || {
                    let _span = tracing::debug_span!("read").entered();
                    let mut conn = pool.take()?;
                    work(&mut conn)
                })
                .await
            }
        }
    }

    /// Runs a read that may take long, in one snapshot, on one of a few threads that serve nothing else: ordinary reads do not wait for it.
    pub async fn read_long<T, E>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let turn = tokio::time::timeout(PATIENCE, self.shared.long.clone().acquire_owned()).await;
        let turn = turn.map_err(|_late| Error::Unavailable("the read has waited too long for its turn".into()))?;
        let turn = turn.map_err(|closed| Error::Unavailable(closed.to_string()))?;
        match &self.shared.database {
            Database::Sqlite { path, long, readers, .. } => {
                let (path, readers, caller) = (path.clone(), readers.clone(), Span::current());
                let read = move || {
                    let _turn = turn;
                    let _caller = caller.enter();
                    let _span = tracing::debug_span!("read").entered();
                    let waiting = || readers.lock().unwrap_or_else(PoisonError::into_inner);
                    // Taken out while it works, as above: there are never more than there are turns.
                    let taken = waiting().pop();
                    let mut conn = taken.map_or_else(|| open_sqlite_reader(&path), Ok)?;
                    let outcome = in_transaction(&mut conn, work);
                    waiting().push(conn);
                    outcome
                };
                long.run(read).await.map_err(|not_done| match not_done {
                    NotDone::Panicked => Error::Panicked,
                    NotDone::Full | NotDone::Ended => Error::Unavailable(format!("a long read: {not_done}")),
                })?
            }
            Database::Postgres { .. } => {
                let outcome = self.read(work).await;
                drop(turn);
                outcome
            }
        }
    }

    /// Runs one transaction and answers when it is on disk; an `Err` leaves nothing behind. What it did goes into the audit log with it. On
    /// PostgreSQL one that collided with another is begun anew, hence the `Clone`.
    pub async fn write<T, E>(
        &self,
        occasion: Occasion,
        work: impl FnOnce(&mut Write<'_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let started = Instant::now();
        let span = tracing::debug_span!("write");
        let outcome = match &self.shared.database {
            Database::Sqlite { writer, .. } => writer.write(occasion, work).instrument(span).await,
            Database::Postgres { pool } => {
                let (pool, shared) = (pool.clone(), self.shared.clone());
                on_a_blocking_thread(move || write_on_postgres(&pool, &shared, &occasion, &work)).instrument(span).await
            }
        };
        self.shared.counts.writes.note_time(started.elapsed());
        outcome
    }
}

fn write_on_postgres<T, E: From<Error>>(
    pool: &Pool,
    shared: &Shared,
    occasion: &Occasion,
    work: &(impl FnOnce(&mut Write<'_>) -> Result<T, E> + Clone),
) -> Result<T, E> {
    let attempt = |conn: &mut Conn| {
        let (value, touched) = noting(conn, occasion.clone(), work.clone())?;
        news::tell(conn, &touched)?;
        Ok::<_, E>((value, touched))
    };
    let started = Instant::now();
    for tries in 1.. {
        let mut conn = pool.begin(Manager::begin_transaction)?;
        conn.trouble().has_collided();
        match end_transaction(&mut conn, attempt) {
            Ok((value, touched)) => {
                shared.marks.touch(&touched);
                return Ok(value);
            }
            Err(error) if tries >= MOST_TRIES || started.elapsed() >= PATIENCE || !conn.trouble().has_collided() => return Err(error),
            Err(_collided) => shared.counts.retries.fetch_add(1, Ordering::Relaxed),
        };
    }
    Err(Error::Raced.into())
}

fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(long_reads()))
}

/// How many reads that may take long run at once: on half of the processors, so that the others are there for ordinary reads.
fn long_reads() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| (processors.get() / 2).max(1))
}

/// Runs a write, logs what it did, and answers what it touched, too.
pub(super) fn noting<T, E: From<Error>>(
    conn: &mut Conn,
    occasion: Occasion,
    work: impl FnOnce(&mut Write<'_>) -> Result<T, E>,
) -> Result<(T, BTreeSet<String>), E> {
    let mut write = Write { conn, touched: BTreeSet::new(), log: Log::new(occasion) };
    let value = work(&mut write)?;
    let Write { conn, touched, log } = write;
    log.keep(conn)?;
    Ok((value, touched))
}

/// Runs one transaction on a connection of one's own: for what runs beside the doors, and tells no server what it touched.
pub fn write_on<T, E: From<Error>>(conn: &mut Conn, occasion: Occasion, work: impl FnOnce(&mut Write<'_>) -> Result<T, E>) -> Result<T, E> {
    in_write(conn, |conn| noting(conn, occasion, work)).map(|(value, _touched)| value)
}

async fn on_a_blocking_thread<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await.unwrap_or_else(|_panic| Err(Error::Panicked.into()))
}

/// Opens a writing connection. `synchronous=FULL`: a commit that was answered survives a power loss.
/// A file that is missing is made for its owner alone (0600); SQLite gives its companions the same mode.
pub fn open_sqlite(path: &Path) -> Result<Conn, Error> {
    // A file that is there is not opened here, not even to look: whoever closes any descriptor of it takes away the locks of the whole process
    // (POSIX), those of other connections, too. The next program to come and go would then delete the log under us.
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::Start(format!("the database {} cannot be opened: {error}", path.display())));
        }
        _ => {}
    }
    let mut conn = connect_sqlite(path)?;
    conn.batch_execute(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;",
    )
    .and_then(|()| search::prepare(&mut conn))
    .map_err(|error| Error::Start(format!("the database {} cannot be opened: {error}", path.display())))?;
    Ok(Conn::Sqlite(conn))
}

/// Opens a connection that can read only. Its cache holds the upper levels of every index of a million stories; a mapping of the file would
/// be no faster for the rest, and would count as this process's memory.
fn open_sqlite_reader(path: &Path) -> Result<Conn, Error> {
    let mut conn = connect_sqlite(path)?;
    conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA cache_size = -16384;").map_err(lost)?;
    Ok(Conn::Sqlite(conn))
}

fn connect_sqlite(path: &Path) -> Result<SqliteConnection, Error> {
    let text = path.to_str().ok_or_else(|| Error::Start(format!("the database path {} is not valid UTF-8", path.display())))?;
    SqliteConnection::establish(text).map_err(|error| Error::Start(format!("the database {text} cannot be opened: {error}")))
}
