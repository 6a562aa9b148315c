//! Backups that make themselves while the server runs, on a thread and a connection of their own.
//!
//! When the next one is due follows from the newest that is there, so that restarts neither lose nor repeat any, and of several nodes on one
//! PostgreSQL whoever is first makes it for all. What fails is logged as an error, told by the metrics, and tried again soon.

use super::destination::Destination;
use super::manifest::Manifest;
use super::progress::{Show, bytes};
use super::{Failure, backup};
use crate::config::Config;
use crate::domain::backup::Record;
use crate::domain::time::Moment;
use crate::http::Clock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

const HOUR: i64 = 60 * 60 * 1000;
/// How soon one that failed is tried again, in milliseconds.
const AGAIN: i64 = 10 * 60 * 1000;

/// The thread that makes them; it ends with this.
pub struct Scheduled {
    record: Record,
    _ends_with_this: Sender<()>,
}

/// Starts making backups, if the configuration says so.
pub fn start(config: &Config, clock: Clock) -> Result<Option<Scheduled>, Failure> {
    let Some(hours) = config.backup_every else { return Ok(None) };
    let to = Destination::of(config, None)?;
    let (ends, end) = channel();
    let record = Record::default();
    let timer = Timer { config: config.clone(), to, every: i64::from(hours) * HOUR, clock, record: record.clone() };
    std::thread::Builder::new().name("backup".into()).spawn(move || timer.run(&end))?;
    Ok(Some(Scheduled { record, _ends_with_this: ends }))
}

impl Scheduled {
    /// How they fare, from now on.
    pub fn record(&self) -> Record {
        self.record.clone()
    }
}

struct Timer {
    config: Config,
    to: Destination,
    /// Milliseconds.
    every: i64,
    clock: Clock,
    record: Record,
}

impl Timer {
    fn run(&self, end: &Receiver<()>) {
        let mut pause = 0;
        while end.recv_timeout(Duration::from_millis(pause)) == Err(RecvTimeoutError::Timeout) {
            let now = self.clock.now();
            let outcome = self.look(now);
            self.record.tried(outcome.is_err());
            let wait = match outcome {
                Ok(newest) => {
                    // A clock that was set back must not put the next one off for long.
                    (newest.milliseconds() + self.every - self.clock.now().milliseconds()).clamp(1000, self.every)
                }
                Err(Failure(why)) => {
                    tracing::error!(to = %self.to.name(), "the scheduled backup failed: {why}");
                    AGAIN.min(self.every)
                }
            };
            pause = u64::try_from(wait).unwrap_or_default();
        }
    }

    /// Makes a backup if one is due; when the newest one was made.
    fn look(&self, now: Moment) -> Result<Moment, Failure> {
        if let Some(newest) = self.to.newest()? {
            self.record.has(newest.made_at);
            if (0..self.every).contains(&(now.milliseconds() - newest.made_at.milliseconds())) {
                return Ok(newest.made_at);
            }
        }
        let began = Instant::now();
        let Manifest { file, bytes: size, made_at, .. } = backup::make(&self.config, &self.to, now, Show::Nothing)?;
        self.record.has(made_at);
        let went = self.to.rotate(self.config.backup_keep)?;
        let seconds = began.elapsed().as_secs();
        tracing::info!(backup.file = %file, backup.bytes = size, backup.seconds = seconds, "made the backup {file} ({}) in {seconds} s", bytes(size));
        if went > 0 {
            tracing::info!(files = went, "removed {went} files of old backups");
        }
        Ok(made_at)
    }
}
