//! `copydesk user …`: the accounts of the newsroom, from the machine itself.

use super::{Stop, tokens, with_store, with_store_and_servers};
use crate::auth::one_time::OneTimeToken;
use crate::auth::{Password, password};
use crate::config::Config;
use crate::domain::audit::Occasion;
use crate::domain::id;
use crate::domain::invitation::Purpose;
use crate::domain::user::Role;
use crate::http::Clock;
use crate::store::invitations::{self, InvitationDraft};
use crate::store::page::Slice;
use crate::store::users::{self, UserDraft, UserRow};
use crate::store::{Error, Store, Write, second_factors};
use std::io::{BufRead, IsTerminal};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Add a user; works on an empty database, too.
    Add {
        /// The e-mail address to sign in with.
        email: String,
        /// contributor, author, editor or admin.
        #[arg(long)]
        role: Role,
        /// Read the password from the first line of standard input instead of asking for it.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the users.
    List,
    /// Set a user's password; all of the user's tokens end.
    SetPassword {
        email: String,
        /// Read the password from the first line of standard input instead of asking for it.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a user's role; all of the user's tokens end.
    SetRole { email: String, role: Role },
    /// Invite somebody: print a one-time link with which they choose a password, and send it where there is a mail server.
    Invite {
        /// The e-mail address to sign in with.
        email: String,
        /// contributor, author, editor or admin.
        #[arg(long)]
        role: Role,
        /// What the newsroom calls them; the address if left out.
        #[arg(long)]
        name: Option<String>,
    },
    /// Keep a user out, whose sessions and tokens end; the account stays.
    Disable { email: String },
    /// Let a user in again.
    Enable { email: String },
    /// Delete a user; stories and bylines stay.
    Delete { email: String },
    /// Take away the second factor of a user who has lost it; all of the user's sessions and tokens end.
    ResetSecondFactor { email: String },
}

pub fn run(command: Command, config: &Config) -> Result<(), Stop> {
    match command {
        Command::Add { email, role, password_stdin } => {
            let email = address(&email)?;
            let password = read_password(password_stdin)?;
            with_store(config, async |store| create(&store, &email, role, password, false).await)?;
            println!("Added {email} as {}.", role.name());
        }
        Command::List => with_store(config, async |store| list(&store).await)?,
        Command::SetPassword { email, password_stdin } => {
            let hash = hash(read_password(password_stdin)?)?;
            change(config, &email, move |draft| draft.password_hash = Some(hash))?;
            println!("The password of {email} is set; sign in again.");
        }
        Command::SetRole { email, role } => {
            change(config, &email, move |draft| draft.role = role)?;
            println!("{email} is {} now.", role.name());
        }
        Command::Invite { email, role, name } => invite(config, &email, role, name)?,
        Command::Disable { email } => {
            change(config, &email, |draft| draft.disabled = true)?;
            println!("{email} is kept out.");
        }
        Command::Enable { email } => {
            change(config, &email, |draft| draft.disabled = false)?;
            println!("{email} may sign in again.");
        }
        Command::Delete { email } => {
            at(config, &email, "delete_user", |write, row| {
                keep_an_administrator(write, &row)?;
                Ok(users::delete(write, &row.id, row.version)?)
            })?;
            println!("{email} is gone; stories and bylines stay.");
        }
        Command::ResetSecondFactor { email } => {
            let now = Clock::system().now();
            at(config, &email, "delete_totp", move |write, row| {
                if !second_factors::remove(write, &row.id)? {
                    return Err(Refused::NoSecondFactor);
                }
                Ok(users::sign_out_everywhere(write, &row.id, now)?)
            })?;
            println!("{email} has no second factor any more; sign in again.");
        }
    }
    Ok(())
}

/// Adds a user; with `only_first` nothing happens, and the answer is false, where there is a user already.
pub async fn create(store: &Store, email: &str, role: Role, password: Password, only_first: bool) -> Result<bool, Stop> {
    let draft = UserDraft { email: email.to_owned(), name: email.to_owned(), role, disabled: false, password_hash: Some(hash(password)?) };
    let now = Clock::system().now();
    let occasion = if only_first { Occasion::of_system("create_user", now) } else { Occasion::of_command("create_user", now) };
    let created = store
        .write(occasion, move |conn| -> Result<bool, Error> {
            users::lock_administrators(conn)?;
            if only_first && users::exist(conn)? {
                conn.note_idle();
                return Ok(false);
            }
            users::insert(conn, &id::new(now), draft, None, now)?;
            Ok(true)
        })
        .await;
    created.map_err(taken)
}

async fn list(store: &Store) -> Result<(), Stop> {
    let mut slice = Slice { limit: 100, after: None, backward: false, count: false };
    loop {
        let asked = slice.clone();
        let page = store.read(move |conn| users::list(conn, &asked)).await?;
        for UserRow { email, role, disabled, .. } in &page.items {
            println!("{email}\t{role}{}", if *disabled { "\tdisabled" } else { "" });
        }
        slice.after = page.items.last().map(users::position);
        if !page.has_next {
            return Ok(());
        }
    }
}

/// Makes an account and a link for it, and prints what to hand over.
fn invite(config: &Config, email: &str, role: Role, name: Option<String>) -> Result<(), Stop> {
    let email = address(email)?;
    let now = Clock::system().now();
    let failed = |error: &dyn std::error::Error| Stop(error.to_string());
    let token = OneTimeToken::random().map_err(|error| failed(&error))?;
    let (id, user_id) = (id::new(now), id::new(now));
    let sealed = match config.mailer {
        Some(_) => {
            let envelope = tokens(config)?.sealer().mail(&id);
            Some(envelope.seal(token.reveal().as_bytes()).map_err(|error| failed(&error))?)
        }
        None => None,
    };
    let draft = UserDraft { email: email.clone(), name: name.unwrap_or_else(|| email.clone()), role, disabled: false, password_hash: None };
    let purpose = Purpose::Invitation;
    let link = InvitationDraft { id, user_id: user_id.clone(), purpose, hash: token.hash(), sealed, created_by: None };
    let invited = with_store(config, async move |store| {
        let work = move |write: &mut Write<'_>| -> Result<(), Error> {
            users::insert(write, &user_id, draft, None, now)?;
            invitations::put(write, link, now)
        };
        store.write(Occasion::of_command("create_invitation", now), work).await.map_err(taken)
    });
    invited?;
    let token = token.reveal();
    match &config.invite_url {
        Some(template) => println!(
            "Invited {email} as {}. Give them this link, good once until {}:\n{}",
            role.name(),
            purpose.end(now),
            template.replace("{token}", &token)
        ),
        None => println!(
            "Invited {email} as {}. Give them this token, good once until {}:\n{token}\nIt goes with the password that they choose to {}/v1/auth/accept",
            role.name(),
            purpose.end(now),
            config.public_url
        ),
    }
    if config.mailer.is_some() {
        println!("The running server sends it to them, too.");
    }
    Ok(())
}

fn change(config: &Config, email: &str, change: impl FnOnce(&mut UserDraft) + Clone + Send + 'static) -> Result<(), Stop> {
    let now = Clock::system().now();
    at(config, email, "update_user", move |write, row| {
        let (email, name, role) = (row.email.clone(), row.name.clone(), row.role()?);
        let mut draft = UserDraft { email, name, role, disabled: row.disabled, password_hash: None };
        change(&mut draft);
        if draft.role != Role::Admin || draft.disabled {
            keep_an_administrator(write, &row)?;
        }
        Ok(users::update(write, &row, draft, None, now)?)
    })
}

/// Does something to the user of that address, in one transaction.
fn at(
    config: &Config,
    email: &str,
    operation: &'static str,
    work: impl FnOnce(&mut Write<'_>, UserRow) -> Result<(), Refused> + Clone + Send + 'static,
) -> Result<(), Stop> {
    let email = address(email)?;
    let occasion = Occasion::of_command(operation, Clock::system().now());
    with_store_and_servers(config, async move |store| {
        let done = store.write(occasion, move |write| -> Result<(), Refused> {
            users::lock_administrators(write)?;
            let row = users::by_email(write, &email)?;
            work(write, row)
        });
        done.await.map_err(|refused| match refused {
            Refused::LastAdmin => Stop("this is the last administrator; make another one first".into()),
            Refused::NoSecondFactor => Stop("this user has no second factor".into()),
            Refused::Store(Error::NotFound(_)) => Stop("there is no user with this address; `copydesk user list` shows them".into()),
            Refused::Store(other) => other.into(),
        })
    })
}

/// The last administrator who can sign in stays one.
fn keep_an_administrator(write: &mut Write<'_>, row: &UserRow) -> Result<(), Refused> {
    let is_one = row.role()? == Role::Admin && !row.disabled;
    if is_one && users::other_administrators(write, &row.id)? == 0 { Err(Refused::LastAdmin) } else { Ok(()) }
}

fn taken(error: Error) -> Stop {
    match error {
        Error::Taken { value, .. } => {
            Stop(format!("there is a user {value} already; `copydesk user set-password {value}` sets a new password"))
        }
        other => other.into(),
    }
}

enum Refused {
    LastAdmin,
    NoSecondFactor,
    Store(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

fn hash(password: Password) -> Result<String, Stop> {
    password::hash(&password).map_err(|error| Stop(error.to_string()))
}

fn address(email: &str) -> Result<String, Stop> {
    let (name, host) = email.split_once('@').unwrap_or_default();
    let is_plain = email.len() <= 254 && !email.chars().any(|c| c.is_whitespace() || c.is_control()) && !host.contains('@');
    if name.is_empty() || host.is_empty() || !is_plain {
        return Err(Stop(format!("`{}` is not an e-mail address", email.escape_debug())));
    }
    Ok(email.to_ascii_lowercase())
}

fn read_password(from_stdin: bool) -> Result<Password, Stop> {
    let text = if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line.trim_end_matches(['\n', '\r']).to_owned()
    } else if std::io::stdin().is_terminal() {
        rpassword::prompt_password("Password: ")?
    } else {
        return Err(Stop("there is no terminal to ask for the password; pipe it in with --password-stdin".into()));
    };
    Password::parse(&text).map_err(|weak| Stop(weak.to_string()))
}
