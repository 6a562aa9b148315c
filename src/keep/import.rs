//! The way back of an export: into a database that is empty, or that holds some of it already.
//!
//! A row that is missing is added, one that is there stays as it is and must be the same. So a second import changes nothing, and one
//! into another newsroom is refused with all that it would have done: everything happens in one transaction.

use super::Failure;
use super::export::{Line, Lines};
use super::progress::Show;
use crate::http;
use crate::store::catalogue::{self, Table};
use crate::store::{Conn, applied, in_transaction, known, migrate_within, pending, search, transfer};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read};

/// How many rows, and how many bytes of them, go into one statement.
const ROWS_TOGETHER: usize = 500;
const BYTES_TOGETHER: usize = 1024 * 1024;
/// How a zstd frame begins (RFC 8878 §3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    pub added: u64,
    /// Rows that were there already.
    pub there: u64,
}

/// Imports into a database that has this program's schema, or no schema yet. In the latter case the export may have an older one: the
/// database gets that, then the rows, then what is missing.
pub fn import(conn: &mut Conn, source: impl BufRead, show: Show) -> Result<Imported, Failure> {
    let missing = pending(conn)?;
    let is_new = applied(conn)?.is_empty();
    if !is_new && !missing.is_empty() {
        return Err(Failure::new("the database has an older schema; run `copydesk migrate` first"));
    }
    let mut lines = Lines::open(source)?;
    let schema = lines.head.schema.clone();
    let known = known()?;
    if !known.contains(&schema) {
        return Err(Failure(format!("a newer copydesk made this export (schema {schema}); import it with that one")));
    }
    if !is_new && known.last() != Some(&schema) {
        let remedy = "import it into a database that does not exist yet, which is brought up to date afterwards";
        return Err(Failure(format!("an older copydesk made this export (schema {schema}); {remedy}")));
    }
    let imported = in_transaction(conn, |conn| {
        if is_new {
            migrate_within(conn, Some(&schema))?;
        }
        let imported = rows(conn, &mut lines, show)?;
        if is_new {
            migrate_within(conn, None)?;
        }
        search::note_imported(conn)?;
        transfer::tell_all(conn)?;
        Ok::<_, Failure>(imported)
    })?;
    http::finish_anew(conn)?;
    search::index_anew(conn)?;
    Ok(imported)
}

fn rows(conn: &mut Conn, lines: &mut Lines<impl BufRead>, show: Show) -> Result<Imported, Failure> {
    let tables = lines.head.tables.iter().map(|(name, columns)| expected(conn, name, columns)).collect::<Result<Vec<_>, _>>()?;
    transfer::defer_references(conn)?;
    let progress = show.rows("importing", lines.head.rows.values().sum());
    let mut imported = Imported { added: 0, there: 0 };
    let mut together = Together { table: None, rows: Vec::new(), bytes: 0 };
    while let Line::Row(name, row) = lines.step()? {
        if together.table.is_none_or(|table: &Table| table.name != name) || together.is_full() {
            together.add_to(conn, &mut imported)?;
            progress.is_at(imported.added + imported.there);
            together.table = Some(
                tables
                    .iter()
                    .find(|table| table.name == name)
                    .ok_or_else(|| Failure(format!("the export has a row of {name}, which its head does not name")))?,
            );
        }
        together.bytes += row.len();
        together.rows.push(row.to_owned());
    }
    together.add_to(conn, &mut imported)?;
    transfer::settle(conn)?;
    Ok(imported)
}

/// Rows of one table that go in with one statement.
struct Together<'a> {
    table: Option<&'a Table>,
    rows: Vec<String>,
    bytes: usize,
}

impl Together<'_> {
    fn is_full(&self) -> bool {
        self.rows.len() >= ROWS_TOGETHER || self.bytes >= BYTES_TOGETHER
    }

    fn add_to(&mut self, conn: &mut Conn, imported: &mut Imported) -> Result<(), Failure> {
        if let Some(table) = self.table
            && !self.rows.is_empty()
        {
            let added = transfer::add_rows(conn, table, &self.rows).map_err(|error| Failure(format!("nothing is imported: {error}")))?;
            imported.added += added as u64;
            imported.there += (self.rows.len() - added) as u64;
        }
        self.rows.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// The table as the export has it; this database must have it, too.
fn expected(conn: &mut Conn, name: &str, columns: &Value) -> Result<Table, Failure> {
    let columns: Vec<&str> = columns.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let unknown = || Failure(format!("the export has a table {name:?} that this database does not have like that"));
    if !catalogue::KEPT.contains(&name) {
        return Err(unknown());
    }
    let mut table = catalogue::table(conn, name)?.ok_or_else(unknown)?;
    table.columns.retain(|column| columns.contains(&column.name.as_str()));
    if table.columns.len() == columns.len() { Ok(table) } else { Err(unknown()) }
}

/// The lines of an export, plain or compressed by zstd.
pub fn plain(source: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut source = BufReader::with_capacity(256 * 1024, source);
    if source.fill_buf()?.starts_with(&ZSTD) {
        return Ok(Box::new(BufReader::with_capacity(256 * 1024, zstd::stream::Decoder::with_buffer(source)?)));
    }
    Ok(Box::new(source))
}
