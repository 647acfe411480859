//! Files of this machine: one, those of a folder, or those that fit a pattern.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use glob::MatchOptions;
use palladium_component::prelude::*;

use super::error::{SourceError, cannot_open};

/// How many files one source may have.
pub(super) const MOST_FILES: usize = 100_000;

/// How patterns are understood, as in a shell: a wildcard stands for no slash and no dot at the start of a name.
pub(super) const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Returns the path of a `file` URL, of which this is what follows `file://`.
pub(super) fn of_url(rest: &str) -> Result<String, ArgumentError> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    match path.starts_with('/') {
        true => Ok(path.to_owned()),
        false => Err(ArgumentError::new("path", "a `file` URL has no host: three slashes stand before the path")
            .help("write `file:///folder/name`")),
    }
}

/// Tells whether a path has wildcards in it.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Returns the names and paths of the files that a path stands for, sorted by name.
pub(super) fn files(path: &str) -> Result<Vec<(String, PathBuf)>, SourceError> {
    let plain = PathBuf::from(path);
    // A file may have the signs of a pattern in its name.
    if plain.is_dir() {
        return in_folder(path, &plain);
    }
    if is_pattern(path) && !plain.exists() {
        return fitting(path);
    }
    Ok(vec![(path.to_owned(), plain)])
}

/// Opens a file.
pub(super) fn open(name: &str, path: &Path) -> Result<File, SourceError> {
    File::open(path).map_err(|reason| cannot_open(name, reason))
}

/// Tells whether a file of a folder is none of its data, by its name: it is hidden, or a mark such as `_SUCCESS`.
pub(super) fn is_mark(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

fn in_folder(shown: &str, folder: &Path) -> Result<Vec<(String, PathBuf)>, SourceError> {
    let unreadable = |reason: io::Error| SourceError::Unreadable { file: shown.to_owned(), reason };
    let mut paths = Vec::new();
    for entry in folder.read_dir().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if !is_mark(&entry.file_name().to_string_lossy()) && !path.is_dir() {
            paths.push(path);
        }
        check_count(shown, paths.len())?;
    }
    if paths.is_empty() {
        return Err(SourceError::EmptyFolder { folder: shown.to_owned() });
    }
    Ok(sorted(paths))
}

fn fitting(pattern: &str) -> Result<Vec<(String, PathBuf)>, SourceError> {
    let wrong =
        |error: glob::PatternError| SourceError::Pattern { pattern: pattern.to_owned(), reason: error.msg.to_owned() };
    let mut paths = Vec::new();
    for path in glob::glob_with(pattern, MATCHING).map_err(wrong)? {
        let path = path.map_err(|error| SourceError::Unreadable {
            file: error.path().display().to_string(),
            reason: error.into(),
        })?;
        if !path.is_dir() {
            paths.push(path);
        }
        check_count(pattern, paths.len())?;
    }
    if paths.is_empty() {
        return Err(SourceError::NoMatch { pattern: pattern.to_owned() });
    }
    Ok(sorted(paths))
}

/// Checks the number of files so far.
pub(super) fn check_count(path: &str, count: usize) -> Result<(), SourceError> {
    match count > MOST_FILES {
        true => Err(SourceError::TooManyFiles { path: path.to_owned(), most: MOST_FILES }),
        false => Ok(()),
    }
}

fn sorted(mut paths: Vec<PathBuf>) -> Vec<(String, PathBuf)> {
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), path)).collect()
}
