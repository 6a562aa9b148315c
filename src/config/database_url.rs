//! Which database: a file of SQLite, or a PostgreSQL server whose password is not shown.

use std::fmt;
use std::path::PathBuf;

use super::error::ConfigError;

/// The database to use. `Debug` and `Display` hide user and password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The path of the database file.
    Sqlite(PathBuf),
    /// A libpq connection URI, as it was given.
    Postgres(String),
}

impl DatabaseUrl {
    /// Reads `sqlite:<path>` (also `sqlite://<path>`, as other tools write it), `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// What it must be instead; the value is not repeated, as it may hold a password.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        if text.chars().any(char::is_control) {
            return Err(ConfigError::DatabaseUrl("has a control character in it; remove it"));
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            return sqlite(path.strip_prefix("//").unwrap_or(path));
        }
        match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            Some("") => Err(ConfigError::DatabaseUrl("names no server; write postgres://user:password@host/database")),
            Some(rest) if rest.contains(char::is_whitespace) => {
                Err(ConfigError::DatabaseUrl("has a space in it; write spaces of a PostgreSQL URL as %20"))
            }
            Some(_) => Ok(Self::Postgres(text.to_owned())),
            None => Err(ConfigError::DatabaseUrl("must begin with sqlite:, postgres:// or postgresql://")),
        }
    }
}

fn sqlite(path: &str) -> Result<DatabaseUrl, ConfigError> {
    if path.contains(":memory:") || path.contains("mode=memory") {
        return Err(ConfigError::DatabaseUrl(
            "asks for a database in memory, which would forget every story; name a file, as in sqlite:./data/copydesk.db",
        ));
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(ConfigError::DatabaseUrl("names no file; write sqlite:<path>, as in sqlite:./data/copydesk.db"));
    }
    if path.starts_with("file:") || path.contains(['?', '#', '%']) {
        return Err(ConfigError::DatabaseUrl("must be sqlite: and a plain path, without file:, ?, # or %"));
    }
    Ok(DatabaseUrl::Sqlite(PathBuf::from(path)))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(url) => formatter.write_str(&without_secrets(url)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Server and database only. A password may stand before the `@` or among the parameters, and may hold an unescaped `@`, `?` or `/`.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", ""));
    let (place, parameters) = rest.split_once('?').map_or((rest, None), |(place, parameters)| (place, Some(parameters)));
    if parameters.is_some_and(|parameters| parameters.contains('@')) {
        return format!("{scheme}://[hidden]");
    }
    let server = place.rsplit_once('@').map_or_else(|| place.to_owned(), |(_, server)| format!("[hidden]@{server}"));
    format!("{scheme}://{server}{}", if parameters.is_some() { "?[hidden]" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        DatabaseUrl::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn a_path_after_sqlite_is_a_file() {
        for (text, path) in [
            ("sqlite:./data/copydesk.db", "./data/copydesk.db"),
            ("sqlite:desk.db", "desk.db"),
            ("sqlite:/srv/desk.db", "/srv/desk.db"),
            ("sqlite:///srv/desk.db", "/srv/desk.db"),
            ("sqlite:my desk.db", "my desk.db"),
        ] {
            assert_eq!(DatabaseUrl::parse(text), Ok(DatabaseUrl::Sqlite(PathBuf::from(path))), "{text}");
        }
    }

    #[test]
    fn a_database_in_memory_is_refused() {
        for text in ["sqlite::memory:", "sqlite://:memory:", "sqlite:file::memory:?cache=shared", "sqlite:file:x?mode=memory"] {
            assert!(refusal(text).contains("in memory"), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_path_is_refused() {
        for text in ["sqlite:", "sqlite://", "sqlite:./data/", "sqlite:desk.db?mode=rwc", "sqlite:file:desk.db"] {
            refusal(text);
        }
    }

    #[test]
    fn other_databases_are_refused_without_repeating_the_password() {
        for text in [
            "mysql://desk:hunter2@host/desk",
            "host=db password=hunter2",
            "Postgres://desk:hunter2@host/desk",
            "postgres://",
            "postgres://u:hunter2@host/a b",
        ] {
            let refused = refusal(text);
            assert!(refused.starts_with("DATABASE_URL ") && refused.ends_with('.'), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn a_postgres_url_is_kept_whole_and_shown_without_its_secrets() {
        for (text, shown) in [
            ("postgres://desk:hunter2@db:5432/desk", "postgres://[hidden]@db:5432/desk"),
            ("postgresql://db/desk", "postgresql://db/desk"),
            ("postgres:///desk?host=/run/pg&password=hunter2", "postgres:///desk?[hidden]"),
            ("postgres://desk:hunter2?x@db/desk", "postgres://[hidden]"),
            ("postgres://desk:hunter2/@x@db/desk", "postgres://[hidden]@db/desk"),
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!(url, DatabaseUrl::Postgres(text.to_owned()));
            assert_eq!((url.to_string().as_str(), format!("{url:?}").as_str()), (shown, shown));
        }
    }
}
