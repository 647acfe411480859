//! The whole text of every diagnostic: one file under `tests/diagnostics` for each.
//!
//! A case lists files and variables, then what is rendered. `UPDATE=1` rewrites the latter.

use std::fs;
use std::path::Path;

use crate::support::Folder;

const EXPECTED: &str = "=== expected\n";

#[test]
fn render_as_recorded() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut paths: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 40);
    let mut failed = Vec::new();
    for path in paths {
        let case = fs::read_to_string(&path).unwrap();
        let (input, expected) = case.split_once(EXPECTED).unwrap_or((&case, ""));
        let rendered = render(input);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, format!("{}\n\n{EXPECTED}{rendered}", input.trim_end())).unwrap();
        } else if rendered != expected {
            failed.push(format!("{}:\n{rendered}", path.display()));
        }
    }
    assert!(failed.is_empty(), "{}\nUPDATE=1 records what is rendered now", failed.join("\n"));
}

/// Renders what is found when the files of a case are loaded in their order.
fn render(input: &str) -> String {
    let mut files: Vec<(String, String)> = Vec::new();
    let (mut variables, mut list) = (Vec::new(), None);
    for section in input.split("=== ").skip(1) {
        let (head, text) = section.split_once('\n').unwrap();
        match head.split_once(' ').unwrap() {
            ("file", name) => files.push((name.to_owned(), text.trim_end().to_owned() + "\n")),
            ("variable", assignment) => variables.push(assignment.split_once('=').unwrap()),
            ("load", names) => list = Some(names.trim_matches('"').to_owned()),
            (other, _) => panic!("unknown section {other}"),
        }
    }
    let list = list.unwrap_or_else(|| files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(","));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = variables.iter().fold(Folder::new(&files), |folder, (name, value)| folder.with_variable(name, value));
    let findings = folder.load(Some(&list)).expect_err(input);
    let directory = folder.path().canonicalize().unwrap().display().to_string();
    let rendered = findings.render(false).replace(&directory, "<directory>");
    // Lines that end in blanks do not survive editors.
    rendered.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
