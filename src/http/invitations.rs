//! One-time links: somebody is invited, or gets a new password, without an administrator ever knowing it.

use super::answer::{self, Reply};
use super::guard::{Allowed, Anyone};
use super::input::{Body, Name, NoParameters, Nothing, Query};
use super::listing::{ListAll, with_link};
use super::once::Once;
use super::page::{List, PageInfo, ends};
use super::passwords::hashed;
use super::problem::Problem;
use super::second_factor::{self, Shown};
use super::sign_in::{Entry, Session, tokens};
use super::site::{Desk, Site};
use super::users::strong;
use crate::auth::one_time::OneTimeToken;
use crate::domain::audit::{Account, Means};
use crate::domain::id;
use crate::domain::invitation::{MailState, Purpose};
use crate::domain::text::{EmailAddress, FilledText};
use crate::domain::time::Moment;
use crate::domain::user::Role;
use crate::store::invitations::{self, ForUser, InvitationDraft, InvitationRow};
use crate::store::users::{self, UserDraft};
use crate::store::{self, Write};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody to be invited.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    pub email: EmailAddress,
    /// The address if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<FilledText>,
    pub role: Role,
}

/// What came with the link, and the password that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    #[schema(min_length = 1, max_length = 200, example = "cdi_YSBvbmUtdGltZSBsaW5rLCBhIHNlY3JldCBvZiAzMiE")]
    pub token: String,
    /// 10 to 1024 characters of any kind; the commonest ones are refused.
    #[schema(min_length = 10, max_length = 1024, format = Password, example = "a lighthouse keeper reads at night")]
    pub password: String,
    /// The code of the authenticator app, or a recovery code, where the account has a second factor.
    #[schema(min_length = 6, max_length = 40, example = "492039")]
    pub code: Option<String>,
}

/// A link that has not been used.
#[derive(Clone, Serialize, ToSchema)]
pub struct Invitation {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e72")]
    pub id: String,
    pub purpose: Purpose,
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e62")]
    pub user_id: String,
    #[schema(example = "editor@example.com")]
    pub email: String,
    #[schema(example = "Ana López")]
    pub name: String,
    pub role: Role,
    pub mail: MailState,
    /// Why the last try to send it failed.
    #[schema(example = "the mail server does not answer")]
    pub mail_error: Option<String>,
    /// The id of the administrator who made it; none if it was made on the server itself.
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e62")]
    pub created_by: Option<String>,
    pub created_at: Moment,
    pub expires_at: Moment,
}

/// A new link.
#[derive(Serialize, ToSchema)]
pub struct NewInvitation {
    #[serde(flatten)]
    pub invitation: Invitation,
    /// Shown this once: for `POST /v1/auth/accept`.
    #[schema(example = "cdi_YSBvbmUtdGltZSBsaW5rLCBhIHNlY3JldCBvZiAzMiE")]
    pub token: String,
    /// The page to open, where `COPYDESK_INVITE_URL` names one. Shown this once.
    #[schema(example = "https://desk.example.com/welcome#cdi_YSBvbmUtdGltZSBsaW5rLCBhIHNlY3JldCBvZiAzMiE")]
    pub link: Option<String>,
}

/// A page of links.
#[derive(Serialize, ToSchema)]
pub struct InvitationPage {
    pub items: Vec<Invitation>,
    pub page: PageInfo,
}

fn shown((row, (email, name, role)): ForUser) -> Result<Invitation, store::Error> {
    let (purpose, mail) = (row.purpose()?, row.mail()?);
    let InvitationRow { id, user_id, purpose: _, mail: _, mail_tries: _, mail_error, created_by, created_at, expires_at } = row;
    let role = Role::named(&role).ok_or_else(|| store::Error::Damaged(format!("user {user_id}: role {role}")))?;
    let [created_at, expires_at] = [created_at, expires_at].map(Moment::from_milliseconds);
    Ok(Invitation { id, purpose, user_id, email, name, role, mail, mail_error, created_by, created_at, expires_at })
}

/// A link about to be made, and its token.
#[derive(Clone)]
struct Fresh {
    id: String,
    token: OneTimeToken,
    /// The token, sealed, where mails are sent.
    sealed: Option<Vec<u8>>,
    by: String,
    now: Moment,
}

impl Fresh {
    fn of(site: &Site, by: &str) -> Result<Self, Problem> {
        let failed = |error: &dyn std::error::Error| Problem::internal(&error.to_string());
        let (now, token) = (site.now(), OneTimeToken::random().map_err(|error| failed(&error))?);
        let id = id::new(now);
        let sealed = match site.settings().mailer {
            Some(_) => {
                let envelope = site.desk.tokens.sealer().mail(&id);
                Some(envelope.seal(token.reveal().as_bytes()).map_err(|error| failed(&error))?)
            }
            None => None,
        };
        Ok(Self { id, token, sealed, by: by.to_owned(), now })
    }

    /// Puts it in force, and makes the answer that shows it.
    fn put(self, write: &mut Write<'_>, user_id: String, purpose: Purpose, desk: &Desk) -> Result<Reply, Problem> {
        let Self { id, token, sealed, by, now } = self;
        let draft = InvitationDraft { id: id.clone(), user_id, purpose, hash: token.hash(), sealed, created_by: Some(by) };
        invitations::put(write, draft, now)?;
        let invitation = shown(invitations::by_id(write, &id)?)?;
        let (link, token) = (desk.settings.invite_link(&token.reveal()), token.reveal());
        Reply::created(&NewInvitation { invitation, token, link }, 1, format!("/v1/invitations/{id}"))
    }
}

/// Invites somebody: makes their account, and a link with which they choose a password, once.
///
/// The link is answered in any case; where a mail server is set, it goes out by mail, too. It is good for 72 hours.
#[utoipa::path(post, path = "/v1/invitations", operation_id = "create_invitation", tag = "users", request_body(content = CreateInvitation, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The link, this once", body = NewInvitation, headers(("Location" = String, description = "The address of the invitation"), ("ETag" = String, description = "For caches of one's own")))))]
pub async fn create_invitation(
    caller: Allowed,
    site: Site,
    _query: Query<NoParameters>,
    once: Once,
    body: Body<CreateInvitation>,
) -> Result<HttpResponse, Problem> {
    let CreateInvitation { email, name, role } = body.read().await?;
    let email = email.normalised();
    let name = name.map_or_else(|| email.clone(), |name| name.0);
    let draft = UserDraft { email, name, role, disabled: false, password_hash: None };
    let (fresh, desk) = (Fresh::of(&site, &caller.0.user_id)?, site.desk.clone());
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        let user_id = id::new(fresh.now);
        users::insert(write, &user_id, draft, Some(&fresh.by), fresh.now)?;
        fresh.put(write, user_id, Purpose::Invitation, &desk)
    };
    once.write(&site, work).await
}

/// Makes a link with which a user chooses a new password, once. It is good for 24 hours, and ends the link that was there before.
///
/// For somebody who has been invited and has no password yet, it is an invitation anew. The password of today stays until the link is used.
#[utoipa::path(post, path = "/v1/users/{user}/password-reset", operation_id = "create_reset", tag = "users", params(("user" = String, Path, description = "Id")), request_body(content = Nothing, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The link, this once", body = NewInvitation, headers(("Location" = String, description = "The address of the link"), ("ETag" = String, description = "For caches of one's own")))))]
pub async fn create_reset(
    caller: Allowed,
    site: Site,
    id: Name,
    _query: Query<NoParameters>,
    once: Once,
    body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    body.read().await?;
    let (id, fresh, desk) = (id.into_inner(), Fresh::of(&site, &caller.0.user_id)?, site.desk.clone());
    let work = move |write: &mut Write<'_>| -> Result<_, Problem> {
        let user = users::by_id(write, &id)?;
        let purpose = if invitations::has_password(write, &user.id)? { Purpose::PasswordReset } else { Purpose::Invitation };
        fresh.put(write, user.id, purpose, &desk)
    };
    once.write(&site, work).await
}

/// Lists the links that have not been used, the newest first; those that are over, too.
#[utoipa::path(get, path = "/v1/invitations", operation_id = "list_invitations", tag = "users", params(ListAll), security(("bearer" = [])),
    responses((status = 200, description = "A page of links", body = InvitationPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_invitations(_caller: Allowed, request: HttpRequest, site: Site, query: Query<ListAll>) -> Result<HttpResponse, Problem> {
    let slice = query.0.slice("invitations")?;
    let asked = slice.clone();
    let page = site.store.read(move |conn| invitations::list(conn, &asked)).await?;
    let ends = ends(&page.items, |row| Ok::<_, Problem>(invitations::position(row)))?;
    let list = List::of(page, &slice, ends, "invitations");
    let link = list.link(&request);
    let items = list.items.into_iter().map(shown).collect::<Result<_, _>>()?;
    Ok(with_link(answer::private(&InvitationPage { items, page: list.page }, None)?, link))
}

/// Reads a link that has not been used, without its token.
#[utoipa::path(get, path = "/v1/invitations/{invitation}", operation_id = "get_invitation", tag = "users", params(("invitation" = String, Path, description = "Id")), security(("bearer" = [])),
    responses((status = 200, description = "The link", body = Invitation)))]
pub async fn get_invitation(_caller: Allowed, site: Site, id: Name, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let found = site.store.read(move |conn| invitations::by_id(conn, &id)).await?;
    answer::private(&shown(found)?, None)
}

/// Revokes a link. With an invitation that was not accepted the account goes that it was made for.
#[utoipa::path(delete, path = "/v1/invitations/{invitation}", operation_id = "delete_invitation", tag = "users", params(("invitation" = String, Path, description = "Id")), security(("bearer" = [])),
    responses((status = 204, description = "It is revoked")))]
pub async fn delete_invitation(_caller: Allowed, site: Site, id: Name, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    site.write(move |write| -> Result<_, Problem> {
        users::lock_administrators(write)?;
        let (row, _) = invitations::by_id(write, &id)?;
        write.note("user", &row.user_id);
        if !invitations::spend(write, &row.id)? {
            return Err(Problem::not_found());
        }
        if row.purpose()? == Purpose::Invitation && !invitations::has_signed_in(write, &row.user_id)? {
            let user = users::by_id(write, &row.user_id)?;
            users::delete(write, &user.id, user.version)?;
        }
        Ok(())
    })
    .await?;
    Ok(answer::gone())
}

/// Chooses a password by a one-time link, and signs in. Every other session of the account ends.
#[utoipa::path(post, path = "/v1/auth/accept", operation_id = "accept_invitation", tag = "sign-in", request_body(content = AcceptInvitation, content_type = "application/json"), security(()),
    responses((status = 200, description = "The tokens", body = Session)))]
pub async fn accept_invitation(
    _caller: Anyone,
    request: HttpRequest,
    site: Site,
    _query: Query<NoParameters>,
    body: Body<AcceptInvitation>,
) -> Result<HttpResponse, Problem> {
    let AcceptInvitation { token, password, code } = body.read().await?;
    let new = strong(&password, "/password")?;
    let hash = OneTimeToken::parse(&token).ok_or_else(over)?.hash();
    let (now, wanted) = (site.now(), hash.clone());
    let row = site.store.read(move |conn| invitations::of_token(conn, &wanted, now)).await?.ok_or_else(over)?;
    let password_hash = Some(hashed(&site, new).await?);
    let entry = Entry::of(&request, &row.user_id, &site)?;
    let (refresh, session, desk) = (entry.refresh.clone(), entry.row.id.clone(), site.desk.clone());
    let accepted = site.write(move |write| -> Result<_, Problem> {
        let row = invitations::of_token(write, &hash, now)?.ok_or_else(over)?;
        let user = users::by_id(write, &row.user_id)?;
        if user.disabled {
            return Err(over());
        }
        write.acts(Account::from(&user), Means::Invitation(row.id.clone()));
        let shown = second_factor::judge(write, desk.tokens.sealer(), &user, code.as_deref(), now)?;
        if shown != Shown::Enough {
            return Ok(Err(shown));
        }
        // Of several who bring it at once the first has it.
        if !invitations::spend(write, &row.id)? {
            return Err(over());
        }
        let (email, name, role) = (user.email.clone(), user.name.clone(), user.role()?);
        users::update(write, &user, UserDraft { email, name, role, disabled: false, password_hash }, Some(&user.id), now)?;
        entry.begin(write)?;
        Ok(Ok(users::by_id(write, &user.id)?))
    });
    match accepted.await? {
        Ok(user) => tokens(&site, &user, session, &refresh),
        Err(shown) => Err(shown.refusal().unwrap_or_else(over)),
    }
}

/// What a token gets that was used, revoked, is over, or is none.
fn over() -> Problem {
    Problem { detail: "The link was used, or is over. Ask an administrator for another.".into(), ..Problem::invalid_token() }
}
