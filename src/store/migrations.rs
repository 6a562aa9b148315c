//! The schema's history, embedded for both databases under the same names, applied all or nothing.

use super::conn::Conn;
use super::error::Error;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::collections::BTreeSet;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// Any number that no other program locks in the same database: "copydesk" on a telephone's keys.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(26793375)";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Applies what is missing, all or nothing, and answers the names of what it applied.
/// Refuses a database that a newer program has migrated.
pub fn migrate(conn: &mut Conn) -> Result<Vec<String>, Error> {
    let outcome = match conn {
        Conn::Sqlite(sqlite) => sqlite.immediate_transaction(|conn| apply(conn, SQLITE).map_err(Wrapped)),
        Conn::Postgres(postgres) => postgres.transaction(|conn| {
            conn.batch_execute(MIGRATION_LOCK)?;
            apply(conn, POSTGRES).map_err(Wrapped)
        }),
    };
    outcome.map_err(|Wrapped(why)| Error::Start(format!("the database cannot be migrated: {why}")))
}

/// The names of the migrations that are missing.
pub fn pending(conn: &mut Conn) -> Result<Vec<String>, Error> {
    let outcome = match conn {
        Conn::Sqlite(sqlite) => missing(sqlite, SQLITE),
        Conn::Postgres(postgres) => missing(postgres, POSTGRES),
    };
    outcome.map_err(|why| Error::Start(format!("the database cannot be read: {why}")))
}

diesel::table! {
    #[sql_name = "__diesel_schema_migrations"]
    applied_migrations (version) {
        version -> Text,
    }
}

/// The names of the migrations that are missing, found out in any read: `pending` makes the table of what is applied, if there is none.
pub fn missing_here(conn: &mut Conn) -> Result<Vec<String>, Error> {
    let applied: Vec<String> = applied_migrations::table.select(applied_migrations::version).load(conn)?;
    let known = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).map_err(|why| Error::Damaged(why.to_string()))?;
    let missing = known.iter().filter(|migration| !applied.contains(&migration.name().version().to_string()));
    Ok(missing.map(|migration| migration.name().to_string()).collect())
}

fn apply<DB: diesel::backend::Backend>(conn: &mut impl MigrationHarness<DB>, source: EmbeddedMigrations) -> Result<Vec<String>, Failure>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let known: BTreeSet<String> = source.migrations()?.iter().map(|migration| migration.name().version().to_string()).collect();
    let newer = conn.applied_migrations()?.into_iter().map(|version| version.to_string()).find(|version| !known.contains(version));
    if let Some(version) = newer {
        return Err(format!("it is newer than this program (migration {version} is unknown here); run the newer copydesk").into());
    }
    let pending = conn.pending_migrations(source)?;
    for migration in &pending {
        conn.run_migration(migration.as_ref())?;
    }
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}

fn missing<DB: diesel::backend::Backend>(conn: &mut impl MigrationHarness<DB>, source: EmbeddedMigrations) -> Result<Vec<String>, Failure>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    Ok(conn.pending_migrations(source)?.iter().map(|migration| migration.name().to_string()).collect())
}

/// Lets a migration's failure travel through Diesel's transaction.
struct Wrapped(Failure);

impl From<diesel::result::Error> for Wrapped {
    fn from(error: diesel::result::Error) -> Self {
        Self(Box::new(error))
    }
}
