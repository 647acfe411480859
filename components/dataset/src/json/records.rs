//! The objects of a file, one after another.

use std::io::{BufRead, BufReader, Read};

use super::error::{JsonError, Place};
use crate::format::FormatError;
use crate::source::SourceFile;

/// How many bytes a row may have.
pub(super) const MOST_BYTES: usize = 256 << 20;

/// How many bytes are read at once.
const BUFFER: usize = 1 << 17;

/// What a file may begin with that is no part of its text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How the objects are written one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One a line.
    Lines,
    /// As an array.
    Array,
}

/// The text of one object, and where it begins.
pub(super) struct Record<'a> {
    pub(super) text: &'a [u8],
    pub(super) line: u64,
    pub(super) column: u64,
}

/// Finds the objects of a file.
pub(super) struct Records<'a> {
    file: &'a SourceFile,
    reader: BufReader<Box<dyn Read + Send>>,
    layout: Layout,
    text: Vec<u8>,
    /// Where the next byte stands, from 1.
    line: u64,
    column: u64,
    state: State,
    most_bytes: usize,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first byte of the file.
    Start,
    /// The start of the array.
    Open,
    /// An object or the end of the array.
    First,
    /// An object.
    Object,
    /// A comma or the end of the array.
    Comma,
    /// Nothing.
    End,
}

impl<'a> Records<'a> {
    /// Returns the objects of a file.
    pub(super) fn new(file: &'a SourceFile, reader: Box<dyn Read + Send>, layout: Layout) -> Records<'a> {
        let reader = BufReader::with_capacity(BUFFER, reader);
        Records {
            file,
            reader,
            layout,
            text: Vec::new(),
            line: 1,
            column: 1,
            state: State::Start,
            most_bytes: MOST_BYTES,
        }
    }

    /// Sets how many bytes a row may have.
    #[cfg(test)]
    pub(super) fn limited(self, most_bytes: usize) -> Records<'a> {
        Records { most_bytes, ..self }
    }

    /// Returns the next object; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, FormatError> {
        if self.state == State::Start {
            self.skip_mark()?;
        }
        match self.layout {
            Layout::Lines => self.next_line(),
            Layout::Array => self.next_element(),
        }
    }

    fn skip_mark(&mut self) -> Result<(), FormatError> {
        self.state = State::Open;
        let start = self.reader.fill_buf().map_err(|error| self.file.failed(error))?;
        if start.starts_with(BYTE_ORDER_MARK) {
            self.reader.consume(BYTE_ORDER_MARK.len());
        }
        Ok(())
    }

    fn next_line(&mut self) -> Result<Option<Record<'_>>, FormatError> {
        loop {
            self.text.clear();
            let line = self.line;
            let most = self.most_bytes as u64 + 1;
            let read = (&mut self.reader).take(most).read_until(b'\n', &mut self.text);
            let read = read.map_err(|error| self.file.failed(error))?;
            if read as u64 == most {
                return Err(JsonError::TooLong { place: self.place(line, 1), most: self.most_bytes }.into());
            }
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            self.text.truncate(self.text.trim_ascii_end().len());
            let Some(start) = self.text.iter().position(|byte| !byte.is_ascii_whitespace()) else { continue };
            let column = start as u64 + 1;
            if self.text[start] != b'{' {
                let is_array = self.text[start] == b'[';
                return Err(JsonError::NotAnObject { place: self.place(line, column), is_array }.into());
            }
            return Ok(Some(Record { text: &self.text[start..], line, column }));
        }
    }

    fn next_element(&mut self) -> Result<Option<Record<'_>>, FormatError> {
        if self.state == State::Open {
            match self.next_sign()? {
                Some(b'[') => {
                    self.step(b'[');
                    self.state = State::First;
                }
                None => return Err(FormatError::empty(self.file)),
                Some(_) => return Err(JsonError::NotAnArray { place: self.here() }.into()),
            }
        }
        loop {
            match (self.next_sign()?, self.state) {
                (None, State::End) => return Ok(None),
                (Some(_), State::End) => return Err(JsonError::Trailing { place: self.here() }.into()),
                (None, _) => return Err(JsonError::Open { place: self.here() }.into()),
                (Some(b']'), State::First | State::Comma) => {
                    self.step(b']');
                    self.state = State::End;
                }
                (Some(b','), State::Comma) => {
                    self.step(b',');
                    self.state = State::Object;
                }
                (Some(b'{'), State::First | State::Object) => break,
                (Some(_), State::Comma) => {
                    let reason = "expected `,` or `]`".to_owned();
                    return Err(JsonError::Syntax { place: self.here(), reason }.into());
                }
                _ => return Err(JsonError::NotAnObject { place: self.here(), is_array: false }.into()),
            }
        }
        let (line, column) = (self.line, self.column);
        self.read_object(line, column)?;
        self.state = State::Comma;
        Ok(Some(Record { text: &self.text, line, column }))
    }

    /// Reads up to the brace that closes the one that comes next.
    fn read_object(&mut self, line: u64, column: u64) -> Result<(), FormatError> {
        self.text.clear();
        let (mut depth, mut is_text, mut is_escaped) = (0_u64, false, false);
        loop {
            let bytes = self.reader.fill_buf().map_err(|error| self.file.failed(error))?;
            if bytes.is_empty() {
                return Err(JsonError::Open { place: self.here() }.into());
            }
            let mut end = None;
            for (index, byte) in bytes.iter().enumerate() {
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' if is_text => is_escaped = true,
                    b'"' => is_text = !is_text,
                    _ if is_text => {}
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            end = Some(index + 1);
                            break;
                        }
                    }
                    _ => {}
                }
            }
            let length = end.unwrap_or(bytes.len());
            if self.text.len() + length > self.most_bytes {
                return Err(JsonError::TooLong { place: self.place(line, column), most: self.most_bytes }.into());
            }
            self.text.extend_from_slice(&bytes[..length]);
            self.reader.consume(length);
            let read = &self.text[self.text.len() - length..];
            let breaks = read.iter().filter(|byte| **byte == b'\n').count();
            self.line += breaks as u64;
            self.column = match read.iter().rposition(|byte| *byte == b'\n') {
                Some(last) => (length - last) as u64,
                None => self.column + length as u64,
            };
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// Returns the next byte that is no white space, and leaves it there.
    fn next_sign(&mut self) -> Result<Option<u8>, FormatError> {
        loop {
            let bytes = self.reader.fill_buf().map_err(|error| self.file.failed(error))?;
            match bytes.first() {
                Some(byte) if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') => {
                    let byte = *byte;
                    self.step(byte);
                }
                byte => return Ok(byte.copied()),
            }
        }
    }

    /// Takes the next byte.
    fn step(&mut self, byte: u8) {
        self.reader.consume(1);
        match byte {
            b'\n' => (self.line, self.column) = (self.line + 1, 1),
            _ => self.column += 1,
        }
    }

    fn here(&self) -> Place {
        self.place(self.line, self.column)
    }

    fn place(&self, line: u64, column: u64) -> Place {
        Place { file: self.file.name().to_owned(), line, column }
    }
}
