//! The schema's history, embedded for both databases under the same names, applied all or nothing.

use super::catalogue;
use super::conn::Conn;
use super::error::Error;
use super::statement::on_either;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// Any number that no other program locks in the same database: "copydesk" on a telephone's keys.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(26793375)";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where Diesel keeps which migrations a database has seen.
const APPLIED: &str = "__diesel_schema_migrations";

/// Applies what is missing, all or nothing, and answers the names of what it applied.
/// Refuses a database that a newer program has migrated, and one of another program.
pub fn migrate(conn: &mut Conn) -> Result<Vec<String>, Error> {
    refuse_strange(conn)?;
    let outcome = match conn {
        Conn::Sqlite(sqlite) => sqlite.immediate_transaction(|conn| apply(conn, SQLITE, None).map_err(Wrapped)),
        Conn::Postgres(postgres) => postgres.transaction(|conn| {
            conn.batch_execute(MIGRATION_LOCK)?;
            apply(conn, POSTGRES, None).map_err(Wrapped)
        }),
    };
    outcome.map_err(|Wrapped(why)| Error::Start(format!("the database cannot be migrated: {why}")))
}

/// The same inside a transaction that is open already, and no further than the migration of that name, if one is given.
pub fn migrate_within(conn: &mut Conn, last: Option<&str>) -> Result<Vec<String>, Error> {
    let outcome = match conn {
        Conn::Sqlite(sqlite) => apply(sqlite, SQLITE, last),
        Conn::Postgres(postgres) => apply(postgres, POSTGRES, last),
    };
    outcome.map_err(|why| Error::Start(format!("the database cannot be migrated: {why}")))
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

/// The names of the migrations that are missing; changes nothing. Refuses as [`migrate`] does.
pub fn pending(conn: &mut Conn) -> Result<Vec<String>, Error> {
    refuse_strange(conn)?;
    let applied = applied(conn)?;
    Ok(known()?.into_iter().filter(|name| !applied.contains(name)).collect())
}

/// The names of the migrations that this database has seen, the oldest first; changes nothing. One that this program does not know has its
/// version for a name.
pub fn applied(conn: &mut Conn) -> Result<Vec<String>, Error> {
    #[derive(QueryableByName)]
    struct Applied {
        #[diesel(sql_type = Text)]
        version: String,
    }
    if !catalogue::tables(conn)?.iter().any(|table| table == APPLIED) {
        return Ok(Vec::new());
    }
    let words = "SELECT version FROM __diesel_schema_migrations ORDER BY version";
    let rows: Vec<Applied> = on_either!(conn, inner => diesel::sql_query(words).load(inner))?;
    let known = known()?;
    let named = |version: String| known.iter().find(|name| version_of(name) == version).cloned().unwrap_or(version);
    Ok(rows.into_iter().map(|row| named(row.version)).collect())
}

/// The names of all migrations that this program knows, the oldest first.
pub fn known() -> Result<Vec<String>, Error> {
    let migrations = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE);
    let migrations = migrations.map_err(|why| Error::Start(format!("the migrations cannot be read: {why}")))?;
    let mut names: Vec<String> = migrations.iter().map(|migration| migration.name().to_string()).collect();
    names.sort_unstable();
    Ok(names)
}

fn version_of(name: &str) -> &str {
    name.split('_').next().unwrap_or(name)
}

/// A newer program's schema would be broken by this one, and another program's tables are no business of ours.
fn refuse_strange(conn: &mut Conn) -> Result<(), Error> {
    let (applied, known) = (applied(conn)?, known()?);
    if let Some(version) = applied.iter().find(|name| !known.contains(name)) {
        let why = format!("it is newer than this program (migration {version} is unknown here); run the newer copydesk");
        return Err(Error::Start(format!("the database cannot be migrated: {why}")));
    }
    if applied.is_empty()
        && matches!(conn, Conn::Sqlite(_))
        && let Some(table) = catalogue::tables(conn)?.into_iter().find(|table| !table.starts_with('_') && !catalogue::is_ours(table))
    {
        return Err(Error::Start(format!("the database belongs to another program: it has a table {table:?} and no schema of Copydesk")));
    }
    Ok(())
}

/// The newest schema is looked up in here, again: another process may have been faster.
fn apply<DB: diesel::backend::Backend>(
    conn: &mut impl MigrationHarness<DB>,
    source: EmbeddedMigrations,
    last: Option<&str>,
) -> Result<Vec<String>, Failure>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let mut names = Vec::new();
    for migration in conn.pending_migrations(source)? {
        let name = migration.name().to_string();
        if last.is_some_and(|last| name.as_str() > last) {
            break;
        }
        conn.run_migration(migration.as_ref())?;
        names.push(name);
    }
    Ok(names)
}

/// Lets a migration's failure travel through Diesel's transaction.
struct Wrapped(Failure);

impl From<diesel::result::Error> for Wrapped {
    fn from(error: diesel::result::Error) -> Self {
        Self(Box::new(error))
    }
}
