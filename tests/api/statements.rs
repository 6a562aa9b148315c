//! Counts the statements that reach each database: Diesel tells of every one.

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Mutex, Once};

static COUNTS: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

thread_local! {
    /// The database that this thread has connected to last: the store puts a watch of its own on a connection to PostgreSQL that it has just
    /// opened, behind which a new counter goes on.
    static CONNECTED_TO: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Counts for one connection.
struct Counter {
    url: String,
}

impl Instrumentation for Counter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                // What the store adds for libpq is no part of the name.
                self.url = url.split('?').next().unwrap_or_default().to_owned();
                CONNECTED_TO.set(self.url.clone());
            }
            InstrumentationEvent::StartQuery { query, .. } if !is_housekeeping(&query.to_string()) => {
                *COUNTS.lock().unwrap().get_or_insert_default().entry(self.url.clone()).or_default() += 1;
            }
            _ => {}
        }
    }
}

/// What opens a connection, and what asks whether it is alive.
fn is_housekeeping(query: &str) -> bool {
    query.trim_start().starts_with("PRAGMA") || query.starts_with("SELECT 1 ") || query == "SELECT 1"
}

/// Counts from now on, on every connection that is opened.
pub fn count() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_default_instrumentation(|| Some(Box::new(Counter { url: CONNECTED_TO.with_borrow(String::clone) }))).unwrap());
}

/// How many statements all connections to that database have run.
pub fn counted(url: &str) -> usize {
    COUNTS.lock().unwrap().as_ref().and_then(|counts| counts.get(url).copied()).unwrap_or(0)
}
