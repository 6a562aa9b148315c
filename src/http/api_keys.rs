//! API keys: what programs come with instead of a session.

use super::answer::{self, Reply};
use super::guard::Allowed;
use super::input::{Body, Name, NoParameters, Query};
use super::listing::{ListAll, with_link};
use super::once::Once;
use super::page::{List, PageInfo, ends};
use super::problem::Problem;
use super::remote;
use super::site::Site;
use crate::auth::ApiKey as Secret;
use crate::domain::api_key::{self, Grant, Limits};
use crate::domain::breach::Breach;
use crate::domain::id;
use crate::domain::rights::Scope;
use crate::domain::text::{FilledText, Id, Key, LanguageTag, NetworkAddress};
use crate::domain::time::Moment;
use crate::store::api_keys::{self, KeyDraft, KeyRow};
use crate::store::{self, Conn, Write, links, users};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new key.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What it is for, so that people know it again.
    pub label: FilledText,
    #[schema(min_items = 1, max_items = 5)]
    pub scopes: Vec<Scope>,
    /// When it ends; never, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// The id of the user whose rights bound the key's; your own, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Id>,
    /// Limits the key to stories with one of these tags, by slug or id.
    #[schema(min_items = 1, max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Key>>,
    /// Limits the key to stories by one of these authors, by slug or id.
    #[schema(min_items = 1, max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors: Option<Vec<Key>>,
    /// Limits the key to stories in one of these languages.
    #[schema(min_items = 1, max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub languages: Option<Vec<LanguageTag>>,
    /// The addresses and networks that it may come from; anywhere, if left out.
    #[schema(min_items = 1, max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<NetworkAddress>>,
}

/// What is known of a key; the key itself is shown once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKey {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e6b")]
    pub id: String,
    #[schema(example = "The web site")]
    pub label: String,
    /// How it begins.
    #[schema(example = "cdk_b3BhcX")]
    pub prefix: String,
    pub scopes: Vec<Scope>,
    /// The id of the user whose rights bound the key's.
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e62")]
    pub owner: String,
    #[schema(example = "editor@example.com")]
    pub owner_email: String,
    /// The slugs of the tags whose stories it is for; empty is no limit, as in the members below.
    pub tags: Vec<String>,
    pub authors: Vec<String>,
    pub languages: Vec<String>,
    pub addresses: Vec<String>,
    /// The id of the user who made it; null if that was on the command line.
    pub created_by: Option<String>,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Moment>,
    #[schema(example = "203.0.113.7")]
    pub last_used_address: Option<String>,
}

/// A new key, shown this once.
#[derive(Serialize, ToSchema)]
pub struct NewApiKey {
    #[serde(flatten)]
    pub about: ApiKey,
    /// To be sent as `Authorization: Bearer`.
    #[schema(example = "cdk_b3BhcXVlIGFuZCBuZXZlciBzaG93biB0d2ljZSwgc2VjcmV0dwi7yg")]
    pub key: String,
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyPage {
    pub items: Vec<ApiKey>,
    pub page: PageInfo,
}

/// Lists the keys, the newest first; revoked ones are gone.
#[utoipa::path(get, path = "/v1/api-keys", operation_id = "list_keys", tag = "api-keys", params(ListAll), security(("bearer" = [])),
    responses((status = 200, description = "A page of keys", body = ApiKeyPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_keys(_caller: Allowed, request: HttpRequest, site: Site, query: Query<ListAll>) -> Result<HttpResponse, Problem> {
    const LIST: &str = "API keys";
    let slice = query.0.slice(LIST)?;
    let asked = slice.clone();
    let (page, ends) = site
        .store
        .read(move |conn| -> Result<_, store::Error> {
            let page = api_keys::list(conn, &asked)?;
            let ends = ends(&page.items, |(row, _)| Ok::<_, store::Error>(api_keys::position(row)))?;
            let page = page.with(|rows| rows.into_iter().map(|row| shown(conn, row)).collect::<Result<Vec<_>, store::Error>>())?;
            Ok((page, ends))
        })
        .await?;
    let list = List::of(page, &slice, ends, LIST);
    let link = list.link(&request);
    Ok(with_link(answer::private(&ApiKeyPage { items: list.items, page: list.page }, None)?, link))
}

/// Reads what is known of a key.
#[utoipa::path(get, path = "/v1/api-keys/{key}", operation_id = "get_key", tag = "api-keys", params(("key" = String, Path, description = "Id")), security(("bearer" = [])),
    responses((status = 200, description = "The key, without the key itself", body = ApiKey)))]
pub async fn get_key(_caller: Allowed, site: Site, id: Name, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let key = site
        .store
        .read(move |conn| {
            let row = api_keys::by_id(conn, &id)?;
            shown(conn, row)
        })
        .await?;
    answer::private(&key, Some(1))
}

/// Makes a key. The answer shows it, this once.
///
/// A key may do what its scopes say, and never more than its owner's role allows today. Disabled or deleted owners' keys open nothing. One
/// limited to tags, authors or languages sees and changes working copies of such stories only, and leaves them such stories. What a key
/// makes a key of it has itself.
#[utoipa::path(post, path = "/v1/api-keys", operation_id = "create_key", tag = "api-keys", request_body(content = CreateApiKey, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The key, shown this once", body = NewApiKey, headers(("Location" = String, description = "The address to revoke it at"), ("ETag" = String, description = "Of the key, which never changes")))))]
pub async fn create_key(
    caller: Allowed,
    site: Site,
    _query: Query<NoParameters>,
    once: Once,
    body: Body<CreateApiKey>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    let caller = caller.0;
    let now = site.now();
    let grant = granted(&input)?;
    let breaches = api_key::check(&grant, caller.grant(), now);
    if !breaches.is_empty() {
        return Err(Problem::invalid_body(breaches));
    }
    let secret = Secret::random().map_err(|failure| Problem::internal(&failure.to_string()))?;
    let id = id::new(now);
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        let user_id = owner(write, input.owner, &caller.user_id)?;
        let grant = Grant { limits: limits(write, input.tags, input.authors, input.languages)?, ..grant.in_order() };
        let (hash, prefix) = (secret.hash(), secret.prefix());
        let draft = KeyDraft { id: id.clone(), user_id, label: input.label.0, hash, prefix, grant, created_by: Some(caller.user_id) };
        api_keys::insert(write, draft, now)?;
        let row = api_keys::by_id(write, &id)?;
        let about = shown(write, row)?;
        let location = format!("/v1/api-keys/{id}");
        Reply::created(&NewApiKey { about, key: secret.reveal() }, 1, location)
    };
    once.write(&site, work).await
}

/// Revokes a key: it opens nothing from the next request on.
#[utoipa::path(delete, path = "/v1/api-keys/{key}", operation_id = "delete_key", tag = "api-keys", params(("key" = String, Path, description = "Id")), security(("bearer" = [])),
    responses((status = 204, description = "It is revoked")))]
pub async fn delete_key(_caller: Allowed, site: Site, id: Name, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    site.write(move |write| api_keys::delete(write, &id)).await?;
    Ok(answer::gone())
}

/// What is given to the key, but for what the database must be asked for.
fn granted(input: &CreateApiKey) -> Result<Grant, Problem> {
    let addresses: Vec<String> = input.addresses.iter().flatten().map(|address| address.0.clone()).collect();
    let breach = |(index, text): (usize, &String)| {
        let detail = "Write an address or a network, as in `203.0.113.7`, `10.0.0.0/8` or `2001:db8::/32`.";
        remote::network(text).is_none().then(|| Breach::member(format!("/addresses/{index}"), "no_network", detail))
    };
    let breaches: Vec<Breach> = addresses.iter().enumerate().filter_map(breach).collect();
    if breaches.is_empty() {
        Ok(Grant { scopes: input.scopes.clone(), expires_at: input.expires_at, limits: None, addresses })
    } else {
        Err(Problem::invalid_body(breaches))
    }
}

fn owner(conn: &mut Conn, named: Option<Id>, caller: &str) -> Result<String, Problem> {
    let Some(Id(id)) = named else { return Ok(caller.to_owned()) };
    match users::by_id(conn, &id) {
        Ok(row) => Ok(row.id),
        Err(store::Error::NotFound(_)) => {
            Err(Problem::invalid_body(vec![Breach::member("/owner", "unknown", "There is no user of this id.")]))
        }
        Err(other) => Err(other.into()),
    }
}

/// What a key made on the command line is limited to; `Err` says which author or tag there is not.
pub fn key_limits(
    conn: &mut Conn,
    tags: Option<Vec<Key>>,
    authors: Option<Vec<Key>>,
    languages: Option<Vec<LanguageTag>>,
) -> Result<Option<Limits>, String> {
    let told = |problem: Problem| {
        let told: Vec<String> = problem.errors.into_iter().map(|breach| breach.detail).collect();
        if told.is_empty() { problem.detail } else { told.join(" ") }
    };
    limits(conn, tags, authors, languages).map_err(told)
}

/// Authors and tags by id, each of which there is.
fn limits(
    conn: &mut Conn,
    tags: Option<Vec<Key>>,
    authors: Option<Vec<Key>>,
    languages: Option<Vec<LanguageTag>>,
) -> Result<Option<Limits>, Problem> {
    let keys = |named: Option<Vec<Key>>| -> Vec<String> { named.into_iter().flatten().map(|key| key.0).collect() };
    let (tags, authors) = (keys(tags), keys(authors));
    let mut breaches = Vec::new();
    let mut known = |ids: Vec<Option<String>>, member: &str, what: &str| -> Vec<String> {
        let ids = ids.into_iter().enumerate().filter_map(|(index, id)| {
            if id.is_none() {
                breaches.push(Breach::member(format!("/{member}/{index}"), "unknown", format!("There is no {what} of this id or slug.")));
            }
            id
        });
        ids.collect()
    };
    let limits = Limits {
        tags: known(links::tag_ids(conn, &tags)?, "tags", "tag"),
        authors: known(links::author_ids(conn, &authors)?, "authors", "author"),
        languages: languages.into_iter().flatten().map(|language| language.0).collect(),
    };
    if !breaches.is_empty() {
        return Err(Problem::invalid_body(breaches));
    }
    Ok(Some(limits).filter(|limits| !limits.is_empty()))
}

fn shown(conn: &mut Conn, (row, owner_email): (KeyRow, String)) -> Result<ApiKey, store::Error> {
    let Grant { scopes, expires_at, limits, addresses } = row.grant()?;
    let Limits { tags, authors, languages } = limits.unwrap_or_default();
    let KeyRow { id, user_id: owner, label, prefix, created_by, created_at, last_used_at, last_used_address, .. } = row;
    let (tags, authors) = (links::tags_of_today(conn, tags)?, links::authors_of_today(conn, authors)?);
    Ok(ApiKey {
        id,
        label,
        prefix,
        scopes,
        owner,
        owner_email,
        tags: links::tag_slugs(conn, tags)?,
        authors: links::author_slugs(conn, authors)?,
        languages,
        addresses,
        created_by,
        created_at: Moment::from_milliseconds(created_at),
        expires_at,
        last_used_at: last_used_at.map(Moment::from_milliseconds),
        last_used_address,
    })
}
