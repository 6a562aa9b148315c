//! Starts the server: listener, workers, limits.

use super::allowances::Allowances;
use super::attempts::Attempts;
use super::audit;
use super::cache::Answers;
use super::callers::Callers;
use super::clock::Clock;
use super::contract::Contract;
use super::dues::Dues;
use super::edges::edges;
use super::faces::Directory;
use super::front::Front;
use super::hashing::Hashing;
use super::mails;
use super::metrics::Metrics;
use super::provider::Provider;
use super::signing::LastLook;
use super::site::{Desk, HttpSettings, Worker};
use super::typesetting::Typesetting;
use super::watch::Watch;
use super::{nothing_here, openapi, routes};
use crate::auth::token::Tokens;
use crate::store::Shared;
use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// In milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A server that has its port and is answering.
pub struct Running {
    pub address: SocketAddr,
    pub handle: ServerHandle,
    /// Resolves when the server has ended.
    pub ended: actix_web::dev::Server,
    /// What there is to be watched.
    pub watch: Watch,
}

/// How long requests under way may go on when the server is told to end, in seconds.
pub const LAST_REQUESTS: u64 = 10;

/// Starts answering on `listener`. Signals are the caller's. Call it inside an Actix runtime, and await `ended`.
pub fn start(
    listener: TcpListener,
    workers: usize,
    settings: HttpSettings,
    shared: Shared,
    tokens: Tokens,
    clock: Clock,
) -> std::io::Result<Running> {
    let routes_of_start = routes();
    if !routes_of_start.unjudged().is_empty() {
        let names = routes_of_start.unjudged().join(", ");
        return Err(std::io::Error::other(format!("nobody has said who may do this; give it a row in domain/rights.rs: {names}")));
    }
    let (document, operations) = (openapi::document(&routes_of_start), routes_of_start.operations());
    let contract = Contract::of(&document);
    let document = serde_json::to_vec(&document)?;
    let answers = Answers::new(settings.cache_bytes, shared.marks().clone());
    let directory = Directory::new(shared.marks().clone());
    let callers = Callers::new(shared.marks().clone());
    let allowances = Allowances::new(settings.rate_limit);
    let dues = Dues::new(shared.marks().clone());
    let provider = settings.provider.clone().map(Provider::new);
    let desk = Arc::new(Desk {
        settings,
        answers,
        dues,
        directory,
        callers,
        clock,
        tokens,
        keys_seen: LastLook::default(),
        provider,
        contract,
        document,
        hashing: Hashing::start((workers / 2).max(1))?,
        typesetting: Typesetting::start((workers / 2).max(1))?,
        allowances,
        attempts: Attempts::new(),
        operations,
        metrics: Metrics::new(routes().paths()),
        draining: AtomicBool::new(false),
    });
    let address = listener.local_addr()?;
    let watch = Watch::new(shared.clone(), desk.clone());
    actix_web::rt::spawn(keep_time(watch.worker()));
    actix_web::rt::spawn(mails::deliver(watch.worker()));
    let server = HttpServer::new(move || {
        let tally = desk.metrics.worker();
        let worker = Data::new(Worker { store: shared.store(), desk: desk.clone(), tally: tally.clone() });
        let app = App::new().app_data(worker).wrap(from_fn(edges)).default_service(actix_web::web::to(nothing_here));
        Front::before(routes().resources().into_iter().fold(app, App::service), desk.clone(), tally)
    })
    .workers(workers)
    .client_request_timeout(Duration::from_secs(5))
    .client_disconnect_timeout(Duration::from_secs(1))
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(LAST_REQUESTS)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(Running { address, handle: server.handle(), ended: server, watch })
}

/// Carries out what is due though nobody reads, so that the newsroom's own views and whoever listens hear of it in time.
/// What the public sees does not depend on it: see `dues.rs`. Takes up what operators have done to the signing keys. Once a day it lets the lines of the audit log go that have had their time.
async fn keep_time(worker: Worker) {
    let mut swept_on = None;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let day = worker.now().milliseconds() / DAY;
        if swept_on != Some(day) {
            audit::sweep(&worker).await;
            swept_on = Some(day);
        }
        if !worker.desk.dues.is_quiet(worker.now()) {
            worker.desk.dues.carry_out(&worker).await;
        }
        if let Err(error) = worker.look_for_keys().await {
            tracing::debug!(%error, "cannot look which signing keys there are: {error}");
        }
    }
}
