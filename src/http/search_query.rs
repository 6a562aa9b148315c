//! What clients ask of search: its parameters, the query in them, and the cursors of its pages.

use super::article_query::{ArticleSort, AssigneeKey, CursorText, FieldName, Include, ListArticles, View, Year, wanted};
use super::contract::Contract;
use super::page::{Fields, slice, unreadable_cursor};
use super::problem::{Code, Problem};
use super::representation::Format;
use crate::domain::article::Status;
use crate::domain::breach::Breach;
use crate::domain::search::{Query, Refusal};
use crate::domain::text::{Id, Key, LanguageTag};
use crate::domain::time::Moment;
use crate::store::page::{self, Position, Slice};
use crate::store::search::hits::{Asked, Pinned, Place};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// What somebody looks for, as they typed it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 300, example = "\"night buses\" -tram")]
#[serde(transparent)]
pub struct SearchText(pub String);

/// The order of what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub enum SearchSort {
    #[serde(rename = "relevance")]
    Relevance,
    #[serde(rename = "-published_at")]
    PublicationDescending,
}

/// By what matches can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    Tag,
    Author,
    Language,
    Year,
}

/// The parameters of a search.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchArticles {
    /// What is looked for. Words must all be there; `"words in a row"`, `-without`, `begin*`, and `OR` between two words. All else is literal; case and accents do not matter.
    #[param(inline)]
    pub q: SearchText,
    /// The order; `relevance` if left out.
    #[param(inline, nullable = false)]
    pub sort: Option<SearchSort>,
    /// `false` ranks old and new stories alike; otherwise one that has just come out counts up to 15 % more, half as much after each 30 days.
    #[param(nullable = false)]
    pub fresh: Option<bool>,
    /// By what the matches are counted, under the same filters.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 4)]
    pub facets: Option<Vec<Facet>>,
    /// How many items a page has.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    pub limit: Option<u8>,
    /// The `next_cursor` of the page before.
    #[param(inline, nullable = false)]
    pub cursor: Option<CursorText>,
    /// Whether `page.total` is wanted; it is counted up to 10 000.
    #[param(nullable = false)]
    pub count: Option<bool>,
    /// `working` searches working copies, drafts included, for those who have signed in.
    #[param(inline, nullable = false)]
    pub view: Option<View>,
    /// The forms of the body that the items carry; none if left out.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 4)]
    pub formats: Option<Vec<Format>>,
    /// The members wanted (`title,authors.name`), or those not wanted (`-custom,-seo`). The id, `score` and `highlights` always come.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 40)]
    pub fields: Option<Vec<FieldName>>,
    /// Relations to embed; authors and tags always are.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 2)]
    pub include: Option<Vec<Include>>,
    /// Stories by any of these authors (ids or slugs).
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 50)]
    pub author: Option<Vec<Key>>,
    /// Stories under any of these tags (ids or slugs).
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 50)]
    pub tag: Option<Vec<Key>>,
    /// No stories by any of these authors.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 50)]
    pub exclude_author: Option<Vec<Key>>,
    /// No stories under any of these tags.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 50)]
    pub exclude_tag: Option<Vec<Key>>,
    /// Stories in any of these languages.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 20)]
    pub language: Option<Vec<LanguageTag>>,
    /// Stories published in any of these years (UTC).
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 20)]
    pub year: Option<Vec<Year>>,
    /// Stories published later than this.
    #[param(inline, nullable = false)]
    pub published_after: Option<Moment>,
    /// Stories published earlier than this.
    #[param(inline, nullable = false)]
    pub published_before: Option<Moment>,
    /// Stories whose content changed later than this.
    #[param(inline, nullable = false)]
    pub updated_after: Option<Moment>,
    /// These stories alone.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 100)]
    pub ids: Option<Vec<Id>>,
    /// Working view only: stories with any of these statuses.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 5)]
    pub status: Option<Vec<Status>>,
    /// Working view only: stories that this user is to work on; `me` is the caller.
    #[param(inline, nullable = false)]
    pub assignee: Option<AssigneeKey>,
}

/// A search as it was asked for, its parameters checked.
pub struct AskedSearch {
    pub text: String,
    pub asked: Asked,
    pub filters: ListArticles,
    pub facets: Vec<Facet>,
    /// Tells this list apart from all others.
    pub name: String,
    pub slice: Slice,
    pub fields: Option<Fields>,
    pub formats: Vec<Format>,
}

impl SearchArticles {
    /// Checks what the schema cannot: the query itself, members, cursors, and what the view does not allow.
    pub fn checked(self, is_working: bool, now: Moment, contract: &Contract) -> Result<AskedSearch, Problem> {
        let text = self.q.0.clone();
        let query = Query::parse(&text).map_err(|refusal| refuse(&refusal))?;
        let fields = wanted(self.fields.as_deref(), self.view, contract)?;
        let name = self.name();
        let slice = slice(self.limit, self.cursor.as_ref().map(|cursor| cursor.0.as_str()), self.count, &name)?;
        let by_date = self.sort == Some(SearchSort::PublicationDescending);
        let cursor = slice.after.as_ref().map(|position| read(position, query.terms().count())).transpose()?;
        let (pinned, after) = cursor.unzip();
        let asked = Asked {
            query,
            by_date,
            now: (self.fresh != Some(false)).then(|| now.milliseconds() / 3_600_000),
            pinned,
            after,
            backward: slice.backward,
            limit: slice.limit,
            count: slice.count,
            facets: self.facets.is_some(),
        };
        let (facets, formats) = (self.facets.clone().unwrap_or_default(), self.formats.clone().unwrap_or_default());
        let filters = self.filters();
        filters.check(is_working)?;
        Ok(AskedSearch { text, asked, filters, facets, name, slice, fields, formats })
    }

    /// Tells this list apart from all others: everything but what a page may change.
    fn name(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        for name in ["limit", "cursor", "count", "formats", "fields", "include", "facets"] {
            value[name] = Value::Null;
        }
        format!("search?{value}")
    }

    /// The filters, as lists have them.
    fn filters(self) -> ListArticles {
        let Self { q: _, sort: _, fresh: _, facets: _, limit, cursor, count, view, formats, fields, include, author, tag, .. } = self;
        let Self { exclude_author, exclude_tag, language, year, published_after, published_before, .. } = self;
        let Self { updated_after, ids, status, assignee, .. } = self;
        ListArticles {
            limit,
            cursor,
            count,
            sort: None::<ArticleSort>,
            view,
            formats,
            fields,
            include,
            author,
            tag,
            exclude_author,
            exclude_tag,
            language,
            year,
            published_after,
            published_before,
            updated_after,
            ids,
            status,
            assignee,
        }
    }
}

fn refuse(refusal: &Refusal) -> Problem {
    let Refusal { code, detail, position } = refusal;
    let breach = Breach::parameter("q", code, format!("{detail} (At character {position}, counted from 0.)"));
    let problem = Problem::new(Code::InvalidSearch, "Mend the query `q`; `position` says where it cannot be read.");
    Problem { errors: vec![breach], ..problem.with_member("position", *position) }
}

/// Where a page of a search ends: what it is sorted by, and what all its pages have in common.
pub fn position(place: &Place, pinned: &Pinned) -> Position {
    let now = pinned.now.map_or_else(|| "-".to_owned(), |now| now.to_string());
    let weights: Vec<String> = pinned.weights.iter().map(i64::to_string).collect();
    let key = format!("{} {now} {} {}", place.key, pinned.top, weights.join(","));
    Position { key: page::Key::Text(key), id: place.id.clone() }
}

fn read(position: &Position, terms: usize) -> Result<(Pinned, (i64, String)), Problem> {
    let parts: Vec<&str> = position.key.text().split(' ').collect();
    let [key, now, top, weights] = parts[..] else { return Err(unreadable_cursor()) };
    let number = |text: &str| text.parse::<i64>().map_err(|_bad| unreadable_cursor());
    let weights = weights.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
    if weights.len() != terms || weights.iter().any(|weight| !(0..=100_000).contains(weight)) {
        return Err(unreadable_cursor());
    }
    let now = if now == "-" { None } else { Some(number(now)?) };
    Ok((Pinned { top: number(top)?, now, weights }, (number(key)?, position.id.clone())))
}
