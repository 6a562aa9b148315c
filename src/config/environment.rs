//! Where settings come from beside flags: the environment of this process, and the file `.env`.

use super::error::ConfigError;
use super::values;
use std::ffi::OsString;

/// Adds what the file `.env` in the working directory says to the environment of this process, where it does not say otherwise; no
/// file is no error. Call it first thing, before there are threads.
///
/// # Errors
/// When the file cannot be read, naming the line; nothing of it is taken then.
pub fn load_env_file() -> Result<(), ConfigError> {
    let text = match std::fs::read_to_string(".env") {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        text => text.map_err(|error| ConfigError::EnvFileUnreadable(error.to_string()))?,
    };
    values::check_env_file(&text)?;
    dotenvy::from_read(text.as_bytes()).map_err(|error| values::env_file_error(&text, &error))
}

/// The variables of this process, for [`super::Settings::or_from`].
pub fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}
