//! What is wrong with a rule.

use palladium_value::Value;

/// Why a value is no rule.
///
/// The message says what is wrong and [`RecurrenceError::value`] where, so that whoever reads a configuration can point
/// at it. What stands there is never part of the message: it may come from the environment.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RecurrenceError {
    /// It is no map.
    #[error("a recurrence rule is a map with `freq`")]
    NotAMap {
        /// The value.
        value: Box<Value>,
    },
    /// The map has no `freq`.
    #[error("a recurrence rule needs `freq`")]
    NoFrequency {
        /// The map.
        value: Box<Value>,
    },
    /// The map has a key that means nothing.
    #[error("a recurrence rule has no key `{key}`")]
    UnknownKey {
        /// The key.
        key: String,
        /// A key that may have been meant.
        near: Option<&'static str>,
        /// The value under the key, at the place of the key.
        value: Box<Value>,
    },
    /// A value does not fit its key.
    #[error("`{key}` of a recurrence rule has to be {expected}")]
    Wrong {
        /// The key.
        key: &'static str,
        /// What fits.
        expected: &'static str,
        /// The value or the part of it that does not fit.
        value: Box<Value>,
    },
    /// An end is given twice.
    #[error("a recurrence rule ends by `count` or by `until`, not by both")]
    TwoEnds {
        /// The value of the second one.
        value: Box<Value>,
    },
    /// Weekdays are counted that have nothing to be counted in.
    #[error("weekdays are counted within a year or a month: `freq` has to be `YEARLY` or `MONTHLY`")]
    NothingToCountIn {
        /// The weekday.
        value: Box<Value>,
    },
    /// No time fits all parts.
    #[error("this recurrence rule never occurs: no time fits all its parts")]
    Never {
        /// The map.
        value: Box<Value>,
    },
}

impl RecurrenceError {
    /// Returns the value that is wrong.
    pub fn value(&self) -> &Value {
        match self {
            RecurrenceError::NotAMap { value }
            | RecurrenceError::NoFrequency { value }
            | RecurrenceError::UnknownKey { value, .. }
            | RecurrenceError::Wrong { value, .. }
            | RecurrenceError::TwoEnds { value }
            | RecurrenceError::NothingToCountIn { value }
            | RecurrenceError::Never { value } => value,
        }
    }
}
