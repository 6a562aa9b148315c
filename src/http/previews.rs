//! Previews: tokens that show one story, before the public sees it, to a front end without an account.

use super::answer::{self, Reply};
use super::article_input::{allow, draft_again};
use super::article_query::{ReadArticle, View};
use super::guard::{Allowed, Anyone, bearer, recognised};
use super::input::{Body, Name, NoParameters, PartId, Query};
use super::listing::{ListAll, with_link};
use super::once::Once;
use super::page::{List, PageInfo, ends};
use super::problem::{Code, Problem};
use super::site::{SharedWorker, Site, Worker};
use crate::auth;
use crate::domain::breach::Breach;
use crate::domain::id;
use crate::domain::permission::Deed;
use crate::domain::time::Moment;
use crate::domain::user::{Caller, Credential};
use crate::store::articles::{self, WorkingCopy};
use crate::store::previews::{self, PreviewRow};
use crate::store::publishing::Edition;
use crate::store::slugs::{self, Kind};
use crate::store::{self, Conn, Write, api_keys, history, users};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev};
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// What a preview token is to show, and for how long.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePreview {
    /// Seconds until it expires; 30 days at most.
    #[schema(minimum = 1, maximum = 2_592_000, example = 86400)]
    pub expires_in: u32,
    /// The number of the revision to show. Left out, it shows the working copy as it is whenever it is read.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
}

/// What is known of a preview token.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e65")]
    pub id: String,
    /// The revision that it shows; null shows the working copy.
    pub revision: Option<i64>,
    /// The id of the user who made it.
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e62")]
    pub created_by: String,
    #[schema(example = "Ana López")]
    pub name: Option<String>,
    pub created_at: Moment,
    pub expires_at: Moment,
}

/// A new preview token, shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewPreview {
    #[serde(flatten)]
    pub preview: Preview,
    /// To be sent as `Authorization: Bearer`.
    #[schema(example = "eyJ0eXAiOiJwcmV2aWV3K2p3dCIsImFsZyI6IkhTMjU2In0.…")]
    pub token: String,
    /// The one address that it opens.
    #[schema(example = "https://api.example.com/v1/articles/0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e61")]
    pub url: String,
}

/// A page of preview tokens.
#[derive(Serialize, ToSchema)]
pub struct PreviewPage {
    pub items: Vec<Preview>,
    pub page: PageInfo,
}

fn shown((row, name): (PreviewRow, String)) -> Preview {
    let PreviewRow { id, article_id: _, revision, created_by, created_at, expires_at, api_key_id: _ } = row;
    let [created_at, expires_at] = [created_at, expires_at].map(Moment::from_milliseconds);
    Preview { id, revision, created_by, name: Some(name), created_at, expires_at }
}

/// Lists the preview tokens of a story that have not expired, the newest first; the tokens themselves are shown once only.
#[utoipa::path(get, path = "/v1/articles/{article}/preview-tokens", operation_id = "list_previews", tag = "articles", params(("article" = String, Path, description = "Id or slug"), ListAll), security(("bearer" = [])),
    responses((status = 200, description = "A page of preview tokens", body = PreviewPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_previews(
    caller: Allowed,
    request: HttpRequest,
    site: Site,
    key: Name,
    query: Query<ListAll>,
) -> Result<HttpResponse, Problem> {
    let (key, now) = (key.into_inner(), site.now());
    let story = site.store.read(move |conn| to_edit(conn, &key, &caller.0)).await?.row.id;
    let name = format!("preview tokens of {story}");
    let slice = query.0.slice(&name)?;
    let asked = slice.clone();
    let page = site.store.read(move |conn| previews::list(conn, &story, now, &asked)).await?;
    let ends = ends(&page.items, |(row, _)| Ok::<_, Problem>(previews::position(row)))?;
    let list = List::of(page, &slice, ends, &name);
    let link = list.link(&request);
    let items = list.items.into_iter().map(shown).collect();
    Ok(with_link(answer::private(&PreviewPage { items, page: list.page }, None)?, link))
}

/// Makes a token that shows a story, drafts included, to whoever sends it.
///
/// Sent as Bearer to `GET /v1/articles/{article}` it shows the working view of this story, or that revision; it opens nothing else. It ends
/// when it expires or is revoked, when its maker may no longer edit the story, and when its maker is disabled, gets a lower role or a new password.
#[utoipa::path(post, path = "/v1/articles/{article}/preview-tokens", operation_id = "create_preview", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = CreatePreview, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The token, shown this once", body = NewPreview, headers(("Location" = String, description = "The address to revoke it at"), ("ETag" = String, description = "Of the token, which never changes")))))]
pub async fn create_preview(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    body: Body<CreatePreview>,
) -> Result<HttpResponse, Problem> {
    let CreatePreview { expires_in, revision } = body.read().await?;
    let (key, now, desk) = (key.into_inner(), site.now(), site.desk.clone());
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        let story = to_edit(write, &key, &caller.0)?.row.id;
        revision.map_or(Ok(()), |number| there_is(write, &story, number))?;
        let end = Moment::from_milliseconds(now.milliseconds() + i64::from(expires_in) * 1000);
        let end = caller.0.grant().and_then(|grant| grant.expires_at).map_or(end, |key| key.min(end));
        let (user_id, api_key_id) = match caller.0 {
            Caller { user_id, credential: Credential::Session(_) | Credential::OpenId, .. } => (user_id, None),
            Caller { user_id, credential: Credential::ApiKey { id, .. }, .. } => (user_id, Some(id)),
        };
        let (created_at, expires_at) = (now.milliseconds(), end.milliseconds());
        let row = PreviewRow { id: id::new(now), article_id: story, revision, created_by: user_id, created_at, expires_at, api_key_id };
        previews::insert(write, &row)?;
        let name = users::by_id(write, &row.created_by)?.name;
        let preview = auth::Preview { id: row.id.clone(), article_id: row.article_id.clone() };
        let seconds = (expires_at - created_at).div_euclid(1000);
        let issued = desk.tokens.issue_preview(&preview, seconds, now.milliseconds());
        let token = issued.map_err(|failure| Problem::internal(&failure.to_string()))?.token;
        let address = format!("/v1/articles/{}", row.article_id);
        let location = format!("{address}/preview-tokens/{}", row.id);
        let url = format!("{}{address}", desk.settings.public_url);
        Reply::created(&NewPreview { preview: shown((row, name)), token, url }, 1, location)
    };
    once.write(&site, work).await
}

/// Revokes a preview token: it shows nothing from the next request on.
#[utoipa::path(delete, path = "/v1/articles/{article}/preview-tokens/{token}", operation_id = "delete_preview", tag = "articles", params(("article" = String, Path, description = "Id or slug"), ("token" = String, Path, description = "Id of the token")), security(("bearer" = [])),
    responses((status = 204, description = "It is revoked")))]
pub async fn delete_preview(
    caller: Allowed,
    site: Site,
    key: Name,
    token: PartId,
    _query: Query<NoParameters>,
) -> Result<HttpResponse, Problem> {
    let (key, token, now) = (key.into_inner(), token.into_inner(), site.now());
    site.write(move |conn| -> Result<_, Problem> {
        let story = to_edit(conn, &key, &caller.0)?.row.id;
        let row = previews::find(conn, &token, &story, now)?;
        Ok(previews::delete(conn, &row)?)
    })
    .await?;
    Ok(answer::gone())
}

/// The story, if the caller may edit it.
fn to_edit(conn: &mut Conn, key: &str, caller: &Caller) -> Result<WorkingCopy, Problem> {
    let current = articles::find(conn, key)?;
    allow(conn, caller, Deed::Edit, &current)?;
    Ok(current)
}

fn there_is(conn: &mut Conn, story: &str, number: i64) -> Result<(), Problem> {
    if history::nearest(conn, story, number)? == Some(number) {
        return Ok(());
    }
    Err(Problem::invalid_body(vec![Breach::member("/revision", "unknown", "The story has no such revision, or no longer.")]))
}

/// Who reads one story: anybody, or whoever was given a preview of it.
pub enum Reader {
    Caller(Anyone),
    Preview(PreviewRow),
}

impl Reader {
    /// What is asked for: a preview shows the working view, unless the live one is named.
    pub fn in_view(&self, query: ReadArticle) -> ReadArticle {
        match self {
            Self::Caller(_) => query,
            Self::Preview(_) => ReadArticle { view: query.view.or(Some(View::Working)), ..query },
        }
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let caller = Anyone::from_request(request, payload);
        if recognised(request).is_some() {
            return Box::pin(async move { caller.await.map(Self::Caller) });
        }
        let request = request.clone();
        Box::pin(async move {
            match preview_in(&request).await {
                Some((site, preview, key)) => admit(site, preview, key).await.map(Self::Preview),
                None => caller.await.map(Self::Caller),
            }
        })
    }
}

/// The preview token of a request, if it has one, with the name of the story that is asked for.
async fn preview_in(request: &HttpRequest) -> Option<(&Worker, auth::Preview, String)> {
    let site: &SharedWorker = request.app_data()?;
    let key = request.match_info().get("article")?.to_owned();
    let token = bearer(request)?;
    let preview = site.read_token(|tokens, now| tokens.read_preview(token, now)).await.ok()?.ok()?;
    Some((site, preview, key))
}

/// Lets a preview token in, if it is for the story of that name and its maker may still edit that story.
async fn admit(site: &Worker, preview: auth::Preview, key: String) -> Result<PreviewRow, Problem> {
    let now = site.now();
    let admitted = site
        .store
        .read(move |conn| -> Result<_, Problem> {
            let is_its_story = slugs::resolve(conn, Kind::Article, &key);
            let row = previews::find(conn, &preview.id, &preview.article_id, now)?;
            let copy = articles::by_id(conn, &row.article_id)?;
            let maker = users::by_id(conn, &row.created_by)?;
            let credential = match &row.api_key_id {
                None => Credential::Session(None),
                Some(id) => Credential::ApiKey { id: id.clone(), grant: Arc::new(api_keys::by_id(conn, id)?.0.grant()?) },
            };
            let caller = Caller { role: maker.role()?, user_id: maker.id, email: maker.email, credential };
            allow(conn, &caller, Deed::Edit, &copy)?;
            match is_its_story {
                // A slug of former days: of this story it leads on, of others it tells nothing.
                Err(store::Error::Moved(what, slug)) if slug == copy.row.slug => Err(store::Error::Moved(what, slug).into()),
                Ok(id) if id == row.article_id && !maker.disabled => Ok(row),
                _ => Err(Problem::invalid_token()),
            }
        })
        .await;
    admitted.map_err(|problem| if matches!(problem.code, Code::NotFound | Code::Forbidden) { Problem::invalid_token() } else { problem })
}

/// What a preview shows: the working copy, or what a revision left, where the story stands now. Who is at it stays in the newsroom.
pub async fn copy(site: &Worker, preview: PreviewRow) -> Result<WorkingCopy, Problem> {
    let PreviewRow { article_id, revision, .. } = preview;
    let Some(number) = revision else {
        let copy = site.store.read(move |conn| articles::by_id(conn, &article_id)).await?;
        return Ok(WorkingCopy { lock: None, ..copy });
    };
    site.store
        .read_long(move |conn| -> Result<_, Problem> {
            let (_, snapshot) = history::find(conn, &article_id, number)?;
            let copy = articles::by_id(conn, &article_id)?;
            let edition =
                Edition { version: number, slug: snapshot.slug, content: snapshot.content, author_ids: Vec::new(), tag_ids: Vec::new() };
            let draft = draft_again(edition, snapshot.author_ids, snapshot.tag_ids)?;
            let mut copy = articles::with_content(conn, copy, draft)?;
            copy.row.version = number;
            Ok(WorkingCopy { lock: None, ..copy })
        })
        .await
}
