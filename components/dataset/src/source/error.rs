//! What can go wrong with the files that data come from.

use std::error::Error;
use std::io;
use std::path::Path;

use palladium_component::prelude::*;
use palladium_component::value::{folder_of, near_file, neighbours};

use super::compression::Format;
use super::remote::RemoteError;

/// Data cannot be read from where they are said to be. Names of files hold no secrets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// There is no such file.
    #[error("there is no file `{file}`")]
    NoFile { file: String, advice: String },
    /// There is nothing in a file.
    #[error("`{file}` is empty")]
    Empty { file: String },
    /// A file cannot be opened or read.
    #[error("cannot read `{file}`")]
    Unreadable {
        file: String,
        #[source]
        reason: io::Error,
    },
    /// A pattern is none.
    #[error("`{pattern}` is no pattern of files: {reason}")]
    Pattern { pattern: String, reason: String },
    /// A pattern fits no file.
    #[error("no file fits `{pattern}`")]
    NoMatch { pattern: String },
    /// A folder has no files.
    #[error("there are no files in the folder `{folder}`")]
    EmptyFolder { folder: String },
    /// A folder or pattern stands for too many files.
    #[error("`{path}` stands for more than {most} files")]
    TooManyFiles { path: String, most: usize },
    /// A compressed file ends too early.
    #[error("`{file}` breaks off: its {format} data are not complete")]
    Truncated { file: String, format: Format },
    /// A compressed file is broken, or none.
    #[error("`{file}` cannot be unpacked as {format}")]
    Corrupt {
        file: String,
        format: Format,
        #[source]
        reason: io::Error,
    },
    /// A compressed file becomes too large.
    #[error("`{file}` becomes larger than {limit} bytes when it is unpacked")]
    TooLarge { file: String, limit: u64 },
    /// A compressed file becomes many times larger.
    #[error("`{file}` becomes more than {ratio} times larger when it is unpacked")]
    Inflates { file: String, ratio: u64 },
    /// An archive does not hold exactly one file.
    #[error("`{file}` holds {found} files, exactly one is needed")]
    Members { file: String, found: usize },
    /// The file in an archive cannot be read.
    #[error("the file in `{file}` is {what}")]
    Member { file: String, what: String },
    /// An archive is not a file on disk.
    #[error("`{file}` is no file on disk, which a zip archive has to be")]
    NotAFile { file: String },
    /// A temporary file cannot be made.
    #[error("no temporary file can be made in `{}`", std::env::temp_dir().display())]
    Temporary(#[source] io::Error),
    /// A server does not give it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// Two files have different columns.
    #[error("`{first}` and `{file}` have different columns: {difference}")]
    Columns { first: String, file: String, difference: String },
    /// Two files have different types in a column.
    #[error("column `{column}` holds {found} in `{file}`, and {expected} in `{first}`")]
    Types { column: String, found: ColumnType, file: String, expected: ColumnType, first: String },
    /// The files together are no table.
    #[error("`{file}`: {reason}")]
    NotATable { file: String, reason: DataError },
}

impl SourceError {
    /// Returns what an error of a reader means.
    pub(super) fn of(file: &str, error: io::Error) -> SourceError {
        match error.downcast::<SourceError>() {
            Ok(error) => error,
            Err(reason) => SourceError::Unreadable { file: file.to_owned(), reason },
        }
    }

    /// Returns the first of these errors in a chain of causes that ends with it.
    pub(super) fn take_from(error: io::Error) -> Result<SourceError, io::Error> {
        if error.get_ref().is_some_and(|inner| (inner as &(dyn Error + 'static)).is::<SourceError>()) {
            return error.downcast::<SourceError>();
        }
        Err(error)
    }
}

impl Explain for SourceError {
    fn help(&self) -> Option<String> {
        let text = match self {
            SourceError::NoFile { advice, .. } => advice.as_str(),
            SourceError::Unreadable { .. } | SourceError::Temporary(_) => return None,
            SourceError::Pattern { .. } => {
                "`*` stands for any characters in a name, `?` for one, `[ab]` for one of these, `**` for folders of any \
                 depth"
            }
            SourceError::NoMatch { pattern } if Path::new(pattern).is_relative() => {
                "check `path`; it counts from the folder that the command runs in"
            }
            SourceError::NoMatch { .. } | SourceError::EmptyFolder { .. } | SourceError::Empty { .. } => "check `path`",
            SourceError::TooManyFiles { .. } => {
                "divide them among several loaders, which `palladium.dataset.Concat` joins"
            }
            SourceError::Truncated { .. } => "fetch or write the file anew",
            SourceError::Corrupt { .. } => "check the file, and `compression`",
            SourceError::TooLarge { .. } => "raise `max_size` in `storage`",
            SourceError::Inflates { .. } => "unpack the file first if it is meant to do so",
            SourceError::Members { .. } => "unpack it first, and read the files with a pattern such as `folder/*.csv`",
            SourceError::Member { .. } => "pack it anew, deflated and without a password",
            SourceError::NotAFile { .. } => "save it to a file first",
            SourceError::Columns { .. } => "the files of one loader have the same columns",
            SourceError::Types { .. } => "make the cells of the column alike, or leave the column out",
            SourceError::Remote(error) => return error.help(),
            SourceError::NotATable { reason, .. } => return reason.help(),
        };
        Some(text.to_owned())
    }
}

/// Returns the error about a file that cannot be opened.
pub(super) fn cannot_open(file: &str, reason: io::Error) -> SourceError {
    match reason.kind() {
        io::ErrorKind::NotFound => SourceError::NoFile { file: file.to_owned(), advice: advice(Path::new(file)) },
        _ => SourceError::Unreadable { file: file.to_owned(), reason },
    }
}

/// Says what may be meant with a path that leads nowhere.
fn advice(path: &Path) -> String {
    if let Some(near) = near_file(path) {
        return format!("did you mean `{}`?", near.display());
    }
    let mut advice = Vec::new();
    let folder = folder_of(path);
    if !folder.is_dir() {
        advice.push(format!("there is no folder `{}` either", folder.display()));
    } else if let Some(only) = neighbours(path).as_deref().and_then(|names| only_of_its_kind(path, names)) {
        advice.push(format!("the only file of this kind there is `{}`", path.with_file_name(only).display()));
    }
    if path.is_relative() {
        let here = std::env::current_dir().map_or_else(|_| String::new(), |folder| format!(", `{}`", folder.display()));
        advice.push(format!(
            "the path counts from the folder that the command runs in{here}; `${{here}}/{}` counts from the \
             configuration file",
            path.display()
        ));
    }
    if advice.is_empty() {
        advice.push("check `path`".into());
    }
    advice.join("; ")
}

/// Returns the name whose ending is that of a file, if it is but one.
fn only_of_its_kind<'a>(path: &Path, names: &'a [String]) -> Option<&'a str> {
    let ending = path.extension()?;
    let has_ending = |name: &&String| Path::new(name).extension().is_some_and(|own| own.eq_ignore_ascii_case(ending));
    let mut alike = names.iter().filter(has_ending);
    alike.next().filter(|_| alike.next().is_none()).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_file_of_its_kind_is_named() {
        let names = ["f.csv", "g.csv", "daten.DATA", "plain"].map(str::to_owned);
        for (wanted, expected) in [("data.data", Some("daten.DATA")), ("h.csv", None), ("a.json", None), ("data", None)]
        {
            assert_eq!(only_of_its_kind(Path::new(wanted), &names), expected, "{wanted}");
        }
    }
}
