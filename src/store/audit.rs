//! The audit log: a line for each thing that a write has done, kept in the transaction of the write itself.

use super::conn::{Conn, Write};
use super::error::Error;
use super::page::{Key, Page, Position, Slice, walk};
use super::schema::audit_log as audit;
use crate::domain::audit::{Account, Means, Occasion, Outcome};
use crate::domain::id;
use crate::domain::time::Moment;
use diesel::prelude::*;

/// How many lines that have had their time go at once.
pub const AT_ONCE: i64 = 1000;

/// A line as it is stored. Times are milliseconds.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit)]
pub struct AuditRow {
    pub id: String,
    pub created_at: i64,
    pub operation: String,
    pub outcome: String,
    /// Why it was refused: the code of a problem.
    pub reason: Option<String>,
    pub user_id: Option<String>,
    pub email: Option<String>,
    pub means: String,
    pub means_id: Option<String>,
    pub address: Option<String>,
    pub device: Option<String>,
    pub kind: Option<String>,
    pub target_id: Option<String>,
    /// The names of the members that were changed, with spaces between them.
    pub members: String,
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub user_id: Option<String>,
    pub operation: Option<String>,
    pub outcome: Option<Outcome>,
    pub means: Option<String>,
    pub address: Option<String>,
    pub kind: Option<String>,
    pub target_id: Option<String>,
    /// Lines of this moment and later.
    pub since: Option<Moment>,
    /// Lines before this moment.
    pub until: Option<Moment>,
}

/// What a write has done so far, and on which occasion.
pub(super) struct Log {
    occasion: Occasion,
    deeds: Vec<Deed>,
    /// If nothing is noted, that is because nothing was done.
    is_idle: bool,
}

struct Deed {
    occasion: Occasion,
    target: Option<(&'static str, String)>,
    members: Vec<String>,
    refusal: Option<&'static str>,
}

impl Log {
    pub(super) const fn new(occasion: Occasion) -> Self {
        Self { occasion, deeds: Vec::new(), is_idle: false }
    }

    /// An empty one on the same occasion.
    pub(super) fn part(&self) -> Self {
        Self::new(self.occasion.clone())
    }

    /// Takes over what a part of the write has done.
    pub(super) fn extend(&mut self, part: Self) {
        for Deed { occasion, target, members, refusal } in part.deeds {
            let deed = self.deed(occasion, target);
            deed.add(members);
            deed.refusal = refusal.or(deed.refusal);
        }
    }

    /// What is done to a thing by one operation: one deed, however often it is told.
    fn deed(&mut self, occasion: Occasion, target: Option<(&'static str, String)>) -> &mut Deed {
        let is_known = |deed: &Deed| target.is_some() && deed.target == target && deed.occasion.operation == occasion.operation;
        let place = self.deeds.iter().position(is_known).unwrap_or(self.deeds.len());
        if place == self.deeds.len() {
            self.deeds.push(Deed { occasion, target, members: Vec::new(), refusal: None });
        }
        &mut self.deeds[place]
    }

    fn deed_on(&mut self, kind: &'static str, id: &str) -> &mut Deed {
        self.deed(self.occasion.clone(), Some((kind, id.to_owned())))
    }

    /// Writes the lines down. A write that has noted nothing and has not said that nothing happened gets one without a target: better one
    /// that says little than none.
    pub(super) fn keep(mut self, conn: &mut Conn) -> Result<(), Error> {
        if self.deeds.is_empty() && !self.is_idle {
            self.deeds.push(Deed { occasion: self.occasion.clone(), target: None, members: Vec::new(), refusal: None });
        }
        // Of what one write did the ids are in order, too.
        let mut ids: Vec<String> = self.deeds.iter().map(|deed| id::new(deed.occasion.at)).collect();
        ids.sort_unstable();
        self.deeds.into_iter().zip(ids).try_for_each(|(deed, id)| insert(conn, &id, deed))
    }
}

impl Deed {
    fn add(&mut self, members: impl IntoIterator<Item = impl Into<String>>) {
        for member in members.into_iter().map(Into::into) {
            if !self.members.contains(&member) {
                self.members.push(member);
            }
        }
    }
}

impl Write<'_> {
    /// Says what this write does something to. Once for each thing, however often it is said.
    pub fn note(&mut self, kind: &'static str, id: &str) {
        self.log.deed_on(kind, id);
    }

    /// The same, with the names of the members that it changes.
    pub fn note_members(&mut self, kind: &'static str, id: &str, members: impl IntoIterator<Item = impl Into<String>>) {
        self.log.deed_on(kind, id).add(members);
    }

    /// Says that somebody was refused, and why: the code of the problem that they get, or what became known by it.
    pub fn note_refusal(&mut self, reason: &'static str, target: Option<(&'static str, &str)>) {
        let target = target.map(|(kind, id)| (kind, id.to_owned()));
        self.log.deed(self.log.occasion.clone(), target).refusal = Some(reason);
    }

    /// Says that the program did something to a thing along with what was asked.
    pub(super) fn note_by_system(&mut self, operation: &'static str, kind: &'static str, id: &str) {
        self.log.deed(Occasion::of_system(operation, self.log.occasion.at), Some((kind, id.to_owned())));
    }

    /// Says that if nothing is noted, nothing was done.
    pub const fn note_idle(&mut self) {
        self.log.is_idle = true;
    }

    /// Says who it is that acts, where that is known only in here. Holds for what is noted from now on.
    pub fn acts(&mut self, user: Account, means: Means) {
        self.log.occasion.user = Some(user);
        self.log.occasion.means = means;
    }

    /// Says which operation it is, where one write does several. Holds for what is noted from now on.
    pub fn does(&mut self, operation: &'static str) {
        self.log.occasion.operation = operation.into();
    }
}

fn insert(conn: &mut Conn, id: &str, deed: Deed) -> Result<(), Error> {
    let Deed { occasion: Occasion { operation, at, user, means, address, device }, target, members, refusal } = deed;
    let (user_id, email) = user.map(|Account { id, email }| (id, email)).unzip();
    let email = email.flatten();
    let (kind, target_id) = target.unzip();
    let outcome = if refusal.is_some() { Outcome::Refused } else { Outcome::Done };
    diesel::insert_into(audit::table)
        .values((
            (audit::id.eq(id), audit::created_at.eq(at.milliseconds()), audit::operation.eq(&*operation)),
            (audit::outcome.eq(outcome.name()), audit::reason.eq(refusal), audit::user_id.eq(user_id), audit::email.eq(email)),
            (audit::means.eq(means.name()), audit::means_id.eq(means.id()), audit::address.eq(address), audit::device.eq(device)),
            (audit::kind.eq(kind), audit::target_id.eq(target_id), audit::members.eq(members.join(" "))),
        ))
        .execute(conn)?;
    Ok(())
}

/// A page of lines after `expired`, the newest first.
pub fn list(conn: &mut Conn, filter: &Filter, expired: Moment, slice: &Slice) -> Result<Page<AuditRow>, Error> {
    let after = slice.after.as_ref();
    let query = filtered(filter, expired);
    let query = if slice.walks_down(true) {
        walk!(query, after, audit::created_at, audit::id, number, descending)
    } else {
        walk!(query, after, audit::created_at, audit::id, number, ascending)
    };
    let rows = query.limit(slice.rows()).select(AuditRow::as_select()).load(conn)?;
    let total = if slice.count { Some(filtered(filter, expired).count().get_result(conn)?) } else { None };
    Ok(slice.page(rows, total))
}

fn filtered(filter: &Filter, expired: Moment) -> audit::BoxedQuery<'static, <Conn as Connection>::Backend> {
    let Filter { user_id, operation, outcome, means, address, kind, target_id, since, until } = filter.clone();
    let mut query = audit::table.filter(audit::created_at.gt(expired.milliseconds())).into_boxed();
    if let Some(user_id) = user_id {
        query = query.filter(audit::user_id.eq(user_id));
    }
    if let Some(operation) = operation {
        query = query.filter(audit::operation.eq(operation));
    }
    if let Some(outcome) = outcome {
        query = query.filter(audit::outcome.eq(outcome.name()));
    }
    if let Some(means) = means {
        query = query.filter(audit::means.eq(means));
    }
    if let Some(address) = address {
        query = query.filter(audit::address.eq(address));
    }
    if let Some(kind) = kind {
        query = query.filter(audit::kind.eq(kind));
    }
    if let Some(target_id) = target_id {
        query = query.filter(audit::target_id.eq(target_id));
    }
    if let Some(since) = since {
        query = query.filter(audit::created_at.ge(since.milliseconds()));
    }
    if let Some(until) = until {
        query = query.filter(audit::created_at.lt(until.milliseconds()));
    }
    query
}

/// Where a line stands in its list.
pub fn position(row: &AuditRow) -> Position {
    Position { key: Key::Number(row.created_at), id: row.id.clone() }
}

/// Whether a line has had its time.
pub fn has_expired(conn: &mut Conn, expired: Moment) -> Result<bool, Error> {
    let oldest: Option<i64> = audit::table.order((audit::created_at, audit::id)).select(audit::created_at).first(conn).optional()?;
    Ok(oldest.is_some_and(|oldest| oldest <= expired.milliseconds()))
}

/// Lets some lines go that have had their time; answers how many. That leaves no line itself.
pub fn purge(write: &mut Write<'_>, expired: Moment) -> Result<usize, Error> {
    write.note_idle();
    let had_their_time = audit::table.filter(audit::created_at.le(expired.milliseconds()));
    let ids: Vec<String> = had_their_time.order((audit::created_at, audit::id)).limit(AT_ONCE).select(audit::id).load(write.conn)?;
    let gone = audit::table.filter(audit::created_at.le(expired.milliseconds()).and(audit::id.eq_any(ids)));
    Ok(diesel::delete(gone).execute(write.conn)?)
}
