//! `palladium data`: what is shown of the data of a loader, what is written to files, and how long loads are told.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value as Json, json};

use crate::process::{Running, iris, palladium, succeed, text};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    palladium(folder).args(["data", "--config", "config.ron"]).args(arguments).output().unwrap()
}

/// Runs the command, which has to fail, and returns what standard error says.
fn fail(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = run(folder, arguments);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(code), ""), "{arguments:?}: {said}");
    said
}

fn json(folder: &Path, arguments: &[&str]) -> Json {
    let output = run(folder, &[arguments, &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns a folder with a configuration of loaders of one small file, with a decorator that changes nothing.
fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = "size,label,note,y\n1.5,\"007, agent\",,2\n,b,\"say \"\"hi\"\"\",3\n-2.25,b,x,2\n";
    fs::write(folder.path().join("data.csv"), data).unwrap();
    let config = r#"{
    "dataset_loader_train": {
        "!": "palladium.dataset.Sample",
        "impl": {"!": "palladium.dataset.CSV", "path": "${here}/data.csv", "target_column": "y"},
        "n": 2,
    },
    "all": {"!": "palladium.dataset.CSV", "path": "${here}/data.csv", "target_column": "y"},
    "again": {"!": "palladium.dataset.CSV", "path": "${here}/again.csv", "target_column": "y"},
    "scoring": "accuracy",
    "model": LogisticRegression(),
}"#;
    fs::write(folder.path().join("config.ron"), config).unwrap();
    folder
}

#[test]
fn json_has_the_documented_shape() {
    let folder = example();
    let told = json(folder.path(), &["all", "--head", "2"]);
    let expected = json!({
        "loader": "all",
        "component": "palladium.dataset.CSV",
        "rows": 3,
        "features": [
            {
                "name": "size", "type": "float", "rows": 3, "missing": 1, "distinct": {"count": 2},
                "min": -2.25, "max": 1.5,
                "histogram": [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                "not_finite": 0, "mean": -0.375, "std": told["features"][0]["std"],
                "top": [{"value": -2.25, "count": 1}, {"value": 1.5, "count": 1}],
            },
            {
                "name": "label", "type": "text", "rows": 3, "missing": 0, "distinct": {"count": 2},
                "top": [{"value": "b", "count": 2}, {"value": "007, agent", "count": 1}],
            },
            {
                "name": "note", "type": "text", "rows": 3, "missing": 1, "distinct": {"count": 2},
                "top": [{"value": "say \"hi\"", "count": 1}, {"value": "x", "count": 1}],
            },
        ],
        "target": {
            "name": "y", "type": "int", "rows": 3, "missing": 0, "distinct": {"count": 2}, "min": 2, "max": 3,
            "histogram": [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            "mean": told["target"]["mean"], "std": told["target"]["std"],
            "top": [{"value": 2, "count": 2}, {"value": 3, "count": 1}],
        },
        "head": [
            {"size": 1.5, "label": "007, agent", "note": null, "y": 2},
            {"size": null, "label": "b", "note": "say \"hi\"", "y": 3},
        ],
    });
    assert_eq!(told, expected);
    let std = told["features"][0]["std"].as_f64().unwrap();
    assert!((std - 3.75 / 2.0_f64.sqrt()).abs() < 1e-12, "{std}");
    assert_eq!(json(folder.path(), &["all"]).get("head"), None);
}

#[test]
fn any_loader_can_be_looked_at_and_any_columns() {
    let folder = example();
    let rows = |arguments: &[&str]| json(folder.path(), arguments)["rows"].clone();
    assert_eq!([rows(&[]), rows(&["dataset_loader_train"]), rows(&["dataset_loader_train.impl"])], [2, 2, 3]);
    let told = json(folder.path(), &["all", "--columns", "note,y", "--columns", "size"]);
    let names: Vec<&str> =
        told["features"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!((names, &told["target"]["name"]), (vec!["note", "size"], &json!("y")));
}

#[test]
fn the_variables_of_the_terminal_decide_how_it_is_drawn() {
    let folder = iris();
    let shown = |variables: &[(&str, &str)]| {
        let mut command = palladium(folder.path());
        command.args(["data", "--config", "config.ron", "--head", "1"]).envs(variables.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let widest = |shown: &str| shown.lines().map(|line| line.chars().count()).max().unwrap();
    let unicode = shown(&[("COLUMNS", "80")]);
    assert!(unicode.contains('█') && widest(&unicode) <= 80, "{unicode}");
    let ascii = shown(&[("COLUMNS", "40"), ("LC_ALL", "C")]);
    assert!(ascii.is_ascii() && ascii.contains("###") && widest(&ascii) <= 40, "{ascii}");
    assert!(shown(&[("TERM", "dumb")]).is_ascii());
}

#[test]
fn data_are_written_and_read_back() {
    let folder = example();
    let written = |arguments: &[&str]| {
        let output = run(folder.path(), arguments);
        assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    assert_eq!(written(&["all", "--to", "again.csv"]), "3 rows of 4 columns written to `again.csv`\n");
    let mut read = [json(folder.path(), &["all", "--head", "3"]), json(folder.path(), &["again", "--head", "3"])];
    read.iter_mut().for_each(|told| told["loader"] = Json::Null);
    assert_eq!(read[0], read[1]);

    written(&["all", "--to", "all.jsonl", "--columns", "size"]);
    assert_eq!(
        fs::read_to_string(folder.path().join("all.jsonl")).unwrap(),
        "{\"size\":1.5,\"y\":2}\n{\"size\":null,\"y\":3}\n{\"size\":-2.25,\"y\":2}\n"
    );
    for (name, magic) in [("all.parquet", &b"PAR1"[..]), ("all.arrow", b"ARROW1")] {
        written(&["all", "--to", name]);
        assert!(fs::read(folder.path().join(name)).unwrap().starts_with(magic));
    }

    let there = fail(folder.path(), &["all", "--to", "all.jsonl"], 1);
    assert!(there.contains("`all.jsonl` is there already") && there.contains("--force"), "{there}");
    assert!(fs::read_to_string(folder.path().join("all.jsonl")).unwrap().ends_with("-2.25,\"y\":2}\n"));
    written(&["dataset_loader_train", "--to", "all.jsonl", "--force"]);
    assert_eq!(fs::read_to_string(folder.path().join("all.jsonl")).unwrap().lines().count(), 2);
    let files = fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".part"));
    assert_eq!(files.count(), 0);
}

#[test]
fn numbers_that_json_cannot_hold_are_told() {
    let folder = example();
    let run = |arguments: &[&str]| {
        let mut command = palladium(folder.path());
        command.args(["data", "--config", "config.ron"]).args(arguments).env("PALLADIUM_LOG", "warn").output().unwrap()
    };
    fs::write(folder.path().join("again.csv"), "a,b,y\ninf,1.5,1\n-inf,inf,2\n1,-2,3\n").unwrap();
    let warned = "infinite numbers are written as null, for JSON has none, in the columns `a` (2), `b` (1); .parquet";
    let output = run(&["again", "--to", "again.jsonl"]);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.matches(warned).count() == 1, "{said}");
    let written = fs::read_to_string(folder.path().join("again.jsonl")).unwrap();
    assert!(written.starts_with("{\"a\":null,\"b\":1.5,\"y\":1}\n"), "{written}");
    let output = run(&["again", "--head", "1", "--format", "json"]);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("in the columns `a` (1); .parquet"), "{said}");
    for arguments in [&["again", "--to", "kept.csv"][..], &["again", "--to", "kept.parquet"], &["again", "--head", "3"]]
    {
        let output = run(arguments);
        let said = text(&output.stderr);
        assert!(output.status.success() && !said.contains("null"), "{arguments:?}: {said}");
    }
    let kept = fs::read_to_string(folder.path().join("kept.csv")).unwrap();
    assert!(kept.contains("inf") && kept.contains("-inf"), "{kept}");
}

/// Odd files take no more memory than a few times their size, and what is no table takes little.
#[test]
fn memory_is_bounded_whatever_the_file() {
    /// In KiB. The allocator reserves a large part of it at its start.
    const LIMIT: u32 = 3 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    fs::write(folder.path().join("config.ron"), r#"{"dataset_loader_train": CSV(path: "data.csv")}"#).unwrap();
    let limited = format!("ulimit -v {LIMIT} && exec \"$0\" data --config config.ron");
    let run = || {
        let program = palladium(folder.path());
        let mut command = Command::new("sh");
        command.args(["-c", &limited]).arg(program.get_program()).current_dir(folder.path());
        // Each thread would reserve addresses of its own.
        let output = command.env("MALLOC_ARENA_MAX", "1").env("PALLADIUM_LOG", "off").output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let succeeds = |rows: &str| {
        let (code, shown, said) = run();
        assert!(code == Some(0) && shown.contains(rows), "{code:?}: {said}");
    };

    fs::write(&path, format!("a,b\n1,{}\n2,y\n", "x".repeat(100_000_000))).unwrap();
    succeeds("2 rows, 2 features");

    let row = |cell: fn(usize) -> usize| (0..1_000_000).map(|column| cell(column).to_string()).collect::<Vec<_>>();
    let rows = [row(|column| column), row(|column| column % 10), row(|column| column % 7)];
    fs::write(&path, rows.map(|row| row.join(",")).join("\n")).unwrap();
    succeeds("2 rows, 1000000 features");

    fs::write(&path, "a,b\n1,2\n").unwrap();
    // The rest of the file takes no room on the disk.
    fs::File::options().write(true).open(&path).unwrap().set_len(8 << 30).unwrap();
    let (code, _, said) = run();
    assert!(code == Some(1) && said.contains("line 3: the row is longer than 128 MiB"), "{code:?}: {said}");
}

#[test]
fn what_is_wrong_is_told() {
    let folder = example();
    let cases: [(&[&str], i32, &[&str]); 11] = [
        (
            &["dataset_loader_trian"],
            1,
            &["no dataset loader at `dataset_loader_trian`", "did you mean `dataset_loader_train`?"],
        ),
        (&["nothing_like_it"], 1, &["no dataset loader at `nothing_like_it`", "`dataset_loader_train.impl`"]),
        (&["model"], 1, &["`model` is an estimator, not a dataset loader", "--> config.ron:"]),
        (&["scoring"], 1, &["`scoring` is a scorer, not a dataset loader", "--> config.ron:"]),
        (&["dataset_loader_train.n"], 1, &["no dataset loader at `dataset_loader_train.n`"]),
        (&["again"], 1, &["loading the data of `again` failed", "again.csv"]),
        (&["all", "--columns", "sise"], 1, &["no column `sise`", "did you mean `size`?"]),
        (&["all", "--to", "all.txt"], 2, &["does not say its format", "`.parquet`"]),
        (&["all", "--to", "no/such/all.csv"], 1, &["`no/such/all.csv` cannot be written"]),
        (&["all", "--to", "a.csv", "--head", "1"], 2, &["cannot be used with"]),
        (&["all", "--force"], 2, &["--to"]),
    ];
    for (arguments, code, expected) in cases {
        let said = fail(folder.path(), arguments, code);
        for part in expected {
            assert!(said.contains(part), "{arguments:?}: {part:?} is missing: {said}");
        }
    }
}

#[test]
fn secrets_of_the_configuration_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{
    "dataset_loader_train": {"!": "palladium.dataset.CSV", "path": "${here}/${environ.API_PASSWORD}.csv"},
}"#;
    fs::write(folder.path().join("config.ron"), config).unwrap();
    let output = palladium(folder.path())
        .args(["data", "--config", "config.ron"])
        .env("API_PASSWORD", "hunter2-and-more")
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("loading the data"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_loader_of_nothing_has_nothing_to_show() {
    let folder = tempfile::tempdir().unwrap();
    let config = "{\"dataset_loader_train\": {\"!\": \"palladium.dataset.EmptyDatasetLoader\"}}";
    fs::write(folder.path().join("config.ron"), config).unwrap();
    let shown = succeed(folder.path(), &["data", "--config", "config.ron"]);
    assert_eq!(shown, "dataset_loader_train: palladium.dataset.EmptyDatasetLoader\n0 rows, 0 features, no target\n");
}

/// Returns a command whose loader waits until somebody writes into the pipe of this name.
fn waiting(folder: &Path, pipe: &str, arguments: &[&str]) -> Command {
    assert!(Command::new("mkfifo").arg(folder.join(pipe)).status().unwrap().success());
    let mut command = palladium(folder);
    let path = format!("dataset_loader_train.path=\"${{here}}/{pipe}\"");
    command.args(arguments).args(["--config", "config.ron", "--set", &path]).stdout(Stdio::piped());
    command
}

#[test]
fn a_terminal_shows_how_far_a_long_load_is_and_no_log_mixes_with_it() {
    for arguments in [&["data"][..], &["fit", "--no-save"]] {
        let folder = iris();
        let data = fs::read(folder.path().join("iris.data")).unwrap();
        // It waits longer than the one at the terminal.
        let quiet = Running(waiting(folder.path(), "quiet.data", arguments).stderr(Stdio::piped()).spawn().unwrap());

        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let terminal = fs::File::options().read(true).write(true).open(name).unwrap();
        let mut command = waiting(folder.path(), "seen.data", arguments);
        command.env("PALLADIUM_LOG", "info").env("NO_COLOR", "1").stderr(terminal);
        let seen = Running(command.spawn().unwrap());
        drop(command);
        let mut screen = fs::File::from(master);
        let mut shown = String::new();
        read_until(&mut screen, &mut shown, "\r\u{1b}[Kloading dataset_loader_train: ");

        for pipe in ["quiet.data", "seen.data"] {
            fs::write(folder.path().join(pipe), &data).unwrap();
        }
        let (quiet, seen) = (quiet.finish(), seen.finish());
        assert!(quiet.status.success() && seen.status.success(), "{shown}");
        assert_eq!(text(&quiet.stderr), "");
        // At the end of the terminal there is an error instead of nothing.
        let mut rest = Vec::new();
        let _ = screen.read_to_end(&mut rest);
        shown.push_str(&String::from_utf8_lossy(&rest));
        // Whatever the line showed is gone before anything else is written, and in the end.
        let (_, last) = shown.rsplit_once("loading dataset_loader_train: ").unwrap();
        let (line, behind) = last.split_once("\r\u{1b}[K").unwrap();
        assert!(line.ends_with(" s") && !line.contains('\n'), "{shown:?}");
        assert!(!behind.contains('\u{1b}'), "{shown:?}");
        assert_eq!(behind.contains("Loading data done in"), arguments[0] == "fit", "{shown:?}");
    }
}

/// Reads from a terminal until a text is shown.
fn read_until(screen: &mut fs::File, shown: &mut String, text: &str) {
    let mut bytes = [0; 4096];
    while !shown.contains(text) {
        let length = screen.read(&mut bytes).unwrap();
        shown.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
}
