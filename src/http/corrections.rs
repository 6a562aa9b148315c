//! Public corrections: made at once for live stories, whatever else is being edited, and taken back by editors.

use super::answer::{self, Reply};
use super::article_input::permitted;
use super::finished;
use super::guard::Allowed;
use super::input::{Body, Name, NoParameters, PartId, Query};
use super::note::RevisionNote;
use super::once::Once;
use super::precondition::IfMatch;
use super::problem::Problem;
use super::representation::{Correction, correction};
use super::site::Site;
use crate::domain::article::{Transition, step};
use crate::domain::breach::Breach;
use crate::domain::correction::{CorrectionKind, MOST_CORRECTIONS};
use crate::domain::id;
use crate::domain::permission::Deed;
use crate::domain::text::Remark;
use crate::store::articles::WorkingCopy;
use crate::store::publishing::Correction as Change;
use crate::store::slugs::{self, Kind};
use crate::store::{self, Write};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new correction.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCorrection {
    pub kind: CorrectionKind,
    /// What readers are told.
    pub note: Remark,
}

/// Adds a correction, clarification or update to a live story.
///
/// The public sees it at once in `corrections`, after those that there are; what is edited stays unpublished. A story has
/// a hundred at most.
#[utoipa::path(post, path = "/v1/articles/{article}/corrections", operation_id = "create_correction", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = CreateCorrection, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The correction, public now", body = Correction, headers(("Location" = String, description = "The address to retract it at"), ("ETag" = String, description = "The story's, for `If-Match`")))))]
pub async fn create_correction(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<CreateCorrection>,
) -> Result<HttpResponse, Problem> {
    let CreateCorrection { kind, note: text } = body.read().await?;
    let (key, stamp) = (key.into_inner(), site.stamp(&caller.0, note.or(Some(&text.0))));
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        slugs::take_turn(write, Kind::Article, &key)?;
        let current = permitted(write, &key, &caller.0, Deed::Step(Transition::Correct), &expected)?;
        step(current.row.state()?, Transition::Correct, stamp.now)?;
        keep_few(&current)?;
        let change = Change::Made { id: &id::new(stamp.now), kind, note: &text.0 };
        let row = finished::correct(write, &current, &change, &stamp)?.pop().ok_or(store::Error::NotFound("correction"))?;
        let location = format!("/v1/articles/{}/corrections/{}", current.row.id, row.id);
        Reply::created(&correction(row)?, current.row.version + 1, location)
    };
    once.write(&site, work).await
}

fn keep_few(story: &WorkingCopy) -> Result<(), Problem> {
    if story.corrections.as_ref().is_none_or(|corrections| corrections.len() < MOST_CORRECTIONS) {
        return Ok(());
    }
    let detail = format!("A story has at most {MOST_CORRECTIONS} corrections; have an editor retract one.");
    Err(Problem::invalid_body(vec![Breach::member("/note", "too_many", detail)]))
}

/// Retracts a correction: the public sees it no more.
#[utoipa::path(delete, path = "/v1/articles/{article}/corrections/{correction}", operation_id = "delete_correction", tag = "articles", params(("article" = String, Path, description = "Id or slug"), ("correction" = String, Path, description = "Id")), security(("bearer" = [])),
    responses((status = 204, description = "It is retracted")))]
pub async fn delete_correction(
    caller: Allowed,
    site: Site,
    key: Name,
    correction: PartId,
    _query: Query<NoParameters>,
    expected: IfMatch,
    note: RevisionNote,
) -> Result<HttpResponse, Problem> {
    let (key, correction, stamp) = (key.into_inner(), correction.into_inner(), site.stamp(&caller.0, note));
    site.write(move |conn| -> Result<_, Problem> {
        slugs::take_turn(conn, Kind::Article, &key)?;
        let current = permitted(conn, &key, &caller.0, Deed::Retract, &expected)?;
        let change = Change::Retracted { id: &correction };
        Ok(finished::correct(conn, &current, &change, &stamp).map(drop)?)
    })
    .await?;
    Ok(answer::gone())
}
