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
mod print;
mod rhai;
mod rhai_modules;
mod rhai_spans;
mod rhai_values;
mod ron;
mod script;
mod suggest;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use palladium_value::{Data, Diagnostic, Diagnostics, Entry, Map, Span, Value};

pub use environment::Environment;
use environment::{Reader, Redactor};
use locate::{Language, Text};
pub use print::{to_json, to_ron};

/// Where a configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The comma-separated list of files, from `--config` or `PALLADIUM_CONFIG`; without it the default locations.
    pub files: Option<String>,
    /// Extra entries such as `__mode__`, loaded as if they were the first file.
    pub extra: Vec<(String, Value)>,
    /// The working directory, to which file names are relative.
    pub directory: PathBuf,
    /// The variables that files may read.
    pub environment: Environment,
}

/// A configuration that has been read: merged, copied and changed by its scripts.
pub struct Config {
    root: Value,
    files: Vec<PathBuf>,
    default_location: Option<String>,
    printed: Vec<String>,
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

    /// Returns the files in the order in which they were read, with symbolic links followed.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns the name of the file if none was named and one was found in a default location.
    pub fn default_location(&self) -> Option<&str> {
        self.default_location.as_deref()
    }

    /// Returns what Rhai code said by `print` and `debug`, redacted.
    pub fn printed(&self) -> &[String] {
        &self.printed
    }

    /// Returns a text with `${environ.NAME}` in the place of every value that was read from the environment.
    pub fn redact(&self, text: &str) -> String {
        self.redactor.redact(text)
    }

    /// Returns the tree as RON with the values of environment variables hidden.
    pub fn to_ron(&self) -> String {
        print::redacted_ron(&self.root, &self.redactor)
    }

    /// Returns the tree as JSON with the values of environment variables hidden.
    pub fn to_json(&self) -> serde_json::Value {
        print::redacted_json(&self.root, &self.redactor)
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
        findings: Vec::new(),
    };
    session.load(request)
}

/// What one call of [`load`] shares.
struct Session {
    reader: Arc<Reader>,
    printed: Arc<Mutex<Vec<String>>>,
    findings: Vec<Diagnostic>,
}

impl Session {
    fn load(mut self, request: &Request) -> Result<Config, Diagnostics> {
        let (texts, default_location) = self.locate(request)?;
        let inputs = self.read(request, &texts)?;
        let mut root = merge::merge(inputs, &mut self.findings);
        self.check()?;
        root = self.run_scripts(root, &texts)?;
        let span = match texts.last() {
            Some(text) => Span::new(&text.source, 0..text.source.text().len()),
            None => Span::nowhere("no configuration file"),
        };
        let redactor = self.reader.redactor();
        let printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Config {
            root: Value::new(Data::Map(root), span),
            files: texts.into_iter().map(|text| text.path).collect(),
            default_location,
            printed: printed.iter().map(|line| redactor.redact(line)).collect(),
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
                let sandbox = rhai::Sandbox {
                    directory: Some(text.directory.clone()),
                    reader: Arc::clone(&self.reader),
                    printed: Arc::clone(&self.printed),
                    deadline: Instant::now() + limits::RHAI_TIME,
                };
                rhai::read(&text.source, &sandbox)
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
    fn run_scripts(&mut self, mut root: Map, texts: &[Text]) -> Result<Map, Diagnostics> {
        let surroundings = script::Surroundings { reader: &self.reader, printed: &self.printed, texts };
        let has_run = script::run(&mut root, &surroundings, &mut self.findings);
        self.check()?;
        if has_run {
            script::check_no_scripts(&root, &mut self.findings);
            self.check()?;
            root = merge::merge(vec![root], &mut self.findings);
            self.check()?;
        }
        Ok(root)
    }
}
