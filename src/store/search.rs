//! Search: an index of each database's own says which stories match, newest first and bounded; `domain/search` says in which order.
//!
//! Both indexes hold the same: for each story the set of its folded words, and tokens for what lists are narrowed by. Positions are not kept:
//! whether words stand side by side is looked up in the text of the stories that have them all.

pub mod hits;
mod index;
pub mod live;
mod names;
mod rebuild;
mod schema;
mod spelling;
pub mod suggest;
mod token;
pub mod working;

pub use index::{Beside, Indexed, publish};
pub(super) use index::{add_working, prepare, put_working, settle};
pub use names::{hand_over, keep_author, keep_tag};
pub use rebuild::{Difference, Progress, Step, compare, index_anew, note_imported, rebuild};

/// Counts up whenever what is indexed of a story changes: what older code has indexed is then indexed anew.
pub const FORM: i64 = 1;
