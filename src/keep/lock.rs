//! Who may have a SQLite database: many at once share it, and whoever puts another one in its place must be alone.
//!
//! The lock is the operating system's, on a file of its own beside the database, and ends with its holder, however that ends.
//! (A lock on the database's own file would get in the way of SQLite's.) PostgreSQL has a lock for the same: `store/swap.rs`.

use super::{Failure, disk};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// How long somebody who shares waits for somebody who is alone for a moment.
const PATIENCE: u32 = 400;
const PAUSE: Duration = Duration::from_millis(25);

/// Held as long as it lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
    is_alone: bool,
}

impl Lock {
    /// Whether nobody else has the database now.
    pub const fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Lets others share it.
    pub fn shared(self) -> Result<Self, Failure> {
        self.file.lock_shared().map_err(|error| Failure(format!("the lock of the database cannot be shared: {error}")))?;
        Ok(Self { is_alone: false, ..self })
    }
}

/// Comes to a database: alone if nobody has it, so that it can be looked at first (call [`Lock::shared`] then), else with the others.
/// Refuses while another one is being put in its place.
pub fn come(database: &Path) -> Result<Lock, Failure> {
    let file = open(database, ".lock")?;
    for _ in 0..PATIENCE {
        if got(file.try_lock(), database)? {
            return Ok(Lock { file, is_alone: true });
        }
        if got(file.try_lock_shared(), database)? {
            return Ok(Lock { file, is_alone: false });
        }
        std::thread::sleep(PAUSE);
    }
    Err(Failure(format!("the database {} is being restored or imported into; wait until that is done", database.display())))
}

/// Takes a database alone. Refuses while a server or a command uses it.
pub fn take(database: &Path) -> Result<Lock, Failure> {
    try_for(database, ".lock")?
        .ok_or_else(|| Failure(format!("a server runs on {}, or another command uses it; stop it first", database.display())))
}

/// Whether anybody has a database right now.
pub fn is_in_use(database: &Path) -> bool {
    File::open(disk::with_suffix(database, ".lock")).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Waits until this is the only process that does something to a file, `suffix` being that of the lock for it.
pub fn wait_for(path: &Path, suffix: &str) -> Result<Lock, Failure> {
    let file = open(path, suffix)?;
    file.lock().map_err(|error| Failure(format!("the lock of {} cannot be taken: {error}", path.display())))?;
    Ok(Lock { file, is_alone: true })
}

/// The same without waiting; `None` when another process is at it.
pub fn try_for(path: &Path, suffix: &str) -> Result<Option<Lock>, Failure> {
    let file = open(path, suffix)?;
    Ok(got(file.try_lock(), path)?.then_some(Lock { file, is_alone: true }))
}

fn got(tried: Result<(), TryLockError>, path: &Path) -> Result<bool, Failure> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(Failure(format!("the lock of {} cannot be taken: {error}", path.display()))),
    }
}

fn open(path: &Path, suffix: &str) -> Result<File, Failure> {
    let path = disk::with_suffix(path, suffix);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    opened.map_err(|error| Failure(format!("{} cannot be opened: {error}", path.display())))
}
