//! `copydesk demo`: a small newsroom to try things on, written by the same rules as everything else.

mod newsroom;

use super::Stop;
use super::serve::serve_after;
use super::user::create;
use crate::auth::{Password, Subject, Tokens};
use crate::config::Config;
use crate::domain::user::Role;
use crate::http::Clock;
use crate::store::users::{self, UserRow};
use crate::store::{Error, Shared, Store};

/// Who writes in the demo.
const EDITOR: &str = "demo@copydesk.local";
/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Fills an empty database and serves it. A database that the demo has filled before is served as it is, others are left alone.
pub fn demo(config: Config) -> Result<(), Stop> {
    serve_after(config, prepare)
}

async fn prepare(shared: &Shared, tokens: &Tokens, url: &str) -> Result<(), Stop> {
    let store = shared.store();
    let now = Clock::system().now();
    let is_empty = store.read(newsroom::is_empty).await?;
    let editor = match store.read(|conn| users::by_email(conn, EDITOR)).await {
        Err(Error::NotFound(_)) if is_empty => hire_editor(&store).await?,
        Err(Error::NotFound(_)) => {
            return Err(Stop("this database holds stories already; run the demo in an empty folder, or on an empty database".into()));
        }
        found => {
            println!("The demo's editor is {EDITOR}; `copydesk user set-password {EDITOR}` sets a new password.\n");
            found?
        }
    };
    if is_empty {
        newsroom::fill(&store, &editor.id, now).await?;
    }
    let subject = Subject { user_id: editor.id, ver: editor.token_version, session: None };
    let token = tokens.issue(&subject, now.milliseconds()).map_err(|error| Stop(error.to_string()))?;
    let minutes = token.expires_in / 60;
    println!(
        "Try these, as they are (the token is good for {minutes} minutes):\n\n\
         curl -sS '{url}/v1/articles?fields=title,dateline,authors.name,tags.slug'\n\n\
         curl -sS '{url}/v1/articles/u-s-and-guatemala-address-migration-and-drug-trafficking'\n\n\
         curl -sS '{url}/v1/articles' -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d '{{\"title\": \"My first story\", \"body\": \"It begins **here**.\"}}'\n\n\
         Read on at {url}/docs/",
        token.token
    );
    Ok(())
}

/// Makes the demo's editor, whose password is shown this once.
async fn hire_editor(store: &Store) -> Result<UserRow, Stop> {
    let password = Password::random().map_err(|error| Stop(error.to_string()))?;
    let shown = password.reveal().to_owned();
    create(store, EDITOR, Role::Editor, password, false).await?;
    println!("The demo's editor is {EDITOR}, the password {shown}\n");
    Ok(store.read(|conn| users::by_email(conn, EDITOR)).await?)
}
