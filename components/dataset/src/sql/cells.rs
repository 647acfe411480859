//! One column of an answer while its rows arrive.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, StringDictionaryBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{Float64Array, TimestampMicrosecondArray};
use palladium_component::prelude::*;

use super::dates::{self, short};

/// A column of an answer.
pub(crate) struct Cells {
    /// Its name.
    pub(crate) name: String,
    /// Its type as the database calls it.
    pub(crate) declared: String,
    /// The type that the database tells of it.
    kind: Option<ColumnType>,
    builder: Builder,
    /// What its texts stand for if all of them do.
    texts_are: Option<ColumnType>,
    /// The cell that gave it another type than it had before.
    misfit: Option<Misfit>,
    n_rows: usize,
}

/// The cells so far.
enum Builder {
    /// All of them are missing, and the type is that of the first one which is there.
    Missing,
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Text(StringBuilder),
    Category(StringDictionaryBuilder<Int32Type>),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    TimestampUtc(TimestampMicrosecondBuilder),
}

/// A cell does not go into a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CellError {
    /// A whole number has more digits than the numbers of its column. It stands in this row, from 0.
    Inexact { number: i64, row: usize },
    /// The texts of the column are more than 2 GiB.
    TooMuchText,
    /// The table has no type for it: what it is, and what to do.
    Unusable { what: String, advice: &'static str },
}

impl CellError {
    /// Returns the error of a cell that tables have no type for.
    pub(crate) fn unusable(what: impl Into<String>, advice: &'static str) -> CellError {
        CellError::Unusable { what: what.into(), advice }
    }
}

/// A cell that gives its column another type.
#[derive(Debug, PartialEq)]
pub(crate) struct Misfit {
    /// The row, from 0.
    pub(crate) row: usize,
    /// The beginning of its text.
    pub(crate) value: String,
}

/// A finished column.
pub(crate) struct Finished {
    pub(crate) name: String,
    /// Its type as the database calls it.
    pub(crate) declared: String,
    /// The type that the database tells of it.
    pub(crate) kind: Option<ColumnType>,
    pub(crate) values: ArrayRef,
    /// Why it has not the type that the database tells, or, where that tells none, why its numbers are texts.
    pub(crate) misfit: Option<Misfit>,
}

impl Cells {
    /// Returns a column without cells. What has no type gets that of its first cell. Dates and times in `kind` are
    /// pushed as such.
    pub(crate) fn new(name: String, declared: String, kind: Option<ColumnType>) -> Cells {
        let builder = match kind {
            None => Builder::Missing,
            Some(ColumnType::Int) => Builder::Int(Int64Builder::new()),
            Some(ColumnType::Float) => Builder::Float(Float64Builder::new()),
            Some(ColumnType::Bool) => Builder::Bool(BooleanBuilder::new()),
            Some(ColumnType::Text) => Builder::Text(StringBuilder::new()),
            Some(ColumnType::Category) => Builder::Category(StringDictionaryBuilder::new()),
            Some(ColumnType::Date) => Builder::Date(Date32Builder::new()),
            Some(ColumnType::Timestamp) => Builder::Timestamp(TimestampMicrosecondBuilder::new()),
            Some(ColumnType::TimestampUtc) => Builder::TimestampUtc(TimestampMicrosecondBuilder::new()),
        };
        Cells { name, declared, kind, builder, texts_are: None, misfit: None, n_rows: 0 }
    }

    /// Returns a column of a database that has texts for dates, times and categories: they become these at the end, if
    /// all of them are such. Numbers in place of dates stay numbers.
    pub(crate) fn of_texts(name: String, declared: String, kind: Option<ColumnType>) -> Cells {
        let (held, texts_are) = match kind {
            Some(ColumnType::Category) => (Some(ColumnType::Text), kind),
            Some(temporal) if temporal.is_temporal() => (None, kind),
            _ => (kind, None),
        };
        Cells { kind, texts_are, ..Cells::new(name, declared, held) }
    }

    /// Adds a missing cell.
    pub(crate) fn push_missing(&mut self) {
        self.n_rows += 1;
        match &mut self.builder {
            Builder::Missing => {}
            Builder::Int(cells) => cells.append_null(),
            Builder::Float(cells) => cells.append_null(),
            Builder::Bool(cells) => cells.append_null(),
            Builder::Text(cells) => cells.append_null(),
            Builder::Category(cells) => cells.append_null(),
            Builder::Date(cells) => cells.append_null(),
            Builder::Timestamp(cells) | Builder::TimestampUtc(cells) => cells.append_null(),
        }
    }

    /// Adds a whole number. In a column of flags that is more than a flag makes whole numbers of all.
    pub(crate) fn push_int(&mut self, number: i64) -> Result<(), CellError> {
        match &mut self.builder {
            Builder::Int(cells) => cells.append_value(number),
            Builder::Float(cells) => cells.append_value(exact(number, self.n_rows)?),
            Builder::Bool(cells) if number == 0 || number == 1 => cells.append_value(number == 1),
            Builder::Bool(cells) => {
                let flags = cells.finish();
                self.builder = Builder::Int(flags.iter().map(|flag| flag.map(i64::from)).fold(
                    Int64Builder::with_capacity(flags.len() + 1),
                    |mut cells, flag| {
                        cells.append_option(flag);
                        cells
                    },
                ));
                self.misfits(&number.to_string());
                return self.push_int(number);
            }
            Builder::Missing => {
                let mut cells = Int64Builder::new();
                cells.append_nulls(self.n_rows);
                cells.append_value(number);
                self.builder = Builder::Int(cells);
                self.misfits(&number.to_string());
            }
            _ => return self.push_text(&number.to_string()),
        }
        self.n_rows += 1;
        Ok(())
    }

    /// Adds a number. In a column of whole numbers it makes numbers of all.
    pub(crate) fn push_float(&mut self, number: f64) -> Result<(), CellError> {
        match &mut self.builder {
            Builder::Float(cells) => cells.append_value(number),
            Builder::Int(cells) => {
                let numbers = cells.finish();
                let floats = numbers.iter().enumerate().map(|(row, number)| number.map(|number| exact(number, row)));
                let floats: Float64Array = floats.map(Option::transpose).collect::<Result<_, _>>()?;
                self.builder = Builder::Float(floats.iter().fold(Float64Builder::new(), |mut cells, number| {
                    cells.append_option(number);
                    cells
                }));
                self.misfits(&format!("{number:?}"));
                return self.push_float(number);
            }
            Builder::Bool(cells) => {
                let flags = cells.finish();
                self.builder = Builder::Float(flags.iter().fold(Float64Builder::new(), |mut cells, flag| {
                    cells.append_option(flag.map(|flag| f64::from(u8::from(flag))));
                    cells
                }));
                self.misfits(&format!("{number:?}"));
                return self.push_float(number);
            }
            Builder::Missing => {
                let mut cells = Float64Builder::new();
                cells.append_nulls(self.n_rows);
                cells.append_value(number);
                self.builder = Builder::Float(cells);
                self.misfits(&format!("{number:?}"));
            }
            _ => return self.push_text(&format!("{number:?}")),
        }
        self.n_rows += 1;
        Ok(())
    }

    /// Adds a flag.
    pub(crate) fn push_bool(&mut self, flag: bool) -> Result<(), CellError> {
        self.push_int(i64::from(flag))
    }

    /// Adds a text. In a column of numbers it makes texts of all.
    pub(crate) fn push_text(&mut self, text: &str) -> Result<(), CellError> {
        match &mut self.builder {
            Builder::Text(cells) => push(cells, text)?,
            Builder::Category(cells) => drop(cells.append(text).map_err(|_| CellError::TooMuchText)?),
            Builder::Missing => {
                let mut cells = StringBuilder::new();
                (0..self.n_rows).for_each(|_| cells.append_null());
                push(&mut cells, text)?;
                self.builder = Builder::Text(cells);
            }
            builder => {
                *builder = Builder::Text(builder.as_texts()?);
                self.misfits(text);
                return self.push_text(text);
            }
        }
        self.n_rows += 1;
        Ok(())
    }

    /// Adds a day since 1970.
    pub(crate) fn push_date(&mut self, day: i32) -> Result<(), CellError> {
        match &mut self.builder {
            Builder::Date(cells) => cells.append_value(day),
            _ => return Err(CellError::unusable("a date among other values", "cast it")),
        }
        self.n_rows += 1;
        Ok(())
    }

    /// Adds microseconds since 1970.
    pub(crate) fn push_time(&mut self, microseconds: i64) -> Result<(), CellError> {
        match &mut self.builder {
            Builder::Timestamp(cells) | Builder::TimestampUtc(cells) => cells.append_value(microseconds),
            _ => return Err(CellError::unusable("a time among other values", "cast it")),
        }
        self.n_rows += 1;
        Ok(())
    }

    /// Remembers the cell that is to be added, which gives the column another type.
    fn misfits(&mut self, text: &str) {
        self.misfit = Some(Misfit { row: self.n_rows, value: short(text) });
    }

    /// Returns the column.
    pub(crate) fn finish(self) -> Finished {
        let Cells { name, declared, kind, builder, texts_are, mut misfit, n_rows } = self;
        let values: ArrayRef = match builder {
            Builder::Missing => match texts_are {
                Some(kind) => dates::missing(n_rows, kind),
                // What is missing throughout is missing as a number, so that it stands in a matrix.
                None => Arc::new(Float64Array::new_null(n_rows)),
            },
            Builder::Int(mut cells) => Arc::new(cells.finish()),
            Builder::Float(mut cells) => Arc::new(cells.finish()),
            Builder::Bool(mut cells) => Arc::new(cells.finish()),
            Builder::Text(mut cells) => {
                let texts = cells.finish();
                match texts_are {
                    Some(ColumnType::Category) => categories(&texts),
                    Some(kind) => {
                        let dates = dates::of_texts(&texts, kind);
                        let row = dates.as_ref().map_or_else(|error| Some(error.row), |(_, misfit)| *misfit);
                        misfit = row.map(|row| Misfit { row, value: short(texts.value(row)) });
                        dates.map_or_else(|_| Arc::new(texts) as ArrayRef, |(dates, _)| dates)
                    }
                    None => Arc::new(texts),
                }
            }
            Builder::Category(mut cells) => Arc::new(cells.finish()),
            Builder::Date(mut cells) => Arc::new(cells.finish()),
            Builder::Timestamp(mut cells) => Arc::new(cells.finish()),
            Builder::TimestampUtc(mut cells) => {
                let times: TimestampMicrosecondArray = cells.finish();
                Arc::new(times.with_timezone("UTC"))
            }
        };
        let found = ColumnType::of(values.data_type());
        let is_told = found != kind.or(found.filter(|found| *found != ColumnType::Text));
        Finished { name, declared, kind, values, misfit: misfit.filter(|_| is_told) }
    }
}

impl Builder {
    /// Returns numbers and flags as they are written.
    fn as_texts(&mut self) -> Result<StringBuilder, CellError> {
        let mut texts = StringBuilder::new();
        let mut add = |text: Option<String>| match text {
            Some(text) => push(&mut texts, &text),
            None => {
                texts.append_null();
                Ok(())
            }
        };
        match self {
            Builder::Int(cells) => {
                cells.finish().iter().try_for_each(|number| add(number.map(|number| number.to_string())))?;
            }
            Builder::Float(cells) => {
                cells.finish().iter().try_for_each(|number| add(number.map(|number| format!("{number:?}"))))?;
            }
            Builder::Bool(cells) => {
                cells.finish().iter().try_for_each(|flag| add(flag.map(|flag| u8::from(flag).to_string())))?;
            }
            _ => return Err(CellError::unusable("a text among dates or times", "cast it")),
        }
        Ok(texts)
    }
}

fn push(cells: &mut StringBuilder, text: &str) -> Result<(), CellError> {
    if cells.values_slice().len() + text.len() > i32::MAX as usize {
        return Err(CellError::TooMuchText);
    }
    cells.append_value(text);
    Ok(())
}

fn categories(texts: &StringArray) -> ArrayRef {
    let mut cells = StringDictionaryBuilder::<Int32Type>::new();
    texts.iter().for_each(|text| cells.append_option(text));
    Arc::new(cells.finish())
}

/// Returns a whole number of a row as a number, if there is one that equals it.
fn exact(number: i64, row: usize) -> Result<f64, CellError> {
    let float = number as f64;
    // The number above the largest one would be taken for it.
    let is_exact = float as i64 == number && float < i64::MAX as f64;
    if is_exact { Ok(float) } else { Err(CellError::Inexact { number, row }) }
}

/// A value is not what its type says.
pub(super) fn broken() -> CellError {
    CellError::unusable("something else than its type says", "cast it to text to see it")
}

/// Returns bytes of which there have to be so many.
pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], CellError> {
    bytes.try_into().map_err(|_| broken())
}

/// Returns the number that is written like the narrower one: 0.1 and not 0.10000000149.
pub(super) fn widened(number: f32) -> f64 {
    format!("{number:e}").parse().unwrap_or_else(|_| f64::from(number))
}

#[cfg(test)]
mod tests {
    use palladium_component::data::cell_text;

    use super::*;

    /// Pushes cells as they are written: nothing, flags, whole numbers, numbers, and else texts.
    fn column(kind: Option<ColumnType>, cells: &[&str]) -> Result<Finished, CellError> {
        let mut column = Cells::of_texts("a".into(), String::new(), kind);
        for cell in cells {
            match (cell.parse::<i64>(), cell.parse::<f64>()) {
                _ if cell.is_empty() => column.push_missing(),
                (Ok(number), _) => column.push_int(number)?,
                (_, Ok(number)) => column.push_float(number)?,
                _ => column.push_text(cell)?,
            }
        }
        Ok(column.finish())
    }

    #[test]
    fn the_type_follows_the_cells() {
        use ColumnType::{Bool, Category, Date, Float, Int, Text, Timestamp};
        type Case = (Option<ColumnType>, &'static [&'static str], ColumnType, &'static [&'static str]);
        let cases: [Case; 21] = [
            (None, &["", ""], Float, &["", ""]),
            (None, &["", "1"], Int, &["", "1"]),
            (None, &["", "x"], Text, &["", "x"]),
            (None, &["", "1", "2.5"], Float, &["", "1.0", "2.5"]),
            (None, &["1", "2.5", "x", "3"], Text, &["1.0", "2.5", "x", "3"]),
            (Some(Int), &[], Int, &[]),
            (Some(Bool), &["1", "", "0"], Bool, &["true", "", "false"]),
            (Some(Bool), &["1", "", "2"], Int, &["1", "", "2"]),
            (Some(Bool), &["1", "0.5"], Float, &["1.0", "0.5"]),
            (Some(Float), &["1", "2"], Float, &["1.0", "2.0"]),
            (Some(Text), &["1", "2.0"], Text, &["1", "2.0"]),
            (Some(Date), &["2024-01-31", ""], Date, &["2024-01-31", ""]),
            (Some(Timestamp), &["2024-01-31", "soon"], Text, &["2024-01-31", "soon"]),
            (Some(Timestamp), &["", ""], Timestamp, &["", ""]),
            (Some(Timestamp), &[], Timestamp, &[]),
            (Some(Timestamp), &["", "1700000000"], Int, &["", "1700000000"]),
            (Some(Timestamp), &["1", "2.5"], Float, &["1.0", "2.5"]),
            (Some(Timestamp), &["1700000000", "2024-01-31"], Text, &["1700000000", "2024-01-31"]),
            (Some(Date), &["2024-01-31", "2"], Text, &["2024-01-31", "2"]),
            (Some(Category), &["x", "", "x"], Category, &["x", "", "x"]),
            (Some(Category), &["1", "2.5"], Category, &["1", "2.5"]),
        ];
        for (kind, cells, expected, texts) in cases {
            let column = column(kind, cells).unwrap().values;
            assert_eq!(ColumnType::of(column.data_type()), Some(expected), "{cells:?}");
            let found: Vec<_> = (0..column.len()).map(|row| cell_text(&column, row).unwrap_or_default()).collect();
            assert_eq!(found, texts);
        }
    }

    #[test]
    fn the_cell_that_decides_the_type_is_told() {
        use ColumnType::{Bool, Date, Float, Int, Text, Timestamp};
        type Case = (Option<ColumnType>, &'static [&'static str], Option<(usize, &'static str)>);
        let cases: [Case; 18] = [
            (None, &["1", "2", "x", "y"], Some((2, "x"))),
            (None, &["", "x"], None),
            (None, &["1", "2.5"], None),
            (Some(Int), &["1", "2"], None),
            (Some(Int), &["x"], Some((0, "x"))),
            (Some(Int), &["1", "2.5", "3.5"], Some((1, "2.5"))),
            (Some(Float), &["1", "2.5"], None),
            (Some(Text), &["1", "x"], None),
            (Some(Bool), &["1", "", "2", "3"], Some((2, "2"))),
            (Some(Bool), &["1", "2", "x"], Some((2, "x"))),
            (Some(Date), &["2024-01-31", "nonsense", "2"], Some((1, "nonsense"))),
            (Some(Date), &["2024-01-31", "2024-01-31 10:00"], Some((1, "2024-01-31 10:00"))),
            (Some(Date), &["", "2024-01-31"], None),
            (Some(Date), &["", ""], None),
            (Some(Timestamp), &["", "1700000000", "1700000001"], Some((1, "1700000000"))),
            (Some(Timestamp), &["1700000000", "2024-01-31"], Some((0, "1700000000"))),
            (Some(Timestamp), &["2024-01-31", "", "2024-01-31 10:00"], None),
            (Some(Timestamp), &["", "2024-01-31 10:00Z"], Some((1, "2024-01-31 10:00Z"))),
        ];
        for (kind, cells, expected) in cases {
            let expected = expected.map(|(row, value)| Misfit { row, value: value.to_owned() });
            assert_eq!(column(kind, cells).unwrap().misfit, expected, "{kind:?}: {cells:?}");
        }
    }

    #[test]
    fn whole_numbers_never_lose_digits() {
        const LARGE: &str = "9007199254740993";
        let inexact = |kind, cells: &[&str]| column(kind, cells).err();
        let expected = |number, row| Some(CellError::Inexact { number, row });
        assert_eq!(inexact(None, &[LARGE, "0.5"]), expected(9_007_199_254_740_993, 0));
        assert_eq!(inexact(None, &["1", "", LARGE, "2", "0.5"]), expected(9_007_199_254_740_993, 2));
        assert_eq!(inexact(Some(ColumnType::Float), &["0.5", LARGE]), expected(9_007_199_254_740_993, 1));
        assert_eq!(inexact(None, &["0.5", "9223372036854775807"]), expected(i64::MAX, 1));
        assert_eq!(inexact(None, &["9007199254740992", "0.5"]), None);
        let exact = column(Some(ColumnType::Int), &[LARGE, "-9223372036854775808"]).unwrap().values;
        assert_eq!(*exact, *(Arc::new(Int64Array::from(vec![9_007_199_254_740_993, i64::MIN])) as ArrayRef));
    }
}
