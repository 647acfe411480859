//! What stops a service: signals, and whoever holds a stopper.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::time::timeout;
use palladium_component::value::seconds_text;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::reload::Process;

/// So long before requests are given up, streams are ended, so that their clients hear of it.
const BEFORE_THE_END: Duration = Duration::from_secs(1);

/// How long the last lines of streams may take to be sent after a second signal.
const LAST_LINES: Duration = Duration::from_millis(200);

/// Stops a service from another thread.
#[derive(Clone)]
pub struct Stopper(pub(crate) watch::Sender<bool>);

impl Stopper {
    /// Has the service stop as after SIGTERM: it says that it is not ready, accepts nothing more once the time for
    /// that is over, and finishes the requests that are running.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl std::fmt::Debug for Stopper {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Stopper")
    }
}

/// The signals that stop a service.
pub struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens for them from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let terminate = self.terminate.poll_recv(context).is_ready();
            let interrupt = self.interrupt.poll_recv(context).is_ready();
            if terminate || interrupt { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Waits for a stop and leads it.
pub struct Stop {
    pub signals: Signals,
    pub asked: watch::Receiver<bool>,
    pub handle: ServerHandle,
    pub process: Arc<Process>,
}

impl Stop {
    /// Ends after a second signal.
    pub async fn run(mut self, drain: Duration) {
        self.first().await;
        self.finish(drain).await;
        self.process.stops.send_replace(true);
        // A third one does not wait for that either.
        let _ = timeout(LAST_LINES, self.signals.next()).await;
    }

    /// Stops, until a second signal.
    async fn finish(&mut self, drain: Duration) {
        self.process.is_draining.store(true, Ordering::Relaxed);
        if !drain.is_zero() {
            let seconds = seconds_text(drain.as_secs_f64());
            tracing::info!(target: "palladium::server", "not ready any more: the service stops in {seconds}");
            // A second signal ends the wait, and then everything else.
            if timeout(drain, self.signals.next()).await.is_ok() {
                return;
            }
        }
        self.process.jobs.close();
        tracing::info!(
            target: "palladium::server",
            "stopping: running requests are finished, jobs are cancelled, a second signal stops at once"
        );
        drop(self.handle.stop(true));
        self.process.open.stop();
        let longest = self.process.fixed.shutdown_timeout;
        let of_streams = longest - BEFORE_THE_END.min(longest / 2);
        if timeout(of_streams, self.signals.next()).await.is_err() {
            self.process.stops.send_replace(true);
            self.signals.next().await;
        }
    }

    /// Waits for the first signal, or until a stopper asks.
    async fn first(&mut self) {
        let mut asked = pin!(self.asked.wait_for(|asked| *asked));
        let mut signal = pin!(self.signals.next());
        let mut listens = true;
        std::future::poll_fn(|context| {
            match if listens { asked.as_mut().poll(context) } else { Poll::Pending } {
                Poll::Ready(Ok(_)) => return Poll::Ready(()),
                // No stopper is left.
                Poll::Ready(Err(_)) => listens = false,
                Poll::Pending => {}
            }
            signal.as_mut().poll(context)
        })
        .await;
    }
}
