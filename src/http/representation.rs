//! Stories as they go out: the live view, and the working view that adds what editors need.

use super::problem::Problem;
use super::site::Desk;
use crate::domain;
use crate::domain::article::{Content, Dateline, Image, Seo, Status};
use crate::domain::author::AuthorLink;
use crate::domain::correction::CorrectionKind;
use crate::domain::tag::Visibility;
use crate::domain::text::{LanguageTag, WebAddress};
use crate::domain::time::Moment;
use crate::render::{self, Block};
use crate::store;
use crate::store::articles::{ArticleRow, WorkingCopy};
use crate::store::authors::profile;
use crate::store::corrections::CorrectionRow;
use crate::store::kills::KillRow;
use crate::store::links::{BylineRow, LabelRow};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A form that the body of a story can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Html,
    Markdown,
    Text,
    Blocks,
}

/// An author as stories carry them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Byline {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e5f")]
    pub id: String,
    #[schema(example = "marcus")]
    pub slug: String,
    #[schema(example = "Marcus")]
    pub name: String,
    #[schema(example = "Focuses on crime, public safety, and regional events.")]
    pub beat: Option<String>,
    /// Markdown.
    #[schema(example = "Marcus is a community-based journalist passionate about reporting impactful stories that matter most to readers.")]
    pub bio: Option<String>,
    pub bio_html: Option<String>,
    pub location: Option<String>,
    pub website: Option<WebAddress>,
    pub image: Option<Image>,
    pub links: Vec<AuthorLink>,
}

/// A tag as stories carry it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Label {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e60")]
    pub id: String,
    #[schema(example = "migration")]
    pub slug: String,
    #[schema(example = "Migration")]
    pub name: String,
    pub description: Option<String>,
    /// Working view only: the live view knows public tags alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub visibility: Option<Visibility>,
}

/// A story as the public reads it: the last published copy.
#[derive(Debug, Serialize, ToSchema)]
pub struct Article {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e61")]
    pub id: String,
    #[schema(example = "u-s-and-guatemala-address-migration-and-drug-trafficking")]
    pub slug: String,
    #[schema(example = "U.S. and Guatemala Address Migration and Drug Trafficking")]
    pub title: String,
    pub subtitle: Option<String>,
    pub dateline: Option<Dateline>,
    pub lead: Option<String>,
    /// Safe HTML: no scripts, no event handlers, raw HTML of the source shown as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "<h2>Key Discussions on Crime and Migration</h2>")]
    pub html: Option<String>,
    /// The Markdown source.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub markdown: Option<String>,
    /// Plain text, paragraphs separated by blank lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text: Option<String>,
    /// The typed tree, for clients that render natively.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Vec<Block>>)]
    pub blocks: Option<Box<RawValue>>,
    /// In order; the first is the primary one.
    pub authors: Vec<Byline>,
    /// In order; the first is the primary one.
    pub tags: Vec<Label>,
    pub image: Option<Image>,
    pub language: LanguageTag,
    pub canonical_url: Option<WebAddress>,
    pub seo: Option<Seo>,
    /// The site's own members.
    #[schema(value_type = Object, additional_properties = true)]
    pub custom: Map<String, Value>,
    #[schema(example = 389)]
    pub word_count: i64,
    #[schema(example = 2)]
    pub reading_minutes: i64,
    pub first_published_at: Option<Moment>,
    pub published_at: Option<Moment>,
    pub content_updated_at: Option<Moment>,
    /// What the newsroom has said in public about mistakes and changes, in order; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub corrections: Option<Vec<Correction>>,
    /// The public page of the story.
    #[schema(example = "https://example.com/u-s-and-guatemala-address-migration-and-drug-trafficking")]
    pub url: String,
}

/// A public note about a story that was wrong, unclear or overtaken.
#[derive(Debug, Serialize, ToSchema)]
pub struct Correction {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e63")]
    pub id: String,
    pub kind: CorrectionKind,
    #[schema(example = "An earlier version misstated the day of the meeting. It was a Friday.")]
    pub note: String,
    pub created_at: Moment,
}

/// Somebody's word that they are at a story, for others to see. It binds no write: `If-Match` does.
#[derive(Debug, Serialize, ToSchema)]
pub struct Lock {
    #[schema(example = "0197b1e2-8f3a-7c41-9d57-0a1b2c3d4e62")]
    pub user_id: String,
    #[schema(example = "Ana López")]
    pub name: String,
    pub until: Moment,
}

/// The notice that the public finds in the place of a killed story.
#[derive(Debug, Serialize, ToSchema)]
pub struct Killed {
    #[schema(example = "Withdrawn: the figures came from a forged report.")]
    pub reason: String,
    pub killed_at: Moment,
}

/// What the working view adds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Working {
    /// The Markdown source.
    pub body: String,
    pub status: Status,
    #[schema(example = 1)]
    pub version: i64,
    pub has_unpublished_changes: bool,
    pub publish_at: Option<Moment>,
    pub unpublish_at: Option<Moment>,
    /// Not to be published before this.
    pub embargo_until: Option<Moment>,
    /// The id of the user who is to work on it.
    pub assignee: Option<String>,
    /// Who says that they are at it.
    pub lock: Option<Lock>,
    /// The notice in its place, if it was killed.
    pub killed: Option<Killed>,
    pub created_by: Option<String>,
    pub created_at: Moment,
    pub updated_by: Option<String>,
    pub updated_at: Moment,
    /// Who last changed the content; `updated_by` is who last did anything to it.
    pub edited_by: Option<String>,
}

/// A story as editors see it: the working copy, with where it stands.
#[derive(Serialize, ToSchema)]
pub struct WorkingArticle {
    #[serde(flatten)]
    pub article: Article,
    #[serde(flatten)]
    pub working: Working,
}

/// The public face of an author.
pub fn byline(row: BylineRow) -> Result<Byline, store::Error> {
    let BylineRow { id, slug, name, document, bio_html } = row;
    let crate::domain::author::Profile { beat, bio, location, website, image, links } = profile(&id, &document)?;
    let bio_html = bio.is_some().then_some(bio_html);
    Ok(Byline { id, slug, name, beat, bio, bio_html, location, website, image, links })
}

/// A tag as a story carries it; the working view tells its visibility.
pub fn label(row: LabelRow, with_visibility: bool) -> Label {
    let LabelRow { id, slug, name, description, visibility } = row;
    Label { id, slug, name, description, visibility: with_visibility.then(|| Visibility::named(&visibility)).flatten() }
}

/// A correction as everybody sees it.
pub fn correction(row: CorrectionRow) -> Result<Correction, store::Error> {
    let CorrectionRow { id, kind, note, created_at } = row;
    let kind = CorrectionKind::named(&kind).ok_or_else(|| store::Error::Damaged(format!("correction {id}: kind {kind}")))?;
    Ok(Correction { id, kind, note, created_at: Moment::from_milliseconds(created_at) })
}

/// A lock as the newsroom sees it.
pub fn lock(lock: domain::lock::Lock) -> Lock {
    let domain::lock::Lock { user_id, name, until } = lock;
    Lock { user_id, name, until }
}

/// What both views know of a story beside its content.
pub struct Facts {
    pub id: String,
    pub slug: String,
    pub word_count: i64,
    pub reading_minutes: i64,
    /// First published, published, content updated.
    pub dates: [Option<Moment>; 3],
}

/// The working view of a story, as it is now.
pub fn working(copy: WorkingCopy, formats: &[Format], desk: &Desk) -> Result<WorkingArticle, Problem> {
    let (content, state, now) = (copy.row.content()?, copy.row.state()?, desk.clock.now());
    let corrections = copy.corrections.map(|rows| rows.into_iter().map(correction).collect::<Result<_, _>>()).transpose()?;
    let killed = copy.kill.map(|KillRow { reason, killed_at }| Killed { reason, killed_at: Moment::from_milliseconds(killed_at) });
    let ArticleRow { id, slug, version, word_count, reading_minutes, .. } = copy.row;
    let working = Working {
        body: content.body.clone(),
        status: state.status,
        version,
        has_unpublished_changes: state.has_unpublished_changes,
        publish_at: copy.row.publish_at.map(Moment::from_milliseconds),
        unpublish_at: copy.row.unpublish_at.map(Moment::from_milliseconds),
        embargo_until: copy.row.embargo_until.map(Moment::from_milliseconds),
        assignee: copy.row.assignee_id,
        lock: copy.lock.filter(|lock| lock.holds(now)).map(lock),
        killed,
        created_by: copy.row.created_by,
        created_at: Moment::from_milliseconds(copy.row.created_at),
        updated_by: copy.row.updated_by,
        updated_at: Moment::from_milliseconds(copy.row.updated_at),
        edited_by: copy.row.edited_by,
    };
    let dates = [state.first_published_at, state.published_at, state.content_updated_at];
    let url = desk.settings.address_of(&slug);
    let bare = article(Facts { id, slug, word_count, reading_minutes, dates }, content);
    let authors = copy.authors.into_iter().map(byline).collect::<Result<_, _>>()?;
    let tags = copy.tags.into_iter().map(|row| label(row, true)).collect();
    Ok(WorkingArticle { article: with_body(Article { authors, tags, corrections, url, ..bare }, &working.body, formats)?, working })
}

/// The same with its body as html that was rendered before.
pub fn working_with(copy: WorkingCopy, html: &str, desk: &Desk) -> Result<WorkingArticle, Problem> {
    let bare = working(copy, &[], desk)?;
    Ok(WorkingArticle { article: Article { html: Some(html.to_owned()), ..bare.article }, ..bare })
}

/// The forms of a working body, rendered now.
fn with_body(article: Article, body: &str, formats: &[Format]) -> Result<Article, Problem> {
    let wants = |format: Format| formats.contains(&format);
    let article = Article { markdown: wants(Format::Markdown).then(|| body.to_owned()), ..article };
    if ![Format::Html, Format::Text, Format::Blocks].into_iter().any(wants) {
        return Ok(article);
    }
    let rendered = render::markdown(body).map_err(|refusal| Problem::internal(&refusal.to_string()))?;
    let blocks = wants(Format::Blocks).then(|| serde_json::value::to_raw_value(&rendered.blocks)).transpose();
    Ok(Article {
        html: wants(Format::Html).then_some(rendered.html),
        text: wants(Format::Text).then_some(rendered.text),
        blocks: blocks.map_err(|error| Problem::internal(&error.to_string()))?,
        ..article
    })
}

/// A story without its body, its authors, its tags and its address.
pub fn article(facts: Facts, content: Content) -> Article {
    let Facts { id, slug, word_count, reading_minutes, dates: [first_published_at, published_at, content_updated_at] } = facts;
    let Content { title, subtitle, dateline, lead, body: _, image, language, canonical_url, seo, custom } = content;
    Article {
        id,
        slug,
        title,
        subtitle,
        dateline,
        lead,
        html: None,
        markdown: None,
        text: None,
        blocks: None,
        authors: Vec::new(),
        tags: Vec::new(),
        image,
        language,
        canonical_url,
        seo,
        custom,
        word_count,
        reading_minutes,
        first_published_at,
        published_at,
        content_updated_at,
        corrections: None,
        url: String::new(),
    }
}
