//! The rows of several data sets.

use std::sync::Arc;

use palladium_component::prelude::*;

use crate::inputs::inputs_of;
use crate::keys::{Differ, common_to_all, retyped};

/// Loads the rows of several loaders one after another, as one table.
///
/// All loaders have the same columns, of the same types, and the same target or none; the order of the columns is that of
/// the first loader. Whole numbers and numbers become numbers, text and categories become text, and categories may be
/// others in each loader. A column of numbers in which all is missing takes the type of the others, but makes numbers of
/// whole numbers. Everything else that differs is an error, which names the columns and the loaders.
///
/// ```ron
/// {
///     "dataset_loader_train": {
///         "!": "palladium.dataset.Concat",
///         "loaders": [
///             {"!": "palladium.dataset.CSV", "path": "${here}/2025.csv", "target_column": "price"},
///             {"!": "palladium.dataset.CSV", "path": "${here}/2026.csv", "target_column": "price"},
///         ],
///     },
/// }
/// ```
#[component(DatasetLoader, name = "palladium.dataset.Concat", check)]
pub struct Concat {
    /// The loaders, in the order of their rows.
    loaders: Vec<Arc<dyn DatasetLoader>>,
}

impl DatasetLoader for Concat {
    fn load(&self) -> Result<Dataset, Failure> {
        self.load_with_progress(&LoadProgress::default())
    }

    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        let parts = self.loaders.iter().map(|loader| loader.load_with_progress(progress));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let target = same_target(&parts)?;
        let tables = parts.iter().map(Dataset::to_table).collect::<Result<Vec<_>, _>>()?;
        let tables = unified(tables)?;
        Ok(Dataset::split(Table::concat(&tables)?, target.as_deref())?)
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        inputs_of(&self.loaders)
    }
}

impl Concat {
    fn check(&self) -> Result<(), ArgumentError> {
        match self.loaders.is_empty() {
            true => Err(ArgumentError::new("loaders", "`loaders` is empty, at least one loader is needed")),
            false => Ok(()),
        }
    }
}

/// Says what is not the same in two loaders, which count from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum ConcatError {
    #[error("{}", targets(.first, .other, *.loader))]
    Target { first: Option<String>, other: Option<String>, loader: usize },
    #[error("the loaders have different columns: {}", columns(.missing, .further, *.loader))]
    Columns { missing: Vec<String>, further: Vec<String>, loader: usize },
    #[error("column `{name}` holds {found} in loader {loader}, and {expected} in loader {first}")]
    Type { name: String, found: ColumnType, loader: usize, expected: ColumnType, first: usize },
}

impl Explain for ConcatError {
    fn help(&self) -> Option<String> {
        Some(match self {
            ConcatError::Target { .. } => "give all loaders the same `target_column`".to_owned(),
            ConcatError::Columns { .. } => "leave out the columns that not all loaders have, by `usecols`".to_owned(),
            ConcatError::Type { .. } => "make the cells of the column alike, or leave the column out".to_owned(),
        })
    }
}

fn targets(first: &Option<String>, other: &Option<String>, loader: usize) -> String {
    let named =
        |target: &Option<String>| target.as_ref().map_or("no target".into(), |name| format!("the target `{name}`"));
    format!("loader {loader} has {}, and loader 1 has {}", named(other), named(first))
}

fn columns(missing: &[String], further: &[String], loader: usize) -> String {
    let listed = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let lacks = (!missing.is_empty()).then(|| format!("loader {loader} lacks {}, which loader 1 has", listed(missing)));
    let has = (!further.is_empty()).then(|| format!("loader {loader} has {}, which loader 1 lacks", listed(further)));
    lacks.into_iter().chain(has).collect::<Vec<_>>().join("; ")
}

/// Returns the name of the target if all have the same or none.
fn same_target(parts: &[Dataset]) -> Result<Option<String>, ConcatError> {
    let name = |data: &Dataset| data.target.as_ref().map(|target| target.name.clone());
    let first = parts.first().and_then(name);
    match parts.iter().map(name).enumerate().find(|(_, other)| *other != first) {
        Some((index, other)) => Err(ConcatError::Target { first, other, loader: index + 1 }),
        None => Ok(first),
    }
}

/// Returns the tables with the same types, if they have the same columns.
fn unified(tables: Vec<Table>) -> Result<Vec<Table>, Failure> {
    let Some(first) = tables.first().map(Table::specs) else { return Ok(tables) };
    for (index, table) in tables.iter().enumerate() {
        let lacks = |names: &[&str], of: &[&str]| -> Vec<String> {
            of.iter().filter(|name| !names.contains(name)).map(|name| (*name).to_owned()).collect()
        };
        let (names, wanted): (Vec<_>, Vec<_>) =
            (table.names().collect(), first.iter().map(|spec| spec.name.as_str()).collect());
        let (missing, further) = (lacks(&names, &wanted), lacks(&wanted, &names));
        if !missing.is_empty() || !further.is_empty() {
            return Err(ConcatError::Columns { missing, further, loader: index + 1 }.into());
        }
    }
    let types = first.iter().map(|spec| Ok((spec.name.as_str(), common_type(&spec.name, &tables)?)));
    let types = types.collect::<Result<Vec<_>, Failure>>()?;
    let cast = |table| Ok(types.iter().try_fold(table, |table, (name, kind)| retyped(table, name, *kind))?);
    tables.into_iter().map(cast).collect()
}

/// Returns the type that a column gets, which each table has.
fn common_type(name: &str, tables: &[Table]) -> Result<ColumnType, Failure> {
    let columns = tables.iter().map(|table| table.column(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(common_to_all(&columns).map_err(|Differ { first, other }| ConcatError::Type {
        name: name.to_owned(),
        found: other.1,
        loader: other.0 + 1,
        expected: first.1,
        first: first.0 + 1,
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, data, floats, ints, table, texts};

    fn concat(parts: Vec<Dataset>) -> Result<Dataset, Failure> {
        Concat { loaders: parts.into_iter().map(|part| Fake::of(part) as Arc<dyn DatasetLoader>).collect() }.load()
    }

    fn part(a: &[Option<i64>], y: &[&str]) -> Dataset {
        data(vec![ints("a", a), texts("y", y)], Some("y"))
    }

    #[test]
    fn rows_come_one_after_another() {
        let swapped = data(vec![texts("y", &["r"]), ints("a", &[Some(3)])], Some("y"));
        let whole = concat(vec![part(&[Some(1), None], &["p", "q"]), swapped, part(&[], &[])]).unwrap();
        assert_eq!(table(&whole), table(&part(&[Some(1), None, Some(3)], &["p", "q", "r"])));
        assert_eq!(whole.target().unwrap().name, "y");
        let alone = part(&[Some(1)], &["p"]);
        assert_eq!(table(&concat(vec![alone.clone()]).unwrap()), table(&alone));
    }

    #[test]
    fn whole_numbers_and_numbers_are_numbers() {
        let (whole, fractions) = (|| data(vec![ints("a", &[Some(1)])], None), || data(vec![floats("a", &[0.5])], None));
        let expected = |cells| table(&data(vec![floats("a", cells)], None));
        assert_eq!(table(&concat(vec![whole(), fractions()]).unwrap()), expected(&[1.0, 0.5]));
        assert_eq!(table(&concat(vec![fractions(), whole()]).unwrap()), expected(&[0.5, 1.0]));
    }

    #[test]
    fn a_column_in_which_all_is_missing_takes_the_type_of_the_others() {
        let missing = || data(vec![("a".into(), Arc::new(Float64Array::new_null(1)) as ArrayRef)], None);
        let one = |column| data(vec![column], None);
        let date = one(texts("a", &["2024-01-31"])).features.cast("a", ColumnType::Date).unwrap();
        let category = one(texts("a", &["x"])).features.cast("a", ColumnType::Category).unwrap();
        let flag = Table::new(vec![("a".into(), Arc::new(BooleanArray::from(vec![true])))]).unwrap();
        let whole = |features| Dataset { features, target: None };
        let cases = [
            (one(texts("a", &["x"])), ColumnType::Text),
            (whole(category), ColumnType::Category),
            (whole(date), ColumnType::Date),
            (whole(flag), ColumnType::Bool),
            (one(ints("a", &[Some(1)])), ColumnType::Float),
            (one(floats("a", &[1.5])), ColumnType::Float),
            (missing(), ColumnType::Float),
        ];
        for (part, expected) in cases {
            for (parts, row) in [(vec![missing(), part.clone()], 0), (vec![part.clone(), missing()], 1)] {
                let whole = concat(parts).unwrap().features;
                assert_eq!((whole.n_rows(), whole.column_type(0)), (2, expected));
                assert_eq!(cell_text(&whole.columns()[0], row), None, "{expected}");
            }
        }
        let differing = vec![missing(), one(ints("a", &[Some(1)])), one(texts("a", &["x"]))];
        let failure = concat(differing).unwrap_err().to_string();
        assert_eq!(failure, "column `a` holds text in loader 3, and whole numbers in loader 2");
    }

    #[test]
    fn categories_and_text_are_text_and_dates_stay_dates() {
        let part = |label: &str, day: &str, kind| {
            let data = data(vec![texts("label", &[label]), texts("day", &[day])], None);
            let features = data.features.cast("label", kind).unwrap().cast("day", ColumnType::Date).unwrap();
            Dataset { features, target: None }
        };
        let stacked = |first, second| {
            let whole = concat(vec![part("a", "2024-01-31", first), part("b", "2024-02-01", second)]).unwrap();
            let texts: Vec<_> = (0..2).filter_map(|row| cell_text(&whole.features.columns()[0], row)).collect();
            let last_day = cell_text(&whole.features.columns()[1], 1).unwrap();
            assert_eq!((texts.concat().as_str(), last_day.as_str()), ("ab", "2024-02-01"));
            whole.features.column_type(0)
        };
        assert_eq!(stacked(ColumnType::Category, ColumnType::Category), ColumnType::Category);
        assert_eq!(stacked(ColumnType::Category, ColumnType::Text), ColumnType::Text);
        assert_eq!(stacked(ColumnType::Text, ColumnType::Category), ColumnType::Text);
        let (one, other) =
            (part("a", "2024-01-31", ColumnType::Text), data(vec![texts("label", &[]), texts("day", &[])], None));
        let failure = concat(vec![one, other]).unwrap_err().to_string();
        assert_eq!(failure, "column `day` holds text in loader 2, and dates in loader 1");
    }

    #[test]
    fn what_differs_is_named() {
        let plain = |columns| data(columns, None);
        let first = || plain(vec![ints("a", &[]), ints("b", &[])]);
        let cases = [
            (
                vec![first(), first(), plain(vec![ints("b", &[]), ints("c", &[]), ints("d", &[])])],
                "the loaders have different columns: loader 3 lacks `a`, which loader 1 has; \
                 loader 3 has `c`, `d`, which loader 1 lacks",
            ),
            (
                vec![first(), plain(vec![ints("a", &[]), texts("b", &[])])],
                "column `b` holds text in loader 2, and whole numbers in loader 1",
            ),
            (
                vec![first(), data(vec![ints("a", &[]), ints("b", &[])], Some("b"))],
                "loader 2 has the target `b`, and loader 1 has no target",
            ),
            (
                vec![part(&[], &[]), plain(vec![ints("a", &[]), texts("y", &[])])],
                "loader 2 has no target, and loader 1 has the target `y`",
            ),
        ];
        for (parts, expected) in cases {
            let failure = concat(parts).unwrap_err();
            assert_eq!(failure.to_string(), expected);
            assert!(failure.help().is_some());
        }
    }

    #[test]
    fn at_least_one_loader_is_needed() {
        let none = Concat { loaders: Vec::new() }.check().unwrap_err();
        assert_eq!(none.parameter, Some("loaders"));
    }
}
