//! What goes wrong on a PostgreSQL connection, seen from the connection: by the time that it is an outcome, it may be any error of a caller's.
//!
//! Of transactions that wait for each other the server ends one, and that one may be tried again; a connection that was cut is not used again.

use super::conn::Conn;
use diesel::connection::{Connection, Instrumentation, InstrumentationEvent, get_default_instrumentation};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a write is tried that collides each time.
pub const MOST_TRIES: usize = 4;

/// What a connection has met.
#[derive(Default)]
pub struct Trouble {
    collided: AtomicBool,
    cut: AtomicBool,
}

impl Trouble {
    /// Watches a connection that was just opened, from now on. Who watches all of the process goes on to see it.
    pub fn on(conn: &mut Conn) -> Arc<Self> {
        let trouble = Arc::<Self>::default();
        let seen = trouble.clone();
        let mut others = get_default_instrumentation();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::FinishQuery { error: Some(error), .. } = event {
                seen.collided.fetch_or(is_collision(error), Ordering::Relaxed);
                seen.cut.fetch_or(is_cut(error), Ordering::Relaxed);
            }
            if let Some(others) = &mut others {
                others.on_connection_event(event);
            }
        });
        trouble
    }

    /// Whether the server has ended a statement because of another transaction since this was last asked.
    pub fn has_collided(&self) -> bool {
        self.collided.swap(false, Ordering::Relaxed)
    }

    /// Whether the connection is lost.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
}

/// A serialisation failure (40001) or a deadlock (40P01). Diesel has no kind for the second and does not tell the code, and the message is in
/// the server's language: so all that it has no kind for counts. Trying again what was rolled back costs time and nothing else.
const fn is_collision(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::Unknown, _))
}

const fn is_cut(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _))
}
