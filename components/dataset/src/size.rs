//! How many rows are asked for.

use palladium_component::prelude::*;

/// A number of rows, or a share of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Size {
    /// A share between 0 and 1, both excluded.
    Share(f64),
    /// So many, at least one.
    Rows(usize),
}

impl FromArgument for Size {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Float, ParamType::Int]);

    fn from_argument(value: &Value) -> Result<Size, Mismatch> {
        let expected = "a share between 0 and 1, as in `0.25`, or a number of rows from 1";
        let size = match &value.data {
            Data::Float(share) if 0.0 < *share && *share < 1.0 => Some(Size::Share(*share)),
            Data::Int(rows) if *rows >= 1 => usize::try_from(*rows).ok().map(Size::Rows),
            _ => None,
        };
        size.ok_or_else(|| Mismatch::wrong(expected, value))
    }
}

impl Size {
    /// Returns how many rows these are of so many, a share rounded up.
    pub(crate) fn rounded_up(self, n_rows: usize) -> usize {
        match self {
            Size::Share(share) => (share * n_rows as f64).ceil() as usize,
            Size::Rows(rows) => rows,
        }
    }

    /// Returns how many rows these are of so many, a share rounded down.
    pub(crate) fn rounded_down(self, n_rows: usize) -> usize {
        match self {
            Size::Share(share) => (share * n_rows as f64).floor() as usize,
            Size::Rows(rows) => rows,
        }
    }
}
