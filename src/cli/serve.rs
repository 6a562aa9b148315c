//! `copydesk serve`: one sentence to the operator, then answers until told to stop.

use super::signals::Signals;
use super::user::create;
use super::{Stop, claim, open_store, tokens};
use crate::auth::{Password, Tokens};
use crate::config::{Config, DEFAULT_RATE_LIMIT, DatabaseUrl};
use crate::domain::allowance::Allowance;
use crate::domain::audit::Occasion;
use crate::domain::revision::days_before;
use crate::domain::user::Role;
use crate::http::{self, Clock, HttpSettings, RateLimit, Running, Watch};
use crate::keep::scheduled::{self, Scheduled};
use crate::store::{Shared, soundness, trash, users};
use actix_web::dev::ServerHandle;
use listenfd::ListenFd;
use std::net::{SocketAddr, TcpListener};

/// The address of the first administrator, made on an empty database.
const FIRST_ADMIN: &str = "admin@copydesk.local";

/// Serves until a signal ends it.
pub fn serve(config: Config) -> Result<(), Stop> {
    serve_after(config, async |_, _, _| Ok(()))
}

/// Serves; `prepare` runs when the database and the port are ready, and is told where clients will reach the server.
pub fn serve_after(config: Config, prepare: impl AsyncFnOnce(&Shared, &Tokens, &str) -> Result<(), Stop>) -> Result<(), Stop> {
    let _claimed = claim(&config)?;
    let shared = open_store(&config)?;
    let tokens = tokens(&config)?;
    let Listeners { clients, admin, are_given } = Listeners::open(&config)?;
    let backups = scheduled::start(&config, Clock::system())?;
    let config = config.bound_to(clients.local_addr()?);
    let settings = HttpSettings { backups: backups.as_ref().map(Scheduled::record), ..http_settings(&config) };
    actix_web::rt::System::new().block_on(async move {
        let signals = Signals::new()?;
        take_keys(&shared, &tokens).await?;
        welcome_first_admin(&shared).await?;
        empty_trash(&shared, config.trash_days).await?;
        prepare(&shared, &tokens, &config.public_url).await?;
        let Running { address, handle, ended, watch } = http::start(clients, config.workers, settings, shared, tokens, Clock::system())?;
        let server = actix_web::rt::spawn(ended);
        let admin = admin.map(|listener| watch_over(&watch, listener)).transpose()?;
        tracing::info!(%address, database = %config.database_url, "copydesk listens on http://{address}");
        tokio::select! {
            ended = signals.end(handle, &watch, config.drain, are_given) => ended?,
            ended = server => ended.map_err(|error| Stop(error.to_string()))??,
        }
        if let Some(admin) = admin {
            admin.stop(false).await;
        }
        // Some threads still have the file open, and end with the process: so nobody who closes it is the last, who would do this.
        if let DatabaseUrl::Sqlite(path) = &config.database_url
            && let Err(error) = soundness::empty_log(path)
        {
            tracing::warn!(%error, "the write-ahead log is left to the next start");
        }
        tracing::info!("copydesk has stopped");
        Ok(())
    })
}

/// Answers those who watch, until the end of all.
fn watch_over(watch: &Watch, listener: TcpListener) -> Result<ServerHandle, Stop> {
    let address = listener.local_addr()?;
    let server = watch.listen(listener)?;
    let handle = server.handle();
    actix_web::rt::spawn(server);
    tracing::info!(%address, "health and metrics are at http://{address}/readyz and http://{address}/metrics");
    Ok(handle)
}

/// What of the configuration answers depend on.
pub fn http_settings(config: &Config) -> HttpSettings {
    HttpSettings {
        public_url: config.public_url.clone(),
        article_url: config.article_url.clone(),
        cors_origins: config.cors_origins.clone(),
        docs: config.docs,
        cache_bytes: config.cache_bytes,
        body_limit: config.body_limit_bytes,
        body_timeout: config.body_timeout,
        request_timeout: config.request_timeout,
        traced: config.otlp_url.is_some(),
        trusted_proxies: config.trusted_proxies.clone(),
        rate_limit: rate_limit(config.rate_limit),
        gate: config.publish_gate.clone(),
        retention: config.retention,
        trash_days: config.trash_days,
        provider: config.oidc.clone(),
        audit_days: config.audit_days,
        mailer: config.mailer.clone(),
        invite_url: config.invite_url.clone(),
        second_factor: config.require_second_factor.clone(),
        backups: None,
    }
}

fn rate_limit(set: Option<u32>) -> RateLimit {
    match set {
        Some(requests) => Allowance::each_minute(requests).map_or(RateLimit::None, RateLimit::Everybody),
        None => Allowance::each_minute(DEFAULT_RATE_LIMIT).map_or(RateLimit::None, RateLimit::OuterNet),
    }
}

/// Where the server answers: sockets of its own, or those that a service manager has opened for it (systemd's `LISTEN_FDS`), which queue
/// connections while one process ends and the next one starts.
struct Listeners {
    clients: TcpListener,
    admin: Option<TcpListener>,
    /// Whether they stay open when this process ends.
    are_given: bool,
}

impl Listeners {
    fn open(config: &Config) -> Result<Self, Stop> {
        let mut given = ListenFd::from_env();
        let are_given = given.len() > 0;
        let clients = match given.take_tcp_listener(0)? {
            Some(listener) => listener,
            None => listen(config.listen, "COPYDESK_LISTEN")?,
        };
        let admin = match (given.take_tcp_listener(1)?, config.admin_listen) {
            (Some(listener), _) => Some(listener),
            (None, None) => None,
            (None, Some(address)) => match listen(address, "COPYDESK_ADMIN_LISTEN") {
                Err(Stop(why)) if config.may_do_without_admin() => {
                    tracing::warn!("health and metrics are not served: {why}, or to off");
                    None
                }
                listening => Some(listening?),
            },
        };
        clients.set_nonblocking(true)?;
        if let Some(admin) = &admin {
            admin.set_nonblocking(true)?;
        }
        Ok(Self { clients, admin, are_given })
    }
}

fn listen(address: SocketAddr, key: &str) -> Result<TcpListener, Stop> {
    TcpListener::bind(address).map_err(|error| Stop(format!("cannot listen on {address}: {error}; set {key} to a free address")))
}

/// Purges the stories whose time in the trash was over before the start.
async fn empty_trash(shared: &Shared, days: u32) -> Result<(), Stop> {
    let now = Clock::system().now();
    let expired = days_before(now, days);
    let store = shared.store();
    let mut purged = 0;
    loop {
        let some = store
            .write(Occasion::of_system("purge_article", now), move |write| trash::purge_expired(write, expired, trash::AT_ONCE))
            .await?;
        purged += some;
        if some == 0 {
            break;
        }
    }
    if purged > 0 {
        tracing::info!(stories = purged, "purged {purged} stories from the trash");
    }
    Ok(())
}

/// The keys that sign tokens; the first start makes one.
async fn take_keys(shared: &Shared, tokens: &Tokens) -> Result<(), Stop> {
    let (tokens, now) = (tokens.clone(), Clock::system().now());
    Ok(shared.store().write(Occasion::of_system("rotate_keys", now), move |write| http::signing::prepare(write, &tokens, now)).await?)
}

/// On an empty database: the first administrator, whose password is shown this once.
async fn welcome_first_admin(shared: &Shared) -> Result<(), Stop> {
    let store = shared.store();
    if store.read(users::exist).await? {
        return Ok(());
    }
    let password = Password::random().map_err(|error| Stop(error.to_string()))?;
    let shown = password.reveal().to_owned();
    match create(&store, FIRST_ADMIN, Role::Admin, password, true).await {
        Ok(true) => {
            println!(
                "The first administrator is {FIRST_ADMIN}, the password {shown}\nIt is shown this once; change it with `copydesk user set-password {FIRST_ADMIN}`."
            );
        }
        Ok(false) => {}
        Err(stop) => return Err(stop),
    }
    Ok(())
}
