//! Every refusal: one type, one table of stable codes, the only place that picks an error's status (RFC 9457).

use crate::background::NotDone;
use crate::domain::article::InvalidTransition;
use crate::domain::breach::Breach;
use crate::domain::time::Moment;
use crate::store;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// What went wrong, as clients tell it apart. The names are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Moved,
    MalformedRequest,
    MalformedJson,
    MalformedQuery,
    UnknownParameter,
    RepeatedParameter,
    InvalidParameter,
    InvalidCursor,
    CursorMismatch,
    Unauthenticated,
    InvalidToken,
    InvalidCredentials,
    SecondFactorRequired,
    SecondFactorWrong,
    SecondFactorNotSetUp,
    SecondFactorExists,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    SlugTaken,
    EmailTaken,
    InUse,
    InvalidTransition,
    Locked,
    Embargoed,
    LastAdmin,
    Gone,
    LinksGone,
    NotInTrash,
    Stale,
    BodyTooLarge,
    UnsupportedMediaType,
    UnsupportedContentEncoding,
    InvalidBody,
    IdempotencyKeyReused,
    NotReady,
    InvalidSearch,
    PreconditionRequired,
    TooManyAttempts,
    TooManyRequests,
    Internal,
    Unavailable,
    TooSlow,
    DiskFull,
    Busy,
}

/// What can be said when the outcome of a write is not known.
const UNSURE: &str = "Whether a change was stored is not known: look before you send it again, or send it with the same `Idempotency-Key`.";

/// Code, name on the wire, status, title.
const TABLE: &[(Code, &str, u16, &str)] = &[
    (Code::Moved, "moved", 308, "This address has changed"),
    (Code::MalformedRequest, "malformed_request", 400, "The request cannot be read"),
    (Code::MalformedJson, "malformed_json", 400, "The body is not JSON"),
    (Code::MalformedQuery, "malformed_query", 400, "The query cannot be read"),
    (Code::UnknownParameter, "unknown_parameter", 400, "A query parameter is unknown"),
    (Code::RepeatedParameter, "repeated_parameter", 400, "A query parameter is given twice"),
    (Code::InvalidParameter, "invalid_parameter", 400, "A query parameter is not allowed to have this value"),
    (Code::InvalidCursor, "invalid_cursor", 400, "The cursor is not one of ours"),
    (Code::CursorMismatch, "cursor_mismatch", 400, "The cursor belongs to another list"),
    (Code::Unauthenticated, "unauthenticated", 401, "Sign in first"),
    (Code::InvalidToken, "invalid_token", 401, "The token is not valid"),
    (Code::InvalidCredentials, "invalid_credentials", 401, "E-mail or password is wrong"),
    (Code::SecondFactorRequired, "second_factor_required", 401, "The account has a second factor, and no code was sent"),
    (Code::SecondFactorWrong, "invalid_code", 401, "The code of the second factor is wrong"),
    (Code::SecondFactorNotSetUp, "second_factor_not_set_up", 403, "Your role needs a second factor, and you have none"),
    (Code::SecondFactorExists, "second_factor_exists", 409, "There is a second factor already"),
    (Code::Forbidden, "forbidden", 403, "This is not yours to do"),
    (Code::NotFound, "not_found", 404, "There is nothing here"),
    (Code::MethodNotAllowed, "method_not_allowed", 405, "This address does not take this method"),
    (Code::RequestTimeout, "request_timeout", 408, "The body did not arrive in time"),
    (Code::SlugTaken, "slug_taken", 409, "The slug is taken"),
    (Code::EmailTaken, "email_taken", 409, "The e-mail address is taken"),
    (Code::InUse, "in_use", 409, "This is still in use"),
    (Code::InvalidTransition, "invalid_transition", 409, "The state does not allow this step"),
    (Code::Locked, "locked", 409, "Somebody else is at it"),
    (Code::Embargoed, "embargoed", 409, "The story is under embargo"),
    (Code::LastAdmin, "last_admin", 409, "The last administrator stays"),
    (Code::Gone, "gone", 410, "The newsroom has taken this story back"),
    (Code::LinksGone, "links_gone", 409, "What the revision names is gone"),
    (Code::NotInTrash, "not_in_trash", 409, "The story is not in the trash"),
    (Code::Stale, "stale", 412, "Somebody else has changed this"),
    (Code::BodyTooLarge, "body_too_large", 413, "The body is too large"),
    (Code::UnsupportedMediaType, "unsupported_media_type", 415, "This media type is not read here"),
    (Code::UnsupportedContentEncoding, "unsupported_content_encoding", 415, "Encoded bodies are not read here"),
    (Code::InvalidBody, "invalid_body", 422, "The body breaks rules"),
    (Code::IdempotencyKeyReused, "idempotency_key_reused", 422, "The key belongs to another request"),
    (Code::NotReady, "not_ready", 422, "The story is not ready to be published"),
    (Code::InvalidSearch, "invalid_search", 422, "The search cannot be read"),
    (Code::PreconditionRequired, "precondition_required", 428, "Say which version you have seen"),
    (Code::TooManyAttempts, "too_many_attempts", 429, "Too many wrong passwords"),
    (Code::TooManyRequests, "too_many_requests", 429, "Too many requests"),
    (Code::Internal, "internal", 500, "Something went wrong here"),
    (Code::Unavailable, "unavailable", 503, "The database is not available"),
    (Code::TooSlow, "too_slow", 503, "The request has taken too long"),
    (Code::DiskFull, "disk_full", 507, "The disk is full"),
    (Code::Busy, "busy", 503, "There is too much to do at this moment"),
];

impl Code {
    fn row(self) -> (&'static str, StatusCode, &'static str) {
        let found = TABLE.iter().find(|(code, ..)| *code == self);
        let (name, status, title) =
            found.map_or(("internal", 500, "Something went wrong here"), |(_, name, status, title)| (name, *status, title));
        (name, StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), title)
    }

    pub fn name(self) -> &'static str {
        self.row().0
    }

    pub fn status(self) -> StatusCode {
        self.row().1
    }

    /// The code for a status that the server library chose by itself.
    pub fn of_status(status: StatusCode) -> Self {
        let found = TABLE.iter().find(|(code, _, number, _)| *number == status.as_u16() && *code != Self::Moved);
        match found {
            Some((code, ..)) => *code,
            None if status.is_client_error() => Self::MalformedRequest,
            None => Self::Internal,
        }
    }
}

/// A refusal on its way to the client.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: Code,
    /// What this client should do now, in one or two sentences.
    pub detail: String,
    pub errors: Vec<Breach>,
    /// Members of this code alone (RFC 9457 §3.2).
    pub members: Map<String, Value>,
    pub headers: HeaderMap,
}

/// How a refusal looks on the wire (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails {
    /// A URI reference that names the kind of problem; the same for the same `code`.
    #[serde(rename = "type")]
    #[schema(example = "/docs/problems#slug_taken")]
    kind: String,
    #[schema(example = "The slug is taken")]
    title: &'static str,
    #[schema(example = 409)]
    status: u16,
    #[schema(example = "Another article holds the slug `migration`. Choose another, or leave `slug` out.")]
    detail: String,
    /// The path that was asked.
    #[schema(example = "/v1/articles")]
    instance: String,
    /// Stable, snake_case: what programs branch on.
    #[schema(example = "slug_taken")]
    code: &'static str,
    /// All broken rules of the request at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<Breach>>)]
    errors: Vec<Breach>,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), members: Map::new(), headers: HeaderMap::new() }
    }

    /// A body that could be read but breaks rules.
    pub fn invalid_body(errors: Vec<Breach>) -> Self {
        Self { errors, ..Self::new(Code::InvalidBody, "Mend the members named in `errors` and send it again; nothing was stored.") }
    }

    /// A query with parameters that are unknown, repeated or out of bounds.
    pub fn invalid_query(errors: Vec<Breach>) -> Self {
        let all = |code: &str| errors.iter().all(|breach| breach.code == code);
        let code = match () {
            () if all("unknown_parameter") => Code::UnknownParameter,
            () if all("repeated_parameter") => Code::RepeatedParameter,
            () => Code::InvalidParameter,
        };
        Self { errors, ..Self::new(code, "Mend the query parameters named in `errors`.") }
    }

    pub fn invalid_parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::invalid_query(vec![Breach::parameter(name, "invalid", detail)])
    }

    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "Check the address; what you look for is not here, or not for you to see.")
    }

    pub fn forbidden(detail: &str) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "Send `Authorization: Bearer <token>`; POST /v1/auth/login answers a token.")
            .with_header("www-authenticate", "Bearer")
    }

    /// A token that is broken, expired or revoked. Which of these is not told.
    pub fn invalid_token() -> Self {
        Self::new(Code::InvalidToken, "The token is broken, expired or revoked. Sign in again, or leave the token out.")
            .with_header("www-authenticate", "Bearer error=\"invalid_token\"")
    }

    /// The whole request has taken longer than it may.
    pub fn too_slow(seconds: u64) -> Self {
        Self::new(Code::TooSlow, format!("This took longer than {seconds} seconds. {UNSURE}")).with_header("retry-after", "1")
    }

    /// A failure of ours: the cause goes to the log, the client gets one fixed sentence.
    pub fn internal(cause: &str) -> Self {
        tracing::error!(cause, "a request failed");
        Self::new(Code::Internal, "The cause is in the server's log, under the Request-Id of this answer.")
    }

    /// Work in the background that was not done: `busy` says why where too much waits for its turn.
    pub fn not_done(why: NotDone, work: &str, busy: &'static str) -> Self {
        match why {
            NotDone::Full => Self::new(Code::Busy, busy).with_header("retry-after", "3"),
            NotDone::Ended | NotDone::Panicked => Self::internal(&format!("{work}: {why}")),
        }
    }

    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    pub fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The finished body for a request of that path.
    pub fn body(&self, instance: &str) -> Vec<u8> {
        serde_json::to_vec(&self.details(instance)).unwrap_or_default()
    }

    /// How it looks on the wire.
    pub fn details(&self, instance: &str) -> ProblemDetails {
        let (code, status, title) = self.code.row();
        ProblemDetails {
            kind: format!("/docs/problems#{code}"),
            title,
            status: status.as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            code,
            errors: self.errors.clone(),
            members: self.members.clone(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    /// An empty answer that carries the problem; the last step (`edges.rs`) knows the path and writes the body.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound(_) => Self::not_found(),
            store::Error::Gone { reason, since } => Self::new(Code::Gone, reason.clone())
                .with_member("reason", reason)
                .with_member("killed_at", Moment::from_milliseconds(since).to_string()),
            store::Error::Moved(what, slug) => {
                Self::new(Code::Moved, format!("The {what} is at the slug `{slug}` now.")).with_member("slug", slug)
            }
            store::Error::Taken { what: "email", .. } => Self::new(Code::EmailTaken, "A user with this e-mail address exists already."),
            store::Error::Taken { value, .. } => Self::new(
                Code::SlugTaken,
                format!(
                    "The slug `{value}` is held, or was once held, by another. Choose another, or leave `slug` out. One that nobody bears any \
                     more an editor takes with `?take_slug=true`."
                ),
            ),
            store::Error::Raced => Self::new(Code::Stale, "Another write came first. Fetch the current version and try again."),
            store::Error::InUse(count) => {
                Self::new(Code::InUse, format!("It is used {count} times. Send `?reassign_to=<id or slug>` to put another in its place."))
                    .with_member("count", count)
            }
            store::Error::Unavailable(cause) | store::Error::Cut(cause) | store::Error::Busy(cause) => {
                tracing::error!(cause, "the database is not available");
                Self::new(Code::Unavailable, "Nothing was stored. Try again in a moment.").with_header("retry-after", "1")
            }
            store::Error::Unsure(cause) => {
                tracing::error!(cause, "the database failed while it stored something");
                Self::new(Code::Unavailable, UNSURE).with_header("retry-after", "1")
            }
            store::Error::Full(cause) => {
                tracing::error!(cause, "the disk of the database is full");
                Self::new(Code::DiskFull, "Nothing was stored: the disk is full. Reads go on; tell who runs this server.")
                    .with_header("retry-after", "30")
            }
            other => Self::internal(&other.to_string()),
        }
    }
}

impl From<InvalidTransition> for Problem {
    fn from(refusal: InvalidTransition) -> Self {
        let allowed: Vec<&str> = refusal.allowed.iter().map(|transition| transition.name()).collect();
        let status = refusal.state.status.name();
        let killed = if refusal.state.is_killed { " and it is killed" } else { "" };
        let detail = format!("`{}` is not possible while the status is `{status}`{killed}.", refusal.wanted.name());
        Self::new(Code::InvalidTransition, detail).with_member("current_status", status).with_member("allowed_transitions", json!(allowed))
    }
}

/// Every code with its status and title, for the page that explains them.
pub fn table() -> impl Iterator<Item = (&'static str, u16, &'static str)> {
    TABLE.iter().filter(|(code, ..)| *code != Code::Moved).map(|(_, name, status, title)| (*name, *status, *title))
}
