//! The finished OpenAPI document: what the handlers say of themselves, and what holds for all of them.

use super::input::MOST_REVISIONS;
use super::note::{LONGEST, REVISION_NOTE};
use super::once::{self, IDEMPOTENCY_KEY};
use super::routes::Routes;
use super::{problem, samples};
use crate::domain::rights;
use crate::domain::text::PLAIN;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder, PathsBuilder};

/// Makes the document of the routes, as JSON.
pub fn document(routes: &Routes) -> Value {
    let mut paths = PathsBuilder::new();
    let mut components = ComponentsBuilder::new().security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("An access token, which POST /v1/auth/login answers, or an API key."))
                .build(),
        ),
    );
    for described in routes.described() {
        paths = paths.path(described.path.clone(), described.item());
    }
    components = components.schemas_from_iter(routes.schemas());
    let info = InfoBuilder::new()
        .title("Copydesk")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .contact(Some(ContactBuilder::new().name(Some("The Copydesk developers")).build()))
        .build();
    let document = OpenApiBuilder::new().info(info).paths(paths.build()).components(Some(components.build())).build();
    let mut value = serde_json::to_value(document).unwrap_or_default();
    value["openapi"] = "3.1.0".into();
    value["servers"] = json!([{ "url": "/", "description": "This server" }]);
    value["tags"] = json!([
        { "name": "articles", "description": "Stories: live for everybody, working for the newsroom." },
        { "name": "search", "description": "What readers look for, and what they may be about to type." },
        { "name": "history", "description": "Every write to a story, what differs between two, and what was thrown away." },
        { "name": "authors", "description": "Bylines with their beat and bio." },
        { "name": "tags", "description": "What stories are about." },
        { "name": "sign-in", "description": "A password for a short-lived token." },
        { "name": "users", "description": "The accounts of the newsroom." },
        { "name": "api-keys", "description": "What programs come with: revocable, and good for what they are given." },
        { "name": "audit", "description": "Who did what to what." },
        { "name": "about", "description": "Where to go from here." },
    ]);
    let bodies = finish_operations(&mut value);
    add_examples(&mut value);
    if let Some(schemas) = value.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        state_text_rule(schemas, &bodies);
        schemas.values_mut().for_each(open_free_objects);
    }
    value
}

const DESCRIPTION: &str = "A headless CMS for newsrooms. Reads of the live view need no token and can be cached; writes need \
`Authorization: Bearer <token>`. Changes need `If-Match` with the ETag that you have seen. Every error is `application/problem+json` (RFC 9457).";

/// Gives every plain string that requests may carry the pattern of all text, so that the document says what the door keeps.
fn state_text_rule(schemas: &mut Map<String, Value>, bodies: &[String]) {
    let mut waiting: Vec<String> = bodies.to_vec();
    let mut done = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if !done.insert(name.clone()) {
            continue;
        }
        if let Some(schema) = schemas.get_mut(&name) {
            state_in(schema, &mut waiting);
        }
    }
}

fn state_in(schema: &mut Value, references: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
                references.push(name.to_owned());
            }
            let is_text = match members.get("type") {
                Some(Value::String(kind)) => kind == "string",
                Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
                _ => false,
            };
            let has_form = members.contains_key("pattern") || members.contains_key("enum");
            let has_format = members.get("format").is_some_and(|format| format != "password");
            if is_text && !has_form && !has_format {
                members.insert("pattern".into(), PLAIN.into());
            }
            for (_, member) in members.iter_mut().filter(|(name, _)| *name != "example" && *name != "examples") {
                state_in(member, references);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| state_in(item, references)),
        _ => {}
    }
}

/// Says outright that an object without members of its own takes any: client generators read silence as "none".
fn open_free_objects(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let is_object = match members.get("type") {
                Some(Value::String(kind)) => kind == "object",
                Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
                _ => false,
            };
            if is_object && !members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".into(), true.into());
            }
            members.values_mut().for_each(open_free_objects);
        }
        Value::Array(items) => items.iter_mut().for_each(open_free_objects),
        _ => {}
    }
}

/// Gives each operation what all of its kind share: `If-Match`, conditional reads, problems. Answers the names of the body schemas.
fn finish_operations(document: &mut Value) -> Vec<String> {
    let mut bodies = Vec::new();
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return bodies };
    for (path, item) in paths {
        for (verb, operation) in item.as_object_mut().into_iter().flatten() {
            let reference = operation
                .pointer("/requestBody/content")
                .and_then(Value::as_object)
                .and_then(|content| content.values().next()?.pointer("/schema/$ref")?.as_str()?.rsplit('/').next().map(str::to_owned));
            bodies.extend(reference);
            finish_operation(operation, verb, path);
        }
    }
    bodies
}

/// Shows what goes in and what comes out: each body refers to the sample of its schema.
fn add_examples(document: &mut Value) {
    let samples = samples::all();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, operation) in paths.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten()) {
        operation.get_mut("requestBody").into_iter().for_each(|body| show(body, &samples));
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
        responses.for_each(|(_, response)| show(response, &samples));
    }
    let examples: Map<String, Value> = samples.into_iter().map(|(name, value)| (name, json!({ "value": value }))).collect();
    document["components"]["examples"] = examples.into();
}

fn show(body: &mut Value, samples: &Map<String, Value>) {
    for (_, media) in body.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
        let schema = media.pointer("/schema/$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        if let Some(name) = schema.filter(|name| samples.contains_key(*name)) {
            media["examples"] = json!({ "seed-story": { "$ref": format!("#/components/examples/{name}") } });
        }
    }
}

fn finish_operation(operation: &mut Value, verb: &str, path: &str) {
    let has_body = operation.get("requestBody").is_some();
    if has_body {
        operation["requestBody"]["required"] = true.into();
        if verb == "patch" {
            let content = operation.pointer("/requestBody/content/application~1merge-patch+json").cloned().unwrap_or_default();
            operation["requestBody"]["content"]["application/json"] = content;
        }
    }
    let needs_version = changes_something(verb, path);
    let is_read = verb == "get";
    let needs_token = operation.get("security").and_then(Value::as_array).is_some_and(|ways| !ways.iter().any(|way| way == &json!({})));
    if needs_version {
        push(operation, if_match());
    }
    if verb != "get" && path.starts_with("/v1/articles") && !stands_beside(path) {
        push(operation, revision_note());
    }
    // Signing out and changing a password end the token that the key would belong to.
    let takes_key = verb == "post" && needs_token && !path.starts_with("/v1/auth/");
    if takes_key {
        push(operation, idempotency_key());
    }
    name_path_parameters(operation);
    state_rights(operation);
    let mut statuses: Vec<u16> = vec![400, 401, 429, 500, 503];
    statuses.extend((!is_read).then_some(507));
    statuses.extend(needs_token.then_some(403));
    // Where no provider is set there is no such address; and a provider may vouch for somebody who may not in.
    statuses.extend(path.starts_with("/v1/auth/oidc/").then_some([403, 404]).into_iter().flatten());
    // There may be no second factor to take away, and no word to look for.
    statuses.extend((path == "/v1/auth/totp/disable").then_some(404));
    statuses.extend((path == "/v1/search").then_some(422));
    statuses.extend(path.contains('{').then_some(404));
    statuses.extend(is_read.then_some(304).filter(|_| !needs_token));
    statuses.extend(
        (path.contains('{') && !["{user}", "{session}", "{key}", "{invitation}"].iter().any(|name| path.contains(name))).then_some(308),
    );
    statuses.extend((needs_version || (!is_read && needs_token)).then_some(409));
    statuses.extend((is_read && !needs_token && path.contains("{article}")).then_some(410));
    statuses.extend(has_body.then_some([408, 413, 415, 422]).into_iter().flatten());
    statuses.extend(needs_version.then_some([412, 428]).into_iter().flatten());
    let responses = operation["responses"].as_object_mut();
    let Some(responses) = responses else { return };
    for status in statuses {
        responses.entry(status.to_string()).or_insert_with(|| response(status));
    }
    for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        add_headers(response, is_read && status == "200" && !needs_token);
        if takes_key {
            response["headers"]["Idempotency-Replayed"] =
                header("`true` if this is the answer to an earlier request with the same `Idempotency-Key`.");
        }
    }
    responses.sort_keys();
}

/// A change of something that is there already needs the version that was seen.
fn changes_something(verb: &str, path: &str) -> bool {
    !stands_beside(path) && (matches!(verb, "patch" | "delete") || (verb == "post" && path.contains('{')))
}

/// What is said or shown of a story is no change of it, and sessions, keys, links and second factors have no versions.
fn stands_beside(path: &str) -> bool {
    [
        "/comments",
        "/lock",
        "/preview-tokens",
        "/preview-tokens/{token}",
        "/auth/sessions/{session}",
        "/api-keys/{key}",
        "/totp",
        "/password-reset",
        "/invitations/{invitation}",
    ]
    .iter()
    .any(|end| path.ends_with(end))
}

fn if_match() -> Value {
    json!({
        "name": "If-Match", "in": "header", "required": true,
        "description": "The ETag of the version that you have seen (RFC 9110 §13.1.1), or `*` to overwrite knowingly.",
        "schema": { "type": "string", "minLength": 1, "pattern": "^(\\*|\"[0-9]+-[0-9a-f]+\")$" }, "example": "*",
    })
}

fn revision_note() -> Value {
    json!({
        "name": REVISION_NOTE, "in": "header", "required": false,
        "description": format!("Why, for the story's history: at most {LONGEST} characters, as UTF-8 or escaped as in `UTF-8''Correcci%C3%B3n` (RFC 8187)."),
        "schema": { "type": "string", "maxLength": LONGEST, "pattern": "^[ -~]*$" }, "example": "The mayor's office called back",
    })
}

fn idempotency_key() -> Value {
    json!({
        "name": IDEMPOTENCY_KEY, "in": "header", "required": false,
        "description": "Made anew for each request, a UUID say. Sent again within a day with the same body, it does nothing again: you get the first \
            answer once more, with `Idempotency-Replayed: true`. With another body it is refused.",
        "schema": { "type": "string", "minLength": 1, "maxLength": once::LONGEST, "pattern": "^[!-~]+$" },
        "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    })
}

/// Says who may, as the matrix has it.
fn state_rights(operation: &mut Value) {
    let name = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
    let mut words: Vec<String> = rights::of(name).map(rights::Right::in_words).into_iter().collect();
    words.extend(rights::of(&format!("{name}?view=working")).map(|right| format!("The working view: {}", right.in_words())));
    let said = operation.get("description").and_then(Value::as_str).map(str::to_owned);
    let description: Vec<String> = said.into_iter().chain(words).collect();
    operation["description"] = description.join("\n\n").into();
}

/// Ids, slugs and numbers in paths have a form, too.
fn name_path_parameters(operation: &mut Value) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["in"] == "path" && parameter["name"] == "number" {
            parameter["schema"] = json!({ "type": "integer", "minimum": 1, "maximum": MOST_REVISIONS });
        } else if parameter["in"] == "path" {
            parameter["schema"] = json!({ "type": "string", "minLength": 1, "maxLength": 120, "pattern": "^[A-Za-z0-9-]+$" });
        }
    }
}

fn response(status: u16) -> Value {
    match status {
        304 => json!({ "description": "You have it already (RFC 9110 §15.4.5).", "headers": { "ETag": header("The entity tag.") } }),
        308 => {
            json!({ "description": "The slug has changed; the new address is in `Location`.", "headers": { "Location": header("The address of today.") } })
        }
        _ => {
            let codes: Vec<String> =
                problem::table().filter(|(_, number, _)| *number == status).map(|(code, ..)| format!("`{code}`")).collect();
            json!({
                "description": codes.join(", "),
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            })
        }
    }
}

fn add_headers(response: &mut Value, is_public: bool) {
    let Some(response) = response.as_object_mut() else { return };
    let headers = response.entry("headers").or_insert_with(|| Value::Object(Map::new()));
    let Some(headers) = headers.as_object_mut() else { return };
    headers.insert("Request-Id".into(), header("The request's id, as it stands in the log."));
    if is_public {
        headers.insert("ETag".into(), header("A strong entity tag."));
        headers.insert("Cache-Control".into(), header("What caches may do."));
        headers.insert("Surrogate-Key".into(), json!({ "description": "The names under which a cache can purge it; absent where a token was sent.", "schema": { "type": "string" } }));
    }
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}

fn push(operation: &mut Value, parameter: Value) {
    match operation.get_mut("parameters").and_then(Value::as_array_mut) {
        Some(parameters) => parameters.push(parameter),
        None => operation["parameters"] = Value::Array(vec![parameter]),
    }
}
