//! The document and its pages: OpenAPI, Swagger UI, the table of problems, and the index at `/`.

use super::answer::{self, Public};
use super::guard::Anyone;
use super::input::{NoParameters, Query};
use super::problem::{self, Problem};
use super::site::Site;
use crate::domain::rights::{RIGHTS, Right, Scope};
use crate::domain::user::Role;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_swagger_ui::Config;

/// What the pages may load: their own files. Swagger UI styles itself inline.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where to go from here.
#[derive(Serialize, ToSchema)]
pub struct Index {
    #[schema(example = "copydesk")]
    pub name: &'static str,
    #[schema(example = "/docs/")]
    pub docs: Option<&'static str>,
    #[schema(example = "/openapi.json")]
    pub openapi: Option<&'static str>,
    #[schema(example = "/v1/articles")]
    pub articles: &'static str,
}

/// Tells what is here.
#[utoipa::path(get, path = "/", operation_id = "get_index", tag = "about", security(()), responses((status = 200, description = "The index", body = Index)))]
pub async fn get_index(_caller: Anyone, site: Site, _query: Query<NoParameters>) -> Result<HttpResponse, Problem> {
    let docs = site.settings().docs;
    let index =
        Index { name: "copydesk", docs: docs.then_some("/docs/"), openapi: docs.then_some("/openapi.json"), articles: "/v1/articles" };
    let surrogate_keys = std::iter::once("index".to_owned()).collect();
    answer::public(&index, Public { surrogate_keys, ..Public::default() })
}

/// Serves the contract.
pub async fn get_openapi(site: Site) -> Result<HttpResponse, Problem> {
    if !site.settings().docs {
        return Err(Problem::not_found());
    }
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(site.desk.document.clone()))
}

/// Serves a page or a file of Swagger UI, all from inside the binary.
pub async fn get_docs(site: Site, path: web::Path<String>) -> Result<HttpResponse, Problem> {
    if !site.settings().docs {
        return Err(Problem::not_found());
    }
    let path = path.into_inner();
    match path.as_str() {
        "problems" => return Ok(page("text/html; charset=utf-8", problems_page().into_bytes())),
        "rights" => return Ok(page("text/html; charset=utf-8", rights_page().into_bytes())),
        "start.js" => return Ok(page("text/javascript; charset=utf-8", START.into())),
        "" | "index.html" => return Ok(page("text/html; charset=utf-8", INDEX.into())),
        _ => {}
    }
    let config = Arc::new(Config::from("/openapi.json"));
    match utoipa_swagger_ui::serve(&path, config) {
        Ok(Some(file)) => Ok(page(&file.content_type, file.bytes.into_owned())),
        Ok(None) | Err(_) => Err(Problem::not_found()),
    }
}

/// `/docs` → `/docs/`, so that the page's relative addresses hold.
pub async fn redirect_docs(site: Site) -> Result<HttpResponse, Problem> {
    if !site.settings().docs {
        return Err(Problem::not_found());
    }
    Ok(HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish())
}

/// The page: as Swagger UI ships it, but for the script, which stands in a file of its own (no inline script runs here).
const INDEX: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Copydesk API</title>
<link rel="stylesheet" href="swagger-ui.css">
<link rel="icon" type="image/png" href="favicon-32x32.png" sizes="32x32">
</head>
<body>
<div id="swagger-ui"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="swagger-ui-standalone-preset.js"></script>
<script src="start.js"></script>
</body>
</html>
"#;

const START: &str = r##"window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  tryItOutEnabled: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
"##;

fn page(kind: &str, bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .body(bytes)
}

/// The matrix, as it is enforced.
fn rights_page() -> String {
    let mark = |is_open: bool| if is_open { "yes" } else { "–" };
    let row = |right: &Right| {
        let of_role = |role: Role| match (right.role_for(true), right.role_for(false)) {
            (Some(own), _) if role < own => "–",
            (_, Some(others)) if role < others => "own",
            _ => "yes",
        };
        let of_scope = |scope: Scope| mark(right.admit(Role::Admin, Some((&[scope], false))).is_ok());
        let limited = mark(right.admit(Role::Admin, Some((&Scope::ALL, true))).is_ok());
        let cells =
            [mark(right.role().is_none())].into_iter().chain(Role::ALL.map(of_role)).chain(Scope::ALL.map(of_scope)).chain([limited]);
        let cells: String = cells.map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr id=\"{0}\"><th><code>{0}</code></th>{cells}</tr>\n", right.operation)
    };
    let rows: String = RIGHTS.iter().map(row).collect();
    let heads = ["anybody"].into_iter().chain(Role::ALL.map(Role::name)).chain(Scope::ALL.map(Scope::name)).chain(["limited key"]);
    let heads: String = heads.map(|head| format!("<th>{head}</th>")).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Copydesk: who may do what</title>\
         <style>body{{font:16px/1.5 sans-serif;margin:2rem;}}table{{border-collapse:collapse}}td,th{{padding:.25rem .75rem;text-align:left;font-weight:normal}}\
         thead th{{position:sticky;top:0;background:#fff;font-weight:bold}}tbody tr:nth-child(even){{background:#f4f4f4}}tr:target{{background:#ffd}}</style></head>\
         <body><h1>Who may do what</h1><p>Operations by role, and by what an API key with one scope alone opens where its owner may (here: an administrator). <em>own</em>: what is \
         one's own. Contributors change own stories while these are drafts. A key never opens what its owner's role does not. Deleting a story that is out takes \
         <code>content:publish</code>, too. A limited key opens what the last column says, for the stories that it is for.</p>\n\
         <table><thead><tr><th>operation</th>{heads}</tr></thead><tbody>\n{rows}</tbody></table></body></html>\n"
    )
}

/// The page that the `type` of every problem points to.
fn problems_page() -> String {
    let rows: String = problem::table()
        .map(|(code, status, title)| format!("<tr id=\"{code}\"><td><code>{code}</code></td><td>{status}</td><td>{title}</td></tr>\n"))
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Copydesk: problems</title>\
         <style>body{{font:16px/1.5 sans-serif;margin:2rem auto;max-width:50rem;padding:0 1rem}}td{{padding:.25rem 1rem .25rem 0}}tr:target{{background:#ffd}}</style></head>\
         <body><h1>Problems</h1><p>Every 4xx and 5xx answer is <code>application/problem+json</code> (RFC 9457). Branch on <code>code</code>; \
         <code>detail</code> and <code>errors</code> tell what to do.</p>\n<table>\n{rows}</table></body></html>\n"
    )
}
