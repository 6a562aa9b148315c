//! The history of stories: one row for each write, its content told by what changed since an earlier one (`compact.rs`).

use super::articles::Stamp;
use super::compact;
use super::conn::Conn;
use super::error::{Error, Expect};
use super::links;
use super::page::{Key, Page, Position, Slice, walk};
use super::pruning;
use super::schema::revisions;
use crate::domain::revision::Snapshot;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

/// The most rows that make one content; then one is told whole again.
const MOST_STEPS: i64 = 64;

/// A revision without its content. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = revisions)]
pub struct RevisionRow {
    pub article_id: String,
    pub number: i64,
    pub event: String,
    pub note: Option<String>,
    pub published: bool,
    pub created_by: Option<String>,
    pub created_at: i64,
}

/// One row of those that make a content, as it is stored.
#[derive(Debug, QueryableByName)]
struct Link {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    base: Option<i64>,
    #[diesel(sql_type = BigInt)]
    steps: i64,
    #[diesel(sql_type = Binary)]
    content: Vec<u8>,
}

/// The rows that make one content: its own first, a whole one last.
pub(super) struct Chain(Vec<Link>);

/// A content as it is stored.
pub(super) struct Packed {
    pub base: Option<i64>,
    pub steps: i64,
    pub content: Vec<u8>,
}

/// A page of a story's revisions, the newest first.
pub fn list(conn: &mut Conn, id: &str, slice: &Slice) -> Result<Page<RevisionRow>, Error> {
    let after = slice.after.as_ref();
    let of_story = || revisions::table.filter(revisions::article_id.eq(id.to_owned())).into_boxed();
    let query = of_story();
    let query = if slice.walks_down(true) {
        walk!(query, after, revisions::number, revisions::article_id, number, descending)
    } else {
        walk!(query, after, revisions::number, revisions::article_id, number, ascending)
    };
    let rows = query.limit(slice.rows()).select(RevisionRow::as_select()).load(conn)?;
    let total = if slice.count { Some(of_story().count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

/// Where a revision stands in its list.
pub fn position(row: &RevisionRow) -> Position {
    Position { key: Key::Number(row.number), id: row.article_id.clone() }
}

/// A revision with what it holds. Of authors and tags that were merged into others since, it holds the others.
pub fn find(conn: &mut Conn, id: &str, number: i64) -> Result<(RevisionRow, Snapshot), Error> {
    let row = revisions::table.find((id, number)).select(RevisionRow::as_select()).first(conn).or_not_found("revision")?;
    let content = content(conn, id, number)?.ok_or(Error::NotFound("revision"))?;
    let snapshot: Snapshot = serde_json::from_slice(&content).map_err(|error| damaged(id, number, &error))?;
    let author_ids = links::authors_of_today(conn, snapshot.author_ids)?;
    let tag_ids = links::tags_of_today(conn, snapshot.tag_ids)?;
    Ok((row, Snapshot { author_ids, tag_ids, ..snapshot }))
}

/// The number of the newest revision up to `number`.
pub fn nearest(conn: &mut Conn, id: &str, number: i64) -> Result<Option<i64>, Error> {
    let up_to = revisions::table.filter(revisions::article_id.eq(id).and(revisions::number.le(number)));
    Ok(up_to.order(revisions::number.desc()).select(revisions::number).first(conn).optional()?)
}

/// What revision `number` holds, as JSON.
pub fn content(conn: &mut Conn, id: &str, number: i64) -> Result<Option<Vec<u8>>, Error> {
    let chain = Chain::up_to(conn, id, number)?;
    if chain.number() == Some(number) { chain.unpack(id).map(Some) } else { Ok(None) }
}

/// Adds the first revision of a story, packed whole.
pub(super) fn begin(conn: &mut Conn, id: &str, content: Vec<u8>, stamp: &Stamp) -> Result<(), Error> {
    insert(conn, id, 1, "create", Packed { base: None, steps: 0, content }, stamp)
}

/// Adds what a write left, and lets go what the retention does not keep.
pub(super) fn append(conn: &mut Conn, id: &str, number: i64, event: &str, content: &[u8], stamp: &Stamp) -> Result<(), Error> {
    // One that the retention let go is stood in for by its nearest.
    let base = Chain::up_to(conn, id, compact::base_of(number).max(1).min(number - 1))?;
    insert(conn, id, number, event, Packed::since(&base, id, content)?, stamp)?;
    match stamp.retention.prunable(number, stamp.now) {
        Some(prunable) => pruning::prune(conn, id, prunable),
        None => Ok(()),
    }
}

fn insert(conn: &mut Conn, id: &str, number: i64, event: &str, packed: Packed, stamp: &Stamp) -> Result<(), Error> {
    diesel::insert_into(revisions::table)
        .values((
            (revisions::article_id.eq(id), revisions::number.eq(number), revisions::event.eq(event)),
            (revisions::note.eq(&stamp.note), revisions::published.eq(event == "publish")),
            (revisions::created_by.eq(&stamp.user_id), revisions::created_at.eq(stamp.now.milliseconds())),
            (revisions::base.eq(packed.base), revisions::steps.eq(packed.steps), revisions::content.eq(packed.content)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Marks a revision as one that the public has seen: it stays for good.
pub fn mark_published(conn: &mut Conn, id: &str, number: i64) -> Result<(), Error> {
    diesel::update(revisions::table.find((id, number))).set(revisions::published.eq(true)).execute(conn)?;
    Ok(())
}

impl Chain {
    /// The rows that make the content of the newest revision up to `number`; none where there is none.
    pub(super) fn up_to(conn: &mut Conn, id: &str, number: i64) -> Result<Self, Error> {
        let links = diesel::sql_query(
            "WITH RECURSIVE chain (number, base, steps, content) AS ( \
               SELECT number, base, steps, content FROM revisions WHERE article_id = $1 \
                 AND number = (SELECT max(number) FROM revisions WHERE article_id = $1 AND number <= $2) \
               UNION ALL \
               SELECT earlier.number, earlier.base, earlier.steps, earlier.content \
                 FROM chain JOIN revisions earlier ON earlier.article_id = $1 AND earlier.number = chain.base \
             ) SELECT number, base, steps, content FROM chain ORDER BY number DESC",
        )
        .bind::<Text, _>(id)
        .bind::<BigInt, _>(number)
        .load(conn)?;
        Ok(Self(links))
    }

    /// Whose content it makes.
    pub(super) fn number(&self) -> Option<i64> {
        self.0.first().map(|link| link.number)
    }

    /// The same for the first of its earlier revisions that `stays`; none where none does.
    pub(super) fn earlier(mut self, stays: impl Fn(i64) -> bool) -> Self {
        let rest = self.0.iter().skip(1).position(|link| stays(link.number)).map(|at| at + 1);
        Self(rest.map(|at| self.0.split_off(at)).unwrap_or_default())
    }

    pub(super) fn unpack(&self, id: &str) -> Result<Vec<u8>, Error> {
        let mut links = self.0.iter().rev();
        let whole = links.next().ok_or_else(|| Error::Damaged(format!("article {id}: a revision without rows")))?;
        if let Some(base) = whole.base {
            return Err(Error::Damaged(format!("article {id}: revision {} has lost {base}", whole.number)));
        }
        let first = compact::unpack(&whole.content).map_err(|error| damaged(id, whole.number, &error))?;
        links.try_fold(first, |base, link| compact::unpack_since(base, &link.content).map_err(|error| damaged(id, link.number, &error)))
    }
}

impl Packed {
    fn whole(content: &[u8]) -> Result<Self, Error> {
        let content = compact::pack(content).map_err(|error| Error::Damaged(error.to_string()))?;
        Ok(Self { base: None, steps: 0, content })
    }

    /// Told by what a chain makes, where that is shorter.
    pub(super) fn since(base: &Chain, id: &str, content: &[u8]) -> Result<Self, Error> {
        let Some(last) = base.0.first().filter(|last| last.steps < MOST_STEPS) else { return Self::whole(content) };
        let delta = compact::pack_since(&base.unpack(id)?, content).map_err(|error| damaged(id, last.number, &error))?;
        match delta {
            Some(content) => Ok(Self { base: Some(last.number), steps: last.steps + 1, content }),
            None => Self::whole(content),
        }
    }
}

fn damaged(id: &str, number: i64, error: &dyn std::fmt::Display) -> Error {
    Error::Damaged(format!("article {id}, revision {number}: {error}"))
}
