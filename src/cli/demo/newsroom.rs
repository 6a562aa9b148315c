//! The demo's authors, tags and stories, the seed story among them.

use super::{DAY, Stop};
use crate::domain::article::{Content, Dateline, State, Transition, step};
use crate::domain::audit::Occasion;
use crate::domain::author::Profile;
use crate::domain::tag::Visibility;
use crate::domain::text::{CountryCode, LanguageTag};
use crate::domain::time::Moment;
use crate::domain::{id, slug};
use crate::http;
use crate::render;
use crate::store::articles::{self, Draft, Stamp};
use crate::store::authors::{self, AuthorDraft};
use crate::store::manuscript::Manuscript;
use crate::store::page::{Filter, Order, Slice};
use crate::store::slugs::Wish;
use crate::store::tags::{self, TagDraft};
use crate::store::{Conn, Error, Store, Write};
use serde_json::Map;

/// The seed story as it came: title, dateline and lead, sections, beat, bio.
const SEED: &str = include_str!("../../../tests/fixtures/seed-article.txt");
const SEED_HEADINGS: [&str; 3] =
    ["Key Discussions on Crime and Migration", "New Initiatives in Combating Transnational Threats", "Broader Regional Context"];

/// How far a story of the demo has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Draft,
    Live,
    /// Live, with a new title that is not out yet.
    Edited(&'static str),
}

/// A story of the demo.
#[derive(Clone)]
struct Story {
    title: String,
    lead: String,
    body: String,
    city: &'static str,
    language: &'static str,
    authors: &'static [&'static str],
    tags: &'static [&'static str],
    days_ago: i64,
    stage: Stage,
}

/// Whether nobody has written anything yet.
pub fn is_empty(conn: &mut Conn) -> Result<bool, Error> {
    let slice = Slice { limit: 1, after: None, backward: false, count: false };
    let stories = articles::list(conn, &Filter::default(), Order::Update, true, &slice)?;
    let authors = authors::list(conn, authors::Order::Name, false, &slice)?;
    let tags = tags::list(conn, true, authors::Order::Name, false, &slice)?;
    Ok(stories.items.is_empty() && authors.items.is_empty() && tags.items.is_empty())
}

/// Writes it all in the name of that user, or nothing.
pub async fn fill(store: &Store, user_id: &str, now: Moment) -> Result<(), Stop> {
    let stories = stories();
    let ready = stories.into_iter().map(|story| rendered(&story).map(|draft| (story, draft))).collect::<Result<Vec<_>, Stop>>()?;
    let stamp = Stamp::new(user_id, now);
    let wrote = store.write(Occasion::of_system("demo", now), move |write| -> Result<(), Error> {
        put_people(write, &stamp)?;
        ready.into_iter().try_for_each(|(story, draft)| put_story(write, &story, draft, &stamp))
    });
    Ok(wrote.await?)
}

fn put_people(write: &mut Write<'_>, stamp: &Stamp) -> Result<(), Error> {
    let mut seed = SEED.lines().rev();
    let bio = seed.next().and_then(|line| line.strip_prefix("Bio: ")).unwrap_or_default();
    let beat = seed.next().unwrap_or_default();
    let people = [
        ("Marcus", beat, bio, None),
        (
            "Lucía Barrios",
            "Covers health and the people who run clinics.",
            "Lucía was a nurse for nine years before she became a reporter.",
            Some("Quetzaltenango"),
        ),
        (
            "Tomás Ordóñez",
            "Writes about ports, roads and bridges.",
            "Tomás is an engineer by training and **counts things** for a living.",
            Some("Puerto Barrios"),
        ),
    ];
    for (name, beat, bio, location) in people {
        let bio_html = render::markdown(bio).map(|rendered| rendered.html).unwrap_or_default();
        let profile =
            Profile { beat: Some(beat.into()), bio: Some(bio.into()), location: location.map(str::to_owned), ..Profile::default() };
        let slug = Wish::Made(slug::from_words(name, "author"));
        let draft = AuthorDraft { slug, name: name.into(), profile, bio_html, email: None, user_id: None };
        authors::insert(write, &id::new(stamp.now), draft, stamp)?;
    }
    let mut parents: Map<String, serde_json::Value> = Map::new();
    let tags = [
        ("Crime", None, Visibility::Public),
        ("Drug trafficking", Some("crime"), Visibility::Public),
        ("Migration", None, Visibility::Public),
        ("Health", None, Visibility::Public),
        ("Infrastructure", None, Visibility::Public),
        ("Ask legal first", None, Visibility::Internal),
    ];
    for (name, parent, visibility) in tags {
        let id = id::new(stamp.now);
        let slug = slug::from_words(name, "tag");
        let parent_id = parent.and_then(|parent| parents.get(parent)).and_then(|id| id.as_str()).map(str::to_owned);
        let draft = TagDraft { slug: Wish::Made(slug.clone()), name: name.into(), description: None, parent_id, visibility };
        tags::insert(write, &id, draft, stamp)?;
        parents.insert(slug, id.into());
    }
    Ok(())
}

fn put_story(write: &mut Write<'_>, story: &Story, draft: Draft, today: &Stamp) -> Result<(), Error> {
    let at = Moment::from_milliseconds(today.now.milliseconds() - story.days_ago * DAY);
    let stamp = Stamp { now: at, ..today.clone() };
    let id = id::new(at);
    let keys = |slugs: &[&str]| slugs.iter().map(|slug| (*slug).to_owned()).collect::<Vec<_>>();
    let author_ids = crate::store::links::author_ids(write, &keys(story.authors))?.into_iter().flatten().collect();
    let tag_ids = crate::store::links::tag_ids(write, &keys(story.tags))?.into_iter().flatten().collect();
    let draft = Draft { author_ids, tag_ids, ..draft };
    let copy = articles::insert(write, &id, draft.clone(), &stamp)?;
    if story.stage == Stage::Draft {
        return Ok(());
    }
    let live = step(State::NEW, Transition::Publish, at).map_err(|refusal| Error::Damaged(format!("{refusal:?}")))?;
    http::publish(write, &copy, live, &stamp)?;
    if let Stage::Edited(title) = story.stage {
        let text = &draft.manuscript;
        let content = Content { title: title.to_owned(), ..text.content().clone() };
        let manuscript = Manuscript::of(content, text.word_count(), text.reading_minutes())?;
        let changed = Draft { slug: Wish::Chosen(copy.row.slug), manuscript, ..draft };
        articles::update(write, &id, 2, changed, live.saved(), today)?;
    }
    Ok(())
}

fn rendered(story: &Story) -> Result<Draft, Stop> {
    let rendered = render::markdown(&story.body).map_err(|refusal| Stop(refusal.to_string()))?;
    let country = ("Guatemala".to_owned(), CountryCode("GT".into()));
    let dateline = Dateline {
        text: Some(format!("{}, {}", story.city, country.0)),
        city: Some(story.city.into()),
        region: None,
        country: Some(country.0),
        country_code: Some(country.1),
    };
    let content = Content {
        title: story.title.clone(),
        subtitle: None,
        dateline: Some(dateline),
        lead: Some(story.lead.clone()),
        body: story.body.clone(),
        image: None,
        language: LanguageTag(story.language.into()),
        canonical_url: None,
        seo: None,
        custom: Map::new(),
    };
    let manuscript = Manuscript::of(content, rendered.word_count.into(), rendered.reading_minutes.into());
    let manuscript = manuscript.map_err(|error| Stop(error.to_string()))?;
    let slug = Wish::Made(slug::from_words(&story.title, "story"));
    Ok(Draft { slug, manuscript, author_ids: Vec::new(), tag_ids: Vec::new() })
}

/// The seed story: its first line is the title, its second the dateline and the lead, then sections until a blank line.
fn seed_story() -> Story {
    let mut lines = SEED.lines();
    let title = lines.next().unwrap_or_default().to_owned();
    let (_, lead) = lines.next().unwrap_or_default().split_once(" – ").unwrap_or_default();
    let section = |line: &str| if SEED_HEADINGS.contains(&line) { format!("## {line}") } else { line.to_owned() };
    let body: Vec<String> = lines.take_while(|line| !line.is_empty()).map(section).collect();
    Story {
        title,
        lead: lead.to_owned(),
        body: body.join("\n\n"),
        city: "Guatemala City",
        language: "en",
        authors: &["marcus"],
        tags: &["migration", "drug-trafficking", "ask-legal-first"],
        days_ago: 1,
        stage: Stage::Live,
    }
}

fn stories() -> Vec<Story> {
    let told = |title: &str, text: &'static str, city, language, authors, tags, days_ago, stage| {
        let (lead, body) = text.split_once("\n\n").unwrap_or((text, ""));
        Story { title: title.into(), lead: lead.into(), body: body.trim().into(), city, language, authors, tags, days_ago, stage }
    };
    let clinic = include_str!("clinic.en.md");
    let clinica = include_str!("clinica.es.md");
    let bridge = include_str!("bridge.en.md");
    let puerto = include_str!("puerto.es.md");
    let budget = include_str!("budget.en.md");
    vec![
        told("A second nurse doubles a clinic", clinic, "Quetzaltenango", "en", &["lucia-barrios"], &["health"], 6, Stage::Live),
        told("Una segunda enfermera duplica una clínica", clinica, "Quetzaltenango", "es", &["lucia-barrios"], &["health"], 5, Stage::Live),
        told("The bridge that waited for the river", bridge, "El Rancho", "en", &["tomas-ordonez"], &["infrastructure"], 4, Stage::Live),
        told(
            "El puerto bate su récord",
            puerto,
            "Puerto Barrios",
            "es",
            &["tomas-ordonez", "lucia-barrios"],
            &["infrastructure"],
            3,
            Stage::Edited("El puerto bate su récord, pero no de noche"),
        ),
        seed_story(),
        told(
            "Council to weigh nurses against asphalt",
            budget,
            "Quetzaltenango",
            "en",
            &["lucia-barrios", "marcus"],
            &["health"],
            0,
            Stage::Draft,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{SEED_HEADINGS, seed_story};

    #[test]
    fn the_seed_story_has_all_its_sections_byte_for_byte() {
        let story = seed_story();
        assert_eq!(story.title, "U.S. and Guatemala Address Migration and Drug Trafficking");
        assert!(story.lead.starts_with("A high-level meeting on Friday"));
        for heading in SEED_HEADINGS {
            assert!(story.body.contains(&format!("## {heading}\n\n")));
        }
        assert_eq!(story.body.split("\n\n").count(), SEED_HEADINGS.len() + 7);
        assert!(story.body.ends_with("tackle these pressing challenges."));
    }
}
