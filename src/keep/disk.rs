//! Files that are there whole or not at all, for their owner alone.

use super::Failure;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Makes a file that was not there, readable by its owner alone.
pub fn create(path: &Path) -> Result<File, Failure> {
    let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| Failure(format!("{} cannot be made: {error}", path.display())))
}

/// Makes a folder and those above it, where they are missing, for their owner alone.
pub fn create_folder(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Failure(format!("the folder {} cannot be made: {error}", path.display())))
}

/// Waits until a file is on disk.
pub fn sync(path: &Path) -> Result<(), Failure> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| Failure(format!("{} cannot be brought to the disk: {error}", path.display())))
}

/// Waits until the names in the folder of a file are on disk.
pub fn sync_folder_of(path: &Path) -> Result<(), Failure> {
    sync(folder_of(path))
}

/// Puts a file that is on disk in its place, in one step, whatever was there.
pub fn put_in_place(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::rename(from, to).map_err(|error| Failure(format!("{} cannot be put in place of {}: {error}", from.display(), to.display())))?;
    sync_folder_of(to)
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The path with something at its end.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// How many bytes are free where this path is, to those who are not root.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let room = rustix::fs::statvfs(path)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

/// A file that is removed again unless it is kept: what was begun and failed leaves nothing behind.
#[derive(Debug)]
pub struct Unfinished(Option<PathBuf>);

impl Unfinished {
    pub const fn new(path: PathBuf) -> Self {
        Self(Some(path))
    }

    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // It may never have come about.
            let _missing = fs::remove_file(path);
        }
    }
}

/// Passes bytes on and knows how many, and their SHA-256.
pub struct Summed<T> {
    inner: T,
    hash: Sha256,
    pub bytes: u64,
}

impl<T> Summed<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// The SHA-256 of what has passed so far, in hexadecimal digits.
    pub fn sum(&self) -> String {
        hexadecimal(&self.hash.clone().finalize())
    }

    pub fn into_inner(self) -> T {
        self.inner
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.passed(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.passed(&buffer[..count]);
        Ok(count)
    }
}

/// The size of a file and its SHA-256.
pub fn sum_of(path: &Path) -> Result<(u64, String), Failure> {
    let unreadable = |error: io::Error| Failure(format!("{} cannot be read: {error}", path.display()));
    let mut summed = Summed::new(File::open(path).map_err(unreadable)?);
    io::copy(&mut summed, &mut io::sink()).map_err(unreadable)?;
    Ok((summed.bytes, summed.sum()))
}

/// Lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}
