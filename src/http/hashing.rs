//! Passwords are hashed on a few threads of their own: each takes 19 MiB and some 20 ms, and readers must not wait for it.

use super::problem::Problem;
use crate::background::{Background, step_aside};

/// How many may wait for their turn; one more is told to come back later.
const QUEUE: usize = 256;

/// The door to the hashing threads, which end when the door is dropped.
pub struct Hashing(Background);

impl Hashing {
    /// Starts so many threads.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        Background::start("hashing", threads, QUEUE, step_aside).map(Self)
    }

    /// Does the work when its turn has come.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = "Many are signing in at this moment. Try again in some seconds.";
        self.0.run(work).await.map_err(|why| Problem::not_done(why, "hashing", busy))
    }
}
