//! Tables in text files: `palladium.dataset.CSV` and `palladium.dataset.Table`.
//!
//! The meaning of every option is that of pandas' `read_csv`, save where pandas would guess: surplus fields, and `names`
//! that do not fit the fields, are errors here.
//!
//! [`blocks`] hands the file out in blocks of whole rows, to as many threads as there are cores ([`load`]). A block is
//! split into fields ([`dialect`], or [`plain`] where there are no quotes), which [`layout`] makes columns of; [`part`]
//! reads the cells of a column in a block, and [`column`] puts the parts together in the order of the file. The type of
//! a column whose type is not declared is found on the way: it is the first of whole numbers, numbers, flags and text
//! that holds for all blocks. A column that turns out to be text after it was read as something else is read again in a
//! second pass over the file, which gathers such columns alone. Memory thus holds the table and little more: a block ends
//! early where short rows would be filled up to very many fields, and a table of hardly anything else is refused. What
//! cannot be read twice, such as a pipe, keeps all its texts until the end. [`tally`] has what the log is told of a column.

mod block;
mod blocks;
mod cell;
mod cells;
mod check;
mod column;
mod dates;
mod decimal;
mod dialect;
mod encoding;
mod error;
mod kind;
mod layout;
mod load;
mod markers;
mod mixed;
mod options;
mod part;
mod plain;
mod provenance;
mod simd;
mod sniff;
mod tally;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;
use palladium_component::prelude::*;

pub use error::{CsvError, Place};

use crate::source::{Compression, Source, Storage};
use encoding::Encoding;
use load::Effort;
use options::{
    BadLines, Character, ColumnName, Columns, DateColumns, Header, Kinds, Labels, MissingValues, Options, Quoting,
    SeparatorOption, SkippedLines,
};

/// Declares a loader. The two differ in name, manual page and default separator only.
macro_rules! loader {
    ($(#[doc = $doc:tt])* $type:ident, $name:tt, $separator:tt) => {
        $(#[doc = $doc])*
        #[component(
            DatasetLoader,
            name = $name,
            check,
            lifecycle,
            gone(
                ndarray = "leave it out; data keep their columns and types, and learners take what they need",
                chunksize = "leave it out; a loader returns one table, `nrows` and `skiprows` choose a part of it",
                iterator = "leave it out; a loader returns one table, `nrows` and `skiprows` choose a part of it",
                date_parser = "leave it out; `parse_dates` knows the usual formats, `converters` any other",
                date_format = "leave it out; `parse_dates` knows the usual formats, with `dayfirst`; `converters` any other",
                cache_dates = "leave it out; dates are read fast without a cache",
                dtype_backend = "leave it out; there is one kind of columns, in which values of any type may be missing",
                storage_options = "say `storage` instead",
                verbose = "leave it out; the log tells what is odd about a file",
                infer_datetime_format = "leave it out; the format of dates is found out with every cell",
                keep_date_col = "leave it out; columns are not combined to dates",
                squeeze = "leave it out; a loader returns a table, also of one column",
                prefix = "leave it out; give the columns `names`",
                mangle_dupe_cols = "leave it out; column names that repeat are always told apart",
                float_precision = "leave it out; every number is the nearest that there is",
                dialect = "leave it out; `sep`, `quotechar`, `doublequote`, `escapechar`, `skipinitialspace` and `quoting` \
                           say the same",
                encoding_errors = "leave it out; text that is not of the encoding is an error",
                lineterminator = "leave it out; a line ends with a newline, a carriage return or both",
                error_bad_lines = "say `on_bad_lines` instead",
                warn_bad_lines = "say `on_bad_lines` instead",
                delim_whitespace = "say `sep: \"\\\\s+\"` instead"
            )
        )]
        #[derive(Clone, Debug)]
        pub struct $type {
            /// The file, or a folder or a pattern such as `${here}/*.csv`, whose files are read one after another and
            /// have the same columns. Of files that have no row but the header, the others give the rows, and a column
            /// in which all is missing in a file has the type that it has in the others. A relative path counts from
            /// the folder that the command runs in; `${here}/iris.data` counts from the configuration file.
            path: String,
            /// Name of the column to learn; the other columns are the features. A whole number is the name of a
            /// numbered column. Null: there is no target.
            target_column: Option<ColumnName>,
            /// Names of the columns, one for each field. The file then has no header row, unless `header` says so.
            names: Option<Vec<ColumnName>>,
            /// The character between two fields, `"\t"` for a tab. A longer text is a regular expression; quotes mean
            /// themselves then, except with `\s+`, any number of spaces and tabs. Null: the first line tells, as to the
            /// `Sniffer` of Python.
            #[param(alias = "delimiter", default = $separator)]
            sep: SeparatorOption,
            /// Which row holds the column names. `infer`: the first one, or none when `names` are given; null: none,
            /// columns are then numbered from `0`; a number: that row, counted from 0 after skipped and blank lines,
            /// and what stands before it is left out. A list of several rows is refused: a column has one name.
            #[param(default = "infer")]
            header: Header,
            /// How many rows to read. 0: the columns alone, whose types the first row tells. Null: all.
            #[param(min = 0)]
            nrows: Option<i64>,
            /// How many lines to skip at the start; or the list of numbers of the lines to skip, from 0; or a function
            /// `|line|` that says of each number whether to skip the line. Blank lines count; a line break within
            /// quotes does not end a line. Null: none.
            skiprows: Option<SkippedLines>,
            /// How many lines to skip at the end. Blank lines count.
            #[param(default = 0)]
            skipfooter: usize,
            /// Whether to leave out lines of white space; otherwise each of them is a row of missing values.
            #[param(default = true)]
            skip_blank_lines: bool,
            /// Names, or positions from 0, of the columns to read, or a function `|name|` that says of each column
            /// whether to read it. Columns keep the order of the file. The target is to be among them. Null: all.
            usecols: Option<Columns>,
            /// The column or list of columns, by name or by position among those that are read, that label the rows. The
            /// table leaves them out. Rows may begin with labels for which the header has no name, if there are as many
            /// of them as columns here. False: no column; fields at the end of rows for which there is no name are left
            /// out.
            index_col: Option<Labels>,
            /// Further texts or numbers that mean a missing value: one, a list, or a map from column to either. A
            /// marker that is a number stands for its other spellings too in a column of numbers: 99 for `99.00`.
            na_values: Option<MissingValues>,
            /// Whether these mean a missing value, too: the empty field, `#N/A`, `#N/A N/A`, `#NA`, `-1.#IND`,
            /// `-1.#QNAN`, `-NaN`, `-nan`, `1.#IND`, `1.#QNAN`, `<NA>`, `N/A`, `NA`, `NULL`, `NaN`, `n/a`, `nan` and
            /// `null`.
            #[param(default = true)]
            keep_default_na: bool,
            /// Whether anything means a missing value. If not, `na_values` and `keep_default_na` have no effect.
            #[param(default = true)]
            na_filter: bool,
            /// The type of all columns, or a map from column, by name or position, to type. `int64` and the other whole
            /// numbers, which may be written as `1.0` or `1e3`; `Int64`, which may be missing; `float64`; `float32`,
            /// which is kept in 64 bits; `bool`, either words or numbers that are 0 or 1; `boolean`, which may be
            /// missing, and where words may stand beside `0`, `0.0`, `1` and `1.0`; `str` or `object`, the text as it
            /// is written; `category`; and `int`, `float`, `text`, `date`, `timestamp` and `timestamp_utc`. A cell of
            /// another type is an error. Null: the cells tell.
            dtype: Option<Kinds>,
            /// A map from column, by name or position, to a function `|text|` that returns what the field stands for: a
            /// number, a flag, a text or nothing, of one type for all rows. It is given missing values as they are
            /// written, and wins over `dtype`.
            converters: Option<IndexMap<String, Callback>>,
            /// Further texts that mean true, beside `true` in any case: one or a list. Numbers are numbers first.
            true_values: Option<Texts>,
            /// Further texts that mean false, beside `false` in any case.
            false_values: Option<Texts>,
            /// The list of columns, by name or by position among those that are read, that hold dates or times. The
            /// year may come first, as in `2024-01-31T10:00:00Z`, or last, as in `1/31/2024`, and months may be names.
            /// If all have a time zone, they become times in UTC. A cell that is no date is an error. True: the labels
            /// of `index_col`, which the table leaves out.
            #[param(default = false)]
            parse_dates: DateColumns,
            /// Whether the day comes first in `1/2/2024`.
            #[param(default = false)]
            dayfirst: bool,
            /// The character between groups of digits.
            thousands: Option<Character>,
            /// The character before the fraction of a number.
            #[param(default = ".")]
            decimal: Character,
            /// The character that makes the rest of a line a comment. A line that begins with it is left out.
            comment: Option<Character>,
            /// The character around fields that hold separators, line breaks or quotes.
            #[param(default = "\"")]
            quotechar: Option<Character>,
            /// Whether quotes have a meaning: with `QUOTE_NONE`, or 3, they have none. `QUOTE_MINIMAL` and `QUOTE_ALL`, or
            /// 0 and 1, are read alike; with `QUOTE_NONNUMERIC`, or 2, whole numbers are read as numbers.
            #[param(default = 0)]
            quoting: Quoting,
            /// Whether two quotes within a quoted field are one.
            #[param(default = true)]
            doublequote: bool,
            /// The character before one that loses its meaning.
            escapechar: Option<Character>,
            /// Whether to leave out spaces at the start of fields.
            #[param(default = false)]
            skipinitialspace: bool,
            /// The encoding of the file, by the name that Python has for it: `utf-8`, `latin-1`, `cp1252`, `utf-16` and
            /// so on. A byte order mark is left out.
            #[param(default = "utf-8")]
            encoding: Encoding,
            /// How the file is compressed: `gzip`, `bz2`, `zip`, `xz`, `zstd`; null: not at all; `infer`: the extension
            /// tells, `.gz`, `.bz2`, `.zip`, `.xz` or `.zst`.
            #[param(default = "infer")]
            compression: Compression,
            /// Options of the place that the file is read from.
            storage: Option<Storage>,
            /// What to do about rows with too many fields: `error`; `warn`, which leaves them out and tells the log; or
            /// `skip`, which leaves them out. Rows with too few fields are always filled up with empty ones, which are
            /// missing values unless `keep_default_na` or `na_filter` is false, and the log tells how many there are. A
            /// table of more than 100 million cells is refused if the rows do not have a field for one in twenty of them.
            #[param(default = "error")]
            on_bad_lines: BadLines,
            /// Accepted and without effect: there is one engine.
            engine: Option<Engine>,
            /// Accepted and without effect: memory is always bounded, and a column always has one type.
            low_memory: Option<bool>,
            /// Accepted and without effect.
            memory_map: Option<bool>,
        }

        impl $type {
            fn options(&self) -> Options<'_> {
                // The engine makes no difference, and memory is used sparingly anyway.
                let (_, _, _) = (&self.engine, self.low_memory, self.memory_map);
                Options {
                    target_column: self.target_column.as_ref(),
                    names: self.names.as_deref(),
                    separator: &self.sep,
                    header: self.header,
                    nrows: self.nrows.and_then(|rows| usize::try_from(rows).ok()),
                    skiprows: self.skiprows.as_ref(),
                    skipfooter: self.skipfooter,
                    skip_blank_lines: self.skip_blank_lines,
                    usecols: self.usecols.as_ref(),
                    index_col: self.index_col.as_ref(),
                    na_values: self.na_values.as_ref(),
                    keep_default_na: self.keep_default_na,
                    na_filter: self.na_filter,
                    dtype: self.dtype.as_ref(),
                    converters: self.converters.as_ref(),
                    true_values: self.true_values.as_ref(),
                    false_values: self.false_values.as_ref(),
                    parse_dates: &self.parse_dates,
                    dayfirst: self.dayfirst,
                    thousands: self.thousands,
                    decimal: self.decimal,
                    comment: self.comment,
                    quotechar: self.quotechar,
                    quoting: self.quoting,
                    doublequote: self.doublequote,
                    escapechar: self.escapechar,
                    skipinitialspace: self.skipinitialspace,
                    encoding: self.encoding,
                    on_bad_lines: self.on_bad_lines,
                }
            }

            fn check(&self) -> Result<(), ArgumentError> {
                self.source()?;
                self.options().check()
            }

            fn source(&self) -> Result<Source, ArgumentError> {
                Source::new(&self.path, self.storage.as_ref())
            }

            /// Returns the source, whose arguments have been checked.
            fn files(&self) -> Result<Source, Failure> {
                self.source().map_err(|error| Failure::message(error.message))
            }
        }

        impl Lifecycle for $type {
            fn probe(&self) -> Result<Probe, Failure> {
                Ok(self.files()?.probe()?)
            }
        }

        impl DatasetLoader for $type {
            fn load(&self) -> Result<Dataset, Failure> {
                self.load_with_progress(&LoadProgress::default())
            }

            fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
                let (source, options) = (self.files()?, self.options());
                Ok(load::load(&source, self.compression, &options, Effort::ordinary(), progress)?)
            }

            fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
                Ok(self.files()?.inputs()?)
            }
        }
    };
}

/// The engines of pandas.
#[derive(Clone, Copy, Debug)]
struct Engine;

impl FromArgument for Engine {
    const TYPE: ParamType = ParamType::Choice(&["c", "python", "pyarrow"]);

    fn from_argument(value: &Value) -> Result<Self, Mismatch> {
        match value.as_text() {
            Some("c" | "python" | "pyarrow") => Ok(Engine),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
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
    /// The options are those of pandas' `read_csv`, under its names and with its meaning. One row is one line, except
    /// that a field in double quotes may hold separators, line breaks and, doubled, quotes. Blank lines are left out.
    /// The file is read anew each time, by as many threads as there are cores.
    ///
    /// Each column gets a type by its values: whole numbers; numbers; flags (`true` and `false` in any case); else
    /// text. Whole numbers with a missing value among them, or one beyond 64 bits, are numbers; the log tells of one
    /// that is rounded thereby. A column that is text because of a few values, nine in ten being numbers, is told in
    /// the log with the line of the first such value. `dtype`, `parse_dates` and `converters` say what a column is to
    /// be instead.
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
