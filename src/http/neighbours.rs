//! Beside a story: the ones before and after it, and those about the same.

use super::answer;
use super::faces::Face;
use super::guard::Anyone;
use super::input::{Name, Query};
use super::live::{Answer, about_list, items, names, read};
use super::problem::Problem;
use super::representation::Article;
use super::site::{Desk, Site};
use crate::store::live::{self as live_store, Bodies};
use crate::store::neighbours::{Adjacent, adjacent, related};
use crate::store::{self, Conn};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
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
    let work = move |conn: &mut Conn, desk: &Desk| -> Result<Answer, store::Error> {
        let story = live_store::find(conn, &key, Bodies::NONE)?;
        let faces = desk.directory.of(conn, std::slice::from_ref(&story))?;
        let primary = faces.first().and_then(|faces| faces.tags.first()).filter(|_| within_primary_tag);
        let Adjacent { previous, next } = adjacent(conn, &story, primary.map(|tag| tag.id.as_str()))?;
        let (mut inside, mut written) = (names(std::slice::from_ref(&story), &faces), Vec::new());
        for row in [previous, next] {
            let (item, found) = items(conn, desk, row.as_slice(), None)?;
            inside.extend(found);
            written.push(if item.is_empty() { "null".to_owned() } else { item });
        }
        Ok(Answer { body: format!("{{\"previous\":{},\"next\":{}}}", written[0], written[1]), public: about_list(once(inside)) })
    };
    Ok(answer::finished(read(&site, work).await?))
}

/// Lists the stories that share most with a story.
///
/// A shared tag is worth two points, a shared author one; of equals the newest comes first. The newest 100 stories of each tag and author are looked at.
#[utoipa::path(get, path = "/v1/articles/{article}/related", operation_id = "list_related", tag = "articles", params(("article" = String, Path, description = "Id or slug"), ListRelated), security((), ("bearer" = [])),
    responses((status = 200, description = "Stories about the same", body = RelatedArticles)))]
pub async fn list_related(_caller: Anyone, site: Site, key: Name, query: Query<ListRelated>) -> Result<HttpResponse, Problem> {
    let key = key.into_inner();
    let limit = usize::from(query.0.limit.unwrap_or(DEFAULT_RELATED));
    let work = move |conn: &mut Conn, desk: &Desk| -> Result<Answer, store::Error> {
        let story = live_store::find(conn, &key, Bodies::NONE)?;
        let faces = desk.directory.of(conn, std::slice::from_ref(&story))?;
        let mut inside = names(std::slice::from_ref(&story), &faces);
        let ids = |faces: &[Arc<Face>]| faces.iter().map(|face| face.id.clone()).collect::<Vec<_>>();
        let (tags, authors) = faces.first().map(|faces| (ids(&faces.tags), ids(&faces.authors))).unwrap_or_default();
        let rows = related(conn, &story, &tags, &authors, limit)?;
        let (items, found) = items(conn, desk, &rows, None)?;
        inside.extend(found);
        Ok(Answer { body: format!("{{\"items\":[{items}]}}"), public: about_list(once(inside)) })
    };
    Ok(answer::finished(read(&site, work).await?))
}

/// Each name once: neighbours share authors and tags with the story beside which they stand.
fn once(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}
