//! Where scripts print, and what stops them.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palladium_component::interfaces::{CommandError, Failure};
use palladium_script::{Project, Settings};

/// Where scripts print, and what stops them.
#[derive(Clone)]
pub struct Output {
    project: Arc<Project>,
    interrupt: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
}

impl Output {
    pub fn new(project: &Arc<Project>) -> Output {
        Output { project: Arc::clone(project), interrupt: Arc::default(), closed: Arc::default() }
    }

    /// Works for another configuration from now on.
    pub fn take(&mut self, project: &Arc<Project>) {
        self.project = Arc::clone(project);
    }

    /// Returns what a session starts with.
    pub fn settings(&self, project: Arc<Project>, arguments: Vec<String>, folder: Option<PathBuf>) -> Settings {
        let (printing, debugging) = (self.clone(), Arc::clone(&project));
        Settings {
            project,
            arguments,
            folder,
            print: Arc::new(move |text| printing.print(text)),
            debug: Arc::new(move |text| eprintln!("{}", debugging.config().redact(text))),
            interrupt: Arc::clone(&self.interrupt),
        }
    }

    /// Writes to standard output, without what came from the environment; where that is closed, the script stops.
    pub fn print(&self, text: &str) {
        let mut output = std::io::stdout().lock();
        let written = writeln!(output, "{}", self.project.config().redact(text)).and_then(|()| output.flush());
        if let Err(error) = written
            && !self.closed.swap(true, Ordering::SeqCst)
        {
            self.interrupt.store(true, Ordering::SeqCst);
            if error.kind() != ErrorKind::BrokenPipe {
                eprintln!("error: standard output cannot be written: {error}");
            }
        }
    }

    /// Tells whether standard output is closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Forgets an interrupt before the next evaluation.
    pub fn go_on(&self) {
        self.interrupt.store(self.is_closed(), Ordering::SeqCst);
    }

    /// Lets signals stop the evaluation; a second one, where the first is not heard, ends the process with this code.
    ///
    /// # Errors
    /// Signals cannot be caught.
    pub fn stop_at(&self, signals: &[i32], code: i32) -> Result<(), CommandError> {
        for signal in signals {
            signal_hook::flag::register_conditional_shutdown(*signal, code, Arc::clone(&self.interrupt))
                .and_then(|_| signal_hook::flag::register(*signal, Arc::clone(&self.interrupt)))
                .map_err(|error| Failure::message(format!("signals cannot be caught: {error}")))?;
        }
        Ok(())
    }
}
