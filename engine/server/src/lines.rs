//! The lines of a body that is read while it comes.

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, BytesMut};

/// A line of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Its text.
    Text(Bytes),
    /// It is longer than these bytes, which are allowed, and was skipped.
    TooLong(usize),
}

/// What came of a body so far: no more than one line that is not whole, and what came with its end.
pub struct Lines {
    buffer: BytesMut,
    /// Up to here there is no line break in the buffer.
    searched: usize,
    longest: usize,
    /// Whether the line that is being read is too long.
    is_skipping: bool,
    /// How many lines were taken out, blank ones counted.
    n_taken: u64,
    /// How many bytes of the body were read.
    n_read: u64,
    end: Option<End>,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As a body should.
    Whole,
    /// Before it was complete.
    Broken,
}

impl Lines {
    /// Returns the lines of a body, which are so many bytes long at most.
    pub fn new(longest: usize) -> Lines {
        let (buffer, searched, is_skipping, n_taken, n_read) = (BytesMut::new(), 0, false, 0, 0);
        Lines { buffer, searched, longest, is_skipping, n_taken, n_read, end: None }
    }

    /// Returns how many bytes of the body were read.
    pub fn n_read(&self) -> u64 {
        self.n_read
    }

    /// Takes what comes next of the body; nothing stands for its end.
    pub fn accept(&mut self, piece: Option<Result<Bytes, PayloadError>>) {
        match piece {
            Some(Ok(bytes)) => {
                self.n_read += bytes.len() as u64;
                self.buffer.extend_from_slice(&bytes);
            }
            Some(Err(_)) => {
                // Nobody knows what a line would have been.
                self.buffer.clear();
                (self.searched, self.is_skipping) = (0, false);
                self.end = Some(End::Broken);
            }
            None => self.end = Some(End::Whole),
        }
    }

    /// Returns how many bytes have come of lines that were not returned.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Returns how the body ended, if it did.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Returns the number in the body, from 1, of the line that was returned last.
    pub fn number(&self) -> u64 {
        self.n_taken
    }

    /// Returns the next line that is whole; blank ones are left out.
    pub fn next(&mut self) -> Option<Line> {
        loop {
            let line = match self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                Some(offset) => self.buffer.split_to(self.searched + offset + 1),
                None if self.end.is_some() && (!self.buffer.is_empty() || self.is_skipping) => self.buffer.split(),
                None if self.is_skipping || self.buffer.len() > self.longest => {
                    self.is_skipping = true;
                    self.buffer.clear();
                    self.searched = 0;
                    return None;
                }
                None => {
                    self.searched = self.buffer.len();
                    return None;
                }
            };
            self.searched = 0;
            self.n_taken += 1;
            let line = line.freeze();
            let text = line.trim_ascii();
            let text = if self.n_taken == 1 { text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text) } else { text };
            if std::mem::take(&mut self.is_skipping) || text.len() > self.longest {
                return Some(Line::TooLong(self.longest));
            }
            if !text.is_empty() {
                return Some(Line::Text(line.slice_ref(text)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lines of pieces that come one after the other, in one text.
    fn lines(pieces: &[&str], end: Option<End>) -> String {
        let mut lines = Lines::new(10);
        let mut found = Vec::new();
        let mut take = |lines: &mut Lines| {
            while let Some(line) = lines.next() {
                found.push(match line {
                    Line::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                    Line::TooLong(_) => "too long".to_owned(),
                });
            }
        };
        for piece in pieces {
            lines.accept(Some(Ok(Bytes::copy_from_slice(piece.as_bytes()))));
            take(&mut lines);
        }
        match end {
            Some(End::Whole) => lines.accept(None),
            Some(End::Broken) => lines.accept(Some(Err(PayloadError::EncodingCorrupted))),
            None => {}
        }
        take(&mut lines);
        assert!(lines.buffer.len() <= 11, "no more is kept than a line");
        found.join("|")
    }

    #[test]
    fn lines_are_put_together() {
        let cases: [(&[&str], Option<End>, &str); 9] = [
            (&["a\nb\n"], None, "a|b"),
            (&["a", "b\nc", "\n"], None, "ab|c"),
            (&["\u{feff}a\r\n \n\n", " b \r\nc"], Some(End::Whole), "a|b|c"),
            (&["a\nb"], None, "a"),
            (&["a\nb"], Some(End::Broken), "a"),
            (&["0123456789\n01234567890\nb\n"], None, "0123456789|too long|b"),
            (&["0123456789", "0", "12345678901234567890", "x\nb\n"], None, "too long|b"),
            (&["0123456789", "0"], Some(End::Whole), "too long"),
            (&[], Some(End::Whole), ""),
        ];
        for (pieces, end, expected) in cases {
            assert_eq!(lines(pieces, end), expected, "{pieces:?}");
        }
    }
}
