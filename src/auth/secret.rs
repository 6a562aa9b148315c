//! The secret that signs access tokens: from the configuration, or made once in a file that only this user can read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// Fewest bytes of a signing secret: as many as the hash has (RFC 7518 §3.2).
pub const SHORTEST: usize = 32;

/// The secret that stands in `.env.example`; refused, as everybody knows it.
pub const EXAMPLE: &str = "replace-this-example-with-openssl-rand-base64-48";

const FEWEST_DIFFERENT_BYTES: usize = 8;
const RANDOM_BYTES: usize = 32;
/// More than any secret needs; a longer file is some other file.
const LONGEST_FILE: u64 = 4096;

/// What stands in secrets that were copied from a manual; compared in lower case without punctuation.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "changethis",
    "copydesk",
    "example",
    "jwtsecret",
    "mysecret",
    "password",
    "replacethis",
    "replaceme",
    "secretkey",
    "supersecret",
    "yoursecret",
];

/// A secret strong enough to sign with. `Debug` does not show it.
#[derive(Clone)]
pub struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// Takes the configured text; its bytes are the key as they stand, nothing is trimmed or decoded.
    ///
    /// # Errors
    /// The reason it could be guessed (OWASP ASVS 13.2.3).
    pub fn from_config(text: &str) -> Result<Self, WeakSecret> {
        let bytes = text.as_bytes();
        if bytes.len() < SHORTEST {
            return Err(WeakSecret::TooShort { bytes: bytes.len() });
        }
        let plain = plain(text);
        if text == EXAMPLE || PLACEHOLDERS.iter().any(|placeholder| plain.contains(placeholder)) {
            return Err(WeakSecret::Placeholder);
        }
        if is_one_piece_repeated(bytes)
            || is_one_piece_repeated(plain.as_bytes())
            || is_mostly_a_run(bytes)
            || different_bytes(bytes) < FEWEST_DIFFERENT_BYTES
        {
            return Err(WeakSecret::Pattern);
        }
        Ok(Self(bytes.to_vec()))
    }

    /// Reads the secret in the file at `path`, or makes one there at the first start: 32 random bytes in base64url, mode 0600, on disk
    /// before it is used. Of several processes starting at once, all get the secret of the first.
    ///
    /// # Errors
    /// With a sentence that names the file and the remedy: the folder is missing or not writable, others may read the file, or
    /// what stands in it is too weak to sign with.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        match File::open(path) {
            Ok(file) => read_file(file, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_file(path).map_err(|error| told(error.kind(), path, &format!("cannot be made: {error}")))?;
                read_file(File::open(path)?, path)
            }
            Err(error) => Err(told(error.kind(), path, &format!("cannot be opened: {error}"))),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret([hidden])")
    }
}

/// Why a secret is refused: the end of a sentence that begins with where the secret came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WeakSecret {
    #[error("has {bytes} bytes, but must have at least 32; make one with `openssl rand -base64 48`")]
    TooShort { bytes: usize },
    #[error("is a placeholder that others know, but must be your own; make one with `openssl rand -base64 48`")]
    Placeholder,
    #[error("is a pattern that can be guessed, but must be random; make one with `openssl rand -base64 48`")]
    Pattern,
}

fn plain(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `abcabcab`: a piece of at most half the length makes up the whole. One repeated character is the shortest such piece.
fn is_one_piece_repeated(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|piece| bytes.iter().zip(&bytes[piece..]).all(|(left, right)| left == right))
}

/// `0123456789abcdef…`, `zyxwvu…`, `aaaabbbb…`: more than half of the bytes follow from the one before.
fn is_mostly_a_run(bytes: &[u8]) -> bool {
    let following = bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    following * 2 > bytes.len()
}

fn different_bytes(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count()
}

fn read_file(mut file: File, path: &Path) -> io::Result<SigningSecret> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(told(io::ErrorKind::InvalidInput, path, "is no file; move it away and start again"));
    }
    if let Some(mode) = mode_open_to_others(&metadata) {
        let remedy = format!("can be read by others on this machine (mode {mode:03o}); run `chmod 600 {}`", path.display());
        return Err(told(io::ErrorKind::PermissionDenied, path, &remedy));
    }
    let mut text = String::new();
    Read::by_ref(&mut file).take(LONGEST_FILE).read_to_string(&mut text)?;
    SigningSecret::from_config(text.trim_end_matches(['\n', '\r'])).map_err(|weak| {
        let remedy = "remove the file and the next start makes a good one (everybody signs in again)";
        told(io::ErrorKind::InvalidData, path, &format!("{weak}, or {remedy}"))
    })
}

/// Writes beside the file and links it into place: the name appears with the whole secret behind it or not at all, and the link fails
/// where another process was faster, whose secret then counts.
fn create_file(path: &Path) -> io::Result<()> {
    let (mut secret, mut suffix) = ([0; RANDOM_BYTES], [0; 8]);
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    getrandom::fill(&mut suffix).map_err(io::Error::other)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}", URL_SAFE_NO_PAD.encode(suffix)));
    let written = write_new(Path::new(&unfinished), &URL_SAFE_NO_PAD.encode(secret));
    let linked = written.and_then(|()| match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // A failed write may have left no file to remove; what it failed with is what matters.
    let _removed = fs::remove_file(&unfinished);
    linked?;
    sync_folder_of(path)
}

fn write_new(path: &Path, secret: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    owner_only(&mut options);
    let mut file = options.open(path)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}

/// A name is on disk only when its folder is.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn owner_only(_options: &mut OpenOptions) {}

/// The file's mode, if group or others may do anything with it.
#[cfg(unix)]
fn mode_open_to_others(metadata: &fs::Metadata) -> Option<u32> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn mode_open_to_others(_metadata: &fs::Metadata) -> Option<u32> {
    None
}

fn told(kind: io::ErrorKind, path: &Path, what: &str) -> io::Error {
    io::Error::new(kind, format!("The signing secret in {} {what}.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const GOOD: &str = "pX7vQ2mN9sK4wL1tR8yB3cF6hJ0dG5zA";

    fn refusal(text: &str) -> WeakSecret {
        SigningSecret::from_config(text).expect_err(text)
    }

    #[test]
    fn a_random_secret_of_32_bytes_is_taken_as_it_stands() {
        assert_eq!(SigningSecret::from_config(GOOD).unwrap().as_bytes(), GOOD.as_bytes());
        assert!(SigningSecret::from_config("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08").is_ok());
        assert!(SigningSecret::from_config("seven lighthouse keepers paint a wooden boat").is_ok());
    }

    #[test]
    fn a_secret_under_32_bytes_is_refused() {
        assert_eq!(refusal(""), WeakSecret::TooShort { bytes: 0 });
        assert_eq!(refusal("secret"), WeakSecret::TooShort { bytes: 6 });
        assert_eq!(refusal(&GOOD[..16]), WeakSecret::TooShort { bytes: 16 });
        assert_eq!(refusal(&GOOD[..31]), WeakSecret::TooShort { bytes: 31 });
    }

    #[test]
    fn the_example_and_other_placeholders_are_refused() {
        assert_eq!(refusal(EXAMPLE), WeakSecret::Placeholder);
        assert_eq!(refusal("CHANGE_ME-change_me-CHANGE_ME-change"), WeakSecret::Placeholder);
        assert_eq!(refusal("your-256-bit-secret-change-this-in-production"), WeakSecret::Placeholder);
        assert_eq!(refusal("my-super-secret-signing-string-42-live"), WeakSecret::Placeholder);
    }

    #[test]
    fn what_is_repeated_or_runs_in_order_is_refused() {
        for text in [
            "a".repeat(64),
            "secret".repeat(8),
            "Secret-".repeat(8),
            "secret_SECRET-secret.SECRET secret_SECRET".to_owned(),
            "0123456789abcdef0123456789abcdef".to_owned(),
            "abcdefghijklmnopqrstuvwxyz0123456789".to_owned(),
            "aabbaabaabbbabababbaabbbabbabaabbabaab".to_owned(),
        ] {
            assert_eq!(refusal(&text), WeakSecret::Pattern, "{text}");
        }
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        assert_eq!(format!("{:?}", SigningSecret::from_config(GOOD).unwrap()), "SigningSecret([hidden])");
    }

    #[test]
    fn the_first_start_makes_a_file_only_this_user_can_read_and_the_next_start_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.secret");
        let first = SigningSecret::load_or_create(&path).unwrap();
        let second = SigningSecret::load_or_create(&path).unwrap();
        assert_eq!(first.as_bytes(), second.as_bytes());
        assert_eq!(first.as_bytes().len(), 43);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something is left beside it");
    }

    #[test]
    fn of_many_starts_at_once_all_get_the_same_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.secret");
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..16).map(|_| scope.spawn(|| SigningSecret::load_or_create(&path).unwrap())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| secret.as_bytes() == secrets[0].as_bytes()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "something is left beside it");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.secret");
        fs::write(&path, GOOD).unwrap();
        for mode in [0o640, 0o604, 0o644, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = SigningSecret::load_or_create(&path).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
            assert!(refused.to_string().ends_with(&format!("(mode {mode:03o}); run `chmod 600 {}`.", path.display())), "{refused}");
        }
    }

    #[test]
    fn a_file_with_a_weak_secret_is_refused_and_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.secret");
        for weak in ["", "secret\n", EXAMPLE] {
            write_at(&path, weak);
            let refused = SigningSecret::load_or_create(&path).unwrap_err().to_string();
            assert!(refused.contains("remove the file"), "{refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), weak);
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let refused = SigningSecret::load_or_create(Path::new("/nowhere/at/all/jwt.secret")).unwrap_err().to_string();
        assert!(refused.starts_with("The signing secret in /nowhere/at/all/jwt.secret cannot be made: "), "{refused}");
    }

    fn write_at(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}
