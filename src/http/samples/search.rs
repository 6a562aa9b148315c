//! The examples of search.

use super::super::search::{FacetCount, FacetCounts, FoundArticle, Highlights, SearchPage, SearchPageInfo, Why};
use super::super::suggest::{Suggestion, SuggestionKind, Suggestions};
use super::{Article, SLUG, STORY_ID, TITLE, live, page, sample};
use serde_json::Value;

/// The examples by the names of their schemas.
pub fn all() -> [(String, Value); 2] {
    let article = Article { html: None, corrections: None, ..live() };
    let highlights = Highlights { title: Some(TITLE.replace("Migration", "<mark>Migration</mark>")), ..Highlights::default() };
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
