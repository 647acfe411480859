//! Some rows of a file as their bytes and where the fields in them begin and end.

use super::dialect::{Fields, MAX_FIELDS, breaks};
use super::error::{CsvError, Place};
use super::options::BadLines;
use super::plain;
use super::provenance::LineNumbers;

/// Some rows of a file.
#[derive(Default)]
pub(crate) struct Block {
    /// Its place among the blocks.
    pub(crate) index: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) length: usize,
    /// What is to be split still.
    pub(super) unsplit: Option<Unsplit>,
    pub(super) fields: Fields,
    /// What was found out about the rows.
    pub(crate) rows: Rows,
}

/// A block without quotes, escapes and comments.
#[derive(Clone, Copy)]
pub(super) struct Unsplit {
    pub(super) separator: u8,
    /// The physical line that it begins with.
    pub(super) line: u64,
}

/// The rows of a block.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Where they stand.
    pub(crate) lines: LineNumbers,
    /// Those that were left out because they have too many fields, and how many they have.
    pub(crate) bad: Vec<(u64, usize)>,
    /// How many have too few fields.
    pub(crate) n_short: u64,
    /// How many fields these lack together.
    pub(crate) n_lacking: u64,
    /// The first of these, and how many it has.
    pub(crate) first_short: Option<(u64, usize)>,
}

/// How many fields rows have to have.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) n_fields: usize,
    pub(crate) on_bad_lines: BadLines,
}

impl Shape {
    /// Makes the fields from one on a row: fills it up with empty ones, or leaves it out. Tells whether it is a row.
    ///
    /// # Errors
    /// The number of its fields, if they are too many.
    pub(crate) fn fit(
        self,
        bounds: &mut Vec<(u32, u32)>,
        first: usize,
        line: u64,
        rows: &mut Rows,
    ) -> Result<bool, usize> {
        let found = bounds.len() - first;
        if found > self.n_fields {
            bounds.truncate(first);
            return match self.on_bad_lines {
                BadLines::Error => Err(found),
                BadLines::Warn | BadLines::Skip => {
                    rows.bad.push((line, found));
                    Ok(false)
                }
            };
        }
        if found < self.n_fields {
            bounds.resize(first + self.n_fields, (0, 0));
            rows.n_short += 1;
            rows.n_lacking += (self.n_fields - found) as u64;
            rows.first_short.get_or_insert((line, found));
        }
        rows.lines.push(line);
        Ok(true)
    }
}

impl Block {
    pub(super) fn clear(&mut self) {
        self.length = 0;
        self.unsplit = None;
        self.fields.clear();
        self.rows = Rows::default();
    }

    /// Splits what is to be split still.
    pub(crate) fn split(&mut self, file: &str, shape: Shape) -> Result<(), CsvError> {
        let Some(Unsplit { separator, line }) = self.unsplit else { return Ok(()) };
        let text = &self.bytes[..self.length];
        plain::split(text, separator, line, shape, &mut self.fields.bounds, &mut self.rows).map_err(|bad| {
            let place = Place { file: file.to_owned(), line: bad.line };
            too_many_fields(place, bad.found, shape.n_fields)
        })
    }

    /// Checks that all fields are UTF-8.
    pub(crate) fn check_text(&self, file: &str, shape: Shape) -> Result<(), CsvError> {
        let text = self.text();
        if simdutf8::basic::from_utf8(text).is_ok() {
            return Ok(());
        }
        for (row, fields) in self.bounds().chunks(shape.n_fields.max(1)).enumerate() {
            let mut line = self.rows.lines.line(row).unwrap_or(0);
            for (field, (start, end)) in fields.iter().enumerate() {
                let field_text = &text[*start as usize..*end as usize];
                if std::str::from_utf8(field_text).is_err() {
                    let place = Place { file: file.to_owned(), line };
                    return Err(CsvError::NotUtf8 { place, field: field + 1 });
                }
                line += breaks(field_text);
            }
        }
        Ok(())
    }

    /// Returns what the bounds of fields are places in.
    pub(crate) fn text(&self) -> &[u8] {
        match self.unsplit {
            Some(_) => &self.bytes[..self.length],
            None => &self.fields.text,
        }
    }

    /// Returns where the text of each field begins and ends.
    pub(crate) fn bounds(&self) -> &[(u32, u32)] {
        &self.fields.bounds
    }
}

fn too_many_fields(place: Place, found: usize, expected: usize) -> CsvError {
    match found > MAX_FIELDS {
        true => CsvError::TooManyFields { place, limit: MAX_FIELDS },
        false => CsvError::Ragged { place, found, expected },
    }
}
