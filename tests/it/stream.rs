//! A stream that goes on.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use crate::process::{Running, palladium, succeed, text};
use crate::refresh::refreshing;

const SAMPLE: &str = r#"{"sepal length": 6.3, "sepal width": 2.5, "petal length": 4.9, "petal width": 1.5}"#;

/// Returns a running stream of the iris example with class probabilities, and both of its ends.
fn start(folder: &std::path::Path) -> (Running, ChildStdin, BufReader<ChildStdout>) {
    let mut command = palladium(folder);
    command.args(["stream", "--config", "config.ron", "--set", "predict_service.predict_proba=true"]);
    let mut child: Child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    (Running(child), input, output)
}

#[test]
fn a_stream_takes_up_what_others_activate() {
    let folder = refreshing();
    let run = |arguments: &[&str]| succeed(folder.path(), &[arguments, &["--config", "config.ron"]].concat());
    run(&["fit"]);
    let (process, mut input, mut output) = start(folder.path());
    let mut ask = |line: &str| {
        writeln!(input, "{line}").unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        answer
    };
    // Each line is answered while the input is still open, also after a mistake.
    let first = ask(SAMPLE);
    assert!(first.starts_with("[0.") && first.ends_with("]\n"), "{first}");
    assert_eq!(ask("{}"), "[]\n");
    assert_eq!(ask(SAMPLE), first);

    run(&["fit", "--set", "model.C=0.001"]);
    let started = Instant::now();
    while ask(SAMPLE) == first {
        assert!(started.elapsed() < Duration::from_secs(30), "the second model is not taken up");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(input);
    let ended = process.finish();
    assert_eq!(ended.status.code(), Some(0));
    let said = text(&ended.stderr);
    assert!(
        said.starts_with("line 2 of the input:\nError while processing input row: {}\nBadRequest: ")
            && said.lines().count() == 3,
        "{said}"
    );
}

#[test]
fn a_closed_pipe_ends_a_stream_quietly() {
    let folder = refreshing();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    let (process, mut input, mut output) = start(folder.path());
    writeln!(input, "{SAMPLE}").unwrap();
    output.read_line(&mut String::new()).unwrap();
    drop(output);
    writeln!(input, "{SAMPLE}").unwrap();
    let ended = process.finish();
    assert_eq!((ended.status.code(), text(&ended.stderr).as_str()), (Some(1), ""));
}
