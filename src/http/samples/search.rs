//! The examples of search.

use super::super::search::{FacetCount, FacetCounts, FoundArticle, Highlights, SearchPage, SearchPageInfo, Why};
use super::super::suggest::{Suggestion, SuggestionKind, Suggestions};
use super::{Article, BODY, LEAD, SLUG, STORY_ID, TITLE, live, page, sample};
use crate::domain::search::{Query, passage};
use crate::render;
use serde_json::Value;

/// The examples by the names of their schemas.
pub fn all() -> [(String, Value); 2] {
    let article = Article { html: None, corrections: None, ..live() };
    let query = Query::parse("drug-trafficking").unwrap_or_default();
    let text = render::markdown(BODY).map_or_else(|_| String::new(), |rendered| rendered.text);
    let highlights = Highlights {
        title: passage::whole(TITLE, &query),
        subtitle: None,
        lead: passage::best(LEAD, &query),
        text: passage::best(&text, &query),
    };
    let found = FoundArticle { article, why: Why { score: 6.25, highlights } };
    let tag = FacetCount { value: "migration".into(), name: Some("Migration".into()), count: 1 };
    let story = Suggestion { kind: SuggestionKind::Article, id: STORY_ID.into(), slug: SLUG.into(), text: TITLE.into() };
    [
        sample(&SearchPage {
            items: vec![found],
            page: SearchPageInfo { page: page(), total_is_exact: None },
            facets: Some(FacetCounts { tag: Some(vec![tag]), ..FacetCounts::default() }),
            did_you_mean: None,
        }),
        sample(&Suggestions { items: vec![story] }),
    ]
}
