//! What is wrong with the samples and parameters of a request, field by field.

use std::fmt;

use palladium_data::DataError;
use serde_json::{Value as Json, json};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// The sort of an error: stable, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum InputErrorCode { $($(#[$doc])* $variant,)* }

        impl InputErrorCode {
            /// Every code.
            pub const ALL: &[InputErrorCode] = &[$(InputErrorCode::$variant,)*];

            /// Returns the code as clients read it.
            pub fn as_str(self) -> &'static str {
                match self { $(InputErrorCode::$variant => $text,)* }
            }
        }
    };
}

codes! {
    /// A field has no value.
    MissingField = "missing_field",
    /// A field is given twice.
    DuplicateField = "duplicate_field",
    /// A value is not of the type of its field or parameter.
    WrongType = "wrong_type",
    /// A sample is no object.
    NotAnObject = "not_an_object",
    /// The body is no list.
    NotAList = "not_a_list",
    /// The body is no JSON.
    NotJson = "not_json",
    /// A number is infinite or NaN, and the model needs finite ones.
    NotFinite = "not_finite",
    /// A cell has no value, and the model needs one.
    MissingValue = "missing_value",
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// The sort.
    pub code: InputErrorCode,
    /// The sample, from 1; nothing stands for the request as a whole.
    pub row: Option<usize>,
    /// The field or the parameter, if it is about one.
    pub field: Option<String>,
    /// Whether the request itself names that field.
    pub is_sent: bool,
    /// What belongs there, in words.
    pub expected: String,
    /// What is there, in words.
    pub got: String,
    /// All of it but the row in a sentence.
    pub message: String,
}

/// The sentence behind the number of the sample.
impl fmt::Display for InputError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            write!(formatter, "sample {row}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

impl InputError {
    /// Returns the error of a number that is infinite or NaN where the model needs a finite one.
    pub fn not_finite(field: &str, row: Option<usize>) -> InputError {
        InputError::needed(InputErrorCode::NotFinite, field, row, "a finite number", "an infinite number or NaN")
    }

    fn needed(code: InputErrorCode, field: &str, row: Option<usize>, expected: &str, got: &str) -> InputError {
        InputError {
            code,
            row,
            field: Some(field.to_owned()),
            is_sent: false,
            expected: expected.to_owned(),
            got: got.to_owned(),
            message: format!("`{field}` has to be {expected}, got {got}"),
        }
    }

    /// Returns the error as clients read it.
    pub fn to_json(&self) -> Json {
        json!({
            "code": self.code.as_str(),
            "row": self.row,
            "field": self.field,
            "expected": self.expected,
            "got": self.got,
        })
    }

    /// Returns what may be told to those who are to learn nothing: the code and the place, with the name of a field
    /// that the request itself has named.
    pub fn to_bare_json(&self) -> Json {
        let field = self.field.as_ref().filter(|_| self.is_sent);
        json!({"code": self.code.as_str(), "row": self.row, "field": field})
    }
}

/// Everything that is wrong with a request: the first errors in its order, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputErrors {
    kept: Vec<InputError>,
    count: usize,
}

impl InputErrors {
    /// So many errors are kept; further ones are counted.
    pub const KEPT: usize = 100;

    /// Adds an error, which is not even made where enough are kept.
    pub fn push(&mut self, error: impl FnOnce() -> InputError) {
        if self.kept.len() < InputErrors::KEPT {
            self.kept.push(error());
        }
        self.count += 1;
    }

    /// Adds those of another part of the request.
    pub fn append(&mut self, other: InputErrors) {
        let room = InputErrors::KEPT - self.kept.len();
        self.kept.extend(other.kept.into_iter().take(room));
        self.count += other.count;
    }

    /// Returns the errors that were kept.
    pub fn kept(&self) -> &[InputError] {
        &self.kept
    }

    /// Returns the number of all errors.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Tells whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the rows that have errors, if every error is known and each is about a row.
    pub fn rows(&self) -> Option<Vec<usize>> {
        let mut rows = self.kept.iter().map(|error| error.row).collect::<Option<Vec<usize>>>()?;
        rows.sort_unstable();
        rows.dedup();
        (self.kept.len() == self.count).then_some(rows)
    }

    /// Returns the errors of one row, as those of a request that has no other.
    #[must_use]
    pub fn of_row(&self, row: usize) -> InputErrors {
        let own = self.kept.iter().filter(|error| error.row == Some(row));
        let kept: Vec<InputError> = own.map(|error| InputError { row: None, ..error.clone() }).collect();
        InputErrors { count: kept.len(), kept }
    }

    /// Returns the errors without their rows, as those of a request that has no list.
    #[must_use]
    pub fn without_rows(mut self) -> InputErrors {
        self.kept.iter_mut().for_each(|error| error.row = None);
        self
    }
}

impl From<InputError> for InputErrors {
    fn from(error: InputError) -> InputErrors {
        InputErrors { kept: vec![error], count: 1 }
    }
}

/// The first error, and how many there are beside it.
impl fmt::Display for InputErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.kept.first() {
            first.fmt(formatter)?;
        }
        match self.count {
            0 | 1 => Ok(()),
            2 => formatter.write_str(" (and 1 more error)"),
            count => write!(formatter, " (and {} more errors)", count - 1),
        }
    }
}

/// Cells that are missing or not finite are the caller's; everything else is between configuration and model.
impl TryFrom<DataError> for InputError {
    type Error = DataError;

    fn try_from(error: DataError) -> Result<InputError, DataError> {
        match error {
            DataError::NotFinite { name, row, .. } => Ok(InputError::not_finite(&name, Some(row))),
            DataError::MissingValue { name, row, .. } => {
                Ok(InputError::needed(InputErrorCode::MissingValue, &name, Some(row), "a value", "nothing"))
            }
            other => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(row: usize) -> InputError {
        InputError {
            code: InputErrorCode::MissingField,
            row: Some(row),
            field: Some("a".to_owned()),
            is_sent: false,
            expected: "a number".to_owned(),
            got: "nothing".to_owned(),
            message: "the field `a` is missing".to_owned(),
        }
    }

    #[test]
    fn many_errors_are_counted_and_few_are_kept() {
        let mut errors = InputErrors::default();
        assert!(errors.is_empty());
        let said = ["sample 1: the field `a` is missing", " (and 1 more error)", " (and 2 more errors)"];
        for (count, end) in said.iter().enumerate() {
            errors.push(|| error(count + 1));
            let expected = if count == 0 { said[0].to_owned() } else { format!("{}{end}", said[0]) };
            assert_eq!(errors.to_string(), expected);
        }
        for row in 4..=InputErrors::KEPT {
            errors.push(|| error(row));
        }
        assert_eq!(errors.rows(), Some((1..=InputErrors::KEPT).collect()));
        let mut others = InputErrors::from(error(1));
        others.append(errors);
        others.push(|| unreachable!("it is not kept"));
        assert_eq!((others.kept().len(), others.count(), others.rows()), (InputErrors::KEPT, 102, None));
        let one = others.of_row(1);
        assert_eq!((one.count(), one.to_string().as_str()), (2, "the field `a` is missing (and 1 more error)"));
    }

    #[test]
    fn a_name_that_was_not_sent_is_not_told() {
        assert_eq!(error(2).to_bare_json(), json!({"code": "missing_field", "row": 2, "field": null}));
        let sent = InputError { code: InputErrorCode::WrongType, is_sent: true, ..error(2) };
        assert_eq!(sent.to_bare_json(), json!({"code": "wrong_type", "row": 2, "field": "a"}));
    }
}
