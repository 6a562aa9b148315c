//! Counts the statements that reach each database: Diesel tells of every one.

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use std::collections::HashMap;
use std::sync::{Mutex, Once};

static COUNTS: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

/// Counts for one connection.
struct Counter {
    url: String,
}

impl Instrumentation for Counter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => self.url = url.to_owned(),
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
    ONCE.call_once(|| set_default_instrumentation(|| Some(Box::new(Counter { url: String::new() }))).unwrap());
}

/// How many statements all connections to that database have run.
pub fn counted(url: &str) -> usize {
    COUNTS.lock().unwrap().as_ref().and_then(|counts| counts.get(url).copied()).unwrap_or(0)
}
