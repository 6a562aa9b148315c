//! Which tables and columns the database has, by its own catalogue, and which of them make up the newsroom.
//!
//! Every table is either kept, which means exported, or left out for a reason that is written down here: a test holds both lists against
//! the schema, so that a new table cannot be forgotten.

use super::conn::Conn;
use super::error::Error;
use super::statement::on_either;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

/// The tables that make up a newsroom, in an order in which each comes after those that it refers to.
pub const KEPT: &[&str] = &[
    "users",
    "credentials",
    "api_keys",
    "invitations",
    "second_factors",
    "recovery_codes",
    "signing_keys",
    "user_identities",
    "authors",
    "author_slugs",
    "tags",
    "tag_slugs",
    "articles",
    "article_slugs",
    "article_authors",
    "article_tags",
    "revisions",
    "published_articles",
    "published_contents",
    "published_slugs",
    "published_article_authors",
    "published_article_tags",
    "published_kills",
    "published_kill_authors",
    "published_kill_tags",
    "published_kill_slugs",
    "published_corrections",
    "article_comments",
    "article_locks",
    "schedules",
    "preview_tokens",
    "audit_log",
];

/// The tables that stay where they are, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("__diesel_schema_migrations", "tells of this database, not of the newsroom"),
    ("published_article_pairs", "kept by triggers on the links that it is made of"),
    ("sessions", "people sign in anew where the newsroom has gone"),
    ("refresh_tokens", "belong to the sessions"),
    ("idempotency_keys", "last a day, sealed with the signing secret"),
    ("oidc_sign_ins", "last minutes, and go on where they began"),
    ("published_terms", "the search index is made anew from the stories"),
    ("published_index", "the search index is made anew from the stories"),
    ("published_index_config", "belongs to the search index"),
    ("published_index_data", "belongs to the search index"),
    ("published_index_docsize", "belongs to the search index"),
    ("published_index_idx", "belongs to the search index"),
    ("article_terms", "the search index is made anew from the stories"),
    ("article_index", "the search index is made anew from the stories"),
    ("article_index_config", "belongs to the search index"),
    ("article_index_data", "belongs to the search index"),
    ("article_index_docsize", "belongs to the search index"),
    ("article_index_idx", "belongs to the search index"),
    ("published_words", "made with the search index"),
    ("published_formers", "made with the search index"),
    ("author_words", "made with the search index"),
    ("tag_words", "made with the search index"),
];

/// The columns that triggers keep: counted anew where the rows arrive.
const COUNTED: &[(&str, &str)] = &[("authors", "live_count"), ("tags", "live_count")];

/// A table as rows travel: its columns, those of its key first, the others by name, whatever order the database has them in.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub in_key: bool,
}

/// What has to be said differently on the way out and in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain,
    /// PostgreSQL's own; SQLite has 0 and 1, and so has the file.
    Boolean,
    Bytes,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Described {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    /// 1 for the first column of the key, 0 outside of it.
    #[diesel(sql_type = BigInt)]
    place: i64,
}

/// The names of all tables, those of the database's own machinery left aside.
pub fn tables(conn: &mut Conn) -> Result<Vec<String>, Error> {
    let rows: Vec<Named> = match conn {
        Conn::Sqlite(sqlite) => diesel::sql_query(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
        )
        .load(sqlite)?,
        Conn::Postgres(postgres) => {
            diesel::sql_query("SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
                .load(postgres)?
        }
    };
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Whether a table of this name is one of Copydesk.
pub fn is_ours(name: &str) -> bool {
    KEPT.contains(&name) || LEFT_OUT.iter().any(|(known, _)| *known == name)
}

/// A table's columns, without those that are generated or counted; `None` where there is no such table.
pub fn table(conn: &mut Conn, name: &str) -> Result<Option<Table>, Error> {
    let sqlite_words = "SELECT name, type AS kind, CAST(pk AS INTEGER) AS place FROM pragma_table_info(?1) ORDER BY pk = 0, pk, name";
    let postgres_words = "SELECT * FROM (SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS kind, \
            coalesce(array_position(i.indkey::int2[], a.attnum), -1)::bigint + 1 AS place \
        FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
        WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') described \
        ORDER BY place = 0, place, name COLLATE \"C\"";
    let words = if matches!(conn, Conn::Sqlite(_)) { sqlite_words } else { postgres_words };
    let rows: Vec<Described> = on_either!(conn, inner => diesel::sql_query(words).bind::<Text, _>(name).load(inner))?;
    let columns = rows.into_iter().filter(|row| !COUNTED.contains(&(name, row.name.as_str()))).map(|row| {
        let kind = match row.kind.as_str() {
            "boolean" => Kind::Boolean,
            "bytea" | "BLOB" => Kind::Bytes,
            _ => Kind::Plain,
        };
        Ok(Column { name: plain(row.name)?, kind, in_key: row.place > 0 })
    });
    let columns = columns.collect::<Result<Vec<_>, Error>>()?;
    Ok(if columns.is_empty() { None } else { Some(Table { name: plain(name.to_owned())?, columns }) })
}

/// The tables of [`KEPT`] that this database has; an older schema lacks some.
pub fn kept(conn: &mut Conn) -> Result<Vec<Table>, Error> {
    let mut found = Vec::new();
    for name in KEPT {
        found.extend(table(conn, name)?);
    }
    Ok(found)
}

/// How many rows a table has.
pub fn count(conn: &mut Conn, table: &Table) -> Result<u64, Error> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let words = format!("SELECT count(*) AS count FROM \"{}\"", table.name);
    let row: Count = on_either!(conn, inner => diesel::sql_query(words).get_result(inner))?;
    Ok(u64::try_from(row.count).unwrap_or_default())
}

/// Names stand in statements as they are: ours need no quoting, and others are none of ours.
fn plain(name: String) -> Result<String, Error> {
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_plain { Ok(name) } else { Err(Error::Damaged(format!("a table or column is called {name:?}"))) }
}
