//! Tables in the format ARFF, as Weka writes them.
//!
//! A file begins with declarations, `@attribute` ⟨name⟩ ⟨type⟩, one for each column; behind `@data` each line is a row.
//! [`line`] takes lines apart, [`column`] knows the types and gathers cells.

mod column;
mod date;
mod line;

use std::io::{BufRead, Read};
use std::sync::Arc;

use palladium_component::prelude::*;

use self::column::ArffColumn;
use self::line::Line;

/// How long a line is at most, in bytes.
const LONGEST_LINE: u64 = 64 << 20;

/// What is wrong with a file, and where: both are counted from 1.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub(crate) struct ArffError {
    /// The line.
    pub(crate) line: u64,
    /// The character of the line.
    pub(crate) column: usize,
    /// What is wrong.
    pub(crate) what: String,
}

/// The lines that rows stand on.
#[derive(Debug)]
struct RowLines {
    source: String,
    lines: Vec<u64>,
}

impl Provenance for RowLines {
    fn place(&self, row: usize) -> String {
        match self.lines.get(row) {
            Some(line) => format!("{}, line {line}", self.source),
            None => self.source.clone(),
        }
    }

    fn text_cell(&self, _column: &str) -> Option<String> {
        None
    }
}

/// Reads a table. `source` is what errors about rows call the file; columns of which `is_wanted` says so are left out.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn read(input: impl BufRead, source: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Table, ArffError> {
    let mut reader = Reader { input, line: 0, text: Vec::new() };
    let mut columns = reader.declarations()?;
    let (n_columns, end_of_head) = (columns.len(), reader.line);
    let mut lines = Vec::new();
    while let Some(mut line) = reader.next()? {
        line.skip_spaces();
        if line.rest().starts_with('{') {
            return Err(line.error("rows in braces, which leave zeros out, are not supported"));
        }
        for (index, column) in columns.iter_mut().enumerate() {
            let cell = line.cell(index > 0)?;
            let cell =
                cell.ok_or_else(|| line.error(&format!("the row has {index} values, {n_columns} are expected")))?;
            if is_wanted(&column.name) {
                column.push(&cell, &line)?;
            }
        }
        if !line.is_at_end() {
            return Err(line.error(&format!("a row has {n_columns} values, and this one has more")));
        }
        lines.push(reader.line);
    }
    if lines.is_empty() {
        return Err(ArffError { line: end_of_head, column: 1, what: "no row follows".to_owned() });
    }
    let columns = columns.into_iter().filter(|column| is_wanted(&column.name)).map(ArffColumn::finish);
    let table = Table::new(columns.collect());
    let table = table.map_err(|error| ArffError { line: end_of_head, column: 1, what: error.to_string() })?;
    Ok(table.with_provenance(Arc::new(RowLines { source: source.to_owned(), lines })))
}

/// Reads lines that hold something.
struct Reader<R> {
    input: R,
    line: u64,
    text: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// Returns the next line that is neither blank nor a comment.
    fn next(&mut self) -> Result<Option<Line<'_>>, ArffError> {
        loop {
            self.line += 1;
            self.text.clear();
            let error = |line, column, what: String| ArffError { line, column, what };
            let read = (&mut self.input).take(LONGEST_LINE + 1).read_until(b'\n', &mut self.text);
            let length = read.map_err(|reason| error(self.line, 1, format!("the file cannot be read: {reason}")))?;
            if length == 0 {
                return Ok(None);
            }
            if length as u64 > LONGEST_LINE {
                return Err(error(self.line, 1, format!("the line is longer than {} MiB", LONGEST_LINE >> 20)));
            }
            let is_first = self.line == 1 && self.text.starts_with("\u{feff}".as_bytes());
            if is_first {
                self.text.drain(..'\u{feff}'.len_utf8());
            }
            if let Err(reason) = std::str::from_utf8(&self.text) {
                let before = String::from_utf8_lossy(&self.text[..reason.valid_up_to()]).chars().count();
                return Err(error(self.line, before + 1, "here is no UTF-8 text".to_owned()));
            }
            let trimmed = self.text.trim_ascii();
            if !trimmed.is_empty() && !trimmed.starts_with(b"%") {
                break;
            }
        }
        let text = std::str::from_utf8(&self.text).unwrap_or_default();
        Ok(Some(Line::new(text.trim_end_matches(['\r', '\n']), self.line)))
    }

    /// Reads everything up to `@data`.
    fn declarations(&mut self) -> Result<Vec<ArffColumn>, ArffError> {
        let mut columns: Vec<ArffColumn> = Vec::new();
        while let Some(mut line) = self.next()? {
            line.skip_spaces();
            let start = line.clone();
            let word = line.word();
            match word.to_ascii_lowercase().as_str() {
                "@relation" => {}
                "@attribute" => {
                    line.skip_spaces();
                    let place = line.clone();
                    let column = ArffColumn::declared(&mut line)?;
                    if columns.iter().any(|other| other.name == column.name) {
                        return Err(place.error(&format!("there are two attributes `{}`", column.name)));
                    }
                    columns.push(column);
                }
                "@data" if columns.is_empty() => return Err(start.error("no attribute is declared before the data")),
                "@data" => return Ok(columns),
                _ => return Err(start.error("`@relation`, `@attribute` or `@data` is expected")),
            }
        }
        Err(ArffError { line: self.line, column: 1, what: "the file ends before `@data`".to_owned() })
    }
}

#[cfg(test)]
mod tests;
