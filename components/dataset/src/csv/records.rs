//! The rows of a file: its lines without the blank and the skipped ones, as checked text.

use std::io::Read;

use super::error::{CsvError, Place};
use super::lines::{Line, Lines, breaks};
use super::options::{Options, SkippedLines};

/// The rows of a file, header rows included.
pub(crate) struct Records<'a, R> {
    lines: Lines<R>,
    skipped: Option<&'a SkippedLines>,
    next_number: u64,
}

/// One row.
pub(crate) struct Record<'a> {
    file: &'a str,
    line: u64,
    text: &'a str,
    ends: &'a [usize],
}

impl<'a, R: Read> Records<'a, R> {
    /// Returns the rows of an input.
    pub(crate) fn new(input: R, options: &Options<'a>) -> Result<Records<'a, R>, CsvError> {
        let lines = Lines::new(input, options.path, options.separator.0)?;
        Ok(Records { lines, skipped: options.skiprows, next_number: 0 })
    }

    /// Returns the next row; nothing at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Record<'_>>, CsvError> {
        loop {
            let line = self.lines.advance()?;
            let number = self.next_number;
            self.next_number += 1;
            match line {
                Line::End => return Ok(None),
                Line::Fields if !self.skipped.is_some_and(|skipped| skipped.contains(number)) => break,
                Line::Fields | Line::Blank => {}
            }
        }
        Record::of(&self.lines).map(Some)
    }
}

impl<'a> Record<'a> {
    fn of<R: Read>(lines: &'a Lines<R>) -> Result<Record<'a>, CsvError> {
        let (file, line, ends) = (lines.file(), lines.line(), lines.ends());
        let broken = |at: usize| {
            let field = ends.iter().take_while(|end| **end <= at).count();
            let start = field.checked_sub(1).map_or(0, |before| ends[before]);
            let place = Place { file: file.to_owned(), line: line + breaks(&lines.text()[..start]) };
            CsvError::NotUtf8 { place, field: field + 1 }
        };
        let text = std::str::from_utf8(lines.text()).map_err(|error| broken(error.valid_up_to()))?;
        // Two broken fields may look whole side by side.
        match ends.iter().find(|end| !text.is_char_boundary(**end)) {
            Some(end) => Err(broken(end - 1)),
            None => Ok(Record { file, line, text, ends }),
        }
    }

    /// Returns the number of fields.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// Returns a field.
    pub(crate) fn field(&self, index: usize) -> &'a str {
        &self.text[self.start(index)..self.ends[index]]
    }

    /// Returns all fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).map(|index| self.field(index))
    }

    /// Returns the place of the row.
    pub(crate) fn place(&self) -> Place {
        Place { file: self.file.to_owned(), line: self.line }
    }

    /// Returns the physical line where it begins, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Returns the place of a field: line breaks in quotes before it count.
    pub(crate) fn place_of(&self, index: usize) -> Place {
        let line = self.line + breaks(&self.text.as_bytes()[..self.start(index)]);
        Place { file: self.file.to_owned(), line }
    }
}
