//! Where backups go: a folder, or a place in an S3-compatible store.

use super::bucket::Bucket;
use super::manifest::Manifest;
use super::signature::Credentials;
use super::{Failure, disk, rotation};
use crate::config::{BackupTo, Config};
use crate::outbound::Client;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub enum Destination {
    Folder(PathBuf),
    Bucket(Bucket),
}

impl Destination {
    /// As it is configured, or as it was typed.
    pub fn of(config: &Config, typed: Option<&str>) -> Result<Self, Failure> {
        let to = match typed {
            Some(typed) => {
                BackupTo::parse(typed).ok_or_else(|| Failure(format!("{typed:?} is neither a folder nor s3://bucket/prefix")))?
            }
            None => config.backup_to.clone(),
        };
        match to {
            BackupTo::Folder(folder) => Ok(Self::Folder(folder)),
            BackupTo::Bucket { bucket, prefix } => {
                let store =
                    config.s3.clone().ok_or_else(|| Failure::new("set COPYDESK_S3_ACCESS_KEY and COPYDESK_S3_SECRET_KEY to use s3://"))?;
                let credentials =
                    Credentials { access_key: store.access_key, secret_key: store.secret_key.reveal().to_owned(), region: store.region };
                Ok(Self::Bucket(Bucket { endpoint: store.endpoint, name: bucket, prefix, credentials, client: Client::new() }))
            }
        }
    }

    /// All names in the place, others than of backups among them. Of a folder that does not exist, none.
    pub fn names(&self) -> Result<Vec<String>, Failure> {
        match self {
            Self::Folder(folder) if !folder.exists() => Ok(Vec::new()),
            Self::Folder(folder) => {
                let unreadable = |error: std::io::Error| Failure(format!("the folder {} cannot be read: {error}", folder.display()));
                let entries = std::fs::read_dir(folder).map_err(unreadable)?;
                let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_string().unwrap_or_default()));
                names.collect::<Result<_, _>>().map_err(unreadable)
            }
            Self::Bucket(bucket) => bucket.names(),
        }
    }

    /// The finished backups, the oldest first.
    pub fn backups(&self) -> Result<Vec<Manifest>, Failure> {
        rotation::finished(&self.names()?).iter().map(|stem| self.manifest(stem)).collect()
    }

    /// The newest finished backup, if there is one.
    pub fn newest(&self) -> Result<Option<Manifest>, Failure> {
        rotation::finished(&self.names()?).last().map(|stem| self.manifest(stem)).transpose()
    }

    fn manifest(&self, stem: &str) -> Result<Manifest, Failure> {
        let name = Manifest::name(stem);
        let text = match self {
            Self::Folder(folder) => {
                let path = folder.join(&name);
                std::fs::read(&path).map_err(|error| Failure(format!("{} cannot be read: {error}", path.display())))?
            }
            Self::Bucket(bucket) => bucket.read(&name)?,
        };
        Manifest::parse(&text, &name)
    }

    /// Puts a file that is on disk here, under a name; it is there whole, or not at all.
    pub fn put(&self, path: &Path, name: &str) -> Result<(), Failure> {
        match self {
            Self::Folder(folder) => disk::put_in_place(path, &folder.join(name)),
            Self::Bucket(bucket) => {
                bucket.put(path, name)?;
                Ok(std::fs::remove_file(path)?)
            }
        }
    }

    /// Fetches the file of a backup, and answers its path and the file to remove afterwards, if any.
    pub fn fetch(&self, manifest: &Manifest, staging: &Path) -> Result<(PathBuf, Option<disk::Unfinished>), Failure> {
        match self {
            Self::Folder(folder) => Ok((folder.join(&manifest.file), None)),
            Self::Bucket(bucket) => {
                let path = staging.join(&manifest.file);
                // Left by a process that was killed.
                let _none = std::fs::remove_file(&path);
                let file = disk::create(&path)?;
                let unfinished = disk::Unfinished::new(path.clone());
                bucket.fetch(&manifest.file, manifest.bytes, &file)?;
                Ok((path, Some(unfinished)))
            }
        }
    }

    /// Removes what is more than the newest `keep` backups; answers how many names went.
    pub fn rotate(&self, keep: usize) -> Result<usize, Failure> {
        let surplus = rotation::surplus(&self.names()?, keep);
        for name in &surplus {
            match self {
                Self::Folder(folder) => std::fs::remove_file(folder.join(name))
                    .map_err(|error| Failure(format!("the old backup {} cannot be removed: {error}", folder.join(name).display())))?,
                Self::Bucket(bucket) => bucket.remove(name)?,
            }
        }
        Ok(surplus.len())
    }

    /// What an operator calls it.
    pub fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Bucket(bucket) => format!("s3://{}/{}", bucket.name, bucket.prefix),
        }
    }

    /// Where one of its files is, for people.
    pub fn path_of(&self, name: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(name).display().to_string(),
            Self::Bucket(bucket) => format!("s3://{}/{}{name}", bucket.name, bucket.prefix),
        }
    }
}
