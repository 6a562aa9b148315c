//! The OpenID Connect provider: what it publishes of itself, kept for a while, and the trade of a code for what it says of somebody.

use super::problem::{Code, Problem};
use crate::auth::foreign::{self, ForeignClaims, ForeignKeys, Purpose};
use crate::auth::ticket::Parts;
use crate::auth::token::BadToken;
use crate::domain::identity::Policy;
use crate::domain::time::Moment;
use crate::outbound::{self, Client, Failure, Request, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use serde::Deserialize;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long one request to the provider may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer of the provider that is read, in bytes.
const LONGEST: u64 = 256 * 1024;
/// How long what the provider publishes is taken as it is, in milliseconds: ten minutes. A key that it withdraws counts so long.
const FRESH: i64 = 600_000;
/// How much longer it is good while the provider does not answer: a day.
const STALE: i64 = 86_400_000;
/// How long nobody asks again who got no answer, or who asked for a key of a name that is not known: ten seconds.
const PAUSE: i64 = 10_000;

/// Who vouches for people, and what we make of it.
#[derive(Clone)]
pub struct ProviderSettings {
    /// To the letter as the provider writes it in its tokens.
    pub issuer: String,
    /// What we are to the provider, if people sign in by it.
    pub client: Option<ClientSettings>,
    /// What tokens must be for that are sent as Bearer; `None` takes none.
    pub audience: Option<String>,
    /// The claim with the words that stand for roles.
    pub role_claim: String,
    pub policy: Policy,
}

#[derive(Clone)]
pub struct ClientSettings {
    pub id: String,
    /// `None` for a public client, which PKCE alone protects.
    pub secret: Option<String>,
    /// Where the provider may send people back to, to the letter.
    pub redirect_uris: Vec<String>,
    /// With spaces between them.
    pub scopes: String,
}

/// Does not show the secret.
impl fmt::Debug for ProviderSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = self.client.as_ref().map(|client| &client.id);
        let mut shown = formatter.debug_struct("ProviderSettings");
        shown.field("issuer", &self.issuer).field("client", &client).field("audience", &self.audience);
        shown.field("role_claim", &self.role_claim).field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// The provider, as this process knows it.
pub struct Provider {
    pub settings: ProviderSettings,
    client: Client,
    published: RwLock<Option<Arc<Published>>>,
    /// Held by who asks the provider; when somebody last asked.
    asking: Mutex<Option<Moment>>,
}

/// What the provider said of itself.
struct Published {
    metadata: Metadata,
    keys: ForeignKeys,
    at: Moment,
}

/// What we read of a discovery document (OpenID Connect Discovery §3).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// RFC 9207 §3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What a sign-in that has come back brings.
pub struct Return<'a> {
    pub code: &'a str,
    pub parts: &'a Parts,
    pub redirect_uri: &'a str,
    /// Who says to have sent the person back (RFC 9207).
    pub issuer: Option<&'a str>,
}

impl Provider {
    pub fn new(settings: ProviderSettings) -> Self {
        Self { settings, client: Client::new(), published: RwLock::default(), asking: Mutex::default() }
    }

    /// Whether a Bearer token says to be from this provider, whose tokens we take.
    pub fn is_named_by(&self, token: &str) -> bool {
        self.settings.audience.is_some() && foreign::claimed_issuer(token).is_some_and(|issuer| issuer == self.settings.issuer)
    }

    /// Reads a Bearer token.
    pub async fn read_access(&self, token: &str, now: Moment) -> Result<ForeignClaims, Problem> {
        let audience = self.settings.audience.as_deref().ok_or_else(Problem::invalid_token)?;
        let read = self.read(token, Purpose::Access { audience }, now).await?;
        read.map_err(|_bad| Problem::invalid_token())
    }

    /// Where a person goes to sign in (RFC 6749 §4.1.1, RFC 7636 §4.3).
    pub async fn address_of_sign_in(&self, parts: &Parts, redirect_uri: &str, now: Moment) -> Result<String, Problem> {
        let client = self.client()?;
        let published = self.published(now).await?;
        let endpoint = &published.metadata.authorization_endpoint;
        let mut query = Serializer::new(String::new());
        query.append_pair("response_type", "code").append_pair("client_id", &client.id).append_pair("redirect_uri", redirect_uri);
        query.append_pair("scope", &client.scopes).append_pair("state", &parts.state).append_pair("nonce", &parts.nonce);
        query.append_pair("code_challenge", &parts.challenge).append_pair("code_challenge_method", "S256");
        Ok(format!("{endpoint}{}{}", if endpoint.contains('?') { '&' } else { '?' }, query.finish()))
    }

    /// Trades the code for what the provider says of the person (OpenID Connect Core §3.1.3).
    pub async fn finish(&self, back: Return<'_>, now: Moment) -> Result<ForeignClaims, Problem> {
        let client = self.client()?;
        let published = self.published(now).await?;
        let is_from_another = match back.issuer {
            Some(issuer) => issuer != self.settings.issuer,
            None => published.metadata.authorization_response_iss_parameter_supported,
        };
        if is_from_another {
            return Err(not_completed());
        }
        let response = self.send(trade(&published.metadata, client, &back)).await.map_err(|failure| away(&failure.to_string()))?;
        if response.status >= 500 {
            return Err(away(&format!("the token endpoint answered {}", response.status)));
        }
        #[derive(Deserialize)]
        struct Tokens {
            id_token: String,
        }
        let tokens = if response.status == 200 { serde_json::from_slice::<Tokens>(&response.body).ok() } else { None };
        let Some(tokens) = tokens else {
            tracing::warn!(status = response.status, "the identity provider does not take the code");
            return Err(not_completed());
        };
        let purpose = Purpose::Identity { client_id: &client.id, nonce: &back.parts.nonce };
        self.read(&tokens.id_token, purpose, now).await?.map_err(|bad| {
            tracing::warn!(error = %bad, "the identity provider sent a token that is not for us: {bad}");
            not_completed()
        })
    }

    fn client(&self) -> Result<&ClientSettings, Problem> {
        self.settings.client.as_ref().ok_or_else(Problem::not_found)
    }

    /// Reads a token; a key that is not known makes us ask once more, if nobody has just done so.
    async fn read(&self, token: &str, purpose: Purpose<'_>, now: Moment) -> Result<Result<ForeignClaims, BadToken>, Problem> {
        let published = self.published(now).await?;
        let read = |published: &Published| foreign::read(&published.keys, token, &self.settings.issuer, purpose, now.milliseconds());
        match read(&published) {
            Err(BadToken::OtherKey) if since(published.at, now) >= PAUSE => {
                let again = self.ask(&published, now).await;
                Ok(read(&again.unwrap_or(published)))
            }
            other => Ok(other),
        }
    }

    /// What the provider publishes: as it was asked for of late, or asked for now; an old answer where it does not answer.
    async fn published(&self, now: Moment) -> Result<Arc<Published>, Problem> {
        let known = self.known();
        match known {
            Some(known) if since(known.at, now) < FRESH => Ok(known),
            Some(known) if since(known.at, now) < STALE => Ok(self.ask(&known, now).await.unwrap_or(known)),
            _ => self.ask_first(now).await,
        }
    }

    fn known(&self) -> Option<Arc<Published>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for something newer than what is known; `None` if somebody else is at it or has just got no answer.
    async fn ask(&self, known: &Arc<Published>, now: Moment) -> Option<Arc<Published>> {
        let mut last = self.asking.try_lock().ok()?;
        if let Some(newer) = self.known().filter(|newer| !Arc::ptr_eq(newer, known)) {
            return Some(newer);
        }
        if last.is_some_and(|last| since(last, now) < PAUSE) {
            return None;
        }
        *last = Some(now);
        self.fetch(now).await.inspect_err(|why| tracing::warn!("the identity provider's keys stay as they are: {why}")).ok()
    }

    /// Asks where nothing is known that is still good. Who comes meanwhile waits for the answer.
    async fn ask_first(&self, now: Moment) -> Result<Arc<Published>, Problem> {
        let mut last = self.asking.lock().await;
        if let Some(known) = self.known().filter(|known| since(known.at, now) < FRESH) {
            return Ok(known);
        }
        if last.is_some_and(|last| since(last, now) < PAUSE) {
            return Err(away("it did not answer just now"));
        }
        *last = Some(now);
        self.fetch(now).await.map_err(|why| away(&why))
    }

    async fn fetch(&self, now: Moment) -> Result<Arc<Published>, String> {
        let issuer = &self.settings.issuer;
        let document = self.get(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))).await?;
        let metadata: Metadata = serde_json::from_slice(&document).map_err(|error| format!("its discovery document is none: {error}"))?;
        if metadata.issuer != *issuer {
            return Err(format!("it calls itself {}, not {issuer}", metadata.issuer));
        }
        let addresses = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        if let Some(address) = addresses.into_iter().find(|address| !outbound::is_allowed(address)) {
            return Err(format!("it names an address that is not https: {address}"));
        }
        let keys = ForeignKeys::parse(&self.get(&metadata.jwks_uri).await?).map_err(|error| error.to_string())?;
        let published = Arc::new(Published { metadata, keys, at: now });
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = Some(published.clone());
        Ok(published)
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let headers = vec![("accept", "application/json".to_owned())];
        let request = Request { method: "GET", url: url.to_owned(), headers, body: Vec::new(), timeout: TIMEOUT, longest: LONGEST };
        let Response { status, body, .. } = self.send(request).await.map_err(|failure| failure.to_string())?;
        if status == 200 { Ok(body) } else { Err(format!("{url} answered {status}")) }
    }

    async fn send(&self, request: Request) -> Result<Response, Failure> {
        self.client.send(request).await
    }
}

/// The request that trades a code. The client's secret goes by HTTP Basic unless the provider takes it in the form alone.
fn trade(metadata: &Metadata, client: &ClientSettings, back: &Return<'_>) -> Request {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code").append_pair("code", back.code).append_pair("redirect_uri", back.redirect_uri);
    form.append_pair("client_id", &client.id).append_pair("code_verifier", &back.parts.verifier);
    let mut headers = vec![("accept", "application/json".to_owned()), ("content-type", "application/x-www-form-urlencoded".to_owned())];
    let takes = |way: &str| metadata.token_endpoint_auth_methods_supported.iter().any(|known| known == way);
    match &client.secret {
        Some(secret) if takes("client_secret_post") && !takes("client_secret_basic") => {
            form.append_pair("client_secret", secret);
        }
        Some(secret) => {
            // RFC 6749 §2.3.1: both are form-encoded first.
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let both = format!("{}:{}", encoded(&client.id), encoded(secret));
            headers.push(("authorization", format!("Basic {}", STANDARD.encode(both))));
        }
        None => {}
    }
    let url = metadata.token_endpoint.clone();
    Request { method: "POST", url, headers, body: form.finish().into_bytes(), timeout: TIMEOUT, longest: LONGEST }
}

const fn since(then: Moment, now: Moment) -> i64 {
    now.milliseconds().saturating_sub(then.milliseconds())
}

/// The provider does not answer, or not as one.
fn away(why: &str) -> Problem {
    tracing::warn!("the identity provider cannot be asked: {why}");
    Problem::new(Code::Unavailable, "The identity provider does not answer. Try again in a moment.").with_header("retry-after", "10")
}

/// What everybody gets whose sign-in did not come back as it should; the log knows more.
pub fn not_completed() -> Problem {
    Problem::new(Code::InvalidCredentials, "This sign-in cannot be completed. Begin again.").with_header("www-authenticate", "Bearer")
}
