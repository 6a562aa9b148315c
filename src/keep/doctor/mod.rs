//! What a look at everything finds, each with its remedy. Works beside a running server, and changes nothing.

mod database;
mod machine;

use super::progress::Show;
use crate::config::Config;
use crate::domain::time::Moment;
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something is wrong.
    Problem,
    /// Something may go wrong.
    Warning,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    pub what: String,
    pub remedy: String,
}

/// One of the things that were looked at, and what was found there: nothing, if all is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    /// What was looked at.
    pub about: &'static str,
    pub findings: Vec<Finding>,
}

/// All that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether there is no problem; there may be warnings.
    pub ok: bool,
    pub problems: usize,
    pub warnings: usize,
    pub checks: Vec<Check>,
}

/// Findings in the making.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn problem(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { level: Level::Problem, what: what.into(), remedy: remedy.into() });
    }

    fn warning(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { level: Level::Warning, what: what.into(), remedy: remedy.into() });
    }

    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(self, name: &'static str, about: &'static str) -> Check {
        Check { name, about, findings: self.0 }
    }
}

/// Looks at everything.
pub fn examine(config: &Config, now: Moment, show: Show) -> Report {
    let mut checks = database::checks(config, now, show);
    checks.extend(machine::checks(config, now, show));
    let count = |level: Level| checks.iter().flat_map(|check| &check.findings).filter(|finding| finding.level == level).count();
    let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
    Report { ok: problems == 0, problems, warnings, checks }
}

impl Report {
    /// For people: a line for each thing that was looked at, two for each that was found.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for Check { name, about, findings } in &self.checks {
            if findings.is_empty() {
                text.push_str(&format!("ok       {name:<10} {about}\n"));
            }
            for Finding { level, what, remedy } in findings {
                let level = if *level == Level::Problem { "PROBLEM" } else { "warning" };
                text.push_str(&format!("{level}  {name:<10} {what}\n                    → {remedy}\n"));
            }
        }
        text
    }
}
