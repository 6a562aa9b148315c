//! What clients send: queries and bodies, read strictly and checked against the contract.

use super::contract::{Contract, Shape};
use super::once::{Fingerprint, Once};
use super::problem::{Code, Problem};
use super::site::SharedWorker;
use crate::auth::seal::fingerprint;
use crate::domain::merge::merge;
use crate::domain::{id, slug};
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::sync::Arc;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// The query parameters of an operation. Unknown, repeated and unreadable ones are refused, all together.
pub struct Query<T>(pub T);

impl<T: IntoParams + DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(read_query(request).map(Self))
    }
}

/// No query parameters at all.
#[derive(serde::Deserialize, IntoParams)]
pub struct NoParameters {}

fn read_query<T: IntoParams + DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let raw = request.query_string();
    if !is_readable(raw) {
        return Err(Problem::new(
            Code::MalformedQuery,
            "Encode the query as UTF-8, percent-encoded (RFC 3986 §2.1), without control characters.",
        ));
    }
    let values = worker(request)?.desk.contract.query::<T>().read(raw).map_err(Problem::invalid_query)?;
    serde_json::from_value(values).map_err(|error| Problem::new(Code::InvalidParameter, error.to_string()))
}

/// Whether each `%` begins an escape and what comes out is UTF-8 without control characters.
fn is_readable(raw: &str) -> bool {
    let escapes_are_whole = raw.match_indices('%').all(|(at, _)| {
        let digits = raw.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let mut decoded = form_urlencoded::parse(raw.as_bytes());
    escapes_are_whole
        && decoded.all(|(name, value)| !name.chars().chain(value.chars()).any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER))
}

/// No story has more revisions; every JSON reader can hold the number.
pub const MOST_REVISIONS: i64 = 1_000_000_000;

/// The id or slug in a path. What can be neither (wrong characters, too long) names nothing, and no query is made for it.
pub struct Name(String);

impl Name {
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl FromRequest for Name {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let name = request.match_info().iter().next().map(|(_, name)| name).unwrap_or_default();
        let is_one = (1..=slug::LONGEST).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        ready(if is_one { Ok(Self(name.to_owned())) } else { Err(Problem::not_found()) })
    }
}

/// The id of a part of a thing, as a correction is of a story: the second name in a path. What is no id names nothing.
pub struct PartId(String);

impl PartId {
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl FromRequest for PartId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let name = request.match_info().iter().nth(1).map(|(_, name)| name).unwrap_or_default();
        ready(if id::looks_like_one(name) { Ok(Self(name.to_ascii_lowercase())) } else { Err(Problem::not_found()) })
    }
}

/// The number of a revision, the second part of a path that changes. What is no number names nothing.
pub struct Number(pub i64);

impl FromRequest for Number {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let text = request.match_info().iter().nth(1).map(|(_, text)| text).unwrap_or_default();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_plain && (1..=MOST_REVISIONS).contains(number));
        ready(number.map(Self).ok_or_else(Problem::not_found))
    }
}

/// A JSON body that has not been read yet. Handlers call `read` when their guard has let the caller pass:
/// a stranger's body is never waited for.
pub struct Body<T> {
    request: HttpRequest,
    payload: web::Payload,
    shape: PhantomData<T>,
}

impl<T> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload).into_inner();
        ready(
            payload
                .map(|payload| Self { request: request.clone(), payload, shape: PhantomData })
                .map_err(|error| Problem::internal(&error.to_string())),
        )
    }
}

impl<T: ToSchema + DeserializeOwned> Body<T> {
    /// Reads the body as a `T`: media type, no coding, deadline, size, JSON, an object, the contract's schema, in this order.
    pub async fn read(self) -> Result<T, Problem> {
        let (value, _) = self.checked().await?;
        deserialise(value)
    }
}

impl<T: ToSchema> Body<Edit<T>> {
    /// Reads the body as a merge patch for a `T`.
    pub async fn read_patch(self) -> Result<MergePatch<T>, Problem> {
        let (patch, request) = self.checked().await?;
        Ok(MergePatch { patch, whole: worker(&request)?.desk.contract.body::<T>(), kind: PhantomData })
    }
}

impl<T: ToSchema> Body<T> {
    async fn checked(self) -> Result<(Value, HttpRequest), Problem> {
        let Self { request, payload, .. } = self;
        let site = worker(&request)?;
        check_headers(&request)?;
        let settings = site.settings();
        let bytes =
            tokio::time::timeout(settings.body_timeout, collect(&request, payload, settings.body_limit)).await.map_err(|_late| {
                let seconds = settings.body_timeout.as_secs();
                Problem::new(Code::RequestTimeout, format!("Send the whole body within {seconds} seconds."))
                    .with_header("connection", "close")
            })??;
        if Once::is_asked_of(&request) {
            let asked = fingerprint(&[request.method().as_str().as_bytes(), request.uri().to_string().as_bytes(), &bytes]);
            request.extensions_mut().insert(Fingerprint(asked));
        }
        let mut value = parse(&bytes)?;
        check_against::<T>(&mut value, &site.desk.contract)?;
        Ok((value, request))
    }
}

/// A patch that fits the schema, ready to be applied (RFC 7396).
#[derive(Clone)]
pub struct MergePatch<T> {
    patch: Value,
    /// The shape of the whole thing that the patch makes.
    whole: Arc<Shape>,
    kind: PhantomData<fn() -> T>,
}

impl<T: ToSchema> MergePatch<T> {
    /// Takes a patch that did not come as a whole body.
    pub fn fitting<E: ToSchema>(mut patch: Value, contract: &Contract) -> Result<Self, Problem> {
        check_against::<E>(&mut patch, contract)?;
        Ok(Self { patch, whole: contract.body::<T>(), kind: PhantomData })
    }
}

/// Reads a value that did not come as a whole body: the contract's schema first, then its type.
pub fn fitting<T: ToSchema + DeserializeOwned>(mut value: Value, contract: &Contract) -> Result<T, Problem> {
    check_against::<T>(&mut value, contract)?;
    deserialise(value)
}

fn check_against<T: ToSchema>(value: &mut Value, contract: &Contract) -> Result<(), Problem> {
    let mut breaches = Vec::new();
    contract.body::<T>().check(value, "", &mut breaches);
    if breaches.is_empty() { Ok(()) } else { Err(Problem::invalid_body(breaches)) }
}

impl<T: Serialize + DeserializeOwned> MergePatch<T> {
    /// Whether the patch names that member.
    pub fn names(&self, member: &str) -> bool {
        self.patch.get(member).is_some()
    }

    /// The members that the patch names.
    pub fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.patch.as_object().into_iter().flatten()
    }

    /// What becomes of `current`; the outcome is checked like a fresh body.
    pub fn apply(&self, current: &T) -> Result<T, Problem> {
        let mut value = serde_json::to_value(current).map_err(|error| Problem::internal(&error.to_string()))?;
        merge(&mut value, self.patch.clone());
        let mut breaches = Vec::new();
        self.whole.check(&mut value, "", &mut breaches);
        if !breaches.is_empty() {
            return Err(Problem::invalid_body(breaches));
        }
        deserialise(value)
    }
}

/// The schema of a merge patch for `T`: the same members, none required.
pub struct Edit<T>(PhantomData<T>);

impl<T: PartialSchema> PartialSchema for Edit<T> {
    fn schema() -> RefOr<Schema> {
        match T::schema() {
            RefOr::T(Schema::Object(mut object)) => {
                object.required.clear();
                RefOr::T(Schema::Object(object))
            }
            other => other,
        }
    }
}

impl<T: ToSchema> ToSchema for Edit<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        T::name().replace("Create", "Edit").into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// A body without members, for steps that need no more than their address.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub struct Nothing {}

fn worker(request: &HttpRequest) -> Result<&SharedWorker, Problem> {
    request.app_data::<SharedWorker>().ok_or_else(|| Problem::internal("the worker has no site"))
}

fn deserialise<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| Problem::new(Code::InvalidBody, format!("The body does not fit: {error}.")))
}

fn check_headers(request: &HttpRequest) -> Result<(), Problem> {
    let one = |name: header::HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
    if one(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Problem::new(Code::UnsupportedContentEncoding, "Send the body as it is, without Content-Encoding."));
    }
    let kind = one(header::CONTENT_TYPE).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_patch = request.method() == actix_web::http::Method::PATCH && essence == "application/merge-patch+json";
    let is_utf8 = parts.all(|parameter| !parameter.starts_with("charset") || matches!(parameter, "charset=utf-8" | "charset=\"utf-8\""));
    if (essence == "application/json" || is_patch) && is_utf8 {
        return Ok(());
    }
    let wanted = if request.method() == actix_web::http::Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    Err(Problem::new(Code::UnsupportedMediaType, format!("Send JSON in UTF-8 as `Content-Type: {wanted}`."))
        .with_header("accept-post", "application/json"))
}

async fn collect(request: &HttpRequest, mut payload: web::Payload, limit: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        Problem::new(Code::BodyTooLarge, format!("Send at most {limit} bytes."))
            .with_member("limit_bytes", limit)
            .with_header("connection", "close")
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(limit));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_cut| Problem::new(Code::MalformedRequest, "The body was cut short; send all of it."))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// JSON (RFC 8259) with an object at the top; the parser itself refuses more than 127 levels.
fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| Problem::new(Code::MalformedJson, format!("The body is not JSON: {error}.")))?;
    if value.is_object() { Ok(value) } else { Err(Problem::new(Code::InvalidBody, "Send a JSON object: `{…}`.")) }
}
