//! Metrics: every request is counted, also those that are answered from memory, in a format that Prometheus reads.

use crate::newsroom::Newsroom;
use crate::watched::{Watched, until};
use copydesk::domain::user::Role;
use copydesk::store::Conn;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn requests_are_counted_by_route_method_and_status_kept_answers_too() {
    let newsroom = Newsroom::open();
    let (editor, watched) = (newsroom.person(Role::Editor), Watched::of(&newsroom));
    newsroom.publish(&editor, &json!({ "title": "Story" }));
    for _ in 0..5 {
        newsroom.get("/v1/articles/story").expect(200);
    }
    let tag = newsroom.get("/v1/articles/story").header("etag").to_owned();
    newsroom.send("GET", "/v1/articles/story", None, &[("if-none-match", &tag)], None).expect(304);
    newsroom.get("/v1/articles/no-such-story").expect(404);
    newsroom.send("PUT", "/v1/articles/story", None, &[], None).expect(405);
    newsroom.get("/nowhere/at/all").expect(404);
    let count = |method: &str, route: &str, status: &str| {
        watched.sample(&format!("copydesk_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"))
    };
    // An answer is counted just before it goes out, so they are all there.
    let story = "/v1/articles/{article}";
    assert_eq!([count("GET", story, "200"), count("GET", story, "304"), count("GET", story, "404")], [6.0, 1.0, 1.0]);
    assert_eq!([count("other", story, "405"), count("GET", "none", "404"), count("POST", "/v1/articles", "201")], [1.0, 1.0, 1.0]);
    let took = format!("copydesk_http_request_duration_seconds_count{{method=\"GET\",route=\"{story}\"}}");
    assert_eq!(watched.sample(&took), 8.0);
    // On PostgreSQL a node hears of its own commits, too, a moment later, and makes an answer anew that it has just made.
    let (hits, misses) = (watched.sample("copydesk_cache_hits_total"), watched.sample("copydesk_cache_misses_total"));
    assert!(hits + misses == 8.0 && misses >= 2.0 && (misses == 2.0 || matches!(newsroom.conn(), Conn::Postgres(_))), "{hits} {misses}");
    assert!(watched.sample("copydesk_cache_bytes") > 1000.0 && watched.sample("copydesk_cache_entries") >= 1.0);
    assert_eq!(watched.sample("copydesk_http_requests_under_way"), 0.0);
}

#[test]
fn writes_show_how_the_database_is() {
    let newsroom = Newsroom::open();
    let (editor, watched) = (newsroom.person(Role::Editor), Watched::of(&newsroom));
    for number in 0..3 {
        newsroom.draft(&editor, &json!({ "title": format!("Story {number}") }));
    }
    assert!(watched.sample("copydesk_write_duration_seconds_count") >= 3.0);
    match newsroom.conn() {
        Conn::Sqlite(_) => {
            let commits = watched.sample("copydesk_commit_duration_seconds_count");
            assert!(commits >= 3.0 && watched.sample("copydesk_commit_writes_sum") >= commits);
            assert!(watched.sample("copydesk_commit_duration_seconds_sum") > 0.0);
            assert_eq!([watched.sample("copydesk_write_queue_length"), watched.sample("copydesk_write_queue_limit")], [0.0, 1024.0]);
            assert!(watched.sample("copydesk_disk_free_bytes") > 1e6);
        }
        Conn::Postgres(_) => {
            assert_eq!(watched.sample("copydesk_pool_limit"), 4.0);
            until("no connection is idle", || (watched.sample("copydesk_pool_connections{state=\"idle\"}") >= 1.0).then_some(()));
        }
    }
}

#[test]
fn the_page_is_what_prometheus_reads() {
    let newsroom = Newsroom::open();
    newsroom.get("/v1/articles").expect(200);
    let (status, kind, page) = Watched::of(&newsroom).get("/metrics");
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let (mut kinds, mut seen, mut current) = (BTreeMap::new(), BTreeSet::new(), "");
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(kinds.insert(name, kind).is_none(), "{name} is there twice");
            current = name;
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let family = if kinds[current] == "histogram" { name.rsplit_once('_').unwrap().0 } else { name };
            assert_eq!(family, current, "{line}");
            assert!(value.parse::<f64>().unwrap() >= 0.0 && seen.insert(sample.to_owned()), "{line}");
            assert_eq!(kinds[current] == "counter", name.ends_with("_total"), "{line}");
        }
    }
    for name in ["copydesk_build_info", "process_resident_memory_bytes", "process_open_fds", "copydesk_schedule_lag_seconds"] {
        assert_eq!(kinds.get(name), Some(&"gauge"), "{page}");
    }
    assert!(page.contains(&format!("copydesk_build_info{{version=\"{}\",database=\"", env!("CARGO_PKG_VERSION"))), "{page}");
}
