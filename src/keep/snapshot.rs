//! A copy of a SQLite database beside it, made before its schema changes: the way back, should the new version disappoint.

use super::progress::Show;
use super::{Failure, disk};
use crate::domain::time::Moment;
use crate::store::{applied, soundness};
use std::path::{Path, PathBuf};

/// How many stay, the newest.
const KEPT: usize = 3;

/// Copies the database as it is now, verified; older snapshots beyond a few go. Its name tells the schema and the time.
pub fn take(database: &Path, now: Moment, show: Show) -> Result<PathBuf, Failure> {
    let mut conn = soundness::open_beside(database)?;
    let schema = applied(&mut conn)?.pop().unwrap_or_else(|| "empty".to_owned());
    let snapshot = disk::with_suffix(database, &format!(".before-migration-{}-{schema}", now.compact()));
    let copy = disk::with_suffix(&snapshot, ".unfinished");
    let size = soundness::bytes(&mut conn)?;
    let free = disk::free_bytes(disk::folder_of(database))?;
    let failed = |why: Failure| {
        let remedy = "make room, or run `copydesk migrate --no-snapshot` if you have a backup";
        Failure(format!("no snapshot could be made before the schema changes, so it has not changed: {why}; {remedy}"))
    };
    if free < size {
        let (size, free) = (super::progress::bytes(size), super::progress::bytes(free));
        return Err(failed(Failure(format!("the database has {size}, and {free} are free"))));
    }
    sweep(database)?;
    let unfinished = disk::Unfinished::new(copy.clone());
    let mut made = || -> Result<(), Failure> {
        drop(disk::create(&copy)?);
        let progress = show.file("snapshot before the schema changes", copy.clone(), size);
        soundness::copy_into(&mut conn, &copy)?;
        drop(progress);
        verify(&copy)?;
        disk::sync(&copy)?;
        disk::put_in_place(&copy, &snapshot)
    };
    made().map_err(failed)?;
    unfinished.keep();
    let taken = taken(database)?;
    for old in taken.iter().rev().skip(KEPT) {
        std::fs::remove_file(old)?;
    }
    Ok(snapshot)
}

/// Insists that a copy has all its pages, and that they fit together.
fn verify(copy: &Path) -> Result<(), Failure> {
    match soundness::pages(&mut soundness::open_beside(copy)?)?.first() {
        None => Ok(()),
        Some(why) => Err(Failure(format!("the database is damaged: {why}"))),
    }
}

/// The snapshots of a database, the oldest first.
pub fn taken(database: &Path) -> Result<Vec<PathBuf>, Failure> {
    beside(database, |name| !name.ends_with(".unfinished"))
}

/// Removes what a killed process has left unfinished. Only one at a time makes snapshots: see `cli`.
fn sweep(database: &Path) -> Result<(), Failure> {
    for left in beside(database, |name| name.ends_with(".unfinished"))? {
        std::fs::remove_file(left)?;
    }
    Ok(())
}

fn beside(database: &Path, which: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Failure> {
    let Some(name) = database.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let begin = format!("{name}.before-migration-");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(disk::folder_of(database))? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&begin) && which(name)) {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}
