//! Passwords are hashed on a few threads of their own, of low priority: each takes 19 MiB and some 20 ms, and readers must not wait for it.

use super::problem::{Code, Problem};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// How many may wait for their turn; one more is told to come back later.
const QUEUE: usize = 256;
/// How much these threads give way to all others of the machine (nice(2)).
const NICE: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// The door to the hashing threads, which end when the door is dropped.
pub struct Hashing {
    queue: SyncSender<Job>,
}

impl Hashing {
    /// Starts so many threads.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            let jobs = jobs.clone();
            std::thread::Builder::new().name("hashing".into()).spawn(move || run(&jobs))?;
        }
        Ok(Self { queue })
    }

    /// Does the work when its turn has come.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(move || {
            // A caller that has gone away does not want its answer any more: the work is not done.
            if !caller.is_closed() {
                let _gone = caller.send(work());
            }
        });
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => {
                Problem::new(Code::Busy, "Many are signing in at this moment. Try again in some seconds.").with_header("retry-after", "3")
            }
            TrySendError::Disconnected(_) => Problem::internal("the hashing threads have ended"),
        })?;
        answer.await.map_err(|_gone| Problem::internal("a hashing thread panicked"))
    }
}

fn run(jobs: &Mutex<Receiver<Job>>) {
    // Where a thread has no priority of its own, it goes without.
    let _niceness = rustix::process::nice(NICE);
    loop {
        let next = jobs.lock().map(|jobs| jobs.recv());
        let Ok(Ok(job)) = next else { return };
        let _panic = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_in_turn_and_a_panic_ends_nothing_but_itself() {
        let hashing = Hashing::start(1).unwrap();
        assert_eq!(hashing.run(|| 6 * 7).await.unwrap(), 42);
        assert_eq!(hashing.run(|| -> i32 { panic!("a test") }).await.unwrap_err().code, Code::Internal);
        assert_eq!(hashing.run(|| 6 * 7).await.unwrap(), 42);
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_to_come_back() {
        let hashing = Hashing::start(1).unwrap();
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let mut first = Box::pin(hashing.run(move || {
            let _gone = started.send(());
            gate.recv().is_ok()
        }));
        assert!(futures_util::FutureExt::now_or_never(&mut first).is_none());
        has_started.await.unwrap();
        let mut waiting: Vec<_> = (0..QUEUE).map(|n| Box::pin(hashing.run(move || n))).collect();
        assert!(waiting.iter_mut().all(|one| futures_util::FutureExt::now_or_never(one).is_none()));
        assert_eq!(hashing.run(|| ()).await.unwrap_err().code, Code::Busy);
        go.send(()).unwrap();
        assert!(first.await.unwrap());
        assert_eq!(waiting.pop().unwrap().await.unwrap(), QUEUE - 1);
    }
}
