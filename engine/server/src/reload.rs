//! Reloading: SIGHUP has the configuration read again and built aside. What comes of it takes the place of the
//! application for new requests; those that are running finish on the one before, which is closed once no request and
//! no job needs it. A configuration that is wrong, or has no model where the one before has one, or one that
//! cannot predict for its predict services, changes nothing.
//!
//! Jobs, and what is known of those that are over, stay: a fit goes on with the configuration that it began with, and
//! the next one has to wait for it as ever. Once it has stored its model, the application that answers by then looks for it. Settings of sockets and workers, those of [`Fixed`], count from the start on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use actix_web::rt;
use arc_swap::ArcSwap;
use palladium_component::value::{Diagnostic, Diagnostics, with_causes};
use palladium_runtime::App;
use tokio::signal::unix::Signal;
use tokio::sync::{oneshot, watch};

use crate::answer::guarded;
use crate::jobs::Jobs;
use crate::latest::{self, Latest};
use crate::misfits;
use crate::open::Open;
use crate::options::{Loaded, Reload, ServeOptions};
use crate::ready::Needed;
use crate::server::Server;
use crate::service::Service;
use crate::settings::Fixed;
use crate::tls::Certificates;

/// What outlives a reload.
pub struct Process {
    /// What was started and need not be waited for.
    pub jobs: Arc<Jobs>,
    /// Whether the process is about to stop.
    pub is_draining: Arc<AtomicBool>,
    /// The settings that it was started with.
    pub fixed: Fixed,
    /// The addresses that other machines reach; nothing stands for none.
    pub reached: Option<String>,
    /// What is open.
    pub open: Arc<Open>,
    /// Tells those who answer streams that these have to end, since the process stops.
    pub stops: watch::Sender<bool>,
    /// The service that answers new requests.
    pub latest: Arc<Latest>,
    /// Applications that are replaced and not closed yet.
    pub replaced: Mutex<Vec<Arc<App>>>,
}

impl Process {
    /// Closes what is replaced, whoever still uses it.
    pub fn close(&self) {
        let replaced = std::mem::take(&mut *self.replaced.lock().unwrap_or_else(PoisonError::into_inner));
        replaced.iter().for_each(|app| app.close());
    }

    /// Closes an application once nothing uses it any more.
    async fn close_after(self: Arc<Self>, app: Arc<App>, unused: oneshot::Receiver<()>) {
        // The sender sends nothing: it is dropped with the last request.
        let _ = unused.await;
        let process = Arc::clone(&self);
        let close = move || {
            app.close();
            process.replaced.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, &app));
        };
        match aside(close).await {
            Ok(()) => {
                tracing::debug!(target: "palladium::server", "the application before the reload is closed");
            }
            Err(why) => {
                tracing::warn!(target: "palladium::server", "the application before the reload is not closed: {why}");
            }
        }
    }
}

/// Waits for SIGHUP and reloads.
pub struct Reloader {
    pub signal: Signal,
    pub load: Reload,
    pub options: ServeOptions,
    pub process: Arc<Process>,
    pub current: Arc<ArcSwap<Server>>,
    pub certificates: Option<Arc<Certificates>>,
    /// Hears that the application of the moment is not used any more.
    pub unused: oneshot::Receiver<()>,
}

impl Reloader {
    /// Reloads as often as it is asked to, one time after the other.
    pub async fn run(mut self) {
        while self.signal.recv().await.is_some() {
            if let Some(certificates) = &self.certificates {
                certificates.look();
            }
            if self.process.is_draining.load(Ordering::Relaxed) {
                tracing::warn!(target: "palladium::server", "nothing is reloaded: the service is about to stop");
                continue;
            }
            let started = Instant::now();
            tracing::info!(target: "palladium::server", "reloading the configuration");
            let (load, options, process) = (Arc::clone(&self.load), self.options.clone(), Arc::clone(&self.process));
            let before = Arc::clone(&self.current.load().service);
            let changes = self.process.latest.changes();
            let prepared = aside(move || prepare(&load, &options, &process, &before)).await;
            match prepared.unwrap_or_else(|why| Err(vec![why])) {
                Ok(prepared) => {
                    self.take_over(prepared, started);
                    self.catch_up(changes).await;
                }
                Err(findings) => {
                    for finding in findings {
                        tracing::error!(target: "palladium::server", "{finding}");
                    }
                    tracing::error!(target: "palladium::server", "the configuration was not reloaded: the one before goes on serving");
                }
            }
        }
    }

    /// Has new requests answered by the new application.
    fn take_over(&mut self, (server, unused): (Server, oneshot::Receiver<()>), started: Instant) {
        let ignored = self.process.fixed.differences(&server.routes.settings.fixed);
        for name in &ignored {
            tracing::warn!(target: "palladium::server", "`server.{name}` has changed, which takes a restart to count");
        }
        self.process.jobs.keep(server.routes.settings.keep_jobs);
        let (routes, models) = (server.routes.shown(), server.service.shown_models());
        let files = server.files.clone();
        self.process.latest.set(&server.service);
        let before = self.current.swap(Arc::new(server));
        let app = Arc::clone(&before.service.app);
        drop(before);
        self.process.replaced.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&app));
        let unused = std::mem::replace(&mut self.unused, unused);
        rt::spawn(Arc::clone(&self.process).close_after(app, unused));
        tracing::info!(
            target: "palladium::server",
            files,
            routes,
            models,
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "reloaded the configuration"
        );
    }

    /// Looks for models that may have been activated since there were so few changes, while the new application was built.
    async fn catch_up(&self, changes: u64) {
        if self.process.latest.changes() != changes {
            let service = Arc::clone(&self.current.load().service);
            if let Err(why) = aside(move || latest::look(&service)).await {
                tracing::warn!(target: "palladium::server", "no new model is looked for: {why}");
            }
        }
    }
}

/// Works on a thread of its own, which the end of the process does not wait for.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (sender, done) = oneshot::channel();
    let run = move || {
        // Nobody waits any more where the process ends.
        let _ = sender.send(work());
    };
    std::thread::Builder::new().name("reload".to_owned()).spawn(run).map_err(|error| with_causes(&error))?;
    done.await.map_err(|_| "the thread of the reload has ended".to_owned())
}

/// Says of which persisters there was a model in memory that would be there no more.
fn lost_models(before: &Service, after: &Service) -> Vec<String> {
    let is_lost = |needed: &&Needed| {
        let was_there = before.needed.iter().any(|other| other.key == needed.key && other.is_in_memory());
        was_there && needed.persister.cache().is_some() && !needed.is_in_memory()
    };
    let said = |needed: &Needed| {
        format!(
            "`{}` has no model, where there is one now: activate one in its store, or restart the service",
            needed.key
        )
    };
    after.needed.iter().filter(is_lost).map(said).collect()
}

/// Builds a service aside, on a thread that may block; returns what is wrong, a line each.
fn prepare(
    load: &Reload,
    options: &ServeOptions,
    process: &Process,
    before: &Service,
) -> Result<(Server, oneshot::Receiver<()>), Vec<String>> {
    let loaded = guarded(|| load()).unwrap_or_else(|panic| Err(vec![panic]))?;
    let app = Arc::clone(&loaded.app);
    let made = guarded(|| make(loaded, options, process, before)).unwrap_or_else(|panic| Err(vec![panic]));
    if made.is_err() {
        app.close();
    }
    made
}

fn make(
    loaded: Loaded,
    options: &ServeOptions,
    process: &Process,
    before: &Service,
) -> Result<(Server, oneshot::Receiver<()>), Vec<String>> {
    let in_lines = |findings: Diagnostics| findings.iter().map(Diagnostic::in_one_line).collect::<Vec<_>>();
    let routes = Server::routes(&loaded, options).map_err(in_lines)?;
    routes.guard(process.reached.as_deref()).map_err(in_lines)?;
    let made = Server::new(loaded, routes, process);
    let service = &made.0.service;
    let mut wrong = lost_models(before, service);
    wrong.extend(in_lines(misfits::of(&service.needed)));
    if wrong.is_empty() { Ok(made) } else { Err(wrong) }
}
