//! Case files: files, commands and what they print, in one text.
//!
//! A case begins with a sentence about it. Then come sections, each headed by a line that begins with `=== `:
//! - `file NAME`: a file to write into the case's folder;
//! - `fixture PATH NAME`: a file of the repository to copy there;
//! - `env NAME=VALUE`: a variable for the commands that follow;
//! - `stdin`: what the commands that follow read from standard input; without it that is empty;
//! - `run ARGUMENTS`: a command to run there; behind it `exit CODE`, `stdout` and `stderr` say what is expected.
//!
//! `UPDATE=1 cargo test` writes what was printed into the file: the difference is what to review.

use std::io::{Seek, Write};
use std::path::Path;

use crate::process::{palladium, repository, text};

/// Runs a case file and returns it as it would have to be, with the real output.
pub fn run(path: &Path) -> String {
    let case = std::fs::read_to_string(path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut environment: Vec<(String, String)> = Vec::new();
    let mut input = String::new();
    let mut output = String::new();

    let (description, sections) = case.split_once("=== ").unwrap_or((&case, ""));
    output.push_str(description);
    for section in sections.split("\n=== ") {
        let (head, body) = section.split_once('\n').unwrap_or((section, ""));
        let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
        match word {
            "file" => {
                let file = folder.path().join(rest);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, body.to_owned() + if body.ends_with('\n') { "" } else { "\n" }).unwrap();
            }
            "fixture" => {
                let (from, to) = rest.split_once(' ').expect("fixture PATH NAME");
                std::fs::copy(repository().join(from), folder.path().join(to)).unwrap();
            }
            "env" => {
                let (name, value) = rest.split_once('=').expect("env NAME=VALUE");
                environment.push((name.to_owned(), value.to_owned()));
            }
            "stdin" => input = body.to_owned() + "\n",
            "run" => {
                output.push_str(&format!("=== {head}\n{}", run_command(rest, folder.path(), &environment, &input)));
                continue;
            }
            "exit" | "stdout" | "stderr" => continue,
            other => panic!("{}: there is no section `{other}`", path.display()),
        }
        output.push_str(&format!("=== {head}\n"));
        if !body.is_empty() {
            output.push_str(body.trim_end_matches('\n'));
            output.push('\n');
        }
    }
    output
}

fn run_command(arguments: &str, folder: &Path, environment: &[(String, String)], input: &str) -> String {
    // A file and no pipe: nobody has to write while the command runs.
    let mut stdin = tempfile::tempfile().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    stdin.rewind().unwrap();
    let mut command = palladium(folder);
    command.args(arguments.split_whitespace()).envs(environment.iter().cloned()).stdin(stdin);
    let output = command.output().unwrap();
    let code = output.status.code().map_or("signal".to_owned(), |code| code.to_string());
    let mut text_of_run = format!("=== exit {code}\n");
    for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let stream = filtered(&text(stream), folder);
        if !stream.is_empty() {
            text_of_run.push_str(&format!("=== {name}\n{}\n", stream.trim_end_matches('\n')));
        }
    }
    text_of_run
}

/// Replaces what differs from run to run.
fn filtered(text: &str, folder: &Path) -> String {
    let canonical = folder.canonicalize().unwrap();
    let text = text.replace(&*canonical.to_string_lossy(), "[FOLDER]").replace(&*folder.to_string_lossy(), "[FOLDER]");
    let text: Vec<String> = text.lines().map(|line| timestamps(line.trim_end())).collect();
    text.join("\n")
}

/// Replaces the time at the beginning of a line of the log and in a `train_timestamp` of metadata.
pub fn timestamps(line: &str) -> String {
    if let Some((_, rest)) = line.split_once("Z ").filter(|(time, _)| time.len() == 26 && time.contains('T')) {
        return format!("[TIME] {rest}");
    }
    match line.split_once("\"train_timestamp\": \"") {
        Some((before, after)) => {
            let after = after.split_once('"').map_or("", |(_, after)| after);
            format!("{before}\"train_timestamp\": \"[TIME]\"{after}")
        }
        None => line.to_owned(),
    }
}
