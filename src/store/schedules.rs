//! What comes by itself: kept as data, so that whoever reads first after its time carries it out, whatever ran in between.

use super::articles::Stamp;
use super::conn::{Conn, Write};
use super::error::Error;
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::{articles, schedules};
use crate::domain::schedule::{Action, Plan};
use crate::domain::time::Moment;
use diesel::connection::SimpleConnection;
use diesel::dsl::min;
use diesel::prelude::*;

/// The name whose mark moves when anything is scheduled, cancelled or done.
pub const NAME: &str = "schedules";

/// Something that is to happen, has failed, or has happened. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = schedules)]
pub struct ScheduleRow {
    pub id: String,
    pub article_id: String,
    pub action: String,
    pub due_at: i64,
    /// The revision that goes out.
    pub version: i64,
    pub failure: Option<String>,
    pub created_by: String,
    pub created_at: i64,
}

impl ScheduleRow {
    pub fn action(&self) -> Result<Action, Error> {
        Action::named(&self.action).ok_or_else(|| Error::Damaged(format!("schedule {}: action {}", self.id, self.action)))
    }
}

/// Puts a plan in the place of what waits for a story; `ids` are for its two rows.
pub fn replace(write: &mut Write<'_>, article: &str, version: i64, plan: Plan, ids: [&str; 2], stamp: &Stamp) -> Result<(), Error> {
    cancel(write, article, &[Action::Publish, Action::Unpublish])?;
    for (id, action, due_at) in [(ids[0], Action::Publish, plan.publish_at), (ids[1], Action::Unpublish, plan.unpublish_at)] {
        let Some(due_at) = due_at else { continue };
        diesel::insert_into(schedules::table)
            .values((
                (schedules::id.eq(id), schedules::article_id.eq(article), schedules::action.eq(action.name())),
                (schedules::due_at.eq(due_at.milliseconds()), schedules::version.eq(version)),
                (schedules::created_by.eq(&stamp.user_id), schedules::created_at.eq(stamp.now.milliseconds())),
            ))
            .execute(write.conn)?;
    }
    let milliseconds = |at: Option<Moment>| at.map(Moment::milliseconds);
    diesel::update(articles::table.find(article))
        .set((
            articles::publish_at.eq(milliseconds(plan.publish_at)),
            articles::unpublish_at.eq(milliseconds(plan.unpublish_at)),
            articles::embargo_until.eq(milliseconds(plan.embargo_until)),
        ))
        .execute(write.conn)?;
    write.touch(NAME);
    Ok(())
}

/// Cancels what waits for a story. What has failed is told no more, either.
pub fn cancel(write: &mut Write<'_>, article: &str, actions: &[Action]) -> Result<(), Error> {
    for action in actions {
        let of_story = schedules::article_id.eq(article).and(schedules::action.eq(action.name()));
        diesel::delete(schedules::table.filter(of_story).filter(schedules::done_at.is_null().or(schedules::failure.is_not_null())))
            .execute(write.conn)?;
        forget(write, article, *action)?;
    }
    write.touch(NAME);
    Ok(())
}

fn forget(conn: &mut Conn, article: &str, action: Action) -> Result<(), Error> {
    let story = diesel::update(articles::table.find(article));
    match action {
        Action::Publish => story.set(articles::publish_at.eq(None::<i64>)).execute(conn)?,
        Action::Unpublish => story.set(articles::unpublish_at.eq(None::<i64>)).execute(conn)?,
    };
    Ok(())
}

/// When the next thing is due.
pub fn next(conn: &mut Conn) -> Result<Option<Moment>, Error> {
    let next: Option<i64> = schedules::table.filter(schedules::done_at.is_null()).select(min(schedules::due_at)).first(conn)?;
    Ok(next.map(Moment::from_milliseconds))
}

/// What is due at `now` and has not happened, the earliest first. Of several nodes on one PostgreSQL one at a time gets it.
pub fn due(conn: &mut Conn, now: Moment, limit: i64) -> Result<Vec<ScheduleRow>, Error> {
    if let Conn::Postgres(postgres) = conn {
        postgres.batch_execute("SELECT pg_advisory_xact_lock(26793379)")?;
    }
    let waiting = schedules::done_at.is_null().and(schedules::due_at.le(now.milliseconds()));
    let query = schedules::table.filter(waiting).order((schedules::due_at, schedules::id)).limit(limit);
    Ok(query.select(ScheduleRow::as_select()).load(conn)?)
}

/// Notes that it has happened, or why it could not.
pub fn finish(write: &mut Write<'_>, row: &ScheduleRow, now: Moment, failure: Option<&str>) -> Result<(), Error> {
    diesel::update(schedules::table.find(&row.id))
        .set((schedules::done_at.eq(now.milliseconds()), schedules::failure.eq(failure)))
        .execute(write.conn)?;
    forget(write, &row.article_id, row.action()?)?;
    write.touch(NAME);
    Ok(())
}

/// One of them with its story's slug and title.
pub type Listed = (ScheduleRow, (String, String));

/// A page of what waits and what has failed, by its time.
pub fn list(conn: &mut Conn, slice: &Slice) -> Result<Page<Listed>, Error> {
    let after = slice.after.as_ref();
    let shown = || schedules::table.filter(schedules::done_at.is_null().or(schedules::failure.is_not_null()));
    let query = shown().inner_join(articles::table).into_boxed();
    let query = if slice.walks_down(false) {
        walk!(query, after, schedules::due_at, schedules::id, number, descending)
    } else {
        walk!(query, after, schedules::due_at, schedules::id, number, ascending)
    };
    let rows = query.limit(slice.rows()).select((ScheduleRow::as_select(), (articles::slug, articles::title))).load(conn)?;
    let total = if slice.count { Some(shown().count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

/// Where one stands in that list.
pub fn position(row: &ScheduleRow) -> Position {
    Position { key: Key::Number(row.due_at), id: row.id.clone() }
}
