//! The blocks of the documents do what they show.
//!
//! In a document, a block ```` ```ron file=NAME ```` or ```` ```rhai file=NAME ```` is written to that file, and a
//! block ```` ```console ```` holds commands behind `$ ` and what they print. Each section, from one heading `## ` to
//! the next, has a folder of its own that holds `iris.data`. Other blocks are only shown.
//!
//! `UPDATE=1 cargo test` writes what was printed into the document: the difference is what to review.

use std::path::Path;
use std::process::Command;

use crate::process::{palladium, repository, text};

/// The documents whose blocks are run.
const DOCUMENTS: &[&str] = &["README.md", "configs/README.md", "configs/from-python.md"];

#[test]
fn blocks_do_what_they_show() {
    let mut failures = Vec::new();
    for name in DOCUMENTS {
        let path = repository().join(name);
        let shown = std::fs::read_to_string(&path).unwrap();
        let (found, n_commands) = run(&shown);
        assert!(n_commands > 0, "{name} shows no command");
        if found == shown {
            continue;
        }
        match std::env::var_os("UPDATE") {
            Some(_) => std::fs::write(&path, found).unwrap(),
            None => failures.push(difference(name, &shown, &found)),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Returns the document with the real output, and how many commands were run.
fn run(document: &str) -> (String, usize) {
    let mut output = String::new();
    let mut folder = tempfile::tempdir().unwrap();
    let mut n_commands = 0;
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("## ") {
            folder = tempfile::tempdir().unwrap();
            let iris = repository().join("configs/iris/iris.data");
            std::fs::copy(iris, folder.path().join("iris.data")).unwrap();
        }
        output.push_str(line);
        output.push('\n');
        let Some(head) = line.strip_prefix("```").filter(|head| !head.is_empty()) else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some((_, file)) = head.split_once(" file=") {
            std::fs::write(folder.path().join(file), block.join("\n") + "\n").unwrap();
        }
        match head {
            "console" => {
                for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
                    output.push_str(&format!("$ {command}\n{}", shell(command, folder.path())));
                    n_commands += 1;
                }
            }
            _ => block.iter().for_each(|line| output.push_str(&format!("{line}\n"))),
        }
        output.push_str("```\n");
    }
    (output, n_commands)
}

/// Runs a line of a shell in a folder and returns what it printed.
fn shell(line: &str, folder: &Path) -> String {
    let binary = palladium(folder);
    let program = Path::new(binary.get_program()).parent().unwrap();
    let search = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec 2>&1; {line}")]).current_dir(folder).env("PATH", search);
    command.env_remove("PALLADIUM_CONFIG").env("PALLADIUM_LOG", "off");
    command.env_remove("COLUMNS").env_remove("TERM").env("LC_ALL", "C.UTF-8");
    let printed = text(&command.output().unwrap().stdout);
    let canonical = folder.canonicalize().unwrap();
    let printed = printed.replace(&*canonical.to_string_lossy(), "/project");
    let lines: Vec<String> = printed.lines().map(|line| crate::case::steady(line.trim_end())).collect();
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn difference(name: &str, shown: &str, found: &str) -> String {
    let pair = shown.lines().zip(found.lines()).enumerate().find(|(_, (shown, found))| shown != found);
    match pair {
        Some((index, (shown, found))) => {
            format!("{name}:{}\nshows  {shown}\nthere is {found}", index + 1)
        }
        None => format!("{name} shows another number of lines than there are"),
    }
}
