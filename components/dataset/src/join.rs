//! The columns of two data sets.

use std::collections::HashMap;
use std::sync::Arc;

use palladium_component::prelude::*;

use crate::inputs::inputs_of;
use crate::keys::{common, rows_of_both};

/// Joins the rows of two loaders that have the same values in the columns `on`, as pandas' `merge` does.
///
/// Each row of `left` comes as often as there are rows of `right` with the same values, in the order of `left`, and then of
/// `right`. With `how: "left"` a row of `left` comes once where there is none, with missing values in the columns of
/// `right`. Missing values in the columns `on` are equal to each other, as are texts and categories that read alike. The
/// columns are those of `left`, then those of `right` without the columns `on`.
///
/// ```ron
/// {
///     "dataset_loader_train": {
///         "!": "palladium.dataset.Join",
///         "left": {"!": "palladium.dataset.CSV", "path": "${here}/orders.csv", "target_column": "returned"},
///         "right": {"!": "palladium.dataset.CSV", "path": "${here}/customers.csv"},
///         "on": "customer",
///         "how": "left",
///     },
/// }
/// ```
///
/// The target is that of whichever loader has one. A join of more rows than `max_rows`, which comes of values in `on` that
/// both loaders have many times, is refused.
#[component(DatasetLoader, name = "palladium.dataset.Join", check)]
pub struct Join {
    /// The loader whose rows give the order.
    left: Arc<dyn DatasetLoader>,
    /// The loader whose rows are looked up.
    right: Arc<dyn DatasetLoader>,
    /// The name of the column that both have, or a list of such names.
    on: Texts,
    /// Which rows of `left` come: `inner`, those with a row of `right`; `left`, all of them.
    #[param(default = "inner")]
    how: How,
    /// What is added to the names of other columns that both have, first in `left`, then in `right`. Null leaves the name as
    /// it is.
    #[param(default = ["_x", "_y"])]
    suffixes: (Option<String>, Option<String>),
    /// How many rows the result may have. They are counted before they are put together.
    #[param(default = 100_000_000, min = 1)]
    max_rows: usize,
}

/// Which rows of the left table come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Inner,
    Left,
}

impl FromArgument for How {
    const TYPE: ParamType = ParamType::Choice(&["inner", "left"]);

    fn from_argument(value: &Value) -> Result<How, Mismatch> {
        match value.as_text() {
            Some("inner") => Ok(How::Inner),
            Some("left") => Ok(How::Left),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

/// Why two tables cannot be joined.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum JoinError {
    #[error("`{side}`: {source}")]
    Column { side: &'static str, source: DataError },
    #[error("column `{name}` holds {left} in `left` and {right} in `right`, which are never equal")]
    Types { name: String, left: ColumnType, right: ColumnType },
    #[error("the join of {left} and {right} rows would have {n_rows} rows, `max_rows` allows {most}")]
    TooManyRows { left: usize, right: usize, n_rows: u128, most: usize },
    #[error("`left` has the target `{left}` and `right` the target `{right}`, and there can be but one")]
    Targets { left: String, right: String },
}

impl Explain for JoinError {
    fn help(&self) -> Option<String> {
        Some(match self {
            JoinError::Column { .. } => "both loaders need each column of `on`".to_owned(),
            JoinError::Types { .. } => "have both loaders read the column as the same type".to_owned(),
            JoinError::TooManyRows { .. } => {
                "rows come as often as both loaders have the same values in `on`: add columns to `on` that tell them apart, \
                 read each value once in one of the loaders, or raise `max_rows` if there is memory for so many"
                    .to_owned()
            }
            JoinError::Targets { .. } => "leave out `target_column` in one of the loaders".to_owned(),
        })
    }
}

/// The rows of a join, which come from where those of the left table do.
#[derive(Debug)]
struct LeftRows(Table);

impl Provenance for LeftRows {
    fn place(&self, row: usize) -> String {
        self.0.place(row).unwrap_or_default()
    }

    fn text_cell(&self, _: &str) -> Option<String> {
        None
    }
}

impl DatasetLoader for Join {
    fn load(&self) -> Result<Dataset, Failure> {
        self.load_with_progress(&LoadProgress::default())
    }

    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        let (left, right) = (self.left.load_with_progress(progress)?, self.right.load_with_progress(progress)?);
        let (left_target, right_target) = (target(&left), target(&right));
        if let (Some(left), Some(right)) = (left_target.clone(), right_target.clone()) {
            return Err(JoinError::Targets { left, right }.into());
        }
        let (left, right) = (left.to_table()?, right.to_table()?);
        let joined = self.joined(&left, &right)?;
        let target = match (left_target, right_target) {
            (Some(name), _) => Some(self.name_of(&name, &self.suffixes.0, &right)),
            (None, Some(name)) => Some(self.name_of(&name, &self.suffixes.1, &left)),
            (None, None) => None,
        };
        Ok(Dataset::split(joined, target.as_deref())?)
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        inputs_of(&[Arc::clone(&self.left), Arc::clone(&self.right)])
    }
}

impl Join {
    fn check(&self) -> Result<(), ArgumentError> {
        let names = &self.on.0;
        if names.is_empty() {
            return Err(ArgumentError::new("on", "`on` is empty, at least one column is needed"));
        }
        match names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
            Some((_, name)) => Err(ArgumentError::new("on", format!("`on` has `{name}` twice"))),
            None => Ok(()),
        }
    }

    fn joined(&self, left: &Table, right: &Table) -> Result<Table, Failure> {
        let (left_rows, right_rows) = self.matches(left, right)?;
        let others: Vec<usize> =
            right.names().enumerate().filter(|(_, name)| !self.is_key(name)).map(|(index, _)| index).collect();
        let taken_left = left.take(&left_rows)?;
        let taken_right = right.project(&others).take_or_missing(&right_rows)?;
        let left_columns = taken_left.names().zip(taken_left.columns());
        let left_columns = left_columns.map(|(name, column)| (self.name_of(name, &self.suffixes.0, right), column));
        let right_columns = taken_right.names().zip(taken_right.columns());
        let right_columns = right_columns.map(|(name, column)| (self.name_of(name, &self.suffixes.1, left), column));
        let columns = left_columns.chain(right_columns).map(|(name, column)| (name, Arc::clone(column)));
        let joined = Table::new(columns.collect())?;
        Ok(match taken_left.n_rows() > 0 && taken_left.place(0).is_some() {
            true => joined.with_provenance(Arc::new(LeftRows(taken_left))),
            false => joined,
        })
    }

    /// Returns the rows of the left table that come, and for each the row of the right table, if there is one.
    fn matches(&self, left: &Table, right: &Table) -> Result<(Vec<usize>, Vec<Option<usize>>), Failure> {
        let (left_keys, right_keys) = self.keys(left, right)?;
        let (left_keys, right_keys) = rows_of_both(&left_keys, &right_keys)?;
        let mut known: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (row, key) in right_keys.iter().enumerate() {
            known.entry(key.data()).or_default().push(row);
        }
        self.check_size(left_keys.iter().map(|key| known.get(key.data()).map_or(0, Vec::len)), right.n_rows())?;
        let (mut left_rows, mut right_rows) = (Vec::new(), Vec::new());
        for (row, key) in left_keys.iter().enumerate() {
            match known.get(key.data()) {
                Some(found) => {
                    left_rows.extend(std::iter::repeat_n(row, found.len()));
                    right_rows.extend(found.iter().copied().map(Some));
                }
                None if self.how == How::Left => {
                    left_rows.push(row);
                    right_rows.push(None);
                }
                None => {}
            }
        }
        Ok((left_rows, right_rows))
    }

    /// Checks how many rows there will be, given how many of the right table there are for each of the left one.
    fn check_size(&self, counts: impl ExactSizeIterator<Item = usize>, right: usize) -> Result<(), JoinError> {
        let (left, least) = (counts.len(), usize::from(self.how == How::Left));
        let n_rows: u128 = counts.map(|count| count.max(least) as u128).sum();
        match n_rows > self.max_rows as u128 {
            true => Err(JoinError::TooManyRows { left, right, n_rows, most: self.max_rows }),
            false => Ok(()),
        }
    }

    /// Returns the columns `on` of both tables, which have the same types.
    fn keys(&self, left: &Table, right: &Table) -> Result<(Vec<ArrayRef>, Vec<ArrayRef>), JoinError> {
        let column = |side: &'static str, table: &Table, name: &str| {
            let values = table.column(name).cloned().map_err(|source| JoinError::Column { side, source })?;
            Ok(Column { name: name.to_owned(), values })
        };
        let keys = self.on.0.iter().map(|name| {
            let (left, right) = (column("left", left, name)?, column("right", right, name)?);
            let types = || JoinError::Types { name: name.clone(), left: left.kind(), right: right.kind() };
            let kind = common(left.kind(), right.kind()).ok_or_else(types)?;
            let key = |column: &Column| column.cast(kind).map(|column| column.values).map_err(|_| types());
            Ok((key(&left)?, key(&right)?))
        });
        Ok(keys.collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
    }

    /// Returns the name of a column in the joined table: with the suffix if the other table has the name too.
    fn name_of(&self, name: &str, suffix: &Option<String>, other: &Table) -> String {
        match suffix {
            Some(suffix) if !self.is_key(name) && other.index_of(name).is_ok() => format!("{name}{suffix}"),
            _ => name.to_owned(),
        }
    }

    fn is_key(&self, name: &str) -> bool {
        self.on.0.iter().any(|key| key == name)
    }
}

fn target(data: &Dataset) -> Option<String> {
    data.target.as_ref().map(|target| target.name.clone())
}

#[cfg(test)]
mod tests;
