//! The steps between working and live: the only statements that touch both copies of a story.

use super::articles::{ArticleRow, Stamp, document, note_revision, won};
use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::schema::{
    article_authors, article_slugs, article_tags, articles, published_article_authors, published_article_tags, published_articles,
    published_slugs,
};
use crate::domain::article::State;
use crate::domain::time::Moment;
use diesel::prelude::*;

/// Copies working → live and notes the new state.
pub fn publish(write: &mut Write<'_>, id: &str, seen: i64, state: State, stamp: &Stamp) -> Result<(), Error> {
    set_state(write, id, seen, state, stamp)?;
    let row: ArticleRow = articles::table.find(id).select(ArticleRow::as_select()).first(write.conn)?;
    diesel::update(article_slugs::table.find(&row.slug)).set(article_slugs::was_live.eq(true)).execute(write.conn)?;
    put(write, &row)?;
    note_links(write, id)?;
    note_revision(write, id, seen + 1, "publish", stamp)
}

/// Takes the live copy away and notes the new state; dates and history stay.
pub fn unpublish(write: &mut Write<'_>, id: &str, seen: i64, state: State, stamp: &Stamp) -> Result<(), Error> {
    set_state(write, id, seen, state, stamp)?;
    take_down(write, id)?;
    note_revision(write, id, seen + 1, "unpublish", stamp)
}

/// Puts a story into the trash: gone from every view, its slug kept for it.
pub fn delete(write: &mut Write<'_>, id: &str, seen: i64, stamp: &Stamp) -> Result<(), Error> {
    let now = stamp.now.milliseconds();
    let changed = diesel::update(articles::table.filter(articles::id.eq(id).and(articles::version.eq(seen))))
        .set((
            (articles::version.eq(seen + 1), articles::deleted_by.eq(&stamp.user_id), articles::deleted_at.eq(now)),
            (articles::updated_by.eq(&stamp.user_id), articles::updated_at.eq(now)),
        ))
        .execute(write.conn)?;
    won(changed)?;
    take_down(write, id)?;
    note_revision(write, id, seen + 1, "delete", stamp)
}

fn set_state(conn: &mut Conn, id: &str, seen: i64, state: State, stamp: &Stamp) -> Result<(), Error> {
    let milliseconds = |moment: Option<Moment>| moment.map(Moment::milliseconds);
    let changed = diesel::update(articles::table.filter(articles::id.eq(id).and(articles::version.eq(seen))))
        .set((
            (articles::version.eq(seen + 1), articles::status.eq(state.status.name())),
            articles::has_unpublished_changes.eq(state.has_unpublished_changes),
            articles::first_published_at.eq(milliseconds(state.first_published_at)),
            articles::published_at.eq(milliseconds(state.published_at)),
            articles::content_updated_at.eq(milliseconds(state.content_updated_at)),
            (articles::updated_by.eq(&stamp.user_id), articles::updated_at.eq(stamp.now.milliseconds())),
        ))
        .execute(conn)?;
    won(changed)
}

/// Writes the live copy anew; the rows that hang on it go and come with it.
fn put(write: &mut Write<'_>, row: &ArticleRow) -> Result<(), Error> {
    let (Some(first_published_at), Some(published_at), Some(content_updated_at)) =
        (row.first_published_at, row.published_at, row.content_updated_at)
    else {
        return Err(Error::Damaged(format!("article {} is published without its dates", row.id)));
    };
    let mut content = row.content()?;
    let markdown = std::mem::take(&mut content.body);
    take_down(write, &row.id)?;
    let conn = &mut *write.conn;
    diesel::insert_into(published_articles::table)
        .values((
            (published_articles::article_id.eq(&row.id), published_articles::slug.eq(&row.slug)),
            (published_articles::version.eq(row.version), published_articles::title.eq(&content.title)),
            (published_articles::language.eq(&content.language.0), published_articles::document.eq(document(&content)?)),
            (published_articles::html.eq(&row.html), published_articles::markdown.eq(markdown)),
            (published_articles::text.eq(&row.text), published_articles::blocks.eq(&row.blocks)),
            (published_articles::word_count.eq(row.word_count), published_articles::reading_minutes.eq(row.reading_minutes)),
            published_articles::first_published_at.eq(first_published_at),
            published_articles::published_at.eq(published_at),
            published_articles::content_updated_at.eq(content_updated_at),
        ))
        .execute(conn)?;
    put_slugs(conn, &row.id)?;
    put_links(conn, &row.id, published_at)
}

/// Every slug under which the public has known the story: the current one answers, the others redirect.
fn put_slugs(conn: &mut Conn, id: &str) -> Result<(), Error> {
    let slugs: Vec<String> = article_slugs::table
        .filter(article_slugs::article_id.eq(id).and(article_slugs::was_live.eq(true)))
        .select(article_slugs::slug)
        .load(conn)?;
    for slug in slugs {
        diesel::insert_into(published_slugs::table)
            .values((published_slugs::slug.eq(slug), published_slugs::article_id.eq(id)))
            .execute(conn)?;
    }
    Ok(())
}

fn put_links(conn: &mut Conn, id: &str, published_at: i64) -> Result<(), Error> {
    let authors: Vec<(i64, String)> = article_authors::table
        .filter(article_authors::article_id.eq(id))
        .select((article_authors::position, article_authors::author_id))
        .load(conn)?;
    for (position, author) in authors {
        use published_article_authors as live;
        diesel::insert_into(live::table)
            .values((live::article_id.eq(id), live::position.eq(position), live::author_id.eq(author), live::published_at.eq(published_at)))
            .execute(conn)
            .or_raced()?;
    }
    let tags: Vec<(i64, String)> =
        article_tags::table.filter(article_tags::article_id.eq(id)).select((article_tags::position, article_tags::tag_id)).load(conn)?;
    for (position, tag) in tags {
        use published_article_tags as live;
        diesel::insert_into(live::table)
            .values((live::article_id.eq(id), live::position.eq(position), live::tag_id.eq(tag), live::published_at.eq(published_at)))
            .execute(conn)
            .or_raced()?;
    }
    Ok(())
}

fn take_down(write: &mut Write<'_>, id: &str) -> Result<(), Error> {
    note_links(write, id)?;
    diesel::delete(published_articles::table.find(id)).execute(write.conn)?;
    Ok(())
}

/// The story, its lists, and the pages of its live authors and tags, which count it.
fn note_links(write: &mut Write<'_>, id: &str) -> Result<(), Error> {
    use {published_article_authors as by, published_article_tags as under};
    let authors: Vec<String> = by::table.filter(by::article_id.eq(id)).select(by::author_id).load(write.conn)?;
    let tags: Vec<String> = under::table.filter(under::article_id.eq(id)).select(under::tag_id).load(write.conn)?;
    write.touch(format!("article-{id}"));
    write.touch("articles");
    authors.iter().for_each(|author| write.touch(format!("author-{author}")));
    tags.iter().for_each(|tag| write.touch(format!("tag-{tag}")));
    Ok(())
}
