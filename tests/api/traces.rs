//! Traces: what a request took, sent to a collector as OpenTelemetry has it, and a log that names the request on every line.

use crate::program::{Folder, word_after};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector that takes everything: its address, and the spans that it has got.
fn collector() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let spans = Arc::<Mutex<Vec<Value>>>::default();
    let kept = spans.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let kept = kept.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.unwrap());
                loop {
                    let head: Vec<String> = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                    let Some(first) = head.first() else { return };
                    assert_eq!(first, "POST /v1/traces HTTP/1.1");
                    let length =
                        head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap();
                    let mut body = vec![0; length];
                    reader.read_exact(&mut body).unwrap();
                    let body: Value = serde_json::from_slice(&body).unwrap();
                    let resource = &body["resourceSpans"][0];
                    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "copydesk");
                    kept.lock().unwrap().extend(resource["scopeSpans"][0]["spans"].as_array().unwrap().iter().cloned());
                    reader
                        .get_mut()
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
                        .unwrap();
                }
            });
        }
    });
    (url, spans)
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a Value {
    span["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|attribute| attribute["key"] == key)
        .map_or(&Value::Null, |attribute| &attribute["value"])
}

#[test]
fn a_request_is_a_trace_that_goes_on_where_the_client_began_it() {
    let (url, spans) = collector();
    let folder = Folder::new();
    let server = folder.serve_with(&[], &[("COPYDESK_OTLP_URL", &url), ("COPYDESK_LOG", "warn,copydesk::cli=info")]);
    let token = server.sign_in("admin@copydesk.local", &word_after(&server.said, "the password ")).1.unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let request = agent.post(format!("{}/v1/tags", server.url)).header("authorization", format!("Bearer {token}"));
    let request = request.header("traceparent", format!("00-{TRACE}-{PARENT}-01")).header("request-id", "the-one");
    request.header("content-type", "application/json").send(br#"{"name":"Elections"}"#).unwrap();
    // Twice: the second one from memory.
    server.get("/v1/tags/elections");
    server.get("/v1/tags/elections");
    server.send("GET", "/v1/tags/nothing", None, "");
    // What is left is sent before it ends.
    assert!(server.terminate().0);
    let spans = spans.lock().unwrap();
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
    let created = named("POST /v1/tags")[0];
    assert_eq!((&created["traceId"], &created["parentSpanId"], &created["kind"]), (&TRACE.into(), &PARENT.into(), &2.into()));
    assert_eq!(attribute(created, "http.response.status_code")["intValue"], "201");
    assert_eq!((&attribute(created, "request.id")["stringValue"], attribute(created, "traceparent")), (&"the-one".into(), &Value::Null));
    let write = spans.iter().find(|span| span["name"] == "write" && span["traceId"] == TRACE).unwrap();
    assert_eq!(write["parentSpanId"], created["spanId"]);
    let transaction = spans.iter().find(|span| span["name"] == "transaction" && span["traceId"] == TRACE).unwrap();
    assert_eq!(transaction["parentSpanId"], write["spanId"]);
    let time = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u128>().unwrap();
    assert!(time(created, "startTimeUnixNano") <= time(write, "startTimeUnixNano"));
    assert!(
        time(write, "endTimeUnixNano") <= time(created, "endTimeUnixNano")
            && time(created, "startTimeUnixNano") > 1_700_000_000_000_000_000
    );
    let tags = named("GET /v1/tags/{tag}");
    let statuses: Vec<&Value> = tags.iter().map(|span| &attribute(span, "http.response.status_code")["intValue"]).collect();
    assert_eq!(statuses, ["200", "200", "404"]);
    assert!(tags.iter().all(|span| span["traceId"] != TRACE && span["traceId"].as_str().unwrap().len() == 32));
}

#[test]
fn none_is_traced_but_what_was_asked_for_where_the_percentage_is_nought() {
    let (url, spans) = collector();
    let folder = Folder::new();
    let server = folder.serve_with(&[], &[("COPYDESK_OTLP_URL", &url), ("COPYDESK_OTLP_PERCENT", "0")]);
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    for flags in ["00", "01"] {
        agent.get(format!("{}/v1/authors", server.url)).header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}")).call().unwrap();
    }
    server.get("/v1/tags");
    assert!(server.terminate().0);
    let spans = spans.lock().unwrap();
    let requests: Vec<&Value> = spans.iter().filter(|span| span["kind"] == 2).map(|span| &span["name"]).collect();
    assert_eq!(requests, ["GET /v1/authors"]);
}

#[test]
fn a_collector_that_is_not_there_costs_a_line_in_the_log_and_nothing_else() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = Folder::new();
    let server = folder.serve_with(&[], &[("COPYDESK_OTLP_URL", &format!("http://{closed}"))]);
    server.get("/v1/tags");
    let (ended_well, log) = server.terminate();
    assert!(ended_well);
    assert_eq!(log.matches("traces cannot be sent").count(), 1, "{log}");
}

#[test]
fn every_line_of_a_request_names_it_in_both_forms_of_the_log() {
    for format in ["text", "json"] {
        let folder = Folder::new();
        let server = folder.serve_with(&[], &[("COPYDESK_LOG", "info,copydesk::store=debug"), ("COPYDESK_LOG_FORMAT", format)]);
        let database = folder.path().join("data/copydesk.db");
        let mut conn = copydesk::store::open_sqlite(&database).unwrap();
        crate::newsroom::execute(&mut conn, "ALTER TABLE published_articles RENAME TO elsewhere");
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let failed = agent.get(format!("{}/v1/articles", server.url)).header("request-id", "seek-me").call().unwrap();
        assert_eq!(failed.status(), 500);
        let (_, log) = server.terminate();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("seek-me")).collect();
        assert_eq!(lines.len(), 2, "the cause and the request: {log}");
        assert!(lines[0].contains("a request failed") && lines[0].contains("published_articles"), "{log}");
        assert!(lines[1].contains("GET /v1/articles 500"), "{log}");
        assert!(format == "text" || lines.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    }
}
