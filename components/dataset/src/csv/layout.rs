//! Which fields become which columns.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use palladium_component::prelude::*;

use super::error::{CsvError, Place, finding_text};
use super::kind::Kind;
use super::options::{ColumnRef, Columns, DateColumns, Kinds, Labels, MissingValues, Options};

/// The columns to read, in the order of the file.
#[derive(Debug)]
pub(crate) struct Layout {
    /// How many fields each row has.
    pub(crate) n_fields: usize,
    /// The columns to read.
    pub(crate) columns: Vec<Field>,
    /// How many fields at the end of each row are left out, because there are no names for them.
    pub(crate) n_surplus: usize,
}

/// A field of each row that becomes a column.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its position from 0.
    pub(crate) position: usize,
    /// The name of the column.
    pub(crate) name: String,
    /// What becomes of its texts.
    pub(crate) reading: Reading,
}

/// What becomes of the texts of a column.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// A type that the texts suggest.
    Infer,
    /// The type of this name.
    Kind(Kind),
    /// Dates and times.
    Dates,
    /// What this makes of each of them.
    Convert(Callback),
}

impl Layout {
    /// Decides by the options, the header row with its place if there is one, and the number of fields in the first
    /// row, which stands at `first`.
    pub(crate) fn new(
        options: &Options<'_>,
        header: Option<(Place, Vec<String>)>,
        n_first: usize,
        first: &Place,
    ) -> Result<Layout, CsvError> {
        let (place, header) = match header {
            Some((place, names)) => (place, Some(names)),
            None => (first.clone(), None),
        };
        let expected = header.as_ref().map_or(n_first, Vec::len);
        let n_fields = expected.max(n_first);
        let (names, positions_are_named) = match given_names(options, expected, &place)? {
            Some(names) => {
                let fits_positions = names.len() != expected && is_chosen(options, &names);
                (names, fits_positions)
            }
            None => (header.map(distinct).unwrap_or_else(|| numbers(expected)), false),
        };
        let n_leading = if positions_are_named { 0 } else { n_labels(options, names.len(), n_fields, first)? };
        let n_surplus = if positions_are_named { 0 } else { n_fields - n_leading - names.len() };
        let mut columns: Vec<Field> = if positions_are_named {
            let positions = chosen_positions(options, n_fields, &place)?;
            fields(positions.into_iter().zip(names))
        } else {
            let leading = leading_labels(options, n_leading);
            let free = (0..n_fields).filter(|position| !leading.contains(position));
            choose(options, fields(free.zip(names)), n_fields, &place)?
        };
        if n_leading == 0 {
            remove_labels(options, &mut columns, &place)?;
        }
        check_target_is_kept(options, &columns, &place)?;
        assign_readings(options, &mut columns, &place)?;
        Ok(Layout { n_fields, columns, n_surplus })
    }

    /// Returns the names of the columns to read.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }
}

fn fields(columns: impl Iterator<Item = (usize, String)>) -> Vec<Field> {
    columns.map(|(position, name)| Field { position, name, reading: Reading::Infer }).collect()
}

/// Returns the positions that `usecols` has, ascending; all if it has none.
fn chosen_positions(options: &Options<'_>, n_fields: usize, place: &Place) -> Result<Vec<usize>, CsvError> {
    let Some(Columns::Positions(positions)) = options.usecols else {
        return Ok((0..n_fields).collect());
    };
    if let Some(position) = positions.iter().copied().find(|position| *position >= n_fields) {
        return Err(CsvError::NoPosition { place: place.clone(), option: "usecols", position, found: n_fields });
    }
    let mut positions = positions.clone();
    positions.sort_unstable();
    Ok(positions)
}

/// Tells whether there are as many names as positions in `usecols`.
fn is_chosen(options: &Options<'_>, names: &[String]) -> bool {
    matches!(options.usecols, Some(Columns::Positions(chosen)) if chosen.len() == names.len())
}

/// Returns the given names: one for each field, or one for each position to read. `index_col` lets them be fewer.
fn given_names(options: &Options<'_>, n_fields: usize, place: &Place) -> Result<Option<Vec<String>>, CsvError> {
    let Some(names) = options.names else { return Ok(None) };
    let names: Vec<String> = names.iter().map(|name| name.0.clone()).collect();
    let may_be_fewer = options.index_col.is_some() && names.len() < n_fields;
    if names.len() != n_fields && !may_be_fewer && !is_chosen(options, &names) {
        return Err(CsvError::NamesCount { place: place.clone(), found: n_fields, names: names.len() });
    }
    Ok(Some(names))
}

/// Returns how many fields at the start of each row are labels because there is no name for them.
fn n_labels(options: &Options<'_>, n_names: usize, n_fields: usize, first: &Place) -> Result<usize, CsvError> {
    match (n_fields - n_names, options.index_col) {
        (0, _) | (_, Some(Labels::Never)) => Ok(0),
        (surplus, Some(Labels::Columns(labels))) if labels.len() == surplus => Ok(surplus),
        _ => Err(CsvError::Ragged { place: first.clone(), found: n_fields, expected: n_names }),
    }
}

/// Returns the positions of labels that have no name: those of `index_col`, or else the first ones.
fn leading_labels(options: &Options<'_>, n_leading: usize) -> HashSet<usize> {
    match options.index_col {
        Some(Labels::Columns(labels)) if n_leading > 0 => {
            let position = |(index, label): (usize, &ColumnRef)| match label {
                ColumnRef::Position(position) => *position,
                ColumnRef::Name(_) => index,
            };
            labels.iter().enumerate().map(position).collect()
        }
        _ => HashSet::new(),
    }
}

/// Chooses among all columns of the file, and looks every name up that an option has.
fn choose(
    options: &Options<'_>,
    mut columns: Vec<Field>,
    n_fields: usize,
    place: &Place,
) -> Result<Vec<Field>, CsvError> {
    let known: HashSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let look_up = |option: &'static str, name: &str| match known.contains(name) {
        true => Ok(()),
        false => Err(no_column(option, name, &columns, place)),
    };
    if let Some(MissingValues::PerColumn(map)) = options.na_values {
        map.keys().try_for_each(|name| look_up("na_values", name))?;
    }
    let is_known = |name: &String| {
        let is_position = || name.parse().is_ok_and(|position: usize| position < n_fields);
        known.contains(name.as_str()) || is_position()
    };
    let look_up_key = |option, name: &String| match is_known(name) {
        true => Ok(()),
        false => Err(no_column(option, name, &columns, place)),
    };
    if let Some(Kinds::PerColumn(map)) = options.dtype {
        map.keys().try_for_each(|name| look_up_key("dtype", name))?;
    }
    if let Some(map) = options.converters {
        map.keys().try_for_each(|name| look_up_key("converters", name))?;
    }
    let chosen: HashSet<usize> = match options.usecols {
        Some(Columns::Names(chosen)) => {
            chosen.iter().try_for_each(|name| look_up("usecols", name))?;
            let chosen: HashSet<&str> = chosen.iter().map(String::as_str).collect();
            positions_where(&columns, |name| Ok(chosen.contains(name)))?
        }
        Some(Columns::Chosen(function)) => positions_where(&columns, |name| is_wanted(function, name, place))?,
        _ => chosen_positions(options, n_fields, place)?.into_iter().collect(),
    };
    check_target(options, &columns, &chosen, place)?;
    columns.retain(|column| chosen.contains(&column.position));
    Ok(columns)
}

fn positions_where(
    columns: &[Field],
    is_wanted: impl Fn(&str) -> Result<bool, CsvError>,
) -> Result<HashSet<usize>, CsvError> {
    let mut positions = HashSet::new();
    for column in columns {
        if is_wanted(&column.name)? {
            positions.insert(column.position);
        }
    }
    Ok(positions)
}

/// Asks the function of `usecols` for a column.
fn is_wanted(function: &Callback, name: &str, place: &Place) -> Result<bool, CsvError> {
    let failed = |reason| CsvError::Function { place: format!("`{}`", place.file), option: "usecols", reason };
    let argument = Value::new(Data::Text(name.to_owned()), Span::nowhere("a column name"));
    let answer = function.call(vec![argument]).map_err(|finding| failed(finding_text(&finding)))?;
    answer
        .as_bool()
        .ok_or_else(|| failed(format!("returned {} for `{name}`, where a flag is needed", answer.describe())))
}

fn no_column(option: &'static str, name: &str, columns: &[Field], place: &Place) -> CsvError {
    let present = columns.iter().map(|column| column.name.clone()).collect();
    CsvError::NoColumn { file: place.file.clone(), option, name: name.to_owned(), present }
}

/// Returns the index of a column among those that are read.
fn index_of(option: &'static str, column: &ColumnRef, columns: &[Field], place: &Place) -> Result<usize, CsvError> {
    match column {
        ColumnRef::Position(position) if *position < columns.len() => Ok(*position),
        ColumnRef::Position(position) => {
            Err(CsvError::NoPosition { place: place.clone(), option, position: *position, found: columns.len() })
        }
        ColumnRef::Name(name) => columns
            .iter()
            .position(|column| column.name == *name)
            .ok_or_else(|| no_column(option, name, columns, place)),
    }
}

/// Leaves out the columns that are labels of the rows.
fn remove_labels(options: &Options<'_>, columns: &mut Vec<Field>, place: &Place) -> Result<(), CsvError> {
    let Some(Labels::Columns(labels)) = options.index_col else { return Ok(()) };
    let indices = labels.iter().map(|label| index_of("index_col", label, columns, place));
    let indices = indices.collect::<Result<HashSet<usize>, CsvError>>()?;
    let mut index = 0;
    columns.retain(|_| {
        index += 1;
        !indices.contains(&(index - 1))
    });
    Ok(())
}

/// Decides what becomes of each column: a converter or a date wins over a type.
fn assign_readings(options: &Options<'_>, columns: &mut [Field], place: &Place) -> Result<(), CsvError> {
    for column in columns.iter_mut() {
        column.reading = match options.dtype {
            Some(Kinds::Everywhere(kind)) => Reading::Kind(kind.clone()),
            Some(Kinds::PerColumn(map)) => {
                entry(map, column).map_or(Reading::Infer, |kind| Reading::Kind(kind.clone()))
            }
            None => Reading::Infer,
        };
    }
    if let DateColumns::Columns(dates) = options.parse_dates {
        for date in dates {
            let index = index_of("parse_dates", date, columns, place)?;
            columns[index].reading = Reading::Dates;
        }
    }
    for column in columns {
        if let Some(function) = options.converters.and_then(|map| entry(map, column)) {
            if let Reading::Dates = column.reading {
                return Err(CsvError::Conflict { file: place.file.clone(), column: column.name.clone() });
            }
            column.reading = Reading::Convert(function.clone());
        }
    }
    Ok(())
}

/// Returns the entry of a column: that under its name, or else that under its position in the file.
fn entry<'m, T>(map: &'m IndexMap<String, T>, column: &Field) -> Option<&'m T> {
    map.get(&column.name).or_else(|| map.get(&column.position.to_string()))
}

fn check_target(
    options: &Options<'_>,
    columns: &[Field],
    chosen: &HashSet<usize>,
    place: &Place,
) -> Result<(), CsvError> {
    let Some(target) = options.target_column else { return Ok(()) };
    let (file, target) = (place.file.clone(), target.0.clone());
    match columns.iter().find(|column| column.name == target) {
        None => {
            let present = columns.iter().map(|column| column.name.clone()).collect();
            Err(CsvError::NoTarget { file, target, present })
        }
        Some(column) if chosen.contains(&column.position) => Ok(()),
        Some(_) => {
            let chosen = columns.iter().filter(|column| chosen.contains(&column.position));
            Err(CsvError::TargetLeftOut { file, target, chosen: chosen.map(|column| column.name.clone()).collect() })
        }
    }
}

fn check_target_is_kept(options: &Options<'_>, columns: &[Field], place: &Place) -> Result<(), CsvError> {
    match options.target_column {
        Some(target) if !columns.iter().any(|column| column.name == target.0) => {
            Err(CsvError::TargetIsLabel { file: place.file.clone(), target: target.0.clone() })
        }
        _ => Ok(()),
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
