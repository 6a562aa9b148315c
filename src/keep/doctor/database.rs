//! What is in the database, and whether it fits together.

use super::{Check, Findings};
use crate::config::{Config, DatabaseUrl};
use crate::domain::time::Moment;
use crate::http;
use crate::keep::progress::Show;
use crate::keep::{lock, sqlite_file};
use crate::store::{Conn, Error, examine, open_postgres, pending, search, soundness};

const RESTORE: &str = "restore a backup (`copydesk restore`); what is damaged is kept aside then";
/// What is due longer ago than this should have happened, in milliseconds.
const LONG_DUE: i64 = 60 * 1000;
/// A clock may be that much ahead, in milliseconds.
const AHEAD: i64 = 10 * 60 * 1000;

/// Looks at the database as far as it can be read.
pub(super) fn checks(config: &Config, now: Moment, show: Show) -> Vec<Check> {
    let mut checks = Vec::new();
    let opened = match &config.database_url {
        DatabaseUrl::Sqlite(path) => {
            let mut file = Findings::default();
            if path.exists() {
                if let Err(error) = sqlite_file::check(path, lock::is_in_use(path)) {
                    file.problem(error.to_string(), RESTORE);
                }
            } else {
                file.problem(format!("there is no database {}", path.display()), "start the server, which makes one, or restore a backup");
            }
            let is_there = file.is_empty();
            checks.push(file.of("file", "the database file and its write-ahead log"));
            if !is_there {
                return checks;
            }
            soundness::open_beside(path)
        }
        DatabaseUrl::Postgres(url) => open_postgres(url),
    };
    match opened {
        Err(error) => {
            let mut away = Findings::default();
            away.problem(error.to_string(), "see that the database runs, and that DATABASE_URL names it");
            checks.push(away.of("database", "the connection to the database"));
        }
        Ok(mut conn) => look_inside(&mut conn, now, show, &mut checks),
    }
    checks
}

fn look_inside(conn: &mut Conn, now: Moment, show: Show, checks: &mut Vec<Check>) {
    if matches!(conn, Conn::Sqlite(_)) {
        let mut structure = Findings::default();
        let progress = show.time("checking all pages of the database");
        asked(&mut structure, soundness::structure(conn), |found, lines| lines.iter().for_each(|line| found.problem(line, RESTORE)));
        checks.push(structure.of("integrity", "every page of the database, and every index against its table"));
        let mut dangling = Findings::default();
        asked(&mut dangling, soundness::dangling(conn), |found, lines| lines.iter().for_each(|line| found.problem(line, RESTORE)));
        checks.push(dangling.of("references", "every row that refers to another"));
        drop(progress);
    }
    let mut schema = Findings::default();
    let mut is_ours = false;
    match pending(conn) {
        Ok(missing) if missing.is_empty() => is_ours = true,
        Ok(missing) => schema.warning(
            format!("the schema is older than this program: {} is missing", missing.join(", ")),
            "run `copydesk migrate`, or start the server, which does it; the rows are looked at then",
        ),
        Err(error) => schema.problem(error.to_string(), "run the program that this database belongs to"),
    }
    checks.push(schema.of("schema", "the schema against this program's"));
    if is_ours {
        look_at_rows(conn, now, show, checks);
    }
}

fn look_at_rows(conn: &mut Conn, now: Moment, show: Show, checks: &mut Vec<Check>) {
    let _progress = show.time("checking the rows");
    for (name, about) in [
        ("slugs", "every slug that is borne, and who holds it"),
        ("live", "live copies against what is published"),
        ("counts", "numbers and lists that triggers keep"),
        ("history", "revisions, and what they are told by"),
        ("schedule", "what comes by itself"),
    ] {
        let mut found = Findings::default();
        for rule in examine::RULES.iter().filter(|rule| rule.about == name) {
            asked(&mut found, examine::breaches(conn, *rule), |found, breaches| {
                if breaches.count > 0 {
                    found.problem(format!("{} ({}: {})", rule.breach, breaches.count, breaches.some.join(", ")), rule.remedy);
                }
            });
        }
        match name {
            "live" => asked(&mut found, examine::finished_by_other_code(conn, http::FORM), |found, count| {
                if count > 0 {
                    found.warning(
                        format!("{count} live copies were finished by an older program"),
                        "run `copydesk migrate`, which finishes them anew",
                    );
                }
            }),
            "schedule" => look_at_schedules(conn, now, &mut found),
            _ => {}
        }
        checks.push(found.of(name, about));
    }
    let mut index = Findings::default();
    asked(&mut index, search::compare(conn), |found, difference| {
        let remedy = "run `copydesk reindex`, which makes the index anew beside the server";
        if !difference.wrong.is_empty() {
            let (count, some) = (difference.wrong.len(), difference.wrong[..difference.wrong.len().min(5)].join(", "));
            found.problem(format!("live stories are not found as they are ({count}: {some})"), remedy);
        }
        if difference.extra > 0 {
            found.problem(format!("the search index has {} entries of no live story", difference.extra), remedy);
        }
    });
    checks.push(index.of("search", "the search index against every live story, word by word"));
    let mut people = Findings::default();
    asked(&mut people, examine::administrators(conn), |found, count| {
        if count == 0 {
            found.warning("there is no administrator who can sign in", "add one: `copydesk user add EMAIL --role admin`");
        }
    });
    checks.push(people.of("people", "whether there is an administrator"));
    let mut clock = Findings::default();
    asked(&mut clock, examine::changed_after(conn, Moment::from_milliseconds(now.milliseconds() + AHEAD)), |found, count| {
        if count > 0 {
            found.warning(
                format!("{count} stories were changed later than it is now ({now})"),
                "set the machine's clock, by NTP at best; the dates of these stories are right again when they are saved",
            );
        }
    });
    checks.push(clock.of("clock", "the clock against what is stored"));
}

fn look_at_schedules(conn: &mut Conn, now: Moment, found: &mut Findings) {
    asked(found, examine::overdue(conn, Moment::from_milliseconds(now.milliseconds() - LONG_DUE)), |found, count| {
        if count > 0 {
            found.warning(format!("{count} schedules are overdue"), "start the server: it carries them out at the first read");
        }
    });
    asked(found, examine::failed(conn), |found, count| {
        if count > 0 {
            found.warning(
                format!("{count} schedules could not be carried out"),
                "see `GET /v1/schedule` for why, and schedule or publish these stories again",
            );
        }
    });
}

/// What was found, or that it could not be asked.
fn asked<T>(found: &mut Findings, answer: Result<T, Error>, tell: impl FnOnce(&mut Findings, T)) {
    match answer {
        Ok(answer) => tell(found, answer),
        Err(error) => found.problem(format!("this cannot be read: {error}"), RESTORE),
    }
}
