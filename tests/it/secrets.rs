//! A canary in every place where a secret may stand, and a search for it in everything that is printed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use reqwest::blocking::Client;
use rustix::process::Signal;

use crate::process::{Running, iris, palladium, text};

/// What each canary contains.
const CANARY: &str = "canary";

/// The iris example with canaries; `more` are further entries.
fn planted(more: &str) -> tempfile::TempDir {
    let folder = iris();
    std::fs::rename(folder.path().join("iris.data"), folder.path().join("canary-path.data")).unwrap();
    let secrets = r#"
        "dataset_loader_train": { "__copy__": "dataset_loader_train", "path": "${here}/${environ.DATA}" },
        "dataset_loader_test": { "__copy__": "dataset_loader_test", "path": "${here}/${environ.DATA}" },
        "model_persister": {
            "!": "palladium.persistence.CachedUpdatePersister",
            "impl": { "!": "palladium.persistence.Database", "url": "sqlite:///${here}/${environ.STORE}" },
        },
        "elsewhere": {
            "url": "postgres://user:canary-literal@host/db",
            "mixed": "postgres://user:${environ.PASSWORD}@host/db",
            "signed": "https://host/a.csv?x=1&X-Amz-Signature=canary-signature&y=2",
            "pasted": "https://host/#access_token=canary-fragment&token_type=bearer",
            "auth": ("user", "canary-auth"),
            "token": "canary-token",
            "nested": { "api_key": "canary-key", "password": "${environ.PASSWORD}" },
        },"#;
    std::fs::write(folder.path().join("secrets.ron"), format!("{{{secrets}\n{more}\n}}")).unwrap();
    folder
}

/// Runs a command with everything logged, and checks that what it prints says this and nothing of a canary.
fn check(folder: &Path, arguments: &[&str], code: i32, said: &str) {
    let mut command = palladium(folder);
    command.args(arguments).args(["--config", "config.ron,secrets.ron"]);
    let output = with_variables(&mut command).output().unwrap();
    let printed = text(&output.stdout) + text(&output.stderr).as_str();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {printed}");
    assert!(printed.contains(said), "{arguments:?}: {printed} lacks {said}");
    assert!(!printed.contains(CANARY), "{arguments:?}: {printed}");
}

fn with_variables(command: &mut std::process::Command) -> &mut std::process::Command {
    command
        .env("PALLADIUM_LOG", "trace")
        .env("DATA", "canary-path.data")
        .env("STORE", "canary-store.db")
        .env("PASSWORD", "canary-\"password\"")
}

#[test]
fn commands_print_no_secret() {
    let folder = planted("");
    check(folder.path(), &["check"], 0, "no findings");
    check(folder.path(), &["config"], 0, "postgres://user:***@host/db");
    check(folder.path(), &["config"], 0, "https://host/a.csv?x=1&X-Amz-Signature=***&y=2");
    check(folder.path(), &["config"], 0, "https://host/#access_token=***&token_type=bearer");
    check(folder.path(), &["config", "--format", "json"], 0, "${environ.PASSWORD}");
    check(folder.path(), &["config", "--origin"], 0, "***");
    check(folder.path(), &["fit", "--evaluate"], 0, "model version: 1");
    check(folder.path(), &["list"], 0, "\"version\": 1");
    check(folder.path(), &["test"], 0, "score: ");
}

#[test]
fn findings_and_errors_print_no_secret() {
    let findings = [
        (r#""logging": (token: "canary-line", to: 1),"#, "token: \"***********\""),
        (r#""x": { "!": "palladium.dataset.CSV", "url": "y://u:canary-url@h" },"#, "y://u:**********@h"),
        (
            r#""x": { "!": "palladium.dataset.CSV", "url": "https://h/a?token=canary-url&b=c" },"#,
            "?token=**********&b=c",
        ),
        (r#""x": { "!": "palladium.persistence.Database", "url": "sqlserver://u:canary-url@h/d" },"#, "u:**********@h"),
        (r#""x": { "!": "palladium.persistence.Database", "url": "${environ.PASSWORD}" },"#, "${environ.PASSWORD}"),
    ];
    for (more, said) in findings {
        let folder = planted(more);
        for command in ["check", "fit", "list", "serve"] {
            check(folder.path(), &[command], 1, said);
        }
        check(folder.path(), &["check", "--format", "json"], 1, "bad_arguments");
        check(folder.path(), &["check", "--format", "github"], 1, "bad_arguments");
    }

    let unreachable = r#""elsewhere_too": {
        "!": "palladium.dataset.CSV", "path": "http://127.0.0.1:1/a.csv?sig=canary-signature", "target_column": "a",
    },"#;
    check(planted(unreachable).path(), &["data", "elsewhere_too"], 1, "http://127.0.0.1:1/a.csv");

    let folder = planted("");
    std::fs::remove_file(folder.path().join("canary-path.data")).unwrap();
    check(folder.path(), &["fit"], 1, "${environ.DATA}");
    check(folder.path(), &["test"], 1, "error");
    std::fs::write(folder.path().join("canary-store.db"), "this is no database, and long enough to say so").unwrap();
    check(folder.path(), &["list"], 1, "${environ.STORE}");
    check(folder.path(), &["serve", "--check"], 0, "${environ.STORE}");
}

#[test]
fn a_service_says_and_logs_no_secret() {
    for format in ["full", "json", "pretty"] {
        let folder = planted(&format!(r#""logging": (format: "{format}"),"#));
        check(folder.path(), &["fit"], 0, "model version: 1");
        let mut command = palladium(folder.path());
        command.args(["serve", "--port", "0", "--config", "config.ron,secrets.ron"]);
        with_variables(&mut command).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Running(command.spawn().unwrap());
        let log = process.0.stderr.take().unwrap();
        let log = std::thread::spawn(move || std::io::read_to_string(log).unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().rsplit(' ').next().unwrap().to_owned();

        let client = Client::new();
        let sample = "sepal%20length=6.3&sepal%20width=2.5&petal%20length=4.9&petal%20width=1.5";
        for path in [
            &format!("/predict?{sample}&token=canary-query&x=canary-query"),
            "/predict?a=b;key=canary-query",
            "/predict?%74oken=canary-query",
            "/predict?x=canary",
            "/alive",
            "/list",
            "/no",
        ] {
            let request = client.get(format!("{base}{path}")).header("authorization", "Basic canary-header");
            let answer = request.header("cookie", "a=canary-cookie").send().unwrap().text().unwrap();
            assert!(!answer.contains(CANARY), "{path}: {answer}");
        }
        process.signal(Signal::TERM);
        process.finish();
        let log = log.join().unwrap();
        assert!(log.contains("palladium::access") && log.contains("/predict"), "everything is logged: {log}");
        assert!(!log.contains(CANARY), "{log}");
    }
}
