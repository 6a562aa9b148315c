//! PostgreSQL away and back: what is kept goes on being read, all else is told quickly, and nobody restarts anything.

use crate::newsroom::{Database, Newsroom, Person};
use crate::watched::{Watched, until};
use copydesk::domain::user::Role;
use copydesk::store::{Shared, migrate, open_postgres};
use serde_json::json;
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What stands between a server and PostgreSQL, and can be cut.
#[derive(Clone, Default)]
struct Wire {
    is_cut: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.drop_all();
    }

    fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }

    /// Ends all connections; new ones are good.
    fn drop_all(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            let _closed_already = stream.shutdown(Shutdown::Both);
        }
    }

    fn carry(&self, from: TcpStream, to: &str) {
        if self.is_cut.load(Ordering::SeqCst) {
            return;
        }
        let to = TcpStream::connect(to).unwrap();
        self.streams.lock().unwrap().extend([from.try_clone().unwrap(), to.try_clone().unwrap()]);
        for (mut from, mut to) in [(from.try_clone().unwrap(), to.try_clone().unwrap()), (to, from)] {
            std::thread::spawn(move || {
                let _cut = std::io::copy(&mut from, &mut to);
                let _cut = to.flush().and_then(|()| to.shutdown(Shutdown::Both));
            });
        }
    }
}

/// A newsroom whose PostgreSQL is behind a wire; none on SQLite.
fn newsroom_by_wire() -> Option<(Newsroom, Wire, Person)> {
    let database = Database::new();
    let Database::Postgres(url) = &database else { return None };
    migrate(&mut open_postgres(url).unwrap()).unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (user, place) = rest.split_once('@').unwrap();
    let (server, name) = place.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let by_wire = format!("{scheme}://{user}@{}/{name}", listener.local_addr().unwrap());
    let (wire, server) = (Wire::default(), server.to_owned());
    let carrying = wire.clone();
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(|stream| carrying.carry(stream, &server)));
    let newsroom = Newsroom::open_on(Database::Postgres(by_wire), |_| {});
    let editor = newsroom.person(Role::Editor);
    Some((newsroom, wire, editor))
}

#[test]
fn while_it_is_away_kept_answers_are_read_and_all_else_is_told_quickly() {
    let Some((newsroom, wire, editor)) = newsroom_by_wire() else { return };
    let watched = Watched::of(&newsroom);
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    // Until it has heard of its own commit, which makes it forget once more what it keeps.
    let published = Instant::now();
    let hits = || watched.sample("copydesk_cache_hits_total");
    until("nothing is kept", || {
        let before = hits();
        newsroom.get("/v1/articles/story").expect(200);
        newsroom.get("/v1/articles").expect(200);
        (published.elapsed() > Duration::from_secs(3) && hits() > before + 1.5).then_some(())
    });
    wire.cut();
    until("it is ready without its database", || (watched.ready().0 == 503).then_some(()));
    for _ in 0..20 {
        newsroom.get("/v1/articles/story").expect(200);
        newsroom.get("/v1/articles").expect(200);
    }
    let asked = Instant::now();
    let unread = newsroom.get("/v1/articles?limit=7").expect(503);
    assert_eq!((unread.code().as_str(), unread.header("retry-after")), ("unavailable", "1"));
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Elections" })).expect(503);
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    wire.mend();
    until("it is not ready again", || (watched.ready().0 == 200).then_some(()));
    newsroom.post(&editor, "/v1/tags", &json!({ "name": "Elections" })).expect(201);
    newsroom.get("/v1/articles?limit=7").expect(200);
    // What changed is seen: it hears of commits again.
    newsroom.patch(&editor, "/v1/articles/story", "*", &json!({ "title": "Story Told" })).expect(200);
    newsroom.post(&editor, "/v1/articles/story/publish", &json!({})).expect(200);
    assert_eq!(newsroom.get("/v1/articles/story").json()["title"], "Story Told");
}

#[test]
fn connections_that_a_restart_has_left_behind_are_not_noticed_by_who_asks_next() {
    let Some((newsroom, wire, editor)) = newsroom_by_wire() else { return };
    for number in 0..5 {
        // Some at once, so that there are several connections.
        std::thread::scope(|scope| {
            for each in 0..4 {
                let (newsroom, editor) = (&newsroom, &editor);
                scope.spawn(move || newsroom.post(editor, "/v1/tags", &json!({ "name": format!("Tag {number} {each}") })).expect(201));
            }
        });
        wire.drop_all();
        newsroom.post(&editor, "/v1/tags", &json!({ "name": format!("After {number}") })).expect(201);
        newsroom.get_as(&editor, "/v1/articles?view=working").expect(200);
    }
}

#[test]
fn a_server_that_does_not_answer_stops_the_start_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let asked = Instant::now();
    let refusal = Shared::postgres(&format!("postgres://copydesk@{address}/copydesk"), 4).err().unwrap();
    assert!(refusal.to_string().contains("PostgreSQL does not answer") && asked.elapsed() < Duration::from_secs(4), "{refusal}");
}
