//! Backups and the way back, as an operator makes them, on whichever database is under test.

use crate::bucket::{ACCESS_KEY, SECRET_KEY, Store};
use crate::newsroom::Database;
use crate::program::{Folder, Outcome, Server, word_after};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A folder to run in, with a database in it, or one of its own on the PostgreSQL under test.
struct Machine {
    folder: Folder,
    url: String,
}

impl Machine {
    fn new() -> Self {
        let url = match Database::new() {
            Database::Postgres(url) => url,
            Database::Sqlite(_) => "sqlite:data/copydesk.db".to_owned(),
        };
        Self { folder: Folder::new(), url }
    }

    fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Outcome {
        self.folder.run_with(arguments, &[settings, &[("DATABASE_URL", self.url.as_str())]].concat(), "")
    }

    fn serve(&self, settings: &[(&str, &str)]) -> Server {
        self.folder.serve_with(&[], &[settings, &[("DATABASE_URL", self.url.as_str())]].concat())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file of the only backup in a folder.
    fn backup_in(&self, folder: &str) -> PathBuf {
        let mut files = names(&self.path(folder));
        files.retain(|name| name.ends_with(".zst"));
        assert_eq!(files.len(), 1, "{files:?}");
        self.path(folder).join(&files[0])
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Waits, without sleeping through it, until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn end(server: Server) {
    server.get("/v1/articles?limit=1");
    assert!(server.terminate().0);
}

fn sign_in(server: &Server) -> String {
    server.sign_in("admin@copydesk.local", &word_after(&server.said, "the password ")).1.unwrap()
}

fn write(server: &Server, token: &str, title: &str) {
    let (status, body) = server.send("POST", "/v1/articles", Some(token), &json!({ "title": title }).to_string());
    assert_eq!(status, 201, "{body}");
}

fn titles(server: &Server, token: &str) -> Vec<String> {
    let mut titles = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, body) = server.send("GET", &format!("/v1/articles?view=working&sort=created_at&limit=100{cursor}"), Some(token), "");
        assert_eq!(status, 200, "{body}");
        let page: Value = serde_json::from_str(&body).unwrap();
        titles.extend(page["items"].as_array().unwrap().iter().map(|story| story["title"].as_str().unwrap().to_owned()));
        match page["page"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return titles,
        }
    }
}

#[test]
fn a_backup_taken_while_everybody_writes_is_a_prefix_of_what_they_were_told() {
    let machine = Machine::new();
    let server = machine.serve(&[]);
    let token = sign_in(&server);
    let (written, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (before, after) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                write(&server, &token, &format!("Story {}", written.load(Ordering::SeqCst)));
                written.fetch_add(1, Ordering::SeqCst);
            }
        });
        until("nobody writes", || written.load(Ordering::SeqCst) >= 20);
        let before = written.load(Ordering::SeqCst);
        let made = machine.run(&["backup", "safe"]);
        assert!(made.success && made.out.starts_with("Made safe/copydesk-") && made.out.ends_with("rows), verified.\n"), "{made:?}");
        let after = written.load(Ordering::SeqCst) + 1;
        stop.store(true, Ordering::SeqCst);
        (before, after)
    });
    let file = machine.backup_in("safe");
    assert_eq!((mode(&file), mode(&machine.path("safe"))), (0o600, 0o700));
    let manifest = std::fs::read_to_string(file.to_str().unwrap().replace(".db.zst", ".json").replace(".ndjson.zst", ".json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["bytes"], std::fs::metadata(&file).unwrap().len());
    assert_eq!(manifest["form"], if machine.is_sqlite() { "sqlite" } else { "export" });

    let refused = machine.run(&["restore", file.to_str().unwrap()]);
    assert!(!refused.success && refused.err.contains("a server runs on "), "{}", refused.err);
    let beside = machine.run(&["user", "list"]);
    assert!(beside.success, "{}", beside.err);
    end(server);
    let restored = machine.run(&["restore", file.to_str().unwrap()]);
    assert!(restored.success && restored.out.contains("What was there before is kept: "), "{restored:?}");
    let server = machine.serve(&[]);
    let there = titles(&server, &token_again(&machine, &server));
    assert!((before..=after).contains(&there.len()), "{} of {before} to {after}", there.len());
    let expected: Vec<String> = (0..there.len()).map(|number| format!("Story {number}")).collect();
    assert_eq!(there, expected);
}

/// Sessions are not in an export: people sign in again.
fn token_again(machine: &Machine, server: &Server) -> String {
    let set = machine.folder.run_with(
        &["user", "set-password", "admin@copydesk.local", "--password-stdin"],
        &[("DATABASE_URL", machine.url.as_str())],
        "nine-lamps-on-the-quay\n",
    );
    assert!(set.success, "{}", set.err);
    server.sign_in("admin@copydesk.local", "nine-lamps-on-the-quay").1.unwrap()
}

#[test]
fn what_was_restored_over_is_kept_and_leads_back() {
    let machine = Machine::new();
    let server = machine.serve(&[]);
    let token = sign_in(&server);
    write(&server, &token, "Before");
    assert!(machine.run(&["backup"]).success);
    write(&server, &token, "After");
    end(server);
    let restored = machine.run(&["restore", "latest"]);
    assert!(restored.success, "{}", restored.err);
    let server = machine.serve(&[]);
    assert_eq!(titles(&server, &token_again(&machine, &server)), ["Before"]);
    end(server);
    let aside = word_after(&restored.out, "is kept: ");
    if machine.is_sqlite() {
        assert_eq!(mode(&machine.path(&aside)), 0o600);
        let back = machine.run(&["restore", &aside]);
        assert!(back.success && back.out.contains("There was no manifest beside it"), "{back:?}");
        let server = machine.serve(&[]);
        assert_eq!(titles(&server, &token_again(&machine, &server)), ["Before", "After"]);
    } else {
        assert!(restored.out.contains("is kept: the schema before_restore_2"), "{}", restored.out);
    }
}

#[test]
fn a_backup_that_was_cut_or_changed_is_refused_and_the_database_stays() {
    let machine = Machine::new();
    let server = machine.serve(&[]);
    let token = sign_in(&server);
    write(&server, &token, "Stays");
    assert!(machine.run(&["backup", "safe"]).success);
    end(server);
    let file = machine.backup_in("safe");
    let good = std::fs::read(&file).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let shown = file.to_str().unwrap();
    let manifest = PathBuf::from(shown.replace(".db.zst", ".json").replace(".ndjson.zst", ".json"));
    let told = std::fs::read(&manifest).unwrap();
    for with_manifest in [true, false] {
        for damaged in [&flipped[..], &good[..good.len() / 2], b"", b"SQLite format 3\0 and then nothing", b"not a backup"] {
            std::fs::write(&file, damaged).unwrap();
            let refused = machine.run(&["restore", shown]);
            assert!(!refused.success, "{} bytes, {with_manifest}: {}", damaged.len(), refused.out);
            assert_eq!(refused.err.lines().filter(|line| line.starts_with("copydesk: ")).count(), 1, "{}", refused.err);
        }
        std::fs::remove_file(&manifest).ok();
    }
    // A good file with the manifest of another newsroom.
    std::fs::write(&file, &good).unwrap();
    let mut other: Value = serde_json::from_slice(&told).unwrap();
    other["rows"]["articles"] = json!(7);
    std::fs::write(&manifest, other.to_string()).unwrap();
    if machine.is_sqlite() {
        assert!(machine.run(&["restore", shown]).err.contains("it should have 7 rows of articles, and has 1"));
    }
    let missing = machine.run(&["restore", "nowhere.db"]);
    assert_eq!(missing.err, "copydesk: there is no file nowhere.db\n");
    let server = machine.serve(&[]);
    assert_eq!(titles(&server, &token_again(&machine, &server)), ["Stays"]);
    let left: Vec<String> = names(&machine.path("data")).into_iter().filter(|name| name.contains("restor")).collect();
    assert_eq!(left, Vec::<String>::new(), "nothing is left behind");
}

/// Makes an older backup of one that is there.
fn age(machine: &Machine, folder: &str, stem: &str) {
    let file = names(&machine.path(folder)).into_iter().rfind(|name| name.ends_with(".zst")).unwrap();
    let (newest, ending) = file.split_once('.').unwrap();
    let rename = |ending: &str| {
        let text = std::fs::read(machine.path(folder).join(format!("{newest}.{ending}"))).unwrap();
        std::fs::write(machine.path(folder).join(format!("{stem}.{ending}")), text).unwrap();
    };
    rename(ending);
    rename("json");
    let manifest = machine.path(folder).join(format!("{stem}.json"));
    let mut told: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    told["file"] = json!(format!("{stem}.{ending}"));
    told["made_at"] = json!("2025-01-01T00:00:00.000Z");
    std::fs::write(manifest, told.to_string()).unwrap();
}

#[test]
fn old_backups_go_and_those_that_stay_are_listed() {
    let machine = Machine::new();
    assert!(machine.run(&["migrate"]).success);
    assert!(machine.run(&["backup", "safe"]).success);
    for day in 1..=4 {
        age(&machine, "safe", &format!("copydesk-2025010{day}T000000Z"));
    }
    std::fs::write(machine.path("safe/holiday.jpg"), "mine").unwrap();
    std::fs::write(machine.path("safe/.unfinished-copydesk-20250101T000000Z.db.zst"), "killed").unwrap();
    let listed = machine.run(&["backup", "safe", "--list"]).out;
    assert_eq!(listed.lines().count(), 5, "{listed}");
    assert!(listed.starts_with("copydesk-20250101T000000Z."), "{listed}");
    until("a second lasts for ever", || machine.run(&["backup", "safe", "--keep", "3"]).success);
    let listed = machine.run(&["backup", "safe", "--list"]).out;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.starts_with("copydesk-20250104T000000Z."), "{listed}");
    let there = names(&machine.path("safe"));
    assert!(there.contains(&"holiday.jpg".to_owned()) && !there.iter().any(|name| name.contains("unfinished")), "{there:?}");
}

fn log(machine: &Machine) -> String {
    std::fs::read_to_string(machine.path("log")).unwrap()
}

#[test]
fn a_running_server_makes_backups_when_they_are_due_and_says_loudly_when_it_cannot() {
    let machine = Machine::new();
    let daily = [("COPYDESK_BACKUP_EVERY", "24"), ("COPYDESK_BACKUP_KEEP", "2")];
    let server = machine.serve(&daily);
    until("no backup is made", || log(&machine).contains("made the backup copydesk-"));
    until("nobody is told", || server.watch("/metrics").1.contains("\ncopydesk_backup_newest_timestamp_seconds "));
    assert!(server.watch("/metrics").1.contains("\ncopydesk_backup_failing 0\n"));
    end(server);
    machine.backup_in("data/backups");
    // The newest is older than a day now: one is due, and the oldest go.
    for stem in ["copydesk-20250101T000000Z", "copydesk-20250102T000000Z"] {
        age(&machine, "data/backups", stem);
    }
    let newest =
        names(&machine.path("data/backups")).into_iter().filter(|name| name.starts_with("copydesk-20") && !name.contains("202501"));
    for name in newest {
        std::fs::remove_file(machine.path("data/backups").join(name)).unwrap();
    }
    let server = machine.serve(&daily);
    until("old backups stay", || log(&machine).contains("removed 2 files of old backups"));
    end(server);
    let there: Vec<String> = names(&machine.path("data/backups")).into_iter().filter(|name| name.ends_with(".json")).collect();
    assert!(there.len() == 2 && there[0] == "copydesk-20250102T000000Z.json", "{there:?}");

    std::fs::write(machine.path("in-the-way"), "a file").unwrap();
    let server = machine.serve(&[daily[0], ("COPYDESK_BACKUP_TO", "in-the-way")]);
    until("nothing is said", || log(&machine).contains("the scheduled backup failed: "));
    until("nobody is told", || server.watch("/metrics").1.contains("\ncopydesk_backup_failing 1\n"));
    assert!(log(&machine).contains("ERROR"));
    server.get("/v1/articles");
}

#[test]
fn backups_go_to_a_bucket_and_come_back_from_it() {
    let machine = Machine::new();
    let store = Store::open();
    let settings = [
        ("COPYDESK_BACKUP_TO", "s3://news/desk"),
        ("COPYDESK_S3_ENDPOINT", store.endpoint.as_str()),
        ("COPYDESK_S3_REGION", "eu-test-1"),
        ("COPYDESK_S3_ACCESS_KEY", ACCESS_KEY),
        ("COPYDESK_S3_SECRET_KEY", SECRET_KEY),
    ];
    let server = machine.serve(&settings);
    write(&server, &sign_in(&server), "Far away");
    let made = machine.run_with(&["backup"], &settings);
    assert!(made.success && made.out.starts_with("Made s3://news/desk/copydesk-"), "{made:?}");
    end(server);
    assert_eq!(store.names().len(), 2, "{:?}", store.names());
    assert_eq!(names(&machine.path("data/backup-staging")), [".backup.lock"], "nothing stays on this machine");
    for what in ["latest".to_owned(), "s3://news/desk/latest".to_owned(), word_after(&made.out, "Made ")] {
        until("a second lasts for ever", || {
            let restored = machine.run_with(&["restore", &what], &settings);
            assert!(restored.success || restored.err.contains("already"), "{what}: {}", restored.err);
            restored.success
        });
    }
    let server = machine.serve(&settings);
    assert_eq!(titles(&server, &token_again(&machine, &server)), ["Far away"]);
    let wrong = machine.run_with(&["backup"], &[&settings[..4], &[("COPYDESK_S3_SECRET_KEY", "wrong")]].concat());
    assert!(!wrong.success && wrong.err.contains("403 SignatureDoesNotMatch") && !wrong.err.contains("wrong"), "{}", wrong.err);
}

#[test]
fn a_backup_of_postgresql_is_restored_to_a_file_as_well() {
    let machine = Machine::new();
    if machine.is_sqlite() {
        return;
    }
    let server = machine.serve(&[]);
    write(&server, &sign_in(&server), "Comes along");
    assert!(machine.run(&["backup", "safe"]).success);
    let there = Machine { folder: Folder::new(), url: "sqlite:data/copydesk.db".to_owned() };
    let restored = there.run(&["restore", machine.backup_in("safe").to_str().unwrap()]);
    assert!(restored.success && restored.out.contains("Bring the signing secret, too"), "{restored:?}");
    let server = there.serve(&[]);
    assert_eq!(titles(&server, &token_again(&there, &server)), ["Comes along"]);
}
