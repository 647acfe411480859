//! What hiding secrets costs: `cargo bench -p palladium-commands`. The goals are a microsecond for a line of the log
//! and 50 ms for a megabyte of what strangers may send, on a desktop machine.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use palladium_commands::redaction::Redaction;
use palladium_component::value::mask_urls;
use palladium_config::{Request, load};

const MEGABYTE: usize = 1_000_000;

/// Returns a megabyte of a text that begins in one way and goes on with the same again and again.
fn megabyte(before: &str, part: &str) -> String {
    format!("{before}{}", part.repeat(MEGABYTE / part.len()))
}

/// Returns a redaction that knows a configuration with one secret.
fn redaction() -> Redaction {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.ron"), r#"{ "url": "postgres://user:correct-horse@host/db" }"#).unwrap();
    let (files, directory) = (Some("config.ron".to_owned()), folder.path().to_owned());
    let redaction = Redaction::default();
    redaction.learn(&load(&Request { files, directory, ..Request::default() }).unwrap());
    redaction
}

fn benchmark(criterion: &mut Criterion) {
    for (name, before, part) in [
        ("long_secret", "https://h/a?sig=", "x"),
        ("variables", "https://h/a?sig=", "${"),
        ("secrets", "https://h/a?", "sig=x&"),
        ("queries", "", "a.b?token="),
        ("fragments", "", "#key="),
        ("schemes", "", "://"),
        ("ats", "", "@"),
        ("quotes", "", "\""),
    ] {
        let text = megabyte(before, part);
        criterion.bench_function(&format!("urls_{name}"), |bencher| bencher.iter(|| mask_urls(black_box(&text)).len()));
    }
    let redaction = redaction();
    for (name, line) in [
        ("plain", r#"{"level":"info","method":"GET","path":"/predict?length=6.3","status":200}"#.to_owned()),
        ("token", r#"{"level":"info","method":"GET","path":"/predict?token=abc","status":200}"#.to_owned()),
        ("names", megabyte("GET /", "token")),
        ("values", megabyte("GET /?", "token=x&")),
    ] {
        criterion.bench_function(&format!("line_{name}"), |bencher| {
            bencher.iter(|| redaction.redact_line(black_box(&line)).len());
        });
    }
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
