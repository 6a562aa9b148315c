//! Databases that are damaged: each is refused with one line, and none is served. (Promise: a damaged database file is refused.)

use crate::newsroom::execute;
use crate::program::Folder;
use copydesk::store::open_sqlite;
use std::path::PathBuf;

/// A folder with a newsroom that was stopped, or killed: then its write-ahead log is there.
fn newsroom(is_killed: bool) -> Folder {
    let folder = Folder::new();
    let server = folder.serve(&["demo"]);
    if is_killed {
        drop(server);
    } else {
        server.get("/v1/articles");
        assert!(server.terminate().0);
        // All of it in the file, none in the log.
        assert!(copydesk::store::soundness::close_log(&database(&folder)).unwrap());
    }
    folder
}

fn database(folder: &Folder) -> PathBuf {
    folder.path().join("data/copydesk.db")
}

/// Insists that every command that would write refuses with one line that says what is wrong and what to do.
#[track_caller]
fn is_refused(folder: &Folder, why: &str) {
    let before = std::fs::read(database(folder)).unwrap();
    for command in [&["serve"][..], &["migrate"], &["user", "list"]] {
        let refused = folder.run_with(command, &[("COPYDESK_LISTEN", "127.0.0.1:0")], "");
        assert!(!refused.success, "{command:?}");
        let lines: Vec<&str> = refused.err.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("copydesk: the database ") && lines[0].contains(why), "{}", refused.err);
    }
    assert!(std::fs::read(database(folder)).unwrap() == before, "it was written to");
}

#[test]
fn a_file_that_is_empty_cut_or_something_else_is_refused() {
    let folder = newsroom(false);
    let good = std::fs::read(database(&folder)).unwrap();
    let put = |bytes: &[u8]| std::fs::write(database(&folder), bytes).unwrap();
    put(b"");
    is_refused(&folder, "is damaged: it is an empty file (0 bytes)");
    put(&good[..50]);
    is_refused(&folder, "is damaged: it has only 50 bytes");
    put(&good[..good.len() / 2]);
    is_refused(&folder, "is damaged: it has been cut off: ");
    put(&good[..good.len() - 1]);
    is_refused(&folder, "is damaged: it has been cut off: ");
    put(&[b"<html>".to_vec(), vec![b' '; 9000]].concat());
    is_refused(&folder, "is damaged: it does not begin as a SQLite database does");
    put(&good);
    folder.serve(&[]).get("/v1/articles");
}

#[test]
fn a_page_with_flipped_bits_is_refused_and_a_backup_leads_back() {
    let folder = newsroom(false);
    assert!(folder.run(&["backup"]).success);
    let mut bytes = std::fs::read(database(&folder)).unwrap();
    // The heads of all pages but the first: what kind they are, and where their rows begin.
    for page in bytes.chunks_mut(4096).skip(1).step_by(5) {
        page[0] ^= 0xff;
        page[3] ^= 0xff;
    }
    std::fs::write(database(&folder), &bytes).unwrap();
    is_refused(&folder, "is damaged: ");
    let doctor = folder.run(&["doctor"]);
    assert!(!doctor.success && doctor.out.contains("PROBLEM  file"), "{}", doctor.out);
    assert!(!folder.run(&["backup"]).success, "no backup is made of it");
    let restored = folder.run(&["restore", "latest"]);
    assert!(restored.success, "{}", restored.err);
    assert_eq!(folder.serve(&[]).get("/v1/articles")["items"].as_array().unwrap().len(), 5);
}

#[test]
fn a_damaged_log_of_a_killed_server_is_refused_and_a_whole_one_is_used() {
    let folder = newsroom(true);
    let log = folder.path().join("data/copydesk.db-wal");
    let good = std::fs::read(&log).unwrap();
    assert!(good.len() > 100_000, "{}", good.len());
    std::fs::write(&log, "junk".repeat(3000)).unwrap();
    is_refused(&folder, "copydesk.db-wal is not one (its beginning makes no sense)");
    let mut flipped = good.clone();
    // In the first of several writes: those after it were acknowledged.
    flipped[600] ^= 1;
    std::fs::write(&log, &flipped).unwrap();
    is_refused(&folder, "copydesk.db-wal is damaged in the middle");
    std::fs::write(&log, &good).unwrap();
    assert_eq!(folder.serve(&[]).get("/v1/articles")["items"].as_array().unwrap().len(), 5);
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    execute(&mut open_sqlite(&database(&folder)).unwrap(), "CREATE TABLE songs (title TEXT)");
    is_refused(&folder, "belongs to another program: it has a table \"songs\"");
}
