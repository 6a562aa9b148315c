//! `copydesk key …`: the keys of programs, from the machine itself.

use super::{Stop, with_store, with_store_and_servers};
use crate::auth::ApiKey;
use crate::config::Config;
use crate::domain::api_key::{self, Grant};
use crate::domain::audit::Occasion;
use crate::domain::id;
use crate::domain::rights::Scope;
use crate::domain::text::{Key, LanguageTag};
use crate::domain::time::Moment;
use crate::http::{self, Clock};
use crate::store::api_keys::{self, KeyDraft, KeyRow};
use crate::store::page::Slice;
use crate::store::{Error, Store, users};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make a key and print it, this once.
    Add {
        /// The e-mail address of the user whose rights bound the key's.
        #[arg(long, value_name = "EMAIL")]
        owner: String,
        /// What the key is for.
        #[arg(long)]
        label: String,
        /// content:read, drafts:read, content:write, content:publish or admin; once for each.
        #[arg(long, required = true)]
        scope: Vec<Scope>,
        /// When it ends, as in 2027-01-31T00:00:00Z; never, if left out.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Limits it to stories with this tag, or one of several.
        #[arg(long)]
        tag: Vec<String>,
        /// Limits it to stories by this author, or one of several.
        #[arg(long)]
        author: Vec<String>,
        /// Limits it to stories in this language, or one of several.
        #[arg(long)]
        language: Vec<String>,
        /// The address or network that it may come from; once for each.
        #[arg(long)]
        address: Vec<String>,
    },
    /// List the keys: id, label, owner, scopes, end, last use.
    List,
    /// Revoke a key: a running server refuses it from then on.
    Revoke { id: String },
}

pub fn run(command: Command, config: &Config) -> Result<(), Stop> {
    match command {
        Command::Add { owner, label, scope, expires, tag, author, language, address } => {
            let expires_at = expires.map(|text| moment(&text)).transpose()?;
            let grant = Grant { scopes: scope, expires_at, limits: None, addresses: networks(address)? };
            let limits = (tag, author, language);
            let key = with_store(config, async move |store| add(&store, owner.to_ascii_lowercase(), label, grant, limits).await)?;
            println!("{key}");
            eprintln!("This is the key. It is shown this once, and not kept.");
        }
        Command::List => with_store(config, async |store| list(&store).await)?,
        Command::Revoke { id } => {
            with_store_and_servers(config, async |store| revoke(&store, id.clone()).await)?;
            println!("The key {id} is revoked.");
        }
    }
    Ok(())
}

async fn add(
    store: &Store,
    owner: String,
    label: String,
    grant: Grant,
    (tags, authors, languages): (Vec<String>, Vec<String>, Vec<String>),
) -> Result<String, Stop> {
    if label.trim().is_empty() || label.chars().count() > 300 || label.chars().any(char::is_control) {
        return Err(Stop("the label must say something, in one line of at most 300 characters".into()));
    }
    let now = Clock::system().now();
    if let Some(breach) = api_key::check(&grant, None, now).first() {
        return Err(Stop(breach.detail.clone()));
    }
    let secret = ApiKey::random().map_err(|error| Stop(error.to_string()))?;
    let (shown, id) = (secret.reveal(), id::new(now));
    let added = store.write(Occasion::of_command("create_key", now), move |write| -> Result<(), Refused> {
        let user_id = users::by_email(write, &owner)?.id;
        let keys = |names: Vec<String>| Some(names.into_iter().map(Key).collect());
        let languages = Some(languages.into_iter().map(LanguageTag).collect());
        let limits = http::key_limits(write, keys(tags), keys(authors), languages).map_err(Refused::Limits)?;
        let (hash, prefix) = (secret.hash(), secret.prefix());
        let draft = KeyDraft { id, user_id, label, hash, prefix, grant: Grant { limits, ..grant.in_order() }, created_by: None };
        Ok(api_keys::insert(write, draft, now)?)
    });
    added.await.map_err(|refused| match refused {
        Refused::Store(Error::NotFound(_)) => Stop("there is no user with this address; `copydesk user list` shows them".into()),
        Refused::Store(other) => other.into(),
        Refused::Limits(why) => Stop(why),
    })?;
    Ok(shown)
}

#[derive(Debug)]
enum Refused {
    Store(Error),
    Limits(String),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

async fn list(store: &Store) -> Result<(), Stop> {
    let mut slice = Slice { limit: 100, after: None, backward: false, count: false };
    let time = |milliseconds: Option<i64>, none: &str| milliseconds.map_or(none.to_owned(), |at| Moment::from_milliseconds(at).to_string());
    loop {
        let asked = slice.clone();
        let page = store.read(move |conn| api_keys::list(conn, &asked)).await?;
        for (KeyRow { id, label, scopes, expires_at, last_used_at, .. }, owner) in &page.items {
            println!("{id}\t{label}\t{owner}\t{scopes}\t{}\t{}", time(*expires_at, "never ends"), time(*last_used_at, "never used"));
        }
        slice.after = page.items.last().map(|(row, _)| api_keys::position(row));
        if !page.has_next {
            return Ok(());
        }
    }
}

async fn revoke(store: &Store, id: String) -> Result<(), Stop> {
    let occasion = Occasion::of_command("delete_key", Clock::system().now());
    store.write(occasion, move |write| api_keys::delete(write, &id)).await.map_err(|error| match error {
        Error::NotFound(_) => Stop("there is no key of this id; `copydesk key list` shows them".into()),
        other => other.into(),
    })
}

fn moment(text: &str) -> Result<Moment, Stop> {
    Moment::parse(text).ok_or_else(|| Stop(format!("`{}` is no time; write it as in 2027-01-31T00:00:00Z", text.escape_debug())))
}

fn networks(addresses: Vec<String>) -> Result<Vec<String>, Stop> {
    match addresses.iter().find(|text| !http::is_network(text)) {
        Some(text) => Err(Stop(format!("`{}` is no address and no network, as 203.0.113.7 and 10.0.0.0/8 are", text.escape_debug()))),
        None => Ok(addresses),
    }
}
