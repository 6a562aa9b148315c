//! Collisions on PostgreSQL: of transactions that wait for each other the server ends one, and that one may be tried again.

use super::conn::Conn;
use diesel::connection::{Connection, InstrumentationEvent};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a write is tried that collides each time.
pub const MOST_TRIES: usize = 4;

/// Runs `work`, and says whether the server has ended one of its statements because of another transaction.
///
/// Seen from the connection, not from the outcome: by then it may be any error of the caller's.
pub fn watch<T>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> T) -> (T, bool) {
    let collided = Arc::new(AtomicBool::new(false));
    let seen = collided.clone();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::FinishQuery { error: Some(error), .. } = event
            && is_collision(error)
        {
            seen.store(true, Ordering::Relaxed);
        }
    });
    let outcome = work(conn);
    conn.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    (outcome, collided.load(Ordering::Relaxed))
}

/// A serialisation failure (40001) or a deadlock (40P01). Diesel has no kind for the second and does not tell the code, and the message is in
/// the server's language: so all that it has no kind for counts. Trying again what was rolled back costs time and nothing else.
const fn is_collision(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::Unknown, _))
}
