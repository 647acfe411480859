//! What can be chosen about the service.

use std::time::Duration;

use palladium_runtime::lineage::Sources;

/// Where and how to serve.
#[derive(Clone, Debug, PartialEq)]
pub struct ServeOptions {
    /// The name or address to listen on.
    pub host: String,
    /// The port; 0 takes any that is free.
    pub port: u16,
    /// The number of worker threads; nothing stands for one a core.
    pub workers: Option<usize>,
    /// What requests may ask for.
    pub limits: Limits,
    /// How long the service goes on after it was told to stop, during which `/ready` says that it is not.
    pub drain: Duration,
    /// The configuration of the application, as the models tell it that are fitted by the service.
    pub sources: Sources,
}

/// What requests may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of a request's body; a longer one is answered with 413. Of a stream of lines, those of a line.
    pub body_bytes: usize,
    /// How long the head of a request may take; a slower one is answered with 408 and no body.
    pub head_timeout: Duration,
    /// How long the body of a request may take; a slower one is answered with 408. Of a stream of lines, how long nothing
    /// of it may come.
    pub body_timeout: Duration,
    /// How many large bodies and batches of streams are worked on at once, others wait; nothing stands for one a core.
    pub large_bodies: Option<usize>,
    /// How long a stop waits for requests that are running, in full seconds, and then for jobs.
    pub shutdown_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> ServeOptions {
        ServeOptions {
            host: "127.0.0.1".to_owned(),
            port: 5000,
            workers: None,
            limits: Limits::default(),
            drain: Duration::ZERO,
            sources: Sources::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 16 << 20,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            large_bodies: None,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
