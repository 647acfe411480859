//! SQL over data sets: `palladium.dataset.Query`.
//!
//! The data sets become tables of a private SQLite in memory ([`memory`]), whose answer is read as that of any other
//! database.

mod memory;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use palladium_component::prelude::*;
use palladium_component::value::nearest;

use crate::inputs::inputs_of;
use crate::sql::{Asked, Bound, Dialect, Limits, Params, Request, Shape, SqlError};
use memory::Memory;

/// Asks SQL over the data of other loaders, each of which is a table.
///
/// ```ron
/// {
///     "dataset_loader_train": {
///         "!": "palladium.dataset.Query",
///         "tables": {
///             "orders": {"!": "palladium.dataset.CSV", "path": "${here}/orders.csv"},
///             "customers": {"!": "palladium.dataset.SQL", "url": "sqlite:///${here}/shop.db", "sql": "customers"},
///         },
///         "sql": "select amount, age, returned from orders join customers using (customer) where amount > :least",
///         "params": {"least": 10},
///         "target_column": "returned",
///     },
/// }
/// ```
///
/// The SQL is that of SQLite: joins, groups, window functions, common table expressions, and its functions for texts,
/// numbers, dates and JSON. All loaders load, their tables lie in memory beside the answer, and nothing else can be
/// read: no file, no other database. A target of a loader is its last column.
///
/// A column of the answer that is one of a table, whatever its name, has the type it has there: dates, times, flags and
/// categories stay what they are. In an expression a flag is 0 or 1, and a date or time is text: `2024-01-31`,
/// `2024-01-31 12:30:00`. A number that is not a number is missing. Rows have no order unless `order by` gives them
/// one. Text in double quotes is the name of a column, never a text.
#[component(DatasetLoader, name = "palladium.dataset.Query", check)]
pub struct Query {
    /// The loaders, by the names of their tables.
    tables: IndexMap<String, Arc<dyn DatasetLoader>>,
    /// The query. A name with spaces or dots stands in double quotes: `"sepal length"`.
    sql: SqlText,
    /// Name of the column of the answer to learn; the other columns are the features. Null: there is no target.
    target_column: Option<String>,
    /// Values for the places of the query: a list for those that are written `?`, a map for those that are written
    /// `:name`.
    params: Option<Params>,
    /// How many seconds the query may take, beside what the loaders take.
    #[param(default = 600.0, above = 0.0, max = 86400.0)]
    timeout: f64,
}

/// A query, and where it stands.
#[derive(Clone, Debug)]
struct SqlText {
    text: String,
    value: Value,
}

impl FromArgument for SqlText {
    const TYPE: ParamType = ParamType::Text;

    fn from_argument(value: &Value) -> Result<SqlText, Mismatch> {
        Ok(SqlText { text: String::from_argument(value)?, value: value.clone() })
    }
}

/// Why a table cannot be made.
#[derive(Debug, thiserror::Error)]
enum QueryError {
    #[error("the table `{0}` has no columns")]
    NoColumns(String),
    #[error("the table `{table}` has the columns `{first}` and `{second}`, whose names are the same in SQL")]
    SameColumns { table: String, first: String, second: String },
    #[error("the table `{table}`, row {row}: column `{column}` holds a time that lies too far away")]
    TooFar { table: String, row: usize, column: String },
    #[error("the table `{table}` cannot be made")]
    Table { table: String, source: rusqlite::Error },
    #[error("the data of `{table}` cannot be used")]
    Data { table: String, source: DataError },
}

impl Explain for QueryError {
    fn help(&self) -> Option<String> {
        match self {
            QueryError::NoColumns(_) => Some("take a loader that reads data".into()),
            QueryError::SameColumns { .. } => Some("have the loader give one of them another name".into()),
            QueryError::TooFar { .. } | QueryError::Table { .. } => None,
            QueryError::Data { source, .. } => source.help(),
        }
    }
}

impl Query {
    fn check(&self) -> Result<(), ArgumentError> {
        if self.tables.is_empty() {
            return Err(ArgumentError::new("tables", "`tables` is empty, at least one table is needed"));
        }
        let names: Vec<&str> = self.tables.keys().map(String::as_str).collect();
        if let Some(name) =
            names.iter().find(|name| name.is_empty() || name.to_ascii_lowercase().starts_with("sqlite_"))
        {
            let message = format!("`tables` has a table `{name}`, which cannot be its name");
            return Err(ArgumentError::new("tables", message).help("take another name; one with `sqlite_` is reserved"));
        }
        if let Some((first, second)) = same(&names) {
            let message = format!("`tables` has `{first}` and `{second}`, whose names are the same in SQL");
            return Err(ArgumentError::new("tables", message).help("take another name for one of them"));
        }
        if let Err(error) = Bound::new(&self.sql.text, self.params.as_ref(), Dialect::Sqlite) {
            return Err(ArgumentError::new("params", error.to_string()).help(error.help()));
        }
        let refused = |error: &SqlError| ArgumentError::new("sql", error.to_string());
        let outline = Memory::outline(&names).and_then(|memory| memory.sealed(self.limits()));
        match outline.map_err(|error| refused(&error))?.probe(&self.request()) {
            Err(error @ (SqlError::NoAnswer | SqlError::MoreThanReading)) => {
                Err(error.help().into_iter().fold(refused(&error), ArgumentError::help))
            }
            Err(error) => match error.words_of_sqlite().filter(|words| is_certain(words)) {
                Some(words) => {
                    let error = ArgumentError::new("sql", format!("`sql` is not understood: {words}"));
                    Err(near(words, &names, &[]).into_iter().fold(error, ArgumentError::help))
                }
                None => Ok(()),
            },
            Ok(_) => Ok(()),
        }
    }

    fn asked(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        let memory = Memory::new()?;
        let mut columns = Vec::new();
        for (name, loader) in &self.tables {
            let table = loader.load_with_progress(progress)?.to_table();
            let table = table.map_err(|source| QueryError::Data { table: name.clone(), source })?;
            memory.add(name, &table)?;
            columns.extend(table.names().map(str::to_owned));
        }
        let answer = memory.sealed(self.limits())?.load(&self.request());
        answer.map_err(|error| self.located(error, &columns))
    }

    /// Adds to what SQLite says about the query where that stands.
    fn located(&self, error: SqlError, columns: &[String]) -> Failure {
        let Some(words) = error.words_of_sqlite() else { return error.into() };
        let message = format!("`sql` is not understood: {words}");
        let found = Diagnostic::new(Code::BadArguments, message).at_value(&self.sql.value, "in this query");
        let names: Vec<&str> = self.tables.keys().map(String::as_str).collect();
        Failure::from(Box::new(near(words, &names, columns).into_iter().fold(found, Diagnostic::help)))
    }

    fn request(&self) -> Request<'_> {
        Request {
            asked: Asked::Query(&self.sql.text),
            params: self.params.as_ref(),
            columns: None,
            coerce_float: true,
            shape: Shape { target_column: self.target_column.as_deref(), ..Shape::default() },
        }
    }

    fn limits(&self) -> Limits {
        let whole = Duration::from_secs_f64(self.timeout);
        Limits { connect: whole, whole }
    }
}

impl DatasetLoader for Query {
    fn load(&self) -> Result<Dataset, Failure> {
        self.load_with_progress(&LoadProgress::default())
    }

    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        self.asked(progress)
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        inputs_of(self.tables.values())
    }
}

/// Tells whether SQLite would say the same about tables with columns.
fn is_certain(words: &str) -> bool {
    ["no such table", "no such function", "near ", "incomplete input", "unrecognized token"]
        .iter()
        .any(|start| words.starts_with(start))
}

/// Returns which name was probably meant where SQLite knows none of that name.
fn near(words: &str, tables: &[&str], columns: &[String]) -> Option<String> {
    let (what, name) = words.split_once(": ")?;
    let last = name.rsplit('.').next().unwrap_or(name).split(" - ").next()?.trim_matches('"');
    let found = match what {
        "no such table" => nearest(last, tables.iter().copied()),
        "no such column" => nearest(last, columns.iter().map(String::as_str)),
        _ => None,
    };
    match (found, what) {
        (Some(found), _) => Some(format!("did you mean `{found}`?")),
        (None, "no such table") => {
            let names: Vec<String> = tables.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("the tables are {}", names.join(", ")))
        }
        (None, "no such column") if name.contains('"') => Some("a text stands in single quotes".to_owned()),
        _ => None,
    }
}

/// Returns the first two names that differ in nothing but the case of letters.
fn same<'a>(names: &[&'a str]) -> Option<(&'a str, &'a str)> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    names.iter().find_map(|name| seen.insert(name.to_ascii_lowercase(), name).map(|first| (first, *name)))
}
