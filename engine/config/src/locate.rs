//! Finds and reads the files of a configuration.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use palladium_value::{Code, Diagnostic, Source, nearest};

use crate::limits::FILE_BYTES;

/// Where a configuration is looked for when none is named, in this order.
pub const DEFAULT_LOCATIONS: [&str; 4] =
    ["palladium-config.ron", "palladium-config.rhai", "etc/palladium-config.ron", "etc/palladium-config.rhai"];

/// The language of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Ron,
    Rhai,
}

/// A file that has been read.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) language: Language,
    /// The text, under the name that the user gave.
    pub(crate) source: Arc<Source>,
    /// The file, with symbolic links followed.
    pub(crate) path: PathBuf,
    /// The absolute directory in which the file was named.
    pub(crate) directory: PathBuf,
}

/// Returns the names of the files to read, and whether the name is a default location.
pub(crate) fn names(list: Option<&str>, directory: &Path) -> (Vec<String>, bool, Vec<Diagnostic>) {
    let Some(list) = list else {
        let found = DEFAULT_LOCATIONS.iter().find(|name| directory.join(name).exists());
        return (found.iter().map(ToString::to_string).collect(), found.is_some(), Vec::new());
    };
    let mut items: Vec<&str> = list.split(',').map(str::trim).collect();
    if items.len() > 1 && items.last().is_some_and(|item| item.is_empty()) {
        items.pop();
    }
    let count = items.len();
    let (mut names, mut findings) = (Vec::new(), Vec::new());
    for (index, item) in items.into_iter().enumerate() {
        if !item.is_empty() {
            names.push(item.to_owned());
        } else if count == 1 {
            let finding = Diagnostic::new(Code::FileNotFound, "the list of configuration files is empty");
            findings.push(finding.help("name a file, or leave `--config` and `PALLADIUM_CONFIG` out"));
        } else {
            let message = format!("item {} of {count} in the list of configuration files is empty", index + 1);
            let finding = Diagnostic::new(Code::FileNotFound, message).note(format!("the list is `{list}`"));
            findings.push(finding.help("name a file between the commas, or remove one of them"));
        }
    }
    (names, false, findings)
}

/// Reads a configuration file.
pub(crate) fn read(name: &str, working_directory: &Path) -> Result<Text, Diagnostic> {
    let path = working_directory.join(name);
    let language = match path.extension().and_then(|extension| extension.to_str()) {
        Some("ron") => Language::Ron,
        Some("rhai") => Language::Rhai,
        _ => return Err(unknown_extension(name)),
    };
    let text = read_text(&path).map_err(|why| why.diagnostic(name, &path))?;
    let canonical = fs::canonicalize(&path).map_err(|error| Unreadable::from(error).diagnostic(name, &path))?;
    let parent = path.parent().unwrap_or(&path);
    let directory = fs::canonicalize(parent).map_err(|error| Unreadable::from(error).diagnostic(name, &path))?;
    Ok(Text { language, source: Source::new(name, text), path: canonical, directory })
}

/// Why a file cannot be read, as the rest of a sentence about it.
#[derive(Debug)]
pub enum Unreadable {
    /// It does not exist.
    Missing,
    /// It is something else, such as `a directory`.
    NotAFile(&'static str),
    /// It has too many bytes.
    TooLarge,
    /// The line of the first byte that is not UTF-8.
    NotText(usize),
    /// What the operating system says.
    Other(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Unreadable {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unreadable::Missing,
            _ => Unreadable::Other(error),
        }
    }
}

impl Unreadable {
    fn diagnostic(self, name: &str, path: &Path) -> Diagnostic {
        match self {
            Unreadable::Missing => not_found(name, path),
            Unreadable::TooLarge => Diagnostic::new(Code::TooLarge, format!("configuration file `{name}` {self}")),
            Unreadable::NotText(_) => {
                Diagnostic::new(Code::Syntax, format!("configuration file `{name}` {self}")).help("save it as UTF-8")
            }
            Unreadable::NotAFile(_) | Unreadable::Other(_) => {
                Diagnostic::new(Code::FileNotFound, format!("configuration file `{name}` {self}"))
            }
        }
    }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::Missing => formatter.write_str("does not exist"),
            Unreadable::NotAFile(what) => write!(formatter, "is {what}, not a file"),
            Unreadable::TooLarge => write!(formatter, "is larger than {} MiB", FILE_BYTES >> 20),
            Unreadable::NotText(line) => write!(formatter, "is not UTF-8 text (line {line})"),
            Unreadable::Other(error) => write!(formatter, "cannot be read: {error}"),
        }
    }
}

/// Reads a text of bounded size; what is not an ordinary file is not even opened.
///
/// # Errors
/// Why there is no text.
pub fn read_text(path: &Path) -> Result<String, Unreadable> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(Unreadable::NotAFile("a directory"));
    }
    if !metadata.is_file() {
        return Err(Unreadable::NotAFile("a pipe, socket or device"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(Unreadable::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Unreadable::NotText(valid.iter().filter(|byte| **byte == b'\n').count() + 1)
    })?;
    // Some editors begin a file with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn unknown_extension(name: &str) -> Diagnostic {
    Diagnostic::new(Code::FileNotFound, format!("`{name}` is not named like a configuration file"))
        .note("known are `.ron` and `.rhai`")
}

fn not_found(name: &str, path: &Path) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::FileNotFound, format!("configuration file `{name}` does not exist"));
    let parent = path.parent().unwrap_or(path);
    let Ok(directory) = fs::canonicalize(parent) else {
        return diagnostic.note(format!("the directory `{}` does not exist either", parent.display()));
    };
    let diagnostic = diagnostic.note(format!("looked for in `{}`", directory.display()));
    match sibling(path, &directory) {
        Some(near) => diagnostic.help(format!("there is `{near}`; was it meant?")),
        None => diagnostic,
    }
}

/// Returns the configuration file in a directory whose name is nearest, the ending not counted.
fn sibling(path: &Path, directory: &Path) -> Option<String> {
    let entries = fs::read_dir(directory).ok()?.flatten().take(10_000);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let known: Vec<String> = names.filter(|name| name.ends_with(".ron") || name.ends_with(".rhai")).collect();
    let stem = |name: &str| name.rsplit_once('.').map_or_else(|| name.to_owned(), |(stem, _)| stem.to_owned());
    let stems: Vec<String> = known.iter().map(|name| stem(name)).collect();
    let wanted = stem(path.file_name()?.to_str()?);
    let near = match stems.iter().find(|stem| **stem == wanted) {
        Some(same) => same,
        None => nearest(&wanted, stems.iter().map(String::as_str))?,
    };
    known.iter().zip(&stems).find(|(_, stem)| *stem == near).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_lists() {
        let cases: [(&str, &[&str], usize); 8] = [
            ("a.ron", &["a.ron"], 0),
            (" a.ron ,\tb.rhai\n", &["a.ron", "b.rhai"], 0),
            ("a.ron,", &["a.ron"], 0),
            ("a.ron, ", &["a.ron"], 0),
            ("a.ron,,b.ron", &["a.ron", "b.ron"], 1),
            (",a.ron", &["a.ron"], 1),
            ("", &[], 1),
            (",,", &[], 2),
        ];
        for (list, expected, findings) in cases {
            let (names, is_default, found) = names(Some(list), Path::new("/"));
            assert_eq!((names, found.len()), (expected.iter().map(ToString::to_string).collect(), findings), "{list}");
            assert!(!is_default);
        }
    }

    #[test]
    fn takes_the_first_default_location() {
        let directory = tempfile::tempdir().unwrap();
        assert!(names(None, directory.path()).0.is_empty());
        fs::create_dir(directory.path().join("etc")).unwrap();
        for name in DEFAULT_LOCATIONS.iter().rev() {
            fs::write(directory.path().join(name), "{}").unwrap();
            let (found, is_default, findings) = names(None, directory.path());
            assert_eq!((found, is_default, findings.len()), (vec![name.to_string()], true, 0));
        }
    }
}
