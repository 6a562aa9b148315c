//! API keys: what they are given, and that no key gives away more than it has.

use super::breach::Breach;
use super::rights::Scope;
use super::time::Moment;
use serde::{Deserialize, Serialize};

/// What a key may be used for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    pub scopes: Vec<Scope>,
    pub expires_at: Option<Moment>,
    /// Within the newsroom, the stories that it is for; none is all.
    pub limits: Option<Limits>,
    /// The addresses and networks that it may come from, as they were written; empty is anywhere.
    pub addresses: Vec<String>,
}

impl Grant {
    /// The same, each scope once, in order.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.scopes.sort();
        self.scopes.dedup();
        self
    }
}

/// Which stories a key is for: those with one of the tags, one of the authors, and one of the languages, where any are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Ids, as they were when the key was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
}

impl Limits {
    pub const fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.authors.is_empty() && self.languages.is_empty()
    }

    /// Whether a story with those tags and authors, by id, and in that language is one of them.
    pub fn admit(&self, tags: &[String], authors: &[String], language: &str) -> bool {
        let meets = |wanted: &[String], there: &[String]| wanted.is_empty() || wanted.iter().any(|one| there.contains(one));
        let speaks = self.languages.is_empty() || self.languages.iter().any(|one| one == language);
        meets(&self.tags, tags) && meets(&self.authors, authors) && speaks
    }
}

/// What is wrong with a new key, made now by the session or key that `maker` is what was given to.
pub fn check(new: &Grant, maker: Option<&Grant>, now: Moment) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if new.expires_at.is_some_and(|end| end <= now) {
        breaches.push(Breach::member("/expires_at", "past", "Name a time that is to come."));
    }
    let Some(maker) = maker else { return breaches };
    for (index, scope) in new.scopes.iter().enumerate().filter(|(_, scope)| !maker.scopes.contains(scope)) {
        let detail = format!("The key that you use has not got `{}` itself.", scope.name());
        breaches.push(Breach::member(format!("/scopes/{index}"), "not_yours", detail));
    }
    if maker.expires_at.is_some_and(|end| new.expires_at.is_none_or(|new| new > end)) {
        breaches.push(Breach::member("/expires_at", "not_yours", "A key that a key makes ends no later than that one."));
    }
    if !maker.addresses.is_empty() && new.addresses != maker.addresses {
        breaches.push(Breach::member("/addresses", "not_yours", "A key that a key makes comes from the same addresses."));
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_story_is_within_limits_if_it_meets_each_kind_that_is_named() {
        let limits = Limits { tags: ids(&["sport", "culture"]), authors: Vec::new(), languages: ids(&["es"]) };
        assert!(limits.admit(&ids(&["news", "sport"]), &[], "es"));
        assert!(!limits.admit(&ids(&["news"]), &[], "es"));
        assert!(!limits.admit(&ids(&["sport"]), &[], "en"));
        assert!(!limits.admit(&[], &ids(&["sport"]), "es"));
        let of_ana = Limits { authors: ids(&["ana"]), ..Limits::default() };
        assert!(of_ana.admit(&[], &ids(&["eva", "ana"]), "en"));
        assert!(!of_ana.admit(&[], &ids(&["eva"]), "en"));
        assert!(Limits::default().is_empty() && !of_ana.is_empty());
    }

    #[test]
    fn a_key_gives_away_no_more_than_it_has() {
        let at = Moment::from_milliseconds;
        let places = |new: &Grant, maker: Option<&Grant>| check(new, maker, at(100)).len();
        let all = Grant { scopes: Scope::ALL.to_vec(), ..Grant::default() };
        assert_eq!(places(&all, None), 0);
        assert_eq!(places(&Grant { expires_at: Some(at(100)), ..all.clone() }, None), 1);
        let maker = Grant { scopes: vec![Scope::Admin], expires_at: Some(at(500)), limits: None, addresses: ids(&["10.0.0.0/8"]) };
        assert_eq!(places(&all, Some(&maker)), 6);
        assert_eq!(places(&Grant { expires_at: Some(at(501)), ..maker.clone() }, Some(&maker)), 1);
        assert_eq!(places(&maker.clone(), Some(&maker)), 0);
    }
}
