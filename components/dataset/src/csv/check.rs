//! Which options do not go together: what can be said while there is no data yet.

use std::collections::HashSet;
use std::hash::Hash;

use palladium_component::prelude::*;
use palladium_component::value::nearest;

use super::options::{ColumnName, Columns, MissingValues, Options};

impl Options<'_> {
    /// Finds what is wrong with the options before there is any data.
    pub(crate) fn check(&self) -> Result<(), ArgumentError> {
        self.check_path()?;
        self.check_names()?;
        self.check_usecols()?;
        self.check_target()?;
        self.check_na_values()
    }

    fn check_path(&self) -> Result<(), ArgumentError> {
        if self.path.is_empty() {
            return Err(ArgumentError::new("path", "`path` is empty, the name of a file is needed"));
        }
        let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        match self.path.split_once("://") {
            Some((scheme, _)) if !scheme.is_empty() && is_scheme(scheme) => {
                let message = format!("`path` is a `{scheme}` address, only files on this machine can be read");
                Err(ArgumentError::new("path", message).help("fetch the file first and give its path"))
            }
            _ => Ok(()),
        }
    }

    fn check_names(&self) -> Result<(), ArgumentError> {
        let Some(names) = self.names else { return Ok(()) };
        if names.is_empty() {
            return Err(ArgumentError::new("names", "`names` is empty")
                .help("leave it out to take the names from the header row, or give one name for each column"));
        }
        if let Some(index) = names.iter().position(|name| name.0.is_empty()) {
            return Err(ArgumentError::new("names", format!("name {} of `names` is empty", index + 1)));
        }
        match repeated(names.iter().map(|name| &name.0)) {
            Some(name) => Err(ArgumentError::new("names", format!("`names` has `{name}` twice"))),
            None => Ok(()),
        }
    }

    fn check_usecols(&self) -> Result<(), ArgumentError> {
        let twice = |what: String| Err(ArgumentError::new("usecols", format!("`usecols` has {what} twice")));
        let empty = || {
            Err(ArgumentError::new("usecols", "`usecols` is empty, so that no column is read")
                .help("leave it out to read all columns"))
        };
        match self.usecols {
            Some(Columns::Names(names)) => {
                if let Some(name) = repeated(names) {
                    return twice(format!("`{name}`"));
                }
                names.iter().try_for_each(|name| self.check_known("usecols", name))
            }
            Some(Columns::Positions(positions)) if positions.is_empty() => empty(),
            Some(Columns::Positions(positions)) => match repeated(positions) {
                Some(position) => twice(format!("position {position}")),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    fn check_target(&self) -> Result<(), ArgumentError> {
        let Some(ColumnName(target)) = self.target_column else { return Ok(()) };
        self.check_known("target_column", target)?;
        let left_out = match self.usecols {
            Some(Columns::Names(names)) => !names.contains(target),
            Some(Columns::Positions(positions)) => {
                self.position_of(target).is_some_and(|position| !positions.contains(&position))
            }
            None => false,
        };
        if left_out {
            let message = format!("`usecols` leaves out the target `{target}`");
            return Err(ArgumentError::new("usecols", message).help("add it, the target is one of the columns to read"));
        }
        Ok(())
    }

    fn check_na_values(&self) -> Result<(), ArgumentError> {
        match self.na_values {
            Some(MissingValues::PerColumn(map)) => map.keys().try_for_each(|name| self.check_known("na_values", name)),
            _ => Ok(()),
        }
    }

    /// Looks a column up in `names`, where those are given.
    fn check_known(&self, parameter: &'static str, name: &str) -> Result<(), ArgumentError> {
        let Some(names) = self.names else { return Ok(()) };
        let mut names = names.iter().map(|name| name.0.as_str());
        if names.clone().any(|other| other == name) {
            return Ok(());
        }
        let error = ArgumentError::new(parameter, format!("`{name}` of `{parameter}` is not among `names`"));
        Err(match nearest(name, &mut names) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        })
    }

    /// Returns the position of a column as far as it is known without the file.
    fn position_of(&self, name: &str) -> Option<usize> {
        match self.names {
            // So many names as positions are names of the chosen columns alone.
            Some(names) if !matches!(self.usecols, Some(Columns::Positions(chosen)) if chosen.len() == names.len()) => {
                names.iter().position(|other| other.0 == name)
            }
            None if self.header_row().is_none() => name.parse().ok(),
            _ => None,
        }
    }
}

/// Returns the first item that was there before.
fn repeated<'a, T: Eq + Hash>(items: impl IntoIterator<Item = &'a T>) -> Option<&'a T> {
    let mut seen = HashSet::new();
    items.into_iter().find(|item| !seen.insert(*item))
}
