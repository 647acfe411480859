//! What it takes to load a table: wall clock and CPU time in seconds, and how many bytes memory grows by at its peak.
//!
//! `scripts/bench/data.sh` runs this beside pandas and polars. Usage: `data LOADER PATH`; cargo itself adds `--bench`.

#![expect(clippy::print_stdout, reason = "a bench tells what it has measured")]
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::sync::Arc;
use std::time::Instant;

use palladium_component::prelude::*;
use palladium_dataset as _;

fn loader(name: &str, path: &str) -> Arc<dyn DatasetLoader> {
    let span = Span::nowhere("the command line");
    let arguments = [("!", name), ("path", path)].map(|(key, text)| {
        let value = Value::new(Data::Text(text.to_owned()), span.clone());
        (key.to_owned(), Entry { key_span: span.clone(), value })
    });
    let mut findings = Diagnostics::default();
    let registry = Registry::linked().unwrap();
    let value = registry.construct(arguments.into_iter().collect(), &KeyPath::root(), &span, &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    Arc::<dyn DatasetLoader>::from_argument(&value).unwrap()
}

/// Returns the CPU time that the process has used, in seconds.
fn cpu_time() -> f64 {
    const TICKS_EACH_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let ticks: Vec<f64> = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse().unwrap()).collect();
    ticks.iter().sum::<f64>() / TICKS_EACH_SECOND
}

/// Returns an amount of memory of the process, in bytes.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [name, path] = &arguments[..] else {
        // `cargo test` runs benches without arguments.
        return;
    };
    let loader = loader(name, path);
    let (before, cpu_before, start) = (memory("VmRSS"), cpu_time(), Instant::now());
    let dataset = loader.load().unwrap();
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_time() - cpu_before);
    println!("{wall:.3} {cpu:.2} {} {}", memory("VmHWM") - before, dataset.n_rows());
}
