//! One-time links to set a password, and the mails that carry them.

use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::{credentials, invitations, user_identities, users};
use crate::domain::invitation::{MailState, Purpose};
use crate::domain::time::Moment;
use diesel::prelude::*;

/// A link as it is stored, without its token. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = invitations)]
pub struct InvitationRow {
    pub id: String,
    pub user_id: String,
    pub purpose: String,
    pub mail: String,
    pub mail_tries: i64,
    pub mail_error: Option<String>,
    pub created_by: Option<String>,
    pub created_at: i64,
    pub expires_at: i64,
}

/// A link with whom it is for: e-mail address, name, role.
pub type ForUser = (InvitationRow, (String, String, String));

/// A link that is to be made.
#[derive(Clone)]
pub struct InvitationDraft {
    pub id: String,
    pub user_id: String,
    pub purpose: Purpose,
    /// Of its token.
    pub hash: String,
    /// The token, sealed, if it is to go out by mail.
    pub sealed: Option<Vec<u8>>,
    pub created_by: Option<String>,
}

/// A mail that is due.
#[derive(Clone, Debug, Queryable)]
pub struct DueMail {
    pub id: String,
    pub user_id: String,
    pub purpose: String,
    pub sealed: Option<Vec<u8>>,
    pub tries: i64,
    pub expires_at: i64,
    pub email: String,
    pub name: String,
}

impl InvitationRow {
    pub fn purpose(&self) -> Result<Purpose, Error> {
        Purpose::named(&self.purpose).ok_or_else(|| Error::Damaged(format!("invitation {}: purpose {}", self.id, self.purpose)))
    }

    pub fn mail(&self) -> Result<MailState, Error> {
        MailState::named(&self.mail).ok_or_else(|| Error::Damaged(format!("invitation {}: mail {}", self.id, self.mail)))
    }
}

/// Puts a link in force; the one that was in force for the same account is not any more.
pub fn put(write: &mut Write<'_>, draft: InvitationDraft, now: Moment) -> Result<(), Error> {
    let InvitationDraft { id, user_id, purpose, hash, sealed, created_by } = draft;
    write.note("user", &user_id);
    delete_of_user(write, &user_id)?;
    let mail = if sealed.is_some() { MailState::Waiting } else { MailState::Off };
    diesel::insert_into(invitations::table)
        .values((
            (invitations::id.eq(id), invitations::user_id.eq(user_id), invitations::purpose.eq(purpose.name()), invitations::hash.eq(hash)),
            (invitations::mail.eq(mail.name()), invitations::mail_tries.eq(0), invitations::created_by.eq(created_by)),
            (invitations::mail_due_at.eq(sealed.as_ref().map(|_| now.milliseconds())), invitations::sealed.eq(sealed)),
            (invitations::created_at.eq(now.milliseconds()), invitations::expires_at.eq(purpose.end(now).milliseconds())),
        ))
        .execute(write.conn)
        .or_raced()?;
    Ok(())
}

/// The link of that token, if it is in force.
pub fn of_token(conn: &mut Conn, hash: &str, now: Moment) -> Result<Option<InvitationRow>, Error> {
    let good = invitations::hash.eq(hash).and(invitations::expires_at.gt(now.milliseconds()));
    Ok(invitations::table.filter(good).select(InvitationRow::as_select()).first(conn).optional()?)
}

/// The link of that id.
pub fn by_id(conn: &mut Conn, id: &str) -> Result<ForUser, Error> {
    let found = invitations::table.inner_join(users::table).filter(invitations::id.eq(id));
    found.select((InvitationRow::as_select(), (users::email, users::name, users::role))).first(conn).or_not_found("invitation")
}

/// A page of links that have not been used, the newest first.
pub fn list(conn: &mut Conn, slice: &Slice) -> Result<Page<ForUser>, Error> {
    let (query, after) = (invitations::table.inner_join(users::table).into_boxed(), slice.after.as_ref());
    let query = if slice.walks_down(true) {
        walk!(query, after, invitations::created_at, invitations::id, number, descending)
    } else {
        walk!(query, after, invitations::created_at, invitations::id, number, ascending)
    };
    let select = (InvitationRow::as_select(), (users::email, users::name, users::role));
    let rows = query.limit(slice.rows()).select(select).load(conn)?;
    let total = if slice.count { Some(invitations::table.count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

/// Where a link stands in its list.
pub fn position((row, _): &ForUser) -> Position {
    Position { key: Key::Number(row.created_at), id: row.id.clone() }
}

/// Uses a link up; only one of several who try at once does.
pub fn spend(write: &mut Write<'_>, id: &str) -> Result<bool, Error> {
    Ok(diesel::delete(invitations::table.find(id)).execute(write.conn)? == 1)
}

/// Ends whatever link an account has.
pub(super) fn delete_of_user(conn: &mut Conn, user_id: &str) -> Result<(), Error> {
    diesel::delete(invitations::table.filter(invitations::user_id.eq(user_id))).execute(conn)?;
    Ok(())
}

/// Whether an account has a password.
pub fn has_password(conn: &mut Conn, user_id: &str) -> Result<bool, Error> {
    let found: Option<String> = credentials::table.find(user_id).select(credentials::user_id).first(conn).optional()?;
    Ok(found.is_some())
}

/// Whether an account has ever been able to sign in: it has a password, or is somebody at another provider.
pub fn has_signed_in(conn: &mut Conn, user_id: &str) -> Result<bool, Error> {
    let elsewhere = user_identities::table.filter(user_identities::user_id.eq(user_id)).select(user_identities::user_id);
    let found: Option<String> = elsewhere.first(conn).optional()?;
    Ok(found.is_some() || has_password(conn, user_id)?)
}

/// Takes at most `most` mails that are due, and puts them off until `until`: of several processes one gets each.
pub fn take_due(write: &mut Write<'_>, now: Moment, until: Moment, most: i64) -> Result<Vec<DueMail>, Error> {
    write.note_idle();
    let due = invitations::table
        .inner_join(users::table)
        .filter(invitations::mail_due_at.le(now.milliseconds()))
        .order(invitations::mail_due_at)
        .limit(most)
        .select((
            invitations::id,
            invitations::user_id,
            invitations::purpose,
            invitations::sealed,
            invitations::mail_tries,
            invitations::expires_at,
            users::email,
            users::name,
        ))
        .load::<DueMail>(write.conn)?;
    let mut taken = Vec::new();
    for mail in due {
        let still = invitations::table.filter(invitations::id.eq(&mail.id).and(invitations::mail_due_at.le(now.milliseconds())));
        if diesel::update(still).set(invitations::mail_due_at.eq(until.milliseconds())).execute(write.conn)? == 1 {
            taken.push(mail);
        }
    }
    Ok(taken)
}

/// Whether a mail is due.
pub fn has_due(conn: &mut Conn, now: Moment) -> Result<bool, Error> {
    let due = invitations::table.filter(invitations::mail_due_at.le(now.milliseconds())).select(invitations::id);
    let first: Option<String> = due.first(conn).optional()?;
    Ok(first.is_some())
}

/// Notes what became of a mail; one that is tried again keeps its token, sealed.
pub fn note_mail(write: &mut Write<'_>, id: &str, state: MailState, again: Option<Moment>, error: Option<&str>) -> Result<(), Error> {
    write.note_idle();
    let row = invitations::table.find(id);
    diesel::update(row)
        .set((
            invitations::mail.eq(state.name()),
            invitations::mail_due_at.eq(again.map(Moment::milliseconds)),
            invitations::mail_tries.eq(invitations::mail_tries + 1),
            invitations::mail_error.eq(error),
        ))
        .execute(write.conn)?;
    if again.is_none() {
        diesel::update(row).set(invitations::sealed.eq(None::<Vec<u8>>)).execute(write.conn)?;
    }
    Ok(())
}
