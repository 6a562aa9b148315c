//! Search: what was found, with the passages that say why.

use super::answer::{self, Public};
use super::article_query::View;
use super::guard::Anyone;
use super::input::Query;
use super::listing::with_link;
use super::live::{self, Answer};
use super::page::{Ends, Fields, List, PageInfo};
use super::problem::Problem;
use super::representation::{Article, WorkingArticle, working};
use super::search_query::{AskedSearch, Facet, SearchArticles, position};
use super::site::{Desk, Site, Worker};
use crate::domain::article::Content;
use crate::domain::search::{self, passage};
use crate::domain::tag::Visibility;
use crate::domain::user::Caller;
use crate::render;
use crate::store::live as live_store;
use crate::store::page::Page;
use crate::store::search::hits::{self, Found, Total};
use crate::store::search::{live as live_search, working as working_search};
use crate::store::{Conn, Error};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// How many authors and tags are looked up to name the values of a facet.
const NAMED: usize = 200;

/// A page of what was found.
#[derive(Serialize, ToSchema)]
pub struct SearchPage {
    pub items: Vec<FoundArticle>,
    pub page: SearchPageInfo,
    /// The values that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub facets: Option<FacetCounts>,
    /// The query with its slips mended, where it finds nothing as it is and something then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "migration")]
    pub did_you_mean: Option<String>,
}

/// What tells of a page of a search.
#[derive(Serialize, ToSchema)]
pub struct SearchPageInfo {
    #[serde(flatten)]
    pub page: PageInfo,
    /// Whether `total` is all there are: it is counted up to 10 000. Only where `count=true` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total_is_exact: Option<bool>,
}

/// A story that was found.
#[derive(Serialize, ToSchema)]
pub struct FoundArticle {
    #[serde(flatten)]
    pub article: Article,
    #[serde(flatten)]
    pub why: Why,
}

/// A working copy that was found.
#[derive(Serialize)]
struct FoundWorking {
    #[serde(flatten)]
    article: WorkingArticle,
    #[serde(flatten)]
    why: Why,
}

/// Why a story was found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Why {
    /// How well it answers; comparable within one search alone.
    #[schema(example = 6.25)]
    pub score: f64,
    pub highlights: Highlights,
}

/// What was looked for in its place: HTML with `<mark>` around each word and everything else escaped. Members without any are left out.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Highlights {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "U.S. and Guatemala Address <mark>Migration</mark> and Drug Trafficking")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub subtitle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub lead: Option<String>,
    /// The best passage of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text: Option<String>,
}

/// How many matches have which tag, author, language and year, the most frequent first and at most 50 of each; of the newest 10 000 matches.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct FacetCounts {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tag: Option<Vec<FacetCount>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub author: Option<Vec<FacetCount>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub language: Option<Vec<FacetCount>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub year: Option<Vec<FacetCount>>,
}

/// How many matches have one value.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FacetCount {
    /// As the filter takes it: a slug, a language, a year.
    #[schema(example = "migration")]
    pub value: String,
    /// Of an author or a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Migration")]
    pub name: Option<String>,
    #[schema(example = 12)]
    pub count: i64,
}

/// Finds stories by their words.
///
/// Titles count most, then leads, headings, the body, and the names of authors and tags; case and accents do not matter. The newest 600
/// matches are ranked, and 500 more with all words in their titles: deeper pages end there. Phrases are looked for in the newest 4000 stories
/// that have all their words. A query that cannot be read is 422 `invalid_search` with its `position`.
#[utoipa::path(get, path = "/v1/search", operation_id = "search_articles", tag = "search", params(SearchArticles), security((), ("bearer" = [])),
    responses((status = 200, description = "A page of what was found", body = SearchPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn search_articles(
    caller: Anyone,
    request: HttpRequest,
    site: Site,
    query: Query<SearchArticles>,
) -> Result<HttpResponse, Problem> {
    let (now, contract) = (site.now(), &site.desk.contract);
    if query.0.view == Some(View::Working) {
        let caller = caller.signed_in()?;
        return search_working(caller, &request, &site, query.0.checked(true, now, contract)?).await;
    }
    Ok(answer::finished(search_live(&request, &site, query.0.checked(false, now, contract)?).await?))
}

async fn search_live(request: &HttpRequest, site: &Site, search: AskedSearch) -> Result<Answer, Problem> {
    let AskedSearch { text, asked, filters, facets, name, slice, fields, formats } = search;
    let work = move |conn: &mut Conn, desk: &Desk| -> Result<(String, Vec<String>, Found, Option<FacetCounts>), Error> {
        let filter = live::filter(conn, desk, &filters)?;
        let mut found = live_search::search(conn, &asked, &filter)?;
        if found.page.is_empty() && asked.after.is_none() {
            found.did_you_mean = live_search::did_you_mean(conn, &text, &asked, &filter)?;
        }
        let ids: Vec<String> = found.page.iter().map(|place| place.id.clone()).collect();
        let rows = live_store::by_ids(conn, &ids, live::bodies(&formats))?;
        let mut texts = live_search::texts(conn, &ids)?;
        let (mut items, mut names) = (String::new(), Vec::new());
        for row in &rows {
            let (item, inside) = live::items(conn, desk, std::slice::from_ref(row), fields.as_ref())?;
            names.extend(inside);
            let why = why(&asked.query, score_of(&found, &row.article_id), texts.remove(&row.article_id));
            with_why(&mut items, &item, &why)?;
        }
        let facets = counts(conn, &mut found, &facets, false)?;
        Ok((items, names, found, facets))
    };
    let (items, mut names, found, facets) = live::read_long(site, work).await?;
    names.sort_unstable();
    names.dedup();
    // A new name may find other stories, and a new author or tag be one that is meant.
    names.extend(["authors".to_owned(), "tags".to_owned()]);
    let did_you_mean = found.did_you_mean.clone();
    let (page, link) = page_info(found, &slice, &name, request);
    let rest = SearchPage { items: Vec::new(), page, facets, did_you_mean };
    let rest = serde_json::to_string(&rest).map_err(|error| Problem::internal(&error.to_string()))?;
    let body = rest.replacen("\"items\":[]", &format!("\"items\":[{items}]"), 1);
    Ok(Answer { body, public: Public { link, ..live::about_list(names) } })
}

async fn search_working(caller: Caller, request: &HttpRequest, site: &Worker, search: AskedSearch) -> Result<HttpResponse, Problem> {
    let AskedSearch { text: _, asked, filters, facets, name, slice, fields, formats } = search;
    let query = asked.query.clone();
    let (copies, found, facets) = site
        .store
        .read_long(move |conn| -> Result<_, Problem> {
            let filter = filters.working_filter(conn, &caller)?;
            let mut found = working_search::search(conn, &asked, &filter)?;
            let ids: Vec<String> = found.page.iter().map(|place| place.id.clone()).collect();
            let facets = counts(conn, &mut found, &facets, true)?;
            Ok((working_search::copies(conn, &ids)?, found, facets))
        })
        .await?;
    let mut items = Vec::with_capacity(copies.len());
    for copy in copies {
        let content = copy.row.content()?;
        let text = render::markdown(&content.body).map_or_else(|_too_deep| content.body.clone(), |rendered| rendered.text);
        let why = why(&query, score_of(&found, &copy.row.id), Some((content, text)));
        items.push(sparse(&FoundWorking { article: working(copy, &formats, &site.desk)?, why }, fields.as_ref())?);
    }
    let (page, link) = page_info(found, &slice, &name, request);
    let mut value = serde_json::to_value(SearchPage { items: Vec::new(), page, facets, did_you_mean: None })
        .map_err(|error| Problem::internal(&error.to_string()))?;
    value["items"] = items.into();
    Ok(with_link(answer::private(&value, None)?, link))
}

/// The members that were asked for; `score` and `highlights` always come.
fn sparse(found: &FoundWorking, fields: Option<&Fields>) -> Result<serde_json::Value, Problem> {
    let internal = |error: serde_json::Error| Problem::internal(&error.to_string());
    let whole = serde_json::to_value(found).map_err(internal)?;
    let Some(fields) = fields else { return Ok(whole) };
    let mut kept = fields.apply(whole);
    for (name, member) in [("score", serde_json::to_value(found.why.score)), ("highlights", serde_json::to_value(&found.why.highlights))] {
        kept[name] = member.map_err(internal)?;
    }
    Ok(kept)
}

fn page_info(found: Found, slice: &crate::store::page::Slice, name: &str, request: &HttpRequest) -> (SearchPageInfo, Option<String>) {
    let Found { page, has_previous, has_next, pinned, total, .. } = found;
    let ends: Ends = page.first().zip(page.last()).map(|(first, last)| (position(first, &pinned), position(last, &pinned)));
    let page = Page { items: Vec::<()>::new(), has_previous, has_next, total: total.map(|total: Total| total.count) };
    let list = List::of(page, slice, ends, name);
    let link = list.link(request);
    (SearchPageInfo { page: list.page, total_is_exact: total.map(|total| total.is_exact) }, link)
}

#[expect(clippy::cast_precision_loss, reason = "a score is far below the end of what f64 counts exactly")]
fn score_of(found: &Found, id: &str) -> f64 {
    let score = found.page.iter().find(|place| place.id == id).map_or(0, |place| place.score);
    (score / 100) as f64 / 10_000.0
}

fn why(query: &search::Query, score: f64, text: Option<(Content, String)>) -> Why {
    let highlights = text.map_or_else(Highlights::default, |(content, text)| Highlights {
        title: passage::whole(&content.title, query),
        subtitle: content.subtitle.as_deref().and_then(|text| passage::whole(text, query)),
        lead: content.lead.as_deref().and_then(|text| passage::best(text, query)),
        text: passage::best(&text, query),
    });
    Why { score, highlights }
}

/// Writes an item with the reasons behind its other members.
fn with_why(out: &mut String, item: &str, why: &Why) -> Result<(), Error> {
    let why = serde_json::to_string(why).map_err(|error| Error::Damaged(error.to_string()))?;
    let (Some(item), Some(why)) = (item.strip_suffix('}'), why.strip_prefix('{')) else {
        return Err(Error::Damaged("a finished story is no object".into()));
    };
    if !out.is_empty() {
        out.push(',');
    }
    out.push_str(item);
    out.push(',');
    out.push_str(why);
    Ok(())
}

/// Names the values of facets. Internal tags show in the working view alone.
fn counts(conn: &mut Conn, found: &mut Found, asked: &[Facet], with_internal: bool) -> Result<Option<FacetCounts>, Error> {
    let Some(counted) = found.facets.take() else { return Ok(None) };
    let first = |values: &[(String, i64)]| values.iter().take(NAMED).map(|(id, _)| id.clone()).collect::<Vec<_>>();
    let mut counts = FacetCounts::default();
    let wants = |facet: Facet| asked.contains(&facet);
    if wants(Facet::Tag) {
        let rows = live_store::labels(conn, &first(&counted.tags))?.into_iter().map(|(row, _)| row);
        let shown = rows.filter(|row| with_internal || row.visibility == Visibility::Public.name());
        counts.tag = Some(named(counted.tags, shown.map(|row| (row.id, (row.slug, row.name))).collect()));
    }
    if wants(Facet::Author) {
        let rows = live_store::bylines(conn, &first(&counted.authors))?.into_iter();
        counts.author = Some(named(counted.authors, rows.map(|(row, _)| (row.id, (row.slug, row.name))).collect()));
    }
    let plain = |values: Vec<(String, i64)>| -> Vec<FacetCount> {
        let each = hits::told(values, |value| Some(value.to_owned())).into_iter();
        each.map(|(value, count)| FacetCount { value, name: None, count }).collect()
    };
    counts.language = wants(Facet::Language).then(|| plain(counted.languages));
    counts.year = wants(Facet::Year).then(|| plain(counted.years));
    Ok(Some(counts))
}

fn named(values: Vec<(String, i64)>, mut names: HashMap<String, (String, String)>) -> Vec<FacetCount> {
    let each = hits::told(values, |id| names.remove(id)).into_iter();
    let mut counts: Vec<FacetCount> = each.map(|((value, name), count)| FacetCount { value, name: Some(name), count }).collect();
    // Of those as frequent, by the alphabet.
    counts.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.value.cmp(&other.value)));
    counts
}
