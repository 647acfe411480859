//! Which options do not go together: what can be said while there is no data yet.

use std::collections::HashSet;
use std::hash::Hash;

use palladium_component::prelude::*;
use palladium_component::value::nearest;

use super::dialect::Separator;
use super::options::{
    Character, ColumnName, ColumnRef, Columns, DateColumns, Kinds, Labels, MissingValues, Options, Quoting,
    SeparatorOption, SkippedLines,
};

impl Options<'_> {
    /// Finds what is wrong with the options before there is any data.
    pub(crate) fn check(&self) -> Result<(), ArgumentError> {
        self.check_names()?;
        self.check_usecols()?;
        self.check_target()?;
        self.check_columns()?;
        self.check_characters()?;
        self.check_functions()?;
        if self.skipfooter > 0 && self.nrows.is_some() {
            let message = "`skipfooter` and `nrows` do not go together: with `nrows` the end of the file is not read";
            return Err(ArgumentError::new("skipfooter", message));
        }
        Ok(())
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
            Some(Columns::Chosen(_)) | None => Ok(()),
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
            Some(Columns::Chosen(_)) | None => false,
        };
        if left_out {
            let message = format!("`usecols` leaves out the target `{target}`");
            return Err(ArgumentError::new("usecols", message).help("add it, the target is one of the columns to read"));
        }
        Ok(())
    }

    /// Checks the columns that further options name.
    fn check_columns(&self) -> Result<(), ArgumentError> {
        if let Some(MissingValues::PerColumn(map)) = self.na_values {
            map.keys().try_for_each(|name| self.check_known("na_values", name))?;
        }
        // What is a whole number may be a position.
        let check_key = |option, name: &String| match name.parse::<usize>() {
            Ok(_) => Ok(()),
            Err(_) => self.check_known(option, name),
        };
        if let Some(Kinds::PerColumn(map)) = self.dtype {
            map.keys().try_for_each(|name| check_key("dtype", name))?;
        }
        if let Some(map) = self.converters {
            map.keys().try_for_each(|name| check_key("converters", name))?;
        }
        let name = |column: &ColumnRef| match column {
            ColumnRef::Name(name) => Some(name.clone()),
            ColumnRef::Position(_) => None,
        };
        if let DateColumns::Columns(columns) = self.parse_dates {
            columns.iter().filter_map(name).try_for_each(|name| self.check_known("parse_dates", &name))?;
        }
        let Some(Labels::Columns(labels)) = self.index_col else { return Ok(()) };
        for name in labels.iter().filter_map(name) {
            self.check_known("index_col", &name)?;
            if self.target_column.is_some_and(|target| target.0 == name) {
                let message = format!("`index_col` makes the target `{name}` a label of the rows");
                return Err(ArgumentError::new("index_col", message).help("leave it out of `index_col`"));
            }
        }
        Ok(())
    }

    /// Checks that no character has two meanings.
    fn check_characters(&self) -> Result<(), ArgumentError> {
        if self.quotechar.is_none() && self.quoting != Quoting::Literal {
            let error = ArgumentError::new("quotechar", "`quotechar` is null, while quotes have a meaning");
            return Err(error.help("say `quoting: \"QUOTE_NONE\"` where no field is quoted"));
        }
        let separator = match self.separator {
            SeparatorOption::Given(Separator::Text(text)) if text.len() == 1 => Some(Character(text[0])),
            _ => None,
        };
        let quote = self.quotechar.filter(|_| self.quoting != Quoting::Literal);
        let meanings =
            [("sep", separator), ("quotechar", quote), ("escapechar", self.escapechar), ("comment", self.comment)];
        for (index, (option, character)) in meanings.iter().enumerate() {
            let same = |(_, other): &&(&str, Option<Character>)| character.is_some() && other == character;
            if let Some((other, Some(Character(byte)))) = meanings[..index].iter().find(same) {
                let message = format!("`{option}` and `{other}` are the same character, `{}`", char::from(*byte));
                return Err(ArgumentError::new(option, message));
            }
        }
        if self.thousands == Some(self.decimal) {
            let message = format!("`thousands` and `decimal` are the same character, `{}`", char::from(self.decimal.0));
            return Err(ArgumentError::new("thousands", message));
        }
        Ok(())
    }

    /// Checks that functions take one value.
    fn check_functions(&self) -> Result<(), ArgumentError> {
        let check = |option, what: &str, function: &Callback| match function.n_parameters() {
            Some(count) if count != 1 => {
                let message = format!("`{option}` takes a function of one parameter, `|{what}|`; this one has {count}");
                Err(ArgumentError::new(option, message))
            }
            _ => Ok(()),
        };
        if let Some(SkippedLines::Chosen(function)) = self.skiprows {
            check("skiprows", "line", function)?;
        }
        if let Some(Columns::Chosen(function)) = self.usecols {
            check("usecols", "name", function)?;
        }
        self.converters
            .iter()
            .flat_map(|map| map.values())
            .try_for_each(|function| check("converters", "text", function))
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
