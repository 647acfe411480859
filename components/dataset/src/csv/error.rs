//! What can be wrong with a file.

use std::fmt;
use std::path::Path;

use palladium_component::prelude::*;
use palladium_component::value::nearest;

use crate::source::SourceError;

/// A file, and a line of it counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as the configuration names it.
    pub file: String,
    /// The physical line, from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`, line {}", self.file, self.line)
    }
}

/// Says what is wrong with a file of separated fields, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// The file cannot be read.
    #[error(transparent)]
    Source(Failure),
    /// The file was written to while it was read.
    #[error("`{file}` was changed while it was read")]
    Changed {
        /// The file as the configuration names it.
        file: String,
    },
    /// A field is not UTF-8.
    #[error("{place}: field {field} is not UTF-8 text")]
    NotUtf8 {
        /// Where the field begins.
        place: Place,
        /// The field, from 1.
        field: usize,
    },
    /// A quote is opened and never closed.
    #[error("{place}: the quote that opens field {field} is never closed")]
    UnterminatedQuote {
        /// Where the quote is opened.
        place: Place,
        /// The field, from 1.
        field: usize,
    },
    /// A row is too long to be one.
    #[error("{place}: the row is longer than {mebibytes} MiB")]
    RowTooLong {
        /// Where the row begins.
        place: Place,
        /// The greatest length.
        mebibytes: usize,
    },
    /// A row has too many fields for any table.
    #[error("{place}: the row has more than {limit} fields")]
    TooManyFields {
        /// Where the row begins.
        place: Place,
        /// The greatest number.
        limit: usize,
    },
    /// A row has more or fewer fields than the table has columns.
    #[error("{place}: the row has {found} {}, where {expected} {} expected", fields(*found), are(*expected))]
    Ragged {
        /// Where the row begins.
        place: Place,
        /// Its fields.
        found: usize,
        /// The columns of the table.
        expected: usize,
    },
    /// There is nothing in the file.
    #[error("`{file}` is empty: it holds no row that is not blank or skipped")]
    Empty {
        /// The file as the configuration names it.
        file: String,
    },
    /// The header row lies beyond the end of the file.
    #[error("`{file}` has no row {header} to take the column names from: it has {found} {}", rows(*found))]
    NoHeader {
        /// The file as the configuration names it.
        file: String,
        /// The row, from 0.
        header: usize,
        /// The rows there are.
        found: usize,
    },
    /// The number of names is not that of the fields.
    #[error("{place}: the row has {found} {}, `names` has {names} {}", fields(*found), entries(*names))]
    NamesCount {
        /// Where the row begins that was compared.
        place: Place,
        /// Its fields.
        found: usize,
        /// The names given.
        names: usize,
    },
    /// The target is not among the columns.
    #[error("`{file}` has no column `{target}` for the target; there are {}", listed(present))]
    NoTarget {
        /// The file as the configuration names it.
        file: String,
        /// The target column.
        target: String,
        /// The columns of the file.
        present: Vec<String>,
    },
    /// The target is not among the columns to read.
    #[error("`usecols` leaves out the target `{target}` of `{file}`; it chooses {}", listed(chosen))]
    TargetLeftOut {
        /// The file as the configuration names it.
        file: String,
        /// The target column.
        target: String,
        /// The columns to read.
        chosen: Vec<String>,
    },
    /// An option names a column that the file does not have.
    #[error("`{file}` has no column `{name}`, which `{option}` names; there are {}", listed(present))]
    NoColumn {
        /// The file as the configuration names it.
        file: String,
        /// The option.
        option: &'static str,
        /// The column.
        name: String,
        /// The columns of the file.
        present: Vec<String>,
    },
    /// An option has a position that the file does not have.
    #[error("{place}: the row has {found} {}, `{option}` has position {position}", fields(*found))]
    NoPosition {
        /// Where the row begins that was compared.
        place: Place,
        /// The option.
        option: &'static str,
        /// The position, from 0.
        position: usize,
        /// The fields of the row.
        found: usize,
    },
    /// The target is among the labels of the rows.
    #[error("`index_col` makes the target `{target}` of `{file}` a label of the rows, which the table leaves out")]
    TargetIsLabel {
        /// The file as the configuration names it.
        file: String,
        /// The target column.
        target: String,
    },
    /// A cell is not what the type of its column needs.
    #[error("{place}: column `{column}` {}, where {reason} needs {expected}", holds(cell))]
    Cell {
        /// Where the cell begins.
        place: Place,
        /// The column.
        column: String,
        /// The text of the cell; nothing for a missing value.
        cell: Option<String>,
        /// What asks for the type: `` `dtype` int64 ``.
        reason: String,
        /// What it needs, in words.
        expected: String,
    },
    /// The cells of a column of dates have a time zone and have none.
    #[error("`{file}`: some of the dates in column `{column}` have a time zone, others have none")]
    MixedZones {
        /// The file as the configuration names it.
        file: String,
        /// The column.
        column: String,
    },
    /// A cell of a column of dates has a time zone where those before it have none, or none where those have one.
    #[error("{place}: column `{column}` holds `{cell}`, which has {found}, where the dates before it have {before}")]
    OtherZone {
        /// Where the row begins.
        place: Place,
        /// The column.
        column: String,
        /// The beginning of its text.
        cell: String,
        /// What it has.
        found: &'static str,
        /// What those before it have.
        before: &'static str,
    },
    /// A column is to be converted in two ways.
    #[error("`{file}`: both `converters` and `parse_dates` have column `{column}`")]
    Conflict {
        /// The file as the configuration names it.
        file: String,
        /// The column.
        column: String,
    },
    /// A function made values of several types of the cells of a column.
    #[error("`{file}`: the function of `converters` makes {found} of column `{column}`")]
    MixedResults {
        /// The file as the configuration names it.
        file: String,
        /// The column.
        column: String,
        /// The types, in words.
        found: String,
    },
    /// A function made something of a cell that does not go together with what it made of those before it.
    #[error(
        "{place}: the function of `converters` makes {found} of `{cell}` in column `{column}`, and {before} of the cells \
         before it"
    )]
    OtherResult {
        /// Where the row begins.
        place: Place,
        /// The column.
        column: String,
        /// The beginning of its text.
        cell: String,
        /// What the function makes of it.
        found: &'static str,
        /// What it makes of those before it.
        before: &'static str,
    },
    /// A function of the configuration fails.
    #[error("{place}: the function of `{option}` {reason}")]
    Function {
        /// What it was called for.
        place: String,
        /// The option that gives it.
        option: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// Nothing in the first line separates fields.
    #[error("{place}: no character seems to separate the fields of this line")]
    NoSeparator {
        /// The line.
        place: Place,
    },
    /// A line is not in the encoding that was named.
    #[error("{place}: the line is not {encoding} text")]
    Undecodable {
        /// The line.
        place: Place,
        /// The encoding.
        encoding: &'static str,
    },
    /// The table would hold hardly anything but what rows lack.
    #[error(
        "`{file}`: the table would have {} cells and more, {n_columns} columns in the {n_rows} rows so far, and these rows \
         have {n_fields} {}", n_rows.saturating_mul(*n_columns), fields(usize::try_from(*n_fields).unwrap_or(usize::MAX))
    )]
    Sparse {
        /// The file as the configuration names it.
        file: String,
        /// The rows up to where reading ended.
        n_rows: usize,
        /// The columns to read.
        n_columns: usize,
        /// The fields of these rows.
        n_fields: u64,
    },
    /// A column of text does not fit into memory as one.
    #[error("`{file}`: column `{column}` holds more than 2 GiB of text")]
    TextTooLong {
        /// The file as the configuration names it.
        file: String,
        /// The column.
        column: String,
    },
    /// The texts of a column are no text together.
    #[error("`{file}`: column `{column}`: {reason}")]
    NotText {
        /// The file as the configuration names it.
        file: String,
        /// The column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// The columns do not make a table.
    #[error("`{file}`: {reason}")]
    NotATable {
        /// The file as the configuration names it.
        file: String,
        /// What is wrong.
        reason: DataError,
    },
}

/// Says what a cell holds.
fn holds(cell: &Option<String>) -> String {
    cell.as_ref().map_or_else(|| "has no value".to_owned(), |cell| format!("holds `{cell}`"))
}

/// Returns what went wrong in a function and where, as it follows the name of the function.
pub(crate) fn finding_text(finding: &Diagnostic) -> String {
    let place = finding.labels.first().map(|label| format!(" at {}", label.span)).unwrap_or_default();
    format!("has failed{place}: {}", finding.message)
}

/// Cuts a cell for a message.
pub(crate) fn shortened(cell: &[u8]) -> String {
    const SHOWN: usize = 40;
    // A character has at most four bytes, and the last may be cut.
    let beginning = String::from_utf8_lossy(&cell[..cell.len().min(4 * SHOWN + 4)]);
    let mut shown: String = beginning.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if beginning.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The advice where every row is one field.
const SEPARATOR: &str = "is `sep` the character that separates the fields of this file?";

impl Explain for CsvError {
    fn help(&self) -> Option<String> {
        let text = match self {
            CsvError::Source(failure) => return failure.help(),
            CsvError::Changed { .. } => "run the command again when nothing writes to the file".into(),
            CsvError::NotUtf8 { place, .. } => not_utf8(&place.file),
            CsvError::UnterminatedQuote { .. } => {
                "close it with another `\"`; a quote within quotes is written as two".into()
            }
            CsvError::RowTooLong { .. } | CsvError::TooManyFields { .. } => {
                "is this a table of separated fields, one row a line?".into()
            }
            CsvError::Ragged { found: 1, .. } | CsvError::NamesCount { found: 1, .. } => SEPARATOR.into(),
            CsvError::Ragged { .. } => {
                "correct the row; a field that holds the separator stands in quotes, and `skiprows` leaves lines out"
                    .into()
            }
            CsvError::Empty { .. } => "check `path` and `skiprows`".into(),
            CsvError::NoHeader { .. } => "`header` counts rows from 0, skipped and blank lines left out".into(),
            CsvError::NamesCount { .. } => "give one name for each field".into(),
            CsvError::NoTarget { target: name, present, .. } | CsvError::NoColumn { name, present, .. } => {
                let only = (present.len() == 1).then(|| SEPARATOR.into());
                return near(name, present).or(only);
            }
            CsvError::TargetLeftOut { .. } => "add it to `usecols`".into(),
            CsvError::NoPosition { .. } => "positions count from 0".into(),
            CsvError::TargetIsLabel { .. } => "leave it out of `index_col`".into(),
            CsvError::Cell { cell: None, .. } => {
                "put a value into the cell, or choose a type that may be missing, such as Int64, boolean or float"
                    .into()
            }
            CsvError::Cell { .. } => {
                "correct the cell, or add its text to `na_values` if it means a missing value".into()
            }
            CsvError::MixedZones { .. } | CsvError::OtherZone { .. } => {
                "write all of them alike, leave the column out of `parse_dates`, or convert it by `converters`".into()
            }
            CsvError::MixedResults { .. } | CsvError::OtherResult { .. } => {
                "let it return numbers, flags or texts alone".into()
            }
            CsvError::Conflict { .. } => "leave it out of one of them".into(),
            CsvError::NoSeparator { .. } => "say with `sep` what does".into(),
            CsvError::Undecodable { .. } => "say with `encoding` how the file is encoded".into(),
            CsvError::TextTooLong { .. } => {
                "leave the column out with `usecols`, or read fewer rows with `nrows`".into()
            }
            CsvError::Sparse { .. } => {
                "choose the columns to read with `usecols`, or read fewer rows with `nrows`; rows that lack fields are \
                 filled up"
                    .into()
            }
            CsvError::NotText { .. } | CsvError::NotATable { .. } | CsvError::Function { .. } => return None,
        };
        Some(text)
    }
}

impl From<SourceError> for CsvError {
    fn from(error: SourceError) -> CsvError {
        CsvError::Source(Failure::from(error))
    }
}

fn not_utf8(file: &str) -> String {
    const PACKED: &[&str] = &["gz", "bz2", "zip", "xz", "zst"];
    let extension = Path::new(file).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match PACKED.contains(&extension) {
        true => "the file seems to be compressed: leave `compression` out, or say how".into(),
        false => "say with `encoding` how the file is encoded, for instance `cp1252`".into(),
    }
}

fn near(name: &str, present: &[String]) -> Option<String> {
    nearest(name, present.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"))
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    shown.join(", ")
}

pub(crate) fn fields(count: usize) -> &'static str {
    if count == 1 { "field" } else { "fields" }
}

fn rows(count: usize) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}

fn entries(count: usize) -> &'static str {
    if count == 1 { "entry" } else { "entries" }
}

pub(crate) fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
