//! A backup, made while others read and write: a copy of the SQLite file, or of a newsroom on PostgreSQL an export; compressed, verified
//! after it is written, and in its place only then.

use super::destination::Destination;
use super::disk::{self, Summed, Unfinished};
use super::manifest::{Form, Manifest, stem_at};
use super::progress::Show;
use super::{Failure, bucket, export, import, lock};
use crate::config::{Config, DatabaseUrl};
use crate::domain::time::Moment;
use crate::store::{Conn, applied, catalogue, open_postgres, soundness};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// What is being made has this at the beginning of its name.
const UNFINISHED: &str = ".unfinished-";
/// zstd's own default: a third of the size, as fast as a disk.
const LEVEL: i32 = 3;

/// Makes a backup and answers its manifest. Of two at once the second is refused.
pub fn make(config: &Config, to: &Destination, now: Moment, show: Show) -> Result<Manifest, Failure> {
    let folder = staging(config, to);
    disk::create_folder(&folder)?;
    let Some(_alone) = lock::try_for(&folder.join(".backup"), ".lock")? else {
        return Err(Failure(format!("another backup is being made in {}", folder.display())));
    };
    sweep(&folder)?;
    let stem = stem_at(now);
    if to.names()?.iter().any(|name| name.starts_with(&stem)) {
        return Err(Failure(format!("there is a backup {stem} already")));
    }
    let form = if matches!(config.database_url, DatabaseUrl::Sqlite(_)) { Form::Sqlite } else { Form::Export };
    let name = format!("{stem}{}", form.ending());
    let file = folder.join(format!("{UNFINISHED}{name}"));
    let _unfinished = Unfinished::new(file.clone());
    let (schema, rows) = match &config.database_url {
        DatabaseUrl::Sqlite(database) => copy(database, &file, show)?,
        DatabaseUrl::Postgres(url) => export_to(&mut open_postgres(url)?, &file, now, show)?,
    };
    disk::sync(&file)?;
    let (bytes, sha256) = disk::sum_of(&file)?;
    let manifest =
        Manifest { file: name.clone(), form, made_at: now, program: env!("CARGO_PKG_VERSION").to_owned(), schema, bytes, sha256, rows };
    to.put(&file, &name)?;
    let note = folder.join(format!("{UNFINISHED}{}", Manifest::name(&stem)));
    let _unfinished = Unfinished::new(note.clone());
    let mut written = disk::create(&note)?;
    written.write_all(&manifest.text()?)?;
    written.sync_all()?;
    to.put(&note, &Manifest::name(&stem))?;
    Ok(manifest)
}

/// The folder in which what is for that place is prepared: the place itself, so that it takes its name in one step, or one of our own.
pub fn staging(config: &Config, to: &Destination) -> PathBuf {
    match to {
        Destination::Folder(folder) => folder.clone(),
        Destination::Bucket(_) => bucket::staging(&config.data_dir),
    }
}

/// Copies the database, insists that the copy is sound, and compresses it; answers its schema and how many rows it has.
fn copy(database: &Path, file: &Path, show: Show) -> Result<(String, BTreeMap<String, u64>), Failure> {
    let plain = disk::with_suffix(file, ".plain");
    let _unfinished = Unfinished::new(plain.clone());
    drop(disk::create(&plain)?);
    let mut source = soundness::open_beside(database)?;
    let size = soundness::bytes(&mut source)?;
    let progress = show.file("copying the database", plain.clone(), size);
    soundness::copy_into(&mut source, &plain)?;
    drop((progress, source));
    let progress = show.time("checking the copy");
    let mut copied = soundness::open_beside(&plain)?;
    sound(&mut copied)?;
    let told = (applied(&mut copied)?.pop().unwrap_or_default(), rows(&mut copied)?);
    drop((progress, copied));
    let progress = show.file("compressing the copy", file.to_owned(), std::fs::metadata(&plain)?.len() / 3);
    let mut read = Summed::new(BufReader::with_capacity(256 * 1024, File::open(&plain)?));
    let mut packed = encoder(file)?;
    std::io::copy(&mut read, &mut packed).map_err(|error| unwritten(file, &error))?;
    finish(packed, file)?;
    drop(progress);
    let _progress = show.time("verifying the backup");
    let mut unpacked = Summed::new(zstd::stream::Decoder::new(File::open(file)?)?);
    std::io::copy(&mut unpacked, &mut std::io::sink())?;
    if unpacked.sum() == read.sum() { Ok(told) } else { Err(Failure(format!("{} was not written as it should have been", file.display()))) }
}

fn export_to(conn: &mut Conn, file: &Path, now: Moment, show: Show) -> Result<(String, BTreeMap<String, u64>), Failure> {
    let mut packed = encoder(file)?;
    export::export(conn, &mut packed, now, show)?;
    finish(packed, file)?;
    let head = export::verify(import::plain(File::open(file)?)?, show)?;
    Ok((head.schema, head.rows))
}

type Packed = zstd::stream::Encoder<'static, BufWriter<File>>;

fn encoder(file: &Path) -> Result<Packed, Failure> {
    let mut packed = zstd::stream::Encoder::new(BufWriter::with_capacity(256 * 1024, disk::create(file)?), LEVEL)?;
    packed.include_checksum(true)?;
    Ok(packed)
}

fn finish(packed: Packed, file: &Path) -> Result<(), Failure> {
    let finished = packed.finish().and_then(|mut out| out.flush());
    finished.map_err(|error| unwritten(file, &error))
}

fn unwritten(file: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("{} cannot be written: {error}", file.display()))
}

/// Insists that a SQLite database has all its pages, that indexes and tables fit, and that no row refers to one that is not there.
pub fn sound(conn: &mut Conn) -> Result<(), Failure> {
    let mut told = soundness::structure(conn)?;
    told.extend(soundness::dangling(conn)?);
    match told.first() {
        None => Ok(()),
        Some(first) => Err(Failure(format!("the database is damaged: {first}; see what `copydesk doctor` says"))),
    }
}

/// How many rows each table has that makes up the newsroom.
pub fn rows(conn: &mut Conn) -> Result<BTreeMap<String, u64>, Failure> {
    let tables = catalogue::kept(conn)?;
    tables.into_iter().map(|table| Ok((table.name.clone(), catalogue::count(conn, &table)?))).collect()
}

/// Removes what killed processes have left.
fn sweep(folder: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
