//! Observers: what is told about the requests of a service.

use std::time::Duration;

use crate::{Trace, Version};

/// Is told what a service answers, on the threads that answer: it does not block, and every call is short.
pub trait Observer: Send + Sync + 'static {
    /// Is told that a request has come.
    fn begun(&self) {}

    /// Tells whether it records traces, always the same: then each request has one.
    fn records_traces(&self) -> bool {
        false
    }

    /// Tells whether it records the span of a request that has come.
    fn samples(&self, trace: &Trace) -> bool {
        let _ = trace;
        false
    }

    /// Is told that a request is over: that there is an answer, or that one which is made while it is sent has come to its
    /// end. Nothing stands for one that was broken off before.
    fn ended(&self, answered: Option<&Answered<'_>>);

    /// Is told that a model has predicted.
    fn predicted(&self, predicted: &Predicted) {
        let _ = predicted;
    }
}

/// A request that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered<'a> {
    /// The position of the route among those the observer was made for; nothing for a path that is none.
    pub route: Option<usize>,
    /// The method as it was sent, which may be any text.
    pub method: &'a str,
    /// The path as it was sent.
    pub path: &'a str,
    /// The status code.
    pub status: u16,
    /// How long it took from the head of the request until there was a response to send, or until the end of one that is
    /// made while it is sent.
    pub time: Duration,
    /// The bytes of the body: as the request announced them, else as many as were read.
    pub received: u64,
    /// The bytes of the body of the response.
    pub sent: u64,
    /// The trace that it belongs to, where it came with one or somebody wants to know.
    pub trace: Option<&'a Trace>,
    /// What a model predicted for it; nothing unless an observer records traces.
    pub predicted: Option<&'a Predicted>,
}

/// What a model predicted for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predicted {
    /// The position of the predict service's route.
    pub route: usize,
    /// The version of the model, if it was stored under one.
    pub version: Option<Version>,
    /// The number of samples.
    pub n_samples: usize,
    /// How long it waited for its turn and for a thread; zero where it was worked on at once, or by a
    /// view that cannot tell.
    pub queued: Duration,
    /// How long it took to read the samples, to predict and to write the result.
    pub time: Duration,
}
