//! What each worker counts of its requests: by route, method and status, with how long they took. Each worker has counters of its own,
//! which others read and none else writes, so that counting costs a kept answer next to nothing.

use crate::store::counts::{Histogram, MICROSECONDS, Seen};
use actix_web::http::{Method, StatusCode};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Which line of the route page answers; 0 is none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(pub u16);

/// How requests that no route takes are called.
const NOWHERE: &str = "none";

/// The last stands for all others.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "other"];
/// All that this server answers, the usual ones first; the last stands for all others.
const STATUSES: [u16; 29] = [
    200, 304, 201, 204, 404, 412, 401, 403, 422, 400, 409, 428, 429, 503, 500, 507, 202, 207, 308, 405, 406, 408, 410, 413, 414, 415, 501,
    504, 0,
];

/// The counters of one worker.
pub struct Tally {
    answers: Box<[AtomicU64]>,
    times: Box<[Histogram]>,
    /// Requests under way, but for those that are answered at once.
    pub under_way: AtomicI64,
    /// Live reads that were answered from memory, and those that were not.
    pub kept: AtomicU64,
    pub made: AtomicU64,
}

/// The counters of all workers, and the names of what they count.
pub struct Metrics {
    routes: Vec<String>,
    tallies: Mutex<Vec<Arc<Tally>>>,
}

/// All that one route and method has answered.
pub struct Line<'a> {
    pub route: &'a str,
    pub method: &'static str,
    pub statuses: Vec<(u16, u64)>,
    pub times: Seen,
}

impl Tally {
    fn new(places: usize) -> Self {
        let pairs = places * METHODS.len();
        Self {
            answers: (0..pairs * STATUSES.len()).map(|_| AtomicU64::new(0)).collect(),
            times: (0..pairs).map(|_| Histogram::new(MICROSECONDS)).collect(),
            under_way: AtomicI64::new(0),
            kept: AtomicU64::new(0),
            made: AtomicU64::new(0),
        }
    }

    /// Counts an answer.
    pub fn note(&self, place: Place, method: &Method, status: StatusCode, took: Duration) {
        let method = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        let status = STATUSES.iter().position(|known| *known == status.as_u16()).unwrap_or(STATUSES.len() - 1);
        let pair = usize::from(place.0) * METHODS.len() + method;
        if let (Some(answers), Some(times)) = (self.answers.get(pair * STATUSES.len() + status), self.times.get(pair)) {
            answers.fetch_add(1, Ordering::Relaxed);
            times.note_time(took);
        }
    }
}

impl Metrics {
    /// For the routes at these paths, whose places are counted from 1.
    pub fn new(paths: impl IntoIterator<Item = String>) -> Self {
        Self { routes: std::iter::once(NOWHERE.to_owned()).chain(paths).collect(), tallies: Mutex::default() }
    }

    /// Counters for one more worker.
    pub fn worker(&self) -> Arc<Tally> {
        let tally = Arc::new(Tally::new(self.routes.len()));
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).push(tally.clone());
        tally
    }

    /// The address that a place stands for, with its parameters.
    pub fn route(&self, place: Place) -> &str {
        self.routes.get(usize::from(place.0)).map_or(NOWHERE, String::as_str)
    }

    fn tallies(&self) -> Vec<Arc<Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The sum over all workers.
    pub fn sum(&self, of: impl Fn(&Tally) -> u64) -> u64 {
        self.tallies().iter().map(|tally| of(tally)).sum()
    }

    /// How many requests are under way.
    pub fn under_way(&self) -> i64 {
        self.tallies().iter().map(|tally| tally.under_way.load(Ordering::Relaxed)).sum()
    }

    /// What has been answered, route by route, without those that nobody has asked.
    pub fn lines(&self) -> Vec<Line<'_>> {
        let tallies = self.tallies();
        let pairs = self.routes.iter().flat_map(|route| METHODS.into_iter().map(move |method| (route.as_str(), method)));
        pairs.enumerate().filter_map(|(pair, (route, method))| line(&tallies, pair, route, method)).collect()
    }
}

fn line<'a>(tallies: &[Arc<Tally>], pair: usize, route: &'a str, method: &'static str) -> Option<Line<'a>> {
    let mut times = Histogram::new(MICROSECONDS).seen();
    tallies.iter().filter_map(|tally| tally.times.get(pair)).for_each(|more| times.add(&more.seen()));
    let count = |place: usize| -> u64 {
        let counts = tallies.iter().filter_map(|tally| tally.answers.get(pair * STATUSES.len() + place));
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    };
    let statuses = STATUSES.into_iter().enumerate().map(|(place, status)| (status, count(place)));
    let statuses = statuses.filter(|(_, count)| *count > 0).collect();
    (times.count() > 0).then_some(Line { route, method, statuses, times })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_count_for_themselves_and_are_added_up() {
        let metrics = Metrics::new(["/v1/articles".to_owned(), "/v1/tags".to_owned()]);
        let (one, other) = (metrics.worker(), metrics.worker());
        for tally in [&one, &one, &other] {
            tally.note(Place(2), &Method::GET, StatusCode::OK, Duration::from_micros(70));
        }
        other.note(Place(2), &Method::GET, StatusCode::IM_A_TEAPOT, Duration::from_secs(60));
        other.note(Place(0), &Method::PUT, StatusCode::NOT_FOUND, Duration::ZERO);
        other.note(Place(9), &Method::GET, StatusCode::OK, Duration::ZERO);
        let lines = metrics.lines();
        assert_eq!((lines[0].route, lines[0].method, lines[0].statuses.clone()), ("none", "other", vec![(404, 1)]));
        assert_eq!((lines[1].route, lines[1].method, lines[1].statuses.clone()), ("/v1/tags", "GET", vec![(200, 3), (0, 1)]));
        assert_eq!((lines.len(), lines[1].times.count(), lines[1].times.sum), (2, 4, 60_000_210));
    }
}
