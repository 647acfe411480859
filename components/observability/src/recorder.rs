//! The counters of a service: requests add to them without locks, and allocate only what is seen for the first time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use palladium_component::prelude::*;

use crate::exposition::{Exposition, Metric, Sort};
use crate::histogram::Histogram;
use crate::shards::Shards;

/// The methods that have a label of their own; any text may be sent as one.
const METHODS: [&str; 8] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "other"];

/// The label of all paths that are no route.
const UNKNOWN: &str = "unknown";

/// The label of a model that was stored under no version.
const NO_VERSION: &str = "none";

/// So many versions have series of their own for each route: a new one takes the place of the oldest.
const VERSIONS: usize = 8;

const FIRST_STATUS: u16 = 100;
const STATUSES: usize = 500;

/// What is added to take 1 away.
const LESS: u64 = u64::MAX;

const NANOSECOND: f64 = 1e-9;

/// The bounds of the sizes of bodies, in bytes.
const SIZES: [u64; 9] = [256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20];

/// What was counted about the requests of one service.
pub struct Recorder {
    /// The bounds of times, in nanoseconds.
    times: Arc<[u64]>,
    sizes: Arc<[u64]>,
    in_flight: Shards<AtomicU64>,
    broken_off: AtomicU64,
    /// The routes, and after them what is none.
    routes: Box<[RouteSeries]>,
}

struct RouteSeries {
    rule: String,
    /// For each method, once it was seen, the requests by their status.
    requests: Shards<[OnceLock<Box<[AtomicU64]>>; METHODS.len()]>,
    time: Histogram,
    received: Histogram,
    sent: Histogram,
    /// The models that have predicted here, the oldest first.
    versions: ArcSwap<Vec<Arc<VersionSeries>>>,
}

struct VersionSeries {
    version: Option<Version>,
    queue: Histogram,
    time: Histogram,
    rows: Shards<AtomicU64>,
}

impl Recorder {
    /// Returns the counters of a service with these rules.
    pub fn new(rules: &[&str], times: &Arc<[u64]>) -> Recorder {
        let sizes: Arc<[u64]> = Arc::from(SIZES);
        let series = |rule: &str| RouteSeries {
            rule: rule.to_owned(),
            requests: Shards::default(),
            time: Histogram::new(times),
            received: Histogram::new(&sizes),
            sent: Histogram::new(&sizes),
            versions: ArcSwap::default(),
        };
        let routes = rules.iter().copied().chain([UNKNOWN]).map(series).collect();
        let (in_flight, broken_off) = (Shards::default(), AtomicU64::new(0));
        Recorder { times: Arc::clone(times), sizes, in_flight, broken_off, routes }
    }

    /// Writes all counters.
    pub fn write(&self, text: &mut Exposition) {
        self.write_requests(text);
        let help = "Requests that are being answered, this one among them.";
        // A request may begin on one thread and end on another, of which one then holds less than nothing.
        let in_flight = self.in_flight.all().fold(0_u64, |sum, count| sum.wrapping_add(count.load(Ordering::Relaxed)));
        text.metric("palladium_http_requests_in_flight", Sort::Gauge, help).number(&[], in_flight as i64 as f64);
        let help = "Requests whose client went away before the answer, or the end of a stream.";
        let broken_off = self.broken_off.load(Ordering::Relaxed);
        text.metric("palladium_http_requests_broken_off_total", Sort::Counter, help).count(&[], broken_off);
        let help = "Time from the head of a request until there was an answer, of a stream until its end, in seconds.";
        let metric = text.metric("palladium_http_request_duration_seconds", Sort::Histogram, help);
        self.write_histograms(metric, &self.times, NANOSECOND, |route| &route.time);
        let help = "Sizes of the bodies of requests, as announced, else as far as they were read.";
        let metric = text.metric("palladium_http_request_body_bytes", Sort::Histogram, help);
        self.write_histograms(metric, &self.sizes, 1.0, |route| &route.received);
        let help = "Sizes of the bodies of answers.";
        let metric = text.metric("palladium_http_response_body_bytes", Sort::Histogram, help);
        self.write_histograms(metric, &self.sizes, 1.0, |route| &route.sent);
        self.write_predictions(text);
    }

    fn write_requests(&self, text: &mut Exposition) {
        let help = "Requests that were answered, by route, method and status.";
        let mut metric = text.metric("palladium_http_requests_total", Sort::Counter, help);
        for route in &self.routes {
            for (place, method) in METHODS.iter().enumerate() {
                let seen: Vec<&[AtomicU64]> =
                    route.requests.all().filter_map(|methods| methods[place].get().map(Box::as_ref)).collect();
                for (index, status) in (0..STATUSES).zip(FIRST_STATUS..) {
                    let count: u64 = seen.iter().map(|statuses| statuses[index].load(Ordering::Relaxed)).sum();
                    if count > 0 {
                        let labels =
                            [("route", route.rule.as_str()), ("method", method), ("status", &status.to_string())];
                        metric.count(&labels, count);
                    }
                }
            }
        }
    }

    fn write_histograms(
        &self,
        mut metric: Metric<'_>,
        bounds: &[u64],
        unit: f64,
        histogram: impl Fn(&RouteSeries) -> &Histogram,
    ) {
        for route in &self.routes {
            let values = histogram(route).snapshot();
            if values.count > 0 {
                metric.histogram(&[("route", &route.rule)], bounds, unit, &values);
            }
        }
    }

    fn write_predictions(&self, text: &mut Exposition) {
        let help = "Time that reading samples, predicting and writing the result took, in seconds.";
        let mut metric = text.metric("palladium_predict_duration_seconds", Sort::Histogram, help);
        self.each_version(|labels, series| {
            metric.histogram(labels, &self.times, NANOSECOND, &series.time.snapshot());
        });
        let help = "Time that predictions waited for their turn and for a thread, in seconds.";
        let mut metric = text.metric("palladium_predict_queue_seconds", Sort::Histogram, help);
        self.each_version(|labels, series| {
            metric.histogram(labels, &self.times, NANOSECOND, &series.queue.snapshot());
        });
        let help = "Samples that were predicted.";
        let mut metric = text.metric("palladium_predict_rows_total", Sort::Counter, help);
        self.each_version(|labels, series| {
            metric.count(labels, series.rows.all().map(|count| count.load(Ordering::Relaxed)).sum());
        });
    }

    fn each_version(&self, mut write: impl FnMut(&[(&str, &str)], &VersionSeries)) {
        for route in &self.routes {
            for series in route.versions.load().iter() {
                let version = series.version.map_or_else(|| NO_VERSION.to_owned(), |version| version.to_string());
                write(&[("route", &route.rule), ("model_version", &version)], series);
            }
        }
    }
}

impl RouteSeries {
    fn count(&self, method: &str, status: u16) {
        let method = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let own = self.requests.own();
        let statuses = own.copy[method].get_or_init(|| (0..STATUSES).map(|_| AtomicU64::new(0)).collect());
        // What HTTP does not know is counted with the last of its statuses.
        let place = usize::from(status.saturating_sub(FIRST_STATUS)).min(STATUSES - 1);
        own.add(&statuses[place], 1);
    }

    fn predicted(&self, predicted: &Predicted, times: &Arc<[u64]>) {
        let add = |series: &VersionSeries| {
            series.queue.add(nanoseconds(predicted.queued));
            series.time.add(nanoseconds(predicted.time));
            let rows = series.rows.own();
            rows.add(rows.copy, predicted.n_samples as u64);
        };
        let is_its = |series: &&Arc<VersionSeries>| series.version == predicted.version;
        if let Some(series) = self.versions.load().iter().rev().find(is_its) {
            return add(series);
        }
        let (queue, time) = (Histogram::new(times), Histogram::new(times));
        let new = Arc::new(VersionSeries { version: predicted.version, queue, time, rows: Shards::default() });
        self.versions.rcu(|known| match known.iter().find(is_its) {
            Some(_) => Vec::clone(known),
            None => {
                let surplus = (known.len() + 1).saturating_sub(VERSIONS);
                known.iter().skip(surplus).chain([&new]).cloned().collect()
            }
        });
        if let Some(series) = self.versions.load().iter().rev().find(is_its) {
            add(series);
        }
    }
}

impl Observer for Recorder {
    fn begun(&self) {
        let in_flight = self.in_flight.own();
        in_flight.add(in_flight.copy, 1);
    }

    fn ended(&self, answered: Option<&Answered<'_>>) {
        let in_flight = self.in_flight.own();
        in_flight.add(in_flight.copy, LESS);
        let Some(answered) = answered else {
            self.broken_off.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let place = answered.route.unwrap_or(usize::MAX).min(self.routes.len() - 1);
        let route = &self.routes[place];
        route.count(answered.method, answered.status);
        route.time.add(nanoseconds(answered.time));
        route.received.add(answered.received);
        route.sent.add(answered.sent);
    }

    fn predicted(&self, predicted: &Predicted) {
        if let Some(route) = self.routes.get(predicted.route) {
            route.predicted(predicted, &self.times);
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder() -> Recorder {
        Recorder::new(&["/alive", "/predict"], &Arc::from([1_000_000, 1_000_000_000]))
    }

    fn text(recorder: &Recorder) -> String {
        let mut text = Exposition::default();
        recorder.write(&mut text);
        text.finish()
    }

    fn answered(route: Option<usize>, method: &str, status: u16) -> Answered<'_> {
        let (time, received, sent) = (Duration::from_millis(2), 100, 5000);
        Answered { route, method, path: "/", status, time, received, sent, trace: None, predicted: None }
    }

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let recorder = recorder();
        for (route, method, status) in [
            (Some(1), "POST", 200),
            (Some(1), "POST", 200),
            (Some(1), "POST", 400),
            (Some(0), "BREW", 405),
            (None, "GET", 404),
            (Some(7), "GET", 99),
        ] {
            recorder.begun();
            recorder.ended(Some(&answered(route, method, status)));
        }
        recorder.begun();
        recorder.begun();
        recorder.ended(None);
        let text = text(&recorder);
        let counts: Vec<&str> = text.lines().filter(|line| line.starts_with("palladium_http_requests")).collect();
        let expected = [
            r#"palladium_http_requests_total{route="/alive",method="other",status="405"} 1"#,
            r#"palladium_http_requests_total{route="/predict",method="POST",status="200"} 2"#,
            r#"palladium_http_requests_total{route="/predict",method="POST",status="400"} 1"#,
            r#"palladium_http_requests_total{route="unknown",method="GET",status="100"} 1"#,
            r#"palladium_http_requests_total{route="unknown",method="GET",status="404"} 1"#,
            "palladium_http_requests_in_flight 1",
            "palladium_http_requests_broken_off_total 1",
        ];
        assert_eq!(counts, expected);
        for line in [
            r#"palladium_http_request_duration_seconds_bucket{route="/predict",le="0.001"} 0"#,
            r#"palladium_http_request_duration_seconds_bucket{route="/predict",le="1"} 3"#,
            r#"palladium_http_request_duration_seconds_sum{route="/predict"} 0.006"#,
            r#"palladium_http_request_body_bytes_bucket{route="/predict",le="256"} 3"#,
            r#"palladium_http_response_body_bytes_bucket{route="/predict",le="4096"} 0"#,
            r#"palladium_http_response_body_bytes_sum{route="/predict"} 15000"#,
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
        }
    }

    #[test]
    fn the_last_versions_of_a_route_have_their_series() {
        let recorder = recorder();
        let predict = |version: u64| {
            let version = Version::new(version).ok();
            let (queued, time) = (Duration::from_secs(1), Duration::from_millis(2));
            recorder.predicted(&Predicted { route: 1, version, n_samples: 3, queued, time });
        };
        (0..10).for_each(predict);
        predict(9);
        let text = text(&recorder);
        let rows = |version: &str| {
            let start = format!("palladium_predict_rows_total{{route=\"/predict\",model_version=\"{version}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
        };
        assert_eq!(rows("9").as_deref(), Some("6"));
        assert_eq!(rows("2").as_deref(), Some("3"));
        assert_eq!((rows("1"), rows("none")), (None, None), "a new version takes the place of the oldest");
        for line in [
            r#"palladium_predict_duration_seconds_count{route="/predict",model_version="9"} 2"#,
            r#"palladium_predict_queue_seconds_bucket{route="/predict",model_version="9",le="0.001"} 0"#,
            r#"palladium_predict_queue_seconds_sum{route="/predict",model_version="9"} 2"#,
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
        }
    }

    #[test]
    fn threads_lose_nothing() {
        let recorder = recorder();
        let version = Version::new(1).ok();
        let predicted = Predicted { route: 1, version, n_samples: 2, queued: Duration::ZERO, time: Duration::ZERO };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        recorder.begun();
                        recorder.predicted(&predicted);
                        recorder.ended(Some(&answered(Some(1), "POST", 200)));
                    }
                });
            }
        });
        let text = text(&recorder);
        for line in [
            r#"palladium_http_requests_total{route="/predict",method="POST",status="200"} 2000"#,
            r#"palladium_predict_rows_total{route="/predict",model_version="1"} 4000"#,
            "palladium_http_requests_in_flight 0",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
        }
    }
}
