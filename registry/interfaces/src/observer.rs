//! Observers: what is told about the requests of a service.

use std::time::Duration;

use crate::Version;

/// Is told what a service answers, on the threads that answer: it does not block, and every call is short.
pub trait Observer: Send + Sync + 'static {
    /// Is told that a request has come.
    fn begun(&self);

    /// Is told that a request is over; nothing stands for one that was broken off before there was an answer.
    fn ended(&self, answered: Option<&Answered<'_>>);

    /// Is told that a model has predicted.
    fn predicted(&self, predicted: &Predicted);
}

/// A request that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered<'a> {
    /// The position of the route among those the observer was made for; nothing for a path that is none.
    pub route: Option<usize>,
    /// The method as it was sent, which may be any text.
    pub method: &'a str,
    /// The status code.
    pub status: u16,
    /// How long it took from the head of the request until there was a response to send.
    pub time: Duration,
    /// The bytes of the body as the request announced them, 0 where it did not.
    pub received: u64,
    /// The bytes of the body of the response.
    pub sent: u64,
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
    /// How long it took to read the samples, to predict and to write the result.
    pub time: Duration,
}
