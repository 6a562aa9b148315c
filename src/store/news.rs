//! How the nodes on one PostgreSQL hear of each other's commits: NOTIFY in the transaction, LISTEN on each node.
//!
//! A node learns of another's commit within `PAUSE` and a network's delay; that is the bound on how stale its kept answers can be.
//! While PostgreSQL is away nobody commits, or this node cannot hear of it: what is kept goes on being shown for `GRACE`, and not longer.

use super::conn::Conn;
use super::error::Error;
use super::marks::Marks;
use super::pool::open_postgres;
use super::swap;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How long a node waits between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it asks the server whether it is still there: a connection may be dead without a word.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long kept answers are shown after the server was last heard of.
const GRACE: Duration = Duration::from_secs(60);
/// PostgreSQL takes payloads below 8000 bytes; longer ones say that anything may have changed.
const LONGEST: usize = 7900;
const ANYTHING: &str = "*";

/// Tells all nodes what this transaction touched; they hear of it when it commits. SQLite has one node.
pub fn tell(conn: &mut Conn, touched: &BTreeSet<String>) -> Result<(), Error> {
    let Conn::Postgres(postgres) = conn else { return Ok(()) };
    if touched.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = touched.iter().map(String::as_str).collect();
    let names = names.join(" ");
    let payload = if names.len() > LONGEST { ANYTHING } else { names.as_str() };
    diesel::sql_query("SELECT pg_notify('copydesk', $1)").bind::<Text, _>(payload).execute(postgres)?;
    Ok(())
}

/// Starts listening for as long as anybody holds the marks.
pub fn listen(url: &str, marks: &Arc<Marks>) -> Result<(), Error> {
    let (url, marks) = (url.to_owned(), Arc::downgrade(marks));
    let listening = std::thread::Builder::new().name("news".into()).spawn(move || follow(&url, &marks));
    listening.map(drop).map_err(|error| Error::Start(format!("the listening thread cannot be started: {error}")))
}

/// Follows the news. Whenever it listens anew anything may have changed meanwhile; while it cannot, what is kept is forgotten after a time.
fn follow(url: &str, marks: &Weak<Marks>) {
    let mut heard_at = Instant::now();
    while let Some(held) = marks.upgrade() {
        let connected = open_postgres(url).and_then(|mut conn| {
            conn.batch_execute("LISTEN copydesk")?;
            // Whoever wants to put another newsroom in place learns by it that this process is at work.
            swap::share_again(&mut conn)?;
            Ok(conn)
        });
        if connected.is_ok() || heard_at.elapsed() >= GRACE {
            held.touch_all();
        }
        drop(held);
        if let Ok(Conn::Postgres(mut postgres)) = connected {
            heard_at = Instant::now();
            while hear(&mut postgres, marks, &mut heard_at) {
                std::thread::sleep(PAUSE);
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Passes on what has come in. False when the connection is lost or nobody wants to know any more.
fn hear(postgres: &mut PgConnection, marks: &Weak<Marks>, heard_at: &mut Instant) -> bool {
    let Some(marks) = marks.upgrade() else { return false };
    if heard_at.elapsed() >= HEARTBEAT {
        if postgres.batch_execute("SELECT 1").is_err() {
            return false;
        }
        *heard_at = Instant::now();
    }
    let heard: Result<Vec<_>, _> = postgres.notifications_iter().collect();
    let Ok(heard) = heard else { return false };
    for notification in heard {
        if notification.payload == ANYTHING {
            marks.touch_all();
        } else {
            let names: Vec<String> = notification.payload.split(' ').map(str::to_owned).collect();
            marks.touch(&names);
        }
    }
    true
}
