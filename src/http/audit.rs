//! The audit log as administrators read it. Nothing in the API changes a line: lines are made by the writes themselves, and go with their time.

use super::answer;
use super::article_query::CursorText;
use super::guard::Allowed;
use super::input::Query;
use super::listing::with_link;
use super::page::{List, PageInfo, ends, slice};
use super::problem::Problem;
use super::site::{Site, Worker};
use crate::domain::audit::{Occasion, Outcome};
use crate::domain::text::Id;
use crate::domain::time::Moment;
use crate::domain::user::Caller;
use crate::store;
use crate::store::audit::{self, AuditRow, Filter};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Who did what to what.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e71")]
    pub id: String,
    pub at: Moment,
    /// The operation of this contract. Commands on the server that do the same have the same name.
    #[schema(example = "update_article")]
    pub operation: String,
    pub outcome: Outcome,
    /// Why it was refused: the code of the problem, or what became known by it.
    #[schema(example = "invalid_credentials")]
    pub reason: Option<String>,
    pub actor: AuditActor,
    /// What it was done to; what is below a story counts as the story.
    pub target: Option<AuditTarget>,
    /// The names of the members that were changed. What they were and are stands in the thing's history, if it has one.
    #[schema(example = json!(["title", "body"]))]
    pub members: Vec<String>,
}

/// Who acted, by what means, and from where.
#[derive(Serialize, ToSchema)]
pub struct AuditActor {
    /// The account; it may be gone.
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e62")]
    pub user_id: Option<String>,
    /// The address that the account had then.
    #[schema(example = "editor@example.com")]
    pub email: Option<String>,
    /// `session`, `api_key`, `password`, `refresh_token`, `invitation`, `openid`, `command_line`, `schedule`, `system` or `none`.
    #[schema(example = "session")]
    pub credential: String,
    /// Which one of its kind: the id of a session or key. Never the secret.
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e6a")]
    pub credential_id: Option<String>,
    /// The address of the client, as this server saw it.
    #[schema(example = "203.0.113.7")]
    pub address: Option<String>,
    /// What the client said it is (`User-Agent`).
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")]
    pub device: Option<String>,
}

/// What something was done to; it may be gone.
#[derive(Serialize, ToSchema)]
pub struct AuditTarget {
    #[schema(example = "article")]
    pub kind: String,
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e61")]
    pub id: String,
}

/// A page of the audit log.
#[derive(Serialize, ToSchema)]
pub struct AuditPage {
    pub items: Vec<AuditEntry>,
    pub page: PageInfo,
}

/// A name as the log has them: an operation, a kind, a means.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(min_length = 1, max_length = 60, pattern = "^[a-z_]+$", example = "update_article")]
#[serde(transparent)]
pub struct AuditName(pub String);

/// An IP address.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[schema(min_length = 2, max_length = 45, pattern = "^[0-9A-Fa-f.:]+$", example = "203.0.113.7")]
#[serde(transparent)]
pub struct Address(pub String);

/// The parameters of the audit log.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListAudit {
    /// How many items a page has.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    pub limit: Option<u8>,
    /// The `next_cursor` of the page before.
    #[param(inline, nullable = false)]
    pub cursor: Option<CursorText>,
    /// Whether `page.total` is wanted, which costs a count.
    #[param(nullable = false)]
    pub count: Option<bool>,
    /// What this user (id) did.
    #[param(inline, nullable = false)]
    pub user: Option<Id>,
    /// What was done by this operation.
    #[param(inline, nullable = false)]
    pub operation: Option<AuditName>,
    /// Only what was done, or what was refused.
    #[param(inline, nullable = false)]
    pub outcome: Option<Outcome>,
    /// What was done by a credential of this kind.
    #[param(inline, nullable = false)]
    pub credential: Option<AuditName>,
    /// What was done from this address.
    #[param(inline, nullable = false)]
    pub address: Option<Address>,
    /// What was done to things of this kind.
    #[param(inline, nullable = false)]
    pub kind: Option<AuditName>,
    /// What was done to the thing of this id.
    #[param(inline, nullable = false)]
    pub id: Option<Id>,
    /// What was done at this moment and later.
    #[param(inline, nullable = false)]
    pub since: Option<Moment>,
    /// What was done before this moment.
    #[param(inline, nullable = false)]
    pub until: Option<Moment>,
}

impl ListAudit {
    /// What is asked, and the name that tells this list apart from all others.
    fn filter(&self) -> Result<(Filter, String), Problem> {
        let address = match &self.address {
            Some(Address(text)) => {
                let parsed = text.parse::<std::net::IpAddr>();
                Some(parsed.map_err(|_| Problem::invalid_parameter("address", "Name one IP address."))?.to_canonical().to_string())
            }
            None => None,
        };
        let name = |name: &Option<AuditName>| name.as_ref().map(|name| name.0.clone());
        let id = |id: &Option<Id>| id.as_ref().map(|id| id.0.clone());
        let filter = Filter {
            user_id: id(&self.user),
            operation: name(&self.operation),
            outcome: self.outcome,
            means: name(&self.credential),
            address,
            kind: name(&self.kind),
            target_id: id(&self.id),
            since: self.since,
            until: self.until,
        };
        let name = format!("audit?{filter:?}");
        Ok((filter, name))
    }
}

/// Lists what was done in the newsroom, the newest first: every write, every sign-in, and who was refused.
///
/// Lines are made with the writes themselves, in the same transaction, and no operation changes one. They go when their time is over
/// (`COPYDESK_AUDIT_DAYS`). No line holds a password, a token or a key.
#[utoipa::path(get, path = "/v1/audit", operation_id = "list_audit", tag = "audit", params(ListAudit), security(("bearer" = [])),
    responses((status = 200, description = "A page of the log", body = AuditPage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_audit(_caller: Allowed, request: HttpRequest, site: Site, query: Query<ListAudit>) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let (filter, name) = query.filter()?;
    let slice = slice(query.limit, query.cursor.as_ref().map(|cursor| cursor.0.as_str()), query.count, &name)?;
    let (expired, asked) = (site.audit_expired(), slice.clone());
    let work = move |conn: &mut store::Conn| {
        Ok::<_, store::Error>((audit::list(conn, &filter, expired, &asked)?, audit::has_expired(conn, expired)?))
    };
    let (page, has_expired) = site.store.read_long(work).await?;
    if has_expired {
        site.write(move |write| audit::purge(write, expired)).await?;
    }
    let ends = ends(&page.items, |row| Ok::<_, Problem>(audit::position(row)))?;
    let list = List::of(page, &slice, ends, &name);
    let link = list.link(&request);
    let items = list.items.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(with_link(answer::private(&AuditPage { items, page: list.page }, None)?, link))
}

fn entry(row: AuditRow) -> Result<AuditEntry, store::Error> {
    let AuditRow { id, created_at, operation, outcome, reason, user_id, email, means, means_id, address, device, kind, target_id, members } =
        row;
    let damaged = || store::Error::Damaged(format!("audit line {id}: outcome {outcome}"));
    Ok(AuditEntry {
        at: Moment::from_milliseconds(created_at),
        operation,
        outcome: Outcome::named(&outcome).ok_or_else(damaged)?,
        reason,
        actor: AuditActor { user_id, email, credential: means, credential_id: means_id, address, device },
        target: kind.zip(target_id).map(|(kind, id)| AuditTarget { kind, id }),
        members: members.split_ascii_whitespace().map(str::to_owned).collect(),
        id,
    })
}

/// Writes down that somebody who has shown who they are asked for what they may not. The refusal stands whether or not that succeeds.
pub async fn note_forbidden(request: &HttpRequest, site: &Worker, code: &'static str) {
    if !request.extensions().contains::<Caller>() {
        return;
    }
    let occasion = site.occasion(request);
    let noted = site.store.write(occasion, move |write| {
        write.note_refusal(code, None);
        Ok::<_, store::Error>(())
    });
    if let Err(error) = noted.await {
        tracing::error!(cause = %error, "a refusal could not be written into the audit log");
    }
}

/// Lets all lines go that have had their time.
pub async fn sweep(site: &Worker) {
    let expired = site.audit_expired();
    loop {
        let occasion = Occasion::of_system("purge_audit", site.now());
        match site.store.write(occasion, move |write| audit::purge(write, expired)).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                return tracing::error!(cause = %error, "old lines of the audit log could not be let go; they are tried again tomorrow");
            }
        }
    }
}
