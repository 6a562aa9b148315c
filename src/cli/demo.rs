//! `copydesk demo`: a small newsroom to try things on.

use super::{Stop, serve::serve_after};
use crate::config::Config;

pub fn demo(config: Config) -> Result<(), Stop> {
    serve_after(config, |_, _| Ok(()))
}
