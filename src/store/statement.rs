//! Statements of constant words and bound values, for what the typed DSL cannot say to both databases in one breath.
//!
//! Words are `&'static str`: no text that came from outside can become SQL. A statement that comes up again is prepared once.

use super::conn::Conn;
use super::error::Error;
use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Integer, Text};
use std::marker::PhantomData;

/// A statement in the making.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    parts: Vec<Part>,
    /// Whether it comes in so many shapes that keeping each prepared would fill the memory.
    is_rare: bool,
}

#[derive(Clone, Debug)]
enum Part {
    Words(&'static str),
    Text(String),
    Number(i64),
}

impl Statement {
    pub fn words(&mut self, words: &'static str) -> &mut Self {
        self.parts.push(Part::Words(words));
        self
    }

    pub fn text(&mut self, value: impl Into<String>) -> &mut Self {
        self.parts.push(Part::Text(value.into()));
        self
    }

    pub fn number(&mut self, value: i64) -> &mut Self {
        self.parts.push(Part::Number(value));
        self
    }

    /// A list in brackets, as `IN` wants it.
    pub fn texts<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) -> &mut Self {
        for (index, value) in values.into_iter().enumerate() {
            self.words(if index == 0 { "(" } else { ", " }).text(value);
        }
        self.words(")")
    }

    /// A list of numbers in brackets.
    pub fn numbers(&mut self, values: &[i64]) -> &mut Self {
        for (index, value) in values.iter().enumerate() {
            self.words(if index == 0 { "(" } else { ", " }).number(*value);
        }
        self.words(")")
    }

    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Says that it is not worth keeping prepared.
    pub const fn rare(&mut self) -> &mut Self {
        self.is_rare = true;
        self
    }

    pub(super) fn append(&mut self, other: Self) -> &mut Self {
        self.is_rare |= other.is_rare;
        self.parts.extend(other.parts);
        self
    }

    /// The statement with the types of its columns.
    pub(super) const fn rows<Columns>(self) -> Rows<Columns> {
        Rows { statement: self, columns: PhantomData }
    }
}

/// A statement that answers rows of `Columns`.
#[derive(Clone, Debug)]
pub(super) struct Rows<Columns> {
    statement: Statement,
    columns: PhantomData<Columns>,
}

impl<Columns: 'static> QueryId for Rows<Columns> {
    type QueryId = ();
    /// The text is the identity: two statements of one type differ in their words.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Columns> Query for Rows<Columns> {
    type SqlType = Columns;
}

impl<Columns, C> RunQueryDsl<C> for Rows<Columns> {}

impl<Columns, DB> QueryFragment<DB> for Rows<Columns>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.statement.is_rare {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.statement.parts {
            match part {
                Part::Words(words) => out.push_sql(words),
                Part::Text(value) => out.push_bind_param::<Text, String>(value)?,
                Part::Number(value) => out.push_bind_param::<BigInt, i64>(value)?,
            }
        }
        Ok(())
    }
}

/// Runs one expression on whichever connection there is: the concrete types are a fifth faster than the enum over them.
macro_rules! on_either {
    ($conn:expr, $inner:ident => $work:expr) => {
        match $conn {
            Conn::Sqlite($inner) => $work,
            Conn::Postgres($inner) => $work,
        }
    };
}
pub(super) use on_either;

/// How the database would carry out a statement, line by line. On PostgreSQL with scans and sorts priced out of the market,
/// so that those which remain cannot be avoided: on small tables they would be the cheapest.
pub fn plan(conn: &mut Conn, statement: Statement) -> Result<Vec<String>, Error> {
    use diesel::connection::SimpleConnection;
    let mut explained = Statement::default();
    match conn {
        Conn::Sqlite(sqlite) => {
            explained.words("EXPLAIN QUERY PLAN ").append(statement).rare();
            let rows: Vec<(i32, i32, i32, String)> = explained.rows::<(Integer, Integer, Integer, Text)>().load(sqlite)?;
            Ok(rows.into_iter().map(|(.., line)| line).collect())
        }
        Conn::Postgres(postgres) => {
            postgres.batch_execute("SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off")?;
            explained.words("EXPLAIN (COSTS OFF) ").append(statement).rare();
            Ok(explained.rows::<Text>().load(postgres)?)
        }
    }
}
