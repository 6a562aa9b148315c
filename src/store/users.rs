//! Users and their credentials. The password hash lives in a table of its own and leaves it only to be verified.

use super::articles::won;
use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::identities;
use super::page::{Key, Page, Position, Slice, walk};
use super::previews;
use super::schema::{credentials, invitations, users};
use super::sessions;
use crate::domain::audit::Account;
use crate::domain::invitation::Purpose;
use crate::domain::time::Moment;
use crate::domain::user::Role;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

/// A user as it is stored, without any secret. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct UserRow {
    pub id: String,
    pub email: String,
    pub name: String,
    pub role: String,
    pub disabled: bool,
    /// Moves when what the user may do changes: tokens of another version are dead.
    pub token_version: i64,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub updated_by: Option<String>,
    /// Whether sign-in wants a code, too.
    pub second_factor: bool,
}

impl UserRow {
    pub fn role(&self) -> Result<Role, Error> {
        Role::named(&self.role).ok_or_else(|| Error::Damaged(format!("user {}: role {}", self.id, self.role)))
    }
}

impl From<&UserRow> for Account {
    fn from(row: &UserRow) -> Self {
        Self { id: row.id.clone(), email: Some(row.email.clone()) }
    }
}

/// What a save puts in place.
#[derive(Clone, Debug)]
pub struct UserDraft {
    /// Normalised: lower case.
    pub email: String,
    pub name: String,
    pub role: Role,
    pub disabled: bool,
    /// A PHC string; `None` keeps the password.
    pub password_hash: Option<String>,
}

/// The name of all that says who an account is and by which sessions and keys: its mark moves when any of it changes (`marks.rs`).
pub fn mark(id: &str) -> String {
    format!("user-{id}")
}

/// The user of that id.
pub fn by_id(conn: &mut Conn, id: &str) -> Result<UserRow, Error> {
    users::table.find(id).select(UserRow::as_select()).first(conn).or_not_found("user")
}

/// The user of that address (lower case).
pub fn by_email(conn: &mut Conn, email: &str) -> Result<UserRow, Error> {
    users::table.filter(users::email.eq(email)).select(UserRow::as_select()).first(conn).or_not_found("user")
}

/// The user and password hash (PHC string) behind an address, for sign-in alone.
pub fn credential(conn: &mut Conn, email: &str) -> Result<Option<(UserRow, String)>, Error> {
    let found = users::table
        .inner_join(credentials::table.on(credentials::user_id.eq(users::id)))
        .filter(users::email.eq(email))
        .select((UserRow::as_select(), credentials::password_hash))
        .first(conn);
    Ok(found.optional()?)
}

/// The password hash (PHC string) of a user, to be verified.
pub fn password_hash(conn: &mut Conn, id: &str) -> Result<Option<String>, Error> {
    Ok(credentials::table.find(id).select(credentials::password_hash).first(conn).optional()?)
}

/// A page of users, oldest first.
pub fn list(conn: &mut Conn, slice: &Slice) -> Result<Page<UserRow>, Error> {
    let (query, after) = (users::table.into_boxed(), slice.after.as_ref());
    let query = if slice.walks_down(false) {
        walk!(query, after, users::created_at, users::id, number, descending)
    } else {
        walk!(query, after, users::created_at, users::id, number, ascending)
    };
    let rows = query.limit(slice.rows()).select(UserRow::as_select()).load(conn)?;
    let total = if slice.count { Some(users::table.count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

/// Where a user stands in the list.
pub fn position(row: &UserRow) -> Position {
    Position { key: Key::Number(row.created_at), id: row.id.clone() }
}

/// Whether there is any user.
pub fn exist(conn: &mut Conn) -> Result<bool, Error> {
    let first: Option<String> = users::table.select(users::id).first(conn).optional()?;
    Ok(first.is_some())
}

/// Makes others who want to add or remove an administrator wait until this transaction ends.
/// SQLite has one writer and needs no lock.
pub fn lock_administrators(conn: &mut Conn) -> Result<(), Error> {
    if let Conn::Postgres(postgres) = conn {
        postgres.batch_execute("SELECT pg_advisory_xact_lock(26793376)")?;
    }
    Ok(())
}

/// How many administrators may sign in, `without` not counted; who has not accepted an invitation yet may not.
pub fn other_administrators(conn: &mut Conn, without: &str) -> Result<i64, Error> {
    let able = users::role.eq(Role::Admin.name()).and(users::disabled.eq(false)).and(users::id.ne(without));
    let invited = invitations::table.filter(invitations::purpose.eq(Purpose::Invitation.name())).select(invitations::user_id);
    Ok(users::table.filter(able.and(users::id.ne_all(invited))).count().get_result(conn)?)
}

pub fn insert(write: &mut Write<'_>, id: &str, draft: UserDraft, by: Option<&str>, now: Moment) -> Result<(), Error> {
    write.note("user", id);
    let conn = &mut *write.conn;
    diesel::insert_into(users::table)
        .values((
            (users::id.eq(id), users::email.eq(&draft.email), users::name.eq(draft.name), users::role.eq(draft.role.name())),
            (users::disabled.eq(draft.disabled), users::token_version.eq(1), users::version.eq(1)),
            (users::created_at.eq(now.milliseconds()), users::updated_at.eq(now.milliseconds()), users::updated_by.eq(by)),
        ))
        .execute(conn)
        .or_taken("email", &draft.email)?;
    if let Some(hash) = draft.password_hash {
        diesel::insert_into(credentials::table).values((credentials::user_id.eq(id), credentials::password_hash.eq(hash))).execute(conn)?;
    }
    Ok(())
}

/// Ends all sessions and tokens of a user, those of identity providers, too.
pub fn sign_out_everywhere(write: &mut Write<'_>, id: &str, now: Moment) -> Result<(), Error> {
    write.note("user", id);
    sessions::end_all(write, id)?;
    identities::end_tokens(write, id, now)?;
    diesel::update(users::table.find(id)).set(users::token_version.eq(users::token_version + 1)).execute(write.conn)?;
    Ok(())
}

/// Replaces the user of version `seen`. A change of role, of the password, or a disabling ends all tokens at once, sessions end with the latter two; a link to set a password ends with the password, previews end with a
/// disabling, a lower role or a new password.
pub fn update(write: &mut Write<'_>, current: &UserRow, draft: UserDraft, by: Option<&str>, now: Moment) -> Result<(), Error> {
    write.note_members("user", &current.id, changed(current, &draft));
    write.touch(mark(&current.id));
    let conn = &mut *write.conn;
    let ends_tokens = draft.role.name() != current.role || draft.disabled != current.disabled || draft.password_hash.is_some();
    let changed = diesel::update(users::table.filter(users::id.eq(&current.id).and(users::version.eq(current.version))))
        .set((
            (users::email.eq(&draft.email), users::name.eq(draft.name), users::role.eq(draft.role.name())),
            (users::disabled.eq(draft.disabled), users::token_version.eq(current.token_version + i64::from(ends_tokens))),
            (users::version.eq(current.version + 1), users::updated_at.eq(now.milliseconds()), users::updated_by.eq(by)),
        ))
        .execute(conn)
        .or_taken("email", &draft.email)?;
    won(changed)?;
    if draft.disabled || draft.role < current.role()? || draft.password_hash.is_some() {
        previews::delete_of_user(conn, &current.id)?;
    }
    if draft.disabled || draft.password_hash.is_some() {
        sessions::end_all(write, &current.id)?;
        identities::end_tokens(write, &current.id, now)?;
    }
    let conn: &mut Conn = &mut *write;
    let Some(hash) = draft.password_hash else { return Ok(()) };
    super::invitations::delete_of_user(conn, &current.id)?;
    diesel::delete(credentials::table.find(&current.id)).execute(conn)?;
    diesel::insert_into(credentials::table)
        .values((credentials::user_id.eq(&current.id), credentials::password_hash.eq(hash)))
        .execute(conn)?;
    Ok(())
}

/// The names of the members that a save changes.
fn changed(current: &UserRow, draft: &UserDraft) -> Vec<&'static str> {
    let UserDraft { email, name, role, disabled, password_hash } = draft;
    let members = [
        ("email", *email != current.email),
        ("name", *name != current.name),
        ("role", role.name() != current.role),
        ("disabled", *disabled != current.disabled),
        ("password", password_hash.is_some()),
    ];
    members.into_iter().filter(|(_, differs)| *differs).map(|(member, _)| member).collect()
}

/// Deletes the user of version `seen`; stories and bylines stay.
pub fn delete(write: &mut Write<'_>, id: &str, seen: i64) -> Result<(), Error> {
    write.note("user", id);
    write.touch(mark(id));
    won(diesel::delete(users::table.filter(users::id.eq(id).and(users::version.eq(seen)))).execute(write.conn)?)
}
