//! The variables of the process: read by name, remembered when read, never shown.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use palladium_value::{Code, Diagnostic, nearest};

/// A snapshot of environment variables.
#[derive(Clone, Default)]
pub struct Environment(Arc<BTreeMap<OsString, OsString>>);

impl Environment {
    /// Takes a snapshot of the variables of this process.
    pub fn process() -> Environment {
        std::env::vars_os().collect()
    }
}

impl<Name: Into<OsString>, Text: Into<OsString>> FromIterator<(Name, Text)> for Environment {
    fn from_iter<I: IntoIterator<Item = (Name, Text)>>(variables: I) -> Environment {
        Environment(Arc::new(variables.into_iter().map(|(name, text)| (name.into(), text.into())).collect()))
    }
}

/// Shows how many variables there are and none of them: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Environment({} variables)", self.0.len())
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
        let value = self.environment.0.get(OsStr::new(name)).ok_or(Unread::Unset)?;
        let value = value.to_str().ok_or(Unread::NotText)?;
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        Ok(value.to_owned())
    }

    /// Tells whether a variable is set.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.environment.0.contains_key(OsStr::new(name))
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
                match nearest(name, self.environment.0.keys().filter_map(|name| name.to_str())) {
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
            .filter_map(|name| Some((self.environment.0.get(OsStr::new(name))?.to_str()?.to_owned(), name.clone())))
            .filter(|(value, _)| value.chars().count() > Redactor::SHORT)
            .collect();
        values.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        values.dedup_by(|(a, _), (b, _)| a == b);
        Redactor { values }
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

/// Hides the values of environment variables, the longest first.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// Value and name.
    values: Vec<(String, String)>,
}

impl Redactor {
    /// Values of at most this many characters stay: `1` or `yes` stand everywhere.
    const SHORT: usize = 3;

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

    /// Returns the text with `${environ.NAME}` in the place of every value.
    pub(crate) fn redact(&self, text: &str) -> String {
        let pieces = self.pieces(text);
        pieces.iter().fold(String::with_capacity(text.len()), |mut shown, piece| {
            match piece {
                Piece::Plain(plain) => shown.push_str(plain),
                Piece::Variable(name) => shown.push_str(&format!("${{environ.{name}}}")),
            }
            shown
        })
    }

    /// Hides values in everything a diagnostic says; its quotations are the author's own text.
    pub(crate) fn redact_diagnostic(&self, diagnostic: &mut Diagnostic) {
        if self.values.is_empty() {
            return;
        }
        let texts = std::iter::once(&mut diagnostic.message)
            .chain(&mut diagnostic.notes)
            .chain(&mut diagnostic.help)
            .chain(diagnostic.labels.iter_mut().map(|label| &mut label.text));
        for text in texts {
            *text = self.redact(text);
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
