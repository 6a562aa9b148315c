//! What a handler may reach for: the store's doors, the clock, the tokens, the contract and the settings.

use super::attempts::Attempts;
use super::cache::Answers;
use super::clock::Clock;
use super::contract::Contract;
use super::dues::Dues;
use super::faces::Directory;
use super::note::RevisionNote;
use crate::auth::token::Tokens;
use crate::domain::gate;
use crate::domain::revision::{Retention, days_before};
use crate::domain::time::Moment;
use crate::domain::user::Caller;
use crate::store::Store;
use crate::store::articles::Stamp;
use actix_web::web;
use ipnet::IpNet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What the workers of a process share.
pub struct Desk {
    pub settings: HttpSettings,
    pub clock: Clock,
    pub tokens: Tokens,
    pub contract: Contract,
    /// The finished OpenAPI document.
    pub document: Vec<u8>,
    /// Live answers, finished.
    pub answers: Answers,
    /// What comes by itself.
    pub dues: Dues,
    /// Authors and tags as stories show them.
    pub directory: Directory,
    /// Bounds how many passwords are hashed at once: each takes 19 MiB.
    pub hashing: Semaphore,
    /// Who has guessed wrong of late.
    pub attempts: Attempts,
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
    /// Proxies whose word about the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What is wanted of a story before it is published.
    pub gate: Vec<gate::Rule>,
    /// Which revisions stay.
    pub retention: Retention,
    /// How many days a story stays in the trash.
    pub trash_days: u32,
}

impl HttpSettings {
    /// The public page of the story of that slug.
    pub fn address_of(&self, slug: &str) -> String {
        self.article_url.replace("{slug}", slug)
    }
}

/// One worker's view of the desk.
pub struct Worker {
    pub store: Store,
    pub desk: Arc<Desk>,
}

/// The extractor of it.
pub type Site = web::Data<Worker>;

impl Worker {
    pub fn now(&self) -> Moment {
        self.desk.clock.now()
    }

    pub fn settings(&self) -> &HttpSettings {
        &self.desk.settings
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
