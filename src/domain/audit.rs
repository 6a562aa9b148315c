//! What is kept of each write: who did it, by what means, from where, and to what.

use super::time::Moment;
use super::user::{Caller, Credential};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// Who acts, and how it comes that they may. Every write takes one along.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// The operation of the contract, as in `update_article`. Commands that do the same have the same name.
    pub operation: Cow<'static, str>,
    pub at: Moment,
    /// The account; none where nobody has signed in, or where no account stands behind it.
    pub user: Option<Account>,
    pub means: Means,
    /// The address of the client, as this server sees it.
    pub address: Option<String>,
    /// What the client says it is (`User-Agent`).
    pub device: Option<String>,
}

/// Whose account, and the e-mail address that it had then: the account may be gone when somebody reads of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub email: Option<String>,
}

/// By what somebody acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// Nothing was shown.
    Nothing,
    /// An access token, with the id of its session if it has one.
    Session(Option<String>),
    /// An API key, by its id.
    ApiKey(String),
    /// Address and password, at sign-in.
    Password,
    /// A refresh token, with the id of its session.
    RefreshToken(String),
    /// A one-time link, by the id of its invitation.
    Invitation(String),
    /// An identity that another provider vouches for.
    OpenId,
    /// A command on the machine itself.
    CommandLine,
    /// What somebody has scheduled.
    Schedule(String),
    /// The program, by its settings.
    System,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    /// Somebody may not, or has not shown who they are; `reason` says which.
    Refused,
}

impl Occasion {
    /// What the program does by itself.
    pub const fn of_system(operation: &'static str, at: Moment) -> Self {
        Self { operation: Cow::Borrowed(operation), at, user: None, means: Means::System, address: None, device: None }
    }

    /// What an operator does by a command.
    pub fn of_command(operation: &'static str, at: Moment) -> Self {
        Self { means: Means::CommandLine, ..Self::of_system(operation, at) }
    }
}

impl From<&Caller> for Account {
    fn from(caller: &Caller) -> Self {
        Self { id: caller.user_id.clone(), email: Some(caller.email.clone()) }
    }
}

impl From<&Credential> for Means {
    fn from(credential: &Credential) -> Self {
        match credential {
            Credential::Session(session) => Self::Session(session.clone()),
            Credential::ApiKey { id, .. } => Self::ApiKey(id.clone()),
            Credential::OpenId => Self::OpenId,
        }
    }
}

impl Means {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Session(_) => "session",
            Self::ApiKey(_) => "api_key",
            Self::Password => "password",
            Self::RefreshToken(_) => "refresh_token",
            Self::Invitation(_) => "invitation",
            Self::OpenId => "openid",
            Self::CommandLine => "command_line",
            Self::Schedule(_) => "schedule",
            Self::System => "system",
        }
    }

    /// What tells this one from others of its kind. Never the secret itself.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Session(session) => session.as_deref(),
            Self::ApiKey(id) | Self::RefreshToken(id) | Self::Invitation(id) | Self::Schedule(id) => Some(id),
            Self::Nothing | Self::Password | Self::OpenId | Self::CommandLine | Self::System => None,
        }
    }
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Done, Self::Refused].into_iter().find(|outcome| outcome.name() == name)
    }
}
