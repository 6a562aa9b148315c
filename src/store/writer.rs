//! The one writer of a SQLite database: a thread that owns the only writing connection.
//!
//! Writes that wait together share one `BEGIN IMMEDIATE … COMMIT`, each in a savepoint of its own, so that they share one
//! fsync and one that fails does not fail the others. Each caller is answered after the commit is on disk.

use super::conn::{Conn, Write, in_transaction, noting};
use super::error::Error;
use super::marks::Marks;
use crate::domain::audit::Occasion;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;

/// How many writes may wait; one more is told to come back later.
const QUEUE: usize = 1024;
/// How many writes share one commit at the most.
const BATCH: usize = 128;

/// The door to the writing thread, which ends when the door is dropped.
pub struct Writer {
    queue: SyncSender<Box<dyn Job>>,
}

/// A write of any type, so that writes of all types wait in one queue.
trait Job: Send {
    /// Does the work in a savepoint and keeps its outcome.
    fn run(&mut self, conn: &mut Conn);
    /// Tells the caller: the outcome, or why the commit is not on disk.
    fn answer(self: Box<Self>, failure: Option<&str>, marks: &Marks);
}

struct Waiting<W, T, E> {
    work: Option<(Occasion, W)>,
    outcome: Option<Result<(T, BTreeSet<String>), E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<W, T, E> Job for Waiting<W, T, E>
where
    W: FnOnce(&mut Write<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, conn: &mut Conn) {
        let Some((occasion, work)) = self.work.take() else { return };
        self.outcome = Some(in_transaction(conn, |conn| {
            catch_unwind(AssertUnwindSafe(|| noting(conn, occasion, work))).unwrap_or_else(|_panic| Err(Error::Panicked.into()))
        }));
    }

    fn answer(self: Box<Self>, failure: Option<&str>, marks: &Marks) {
        let answer = match (self.outcome, failure) {
            (Some(Err(refused)), _) => Err(refused),
            (Some(Ok((value, touched))), None) => {
                marks.touch(&touched);
                Ok(value)
            }
            (_, Some(why)) => Err(Error::Unavailable(why.to_owned()).into()),
            (None, None) => Err(Error::Unavailable("the write was not run".into()).into()),
        };
        // A caller that has gone away does not want its answer any more.
        let _gone = self.caller.send(answer);
    }
}

impl Writer {
    pub fn start(conn: Conn, marks: Arc<Marks>) -> Result<Self, Error> {
        let (queue, jobs) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || run(conn, &jobs, &marks))
            .map_err(|error| Error::Start(format!("the writing thread cannot be started: {error}")))?;
        Ok(Self { queue })
    }

    pub async fn write<T, E>(&self, occasion: Occasion, work: impl FnOnce(&mut Write<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        self.queue.try_send(Box::new(Waiting { work: Some((occasion, work)), outcome: None, caller })).map_err(
            |refused| match refused {
                TrySendError::Full(_) => Error::Unavailable("too many writes are waiting".into()),
                TrySendError::Disconnected(_) => Error::Unavailable("the writer has stopped".into()),
            },
        )?;
        answer.await.unwrap_or_else(|_gone| Err(Error::Unavailable("the writer has stopped".into()).into()))
    }
}

fn run(mut conn: Conn, jobs: &Receiver<Box<dyn Job>>, marks: &Marks) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        let failure = commit_together(&mut conn, &mut batch, jobs).err().map(|error| error.to_string());
        for job in batch {
            job.answer(failure.as_deref(), marks);
        }
    }
}

fn commit_together(conn: &mut Conn, batch: &mut Vec<Box<dyn Job>>, jobs: &Receiver<Box<dyn Job>>) -> diesel::QueryResult<()> {
    let Conn::Sqlite(sqlite) = &mut *conn else { return Err(diesel::result::Error::NotInTransaction) };
    AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
    let mut done = 0;
    while let Some(job) = batch.get_mut(done) {
        job.run(conn);
        done += 1;
        if done < BATCH
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
    }
    let Conn::Sqlite(sqlite) = conn else { return Err(diesel::result::Error::NotInTransaction) };
    AnsiTransactionManager::commit_transaction(sqlite)
}
