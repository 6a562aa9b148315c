//! Sign-in: a password for a short-lived token, and what keeps somebody signed in.

use super::answer;
use super::guard::{Allowed, Anyone};
use super::input::{Body, Name, NoParameters, Query};
use super::listing::{ListAll, with_link};
use super::page::{List, PageInfo, ends};
use super::passwords::{Guess, hashed, note_refusal};
use super::problem::{Code, Problem};
use super::remote;
use super::second_factor::{self, Shown};
use super::site::{Site, Worker};
use super::users::{Me, OwnByline, shown, strong};
use crate::auth::refresh::RefreshToken;
use crate::auth::token::{IssueFailure, Subject};
use crate::domain::audit::{Account, Means};
use crate::domain::breach::Breach;
use crate::domain::id;
use crate::domain::session::{self, Verdict};
use crate::domain::text::EmailAddress;
use crate::domain::time::Moment;
use crate::store::authors;
use crate::store::sessions::{self, SessionRow};
use crate::store::users::{self, UserDraft, UserRow};
use crate::store::{self, Write};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An address and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub email: EmailAddress,
    #[schema(min_length = 1, max_length = 1024, format = Password, example = "correct horse battery staple")]
    pub password: String,
    /// The code of the authenticator app, or a recovery code, where the account has a second factor.
    #[schema(min_length = 6, max_length = 40, example = "492039")]
    pub code: Option<String>,
}

/// What was answered at sign-in, or at the refresh before this one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    #[schema(min_length = 1, max_length = 200, example = "cdr_b3BhcXVlIGFuZCBzaW5nbGUgdXNlLCBhIHNlY3JldCE")]
    pub refresh_token: String,
}

/// A new password, and the one that it replaces.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[schema(min_length = 1, max_length = 1024, format = Password, example = "correct horse battery staple")]
    pub current_password: String,
    /// 10 to 1024 characters of any kind; the commonest ones are refused.
    #[schema(min_length = 10, max_length = 1024, format = Password, example = "a lighthouse keeper reads at night")]
    pub new_password: String,
}

/// A token for `Authorization: Bearer …` (RFC 6750), and one that gets the next.
#[derive(Serialize, ToSchema)]
pub struct Session {
    pub access_token: String,
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(example = 900)]
    pub expires_in: i64,
    /// Good for one `POST /v1/auth/refresh`, whose answer brings the next.
    #[schema(example = "cdr_b3BhcXVlIGFuZCBzaW5nbGUgdXNlLCBhIHNlY3JldCE")]
    pub refresh_token: String,
}

/// Where somebody is signed in.
#[derive(Serialize, ToSchema)]
pub struct OpenSession {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e6a")]
    pub id: String,
    /// What the client said it was at sign-in (`User-Agent`).
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")]
    pub device: Option<String>,
    /// The address that it signed in from, as this server saw it.
    #[schema(example = "203.0.113.7")]
    pub address: Option<String>,
    pub created_at: Moment,
    /// When it was last refreshed.
    pub last_seen_at: Moment,
    /// When it is over, unless it is refreshed before.
    pub expires_at: Moment,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A page of sessions.
#[derive(Serialize, ToSchema)]
pub struct SessionPage {
    pub items: Vec<OpenSession>,
    pub page: PageInfo,
}

/// Signs in.
///
/// An unknown address and a wrong password get the same answer, in the same time. Who has a second factor sends its `code`, too; without it
/// the answer to the right password is 401 `second_factor_required`. After ten wrong ones for one account in a minute, or
/// fifty for all, one's own address has to wait for the rest of it; others are not kept out.
#[utoipa::path(post, path = "/v1/auth/login", operation_id = "login_session", tag = "sign-in", request_body(content = Credentials, content_type = "application/json"), security(()),
    responses((status = 200, description = "The tokens", body = Session)))]
pub async fn login_session(
    _caller: Anyone,
    request: HttpRequest,
    site: Site,
    _query: Query<NoParameters>,
    body: Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    let Credentials { email, password, code } = body.read().await?;
    let email = email.normalised();
    let account = email.clone();
    let found = site.store.read(move |conn| users::credential(conn, &email)).await?;
    let (user, hash) = found.unzip();
    let guess = Guess::of(&account, &request, &site);
    let is_right = guess.verified(&site, password, hash).await?;
    let refused = || Problem::new(Code::InvalidCredentials, "Check both and try again.").with_header("www-authenticate", "Bearer");
    let Some(user) = user.clone().filter(|user| is_right && !user.disabled) else {
        let reason = if is_right { "account_disabled" } else { "invalid_credentials" };
        note_refusal(&site, user, reason).await?;
        return Err(refused());
    };
    let entry = Entry::of(&request, &user.id, &site)?;
    let refresh = entry.refresh.clone();
    let (session, desk, now) = (entry.row.id.clone(), site.desk.clone(), site.now());
    let begun = site.write(move |write| -> Result<_, Problem> {
        // What was compared is the password of this version; another may have come in between.
        let still = match users::by_id(write, &user.id) {
            Err(store::Error::NotFound(_)) => None,
            found => Some(found?).filter(|still| !still.disabled && still.token_version == user.token_version),
        };
        let still = still.ok_or_else(refused)?;
        write.acts(Account::from(&still), Means::Password);
        let shown = second_factor::judge(write, desk.tokens.sealer(), &still, code.as_deref(), now)?;
        if shown != Shown::Enough {
            return Ok(Err(shown));
        }
        write.note("session", &entry.row.id);
        entry.begin(write)?;
        Ok(Ok(still))
    });
    match begun.await? {
        Ok(user) => {
            guess.succeeded(&site);
            tokens(&site, &user, session, &refresh)
        }
        Err(shown) => {
            if shown == Shown::Wrong {
                guess.failed(&site);
            }
            Err(shown.refusal().unwrap_or_else(refused))
        }
    }
}

/// Trades a refresh token for a new access token and the next refresh token.
///
/// A refresh token is good once. Sent again within 10 seconds, in case the answer was lost, it gets the same next one; after that,
/// or once the next one was used, somebody else must have it, and the session ends for everybody (RFC 9700 §4.14.2).
#[utoipa::path(post, path = "/v1/auth/refresh", operation_id = "refresh_session", tag = "sign-in", request_body(content = Refresh, content_type = "application/json"), security(()),
    responses((status = 200, description = "The tokens", body = Session)))]
pub async fn refresh_session(site: Site, _query: Query<NoParameters>, body: Body<Refresh>) -> Result<HttpResponse, Problem> {
    let Refresh { refresh_token } = body.read().await?;
    let token = RefreshToken::parse(&refresh_token).ok_or_else(spent)?;
    let rotation = site.desk.tokens.rotation();
    let next = rotation.next(&token);
    let (hash, next_hash, now) = (rotation.hash(&token), rotation.hash(&next), site.now());
    let outcome = site.write(move |write| -> Result<_, store::Error> {
        write.note_idle();
        let Some(presented) = sessions::of_token(write, &hash, now)? else { return Ok(None) };
        let row = presented.session;
        let user = users::by_id(write, &row.user_id)?;
        write.acts(Account::from(&user), Means::RefreshToken(row.id.clone()));
        match session::judge(presented.spent_at, sessions::is_spent(write, &next_hash)?, now) {
            Verdict::Rotate => {
                let end = session::end(Moment::from_milliseconds(row.created_at), now);
                sessions::rotate(write, &row.id, &hash, &next_hash, now, end)?;
            }
            Verdict::Repeat => {}
            Verdict::Reuse => {
                tracing::warn!(user = row.user_id, session = row.id, "a spent refresh token came back; its session is ended");
                sessions::end(write, &row.id, &row.user_id)?;
                write.note_refusal("token_reused", Some(("session", &row.id)));
                return Ok(None);
            }
        }
        Ok(Some((user, row.id)).filter(|(user, _)| !user.disabled))
    });
    let (user, session) = outcome.await?.ok_or_else(spent)?;
    tokens(&site, &user, session, &next)
}

/// Signs out: the session, its refresh token and its access tokens end at once.
#[utoipa::path(post, path = "/v1/auth/logout", operation_id = "logout_session", tag = "sign-in", security(("bearer" = [])),
    responses((status = 204, description = "Signed out")))]
pub async fn logout_session(caller: Allowed, site: Site, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let now = site.now();
    let ended = site.write(move |write| match caller.0.session() {
        Some(session) => sessions::end(write, session, &caller.0.user_id),
        // A token without a session ends with its version.
        None => users::sign_out_everywhere(write, &caller.0.user_id, now),
    });
    match ended.await {
        // Somebody was faster.
        Ok(()) | Err(store::Error::NotFound(_)) => Ok(answer::gone()),
        Err(other) => Err(other.into()),
    }
}

/// Signs out everywhere: all sessions and tokens of the account end at once.
#[utoipa::path(post, path = "/v1/auth/logout-all", operation_id = "logout_everywhere", tag = "sign-in", security(("bearer" = [])),
    responses((status = 204, description = "Signed out everywhere")))]
pub async fn logout_everywhere(caller: Allowed, site: Site, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let now = site.now();
    site.write(move |write| users::sign_out_everywhere(write, &caller.0.user_id, now)).await?;
    Ok(answer::gone())
}

/// Lists where one is signed in, the newest first.
#[utoipa::path(get, path = "/v1/auth/sessions", operation_id = "list_sessions", tag = "sign-in", params(ListAll), security(("bearer" = [])),
    responses((status = 200, description = "A page of one's sessions", body = SessionPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_sessions(caller: Allowed, request: HttpRequest, site: Site, query: Query<ListAll>) -> Result<HttpResponse, Problem> {
    let name = format!("sessions of {}", caller.0.user_id);
    let slice = query.0.slice(&name)?;
    let (asked, now) = (slice.clone(), site.now());
    let own = caller.0.session().map(str::to_owned);
    let page = site.store.read(move |conn| sessions::list(conn, &caller.0.user_id, now, &asked)).await?;
    let ends = ends(&page.items, |row| Ok::<_, Problem>(sessions::position(row)))?;
    let list = List::of(page, &slice, ends, &name);
    let link = list.link(&request);
    let items = list.items.into_iter().map(|row| open(row, own.as_deref())).collect();
    Ok(with_link(answer::private(&SessionPage { items, page: list.page }, None)?, link))
}

/// Ends one of one's sessions, on a device that was lost say.
#[utoipa::path(delete, path = "/v1/auth/sessions/{session}", operation_id = "delete_session", tag = "sign-in", params(("session" = String, Path, description = "Id")), security(("bearer" = [])),
    responses((status = 204, description = "The session is over")))]
pub async fn delete_session(caller: Allowed, site: Site, id: Name, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    site.write(move |write| sessions::end(write, &id, &caller.0.user_id)).await?;
    Ok(answer::gone())
}

/// Changes one's own password. Every other session ends; the answer begins a new one here.
#[utoipa::path(post, path = "/v1/auth/password", operation_id = "change_password", tag = "sign-in", request_body(content = ChangePassword, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The tokens of the new session", body = Session)))]
pub async fn change_password(
    caller: Allowed,
    request: HttpRequest,
    site: Site,
    _query: Query<NoParameters>,
    body: Body<ChangePassword>,
) -> Result<HttpResponse, Problem> {
    let ChangePassword { current_password, new_password } = body.read().await?;
    let id = caller.0.user_id;
    let new = strong(&new_password, "/new_password")?;
    let of = id.clone();
    let (before, hash) = site
        .store
        .read(move |conn| -> Result<_, store::Error> { Ok((users::by_id(conn, &of)?, users::password_hash(conn, &of)?)) })
        .await?;
    let guess = Guess::of(&before.email, &request, &site);
    let is_right = guess.verified(&site, current_password, hash).await?;
    if !is_right {
        note_refusal(&site, Some(before), "wrong_password").await?;
        let breach = Breach::member("/current_password", "wrong_password", "This is not your password of today.");
        return Err(Problem::invalid_body(vec![breach]));
    }
    guess.succeeded(&site);
    let password_hash = Some(hashed(&site, new).await?);
    let entry = Entry::of(&request, &id, &site)?;
    let (refresh, session, now) = (entry.refresh.clone(), entry.row.id.clone(), site.now());
    let changed = site.write(move |write| -> Result<_, Problem> {
        let row = users::by_id(write, &id)?;
        if row.token_version != before.token_version {
            return Err(Problem::invalid_token());
        }
        let (email, name, role) = (row.email.clone(), row.name.clone(), row.role()?);
        let draft = UserDraft { email, name, role, disabled: row.disabled, password_hash };
        users::update(write, &row, draft, Some(&id), now)?;
        entry.begin(write)?;
        Ok(users::by_id(write, &id)?)
    });
    tokens(&site, &changed.await?, session, &refresh)
}

/// A session about to begin.
#[derive(Clone)]
pub struct Entry {
    pub row: SessionRow,
    pub refresh: RefreshToken,
    hash: String,
}

impl Entry {
    pub fn of(request: &HttpRequest, user_id: &str, site: &Worker) -> Result<Self, Problem> {
        let now = site.now();
        let row = SessionRow {
            id: id::new(now),
            user_id: user_id.to_owned(),
            device: remote::device(request),
            address: Some(remote::address(request, site).to_string()),
            created_at: now.milliseconds(),
            last_seen_at: now.milliseconds(),
            expires_at: session::end(now, now).milliseconds(),
        };
        let refresh = RefreshToken::random().map_err(not_issued)?;
        let hash = site.desk.tokens.rotation().hash(&refresh);
        Ok(Self { row, refresh, hash })
    }

    pub fn begin(&self, write: &mut Write<'_>) -> Result<(), store::Error> {
        sessions::begin(write, &self.row, &self.hash)
    }

    /// Begins it for a user who was not known when it was prepared; answers its id and its first refresh token.
    pub fn begin_for(mut self, write: &mut Write<'_>, user_id: &str) -> Result<(String, RefreshToken), store::Error> {
        user_id.clone_into(&mut self.row.user_id);
        write.note("session", &self.row.id);
        self.begin(write)?;
        Ok((self.row.id, self.refresh))
    }
}

fn open(row: SessionRow, own: Option<&str>) -> OpenSession {
    let SessionRow { id, user_id: _, device, address, created_at, last_seen_at, expires_at } = row;
    let [created_at, last_seen_at, expires_at] = [created_at, last_seen_at, expires_at].map(Moment::from_milliseconds);
    OpenSession { current: own == Some(id.as_str()), id, device, address, created_at, last_seen_at, expires_at }
}

/// What a refresh token gets that is spent, unknown, or none.
fn spent() -> Problem {
    Problem { detail: "The refresh token is not in force. Sign in again.".into(), ..Problem::invalid_token() }
}

fn not_issued(failure: IssueFailure) -> Problem {
    Problem::internal(&failure.to_string())
}

/// The answer that signs somebody in.
pub fn tokens(site: &Worker, user: &UserRow, session: String, refresh: &RefreshToken) -> Result<HttpResponse, Problem> {
    let subject = Subject { user_id: user.id.clone(), ver: user.token_version, session: Some(session) };
    let issued = site.desk.tokens.issue(&subject, site.now().milliseconds()).map_err(not_issued)?;
    let tokens =
        Session { access_token: issued.token, token_type: "Bearer", expires_in: issued.expires_in, refresh_token: refresh.reveal() };
    answer::private(&tokens, None)
}

/// Tells who is signed in, and under which bylines they write.
#[utoipa::path(get, path = "/v1/auth/me", operation_id = "get_session", tag = "sign-in", security(("bearer" = [])),
    responses((status = 200, description = "The account behind the token", body = Me)))]
pub async fn get_session(caller: Allowed, site: Site, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let id = caller.0.user_id;
    let read = move |conn: &mut store::Conn| Ok::<_, store::Error>((users::by_id(conn, &id)?, authors::of_user(conn, &id)?));
    let (row, bylines) = site.store.read(read).await?;
    let version = row.version;
    let authors = bylines.into_iter().map(|(id, slug, name)| OwnByline { id, slug, name }).collect();
    answer::private(&Me { user: shown(row)?, authors }, Some(version))
}
