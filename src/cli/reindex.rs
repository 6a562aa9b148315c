//! `copydesk reindex`: makes the search index anew, beside a running server.

use super::{Stop, claim, migrated, open};
use crate::config::Config;
use crate::store::search::{self, Progress, Step};

/// After how many stories, names or words a line tells where it is.
const TOLD: u64 = 10_000;
/// How often one part is tried.
const TRIES: usize = 5;

/// Rebuilds the index in small transactions. What is found meanwhile is what was found before, until what comes in its place is there.
pub fn reindex(config: &Config) -> Result<(), Stop> {
    let _shared = claim(config)?;
    let mut conn = open(config)?;
    migrated(config, &mut conn, true)?;
    let mut next = Some(Progress::begin());
    let mut told = 0;
    while let Some(progress) = next {
        let (step, done) = (progress.step, progress.done);
        let mut outcome = search::rebuild(&mut conn, progress.clone());
        // Where it met the server at the same story it has done nothing, and tries again.
        for _ in 1..TRIES {
            if outcome.is_err() {
                outcome = search::rebuild(&mut conn, progress.clone());
            }
        }
        next = outcome?;
        let is_over = next.as_ref().is_none_or(|next| next.step != step);
        if is_over {
            println!("{}: {done}.", name(step));
            told = 0;
        } else if done >= told + TOLD {
            told = done;
            println!("{}: {done} so far…", name(step));
        }
    }
    println!("The search index is rebuilt.");
    Ok(())
}

const fn name(step: Step) -> &'static str {
    match step {
        Step::Names => "Names of authors and tags",
        Step::Live => "Live stories",
        Step::Working => "Working copies",
        Step::Words => "Words for suggestions",
    }
}
