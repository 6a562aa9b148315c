//! The trash: what was deleted, until it comes back or its time is over.

use super::answer;
use super::article_input::{allow, refuse_stale};
use super::articles::shown;
use super::guard::Allowed;
use super::input::{Body, Name, NoParameters, Query};
use super::listing::{ListAll, with_link};
use super::note::{Noted, RevisionNote};
use super::once::Once;
use super::page::{List, PageInfo, ends};
use super::precondition::IfMatch;
use super::problem::{Code, Problem};
use super::representation::WorkingArticle;
use super::site::Site;
use crate::domain::permission::Deed;
use crate::domain::revision::days_after;
use crate::domain::time::Moment;
use crate::domain::user::{Caller, Role};
use crate::store::articles::{self, WorkingCopy};
use crate::store::slugs::{self, Kind};
use crate::store::trash::{self, Shelf, TrashedRow};
use crate::store::{self, Conn, Write};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

/// A story in the trash.
#[derive(Serialize, ToSchema)]
pub struct TrashedArticle {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e61")]
    pub id: String,
    /// It stays reserved until the story is purged.
    #[schema(example = "u-s-and-guatemala-address-migration-and-drug-trafficking")]
    pub slug: String,
    #[schema(example = "U.S. and Guatemala Address Migration and Drug Trafficking")]
    pub title: String,
    /// For `If-Match`, as in `"3-0"`.
    #[schema(example = 3)]
    pub version: i64,
    /// Whether the public has ever seen it.
    pub first_published_at: Option<Moment>,
    pub created_by: Option<String>,
    pub created_at: Moment,
    /// The id of the user who put it here.
    pub deleted_by: Option<String>,
    pub deleted_at: Moment,
    /// When it will be gone for good.
    pub purge_at: Moment,
}

/// A page of the trash.
#[derive(Serialize, ToSchema)]
pub struct TrashPage {
    pub items: Vec<TrashedArticle>,
    pub page: PageInfo,
}

fn item(row: TrashedRow, trash_days: u32) -> TrashedArticle {
    let TrashedRow { id, slug, title, version, first_published_at, created_by, created_at, deleted_by, deleted_at } = row;
    let deleted_at = Moment::from_milliseconds(deleted_at);
    TrashedArticle {
        id,
        slug,
        title,
        version,
        first_published_at: first_published_at.map(Moment::from_milliseconds),
        created_by,
        created_at: Moment::from_milliseconds(created_at),
        deleted_by,
        deleted_at,
        purge_at: days_after(deleted_at, trash_days),
    }
}

/// Lists the stories in the trash, what was deleted last first.
///
/// Editors see all, others their own.
#[utoipa::path(get, path = "/v1/trash", operation_id = "list_trash", tag = "history", params(ListAll), security(("bearer" = [])),
    responses((status = 200, description = "A page of the trash", body = TrashPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_trash(caller: Allowed, request: HttpRequest, site: Site, query: Query<ListAll>) -> Result<HttpResponse, Problem> {
    let caller = caller.0;
    let owner = (caller.role < Role::Editor).then_some(caller.user_id);
    let list = format!("trash?{owner:?}");
    let slice = query.0.slice(&list)?;
    let (expired, asked) = (site.trash_expired(), slice.clone());
    let (page, has_expired) = site
        .store
        .read(move |conn| {
            Ok::<_, store::Error>((trash::list(conn, &Shelf { owner, expired }, &asked)?, trash::has_expired(conn, expired)?))
        })
        .await?;
    if has_expired {
        site.write(move |write| trash::purge_expired(write, expired, trash::AT_ONCE)).await?;
    }
    let ends = ends(&page.items, |row| Ok::<_, Problem>(trash::position(row)))?;
    let list = List::of(page, &slice, ends, &list);
    let link = list.link(&request);
    let items = list.items.into_iter().map(|row| item(row, site.settings().trash_days)).collect();
    Ok(with_link(answer::private(&TrashPage { items, page: list.page }, None)?, link))
}

/// Restores a story from the trash: as a draft, under its slug, with its history.
///
/// Those who may delete a story may bring it back. Schedules that it had are gone.
#[utoipa::path(post, path = "/v1/articles/{article}/restore", operation_id = "restore_article", tag = "history", params(("article" = String, Path, description = "Id or slug")), request_body(content = Noted, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, a draft again", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn restore_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<Noted>,
) -> Result<HttpResponse, Problem> {
    let (caller, stamp) = (caller.0.clone(), site.stamp(&caller.0, note.or(body.read().await?.note.as_deref())));
    let (key, expired, desk) = (key.into_inner(), site.trash_expired(), site.desk.clone());
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        let current = trashed(write, &key, expired, &caller)?;
        check(write, &current, &expected)?;
        trash::restore(write, &current.row.id, current.row.version, &stamp)?;
        shown(articles::by_id(write, &current.row.id)?, &desk)
    };
    once.write(&site, work).await
}

/// Purges a story from the trash: it is gone for good, with its history, and its slug is free.
#[utoipa::path(delete, path = "/v1/trash/{article}", operation_id = "purge_article", tag = "history", params(("article" = String, Path, description = "Id or slug")), security(("bearer" = [])),
    responses((status = 204, description = "It is gone")))]
pub async fn purge_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    expected: IfMatch,
) -> Result<HttpResponse, Problem> {
    let (key, expired) = (key.into_inner(), site.trash_expired());
    site.write(move |write| -> Result<_, Problem> {
        let current = trashed(write, &key, expired, &caller.0)?;
        check(write, &current, &expected)?;
        Ok(trash::purge(write, &current.row.id, current.row.version)?)
    })
    .await?;
    Ok(answer::gone())
}

/// The story in the trash, for the caller's turn, if they may see it there and bring it back.
fn trashed(write: &mut Write<'_>, key: &str, expired: Moment, caller: &Caller) -> Result<WorkingCopy, Problem> {
    let found = trash::find(write, key, expired);
    if let (Err(store::Error::NotFound(_)), Ok(_)) = (&found, articles::find(write, key)) {
        return Err(Problem::new(Code::NotInTrash, "The story is not in the trash: there is nothing to bring back or to purge."));
    }
    let id = found?.row.id;
    slugs::take_turn(write, Kind::Article, &id)?;
    let current = trash::find(write, &id, expired)?;
    let is_hidden = caller.role < Role::Editor && !articles::is_own(write, &current.row, &caller.user_id)?;
    if is_hidden {
        return Err(Problem::not_found());
    }
    allow(write, caller, Deed::Delete, &current)?;
    Ok(current)
}

fn check(conn: &mut Conn, current: &WorkingCopy, expected: &IfMatch) -> Result<(), Problem> {
    if expected.allows(current.row.version) { Ok(()) } else { Err(refuse_stale(conn, current, expected, None)?) }
}
