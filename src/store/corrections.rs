//! Public corrections of stories. They show with the live copy, and are no part of it: publishing leaves them alone.

use super::conn::Conn;
use super::error::Error;
use super::schema::published_corrections as corrections;
use crate::domain::correction::CorrectionKind;
use crate::domain::time::Moment;
use diesel::prelude::*;

/// A correction as it is stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = corrections)]
pub struct CorrectionRow {
    pub id: String,
    pub kind: String,
    pub note: String,
    pub created_at: i64,
}

/// The corrections of a story, in the order in which they were made.
pub fn of(conn: &mut Conn, story: &str) -> Result<Vec<CorrectionRow>, Error> {
    let own = corrections::table.filter(corrections::article_id.eq(story));
    Ok(own.order(corrections::position).select(CorrectionRow::as_select()).load(conn)?)
}

/// Puts one after those that there are.
pub(super) fn insert(conn: &mut Conn, id: &str, story: &str, kind: CorrectionKind, note: &str, now: Moment) -> Result<(), Error> {
    let own = corrections::table.filter(corrections::article_id.eq(story));
    let last: Option<i64> = own.select(diesel::dsl::max(corrections::position)).first(conn)?;
    diesel::insert_into(corrections::table)
        .values((
            (corrections::id.eq(id), corrections::article_id.eq(story), corrections::position.eq(last.unwrap_or(0) + 1)),
            (corrections::kind.eq(kind.name()), corrections::note.eq(note), corrections::created_at.eq(now.milliseconds())),
        ))
        .execute(conn)?;
    Ok(())
}

/// Takes one back.
pub(super) fn delete(conn: &mut Conn, id: &str, story: &str) -> Result<(), Error> {
    let one = corrections::table.filter(corrections::id.eq(id).and(corrections::article_id.eq(story)));
    if diesel::delete(one).execute(conn)? == 1 { Ok(()) } else { Err(Error::NotFound("correction")) }
}
