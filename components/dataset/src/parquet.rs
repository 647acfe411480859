//! Tables in Parquet files.
//!
//! Columns are read apart from each other, those of one file on several threads. What is not asked for is not decoded:
//! neither other columns nor row groups after the last row.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::thread;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, Length};
use arrow_array::RecordBatch;
use arrow_select::concat::concat;
use bytes::Bytes;
use palladium_component::prelude::*;

use crate::format::{FormatError, Reading, Rows, check_type, guarded, loader};
use crate::source::{Held, ReadAt, SourceFile};

/// How many rows are decoded at once.
const DECODED: usize = 1 << 16;

const FORMAT: &str = "Parquet";

loader! {
    /// Loads a table from a Parquet file.
    ///
    /// ```ron
    /// Parquet(
    ///     path: "${here}/iris.parquet",
    ///     target_column: "species",
    ///     columns: ["sepal length", "petal length", "species"],
    /// )
    /// ```
    ///
    /// Columns that are not asked for are not read, nor are rows after the first `nrows`. Whole numbers of every width
    /// become 64 bits wide, and one without sign that does not fit is an error; decimals become numbers; texts in a
    /// dictionary, such as pandas' categories, become categories; times of every unit and zone become microseconds, in
    /// UTC if they have a zone. Lists, structures, binary data and times of day are refused: leave such columns out with
    /// `columns`. Encrypted files are refused. The row labels that pandas stores without a name are left out.
    #[component(DatasetLoader, name = "palladium.dataset.Parquet", check, lifecycle)]
    Parquet, read
}

/// Reads one file.
fn read(file: &SourceFile, reading: &Reading<'_>) -> Result<Held<FormatError>, FormatError> {
    let broken = |error: ParquetError| FormatError::broken(file, FORMAT, error);
    let input =
        Chunks::new(file.open_file(reading.compression)?, file.progress()).map_err(|error| file.failed(error))?;
    if input.size == 0 {
        return Err(FormatError::empty(file));
    }
    if input.is_encrypted().map_err(|error| file.failed(error))? {
        return Err(FormatError::Encrypted { file: file.name().to_owned() });
    }
    let metadata =
        guarded(file, FORMAT, || ArrowReaderMetadata::load(&input, ArrowReaderOptions::new()).map_err(broken))?;
    let fields = metadata.schema().fields();
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let chosen = reading.choose(file, &names)?;
    chosen.iter().try_for_each(|position| check_type(file, &fields[*position]))?;
    let shares = shares(&metadata, &chosen, thread::available_parallelism().map_or(1, usize::from));
    let read_share =
        |share: &Vec<usize>| guarded(file, FORMAT, || read_columns(file, &input, &metadata, share, reading.n_rows));
    let parts: Result<Vec<Vec<(usize, ArrayRef)>>, FormatError> = thread::scope(|scope| {
        let threads: Vec<_> = shares.iter().map(|share| scope.spawn(|| read_share(share))).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.map(|part| part.unwrap_or_else(|_| Err(FormatError::broken(file, FORMAT, "a thread gave up")))).collect()
    });
    let mut columns: Vec<(usize, ArrayRef)> = parts?.into_iter().flatten().collect();
    let order = |position: usize| chosen.iter().position(|other| *other == position);
    columns.sort_by_key(|(position, _)| order(*position));
    let columns = columns.into_iter().map(|(position, column)| (names[position].to_owned(), column)).collect();
    let table = Table::new(columns).map_err(|reason| FormatError::data(file, reason))?;
    Ok(Held::Table(table.with_provenance(Arc::new(Rows { file: file.name().to_owned() }))))
}

/// Divides columns among threads, so that all of them have about as many bytes to read.
fn shares(metadata: &ArrowReaderMetadata, chosen: &[usize], n_threads: usize) -> Vec<Vec<usize>> {
    let schema = metadata.metadata().file_metadata().schema_descr();
    let mut sizes = vec![0; metadata.schema().fields().len()];
    for group in metadata.metadata().row_groups() {
        for (leaf, column) in group.columns().iter().enumerate() {
            sizes[schema.get_column_root_idx(leaf)] += column.uncompressed_size();
        }
    }
    let mut largest_first = chosen.to_vec();
    largest_first.sort_by_key(|position| std::cmp::Reverse(sizes[*position]));
    let mut shares = vec![(0, Vec::new()); n_threads.clamp(1, chosen.len().max(1))];
    for position in largest_first {
        if let Some((size, share)) = shares.iter_mut().min_by_key(|(size, _)| *size) {
            *size += sizes[position].max(1);
            share.push(position);
        }
    }
    shares.into_iter().map(|(_, share)| share).collect()
}

/// Reads some columns and returns them with their positions.
fn read_columns(
    file: &SourceFile,
    input: &Chunks,
    metadata: &ArrowReaderMetadata,
    share: &[usize],
    n_rows: Option<usize>,
) -> Result<Vec<(usize, ArrayRef)>, FormatError> {
    let broken = |error: ParquetError| FormatError::broken(file, FORMAT, error);
    let mut positions = share.to_vec();
    positions.sort_unstable();
    let schema = metadata.metadata().file_metadata().schema_descr();
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(input.clone(), metadata.clone())
        .with_projection(ProjectionMask::roots(schema, positions.iter().copied()))
        .with_batch_size(DECODED);
    let builder = n_rows.into_iter().fold(builder, ParquetRecordBatchReaderBuilder::with_limit);
    let reader = builder.build().map_err(broken)?;
    let fields: Vec<_> = positions.iter().map(|position| Arc::clone(&metadata.schema().fields()[*position])).collect();
    let mut pieces: Vec<Vec<ArrayRef>> = vec![Vec::new(); positions.len()];
    for batch in reader {
        let batch = batch.map_err(|error| FormatError::broken(file, FORMAT, error))?;
        pieces.iter_mut().zip(batch.columns()).for_each(|(pieces, column)| pieces.push(Arc::clone(column)));
    }
    let columns = positions.iter().zip(fields).zip(pieces).map(|((position, field), pieces)| {
        let parts: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        let whole = match parts.is_empty() {
            true => Ok(arrow_array::new_empty_array(field.data_type())),
            false => concat(&parts),
        };
        let whole = whole.map_err(|error| FormatError::data(file, DataError::TooLarge(error.to_string())))?;
        let batch = RecordBatch::try_from_iter([(field.name(), whole)])
            .map_err(|error| FormatError::broken(file, FORMAT, error))?;
        let table = Table::of_arrow(&batch).map_err(|reason| FormatError::data(file, reason))?;
        Ok((*position, Arc::clone(&table.columns()[0])))
    });
    columns.collect()
}

/// A file that several threads read at once.
#[derive(Clone)]
struct Chunks {
    file: Arc<File>,
    size: u64,
    progress: LoadProgress,
}

impl Chunks {
    fn new(file: Arc<File>, progress: &LoadProgress) -> std::io::Result<Chunks> {
        let size = file.metadata()?.len();
        Ok(Chunks { file, size, progress: progress.clone() })
    }

    /// Tells whether the file begins and ends as Parquet files do whose metadata are encrypted.
    fn is_encrypted(&self) -> std::io::Result<bool> {
        const MARK: &[u8; 4] = b"PARE";
        if self.size < 2 * MARK.len() as u64 {
            return Ok(false);
        }
        let (mut begin, mut end) = ([0; MARK.len()], [0; MARK.len()]);
        self.file.read_exact_at(&mut begin, 0)?;
        self.file.read_exact_at(&mut end, self.size - MARK.len() as u64)?;
        Ok(begin == *MARK && end == *MARK)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<ReadAt>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let mut reader = ReadAt::new(Arc::clone(&self.file), &self.progress);
        reader.seek(SeekFrom::Start(start))?;
        Ok(BufReader::new(reader))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A broken file may name a length that there is no memory for.
        if start.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(ParquetError::EOF(format!(
                "it has {} bytes, and {length} from {start} on are needed",
                self.size
            )));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        self.progress.add_bytes(length as u64);
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests;
