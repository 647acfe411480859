//! The shell at a terminal: editing, completion, history, interrupts.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::process::{Running, iris, palladium, text};

/// How long a test waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A shell at a pseudo-terminal.
struct Shell {
    process: Running,
    keyboard: File,
    screen: Arc<(Mutex<Screen>, Condvar)>,
    /// How much of what was shown has been looked at.
    seen: usize,
}

#[derive(Default)]
struct Screen {
    text: String,
    is_closed: bool,
}

impl Shell {
    fn start(mut command: Command) -> Shell {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let terminal = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
        let child = command.stdin(terminal()).stdout(terminal()).stderr(terminal()).spawn().unwrap();
        // The command holds the terminal open, which then would never end.
        drop(command);
        let keyboard = File::from(master);
        let screen = Arc::new((Mutex::new(Screen::default()), Condvar::new()));
        let (mut reading, shown) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let read = reading.read(&mut bytes).unwrap_or(0);
                let mut screen = shown.0.lock().unwrap();
                screen.text.push_str(&String::from_utf8_lossy(&bytes[..read]));
                screen.is_closed = read == 0;
                shown.1.notify_all();
                if read == 0 {
                    break;
                }
            }
        });
        Shell { process: Running(child), keyboard, screen, seen: 0 }
    }

    /// Waits until a text is shown behind what was looked at before.
    fn expect(&mut self, text: &str) {
        let (screen, changed) = &*self.screen;
        let missing = |screen: &mut Screen| !screen.text[self.seen..].contains(text) && !screen.is_closed;
        let (screen, _) = changed.wait_timeout_while(screen.lock().unwrap(), PATIENCE, missing).unwrap();
        let found = screen.text[self.seen..].find(text);
        let found = found.unwrap_or_else(|| panic!("{text:?} was not shown: {:?}", &screen.text[self.seen..]));
        self.seen += found + text.len();
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the prompt, presses keys and waits for what is shown then.
    fn answer(&mut self, keys: &str, expected: &str) {
        self.expect("> ");
        self.press(keys);
        self.expect(expected);
    }

    /// Ends the input and returns the exit code.
    fn end(mut self) -> Option<i32> {
        self.expect("> ");
        self.press("\x04");
        self.process.0.wait().unwrap().code()
    }
}

fn shell(folder: &Path, arguments: &[&str]) -> Shell {
    let mut command = palladium(folder);
    command.args(["shell", "--config", "config.ron"]).args(arguments);
    command.env("TERM", "xterm").env("NO_COLOR", "1").env("XDG_STATE_HOME", folder.join("state"));
    Shell::start(command)
}

#[test]
fn a_terminal_has_editing_completion_and_interrupts() {
    let folder = iris();
    let mut shell = shell(folder.path(), &["--no-history"]);
    shell.expect("`:help`");
    // An open bracket goes on in the next line.
    shell.answer("let x = [10,\r20,\r30]\r", "\r\n");
    shell.answer("\"sum \" + (x[1] + x.len())\r", "\"sum 23\"");
    // A key, a method and a nested key are completed.
    shell.answer("dataset_loader_tr\t.lo\t\r", "100 rows");
    shell.answer("config[\"model_p\t\"][\"im\t\"].li\t.len() + 7000\r", "7000");
    shell.answer(":doc palladium.linear.Log\t\r", "Logistic regression");
    // Ctrl-C forgets a line, arrows move in it, the one before comes back.
    shell.answer("never(\x03", "\r\n");
    shell.answer("1 + 4\x1b[D100\r", "\r\n1005");
    shell.answer("\x1b[A\x7f6\r", "\r\n1007");
    // An interrupt stops an evaluation, what was defined stays.
    shell.answer("print(\"go\" + \"ing\"); loop { }\r", "going");
    shell.process.signal(Signal::INT);
    shell.expect("interrupted");
    shell.answer("x.len() + 500\r", "503");
    // The configuration is read again.
    let config = folder.path().join("config.ron");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"C\": 0.3", "\"C\": 0.725")).unwrap();
    shell.answer(":rel\t\r", "read again");
    shell.answer("model.C\r", "0.725");
    std::fs::write(&config, "{").unwrap();
    shell.answer(":reload\r", "stays as it was");
    shell.answer("model.C + x.len()\r", "3.725");
    assert_eq!(shell.end(), Some(0));
    assert!(!folder.path().join("state").exists());
}

#[test]
fn a_signal_stops_a_script() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("endless.rhai"), "print(\"going\"); loop { }").unwrap();
    let mut command = palladium(folder.path());
    command.args(["run", "endless.rhai"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut first = [0; 6];
    running.0.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    running.signal(Signal::INT);
    let output = running.finish();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(1), "error: the script was interrupted\n"));
}

#[test]
fn a_script_stops_where_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("endless.rhai"), "loop { print(\"going\"); }").unwrap();
    let mut command = palladium(folder.path());
    command.args(["run", "endless.rhai"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut first = [0; 6];
    running.0.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = running.finish();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(1), ""));
}

#[test]
fn the_history_is_kept_and_private() {
    let folder = iris();
    let mut first = shell(folder.path(), &[]);
    first.answer("40 + 2\r", "\r\n42");
    assert_eq!(first.end(), Some(0));
    let file = folder.path().join("state/palladium/history");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(file.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let mut second = shell(folder.path(), &[]);
    second.answer("\x1b[A0\r", "\r\n60");
    assert_eq!(second.end(), Some(0));
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("40 + 2\n40 + 20\n"));
}
