//! The command line, as operators type it.

use crate::program::{Folder, word_after};
use serde_json::Value;

const PASSWORD: &str = "nine-lamps-on-the-quay";

#[test]
fn the_first_start_makes_an_administrator_and_says_so_once() {
    let folder = Folder::new();
    let password = {
        let server = folder.serve(&[]);
        assert_eq!(server.said.matches("admin@copydesk.local, the password ").count(), 1, "{}", server.said);
        let password = word_after(&server.said, "the password ");
        let token = server.sign_in("admin@copydesk.local", &password).1.unwrap();
        let (_, me) = server.send("GET", "/v1/auth/me", Some(&token), "");
        assert_eq!(serde_json::from_str::<Value>(&me).unwrap()["role"], "admin");
        assert_eq!(server.sign_in("admin@copydesk.local", "not this one").0, 401);
        password
    };
    let server = folder.serve(&["serve"]);
    assert_eq!(server.said, "");
    assert_eq!(server.sign_in("admin@copydesk.local", &password).0, 200);
}

#[test]
fn no_administrator_is_made_where_there_is_a_user_already() {
    let folder = Folder::new();
    let added = folder.run_with(&["user", "add", "Ana@Example.com", "--role", "editor", "--password-stdin"], &[], &format!("{PASSWORD}\n"));
    assert!(added.success, "{}", added.err);
    assert_eq!(added.out, "Added ana@example.com as editor.\n");
    let server = folder.serve(&[]);
    assert_eq!(server.said, "");
    assert_eq!(server.sign_in("ana@example.com", PASSWORD).0, 200);
}

#[test]
fn users_are_added_listed_and_changed_beside_a_running_server() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let add = ["user", "add", "ana@example.com", "--role", "contributor", "--password-stdin"];
    assert!(folder.run_with(&add, &[], PASSWORD).success);
    let token = server.sign_in("ana@example.com", PASSWORD).1.unwrap();

    let twice = folder.run_with(&add, &[], PASSWORD);
    assert!(!twice.success);
    assert_eq!(
        last_line(&twice.err),
        "copydesk: there is a user ana@example.com already; `copydesk user set-password ana@example.com` sets a new password"
    );

    let changed = folder.run(&["user", "set-role", "ana@example.com", "author"]);
    assert_eq!(changed.out, "ana@example.com is author now.\n", "{}", changed.err);
    assert_eq!(server.send("GET", "/v1/auth/me", Some(&token), "").0, 401, "a change of role ends the tokens");

    let set = folder.run_with(&["user", "set-password", "ana@example.com", "--password-stdin"], &[], "another-quay-entirely\n");
    assert!(set.success, "{}", set.err);
    assert_eq!(server.sign_in("ana@example.com", PASSWORD).0, 401);
    assert_eq!(server.sign_in("ana@example.com", "another-quay-entirely").0, 200);

    assert_eq!(folder.run(&["user", "list"]).out, "admin@copydesk.local\tadmin\nana@example.com\tauthor\n");
}

#[test]
fn people_are_invited_kept_out_and_deleted_from_the_command_line_and_the_log_says_so() {
    let folder = Folder::new();
    assert!(folder.run_with(&["user", "add", "boss@example.com", "--role", "admin", "--password-stdin"], &[], PASSWORD).success);
    let server = folder.serve(&[]);
    let page = [("COPYDESK_INVITE_URL", "https://desk.example/welcome#{token}")];
    let invited = folder.run_with(&["user", "invite", "Eva@example.com", "--role", "author", "--name", "Eva"], &page, "");
    assert!(invited.success, "{}", invited.err);
    let token = invited.out.trim_end().rsplit_once("https://desk.example/welcome#").unwrap().1.to_owned();
    let body = format!("{{\"token\":\"{token}\",\"password\":\"{PASSWORD}\"}}");
    let (status, answer) = server.send("POST", "/v1/auth/accept", None, &body);
    assert_eq!(status, 200, "{answer}");
    let token = serde_json::from_str::<Value>(&answer).unwrap()["access_token"].as_str().unwrap().to_owned();
    let (_, me) = server.send("GET", "/v1/auth/me", Some(&token), "");
    assert_eq!(serde_json::from_str::<Value>(&me).unwrap()["name"], "Eva");
    assert!(folder.run(&["user", "invite", "other@example.com", "--role", "author"]).out.contains("\ncdi_"));

    assert_eq!(folder.run(&["user", "disable", "eva@example.com"]).out, "eva@example.com is kept out.\n");
    assert_eq!((server.send("GET", "/v1/auth/me", Some(&token), "").0, server.sign_in("eva@example.com", PASSWORD).0), (401, 401));
    assert_eq!(folder.run(&["user", "enable", "eva@example.com"]).out, "eva@example.com may sign in again.\n");
    assert_eq!(server.sign_in("eva@example.com", PASSWORD).0, 200);
    let none = folder.run(&["user", "reset-second-factor", "eva@example.com"]);
    assert_eq!(last_line(&none.err), "copydesk: this user has no second factor");
    assert_eq!(folder.run(&["user", "delete", "eva@example.com"]).out, "eva@example.com is gone; stories and bylines stay.\n");
    assert_eq!(server.sign_in("eva@example.com", PASSWORD).0, 401);
    for command in ["disable", "delete"] {
        let last = folder.run(&["user", command, "boss@example.com"]);
        assert_eq!(last_line(&last.err), "copydesk: this is the last administrator; make another one first");
    }

    let admin = server.sign_in("boss@example.com", PASSWORD).1.unwrap();
    let (_, log) = server.send("GET", "/v1/audit?credential=command_line&limit=100", Some(&admin), "");
    let log: Value = serde_json::from_str(&log).unwrap();
    let operations: Vec<&str> = log["items"].as_array().unwrap().iter().rev().map(|line| line["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["create_user", "create_invitation", "create_invitation", "update_user", "update_user", "delete_user"]);
}

#[test]
fn user_commands_refuse_in_one_sentence() {
    let folder = Folder::new();
    let add = |email: &'static str, role: &'static str| ["user", "add", email, "--role", role, "--password-stdin"];
    let refusals = [
        (folder.run_with(&add("ana", "editor"), &[], PASSWORD), "copydesk: `ana` is not an e-mail address"),
        (folder.run_with(&add("ana@example.com", "editor"), &[], "short"), "copydesk: A password needs at least 10 characters."),
        (
            folder.run_with(&["user", "add", "ana@example.com", "--role", "editor"], &[], PASSWORD),
            "copydesk: there is no terminal to ask for the password; pipe it in with --password-stdin",
        ),
        (
            folder.run(&["user", "set-role", "ana@example.com", "admin"]),
            "copydesk: there is no user with this address; `copydesk user list` shows them",
        ),
    ];
    for (refused, sentence) in refusals {
        assert!(!refused.success);
        assert_eq!(last_line(&refused.err), sentence);
        assert_eq!(refused.out, "");
    }
    let role = folder.run_with(&add("ana@example.com", "boss"), &[], PASSWORD);
    assert!(role.err.contains("`boss` is no role; use contributor, author, editor or admin"), "{}", role.err);

    assert!(folder.run_with(&add("only@example.com", "admin"), &[], PASSWORD).success);
    let last = folder.run(&["user", "set-role", "only@example.com", "editor"]);
    assert_eq!(last_line(&last.err), "copydesk: this is the last administrator; make another one first");
}

#[test]
fn migrate_says_what_it_did_and_then_that_there_is_nothing_to_do() {
    let folder = Folder::new();
    let first = folder.run(&["migrate"]);
    assert!(first.success, "{}", first.err);
    assert!(first.out.starts_with("Applied 0001"), "{}", first.out);
    assert_eq!(folder.run(&["migrate"]).out, "The schema is up to date.\n");
    assert!(folder.path().join("data/copydesk.db").exists());
}

#[test]
fn openapi_prints_the_contract_and_needs_no_database() {
    let folder = Folder::new();
    let printed = folder.run_with(&["openapi"], &[("COPYDESK_LISTEN", "nonsense")], "");
    assert!(printed.success, "{}", printed.err);
    assert_eq!(printed.out, copydesk::http::document());
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_wrong_value_stops_the_start_with_one_sentence_that_names_it() {
    let wrong = [
        ("COPYDESK_LISTEN", "8080"),
        ("COPYDESK_WORKERS", "many"),
        ("COPYDESK_WORKERS", ""),
        ("COPYDESK_DOCS", "yes"),
        ("COPYDESK_PUBLIC_URL", "news.example"),
        ("COPYDESK_ARTICLE_URL", "https://news.example/stories"),
        ("COPYDESK_CORS_ORIGINS", "*"),
        ("COPYDESK_JWT_SECRET", "secret"),
        ("COPYDESK_LOG_FORMAT", "xml"),
        ("COPYDESK_LISTN", "127.0.0.1:8080"),
        ("DATABASE_URL", "mysql://localhost/news"),
    ];
    for (key, value) in wrong {
        let folder = Folder::new();
        let stopped = folder.run_with(&["serve"], &[(key, value)], "");
        assert!(!stopped.success, "{key}={value}");
        assert_eq!(stopped.err.lines().count(), 1, "{key}={value}: {}", stopped.err);
        assert!(stopped.err.starts_with("copydesk: ") && stopped.err.contains(key), "{key}={value}: {}", stopped.err);
        assert!(!folder.path().join("data").exists(), "{key}={value}: nothing is made before all settings are understood");
    }
}

#[test]
fn an_address_in_use_stops_the_start_with_one_sentence() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let address = server.url.trim_start_matches("http://");
    let stopped = folder.run_with(&["serve"], &[("COPYDESK_LISTEN", address)], "");
    assert!(!stopped.success);
    let sentence = last_line(&stopped.err);
    assert!(sentence.starts_with(&format!("copydesk: cannot listen on {address}: ")), "{sentence}");
    assert!(sentence.ends_with("set COPYDESK_LISTEN to a free address"), "{sentence}");
}

#[test]
fn the_env_file_is_read_and_the_environment_wins_over_it() {
    let folder = Folder::new();
    std::fs::write(folder.path().join(".env"), "COPYDESK_DATA_DIR=./from-the-file\n").unwrap();
    assert!(folder.run(&["migrate"]).success);
    assert!(folder.path().join("from-the-file/copydesk.db").exists());
    assert!(folder.run_with(&["migrate"], &[("COPYDESK_DATA_DIR", "./from-outside")], "").success);
    assert!(folder.path().join("from-outside/copydesk.db").exists());
    assert!(folder.run_with(&["migrate", "--data-dir", "./by-flag"], &[("COPYDESK_DATA_DIR", "./from-outside")], "").success);
    assert!(folder.path().join("by-flag/copydesk.db").exists());
}

#[cfg(unix)]
#[test]
fn the_signing_secret_is_the_owners_alone_and_one_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    drop(folder.serve(&[]));
    let path = folder.path().join("data/jwt-secret");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read(&path).unwrap();
    drop(folder.serve(&[]));
    assert_eq!(std::fs::read(&path).unwrap(), secret, "a restart keeps the secret, and with it the tokens");

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let stopped = folder.run_with(&["serve"], &[("COPYDESK_LISTEN", "127.0.0.1:0")], "");
    assert!(!stopped.success);
    assert!(last_line(&stopped.err).contains("jwt-secret"), "{}", stopped.err);
}

#[test]
fn keys_are_made_listed_and_revoked_beside_a_running_server() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let add = |more: &[&str]| folder.run(&[&["key", "add", "--owner", "Admin@copydesk.local", "--label", "A program"], more].concat());
    let made = add(&["--scope", "drafts:read", "--scope", "content:read", "--address", "127.0.0.0/8", "--expires", "2099-01-01T00:00:00Z"]);
    assert!(made.success, "{}", made.err);
    let key = made.out.trim();
    assert!(key.starts_with("cdk_") && key.len() == 52, "{key}");
    let ask = || server.send("GET", "/v1/articles?view=working", Some(key), "").0;
    assert_eq!(ask(), 200);
    let listed = folder.run(&["key", "list"]).out;
    assert!(listed.contains("\tA program\tadmin@copydesk.local\tcontent:read drafts:read\t2099-01-01T00:00:00.000Z\t"), "{listed}");
    assert!(!listed.contains(key));
    let id = listed.split('\t').next().unwrap();
    assert_eq!(folder.run(&["key", "revoke", id]).out, format!("The key {id} is revoked.\n"));
    // The server hears of it within a tenth of a second.
    let started = std::time::Instant::now();
    while ask() == 200 {
        assert!(started.elapsed().as_secs() < 5, "the server has not heard");
    }
    assert_eq!(folder.run(&["key", "list"]).out, "");
    for (wrong, why) in [
        (&["--scope", "content:read", "--expires", "tomorrow"][..], "copydesk: `tomorrow` is no time; write it as in 2027-01-31T00:00:00Z"),
        (&["--scope", "content:read", "--expires", "2020-01-01T00:00:00Z"], "copydesk: Name a time that is to come."),
        (&["--scope", "content:read", "--tag", "nothing"], "copydesk: There is no tag of this id or slug."),
        (
            &["--scope", "content:read", "--address", "home"],
            "copydesk: `home` is no address and no network, as 203.0.113.7 and 10.0.0.0/8 are",
        ),
    ] {
        assert_eq!(last_line(&add(wrong).err), why);
    }
    assert!(!add(&["--scope", "everything"]).success);
    let missing = folder.run(&["key", "revoke", id]);
    assert_eq!(last_line(&missing.err), "copydesk: there is no key of this id; `copydesk key list` shows them");
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}
