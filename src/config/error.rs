//! Why a start is refused, as one sentence that names the key, its value unless secret, and what is allowed.

use thiserror::Error;

use crate::auth::WeakSecret;
use crate::mail::BadMailSetting;

/// What is wrong with the settings; its text is for the operator and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    #[error("{key} is set but empty; give it a value or unset it.")]
    Empty { key: &'static str },
    #[error("{key} is not UTF-8 text.")]
    NotText { key: &'static str },
    #[error("{key} is no setting of Copydesk; did you mean {nearest}?")]
    Unknown { key: String, nearest: &'static str },
    #[error("{key} is {value:?}, but must be {allowed}.")]
    Wrong { key: &'static str, value: String, allowed: String },
    #[error("{key} does nothing without {other}; set both or neither.")]
    Alone { key: &'static str, other: &'static str },
    #[error("DATABASE_URL {0}.")]
    DatabaseUrl(&'static str),
    #[error("COPYDESK_SMTP_URL is no address of a mail server: {0}.")]
    SmtpUrl(BadMailSetting),
    #[error("COPYDESK_SMTP_URL and COPYDESK_MAIL_FROM go together; set both or none.")]
    HalfOfMail,
    #[error("COPYDESK_JWT_SECRET {0}.")]
    WeakSecret(WeakSecret),
    #[error("The file .env cannot be read: {0}.")]
    EnvFileUnreadable(String),
    #[error("Line {line} of the file .env is not KEY=value; a value with spaces, quotes, backslashes or $ stands in 'single quotes'.")]
    EnvFileLine { line: usize },
}

impl ConfigError {
    pub(super) fn wrong(key: &'static str, value: &str, allowed: impl Into<String>) -> Self {
        const SHOWN: usize = 100;
        let mut shown: String = value.chars().take(SHOWN).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self::Wrong { key, value: shown, allowed: allowed.into() }
    }
}
