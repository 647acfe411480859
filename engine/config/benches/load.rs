//! What loading costs: `cargo bench -p palladium-config`. The goals are 50 ms for the large configuration and 2 ms for
//! the iris example, on a desktop machine.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use palladium_config::{Request, load};

const N_FILES: usize = 10;
const N_KEYS: usize = 10_000;
const N_COPIES: usize = 1_000;

/// Writes files with 10,000 keys and 1,000 copies in total, of maps in the same file and in those before; returns
/// their names.
fn large(folder: &Path, extension: &str) -> String {
    let (open, close) = if extension == "ron" { ("{", "}") } else { ("#{", "}") };
    let mut names = Vec::new();
    for file in 0..N_FILES {
        let mut text = format!("{open}\n");
        // Each block has nine keys and its own; one in ten of all keys is the place of a copy.
        for block in 0..(N_KEYS - N_COPIES) / N_FILES / 10 {
            writeln!(text, "    \"block_{file}_{block}\": {open}").unwrap();
            for key in 0..8 {
                writeln!(text, "        \"key_{key}\": {key}.5,").unwrap();
            }
            writeln!(text, "        \"text\": \"some words of block {block}\",\n    {close},").unwrap();
        }
        for copy in 0..N_COPIES / N_FILES {
            let (from, block) = (file - usize::from(file > 0 && copy % 2 == 0), copy % 80);
            let copied = format!("\"__copy__\": \"block_{from}_{block}\", \"key_1\": {copy}");
            writeln!(text, "    \"copy_{file}_{copy}\": {open} {copied} {close},").unwrap();
        }
        writeln!(text, "{close}").unwrap();
        let name = format!("{file}.{extension}");
        std::fs::write(folder.join(&name), text).unwrap();
        names.push(name);
    }
    names.join(",")
}

fn request(folder: &Path, files: &str) -> Request {
    Request { files: Some(files.to_owned()), directory: folder.to_owned(), ..Request::default() }
}

fn benchmark(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    for extension in ["ron", "rhai"] {
        let files = large(folder.path(), extension);
        let large = request(folder.path(), &files);
        criterion.bench_function(&format!("large_{extension}"), |bencher| {
            bencher.iter(|| load(black_box(&large)).unwrap().root().as_map().unwrap().len());
        });
        let iris = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/iris"));
        let iris = request(iris, &format!("config.{extension}"));
        criterion.bench_function(&format!("iris_{extension}"), |bencher| {
            bencher.iter(|| load(black_box(&iris)).unwrap().root().as_map().unwrap().len());
        });
    }
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
