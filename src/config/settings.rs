//! The settings as text, each a flag of the command line.

use super::oidc::OidcSettings;
use std::fmt;

/// The settings as they were given, before they are understood; flatten it into the command line:
/// `#[command(flatten)] settings: Settings`. All flags are global.
#[derive(Clone, Default, clap::Args)]
#[command(next_help_heading = "Settings (each also an environment variable, see .env.example)")]
pub struct Settings {
    /// DATABASE_URL: `sqlite:<path>` or `postgres://…` [default: copydesk.db in the data folder]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// COPYDESK_LISTEN: address and port [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// COPYDESK_ADMIN_LISTEN: where /healthz, /readyz and /metrics are, or off [default: 127.0.0.1:8081]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub admin_listen: Option<String>,
    /// COPYDESK_DATA_DIR: folder for database, secret and media [default: ./data]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<String>,
    /// COPYDESK_PUBLIC_URL: where clients reach this API [default: http://<listen>]
    #[arg(long, global = true, value_name = "URL")]
    pub public_url: Option<String>,
    /// COPYDESK_ARTICLE_URL: the public page of a story, with {slug} [default: <public-url>/v1/articles/{slug}]
    #[arg(long, global = true, value_name = "TEMPLATE")]
    pub article_url: Option<String>,
    /// `COPYDESK_JWT_SECRET`; no flag, as every user of the machine can read the flags of a process.
    #[arg(skip)]
    pub jwt_secret: Option<String>,
    /// COPYDESK_ACCESS_TOKEN_SECONDS: how long an access token lives [default: 900]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub access_token_seconds: Option<String>,
    /// COPYDESK_TOKEN_ALGORITHM: HS256 or EdDSA [default: HS256]
    #[arg(long, global = true, value_name = "NAME")]
    pub token_algorithm: Option<String>,
    #[command(flatten)]
    pub oidc: OidcSettings,
    /// COPYDESK_CORS_ORIGINS: origins that may write from a browser, comma-separated [default: none]
    #[arg(long, global = true, value_name = "ORIGINS")]
    pub cors_origins: Option<String>,
    /// COPYDESK_TRUSTED_PROXIES: whose X-Forwarded-For is believed, addresses or networks, comma-separated [default: none]
    #[arg(long, global = true, value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// COPYDESK_RATE_LIMIT: requests a minute for each key, account and address; 0 is no limit [default: 6000, the inner net not counted]
    #[arg(long, global = true, value_name = "COUNT")]
    pub rate_limit: Option<String>,
    /// COPYDESK_DOCS: serve /docs/ and /openapi.json [default: true]
    #[arg(long, global = true, value_name = "BOOL")]
    pub docs: Option<String>,
    /// COPYDESK_PUBLISH_GATE: what a story needs to be published, of lead, tag, author, image_alt, second_pair_of_eyes [default: none]
    #[arg(long, global = true, value_name = "RULES")]
    pub publish_gate: Option<String>,
    /// COPYDESK_WORKERS: threads that answer requests [default: one for each core]
    #[arg(long, global = true, value_name = "COUNT")]
    pub workers: Option<String>,
    /// COPYDESK_CACHE_BYTES: finished answers kept in memory, 0 keeps none [default: 67108864]
    #[arg(long, global = true, value_name = "BYTES")]
    pub cache_bytes: Option<String>,
    /// COPYDESK_BODY_LIMIT_BYTES: largest request body [default: 2097152]
    #[arg(long, global = true, value_name = "BYTES")]
    pub body_limit_bytes: Option<String>,
    /// COPYDESK_BODY_TIMEOUT_SECONDS: time a client has to send a request body [default: 10]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub body_timeout_seconds: Option<String>,
    /// COPYDESK_REQUEST_TIMEOUT_SECONDS: time a request may take, beside that for its body [default: 30]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub request_timeout_seconds: Option<String>,
    /// COPYDESK_DRAIN_SECONDS: for how long a server that is told to end still takes new requests [default: 1]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub drain_seconds: Option<String>,
    /// COPYDESK_POSTGRES_POOL: connections to PostgreSQL [default: 8]
    #[arg(long, global = true, value_name = "COUNT")]
    pub postgres_pool: Option<String>,
    /// COPYDESK_REVISIONS_KEPT: the newest so many revisions of a story stay [default: all]
    #[arg(long, global = true, value_name = "COUNT")]
    pub revisions_kept: Option<String>,
    /// COPYDESK_REVISIONS_DAYS: revisions of the last so many days stay [default: all]
    #[arg(long, global = true, value_name = "DAYS")]
    pub revisions_days: Option<String>,
    /// COPYDESK_TRASH_DAYS: how long deleted stories can be restored [default: 30]
    #[arg(long, global = true, value_name = "DAYS")]
    pub trash_days: Option<String>,
    /// COPYDESK_AUDIT_DAYS: how long lines stay in the audit log [default: 365]
    #[arg(long, global = true, value_name = "DAYS")]
    pub audit_days: Option<String>,
    /// COPYDESK_INVITE_URL: the page that one-time links lead to, with {token} [default: none, the API shows the token]
    #[arg(long, global = true, value_name = "TEMPLATE")]
    pub invite_url: Option<String>,
    /// `COPYDESK_SMTP_URL`; no flag, as every user of the machine can read the flags of a process.
    #[arg(skip)]
    pub smtp_url: Option<String>,
    /// COPYDESK_MAIL_FROM: the sender of mails [default: none]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// COPYDESK_REQUIRE_SECOND_FACTOR: roles that need a second factor, comma-separated [default: none]
    #[arg(long, global = true, value_name = "ROLES")]
    pub require_second_factor: Option<String>,
    /// COPYDESK_BACKUP_EVERY: how many hours apart the running server makes backups [default: it makes none]
    #[arg(long, global = true, value_name = "HOURS")]
    pub backup_every: Option<String>,
    /// COPYDESK_BACKUP_TO: a folder, or s3://bucket/prefix [default: <data-dir>/backups]
    #[arg(long, global = true, value_name = "PLACE")]
    pub backup_to: Option<String>,
    /// COPYDESK_BACKUP_KEEP: how many scheduled backups stay, the newest [default: 14]
    #[arg(long, global = true, value_name = "COUNT")]
    pub backup_keep: Option<String>,
    /// COPYDESK_S3_ENDPOINT: the S3-compatible store [default: https://s3.<region>.amazonaws.com]
    #[arg(long, global = true, value_name = "URL")]
    pub s3_endpoint: Option<String>,
    /// COPYDESK_S3_REGION: the store's region [default: us-east-1]
    #[arg(long, global = true, value_name = "REGION")]
    pub s3_region: Option<String>,
    /// COPYDESK_S3_ACCESS_KEY: who puts backups there; the secret key has no flag
    #[arg(long, global = true, value_name = "KEY")]
    pub s3_access_key: Option<String>,
    /// `COPYDESK_S3_SECRET_KEY`; no flag, as every user of the machine can read the flags of a process.
    #[arg(skip)]
    pub s3_secret_key: Option<String>,
    /// COPYDESK_LOG: a level, or levels by part [default: info]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// COPYDESK_LOG_FORMAT: text or json [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// COPYDESK_OTLP_URL: the OpenTelemetry collector that traces go to, http://host:4318 [default: none]
    #[arg(long, global = true, value_name = "URL")]
    pub otlp_url: Option<String>,
    /// COPYDESK_OTLP_PERCENT: how many of a hundred requests are traced [default: 100]
    #[arg(long, global = true, value_name = "PERCENT")]
    pub otlp_percent: Option<String>,
}

/// Says nothing of the values: some of them are secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Settings").finish_non_exhaustive()
    }
}
