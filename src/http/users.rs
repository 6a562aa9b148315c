//! Users: the accounts of the newsroom, kept by administrators.

use super::answer::{self, Reply};
use super::article_query::CursorText;
use super::guard::Allowed;
use super::input::{Body, Edit, Name, NoParameters, Query};
use super::listing::{differing, with_link};
use super::once::Once;
use super::page::{List, PageInfo, ends, slice};
use super::passwords::hashed;
use super::precondition::{Current, IfMatch};
use super::problem::{Code, Problem};
use super::site::Site;
use crate::auth::password::Password;
use crate::domain::breach::Breach;
use crate::domain::id;
use crate::domain::text::{EmailAddress, FilledText};
use crate::domain::time::Moment;
use crate::domain::user::Role;
use crate::store::users::{self, UserDraft, UserRow};
use crate::store::{self, Conn, Write};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub type EditUser = Edit<CreateUser>;

/// An account. No answer ever carries a password or its hash.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e62")]
    pub id: String,
    #[schema(example = "editor@example.com")]
    pub email: String,
    #[schema(example = "Ana López")]
    pub name: String,
    pub role: Role,
    /// Whether sign-in and tokens are refused.
    pub disabled: bool,
    /// Whether sign-in wants a code of an authenticator app, too.
    pub second_factor: bool,
    #[schema(example = 1)]
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

/// One's own account.
#[derive(Serialize, ToSchema)]
pub struct Me {
    #[serde(flatten)]
    pub user: User,
    /// The bylines that are tied to the account: what stands under them is one's own.
    pub authors: Vec<OwnByline>,
}

/// A byline of one's own.
#[derive(Serialize, ToSchema)]
pub struct OwnByline {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e5f")]
    pub id: String,
    #[schema(example = "marcus")]
    pub slug: String,
    #[schema(example = "Marcus")]
    pub name: String,
}

/// A page of users.
#[derive(Serialize, ToSchema)]
pub struct UserPage {
    pub items: Vec<User>,
    pub page: PageInfo,
}

/// A new account.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    pub email: EmailAddress,
    /// The address if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<FilledText>,
    pub role: Role,
    /// 10 to 1024 characters of any kind; the commonest ones are refused.
    #[schema(min_length = 10, max_length = 1024, format = Password, example = "correct horse battery staple")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

impl CreateUser {
    fn of(row: &UserRow) -> Result<Self, store::Error> {
        Ok(Self {
            email: EmailAddress(row.email.clone()),
            name: Some(FilledText(row.name.clone())),
            role: row.role()?,
            password: None,
            disabled: Some(row.disabled),
        })
    }

    /// Keeps the rules; the password goes its own way to be hashed.
    fn draft(self) -> (UserDraft, Option<String>) {
        let Self { email, name, role, password, disabled } = self;
        let name = name.map_or_else(|| email.0.clone(), |name| name.0);
        (UserDraft { email: email.normalised(), name, role, disabled: disabled.unwrap_or(false), password_hash: None }, password)
    }
}

/// The parameters of the list of users.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListUsers {
    /// How many items a page has.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    pub limit: Option<u8>,
    /// The `next_cursor` of the page before.
    #[param(inline, nullable = false)]
    pub cursor: Option<CursorText>,
    /// Whether `page.total` is wanted.
    #[param(nullable = false)]
    pub count: Option<bool>,
}

/// A user as administrators see one.
pub fn shown(row: UserRow) -> Result<User, store::Error> {
    let role = row.role()?;
    let UserRow { id, email, name, role: _, disabled, token_version: _, version, created_at, updated_at, updated_by: _, second_factor } =
        row;
    let [created_at, updated_at] = [created_at, updated_at].map(Moment::from_milliseconds);
    Ok(User { id, email, name, role, disabled, second_factor, version, created_at, updated_at })
}

/// Reads a password's rules; a weak one is a breach.
pub fn strong(password: &str, pointer: &str) -> Result<Password, Problem> {
    Password::parse(password).map_err(|weak| Problem::invalid_body(vec![Breach::member(pointer, "weak_password", weak.to_string())]))
}

/// Lists users, the oldest first.
#[utoipa::path(get, path = "/v1/users", operation_id = "list_users", tag = "users", params(ListUsers), security(("bearer" = [])),
    responses((status = 200, description = "A page of users", body = UserPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_users(_caller: Allowed, request: HttpRequest, site: Site, query: Query<ListUsers>) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let slice = slice(query.limit, query.cursor.as_ref().map(|cursor| cursor.0.as_str()), query.count, "users")?;
    let asked = slice.clone();
    let page = site.store.read(move |conn| users::list(conn, &asked)).await?;
    let ends = ends(&page.items, |row| Ok::<_, Problem>(users::position(row)))?;
    let list = List::of(page, &slice, ends, "users");
    let link = list.link(&request);
    let items = list.items.into_iter().map(shown).collect::<Result<Vec<_>, _>>()?;
    Ok(with_link(answer::private(&UserPage { items, page: list.page }, None)?, link))
}

/// Reads a user.
#[utoipa::path(get, path = "/v1/users/{user}", operation_id = "get_user", tag = "users", params(("user" = String, Path, description = "Id")), security(("bearer" = [])),
    responses((status = 200, description = "The user", body = User)))]
pub async fn get_user(_caller: Allowed, site: Site, id: Name, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let row = site.store.read(move |conn| users::by_id(conn, &id)).await?;
    let version = row.version;
    answer::private(&shown(row)?, Some(version))
}

/// Creates a user. One without a password cannot sign in until it is given one.
#[utoipa::path(post, path = "/v1/users", operation_id = "create_user", tag = "users", request_body(content = CreateUser, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The user", body = User, headers(("Location" = String, description = "The address of the user"), ("ETag" = String, description = "For `If-Match`")))))]
pub async fn create_user(
    caller: Allowed,
    site: Site,
    _query: Query<NoParameters>,
    once: Once,
    body: Body<CreateUser>,
) -> Result<HttpResponse, Problem> {
    let (mut draft, password) = body.read().await?.draft();
    if let Some(password) = password {
        draft.password_hash = Some(hashed(&site, strong(&password, "/password")?).await?);
    }
    let now = site.now();
    let id = id::new(now);
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        users::insert(write, &id, draft, Some(&caller.0.user_id), now)?;
        let row = users::by_id(write, &id)?;
        let (version, location) = (row.version, format!("/v1/users/{}", row.id));
        Reply::created(&shown(row)?, version, location)
    };
    once.write(&site, work).await
}

/// Changes a user by JSON Merge Patch (RFC 7396).
///
/// A change of role, of the password, or a disabling ends all of the user's tokens at once.
#[utoipa::path(patch, path = "/v1/users/{user}", operation_id = "update_user", tag = "users", params(("user" = String, Path, description = "Id")), request_body(content = EditUser, content_type = "application/merge-patch+json"), security(("bearer" = [])),
    responses((status = 200, description = "The user", body = User, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn update_user(
    caller: Allowed,
    site: Site,
    id: Name,
    _query: Query<NoParameters>,
    expected: IfMatch,
    body: Body<EditUser>,
) -> Result<HttpResponse, Problem> {
    let patch = body.read_patch().await?;
    let new_password = patch.members().find(|(name, _)| *name == "password").and_then(|(_, value)| value.as_str());
    let password_hash = match new_password {
        Some(password) => Some(hashed(&site, strong(password, "/password")?).await?),
        None => None,
    };
    let id = id.into_inner();
    let now = site.now();
    let row = site
        .write(move |conn| -> Result<_, Problem> {
            users::lock_administrators(conn)?;
            let row = users::by_id(conn, &id)?;
            let before = CreateUser::of(&row)?;
            let after = patch.apply(&before)?;
            check_version(&row, &expected, &before, &after)?;
            let (mut draft, _) = after.draft();
            draft.password_hash = password_hash;
            if draft.role != Role::Admin || draft.disabled {
                keep_an_administrator(conn, &row)?;
            }
            if draft.password_hash.is_none() && unchanged(&draft, &row) {
                conn.note_idle();
                return Ok(row);
            }
            users::update(conn, &row, draft, Some(&caller.0.user_id), now)?;
            Ok(users::by_id(conn, &id)?)
        })
        .await?;
    let version = row.version;
    answer::private(&shown(row)?, Some(version))
}

fn unchanged(draft: &UserDraft, row: &UserRow) -> bool {
    draft.email == row.email && draft.name == row.name && draft.role.name() == row.role && draft.disabled == row.disabled
}

fn check_version(row: &UserRow, expected: &IfMatch, before: &CreateUser, after: &CreateUser) -> Result<(), Problem> {
    if expected.allows(row.version) {
        return Ok(());
    }
    let mut differing = differing(before, after);
    differing.retain(|name| name != "password");
    Err(Current {
        version: row.version,
        changed_by: row.updated_by.clone(),
        changed_at: row.updated_at,
        conflicting: differing.clone(),
        differing,
    }
    .refuse())
}

/// The last administrator who can sign in stays one.
fn keep_an_administrator(conn: &mut Conn, row: &UserRow) -> Result<(), Problem> {
    let is_one = row.role()? == Role::Admin && !row.disabled;
    if is_one && users::other_administrators(conn, &row.id)? == 0 {
        return Err(Problem::new(Code::LastAdmin, "Make another user an administrator first."));
    }
    Ok(())
}

/// Deletes a user. Stories and bylines stay.
#[utoipa::path(delete, path = "/v1/users/{user}", operation_id = "delete_user", tag = "users", params(("user" = String, Path, description = "Id")), security(("bearer" = [])),
    responses((status = 204, description = "The user is gone")))]
pub async fn delete_user(
    _caller: Allowed,
    site: Site,
    id: Name,
    _query: Query<NoParameters>,
    expected: IfMatch,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    site.write(move |conn| -> Result<_, Problem> {
        users::lock_administrators(conn)?;
        let row = users::by_id(conn, &id)?;
        let before = CreateUser::of(&row)?;
        check_version(&row, &expected, &before, &before)?;
        keep_an_administrator(conn, &row)?;
        Ok(users::delete(conn, &row.id, row.version)?)
    })
    .await?;
    Ok(answer::gone())
}
