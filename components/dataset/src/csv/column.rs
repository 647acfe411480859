//! Finds the type of a column while its cells are read, and gathers them.
//!
//! A column is missing values first, then what its first value is. It becomes numbers when a whole number is followed
//! by a number, a missing value or a whole number beyond 64 bits, and text when anything else does not fit.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_buffer::{BooleanBuffer, NullBuffer};
use palladium_component::prelude::*;

use super::cell;
use super::error::{CsvError, Place};
use super::markers::Markers;
use super::records::Record;

/// How much text one array can hold.
const MAX_TEXT: usize = i32::MAX as usize;

/// A column that is being read.
pub(crate) struct Column {
    position: usize,
    name: String,
    markers: Rc<Markers>,
    cells: Cells,
    /// The cells as they were written; nothing when there were too many of them.
    texts: Option<StringBuilder>,
    n_kept: usize,
    tally: Tally,
}

/// The cells as far as they are known.
enum Cells {
    /// So many missing values and nothing else.
    Missing(usize),
    /// Whole numbers, none missing.
    Int(Vec<i64>),
    /// Numbers; a missing one is NaN, which no cell holds otherwise.
    Float(Vec<f64>),
    /// Flags.
    Bool(Vec<Option<bool>>),
    /// Text: that in `texts`, or to be read again.
    Text,
}

/// What a column of text consists of.
#[derive(Default)]
struct Tally {
    n_numbers: u64,
    n_others: u64,
    first_other: Option<(Place, String)>,
}

impl Column {
    /// Returns an empty column of the fields at a position. So many texts are kept for the case that the column is
    /// text after all.
    pub(crate) fn new(position: usize, name: &str, markers: Rc<Markers>, n_kept: usize) -> Column {
        Column {
            position,
            name: name.to_owned(),
            markers,
            cells: Cells::Missing(0),
            texts: None,
            n_kept,
            tally: Tally::default(),
        }
    }

    /// Makes it an empty column of text.
    #[must_use]
    pub(crate) fn into_text(self) -> Column {
        Column { cells: Cells::Text, texts: Some(StringBuilder::new()), tally: Tally::default(), ..self }
    }

    /// Adds the cell of a row.
    pub(crate) fn push(&mut self, record: &Record<'_>) -> Result<(), CsvError> {
        let cell = record.field(self.position);
        if self.markers.has_text(cell) {
            self.push_missing();
            return Ok(());
        }
        if let Cells::Missing(n_rows) = self.cells {
            self.begin(cell, n_rows, record);
        }
        self.keep_text(cell, record)?;
        if !self.push_typed(cell) {
            self.become_text();
            self.tally.add(cell, || record.place_of(self.position));
        }
        Ok(())
    }

    fn push_missing(&mut self) {
        match &mut self.cells {
            Cells::Missing(n_rows) => *n_rows += 1,
            Cells::Int(numbers) => {
                let mut numbers = to_floats(numbers);
                numbers.push(f64::NAN);
                self.cells = Cells::Float(numbers);
            }
            Cells::Float(numbers) => numbers.push(f64::NAN),
            Cells::Bool(flags) => flags.push(None),
            Cells::Text => {}
        }
        if let Some(texts) = &mut self.texts {
            texts.append_null();
        }
    }

    /// Chooses the type by the first value, which follows so many missing ones.
    fn begin(&mut self, cell: &str, n_rows: usize, record: &Record<'_>) {
        let mut texts = StringBuilder::new();
        texts.append_nulls(n_rows);
        self.texts = Some(texts);
        self.cells = if cell::number(cell).is_some() {
            if n_rows == 0 { Cells::Int(Vec::new()) } else { Cells::Float(vec![f64::NAN; n_rows]) }
        } else if cell::flag(cell).is_some() {
            self.tally.first_other = Some((record.place_of(self.position), shortened(cell)));
            Cells::Bool(vec![None; n_rows])
        } else {
            Cells::Text
        };
    }

    /// Keeps a cell as it is written. Of columns that are not text, too many of them are dropped.
    fn keep_text(&mut self, cell: &str, record: &Record<'_>) -> Result<(), CsvError> {
        let Some(texts) = &mut self.texts else { return Ok(()) };
        if !matches!(self.cells, Cells::Text) {
            if self.n_kept == 0 {
                self.texts = None;
                return Ok(());
            }
            self.n_kept -= 1;
        }
        if texts.values_slice().len() + cell.len() > MAX_TEXT {
            return Err(CsvError::TextTooLong { place: record.place_of(self.position), column: self.name.clone() });
        }
        texts.append_value(cell);
        Ok(())
    }

    /// Adds a cell to those of a type that it fits and tells whether there was one.
    fn push_typed(&mut self, cell: &str) -> bool {
        match &mut self.cells {
            Cells::Int(numbers) => {
                if let Some(number) = cell::whole_number(cell)
                    && !self.markers.has_whole_number(number)
                {
                    numbers.push(number);
                    self.tally.n_numbers += 1;
                    return true;
                }
                if cell::number(cell).is_none() {
                    return false;
                }
                let mut numbers = to_floats(numbers);
                for number in numbers.iter_mut().filter(|number| self.markers.has_number(**number)) {
                    *number = f64::NAN;
                }
                self.cells = Cells::Float(numbers);
                self.push_typed(cell)
            }
            Cells::Float(numbers) => {
                let Some(number) = cell::number(cell) else { return false };
                numbers.push(if self.markers.has_number(number) { f64::NAN } else { number });
                self.tally.n_numbers += 1;
                true
            }
            Cells::Bool(flags) => {
                let Some(flag) = cell::flag(cell) else { return false };
                flags.push(Some(flag));
                true
            }
            Cells::Missing(_) | Cells::Text => false,
        }
    }

    fn become_text(&mut self) {
        if let Cells::Bool(flags) = &self.cells {
            self.tally.n_others = flags.iter().flatten().count() as u64;
        }
        self.cells = Cells::Text;
    }

    /// Returns what the log should say about the column.
    pub(crate) fn warning(&self) -> Option<String> {
        match &self.cells {
            Cells::Text => self.tally.warning(&self.name),
            _ => None,
        }
    }

    /// Returns place and text of the first cell that is no number, if the column is text.
    pub(crate) fn text_cell(&self) -> Option<String> {
        let (place, cell) = self.tally.first_other.as_ref().filter(|_| matches!(self.cells, Cells::Text))?;
        Some(format!("{place}, `{cell}`"))
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the cells; nothing if they are text whose beginning was dropped, which is to be read again.
    pub(crate) fn finish(&mut self) -> Option<ArrayRef> {
        Some(match std::mem::replace(&mut self.cells, Cells::Text) {
            Cells::Missing(n_rows) => Arc::new(floats(vec![f64::NAN; n_rows])),
            Cells::Int(numbers) => Arc::new(Int64Array::from(numbers)),
            Cells::Float(numbers) => Arc::new(floats(numbers)),
            Cells::Bool(flags) => Arc::new(BooleanArray::from(flags)),
            Cells::Text => Arc::new(self.texts.as_mut()?.finish()),
        })
    }
}

fn to_floats(numbers: &[i64]) -> Vec<f64> {
    numbers.iter().map(|number| *number as f64).collect()
}

fn floats(numbers: Vec<f64>) -> Float64Array {
    let missing = numbers.iter().any(|number| number.is_nan());
    let present = missing.then(|| NullBuffer::new(BooleanBuffer::from_iter(numbers.iter().map(|cell| !cell.is_nan()))));
    Float64Array::new(numbers.into(), present)
}

impl Tally {
    fn add(&mut self, cell: &str, place: impl FnOnce() -> Place) {
        if cell::number(cell).is_some() {
            self.n_numbers += 1;
            return;
        }
        self.n_others += 1;
        if self.first_other.is_none() {
            self.first_other = Some((place(), shortened(cell)));
        }
    }

    /// Says that a column is text because of a few cells, with the first of them.
    fn warning(&self, name: &str) -> Option<String> {
        const ENOUGH: u64 = 10;
        let n_values = self.n_numbers + self.n_others;
        if self.n_numbers < ENOUGH || self.n_numbers * 10 < n_values * 9 {
            return None;
        }
        let (place, cell) = self.first_other.as_ref()?;
        Some(format!(
            "{place}: column `{name}` is read as text because of `{cell}`, though {} of its {n_values} values are \
             numbers; correct the value, or add it to `na_values` if it means a missing one",
            self.n_numbers
        ))
    }
}

/// Cuts a cell for a message.
fn shortened(cell: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String = cell.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if cell.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
