//! A sign-in that goes on at an OpenID Connect provider. All that it needs is made of one ticket and the server's secret: the client keeps
//! the ticket, the browser carries state, nonce and challenge, and nothing that could be stolen is stored.

use super::opaque;
use super::seal::{hexadecimal, keyed};
use super::secret::SigningSecret;
use super::token::IssueFailure;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::fmt;

/// Tells people and scanners of leaked secrets what it is.
const PREFIX: &str = "cdt_";

/// What the client that began a sign-in shows when it ends it: 256 random bits. `Debug` does not show it.
#[derive(Clone)]
pub struct Ticket([u8; 32]);

/// What makes the parts of a sign-in of its ticket.
#[derive(Clone)]
pub struct TicketOffice(Hmac<Sha256>);

/// What goes to the provider, and comes back.
#[derive(Clone, PartialEq, Eq)]
pub struct Parts {
    /// Comes back with the code (RFC 6749 §4.1.1).
    pub state: String,
    /// Comes back inside what the provider says of the person (OpenID Connect Core §3.1.2.1).
    pub nonce: String,
    /// Shows that whoever trades the code is who asked for it (RFC 7636 §4.1).
    pub verifier: String,
    /// Its hash (RFC 7636 §4.2, S256).
    pub challenge: String,
    /// What is stored: 64 hexadecimal digits.
    pub name: String,
}

impl Ticket {
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, IssueFailure> {
        opaque::random().map(Self)
    }

    /// Reads a ticket as a client sends it; `None` if it is none of ours in form.
    pub fn parse(text: &str) -> Option<Self> {
        opaque::read(PREFIX, text).map(Self)
    }

    /// The ticket itself, for the client alone.
    pub fn reveal(&self) -> String {
        opaque::written(PREFIX, &self.0)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ticket([hidden])")
    }
}

impl TicketOffice {
    pub(super) fn new(secret: &SigningSecret) -> Self {
        Self(keyed(secret))
    }

    pub fn parts(&self, ticket: &Ticket) -> Parts {
        let made = |what: &[u8]| self.0.clone().chain_update(what).chain_update(ticket.0).finalize().into_bytes();
        let text = |what: &[u8]| URL_SAFE_NO_PAD.encode(made(what));
        let verifier = text(b"copydesk sign-in verifier\n");
        Parts {
            state: text(b"copydesk sign-in state\n"),
            nonce: text(b"copydesk sign-in nonce\n"),
            challenge: URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)),
            verifier,
            name: hexadecimal(&made(b"copydesk stored sign-in\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_ticket_is_read_as_it_was_written_and_its_parts_are_its_own() {
        let office = |secret: &str| TicketOffice::new(&SigningSecret::from_config(secret).unwrap());
        let (ours, theirs) = (office("a secret that is long enough for this"), office("another that is long enough for this"));
        let ticket = Ticket::random().unwrap();
        let read = Ticket::parse(&ticket.reveal()).unwrap();
        assert!(ours.parts(&read) == ours.parts(&ticket));
        let Parts { state, nonce, verifier, challenge, name } = ours.parts(&ticket);
        assert!((43..=128).contains(&verifier.len()), "RFC 7636 §4.1");
        let all: BTreeSet<String> = [state, nonce, verifier, challenge, name, ticket.reveal(), theirs.parts(&ticket).state].into();
        assert_eq!(all.len(), 7);
        for bad in ["", "cdt_", "cdr_AAAA", &ticket.reveal()[..40], &format!("{}A", ticket.reveal())] {
            assert!(Ticket::parse(bad).is_none(), "{bad}");
        }
        assert!(!format!("{ticket:?}").contains(&ticket.reveal()[4..]));
    }
}
