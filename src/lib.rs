//! Copydesk, a headless CMS for newsrooms.
//!
//! A request enters by `http`, whose route page lists every address; a guard says who is asking, an extractor reads what is asked.
//! `domain` decides: pure rules of (state, input, now). `store` holds every SQL statement behind two doors, `read` and `write`.
//! `render` turns Markdown into what readers see, when it is written; `auth` knows passwords and tokens.
//! `outbound` is the one way out, to other servers; `mail` to a mail server.
//! `cli` is the other way in: the subcommands of the one binary.
//! `background` is where work waits that takes long.
//! `keep` sees to it that no word is lost: backups, moves, the doctor.

#![forbid(unsafe_code)]

pub mod auth;
mod background;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod keep;
pub mod mail;
pub mod outbound;
pub mod render;
pub mod store;
