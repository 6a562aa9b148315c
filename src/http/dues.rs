//! Carries out what is due before anybody is answered: the due moment is data, and no read at or after it shows what was before.
//!
//! Each process knows the next due moment. It is looked up again when the mark of the schedules moves (`store/marks.rs`), which on one
//! PostgreSQL the other nodes hear of, too.

use super::article_input::draft_again;
use super::articles::failure_of;
use super::finished;
use super::site::Worker;
use crate::domain::article::{State, Transition, step};
use crate::domain::audit::{Account, Means, Occasion};
use crate::domain::revision::Retention;
use crate::domain::schedule::Action;
use crate::domain::time::Moment;
use crate::store::articles::{self, Stamp};
use crate::store::marks::{Marks, Seen};
use crate::store::publishing::{self, Edition};
use crate::store::schedules::{self, ScheduleRow};
use crate::store::{Error, Write, history, links, users};
use std::sync::{Arc, PoisonError, RwLock};

/// How much is carried out in one transaction.
const AT_ONCE: i64 = 50;
/// How long nobody tries again after the database has refused, in milliseconds.
const PAUSE: i64 = 1000;

/// What a process knows of what is to come.
pub struct Dues {
    marks: Arc<Marks>,
    known: RwLock<Option<Known>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy)]
struct Known {
    seen: Seen,
    next: Moment,
}

/// Later than anything.
const NEVER: Moment = Moment::from_milliseconds(i64::MAX);

impl Dues {
    pub fn new(marks: Arc<Marks>) -> Self {
        Self { marks, known: RwLock::new(None), turn: tokio::sync::Mutex::default() }
    }

    /// The next due moment, if it is known; `NEVER` where there is none.
    fn next(&self) -> Option<Moment> {
        let known = *self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.filter(|known| self.marks.hold(&[known.seen])).map(|known| known.next)
    }

    /// How many milliseconds are left until something changes by itself; `i64::MAX` if nothing is to come.
    pub fn left(&self, now: Moment) -> i64 {
        self.next().filter(|next| *next != NEVER).map_or(i64::MAX, |next| (next.milliseconds() - now.milliseconds()).max(0))
    }

    /// Whether nothing is due at `now`, for sure.
    pub fn is_quiet(&self, now: Moment) -> bool {
        self.next().is_some_and(|next| now < next)
    }

    /// Carries out what is due; of several who want to, one does it and the others wait.
    pub async fn carry_out(&self, site: &Worker) {
        let _turn = self.turn.lock().await;
        while !self.is_quiet(site.now()) {
            if let Err(error) = self.some(site).await {
                tracing::error!(cause = %error, "what is scheduled could not be carried out; it is tried again");
                self.know(Moment::from_milliseconds(site.now().milliseconds() + PAUSE));
                return;
            }
        }
    }

    async fn some(&self, site: &Worker) -> Result<(), Error> {
        // Its mark first: what is scheduled while the next one is looked up moves it, and it is looked up again.
        let seen = self.marks.stand(schedules::NAME);
        let next = site.store.read(schedules::next).await?.unwrap_or(NEVER);
        let now = site.now();
        if now >= next {
            let retention = site.settings().retention;
            site.store.write(Occasion::of_system("carry_out_schedule", now), move |write| carry_out_due(write, now, retention)).await?;
        } else if let Some(seen) = seen {
            *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Known { seen, next });
        }
        Ok(())
    }

    fn know(&self, next: Moment) {
        if let Some(seen) = self.marks.stand(schedules::NAME) {
            *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Known { seen, next });
        }
    }
}

fn carry_out_due(write: &mut Write<'_>, now: Moment, retention: Retention) -> Result<(), Error> {
    write.note_idle();
    for row in schedules::due(write, now, AT_ONCE)? {
        let email = users::by_id(write, &row.created_by).ok().map(|user| user.email);
        write.acts(Account { id: row.created_by.clone(), email }, Means::Schedule(row.id.clone()));
        write.does(if row.action()? == Action::Publish { "publish_article" } else { "unpublish_article" });
        let failure = match write.attempt(|write| carry_out(write, &row, retention)) {
            Ok(()) => None,
            Err(Failure::Refused(why)) => Some(why),
            Err(Failure::Store(error)) if error.is_passing() || matches!(error, Error::Raced) => return Err(error),
            Err(Failure::Store(error)) => Some(failure_of(&error)),
        };
        if let Some(why) = &failure {
            tracing::warn!(article.id = row.article_id, why, "what was scheduled has failed");
            write.attempt(|write| back_to_draft(write, &row, retention))?;
            write.note_refusal("schedule_failed", Some(("article", &row.article_id)));
        }
        schedules::finish(write, &row, now, failure.as_deref())?;
    }
    Ok(())
}

enum Failure {
    /// One sentence for the newsroom.
    Refused(String),
    Store(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

fn stamp(row: &ScheduleRow, retention: Retention) -> Stamp {
    let note = Some("As scheduled.".to_owned());
    Stamp { user_id: row.created_by.clone(), now: Moment::from_milliseconds(row.due_at), note, retention }
}

fn carry_out(write: &mut Write<'_>, row: &ScheduleRow, retention: Retention) -> Result<(), Failure> {
    let (id, stamp) = (&row.article_id, stamp(row, retention));
    let current = articles::by_id(write, id)?;
    let before = current.row.state()?;
    let transition = if row.action()? == Action::Publish { Transition::Publish } else { Transition::Unpublish };
    // What was scheduled for a live story is a change, whatever the working copy holds by now.
    let after = step(State { has_unpublished_changes: true, ..before }, transition, stamp.now)
        .map_err(|refusal| Failure::Refused(format!("the story is {} by then", refusal.state.status.name())))?;
    if transition == Transition::Unpublish {
        return Ok(publishing::take_away(write, id, current.row.version, after, "unpublish", &stamp)?);
    }
    let (_, snapshot) = history::find(write, id, row.version)?;
    let author_ids = links::author_ids(write, &snapshot.author_ids)?.into_iter().flatten().collect();
    let tag_ids = links::tag_ids(write, &snapshot.tag_ids)?.into_iter().flatten().collect();
    let edition =
        Edition { version: row.version, slug: snapshot.slug, content: snapshot.content, author_ids: Vec::new(), tag_ids: Vec::new() };
    let draft = draft_again(edition, author_ids, tag_ids).map_err(|problem| Failure::Refused(problem.detail))?;
    let was = articles::with_content(write, current, draft)?;
    Ok(finished::publish_version(write, &was, row.version, after, &stamp)?)
}

/// A story that did not come out is a draft again, if it waited for nothing else.
fn back_to_draft(write: &mut Write<'_>, row: &ScheduleRow, retention: Retention) -> Result<(), Error> {
    let current = match articles::by_id(write, &row.article_id) {
        Err(Error::NotFound(_)) => return Ok(()),
        other => other?,
    };
    let before = current.row.state()?;
    match step(before, Transition::Unschedule, Moment::from_milliseconds(row.due_at)) {
        Ok(after) if after != before => {
            publishing::move_on(write, &row.article_id, current.row.version, after, None, "unschedule", &stamp(row, retention))
        }
        _ => Ok(()),
    }
}
