//! A story's content in the forms in which it is stored. What can be made of it without the database can be made before its write waits for its
//! turn: the one writer does it only where nobody has.

use super::articles::document;
use super::compact;
use super::error::Error;
use super::search::Indexed;
use crate::domain::article::Content;
use serde_json::value::RawValue;
use std::sync::{Arc, OnceLock};

/// A content, ready to be stored. Clones share it.
#[derive(Clone, Debug)]
pub struct Manuscript(Arc<Forms>);

#[derive(Debug)]
struct Forms {
    content: Content,
    word_count: i64,
    reading_minutes: i64,
    /// The content as JSON.
    document: String,
    indexed: OnceLock<Indexed>,
    /// What a whole revision begins with, in few bytes.
    beginning: OnceLock<Vec<u8>>,
}

impl Manuscript {
    pub fn of(content: Content, word_count: i64, reading_minutes: i64) -> Result<Self, Error> {
        let (document, indexed, beginning) = (document(&content)?, OnceLock::new(), OnceLock::new());
        Ok(Self(Arc::new(Forms { content, word_count, reading_minutes, document, indexed, beginning })))
    }

    /// Makes what saving it needs, now.
    pub fn prepare(&self) {
        self.indexed();
    }

    /// Makes what the first save of a story needs, now: its first revision is kept whole.
    pub fn prepare_first(&self) -> Result<(), Error> {
        self.prepare();
        self.beginning().map(drop)
    }

    pub fn content(&self) -> &Content {
        &self.0.content
    }

    pub fn word_count(&self) -> i64 {
        self.0.word_count
    }

    pub fn reading_minutes(&self) -> i64 {
        self.0.reading_minutes
    }

    pub fn document(&self) -> &str {
        &self.0.document
    }

    pub(super) fn indexed(&self) -> &Indexed {
        self.0.indexed.get_or_init(|| Indexed::of(&self.0.content))
    }

    /// What a first revision keeps, in few bytes: two frames, one after the other.
    pub(super) fn first_revision(&self, ends: &Ends<'_>) -> Result<Vec<u8>, Error> {
        Ok([self.beginning()?, &pack(&ends.json())?].concat())
    }

    fn beginning(&self) -> Result<&[u8], Error> {
        if let Some(packed) = self.0.beginning.get() {
            return Ok(packed);
        }
        let packed = pack(beginning(&self.0.document)?)?;
        Ok(self.0.beginning.get_or_init(|| packed))
    }
}

/// What a revision ends with, behind the members of the content. Of a save that is known inside the transaction only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends<'a> {
    pub slug: &'a str,
    pub author_ids: &'a [String],
    pub tag_ids: &'a [String],
}

impl Ends<'_> {
    /// What a revision keeps, as JSON.
    pub fn behind(&self, document: &str) -> Result<Vec<u8>, Error> {
        Ok([beginning(document)?, &self.json()].concat())
    }

    fn json(&self) -> Vec<u8> {
        let Self { slug, author_ids, tag_ids } = self;
        let members = serde_json::json!({ "slug": slug, "author_ids": author_ids, "tag_ids": tag_ids }).to_string();
        members.replacen('{', ",", 1).into_bytes()
    }
}

/// A document without the bracket that closes it; one that is not whole is damaged, and nothing is put behind it.
fn beginning(document: &str) -> Result<&[u8], Error> {
    let damaged = |why: &str| Error::Damaged(format!("a story's document: {why}"));
    serde_json::from_str::<&RawValue>(document).map_err(|error| damaged(&error.to_string()))?;
    let members = document.strip_suffix('}').filter(|members| members.starts_with("{\""));
    members.map(str::as_bytes).ok_or_else(|| damaged("no members"))
}

fn pack(content: &[u8]) -> Result<Vec<u8>, Error> {
    compact::pack(content).map_err(|error| Error::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::revision::Snapshot;

    const ENDS: Ends<'static> = Ends { slug: "night-buses", author_ids: &[], tag_ids: &[] };

    #[test]
    fn a_first_revision_holds_the_content_and_what_belongs_to_it() {
        let content: Content = serde_json::from_value(serde_json::json!({
            "title": "Night buses", "subtitle": null, "dateline": null, "lead": "They {return}.", "body": "## One\n\n}", "image": null,
            "language": "en", "canonical_url": null, "seo": null, "custom": {},
        }))
        .unwrap();
        let manuscript = Manuscript::of(content.clone(), 1, 1).unwrap();
        let unprepared = manuscript.first_revision(&ENDS).unwrap();
        manuscript.prepare_first().unwrap();
        assert_eq!(manuscript.first_revision(&ENDS).unwrap(), unprepared);
        let json = compact::unpack(&unprepared).unwrap();
        assert_eq!(json, ENDS.behind(manuscript.document()).unwrap());
        let snapshot: Snapshot = serde_json::from_slice(&json).unwrap();
        assert_eq!(snapshot, Snapshot { content, slug: "night-buses".into(), author_ids: vec![], tag_ids: vec![] });
    }

    #[test]
    fn nothing_is_put_behind_a_document_that_is_not_whole() {
        for damaged in ["", "{}", "{\"title\":\"Night", "{\"title\":\"Night\"", "[1]", "{\"title\":1} }"] {
            assert!(matches!(ENDS.behind(damaged), Err(Error::Damaged(_))), "{damaged}");
        }
    }
}
