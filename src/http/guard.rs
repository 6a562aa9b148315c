//! Who is asking, and whether somebody of that role may ask: the first argument of every handler.

use super::problem::Problem;
use super::site::SharedWorker;
use crate::domain::user::{Caller, Credential, Role};
use crate::store::{self, sessions, users};
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev};
use futures_util::future::LocalBoxFuture;

/// Anybody; a caller if the request carries a good token. A bad token is refused even where none is needed.
pub struct Anyone(pub Option<Caller>);
/// Anybody who has signed in.
pub struct Contributor(pub Caller);
/// An author, editor or administrator.
pub struct Author(pub Caller);
/// An editor or administrator.
pub struct Editor(pub Caller);
/// An administrator.
pub struct Admin(pub Caller);

impl Anyone {
    /// The caller, where the public may not look.
    pub fn signed_in(self) -> Result<Caller, Problem> {
        self.0.ok_or_else(Problem::unauthenticated)
    }
}

impl FromRequest for Anyone {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        if !request.headers().contains_key(header::AUTHORIZATION) {
            return Box::pin(std::future::ready(Ok(Self(None))));
        }
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await.map(|caller| Self(Some(caller))) })
    }
}

/// A guard that lets callers of at least one role pass.
fn at_least<G: 'static>(role: Role, guard: fn(Caller) -> G, request: &HttpRequest) -> LocalBoxFuture<'static, Result<G, Problem>> {
    let request = request.clone();
    Box::pin(async move {
        if !request.headers().contains_key(header::AUTHORIZATION) {
            return Err(Problem::unauthenticated());
        }
        let caller = authenticate(&request).await?;
        if caller.role < role {
            return Err(Problem::forbidden(&format!(
                "This needs the role {} or one above it; yours is {}.",
                role.name(),
                caller.role.name()
            )));
        }
        Ok(guard(caller))
    })
}

impl FromRequest for Contributor {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        at_least(Role::Contributor, Self, request)
    }
}

impl FromRequest for Author {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        at_least(Role::Author, Self, request)
    }
}

impl FromRequest for Editor {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        at_least(Role::Editor, Self, request)
    }
}

impl FromRequest for Admin {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        at_least(Role::Admin, Self, request)
    }
}

/// The caller behind `Authorization: Bearer …` (RFC 6750 §2.1), as the account stands now.
async fn authenticate(request: &HttpRequest) -> Result<Caller, Problem> {
    let site: &SharedWorker = request.app_data::<SharedWorker>().ok_or_else(|| Problem::internal("the worker has no site"))?;
    let token = bearer(request).ok_or_else(Problem::invalid_token)?;
    let claims = site.desk.tokens.read(token, site.now().milliseconds()).map_err(|_bad| Problem::invalid_token())?;
    let (session, now) = (claims.sid.clone(), site.now());
    let found = site.store.read(move |conn| {
        let user = users::by_id(conn, &claims.sub)?;
        let stands = claims.sid.map_or(Ok(true), |session| sessions::stands(conn, &session, &user.id, now))?;
        Ok(Some(user).filter(|user| stands && !user.disabled && user.token_version == claims.ver))
    });
    let user = found.await.map_err(|error| match error {
        store::Error::NotFound(_) => Problem::invalid_token(),
        other => other.into(),
    })?;
    let user = user.ok_or_else(Problem::invalid_token)?;
    let caller = Caller { role: user.role()?, user_id: user.id, email: user.email, credential: Credential::Session(session) };
    request.extensions_mut().insert(caller.clone());
    Ok(caller)
}

/// The token in `Authorization`; none where there are two, or another scheme.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let (only, more) = (headers.next()?, headers.next());
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    (more.is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}
