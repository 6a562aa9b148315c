//! How a server ends: told once it finishes what is under way, told twice it ends at once.

use super::Stop;
use crate::http::{LAST_REQUESTS, Watch};
use actix_web::dev::ServerHandle;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use std::time::Duration;

/// How long connections that have been accepted may take to reach the thread that answers them. Where a service manager holds the socket,
/// those that come after that wait in it for the next process.
const ON_THE_WAY: Duration = Duration::from_millis(20);

/// What tells a process to end.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// A service manager (SIGTERM): there may be others in front who have to notice.
    Manager,
    /// Somebody at the keyboard (SIGINT).
    Hand,
}

impl Signals {
    pub fn new() -> Result<Self, Stop> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> By {
        tokio::select! {
            _ = self.terminate.recv() => By::Manager,
            _ = self.interrupt.recv() => By::Hand,
        }
    }

    /// Waits for a signal, then ends the server: `/readyz` says 503 and new requests are still taken for `drain`, then those under way
    /// are finished. A second signal cuts all of that short.
    ///
    /// A socket of its own is closed in the same moment as it is listened to no more: what came between would be cut off.
    pub async fn end(mut self, server: ServerHandle, watch: &Watch, drain: Duration, socket_stays: bool) -> Result<(), Stop> {
        let by = self.next().await;
        watch.drain();
        let drain = if by == By::Manager { drain } else { Duration::ZERO };
        tracing::info!(
            "copydesk ends: new requests are taken for {} s more, those under way have {LAST_REQUESTS} s; another signal ends it at once",
            drain.as_secs_f32()
        );
        let ending = async {
            tokio::time::sleep(drain).await;
            if socket_stays {
                server.pause().await;
                tokio::time::sleep(ON_THE_WAY).await;
            }
            server.stop(true).await;
        };
        tokio::select! {
            () = ending => Ok(()),
            _ = self.next() => Err(Stop("ended at once by a second signal; what was under way was cut short".into())),
        }
    }
}
