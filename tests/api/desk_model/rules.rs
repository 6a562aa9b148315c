//! The rules of the desk in small, written down once more.

use copydesk::domain::user::Role;
use std::collections::BTreeSet;

/// Who there is.
pub const ROLES: [Role; 5] = [Role::Contributor, Role::Author, Role::Author, Role::Editor, Role::Admin];

/// What the model knows of a story.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub id: String,
    pub owner: usize,
    pub status: &'static str,
    pub version: i64,
    pub has_changes: bool,
    pub is_in_the_trash: bool,
    /// The word in the working copy, and the one in the live copy: kept while it is killed.
    pub working: String,
    pub live: Option<String>,
    pub reason: Option<String>,
    /// `first_published_at`, `published_at`, `content_updated_at`.
    pub dates: [Option<i64>; 3],
    /// The slugs under which the public has known it.
    pub slugs: BTreeSet<String>,
    /// Ids and notes.
    pub corrections: Vec<(String, String)>,
    pub assignee: Option<usize>,
    /// The events of its history, each with why.
    pub done: Vec<(&'static str, Option<String>)>,
    /// What was said about it, each with the step that it came with.
    pub said: Vec<(&'static str, String)>,
    /// Who, and until when.
    pub lock: Option<(usize, i64)>,
}

impl Story {
    pub fn is_public(&self) -> bool {
        self.live.is_some() && self.reason.is_none()
    }

    pub fn allowed(&self) -> &'static [&'static str] {
        match (self.status, &self.reason) {
            ("draft", _) => &["publish", "schedule", "submit", "archive"],
            ("in_review", _) => &["publish", "schedule", "return"],
            ("published", None) => &["publish", "schedule", "unschedule", "discard", "corrections", "unpublish", "archive", "kill"],
            ("published", Some(_)) => &["unkill", "unpublish"],
            _ => &["unarchive"],
        }
    }

    /// What it allows but schedules, which have a model of their own.
    pub fn steps(&self) -> Vec<&'static str> {
        self.allowed().iter().copied().filter(|name| !name.ends_with("schedule")).collect()
    }

    pub fn may(&self, who: usize, deed: &str) -> bool {
        let (role, is_own) = (ROLES[who], self.owner == who);
        match deed {
            "comments" => true,
            "kill" | "unkill" | "return" | "retract" => role >= Role::Editor,
            _ if role >= Role::Editor => true,
            _ if !is_own => false,
            "submit" => true,
            "edit" | "lock" => role == Role::Author || self.status == "draft",
            "delete" => (role == Role::Author && self.reason.is_none()) || self.status == "draft",
            "unpublish" => role == Role::Author && self.reason.is_none(),
            _ => role == Role::Author,
        }
    }

    pub fn take_down(&mut self, status: &'static str) {
        *self = Self { status, live: None, reason: None, has_changes: true, assignee: None, ..std::mem::take(self) };
    }
}

/// What a guard refuses before anybody looks at the story.
pub fn least_role(deed: &str) -> Role {
    match deed {
        "edit" | "delete" | "submit" | "comments" | "lock" => Role::Contributor,
        "kill" | "unkill" | "return" | "retract" => Role::Editor,
        _ => Role::Author,
    }
}
