//! What the store counts of its own work, for whoever watches it: numbers that any thread may add to, without a lock.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Microseconds, from what a kept answer takes to what nobody should wait for.
pub const MICROSECONDS: &[u64] = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
];
/// How many writes shared a commit.
const WRITES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128];

/// How often which value was seen, by bounds.
pub struct Histogram {
    bounds: &'static [u64],
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram has seen up to now: the counts between its bounds, the last above all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub bounds: &'static [u64],
    pub counts: Vec<u64>,
    pub sum: u64,
}

impl Histogram {
    pub fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub fn note(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub fn note_time(&self, took: Duration) {
        self.note(microseconds(took));
    }

    pub fn seen(&self) -> Seen {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        Seen { bounds: self.bounds, counts, sum: self.sum.load(Ordering::Relaxed) }
    }
}

impl Seen {
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds what another has seen, which has the same bounds.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum += other.sum;
    }
}

pub fn microseconds(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// The counts of a process.
pub struct Counts {
    /// How long each write took, from asking for it to its answer.
    pub writes: Histogram,
    /// How long each COMMIT of SQLite took, which is mostly the disk's time.
    pub commits: Histogram,
    /// How many writes each commit of SQLite had in it.
    pub batches: Histogram,
    /// Commits that failed: nothing of them is counted above.
    pub failures: AtomicU64,
    /// Whether the last commit failed.
    pub failing: AtomicBool,
    /// Writes that were told to come back because too many were waiting.
    pub refused_full: AtomicU64,
    /// Writes that waited too long for their turn, and were not begun.
    pub refused_late: AtomicU64,
    /// Writes that were begun anew because another stood in their way.
    pub retries: AtomicU64,
    /// How many writes wait for their turn now.
    pub waiting: AtomicI64,
}

impl Default for Counts {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            writes: Histogram::new(MICROSECONDS),
            commits: Histogram::new(MICROSECONDS),
            batches: Histogram::new(WRITES),
            failures: zero(),
            failing: AtomicBool::new(false),
            refused_full: zero(),
            refused_late: zero(),
            retries: zero(),
            waiting: AtomicI64::new(0),
        }
    }
}

impl Counts {
    /// A commit is on disk, or is not.
    pub fn note_commit(&self, committed: bool) {
        self.failing.store(!committed, Ordering::Relaxed);
        if !committed {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_below_the_first_bound_that_it_does_not_exceed() {
        let histogram = Histogram::new(&[1, 2, 4]);
        for value in [0, 1, 2, 3, 4, 5, 100] {
            histogram.note(value);
        }
        let mut seen = histogram.seen();
        assert_eq!((seen.counts.clone(), seen.sum, seen.count()), (vec![2, 1, 2, 2], 115, 7));
        seen.add(&histogram.seen());
        assert_eq!((seen.counts, seen.sum), (vec![4, 2, 4, 4], 230));
    }
}
