//! Who says that they are at a story. Rows outlive their time until somebody takes the place: whether one holds is for the clock to say.

use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::schema::{article_locks as locks, users};
use crate::domain::lock::Lock;
use crate::domain::time::Moment;
use diesel::prelude::*;
use std::collections::HashMap;

/// The last lock of each of those stories, by the story's id; it may have ended.
pub fn of(conn: &mut Conn, stories: &[String]) -> Result<HashMap<String, Lock>, Error> {
    let rows = locks::table.inner_join(users::table).select((locks::article_id, locks::user_id, users::name, locks::locked_until));
    let rows: Vec<(String, String, String, i64)> = match stories {
        [story] => rows.filter(locks::article_id.eq(story)).load(conn)?,
        _ => rows.filter(locks::article_id.eq_any(stories)).load(conn)?,
    };
    let lock = |(story, user_id, name, until)| (story, Lock { user_id, name, until: Moment::from_milliseconds(until) });
    Ok(rows.into_iter().map(lock).collect())
}

/// Puts a lock in the place of the one that is there. The caller has taken their turn at the story.
pub fn put(write: &mut Write<'_>, story: &str, user_id: &str, until: Moment) -> Result<(), Error> {
    delete(write, story)?;
    diesel::insert_into(locks::table)
        .values((locks::article_id.eq(story), locks::user_id.eq(user_id), locks::locked_until.eq(until.milliseconds())))
        .execute(write.conn)
        .or_raced()?;
    Ok(())
}

/// Takes the lock away, if there is one.
pub fn delete(write: &mut Write<'_>, story: &str) -> Result<(), Error> {
    write.note("article", story);
    diesel::delete(locks::table.find(story)).execute(write.conn)?;
    Ok(())
}
