//! Binding, running and stopping.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::task::Poll;
use std::thread::available_parallelism;

use actix_web::dev::{Server as Running, ServerHandle, ServiceRequest, ServiceResponse, fn_service};
use actix_web::{App as Actix, HttpServer, rt};
use palladium_component::interfaces::Explain;
use palladium_component::value::Diagnostics;
use palladium_runtime::App;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::options::ServeOptions;
use crate::request_id::RequestIds;
use crate::routes::Routes;
use crate::server::Server;

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The routes contradict each other or lack something.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// The options cannot be followed.
    #[error("{0}")]
    Options(String),
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
            ServeError::Config(_) | ServeError::Options(_) | ServeError::Failed(_) => return None,
        };
        Some(help.to_owned())
    }
}

/// Where the service listens.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The addresses.
    pub addresses: Vec<SocketAddr>,
    /// Stops it.
    pub stopper: Stopper,
}

/// Stops a service from another thread.
#[derive(Clone)]
pub struct Stopper(ServerHandle);

impl Stopper {
    /// Has the service stop as after SIGTERM: it accepts nothing more and finishes the requests that are running.
    pub fn stop(&self) {
        // The command is sent at once; the future would only wait for the end.
        drop(self.0.stop(true));
    }
}

impl std::fmt::Debug for Stopper {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Stopper")
    }
}

/// Serves an application until SIGTERM or SIGINT, then finishes the requests that are running and closes the
/// application, which it also does when it cannot start. A second signal does not wait for requests.
///
/// `ready` is called once connections are accepted.
///
/// # Errors
/// Routes that cannot be, an address that cannot be listened on.
pub fn serve(app: &Arc<App>, options: &ServeOptions, ready: impl FnOnce(&Bound)) -> Result<(), ServeError> {
    let outcome = run(app, options, ready);
    app.close();
    outcome
}

fn run(app: &App, options: &ServeOptions, ready: impl FnOnce(&Bound)) -> Result<(), ServeError> {
    let cores = available_parallelism().map_or(1, usize::from);
    let workers = positive("workers", options.workers, cores)?;
    let large = positive("large_bodies", options.limits.large_bodies, cores)?;
    let routes = Routes::of(app)?;
    let server = Arc::new(Server {
        routes,
        limits: options.limits.clone(),
        large: Arc::new(Semaphore::new(large)),
        ids: RequestIds::new(),
    });
    rt::System::new().block_on(async {
        let stop = signals()?;
        let (running, addresses) = start(&server, options, workers)?;
        let handle = running.handle();
        let stopping = rt::spawn(stop_at(stop, handle.clone()));
        ready(&Bound { addresses, stopper: Stopper(handle) });
        let outcome = running.await.map_err(ServeError::Failed);
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

/// The signals that stop a service.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

fn signals() -> Result<Signals, ServeError> {
    let listen = |kind| signal(kind).map_err(ServeError::Failed);
    Ok(Signals { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
}

impl Signals {
    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let terminate = self.terminate.poll_recv(context).is_ready();
            let interrupt = self.interrupt.poll_recv(context).is_ready();
            if terminate || interrupt { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

async fn stop_at(mut signals: Signals, handle: ServerHandle) {
    signals.next().await;
    tracing::info!(target: "palladium::server", "stopping: running requests are finished, a second signal stops at once");
    drop(handle.stop(true));
    signals.next().await;
    drop(handle.stop(false));
}
