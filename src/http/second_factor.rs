//! The second factor: a code of an authenticator app beside the password (TOTP, RFC 6238), and recovery codes.

use super::answer;
use super::guard::Allowed;
use super::input::{Body, Name, NoParameters, Query};
use super::passwords::{Guess, note_refusal};
use super::problem::{Code, Problem};
use super::site::{Site, Worker};
use crate::auth::seal::Sealer;
use crate::auth::totp::{RECOVERY_CODES, RecoveryCode, TotpSecret};
use crate::domain::breach::Breach;
use crate::domain::time::Moment;
use crate::store::second_factors::{self, SecondFactorRow};
use crate::store::users::{self, UserRow};
use crate::store::{self, Write, sessions};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One's password of today.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTotp {
    #[schema(min_length = 1, max_length = 1024, format = Password, example = "correct horse battery staple")]
    pub current_password: String,
}

/// A code of one's app, or a recovery code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpCode {
    #[schema(min_length = 6, max_length = 40, example = "492039")]
    pub code: String,
}

/// What an authenticator app wants to know.
#[derive(Serialize, ToSchema)]
pub struct NewTotp {
    /// To be typed into the app (base32).
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub secret: String,
    /// To be shown as a QR code.
    #[schema(
        example = "otpauth://totp/Copydesk:editor%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Copydesk&algorithm=SHA1&digits=6&period=30"
    )]
    pub address: String,
}

/// Codes that each get somebody in once, without their app.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Shown this once.
    #[schema(example = json!(["abcd-efgh-ijkm-npqr"]))]
    pub recovery_codes: Vec<String>,
}

/// What somebody has shown beside their password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Enough,
    /// Their account has a second factor, and they sent no code.
    Missing,
    Wrong,
    /// There were too many wrong codes; so many seconds are left.
    Wait(i64),
}

impl Shown {
    /// What they get, if it is not enough.
    pub fn refusal(self) -> Option<Problem> {
        let refusal = |code: Code, detail: &str| Some(Problem::new(code, detail).with_header("www-authenticate", "Bearer"));
        match self {
            Self::Enough => None,
            Self::Missing => refusal(
                Code::SecondFactorRequired,
                "Send it once more, with the `code` that the authenticator app shows, or a recovery code.",
            ),
            Self::Wrong => {
                refusal(Code::SecondFactorWrong, "Send the code that the app shows now; each is good once. A recovery code does, too.")
            }
            Self::Wait(seconds) => {
                let detail = format!("There were too many wrong codes. Try again in {seconds} seconds.");
                Some(Problem::new(Code::TooManyAttempts, detail).with_header("retry-after", &seconds.to_string()))
            }
        }
    }
}

/// Judges what somebody has shown beside their password, in the transaction that is to let them in. What it counts has to be committed,
/// whether they get in or not.
pub fn judge(write: &mut Write<'_>, sealer: &Sealer, user: &UserRow, code: Option<&str>, now: Moment) -> Result<Shown, store::Error> {
    second_factors::take_turn(write, &user.id)?;
    let Some(factor) = second_factors::of(write, &user.id)?.filter(|factor| factor.is_confirmed) else { return Ok(Shown::Enough) };
    let shown = match code {
        None => Shown::Missing,
        Some(code) => weigh(write, sealer, &user.id, &factor, code, now)?,
    };
    if let Some(refusal) = shown.refusal() {
        write.note_refusal(refusal.code.name(), Some(("user", &user.id)));
    }
    Ok(shown)
}

fn weigh(
    write: &mut Write<'_>,
    sealer: &Sealer,
    user_id: &str,
    factor: &SecondFactorRow,
    code: &str,
    now: Moment,
) -> Result<Shown, store::Error> {
    if let Some(seconds) = factor.misses.wait(now) {
        return Ok(Shown::Wait(seconds));
    }
    let is_good = match RecoveryCode::parse(code) {
        Some(recovery) => factor.is_confirmed && second_factors::spend(write, user_id, &recovery.hash(user_id))?,
        None => match opened(sealer, user_id, &factor.sealed).and_then(|secret| secret.step_of(code, now.milliseconds())) {
            Some(step) => second_factors::pass(write, user_id, step)?,
            None => false,
        },
    };
    if is_good {
        return Ok(Shown::Enough);
    }
    second_factors::miss(write, user_id, factor.misses.and_one(now))?;
    Ok(Shown::Wrong)
}

fn opened(sealer: &Sealer, user_id: &str, sealed: &[u8]) -> Option<TotpSecret> {
    let secret = sealer.second_factor(user_id).open(sealed).and_then(|bytes| TotpSecret::from_bytes(&bytes));
    if secret.is_none() {
        tracing::warn!(user = user_id, "a second factor cannot be read: the server's secret has changed; recovery codes are still good");
    }
    secret
}

/// Begins to set up a second factor: shows the secret for an authenticator app, this once.
///
/// It counts once `POST /v1/auth/totp/confirm` has seen a code of it. Begun again, it has another secret.
#[utoipa::path(post, path = "/v1/auth/totp", operation_id = "create_totp", tag = "sign-in", request_body(content = CreateTotp, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The secret", body = NewTotp)))]
pub async fn create_totp(
    caller: Allowed,
    request: HttpRequest,
    site: Site,
    _query: Query<NoParameters>,
    body: Body<CreateTotp>,
) -> Result<HttpResponse, Problem> {
    let CreateTotp { current_password } = body.read().await?;
    let id = caller.0.user_id;
    let of = id.clone();
    let (user, hash) = site
        .store
        .read(move |conn| -> Result<_, store::Error> { Ok((users::by_id(conn, &of)?, users::password_hash(conn, &of)?)) })
        .await?;
    let guess = Guess::of(&user.email, &request, &site);
    if !guess.verified(&site, current_password, hash).await? {
        note_refusal(&site, Some(user), "wrong_password").await?;
        let breach = Breach::member("/current_password", "wrong_password", "This is not your password of today.");
        return Err(Problem::invalid_body(vec![breach]));
    }
    guess.succeeded(&site);
    let failed = |error: &dyn std::error::Error| Problem::internal(&error.to_string());
    let secret = TotpSecret::random().map_err(|error| failed(&error))?;
    let sealed = site.desk.tokens.sealer().second_factor(&id).seal(secret.as_bytes()).map_err(|error| failed(&error))?;
    let now = site.now();
    let proposed = site.write(move |write| -> Result<_, Problem> {
        second_factors::take_turn(write, &id)?;
        if second_factors::of(write, &id)?.is_some_and(|factor| factor.is_confirmed) {
            let detail = "Take the one that you have away first: POST /v1/auth/totp/disable.";
            return Err(Problem::new(Code::SecondFactorExists, detail));
        }
        Ok(second_factors::propose(write, &id, sealed, now)?)
    });
    proposed.await?;
    answer::private(&NewTotp { secret: secret.reveal(), address: secret.address(&issuer(&site), &user.email) }, None)
}

/// What the app calls this server.
fn issuer(site: &Worker) -> String {
    let host = site.settings().public_url.split("//").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    format!("Copydesk {host}").replace(':', " ")
}

/// Puts a second factor in force by a code of it, and shows its recovery codes, this once.
///
/// From now on sign-in wants a code, too. Every other session ends.
#[utoipa::path(post, path = "/v1/auth/totp/confirm", operation_id = "confirm_totp", tag = "sign-in", request_body(content = TotpCode, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The recovery codes", body = RecoveryCodes)))]
pub async fn confirm_totp(caller: Allowed, site: Site, _query: Query<NoParameters>, body: Body<TotpCode>) -> Result<HttpResponse, Problem> {
    let TotpCode { code } = body.read().await?;
    let caller = caller.0;
    let codes = (0..RECOVERY_CODES).map(|_| RecoveryCode::random()).collect::<Result<Vec<_>, _>>();
    let codes = codes.map_err(|error| Problem::internal(&error.to_string()))?;
    let hashes: Vec<String> = codes.iter().map(|code| code.hash(&caller.user_id)).collect();
    let (desk, now) = (site.desk.clone(), site.now());
    let shown = site.write(move |write| -> Result<_, Problem> {
        let id = &caller.user_id;
        second_factors::take_turn(write, id)?;
        let Some(factor) = second_factors::of(write, id)? else {
            write.note_idle();
            return Ok(Shown::Wrong);
        };
        if factor.is_confirmed {
            return Err(Problem::new(Code::SecondFactorExists, "It is in force already."));
        }
        let shown = weigh(write, desk.tokens.sealer(), id, &factor, &code, now)?;
        if let Some(refusal) = shown.refusal() {
            write.note_refusal(refusal.code.name(), Some(("user", id)));
            return Ok(shown);
        }
        second_factors::confirm(write, id, &hashes, now)?;
        sessions::end_others(write, id, caller.session())?;
        Ok(shown)
    });
    match shown.await? {
        Shown::Enough => answer::private(&RecoveryCodes { recovery_codes: codes.iter().map(RecoveryCode::reveal).collect() }, None),
        Shown::Wrong | Shown::Missing => {
            let detail = "This is not the code of the secret that POST /v1/auth/totp has shown last.";
            Err(Problem::invalid_body(vec![Breach::member("/code", "wrong_code", detail)]))
        }
        wait @ Shown::Wait(_) => Err(wait.refusal().unwrap_or_else(Problem::not_found)),
    }
}

/// Takes one's second factor away, by a code of it or a recovery code.
#[utoipa::path(post, path = "/v1/auth/totp/disable", operation_id = "disable_totp", tag = "sign-in", request_body(content = TotpCode, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 204, description = "It is gone")))]
pub async fn disable_totp(caller: Allowed, site: Site, _query: Query<NoParameters>, body: Body<TotpCode>) -> Result<HttpResponse, Problem> {
    let TotpCode { code } = body.read().await?;
    let (desk, now) = (site.desk.clone(), site.now());
    let shown = site.write(move |write| -> Result<_, Problem> {
        let user = users::by_id(write, &caller.0.user_id)?;
        if !user.second_factor {
            return Err(Problem::not_found());
        }
        let shown = judge(write, desk.tokens.sealer(), &user, Some(&code), now)?;
        if shown == Shown::Enough {
            second_factors::remove(write, &user.id)?;
        }
        Ok(shown)
    });
    match shown.await? {
        Shown::Enough => Ok(answer::gone()),
        Shown::Wrong | Shown::Missing => {
            Err(Problem::invalid_body(vec![Breach::member("/code", "wrong_code", "This is neither the code of now nor a recovery code.")]))
        }
        wait @ Shown::Wait(_) => Err(wait.refusal().unwrap_or_else(Problem::not_found)),
    }
}

/// Takes the second factor of a user away who has lost it. All of their sessions and tokens end.
#[utoipa::path(delete, path = "/v1/users/{user}/totp", operation_id = "delete_totp", tag = "users", params(("user" = String, Path, description = "Id")), security(("bearer" = [])),
    responses((status = 204, description = "It is gone")))]
pub async fn delete_totp(_caller: Allowed, site: Site, id: Name, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let (id, now) = (id.into_inner(), site.now());
    site.write(move |write| -> Result<_, Problem> {
        let user = users::by_id(write, &id)?;
        if !second_factors::remove(write, &user.id)? {
            return Err(Problem::not_found());
        }
        Ok(users::sign_out_everywhere(write, &user.id, now)?)
    })
    .await?;
    Ok(answer::gone())
}
