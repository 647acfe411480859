//! How long stores take: a write, an activation, the read of a process that has read nothing yet, and the look whether
//! another version is active. Prints one line for each store, size and operation: the median in seconds.
//!
//! `scripts/bench/stores.sh` starts the servers, runs this and puts Python's times beside it. The variables that the
//! tests use, such as `PALLADIUM_TEST_POSTGRES`, say where the servers are; `SIZES` are the numbers of bytes.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench tells what it has measured")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop")]

#[path = "../src/testing.rs"]
#[expect(clippy::panic, reason = "tests may stop anywhere")]
mod testing;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use palladium_component::prelude::*;
use palladium_persistence as _;
use serde::{Deserialize, Serialize};
use testing::{initialize, persister};

/// Predicts nothing of interest; its numbers are what takes time.
#[component(Model, name = "bench.Numbers", version = 1)]
#[derive(Serialize, Deserialize)]
struct Numbers {
    /// Numbers with random mantissas, which hardly become smaller by compression.
    values: Vec<f64>,
}

impl Model for Numbers {
    fn predict(&self, samples: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        Ok(Predictions::Numbers(vec![0.0; samples.n_rows()]))
    }

    fn check(&self) -> Result<(), String> {
        if self.values.iter().all(|value| value.is_finite()) { Ok(()) } else { Err("a value is not finite".into()) }
    }
}

fn model(size: usize) -> TrainedModel {
    let mut random = fastrand::Rng::with_seed(1);
    let values = std::iter::repeat_with(|| random.f64()).take(size / 8).collect();
    TrainedModel { model: Box::new(Numbers { values }), columns: Vec::new(), metadata: Metadata::default() }
}

/// A kind of store: its title, the name of the component and its arguments.
struct Kind {
    title: &'static str,
    name: &'static str,
    arguments: Vec<(&'static str, Data)>,
}

impl Kind {
    fn open(&self) -> Result<Arc<dyn Persister>, String> {
        let store = persister(self.name, &self.arguments)?;
        initialize(store.as_ref(), Mode::Fit).map_err(|failure| failure.to_string())?;
        Ok(store)
    }
}

/// Returns the kinds whose place is known, each with a store of its own.
fn kinds(folder: &Path) -> Vec<Kind> {
    let own = format!("bench_{}", std::process::id());
    let place = folder.display();
    let mut kinds = vec![
        Kind {
            title: "SQLite",
            name: "palladium.persistence.Database",
            arguments: vec![("url", text(format!("sqlite:///{place}/models.db")))],
        },
        Kind {
            title: "files",
            name: "palladium.persistence.File",
            arguments: vec![("path", text(format!("{place}/model-{{version}}")))],
        },
    ];
    for (title, variable) in [("PostgreSQL", "PALLADIUM_TEST_POSTGRES"), ("MariaDB", "PALLADIUM_TEST_MYSQL")] {
        let arguments = |url| vec![("url", text(url)), ("table_postfix", text(own.clone()))];
        kinds.extend(server(variable).map(|url| Kind {
            title,
            name: "palladium.persistence.Database",
            arguments: arguments(url),
        }));
    }
    kinds.extend(server("PALLADIUM_TEST_HTTP").map(|url| Kind {
        title: "HTTP",
        name: "palladium.persistence.Rest",
        arguments: vec![
            ("url", text(format!("{url}/{own}/model-{{version}}"))),
            ("auth", list(&["palladium", "test-password"])),
        ],
    }));
    kinds.extend(server("PALLADIUM_TEST_S3").map(|endpoint| Kind {
        title: "S3",
        name: "palladium.persistence.S3",
        arguments: vec![
            ("path", text(format!("models/{own}/model-{{version}}"))),
            ("endpoint", text(endpoint)),
            ("region", text("us-east-1")),
            ("access_key_id", text("test")),
            ("secret_access_key", text("test")),
            ("allow_http", Data::Bool(true)),
        ],
    }));
    kinds
}

fn server(variable: &str) -> Option<String> {
    let server = std::env::var(variable).ok();
    if server.is_none() {
        eprintln!("left out: `{variable}` names no server");
    }
    server
}

fn text(text: impl Into<String>) -> Data {
    Data::Text(text.into())
}

fn list(texts: &[&str]) -> Data {
    Data::List(texts.iter().map(|item| Value::new(text(*item), Span::nowhere("bench"))).collect())
}

/// Takes the time of an operation in seconds.
fn timed<T>(times: &mut Vec<f64>, operation: impl FnOnce() -> Result<T, PersistError>) -> Result<T, PersistError> {
    let start = Instant::now();
    let result = operation();
    times.push(start.elapsed().as_secs_f64());
    result
}

/// Returns the operations with the times they took.
fn measure(kind: &Kind, model: &TrainedModel, n_runs: usize) -> Result<[(&'static str, Vec<f64>); 4], String> {
    let (mut writes, mut activations, mut reads, mut looks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let failed = |error: PersistError| error.to_string();
    let store = kind.open()?;
    for _ in 0..n_runs {
        let version = timed(&mut writes, || store.write(model)).map_err(failed)?;
        timed(&mut activations, || store.activate(version)).map_err(failed)?;
        // Connections are part of what a new process has to make.
        let new = kind.open()?;
        timed(&mut reads, || new.read(None)).map_err(failed)?;
        timed(&mut looks, || store.list_properties()).map_err(failed)?;
    }
    for listed in store.list_models().map_err(failed)? {
        let version = listed.version().ok_or("a model is listed without its version")?;
        store.delete_as(version, true, &Origin::default()).map_err(failed)?;
    }
    Ok([("write", writes), ("activate", activations), ("read", reads), ("refresh", looks)])
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| "1000 1000000 200000000".into());
    let folder = tempfile::tempdir().unwrap();
    let kinds = kinds(folder.path());
    for size in sizes.split_whitespace() {
        let size: usize = size.parse().expect("`SIZES` are numbers of bytes");
        let n_runs = (300_000_000 / size.max(1)).clamp(3, 31);
        let model = model(size);
        for kind in &kinds {
            match measure(kind, &model, n_runs) {
                Ok(measured) => {
                    for (operation, times) in measured {
                        println!("{:<12} {size:>10} {operation:<10} {:.6}", kind.title, median(times));
                    }
                }
                Err(error) => eprintln!("left out: {} with {size} bytes: {error}", kind.title),
            }
        }
    }
}
