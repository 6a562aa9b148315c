//! The write door: who waits too long is told so and nothing happens later, and a disk that fails or is full is never said to have stored.

use crate::newsroom::{Newsroom, execute};
use crate::program::{Folder, Server, word_after};
use crate::store::occasion;
use crate::watched::{Watched, until};
use copydesk::domain::user::Role;
use copydesk::store::{Conn, Error, QUEUE, Store};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

fn run<T>(newsroom: &Newsroom, work: impl AsyncFnOnce(Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work(newsroom.shared().store()))
}

/// Keeps the writer of SQLite busy until it is let go, and says when it has begun.
fn hold(store: &Store) -> (Sender<()>, impl Future<Output = Result<(), Error>>) {
    let ((release, held), (begin, begun)) = (channel::<()>(), channel::<()>());
    let held = Arc::new(std::sync::Mutex::new(held));
    let shared = store.shared().clone();
    let writing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(shared.store().write(occasion(), move |_| {
            begin.send(()).unwrap();
            held.lock().unwrap().recv().map_err(|_gone| Error::Raced)
        }))
    });
    begun.recv().unwrap();
    (release, async { writing.join().unwrap() })
}

#[test]
fn a_write_whose_turn_does_not_come_in_time_is_refused_and_never_happens() {
    let newsroom = Newsroom::open();
    if matches!(newsroom.conn(), Conn::Postgres(_)) {
        return; // There writes do not wait for one another's turn.
    }
    run(&newsroom, async |store| {
        let (release, first) = hold(&store);
        let happened = Arc::new(AtomicUsize::new(0));
        let counted = happened.clone();
        let late = store.write(occasion(), move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Error>(())
        });
        let refusal = late.await.unwrap_err();
        assert!(matches!(&refusal, Error::Unavailable(why) if why.contains("too long")), "{refusal}");
        release.send(()).unwrap();
        first.await.unwrap();
        store.write(occasion(), |_| Ok::<_, Error>(())).await.unwrap();
        assert_eq!(happened.load(Ordering::SeqCst), 0);
        assert_eq!(store.shared().counts().refused_late.load(Ordering::Relaxed), 1);
        assert_eq!(store.shared().counts().waiting.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_queue_that_is_full_refuses_one_more_at_once() {
    let newsroom = Newsroom::open();
    if matches!(newsroom.conn(), Conn::Postgres(_)) {
        return;
    }
    run(&newsroom, async |store| {
        let (release, first) = hold(&store);
        let write = || store.write(occasion(), |_| Ok::<_, Error>(()));
        let waiting = join_all((0..QUEUE).map(|_| write()));
        let (waited, ()) = tokio::join!(waiting, async {
            // The others stand in the queue already: futures that are joined are asked in order.
            let refusal = write().await.unwrap_err();
            assert!(matches!(&refusal, Error::Unavailable(why) if why.contains("too many")), "{refusal}");
            release.send(()).unwrap();
        });
        assert!(waited.iter().all(Result::is_ok), "who was let in is served");
        first.await.unwrap();
        assert_eq!(store.shared().counts().refused_full.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_request_has_so_much_time_and_no_more() {
    let newsroom = Newsroom::open_with(|settings| settings.request_timeout = Duration::from_millis(300));
    let (editor, mut conn) = (newsroom.person(Role::Editor), newsroom.conn());
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    match conn {
        Conn::Sqlite(_) => execute(&mut conn, "BEGIN IMMEDIATE"),
        Conn::Postgres(_) => execute(&mut conn, "BEGIN; LOCK TABLE articles IN ACCESS EXCLUSIVE MODE"),
    }
    // Without a body, so that there is no time for sending it beside.
    let late = newsroom.send("DELETE", "/v1/articles/story", Some(&editor), &[("if-match", "*"), ("request-id", "late")], None);
    let late = late.expect(503);
    assert_eq!((late.code().as_str(), late.header("retry-after"), late.header("request-id")), ("too_slow", "1", "late"));
    assert_eq!(late.header("cache-control"), "private, no-store");
    newsroom.get("/v1/articles/story").expect(200);
    execute(&mut conn, "ROLLBACK");
}

#[test]
fn a_full_disk_is_told_as_such_and_reads_go_on() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    let mut conn = newsroom.conn();
    // What the database says when there is no room: nothing else of it can be had without a disk of one's own.
    match conn {
        Conn::Sqlite(_) => {
            execute(&mut conn, "CREATE TRIGGER full BEFORE INSERT ON tags BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END");
        }
        Conn::Postgres(_) => execute(
            &mut conn,
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$; \
             CREATE TRIGGER full_disk BEFORE INSERT ON tags FOR EACH ROW EXECUTE FUNCTION full_disk()",
        ),
    }
    let refusal = newsroom.post(&editor, "/v1/tags", &json!({ "name": "Elections" })).expect(507);
    assert_eq!((refusal.code().as_str(), refusal.header("retry-after")), ("disk_full", "30"));
    newsroom.get("/v1/articles/story").expect(200);
}

#[test]
fn locks_of_others_show_in_the_metrics_as_failures_until_they_are_gone() {
    let newsroom = Newsroom::open();
    let (editor, watched, mut conn) = (newsroom.person(Role::Editor), Watched::of(&newsroom), newsroom.conn());
    if matches!(conn, Conn::Postgres(_)) {
        return;
    }
    execute(&mut conn, "BEGIN IMMEDIATE");
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Elections" })).expect(503);
    until("the failure is not counted", || (watched.sample("copydesk_commit_failures_total") >= 1.0).then_some(()));
    until("no warning", || (watched.ready().1["checks"]["writes"]["state"] == "warning").then_some(()));
    execute(&mut conn, "ROLLBACK");
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Elections" })).expect(201);
    until("still a warning", || (watched.ready().1["checks"]["writes"]["state"] == "ok").then_some(()));
}

/// The largest file that the server may write from now on; `unlimited` for any.
fn bound_files(server: &Server, bytes: &str) {
    let bounded = Command::new("prlimit").args(["--pid", &server.pid(), &format!("--fsize={bytes}:")]).output().unwrap();
    assert!(bounded.status.success(), "{}", String::from_utf8_lossy(&bounded.stderr));
}

fn create(server: &Server, token: &str, title: &str) -> u16 {
    let body = json!({ "title": title, "body": "Words, and more words. ".repeat(200) }).to_string();
    server.send("POST", "/v1/articles", Some(token), &body).0
}

#[test]
fn a_disk_that_takes_no_more_refuses_writes_loses_none_and_takes_them_again_without_a_restart() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        return;
    }
    let folder = Folder::new();
    // A file may not grow beyond a bound; the signal that comes with it is ignored, so that the system call fails as a disk does.
    let server = folder.serve_by_shell("trap '' XFSZ; exec \"$0\"", &[], Stdio::null());
    let token = server.sign_in("admin@copydesk.local", &word_after(&server.said, "the password ")).1.unwrap();
    let mut stored: Vec<String> = Vec::new();
    for round in 0..3 {
        let log = std::fs::metadata(folder.path().join("data/copydesk.db-wal")).unwrap().len();
        bound_files(&server, &(log + 400_000).to_string());
        let mut refused = 0;
        for number in 0..200 {
            let title = format!("Story {round} {number}");
            match create(&server, &token, &title) {
                201 => stored.push(title),
                status => {
                    assert!(status == 503 || status == 507, "{status}");
                    refused += 1;
                }
            }
            if refused == 3 {
                break;
            }
        }
        assert_eq!(refused, 3, "the bound was not met");
        assert_eq!(server.send("GET", "/v1/articles", None, "").0, 200, "reads go on");
        bound_files(&server, "unlimited");
        let title = format!("Story {round} at last");
        assert_eq!(create(&server, &token, &title), 201, "{}", server.log());
        stored.push(title);
    }
    assert!(server.terminate().0);
    let server = folder.serve(&[]);
    let mut found = Vec::new();
    let mut next = "/v1/articles?view=working&limit=100&fields=title".to_owned();
    loop {
        let (status, page) = server.send("GET", &next, Some(&token), "");
        assert_eq!(status, 200, "{page}");
        let page: Value = serde_json::from_str(&page).unwrap();
        found.extend(page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["page"]["next_cursor"].as_str() else { break };
        next = format!("/v1/articles?view=working&limit=100&fields=title&cursor={cursor}");
    }
    let lost: Vec<&String> = stored.iter().filter(|title| !found.contains(title)).collect();
    assert_eq!((stored.len() > 5, lost), (true, Vec::<&String>::new()));
}
