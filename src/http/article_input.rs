//! What clients write about stories: the body of writes, and how it becomes a draft.

use super::guard::refused;
use super::input::MergePatch;
use super::precondition::{Current, IfMatch};
use super::problem::Problem;
use crate::domain::api_key::Limits;
use crate::domain::article::{Content, Dateline, Image, Seo};
use crate::domain::breach::Breach;
use crate::domain::merge::merge;
use crate::domain::permission::{Deed, may, opens};
use crate::domain::slug;
use crate::domain::text::{FilledText, Key, LanguageTag, Slug, WebAddress};
use crate::domain::user::{Caller, Role};
use crate::render;
use crate::store::articles::{self, Draft, WorkingCopy};
use crate::store::manuscript::Manuscript;
use crate::store::publishing::Edition;
use crate::store::slugs::Wish;
use crate::store::{self, Conn, history, links};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::ToSchema;

/// A new story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateArticle {
    pub title: FilledText,
    /// Made from the title if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    #[schema(max_length = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dateline: Option<Dateline>,
    /// The first paragraph, which tells the whole story in short.
    #[schema(max_length = 5000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<String>,
    /// Markdown: CommonMark, tables, footnotes; raw HTML is shown as text.
    #[schema(max_length = 500_000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// `en` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguageTag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_url: Option<WebAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seo: Option<Seo>,
    /// The site's own members: at most 16 KiB of JSON, 8 levels deep.
    #[schema(value_type = Option<Object>, additional_properties = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Map<String, Value>>,
    /// Authors by id, in order; use this or `authors`.
    #[schema(max_items = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author_ids: Option<Vec<Key>>,
    /// Authors by slug (or id), in order.
    #[schema(max_items = 50)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors: Option<Vec<Key>>,
    /// Tags by id, in order; use this or `tags`.
    #[schema(max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_ids: Option<Vec<Key>>,
    /// Tags by slug (or id), in order.
    #[schema(max_items = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Key>>,
}

impl CreateArticle {
    /// What a client would send to make this very copy: what a merge patch is applied to.
    /// Authors and tags stand by slug where the patch names them so, else by id: "nothing changed" can be seen either way.
    pub fn of(copy: &WorkingCopy, patch: &MergePatch<Self>) -> Result<Self, Problem> {
        let Content { title, subtitle, dateline, lead, body, image, language, canonical_url, seo, custom } = copy.row.content()?;
        let authors = copy.authors.iter().map(|author| (&author.id, &author.slug));
        let (author_ids, authors) = keys(authors, patch.names("authors") && !patch.names("author_ids"));
        let tags = copy.tags.iter().map(|tag| (&tag.id, &tag.slug));
        let (tag_ids, tags) = keys(tags, patch.names("tags") && !patch.names("tag_ids"));
        Ok(Self {
            title: FilledText(title),
            slug: Some(Slug(copy.row.slug.clone())),
            subtitle,
            dateline,
            lead,
            body: Some(body),
            image,
            language: Some(language),
            canonical_url,
            seo,
            custom: Some(custom),
            author_ids,
            authors,
            tag_ids,
            tags,
        })
    }

    /// A slug that was cleared stays as it was, and so do defaults, so that "nothing changed" can be seen.
    pub fn keep_slug(&mut self, before: &Self) {
        if self.slug.is_none() {
            self.slug.clone_from(&before.slug);
        }
        self.body.get_or_insert_default();
        self.custom.get_or_insert_default();
        self.language.get_or_insert_with(|| LanguageTag("en".into()));
        if self.author_ids.is_none() && self.authors.is_none() {
            let cleared = if before.authors.is_some() { &mut self.authors } else { &mut self.author_ids };
            cleared.get_or_insert_default();
        }
        if self.tag_ids.is_none() && self.tags.is_none() {
            let cleared = if before.tags.is_some() { &mut self.tags } else { &mut self.tag_ids };
            cleared.get_or_insert_default();
        }
    }
}

/// Ids on the left or slugs on the right.
fn keys<'a>(things: impl Iterator<Item = (&'a String, &'a String)>, by_slug: bool) -> (Option<Vec<Key>>, Option<Vec<Key>>) {
    let keys = things.map(|(id, slug)| Key(if by_slug { slug } else { id }.clone())).collect();
    if by_slug { (None, Some(keys)) } else { (Some(keys), None) }
}

/// A story ready to be stored, but for the authors and tags that it names.
#[derive(Clone)]
pub struct ReadyArticle {
    draft: Draft,
    /// The body as readers would see it.
    html: Arc<str>,
    authors: (&'static str, Vec<String>),
    tags: (&'static str, Vec<String>),
}

/// Keeps the rules of the domain and renders the body, all breaches at once.
pub fn draft_of(input: CreateArticle) -> Result<ReadyArticle, Problem> {
    let CreateArticle { title, slug, subtitle, dateline, lead, body, image, language, canonical_url, seo, custom, .. } = input;
    let mut breaches = Vec::new();
    let authors = one_of(("author_ids", input.author_ids), ("authors", input.authors), &mut breaches);
    let tags = one_of(("tag_ids", input.tag_ids), ("tags", input.tags), &mut breaches);
    let content = Content {
        title: title.0,
        subtitle,
        dateline,
        lead,
        body: body.unwrap_or_default(),
        image,
        language: language.unwrap_or_else(|| LanguageTag("en".into())),
        canonical_url,
        seo,
        custom: custom.unwrap_or_default(),
    };
    breaches.extend(content.check());
    breaches.extend(slug.as_ref().and_then(|slug| slug::check(&slug.0, "/slug")));
    let slug = slug.map_or_else(|| Wish::Made(slug::from_words(&content.title, "story")), |slug| Wish::Chosen(slug.0));
    let rendered = render::markdown(&content.body);
    breaches.extend(rendered.as_ref().err().map(|refusal| Breach::member("/body", "too_complex", refusal.to_string())));
    let (Ok(rendered), true) = (rendered, breaches.is_empty()) else { return Err(Problem::invalid_body(breaches)) };
    let draft = draft_with(slug, content, &rendered)?;
    Ok(ReadyArticle { draft, html: rendered.html.into(), authors, tags })
}

/// What was published once, ready to be stored again with those of its authors and tags that there are still.
pub fn draft_again(edition: Edition, author_ids: Vec<String>, tag_ids: Vec<String>) -> Result<Draft, Problem> {
    let Edition { slug, content, .. } = edition;
    let rendered = render::markdown(&content.body).map_err(|refusal| Problem::internal(&refusal.to_string()))?;
    Ok(Draft { author_ids, tag_ids, ..draft_with(Wish::Chosen(slug), content, &rendered)? })
}

fn draft_with(slug: Wish, content: Content, rendered: &render::Rendered) -> Result<Draft, Problem> {
    let manuscript = Manuscript::of(content, rendered.word_count.into(), rendered.reading_minutes.into())?;
    Ok(Draft { slug, manuscript, author_ids: Vec::new(), tag_ids: Vec::new() })
}

fn one_of(
    (ids_name, ids): (&'static str, Option<Vec<Key>>),
    (slugs_name, slugs): (&'static str, Option<Vec<Key>>),
    breaches: &mut Vec<Breach>,
) -> (&'static str, Vec<String>) {
    if ids.is_some() && slugs.is_some() {
        breaches.push(Breach::member(format!("/{slugs_name}"), "ambiguous", format!("Use `{ids_name}` or `{slugs_name}`, not both.")));
    }
    let (name, keys) = if slugs.is_some() { (slugs_name, slugs) } else { (ids_name, ids) };
    (name, keys.unwrap_or_default().into_iter().map(|key| key.0).collect())
}

impl ReadyArticle {
    /// The same with another wish for its slug.
    pub fn wishing(self, wish: impl FnOnce(Wish) -> Result<Wish, Problem>) -> Result<Self, Problem> {
        Ok(Self { draft: Draft { slug: wish(self.draft.slug)?, ..self.draft }, ..self })
    }

    pub fn html(&self) -> Arc<str> {
        self.html.clone()
    }

    /// The same with what saving it needs made already.
    pub fn prepared(self) -> Self {
        self.draft.manuscript.prepare();
        self
    }

    /// The same with what the first save of a story needs made already.
    pub fn prepared_first(self) -> Result<Self, Problem> {
        self.draft.manuscript.prepare_first()?;
        Ok(self)
    }

    /// Finds the authors and tags; each one that does not exist or is named twice is a breach. What comes out is within what the caller's
    /// key is limited to.
    pub fn linked(mut self, conn: &mut Conn, caller: &Caller) -> Result<Draft, Problem> {
        let mut breaches = Vec::new();
        let author_ids = links::author_ids(conn, &self.authors.1)?;
        self.draft.author_ids = existing(author_ids, &self.authors, "author", &mut breaches);
        let tag_ids = links::tag_ids(conn, &self.tags.1)?;
        self.draft.tag_ids = existing(tag_ids, &self.tags, "tag", &mut breaches);
        if !breaches.is_empty() {
            return Err(Problem::invalid_body(breaches));
        }
        keep_within(conn, caller, &self.draft)?;
        Ok(self.draft)
    }
}

fn existing(ids: Vec<Option<String>>, (member, keys): &(&'static str, Vec<String>), what: &str, breaches: &mut Vec<Breach>) -> Vec<String> {
    let mut found: Vec<String> = Vec::with_capacity(ids.len());
    for (index, (id, key)) in ids.into_iter().zip(keys).enumerate() {
        let pointer = format!("/{member}/{index}");
        match id {
            None => breaches.push(Breach::member(pointer, "unknown", format!("There is no {what} `{key}`; create it first."))),
            Some(id) if found.contains(&id) => breaches.push(Breach::member(pointer, "repeated", format!("Name each {what} once."))),
            Some(id) => found.push(id),
        }
    }
    found
}

/// What the caller's key is limited to, in the authors and tags of today; `None` where it is not.
pub fn limits(conn: &mut Conn, caller: &Caller) -> Result<Option<Limits>, store::Error> {
    let Some(Limits { tags, authors, languages }) = caller.grant().and_then(|grant| grant.limits.clone()) else { return Ok(None) };
    let (tags, authors) = (links::tags_of_today(conn, tags)?, links::authors_of_today(conn, authors)?);
    Ok(Some(Limits { tags, authors, languages }))
}

/// A story outside of what the caller's key is limited to is not there, for that key.
fn check_within(conn: &mut Conn, caller: &Caller, copy: &WorkingCopy) -> Result<(), Problem> {
    let Some(limits) = limits(conn, caller)? else { return Ok(()) };
    let tags: Vec<String> = copy.tags.iter().map(|tag| tag.id.clone()).collect();
    let authors: Vec<String> = copy.authors.iter().map(|author| author.id.clone()).collect();
    if limits.admit(&tags, &authors, &copy.row.content()?.language.0) { Ok(()) } else { Err(Problem::not_found()) }
}

/// Whoever comes with a limited key leaves the story one that the key is for.
pub fn keep_within(conn: &mut Conn, caller: &Caller, draft: &Draft) -> Result<(), Problem> {
    match limits(conn, caller)? {
        Some(limits) if !limits.admit(&draft.tag_ids, &draft.author_ids, &draft.manuscript.content().language.0) => {
            Err(Problem::forbidden(
                "This API key is limited to some tags, authors or languages: the story must have one of each that is named.",
            ))
        }
        _ => Ok(()),
    }
}

/// The working copy behind an id or a slug, if the caller may see it.
pub fn found(conn: &mut Conn, caller: &Caller, key: &str) -> Result<WorkingCopy, Problem> {
    let copy = articles::find(conn, key)?;
    check_within(conn, caller, &copy)?;
    Ok(copy)
}

/// The id behind an id or a slug, if the caller may see that story's working copy.
pub fn found_id(conn: &mut Conn, caller: &Caller, key: &str) -> Result<String, Problem> {
    let is_limited = caller.grant().is_some_and(|grant| grant.limits.is_some());
    if is_limited { Ok(found(conn, caller, key)?.row.id) } else { Ok(articles::find_id(conn, key)?) }
}

/// Whether the caller may do that to the story.
pub fn allow(conn: &mut Conn, caller: &Caller, deed: Deed, copy: &WorkingCopy) -> Result<(), Problem> {
    if let Some(grant) = caller.grant() {
        check_within(conn, caller, copy)?;
        opens(grant, deed, copy.row.state()?).map_err(|refusal| refused(refusal, caller))?;
    }
    let own = caller.role < Role::Editor && articles::is_own(conn, &copy.row, &caller.user_id)?;
    if may(caller.role, deed, own, copy.row.state()?) {
        return Ok(());
    }
    let detail = match (caller.role, own) {
        (Role::Contributor, true) => "Contributors change their own drafts only; ask an editor.",
        (Role::Author, true) => "This is an editor's to decide; ask one.",
        _ => "This story is not yours; ask an editor.",
    };
    Err(Problem::forbidden(detail))
}

/// The working copy, if the caller may do that to it and has seen its version.
pub fn permitted(conn: &mut Conn, key: &str, caller: &Caller, deed: Deed, expected: &IfMatch) -> Result<WorkingCopy, Problem> {
    let current = articles::find(conn, key)?;
    allow(conn, caller, deed, &current)?;
    if expected.allows(current.row.version) { Ok(current) } else { Err(refuse_stale(conn, &current, expected, None)?) }
}

/// The working copy, and what becomes of it by that patch; `None` if nothing does.
pub fn patched(
    conn: &mut Conn,
    key: &str,
    caller: &Caller,
    expected: &IfMatch,
    patch: &MergePatch<CreateArticle>,
) -> Result<(WorkingCopy, Option<CreateArticle>), Problem> {
    let current = articles::find(conn, key)?;
    allow(conn, caller, Deed::Edit, &current)?;
    if !expected.allows(current.row.version) {
        return Err(refuse_stale(conn, &current, expected, Some(patch))?);
    }
    let before = CreateArticle::of(&current, patch)?;
    let mut after = patch.apply(&before)?;
    after.keep_slug(&before);
    let after = Some(after).filter(|after| *after != before);
    Ok((current, after))
}

/// The refusal of a write for an older version: who changed the story since, when, in which members, and which of them the patch would change, too.
pub fn refuse_stale(
    conn: &mut Conn,
    current: &WorkingCopy,
    expected: &IfMatch,
    patch: Option<&MergePatch<CreateArticle>>,
) -> Result<Problem, store::Error> {
    let id = &current.row.id;
    let now = history::content(conn, id, current.row.version)?;
    let seen = expected.seen().map(|version| history::content(conn, id, version)).transpose()?.flatten();
    let members = |content: Option<Vec<u8>>| content.and_then(|json| serde_json::from_slice::<Map<String, Value>>(&json).ok());
    let (mut differing, mut conflicting) = (Vec::new(), Vec::new());
    if let (Some(seen), Some(now)) = (members(seen), members(now)) {
        differing.extend(now.iter().filter(|(name, value)| seen.get(*name) != Some(value)).map(|(name, _)| name.clone()));
        let is_changed = |name: &&String| patch.is_some_and(|patch| changes(patch, name, seen.get(*name)));
        conflicting.extend(differing.iter().filter(is_changed).cloned());
    }
    let row = &current.row;
    let (changed_by, changed_at) = (row.updated_by.clone(), row.updated_at);
    Ok(Current { version: row.version, changed_by, changed_at, differing, conflicting }.refuse())
}

/// Whether a patch makes another value of a member that was `seen`. Authors and tags named by slug are not looked up: they count as changed.
fn changes(patch: &MergePatch<CreateArticle>, name: &str, seen: Option<&Value>) -> bool {
    let by_slug = name.strip_suffix("_ids").is_some_and(|stem| patch.names(&format!("{stem}s")));
    let by_name = patch.members().find(|(member, _)| *member == name).is_some_and(|(_, value)| {
        let seen = seen.cloned().unwrap_or_default();
        let mut mine = seen.clone();
        merge(&mut mine, value.clone());
        mine != seen
    });
    by_slug || by_name
}
