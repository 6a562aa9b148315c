//! Who works in the newsroom.

use super::api_key::Grant;
use super::rights::{Refusal, Right};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// What a user may do, from least to most: each role may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Writes drafts of their own and submits them.
    Contributor,
    /// Publishes what is their own.
    Author,
    /// All that is editorial.
    Editor,
    /// Users, keys and settings as well.
    Admin,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Contributor, Self::Author, Self::Editor, Self::Admin];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Contributor => "contributor",
            Self::Author => "author",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role of that name, as it is stored and as it is typed on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::named(name).ok_or_else(|| format!("`{name}` is no role; use contributor, author, editor or admin"))
    }
}

/// Somebody who has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub user_id: String,
    pub email: String,
    pub role: Role,
    pub credential: Credential,
}

/// By what somebody has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token, with the id of its session; none where it was made outside of one, by `copydesk demo` say.
    Session(Option<String>),
    /// An API key, by its id, and what it was given.
    ApiKey { id: String, grant: Arc<Grant> },
    /// A token of the OpenID Connect provider.
    OpenId,
}

impl Caller {
    /// The session behind the request, if there is one.
    pub fn session(&self) -> Option<&str> {
        match &self.credential {
            Credential::Session(session) => session.as_deref(),
            Credential::OpenId | Credential::ApiKey { .. } => None,
        }
    }

    /// The id of the session or of the key, if it has one: for the log, and for what belongs to one credential alone.
    pub fn credential_id(&self) -> Option<&str> {
        match &self.credential {
            Credential::Session(session) => session.as_deref(),
            Credential::OpenId => None,
            Credential::ApiKey { id, .. } => Some(id),
        }
    }

    /// Who asks, as far as answers are kept apart: an account, or one of its keys, which may see less.
    pub fn asker(&self) -> &str {
        match &self.credential {
            Credential::Session(_) | Credential::OpenId => &self.user_id,
            Credential::ApiKey { id, .. } => id,
        }
    }

    /// What the key was given that the request came with, if it came with one.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.credential {
            Credential::Session(_) | Credential::OpenId => None,
            Credential::ApiKey { grant, .. } => Some(grant),
        }
    }

    /// Whether the door of that row is open to the caller.
    pub fn admitted(&self, right: &Right) -> Result<(), Refusal> {
        let key = self.grant().map(|grant| (grant.scopes.as_slice(), grant.limits.is_some()));
        right.admit(self.role, key)
    }
}
