//! The requests of the last minutes, second by second.
//!
//! A request adds to counters that only grow, without locks. The first request of a new second, or whoever looks, has
//! what was added since put down under the second that it was added in. So a request waits for nothing, and what is
//! kept depends on the time and the routes, and not on the number of requests.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use palladium_component::prelude::*;
use serde_json::{Value as Json, json};

use crate::histogram::{BUCKETS, Histogram, Times};

/// The minutes that can be looked at, with the seconds that are taken together.
pub const WINDOWS: [(u64, u64); 3] = [(1, 1), (5, 2), (15, 6)];

/// How many seconds are kept.
const KEPT: u64 = 15 * 60;

/// What paths are called that are no route.
const UNKNOWN: &str = "other paths";

/// The requests of a service, those of the console itself aside.
pub struct Traffic {
    began: Instant,
    /// The time at the start, in seconds since the epoch.
    epoch: u64,
    /// The second that the counters add to.
    current: AtomicU64,
    /// The routes, and after them what is none.
    routes: Box<[Counters]>,
    past: Mutex<Past>,
}

struct Counters {
    name: String,
    /// Whether it is one of the console's own, which are left out.
    is_own: bool,
    requests: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    samples: AtomicU64,
    times: Histogram,
}

/// What was counted before the current second.
#[derive(Default)]
struct Past {
    /// For each route what its counters said when the second began.
    seen: Vec<Seen>,
    seconds: VecDeque<Second>,
}

#[derive(Clone)]
struct Seen {
    counts: Counts,
    times: [u64; BUCKETS],
}

/// What happened in a second, on the routes where something did.
struct Second {
    at: u64,
    routes: Box<[OfRoute]>,
}

struct OfRoute {
    route: usize,
    counts: Counts,
    /// The buckets that are not empty.
    times: Box<[(u8, u32)]>,
}

/// Numbers of requests and samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    requests: u64,
    /// Those that the caller got wrong, with a status from 400 on.
    refused: u64,
    /// Those that the service got wrong, with a status from 500 on.
    failed: u64,
    samples: u64,
}

/// Counts and times that were taken together.
#[derive(Clone, Default)]
struct Sum {
    counts: Counts,
    times: Times,
}

impl Traffic {
    /// Returns the counters of a service with these rules, some of which are the console's own.
    pub fn new(rules: &[&str], own: &[String]) -> Traffic {
        let counters = |rule: &str| Counters {
            name: rule.to_owned(),
            is_own: own.iter().any(|own| own == rule),
            requests: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            samples: AtomicU64::new(0),
            times: Histogram::default(),
        };
        let routes: Box<[Counters]> = rules.iter().copied().chain([UNKNOWN]).map(counters).collect();
        let seen = vec![Seen { counts: Counts::default(), times: [0; BUCKETS] }; routes.len()];
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Traffic {
            began: Instant::now(),
            epoch,
            current: AtomicU64::new(0),
            routes,
            past: Mutex::new(Past { seen, seconds: VecDeque::new() }),
        }
    }

    /// Returns what happened in the last minutes, of which one of [`WINDOWS`] is nearest, on one route or on all.
    pub fn shown(&self, minutes: u64, route: Option<&str>) -> Json {
        self.shown_at(self.began.elapsed().as_secs(), minutes, route)
    }

    fn shown_at(&self, now: u64, minutes: u64, route: Option<&str>) -> Json {
        let nearest = WINDOWS.iter().min_by_key(|(window, _)| window.abs_diff(minutes));
        let (minutes, step) = nearest.copied().unwrap_or(WINDOWS[0]);
        let n_steps = minutes * 60 / step;
        // A step that is not over would look like a fall.
        let end = now / step;
        let begin = end as i64 - n_steps as i64;
        let mut steps = vec![Sum::default(); usize::try_from(n_steps).unwrap_or(0)];
        let mut by_route = vec![Sum::default(); self.routes.len()];
        let mut total = Sum::default();
        let mut past = self.past();
        self.put_down(&mut past, now);
        for second in &past.seconds {
            let place = usize::try_from((second.at / step) as i64 - begin).ok();
            let Some(sum) = place.and_then(|place| steps.get_mut(place)) else { continue };
            for part in &second.routes {
                by_route[part.route].add(part);
                if route.is_none_or(|route| self.routes[part.route].name == route) {
                    sum.add(part);
                    total.add(part);
                }
            }
        }
        drop(past);
        let mut shown = self.to_json((minutes, step, begin), &steps, &by_route);
        shown["total"] = total.to_json(route.unwrap_or_default());
        shown
    }

    fn to_json(&self, (minutes, step, begin): (u64, u64, i64), steps: &[Sum], by_route: &[Sum]) -> Json {
        let rate = |count: fn(&Counts) -> u64| -> Vec<f64> {
            steps.iter().map(|sum| count(&sum.counts) as f64 / step as f64).collect()
        };
        let quantile = |share: f64| -> Vec<Option<f64>> { steps.iter().map(|sum| sum.quantile(share)).collect() };
        let named = self.routes.iter().zip(by_route).filter(|(route, _)| !route.is_own);
        let routes: Vec<Json> = named.map(|(route, sum)| sum.to_json(&route.name)).collect();
        json!({
            "minutes": minutes,
            "step": step,
            "begin": self.epoch as i64 + begin * step as i64,
            "started": self.epoch,
            "requests": rate(|counts| counts.requests),
            "refused": rate(|counts| counts.refused),
            "failed": rate(|counts| counts.failed),
            "p50": quantile(0.5),
            "p95": quantile(0.95),
            "p99": quantile(0.99),
            "routes": routes,
        })
    }

    fn count(&self, answered: &Answered<'_>, now: u64) {
        let place = answered.route.unwrap_or(usize::MAX).min(self.routes.len() - 1);
        let route = &self.routes[place];
        if route.is_own {
            return;
        }
        self.turn_to(now);
        route.requests.fetch_add(1, Ordering::Relaxed);
        match answered.status {
            400..=499 => drop(route.refused.fetch_add(1, Ordering::Relaxed)),
            500.. => drop(route.failed.fetch_add(1, Ordering::Relaxed)),
            _ => {}
        }
        route.times.add(answered.time);
    }

    /// Puts down what was counted if a new second has begun. Where another one is at it, this one does not wait.
    fn turn_to(&self, now: u64) {
        if self.current.load(Ordering::Relaxed) >= now {
            return;
        }
        match self.past.try_lock() {
            Ok(mut past) => self.put_down(&mut past, now),
            Err(TryLockError::Poisoned(error)) => self.put_down(&mut error.into_inner(), now),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn put_down(&self, past: &mut Past, now: u64) {
        let at = self.current.load(Ordering::Relaxed);
        if at >= now {
            return;
        }
        let grown = past.seen.iter_mut().zip(&self.routes).enumerate();
        let routes: Box<[OfRoute]> = grown.filter_map(|(route, (seen, counters))| seen.grow(route, counters)).collect();
        if !routes.is_empty() {
            past.seconds.push_back(Second { at, routes });
        }
        while past.seconds.front().is_some_and(|second| second.at + KEPT < now) {
            past.seconds.pop_front();
        }
        self.current.store(now, Ordering::Relaxed);
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Traffic {
    fn begun(&self) {}

    fn ended(&self, answered: Option<&Answered<'_>>) {
        if let Some(answered) = answered {
            self.count(answered, self.began.elapsed().as_secs());
        }
    }

    fn predicted(&self, predicted: &Predicted) {
        if let Some(route) = self.routes.get(predicted.route) {
            let samples = u64::try_from(predicted.n_samples).unwrap_or(u64::MAX);
            route.samples.fetch_add(samples, Ordering::Relaxed);
        }
    }
}

impl Seen {
    /// Takes over what the counters say, and returns by how much they have grown.
    fn grow(&mut self, route: usize, counters: &Counters) -> Option<OfRoute> {
        let counts = counters.counts();
        let before = std::mem::replace(&mut self.counts, counts);
        if counts == before {
            return None;
        }
        let mut times = Vec::new();
        for (bucket, seen) in self.times.iter_mut().enumerate() {
            let count = counters.times.get(bucket);
            let grown = count - std::mem::replace(seen, count);
            if let (1.., Ok(bucket)) = (grown, u8::try_from(bucket)) {
                times.push((bucket, u32::try_from(grown).unwrap_or(u32::MAX)));
            }
        }
        Some(OfRoute { route, counts: counts.since(&before), times: times.into() })
    }
}

impl Counters {
    fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            samples: self.samples.load(Ordering::Relaxed),
        }
    }
}

impl Counts {
    fn since(&self, before: &Counts) -> Counts {
        Counts {
            requests: self.requests - before.requests,
            refused: self.refused - before.refused,
            failed: self.failed - before.failed,
            samples: self.samples - before.samples,
        }
    }
}

impl Sum {
    fn add(&mut self, part: &OfRoute) {
        self.counts.requests += part.counts.requests;
        self.counts.refused += part.counts.refused;
        self.counts.failed += part.counts.failed;
        self.counts.samples += part.counts.samples;
        part.times.iter().for_each(|(bucket, count)| self.times.add(usize::from(*bucket), u64::from(*count)));
    }

    /// Returns a time in milliseconds, to the microsecond.
    fn quantile(&self, share: f64) -> Option<f64> {
        let milliseconds = self.times.quantile(share)?;
        Some((milliseconds * 1e3).round() / 1e3)
    }

    fn to_json(&self, route: &str) -> Json {
        let Counts { requests, refused, failed, samples } = self.counts;
        json!({
            "route": route,
            "requests": requests,
            "refused": refused,
            "failed": failed,
            "samples": samples,
            "p50": self.quantile(0.5),
            "p95": self.quantile(0.95),
            "p99": self.quantile(0.99),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn traffic() -> Traffic {
        Traffic::new(&["/alive", "/predict", "/console"], &["/console".to_owned()])
    }

    fn answered(route: Option<usize>, status: u16, milliseconds: u64) -> Answered<'static> {
        let time = Duration::from_millis(milliseconds);
        Answered { route, method: "GET", path: "/", status, time, received: 0, sent: 0, trace: None, predicted: None }
    }

    fn sum(series: &Json) -> f64 {
        series.as_array().unwrap().iter().filter_map(Json::as_f64).sum()
    }

    fn of_route<'a>(shown: &'a Json, route: &str) -> &'a Json {
        shown["routes"].as_array().unwrap().iter().find(|entry| entry["route"] == route).unwrap()
    }

    #[test]
    fn requests_stand_in_their_second() {
        let traffic = traffic();
        for (second, route, status) in [
            (3, Some(1), 200),
            (3, Some(1), 200),
            (3, Some(0), 200),
            (5, Some(1), 404),
            (5, Some(1), 500),
            (5, None, 404),
            (5, Some(9), 404),
            (5, Some(2), 200),
        ] {
            traffic.count(&answered(route, status, 10), second);
        }
        let shown = traffic.shown_at(10, 1, Some("/predict"));
        assert_eq!((shown["minutes"].as_u64(), shown["step"].as_u64()), (Some(1), Some(1)));
        let requests = shown["requests"].as_array().unwrap();
        assert_eq!(requests.len(), 60);
        // The last point is second 9.
        assert_eq!(
            (requests[53].as_f64(), requests[55].as_f64(), sum(&shown["requests"])),
            (Some(2.0), Some(2.0), 4.0)
        );
        assert_eq!((sum(&shown["refused"]), sum(&shown["failed"])), (1.0, 1.0));
        assert_eq!((&shown["total"]["requests"], &shown["total"]["failed"]), (&json!(4), &json!(1)));
        assert_eq!(shown["p95"][54], Json::Null);
        let time = shown["p95"][55].as_f64().unwrap();
        assert!((8.75..11.25).contains(&time), "{time}");
        assert_eq!(sum(&traffic.shown_at(10, 1, None)["requests"]), 7.0, "the console's own are left out");
        assert_eq!(of_route(&shown, "/alive")["requests"], 1);
        assert_eq!(of_route(&shown, UNKNOWN)["refused"], 2);
        assert!(!shown["routes"].as_array().unwrap().iter().any(|entry| entry["route"] == "/console"));
    }

    #[test]
    fn the_second_that_is_not_over_is_not_shown_yet() {
        let traffic = traffic();
        traffic.count(&answered(Some(1), 200, 1), 7);
        assert_eq!(sum(&traffic.shown_at(7, 1, None)["requests"]), 0.0);
        assert_eq!(sum(&traffic.shown_at(8, 1, None)["requests"]), 1.0);
        // Steps of two seconds, per second.
        traffic.count(&answered(Some(1), 200, 1), 9);
        assert_eq!(sum(&traffic.shown_at(9, 5, None)["requests"]), 0.5);
        assert_eq!(sum(&traffic.shown_at(10, 5, None)["requests"]), 1.0);
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let traffic = traffic();
        for second in 0..3000 {
            traffic.count(&answered(Some(1), 200, second % 50), second);
        }
        let shown = traffic.shown_at(3000, 15, None);
        assert_eq!((shown["minutes"].as_u64(), shown["requests"].as_array().unwrap().len()), (Some(15), 150));
        assert_eq!(of_route(&shown, "/predict")["requests"], 900);
        assert!(traffic.past().seconds.len() <= 901);
        assert_eq!(sum(&traffic.shown_at(9000, 15, None)["requests"]), 0.0);
        assert!(traffic.past().seconds.is_empty());
    }

    #[test]
    fn any_number_of_minutes_has_a_window() {
        for (asked, expected) in [(0, 1), (1, 1), (4, 5), (11, 15), (u64::MAX, 15)] {
            assert_eq!(traffic().shown_at(0, asked, None)["minutes"], expected, "{asked}");
        }
    }

    #[test]
    fn threads_lose_nothing() {
        let traffic = traffic();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..1000 {
                        traffic.predicted(&Predicted {
                            route: 1,
                            version: None,
                            n_samples: 2,
                            queued: Duration::ZERO,
                            time: Duration::ZERO,
                        });
                        traffic.count(&answered(Some(1), 200, 1), number / 50);
                    }
                });
            }
            scope.spawn(|| (0..50).for_each(|_| drop(traffic.shown_at(0, 1, None))));
        });
        let shown = traffic.shown_at(30, 1, None);
        assert_eq!((of_route(&shown, "/predict")["requests"].as_u64(), sum(&shown["requests"])), (Some(4000), 4000.0));
        assert_eq!(of_route(&shown, "/predict")["samples"], 8000);
    }
}
