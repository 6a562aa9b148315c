//! Many stories in one request: all or nothing, or each for itself.

use super::answer::Reply;
use super::article_input::{CreateArticle, ReadyArticle, draft_of, patched};
use super::articles::{EditArticle, Written, moved_on, thrown_away};
use super::contract::Contract;
use super::guard::Allowed;
use super::input::{Body, MergePatch, NoParameters, Query, fitting};
use super::note::RevisionNote;
use super::once::Once;
use super::precondition::IfMatch;
use super::problem::{Problem, ProblemDetails};
use super::site::{Desk, Site};
use super::workflow::{Asked, PublishArticle};
use crate::domain::breach::{Breach, Place};
use crate::domain::id;
use crate::domain::text::{Key, Remark};
use crate::domain::time::Moment;
use crate::domain::user::Caller;
use crate::store::Write;
use crate::store::articles::{self, Stamp, WorkingCopy};
use crate::store::slugs::{self, Kind};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::openapi::schema::{AnyOfBuilder, Ref};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

const PATH: &str = "/v1/articles/batch";

/// Operations on stories, done in order in one transaction.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchArticles {
    /// Whether one that is refused takes all others back; `true` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub atomic: Option<bool>,
    #[schema(min_items = 1, max_items = 100)]
    pub operations: Vec<BatchOperation>,
}

/// One operation.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchOperation {
    pub op: BatchVerb,
    /// The id or slug of the story; all but `create` need one. A story that the batch has made can be named by its slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub article: Option<Key>,
    /// The ETag of the version that you have seen, or `*`; all but `create` need it.
    #[schema(min_length = 1, max_length = 200, pattern = "^(\\*|\"[0-9]+-[0-9a-f]+\")$", example = "*")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
    /// Why, for the story's history. The header `Revision-Note` says the same for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Remark>,
    /// What the operation takes when it comes alone: a new story, a merge patch, how to publish. `unpublish` and `delete` take none.
    #[schema(value_type = Option<BatchBody>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchVerb {
    Create,
    Patch,
    Publish,
    Unpublish,
    Delete,
}

/// The body of an operation, by its kind.
pub struct BatchBody;

impl PartialSchema for BatchBody {
    fn schema() -> RefOr<Schema> {
        let of = |name: &str| Ref::from_schema_name(name);
        AnyOfBuilder::new().item(of("CreateArticle")).item(of("EditArticle")).item(of("PublishArticle")).into()
    }
}

impl ToSchema for BatchBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((EditArticle::name().into(), EditArticle::schema()));
        CreateArticle::schemas(schemas);
    }
}

/// What became of one operation: what it left of the story, or why it was refused.
#[derive(Serialize, ToSchema)]
pub struct BatchResult {
    /// The status that it would have had alone.
    #[schema(example = 201)]
    pub status: u16,
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e61")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[schema(example = "u-s-and-guatemala-address-migration-and-drug-trafficking")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// For `If-Match`, as in `"3-0"`.
    #[schema(example = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ProblemDetails>,
}

/// What became of each, in order.
#[derive(Serialize, ToSchema)]
pub struct BatchOutcome {
    pub results: Vec<BatchResult>,
}

/// An operation whose form is right.
#[derive(Clone)]
enum Ready {
    Create(Box<ReadyArticle>),
    Patch(Target, MergePatch<CreateArticle>),
    Step(Target, Asked),
    Delete(Target),
}

/// Which story, and which version of it has been seen.
#[derive(Clone)]
struct Target {
    key: String,
    expected: IfMatch,
}

/// Who does all this, by which settings.
#[derive(Clone)]
struct Batch {
    caller: Caller,
    desk: Arc<Desk>,
    expired: Moment,
}

/// Does up to 100 things to stories in one transaction: `create`, `patch`, `publish`, `unpublish`, `delete`.
///
/// All or nothing: the first that is refused takes the others back, and the answer is its problem, with `operation` counting from 0. With
/// `"atomic": false` each stands for itself, and each result says what became of it.
#[utoipa::path(post, path = "/v1/articles/batch", operation_id = "batch_articles", tag = "articles", request_body(content = BatchArticles, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "What became of each", body = BatchOutcome)))]
pub async fn batch_articles(
    caller: Allowed,
    site: Site,
    _query: Query<NoParameters>,
    once: Once,
    note: RevisionNote,
    body: Body<BatchArticles>,
) -> Result<HttpResponse, Problem> {
    let BatchArticles { atomic, operations } = body.read().await?;
    let is_atomic = atomic != Some(false);
    let stamp = site.stamp(&caller.0, note);
    if let Some(answer) = once.replay(&site).await? {
        return Ok(answer);
    }
    let desk = site.desk.clone();
    let read = move || Ok(operations.into_iter().map(|operation| asked(operation, &stamp, &desk.contract)).collect::<Vec<_>>());
    let asked = site.desk.typesetting.run(read).await?;
    if is_atomic {
        refuse_together(&asked)?;
    }
    let batch = Batch { caller: caller.0, desk: site.desk.clone(), expired: site.trash_expired() };
    loop {
        let (asked, batch) = (asked.clone(), batch.clone());
        let outcome = once.write(&site, move |write| batch.run(write, asked, is_atomic));
        match outcome.await {
            Ok(answer) => return Ok(answer),
            // An author or tag that one of them names has left in between: look again.
            Err(Written::Raced) => {}
            Err(Written::Refused(problem)) => return Err(problem),
        }
    }
}

/// What is asked, with the stamp of its own; or why it cannot be.
type AskedOperation = Result<(Ready, Stamp), Problem>;

fn asked(operation: BatchOperation, stamp: &Stamp, contract: &Contract) -> AskedOperation {
    let BatchOperation { op, article, if_match, note, body } = operation;
    let stamp = Stamp { note: note.map(|note| note.0).or_else(|| stamp.note.clone()), ..stamp.clone() };
    let mut breaches = Vec::new();
    let mut wanted = |member: &str, is_wanted: bool, is_there: bool| match (is_wanted, is_there) {
        (true, false) => breaches.push(Breach::member(format!("/{member}"), "required", format!("Add `{member}`."))),
        (false, true) => breaches.push(Breach::member(format!("/{member}"), "not_allowed", format!("Leave `{member}` out here."))),
        _ => {}
    };
    let is_new = op == BatchVerb::Create;
    wanted("article", !is_new, article.is_some());
    wanted("if_match", !is_new, if_match.is_some());
    match op {
        BatchVerb::Create | BatchVerb::Patch => wanted("body", true, body.is_some()),
        BatchVerb::Publish => {}
        BatchVerb::Unpublish | BatchVerb::Delete => wanted("body", false, body.is_some()),
    }
    if !breaches.is_empty() {
        return Err(Problem::invalid_body(breaches));
    }
    let target = || Target {
        key: article.map(|key| key.0).unwrap_or_default(),
        expected: if_match.as_deref().map_or(IfMatch::Versions(Vec::new()), IfMatch::parse),
    };
    let body = body.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let ready = match op {
        BatchVerb::Create => {
            fitting(body, contract).and_then(draft_of).and_then(ReadyArticle::prepared_first).map(|ready| Ready::Create(Box::new(ready)))
        }
        BatchVerb::Patch => MergePatch::fitting::<EditArticle>(body, contract).map(|patch| Ready::Patch(target(), patch)),
        BatchVerb::Publish => fitting::<PublishArticle>(body, contract).map(|publish| Ready::Step(target(), Asked::Publish(publish))),
        BatchVerb::Unpublish => Ok(Ready::Step(target(), Asked::Unpublish)),
        BatchVerb::Delete => Ok(Ready::Delete(target())),
    };
    ready.map(|ready| (ready, stamp)).map_err(|problem| below(problem, "/body"))
}

/// The breaches of all operations at once.
fn refuse_together(asked: &[AskedOperation]) -> Result<(), Problem> {
    let refused = asked.iter().enumerate().filter_map(|(index, asked)| Some((index, asked.as_ref().err()?)));
    let breaches: Vec<Breach> = refused.flat_map(|(index, problem)| of_operation(problem.clone(), index).errors).collect();
    if breaches.is_empty() { Ok(()) } else { Err(Problem::invalid_body(breaches)) }
}

impl Batch {
    fn run(&self, write: &mut Write<'_>, asked: Vec<AskedOperation>, is_atomic: bool) -> Result<Reply, Written> {
        let mut results = Vec::with_capacity(asked.len());
        for (index, asked) in asked.into_iter().enumerate() {
            let work = |write: &mut Write<'_>| self.carry_out(write, asked?);
            results.push(match if is_atomic { work(write) } else { write.attempt(work) } {
                Ok(result) => result,
                Err(Written::Refused(problem)) if is_atomic || problem.code.status().is_server_error() => {
                    let problem = of_operation(problem, index).with_member("operation", index);
                    return Err(Written::Refused(problem));
                }
                Err(Written::Refused(problem)) => refused(&of_operation(problem, index)),
                Err(Written::Raced) => return Err(Written::Raced),
            });
        }
        write.note_idle();
        Ok(Reply::private(&BatchOutcome { results }, None)?)
    }

    fn carry_out(&self, write: &mut Write<'_>, (ready, stamp): (Ready, Stamp)) -> Result<BatchResult, Written> {
        let (status, copy) = match ready {
            Ready::Create(ready) => {
                let id = id::new(stamp.now);
                let draft = ready.linked(write, &self.caller).map_err(|problem| below(problem, "/body"))?;
                (201, articles::insert(write, &id, draft, &stamp)?)
            }
            Ready::Patch(target, patch) => (200, self.patch(write, &target, &patch, &stamp)?),
            Ready::Step(Target { key, expected }, asked) => {
                let note = stamp.note.clone().or_else(|| asked.remark().map(|remark| remark.0.clone()));
                let stamp = Stamp { note, ..stamp };
                (200, moved_on(write, &self.caller, &key, &expected, &asked, &self.desk.settings.gate, &stamp)?)
            }
            Ready::Delete(Target { key, expected }) => {
                let row = thrown_away(write, &self.caller, &key, &expected, self.expired, &stamp)?.row;
                return Ok(BatchResult { status: 204, id: Some(row.id), slug: Some(row.slug), version: None, problem: None });
            }
        };
        let WorkingCopy { row, .. } = copy;
        Ok(BatchResult { status, id: Some(row.id), slug: Some(row.slug), version: Some(row.version), problem: None })
    }

    fn patch(
        &self,
        write: &mut Write<'_>,
        target: &Target,
        patch: &MergePatch<CreateArticle>,
        stamp: &Stamp,
    ) -> Result<WorkingCopy, Written> {
        let in_body = |problem| below(problem, "/body");
        slugs::take_turn(write, Kind::Article, &target.key)?;
        let (current, after) = patched(write, &target.key, &self.caller, &target.expected, patch).map_err(in_body)?;
        let Some(after) = after else { return Ok(current) };
        let draft = draft_of(after).and_then(|ready| ready.linked(write, &self.caller)).map_err(in_body)?;
        articles::update(write, &current.row.id, current.row.version, draft, current.row.state()?.saved(), stamp)?;
        Ok(articles::by_id(write, &current.row.id)?)
    }
}

fn refused(problem: &Problem) -> BatchResult {
    let status = problem.code.status().as_u16();
    BatchResult { status, id: None, slug: None, version: None, problem: Some(problem.details(PATH)) }
}

/// The problem of one operation: where its breaches are in the batch, and what became of the rest.
fn of_operation(problem: Problem, index: usize) -> Problem {
    below(problem, &format!("/operations/{index}"))
}

fn below(mut problem: Problem, pointer: &str) -> Problem {
    for breach in &mut problem.errors {
        if let Place::Pointer(inner) = &mut breach.place {
            inner.insert_str(0, pointer);
        }
    }
    problem
}
