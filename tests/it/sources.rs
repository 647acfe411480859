//! Where data come from and in which formats, as commands read them.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::process::{palladium, repository, succeed, text};

/// Returns the files of the iris example with a layer of `configs/data` in a language.
fn files(layer: &str, language: &str) -> String {
    let file = |name: String| repository().join("configs").join(name).display().to_string();
    format!("{},{}", file(format!("iris/config.{language}")), file(format!("data/{layer}.{language}")))
}

#[test]
fn every_format_gives_the_same_table() {
    let folder = tempfile::tempdir().unwrap();
    let run = |layer: &str, language: &str| {
        let arguments = ["fit", "--evaluate", "--no-save", "--config", &files(layer, language)];
        succeed(folder.path(), &arguments)
    };
    let expected = run("parquet", "ron");
    assert!(expected.starts_with("train score: 0.9") && expected.contains("\ntest score: "), "{expected}");
    for layer in ["parquet", "jsonlines", "json", "arrow", "table"] {
        for language in ["ron", "rhai"] {
            assert_eq!(run(layer, language), expected, "{layer}.{language}");
        }
    }
    // The rows come in another order, so that others are for testing.
    let stacked = run("folder", "ron");
    assert!(stacked.starts_with("train score: 0.9"), "{stacked}");
    assert_eq!(run("folder", "rhai"), stacked);
}

/// Returns the address that a variable names; nothing where the tests have no such server.
#[expect(clippy::print_stdout, reason = "whoever reads the output needs to know what was not tested")]
fn server(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        let all = std::env::var("PALLADIUM_TEST_SERVERS").is_ok_and(|which| which == "all");
        assert!(!all, "`PALLADIUM_TEST_SERVERS` asks for all servers, and `{variable}` is missing");
        println!("left out: `{variable}` names no server");
    }
    url
}

/// Puts the iris data where a server has them under an address.
fn upload(url: &str, user: Option<&str>) {
    let request = reqwest::blocking::Client::new().put(url);
    let request = match user {
        Some(user) => request.basic_auth(user, Some("test-password")),
        None => request,
    };
    let content = std::fs::read(repository().join("configs/data/iris.parquet")).unwrap();
    let answer = request.body(content).send().unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
}

/// Runs the layer with variables of the environment; returns its output, or what it said of its failure.
fn fit(layer: &str, language: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let output = palladium(folder.path())
        .args(["fit", "--evaluate", "--no-save", "--config", &files(layer, language)])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}

#[test]
fn files_of_a_web_server_are_read_by_whoever_may() {
    let Some(server) = server("PALLADIUM_TEST_HTTP") else { return };
    let unique = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let folder = format!("{server}/data-{unique}");
    upload(&format!("{folder}/iris.parquet"), Some("palladium"));
    let expected = fit("parquet", "ron", &[]).unwrap();
    // The user `palladium` with the password of the tests.
    let right = "Basic cGFsbGFkaXVtOnRlc3QtcGFzc3dvcmQ=";
    for language in ["ron", "rhai"] {
        let run = |url: &str, authorization| {
            fit("http", language, &[("DATA_URL", url), ("DATA_AUTHORIZATION", authorization)])
        };
        assert_eq!(run(&folder, right).unwrap(), expected, "{language}");
        let denied = run(&folder, "Basic d3Jvbmc6d3Jvbmc=").unwrap_err();
        assert!(denied.contains("/iris.parquet` may not be read with these credentials"), "{denied}");
        assert!(!denied.contains("d3Jvbmc"), "{denied}");
        let absent = run(&format!("{folder}/absent"), right).unwrap_err();
        assert!(absent.contains("there is no `") && !absent.contains(right), "{absent}");
    }
}

#[test]
fn files_of_a_bucket_are_read_by_a_pattern() {
    let Some(server) = server("PALLADIUM_TEST_S3") else { return };
    for name in ["iris/a.parquet", "iris/notes.txt"] {
        upload(&format!("{server}/models/{name}"), None);
    }
    let keys = [("DATA_USER", "test"), ("DATA_PASSWORD", "test"), ("DATA_URL", server.as_str())];
    let expected = fit("parquet", "ron", &[]).unwrap();
    for language in ["ron", "rhai"] {
        let run = |bucket| fit("s3", language, &[&keys[..], &[("DATA_BUCKET", bucket)]].concat());
        assert_eq!(run("models").unwrap(), expected, "{language}");
        let absent = run("no-such-bucket-here").unwrap_err();
        assert!(absent.contains("lies in a bucket that does not exist"), "{absent}");
    }
}

#[test]
fn what_is_wrong_with_a_source_is_found_before_anything_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (r#"Parquet(path: "ftp://host/a.parquet")"#, "`path` is an `ftp` address, which is not supported"),
        (r#"JSON(path: "a.json", storage: {"endpont": "x"})"#, "there is no option `endpont`"),
        (r#"Arrow(path: "a.arrow", storage: {"timeout": 5})"#, "`timeout` means nothing for files of this machine"),
        (r#"Parquet(path: "s3://b/a", storage: {"profile": "x", "anonymous": true})"#, "beside keys or a profile"),
        (r#"JSONLines(path: "a", columns: ["a"], target_column: "b")"#, "`columns` leaves out the target `b`"),
        (r#"NDJSON(path: "a", usecols: [])"#, "`columns` is empty, so that no column is read"),
        (r#"Feather(path: "a", compression: "rar")"#, "`compression` of `palladium.dataset.Arrow` has to be"),
    ];
    for (loader, expected) in cases {
        std::fs::write(folder.path().join("a.ron"), format!("{{\"dataset_loader_train\": {loader}}}")).unwrap();
        let output = palladium(folder.path()).args(["check", "--config", "a.ron"]).output().unwrap();
        let said = format!("{}{}", text(&output.stderr), text(&output.stdout));
        assert!(!output.status.success() && said.contains(expected), "{loader}: {said}");
    }
}
