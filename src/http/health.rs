//! Whether this process can do its work: `/readyz`. What has been found out is good for a second, however many ask.

use super::site::Worker;
use crate::domain::time::Moment;
use crate::store::{Error, missing_here, schedules};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a report is good.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);
/// Below this a disk is nearly full.
const LITTLE: u64 = 256 * 1024 * 1024;
/// What is due is carried out within seconds; later than this, something is in the way. In seconds.
const LATE: i64 = 30;

/// What was found out last.
#[derive(Default)]
pub struct Health(Mutex<Option<(Instant, Arc<Report>)>>);

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// Requests can be answered, but somebody should look.
    Warning,
    Failed,
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    status: &'static str,
    checks: Checks,
}

#[derive(Clone, Debug, Serialize)]
struct Checks {
    database: Check,
    writes: Check,
    migrations: Check,
    disk: Disk,
    schedule: Schedule,
}

#[derive(Clone, Debug, Serialize)]
struct Check {
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Disk {
    state: State,
    /// None where the database is not on a disk of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
struct Schedule {
    state: State,
    lag_seconds: i64,
}

impl Report {
    pub fn is_ready(&self) -> bool {
        self.status == "ready"
    }

    pub fn database_answers(&self) -> bool {
        self.checks.database.state == State::Ok
    }

    pub const fn lag_seconds(&self) -> i64 {
        self.checks.schedule.lag_seconds
    }

    pub const fn disk_free(&self) -> Option<u64> {
        self.checks.disk.free_bytes
    }

    /// The same for a process that is about to end.
    pub fn while_draining(&self) -> Self {
        Self { status: "draining", ..self.clone() }
    }
}

impl Check {
    fn ok() -> Self {
        Self { state: State::Ok, detail: None }
    }

    fn of(state: State, detail: impl Into<String>) -> Self {
        Self { state, detail: Some(detail.into()) }
    }
}

impl Health {
    /// How things are, or were within the last second. Of many who ask at once one finds out for all.
    pub async fn report(&self, site: &Worker) -> Arc<Report> {
        let mut known = self.0.lock().await;
        if let Some((_, report)) = known.as_ref().filter(|(at, _)| at.elapsed() < GOOD_FOR) {
            return report.clone();
        }
        let report = Arc::new(find_out(site).await);
        *known = Some((Instant::now(), report.clone()));
        report
    }
}

async fn find_out(site: &Worker) -> Report {
    // Both in one read, so that a check costs the database one.
    let asked = site.store.read(|conn| Ok::<_, Error>((missing_here(conn)?, schedules::next(conn)?)));
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    let (database, migrations, next) = match answer {
        Ok(Ok((missing, next))) if missing.is_empty() => (Check::ok(), Check::ok(), next),
        Ok(Ok((missing, next))) => (Check::ok(), Check::of(State::Failed, format!("missing: {}", missing.join(", "))), next),
        Ok(Err(error)) => {
            tracing::warn!(cause = %error, "the database does not answer as it should");
            (Check::of(State::Failed, "the database does not answer; the log says why"), Check::of(State::Warning, "not known"), None)
        }
        Err(_late) => (Check::of(State::Failed, "the database takes too long to answer"), Check::of(State::Warning, "not known"), None),
    };
    let failing = site.store.shared().counts().failing.load(std::sync::atomic::Ordering::Relaxed);
    let writes = if failing { Check::of(State::Warning, "the last commit failed; the log says why") } else { Check::ok() };
    let has_failed = [&database, &migrations].iter().any(|check| check.state == State::Failed);
    let checks = Checks { database, writes, migrations, disk: disk(site), schedule: schedule(next, site.now()) };
    Report { status: if has_failed { "failing" } else { "ready" }, checks }
}

fn disk(site: &Worker) -> Disk {
    let Some(folder) = site.store.shared().folder() else { return Disk { state: State::Ok, free_bytes: None } };
    let folder = if folder.as_os_str().is_empty() { std::path::Path::new(".") } else { folder };
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            Disk { state: if free < LITTLE { State::Warning } else { State::Ok }, free_bytes: Some(free) }
        }
        Err(_) => Disk { state: State::Warning, free_bytes: None },
    }
}

fn schedule(next: Option<Moment>, now: Moment) -> Schedule {
    let lag_seconds = next.map_or(0, |next| (now.milliseconds() - next.milliseconds()).max(0) / 1000);
    Schedule { state: if lag_seconds > LATE { State::Warning } else { State::Ok }, lag_seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_for_long_is_a_warning_and_what_is_to_come_is_none() {
        let at = |seconds: i64| Moment::from_milliseconds(seconds * 1000);
        let state = |next: Option<Moment>| (schedule(next, at(1000)).lag_seconds, schedule(next, at(1000)).state);
        assert_eq!(state(None), (0, State::Ok));
        assert_eq!(state(Some(at(2000))), (0, State::Ok));
        assert_eq!(state(Some(at(998))), (2, State::Ok));
        assert_eq!(state(Some(at(900))), (100, State::Warning));
    }
}
