//! From accepted connections to requests: what actix-web has in its `HttpServer`, over connections that are watched.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol};
use actix_server::{GracefulShutdownSignal, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, AcceptorService, TlsStream};
use actix_web::dev::{AppConfig, Payload, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::{ConnectionType, Version};
use actix_web::rt::net::{TcpStream, UnixStream};
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse};
use arc_swap::ArcSwap;
use rustix::net::{RecvFlags, recv};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, Interest};

use crate::body::GivenUp;
use crate::connection::{Patience, Traffic, Watched, protocol};
use crate::open::Open;
use crate::sent::{until_sent, until_taken};
use crate::server::Server;
use crate::settings::Fixed;
use crate::turns::Extent;

/// How long a client may take to end a connection that the service ends.
pub const DISCONNECT: Duration = Duration::from_secs(1);

/// How much time may have gone already where actix begins to count: it looks at the clock so often.
pub const COARSE_CLOCK: Duration = Duration::from_millis(500);

/// Makes what answers at listeners.
#[derive(Clone)]
pub struct Http {
    pub current: Arc<ArcSwap<Server>>,
    pub open: Arc<Open>,
    pub fixed: Fixed,
    pub stopping: GracefulShutdownSignal,
}

/// A connection with what is spoken over it and where it comes from.
type Accepted<S> = (Watched<S>, Protocol, Option<SocketAddr>);

impl Http {
    /// Answers at a port.
    ///
    /// # Errors
    /// The system's.
    pub fn listen(self, builder: ServerBuilder, listener: TcpListener) -> io::Result<ServerBuilder> {
        let name = name(listener.local_addr()?);
        builder.listen(name, listener, move || {
            let (http, patience) = (self.clone(), Patience::of(&self.fixed));
            let accept = move |stream: TcpStream| {
                let open = Arc::clone(&http.open);
                async move {
                    let peek = async |first: &mut [u8]| stream.peek(first).await;
                    let protocol = protocol(peek, http.fixed.head_timeout).await?;
                    let peer = stream.peer_addr().ok();
                    // Answers are small and complete.
                    stream.set_nodelay(true)?;
                    Ok((Watched::new(stream, patience, protocol, || open.connection()), protocol, peer))
                }
            };
            fn_service(accept).and_then(self.service())
        })
    }

    /// Answers at a port, over encrypted connections.
    ///
    /// # Errors
    /// The system's.
    pub fn listen_tls(
        self,
        builder: ServerBuilder,
        listener: TcpListener,
        config: ServerConfig,
    ) -> io::Result<ServerBuilder> {
        let name = name(listener.local_addr()?);
        builder.listen(name, listener, move || {
            let mut acceptor = Acceptor::new(config.clone());
            if let Some(tls) = &self.fixed.tls {
                acceptor.set_handshake_timeout(tls.handshake_timeout);
            }
            let (open, patience) = (Arc::clone(&self.open), Patience::of(&self.fixed));
            let accept = move |stream: TlsStream<TcpStream>| {
                let open = Arc::clone(&open);
                async move {
                    let (tcp, session) = stream.get_ref();
                    let is_http2 = session.alpn_protocol() == Some(b"h2");
                    let protocol = if is_http2 { Protocol::Http2 } else { Protocol::Http1 };
                    let peer = tcp.peer_addr().ok();
                    tcp.set_nodelay(true).map_err(|error| TlsError::Service(DispatchError::Io(error)))?;
                    Ok((Watched::new(stream, patience, protocol, || open.connection()), protocol, peer))
                }
            };
            let shake_hands = |stream: TcpStream, acceptor: &AcceptorService| {
                let (peer, handshake) = (stream.peer_addr().ok(), acceptor.call(stream));
                async move { handshake.await.inspect_err(|error| tell_refused(peer, error)) }
            };
            apply_fn_factory::<_, _, _, _, _, TcpStream, _, _>(acceptor, shake_hands)
                .map_init_err(drop)
                .map_err(TlsError::into_service_error)
                .and_then(fn_service(accept))
                .and_then(self.service().map_err(TlsError::Service))
        })
    }

    /// Answers at a socket in the file system.
    ///
    /// # Errors
    /// The system's.
    pub fn listen_unix(self, builder: ServerBuilder, listener: UnixListener) -> io::Result<ServerBuilder> {
        let address = listener.local_addr()?;
        let name = name(address.as_pathname().unwrap_or_else(|| Path::new("unix")).display());
        builder.listen_uds(name, listener, move || {
            let (http, patience) = (self.clone(), Patience::of(&self.fixed));
            let accept = move |stream: UnixStream| {
                let open = Arc::clone(&http.open);
                async move {
                    let peek = async |first: &mut [u8]| {
                        let mut peek = || Ok(recv(&stream, &mut *first, RecvFlags::PEEK)?.0);
                        stream.async_io(Interest::READABLE, &mut peek).await
                    };
                    let protocol = protocol(peek, http.fixed.head_timeout).await?;
                    Ok((Watched::new(stream, patience, protocol, || open.connection()), protocol, None))
                }
            };
            fn_service(accept).and_then(self.service())
        })
    }

    /// Answers the requests of connections.
    fn service<S>(
        &self,
    ) -> impl ServiceFactory<Accepted<S>, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (current, requests) = (Arc::clone(&self.current), self.open.requests());
        let is_kept = !self.fixed.keep_alive.is_zero();
        // One table instead of actix's router: paths are compared once, and every answer is ours.
        let app = App::new().default_service(fn_service(move |request: ServiceRequest| {
            let (server, running) = (current.load(), requests.request());
            let traffic = request.conn_data::<Rc<Traffic>>().cloned();
            if let Some(traffic) = &traffic {
                let has_body = matches!(request.parts().1, Payload::H1 { .. });
                traffic.accept(Extent::of(request.head(), has_body));
            }
            async move {
                let (request, mut payload) = request.into_parts();
                let underway = traffic.as_ref().map(Traffic::begin);
                let mut response = server.respond(&request, &mut payload, underway.as_ref()).await;
                // Over HTTP/2 the rest of a body is no hindrance to the next request.
                if request.version() != Version::HTTP_2 && is_unread(&request, &response, &payload) {
                    response.head_mut().set_connection_type(ConnectionType::Close);
                    if let Some(underway) = &underway {
                        underway.leave_unread();
                    }
                }
                if let Some(traffic) = traffic.filter(|_| !is_kept || is_last(&request, &mut response)) {
                    traffic.close();
                }
                let response = match underway {
                    Some(underway) if request.version() == Version::HTTP_2 => {
                        until_taken(response, server, running, underway)
                    }
                    underway => until_sent(response, (server, running, underway)),
                };
                Ok(ServiceResponse::new(request, response))
            }
        }));
        let app = app.into_factory().map_err(|error: Error| error.error_response());
        let stopping = self.stopping.clone();
        HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(keep_alive(&self.fixed))
            .client_request_timeout(self.fixed.head_timeout + COARSE_CLOCK)
            .client_disconnect_timeout(DISCONNECT)
            .on_connect_ext(|stream: &Watched<S>, belongings| drop(belongings.insert(stream.traffic())))
            .finish(map_config(app, |()| AppConfig::default()))
    }
}

/// Says in the log why a connection is not encrypted; those that were only tried are for who looks closely.
fn tell_refused(peer: Option<SocketAddr>, error: &TlsError<io::Error, Infallible>) {
    let peer = peer.map(|peer| peer.ip());
    match error {
        TlsError::Tls(why) if why.kind() == io::ErrorKind::InvalidData => {
            tracing::info!(target: "palladium::server", peer = peer.map(display), "a TLS handshake failed: {why}");
        }
        TlsError::Tls(why) => {
            tracing::debug!(target: "palladium::server", peer = peer.map(display), "a TLS handshake was left: {why}");
        }
        TlsError::Timeout | TlsError::Service(_) => {
            tracing::debug!(target: "palladium::server", peer = peer.map(display), "a TLS handshake took too long");
        }
    }
}

/// Tells whether a body was not read, or not to its end.
fn is_unread(request: &HttpRequest, response: &HttpResponse, payload: &Payload) -> bool {
    // Who reads a body takes it.
    !matches!(payload, Payload::None)
        || response.status().is_client_error() && request.extensions().contains::<GivenUp>()
}

/// Tells whether a request, or the answer to it, ends its connection, over HTTP/1.
fn is_last(request: &HttpRequest, response: &mut HttpResponse) -> bool {
    let is_kept = |kind| kind == ConnectionType::KeepAlive;
    // actix uses heads again, and sets the version when it writes them.
    response.head_mut().version = Version::HTTP_11;
    !is_kept(request.head().connection_type()) || !is_kept(response.head().connection_type())
}

fn name(address: impl Display) -> String {
    format!("palladium-{address}")
}

/// Tells actix whether connections are kept; how long is for those who watch them.
fn keep_alive(fixed: &Fixed) -> KeepAlive {
    if fixed.keep_alive.is_zero() { KeepAlive::Disabled } else { KeepAlive::Os }
}
