//! The keys that sign tokens: made when there is none, replaced by operators, looked up again while the server runs, told to the world.

use super::answer;
use super::callers::SIGNING_KEYS;
use super::guard::Anyone;
use super::input::{NoParameters, Query};
use super::problem::Problem;
use super::site::{Site, Worker};
use crate::auth::token::{BadToken, IssueFailure};
use crate::auth::{PublicKey, SealedKey, Tokens};
use crate::domain::time::Moment;
use crate::store::signing_keys::{self, SigningKeyRow};
use crate::store::{self, Conn, Write};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::sync::atomic::{AtomicI64, Ordering};
use utoipa::ToSchema;

/// How long nobody looks again for a key that was not there, in milliseconds: who sends tokens of made-up keys costs one query a second.
const PAUSE: i64 = 1000;

/// When somebody last looked, in milliseconds since 1970.
#[derive(Default)]
pub struct LastLook(AtomicI64);

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Issue(#[from] IssueFailure),
}

/// A set of public keys (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
pub struct KeySet {
    pub keys: Vec<SetKey>,
}

/// A public key (RFC 8037 §2).
#[derive(Serialize, ToSchema)]
pub struct SetKey {
    /// What the header of a token calls it.
    #[schema(example = "9f86d081884c7d65")]
    pub kid: String,
    #[schema(example = "OKP")]
    pub kty: &'static str,
    #[schema(example = "Ed25519")]
    pub crv: &'static str,
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    pub x: String,
    #[schema(example = "EdDSA")]
    pub alg: &'static str,
    #[schema(example = "sig")]
    pub r#use: &'static str,
}

/// Takes the keys that are stored, and makes one where none that our secret opens signs with the configured algorithm. That is nobody's deed.
pub fn prepare(write: &mut Write<'_>, tokens: &Tokens, now: Moment) -> Result<(), NoKey> {
    write.note_idle();
    take(write, tokens)?;
    if !tokens.can_sign() {
        let kid = renew(write, tokens, now)?;
        tracing::info!(kid, "tokens are signed with the new key {kid}");
    }
    Ok(())
}

/// Puts a new key in the place of those that our secret opens; answers its name.
pub fn rotate(write: &mut Write<'_>, tokens: &Tokens, now: Moment) -> Result<String, NoKey> {
    take(write, tokens)?;
    let kid = renew(write, tokens, now)?;
    write.note("signing_key", &kid);
    Ok(kid)
}

fn renew(conn: &mut Conn, tokens: &Tokens, now: Moment) -> Result<String, NoKey> {
    let key = tokens.make_key(now.milliseconds())?;
    let kid = key.kid.clone();
    signing_keys::insert(conn, &row(key), &tokens.key_names(), Moment::from_milliseconds(Tokens::forgotten_before(now.milliseconds())))?;
    take(conn, tokens)?;
    Ok(kid)
}

/// Signs and reads with the keys that are stored now; answers whether they are others than before.
fn take(conn: &mut Conn, tokens: &Tokens) -> Result<bool, store::Error> {
    Ok(tokens.take_keys(signing_keys::list(conn)?.into_iter().map(sealed).collect()))
}

fn row(key: SealedKey) -> SigningKeyRow {
    let SealedKey { kid, algorithm, sealed, created_at, retired_at } = key;
    SigningKeyRow { kid, algorithm, sealed, created_at, retired_at }
}

fn sealed(row: SigningKeyRow) -> SealedKey {
    let SigningKeyRow { kid, algorithm, sealed, created_at, retired_at } = row;
    SealedKey { kid, algorithm, sealed, created_at, retired_at }
}

impl Worker {
    /// Looks which keys are stored: an operator or another node may have made one or taken one away.
    pub async fn look_for_keys(&self) -> Result<(), store::Error> {
        self.desk.keys_seen.0.store(self.now().milliseconds(), Ordering::Relaxed);
        let tokens = self.desk.tokens.clone();
        if self.store.read_loosely(move |conn| take(conn, &tokens)).await? {
            // What was good by a key that is gone is read again.
            self.desk.callers.forget_tokens();
        }
        Ok(())
    }

    /// Reads a token; one of a key that is not known here yet makes it look for the key, if nobody has just done so.
    pub async fn read_token<T>(&self, read: impl Fn(&Tokens, i64) -> Result<T, BadToken>) -> Result<Result<T, BadToken>, store::Error> {
        let now = self.now().milliseconds();
        Ok(match read(&self.desk.tokens, now) {
            Err(BadToken::OtherKey) if now.abs_diff(self.desk.keys_seen.0.load(Ordering::Relaxed)) >= PAUSE.unsigned_abs() => {
                self.look_for_keys().await?;
                read(&self.desk.tokens, now)
            }
            other => other,
        })
    }
}

/// The public keys that access tokens are signed with, for those who check them by themselves.
///
/// With `COPYDESK_TOKEN_ALGORITHM=EdDSA` those that sign, or have signed what is still good. With HS256 the set is empty: such keys have no public half.
#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "get_keys", tag = "sign-in", security(()),
    responses((status = 200, description = "The key set (RFC 7517)", body = KeySet)))]
pub async fn get_keys(_caller: Anyone, request: HttpRequest, site: Site, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let shown = |key| {
        let PublicKey { kid, kty, crv, x, alg, usage } = key;
        SetKey { kid, kty, crv, x, alg, r#use: usage }
    };
    let keys = site.desk.tokens.public_keys(site.now().milliseconds()).into_iter().map(shown).collect();
    let body = serde_json::to_vec(&KeySet { keys }).map_err(|error| Problem::internal(&error.to_string()))?;
    let tag = answer::tag(None, &body);
    let is_known = answer::has_it(request.headers(), &tag, None);
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // Not kept in memory: keys go by themselves when their time is over.
    answer.insert_header((header::CACHE_CONTROL, answer::PUBLIC)).insert_header(("surrogate-key", SIGNING_KEYS));
    answer.content_type("application/json").insert_header((header::ETAG, tag));
    Ok(if is_known { answer.finish() } else { answer.body(body) })
}
