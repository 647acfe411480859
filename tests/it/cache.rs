//! Data that are kept on disk, and the command that shows and clears them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use serde_json::Value as Json;

use crate::data::example;
use crate::process::{Running, palladium, text};

/// Returns a command in a folder whose caches are in it.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = palladium(folder);
    command.args(arguments).env("XDG_CACHE_HOME", folder.join("caches")).env("PALLADIUM_LOG", "info");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// Runs a command that succeeds, and returns what it printed.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Returns the entries that a list in JSON has.
fn listed(folder: &Path, arguments: &[&str]) -> Vec<Json> {
    serde_json::from_str(&printed(folder, &[&["cache", "list"], arguments].concat())).unwrap()
}

/// Returns how often the log says so.
fn count(output: &Output, said: &str) -> usize {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr).matches(said).count()
}

/// What the log says where data are used that are kept.
const USED: &str = "Using the data of `palladium.dataset.CSV` that were stored at ";

fn fit(language: &str) -> [String; 4] {
    let files = format!("config.{language},data/cached.{language}");
    ["fit".to_owned(), "--evaluate".to_owned(), "--config".to_owned(), files]
}

#[test]
fn a_fit_uses_what_another_stored_until_the_file_changes() {
    let folder = example();
    let fit = |language: &str| {
        let arguments = fit(language);
        run(folder.path(), &arguments.each_ref().map(String::as_str))
    };
    let first = fit("ron");
    assert_eq!(count(&first, USED), 0);
    let second = fit("rhai");
    assert_eq!(count(&second, USED), 2, "both languages mean the same data");
    let scores = |output: &Output| text(&output.stdout).lines().take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(scores(&first), ["train score: 0.95", "test score: 0.98"]);
    assert_eq!(scores(&second), scores(&first));

    let file = folder.path().join("iris/iris.data");
    let mut data = std::fs::read_to_string(&file).unwrap();
    data.push_str("5.2,3.5,1.5,0.2,Iris-setosa\n");
    std::fs::write(&file, &data).unwrap();
    assert_eq!(count(&fit("ron"), USED), 0);
    assert_eq!(count(&fit("ron"), USED), 2);

    // Errors about data that are kept name file and line.
    std::fs::write(&file, data.replacen("5.2,3.5,1.5,0.2", "5.2,3.5,,0.2", 1)).unwrap();
    for _ in 0..2 {
        let failed = fit("ron");
        let said = text(&failed.stderr);
        assert!(!failed.status.success() && said.contains("iris.data`, line 1"), "{said}");
    }
}

#[test]
fn several_processes_load_once() {
    let folder = example();
    let decorator =
        r#"#{ load_data_decorators: [|wrapped| { print(`loading ${wrapped.subject};`); wrapped.proceed() }] }"#;
    std::fs::write(folder.path().join("told.rhai"), decorator).unwrap();
    let arguments = ["fit", "--no-save", "--config", "config.ron,data/cached.ron,told.rhai"];
    let start = || {
        let mut command = command(folder.path(), &arguments);
        Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    let processes: Vec<Running> = (0..6).map(|_| start()).collect();
    let outputs: Vec<Output> = processes.into_iter().map(Running::finish).collect();
    let total = |said: &str| outputs.iter().map(|output| count(output, said)).sum::<usize>();
    assert_eq!(total("loading dataset_loader_train;"), 6);
    assert_eq!(total("loading dataset_loader_train.impl;"), 1, "one of them loads, the others wait for it");
    assert_eq!(listed(folder.path(), &[]).len(), 1);
}

#[test]
fn a_process_that_is_killed_leaves_no_broken_entry() {
    let folder = example();
    let rows: String = (0..200_000).map(|row| format!("{row}.5,{},{},a{}\n", row % 7, row % 11, row % 3)).collect();
    std::fs::write(folder.path().join("large.csv"), format!("a,b,c,species\n{rows}")).unwrap();
    let layer = r#"{"dataset_loader_train": {"!": "Cached", "refresh": true, "impl": {
        "!": "CSV", "path": "large.csv", "target_column": "species"}}}"#;
    std::fs::write(folder.path().join("large.ron"), layer).unwrap();
    let arguments = ["fit", "--no-save", "--config", "config.ron,large.ron", "--set", "model.max_iter=1"];
    let datasets = folder.path().join("caches/palladium/datasets");
    let with_extension = |extension: &str| -> Vec<PathBuf> {
        let files = std::fs::read_dir(&datasets).into_iter().flatten().map(|file| file.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|found| found == extension)).collect()
    };
    let size = |files: Vec<PathBuf>| files.iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum::<u64>();
    let is_stored = |since: SystemTime| {
        with_extension("cache")
            .iter()
            .any(|file| file.metadata().and_then(|found| found.modified()).is_ok_and(|time| time > since))
    };
    let mut n_caught = 0;
    for round in 0..6 {
        let (started, since) = (Instant::now(), SystemTime::now());
        let mut command = command(folder.path(), &arguments);
        let mut process = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        // Killed when more and more of the entry is there.
        while size(with_extension("part")) < round * 1_000_000 + 1 && !is_stored(since) {
            assert!(process.0.try_wait().unwrap().is_none(), "nothing was stored");
            assert!(started.elapsed() < Duration::from_secs(300), "nothing is stored");
            std::thread::sleep(Duration::from_micros(200));
        }
        process.signal(Signal::KILL);
        n_caught += usize::from(!process.0.wait().unwrap().success());
        for entry in listed(folder.path(), &["--directory", datasets.to_str().unwrap()]) {
            assert_eq!((&entry["broken"], &entry["rows"]), (&Json::Null, &Json::from(200_000)), "{entry}");
        }
    }
    assert!(n_caught > 0, "no process was killed");
    let not_anew = [&arguments[..], &["--set", "dataset_loader_train.refresh=false"]].concat();
    printed(folder.path(), &not_anew);
    assert_eq!(count(&run(folder.path(), &not_anew), USED), 1);
    assert_eq!((with_extension("cache").len(), with_extension("part").len()), (1, 0));
}

#[test]
fn what_is_kept_is_listed_and_cleared() {
    let folder = example();
    let fit_arguments = fit("ron");
    let fit_arguments = fit_arguments.each_ref().map(String::as_str);
    assert_eq!(listed(folder.path(), &[]), Vec::<Json>::new());
    assert_eq!(printed(folder.path(), &["cache", "list", "--format", "table"]), "nothing is stored\n");
    assert_eq!(printed(folder.path(), &["cache", "clear", "--all", "--yes"]), "nothing to delete\n");
    run(folder.path(), &fit_arguments);

    let config = ["--config", "config.ron,data/cached.ron"];
    let datasets = folder.path().join("caches/palladium/datasets").display().to_string();
    let directory = ["--directory", datasets.as_str()];
    let all = listed(folder.path(), &[]);
    assert_eq!(all.len(), 2);
    assert_eq!(listed(folder.path(), &config), all);
    assert_eq!(listed(folder.path(), &directory), all);
    for entry in &all {
        assert_eq!(entry["loader"], "palladium.dataset.CSV");
        assert_eq!(entry["directory"], datasets);
        assert!(entry["size"].as_u64().unwrap() > 1000, "{entry}");
        assert!(entry["loaded"].is_string() && entry["last_use"].is_string(), "{entry}");
    }
    let mut rows: Vec<u64> = all.iter().map(|entry| entry["rows"].as_u64().unwrap()).collect();
    rows.sort_unstable();
    assert_eq!(rows, [50, 100]);
    let table = printed(folder.path(), &["cache", "list", "--format", "table"]);
    let keys: Vec<&str> = all.iter().map(|entry| entry["key"].as_str().unwrap()).collect();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("key           loader                 loaded"), "{table}");
    assert!(lines[1].starts_with(&format!("{}  palladium.dataset.CSV  ", &keys[0][..12])), "{table}");

    // Another folder of the configuration is one that the command works on too.
    let other = ["--set", "dataset_loader_train.directory=\"elsewhere\""];
    run(folder.path(), &[&fit_arguments[..], &other].concat());
    assert_eq!(listed(folder.path(), &["--directory", "elsewhere"]).len(), 1, "the other loader has its own");
    assert_eq!(listed(folder.path(), &[&config[..], &other].concat()).len(), 3);
    let all = listed(folder.path(), &[]);
    let keys: Vec<&str> = all.iter().map(|entry| entry["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 2);

    let clear = |more: &[&str]| run(folder.path(), &[&["cache", "clear"], more].concat());
    let would = clear(&[&keys[0][..12]]);
    assert!(text(&would.stdout).starts_with(&format!("would delete {}\n1 to delete, ", keys[0])), "{would:?}");
    assert_eq!(listed(folder.path(), &[]).len(), 2);
    let unknown = clear(&["0123456789ab", "--yes"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("no entry has the key `0123456789ab`"), "{unknown:?}");
    for wrong in [
        &["--yes"][..],
        &["0123"],
        &["--all", "--older-than", "1h"],
        &["--older-than", "soon"],
        &["x".repeat(12).as_str()],
    ] {
        assert_eq!(clear(wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(text(&clear(&["--older-than", "1h", "--yes"]).stdout), "nothing to delete\n");
    let deleted = clear(&[&keys[0][..12], "--yes"]);
    assert!(text(&deleted.stdout).starts_with(&format!("deleted {}\n1 deleted, ", keys[0])), "{deleted:?}");
    assert_eq!(listed(folder.path(), &[]), all[1..]);

    let file = Path::new(&datasets).join(format!("{}.cache", keys[1]));
    std::fs::write(&file, "damaged").unwrap();
    assert_eq!(listed(folder.path(), &[])[0]["key"], keys[1]);
    assert!(listed(folder.path(), &[])[0]["broken"].is_string());
    assert!(text(&clear(&["--older-than", "1h", "--yes"]).stdout).starts_with("deleted "), "what is broken is old");
    let names = std::fs::read_dir(&datasets).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["lock", "secret"], "the locks of entries are gone with them");
}

#[test]
fn secrets_of_a_loader_are_not_in_what_is_kept() {
    let folder = example();
    let layer = r#"{"dataset_loader_train": {"!": "Cached", "key": "${environ.CANARY}", "impl": {
        "!": "CSV", "path": "${environ.CANARY}.data", "target_column": "species",
        "names": ["a", "b", "c", "d", "species"]}}}"#;
    std::fs::write(folder.path().join("layer.ron"), layer).unwrap();
    std::fs::rename(folder.path().join("iris.data"), folder.path().join("canary.data")).unwrap();
    let mut fit = command(folder.path(), &["fit", "--no-save", "--config", "config.ron,layer.ron"]);
    let output = fit.env("CANARY", "canary").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let listed = printed(folder.path(), &["cache", "list"]);
    assert!(!listed.contains("canary") && !text(&output.stderr).contains("canary"), "{listed}");
}
