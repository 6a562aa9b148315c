//! How a line of the route page becomes dispatch and document at once.

use super::guard::Door;
use super::metrics::Place;
use super::problem::{Code, Problem};
use crate::domain::rights;
use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, Responder, guard, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem};
use utoipa::openapi::{RefOr, Schema};

/// One operation of the contract.
pub struct Described {
    pub path: String,
    pub methods: Vec<HttpMethod>,
    pub operation: Operation,
}

impl Described {
    pub fn item(&self) -> PathItem {
        PathItem::from_http_methods(self.methods.clone(), self.operation.clone())
    }
}

/// The id of each operation, by verb and path.
pub type Operations = HashMap<(Method, String), String>;

/// The verbs of an address, and what answers them.
type Served = (Vec<Method>, Vec<actix_web::Route>);

/// Adds schemas by name.
type Schemas = fn(&mut Vec<(String, RefOr<Schema>)>);

/// The operations, their schemas, and what answers them. The describing parts are kept as functions: each worker
/// makes its routes anew, and only the document asks for the descriptions.
#[derive(Default)]
pub struct Routes {
    operations: Vec<fn() -> Described>,
    schemas: Vec<Schemas>,
    resources: BTreeMap<String, Served>,
    /// Operations without a row in the matrix: a server that has one does not start.
    unjudged: Vec<String>,
}

impl Routes {
    /// Adds an operation by what utoipa wrote of the handler, and the handler itself.
    #[must_use]
    pub fn on<P, F, Args>(mut self, _described: P, handler: F) -> Self
    where
        P: utoipa::Path + utoipa::__dev::SchemaReferences + utoipa::__dev::Tags<'static>,
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let (path, name) = (P::path(), P::operation().operation_id.unwrap_or_default());
        let door = rights::of(&name).map(|right| Door { right, working: rights::of(&format!("{name}?view=working")) });
        if door.is_none() {
            self.unjudged.push(name);
        }
        for method in P::methods().iter().map(verb) {
            self.serve(&path, method, door, handler.clone());
        }
        self.schemas.push(P::schemas);
        self.operations.push(|| {
            let mut operation = P::operation();
            operation.tags = Some(P::tags().into_iter().map(str::to_owned).collect());
            Described { path: P::path(), methods: P::methods(), operation }
        });
        self
    }

    /// Adds a page that is no operation of the contract.
    #[must_use]
    pub fn page<F, Args>(mut self, path: &str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.serve(path, Method::GET, None, handler);
        self
    }

    /// Operations that nobody has said of who may: those without a row in `domain/rights.rs`.
    pub fn unjudged(&self) -> &[String] {
        &self.unjudged
    }

    /// The schema of every problem is named here, because every operation may answer one.
    #[must_use]
    pub fn schema<T: utoipa::ToSchema>(mut self) -> Self {
        self.schemas.push(|schemas| {
            schemas.push((T::name().into_owned(), T::schema()));
            T::schemas(schemas);
        });
        self
    }

    /// What the document says of each operation.
    pub fn described(&self) -> impl Iterator<Item = Described> {
        self.operations.iter().map(|describe| describe())
    }

    /// The ids of the operations.
    pub fn operations(&self) -> Operations {
        let ids = self.described().flat_map(|Described { path, methods, operation }| {
            let id = operation.operation_id.unwrap_or_default();
            methods.iter().map(|method| ((verb(method), path.clone()), id.clone())).collect::<Vec<_>>()
        });
        ids.collect()
    }

    /// The schemas that the operations speak of, by name.
    pub fn schemas(&self) -> Vec<(String, RefOr<Schema>)> {
        let mut schemas = Vec::new();
        self.schemas.iter().for_each(|add| add(&mut schemas));
        schemas
    }

    fn serve<F, Args>(&mut self, path: &str, method: Method, door: Option<Door>, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let (methods, routes) = self.resources.entry(path.to_owned()).or_default();
        let route = match method {
            Method::GET => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
            ref method => web::route().guard(guard::Method(method.clone())),
        };
        let route = match door {
            Some(door) => route.guard(guard::fn_guard(move |context| {
                // Only asked when the method is right: it notes at which door the request stands, for the handler's own guard.
                context.req_data_mut().insert(door);
                true
            })),
            None => route,
        };
        if method == Method::GET {
            methods.push(Method::HEAD);
        }
        methods.push(method);
        routes.push(route.to(Unwinding(handler)));
    }

    /// The addresses, in the order of their places.
    pub fn paths(self) -> impl Iterator<Item = String> {
        self.resources.into_keys()
    }

    /// The resources to be served. A wrong verb is 405 and OPTIONS 204, both with `Allow` (RFC 9110 §9.3.7, §15.5.6).
    pub fn resources(self) -> Vec<Resource> {
        let resource = |(place, (path, (mut methods, routes))): (u16, (String, Served))| {
            methods.push(Method::OPTIONS);
            let mut names: Vec<String> = methods.iter().map(ToString::to_string).collect();
            names.sort();
            let allow = names.join(", ");
            let resource = routes.into_iter().fold(web::resource(path), Resource::route);
            resource.app_data(Place(place)).default_service(web::to(move |request: HttpRequest| {
                let allow = allow.clone();
                async move { refuse_verb(&request, &allow) }
            }))
        };
        (1..).zip(self.resources).map(resource).collect()
    }
}

fn refuse_verb(request: &HttpRequest, allow: &str) -> Result<HttpResponse, Problem> {
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header(("allow", allow)).finish());
    }
    Err(Problem::new(Code::MethodNotAllowed, format!("Use one of {allow}.")).with_header("allow", allow))
}

fn verb(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Patch => Method::PATCH,
        _ => Method::GET,
    }
}

/// A handler whose panic becomes a problem: the worker goes on, and the client learns no more than of any failure.
#[derive(Clone)]
struct Unwinding<F>(F);

impl<F, Args> Handler<Args> for Unwinding<F>
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    F::Future: 'static,
{
    type Output = Result<Answer<F::Output>, Problem>;
    type Future = LocalBoxFuture<'static, Self::Output>;

    fn call(&self, args: Args) -> Self::Future {
        let handling = AssertUnwindSafe(self.0.call(args)).catch_unwind();
        Box::pin(async move { handling.await.map(Answer).map_err(|_panic| Problem::internal("a handler panicked")) })
    }
}

/// Passes an answer through.
struct Answer<R>(R);

impl<R: Responder> Responder for Answer<R> {
    type Body = R::Body;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<R::Body> {
        self.0.respond_to(request)
    }
}
