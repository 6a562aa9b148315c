//! Classes A, I and J over every read that the contract has: a new one is held to the same the day it comes.

use super::{SHARED, newsroom};
use crate::api_keys::key;
use crate::contract::{document, operations};
use crate::newsroom::{Answer, Newsroom, Person};
use copydesk::domain::user::Role;
use serde_json::Value;
use std::collections::BTreeSet;

/// A read as the contract describes it, its path filled with things that are there.
struct Read {
    path: String,
    is_public: bool,
    /// Of the query: name and schema.
    parameters: Vec<(String, Value)>,
    /// The parameters that it cannot do without, with a value each.
    needed: Vec<(String, String)>,
}

impl Read {
    /// Its address with that query, and with what it needs and the query does not name.
    fn at(&self, query: &str) -> String {
        let is_named = |name: &str| query.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', '&']));
        let needed = self.needed.iter().filter(|(name, _)| !is_named(name)).map(|(name, value)| format!("{name}={value}"));
        let parts: Vec<String> = (!query.is_empty()).then(|| query.to_owned()).into_iter().chain(needed).collect();
        if parts.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, parts.join("&")) }
    }

    fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(known, _)| known == name)
    }

    fn is_list_of(&self, name: &str) -> bool {
        self.parameters.iter().any(|(known, schema)| known == name && schema["type"] == "array")
    }
}

/// A newsroom, its administrator, and every read.
fn every_read() -> (Newsroom, Person, Vec<Read>) {
    let (newsroom, _) = newsroom();
    let admin = newsroom.person(Role::Admin);
    let document = document();
    let key = key(&newsroom, &admin, serde_json::json!({ "scopes": ["content:read"] })).id;
    let invitation = newsroom.post(&admin, "/v1/invitations", &serde_json::json!({ "email": "new@example.com", "role": "author" }));
    let invitation = invitation.expect(201).json()["id"].as_str().unwrap().to_owned();
    let things = [
        ("{article}", "live"),
        ("{author}", "marcus"),
        ("{tag}", "migration"),
        ("{user}", &admin.id),
        ("{key}", &key),
        ("{invitation}", &invitation),
        ("{number}", "1"),
    ];
    let gets = operations(&document).into_iter().filter(|(_, verb, _)| *verb == "get");
    let reads: Vec<Read> = gets.map(|(path, _, operation)| read(path, operation, &things)).collect();
    assert!(reads.iter().filter(|read| read.has("limit")).count() >= 5, "the contract has lost its lists");
    (newsroom, admin, reads)
}

fn read(path: &str, operation: &Value, things: &[(&str, &str)]) -> Read {
    let path = things.iter().fold(path.to_owned(), |path, (name, thing)| path.replace(name, thing));
    assert!(!path.contains('{'), "nobody told what to put into {path}");
    let parameters = operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query");
    let name = |parameter: &Value| parameter["name"].as_str().unwrap().to_owned();
    let needed = parameters.clone().filter(|parameter| parameter["required"] == true);
    Read {
        path,
        is_public: operation["security"].as_array().unwrap().iter().any(|way| way == &serde_json::json!({})),
        needed: needed.map(|parameter| (name(parameter), sample(&parameter["schema"]))).collect(),
        parameters: parameters.map(|parameter| (name(parameter), parameter["schema"].clone())).collect(),
    }
}

/// The answers to all who may read: an administrator, and a stranger where strangers may.
fn answers(newsroom: &Newsroom, admin: &Person, read: &Read, query: &str) -> Vec<Answer> {
    let address = read.at(query);
    let mut answers = vec![newsroom.get_as(admin, &address)];
    if read.is_public {
        answers.push(newsroom.get(&address));
    }
    answers
}

/// Insists that all are refused, for this parameter alone and with this code where one is given.
#[track_caller]
fn all_refused(newsroom: &Newsroom, admin: &Person, read: &Read, query: &str, name: &str, code: Option<&str>) {
    for answer in answers(newsroom, admin, read, query) {
        assert_eq!((answer.status, answer.places()), (400, vec![name.to_owned()]), "{}?{query}: {}", read.path, answer.text());
        assert!(code.is_none_or(|code| answer.code() == code), "{}?{query}: {}", read.path, answer.text());
        assert_eq!(answer.header("cache-control"), "private, no-store");
    }
}

#[test]
fn a01_every_read_names_a_parameter_that_it_does_not_know() {
    let (newsroom, admin, reads) = every_read();
    let known: BTreeSet<&str> = reads.iter().flat_map(|read| read.parameters.iter().map(|(name, _)| name.as_str())).collect();
    let foreign =
        ["foo", "offset", "page", "LIMIT", "limit[]", " limit", "limit ", "tag!", "author.email", "_method", "access_token", "utm_source"];
    for read in &reads {
        for name in known.iter().copied().filter(|name| !read.has(name)).chain(foreign) {
            let encoded: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
            all_refused(&newsroom, &admin, read, &format!("{encoded}=1"), name, Some("unknown_parameter"));
        }
        assert_eq!(newsroom.send("HEAD", &read.at("foo=1"), Some(&admin), &[], None).status, 400, "{}", read.path);
    }
}

#[test]
fn every_read_names_a_parameter_given_twice() {
    let (newsroom, admin, reads) = every_read();
    for read in &reads {
        for (name, schema) in &read.parameters {
            let value = sample(schema);
            let last = name.len() - 1;
            let disguised = format!("{}%{:02X}", &name[..last], name.as_bytes()[last]);
            for query in [format!("{name}={value}&{name}={value}"), format!("{name}={value}&{disguised}={value}")] {
                all_refused(&newsroom, &admin, read, &query, name, Some("repeated_parameter"));
            }
        }
    }
}

/// A value that a parameter allows, as it stands in an address.
fn sample(schema: &Value) -> String {
    form_urlencoded::byte_serialize(allowed(schema).as_bytes()).collect()
}

fn allowed(schema: &Value) -> String {
    let of = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let first = |values: &Value| values.as_array().and_then(|values| values.first()).map(of);
    match schema["type"].as_str() {
        Some("array") => allowed(&schema["items"]),
        Some("integer") => of(&schema["minimum"]),
        Some("boolean") => "true".into(),
        _ => first(&schema["enum"]).or_else(|| schema.get("example").map(of)).or_else(|| first(&schema["examples"])).unwrap_or("me".into()),
    }
}

#[test]
fn a14_no_parameter_of_any_read_may_be_empty_whoever_asks() {
    let (newsroom, admin, reads) = every_read();
    let people: Vec<Person> = Role::ALL.into_iter().map(|role| newsroom.person(role)).collect();
    for read in &reads {
        for (name, _) in &read.parameters {
            let mut queries = vec![format!("{name}="), name.clone()];
            if read.is_list_of(name) {
                queries.extend([",", ",,", "live,", ",live"].map(|value| format!("{name}={value}")));
            }
            for query in queries {
                all_refused(&newsroom, &admin, read, &query, name, None);
                let working = if read.has("view") && name != "view" { "&view=working" } else { "" };
                for person in people.iter().filter(|_| read.is_public) {
                    newsroom.get_as(person, &read.at(&format!("{query}{working}"))).expect(400);
                }
            }
        }
    }
}

#[test]
fn a08_no_read_embeds_what_is_not_on_its_closed_list() {
    let (newsroom, admin, reads) = every_read();
    for read in &reads {
        for include in ["authors.user", "created_by", "authors.sessions", "authors,created_by", "user", "credentials", "*", "..", ""] {
            all_refused(&newsroom, &admin, read, &format!("include={include}"), "include", None);
        }
    }
}

#[test]
fn i01_every_limit_is_a_plain_number_within_the_bounds_of_the_contract() {
    let (newsroom, admin, reads) = every_read();
    for read in &reads {
        let Some((_, schema)) = read.parameters.iter().find(|(name, _)| name == "limit") else { continue };
        let (least, most) = (schema["minimum"].as_u64().unwrap(), schema["maximum"].as_u64().unwrap());
        let beyond = [least - 1, most + 1, 255, 256, 257, 1_000_000_000].map(|number| number.to_string());
        let odd = ["-1", "9223372036854775808", "NaN", "", "%2B5", "%205", "5%20", "1.0", "1e1", "0x5", "%D9%A5", "1,2", "all", "null"];
        for limit in odd.into_iter().chain(beyond.iter().map(String::as_str)) {
            all_refused(&newsroom, &admin, read, &format!("limit={limit}"), "limit", None);
        }
        for limit in [least, most] {
            answers(&newsroom, &admin, read, &format!("limit={limit}")).into_iter().for_each(|answer| drop(answer.expect(200)));
        }
    }
}

#[test]
fn j01_of_every_read_only_the_answer_to_a_stranger_may_be_shared() {
    let (newsroom, admin, reads) = every_read();
    let junk = Person { token: "junk".into(), ..admin.clone() };
    for read in &reads {
        let address = read.at("");
        let mine = newsroom.get_as(&admin, &address).expect(200);
        let refused = newsroom.get_as(&junk, &address).expect(401);
        for answer in [&mine, &refused] {
            assert_eq!((answer.header("cache-control"), answer.header("surrogate-key")), ("private, no-store", ""), "{}", read.path);
        }
        let strangers = newsroom.get(&address);
        if read.is_public {
            assert_eq!((strangers.status, strangers.header("cache-control")), (200, SHARED), "{}", read.path);
            assert!(!strangers.header("surrogate-key").is_empty() && strangers.header("etag").starts_with('"'), "{}", read.path);
            assert_eq!(mine.body, strangers.body, "a plain read shows the same to all: {}", read.path);
        } else {
            assert_eq!((strangers.status, strangers.header("cache-control")), (401, "private, no-store"), "{}", read.path);
        }
        if read.has("view") {
            let working = read.at("view=working");
            assert_eq!(newsroom.get_as(&admin, &working).expect(200).header("cache-control"), "private, no-store");
            assert_eq!(newsroom.get(&working).expect(401).header("cache-control"), "private, no-store");
        }
    }
}

#[test]
fn j05_every_read_has_one_vary_whoever_asks_and_however() {
    let (newsroom, admin, reads) = every_read();
    let variants: [&[(&str, &str)]; 6] = [
        &[],
        &[("origin", "https://desk.example")],
        &[("accept-encoding", "gzip, br")],
        &[("accept-encoding", "identity;q=0")],
        &[("accept", "text/html"), ("cookie", "a=b")],
        &[("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "gopher"), ("forwarded", "host=evil.example")],
    ];
    for read in &reads {
        for address in [read.at(""), read.at("foo=1")] {
            for (verb, person) in [("GET", None), ("GET", Some(&admin)), ("HEAD", None), ("HEAD", Some(&admin))] {
                for headers in variants {
                    let answer = newsroom.send(verb, &address, person, headers, None);
                    assert_eq!(answer.header("vary"), "Accept-Encoding", "{verb} {address} {headers:?}");
                    assert!(!format!("{:?}{}", answer.headers, answer.text()).contains("evil"), "{verb} {address}");
                }
            }
        }
    }
}
