//! What loaders of formats have in common that know the names and types of their columns.

mod error;
mod places;

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_schema::Field;
use palladium_component::prelude::*;

pub(crate) use error::FormatError;
pub(crate) use places::{Lines, Rows};

use crate::source::{Compression, Held, Source, SourceFile, Storage};

/// Reads one file.
pub(crate) type ReadFile = fn(&SourceFile, &Reading<'_>) -> Result<Held<FormatError>, FormatError>;

/// What one loader is to read.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) path: &'a str,
    pub(crate) storage: Option<&'a Storage>,
    pub(crate) compression: Compression,
    pub(crate) target_column: Option<&'a str>,
    pub(crate) columns: Option<&'a [String]>,
    pub(crate) n_rows: Option<usize>,
}

impl Reading<'_> {
    /// Finds what is wrong with the arguments before there is any data.
    pub(crate) fn check(&self) -> Result<(), ArgumentError> {
        let wrong = |message: String| Err(ArgumentError::new("columns", message));
        Source::new(self.path, self.storage)?;
        let Some(columns) = self.columns else { return Ok(()) };
        if columns.is_empty() {
            return Err(ArgumentError::new("columns", "`columns` is empty, so that no column is read")
                .help("leave it out to read all columns"));
        }
        if let Some((_, name)) = columns.iter().enumerate().find(|(index, name)| columns[..*index].contains(name)) {
            return wrong(format!("`columns` has `{name}` twice"));
        }
        match self.target_column {
            Some(target) if !columns.iter().any(|name| name == target) => {
                let message = format!("`columns` leaves out the target `{target}`");
                Err(ArgumentError::new("columns", message).help("add it, the target is one of the columns to read"))
            }
            _ => Ok(()),
        }
    }

    /// Finds out whether there is something to read.
    pub(crate) fn probe(&self) -> Result<Probe, FormatError> {
        Ok(self.source()?.probe()?)
    }

    /// Loads the data set, of which `read` reads one file.
    pub(crate) fn load(&self, read: ReadFile, progress: &LoadProgress) -> Result<Dataset, FormatError> {
        let source = self.source()?.with_progress(progress);
        let table = source.read(self.n_rows, |file, n_rows| read(file, &Reading { n_rows, ..*self }))?;
        Dataset::split(table, self.target_column)
            .map_err(|reason| FormatError::Data { file: self.path.to_owned(), reason })
    }

    /// Returns what the data depend on.
    pub(crate) fn inputs(&self) -> Result<Option<Vec<Input>>, FormatError> {
        Ok(self.source()?.inputs()?)
    }

    fn source(&self) -> Result<Source, FormatError> {
        Source::new(self.path, self.storage).map_err(FormatError::Argument)
    }

    /// Returns the positions of the columns to read, in the order that the result is to have.
    ///
    /// # Errors
    /// A column or the target is not among those of the file.
    pub(crate) fn choose(&self, file: &SourceFile, present: &[&str]) -> Result<Vec<usize>, FormatError> {
        let no_column = |parameter, name: &str| FormatError::NoColumn {
            file: file.name().to_owned(),
            parameter,
            name: name.to_owned(),
            present: present.iter().map(|name| (*name).to_owned()).collect(),
        };
        if let Some(target) = self.target_column.filter(|target| !present.contains(target)) {
            return Err(no_column("target_column", target));
        }
        match self.columns {
            Some(columns) => {
                let position = |name: &String| present.iter().position(|other| other == name);
                columns.iter().map(|name| position(name).ok_or_else(|| no_column("columns", name))).collect()
            }
            // pandas stores the row labels of a frame as a column of such a name.
            None => {
                let is_label = |name: &str| name.starts_with("__index_level_") && name.ends_with("__");
                Ok((0..present.len()).filter(|position| !is_label(present[*position])).collect())
            }
        }
    }
}

/// Checks that tables hold a column, before anything of it is read.
pub(crate) fn check_type(file: &SourceFile, field: &Field) -> Result<(), FormatError> {
    match ColumnType::for_arrow(field.data_type()) {
        Some(_) => Ok(()),
        None => {
            let (name, found) = (field.name().clone(), field.data_type().to_string());
            Err(FormatError::data(file, DataError::UnsupportedType { name, found }))
        }
    }
}

/// Does work with a library that may give up on broken data.
pub(crate) fn guarded<T>(
    file: &SourceFile,
    format: &'static str,
    work: impl FnOnce() -> Result<T, FormatError>,
) -> Result<T, FormatError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(FormatError::broken(file, format, "its data are broken")))
}

/// Declares a loader. They differ in name, manual page and in what reads a file.
macro_rules! loader {
    ($(#[$attribute:meta])* $type:ident, $read:path) => {
        $(#[$attribute])*
        #[derive(Clone, Debug)]
        pub struct $type {
            /// The file, or several ones with the same columns: a folder, or a pattern with `*`, `?`, `[ab]` or `**`. A
            /// column of numbers in which all is missing in some files takes its type from the others. A relative path
            /// counts from the folder that the command runs in; `${here}/name` counts from the configuration file.
            /// Addresses that begin with `https://`, `http://`, `s3://`, `gs://` or `az://` are read from there.
            path: String,
            /// Name of the column to learn; the other columns are the features. Null: there is no target.
            target_column: Option<String>,
            /// Names of the columns to read, in the order that they are to have. The target is to be among them.
            /// Null: all, in the order of the file.
            #[param(alias = "usecols")]
            columns: Option<Vec<String>>,
            /// How many rows to read. Null: all.
            #[param(min = 1)]
            nrows: Option<usize>,
            /// How the file is compressed as a whole. `infer`: as its extension says, `.gz`, `.bz2`, `.zip`, `.xz` or
            /// `.zst`; null: not at all.
            #[param(default = "infer")]
            compression: $crate::source::Compression,
            /// How files are reached that do not lie on this machine, and how large they may be.
            storage: Option<$crate::source::Storage>,
        }

        impl $type {
            fn reading(&self) -> $crate::format::Reading<'_> {
                $crate::format::Reading {
                    path: &self.path,
                    storage: self.storage.as_ref(),
                    compression: self.compression,
                    target_column: self.target_column.as_deref(),
                    columns: self.columns.as_deref(),
                    n_rows: self.nrows,
                }
            }

            fn check(&self) -> Result<(), ArgumentError> {
                self.reading().check()
            }
        }

        impl Lifecycle for $type {
            fn probe(&self) -> Result<Probe, Failure> {
                Ok(self.reading().probe()?)
            }
        }

        impl DatasetLoader for $type {
            fn load(&self) -> Result<Dataset, Failure> {
                self.load_with_progress(&LoadProgress::default())
            }

            fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
                Ok(self.reading().load($read, progress)?)
            }

            fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
                Ok(self.reading().inputs()?)
            }
        }
    };
}

pub(crate) use loader;
