//! Rows written to a Parquet file: columns of a Parquet file stay as they are, cells of CSV are text, and the types of
//! the fields of JSON are those of the first batch, which the later ones have to fit.

use std::io::{self, Cursor, Write};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_json::ReaderBuilder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave_record_batch;
use palladium_component::data::ColumnSpec;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::Value as Json;

use super::parquet_types;
use super::row::{Cells, Origin, Row};

/// So many rows are a row group, which is in memory until it is written.
const ROW_GROUP: usize = 100_000;

/// Takes rows and writes them in columns.
pub(super) struct ParquetOutput<'a> {
    /// What is written to, until the columns are known.
    sink: Option<Box<dyn Write + Send + 'a>>,
    writer: Option<ArrowWriter<Box<dyn Write + Send + 'a>>>,
    /// The columns of the input, where they are known, and of the predictions.
    columns: Option<SchemaRef>,
    predicted: Vec<Field>,
    /// The fields that every row has, with their types to the service.
    needed: Vec<ColumnSpec>,
    /// Rows that are not written yet: their places in a Parquet file, or their lines.
    origins: Vec<Origin>,
    lines: Vec<u8>,
    /// The values of the predictions, row by row.
    values: Vec<Vec<Json>>,
}

impl<'a> ParquetOutput<'a> {
    /// Returns an output for rows whose columns are these, where they are known.
    pub fn new(
        sink: Box<dyn Write + Send + 'a>,
        columns: Option<SchemaRef>,
        needed: Vec<ColumnSpec>,
    ) -> ParquetOutput<'a> {
        let (writer, predicted) = (None, Vec::new());
        let (origins, lines, values) = (Vec::new(), Vec::new(), Vec::new());
        ParquetOutput { sink: Some(sink), writer, columns, predicted, needed, origins, lines, values }
    }

    /// Tells whether the columns are known.
    pub fn has_columns(&self) -> bool {
        self.columns.is_some()
    }

    /// Settles the columns by the rows of the first batch that has some.
    pub fn settle<'r>(&mut self, rows: impl Iterator<Item = &'r Row>) {
        let mut rows = rows.peekable();
        if rows.peek().is_some() {
            self.columns = Some(Arc::new(parquet_types::columns(rows, &self.needed)));
        }
    }

    /// Says what in a row of JSON does not fit the columns, which would change it.
    pub fn check(&self, row: &Row) -> Result<(), String> {
        match (&row.cells, &self.columns) {
            (Cells::Json(members), Some(columns)) => parquet_types::check(columns, members, &row.text),
            _ => Ok(()),
        }
    }

    /// Takes a row of a Parquet file with its predictions.
    pub fn row(&mut self, origin: Origin, values: Vec<Json>) {
        self.origins.push(origin);
        self.values.push(values);
    }

    /// Takes a row that fits the columns, a JSON object on a line, with its predictions.
    pub fn line(&mut self, line: &[u8], values: Vec<Json>) {
        self.lines.extend_from_slice(line);
        self.values.push(values);
    }

    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// Predictions of another type than in the first batch; the writer's.
    pub fn flush(&mut self, predicted: &[String]) -> io::Result<()> {
        if self.values.is_empty() {
            return Ok(());
        }
        let rows = self.rows()?;
        if self.predicted.is_empty() {
            let field = |(index, name): (usize, &String)| Field::new(name, self.kind(index), true);
            self.predicted = predicted.iter().enumerate().map(field).collect();
        }
        let filled = self.predicted.iter().enumerate().map(|(index, field)| self.column(index, field));
        let filled: Vec<ArrayRef> = filled.collect::<io::Result<_>>()?;
        let fields: Vec<Field> =
            rows.schema().fields().iter().map(|field| field.as_ref().clone()).chain(self.predicted.clone()).collect();
        let columns = rows.columns().iter().cloned().chain(filled).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(io::Error::other)?;
        self.values.clear();
        self.writer(&batch.schema())?.write(&batch).map_err(io::Error::other)
    }

    /// Ends the file. Where no row was written it has the columns of the input alone.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(&mut self) -> io::Result<()> {
        let columns = self.columns.clone().unwrap_or_else(|| Arc::new(Schema::empty()));
        self.writer(&columns)?.finish().map_err(io::Error::other)?;
        Ok(())
    }

    /// Returns the columns of the rows that wait.
    fn rows(&mut self) -> io::Result<RecordBatch> {
        if !self.origins.is_empty() {
            return gathered(&std::mem::take(&mut self.origins));
        }
        let lines = std::mem::take(&mut self.lines);
        let columns = self.columns.clone().unwrap_or_else(|| Arc::new(Schema::empty()));
        let reader = ReaderBuilder::new(Arc::clone(&columns)).build(Cursor::new(&lines)).map_err(io::Error::other)?;
        let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().map_err(io::Error::other)?;
        concat_batches(&columns, &batches).map_err(io::Error::other)
    }

    /// Returns the type of a prediction, by the first value that there is.
    fn kind(&self, index: usize) -> DataType {
        let values = self.values.iter().filter_map(|values| values.get(index));
        match values.clone().find(|value| !value.is_null()) {
            Some(Json::Bool(_)) => DataType::Boolean,
            Some(Json::Number(number)) if number.is_i64() => DataType::Int64,
            Some(Json::String(_) | Json::Array(_) | Json::Object(_)) => DataType::Utf8,
            Some(Json::Number(_) | Json::Null) | None => DataType::Float64,
        }
    }

    /// Returns the values of a prediction as a column.
    fn column(&self, index: usize, field: &Field) -> io::Result<ArrayRef> {
        let values = || self.values.iter().map(|values| values.get(index).filter(|value| !value.is_null()));
        let column: ArrayRef = match field.data_type() {
            DataType::Boolean => {
                Arc::new(values().map(|value| value.and_then(Json::as_bool)).collect::<BooleanArray>())
            }
            DataType::Int64 => Arc::new(values().map(|value| value.and_then(Json::as_i64)).collect::<Int64Array>()),
            DataType::Float64 => Arc::new(values().map(|value| value.and_then(Json::as_f64)).collect::<Float64Array>()),
            _ => {
                let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Arc::new(values().map(|value| value.map(text)).collect::<StringArray>())
            }
        };
        match column.null_count() == values().filter(Option::is_none).count() {
            true => Ok(column),
            false => Err(io::Error::other(format!("`{}` changes its type within the file", field.name()))),
        }
    }

    /// Returns the writer, which is begun with the first batch.
    fn writer(&mut self, columns: &SchemaRef) -> io::Result<&mut ArrowWriter<Box<dyn Write + Send + 'a>>> {
        if let Some(sink) = self.sink.take() {
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_max_row_group_row_count(Some(ROW_GROUP))
                .build();
            let writer = ArrowWriter::try_new(sink, Arc::clone(columns), Some(properties)).map_err(io::Error::other)?;
            self.writer = Some(writer);
        }
        self.writer.as_mut().ok_or_else(|| io::Error::other("the file has not been begun"))
    }
}

/// Returns rows of several batches as one.
fn gathered(origins: &[Origin]) -> io::Result<RecordBatch> {
    let mut batches: Vec<&RecordBatch> = Vec::new();
    let mut places = Vec::with_capacity(origins.len());
    for origin in origins {
        // Rows come in their order: those of a batch stand together.
        if batches.last().is_none_or(|last| !std::ptr::eq(*last, origin.batch.as_ref())) {
            batches.push(&origin.batch);
        }
        places.push((batches.len() - 1, origin.index));
    }
    interleave_record_batch(&batches, &places).map_err(io::Error::other)
}
