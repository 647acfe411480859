//! Binding and running.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_server::{Server as Running, ServerBuilder};
use actix_web::rt;
use arc_swap::ArcSwap;
use palladium_component::interfaces::Explain;
use palladium_component::value::{Diagnostics, Value};
use palladium_runtime::App;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::http::Http;
use crate::jobs::Jobs;
use crate::listen::{self, Listen, SocketFile, is_local};
use crate::misfits;
use crate::options::{Loaded, ServeOptions};
use crate::ready::missing;
use crate::reload::{Process, Reloader};
use crate::server::Server;
use crate::settings::{self, Fixed};
use crate::stop::{Signals, Stop, Stopper};
use crate::tls::Encryption;

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The routes contradict each other or lack something, those that change something would be open to other machines,
    /// or what the root key `server` names cannot be used.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// An address cannot be listened on that is not from the configuration.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The service listens on an address already, by another name of it.
    #[error("cannot listen on {address}, where the service listens already")]
    Twice {
        /// The address.
        address: SocketAddr,
    },
    /// The service stopped by itself.
    #[error("the service failed")]
    Failed(#[source] io::Error),
}

impl Explain for ServeError {
    fn help(&self) -> Option<String> {
        let help = match self {
            ServeError::Bind { address, source } if address.starts_with("unix:") => match source.kind() {
                io::ErrorKind::AddrInUse => "stop the process that listens there, or choose another path",
                io::ErrorKind::AlreadyExists => "choose another path, or remove the file if it is not needed",
                io::ErrorKind::InvalidInput => "choose a shorter path, of at most 107 bytes",
                _ => "choose a path in a folder that exists and that the service may write to",
            },
            ServeError::Bind { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    "another process listens there: stop it or choose another port in `server.listen` or with `--port`"
                }
                io::ErrorKind::PermissionDenied => "choose a port from 1024 on in `server.listen` or with `--port`",
                _ => "choose a name or address of this machine in `server.listen` or with `--host`",
            },
            ServeError::Twice { .. } => "name each address once: `0.0.0.0` and `[::]` stand for all of this machine's",
            ServeError::Config(_) | ServeError::Failed(_) => return None,
        };
        Some(help.to_owned())
    }
}

/// Where the service listens.
#[derive(Clone)]
pub struct Bound {
    /// The ports.
    pub addresses: Vec<SocketAddr>,
    /// Everything that is listened on, as clients name it: `http://127.0.0.1:5000`, `unix:/run/palladium.sock`.
    pub names: Vec<String>,
    /// Stops it.
    pub stopper: Stopper,
    current: Arc<ArcSwap<Server>>,
}

impl Bound {
    /// Returns why `/ready` says that the service is not ready, if it does.
    pub fn not_ready(&self) -> Vec<String> {
        let server = self.current.load_full();
        // A store may start a runtime of its own, which it cannot on the thread of this one.
        std::thread::scope(|scope| scope.spawn(|| missing(&server.service)).join()).unwrap_or_default()
    }

    /// Returns the predict services for which the active models cannot predict, with their places.
    pub fn misfits(&self) -> Diagnostics {
        let service = Arc::clone(&self.current.load().service);
        std::thread::scope(|scope| scope.spawn(|| misfits::of(&service.needed)).join()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Bound({:?})", self.names)
    }
}

/// Serves an application until SIGTERM or SIGINT, then finishes the requests that are running, cancels the jobs and
/// closes the application, which it also does when it cannot start. A second signal does not wait for any of that.
///
/// `ready` is called once connections are accepted.
///
/// # Errors
/// Routes that cannot be, views that change something and would be open to other machines, an address that cannot be
/// listened on, certificates that cannot be used; with the place of the configuration that names them.
pub fn serve(loaded: Loaded, options: &ServeOptions, ready: impl FnOnce(&Bound)) -> Result<(), ServeError> {
    // After a reload nothing may keep the application before it.
    let app = Arc::downgrade(&loaded.app);
    let outcome = run(loaded, options, ready);
    if let Some(app) = app.upgrade() {
        app.close();
    }
    outcome
}

fn run(loaded: Loaded, options: &ServeOptions, ready: impl FnOnce(&Bound)) -> Result<(), ServeError> {
    raise_descriptors();
    let routes = Server::routes(&loaded, options)?;
    let fixed = routes.settings.fixed.clone();
    let places = resolve(&fixed.listen, &loaded.app, options)?;
    let reached = reached(&places);
    routes.guard(reached.as_deref())?;
    let encryption = fixed.tls.as_ref().map(|tls| Encryption::read(tls, &loaded.app)).transpose();
    let encryption = encryption.map_err(|finding| Diagnostics(vec![finding]))?;
    let process = Arc::new(Process {
        jobs: Jobs::new(routes.settings.keep_jobs),
        is_draining: Arc::new(AtomicBool::new(false)),
        fixed,
        reached,
        open: Arc::default(),
        replaced: Mutex::default(),
        stops: watch::Sender::new(false),
        latest: Arc::default(),
    });
    let (server, unused) = Server::new(loaded, routes, &process);
    process.latest.set(&server.service);
    let current = Arc::new(ArcSwap::from_pointee(server));
    let outcome = rt::System::new().block_on(async {
        let signals = Signals::listen().map_err(ServeError::Failed)?;
        let Started { running, addresses, names, files } = start(&current, &process, &places, encryption.as_ref())?;
        let certificates = encryption.map(|encryption| encryption.certificates);
        if let Some(certificates) = &certificates {
            rt::spawn(Arc::clone(certificates).refresh());
        }
        if let Some(load) = options.reload.clone() {
            let signal = signal(SignalKind::hangup()).map_err(ServeError::Failed)?;
            let (options, process, current) = (options.clone(), Arc::clone(&process), Arc::clone(&current));
            rt::spawn(Reloader { signal, load, options, process, current, certificates, unused }.run());
        }
        let (asked, listens) = watch::channel(false);
        let stop = Stop { signals, asked: listens, handle: running.handle(), process: Arc::clone(&process) };
        let mut stopping = rt::spawn(stop.run(process.fixed.drain));
        say_where(&current.load(), &process.fixed, &names);
        if !options.is_trial {
            misfits::warn(&current.load().service);
        }
        ready(&Bound { addresses, names, stopper: Stopper(asked), current: Arc::clone(&current) });
        let ended = ended(running, &process, &mut stopping).await;
        drop(files);
        process.jobs.close();
        if let Ended::ByItself(outcome) = ended {
            await_jobs(&process, &mut stopping).await;
            stopping.abort();
            return outcome.map_err(ServeError::Failed);
        }
        Ok(())
    });
    process.close();
    current.load().service.app.close();
    outcome
}

/// Has the process take as many descriptors as it may: each connection needs one, and usual limits are low for the sake
/// of programs that use `select`.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
    {
        tracing::warn!(target: "palladium::server", "the limit of open files stays at {:?}: {error}", limit.current);
    }
}

/// How a service ended.
enum Ended {
    /// Nothing was left to do.
    ByItself(io::Result<()>),
    /// A second signal did not wait for that.
    Forced,
}

/// Waits for the end of a service: until it has stopped, or a second signal has come, which `stopping` waits for.
async fn ended(running: Running, process: &Process, stopping: &mut rt::task::JoinHandle<()>) -> Ended {
    let (mut running, mut quiet) = (pin!(running), pin!(process.open.quiet()));
    std::future::poll_fn(|context| {
        if let Poll::Ready(outcome) = running.as_mut().poll(context) {
            return Poll::Ready(Ended::ByItself(outcome));
        }
        if Pin::new(&mut *stopping).poll(context).is_ready() {
            return Poll::Ready(Ended::Forced);
        }
        quiet.as_mut().poll(context).map(|()| Ended::ByItself(Ok(())))
    })
    .await
}

/// Waits until no job runs, as long as the settings say, or until a second signal has come.
async fn await_jobs(process: &Process, stopping: &mut rt::task::JoinHandle<()>) {
    let mut idle = pin!(process.jobs.idle(process.fixed.shutdown_timeout));
    let left = std::future::poll_fn(|context| match Pin::new(&mut *stopping).poll(context) {
        Poll::Ready(_) => Poll::Ready(0),
        Poll::Pending => idle.as_mut().poll(context),
    });
    if let left @ 1.. = left.await {
        tracing::warn!(target: "palladium::server", "{left} jobs did not stop in time and are given up");
    }
}

/// Says in the log what runs, and where everything is.
fn say_where(server: &Server, fixed: &Fixed, names: &[String]) {
    let tls = fixed.tls.as_ref().map_or_else(|| "off".to_owned(), |tls| tls.certificate.display().to_string());
    tracing::info!(
        target: "palladium::server",
        version = palladium_runtime::VERSION,
        pid = std::process::id(),
        addresses = names.join(", "),
        tls,
        workers = workers(fixed),
        files = server.files,
        routes = server.routes.shown(),
        models = server.service.shown_models(),
        "serving"
    );
}

/// Returns the number of workers: each may have a connection.
fn workers(fixed: &Fixed) -> usize {
    let wanted = fixed.workers.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    fixed.max_connections.map_or(wanted, |most| wanted.min(most))
}

/// An address.
struct Place {
    listen: Listen,
    /// What its name stands for.
    addresses: Vec<SocketAddr>,
    /// Where the configuration has it; nothing stands for the command line, and for the usual one.
    written: Option<Value>,
}

impl Place {
    /// Returns the error of an address that cannot be listened on, one of these.
    fn failed(&self, address: &dyn Display, source: io::Error) -> ServeError {
        self.placed(ServeError::Bind { address: address.to_string(), source })
    }

    /// Returns an error with the place in the configuration that it is about, if it is about one.
    fn placed(&self, error: ServeError) -> ServeError {
        match &self.written {
            Some(value) => Diagnostics(vec![settings::unreachable(&error, settings::LISTEN, Some(value))]).into(),
            None => error,
        }
    }
}

/// Looks up what the names of addresses stand for.
fn resolve(listen: &[Listen], app: &App, options: &ServeOptions) -> Result<Vec<Place>, ServeError> {
    let written = if options.listen.is_empty() { settings::written_addresses(app) } else { &[] };
    let place = |(index, listen): (usize, &Listen)| {
        let written = written.get(index).cloned();
        let mut place = Place { listen: listen.clone(), addresses: Vec::new(), written };
        place.addresses = listen.resolve().map_err(|error| place.failed(listen, error))?;
        Ok(place)
    };
    listen.iter().enumerate().map(place).collect()
}

/// Returns the addresses that other machines reach; nothing where there is none.
fn reached(places: &[Place]) -> Option<String> {
    let open = places.iter().filter(|place| !is_local(&place.addresses));
    let open: Vec<String> = open.map(|place| place.listen.to_string()).collect();
    (!open.is_empty()).then(|| open.join(", "))
}

/// A service that accepts connections.
struct Started {
    running: Running,
    addresses: Vec<SocketAddr>,
    names: Vec<String>,
    files: Vec<SocketFile>,
}

/// Binds every address and starts the workers.
fn start(
    current: &Arc<ArcSwap<Server>>,
    process: &Process,
    places: &[Place],
    encryption: Option<&Encryption>,
) -> Result<Started, ServeError> {
    let fixed = &process.fixed;
    let workers = workers(fixed);
    let mut builder =
        ServerBuilder::new().workers(workers).disable_signals().shutdown_timeout(full_seconds(fixed.shutdown_timeout));
    if let Some(count) = fixed.max_connections {
        // Each worker counts its own.
        builder = builder.max_concurrent_connections(count / workers);
    }
    let (current, open, fixed) = (Arc::clone(current), Arc::clone(&process.open), fixed.clone());
    let http = Http { current, open, fixed, stopping: builder.graceful_shutdown_signal() };
    let fixed = &process.fixed;
    let scheme = if encryption.is_some() { "https" } else { "http" };
    let (mut addresses, mut names, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for place in places {
        if let Listen::Unix(path) | Listen::Beside(path) = &place.listen {
            let failed = |source| place.failed(&place.listen, source);
            let listen = if matches!(place.listen, Listen::Unix(_)) { listen::unix } else { listen::unix_beside };
            let (listener, file) = listen(path, fixed.socket_mode, fixed.backlog).map_err(failed)?;
            files.push(file);
            names.push(format!("unix:{}", absolute(path)));
            builder = http.clone().listen_unix(builder, listener).map_err(failed)?;
            continue;
        }
        let earlier = addresses.clone();
        let failed = |address: SocketAddr, source: io::Error| match address.port() {
            // Any port, as a trial takes one.
            0 => place.failed(&address.ip(), source),
            _ if source.kind() == io::ErrorKind::AddrInUse && earlier.iter().any(|other| overlap(&address, other)) => {
                place.placed(ServeError::Twice { address })
            }
            _ => place.failed(&address, source),
        };
        for listener in
            listen::tcp(&place.addresses, fixed.backlog).map_err(|(address, error)| failed(address, error))?
        {
            let address = listener.local_addr().map_err(ServeError::Failed)?;
            addresses.push(address);
            names.push(format!("{scheme}://{address}"));
            let http = http.clone();
            let listening = match encryption {
                Some(encryption) => http.listen_tls(builder, listener, encryption.config.clone()),
                None => http.listen(builder, listener),
            };
            builder = listening.map_err(|error| failed(address, error))?;
        }
    }
    Ok(Started { running: builder.run(), addresses, names, files })
}

/// Tells whether connections to an address may be for another one too.
fn overlap(one: &SocketAddr, other: &SocketAddr) -> bool {
    let is_every = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && (is_every || one.ip() == other.ip())
}

/// Returns a path that does not depend on the working directory.
fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn full_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
