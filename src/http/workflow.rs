//! The way of a story through the newsroom: to a reviewer and back, into the archive, off the site and on again.

use super::article_input::{draft_again, keep_within, permitted};
use super::articles::{Written, shown, transition};
use super::finished;
use super::guard::Allowed;
use super::input::{Body, Name, NoParameters, Nothing, Query};
use super::note::RevisionNote;
use super::once::Once;
use super::precondition::IfMatch;
use super::problem::{Code, Problem};
use super::representation::WorkingArticle;
use super::site::Site;
use crate::domain::article::{InvalidTransition, State, Transition, step};
use crate::domain::breach::Breach;
use crate::domain::gate::{self, Candidate, Rule};
use crate::domain::permission::Deed;
use crate::domain::text::{Id, Remark};
use crate::domain::time::Moment;
use crate::domain::user::Caller;
use crate::store;
use crate::store::articles::{self, Draft, Stamp, WorkingCopy};
use crate::store::{Conn, Write, links, publishing, users};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How to publish.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishArticle {
    /// Whether the change is not worth telling: `content_updated_at` stays where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor: Option<bool>,
    /// Why, for the newsroom; it stands in the story's history. The header `Revision-Note` says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Remark>,
}

/// What to tell the reviewer, and who that is.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitArticle {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<Remark>,
    /// The id of the user who is to review it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Id>,
}

impl SubmitArticle {
    pub fn assignee(&self) -> Option<&str> {
        self.assignee.as_ref().map(|id| id.0.as_str())
    }
}

/// What to tell the writer.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnArticle {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<Remark>,
}

/// What to tell the public.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KillArticle {
    /// Shown to everybody who asks for the story.
    pub reason: Remark,
}

/// A transition with what it takes along.
#[derive(Clone)]
pub enum Asked {
    Publish(PublishArticle),
    Unpublish,
    Submit(SubmitArticle),
    Return(ReturnArticle),
    Archive,
    Unarchive,
    Kill(KillArticle),
}

impl Asked {
    pub const fn transition(&self) -> Transition {
        match self {
            Self::Publish(_) => Transition::Publish,
            Self::Unpublish => Transition::Unpublish,
            Self::Submit(_) => Transition::Submit,
            Self::Return(_) => Transition::Return,
            Self::Archive => Transition::Archive,
            Self::Unarchive => Transition::Unarchive,
            Self::Kill(_) => Transition::Kill,
        }
    }

    /// What is said with it, for the story's history.
    pub const fn remark(&self) -> Option<&Remark> {
        match self {
            Self::Publish(publish) => publish.note.as_ref(),
            Self::Submit(submit) => submit.comment.as_ref(),
            Self::Return(back) => back.comment.as_ref(),
            Self::Kill(kill) => Some(&kill.reason),
            Self::Unpublish | Self::Archive | Self::Unarchive => None,
        }
    }

    /// What stands among the story's comments, too.
    pub fn comment(&self) -> Option<&str> {
        self.remark().filter(|_| matches!(self, Self::Submit(_) | Self::Return(_))).map(|remark| remark.0.as_str())
    }

    /// The state that it leads to.
    pub fn after(&self, before: State, now: Moment) -> Result<State, InvalidTransition> {
        let after = step(before, self.transition(), now)?;
        let is_minor = matches!(self, Self::Publish(publish) if publish.minor == Some(true));
        Ok(if is_minor { after.as_minor_since(before) } else { after })
    }

    /// What the state does not tell: the operator's gate, and whether there is such an assignee.
    pub fn check(&self, conn: &mut Conn, current: &WorkingCopy, rules: &[Rule], stamp: &Stamp) -> Result<(), Problem> {
        match self {
            Self::Publish(_) => {
                embargo(current, stamp.now)?;
                pass_gate(rules, current, &stamp.user_id)
            }
            Self::Submit(submit) => submit.assignee().map_or(Ok(()), |id| can_review(conn, id)),
            _ => Ok(()),
        }
    }
}

/// Refuses a story that is under embargo.
fn embargo(story: &WorkingCopy, now: Moment) -> Result<(), Problem> {
    match story.row.embargo_until.map(Moment::from_milliseconds) {
        Some(until) if now < until => {
            let detail = format!("The story is under embargo until {until}. Schedule it for then, or change the embargo by `schedule`.");
            Err(Problem::new(Code::Embargoed, detail).with_member("embargo_until", until.to_string()))
        }
        _ => Ok(()),
    }
}

/// Refuses a story that lacks what the operator wants of each that is published, with all that it lacks.
pub fn pass_gate(rules: &[Rule], story: &WorkingCopy, publisher: &str) -> Result<(), Problem> {
    let (content, edited_by) = (story.row.content()?, story.row.edited_by.as_deref());
    let candidate = Candidate { content: &content, authors: story.authors.len(), tags: story.tags.len(), edited_by, publisher };
    let errors = gate::check(rules, candidate);
    if errors.is_empty() {
        return Ok(());
    }
    Err(Problem {
        errors,
        ..Problem::new(Code::NotReady, "This newsroom publishes stories that have what `errors` names. Nothing was changed.")
    })
}

fn can_review(conn: &mut Conn, user_id: &str) -> Result<(), Problem> {
    match users::by_id(conn, user_id) {
        Ok(user) if !user.disabled => Ok(()),
        Ok(_) | Err(store::Error::NotFound(_)) => {
            Err(Problem::invalid_body(vec![Breach::member("/assignee", "unknown", "There is no user of this id who can sign in.")]))
        }
        Err(other) => Err(other.into()),
    }
}

/// Hands a draft to a reviewer.
///
/// The queue of a reviewer is `GET /v1/articles?view=working&status=in_review&assignee=me`.
#[utoipa::path(post, path = "/v1/articles/{article}/submit", operation_id = "submit_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = SubmitArticle, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, in review", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn submit_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<SubmitArticle>,
) -> Result<HttpResponse, Problem> {
    let asked = Asked::Submit(body.read().await?);
    transition(&site, once, caller.0, key.into_inner(), expected, note, asked).await
}

/// Hands a story in review back to its writer: it is a draft again.
#[utoipa::path(post, path = "/v1/articles/{article}/return", operation_id = "return_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = ReturnArticle, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, a draft again", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn return_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<ReturnArticle>,
) -> Result<HttpResponse, Problem> {
    let asked = Asked::Return(body.read().await?);
    transition(&site, once, caller.0, key.into_inner(), expected, note, asked).await
}

/// Puts a story away: what is live of it is taken down, and it waits in the archive.
#[utoipa::path(post, path = "/v1/articles/{article}/archive", operation_id = "archive_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = Nothing, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, archived", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn archive_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    body.read().await?;
    transition(&site, once, caller.0, key.into_inner(), expected, note, Asked::Archive).await
}

/// Takes a story out of the archive: it is a draft again, with the dates that it had.
#[utoipa::path(post, path = "/v1/articles/{article}/unarchive", operation_id = "unarchive_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = Nothing, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, a draft again", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn unarchive_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    body.read().await?;
    transition(&site, once, caller.0, key.into_inner(), expected, note, Asked::Unarchive).await
}

/// Takes a live story back in public: its addresses answer 410 with the reason, and it is gone from everywhere else.
///
/// Its dates, corrections and history stay. It can be edited meanwhile; `unkill` brings the very copy back that was live, and
/// `unpublish` takes the notice away and makes it a draft.
#[utoipa::path(post, path = "/v1/articles/{article}/kill", operation_id = "kill_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = KillArticle, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, killed", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn kill_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<KillArticle>,
) -> Result<HttpResponse, Problem> {
    let asked = Asked::Kill(body.read().await?);
    transition(&site, once, caller.0, key.into_inner(), expected, note, asked).await
}

/// Brings a killed story back as it was live, with its dates. What was edited meanwhile stays unpublished.
#[utoipa::path(post, path = "/v1/articles/{article}/unkill", operation_id = "unkill_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = Nothing, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, live again", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn unkill_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    body.read().await?;
    let unkill = |write: &mut Write<'_>, current: WorkingCopy, draft: Draft, version, after, stamp: &Stamp| {
        let was = articles::with_content(write, current, draft)?;
        finished::unkill(write, &was, version, after, stamp)
    };
    go_back(&site, &once, (&caller.0, note), &key.into_inner(), &expected, Transition::Unkill, unkill).await
}

/// Drops what was not published: the working copy becomes the live copy again.
///
/// Only where there is a live copy; one without unpublished changes stays as it is.
#[utoipa::path(post, path = "/v1/articles/{article}/discard", operation_id = "discard_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = Nothing, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, as the public reads it", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn discard_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<Nothing>,
) -> Result<HttpResponse, Problem> {
    body.read().await?;
    let discard = |write: &mut Write<'_>, current: WorkingCopy, draft: Draft, _version, after, stamp: &Stamp| {
        articles::replace(write, &current.row.id, current.row.version, draft, after, "discard", stamp)
    };
    go_back(&site, &once, (&caller.0, note), &key.into_inner(), &expected, Transition::Discard, discard).await
}

/// How what was published is put where it belongs: the current copy, the published content and its version, and the new state.
type PutBack = fn(&mut Write<'_>, WorkingCopy, Draft, i64, State, &Stamp) -> Result<(), store::Error>;

/// Takes up what was published again. It is rendered outside the transaction, as saved stories are.
async fn go_back(
    site: &Site,
    once: &Once,
    (by, note): (&Caller, RevisionNote),
    key: &str,
    expected: &IfMatch,
    transition: Transition,
    put_back: PutBack,
) -> Result<HttpResponse, Problem> {
    if let Some(answer) = once.replay(site).await? {
        return Ok(answer);
    }
    let stamp = site.stamp(by, note);
    loop {
        let (key, caller, expected) = (key.to_owned(), by.clone(), expected.clone());
        let stamp = stamp.clone();
        let now = stamp.now;
        let (current, after, edition) = site
            .store
            .read(move |conn| -> Result<_, Problem> {
                let current = permitted(conn, &key, &caller, Deed::Step(transition), &expected)?;
                let before = current.row.state()?;
                let after = step(before, transition, now)?;
                let edition = if after == before { None } else { Some(published(conn, &current.row.id)?) };
                Ok((current, after, edition))
            })
            .await?;
        let Some((edition, author_ids, tag_ids)) = edition else { return Ok(shown(current, &site.desk)?.into()) };
        let version = edition.version;
        let draft = site.desk.typesetting.run(move || draft_again(edition, author_ids, tag_ids)).await?;
        let (desk, by) = (site.desk.clone(), by.clone());
        let outcome = once.write(site, move |write| -> Result<_, Written> {
            let id = current.row.id.clone();
            keep_within(write, &by, &draft)?;
            put_back(write, current, draft, version, after, &stamp)?;
            Ok(shown(articles::by_id(write, &id)?, &desk)?)
        });
        match outcome.await {
            Ok(answer) => return Ok(answer),
            // Another write slipped in between: look again, and judge by what is there now.
            Err(Written::Raced) => {}
            Err(Written::Refused(problem)) => return Err(problem),
        }
    }
}

/// What was published of a story, and those of its authors and tags that there are still.
fn published(conn: &mut Conn, id: &str) -> Result<(publishing::Edition, Vec<String>, Vec<String>), store::Error> {
    let edition = publishing::edition(conn, id)?;
    let author_ids = links::author_ids(conn, &edition.author_ids)?.into_iter().flatten().collect();
    let tag_ids = links::tag_ids(conn, &edition.tag_ids)?.into_iter().flatten().collect();
    Ok((edition, author_ids, tag_ids))
}
