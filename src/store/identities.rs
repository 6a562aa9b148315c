//! Who accounts are at OpenID Connect providers, and sign-ins that have begun here and go on there.

use super::conn::{Conn, Write};
use super::error::{Error, Expect};
use super::schema::{oidc_sign_ins as sign_ins, user_identities as identities};
use crate::domain::time::Moment;
use diesel::prelude::*;

/// An identity as it is stored. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = identities)]
pub struct IdentityRow {
    pub issuer: String,
    pub subject: String,
    pub user_id: String,
    pub created_at: i64,
    /// When the newest token was issued whose claims have set the role.
    pub claims_at: i64,
    /// Tokens that the provider issued earlier count no more.
    pub valid_from: i64,
}

pub fn find(conn: &mut Conn, issuer: &str, subject: &str) -> Result<Option<IdentityRow>, Error> {
    let of_both = identities::issuer.eq(issuer).and(identities::subject.eq(subject));
    Ok(identities::table.filter(of_both).select(IdentityRow::as_select()).first(conn).optional()?)
}

/// Whether an account is somebody at that issuer already.
pub fn has_one(conn: &mut Conn, issuer: &str, user_id: &str) -> Result<bool, Error> {
    let of_both = identities::issuer.eq(issuer).and(identities::user_id.eq(user_id));
    let found: Option<String> = identities::table.filter(of_both).select(identities::subject).first(conn).optional()?;
    Ok(found.is_some())
}

/// Ties an identity to its account.
pub fn insert(write: &mut Write<'_>, row: &IdentityRow) -> Result<(), Error> {
    write.note("user", &row.user_id);
    diesel::insert_into(identities::table).values(row).execute(write.conn).or_raced()?;
    Ok(())
}

/// Says that the claims of a token of that moment have set the role.
pub fn settle(conn: &mut Conn, issuer: &str, subject: &str, claims_at: i64) -> Result<(), Error> {
    let of_both = identities::issuer.eq(issuer).and(identities::subject.eq(subject));
    let older = identities::table.filter(of_both.and(identities::claims_at.lt(claims_at)));
    diesel::update(older).set(identities::claims_at.eq(claims_at)).execute(conn)?;
    Ok(())
}

/// Refuses the tokens from now on that providers have issued to a user before.
pub fn end_tokens(conn: &mut Conn, user_id: &str, now: Moment) -> Result<(), Error> {
    let of_user = identities::table.filter(identities::user_id.eq(user_id));
    diesel::update(of_user).set(identities::valid_from.eq(now.milliseconds())).execute(conn)?;
    Ok(())
}

/// Keeps a sign-in by the hash of its ticket, and forgets those that were not ended in time.
pub fn begin_sign_in(conn: &mut Conn, name: &str, redirect_uri: &str, expires_at: Moment, now: Moment) -> Result<(), Error> {
    diesel::delete(sign_ins::table.filter(sign_ins::expires_at.le(now.milliseconds()))).execute(conn)?;
    let row = (sign_ins::state.eq(name), sign_ins::redirect_uri.eq(redirect_uri), sign_ins::expires_at.eq(expires_at.milliseconds()));
    diesel::insert_into(sign_ins::table).values(row).execute(conn)?;
    Ok(())
}

/// Takes a sign-in out, once; answers the address that it was to come back to, if it was begun and is in time.
pub fn take_sign_in(conn: &mut Conn, name: &str, now: Moment) -> Result<Option<String>, Error> {
    let in_time = sign_ins::state.eq(name).and(sign_ins::expires_at.gt(now.milliseconds()));
    let found: Option<String> = sign_ins::table.filter(in_time).select(sign_ins::redirect_uri).first(conn).optional()?;
    let taken = diesel::delete(sign_ins::table.filter(sign_ins::state.eq(name))).execute(conn)?;
    Ok(found.filter(|_| taken == 1))
}
