//! Who is asking, and whether the matrix (`domain/rights.rs`) lets them: the first argument of every handler.

use super::callers::{Fresh, Known};
use super::oidc;
use super::problem::{Code, Problem};
use super::remote;
use super::site::{SharedWorker, Worker};
use crate::auth::ApiKey;
use crate::auth::api_key;
use crate::domain::audit::Occasion;
use crate::domain::rights::{Refusal, Right};
use crate::domain::time::Moment;
use crate::domain::user::{Caller, Credential};
use crate::store::{self, api_keys, invitations, sessions, users};
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev};
use futures_util::future::{Either, LocalBoxFuture, Ready, ready};
use std::sync::Arc;

/// The rows of the matrix for the operation that a request is dispatched to; the route notes them (`routes.rs`).
#[derive(Clone, Copy)]
pub struct Door {
    pub right: &'static Right,
    /// That of the working view, of operations that have one.
    pub working: Option<&'static Right>,
}

/// Anybody; a caller if the request carries a good token or key. A bad one is refused even where none is needed.
pub struct Anyone {
    caller: Option<Caller>,
    door: Door,
}

/// A guard on its way: there at once where the caller is remembered.
type Judging<G> = Either<Ready<Result<G, Problem>>, LocalBoxFuture<'static, Result<G, Problem>>>;

/// Somebody whom the matrix lets in.
pub struct Allowed(pub Caller);

impl Anyone {
    /// The caller, where the public may not look: if the matrix lets them see the working view.
    pub fn signed_in(self) -> Result<Caller, Problem> {
        let caller = self.caller.ok_or_else(Problem::unauthenticated)?;
        let right = self.door.working.ok_or_else(|| Problem::internal("a working view without a row of its own"))?;
        caller.admitted(right).map_err(|refusal| refused(refusal, &caller))?;
        Ok(caller)
    }
}

impl FromRequest for Anyone {
    type Error = Problem;
    type Future = Judging<Self>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let door = match door(request) {
            Ok(door) => door,
            Err(problem) => return Either::Left(ready(Err(problem))),
        };
        if !request.headers().contains_key(header::AUTHORIZATION) {
            return Either::Left(ready(Ok(Self { caller: None, door })));
        }
        with_admitted(request, door, move |caller| Self { caller: Some(caller), door })
    }
}

impl FromRequest for Allowed {
    type Error = Problem;
    type Future = Judging<Self>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let door = match door(request) {
            Ok(_) if !request.headers().contains_key(header::AUTHORIZATION) => Err(Problem::unauthenticated()),
            other => other,
        };
        let door = match door {
            Ok(door) => door,
            Err(problem) => return Either::Left(ready(Err(problem))),
        };
        with_admitted(request, door, Self)
    }
}

/// Without a row nothing opens.
fn door(request: &HttpRequest) -> Result<Door, Problem> {
    request.extensions().get::<Door>().copied().ok_or_else(|| Problem::internal("a route without a row in the matrix has a guard"))
}

/// Goes on with whoever is behind the request, if the matrix lets them in: at once if they are remembered.
fn with_admitted<G: 'static>(request: &HttpRequest, door: Door, guard: impl FnOnce(Caller) -> G + 'static) -> Judging<G> {
    let pass = move |caller: Caller| match caller.admitted(door.right) {
        Ok(()) => Ok(guard(caller)),
        Err(refusal) => Err(refused(refusal, &caller)),
    };
    if let Some(known) = recognised(request) {
        return Either::Left(ready(enrolled(request, &known).and_then(pass)));
    }
    let request = request.clone();
    Either::Right(Box::pin(async move {
        let known = authenticate(&request).await?;
        enrolled(&request, &known).and_then(pass)
    }))
}

/// Who is behind the request, if that is remembered: the edges have looked.
pub fn recognised(request: &HttpRequest) -> Option<Arc<Known>> {
    request.extensions().get::<Arc<Known>>().cloned()
}

/// The caller, unless the operator wants a second factor of them that they have not: then they may set one up, see and end sessions, and
/// nothing else.
fn enrolled(request: &HttpRequest, known: &Known) -> Result<Caller, Problem> {
    let caller = noted(request, known);
    if known.lacks_second_factor && !request.path().starts_with("/v1/auth/") {
        let detail = "Set one up with POST /v1/auth/totp; until then you can do nothing else. Tokens of today stay good.";
        return Err(Problem::new(Code::SecondFactorNotSetUp, detail));
    }
    Ok(caller)
}

/// Leaves the caller with the request, for what comes after the guard, and notes the use of a key.
fn noted(request: &HttpRequest, known: &Known) -> Caller {
    request.extensions_mut().insert(known.caller.clone());
    if let (Credential::ApiKey { id, .. }, Some(site)) = (&known.caller.credential, request.app_data::<SharedWorker>())
        && known.is_to_be_noted(site.now())
    {
        note_use(site.clone(), id.clone(), remote::address(request, site).to_string());
    }
    known.caller.clone()
}

/// After the answer, not before it; a use that could not be noted stops nobody.
fn note_use(site: SharedWorker, id: String, address: String) {
    actix_web::rt::spawn(async move {
        let now = site.now();
        let occasion = Occasion::of_system("note_key", now);
        if let Err(error) = site.store.write(occasion, move |write| api_keys::used(write, &id, &address, now)).await {
            tracing::warn!(%error, "the use of an API key could not be noted");
        }
    });
}

/// Why a door stayed shut.
pub fn refused(refusal: Refusal, caller: &Caller) -> Problem {
    Problem::forbidden(&match refusal {
        Refusal::Role(least) => {
            format!("This needs the role {} or one above it; yours is {}.", least.name(), caller.role.name())
        }
        Refusal::SignIn => "No API key opens this: sign in.".into(),
        Refusal::Scope(scope) => format!("This needs an API key with the scope `{}`.", scope.name()),
        Refusal::Limited => "This API key is limited to some stories, and this is about more than those.".into(),
    })
}

/// The caller behind `Authorization: Bearer …` (RFC 6750 §2.1), as the account stands now.
async fn authenticate(request: &HttpRequest) -> Result<Arc<Known>, Problem> {
    let site: &SharedWorker = request.app_data::<SharedWorker>().ok_or_else(|| Problem::internal("the worker has no site"))?;
    let token = bearer(request).ok_or_else(Problem::invalid_token)?;
    let began = site.desk.callers.begin();
    let provider = site.desk.provider.as_ref().filter(|provider| provider.is_named_by(token));
    let fresh = match provider {
        Some(provider) => oidc::authenticate(site, provider, token, || site.occasion(request)).await?,
        None => ours(site, token).await?,
    };
    let known = site.desk.callers.remember(token, fresh, began);
    if !known.may_come_from(remote::address(request, site)) {
        tracing::warn!(user = known.caller.user_id, credential = ?known.caller.credential_id(), "an API key came from where it may not");
        return Err(Problem::invalid_token());
    }
    Ok(known)
}

/// What is known of a key or token of this server.
async fn ours(site: &Worker, token: &str) -> Result<Fresh, Problem> {
    let found = if token.starts_with(api_key::PREFIX) { by_key(site, token).await } else { by_token(site, token).await };
    found.map_err(|error| match error {
        store::Error::NotFound(_) => Problem::invalid_token(),
        other => other.into(),
    })
}

const NOT_GOOD: store::Error = store::Error::NotFound("account behind the token");

async fn by_token(site: &Worker, token: &str) -> Result<Fresh, store::Error> {
    let (now, wanted) = (site.now(), site.settings().second_factor.clone());
    let claims = site.read_token(|tokens, now| tokens.read(token, now)).await?.map_err(|_bad| NOT_GOOD)?;
    site.store
        .read(move |conn| {
            let user = users::by_id(conn, &claims.sub)?;
            if user.disabled || user.token_version != claims.ver {
                return Err(NOT_GOOD);
            }
            // The clocks' leeway is not used up: after its time a remembered token is read again.
            let end = Moment::from_milliseconds(claims.exp.saturating_mul(1000));
            let ends = match &claims.sid {
                Some(session) => sessions::stands_until(conn, session, &user.id, now)?.ok_or(NOT_GOOD)?.min(end),
                None => end,
            };
            let caller = Caller { role: user.role()?, user_id: user.id, email: user.email, credential: Credential::Session(claims.sid) };
            // Who has no password here signs in where somebody else asks for more than one.
            let is_wanted = !user.second_factor && wanted.contains(&caller.role);
            let lacks_second_factor = is_wanted && invitations::has_password(conn, &caller.user_id)?;
            Ok(Fresh { caller, ends, networks: Vec::new(), last_used_at: None, lacks_second_factor })
        })
        .await
}

async fn by_key(site: &Worker, text: &str) -> Result<Fresh, store::Error> {
    let hash = ApiKey::parse(text).ok_or(NOT_GOOD)?.hash();
    let now = site.now();
    let (row, owner) = site.store.read_loosely(move |conn| api_keys::by_hash(conn, &hash)).await?;
    let grant = row.grant()?;
    let ends = grant.expires_at.unwrap_or(Moment::from_milliseconds(i64::MAX));
    if owner.disabled || ends <= now {
        return Err(NOT_GOOD);
    }
    let damaged = |_| store::Error::Damaged(format!("API key {}: addresses {}", row.id, row.addresses));
    let networks = grant.addresses.iter().map(|text| remote::network(text).ok_or(())).collect::<Result<_, _>>().map_err(damaged)?;
    let last_used_at = row.last_used_at;
    let credential = Credential::ApiKey { id: row.id, grant: Arc::new(grant) };
    let caller = Caller { role: owner.role()?, user_id: owner.id, email: owner.email, credential };
    // Keys are made by people who have signed in with all that was wanted of them.
    Ok(Fresh { caller, ends, networks, last_used_at, lacks_second_factor: false })
}

/// The token in `Authorization`; none where there are two, or another scheme.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let (only, more) = (headers.next()?, headers.next());
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    (more.is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}
