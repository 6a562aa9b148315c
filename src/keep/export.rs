//! A newsroom as lines of JSON (NDJSON): the head, a line for each row, and an end that tells how many they were and their sum.
//!
//! ```text
//! {"copydesk_export":1,"program":"0.1.0","schema":"0009_sessions","made_at":"…","tables":{"users":["id",…],…},"rows":{"users":3,…}}
//! {"users":{"id":"0197…","email":"ana@example.com",…}}
//! {"end":{"rows":1042,"sha256":"…"}}
//! ```
//! The same newsroom makes the same lines on either database, the time in the head aside. Rows come in an order in which none refers to
//! one of a later table.

use super::disk::Summed;
use super::progress::Show;
use super::{Failure, disk};
use crate::domain::time::Moment;
use crate::store::{Conn, Error, applied, catalogue, pending, transfer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};

/// The form of the file, which grows when a reader of older forms could not read it.
pub const FORM: u32 = 1;
/// A line that is longer is no row of ours.
const LONGEST_LINE: usize = 256 * 1024 * 1024;

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    pub copydesk_export: u32,
    pub program: String,
    /// The newest migration that the database had seen.
    pub schema: String,
    pub made_at: Moment,
    /// The tables in their order, each with the columns of its rows.
    pub tables: serde_json::Map<String, Value>,
    pub rows: BTreeMap<String, u64>,
}

/// The last line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    pub end: Sum,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub rows: u64,
    /// SHA-256 of all lines before this one.
    pub sha256: String,
}

/// Writes the newsroom as it is now, row by row, while others read and write.
pub fn export(conn: &mut Conn, out: impl Write, now: Moment, show: Show) -> Result<Head, Failure> {
    // Of an older schema what is there: an import brings it up to date. A newer one is refused.
    pending(conn)?;
    transfer::in_snapshot(conn, |conn| write(conn, out, now, show))
}

fn write(conn: &mut Conn, out: impl Write, now: Moment, show: Show) -> Result<Head, Failure> {
    let tables = catalogue::kept(conn)?;
    let mut rows = BTreeMap::new();
    for table in &tables {
        rows.insert(table.name.clone(), catalogue::count(conn, table)?);
    }
    let columns = tables.iter().map(|table| {
        let columns = table.columns.iter().map(|column| Value::from(column.name.as_str())).collect();
        (table.name.clone(), Value::Array(columns))
    });
    let head = Head {
        copydesk_export: FORM,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: applied(conn)?.pop().unwrap_or_default(),
        made_at: now,
        tables: columns.collect(),
        rows,
    };
    let mut out = Summed::new(out);
    line(&mut out, &head)?;
    let total = head.rows.values().sum();
    let progress = show.rows("exporting", total);
    let mut written = 0;
    for table in &tables {
        transfer::each_row(conn, table, |row| {
            // Parsed and written again: the two databases put their spaces and escapes differently.
            let row: Value = serde_json::from_str(row).map_err(|error| Error::Damaged(format!("a row of {}: {error}", table.name)))?;
            line(&mut out, &BTreeMap::from([(table.name.as_str(), row)]))?;
            written += 1;
            progress.add(1);
            Ok::<_, Failure>(())
        })?;
    }
    let end = End { end: Sum { rows: written, sha256: out.sum() } };
    line(&mut out, &end)?;
    out.flush().map_err(unwritten)?;
    Ok(head)
}

fn line(out: &mut impl Write, value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec(value).map_err(|error| Failure(error.to_string()))?;
    text.push(b'\n');
    out.write_all(&text).map_err(unwritten)
}

fn unwritten(error: std::io::Error) -> Failure {
    Failure(format!("the export cannot be written: {error}"))
}

/// The lines of an export, from its head to its end.
pub struct Lines<R> {
    source: R,
    pub head: Head,
    hash: Sha256,
    line: Vec<u8>,
    number: u64,
}

/// A line after the head.
pub enum Line<'a> {
    /// A table's name and a row of it, JSON.
    Row(String, &'a str),
    /// The end, which fits what came before.
    End,
}

impl<R: BufRead> Lines<R> {
    /// Reads the head.
    pub fn open(source: R) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Form {
            copydesk_export: u32,
        }
        let mut lines = Self { source, head: no_head(), hash: Sha256::new(), line: Vec::new(), number: 0 };
        lines.next_line()?;
        let form: Form = serde_json::from_slice(&lines.line).map_err(|_| Failure::new("this is no export of Copydesk"))?;
        if form.copydesk_export != FORM {
            return Err(Failure::new("a newer copydesk made this export; import it with that one"));
        }
        lines.head = serde_json::from_slice(&lines.line).map_err(|error| Failure(format!("the head of the export is damaged: {error}")))?;
        lines.hash.update(&lines.line);
        Ok(lines)
    }

    /// The next row, or the end.
    pub fn step(&mut self) -> Result<Line<'_>, Failure> {
        self.next_line()?;
        let damaged = |number: u64| Failure(format!("line {number} of the export is damaged"));
        if self.line.starts_with(b"{\"end\":") {
            let End { end } = serde_json::from_slice(&self.line).map_err(|_| damaged(self.number))?;
            let sum = Sum { rows: self.number - 2, sha256: disk::hexadecimal(&self.hash.clone().finalize()) };
            let is_last = self.source.fill_buf().is_ok_and(<[u8]>::is_empty);
            return if end == sum && is_last { Ok(Line::End) } else { Err(Failure::new("the export is damaged: its sum does not fit")) };
        }
        self.hash.update(&self.line);
        let row: BTreeMap<String, &serde_json::value::RawValue> = serde_json::from_slice(&self.line).map_err(|_| damaged(self.number))?;
        let mut rows = row.into_iter();
        match (rows.next(), rows.next()) {
            (Some((table, row)), None) => Ok(Line::Row(table, row.get())),
            _ => Err(damaged(self.number)),
        }
    }

    fn next_line(&mut self) -> Result<(), Failure> {
        self.line.clear();
        self.number += 1;
        let mut limited = std::io::Read::take(&mut self.source, LONGEST_LINE as u64);
        let read = limited.read_until(b'\n', &mut self.line).map_err(|error| Failure(format!("the export cannot be read: {error}")))?;
        match self.line.last() {
            Some(b'\n') => Ok(()),
            _ if read >= LONGEST_LINE => Err(Failure(format!("line {} of the export is too long", self.number))),
            _ if self.number == 1 => Err(Failure::new("this is no export of Copydesk")),
            _ => Err(Failure(format!("the export ends early, after {} lines", self.number - 1))),
        }
    }
}

fn no_head() -> Head {
    Head {
        copydesk_export: FORM,
        program: String::new(),
        schema: String::new(),
        made_at: Moment::from_milliseconds(0),
        tables: serde_json::Map::new(),
        rows: BTreeMap::new(),
    }
}

/// Reads an export to its end and answers its head: whole, and as it was written.
pub fn verify(source: impl BufRead, show: Show) -> Result<Head, Failure> {
    let mut lines = Lines::open(source)?;
    let progress = show.rows("verifying", lines.head.rows.values().sum());
    let mut rows: BTreeMap<String, u64> = lines.head.rows.keys().map(|table| (table.clone(), 0)).collect();
    while let Line::Row(table, _) = lines.step()? {
        *rows.entry(table).or_default() += 1;
        progress.add(1);
    }
    if rows == lines.head.rows { Ok(lines.head) } else { Err(Failure::new("the export does not hold the rows that its head tells of")) }
}
