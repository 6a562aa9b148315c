//! Tags: what stories are about.

use super::answer::{self, Public, Reply};
use super::guard::{Allowed, Anyone};
use super::input::{Body, Edit, Name, NoParameters, Query};
use super::listing::{ChooseSlug, ListNamed, Merge, ReadOne, Reassign, about_list, about_one, differing, with_link};
use super::once::Once;
use super::page::{List, PageInfo, ends, slice};
use super::precondition::{Current, IfMatch};
use super::problem::Problem;
use super::site::Site;
use crate::domain::breach::Breach;
use crate::domain::tag::Visibility;
use crate::domain::text::{FilledText, Key, Slug};
use crate::domain::time::Moment;
use crate::domain::{id, slug};
use crate::store::articles::Stamp;
use crate::store::slugs::{self, Kind, Wish};
use crate::store::tags::{self, TagDraft, TagRow};
use crate::store::{self, Conn, Write};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub type EditTag = Edit<CreateTag>;

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tag {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e60")]
    pub id: String,
    #[schema(example = "migration")]
    pub slug: String,
    #[schema(example = "Migration")]
    pub name: String,
    pub description: Option<String>,
    /// The slug of the tag above it.
    pub parent: Option<String>,
    pub visibility: Visibility,
    /// How many live stories carry the tag.
    #[schema(example = 1)]
    pub article_count: i64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = TagWorking)]
    pub working: Option<TagWorking>,
}

/// What the working view of a tag adds.
#[derive(Debug, Serialize, ToSchema)]
pub struct TagWorking {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 1)]
    pub version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub created_at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub updated_at: Option<Moment>,
}

/// A page of tags.
#[derive(Serialize, ToSchema)]
pub struct TagPage {
    pub items: Vec<Tag>,
    pub page: PageInfo,
}

/// A new tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTag {
    pub name: FilledText,
    /// Made from the name if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    #[schema(max_length = 5000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The tag above it, by slug or id; at most 8 levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(null))]
    pub parent: Option<Key>,
    /// `public` if left out; internal tags never show in the live view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
}

/// A tag with what is shown of others beside it.
struct Shown {
    row: TagRow,
    parent: Option<String>,
}

impl CreateTag {
    fn of(shown: &Shown) -> Self {
        Self {
            name: FilledText(shown.row.name.clone()),
            slug: Some(Slug(shown.row.slug.clone())),
            description: shown.row.description.clone(),
            parent: shown.parent.clone().map(Key),
            visibility: Some(Visibility::named(&shown.row.visibility).unwrap_or_default()),
        }
    }

    /// Keeps the rules; `tag` is the id of the tag itself.
    fn draft(self, conn: &mut Conn, tag: &str) -> Result<TagDraft, Problem> {
        let Self { name, slug, description, parent, visibility } = self;
        let mut breaches = Vec::new();
        breaches.extend(slug.as_ref().and_then(|slug| slug::check(&slug.0, "/slug")));
        let mut parent_id = None;
        if let Some(key) = parent {
            match tags::find(conn, &key.0) {
                Ok(above) if tags::may_stand_below(conn, tag, &above.id)? => parent_id = Some(above.id),
                Ok(_) => breaches.push(Breach::member("/parent", "cyclic", "A tag may not stand below itself, nor deeper than 8 levels.")),
                Err(store::Error::NotFound(_) | store::Error::Moved(..)) => {
                    breaches.push(Breach::member("/parent", "unknown", format!("There is no tag `{}`; create it first.", key.0)));
                }
                Err(other) => return Err(other.into()),
            }
        }
        if !breaches.is_empty() {
            return Err(Problem::invalid_body(breaches));
        }
        let slug = slug.map_or_else(|| Wish::Made(slug::from_words(&name.0, "tag")), |slug| Wish::Chosen(slug.0));
        Ok(TagDraft { slug, name: name.0, description, parent_id, visibility: visibility.unwrap_or_default() })
    }
}

impl Shown {
    fn tag(self, is_working: bool) -> Tag {
        let TagRow { id, slug, name, description, parent_id: _, visibility, version, created_at, updated_at, updated_by: _, live_count } =
            self.row;
        let working = is_working.then(|| TagWorking {
            version: Some(version),
            created_at: Some(Moment::from_milliseconds(created_at)),
            updated_at: Some(Moment::from_milliseconds(updated_at)),
        });
        let visibility = Visibility::named(&visibility).unwrap_or_default();
        Tag { id, slug, name, description, parent: self.parent, visibility, article_count: live_count, working }
    }
}

/// Adds what is shown of others. In the live view an internal tag above is not told.
fn beside(conn: &mut Conn, rows: Vec<TagRow>, with_internal: bool) -> Result<Vec<Shown>, store::Error> {
    let parents: Vec<String> = rows.iter().filter_map(|row| row.parent_id.clone()).collect();
    let slugs = tags::slugs_of(conn, &parents, with_internal)?;
    let shown = |row: TagRow| Shown { parent: row.parent_id.as_ref().and_then(|parent| slugs.get(parent).cloned()), row };
    Ok(rows.into_iter().map(shown).collect())
}

/// The tag behind an id or slug; an internal one is not there for the public, nor is its redirect.
fn find(conn: &mut Conn, key: &str, with_internal: bool) -> Result<Shown, store::Error> {
    let row = match tags::find(conn, key) {
        Err(store::Error::Moved(_, slug)) if !with_internal => {
            find(conn, &slug, false)?;
            return Err(store::Error::Moved("tag", slug));
        }
        other => other?,
    };
    if !with_internal && row.visibility != Visibility::Public.name() {
        return Err(store::Error::NotFound("tag"));
    }
    beside(conn, vec![row], with_internal)?.pop().ok_or(store::Error::NotFound("tag"))
}

/// Lists tags by name.
///
/// The live view knows public tags alone; `view=working` shows internal ones, too, to those who have signed in.
#[utoipa::path(get, path = "/v1/tags", operation_id = "list_tags", tag = "tags", params(ListNamed), security((), ("bearer" = [])),
    responses((status = 200, description = "A page of tags", body = TagPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_tags(caller: Anyone, request: HttpRequest, site: Site, query: Query<ListNamed>) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let is_working = query.is_working(caller)?;
    let (order, descending) = query.order();
    let fields = query.fields("Tag", is_working, &site.desk.contract)?;
    let list = query.name("tags");
    let slice = slice(query.limit, query.cursor(), query.count, &list)?;
    let asked = slice.clone();
    let (page, ends) = site
        .store
        .read(move |conn| -> Result<_, store::Error> {
            let page = tags::list(conn, is_working, order, descending, &asked)?;
            let ends = ends(&page.items, |row| Ok::<_, store::Error>(tags::position(row, order)))?;
            Ok((page.with(|rows| beside(conn, rows, is_working))?, ends))
        })
        .await?;
    let list = List::of(page, &slice, ends, &list);
    let link = list.link(&request);
    let about = about_list("tag", list.items.iter().map(|shown| shown.row.id.as_str()));
    let items = list.items.into_iter().map(|shown| fields.apply(&shown.tag(is_working)));
    let list = List { items: items.collect::<Result<Vec<Value>, Problem>>()?, page: list.page };
    if is_working {
        return Ok(with_link(answer::private(&list, None)?, link));
    }
    answer::public(&list, Public { link, ..about })
}

/// Reads a tag by id or slug.
#[utoipa::path(get, path = "/v1/tags/{tag}", operation_id = "get_tag", tag = "tags", params(("tag" = String, Path, description = "Id or slug"), ReadOne), security((), ("bearer" = [])),
    responses((status = 200, description = "The tag", body = Tag)))]
pub async fn get_tag(caller: Anyone, site: Site, key: Name, query: Query<ReadOne>) -> Result<HttpResponse, Problem> {
    let is_working = query.0.is_working(caller)?;
    let fields = query.0.fields("Tag", is_working, &site.desk.contract)?;
    let key = key.into_inner();
    let shown = site.store.read(move |conn| find(conn, &key, is_working)).await?;
    let about = about_one("tag", &shown.row.id, shown.row.version);
    let version = shown.row.version;
    let tag = fields.apply(&shown.tag(is_working))?;
    if is_working { answer::private(&tag, Some(version)) } else { answer::public(&tag, about) }
}

/// Creates a tag.
#[utoipa::path(post, path = "/v1/tags", operation_id = "create_tag", tag = "tags", params(ChooseSlug), request_body(content = CreateTag, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The tag", body = Tag, headers(("Location" = String, description = "The address of the tag"), ("ETag" = String, description = "For `If-Match`")))))]
pub async fn create_tag(
    caller: Allowed,
    site: Site,
    query: Query<ChooseSlug>,
    once: Once,
    body: Body<CreateTag>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    let stamp = Stamp::new(caller.0.user_id.clone(), site.now());
    let id = id::new(stamp.now);
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        let draft = input.draft(write, &id)?;
        let draft = TagDraft { slug: query.0.of(draft.slug, &caller.0)?, ..draft };
        tags::insert(write, &id, draft, &stamp)?;
        let shown = find(write, &id, true)?;
        let (version, location) = (shown.row.version, format!("/v1/tags/{}", shown.row.slug));
        Reply::created(&shown.tag(true), version, location)
    };
    once.write(&site, work).await
}

/// Changes a tag by JSON Merge Patch (RFC 7396); every story shows the change at once.
#[utoipa::path(patch, path = "/v1/tags/{tag}", operation_id = "update_tag", tag = "tags", params(("tag" = String, Path, description = "Id or slug"), ChooseSlug), request_body(content = EditTag, content_type = "application/merge-patch+json"), security(("bearer" = [])),
    responses((status = 200, description = "The tag", body = Tag, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn update_tag(
    caller: Allowed,
    site: Site,
    key: Name,
    query: Query<ChooseSlug>,
    expected: IfMatch,
    body: Body<EditTag>,
) -> Result<HttpResponse, Problem> {
    let patch = body.read_patch().await?;
    let key = key.into_inner();
    let stamp = Stamp::new(caller.0.user_id.clone(), site.now());
    let shown = site
        .write(move |conn| -> Result<_, Problem> {
            slugs::take_turn(conn, Kind::Tag, &key)?;
            let shown = find(conn, &key, true)?;
            let before = CreateTag::of(&shown);
            let mut after = patch.apply(&before)?;
            after.slug = after.slug.or_else(|| before.slug.clone());
            after.visibility.get_or_insert_default();
            if !expected.allows(shown.row.version) {
                return Err(refuse(&shown.row, &before, &after));
            }
            if after == before {
                conn.note_idle();
                return Ok(shown);
            }
            conn.note_members("tag", &shown.row.id, differing(&before, &after));
            let draft = after.draft(conn, &shown.row.id)?;
            let draft = TagDraft { slug: query.0.of(draft.slug, &caller.0)?, ..draft };
            tags::update(conn, &shown.row.id, shown.row.version, draft, &stamp)?;
            Ok(find(conn, &shown.row.id, true)?)
        })
        .await?;
    let version = shown.row.version;
    answer::private(&shown.tag(true), Some(version))
}

fn refuse(row: &TagRow, before: &CreateTag, after: &CreateTag) -> Problem {
    let differing = differing(before, after);
    Current {
        version: row.version,
        changed_by: row.updated_by.clone(),
        changed_at: row.updated_at,
        conflicting: differing.clone(),
        differing,
    }
    .refuse()
}

/// Deletes a tag that no story carries and below which no tag stands.
///
/// One in use is refused with the count, unless `reassign_to` names another to put in place.
#[utoipa::path(delete, path = "/v1/tags/{tag}", operation_id = "delete_tag", tag = "tags", params(("tag" = String, Path, description = "Id or slug"), Reassign), security(("bearer" = [])),
    responses((status = 204, description = "The tag is gone")))]
pub async fn delete_tag(
    _caller: Allowed,
    site: Site,
    key: Name,
    query: Query<Reassign>,
    expected: IfMatch,
) -> Result<HttpResponse, Problem> {
    let key = key.into_inner();
    let now = site.now();
    site.write(move |conn| -> Result<_, Problem> {
        slugs::take_turn(conn, Kind::Tag, &key)?;
        let shown = find(conn, &key, true)?;
        if !expected.allows(shown.row.version) {
            let before = CreateTag::of(&shown);
            return Err(refuse(&shown.row, &before, &before));
        }
        if let Some(other) = query.0.reassign_to {
            let other = tags::find(conn, &other.0).map_err(|error| Reassign::refuse(error, "tag"))?;
            if other.id == shown.row.id || !tags::may_replace(conn, &shown.row.id, &other.id)? {
                return Err(Problem::invalid_parameter(
                    "reassign_to",
                    "Name another tag, and not one below the tag to be deleted, nor one too deep for its branch.",
                ));
            }
            tags::reassign(conn, &shown.row.id, &other.id, now)?;
        }
        Ok(tags::delete(conn, &shown.row.id, shown.row.version)?)
    })
    .await?;
    Ok(answer::gone())
}

/// Merges a tag into another: every story that names it names the other from now on, and where both are named once.
///
/// Tags that stand below it move below the other. Its slugs, the old ones and the id too, lead to the other for good. The `ETag` in `If-Match` is that of the tag that goes.
#[utoipa::path(post, path = "/v1/tags/{tag}/merge", operation_id = "merge_tag", tag = "tags", params(("tag" = String, Path, description = "Id or slug of the one that goes")), request_body(content = Merge, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The tag that stays", body = Tag, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn merge_tag(
    _caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    body: Body<Merge>,
) -> Result<HttpResponse, Problem> {
    let Merge { into } = body.read().await?;
    let (key, now) = (key.into_inner(), site.now());
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        slugs::take_turn(write, Kind::Tag, &key)?;
        let shown = find(write, &key, true)?;
        if !expected.allows(shown.row.version) {
            let before = CreateTag::of(&shown);
            return Err(refuse(&shown.row, &before, &before));
        }
        let other = tags::find(write, &into.0).map_err(|error| Merge::refuse(error, "tag"))?;
        if other.id == shown.row.id || !tags::may_replace(write, &shown.row.id, &other.id)? {
            return Err(Merge::refuse_cyclic("Name another tag, and not one below the tag to be merged, nor one too deep for its branch."));
        }
        tags::merge(write, &shown.row.id, shown.row.version, &other.id, now)?;
        let shown = find(write, &other.id, true)?;
        let version = shown.row.version;
        Reply::private(&shown.tag(true), Some(version))
    };
    once.write(&site, work).await
}
