//! The front desk: a stranger's read whose answer is kept is answered here, before the application makes a request of its own of it,
//! which costs as much as the answer. All else goes on to `edges.rs`, which gives the same answers with the same headers and log line.

use super::cache::Answers;
use super::edges::{REQUEST_ID, end_in_time, log, request_id};
use super::site::Desk;
use actix_http::Request;
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, Response, ServiceResponse};
use actix_web::http::header;
use actix_web::{Error, HttpMessage};
use futures_util::future::{Either, LocalBoxFuture, MapOk, Ready, TryFutureExt, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// What stands before an application, or before one worker's service of it.
pub struct Front<Inner> {
    inner: Inner,
    desk: Arc<Desk>,
}

impl<Factory> Front<Factory> {
    pub fn before(app: impl IntoServiceFactory<Factory, Request>, desk: Arc<Desk>) -> Self
    where
        Factory: ServiceFactory<Request>,
    {
        Self { inner: app.into_factory(), desk }
    }
}

impl<Factory> ServiceFactory<Request> for Front<Factory>
where
    Factory: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()> + 'static,
{
    type Response = Response<BoxBody>;
    type Error = Error;
    type Config = AppConfig;
    type Service = Front<Factory::Service>;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Self::Service, ()>>;

    fn new_service(&self, config: AppConfig) -> Self::Future {
        let (inner, desk) = (self.inner.new_service(config), self.desk.clone());
        Box::pin(async move { Ok(Front { inner: inner.await?, desk }) })
    }
}

type Passed<F> = MapOk<F, fn(ServiceResponse<BoxBody>) -> Response<BoxBody>>;

impl<Inner> Service<Request> for Front<Inner>
where
    Inner: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    type Response = Response<BoxBody>;
    type Error = Error;
    type Future = Either<Ready<Result<Response<BoxBody>, Error>>, Passed<Inner::Future>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: Request) -> Self::Future {
        match answer(&request, &self.desk) {
            Some(response) => Either::Left(ready(Ok(response))),
            None => Either::Right(self.inner.call(request).map_ok(Response::from as fn(_) -> _)),
        }
    }
}

/// The kept answer to a request without a body, if there is one that is good and nothing is due.
fn answer(request: &Request, desk: &Desk) -> Option<Response<BoxBody>> {
    let started = Instant::now();
    let headers = request.headers();
    let has_body = [header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::EXPECT].iter().any(|name| headers.contains_key(name));
    let now = desk.clock.now();
    if has_body || !desk.dues.is_quiet(now) {
        return None;
    }
    let kept = desk.answers.get(&Answers::key(request.method(), request.uri(), headers)?)?;
    let id = request_id(headers);
    let mut response = kept.answer(headers);
    end_in_time(response.headers_mut(), desk.dues.left(now));
    response.headers_mut().insert(REQUEST_ID, id.clone());
    log((request.method(), request.path()), response.status(), &id, started);
    Some(response)
}
