//! The notices that stand where killed stories were: what the public is told, and what a story comes back with.

use super::conn::Conn;
use super::error::{Error, Expect};
use super::schema::{
    published_kill_authors as by, published_kill_slugs as kill_slugs, published_kill_tags as under, published_kills as kills,
};
use crate::domain::id;
use crate::domain::time::Moment;
use diesel::prelude::*;
use std::collections::HashMap;

/// What is told about a killed story.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = kills)]
pub struct KillRow {
    pub reason: String,
    pub killed_at: i64,
}

/// What a killed story comes back with.
pub(super) struct Kept {
    /// The revision that was live.
    pub version: i64,
    pub author_ids: Vec<String>,
    pub tag_ids: Vec<String>,
}

/// Why the public finds nothing under a key: what was there was killed, or there was nothing that the public knew.
pub fn why_missing(conn: &mut Conn, key: &str) -> Result<Error, Error> {
    let named: Option<String> = if id::looks_like_one(key) {
        Some(key.to_ascii_lowercase())
    } else {
        kill_slugs::table.find(key).select(kill_slugs::article_id).first(conn).optional()?
    };
    let Some(id) = named else { return Ok(Error::NotFound("article")) };
    let kill: Option<KillRow> = kills::table.find(id).select(KillRow::as_select()).first(conn).optional()?;
    Ok(kill.map_or(Error::NotFound("article"), |kill| Error::Gone { reason: kill.reason, since: kill.killed_at }))
}

/// The notices of those stories that have one, by the story's id.
pub fn of(conn: &mut Conn, stories: &[String]) -> Result<HashMap<String, KillRow>, Error> {
    let rows: Vec<(String, KillRow)> =
        kills::table.filter(kills::article_id.eq_any(stories)).select((kills::article_id, KillRow::as_select())).load(conn)?;
    Ok(rows.into_iter().collect())
}

/// What a story comes back with, if it was killed.
pub(super) fn kept(conn: &mut Conn, story: &str) -> Result<Option<Kept>, Error> {
    let version: Option<i64> = kills::table.find(story).select(kills::version).first(conn).optional()?;
    let Some(version) = version else { return Ok(None) };
    let author_ids = by::table.filter(by::article_id.eq(story)).order(by::position).select(by::author_id).load(conn)?;
    let tag_ids = under::table.filter(under::article_id.eq(story)).order(under::position).select(under::tag_id).load(conn)?;
    Ok(Some(Kept { version, author_ids, tag_ids }))
}

/// Puts a notice where a story was, under all of its public slugs.
pub(super) fn insert(conn: &mut Conn, story: &str, reason: &str, now: Moment, kept: &Kept, slugs: &[String]) -> Result<(), Error> {
    diesel::insert_into(kills::table)
        .values((
            (kills::article_id.eq(story), kills::reason.eq(reason)),
            (kills::killed_at.eq(now.milliseconds()), kills::version.eq(kept.version)),
        ))
        .execute(conn)?;
    for (position, author) in (0_i64..).zip(&kept.author_ids) {
        let link = (by::article_id.eq(story), by::position.eq(position), by::author_id.eq(author));
        diesel::insert_into(by::table).values(link).execute(conn).or_raced()?;
    }
    for (position, tag) in (0_i64..).zip(&kept.tag_ids) {
        let link = (under::article_id.eq(story), under::position.eq(position), under::tag_id.eq(tag));
        diesel::insert_into(under::table).values(link).execute(conn).or_raced()?;
    }
    for slug in slugs {
        // A slug that an earlier one held and gave away answers for the later one.
        diesel::delete(kill_slugs::table.find(slug)).execute(conn)?;
        diesel::insert_into(kill_slugs::table).values((kill_slugs::slug.eq(slug), kill_slugs::article_id.eq(story))).execute(conn)?;
    }
    Ok(())
}

/// Takes the notice away, if there is one.
pub(super) fn delete(conn: &mut Conn, story: &str) -> Result<(), Error> {
    diesel::delete(kills::table.find(story)).execute(conn)?;
    Ok(())
}

/// The killed stories that come back with an author.
pub(super) fn with_author(conn: &mut Conn, id: &str) -> Result<Vec<String>, Error> {
    Ok(by::table.filter(by::author_id.eq(id)).select(by::article_id).load(conn)?)
}

/// The killed stories that come back with a tag.
pub(super) fn with_tag(conn: &mut Conn, id: &str) -> Result<Vec<String>, Error> {
    Ok(under::table.filter(under::tag_id.eq(id)).select(under::article_id).load(conn)?)
}

/// Puts one author in another's place; where both are named `from` just goes.
pub(super) fn reassign_author(conn: &mut Conn, from: &str, to: &str) -> Result<(), Error> {
    let both = with_author(conn, to)?;
    diesel::delete(by::table.filter(by::author_id.eq(from).and(by::article_id.eq_any(both)))).execute(conn)?;
    diesel::update(by::table.filter(by::author_id.eq(from))).set(by::author_id.eq(to)).execute(conn)?;
    Ok(())
}

/// Puts one tag in another's place; where both are named `from` just goes.
pub(super) fn reassign_tag(conn: &mut Conn, from: &str, to: &str) -> Result<(), Error> {
    let both = with_tag(conn, to)?;
    diesel::delete(under::table.filter(under::tag_id.eq(from).and(under::article_id.eq_any(both)))).execute(conn)?;
    diesel::update(under::table.filter(under::tag_id.eq(from))).set(under::tag_id.eq(to)).execute(conn)?;
    Ok(())
}
