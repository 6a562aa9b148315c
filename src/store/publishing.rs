//! The steps between working and live: the only statements that touch both copies of a story.

use super::articles::{Stamp, WorkingCopy, document, note_revision, won};
use super::conn::{Conn, Write};
use super::corrections;
use super::error::{Error, Expect};
use super::history;
use super::kills::{self, Kept};
use super::schema::{
    article_slugs, articles, published_article_authors, published_article_tags, published_articles, published_contents, published_slugs,
};
use super::search;
use crate::domain::article::{Content, State};
use crate::domain::correction::CorrectionKind;
use crate::domain::revision::Snapshot;
use crate::domain::time::Moment;
use diesel::prelude::*;

/// What the live view shows of a story, finished: JSON as it goes out. `http/finished.rs` makes it, the store keeps it.
#[derive(Clone, Debug)]
pub struct Finished {
    /// All members but the body, the authors, the tags and the address.
    pub summary: String,
    pub html: String,
    pub markdown: String,
    pub text: String,
    pub blocks: String,
    pub corrections: String,
    /// Which version of the code has finished it.
    pub form: i64,
}

/// Copies working → live and notes the new state.
pub fn publish(write: &mut Write<'_>, current: &WorkingCopy, state: State, finished: &Finished, stamp: &Stamp) -> Result<(), Error> {
    let (id, seen) = (&current.row.id, current.row.version);
    set_state(write, id, seen, state, None, stamp)?;
    take_down(write, id)?;
    put(write, current, seen + 1, state, finished, stamp.now)?;
    note_links(write, id)?;
    note_revision(write, id, seen + 1, "publish", stamp)
}

/// Publishes a story as it was at an earlier version. Where the working copy has moved on since, it stays as it is, as a version of its own
/// after the published one.
pub fn publish_version(
    write: &mut Write<'_>,
    (was, version): (&WorkingCopy, i64),
    state: State,
    finished: &Finished,
    stamp: &Stamp,
) -> Result<(), Error> {
    let (id, seen) = (&was.row.id, was.row.version);
    let (_, published) = history::find(write, id, version)?;
    let (_, working) = history::find(write, id, seen)?;
    let moved_on = published != working;
    set_state(write, id, seen, State { has_unpublished_changes: moved_on, ..state }, None, stamp)?;
    take_down(write, id)?;
    put(write, was, seen + 1, state, finished, stamp.now)?;
    note_links(write, id)?;
    if !moved_on {
        return note_revision(write, id, seen + 1, "publish", stamp);
    }
    let content = serde_json::to_vec(&published).map_err(|error| Error::Damaged(error.to_string()))?;
    history::append(write, id, seen + 1, "publish", &content, stamp)?;
    diesel::update(articles::table.find(id)).set(articles::version.eq(seen + 2)).execute(write.conn)?;
    note_revision(write, id, seen + 2, "edit", stamp)
}

/// Takes the live copy, or the notice in its place, away and notes the new state; dates and history stay.
pub fn take_away(write: &mut Write<'_>, id: &str, seen: i64, state: State, event: &str, stamp: &Stamp) -> Result<(), Error> {
    set_state(write, id, seen, state, None, stamp)?;
    take_down(write, id)?;
    kills::delete(write, id)?;
    note_revision(write, id, seen + 1, event, stamp)
}

/// Notes a new state that changes neither copy. Only a story in review has an assignee.
pub fn move_on(
    write: &mut Write<'_>,
    id: &str,
    seen: i64,
    state: State,
    assignee: Option<&str>,
    event: &str,
    stamp: &Stamp,
) -> Result<(), Error> {
    set_state(write, id, seen, state, assignee, stamp)?;
    note_revision(write, id, seen + 1, event, stamp)
}

/// Puts a notice in the place of the live copy.
pub fn kill(write: &mut Write<'_>, id: &str, seen: i64, state: State, reason: &str, stamp: &Stamp) -> Result<(), Error> {
    set_state(write, id, seen, state, None, stamp)?;
    let kept = live_edition(write, id)?.ok_or_else(|| Error::Damaged(format!("article {id} is published and has no live copy")))?;
    let slugs: Vec<String> =
        published_slugs::table.filter(published_slugs::article_id.eq(id)).select(published_slugs::slug).load(write.conn)?;
    take_down(write, id)?;
    kills::insert(write, id, reason, stamp.now, &kept, &slugs)?;
    note_revision(write, id, seen + 1, "kill", stamp)
}

/// Puts a killed story's live copy back in the place of its notice. `was` is the story as it was at the version that was live.
pub fn unkill(
    write: &mut Write<'_>,
    was: &WorkingCopy,
    version: i64,
    state: State,
    finished: &Finished,
    stamp: &Stamp,
) -> Result<(), Error> {
    let (id, seen) = (&was.row.id, was.row.version);
    set_state(write, id, seen, state, None, stamp)?;
    kills::delete(write, id)?;
    put(write, was, version, state, finished, stamp.now)?;
    note_links(write, id)?;
    note_revision(write, id, seen + 1, "unkill", stamp)
}

/// Adds a public correction to a live story, or takes one back; both copies stay as they are.
pub fn correct(write: &mut Write<'_>, id: &str, seen: i64, correction: &Correction<'_>, stamp: &Stamp) -> Result<(), Error> {
    let now = stamp.now.milliseconds();
    let changed = diesel::update(articles::table.filter(articles::id.eq(id).and(articles::version.eq(seen))))
        .set((articles::version.eq(seen + 1), articles::updated_by.eq(&stamp.user_id), articles::updated_at.eq(now)))
        .execute(write.conn)?;
    won(changed)?;
    let event = match *correction {
        Correction::Made { id: correction, kind, note } => {
            corrections::insert(write, correction, id, kind, note, stamp.now)?;
            "correct"
        }
        Correction::Retracted { id: correction } => {
            corrections::delete(write, correction, id)?;
            "retract"
        }
    };
    note_revision(write, id, seen + 1, event, stamp)
}

/// Puts the finished corrections in the place of those that the live copy has, if there is one.
pub fn recorrect(write: &mut Write<'_>, id: &str, finished: &str, stamp: &Stamp) -> Result<(), Error> {
    let live = || published_articles::table.filter(published_articles::article_id.eq(id));
    diesel::update(live()).set(published_articles::changed_at.eq(stamp.now.milliseconds())).execute(write.conn)?;
    diesel::update(published_contents::table.filter(published_contents::place.eq_any(live().select(published_articles::place))))
        .set(published_contents::corrections.eq(finished))
        .execute(write.conn)?;
    write.touch(format!("article-{id}"));
    Ok(())
}

/// What happens to a correction.
pub enum Correction<'a> {
    Made { id: &'a str, kind: CorrectionKind, note: &'a str },
    Retracted { id: &'a str },
}

/// What the public reads of a story, or read when it was killed, as editors wrote it.
pub struct Edition {
    /// The revision that was published.
    pub version: i64,
    pub slug: String,
    pub content: Content,
    /// In order; some may be gone since.
    pub author_ids: Vec<String>,
    /// In order; some may be gone since.
    pub tag_ids: Vec<String>,
}

/// The edition of a story whose status is published, killed or not.
pub fn edition(conn: &mut Conn, id: &str) -> Result<Edition, Error> {
    let kept = match live_edition(conn, id)? {
        Some(live) => Some(live),
        None => kills::kept(conn, id)?,
    };
    let missing = || Error::Damaged(format!("article {id} is published and has no live copy"));
    let Kept { version, author_ids, tag_ids } = kept.ok_or_else(missing)?;
    let Snapshot { slug, content, .. } = history::find(conn, id, version)?.1;
    Ok(Edition { version, slug, content, author_ids, tag_ids })
}

/// Which edition is live, if one is.
fn live_edition(conn: &mut Conn, id: &str) -> Result<Option<Kept>, Error> {
    use published_articles as live;
    let row: Option<(i64, String, String)> =
        live::table.filter(live::article_id.eq(id)).select((live::version, live::author_ids, live::tag_ids)).first(conn).optional()?;
    let ids = |ids: &str| ids.split_ascii_whitespace().map(str::to_owned).collect();
    Ok(row.map(|(version, author_ids, tag_ids)| Kept { version, author_ids: ids(&author_ids), tag_ids: ids(&tag_ids) }))
}

/// Puts a story into the trash: gone from every view, its slug kept for it. A notice in its place goes, too, and so does its assignee.
pub fn delete(write: &mut Write<'_>, id: &str, seen: i64, stamp: &Stamp) -> Result<(), Error> {
    let now = stamp.now.milliseconds();
    let changed = diesel::update(articles::table.filter(articles::id.eq(id).and(articles::version.eq(seen))))
        .set((
            (articles::version.eq(seen + 1), articles::deleted_by.eq(&stamp.user_id), articles::deleted_at.eq(now)),
            (articles::updated_by.eq(&stamp.user_id), articles::updated_at.eq(now), articles::is_killed.eq(false)),
            articles::assignee_id.eq(None::<String>),
        ))
        .execute(write.conn)?;
    won(changed)?;
    take_down(write, id)?;
    kills::delete(write, id)?;
    note_revision(write, id, seen + 1, "delete", stamp)
}

fn set_state(conn: &mut Conn, id: &str, seen: i64, state: State, assignee: Option<&str>, stamp: &Stamp) -> Result<(), Error> {
    let milliseconds = |moment: Option<Moment>| moment.map(Moment::milliseconds);
    let changed = diesel::update(articles::table.filter(articles::id.eq(id).and(articles::version.eq(seen))))
        .set((
            (articles::version.eq(seen + 1), articles::status.eq(state.status.name()), articles::is_killed.eq(state.is_killed)),
            articles::has_unpublished_changes.eq(state.has_unpublished_changes),
            articles::first_published_at.eq(milliseconds(state.first_published_at)),
            articles::published_at.eq(milliseconds(state.published_at)),
            articles::content_updated_at.eq(milliseconds(state.content_updated_at)),
            articles::assignee_id.eq(assignee),
            (articles::updated_by.eq(&stamp.user_id), articles::updated_at.eq(stamp.now.milliseconds())),
        ))
        .execute(conn)
        .or_raced()?;
    won(changed)
}

/// Writes the live copy of that version; the rows that hang on it go and come with it.
fn put(write: &mut Write<'_>, current: &WorkingCopy, version: i64, state: State, finished: &Finished, now: Moment) -> Result<(), Error> {
    let row = &current.row;
    // What was scheduled, or killed, may be called by a slug that an editor has given to another since.
    let own = article_slugs::article_id.eq(&row.id);
    let held =
        diesel::update(article_slugs::table.find(&row.slug).filter(own)).set(article_slugs::was_live.eq(true)).execute(write.conn)?;
    if held == 0 {
        return Err(Error::Taken { what: "slug", value: row.slug.clone() });
    }
    let (Some(first_published_at), Some(published_at), Some(content_updated_at)) =
        (state.first_published_at, state.published_at, state.content_updated_at)
    else {
        return Err(Error::Damaged(format!("article {} is published without its dates", row.id)));
    };
    let whole = row.content()?;
    let content = Content { body: String::new(), ..whole.clone() };
    let ids = |ids: Vec<&str>| ids.join(" ");
    let (place,): (i64,) = diesel::insert_into(published_articles::table)
        .values((
            (published_articles::article_id.eq(&row.id), published_articles::slug.eq(&row.slug)),
            (published_articles::version.eq(version), published_articles::title.eq(&content.title)),
            (published_articles::language.eq(&content.language.0), published_articles::year.eq(i64::from(published_at.year()))),
            published_articles::published_at.eq(published_at.milliseconds()),
            published_articles::content_updated_at.eq(content_updated_at.milliseconds()),
            published_articles::author_ids.eq(ids(current.authors.iter().map(|author| author.id.as_str()).collect())),
            published_articles::tag_ids.eq(ids(current.tags.iter().map(|tag| tag.id.as_str()).collect())),
            (published_articles::summary.eq(&finished.summary), published_articles::form.eq(finished.form)),
            published_articles::changed_at.eq(now.milliseconds()),
        ))
        .returning((published_articles::place,))
        .get_result(write.conn)
        .or_taken("slug", &row.slug)?;
    diesel::insert_into(published_contents::table)
        .values((
            published_contents::place.eq(place),
            (published_contents::html.eq(&finished.html), published_contents::markdown.eq(&finished.markdown)),
            (published_contents::text.eq(&finished.text), published_contents::blocks.eq(&finished.blocks)),
            published_contents::document.eq(document(&content)?),
            (published_contents::word_count.eq(row.word_count), published_contents::reading_minutes.eq(row.reading_minutes)),
            (
                published_contents::first_published_at.eq(first_published_at.milliseconds()),
                published_contents::corrections.eq(&finished.corrections),
            ),
        ))
        .execute(write.conn)?;
    search::publish(write, place, &whole, &finished.text, &search::Beside::of(current, &whole, published_at))?;
    put_slugs(write, &row.id)?;
    put_links(write, current, &Link { place, title: &content.title, published_at, content_updated_at })
}

/// Every slug under which the public has known the story: the current one answers, the others redirect. One that an editor took from
/// another story leads there until now.
fn put_slugs(write: &mut Write<'_>, id: &str) -> Result<(), Error> {
    let slugs: Vec<String> = article_slugs::table
        .filter(article_slugs::article_id.eq(id).and(article_slugs::was_live.eq(true)))
        .select(article_slugs::slug)
        .load(write.conn)?;
    for slug in slugs {
        let former: Option<String> = published_slugs::table.find(&slug).select(published_slugs::article_id).first(write.conn).optional()?;
        if let Some(former) = former {
            diesel::delete(published_slugs::table.find(&slug)).execute(write.conn)?;
            write.touch(format!("article-{former}"));
        }
        diesel::insert_into(published_slugs::table)
            .values((published_slugs::slug.eq(&slug), published_slugs::article_id.eq(id)))
            .execute(write.conn)
            .or_taken("slug", &slug)?;
    }
    Ok(())
}

/// What every link of a live copy carries.
struct Link<'a> {
    place: i64,
    title: &'a str,
    published_at: Moment,
    content_updated_at: Moment,
}

/// In the order of their ids: two stories that are published at once count on the same authors and tags, and must not wait for each other.
fn put_links(conn: &mut Conn, current: &WorkingCopy, link: &Link<'_>) -> Result<(), Error> {
    let in_order = |ids: Vec<&str>| {
        let mut links: Vec<(i64, String)> = (0..).zip(ids.into_iter().map(str::to_owned)).collect();
        links.sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
        links
    };
    let (published_at, content_updated_at) = (link.published_at.milliseconds(), link.content_updated_at.milliseconds());
    for (position, author) in in_order(current.authors.iter().map(|author| author.id.as_str()).collect()) {
        use published_article_authors as live;
        diesel::insert_into(live::table)
            .values((
                (live::place.eq(link.place), live::article_id.eq(&current.row.id)),
                (live::author_id.eq(author), live::position.eq(position), live::title.eq(link.title)),
                (live::published_at.eq(published_at), live::content_updated_at.eq(content_updated_at)),
            ))
            .execute(conn)
            .or_raced()?;
    }
    for (position, tag) in in_order(current.tags.iter().map(|tag| tag.id.as_str()).collect()) {
        use published_article_tags as live;
        diesel::insert_into(live::table)
            .values((
                (live::place.eq(link.place), live::article_id.eq(&current.row.id)),
                (live::tag_id.eq(tag), live::position.eq(position), live::title.eq(link.title)),
                (live::published_at.eq(published_at), live::content_updated_at.eq(content_updated_at)),
            ))
            .execute(conn)
            .or_raced()?;
    }
    Ok(())
}

fn take_down(write: &mut Write<'_>, id: &str) -> Result<(), Error> {
    note_links(write, id)?;
    diesel::delete(published_articles::table.filter(published_articles::article_id.eq(id))).execute(write.conn)?;
    Ok(())
}

/// The story, its lists, and the pages of its live authors and tags, which count it.
fn note_links(write: &mut Write<'_>, id: &str) -> Result<(), Error> {
    let links = published_articles::table.filter(published_articles::article_id.eq(id));
    let links: Option<(String, String)> =
        links.select((published_articles::author_ids, published_articles::tag_ids)).first(write.conn).optional()?;
    let (authors, tags) = links.unwrap_or_default();
    write.touch(format!("article-{id}"));
    write.touch("articles");
    authors.split_ascii_whitespace().for_each(|author| write.touch(format!("author-{author}")));
    tags.split_ascii_whitespace().for_each(|tag| write.touch(format!("tag-{tag}")));
    Ok(())
}

/// What a published copy is made of, for one that older code has finished.
#[derive(Clone, Debug)]
pub struct Unfinished {
    pub id: String,
    pub slug: String,
    /// Without its body.
    pub content: Content,
    pub word_count: i64,
    pub reading_minutes: i64,
    pub dates: [Moment; 3],
}

/// Some published copies whose `form` is another than this one.
pub fn unfinished(conn: &mut Conn, form: i64, limit: i64) -> Result<Vec<Unfinished>, Error> {
    use {published_articles as live, published_contents as parts};
    // Two half-open ranges, so that the index says at once when there is none.
    let other = live::form.lt(form).or(live::form.gt(form));
    type Row = (String, String, (String, i64, i64, i64), (i64, i64));
    let rows: Vec<Row> = live::table
        .inner_join(parts::table)
        .filter(other)
        .select((
            live::article_id,
            live::slug,
            (parts::document, parts::word_count, parts::reading_minutes, parts::first_published_at),
            (live::published_at, live::content_updated_at),
        ))
        .limit(limit)
        .load(conn)?;
    let unfinished = rows.into_iter().map(|(id, slug, (document, word_count, reading_minutes, first), (published, updated))| {
        let content = serde_json::from_str(&document).map_err(|error| Error::Damaged(format!("published article {id}: {error}")))?;
        let dates = [first, published, updated].map(Moment::from_milliseconds);
        Ok(Unfinished { id, slug, content, word_count, reading_minutes, dates })
    });
    unfinished.collect()
}

/// Puts a finished summary in the place of one that older code made.
pub fn refinish(conn: &mut Conn, id: &str, summary: &str, form: i64) -> Result<(), Error> {
    diesel::update(published_articles::table.filter(published_articles::article_id.eq(id)))
        .set((published_articles::summary.eq(summary), published_articles::form.eq(form)))
        .execute(conn)?;
    Ok(())
}
