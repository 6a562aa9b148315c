//! The command line: what operators type.

mod demo;
mod health;
mod keep;
mod key;
mod keys;
mod reindex;
mod serve;
mod signals;
mod traces;
mod user;

use crate::auth::{SigningSecret, Tokens};
use crate::config::{Config, DatabaseUrl, LogFormat, Settings, environment, load_env_file};
use crate::http::{self, Clock};
use crate::keep::lock::{self, Lock};
use crate::keep::progress::Show;
use crate::keep::{snapshot, sqlite_file};
use crate::store::{
    Conn, Error, HEARD_AFTER, Shared, Store, applied, migrate, open_postgres, open_sqlite, pending, search, soundness, swap,
};
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use traces::{Sending, Traces};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// A headless CMS for newsrooms, in one file.
#[derive(Parser)]
#[command(name = "copydesk", version, about, propagate_version = true)]
struct CommandLine {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests (what `copydesk` alone does, too).
    Serve,
    /// Bring the database's schema up to this program.
    Migrate {
        /// Only tell what would be done.
        #[arg(long)]
        dry_run: bool,
        /// Make no copy of a SQLite database first.
        #[arg(long)]
        no_snapshot: bool,
    },
    /// Back the newsroom up while the server runs: compressed, checksummed, verified.
    Backup {
        /// A folder, or s3://bucket/prefix [default: COPYDESK_BACKUP_TO]
        to: Option<String>,
        /// Let the oldest go, so that so many stay [default: all stay]
        #[arg(long, value_name = "COUNT", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
        keep: Option<usize>,
        /// Make none; list those that are there.
        #[arg(long)]
        list: bool,
    },
    /// Put a backup in the place of the database, which is kept aside. The server must be stopped.
    Restore {
        /// `latest`, a backup's name, its address (s3://bucket/prefix/name), or any backup, snapshot, export or SQLite file
        backup: String,
    },
    /// Write the whole newsroom as lines of JSON, while the server runs.
    Export {
        /// A file, compressed if it ends in .zst; - is standard output
        #[arg(default_value = "-")]
        file: String,
    },
    /// Read an export into an empty database, SQLite or PostgreSQL. The server must be stopped.
    Import {
        /// A file; - is standard input
        file: String,
    },
    /// Look for what is wrong with the database, the files and the configuration, and say what helps.
    Doctor {
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Keep the accounts of the newsroom, without a running server.
    #[command(subcommand)]
    User(user::Command),
    /// Keep the API keys of programs, without a running server.
    #[command(subcommand)]
    Key(key::Command),
    /// Ask a running server, at COPYDESK_ADMIN_LISTEN, whether it is ready; exit code 0 if it is.
    Health {
        /// Ask only whether the process lives.
        #[arg(long)]
        live: bool,
    },
    /// Keep the keys that sign tokens, without a running server or beside one.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Make the search index anew; a server may go on meanwhile.
    Reindex,
    /// Print the OpenAPI document.
    Openapi,
    /// Fill an empty database with a small newsroom and serve it.
    Demo,
}

/// A sentence for the operator; the program ends with it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Stop(String);

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<crate::config::ConfigError> for Stop {
    fn from(error: crate::config::ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Reads the command line and does what it says. Exit code 1 and one line on stderr if that cannot be done.
pub fn run() -> ExitCode {
    let line = CommandLine::parse();
    match dispatch(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop(why)) => {
            eprintln!("copydesk: {why}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(line: CommandLine) -> Result<(), Stop> {
    if matches!(line.command, Some(Command::Openapi)) {
        print!("{}", http::document());
        return Ok(());
    }
    load_env_file()?;
    let config = line.settings.or_from(environment())?.validate()?;
    let _log = start_log(&config)?;
    match line.command {
        None | Some(Command::Serve) => serve::serve(config),
        Some(Command::Migrate { dry_run: true, .. }) => tell_pending(&config),
        Some(Command::Migrate { dry_run: false, no_snapshot }) => migrate_now(&config, !no_snapshot),
        Some(Command::Backup { to, list: true, .. }) => keep::list_backups(&config, to.as_deref()),
        Some(Command::Backup { to, keep, list: false }) => keep::back_up(&config, to.as_deref(), keep),
        Some(Command::Restore { backup }) => keep::restore(&config, &backup),
        Some(Command::Export { file }) => keep::write_export(&config, &file),
        Some(Command::Import { file }) => keep::read_import(&config, &file),
        Some(Command::Doctor { json }) => keep::examine(&config, json),
        Some(Command::User(command)) => user::run(command, &config),
        Some(Command::Key(command)) => key::run(command, &config),
        Some(Command::Keys(command)) => keys::run(&command, &config),
        Some(Command::Reindex) => reindex::reindex(&config),
        Some(Command::Demo) => demo::demo(config),
        Some(Command::Health { live }) => health::ask(&config, live),
        Some(Command::Openapi) => Ok(()),
    }
}

fn migrate_now(config: &Config, with_snapshot: bool) -> Result<(), Stop> {
    let _shared = claim(config)?;
    let applied = migrated(config, &mut open(config)?, with_snapshot)?;
    if applied.is_empty() {
        println!("The schema is up to date.");
    }
    for name in applied {
        println!("Applied {name}.");
    }
    Ok(())
}

/// Says what a migration would do, and does nothing.
fn tell_pending(config: &Config) -> Result<(), Stop> {
    let missing = match &config.database_url {
        DatabaseUrl::Sqlite(path) if !path.exists() => crate::store::known()?,
        DatabaseUrl::Sqlite(path) => {
            sqlite_file::check(path, lock::is_in_use(path))?;
            pending(&mut soundness::open_beside(path)?)?
        }
        DatabaseUrl::Postgres(url) => pending(&mut open_postgres(url)?)?,
    };
    if missing.is_empty() {
        println!("The schema is up to date.");
    }
    for name in missing {
        println!("Would apply {name}.");
    }
    Ok(())
}

/// Brings the schema up to date, and the finished copies of live stories and the search index with it; answers the names of the migrations it applied.
/// A SQLite database that has stories is copied first. Of two processes at once the second waits, and finds nothing to do.
fn migrated(config: &Config, conn: &mut Conn, with_snapshot: bool) -> Result<Vec<String>, Stop> {
    let mut done = Vec::new();
    if !pending(conn)?.is_empty() {
        let _alone = match &config.database_url {
            DatabaseUrl::Sqlite(path) => Some(lock::wait_for(path, ".migration-lock")?),
            DatabaseUrl::Postgres(_) => None,
        };
        if let DatabaseUrl::Sqlite(path) = &config.database_url
            && with_snapshot
            && !pending(conn)?.is_empty()
            && !applied(conn)?.is_empty()
        {
            let copy = snapshot::take(path, Clock::system().now(), Show::Progress)?;
            tracing::info!(snapshot = %copy.display(), "copied the database before its schema changes: {}", copy.display());
        }
        let _progress = Show::Progress.time("changing the schema");
        done = migrate(conn)?;
    }
    let _progress = Show::Progress.time("finishing live stories anew");
    let anew = http::finish_anew(conn)?;
    if anew > 0 {
        tracing::info!(stories = anew, "finished {anew} live stories anew");
    }
    let indexed = search::index_anew(conn)?;
    if indexed > 0 {
        tracing::info!(copies = indexed, "indexed {indexed} live and working copies for search");
    }
    Ok(done)
}

/// Comes to a SQLite database for as long as the lock is held: nobody puts another one in its place meanwhile. One that is there is looked
/// at first, and refused if it is damaged; one that is not is made.
fn claim(config: &Config) -> Result<Option<Lock>, Stop> {
    let DatabaseUrl::Sqlite(path) = &config.database_url else { return Ok(None) };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Stop(format!("the folder {} cannot be made: {error}", folder.display())))?;
    }
    let lock = lock::come(path)?;
    if path.exists() {
        sqlite_file::check(path, !lock.is_alone())?;
    } else {
        sqlite_file::make(path)?;
    }
    Ok(Some(lock.shared()?))
}

/// Says what goes with a newsroom and is not in its database.
fn tokens_stay(config: &Config) {
    let path = config.data_dir.join("jwt-secret");
    if config.jwt_secret.is_none() && !path.exists() {
        println!("Bring the signing secret, too ({} or COPYDESK_JWT_SECRET): with a new one everybody signs in again.", path.display());
    }
}

/// What ends last: the lines and the traces that are still to be written.
struct Log {
    _traces: Option<Sending>,
    _lines: WorkerGuard,
}

/// The log goes to stderr, so that stdout is left to what was asked for. A thread of its own writes it, many lines with one call when
/// there are many; no line is dropped, and the last ones are written when the guard goes.
fn start_log(config: &Config) -> Result<Log, Stop> {
    // The server library's own lines repeat ours, and call it an error when a client sends what is not HTTP.
    let directives = format!("actix_server=warn,actix_http=off,{}", config.log);
    let filter = EnvFilter::try_new(directives).map_err(|error| Stop(error.to_string()))?;
    let lines = NonBlockingBuilder::default().lossy(false).thread_name("log");
    let (lines, guard) = lines.finish(std::io::BufWriter::new(std::io::stderr()));
    let written = tracing_subscriber::fmt::layer().with_writer(lines);
    let written = match config.log_format {
        LogFormat::Json => written.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => written.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
    };
    let (started, traces) = match &config.otlp_url {
        None => (tracing_subscriber::registry().with(written).with(filter).try_init(), None),
        Some(url) => {
            let (traces, sending) = Traces::start(url, config.otlp_percent)?;
            let traces = traces.with_filter(filter_fn(Traces::wants));
            (tracing_subscriber::registry().with(written.with_filter(filter)).with(traces).try_init(), Some(sending))
        }
    };
    started.map_err(|error| Stop(error.to_string()))?;
    Ok(Log { _traces: traces, _lines: guard })
}

/// A writing connection, outside the doors: for what runs before them or without them.
fn open(config: &Config) -> Result<Conn, Stop> {
    match &config.database_url {
        DatabaseUrl::Sqlite(path) => Ok(open_sqlite(path)?),
        DatabaseUrl::Postgres(url) => {
            let mut conn = open_postgres(url)?;
            if swap::share(&mut conn)? {
                Ok(conn)
            } else {
                Err(Stop("the database is being restored or imported into; wait until that is done".into()))
            }
        }
    }
}

/// The doors, on a schema that is up to date. Call [`claim`] first, and hold what it answers.
fn open_store(config: &Config) -> Result<Shared, Stop> {
    let mut conn = open(config)?;
    for name in migrated(config, &mut conn, true)? {
        tracing::info!(migration = %name, "applied migration {name}");
    }
    let shared = match &config.database_url {
        DatabaseUrl::Sqlite(path) => Shared::sqlite(path)?,
        DatabaseUrl::Postgres(url) => Shared::postgres(url, config.postgres_pool)?,
    };
    // Not before the doors are open: who closes a SQLite file as the last one carries its whole log over, and the start would wait for that.
    drop(conn);
    Ok(shared)
}

/// The tokens, whose keys the configured secret opens or the one in the data folder; `http::signing` takes the keys.
fn tokens(config: &Config) -> Result<Tokens, Stop> {
    let secret = match config.jwt_secret.clone() {
        Some(secret) => secret,
        None => {
            if matches!(config.database_url, DatabaseUrl::Postgres(_)) {
                tracing::warn!("COPYDESK_JWT_SECRET is not set: other nodes on this database will refuse the tokens of this one");
            }
            std::fs::create_dir_all(&config.data_dir)
                .map_err(|error| Stop(format!("the folder {} cannot be made: {error}", config.data_dir.display())))?;
            SigningSecret::load_or_create(&config.data_dir.join("jwt-secret"))?
        }
    };
    // The same on every node and under every address: a token that one node issued is good at all.
    Ok(Tokens::new(&secret, "copydesk", "copydesk", config.access_token_seconds).signed_with(config.token_algorithm))
}

/// Runs work on the doors from a command that has no server.
fn with_store<T>(config: &Config, work: impl AsyncFnOnce(Store) -> Result<T, Stop>) -> Result<T, Stop> {
    let _shared = claim(config)?;
    let shared = open_store(config)?;
    actix_web::rt::System::new().block_on(async { work(shared.store()).await })
}

/// The same for work that keeps somebody out: it has ended when a server that runs beside it has heard of it, and acts on it.
fn with_store_and_servers<T>(config: &Config, work: impl AsyncFnOnce(Store) -> Result<T, Stop>) -> Result<T, Stop> {
    let done = with_store(config, work)?;
    std::thread::sleep(HEARD_AFTER);
    Ok(done)
}
