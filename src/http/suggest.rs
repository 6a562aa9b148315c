//! What somebody who types into a search box may be after: titles, tags and authors that begin so.

use super::answer::{self, Public};
use super::guard::Anyone;
use super::input::Query;
use super::live::{self, Answer};
use super::problem::Problem;
use super::search_query::SearchText;
use super::site::{Desk, Site};
use crate::domain::search::{MOST_WORDS, Term};
use crate::domain::words::folded;
use crate::store::search::suggest::{self, Suggested};
use crate::store::{Conn, Error};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many suggestions come where the client does not say.
const DEFAULT_LIMIT: u8 = 8;

/// The parameters of suggestions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SuggestSearches {
    /// What has been typed so far; its last word may go on.
    #[param(inline)]
    pub q: SearchText,
    /// How many suggestions come at the most.
    #[param(minimum = 1, maximum = 20, default = 8, nullable = false)]
    pub limit: Option<u8>,
}

/// What a suggestion leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionKind {
    Article,
    Author,
    Tag,
}

/// Something that begins as what has been typed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Suggestion {
    pub kind: SuggestionKind,
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e60")]
    pub id: String,
    #[schema(example = "migration")]
    pub slug: String,
    /// A title or a name.
    #[schema(example = "Migration")]
    pub text: String,
}

/// Suggestions, the best first.
#[derive(Serialize, ToSchema)]
pub struct Suggestions {
    pub items: Vec<Suggestion>,
}

/// Suggests what somebody may be about to type.
///
/// Tags, authors and titles of live stories that have all the words, the last of which may go on. For every keystroke.
#[utoipa::path(get, path = "/v1/search/suggest", operation_id = "suggest_searches", tag = "search", params(SuggestSearches), security((), ("bearer" = [])),
    responses((status = 200, description = "Suggestions", body = Suggestions)))]
pub async fn suggest_searches(_caller: Anyone, site: Site, query: Query<SuggestSearches>) -> Result<HttpResponse, Problem> {
    let limit = usize::from(query.0.limit.unwrap_or(DEFAULT_LIMIT));
    let words = folded(&query.0.q.0);
    let work = move |conn: &mut Conn, _: &Desk| -> Result<Vec<Suggestion>, Error> {
        if words.is_empty() || words.len() > MOST_WORDS {
            return Ok(Vec::new());
        }
        let term = Term { words: words.clone(), places: Vec::new(), is_prefix: true };
        let of = |kind: SuggestionKind| move |Suggested { id, slug, text }: Suggested| Suggestion { kind, id, slug, text };
        // At least half of the places are for titles, if there are so many.
        let mut items: Vec<Suggestion> = suggest::tags(conn, &term, limit.div_ceil(4))?.into_iter().map(of(SuggestionKind::Tag)).collect();
        items.extend(suggest::authors(conn, &term, limit.div_ceil(4))?.into_iter().map(of(SuggestionKind::Author)));
        items.extend(suggest::titles(conn, &term, limit)?.into_iter().map(of(SuggestionKind::Article)));
        items.truncate(limit);
        Ok(items)
    };
    let items = live::read_long(&site, work).await?;
    let body = serde_json::to_string(&Suggestions { items }).map_err(|error| Problem::internal(&error.to_string()))?;
    let surrogate_keys = ["articles", "authors", "tags"].map(str::to_owned).to_vec();
    Ok(answer::finished(Answer { body, public: Public { surrogate_keys, ..Public::default() } }))
}
