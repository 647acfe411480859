//! Splits text without quotes, escapes and comments, in which every line end ends a row.

use super::block::{Rows, Shape};
use super::simd::{LANES, candidates};

/// A row with too many fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    /// Where it stands.
    pub(crate) line: u64,
    /// How many it has.
    pub(crate) found: usize,
}

/// Splits a text that begins with a physical line into rows, and adds where their fields begin and end. Lines of white
/// space alone are left out.
pub(crate) fn split(
    text: &[u8],
    separator: u8,
    line: u64,
    shape: Shape,
    bounds: &mut Vec<(u32, u32)>,
    rows: &mut Rows,
) -> Result<(), Bad> {
    let mut splitter = Splitter { text, separator, shape, bounds, rows, first: 0, start: 0, line };
    splitter.first = splitter.bounds.len();
    let (chunks, rest) = text.as_chunks::<LANES>();
    for (index, chunk) in chunks.iter().enumerate() {
        splitter.take(index * LANES, candidates(chunk, separator))?;
    }
    let mut last = [b' '; LANES];
    last[..rest.len()].copy_from_slice(rest);
    // The filling is no candidate, also where it is what separates fields.
    let mask = candidates(&last, separator) & ((1 << rest.len()) - 1);
    splitter.take(chunks.len() * LANES, mask)?;
    splitter.finish()
}

struct Splitter<'a> {
    text: &'a [u8],
    separator: u8,
    shape: Shape,
    bounds: &'a mut Vec<(u32, u32)>,
    rows: &'a mut Rows,
    /// The first field of the row.
    first: usize,
    /// Where the field begins.
    start: usize,
    line: u64,
}

impl Splitter<'_> {
    /// Takes the candidates among the bytes from an offset on.
    #[inline]
    fn take(&mut self, offset: usize, mut mask: u64) -> Result<(), Bad> {
        while mask != 0 {
            let at = offset + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            let byte = self.text[at];
            if byte == self.separator {
                self.bounds.push((self.start as u32, at as u32));
                self.start = at + 1;
            } else if byte == b'\n' {
                // The carriage return before it has ended the line.
                if at == self.start && at > 0 && self.text[at - 1] == b'\r' {
                    self.start = at + 1;
                } else {
                    self.end_line(at)?;
                }
            } else if byte == b'\r' {
                self.end_line(at)?;
            }
        }
        Ok(())
    }

    fn end_line(&mut self, at: usize) -> Result<(), Bad> {
        let is_blank = self.bounds.len() == self.first
            && self.text[self.start..at].iter().all(|byte| matches!(byte, b' ' | b'\t'));
        if !is_blank {
            self.bounds.push((self.start as u32, at as u32));
            let fit = self.shape.fit(self.bounds, self.first, self.line, self.rows);
            fit.map_err(|found| Bad { line: self.line, found })?;
        }
        self.first = self.bounds.len();
        self.start = at + 1;
        self.line += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<(), Bad> {
        let end = self.text.len();
        match self.start == end && self.bounds.len() == self.first {
            true => Ok(()),
            false => self.end_line(end),
        }
    }
}
