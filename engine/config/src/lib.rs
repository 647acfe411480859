//! From configuration files to one tree.
//!
//! [`load`] finds the files, reads each into spanned values (RON or Rhai), merges them with their copies, runs
//! the scripts and returns a [`Config`]. It knows no component and no registry: the same text gives the same tree
//! in every binary. A map with the key `!` is a factory with its arguments; what it builds is not decided here.

mod copy;
mod directive;
mod environment;
mod expand;
mod limits;
mod literal;
mod locate;
mod merge;
mod origin;
mod overrides;
mod print;
mod printed;
mod rhai_file;
mod rhai_functions;
mod rhai_modules;
mod rhai_names;
mod rhai_spans;
mod rhai_values;
mod rhai_watch;
mod ron;
mod ron_syntax;
pub mod script;
mod secrets;
mod suggest;
mod tree_script;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use palladium_value::{Code, Data, Diagnostic, Diagnostics, Entry, Map, Span, Value};

/// The Rhai language as this crate was built with it, for [`Extend`].
pub use ::rhai;
use environment::Reader;
pub use environment::{Environment, Redactor};
pub use locate::DEFAULT_LOCATIONS;
use locate::{Language, Text};
pub use origin::{Difference, Layer, Origin};
pub use overrides::Override;
pub use print::{to_json, to_ron};
use printed::Printed;

/// Registers further types and functions in a Rhai engine. They become part of what every file, script and function
/// of a configuration may do, so they must be as harmless as the rest of the sandbox.
pub type Extend = Arc<dyn Fn(&mut ::rhai::Engine) + Send + Sync>;

/// Where a configuration comes from.
#[derive(Clone, Default)]
pub struct Request {
    /// The comma-separated list of files, from `--config` or `PALLADIUM_CONFIG`; without it the default locations.
    pub files: Option<String>,
    /// Extra entries such as `__mode__`, loaded as if they were the first file.
    pub extra: Vec<(String, Value)>,
    /// The working directory, to which file names are relative.
    pub directory: PathBuf,
    /// The variables that files may read.
    pub environment: Environment,
    /// What the command line changes: a last layer above the files, before scripts run.
    pub overrides: Vec<Override>,
    /// What is registered in every Rhai engine that is made.
    pub extend: Option<Extend>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Request")
            .field("files", &self.files)
            .field("extra", &self.extra)
            .field("directory", &self.directory)
            .field("environment", &self.environment)
            .field("overrides", &self.overrides)
            .field("extend", &self.extend.is_some())
            .finish()
    }
}

/// A configuration that has been read: merged, copied and changed by its scripts.
pub struct Config {
    root: Value,
    added_keys: Vec<String>,
    copied_keys: Vec<String>,
    files: Vec<PathBuf>,
    default_location: Option<String>,
    printed: Arc<Printed>,
    scripts: Vec<Span>,
    sources: Vec<Arc<palladium_value::Source>>,
    reader: Arc<Reader>,
    redactor: Redactor,
}

impl Config {
    /// Returns the tree; its root is a map.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Returns the tree and forgets the rest.
    pub fn into_root(self) -> Value {
        self.root
    }

    /// Returns the root keys that no file has: overrides have added them.
    pub fn added_keys(&self) -> &[String] {
        &self.added_keys
    }

    /// Returns the root keys that some file copies by `__copy__`, as a whole or in part, even if that copy was replaced.
    pub fn copied_keys(&self) -> &[String] {
        &self.copied_keys
    }

    /// Returns the files in the order in which they were read, with symbolic links followed.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns the name of the file if none was named and one was found in a default location.
    pub fn default_location(&self) -> Option<&str> {
        self.default_location.as_deref()
    }

    /// Returns what Rhai code said by `print` and `debug`, redacted, up to a bound; nothing once somebody listens.
    pub fn printed(&self) -> Vec<String> {
        self.printed.lines().iter().map(|line| self.redactor.redact(line).into_owned()).collect()
    }

    /// Hands what Rhai code has said by `print` and `debug` to a listener, and from now on what functions of this
    /// configuration say whenever they are called; all without the values of environment variables.
    pub fn on_print(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        let (reader, redactor) = (Arc::clone(&self.reader), self.redactor.clone());
        // A function may read variables that nothing had read while the files were loaded.
        let redacted: printed::Listener =
            Arc::new(move |line| listener(&redactor.redact(&reader.redactor().redact(line))));
        self.printed.listen(&redacted);
    }

    /// Returns a text with `${environ.NAME}` in the place of every value that was read from the environment.
    pub fn redact(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    /// Returns where each leaf of the tree comes from, in the order of the tree.
    pub fn origins(&self) -> Vec<Origin> {
        origin::origins(self)
    }

    /// Returns what is different in another configuration, by path.
    pub fn diff(&self, other: &Config) -> Vec<Difference> {
        origin::diff(self, other)
    }

    /// Returns what hides the values that were read from the environment and the secrets that are written in it.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Returns the tree as RON with the values of environment variables and other secrets hidden.
    pub fn to_ron(&self) -> String {
        print::redacted_ron(&secrets::hide(&self.root, &self.redactor), &self.redactor)
    }

    /// Returns the tree as JSON with the values of environment variables and other secrets hidden.
    pub fn to_json(&self) -> serde_json::Value {
        print::redacted_json(&secrets::hide(&self.root, &self.redactor), &self.redactor)
    }
}

/// Shows the tree with the values of environment variables hidden.
impl std::fmt::Debug for Config {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.to_ron())
    }
}

/// Loads a configuration.
///
/// # Errors
///
/// All findings of all files, as far as they do not follow from each other.
pub fn load(request: &Request) -> Result<Config, Diagnostics> {
    let session = Session {
        reader: Arc::new(Reader::new(request.environment.clone())),
        printed: Arc::default(),
        extend: request.extend.clone(),
        findings: Vec::new(),
    };
    session.load(request)
}

/// Reads a text of RON as it is written, for showing it in another form: `${here}` and `${environ.NAME}` stay, copies
/// and scripts are not followed.
///
/// # Errors
///
/// All findings in the text.
pub fn read_ron(name: &str, text: &str) -> Result<Value, Diagnostics> {
    let reader = Reader::new(Environment::default().with_placeholders());
    let surroundings = expand::Surroundings { here: Some("${here}"), reader: &reader };
    ron::read(&palladium_value::Source::new(name, text), &surroundings).map_err(Diagnostics)
}

/// What one call of [`load`] shares.
struct Session {
    reader: Arc<Reader>,
    printed: Arc<Printed>,
    extend: Option<Extend>,
    findings: Vec<Diagnostic>,
}

impl Session {
    fn load(mut self, request: &Request) -> Result<Config, Diagnostics> {
        let (texts, default_location) = self.locate(request)?;
        let inputs = self.read(request, &texts)?;
        let copied_keys = directive::copied_keys(&inputs);
        let mut root = merge::merge(inputs, &mut self.findings);
        self.check()?;
        let of_files: HashSet<String> = root.keys().cloned().collect();
        root = overrides::apply(root, &request.overrides, &request.directory, &self.reader, &mut self.findings);
        self.check()?;
        let added_keys = root.keys().filter(|key| !of_files.contains(*key)).cloned().collect();
        let (root, scripts) = self.run_scripts(root, &texts)?;
        let span = match texts.last() {
            Some(text) => Span::new(&text.source, 0..text.source.text().len()),
            None => Span::nowhere("no configuration file"),
        };
        let root = Value::new(Data::Map(root), span);
        let redactor = self.reader.redactor().with_secrets(secrets::collect(&root));
        Ok(Config {
            root,
            added_keys,
            copied_keys,
            sources: texts.iter().map(|text| Arc::clone(&text.source)).collect(),
            files: texts.into_iter().map(|text| text.path).collect(),
            scripts,
            default_location,
            printed: self.printed,
            reader: self.reader,
            redactor,
        })
    }

    /// Stops at what was found, in the order of the files, with nothing of the environment in it.
    fn check(&mut self) -> Result<(), Diagnostics> {
        if self.findings.is_empty() {
            return Ok(());
        }
        let mut findings = Diagnostics(std::mem::take(&mut self.findings));
        let redactor = self.reader.redactor();
        findings.0.iter_mut().for_each(|finding| redactor.redact_diagnostic(finding));
        findings.sort();
        let n_more = findings.0.len().saturating_sub(limits::FINDINGS);
        if n_more > 0 {
            findings.0.truncate(limits::FINDINGS);
            let more = Diagnostic::new(Code::TooLarge, format!("{n_more} more findings are not shown"));
            findings.push(more.help("correct those above first"));
        }
        Err(findings)
    }

    /// Finds and opens the files.
    fn locate(&mut self, request: &Request) -> Result<(Vec<Text>, Option<String>), Diagnostics> {
        let (names, is_default, findings) = locate::names(request.files.as_deref(), &request.directory);
        self.findings.extend(findings);
        let mut texts = Vec::new();
        for name in &names {
            match locate::read(name, &request.directory) {
                Ok(text) => texts.push(text),
                Err(finding) => self.findings.push(finding),
            }
        }
        let default_location = names.into_iter().next().filter(|_| is_default);
        // A file that is missing does not hide what is wrong in those that are there.
        if !self.findings.is_empty() {
            texts.iter().for_each(|text| drop(self.read_one(text)));
        }
        self.check()?;
        Ok((texts, default_location))
    }

    /// Reads all inputs: the extra entries first, then the files in order.
    fn read(&mut self, request: &Request, texts: &[Text]) -> Result<Vec<Map>, Diagnostics> {
        let extra = request
            .extra
            .iter()
            .map(|(key, value)| (key.clone(), Entry { key_span: value.span.clone(), value: value.clone() }));
        let mut inputs = vec![extra.collect()];
        inputs.extend(texts.iter().filter_map(|text| self.read_one(text)).collect::<Vec<_>>());
        self.check()?;
        Ok(inputs)
    }

    fn read_one(&mut self, text: &Text) -> Option<Map> {
        let value = match text.language {
            Language::Ron => {
                let surroundings = expand::Surroundings { here: text.directory.to_str(), reader: &self.reader };
                ron::read(&text.source, &surroundings)
            }
            Language::Rhai => {
                let sandbox = rhai_file::Sandbox {
                    directory: Some(text.directory.clone()),
                    reader: Arc::clone(&self.reader),
                    printed: Arc::clone(&self.printed),
                    extend: self.extend.clone(),
                };
                rhai_file::read(&text.source, &sandbox)
            }
        };
        match value.map(|value| value.data) {
            Ok(Data::Map(map)) => Some(map),
            Ok(_) => None,
            Err(findings) => {
                self.findings.extend(findings);
                None
            }
        }
    }

    /// Runs the scripts; what they added may be directives again.
    fn run_scripts(&mut self, mut root: Map, texts: &[Text]) -> Result<(Map, Vec<Span>), Diagnostics> {
        let surroundings =
            tree_script::Surroundings { reader: &self.reader, printed: &self.printed, extend: &self.extend, texts };
        let scripts = tree_script::run(&mut root, &surroundings, &mut self.findings);
        self.check()?;
        if !scripts.is_empty() {
            tree_script::check_no_scripts(&root, &mut self.findings);
            self.check()?;
            root = merge::merge(vec![root], &mut self.findings);
            self.check()?;
        }
        Ok((root, scripts))
    }
}
