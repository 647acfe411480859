//! From configuration values to the types of Rust.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use palladium_interfaces::{Component, Interface};
use palladium_value::{Data, Map, Value, nearest};

use crate::ParamType;

/// A type that parameters may have.
pub trait FromArgument: Sized {
    /// What it accepts.
    const TYPE: ParamType;

    /// Converts a value.
    ///
    /// # Errors
    /// A value that is not of the type.
    fn from_argument(value: &Value) -> Result<Self, Mismatch>;

    /// Returns what stands in for an argument that is not given and has no declared default: an `Option` is none.
    fn absent() -> Option<Self> {
        None
    }
}

/// Why a value is not what a parameter accepts.
#[derive(Clone, Debug)]
pub enum Mismatch {
    /// It is of another type: what was expected, in words, and the value or the part of it that is wrong.
    Wrong {
        /// What was expected.
        expected: String,
        /// The value or the part of it that is wrong.
        value: Value,
    },
    /// It is a number out of range.
    OutOfRange {
        /// The range, in words.
        range: String,
        /// The number.
        value: Value,
    },
    /// Something in it is wrong that its type alone does not tell.
    Refused {
        /// What is wrong.
        message: String,
        /// The value or the part of it that is wrong.
        value: Value,
        /// What to say at its place.
        label: String,
    },
    /// Several parts of it are wrong.
    Several(Vec<Mismatch>),
    /// It holds a component whose own arguments are wrong, which has been reported.
    Reported,
}

/// How many wrong parts of one value are reported.
const MOST_MISMATCHES: usize = 20;

impl Mismatch {
    /// Returns the mismatch of a value and a type in words.
    pub fn wrong(expected: impl Display, value: &Value) -> Mismatch {
        Mismatch::Wrong { expected: format!("{expected}"), value: value.clone() }
    }

    /// Returns the mismatch of a number and a range in words.
    pub fn out_of_range(range: impl Display, value: &Value) -> Mismatch {
        Mismatch::OutOfRange { range: format!("{range}"), value: value.clone() }
    }

    /// Collects what was read of the parts of a value, or all that is wrong with them.
    ///
    /// # Errors
    /// One or several parts that could not be read.
    pub fn collect<T>(parts: impl IntoIterator<Item = Result<T, Mismatch>>) -> Result<Vec<T>, Mismatch> {
        let (mut read, mut wrong) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Ok(part) => read.push(part),
                Err(mismatch) => wrong.push(mismatch),
            }
            if wrong.len() == MOST_MISMATCHES {
                break;
            }
        }
        match wrong.len() {
            0 => Ok(read),
            1 => Err(wrong.remove(0)),
            _ => Err(Mismatch::Several(wrong)),
        }
    }
}

/// Returns what is said at the place of a value that is not what was expected: what it is, or, where one of several
/// texts was expected, that it is none of them; and which of the texts that are named there is near.
pub fn label_of_wrong(expected: &str, value: &Value) -> String {
    /// What is longer is no misspelt choice.
    const LONGEST: usize = 40;
    let Some(text) = value.as_text() else { return format!("this is {}", describe(value)) };
    if text.is_empty() && value.span.is_quotable() && is_literal(value, text) {
        return "this is empty".to_owned();
    }
    let choices = choices(expected);
    let (said, near) = if choices.is_empty() {
        // They are examples.
        (format!("this is {}", describe(value)), nearest(text, expected.split('`').skip(1).step_by(2)))
    } else {
        let is_shown = is_literal(value, text) && text.len() <= LONGEST;
        let shown = if is_shown { format!("`{text}`") } else { "this".to_owned() };
        (format!("{shown} is none of them"), nearest(text, choices))
    };
    match near {
        Some(near) => format!("{said}; did you mean `{near}`?"),
        None => said,
    }
}

/// Returns the texts among several alternatives in words, such as "`a` or `b` or null".
fn choices(expected: &str) -> Vec<&str> {
    let alternatives: Vec<&str> =
        expected.split(" or ").flat_map(|part| part.trim_end_matches(',').split(", ")).collect();
    if alternatives.len() < 2 || expected.contains("such as") {
        return Vec::new();
    }
    // What stands behind "a list of" are its items.
    let alternatives = alternatives.into_iter().map(|part| part.strip_prefix("one of ").unwrap_or(part));
    let before_items = alternatives.take_while(|part| !part.contains(" of "));
    before_items.filter_map(|part| part.strip_prefix('`')?.strip_suffix('`')).collect()
}

/// Tells whether a text stands in the file as it is; what does not may come from the environment, whose values are
/// never shown.
pub(crate) fn is_literal(value: &Value, text: &str) -> bool {
    value.span.text().trim_matches(['"', '`']) == text
}

/// Returns what a value is, for messages, with the kind of a component.
pub fn describe(value: &Value) -> String {
    match &value.data {
        Data::Component(component) => component
            .downcast_ref::<Component>()
            .map_or_else(|| value.describe().to_owned(), |component| component.kind().with_article()),
        _ => value.describe().to_owned(),
    }
}

/// Stands where a component could not be constructed, so that its parent does not report it again.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

impl Failed {
    /// Tells whether a value holds such a place.
    pub fn is_in(value: &Value) -> bool {
        match &value.data {
            Data::Component(component) => component.is::<Failed>(),
            Data::List(items) => items.iter().any(Failed::is_in),
            Data::Map(map) => map.values().any(|entry| Failed::is_in(&entry.value)),
            _ => false,
        }
    }
}

macro_rules! scalar {
    ($type:ty, $param:expr, |$value:ident| $convert:expr) => {
        impl FromArgument for $type {
            const TYPE: ParamType = $param;

            fn from_argument($value: &Value) -> Result<Self, Mismatch> {
                $convert.ok_or_else(|| Mismatch::wrong(Self::TYPE, $value))
            }
        }
    };
}

scalar!(bool, ParamType::Bool, |value| value.as_bool());
scalar!(i64, ParamType::Int, |value| value.as_int());
scalar!(f64, ParamType::Float, |value| value.as_float());
scalar!(String, ParamType::Text, |value| value.as_text().map(str::to_owned));

impl FromArgument for PathBuf {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<PathBuf, Mismatch> {
        match value.as_text() {
            Some("") => Err(Mismatch::wrong("a path, which is not empty", value)),
            Some(path) => Ok(PathBuf::from(path)),
            None => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl FromArgument for $type {
            const TYPE: ParamType = ParamType::Int;

            fn from_argument(value: &Value) -> Result<Self, Mismatch> {
                let number = i64::from_argument(value)?;
                <$type>::try_from(number).map_err(|_| match i64::try_from(<$type>::MAX) {
                    Ok(most) => Mismatch::out_of_range(format!("a whole number from 0 to {most}"), value),
                    Err(_) => Mismatch::out_of_range("at least 0", value),
                })
            }
        }
    )*};
}

unsigned!(u16, u32, u64, usize);

impl FromArgument for Value {
    const TYPE: ParamType = ParamType::Any;

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        if Failed::is_in(value) { Err(Mismatch::Reported) } else { Ok(value.clone()) }
    }
}

impl<T: FromArgument> FromArgument for Option<T> {
    const TYPE: ParamType = ParamType::Optional(&T::TYPE);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        if value.is_null() { Ok(None) } else { T::from_argument(value).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: FromArgument> FromArgument for Vec<T> {
    const TYPE: ParamType = ParamType::List(&T::TYPE);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let items = value.as_list().ok_or_else(|| Mismatch::wrong(Self::TYPE, value))?;
        Mismatch::collect(items.iter().map(T::from_argument))
    }
}

/// One text, or several as a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl FromArgument for Texts {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Text, ParamType::List(&ParamType::Text)]);

    fn from_argument(value: &Value) -> Result<Texts, Mismatch> {
        match value.as_text() {
            Some(text) => Ok(Texts(vec![text.to_owned()])),
            None => Vec::from_argument(value).map(Texts).map_err(|_| Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

impl<A: FromArgument, B: FromArgument> FromArgument for (A, B) {
    const TYPE: ParamType = ParamType::Pair(&A::TYPE, &B::TYPE);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match value.as_list() {
            Some([first, second]) => Ok((A::from_argument(first)?, B::from_argument(second)?)),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

impl<T: FromArgument> FromArgument for IndexMap<String, T> {
    const TYPE: ParamType = ParamType::Map(&T::TYPE);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let map = value.as_map().ok_or_else(|| Mismatch::wrong(Self::TYPE, value))?;
        map.iter().map(|(key, entry)| Ok((key.clone(), T::from_argument(&entry.value)?))).collect()
    }
}

impl FromArgument for Map {
    const TYPE: ParamType = ParamType::Map(&ParamType::Any);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match Value::from_argument(value)?.data {
            Data::Map(map) => Ok(map),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

impl<I: Interface + ?Sized> FromArgument for Arc<I> {
    const TYPE: ParamType = ParamType::Component(I::KIND);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let Data::Component(erased) = &value.data else {
            return Err(Mismatch::wrong(Self::TYPE, value));
        };
        if erased.is::<Failed>() {
            return Err(Mismatch::Reported);
        }
        let component = erased.downcast_ref::<Component>();
        component.and_then(I::of).ok_or_else(|| Mismatch::wrong(Self::TYPE, value))
    }
}

#[cfg(test)]
mod tests {
    use palladium_value::Span;

    use super::*;

    #[test]
    fn choices_are_the_texts_that_can_be_given() {
        let cases = [
            ("`a` or `b` or null", &["a", "b"][..]),
            ("one of `a`, `b`", &["a", "b"]),
            ("`infer`, null or the number of a row from 0", &["infer"]),
            ("a whole number from 1, or `active`", &["active"]),
            ("a pair of text and `a` or `b`", &[]),
            ("a weekday such as `MO`, `+1MO` or `MO(+1)`", &[]),
            ("text or null", &[]),
            ("`a`", &[]),
        ];
        for (expected, texts) in cases {
            assert_eq!(choices(expected), texts, "{expected}");
        }
    }

    #[test]
    fn a_label_names_what_is_near() {
        let cases = [
            ("`a` or `abc`", "abd", "this is none of them; did you mean `abc`?"),
            ("`a` or `abc`", "xyz", "this is none of them"),
            ("an encoding such as `utf-8`, `latin-1` or `utf-16`", "uft-8", "this is text; did you mean `utf-8`?"),
            ("an encoding such as `utf-8`, `latin-1` or `utf-16`", "elbonian", "this is text"),
            ("a number", "x", "this is text"),
        ];
        for (expected, text, label) in cases {
            let value = Value::new(Data::Text(text.to_owned()), Span::nowhere("test"));
            assert_eq!(label_of_wrong(expected, &value), label, "{expected}: {text}");
        }
    }
}
