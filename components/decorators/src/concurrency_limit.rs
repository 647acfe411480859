//! How many calls are worked on at once.

use std::sync::Arc;
use std::time::Duration;

use palladium_component::prelude::*;

use crate::gate::{Bounds, Gate};
use crate::view::{described_later, later, request_of};

/// Bounds how many requests a view works on at once.
///
/// A further request waits for its turn, but not longer than `max_wait` seconds, and is then answered with status 503 and
/// `Retry-After`; so is one that finds `queue` others waiting. A stream of lines, the content type `application/x-ndjson`,
/// has its place until it ends.
///
/// ```ron
/// "predict_decorators": [{ "!": "palladium.decorators.ConcurrencyLimit", "max": 8 }]
/// ```
///
/// It stands before the decorator that authenticates, which is further outside, so that strangers take no places.
#[component(Decorator, name = "palladium.decorators.ConcurrencyLimit")]
pub struct ConcurrencyLimit {
    /// How many requests are worked on at once.
    #[param(min = 1)]
    max: usize,
    /// How many seconds a request waits for its turn at most.
    #[param(default = 0.5, min = 0.0, max = 60.0)]
    max_wait: f64,
    /// How many requests may wait at once; each takes up a thread.
    #[param(default = 32)]
    queue: usize,
    #[state]
    gate: Arc<Gate>,
}

impl Decorator for ConcurrencyLimit {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let request = request_of(&call)?;
        let wait = Duration::from_secs_f64(self.max_wait);
        match self.gate.enter_for_long(Bounds { most: self.max, queue: self.queue, wait }) {
            Some(inside) => {
                let _inside = request.keep_until_sent(inside);
                call.proceed()
            }
            None => Ok(later(request, 503, "too many requests are being worked on, try again later", 1).into()),
        }
    }

    fn is_quick(&self) -> bool {
        self.max_wait == 0.0
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        let responses = vec![described_later(503, "Too many requests are being worked on.")];
        Some(DecoratorDocs { responses, ..DecoratorDocs::default() })
    }

    fn needs_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc::channel;

    use serde_json::json;

    use super::*;
    use crate::testing::{decorator, header, request, through, through_to};

    /// While one request is inside and as many wait as `queue` says, whether a further one waits is up to both arguments.
    #[test]
    fn so_many_wait_for_so_long() {
        // What a patient request waits for, it gets long before its time is over.
        const PATIENT: f64 = 60.0;
        for (queue, max_wait, n_waiting, admitted) in [
            (0, PATIENT, 1, 0),
            (1, 0.0, 1, 0),
            (1, 0.01, 1, 0),
            (1, PATIENT, 1, 1),
            (1, PATIENT, 2, 1),
            (2, PATIENT, 3, 2),
        ] {
            let arguments = json!({"max": 1, "max_wait": max_wait, "queue": queue});
            let limit = decorator("ConcurrencyLimit", &arguments);
            std::thread::scope(|scope| {
                let limit = &limit;
                let (entered, inside) = channel();
                let (end, ended) = channel::<()>();
                let (answers, answered) = channel();
                scope.spawn(move || {
                    through_to(&[limit], &request("GET", &[]), || {
                        entered.send(()).unwrap();
                        ended.recv().unwrap();
                        ViewResponse::text(200, "")
                    })
                });
                inside.recv().unwrap();
                for _ in 0..n_waiting {
                    let answers = answers.clone();
                    scope.spawn(move || answers.send(through(&[limit], &request("GET", &[])).status).unwrap());
                }
                // Those that are not to wait are answered while the first one is inside.
                for _ in admitted..n_waiting {
                    assert_eq!(answered.recv_timeout(Duration::from_secs(20)), Ok(503), "{arguments}");
                }
                end.send(()).unwrap();
                for _ in 0..admitted {
                    assert_eq!(answered.recv(), Ok(200), "{arguments}");
                }
            });
        }
    }

    #[test]
    fn a_further_request_waits_and_is_then_refused() {
        let limit = decorator("ConcurrencyLimit", &json!({"max": 1, "max_wait": 0.05, "queue": 1}));
        let (entered, inside) = channel();
        let (end, ended) = channel::<()>();
        std::thread::scope(|scope| {
            let limit = &limit;
            let first = scope.spawn(move || {
                through_to(&[limit], &request("GET", &[]), || {
                    entered.send(()).unwrap();
                    ended.recv().unwrap();
                    ViewResponse::text(200, "")
                })
            });
            inside.recv().unwrap();
            let refused = through(&[limit], &request("GET", &[]));
            assert_eq!((refused.status, header(&refused, "retry-after")), (503, Some("1")));
            end.send(()).unwrap();
            assert_eq!(first.join().unwrap().status, 200);
        });
        let lasting = Some(Lasting::default());
        let stream = ViewRequest { lasting, ..request("POST", &[]) };
        assert_eq!(through(&[&limit], &stream).status, 200);
        assert_eq!(through(&[&limit], &request("GET", &[])).status, 503, "the answer is still being sent");
        drop(stream);
        assert_eq!(through(&[&limit], &request("GET", &[])).status, 200);
        let panics = AssertUnwindSafe(|| through_to(&[&limit], &request("GET", &[]), || panic!("the view panics")));
        assert!(catch_unwind(panics).is_err());
        assert_eq!(through(&[&limit], &request("GET", &[])).status, 200, "what panics gives its place back");
    }
}
