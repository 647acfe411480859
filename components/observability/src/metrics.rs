//! The metrics of a service for Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use palladium_component::prelude::*;

use crate::buckets::Buckets;
use crate::exposition::{CONTENT_TYPE, Exposition, Sort};
use crate::recorder::Recorder;
use crate::{process, state};

/// Shows metrics of the service in the text format of Prometheus.
///
/// ```ron
/// "metrics": {
///     "!": "palladium.observability.Metrics",
/// }
/// ```
///
/// The entry may stand under any key. Nothing is measured in a service without it. The metrics are
/// - `palladium_http_requests_total` by `route`, `method` and `status`, `palladium_http_requests_in_flight` and
///   `palladium_http_requests_broken_off_total`, those whose client went away. One that ends its side of the connection
///   within a body may still read its answer: it counts with the status 400, and as broken off in a stream of lines;
/// - `palladium_http_request_duration_seconds`, `palladium_http_request_body_bytes` and
///   `palladium_http_response_body_bytes` by `route`, as histograms. A body of a request counts as long as its header
///   `content-length` says, and one that is sent in chunks as long as it was read. A stream of lines, the content type
///   `application/x-ndjson`, is in flight and not counted until it ends, and then as long as it took as a whole;
/// - `palladium_predict_duration_seconds` and `palladium_predict_queue_seconds`, histograms, and
///   `palladium_predict_rows_total`, by the `route` of the predict service and `model_version`: how long reading samples,
///   predicting and writing the result took, and how long the request waited for that. Bodies of more than 64 KiB wait
///   while as many of them are worked on as may be at once, and decorated ones for a thread; others are worked on at
///   once and wait for 0 seconds. A route has the series of the eight versions that came last;
/// - `palladium_model_version`, `palladium_model_age_seconds`, `palladium_model_trained_timestamp_seconds`,
///   `palladium_model_loaded_timestamp_seconds`, `palladium_model_refresh_timestamp_seconds`,
///   `palladium_model_refresh_failing` and `palladium_model_refresh_failures_total` by `persister`, the key of a persister
///   that keeps its model in memory;
/// - `palladium_jobs_running`, and `palladium_jobs_total` by `status`: `finished`, `error` or `cancelled`;
/// - `palladium_build_info` with the `version` of the program, and the usual ones of the process, such as
///   `process_resident_memory_bytes`, `process_cpu_seconds_total`, `process_open_fds` and `process_start_time_seconds`.
///
/// A route is the path of a predict service or the rule of a view, and every other path has the label `unknown`; methods
/// that are not usual have `other`. What cannot be read as the head of a request is refused with 400, 408 or 431 before
/// there is a request, and is not counted. Whoever reaches the route reads the metrics, unless a decorator of the list
/// refuses.
#[component(View, name = "palladium.observability.Metrics")]
pub struct Metrics {
    /// The path, beginning with `/`.
    #[param(default = "/metrics")]
    rule: String,
    /// The root key of a list of decorators around the view; the configuration may lack it.
    #[param(default = "metrics_decorators")]
    decorator_list_name: String,
    /// The bounds of the histograms of times: ascending numbers of seconds.
    #[param(default = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])]
    duration_buckets: Buckets,
    #[state]
    recorder: Mutex<Option<Arc<Recorder>>>,
}

impl View for Metrics {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule::new(self.rule.as_str(), &["GET"])]
    }

    fn decorator_list_name(&self) -> Option<&str> {
        Some(&self.decorator_list_name)
    }

    fn operations(&self, _: &ViewRule, _: &dyn ServiceHandle) -> Vec<Operation> {
        let mut operation = Operation {
            method: "GET".to_owned(),
            summary: "Show the metrics".to_owned(),
            description: "In the text format of Prometheus.".to_owned(),
            group: "State".to_owned(),
            ..Operation::default()
        };
        operation.add(OperationResponse::new(200, "The metrics.").with_content(OperationContent::text()));
        vec![operation]
    }

    fn observer(&self, rules: &[&str]) -> Option<Arc<dyn Observer>> {
        let recorder = Arc::new(Recorder::new(rules, &self.duration_buckets.0));
        *self.recorder.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&recorder));
        Some(recorder)
    }

    fn answer(&self, _: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let mut text = Exposition::default();
        let recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(recorder) = recorder {
            recorder.write(&mut text);
        }
        state::write_models(&mut text, service);
        state::write_jobs(&mut text, service.jobs());
        let mut metric = text.metric("palladium_build_info", Sort::Gauge, "The version of the program.");
        metric.count(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        process::write(&mut text);
        let mut response = ViewResponse::text(200, text.finish());
        response.set_header("content-type", CONTENT_TYPE);
        Ok(response)
    }
}
