//! How far something is that takes longer than a second: a bar on a terminal, now and then a line elsewhere; always on stderr.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Nothing is shown of what takes no longer.
const SHORT: Duration = Duration::from_secs(1);
const ON_A_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(10);
const WIDTH: u64 = 30;

/// Whether anybody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    Progress,
    Nothing,
}

/// Something under way; it is over when this is dropped.
pub struct Progress {
    done: Arc<AtomicU64>,
    over: Option<Sender<()>>,
    teller: Option<JoinHandle<()>>,
}

/// What is counted.
enum Measure {
    Rows(Arc<AtomicU64>),
    /// The size of a file that grows.
    File(PathBuf),
    Nothing,
}

struct Task {
    label: String,
    measure: Measure,
    total: u64,
}

impl Show {
    /// Rows, of so many.
    pub fn rows(self, label: impl Into<String>, total: u64) -> Progress {
        let done = Arc::<AtomicU64>::default();
        self.start(done.clone(), Task { label: label.into(), measure: Measure::Rows(done), total })
    }

    /// A file that grows to about so many bytes.
    pub fn file(self, label: impl Into<String>, path: PathBuf, total: u64) -> Progress {
        self.start(Arc::default(), Task { label: label.into(), measure: Measure::File(path), total })
    }

    /// What cannot be measured: the time that it has taken so far.
    pub fn time(self, label: impl Into<String>) -> Progress {
        self.start(Arc::default(), Task { label: label.into(), measure: Measure::Nothing, total: 0 })
    }

    fn start(self, done: Arc<AtomicU64>, task: Task) -> Progress {
        if self == Self::Nothing {
            return Progress { done, over: None, teller: None };
        }
        let (over, end) = channel();
        let teller = std::thread::Builder::new().name("progress".into()).spawn(move || {
            let is_terminal = std::io::stderr().is_terminal();
            let began = Instant::now();
            let mut pause = SHORT;
            while end.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let line = task.line(began.elapsed());
                pause = if is_terminal { ON_A_TERMINAL } else { ELSEWHERE };
                tell(&if is_terminal { format!("\r\x1b[K{line}") } else { format!("{line}\n") });
            }
            if is_terminal && began.elapsed() >= SHORT {
                tell("\r\x1b[K");
            }
        });
        // Without a thread for it the work goes on unseen.
        Progress { done, over: Some(over), teller: teller.ok() }
    }
}

impl Progress {
    pub fn add(&self, rows: u64) {
        self.done.fetch_add(rows, Ordering::Relaxed);
    }

    pub fn is_at(&self, rows: u64) {
        self.done.store(rows, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over = None;
        if let Some(teller) = self.teller.take() {
            // It ends at once, and has nothing to say about how.
            let _ended = teller.join();
        }
    }
}

impl Task {
    fn line(&self, elapsed: Duration) -> String {
        let Self { label, measure, total } = self;
        let seconds = elapsed.as_secs();
        let (done, unit): (u64, fn(u64) -> String) = match measure {
            Measure::Nothing => return format!("{label}: {seconds} s"),
            Measure::Rows(done) => (done.load(Ordering::Relaxed), |rows| format!("{rows} rows")),
            Measure::File(path) => (std::fs::metadata(path).map_or(0, |file| file.len()), bytes),
        };
        let total = (*total).max(done).max(1);
        let full = usize::try_from(done.saturating_mul(WIDTH) / total).unwrap_or_default();
        let bar: String = (0..WIDTH as usize).map(|place| if place < full { '#' } else { '.' }).collect();
        format!("{label}: [{bar}] {} % of {}, {seconds} s", done.saturating_mul(100) / total, unit(total))
    }
}

/// A size for people.
pub fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (count, 0);
    let mut tenths = 0;
    while size >= 1000 && unit + 1 < units.len() {
        tenths = size % 1000 / 100;
        size /= 1000;
        unit += 1;
    }
    if unit == 0 || size >= 100 { format!("{size} {}", units[unit]) } else { format!("{size}.{tenths} {}", units[unit]) }
}

fn tell(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // Whoever closed stderr does not want to know.
    let _unheard = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_it_is_and_a_size_is_short() {
        let done = Arc::new(AtomicU64::new(50));
        let mut task = Task { label: "export".into(), measure: Measure::Rows(done.clone()), total: 200 };
        assert_eq!(task.line(Duration::from_secs(3)), "export: [#######.......................] 25 % of 200 rows, 3 s");
        done.store(300, Ordering::Relaxed);
        assert!(task.line(Duration::ZERO).contains("100 % of 300 rows"), "more than was expected is no more than all");
        task.measure = Measure::Nothing;
        assert_eq!(task.line(Duration::from_secs(61)), "export: 61 s");
        let sizes = [0, 999, 1000, 1234, 99_950, 123_456, 2_500_000_000].map(bytes);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "1.2 kB", "99.9 kB", "123 kB", "2.5 GB"]);
    }
}
