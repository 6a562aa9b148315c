//! Rows on their way out of one database and into another, as JSON that the databases themselves write and read.
//!
//! The words of these statements are made of the names in the database's own catalogue; what comes from a file is bound, as one text.

use super::catalogue::{Column, Kind, Table};
use super::conn::Conn;
use super::error::Error;
use super::statement::on_either;
use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::Value;
use std::collections::HashMap;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Reads the whole database as it is at one moment.
pub fn in_snapshot<T, E: From<Error>>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    let begin = if matches!(conn, Conn::Sqlite(_)) { "BEGIN" } else { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" };
    conn.batch_execute(begin).map_err(Error::from)?;
    let outcome = work(conn);
    let ended = conn.batch_execute("COMMIT").map_err(Error::from);
    outcome.and_then(|value| Ok(ended.map(|()| value)?))
}

/// Hands over every row of a table as a JSON object, in the order of its key, one at a time. Bytes are `\x` and hexadecimal digits.
pub fn each_row<E: From<Error>>(conn: &mut Conn, table: &Table, mut each: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let key: Vec<String> = table.columns.iter().filter(|column| column.in_key).map(|column| format!("s.\"{}\"", column.name)).collect();
    let words = format!("SELECT {} AS line FROM \"{}\" s ORDER BY {}", object(conn, &table.columns), table.name, key.join(", "));
    match conn {
        Conn::Sqlite(sqlite) => {
            for line in diesel::sql_query(words).load_iter::<Line, DefaultLoadingMode>(sqlite).map_err(Error::from)? {
                each(&line.map_err(Error::from)?.line)?;
            }
        }
        Conn::Postgres(postgres) => {
            for line in diesel::sql_query(words).load_iter::<Line, PgRowByRowLoadingMode>(postgres).map_err(Error::from)? {
                each(&line.map_err(Error::from)?.line)?;
            }
        }
    }
    Ok(())
}

/// Adds rows, each a JSON object with the table's columns, and tells how many were not there. One that is there already is left as it is,
/// and must be the same.
pub fn add_rows(conn: &mut Conn, table: &Table, rows: &[String]) -> Result<usize, Error> {
    let array = format!("[{}]", rows.join(","));
    let columns: Vec<String> = table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let (name, columns) = (&table.name, columns.join(", "));
    let words = match conn {
        Conn::Sqlite(_) => {
            let values: Vec<String> = table.columns.iter().map(extracted).collect();
            let values = values.join(", ");
            // `WHERE true` tells the parser that ON CONFLICT does not belong to a join.
            format!("INSERT INTO \"{name}\" ({columns}) SELECT {values} FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING")
        }
        Conn::Postgres(_) => format!(
            "INSERT INTO \"{name}\" ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::\"{name}\", $1::json) ON CONFLICT DO NOTHING"
        ),
    };
    let added = on_either!(conn, inner => diesel::sql_query(words).bind::<Text, _>(&array).execute(inner))?;
    if added < rows.len() {
        refuse_differences(conn, table, rows, &array)?;
    }
    Ok(added)
}

/// Lets rows of a table name rows of the same table that come later: checked when [`settle`] is called, or at the commit.
pub fn defer_references(conn: &mut Conn) -> Result<(), Error> {
    match conn {
        Conn::Sqlite(sqlite) => Ok(sqlite.batch_execute("PRAGMA defer_foreign_keys = ON")?),
        Conn::Postgres(_) => for_references(conn, "DEFERRABLE INITIALLY DEFERRED"),
    }
}

/// Puts in order what comes after the rows: references are checked, and numbers that the database gives out go on after the highest.
pub fn settle(conn: &mut Conn) -> Result<(), Error> {
    let Conn::Postgres(postgres) = &mut *conn else { return Ok(()) };
    postgres.batch_execute("SET CONSTRAINTS ALL IMMEDIATE")?;
    for_references(conn, "NOT DEFERRABLE")?;
    let Conn::Postgres(postgres) = conn else { return Ok(()) };
    let numbered: Vec<Line> = diesel::sql_query(
        "SELECT format('SELECT setval(pg_get_serial_sequence(%L, %L), (SELECT coalesce(max(%I), 0) + 1 FROM %I), false)', \
             quote_ident(table_name), column_name, column_name, table_name) AS line \
         FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'",
    )
    .load(postgres)?;
    for Line { line } in numbered {
        postgres.batch_execute(&line)?;
    }
    Ok(())
}

/// What the other nodes on this PostgreSQL keep of the live view is to be forgotten when this transaction commits.
pub fn tell_all(conn: &mut Conn) -> Result<(), Error> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(postgres) => Ok(postgres.batch_execute("NOTIFY copydesk, '*'")?),
    }
}

/// Only references of a table to itself: all others are in order, and PostgreSQL would remember a deferred check for every row.
fn for_references(conn: &mut Conn, how: &'static str) -> Result<(), Error> {
    let Conn::Postgres(postgres) = conn else { return Ok(()) };
    let statements: Vec<Line> = diesel::sql_query(
        "SELECT format('ALTER TABLE %s ALTER CONSTRAINT %I ', conrelid::regclass, conname) AS line FROM pg_constraint \
         WHERE contype = 'f' AND conrelid = confrelid AND connamespace = current_schema()::regnamespace",
    )
    .load(postgres)?;
    for Line { line } in statements {
        postgres.batch_execute(&format!("{line}{how}"))?;
    }
    Ok(())
}

/// Compares rows with those that are there under the same key, or that are in their way.
fn refuse_differences(conn: &mut Conn, table: &Table, rows: &[String], array: &str) -> Result<(), Error> {
    let key: Vec<&Column> = table.columns.iter().filter(|column| column.in_key).collect();
    let (name, object) = (&table.name, object(conn, &table.columns));
    let words = match conn {
        Conn::Sqlite(_) => {
            let matches: Vec<String> = key.iter().map(|column| format!("s.\"{}\" = {}", column.name, extracted(column))).collect();
            format!("SELECT {object} AS line FROM json_each(?1) JOIN \"{name}\" s ON {}", matches.join(" AND "))
        }
        Conn::Postgres(_) => {
            let matches: Vec<String> = key.iter().map(|column| format!("s.\"{0}\" = j.\"{0}\"", column.name)).collect();
            format!(
                "SELECT {object} AS line FROM json_populate_recordset(NULL::\"{name}\", $1::json) j JOIN \"{name}\" s ON {}",
                matches.join(" AND ")
            )
        }
    };
    let there: Vec<Line> = on_either!(conn, inner => diesel::sql_query(words).bind::<Text, _>(array).load(inner))?;
    let key_of = |row: &Value| key.iter().map(|column| row[column.name.as_str()].to_string()).collect::<Vec<_>>().join(" ");
    let parsed = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| Error::Damaged(format!("a row of {name}: {error}")));
    let mut known = HashMap::new();
    for Line { line } in there {
        let row = parsed(&line)?;
        known.insert(key_of(&row), row);
    }
    for row in rows {
        let row = parsed(row)?;
        let key = key_of(&row);
        let what = match known.get(&key) {
            Some(there) if *there == row => continue,
            Some(_) => "there is one already that differs",
            None => "another one has an id, slug or address that only one can have",
        };
        return Err(Error::Start(format!("{name} {key}: {what}")));
    }
    Ok(())
}

/// The JSON object of a row, as this database writes it.
fn object(conn: &Conn, columns: &[Column]) -> String {
    let is_sqlite = matches!(conn, Conn::Sqlite(_));
    let members = columns.iter().map(|Column { name, kind, .. }| {
        let value = match (kind, is_sqlite) {
            (Kind::Bytes, true) => format!("CASE WHEN s.\"{name}\" IS NOT NULL THEN '\\x' || lower(hex(s.\"{name}\")) END"),
            (Kind::Bytes, false) => format!("'\\x' || encode(s.\"{name}\", 'hex')"),
            (Kind::Boolean, false) => format!("s.\"{name}\"::int"),
            (Kind::Plain | Kind::Boolean, _) => format!("s.\"{name}\""),
        };
        format!("'{name}', {value}")
    });
    let members: Vec<String> = members.collect();
    let members = members.join(", ");
    if is_sqlite { format!("json_object({members})") } else { format!("json_build_object({members})::text") }
}

/// A column's value, out of an element of `json_each`.
fn extracted(column: &Column) -> String {
    let value = format!("json_extract(value, '$.{}')", column.name);
    if column.kind == Kind::Bytes { format!("unhex(substr({value}, 3))") } else { value }
}
