//! What is told to the operator: errors with their causes, and the log.

use std::error::Error;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use palladium_component::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata as Place, Subscriber};

/// What must not be told.
pub const CANARY: &str = "canary-of-the-mine";

/// Returns all that an error says, to whomever.
pub fn told(error: &StoreError) -> String {
    let mut text = format!("{error} ({}) {error:?}", error.help().unwrap_or_default());
    let mut source = error.source();
    while let Some(cause) = source {
        write!(text, ": {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    text
}

/// Returns the log of what is done.
pub fn logged<T>(work: impl FnOnce() -> T) -> (T, String) {
    let log = Log::default();
    let lines = Arc::clone(&log.0);
    let done = tracing::subscriber::with_default(log, work);
    let lines = lines.lock().unwrap().clone();
    (done, lines)
}

#[derive(Default)]
struct Log(Arc<Mutex<String>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Place<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("{} ", event.metadata().level()));
        event.record(&mut line);
        writeln!(self.0.lock().unwrap(), "{}", line.0).unwrap();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
