//! Keyset pages: what is asked of a list and what comes back.

use crate::domain::api_key::Limits;
use crate::domain::article::Status;
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};

/// Where a page ended: the value its list is sorted by, and the id that breaks ties.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub key: Key,
    pub id: String,
}

/// A value to sort by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    Number(i64),
    Text(String),
}

impl Key {
    /// The number; 0 where a forged cursor holds text.
    pub fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(_) => 0,
        }
    }

    /// The text; empty where a forged cursor holds a number.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Number(_) => "",
        }
    }
}

/// What is asked of a list.
#[derive(Clone, Debug)]
pub struct Slice {
    /// 1 to 100.
    pub limit: usize,
    /// Where to go on from; `None` for the first page.
    pub after: Option<Position>,
    /// Whether the page before that position is wanted, not the one after it.
    pub backward: bool,
    /// Whether the exact total is wanted, too.
    pub count: bool,
}

impl Slice {
    /// The order to walk in: backward is the other way round.
    pub(super) const fn walks_down(&self, descending: bool) -> bool {
        descending != self.backward
    }

    /// One more than asked for: the one too many tells that there is a next page.
    pub(super) fn rows(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX - 1) + 1
    }

    /// Cuts what came back to the page.
    pub(super) fn page<T>(&self, mut items: Vec<T>, total: Option<i64>) -> Page<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        if self.backward {
            items.reverse();
        }
        let (has_previous, has_next) = if self.backward { (more, true) } else { (self.after.is_some(), more) };
        Page { items, has_previous, has_next, total }
    }
}

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Whether a row may stand before the first one.
    pub has_previous: bool,
    /// Whether a row follows the last one.
    pub has_next: bool,
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// The items, and the page without them.
    pub fn split(self) -> (Vec<T>, Page<()>) {
        (self.items, Page { items: Vec::new(), has_previous: self.has_previous, has_next: self.has_next, total: self.total })
    }

    /// The same page with other items, made of all of them at once.
    pub fn with<U, E>(self, change: impl FnOnce(Vec<T>) -> Result<Vec<U>, E>) -> Result<Page<U>, E> {
        Ok(Page { items: change(self.items)?, has_previous: self.has_previous, has_next: self.has_next, total: self.total })
    }
}

/// What a list of stories may be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Publication,
    /// Live view: when the published content last changed. Working view: the last save.
    Update,
    /// Working view only.
    Creation,
    Title,
}

/// What a list shows only; an empty `Some` shows nothing. Authors and tags are ids.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub ids: Option<Vec<String>>,
    pub authors: Option<Vec<String>>,
    pub tags: Option<Vec<String>>,
    pub without_authors: Vec<String>,
    pub without_tags: Vec<String>,
    pub languages: Option<Vec<String>>,
    /// Half-open ranges of `published_at`, any of which may hold.
    pub years: Option<Vec<(Moment, Moment)>>,
    pub published_after: Option<Moment>,
    pub published_before: Option<Moment>,
    pub updated_after: Option<Moment>,
    /// Working view only.
    pub statuses: Option<Vec<Status>>,
    /// Working view only: a user's id.
    pub assignee: Option<String>,
    /// Working view only: what else a story must be, whatever is asked for.
    pub limits: Option<Limits>,
}

/// Continues a boxed query after a position and orders it, ties broken by the id.
///
/// A macro because the columns' types differ and Diesel's bounds for "any column" would fill this page. The form
/// `key <= ? AND (key < ? OR id < ?)` walks the index; `key < ? OR (key = ? AND id < ?)` does not (SPEED: keyset).
macro_rules! walk {
    ($query:expr, $after:expr, $key:expr, $id:expr, $value:ident, descending) => {{
        let mut query = $query.order(($key.desc(), $id.desc()));
        if let Some(after) = $after {
            let value = after.key.$value();
            query = query.filter($key.le(value.to_owned()).and($key.lt(value.to_owned()).or($id.lt(after.id.clone()))));
        }
        query
    }};
    ($query:expr, $after:expr, $key:expr, $id:expr, $value:ident, ascending) => {{
        let mut query = $query.order(($key.asc(), $id.asc()));
        if let Some(after) = $after {
            let value = after.key.$value();
            query = query.filter($key.ge(value.to_owned()).and($key.gt(value.to_owned()).or($id.gt(after.id.clone()))));
        }
        query
    }};
}
pub(super) use walk;
