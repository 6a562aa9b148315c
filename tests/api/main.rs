//! Copydesk through its front door: real HTTP against a real database, SQLite, or PostgreSQL where `TEST_POSTGRES_URL` names a server.

mod articles;
mod cache;
mod contract;
mod door_sheet;
mod edits;
mod house;
mod neighbours;
mod newsroom;
mod slugs;
