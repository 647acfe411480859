//! Splits a file into lines of fields and knows the physical line of each.
//!
//! A line ends with `\n`, `\r\n` or `\r` outside quotes. Splitting a line is csv-core's work. Blank lines, which it
//! swallows, are found before it sees them, because `skiprows` counts them.

use std::io::Read;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::error::{CsvError, Place};

/// How much is read from the file at once.
const CHUNK: usize = 1 << 17;
/// The longest line, in bytes without its quotes.
const MAX_LINE: usize = 64 << 20;
/// The greatest number of fields in a line.
const MAX_FIELDS: usize = 1 << 17;

/// What [`Lines::advance`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without fields.
    Blank,
    /// A line of fields, which [`Lines::text`] and [`Lines::ends`] hold.
    Fields,
    /// The end of the file.
    End,
}

/// A file as lines of fields.
pub(crate) struct Lines<R> {
    input: R,
    file: String,
    chunk: Vec<u8>,
    position: usize,
    filled: usize,
    splitter: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    n_bytes: usize,
    n_fields: usize,
    line: u64,
    next_line: u64,
}

impl<R: Read> Lines<R> {
    /// Returns the lines of an input whose name errors show. A byte order mark at its start is left out.
    pub(crate) fn new(input: R, file: &str, separator: u8) -> Result<Lines<R>, CsvError> {
        let mut lines = Lines {
            input,
            file: file.to_owned(),
            chunk: vec![0; CHUNK],
            position: 0,
            filled: 0,
            splitter: ReaderBuilder::new().delimiter(separator).build(),
            text: vec![0; 1 << 10],
            ends: vec![0; 1 << 6],
            n_bytes: 0,
            n_fields: 0,
            line: 1,
            next_line: 1,
        };
        lines.skip_byte_order_mark()?;
        Ok(lines)
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), CsvError> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        while self.filled < MARK.len() {
            let read = self.read(self.filled)?;
            if read == 0 {
                return Ok(());
            }
            self.filled += read;
        }
        if self.chunk.starts_with(MARK) {
            self.position = MARK.len();
        }
        Ok(())
    }

    fn read(&mut self, at: usize) -> Result<usize, CsvError> {
        loop {
            match self.input.read(&mut self.chunk[at..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(reason) => return Err(CsvError::Unreadable { file: self.file.clone(), reason }),
                Ok(read) => return Ok(read),
            }
        }
    }

    /// Returns the next byte without taking it; nothing at the end of the file.
    fn peek(&mut self) -> Result<Option<u8>, CsvError> {
        if self.position == self.filled {
            self.position = 0;
            self.filled = self.read(0)?;
        }
        Ok(self.chunk[..self.filled].get(self.position).copied())
    }

    /// Goes to the next line.
    pub(crate) fn advance(&mut self) -> Result<Line, CsvError> {
        self.line = self.next_line;
        (self.n_bytes, self.n_fields) = (0, 0);
        match self.peek()? {
            None => return Ok(Line::End),
            Some(byte @ (b'\n' | b'\r')) => {
                self.position += 1;
                self.end_line(byte)?;
                return Ok(Line::Blank);
            }
            Some(_) => {}
        }
        let taken = self.split_line()?;
        self.next_line += breaks(&self.text[..self.n_bytes]);
        // White space alone is blank, unless it stood in quotes: those were taken as well.
        let is_blank = self.n_fields == 1
            && taken == self.n_bytes + 1
            && self.text[..self.n_bytes].iter().all(|byte| matches!(byte, b' ' | b'\t'));
        Ok(if is_blank { Line::Blank } else { Line::Fields })
    }

    /// Splits one line and returns how many bytes it took, the end of the line counting as one.
    fn split_line(&mut self) -> Result<usize, CsvError> {
        let (mut taken, mut at_end) = (0, false);
        loop {
            at_end = at_end || self.peek()?.is_none();
            // The end of the file ends a line, except within quotes.
            let input = if at_end { b"\n" } else { &self.chunk[self.position..self.filled] };
            let (text, ends) = (&mut self.text[self.n_bytes..], &mut self.ends[self.n_fields..]);
            let (result, n_input, n_bytes, n_fields) = self.splitter.read_record(input, text, ends);
            let last = n_input.checked_sub(1).and_then(|last| input.get(last)).copied();
            taken += n_input;
            self.n_bytes += n_bytes;
            self.n_fields += n_fields;
            if !at_end {
                self.position += n_input;
            }
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => {
                    self.end_line(last.unwrap_or(b'\n'))?;
                    return Ok(taken);
                }
                ReadRecordResult::InputEmpty if at_end => return Err(self.unterminated_quote()),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.grow_text()?,
                ReadRecordResult::OutputEndsFull => self.grow_ends()?,
            }
        }
    }

    /// Counts the line that a byte ended, and takes the second byte of `\r\n`.
    fn end_line(&mut self, byte: u8) -> Result<(), CsvError> {
        if byte == b'\r' && self.peek()? == Some(b'\n') {
            self.position += 1;
        }
        self.next_line += 1;
        Ok(())
    }

    fn grow_text(&mut self) -> Result<(), CsvError> {
        if self.text.len() < MAX_LINE {
            self.text.resize(self.text.len() * 2, 0);
            return Ok(());
        }
        // Only quotes let a field go on over several lines.
        Err(match breaks(self.unfinished()) {
            0 => CsvError::RowTooLong { place: self.place(self.line), mebibytes: MAX_LINE >> 20 },
            _ => self.unterminated_quote(),
        })
    }

    fn grow_ends(&mut self) -> Result<(), CsvError> {
        if self.ends.len() >= MAX_FIELDS {
            return Err(CsvError::TooManyFields { place: self.place(self.line), limit: MAX_FIELDS });
        }
        self.ends.resize(self.ends.len() * 2, 0);
        Ok(())
    }

    fn unfinished(&self) -> &[u8] {
        let start = self.ends[..self.n_fields].last().copied().unwrap_or(0);
        &self.text[start..self.n_bytes]
    }

    fn unterminated_quote(&self) -> CsvError {
        let start = self.n_bytes - self.unfinished().len();
        let place = self.place(self.line + breaks(&self.text[..start]));
        CsvError::UnterminatedQuote { place, field: self.n_fields + 1 }
    }

    fn place(&self, line: u64) -> Place {
        Place { file: self.file.clone(), line }
    }

    /// Returns the name of the file.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Returns the physical line, from 1, on which the current line begins.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Returns the fields of the current line, one after the other.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text[..self.n_bytes]
    }

    /// Returns where each field ends in the text.
    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends[..self.n_fields]
    }
}

/// Counts the line breaks in a text.
pub(crate) fn breaks(text: &[u8]) -> u64 {
    // Nearly all texts have none, and this loop is fast at finding that out.
    let candidates = text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    if candidates == 0 {
        return 0;
    }
    let pairs = text.windows(2).filter(|pair| *pair == b"\r\n").count();
    (candidates - pairs) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time, so that every boundary lies between two reads.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    /// Lines by number; a blank one has no fields.
    type Split = Vec<(u64, Option<Vec<String>>)>;

    fn split(input: impl Read) -> Result<Split, String> {
        let mut lines = Lines::new(input, "x.csv", b',').unwrap();
        let mut found = Vec::new();
        loop {
            let fields = match lines.advance().map_err(|error| error.to_string())? {
                Line::End => return Ok(found),
                Line::Blank => None,
                Line::Fields => {
                    let starts = std::iter::once(0).chain(lines.ends().iter().copied());
                    let ranges = starts.zip(lines.ends().iter().copied());
                    Some(
                        ranges
                            .map(|(start, end)| String::from_utf8(lines.text()[start..end].to_vec()).unwrap())
                            .collect(),
                    )
                }
            };
            found.push((lines.line(), fields));
        }
    }

    fn check(text: &str, expected: &[(u64, &[&str])]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, fields)| {
                let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
                (*line, (!fields.is_empty()).then_some(fields))
            })
            .collect();
        assert_eq!(split(text.as_bytes()).unwrap(), expected, "{text:?}");
        assert_eq!(split(Trickle(text.as_bytes())).unwrap(), expected, "{text:?} byte by byte");
    }

    #[test]
    fn knows_lines_and_fields() {
        check("", &[]);
        check("\u{feff}", &[]);
        check("\u{feff}a,b\n1,2", &[(1, &["a", "b"]), (2, &["1", "2"])]);
        check("a\r\nb\rc\n", &[(1, &["a"]), (2, &["b"]), (3, &["c"])]);
        check("a\r\r\n\n\rb", &[(1, &["a"]), (2, &[]), (3, &[]), (4, &[]), (5, &["b"])]);
        check("\n \t\n\" \"\n\"\"\n", &[(1, &[]), (2, &[]), (3, &[" "]), (4, &[""])]);
        check("\"a\r\nb\",\"c\n\rd\"\nx", &[(1, &["a\r\nb", "c\n\rd"]), (5, &["x"])]);
        check("\"a\"\"b\"c,d\"e\" \n , ", &[(1, &["a\"bc", "d\"e\" "]), (2, &[" ", " "])]);
        check("a,", &[(1, &["a", ""])]);
        check("  ", &[(1, &[])]);
    }

    #[test]
    fn tells_where_a_quote_was_opened() {
        let cases = [
            ("a,\"b", "`x.csv`, line 1: the quote that opens field 2 is never closed"),
            ("a\n\"b\nc\",\"d\n", "`x.csv`, line 3: the quote that opens field 2 is never closed"),
            ("\"", "`x.csv`, line 1: the quote that opens field 1 is never closed"),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text.as_bytes()).unwrap_err(), expected, "{text:?}");
            assert_eq!(split(Trickle(text.as_bytes())).unwrap_err(), expected, "{text:?} byte by byte");
        }
    }

    #[test]
    fn lines_are_bounded() {
        let fields = ",".repeat(MAX_FIELDS * 2);
        assert_eq!(split(fields.as_bytes()).unwrap_err(), "`x.csv`, line 1: the row has more than 131072 fields");
        let long = std::io::repeat(b'x').take(MAX_LINE as u64 + 1);
        assert_eq!(split(long).unwrap_err(), "`x.csv`, line 1: the row is longer than 64 MiB");
        let quoted = (&b"a\nb,\"\n"[..]).chain(std::io::repeat(b'x'));
        assert_eq!(split(quoted).unwrap_err(), "`x.csv`, line 2: the quote that opens field 2 is never closed");
    }
}
