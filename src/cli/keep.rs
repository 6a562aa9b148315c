//! `copydesk backup`, `restore`, `export`, `import` and `doctor`: what keeps the newsroom, from the machine itself.

use super::{Stop, tokens_stay};
use crate::config::{Config, DatabaseUrl};
use crate::http::Clock;
use crate::keep::destination::Destination;
use crate::keep::import::Imported;
use crate::keep::manifest::Manifest;
use crate::keep::progress::{Show, bytes};
use crate::keep::restore::{Restored, Source};
use crate::keep::{Failure, backup, disk, doctor, export, import, lock, restore, sqlite_file};
use crate::store::{open_postgres, open_sqlite, soundness, swap};
use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::Path;

impl From<Failure> for Stop {
    fn from(Failure(why): Failure) -> Self {
        Self(why)
    }
}

/// Makes a backup, and lets old ones go if told to.
pub fn back_up(config: &Config, to: Option<&str>, keep: Option<usize>) -> Result<(), Stop> {
    let to = Destination::of(config, to)?;
    let Manifest { file, bytes: size, rows, .. } = backup::make(config, &to, Clock::system().now(), Show::Progress)?;
    let rows: u64 = rows.values().sum();
    println!("Made {} ({}, {rows} rows), verified.", to.path_of(&file), bytes(size));
    if let Some(keep) = keep {
        let went = to.rotate(keep)?;
        if went > 0 {
            println!("Removed {went} files of old backups.");
        }
    }
    Ok(())
}

/// Lists the backups in a place, the oldest first.
pub fn list_backups(config: &Config, to: Option<&str>) -> Result<(), Stop> {
    for Manifest { file, made_at, bytes: size, schema, program, .. } in Destination::of(config, to)?.backups()? {
        println!("{file}\t{made_at}\t{}\tcopydesk {program}, schema {schema}", bytes(size));
    }
    Ok(())
}

pub fn restore(config: &Config, what: &str) -> Result<(), Stop> {
    let source = Source::find(config, what)?;
    let Restored { rows, schema, aside, had_manifest } = restore::restore(config, &source, Clock::system().now(), Show::Progress)?;
    println!("Restored {rows} rows (schema {schema}) from {}.", source.path.display());
    if !had_manifest {
        println!("There was no manifest beside it: its structure was checked, but not whether it is all of it.");
    }
    if let Some(aside) = aside {
        println!("What was there before is kept: {aside}");
    }
    tokens_stay(config);
    Ok(())
}

/// Writes an export to a file that was not there, or to standard output.
pub fn write_export(config: &Config, file: &str) -> Result<(), Stop> {
    let mut conn = match &config.database_url {
        DatabaseUrl::Sqlite(path) => soundness::open_beside(path)?,
        DatabaseUrl::Postgres(url) => open_postgres(url)?,
    };
    let now = Clock::system().now();
    if file == "-" {
        export::export(&mut conn, BufWriter::new(std::io::stdout().lock()), now, Show::Progress)?;
        return Ok(());
    }
    let path = Path::new(file);
    if path.exists() {
        return Err(Stop(format!("there is a {file} already; move it away, or name another file")));
    }
    let new = disk::with_suffix(path, ".unfinished");
    let unfinished = disk::Unfinished::new(new.clone());
    let out = BufWriter::with_capacity(256 * 1024, disk::create(&new)?);
    let head = if file.ends_with(".zst") {
        let mut packed = zstd::stream::Encoder::new(out, 3)?;
        packed.include_checksum(true)?;
        let head = export::export(&mut conn, &mut packed, now, Show::Progress)?;
        packed.finish()?.flush()?;
        head
    } else {
        export::export(&mut conn, out, now, Show::Progress)?
    };
    disk::sync(&new)?;
    disk::put_in_place(&new, path)?;
    unfinished.keep();
    println!("Exported {} rows to {file}.", head.rows.values().sum::<u64>());
    Ok(())
}

/// Imports a file, or standard input, all or nothing.
pub fn read_import(config: &Config, file: &str) -> Result<(), Stop> {
    let source: Box<dyn BufRead> = if file == "-" {
        import::plain(std::io::stdin())?
    } else {
        let opened = File::open(file).map_err(|error| Stop(format!("{file} cannot be opened: {error}")))?;
        import::plain(opened)?
    };
    let Imported { added, there } = match &config.database_url {
        DatabaseUrl::Sqlite(path) => import_into_file(path, source)?,
        DatabaseUrl::Postgres(url) => {
            let mut conn = open_postgres(url)?;
            swap::take(&mut conn)?;
            import::import(&mut conn, source, Show::Progress)?
        }
    };
    match (added, there) {
        (0, there) => println!("All {there} rows are there already; nothing has changed."),
        (added, 0) => println!("Imported {added} rows."),
        (added, there) => println!("Imported {added} rows; {there} were there already."),
    }
    tokens_stay(config);
    Ok(())
}

/// A database that is not there yet is built beside its place, which is fast; one that is there gets the rows in one transaction.
fn import_into_file(path: &Path, source: Box<dyn BufRead>) -> Result<Imported, Stop> {
    disk::create_folder(disk::folder_of(path))?;
    let _alone = lock::take(path)?;
    if path.exists() {
        sqlite_file::check(path, false)?;
        return Ok(import::import(&mut open_sqlite(path)?, source, Show::Progress)?);
    }
    let new = disk::with_suffix(path, ".importing");
    let unfinished = disk::Unfinished::new(new.clone());
    if new.exists() {
        std::fs::remove_file(&new)?;
    }
    drop(disk::create(&new)?);
    let imported = restore::fill(&new, source, Show::Progress)?;
    disk::sync(&new)?;
    disk::put_in_place(&new, path)?;
    unfinished.keep();
    Ok(imported)
}

/// Looks at everything and says what was found; an error where something is wrong.
pub fn examine(config: &Config, as_json: bool) -> Result<(), Stop> {
    let report = doctor::examine(config, Clock::system().now(), Show::Progress);
    if as_json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Stop(error.to_string()))?);
    } else {
        print!("{}", report.text());
    }
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let told = format!("{}, {}", count(report.problems, "problem"), count(report.warnings, "warning"));
    if report.ok {
        if !as_json {
            println!("{told}.");
        }
        Ok(())
    } else {
        Err(Stop(told))
    }
}
