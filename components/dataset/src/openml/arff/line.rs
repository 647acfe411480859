//! A line of an ARFF file, taken apart from left to right.

use std::borrow::Cow;

use super::ArffError;

/// A line and how far it was read.
#[derive(Clone)]
pub(super) struct Line<'a> {
    text: &'a str,
    number: u64,
    at: usize,
}

/// A value of a row.
pub(super) struct Cell<'a> {
    /// The value; nothing where it is missing.
    pub(super) value: Option<Cow<'a, str>>,
    /// Where it begins.
    start: usize,
}

impl<'a> Line<'a> {
    pub(super) fn new(text: &'a str, number: u64) -> Line<'a> {
        Line { text, number, at: 0 }
    }

    /// Returns what was not read yet.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Tells whether there is nothing more.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_spaces();
        self.rest().is_empty()
    }

    /// Skips a sign and tells whether it was there.
    pub(super) fn skip(&mut self, sign: char) -> bool {
        self.skip_spaces();
        let is_there = self.rest().starts_with(sign);
        if is_there {
            self.at += sign.len_utf8();
        }
        is_there
    }

    /// Returns everything up to the next space, brace or end.
    pub(super) fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|letter: char| letter.is_whitespace() || letter == '{').unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Returns a name: a word, or anything in quotes.
    pub(super) fn name(&mut self) -> Result<Cow<'a, str>, ArffError> {
        self.skip_spaces();
        match self.quoted()? {
            Some(name) => Ok(name),
            None => match self.word() {
                "" => Err(self.error("a name is expected")),
                word => Ok(Cow::Borrowed(word)),
            },
        }
    }

    /// Returns the next value of a row, nothing at the end. One behind another has a comma before it.
    pub(super) fn cell(&mut self, is_behind: bool) -> Result<Option<Cell<'a>>, ArffError> {
        if is_behind && !self.skip(',') {
            return Ok(None);
        }
        self.value(&[',']).map(Some)
    }

    /// Returns the value before one of these signs or the end.
    pub(super) fn value(&mut self, ends: &[char]) -> Result<Cell<'a>, ArffError> {
        self.skip_spaces();
        let start = self.at;
        if let Some(value) = self.quoted()? {
            self.skip_spaces();
            return match self.rest().is_empty() || self.rest().starts_with(ends) {
                true => Ok(Cell { value: Some(value), start }),
                false => Err(self.error("a comma is expected behind what stands in quotes")),
            };
        }
        let rest = self.rest();
        let length = rest.find(ends).unwrap_or(rest.len());
        self.at += length;
        let value = rest[..length].trim_end();
        Ok(Cell { value: (!matches!(value, "" | "?")).then_some(Cow::Borrowed(value)), start })
    }

    /// Returns what stands in quotes, if something does here.
    fn quoted(&mut self) -> Result<Option<Cow<'a, str>>, ArffError> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|letter| matches!(letter, '\'' | '"')) else { return Ok(None) };
        let mut value = Cow::Borrowed("");
        let mut letters = rest.char_indices().skip(1);
        // Where the part begins that was not appended yet.
        let mut part = 1;
        while let Some((at, letter)) = letters.next() {
            if letter == quote {
                append(&mut value, &rest[part..at]);
                self.at += at + 1;
                return Ok(Some(value));
            }
            if letter == '\\' {
                append(&mut value, &rest[part..at]);
                let Some((escaped_at, escaped)) = letters.next() else { break };
                part = escaped_at + escaped.len_utf8();
                value.to_mut().push(match escaped {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                });
            }
        }
        Err(self.error("the quote that opens here is never closed"))
    }

    /// Returns an error at where the line was read to.
    pub(super) fn error(&self, what: &str) -> ArffError {
        self.error_at(self.at, what)
    }

    /// Returns an error at a value.
    pub(super) fn error_in(&self, cell: &Cell<'_>, what: &str) -> ArffError {
        self.error_at(cell.start, what)
    }

    fn error_at(&self, at: usize, what: &str) -> ArffError {
        let column = self.text[..at].chars().count() + 1;
        ArffError { line: self.number, column, what: what.to_owned() }
    }
}

/// Appends a part of the line, which is borrowed as long as it is the only one.
fn append<'a>(value: &mut Cow<'a, str>, part: &'a str) {
    match value.is_empty() {
        true => *value = Cow::Borrowed(part),
        false => value.to_mut().push_str(part),
    }
}
