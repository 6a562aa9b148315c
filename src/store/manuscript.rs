//! A story's content in the forms in which it is stored. They are made before a write waits for its turn: of what one writer does for all, only
//! what depends on the database is done inside the transaction.

use super::articles::document;
use super::compact;
use super::error::Error;
use super::search::Indexed;
use crate::domain::article::Content;

/// A content, ready to be stored.
#[derive(Clone, Debug)]
pub struct Manuscript {
    content: Content,
    word_count: i64,
    reading_minutes: i64,
    /// The content as JSON.
    document: String,
    indexed: Indexed,
    /// What a whole revision begins with, in few bytes.
    beginning: Option<Vec<u8>>,
}

impl Manuscript {
    pub fn of(content: Content, word_count: i64, reading_minutes: i64) -> Result<Self, Error> {
        let document = document(&content)?;
        Ok(Self { indexed: Indexed::of(&content), content, word_count, reading_minutes, document, beginning: None })
    }

    /// The same, made ready for the first revision of a story, too: that one is kept whole.
    pub fn packed(self) -> Result<Self, Error> {
        let beginning = Some(pack(beginning(&self.document))?);
        Ok(Self { beginning, ..self })
    }

    pub const fn content(&self) -> &Content {
        &self.content
    }

    pub const fn word_count(&self) -> i64 {
        self.word_count
    }

    pub const fn reading_minutes(&self) -> i64 {
        self.reading_minutes
    }

    pub fn document(&self) -> &str {
        &self.document
    }

    pub(super) const fn indexed(&self) -> &Indexed {
        &self.indexed
    }

    /// What a first revision keeps, in few bytes: two frames, one after the other, are one content.
    pub(super) fn first_revision(&self, beside: &Beside<'_>) -> Result<Vec<u8>, Error> {
        let end = pack(&beside.end())?;
        match &self.beginning {
            Some(beginning) => Ok([beginning.as_slice(), &end].concat()),
            None => Ok([pack(beginning(&self.document))?, end].concat()),
        }
    }
}

/// What a revision keeps beside the content; of a save that is known inside the transaction only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside<'a> {
    pub slug: &'a str,
    pub author_ids: &'a [String],
    pub tag_ids: &'a [String],
}

impl Beside<'_> {
    /// What a revision keeps, as JSON: the members of the content, and these behind them.
    pub fn behind(&self, document: &str) -> Vec<u8> {
        [beginning(document), &self.end()].concat()
    }

    fn end(&self) -> Vec<u8> {
        let Self { slug, author_ids, tag_ids } = self;
        let members = serde_json::json!({ "slug": slug, "author_ids": author_ids, "tag_ids": tag_ids }).to_string();
        members.replacen('{', ",", 1).into_bytes()
    }
}

/// A document, which has members, without the bracket that closes it.
fn beginning(document: &str) -> &[u8] {
    document.strip_suffix('}').unwrap_or(document).as_bytes()
}

fn pack(content: &[u8]) -> Result<Vec<u8>, Error> {
    compact::pack(content).map_err(|error| Error::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::revision::Snapshot;

    #[test]
    fn what_was_packed_before_is_what_would_have_been_packed_then() {
        let content: Content = serde_json::from_value(serde_json::json!({
            "title": "Night buses", "subtitle": null, "dateline": null, "lead": "They {return}.", "body": "## One\n\n}", "image": null,
            "language": "en", "canonical_url": null, "seo": null, "custom": {},
        }))
        .unwrap();
        let (author_ids, tag_ids) = (vec!["a".to_owned()], Vec::new());
        let beside = Beside { slug: "night-buses", author_ids: &author_ids, tag_ids: &tag_ids };
        let plain = Manuscript::of(content.clone(), 1, 1).unwrap();
        let ready = plain.clone().packed().unwrap();
        let json = beside.behind(plain.document());
        for manuscript in [plain, ready] {
            assert_eq!(compact::unpack(&manuscript.first_revision(&beside).unwrap()).unwrap(), json);
        }
        let snapshot: Snapshot = serde_json::from_slice(&json).unwrap();
        assert_eq!(snapshot, Snapshot { content, slug: "night-buses".into(), author_ids, tag_ids });
    }
}
