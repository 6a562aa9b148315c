//! What an operator can set: by flag, by environment, by `.env` file, in this order; the only reader of the environment.
//!
//! `Settings` is the text as it was given, `Config` what it means. A wrong, empty or misspelt setting stops the start with one sentence,
//! so that nobody runs with a default they thought they had changed.

mod backups;
mod database_url;
mod defaults;
mod environment;
mod error;
mod oidc;
mod settings;
#[cfg(test)]
mod tests;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::{Algorithm, SigningSecret};
use crate::domain::gate::Rule;
use crate::domain::revision::Retention;
use crate::domain::user::Role;
use crate::http::ProviderSettings;
use crate::mail::Mailer;
use ipnet::IpNet;

use defaults::{cores, default_article_url, default_public_url};

pub use backups::{BackupTo, Hidden, S3};
pub use database_url::DatabaseUrl;
pub use environment::{environment, load_env_file};
pub use error::ConfigError;
pub use settings::Settings;

/// Every key, in the order of `.env.example`.
pub const KEYS: &[&str] = &[
    "DATABASE_URL",
    "COPYDESK_LISTEN",
    "COPYDESK_ADMIN_LISTEN",
    "COPYDESK_DATA_DIR",
    "COPYDESK_PUBLIC_URL",
    "COPYDESK_ARTICLE_URL",
    "COPYDESK_JWT_SECRET",
    "COPYDESK_ACCESS_TOKEN_SECONDS",
    "COPYDESK_TOKEN_ALGORITHM",
    "COPYDESK_OIDC_ISSUER",
    "COPYDESK_OIDC_CLIENT_ID",
    "COPYDESK_OIDC_CLIENT_SECRET",
    "COPYDESK_OIDC_REDIRECT_URIS",
    "COPYDESK_OIDC_SCOPES",
    "COPYDESK_OIDC_AUDIENCE",
    "COPYDESK_OIDC_ROLE_CLAIM",
    "COPYDESK_OIDC_ROLES",
    "COPYDESK_OIDC_ROLE_SYNC",
    "COPYDESK_OIDC_PROVISION",
    "COPYDESK_CORS_ORIGINS",
    "COPYDESK_DOCS",
    "COPYDESK_TRUSTED_PROXIES",
    "COPYDESK_RATE_LIMIT",
    "COPYDESK_PUBLISH_GATE",
    "COPYDESK_WORKERS",
    "COPYDESK_CACHE_BYTES",
    "COPYDESK_BODY_LIMIT_BYTES",
    "COPYDESK_BODY_TIMEOUT_SECONDS",
    "COPYDESK_REQUEST_TIMEOUT_SECONDS",
    "COPYDESK_DRAIN_SECONDS",
    "COPYDESK_POSTGRES_POOL",
    "COPYDESK_REVISIONS_KEPT",
    "COPYDESK_REVISIONS_DAYS",
    "COPYDESK_TRASH_DAYS",
    "COPYDESK_AUDIT_DAYS",
    "COPYDESK_BACKUP_EVERY",
    "COPYDESK_BACKUP_TO",
    "COPYDESK_BACKUP_KEEP",
    "COPYDESK_S3_ENDPOINT",
    "COPYDESK_S3_REGION",
    "COPYDESK_S3_ACCESS_KEY",
    "COPYDESK_S3_SECRET_KEY",
    "COPYDESK_INVITE_URL",
    "COPYDESK_SMTP_URL",
    "COPYDESK_MAIL_FROM",
    "COPYDESK_REQUIRE_SECOND_FACTOR",
    "COPYDESK_LOG",
    "COPYDESK_LOG_FORMAT",
    "COPYDESK_OTLP_URL",
    "COPYDESK_OTLP_PERCENT",
];

/// Requests a minute for each client where nothing is set.
pub const DEFAULT_RATE_LIMIT: u32 = 6000;

/// The settings understood; safe to show, as secrets hide themselves.
#[derive(Clone, Debug)]
pub struct Config {
    pub database_url: DatabaseUrl,
    /// Port 0 asks for any free port; see [`Config::bound_to`].
    pub listen: SocketAddr,
    /// Where the process is watched; none where nobody may. See [`Config::may_do_without_admin`].
    pub admin_listen: Option<SocketAddr>,
    pub data_dir: PathBuf,
    /// `http(s)://host[:port][/path]` without a slash at the end.
    pub public_url: String,
    /// An http(s) URL with `{slug}` in it once.
    pub article_url: String,
    /// `None`: the secret is in a file in `data_dir`, made at the first start.
    pub jwt_secret: Option<SigningSecret>,
    pub access_token_seconds: i64,
    /// What new keys sign with.
    pub token_algorithm: Algorithm,
    /// Where people may come from who have signed in elsewhere.
    pub oidc: Option<ProviderSettings>,
    /// Each `scheme://host[:port]`, as browsers write it.
    pub cors_origins: Vec<String>,
    /// Proxies whose word about the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Requests a minute for each client, 0 for no limit; `None` counts the outer net alone, by `DEFAULT_RATE_LIMIT`.
    pub rate_limit: Option<u32>,
    pub docs: bool,
    /// What is wanted of a story before it is published.
    pub publish_gate: Vec<Rule>,
    /// How many bytes of finished answers are kept; 0 keeps none.
    pub cache_bytes: u64,
    pub workers: usize,
    pub body_limit_bytes: usize,
    pub body_timeout: Duration,
    pub request_timeout: Duration,
    pub drain: Duration,
    pub postgres_pool: u32,
    /// Which revisions stay beside published ones.
    pub retention: Retention,
    pub trash_days: u32,
    pub audit_days: u32,
    /// Hours between two scheduled backups; `None`: there are none.
    pub backup_every: Option<u32>,
    pub backup_to: BackupTo,
    /// How many scheduled backups stay.
    pub backup_keep: usize,
    /// `None`: no keys are given.
    pub s3: Option<S3>,
    /// An http(s) URL with `{token}` in it once.
    pub invite_url: Option<String>,
    /// `None`: links are handed over by people.
    pub mailer: Option<Mailer>,
    pub require_second_factor: Vec<Role>,
    /// A `tracing_subscriber` env-filter directive that parses.
    pub log: String,
    pub log_format: LogFormat,
    /// Where traces go, `http://host:port` without a path.
    pub otlp_url: Option<String>,
    pub otlp_percent: u8,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Settings {
    /// Fills what no flag gave from the variables of an environment, such as [`environment`].
    ///
    /// # Errors
    /// When a variable of ours is empty, is not text, or begins with `COPYDESK_` and is none of ours.
    pub fn or_from(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        for (key, value) in variables {
            let Some(key) = key.to_str() else { continue };
            let Some(known) = KEYS.iter().copied().find(|known| *known == key) else {
                values::refuse_misspelt(key, &value)?;
                continue;
            };
            let value = value.into_string().map_err(|_| ConfigError::NotText { key: known })?;
            if value.trim().is_empty() {
                return Err(ConfigError::Empty { key: known });
            }
            if let Some(slot) = self.slot(known) {
                slot.get_or_insert(value);
            }
        }
        Ok(self)
    }

    /// Understands every setting; what is absent has its default.
    ///
    /// # Errors
    /// The first setting that is empty or wrong, as one sentence that names its key and what is allowed.
    pub fn validate(mut self) -> Result<Config, ConfigError> {
        for key in KEYS {
            if self.slot(key).is_some_and(|slot| slot.as_ref().is_some_and(|value| value.trim().is_empty())) {
                return Err(ConfigError::Empty { key });
            }
        }
        let data_dir = PathBuf::from(self.data_dir.as_deref().unwrap_or("./data"));
        let backups = data_dir.join("backups");
        let listen = values::listen("COPYDESK_LISTEN", self.listen.as_deref().unwrap_or("127.0.0.1:8080"))?;
        let admin_listen = values::admin_listen("COPYDESK_ADMIN_LISTEN", self.admin_listen.as_deref())?;
        let public_url = match self.public_url {
            Some(url) => values::public_url("COPYDESK_PUBLIC_URL", url)?,
            None => default_public_url(listen),
        };
        let s3 = values::s3(self.s3_endpoint, self.s3_region, self.s3_access_key, self.s3_secret_key)?;
        Ok(Config {
            database_url: match self.database_url {
                Some(url) => DatabaseUrl::parse(&url)?,
                None => DatabaseUrl::Sqlite(data_dir.join("copydesk.db")),
            },
            listen,
            admin_listen,
            data_dir,
            article_url: match self.article_url {
                Some(template) => values::article_url("COPYDESK_ARTICLE_URL", template)?,
                None => default_article_url(&public_url),
            },
            public_url,
            jwt_secret: self.jwt_secret.as_deref().map(SigningSecret::from_config).transpose().map_err(ConfigError::WeakSecret)?,
            access_token_seconds: values::number("COPYDESK_ACCESS_TOKEN_SECONDS", self.access_token_seconds, 900, 60..=86_400)?,
            token_algorithm: values::one_of(
                "COPYDESK_TOKEN_ALGORITHM",
                self.token_algorithm,
                &[("HS256", Algorithm::Hs256), ("EdDSA", Algorithm::EdDsa)],
            )?,
            oidc: self.oidc.validate()?,
            cors_origins: self.cors_origins.map_or(Ok(Vec::new()), |list| values::origins("COPYDESK_CORS_ORIGINS", &list))?,
            trusted_proxies: self.trusted_proxies.map_or(Ok(Vec::new()), |list| values::networks("COPYDESK_TRUSTED_PROXIES", &list))?,
            rate_limit: values::bound("COPYDESK_RATE_LIMIT", self.rate_limit, 0..=1_000_000)?,
            docs: values::one_of("COPYDESK_DOCS", self.docs, &[("true", true), ("false", false)])?,
            publish_gate: self.publish_gate.map_or(Ok(Vec::new()), |list| values::gate("COPYDESK_PUBLISH_GATE", &list))?,
            workers: values::number("COPYDESK_WORKERS", self.workers, cores(), 1..=256)?,
            cache_bytes: values::number("COPYDESK_CACHE_BYTES", self.cache_bytes, 67_108_864, 0..=17_179_869_184)?,
            body_limit_bytes: values::number("COPYDESK_BODY_LIMIT_BYTES", self.body_limit_bytes, 2_097_152, 65_536..=67_108_864)?,
            body_timeout: Duration::from_secs(values::number("COPYDESK_BODY_TIMEOUT_SECONDS", self.body_timeout_seconds, 10, 1..=300)?),
            request_timeout: Duration::from_secs(values::number(
                "COPYDESK_REQUEST_TIMEOUT_SECONDS",
                self.request_timeout_seconds,
                30,
                1..=300,
            )?),
            drain: Duration::from_secs(values::number("COPYDESK_DRAIN_SECONDS", self.drain_seconds, 1, 0..=300)?),
            postgres_pool: values::number("COPYDESK_POSTGRES_POOL", self.postgres_pool, 8, 1..=200)?,
            retention: Retention {
                newest: values::bound("COPYDESK_REVISIONS_KEPT", self.revisions_kept, 1..=1_000_000)?,
                days: values::bound("COPYDESK_REVISIONS_DAYS", self.revisions_days, 1..=36_500)?,
            },
            trash_days: values::number("COPYDESK_TRASH_DAYS", self.trash_days, 30, 1..=36_500)?,
            audit_days: values::number("COPYDESK_AUDIT_DAYS", self.audit_days, 365, 1..=36_500)?,
            backup_every: values::bound("COPYDESK_BACKUP_EVERY", self.backup_every, 1..=8784)?,
            backup_to: match self.backup_to {
                Some(place) => values::backup_to("COPYDESK_BACKUP_TO", &place, s3.is_some())?,
                None => BackupTo::Folder(backups),
            },
            backup_keep: values::number("COPYDESK_BACKUP_KEEP", self.backup_keep, 14, 1..=10_000)?,
            s3,
            invite_url: self.invite_url.map(|template| values::invite_url("COPYDESK_INVITE_URL", template)).transpose()?,
            mailer: values::mailer(self.smtp_url.as_deref(), self.mail_from.as_deref())?,
            require_second_factor: self
                .require_second_factor
                .map_or(Ok(Vec::new()), |list| values::roles("COPYDESK_REQUIRE_SECOND_FACTOR", &list))?,
            log: values::log_filter("COPYDESK_LOG", self.log.unwrap_or_else(|| "info".to_owned()))?,
            log_format: values::one_of("COPYDESK_LOG_FORMAT", self.log_format, &[("text", LogFormat::Text), ("json", LogFormat::Json)])?,
            otlp_url: self.otlp_url.map(|url| values::otlp_url("COPYDESK_OTLP_URL", url)).transpose()?,
            otlp_percent: values::number("COPYDESK_OTLP_PERCENT", self.otlp_percent, 100, 0..=100)?,
        })
    }

    fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "DATABASE_URL" => &mut self.database_url,
            "COPYDESK_LISTEN" => &mut self.listen,
            "COPYDESK_DATA_DIR" => &mut self.data_dir,
            "COPYDESK_PUBLIC_URL" => &mut self.public_url,
            "COPYDESK_ARTICLE_URL" => &mut self.article_url,
            "COPYDESK_JWT_SECRET" => &mut self.jwt_secret,
            "COPYDESK_ACCESS_TOKEN_SECONDS" => &mut self.access_token_seconds,
            "COPYDESK_TOKEN_ALGORITHM" => &mut self.token_algorithm,
            "COPYDESK_CORS_ORIGINS" => &mut self.cors_origins,
            "COPYDESK_TRUSTED_PROXIES" => &mut self.trusted_proxies,
            "COPYDESK_RATE_LIMIT" => &mut self.rate_limit,
            "COPYDESK_DOCS" => &mut self.docs,
            "COPYDESK_PUBLISH_GATE" => &mut self.publish_gate,
            "COPYDESK_WORKERS" => &mut self.workers,
            "COPYDESK_CACHE_BYTES" => &mut self.cache_bytes,
            "COPYDESK_BODY_LIMIT_BYTES" => &mut self.body_limit_bytes,
            "COPYDESK_BODY_TIMEOUT_SECONDS" => &mut self.body_timeout_seconds,
            "COPYDESK_POSTGRES_POOL" => &mut self.postgres_pool,
            "COPYDESK_REVISIONS_KEPT" => &mut self.revisions_kept,
            "COPYDESK_REVISIONS_DAYS" => &mut self.revisions_days,
            "COPYDESK_TRASH_DAYS" => &mut self.trash_days,
            "COPYDESK_AUDIT_DAYS" => &mut self.audit_days,
            "COPYDESK_BACKUP_EVERY" => &mut self.backup_every,
            "COPYDESK_BACKUP_TO" => &mut self.backup_to,
            "COPYDESK_BACKUP_KEEP" => &mut self.backup_keep,
            "COPYDESK_S3_ENDPOINT" => &mut self.s3_endpoint,
            "COPYDESK_S3_REGION" => &mut self.s3_region,
            "COPYDESK_S3_ACCESS_KEY" => &mut self.s3_access_key,
            "COPYDESK_S3_SECRET_KEY" => &mut self.s3_secret_key,
            "COPYDESK_INVITE_URL" => &mut self.invite_url,
            "COPYDESK_SMTP_URL" => &mut self.smtp_url,
            "COPYDESK_MAIL_FROM" => &mut self.mail_from,
            "COPYDESK_REQUIRE_SECOND_FACTOR" => &mut self.require_second_factor,
            "COPYDESK_LOG" => &mut self.log,
            "COPYDESK_LOG_FORMAT" => &mut self.log_format,
            "COPYDESK_ADMIN_LISTEN" => &mut self.admin_listen,
            "COPYDESK_REQUEST_TIMEOUT_SECONDS" => &mut self.request_timeout_seconds,
            "COPYDESK_DRAIN_SECONDS" => &mut self.drain_seconds,
            "COPYDESK_OTLP_URL" => &mut self.otlp_url,
            "COPYDESK_OTLP_PERCENT" => &mut self.otlp_percent,
            _ => return self.oidc.slot(key),
        })
    }
}

impl Config {
    /// Whether the server starts though the address for those who watch is taken: it is the default one, and another copydesk on this
    /// machine has it. Who has chosen an address gets that one or no start.
    pub fn may_do_without_admin(&self) -> bool {
        self.admin_listen == Some(values::ADMIN_LISTEN)
    }

    /// Once the port is known: the URLs that were made from `listen` by default now follow the address that was really bound.
    #[must_use]
    pub fn bound_to(mut self, address: SocketAddr) -> Self {
        let (old, new) = (default_public_url(self.listen), default_public_url(address));
        if self.article_url == default_article_url(&old) && self.public_url == old {
            self.article_url = default_article_url(&new);
        }
        if self.public_url == old {
            self.public_url = new;
        }
        self.listen = address;
        self
    }

    /// The public page of the story with this slug.
    pub fn article_url_of(&self, slug: &str) -> String {
        self.article_url.replace("{slug}", slug)
    }
}
