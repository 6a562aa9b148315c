//! Threads of their own for work that takes long, of low priority: readers must not wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// How much these threads give way to all others of the machine (nice(2)).
const NICE: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// The door to a few such threads, which end when the door is dropped.
pub struct Background {
    queue: SyncSender<Job>,
}

/// Why work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    #[error("too much work waits for its turn")]
    Full,
    #[error("the threads for it have ended")]
    Ended,
    #[error("it panicked")]
    Panicked,
}

impl Background {
    /// Starts so many threads, for whose turn at most `waiting` may wait; `manners` says how they give way.
    pub fn start(name: &str, threads: usize, waiting: usize, manners: fn()) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            let jobs = jobs.clone();
            std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&jobs, manners))?;
        }
        Ok(Self { queue })
    }

    /// Does the work when its turn has come.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, NotDone> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(move || {
            // A caller that has gone away does not want its answer any more: the work is not done.
            if !caller.is_closed() {
                let _gone = caller.send(work());
            }
        });
        self.queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => NotDone::Full,
            TrySendError::Disconnected(_) => NotDone::Ended,
        })?;
        answer.await.map_err(|_gone| NotDone::Panicked)
    }
}

/// Makes this thread give way, as those in the background do. Where a thread has no priority of its own, it goes without.
pub fn give_way() {
    let _niceness = rustix::process::nice(NICE);
}

/// Makes this thread use only what all others of the machine leave over (`SCHED_IDLE`, sched(7)), and step aside at once for each of them. For
/// work that may wait as long as all processors are busy.
pub fn step_aside() {
    give_way();
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
        };
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let _policy = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    }
}

fn run(jobs: &Mutex<Receiver<Job>>, manners: fn()) {
    manners();
    loop {
        let next = jobs.lock().map(|jobs| jobs.recv());
        let Ok(Ok(job)) = next else { return };
        let _panic = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITING: usize = 3;

    #[tokio::test]
    async fn work_is_done_in_turn_and_a_panic_ends_nothing_but_itself() {
        let background = Background::start("test", 1, WAITING, give_way).unwrap();
        assert_eq!(background.run(|| 6 * 7).await, Ok(42));
        assert_eq!(background.run(|| -> i32 { panic!("a test") }).await, Err(NotDone::Panicked));
        assert_eq!(background.run(|| 6 * 7).await, Ok(42));
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_so() {
        let background = Background::start("test", 1, WAITING, give_way).unwrap();
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let mut first = Box::pin(background.run(move || {
            let _gone = started.send(());
            gate.recv().is_ok()
        }));
        assert!(futures_util::FutureExt::now_or_never(&mut first).is_none());
        has_started.await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|n| Box::pin(background.run(move || n))).collect();
        assert!(waiting.iter_mut().all(|one| futures_util::FutureExt::now_or_never(one).is_none()));
        assert_eq!(background.run(|| ()).await, Err(NotDone::Full));
        go.send(()).unwrap();
        assert_eq!(first.await, Ok(true));
        assert_eq!(waiting.pop().unwrap().await, Ok(WAITING - 1));
    }
}
