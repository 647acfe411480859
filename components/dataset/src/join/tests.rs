//! Which rows come together, and what their columns are called.

use super::*;
use crate::testing::{Fake, data, findings, floats, ints, table, texts};

fn join(on: &[&str], how: How, left: Dataset, right: Dataset) -> Join {
    let on = Texts(on.iter().map(|name| (*name).to_owned()).collect());
    let suffixes = (Some("_x".to_owned()), Some("_y".to_owned()));
    Join { left: Fake::of(left), right: Fake::of(right), on, how, suffixes, max_rows: 100_000_000 }
}

fn orders() -> Dataset {
    let customers = ints("customer", &[Some(2), Some(1), Some(9), Some(2), None]);
    data(vec![customers, texts("item", &["a", "b", "c", "d", "e"])], None)
}

fn customers() -> Dataset {
    let ids = ints("customer", &[Some(1), Some(2), None, Some(2)]);
    data(vec![ids, texts("city", &["Bonn", "Köln", "?", "Kiel"])], None)
}

/// Returns the cells of a column as text, a missing one as `-`.
fn cells(data: &Dataset, name: &str) -> Vec<String> {
    let table = table(data);
    let column = table.column(name).unwrap();
    match column.as_any().downcast_ref::<StringArray>() {
        Some(texts) => texts.iter().map(|cell| cell.unwrap_or("-").to_owned()).collect(),
        None => {
            let ints = column.as_any().downcast_ref::<Int64Array>().unwrap();
            ints.iter().map(|cell| cell.map_or("-".to_owned(), |cell| cell.to_string())).collect()
        }
    }
}

#[test]
fn rows_come_in_the_order_of_pandas() {
    // `orders.merge(customers, on="customer", how=how)` with pandas gives these rows.
    let inner = join(&["customer"], How::Inner, orders(), customers()).load().unwrap();
    assert_eq!(cells(&inner, "customer"), ["2", "2", "1", "2", "2", "-"]);
    assert_eq!(cells(&inner, "item"), ["a", "a", "b", "d", "d", "e"]);
    assert_eq!(cells(&inner, "city"), ["Köln", "Kiel", "Bonn", "Köln", "Kiel", "?"]);

    let left = join(&["customer"], How::Left, orders(), customers()).load().unwrap();
    assert_eq!(cells(&left, "item"), ["a", "a", "b", "c", "d", "d", "e"]);
    assert_eq!(cells(&left, "city"), ["Köln", "Kiel", "Bonn", "-", "Köln", "Kiel", "?"]);
    assert_eq!(left.features.names().collect::<Vec<_>>(), ["customer", "item", "city"]);
}

#[test]
fn texts_and_categories_are_equal_where_they_read_alike() {
    let category = |data: Dataset, name: &str| Dataset {
        features: data.features.cast(name, ColumnType::Category).unwrap(),
        target: None,
    };
    let left = || data(vec![texts("k", &["b", "a", "c"]), ints("n", &[Some(1), Some(2), Some(3)])], None);
    let right = || data(vec![texts("k", &["a", "b", "b"]), texts("city", &["Bonn", "Kiel", "Ulm"])], None);
    for (left, right) in [
        (left(), right()),
        (category(left(), "k"), right()),
        (left(), category(right(), "k")),
        (category(left(), "k"), category(right(), "k")),
    ] {
        let kind = left.features.column_type(0);
        let joined = join(&["k"], How::Inner, left, right).load().unwrap();
        assert_eq!(
            (cells(&joined, "n").concat().as_str(), cells(&joined, "city").concat()),
            ("112", "KielUlmBonn".into())
        );
        assert_eq!(joined.features.column_type(0), kind, "the column is that of `left`");
    }
    let day = |name: &str| {
        let days = data(vec![texts(name, &["2024-01-31"])], None).features.cast(name, ColumnType::Date).unwrap();
        Dataset { features: days, target: None }
    };
    assert_eq!(join(&["k"], How::Inner, day("k"), day("k")).load().unwrap().n_rows(), 1);
    let failure = join(&["k"], How::Inner, day("k"), right()).load().unwrap_err().to_string();
    assert_eq!(failure, "column `k` holds dates in `left` and text in `right`, which are never equal");
}

#[test]
fn several_columns_and_numbers_of_two_types_are_compared() {
    let left = data(vec![ints("a", &[Some(1), Some(1), Some(0)]), texts("b", &["x", "y", "x"])], None);
    let right = data(vec![texts("b", &["y", "x"]), floats("a", &[1.0, -0.0]), ints("c", &[Some(7), Some(8)])], None);
    let joined = join(&["a", "b"], How::Inner, left, right).load().unwrap();
    assert_eq!(
        (cells(&joined, "b"), cells(&joined, "c")),
        (vec!["y".into(), "x".into()], vec!["7".into(), "8".into()])
    );
    assert_eq!(joined.features.column_type(0), ColumnType::Int, "the column is that of `left`");
}

#[test]
fn columns_of_one_name_get_suffixes_and_the_target_keeps_its_column() {
    let side = |value: i64, target| data(vec![ints("id", &[Some(1)]), ints("v", &[Some(value)])], target);
    let names = |join: &Join| -> (Vec<String>, Option<String>) {
        let joined = join.load().unwrap();
        (joined.features.names().map(str::to_owned).collect(), target(&joined))
    };
    let plain = join(&["id"], How::Inner, side(1, None), side(2, None));
    assert_eq!(names(&plain), (vec!["id".into(), "v_x".into(), "v_y".into()], None));
    let own = Join { suffixes: (None, Some(" of b".into())), ..plain };
    assert_eq!(names(&own), (vec!["id".into(), "v".into(), "v of b".into()], None));
    let none = Join { suffixes: (None, None), ..own };
    assert_eq!(none.load().unwrap_err().to_string(), "two columns are named `v`");

    let left = join(&["id"], How::Inner, side(1, Some("v")), side(2, None));
    assert_eq!(names(&left), (vec!["id".into(), "v_y".into()], Some("v_x".into())));
    assert_eq!(cells(&left.load().unwrap(), "v_x"), ["1"]);
    let right = join(&["id"], How::Inner, side(1, None), side(2, Some("v")));
    assert_eq!(names(&right), (vec!["id".into(), "v_x".into()], Some("v_y".into())));
    let key = join(&["id"], How::Inner, side(1, Some("id")), side(2, None));
    assert_eq!(names(&key), (vec!["v_x".into(), "v_y".into()], Some("id".into())));
    let both = join(&["id"], How::Inner, side(1, Some("v")), side(2, Some("v")));
    let failure = both.load().unwrap_err().to_string();
    assert_eq!(failure, "`left` has the target `v` and `right` the target `v`, and there can be but one");
}

#[test]
fn tables_without_rows_join() {
    let empty = || data(vec![ints("customer", &[]), texts("city", &[])], None);
    assert_eq!(join(&["customer"], How::Inner, orders(), empty()).load().unwrap().n_rows(), 0);
    let left = join(&["customer"], How::Left, orders(), empty()).load().unwrap();
    assert_eq!(cells(&left, "city"), ["-"; 5]);
    assert_eq!(join(&["customer"], How::Left, empty(), customers()).load().unwrap().n_rows(), 0);
}

#[test]
fn rows_are_counted_before_they_are_put_together() {
    let same = || data(vec![ints("k", &[Some(1); 30_000])], None);
    let failure = join(&["k"], How::Inner, same(), same()).load().unwrap_err();
    let expected = "the join of 30000 and 30000 rows would have 900000000 rows, `max_rows` allows 100000000";
    assert_eq!(failure.to_string(), expected);
    assert!(failure.help().unwrap().contains("`max_rows`"));
    for (how, n_rows) in [(How::Inner, 6), (How::Left, 7)] {
        let limited = |max_rows| Join { max_rows, ..join(&["customer"], how, orders(), customers()) }.load();
        assert_eq!(limited(n_rows).unwrap().n_rows(), n_rows);
        let expected = format!("the join of 5 and 4 rows would have {n_rows} rows, `max_rows` allows {}", n_rows - 1);
        assert_eq!(limited(n_rows - 1).unwrap_err().to_string(), expected);
    }
}

#[test]
fn what_cannot_be_joined_is_told() {
    let text = || data(vec![texts("customer", &["1"])], None);
    let cases = [
        (vec!["item"], customers(), "`right`: no column `item`; there are `customer`, `city`"),
        (vec!["city"], customers(), "`left`: no column `city`; there are `customer`, `item`"),
        (
            vec!["customer"],
            text(),
            "column `customer` holds whole numbers in `left` and text in `right`, which are never equal",
        ),
    ];
    for (on, right, expected) in cases {
        let failure = join(&on, How::Inner, orders(), right).load().unwrap_err();
        assert_eq!(failure.to_string(), expected);
        assert!(failure.help().is_some());
    }
    let check = |on: &[&str]| join(on, How::Inner, orders(), customers()).check().map_err(|error| error.message);
    assert_eq!(check(&[]).unwrap_err(), "`on` is empty, at least one column is needed");
    assert_eq!(check(&["a", "b", "a"]).unwrap_err(), "`on` has `a` twice");
    assert!(check(&["a", "b"]).is_ok());
    let found = findings("palladium.dataset.Join", &[("how", Data::Text("outer".into()))]);
    assert!(found.iter().any(|finding| finding.contains("has to be `inner` or `left`")), "{found:?}");
}
