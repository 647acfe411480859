//! Runs the built binary.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Returns the root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns the built binary as a command in a folder, without this process' configuration, colours and
/// terminal.
pub fn palladium(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palladium"));
    // Suggestions name variables that are set: those that say where servers are would be among them.
    let servers = std::env::vars_os().map(|(name, _)| name);
    for name in servers.filter(|name| name.to_string_lossy().starts_with("PALLADIUM_TEST_")) {
        command.env_remove(name);
    }
    command
        .current_dir(directory)
        .env_remove("PALLADIUM_CONFIG")
        .env_remove("RUST_BACKTRACE")
        .env_remove("COLUMNS")
        .env_remove("TERM")
        .env("LC_ALL", "C.UTF-8")
        .env("PALLADIUM_LOG", "off")
        .stdin(Stdio::null());
    command
}

/// Runs the binary and returns its standard output; fails where it fails.
pub fn succeed(directory: &Path, arguments: &[&str]) -> String {
    let output = palladium(directory).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Returns what a process wrote.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Returns an empty folder with the iris example in it.
pub fn iris() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(repository().join("configs/iris")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| ["ron", "rhai", "data"].iter().any(|known| extension == *known)) {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    folder
}

/// Returns a Python with what the tests need, where the servers of the tests brought it.
pub fn python() -> Option<Command> {
    program("PALLADIUM_TEST_PYTHON").map(Command::new)
}

/// Returns the program that a variable names, where the servers of the tests brought it.
#[expect(clippy::print_stdout, reason = "whoever reads the output needs to know what was not tested")]
pub fn program(variable: &str) -> Option<String> {
    if let Some(program) = std::env::var(variable).ok().filter(|program| !program.is_empty()) {
        return Some(program);
    }
    let all = std::env::var("PALLADIUM_TEST_SERVERS").is_ok_and(|which| which == "all");
    assert!(!all, "`PALLADIUM_TEST_SERVERS` asks for all servers, and `{variable}` is missing");
    println!("left out: `{variable}` names no program");
    None
}

/// Returns a port at which nothing listens yet.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process that ends with the test.
pub struct Running(pub Child);

impl Running {
    /// Sends a signal unless the process has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.0.try_wait().unwrap().is_none() {
            let process = Pid::from_raw(self.0.id().try_into().unwrap()).unwrap();
            kill_process(process, signal).unwrap();
        }
    }

    /// Waits for the end and returns what was written to pipes.
    pub fn finish(mut self) -> Output {
        let child = std::mem::replace(&mut self.0, Command::new("true").spawn().unwrap());
        child.wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
