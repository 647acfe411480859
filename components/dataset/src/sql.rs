//! Tables in databases: `palladium.dataset.SQL`.
//!
//! What is asked ([`asked`]) and the places for values in it ([`places`]) are put into the words of each database. Its
//! rows arrive one by one and go into one [`cells`] for each column, so that memory holds the table and little more.
//! SQLite is read through its C library in the thread of the caller ([`sqlite`]), servers by sqlx ([`server`]).

mod answer;
mod asked;
mod cells;
mod dates;
mod error;
mod load;
mod mysql;
mod options;
mod places;
mod postgres;
mod server;
mod sqlite;

use std::time::Duration;

use palladium_component::prelude::*;
use palladium_connect::{Location, ServerOptions};

pub use error::SqlError;

pub(crate) use answer::Shape;
pub(crate) use asked::{Asked, quoted};
pub(crate) use load::{Limits, Request};
pub(crate) use options::Params;
pub(crate) use places::{Bound, Dialect};
pub(crate) use sqlite::Sqlite;

use options::ParseDates;
use server::{Database, Pool};

/// Loads a table from a database: SQLite, PostgreSQL, MySQL or MariaDB.
///
/// ```ron
/// SQL(
///     url: "sqlite:///${here}/employees.db",
///     sql: "select age, weight, salary from employee",
///     target_column: "salary",
/// )
/// ```
///
/// On a server, with values that are bound to the query and never become part of its text:
///
/// ```ron
/// SQL(
///     url: "postgresql://reader:${environ.DB_PASSWORD:-}@127.0.0.1:5432/shop",
///     sql: "select amount, weekday, returned from orders where country = :country and amount > :least",
///     params: {"country": "de", "least": 10},
///     target_column: "returned",
/// )
/// ```
///
/// The query is asked anew each time, over a connection that can only read where the database has such; rows become
/// columns as they arrive. Any number of threads may load at once. A connection that broke is replaced.
///
/// | Table | SQLite | PostgreSQL | MySQL, MariaDB |
/// |---|---|---|---|
/// | whole numbers | `INTEGER` | `smallint`, `integer`, `bigint`, `oid` | all `INT` types, also unsigned, `YEAR`, `BIT` |
/// | numbers | `REAL`, `NUMERIC`, `DECIMAL` | `real`, `double precision`, `numeric` | `FLOAT`, `DOUBLE`, `DECIMAL` |
/// | flags | `BOOLEAN` | `boolean` | `BOOLEAN`, which is `TINYINT(1)` |
/// | text | `TEXT` | `text`, `varchar`, `char`, `uuid`, `json`, `jsonb`, `xml`, `bit`, `time` | `CHAR`, `VARCHAR`, all `TEXT` types, `SET`, `JSON`, `UUID`, `TIME` |
/// | categories | `CATEGORY TEXT` | enumerations | `ENUM` |
/// | dates | `DATE` | `date` | `DATE` |
/// | times | `DATETIME`, `TIMESTAMP` | `timestamp` | `DATETIME` |
/// | times in UTC | `TIMESTAMP WITH TIME ZONE` | `timestamptz` | `TIMESTAMP` |
///
/// Every other type is an error that says how to cast it, so are bytes, and whole numbers beyond 64 bits. A number of
/// a narrow type becomes the one that is written alike: 0.1.
///
/// SQLite has types for values rather than columns: a column has the type it is declared with if all its values fit;
/// else it has one that holds all of them, and the log tells the first value that does not fit with its row. Without a
/// declared type, whole numbers among numbers become numbers, and numbers among texts become text, which the log tells
/// too. A column in which all is missing and that has no declared type is one of numbers. Text in double quotes is the
/// name of a column, never a text.
#[component(
    DatasetLoader,
    name = "palladium.dataset.SQL",
    gone(
        chunksize = "leave it out: rows become columns as they arrive, whatever their number",
        ndarray = "leave it out: columns keep their types, and learners take what they need"
    ),
    check,
    lifecycle
)]
pub struct Sql {
    /// Where the database is, in the spelling of SQLAlchemy: `sqlite:///data.db` is a file in the working directory,
    /// `sqlite:////folder/data.db` a file elsewhere, and `sqlite://` an empty database in memory;
    /// `postgresql://user:password@host:5432/name` and `mysql://user:password@host:3306/name` are on a server,
    /// `mariadb://` is the same as `mysql://`. A driver after a `+` makes no difference. After a `?` may stand
    /// `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `host` (the folder of a socket), `application_name` and `options`
    /// for PostgreSQL, `ssl_mode`, `ssl_ca`, `ssl_cert`, `ssl_key` and `unix_socket` for MySQL. Take the password from
    /// the environment: `${environ.DB_PASSWORD}`.
    url: String,
    /// A query, or the name of a table, with a dot behind its schema. A name with spaces, dots or other
    /// signs stands in quotes or in brackets: `[my-table]`.
    sql: String,
    /// Name of the column to learn; the other columns are the features. Null: there is no target.
    target_column: Option<String>,
    /// Values for the places of the query. A list is for places that are written `?`, on a server also `%s`, in
    /// PostgreSQL also `$1`; a map for those that are written `:name`, on a server also `%(name)s`. With the spellings
    /// that begin with a percent sign each other percent sign is written twice.
    params: Option<Params>,
    /// The columns of the table to read, in this order. Only for the name of a table. Null: all.
    columns: Option<Vec<String>>,
    /// Name of the column that labels the rows, or a list of such names. It is left out.
    index_col: Option<Texts>,
    /// Columns that become dates with a time: a list of names, or a map from a name to how its dates are written: as a
    /// pattern of `strftime` such as `%d.%m.%Y`, or as numbers since 1970 in days `D`, seconds `s`, milliseconds `ms`,
    /// microseconds `us` or nanoseconds `ns`. Without that, texts are read as ISO 8601, numbers as seconds. Times with
    /// a time zone become times in UTC.
    parse_dates: Option<ParseDates>,
    /// Whether decimal numbers become numbers; else they become text, which keeps each digit. SQLite has none.
    #[param(default = true)]
    coerce_float: bool,
    /// How many seconds all rows may take to arrive.
    #[param(default = 600.0, above = 0.0, max = 86400.0)]
    timeout: f64,
    /// How many seconds a connection may take to be made; with SQLite, how long to wait for another process that
    /// writes.
    #[param(default = 10.0, above = 0.0, max = 86400.0)]
    connect_timeout: f64,
    #[state]
    pool: Pool,
}

impl Sql {
    fn check(&self) -> Result<(), ArgumentError> {
        let location = Location::parse(&self.url)
            .map_err(|error| ArgumentError::new("url", error.to_string()).help(error.help()))?;
        if self.sql.trim().is_empty() {
            return Err(ArgumentError::new("sql", "`sql` is empty, a query or the name of a table is needed"));
        }
        let request = self.request(None);
        self.check_columns(&request)?;
        if let (Some(table), Some(_)) = (request.asked.table(), &self.params) {
            let message = format!("`params` is for queries, and `{table}` is the name of a table");
            return Err(ArgumentError::new("params", message).help("leave it out, or write a query"));
        }
        let dialect = match &location {
            Location::Server(server) => match server.options {
                ServerOptions::Postgres(_) => Dialect::Postgres,
                ServerOptions::MySql(_) => Dialect::MySql,
            },
            Location::File(_) | Location::Memory => Dialect::Sqlite,
        };
        let bound = request.bound(dialect).map(drop);
        bound.map_err(|error| ArgumentError::new("params", error.to_string()).help(error.help()))
    }

    fn check_columns(&self, request: &Request<'_>) -> Result<(), ArgumentError> {
        let labels = self.index_col.as_ref().map_or(&[][..], |names| &names.0);
        if let Some(target) = self.target_column.as_ref().filter(|target| labels.contains(target)) {
            let message = format!("`index_col` leaves out the target `{target}`");
            return Err(ArgumentError::new("index_col", message).help("the target is a column that is kept"));
        }
        let Some(columns) = &self.columns else { return Ok(()) };
        let wrong = |message: String, help: &str| Err(ArgumentError::new("columns", message).help(help));
        if request.asked.table().is_none() {
            return wrong(
                "`columns` is for the name of a table, and `sql` is a query".into(),
                "name them in the query",
            );
        }
        if columns.is_empty() {
            return wrong("`columns` is empty, so that no column is read".into(), "leave it out to read all columns");
        }
        if let Some((_, name)) = columns.iter().enumerate().find(|(index, name)| columns[..*index].contains(name)) {
            return wrong(format!("`columns` has `{name}` twice"), "remove one of them");
        }
        match self.target_column.as_ref().filter(|target| !columns.contains(target)) {
            Some(target) => wrong(
                format!("`columns` leaves out the target `{target}`"),
                "add it, the target is one of the columns to read",
            ),
            None => Ok(()),
        }
    }

    fn request<'a>(&'a self, progress: Option<&'a LoadProgress>) -> Request<'a> {
        Request {
            asked: Asked::new(&self.sql),
            params: self.params.as_ref(),
            columns: self.columns.as_deref(),
            coerce_float: self.coerce_float,
            shape: Shape {
                target_column: self.target_column.as_deref(),
                index_col: self.index_col.as_ref(),
                parse_dates: self.parse_dates.as_ref(),
                progress,
            },
        }
    }

    fn limits(&self) -> Limits {
        Limits { connect: Duration::from_secs_f64(self.connect_timeout), whole: Duration::from_secs_f64(self.timeout) }
    }

    fn found(&self) -> Result<String, SqlError> {
        let (location, limits, request) = (Location::parse(&self.url)?, self.limits(), self.request(None));
        let place = location.to_string();
        let n_columns = match &location {
            Location::Server(server) => self.pool.probe(&Database { server, place: &place, limits }, &request),
            Location::File(_) | Location::Memory => Sqlite::open(&location, limits)?.probe(&request),
        };
        let n_columns = n_columns.map_err(|error| error.about(&request.asked))?;
        let columns = if n_columns == 1 { "1 column".to_owned() } else { format!("{n_columns} columns") };
        Ok(format!("{} with {columns}", request.what(&place)))
    }

    fn read(&self, progress: &LoadProgress) -> Result<Dataset, SqlError> {
        let (location, limits, request) = (Location::parse(&self.url)?, self.limits(), self.request(Some(progress)));
        let loaded = match &location {
            Location::Server(server) => {
                let place = location.to_string();
                self.pool.load(&Database { server, place: &place, limits }, &request)
            }
            Location::File(_) | Location::Memory => Sqlite::open(&location, limits)?.load(&request),
        };
        loaded.map_err(|error| error.about(&request.asked))
    }
}

impl Lifecycle for Sql {
    fn probe(&self) -> Result<Probe, Failure> {
        Ok(Probe::Found(self.found()?))
    }
}

impl DatasetLoader for Sql {
    fn load(&self) -> Result<Dataset, Failure> {
        self.load_with_progress(&LoadProgress::default())
    }

    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        Ok(self.read(progress)?)
    }
}
