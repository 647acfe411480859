//! Stores on servers that do what no server should.

#[cfg(test)]
mod requests;
#[cfg(test)]
mod rest;
#[cfg(test)]
mod server;
#[cfg(test)]
#[path = "../servers/mod.rs"]
mod servers;
#[cfg(test)]
mod services;
#[cfg(test)]
#[path = "../../src/testing.rs"]
mod testing;
#[cfg(test)]
mod told;

use palladium_persistence as _;
