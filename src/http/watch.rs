//! The listener for those who watch the process, apart from the one for readers: `/healthz`, `/readyz` and `/metrics`.

use super::exposition::{self, MEDIA_TYPE};
use super::health::Health;
use super::metrics::Tally;
use super::site::{Desk, Worker};
use crate::domain::time::Moment;
use crate::store::Shared;
use actix_web::dev::Server;
use actix_web::http::header;
use actix_web::{App, HttpResponse, HttpServer, web};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What there is to be watched of a running server.
#[derive(Clone)]
pub struct Watch {
    shared: Shared,
    desk: Arc<Desk>,
    health: Arc<Health>,
    tally: Arc<Tally>,
    started_at: Moment,
}

impl Watch {
    pub fn new(shared: Shared, desk: Arc<Desk>) -> Self {
        let (tally, started_at) = (desk.metrics.worker(), desk.clock.now());
        Self { shared, desk, health: Arc::default(), tally, started_at }
    }

    /// Says that the process is about to end: `/readyz` answers 503 from now on, and each connection ends with its next answer.
    pub fn drain(&self) {
        self.desk.draining.store(true, Ordering::Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.desk.draining.load(Ordering::Relaxed)
    }

    /// A worker that answers nobody.
    pub fn worker(&self) -> Worker {
        Worker { store: self.shared.store(), desk: self.desk.clone(), tally: self.tally.clone() }
    }

    /// Answers on `listener`, on a thread of its own, until its handle stops it: readers do not notice who watches, nor the other way round.
    pub fn listen(&self, listener: TcpListener) -> std::io::Result<Server> {
        let watch = self.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(watch.clone()))
                .app_data(web::Data::new(watch.worker()))
                .route("/healthz", web::get().to(healthz))
                .route("/readyz", web::get().to(readyz))
                .route("/metrics", web::get().to(metrics))
        });
        let server = server.workers(1).disable_signals().shutdown_timeout(1).client_request_timeout(Duration::from_secs(5));
        Ok(server.listen(listener)?.run())
    }
}

/// The process lives; nothing is looked at.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).content_type("application/json").body("{\"status\":\"ok\"}\n")
}

async fn readyz(watch: web::Data<Watch>, site: web::Data<Worker>) -> HttpResponse {
    let report = watch.health.report(&site).await;
    let report = if watch.is_draining() { Arc::new(report.while_draining()) } else { report };
    let mut answer = if report.is_ready() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.insert_header((header::CACHE_CONTROL, "no-store")).json(&*report)
}

async fn metrics(watch: web::Data<Watch>, site: web::Data<Worker>) -> HttpResponse {
    let report = watch.health.report(&site).await;
    let report = if watch.is_draining() { Arc::new(report.while_draining()) } else { report };
    let page = exposition::page(&watch.desk, &watch.shared, &report, watch.started_at.milliseconds());
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).content_type(MEDIA_TYPE).body(page)
}
