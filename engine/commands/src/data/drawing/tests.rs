//! What is drawn, at fixed widths.

use std::sync::Arc;

use palladium_component::prelude::*;
use palladium_runtime::data::LoadedData;

use super::*;

fn report(columns: Vec<(&str, ArrayRef)>, target: Option<&str>, head: Option<usize>) -> Report {
    let columns = columns.into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
    let data = Dataset::split(Table::new(columns).unwrap(), target).unwrap();
    let loaded = LoadedData { key: "dataset_loader_train".into(), component: "test.Loader", data };
    Report::of(&loaded, Some(COLUMNS), head)
}

fn floats(cells: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(cells.to_vec()))
}

fn texts(cells: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(cells.to_vec()))
}

fn cast(cells: ArrayRef, kind: ColumnType) -> ArrayRef {
    Column { name: String::new(), values: cells }.cast(kind).unwrap().values
}

/// Returns flowers of two sorts.
fn flowers(head: Option<usize>) -> Report {
    let days = texts(&[Some("2024-01-01"), Some("2024-01-02"), None, Some("2024-01-31")]);
    let columns = vec![
        ("length", floats(&[1.5, 2.25, 0.001_234_5, 1e9])),
        ("found", cast(days, ColumnType::Date)),
        ("wild", Arc::new(BooleanArray::from(vec![true, false, true, true])) as ArrayRef),
        ("note", texts(&[Some("a\nb"), None, None, Some("日本")])),
        ("sort", texts(&[Some("rose"), Some("rose"), Some("rose"), Some("tulip")])),
    ];
    report(columns, Some("sort"), head)
}

fn check(report: &Report, width: usize, is_unicode: bool, expected: &str) {
    let lines = draw(report, &Screen { width, is_unicode });
    assert!(lines.iter().all(|line| crate::screen::width(line) <= width), "{}", lines.join("\n"));
    assert_eq!(lines.join("\n"), expected.trim_matches('\n'), "\n{}", lines.join("\n"));
}

#[test]
fn columns_have_their_figures_and_the_target_its_classes() {
    check(&flowers(Some(2)), 100, true, WIDE);
}

#[test]
fn a_narrow_terminal_without_unicode_shows_less() {
    check(&flowers(Some(1)), 50, false, NARROW);
}

#[test]
fn a_target_of_numbers_has_intervals() {
    let numbers: Vec<f64> = (0..100).map(|number| f64::from(number * number) / 10.0).collect();
    check(&report(vec![("y", floats(&numbers))], Some("y"), None), 70, false, NUMBERS);
}

#[test]
fn what_is_too_much_is_counted() {
    let names: Vec<String> = (0..3000).map(|index| format!("c{index}")).collect();
    let one: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let wide = report(names.iter().map(|name| (name.as_str(), Arc::clone(&one))).collect(), None, Some(1));
    let lines = draw(&wide, &Screen { width: 80, is_unicode: false });
    assert_eq!(lines[1], "1 row, 3000 features, no target");
    assert_eq!(lines[4 + COLUMNS], "and 2950 features more; `--columns` names those to show");
    assert_eq!(lines.last().unwrap(), "and 2982 columns more; `--columns` names those to show");

    let classes: Vec<String> = (0..150).map(|index| format!("class {index:03}")).collect();
    let classes: Vec<Option<&str>> = classes.iter().map(|class| Some(class.as_str())).collect();
    let lines = draw(&report(vec![("y", texts(&classes))], Some("y"), None), &Screen { width: 80, is_unicode: false });
    assert_eq!(lines.last().unwrap(), "  and 130 more");

    let nothing = draw(&report(vec![], None, Some(3)), &Screen { width: 80, is_unicode: false });
    assert_eq!(nothing[1], "0 rows, 0 features, no target");
    let no_rows = draw(
        &report(vec![("a", floats(&[])), ("y", texts(&[]))], Some("y"), None),
        &Screen { width: 80, is_unicode: false },
    );
    assert_eq!(no_rows[1], "0 rows, 1 feature, target `y`");
}

#[test]
fn numbers_are_short() {
    let cases = [
        (0.0, "0"),
        (-0.0, "0"),
        (5.843_333, "5.843"),
        (150.0, "150"),
        (12_345.6, "12346"),
        (0.000_12, "0.00012"),
        (9_999_999.0, "9999999"),
        (1e7, "1.000e7"),
        (-0.000_012, "-1.200e-5"),
        (0.99999, "1"),
        (f64::INFINITY, "inf"),
    ];
    for (number, expected) in cases {
        assert_eq!(short(number), expected);
    }
}

const WIDE: &str = "
dataset_loader_train: test.Loader
4 rows, 4 features, target `sort`

column  type   missing  distinct         min     mean         max      std  values
length  float        0         4    0.001234  2.500e8     1.000e9  5.000e8  █                  ▃
found   date         1         3  2024-01-01           2024-01-31           █                  ▄
wild    bool         0         2                                            true 3, false 1
note    text         2         2                                            a�b 1, 日本 1
sort    text         0         2                                            rose 3, tulip 1

target `sort`
  rose   3   75.0%  ████████████████████████████████████████
  tulip  1   25.0%  █████████████▍

length  found        wild  note  sort
   1.5  2024-01-01   true  a�b   rose
  2.25  2024-01-02  false  -     rose
";

const NARROW: &str = "
dataset_loader_train: test.Loader
4 rows, 4 features, target `sort`

column  type   missing  values
length  float        0  @                  -
found   date         1  @                  =
wild    bool         0  true 3, false 1
note    text         2  a�b 1, 日本 1
sort    text         0  rose 3, tulip 1

target `sort`
  rose   3   75.0%  ##############################
  tulip  1   25.0%  ##########

length  found       wild  note  sort
   1.5  2024-01-01  true  a�b   rose
";

const NUMBERS: &str = "
dataset_loader_train: test.Loader
100 rows, 0 features, target `y`

column  type   missing  distinct  min    max  values
y       float        0       100    0  980.1  @=--:::::::::::::.::

target `y`
  0 to 98.01      32   32.0%  ########################################
  98.01 to 196    13   13.0%  ################
  196 to 294      10   10.0%  #############
  294 to 392       8    8.0%  ##########
  392 to 490.1     8    8.0%  ##########
  490.1 to 588.1   6    6.0%  ########
  588.1 to 686.1   6    6.0%  ########
  686.1 to 784.1   6    6.0%  ########
  784.1 to 882.1   5    5.0%  ######
  882.1 to 980.1   6    6.0%  ########
";
