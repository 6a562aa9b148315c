//! Who may do what: every operation of the contract with the role and the scope that it takes. The guards and `permission.rs` look it up
//! here and nowhere else; the documentation prints it.

use super::user::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an API key may be used for. A key has no right that its owner does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// The live view, as anybody sees it.
    #[serde(rename = "content:read")]
    ContentRead,
    /// Working views, drafts included, and history.
    #[serde(rename = "drafts:read")]
    DraftsRead,
    /// Changes of working copies, authors and tags.
    #[serde(rename = "content:write")]
    ContentWrite,
    /// What the public sees at once: out, down, corrected, killed.
    #[serde(rename = "content:publish")]
    ContentPublish,
    /// Users, keys and the audit log.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    pub const ALL: [Self; 5] = [Self::ContentRead, Self::DraftsRead, Self::ContentWrite, Self::ContentPublish, Self::Admin];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ContentRead => "content:read",
            Self::DraftsRead => "drafts:read",
            Self::ContentWrite => "content:write",
            Self::ContentPublish => "content:publish",
            Self::Admin => "admin",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::named(name).ok_or_else(|| format!("`{name}` is no scope; use {names}"))
    }
}

/// Whom an operation lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody, and any good key.
    Anybody,
    /// A role, and those above it.
    Role(Role),
    /// One role for what is one's own, another for what is somebody else's.
    Owner { own: Role, others: Role },
}

/// Which API keys an operation lets in, of those whose owner it lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// All.
    All,
    /// None: it is about the person who has signed in.
    None,
    /// Those with the scope, if they are not limited to some stories.
    With(Scope),
    /// Those with the scope; limited ones within their limits.
    Within(Scope),
}

/// One row of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The operation's id. `?view=working` is the other view of a public read, a right of its own.
    pub operation: &'static str,
    pub who: Who,
    pub keys: Keys,
}

use Keys::{All, With, Within};
use Role::{Admin, Author, Contributor, Editor};
use Scope::{ContentPublish, ContentWrite, DraftsRead};
use Who::{Anybody, Owner};

/// To change a working copy, or to say that one is at it.
const EDIT: Who = Owner { own: Contributor, others: Editor };
/// To bring a story before the public, or away.
const PUBLISH: Who = Owner { own: Author, others: Editor };

const fn row(operation: &'static str, who: Who, keys: Keys) -> Right {
    Right { operation, who, keys }
}

/// The matrix: every operation, by room.
pub const RIGHTS: &[Right] = &[
    row("get_index", Anybody, All),
    // Sign-in.
    row("login_session", Anybody, All),
    row("refresh_session", Anybody, All),
    row("get_keys", Anybody, All),
    row("create_ticket", Anybody, All),
    row("login_identity", Anybody, All),
    row("logout_session", Who::Role(Contributor), Keys::None),
    row("logout_everywhere", Who::Role(Contributor), Keys::None),
    row("change_password", Who::Role(Contributor), Keys::None),
    row("accept_invitation", Anybody, All),
    row("create_totp", Who::Role(Contributor), Keys::None),
    row("confirm_totp", Who::Role(Contributor), Keys::None),
    row("disable_totp", Who::Role(Contributor), Keys::None),
    row("list_sessions", Who::Role(Contributor), Keys::None),
    row("delete_session", Who::Role(Contributor), Keys::None),
    row("get_session", Who::Role(Contributor), All),
    // Stories.
    row("list_articles", Anybody, All),
    row("list_articles?view=working", Who::Role(Contributor), Within(DraftsRead)),
    row("get_article", Anybody, All),
    row("get_article?view=working", Who::Role(Contributor), Within(DraftsRead)),
    row("get_adjacent", Anybody, All),
    row("list_related", Anybody, All),
    row("search_articles", Anybody, All),
    row("search_articles?view=working", Who::Role(Contributor), Within(DraftsRead)),
    row("suggest_searches", Anybody, All),
    row("create_article", Who::Role(Contributor), Within(ContentWrite)),
    // Each operation in it is judged by its own row as well.
    row("batch_articles", Who::Role(Contributor), Within(ContentWrite)),
    row("update_article", EDIT, Within(ContentWrite)),
    row("delete_article", EDIT, Within(ContentWrite)),
    row("publish_article", PUBLISH, Within(ContentPublish)),
    row("unpublish_article", PUBLISH, Within(ContentPublish)),
    row("discard_article", PUBLISH, Within(ContentWrite)),
    row("schedule_article", PUBLISH, Within(ContentPublish)),
    row("unschedule_article", PUBLISH, Within(ContentPublish)),
    row("list_schedule", Who::Role(Contributor), With(DraftsRead)),
    row("submit_article", EDIT, Within(ContentWrite)),
    row("return_article", Who::Role(Editor), Within(ContentWrite)),
    row("archive_article", PUBLISH, Within(ContentPublish)),
    row("unarchive_article", PUBLISH, Within(ContentWrite)),
    row("kill_article", Who::Role(Editor), Within(ContentPublish)),
    row("unkill_article", Who::Role(Editor), Within(ContentPublish)),
    row("create_correction", PUBLISH, Within(ContentPublish)),
    row("delete_correction", Who::Role(Editor), Within(ContentPublish)),
    row("list_comments", Who::Role(Contributor), Within(DraftsRead)),
    row("create_comment", Who::Role(Contributor), Within(ContentWrite)),
    row("create_lock", EDIT, Within(ContentWrite)),
    row("delete_lock", EDIT, Within(ContentWrite)),
    row("list_previews", EDIT, Within(ContentWrite)),
    row("create_preview", EDIT, Within(ContentWrite)),
    row("delete_preview", EDIT, Within(ContentWrite)),
    // History.
    row("list_revisions", Who::Role(Contributor), Within(DraftsRead)),
    row("get_revision", Who::Role(Contributor), Within(DraftsRead)),
    row("get_difference", Who::Role(Contributor), Within(DraftsRead)),
    row("restore_revision", EDIT, Within(ContentWrite)),
    // Contributors and authors see their own there alone.
    row("list_trash", Who::Role(Contributor), With(DraftsRead)),
    row("restore_article", EDIT, Within(ContentWrite)),
    row("purge_article", Who::Role(Editor), Within(ContentWrite)),
    // Authors and tags: what is changed of them shows in all stories at once.
    row("list_authors", Anybody, All),
    row("list_authors?view=working", Who::Role(Contributor), With(DraftsRead)),
    row("get_author", Anybody, All),
    row("get_author?view=working", Who::Role(Contributor), With(DraftsRead)),
    row("create_author", Who::Role(Editor), With(ContentWrite)),
    row("update_author", Who::Role(Editor), With(ContentWrite)),
    row("delete_author", Who::Role(Editor), With(ContentWrite)),
    row("merge_author", Who::Role(Editor), With(ContentWrite)),
    row("list_tags", Anybody, All),
    row("list_tags?view=working", Who::Role(Contributor), With(DraftsRead)),
    row("get_tag", Anybody, All),
    row("get_tag?view=working", Who::Role(Contributor), With(DraftsRead)),
    row("create_tag", Who::Role(Editor), With(ContentWrite)),
    row("update_tag", Who::Role(Editor), With(ContentWrite)),
    row("delete_tag", Who::Role(Editor), With(ContentWrite)),
    row("merge_tag", Who::Role(Editor), With(ContentWrite)),
    // People, keys, and what they did.
    row("list_users", Who::Role(Admin), With(Scope::Admin)),
    row("create_user", Who::Role(Admin), With(Scope::Admin)),
    row("get_user", Who::Role(Admin), With(Scope::Admin)),
    row("update_user", Who::Role(Admin), With(Scope::Admin)),
    row("delete_user", Who::Role(Admin), With(Scope::Admin)),
    row("delete_totp", Who::Role(Admin), With(Scope::Admin)),
    row("create_reset", Who::Role(Admin), With(Scope::Admin)),
    row("list_invitations", Who::Role(Admin), With(Scope::Admin)),
    row("create_invitation", Who::Role(Admin), With(Scope::Admin)),
    row("get_invitation", Who::Role(Admin), With(Scope::Admin)),
    row("delete_invitation", Who::Role(Admin), With(Scope::Admin)),
    row("list_keys", Who::Role(Admin), With(Scope::Admin)),
    row("create_key", Who::Role(Admin), With(Scope::Admin)),
    row("get_key", Who::Role(Admin), With(Scope::Admin)),
    row("delete_key", Who::Role(Admin), With(Scope::Admin)),
    row("list_audit", Who::Role(Admin), With(Scope::Admin)),
];

/// The row of an operation.
pub fn of(operation: &str) -> Option<&'static Right> {
    RIGHTS.iter().find(|right| right.operation == operation)
}

/// Why a door stays shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This role, or one above it, is needed.
    Role(Role),
    /// No key opens it.
    SignIn,
    /// The key lacks this scope.
    Scope(Scope),
    /// The key is limited to some stories, and this is about all.
    Limited,
}

impl Right {
    /// The least role that passes the door; of what is somebody else's is judged when it is known whose it is.
    pub const fn role(&self) -> Option<Role> {
        match self.who {
            Anybody => None,
            Who::Role(role) | Owner { own: role, .. } => Some(role),
        }
    }

    /// The least role for one's own, or for somebody else's.
    pub const fn role_for(&self, is_own: bool) -> Option<Role> {
        match self.who {
            Owner { others, .. } if !is_own => Some(others),
            _ => self.role(),
        }
    }

    /// Who passes, in words, for the documentation.
    pub fn in_words(&self) -> String {
        let who = match self.who {
            Anybody => "anybody".to_owned(),
            Who::Role(role) => role.name().to_owned(),
            Owner { own, others } => format!("{} (own), {} (others')", own.name(), others.name()),
        };
        let keys = match self.keys {
            All => "any".to_owned(),
            Keys::None => "none".to_owned(),
            With(scope) => format!("{}, unlimited keys only", scope.name()),
            Within(scope) => scope.name().to_owned(),
        };
        format!("Who: {who}. API keys: {keys}.")
    }

    /// Whether somebody of that role passes the door; `key` has the scopes of the key that they come with, and whether it is limited.
    pub fn admit(&self, role: Role, key: Option<(&[Scope], bool)>) -> Result<(), Refusal> {
        if let Some(least) = self.role().filter(|least| role < *least) {
            return Err(Refusal::Role(least));
        }
        let Some((scopes, is_limited)) = key else { return Ok(()) };
        match self.keys {
            All => Ok(()),
            Keys::None => Err(Refusal::SignIn),
            With(scope) | Within(scope) if !scopes.contains(&scope) => Err(Refusal::Scope(scope)),
            With(_) if is_limited => Err(Refusal::Limited),
            With(_) | Within(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_has_one_row_and_a_role_of_somebody_elses_that_is_no_lower() {
        let names: BTreeSet<&str> = RIGHTS.iter().map(|right| right.operation).collect();
        assert_eq!(names.len(), RIGHTS.len());
        for right in RIGHTS {
            assert!(right.role_for(false) >= right.role_for(true), "{}", right.operation);
            assert!(right.who == Anybody || right.keys != All || right.operation == "get_session", "{}", right.operation);
        }
    }

    #[test]
    fn a_key_passes_with_its_scope_and_its_owners_role_and_no_less() {
        let publish = of("publish_article").unwrap();
        let key = |scopes: &'static [Scope], is_limited| Some((scopes, is_limited));
        assert_eq!(publish.admit(Author, key(&[ContentPublish], true)), Ok(()));
        assert_eq!(publish.admit(Contributor, key(&[ContentPublish], false)), Err(Refusal::Role(Author)));
        assert_eq!(publish.admit(Admin, key(&[ContentWrite, Scope::Admin], false)), Err(Refusal::Scope(ContentPublish)));
        assert_eq!(of("merge_tag").unwrap().admit(Admin, key(&[ContentWrite], true)), Err(Refusal::Limited));
        assert_eq!(of("change_password").unwrap().admit(Admin, key(&Scope::ALL, false)), Err(Refusal::SignIn));
        assert_eq!(of("change_password").unwrap().admit(Contributor, None), Ok(()));
        assert_eq!(of("list_articles").unwrap().admit(Contributor, key(&[], true)), Ok(()));
    }
}
