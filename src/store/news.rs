//! How the nodes on one PostgreSQL hear of each other's commits: NOTIFY in the transaction, LISTEN on each node.
//!
//! A node learns of another's commit within `PAUSE` and a network's delay; that is the bound on how stale its kept answers can be.

use super::conn::{Conn, open_postgres};
use super::error::Error;
use super::marks::Marks;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How long a node waits between two looks.
const PAUSE: Duration = Duration::from_millis(100);
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

/// Follows the news; after each loss of the connection anything may have changed.
fn follow(url: &str, marks: &Weak<Marks>) {
    while let Some(held) = marks.upgrade() {
        let connected = open_postgres(url).and_then(|mut conn| Ok(conn.batch_execute("LISTEN copydesk").map(|()| conn)?));
        held.touch_all();
        drop(held);
        if let Ok(Conn::Postgres(mut postgres)) = connected {
            while hear(&mut postgres, marks) {
                std::thread::sleep(PAUSE);
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Passes on what has come in. False when the connection is lost or nobody wants to know any more.
fn hear(postgres: &mut PgConnection, marks: &Weak<Marks>) -> bool {
    let Some(marks) = marks.upgrade() else { return false };
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
