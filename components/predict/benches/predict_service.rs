//! What a request costs beside the model: `cargo bench -p palladium-predict`.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use palladium_component::prelude::*;
use palladium_predict as _;
use serde::{Deserialize, Serialize};

const NAMES: [&str; 4] = ["sepal length", "sepal width", "petal length", "petal width"];

/// Answers 1 to everything.
#[component(Model, name = "bench.One", version = 1)]
#[derive(Serialize, Deserialize)]
struct One {}

impl Model for One {
    fn predict(&self, samples: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        Ok(Predictions::Numbers(vec![1.0; samples.n_rows()]))
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

fn value(data: Data) -> Value {
    Value::new(data, Span::nowhere("bench"))
}

fn entry(data: Data) -> Entry {
    Entry { key_span: Span::nowhere("bench"), value: value(data) }
}

/// Constructs the service as a configuration does.
fn service() -> Arc<dyn PredictService> {
    let text = |text: &str| value(Data::Text(text.to_owned()));
    let pairs = NAMES.map(|name| value(Data::List(vec![text(name), text("float")])));
    let map = Map::from_iter([
        ("!".to_owned(), entry(Data::Text("palladium.server.PredictService".to_owned()))),
        ("mapping".to_owned(), entry(Data::List(pairs.to_vec()))),
    ]);
    let mut findings = Diagnostics::default();
    let registry = Registry::linked().unwrap();
    let built = registry.construct(map, &KeyPath::parse("service"), &Span::nowhere("bench"), &mut findings);
    Arc::from_argument(&built).ok().unwrap()
}

fn model() -> Arc<TrainedModel> {
    let columns = NAMES.map(|name| ColumnSpec { name: name.to_owned(), kind: ColumnType::Float }).to_vec();
    Arc::new(TrainedModel { model: Box::new(One {}), columns, metadata: Metadata::default() })
}

/// Returns the body of a POST of so many samples.
fn body(n_rows: usize) -> Vec<u8> {
    let mut body = String::from("[");
    for row in 0..n_rows {
        let comma = if row == 0 { "" } else { "," };
        let fraction = row % 1000;
        let [a, b, c, d] = NAMES;
        write!(body, r#"{comma}{{"{a}":6.{fraction},"{b}":2.5,"{c}":4.9,"{d}":1.{fraction}}}"#).unwrap();
    }
    body.push(']');
    body.into_bytes()
}

fn benchmarks(criterion: &mut Criterion) {
    let (service, model) = (service(), model());
    let query = Cow::Owned(NAMES.into_iter().map(|name| (name, "6.3")).collect());
    let get = ("get".to_owned(), PredictRequest { query, ..PredictRequest::default() });
    let posts = [1, 100, 10_000].map(|n_rows| {
        let request = PredictRequest { body: Some(body(n_rows).into()), ..PredictRequest::default() };
        (format!("post {n_rows} rows"), request)
    });
    for (name, request) in [get].iter().chain(&posts) {
        criterion.bench_function(name, |bencher| bencher.iter(|| service.predict(&model, request).unwrap()));
    }
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
