//! Beside a story: the ones before and after it, and those about the same.

use super::answer;
use super::articles::about_list;
use super::guard::Anyone;
use super::input::{Name, Query};
use super::problem::Problem;
use super::representation::{Article, Format, live};
use super::site::{HttpSettings, Site};
use crate::store;
use crate::store::live as live_store;
use crate::store::neighbours::{adjacent, related};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many related stories come where the client does not say.
const DEFAULT_RELATED: u8 = 5;

/// Among which stories the neighbours are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// All live stories.
    All,
    /// Those under the story's first tag.
    PrimaryTag,
}

/// The parameters of `adjacent`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadAdjacent {
    /// `primary_tag` stays under the story's first tag; `all` if left out.
    #[param(inline, nullable = false)]
    pub within: Option<Within>,
}

/// The parameters of `related`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListRelated {
    /// How many stories come at the most.
    #[param(minimum = 1, maximum = 20, default = 5, nullable = false)]
    pub limit: Option<u8>,
}

/// The stories published just before and just after a story; null where there is none.
#[derive(Serialize, ToSchema)]
pub struct AdjacentArticles {
    /// The one published before it.
    pub previous: Option<Article>,
    /// The one published after it.
    pub next: Option<Article>,
}

/// The stories that share most with a story.
#[derive(Serialize, ToSchema)]
pub struct RelatedArticles {
    pub items: Vec<Article>,
}

/// Reads the stories published just before and just after a story.
#[utoipa::path(get, path = "/v1/articles/{article}/adjacent", operation_id = "get_adjacent", tag = "articles", params(("article" = String, Path, description = "Id or slug"), ReadAdjacent), security((), ("bearer" = [])),
    responses((status = 200, description = "Its neighbours by date", body = AdjacentArticles)))]
pub async fn get_adjacent(_caller: Anyone, site: Site, key: Name, query: Query<ReadAdjacent>) -> Result<HttpResponse, Problem> {
    let key = key.into_inner();
    let within_primary_tag = query.0.within == Some(Within::PrimaryTag);
    let (story, beside) = site
        .store
        .read(move |conn| -> Result<_, store::Error> {
            let story = live_store::find(conn, &key)?;
            let beside = adjacent(conn, &story, within_primary_tag)?;
            Ok((story, beside))
        })
        .await?;
    let about = about_list(std::iter::once(&story).chain(&beside.previous).chain(&beside.next));
    let previous = beside.previous.map(|copy| summary(copy, site.settings())).transpose()?;
    let next = beside.next.map(|copy| summary(copy, site.settings())).transpose()?;
    answer::public(&AdjacentArticles { previous, next }, about)
}

/// Lists the stories that share most with a story.
///
/// A shared tag is worth two points, a shared author one; of equals the newest comes first. The newest 200 stories of each tag and author are looked at.
#[utoipa::path(get, path = "/v1/articles/{article}/related", operation_id = "list_related", tag = "articles", params(("article" = String, Path, description = "Id or slug"), ListRelated), security((), ("bearer" = [])),
    responses((status = 200, description = "Stories about the same", body = RelatedArticles)))]
pub async fn list_related(_caller: Anyone, site: Site, key: Name, query: Query<ListRelated>) -> Result<HttpResponse, Problem> {
    let key = key.into_inner();
    let limit = usize::from(query.0.limit.unwrap_or(DEFAULT_RELATED));
    let (story, copies) = site
        .store
        .read(move |conn| -> Result<_, store::Error> {
            let story = live_store::find(conn, &key)?;
            let copies = related(conn, &story, limit)?;
            Ok((story, copies))
        })
        .await?;
    let about = about_list(std::iter::once(&story).chain(&copies));
    let items = copies.into_iter().map(|copy| summary(copy, site.settings())).collect::<Result<_, _>>()?;
    answer::public(&RelatedArticles { items }, about)
}

/// A story without its body, as lists show it.
fn summary(copy: live_store::LiveCopy, settings: &HttpSettings) -> Result<Article, Problem> {
    const NO_BODY: &[Format] = &[];
    live(copy, NO_BODY, settings)
}
