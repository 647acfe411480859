//! Rows of an input, whatever it is written in.

use std::io::{self, BufRead};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::csv_rows::CsvRows;
use super::fields::{Field as JsonField, fields};
use super::parquet_rows::ParquetRows;
use super::{BatchError, Content, Format, Input};
use crate::line::{Line, MAX_BYTES, read_line, skip_byte_order_mark};

/// A row that can be predicted for.
pub(super) struct Row {
    /// The line where it begins, from 1; in a Parquet file, the number of the row.
    pub line: u64,
    /// Its text without line break.
    pub text: String,
    pub cells: Cells,
    /// Where it stands in a Parquet file.
    pub origin: Option<Origin>,
}

/// A row of a Parquet file.
#[derive(Clone)]
pub(super) struct Origin {
    pub batch: Arc<RecordBatch>,
    pub index: usize,
}

/// What is in a row.
pub(super) enum Cells {
    /// The cells in the order of the header, and the fields that the service needs as a JSON object.
    Csv { cells: Vec<String>, sample: String },
    /// The fields of the object that the text is.
    Json(Vec<JsonField>),
}

impl Row {
    /// Returns the row as a JSON object.
    pub fn sample(&self) -> &str {
        match &self.cells {
            Cells::Csv { sample, .. } => sample,
            Cells::Json(_) => &self.text,
        }
    }
}

/// A row that cannot.
pub(super) struct Bad {
    pub line: u64,
    /// Its text; nothing where nobody knows where the row ends, so that nothing behind it can be read.
    pub text: Option<String>,
    pub reason: String,
}

/// Rows of an input.
pub(super) enum Source<'a> {
    Csv(Box<CsvRows<'a>>),
    Ndjson(JsonRows<'a>),
    Parquet(Box<ParquetRows>),
}

impl<'a> Source<'a> {
    /// Begins to read an input for a service that needs these fields.
    ///
    /// # Errors
    /// Columns that are missing, or that the output cannot have twice; the input's.
    pub fn open(input: Input<'a>, fields: Option<&[String]>, output: Format) -> Result<Source<'a>, BatchError> {
        let Input { name, content } = input;
        let (separator, mut reader) = match content {
            Content::Csv(reader, separator) => (Some(separator), reader),
            Content::Ndjson(reader) => (None, reader),
            Content::Parquet(file) => {
                return ParquetRows::open(name, file, fields).map(|rows| Source::Parquet(Box::new(rows)));
            }
        };
        skip_byte_order_mark(&mut *reader).map_err(|source| BatchError::Input { name: name.to_owned(), source })?;
        match separator {
            Some(separator) => {
                CsvRows::open(name, reader, separator, fields, output).map(|rows| Source::Csv(Box::new(rows)))
            }
            None => Ok(Source::Ndjson(JsonRows { input: reader, line: Vec::new(), number: 0 })),
        }
    }

    /// Returns the columns and their types, where they are known before the rows; cells of CSV are text.
    pub fn schema(&self) -> Option<SchemaRef> {
        match self {
            Source::Csv(rows) => {
                let fields = rows.header().iter().map(|name| Field::new(name, DataType::Utf8, true));
                Some(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
            }
            Source::Ndjson(_) => None,
            Source::Parquet(rows) => Some(Arc::clone(rows.schema())),
        }
    }

    /// Returns the names of the columns, where they are known before the rows.
    pub fn header(&self) -> Option<Vec<String>> {
        match self {
            Source::Csv(rows) => Some(rows.header().to_vec()),
            Source::Ndjson(_) => None,
            Source::Parquet(rows) => Some(rows.schema().fields().iter().map(|field| field.name().clone()).collect()),
        }
    }

    /// Returns the next row; nothing at the end of the input.
    pub fn next(&mut self) -> io::Result<Option<Result<Row, Bad>>> {
        match self {
            Source::Csv(rows) => rows.next(),
            Source::Ndjson(rows) => rows.next(),
            Source::Parquet(rows) => rows.next(),
        }
    }
}

/// Rows of one JSON object each.
pub(super) struct JsonRows<'a> {
    input: Box<dyn BufRead + 'a>,
    line: Vec<u8>,
    number: u64,
}

impl JsonRows<'_> {
    fn next(&mut self) -> io::Result<Option<Result<Row, Bad>>> {
        loop {
            let read = read_line(&mut *self.input, &mut self.line)?;
            self.number += 1;
            match read {
                Line::End => return Ok(None),
                Line::TooLong => {
                    let text = Some(beginning(&self.line));
                    let reason = format!("the line has more than {MAX_BYTES} bytes");
                    return Ok(Some(Err(Bad { line: self.number, text, reason })));
                }
                Line::Whole if self.line.trim_ascii().is_empty() => {}
                Line::Whole => return Ok(Some(self.row())),
            }
        }
    }

    fn row(&self) -> Result<Row, Bad> {
        let line = self.number;
        let bytes = self.line.trim_ascii();
        let Ok(text) = std::str::from_utf8(bytes) else {
            let text = Some(String::from_utf8_lossy(bytes).into_owned());
            return Err(Bad { line, text, reason: "the line is not UTF-8".to_owned() });
        };
        let text = text.to_owned();
        match fields(&text) {
            Ok(fields) => Ok(Row { line, cells: Cells::Json(fields), text, origin: None }),
            Err(reason) => Err(Bad { line, text: Some(text), reason }),
        }
    }
}

/// Returns the beginning of a row that is too long to keep.
pub(super) fn beginning(text: &[u8]) -> String {
    const KEPT: usize = 1000;
    format!("{}…", String::from_utf8_lossy(&text[..text.len().min(KEPT)]))
}
