//! The contract at the door: bodies and queries are checked against the very schemas that the OpenAPI document shows.
//!
//! Reads the subset of JSON Schema 2020-12 that the document uses, and reports every breach at once, each with its place.

use crate::domain::breach::{Breach, MOST_BREACHES, Place};
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A schema made ready to check values.
#[derive(Debug)]
pub enum Shape {
    Object { members: HashMap<String, Shape>, required: Vec<String>, open: bool },
    Array { items: Box<Shape>, least: usize, most: usize },
    Text { least: usize, most: usize, pattern: Option<(Regex, String)>, time: bool },
    Choice(Vec<String>),
    Integer { least: i64, most: i64 },
    Boolean,
    Nullable(Box<Shape>),
    Anything,
}

/// The query parameters of an operation.
#[derive(Debug)]
pub struct Parameters(Vec<(String, Shape, bool)>);

/// The document's schemas by name, and what was made ready of them so far.
pub struct Contract {
    schemas: Map<String, Value>,
    bodies: RwLock<HashMap<&'static str, Arc<Shape>>>,
    queries: RwLock<HashMap<&'static str, Arc<Parameters>>>,
}

impl Contract {
    /// Takes the finished document.
    pub fn of(document: &Value) -> Self {
        let schemas = document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
        Self { schemas, bodies: RwLock::default(), queries: RwLock::default() }
    }

    /// The shape of a body type, by the name of its schema.
    pub fn body<T: utoipa::ToSchema>(&self) -> Arc<Shape> {
        once(&self.bodies, std::any::type_name::<T>(), || {
            let schema = self.schemas.get(T::name().as_ref()).cloned().unwrap_or_default();
            self.shape(&schema)
        })
    }

    /// The parameters of a query type.
    pub fn query<T: utoipa::IntoParams>(&self) -> Arc<Parameters> {
        once(&self.queries, std::any::type_name::<T>(), || {
            let parameters = T::into_params(|| Some(utoipa::openapi::path::ParameterIn::Query));
            let ready = |parameter: &utoipa::openapi::path::Parameter| {
                let schema = serde_json::to_value(&parameter.schema).unwrap_or_default();
                (parameter.name.clone(), self.shape(&schema), matches!(parameter.required, utoipa::openapi::Required::True))
            };
            Parameters(parameters.iter().map(ready).collect())
        })
    }

    /// The names of a schema's members, those of nested objects as `outer.inner`.
    pub fn member_names(&self, schema: &str) -> Vec<String> {
        let mut names = Vec::new();
        self.collect_names(&self.schemas.get(schema).cloned().unwrap_or_default(), "", &mut names);
        names
    }

    fn collect_names(&self, schema: &Value, prefix: &str, names: &mut Vec<String>) {
        let schema = self.resolved(schema);
        if let Some(items) = schema.get("items") {
            return self.collect_names(items, prefix, names);
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.collect_names(part, prefix, names);
        }
        for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            names.push(path.clone());
            if prefix.is_empty() && name != "blocks" {
                self.collect_names(member, &path, names);
            }
        }
    }

    /// The schema itself, behind references and beside `null`.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
            return self.schemas.get(name).map_or(schema, |found| self.resolved(found));
        }
        let not_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) != Some("null");
        match schema.get("oneOf").and_then(Value::as_array).and_then(|choices| choices.iter().find(not_null)) {
            Some(choice) => self.resolved(choice),
            None => schema,
        }
    }

    fn shape(&self, schema: &Value) -> Shape {
        if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
            let nullable = choices.iter().any(|choice| choice.get("type").and_then(Value::as_str) == Some("null"));
            let inner = self.shape(self.resolved(schema));
            return if nullable { Shape::Nullable(Box::new(inner)) } else { inner };
        }
        let schema = self.resolved(schema);
        let (kind, nullable) = match schema.get("type") {
            Some(Value::String(kind)) => (kind.as_str(), false),
            Some(Value::Array(kinds)) => {
                let kind = kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default();
                (kind, kinds.iter().any(|kind| kind == "null"))
            }
            _ => ("", false),
        };
        let shape = match kind {
            "object" => self.object(schema),
            "array" => Shape::Array {
                items: Box::new(schema.get("items").map_or(Shape::Anything, |items| self.shape(items))),
                least: size(schema, "minItems", 0),
                most: size(schema, "maxItems", usize::MAX),
            },
            "string" => text(schema),
            "integer" => Shape::Integer {
                least: schema.get("minimum").and_then(whole).unwrap_or(i64::MIN),
                most: schema.get("maximum").and_then(whole).unwrap_or(i64::MAX),
            },
            "boolean" => Shape::Boolean,
            _ => Shape::Anything,
        };
        if nullable { Shape::Nullable(Box::new(shape)) } else { shape }
    }

    fn object(&self, schema: &Value) -> Shape {
        let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        Shape::Object {
            members: members.map(|(name, member)| (name.clone(), self.shape(member))).collect(),
            required: required.filter_map(Value::as_str).map(str::to_owned).collect(),
            open: schema.get("additionalProperties") != Some(&Value::Bool(false)),
        }
    }
}

fn once<T>(cache: &RwLock<HashMap<&'static str, Arc<T>>>, key: &'static str, make: impl FnOnce() -> T) -> Arc<T> {
    if let Some(ready) = cache.read().unwrap_or_else(PoisonError::into_inner).get(key) {
        return ready.clone();
    }
    let made = Arc::new(make());
    cache.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(made).clone()
}

fn size(schema: &Value, name: &str, otherwise: usize) -> usize {
    schema.get(name).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok()).unwrap_or(otherwise)
}

fn whole(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the document's bounds are small whole numbers, written as floats by utoipa")]
    value.as_i64().or_else(|| value.as_f64().map(|float| float as i64))
}

fn text(schema: &Value) -> Shape {
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return Shape::Choice(choices.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    }
    let pattern = schema.get("pattern").and_then(Value::as_str);
    Shape::Text {
        least: size(schema, "minLength", 0),
        most: size(schema, "maxLength", usize::MAX),
        pattern: pattern.and_then(|pattern| Regex::new(pattern).ok().map(|regex| (regex, pattern.to_owned()))),
        time: schema.get("format").and_then(Value::as_str) == Some("date-time"),
    }
}

impl Shape {
    /// All breaches of `value`, each with its JSON Pointer (RFC 6901) from `pointer` on.
    /// Whole numbers written with a fraction of zero (`14.0`) are whole numbers in JSON Schema, and become such here.
    pub fn check(&self, value: &mut Value, pointer: &str, breaches: &mut Vec<Breach>) {
        if matches!(self, Self::Integer { .. })
            && let Some(whole) = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15)
        {
            #[expect(clippy::cast_possible_truncation, reason = "no fraction, and far inside the range of i64")]
            let whole = whole as i64;
            *value = whole.into();
        }
        let mut breach = |code: &str, detail: String| breaches.push(Breach::member(pointer, code, detail));
        match (self, &mut *value) {
            (Self::Nullable(_), Value::Null) => {}
            (Self::Nullable(inner), value) => inner.check(value, pointer, breaches),
            (Self::Object { members, required, open }, Value::Object(given)) => {
                check_members(members, required, *open, given, pointer, breaches);
            }
            (Self::Array { items, least, most }, Value::Array(given)) => {
                if given.len() < *least {
                    breach("too_few", format!("Give at least {least}."));
                } else if given.len() > *most {
                    return breach("too_many", format!("Give at most {most}."));
                }
                for (index, item) in given.iter_mut().enumerate() {
                    if breaches.len() >= MOST_BREACHES {
                        return;
                    }
                    items.check(item, &format!("{pointer}/{index}"), breaches);
                }
            }
            (Self::Text { .. } | Self::Choice(_), Value::String(text)) => {
                if let Err((code, detail)) = self.check_text(text) {
                    breach(code, detail);
                }
            }
            (Self::Integer { least, most }, Value::Number(number)) => match number.as_i64() {
                Some(number) if (*least..=*most).contains(&number) => {}
                _ if number.is_f64() => breach("wrong_type", "Use a whole number.".into()),
                _ => breach("out_of_range", range(*least, *most)),
            },
            (Self::Boolean, Value::Bool(_)) => {}
            (Self::Anything, value) => check_free_text(value, pointer, breaches),
            _ => breach("wrong_type", format!("Use {}.", self.name())),
        }
    }

    fn check_text(&self, text: &str) -> Result<(), (&'static str, String)> {
        match self {
            Self::Choice(choices) if choices.iter().any(|choice| choice == text) => Ok(()),
            Self::Choice(choices) => Err(("unknown_value", format!("Use one of {}.", choices.join(", ")))),
            Self::Text { least, most, pattern, time } => {
                let length = text.chars().count();
                if text.chars().any(is_refused_control) {
                    Err(("control_character", "Use no control characters but line feed and tab.".into()))
                } else if length < *least {
                    Err(("too_short", format!("Use at least {least} characters.")))
                } else if length > *most {
                    Err(("too_long", format!("Use at most {most} characters; these are {length}.")))
                } else if let Some((regex, pattern)) = pattern
                    && !regex.is_match(text)
                {
                    Err(("wrong_form", wrong_form(pattern)))
                } else if *time && crate::domain::time::Moment::parse(text).is_none() {
                    Err(("wrong_form", "Use an RFC 3339 time, as in 2025-06-27T14:30:00Z.".into()))
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    /// Reads a raw query value as this shape.
    fn read(&self, raw: &str) -> Result<Value, (&'static str, String)> {
        match self {
            Self::Nullable(inner) => inner.read(raw),
            Self::Array { items, most, .. } => {
                let parts: Vec<&str> = raw.split(',').collect();
                if parts.iter().any(|part| part.is_empty()) {
                    return Err(("empty", "Give at least one value, and none that is empty.".into()));
                }
                if parts.len() > *most {
                    return Err(("too_many", format!("Give at most {most} values.")));
                }
                parts.into_iter().map(|part| items.read(part)).collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            Self::Integer { least, most } => {
                let plain = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit());
                let number = raw.parse::<i64>().ok().filter(|number| plain && (*least..=*most).contains(number));
                number.map(Value::from).ok_or_else(|| ("out_of_range", range(*least, *most)))
            }
            Self::Boolean => match raw {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(("wrong_type", "Use true or false.".into())),
            },
            _ if raw.is_empty() => Err(("empty", "Give a value, or leave the parameter out.".into())),
            _ => self.check_text(raw).map(|()| Value::from(raw)),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Object { .. } => "an object",
            Self::Array { .. } => "an array",
            Self::Text { .. } | Self::Choice(_) => "a string",
            Self::Integer { .. } => "a whole number",
            Self::Boolean => "true or false",
            Self::Nullable(inner) => inner.name(),
            Self::Anything => "any value",
        }
    }
}

impl Parameters {
    /// Reads a raw query (RFC 3986 §3.4, as forms encode it) into an object of the parameters' names.
    pub fn read(&self, raw: &str) -> Result<Value, Vec<Breach>> {
        let (mut values, mut breaches) = (Map::new(), Vec::new());
        for (name, raw) in form_urlencoded::parse(raw.as_bytes()) {
            if breaches.len() >= MOST_BREACHES {
                break;
            }
            let Some((_, shape, _)) = self.0.iter().find(|(known, ..)| *known == name) else {
                let known: Vec<&str> = self.0.iter().map(|(known, ..)| known.as_str()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                breaches.push(Breach::parameter(shortened(&name), "unknown_parameter", format!("Known here: {known}.")));
                continue;
            };
            if values.contains_key(name.as_ref()) {
                breaches.push(Breach::parameter(name, "repeated_parameter", "Give it once; lists are separated by commas."));
                continue;
            }
            match shape.read(&raw) {
                Ok(value) => drop(values.insert(name.into_owned(), value)),
                Err((code, detail)) => {
                    values.insert(name.clone().into_owned(), Value::Null);
                    breaches.push(Breach { place: Place::Parameter(name.into_owned()), code: code.to_owned(), detail });
                }
            }
        }
        let missing = self.0.iter().filter(|(name, _, is_required)| *is_required && !values.contains_key(name));
        breaches.extend(missing.map(|(name, ..)| Breach::parameter(name, "missing", "Give this parameter.")));
        if breaches.is_empty() { Ok(Value::Object(values)) } else { Err(breaches) }
    }
}

fn check_members(
    members: &HashMap<String, Shape>,
    required: &[String],
    open: bool,
    given: &mut Map<String, Value>,
    pointer: &str,
    breaches: &mut Vec<Breach>,
) {
    for name in required.iter().filter(|name| !given.contains_key(*name)) {
        breaches.push(Breach::member(format!("{pointer}/{name}"), "required", "This member is required."));
    }
    for (name, value) in given.iter_mut() {
        if breaches.len() >= MOST_BREACHES {
            return;
        }
        let pointer = format!("{pointer}/{}", shortened(name).replace('~', "~0").replace('/', "~1"));
        match members.get(name) {
            Some(shape) => shape.check(value, &pointer, breaches),
            None if open => {
                if name.chars().any(is_refused_control) {
                    breaches.push(Breach::member(&pointer, "control_character", "Use no control characters in names."));
                }
                check_free_text(value, &pointer, breaches);
            }
            None => breaches.push(Breach::member(pointer, "unknown_member", "There is no such member to write.")),
        }
    }
}

/// Text inside free values keeps the rule of all text.
fn check_free_text(value: &mut Value, pointer: &str, breaches: &mut Vec<Breach>) {
    match value {
        Value::String(text) if text.chars().any(is_refused_control) => {
            breaches.push(Breach::member(pointer, "control_character", "Use no control characters but line feed and tab."));
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                if breaches.len() >= MOST_BREACHES {
                    return;
                }
                check_free_text(item, &format!("{pointer}/{index}"), breaches);
            }
        }
        Value::Object(given) => check_members(&HashMap::new(), &[], true, given, pointer, breaches),
        _ => {}
    }
}

fn is_refused_control(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

/// Names from outside are shown, but not at any length.
fn shortened(name: &str) -> String {
    name.chars().take(100).collect()
}

fn range(least: i64, most: i64) -> String {
    match (least, most) {
        (i64::MIN, i64::MAX) => "Use a whole number.".into(),
        (_, i64::MAX) => format!("Use a whole number of at least {least}."),
        _ => format!("Use a whole number from {least} to {most}."),
    }
}

fn wrong_form(pattern: &str) -> String {
    if pattern.starts_with("^https?") {
        "Use an absolute http or https address; encode spaces and letters beyond ASCII.".into()
    } else if pattern.contains('@') {
        "Use an e-mail address.".into()
    } else if pattern.contains(r"[^\s") {
        "Use some text that is not blank.".into()
    } else {
        format!("Use the form {pattern}.")
    }
}
