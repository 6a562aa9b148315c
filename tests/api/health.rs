//! Health: whether the process lives, whether it can work, and that asking costs nothing.

use crate::newsroom::{Newsroom, execute};
use crate::program::Folder;
use crate::watched::{Watched, until};
use copydesk::domain::user::Role;
use copydesk::store::Conn;
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn a_server_that_can_work_says_so_check_by_check() {
    let newsroom = Newsroom::open();
    let watched = Watched::of(&newsroom);
    assert_eq!(watched.get("/healthz"), (200, "application/json".into(), "{\"status\":\"ok\"}\n".into()));
    let (status, report) = watched.ready();
    assert_eq!((status, &report["status"]), (200, &json!("ready")));
    for check in ["database", "writes", "migrations", "schedule"] {
        assert_eq!(report["checks"][check]["state"], "ok", "{report}");
    }
    assert_eq!(report["checks"]["schedule"]["lag_seconds"], 0);
    let is_sqlite = matches!(newsroom.conn(), Conn::Sqlite(_));
    assert_eq!(report["checks"]["disk"]["free_bytes"].is_u64(), is_sqlite, "{report}");
    assert_eq!(watched.get("/v1/articles").0, 404, "nothing else is there");
}

#[test]
fn what_should_have_come_out_and_did_not_shows_as_lag() {
    let newsroom = Newsroom::open();
    let editor = newsroom.person(Role::Editor);
    let slug = newsroom.draft(&editor, &json!({ "title": "Late" }))["slug"].as_str().unwrap().to_owned();
    newsroom.post(&editor, &format!("/v1/articles/{slug}/schedule"), &json!({ "publish_at": "2025-06-27T14:31:00Z" })).expect(200);
    // Another server has it, which will not be asked, and whose clock says that nothing is due yet.
    let mut conn = newsroom.conn();
    execute(&mut conn, "UPDATE schedules SET due_at = due_at - 1060000");
    let watched = Watched::of(&newsroom);
    let lag = until("no lag", || Some(watched.ready().1).filter(|report| report["checks"]["schedule"]["lag_seconds"] != 0));
    assert_eq!(lag["checks"]["schedule"], json!({ "state": "warning", "lag_seconds": 1000 }));
    assert_eq!(lag["status"], "ready", "requests are answered all the same");
}

#[test]
fn i11_what_is_found_out_is_good_for_a_second_however_many_ask() {
    let newsroom = Newsroom::open();
    let watched = Watched::of(&newsroom);
    assert_eq!(watched.ready().0, 200);
    let found_out = Instant::now();
    execute(&mut newsroom.conn(), "ALTER TABLE schedules RENAME TO elsewhere");
    let mut asked = 0;
    while found_out.elapsed() < Duration::from_millis(700) {
        let (status, _) = watched.ready();
        if found_out.elapsed() < Duration::from_millis(900) {
            assert_eq!(status, 200, "the database was asked again after {:?}", found_out.elapsed());
            asked += 1;
        }
    }
    assert!(asked > 10, "{asked}");
    let failing = until("it is never found out", || Some(watched.ready()).filter(|(status, _)| *status == 503)).1;
    assert_eq!((&failing["status"], &failing["checks"]["database"]["state"]), (&json!("failing"), &json!("failed")));
    assert_eq!(watched.get("/healthz").0, 200, "the process lives");
    assert!(watched.sample("copydesk_ready").abs() < 0.5 && watched.sample("copydesk_database_up").abs() < 0.5);
    execute(&mut newsroom.conn(), "ALTER TABLE elsewhere RENAME TO schedules");
    until("it is never ready again", || Some(watched.ready()).filter(|(status, _)| *status == 200));
}

#[test]
fn a_migration_that_is_missing_makes_it_unready() {
    let newsroom = Newsroom::open();
    execute(
        &mut newsroom.conn(),
        "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)",
    );
    let (status, report) = Watched::of(&newsroom).ready();
    assert_eq!((status, &report["checks"]["migrations"]["state"]), (503, &json!("failed")));
    assert!(report["checks"]["migrations"]["detail"].as_str().unwrap().starts_with("missing: "), "{report}");
}

#[test]
fn copydesk_health_asks_the_server_and_says_it_by_its_exit_code() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let admin = server.admin();
    let ask = |arguments: &[&str]| folder.run_with(arguments, &[("COPYDESK_ADMIN_LISTEN", admin.as_str())], "");
    let well = ask(&["health"]);
    assert!(well.success && well.out.contains("\"status\":\"ready\""), "{well:?}");
    assert_eq!((ask(&["health", "--live"]).out.trim(), server.watch("/healthz").0), ("{\"status\":\"ok\"}", 200));
    assert!(server.terminate().0);
    let gone = ask(&["health"]);
    assert!(!gone.success && gone.err.contains("nobody answers at http://127.0.0.1:"), "{gone:?}");
    let nobody = folder.run_with(&["health"], &[("COPYDESK_ADMIN_LISTEN", "off")], "");
    assert!(!nobody.success && nobody.err.contains("COPYDESK_ADMIN_LISTEN is off"), "{nobody:?}");
}

#[test]
fn an_address_for_watchers_that_is_taken_stops_the_start_only_if_somebody_chose_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let refused = folder.run_with(&["serve"], &[("COPYDESK_LISTEN", "127.0.0.1:0"), ("COPYDESK_ADMIN_LISTEN", &address)], "");
    assert!(!refused.success && refused.err.contains("set COPYDESK_ADMIN_LISTEN to a free address"), "{refused:?}");
    // The default one is either free, or held by another copydesk on this machine, or by this one.
    let _held = std::net::TcpListener::bind("127.0.0.1:8081");
    let server = folder.serve_with(&[], &[("COPYDESK_ADMIN_LISTEN", "127.0.0.1:8081")]);
    assert!(server.log().contains("health and metrics are not served: cannot listen on 127.0.0.1:8081"), "{}", server.log());
    assert_eq!(server.send("GET", "/v1/articles", None, "").0, 200);
}
