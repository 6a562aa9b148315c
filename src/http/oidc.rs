//! Sign-in elsewhere: a person signs in at the OpenID Connect provider, or sends its token as Bearer; the account here is theirs by issuer and subject.

use super::answer;
use super::callers::Fresh;
use super::guard::Anyone;
use super::input::{Body, NoParameters, Query};
use super::problem::{Code, Problem};
use super::provider::{Provider, Return, not_completed};
use super::sign_in::{Entry, Session, tokens};
use super::site::{Site, Worker};
use crate::auth::foreign::ForeignClaims;
use crate::auth::ticket::{Parts, Ticket};
use crate::domain::audit::{Account, Means, Occasion};
use crate::domain::breach::Breach;
use crate::domain::id;
use crate::domain::identity::{Policy, Refusal, Standing, Verdict};
use crate::domain::time::Moment;
use crate::domain::user::{Caller, Credential, Role};
use crate::store::identities::{self, IdentityRow};
use crate::store::users::{self, UserDraft, UserRow};
use crate::store::{self, Conn, Write};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a sign-in may take at the provider, in seconds.
const TIME_TO_SIGN_IN: i64 = 600;
/// How long a token of the provider is remembered before it is checked again, in milliseconds: a minute.
const REMEMBERED: i64 = 60_000;
/// Longest name and address that are taken from a provider, in characters.
const LONGEST_NAME: usize = 300;
const LONGEST_EMAIL: usize = 254;

/// A sign-in at the identity provider that is to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginSignIn {
    /// Where the provider sends the person back to: one of `COPYDESK_OIDC_REDIRECT_URIS`. The first of them if left out.
    #[schema(min_length = 1, max_length = 2000, example = "https://desk.example.org/signed-in")]
    pub redirect_uri: Option<String>,
}

/// Where a person signs in, and what is needed afterwards.
#[derive(Serialize, ToSchema)]
pub struct SignInBegun {
    /// Lead the person there.
    #[schema(example = "https://id.example.org/authorize?response_type=code&client_id=copydesk")]
    pub authorization_url: String,
    /// Comes back with the code. Go on only if it is the same.
    #[schema(example = "b3BhcXVlIHN0YXRlIHRoYXQgY29tZXMgYmFjayBoZXJl")]
    pub state: String,
    /// To be kept, in `sessionStorage` say, and shown with the code: so a code that others have got hold of is worth nothing to them.
    #[schema(example = "cdt_b3BhcXVlIGFuZCBmb3IgdGhpcyBvbmUgc2lnbi1pbg")]
    pub ticket: String,
    /// Seconds until it is too late to come back.
    #[schema(example = 600)]
    pub expires_in: i64,
}

/// What came back from the provider, with the ticket of the sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishSignIn {
    #[schema(min_length = 1, max_length = 4096, example = "SplxlOBeZQQYbYS6WxSbIA")]
    pub code: String,
    #[schema(min_length = 1, max_length = 200, example = "b3BhcXVlIHN0YXRlIHRoYXQgY29tZXMgYmFjayBoZXJl")]
    pub state: String,
    #[schema(min_length = 1, max_length = 200, example = "cdt_b3BhcXVlIGFuZCBmb3IgdGhpcyBvbmUgc2lnbi1pbg")]
    pub ticket: String,
    /// The parameter `iss`, if it came back, too (RFC 9207).
    #[schema(min_length = 1, max_length = 2000, example = "https://id.example.org")]
    pub iss: Option<String>,
}

/// Begins a sign-in at the identity provider.
///
/// Only where `COPYDESK_OIDC_CLIENT_ID` is set; else there is no such address. Authorization code with PKCE (RFC 7636); nothing is set in the browser.
#[utoipa::path(post, path = "/v1/auth/oidc/start", operation_id = "create_ticket", tag = "sign-in", request_body(content = BeginSignIn, content_type = "application/json"), security(()),
    responses((status = 200, description = "Where to sign in", body = SignInBegun)))]
pub async fn create_ticket(
    _caller: Anyone,
    site: Site,
    _query: Query<NoParameters>,
    body: Body<BeginSignIn>,
) -> Result<HttpResponse, Problem> {
    let BeginSignIn { redirect_uri } = body.read().await?;
    let provider = provider(&site)?;
    let known = provider.settings.client.as_ref().map(|client| client.redirect_uris.as_slice()).unwrap_or_default();
    let allowed = |uri: &&String| redirect_uri.as_ref().is_none_or(|asked| asked == *uri);
    let Some(redirect_uri) = known.iter().find(allowed).cloned() else {
        let breach = Breach::member("/redirect_uri", "unknown", "This is none of COPYDESK_OIDC_REDIRECT_URIS, to the letter.");
        return Err(Problem::invalid_body(vec![breach]));
    };
    let ticket = Ticket::random().map_err(|failure| Problem::internal(&failure.to_string()))?;
    let parts = site.desk.tokens.ticket_office().parts(&ticket);
    let now = site.now();
    let authorization_url = provider.address_of_sign_in(&parts, &redirect_uri, now).await?;
    let Parts { state, name, .. } = parts;
    let expires_at = Moment::from_milliseconds(now.milliseconds() + TIME_TO_SIGN_IN * 1000);
    site.write(move |write| -> Result<_, store::Error> {
        // Nobody has done anything yet.
        write.note_idle();
        identities::begin_sign_in(write, &name, &redirect_uri, expires_at, now)
    })
    .await?;
    let begun = SignInBegun { authorization_url, state, ticket: ticket.reveal(), expires_in: TIME_TO_SIGN_IN };
    answer::private(&begun, None)
}

/// Ends a sign-in at the identity provider: its code for our tokens.
///
/// A sign-in is good once, and for ten minutes. Whom the provider vouches for and who may not in is told why (403).
#[utoipa::path(post, path = "/v1/auth/oidc/callback", operation_id = "login_identity", tag = "sign-in", request_body(content = FinishSignIn, content_type = "application/json"), security(()),
    responses((status = 200, description = "The tokens", body = Session)))]
pub async fn login_identity(
    _caller: Anyone,
    request: HttpRequest,
    site: Site,
    _query: Query<NoParameters>,
    body: Body<FinishSignIn>,
) -> Result<HttpResponse, Problem> {
    let FinishSignIn { code, state, ticket, iss } = body.read().await?;
    let provider = provider(&site)?;
    let parts = Ticket::parse(&ticket).map(|ticket| site.desk.tokens.ticket_office().parts(&ticket));
    let parts = parts.filter(|parts| parts.state == state).ok_or_else(not_completed)?;
    let (name, now) = (parts.name.clone(), site.now());
    let taken = site.write(move |write| -> Result<_, store::Error> {
        write.note_idle();
        identities::take_sign_in(write, &name, now)
    });
    let redirect_uri = taken.await?.ok_or_else(not_completed)?;
    let back = Return { code: &code, parts: &parts, redirect_uri: &redirect_uri, issuer: iss.as_deref() };
    let claims = provider.finish(back, now).await?;
    let person = Person::of(provider, claims);
    let entry = Entry::of(&request, "", &site)?;
    let admitted = site.write(move |write| -> Result<_, Problem> {
        let user = match admit(write, &person, now)? {
            Ok(user) => user,
            Err((refusal, account)) => return refuse(write, refusal, account),
        };
        let (session, refresh) = entry.begin_for(write, &user.id)?;
        Ok(Ok((user, session, refresh)))
    });
    let (user, session, refresh) = admitted.await?.map_err(Refused::problem)?;
    tokens(&site, &user, session, &refresh)
}

/// The caller behind a token of the provider, as the account stands now, or stands once the token's claims have been taken. A token costs a
/// write when it is new; those of people who may not in cost none.
pub async fn authenticate(site: &Worker, provider: &Provider, token: &str, occasion: impl Fn() -> Occasion) -> Result<Fresh, Problem> {
    let now = site.now();
    let person = Person::of(provider, provider.read_access(token, now).await?);
    let (asked, expires_at) = (person.clone(), person.claims.expires_at.saturating_mul(1000));
    let user = match site.store.read(move |conn| asked.look(conn)).await? {
        Look::In(user) => user,
        Look::Out(refusal) => return Err(Refused(refusal).problem()),
        Look::Ended => return Err(Problem::invalid_token()),
        Look::New => {
            let admitted = site.store.write(occasion(), move |write| -> Result<_, Problem> {
                write.note_idle();
                admit(write, &person, now)?.map_err(|(refusal, _)| Refused(refusal).problem())
            });
            admitted.await?
        }
    };
    let caller = Caller { role: user.role()?, user_id: user.id, email: user.email, credential: Credential::OpenId };
    let ends = expires_at.min(now.milliseconds().saturating_add(REMEMBERED));
    // What else is wanted of those who sign in there is the provider's to ask.
    Ok(Fresh { caller, ends: Moment::from_milliseconds(ends), networks: Vec::new(), last_used_at: None, lacks_second_factor: false })
}

fn provider(site: &Worker) -> Result<&Provider, Problem> {
    let provider = site.desk.provider.as_ref();
    provider.filter(|provider| provider.settings.client.is_some()).ok_or_else(Problem::not_found)
}

/// Whom the provider vouches for.
#[derive(Clone)]
struct Person {
    issuer: String,
    claims: ForeignClaims,
    words: Vec<String>,
    policy: Policy,
}

impl Person {
    fn of(provider: &Provider, claims: ForeignClaims) -> Self {
        let settings = &provider.settings;
        let (issuer, words) = (settings.issuer.clone(), claims.words(&settings.role_claim));
        Self { issuer, claims, words, policy: settings.policy.clone() }
    }

    fn issued_at(&self) -> i64 {
        self.claims.issued_at.saturating_mul(1000)
    }

    /// What a token is to us before anything is written.
    fn look(&self, conn: &mut Conn) -> Result<Look, store::Error> {
        let found = self.account(conn)?;
        let (identity, issued_at) = (found.as_ref().and_then(|(_, identity)| identity.as_ref()), self.issued_at());
        if identity.is_some_and(|identity| issued_at < identity.valid_from) {
            return Ok(Look::Ended);
        }
        let standing = found.as_ref().map(|(user, identity)| standing(user, identity.as_ref(), issued_at, false)).transpose()?;
        Ok(match (self.policy.judge(&self.words, standing), found) {
            (Verdict::Refuse(refusal), _) => Look::Out(refusal),
            (Verdict::Hire(_), _) if self.email().is_none() => Look::Out(Refusal::NoAccount),
            (Verdict::Admit(role), Some((user, Some(identity)))) if role == user.role()? && issued_at <= identity.claims_at => {
                Look::In(user)
            }
            _ => Look::New,
        })
    }

    /// The account that is theirs: by issuer and subject, or by an address that the provider has made sure of, if that account is nobody's yet.
    fn account(&self, conn: &mut Conn) -> Result<Option<(UserRow, Option<IdentityRow>)>, store::Error> {
        if let Some(identity) = identities::find(conn, &self.issuer, &self.claims.subject)? {
            return Ok(Some((users::by_id(conn, &identity.user_id)?, Some(identity))));
        }
        let Some(email) = self.email() else { return Ok(None) };
        match users::by_email(conn, &email) {
            Ok(user) if !identities::has_one(conn, &self.issuer, &user.id)? => Ok(Some((user, None))),
            Ok(_) | Err(store::Error::NotFound(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The address that the provider has made sure of, as it is stored and compared.
    fn email(&self) -> Option<String> {
        let email = self.claims.verified_email.as_ref()?.to_ascii_lowercase();
        let is_plain = email.chars().count() <= LONGEST_EMAIL && !email.chars().any(|c| c.is_whitespace() || c.is_control());
        Some(email).filter(|email| is_plain && email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()))
    }

    /// What the account is called: as the provider says, or by its address.
    fn name(&self, email: &str) -> String {
        let name: String =
            self.claims.name.iter().flat_map(|name| name.trim().chars()).filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
        if name.trim().is_empty() { email.to_owned() } else { name }
    }
}

/// See [`Person::look`].
enum Look {
    /// It tells nothing new.
    In(UserRow),
    Out(Refusal),
    /// The account has signed out everywhere since.
    Ended,
    /// It ties an account, makes one, changes a role, or is newer than what is known.
    New,
}

fn standing(user: &UserRow, identity: Option<&IdentityRow>, issued_at: i64, is_last: bool) -> Result<Standing, store::Error> {
    Ok(Standing {
        role: user.role()?,
        is_disabled: user.disabled,
        is_last_administrator: is_last,
        is_overtaken: identity.is_some_and(|identity| issued_at < identity.claims_at),
    })
}

type Admission = Result<UserRow, (Refusal, Option<UserRow>)>;

/// Lets somebody in whom the provider vouches for: ties the account, makes it, or gives it the role of the claim, as is settled.
fn admit(write: &mut Write<'_>, person: &Person, now: Moment) -> Result<Admission, Problem> {
    users::lock_administrators(write)?;
    let found = person.account(write)?;
    if let Some((user, _)) = &found {
        write.acts(Account::from(user), Means::OpenId);
    }
    let (issuer, subject, issued_at) = (&person.issuer, &person.claims.subject, person.issued_at());
    let standing = match &found {
        Some((user, identity)) => {
            let is_last = user.role()? == Role::Admin && !user.disabled && users::other_administrators(write, &user.id)? == 0;
            Some(standing(user, identity.as_ref(), issued_at, is_last)?)
        }
        None => None,
    };
    let verdict = person.policy.judge(&person.words, standing);
    let user = match (verdict, found) {
        (Verdict::Refuse(refusal), found) => return Ok(Err((refusal, found.map(|(user, _)| user)))),
        (Verdict::Admit(role), Some((user, identity))) => {
            if identity.is_none() {
                identities::insert(write, &identity_row(person, &user.id, now))?;
            }
            identities::settle(write, issuer, subject, issued_at)?;
            if role == user.role()? {
                return Ok(Ok(user));
            }
            let (email, name) = (user.email.clone(), user.name.clone());
            let draft = UserDraft { email, name, role, disabled: false, password_hash: None };
            users::update(write, &user, draft, None, now)?;
            user.id
        }
        (Verdict::Hire(role), None) => {
            let Some(email) = person.email() else { return Ok(Err((Refusal::NoAccount, None))) };
            if users::by_email(write, &email).is_ok() {
                // Somebody else's, at the same provider.
                return Ok(Err((Refusal::NoAccount, None)));
            }
            let (id, name) = (id::new(now), person.name(&email));
            write.acts(Account { id: id.clone(), email: Some(email.clone()) }, Means::OpenId);
            let draft = UserDraft { email, name, role, disabled: false, password_hash: None };
            users::insert(write, &id, draft, None, now)?;
            identities::insert(write, &identity_row(person, &id, now))?;
            id
        }
        (Verdict::Admit(_), None) | (Verdict::Hire(_), Some(_)) => return Err(Problem::internal("the verdict is for somebody else")),
    };
    Ok(Ok(users::by_id(write, &user)?))
}

fn identity_row(person: &Person, user_id: &str, now: Moment) -> IdentityRow {
    IdentityRow {
        issuer: person.issuer.clone(),
        subject: person.claims.subject.clone(),
        user_id: user_id.to_owned(),
        created_at: now.milliseconds(),
        claims_at: person.issued_at(),
        valid_from: 0,
    }
}

/// Somebody whom the provider vouches for, and whom the newsroom does not let in.
struct Refused(Refusal);

/// Writes down who was not let in; that stays, though nothing else of the write does.
fn refuse<T>(write: &mut Write<'_>, refusal: Refusal, account: Option<UserRow>) -> Result<Result<T, Refused>, Problem> {
    let reason = match refusal {
        Refusal::NoAccount => "no_account",
        Refusal::NoRole => "no_role",
        Refusal::Disabled => "account_disabled",
    };
    write.note_refusal(reason, account.as_ref().map(|account| ("user", account.id.as_str())));
    Ok(Err(Refused(refusal)))
}

impl Refused {
    fn problem(self) -> Problem {
        let detail = match self.0 {
            Refusal::NoAccount => "You have no account here. Ask an administrator for one with your e-mail address.",
            Refusal::NoRole => "Your groups at the identity provider stand for no role here.",
            Refusal::Disabled => "Your account here is disabled.",
        };
        Problem::new(Code::Forbidden, detail)
    }
}
