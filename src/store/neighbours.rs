//! Which live stories stand beside a live story: the ones before and after it, and those about the same.

use super::conn::Conn;
use super::error::Error;
use super::live::{self, LiveCopy};
use super::page::{Filter, Order, Slice};
use super::schema::{published_article_authors, published_article_tags};
use diesel::prelude::*;
use std::collections::HashMap;

/// How many of the newest stories of each tag and author are looked at for `related`.
const CANDIDATES: i64 = 200;
/// A shared tag counts twice as much as a shared author.
const TAG_POINTS: u32 = 2;
const AUTHOR_POINTS: u32 = 1;

/// The stories published just before and just after a story.
pub struct Adjacent {
    pub previous: Option<LiveCopy>,
    pub next: Option<LiveCopy>,
}

/// The neighbours of a story by date; within its primary tag if asked for, and it has one.
pub fn adjacent(conn: &mut Conn, story: &LiveCopy, within_primary_tag: bool) -> Result<Adjacent, Error> {
    let primary = story.tags.first().filter(|_| within_primary_tag).map(|tag| vec![tag.id.clone()]);
    let filter = Filter { tags: primary, ..Filter::default() };
    let position = live::position(story, Order::Publication)?;
    let mut beside = |newer: bool| -> Result<Option<LiveCopy>, Error> {
        let slice = Slice { limit: 1, after: Some(position.clone()), backward: newer, count: false };
        Ok(live::list(conn, &filter, (Order::Publication, true), &slice, false)?.items.pop())
    };
    Ok(Adjacent { previous: beside(false)?, next: beside(true)? })
}

/// The stories that share most with a story, at most `limit`; of equals the newest first.
/// Bounded: only the newest `CANDIDATES` of each tag and author are looked at.
pub fn related(conn: &mut Conn, story: &LiveCopy, limit: usize) -> Result<Vec<LiveCopy>, Error> {
    use {published_article_authors as by, published_article_tags as under};
    let mut points: HashMap<String, (u32, i64)> = HashMap::new();
    let mut count = |rows: Vec<(String, i64)>, worth: u32| {
        for (id, published_at) in rows {
            points.entry(id).or_insert((0, published_at)).0 += worth;
        }
    };
    for tag in &story.tags {
        let newest = under::table
            .filter(under::tag_id.eq(&tag.id))
            .order((under::published_at.desc(), under::article_id.desc()))
            .select((under::article_id, under::published_at));
        count(newest.limit(CANDIDATES).load(conn)?, TAG_POINTS);
    }
    for author in &story.authors {
        let newest = by::table
            .filter(by::author_id.eq(&author.id))
            .order((by::published_at.desc(), by::article_id.desc()))
            .select((by::article_id, by::published_at));
        count(newest.limit(CANDIDATES).load(conn)?, AUTHOR_POINTS);
    }
    points.remove(&story.row.article_id);
    let mut ranked: Vec<(u32, i64, String)> = points.into_iter().map(|(id, (points, published_at))| (points, published_at, id)).collect();
    ranked.sort_unstable_by(|one, other| other.cmp(one));
    ranked.truncate(limit);
    let ids: Vec<String> = ranked.into_iter().map(|(.., id)| id).collect();
    live::by_ids(conn, &ids)
}
