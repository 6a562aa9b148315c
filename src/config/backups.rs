//! Where backups go, and who may put them there.

use std::fmt;
use std::path::PathBuf;

/// A folder, or a place in an S3-compatible store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupTo {
    Folder(PathBuf),
    /// `prefix` has a slash at its end, or is empty.
    Bucket {
        bucket: String,
        prefix: String,
    },
}

impl BackupTo {
    /// Reads a folder's path, or `s3://bucket/prefix`; `None` where it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let Some(place) = text.strip_prefix("s3://") else {
            let is_path = !text.is_empty() && !text.contains("://") && !text.chars().any(char::is_control);
            return is_path.then(|| Self::Folder(PathBuf::from(text)));
        };
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
        let prefix = prefix.trim_end_matches('/');
        let is_prefix =
            prefix.is_empty() || prefix.split('/').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic() && c != '%'));
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        (is_bucket && is_prefix).then(|| Self::Bucket { bucket: bucket.to_owned(), prefix })
    }
}

/// How to reach an S3-compatible store.
#[derive(Clone, Debug)]
pub struct S3 {
    /// `http(s)://host[:port]`, without a path.
    pub endpoint: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: Hidden,
}

/// A text that is not shown.
#[derive(Clone)]
pub struct Hidden(String);

impl Hidden {
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket_and_nothing_else() {
        assert_eq!(BackupTo::parse("/var/backups/desk"), Some(BackupTo::Folder("/var/backups/desk".into())));
        let bucket = |prefix: &str| Some(BackupTo::Bucket { bucket: "news".into(), prefix: prefix.into() });
        assert_eq!(BackupTo::parse("s3://news"), bucket(""));
        assert_eq!(BackupTo::parse("s3://news/"), bucket(""));
        assert_eq!(BackupTo::parse("s3://news/desk/daily/"), bucket("desk/daily/"));
        for wrong in ["", "s3://", "s3://ab", "s3://News", "s3://news//x", "s3://news/a b", "ftp://news/x", "https://news.example", "a\nb"]
        {
            assert_eq!(BackupTo::parse(wrong), None, "{wrong}");
        }
    }
}
