//! What the options may be.

use indexmap::IndexMap;
use palladium_component::prelude::*;

/// The options of one loader.
#[derive(Clone, Copy)]
pub(crate) struct Options<'a> {
    pub(crate) path: &'a str,
    pub(crate) target_column: Option<&'a ColumnName>,
    pub(crate) names: Option<&'a [ColumnName]>,
    pub(crate) separator: Separator,
    pub(crate) header: Header,
    pub(crate) nrows: Option<usize>,
    pub(crate) skiprows: Option<&'a SkippedLines>,
    pub(crate) usecols: Option<&'a Columns>,
    pub(crate) na_values: Option<&'a MissingValues>,
}

/// The name of a column; a whole number is that of a numbered one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnName(pub(crate) String);

/// The byte between two fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Separator(pub(crate) u8);

/// Which row holds the column names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// The first, or none when names are given.
    Infer,
    /// None.
    Absent,
    /// This one, from 0.
    Row(usize),
}

/// Which lines are skipped.
#[derive(Clone, Debug)]
pub(crate) enum SkippedLines {
    /// So many at the start.
    First(u64),
    /// Those with these numbers from 0, ascending.
    Numbers(Vec<u64>),
}

/// Which columns are read.
#[derive(Clone, Debug)]
pub(crate) enum Columns {
    /// Those of these names.
    Names(Vec<String>),
    /// Those at these positions from 0.
    Positions(Vec<usize>),
}

/// Further markers of missing values.
#[derive(Clone, Debug)]
pub(crate) enum MissingValues {
    /// In all columns.
    Everywhere(Vec<Marker>),
    /// In these columns.
    PerColumn(IndexMap<String, Vec<Marker>>),
}

/// What stands for a missing value.
#[derive(Clone, Debug)]
pub(crate) enum Marker {
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
}

impl FromArgument for ColumnName {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Text, ParamType::Int]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match &value.data {
            Data::Text(name) => Ok(ColumnName(name.clone())),
            Data::Int(number) if *number >= 0 => Ok(ColumnName(number.to_string())),
            _ => Err(Mismatch::wrong("text or a whole number from 0", value)),
        }
    }
}

impl FromArgument for Separator {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match value.as_text().map(str::as_bytes) {
            Some([byte]) if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(Separator(*byte)),
            _ => Err(Mismatch::wrong("text of exactly one ASCII character, no quote and no line break", value)),
        }
    }
}

impl FromArgument for Header {
    const TYPE: ParamType = ParamType::Optional(&ParamType::OneOf(&[ParamType::Choice(&["infer"]), ParamType::Int]));

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match &value.data {
            Data::Null => Ok(Header::Absent),
            Data::Text(text) if text == "infer" => Ok(Header::Infer),
            Data::Int(row) if *row >= 0 => Ok(Header::Row(usize::try_from(*row).unwrap_or(usize::MAX))),
            _ => Err(Mismatch::wrong("`infer`, null or the number of a row from 0", value)),
        }
    }
}

impl FromArgument for SkippedLines {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Int, ParamType::List(&ParamType::Int)]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let line = |value: &Value| {
            let number = value.as_int().and_then(|number| u64::try_from(number).ok());
            number.ok_or_else(|| Mismatch::wrong("a number of lines from 0, or a list of line numbers from 0", value))
        };
        match value.as_list() {
            Some(items) => {
                let mut numbers = items.iter().map(line).collect::<Result<Vec<u64>, Mismatch>>()?;
                numbers.sort_unstable();
                Ok(SkippedLines::Numbers(numbers))
            }
            None => Ok(SkippedLines::First(line(value)?)),
        }
    }
}

impl SkippedLines {
    /// Tells whether the line with this number, from 0, is skipped.
    pub(crate) fn contains(&self, line: u64) -> bool {
        match self {
            SkippedLines::First(count) => line < *count,
            SkippedLines::Numbers(numbers) => numbers.binary_search(&line).is_ok(),
        }
    }
}

impl FromArgument for Columns {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::List(&ParamType::Text), ParamType::List(&ParamType::Int)]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let expected = "a list of column names, or one of positions from 0";
        let items = value.as_list().ok_or_else(|| Mismatch::wrong(expected, value))?;
        let wrong = |item: &Value| Mismatch::wrong(expected, item);
        if items.first().is_some_and(|first| first.as_text().is_some()) {
            let name = |item: &Value| item.as_text().map(str::to_owned).ok_or_else(|| wrong(item));
            return Ok(Columns::Names(items.iter().map(name).collect::<Result<_, _>>()?));
        }
        let position =
            |item: &Value| item.as_int().and_then(|number| usize::try_from(number).ok()).ok_or_else(|| wrong(item));
        Ok(Columns::Positions(items.iter().map(position).collect::<Result<_, _>>()?))
    }
}

impl FromArgument for MissingValues {
    const TYPE: ParamType = ParamType::OneOf(&[
        Marker::TYPE,
        ParamType::List(&Marker::TYPE),
        ParamType::Map(&ParamType::List(&Marker::TYPE)),
    ]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match value.as_map() {
            Some(map) => {
                let list = |(name, entry): (&String, &Entry)| Ok((name.clone(), Marker::list(&entry.value)?));
                Ok(MissingValues::PerColumn(map.iter().map(list).collect::<Result<_, Mismatch>>()?))
            }
            None => Ok(MissingValues::Everywhere(Marker::list(value)?)),
        }
    }
}

impl Marker {
    fn list(value: &Value) -> Result<Vec<Marker>, Mismatch> {
        match value.as_list() {
            Some(items) => items.iter().map(Marker::from_argument).collect(),
            None => Ok(vec![Marker::from_argument(value)?]),
        }
    }
}

impl FromArgument for Marker {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Text, ParamType::Float]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match &value.data {
            Data::Text(text) => Ok(Marker::Text(text.clone())),
            Data::Int(number) => Ok(Marker::Int(*number)),
            Data::Float(number) => Ok(Marker::Float(*number)),
            _ => Err(Mismatch::wrong("a text or number that means a missing value, a list or a map of them", value)),
        }
    }
}

impl Options<'_> {
    /// Returns the position from 0 of the row that holds the column names, if one does.
    pub(crate) fn header_row(&self) -> Option<usize> {
        match (self.header, self.names) {
            (Header::Row(row), _) => Some(row),
            (Header::Infer, None) => Some(0),
            (Header::Infer, Some(_)) | (Header::Absent, _) => None,
        }
    }
}
