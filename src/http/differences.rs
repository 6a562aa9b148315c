//! What differs between two revisions of a story: member by member, and word by word in the texts.

use super::answer;
use super::article_input::found_id;
use super::guard::Allowed;
use super::input::{MOST_REVISIONS, Name, Number, Query};
use super::problem::Problem;
use super::revisions::written;
use super::site::Site;
use crate::domain::wording::{self, Wording};
use crate::store::{self, Conn, history};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// The members that are compared word by word.
const TEXTS: [&str; 4] = ["title", "subtitle", "lead", "body"];

/// The parameters of a comparison.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CompareWith {
    /// The number of the earlier revision, or a later one; 0 is the story before there was any. If left out, the revision before.
    #[param(minimum = 0, maximum = 1_000_000_000, nullable = false)]
    pub from: Option<i64>,
}

/// What differs between two revisions.
#[derive(Serialize, ToSchema)]
pub struct Difference {
    /// The number of the revision compared with; 0 for none.
    #[schema(example = 1)]
    pub from: i64,
    #[schema(example = 2)]
    pub to: i64,
    /// The members that differ, and only they.
    pub members: Vec<MemberDifference>,
}

/// A member that differs. Texts have `changes`, all others `from` and `to`.
#[derive(Serialize, ToSchema)]
pub struct MemberDifference {
    #[schema(example = "title")]
    pub member: String,
    /// `title`, `subtitle`, `lead` and `body` word by word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changes: Option<Vec<Wording>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// Compares a revision with an earlier one.
///
/// Texts come in pieces: all but the `insert`ed ones make the old text, all but the `delete`d ones the new one.
#[utoipa::path(get, path = "/v1/articles/{article}/revisions/{number}/diff", operation_id = "get_difference", tag = "history", params(("article" = String, Path, description = "Id or slug"), ("number" = i64, Path, description = "The number of the revision"), CompareWith), security(("bearer" = [])),
    responses((status = 200, description = "What differs", body = Difference)))]
pub async fn get_difference(
    caller: Allowed,
    site: Site,
    key: Name,
    number: Number,
    query: Query<CompareWith>,
) -> Result<HttpResponse, Problem> {
    let (key, to, asked) = (key.into_inner(), number.0, query.0.from);
    let difference = site
        .store
        .read_long(move |conn| -> Result<_, Problem> {
            let id = found_id(conn, &caller.0, &key)?;
            let after = members(conn, &id, to)?;
            let from = match asked {
                Some(from) => from.min(MOST_REVISIONS),
                None => history::nearest(conn, &id, to - 1)?.unwrap_or(0),
            };
            let before = if from == 0 { Map::new() } else { members(conn, &id, from)? };
            Ok(Difference { from, to, members: compare(&before, after) })
        })
        .await?;
    answer::private(&difference, None)
}

/// What a revision holds, as editors write it, member by member.
fn members(conn: &mut Conn, id: &str, number: i64) -> Result<Map<String, Value>, store::Error> {
    let (_, snapshot) = history::find(conn, id, number)?;
    let written = written(conn, snapshot)?;
    match serde_json::to_value(written) {
        Ok(Value::Object(members)) => Ok(members),
        other => Err(store::Error::Damaged(format!("article {id}, revision {number}: {other:?}"))),
    }
}

fn compare(before: &Map<String, Value>, after: Map<String, Value>) -> Vec<MemberDifference> {
    let old = |member: &str| before.get(member).cloned().unwrap_or_default();
    let differing = after.into_iter().map(|(member, new)| (old(&member), new, member)).filter(|(old, new, _)| old != new);
    differing
        .map(|(old, new, member)| {
            let changes = if TEXTS.contains(&member.as_str()) { changes(&old, &new) } else { None };
            let (from, to) = if changes.is_some() { (None, None) } else { (Some(old), Some(new)) };
            MemberDifference { member, changes, from, to }
        })
        .collect()
}

/// Word by word; `None` where there are no words on either side, but one is empty and the other missing.
fn changes(old: &Value, new: &Value) -> Option<Vec<Wording>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let changes = wording::compare(&text(old), &text(new));
    (!changes.is_empty()).then_some(changes)
}
