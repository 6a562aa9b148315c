//! The live view as finished JSON: made when a story is published, put together when it is read.
//!
//! A finished summary is the text of an [`Article`] cut where the body, the authors and the tags belong, and before the address, which is a
//! matter of configuration. The pieces are stored; authors and tags come from memory (`faces.rs`). Reads serialise nothing.

use super::faces::Face;
use super::representation::{Article, Facts, article, correction};
use super::site::HttpSettings;
use crate::domain::article::State;
use crate::domain::time::Moment;
use crate::render;
use crate::store::articles::{Stamp, WorkingCopy};
use crate::store::corrections::{self, CorrectionRow};
use crate::store::live::LiveRow;
use crate::store::publishing::{self, Correction as Change, Finished, Unfinished};
use crate::store::{Conn, Error, Write, in_write};
use serde::Serialize;
use std::sync::Arc;

/// Counts up whenever [`Article`] or the way in which it is cut changes: what older code has finished is then finished anew.
pub const FORM: i64 = 1;

/// What stands where the body, the authors and the tags belong: no JSON text has it.
const CUT: char = '\u{1}';
/// As serde writes an article without them; the first such place is theirs, for quotes inside of texts are escaped.
const NOBODY: &str = "\"authors\":[],\"tags\":[],";
const NO_ADDRESS: &str = "\"url\":\"\"}";
/// Copies that are finished anew in one transaction.
const TOGETHER: i64 = 500;

/// The live copy that publishing a working copy makes, once it is in `state`.
pub fn finished(copy: &WorkingCopy, state: State) -> Result<Finished, Error> {
    let row = &copy.row;
    let content = row.content()?;
    let rendered = render::markdown(&content.body).map_err(|refusal| Error::Damaged(refusal.to_string()))?;
    let facts = Facts {
        id: row.id.clone(),
        slug: row.slug.clone(),
        word_count: row.word_count,
        reading_minutes: row.reading_minutes,
        dates: [state.first_published_at, state.published_at, state.content_updated_at],
    };
    let corrections = copy.corrections.clone().ok_or_else(|| Error::Damaged(format!("article {} came without its corrections", row.id)))?;
    Ok(Finished {
        html: json(&rendered.html)?,
        markdown: json(&content.body)?,
        text: json(&rendered.text)?,
        blocks: json(&rendered.blocks)?,
        corrections: json_of(corrections)?,
        summary: summary(&article(facts, content))?,
        form: FORM,
    })
}

/// Finishes anew what older code has finished, and tells how many that were. May be interrupted and started again.
pub fn finish_anew(conn: &mut Conn) -> Result<usize, Error> {
    let mut count = 0;
    loop {
        let stale = publishing::unfinished(conn, FORM, TOGETHER)?;
        if stale.is_empty() {
            return Ok(count);
        }
        count += stale.len();
        in_write(conn, |conn| {
            for copy in stale {
                let Unfinished { id, slug, content, word_count, reading_minutes, dates } = copy;
                let facts = Facts { id: id.clone(), slug, word_count, reading_minutes, dates: dates.map(Some) };
                let summary = summary(&article(facts, content))?;
                publishing::refinish(conn, &id, &summary, FORM)?;
            }
            Ok::<_, Error>(())
        })?;
    }
}

/// Publishes a working copy: the one place where finished copies come from.
pub fn publish(write: &mut Write<'_>, current: &WorkingCopy, state: State, stamp: &Stamp) -> Result<(), Error> {
    publishing::publish(write, current, state, &finished(current, state)?, stamp)
}

/// Publishes a story as it was at that version.
pub fn publish_version(write: &mut Write<'_>, was: &WorkingCopy, version: i64, state: State, stamp: &Stamp) -> Result<(), Error> {
    publishing::publish_version(write, (was, version), state, &finished(was, state)?, stamp)
}

/// Brings a killed story back as it was at that version.
pub fn unkill(write: &mut Write<'_>, was: &WorkingCopy, version: i64, state: State, stamp: &Stamp) -> Result<(), Error> {
    publishing::unkill(write, was, version, state, &finished(was, state)?, stamp)
}

/// Adds a public correction or takes one back, and finishes the story's corrections anew; answers all of them.
pub fn correct(write: &mut Write<'_>, current: &WorkingCopy, change: &Change<'_>, stamp: &Stamp) -> Result<Vec<CorrectionRow>, Error> {
    let id = &current.row.id;
    publishing::correct(write, id, current.row.version, change, stamp)?;
    let rows = corrections::of(write, id)?;
    publishing::recorrect(write, id, &json_of(rows.clone())?, stamp)?;
    Ok(rows)
}

fn json_of(rows: Vec<CorrectionRow>) -> Result<String, Error> {
    json(&rows.into_iter().map(correction).collect::<Result<Vec<_>, _>>()?)
}

fn summary(article: &Article) -> Result<String, Error> {
    let text = json(article)?;
    let whole = text.strip_suffix(NO_ADDRESS).and_then(|text| text.split_once(NOBODY));
    let (before, after) = whole.ok_or_else(|| Error::Damaged(format!("article {} is not written as expected", article.id)))?;
    Ok(format!("{before}{CUT}{after}"))
}

fn json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Damaged(error.to_string()))
}

/// The authors and the public tags of a story, in their order.
pub struct Faces {
    pub authors: Vec<Arc<Face>>,
    pub tags: Vec<Arc<Face>>,
    /// When the story, one of its authors or one of its tags (an internal one may have been public before) last changed.
    pub changed_at: Moment,
}

/// Writes a story as it goes out: what serde would make of the whole [`Article`].
pub fn write(out: &mut String, row: &LiveRow, faces: &Faces, settings: &HttpSettings) {
    let (before, after) = row.summary.split_once(CUT).unwrap_or((&row.summary, ""));
    out.push_str(before);
    let forms = [("\"html\":", &row.html), ("\"markdown\":", &row.markdown), ("\"text\":", &row.text), ("\"blocks\":", &row.blocks)];
    for (name, form) in forms {
        if let Some(form) = form {
            out.push_str(name);
            out.push_str(form);
            out.push(',');
        }
    }
    out.push_str("\"authors\":[");
    write_faces(out, &faces.authors);
    out.push_str("],\"tags\":[");
    write_faces(out, &faces.tags);
    out.push_str("],");
    out.push_str(after);
    if let Some(corrections) = &row.corrections {
        out.push_str("\"corrections\":");
        out.push_str(corrections);
        out.push(',');
    }
    out.push_str("\"url\":\"");
    write_address(out, &settings.article_url, &row.slug);
    out.push_str("\"}");
}

/// The address as JSON writes it. The configuration is an address and a slug is plain, so that nothing but these two has to be escaped.
fn write_address(out: &mut String, template: &str, slug: &str) {
    let mut parts = template.split("{slug}");
    let mut put = |part: &str| {
        for c in part.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
    };
    put(parts.next().unwrap_or_default());
    for part in parts {
        put(slug);
        put(part);
    }
}

fn write_faces(out: &mut String, faces: &[Arc<Face>]) {
    for (index, face) in faces.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&face.json);
    }
}

#[cfg(test)]
mod tests {
    use super::super::representation::Correction;
    use super::*;
    use crate::domain::article::Content;
    use crate::domain::correction::CorrectionKind;
    use crate::domain::text::LanguageTag;
    use proptest::prelude::*;
    use serde_json::json;

    fn settings() -> HttpSettings {
        HttpSettings { article_url: "https://example.com/{slug}".into(), ..HttpSettings::default() }
    }

    proptest! {
        /// Texts that look like what the summary is cut at, among any others.
        #[test]
        fn a_story_put_together_is_what_serde_would_write(
            title in "(\"authors\":\\[\\],\"tags\":\\[\\],|\"url\":\"\"}|.){0,4}",
            member in "(authors|tags|url|[a-z]{1,5})",
            html in ".{0,40}",
        ) {
            let content = Content {
                title: title.clone(), subtitle: None, dateline: None, lead: Some(title.clone()), body: String::new(), image: None,
                language: LanguageTag("en".into()), canonical_url: None, seo: None,
                custom: [(member, json!([])), ("tags".into(), json!([]))].into_iter().collect(),
            };
            let note = || Correction {
                id: "2".into(), kind: CorrectionKind::Update, note: title.clone(), created_at: Moment::from_milliseconds(0),
            };
            let facts = || Facts { id: "1".into(), slug: "a-story".into(), word_count: 1, reading_minutes: 1, dates: [None; 3] };
            let whole = Article {
                html: Some(html.clone()),
                corrections: Some(vec![note()]),
                url: "https://example.com/a-story".into(),
                ..article(facts(), content.clone())
            };
            let row = LiveRow {
                article_id: "1".into(), slug: "a-story".into(), version: 1, title: title.clone(), published_at: 0, content_updated_at: 0, changed_at: 0,
                author_ids: String::new(), tag_ids: String::new(), summary: summary(&article(facts(), content)).unwrap(),
                html: Some(serde_json::to_string(&html).unwrap()), markdown: None, text: None, blocks: None,
                corrections: Some(serde_json::to_string(&[note()]).unwrap()),
            };
            let mut out = String::new();
            let faces = Faces { authors: Vec::new(), tags: Vec::new(), changed_at: Moment::from_milliseconds(0) };
            write(&mut out, &row, &faces, &settings());
            prop_assert_eq!(out, serde_json::to_string(&whole).unwrap());
        }
    }
}
