//! API keys, but for the keys themselves: what is kept of each is a hash.

use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::{api_keys, users};
use super::users::{UserRow, mark};
use crate::domain::api_key::{Grant, Limits};
use crate::domain::rights::Scope;
use crate::domain::time::Moment;
use diesel::prelude::*;

/// A key as it is stored. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys)]
pub struct KeyRow {
    pub id: String,
    /// Its owner.
    pub user_id: String,
    pub label: String,
    /// The first characters of the key.
    pub prefix: String,
    pub scopes: String,
    pub limits: Option<String>,
    pub addresses: String,
    pub created_by: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub last_used_address: Option<String>,
}

/// A key to be kept.
#[derive(Clone, Debug)]
pub struct KeyDraft {
    pub id: String,
    pub user_id: String,
    pub label: String,
    pub hash: String,
    pub prefix: String,
    pub grant: Grant,
    pub created_by: Option<String>,
}

impl KeyRow {
    /// What it was given.
    pub fn grant(&self) -> Result<Grant, Error> {
        let damaged = || Error::Damaged(format!("API key {}", self.id));
        let scopes = self.scopes.split_ascii_whitespace().map(|name| Scope::named(name).ok_or_else(damaged)).collect::<Result<_, _>>()?;
        let limits: Option<Limits> = self.limits.as_deref().map(|json| serde_json::from_str(json).map_err(|_| damaged())).transpose()?;
        Ok(Grant {
            scopes,
            expires_at: self.expires_at.map(Moment::from_milliseconds),
            limits,
            addresses: self.addresses.split_ascii_whitespace().map(str::to_owned).collect(),
        })
    }
}

/// The key of that hash and its owner, whatever has become of them.
pub fn by_hash(conn: &mut Conn, hash: &str) -> Result<(KeyRow, UserRow), Error> {
    api_keys::table
        .inner_join(users::table)
        .filter(api_keys::hash.eq(hash))
        .select((KeyRow::as_select(), UserRow::as_select()))
        .first(conn)
        .or_not_found("API key")
}

/// The key of that id, with its owner's address.
pub fn by_id(conn: &mut Conn, id: &str) -> Result<(KeyRow, String), Error> {
    let found = api_keys::table.inner_join(users::table).filter(api_keys::id.eq(id));
    found.select((KeyRow::as_select(), users::email)).first(conn).or_not_found("API key")
}

/// A page of keys, the newest first, each with its owner's address.
pub fn list(conn: &mut Conn, slice: &Slice) -> Result<Page<(KeyRow, String)>, Error> {
    let (query, after) = (api_keys::table.inner_join(users::table).into_boxed(), slice.after.as_ref());
    let query = if slice.walks_down(true) {
        walk!(query, after, api_keys::created_at, api_keys::id, number, descending)
    } else {
        walk!(query, after, api_keys::created_at, api_keys::id, number, ascending)
    };
    let rows = query.limit(slice.rows()).select((KeyRow::as_select(), users::email)).load(conn)?;
    let total = if slice.count { Some(api_keys::table.count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

/// Where a key stands in the list.
pub fn position(row: &KeyRow) -> Position {
    Position { key: Key::Number(row.created_at), id: row.id.clone() }
}

/// Keeps a new key.
pub fn insert(write: &mut Write<'_>, draft: KeyDraft, now: Moment) -> Result<(), Error> {
    write.note("api_key", &draft.id);
    let KeyDraft { id, user_id, label, hash, prefix, grant, created_by } = draft;
    let Grant { scopes, expires_at, limits, addresses } = grant;
    let scopes: Vec<&str> = scopes.into_iter().map(Scope::name).collect();
    let limits = limits.map(|limits| serde_json::to_string(&limits)).transpose().map_err(|error| Error::Damaged(error.to_string()))?;
    diesel::insert_into(api_keys::table)
        .values((
            (api_keys::id.eq(id), api_keys::user_id.eq(user_id), api_keys::label.eq(label), api_keys::hash.eq(hash)),
            (api_keys::prefix.eq(prefix), api_keys::scopes.eq(scopes.join(" ")), api_keys::limits.eq(limits)),
            (api_keys::addresses.eq(addresses.join(" ")), api_keys::created_by.eq(created_by), api_keys::created_at.eq(now.milliseconds())),
            api_keys::expires_at.eq(expires_at.map(Moment::milliseconds)),
        ))
        .execute(write.conn)
        .or_raced()?;
    Ok(())
}

/// Notes that a key was used, and from where; an older use does not take the place of a newer one.
pub fn used(write: &mut Write<'_>, id: &str, address: &str, now: Moment) -> Result<(), Error> {
    // That somebody came with it is no deed; what they did with it is logged with that.
    write.note_idle();
    let now = now.milliseconds();
    let stale = api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(now).assume_not_null());
    diesel::update(api_keys::table.filter(api_keys::id.eq(id).and(stale)))
        .set((api_keys::last_used_at.eq(now), api_keys::last_used_address.eq(address)))
        .execute(write.conn)?;
    Ok(())
}

/// Revokes a key.
pub fn delete(write: &mut Write<'_>, id: &str) -> Result<(), Error> {
    let (row, _) = by_id(write, id)?;
    write.note("api_key", id);
    write.touch(mark(&row.user_id));
    diesel::delete(api_keys::table.find(id)).execute(write.conn)?;
    Ok(())
}
