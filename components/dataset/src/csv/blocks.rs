//! Hands out a file in blocks of whole rows.
//!
//! Reading and finding the ends of blocks goes on in the order of the file; whoever takes a block may work on it beside
//! others. Most blocks have no quote, no escape and no comment in them, so that every line end in them ends a row: those
//! are split into fields by who takes them. The others, and all blocks of a file of which only some lines are wanted,
//! are split here, where the number of each line is known.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};

use memchr::{memchr2, memchr2_iter, memrchr};
use palladium_component::prelude::*;

use super::block::{Block, Shape, Unsplit};
use super::dialect::{Dialect, Fields, MAX_FIELDS, Separator, Taken, Untaken, breaks};
use super::encoding::Undecodable;
use super::error::{CsvError, Place};
use super::layout::Layout;
use super::load::Effort;
use super::options::{BadLines, Options, SeparatorOption, SkippedLines};
use super::sniff;
use crate::source::SourceFile;

/// The longest line, in bytes.
const MAX_LINE: usize = 128 << 20;

/// A file that is handed out in blocks.
pub(crate) struct Blocks<'a> {
    input: Box<dyn Read + Send>,
    source: &'a SourceFile,
    file: &'a str,
    dialect: Dialect,
    skipped: Option<&'a SkippedLines>,
    rows_left: Option<usize>,
    n_footer_lines: usize,
    shape: Shape,
    /// About how long a block is.
    size: usize,
    /// How many fields a block of several rows has at most.
    most_fields: usize,
    n_blocks: usize,
    carry: Vec<u8>,
    is_exhausted: bool,
    is_done: bool,
    line: u64,
    /// The number of the next line from 0, as `skiprows` counts them.
    number: u64,
}

impl<'a> Blocks<'a> {
    /// Reads the beginning of a file: the header row and the first row, which the block then holds.
    pub(crate) fn open(
        input: Box<dyn Read + Send>,
        options: &Options<'a>,
        source: &'a SourceFile,
        effort: Effort,
        block: &mut Block,
    ) -> Result<(Blocks<'a>, Layout), CsvError> {
        let placeholder = Separator::Whitespace;
        let separator = match options.separator {
            SeparatorOption::Given(separator) => separator,
            SeparatorOption::Detect => &placeholder,
        };
        let mut blocks = Blocks {
            input: options.encoding.decoded(input),
            source,
            file: source.name(),
            dialect: options.dialect(separator),
            skipped: options.skiprows,
            rows_left: options.nrows,
            n_footer_lines: options.skipfooter,
            shape: Shape { n_fields: usize::MAX, on_bad_lines: options.on_bad_lines },
            size: effort.block_size,
            most_fields: effort.most_fields,
            n_blocks: 0,
            carry: Vec::new(),
            is_exhausted: false,
            is_done: false,
            line: 1,
            number: 0,
        };
        block.clear();
        blocks.read(block)?;
        let mut at = if block.bytes[..block.length].starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        if let SeparatorOption::Detect = options.separator {
            blocks.dialect.separator = blocks.detect(block, at)?;
        }
        let layout = blocks.read_first_rows(options, block, &mut at)?;
        blocks.keep(block, at);
        blocks.hand_out(block);
        Ok((blocks, layout))
    }

    /// Tells whether all of the file was read at once.
    pub(crate) fn is_small(&self) -> bool {
        self.is_exhausted
    }

    /// Returns how many fields rows have to have.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Finds out what separates the fields of the first line that is not skipped.
    fn detect(&mut self, block: &mut Block, start: usize) -> Result<Separator, CsvError> {
        let (mut at, mut number) = (start, self.number);
        loop {
            let found = memchr2(b'\n', b'\r', &block.bytes[at..block.length]);
            if found.is_none() && !self.is_exhausted {
                self.check_length(block.length - at)?;
                self.read_more(block)?;
                continue;
            }
            let end = found.map_or(block.length, |found| at + found);
            let line = &block.bytes[at..end];
            let is_comment = self.dialect.comment.is_some_and(|comment| line.first() == Some(&comment));
            if !line.trim_ascii().is_empty() && !is_comment && !self.is_skipped(number)? {
                let place = || Place { file: self.file.to_owned(), line: 1 + breaks(&block.bytes[start..at]) };
                let line = String::from_utf8_lossy(line);
                let separator = sniff::separator(&line).ok_or_else(|| CsvError::NoSeparator { place: place() })?;
                return Ok(Separator::Text(separator.to_string().into_bytes().into()));
            }
            if end == block.length {
                return Err(CsvError::Empty { file: self.file.to_owned() });
            }
            number += 1;
            at = end + if block.bytes[end..block.length].starts_with(b"\r\n") { 2 } else { 1 };
        }
    }

    /// Reads up to the first row, which is left in the block, and lays the columns out; those of a header where no row
    /// follows it.
    fn read_first_rows(
        &mut self,
        options: &Options<'_>,
        block: &mut Block,
        at: &mut usize,
    ) -> Result<Layout, CsvError> {
        let header = match options.header_row() {
            Some(row) => Some(self.read_header(row, block, at)?),
            None => None,
        };
        let mut error = None;
        while let Some(line) = self.advance(block, at)? {
            let n_fields = block.fields.bounds.len();
            let place = Place { file: self.file.to_owned(), line };
            let layout = match Layout::new(options, header.clone(), n_fields, &place) {
                Err(bad @ CsvError::Ragged { .. }) if options.on_bad_lines != BadLines::Error => {
                    block.rows.bad.push((line, n_fields));
                    block.fields.clear();
                    error = Some(bad);
                    continue;
                }
                layout => layout,
            };
            if self.is_in_footer(block, *at)? {
                block.fields.clear();
                break;
            }
            let layout = layout?;
            self.shape.n_fields = layout.n_fields;
            self.finish_row(block, 0, line)?;
            return Ok(layout);
        }
        let Some((place, names)) = header else {
            return Err(error.unwrap_or_else(|| CsvError::Empty { file: self.file.to_owned() }));
        };
        let n_fields = names.len();
        let layout = Layout::new(options, Some((place.clone(), names)), n_fields, &place)?;
        self.shape.n_fields = layout.n_fields;
        Ok(layout)
    }

    /// Returns the names in the row that holds them, and its place.
    fn read_header(&mut self, row: usize, block: &mut Block, at: &mut usize) -> Result<(Place, Vec<String>), CsvError> {
        let file = || self.file.to_owned();
        for found in 0..=row {
            block.fields.clear();
            let Some(line) = self.advance(block, at)? else {
                return Err(match row {
                    0 => CsvError::Empty { file: file() },
                    _ => CsvError::NoHeader { file: file(), header: row, found },
                });
            };
            if found == row {
                let place = Place { file: file(), line };
                let name = |(field, (start, end)): (usize, &(u32, u32))| {
                    let name = block.fields.text[*start as usize..*end as usize].to_vec();
                    String::from_utf8(name).map_err(|_| CsvError::NotUtf8 { place: place.clone(), field: field + 1 })
                };
                let names = block.fields.bounds.iter().enumerate().map(name).collect::<Result<_, _>>()?;
                block.fields.clear();
                return Ok((place, names));
            }
        }
        Err(CsvError::Empty { file: file() })
    }

    /// Fills a block with the next rows; tells whether there are any lines left.
    pub(crate) fn next(&mut self, block: &mut Block) -> Result<bool, CsvError> {
        block.clear();
        if self.is_done || self.rows_left == Some(0) {
            return Ok(false);
        }
        self.read(block)?;
        if block.length == 0 {
            return Ok(false);
        }
        match self.dialect.plain_separator().filter(|_| !self.needs_numbers()) {
            Some(separator) if self.dialect.is_plain(&block.bytes[..block.length]) => {
                self.cut_plain(block, separator)?;
            }
            _ => self.split(block)?,
        }
        self.hand_out(block);
        Ok(true)
    }

    /// Returns the index that the block after the last one has.
    pub(crate) fn next_index(&self) -> usize {
        self.n_blocks
    }

    fn hand_out(&mut self, block: &mut Block) {
        block.index = self.n_blocks;
        self.n_blocks += 1;
    }

    /// Tells whether it matters which number lines have.
    fn needs_numbers(&self) -> bool {
        let skips = match self.skipped {
            None => false,
            Some(SkippedLines::First(count)) => self.number < *count,
            Some(SkippedLines::Numbers(numbers)) => numbers.last().is_some_and(|last| self.number <= *last),
            Some(SkippedLines::Chosen(_)) => true,
        };
        skips || self.rows_left.is_some() || self.n_footer_lines > 0
    }

    /// Ends a block without quotes after its last line.
    fn cut_plain(&mut self, block: &mut Block, separator: u8) -> Result<(), CsvError> {
        let cut = loop {
            let text = &block.bytes[..block.length];
            if self.is_exhausted {
                break block.length;
            }
            // After a carriage return at the end of the text a newline may follow.
            let before_last = text.len().saturating_sub(1);
            if let Some(end) = memrchr(b'\n', text).or_else(|| memrchr(b'\r', &text[..before_last])) {
                break end + 1;
            }
            self.check_length(block.length)?;
            self.read_more(block)?;
            if !self.dialect.is_plain(&block.bytes[..block.length]) {
                return self.split(block);
            }
        };
        block.unsplit = Some(Unsplit { separator, line: self.line });
        let text = &block.bytes[..cut];
        let (n_lines, most) = (breaks(text), (self.most_fields / self.shape.n_fields.max(1)).max(1));
        let (cut, n_lines) = match n_lines > most as u64 {
            true => (end_of_lines(text, most), most as u64),
            false => (cut, n_lines),
        };
        self.line += n_lines;
        self.keep(block, cut);
        Ok(())
    }

    /// Splits the whole lines of a block into fields.
    fn split(&mut self, block: &mut Block) -> Result<(), CsvError> {
        let limit = self.footer_start(block)?;
        let mut at = 0;
        while at < limit && self.rows_left != Some(0) {
            let first = block.fields.bounds.len();
            if first > 0 && first + self.shape.n_fields > self.most_fields {
                break;
            }
            let line = self.line;
            match self.take_line(block, at, limit)? {
                Some((end, is_row)) => {
                    at = end;
                    if is_row {
                        self.finish_row(block, first, line)?;
                    }
                }
                None if at > 0 => break,
                None => self.read_more(block)?,
            }
            if at == 0 {
                // The line was too long for the block, of which there is more now.
                return self.split(block);
            }
        }
        if at == limit && limit < block.length && self.is_exhausted {
            self.is_done = true;
        }
        self.keep(block, at);
        Ok(())
    }

    /// Tells whether the row that ends at a place is in the footer.
    fn is_in_footer(&mut self, block: &mut Block, end: usize) -> Result<bool, CsvError> {
        while self.n_footer_lines > 0 && self.footer_start(block)? < end {
            if self.is_exhausted {
                return Ok(true);
            }
            self.read_more(block)?;
        }
        Ok(false)
    }

    /// Returns where the last lines begin that may be the footer; the end of the block if there is none.
    fn footer_start(&mut self, block: &mut Block) -> Result<usize, CsvError> {
        if self.n_footer_lines == 0 {
            return Ok(block.length);
        }
        loop {
            let text = &block.bytes[..block.length];
            let mut starts = VecDeque::new();
            let (mut at, mut scratch) = (0, Fields::default());
            while at < text.len() {
                scratch.clear();
                let Ok(Taken { end, .. }) = self.dialect.take(text, at, self.is_exhausted, &mut scratch) else { break };
                starts.push_back(at);
                if starts.len() > self.n_footer_lines {
                    starts.pop_front();
                }
                at = end;
            }
            let start = starts.front().copied().unwrap_or(0);
            if start > 0 || self.is_exhausted {
                return Ok(start);
            }
            self.check_length(block.length)?;
            self.read_more(block)?;
        }
    }

    /// Takes rows until one is no blank or skipped line, and returns its physical line; nothing at the end.
    fn advance(&mut self, block: &mut Block, at: &mut usize) -> Result<Option<u64>, CsvError> {
        loop {
            if *at == block.length && self.is_exhausted {
                return Ok(None);
            }
            let line = self.line;
            match self.take_line(block, *at, block.length)? {
                None => self.read_more(block)?,
                Some((end, is_row)) => {
                    *at = end;
                    if is_row {
                        return Ok(Some(line));
                    }
                }
            }
        }
    }

    /// Takes the line at a place of the block, and tells where the next one begins and whether it is a row; nothing if
    /// the block ends within it.
    fn take_line(&mut self, block: &mut Block, at: usize, limit: usize) -> Result<Option<(usize, bool)>, CsvError> {
        let text = &block.bytes[..limit];
        // What a footer follows is whole.
        let is_last = self.is_exhausted || limit < block.length;
        if at == text.len() && !is_last {
            return Ok(None);
        }
        let (n_bytes, n_fields) = (block.fields.text.len(), block.fields.bounds.len());
        let is_skipped = self.is_skipped(self.number)?;
        let taken = match is_skipped {
            true => self.dialect.take_skipped(text, at, is_last),
            false => self.dialect.take(text, at, is_last, &mut block.fields),
        };
        match taken {
            Ok(taken) => {
                self.line += taken.n_breaks;
                self.number += 1;
                Ok(Some((taken.end, !taken.is_blank)))
            }
            Err(Untaken::TooManyFields) => Err(CsvError::TooManyFields { place: self.place(), limit: MAX_FIELDS }),
            Err(Untaken::Incomplete(quote)) => {
                let field = block.fields.bounds.len() - n_fields;
                block.fields.truncate(n_bytes, n_fields);
                match quote {
                    Some(quote) if is_last || limit - at > MAX_LINE => {
                        let place = Place { line: self.line + breaks(&text[at..quote]), ..self.place() };
                        Err(CsvError::UnterminatedQuote { place, field: field + 1 })
                    }
                    _ => self.check_length(limit - at).map(|()| None),
                }
            }
        }
    }

    fn check_length(&self, length: usize) -> Result<(), CsvError> {
        match length > MAX_LINE {
            true => Err(CsvError::RowTooLong { place: self.place(), mebibytes: MAX_LINE >> 20 }),
            false => Ok(()),
        }
    }

    /// Makes what was taken of a line a row.
    fn finish_row(&mut self, block: &mut Block, first: usize, line: u64) -> Result<(), CsvError> {
        match self.shape.fit(&mut block.fields.bounds, first, line, &mut block.rows) {
            Ok(is_row) => {
                self.rows_left = self.rows_left.map(|rows| rows - usize::from(is_row));
                Ok(())
            }
            Err(found) => {
                let place = Place { file: self.file.to_owned(), line };
                Err(CsvError::Ragged { place, found, expected: self.shape.n_fields })
            }
        }
    }

    fn is_skipped(&self, number: u64) -> Result<bool, CsvError> {
        Ok(match self.skipped {
            None => false,
            Some(SkippedLines::First(count)) => number < *count,
            Some(SkippedLines::Numbers(numbers)) => numbers.binary_search(&number).is_ok(),
            Some(SkippedLines::Chosen(function)) => {
                let argument = Value::new(Data::Int(number as i64), Span::nowhere("a line number"));
                let answer = function.call(vec![argument]);
                let failed =
                    |reason: String| CsvError::Function { place: self.place().to_string(), option: "skiprows", reason };
                let answer = answer.map_err(|finding| failed(super::error::finding_text(&finding)))?;
                let wrong = || failed(format!("returned {}, where a flag is needed", answer.describe()));
                answer.as_bool().ok_or_else(wrong)?
            }
        })
    }

    fn place(&self) -> Place {
        Place { file: self.file.to_owned(), line: self.line }
    }

    /// Keeps the end of a block for the next one.
    fn keep(&mut self, block: &mut Block, from: usize) {
        self.carry.clear();
        self.carry.extend_from_slice(&block.bytes[from..block.length]);
        block.length = from;
    }

    /// Fills a block with what was kept and what comes next.
    fn read(&mut self, block: &mut Block) -> Result<(), CsvError> {
        let length = self.carry.len();
        let size = self.size.max(2 * length);
        if block.bytes.len() < size {
            block.bytes.resize(size, 0);
        }
        block.bytes[..length].copy_from_slice(&self.carry);
        self.carry.clear();
        block.length = length;
        self.read_to(block, size)
    }

    /// Makes a block twice as long.
    fn read_more(&mut self, block: &mut Block) -> Result<(), CsvError> {
        let size = (2 * block.length).max(self.size);
        if block.bytes.len() < size {
            block.bytes.resize(size, 0);
        }
        self.read_to(block, size)
    }

    fn read_to(&mut self, block: &mut Block, size: usize) -> Result<(), CsvError> {
        while block.length < size && !self.is_exhausted {
            match self.input.read(&mut block.bytes[block.length..size]) {
                Ok(0) => self.is_exhausted = true,
                Ok(read) => block.length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(reason) => return Err(self.unreadable(reason)),
            }
        }
        Ok(())
    }

    fn unreadable(&self, reason: std::io::Error) -> CsvError {
        match reason.get_ref().and_then(|reason| reason.downcast_ref::<Undecodable>()) {
            Some(Undecodable { line, encoding }) => {
                CsvError::Undecodable { place: Place { line: *line, ..self.place() }, encoding }
            }
            None => self.source.failed(reason).into(),
        }
    }
}

/// Returns the place after so many physical lines of a text that has more of them.
fn end_of_lines(text: &[u8], n_lines: usize) -> usize {
    let ends = memchr2_iter(b'\n', b'\r', text).filter(|at| text[*at] == b'\n' || text.get(at + 1) != Some(&b'\n'));
    ends.map(|at| at + 1).nth(n_lines - 1).unwrap_or(text.len())
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
