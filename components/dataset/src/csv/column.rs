//! Puts the parts of a column together.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::cells::{Cells, Floats, Ints, Texts};
use super::error::{CsvError, Place};
use super::kind::{Goal, Zoned};
use super::layout::Reading;
use super::part::{Found, Part, Plan};
use super::tally::Tally;

/// How much text one array can hold.
const MAX_TEXT: usize = i32::MAX as usize;

/// A column of which the first parts are there.
pub(crate) struct Column {
    cells: Cells,
    /// The same cells as texts, if those are kept.
    texts: Option<Texts>,
    /// Whether it is text of which some was read as something else.
    is_lost: bool,
    pub(crate) tally: Tally,
}

impl Column {
    /// Returns an empty column.
    pub(crate) fn new() -> Column {
        Column { cells: Cells::Missing(0), texts: None, is_lost: false, tally: Tally::default() }
    }

    /// Adds the cells of the next block.
    ///
    /// # Errors
    /// There is too much text, or what a function returned is of several types.
    pub(crate) fn append(&mut self, part: Part, plan: &Plan, file: &str) -> Result<(), CsvError> {
        self.tally.append(part.tally);
        if self.is_lost {
            return Ok(());
        }
        let is_inferred = matches!(plan.reading, Reading::Infer);
        // Once the column is text, its texts are its cells.
        if let Some(texts) = part.texts {
            match (&mut self.texts, &mut self.cells) {
                (_, Cells::Text(cells)) => return join_texts(cells, &texts, plan, file),
                (Some(kept), _) => join_texts(kept, &texts, plan, file)?,
                (kept @ None, _) => *kept = Some(texts),
            }
        }
        let before = std::mem::replace(&mut self.cells, Cells::Missing(0));
        self.cells = match join(before, part.cells, plan, file)? {
            Ok(cells) => cells,
            Err(part) if is_inferred => match (self.texts.take(), part) {
                (Some(mut kept), Cells::Text(texts)) => {
                    join_texts(&mut kept, &texts, plan, file)?;
                    Cells::Text(kept)
                }
                // The texts of this part are among those that are kept.
                (Some(kept), _) => Cells::Text(kept),
                (None, _) => {
                    self.is_lost = true;
                    Cells::Missing(0)
                }
            },
            Err(_) => {
                return Err(CsvError::MixedResults {
                    file: file.to_owned(),
                    column: plan.name.clone(),
                    found: "values of several types".into(),
                });
            }
        };
        plan.hint.set(self.found());
        Ok(())
    }

    /// Returns the type that was found out.
    fn found(&self) -> Found {
        match &self.cells {
            _ if self.is_lost => Found::Text,
            Cells::Missing(_) => Found::Missing,
            Cells::Int(_) => Found::Int,
            Cells::Float(_) => Found::Float,
            Cells::Bool(_) => Found::Bool,
            Cells::Text(_) => Found::Text,
        }
    }

    /// Tells whether it is text.
    pub(crate) fn is_text(&self) -> bool {
        self.found() == Found::Text
    }

    /// Returns the cells; nothing if some of them have to be read again as text.
    pub(crate) fn finish(self, plan: &Plan, file: &str) -> Option<Result<ArrayRef, CsvError>> {
        if self.is_lost {
            return None;
        }
        let goal = match &plan.reading {
            Reading::Kind(kind) => kind.goal,
            Reading::Dates => Goal::Time(Zoned::Either),
            Reading::Infer | Reading::Convert(_) => Goal::Infer,
        };
        Some(match (self.cells, goal) {
            (Cells::Missing(n_rows), _) => Ok(Arc::new(floats(Floats::missing(n_rows)))),
            (Cells::Int(ints), Goal::Date) => {
                let present = ints.present();
                let days: Vec<i32> = ints.values.iter().map(|days| *days as i32).collect();
                Ok(Arc::new(Date32Array::new(days.into(), present)))
            }
            (Cells::Int(ints), Goal::Time(zoned)) => times(ints, zoned, plan, file),
            (Cells::Int(ints), _) => {
                let present = ints.present();
                Ok(Arc::new(Int64Array::new(ints.values.into(), present)))
            }
            (Cells::Float(numbers), _) => Ok(Arc::new(floats(numbers))),
            (Cells::Bool(_), Goal::Bool { nullable: false }) if self.tally.n_numbers > 0 && self.tally.n_others > 0 => {
                Err(mixed_flags(self.tally, plan, file))
            }
            (Cells::Bool(flags), _) => Ok(Arc::new(BooleanArray::from(flags))),
            (Cells::Text(texts), goal) => strings(texts, plan, file).map(|texts| match goal {
                Goal::Category => Arc::new(categories(&texts)) as ArrayRef,
                _ => Arc::new(texts),
            }),
        })
    }
}

/// Puts cells of the type of both together; returns those that follow if there is none but text.
fn join(before: Cells, after: Cells, plan: &Plan, file: &str) -> Result<Result<Cells, Cells>, CsvError> {
    Ok(Ok(match (before, after) {
        (Cells::Missing(0), cells) => cells,
        (cells, Cells::Missing(0)) => cells,
        (Cells::Missing(before), Cells::Missing(after)) => Cells::Missing(before + after),
        (Cells::Missing(n_rows), Cells::Int(ints)) => {
            let mut numbers = Floats::missing(n_rows);
            numbers.append(to_floats(&ints));
            Cells::Float(numbers)
        }
        (Cells::Missing(n_rows), Cells::Float(after)) => {
            let mut numbers = Floats::missing(n_rows);
            numbers.append(after);
            Cells::Float(numbers)
        }
        (Cells::Missing(n_rows), Cells::Bool(after)) => {
            let mut flags = vec![None; n_rows];
            flags.extend(after);
            Cells::Bool(flags)
        }
        (Cells::Missing(n_rows), Cells::Text(after)) => {
            let mut texts = Texts::with_capacity(n_rows);
            (0..n_rows).for_each(|_| texts.push(None));
            join_texts(&mut texts, &after, plan, file)?;
            Cells::Text(texts)
        }
        (Cells::Int(ints), Cells::Missing(n_rows)) => {
            let mut numbers = to_floats(&ints);
            numbers.append(Floats::missing(n_rows));
            Cells::Float(numbers)
        }
        (Cells::Int(mut before), Cells::Int(after)) => {
            let n_before = before.values.len();
            before.values.extend(after.values);
            before.missing.extend(after.missing.iter().map(|row| n_before + row));
            before.negative_zeros.extend(after.negative_zeros.iter().map(|row| n_before + row));
            before.n_zoned += after.n_zoned;
            Cells::Int(before)
        }
        (Cells::Int(before), Cells::Float(after)) => {
            let mut numbers = to_floats(&before);
            numbers.append(after);
            Cells::Float(numbers)
        }
        (Cells::Float(mut numbers), Cells::Missing(n_rows)) => {
            numbers.append(Floats::missing(n_rows));
            Cells::Float(numbers)
        }
        (Cells::Float(mut numbers), Cells::Int(after)) => {
            numbers.append(to_floats(&after));
            Cells::Float(numbers)
        }
        (Cells::Float(mut numbers), Cells::Float(after)) => {
            numbers.append(after);
            Cells::Float(numbers)
        }
        (Cells::Bool(mut flags), Cells::Missing(n_rows)) => {
            flags.resize(flags.len() + n_rows, None);
            Cells::Bool(flags)
        }
        (Cells::Bool(mut flags), Cells::Bool(after)) => {
            flags.extend(after);
            Cells::Bool(flags)
        }
        (Cells::Text(mut texts), Cells::Missing(n_rows)) => {
            (0..n_rows).for_each(|_| texts.push(None));
            Cells::Text(texts)
        }
        (Cells::Text(mut texts), Cells::Text(after)) => {
            join_texts(&mut texts, &after, plan, file)?;
            Cells::Text(texts)
        }
        (_, after) => return Ok(Err(after)),
    }))
}

fn to_floats(ints: &Ints) -> Floats {
    let mut values: Vec<f64> = ints.values.iter().map(|number| *number as f64).collect();
    ints.negative_zeros.iter().for_each(|row| values[*row] = -0.0);
    Floats { values, n_missing: 0 }
}

fn join_texts(texts: &mut Texts, after: &Texts, plan: &Plan, file: &str) -> Result<(), CsvError> {
    let n_bytes = texts.bytes.len();
    if n_bytes + after.bytes.len() > MAX_TEXT {
        return Err(CsvError::TextTooLong { file: file.to_owned(), column: plan.name.clone() });
    }
    texts.bytes.extend_from_slice(&after.bytes);
    texts.ends.extend(after.ends.iter().map(|end| n_bytes as i32 + end));
    match after.present.finish_cloned() {
        Some(present) => texts.present.append_buffer(&present),
        None => texts.present.append_n_non_nulls(after.ends.len()),
    }
    Ok(())
}

fn floats(numbers: Floats) -> Float64Array {
    let Floats { values, n_missing } = numbers;
    let present = || NullBuffer::new(BooleanBuffer::from_iter(values.iter().map(|cell| !cell.is_nan())));
    let present = (n_missing > 0).then(present);
    Float64Array::new(values.into(), present)
}

impl Floats {
    fn missing(n_missing: usize) -> Floats {
        Floats { values: vec![f64::NAN; n_missing], n_missing }
    }

    fn append(&mut self, after: Floats) {
        self.values.extend(after.values);
        self.n_missing += after.n_missing;
    }
}

impl Ints {
    fn present(&self) -> Option<NullBuffer> {
        if self.missing.is_empty() {
            return None;
        }
        let mut present = vec![true; self.values.len()];
        self.missing.iter().for_each(|row| present[*row] = false);
        Some(NullBuffer::from(present))
    }
}

/// Returns the error about the first word of a column of flags that has numbers too.
fn mixed_flags(tally: Tally, plan: &Plan, file: &str) -> CsvError {
    let (place, cell) = tally.first_other.unwrap_or_else(|| (Place { file: file.to_owned(), line: 1 }, String::new()));
    CsvError::Cell {
        place,
        column: plan.name.clone(),
        cell: Some(cell),
        reason: "`dtype` bool".to_owned(),
        expected: "0 or 1, as in other cells, or words in all of them".to_owned(),
    }
}

fn times(ints: Ints, zoned: Zoned, plan: &Plan, file: &str) -> Result<ArrayRef, CsvError> {
    let n_present = ints.values.len() - ints.missing.len();
    if zoned == Zoned::Either && ints.n_zoned > 0 && ints.n_zoned < n_present {
        return Err(CsvError::MixedZones { file: file.to_owned(), column: plan.name.clone() });
    }
    let is_utc = zoned == Zoned::Always || ints.n_zoned > 0;
    let present = ints.present();
    let times = TimestampMicrosecondArray::new(ints.values.into(), present);
    Ok(Arc::new(if is_utc { times.with_timezone("UTC") } else { times }))
}

fn strings(mut texts: Texts, plan: &Plan, file: &str) -> Result<StringArray, CsvError> {
    texts.ends.insert(0, 0);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(texts.ends));
    let present = texts.present.finish();
    // Every block was found to be UTF-8; that is looked at again, which costs little.
    StringArray::try_new(offsets, Buffer::from_vec(texts.bytes), present).map_err(|reason| CsvError::NotText {
        file: file.to_owned(),
        column: plan.name.clone(),
        reason: reason.to_string(),
    })
}

/// Stores each text once, in their order.
fn categories(texts: &StringArray) -> DictionaryArray<Int32Type> {
    let mut distinct: Vec<&str> = Vec::new();
    let mut first_codes: HashMap<&str, i32> = HashMap::new();
    let codes: Vec<Option<i32>> = texts
        .iter()
        .map(|text| {
            text.map(|text| {
                *first_codes.entry(text).or_insert_with(|| {
                    distinct.push(text);
                    distinct.len() as i32 - 1
                })
            })
        })
        .collect();
    let mut order: Vec<usize> = (0..distinct.len()).collect();
    order.sort_unstable_by_key(|index| distinct[*index]);
    let mut ranks = vec![0; order.len()];
    order.iter().enumerate().for_each(|(rank, index)| ranks[*index] = rank as i32);
    let codes: Int32Array = codes.into_iter().map(|code| code.map(|code| ranks[code as usize])).collect();
    let sorted = StringArray::from_iter_values(order.iter().map(|index| distinct[*index]));
    DictionaryArray::new(codes, Arc::new(sorted))
}
