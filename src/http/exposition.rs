//! `/metrics`: all that is counted, in the text format of Prometheus (version 0.0.4).

use super::health::Report;
use super::metrics::Metrics;
use super::process::Process;
use super::site::Desk;
use crate::domain::backup::Status;
use crate::store::counts::Seen;
use crate::store::{QUEUE, Shared};
use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;

/// The media type of the page.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Names and values of labels. None of them has anything in it that would need escaping: they are routes and words of ours.
type Labels<'a> = &'a [(&'a str, &'a str)];

/// The page, as it grows.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _never = writeln!(self.0, "# HELP copydesk_{name} {help}\n# TYPE copydesk_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        let _never = writeln!(self.0, "copydesk_{name}{} {value}", Braces(labels));
    }

    /// A family of one sample.
    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// The samples of a histogram, whose values are so many to a unit.
    fn histogram(&mut self, name: &str, labels: Labels<'_>, seen: &Seen, per_unit: f64) {
        let mut below = 0;
        for (bound, count) in seen.bounds.iter().zip(&seen.counts) {
            below += count;
            let bound = (as_float(*bound) / per_unit).to_string();
            self.sample(&format!("{name}_bucket"), &[labels, &[("le", &bound)]].concat(), below);
        }
        self.sample(&format!("{name}_bucket"), &[labels, &[("le", "+Inf")]].concat(), seen.count());
        self.sample(&format!("{name}_sum"), labels, as_float(seen.sum) / per_unit);
        self.sample(&format!("{name}_count"), labels, seen.count());
    }
}

struct Braces<'a>(Labels<'a>);

impl Display for Braces<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            write!(out, "{}{name}=\"{value}\"", if index == 0 { '{' } else { ',' })?;
        }
        if self.0.is_empty() { Ok(()) } else { out.write_char('}') }
    }
}

/// What is counted is far below the 2^53 from which on a float skips whole numbers.
fn as_float(value: u64) -> f64 {
    u32::try_from(value).map_or_else(|_large| value.to_string().parse().unwrap_or(f64::MAX), f64::from)
}

const MICRO: f64 = 1e6;

/// The page.
pub fn page(desk: &Desk, shared: &Shared, report: &Report, started_at: i64) -> String {
    let mut page = Page::default();
    let database = if shared.pool().is_some() { "postgresql" } else { "sqlite" };
    page.family("build_info", "gauge", "The program, and the database it works with.");
    page.sample("build_info", &[("version", env!("CARGO_PKG_VERSION")), ("database", database)], 1);
    requests(&mut page, &desk.metrics);
    cache(&mut page, desk);
    store(&mut page, shared);
    health(&mut page, report);
    backups(&mut page, desk);
    process(&mut page.0, started_at);
    page.0
}

fn requests(page: &mut Page, metrics: &Metrics) {
    let lines = metrics.lines();
    page.family("http_requests_total", "counter", "Requests answered, by route, method and status.");
    for line in &lines {
        for (status, count) in &line.statuses {
            let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
            page.sample("http_requests_total", &[("method", line.method), ("route", line.route), ("status", &status)], count);
        }
    }
    page.family("http_request_duration_seconds", "histogram", "From the head of a request to the head of its answer.");
    for line in &lines {
        page.histogram("http_request_duration_seconds", &[("method", line.method), ("route", line.route)], &line.times, MICRO);
    }
    page.one("http_requests_under_way", "gauge", "Requests that are being answered, but for kept answers.", metrics.under_way());
}

fn cache(page: &mut Page, desk: &Desk) {
    let load = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    let size = desk.answers.size();
    page.one("cache_hits_total", "counter", "Live reads answered from memory.", desk.metrics.sum(|tally| load(&tally.kept)));
    page.one("cache_misses_total", "counter", "Live reads whose answer had to be made.", desk.metrics.sum(|tally| load(&tally.made)));
    page.one("cache_entries", "gauge", "Answers in memory, with those that are out of date and not yet replaced.", size.entries);
    page.one("cache_bytes", "gauge", "What they take.", size.bytes);
    page.one("cache_limit_bytes", "gauge", "What they may take (COPYDESK_CACHE_BYTES).", size.limit);
}

fn store(page: &mut Page, shared: &Shared) {
    let counts = shared.counts();
    page.family("write_duration_seconds", "histogram", "Writes, from asking for one to its outcome, waiting included.");
    page.histogram("write_duration_seconds", &[], &counts.writes.seen(), MICRO);
    if let Some(pool) = shared.pool() {
        page.one("pool_limit", "gauge", "Connections to PostgreSQL at the most (COPYDESK_POSTGRES_POOL).", pool.most);
        page.family("pool_connections", "gauge", "Connections to PostgreSQL.");
        page.sample("pool_connections", &[("state", "idle")], pool.idle);
        page.sample("pool_connections", &[("state", "busy")], pool.open.saturating_sub(pool.idle));
        page.one("write_retries_total", "counter", "Writes begun anew because they collided.", counts.retries.load(Ordering::Relaxed));
        return;
    }
    page.one("write_queue_length", "gauge", "Writes that wait for their turn.", counts.waiting.load(Ordering::Relaxed).max(0));
    page.one("write_queue_limit", "gauge", "How many may wait.", QUEUE);
    page.family("writes_refused_total", "counter", "Writes that were told to come back: the queue was full, or they had waited too long.");
    page.sample("writes_refused_total", &[("reason", "full")], counts.refused_full.load(Ordering::Relaxed));
    page.sample("writes_refused_total", &[("reason", "late")], counts.refused_late.load(Ordering::Relaxed));
    page.family("commit_duration_seconds", "histogram", "Commits, which is mostly the time of the disk's sync.");
    page.histogram("commit_duration_seconds", &[], &counts.commits.seen(), MICRO);
    page.family("commit_writes", "histogram", "How many writes shared a commit.");
    page.histogram("commit_writes", &[], &counts.batches.seen(), 1.0);
    page.one("commit_failures_total", "counter", "Commits that failed.", counts.failures.load(Ordering::Relaxed));
}

/// Of backups that nobody has scheduled there is nothing to tell.
fn backups(page: &mut Page, desk: &Desk) {
    let Some(record) = &desk.settings.backups else { return };
    let Status { newest, is_failing } = record.status();
    page.one("backup_failing", "gauge", "Whether the last try of the scheduled backup failed.", u8::from(is_failing));
    if let Some(newest) = newest {
        let seconds = newest.milliseconds() / 1000;
        page.one(
            "backup_newest_timestamp_seconds",
            "gauge",
            "When the newest backup in the place of the scheduled ones was made, since 1970.",
            seconds,
        );
    }
}

fn health(page: &mut Page, report: &Report) {
    page.one("ready", "gauge", "Whether /readyz answers 200.", u8::from(report.is_ready()));
    page.one("database_up", "gauge", "Whether the database answers.", u8::from(report.database_answers()));
    page.one("schedule_lag_seconds", "gauge", "For how long what is due has not been carried out.", report.lag_seconds());
    if let Some(free) = report.disk_free() {
        page.one("disk_free_bytes", "gauge", "What is free on the disk of the database.", free);
    }
}

/// These have the names that every program's have.
fn process(text: &mut String, started_at: i64) {
    let process = Process::now();
    let mut one = |name: &str, kind: &str, value: &dyn Display| {
        let _never = writeln!(text, "# TYPE process_{name} {kind}\nprocess_{name} {value}");
    };
    one("start_time_seconds", "gauge", &format_args!("{}.{:03}", started_at / 1000, started_at % 1000));
    one("cpu_seconds_total", "counter", &process.cpu_seconds);
    one("resident_memory_bytes", "gauge", &process.resident_bytes);
    one("virtual_memory_bytes", "gauge", &process.virtual_bytes);
    one("threads", "gauge", &process.threads);
    one("open_fds", "gauge", &process.open_files);
    one("max_fds", "gauge", &process.most_files);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::counts::Histogram;

    #[test]
    fn a_histogram_counts_what_is_below_each_bound() {
        let histogram = Histogram::new(&[500, 1_000_000]);
        for value in [1, 499, 501, 2_000_000] {
            histogram.note(value);
        }
        let mut page = Page::default();
        page.family("took_seconds", "histogram", "How long it took.");
        page.histogram("took_seconds", &[("route", "/v1/tags")], &histogram.seen(), MICRO);
        assert_eq!(
            page.0,
            "# HELP copydesk_took_seconds How long it took.\n# TYPE copydesk_took_seconds histogram\n\
             copydesk_took_seconds_bucket{route=\"/v1/tags\",le=\"0.0005\"} 2\n\
             copydesk_took_seconds_bucket{route=\"/v1/tags\",le=\"1\"} 3\n\
             copydesk_took_seconds_bucket{route=\"/v1/tags\",le=\"+Inf\"} 4\n\
             copydesk_took_seconds_sum{route=\"/v1/tags\"} 2.001001\ncopydesk_took_seconds_count{route=\"/v1/tags\"} 4\n"
        );
    }
}
