//! The types that columns have, and cells of every type as text.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use serde::{Deserialize, Serialize};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// 64-bit floating point numbers.
    Float,
    /// 64-bit whole numbers.
    Int,
    /// Flags.
    Bool,
    /// Texts.
    Text,
    /// Texts of which each is stored once: 32-bit codes and the distinct texts.
    Category,
    /// Days of the calendar.
    Date,
    /// Dates with a time of day in microseconds, in no certain time zone.
    Timestamp,
    /// Instants in microseconds, shown in UTC.
    TimestampUtc,
}

impl ColumnType {
    /// All types.
    pub const ALL: [ColumnType; 8] = [
        ColumnType::Float,
        ColumnType::Int,
        ColumnType::Bool,
        ColumnType::Text,
        ColumnType::Category,
        ColumnType::Date,
        ColumnType::Timestamp,
        ColumnType::TimestampUtc,
    ];

    /// Returns the type that an Arrow type stands for, if tables hold it.
    pub fn of(data_type: &DataType) -> Option<ColumnType> {
        match data_type {
            DataType::Float64 => Some(ColumnType::Float),
            DataType::Int64 => Some(ColumnType::Int),
            DataType::Boolean => Some(ColumnType::Bool),
            DataType::Utf8 => Some(ColumnType::Text),
            DataType::Dictionary(codes, texts) if **codes == DataType::Int32 && **texts == DataType::Utf8 => {
                Some(ColumnType::Category)
            }
            DataType::Date32 => Some(ColumnType::Date),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Some(ColumnType::Timestamp),
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => {
                Some(ColumnType::TimestampUtc)
            }
            _ => None,
        }
    }

    /// Returns the Arrow type.
    pub fn data_type(self) -> DataType {
        match self {
            ColumnType::Float => DataType::Float64,
            ColumnType::Int => DataType::Int64,
            ColumnType::Bool => DataType::Boolean,
            ColumnType::Text => DataType::Utf8,
            ColumnType::Category => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            ColumnType::Date => DataType::Date32,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            ColumnType::TimestampUtc => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        }
    }

    /// Returns the name that stands for the type in metadata and results: `float`, `timestamp_utc`.
    pub fn as_str(self) -> &'static str {
        match self {
            ColumnType::Float => "float",
            ColumnType::Int => "int",
            ColumnType::Bool => "bool",
            ColumnType::Text => "text",
            ColumnType::Category => "category",
            ColumnType::Date => "date",
            ColumnType::Timestamp => "timestamp",
            ColumnType::TimestampUtc => "timestamp_utc",
        }
    }

    /// Returns what one value of this type is called, without an article.
    pub fn singular(self) -> &'static str {
        match self {
            ColumnType::Float => "number",
            ColumnType::Int => "whole number",
            ColumnType::Bool => "flag",
            ColumnType::Text => "text",
            ColumnType::Category => "category",
            ColumnType::Date => "date",
            ColumnType::Timestamp => "time",
            ColumnType::TimestampUtc => "time in UTC",
        }
    }

    /// Tells whether a value of this type is a number to a learner; flags count as 0 and 1.
    pub fn is_numeric(self) -> bool {
        matches!(self, ColumnType::Float | ColumnType::Int | ColumnType::Bool)
    }

    /// Tells whether a value of this type is text.
    pub fn is_text(self) -> bool {
        matches!(self, ColumnType::Text | ColumnType::Category)
    }

    /// Tells whether a value of this type is a date, with or without a time of day.
    pub fn is_temporal(self) -> bool {
        matches!(self, ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampUtc)
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ColumnType::Float => "numbers",
            ColumnType::Int => "whole numbers",
            ColumnType::Bool => "flags",
            ColumnType::Text => "text",
            ColumnType::Category => "categories",
            ColumnType::Date => "dates",
            ColumnType::Timestamp => "times",
            ColumnType::TimestampUtc => "times in UTC",
        })
    }
}

/// How dates and times are written: as RFC 3339 has them.
const FORMAT: FormatOptions<'static> = FormatOptions::new()
    .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.f"))
    .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));

/// Returns the cells of a column as another type. Text is read as numbers, flags, dates and times are written;
/// a fraction does not become a whole number.
///
/// # Errors
/// A cell that does not stand for a value of the type.
pub(crate) fn cast_cells(column: &ArrayRef, kind: ColumnType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(column, &kind.data_type(), &CastOptions { safe: false, format_options: FORMAT })
}

/// Returns what [`cast_cells`] does, where cells that do not stand for a value of the type become missing ones.
pub(crate) fn cast_cells_or_missing(column: &ArrayRef, kind: ColumnType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(column, &kind.data_type(), &CastOptions { safe: true, format_options: FORMAT })
}

/// Returns a cell as text, nothing for a missing one: numbers as short as they can be read back, dates and times as
/// RFC 3339 has them.
pub fn cell_text(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    ArrayFormatter::try_new(column, &FORMAT).ok().map(|formatter| formatter.value(row).to_string())
}

#[cfg(test)]
mod tests {
    use arrow_array::{Date32Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn arrow_types_and_names_are_those_of_the_types() {
        for kind in ColumnType::ALL {
            assert_eq!(ColumnType::of(&kind.data_type()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!([kind.is_numeric(), kind.is_text(), kind.is_temporal()].iter().filter(|is| **is).count(), 1);
        }
        let nanoseconds = DataType::Timestamp(TimeUnit::Nanosecond, None);
        assert_eq!(ColumnType::of(&nanoseconds), None);
    }

    #[test]
    fn cells_of_every_type_have_a_text_that_can_be_read_back() {
        let micros = TimestampMicrosecondArray::from(vec![Some(1_500_000), None]);
        let columns: [(ArrayRef, &str); 4] = [
            (Arc::new(Date32Array::from(vec![Some(19_753), None])), "2024-01-31"),
            (Arc::new(micros.clone()), "1970-01-01T00:00:01.500"),
            (Arc::new(micros.with_timezone("UTC")), "1970-01-01T00:00:01.500Z"),
            (
                cast_cells(&(Arc::new(StringArray::from(vec![Some("x"), None])) as _), ColumnType::Category).unwrap(),
                "x",
            ),
        ];
        for (column, expected) in columns {
            assert_eq!((cell_text(&column, 0).as_deref(), cell_text(&column, 1)), (Some(expected), None));
            let text = cast_cells(&column, ColumnType::Text).unwrap();
            let kind = ColumnType::of(column.data_type()).unwrap();
            assert_eq!(&cast_cells(&text, kind).unwrap(), &column);
        }
        let text: ArrayRef = Arc::new(StringArray::from(vec!["yesterday"]));
        assert!(cast_cells(&text, ColumnType::Date).is_err());
    }
}
