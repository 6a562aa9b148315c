//! Every SQL statement, behind two doors: `read` and `write`.
//!
//! Query functions are free functions on `&mut Conn`; a function that changes something is called inside `write` only.
//! The live view (`live.rs`) reads the published tables and cannot name a working one.

pub mod api_keys;
pub mod articles;
pub mod audit;
pub mod authors;
pub mod catalogue;
mod collisions;
pub mod comments;
mod compact;
mod conn;
pub mod corrections;
pub mod counts;
mod error;
pub mod examine;
pub mod history;
pub mod idempotency;
pub mod identities;
pub mod invitations;
pub mod kills;
pub mod links;
pub mod live;
pub mod locks;
pub mod manuscript;
pub mod marks;
mod migrations;
pub mod neighbours;
mod news;
pub mod page;
mod pool;
pub mod previews;
mod pruning;
pub mod publishing;
pub mod schedules;
mod schema;
pub mod search;
pub mod second_factors;
pub mod sessions;
pub mod signing_keys;
pub mod slugs;
pub mod soundness;
pub mod statement;
pub mod swap;
pub mod tags;
mod transaction;
pub mod transfer;
pub mod trash;
pub mod users;
mod walk;
mod working;
mod writer;

pub use conn::{Conn, PATIENCE, Shared, Store, Write, open_sqlite, write_on};
pub use error::{Error, Expect};
pub use migrations::{applied, known, migrate, migrate_within, missing_here, pending};
pub use pool::{PoolState, open_postgres};
pub use transaction::{in_transaction, in_write};
pub use writer::{HEARD_AFTER, QUEUE};
