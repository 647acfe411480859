//! Which rows are in which part.

use super::*;
use crate::testing::{Fake, data, findings, floats, ints, numbered, rows, texts};

fn split(n_rows: usize, part: Part) -> Split {
    of(numbered(n_rows, |row| if row % 5 == 0 { "rare" } else { "common" }), part)
}

fn of(data: Dataset, part: Part) -> Split {
    Split {
        source: Fake::of(data),
        part,
        test_size: None,
        train_size: None,
        random_state: 0,
        shuffle: true,
        stratify: None,
    }
}

/// Returns the rows of both parts.
fn both(make: impl Fn(Part) -> Split) -> (Vec<i64>, Vec<i64>) {
    let part = |part| rows(&make(part).load().unwrap());
    (part(Part::Train), part(Part::Test))
}

#[test]
fn parts_have_the_sizes_of_scikit_learn() {
    use Size::{Rows, Share};
    let cases = [
        (10, None, None, Ok((7, 3))),
        (150, None, Some(Share(0.2)), Ok((120, 30))),
        (11, None, Some(Share(0.1)), Ok((9, 2))),
        (11, Some(Share(0.5)), None, Ok((5, 6))),
        (11, Some(Share(0.3)), Some(Share(0.3)), Ok((3, 4))),
        (11, Some(Rows(4)), Some(Rows(2)), Ok((4, 2))),
        (11, Some(Rows(4)), None, Ok((4, 7))),
        (11, None, Some(Rows(11)), Err("of 11 rows none would be left to learn from")),
        (11, Some(Rows(11)), None, Err("of 11 rows none would be left to test with")),
        (1, None, None, Err("of 1 rows none would be left to learn from")),
        (0, None, None, Err("of 0 rows none would be left to learn from")),
        (
            11,
            Some(Rows(8)),
            Some(Rows(4)),
            Err("8 rows to learn from and 4 to test with are asked for, and there are only 11"),
        ),
        (
            3,
            None,
            Some(Rows(usize::MAX)),
            Err("0 rows to learn from and 18446744073709551615 to test with are asked for, and there are only 3"),
        ),
    ];
    for (n_rows, train_size, test_size, expected) in cases {
        let split = Split { train_size, test_size, ..split(1, Part::Train) };
        let found = split.sizes(n_rows).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{n_rows} {train_size:?} {test_size:?}");
    }
}

#[test]
fn no_row_is_in_both_parts_and_the_seed_decides() {
    let make = |random_state| move |part| Split { random_state, ..split(100, part) };
    let (train, test) = both(make(3));
    assert_eq!((train.len(), test.len()), (75, 25));
    let mut all = [train.clone(), test.clone()].concat();
    assert_ne!(all, (0..100).collect::<Vec<_>>(), "the rows are drawn at random");
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
    assert_eq!(both(make(3)), (train.clone(), test));
    assert_ne!(both(make(4)).0, train);
}

#[test]
fn the_target_goes_with_its_row() {
    let loaded = split(100, Part::Test).load().unwrap();
    let classes = loaded.classes().unwrap();
    for (row, code) in rows(&loaded).iter().zip(&classes.codes) {
        assert_eq!(*code == 1, row % 5 == 0, "row {row}");
    }
}

#[test]
fn without_shuffle_the_first_rows_are_to_learn_from() {
    let (train, test) = both(|part| Split { shuffle: false, test_size: Some(Size::Rows(2)), ..split(5, part) });
    assert_eq!((train, test), (vec![0, 1, 2], vec![3, 4]));
}

#[test]
fn strata_have_their_share_of_both_parts() {
    let column = || Some(Stratify::Column("label".into()));
    for stratify in [Some(Stratify::Target), column()] {
        let make = |part| Split { stratify: stratify.clone(), ..split(60, part) };
        let (train, test) = both(make);
        let rare = |rows: &[i64]| rows.iter().filter(|row| *row % 5 == 0).count();
        assert_eq!((train.len(), rare(&train), test.len(), rare(&test)), (45, 9, 15, 3), "{stratify:?}");
        let mut all = [train, test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..60).collect::<Vec<_>>());
    }
    let off = both(|part| Split { stratify: Some(Stratify::Nothing), ..split(60, part) });
    assert_eq!(off, both(|part| split(60, part)));
}

#[test]
fn missing_values_and_those_that_are_no_numbers_are_strata() {
    let ids: Vec<_> = (0..8).map(Some).collect();
    let missing = [None, None, None, None, Some(1), Some(1), Some(1), Some(1)];
    let nan = [f64::NAN, -f64::NAN, f64::NAN, -f64::NAN, 0.0, -0.0, 0.0, -0.0];
    let table = data(vec![ints("row", &ids), ints("missing", &missing), floats("nan", &nan)], None);
    for name in ["missing", "nan"] {
        let stratify = Some(Stratify::Column(name.into()));
        let (train, test) = both(|part| Split {
            stratify: stratify.clone(),
            test_size: Some(Size::Share(0.5)),
            ..of(table.clone(), part)
        });
        let first = |rows: &[i64]| rows.iter().filter(|row| **row < 4).count();
        assert_eq!((first(&train), first(&test)), (2, 2), "{name}");
    }
}

#[test]
fn categories_and_dates_are_strata() {
    let ids: Vec<_> = (0..12).map(Some).collect();
    let days: Vec<_> = (0..12).map(|row| if row < 8 { "2024-01-31" } else { "2024-02-01" }).collect();
    let table = data(vec![ints("row", &ids), texts("day", &days)], None).features;
    for kind in [ColumnType::Category, ColumnType::Date, ColumnType::Timestamp, ColumnType::TimestampUtc] {
        let table = table.cast("day", kind).unwrap();
        let stratify = Some(Stratify::Column("day".into()));
        let (train, test) = both(|part| Split {
            stratify: stratify.clone(),
            ..of(Dataset { features: table.clone(), target: None }, part)
        });
        let early = |rows: &[i64]| rows.iter().filter(|row| **row < 8).count();
        assert_eq!((train.len(), early(&train), test.len(), early(&test)), (9, 6, 3, 2), "{kind}");
    }
}

#[test]
fn what_cannot_be_stratified_is_told() {
    let target = |split: Split| Split { stratify: Some(Stratify::Target), ..split };
    let all_different = numbered(30, |row| {
        if row < 15 {
            "a"
        } else if row < 28 {
            "b"
        } else {
            "c"
        }
    });
    let cases = [
        (
            target(of(numbered(9, |row| if row == 4 { "alone" } else { "x" }), Part::Train)),
            "column `label` has a value that only one row has, row 5, which cannot be in both parts",
        ),
        (
            Split { test_size: Some(Size::Rows(2)), ..target(of(all_different.clone(), Part::Train)) },
            "column `label` has 3 different values, and there would be only 2 rows to test with",
        ),
        (
            Split { train_size: Some(Size::Rows(2)), ..target(of(all_different, Part::Train)) },
            "column `label` has 3 different values, and there would be only 2 rows to learn from",
        ),
        (
            Split { stratify: Some(Stratify::Column("no".into())), ..split(9, Part::Train) },
            "no column `no`; there are `row`, `label`",
        ),
        (
            target(of(data(vec![ints("row", &[Some(1); 9])], None), Part::Train)),
            "the data has no target: give the loader a `target_column`",
        ),
    ];
    for (split, expected) in cases {
        assert_eq!(split.load().unwrap_err().to_string(), expected);
    }
}

#[test]
fn shares_are_in_proportion() {
    let mut random = Rng::with_seed(0);
    let cases = [
        (vec![10, 20, 30], 6, vec![1, 2, 3]),
        (vec![5, 0, 5], 4, vec![2, 0, 2]),
        (vec![9, 1], 5, vec![5, 0]),
        (vec![1, 9], 9, vec![1, 8]),
    ];
    for (counts, n_draws, expected) in cases {
        let found = shares(&counts, n_draws, &mut random);
        // A half that is left over goes to either of two.
        let is_tie = counts == [9, 1];
        assert!(found == expected || (is_tie && found == [4, 1]), "{counts:?} {n_draws}: {found:?}");
        assert_eq!(found.iter().sum::<usize>(), n_draws);
    }
}

#[test]
fn arguments_are_checked() {
    let name = "palladium.dataset.Split";
    let part = || ("part", Data::Text("train".into()));
    let text = |text: &str| Data::Text(text.into());
    let cases = [
        (vec![], "`palladium.dataset.Split` needs `part`"),
        (vec![("part", text("all"))], "`part` of `palladium.dataset.Split` has to be `train` or `test`"),
        (vec![part(), ("test_size", Data::Float(1.0))], "`test_size` of `palladium.dataset.Split` has to be"),
        (vec![part(), ("train_size", Data::Int(0))], "`train_size` of `palladium.dataset.Split` has to be"),
        (vec![part(), ("random_state", Data::Int(-1))], "`random_state` of `palladium.dataset.Split` has to be"),
        (vec![part(), ("stratify", Data::Int(1))], "`stratify` of `palladium.dataset.Split` has to be"),
        (
            vec![part(), ("test_size", Data::Float(0.75)), ("train_size", Data::Float(0.5))],
            "`test_size` and `train_size` are 1.25 together, more than all rows",
        ),
        (
            vec![part(), ("shuffle", Data::Bool(false)), ("stratify", Data::Bool(true))],
            "`stratify` needs rows that are drawn at random",
        ),
    ];
    for (arguments, expected) in cases {
        let found = findings(name, &arguments);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
    let fine = [part(), ("shuffle", Data::Bool(false)), ("stratify", Data::Bool(false))];
    assert_eq!(findings(name, &fine), Vec::<String>::new());
}
