//! A SQLite database as bytes: what can be told of it before SQLite opens it (https://sqlite.org/fileformat2.html).
//!
//! SQLite makes a new database of an empty file, and drops what it cannot read of a write-ahead log without a word. Both would cost a
//! newsroom its stories, so both are looked at first.
//!
//! Call it before this process opens the database: closing any handle of that file takes SQLite's own locks away (POSIX).

use super::{Failure, disk};
use crate::store::{open_sqlite, soundness};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER: usize = 100;
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// Of smaller databases every page is read at each start.
const SMALL: u64 = 32 * 1024 * 1024;
/// A start does not open a database with a longer log only to look at it: SQLite would carry all of it over when that is closed.
const LONG_LOG: u64 = 8 * 1024 * 1024;

/// Refuses a database that is damaged, as far as that shows without reading all of it: the header and the size of the file; the
/// write-ahead log, unless others may be writing it (`is_shared`); the schema and both ends of every table; of a database up to 32 MB every
/// page. `copydesk doctor` reads all of any.
pub fn check(path: &Path, is_shared: bool) -> Result<(), Failure> {
    let damaged = |why: &str| {
        let (shown, remedy) = (path.display(), "restore a backup (`copydesk restore`), or see what `copydesk doctor` says");
        Failure(format!("the database {shown} is damaged: {why}; {remedy}"))
    };
    let log = disk::with_suffix(path, "-wal");
    let log_bytes = std::fs::metadata(&log).map_or(0, |file| file.len());
    let size = check_header(path, log_bytes > 0)?.map_err(|why| damaged(&why))?;
    if log_bytes > 0 && !is_shared {
        let file = File::open(&log).map_err(|error| Failure(format!("{} cannot be opened: {error}", log.display())))?;
        check_log(BufReader::with_capacity(1024 * 1024, file))
            .map_err(|error| Failure(format!("{} cannot be read: {error}", log.display())))?
            .map_err(|why| damaged(&format!("its write-ahead log {} {why}", log.display())))?;
    }
    if log_bytes > LONG_LOG {
        return Ok(());
    }
    let mut conn = soundness::open_beside(path).map_err(|error| damaged(&error.to_string()))?;
    soundness::glance(&mut conn).map_err(|error| damaged(&error.to_string()))?;
    if size <= SMALL {
        let told = soundness::pages(&mut conn).map_err(|error| damaged(&error.to_string()))?;
        if let Some(first) = told.first() {
            return Err(damaged(first));
        }
    }
    Ok(())
}

/// Makes an empty database where there is none; its file is never seen without a header. Nothing happens where there is a file.
pub fn make(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    let new = disk::with_suffix(path, &format!(".new-{}", std::process::id()));
    let unfinished = disk::Unfinished::new(new.clone());
    // Made for its owner alone, and with a header by the change to a write-ahead log.
    drop(open_sqlite(&new)?);
    match std::fs::hard_link(&new, path) {
        Ok(()) => disk::sync_folder_of(path)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        // A file system without links.
        Err(_) => {
            unfinished.keep();
            disk::put_in_place(&new, path)?;
        }
    }
    Ok(())
}

/// The size of the file in bytes, or what its header gives away.
fn check_header(path: &Path, has_log: bool) -> Result<Result<u64, String>, Failure> {
    let unreadable = |error: std::io::Error| Failure(format!("the database {} cannot be opened: {error}", path.display()));
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size == 0 {
        return Ok(Err("it is an empty file (0 bytes)".to_owned()));
    }
    let mut header = [0; HEADER];
    match file.read_exact(&mut header) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Err(format!("it has only {size} bytes"))),
        read => read.map_err(unreadable)?,
    }
    Ok(header_breach(&header, size, has_log).map_or(Ok(size), Err))
}

fn header_breach(header: &[u8; HEADER], size: u64, has_log: bool) -> Option<String> {
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if !header.starts_with(MAGIC) {
        return Some("it does not begin as a SQLite database does".to_owned());
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    if !page.is_power_of_two() || page < 512 || header[21..24] != [64, 32, 32] || !(1..=2).contains(&header[18]) {
        return Some("its header makes no sense".to_owned());
    }
    // While there is a log, pages may be there alone. Before the number of pages was kept, the two counters differed.
    let pages = u64::from(number(28));
    if !has_log && pages > 0 && number(24) == number(92) && size < pages * page {
        return Some(format!("it has been cut off: {size} bytes of {}", pages * page));
    }
    None
}

/// What a write-ahead log gives away. A log may end in the middle of a frame, or in frames that make no sense: a write was under way, and
/// nobody was told that it is done. But a write begins when the one before is on disk. So two that follow one another whole, after a frame
/// that makes no sense, have been acknowledged both, and SQLite would drop them.
fn check_log(mut log: impl Read) -> std::io::Result<Result<(), &'static str>> {
    let mut header = [0; LOG_HEADER];
    if !fill(&mut log, &mut header)? || header == [0; LOG_HEADER] {
        return Ok(Ok(()));
    }
    let number = |bytes: &[u8], at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let is_big = match number(&header, 0) {
        0x377f_0682 => false,
        0x377f_0683 => true,
        _ => return Ok(Err("is not one (its beginning makes no sense)")),
    };
    let mut sum = checksum(is_big, (0, 0), &header[..24]);
    let page = number(&header, 8);
    if sum != (number(&header, 24), number(&header, 28)) || !page.is_power_of_two() || !(512..=65_536).contains(&page) {
        return Ok(Err("has a damaged beginning"));
    }
    let mut frame = vec![0; FRAME_HEADER + page as usize];
    let (mut is_whole, mut commits) = (true, 0);
    while fill(&mut log, &mut frame)? {
        let is_of_this_log = frame[8..16] == header[16..24];
        let expected = checksum(is_big, checksum(is_big, sum, &frame[..8]), &frame[FRAME_HEADER..]);
        sum = (number(&frame, 16), number(&frame, 20));
        let follows = is_of_this_log && expected == sum;
        if !follows {
            (is_whole, commits) = (false, 0);
        }
        if !is_whole && is_of_this_log && number(&frame, 4) > 0 {
            commits += 1;
            if commits == 2 {
                return Ok(Err("is damaged in the middle: writes after that were acknowledged, and would be lost"));
            }
        }
    }
    Ok(Ok(()))
}

/// Fletcher's, over pairs of words (https://sqlite.org/fileformat2.html#checksum_algorithm).
fn checksum(is_big: bool, (mut one, mut two): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    for pair in bytes.as_chunks::<8>().0 {
        let [a, b, c, d, e, f, g, h] = *pair;
        let word = |bytes: [u8; 4]| if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        one = one.wrapping_add(word([a, b, c, d])).wrapping_add(two);
        two = two.wrapping_add(word([e, f, g, h])).wrapping_add(one);
    }
    (one, two)
}

/// False when the file ends before.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match source.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of transactions, each of so many frames, as SQLite writes it.
    fn log(transactions: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [0x377f_0682_u32, 3_007_000, 512, 0, 11, 22] {
            bytes.extend(word.to_be_bytes());
        }
        let mut sum = checksum(false, (0, 0), &bytes);
        bytes.extend([sum.0.to_be_bytes(), sum.1.to_be_bytes()].concat());
        for (number, frames) in transactions.iter().enumerate() {
            for frame in 0..*frames {
                let commit = u32::from(frame + 1 == *frames) * 9;
                let start = bytes.len();
                bytes.extend([7_u32.to_be_bytes(), commit.to_be_bytes(), 11_u32.to_be_bytes(), 22_u32.to_be_bytes()].concat());
                let page = [u8::try_from(number * 16 + frame).unwrap(); 512];
                sum = checksum(false, checksum(false, sum, &bytes[start..start + 8]), &page);
                bytes.extend([sum.0.to_be_bytes(), sum.1.to_be_bytes()].concat());
                bytes.extend(page);
            }
        }
        bytes
    }

    fn is_good(bytes: &[u8]) -> bool {
        check_log(bytes).unwrap().is_ok()
    }

    const FRAME: usize = FRAME_HEADER + 512;

    #[test]
    fn a_log_that_ends_anywhere_is_one_whose_last_write_was_under_way() {
        let whole = log(&[2, 1, 3]);
        for end in 0..=whole.len() {
            assert!(is_good(&whole[..end]), "{end}");
        }
        assert!(is_good(&[0; 4096]), "a log that never reached the disk");
    }

    #[test]
    fn a_flipped_bit_before_two_acknowledged_writes_is_found_and_one_in_the_last_write_is_taken_for_a_torn_one() {
        let whole = log(&[2, 1, 3, 1]);
        for byte in 0..LOG_HEADER + 3 * FRAME {
            let mut flipped = whole.clone();
            flipped[byte] ^= 4;
            assert!(!is_good(&flipped), "byte {byte}");
        }
        for byte in LOG_HEADER + 6 * FRAME..whole.len() {
            let mut flipped = whole.clone();
            flipped[byte] ^= 4;
            assert!(is_good(&flipped), "byte {byte}");
        }
        assert!(!is_good(b"this is junk, not a write-ahead log of any kind at all"));
    }

    #[test]
    fn what_failed_writes_have_left_behind_the_last_good_one_is_no_damage() {
        // Two writes whose sync failed, each longer than the one that was then written over its beginning.
        let (first, second, third) = (log(&[1, 8]), log(&[1, 5]), log(&[1, 2]));
        let mut bytes = first;
        bytes[..second.len()].copy_from_slice(&second);
        // The same position in the log, other pages: so that neither fits what it follows now.
        bytes[LOG_HEADER + FRAME + 100] = 99;
        bytes[..third.len()].copy_from_slice(&third);
        assert!(is_good(&bytes));
    }

    #[test]
    fn a_header_gives_away_what_is_no_database_and_what_was_cut_off() {
        let mut header = [0; HEADER];
        header[..16].copy_from_slice(MAGIC);
        header[16..24].copy_from_slice(&[16, 0, 2, 2, 0, 64, 32, 32]);
        header[27] = 5;
        header[31] = 10;
        header[95] = 5;
        assert_eq!(header_breach(&header, 40_960, false), None);
        assert_eq!(header_breach(&header, 40_959, false).unwrap(), "it has been cut off: 40959 bytes of 40960");
        assert_eq!(header_breach(&header, 4096, true), None, "the rest may be in the log");
        header[0] = b's';
        assert_eq!(header_breach(&header, 40_960, false).unwrap(), "it does not begin as a SQLite database does");
    }
}
