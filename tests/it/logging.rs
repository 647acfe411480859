//! Where the log goes, and how it looks where case files cannot say so.

use std::path::Path;
use std::sync::Arc;

use crate::process::{iris, palladium, repository, succeed, text};
use crate::serve::Service;

/// Runs a command with an entry `logging` and returns what it wrote to standard error.
fn logged(folder: &Path, logging: &str, command: &[&str]) -> String {
    std::fs::write(folder.join("logging.ron"), format!("{{\"logging\": ({logging})}}")).unwrap();
    let mut process = palladium(folder);
    process.env_remove("PALLADIUM_LOG").env("TZ", "TST-5");
    let output = process.args(command).args(["--config", "config.ron,logging.ron"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn files_are_named_after_their_period() {
    let folder = iris();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    let to_file = r#"to: "logs/palladium.log", rotation: "daily", keep: 2"#;
    for day in ["2001-01-01", "2001-01-02"] {
        std::fs::write(folder.path().join(format!("logs/palladium.{day}.log")), "").unwrap();
    }
    assert_eq!(logged(folder.path(), to_file, &["check"]), "");
    assert!(folder.path().join("logs/palladium.2001-01-01.log").exists(), "a check leaves files alone");

    assert_eq!(logged(folder.path(), to_file, &["fit", "-n"]), "");
    let mut names: Vec<String> = std::fs::read_dir(folder.path().join("logs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[0], "palladium.2001-01-02.log");
    let log = std::fs::read_to_string(folder.path().join("logs").join(&names[1])).unwrap();
    assert!(log.lines().any(|line| line.contains("Z  INFO ") && line.contains("Loading data...")), "{log}");

    let plain = r#"to: "all.log""#;
    logged(folder.path(), plain, &["fit", "-n"]);
    let once = std::fs::read_to_string(folder.path().join("all.log")).unwrap();
    logged(folder.path(), plain, &["fit", "-n"]);
    let twice = std::fs::read_to_string(folder.path().join("all.log")).unwrap();
    assert!(twice.starts_with(&once) && twice.lines().count() == 2 * once.lines().count(), "{twice}");
}

#[test]
fn pretty_lines_and_local_times() {
    let folder = iris();
    let pretty = logged(folder.path(), r#"format: "pretty""#, &["fit", "-n"]);
    assert!(pretty.lines().any(|line| line.trim_start().starts_with("at ") && line.contains(".rs:")), "{pretty}");
    let local = logged(folder.path(), r#"time: "local""#, &["fit", "-n"]);
    assert!(local.lines().all(|line| line.contains("+05:00  INFO ")), "{local}");
}

#[test]
fn what_went_wrong_is_logged_with_the_trace_of_its_request() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let folder = Arc::new(iris());
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let broken = r#"#{ alive_decorators: [|wrapped| throw "broken"] }"#;
    std::fs::write(folder.path().join("broken.rhai"), broken).unwrap();
    let files = format!("config.ron,{},broken.rhai", repository().join("configs/service/inference.ron").display());
    let service = Service::logged(Arc::clone(&folder), "warn", &["--listen", "127.0.0.1:0", "--config", &files]);
    std::fs::write(folder.path().join("iris-model.db"), "no database").unwrap();
    for (index, path) in ["/alive", "/list", "/v2/models/iris/versions/1", "/alive"].into_iter().enumerate() {
        let (id, is_traced) = (format!("request-{index}"), index < 3);
        let mut request = service.client.get(format!("{}{path}", service.base)).header("x-request-id", &id);
        if is_traced {
            request = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
        }
        assert!(request.send().unwrap().status().is_server_error(), "{path}");
        let log = service.wait_for_log(&id, 1);
        let line = log.lines().find(|line| line.contains(&id)).unwrap();
        assert!(line.contains("ERROR"), "{line}");
        assert_eq!(line.contains(&format!("trace_id={TRACE}")), is_traced, "{line}");
        assert_eq!(line.contains("trace_id"), is_traced, "{line}");
    }
}
