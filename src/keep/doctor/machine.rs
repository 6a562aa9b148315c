//! What is around the database: files, their modes, the secret, the configuration, the disk, the backups.

use super::{Check, Findings};
use crate::auth::SigningSecret;
use crate::config::{Config, DatabaseUrl};
use crate::domain::time::Moment;
use crate::keep::destination::Destination;
use crate::keep::progress::{Show, bytes};
use crate::keep::{disk, snapshot};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Fewer free bytes than this are few for any newsroom.
const FEW: u64 = 512 * 1024 * 1024;
/// A backup that is older is old, where no other measure is set, in hours.
const OLD: i64 = 7 * 24;
const HOUR: i64 = 60 * 60 * 1000;

pub(super) fn checks(config: &Config, now: Moment, show: Show) -> Vec<Check> {
    vec![modes(config), secret(config), settings(config), room(config), backups(config, now, show)]
}

/// Whether files that are the owner's alone are so.
fn modes(config: &Config) -> Check {
    let mut found = Findings::default();
    let mut files: Vec<PathBuf> = vec![config.data_dir.join("jwt-secret")];
    if let DatabaseUrl::Sqlite(database) = &config.database_url {
        files.extend(["", "-wal", "-shm"].map(|suffix| disk::with_suffix(database, suffix)));
        files.extend(snapshot::taken(database).unwrap_or_default());
    }
    if let Ok(Destination::Folder(folder)) = Destination::of(config, None) {
        files.extend(std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_file()));
    }
    for file in files {
        if let Some(mode) = mode_of(&file).filter(|mode| mode & 0o077 != 0) {
            let file = file.display();
            found.problem(format!("{file} is open to others on this machine (mode {mode:03o})"), format!("chmod 600 {file}"));
        }
    }
    let folder = config.data_dir.display();
    if let Some(mode) = mode_of(&config.data_dir).filter(|mode| mode & 0o022 != 0) {
        found.problem(format!("others can put files into {folder} (mode {mode:03o})"), format!("chmod go-w {folder}"));
    }
    found.of("modes", "who can read and write the files")
}

fn mode_of(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|file| file.permissions().mode() & 0o777)
}

/// The secret that signs tokens; one in the configuration has been looked at already.
fn secret(config: &Config) -> Check {
    let mut found = Findings::default();
    let path = config.data_dir.join("jwt-secret");
    if config.jwt_secret.is_none() {
        let is_postgres = matches!(config.database_url, DatabaseUrl::Postgres(_));
        match path.try_exists() {
            Ok(true) => {
                if let Err(error) = SigningSecret::load_or_create(&path) {
                    found.problem(error.to_string(), "do what this says; without the secret everybody signs in again");
                }
            }
            _ => found.warning(
                format!("there is no {} and no COPYDESK_JWT_SECRET", path.display()),
                "bring it from where the newsroom was; else the next start makes a new one, and everybody signs in again",
            ),
        }
        if is_postgres {
            found.warning(
                "COPYDESK_JWT_SECRET is not set: other nodes on this database refuse the tokens of this one",
                "set the same COPYDESK_JWT_SECRET on all nodes, or run one only",
            );
        }
    }
    found.of("secret", "the secret that signs tokens")
}

/// Settings that are allowed, and rarely meant.
fn settings(config: &Config) -> Check {
    let mut found = Findings::default();
    let is_open = !config.listen.ip().is_loopback();
    if is_open && config.public_url.contains("//127.0.0.1") {
        found.warning(
            format!("the server listens on {} and tells clients that it is at {}", config.listen, config.public_url),
            "set COPYDESK_PUBLIC_URL to the address that clients use",
        );
    }
    if config.public_url.starts_with("https:") && config.trusted_proxies.is_empty() {
        found.warning(
            "COPYDESK_PUBLIC_URL is https, so there is a proxy in front, and COPYDESK_TRUSTED_PROXIES does not name it",
            "set COPYDESK_TRUSTED_PROXIES to the proxy's address: wrong passwords are counted by the client's",
        );
    }
    found.of("settings", "settings that are rarely meant")
}

/// Room for what comes, and for a copy of the database, which backups and upgrades need.
fn room(config: &Config) -> Check {
    let mut found = Findings::default();
    let (folder, size) = match &config.database_url {
        DatabaseUrl::Sqlite(database) => (disk::folder_of(database), std::fs::metadata(database).map_or(0, |file| file.len())),
        DatabaseUrl::Postgres(_) => (config.data_dir.as_path(), 0),
    };
    match disk::free_bytes(folder) {
        Ok(free) if free < FEW.max(size) => {
            let (free, size) = (bytes(free), bytes(size.max(FEW)));
            found.warning(
                format!("{free} are free in {}", folder.display()),
                format!("have at least {size} free: backups and upgrades make a copy of the database"),
            );
        }
        Ok(_) => {}
        Err(_) if matches!(config.database_url, DatabaseUrl::Postgres(_)) => {}
        Err(error) => found.warning(format!("how much is free in {} cannot be asked: {error}", folder.display()), "look with `df`"),
    }
    found.of("room", "room on the disk")
}

/// Whether there is a backup, new enough, and still what its manifest tells.
fn backups(config: &Config, now: Moment, show: Show) -> Check {
    let mut found = Findings::default();
    let newest = Destination::of(config, None).and_then(|to| Ok((to.newest()?, to)));
    match newest {
        Err(error) => found.problem(error.to_string(), "see that COPYDESK_BACKUP_TO can be reached, and what stands there"),
        Ok((None, to)) => found.warning(
            format!("there is no backup in {}", to.name()),
            "run `copydesk backup`, or set COPYDESK_BACKUP_EVERY=24 for one a day",
        ),
        Ok((Some(newest), to)) => {
            let hours = (now.milliseconds() - newest.made_at.milliseconds()) / HOUR;
            let bound = config.backup_every.map_or(OLD, |every| i64::from(every) * 2);
            if hours > bound {
                let what = format!("the newest backup in {} is {hours} hours old", to.name());
                match config.backup_every {
                    Some(_) => found.problem(what, "see the server's log for why none has been made since"),
                    None => found.warning(what, "run `copydesk backup`, or set COPYDESK_BACKUP_EVERY=24 for one a day"),
                }
            }
            if let Destination::Folder(folder) = &to {
                let _progress = show.time("verifying the newest backup");
                if let Err(error) = newest.verify(&folder.join(&newest.file)) {
                    found.problem(error.to_string(), "run `copydesk backup` now, and have a look at the disk");
                }
            }
        }
    }
    found.of("backups", "the newest backup")
}
