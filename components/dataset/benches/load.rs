//! How long a loader of files takes: loads a file once and prints the number of rows, the seconds it took, the seconds of
//! CPU of the whole process and its peak memory in MiB.
//!
//! `DATA_LOADER` is the name of the loader, such as `palladium.dataset.Parquet`, and `DATA_PATH` the file:
//!
//! ```text
//! DATA_LOADER=palladium.dataset.Parquet DATA_PATH=/tmp/data.parquet cargo bench -p palladium-dataset --bench load
//! ```

#![expect(clippy::print_stdout, reason = "a bench tells what it has measured")]
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::sync::Arc;
use std::time::Instant;

use palladium_component::prelude::*;
use palladium_dataset as _;

fn main() {
    let loader = loader();
    let start = Instant::now();
    let data = loader.load().unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!("{} {seconds:.3} {:.3} {:.0}", data.n_rows(), cpu_seconds(), peak_mebibytes());
}

fn loader() -> Arc<dyn DatasetLoader> {
    let span = Span::nowhere("bench");
    let entry = |text: String| Entry { key_span: span.clone(), value: Value::new(Data::Text(text), span.clone()) };
    let arguments = [("!", "DATA_LOADER"), ("path", "DATA_PATH")];
    let map = arguments.map(|(name, variable)| (name.to_owned(), entry(std::env::var(variable).unwrap())));
    let mut findings = Diagnostics::default();
    let registry = Registry::linked().unwrap();
    let made = registry.construct(Map::from_iter(map), &KeyPath::parse("bench"), &span, &mut findings);
    assert!(findings.is_empty(), "{}", findings.render(false));
    Arc::from_argument(&made).unwrap()
}

fn cpu_seconds() -> f64 {
    // Behind the name of the program in brackets; the clock of the kernel has 100 ticks a second.
    let status = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = status.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

fn peak_mebibytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}
