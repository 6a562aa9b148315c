//! What clients say about stories: the parameters of reads, the body of writes, and how a write becomes a draft.

use super::contract::Contract;
use super::input::MergePatch;
use super::page::Fields;
use super::precondition::{Current, IfMatch};
use super::problem::Problem;
use super::representation::Format;
use crate::domain::article::{Content, Dateline, Image, Seo, Status};
use crate::domain::breach::Breach;
use crate::domain::permission::{Deed, may};
use crate::domain::slug;
use crate::domain::text::{FilledText, Id, Key, LanguageTag, Slug, WebAddress};
use crate::domain::time::Moment;
use crate::domain::user::{Caller, Role};
use crate::render;
use crate::store::articles::{self, Draft, WorkingCopy};
use crate::store::page::{Filter, Order};
use crate::store::slugs::Wish;
use crate::store::{self, Conn, links, live};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
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
    /// The order; `-published_at` for the live view and `-updated_at` for the working view if left out. `created_at` is for the working view only.
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

fn wanted(fields: Option<&[FieldName]>, view: Option<View>, contract: &Contract) -> Result<Option<Fields>, Problem> {
    let Some(fields) = fields else { return Ok(None) };
    let schema = if view == Some(View::Working) { "WorkingArticle" } else { "Article" };
    let names: Vec<String> = fields.iter().map(|field| field.0.clone()).collect();
    Fields::parse(Some(&names), &contract.member_names(schema))
}

impl ListArticles {
    /// What the view does not allow.
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
        if breaches.is_empty() { Ok(()) } else { Err(Problem::invalid_query(breaches)) }
    }

    pub fn fields(&self, contract: &Contract) -> Result<Option<Fields>, Problem> {
        wanted(self.fields.as_deref(), self.view, contract)
    }

    /// Tells this list apart from all others: everything but what a page may change.
    pub fn name(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        for name in ["limit", "cursor", "count", "formats", "fields", "include"] {
            value[name] = Value::Null;
        }
        format!("articles?{value}")
    }

    /// The filter over live copies.
    pub fn live_filter(&self, conn: &mut Conn) -> Result<Filter, Problem> {
        let mut filter = self.common_filter();
        filter.authors = self.author.as_deref().map(|keys| live::author_ids(conn, &strings(keys))).transpose()?;
        filter.tags = self.tag.as_deref().map(|keys| live::tag_ids(conn, &strings(keys))).transpose()?;
        filter.without_authors = live::author_ids(conn, &strings(self.exclude_author.as_deref().unwrap_or_default()))?;
        filter.without_tags = live::tag_ids(conn, &strings(self.exclude_tag.as_deref().unwrap_or_default()))?;
        Ok(filter)
    }

    /// The filter over working copies.
    pub fn working_filter(&self, conn: &mut Conn, user_id: &str) -> Result<Filter, Problem> {
        let mut filter = self.common_filter();
        let known = |ids: Vec<Option<String>>| ids.into_iter().flatten().collect::<Vec<_>>();
        filter.authors = self.author.as_deref().map(|keys| links::author_ids(conn, &strings(keys))).transpose()?.map(known);
        filter.tags = self.tag.as_deref().map(|keys| links::tag_ids(conn, &strings(keys))).transpose()?.map(known);
        filter.without_authors = known(links::author_ids(conn, &strings(self.exclude_author.as_deref().unwrap_or_default()))?);
        filter.without_tags = known(links::tag_ids(conn, &strings(self.exclude_tag.as_deref().unwrap_or_default()))?);
        filter.statuses.clone_from(&self.status);
        filter.assignee = self.assignee.as_ref().map(|assignee| if assignee.0 == "me" { user_id.to_owned() } else { assignee.0.clone() });
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

/// A new story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateArticle {
    pub title: FilledText,
    /// Made from the title if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    #[schema(max_length = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dateline: Option<Dateline>,
    /// The first paragraph, which tells the whole story in short.
    #[schema(max_length = 5000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
    /// Markdown: CommonMark, tables, footnotes; raw HTML is shown as text.
    #[schema(max_length = 500_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// `en` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguageTag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_url: Option<WebAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seo: Option<Seo>,
    /// The site's own members: at most 16 KiB of JSON, 8 levels deep.
    #[schema(value_type = Option<Object>, additional_properties = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Map<String, Value>>,
    /// Authors by id, in order; use this or `authors`.
    #[schema(max_items = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author_ids: Option<Vec<Key>>,
    /// Authors by slug (or id), in order.
    #[schema(max_items = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors: Option<Vec<Key>>,
    /// Tags by id, in order; use this or `tags`.
    #[schema(max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_ids: Option<Vec<Key>>,
    /// Tags by slug (or id), in order.
    #[schema(max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Key>>,
}

impl CreateArticle {
    /// What a client would send to make this very copy: what a merge patch is applied to.
    pub fn of(copy: &WorkingCopy) -> Result<Self, Problem> {
        let Content { title, subtitle, dateline, lead, body, image, language, canonical_url, seo, custom } = copy.row.content()?;
        Ok(Self {
            title: FilledText(title),
            slug: Some(Slug(copy.row.slug.clone())),
            subtitle,
            dateline,
            lead,
            body: Some(body),
            image,
            language: Some(language),
            canonical_url,
            seo,
            custom: Some(custom),
            author_ids: Some(copy.authors.iter().map(|author| Key(author.id.clone())).collect()),
            authors: None,
            tag_ids: Some(copy.tags.iter().map(|tag| Key(tag.id.clone())).collect()),
            tags: None,
        })
    }

    /// Without the ids that a patch replaces by slugs.
    pub fn without_replaced(&self, patch: &MergePatch<Self>) -> Self {
        let mut copy = self.clone();
        if patch.names("authors") && !patch.names("author_ids") {
            copy.author_ids = None;
        }
        if patch.names("tags") && !patch.names("tag_ids") {
            copy.tag_ids = None;
        }
        copy
    }

    /// A slug that was cleared stays as it was, and so do defaults, so that "nothing changed" can be seen.
    pub fn keep_slug(&mut self, before: &Self) {
        if self.slug.is_none() {
            self.slug.clone_from(&before.slug);
        }
        self.body.get_or_insert_default();
        self.custom.get_or_insert_default();
        self.language.get_or_insert_with(|| LanguageTag("en".into()));
        if self.authors.is_none() {
            self.author_ids.get_or_insert_default();
        }
        if self.tags.is_none() {
            self.tag_ids.get_or_insert_default();
        }
    }
}

/// A story ready to be stored, but for the authors and tags that it names.
pub struct ReadyArticle {
    draft: Draft,
    authors: (&'static str, Vec<String>),
    tags: (&'static str, Vec<String>),
}

/// Keeps the rules of the domain and renders the body, all breaches at once.
pub fn draft_of(input: CreateArticle) -> Result<ReadyArticle, Problem> {
    let CreateArticle { title, slug, subtitle, dateline, lead, body, image, language, canonical_url, seo, custom, .. } = input;
    let mut breaches = Vec::new();
    let authors = one_of(("author_ids", input.author_ids), ("authors", input.authors), &mut breaches);
    let tags = one_of(("tag_ids", input.tag_ids), ("tags", input.tags), &mut breaches);
    let content = Content {
        title: title.0,
        subtitle,
        dateline,
        lead,
        body: body.unwrap_or_default(),
        image,
        language: language.unwrap_or_else(|| LanguageTag("en".into())),
        canonical_url,
        seo,
        custom: custom.unwrap_or_default(),
    };
    breaches.extend(content.check());
    breaches.extend(slug.as_ref().and_then(|slug| slug::check(&slug.0, "/slug")));
    let rendered =
        render::markdown(&content.body).map_err(|refusal| breaches.push(Breach::member("/body", "too_complex", refusal.to_string())));
    let (Ok(rendered), true) = (rendered, breaches.is_empty()) else { return Err(Problem::invalid_body(breaches)) };
    let slug = slug.map_or_else(|| Wish::Made(slug::from_words(&content.title, "story")), |slug| Wish::Chosen(slug.0));
    let draft = Draft {
        slug,
        html: rendered.html,
        text: rendered.text,
        blocks: serde_json::to_string(&rendered.blocks).map_err(|error| Problem::internal(&error.to_string()))?,
        word_count: i64::from(rendered.word_count),
        reading_minutes: i64::from(rendered.reading_minutes),
        content,
        author_ids: Vec::new(),
        tag_ids: Vec::new(),
    };
    Ok(ReadyArticle { draft, authors, tags })
}

fn one_of(
    (ids_name, ids): (&'static str, Option<Vec<Key>>),
    (slugs_name, slugs): (&'static str, Option<Vec<Key>>),
    breaches: &mut Vec<Breach>,
) -> (&'static str, Vec<String>) {
    if ids.is_some() && slugs.is_some() {
        breaches.push(Breach::member(format!("/{slugs_name}"), "ambiguous", format!("Use `{ids_name}` or `{slugs_name}`, not both.")));
    }
    let (name, keys) = if slugs.is_some() { (slugs_name, slugs) } else { (ids_name, ids) };
    (name, keys.unwrap_or_default().into_iter().map(|key| key.0).collect())
}

impl ReadyArticle {
    /// Finds the authors and tags; each one that does not exist or is named twice is a breach.
    pub fn linked(mut self, conn: &mut Conn) -> Result<Draft, Problem> {
        let mut breaches = Vec::new();
        let author_ids = links::author_ids(conn, &self.authors.1)?;
        self.draft.author_ids = existing(author_ids, &self.authors, "author", &mut breaches);
        let tag_ids = links::tag_ids(conn, &self.tags.1)?;
        self.draft.tag_ids = existing(tag_ids, &self.tags, "tag", &mut breaches);
        if breaches.is_empty() { Ok(self.draft) } else { Err(Problem::invalid_body(breaches)) }
    }
}

fn existing(ids: Vec<Option<String>>, (member, keys): &(&'static str, Vec<String>), what: &str, breaches: &mut Vec<Breach>) -> Vec<String> {
    let mut found: Vec<String> = Vec::with_capacity(ids.len());
    for (index, (id, key)) in ids.into_iter().zip(keys).enumerate() {
        let pointer = format!("/{member}/{index}");
        match id {
            None => breaches.push(Breach::member(pointer, "unknown", format!("There is no {what} `{key}`; create it first."))),
            Some(id) if found.contains(&id) => breaches.push(Breach::member(pointer, "repeated", format!("Name each {what} once."))),
            Some(id) => found.push(id),
        }
    }
    found
}

/// Whether the caller may do that to the story.
pub fn allow(conn: &mut Conn, caller: &Caller, deed: Deed, copy: &WorkingCopy) -> Result<(), Problem> {
    let own = caller.role < Role::Editor && articles::is_own(conn, &copy.row, &caller.user_id)?;
    if may(caller.role, deed, own, copy.row.state()?.status) {
        return Ok(());
    }
    let detail = match (caller.role, own) {
        (Role::Contributor, true) => "Contributors change their own drafts only; ask an editor.",
        _ => "This story is not yours; ask an editor.",
    };
    Err(Problem::forbidden(detail))
}

/// The refusal of a write for an older version: who changed the story since, when, and in which members.
pub fn refuse_stale(conn: &mut Conn, current: &WorkingCopy, expected: &IfMatch) -> Result<Problem, store::Error> {
    let id = &current.row.id;
    let now = articles::snapshot(conn, id, current.row.version)?;
    let seen = expected.seen().map(|version| articles::snapshot(conn, id, version)).transpose()?.flatten();
    let members = |snapshot: Option<String>| snapshot.and_then(|json| serde_json::from_str::<Map<String, Value>>(&json).ok());
    let differing = match (members(seen), members(now)) {
        (Some(seen), Some(now)) => {
            now.iter().filter(|(name, value)| seen.get(*name) != Some(value)).map(|(name, _)| name.clone()).collect()
        }
        _ => Vec::new(),
    };
    let row = &current.row;
    Ok(Current { version: row.version, changed_by: row.updated_by.clone(), changed_at: row.updated_at, differing }.refuse())
}
