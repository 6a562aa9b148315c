//! The front desk: every request comes by here, and every answer goes out here, with its one log line and counted.
//!
//! A stranger's read whose answer is kept is answered at once, before the application makes a request of its own of it, which costs as much
//! as the answer. All else goes on to `edges.rs`, in a span that has its `Request-Id`, and has so much time and no more.

use super::cache::Answers;
use super::edges::{REQUEST_ID, end_in_time, late, request_id};
use super::metrics::{Place, Tally};
use super::site::Desk;
use actix_http::{ConnectionType, Request};
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, Response, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::{Error, HttpMessage};
use futures_util::future::{Either, LocalBoxFuture, Ready, ready};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// What stands before an application, or before one worker's service of it.
pub struct Front<Inner> {
    inner: Inner,
    desk: Arc<Desk>,
    tally: Arc<Tally>,
}

impl<Factory> Front<Factory> {
    pub fn before(app: impl IntoServiceFactory<Factory, Request>, desk: Arc<Desk>, tally: Arc<Tally>) -> Self
    where
        Factory: ServiceFactory<Request>,
    {
        Self { inner: app.into_factory(), desk, tally }
    }
}

impl<Factory> ServiceFactory<Request> for Front<Factory>
where
    Factory: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()> + 'static,
    Factory::Service: 'static,
{
    type Response = Response<BoxBody>;
    type Error = Error;
    type Config = AppConfig;
    type Service = Front<Factory::Service>;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Self::Service, ()>>;

    fn new_service(&self, config: AppConfig) -> Self::Future {
        let (inner, desk, tally) = (self.inner.new_service(config), self.desk.clone(), self.tally.clone());
        Box::pin(async move { Ok(Front { inner: inner.await?, desk, tally }) })
    }
}

impl<Inner> Service<Request> for Front<Inner>
where
    Inner: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = Response<BoxBody>;
    type Error = Error;
    type Future = Either<Ready<Result<Response<BoxBody>, Error>>, LocalBoxFuture<'static, Result<Response<BoxBody>, Error>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, mut request: Request) -> Self::Future {
        let started = Instant::now();
        if let Some((mut response, place)) = kept(&request, &self.desk) {
            let id = request_id(request.headers());
            let span = if self.desk.settings.traced { span_of(&request, &id, true) } else { Span::none() };
            self.tally.kept.fetch_add(1, Ordering::Relaxed);
            conclude(&self.desk, &self.tally, (request.method(), request.path()), &mut response, place, &id, started);
            tell(&span, &self.desk, place, response.status());
            response.headers_mut().insert(REQUEST_ID, id);
            return Either::Left(ready(Ok(response)));
        }
        let asked = Asked::of(&mut request);
        let bound = self.desk.settings.request_timeout + if has_body(&request) { self.desk.settings.body_timeout } else { Duration::ZERO };
        let span = span_of(&request, &asked.id, self.desk.settings.traced);
        let handling = self.inner.call(request).instrument(span.clone());
        let (desk, tally) = (self.desk.clone(), self.tally.clone());
        Either::Right(Box::pin(async move {
            let _under_way = UnderWay::of(tally.clone());
            let mut response = match tokio::time::timeout(bound, handling).await {
                Ok(answer) => Response::from(answer?),
                Err(_late) => late(&asked.method, asked.uri.path(), &asked.id, bound),
            };
            let place = response.extensions().get::<Place>().copied().unwrap_or_default();
            conclude(&desk, &tally, (&asked.method, asked.uri.path()), &mut response, place, &asked.id, started);
            tell(&span, &desk, place, response.status());
            Ok(response)
        }))
    }
}

/// What is needed of a request when it is answered.
struct Asked {
    method: Method,
    uri: Uri,
    id: HeaderValue,
}

impl Asked {
    /// Gives the request its id, which it keeps on its way.
    fn of(request: &mut Request) -> Self {
        let id = request_id(request.headers());
        request.headers_mut().insert(REQUEST_ID, id.clone());
        Self { method: request.method().clone(), uri: request.uri().clone(), id }
    }
}

/// What the lines of a request and the spans within it belong to. At the highest level, so that they have their Request-Id whatever the level
/// of the log; what else is known of the request is for those who take down spans.
fn span_of(request: &Request, id: &HeaderValue, traced: bool) -> Span {
    tracing::error_span!(
        "request",
        request.id = id.to_str().unwrap_or("-"),
        http.request.method = traced.then(|| request.method().as_str()),
        url.path = traced.then(|| request.path()),
        traceparent = request.headers().get("traceparent").filter(|_| traced).and_then(|value| value.to_str().ok()),
        http.route = Empty,
        http.response.status_code = Empty,
    )
}

/// Tells those who take down spans what became of a request.
fn tell(span: &Span, desk: &Desk, place: Place, status: StatusCode) {
    if desk.settings.traced {
        span.record("http.route", desk.metrics.route(place)).record("http.response.status_code", u64::from(status.as_u16()));
    }
}

/// Counts a request as long as it is under way, also if its client goes away meanwhile.
struct UnderWay(Arc<Tally>);

impl UnderWay {
    fn of(tally: Arc<Tally>) -> Self {
        tally.under_way.fetch_add(1, Ordering::Relaxed);
        Self(tally)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

fn has_body(request: &Request) -> bool {
    [header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::EXPECT].iter().any(|name| request.headers().contains_key(name))
}

/// The kept answer to a request without a body, if there is one that is good and nothing is due.
fn kept(request: &Request, desk: &Desk) -> Option<(Response<BoxBody>, Place)> {
    let headers = request.headers();
    let now = desk.clock.now();
    if has_body(request) || !desk.dues.is_quiet(now) {
        return None;
    }
    let kept = desk.answers.get(&Answers::key(request.method(), request.uri(), headers)?)?;
    let mut response = kept.answer(headers);
    end_in_time(response.headers_mut(), desk.dues.left(now));
    Some((response, kept.place()))
}

/// The end of every request: counted, logged, and the end of its connection, too, where the process is about to end.
fn conclude(
    desk: &Desk,
    tally: &Tally,
    (method, path): (&Method, &str),
    response: &mut Response<BoxBody>,
    place: Place,
    id: &HeaderValue,
    started: Instant,
) {
    if desk.draining.load(Ordering::Relaxed) {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let took = started.elapsed();
    tally.note(place, method, response.status(), took);
    log((method, path), response.status(), id, took);
}

/// One line a request. The query stays out of it: people put tokens there.
fn log((method, path): (&Method, &str), status: StatusCode, id: &HeaderValue, took: Duration) {
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let id = id.to_str().unwrap_or("-");
    if status.is_server_error() {
        tracing::error!(request.id = id, %method, path, status = status.as_u16(), microseconds, "{method} {path} {status}");
    } else {
        tracing::info!(request.id = id, %method, path, status = status.as_u16(), microseconds, "{method} {path} {status}");
    }
}
