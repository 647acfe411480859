//! The cells of one column in one block, as they are kept once they are read.

use arrow_buffer::NullBufferBuilder;
use palladium_component::prelude::*;

/// The cells of a column.
#[derive(Debug)]
pub(crate) enum Cells {
    /// So many missing values and nothing else.
    Missing(usize),
    /// Whole numbers, or days or times as such.
    Int(Ints),
    /// Numbers.
    Float(Floats),
    /// Flags.
    Bool(Vec<Option<bool>>),
    /// Text.
    Text(Texts),
}

/// Numbers.
#[derive(Debug, Default)]
pub(crate) struct Floats {
    /// The numbers; a missing one is NaN, which no cell holds otherwise.
    pub(crate) values: Vec<f64>,
    /// How many are missing.
    pub(crate) n_missing: usize,
}

impl Floats {
    /// Returns numbers of which those that are NaN are missing.
    pub(crate) fn of(values: Vec<f64>) -> Floats {
        let n_missing = values.iter().filter(|number| number.is_nan()).count();
        Floats { values, n_missing }
    }
}

/// Whole numbers.
#[derive(Debug, Default)]
pub(crate) struct Ints {
    /// The numbers; zero where one is missing.
    pub(crate) values: Vec<i64>,
    /// The positions of missing ones.
    pub(crate) missing: Vec<usize>,
    /// The positions of zeros with a minus, which stays where numbers become of whole numbers.
    pub(crate) negative_zeros: Vec<usize>,
    /// How many of them, being times, have a time zone.
    pub(crate) n_zoned: usize,
}

impl Ints {
    /// Adds a missing one.
    pub(crate) fn push_missing(&mut self) {
        self.missing.push(self.values.len());
        self.values.push(0);
    }
}

/// Texts one after another.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The texts.
    pub(crate) bytes: Vec<u8>,
    /// Where each ends.
    pub(crate) ends: Vec<i32>,
    /// Which are there.
    pub(crate) present: NullBufferBuilder,
}

impl Texts {
    pub(crate) fn with_capacity(n_texts: usize) -> Texts {
        Texts { bytes: Vec::new(), ends: Vec::with_capacity(n_texts), present: NullBufferBuilder::new(n_texts) }
    }

    pub(crate) fn push(&mut self, text: Option<&[u8]>) {
        self.bytes.extend_from_slice(text.unwrap_or_default());
        // A block has less than 2 GiB.
        self.ends.push(self.bytes.len() as i32);
        self.present.append(text.is_some());
    }
}

/// What a function made of cells.
#[derive(Default)]
pub(crate) struct Results {
    numbers: Vec<f64>,
    ints: Vec<i64>,
    flags: Vec<Option<bool>>,
    texts: Vec<Option<String>>,
    n_missing: usize,
    n_ints: usize,
    n_floats: usize,
    n_flags: usize,
    n_texts: usize,
}

impl Results {
    /// Adds a result; fails where no cell holds one of its type.
    pub(crate) fn push(&mut self, result: &Data) -> Result<(), ()> {
        let (mut number, mut int, mut flag, mut text) = (f64::NAN, 0, None, None);
        match result {
            Data::Null => self.n_missing += 1,
            Data::Int(result) => {
                (number, int) = (*result as f64, *result);
                self.n_ints += 1;
            }
            Data::Float(result) => {
                number = *result;
                self.n_floats += 1;
            }
            Data::Bool(result) => {
                flag = Some(*result);
                self.n_flags += 1;
            }
            Data::Text(result) => {
                text = Some(result.clone());
                self.n_texts += 1;
            }
            _ => return Err(()),
        }
        self.numbers.push(number);
        self.ints.push(int);
        self.flags.push(flag);
        self.texts.push(text);
        Ok(())
    }

    /// Returns the cells of the type that all results have; else says which they have.
    pub(crate) fn cells(self) -> Result<Cells, &'static str> {
        match (self.n_ints + self.n_floats > 0, self.n_flags > 0, self.n_texts > 0) {
            (false, false, false) => Ok(Cells::Missing(self.n_missing)),
            (true, false, false) if self.n_floats == 0 && self.n_missing == 0 => {
                Ok(Cells::Int(Ints { values: self.ints, ..Ints::default() }))
            }
            (true, false, false) => Ok(Cells::Float(Floats::of(self.numbers))),
            (false, true, false) => Ok(Cells::Bool(self.flags)),
            (false, false, true) => {
                let mut texts = Texts::with_capacity(self.texts.len());
                self.texts.iter().for_each(|text| texts.push(text.as_ref().map(String::as_bytes)));
                Ok(Cells::Text(texts))
            }
            (true, true, _) => Err("numbers and flags"),
            (true, false, true) => Err("numbers and texts"),
            (false, true, true) => Err("flags and texts"),
        }
    }
}
