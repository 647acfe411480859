//! What commands ask of the process: the configuration in its stages, and standard output.

use std::any::Any;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ArgMatches;
use palladium_component::Registry;
use palladium_component::interfaces::{CommandError, Failure, Host, Mode, clap};
use palladium_component::value::{Data, Span, Value};
use palladium_config::{Config, Environment, Request};
use palladium_runtime::{App, JobError, Plan, root_keys};
use tracing::info;

use crate::{logging, options};

/// The terminal that a command runs in.
pub struct Terminal {
    registry: Arc<Registry>,
    files: Option<String>,
    app: Option<Arc<App>>,
}

impl Terminal {
    pub(crate) fn new(registry: &Arc<Registry>, matches: &ArgMatches) -> Terminal {
        Terminal { registry: Arc::clone(registry), files: options::config(matches), app: None }
    }

    /// Returns the components of this binary.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Reads, merges and copies the configuration files and runs their scripts.
    ///
    /// # Errors
    /// All findings.
    pub fn load(&self, mode: Mode) -> Result<Config, CommandError> {
        logging::set_up();
        let environment = Environment::process();
        let files = self.files.clone().or_else(|| std::env::var("PALLADIUM_CONFIG").ok());
        let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let extra = match mode {
            Mode::Fit => vec![(
                root_keys::MODE.to_owned(),
                Value::new(Data::Text(mode.to_string()), Span::nowhere("the command")),
            )],
            Mode::Serve => Vec::new(),
        };
        let config = palladium_config::load(&Request { files, extra, directory, environment })?;
        if let Some(name) = config.default_location() {
            info!("Using configuration at {name}");
        }
        Ok(config)
    }

    /// Checks the configuration and constructs its components.
    ///
    /// # Errors
    /// All findings.
    pub fn plan(&self, mode: Mode) -> Result<Plan, CommandError> {
        let config = self.load(mode)?;
        Ok(palladium_runtime::plan(config.root(), &self.registry)?)
    }

    /// Checks the configuration, constructs its components and initializes them.
    ///
    /// # Errors
    /// All findings, or the component that could not be initialized.
    pub fn app(&mut self, mode: Mode) -> Result<Arc<App>, CommandError> {
        if let Some(app) = &self.app {
            return Ok(Arc::clone(app));
        }
        let plan = self.plan(mode)?;
        let app = Arc::new(
            palladium_runtime::build(plan, &self.registry).map_err(|error| CommandError::Config(error.into()))?,
        );
        self.app = Some(Arc::clone(&app));
        Ok(app)
    }
}

impl Host for Terminal {
    fn root(&mut self, mode: Mode) -> Result<Value, CommandError> {
        Ok(self.app(mode)?.root().clone())
    }

    fn print(&mut self, line: &str) -> Result<(), CommandError> {
        let mut output = std::io::stdout().lock();
        match writeln!(output, "{line}").and_then(|()| output.flush()) {
            // Who closes the pipe has read what they wanted.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(CommandError::Reported),
            Err(error) => Err(Failure::message(format!("standard output cannot be written: {error}")).into()),
            Ok(()) => Ok(()),
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// Turns the error of a job into that of a command.
pub fn job_failed(error: JobError) -> CommandError {
    match error {
        JobError::Config(diagnostic) => CommandError::Config((*diagnostic).into()),
        other => CommandError::Failed(other.into()),
    }
}
