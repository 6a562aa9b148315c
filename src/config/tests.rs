//! What a start accepts, what it refuses and in which words, and that `.env.example` tells the same.

use std::collections::BTreeMap;

use super::*;

const ENV_EXAMPLE: &str = include_str!("../../.env.example");
const SECRET: &str = "pX7vQ2mN9sK4wL1tR8yB3cF6hJ0dG5zA";

pub(super) fn from(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(key, value)| (OsString::from(key), OsString::from(value)));
    Settings::default().or_from(variables)?.validate()
}

pub(super) fn config(variables: &[(&str, &str)]) -> Config {
    from(variables).unwrap()
}

fn refusal(key: &str, value: &str) -> String {
    from(&[(key, value)]).expect_err(&format!("{key}={value}")).to_string()
}

#[test]
fn with_nothing_set_the_defaults_hold() {
    let config = config(&[("PATH", "/bin"), ("RUST_LOG", ""), ("NOT_COPYDESK_X", "1")]);
    assert_eq!(config.database_url, DatabaseUrl::Sqlite(PathBuf::from("./data/copydesk.db")));
    assert_eq!((config.listen.to_string().as_str(), config.data_dir.to_str()), ("127.0.0.1:8080", Some("./data")));
    assert_eq!(config.public_url, "http://127.0.0.1:8080");
    assert_eq!(config.article_url, "http://127.0.0.1:8080/v1/articles/{slug}");
    assert!(config.jwt_secret.is_none() && config.cors_origins.is_empty() && config.docs && config.publish_gate.is_empty());
    assert_eq!(
        (config.token_algorithm, config.access_token_seconds, config.body_limit_bytes, config.postgres_pool),
        (Algorithm::Hs256, 900, 2_097_152, 8)
    );
    assert_eq!((config.body_timeout, config.log.as_str(), config.log_format), (Duration::from_secs(10), "info", LogFormat::Text));
    assert_eq!((config.retention, config.trash_days), (Retention { newest: None, days: None }, 30));
    assert_eq!(config.audit_days, 365);
    assert!((1..=256).contains(&config.workers));
    assert_eq!((config.request_timeout, config.drain), (Duration::from_secs(30), Duration::from_secs(1)));
    assert!(config.otlp_url.is_none() && config.may_do_without_admin());
}

#[test]
fn who_has_chosen_where_the_process_is_watched_gets_that_or_no_start() {
    let chosen = config(&[("COPYDESK_ADMIN_LISTEN", "0.0.0.0:9000")]);
    assert_eq!((chosen.admin_listen.map(|address| address.port()), chosen.may_do_without_admin()), (Some(9000), false));
    assert_eq!(config(&[("COPYDESK_ADMIN_LISTEN", "off")]).admin_listen, None);
}

#[test]
fn a_flag_wins_over_the_environment() {
    let flags = Settings { listen: Some("127.0.0.1:9000".to_owned()), ..Settings::default() };
    let variables = [("COPYDESK_LISTEN", "127.0.0.1:7000"), ("COPYDESK_DOCS", "false")];
    let config = flags.or_from(variables.map(|(key, value)| (key.into(), value.into()))).unwrap().validate().unwrap();
    assert_eq!((config.listen.port(), config.docs), (9000, false));
}

#[test]
fn every_flag_can_stand_before_and_after_a_subcommand() {
    use clap::Parser;
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
        #[command(subcommand)]
        _command: Option<Command>,
    }
    #[derive(clap::Subcommand)]
    enum Command {
        Serve,
    }
    for line in [["copydesk", "--listen", "[::1]:1", "serve"], ["copydesk", "serve", "--listen", "[::1]:1"]] {
        assert_eq!(Line::try_parse_from(line).ok().unwrap().settings.listen.as_deref(), Some("[::1]:1"));
    }
    assert!(Line::try_parse_from(["copydesk", "--jwt-secret", SECRET]).is_err(), "a secret has no flag");
}

#[test]
fn every_key_has_its_place_and_is_refused_when_set_but_empty() {
    for key in KEYS {
        assert!(Settings::default().slot(key).is_some(), "{key}");
        for empty in ["", " ", "\t"] {
            assert_eq!(refusal(key, empty), format!("{key} is set but empty; give it a value or unset it."));
        }
        let mut flags = Settings::default();
        flags.slot(key).unwrap().replace(String::new());
        assert_eq!(flags.validate().unwrap_err(), ConfigError::Empty { key });
    }
}

#[test]
fn a_misspelt_variable_is_refused_with_the_nearest_known_one() {
    for (key, nearest) in [
        ("COPYDESK_JWT_SECRETS", "COPYDESK_JWT_SECRET"),
        ("COPYDESK_SECRET", "COPYDESK_JWT_SECRET"),
        ("COPYDESK_JWTSECRET", "COPYDESK_JWT_SECRET"),
        ("copydesk_listen", "COPYDESK_LISTEN"),
        ("COPYDESK_CORS_ORIGIN", "COPYDESK_CORS_ORIGINS"),
        ("COPYDESK_DATABASE_URL", "DATABASE_URL"),
        ("database_url", "DATABASE_URL"),
    ] {
        assert_eq!(refusal(key, "hunter2-hunter2"), format!("{key} is no setting of Copydesk; did you mean {nearest}?"));
    }
}

#[test]
fn what_kubernetes_sets_for_a_service_named_copydesk_is_let_be() {
    config(&[
        ("COPYDESK_SERVICE_HOST", "10.0.0.7"),
        ("COPYDESK_SERVICE_PORT", "80"),
        ("COPYDESK_SERVICE_PORT_HTTP", "80"),
        ("COPYDESK_PORT", "tcp://10.0.0.7:80"),
        ("COPYDESK_PORT_80_TCP_ADDR", "10.0.0.7"),
    ]);
    assert!(refusal("COPYDESK_PORT", "8080").starts_with("COPYDESK_PORT is no setting"));
}

#[test]
fn a_wrong_value_is_refused_in_one_sentence_that_names_key_value_and_what_is_allowed() {
    for (key, values) in [
        ("COPYDESK_LISTEN", &["8080", "localhost:8080", "127.0.0.1", "127.0.0.1:70000"][..]),
        (
            "COPYDESK_PUBLIC_URL",
            &[
                "https://a.org/",
                "a.org",
                "ftp://a.org",
                "https://a.org?x",
                "https://a.org/#x",
                "https://u:p@a.org",
                "https://",
                "https://a b",
            ],
        ),
        (
            "COPYDESK_ARTICLE_URL",
            &["https://a.org/news", "/news/{slug}", "https://{slug}.a.org/", "https://a.org/{slug}/{slug}", "https://a.org/{id}/{slug}"],
        ),
        ("COPYDESK_ACCESS_TOKEN_SECONDS", &["59", "86401", "15m", "-900", "+900", "9e2", "99999999999999999999"]),
        (
            "COPYDESK_CORS_ORIGINS",
            &[
                "*",
                "null",
                "https://*.a.org",
                "https://a.org/",
                "HTTPS://a.org",
                "https://A.org",
                "a.org",
                "https://a.org:443",
                "https://a.org,",
                "file://",
            ],
        ),
        ("COPYDESK_DOCS", &["yes", "1", "TRUE", "off"]),
        ("COPYDESK_PUBLISH_GATE", &["all", "none", "lead,", "lead tag", "Lead", "alt"]),
        ("COPYDESK_WORKERS", &["0", "257", "all"]),
        ("COPYDESK_BODY_LIMIT_BYTES", &["65535", "67108865", "2MB"]),
        ("COPYDESK_BODY_TIMEOUT_SECONDS", &["0", "301", "0.5"]),
        ("COPYDESK_REQUEST_TIMEOUT_SECONDS", &["0", "301", "30s"]),
        ("COPYDESK_DRAIN_SECONDS", &["-1", "301", "5s"]),
        ("COPYDESK_ADMIN_LISTEN", &["8081", "localhost:8081", "none", "OFF", "127.0.0.1"]),
        ("COPYDESK_OTLP_URL", &["127.0.0.1:4318", "http://a.org:4318/", "http://a.org/v1/traces", "grpc://a.org"]),
        ("COPYDESK_OTLP_PERCENT", &["101", "-1", "0.5", "all"]),
        ("COPYDESK_POSTGRES_POOL", &["0", "201"]),
        ("COPYDESK_REVISIONS_KEPT", &["0", "1000001", "all"]),
        ("COPYDESK_REVISIONS_DAYS", &["0", "36501", "1y"]),
        ("COPYDESK_TRASH_DAYS", &["0", "36501", "never"]),
        ("COPYDESK_AUDIT_DAYS", &["0", "36501", "never"]),
        ("COPYDESK_BACKUP_EVERY", &["0", "8785", "daily", "24h"]),
        ("COPYDESK_BACKUP_TO", &["s3://", "s3://ab", "s3://News/x", "ftp://news/x", "s3://news/x"]),
        ("COPYDESK_BACKUP_KEEP", &["0", "10001", "all"]),
        ("COPYDESK_S3_ENDPOINT", &["minio:9000", "https://s3.example/", "https://s3.example/bucket", "s3://x", "http://10.0.0.7:9000"]),
        ("COPYDESK_S3_REGION", &["eu central", "a.b", "x/y"]),
        ("COPYDESK_S3_ACCESS_KEY", &["a b", "a/b", "é"]),
        ("COPYDESK_INVITE_URL", &["https://a.org/welcome", "/welcome#{token}", "https://a.org/{token}/{token}", "mailto:{token}"]),
        ("COPYDESK_REQUIRE_SECOND_FACTOR", &["all", "editor,", "editor admin", "Admin"]),
        ("COPYDESK_LOG", &["inof", "info,verbose", "copydesk=loud", "copydesk", "info,"]),
        ("COPYDESK_LOG_FORMAT", &["JSON", "pretty"]),
    ] {
        for value in values {
            let refused = refusal(key, value);
            assert!(refused.starts_with(&format!("{key} is \"")), "{refused}");
            assert!(refused.contains(", but must be ") && refused.ends_with('.') && !refused.contains('\n'), "{refused}");
        }
    }
    assert_eq!(refusal("COPYDESK_WORKERS", "0"), r#"COPYDESK_WORKERS is "0", but must be a whole number from 1 to 256."#);
}

#[test]
fn the_values_an_operator_would_write_are_understood() {
    let config = config(&[
        ("DATABASE_URL", "postgres://desk:hunter2@db/desk"),
        ("COPYDESK_LISTEN", "[::]:0"),
        ("COPYDESK_DATA_DIR", "/srv/desk"),
        ("COPYDESK_PUBLIC_URL", "https://example.org/api"),
        ("COPYDESK_ARTICLE_URL", "https://example.org/#/news?story={slug}"),
        ("COPYDESK_JWT_SECRET", SECRET),
        ("COPYDESK_CORS_ORIGINS", "https://desk.example.org, http://localhost:3000,http://[::1]:5173,https://desk.example.org"),
        ("COPYDESK_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,::1"),
        ("COPYDESK_PUBLISH_GATE", "second_pair_of_eyes, lead,lead"),
        ("COPYDESK_INVITE_URL", "https://desk.example.org/welcome#{token}"),
        ("COPYDESK_SMTP_URL", "smtps://desk:hunter2@mail.example.org"),
        ("COPYDESK_MAIL_FROM", "The desk <desk@example.org>"),
        ("COPYDESK_REQUIRE_SECOND_FACTOR", "editor, admin"),
        ("COPYDESK_LOG", "info,copydesk::store=debug"),
        ("COPYDESK_LOG_FORMAT", "json"),
    ]);
    let proxies: Vec<String> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]);
    assert_eq!(config.publish_gate, [Rule::SecondPairOfEyes, Rule::Lead]);
    assert_eq!(config.require_second_factor, [Role::Editor, Role::Admin]);
    assert_eq!(config.invite_url.as_deref(), Some("https://desk.example.org/welcome#{token}"));
    assert!(config.mailer.is_some() && !format!("{config:?}").contains("hunter2"));
    assert_eq!(config.article_url_of("storm"), "https://example.org/#/news?story=storm");
    assert_eq!(config.cors_origins, ["https://desk.example.org", "http://localhost:3000", "http://[::1]:5173"]);
    assert!(config.jwt_secret.is_some());
    assert_eq!(config.log_format, LogFormat::Json);
}

#[test]
fn backups_go_to_a_folder_or_where_there_are_keys_to_a_bucket() {
    let plain = config(&[]);
    assert_eq!((plain.backup_every, plain.backup_keep), (None, 14));
    assert_eq!(plain.backup_to, BackupTo::Folder("./data/backups".into()));
    let keys = [("COPYDESK_S3_ACCESS_KEY", "AKIA1"), ("COPYDESK_S3_SECRET_KEY", "a/b+c")];
    let bucket = config(&[&keys[..], &[("COPYDESK_BACKUP_TO", "s3://news/desk"), ("COPYDESK_S3_REGION", "eu-north-1")]].concat());
    assert_eq!(bucket.backup_to, BackupTo::Bucket { bucket: "news".into(), prefix: "desk/".into() });
    assert_eq!(bucket.s3.unwrap().endpoint, "https://s3.eu-north-1.amazonaws.com");
    assert!(refusal("COPYDESK_BACKUP_TO", "s3://news/desk").contains("COPYDESK_S3_ACCESS_KEY"));
}

#[test]
fn a_mail_server_is_set_with_its_sender_and_its_password_is_never_shown() {
    let refused = |variables: &[(&str, &str)]| from(variables).unwrap_err().to_string();
    let url = ("COPYDESK_SMTP_URL", "smtps://desk:hunter2@mail.example.org");
    let together = "COPYDESK_SMTP_URL and COPYDESK_MAIL_FROM go together; set both or none.";
    assert_eq!(refused(&[url]), together);
    assert_eq!(refused(&[("COPYDESK_MAIL_FROM", "desk@example.org")]), together);
    let bad = refused(&[("COPYDESK_SMTP_URL", "https://desk:hunter2@mail.example.org"), ("COPYDESK_MAIL_FROM", "desk@example.org")]);
    assert!(bad.starts_with("COPYDESK_SMTP_URL is no address of a mail server: ") && !bad.contains("hunter2"), "{bad}");
    let bad = refused(&[url, ("COPYDESK_MAIL_FROM", "the desk")]);
    assert!(bad.starts_with("COPYDESK_MAIL_FROM is \"the desk\", but must be an address"), "{bad}");
}

#[test]
fn the_database_file_stands_in_the_data_folder_unless_told() {
    assert_eq!(config(&[("COPYDESK_DATA_DIR", "/srv/desk")]).database_url, DatabaseUrl::Sqlite(PathBuf::from("/srv/desk/copydesk.db")));
    assert!(refusal("DATABASE_URL", "sqlite::memory:").starts_with("DATABASE_URL asks for a database in memory"));
}

#[test]
fn default_urls_follow_the_port_that_was_bound_and_chosen_ones_stay() {
    let bound = "127.0.0.1:41234".parse().unwrap();
    let free = config(&[("COPYDESK_LISTEN", "127.0.0.1:0")]).bound_to(bound);
    assert_eq!((free.public_url.as_str(), free.listen), ("http://127.0.0.1:41234", bound));
    assert_eq!(free.article_url, "http://127.0.0.1:41234/v1/articles/{slug}");
    let chosen = config(&[("COPYDESK_LISTEN", "127.0.0.1:0"), ("COPYDESK_PUBLIC_URL", "https://a.org")]).bound_to(bound);
    assert_eq!((chosen.public_url.as_str(), chosen.article_url.as_str()), ("https://a.org", "https://a.org/v1/articles/{slug}"));
    assert_eq!(config(&[("COPYDESK_LISTEN", "0.0.0.0:80")]).public_url, "http://127.0.0.1:80");
    assert_eq!(config(&[("COPYDESK_LISTEN", "[::]:80")]).public_url, "http://[::1]:80");
}

#[test]
fn a_weak_secret_stops_the_start_without_being_repeated() {
    for weak in ["secret", "changeme", "0123456789abcdef", "hunter2hunter2hunter2hunter2hunter2", crate::auth::secret::EXAMPLE] {
        let refused = refusal("COPYDESK_JWT_SECRET", weak);
        assert!(refused.starts_with("COPYDESK_JWT_SECRET ") && refused.contains("openssl rand -base64 48"), "{refused}");
        assert!(!refused.contains(weak) || weak == "secret", "{refused}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let variables = [
        ("COPYDESK_JWT_SECRET", SECRET),
        ("DATABASE_URL", "postgres://desk:hunter2@db/desk"),
        ("COPYDESK_S3_ACCESS_KEY", "AKIA1"),
        ("COPYDESK_S3_SECRET_KEY", "hunter2+hunter2"),
    ];
    let settings = Settings::default().or_from(variables.map(|(key, value)| (key.into(), value.into()))).unwrap();
    let shown = format!("{settings:?} {:?}", settings.clone().validate().unwrap());
    assert!(!shown.contains(SECRET) && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_broken_env_file_is_refused_by_line_number_and_its_text_is_not_shown() {
    assert_eq!(values::check_env_file("\u{feff}A=1\n# note\nB='two words'\n\nexport C=3\n"), Ok(()));
    assert!(values::check_env_file("A=1\0\n").is_err());
    for (text, line) in [("A=1\nhunter2 is not a line\n", 2), ("A=1\n\nB='hunter2\n", 3), ("A=two words\n", 1)] {
        let refused = values::check_env_file(text).unwrap_err();
        assert_eq!(refused, ConfigError::EnvFileLine { line }, "{text}");
        assert!(!refused.to_string().contains("hunter2"));
    }
}

/// The commented `# KEY=value` lines of `.env.example`, each with the line above it.
pub(super) fn documented() -> Vec<(&'static str, &'static str, &'static str)> {
    let lines: Vec<_> = ENV_EXAMPLE.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let (key, value) = pair[1].strip_prefix("# ")?.split_once('=')?;
        key.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_').then_some((key, value, pair[0]))
    });
    pairs.collect()
}

#[test]
fn the_example_file_documents_every_key_once_in_order_under_a_line_of_prose_and_sets_nothing() {
    let keys: Vec<_> = documented().iter().map(|(key, ..)| *key).collect();
    assert_eq!(keys, KEYS);
    for (key, _, prose) in documented() {
        assert!(prose.starts_with("# ") && prose.ends_with('.'), "{key} has no prose: {prose}");
    }
    assert!(ENV_EXAMPLE.lines().all(|line| line.is_empty() || line.starts_with("# ")), "something is set");
}

#[test]
fn the_example_file_shows_the_defaults() {
    const WITHOUT_A_FIXED_DEFAULT: [&str; 20] = [
        "COPYDESK_RATE_LIMIT",
        "COPYDESK_BACKUP_EVERY",
        "COPYDESK_S3_ACCESS_KEY",
        "COPYDESK_S3_SECRET_KEY",
        "COPYDESK_OIDC_ISSUER",
        "COPYDESK_OIDC_CLIENT_ID",
        "COPYDESK_OIDC_CLIENT_SECRET",
        "COPYDESK_OIDC_REDIRECT_URIS",
        "COPYDESK_OIDC_AUDIENCE",
        "COPYDESK_OIDC_ROLES",
        "COPYDESK_JWT_SECRET",
        "COPYDESK_CORS_ORIGINS",
        "COPYDESK_TRUSTED_PROXIES",
        "COPYDESK_PUBLISH_GATE",
        "COPYDESK_WORKERS",
        "COPYDESK_REVISIONS_KEPT",
        "COPYDESK_REVISIONS_DAYS",
        "COPYDESK_OTLP_URL",
        "COPYDESK_INVITE_URL",
        "COPYDESK_REQUIRE_SECOND_FACTOR",
    ];
    let mut shown: BTreeMap<_, _> = documented().into_iter().map(|(key, value, _)| (key, value)).collect();
    for key in WITHOUT_A_FIXED_DEFAULT {
        let value = shown.remove(key).unwrap();
        // Those of the identity provider go together; see below.
        assert!(key == "COPYDESK_JWT_SECRET" || key.contains("_OIDC_") || from(&[(key, value)]).is_ok(), "{key}={value}");
    }
    let mail = ["COPYDESK_SMTP_URL", "COPYDESK_MAIL_FROM"].map(|key| (key, shown.remove(key).unwrap()));
    assert!(config(&mail).mailer.is_some());
    let shown: Vec<_> = shown.into_iter().collect();
    assert_eq!(format!("{:?}", config(&shown)), format!("{:?}", config(&[])));
}

#[test]
fn the_example_secret_is_refused() {
    let (_, example, _) = documented().into_iter().find(|(key, ..)| *key == "COPYDESK_JWT_SECRET").unwrap();
    assert_eq!(example, crate::auth::secret::EXAMPLE);
    assert!(refusal("COPYDESK_JWT_SECRET", example).contains("placeholder"));
}
