//! Stories are rendered, indexed and packed on a few threads of their own, of low priority: a long one takes milliseconds, and readers must not
//! wait for it.

use super::problem::Problem;
use crate::background::{Background, NotDone, give_way};
use crate::store::PATIENCE;
use tracing::Span;

/// How many may wait for their turn; one more is told to come back later.
const QUEUE: usize = 1024;

/// The door to the typesetting threads, which end when the door is dropped.
pub struct Typesetting(Background);

impl Typesetting {
    /// Starts so many threads.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        Background::start("typesetting", threads, QUEUE, give_way).map(Self)
    }

    /// Does the work when its turn has come; what waits too long for its turn is not done.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
        let caller = Span::current();
        let done = tokio::time::timeout(PATIENCE, self.0.run(move || caller.in_scope(work))).await;
        let busy = "Many are writing at this moment; nothing was stored. Try again in some seconds.";
        done.unwrap_or(Err(NotDone::Full)).map_err(|why| Problem::not_done(why, "typesetting", busy))?
    }
}
