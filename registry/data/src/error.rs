//! What can be wrong with data.

use crate::{ColumnType, Table};

/// Says what is wrong with a table, and in which column and row of it. Rows count from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DataError {
    /// A column was asked for that is not there.
    #[error("no column `{name}`; there are {present}", present = listed(.present))]
    NoSuchColumn {
        /// The column asked for.
        name: String,
        /// The columns there are.
        present: Vec<String>,
    },
    /// Two columns have one name.
    #[error("two columns are named `{0}`")]
    DuplicateColumn(String),
    /// Columns differ in length.
    #[error("column `{name}` has {found} rows where the others have {expected}")]
    UnequalLength {
        /// The column.
        name: String,
        /// Its rows.
        found: usize,
        /// The rows of the first column.
        expected: usize,
    },
    /// A mask that chooses rows has another number of them than the table.
    #[error("the mask has {found} flags for {expected} rows")]
    MaskLength {
        /// Its flags.
        found: usize,
        /// The rows of the table.
        expected: usize,
    },
    /// A column has an Arrow type that tables do not hold.
    #[error("column `{name}` has the type {found}, which tables do not hold")]
    UnsupportedType {
        /// The column.
        name: String,
        /// The Arrow type.
        found: String,
    },
    /// A column of another type is needed.
    #[error("{}column `{name}` holds {found}, {expected} is needed", at(.place))]
    WrongType {
        /// The column.
        name: String,
        /// What it holds.
        found: ColumnType,
        /// What is needed, in words.
        expected: &'static str,
        /// Place and text of a cell that makes it so, if known.
        place: Option<String>,
    },
    /// A cell does not stand for a value of the type that its column is to have.
    #[error(
        "{}column `{name}` holds `{text}`{}, which is no {}",
        at(.place),
        in_row(.place, *.row),
        .expected.singular()
    )]
    NotCast {
        /// The column.
        name: String,
        /// The type it was to have.
        expected: ColumnType,
        /// The cell as text, cut where it is long.
        text: String,
        /// The row, from 1.
        row: usize,
        /// Where the row comes from, if known.
        place: Option<String>,
    },
    /// A cell is empty where a value is needed.
    #[error("{}column `{name}` has no value{}, where one is needed", at(.place), in_row(.place, *.row))]
    MissingValue {
        /// The column.
        name: String,
        /// The row, from 1.
        row: usize,
        /// Where the row comes from, if known.
        place: Option<String>,
    },
    /// A cell holds a number that is infinite or not a number.
    #[error(
        "{}column `{name}` holds an infinite number or NaN{}, where a finite one is needed",
        at(.place),
        in_row(.place, *.row)
    )]
    NotFinite {
        /// The column.
        name: String,
        /// The row, from 1.
        row: usize,
        /// Where the row comes from, if known.
        place: Option<String>,
    },
    /// A target has fractions where classes are needed.
    #[error(
        "{}target `{name}` holds the number {value}{}: classes are whole numbers, flags or text; \
         for a target of measured numbers take a regressor",
        at(.place),
        in_row(.place, *.row)
    )]
    FractionalClass {
        /// The target column.
        name: String,
        /// The row, from 1.
        row: usize,
        /// The number.
        value: f64,
        /// Where the row comes from, if known.
        place: Option<String>,
    },
    /// The data set has no target.
    #[error("the data has no target: give the loader a `target_column`")]
    NoTarget,
    /// There is not one row.
    #[error("the data has no rows")]
    NoRows,
    /// There are neither columns nor rows nor a target.
    #[error("there is no data to learn from or to score with")]
    NoData,
    /// Rows of several tables, or rows that stand several times, are more than a column holds.
    #[error("the table is too large: {0}")]
    TooLarge(String),
    /// The samples lack columns that a model was trained on.
    #[error("the model was trained on columns that are missing here: {missing}; given are {given}", missing = listed(.missing), given = listed(.given))]
    ColumnsMissing {
        /// The columns that are missing.
        missing: Vec<String>,
        /// The columns that were given.
        given: Vec<String>,
        /// Those of them that the model was not trained on.
        unknown: Vec<String>,
    },
    /// The samples have another number of columns than a model was trained on.
    #[error("the model was trained on {expected} columns ({names}), {found} were given", names = listed(.names))]
    ColumnCount {
        /// The columns of the training data.
        expected: usize,
        /// The columns given.
        found: usize,
        /// The names of the columns of the training data.
        names: Vec<String>,
    },
}

impl DataError {
    /// Adds where rows and cells come from, as far as the table knows.
    #[must_use]
    pub fn located(mut self, table: &Table) -> DataError {
        match &mut self {
            DataError::MissingValue { row, place, .. }
            | DataError::NotFinite { row, place, .. }
            | DataError::NotCast { row, place, .. }
            | DataError::FractionalClass { row, place, .. }
                if place.is_none() =>
            {
                *place = table.place(*row - 1);
            }
            DataError::WrongType { name, found: ColumnType::Text, place, .. } if place.is_none() => {
                *place = table.text_cell(name);
            }
            _ => {}
        }
        self
    }
}

fn at(place: &Option<String>) -> String {
    place.as_ref().map_or_else(String::new, |place| format!("{place}: "))
}

/// Names the row where its place is not known, which says the same better.
fn in_row(place: &Option<String>, row: usize) -> String {
    place.as_ref().map_or_else(|| format!(" in row {row}"), |_| String::new())
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    if names.len() > SHOWN {
        text.push(format!("and {} more", names.len() - SHOWN));
    }
    text.join(", ")
}
