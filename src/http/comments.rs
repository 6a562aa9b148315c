//! What the newsroom says about a story among itself: with a step, or in between.

use super::answer::{self, Reply};
use super::article_input::{found, found_id};
use super::article_query::CursorText;
use super::guard::Allowed;
use super::input::{Body, Name, NoParameters, Query};
use super::listing::with_link;
use super::once::Once;
use super::page::{List, PageInfo, ends, slice};
use super::problem::Problem;
use super::site::Site;
use crate::domain::id;
use crate::domain::text::Remark;
use crate::domain::time::Moment;
use crate::store::articles::Stamp;
use crate::store::comments::{self, CommentRow, Said};
use crate::store::slugs::{self, Kind};
use crate::store::{Write, users};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Something to say.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateComment {
    pub comment: Remark,
}

/// Something said about a story, for the newsroom alone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Comment {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e64")]
    pub id: String,
    /// The step that it came with, `submit` or `return`; else `comment`.
    #[schema(example = "comment")]
    pub event: String,
    #[schema(example = "Who says so? Please name the source.")]
    pub comment: String,
    /// The version of the story that it is about.
    #[schema(example = 1)]
    pub version: i64,
    /// The id of the user who said it.
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e62")]
    pub created_by: String,
    /// The user's name, while there is such a user.
    #[schema(example = "Ana López")]
    pub name: Option<String>,
    pub created_at: Moment,
}

/// A page of comments.
#[derive(Serialize, ToSchema)]
pub struct CommentPage {
    pub items: Vec<Comment>,
    pub page: PageInfo,
}

/// The parameters of the list of comments.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListComments {
    /// How many items a page has.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    pub limit: Option<u8>,
    /// The `next_cursor` of the page before.
    #[param(inline, nullable = false)]
    pub cursor: Option<CursorText>,
    /// Whether `page.total` is wanted.
    #[param(nullable = false)]
    pub count: Option<bool>,
}

fn comment((row, name): (CommentRow, Option<String>)) -> Comment {
    let CommentRow { id, position: _, version, event, text, created_by, created_at } = row;
    Comment { id, event, comment: text, version, created_by, name, created_at: Moment::from_milliseconds(created_at) }
}

/// Lists what was said about a story, the oldest first.
#[utoipa::path(get, path = "/v1/articles/{article}/comments", operation_id = "list_comments", tag = "articles", params(("article" = String, Path, description = "Id or slug"), ListComments), security(("bearer" = [])),
    responses((status = 200, description = "A page of comments", body = CommentPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_comments(
    caller: Allowed,
    request: HttpRequest,
    site: Site,
    key: Name,
    query: Query<ListComments>,
) -> Result<HttpResponse, Problem> {
    let (query, key) = (query.0, key.into_inner());
    let story = site.store.read(move |conn| found_id(conn, &caller.0, &key)).await?;
    let name = format!("comments of {story}");
    let slice = slice(query.limit, query.cursor.as_ref().map(|cursor| cursor.0.as_str()), query.count, &name)?;
    let asked = slice.clone();
    let page = site.store.read(move |conn| comments::list(conn, &story, &asked)).await?;
    let ends = ends(&page.items, |(row, _)| Ok::<_, Problem>(comments::position(row)))?;
    let list = List::of(page, &slice, ends, &name);
    let link = list.link(&request);
    let items = list.items.into_iter().map(comment).collect();
    Ok(with_link(answer::private(&CommentPage { items, page: list.page }, None)?, link))
}

/// Says something about a story. It changes nothing of the story, so it needs no `If-Match`.
#[utoipa::path(post, path = "/v1/articles/{article}/comments", operation_id = "create_comment", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = CreateComment, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The comment", body = Comment, headers(("Location" = String, description = "The address of the story's comments"), ("ETag" = String, description = "Of the comment, which never changes")))))]
pub async fn create_comment(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    body: Body<CreateComment>,
) -> Result<HttpResponse, Problem> {
    let CreateComment { comment: Remark(text) } = body.read().await?;
    let (key, stamp) = (key.into_inner(), Stamp::new(caller.0.user_id.clone(), site.now()));
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        slugs::take_turn(write, Kind::Article, &key)?;
        let story = found(write, &caller.0, &key)?.row;
        let said = Said { id: &id::new(stamp.now), event: "comment", version: story.version, text: &text };
        let row = comments::insert(write, &story.id, &said, &stamp)?;
        let name = users::by_id(write, &stamp.user_id)?.name;
        Reply::created(&comment((row, Some(name))), 1, format!("/v1/articles/{}/comments", story.id))
    };
    once.write(&site, work).await
}
