//! What loading and planning cost together: `cargo bench -p palladium-runtime`. The goal is 50 ms for 10 files with
//! 10,000 keys, 1,000 of them components and 1,000 copies of components.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use palladium_component::prelude::*;
use palladium_config::Request;

/// Holds what it is given.
#[component(Object, name = "bench.Holder")]
struct Holder {
    /// A number.
    #[param(default = 1.0, min = 0.0)]
    number: f64,
    /// A whole number.
    #[param(default = 1)]
    count: i64,
    /// A text.
    #[param(default = "")]
    text: String,
}

impl Object for Holder {
    fn as_any(&self) -> &dyn std::any::Any {
        black_box((self.number, self.count, &self.text));
        self
    }
}

/// Writes ten files and returns their names.
fn files(folder: &Path) -> String {
    let mut names = Vec::new();
    for file in 0..10 {
        let mut text = "(\n".to_owned();
        for block in 0..100 {
            let numbers: String = (0..4).map(|key| format!("k{key}: {key}, ")).collect();
            let holder = format!("Holder(number: {block}.5, count: {block}, text: \"words\")");
            writeln!(text, "    block_{file}_{block}: ({numbers}holder: {holder}),").unwrap();
            let copied = format!("block_{file}_{block}.holder");
            writeln!(text, "    copy_{file}_{block}: {{\"__copy__\": \"{copied}\", \"count\": 7}},").unwrap();
        }
        text.push(')');
        let name = format!("{file}.ron");
        std::fs::write(folder.join(&name), text).unwrap();
        names.push(name);
    }
    names.join(",")
}

fn benchmark(criterion: &mut Criterion) {
    let registry = Registry::linked().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = Some(files(folder.path()));
    let request = Request { files, directory: folder.path().to_owned(), ..Request::default() };
    let loaded = palladium_config::load(&request).unwrap();
    criterion.bench_function("plan", |bencher| {
        bencher.iter(|| palladium_runtime::plan(black_box(loaded.root()), &[], &registry).unwrap().n_components());
    });
    criterion.bench_function("load_and_plan", |bencher| {
        bencher.iter(|| {
            let config = palladium_config::load(black_box(&request)).unwrap();
            palladium_runtime::plan(config.root(), config.copied_keys(), &registry).unwrap().n_components()
        });
    });
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
