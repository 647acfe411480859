//! Sizes of files and spans of time as arguments.

use std::time::Duration;

use bytesize::ByteSize;
use palladium_component::prelude::*;

/// A number of bytes, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

impl FromArgument for Bytes {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Int, ParamType::Text]);

    fn from_argument(value: &Value) -> Result<Bytes, Mismatch> {
        let bytes = match &value.data {
            Data::Int(number) => u64::try_from(*number).ok(),
            Data::Text(text) => text.parse().ok().map(|size: ByteSize| size.as_u64()),
            _ => None,
        };
        let expected = "a number of bytes, or a text with a unit such as `2 GiB`";
        bytes.filter(|bytes| *bytes > 0).map(Bytes).ok_or_else(|| Mismatch::wrong(expected, value))
    }
}

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) Duration);

impl FromArgument for Age {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Float, ParamType::Text]);

    fn from_argument(value: &Value) -> Result<Age, Mismatch> {
        let age = match &value.data {
            Data::Text(text) => parse_age(text).ok(),
            _ => value.as_float().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        };
        age.map(Age).ok_or_else(|| Mismatch::wrong("a number of seconds, or a text such as `12h` or `7 days`", value))
    }
}

/// Reads a span of time: numbers with units, as in `1h 30min`.
pub(crate) fn parse_age(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text);
    parsed.map_err(|error| format!("{error}; write a number and a unit, such as `12h` or `7 days`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(data: Data) -> Value {
        Value::new(data, Span::nowhere("test"))
    }

    #[test]
    fn sizes_are_numbers_of_bytes_or_have_a_unit() {
        let cases = [
            (Data::Int(1), Some(1)),
            (Data::Int(0), None),
            (Data::Int(-1), None),
            (Data::Float(1.0), None),
            (Data::Text("1000".into()), Some(1000)),
            (Data::Text("2 GiB".into()), Some(2 << 30)),
            (Data::Text("10MB".into()), Some(10_000_000)),
            (Data::Text("1.5 KiB".into()), Some(1536)),
            (Data::Text("0 B".into()), None),
            (Data::Text("much".into()), None),
            (Data::Text("-1 MB".into()), None),
        ];
        for (data, expected) in cases {
            let value = value(data);
            assert_eq!(Bytes::from_argument(&value).ok(), expected.map(Bytes), "{value:?}");
        }
    }

    #[test]
    fn ages_are_numbers_of_seconds_or_have_units() {
        let cases = [
            (Data::Int(90), Some(90.0)),
            (Data::Float(0.5), Some(0.5)),
            (Data::Float(-1.0), None),
            (Data::Float(f64::INFINITY), None),
            (Data::Text("1h 30min".into()), Some(5400.0)),
            (Data::Text("7 days".into()), Some(604_800.0)),
            (Data::Text("7".into()), None),
            (Data::Text("soon".into()), None),
            (Data::Bool(true), None),
        ];
        for (data, expected) in cases {
            let value = value(data);
            assert_eq!(Age::from_argument(&value).ok(), expected.map(|seconds| Age(Duration::from_secs_f64(seconds))));
        }
    }
}
