//! Tables in text files: `palladium.dataset.CSV` and `palladium.dataset.Table`.
//!
//! The meaning of every option is that of pandas' `read_csv`, save where pandas would guess: a row with too few or
//! too many fields, and `names` that do not fit the fields, are errors here.
//!
//! A file is read in one streaming pass ([`load`]): [`lines`] splits it into records and knows their physical lines,
//! [`layout`] decides which fields become which columns, and one [`column`] for each gathers typed cells. The type of
//! a column is found on the way, by promotion from whole numbers to numbers to text. Going back to text needs the
//! cells as they were written, so the first thousand texts of each column are kept. A column of numbers that meets
//! its first text later than that is read again in a second pass over the file, which gathers such columns alone.
//! Memory thus holds the table and little more, and an ordinary file is split once. What cannot be read twice, such
//! as a pipe, keeps all its texts until the end.

mod cell;
mod check;
mod column;
mod error;
mod layout;
mod lines;
mod load;
mod markers;
mod options;
mod provenance;
mod records;

use palladium_component::prelude::*;

pub use error::{CsvError, Place};

use options::{ColumnName, Columns, Header, MissingValues, Options, Separator, SkippedLines};

/// Declares a loader. The two differ in name, manual page and default separator only.
macro_rules! loader {
    ($(#[doc = $doc:tt])* $type:ident, $name:tt, $separator:tt) => {
        $(#[doc = $doc])*
        #[component(DatasetLoader, name = $name, check, lifecycle)]
        #[derive(Clone, Debug)]
        pub struct $type {
            /// The file. A relative path counts from the folder that the command runs in; `${here}/iris.data` counts
            /// from the configuration file.
            path: String,
            /// Name of the column to learn; the other columns are the features. A whole number is the name of a
            /// numbered column. Null: there is no target.
            target_column: Option<ColumnName>,
            /// Names of the columns, one for each field. The file then has no header row, unless `header` says so.
            names: Option<Vec<ColumnName>>,
            /// The character between two fields, `"\t"` for a tab.
            #[param(alias = "delimiter", default = $separator)]
            sep: Separator,
            /// Which row holds the column names. `infer`: the first one, or none when `names` are given; null: none,
            /// columns are then numbered from `0`; a number: that row, counted from 0 after skipped and blank lines,
            /// and what stands before it is left out.
            #[param(default = "infer")]
            header: Header,
            /// How many rows to read. Null: all.
            #[param(min = 1)]
            nrows: Option<i64>,
            /// How many lines to skip at the start, or the list of numbers of the lines to skip, from 0. Blank lines
            /// count; a line break within quotes does not end a line. Null: none.
            skiprows: Option<SkippedLines>,
            /// Names, or positions from 0, of the columns to read. They keep the order of the file. The target is to
            /// be among them. Null: all.
            usecols: Option<Columns>,
            /// Further texts or numbers that mean a missing value: one, a list, or a map from column to either.
            /// The empty field and `#N/A`, `#N/A N/A`, `#NA`, `-1.#IND`, `-1.#QNAN`, `-NaN`, `-nan`, `1.#IND`,
            /// `1.#QNAN`, `<NA>`, `N/A`, `NA`, `NULL`, `NaN`, `n/a`, `nan` and `null` mean it always. A
            /// marker that is a number stands for its other spellings too in a column of numbers: 99 for `99.00`.
            na_values: Option<MissingValues>,
        }

        impl $type {
            fn options(&self) -> Options<'_> {
                Options {
                    path: &self.path,
                    target_column: self.target_column.as_ref(),
                    names: self.names.as_deref(),
                    separator: self.sep,
                    header: self.header,
                    nrows: self.nrows.and_then(|rows| usize::try_from(rows).ok()),
                    skiprows: self.skiprows.as_ref(),
                    usecols: self.usecols.as_ref(),
                    na_values: self.na_values.as_ref(),
                }
            }

            fn check(&self) -> Result<(), ArgumentError> {
                self.options().check()
            }
        }

        impl Lifecycle for $type {
            fn probe(&self) -> Result<Probe, Failure> {
                load::probe(&self.path)?;
                Ok(Probe::Found(format!("the file `{}`", self.path)))
            }
        }

        impl DatasetLoader for $type {
            fn load(&self) -> Result<Dataset, Failure> {
                Ok(load::load(&self.options())?)
            }

            fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
                Ok(Some(vec![Input::File(self.path.clone().into())]))
            }
        }
    };
}

loader! {
    /// Loads a table from a text file with separated fields.
    ///
    /// ```ron
    /// CSV(
    ///     path: "${here}/iris.data",
    ///     names: ["sepal length", "sepal width", "petal length", "petal width", "species"],
    ///     target_column: "species",
    ///     nrows: 100,
    /// )
    /// ```
    ///
    /// The file is UTF-8 text, one row a line. A field in double quotes may hold separators, line breaks and, doubled,
    /// quotes. Blank lines are left out. All rows have the same number of fields. The file is read anew each time.
    ///
    /// Each column gets a type by its values: whole numbers; numbers; flags (`true` and `false` in any case); else
    /// text. Whole numbers with a missing value among them, or one beyond 64 bits, are numbers. A column that is text
    /// because of a few values, nine in ten being numbers, is told in the log with the line of the first such value.
    ///
    /// Column names that repeat are told apart: `x`, `x.1`. A column without a name is called `Unnamed: 0` by its
    /// position.
    Csv, "palladium.dataset.CSV", ","
}

loader! {
    /// Loads a table from a text file with fields separated by tabs. Deprecated: `palladium.dataset.CSV` with a `sep`.
    ///
    /// ```ron
    /// Table(path: "${here}/iris.tsv", target_column: "species")
    /// ```
    ///
    /// Except for the default of `sep` it is `palladium.dataset.CSV`.
    TabSeparated, "palladium.dataset.Table", "\t"
}
