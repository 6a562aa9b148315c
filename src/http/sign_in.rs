//! Sign-in: a password for a short-lived token.

use super::answer;
use super::guard::{Anyone, Contributor};
use super::input::{Body, NoParameters, Query};
use super::problem::{Code, Problem};
use super::site::{Site, Worker};
use super::users::{User, shown};
use crate::auth::password;
use crate::auth::token::Subject;
use crate::domain::text::EmailAddress;
use crate::store::users;
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An address and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub email: EmailAddress,
    #[schema(min_length = 1, max_length = 1024, format = Password, example = "correct horse battery staple")]
    pub password: String,
}

/// A token for `Authorization: Bearer …` (RFC 6750).
#[derive(Serialize, ToSchema)]
pub struct Session {
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the token expires.
    #[schema(example = 900)]
    pub expires_in: i64,
}

/// Signs in.
///
/// An unknown address and a wrong password get the same answer, in the same time.
#[utoipa::path(post, path = "/v1/auth/login", operation_id = "login_session", tag = "sign-in", request_body(content = Credentials, content_type = "application/json"), security(()),
    responses((status = 200, description = "The token", body = Session)))]
pub async fn login_session(
    _caller: Anyone,
    site: Site,
    _query: Query<NoParameters>,
    body: Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    let Credentials { email, password } = body.read().await?;
    let email = email.normalised();
    let found = site.store.read(move |conn| users::credential(conn, &email)).await?;
    let (user, hash) = found.unzip();
    let is_right = verified(&site, password, hash).await?;
    let user = user.filter(|user| is_right && !user.disabled);
    let user =
        user.ok_or_else(|| Problem::new(Code::InvalidCredentials, "Check both and try again.").with_header("www-authenticate", "Bearer"))?;
    let subject = Subject { user_id: user.id, ver: user.token_version };
    let issued = site.desk.tokens.issue(&subject, site.now().milliseconds()).map_err(|error| Problem::internal(&error.to_string()))?;
    answer::private(&Session { access_token: issued.token, token_type: "Bearer", expires_in: issued.expires_in }, None)
}

/// Compares on a blocking thread, at most a few at once: each comparison takes 19 MiB and some 20 ms.
async fn verified(site: &Worker, password: String, hash: Option<String>) -> Result<bool, Problem> {
    let _turn = site.desk.hashing.acquire().await.map_err(|error| Problem::internal(&error.to_string()))?;
    let work = move || match hash {
        Some(hash) => password::verify(&password, &hash),
        None => {
            password::verify_nobody(&password);
            false
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error.to_string()))
}

/// Hashes a new password on a blocking thread, at most a few at once.
pub async fn hashed(site: &Worker, password: password::Password) -> Result<String, Problem> {
    let _turn = site.desk.hashing.acquire().await.map_err(|error| Problem::internal(&error.to_string()))?;
    let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    hashed.map_err(|error| Problem::internal(&error.to_string()))?.map_err(|error| Problem::internal(&error.to_string()))
}

/// Tells who is signed in.
#[utoipa::path(get, path = "/v1/auth/me", operation_id = "get_session", tag = "sign-in", security(("bearer" = [])),
    responses((status = 200, description = "The account behind the token", body = User)))]
pub async fn get_session(caller: Contributor, site: Site, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let id = caller.0.user_id;
    let row = site.store.read(move |conn| users::by_id(conn, &id)).await?;
    let version = row.version;
    answer::private(&shown(row)?, Some(version))
}
