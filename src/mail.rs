//! Mail: one message to one person, through the operator's mail server (SMTP), over TLS unless that is on this machine.

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{Address, Message, SmtpTransport, Transport};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// How long the mail server may take for each of its answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest of what a mail server says that is kept, in characters.
const LONGEST_ANSWER: usize = 300;

/// Sends mails. `Debug` shows no password.
#[derive(Clone)]
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
}

/// To whom, and what.
pub struct Mail<'a> {
    pub name: &'a str,
    pub address: &'a str,
    pub subject: &'a str,
    pub text: String,
}

/// Why mail cannot be sent like this: one sentence for the operator, without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMailSetting {
    #[error("it must be smtps://user:password@host:465 or smtp://user:password@host:587, without anything after the port")]
    Url,
    #[error("the sender must be an address, as in desk@example.com or Desk <desk@example.com>")]
    From,
}

/// Why a mail was not taken, as the mail server says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotSent(String);

impl Mailer {
    /// `smtps://` is TLS from the first byte, `smtp://` begins it by STARTTLS; plain text goes to this machine alone.
    ///
    /// # Errors
    /// When the address of the server or the sender is none.
    pub fn new(url: &str, from: &str) -> Result<Self, BadMailSetting> {
        let (scheme, rest) = url.split_once("://").ok_or(BadMailSetting::Url)?;
        let host = rest.rsplit('@').next().unwrap_or_default();
        let is_local = host_of(host).is_some_and(is_this_machine);
        let has_more = rest.contains(['/', '?', '#']) || rest.chars().any(|c| c.is_whitespace() || c.is_control());
        let url = match scheme {
            _ if has_more || host_of(host).is_none() => return Err(BadMailSetting::Url),
            "smtps" => url.to_owned(),
            "smtp" if is_local => url.to_owned(),
            "smtp" => format!("{url}?tls=required"),
            _ => return Err(BadMailSetting::Url),
        };
        let transport = SmtpTransport::from_url(&url).map_err(|_| BadMailSetting::Url)?.timeout(Some(PATIENCE)).build();
        let from = from.parse().map_err(|_| BadMailSetting::From)?;
        Ok(Self { transport, from })
    }

    /// Sends one mail, and keeps this thread waiting meanwhile.
    ///
    /// # Errors
    /// When the server does not take it.
    pub fn send(&self, mail: Mail<'_>) -> Result<(), NotSent> {
        let told = |error: &dyn fmt::Display| {
            NotSent(error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_ANSWER).collect())
        };
        // A name is one line, whatever somebody has made of it.
        let name = mail.name.split_whitespace().collect::<Vec<_>>().join(" ");
        let address: Address = mail.address.parse().map_err(|error: lettre::address::AddressError| told(&error))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(name).filter(|name| !name.is_empty()), address))
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(|error| told(&error))?;
        self.transport.send(&message).map(drop).map_err(|error| told(&error))
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mailer").field("from", &self.from.to_string()).finish_non_exhaustive()
    }
}

/// The host in `host[:port]`.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_once(':').map_or((authority, ""), |(host, port)| (host, port)),
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    let is_plain = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte));
    (is_plain && (port.is_empty() || port.parse::<u16>().is_ok())).then_some(host)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_named_with_its_scheme_and_nothing_after_the_port() {
        for good in ["smtps://ana:se%40cret@mail.example.com", "smtp://mail.example.com:587", "smtp://127.0.0.1:2525", "smtp://[::1]:25"] {
            assert!(Mailer::new(good, "Desk <desk@example.com>").is_ok(), "{good}");
        }
        for bad in [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://a@",
            "smtp://mail.example.com/x",
            "smtp://mail?tls=none",
            "smtp://mail:99999",
            "smtp://ma il",
        ] {
            assert_eq!(Mailer::new(bad, "desk@example.com").err(), Some(BadMailSetting::Url), "{bad}");
        }
        for bad in ["", "desk", "desk@", "desk@example.com\r\nBcc: x@example.com"] {
            assert_eq!(Mailer::new("smtp://mail.example.com", bad).err(), Some(BadMailSetting::From), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let mailer = Mailer::new("smtps://ana:hunter2@mail.example.com", "desk@example.com").unwrap();
        assert_eq!(format!("{mailer:?}"), "Mailer { from: \"desk@example.com\", .. }");
    }

    #[test]
    fn plain_text_goes_to_this_machine_alone() {
        for (host, local) in
            [("localhost", true), ("127.0.0.1", true), ("::1", true), ("127.0.0.1.example.com", false), ("10.0.0.1", false)]
        {
            assert_eq!(is_this_machine(host), local, "{host}");
        }
        assert_eq!(
            (host_of("[::1]:25"), host_of("mail.example.com:587"), host_of("mail"), host_of("a b")),
            (Some("::1"), Some("mail.example.com"), Some("mail"), None)
        );
    }
}
