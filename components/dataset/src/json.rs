//! Tables in JSON: one object a line, or an array of objects.
//!
//! [`records`] finds the objects, one after another and within bounds; [`row`] reads each of them into [`columns`].

mod columns;
mod error;
mod records;
mod row;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use palladium_component::prelude::*;

pub(crate) use error::JsonError;

use crate::format::{FormatError, Lines, Reading, Rows, loader};
use crate::source::{Held, SourceFile};
use columns::Columns;
use records::{Layout, Records};

loader! {
    /// Loads a table from a file of newline-delimited JSON: one object a line, one row an object.
    ///
    /// ```ron
    /// JSONLines(path: "${here}/iris.jsonl", target_column: "species")
    /// ```
    ///
    /// The columns are the keys, in the order in which they first come; a key that an object lacks, or that has `null`, is
    /// a missing value. A column holds whole numbers, numbers, flags or text; whole numbers beside fractions become
    /// numbers, as do whole numbers beyond 64 bits; all else that differs is an error, as are lists and objects within a
    /// row: leave such columns out with `columns`. Errors name file, line and column. Blank lines are left out, as
    /// is a file without rows beside others that have some.
    #[component(DatasetLoader, name = "palladium.dataset.JSONLines", alias = "palladium.dataset.NDJSON", check, lifecycle)]
    JsonLines, read_lines
}

loader! {
    /// Loads a table from a JSON file that holds an array of objects, one row an object.
    ///
    /// ```ron
    /// JSON(path: "${here}/iris.json", target_column: "species")
    /// ```
    ///
    /// It is what pandas' `to_json(orient="records")` writes. The file is read piece by piece; keys and values mean what
    /// they mean in `palladium.dataset.JSONLines`.
    #[component(DatasetLoader, name = "palladium.dataset.JSON", check, lifecycle)]
    Json, read_array
}

fn read_lines(file: &SourceFile, reading: &Reading<'_>) -> Result<Held<FormatError>, FormatError> {
    read(file, reading, Layout::Lines)
}

fn read_array(file: &SourceFile, reading: &Reading<'_>) -> Result<Held<FormatError>, FormatError> {
    read(file, reading, Layout::Array)
}

/// Reads one file. Of one without rows no columns are known.
fn read(file: &SourceFile, reading: &Reading<'_>, layout: Layout) -> Result<Held<FormatError>, FormatError> {
    let mut records = Records::new(file, file.open(reading.compression)?.reader, layout);
    let mut columns = Columns::new(reading.columns);
    let mut lines = Lines::new(file.name());
    while reading.n_rows.is_none_or(|limit| columns.n_rows() < limit) {
        let Some(record) = records.next()? else { break };
        row::read(file, &record, &mut columns)?;
        lines.push(record.line);
    }
    match columns.n_rows() {
        0 => Ok(Held::Nothing(finish(file, reading, layout, columns, lines))),
        _ => finish(file, reading, layout, columns, lines).map(Held::Table),
    }
}

fn finish(
    file: &SourceFile,
    reading: &Reading<'_>,
    layout: Layout,
    columns: Columns,
    lines: Lines,
) -> Result<Table, FormatError> {
    let present = columns.names();
    let present: Vec<&str> = present.iter().map(String::as_str).collect();
    let chosen = reading.choose(file, &present).map_err(|error| match (layout, columns.n_rows()) {
        // No columns are known of no lines.
        (Layout::Lines, 0) => FormatError::empty(file),
        _ => error,
    })?;
    let table = columns.finish(file, &chosen)?;
    let provenance: Arc<dyn Provenance> = match layout {
        Layout::Lines => Arc::new(lines),
        Layout::Array => Arc::new(Rows { file: file.name().to_owned() }),
    };
    Ok(table.with_provenance(provenance))
}
