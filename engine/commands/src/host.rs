//! What commands ask of the process: the configuration in its stages, and standard output.

use std::any::Any;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ArgMatches;
use palladium_component::Registry;
use palladium_component::interfaces::{Blueprint, CommandError, Failure, Host, Mode, PersistError, Persister, clap};
use palladium_component::value::{Code, Data, Diagnostic, Diagnostics, Span, Value, nearest, with_causes};
use palladium_config::{Config, DEFAULT_LOCATIONS, Environment, Override, Request};
use palladium_runtime::lineage::Sources;
use palladium_runtime::{App, JobError, Plan, Step, root_keys};
use palladium_script::Project;
use palladium_server::Loaded;
use tracing::{info, warn};

use crate::logging::{self, Log, Logging};
use crate::redaction::Redaction;
use crate::status_line::StatusLine;
use crate::table::Table;
use crate::{options, report};

/// The terminal that a command runs in.
pub struct Terminal {
    loader: Loader,
    loaded: Option<Loaded>,
    /// What commands had built besides; dropping it would close the components.
    built: Vec<App>,
}

/// What the command line says about the configuration: enough to load it again.
#[derive(Clone)]
pub struct Loader {
    registry: Arc<Registry>,
    files: Option<String>,
    overrides: Vec<Override>,
    redaction: Redaction,
    log: Log,
    status: StatusLine,
}

impl Loader {
    /// Loads the configuration, checks it, constructs its components and initializes them.
    ///
    /// # Errors
    /// All findings, or the component that could not be initialized.
    pub fn load(&self, mode: Mode) -> Result<Loaded, CommandError> {
        self.loaded(&self.start(mode)?)
    }

    /// Does what [`Loader::load`] does with a configuration in which `palladium check` finds nothing either, but what is
    /// known already, of which it warns.
    ///
    /// # Errors
    /// Those of [`Loader::load`], and what that only warns of.
    pub fn load_checked(&self, mode: Mode, known: &Diagnostics) -> Result<Loaded, CommandError> {
        let config = self.read(mode, Environment::process())?;
        self.set_up_log(&config, &Logging::of(config.root()).unwrap_or_default())?;
        let (_, findings) = self.examine(&config);
        let is_same = |one: &Diagnostic, other: &Diagnostic| {
            (one.code, &one.message, &one.key_path) == (other.code, &other.message, &other.key_path)
        };
        let (old, new): (Vec<_>, Vec<_>) =
            findings.0.into_iter().partition(|finding| known.iter().any(|other| is_same(finding, other)));
        for finding in self.redaction.redact_findings(Diagnostics(old)) {
            warn!("{}", finding.in_one_line());
        }
        if new.is_empty() { self.loaded(&config) } else { Err(Diagnostics(new).into()) }
    }

    /// Returns what `palladium check` finds in a configuration with which a service has started nevertheless.
    pub fn doubts(&self, app: &App) -> Diagnostics {
        let mut doubts = palladium_runtime::doubtful_keys(app.root(), &self.registry);
        doubts.extend(palladium_server::check_routes(app));
        doubts
    }

    /// Returns the components of a configuration, not initialized, and everything that can be found wrong with it
    /// without that.
    pub fn examine(&self, config: &Config) -> (App, Diagnostics) {
        let (app, mut findings) = palladium_runtime::inspect(config.root(), config.copied_keys(), &self.registry);
        findings.extend(palladium_server::check_routes(&app));
        findings.extend(Terminal::findings(config));
        findings.extend(Terminal::nothing(config.root(), config.files()));
        (app, palladium_runtime::tidy(findings))
    }

    fn loaded(&self, config: &Config) -> Result<Loaded, CommandError> {
        let app = Arc::new(self.build(config)?);
        let sources = Sources::of(config.to_json(), &app, &self.registry);
        Ok(Loaded { app, sources, files: config.files().to_vec() })
    }

    /// Returns findings without secrets, a line each.
    pub fn in_lines(&self, error: CommandError) -> Vec<String> {
        match error {
            CommandError::Config(findings) => {
                self.redaction.redact_findings(findings).iter().map(Diagnostic::in_one_line).collect()
            }
            CommandError::Failed(failure) => vec![self.redaction.redact(&with_causes(&failure)).into_owned()],
            CommandError::Usage(message) => vec![self.redaction.redact(&message).into_owned()],
            CommandError::Reported => Vec::new(),
        }
    }

    /// Reads the configuration for a command that runs what is in it: the log goes where that says.
    fn start(&self, mode: Mode) -> Result<Config, CommandError> {
        let config = self.read(mode, Environment::process())?;
        self.set_up_log(&config, &Logging::of(config.root()).unwrap_or_default())?;
        for finding in self.redaction.redact_findings(palladium_runtime::doubtful_keys(config.root(), &self.registry)) {
            warn!("{}", finding.in_one_line());
        }
        Ok(config)
    }

    fn read(&self, mode: Mode, environment: Environment) -> Result<Config, CommandError> {
        let named = std::env::var("PALLADIUM_CONFIG").ok().filter(|_| self.files.is_none());
        let request = self.request(mode, self.files.clone().or_else(|| named.clone()), environment);
        let loaded = palladium_config::load(&Request { overrides: self.overrides.clone(), ..request });
        let config = loaded.map_err(|findings| if named.is_some() { with_variable(findings) } else { findings })?;
        self.redaction.learn(&config);
        Ok(config)
    }

    fn set_up_log(&self, config: &Config, logging: &Logging) -> Result<(), CommandError> {
        logging::set_up(logging, config.files(), &self.log, &self.redaction, &self.status)?;
        config.on_print(|line| info!(target: "palladium::script", "{line}"));
        if let Some(name) = config.default_location() {
            info!("Using configuration at {name}");
        }
        Loader::doubt_overrides(config);
        Ok(())
    }

    /// Warns of a `--set` whose root key is new, free and almost that of another: nothing may read what it adds.
    fn doubt_overrides(config: &Config) {
        let keys = || config.root().as_map().into_iter().flat_map(|map| map.keys().map(String::as_str));
        let is_free = |key: &&String| !root_keys::ALL.iter().any(|known| known.name == key.as_str());
        for key in config.added_keys().iter().filter(is_free) {
            if let Some(near) = nearest(key, keys().filter(|other| other != key)) {
                warn!("`--set` adds the root key `{key}`; did you mean `{near}`?");
            }
        }
    }

    fn request(&self, mode: Mode, files: Option<String>, environment: Environment) -> Request {
        let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let extra = match mode {
            Mode::Fit => vec![(
                root_keys::MODE.to_owned(),
                Value::new(Data::Text(mode.to_string()), Span::nowhere("the command")),
            )],
            Mode::Serve => Vec::new(),
        };
        let extend: palladium_config::Extend = Arc::new(palladium_script::register);
        Request { files, extra, directory, environment, overrides: Vec::new(), extend: Some(extend) }
    }

    /// Checks a configuration and constructs its components.
    fn planned(&self, config: &Config) -> Result<Plan, CommandError> {
        let mut findings = Terminal::findings(config);
        match palladium_runtime::plan(config.root(), config.copied_keys(), &self.registry) {
            Ok(plan) if findings.is_empty() => return Ok(plan),
            Ok(_) => {}
            Err(others) => findings.extend(others),
        }
        Err(palladium_runtime::tidy(findings).into())
    }

    /// Constructs the components of a configuration and initializes them.
    fn build(&self, config: &Config) -> Result<App, CommandError> {
        let plan = self.planned(config)?;
        palladium_runtime::build(plan, &self.registry).map_err(|error| CommandError::Config(error.into()))
    }
}

/// Says of files that are not there that a variable names them, which nobody may have in mind.
fn with_variable(mut findings: Diagnostics) -> Diagnostics {
    for finding in
        findings.0.iter_mut().filter(|finding| finding.code == Code::FileNotFound && finding.labels.is_empty())
    {
        finding.notes.push("the variable `PALLADIUM_CONFIG` names it, as there is no `--config`".to_owned());
    }
    findings
}

impl Terminal {
    pub(crate) fn new(registry: &Arc<Registry>, matches: &ArgMatches, redaction: &Redaction, log: &Log) -> Terminal {
        let (files, overrides) = (options::config(matches), options::overrides(matches));
        let (registry, redaction, log) = (Arc::clone(registry), redaction.clone(), log.clone());
        let loader = Loader { registry, files, overrides, redaction, log, status: StatusLine::default() };
        Terminal { loader, loaded: None, built: Vec::new() }
    }

    /// Returns the line that says how far something is.
    pub fn status(&self) -> &StatusLine {
        &self.loader.status
    }

    /// Returns the components of this binary.
    pub fn registry(&self) -> &Registry {
        &self.loader.registry
    }

    /// Returns what loads the configuration.
    pub fn loader(&self) -> &Loader {
        &self.loader
    }

    /// Reads, merges and copies the configuration files and runs their scripts.
    ///
    /// # Errors
    /// All findings.
    pub fn load(&self, mode: Mode) -> Result<Config, CommandError> {
        self.load_with(mode, Environment::process())
    }

    /// Does what [`Terminal::load`] does with other variables than those of the process.
    ///
    /// # Errors
    /// All findings.
    pub fn load_with(&self, mode: Mode, environment: Environment) -> Result<Config, CommandError> {
        let config = self.loader.read(mode, environment)?;
        // What only looks at a configuration leaves no files behind.
        let logging = Logging::of(config.root()).unwrap_or_default().to_stderr();
        self.loader.set_up_log(&config, &logging)?;
        Ok(config)
    }

    /// Returns what is wrong with a configuration that has no key because no file was found.
    pub fn nothing(root: &Value, files: &[PathBuf]) -> Option<Diagnostic> {
        let mut keys = root.as_map().into_iter().flat_map(|map| map.keys());
        let is_empty = files.is_empty() && keys.all(|key| key == root_keys::MODE);
        is_empty.then(|| {
            Diagnostic::new(Code::MissingKey, "there is no configuration")
                .note(format!("this folder has none of `{}`", DEFAULT_LOCATIONS.join("`, `")))
                .help("name the files with `--config a.ron,b.ron` or the variable `PALLADIUM_CONFIG`")
        })
    }

    /// Returns the findings of a configuration that are the commands' own to make: those about `logging`.
    pub fn findings(config: &Config) -> Diagnostics {
        Logging::of(config.root()).err().unwrap_or_default()
    }

    /// Prints why something failed to standard error.
    pub fn report(&self, error: CommandError) {
        report::failed(error, &self.loader.redaction);
    }

    /// Returns a text without secrets.
    pub fn redact_text(&self, text: &str) -> String {
        self.loader.redaction.redact(text).into_owned()
    }

    /// Builds the configuration for work on models and returns its store.
    ///
    /// # Errors
    /// All findings, a component that could not be initialized, and that there is no store.
    pub fn persister(&mut self) -> Result<Arc<dyn Persister>, CommandError> {
        let app = self.app(Mode::Fit)?;
        app.get(root_keys::PERSISTER).map_err(|error| CommandError::Config(error.into()))
    }

    /// Returns findings without secrets.
    pub fn redact(&self, findings: Diagnostics) -> Diagnostics {
        self.loader.redaction.redact_findings(findings)
    }

    /// Reads two configurations for comparing them; `--set` and `--unset` change the second.
    ///
    /// # Errors
    /// All findings in the one or the other.
    pub fn load_two(&self, first: &str, second: &str) -> Result<(Config, Config), CommandError> {
        let request = |files: &str| self.loader.request(Mode::Serve, Some(files.to_owned()), Environment::process());
        let changed = Request { overrides: self.loader.overrides.clone(), ..request(second) };
        let both = (palladium_config::load(&request(first))?, palladium_config::load(&changed)?);
        self.loader.redaction.learn(&both.0);
        self.loader.redaction.learn(&both.1);
        Ok(both)
    }

    /// Loads the configuration and builds what is in it, for scripts; each call does so anew.
    ///
    /// # Errors
    /// All findings, or the component that could not be initialized.
    pub fn project(&self) -> Result<Arc<Project>, CommandError> {
        let config = self.loader.start(Mode::Fit)?;
        let app = Arc::new(self.loader.build(&config)?);
        Ok(Arc::new(Project::new(config, app, Arc::clone(&self.loader.registry))))
    }

    /// Checks the configuration, constructs its components and initializes them.
    ///
    /// # Errors
    /// All findings, or the component that could not be initialized.
    pub fn app(&mut self, mode: Mode) -> Result<Arc<App>, CommandError> {
        if let Some(loaded) = &self.loaded {
            return Ok(Arc::clone(&loaded.app));
        }
        let loaded = self.loader.load(mode)?;
        Ok(Arc::clone(&self.loaded.insert(loaded).app))
    }

    /// Returns the files of the configuration that [`Terminal::app`] was built from, with symbolic links followed.
    pub fn files(&self) -> &[PathBuf] {
        self.loaded.as_ref().map_or(&[], |loaded| &loaded.files)
    }

    /// Returns the configuration that [`Terminal::app`] was built from, as models tell it.
    pub fn sources(&self) -> Sources {
        self.loaded.as_ref().map(|loaded| loaded.sources.clone()).unwrap_or_default()
    }
}

impl Host for Terminal {
    fn root(&mut self, mode: Mode) -> Result<Value, CommandError> {
        Ok(self.app(mode)?.root().clone())
    }

    fn blueprint(&mut self) -> Result<Blueprint, CommandError> {
        Ok(palladium_runtime::blueprint(self.load(Mode::Fit)?.root(), self.registry()))
    }

    fn build(&mut self, value: Value) -> Result<Value, CommandError> {
        let plan = palladium_runtime::plan_tree(&value, self.registry())?;
        let app =
            palladium_runtime::build(plan, self.registry()).map_err(|error| CommandError::Config(error.into()))?;
        let built = app.root().clone();
        self.built.push(app);
        Ok(built)
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

    fn print_table(&mut self, rows: &[Vec<String>]) -> Result<(), CommandError> {
        let Some((heading, rows)) = rows.split_first() else { return Ok(()) };
        let mut table = Table::new(heading);
        rows.iter().for_each(|row| table.push(row));
        table.lines().iter().try_for_each(|line| self.print(line))
    }

    fn is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// Returns what turns a store's error into that of a command that was doing this through `model_persister`.
pub fn store_failed(doing: &'static str) -> impl Fn(PersistError) -> CommandError {
    move |error| {
        job_failed(JobError::Component { step: Step::Through(doing, root_keys::PERSISTER), source: error.into() })
    }
}

/// Turns the error of a job into that of a command.
pub fn job_failed(error: JobError) -> CommandError {
    match error {
        JobError::Config(diagnostic) => CommandError::Config((*diagnostic).into()),
        other => CommandError::Failed(other.into()),
    }
}
