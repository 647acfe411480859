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
    let text: Vec<String> = text.lines().map(|line| steady(line.trim_end())).collect();
    text.join("\n")
}

/// Replaces what differs from run to run in a line: times as RFC 3339 writes them, the name of the user who runs the
/// tests, the seconds that the steps of a fit took, the version of palladium in JSON, and the size of a model at the
/// end of a row or behind its version, and the digest of a model that was exported.
pub fn steady(line: &str) -> String {
    const START: &str = "dddd-dd-ddTdd:dd:dd";
    let mut replaced = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_time = rest.len() >= START.len()
            && START.bytes().zip(rest.bytes()).all(|(sign, found)| match sign {
                b'd' => found.is_ascii_digit(),
                sign => found == sign,
            });
        if is_time {
            replaced.push_str("[TIME]");
            rest = rest[START.len()..].trim_start_matches(|sign: char| sign.is_ascii_digit() || ".:+-Z".contains(sign));
        } else {
            replaced.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    let unit = ["B", "kB"].into_iter().find_map(|unit| replaced.strip_suffix(&format!(" {unit}")));
    if let Some(before) = unit.map(|before| before.trim_end_matches(|sign: char| sign.is_ascii_digit() || sign == '.'))
    {
        replaced = format!("{before}[SIZE]");
    }
    replaced = replaced.replace(concat!("version\": \"", env!("CARGO_PKG_VERSION"), "\""), "version\": \"[VERSION]\"");
    if let Some(before) = before_size(&replaced) {
        replaced = format!("{before}[SIZE]{}", if replaced.ends_with(',') { "," } else { "" });
    }
    if let Some((before, after)) = replaced.split_once("exported_from_digest\": \"") {
        let after = after.trim_start_matches(|sign: char| sign.is_ascii_hexdigit());
        replaced = format!("{before}exported_from_digest\": \"[DIGEST]{after}");
    }
    for step in ["load", "fit", "evaluate"] {
        replaced = without_seconds(&replaced, &format!("\"{step}\":"));
    }
    match replaced.split_once("\"principal\": \"") {
        Some((before, after)) => {
            let after = after.split_once('"').map_or("", |(_, after)| after);
            format!("{before}\"principal\": \"[USER]\"{after}")
        }
        None => replaced,
    }
}

/// Returns what stands before the number in a line that maps a version to a number.
fn before_size(line: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let (before, number) = line.split_once("\": ")?;
    let version = before.trim_start().strip_prefix('"')?;
    (is_number(version) && is_number(number.trim_end_matches(','))).then(|| &line[..before.len() + 3])
}

/// Replaces the number behind a name.
fn without_seconds(line: &str, name: &str) -> String {
    let Some((before, after)) = line.split_once(name) else { return line.to_owned() };
    let number = after.trim_start();
    let rest = number.trim_start_matches(|sign: char| sign.is_ascii_digit() || ".e-".contains(sign));
    if rest.len() == number.len() {
        return line.to_owned();
    }
    let space = &after[..after.len() - number.len()];
    format!("{before}{name}{space}[SECONDS]{rest}")
}
