//! A newsroom to write into: a fresh file with authors and tags, and drafts as editors send them.

use copydesk::domain::article::Content;
use copydesk::domain::audit::Occasion;
use copydesk::domain::author::Profile;
use copydesk::domain::id;
use copydesk::domain::tag::Visibility;
use copydesk::domain::text::LanguageTag;
use copydesk::domain::time::Moment;
use copydesk::http::Clock;
use copydesk::render;
use copydesk::store::articles::{self, Draft, Stamp};
use copydesk::store::authors::{self, AuthorDraft};
use copydesk::store::manuscript::Manuscript;
use copydesk::store::page::{Filter, Order, Slice};
use copydesk::store::slugs::Wish;
use copydesk::store::tags::{self, TagDraft};
use copydesk::store::{Error, Write, migrate, open_sqlite};
use std::path::PathBuf;
use std::sync::Arc;

const PARAGRAPH: &str = "The minister said on Friday that talks about trade and migration would go on in the capital while police looked for \
witnesses near the border, and that nobody who had come to the meeting had left it with empty hands.";

/// A newsroom on disk, and who and what its stories are by and about.
pub struct Desk {
    pub path: PathBuf,
    pub links: Arc<Links>,
    _folder: tempfile::TempDir,
}

pub struct Links {
    authors: Vec<String>,
    tags: Vec<String>,
}

impl Desk {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("copydesk.db");
        let mut conn = open_sqlite(&path).expect("a database");
        migrate(&mut conn).expect("the schema");
        let shared = copydesk::store::Shared::sqlite(&path).expect("a database");
        let links =
            actix_web::rt::System::new().block_on(async { shared.store().write(occasion(), people).await.expect("authors and tags") });
        Self { path, links: Arc::new(links), _folder: folder }
    }

    /// How many stories are there.
    pub fn stories(&self) -> i64 {
        let mut conn = open_sqlite(&self.path).expect("a connection");
        let slice = Slice { after: None, limit: 1, count: true, backward: false };
        let page = articles::list(&mut conn, &Filter::default(), Order::Creation, true, &slice).expect("a list");
        page.total.expect("a count")
    }
}

pub fn occasion() -> Occasion {
    Occasion::of_system("bench", now())
}

/// Ids and times go on as they do in a newsroom, so that what is new stands side by side in every index by time.
fn now() -> Moment {
    Clock::system().now()
}

fn people(write: &mut Write<'_>) -> Result<Links, Error> {
    let now = now();
    let stamp = Stamp::new("bench", now);
    let mut links = Links { authors: Vec::new(), tags: Vec::new() };
    for n in 0..20 {
        let (author, tag) = (id::new(now), id::new(now));
        let slug = Wish::Chosen(format!("author-{n}"));
        let (name, bio_html) = (format!("Author {n}"), "<p>A bio.</p>".to_owned());
        authors::insert(
            write,
            &author,
            AuthorDraft { slug, name, profile: Profile::default(), bio_html, email: None, user_id: None },
            &stamp,
        )?;
        let (slug, name) = (Wish::Chosen(format!("tag-{n}")), format!("Tag {n}"));
        tags::insert(write, &tag, TagDraft { slug, name, description: None, parent_id: None, visibility: Visibility::Public }, &stamp)?;
        links.authors.push(author);
        links.tags.push(tag);
    }
    Ok(links)
}

/// A story of 3 KB with two authors and three tags, ready to be stored.
pub fn draft(links: &Links, writer: usize, n: usize) -> Draft {
    let body = format!("## What was said\n\n{PARAGRAPH}\n\n{PARAGRAPH}\n\n## What was not\n\n{}", [PARAGRAPH; 8].join("\n\n"));
    let rendered = render::markdown(&body).expect("plain Markdown");
    let some = |ids: &[String], count: usize| (0..count).map(|place| ids[(writer + n + place) % ids.len()].clone()).collect();
    let content = Content {
        title: format!("Story {n} of writer {writer}"),
        subtitle: None,
        dateline: None,
        lead: Some(PARAGRAPH.into()),
        body,
        image: None,
        language: LanguageTag("en".into()),
        canonical_url: None,
        seo: None,
        custom: serde_json::Map::new(),
    };
    let manuscript = Manuscript::of(content, rendered.word_count.into(), rendered.reading_minutes.into()).expect("a manuscript");
    manuscript.prepare_first().expect("a manuscript");
    let slug = Wish::Made(format!("story-{writer}-{n}"));
    Draft { slug, manuscript, author_ids: some(&links.authors, 2), tag_ids: some(&links.tags, 3) }
}

/// What `POST /v1/articles` does inside its transaction: the story with its slug, links, revision and line in the log, and the copy that is answered.
pub fn create(write: &mut Write<'_>, draft: Draft) -> Result<(), Error> {
    let now = now();
    let id = id::new(now);
    articles::insert(write, &id, draft, &Stamp::new("bench", now)).map(drop)
}
