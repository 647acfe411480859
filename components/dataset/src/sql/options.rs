//! What the options may be.

use chrono::format::{Item, StrftimeItems};
use indexmap::IndexMap;
use palladium_component::prelude::*;

/// A value that is bound to a place of a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Datum {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

/// The values for the places of a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Params {
    /// In the order of the places.
    List(Vec<Datum>),
    /// By the names of the places.
    Map(IndexMap<String, Datum>),
}

/// Which columns become dates with a time, and how.
#[derive(Clone, Debug)]
pub(crate) struct ParseDates(pub(crate) IndexMap<String, DateFormat>);

/// How dates are written in a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DateFormat {
    /// As ISO 8601 has them; numbers are seconds since 1970.
    Iso,
    /// As this pattern of `strftime` says.
    Pattern(String),
    /// As numbers since 1970.
    Since1970(Unit),
}

/// What is counted since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Days,
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl FromArgument for Datum {
    const TYPE: ParamType =
        ParamType::Optional(&ParamType::OneOf(&[ParamType::Bool, ParamType::Int, ParamType::Float, ParamType::Text]));

    fn from_argument(value: &Value) -> Result<Datum, Mismatch> {
        match &value.data {
            Data::Null => Ok(Datum::Null),
            Data::Bool(flag) => Ok(Datum::Bool(*flag)),
            Data::Int(number) => Ok(Datum::Int(*number)),
            Data::Float(number) => Ok(Datum::Float(*number)),
            Data::Text(text) => Ok(Datum::Text(text.clone())),
            _ => Err(Mismatch::wrong("a text, a number, a flag or null for each place", value)),
        }
    }
}

impl FromArgument for Params {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::List(&Datum::TYPE), ParamType::Map(&Datum::TYPE)]);

    fn from_argument(value: &Value) -> Result<Params, Mismatch> {
        match &value.data {
            Data::List(_) => Vec::from_argument(value).map(Params::List),
            Data::Map(_) => IndexMap::from_argument(value).map(Params::Map),
            _ => Err(Mismatch::wrong("a list of values, or a map from the names of places to values", value)),
        }
    }
}

impl FromArgument for ParseDates {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::List(&ParamType::Text), ParamType::Map(&ParamType::Text)]);

    fn from_argument(value: &Value) -> Result<ParseDates, Mismatch> {
        match &value.data {
            Data::List(_) => {
                let names: Vec<String> = Vec::from_argument(value)?;
                Ok(ParseDates(names.into_iter().map(|name| (name, DateFormat::Iso)).collect()))
            }
            Data::Map(_) => IndexMap::from_argument(value).map(ParseDates),
            _ => Err(Mismatch::wrong("a list of column names, or a map from column names to formats", value)),
        }
    }
}

impl FromArgument for DateFormat {
    const TYPE: ParamType = ParamType::Optional(&ParamType::Text);

    fn from_argument(value: &Value) -> Result<DateFormat, Mismatch> {
        if value.is_null() {
            return Ok(DateFormat::Iso);
        }
        let expected = "a unit (`D`, `s`, `ms`, `us`, `ns`) or a pattern such as `%d.%m.%Y %H:%M`";
        let text = value.as_text().ok_or_else(|| Mismatch::wrong(expected, value))?;
        let unit = match text {
            "D" => Unit::Days,
            "s" => Unit::Seconds,
            "ms" => Unit::Milliseconds,
            "us" => Unit::Microseconds,
            "ns" => Unit::Nanoseconds,
            _ if text.contains('%') && !StrftimeItems::new(text).any(|item| matches!(item, Item::Error)) => {
                return Ok(DateFormat::Pattern(text.to_owned()));
            }
            _ => return Err(Mismatch::wrong(expected, value)),
        };
        Ok(DateFormat::Since1970(unit))
    }
}
