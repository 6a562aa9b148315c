//! Lists on the wire: cursors, links to the next page, sparse members.

use super::problem::{Code, Problem};
use crate::domain::breach::Breach;
use crate::domain::id;
use crate::store::page::{Key, Page, Position, Slice};
use actix_web::HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::hash::{DefaultHasher, Hash, Hasher};
use utoipa::ToSchema;

/// How many items a page has where the client does not say.
const DEFAULT_LIMIT: u8 = 20;

/// What tells of a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageInfo {
    #[schema(example = 20)]
    pub limit: usize,
    /// Absent on the last page, and only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
    /// Absent on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub prev_cursor: Option<String>,
    /// All items of the list, exact; only where `count=true` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<i64>,
}

/// A page as it goes out: `items` of any type.
#[derive(Serialize)]
pub struct List<T> {
    pub items: Vec<T>,
    pub page: PageInfo,
}

/// Where the last page ended, and of which list it was a page.
#[derive(Serialize, Deserialize)]
struct Cursor {
    #[serde(flatten)]
    position: Position,
    /// Whether it leads to the page before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    back: bool,
    list: u64,
}

/// Where a page begins and ends; `None` if it is empty.
pub type Ends = Option<(Position, Position)>;

/// Finds the ends of a page.
pub fn ends<T, E>(items: &[T], position: impl Fn(&T) -> Result<Position, E>) -> Result<Ends, E> {
    match (items.first(), items.last()) {
        (Some(first), Some(last)) => Ok(Some((position(first)?, position(last)?))),
        _ => Ok(None),
    }
}

/// Reads the paging parameters. `list` tells the list apart from all others: its address, filters and order.
pub fn slice(limit: Option<u8>, cursor: Option<&str>, count: Option<bool>, list: &str) -> Result<Slice, Problem> {
    let (after, backward) = match cursor {
        None => (None, false),
        Some(text) => {
            let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_bad| unreadable_cursor())?;
            let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_bad| unreadable_cursor())?;
            if cursor.list != name(list) {
                return Err(Problem::new(
                    Code::CursorMismatch,
                    "This cursor was made with other filters or another order. Start again without it.",
                ));
            }
            if !is_whole(&cursor.position) {
                return Err(unreadable_cursor());
            }
            (Some(cursor.position), cursor.back)
        }
    };
    Ok(Slice { limit: usize::from(limit.unwrap_or(DEFAULT_LIMIT)), after, backward, count: count.unwrap_or(false) })
}

/// To a cursor that no page of ours has.
pub fn unreadable_cursor() -> Problem {
    Problem::new(Code::InvalidCursor, "Send the `next_cursor` or `prev_cursor` of a page as it came, or none for the first page.")
}

/// Whether a list can end there. A cursor is not signed, for it gives no rights; but PostgreSQL takes no NUL in a text.
fn is_whole(position: &Position) -> bool {
    let key_is_text_of_ours = match &position.key {
        Key::Number(_) => true,
        Key::Text(text) => !text.contains('\0'),
    };
    id::looks_like_one(&position.id) && key_is_text_of_ours
}

impl<T> List<T> {
    /// Finishes a page.
    pub fn of(page: Page<T>, slice: &Slice, ends: Ends, list: &str) -> Self {
        let cursor = |position: Position, back: bool| {
            serde_json::to_vec(&Cursor { position, back, list: name(list) }).ok().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
        };
        let (first, last) = ends.unzip();
        let next_cursor = last.filter(|_| page.has_next).and_then(|position| cursor(position, false));
        let prev_cursor = first.filter(|_| page.has_previous).and_then(|position| cursor(position, true));
        Self { items: page.items, page: PageInfo { limit: slice.limit, next_cursor, prev_cursor, total: page.total } }
    }

    /// The same page, each item made into another.
    pub fn of_each<U, E>(self, change: impl FnMut(T) -> Result<U, E>) -> Result<List<U>, E> {
        Ok(List { items: self.items.into_iter().map(change).collect::<Result<_, E>>()?, page: self.page })
    }

    /// The `Link` header's value for the pages beside this one (RFC 8288), relative to this server.
    pub fn link(&self, request: &HttpRequest) -> Option<String> {
        let to = |cursor: &String, relation: &str| {
            let kept = form_urlencoded::parse(request.query_string().as_bytes()).filter(|(name, _)| name != "cursor");
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("cursor", cursor).finish();
            format!("<{}?{query}>; rel=\"{relation}\"", request.path())
        };
        let next = self.page.next_cursor.iter().map(|cursor| to(cursor, "next"));
        let links: Vec<String> = next.chain(self.page.prev_cursor.iter().map(|cursor| to(cursor, "prev"))).collect();
        (!links.is_empty()).then(|| links.join(", "))
    }
}

fn name(list: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    list.hash(&mut hasher);
    // A number that every JSON reader can hold.
    hasher.finish() >> 11
}

/// Which members are wanted: `fields=title,authors.name` these alone (and the id), `fields=-html` all but.
#[derive(Clone, Debug)]
pub struct Fields {
    names: Vec<String>,
    without: bool,
}

impl Fields {
    /// Reads `fields`; `known` is every member there is, in the form `outer.inner`.
    pub fn parse(asked: Option<&[String]>, known: &[String]) -> Result<Option<Self>, Problem> {
        let Some(asked) = asked else { return Ok(None) };
        let without = asked.iter().all(|name| name.starts_with('-'));
        let names: Vec<String> = asked.iter().map(|name| if without { name[1..].to_owned() } else { name.clone() }).collect();
        let unknown = |name: &&String| !known.contains(name);
        let breaches: Vec<Breach> = names
            .iter()
            .filter(unknown)
            .map(|name| {
                let name: String = name.chars().take(60).collect();
                Breach::parameter("fields", "unknown_value", format!("There is no member `{name}`; known are {}.", known.join(", ")))
            })
            .collect();
        if breaches.is_empty() { Ok(Some(Self { names, without })) } else { Err(Problem::invalid_query(breaches)) }
    }

    /// Keeps what is wanted of one thing. Its id always stays.
    pub fn apply(&self, value: Value) -> Value {
        let Value::Object(members) = value else { return value };
        Value::Object(if self.without { self.drop_from(members) } else { self.keep_of(members) })
    }

    fn keep_of(&self, members: Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, member) in members {
            if name == "id" || self.names.contains(&name) {
                kept.insert(name, member);
                continue;
            }
            let inner: Vec<&str> = self.inner(&name).collect();
            if !inner.is_empty() {
                let member = each_object(member, &|object| object.retain(|name, _| inner.contains(&name.as_str())));
                kept.insert(name.clone(), member);
            }
        }
        kept
    }

    fn drop_from(&self, members: Map<String, Value>) -> Map<String, Value> {
        let wanted = members.into_iter().filter(|(name, _)| name == "id" || !self.names.contains(name));
        let trimmed = wanted.map(|(name, member)| {
            let inner: Vec<&str> = self.inner(&name).collect();
            let member = if inner.is_empty() {
                member
            } else {
                each_object(member, &|object| object.retain(|name, _| !inner.contains(&name.as_str())))
            };
            (name, member)
        });
        trimmed.collect()
    }

    fn inner<'a>(&'a self, outer: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.names.iter().filter_map(move |name| name.strip_prefix(outer)?.strip_prefix('.'))
    }
}

fn each_object(value: Value, change: &dyn Fn(&mut Map<String, Value>)) -> Value {
    match value {
        Value::Object(mut object) => {
            change(&mut object);
            Value::Object(object)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| each_object(item, change)).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;
    use serde_json::json;

    fn fields(asked: &[&str]) -> Option<Fields> {
        let known: Vec<String> = ["id", "title", "html", "authors", "authors.name", "authors.bio"].map(str::to_owned).to_vec();
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        Fields::parse(Some(&asked), &known).ok().flatten()
    }

    #[test]
    fn fields_keep_or_drop_members_and_the_id_stays() {
        let story = json!({"id": "1", "title": "T", "html": "<p>", "authors": [{"name": "M", "bio": "B"}]});
        assert_eq!(
            fields(&["title", "authors.name"]).unwrap().apply(story.clone()),
            json!({"id": "1", "title": "T", "authors": [{"name": "M"}]})
        );
        assert_eq!(fields(&["-html", "-authors.bio"]).unwrap().apply(story), json!({"id": "1", "title": "T", "authors": [{"name": "M"}]}));
    }

    #[test]
    fn an_unknown_member_is_refused() {
        assert!(fields(&["password_hash"]).is_none());
        assert!(fields(&["title", "-html"]).is_none());
    }
}
