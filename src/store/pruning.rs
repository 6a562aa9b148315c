//! Lets revisions go that the retention does not keep. Others may be told by them: those are told anew first.

use super::conn::Conn;
use super::error::Error;
use super::history::{Chain, Packed};
use super::schema::revisions;
use crate::domain::revision::Prunable;
use diesel::prelude::*;

/// How many go with one write: more than one, so that a story catches up, but not so many that its writer waits.
const AT_ONCE: i64 = 16;
/// What is to go out later stays until then, and for good.
const SCHEDULED: &str = "schedule";

/// Removes the oldest of what may go. What the public has seen stays.
pub(super) fn prune(conn: &mut Conn, id: &str, prunable: Prunable) -> Result<(), Error> {
    let going: Vec<i64> = revisions::table
        .filter(revisions::article_id.eq(id).and(revisions::number.le(prunable.up_to)))
        .filter(revisions::created_at.le(prunable.latest.milliseconds()))
        .filter(revisions::published.eq(false).and(revisions::event.ne(SCHEDULED)))
        .order(revisions::number)
        .limit(AT_ONCE)
        .select(revisions::number)
        .load(conn)?;
    if going.is_empty() {
        return Ok(());
    }
    tell_anew(conn, id, &going)?;
    diesel::delete(revisions::table.filter(revisions::article_id.eq(id).and(revisions::number.eq_any(going)))).execute(conn)?;
    Ok(())
}

/// Each revision that is told by one that goes is told by the nearest that stays; where none does, the first of them is told whole, and the
/// others by it.
fn tell_anew(conn: &mut Conn, id: &str, going: &[i64]) -> Result<(), Error> {
    let orphans: Vec<i64> = revisions::table
        .filter(revisions::article_id.eq(id))
        .filter(revisions::base.eq_any(going).and(revisions::number.ne_all(going)))
        .order(revisions::number)
        .select(revisions::number)
        .load(conn)?;
    let mut whole = None;
    for number in orphans {
        let chain = Chain::up_to(conn, id, number)?;
        let content = chain.unpack(id)?;
        let mut base = chain.earlier(|earlier| !going.contains(&earlier));
        if let (None, Some(whole)) = (base.number(), whole) {
            base = Chain::up_to(conn, id, whole)?;
        }
        let packed = Packed::since(&base, id, &content)?;
        if packed.base.is_none() {
            whole = whole.or(Some(number));
        }
        diesel::update(revisions::table.find((id, number)))
            .set((revisions::base.eq(packed.base), revisions::steps.eq(packed.steps), revisions::content.eq(packed.content)))
            .execute(conn)?;
    }
    Ok(())
}
