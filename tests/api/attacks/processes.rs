//! Rows that only a process shows: starts that must fail, and logs that must be silent.

use crate::program::{Folder, word_after};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

const LONG: &str = "Zk4nQ8vXy2LwT6mJ9rBd3HsGp5cFaE7uVi1oKxNzWqMtYhRj";

/// Insists that the start is refused with one line that names the setting and shows no secret.
#[track_caller]
fn refuses_to_start(key: &str, value: &str) {
    let folder = Folder::new();
    let ended = folder.run_with(&["serve"], &[(key, value)], "");
    let said = ended.err;
    assert!(!ended.success, "{key}={value} was taken");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(key), "{said}");
    assert!(!key.contains("SECRET") || value.len() < 8 || !said.contains(value), "{said}");
    assert!(!folder.path().join("data").exists(), "nothing is made by a start that fails");
}

#[test]
fn c02_a_weak_secret_stops_the_start() {
    let example = "replace-this-example-with-openssl-rand-base64-48";
    for secret in ["", "0123456789abcdef", example, "secret", "changeme", &"a".repeat(64), &"secret".repeat(10), &"password1234".repeat(4)]
    {
        refuses_to_start("COPYDESK_JWT_SECRET", secret);
    }
}

#[test]
fn k06_a_setting_that_is_empty_misspelt_or_wrong_stops_the_start() {
    for (key, value) in [
        ("COPYDESK_JWT_SECERT", LONG),
        ("COPYDESK_CORS_ORIGIN", "https://desk.example"),
        ("COPYDESK_CORS_ORIGINS", "*"),
        ("COPYDESK_CORS_ORIGINS", "null"),
        ("COPYDESK_CORS_ORIGINS", ""),
        ("COPYDESK_DOCS", "yes please"),
        ("COPYDESK_LISTEN", ""),
        ("COPYDESK_LISTEN", "everywhere"),
        ("COPYDESK_ACCESS_TOKEN_SECONDS", "0"),
        ("COPYDESK_BODY_LIMIT_BYTES", "-1"),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://localhost/x"),
    ] {
        refuses_to_start(key, value);
    }
}

#[test]
fn k06_what_is_not_set_is_closed() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    assert_eq!(server.send("GET", "/v1/users", None, "").0, 401);
    for file in ["data/jwt-secret", "data/copydesk.db"] {
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn k02_no_password_and_no_token_reaches_a_log_even_at_trace() {
    let folder = Folder::new();
    let server = folder.serve_with(&[], &[("COPYDESK_LOG", "trace"), ("COPYDESK_LOG_FORMAT", "json")]);
    let password = word_after(&server.said, "the password ");
    assert_eq!(server.sign_in("admin@copydesk.local", "a-wrong-password-of-mine").0, 401);
    let (status, token) = server.sign_in("admin@copydesk.local", &password);
    let token = token.unwrap();
    assert_eq!(status, 200);
    assert_eq!(server.send("GET", "/v1/auth/me", Some(&token), "").0, 200);
    assert_eq!(server.send("GET", &format!("/v1/users?access_token={token}"), None, "").0, 401);
    assert_eq!(server.send("GET", "/v1/articles?tag=%1b%5b31m", None, "").0, 400);
    let secret = std::fs::read_to_string(folder.path().join("data/jwt-secret")).unwrap();
    let (ended_well, log) = server.terminate();
    assert!(ended_well);
    let signature = token.rsplit('.').next().unwrap();
    for hidden in [password.as_str(), "a-wrong-password-of-mine", &token, signature, secret.trim(), "argon2id", "Authorization:"] {
        assert!(!log.contains(hidden), "the log holds {hidden}");
    }
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert_eq!(log.lines().filter(|line| line.contains("\"microseconds\"")).count(), 5, "one line a request");
}
