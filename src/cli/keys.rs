//! `copydesk keys …`: what signs tokens.

use super::{Stop, tokens, with_store};
use crate::auth::Tokens;
use crate::config::Config;
use crate::domain::audit::Occasion;
use crate::domain::time::Moment;
use crate::http::{Clock, signing};
use crate::store::signing_keys::{self, SigningKeyRow};

/// What an operator is told whose shell has not the settings of the servers.
const OTHER_SECRET: &str =
    "the keys in the database were made with another secret; set COPYDESK_JWT_SECRET or COPYDESK_DATA_DIR as the servers have it";

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make a new key that signs from now on, also in servers that run. What the old one has signed is good until it expires.
    Rotate {
        /// Let go of the old keys at once, because somebody may have them: who is signed in stays so by the refresh token; preview tokens end.
        #[arg(long)]
        revoke: bool,
    },
    /// List the keys, the newest first.
    List,
}

impl From<signing::NoKey> for Stop {
    fn from(error: signing::NoKey) -> Self {
        Self(error.to_string())
    }
}

pub fn run(command: &Command, config: &Config) -> Result<(), Stop> {
    let (tokens, now) = (tokens(config)?, Clock::system().now());
    match *command {
        Command::Rotate { revoke } => {
            let kid = with_store(config, async |store| {
                let rotated = store.write(Occasion::of_command("rotate_keys", now), move |write| -> Result<_, Stop> {
                    let is_new = signing_keys::list(write)?.is_empty();
                    let kid = signing::rotate(write, &tokens, now)?;
                    if !is_new && tokens.key_names().len() == 1 {
                        return Err(Stop(OTHER_SECRET.to_owned()));
                    }
                    if revoke {
                        signing_keys::delete_others(write, &kid)?;
                    }
                    Ok(kid)
                });
                rotated.await
            })?;
            let of_before =
                if revoke { "Tokens of the keys before are refused." } else { "Tokens of the keys before are good until they expire." };
            println!("New tokens are signed with the key {kid}. {of_before}");
        }
        Command::List => {
            let rows = with_store(config, async |store| Ok(store.read(signing_keys::list).await?))?;
            for SigningKeyRow { kid, algorithm, created_at, retired_at, .. } in rows {
                let made = Moment::from_milliseconds(created_at);
                let state = match retired_at {
                    None => "signs".to_owned(),
                    Some(at) if at < Tokens::forgotten_before(now.milliseconds()) => "is forgotten at the next rotation".to_owned(),
                    Some(at) => format!("retired {}", Moment::from_milliseconds(at)),
                };
                println!("{kid}\t{algorithm}\tmade {made}\t{state}");
            }
        }
    }
    Ok(())
}
