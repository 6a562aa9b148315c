//! Slugs of articles, authors and tags: kept apart, remembered, looked up.

use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::schema::{article_slugs, articles, author_slugs, authors, published_articles, tag_slugs, tags};
use crate::domain::{id, slug};
use diesel::prelude::*;
use diesel::sql_types::Text;

/// Whose slugs: each kind has a namespace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Article,
    Author,
    Tag,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Author => "author",
            Self::Tag => "tag",
        }
    }
}

/// The slug that a write asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Chosen by the caller: taken means refused.
    Chosen(String),
    /// Made from a title or name: taken means numbered.
    Made(String),
    /// Chosen by the caller, who may have it from another that bears it no more.
    Taken(String),
}

impl Wish {
    /// As it was asked for.
    pub fn slug(&self) -> &str {
        match self {
            Self::Chosen(slug) | Self::Made(slug) | Self::Taken(slug) => slug,
        }
    }

    /// The same, where the caller may have it from another that bears it no more. One that is made is always free.
    #[must_use]
    pub fn taken(self) -> Self {
        match self {
            Self::Chosen(slug) => Self::Taken(slug),
            other => other,
        }
    }
}

/// The id behind a key of a path, which is an id or a slug. An old slug is `Error::Moved`, with the current one.
/// An id is passed on unseen: whether it exists is the next query's to say, and `why_missing` tells what became of it.
pub fn resolve(conn: &mut Conn, kind: Kind, key: &str) -> Result<String, Error> {
    if id::looks_like_one(key) {
        return Ok(key.to_ascii_lowercase());
    }
    let (owner, slug) = borne_by(conn, kind, key)?.ok_or(Error::NotFound(kind.name()))?;
    if slug == key { Ok(owner) } else { Err(Error::Moved(kind.name(), slug)) }
}

/// What nothing has as its id: either it was merged into another, or there never was such a thing, or it is gone.
pub fn why_missing(conn: &mut Conn, kind: Kind, id: &str) -> Result<Error, Error> {
    Ok(borne_by(conn, kind, id)?.map_or(Error::NotFound(kind.name()), |(_, slug)| Error::Moved(kind.name(), slug)))
}

/// Whose slug that is or was: the owner's id, and its slug of today. A story in the trash bears none.
fn borne_by(conn: &mut Conn, kind: Kind, key: &str) -> Result<Option<(String, String)>, Error> {
    let found = match kind {
        Kind::Article => article_slugs::table
            .inner_join(articles::table)
            .filter(article_slugs::slug.eq(key))
            .filter(articles::deleted_at.is_null())
            .select((articles::id, articles::slug))
            .first(conn),
        Kind::Author => author_slugs::table
            .inner_join(authors::table)
            .filter(author_slugs::slug.eq(key))
            .select((authors::id, authors::slug))
            .first(conn),
        Kind::Tag => tag_slugs::table.inner_join(tags::table).filter(tag_slugs::slug.eq(key)).select((tags::id, tags::slug)).first(conn),
    };
    Ok(found.optional()?)
}

/// On PostgreSQL: waits until nobody else is changing what the key names, and makes the others wait until this transaction ends, those
/// too who want to name it in a story. What is read after this stays as it is. SQLite has one writer and needs no lock.
pub fn take_turn(write: &mut Write<'_>, kind: Kind, key: &str) -> Result<(), Error> {
    if matches!(write.conn, Conn::Sqlite(_)) {
        return Ok(());
    }
    let id = resolve(write, kind, key)?;
    let lock = match kind {
        Kind::Article => "SELECT id FROM articles WHERE id = $1 FOR UPDATE",
        Kind::Author => "SELECT id FROM authors WHERE id = $1 FOR UPDATE",
        Kind::Tag => "SELECT id FROM tags WHERE id = $1 FOR UPDATE",
    };
    diesel::sql_query(lock).bind::<Text, _>(id).execute(&mut *write.conn)?;
    Ok(())
}

/// Finds the slug that `owner` may have for its wish. A slug the owner once held is theirs to take back.
pub fn claim(conn: &mut Conn, kind: Kind, owner: &str, wish: Wish) -> Result<String, Error> {
    let takes = matches!(wish, Wish::Taken(_));
    match wish {
        Wish::Chosen(slug) | Wish::Taken(slug) => {
            lock_stem(conn, kind, &slug)?;
            if is_free(conn, kind, owner, &slug)? {
                return Ok(slug);
            }
            if takes && !is_borne(conn, kind, &slug)? {
                let_go(conn, kind, &slug)?;
                return Ok(slug);
            }
            Err(Error::Taken { what: "slug", value: slug })
        }
        Wish::Made(base) => {
            lock_stem(conn, kind, &base)?;
            first_free(|n| is_free(conn, kind, owner, &slug::numbered(&base, n))).map(|n| slug::numbered(&base, n))
        }
    }
}

/// Writes down that `owner` holds `slug`, now and for as long as it exists.
pub fn hold(conn: &mut Conn, kind: Kind, owner: &str, slug: &str) -> Result<(), Error> {
    if holder(conn, kind, slug)?.as_deref() == Some(owner) { Ok(()) } else { take_up(conn, kind, owner, slug) }
}

/// The same, where the owner is known not to hold it yet.
pub fn take_up(conn: &mut Conn, kind: Kind, owner: &str, slug: &str) -> Result<(), Error> {
    match kind {
        Kind::Article => diesel::insert_into(article_slugs::table)
            .values((article_slugs::slug.eq(slug), article_slugs::article_id.eq(owner)))
            .execute(conn),
        Kind::Author => {
            diesel::insert_into(author_slugs::table).values((author_slugs::slug.eq(slug), author_slugs::author_id.eq(owner))).execute(conn)
        }
        Kind::Tag => diesel::insert_into(tag_slugs::table).values((tag_slugs::slug.eq(slug), tag_slugs::tag_id.eq(owner))).execute(conn),
    }
    .or_taken("slug", slug)?;
    Ok(())
}

/// Gives every slug of `from` to `to`, and its id, too: whatever still names it, a link or an old revision, leads to the other.
pub fn hand_over(conn: &mut Conn, kind: Kind, from: &str, to: &str) -> Result<(), Error> {
    match kind {
        Kind::Article => diesel::update(article_slugs::table.filter(article_slugs::article_id.eq(from)))
            .set(article_slugs::article_id.eq(to))
            .execute(conn)?,
        Kind::Author => diesel::update(author_slugs::table.filter(author_slugs::author_id.eq(from)))
            .set(author_slugs::author_id.eq(to))
            .execute(conn)?,
        Kind::Tag => diesel::update(tag_slugs::table.filter(tag_slugs::tag_id.eq(from))).set(tag_slugs::tag_id.eq(to)).execute(conn)?,
    };
    hold(conn, kind, to, from)
}

/// Whether a slug that is held is more than a former one: its holder bears it, or lies in the trash with it, or the public reads a story
/// there, though the newsroom calls it otherwise by now.
fn is_borne(conn: &mut Conn, kind: Kind, slug: &str) -> Result<bool, Error> {
    let is_former = borne_by(conn, kind, slug)?.is_some_and(|(_, current)| current != slug);
    if !is_former || kind != Kind::Article {
        return Ok(!is_former);
    }
    let live = published_articles::table.filter(published_articles::slug.eq(slug));
    Ok(diesel::select(diesel::dsl::exists(live)).get_result(conn)?)
}

fn let_go(conn: &mut Conn, kind: Kind, slug: &str) -> Result<(), Error> {
    match kind {
        Kind::Article => diesel::delete(article_slugs::table.find(slug)).execute(conn)?,
        Kind::Author => diesel::delete(author_slugs::table.find(slug)).execute(conn)?,
        Kind::Tag => diesel::delete(tag_slugs::table.find(slug)).execute(conn)?,
    };
    Ok(())
}

fn holder(conn: &mut Conn, kind: Kind, slug: &str) -> Result<Option<String>, Error> {
    let holder = match kind {
        Kind::Article => article_slugs::table.find(slug).select(article_slugs::article_id).first(conn),
        Kind::Author => author_slugs::table.find(slug).select(author_slugs::author_id).first(conn),
        Kind::Tag => tag_slugs::table.find(slug).select(tag_slugs::tag_id).first(conn),
    };
    Ok(holder.optional()?)
}

fn is_free(conn: &mut Conn, kind: Kind, owner: &str, slug: &str) -> Result<bool, Error> {
    Ok(holder(conn, kind, slug)?.is_none_or(|holder| holder == owner))
}

/// The first free number, one by one up to 20; after that by doubling and halving, so that the thousandth story
/// of one title costs twenty look-ups and not a thousand.
fn first_free(mut is_free: impl FnMut(usize) -> Result<bool, Error>) -> Result<usize, Error> {
    for n in 1..=20 {
        if is_free(n)? {
            return Ok(n);
        }
    }
    let (mut taken, mut free) = (20, 40);
    while !is_free(free)? {
        (taken, free) = (free, free.saturating_mul(2));
    }
    while free - taken > 1 {
        let middle = usize::midpoint(taken, free);
        if is_free(middle)? { free = middle } else { taken = middle }
    }
    Ok(free)
}

/// On PostgreSQL two nodes could find the same slug free at once: those who want slugs of one stem wait for one another.
/// SQLite has one writer and needs no lock.
fn lock_stem(conn: &mut Conn, kind: Kind, slug: &str) -> Result<(), Error> {
    let stem = slug.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    if let Conn::Postgres(postgres) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind::<Text, _>(format!("{}/{stem}", kind.name()))
            .execute(postgres)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::first_free;

    #[test]
    fn the_first_free_number_is_found_with_few_look_ups() {
        for last_taken in [0, 1, 2, 19, 20, 21, 999, 5000] {
            let mut look_ups = 0;
            let found = first_free(|n| {
                look_ups += 1;
                Ok(n > last_taken)
            });
            assert_eq!(found.unwrap(), last_taken + 1);
            assert!(look_ups <= 45, "{look_ups} look-ups for {last_taken}");
        }
    }
}
