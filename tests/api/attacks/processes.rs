//! Rows that only a process shows: starts that must fail, and logs that must be silent.

use crate::process::{Process, run};
use serde_json::{Value, json};

const LONG: &str = "Zk4nQ8vXy2LwT6mJ9rBd3HsGp5cFaE7uVi1oKxNzWqMtYhRj";

/// Insists that the start is refused with one line that names the setting and shows no secret.
#[track_caller]
fn refuses_to_start(key: &str, value: &str) {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &[(key, value), ("PATH", "/usr/bin")], &["serve"]);
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success(), "{key}={value} was taken");
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
    let process = Process::start(&[], &[]);
    let origin = [("origin", "https://desk.example"), ("access-control-request-method", "POST")];
    assert_eq!(process.send("OPTIONS", "/v1/articles", &origin, "").unwrap().0, 204);
    assert_eq!(process.get("/v1/users").unwrap().0, 401);
    let secret = process.folder.path().join("data/jwt-secret");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(secret).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let database = process.folder.path().join("data/copydesk.db");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(database).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "others can read the database: {mode:o}");
}

#[test]
fn k02_no_password_and_no_token_reaches_a_log_even_at_trace() {
    let process = Process::start(&[("COPYDESK_LOG", "trace"), ("COPYDESK_LOG_FORMAT", "json")], &[]);
    let password = process.password();
    let kind = ("content-type", "application/json");
    let sign_in = |password: &str| {
        let body = json!({ "email": "admin@copydesk.local", "password": password }).to_string();
        process.send("POST", "/v1/auth/login", &[kind], &body).unwrap()
    };
    assert_eq!(sign_in("a-wrong-password-of-mine").0, 401);
    let (status, body) = sign_in(&password);
    assert_eq!(status, 200, "{body}");
    let token = serde_json::from_str::<Value>(&body).unwrap()["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    assert_eq!(process.send("GET", "/v1/auth/me", &[("authorization", &bearer)], "").unwrap().0, 200);
    assert_eq!(process.get(&format!("/v1/users?access_token={token}")).unwrap().0, 401);
    assert_eq!(process.send("GET", "/v1/users", &[("cookie", &format!("token={token}"))], "").unwrap().0, 401);
    assert_eq!(process.get("/v1/articles?tag=%1b%5b31m").unwrap().0, 400);
    let secret = std::fs::read_to_string(process.folder.path().join("data/jwt-secret")).unwrap();
    let (ended_well, log) = process.terminate();
    assert!(ended_well);
    for hidden in [
        password.as_str(),
        "a-wrong-password-of-mine",
        &token,
        token.rsplit('.').next().unwrap(),
        secret.trim(),
        "argon2id",
        "Authorization:",
    ] {
        assert!(!log.contains(hidden), "the log holds {hidden}");
    }
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    let requests = log.lines().filter(|line| line.contains("\"request.id\"")).count();
    assert!(requests >= 7, "one line a request, not {requests}");
}
