//! `copydesk user …`: the accounts of the newsroom, from the machine itself.

use super::{Stop, with_store};
use crate::auth::{Password, password};
use crate::config::Config;
use crate::domain::audit::Occasion;
use crate::domain::id;
use crate::domain::user::Role;
use crate::http::Clock;
use crate::store::page::Slice;
use crate::store::users::{self, UserDraft, UserRow};
use crate::store::{Error, Store};
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
    created.map_err(|error| match error {
        Error::Taken { value, .. } => {
            Stop(format!("there is a user {value} already; `copydesk user set-password {value}` sets a new password"))
        }
        other => other.into(),
    })
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

fn change(config: &Config, email: &str, change: impl FnOnce(&mut UserDraft) + Clone + Send + 'static) -> Result<(), Stop> {
    let email = address(email)?;
    let now = Clock::system().now();
    with_store(config, async move |store| {
        let changed = store
            .write(Occasion::of_command("update_user", now), move |conn| -> Result<(), Refused> {
                users::lock_administrators(conn)?;
                let row = users::by_email(conn, &email)?;
                let role = row.role()?;
                let mut draft =
                    UserDraft { email: row.email.clone(), name: row.name.clone(), role, disabled: row.disabled, password_hash: None };
                change(&mut draft);
                let was_one = role == Role::Admin && !row.disabled;
                if was_one && draft.role != Role::Admin && users::other_administrators(conn, &row.id)? == 0 {
                    return Err(Refused::LastAdmin);
                }
                Ok(users::update(conn, &row, draft, None, now)?)
            })
            .await;
        changed.map_err(|refused| match refused {
            Refused::LastAdmin => Stop("this is the last administrator; make another one first".into()),
            Refused::Store(Error::NotFound(_)) => Stop("there is no user with this address; `copydesk user list` shows them".into()),
            Refused::Store(other) => other.into(),
        })
    })
}

enum Refused {
    LastAdmin,
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
