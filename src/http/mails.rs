//! Mails that wait: the serving process sends them after the write that made them is on disk, and tries again.

use super::site::Worker;
use crate::domain::audit::Occasion;
use crate::domain::invitation::{MailState, Purpose, next_try};
use crate::domain::time::Moment;
use crate::mail::{Mail, Mailer};
use crate::store::invitations::{self, DueMail};
use crate::store::{self};
use std::time::Duration;

/// How many mails a process takes on at once.
const AT_ONCE: i64 = 5;
/// For so long no other process tries a mail that one has taken on, in milliseconds: longer than its mail server may take.
const LEASE: i64 = 5 * 60 * 1000;

/// Sends what waits, once a second, as long as the process runs.
pub async fn deliver(site: Worker) {
    let Some(mailer) = site.settings().mailer.clone() else { return };
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Err(error) = deliver_due(&site, &mailer).await {
            tracing::error!(cause = %error, "mails that wait cannot be looked up; they are tried again");
        }
    }
}

async fn deliver_due(site: &Worker, mailer: &Mailer) -> Result<(), store::Error> {
    let now = site.now();
    if !site.store.read(move |conn| invitations::has_due(conn, now)).await? {
        return Ok(());
    }
    let until = Moment::from_milliseconds(now.milliseconds() + LEASE);
    let occasion = Occasion::of_system("send_mail", now);
    for mail in site.store.write(occasion, move |write| invitations::take_due(write, now, until, AT_ONCE)).await? {
        let (id, tries, end) = (mail.id.clone(), mail.tries + 1, Moment::from_milliseconds(mail.expires_at));
        let (state, again, error) = match send(site, mailer, mail).await {
            Ok(()) => (MailState::Sent, None, None),
            Err(why) => {
                tracing::warn!(invitation = id, tries, why, "a mail was not sent");
                let again = next_try(tries, now, end);
                (if again.is_some() { MailState::Waiting } else { MailState::Failed }, again, Some(why))
            }
        };
        let occasion = Occasion::of_system("send_mail", now);
        site.store.write(occasion, move |write| invitations::note_mail(write, &id, state, again, error.as_deref())).await?;
    }
    Ok(())
}

/// Sends one; or says why not, in a sentence for administrators.
async fn send(site: &Worker, mailer: &Mailer, mail: DueMail) -> Result<(), String> {
    let purpose = Purpose::named(&mail.purpose).ok_or("its purpose is unknown")?;
    let sealed = mail.sealed.ok_or("its token is gone")?;
    let opened = site.desk.tokens.sealer().mail(&mail.id).open(&sealed).and_then(|token| String::from_utf8(token).ok());
    let token = opened.ok_or("its token cannot be read: the server's secret has changed; make another link")?;
    let settings = site.settings();
    let newsroom = settings.public_url.split("//").nth(1).unwrap_or_default();
    let (subject, what) = match purpose {
        Purpose::Invitation => (format!("Your invitation to {newsroom}"), format!("You are invited to work at {newsroom}.")),
        Purpose::PasswordReset => {
            (format!("A new password for {newsroom}"), format!("An administrator of {newsroom} asks you to choose a new password."))
        }
    };
    let way = settings.invite_link(&token).map_or_else(
        || format!("Send this token with the password that you choose to {}/v1/auth/accept:\r\n\r\n{token}", settings.public_url),
        |link| format!("Open this link to choose a password:\r\n\r\n{link}"),
    );
    let end = Moment::from_milliseconds(mail.expires_at);
    let text = format!("{what}\r\n\r\n{way}\r\n\r\nIt is good once, until {end}. If you do not know what this is about, do nothing.\r\n");
    let mailer = mailer.clone();
    let sending = tokio::task::spawn_blocking(move || {
        mailer.send(Mail { name: &mail.name, address: &mail.email, subject: &subject, text }).map_err(|why| why.to_string())
    });
    sending.await.unwrap_or_else(|_panic| Err("sending it has failed".into()))
}
