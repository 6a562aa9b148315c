//! The history of a story: list, read, restore. What differs between two revisions is in `differences.rs`.

use super::answer;
use super::article_input::{CreateArticle, draft_of, found_id, permitted};
use super::articles::{Written, shown};
use super::guard::Allowed;
use super::input::{Body, Name, NoParameters, Number, Query};
use super::listing::{ListAll, with_link};
use super::note::{Noted, RevisionNote};
use super::once::Once;
use super::page::{List, PageInfo, ends};
use super::precondition::IfMatch;
use super::problem::{Code, Problem};
use super::representation::WorkingArticle;
use super::site::Site;
use crate::domain::article::{Content, Dateline, Image, Seo};
use crate::domain::permission::Deed;
use crate::domain::revision::Snapshot;
use crate::domain::text::{FilledText, Key, LanguageTag, Slug, WebAddress};
use crate::domain::time::Moment;
use crate::store::articles::WorkingCopy;
use crate::store::history::{self, RevisionRow};
use crate::store::{self, Conn, articles, links};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A write to a story: who made it, when and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionSummary {
    /// The version that the write made. Numbers only grow; those that the retention let go are missing.
    #[schema(example = 2)]
    pub number: i64,
    /// What was done: `create`, `edit`, `publish`, `unpublish`, `delete`, `restore`, `restore_revision` and others.
    #[schema(example = "publish")]
    pub event: String,
    /// Why, in the writer's words.
    #[schema(example = "The mayor's office called back")]
    pub note: Option<String>,
    /// Whether the public has seen it.
    pub published: bool,
    /// The id of the user who made it.
    pub created_by: Option<String>,
    pub created_at: Moment,
}

/// A page of revisions.
#[derive(Serialize, ToSchema)]
pub struct RevisionPage {
    pub items: Vec<RevisionSummary>,
    pub page: PageInfo,
}

/// What editors wrote, in the shape in which they write it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WrittenArticle {
    #[schema(example = "U.S. and Guatemala Address Migration and Drug Trafficking")]
    pub title: String,
    #[schema(example = "u-s-and-guatemala-address-migration-and-drug-trafficking")]
    pub slug: String,
    pub subtitle: Option<String>,
    pub dateline: Option<Dateline>,
    pub lead: Option<String>,
    /// The Markdown source.
    pub body: String,
    pub image: Option<Image>,
    pub language: LanguageTag,
    pub canonical_url: Option<WebAddress>,
    pub seo: Option<Seo>,
    #[schema(value_type = Object, additional_properties = true)]
    pub custom: Map<String, Value>,
    /// In order, by the slugs of today; one that is gone by its id.
    #[schema(example = json!(["marcus"]))]
    pub authors: Vec<String>,
    /// In order, by the slugs of today; one that is gone by its id.
    #[schema(example = json!(["migration"]))]
    pub tags: Vec<String>,
}

/// A revision with what it holds.
#[derive(Serialize, ToSchema)]
pub struct Revision {
    #[serde(flatten)]
    pub summary: RevisionSummary,
    #[serde(flatten)]
    pub content: WrittenArticle,
}

fn summary(row: RevisionRow) -> RevisionSummary {
    let RevisionRow { article_id: _, number, event, note, published, created_by, created_at } = row;
    RevisionSummary { number, event, note, published, created_by, created_at: Moment::from_milliseconds(created_at) }
}

/// What a snapshot holds, with the authors and tags as they are called today.
pub fn written(conn: &mut Conn, snapshot: Snapshot) -> Result<WrittenArticle, store::Error> {
    let Snapshot { content, slug, author_ids, tag_ids } = snapshot;
    let Content { title, subtitle, dateline, lead, body, image, language, canonical_url, seo, custom } = content;
    let authors = links::author_slugs(conn, author_ids)?;
    let tags = links::tag_slugs(conn, tag_ids)?;
    Ok(WrittenArticle { title, slug, subtitle, dateline, lead, body, image, language, canonical_url, seo, custom, authors, tags })
}

/// Lists the revisions of a story, the newest first.
///
/// Every write to a story makes one. Notes come from the header `Revision-Note` of the write.
#[utoipa::path(get, path = "/v1/articles/{article}/revisions", operation_id = "list_revisions", tag = "history", params(("article" = String, Path, description = "Id or slug"), ListAll), security(("bearer" = [])),
    responses((status = 200, description = "A page of revisions", body = RevisionPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_revisions(
    caller: Allowed,
    request: HttpRequest,
    site: Site,
    key: Name,
    query: Query<ListAll>,
) -> Result<HttpResponse, Problem> {
    const LIST: &str = "revisions";
    let (key, slice) = (key.into_inner(), query.0.slice(LIST)?);
    let asked = slice.clone();
    let page = site
        .store
        .read(move |conn| -> Result<_, Problem> {
            let id = found_id(conn, &caller.0, &key)?;
            Ok(history::list(conn, &id, &asked)?)
        })
        .await?;
    let ends = ends(&page.items, |row| Ok::<_, Problem>(history::position(row)))?;
    let list = List::of(page, &slice, ends, LIST);
    let link = list.link(&request);
    let items = list.items.into_iter().map(summary).collect();
    Ok(with_link(answer::private(&RevisionPage { items, page: list.page }, None)?, link))
}

/// Reads a revision: what the story was after that write, as editors write it.
#[utoipa::path(get, path = "/v1/articles/{article}/revisions/{number}", operation_id = "get_revision", tag = "history", params(("article" = String, Path, description = "Id or slug"), ("number" = i64, Path, description = "The number of the revision")), security(("bearer" = [])),
    responses((status = 200, description = "The revision", body = Revision)))]
pub async fn get_revision(
    caller: Allowed,
    site: Site,
    key: Name,
    number: Number,
    _query: Query<NoParameters>,
) -> Result<HttpResponse, Problem> {
    let key = key.into_inner();
    let revision = site
        .store
        .read_long(move |conn| -> Result<_, Problem> {
            let id = found_id(conn, &caller.0, &key)?;
            let (row, snapshot) = history::find(conn, &id, number.0)?;
            Ok(Revision { summary: summary(row), content: written(conn, snapshot)? })
        })
        .await?;
    answer::private(&revision, None)
}

/// Restores a revision: the working copy becomes what it was then.
///
/// That makes a new revision; nothing is lost, and the live view stays as it is. Where the working copy holds the same already, nothing happens.
/// Authors and tags that are gone meanwhile stand in its way: send what is left of the revision as a `PATCH` then.
#[utoipa::path(post, path = "/v1/articles/{article}/revisions/{number}/restore", operation_id = "restore_revision", tag = "history", params(("article" = String, Path, description = "Id or slug"), ("number" = i64, Path, description = "The number of the revision")), request_body(content = Noted, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The working copy", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn restore_revision(
    caller: Allowed,
    site: Site,
    (key, number): (Name, Number),
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<Noted>,
) -> Result<HttpResponse, Problem> {
    let stamp = site.stamp(&caller.0, note.or(body.read().await?.note.as_deref()));
    let key = key.into_inner();
    if let Some(answer) = once.replay(&site).await? {
        return Ok(answer);
    }
    let by = caller.0;
    loop {
        let (key, caller, expected) = (key.clone(), by.clone(), expected.clone());
        let current = site.store.read(move |conn| permitted(conn, &key, &caller, Deed::Edit, &expected)).await?;
        let (id, seen) = (current.row.id.clone(), current.row.version);
        let then = {
            let id = id.clone();
            site.store.read_long(move |conn| history::find(conn, &id, number.0)).await?.1
        };
        if holds(&current, &then)? {
            return Ok(shown(current, &site.desk)?.into());
        }
        let ready = site.desk.typesetting.run(move || Ok(draft_of(input_of(then))?.prepared())).await?;
        let state = current.row.state()?.saved();
        let (stamp, desk, by) = (stamp.clone(), site.desk.clone(), by.clone());
        let outcome = once.write(&site, move |write| -> Result<_, Written> {
            let draft = ready.linked(write, &by).map_err(gone)?;
            articles::replace(write, &id, seen, draft, state, "restore_revision", &stamp)?;
            Ok(shown(articles::by_id(write, &id)?, &desk)?)
        });
        match outcome.await {
            Ok(answer) => return Ok(answer),
            // Another write slipped in between: look again, and judge by what is there now.
            Err(Written::Raced) => {}
            Err(Written::Refused(problem)) => return Err(problem),
        }
    }
}

/// Whether a working copy is what it was then already. Its history cannot tell: an author or tag that left may have been replaced meanwhile.
fn holds(current: &WorkingCopy, then: &Snapshot) -> Result<bool, store::Error> {
    let authors = current.authors.iter().map(|author| &author.id);
    let tags = current.tags.iter().map(|tag| &tag.id);
    let same_links = authors.eq(&then.author_ids) && tags.eq(&then.tag_ids);
    Ok(same_links && current.row.slug == then.slug && current.row.content()? == then.content)
}

/// What a client would send to make it.
fn input_of(snapshot: Snapshot) -> CreateArticle {
    let Snapshot { content, slug, author_ids, tag_ids } = snapshot;
    let Content { title, subtitle, dateline, lead, body, image, language, canonical_url, seo, custom } = content;
    let keys = |ids: Vec<String>| Some(ids.into_iter().map(Key).collect());
    CreateArticle {
        title: FilledText(title),
        slug: Some(Slug(slug)),
        subtitle,
        dateline,
        lead,
        body: Some(body),
        image,
        language: Some(language),
        canonical_url,
        seo,
        custom: Some(custom),
        author_ids: keys(author_ids),
        authors: None,
        tag_ids: keys(tag_ids),
        tags: None,
    }
}

/// The client has not named the authors and tags that are missing: the revision has.
fn gone(problem: Problem) -> Problem {
    if problem.code != Code::InvalidBody {
        return problem;
    }
    let detail = "The revision names authors or tags that are gone; see `errors`. Read it, and send what you want of it as a `PATCH`.";
    Problem { errors: problem.errors, ..Problem::new(Code::LinksGone, detail) }
}
