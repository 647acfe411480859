//! What the options may be.

use indexmap::IndexMap;
use palladium_component::prelude::*;
use regex::bytes::Regex;

use super::cell::{Flags, NumberFormat};
use super::dialect::{Dialect, Separator};
use super::encoding::Encoding;
use super::kind::Kind;

/// The options of one loader.
#[derive(Clone, Copy)]
pub(crate) struct Options<'a> {
    pub(crate) target_column: Option<&'a ColumnName>,
    pub(crate) names: Option<&'a [ColumnName]>,
    pub(crate) separator: &'a SeparatorOption,
    pub(crate) header: Header,
    pub(crate) nrows: Option<usize>,
    pub(crate) skiprows: Option<&'a SkippedLines>,
    pub(crate) skipfooter: usize,
    pub(crate) skip_blank_lines: bool,
    pub(crate) usecols: Option<&'a Columns>,
    pub(crate) index_col: Option<&'a Labels>,
    pub(crate) na_values: Option<&'a MissingValues>,
    pub(crate) keep_default_na: bool,
    pub(crate) na_filter: bool,
    pub(crate) dtype: Option<&'a Kinds>,
    pub(crate) converters: Option<&'a IndexMap<String, Callback>>,
    pub(crate) true_values: Option<&'a Texts>,
    pub(crate) false_values: Option<&'a Texts>,
    pub(crate) parse_dates: &'a DateColumns,
    pub(crate) dayfirst: bool,
    pub(crate) thousands: Option<Character>,
    pub(crate) decimal: Character,
    pub(crate) comment: Option<Character>,
    pub(crate) quotechar: Option<Character>,
    pub(crate) quoting: Quoting,
    pub(crate) doublequote: bool,
    pub(crate) escapechar: Option<Character>,
    pub(crate) skipinitialspace: bool,
    pub(crate) encoding: Encoding,
    pub(crate) on_bad_lines: BadLines,
}

/// The name of a column; a whole number is that of a numbered one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnName(pub(crate) String);

/// A column by its name, or by its position from 0 among those that are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ColumnRef {
    /// The name.
    Name(String),
    /// The position.
    Position(usize),
}

/// What stands between two fields.
#[derive(Clone, Debug)]
pub(crate) enum SeparatorOption {
    /// What the first line suggests.
    Detect,
    /// This.
    Given(Separator),
}

/// One ASCII character that is no line break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Character(pub(crate) u8);

/// Whether quotes have a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// They have.
    Quoted,
    /// They have, and all numbers have a fraction.
    QuotedTexts,
    /// They mean themselves.
    Literal,
}

/// What becomes of rows with too many fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadLines {
    /// They are errors.
    Error,
    /// They are left out, and the log tells it.
    Warn,
    /// They are left out.
    Skip,
}

/// Which columns are labels of the rows.
#[derive(Clone, Debug)]
pub(crate) enum Labels {
    /// None; fields that are too many at the end of each row are left out.
    Never,
    /// These.
    Columns(Vec<ColumnRef>),
}

/// Which columns hold dates.
#[derive(Clone, Debug)]
pub(crate) enum DateColumns {
    /// None.
    Never,
    /// The labels of the rows, which no table has.
    Labels,
    /// These.
    Columns(Vec<ColumnRef>),
}

/// The types of columns.
#[derive(Clone, Debug)]
pub(crate) enum Kinds {
    /// All have this one.
    Everywhere(Kind),
    /// Those of these names, or at these positions.
    PerColumn(IndexMap<String, Kind>),
}

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
    /// Those of whose number from 0 this says so.
    Chosen(Callback),
}

/// Which columns are read.
#[derive(Clone, Debug)]
pub(crate) enum Columns {
    /// Those of these names.
    Names(Vec<String>),
    /// Those at these positions from 0.
    Positions(Vec<usize>),
    /// Those of whose name this says so.
    Chosen(Callback),
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

impl FromArgument for ColumnRef {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Text, ParamType::Int]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match &value.data {
            Data::Text(name) => Ok(ColumnRef::Name(name.clone())),
            Data::Int(position) if *position >= 0 => Ok(ColumnRef::Position(index(*position))),
            _ => Err(Mismatch::wrong("the name of a column or its position from 0", value)),
        }
    }
}

impl ColumnRef {
    fn list(value: &Value) -> Result<Vec<ColumnRef>, Mismatch> {
        match value.as_list() {
            Some(items) => items.iter().map(ColumnRef::from_argument).collect(),
            None => Ok(vec![ColumnRef::from_argument(value)?]),
        }
    }
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Returns the mismatch of a value that is not supported, for a reason.
fn refused(value: &Value, message: impl Into<String>) -> Mismatch {
    Mismatch::Refused { message: message.into(), value: value.clone(), label: "not supported".into() }
}

impl FromArgument for SeparatorOption {
    const TYPE: ParamType = ParamType::Optional(&ParamType::Text);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let text = match &value.data {
            Data::Null => return Ok(SeparatorOption::Detect),
            Data::Text(text) => text,
            _ => return Err(Mismatch::wrong("text or null", value)),
        };
        let mut characters = text.chars();
        let separator = match (characters.next(), characters.next()) {
            (None, _) | (Some('\n' | '\r'), None) => {
                return Err(Mismatch::wrong("a character that is no line break, or a regular expression", value));
            }
            (Some(_), None) => Separator::Text(text.as_bytes().into()),
            _ if text == r"\s+" => Separator::Whitespace,
            _ => Separator::Pattern(Regex::new(text).map_err(|error| Mismatch::Refused {
                message: "text of several characters is a regular expression, and this is none".into(),
                value: value.clone(),
                label: last_line(&error.to_string()),
            })?),
        };
        Ok(SeparatorOption::Given(separator))
    }
}

/// Returns the line of a message that says what is wrong.
fn last_line(message: &str) -> String {
    message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

impl FromArgument for Character {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match value.as_text().map(str::as_bytes) {
            Some([byte]) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(Character(*byte)),
            _ => Err(Mismatch::wrong("text of exactly one ASCII character that is no line break", value)),
        }
    }
}

impl FromArgument for Quoting {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Int, ParamType::Choice(NAMES)]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let mode = match &value.data {
            Data::Int(mode) => usize::try_from(*mode).ok().filter(|mode| *mode < NAMES.len()),
            Data::Text(name) => NAMES.iter().position(|known| *known == name.trim_start_matches("csv.")),
            _ => None,
        };
        match mode {
            Some(2) => Ok(Quoting::QuotedTexts),
            Some(3) => Ok(Quoting::Literal),
            Some(_) => Ok(Quoting::Quoted),
            None => Err(Mismatch::wrong(format!("a number from 0 to 3 or {}", ParamType::Choice(NAMES)), value)),
        }
    }
}

/// The modes of quoting by their numbers.
const NAMES: &[&str] = &["QUOTE_MINIMAL", "QUOTE_ALL", "QUOTE_NONNUMERIC", "QUOTE_NONE"];

impl FromArgument for BadLines {
    const TYPE: ParamType = ParamType::Choice(&["error", "warn", "skip"]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match &value.data {
            Data::Text(text) if text == "error" => Ok(BadLines::Error),
            Data::Text(text) if text == "warn" => Ok(BadLines::Warn),
            Data::Text(text) if text == "skip" => Ok(BadLines::Skip),
            Data::Function(_) => Err(refused(value, "a function cannot mend rows here; `on_bad_lines` is a word")),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

impl FromArgument for Labels {
    const TYPE: ParamType = ParamType::OneOf(&[ColumnRef::TYPE, ParamType::List(&ColumnRef::TYPE), ParamType::Bool]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match value.as_bool() {
            Some(false) => Ok(Labels::Never),
            Some(true) => Err(Mismatch::wrong("a column, a list of columns or false", value)),
            None => ColumnRef::list(value).map(Labels::Columns),
        }
    }
}

impl FromArgument for DateColumns {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Bool, ParamType::List(&ColumnRef::TYPE)]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        let combined = |value: &Value| {
            refused(value, "several columns are not combined to one date; name each column that holds dates")
        };
        match &value.data {
            Data::Bool(false) => Ok(DateColumns::Never),
            Data::Bool(true) => Ok(DateColumns::Labels),
            Data::Map(_) => Err(combined(value)),
            Data::List(items) => {
                if let Some(nested) = items.iter().find(|item| item.as_list().is_some()) {
                    return Err(combined(nested));
                }
                ColumnRef::list(value).map(DateColumns::Columns)
            }
            _ => Err(Mismatch::wrong("a list of columns, true or false", value)),
        }
    }
}

impl FromArgument for Kinds {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Text, ParamType::Map(&ParamType::Text)]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match value.as_map() {
            Some(_) => IndexMap::from_argument(value).map(Kinds::PerColumn),
            None => Kind::from_argument(value).map(Kinds::Everywhere),
        }
    }
}

impl FromArgument for Header {
    const TYPE: ParamType = ParamType::Optional(&ParamType::OneOf(&[ParamType::Choice(&["infer"]), ParamType::Int]));

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match &value.data {
            Data::Null => Ok(Header::Absent),
            Data::Text(text) if text == "infer" => Ok(Header::Infer),
            Data::Int(row) if *row >= 0 => Ok(Header::Row(index(*row))),
            Data::List(rows) => match &rows[..] {
                [row] if row.as_int().is_some() => Header::from_argument(row),
                _ => Err(refused(
                    value,
                    "a column of a table has one name, it cannot have one from each of several rows",
                )),
            },
            _ => Err(Mismatch::wrong("`infer`, null or the number of a row from 0", value)),
        }
    }
}

impl FromArgument for SkippedLines {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Int, ParamType::List(&ParamType::Int), ParamType::Function]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        if let Data::Function(_) = &value.data {
            return Callback::from_argument(value).map(SkippedLines::Chosen);
        }
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

impl FromArgument for Columns {
    const TYPE: ParamType =
        ParamType::OneOf(&[ParamType::List(&ParamType::Text), ParamType::List(&ParamType::Int), ParamType::Function]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        if let Data::Function(_) = &value.data {
            return Callback::from_argument(value).map(Columns::Chosen);
        }
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
    /// Returns how lines are written whose fields are separated so.
    pub(crate) fn dialect(&self, separator: &Separator) -> Dialect {
        Dialect {
            separator: separator.clone(),
            quote: self.quotechar.filter(|_| self.quoting != Quoting::Literal).map(|character| character.0),
            doublequote: self.doublequote,
            escape: self.escapechar.map(|character| character.0),
            comment: self.comment.map(|character| character.0),
            skip_initial_space: self.skipinitialspace,
            skip_blank_lines: self.skip_blank_lines,
        }
    }

    /// Returns how numbers are written.
    pub(crate) fn number_format(&self) -> NumberFormat {
        NumberFormat { decimal: self.decimal.0, thousands: self.thousands.map(|character| character.0) }
    }

    /// Returns the texts that mean flags.
    pub(crate) fn flags(&self) -> Flags {
        let bytes = |texts: Option<&Texts>| {
            texts.into_iter().flat_map(|texts| &texts.0).map(|text| text.clone().into_bytes()).collect()
        };
        Flags { true_values: bytes(self.true_values), false_values: bytes(self.false_values) }
    }
}
