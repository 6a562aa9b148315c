//! What a backup is: a file with the newsroom, and beside it a small one that tells what must be in it.
//!
//! The manifest comes last and goes first, so a file without one is no finished backup.

use super::{Failure, disk};
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A SQLite database, compressed by zstd.
    Sqlite,
    /// An export, compressed by zstd.
    Export,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub file: String,
    pub form: Form,
    pub made_at: Moment,
    /// The version of the program that made it.
    pub program: String,
    /// The newest migration that the database had seen.
    pub schema: String,
    pub bytes: u64,
    pub sha256: String,
    pub rows: BTreeMap<String, u64>,
}

impl Form {
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Sqlite => ".db.zst",
            Self::Export => ".ndjson.zst",
        }
    }
}

impl Manifest {
    /// What is called like this beside a backup of that moment.
    pub fn name(stem: &str) -> String {
        format!("{stem}.json")
    }

    pub fn text(&self) -> Result<Vec<u8>, Failure> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| Failure(error.to_string()))?;
        text.push(b'\n');
        Ok(text)
    }

    pub fn parse(text: &[u8], name: &str) -> Result<Self, Failure> {
        let manifest: Self = serde_json::from_slice(text).map_err(|error| Failure(format!("the manifest {name} is damaged: {error}")))?;
        // It is a name in the same place, never a path to elsewhere.
        let is_name = stem(&manifest.file).is_some_and(|stem| Self::name(stem) == name);
        if is_name { Ok(manifest) } else { Err(Failure(format!("the manifest {name} is damaged: it tells of another backup"))) }
    }

    /// Insists that a file is the one that the manifest tells of.
    pub fn verify(&self, path: &Path) -> Result<(), Failure> {
        let (bytes, sum) = disk::sum_of(path)?;
        if bytes != self.bytes {
            return Err(Failure(format!("{} is damaged: it has {bytes} bytes, and should have {}", path.display(), self.bytes)));
        }
        if sum != self.sha256 {
            return Err(Failure(format!("{} is damaged: its SHA-256 is not what its manifest tells", path.display())));
        }
        Ok(())
    }
}

/// The beginning of a backup's names.
pub fn stem_at(now: Moment) -> String {
    format!("copydesk-{}", now.compact())
}

/// The beginning of the name, if it is one that a backup's file or manifest has: `copydesk-20250627T143000Z` and an ending.
pub fn stem(name: &str) -> Option<&str> {
    const LENGTH: usize = "copydesk-20250627T143000Z".len();
    let (stem, ending) = (name.get(..LENGTH)?, name.get(LENGTH..)?);
    let time = stem.strip_prefix("copydesk-")?.bytes().enumerate();
    let is_time = time.into_iter().all(|(at, byte)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    let is_ours = [Form::Sqlite.ending(), Form::Export.ending(), ".json"].contains(&ending);
    (is_time && is_ours).then_some(stem)
}

/// The manifest of a backup's file in the same folder, if there is one.
pub fn beside(file: &Path) -> Result<Option<Manifest>, Failure> {
    let Some(stem) = file.file_name().and_then(|name| name.to_str()).and_then(stem) else { return Ok(None) };
    let name = Manifest::name(stem);
    let path: PathBuf = disk::folder_of(file).join(&name);
    match std::fs::read(&path) {
        Ok(text) => Manifest::parse(&text, &name).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure(format!("{} cannot be read: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_backup_gets_are_taken_for_one() {
        let stem_of = stem_at(Moment::parse("2025-06-27T14:30:00Z").unwrap());
        assert_eq!(stem_of, "copydesk-20250627T143000Z");
        for ending in [".db.zst", ".ndjson.zst", ".json"] {
            assert_eq!(stem(&format!("{stem_of}{ending}")), Some(stem_of.as_str()));
        }
        for other in [
            "copydesk.db",
            "copydesk-20250627T143000Z",
            "copydesk-20250627X143000Z.json",
            "notes.json",
            "copydesk-20250627T143000Z.db",
            "é",
        ] {
            assert_eq!(stem(other), None, "{other}");
        }
    }

    #[test]
    fn a_manifest_cannot_lead_elsewhere() {
        let manifest = Manifest {
            file: "copydesk-20250627T143000Z.db.zst".into(),
            form: Form::Sqlite,
            made_at: Moment::from_milliseconds(0),
            program: "0.1.0".into(),
            schema: "0001_newsroom".into(),
            bytes: 1,
            sha256: String::new(),
            rows: BTreeMap::new(),
        };
        assert_eq!(Manifest::parse(&manifest.text().unwrap(), "copydesk-20250627T143000Z.json").unwrap(), manifest);
        for file in ["../copydesk-20250627T143000Z.db.zst", "copydesk-20250101T000000Z.db.zst", "/etc/passwd"] {
            let other = Manifest { file: file.into(), ..manifest.clone() };
            assert!(Manifest::parse(&other.text().unwrap(), "copydesk-20250627T143000Z.json").is_err(), "{file}");
        }
    }
}
