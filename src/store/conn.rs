//! The two doors to the database, and the connections behind them.
//!
//! SQLite: each worker thread reads inline on a read-only connection of its own (a thread hop costs three times the query),
//! and one thread owns the only writing connection (`writer.rs`). PostgreSQL: a pool, used from blocking threads.

use super::audit::Log;
use super::collisions::{self, MOST_TRIES};
use super::error::Error;
use super::marks::Marks;
use super::news;
use super::writer::Writer;
use crate::domain::audit::Occasion;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, Pool};
use diesel::sqlite::SqliteConnection;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many reads that may take long run at once.
const LONG_READS: usize = 2;

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
    /// Turns for reads that may take long.
    long: Arc<Semaphore>,
}

#[derive(Clone)]
enum Database {
    Sqlite { path: Arc<PathBuf>, writer: Arc<Writer> },
    Postgres { pool: Pool<PostgresManager> },
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
        let marks = Arc::<Marks>::default();
        let writer = Arc::new(Writer::start(conn, marks.clone())?);
        Ok(Self { database: Database::Sqlite { path: Arc::new(path.to_owned()), writer }, marks, long: turns() })
    }

    /// Opens a pool of at most `connections` to the PostgreSQL at `url`; refuses at once when the server does not answer.
    pub fn postgres(url: &str, connections: u32) -> Result<Self, Error> {
        open_postgres(url)?;
        let pool = Pool::builder()
            .max_size(connections)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_secs(5))
            .build(PostgresManager { url: url.to_owned() })
            .map_err(|error| Error::Start(format!("PostgreSQL does not answer: {error}")))?;
        let marks = Arc::<Marks>::default();
        news::listen(url, &marks)?;
        Ok(Self { database: Database::Postgres { pool }, marks, long: turns() })
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
                let outcome = in_transaction(&mut conn, work);
                self.reader.replace(Some(conn));
                outcome
            }
            Database::Postgres { pool } => {
                let pool = pool.clone();
                on_a_blocking_thread(move || {
                    let mut conn = pool.get().map_err(|error| Error::Unavailable(error.to_string()))?;
                    let Conn::Postgres(inner) = &mut *conn else {
                        return Err(Error::Unavailable("no PostgreSQL connection".into()).into());
                    };
                    inner.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").map_err(lost)?;
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
                let outcome = work(&mut conn);
                self.reader.replace(Some(conn));
                outcome
            }
            Database::Postgres { pool } => {
                let pool = pool.clone();
                on_a_blocking_thread(move || {
                    let mut conn = pool.get().map_err(|error| Error::Unavailable(error.to_string()))?;
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
        let turn = self.shared.long.clone().acquire_owned().await.map_err(|closed| Error::Unavailable(closed.to_string()))?;
        match &self.shared.database {
            Database::Sqlite { path, .. } => {
                let path = path.clone();
                on_a_blocking_thread(move || {
                    let _turn = turn;
                    in_transaction(&mut open_sqlite_reader(&path)?, work)
                })
                .await
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
        match &self.shared.database {
            Database::Sqlite { writer, .. } => writer.write(occasion, work).await,
            Database::Postgres { pool } => {
                let (pool, marks) = (pool.clone(), self.shared.marks.clone());
                on_a_blocking_thread(move || {
                    let mut conn = pool.get().map_err(|error| Error::Unavailable(error.to_string()))?;
                    let attempt = |conn: &mut Conn| {
                        let (value, touched) = noting(conn, occasion.clone(), work.clone())?;
                        news::tell(conn, &touched)?;
                        Ok::<_, E>((value, touched))
                    };
                    let mut tries = 1;
                    loop {
                        match collisions::watch(&mut conn, |conn| in_transaction(conn, attempt)) {
                            (Ok((value, touched)), _) => {
                                marks.touch(&touched);
                                return Ok(value);
                            }
                            (Err(_), true) if tries < MOST_TRIES => tries += 1,
                            (Err(error), _) => return Err(error),
                        }
                    }
                })
                .await
            }
        }
    }
}

fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LONG_READS))
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
    in_transaction(conn, |conn| noting(conn, occasion, work)).map(|(value, _touched)| value)
}

/// Runs `work` in a transaction of its own, or in a savepoint of the one that is open.
pub fn in_transaction<T, E: From<Error>>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    /// Diesel wants an error that is made from its own; this keeps the two apart.
    enum Either<E> {
        Ours(E),
        Diesel(diesel::result::Error),
    }
    impl<E> From<diesel::result::Error> for Either<E> {
        fn from(error: diesel::result::Error) -> Self {
            Self::Diesel(error)
        }
    }
    conn.transaction(|conn| work(conn).map_err(Either::Ours)).map_err(|error| match error {
        Either::Ours(error) => error,
        Either::Diesel(error) => lost(error).into(),
    })
}

/// A failure of BEGIN or COMMIT: the database is away, busy or full; what was asked did not happen.
fn lost(error: diesel::result::Error) -> Error {
    Error::Unavailable(error.to_string())
}

async fn on_a_blocking_thread<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_panic| Err(Error::Panicked.into()))
}

/// Hands out PostgreSQL connections to the pool.
pub struct PostgresManager {
    url: String,
}

impl ManageConnection for PostgresManager {
    type Connection = Conn;
    type Error = Error;

    fn connect(&self) -> Result<Conn, Error> {
        open_postgres(&self.url)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Error> {
        conn.batch_execute("SELECT 1").map_err(lost)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        use diesel::connection::TransactionManager as _;
        type Manager = <Conn as Connection>::TransactionManager;
        std::thread::panicking() || Manager::is_broken_transaction_manager(conn)
    }
}

/// Opens a writing connection. `synchronous=FULL`: a commit that was answered survives a power loss.
/// A file that is missing is made for its owner alone (0600); SQLite gives its companions the same mode.
pub fn open_sqlite(path: &Path) -> Result<Conn, Error> {
    let made = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map_err(|error| Error::Start(format!("the database {} cannot be opened: {error}", path.display())))?;
    let mut conn = connect_sqlite(path)?;
    conn.batch_execute(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA journal_size_limit = 67108864;",
    )
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

/// Opens one PostgreSQL connection.
pub fn open_postgres(url: &str) -> Result<Conn, Error> {
    PgConnection::establish(url).map(Conn::Postgres).map_err(|error| Error::Start(format!("PostgreSQL does not answer: {error}")))
}
