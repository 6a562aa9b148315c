//! Traces for OpenTelemetry: what the spans of a request took, sent to a collector as OTLP over HTTP, in JSON.
//!
//! A trace goes on that the client has begun (`traceparent`, W3C Trace Context), or begins with the request. Nobody waits for the collector: a
//! thread of its own sends, and what it cannot keep up with is dropped and counted.

use super::Stop;
use crate::http::Clock;
use crate::outbound::{Client, Request};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// How many finished spans may wait, and how many go with one request.
const QUEUE: usize = 8192;
const BATCH: usize = 512;
/// How long a span waits for others to go with.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The span that a trace begins with; others belong to one or are nobody's.
const ROOT: &str = "request";

/// Takes down spans.
pub struct Traces {
    percent: u8,
    /// The clock is read once; from then on it is told how much time has passed.
    began: (Instant, u128),
    finished: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

/// Sends what is left when it goes.
pub struct Sending(SyncSender<Message>);

enum Message {
    Span(Value),
    /// No more will come; say when all is sent.
    End(SyncSender<()>),
}

/// A span that is not finished yet.
struct Open {
    trace: String,
    id: String,
    parent: Option<String>,
    since: Instant,
    fields: Fields,
}

/// What is known of a span.
#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value["stringValue"].as_str())
    }

    fn attributes(&self) -> Vec<Value> {
        let shown = self.0.iter().filter(|(name, _)| *name != "traceparent");
        shown.map(|(name, value)| json!({ "key": name, "value": value })).collect()
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name(), json!({ "stringValue": format!("{value:?}") })));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), json!({ "stringValue": value })));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), json!({ "intValue": value.to_string() })));
    }
}

impl Traces {
    /// Starts the sending thread; `url` is the collector's, without a path.
    pub fn start(url: &str, percent: u8) -> Result<(Self, Sending), Stop> {
        let (finished, waiting) = sync_channel(QUEUE);
        let dropped = Arc::<AtomicU64>::default();
        let post = Post { url: format!("{url}/v1/traces"), client: Client::within_the_network(), dropped: dropped.clone(), failing: false };
        std::thread::Builder::new().name("traces".into()).spawn(move || post.all(&waiting))?;
        let milliseconds = u128::try_from(Clock::system().now().milliseconds()).unwrap_or_default();
        let traces = Self { percent, began: (Instant::now(), milliseconds * 1_000_000), finished: finished.clone(), dropped };
        Ok((traces, Sending(finished)))
    }

    /// Which spans are taken down.
    pub fn wants(metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("copydesk")
    }

    /// The trace of a request, the span it is part of, and whether it is taken down.
    fn begin(&self, traceparent: Option<&str>) -> Option<(String, Option<String>)> {
        match traceparent.and_then(understand) {
            Some((trace, parent, true)) => Some((trace, Some(parent))),
            other if self.is_drawn() => Some(other.map_or((random(16), None), |(trace, parent, _)| (trace, Some(parent)))),
            _ => None,
        }
    }

    fn is_drawn(&self) -> bool {
        let mut byte = [0; 2];
        getrandom::fill(&mut byte).is_ok() && u16::from_ne_bytes(byte) % 100 < u16::from(self.percent)
    }

    fn nanoseconds(&self, at: Instant) -> String {
        (self.began.1 + at.saturating_duration_since(self.began.0).as_nanos()).to_string()
    }

    fn finish(&self, name: &'static str, open: &Open) -> Value {
        let is_request = name == ROOT;
        let name = match (open.fields.get("http.request.method"), open.fields.get("http.route")) {
            (Some(method), Some(route)) => format!("{method} {route}"),
            _ => name.to_owned(),
        };
        let has_failed =
            open.fields.0.iter().any(|(name, value)| *name == "http.response.status_code" && value["intValue"].as_str() >= Some("500"));
        json!({
            "traceId": open.trace, "spanId": open.id, "parentSpanId": open.parent.clone().unwrap_or_default(), "name": name,
            "kind": if is_request { 2 } else { 1 },
            "startTimeUnixNano": self.nanoseconds(open.since), "endTimeUnixNano": self.nanoseconds(Instant::now()),
            "attributes": open.fields.attributes(),
            "status": if has_failed { json!({ "code": 2 }) } else { json!({}) },
        })
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let around =
            span.parent().and_then(|parent| parent.extensions().get::<Open>().map(|open| (open.trace.clone(), Some(open.id.clone()))));
        let begun = if span.name() == ROOT { self.begin(fields.get("traceparent")) } else { around };
        if let Some((trace, parent)) = begun {
            span.extensions_mut().insert(Open { trace, id: random(8), parent, since: Instant::now(), fields });
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            record.record(&mut open.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        if self.finished.try_send(Message::Span(self.finish(span.name(), &open))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// `00-<trace>-<parent>-<flags>` (W3C Trace Context §3.2): the trace, the span that has asked, and whether it is taken down there.
fn understand(traceparent: &str) -> Option<(String, String, bool)> {
    let parts: Vec<&str> = traceparent.split('-').collect();
    let [version, trace, parent, flags, ..] = parts[..] else { return None };
    let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |text: &str, length| is_hex(text, length) && text.bytes().any(|byte| byte != b'0');
    let fits = is_hex(version, 2) && version != "ff" && (version != "00" || parts.len() == 4);
    let flags = u8::from_str_radix(flags, 16).ok().filter(|_| is_hex(flags, 2))?;
    (fits && is_id(trace, 32) && is_id(parent, 16)).then(|| (trace.to_owned(), parent.to_owned(), flags & 1 == 1))
}

/// So many random bytes, as hexadecimal digits.
fn random(bytes: usize) -> String {
    let mut id = vec![0; bytes];
    // Without randomness an id says less, and that is all.
    let _weak = getrandom::fill(&mut id);
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The thread that sends.
struct Post {
    url: String,
    client: Client,
    dropped: Arc<AtomicU64>,
    /// Whether the last try failed, which is said once.
    failing: bool,
}

impl Post {
    fn all(mut self, waiting: &Receiver<Message>) {
        let mut spans = Vec::new();
        let mut until = Instant::now() + PAUSE;
        loop {
            match waiting.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Message::Span(span)) => spans.push(span),
                Ok(Message::End(done)) => {
                    self.send(&mut spans);
                    let _nobody_waits = done.send(());
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if spans.len() >= BATCH || Instant::now() >= until {
                self.send(&mut spans);
                until = Instant::now() + PAUSE;
            }
        }
    }

    fn send(&mut self, spans: &mut Vec<Value>) {
        if spans.is_empty() {
            return;
        }
        let attribute = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let resource = [attribute("service.name", "copydesk"), attribute("service.version", env!("CARGO_PKG_VERSION"))];
        let scope = json!({ "scope": { "name": "copydesk" }, "spans": std::mem::take(spans) });
        let body = json!({ "resourceSpans": [{ "resource": { "attributes": resource }, "scopeSpans": [scope] }] });
        let request = Request {
            method: "POST",
            url: self.url.clone(),
            headers: vec![("content-type", "application/json".into())],
            body: body.to_string().into_bytes(),
            timeout: PATIENCE,
            longest: 65_536,
        };
        let failure = match self.client.send_and_wait(&request) {
            Ok(response) if response.status < 300 => None,
            Ok(response) => Some(format!("the collector answers {}", response.status)),
            Err(failure) => Some(failure.to_string()),
        };
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(spans = dropped, "{dropped} spans were dropped: the collector is too slow");
        }
        if let Some(why) = failure.as_ref().filter(|_| !self.failing) {
            tracing::warn!(why, "traces cannot be sent; they are dropped until they can be");
        }
        self.failing = failure.is_some();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let (done, sent) = sync_channel(1);
        if self.0.try_send(Message::End(done)).is_ok() {
            let _in_time = sent.recv_timeout(PATIENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::understand;

    #[test]
    fn a_traceparent_is_taken_if_it_is_one() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let taken = |flags: bool| Some((trace.to_owned(), parent.to_owned(), flags));
        assert_eq!(understand(&format!("00-{trace}-{parent}-01")), taken(true));
        assert_eq!(understand(&format!("00-{trace}-{parent}-00")), taken(false));
        assert_eq!(understand(&format!("cc-{trace}-{parent}-03-what-comes-later")), taken(true));
        for wrong in [
            String::new(),
            format!("00-{trace}-{parent}"),
            format!("00-{trace}-{parent}-01-more"),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-{parent}-1"),
            format!("00-{trace}-{parent}-zz"),
        ] {
            assert_eq!(understand(&wrong), None, "{wrong}");
        }
    }
}
