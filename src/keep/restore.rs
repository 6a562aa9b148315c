//! The way back: a backup, a snapshot, a plain SQLite file or an export in the place of what is there, which is kept aside.
//!
//! What comes back is built beside the database and verified first. On SQLite the swap is one rename; on PostgreSQL it is one transaction
//! that renames the schema of old and fills a new one.

use super::destination::Destination;
use super::disk::{self, Unfinished};
use super::import::{self, Imported};
use super::manifest::{self, Manifest};
use super::progress::Show;
use super::{Failure, backup, lock};
use crate::config::{Config, DatabaseUrl};
use crate::domain::time::Moment;
use crate::http;
use crate::store::{Conn, applied, known, open_postgres, soundness, swap};
use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};

const SQLITE: &[u8] = b"SQLite format 3\0";

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub rows: u64,
    pub schema: String,
    /// Where what was there before is now.
    pub aside: Option<String>,
    /// Whether there was a manifest to hold the backup against.
    pub had_manifest: bool,
}

/// What is to come back: a file, and the manifest that tells what must be in it.
pub struct Source {
    pub path: PathBuf,
    pub manifest: Option<Manifest>,
    /// Removed afterwards, if it was fetched.
    _fetched: Option<Unfinished>,
}

impl Source {
    /// `latest`, the name of a backup where backups go, `s3://bucket/prefix/name`, or a file.
    pub fn find(config: &Config, what: &str) -> Result<Self, Failure> {
        if let Some(place) = what.strip_prefix("s3://") {
            let (place, name) = place.rsplit_once('/').ok_or_else(|| Failure::new("name a backup, as in s3://bucket/prefix/latest"))?;
            return Self::fetched(config, &Destination::of(config, Some(&format!("s3://{place}")))?, name);
        }
        let path = Path::new(what);
        if what == "latest" || (!path.exists() && manifest::stem(what).is_some()) {
            return Self::fetched(config, &Destination::of(config, None)?, what);
        }
        if !path.is_file() {
            return Err(Failure(format!("there is no file {what}")));
        }
        let manifest = manifest::beside(path)?;
        let path = manifest.as_ref().map_or_else(|| path.to_owned(), |manifest| disk::folder_of(path).join(&manifest.file));
        Ok(Self { path, manifest, _fetched: None })
    }

    fn fetched(config: &Config, from: &Destination, name: &str) -> Result<Self, Failure> {
        let backups = from.backups()?;
        let stem = manifest::stem(name);
        let manifest = match (name, stem) {
            ("latest", _) => backups.into_iter().next_back(),
            (_, Some(stem)) => backups.into_iter().find(|manifest| manifest::stem(&manifest.file) == Some(stem)),
            _ => None,
        };
        let manifest = manifest.ok_or_else(|| Failure(format!("there is no backup {name:?} in {}", from.name())))?;
        let staging = backup::staging(config, from);
        disk::create_folder(&staging)?;
        let (path, fetched) = from.fetch(&manifest, &staging)?;
        Ok(Self { path, manifest: Some(manifest), _fetched: fetched })
    }
}

/// Puts a backup in the place of the database.
pub fn restore(config: &Config, source: &Source, now: Moment, show: Show) -> Result<Restored, Failure> {
    if let Some(manifest) = &source.manifest {
        let _progress = show.time("verifying the backup");
        manifest.verify(&source.path)?;
    }
    match &config.database_url {
        DatabaseUrl::Sqlite(database) => restore_file(database, source, now, show),
        DatabaseUrl::Postgres(url) => restore_schema(&mut open_postgres(url)?, source, now, show),
    }
}

fn restore_file(database: &Path, source: &Source, now: Moment, show: Show) -> Result<Restored, Failure> {
    disk::create_folder(disk::folder_of(database))?;
    let _alone = lock::take(database)?;
    let new = disk::with_suffix(database, ".restoring");
    remove_with_companions(&new)?;
    let _unfinished = Unfinished::new(new.clone());
    build(source, &new, show)?;
    let mut restored = verify(source, &new, show)?;
    disk::sync(&new)?;
    restored.aside = put_aside(database, now)?.map(|aside| aside.display().to_string());
    disk::put_in_place(&new, database)?;
    Ok(restored)
}

/// Makes a SQLite file of what comes back.
fn build(source: &Source, new: &Path, show: Show) -> Result<(), Failure> {
    let mut from = open(&source.path)?;
    let file = disk::create(new)?;
    if from.fill_buf().map_err(|error| unreadable(source, &error))?.starts_with(SQLITE) {
        let mut to = BufWriter::new(file);
        let _progress = show.file("unpacking", new.to_owned(), source.manifest.as_ref().map_or(0, |manifest| manifest.bytes * 3));
        std::io::copy(&mut from, &mut to).map_err(|error| unreadable(source, &error))?;
        return Ok(to.flush()?);
    }
    drop(file);
    fill(new, from, show).map(drop)
}

/// Fills an empty SQLite file with what an export holds.
pub fn fill(new: &Path, from: impl BufRead, show: Show) -> Result<Imported, Failure> {
    let mut conn = soundness::open_unfinished(new)?;
    import::import(&mut conn, from, show)
}

/// Insists that the new file is sound, of a schema that this program knows, and holds what its manifest tells.
fn verify(source: &Source, new: &Path, show: Show) -> Result<Restored, Failure> {
    let _progress = show.time("checking what comes back");
    let mut conn = soundness::open_beside(new)?;
    backup::sound(&mut conn)?;
    let schema = applied(&mut conn)?.pop().ok_or_else(|| Failure(format!("{} is no database of Copydesk", source.path.display())))?;
    if !known()?.contains(&schema) {
        return Err(Failure(format!("a newer copydesk made this backup (schema {schema}); restore it with that one")));
    }
    let rows = backup::rows(&mut conn)?;
    if let Some(manifest) = &source.manifest {
        let missing = manifest.rows.iter().find(|(table, count)| rows.get(*table) != Some(*count));
        if let Some((table, count)) = missing {
            let there = rows.get(table).copied().unwrap_or_default();
            return Err(Failure(format!("the backup is damaged: it should have {count} rows of {table}, and has {there}")));
        }
    }
    Ok(Restored { rows: rows.values().sum(), schema, aside: None, had_manifest: source.manifest.is_some() })
}

/// Gives the database that is there another name as well, whole: its write-ahead log goes into it first. One that cannot be opened is put
/// aside as it is, with its log.
fn put_aside(database: &Path, now: Moment) -> Result<Option<PathBuf>, Failure> {
    if !database.exists() {
        remove_with_companions(database)?;
        return Ok(None);
    }
    let aside = disk::with_suffix(database, &format!(".before-restore-{}", now.compact()));
    let in_use = || Failure(format!("another program has {} open; end it first", database.display()));
    match soundness::close_log(database) {
        Ok(true) => {}
        Ok(false) => return Err(in_use()),
        Err(_damaged) => {
            for companion in ["-wal", "-shm"] {
                let path = disk::with_suffix(database, companion);
                if path.exists() {
                    std::fs::rename(&path, disk::with_suffix(&aside, companion))?;
                }
            }
        }
    }
    // A second name, not another one: at no moment is there no database.
    if std::fs::hard_link(database, &aside).is_err() {
        std::fs::copy(database, &aside)?;
        disk::sync(&aside)?;
    }
    disk::sync_folder_of(database)?;
    Ok(Some(aside))
}

fn remove_with_companions(path: &Path) -> Result<(), Failure> {
    for companion in ["", "-wal", "-shm", "-journal"] {
        let path = disk::with_suffix(path, companion);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure(format!("{} cannot be removed: {error}", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

fn restore_schema(conn: &mut Conn, source: &Source, now: Moment, show: Show) -> Result<Restored, Failure> {
    swap::take(conn)?;
    let mut from = open(&source.path)?;
    if from.fill_buf().map_err(|error| unreadable(source, &error))?.starts_with(SQLITE) {
        let remedy = "restore it to a file (DATABASE_URL=sqlite:…), export that, and import it here";
        return Err(Failure(format!("{} is a SQLite database, and this one is PostgreSQL; {remedy}", source.path.display())));
    }
    let aside = format!("before_restore_{}", now.compact().to_lowercase());
    let (aside, imported) = swap::in_place(conn, &aside, |conn| import::import(conn, from, show))?;
    let schema = applied(conn)?.pop().unwrap_or_default();
    http::finish_anew(conn)?;
    Ok(Restored {
        rows: imported.added,
        schema,
        aside: aside.map(|schema| format!("the schema {schema}")),
        had_manifest: source.manifest.is_some(),
    })
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    let opened = File::open(path).and_then(import::plain);
    opened.map_err(|error| Failure(format!("{} cannot be read: {error}", path.display())))
}

fn unreadable(source: &Source, error: &std::io::Error) -> Failure {
    Failure(format!("{} is damaged: {error}", source.path.display()))
}
