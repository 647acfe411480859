//! The variables of the process: read by name, remembered when read, never shown.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use palladium_value::{Code, Diagnostic, HIDDEN, mask_urls, nearest, placeholder};

/// A snapshot of environment variables.
#[derive(Clone, Default)]
pub struct Environment {
    variables: Arc<BTreeMap<OsString, OsString>>,
    has_placeholders: bool,
}

impl Environment {
    /// Takes a snapshot of the variables of this process.
    pub fn process() -> Environment {
        std::env::vars_os().collect()
    }

    /// Returns the snapshot with a placeholder in the place of every variable that is not set, for checks where the
    /// variables are not at hand.
    #[must_use]
    pub fn with_placeholders(self) -> Environment {
        Environment { has_placeholders: true, ..self }
    }
}

impl<Name: Into<OsString>, Text: Into<OsString>> FromIterator<(Name, Text)> for Environment {
    fn from_iter<I: IntoIterator<Item = (Name, Text)>>(variables: I) -> Environment {
        let variables = variables.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        Environment { variables: Arc::new(variables), has_placeholders: false }
    }
}

/// Shows how many variables there are and none of them: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Environment({} variables)", self.variables.len())
    }
}

/// Why a variable could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is not set.
    Unset,
    /// Its value is not UTF-8.
    NotText,
}

/// Reads variables for one configuration and remembers which.
#[derive(Default)]
pub(crate) struct Reader {
    environment: Environment,
    read: Mutex<BTreeSet<String>>,
}

impl Reader {
    pub(crate) fn new(environment: Environment) -> Reader {
        Reader { environment, read: Mutex::default() }
    }

    /// Returns the value of a variable; from now on it is redacted.
    pub(crate) fn read(&self, name: &str) -> Result<String, Unread> {
        let value = match self.environment.variables.get(OsStr::new(name)) {
            Some(value) => value,
            None if self.environment.has_placeholders => return Ok(placeholder(name)),
            None => return Err(Unread::Unset),
        };
        let value = value.to_str().ok_or(Unread::NotText)?;
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        Ok(value.to_owned())
    }

    /// Tells whether a variable is set.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.environment.variables.contains_key(OsStr::new(name))
    }

    /// Returns the finding about a variable that could not be read; it names variables, never values.
    pub(crate) fn unread(&self, name: &str, why: &Unread) -> Diagnostic {
        match why {
            Unread::NotText => Diagnostic::new(
                Code::MissingEnv,
                format!("the value of environment variable `{name}` is not UTF-8 text"),
            ),
            Unread::Unset => {
                let message = format!("environment variable `{name}` is not set");
                let diagnostic = Diagnostic::new(Code::MissingEnv, message);
                match nearest(name, self.environment.variables.keys().filter_map(|name| name.to_str())) {
                    Some(near) => diagnostic.help(format!("`{near}` is set; was it meant?")),
                    None => diagnostic,
                }
            }
        }
    }

    /// Returns what hides the values that have been read so far.
    pub(crate) fn redactor(&self) -> Redactor {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut values: Vec<(String, String)> = read
            .iter()
            .filter_map(|name| {
                Some((self.environment.variables.get(OsStr::new(name))?.to_str()?.to_owned(), name.clone()))
            })
            .filter(|(value, _)| value.chars().count() > Redactor::SHORT)
            .collect();
        for index in 0..values.len() {
            let escaped = Redactor::escaped(&values[index].0);
            if escaped != values[index].0 {
                values.push((escaped, values[index].1.clone()));
            }
        }
        values.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        values.dedup_by(|(a, _), (b, _)| a == b);
        Redactor { values, secrets: Vec::new() }
    }
}

/// Part of a text that may have come from the environment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text that may be shown.
    Plain(&'a str),
    /// The value of this variable.
    Variable(&'a str),
}

/// Hides the values of environment variables that a configuration has read, and the secrets written in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Redactor {
    /// Value and name, the longest first.
    values: Vec<(String, String)>,
    /// Secrets that do not come from the environment, the longest first.
    secrets: Vec<String>,
}

/// Shows nothing of what it hides.
impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Redactor({} values)", self.values.len() + self.secrets.len())
    }
}

impl Redactor {
    /// Values of at most this many characters stay: `1` or `yes` stand everywhere.
    const SHORT: usize = 3;

    /// Returns a text as it stands in quotes, in JSON and in what Rust shows for programmers.
    fn escaped(text: &str) -> String {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    }

    /// Hides further texts.
    pub(crate) fn with_secrets(mut self, secrets: Vec<String>) -> Redactor {
        let long = secrets.into_iter().filter(|secret| secret.chars().count() > Redactor::SHORT);
        let mut secrets: Vec<String> = long.flat_map(|secret| [Redactor::escaped(&secret), secret]).collect();
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        secrets.dedup();
        secrets.retain(|secret| !self.values.iter().any(|(value, _)| value == secret));
        self.secrets = secrets;
        self
    }

    /// Splits a text at the values of variables.
    pub(crate) fn pieces<'a>(&'a self, text: &'a str) -> Vec<Piece<'a>> {
        let mut pieces = vec![Piece::Plain(text)];
        for (value, name) in &self.values {
            if !text.contains(value.as_str()) {
                continue;
            }
            pieces = pieces.into_iter().flat_map(|piece| split(piece, value, name)).collect();
        }
        pieces.retain(|piece| *piece != Piece::Plain(""));
        pieces
    }

    /// Returns the texts that are hidden.
    pub fn hidden(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(value, _)| value).chain(&self.secrets).map(String::as_str)
    }

    /// Returns the text with `${environ.NAME}` in the place of every value and `***` in that of other secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.hidden().any(|hidden| text.contains(hidden)) {
            return mask_urls(text);
        }
        let pieces = self.pieces(text);
        let shown = pieces.iter().fold(String::with_capacity(text.len()), |mut shown, piece| {
            match piece {
                Piece::Plain(plain) => shown.push_str(&self.without_secrets(plain)),
                Piece::Variable(name) => shown.push_str(&format!("${{environ.{name}}}")),
            }
            shown
        });
        Cow::Owned(mask_urls(&shown).into_owned())
    }

    fn without_secrets(&self, text: &str) -> String {
        let found = self.secrets.iter().filter(|secret| text.contains(secret.as_str()));
        found.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), HIDDEN))
    }

    /// Hides values in everything a diagnostic says; its quotations are the author's own text.
    pub fn redact_diagnostic(&self, diagnostic: &mut Diagnostic) {
        let texts = std::iter::once(&mut diagnostic.message)
            .chain(&mut diagnostic.notes)
            .chain(&mut diagnostic.help)
            .chain(diagnostic.labels.iter_mut().map(|label| &mut label.text));
        for text in texts {
            *text = self.redact(text).into_owned();
        }
    }
}

fn split<'a>(piece: Piece<'a>, value: &str, name: &'a str) -> Vec<Piece<'a>> {
    let Piece::Plain(text) = piece else { return vec![piece] };
    let mut pieces = Vec::new();
    for (index, plain) in text.split(value).enumerate() {
        if index > 0 {
            pieces.push(Piece::Variable(name));
        }
        pieces.push(Piece::Plain(plain));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacts_what_was_read_and_nothing_else() {
        let variables = [("PASSWORD", "secret"), ("LONG", "secret-longer"), ("SHORT", "abc"), ("UNREAD", "hello")];
        let reader = Reader::new(Environment::from_iter(variables));
        for name in ["PASSWORD", "LONG", "SHORT"] {
            reader.read(name).unwrap();
        }
        let cases = [
            ("x secret y secret", "x ${environ.PASSWORD} y ${environ.PASSWORD}"),
            ("secret-longer", "${environ.LONG}"),
            ("secret-long", "${environ.PASSWORD}-long"),
            ("abc hello", "abc hello"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(reader.redactor().redact(text), expected, "{text}");
        }
    }

    #[test]
    fn suggests_names_and_shows_no_values() {
        let reader = Reader::new(Environment::from_iter([("DATABASE_URL", "sqlite:secret")]));
        assert_eq!(reader.read("DATABASE_URI"), Err(Unread::Unset));
        let rendered = reader.unread("DATABASE_URI", &Unread::Unset).render(false);
        assert!(rendered.contains("`DATABASE_URL`") && !rendered.contains("secret"), "{rendered}");
        assert_eq!(format!("{:?}", reader.environment), "Environment(1 variables)");
    }

    #[cfg(unix)]
    #[test]
    fn text_that_is_not_utf8_is_an_error_when_it_is_read() {
        use std::os::unix::ffi::OsStringExt;
        let reader = Reader::new([(OsString::from("X"), OsString::from_vec(vec![0xff]))].into_iter().collect());
        assert_eq!(reader.read("X"), Err(Unread::NotText));
        assert!(reader.is_set("X"));
    }
}
