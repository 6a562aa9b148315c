//! The last step of every answer: headers, problems in their final form. The log line is `front.rs`.

use super::allowances::Counted;
use super::answer::{self, Public};
use super::audit;
use super::cache::{Answers, Found};
use super::guard::bearer;
use super::metrics::Place;
use super::problem::{Code, Problem};
use super::remote;
use super::site::{Desk, Worker};
use super::unread::Unread;
use crate::store::marks::Began;
use actix_http::ConnectionType;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Response, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use std::sync::atomic::Ordering;
use std::time::Duration;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Request-Id, Retry-After");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE");

/// Wraps the whole application. A kept answer is given before any routing.
pub async fn edges<B: MessageBody + 'static>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request_id(request.headers());
    let has_authorization = request.headers().contains_key(header::AUTHORIZATION);
    let site = request.app_data::<Data<Worker>>().cloned();
    if let Some(site) = site.as_ref().filter(|site| request.path().starts_with("/v1/") && !site.desk.dues.is_quiet(site.now())) {
        site.desk.dues.carry_out(site).await;
    }
    let unread = Unread::hold(&mut request);
    let mut response = match site.as_ref() {
        None => finish(next.call(request).await?.map_into_boxed_body()),
        Some(site) => match site.desk.answers.find(Answers::key(request.method(), request.uri(), request.headers())).await {
            Found::Kept(kept) => {
                site.tally.kept.fetch_add(1, Ordering::Relaxed);
                let answer = HttpResponse::from(kept.answer(request.headers()));
                let mut response = request.into_response(answer);
                response.headers_mut().insert(REQUEST_ID, id);
                response.response_mut().extensions_mut().insert(kept.place());
                end_in_time(response.headers_mut(), site.desk.dues.left(site.now()));
                return Ok(together(response, unread));
            }
            found => {
                site.tally.made.fetch_add(u64::from(found.is_public()), Ordering::Relaxed);
                let began = site.desk.answers.begin();
                let counted = admit(&request, &site.desk);
                let response = match counted {
                    Ok(_) => next.call(request).await?.map_into_boxed_body(),
                    Err(ref problem) => request.error_response(problem.clone()),
                };
                if response.status() == StatusCode::FORBIDDEN {
                    let code = response.response().extensions().get::<Problem>().map_or("forbidden", |problem| problem.code.name());
                    audit::note_forbidden(response.request(), site, code).await;
                }
                let mut response = finish_public(finish(response), &site.desk, found, began);
                if let Ok(Some(counted)) = counted {
                    counted.tell(response.headers_mut());
                }
                response
            }
        },
    };
    let place = place_of(&response);
    response.response_mut().extensions_mut().insert(place);
    write_headers(&mut response, &id, has_authorization);
    if let Some(site) = site {
        end_in_time(response.headers_mut(), site.desk.dues.left(site.now()));
    }
    Ok(together(response, unread))
}

/// Counts a request that is not answered from memory, by whoever is behind it if that is remembered; the guard finds them with the request.
fn admit(request: &ServiceRequest, desk: &Desk) -> Result<Option<Counted>, Problem> {
    let (address, now) = (remote::address_of(request.request(), &desk.settings), desk.clock.now());
    let known = bearer(request.request()).and_then(|token| desk.callers.recall(token, address, now));
    let counted = desk.allowances.count(known.as_deref(), address, now);
    if let Some(known) = known {
        request.extensions_mut().insert(known);
    }
    counted
}

/// The line of the route page that has answered.
fn place_of(response: &ServiceResponse<BoxBody>) -> Place {
    response.request().app_data::<Place>().copied().unwrap_or_default()
}

/// What a request is told that has taken longer than it may; what has become of it nobody knows.
pub fn late(method: &Method, path: &str, id: &HeaderValue, bound: Duration) -> Response<BoxBody> {
    let mut answer = Response::from(refusal(&Problem::too_slow(bound.as_secs()), path));
    // What is left of its body nobody will read.
    answer.head_mut().set_connection_type(ConnectionType::Close);
    let headers = answer.headers_mut();
    headers.insert(REQUEST_ID, id.clone());
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    write_fixed(headers);
    if matches!(*method, Method::GET | Method::HEAD) {
        write_for_reads(headers);
    }
    answer
}

fn together(response: ServiceResponse<BoxBody>, unread: Option<Unread>) -> ServiceResponse<BoxBody> {
    let Some(unread) = unread else { return response };
    let (request, answer) = response.into_parts();
    ServiceResponse::new(request, unread.go_with(answer))
}

/// No answer outlives the next due moment: shared caches are told to ask again by then.
pub fn end_in_time(headers: &mut HeaderMap, left: i64) {
    let Some(value) = answer::public_for(left).and_then(|value| HeaderValue::from_str(&value).ok()) else { return };
    if headers.get(header::CACHE_CONTROL).is_some_and(|value| value.as_bytes().starts_with(b"public")) {
        headers.insert(header::CACHE_CONTROL, value);
    }
}

/// Gives a live answer its final form, and keeps it for the next who asks.
fn finish_public(mut response: ServiceResponse<BoxBody>, desk: &Desk, found: Found<'_>, began: Began) -> ServiceResponse<BoxBody> {
    let place = place_of(&response);
    let Some(public) = response.response_mut().extensions_mut().remove::<Public>() else { return response };
    let (request, response) = response.into_parts();
    let answer = match response.into_body().try_into_bytes() {
        Ok(body) => desk.answers.finish(found, began, body, &public, place, desk.clock.now()).answer(request.headers()).into(),
        Err(_) => refusal(&Problem::internal("a live answer has no bytes"), request.path()),
    };
    ServiceResponse::new(request, answer)
}

/// The client's own id, if it is short and plain; else a new one.
pub fn request_id(headers: &HeaderMap) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=128).contains(&bytes.len()) && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
    };
    let given = headers.get(REQUEST_ID).filter(sane).cloned();
    given.unwrap_or_else(|| HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("-")))
}

/// Puts the body on a problem, and makes a problem of what the server library refused by itself.
fn finish(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let problem = response.response().extensions().get::<Problem>().cloned();
    let status = response.status();
    let problem = match problem {
        Some(problem) => problem,
        None if status.is_client_error() || status.is_server_error() => {
            let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
            if is_json {
                return response;
            }
            let why = response.response().error().map(ToString::to_string).unwrap_or_default();
            if status.is_server_error() {
                Problem::internal(&why)
            } else {
                Problem::new(Code::of_status(status), "The request is not one that this server reads.")
            }
        }
        None => return response,
    };
    let (request, _) = response.into_parts();
    let answer = if problem.code == Code::Moved { moved(&problem, &request) } else { refusal(&problem, request.path()) };
    ServiceResponse::new(request, answer)
}

fn refusal(problem: &Problem, path: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(problem.status_code());
    for (name, value) in &problem.headers {
        answer.insert_header((name.clone(), value.clone()));
    }
    answer.content_type("application/problem+json").body(problem.body(path))
}

/// The address of today: the third segment of the path is the slug, all else stays (RFC 9110 §15.4.9).
fn moved(problem: &Problem, request: &actix_web::HttpRequest) -> HttpResponse {
    let slug = problem.members.get("slug").and_then(|slug| slug.as_str()).unwrap_or_default();
    let mut segments: Vec<&str> = request.path().split('/').collect();
    if let Some(segment) = segments.get_mut(3) {
        *segment = slug;
    }
    let query = if request.query_string().is_empty() { String::new() } else { format!("?{}", request.query_string()) };
    let mut answer = HttpResponse::PermanentRedirect();
    answer.insert_header((header::LOCATION, format!("{}{query}", segments.join("/"))));
    answer.insert_header((header::CACHE_CONTROL, "public, max-age=0, s-maxage=30")).finish()
}

/// What every answer says.
pub fn write_fixed(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    }
}

/// What every answer to a read says: any page may read it, without credentials.
pub fn write_for_reads(headers: &mut HeaderMap) {
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

fn write_headers(response: &mut ServiceResponse<BoxBody>, id: &HeaderValue, has_authorization: bool) {
    let status = response.status();
    let is_read = matches!(*response.request().method(), Method::GET | Method::HEAD);
    let (origin, preflight) = cross_origin(response, is_read);
    let is_private = has_authorization || status.is_client_error() || status.is_server_error();
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.clone());
    write_fixed(headers);
    if is_read {
        write_for_reads(headers);
    } else {
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    if is_private || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.remove("surrogate-key");
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    if let Some(methods) = preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let allowed =
            HeaderValue::from_static("Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Request-Id, Revision-Note");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
}

/// Who may read the answer from a browser: anybody reads, configured origins write. Credentials never go along:
/// there are no cookies, and a page that holds a token has it from its user.
fn cross_origin(response: &ServiceResponse<BoxBody>, is_read: bool) -> (Option<HeaderValue>, Option<HeaderValue>) {
    let request = response.request();
    if is_read {
        return (None, None);
    }
    let is_preflight = request.method() == Method::OPTIONS;
    let origin = request.headers().get(header::ORIGIN);
    let configured = request.app_data::<Data<Worker>>().map(|site| site.settings().cors_origins.as_slice()).unwrap_or_default();
    let known = origin.filter(|origin| configured.iter().any(|known| known.as_bytes() == origin.as_bytes()));
    match known {
        Some(origin) => (Some(origin.clone()), is_preflight.then_some(METHODS)),
        None if is_preflight => (Some(HeaderValue::from_static("*")), Some(HeaderValue::from_static("GET, HEAD"))),
        None => (None, None),
    }
}
