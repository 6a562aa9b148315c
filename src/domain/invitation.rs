//! One-time links: what they are for, how long they are good, and when a mail that could not be sent is tried again.

use super::time::Moment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const HOUR: i64 = 3600 * 1000;
/// How long a mail waits for its second try, in milliseconds; twice as long for each further one.
const FIRST_PAUSE: i64 = 30 * 1000;
/// The longest that it waits, in milliseconds.
const LONGEST_PAUSE: i64 = HOUR;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Somebody who has no password yet is to choose one.
    Invitation,
    /// Somebody is to choose a new password.
    PasswordReset,
}

/// Whether a link goes out by mail, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// No mail server is set; the link has to be handed over.
    Off,
    /// It is on its way, or is tried again.
    Waiting,
    Sent,
    /// It could not be sent until the link was over.
    Failed,
}

impl Purpose {
    /// When a link that is made now is over: an invitation after 72 hours, a reset after 24.
    pub const fn end(self, now: Moment) -> Moment {
        let hours = match self {
            Self::Invitation => 72,
            Self::PasswordReset => 24,
        };
        Moment::from_milliseconds(now.milliseconds() + hours * HOUR)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Invitation, Self::PasswordReset].into_iter().find(|purpose| purpose.name() == name)
    }
}

impl MailState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Off, Self::Waiting, Self::Sent, Self::Failed].into_iter().find(|state| state.name() == name)
    }
}

/// When a mail is tried again that has been tried so often; `None` if the link is over by then.
pub fn next_try(tries: i64, now: Moment, end: Moment) -> Option<Moment> {
    let doublings = u32::try_from(tries.clamp(1, 20)).unwrap_or(20) - 1;
    let pause = (FIRST_PAUSE << doublings).min(LONGEST_PAUSE);
    let next = Moment::from_milliseconds(now.milliseconds() + pause);
    (next < end).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_again_ever_more_slowly_until_its_link_is_over() {
        let at = Moment::from_milliseconds;
        let end = Purpose::Invitation.end(at(0));
        assert_eq!(next_try(1, at(0), end), Some(at(30_000)));
        assert_eq!(next_try(2, at(0), end), Some(at(60_000)));
        assert_eq!(next_try(8, at(0), end), Some(at(HOUR)));
        assert_eq!(next_try(1000, at(0), end), Some(at(HOUR)));
        assert_eq!(next_try(9, at(71 * HOUR), end), None);
    }
}
