//! What is asked of a database, whichever it is.

use std::time::Duration;

use palladium_component::Texts;

use super::SqlError;
use super::answer::Shape;
use super::asked::Asked;
use super::options::Params;
use super::places::{Bound, Dialect, PlaceError};

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For a connection.
    pub(crate) connect: Duration,
    /// For all rows of a query.
    pub(crate) whole: Duration,
}

/// What is asked, and what becomes of the answer.
pub(crate) struct Request<'a> {
    pub(crate) asked: Asked<'a>,
    pub(crate) params: Option<&'a Params>,
    pub(crate) columns: Option<&'a [String]>,
    pub(crate) coerce_float: bool,
    pub(crate) shape: Shape<'a>,
}

impl<'a> Request<'a> {
    /// Returns the query, taken apart at the places for its values.
    ///
    /// # Errors
    /// Places and values that do not fit together.
    pub(crate) fn bound(&self, dialect: Dialect) -> Result<Bound<'a>, PlaceError> {
        let columns = self.columns.map(|columns| with_labels(columns, self.shape.index_col));
        Bound::new(&self.asked.query(columns.as_deref(), dialect), self.params, dialect)
    }

    /// Returns the query that shows which columns the table has, where some of them are asked for by name.
    pub(crate) fn all_columns(&self, dialect: Dialect) -> Option<String> {
        (self.asked.table().is_some() && self.columns.is_some()).then(|| self.asked.query(None, dialect).into_owned())
    }

    /// Returns the error about the first column that is asked for by name and is not among those of the table.
    pub(crate) fn missing_column(&self, present: Vec<String>, dialect: Dialect, place: &str) -> Option<SqlError> {
        let is_same = |name: &str, other: &str| match dialect {
            Dialect::Postgres => name == other,
            Dialect::Sqlite | Dialect::MySql => name.eq_ignore_ascii_case(other),
        };
        let is_missing = |name: &&str| !present.iter().any(|other| is_same(name, other));
        let column = with_labels(self.columns?, self.shape.index_col).into_iter().find(is_missing)?;
        let is_label = self.shape.index_col.is_some_and(|labels| labels.0.iter().any(|label| label == column));
        let parameter = if is_label { "index_col" } else { "columns" };
        Some(SqlError::NoColumn { what: self.what(place), column: column.to_owned(), parameter, present })
    }

    /// Returns what the rows belong to, for messages.
    pub(crate) fn what(&self, place: &str) -> String {
        match self.asked.table() {
            Some(table) => format!("`{table}` in `{place}`"),
            None => format!("the answer of `{place}`"),
        }
    }
}

/// Returns the columns of a table to read; those that label its rows come first.
fn with_labels<'a>(columns: &'a [String], labels: Option<&'a Texts>) -> Vec<&'a str> {
    let labels = labels.map_or(&[][..], |names| &names.0);
    let others = columns.iter().filter(|column| !labels.contains(column));
    labels.iter().chain(others).map(String::as_str).collect()
}
