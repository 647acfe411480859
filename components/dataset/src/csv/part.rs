//! Reads the cells of one column in one block.
//!
//! A column whose type is not declared is missing values, whole numbers, numbers, flags or else text: the first of these
//! that all of its cells are. Whole numbers with a missing value among them, or one beyond 64 bits, are numbers.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use palladium_component::prelude::*;

use super::block::Block;
use super::cell::{self, Flags, NumberFormat};
use super::cells::{Cells, Floats, Ints, Results, Texts};
use super::dates;
use super::dialect::breaks;
use super::error::{CsvError, Place, finding_text, shortened};
use super::kind::{Goal, Kind, Zoned};
use super::layout::Reading;
use super::markers::Markers;
use super::tally::Tally;

/// What is to be made of the cells of a column.
pub(crate) struct Plan {
    pub(crate) position: usize,
    pub(crate) name: String,
    pub(crate) markers: Arc<Markers>,
    pub(crate) reading: Reading,
    /// What the cells before were, of a column whose type is not declared.
    pub(crate) hint: Hint,
}

/// How cells are written.
pub(crate) struct Format<'a> {
    pub(crate) file: &'a str,
    pub(crate) numbers: NumberFormat,
    pub(crate) flags: Flags,
    pub(crate) day_first: bool,
    /// Whether numbers of undeclared columns may be whole numbers.
    pub(crate) has_ints: bool,
    /// Whether the texts of cells of other types are kept, because they cannot be read again.
    pub(crate) keeps_texts: bool,
}

/// The types that are found out, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Found {
    /// Missing values alone.
    Missing,
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// Flags.
    Bool,
    /// Text.
    Text,
}

const FOUND: [Found; 5] = [Found::Missing, Found::Int, Found::Float, Found::Bool, Found::Text];

/// What the cells of a column were so far. It saves trying types in vain, and changes no result.
pub(crate) struct Hint(AtomicU8);

impl Hint {
    /// Returns the hint of a column of which nothing is known, or which is text.
    pub(crate) fn new(found: Found) -> Hint {
        Hint(AtomicU8::new(found as u8))
    }

    fn get(&self) -> Found {
        FOUND[usize::from(self.0.load(Ordering::Relaxed))]
    }

    /// Remembers what the cells were.
    pub(crate) fn set(&self, found: Found) {
        self.0.store(found as u8, Ordering::Relaxed);
    }
}

/// The cells of a column in a block.
pub(crate) struct Part {
    pub(crate) cells: Cells,
    /// The same cells as texts, if those are kept.
    pub(crate) texts: Option<Texts>,
    pub(crate) tally: Tally,
}

/// The cells of a column in a block, from which its part is made.
struct Column<'a> {
    block: &'a Block,
    n_fields: usize,
    plan: &'a Plan,
    format: &'a Format<'a>,
}

/// Reads the columns of a block.
pub(crate) fn read_all(
    block: &Block,
    n_fields: usize,
    plans: &[Plan],
    format: &Format<'_>,
) -> Result<Vec<Part>, CsvError> {
    let columns: Vec<Column<'_>> = plans.iter().map(|plan| Column { block, n_fields, plan, format }).collect();
    let numbers = floats_of(&columns);
    columns.iter().zip(numbers).map(|(column, numbers)| column.read(numbers)).collect()
}

/// Reads the columns that were numbers in the blocks before, some rows of all of them at a time, so that their text is
/// at hand in the nearest cache. Nothing is returned of columns that hold something else.
fn floats_of(columns: &[Column<'_>]) -> Vec<Option<Floats>> {
    const TOGETHER: usize = 64;
    let reads = |column: &Column<'_>| {
        let is_float = matches!(column.plan.reading, Reading::Infer) && column.plan.hint.get() == Found::Float;
        is_float.then(|| column.no_floats())
    };
    let mut numbers: Vec<Option<Floats>> = columns.iter().map(reads).collect();
    let n_rows = columns.first().map_or(0, Column::n_rows);
    for first in (0..n_rows).step_by(TOGETHER) {
        let rows = first..n_rows.min(first + TOGETHER);
        for (column, numbers) in columns.iter().zip(&mut numbers) {
            let is_read = numbers.as_mut().is_none_or(|numbers| column.read_floats(rows.clone(), numbers).is_some());
            if !is_read {
                *numbers = None;
            }
        }
    }
    numbers
}

impl Column<'_> {
    /// Reads the column; its numbers may have been read already.
    fn read(&self, numbers: Option<Floats>) -> Result<Part, CsvError> {
        let declared = |cells| Part { cells, texts: None, tally: Tally::default() };
        match &self.plan.reading {
            Reading::Infer | Reading::Convert(_) if self.n_rows() == 0 => Ok(declared(Cells::Missing(0))),
            Reading::Infer => Ok(self.infer(numbers)),
            Reading::Kind(kind) if let Goal::Bool { nullable } = kind.goal => self.flags(nullable, kind),
            Reading::Kind(kind) => self.declared(kind.goal, &format!("`dtype` {}", kind.name)).map(declared),
            Reading::Dates => self.declared(Goal::Time(Zoned::Either), "`parse_dates`").map(declared),
            Reading::Convert(function) => self.converted(function).map(declared),
        }
    }

    fn n_rows(&self) -> usize {
        self.block.rows.lines.n_rows()
    }

    #[inline]
    fn cells(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.cells_of(0..self.n_rows())
    }

    #[inline]
    fn cells_of(&self, rows: Range<usize>) -> impl ExactSizeIterator<Item = &[u8]> {
        let text = self.block.text();
        let bounds = &self.block.bounds()[rows.start * self.n_fields..rows.end * self.n_fields];
        let position = self.plan.position;
        bounds.chunks_exact(self.n_fields.max(1)).map(move |row| {
            let (start, end) = row[position];
            &text[start as usize..end as usize]
        })
    }

    /// Returns where a cell begins: line breaks in quotes before it count.
    fn place(&self, row: usize) -> Place {
        let line = self.block.rows.lines.line(row).unwrap_or(0);
        let fields = &self.block.bounds()[row * self.n_fields..][..self.plan.position];
        let before = fields.iter().map(|(start, end)| breaks(&self.block.text()[*start as usize..*end as usize]));
        Place { file: self.format.file.to_owned(), line: line + before.sum::<u64>() }
    }

    /// Finds the type out.
    fn infer(&self, numbers: Option<Floats>) -> Part {
        let ints = || self.format.has_ints.then(|| self.ints()).flatten();
        let cells = match self.plan.hint.get() {
            _ if numbers.is_some() => numbers.map(|numbers| self.floats_or_missing(numbers)),
            Found::Missing | Found::Int => ints().or_else(|| self.floats()),
            Found::Float => self.floats(),
            Found::Bool => self.bools(),
            Found::Text => None,
        };
        let cells = match (cells, self.plan.hint.get()) {
            (Some(cells), _) => cells,
            // The first cell that is there tells texts from what could be flags or numbers.
            (None, Found::Missing) => self.bools().unwrap_or(Cells::Missing(0)),
            (None, _) => Cells::Missing(0),
        };
        let is_text = matches!(cells, Cells::Missing(0));
        let mut tally = Tally::default();
        match &cells {
            _ if is_text => {
                let texts = self.texts(|row, cell| {
                    tally.add(self.format.numbers.is_number(cell), || (self.place(row), shortened(cell)));
                });
                return Part { cells: Cells::Text(texts), texts: None, tally };
            }
            Cells::Int(ints) => tally.n_numbers = ints.values.len() as u64,
            Cells::Float(numbers) => {
                tally.n_numbers = (numbers.values.len() - numbers.n_missing) as u64;
                tally.first_rounded = self.first_rounded(&numbers.values);
            }
            Cells::Bool(flags) => {
                let present = flags.iter().zip(self.cells()).enumerate().filter(|(_, (flag, _))| flag.is_some());
                for (row, (_, cell)) in present {
                    tally.add(false, || (self.place(row), shortened(cell)));
                }
            }
            Cells::Missing(_) | Cells::Text(_) => {}
        }
        let texts = self.format.keeps_texts.then(|| self.texts(|_, _| ()));
        Part { cells, texts, tally }
    }

    /// Reads whole numbers, none of them missing, or missing values alone.
    fn ints(&self) -> Option<Cells> {
        let (markers, format) = (&self.plan.markers, self.format.numbers);
        let mut ints = Ints { values: Vec::with_capacity(self.n_rows()), ..Ints::default() };
        for cell in self.cells() {
            let number = format.whole_number(cell).filter(|number| {
                !markers.has_numbers() || !markers.has_whole_number(*number) && !markers.has_text(cell)
            });
            match number {
                Some(number) => {
                    if number == 0 && cell.contains(&b'-') {
                        ints.negative_zeros.push(ints.values.len());
                    }
                    ints.values.push(number);
                }
                None if ints.values.is_empty() => return self.missing(),
                None => return None,
            }
        }
        Some(Cells::Int(ints))
    }

    fn missing(&self) -> Option<Cells> {
        self.cells().all(|cell| self.plan.markers.has_text(cell)).then(|| Cells::Missing(self.n_rows()))
    }

    fn floats(&self) -> Option<Cells> {
        let mut numbers = self.no_floats();
        self.read_floats(0..self.n_rows(), &mut numbers)?;
        Some(self.floats_or_missing(numbers))
    }

    fn no_floats(&self) -> Floats {
        Floats { values: Vec::with_capacity(self.n_rows()), n_missing: 0 }
    }

    /// Adds the numbers of some rows; nothing is returned if one of their cells is something else.
    fn read_floats(&self, rows: Range<usize>, numbers: &mut Floats) -> Option<()> {
        let (markers, format) = (&self.plan.markers, self.format.numbers);
        for cell in self.cells_of(rows) {
            numbers.values.push(match format.number(cell) {
                Some(number) if !markers.has_numbers() => number,
                Some(number) if !markers.has_number(number) && !markers.has_text(cell) => number,
                None if !markers.has_text(cell) => return None,
                Some(_) | None => {
                    numbers.n_missing += 1;
                    f64::NAN
                }
            });
        }
        Some(())
    }

    fn floats_or_missing(&self, numbers: Floats) -> Cells {
        match numbers.n_missing == numbers.values.len() {
            // A number that means a missing value makes a column one of numbers all the same.
            true if self.cells().all(|cell| self.plan.markers.has_text(cell)) => Cells::Missing(numbers.n_missing),
            _ => Cells::Float(numbers),
        }
    }

    fn bools(&self) -> Option<Cells> {
        let flag = |cell: &[u8]| match self.plan.markers.has_text(cell) {
            true => Some(None),
            false => self.format.flags.flag(cell).map(Some),
        };
        let flags = self.cells().map(flag).collect::<Option<Vec<Option<bool>>>>()?;
        Some(match flags.iter().all(Option::is_none) {
            true => Cells::Missing(flags.len()),
            false => Cells::Bool(flags),
        })
    }

    /// Reads texts, and shows those that are there.
    fn texts(&self, mut show: impl FnMut(usize, &[u8])) -> Texts {
        let mut texts = Texts::with_capacity(self.n_rows());
        for (row, cell) in self.cells().enumerate() {
            if self.plan.markers.has_text(cell) {
                texts.push(None);
            } else {
                show(row, cell);
                texts.push(Some(cell));
            }
        }
        texts
    }

    /// Returns the error about a cell that is not of a type, which something asks for.
    fn wrong(&self, row: usize, cell: Option<&[u8]>, goal: Goal, reason: &str) -> CsvError {
        CsvError::Cell {
            place: self.place(row),
            column: self.plan.name.clone(),
            cell: cell.map(shortened),
            reason: reason.to_owned(),
            expected: goal.expected(),
        }
    }

    /// Reads cells of a declared type, which something asks for.
    fn declared(&self, goal: Goal, reason: &str) -> Result<Cells, CsvError> {
        let (markers, format) = (&self.plan.markers, self.format.numbers);
        let wrong = |row: usize, cell: Option<&[u8]>| self.wrong(row, cell, goal, reason);
        match goal {
            // Flags are read elsewhere.
            Goal::Infer | Goal::Bool { .. } | Goal::Text | Goal::Category => Ok(Cells::Text(self.texts(|_, _| ()))),
            Goal::Float { single } => {
                let number = |(row, cell)| match format.number(cell) {
                    Some(number) if !markers.has_number(number) && !markers.has_text(cell) => {
                        Ok(if single { f64::from(number as f32) } else { number })
                    }
                    Some(_) => Ok(f64::NAN),
                    None if markers.has_text(cell) => Ok(f64::NAN),
                    None => Err(wrong(row, Some(cell))),
                };
                let values: Vec<f64> = self.cells().enumerate().map(number).collect::<Result<_, _>>()?;
                Ok(Cells::Float(Floats::of(values)))
            }
            Goal::Int { low, high, nullable } => {
                let mut ints = Ints { values: Vec::with_capacity(self.n_rows()), ..Ints::default() };
                for (row, cell) in self.cells().enumerate() {
                    let number = format.whole_number(cell).or_else(|| format.number_that_is_whole(cell));
                    match number.filter(|number| !markers.has_whole_number(*number) && !markers.has_text(cell)) {
                        Some(number) if (low..=high).contains(&number) => ints.values.push(number),
                        None if number.is_some() || markers.has_text(cell) => {
                            if !nullable {
                                return Err(wrong(row, None));
                            }
                            ints.push_missing();
                        }
                        _ => return Err(wrong(row, Some(cell))),
                    }
                }
                Ok(Cells::Int(ints))
            }
            Goal::Date | Goal::Time(_) => {
                let mut ints = Ints::default();
                for (row, cell) in self.cells().enumerate() {
                    if markers.has_text(cell) || cell.trim_ascii().is_empty() {
                        ints.push_missing();
                        continue;
                    }
                    let text = std::str::from_utf8(cell).ok();
                    let moment = text.and_then(|text| dates::parse(text, self.format.day_first));
                    let moment = moment.ok_or_else(|| wrong(row, Some(cell)))?;
                    if goal == Goal::Time(Zoned::Never) && moment.is_zoned {
                        return Err(wrong(row, Some(cell)));
                    }
                    ints.n_zoned += usize::from(moment.is_zoned);
                    ints.values.push(if goal == Goal::Date { moment.days } else { moment.micros });
                }
                Ok(Cells::Int(ints))
            }
        }
    }

    /// Reads flags. Those that may be missing may be words and numbers; others are one or the other in all cells.
    fn flags(&self, nullable: bool, kind: &Kind) -> Result<Part, CsvError> {
        let (markers, format) = (&self.plan.markers, self.format);
        let wrong =
            |row: usize, cell: Option<&[u8]>| self.wrong(row, cell, kind.goal, &format!("`dtype` {}", kind.name));
        let (mut flags, mut tally) = (Vec::with_capacity(self.n_rows()), Tally::default());
        for (row, cell) in self.cells().enumerate() {
            if markers.has_text(cell) {
                flags.push(if nullable { None } else { return Err(wrong(row, None)) });
                continue;
            }
            let word = format.flags.flag(cell);
            let number = || if nullable { cell::exact_flag(cell) } else { format.numbers.flag(cell) };
            let flag = word.or_else(number).ok_or_else(|| wrong(row, Some(cell)))?;
            if !nullable {
                tally.add(word.is_none(), || (self.place(row), shortened(cell)));
            }
            flags.push(Some(flag));
        }
        Ok(Part { cells: Cells::Bool(flags), texts: None, tally })
    }

    /// Returns the first whole number that a floating point number is not.
    fn first_rounded(&self, numbers: &[f64]) -> Option<(Place, String)> {
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        // Nearly always there is none, which is found out fast without a branch for each.
        if !numbers.iter().fold(false, |any, number| any | (number.abs() >= BEYOND)) {
            return None;
        }
        let mut numbers = numbers.iter().zip(self.cells()).enumerate();
        let is_rounded = |number: f64, cell| number.abs() >= BEYOND && self.format.numbers.is_rounded(cell, number);
        let (row, (_, cell)) = numbers.find(|(_, (number, cell))| is_rounded(**number, cell))?;
        Some((self.place(row), shortened(cell)))
    }

    /// Reads what a function makes of the cells.
    fn converted(&self, function: &Callback) -> Result<Cells, CsvError> {
        let mut results = Results::default();
        for (row, cell) in self.cells().enumerate() {
            let place = || format!("{}, column `{}`", self.place(row), self.plan.name);
            let failed = |reason| CsvError::Function { place: place(), option: "converters", reason };
            let text = String::from_utf8_lossy(cell).into_owned();
            let result = function.call(vec![Value::new(Data::Text(text), Span::nowhere("a cell"))]);
            let result = result.map_err(|finding| failed(finding_text(&finding)))?;
            results.push(&result.data).map_err(|()| {
                failed(format!("returned {}, where a number, a flag, text or nothing is needed", result.describe()))
            })?;
        }
        results.cells().map_err(|found| CsvError::MixedResults {
            file: self.format.file.to_owned(),
            column: self.plan.name.clone(),
            found: found.to_owned(),
        })
    }
}
