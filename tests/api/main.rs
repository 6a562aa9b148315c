//! Copydesk through its front door: real HTTP against a real database, SQLite, or PostgreSQL where `TEST_POSTGRES_URL` names a server.

mod articles;
mod attacks;
mod authors;
mod bounded;
mod cache;
mod command_line;
mod conditional;
mod contract;
mod demo;
mod door_sheet;
mod edits;
mod errors;
mod house;
mod lists;
mod neighbours;
mod newsroom;
mod program;
mod properties;
mod readme;
mod sign_in;
mod slugs;
mod statements;
mod store;
mod tags;
mod upgrades;
mod users;
