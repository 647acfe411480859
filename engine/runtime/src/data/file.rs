//! Tables written to files, in pieces, so that no second table is in memory.

use std::io::{self, Write};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, StringArray};
use arrow_ipc::writer::FileWriter;
use arrow_json::LineDelimitedWriter;
use arrow_json::writer::{LineDelimited, WriterBuilder};
use arrow_schema::ArrowError;
use palladium_component::data::{ColumnType, DataError, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::csv_line::Cells;

/// So many rows are written at once.
const PIECE: usize = 64 << 10;

/// So many rows are a row group of Parquet.
const ROW_GROUP: usize = 1 << 20;

/// How dates and times are written: as RFC 3339 has them.
const TIMESTAMP: &str = "%Y-%m-%dT%H:%M:%S%.f";
const TIMESTAMP_UTC: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

/// What a file of data is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    /// Comma-separated values with a header. A missing cell is an empty field, an empty text `""`.
    Csv,
    /// A JSON object a line. A missing cell is null, as is a number that is infinite or NaN.
    Ndjson,
    /// Parquet, which keeps the types.
    Parquet,
    /// A file of Arrow's IPC format, which Feather is too; it keeps the types.
    Arrow,
}

/// Why data could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The writer failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The data cannot be written in the format.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data cannot be written as JSON or in Arrow's format.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// The data cannot be written as Parquet.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
}

impl DataFormat {
    /// The extensions that say a format.
    pub const EXTENSIONS: [&'static str; 6] = ["parquet", "csv", "jsonl", "ndjson", "arrow", "feather"];

    /// Returns the format that the extension of a file's name says, if it says one.
    pub fn of_path(path: &Path) -> Option<DataFormat> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(DataFormat::Csv),
            "jsonl" | "ndjson" => Some(DataFormat::Ndjson),
            "parquet" => Some(DataFormat::Parquet),
            "arrow" | "feather" => Some(DataFormat::Arrow),
            _ => None,
        }
    }

    /// Writes a table.
    ///
    /// # Errors
    /// The writer's, and what the format cannot hold.
    pub fn write(self, table: &Table, writer: &mut (dyn Write + Send)) -> Result<(), WriteError> {
        let pieces = pieces(table);
        match self {
            DataFormat::Csv => write_csv(table, pieces, writer),
            DataFormat::Ndjson => {
                let builder = WriterBuilder::new()
                    .with_explicit_nulls(true)
                    .with_timestamp_format(TIMESTAMP.to_owned())
                    .with_timestamp_tz_format(TIMESTAMP_UTC.to_owned());
                let mut lines: LineDelimitedWriter<_> = builder.build::<_, LineDelimited>(writer);
                pieces.iter().try_for_each(|piece| lines.write(piece.batch()))?;
                Ok(lines.finish()?)
            }
            DataFormat::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_max_row_group_row_count(Some(ROW_GROUP))
                    .build();
                let mut rows = ArrowWriter::try_new(writer, table.schema(), Some(properties))?;
                pieces.iter().try_for_each(|piece| rows.write(piece.batch()))?;
                rows.close()?;
                Ok(())
            }
            DataFormat::Arrow => {
                let mut rows = FileWriter::try_new(writer, &table.schema())?;
                pieces.iter().try_for_each(|piece| rows.write(piece.batch()))?;
                Ok(rows.finish()?)
            }
        }
    }
}

/// Returns the rows of a table in pieces; slicing copies nothing.
fn pieces(table: &Table) -> Vec<Table> {
    let starts = (0..table.n_rows()).step_by(PIECE);
    starts.map(|start| table.slice(start, PIECE.min(table.n_rows() - start))).collect()
}

fn write_csv(table: &Table, pieces: Vec<Table>, writer: &mut dyn Write) -> Result<(), WriteError> {
    let mut lines = Vec::new();
    let mut header = Cells::new(&mut lines, b',');
    table.names().for_each(|name| header.text(name));
    header.end();
    for piece in pieces {
        let names: Vec<String> = piece.names().map(str::to_owned).collect();
        let n_rows = piece.n_rows();
        let texts = names.iter().try_fold(piece, |piece, name| piece.cast(name, ColumnType::Text))?;
        let columns: Vec<&StringArray> = texts.columns().iter().map(AsArray::as_string).collect();
        let mut line = Vec::new();
        for row in 0..n_rows {
            line.clear();
            let mut cells = Cells::new(&mut line, b',');
            for column in &columns {
                match column.is_valid(row).then(|| column.value(row)) {
                    None => cells.text(""),
                    Some("") => cells.empty_text(),
                    Some(text) => cells.text(text),
                }
            }
            cells.end();
            lines.extend_from_slice(&line);
        }
        writer.write_all(&lines)?;
        lines.clear();
    }
    Ok(writer.write_all(&lines)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
    use arrow_ipc::reader::FileReader;
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    /// Returns a table with a column of each type, long enough for several pieces.
    fn table(n_rows: usize) -> Table {
        let with_gaps = |row: usize| row % 4 != 1;
        let texts = |text: &dyn Fn(usize) -> String| -> ArrayRef {
            Arc::new((0..n_rows).map(|row| with_gaps(row).then(|| text(row))).collect::<StringArray>())
        };
        let columns: Vec<(String, ArrayRef)> = vec![
            (
                "float".into(),
                Arc::new(Float64Array::from_iter((0..n_rows).map(|row| with_gaps(row).then_some(row as f64 / 3.0)))),
            ),
            (
                "int".into(),
                Arc::new(Int64Array::from_iter((0..n_rows).map(|row| with_gaps(row).then_some(i64::MIN + row as i64)))),
            ),
            (
                "bool".into(),
                Arc::new(BooleanArray::from_iter((0..n_rows).map(|row| with_gaps(row).then_some(row % 2 == 0)))),
            ),
            ("text, \"quoted\"".into(), texts(&|row| if row == 0 { String::new() } else { format!("ä,\"\n{row}") })),
            ("category".into(), texts(&|row| format!("class {}", row % 3))),
            ("date".into(), texts(&|row| format!("2024-01-{:02}", row % 28 + 1))),
            ("timestamp".into(), texts(&|row| format!("2024-01-31T10:00:00.{:06}", row % 1000))),
            ("timestamp_utc".into(), texts(&|row| format!("1969-12-31T23:59:59.{:06}Z", row % 1000))),
        ];
        let kinds = [ColumnType::Category, ColumnType::Date, ColumnType::Timestamp, ColumnType::TimestampUtc];
        let table = Table::new(columns).unwrap();
        kinds.into_iter().fold(table, |table, kind| table.cast(kind.as_str(), kind).unwrap())
    }

    fn written(format: DataFormat, table: &Table) -> Vec<u8> {
        let mut bytes = Vec::new();
        format.write(table, &mut bytes).unwrap();
        bytes
    }

    /// Returns the table of what a reader returns.
    fn read(batches: impl Iterator<Item = Result<arrow_array::RecordBatch, ArrowError>>) -> Table {
        let tables = batches.map(|batch| {
            let batch = batch.unwrap();
            Table::with_schema(batch.schema(), batch.columns().to_vec(), Some(batch.num_rows())).unwrap()
        });
        Table::concat(&tables.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn arrow_and_parquet_keep_everything() {
        let table = table(PIECE + 7);
        let arrow = FileReader::try_new(io::Cursor::new(written(DataFormat::Arrow, &table)), None).unwrap();
        let parquet = Bytes::from(written(DataFormat::Parquet, &table));
        let parquet = ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap().build().unwrap();
        for read in [read(arrow), read(parquet)] {
            assert_eq!(read.specs(), table.specs());
            assert!(read == table);
        }
    }

    #[test]
    fn lines_hold_dates_and_times_as_rfc_3339() {
        let table = table(2);
        let csv = String::from_utf8(written(DataFormat::Csv, &table)).unwrap();
        let expected = "float,int,bool,\"text, \"\"quoted\"\"\",category,date,timestamp,timestamp_utc\n\
                        0.0,-9223372036854775808,true,\"\",class 0,2024-01-01,2024-01-31T10:00:00,1969-12-31T23:59:59Z\n\
                        ,,,,,,,\n";
        assert_eq!(csv, expected);
        let lines = String::from_utf8(written(DataFormat::Ndjson, &table)).unwrap();
        let expected = concat!(
            r#"{"float":0.0,"int":-9223372036854775808,"bool":true,"text, \"quoted\"":"","category":"class 0","#,
            r#""date":"2024-01-01","timestamp":"2024-01-31T10:00:00","timestamp_utc":"1969-12-31T23:59:59Z"}"#,
            "\n",
            r#"{"float":null,"int":null,"bool":null,"text, \"quoted\"":null,"category":null,"#,
            r#""date":null,"timestamp":null,"timestamp_utc":null}"#,
            "\n"
        );
        assert_eq!(lines, expected);
        assert_eq!(written(DataFormat::Csv, &table.slice(0, 0)).iter().filter(|byte| **byte == b'\n').count(), 1);
        let many = written(DataFormat::Csv, &self::table(PIECE + 7).project(&[1]));
        assert_eq!(many.iter().filter(|byte| **byte == b'\n').count(), PIECE + 8);
    }

    #[test]
    fn extensions_say_the_format() {
        for extension in DataFormat::EXTENSIONS {
            assert!(DataFormat::of_path(Path::new(&format!("a.{}", extension.to_uppercase()))).is_some());
        }
        assert_eq!(DataFormat::of_path(Path::new("a.txt")), None);
        assert_eq!(DataFormat::of_path(Path::new("csv")), None);
    }
}
