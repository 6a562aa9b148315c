//! What a newsroom wants of a story before the public sees it: set by the operator, asked at each publish.

use super::article::Content;
use super::breach::Breach;

/// One thing that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Lead,
    Tag,
    Author,
    /// The image, if there is one, says what it shows.
    ImageAlt,
    /// Who publishes is not who last edited.
    SecondPairOfEyes,
}

impl Rule {
    pub const ALL: [Self; 5] = [Self::Lead, Self::Tag, Self::Author, Self::ImageAlt, Self::SecondPairOfEyes];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Tag => "tag",
            Self::Author => "author",
            Self::ImageAlt => "image_alt",
            Self::SecondPairOfEyes => "second_pair_of_eyes",
        }
    }

    /// The rule of that name, as it stands in the configuration.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

/// A story before the gate.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub content: &'a Content,
    pub authors: usize,
    pub tags: usize,
    /// Who last changed the content.
    pub edited_by: Option<&'a str>,
    pub publisher: &'a str,
}

/// What keeps the story from the public, all of it at once.
pub fn check(rules: &[Rule], story: Candidate<'_>) -> Vec<Breach> {
    rules.iter().filter_map(|rule| breach(*rule, story)).collect()
}

fn breach(rule: Rule, story: Candidate<'_>) -> Option<Breach> {
    let is_blank = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
    let (is_broken, pointer, code, detail) = match rule {
        Rule::Lead => (is_blank(&story.content.lead), "/lead", "lead_missing", "Write the lead first."),
        Rule::Tag => (story.tags == 0, "/tags", "tag_missing", "Give it a tag first."),
        Rule::Author => (story.authors == 0, "/authors", "author_missing", "Give it an author first."),
        Rule::ImageAlt => (
            story.content.image.as_ref().is_some_and(|image| is_blank(&image.alt)),
            "/image/alt",
            "image_alt_missing",
            "Say what the image shows, for those who cannot see it.",
        ),
        Rule::SecondPairOfEyes => (
            story.edited_by == Some(story.publisher),
            "/edited_by",
            "second_pair_of_eyes",
            "You edited it last: somebody else has to publish it.",
        ),
    };
    is_broken.then(|| Breach::member(pointer, code, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::breach::Place;
    use serde_json::json;

    fn content(more: &serde_json::Value) -> Content {
        let mut whole = json!({ "title": "Story", "body": "", "language": "en", "custom": {} });
        crate::domain::merge::merge(&mut whole, more.clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn all_that_is_missing_is_told_at_once_and_what_is_not_asked_for_is_not_missed() {
        let bare = content(&json!({ "lead": " ", "image": { "url": "https://a.example/" } }));
        let story = Candidate { content: &bare, authors: 0, tags: 0, edited_by: Some("ana"), publisher: "ana" };
        let places: Vec<Place> = check(&Rule::ALL, story).into_iter().map(|breach| breach.place).collect();
        assert_eq!(places, ["/lead", "/tags", "/authors", "/image/alt", "/edited_by"].map(|pointer| Place::Pointer(pointer.into())));
        assert_eq!(check(&[], story), []);
        assert_eq!(check(&[Rule::Tag], story).len(), 1);
    }

    #[test]
    fn a_story_that_has_it_all_passes_with_or_without_an_image() {
        for image in [json!(null), json!({ "url": "https://a.example/", "alt": "A bridge" })] {
            let content = content(&json!({ "lead": "A bridge opened.", "image": image }));
            let story = Candidate { content: &content, authors: 1, tags: 1, edited_by: Some("ana"), publisher: "bo" };
            assert_eq!(check(&Rule::ALL, story), []);
        }
    }
}
