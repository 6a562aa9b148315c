//! What a handler may reach for: the store's doors, the clock, the tokens, the contract and the settings.

use super::allowances::{Allowances, RateLimit};
use super::attempts::Attempts;
use super::cache::Answers;
use super::callers::Callers;
use super::clock::Clock;
use super::contract::Contract;
use super::dues::Dues;
use super::faces::Directory;
use super::hashing::Hashing;
use super::metrics::{Metrics, Tally};
use super::note::RevisionNote;
use super::problem::Problem;
use super::provider::{Provider, ProviderSettings};
use super::remote;
use super::routes::Operations;
use super::signing::LastLook;
use super::typesetting::Typesetting;
use crate::auth::token::Tokens;
use crate::domain::audit::{Account, Means, Occasion};
use crate::domain::backup::Record;
use crate::domain::gate;
use crate::domain::revision::{Retention, days_before};
use crate::domain::time::Moment;
use crate::domain::user::{Caller, Role};
use crate::mail::Mailer;
use crate::store::articles::Stamp;
use crate::store::{self, Store, Write};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use ipnet::IpNet;
use std::borrow::Cow;
use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What the workers of a process share.
pub struct Desk {
    pub settings: HttpSettings,
    pub clock: Clock,
    pub tokens: Tokens,
    /// When somebody last looked which keys there are.
    pub keys_seen: LastLook,
    pub contract: Contract,
    /// The finished OpenAPI document.
    pub document: Vec<u8>,
    /// Live answers, finished.
    pub answers: Answers,
    /// What comes by itself.
    pub dues: Dues,
    /// Authors and tags as stories show them.
    pub directory: Directory,
    /// Who is behind tokens and keys.
    pub callers: Callers,
    /// Where passwords are hashed, a few at once.
    pub hashing: Hashing,
    /// Where stories are made ready for the store.
    pub typesetting: Typesetting,
    /// How often each client has asked.
    pub allowances: Allowances,
    /// Who has guessed wrong of late.
    pub attempts: Attempts,
    /// The names of the operations, for the audit log.
    pub operations: Operations,
    /// What has been asked and answered.
    pub metrics: Metrics,
    /// Whether the process is about to end.
    pub draining: AtomicBool,
    /// Who vouches for people, if anybody does.
    pub provider: Option<Provider>,
}

/// What of the configuration answers depend on.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// Where clients reach this server, without a trailing slash.
    pub public_url: String,
    /// The public page of a story, with `{slug}` in it.
    pub article_url: String,
    /// Origins whose pages may write, exactly as browsers send them.
    pub cors_origins: Vec<String>,
    /// Whether `/docs/` and `/openapi.json` are served.
    pub docs: bool,
    /// How many bytes of finished answers are kept; 0 keeps none.
    pub cache_bytes: u64,
    pub body_limit: usize,
    pub body_timeout: Duration,
    /// How long a request may take, beside the time for its body.
    pub request_timeout: Duration,
    /// Whether somebody takes down spans, those of kept answers, too.
    pub traced: bool,
    /// Proxies whose word about the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How much each client may ask.
    pub rate_limit: RateLimit,
    /// What is wanted of a story before it is published.
    pub gate: Vec<gate::Rule>,
    /// Which revisions stay.
    pub retention: Retention,
    /// How many days a story stays in the trash.
    pub trash_days: u32,
    /// Sends mails, where there is a mail server.
    pub mailer: Option<Mailer>,
    /// The page that a one-time link leads to, with `{token}` in it.
    pub invite_url: Option<String>,
    /// Roles that a second factor is wanted of.
    pub second_factor: Vec<Role>,
    /// How many days a line stays in the audit log.
    pub audit_days: u32,
    /// How scheduled backups fare, where there are any.
    pub backups: Option<Record>,
    /// Where people may come from who have signed in elsewhere.
    pub provider: Option<ProviderSettings>,
}

impl HttpSettings {
    /// The page that a one-time link leads to, if the operator names one.
    pub fn invite_link(&self, token: &str) -> Option<String> {
        self.invite_url.as_ref().map(|template| template.replace("{token}", token))
    }

    /// The public page of the story of that slug.
    pub fn address_of(&self, slug: &str) -> String {
        self.article_url.replace("{slug}", slug)
    }
}

/// One worker's view of the desk.
pub struct Worker {
    pub store: Store,
    pub desk: Arc<Desk>,
    /// What this worker counts.
    pub tally: Arc<Tally>,
}

/// What all handlers of a worker share, as the application keeps it.
pub type SharedWorker = web::Data<Worker>;

/// The worker as the handler of one request has it: what it writes is logged as this request's deed.
pub struct Site {
    worker: SharedWorker,
    request: HttpRequest,
}

impl Deref for Site {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        &self.worker
    }
}

impl FromRequest for Site {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let worker = request.app_data::<SharedWorker>().cloned();
        let site = worker.map(|worker| Self { worker, request: request.clone() });
        ready(site.ok_or_else(|| Problem::internal("the worker has no site")))
    }
}

impl Site {
    /// Runs one transaction, as [`Store::write`] does, and logs it with who asked for it.
    pub async fn write<T, E>(&self, work: impl FnOnce(&mut Write<'_>) -> Result<T, E> + Clone + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        self.store.write(self.occasion(&self.request), work).await
    }
}

impl Worker {
    pub fn now(&self) -> Moment {
        self.desk.clock.now()
    }

    pub fn settings(&self) -> &HttpSettings {
        &self.desk.settings
    }

    /// Who asks, by what means, from where, and for which operation. The guard has let them pass already.
    pub fn occasion(&self, request: &HttpRequest) -> Occasion {
        let path = request.match_pattern().unwrap_or_default();
        let operation = self.desk.operations.get(&(request.method().clone(), path));
        let extensions = request.extensions();
        let caller = extensions.get::<Caller>();
        Occasion {
            operation: operation.map_or(Cow::Borrowed("unknown"), |id| Cow::Owned(id.clone())),
            at: self.now(),
            user: caller.map(Account::from),
            means: caller.map_or(Means::Nothing, |caller| Means::from(&caller.credential)),
            address: Some(remote::address(request, self).to_string()),
            device: remote::device(request),
        }
    }

    /// Lines of the audit log that were written no later than this have had their time.
    pub fn audit_expired(&self) -> Moment {
        days_before(self.now(), self.settings().audit_days)
    }

    /// What goes with a write to a story: who, when, why.
    pub fn stamp(&self, caller: &Caller, note: RevisionNote) -> Stamp {
        Stamp { user_id: caller.user_id.clone(), now: self.now(), note: note.0, retention: self.settings().retention }
    }

    /// What was put into the trash no later than this has had its time.
    pub fn trash_expired(&self) -> Moment {
        days_before(self.now(), self.settings().trash_days)
    }
}
