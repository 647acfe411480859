//! Binding and running.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::thread::available_parallelism;

use actix_web::dev::{Server as Running, ServiceRequest, ServiceResponse, fn_service};
use actix_web::{App as Actix, HttpServer, rt};
use palladium_component::interfaces::{ErrorDetail, Explain};
use palladium_component::value::Diagnostics;
use palladium_runtime::App;
use tokio::sync::{Semaphore, watch};

use crate::options::ServeOptions;
use crate::ready::missing;
use crate::request_id::RequestIds;
use crate::routes::Routes;
use crate::server::Server;
use crate::service::Service;
use crate::stop::{Signals, Stop, Stopper};

/// So many requests with short bodies are worked on at once away from the workers.
const SMALL: usize = 64;

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The routes contradict each other or lack something.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// The options cannot be followed.
    #[error("{0}")]
    Options(String),
    /// Views that change something would be open to other machines.
    #[error("other machines could use {routes} on {host} without a password: no decorator asks who it is")]
    Open {
        /// The host.
        host: String,
        /// The rules of the views.
        routes: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The service stopped by itself.
    #[error("the service failed")]
    Failed(#[source] io::Error),
}

impl Explain for ServeError {
    fn help(&self) -> Option<String> {
        let help = match self {
            ServeError::Bind { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    "another process listens there: stop it or choose another port with `--port`"
                }
                io::ErrorKind::PermissionDenied => "choose a port from 1024 on with `--port`",
                _ => "choose a name or address of this machine with `--host`",
            },
            ServeError::Open { .. } => {
                "add a decorator that asks who it is to their lists (`server_fit_decorators` and the like), leave out \
                 `--host`, or say `allow_unauthenticated_admin: true` under the root key `server`"
            }
            ServeError::Config(_) | ServeError::Options(_) | ServeError::Failed(_) => return None,
        };
        Some(help.to_owned())
    }
}

/// Where the service listens.
#[derive(Clone)]
pub struct Bound {
    /// The addresses.
    pub addresses: Vec<SocketAddr>,
    /// Stops it.
    pub stopper: Stopper,
    service: Arc<Service>,
}

impl Bound {
    /// Returns why `/ready` says that the service is not ready, if it does.
    pub fn not_ready(&self) -> Vec<String> {
        // A store may start a runtime of its own, which it cannot on the thread of this one.
        std::thread::scope(|scope| scope.spawn(|| missing(&self.service)).join()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Bound({:?})", self.addresses)
    }
}

/// Serves an application until SIGTERM or SIGINT, then finishes the requests that are running, cancels the jobs and
/// closes the application, which it also does when it cannot start. A second signal does not wait for any of that.
///
/// `ready` is called once connections are accepted.
///
/// # Errors
/// Routes that cannot be, views that change something and would be open to other machines, an address that cannot be
/// listened on.
pub fn serve(app: &Arc<App>, options: &ServeOptions, ready: impl FnOnce(&Bound)) -> Result<(), ServeError> {
    let outcome = run(app, options, ready);
    app.close();
    outcome
}

fn run(app: &Arc<App>, options: &ServeOptions, ready: impl FnOnce(&Bound)) -> Result<(), ServeError> {
    let cores = available_parallelism().map_or(1, usize::from);
    let workers = positive("workers", options.workers, cores)?;
    let large = positive("large_bodies", options.limits.large_bodies, cores)?;
    let mut routes = Routes::of(app)?;
    let service = Arc::new(Service::of(app, options, &mut routes, large));
    let server = Arc::new(Server {
        routes,
        service: Arc::clone(&service),
        limits: options.limits.clone(),
        small: Arc::new(Semaphore::new(SMALL)),
        ids: RequestIds::new(),
    });
    rt::System::new().block_on(async {
        let signals = Signals::listen().map_err(ServeError::Failed)?;
        let (running, addresses) = start(&server, options, workers)?;
        let (asked, listens) = watch::channel(false);
        let stop = Stop { signals, asked: listens, handle: running.handle(), service: Arc::clone(&service) };
        let mut stopping = rt::spawn(stop.run(options.drain));
        ready(&Bound { addresses, stopper: Stopper(asked), service: Arc::clone(&service) });
        let outcome = running.await.map_err(ServeError::Failed);
        service.jobs.close();
        let mut idle = pin!(service.jobs.idle(options.limits.shutdown_timeout));
        // The other one is done when a second signal has come, which waits for nothing.
        let left = std::future::poll_fn(|context| match Pin::new(&mut stopping).poll(context) {
            Poll::Ready(_) => Poll::Ready(0),
            Poll::Pending => idle.as_mut().poll(context),
        });
        if let left @ 1.. = left.await {
            tracing::warn!(target: "palladium::server", "{left} jobs did not stop in time and are given up");
        }
        stopping.abort();
        outcome
    })
}

fn positive(name: &str, number: Option<usize>, default: usize) -> Result<usize, ServeError> {
    match number {
        Some(0) => Err(ServeError::Options(format!("`{name}` has to be at least 1"))),
        Some(number) => Ok(number.min(Semaphore::MAX_PERMITS)),
        None => Ok(default),
    }
}

/// Binds every address of the host and starts the workers.
fn start(
    server: &Arc<Server>,
    options: &ServeOptions,
    workers: usize,
) -> Result<(Running, Vec<SocketAddr>), ServeError> {
    let shared = Arc::clone(server);
    let limits = &options.limits;
    let mut http = HttpServer::new(move || {
        let shared = Arc::clone(&shared);
        // One table instead of actix's router: paths are compared once, and every answer is ours.
        Actix::new().default_service(fn_service(move |request: ServiceRequest| {
            let shared = Arc::clone(&shared);
            async move {
                let (request, mut payload) = request.into_parts();
                let response = shared.respond(&request, &mut payload).await;
                Ok(ServiceResponse::new(request, response))
            }
        }))
    })
    .workers(workers)
    .disable_signals()
    .tcp_nodelay(true)
    .client_request_timeout(limits.head_timeout)
    .shutdown_timeout(limits.shutdown_timeout.as_secs() + u64::from(limits.shutdown_timeout.subsec_nanos() > 0));
    let failed = |address: SocketAddr| move |source| ServeError::Bind { address: address.to_string(), source };
    let (first, others) = resolve(&options.host, options.port)?;
    guard(&server.routes, [first].iter().chain(&others), &options.host)?;
    http = http.bind(first).map_err(failed(first))?;
    let port = http.addrs().first().map_or(options.port, SocketAddr::port);
    for address in others.into_iter().map(|address| SocketAddr::new(address.ip(), port)) {
        match TcpListener::bind(address) {
            // `localhost` has addresses of protocols that a machine may lack.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {}
            Err(error) => return Err(failed(address)(error)),
            Ok(listener) => http = http.listen(listener).map_err(failed(address))?,
        }
    }
    let addresses = http.addrs();
    Ok((http.run(), addresses))
}

/// Returns the addresses of a host, of which there is at least one.
fn resolve(host: &str, port: u16) -> Result<(SocketAddr, Vec<SocketAddr>), ServeError> {
    let failed = |source| ServeError::Bind { address: format!("{host}:{port}"), source };
    let mut addresses = (host, port).to_socket_addrs().map_err(failed)?;
    let first = addresses.next();
    let first = first.ok_or_else(|| failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")))?;
    Ok((first, addresses.filter(|address| *address != first).collect()))
}

/// Refuses to open views that change something to other machines, and warns where this one alone reaches them. Other
/// machines are told no more about errors than they have to know.
fn guard<'a>(
    routes: &Routes,
    addresses: impl IntoIterator<Item = &'a SocketAddr>,
    host: &str,
) -> Result<(), ServeError> {
    let open: Vec<String> = routes.unguarded().iter().map(|rule| format!("`{rule}`")).collect();
    let is_local = addresses.into_iter().all(|address| address.ip().to_canonical().is_loopback());
    routes.detail.get_or_init(|| if is_local { ErrorDetail::Full } else { ErrorDetail::Codes });
    let open = open.join(", ");
    match (open.is_empty(), is_local || routes.settings.allow_unauthenticated_admin) {
        (true, _) => {}
        (false, false) => return Err(ServeError::Open { host: host.to_owned(), routes: open }),
        (false, true) => {
            tracing::warn!(target: "palladium::server", "anybody who reaches {host} may use {open}: no decorator asks who it is");
        }
    }
    Ok(())
}
