//! How rows are written, with their predictions or with why they have none.

use std::collections::HashMap;
use std::io::{self, Write};

use palladium_component::data::ColumnSpec;
use serde_json::Value as Json;

use super::fields::Field;
use super::parquet_output::ParquetOutput;
use super::row::{self, Row, Source};
use super::{BatchError, Format, Sink, unwritable};
use crate::csv_line::Cells;
use crate::settle::Answer;

/// Takes rows with their predictions.
pub(super) struct Output<'a> {
    /// The name of the input in messages.
    input: String,
    writer: Writer<'a>,
    /// The columns of the input: those of its header, or the fields of the first row that is written.
    columns: Option<Vec<String>>,
    /// The columns that the predictions fill; nothing before the first row.
    predicted: Option<Vec<String>>,
    line: Vec<u8>,
}

/// What rows are written with.
enum Writer<'a> {
    Csv(Box<dyn Write + Send + 'a>, u8),
    Ndjson(Box<dyn Write + Send + 'a>),
    Parquet(Box<ParquetOutput<'a>>),
}

impl<'a> Output<'a> {
    /// Returns the output for the rows of a source, which have these fields at least.
    pub fn new(input: &str, sink: Sink<'a>, source: &Source<'_>, needed: Vec<ColumnSpec>) -> Output<'a> {
        let writer = match sink.format {
            Format::Csv(separator) => Writer::Csv(sink.writer, separator),
            Format::Ndjson => Writer::Ndjson(sink.writer),
            Format::Parquet => Writer::Parquet(Box::new(ParquetOutput::new(sink.writer, source.schema(), needed))),
        };
        Output { input: input.to_owned(), writer, columns: source.header(), predicted: None, line: Vec::new() }
    }

    /// Looks at the rows of a batch before they are written: the first ones settle the types of the columns, where the
    /// output has types.
    pub fn settle_types<'r>(&mut self, mut rows: impl Iterator<Item = (&'r Row, &'r Answer)>) {
        let Writer::Parquet(parquet) = &mut self.writer else { return };
        if parquet.has_columns() {
            return;
        }
        let Some((first, answer)) = rows.next() else { return };
        let predicted = answer.columns();
        let rows = std::iter::once(first).chain(rows.map(|(row, _)| row));
        parquet.settle(rows.filter(|row| not_taken(row, &predicted).is_ok()));
    }

    /// Writes a row with the prediction at a position; what it returns inside says why a row cannot be written.
    ///
    /// # Errors
    /// The input has a column that the prediction fills; the writer's.
    pub fn write(&mut self, row: &Row, answer: &Answer, index: usize) -> Result<Result<(), String>, BatchError> {
        if self.predicted.is_none()
            && let Err(reason) = self.begin(row, answer)?
        {
            return Ok(Err(reason));
        }
        let predicted = self.predicted.as_deref().unwrap_or_default();
        if let Err(reason) = not_taken(row, predicted) {
            return Ok(Err(reason));
        }
        let values = answer.values(index).map_err(|error| BatchError::Output(unwritable(error)))?;
        self.line.clear();
        let columns = self.columns.as_deref().unwrap_or_default();
        let failed = |error| BatchError::Output(unwritable(error));
        match &mut self.writer {
            Writer::Csv(writer, separator) => match csv_line(columns, row, &values, *separator, &mut self.line) {
                Ok(()) => writer.write_all(&self.line).map_err(BatchError::Output)?,
                Err(reason) => return Ok(Err(reason)),
            },
            Writer::Ndjson(writer) => {
                json_line(columns, row, predicted, &values, &mut self.line).map_err(failed)?;
                writer.write_all(&self.line).map_err(BatchError::Output)?;
            }
            Writer::Parquet(parquet) => match &row.origin {
                Some(origin) => parquet.row(origin.clone(), values),
                None => {
                    if let Err(reason) = parquet.check(row) {
                        return Ok(Err(reason));
                    }
                    json_line(columns, row, &[], &[], &mut self.line).map_err(failed)?;
                    parquet.line(&self.line, values);
                }
            },
        }
        Ok(Ok(()))
    }

    /// Settles the columns with the first row that can be written, and writes the header where there is one.
    fn begin(&mut self, row: &Row, answer: &Answer) -> Result<Result<(), String>, BatchError> {
        let predicted = answer.columns();
        self.check_free(&predicted)?;
        if let Err(reason) = not_taken(row, &predicted) {
            return Ok(Err(reason));
        }
        let columns = match (self.columns.take(), &row.cells) {
            (Some(header), _) => header,
            (None, row::Cells::Json(fields)) => fields.iter().map(|field| field.name.clone()).collect(),
            (None, row::Cells::Csv { .. }) => Vec::new(),
        };
        self.header(columns.iter().chain(&predicted)).map_err(BatchError::Output)?;
        self.columns = Some(columns);
        self.predicted = Some(predicted);
        Ok(Ok(()))
    }

    /// Checks that the header has no column that the predictions would fill.
    fn check_free(&self, predicted: &[String]) -> Result<(), BatchError> {
        let header = self.columns.as_deref().unwrap_or_default();
        match predicted.iter().find(|name| header.contains(name)) {
            Some(taken) => Err(BatchError::Taken { name: self.input.clone(), column: taken.clone() }),
            None => Ok(()),
        }
    }

    /// Writes the names of the columns, where they stand before the rows.
    fn header<'n>(&mut self, names: impl Iterator<Item = &'n String>) -> io::Result<()> {
        let Writer::Csv(writer, separator) = &mut self.writer else { return Ok(()) };
        self.line.clear();
        let mut cells = Cells::new(&mut self.line, *separator);
        names.for_each(|name| cells.text(name));
        cells.end();
        writer.write_all(&self.line)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Writer::Csv(writer, _) | Writer::Ndjson(writer) => writer.flush(),
            Writer::Parquet(parquet) => parquet.flush(self.predicted.as_deref().unwrap_or_default()),
        }
    }

    /// Ends the output. Where no row was written, the header has the columns that predictions would have filled, if that
    /// is known.
    ///
    /// # Errors
    /// The input has such a column; the writer's.
    pub fn finish(&mut self, expected: Option<Vec<String>>) -> Result<(), BatchError> {
        if self.predicted.is_none() {
            let expected = expected.unwrap_or_default();
            self.check_free(&expected)?;
            if let Some(header) = self.columns.take() {
                self.header(header.iter().chain(&expected)).map_err(BatchError::Output)?;
            }
        }
        self.flush().map_err(BatchError::Output)?;
        match &mut self.writer {
            Writer::Csv(..) | Writer::Ndjson(_) => Ok(()),
            Writer::Parquet(parquet) => parquet.finish().map_err(BatchError::Output),
        }
    }
}

/// Says which field of an object a prediction would fill.
fn not_taken(row: &Row, predicted: &[String]) -> Result<(), String> {
    let row::Cells::Json(fields) = &row.cells else { return Ok(()) };
    match fields.iter().find(|field| predicted.contains(&field.name)) {
        Some(taken) => Err(format!("the row has a field `{}` already, which the prediction would fill", taken.name)),
        None => Ok(()),
    }
}

/// Writes the cells of a row and of its prediction; a row of JSON has to have fields of the header alone.
fn csv_line(columns: &[String], row: &Row, values: &[Json], separator: u8, line: &mut Vec<u8>) -> Result<(), String> {
    let mut line = Cells::new(line, separator);
    match &row.cells {
        row::Cells::Csv { cells, .. } => cells.iter().for_each(|text| line.text(text)),
        row::Cells::Json(fields) => {
            let by_name: HashMap<&str, &Field> = fields.iter().map(|field| (field.name.as_str(), field)).collect();
            if let Some(other) = fields.iter().find(|field| !columns.contains(&field.name)) {
                let reason = "is not in the first row, whose fields are the columns of the output";
                return Err(format!("the field `{}` {reason}", other.name));
            }
            for name in columns {
                let value = by_name.get(name.as_str()).map_or("null", |field| &row.text[field.value.clone()]);
                // Numbers, lists and objects stay as they are written.
                match value.as_bytes().first() {
                    Some(b'"') => {
                        let text = serde_json::from_str::<String>(value);
                        line.text(&text.map_err(|_| format!("the field `{name}` holds half a character"))?);
                    }
                    _ if value == "null" => line.text(""),
                    _ => line.text(value),
                }
            }
        }
    }
    values.iter().for_each(|value| line.value(value));
    line.end();
    Ok(())
}

/// Writes an object with the fields of a row and of its prediction; cells of a text are text.
fn json_line(
    columns: &[String],
    row: &Row,
    predicted: &[String],
    values: &[Json],
    line: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    let mut is_empty = true;
    match &row.cells {
        row::Cells::Json(fields) => {
            // It is an object: what stands before the last bracket are its fields.
            let inside = row.text.strip_suffix('}').unwrap_or(&row.text).trim_ascii_end();
            line.extend_from_slice(inside.as_bytes());
            is_empty = fields.is_empty();
        }
        row::Cells::Csv { cells, .. } => {
            line.push(b'{');
            for (name, text) in columns.iter().zip(cells) {
                member(name, &Json::from(text.as_str()), &mut is_empty, line)?;
            }
        }
    }
    for (name, value) in predicted.iter().zip(values) {
        member(name, value, &mut is_empty, line)?;
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}

fn member(name: &str, value: &Json, is_empty: &mut bool, line: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    if !std::mem::take(is_empty) {
        line.push(b',');
    }
    serde_json::to_writer(&mut *line, name)?;
    line.push(b':');
    serde_json::to_writer(line, value)
}

/// Takes rows without prediction.
pub(super) struct Rejects<'a>(Sink<'a>);

impl<'a> Rejects<'a> {
    pub fn new(sink: Sink<'a>) -> io::Result<Rejects<'a>> {
        let mut rejects = Rejects(sink);
        if let Format::Csv(separator) = rejects.0.format {
            rejects.line(separator, ["line", "reason", "row"])?;
        }
        Ok(rejects)
    }

    /// Writes down in which line a row stands, why it has no prediction, and its text.
    pub fn write(&mut self, number: u64, reason: &str, text: &str) -> io::Result<()> {
        match self.0.format {
            Format::Csv(separator) => self.line(separator, [&number.to_string(), reason, text]),
            Format::Ndjson | Format::Parquet => {
                let fields = serde_json::json!({"line": number, "reason": reason, "row": text});
                let mut line = serde_json::to_vec(&fields).map_err(unwritable)?;
                line.push(b'\n');
                self.0.writer.write_all(&line)
            }
        }
    }

    fn line(&mut self, separator: u8, texts: [&str; 3]) -> io::Result<()> {
        let mut line = Vec::new();
        let mut cells = Cells::new(&mut line, separator);
        texts.into_iter().for_each(|text| cells.text(text));
        cells.end();
        self.0.writer.write_all(&line)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.0.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::fields;
    use super::*;

    fn line(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        let cases: [(&[&str], &str); 5] = [
            (&["a", "b c", " d"], "a,b c, d"),
            (&["a,b", "\"", "x\ny", "\r"], "\"a,b\",\"\"\"\",\"x\ny\",\"\r\""),
            (&["", "a", ""], ",a,"),
            (&[""], "\"\""),
            (&["ä", "1.50"], "ä,1.50"),
        ];
        for (cells, expected) in cases {
            let found = line(|line| {
                let mut writing = Cells::new(line, b',');
                cells.iter().for_each(|text| writing.text(text));
                writing.end();
            });
            assert_eq!(found, format!("{expected}\n"));
        }
    }

    fn json_row(text: &str) -> Row {
        Row { line: 1, text: text.to_owned(), cells: row::Cells::Json(fields(text).unwrap()), origin: None }
    }

    #[test]
    fn objects_keep_their_text() {
        let predicted = ["prediction".to_owned()];
        let cases = [
            (r#"{"a": 1.50, "b":{}} "#, r#"{"a": 1.50, "b":{},"prediction":"x"}"#),
            ("{ }", r#"{"prediction":"x"}"#),
            (r#"{"a":"}"}"#, r#"{"a":"}","prediction":"x"}"#),
        ];
        for (text, expected) in cases {
            let row = json_row(text.trim_ascii_end());
            let found = line(|line| json_line(&[], &row, &predicted, &[Json::from("x")], line).unwrap());
            assert_eq!(found, format!("{expected}\n"));
        }
    }

    #[test]
    fn objects_become_cells_as_they_are_written() {
        let columns = ["a", "b", "c", "d"].map(str::to_owned);
        let row = json_row(r#"{"b": 12345678901234567890123, "a": "x,\"", "c": null}"#);
        let found = line(|line| csv_line(&columns, &row, &[Json::from(1.5), Json::Null], b',', line).unwrap());
        assert_eq!(found, "\"x,\"\"\",12345678901234567890123,,,1.5,\n");
        let refused = csv_line(&columns[..2], &row, &[], b',', &mut Vec::new()).unwrap_err();
        let half = json_row(r#"{"a": "\ud800"}"#);
        let reason = csv_line(&columns, &half, &[], b';', &mut Vec::new()).unwrap_err();
        assert_eq!(reason, "the field `a` holds half a character");
        assert_eq!(refused, "the field `c` is not in the first row, whose fields are the columns of the output");
    }
}
