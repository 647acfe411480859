//! SQL over the data of other loaders.

use std::path::Path;
use std::sync::Arc;

use palladium_component::prelude::*;
use rusqlite::Connection;
use serde_json::{Value as Json, json};

use crate::harness::{construct, show};
use crate::sql::{load, told};

/// A folder with the files of two tables.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sales.csv"), "customer,amount,returned\n1,10,true\n2,20.5,false\n1,30,false\n")
        .unwrap();
    let database = Connection::open(folder.path().join("customers.db")).unwrap();
    database
        .execute_batch(
            "create table customers (customer integer, since date, seen timestamptz, kind category text, \"zip code\" text);
            insert into customers values (1, '2020-01-31', '2024-01-31 10:00:00.5+01:00', 'a', '01234'),
                (2, null, null, null, null);",
        )
        .unwrap();
    folder
}

fn tables(folder: &Path) -> Json {
    json!({
        "sales": {"!": "palladium.dataset.CSV", "path": folder.join("sales.csv"), "target_column": "customer"},
        "customers": {
            "!": "palladium.dataset.SQL",
            "url": format!("sqlite:///{}", folder.join("customers.db").display()),
            "sql": "customers",
        },
    })
}

fn query(folder: &Path, arguments: &Json) -> Result<Arc<dyn DatasetLoader>, String> {
    let mut all = json!({"tables": tables(folder)});
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    construct("palladium.dataset.Query", &all)
}

fn answer(arguments: Json) -> Json {
    let folder = folder();
    show(&load(query(folder.path(), &arguments).unwrap().as_ref()).unwrap().features)
}

#[test]
fn tables_of_several_loaders_are_joined() {
    let folder = folder();
    let arguments = json!({
        "sql": "select amount, \"zip code\" as zip, returned from sales join customers using (customer)
                where amount >= :least order by amount",
        "params": {"least": 20},
        "target_column": "returned",
    });
    let data = load(query(folder.path(), &arguments).unwrap().as_ref()).unwrap();
    let expected = json!([
        {"name": "amount", "type": "float", "values": [20.5, 30.0]},
        {"name": "zip", "type": "text", "values": [null, "01234"]},
    ]);
    assert_eq!(show(&data.features), expected);
    let target = data.target.unwrap();
    assert_eq!((target.name.as_str(), target.kind()), ("returned", ColumnType::Bool));
    assert_eq!(data.features.place(0).unwrap(), "the answer of `tables`, row 1");
}

#[test]
fn columns_keep_their_types_and_expressions_have_those_of_their_values() {
    let plain = answer(json!({"sql": "select * from customers order by customer"}));
    assert_eq!(
        plain,
        json!([
            {"name": "customer", "type": "int", "values": [1, 2]},
            {"name": "since", "type": "date", "values": ["2020-01-31", null]},
            {"name": "seen", "type": "timestamp_utc", "values": ["2024-01-31T09:00:00.500Z", null]},
            {"name": "kind", "type": "category", "values": ["a", null]},
            {"name": "zip code", "type": "text", "values": ["01234", null]},
        ])
    );
    let expressions = answer(json!({
        "sql": "select max(since) as since, strftime('%Y', max(seen)) as year, count(*) as n, avg(amount) as mean,
                    sum(returned) as returned
                from sales join customers using (customer)",
    }));
    assert_eq!(
        expressions,
        json!([
            {"name": "since", "type": "text", "values": ["2020-01-31"]},
            {"name": "year", "type": "text", "values": ["2024"]},
            {"name": "n", "type": "int", "values": [3]},
            {"name": "mean", "type": "float", "values": [60.5 / 3.0]},
            {"name": "returned", "type": "int", "values": [1]},
        ])
    );
    let nested =
        answer(json!({"sql": "with s as (select returned as r from sales) select r from s union all select r from s"}));
    assert_eq!(nested[0]["type"], "bool");
}

#[test]
fn mistakes_in_a_query_are_told_with_its_place() {
    let folder = folder();
    for (arguments, expected) in [
        (
            json!({"sql": "select * from sale"}),
            "`palladium.dataset.Query`: `sql` is not understood: no such table: sale\nhelp: did you mean `sales`?",
        ),
        (
            json!({"sql": "select * from other.things"}),
            "`palladium.dataset.Query`: `sql` is not understood: no such table: other.things\nhelp: the tables are `sales`, `customers`",
        ),
        (
            json!({"sql": "select * form sales"}),
            "`palladium.dataset.Query`: `sql` is not understood: near \"form\": syntax error",
        ),
        (
            json!({"sql": "select load(1) from sales"}),
            "`palladium.dataset.Query`: `sql` is not understood: no such function: load",
        ),
        (
            json!({"sql": "select ? from sales"}),
            "`palladium.dataset.Query`: `sql` has 1 place for values, and `params` has 0 values\nhelp: a place is",
        ),
        (
            json!({"sql": "select 1", "tables": {}}),
            "`palladium.dataset.Query`: `tables` is empty, at least one table is needed",
        ),
    ] {
        let found = query(folder.path(), &arguments).err().unwrap_or_else(|| "nothing".into());
        assert!(found.starts_with(expected), "{arguments}: {found}");
    }
    let tables = tables(folder.path());
    for (names, expected) in [
        (["a", "A"], "`tables` has `a` and `A`, whose names are the same in SQL"),
        (["a", "sqlite_b"], "`tables` has a table `sqlite_b`, which cannot be its name"),
    ] {
        let tables = json!({names[0]: tables["sales"], names[1]: tables["sales"]});
        let found = query(folder.path(), &json!({"sql": "select 1", "tables": tables})).err().unwrap();
        assert!(found.contains(expected), "{found}");
    }
    for (sql, words, help) in [
        ("select s.ammount from sales s", "no such column: s.ammount", "did you mean `amount`?"),
        ("select \"Amunt\" from sales", "no such column: \"Amunt\"", "did you mean `amount`?"),
        ("select * from sales where returned = \"xyz\"", "no such column: \"xyz\"", "a text stands in single quotes"),
    ] {
        let loader = query(folder.path(), &json!({"sql": sql})).unwrap();
        let found = loader.load().unwrap_err().downcast::<Box<Diagnostic>>().unwrap();
        assert!(found.message.starts_with(&format!("`sql` is not understood: {words}")), "{}", found.message);
        assert_eq!((found.help.len(), found.help[0].as_str(), found.labels.len()), (1, help, 1));
    }
}

#[test]
fn a_query_reads_its_tables_and_nothing_else() {
    let folder = folder();
    let outside = folder.path().join("outside.db");
    for sql in [
        format!("attach '{}' as outside", outside.display()),
        "pragma temp_store_directory".to_owned(),
        "delete from sales returning amount".to_owned(),
        "create table copy as select * from sales".to_owned(),
        "drop table sales".to_owned(),
        "begin".to_owned(),
    ] {
        let found = query(folder.path(), &json!({"sql": sql})).err().unwrap_or_else(|| "nothing".into());
        assert!(found.contains("`sql` would do more than read the tables"), "{sql}: {found}");
    }
    for sql in ["select load_extension('x.so') as a", "select 1 as a; select 2 as a"] {
        let loader = query(folder.path(), &json!({"sql": sql}));
        let told = loader.and_then(|loader| loader.load().map(drop).map_err(|failure| told(&failure)));
        assert!(told.is_err(), "{sql}");
    }
    assert!(!outside.exists());
}

#[test]
fn what_cannot_be_a_table_is_told() {
    let folder = folder();
    let csv = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        json!({"!": "palladium.dataset.CSV", "path": folder.path().join(name)})
    };
    for (tables, sql, expected) in [
        (
            json!({"t": csv("cases.csv", "a,A\n1,2\n")}),
            "select * from t",
            "the table `t` has the columns `a` and `A`, whose names are the same in SQL",
        ),
        (
            json!({"t": {"!": "palladium.dataset.EmptyDatasetLoader"}}),
            "select * from t",
            "the table `t` has no columns",
        ),
        (json!({"t": csv("one.csv", "a\n1\n")}), "select a, a from t", "two columns of the answer are named `a`"),
        (json!({"t": csv("one.csv", "a\n1\n")}), "select x'00' as a from t", "holds bytes"),
    ] {
        let loader = query(folder.path(), &json!({"tables": tables, "sql": sql})).unwrap();
        let told = load(loader.as_ref()).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn a_query_that_does_not_end_is_ended() {
    let folder = folder();
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) as n from n";
    let loader = query(folder.path(), &json!({"sql": sql, "timeout": 0.2})).unwrap();
    let told = load(loader.as_ref()).unwrap_err();
    assert!(told.contains("has not given all rows within 0.2 seconds"), "{told}");
}
