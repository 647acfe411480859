use arrow_array::{Array, ArrayRef};

use super::*;
use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, Float64Array, Int64Array, StringArray};

fn column(name: &str, array: impl Array + 'static) -> (String, ArrayRef) {
    (name.to_owned(), Arc::new(array))
}

#[test]
fn makes_matrices() {
    let table = Table::new(vec![
        column("a", Float64Array::from(vec![Some(1.5), None])),
        column("b", Int64Array::from(vec![2, 3])),
        column("c", BooleanArray::from(vec![true, false])),
    ])
    .unwrap();
    let matrix = table.to_matrix().unwrap();
    assert_eq!(matrix.row(0).to_vec(), [1.5, 2.0, 1.0]);
    assert!(matrix[[1, 0]].is_nan());
    assert_eq!(table.to_finite_matrix(), Err(DataError::MissingValue { name: "a".into(), row: 2, place: None }));
    assert_eq!(table.slice(0, 1).to_finite_matrix().unwrap().shape(), [1, 3]);
    assert_eq!(table.project(&[2, 1]).names().collect::<Vec<_>>(), ["c", "b"]);
}

#[test]
fn other_values_have_the_types_of_the_table() {
    let table = Table::new(vec![
        column("a", Float64Array::from(Vec::<f64>::new())),
        column("b", StringArray::from(Vec::<&str>::new())),
    ])
    .unwrap();
    let values = |a: Vec<f64>, b: &[&str]| -> Vec<ArrayRef> {
        vec![Arc::new(Float64Array::from(a)), Arc::new(StringArray::from(b.to_vec()))]
    };
    let filled = table.with_values(values(vec![1.5, 2.5], &["x", "y"])).unwrap();
    assert_eq!((filled.n_rows(), filled.names().collect::<Vec<_>>()), (2, vec!["a", "b"]));
    let swapped = values(vec![1.5], &["x"]).into_iter().rev().collect();
    for wrong in [values(vec![1.5], &["x", "y"]), values(vec![1.5], &["x"])[..1].to_vec(), swapped] {
        assert!(table.with_values(wrong).is_err());
    }
}

#[derive(Debug)]
struct Lines;

impl Provenance for Lines {
    fn place(&self, row: usize) -> String {
        format!("line {}", row + 2)
    }

    fn text_cell(&self, column: &str) -> Option<String> {
        (column == "t").then(|| "line 3, `x`".to_owned())
    }
}

#[test]
fn errors_tell_where_rows_come_from() {
    let numbers = column("a", Float64Array::from(vec![Some(1.0), None, Some(f64::NAN)]));
    let table = Table::new(vec![numbers]).unwrap().with_provenance(Arc::new(Lines));
    let error = |table: &Table| table.to_finite_matrix().unwrap_err().to_string();
    assert_eq!(error(&table), "line 3: column `a` has no value, where one is needed");
    assert_eq!(
        error(&table.slice(2, 1)),
        "line 4: column `a` holds an infinite number or NaN, where a finite one is needed"
    );
    let text = column("t", StringArray::from(vec!["1", "x"]));
    let table = Table::new(vec![text]).unwrap().with_provenance(Arc::new(Lines));
    assert_eq!(error(&table), "line 3, `x`: column `t` holds text, a number is needed");
}

#[test]
fn takes_rows_and_stacks_tables_and_knows_where_they_come_from() {
    let ints = |cells: Vec<Option<i64>>| Table::new(vec![column("a", Int64Array::from(cells))]).unwrap();
    let table = ints(vec![Some(10), None, Some(30)]).with_provenance(Arc::new(Lines));
    let taken = table.slice(1, 2).take(&[1, 0, 1]).unwrap();
    assert_eq!(taken, ints(vec![Some(30), None, Some(30)]));
    assert_eq!([0, 1, 2].map(|row| taken.place(row).unwrap()), ["line 4", "line 3", "line 4"]);
    assert_eq!(taken.text_cell("t").unwrap(), "line 3, `x`");

    let stacked = Table::concat(&[table.slice(0, 0), taken, table.slice(2, 1)]).unwrap();
    assert_eq!(stacked, ints(vec![Some(30), None, Some(30), Some(30)]));
    let places: Vec<_> = (0..4).map(|row| stacked.place(row).unwrap()).collect();
    assert_eq!(places, ["line 4", "line 3", "line 4", "line 4"]);
    assert_eq!(stacked.slice(1, 3).place(0).unwrap(), "line 3");
    assert_eq!(Table::concat(&[stacked, ints(vec![None])]).unwrap().place(0), None, "not all places are known");

    let missing = table.take_or_missing(&[Some(2), None]).unwrap();
    assert_eq!(missing, ints(vec![Some(30), None]));
    let no_columns = table.project(&[]);
    assert_eq!(no_columns.take(&[0, 0]).unwrap().n_rows(), 2);
    assert_eq!(Table::concat(&[no_columns.clone(), no_columns]).unwrap().n_rows(), 6);

    let more = table.with_column("b", &table.columns()[0]).unwrap();
    assert_eq!((more.names().collect::<Vec<_>>(), more.place(0).unwrap()), (vec!["a", "b"], "line 2".to_owned()));
    assert!(table.with_column("a", &table.columns()[0]).is_err());
    let mapped = more.map_columns(|name, column| match name {
        "a" => Arc::new(StringArray::from(vec!["x"; 3])),
        _ => Arc::clone(column),
    });
    let mapped = mapped.unwrap();
    assert_eq!(mapped.specs()[0].kind, ColumnType::Text);
    assert_eq!((mapped.project(&[1]), mapped.place(0).unwrap()), (more.project(&[1]), "line 2".to_owned()));
    let texts = Table::new(vec![column("a", StringArray::from(vec!["1"]))]).unwrap();
    assert!(matches!(Table::concat(&[table.clone(), texts]), Err(DataError::UnsupportedType { .. })));
    assert!(matches!(Table::concat(&[table, Table::default()]), Err(DataError::NoSuchColumn { .. })));
    assert_eq!(Table::concat(&[]), Err(DataError::NoRows));
}

#[test]
fn refuses_what_is_no_table() {
    let two = || Int64Array::from(vec![1, 2]);
    let cases = [
        (vec![column("a", two()), column("a", two())], "two columns are named `a`"),
        (
            vec![column("a", two()), column("b", Int64Array::from(vec![1]))],
            "column `b` has 1 rows where the others have 2",
        ),
        (
            vec![column("a", arrow_array::Int8Array::from(vec![1]))],
            "column `a` has the type Int8, which tables do not hold",
        ),
    ];
    for (columns, expected) in cases {
        assert_eq!(Table::new(columns).unwrap_err().to_string(), expected);
    }
    let text = Table::new(vec![column("t", StringArray::from(vec!["x"]))]).unwrap();
    assert_eq!(text.to_matrix().unwrap_err().to_string(), "column `t` holds text, a number is needed");
    assert_eq!(text.column("u").unwrap_err().to_string(), "no column `u`; there are `t`");
}

#[test]
fn columns_are_selected_dropped_and_renamed() {
    let flags = || BooleanArray::from(vec![true]);
    let table = Table::new(vec![column("a", flags()), column("b", flags()), column("c", flags())]).unwrap();
    let table = table.with_provenance(Arc::new(Lines));
    let names = |table: Result<Table, DataError>| {
        table.map(|table| {
            assert_eq!(table.place(0).unwrap(), "line 2");
            table.names().collect::<Vec<_>>().join(" ")
        })
    };
    assert_eq!(names(table.select(&["c", "a"])).unwrap(), "c a");
    assert_eq!(names(table.drop(&["b"])).unwrap(), "a c");
    assert_eq!(names(table.rename(&[("a", "b"), ("b", "x")])).unwrap(), "b x c");
    assert_eq!(names(table.drop(&["a", "b", "c"])).unwrap(), "");
    let wrong = [
        (names(table.select(&["a", "a"])), "two columns are named `a`"),
        (names(table.select(&["d"])), "no column `d`; there are `a`, `b`, `c`"),
        (names(table.drop(&["d"])), "no column `d`; there are `a`, `b`, `c`"),
        (names(table.rename(&[("d", "a")])), "no column `d`; there are `a`, `b`, `c`"),
        (names(table.rename(&[("a", "b")])), "two columns are named `b`"),
    ];
    for (outcome, expected) in wrong {
        assert_eq!(outcome.unwrap_err().to_string(), expected);
    }
    assert_eq!(table.schema().field(1).name(), "b");
}

#[test]
fn rows_are_filtered_by_a_mask_and_keep_their_places() {
    let table = Table::new(vec![column("a", Int64Array::from(vec![10, 20, 30, 40]))]).unwrap();
    let table = table.with_provenance(Arc::new(Lines)).slice(1, 3);
    let kept = table.filter(&BooleanArray::from(vec![Some(true), None, Some(true)])).unwrap();
    assert_eq!(kept.columns()[0].as_ref(), &Int64Array::from(vec![20, 40]) as &dyn Array);
    assert_eq!([0, 1].map(|row| kept.place(row).unwrap()), ["line 3", "line 5"]);
    let no_columns = table.project(&[]).filter(&BooleanArray::from(vec![true, false, true])).unwrap();
    assert_eq!(no_columns.n_rows(), 2);
    let error = table.filter(&BooleanArray::from(vec![true])).unwrap_err().to_string();
    assert_eq!(error, "the mask has 1 flags for 3 rows");
}

#[test]
fn categories_of_different_tables_become_those_of_one() {
    let table = |texts: &[Option<&str>]| {
        Table::new(vec![column("c", StringArray::from(texts.to_vec()))])
            .unwrap()
            .cast("c", ColumnType::Category)
            .unwrap()
    };
    let parts = [table(&[Some("a"), Some("b")]), table(&[Some("c"), None, Some("a")]), table(&[]), table(&[None])];
    let stacked = Table::concat(&[parts.as_slice(), &parts].concat()).unwrap();
    let once = [Some("a"), Some("b"), Some("c"), None, Some("a"), None];
    assert_eq!(stacked, table(&[once, once].concat()));
    let categories = stacked.columns()[0].as_dictionary::<arrow_array::types::Int32Type>();
    assert_eq!(categories.values().len(), 3);
}
