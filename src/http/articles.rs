//! Stories: read live or working, write, publish, take down, throw away.

use super::answer::{self, Reply};
use super::article_input::{CreateArticle, draft_of, found, patched, permitted};
use super::article_query::{AskedList, ListArticles, ReadArticle, View};
use super::finished;
use super::guard::{Allowed, Anyone};
use super::input::{Body, Edit, Name, NoParameters, Nothing, Query};
use super::listing::{ChooseSlug, with_link};
use super::live;
use super::note::RevisionNote;
use super::once::Once;
use super::page::{Fields, List, PageInfo, ends};
use super::precondition::IfMatch;
use super::previews::{self, Reader};
use super::problem::Problem;
use super::representation::{Article, Format, WorkingArticle, working, working_with};
use super::schedules::cancelled_by;
use super::site::{Desk, Site, Worker};
use super::workflow::{Asked, PublishArticle};
use crate::domain::article::State;
use crate::domain::gate;
use crate::domain::id;
use crate::domain::permission::Deed;
use crate::domain::schedule::Action;
use crate::domain::time::Moment;
use crate::domain::user::Caller;
use crate::store::articles::{self, Stamp, WorkingCopy};
use crate::store::comments::{self, Said};
use crate::store::publishing;
use crate::store::schedules;
use crate::store::slugs::{self, Kind};
use crate::store::{self, Conn, Write, trash};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

pub type EditArticle = Edit<CreateArticle>;

/// A page of stories.
#[derive(Serialize, ToSchema)]
pub struct ArticlePage {
    pub items: Vec<Article>,
    pub page: PageInfo,
}

/// A story in the view that was asked for.
pub struct ArticleView;

impl utoipa::PartialSchema for ArticleView {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{AnyOfBuilder, Ref};
        AnyOfBuilder::new().item(Ref::from_schema_name("WorkingArticle")).item(Ref::from_schema_name("Article")).into()
    }
}

impl ToSchema for ArticleView {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        use utoipa::PartialSchema;
        schemas.push((Article::name().into(), Article::schema()));
        schemas.push((WorkingArticle::name().into(), WorkingArticle::schema()));
        Article::schemas(schemas);
        WorkingArticle::schemas(schemas);
    }
}

/// Lists stories, the newest first.
///
/// A plain list shows the live view; `view=working` shows working copies, drafts included, to those who have signed in.
/// Filters: a comma inside one means or, several mean and. Follow `next_cursor` until it is absent.
#[utoipa::path(get, path = "/v1/articles", operation_id = "list_articles", tag = "articles", params(ListArticles), security((), ("bearer" = [])),
    responses((status = 200, description = "A page of stories", body = ArticlePage, headers(("Link" = Option<String>, description = "The pages beside this one (RFC 8288): next, absent on the last page, and prev, absent on the first.")))))]
pub async fn list_articles(caller: Anyone, request: HttpRequest, site: Site, query: Query<ListArticles>) -> Result<HttpResponse, Problem> {
    if query.0.view == Some(View::Working) {
        let caller = caller.signed_in()?;
        return list_working(caller, &request, &site, query.0.checked(true, &site.desk.contract)?).await;
    }
    Ok(answer::finished(live::list(&site, &request, query.0.checked(false, &site.desk.contract)?).await?))
}

async fn list_working(caller: Caller, request: &HttpRequest, site: &Worker, list: AskedList) -> Result<HttpResponse, Problem> {
    let AskedList { query, name, order, descending, slice, fields, formats } = list;
    let asked = slice.clone();
    let (page, ends) = site
        .store
        .read(move |conn| -> Result<_, Problem> {
            let filter = query.working_filter(conn, &caller)?;
            let page = articles::list(conn, &filter, order, descending, &asked)?;
            let ends = ends(&page.items, |copy| articles::position(copy, order))?;
            Ok((page, ends))
        })
        .await?;
    let list = List::of(page, &slice, ends, &name);
    let link = list.link(request);
    let list = list.of_each(|copy| sparse(&working(copy, &formats, &site.desk)?, fields.as_ref()))?;
    Ok(with_link(answer::private(&list, None)?, link))
}

/// Reads a story by its id or slug.
///
/// A plain read answers the live view whoever asks. `view=working` answers the working copy to those who have signed in.
/// A slug of former days answers 308 with the address of today. A preview token shows what it was made for, whatever the public sees.
#[utoipa::path(get, path = "/v1/articles/{article}", operation_id = "get_article", tag = "articles", params(("article" = String, Path, description = "Id or slug"), ReadArticle), security((), ("bearer" = [])),
    responses((status = 200, description = "The story", body = ArticleView)))]
pub async fn get_article(reader: Reader, site: Site, key: Name, query: Query<ReadArticle>) -> Result<HttpResponse, Problem> {
    let query = reader.in_view(query.0);
    let key = key.into_inner();
    let formats = query.formats.clone().unwrap_or_else(|| vec![Format::Html]);
    let fields = query.fields(&site.desk.contract)?;
    if query.view == Some(View::Working) {
        let copy = match reader {
            Reader::Preview(preview) => previews::copy(&site, preview).await?,
            Reader::Caller(caller) => {
                let caller = caller.signed_in()?;
                site.store.read(move |conn| found(conn, &caller, &key)).await?
            }
        };
        let version = copy.row.version;
        return answer::private(&sparse(&working(copy, &formats, &site.desk)?, fields.as_ref())?, Some(version));
    }
    let work = move |conn: &mut Conn, desk: &Desk| live::story(conn, desk, &key, &formats, fields.as_ref());
    Ok(answer::finished(live::read(&site, work).await?))
}

/// Creates a story as a draft.
///
/// The public sees nothing of it until it is published. Without a `slug`, one is made from the title.
#[utoipa::path(post, path = "/v1/articles", operation_id = "create_article", tag = "articles", params(ChooseSlug), request_body(content = CreateArticle, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 201, description = "The draft", body = WorkingArticle, headers(("Location" = String, description = "The address of the story"), ("ETag" = String, description = "For `If-Match`")))))]
pub async fn create_article(
    caller: Allowed,
    site: Site,
    query: Query<ChooseSlug>,
    once: Once,
    note: RevisionNote,
    body: Body<CreateArticle>,
) -> Result<HttpResponse, Problem> {
    let input = body.read().await?;
    if let Some(answer) = once.replay(&site).await? {
        return Ok(answer);
    }
    let ready = site.desk.typesetting.run(move || draft_of(input)?.prepared_first()).await?.wishing(|slug| query.0.of(slug, &caller.0))?;
    let stamp = site.stamp(&caller.0, note);
    let id = id::new(stamp.now);
    loop {
        let (ready, stamp, id, desk, by) = (ready.clone(), stamp.clone(), id.clone(), site.desk.clone(), caller.0.clone());
        let outcome = once.write(&site, move |write| -> Result<_, Written> {
            let html = ready.html();
            let draft = ready.linked(write, &by)?;
            let copy = articles::insert(write, &id, draft, &stamp)?;
            let (version, location) = (copy.row.version, format!("/v1/articles/{}", copy.row.slug));
            Ok(Reply::created(&working_with(copy, &html, &desk)?, version, location)?)
        });
        match outcome.await {
            Ok(answer) => return Ok(answer),
            // An author or tag that it names has left in between: look again.
            Err(Written::Raced) => {}
            Err(Written::Refused(problem)) => return Err(problem),
        }
    }
}

/// Changes the working copy of a story by JSON Merge Patch (RFC 7396).
///
/// The live view stays as it is until the story is published again. Members that are null are cleared, arrays replace whole.
#[utoipa::path(patch, path = "/v1/articles/{article}", operation_id = "update_article", tag = "articles", params(("article" = String, Path, description = "Id or slug"), ChooseSlug), request_body(content = EditArticle, content_type = "application/merge-patch+json"), security(("bearer" = [])),
    responses((status = 200, description = "The working copy", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn update_article(
    caller: Allowed,
    site: Site,
    key: Name,
    query: Query<ChooseSlug>,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<EditArticle>,
) -> Result<HttpResponse, Problem> {
    let patch = body.read_patch().await?;
    let stamp = site.stamp(&caller.0, note);
    let by = caller.0.clone();
    let asked = (key.into_inner(), caller.0, expected, patch);
    loop {
        let (key, caller, expected, patch) = asked.clone();
        let (current, after) = site.store.read(move |conn| patched(conn, &key, &caller, &expected, &patch)).await?;
        let Some(after) = after else { return Ok(shown(current, &site.desk)?.into()) };
        let ready = site.desk.typesetting.run(move || Ok(draft_of(after)?.prepared())).await?.wishing(|slug| query.0.of(slug, &by))?;
        let (html, state) = (ready.html(), current.row.state()?.saved());
        let (id, seen, stamp, by) = (current.row.id, current.row.version, stamp.clone(), by.clone());
        let outcome = site.write(move |write| -> Result<_, Written> {
            let draft = ready.linked(write, &by)?;
            articles::update(write, &id, seen, draft, state, &stamp)?;
            Ok(articles::by_id(write, &id)?)
        });
        match outcome.await {
            Ok(copy) => return Ok(shown_with(copy, &html, &site.desk)?.into()),
            // Another write slipped in between: look again, and judge by what is there now.
            Err(Written::Raced) => {}
            Err(Written::Refused(problem)) => return Err(problem),
        }
    }
}

/// Puts a story into the trash.
///
/// It is gone from every view at once; its slug stays reserved for it. `POST /v1/articles/{article}/restore` brings it back, until its time is over.
#[utoipa::path(delete, path = "/v1/articles/{article}", operation_id = "delete_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), security(("bearer" = [])),
    responses((status = 204, description = "It is in the trash")))]
pub async fn delete_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    expected: IfMatch,
    note: RevisionNote,
) -> Result<HttpResponse, Problem> {
    let (key, expired) = (key.into_inner(), site.trash_expired());
    let stamp = site.stamp(&caller.0, note);
    site.write(move |write| thrown_away(write, &caller.0, &key, &expected, expired, &stamp)).await?;
    Ok(answer::gone())
}

/// Puts a story into the trash, in the transaction that is open; answers what it was.
pub fn thrown_away(
    write: &mut Write<'_>,
    caller: &Caller,
    key: &str,
    expected: &IfMatch,
    expired: Moment,
    stamp: &Stamp,
) -> Result<WorkingCopy, Problem> {
    slugs::take_turn(write, Kind::Article, key)?;
    let current = permitted(write, key, caller, Deed::Delete, expected)?;
    publishing::delete(write, &current.row.id, current.row.version, stamp)?;
    schedules::cancel(write, &current.row.id, &[Action::Publish, Action::Unpublish])?;
    trash::purge_expired(write, expired, trash::AT_ONCE)?;
    Ok(current)
}

/// Publishes a story: its working copy becomes the live view.
///
/// Publishing a live story again brings its changes out; a live story without changes stays as it is. A `minor` change leaves
/// `content_updated_at` where it was. Where the operator has set a gate, a story that lacks something is refused with all that it lacks.
#[utoipa::path(post, path = "/v1/articles/{article}/publish", operation_id = "publish_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = PublishArticle, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, live now", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn publish_article(
    caller: Allowed,
    site: Site,
    key: Name,
    _query: Query<NoParameters>,
    once: Once,
    expected: IfMatch,
    note: RevisionNote,
    body: Body<PublishArticle>,
) -> Result<HttpResponse, Problem> {
    let asked = Asked::Publish(body.read().await?);
    transition(&site, once, caller.0, key.into_inner(), expected, note, asked).await
}

/// Takes a story down: the public sees it no more.
///
/// It becomes a draft again; its dates and its history stay. An editor takes the notice of a killed story away in this way, so that the
/// story can be mended and published anew.
#[utoipa::path(post, path = "/v1/articles/{article}/unpublish", operation_id = "unpublish_article", tag = "articles", params(("article" = String, Path, description = "Id or slug")), request_body(content = Nothing, content_type = "application/json"), security(("bearer" = [])),
    responses((status = 200, description = "The story, a draft again", body = WorkingArticle, headers(("ETag" = String, description = "For `If-Match`")))))]
pub async fn unpublish_article(
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
    transition(&site, once, caller.0, key.into_inner(), expected, note, Asked::Unpublish).await
}

/// Does what is asked in one transaction, if the caller may, has seen the version, and the state allows it.
pub async fn transition(
    site: &Site,
    once: Once,
    caller: Caller,
    key: String,
    expected: IfMatch,
    note: RevisionNote,
    asked: Asked,
) -> Result<HttpResponse, Problem> {
    let why = asked.remark().map(|remark| remark.0.as_str());
    let stamp = site.stamp(&caller, note.or(why));
    let desk = site.desk.clone();
    once.write(site, move |write| shown(moved_on(write, &caller, &key, &expected, &asked, &desk.settings.gate, &stamp)?, &desk)).await
}

/// One step of a story, in the transaction that is open.
pub fn moved_on(
    write: &mut Write<'_>,
    caller: &Caller,
    key: &str,
    expected: &IfMatch,
    asked: &Asked,
    gate: &[gate::Rule],
    stamp: &Stamp,
) -> Result<WorkingCopy, Problem> {
    slugs::take_turn(write, Kind::Article, key)?;
    let current = permitted(write, key, caller, Deed::Step(asked.transition()), expected)?;
    let before = current.row.state()?;
    let after = asked.after(before, stamp.now)?;
    if after == before {
        write.note_idle();
        return Ok(current);
    }
    asked.check(write, &current, gate, stamp)?;
    put(write, asked, &current, after, stamp)?;
    Ok(articles::by_id(write, &current.row.id)?)
}

fn put(write: &mut Write<'_>, asked: &Asked, current: &WorkingCopy, after: State, stamp: &Stamp) -> Result<(), store::Error> {
    let (id, seen, event) = (&current.row.id, current.row.version, asked.transition().name());
    schedules::cancel(write, id, cancelled_by(asked.transition()))?;
    match asked {
        Asked::Publish(_) => finished::publish(write, current, after, stamp)?,
        Asked::Unpublish | Asked::Archive => publishing::take_away(write, id, seen, after, event, stamp)?,
        Asked::Submit(submit) => publishing::move_on(write, id, seen, after, submit.assignee(), event, stamp)?,
        Asked::Return(_) | Asked::Unarchive => publishing::move_on(write, id, seen, after, None, event, stamp)?,
        Asked::Kill(kill) => publishing::kill(write, id, seen, after, &kill.reason.0, stamp)?,
    }
    let Some(text) = asked.comment() else { return Ok(()) };
    let said = Said { id: &id::new(stamp.now), event, version: seen + 1, text };
    comments::insert(write, id, &said, stamp).map(drop)
}

/// What the newsroom is told of a failure of the store: not what the log keeps.
pub fn failure_of(error: &store::Error) -> String {
    match error {
        store::Error::NotFound(_) => "the story is gone, or what it names".into(),
        store::Error::Taken { value, .. } => format!("the slug `{value}` is held by another"),
        other => {
            tracing::error!(cause = %other, "what was scheduled could not be carried out");
            "something went wrong here; the cause is in the server's log".into()
        }
    }
}

/// A write that lost a race is tried again; all else goes to the client.
pub enum Written {
    Raced,
    Refused(Problem),
}

impl From<store::Error> for Written {
    fn from(error: store::Error) -> Self {
        if matches!(error, store::Error::Raced) { Self::Raced } else { Self::Refused(error.into()) }
    }
}

impl From<Problem> for Written {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

pub fn shown(copy: WorkingCopy, desk: &Desk) -> Result<Reply, Problem> {
    let version = copy.row.version;
    Reply::private(&working(copy, &[Format::Html], desk)?, Some(version))
}

/// The same with its body as html that was rendered before.
fn shown_with(copy: WorkingCopy, html: &str, desk: &Desk) -> Result<Reply, Problem> {
    let version = copy.row.version;
    Reply::private(&working_with(copy, html, desk)?, Some(version))
}

fn sparse<T: Serialize>(value: &T, fields: Option<&Fields>) -> Result<Box<serde_json::value::RawValue>, Problem> {
    let failed = |error: serde_json::Error| Problem::internal(&error.to_string());
    match fields {
        None => serde_json::value::to_raw_value(value).map_err(failed),
        Some(fields) => serde_json::value::to_raw_value(&fields.apply(serde_json::to_value(value).map_err(failed)?)).map_err(failed),
    }
}
