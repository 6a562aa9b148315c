//! The store's promises, behind the front door: writes that share a commit, readers that fall, databases that are newer.

use crate::newsroom::{Database, Newsroom, execute};
use copydesk::domain::audit::Occasion;
use copydesk::domain::id;
use copydesk::domain::time::Moment;
use copydesk::domain::user::Role;
use copydesk::store::page::Slice;
use copydesk::store::users::{self, UserDraft};
use copydesk::store::{Error, Shared, Store, Write, migrate, open_sqlite, pending, write_on};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

fn run<T>(newsroom: &Newsroom, work: impl AsyncFnOnce(Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work(newsroom.shared().store()))
}

pub fn occasion() -> Occasion {
    Occasion::of_system("test", Moment::from_milliseconds(1))
}

fn add(conn: &mut Write<'_>, name: &str) -> Result<(), Error> {
    let now = Moment::from_milliseconds(1);
    let draft =
        UserDraft { email: format!("{name}@example.com"), name: name.into(), role: Role::Author, disabled: false, password_hash: None };
    users::insert(conn, &id::new(now), draft, None, now)
}

async fn names(store: &Store) -> Vec<String> {
    let slice = Slice { limit: 100, after: None, backward: false, count: false };
    let page = store.read(move |conn| users::list(conn, &slice)).await.unwrap();
    let mut names: Vec<String> = page.items.into_iter().map(|user| user.name).collect();
    names.sort();
    names
}

#[test]
fn a_write_that_fails_or_panics_leaves_nothing_and_takes_no_other_along() {
    let newsroom = Newsroom::open();
    run(&newsroom, async |store| {
        // The first write keeps the writer busy until all the others wait, so that they share one commit.
        let (release, held) = channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let outcomes = tokio::join!(
            store.write(occasion(), move |conn| held
                .lock()
                .unwrap()
                .recv()
                .map_err(|_gone| Error::Raced)
                .and_then(|()| add(conn, "first"))),
            store.write(occasion(), |conn| add(conn, "before")),
            store.write(occasion(), |conn| add(conn, "failing").and(Err::<(), _>(Error::InUse(7)))),
            store.write(occasion(), |conn| add(conn, "panicking").map(|()| panic!("as the test wants it"))),
            store.write(occasion(), |conn| add(conn, "after")),
            async { release.send(()).unwrap() },
        );
        assert!(outcomes.0.is_ok() && outcomes.1.is_ok() && outcomes.4.is_ok());
        assert!(matches!(outcomes.2, Err(Error::InUse(7))));
        assert!(matches!(outcomes.3, Err::<(), _>(Error::Panicked)));
        store.write(occasion(), |conn| add(conn, "later")).await.unwrap();
        assert_eq!(names(&store).await, ["after", "before", "first", "later"]);
    });
}

#[test]
fn a_read_that_panics_costs_its_connection_and_nothing_else() {
    let newsroom = Newsroom::open();
    run(&newsroom, async |store| {
        let read = store.read(|conn| users::exist(conn).map(|_| panic!("as the test wants it")));
        let outcome: Result<Result<(), Error>, _> = AssertUnwindSafe(read).catch_unwind().await;
        assert!(matches!(outcome, Err(_) | Ok(Err(Error::Panicked))));
        store.write(occasion(), |conn| add(conn, "ana")).await.unwrap();
        assert_eq!(names(&store).await, ["ana"]);
    });
}

#[test]
fn a_read_cannot_write() {
    let newsroom = Newsroom::open();
    run(&newsroom, async |store| {
        let wrote = store.read(|conn| write_on(conn, occasion(), |write| add(write, "ana"))).await;
        assert!(matches!(wrote, Err(Error::Database(_) | Error::Unavailable(_))));
        assert_eq!(names(&store).await, [""; 0]);
    });
}

#[test]
fn migrating_twice_does_nothing_and_a_database_from_the_future_is_refused() {
    let newsroom = Newsroom::open();
    let mut conn = newsroom.conn();
    assert_eq!((migrate(&mut conn).unwrap(), pending(&mut conn).unwrap()), (vec![], vec![]));
    execute(&mut conn, "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
    let refusal = migrate(&mut conn).unwrap_err().to_string();
    assert!(refusal.contains("newer than this program") && refusal.contains("9999"), "{refusal}");
}

#[test]
fn a_migration_that_fails_half_way_leaves_nothing_behind() {
    let database = Database::new();
    let mut conn = database.conn();
    // The last table of the first migration stands in its way.
    execute(&mut conn, "CREATE TABLE published_article_tags (id INTEGER)");
    let refusal = migrate(&mut conn).unwrap_err().to_string();
    assert!(refusal.contains("cannot be migrated"), "{refusal}");
    let all = pending(&mut conn).unwrap();
    assert!(!all.is_empty());
    // A table left behind would stand in the way now.
    execute(&mut conn, "DROP TABLE published_article_tags");
    assert_eq!((migrate(&mut conn).unwrap(), pending(&mut conn).unwrap()), (all, vec![]));
}

#[test]
fn who_closes_the_doors_of_a_file_waits_until_the_log_is_carried_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copydesk.db");
    migrate(&mut open_sqlite(&path).unwrap()).unwrap();
    let shared = Shared::sqlite(&path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(shared.store().write(occasion(), |write| add(write, "ana"))).unwrap();
    let log = folder.path().join("copydesk.db-wal");
    assert!(log.exists());
    drop(shared);
    assert!(!log.exists());
}
