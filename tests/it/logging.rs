//! Where the log goes, and how it looks where case files cannot say so.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

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

#[test]
fn a_file_that_cannot_be_written_is_told_once() {
    let said = logged(iris().path(), r#"to: "/dev/full""#, &["fit", "-n"]);
    let wrong = "warning: the log file cannot be written, and lines are lost until it can: No space left on device";
    assert!(said.starts_with(wrong) && said.lines().count() == 1, "{said}");
}

/// A limit on the size of files stands for a full disk on which there is room again later.
#[test]
fn lines_that_a_file_cannot_take_are_counted_and_none_is_torn() {
    const PART: usize = 20;
    let folder = Arc::new(iris());
    std::fs::write(folder.path().join("logging.ron"), r#"{"logging": (to: "all.log")}"#).unwrap();
    let binary = palladium(folder.path());
    let mut command = Command::new("sh");
    // A write beyond the limit is an error, and not the end of the process.
    let line = "trap '' XFSZ; exec \"$0\" serve --port 0 --config config.ron,logging.ron";
    command.args(["-c", line]).arg(binary.get_program()).current_dir(folder.path()).stderr(Stdio::piped());
    command.env_remove("PALLADIUM_CONFIG").env("PALLADIUM_LOG", "off,palladium::access=info");
    let mut service = Service::spawn(command, Arc::clone(&folder));
    let read = || std::fs::read_to_string(folder.path().join("all.log")).unwrap();
    let ask_until = |service: &Service, is_over: &dyn Fn(&str) -> bool| {
        assert_eq!(service.get("/live").status(), 200);
        let started = Instant::now();
        while !is_over(&read()) {
            assert!(started.elapsed() < Duration::from_secs(60), "{}", read());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    ask_until(&service, &|log| log.ends_with('\n'));
    let limit = read().len() + PART;
    let process = Pid::from_raw(service.process.0.id().try_into().unwrap());
    let full = Rlimit { current: Some(limit as u64), maximum: None };
    let before = prlimit(process, Resource::Fsize, full).unwrap();
    ask_until(&service, &|log| log.len() == limit);
    ask_until(&service, &|_| true);
    prlimit(process, Resource::Fsize, before).unwrap();
    ask_until(&service, &|log| log.len() > limit && log.ends_with('\n'));
    service.process.signal(Signal::TERM);
    let said = text(&service.process.finish().stderr);

    let log = read();
    let (whole, torn): (Vec<&str>, Vec<&str>) = log.lines().partition(|line| line.contains("/live"));
    assert!(torn.len() == 1 && torn[0].len() == PART, "{log}");
    let lost = ["1 line was", "2 lines were"][3 - whole.len()];
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].starts_with("warning: the log file cannot be written, and lines are lost until it can: "),
        "{said:?}"
    );
    assert_eq!(said[1], format!("warning: the log file is written again; {lost} lost"));
}
