//! How well a story answers a query: a sum over its words, rarer ones worth more (BM25's idf), each by the best place that it has in the story
//! (title, lead, headings, body, names of authors and tags), more of the same worth ever less. The same on both databases, to the last digit.

use super::super::words::folded;
use super::facts::Packed;
use super::{Query, Term};

/// What a place is worth. They add up, and what they add up to is dampened by [`DAMPING`].
const TITLE: f64 = 10.0;
const LEAD: f64 = 4.0;
const HEADINGS: f64 = 2.5;
const BODY: f64 = 1.0;
const NAMES: f64 = 0.5;
/// Half of the most that a word can bring is reached at this much.
const DAMPING: f64 = 2.0;
/// A body of so many words is neither long nor short.
const USUAL_LENGTH: f64 = 400.0;
/// How much more a title is worth that says the whole query, in its order, and that says nothing else.
const WHOLE_IN_TITLE: f64 = 0.25;
const IS_TITLE: f64 = 0.25;
/// A story that is out since this moment counts so much more, and half as much after each [`HALF_LIFE`].
const FRESH: f64 = 0.15;
/// 30 days, in hours.
const HALF_LIFE: f64 = 720.0;

/// How many stories a corpus and each word are counted to: what is more common is as common.
pub const COUNTED: i64 = 5_000;

/// What is asked, weighed once for all stories.
#[derive(Clone, Debug)]
pub struct Scale {
    /// For each term of the query in its order, what each of its words is worth.
    pub weights: Vec<f64>,
    /// The hour, since 1970, that stories are fresh at; `None` counts all the same.
    pub now: Option<i64>,
}

/// A story that matches.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    pub title: &'a str,
    pub facts: Packed<'a>,
    pub fresh_at: i64,
    /// For each term of the query in its order, whether the name of one of the story's authors or tags has it.
    pub named: &'a [bool],
}

/// What a word is worth that so many of so many stories have.
pub fn weight(having: i64, all: i64) -> f64 {
    let (having, all) = (count(having.min(all)), count(all));
    (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
}

fn count(number: i64) -> f64 {
    f64::from(i32::try_from(number.clamp(0, COUNTED)).unwrap_or(i32::MAX))
}

/// How well a story answers, in millionths: a whole number, so that it can be compared and sent.
pub fn score(query: &Query, scale: &Scale, story: &Match<'_>) -> i64 {
    let wanted: Vec<&str> = query.all.iter().filter_map(|group| group.first()).flat_map(|term| &term.words).map(String::as_str).collect();
    // Splitting the title into words is most of the work, and mostly the facts say that it adds nothing.
    let in_title = |word: &&str| story.facts.fact(word).is_some_and(|fact| fact.in_title);
    let is_read = query.terms().any(|term| term.is_prefix) || wanted.iter().all(in_title);
    let title = if is_read { folded(story.title) } else { Vec::new() };
    let mut sum = 0.0;
    let mut at = 0;
    for group in &query.all {
        let mut best: f64 = 0.0;
        for term in group {
            let weight = scale.weights.get(at).copied().unwrap_or(1.0);
            let is_named = story.named.get(at).copied().unwrap_or(false);
            best = best.max(weight * worth(term, story, &title, is_named));
            at += 1;
        }
        sum += best;
    }
    let whole = title.windows(wanted.len()).any(|window| window.iter().map(String::as_str).eq(wanted.iter().copied()));
    let bonus = if whole { WHOLE_IN_TITLE + if title.len() == wanted.len() { IS_TITLE } else { 0.0 } } else { 0.0 };
    let fresh = scale.now.map_or(0.0, |now| FRESH * 0.5_f64.powf((hours(now) - hours(story.fresh_at / 3_600_000)).max(0.0) / HALF_LIFE));
    rounded(sum * (1.0 + bonus) * (1.0 + fresh))
}

fn hours(hours: i64) -> f64 {
    f64::from(i32::try_from(hours).unwrap_or(i32::MAX))
}

#[expect(clippy::cast_possible_truncation, reason = "16 words at less than 20 each are far from the end of i64")]
fn rounded(score: f64) -> i64 {
    (score * 1_000_000.0).round() as i64
}

/// What a story brings by one term, from 0 to 1; a phrase is worth what its words are, and a half more.
fn worth(term: &Term, story: &Match<'_>, title: &[String], is_named: bool) -> f64 {
    let length = 0.5 + 0.5 * f64::from(story.facts.length) / USUAL_LENGTH;
    let last = term.words.len() - 1;
    let each = term.words.iter().enumerate().map(|(index, word)| {
        let begins = term.is_prefix && index == last && title.iter().any(|known| known.starts_with(word.as_str()));
        let fact = story.facts.fact(word).unwrap_or_default();
        let often = if fact.in_body == 0 { 0.0 } else { (1.0 + f64::from(fact.in_body).ln()) / length.max(0.5) };
        let places = [
            (TITLE, f64::from(u8::from(fact.in_title || begins))),
            (LEAD, f64::from(u8::from(fact.in_lead))),
            (HEADINGS, f64::from(u8::from(fact.in_headings))),
            (BODY, often.min(2.0)),
            (NAMES, f64::from(u8::from(is_named))),
        ];
        let sum: f64 = places.into_iter().map(|(worth, much)| worth * much).sum();
        // A beginning that stands in the body alone is known to be there, but not how often.
        let sum = if sum == 0.0 { NAMES } else { sum };
        sum / (sum + DAMPING)
    });
    each.sum::<f64>() * if term.is_phrase() { 1.5 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::super::facts::Story;
    use super::*;

    fn scored(query: &str, story: &Story, named: bool, now: Option<i64>) -> i64 {
        let packed = story.known().packed();
        let query = Query::parse(query).unwrap();
        let scale = Scale { weights: query.terms().map(|_| 1.0).collect(), now };
        let named: Vec<bool> = query.terms().map(|_| named).collect();
        score(&query, &scale, &Match { title: &story.title, facts: Packed::of(&packed), fresh_at: 0, named: &named })
    }

    fn story(title: &str, lead: &str, heading: &str, body: &str) -> Story {
        Story { title: title.into(), lead: vec![lead.into()], headings: vec![heading.into()], body: vec![body.into()] }
    }

    #[test]
    fn title_lead_headings_body_and_names_count_in_this_order() {
        let scores = [
            scored("bus", &story("The bus strike", "", "", "a"), false, None),
            scored("bus", &story("The strike", "A bus.", "", "a"), false, None),
            scored("bus", &story("The strike", "", "The bus", "a"), false, None),
            scored("bus", &story("The strike", "", "", "The bus."), false, None),
            scored("bus", &story("The strike", "", "", "a"), true, None),
        ];
        assert!(scores.is_sorted_by(|one, other| one > other), "{scores:?}");
    }

    #[test]
    fn more_of_the_same_is_worth_ever_less() {
        let times = |count: usize| scored("bus", &story("", "", "", &"bus ".repeat(count)), false, None);
        assert!(times(2) > times(1) && times(2) - times(1) > times(3) - times(2));
        assert!(times(30) < scored("bus", &story("", "", "Bus", "bus bus"), false, None));
    }

    #[test]
    fn a_rare_word_is_worth_more_than_a_common_one() {
        assert!(weight(1, 1000) > weight(500, 1000) && weight(1000, 1000) > 0.0);
        assert!((weight(COUNTED, COUNTED) - weight(1_000_000, 1_000_000)).abs() < f64::EPSILON);
    }

    #[test]
    fn the_query_as_a_title_comes_before_its_words_in_any_order() {
        let whole = scored("night buses", &story("Night buses", "", "", ""), false, None);
        let among = scored("night buses", &story("The night buses return", "", "", ""), false, None);
        let apart = scored("night buses", &story("Buses at night", "", "", ""), false, None);
        assert!(whole > among && among > apart);
    }

    #[test]
    fn freshness_decides_between_equals_and_not_against_the_title() {
        let fresh = |title: &str, body: &str, now| scored("bus", &story(title, "", "", body), false, Some(now));
        assert!(fresh("Bus", "", 0) > fresh("Bus", "", 720) && fresh("Bus", "", 720) > fresh("Bus", "", 100_000));
        assert!(fresh("Bus", "", 100_000) > fresh("", "bus", 0));
        assert_eq!(fresh("Bus", "", 0), fresh("Bus", "", -5));
    }
}
