//! Locks that advise: others see who is at a story. `If-Match` still decides about writes.

use super::answer::{self, Reply};
use super::article_input::allow;
use super::guard::Allowed;
use super::input::{Body, Name, NoParameters, Query};
use super::once::Once;
use super::problem::{Code, Problem};
use super::representation::{Lock, lock};
use super::site::Site;
use crate::domain::lock::{self as rules, end};
use crate::domain::permission::Deed;
use crate::domain::user::Caller;
use crate::store::articles::{self, WorkingCopy};
use crate::store::slugs::{self, Kind};
use crate::store::{self, Write, locks};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// How to lock.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LockArticle {
    /// How long, in seconds; 300 if left out. Lock again before the end to stay.
    #[schema(minimum = 1, maximum = 86400, example = 300)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u32>,
    /// Whether to take the place of somebody else who is at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takeover: Option<bool>,
}

/// Says that the caller is at a story, or still is.
///
/// Others see it as `lock` in the working view. Where somebody else is at it, the answer is 409 `locked` with who and until when, unless
/// `takeover` is true.
#[utoipa::path(post, path = "/v1/articles/{article}/lock", operation_id = "create_lock", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = LockArticle, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The lock", body = Lock)))]
pub async fn create_lock(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    body: Body<LockArticle>,
) -> Result<HttpResponse, Problem> {
    let LockArticle { ttl_seconds, takeover } = body.read().await?;
    let (key, now) = (key.into_inner(), site.now());
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        let current = to_edit(write, &key, &caller.0)?;
        let in_the_way = current.lock.filter(|lock| takeover != Some(true) && lock.keeps_out(&caller.0.user_id, now));
        in_the_way.map_or(Ok(()), |lock| Err(refusal(&lock)))?;
        locks::put(write, &current.row.id, &caller.0.user_id, end(now, ttl_seconds))?;
        let taken = articles::by_id(write, &current.row.id)?.lock.ok_or(store::Error::NotFound("lock"))?;
        Reply::private(&lock(taken), None)
    };
    once.write(&site, work).await
}

/// Says that the caller is no longer at a story.
#[utoipa::path(delete, path = "/v1/articles/{article}/lock", operation_id = "delete_lock", tag = "articles", params(("article" = String, Path, description = "Id or slug")), security(("bearer" = [])),
    responses((status = 204, description = "The lock is gone")))]
pub async fn delete_lock(caller: Allowed, site: Site, key: Name, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let (key, now) = (key.into_inner(), site.now());
    site.write(move |conn| -> Result<_, Problem> {
        let current = to_edit(conn, &key, &caller.0)?;
        let lock = current.lock.filter(|lock| lock.holds(now)).ok_or(store::Error::NotFound("lock"))?;
        if lock.keeps_out(&caller.0.user_id, now) {
            return Err(refusal(&lock));
        }
        Ok(locks::delete(conn, &current.row.id)?)
    })
    .await?;
    Ok(answer::gone())
}

/// The story, if the caller may edit it.
fn to_edit(write: &mut Write<'_>, key: &str, caller: &Caller) -> Result<WorkingCopy, Problem> {
    slugs::take_turn(write, Kind::Article, key)?;
    let current = articles::find(write, key)?;
    allow(write, caller, Deed::Edit, &current)?;
    Ok(current)
}

fn refusal(lock: &rules::Lock) -> Problem {
    let detail = format!("{} is at this story until {}. Wait, or send `\"takeover\": true`.", lock.name, lock.until);
    let member = json!({ "user_id": lock.user_id, "name": lock.name, "until": lock.until });
    Problem::new(Code::Locked, detail).with_member("lock", member)
}
