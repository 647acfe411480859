//! Batches of a service that does what its rows say.

use super::*;
use crate::puppet::predictor;

/// What came of rows.
#[derive(Debug, Default, PartialEq)]
struct Found {
    output: String,
    rejects: String,
    /// The report, or the error.
    said: String,
    /// How many samples each request had.
    asked: Vec<usize>,
    progress: Vec<u64>,
}

fn run(rows: &str, batch_size: usize, rejects: bool, cancelled: bool) -> Found {
    let (predictor, puppet) = predictor(1);
    let mut found = Found::default();
    let (mut output, mut rejected) = (Vec::new(), Vec::new());
    let sink = rejects.then(|| Sink { format: Format::Csv, writer: Box::new(&mut rejected) });
    let report = predict(
        &predictor,
        Input { name: "rows", format: Format::Ndjson, reader: Box::new(rows.as_bytes()) },
        Sink { format: Format::Ndjson, writer: Box::new(&mut output) },
        sink,
        &BatchOptions { version: None, batch_size },
        &mut |n_rows| found.progress.push(n_rows),
        &AtomicBool::new(cancelled),
    );
    found.said = match report {
        Ok(report) => format!("{} and {}", report.predicted, report.rejected),
        Err(error) => error.to_string(),
    };
    found.output = String::from_utf8(output).unwrap();
    found.rejects = String::from_utf8(rejected).unwrap();
    found.asked = puppet.asked.lock().unwrap().clone();
    found
}

/// Returns so many rows, of which these do something.
fn rows(count: usize, doing: &[(usize, &str)]) -> String {
    let row = |index: usize| match doing.iter().find(|(row, _)| *row == index) {
        Some((_, what)) => format!("{{\"do\":\"{what}\"}}\n"),
        None => format!("{{\"x\":{index}}}\n"),
    };
    (0..count).map(row).collect()
}

#[test]
fn batches_are_full_but_for_the_last() {
    let found = run(&rows(5, &[]), 2, false, false);
    assert_eq!(found.asked, [2, 2, 1]);
    assert_eq!(found.progress, [2, 4, 5]);
    assert_eq!(found.said, "5 and 0");
    let expected: String = (0..5).map(|row| format!("{{\"x\":{row},\"prediction\":{row}.0}}\n")).collect();
    assert_eq!(found.output, expected);
    assert_eq!(run("", 2, true, false).said, "0 and 0");
}

#[test]
fn rows_that_are_refused_are_found_by_halves() {
    let found = run(&rows(8, &[(2, "bad"), (7, "refuse")]), 8, true, false);
    assert_eq!(found.said, "6 and 2");
    assert_eq!(
        found.rejects,
        "line,reason,row\n3,it is bad,\"{\"\"do\"\":\"\"bad\"\"}\"\n8,error (-1),\"{\"\"do\"\":\"\"refuse\"\"}\"\n"
    );
    assert_eq!(found.output.lines().count(), 6);
    assert!(found.output.ends_with("{\"x\":6,\"prediction\":6.0}\n"), "{}", found.output);
    assert_eq!(found.asked, [8, 4, 2, 2, 1, 1, 4, 2, 2, 1, 1]);

    // Lines that are no rows are rejected in their place.
    let found = run("no\n{\"do\":\"bad\"}\n[]\n{\"x\":1}\n", 8, true, false);
    let lines: Vec<&str> = found.rejects.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!((lines, found.said.as_str()), (vec!["line", "1", "2", "3"], "1 and 3"));
}

#[test]
fn the_first_row_that_is_refused_is_the_error() {
    let found = run(&rows(8, &[(3, "bad"), (5, "refuse")]), 8, false, false);
    assert_eq!(found.said, "`rows`, line 4: it is bad");
    assert_eq!(found.asked, [8, 4, 2, 2, 1, 1], "nobody asks about the rows behind it");
    let found = run(&(rows(2, &[(1, "bad")]) + "no\n"), 8, false, false);
    assert_eq!(found.said, "`rows`, line 2: it is bad");
}

#[test]
fn what_is_no_matter_of_a_row_is_no_reject() {
    for what in ["fail", "lose", "panic"] {
        let found = run(&rows(4, &[(1, what)]), 4, true, false);
        assert_eq!((found.said.as_str(), found.asked.len()), ("predicting failed", 1), "{what}");
        assert_eq!(found.rejects, "line,reason,row\n", "{what}");
    }
}

#[test]
fn nothing_is_asked_once_it_is_cancelled() {
    let found = run(&rows(4, &[]), 4, true, true);
    assert_eq!((found.said.as_str(), found.asked.len()), ("the prediction was interrupted", 0));
}

#[test]
fn long_rows_make_small_batches() {
    let long = "x".repeat(MAX_BYTES / 2);
    let rows = format!("{{\"x\":1,\"more\":\"{long}\"}}\n").repeat(5);
    assert_eq!(run(&rows, 1000, false, false).asked, [2, 2, 1]);
}

#[test]
fn rows_are_text() {
    let (predictor, _) = predictor(2);
    let cases: [(Format, &[u8], &str); 2] = [
        (Format::Ndjson, b"{\"x\":\"\xff\"}\n", "`rows`, line 1: the line is not UTF-8"),
        (Format::Csv, b"x,y\n1,\xff\n", "`rows`, line 2: `y` is not UTF-8"),
    ];
    for (format, rows, expected) in cases {
        let found = predict(
            &predictor,
            Input { name: "rows", format, reader: Box::new(rows) },
            Sink { format: Format::Csv, writer: Box::new(io::sink()) },
            None,
            &BatchOptions { version: None, batch_size: 10 },
            &mut |_| {},
            &AtomicBool::new(false),
        );
        assert_eq!(found.unwrap_err().to_string(), expected);
    }
}
