//! Loaders around loaders, as commands and services use them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::process::{iris, palladium, repository, succeed, text};
use crate::serve::Service;

/// Returns the iris example with the layers of `configs/data` in the folder `data`, and its data where they look for them.
pub fn example() -> tempfile::TempDir {
    let folder = iris();
    let inside = |name: &str| folder.path().join(name);
    std::fs::create_dir(inside("iris")).unwrap();
    std::fs::copy(inside("iris.data"), inside("iris/iris.data")).unwrap();
    std::fs::create_dir(inside("data")).unwrap();
    for entry in std::fs::read_dir(repository().join("configs/data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        std::fs::copy(&path, inside("data").join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// Writes a layer of one decorator of loaded data, which fails where a loader has another number of rows.
fn expect_rows(folder: &Path, expected: &[(&str, usize)]) {
    let expected: Vec<_> = expected.iter().map(|(subject, rows)| format!("\"{subject}\": {rows}")).collect();
    let layer = format!(
        r#"let expected = #{{ {} }};
#{{
    load_data_decorators: [|wrapped| {{
        let data = wrapped.proceed();
        if data.rows != expected.get(wrapped.subject) {{ throw `${{wrapped.subject}} has ${{data.rows}} rows`; }}
        data
    }}],
}}
"#,
        expected.join(", ")
    );
    std::fs::write(folder.join("rows.rhai"), layer).unwrap();
}

/// Fits and evaluates with a layer in both languages, of which each loader has so many rows; returns what was printed.
fn fit(layer: &str, expected: &[(&str, usize)]) -> String {
    let folder = example();
    expect_rows(folder.path(), expected);
    let printed = ["ron", "rhai"].map(|language| {
        let files = format!("config.{language},data/{layer}.{language},rows.rhai");
        succeed(folder.path(), &["fit", "--evaluate", "--no-save", "--config", &files])
    });
    assert_eq!(printed[0], printed[1], "{layer}");
    let [printed, _] = printed;
    printed
}

#[test]
fn a_file_is_split_into_data_to_learn_from_and_to_test_with() {
    let printed = fit(
        "split",
        &[
            ("dataset_loader_train.impl", 150),
            ("dataset_loader_train", 120),
            ("dataset_loader_test.impl", 150),
            ("dataset_loader_test", 30),
        ],
    );
    assert!(printed.starts_with("train score: 0.9") && printed.contains("\ntest score: "), "{printed}");
}

#[test]
fn an_unusual_file_is_read_with_the_options_that_it_needs() {
    let printed = fit("csv", &[("dataset_loader_train", 10), ("dataset_loader_test", 10)]);
    assert!(printed.starts_with("train score: 1") && printed.contains("\ntest score: 1"), "{printed}");
}

#[test]
fn rows_are_sampled_stacked_and_joined() {
    let sampled =
        fit("sample", &[("dataset_loader_train.impl", 100), ("dataset_loader_train", 50), ("dataset_loader_test", 50)]);
    let stacked = fit(
        "concat",
        &[
            ("dataset_loader_train.loaders.0", 60),
            ("dataset_loader_train.loaders.1", 50),
            ("dataset_loader_train", 110),
            ("dataset_loader_test", 50),
        ],
    );
    let mut rows = Vec::new();
    for loader in ["dataset_loader_train", "dataset_loader_test"] {
        let all = ["", ".left", ".right"].map(|part| (format!("{loader}.impl{part}"), 150));
        rows.extend(all);
    }
    rows.extend([("dataset_loader_train".to_owned(), 112), ("dataset_loader_test".to_owned(), 38)]);
    let rows: Vec<_> = rows.iter().map(|(subject, rows)| (subject.as_str(), *rows)).collect();
    let joined = fit("join", &rows);
    for printed in [sampled, stacked, joined] {
        // Chance would be right for a third of the rows.
        assert!(printed.starts_with("train score: 0.9") && printed.contains("\ntest score: "), "{printed}");
    }
}

#[test]
fn rows_come_from_databases_and_queries() {
    let loaded = fit("sql", &[("dataset_loader_train", 100), ("dataset_loader_test", 50)]);
    assert!(loaded.starts_with("train score: 0.95\ntest score: 0.98\n"), "{loaded}");
    let mut rows = vec![("dataset_loader_train", 100), ("dataset_loader_test", 50)];
    rows.extend(["dataset_loader_train.tables.sepals", "dataset_loader_train.tables.petals"].map(|table| (table, 150)));
    rows.extend(["dataset_loader_test.tables.sepals", "dataset_loader_test.tables.petals"].map(|table| (table, 150)));
    let asked = fit("query", &rows);
    assert_eq!(asked, loaded);
}

#[test]
fn a_loader_of_nothing_leaves_a_fit_alone_until_it_is_evaluated() {
    let folder = example();
    for language in ["ron", "rhai"] {
        let files = format!("config.{language},data/empty.{language}");
        succeed(folder.path(), &["fit", "--no-save", "--config", &files]);
        let arguments = ["fit", "--evaluate", "--no-save", "--config", &files];
        let output = palladium(folder.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.contains("scoring on the data of `dataset_loader_test` failed"), "{said}");
        assert!(said.contains("0 were given"), "{said}");
    }
}

/// Waits until the entry of the data in `/alive` is as wanted, and returns it.
fn wait_for(service: &Service, what: &str, is_so: impl Fn(&Json) -> bool) -> Json {
    let started = Instant::now();
    loop {
        let entry = service.get("/alive").json::<Json>().unwrap()["data"].clone();
        if is_so(&entry) {
            return entry;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{what}: {entry}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_service_keeps_its_data_while_they_cannot_be_loaded_anew() {
    let folder = Arc::new(example());
    let layer = folder.path().join("data/scheduled.ron");
    let nightly = std::fs::read_to_string(&layer).unwrap();
    let rule = r#"{"freq": "DAILY", "byhour": 3, "byminute": 0, "bysecond": 0}"#;
    assert!(nightly.contains(rule), "{nightly}");
    std::fs::write(&layer, nightly.replace(rule, r#"{"freq": "SECONDLY"}"#)).unwrap();
    let file = folder.path().join("iris/iris.data");
    let whole = std::fs::read(&file).unwrap();

    let service = Service::start_with(Arc::clone(&folder), &["--config", "config.ron,data/scheduled.ron"]);
    let first = wait_for(&service, "the data are there", |entry| entry["updated"].is_string());
    assert!(first["refresh"]["last"].is_string() && first["refresh"]["error"].is_null(), "{first}");
    wait_for(&service, "the data are loaded anew", |entry| entry["updated"] != first["updated"]);

    std::fs::remove_file(&file).unwrap();
    let failing = wait_for(&service, "the failure is shown", |entry| entry["refresh"]["error"].is_string());
    assert_eq!(failing["refresh"]["error"], "the data cannot be loaded");
    assert!(failing["refresh"]["failing_since"].is_string() && failing["updated"].is_string(), "{failing}");
    assert_eq!(service.get("/alive").status(), 200, "the old data are there");

    let repaired = folder.path().join("iris/repaired");
    std::fs::write(&repaired, whole).unwrap();
    std::fs::rename(repaired, file).unwrap();
    let repaired = wait_for(&service, "the data are loaded again", |entry| entry["refresh"]["error"].is_null());
    assert!(repaired["updated"].as_str() > failing["updated"].as_str(), "{repaired}");
    assert!(service.end().success());
}

#[test]
fn a_service_whose_data_are_missing_does_not_start_and_two_of_one_name_are_told_apart() {
    let folder = example();
    let config = ["--config", "config.ron,data/scheduled.rhai,twice.rhai"];
    let twice = r#"#{ "dataset_loader_test": #{ "__copy__": "dataset_loader_train", "key": "KEY" } }"#;
    std::fs::write(folder.path().join("twice.rhai"), twice.replace("KEY", "data")).unwrap();
    let run = |arguments: &[&str]| {
        let output = palladium(folder.path()).args(arguments).args(config).output().unwrap();
        (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
    };
    let (code, said) = run(&["check"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("`dataset_loader_train` and `dataset_loader_test` both keep data of that name"), "{said}");

    std::fs::write(folder.path().join("twice.rhai"), twice.replace("KEY", "test")).unwrap();
    assert_eq!(run(&["check"]).0, Some(0));
    assert!(run(&["fit", "--evaluate"]).1.contains("test score: "), "commands load what they need");
    std::fs::remove_file(folder.path().join("iris/iris.data")).unwrap();
    let (code, said) = run(&["serve", "--port", "0"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("iris.data") && !said.contains("listening on"), "{said}");
}
