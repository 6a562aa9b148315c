//! `copydesk serve`: one sentence to the operator, then answers until told to stop.

use super::user::create;
use super::{Stop, open_store, tokens};
use crate::auth::{Password, Tokens};
use crate::config::Config;
use crate::domain::audit::Occasion;
use crate::domain::revision::days_before;
use crate::domain::user::Role;
use crate::http::{self, Clock, HttpSettings, Running};
use crate::store::{Shared, trash, users};
use std::net::TcpListener;

/// The address of the first administrator, made on an empty database.
const FIRST_ADMIN: &str = "admin@copydesk.local";

/// Serves until a signal ends it.
pub fn serve(config: Config) -> Result<(), Stop> {
    serve_after(config, async |_, _, _| Ok(()))
}

/// Serves; `prepare` runs when the database and the port are ready, and is told where clients will reach the server.
pub fn serve_after(config: Config, prepare: impl AsyncFnOnce(&Shared, &Tokens, &str) -> Result<(), Stop>) -> Result<(), Stop> {
    let shared = open_store(&config)?;
    let tokens = tokens(&config)?;
    let listener = listen(&config)?;
    let config = config.bound_to(listener.local_addr()?);
    let settings = http_settings(&config);
    actix_web::rt::System::new().block_on(async move {
        welcome_first_admin(&shared).await?;
        empty_trash(&shared, config.trash_days).await?;
        prepare(&shared, &tokens, &config.public_url).await?;
        let Running { address, ended, .. } = http::start(listener, config.workers, settings, shared, tokens, Clock::system())?;
        tracing::info!(%address, database = %config.database_url, "copydesk listens on http://{address}");
        ended.await?;
        tracing::info!("copydesk has stopped");
        Ok(())
    })
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
        trusted_proxies: config.trusted_proxies.clone(),
        gate: config.publish_gate.clone(),
        retention: config.retention,
        trash_days: config.trash_days,
        audit_days: config.audit_days,
    }
}

fn listen(config: &Config) -> Result<TcpListener, Stop> {
    let listener = TcpListener::bind(config.listen)
        .map_err(|error| Stop(format!("cannot listen on {}: {error}; set COPYDESK_LISTEN to a free address", config.listen)))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
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
