//! What an operator reads when a component fails at its work.

use std::error::Error;
use std::fmt;

use palladium_data::{ColumnType, DataError};
use palladium_value::{Diagnostic, nearest};

/// An error of a component, with advice where there is some.
///
/// Component crates implement it for their own error enums; `?` turns those into a [`Failure`].
pub trait Explain: Error + Send + Sync + 'static {
    /// Says what to do about it.
    fn help(&self) -> Option<String> {
        None
    }
}

impl Explain for DataError {
    fn help(&self) -> Option<String> {
        match self {
            DataError::MissingValue { .. } | DataError::NotFinite { .. } => {
                Some("put a value into the cell, or leave the row or the column out".into())
            }
            DataError::NoSuchColumn { name, present } => {
                let near = nearest(name, present.iter().map(String::as_str))?;
                Some(format!("did you mean `{near}`?"))
            }
            DataError::ColumnsMissing { missing, unknown, .. } => {
                let near = |name: &String| Some((name.clone(), nearest(name, unknown.iter().map(String::as_str))?));
                let (name, near) = missing.iter().find_map(near)?;
                Some(format!("rename `{near}` if it is the column `{name}`"))
            }
            DataError::WrongType { found: ColumnType::Text, .. } => {
                Some("correct the cells that hold text, or leave the column out".into())
            }
            DataError::NotCast { .. } => Some("correct the cell, or leave the row or the column out".into()),
            DataError::NoData => Some("take a loader that reads data; the one in use yields none".into()),
            DataError::NoRows => Some(
                "check that the file or the query of the loader holds rows, and what the loader is told to leave out"
                    .into(),
            ),
            _ => None,
        }
    }
}

/// The failure of a function that a configuration gave to a component; it shows the place in the script.
impl Explain for Box<Diagnostic> {}

/// Any component's error.
pub struct Failure(Box<dyn Explain>);

impl Failure {
    /// Returns an error that is a text alone.
    pub fn message(text: impl Into<String>) -> Failure {
        Failure::from(Message { text: text.into(), help: None })
    }

    /// Returns an error that is a text with advice.
    pub fn with_help(text: impl Into<String>, help: impl Into<String>) -> Failure {
        Failure::from(Message { text: text.into(), help: Some(help.into()) })
    }

    /// Says what to do about it.
    pub fn help(&self) -> Option<String> {
        self.0.help()
    }

    /// Returns the error itself if it is of this type.
    ///
    /// # Errors
    /// It is of another type: this failure, unchanged.
    pub fn downcast<E: Explain>(self) -> Result<E, Failure> {
        if !(self.0.as_ref() as &dyn Error).is::<E>() {
            return Err(self);
        }
        let error: Box<dyn Error> = self.0;
        error.downcast().map(|error| *error).map_err(|error| Failure::message(error.to_string()))
    }
}

/// Returns what an error says where it is the cause of another: a diagnostic its message, place and advice in one line.
pub fn cause_in_words(error: &(dyn Error + 'static)) -> String {
    let inner = error.downcast_ref::<Failure>().map_or(error, |failure| failure.0.as_ref() as &(dyn Error + 'static));
    let boxed = inner.downcast_ref::<Box<Diagnostic>>().map(AsRef::as_ref);
    match boxed.or_else(|| inner.downcast_ref::<Diagnostic>()) {
        Some(finding) => {
            let line = finding.in_one_line();
            line.strip_prefix(&format!("{}: ", finding.code.as_str())).unwrap_or(&line).to_owned()
        }
        None => error.to_string(),
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Message {
    text: String,
    help: Option<String>,
}

impl Explain for Message {
    fn help(&self) -> Option<String> {
        self.help.clone()
    }
}

#[cfg(test)]
mod tests {
    use palladium_value::Code;

    use super::*;

    #[test]
    fn a_diagnostic_is_a_cause_without_its_header() {
        let finding = || Diagnostic::new(Code::BadArguments, "no such parameter").help("did you mean `C`?");
        let expected = "no such parameter; did you mean `C`?";
        assert_eq!(cause_in_words(&finding()), expected);
        assert_eq!(cause_in_words(&Failure::from(Box::new(finding()))), expected);
        assert_eq!(cause_in_words(&Failure::message("no disk")), "no disk");
    }
}
