//! Connections to servers: what components share that talk to databases, object stores and HTTP servers.
//!
//! It holds no component.

mod blocking;
mod connector;
mod location;
mod meaning;
pub mod objects;
mod profile;
mod transport;

pub use blocking::BlockingRuntime;
pub use connector::{Connector, Limits, NoMetadata, TooSlow};
pub use location::{Location, LocationError, Server, ServerOptions};
pub use meaning::Meaning;
pub use profile::{Profile, ProfileError, ProfileFiles};
pub use transport::{Options, Transport, TransportError, is_loopback};
