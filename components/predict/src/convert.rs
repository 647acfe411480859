//! Values of requests as the types of fields.

use std::borrow::Cow;
use std::fmt;

use palladium_component::prelude::*;

use crate::field::{Field, FieldType};

/// A value as a request gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond [`Given::Int`].
    BigInt(u64),
    Float(f64),
    /// Beyond [`Given::Float`], as JSON writes it.
    Huge(&'a str),
    Text(&'a str),
    List,
    Object,
}

impl<'a> Given<'a> {
    /// Returns the number: numbers, flags as 1 and 0, and text in the syntax of Python's `float` but without
    /// underscores, which is the syntax of Rust.
    pub fn to_float(self) -> Option<f64> {
        match self {
            Given::Float(number) => Some(number),
            Given::Int(number) => Some(number as f64),
            Given::BigInt(number) => Some(number as f64),
            Given::Bool(flag) => Some(f64::from(u8::from(flag))),
            Given::Text(text) => text.trim().parse().ok(),
            Given::Huge(_) | Given::Null | Given::List | Given::Object => None,
        }
    }

    /// Returns the whole number: numbers without a fraction, flags as 1 and 0, and text of digits.
    pub fn to_int(self) -> Option<i64> {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        match self {
            Given::Int(number) => Some(number),
            Given::Float(number) => {
                (number.fract() == 0.0 && (-LIMIT..LIMIT).contains(&number)).then_some(number as i64)
            }
            Given::Bool(flag) => Some(i64::from(flag)),
            Given::Text(text) => text.trim().parse().ok(),
            Given::BigInt(_) | Given::Huge(_) | Given::Null | Given::List | Given::Object => None,
        }
    }

    /// Returns the flag.
    pub fn to_bool(self) -> Option<bool> {
        const WORDS: [(&str, bool); 8] = [
            ("true", true),
            ("false", false),
            ("1", true),
            ("0", false),
            ("t", true),
            ("f", false),
            ("yes", true),
            ("no", false),
        ];
        match self {
            Given::Bool(flag) => Some(flag),
            Given::Int(0) => Some(false),
            Given::Int(1) => Some(true),
            Given::Text(text) => {
                let text = text.trim();
                WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, flag)| *flag)
            }
            _ => None,
        }
    }

    /// Returns the text: as it is, or the JSON of a number or a flag.
    pub fn to_text(self) -> Option<Cow<'a, str>> {
        match self {
            Given::Text(text) | Given::Huge(text) => Some(Cow::Borrowed(text)),
            Given::Int(number) => Some(number.to_string().into()),
            Given::BigInt(number) => Some(number.to_string().into()),
            Given::Float(number) => Some(format!("{number:?}").into()),
            Given::Bool(flag) => Some(flag.to_string().into()),
            Given::Null | Given::List | Given::Object => None,
        }
    }

    /// Tells whether it is a whole number that 64 bits do not hold.
    fn is_too_large(self) -> bool {
        match self {
            Given::BigInt(_) | Given::Huge(_) => true,
            Given::Float(number) => number.is_finite() && number.fract() == 0.0 && self.to_int().is_none(),
            Given::Text(text) => {
                let text = text.trim();
                let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        }
    }
}

/// In words, cut: `text "abc"`, `the number 1.5`.
impl fmt::Display for Given<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Null => formatter.write_str("null"),
            Given::Bool(flag) => write!(formatter, "the flag {flag}"),
            Given::Int(number) => write!(formatter, "the number {number}"),
            Given::BigInt(number) => write!(formatter, "the number {number}"),
            Given::Float(number) => write!(formatter, "the number {number:?}"),
            Given::Huge(text) => write!(formatter, "the number {}", cut(text)),
            Given::Text(text) => write!(formatter, "text {:?}", cut(text)),
            Given::List => formatter.write_str("a list"),
            Given::Object => formatter.write_str("an object"),
        }
    }
}

/// Returns at most 40 characters of a text.
pub fn cut(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Tells whether a field of a type holds a value.
pub fn is_accepted(kind: FieldType, given: Given<'_>) -> bool {
    match kind {
        FieldType::Float => given.to_float().is_some(),
        FieldType::Int => given.to_int().is_some(),
        FieldType::Bool => given.to_bool().is_some(),
        FieldType::Str => given.to_text().is_some(),
    }
}

/// The numbers that a float holds.
pub const RANGE: &str = "a number between -1.8e308 and 1.8e308";

/// Says what a field of a type holds; `given` is what it does not hold.
pub fn expected(kind: FieldType, given: Given<'_>) -> &'static str {
    match kind {
        FieldType::Float if matches!(given, Given::Huge(_)) => RANGE,
        FieldType::Float => "a number",
        FieldType::Int if given.is_too_large() => "a whole number of at most 64 bits",
        FieldType::Int => "a whole number",
        FieldType::Str => "text",
        FieldType::Bool => "a flag such as true or false",
    }
}

/// Says why a value is not what a field holds.
pub fn refusal(field: &Field, given: Given<'_>) -> String {
    format!("`{}` has to be {}, got {given}", field.name, expected(field.kind, given))
}

/// Returns a value as keyword parameter, nothing where it cannot be converted.
pub fn to_parameter(kind: FieldType, given: Given<'_>) -> Option<Parameter> {
    match kind {
        FieldType::Float => given.to_float().map(Parameter::Float),
        FieldType::Int => given.to_int().map(Parameter::Int),
        FieldType::Bool => given.to_bool().map(Parameter::Bool),
        FieldType::Str => given.to_text().map(|text| Parameter::Text(text.into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let text = Given::Text;
        let cases = [
            (text("1.5"), Some(1.5)),
            (text(" -1e3\t"), Some(-1000.0)),
            (text("+.5"), Some(0.5)),
            (text("5."), Some(5.0)),
            (text("Infinity"), Some(f64::INFINITY)),
            (text("-INF"), Some(f64::NEG_INFINITY)),
            (text("1e999"), Some(f64::INFINITY)),
            (text("1_000"), None),
            (text("0x10"), None),
            (text(""), None),
            (text("."), None),
            (text("1,5"), None),
            (Given::Int(3), Some(3.0)),
            (Given::BigInt(u64::MAX), Some(18_446_744_073_709_551_615.0)),
            (Given::Bool(true), Some(1.0)),
            (Given::Huge("1e999"), None),
            (Given::Null, None),
            (Given::List, None),
        ];
        for (given, expected) in cases {
            assert_eq!(given.to_float(), expected, "{given}");
        }
        assert!(text("NaN").to_float().is_some_and(f64::is_nan));
    }

    #[test]
    fn whole_numbers() {
        let text = Given::Text;
        let cases = [
            (text(" +7 "), Some(7)),
            (text("-9223372036854775808"), Some(i64::MIN)),
            (text("9223372036854775808"), None),
            (text("1.5"), None),
            (text("1.0"), None),
            (Given::Float(2.0), Some(2)),
            (Given::Float(2.5), None),
            (Given::Float(-9_223_372_036_854_775_808.0), Some(i64::MIN)),
            (Given::Float(9_223_372_036_854_775_808.0), None),
            (Given::Float(f64::NAN), None),
            (Given::BigInt(9_223_372_036_854_775_808), None),
            (Given::Bool(true), Some(1)),
            (Given::Null, None),
        ];
        for (given, expected) in cases {
            assert_eq!(given.to_int(), expected, "{given}");
        }
    }

    #[test]
    fn flags_and_text() {
        let text = Given::Text;
        for given in [text("TRUE"), text("1"), text("t"), text(" Yes "), Given::Bool(true), Given::Int(1)] {
            assert_eq!(given.to_bool(), Some(true), "{given}");
        }
        for given in [text("False"), text("0"), text("F"), text("no"), Given::Bool(false), Given::Int(0)] {
            assert_eq!(given.to_bool(), Some(false), "{given}");
        }
        for given in [text("y"), text(""), Given::Int(2), Given::Float(1.0), Given::Null] {
            assert_eq!(given.to_bool(), None, "{given}");
        }
        let texts = [
            (text(" a "), Some(" a ")),
            (Given::Int(-5), Some("-5")),
            (Given::Float(1.0), Some("1.0")),
            (Given::Huge("1e999"), Some("1e999")),
            (Given::Bool(true), Some("true")),
            (Given::Null, None),
            (Given::Object, None),
        ];
        for (given, expected) in texts {
            assert_eq!(given.to_text().as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn refusals_name_field_and_value() {
        let long = "ä".repeat(41);
        let cases = [
            (FieldType::Float, Given::Text("abc"), "`x` has to be a number, got text \"abc\"".to_owned()),
            (
                FieldType::Float,
                Given::Huge("-1e999"),
                "`x` has to be a number between -1.8e308 and 1.8e308, got the number -1e999".to_owned(),
            ),
            (
                FieldType::Int,
                Given::Huge("1e999"),
                "`x` has to be a whole number of at most 64 bits, got the number 1e999".to_owned(),
            ),
            (FieldType::Int, Given::Float(1.5), "`x` has to be a whole number, got the number 1.5".to_owned()),
            (
                FieldType::Int,
                Given::Text("99999999999999999999"),
                "`x` has to be a whole number of at most 64 bits, got text \"99999999999999999999\"".to_owned(),
            ),
            (FieldType::Str, Given::Null, "`x` has to be text, got null".to_owned()),
            (
                FieldType::Bool,
                Given::Text(&long),
                format!("`x` has to be a flag such as true or false, got text \"{}…\"", "ä".repeat(40)),
            ),
        ];
        for (kind, given, expected) in cases {
            assert_eq!(refusal(&Field { name: "x".into(), kind }, given), expected);
        }
    }
}
