//! Copydesk through its front door: real HTTP against a real database, SQLite, or PostgreSQL where `TEST_POSTGRES_URL` names a server.

mod articles;
mod cache;
mod command_line;
mod contract;
mod demo;
mod door_sheet;
mod edits;
mod house;
mod neighbours;
mod newsroom;
mod program;
mod slugs;
