//! Spans of requests for OpenTelemetry.
//!
//! The server names the spans and draws their ids, since the log and the response show them too. What is left to the
//! SDK is to decide which are recorded, to collect them, and to send them.

use std::io::Read;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, InstrumentationScope, Key, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, ResponseBodyTooLarge};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Config, SamplingDecision, ShouldSample, SpanData, SpanEvents, SpanLinks, SpanProcessor,
};
use palladium_component::interfaces::{Parent, Trace};
use palladium_component::prelude::*;
use reqwest::blocking::Client;
use reqwest::redirect::Policy;

/// Sends a span of each request to an OpenTelemetry collector, by OTLP over HTTP.
///
/// ```ron
/// "traces": {
///     "!": "palladium.observability.OpenTelemetry",
///     "service_name": "iris",
/// }
/// ```
///
/// The entry may stand under any key. A request that brings a trace in the header `traceparent` is a part of that trace,
/// with what `tracestate` says; every other begins one. The name of a span is its method and route, such as
/// `POST /predict`, and its attributes are `http.request.method`, `http.route`, `url.path`,
/// `http.response.status_code`, `http.request.body.size`, `http.response.body.size`, and for a prediction
/// `palladium.model.version` and `palladium.rows`. A status from 500 on makes it an error. A request whose client went
/// away before there was an answer has no span. That of a stream of lines, the content type `application/x-ndjson`, ends
/// with the stream; where the client went away before, there is none.
///
/// The standard variables of the environment count:
/// - `OTEL_EXPORTER_OTLP_ENDPOINT`, where the collector is (`http://localhost:4318`), and
///   `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, the whole URL for spans;
/// - `OTEL_EXPORTER_OTLP_PROTOCOL`: `http/protobuf`, the default, or `http/json`;
/// - `OTEL_EXPORTER_OTLP_HEADERS`, for example with a token, and `OTEL_EXPORTER_OTLP_TIMEOUT` in milliseconds (10000);
/// - `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`;
/// - `OTEL_TRACES_SAMPLER`, by default `parentbased_always_on`, and `OTEL_TRACES_SAMPLER_ARG`;
/// - `OTEL_BSP_SCHEDULE_DELAY` in milliseconds (5000), and `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` (512): so long a span waits
///   for others, unless there are so many. No request waits for the collector: of the spans that it does not take, 2048
///   are kept and all others dropped;
/// - `OTEL_SDK_DISABLED`: `true` switches it off.
///
/// What cannot be sent is tried three more times, unless the collector took too long; then it is lost, which the log
/// says. When the service stops, it sends what it still has, for 5 seconds at most.
#[component(Object, name = "palladium.observability.OpenTelemetry", lifecycle)]
pub struct OpenTelemetry {
    /// The whole URL that spans are sent to, such as `http://collector:4318/v1/traces`, in the place of what the
    /// environment says.
    endpoint: Option<String>,
    /// The name of the service, in the place of what the environment says; without any it is `palladium`.
    service_name: Option<String>,
    #[state]
    exporter: OnceLock<Arc<Exporter>>,
}

impl Lifecycle for OpenTelemetry {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        let is_disabled = variable(["OTEL_SDK_DISABLED"]).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if context.mode == Mode::Serve && !is_disabled {
            let exporter = Exporter::start(self.endpoint.as_deref(), self.service_name.as_deref())?;
            let _ = self.exporter.set(Arc::new(exporter));
        }
        Ok(())
    }

    fn close(&self) {
        if let Some(exporter) = self.exporter.get()
            && let Err(error) = exporter.processor.shutdown()
        {
            tracing::warn!(target: "palladium::traces", "not all spans could be sent: {error}");
        }
    }
}

impl Object for OpenTelemetry {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn observer(&self, rules: &[&str]) -> Option<Arc<dyn Observer>> {
        let exporter = Arc::clone(self.exporter.get()?);
        let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        Some(Arc::new(Spans { rules, exporter }))
    }
}

/// Sends spans on a thread of its own.
struct Exporter {
    sampler: Box<dyn ShouldSample>,
    processor: BatchSpanProcessor,
}

impl Exporter {
    fn start(endpoint: Option<&str>, service_name: Option<&str>) -> Result<Exporter, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            let help = "look at `endpoint` and the variables OTEL_EXPORTER_OTLP_…";
            Failure::with_help(format!("spans cannot be exported: {error}"), help)
        };
        // Whoever answers with a redirect would be sent the headers.
        let client = Client::builder().redirect(Policy::none()).timeout(timeout()).build();
        let client = Sender(client.map_err(|error| failed(&error))?);
        let mut builder = SpanExporter::builder().with_http().with_http_client(client);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        // The SDK by itself would prefer JSON to what the specification says.
        if variable(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]).is_none() {
            builder = builder.with_protocol(Protocol::HttpBinary);
        }
        let exporter = builder.build().map_err(|error| failed(&error))?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&resource(service_name));
        Ok(Exporter { sampler: Config::default().sampler, processor })
    }
}

/// Returns how long sending may take.
fn timeout() -> Duration {
    const DEFAULT: u64 = 10_000;
    let given = variable(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]);
    Duration::from_millis(given.and_then(|given| given.trim().parse().ok()).unwrap_or(DEFAULT))
}

/// Returns the first of some variables of the environment that is set.
fn variable<const N: usize>(names: [&str; N]) -> Option<String> {
    names.into_iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Returns what is said about this service.
fn resource(service_name: Option<&str>) -> Resource {
    const NAME: Key = Key::from_static_str("service.name");
    let resource = Resource::builder().build();
    let is_named = resource.get(&NAME).is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let name = service_name.or((!is_named).then_some("palladium"));
    name.map_or(resource, |name| Resource::builder().with_service_name(name.to_owned()).build())
}

/// Sends by the HTTP client that the program has anyway, on the thread of the exporter, which may block.
#[derive(Debug)]
struct Sender(Client);

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        const MOST_BYTES: u64 = 1 << 20;
        let answer = self.0.execute(request.try_into()?).map_err(reqwest::Error::without_url)?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = Vec::new();
        answer.take(MOST_BYTES + 1).read_to_end(&mut body)?;
        if body.len() as u64 > MOST_BYTES {
            return Err(ResponseBodyTooLarge::new().into());
        }
        Ok(response.body(body.into())?)
    }
}

/// Makes spans of the requests of one service.
struct Spans {
    rules: Vec<String>,
    exporter: Arc<Exporter>,
}

impl Observer for Spans {
    fn records_traces(&self) -> bool {
        true
    }

    fn samples(&self, trace: &Trace) -> bool {
        let id = TraceId::from_bytes(trace.trace_id.0);
        let parent = trace.parent.as_ref().map(|parent| Context::new().with_remote_span_context(remote(id, parent)));
        let sampled = self.exporter.sampler.should_sample(parent.as_ref(), id, "", &SpanKind::Server, &[], &[]);
        sampled.decision == SamplingDecision::RecordAndSample
    }

    fn ended(&self, answered: Option<&Answered<'_>>) {
        let Some(answered) = answered else { return };
        let route = answered.route.and_then(|route| self.rules.get(route));
        if let Some(trace) = answered.trace.filter(|trace| trace.is_sampled) {
            self.exporter.processor.on_end(span(trace, answered, route.map(String::as_str)));
        }
    }
}

/// Returns the span of another service.
fn remote(trace_id: TraceId, parent: &Parent) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(parent.is_sampled);
    SpanContext::new(trace_id, SpanId::from_bytes(parent.span_id.0), flags, true, state(parent))
}

fn state(parent: &Parent) -> TraceState {
    // What the server has read, the SDK reads as well, or leaves out.
    TraceState::from_str(&parent.state).unwrap_or_default()
}

/// Returns the span of a request, named as the semantic conventions say,
/// <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>.
fn span(trace: &Trace, answered: &Answered<'_>, route: Option<&str>) -> SpanData {
    const METHODS: [&str; 9] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE"];
    const FIRST_ERROR: u16 = 500;
    let integer = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let is_known = METHODS.contains(&answered.method);
    let method = if is_known { answered.method } else { "_OTHER" };
    let mut attributes = vec![
        KeyValue::new("http.request.method", method.to_owned()),
        KeyValue::new("url.path", answered.path.to_owned()),
        KeyValue::new("http.response.status_code", i64::from(answered.status)),
        KeyValue::new("http.request.body.size", integer(answered.received)),
        KeyValue::new("http.response.body.size", integer(answered.sent)),
    ];
    attributes.extend(route.map(|route| KeyValue::new("http.route", route.to_owned())));
    if let Some(predicted) = answered.predicted {
        let version = predicted.version.map(|version| integer(version.number()));
        attributes.extend(version.map(|version| KeyValue::new("palladium.model.version", version)));
        attributes.push(KeyValue::new("palladium.rows", integer(predicted.n_samples as u64)));
    }
    let mut status = Status::Unset;
    if answered.status >= FIRST_ERROR {
        attributes.push(KeyValue::new("error.type", answered.status.to_string()));
        status = Status::error("");
    }
    let verb = if is_known { method } else { "HTTP" };
    let end_time = SystemTime::now();
    let parent = trace.parent.as_ref();
    SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes(trace.trace_id.0),
            SpanId::from_bytes(trace.span_id.0),
            TraceFlags::SAMPLED,
            false,
            parent.map(state).unwrap_or_default(),
        ),
        parent_span_id: parent.map_or(SpanId::INVALID, |parent| SpanId::from_bytes(parent.span_id.0)),
        parent_span_is_remote: parent.is_some(),
        span_kind: SpanKind::Server,
        name: route.map_or_else(|| verb.to_owned(), |route| format!("{verb} {route}")).into(),
        start_time: end_time.checked_sub(answered.time).unwrap_or(end_time),
        end_time,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status,
        instrumentation_scope: InstrumentationScope::builder("palladium")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    }
}
