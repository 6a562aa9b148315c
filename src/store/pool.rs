//! The connections to PostgreSQL: a pool that says at once when the server is away, and is good again as soon as it is back.

use super::collisions::Trouble;
use super::conn::{Conn, PATIENCE};
use super::error::Error;
use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::r2d2::{self, ManageConnection, PooledConnection};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long requests wait for a server that is away, and how many of them; all others are told at once.
const HOPE: Duration = Duration::from_millis(500);
const HOPING: usize = 8;
/// Half of it is the longest pause between two tries to connect.
const TRYING: Duration = Duration::from_millis(300);
/// So many tries in a row that fail mean that the server is away. One may have met its restart.
const AWAY: usize = 2;
/// How long it may take to connect.
const CONNECTING: Duration = Duration::from_secs(5);
/// A connection that was used so short a time ago is taken without asking the server whether it still stands: that would cost each
/// transaction a round trip.
const FRESH: Duration = Duration::from_secs(1);
/// No statement waits for a lock longer than a write of SQLite waits for its turn, and none runs for ever: else a few would hold all connections.
const BOUNDS: &str = "SET lock_timeout = '5s'; SET statement_timeout = '60s'";

/// The pool.
pub struct Pool {
    inner: r2d2::Pool<Manager>,
    /// How many tries to connect have failed in a row.
    failed: Arc<AtomicUsize>,
    hoping: AtomicUsize,
}

/// How the pool stands.
#[derive(Clone, Copy, Debug)]
pub struct PoolState {
    pub most: u32,
    pub open: u32,
    pub idle: u32,
    /// Whether the last tries to connect failed.
    pub away: bool,
}

/// A connection that goes back when it is dropped.
pub struct Taken(PooledConnection<Manager>);

impl Pool {
    /// Refuses at once when the server does not answer.
    pub fn open(url: &str, most: u32) -> Result<Self, Error> {
        open_postgres(url)?;
        let failed = Arc::<AtomicUsize>::default();
        let inner = r2d2::Pool::builder()
            .max_size(most)
            .min_idle(Some(1))
            .connection_timeout(TRYING)
            .build_unchecked(Manager { url: url.to_owned(), failed: failed.clone() });
        Ok(Self { inner, failed, hoping: AtomicUsize::new(0) })
    }

    pub fn state(&self) -> PoolState {
        let state = self.inner.state();
        PoolState { most: self.inner.max_size(), open: state.connections, idle: state.idle_connections, away: self.is_away() }
    }

    fn is_away(&self) -> bool {
        self.failed.load(Ordering::Relaxed) >= AWAY
    }

    /// A connection. Who finds the server away waits a moment for it, if not too many do already.
    pub fn take(&self) -> Result<Taken, Error> {
        let asked = Instant::now();
        if self.hoping.fetch_add(1, Ordering::Relaxed) >= HOPING && self.is_away() {
            self.hoping.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Unavailable("PostgreSQL is away".into()));
        }
        let taken = loop {
            match self.inner.get_timeout(HOPE / 4) {
                Ok(conn) => break Ok(Taken(conn)),
                Err(error) => {
                    let patience = if self.is_away() { HOPE } else { PATIENCE };
                    if asked.elapsed() >= patience {
                        break Err(Error::Unavailable(error.to_string()));
                    }
                }
            }
        };
        self.hoping.fetch_sub(1, Ordering::Relaxed);
        taken
    }

    /// A connection on which a transaction has begun. Those that a restart of the server has left behind show themselves here, where nothing has
    /// happened yet, and others are taken.
    pub fn begin(&self, begin: impl Fn(&mut Conn) -> diesel::QueryResult<()>) -> Result<Taken, Error> {
        let asked = Instant::now();
        loop {
            let mut taken = self.take()?;
            match begin(&mut taken).map_err(Error::from) {
                Ok(()) => return Ok(taken),
                Err(Error::Cut(_)) if asked.elapsed() < PATIENCE => {}
                Err(error) => return Err(Error::Unavailable(error.to_string())),
            }
        }
    }
}

impl Taken {
    /// What has gone wrong on the connection.
    pub fn trouble(&self) -> &Trouble {
        &self.0.trouble
    }
}

impl Deref for Taken {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0.conn
    }
}

impl DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0.conn
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.used = Instant::now();
    }
}

/// A connection in the pool.
struct Pooled {
    conn: Conn,
    used: Instant,
    trouble: Arc<Trouble>,
}

struct Manager {
    url: String,
    failed: Arc<AtomicUsize>,
}

impl ManageConnection for Manager {
    type Connection = Pooled;
    type Error = Error;

    fn connect(&self) -> Result<Pooled, Error> {
        let connected = open_postgres(&self.url).and_then(|mut conn| Ok(conn.batch_execute(BOUNDS).map(|()| conn)?));
        match &connected {
            Err(error) => {
                if self.failed.fetch_add(1, Ordering::Relaxed) + 1 == AWAY {
                    tracing::error!(cause = %error, "PostgreSQL is away");
                }
            }
            Ok(_) => {
                if self.failed.swap(0, Ordering::Relaxed) >= AWAY {
                    tracing::info!("PostgreSQL is back");
                }
            }
        }
        let mut conn = connected?;
        Ok(Pooled { trouble: Trouble::on(&mut conn), conn, used: Instant::now() })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Error> {
        if pooled.used.elapsed() < FRESH { Ok(()) } else { Ok(pooled.conn.batch_execute("SELECT 1")?) }
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        type Transactions = <Conn as Connection>::TransactionManager;
        pooled.trouble.is_cut() || std::thread::panicking() || Transactions::is_broken_transaction_manager(&mut pooled.conn)
    }
}

/// Opens one PostgreSQL connection.
pub fn open_postgres(url: &str) -> Result<Conn, Error> {
    let opened = PgConnection::establish(&with_bounds(url)).map(Conn::Postgres);
    opened.map_err(|error| Error::Start(format!("PostgreSQL does not answer: {error}")))
}

/// The address with what libpq needs to notice a server that has vanished without a word; what the operator has set stands.
fn with_bounds(url: &str) -> String {
    let mut bounded = url.to_owned();
    for (name, value) in [("connect_timeout", CONNECTING.as_secs()), ("tcp_user_timeout", 10_000)] {
        if !url.contains(name) {
            let sign = if bounded.contains('?') { '&' } else { '?' };
            bounded.push_str(&format!("{sign}{name}={value}"));
        }
    }
    bounded
}

#[cfg(test)]
mod tests {
    use super::with_bounds;

    #[test]
    fn what_the_operator_has_set_stands() {
        assert_eq!(with_bounds("postgres://a/b"), "postgres://a/b?connect_timeout=5&tcp_user_timeout=10000");
        assert_eq!(with_bounds("postgres://a/b?connect_timeout=9"), "postgres://a/b?connect_timeout=9&tcp_user_timeout=10000");
        assert_eq!(
            with_bounds("postgres://a/b?tcp_user_timeout=1&connect_timeout=2"),
            "postgres://a/b?tcp_user_timeout=1&connect_timeout=2"
        );
    }
}
