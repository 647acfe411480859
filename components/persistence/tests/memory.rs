//! How much memory a model takes besides its own while it is written and read, and what happens where the temporary
//! folder does not hold what is kept outside the memory. Each measurement is a process of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
#[path = "../src/testing.rs"]
mod testing;

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Output};

use palladium_component::prelude::*;
use palladium_persistence::ArtifactError;
use palladium_persistence::artifact::{Limits, read, write};
use testing::{answer, constant};

/// Tells the child what to do, with how many numbers in the model, and where it lies.
const WORK: &str = "PALLADIUM_TEST_WORK";
const N_NUMBERS: &str = "PALLADIUM_TEST_NUMBERS";
const FILE: &str = "PALLADIUM_TEST_FILE";

/// 200 MB of numbers that cannot be compressed.
const MANY: u64 = 25_000_000;
const MANY_BYTES: u64 = MANY * 8;

/// More compressed bytes than are kept in memory.
const SEVERAL: u64 = 1_500_000;

/// What a process, its buffers and the growth of a vector take.
const MARGIN: u64 = (32 << 20) + MANY_BYTES / 10;

fn child(work: &str, n_numbers: u64, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child_process", "--nocapture"]);
    command.env(WORK, work).env(N_NUMBERS, n_numbers.to_string()).env(FILE, file);
    command
}

#[test]
fn child_process() {
    let (Ok(work), Ok(n_numbers)) = (std::env::var(WORK), std::env::var(N_NUMBERS)) else { return };
    let file = std::env::var_os(FILE).unwrap();
    let done = match work.as_str() {
        "write" => store(n_numbers.parse().unwrap(), &mut File::create(file).unwrap()),
        "encode" => store(n_numbers.parse().unwrap(), &mut io::sink()),
        _ => load(Path::new(&file)),
    };
    match done {
        Ok(()) => println!("peak of {} KiB", peak_memory()),
        Err(error) => println!("{error}\nhelp: {}", error.help().unwrap_or_default()),
    }
}

fn store(n_numbers: u64, writer: &mut dyn io::Write) -> Result<(), ArtifactError> {
    write(&constant(2.5, n_numbers), Version::FIRST, writer)
}

fn load(file: &Path) -> Result<(), ArtifactError> {
    let formats = std::sync::Arc::clone(Registry::linked().unwrap().formats());
    let model = read(&mut File::open(file).unwrap(), &formats, Limits::default())?;
    assert_eq!(answer(&model), 2.5);
    Ok(())
}

/// Returns the most memory that this process has had, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_large_model_takes_little_more_memory_than_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model");
    for work in ["write", "read"] {
        let printed = printed(&child(work, MANY, &file).output().unwrap());
        let peak = printed.lines().find_map(|line| line.strip_prefix("peak of ")?.strip_suffix(" KiB"));
        let peak = peak.unwrap_or_else(|| panic!("{work}: {printed}")).parse::<u64>().unwrap() * 1024;
        assert!(peak > MANY_BYTES, "{work}: {peak} bytes cannot hold the model");
        assert!(peak < MANY_BYTES + MARGIN, "{work}: {peak} bytes for a model of {MANY_BYTES}");
    }
    assert!(fs::metadata(file).unwrap().len() > MANY_BYTES);
}

#[test]
fn the_temporary_folder_is_named_when_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (file, missing) = (folder.path().join("model"), folder.path().join("missing"));
    printed(&child("write", SEVERAL, &file).output().unwrap());
    for work in ["encode", "read"] {
        let printed = printed(&child(work, SEVERAL, &file).env("TMPDIR", &missing).output().unwrap());
        let expected = format!("the temporary folder `{}` cannot hold the model", missing.display());
        assert!(printed.contains(&expected) && printed.contains("`TMPDIR`"), "{work}: {printed}");
    }
    // Small models need no such folder.
    let printed = printed(&child("encode", 1000, &file).env("TMPDIR", &missing).output().unwrap());
    assert!(printed.contains("peak of"), "{printed}");
}

#[test]
fn a_temporary_file_may_not_find_room() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model");
    printed(&child("write", SEVERAL, &file).output().unwrap());
    for work in ["encode", "read"] {
        let limited = child(work, SEVERAL, &file);
        // No file may grow beyond 9 MiB, and the attempt is an error rather than the end of the process.
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 18432; exec \"$0\" \"$@\""]);
        shell.arg(limited.get_program()).args(limited.get_args()).env("TMPDIR", folder.path());
        shell.envs(limited.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let printed = printed(&shell.output().unwrap());
        let expected = format!("the temporary folder `{}` cannot hold the model", folder.path().display());
        assert!(printed.contains(&expected), "{work}: {printed}");
    }
}
