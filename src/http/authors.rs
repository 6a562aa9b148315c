//! Authors: bylines that the public reads and editors keep.

use super::answer::{self, Public, Reply};
use super::guard::{Allowed, Anyone};
use super::input::{Body, Edit, Name, NoParameters, Query};
use super::listing::{ChooseSlug, ListNamed, Merge, ReadOne, Reassign, about_list, about_one, with_link};
use super::once::Once;
use super::page::{List, PageInfo, ends, slice};
use super::precondition::{Current, IfMatch};
use super::problem::Problem;
use super::representation::{Byline, byline};
use super::site::Site;
use crate::domain::article::Image;
use crate::domain::author::{AuthorLink, Profile};
use crate::domain::breach::Breach;
use crate::domain::text::{EmailAddress, FilledText, Id, Slug, WebAddress};
use crate::domain::time::Moment;
use crate::domain::{id, slug};
use crate::render;
use crate::store::articles::Stamp;
use crate::store::authors::{self, AuthorDraft, AuthorRow, profile};
use crate::store::links::BylineRow;
use crate::store::slugs::{self, Kind, Wish};
use crate::store::{self, Conn, Write, users};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub type EditAuthor = Edit<CreateAuthor>;

/// An author.
#[derive(Debug, Serialize, ToSchema)]
pub struct Author {
    #[serde(flatten)]
    pub byline: Byline,
    /// How many live stories carry the byline.
    #[schema(example = 1)]
    pub article_count: i64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = AuthorWorking)]
    pub working: Option<AuthorWorking>,
}

/// What the working view of an author adds.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorWorking {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The account tied to the byline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[schema(example = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub created_at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub updated_at: Option<Moment>,
}

/// A page of authors.
#[derive(Serialize, ToSchema)]
pub struct AuthorPage {
    pub items: Vec<Author>,
    pub page: PageInfo,
}

/// A new author.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAuthor {
    pub name: FilledText,
    /// Made from the name if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    /// What the author reports on.
    #[schema(max_length = 1000, example = "Focuses on crime, public safety, and regional events.")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beat: Option<String>,
    /// Markdown of any sensible length.
    #[schema(
        max_length = 200_000,
        example = "Marcus is a community-based journalist passionate about reporting impactful stories that matter most to readers."
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    #[schema(max_length = 300, example = "Guatemala City")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<WebAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    #[schema(max_items = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<AuthorLink>>,
    /// For the newsroom; never in the live view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    /// The account tied to the byline: its stories are that user's own. Never in the live view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
}

impl CreateAuthor {
    fn of(row: &AuthorRow) -> Result<Self, store::Error> {
        let Profile { beat, bio, location, website, image, links } = profile(&row.id, &row.document)?;
        Ok(Self {
            name: FilledText(row.name.clone()),
            slug: Some(Slug(row.slug.clone())),
            beat,
            bio,
            location,
            website,
            image,
            links: Some(links),
            email: row.email.clone().map(EmailAddress),
            user_id: row.user_id.clone().map(Id),
        })
    }

    fn draft(self) -> Result<AuthorDraft, Problem> {
        let Self { name, slug, beat, bio, location, website, image, links, email, user_id } = self;
        let mut breaches = Vec::new();
        breaches.extend(slug.as_ref().and_then(|slug| slug::check(&slug.0, "/slug")));
        let bio_html = match render::markdown(bio.as_deref().unwrap_or_default()) {
            Ok(rendered) => rendered.html,
            Err(refusal) => {
                breaches.push(Breach::member("/bio", "too_complex", refusal.to_string()));
                String::new()
            }
        };
        if !breaches.is_empty() {
            return Err(Problem::invalid_body(breaches));
        }
        Ok(AuthorDraft {
            slug: slug.map_or_else(|| Wish::Made(slug::from_words(&name.0, "author")), |slug| Wish::Chosen(slug.0)),
            name: name.0,
            profile: Profile { beat, bio, location, website, image, links: links.unwrap_or_default() },
            bio_html,
            email: email.map(|email| email.0),
            user_id: user_id.map(|id| id.0),
        })
    }
}

fn shown(row: AuthorRow, is_working: bool) -> Result<Author, store::Error> {
    let AuthorRow { id, slug, name, document, bio_html, email, user_id, version, created_at, updated_at, updated_by: _, live_count } = row;
    let working = is_working.then(|| AuthorWorking {
        email,
        user_id,
        version: Some(version),
        created_at: Some(Moment::from_milliseconds(created_at)),
        updated_at: Some(Moment::from_milliseconds(updated_at)),
    });
    Ok(Author { byline: byline(BylineRow { id, slug, name, document, bio_html })?, article_count: live_count, working })
}

/// A user tied to a byline must exist.
fn check_user(conn: &mut Conn, draft: &AuthorDraft) -> Result<(), Problem> {
    let Some(id) = &draft.user_id else { return Ok(()) };
    match users::by_id(conn, id) {
        Err(store::Error::NotFound(_)) => Err(Problem::invalid_body(vec![Breach::member("/user_id", "unknown", "There is no such user.")])),
        other => other.map(drop).map_err(Problem::from),
    }
}

/// Lists authors by name.
///
/// `view=working` adds what the newsroom knows, for those who have signed in.
#[utoipa::path(get, path = "/v1/authors", operation_id = "list_authors", tag = "authors", params(ListNamed), security((), ("bearer" = [])),
    responses((status = 200, description = "A page of authors", body = AuthorPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_authors(caller: Anyone, request: HttpRequest, site: Site, query: Query<ListNamed>) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let is_working = query.is_working(caller)?;
    let (order, descending) = query.order();
    let fields = query.fields("Author", is_working, &site.desk.contract)?;
    let list = query.name("authors");
    let slice = slice(query.limit, query.cursor(), query.count, &list)?;
    let asked = slice.clone();
    let page = site.store.read(move |conn| authors::list(conn, order, descending, &asked)).await?;
    let ends = ends(&page.items, |row| Ok::<_, Problem>(authors::position(row, order)))?;
    let list = List::of(page, &slice, ends, &list);
    let link = list.link(&request);
    let about = about_list("author", list.items.iter().map(|row| row.id.as_str()));
    let items = list.items.into_iter().map(|row| fields.apply(&shown(row, is_working)?));
    let list = List { items: items.collect::<Result<Vec<Value>, Problem>>()?, page: list.page };
    if is_working {
        return Ok(with_link(answer::private(&list, None)?, link));
    }
    answer::public(&list, Public { link, ..about })
}

/// Reads an author by id or slug.
#[utoipa::path(get, path = "/v1/authors/{author}", operation_id = "get_author", tag = "authors", params(("author" = String, Path, description = "Id or slug"), ReadOne), security((), ("bearer" = [])),
    responses((status = 200, description = "The author", body = Author)))]
pub async fn get_author(caller: Anyone, site: Site, key: Name, query: Query<ReadOne>) -> Result<HttpResponse, Problem> {
    let is_working = query.0.is_working(caller)?;
    let fields = query.0.fields("Author", is_working, &site.desk.contract)?;
    let key = key.into_inner();
    let row = site.store.read(move |conn| authors::find(conn, &key)).await?;
    let about = about_one("author", &row.id, row.version);
    let version = row.version;
    let author = fields.apply(&shown(row, is_working)?)?;
    if is_working { answer::private(&author, Some(version)) } else { answer::public(&author, about) }
}

/// Creates an author.
#[utoipa::path(post, path = "/v1/authors", operation_id = "create_author", tag = "authors", params(ChooseSlug), request_body(content = CreateAuthor, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The author", body = Author, headers(("Location" = String, description = "The address of the author"), ("ETag" = String, description = "For `If-Match`")))))]
pub async fn create_author(
    caller: Allowed,
    site: Site,
    query: Query<ChooseSlug>,
    once: Once,
    body: Body<CreateAuthor>,
) -> Result<HttpResponse, Problem> {
    let draft = body.read().await?.draft()?;
    let draft = AuthorDraft { slug: query.0.of(draft.slug, &caller.0)?, ..draft };
    let stamp = Stamp::new(caller.0.user_id, site.now());
    let id = id::new(stamp.now);
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        check_user(write, &draft)?;
        authors::insert(write, &id, draft, &stamp)?;
        let row = authors::find(write, &id)?;
        let (version, location) = (row.version, format!("/v1/authors/{}", row.slug));
        Reply::created(&shown(row, true)?, version, location)
    };
    once.write(&site, work).await
}

/// Changes an author by JSON Merge Patch (RFC 7396); every story shows the change at once.
#[utoipa::path(patch, path = "/v1/authors/{author}", operation_id = "update_author", tag = "authors", params(("author" = String, Path, description = "Id or slug"), ChooseSlug), request_body(content = EditAuthor, content_type = "application/merge-patch+json"), security(("bearer" = [])),
    responses((status = 200, description = "The author", body = Author, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn update_author(
    caller: Allowed,
    site: Site,
    key: Name,
    query: Query<ChooseSlug>,
    expected: IfMatch,
    body: Body<EditAuthor>,
) -> Result<HttpResponse, Problem> {
    let patch = body.read_patch().await?;
    let key = key.into_inner();
    let stamp = Stamp::new(caller.0.user_id.clone(), site.now());
    let row = site
        .write(move |conn| -> Result<_, Problem> {
            slugs::take_turn(conn, Kind::Author, &key)?;
            let row = authors::find(conn, &key)?;
            let before = CreateAuthor::of(&row)?;
            let mut after = patch.apply(&before)?;
            after.slug = after.slug.or_else(|| before.slug.clone());
            if !expected.allows(row.version) {
                return Err(refuse(&row, &before, &after));
            }
            after.links.get_or_insert_default();
            if after == before {
                conn.note_idle();
                return Ok(row);
            }
            conn.note_members("author", &row.id, super::listing::differing(&before, &after));
            let draft = after.draft()?;
            let draft = AuthorDraft { slug: query.0.of(draft.slug, &caller.0)?, ..draft };
            check_user(conn, &draft)?;
            authors::update(conn, &row.id, row.version, draft, &stamp)?;
            Ok(authors::find(conn, &row.id)?)
        })
        .await?;
    let version = row.version;
    answer::private(&shown(row, true)?, Some(version))
}

fn refuse(row: &AuthorRow, before: &CreateAuthor, after: &CreateAuthor) -> Problem {
    let differing = super::listing::differing(before, after);
    Current {
        version: row.version,
        changed_by: row.updated_by.clone(),
        changed_at: row.updated_at,
        conflicting: differing.clone(),
        differing,
    }
    .refuse()
}

/// Deletes an author whom no story names.
///
/// One who is named is refused with the count, unless `reassign_to` names another to put in place.
#[utoipa::path(delete, path = "/v1/authors/{author}", operation_id = "delete_author", tag = "authors", params(("author" = String, Path, description = "Id or slug"), Reassign), security(("bearer" = [])),
    responses((status = 204, description = "The author is gone")))]
pub async fn delete_author(
    _caller: Allowed,
    site: Site,
    key: Name,
    query: Query<Reassign>,
    expected: IfMatch,
) -> Result<HttpResponse, Problem> {
    let key = key.into_inner();
    let now = site.now();
    site.write(move |conn| -> Result<_, Problem> {
        slugs::take_turn(conn, Kind::Author, &key)?;
        let row = authors::find(conn, &key)?;
        if !expected.allows(row.version) {
            let before = CreateAuthor::of(&row)?;
            return Err(refuse(&row, &before, &before));
        }
        if let Some(other) = query.0.reassign_to {
            let other = authors::find(conn, &other.0).map_err(|error| Reassign::refuse(error, "author"))?;
            if other.id == row.id {
                return Err(Problem::invalid_parameter("reassign_to", "Name another author than the one to be deleted."));
            }
            authors::reassign(conn, &row.id, &other.id, now)?;
        }
        Ok(authors::delete(conn, &row.id, row.version)?)
    })
    .await?;
    Ok(answer::gone())
}

/// Merges an author into another: every story that names it names the other from now on, and where both are named once.
///
/// Its slugs, the old ones and the id too, lead to the other for good. The `ETag` in `If-Match` is that of the author that goes.
#[utoipa::path(post, path = "/v1/authors/{author}/merge", operation_id = "merge_author", tag = "authors", params(("author" = String, Path, description = "Id or slug of the one that goes")), request_body(content = Merge, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The author that stays", body = Author, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn merge_author(
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
        slugs::take_turn(write, Kind::Author, &key)?;
        let row = authors::find(write, &key)?;
        if !expected.allows(row.version) {
            let before = CreateAuthor::of(&row)?;
            return Err(refuse(&row, &before, &before));
        }
        let other = authors::find(write, &into.0).map_err(|error| Merge::refuse(error, "author"))?;
        if other.id == row.id {
            return Err(Merge::refuse_cyclic("Name another author than the one to be merged."));
        }
        authors::merge(write, &row.id, row.version, &other.id, now)?;
        let row = authors::find(write, &other.id)?;
        let version = row.version;
        Reply::private(&shown(row, true)?, Some(version))
    };
    once.write(&site, work).await
}
