//! The examples of the contract: one story, its author, its tag and its editor, as they go in and as they come out.
//!
//! They are values of the very types that handlers read and answer, so a member that is renamed is renamed here, too.

mod api_keys;
mod audit;
mod people;
mod search;
mod sign_in;

use super::article_input::CreateArticle;
use super::articles::{ArticlePage, ArticleView};
use super::authors::{Author, AuthorPage, AuthorWorking, CreateAuthor};
use super::batch::{BatchArticles, BatchOperation, BatchOutcome, BatchResult, BatchVerb};
use super::comments::{Comment, CommentPage, CreateComment};
use super::corrections::CreateCorrection;
use super::differences::{Difference, MemberDifference};
use super::docs::Index;
use super::input::{Edit, Nothing};
use super::listing::Merge;
use super::locks::LockArticle;
use super::neighbours::{AdjacentArticles, RelatedArticles};
use super::note::Noted;
use super::page::PageInfo;
use super::previews::{CreatePreview, NewPreview, Preview, PreviewPage};
use super::representation::{Article, Byline, Correction, Label, Lock, Working, WorkingArticle};
use super::revisions::{Revision, RevisionPage, RevisionSummary, WrittenArticle};
use super::schedules::{ScheduleArticle, SchedulePage, Scheduled, When};
use super::tags::{CreateTag, Tag, TagPage, TagWorking};
use super::trash::{TrashPage, TrashedArticle};
use super::users::{CreateUser, User, UserPage};
use super::workflow::{KillArticle, PublishArticle, ReturnArticle, SubmitArticle};
use crate::domain::article::{Dateline, Status};
use crate::domain::correction::CorrectionKind;
use crate::domain::revision::days_after;
use crate::domain::schedule::Action;
use crate::domain::tag::Visibility;
use crate::domain::text::{CountryCode, EmailAddress, FilledText, Key, LanguageTag, Remark};
use crate::domain::time::Moment;
use crate::domain::user::Role;
use crate::domain::wording;
use crate::render;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

const TITLE: &str = "U.S. and Guatemala Address Migration and Drug Trafficking";
const SLUG: &str = "u-s-and-guatemala-address-migration-and-drug-trafficking";
const LEAD: &str = "A high-level meeting on Friday between U.S. Deputy Secretary of State Christopher Landau and Guatemalan President \
Bernardo Arévalo focused on pressing issues of drug trafficking and migration, reflecting the growing concerns in the region.";
const BODY: &str = "## Key Discussions on Crime and Migration\n\nIn a press conference following the meeting, President Arévalo outlined \
the critical issues discussed, highlighting the mutual commitment to combatting human smuggling and drug trafficking.";
const BEAT: &str = "Focuses on crime, public safety, and regional events.";
const BIO: &str = "Marcus is a community-based journalist passionate about reporting impactful stories that matter most to readers.";
const EMAIL: &str = "editor@example.com";
const PASSWORD: &str = "correct horse battery staple";

const AUTHOR_ID: &str = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e5f";
const TAG_ID: &str = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e60";
const STORY_ID: &str = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e61";
const USER_ID: &str = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e62";
const CORRECTION_ID: &str = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e63";
const COMMENT_ID: &str = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e64";
const SCHEDULE_ID: &str = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e70";
const WHEN: &str = "2097-11-01T09:00[America/Guatemala]";
const PREVIEW_ID: &str = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e65";
const NOTE: &str = "An earlier version misstated the day of the meeting. It was a Friday.";
const COMMENT: &str = "Who says so? Please name the source.";
/// 2025-06-27T14:30:00Z.
const FRIDAY: Moment = Moment::from_milliseconds(1_751_034_600_000);

/// The examples by the names of their schemas.
pub fn all() -> Map<String, Value> {
    let live_item = || Article { html: None, corrections: None, ..live() };
    let samples = [
        sample(&create_author()),
        sample(&create_tag()),
        sample(&create_article()),
        sample(&create_user()),
        patch::<CreateAuthor>(json!({ "location": "Guatemala City" })),
        patch::<CreateTag>(json!({ "description": "People on the move, and what states do about it." })),
        patch::<CreateArticle>(json!({ "subtitle": "Landau ends his tour in Guatemala City", "dateline": { "region": "Guatemala" } })),
        patch::<CreateUser>(json!({ "name": "Ana López" })),
        (Nothing::name().into(), json!({})),
        sample(&PublishArticle { minor: None, note: Some(Remark("Checked with the ministry.".into())) }),
        sample(&SubmitArticle { comment: Some(Remark("The second quote is new.".into())), assignee: None }),
        sample(&ReturnArticle { comment: Some(Remark(COMMENT.into())) }),
        sample(&KillArticle { reason: Remark("Withdrawn: the figures came from a forged report.".into()) }),
        sample(&CreateCorrection { kind: CorrectionKind::Correction, note: Remark(NOTE.into()) }),
        sample(&Correction { id: CORRECTION_ID.into(), kind: CorrectionKind::Correction, note: NOTE.into(), created_at: FRIDAY }),
        sample(&CreateComment { comment: Remark(COMMENT.into()) }),
        sample(&comment()),
        sample(&CommentPage { items: vec![comment()], page: page() }),
        sample(&ScheduleArticle { publish_at: Some(When(WHEN.into())), unpublish_at: None, embargo_until: None }),
        sample(&SchedulePage { items: vec![scheduled()], page: page() }),
        sample(&CreatePreview { expires_in: 86_400, revision: None }),
        sample(&new_preview()),
        sample(&PreviewPage { items: vec![new_preview().preview], page: page() }),
        sample(&LockArticle { ttl_seconds: Some(300), takeover: None }),
        sample(&Lock { user_id: USER_ID.into(), name: "Ana López".into(), until: FRIDAY }),
        sample(&batch()),
        sample(&BatchOutcome { results: vec![batch_result(201, 1), batch_result(200, 2)] }),
        (ArticleView::name().into(), sample(&live()).1),
        sample(&working()),
        sample(&ArticlePage { items: vec![live_item()], page: page() }),
        sample(&AdjacentArticles { previous: Some(live_item()), next: None }),
        sample(&RelatedArticles { items: vec![live_item()] }),
        sample(&RevisionPage { items: vec![revision().summary], page: page() }),
        sample(&revision()),
        sample(&difference()),
        sample(&Merge { into: Key("migration".into()) }),
        sample(&Noted { note: Some("The correction was wrong".into()) }),
        sample(&TrashPage { items: vec![trashed()], page: page() }),
        sample(&author()),
        sample(&AuthorPage { items: vec![Author { working: None, ..author() }], page: page() }),
        sample(&tag()),
        sample(&TagPage { items: vec![Tag { working: None, ..tag() }], page: page() }),
        sample(&user()),
        sample(&UserPage { items: vec![user()], page: page() }),
        sample(&Index { name: "copydesk", docs: Some("/docs/"), openapi: Some("/openapi.json"), articles: "/v1/articles" }),
    ];
    let others = search::all().into_iter().chain(sign_in::all()).chain(api_keys::all()).chain(audit::all()).chain(people::all());
    samples.into_iter().chain(others).collect()
}

fn sample<T: ToSchema + Serialize>(value: &T) -> (String, Value) {
    (T::name().into(), serde_json::to_value(value).unwrap_or_default())
}

fn patch<T: ToSchema>(patch: Value) -> (String, Value) {
    (Edit::<T>::name().into(), patch)
}

fn batch() -> BatchArticles {
    let story = serde_json::to_value(create_article()).unwrap_or_default();
    let create = BatchOperation { op: BatchVerb::Create, article: None, if_match: None, note: None, body: Some(story) };
    let article = Some(Key(SLUG.into()));
    let publish = BatchOperation { op: BatchVerb::Publish, article, if_match: Some("*".into()), note: None, body: None };
    BatchArticles { atomic: None, operations: vec![create, publish] }
}

fn batch_result(status: u16, version: i64) -> BatchResult {
    BatchResult { status, id: Some(STORY_ID.into()), slug: Some(SLUG.into()), version: Some(version), problem: None }
}

fn create_article() -> CreateArticle {
    CreateArticle {
        title: FilledText(TITLE.into()),
        slug: None,
        subtitle: None,
        dateline: Some(dateline()),
        lead: Some(LEAD.into()),
        body: Some(BODY.into()),
        image: None,
        language: Some(LanguageTag("en".into())),
        canonical_url: None,
        seo: None,
        custom: None,
        author_ids: None,
        authors: Some(vec![Key("marcus".into())]),
        tag_ids: None,
        tags: Some(vec![Key("migration".into())]),
    }
}

fn dateline() -> Dateline {
    Dateline {
        text: Some("Guatemala City, Guatemala".into()),
        city: Some("Guatemala City".into()),
        region: None,
        country: Some("Guatemala".into()),
        country_code: Some(CountryCode("GT".into())),
    }
}

fn create_author() -> CreateAuthor {
    CreateAuthor {
        name: FilledText("Marcus".into()),
        slug: None,
        beat: Some(BEAT.into()),
        bio: Some(BIO.into()),
        location: None,
        website: None,
        image: None,
        links: None,
        email: None,
        user_id: None,
    }
}

fn create_tag() -> CreateTag {
    CreateTag { name: FilledText("Migration".into()), slug: None, description: None, parent: None, visibility: None }
}

fn create_user() -> CreateUser {
    CreateUser {
        email: EmailAddress(EMAIL.into()),
        name: Some(FilledText("Ana López".into())),
        role: Role::Editor,
        password: Some(PASSWORD.into()),
        disabled: None,
    }
}

/// The story as the public reads it.
fn live() -> Article {
    let rendered = render::markdown(BODY).ok();
    Article {
        id: STORY_ID.into(),
        slug: SLUG.into(),
        title: TITLE.into(),
        subtitle: None,
        dateline: Some(dateline()),
        lead: Some(LEAD.into()),
        html: rendered.as_ref().map(|rendered| rendered.html.clone()),
        markdown: None,
        text: None,
        blocks: None,
        authors: vec![byline()],
        tags: vec![label(None)],
        image: None,
        language: LanguageTag("en".into()),
        canonical_url: None,
        seo: None,
        custom: Map::new(),
        word_count: rendered.as_ref().map_or(0, |rendered| rendered.word_count.into()),
        reading_minutes: rendered.as_ref().map_or(0, |rendered| rendered.reading_minutes.into()),
        first_published_at: Some(FRIDAY),
        published_at: Some(FRIDAY),
        content_updated_at: Some(FRIDAY),
        corrections: Some(Vec::new()),
        url: format!("https://example.com/{SLUG}"),
    }
}

/// The story as editors see it.
fn working() -> WorkingArticle {
    let article = Article { tags: vec![label(Some(Visibility::Public))], ..live() };
    let working = Working {
        body: BODY.into(),
        status: Status::Published,
        version: 2,
        has_unpublished_changes: false,
        publish_at: None,
        unpublish_at: None,
        embargo_until: None,
        assignee: None,
        lock: None,
        killed: None,
        created_by: Some(USER_ID.into()),
        created_at: FRIDAY,
        updated_by: Some(USER_ID.into()),
        updated_at: FRIDAY,
        edited_by: Some(USER_ID.into()),
    };
    WorkingArticle { article, working }
}

fn comment() -> Comment {
    let (id, event) = (COMMENT_ID.into(), "comment".into());
    let name = Some("Ana López".into());
    Comment { id, event, comment: COMMENT.into(), version: 2, created_by: USER_ID.into(), name, created_at: FRIDAY }
}

fn new_preview() -> NewPreview {
    let preview = Preview {
        id: PREVIEW_ID.into(),
        revision: None,
        created_by: USER_ID.into(),
        name: Some("Ana López".into()),
        created_at: FRIDAY,
        expires_at: days_after(FRIDAY, 1),
    };
    let url = format!("https://api.example.com/v1/articles/{STORY_ID}");
    NewPreview { preview, token: "eyJ0eXAiOiJwcmV2aWV3K2p3dCIsImFsZyI6IkhTMjU2In0.…".into(), url }
}

fn revision() -> Revision {
    let summary = RevisionSummary {
        number: 2,
        event: "edit".into(),
        note: Some("The mayor's office called back".into()),
        published: false,
        created_by: Some(USER_ID.into()),
        created_at: FRIDAY,
    };
    let content = WrittenArticle {
        title: TITLE.into(),
        slug: SLUG.into(),
        subtitle: None,
        dateline: Some(dateline()),
        lead: Some(LEAD.into()),
        body: BODY.into(),
        image: None,
        language: LanguageTag("en".into()),
        canonical_url: None,
        seo: None,
        custom: Map::new(),
        authors: vec!["marcus".into()],
        tags: vec!["migration".into()],
    };
    Revision { summary, content }
}

fn difference() -> Difference {
    let title = MemberDifference {
        member: "title".into(),
        changes: Some(wording::compare("U.S. and Guatemala Talk", TITLE)),
        from: None,
        to: None,
    };
    let tags = MemberDifference { member: "tags".into(), changes: None, from: Some(json!([])), to: Some(json!(["migration"])) };
    Difference { from: 1, to: 2, members: vec![title, tags] }
}

fn scheduled() -> Scheduled {
    Scheduled {
        id: SCHEDULE_ID.into(),
        action: Action::Publish.name().into(),
        due_at: FRIDAY,
        state: "waiting".into(),
        failure: None,
        article_id: STORY_ID.into(),
        slug: SLUG.into(),
        title: TITLE.into(),
        revision: 2,
        created_by: USER_ID.into(),
        created_at: FRIDAY,
    }
}

fn trashed() -> TrashedArticle {
    TrashedArticle {
        id: STORY_ID.into(),
        slug: SLUG.into(),
        title: TITLE.into(),
        version: 3,
        first_published_at: Some(FRIDAY),
        created_by: Some(USER_ID.into()),
        created_at: FRIDAY,
        deleted_by: Some(USER_ID.into()),
        deleted_at: FRIDAY,
        purge_at: days_after(FRIDAY, 30),
    }
}

fn byline() -> Byline {
    Byline {
        id: AUTHOR_ID.into(),
        slug: "marcus".into(),
        name: "Marcus".into(),
        beat: Some(BEAT.into()),
        bio: Some(BIO.into()),
        bio_html: render::markdown(BIO).ok().map(|rendered| rendered.html),
        location: None,
        website: None,
        image: None,
        links: Vec::new(),
    }
}

fn label(visibility: Option<Visibility>) -> Label {
    Label { id: TAG_ID.into(), slug: "migration".into(), name: "Migration".into(), description: None, visibility }
}

fn author() -> Author {
    let working = AuthorWorking { email: None, user_id: None, version: Some(1), created_at: Some(FRIDAY), updated_at: Some(FRIDAY) };
    Author { byline: byline(), article_count: 1, working: Some(working) }
}

fn tag() -> Tag {
    let Label { id, slug, name, description, .. } = label(None);
    let working = TagWorking { version: Some(1), created_at: Some(FRIDAY), updated_at: Some(FRIDAY) };
    Tag { id, slug, name, description, parent: None, visibility: Visibility::Public, article_count: 1, working: Some(working) }
}

fn user() -> User {
    User {
        id: USER_ID.into(),
        email: EMAIL.into(),
        name: "Ana López".into(),
        role: Role::Editor,
        disabled: false,
        second_factor: true,
        version: 1,
        created_at: FRIDAY,
        updated_at: FRIDAY,
    }
}

fn page() -> PageInfo {
    PageInfo { limit: 20, next_cursor: None, prev_cursor: None, total: None }
}
