//! Predictions for files.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::process::{Running, iris, palladium, succeed, text};

const HEADER: &str = "sepal length,sepal width,petal length,petal width";

/// Returns the fitted iris example.
fn fitted() -> tempfile::TempDir {
    let folder = iris();
    succeed(folder.path(), &["fit", "--config", "config.ron"]);
    folder
}

/// Writes a file of so many rows.
fn write_rows(path: &Path, count: usize) {
    let mut rows = format!("{HEADER}\n");
    for row in 0..count {
        writeln!(rows, "{}.{},2.5,{}.9,1.5", row % 8, row % 10, row % 6).unwrap();
    }
    std::fs::write(path, rows).unwrap();
}

/// Starts a prediction with pipes around it.
fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = palladium(folder);
    command.arg("predict").args(arguments).args(["--config", "config.ron"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Returns the names of the files in a folder that are no part of the example.
fn others(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter(|name| !name.starts_with("config.") && !name.starts_with("iris")).collect();
    names.sort();
    names
}

#[test]
fn files_hold_what_was_predicted_and_what_was_rejected() {
    let folder = fitted();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let run = |arguments: &[&str], expected: &str| {
        let ended = Running(start(folder.path(), arguments)).finish();
        assert_eq!((ended.status.code(), text(&ended.stderr).as_str()), (Some(0), expected), "{arguments:?}");
    };
    write(
        "in.csv",
        &format!("{HEADER},\"a, b\"\r\n6.3,2.5,4.9,1.5,x\r\nbig,2.5,4.9,1.5,y\r\n1,1.1\r\n1,1.1,0.7,5,\"\"\"z\"\r\n"),
    );
    let summary = "2 rows predicted with model version 1, 2 rows rejected (`bad";
    run(&["in.csv", "out.csv", "--reject", "bad.csv"], &format!("{summary}.csv`)\n"));
    assert_eq!(
        read("out.csv"),
        format!("{HEADER},\"a, b\",prediction\n6.3,2.5,4.9,1.5,x,Iris-versicolor\n1,1.1,0.7,5,\"\"\"z\",Iris-setosa\n")
    );
    assert_eq!(
        read("bad.csv"),
        "line,reason,row\n\
         3,\"`sepal length` has to be a number, got text \"\"big\"\"\",\"big,2.5,4.9,1.5,y\"\n\
         4,\"the row has 2 fields, the header has 5\",\"1,1.1\"\n"
    );
    run(&["in.csv", "out.ndjson", "--reject", "bad.txt"], &format!("{summary}.txt`)\n"));
    let row = |length: &str, width: &str, petal: &str, last: &str, note: &str, class: &str| {
        format!(
            "{{\"sepal length\":\"{length}\",\"sepal width\":\"{width}\",\"petal length\":\"{petal}\",\
             \"petal width\":\"{last}\",\"a, b\":\"{note}\",\"prediction\":\"{class}\"}}\n"
        )
    };
    assert_eq!(
        read("out.ndjson"),
        [row("6.3", "2.5", "4.9", "1.5", "x", "Iris-versicolor"), row("1", "1.1", "0.7", "5", "\\\"z", "Iris-setosa"),]
            .concat()
    );
    let rejected: Vec<serde_json::Value> =
        read("bad.txt").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = serde_json::json!({"line": 4, "reason": "the row has 2 fields, the header has 5", "row": "1,1.1"});
    assert_eq!((rejected.len(), &rejected[1]), (2, &expected));

    // A file may be replaced by its own predictions: it is read to its end before.
    run(&["in.csv", "in.csv", "--reject", "bad.csv"], &format!("{summary}.csv`)\n"));
    assert_eq!(read("in.csv"), read("out.csv"));

    // Fields that a later row lacks are empty cells, those that the first one lacks have no column.
    let sample = r#""sepal length": 1, "sepal width": 1.1, "petal length": 0.7, "petal width": 5"#;
    write("in.ndjson", &format!("{{\"id\": 1, {sample}}}\n{{{sample}}}\n{{\"more\": [], {sample}}}\n"));
    run(
        &["in.ndjson", "out.csv", "--reject", "bad.csv"],
        &summary.replace("2 rows rej", "1 row rej").replace("`bad", "`bad.csv`)\n"),
    );
    assert_eq!(
        read("out.csv"),
        format!("id,{HEADER},prediction\n1,1,1.1,0.7,5,Iris-setosa\n,1,1.1,0.7,5,Iris-setosa\n")
    );
    assert!(read("bad.csv").lines().nth(1).unwrap().starts_with("3,\"the field `more` is not in the first row"));
}

#[test]
fn predictions_are_those_of_the_version_that_is_named() {
    let folder = fitted();
    let at = |name: &str| folder.path().join(name);
    let renamed = std::fs::read_to_string(at("iris.data")).unwrap().replace("Iris-", "Flower-");
    std::fs::write(at("renamed.data"), renamed).unwrap();
    let set = "dataset_loader_train.path=\"renamed.data\"";
    succeed(folder.path(), &["fit", "--config", "config.ron", "--set", set]);
    std::fs::write(at("in.csv"), format!("{HEADER}\n6.3,2.5,4.9,1.5\n")).unwrap();
    for (arguments, version, class) in [
        (&[][..], 2, "Flower-versicolor"),
        (&["--version", "1"], 1, "Iris-versicolor"),
        (&["--version", "2"], 2, "Flower-versicolor"),
    ] {
        let ended = Running(start(folder.path(), &[&["in.csv", "-"], arguments].concat())).finish();
        let expected = format!("{HEADER},prediction\n6.3,2.5,4.9,1.5,{class}\n");
        assert_eq!(text(&ended.stdout), expected, "{arguments:?}");
        assert_eq!(text(&ended.stderr), format!("1 row predicted with model version {version}\n"), "{arguments:?}");
    }
}

#[test]
fn nothing_half_written_is_left() {
    let folder = fitted();
    write_rows(&folder.path().join("in.csv"), 100);
    let mut file = File::options().append(true).open(folder.path().join("in.csv")).unwrap();
    file.write_all(b"x,1,1,1\n").unwrap();
    std::fs::write(folder.path().join("old.csv"), "old").unwrap();
    let before = others(folder.path());
    for out in ["old.csv", "new.csv"] {
        let ended = Running(start(folder.path(), &["in.csv", out, "--batch-size", "10"])).finish();
        assert_eq!(ended.status.code(), Some(1));
        assert!(
            text(&ended.stderr).starts_with("error: `in.csv`, line 102: `sepal length` has to be a number, got text")
        );
        assert_eq!(others(folder.path()), before, "{out}");
    }
    for signal in [Signal::INT, Signal::TERM] {
        let mut process = start(folder.path(), &["-", "old.csv", "--format", "csv", "--batch-size", "1"]);
        let mut input = process.stdin.take().unwrap();
        input.write_all(format!("{HEADER}\n1,1,1,1\n").as_bytes()).unwrap();
        // The file beside is there once rows are waited for.
        while others(folder.path()) == before {
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut process = Running(process);
        process.signal(signal);
        let ended = process.finish();
        let said = text(&ended.stderr);
        assert_eq!((ended.status.code(), said.as_str()), (Some(1), "error: the prediction was interrupted\n"));
        assert_eq!(others(folder.path()), before, "{signal:?}");
        assert_eq!(std::fs::read_to_string(folder.path().join("old.csv")).unwrap(), "old");
        drop(input);
    }
}

/// Starts a prediction to a file and waits until it is written beside its place.
fn start_to(folder: &Path, out: &str) -> (Running, ChildStdin) {
    let before = others(folder);
    let mut process = start(folder, &["-", out, "--format", "csv", "--batch-size", "1"]);
    let mut input = process.stdin.take().unwrap();
    input.write_all(format!("{HEADER}\n1,1,1,1\n").as_bytes()).unwrap();
    while others(folder) == before {
        std::thread::sleep(Duration::from_millis(10));
    }
    (Running(process), input)
}

#[test]
fn what_a_killed_prediction_has_left_the_next_one_removes() {
    let folder = fitted();
    write_rows(&folder.path().join("in.csv"), 10);
    let before = others(folder.path());
    let (mut killed, input) = start_to(folder.path(), "out.csv");
    killed.signal(Signal::KILL);
    killed.finish();
    drop(input);
    let left = others(folder.path());
    assert_eq!(left.len(), before.len() + 1);

    let (living, input) = start_to(folder.path(), "other.csv");
    assert!(left.iter().all(|name| others(folder.path()).contains(name)), "it is left beside another file");
    let ended = Running(start(folder.path(), &["in.csv", "out.csv"])).finish();
    assert_eq!(ended.status.code(), Some(0));
    let ended = Running(start(folder.path(), &["in.csv", "other.csv"])).finish();
    assert_eq!(ended.status.code(), Some(0));
    let there = others(folder.path());
    assert_eq!(there.len(), before.len() + 3, "two files and what is being written: {there:?}");
    drop(input);
    assert_eq!(living.finish().status.code(), Some(0));
    assert_eq!(others(folder.path()).len(), before.len() + 2);
    assert_eq!(std::fs::read_to_string(folder.path().join("other.csv")).unwrap().lines().count(), 2);
}

#[test]
fn a_cell_of_lines_without_an_end_in_sight_is_not_put_aside() {
    const MOST: usize = 16 << 20;
    let folder = fitted();
    let read = |cell: &str| {
        let rows = format!("{HEADER},note\n1,1,1,1,\"{cell}\"\n1,1,1,1,\n");
        std::fs::write(folder.path().join("in.csv"), rows).unwrap();
        let ended = Running(start(folder.path(), &["in.csv", "out.csv", "--reject", "bad.csv"])).finish();
        (ended.status.code(), text(&ended.stderr))
    };
    let (code, said) = read(&"line\n".repeat(MOST / 5 + 1));
    let expected = format!(
        "error: `in.csv`, line 2: the quote that opens field 5 is not closed within {MOST} bytes, the most that a cell of \
         several lines may have\n  help: "
    );
    assert!(code == Some(1) && said.starts_with(&expected), "{said}");
    let (code, said) = read(&"line ".repeat(MOST / 5 + 1));
    assert_eq!((code, said.as_str()), (Some(0), "1 row predicted with model version 1, 1 row rejected (`bad.csv`)\n"));
    let help = succeed(folder.path(), &["predict", "-h"]);
    assert!(help.contains("a quoted cell of several lines that has more than 16 MiB or no end is an error"), "{help}");
}

#[test]
fn an_encrypted_parquet_file_is_told() {
    let folder = fitted();
    std::fs::write(folder.path().join("in.parquet"), "PARE----PARE").unwrap();
    let ended = Running(start(folder.path(), &["in.parquet", "out.csv"])).finish();
    let expected = "error: `in.parquet` is an encrypted Parquet file, which is not supported\n  \
                    help: decrypt it first: have a program that has its keys, such as pyarrow or Spark, write it anew \
                    without encryption\n";
    assert_eq!((ended.status.code(), text(&ended.stderr).as_str()), (Some(1), expected));
}

#[test]
fn what_stands_for_a_descriptor_is_written_and_read_where_that_stands() {
    let folder = fitted();
    let at = |name: &str| folder.path().join(name);
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    std::fs::write(at("in.csv"), format!("{HEADER}\n6.3,2.5,4.9,1.5\n")).unwrap();
    std::fs::write(at("bad.csv"), format!("{HEADER}\n6.3,2.5,4.9,x\n")).unwrap();
    symlink("/dev/stdout", at("link.csv")).unwrap();
    let run = |script: &str| {
        let script = script.replace("palladium ", concat!(env!("CARGO_BIN_EXE_palladium"), " "));
        let mut command = Command::new("sh");
        command.args(["-ec", &script]).current_dir(folder.path());
        command.env("PALLADIUM_CONFIG", "config.ron").env("PALLADIUM_LOG", "warn");
        let ended = command.output().unwrap();
        assert!(ended.status.success(), "{script}: {}", text(&ended.stderr));
    };
    let rows = format!("{HEADER},prediction\n6.3,2.5,4.9,1.5,Iris-versicolor\n");
    for (redirection, out) in [
        (">> all.csv", "/dev/stdout"),
        (">> all.csv", "/dev/fd/1"),
        (">> all.csv", "/proc/self/fd/1"),
        (">> all.csv", "link.csv"),
        ("3>> all.csv", "/dev/fd/3"),
        ("| cat >> all.csv", "/dev/stdout"),
    ] {
        run(&format!("echo first > all.csv; palladium predict in.csv {out} {redirection}; echo last >> all.csv"));
        assert_eq!(read("all.csv"), format!("first\n{rows}last\n"), "{out} {redirection}");
    }
    run("{ echo first; palladium predict in.csv /dev/stdout; echo last; } > all.csv");
    assert_eq!(read("all.csv"), format!("first\n{rows}last\n"));
    run("{ echo first; palladium predict bad.csv out.csv --reject /dev/stdout; echo last; } > all.csv");
    let rejected = read("all.csv");
    assert_eq!((rejected.lines().next(), rejected.lines().last()), (Some("first"), Some("last")), "{rejected}");
    assert!(rejected.contains("`petal width` has to be a number"), "{rejected}");
    for (out, reject) in [("-", "/dev/stdout"), ("/dev/stdout", "/dev/fd/1"), ("out.csv", "in.csv")] {
        let ended = Running(start(folder.path(), &["in.csv", out, "--reject", reject])).finish();
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("`--reject {reject}` is IN or OUT: name another file")), "{said}");
    }
    run("echo first > all.csv; palladium data --to link.csv >> all.csv");
    assert!(read("all.csv").starts_with(&format!("first\n{HEADER},species\n")));

    std::fs::write(at("two.csv"), format!("skipped\n{}", read("in.csv"))).unwrap();
    for (input, number) in [("/dev/stdin", 0), ("/dev/fd/0", 0), ("/dev/fd/3", 3)] {
        let script = "read -r skipped <&{number}; palladium predict {input} out.csv --format csv";
        let script = script.replace("{number}", &number.to_string()).replace("{input}", input);
        run(&format!("{{ {script}; }} {number}< two.csv"));
        assert_eq!(read("out.csv"), rows, "{input}");
        std::fs::remove_file(at("out.csv")).unwrap();
    }
}

#[test]
fn a_closed_pipe_ends_a_prediction_quietly() {
    let folder = fitted();
    write_rows(&folder.path().join("in.csv"), 50_000);
    let mut process = start(folder.path(), &["in.csv", "-", "--batch-size", "100"]);
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, format!("{HEADER},prediction\n"));
    drop(output);
    let ended = Running(process).finish();
    assert_eq!((ended.status.code(), text(&ended.stderr).as_str()), (Some(1), ""));
}

/// Predicts for a file of so many rows and returns the most memory that took, in KiB: the process is looked at when all
/// rows but the last ones, which do not fit into the pipe, have been read.
fn peak_memory(folder: &Path, n_rows: usize) -> u64 {
    const KEPT: usize = 9_000;
    write_rows(&folder.join("in.csv"), n_rows);
    let mut process = Running(start(folder, &["in.csv", "-"]));
    let mut output = BufReader::new(process.0.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..n_rows - KEPT {
        line.clear();
        output.read_line(&mut line).unwrap();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak = peak.trim().trim_end_matches(" kB").parse().unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.lines().count(), KEPT + 1);
    let said = text(&process.finish().stderr);
    assert_eq!(said, format!("{n_rows} rows predicted with model version 1\n"));
    peak
}

#[test]
fn memory_is_that_of_a_batch() {
    let folder = fitted();
    let (few, many) = (peak_memory(folder.path(), 20_000), peak_memory(folder.path(), 300_000));
    assert!(many < few + (8 << 10), "{many} KiB for 300,000 rows, {few} KiB for 20,000");
}

#[test]
fn a_terminal_shows_the_progress() {
    let folder = fitted();
    write_rows(&folder.path().join("in.csv"), 150);
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    let mut command = palladium(folder.path());
    command.args(["predict", "in.csv", "out.csv", "--config", "config.ron"]).stderr(terminal);
    assert!(command.status().unwrap().success());
    let mut shown = String::new();
    BufReader::new(File::from(master)).read_line(&mut shown).unwrap();
    assert!(shown.starts_with("\r\u{1b}[K150 rows, "), "{shown:?}");
    assert!(shown.ends_with(" a second\r\u{1b}[K150 rows predicted with model version 1\r\n"), "{shown:?}");
}
