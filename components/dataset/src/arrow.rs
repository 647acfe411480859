//! Tables in the format in which Arrow's libraries exchange data: streams, and files (Feather).
//!
//! A file is a stream between two marks, with a directory at its end that is not needed here: both are read message by
//! message, and nothing after the last row that is asked for.

use std::error::Error;
use std::io::{Cursor, Read};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_schema_from_ipc_buffer;
use arrow_ipc::reader::FileDecoder;
use arrow_ipc::{Block, MessageHeader, MetadataVersion, root_as_message};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use palladium_component::prelude::*;

use crate::format::{FormatError, Reading, Rows, check_type, guarded, loader};
use crate::source::{Held, SourceFile};

const FORMAT: &str = "Arrow";

/// What a file begins with, filled up to eight bytes.
const MAGIC: &[u8] = b"ARROW1\0\0";

/// How many words of zeros may follow that.
const MOST_ZEROS: usize = 32;

/// What a file of the first version of Feather begins with.
const FEATHER_1: &[u8] = b"FEA1";

/// What stands before the length of a message since version 0.15 of Arrow.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// How many bytes stand before the description of a message: the above and its length.
const PREFIX: usize = 8;

/// How large the description of a message may be.
const MOST_DESCRIPTION: u32 = 256 << 20;

/// How large a message may be, packed or not.
const MOST_DATA: u64 = 64 << 30;

/// How many times larger a column may become by being unpacked.
const MAX_RATIO: u64 = 10_000;

/// A column that becomes no larger than this may have any ratio.
const ANY_RATIO: u64 = 64 << 20;

loader! {
    /// Loads a table from a file of Arrow: an IPC file, which is the second version of Feather, or an IPC stream.
    ///
    /// ```ron
    /// Arrow(path: "${here}/iris.arrow", target_column: "species")
    /// ```
    ///
    /// Columns that are not asked for are not unpacked, and what follows the first `nrows` rows is not read. Whole
    /// numbers of every width become 64 bits wide, and one without sign that does not fit is an error; decimals become
    /// numbers; texts in a dictionary, such as pandas' categories, become categories; times of every unit and zone become
    /// microseconds, in UTC if they have a zone. Lists, structures, binary data and times of day are refused: leave such
    /// columns out with `columns`. The first version of Feather is not read.
    #[component(DatasetLoader, name = "palladium.dataset.Arrow", alias = "palladium.dataset.Feather", check, lifecycle)]
    Arrow, read
}

/// Reads one file.
fn read(file: &SourceFile, reading: &Reading<'_>) -> Result<Held<FormatError>, FormatError> {
    let reader = file.open(reading.compression)?.reader;
    let mut messages = Messages::begin(file, reader)?;
    let schema = messages.schema()?;
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let chosen = reading.choose(file, &names)?;
    let projected: Schema = schema.project(&chosen).map_err(|error| FormatError::broken(file, FORMAT, error))?;
    projected.fields().iter().try_for_each(|field| check_type(file, field))?;
    let batches = messages.batches(&schema, &chosen, reading.n_rows)?;
    let whole = concat_batches(&Arc::new(projected), &batches)
        .map_err(|error| FormatError::data(file, DataError::TooLarge(error.to_string())))?;
    drop(batches);
    let table = Table::of_arrow(&whole).map_err(|reason| FormatError::data(file, reason))?;
    Ok(Held::Table(table.with_provenance(Arc::new(Rows { file: file.name().to_owned() }))))
}

/// Reads messages one after another.
struct Messages<'a> {
    file: &'a SourceFile,
    reader: Box<dyn Read + Send>,
    is_file: bool,
}

/// A message: eight bytes, its description, its data.
struct Message {
    bytes: Buffer,
    /// How many bytes stand before the data.
    head: usize,
    kind: MessageHeader,
    version: MetadataVersion,
}

impl Messages<'_> {
    /// Finds out whether it is a file or a stream.
    fn begin<'a>(file: &'a SourceFile, mut reader: Box<dyn Read + Send>) -> Result<Messages<'a>, FormatError> {
        let mut first = Vec::new();
        (&mut reader).take(MAGIC.len() as u64).read_to_end(&mut first).map_err(|error| file.failed(error))?;
        if first.is_empty() {
            return Err(FormatError::empty(file));
        }
        if first.starts_with(FEATHER_1) {
            let reason = "it is of the first version of Feather, which is not supported: write it anew as version 2";
            return Err(FormatError::broken(file, FORMAT, reason));
        }
        match first == MAGIC {
            true => Ok(Messages { file, reader, is_file: true }),
            false => Ok(Messages { file, reader: Box::new(Cursor::new(first).chain(reader)), is_file: false }),
        }
    }

    fn schema(&mut self) -> Result<SchemaRef, FormatError> {
        let mut message = self.next_message()?;
        // What a file begins with may be filled up with zeros further than it has to be.
        for _ in 0..if self.is_file { MOST_ZEROS } else { 0 } {
            if message.is_none() {
                message = self.next_message()?;
            }
        }
        let message = message.ok_or_else(|| self.truncated())?;
        if message.kind != MessageHeader::Schema {
            return Err(FormatError::broken(self.file, FORMAT, "it does not begin with a schema"));
        }
        let schema = guarded(self.file, FORMAT, || {
            try_schema_from_ipc_buffer(&message.bytes).map_err(|error| self.broken(error))
        })?;
        Ok(Arc::new(schema))
    }

    /// Reads the chosen columns up to a number of rows.
    fn batches(
        &mut self,
        schema: &SchemaRef,
        chosen: &[usize],
        n_rows: Option<usize>,
    ) -> Result<Vec<RecordBatch>, FormatError> {
        let mut left = n_rows.unwrap_or(usize::MAX);
        let (mut batches, mut decoder) = (Vec::new(), None);
        while left > 0 {
            let Some(message) = self.next_message()? else { break };
            let decoder = decoder.get_or_insert_with(|| {
                FileDecoder::new(Arc::clone(schema), message.version).with_projection(chosen.to_vec())
            });
            let block = Block::new(0, message.head as i32, (message.bytes.len() - message.head) as i64);
            match message.kind {
                MessageHeader::DictionaryBatch => guarded(self.file, FORMAT, || {
                    self.check_sizes(&message)?;
                    decoder.read_dictionary(&block, &message.bytes).map_err(|error| self.broken(error))
                })?,
                _ => {
                    let batch = guarded(self.file, FORMAT, || {
                        self.check_sizes(&message)?;
                        decoder.read_record_batch(&block, &message.bytes).map_err(|error| self.broken(error))
                    })?;
                    let Some(batch) = batch else { continue };
                    let batch = batch.slice(0, batch.num_rows().min(left));
                    left -= batch.num_rows();
                    batches.push(batch);
                }
            }
        }
        Ok(batches)
    }

    /// Checks that the columns of a message lie within it, and how large they become.
    fn check_sizes(&self, message: &Message) -> Result<(), FormatError> {
        let (head, body) = message.bytes.split_at(message.head);
        let head = root_as_message(&head[PREFIX..]).map_err(|error| self.broken(error.to_string()))?;
        let batch = match message.kind {
            MessageHeader::DictionaryBatch => head.header_as_dictionary_batch().and_then(|batch| batch.data()),
            _ => head.header_as_record_batch(),
        };
        let Some(batch) = batch else { return Ok(()) };
        for buffer in batch.buffers().into_iter().flatten() {
            let range = usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
            let part = range.and_then(|(start, length)| body.get(start..start.checked_add(length)?));
            let part = part.ok_or_else(|| self.truncated())?;
            let size = part.first_chunk().map_or(0, |size| i64::from_le_bytes(*size));
            let Ok(size) = u64::try_from(size) else { continue };
            let most = (part.len() as u64).saturating_mul(MAX_RATIO).clamp(ANY_RATIO, MOST_DATA);
            if batch.compression().is_some() && size > most {
                return Err(self.too_large(size, most));
            }
        }
        Ok(())
    }

    /// Returns the next message; nothing at the end.
    fn next_message(&mut self) -> Result<Option<Message>, FormatError> {
        let Some(length) = self.length()? else { return Ok(None) };
        if length > MOST_DESCRIPTION {
            return Err(self.broken(format!("a message is said to have a description of {length} bytes")));
        }
        let mut bytes = Vec::from(CONTINUATION);
        bytes.extend(length.to_le_bytes());
        self.append(&mut bytes, u64::from(length))?;
        let head = bytes.len();
        let described = root_as_message(&bytes[PREFIX..]).map_err(|error| self.broken(error.to_string()))?;
        let (kind, version) = (described.header_type(), described.version());
        let size = u64::try_from(described.bodyLength()).unwrap_or(u64::MAX);
        if size > MOST_DATA {
            return Err(self.too_large(size, MOST_DATA));
        }
        self.append(&mut bytes, size)?;
        Ok(Some(Message { bytes: bytes.into(), head, kind, version }))
    }

    /// Returns the length of the next description; nothing at the end.
    fn length(&mut self) -> Result<Option<u32>, FormatError> {
        let mut word = Vec::new();
        (&mut self.reader).take(4).read_to_end(&mut word).map_err(|error| self.file.failed(error))?;
        // A stream may end without saying so.
        if word.is_empty() && !self.is_file {
            return Ok(None);
        }
        if word == CONTINUATION {
            word.clear();
            self.append(&mut word, 4)?;
        }
        match <[u8; 4]>::try_from(word).map(u32::from_le_bytes) {
            Ok(0) => Ok(None),
            Ok(length) => Ok(Some(length)),
            Err(_) => Err(self.truncated()),
        }
    }

    /// Reads so many bytes, for which memory is taken as they come.
    fn append(&mut self, bytes: &mut Vec<u8>, length: u64) -> Result<(), FormatError> {
        let read = (&mut self.reader).take(length).read_to_end(bytes).map_err(|error| self.file.failed(error))?;
        if (read as u64) < length { Err(self.truncated()) } else { Ok(()) }
    }

    fn broken(&self, error: impl Into<Box<dyn Error + Send + Sync>>) -> FormatError {
        FormatError::broken(self.file, FORMAT, error)
    }

    fn truncated(&self) -> FormatError {
        FormatError::Truncated { file: self.file.name().to_owned(), format: FORMAT }
    }

    fn too_large(&self, found: u64, most: u64) -> FormatError {
        FormatError::TooLarge { file: self.file.name().to_owned(), found, most }
    }
}

#[cfg(test)]
mod tests;
