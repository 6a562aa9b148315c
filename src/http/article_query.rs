//! What clients ask of stories: the parameters of reads and lists, and the filters that they become.

use super::article_input::limits;
use super::contract::Contract;
use super::page::{Fields, slice};
use super::problem::Problem;
use super::representation::Format;
use crate::domain::article::Status;
use crate::domain::breach::Breach;
use crate::domain::text::{Id, Key, LanguageTag};
use crate::domain::time::Moment;
use crate::domain::user::Caller;
use crate::store::page::{Filter, Order, Slice};
use crate::store::{Conn, links};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Which copy of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum View {
    Live,
    Working,
}

/// What lists of stories may be sorted by; `-` means the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub enum ArticleSort {
    #[serde(rename = "-published_at")]
    PublicationDescending,
    #[serde(rename = "published_at")]
    Publication,
    #[serde(rename = "-updated_at")]
    UpdateDescending,
    #[serde(rename = "updated_at")]
    Update,
    #[serde(rename = "title")]
    Title,
    #[serde(rename = "-title")]
    TitleDescending,
    #[serde(rename = "-created_at")]
    CreationDescending,
    #[serde(rename = "created_at")]
    Creation,
}

impl ArticleSort {
    /// The order, and whether the largest comes first.
    pub const fn order(self) -> (Order, bool) {
        match self {
            Self::PublicationDescending => (Order::Publication, true),
            Self::Publication => (Order::Publication, false),
            Self::UpdateDescending => (Order::Update, true),
            Self::Update => (Order::Update, false),
            Self::TitleDescending => (Order::Title, true),
            Self::Title => (Order::Title, false),
            Self::CreationDescending => (Order::Creation, true),
            Self::Creation => (Order::Creation, false),
        }
    }
}

/// A relation that can be embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    Authors,
    Tags,
}

/// A cursor as it was answered.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 4000, pattern = "^[A-Za-z0-9_-]+$")]
#[serde(transparent)]
pub struct CursorText(pub String);

/// A member of the answer, as in `title` or `authors.name`; with `-` in front: all but it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 60, pattern = "^-?[a-z_]+([.][a-z_]+)?$", example = "title")]
#[serde(transparent)]
pub struct FieldName(pub String);

/// A whole assignee: `me`, or a user's id.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(pattern = "^(me|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$")]
#[serde(transparent)]
pub struct AssigneeKey(pub String);

/// The parameters of a list of stories.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListArticles {
    /// How many items a page has.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    pub limit: Option<u8>,
    /// The `next_cursor` of the page before.
    #[param(inline, nullable = false)]
    pub cursor: Option<CursorText>,
    /// Whether `page.total` is wanted, which costs a count.
    #[param(nullable = false)]
    pub count: Option<bool>,
    /// The order; `-published_at` for the live view, `-updated_at` for the working view and with `updated_after`, if left out. `created_at` is for the working view only.
    #[param(inline, nullable = false)]
    pub sort: Option<ArticleSort>,
    /// `working` shows working copies, drafts included, to those who have signed in.
    #[param(inline, nullable = false)]
    pub view: Option<View>,
    /// The forms of the body that the items carry; none if left out.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 4)]
    pub formats: Option<Vec<Format>>,
    /// The members wanted (`title,authors.name`), or those not wanted (`-custom,-seo`). The id always comes.
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
    /// Stories published later than this; in the live view they are sorted by `published_at`.
    #[param(inline, nullable = false)]
    pub published_after: Option<Moment>,
    /// Stories published earlier than this; in the live view they are sorted by `published_at`.
    #[param(inline, nullable = false)]
    pub published_before: Option<Moment>,
    /// Stories whose content changed later than this; in the live view they are sorted by `updated_at`.
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

/// A year of the common era.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[schema(minimum = 1, maximum = 9998, example = 2025)]
#[serde(transparent)]
pub struct Year(pub i16);

/// The parameters of a read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadArticle {
    /// `working` answers the working copy to those who have signed in.
    #[param(inline, nullable = false)]
    pub view: Option<View>,
    /// The forms of the body; `html` if left out.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 4)]
    pub formats: Option<Vec<Format>>,
    /// The members wanted (`title,authors.name`), or those not wanted (`-custom,-seo`). The id always comes.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 40)]
    pub fields: Option<Vec<FieldName>>,
    /// Relations to embed; authors and tags always are.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 2)]
    #[expect(dead_code, reason = "a closed list whose members are always embedded: it is checked, and that is all")]
    pub include: Option<Vec<Include>>,
}

impl ReadArticle {
    pub fn fields(&self, contract: &Contract) -> Result<Option<Fields>, Problem> {
        wanted(self.fields.as_deref(), self.view, contract)
    }
}

pub fn wanted(fields: Option<&[FieldName]>, view: Option<View>, contract: &Contract) -> Result<Option<Fields>, Problem> {
    let Some(fields) = fields else { return Ok(None) };
    let schema = if view == Some(View::Working) { "WorkingArticle" } else { "Article" };
    let names: Vec<String> = fields.iter().map(|field| field.0.clone()).collect();
    Fields::parse(Some(&names), &contract.member_names(schema))
}

/// A list as it was asked for, its parameters checked.
pub struct AskedList {
    pub query: ListArticles,
    /// Tells this list apart from all others.
    pub name: String,
    pub order: Order,
    pub descending: bool,
    pub slice: Slice,
    pub fields: Option<Fields>,
    pub formats: Vec<Format>,
}

impl ListArticles {
    /// Checks what the schema cannot: members, cursors, and what the view does not allow.
    pub fn checked(self, is_working: bool, contract: &Contract) -> Result<AskedList, Problem> {
        self.check(is_working)?;
        let fields = wanted(self.fields.as_deref(), self.view, contract)?;
        let by_update = is_working || self.updated_after.is_some();
        let usual = if by_update { ArticleSort::UpdateDescending } else { ArticleSort::PublicationDescending };
        let (order, descending) = self.sort.unwrap_or(usual).order();
        let name = self.name();
        let slice = slice(self.limit, self.cursor.as_ref().map(|cursor| cursor.0.as_str()), self.count, &name)?;
        let formats = self.formats.clone().unwrap_or_default();
        Ok(AskedList { query: self, name, order, descending, slice, fields, formats })
    }

    pub fn check(&self, is_working: bool) -> Result<(), Problem> {
        if is_working {
            return Ok(());
        }
        let mut breaches = Vec::new();
        let mut working_only =
            |name: &str| breaches.push(Breach::parameter(name, "working_view_only", "This needs `view=working` and a token."));
        if self.status.is_some() {
            working_only("status");
        }
        if self.assignee.is_some() {
            working_only("assignee");
        }
        if matches!(self.sort, Some(ArticleSort::Creation | ArticleSort::CreationDescending)) {
            working_only("sort");
        }
        self.check_ranges(&mut breaches);
        if breaches.is_empty() { Ok(()) } else { Err(Problem::invalid_query(breaches)) }
    }

    /// A range of dates goes with the order by that date: in any other it could mean to pass a million stories to find twenty.
    fn check_ranges(&self, breaches: &mut Vec<Breach>) {
        let order = self.sort.map(|sort| sort.order().0);
        let ranges = [("published_after", self.published_after), ("published_before", self.published_before)];
        let published = ranges.into_iter().find(|(_, bound)| bound.is_some());
        let mut breach = |name: &str, detail: String| breaches.push(Breach::parameter(name, "unsupported_combination", detail));
        if let Some((name, _)) = published.filter(|_| order.is_some_and(|order| order != Order::Publication)) {
            breach("sort", format!("With `{name}` the order is `-published_at` or `published_at`; use `year` with any order."));
        }
        if self.updated_after.is_some() {
            if let Some((name, _)) = published {
                breach("updated_after", format!("Use `updated_after` or `{name}`, not both; `year` goes with either."));
            } else if order.is_some_and(|order| order != Order::Update) {
                breach("sort", "With `updated_after` the order is `-updated_at` or `updated_at`.".into());
            }
        }
    }

    /// Tells this list apart from all others: everything but what a page may change.
    fn name(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        for name in ["limit", "cursor", "count", "formats", "fields", "include"] {
            value[name] = Value::Null;
        }
        format!("articles?{value}")
    }

    /// The filter over working copies.
    pub fn working_filter(&self, conn: &mut Conn, caller: &Caller) -> Result<Filter, Problem> {
        let mut filter = Filter { limits: limits(conn, caller)?, ..self.common_filter() };
        let known = |ids: Vec<Option<String>>| ids.into_iter().flatten().collect::<Vec<_>>();
        filter.authors = self.author.as_deref().map(|keys| links::author_ids(conn, &strings(keys))).transpose()?.map(known);
        filter.tags = self.tag.as_deref().map(|keys| links::tag_ids(conn, &strings(keys))).transpose()?.map(known);
        filter.without_authors = known(links::author_ids(conn, &strings(self.exclude_author.as_deref().unwrap_or_default()))?);
        filter.without_tags = known(links::tag_ids(conn, &strings(self.exclude_tag.as_deref().unwrap_or_default()))?);
        filter.statuses.clone_from(&self.status);
        filter.assignee =
            self.assignee.as_ref().map(|assignee| if assignee.0 == "me" { caller.user_id.clone() } else { assignee.0.clone() });
        Ok(filter)
    }

    fn common_filter(&self) -> Filter {
        let year = |year: &Year| Some((Moment::start_of_year(year.0)?, Moment::start_of_year(year.0 + 1)?));
        Filter {
            ids: self.ids.as_ref().map(|ids| ids.iter().map(|id| id.0.clone()).collect()),
            languages: self.language.as_ref().map(|tags| tags.iter().map(|tag| tag.0.clone()).collect()),
            years: self.year.as_ref().map(|years| years.iter().filter_map(year).collect()),
            published_after: self.published_after,
            published_before: self.published_before,
            updated_after: self.updated_after,
            ..Filter::default()
        }
    }
}

fn strings(keys: &[Key]) -> Vec<String> {
    keys.iter().map(|key| key.0.clone()).collect()
}
