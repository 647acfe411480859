//! The SQL loader and databases of SQLite.

use std::path::Path;
use std::sync::Arc;

use palladium_component::prelude::*;
use rusqlite::Connection;
use serde_json::{Value as Json, json};

use crate::harness::{construct, show};
use crate::warnings::captured;

/// What the tests call the folder of the database.
const FOLDER: &str = "FOLDER";

/// A database in a folder of its own.
struct Sqlite {
    folder: tempfile::TempDir,
}

impl Sqlite {
    fn new(sql: &str) -> Sqlite {
        let sqlite = Sqlite { folder: tempfile::tempdir().unwrap() };
        Connection::open(sqlite.folder.path().join("data.db")).unwrap().execute_batch(sql).unwrap();
        sqlite
    }

    fn url(&self) -> String {
        format!("sqlite:///{}/data.db", self.folder.path().display())
    }

    fn loader(&self, arguments: &Json) -> Result<Arc<dyn DatasetLoader>, String> {
        loader(&self.url(), arguments)
    }

    fn load(&self, arguments: &Json) -> Result<Dataset, String> {
        let told = |error: String| error.replace(&self.folder.path().display().to_string(), FOLDER);
        self.loader(arguments).and_then(|loader| load(loader.as_ref())).map_err(told)
    }

    #[track_caller]
    fn check(&self, arguments: Json, expected: Json) {
        let data = self.load(&arguments).unwrap();
        assert_eq!(show(&data.features), expected, "{arguments}");
    }

    #[track_caller]
    fn fails(&self, arguments: Json, expected: &str) {
        let found = self.load(&arguments).map(|data| show(&data.features).to_string());
        assert_eq!(found.unwrap_err(), expected, "{arguments}");
    }
}

/// Constructs a SQL loader; the error is the text of all findings.
pub fn loader(url: &str, arguments: &Json) -> Result<Arc<dyn DatasetLoader>, String> {
    let mut all = json!({"url": url});
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    construct("palladium.dataset.SQL", &all)
}

/// Loads; the error is the whole text, with its causes and its help.
pub fn load(loader: &dyn DatasetLoader) -> Result<Dataset, String> {
    loader.load().map_err(|failure| told(&failure))
}

/// Returns the whole text of an error, with its causes and its help.
pub fn told(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    failure.help().into_iter().fold(text, |text, help| format!("{text}\nhelp: {help}"))
}

const EMPLOYEES: &str = "
    create table employee (id integer primary key, name text, age integer, weight real, salary real);
    insert into employee values (1, 'James', 24, 60, 10000), (2, 'Judy', 33, 73, 20000), (3, 'Jack', 27, 67.5, 35000);
    create table \"order\" (\"a b\" text);
";

#[test]
fn the_manuals_example_gives_features_and_target() {
    let sqlite = Sqlite::new(EMPLOYEES);
    let arguments = json!({"sql": "select age, weight, salary from employee", "target_column": "salary"});
    let data = sqlite.load(&arguments).unwrap();
    assert_eq!(data.numeric().unwrap(), ndarray::arr2(&[[24.0, 60.0], [33.0, 73.0], [27.0, 67.5]]));
    assert_eq!(data.numbers().unwrap().to_vec(), [10_000.0, 20_000.0, 35_000.0]);
    let place = format!("the answer of `{}/data.db`, row 2", sqlite.folder.path().display());
    assert_eq!(data.features.place(1), Some(place));
}

#[test]
fn tables_and_their_columns_are_read_by_name() {
    let sqlite = Sqlite::new(EMPLOYEES);
    let ages = json!({"name": "age", "type": "int", "values": [24, 33, 27]});
    let names = json!({"name": "name", "type": "text", "values": ["James", "Judy", "Jack"]});
    sqlite.check(json!({"sql": "employee", "columns": ["name", "age"]}), json!([names, ages]));
    sqlite.check(json!({"sql": "main.employee", "columns": ["age"]}), json!([ages]));
    sqlite.check(json!({"sql": "employee", "columns": ["age"], "index_col": "id"}), json!([ages]));
    let without = json!({"sql": "employee", "index_col": ["id", "weight", "salary"]});
    sqlite.check(without, json!([names, ages]));
    sqlite.check(json!({"sql": "\"order\""}), json!([{"name": "a b", "type": "text", "values": []}]));
    let data =
        sqlite.load(&json!({"sql": "employee", "columns": ["age", "salary"], "target_column": "salary"})).unwrap();
    assert_eq!(data.target.unwrap().name, "salary");
}

#[test]
fn values_are_bound_and_never_become_part_of_the_query() {
    let sqlite = Sqlite::new(EMPLOYEES);
    let names = |values: &[&str]| json!([{"name": "name", "type": "text", "values": values}]);
    for (sql, params, expected) in [
        ("select name from employee where age > ? and weight < ?", json!([25, 70.5]), &["Jack"][..]),
        (
            "select name from employee where age > :least or name = :name",
            json!({"least": 30, "name": "Jack"}),
            &["Judy", "Jack"],
        ),
        ("select name from employee where name = ?", json!(["' or 1 = 1 --"]), &[]),
        ("select name from employee where ? is null and ?", json!([null, true]), &["James", "Judy", "Jack"]),
        ("select name from employee where name <> '?' and name like 'J%' and age = ?", json!([24]), &["James"]),
    ] {
        sqlite.check(json!({"sql": sql, "params": params}), names(expected));
    }
}

#[test]
fn every_kind_of_value_becomes_a_type_of_tables() {
    let sqlite = Sqlite::new(
        "create table t (
            i integer, big bigint, r real, d decimal(10, 2), f boolean, c category text, s varchar(9), a date,
            z datetime, u timestamp with time zone, n, m integer, x integer, y integer, w boolean
        );
        insert into t values
            (1, 9007199254740993, 1, 10, 1, '007', 1, '2024-01-31', '2024-01-31 10:00:00.5', '2024-01-31T10:00+01:00',
             null, null, 1, 1, 0),
            (null, -9223372036854775808, 0.1, 10.5, null, null, null, null, '2024-01-31', '2024-01-31 10:00:00Z',
             null, null, 2.5, 'two', 3);",
    );
    sqlite.check(
        json!({"sql": "t"}),
        json!([
            {"name": "i", "type": "int", "values": [1, null]},
            {"name": "big", "type": "int", "values": [9_007_199_254_740_993_i64, i64::MIN]},
            {"name": "r", "type": "float", "values": [1.0, 0.1]},
            {"name": "d", "type": "float", "values": [10.0, 10.5]},
            {"name": "f", "type": "bool", "values": [true, null]},
            {"name": "c", "type": "category", "values": ["007", null]},
            {"name": "s", "type": "text", "values": ["1", null]},
            {"name": "a", "type": "date", "values": ["2024-01-31", null]},
            {"name": "z", "type": "timestamp", "values": ["2024-01-31T10:00:00.500", "2024-01-31T00:00:00"]},
            {"name": "u", "type": "timestamp_utc", "values": ["2024-01-31T09:00:00Z", "2024-01-31T10:00:00Z"]},
            {"name": "n", "type": "float", "values": [null, null]},
            {"name": "m", "type": "int", "values": [null, null]},
            {"name": "x", "type": "float", "values": [1.0, 2.5]},
            {"name": "y", "type": "text", "values": ["1", "two"]},
            {"name": "w", "type": "int", "values": [0, 3]},
        ]),
    );
    let mixed = sqlite.load(&json!({"sql": "select y from t"})).unwrap().numeric().unwrap_err().to_string();
    let place = format!("the answer of `{}/data.db`, row 2: `two`", sqlite.folder.path().display());
    assert_eq!(mixed, format!("{place}: column `y` holds text, a number is needed"));
}

#[test]
fn the_log_tells_which_value_does_not_fit_the_declared_type() {
    let sqlite = Sqlite::new(
        "create table t (d DATE, b BOOLEAN, n DATETIME, m DATETIME, i INTEGER, u, f FLOAT, none DATE);
        insert into t values
            ('2024-01-31', 1, 1700000000, '2024-01-31 10:00', 1, 1, 1, null),
            ('nonsense', 0, 1700000001, '2024-01-31', 2.5, 2.5, 'x', null),
            ('worse', 2, null, '2024-01-31 10:00', 'y', 'z', 1, null);",
    );
    let (data, log) = captured(|| sqlite.load(&json!({"sql": "t"})).unwrap());
    assert_eq!(
        show(&data.features),
        json!([
            {"name": "d", "type": "text", "values": ["2024-01-31", "nonsense", "worse"]},
            {"name": "b", "type": "int", "values": [1, 0, 2]},
            {"name": "n", "type": "int", "values": [1_700_000_000, 1_700_000_001, null]},
            {"name": "m", "type": "timestamp", "values": ["2024-01-31T10:00:00", "2024-01-31T00:00:00", "2024-01-31T10:00:00"]},
            {"name": "i", "type": "text", "values": ["1.0", "2.5", "y"]},
            {"name": "u", "type": "text", "values": ["1.0", "2.5", "z"]},
            {"name": "f", "type": "text", "values": ["1.0", "x", "1.0"]},
            {"name": "none", "type": "date", "values": [null, null, null]},
        ])
    );
    let place = format!("`t` in `{}/data.db`", sqlite.folder.path().display());
    let (cast, dates) = (
        "correct the value, or cast the column in the query",
        "correct the value, cast the column in the query, or read it by `parse_dates`",
    );
    let expected = [
        format!("column `d` of the type `DATE` becomes text because of `nonsense` in {place}, row 2; {dates}"),
        format!("column `b` of the type `BOOLEAN` becomes whole numbers because of `2` in {place}, row 3; {cast}"),
        format!(
            "column `n` of the type `DATETIME` becomes whole numbers because of `1700000000` in {place}, row 1; {dates}"
        ),
        format!("column `i` of the type `INTEGER` becomes text because of `y` in {place}, row 3; {cast}"),
        format!("column `u` becomes text because of `z` in {place}, row 3; {cast}"),
        format!("column `f` of the type `FLOAT` becomes text because of `x` in {place}, row 2; {cast}"),
    ];
    let found: Vec<&str> = log.lines().map(|line| line.trim_start_matches(" WARN ")).collect();
    assert_eq!(found, expected);
    let asked = json!({"sql": "select cast(d as text) as d, n from t", "parse_dates": {"n": "s"}});
    let (data, log) = captured(|| sqlite.load(&asked).unwrap());
    assert_eq!(show(&data.features)[1]["type"], "timestamp");
    assert_eq!(log, "");
}

#[test]
fn dates_are_parsed_as_the_options_say() {
    let sqlite = Sqlite::new(
        "create table t (iso text, german text, seconds integer, days integer, zone text);
        insert into t values ('2024-01-31', '31.01.2024', 1706659200, 19753, '2024-01-31 01:00:00+01:00'),
            (null, null, null, null, null);",
    );
    let column = |name: &str, kind: &str, text: &str| json!({"name": name, "type": kind, "values": [text, null]});
    let day = "2024-01-31T00:00:00";
    sqlite.check(
        json!({"sql": "t", "parse_dates": {"iso": null, "german": "%d.%m.%Y", "seconds": "s", "days": "D", "zone": null}}),
        json!([
            column("iso", "timestamp", day),
            column("german", "timestamp", day),
            column("seconds", "timestamp", day),
            column("days", "timestamp", day),
            column("zone", "timestamp_utc", "2024-01-31T00:00:00Z"),
        ]),
    );
    sqlite.check(
        json!({"sql": "select iso, seconds from t", "parse_dates": ["iso", "seconds"]}),
        json!([column("iso", "timestamp", day), column("seconds", "timestamp", day)]),
    );
    sqlite.fails(
        json!({"sql": "t", "parse_dates": ["german"]}),
        "`t` in `FOLDER/data.db`, row 1: column `german` of the type `TEXT` holds `31.01.2024`, which is no date in ISO \
         8601\nhelp: correct it, or say in `parse_dates` how the dates of the column are written",
    );
}

#[test]
fn errors_tell_what_is_where() {
    let sqlite = Sqlite::new(
        "create table employee (age integer, blob_of_bytes blob, price);
        insert into employee values (1, null, 0.5), (2, x'00ff', 9007199254740993), (3, 1, 1);
        create table g (a int);
        insert into g values (9007199254740993), (2.5);
        create table latin (t text);
        insert into latin values (cast(x'e4' as text));",
    );
    for (arguments, expected) in [
        (
            json!({"sql": "emploee"}),
            "the database `FOLDER/data.db` has no table `emploee`\nhelp: did you mean `employee`?",
        ),
        (
            json!({"sql": "employee", "columns": ["age"], "target_column": "age", "index_col": "agee"}),
            "`employee` in `FOLDER/data.db` has no column `agee`, which `index_col` names; there are `age`, \
             `blob_of_bytes`, `price`\nhelp: did you mean `age`?",
        ),
        (
            json!({"sql": "employee", "columns": ["AGE", "pric"]}),
            "`employee` in `FOLDER/data.db` has no column `pric`, which `columns` names; there are `age`, \
             `blob_of_bytes`, `price`\nhelp: did you mean `price`?",
        ),
        (
            json!({"sql": "my-table"}),
            "the database `FOLDER/data.db` refused the query: near \"my\": syntax error\nhelp: if this is the name of a \
             table, write it in quotes or brackets: `[my-table]`",
        ),
        (
            json!({"sql": "odd name"}),
            "the database `FOLDER/data.db` refused the query: near \"odd\": syntax error\nhelp: if this is the name of \
             a table, write it in quotes or brackets: `[odd name]`",
        ),
        (
            json!({"sql": "select age from employee", "target_column": "aeg"}),
            "the answer of `FOLDER/data.db` has no column `aeg`, which `target_column` names; there are `age`\nhelp: did \
             you mean `age`?",
        ),
        (
            json!({"sql": "select age from employee", "index_col": ["id"]}),
            "the answer of `FOLDER/data.db` has no column `id`, which `index_col` names; there are `age`",
        ),
        (
            json!({"sql": "select age from employee", "parse_dates": ["day"]}),
            "the answer of `FOLDER/data.db` has no column `day`, which `parse_dates` names; there are `age`",
        ),
        (
            json!({"sql": "select age, 1 as age from employee"}),
            "two columns of the answer are named `age`\nhelp: give one of them another name: `SELECT … AS name`",
        ),
        (
            json!({"sql": "select blob_of_bytes from employee"}),
            "the answer of `FOLDER/data.db`, row 2: column `blob_of_bytes` of the type `BLOB` holds bytes, which tables \
             do not hold\nhelp: leave the column out, or read it as text: `CAST(… AS TEXT)` or `hex(…)`",
        ),
        (
            json!({"sql": "select price from employee"}),
            "the answer of `FOLDER/data.db`, row 2: column `price` holds the whole number 9007199254740993 among numbers \
             that cannot tell it from its neighbours\nhelp: cast the column: `CAST(price AS TEXT)` keeps each digit",
        ),
        (
            json!({"sql": "g"}),
            "`g` in `FOLDER/data.db`, row 1: column `a` of the type `INT` holds the whole number 9007199254740993 among \
             numbers that cannot tell it from its neighbours\nhelp: cast the column: `CAST(a AS TEXT)` keeps each digit",
        ),
        (
            json!({"sql": "latin"}),
            "`latin` in `FOLDER/data.db`, row 1: column `t` of the type `TEXT` holds a text that is no UTF-8\nhelp: \
             correct it, or read it by `hex(…)`",
        ),
        (
            json!({"sql": "delete from employee returning age"}),
            "`sql` would change the database `FOLDER/data.db`, which is only read: attempt to write a readonly \
             database\nhelp: write a query that reads: the loader \
             changes nothing",
        ),
        (
            json!({"sql": "begin exclusive"}),
            "`sql` is a statement that gives no rows\nhelp: write a query, such as `SELECT … FROM …`, or the name of a \
             table",
        ),
        (
            json!({"sql": "select 1 as a; select 2 as b"}),
            "the database `FOLDER/data.db` refused the query: it has more than one statement",
        ),
    ] {
        sqlite.fails(arguments, expected);
    }
    let missing = loader(&sqlite.url().replace("data.db", "dta.db"), &json!({"sql": "t"})).unwrap();
    let expected = format!(
        "there is no database `{folder}/dta.db`\nhelp: did you mean `{folder}/data.db`?",
        folder = sqlite.folder.path().display()
    );
    assert_eq!(load(missing.as_ref()).unwrap_err(), expected);
    assert!(!sqlite.folder.path().join("dta.db").exists());
    std::fs::write(sqlite.folder.path().join("text.db"), "no database, but a text that is long enough").unwrap();
    let text = loader(&sqlite.url().replace("data.db", "text.db"), &json!({"sql": "t"})).unwrap();
    let told = load(text.as_ref()).unwrap_err();
    assert!(told.contains("text.db` is not a database of SQLite") && told.contains("help: point `url` at"), "{told}");
}

#[test]
fn arguments_that_do_not_go_together_are_found_before_anything_is_read() {
    let sql = |message: &str| format!("`palladium.dataset.SQL`: {message}");
    for (arguments, expected) in [
        (
            json!({"sql": "t", "chunksize": 5}),
            "`palladium.dataset.SQL` has no parameter `chunksize`\nit is gone\nhelp: leave it out: rows".to_owned(),
        ),
        (json!({"sql": " "}), sql("`sql` is empty, a query or the name of a table is needed")),
        (
            json!({"sql": "select 1", "columns": ["a"]}),
            sql("`columns` is for the name of a table, and `sql` is a query"),
        ),
        (json!({"sql": "t", "columns": []}), sql("`columns` is empty, so that no column is read")),
        (json!({"sql": "t", "columns": ["a", "a"]}), sql("`columns` has `a` twice")),
        (json!({"sql": "t", "columns": ["a"], "target_column": "b"}), sql("`columns` leaves out the target `b`")),
        (json!({"sql": "t", "index_col": "b", "target_column": "b"}), sql("`index_col` leaves out the target `b`")),
        (json!({"sql": "t", "params": [1]}), sql("`params` is for queries, and `t` is the name of a table")),
        (json!({"sql": "select ?"}), sql("`sql` has 1 place for values, and `params` has 0 values")),
        (json!({"sql": "select ?", "params": [1, 2]}), sql("`sql` has 1 place for values, and `params` has 2 values")),
        (json!({"sql": "select :a", "params": {"b": 1}}), sql("`sql` has a place `a` that `params` has no value for")),
        (json!({"sql": "t", "params": [[1]]}), "`params` of `palladium.dataset.SQL` has to be a text".to_owned()),
        (
            json!({"sql": "t", "parse_dates": {"a": "weeks"}}),
            "`parse_dates` of `palladium.dataset.SQL` has to be".to_owned(),
        ),
        (
            json!({"sql": "t", "parse_dates": {"a": "%Q"}}),
            "`parse_dates` of `palladium.dataset.SQL` has to be".to_owned(),
        ),
        (json!({"sql": "t", "timeout": 0}), "`timeout` of `palladium.dataset.SQL` has to be".to_owned()),
    ] {
        let found = loader("sqlite:///data.db", &arguments).err().unwrap_or_else(|| "nothing".into());
        assert!(found.starts_with(&expected), "{arguments}: {found}");
    }
    let found = loader("oracle://host/data", &json!({"sql": "t"})).err().unwrap();
    assert!(found.starts_with(&sql("`url` names a database of `oracle`")), "{found}");
}

#[test]
fn a_query_that_does_not_end_is_ended() {
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as n from n";
    let loader = loader("sqlite://", &json!({"sql": sql, "timeout": 0.2})).unwrap();
    let expected = "the database `:memory:` has not given all rows within 0.2 seconds\nhelp: ask for less, or give it more \
                    time by `timeout`";
    assert_eq!(load(loader.as_ref()).unwrap_err(), expected);
}

#[test]
fn many_threads_load_at_once() {
    let sqlite = Sqlite::new(EMPLOYEES);
    let loader = sqlite.loader(&json!({"sql": "employee"})).unwrap();
    let expected = loader.load().unwrap().features;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..20).map(|_| loader.load().unwrap().features).collect::<Vec<_>>()))
            .collect();
        for thread in threads {
            assert!(thread.join().unwrap().iter().all(|table| *table == expected));
        }
    });
}

#[test]
fn a_probe_asks_without_reading() {
    let sqlite = Sqlite::new(EMPLOYEES);
    let probe = |arguments: Json| sqlite.loader(&arguments).unwrap().probe().map_err(|failure| failure.to_string());
    let place = sqlite.folder.path().join("data.db");
    let expected = format!("`employee` in `{}` with 5 columns", place.display());
    assert_eq!(probe(json!({"sql": "employee"})).unwrap(), Probe::Found(expected));
    assert!(probe(json!({"sql": "emploee"})).unwrap_err().contains("has no table `emploee`"));
    assert!(probe(json!({"sql": "employee", "target_column": "x"})).unwrap_err().contains("has no column `x`"));
}

#[test]
fn relative_paths_count_from_the_working_directory() {
    let told = load(loader("sqlite:///tests/no-such.db", &json!({"sql": "t"})).unwrap().as_ref()).unwrap_err();
    assert!(told.starts_with("there is no database `tests/no-such.db`"), "{told}");
    assert!(Path::new("tests").is_dir());
}
