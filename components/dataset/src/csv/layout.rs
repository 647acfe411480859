//! Which fields become which columns.

use std::collections::{HashMap, HashSet};

use super::error::{CsvError, Place};
use super::options::{Columns, MissingValues, Options};

/// The columns to read, in the order of the file.
pub(crate) struct Layout {
    /// How many fields each row has.
    pub(crate) n_fields: usize,
    /// The columns to read.
    pub(crate) columns: Vec<Field>,
}

/// A field of each row that becomes a column.
pub(crate) struct Field {
    /// Its position from 0.
    pub(crate) position: usize,
    /// The name of the column.
    pub(crate) name: String,
}

impl Layout {
    /// Decides by the options, the header row if there is one, and the number of fields in it or else in the first
    /// row, which stands at `place`.
    pub(crate) fn new(
        options: &Options<'_>,
        header: Option<Vec<String>>,
        n_fields: usize,
        place: &Place,
    ) -> Result<Layout, CsvError> {
        let positions = chosen_positions(options, n_fields, place)?;
        let columns = match given_names(options, n_fields, place)? {
            Some(names) if names.len() != n_fields => fields(positions.into_iter().zip(names)),
            names => {
                let names = names.or(header.map(distinct)).unwrap_or_else(|| numbers(n_fields));
                choose(options, names, &positions, place)?
            }
        };
        Ok(Layout { n_fields, columns })
    }

    /// Returns the names of the columns to read.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }
}

fn fields(columns: impl Iterator<Item = (usize, String)>) -> Vec<Field> {
    columns.map(|(position, name)| Field { position, name }).collect()
}

/// Returns the positions that `usecols` has, ascending; all if it has none.
fn chosen_positions(options: &Options<'_>, n_fields: usize, place: &Place) -> Result<Vec<usize>, CsvError> {
    let Some(Columns::Positions(positions)) = options.usecols else {
        return Ok((0..n_fields).collect());
    };
    if let Some(position) = positions.iter().copied().find(|position| *position >= n_fields) {
        return Err(CsvError::NoPosition { place: place.clone(), position, found: n_fields });
    }
    let mut positions = positions.clone();
    positions.sort_unstable();
    Ok(positions)
}

/// Returns the given names: one for each field, or one for each position to read.
fn given_names(options: &Options<'_>, n_fields: usize, place: &Place) -> Result<Option<Vec<String>>, CsvError> {
    let Some(names) = options.names else { return Ok(None) };
    let fits_positions = matches!(options.usecols, Some(Columns::Positions(chosen)) if chosen.len() == names.len());
    if names.len() != n_fields && !fits_positions {
        return Err(CsvError::NamesCount { place: place.clone(), found: n_fields, names: names.len() });
    }
    Ok(Some(names.iter().map(|name| name.0.clone()).collect()))
}

/// Chooses among all columns of the file, and looks every name up that an option has.
fn choose(
    options: &Options<'_>,
    names: Vec<String>,
    positions: &[usize],
    place: &Place,
) -> Result<Vec<Field>, CsvError> {
    let known: HashSet<&str> = names.iter().map(String::as_str).collect();
    let look_up = |option: &'static str, name: &str| match known.contains(name) {
        true => Ok(()),
        false => {
            let present = names.clone();
            Err(CsvError::NoColumn { file: place.file.clone(), option, name: name.to_owned(), present })
        }
    };
    if let Some(MissingValues::PerColumn(map)) = options.na_values {
        map.keys().try_for_each(|name| look_up("na_values", name))?;
    }
    let chosen: HashSet<usize> = match options.usecols {
        Some(Columns::Names(chosen)) => {
            chosen.iter().try_for_each(|name| look_up("usecols", name))?;
            let chosen: HashSet<&str> = chosen.iter().map(String::as_str).collect();
            (0..names.len()).filter(|position| chosen.contains(names[*position].as_str())).collect()
        }
        _ => positions.iter().copied().collect(),
    };
    check_target(options, &names, &chosen, place)?;
    Ok(fields(names.into_iter().enumerate().filter(|(position, _)| chosen.contains(position))))
}

fn check_target(
    options: &Options<'_>,
    names: &[String],
    chosen: &HashSet<usize>,
    place: &Place,
) -> Result<(), CsvError> {
    let Some(target) = options.target_column else { return Ok(()) };
    let (file, target) = (place.file.clone(), target.0.clone());
    match names.iter().position(|name| *name == target) {
        None => Err(CsvError::NoTarget { file, target, present: names.to_vec() }),
        Some(position) if chosen.contains(&position) => Ok(()),
        Some(_) => {
            let chosen = (0..names.len()).filter(|position| chosen.contains(position));
            Err(CsvError::TargetLeftOut {
                file,
                target,
                chosen: chosen.map(|position| names[position].clone()).collect(),
            })
        }
    }
}

fn numbers(n_fields: usize) -> Vec<String> {
    (0..n_fields).map(|position| position.to_string()).collect()
}

/// Makes the names of a header row distinct, as pandas does: what repeats gets the next number that is free, an
/// empty name becomes one of its position, and names that are there give way to nobody.
fn distinct(mut names: Vec<String>) -> Vec<String> {
    let unnamed: Vec<usize> = (0..names.len()).filter(|position| names[*position].is_empty()).collect();
    for position in &unnamed {
        names[*position] = format!("Unnamed: {position}");
    }
    let is_unnamed: HashSet<usize> = unnamed.iter().copied().collect();
    let named = (0..names.len()).filter(|position| !is_unnamed.contains(position));
    let order: Vec<usize> = named.chain(unnamed).collect();

    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for position in order {
        let original = names[position].clone();
        let mut name = original.clone();
        let mut count = counts.get(&name).copied().unwrap_or(0);
        while count > 0 {
            counts.insert(original.clone(), count + 1);
            name = format!("{original}.{count}");
            count = if taken.contains(&name) { count + 1 } else { counts.get(&name).copied().unwrap_or(0) };
        }
        taken.insert(name.clone());
        counts.insert(name.clone(), count + 1);
        names[position] = name;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_names_become_distinct() {
        let cases: &[(&[&str], &[&str])] = &[
            (&["x", "x", "x"], &["x", "x.1", "x.2"]),
            (&["x", "x", "x.1", "x"], &["x", "x.2", "x.1", "x.3"]),
            (&["x", "x.1", "x"], &["x", "x.1", "x.2"]),
            (&["", "a", ""], &["Unnamed: 0", "a", "Unnamed: 2"]),
            (&["", "Unnamed: 0"], &["Unnamed: 0.1", "Unnamed: 0"]),
            (&["a", "a", "", "Unnamed: 2"], &["a", "a.1", "Unnamed: 2.1", "Unnamed: 2"]),
            (&["x.1", "x.1", "x", "x"], &["x.1", "x.1.1", "x", "x.2"]),
        ];
        for (names, expected) in cases {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(distinct(names), *expected);
        }
    }
}
