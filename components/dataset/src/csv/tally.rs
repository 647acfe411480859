//! What the log says about the cells of a column, and errors that several cells make together.

use super::error::Place;

/// What a column consists of whose type is not declared, or is that of flags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) n_numbers: u64,
    pub(crate) n_others: u64,
    pub(crate) first_other: Option<(Place, String)>,
    /// The first whole number that is not kept to the last digit.
    pub(crate) first_rounded: Option<(Place, String)>,
}

impl Tally {
    /// Adds a cell; where it is no number, `other` says which it is.
    pub(crate) fn add(&mut self, is_number: bool, other: impl FnOnce() -> (Place, String)) {
        if is_number {
            self.n_numbers += 1;
            return;
        }
        self.n_others += 1;
        if self.first_other.is_none() {
            self.first_other = Some(other());
        }
    }

    /// Adds that of the cells that follow.
    pub(crate) fn append(&mut self, after: Tally) {
        self.n_numbers += after.n_numbers;
        self.n_others += after.n_others;
        if self.first_other.is_none() {
            self.first_other = after.first_other;
        }
        if self.first_rounded.is_none() {
            self.first_rounded = after.first_rounded;
        }
    }

    /// Says that whole numbers of a column are beyond 64 bits, with the first of them.
    pub(crate) fn rounding(&self, name: &str) -> Option<String> {
        let (place, cell) = self.first_rounded.as_ref()?;
        Some(format!(
            "{place}: column `{name}` is read as numbers, which do not keep all digits of `{cell}`; say \
             `dtype: {{\"{name}\": \"str\"}}` to read the texts as they are written"
        ))
    }

    /// Says that a column is text because of a few cells, with the first of them.
    pub(crate) fn warning(&self, name: &str) -> Option<String> {
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
