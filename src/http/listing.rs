//! What the lists of authors, tags and users have in common: their parameters and what caches are told.

use super::answer::Public;
use super::article_query::{CursorText, FieldName, View};
use super::contract::Contract;
use super::guard::Anyone;
use super::page::{Fields, slice};
use super::problem::Problem;
use crate::domain::breach::Breach;
use crate::domain::text::Key;
use crate::domain::user::{Caller, Role};
use crate::store;
use crate::store::authors::Order;
use crate::store::page::Slice;
use crate::store::slugs::Wish;
use actix_web::HttpResponse;
use actix_web::http::header;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

/// What authors and tags may be sorted by; `-` means the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub enum NameSort {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDescending,
    #[serde(rename = "created_at")]
    Creation,
    #[serde(rename = "-created_at")]
    CreationDescending,
}

/// The parameters of a list of authors or tags.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListNamed {
    /// How many items a page has.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    pub limit: Option<u8>,
    /// The `next_cursor` of the page before.
    #[param(inline, nullable = false)]
    pub cursor: Option<CursorText>,
    /// Whether `page.total` is wanted, which costs a count.
    #[param(nullable = false)]
    pub count: Option<bool>,
    /// The order; `name` if left out.
    #[param(inline, nullable = false)]
    pub sort: Option<NameSort>,
    /// `working` adds what the newsroom knows, for those who have signed in.
    #[param(inline, nullable = false)]
    pub view: Option<View>,
    /// The members wanted (`slug,name`), or those not wanted (`-bio,-bio_html`). The id always comes.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 40)]
    pub fields: Option<Vec<FieldName>>,
}

/// The parameters of a list that has one order and no filters.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListAll {
    /// How many items a page has.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    pub limit: Option<u8>,
    /// The `next_cursor` of the page before.
    #[param(inline, nullable = false)]
    pub cursor: Option<CursorText>,
    /// Whether `page.total` is wanted, which costs a count.
    #[param(nullable = false)]
    pub count: Option<bool>,
}

impl ListAll {
    /// The page that is wanted of the list of that name.
    pub fn slice(&self, list: &str) -> Result<Slice, Problem> {
        slice(self.limit, self.cursor.as_ref().map(|cursor| cursor.0.as_str()), self.count, list)
    }
}

/// The parameters of a read of one author or tag.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadOne {
    /// `working` adds what the newsroom knows, for those who have signed in.
    #[param(inline, nullable = false)]
    pub view: Option<View>,
    /// The members wanted (`slug,name`), or those not wanted (`-bio,-bio_html`). The id always comes.
    #[param(inline, style = Form, explode = false, nullable = false, min_items = 1, max_items = 40)]
    pub fields: Option<Vec<FieldName>>,
}

/// The parameters of a delete of something that stories name.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Reassign {
    /// Id or slug of another to put in place first.
    #[param(inline, nullable = false)]
    pub reassign_to: Option<Key>,
}

/// What another is to be merged into.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The id or slug of the one that stays.
    pub into: Key,
}

/// The parameters of a write that may choose a slug.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChooseSlug {
    /// Whether the `slug` may be taken from another that bore it once: its old address leads there no more. Editors only; a slug that
    /// another bears now is never taken.
    #[param(nullable = false)]
    pub take_slug: Option<bool>,
}

/// The members of an answer that are wanted.
pub struct Wanted(Option<Fields>);

impl ListNamed {
    pub fn is_working(&self, caller: Anyone) -> Result<bool, Problem> {
        is_working(self.view, caller)
    }

    pub fn order(&self) -> (Order, bool) {
        match self.sort.unwrap_or(NameSort::Name) {
            NameSort::Name => (Order::Name, false),
            NameSort::NameDescending => (Order::Name, true),
            NameSort::Creation => (Order::Creation, false),
            NameSort::CreationDescending => (Order::Creation, true),
        }
    }

    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_ref().map(|cursor| cursor.0.as_str())
    }

    pub fn fields(&self, schema: &str, is_working: bool, contract: &Contract) -> Result<Wanted, Problem> {
        wanted(self.fields.as_deref(), schema, is_working, contract)
    }

    /// Tells this list apart from all others.
    pub fn name(&self, what: &str) -> String {
        format!("{what}?{:?}&{:?}", self.sort, self.view)
    }
}

impl ReadOne {
    pub fn is_working(&self, caller: Anyone) -> Result<bool, Problem> {
        is_working(self.view, caller)
    }

    pub fn fields(&self, schema: &str, is_working: bool, contract: &Contract) -> Result<Wanted, Problem> {
        wanted(self.fields.as_deref(), schema, is_working, contract)
    }
}

impl Reassign {
    /// What to say when the other is not there.
    pub fn refuse(error: store::Error, what: &str) -> Problem {
        match error {
            store::Error::NotFound(_) | store::Error::Moved(..) => {
                Problem::invalid_parameter("reassign_to", format!("There is no {what} of this id or slug."))
            }
            other => other.into(),
        }
    }
}

impl Merge {
    /// What to say when the other is not there.
    pub fn refuse(error: store::Error, what: &str) -> Problem {
        let detail = match error {
            store::Error::NotFound(_) => format!("There is no {what} of this id or slug."),
            store::Error::Moved(_, slug) => format!("It is called `{slug}` now; name that one, if you mean it."),
            other => return other.into(),
        };
        Problem::invalid_body(vec![Breach::member("/into", "unknown", detail)])
    }

    /// What to say when the other cannot take the place.
    pub fn refuse_cyclic(detail: &str) -> Problem {
        Problem::invalid_body(vec![Breach::member("/into", "cyclic", detail)])
    }
}

impl ChooseSlug {
    /// What is wished for, by one who may wish it.
    pub fn of(&self, wish: Wish, caller: &Caller) -> Result<Wish, Problem> {
        match self.take_slug {
            Some(true) if caller.role < Role::Editor => Err(Problem::forbidden("An editor may take a slug from another; ask one.")),
            Some(true) => Ok(wish.taken()),
            _ => Ok(wish),
        }
    }
}

impl Wanted {
    /// One thing with the members that are wanted of it.
    pub fn apply<T: Serialize>(&self, thing: &T) -> Result<Value, Problem> {
        let value = serde_json::to_value(thing).map_err(|error| Problem::internal(&error.to_string()))?;
        Ok(match &self.0 {
            Some(fields) => fields.apply(value),
            None => value,
        })
    }
}

fn is_working(view: Option<View>, caller: Anyone) -> Result<bool, Problem> {
    if view == Some(View::Working) {
        caller.signed_in()?;
        return Ok(true);
    }
    Ok(false)
}

fn wanted(fields: Option<&[FieldName]>, schema: &str, is_working: bool, contract: &Contract) -> Result<Wanted, Problem> {
    let Some(fields) = fields else { return Ok(Wanted(None)) };
    let names: Vec<String> = fields.iter().map(|field| field.0.clone()).collect();
    let mut known = contract.member_names(schema);
    if !is_working {
        let hidden = contract.member_names(&format!("{schema}Working"));
        known.retain(|name| !hidden.contains(name));
    }
    Ok(Wanted(Fields::parse(Some(&names), &known)?))
}

/// What caches are told about one author or tag.
pub fn about_one(what: &str, id: &str, version: i64) -> Public {
    // It has no date of its own: the count of stories moves without it.
    Public { version: Some(version), surrogate_keys: vec![format!("{what}-{id}"), format!("{what}s")], ..Public::default() }
}

/// What caches are told about a list of authors or tags.
pub fn about_list<'a>(what: &str, ids: impl Iterator<Item = &'a str>) -> Public {
    let surrogate_keys = std::iter::once(format!("{what}s")).chain(ids.map(|id| format!("{what}-{id}"))).collect();
    Public { surrogate_keys, ..Public::default() }
}

/// The answer with its link to the next page.
pub fn with_link(mut response: HttpResponse, link: Option<String>) -> HttpResponse {
    if let Some(value) = link.and_then(|link| link.parse().ok()) {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}

/// The names of the members in which two things differ.
pub fn differing<T: Serialize>(one: &T, other: &T) -> Vec<String> {
    let members = |thing: &T| serde_json::to_value(thing).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let (one, other) = (members(one), members(other));
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names.into_iter().filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}
