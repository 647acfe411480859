//! Rows of a Parquet file: its columns are kept as they are, and each row is also a JSON object, as services take them.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_json::LineDelimitedWriter;
use arrow_json::writer::{LineDelimited, WriterBuilder};
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::BatchError;
use super::csv_rows::check_columns;
use super::fields::fields;
use super::row::{Bad, Cells, Origin, Row};

/// So many rows are decoded at once.
const DECODED: usize = 1024;

/// Rows of a Parquet file.
pub(super) struct ParquetRows {
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    /// Those that are decoded already.
    rows: VecDeque<Result<Row, Bad>>,
    number: u64,
}

impl ParquetRows {
    /// Reads the schema.
    ///
    /// # Errors
    /// It is no Parquet file or an encrypted one, or lacks fields that the service needs; the system's.
    pub fn open(name: &str, file: File, needed: Option<&[String]>) -> Result<ParquetRows, BatchError> {
        let failed = |error: parquet::errors::ParquetError| BatchError::Input {
            name: name.to_owned(),
            source: io::Error::other(error),
        };
        match Marks::of(&file).map_err(|source| BatchError::Input { name: name.to_owned(), source })? {
            Marks::Parquet => {}
            Marks::Encrypted => return Err(BatchError::EncryptedParquet(name.to_owned())),
            Marks::Other => return Err(BatchError::NotParquet(name.to_owned())),
        }
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
        let schema = Arc::clone(builder.schema());
        let header: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let needed: Vec<&str> = needed.unwrap_or_default().iter().map(String::as_str).collect();
        check_columns(name, &header, &needed)?;
        let reader = builder.with_batch_size(DECODED).build().map_err(failed)?;
        Ok(ParquetRows { reader, schema, rows: VecDeque::new(), number: 0 })
    }

    /// Returns the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the next row; nothing at the end of the file.
    pub fn next(&mut self) -> io::Result<Option<Result<Row, Bad>>> {
        while self.rows.is_empty() {
            let Some(batch) = self.reader.next() else { return Ok(None) };
            self.decode(batch.map_err(io::Error::other)?)?;
        }
        Ok(self.rows.pop_front())
    }

    fn decode(&mut self, batch: RecordBatch) -> io::Result<()> {
        let mut writer: LineDelimitedWriter<Vec<u8>> =
            WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        writer.write(&batch).and_then(|()| writer.finish()).map_err(io::Error::other)?;
        let text = String::from_utf8(writer.into_inner()).map_err(io::Error::other)?;
        let batch = Arc::new(batch);
        for (index, text) in text.lines().enumerate() {
            self.number += 1;
            let (line, text) = (self.number, text.to_owned());
            let origin = Origin { batch: Arc::clone(&batch), index };
            self.rows.push_back(match fields(&text) {
                Ok(fields) => Ok(Row { line, cells: Cells::Json(fields), text, origin: Some(origin) }),
                Err(reason) => Err(Bad { line, text: Some(text), reason }),
            });
        }
        Ok(())
    }
}

/// What a file begins and ends with.
enum Marks {
    Parquet,
    /// Those of Parquet files whose metadata are encrypted.
    Encrypted,
    /// Others; a file that was cut off has no end of these.
    Other,
}

impl Marks {
    fn of(file: &File) -> io::Result<Marks> {
        const LENGTH: usize = 4;
        let length = file.metadata()?.len();
        if length < 2 * LENGTH as u64 {
            return Ok(Marks::Other);
        }
        let (mut begin, mut end) = ([0; LENGTH], [0; LENGTH]);
        file.read_exact_at(&mut begin, 0)?;
        file.read_exact_at(&mut end, length - LENGTH as u64)?;
        Ok(match (&begin, &end) {
            (b"PAR1", b"PAR1") => Marks::Parquet,
            (b"PARE", b"PARE") => Marks::Encrypted,
            _ => Marks::Other,
        })
    }
}
