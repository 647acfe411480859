//! Files that hold a data set each, of which it can be told whether they are whole.
//!
//! A file begins with a magic text, the version of the format, the length of its head and the SHA-256 of that. The
//! head is JSON: the key, what is known about the data, and where its rows come from. Behind it, at a multiple of 64
//! bytes, stands a stream of Arrow IPC of one batch, the target as its last column, and at the end the SHA-256 of
//! everything before. Nothing of it is executed.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Field, Schema};
use chrono::{DateTime, Utc};
use palladium_component::prelude::*;
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN, digest};
use serde::{Deserialize, Serialize};

use super::places::Places;

const MAGIC: &[u8; 8] = b"PLDCACHE";

/// The version of the format.
pub(crate) const FORMAT: u32 = 1;

/// How long the part before the head is.
const PREFIX: usize = MAGIC.len() + 4 + 4 + SHA256_OUTPUT_LEN;

/// Where Arrow's buffers begin, so that they are used where they lie.
const ALIGNMENT: usize = 64;

/// How long a head is at most.
const MOST_HEAD: usize = 64 << 20;

/// What an entry says about its data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The key in full.
    pub(crate) key: String,
    /// The name of the loader.
    pub(crate) loader: String,
    /// When the data were loaded.
    pub(crate) stored: DateTime<Utc>,
    /// How many rows there are.
    pub(crate) rows: usize,
    /// Whether the last column is the target.
    pub(crate) has_target: bool,
    /// Where the rows come from.
    pub(crate) places: Option<Places>,
}

/// Why an entry was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotStored {
    /// It would be larger than allowed.
    #[error("they take more than {0} bytes, which is `max_size`")]
    TooLarge(u64),
    /// Arrow does not take the columns.
    #[error("they cannot be written")]
    Arrow(#[source] ArrowError),
    /// The operating system refuses.
    #[error("they cannot be written")]
    Refused(#[from] io::Error),
}

/// Why an entry is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// It does not begin as an entry does.
    #[error("it is no entry of a cache")]
    NoEntry,
    /// Another version wrote it.
    #[error("it has the format {0}, which this version does not read")]
    Format(u32),
    /// It is not what was written.
    #[error("its checksum does not match")]
    Checksum,
    /// The operating system refuses, or the file ends too early.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The head is not understood.
    #[error("its head is not understood: {0}")]
    Head(#[from] serde_json::Error),
    /// The data are not understood.
    #[error("its data are not understood: {0}")]
    Arrow(#[from] ArrowError),
    /// The columns make no table.
    #[error("its columns make no table: {0}")]
    Table(#[from] DataError),
    /// It was stored for other data.
    #[error("it was stored under another key")]
    OtherKey,
}

/// Writes an entry and returns its size.
pub(crate) fn write(file: &File, head: &Head, data: &Dataset, limit: u64) -> Result<u64, NotStored> {
    let mut output = Output { file: BufWriter::new(file), digest: Context::new(&SHA256), size: 0, limit };
    match write_parts(&mut output, head, data) {
        Ok(()) => Ok(output.size),
        Err(_) if output.is_full() => Err(NotStored::TooLarge(limit)),
        Err(error) => Err(error),
    }
}

fn write_parts(output: &mut Output<'_>, head: &Head, data: &Dataset) -> Result<(), NotStored> {
    let head = serde_json::to_vec(head).map_err(io::Error::from)?;
    let length = u32::try_from(head.len()).ok().filter(|_| head.len() <= MOST_HEAD);
    let length = length.ok_or_else(|| io::Error::other("the places of the rows are too many"))?;
    output.write_all(MAGIC)?;
    output.write_all(&FORMAT.to_le_bytes())?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(digest(&SHA256, &head).as_ref())?;
    output.write_all(&head)?;
    output.write_all(&vec![0; start_of_data(head.len()) - PREFIX - head.len()])?;
    let batch = batch(data).map_err(NotStored::Arrow)?;
    let mut writer = StreamWriter::try_new(&mut *output, batch.schema_ref()).map_err(NotStored::Arrow)?;
    writer.write(&batch).and_then(|()| writer.finish()).map_err(NotStored::Arrow)?;
    let checksum = output.digest.clone().finish();
    output.write_all(checksum.as_ref())?;
    Ok(output.flush()?)
}

/// Returns where the data begin behind a head of a length.
fn start_of_data(head: usize) -> usize {
    (PREFIX + head).next_multiple_of(ALIGNMENT)
}

/// Returns features and target as one batch; two columns may have one name.
fn batch(data: &Dataset) -> Result<RecordBatch, ArrowError> {
    let features = data.features.batch();
    let mut fields = features.schema_ref().fields().to_vec();
    let mut columns = features.columns().to_vec();
    if let Some(target) = &data.target {
        fields.push(Arc::new(Field::new(&target.name, target.values.data_type().clone(), true)));
        columns.push(Arc::clone(&target.values));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(data.n_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

/// Reads the head of an entry.
pub(crate) fn read_head(mut file: &File) -> Result<Head, Broken> {
    let mut prefix = [0; PREFIX];
    file.read_exact(&mut prefix)?;
    let (length, checksum) = parse_prefix(&prefix)?;
    let mut head = vec![0; length];
    file.read_exact(&mut head)?;
    parse_head(&head, checksum)
}

/// Reads an entry that was stored under this key. What was read before it was changed or cut is found out.
pub(crate) fn read(mut file: &File, key: &str) -> Result<(Head, Dataset), Broken> {
    let size = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    if size < PREFIX + SHA256_OUTPUT_LEN {
        return Err(Broken::NoEntry);
    }
    let mut bytes = MutableBuffer::from_len_zeroed(size);
    file.read_exact(bytes.as_slice_mut())?;
    let bytes = Buffer::from(bytes);
    let (content, checksum) = bytes.split_at(size - SHA256_OUTPUT_LEN);
    let (length, checksum_of_head) = parse_prefix(content)?;
    if digest(&SHA256, content).as_ref() != checksum {
        return Err(Broken::Checksum);
    }
    let start = start_of_data(length);
    let data = content.len().checked_sub(start).ok_or(Broken::NoEntry)?;
    let head = parse_head(&content[PREFIX..PREFIX + length], checksum_of_head)?;
    if head.key != key {
        return Err(Broken::OtherKey);
    }
    let data = dataset(&head, bytes.slice_with_length(start, data))?;
    Ok((head, data))
}

/// Returns the length of the head and its checksum.
fn parse_prefix(bytes: &[u8]) -> Result<(usize, &[u8]), Broken> {
    let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let at = MAGIC.len();
    match (bytes.starts_with(MAGIC), number(at), number(at + 4)) {
        (true, Some(FORMAT), Some(length)) if length as usize <= MOST_HEAD => {
            Ok((length as usize, bytes.get(at + 8..PREFIX).ok_or(Broken::NoEntry)?))
        }
        (true, Some(format), _) if format != FORMAT => Err(Broken::Format(format)),
        _ => Err(Broken::NoEntry),
    }
}

fn parse_head(head: &[u8], checksum: &[u8]) -> Result<Head, Broken> {
    if digest(&SHA256, head).as_ref() != checksum {
        return Err(Broken::Checksum);
    }
    Ok(serde_json::from_slice(head)?)
}

fn dataset(head: &Head, mut stream: Buffer) -> Result<Dataset, Broken> {
    let mut decoder = StreamDecoder::new();
    let mut batch = None;
    while !stream.is_empty() {
        batch = decoder.decode(&mut stream)?.or(batch);
    }
    decoder.finish()?;
    let batch = batch.ok_or(Broken::NoEntry)?;
    let n_features = batch.num_columns().checked_sub(usize::from(head.has_target)).ok_or(Broken::NoEntry)?;
    let (features, target) = batch.columns().split_at(n_features);
    let fields = batch.schema_ref().fields();
    let schema = Arc::new(Schema::new(fields[..n_features].to_vec()));
    let table = Table::with_schema(schema, features.to_vec(), Some(batch.num_rows()))?;
    let features = match &head.places {
        Some(places) => table.with_provenance(Arc::new(places.clone())),
        None => table,
    };
    let target = target.first().map(|values| {
        let name = fields[n_features].name().clone();
        Column { name, values: Arc::clone(values) }
    });
    Ok(Dataset { features, target })
}

/// A file that is written, its digest and its size.
struct Output<'a> {
    file: BufWriter<&'a File>,
    digest: Context,
    size: u64,
    limit: u64,
}

impl Output<'_> {
    fn is_full(&self) -> bool {
        self.size > self.limit
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.size += bytes.len() as u64;
        if self.is_full() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
