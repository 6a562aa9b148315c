//! Times at which stories come out and go by themselves.

use super::answer;
use super::article_input::permitted;
use super::articles::shown;
use super::guard::Allowed;
use super::input::{Body, Name, NoParameters, Nothing, Query};
use super::listing::{ListAll, with_link};
use super::note::RevisionNote;
use super::once::Once;
use super::page::{List, PageInfo, ends};
use super::precondition::IfMatch;
use super::problem::Problem;
use super::representation::WorkingArticle;
use super::site::Site;
use super::workflow::pass_gate;
use crate::domain::article::{Status, Transition, step};
use crate::domain::breach::Breach;
use crate::domain::id;
use crate::domain::permission::Deed;
use crate::domain::schedule::{Action, Plan, read_time};
use crate::domain::time::Moment;
use crate::domain::user::Caller;
use crate::store::publishing;
use crate::store::schedules::{self, Listed, ScheduleRow};
use crate::store::slugs::{self, Kind};
use crate::store::{self, Write, articles};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A time with an offset or a zone: `2026-11-01T09:00:00-06:00`, `2026-11-01T09:00[America/Guatemala]`.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(min_length = 10, max_length = 100, pattern = "^[0-9A-Za-z:.+_/\\[\\]-]+$", example = "2097-11-01T09:00[America/Guatemala]")]
#[serde(transparent)]
pub struct When(pub String);

/// When a story comes out, when it goes, and before when it may not come out. It takes the place of what was scheduled before.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleArticle {
    /// The story as it is now goes out then, though somebody edits on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(null))]
    pub unpublish_at: Option<When>,
    /// Nobody can publish the story before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(null))]
    pub embargo_until: Option<When>,
}

/// Something that is to happen, or that has failed.
#[derive(Serialize, ToSchema)]
pub struct Scheduled {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e70")]
    pub id: String,
    /// `publish` or `unpublish`.
    #[schema(example = "publish")]
    pub action: String,
    pub due_at: Moment,
    /// `waiting` or `failed`.
    #[schema(example = "waiting")]
    pub state: String,
    /// Why it has failed.
    pub failure: Option<String>,
    pub article_id: String,
    #[schema(example = "u-s-and-guatemala-address-migration-and-drug-trafficking")]
    pub slug: String,
    #[schema(example = "U.S. and Guatemala Address Migration and Drug Trafficking")]
    pub title: String,
    /// The revision that goes out.
    #[schema(example = 2)]
    pub revision: i64,
    pub created_by: String,
    pub created_at: Moment,
}

/// A page of what comes.
#[derive(Serialize, ToSchema)]
pub struct SchedulePage {
    pub items: Vec<Scheduled>,
    pub page: PageInfo,
}

impl ScheduleArticle {
    fn plan(&self) -> Result<Plan, Problem> {
        let mut breaches = Vec::new();
        let mut read = |member: &str, when: &Option<When>| {
            let when = when.as_ref()?;
            read_time(&when.0).map_err(|detail| breaches.push(Breach::member(member, "unclear_time", detail))).ok()
        };
        let publish_at = read("/publish_at", &self.publish_at);
        let unpublish_at = read("/unpublish_at", &self.unpublish_at);
        let embargo_until = read("/embargo_until", &self.embargo_until);
        if breaches.is_empty() { Ok(Plan { publish_at, unpublish_at, embargo_until }) } else { Err(Problem::invalid_body(breaches)) }
    }
}

/// Says when a story comes out, and when it goes.
///
/// The story as it is now goes out, though somebody edits on. Whoever reads first at or after that moment sees it, even if the server was down
/// until then. `GET /v1/schedule` shows what comes, and what has failed.
#[utoipa::path(post, path = "/v1/articles/{article}/schedule", operation_id = "schedule_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = ScheduleArticle, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, scheduled", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn schedule_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<ScheduleArticle>,
) -> Result<HttpResponse, Problem> {
    let plan = body.read().await?.plan()?;
    put(&site, once, caller.0, key.into_inner(), expected, note, Some(plan)).await
}

/// Cancels what is scheduled for a story: it is a draft again, or stays live.
#[utoipa::path(post, path = "/v1/articles/{article}/unschedule", operation_id = "unschedule_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = Nothing, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, not scheduled", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn unschedule_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    body.read().await?;
    put(&site, once, caller.0, key.into_inner(), expected, note, None).await
}

async fn put(
    site: &Site,
    once: Once,
    caller: Caller,
    key: String,
    expected: IfMatch,
    note: RevisionNote,
    plan: Option<Plan>,
) -> Result<HttpResponse, Problem> {
    let (stamp, desk) = (site.stamp(&caller, note), site.desk.clone());
    let ids = [id::new(stamp.now), id::new(stamp.now)];
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        slugs::take_turn(write, Kind::Article, &key)?;
        let transition = if plan.is_some() { Transition::Schedule } else { Transition::Unschedule };
        let current = permitted(write, &key, &caller, Deed::Step(transition), &expected)?;
        let before = current.row.state()?;
        let breaches = plan.map(|plan| plan.check(stamp.now, before.status == Status::Published)).unwrap_or_default();
        let mut after = step(before, transition, stamp.now)?;
        if !breaches.is_empty() {
            return Err(Problem::invalid_body(breaches));
        }
        if plan.is_some_and(|plan| plan.publish_at.is_some()) {
            pass_gate(&desk.settings.gate, &current, &stamp.user_id)?;
        } else {
            // An embargo alone leaves a draft a draft.
            after.status = if before.status == Status::Scheduled { Status::Draft } else { before.status };
        }
        let assignee = current.row.assignee_id.as_deref().filter(|_| after.status == Status::InReview);
        publishing::move_on(write, &current.row.id, current.row.version, after, assignee, transition.name(), &stamp)?;
        let version = current.row.version + 1;
        schedules::replace(write, &current.row.id, version, plan.unwrap_or_default(), [&ids[0], &ids[1]], &stamp)?;
        shown(articles::by_id(write, &current.row.id)?, &desk)
    };
    once.write(site, work).await
}

/// Lists what comes by itself, the next first, and what has failed.
#[utoipa::path(get, path = "/v1/schedule", operation_id = "list_schedule", tag = "articles", params(ListAll), security(("bearer" = [])),
    responses((status = 200, description = "A page of what comes", body = SchedulePage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_schedule(_caller: Allowed, request: HttpRequest, site: Site, query: Query<ListAll>) -> Result<HttpResponse, Problem> {
    let slice = query.0.slice("schedule")?;
    let asked = slice.clone();
    let page = site.store.read(move |conn| schedules::list(conn, &asked)).await?;
    let ends = ends(&page.items, |(row, _)| Ok::<_, store::Error>(schedules::position(row)))?;
    let list = List::of(page, &slice, ends, "schedule");
    let link = list.link(&request);
    let items = list.items.into_iter().map(item).collect();
    Ok(with_link(answer::private(&SchedulePage { items, page: list.page }, None)?, link))
}

fn item((row, (slug, title)): Listed) -> Scheduled {
    let ScheduleRow { id, article_id, action, due_at, version, failure, created_by, created_at } = row;
    let state = if failure.is_some() { "failed" } else { "waiting" }.to_owned();
    let (due_at, created_at) = (Moment::from_milliseconds(due_at), Moment::from_milliseconds(created_at));
    Scheduled { id, action, due_at, state, failure, article_id, slug, title, revision: version, created_by, created_at }
}

/// What is cancelled when a story takes that step by hand.
pub const fn cancelled_by(transition: Transition) -> &'static [Action] {
    match transition {
        Transition::Publish => &[Action::Publish],
        Transition::Unpublish | Transition::Archive | Transition::Kill => &[Action::Publish, Action::Unpublish],
        _ => &[],
    }
}
