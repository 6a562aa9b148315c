//! What a story is, which rules its members keep, and which transition its state allows.

use super::breach::Breach;
use super::text::{CountryCode, LanguageTag, WebAddress};
use super::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The most bytes that `custom` may take as JSON.
pub const CUSTOM_BYTES: usize = 16 * 1024;
/// How deep objects and arrays may nest in `custom`; the object itself is level 1.
pub const CUSTOM_DEPTH: usize = 8;

/// Where a story was reported from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dateline {
    /// The dateline as it is printed, without the dash.
    #[schema(max_length = 200, example = "Guatemala City, Guatemala")]
    pub text: Option<String>,
    #[schema(max_length = 100, example = "Guatemala City")]
    pub city: Option<String>,
    #[schema(max_length = 100, example = "Guatemala")]
    pub region: Option<String>,
    #[schema(max_length = 100, example = "Guatemala")]
    pub country: Option<String>,
    pub country_code: Option<CountryCode>,
}

/// A picture by its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    pub url: WebAddress,
    /// What the picture shows, for those who cannot see it.
    #[schema(max_length = 1000, example = "President Arévalo and Deputy Secretary Landau at the National Palace")]
    pub alt: Option<String>,
    #[schema(max_length = 2000)]
    pub caption: Option<String>,
    #[schema(max_length = 300)]
    pub credit: Option<String>,
    /// In pixels.
    #[schema(minimum = 1, maximum = 65535, example = 1600)]
    pub width: Option<u32>,
    /// In pixels.
    #[schema(minimum = 1, maximum = 65535, example = 900)]
    pub height: Option<u32>,
}

/// What search engines and link previews are told where it differs from the story.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Seo {
    #[schema(max_length = 300)]
    pub title: Option<String>,
    #[schema(max_length = 1000)]
    pub description: Option<String>,
    pub image_url: Option<WebAddress>,
}

/// All that an editor writes of a story, beside its slug and its links to authors and tags.
/// This is what is stored, published, and kept in each revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    pub title: String,
    pub subtitle: Option<String>,
    pub dateline: Option<Dateline>,
    pub lead: Option<String>,
    /// Markdown.
    pub body: String,
    pub image: Option<Image>,
    pub language: LanguageTag,
    pub canonical_url: Option<WebAddress>,
    pub seo: Option<Seo>,
    pub custom: Map<String, Value>,
}

impl Content {
    /// The rules that no schema can state, all breaches at once.
    pub fn check(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        check_custom(&self.custom, &mut breaches);
        breaches
    }
}

fn check_custom(custom: &Map<String, Value>, breaches: &mut Vec<Breach>) {
    let as_value = custom.values();
    if 1 + as_value.map(depth).max().unwrap_or(0) > CUSTOM_DEPTH {
        breaches.push(Breach::member("/custom", "too_deep", format!("Nest at most {CUSTOM_DEPTH} levels of objects and arrays.")));
        return;
    }
    if serde_json::to_vec(custom).map_or(usize::MAX, |bytes| bytes.len()) > CUSTOM_BYTES {
        breaches.push(Breach::member("/custom", "too_long", format!("Use at most {CUSTOM_BYTES} bytes of JSON.")));
    }
}

/// How deep a value nests; bounded itself, because the JSON parser refuses more than 127 levels.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Where a story stands in the workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Draft,
    InReview,
    Scheduled,
    Published,
    Archived,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in_review",
            Self::Scheduled => "scheduled",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }

    /// The status of that name, as it is stored.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Draft, Self::InReview, Self::Scheduled, Self::Published, Self::Archived].into_iter().find(|status| status.name() == name)
    }
}

/// Something that is done to a story as a whole; the last segment of its address has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    Publish,
    Unpublish,
    /// Drops what was not published.
    Discard,
    /// Hands a draft to a reviewer.
    Submit,
    /// Hands it back.
    Return,
    Archive,
    Unarchive,
    /// Takes a live story away and says so to the public.
    Kill,
    Unkill,
    /// Adds to the public corrections.
    Correct,
    /// Says when it is to come out, or to go.
    Schedule,
    Unschedule,
}

impl Transition {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Unpublish => "unpublish",
            Self::Discard => "discard",
            Self::Submit => "submit",
            Self::Return => "return",
            Self::Archive => "archive",
            Self::Unarchive => "unarchive",
            Self::Kill => "kill",
            Self::Unkill => "unkill",
            Self::Correct => "corrections",
            Self::Schedule => "schedule",
            Self::Unschedule => "unschedule",
        }
    }

    /// The transitions that a story in that state allows. What was killed comes back as it was, or becomes a draft that can be
    /// mended; published over the notice it cannot be.
    pub const fn allowed_in(state: State) -> &'static [Self] {
        match state.status {
            Status::Draft => &[Self::Publish, Self::Schedule, Self::Submit, Self::Archive],
            Status::InReview => &[Self::Publish, Self::Schedule, Self::Return],
            Status::Scheduled => &[Self::Publish, Self::Schedule, Self::Unschedule],
            Status::Published if state.is_killed => &[Self::Unkill, Self::Unpublish],
            Status::Published => {
                &[Self::Publish, Self::Schedule, Self::Unschedule, Self::Discard, Self::Correct, Self::Unpublish, Self::Archive, Self::Kill]
            }
            Status::Archived => &[Self::Unarchive],
        }
    }
}

/// The state of a story that the rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub status: Status,
    /// Whether a notice stands where the live copy was. Only a published story is killed.
    pub is_killed: bool,
    pub has_unpublished_changes: bool,
    pub first_published_at: Option<Moment>,
    pub published_at: Option<Moment>,
    pub content_updated_at: Option<Moment>,
}

impl State {
    /// A story that was just created.
    pub const NEW: Self = Self {
        status: Status::Draft,
        is_killed: false,
        has_unpublished_changes: true,
        first_published_at: None,
        published_at: None,
        content_updated_at: None,
    };

    /// The state after the working copy was saved: the live copy stays as it is.
    pub const fn saved(self) -> Self {
        Self { has_unpublished_changes: true, ..self }
    }

    /// The same state after a change that is not worth telling: the date of the content stays what it was in `before`.
    #[must_use]
    pub fn as_minor_since(self, before: Self) -> Self {
        Self { content_updated_at: before.content_updated_at.or(self.content_updated_at), ..self }
    }
}

/// A transition that the state does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTransition {
    pub state: State,
    pub wanted: Transition,
    pub allowed: &'static [Transition],
}

/// The state after `transition` at `now`. `first_published_at` is set once; `published_at` moves when a story
/// comes out (again), not when a live one is updated; `content_updated_at` moves with each published change.
pub fn step(state: State, transition: Transition, now: Moment) -> Result<State, InvalidTransition> {
    let allowed = Transition::allowed_in(state);
    if !allowed.contains(&transition) {
        return Err(InvalidTransition { state, wanted: transition, allowed });
    }
    Ok(match transition {
        Transition::Publish if state.status == Status::Published && !state.has_unpublished_changes => state,
        Transition::Publish => State {
            status: Status::Published,
            is_killed: false,
            has_unpublished_changes: false,
            first_published_at: state.first_published_at.or(Some(now)),
            published_at: if state.status == Status::Published { state.published_at } else { Some(now) },
            content_updated_at: Some(now),
        },
        Transition::Unpublish => State { status: Status::Draft, is_killed: false, has_unpublished_changes: true, ..state },
        Transition::Discard => State { has_unpublished_changes: false, ..state },
        Transition::Submit => State { status: Status::InReview, ..state },
        Transition::Return | Transition::Unarchive => State { status: Status::Draft, ..state },
        Transition::Archive => State { status: Status::Archived, has_unpublished_changes: true, ..state },
        Transition::Kill => State { is_killed: true, ..state },
        Transition::Unkill => State { is_killed: false, ..state },
        Transition::Correct => state,
        Transition::Schedule if state.status == Status::Published => state,
        Transition::Schedule => State { status: Status::Scheduled, ..state },
        Transition::Unschedule if state.status == Status::Published => state,
        Transition::Unschedule => State { status: Status::Draft, ..state },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const fn at(milliseconds: i64) -> Moment {
        Moment::from_milliseconds(milliseconds)
    }

    #[test]
    fn the_first_publish_sets_all_dates_and_an_update_moves_only_the_content_date() {
        let live = step(State::NEW, Transition::Publish, at(10)).unwrap();
        assert_eq!((live.first_published_at, live.published_at, live.content_updated_at), (Some(at(10)), Some(at(10)), Some(at(10))));
        let updated = step(live.saved(), Transition::Publish, at(20)).unwrap();
        assert_eq!(
            (updated.first_published_at, updated.published_at, updated.content_updated_at),
            (Some(at(10)), Some(at(10)), Some(at(20)))
        );
        let again = step(step(updated, Transition::Unpublish, at(30)).unwrap(), Transition::Publish, at(40)).unwrap();
        assert_eq!((again.first_published_at, again.published_at), (Some(at(10)), Some(at(40))));
    }

    #[test]
    fn publishing_what_is_live_and_unchanged_changes_nothing() {
        let live = step(State::NEW, Transition::Publish, at(10)).unwrap();
        assert_eq!(step(live, Transition::Publish, at(20)).unwrap(), live);
    }

    #[test]
    fn a_draft_cannot_be_unpublished_and_the_refusal_names_what_is_allowed() {
        let refusal = step(State::NEW, Transition::Unpublish, at(10)).unwrap_err();
        assert_eq!(refusal.allowed, &[Transition::Publish, Transition::Schedule, Transition::Submit, Transition::Archive]);
        assert_eq!(refusal.state.status, Status::Draft);
    }

    #[test]
    fn a_minor_change_leaves_the_date_of_the_content_unless_there_is_none() {
        let first = step(State::NEW, Transition::Publish, at(10)).unwrap().as_minor_since(State::NEW);
        assert_eq!(first.content_updated_at, Some(at(10)));
        let second = step(first.saved(), Transition::Publish, at(20)).unwrap().as_minor_since(first);
        assert_eq!((second.published_at, second.content_updated_at, second.has_unpublished_changes), (Some(at(10)), Some(at(10)), false));
    }

    #[test]
    fn every_way_out_of_the_public_keeps_the_dates_and_leads_back() {
        let live = step(State::NEW, Transition::Publish, at(10)).unwrap();
        for ways in [
            &[Transition::Kill, Transition::Unkill][..],
            &[Transition::Kill, Transition::Unpublish, Transition::Publish],
            &[Transition::Archive, Transition::Unarchive, Transition::Submit, Transition::Return, Transition::Publish],
            &[Transition::Unpublish, Transition::Submit, Transition::Publish],
            &[Transition::Discard, Transition::Correct],
        ] {
            let back = ways.iter().fold(live, |state, transition| step(state, *transition, at(20)).unwrap());
            assert_eq!((back.status, back.is_killed, back.has_unpublished_changes), (Status::Published, false, false), "{ways:?}");
            assert_eq!(back.first_published_at, Some(at(10)));
        }
    }

    #[test]
    fn a_killed_story_is_edited_but_not_published_over_its_notice() {
        let killed = step(step(State::NEW, Transition::Publish, at(10)).unwrap(), Transition::Kill, at(20)).unwrap();
        let refusal = step(killed.saved(), Transition::Publish, at(30)).unwrap_err();
        assert_eq!(refusal.allowed, &[Transition::Unkill, Transition::Unpublish]);
    }

    #[test]
    fn custom_is_bounded_in_size_and_depth() {
        let mut breaches = Vec::new();
        let mut deep = json!(1);
        for _ in 0..CUSTOM_DEPTH {
            deep = json!({ "a": deep });
        }
        let Value::Object(fits) = deep.clone() else { unreachable!() };
        check_custom(&fits, &mut breaches);
        assert_eq!(breaches, []);
        let Value::Object(too_deep) = json!({ "a": deep }) else { unreachable!() };
        check_custom(&too_deep, &mut breaches);
        assert_eq!(breaches[0].code, "too_deep");
        let Value::Object(too_long) = json!({ "a": "x".repeat(CUSTOM_BYTES) }) else { unreachable!() };
        check_custom(&too_long, &mut breaches);
        assert_eq!(breaches[1].code, "too_long");
    }
}
