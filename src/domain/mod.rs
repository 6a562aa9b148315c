//! The rules of the newsroom, pure: (state, input, now) → outcome. Knows neither HTTP nor SQL nor the clock.

pub mod allowance;
pub mod api_key;
pub mod article;
pub mod attempts;
pub mod audit;
pub mod author;
pub mod breach;
pub mod correction;
pub mod gate;
pub mod id;
pub mod invitation;
pub mod lock;
pub mod merge;
pub mod permission;
pub mod revision;
pub mod rights;
pub mod schedule;
pub mod second_factor;
pub mod session;
pub mod slug;
pub mod tag;
pub mod text;
pub mod time;
pub mod user;
pub mod wording;
