//! What the log says about a column that is text because of a few cells.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::harness::{load, show};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Does something and returns what was logged meanwhile.
pub fn captured<T>(work: impl FnOnce() -> T) -> (T, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .finish();
    let done = tracing::subscriber::with_default(subscriber, work);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (done, text)
}

/// Loads a file and returns the type of its first column and what was logged without folders.
fn logged(text: &str, arguments: &Json) -> (Json, String) {
    let (dataset, text) = captured(|| load(text, arguments).unwrap());
    // The file lies in a folder of some name.
    let without_folder = |line: &str| match (line.find('`'), line.find("data.csv")) {
        (Some(quote), Some(file)) => format!("{}{}", &line[..=quote], &line[file..]),
        _ => line.to_owned(),
    };
    let shown: Vec<String> = text.lines().map(without_folder).collect();
    (show(&dataset.features)[0]["type"].clone(), shown.join("\n"))
}

fn numbers(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(text, "{number}").unwrap();
        text
    })
}

#[test]
fn names_the_cell_that_makes_a_column_text() {
    let expected = |line: u64, cell: &str, n_numbers: usize, n_values: usize| {
        format!(
            " WARN `data.csv`, line {line}: column `a` is read as text because of `{cell}`, though {n_numbers} of its \
             {n_values} values are numbers; correct the value, or add it to `na_values` if it means a missing one"
        )
    };
    let cases = [
        (format!("a\n{}?\n", numbers(10)), expected(12, "?", 10, 11)),
        (format!("a\n?\n{}", numbers(10)), expected(2, "?", 10, 11)),
        (format!("a\nNA\n{}?\nNA\n?\n", numbers(18)), expected(21, "?", 18, 20)),
        (format!("a\ntrue\n{}", numbers(10)), expected(2, "true", 10, 11)),
        (
            format!("a\n{}\"x\n{}\"\n", numbers(1500), "y".repeat(60)),
            expected(1502, &format!("x\\n{}…", "y".repeat(38)), 1500, 1501),
        ),
        (format!("a\n{}?\n", numbers(9)), String::new()),
        (format!("a\n{}?\n?\n?\n", numbers(18)), String::new()),
        ("a\nx\ny\n".to_owned(), String::new()),
    ];
    for (text, expected) in cases {
        assert_eq!(logged(&text, &json!({})), (json!("text"), expected), "{text:?}");
    }
    assert_eq!(logged(&numbers(20), &json!({"header": null})), (json!("int"), String::new()));
}

#[test]
fn names_the_first_whole_number_that_is_rounded() {
    let expected = |line: u64, cell: &str| {
        format!(
            " WARN `data.csv`, line {line}: column `a` is read as numbers, which do not keep all digits of `{cell}`; say \
             `dtype: {{\"a\": \"str\"}}` to read the texts as they are written"
        )
    };
    let cases = [
        (format!("a\n{}18446744073709551615\n9223372036854775809\n", numbers(3)), expected(5, "18446744073709551615")),
        ("a\n0.5\n-9223372036854775809\n".to_owned(), expected(3, "-9223372036854775809")),
        // A floating point number is this one, and those that are written as such.
        ("a\n9223372036854775808\n1e30\n".to_owned(), String::new()),
        ("a\n9223372036854775807\n".to_owned(), String::new()),
    ];
    for (text, expected) in cases {
        let (kind, log) = logged(&text, &json!({}));
        assert_eq!((kind == json!("text"), log), (false, expected), "{text:?}");
    }
    let as_text =
        [("a\n9223372036854775809\n", json!({"dtype": {"a": "str"}})), ("a\n9223372036854775809\nx\n", json!({}))];
    for (text, arguments) in as_text {
        assert_eq!(logged(text, &arguments), (json!("text"), String::new()), "{text:?}");
    }
}

#[test]
fn tells_what_became_of_rows_with_too_few_or_too_many_fields() {
    let short = " WARN `data.csv`, line 3: the row has 1 field, where 2 are expected; 2 such rows are filled up with empty \
                 fields";
    assert_eq!(logged("a,b\n1,2\n3\n4,5\n6\n", &json!({})), (json!("int"), short.to_owned()));
    let long = "a,b\n1,2\n3,4,5\n6,7\n8,9,,\n";
    let warnings = [(3, 3), (5, 4)].map(|(line, found)| {
        format!(" WARN `data.csv`, line {line}: the row has {found} fields, where 2 are expected; it is left out")
    });
    assert_eq!(logged(long, &json!({"on_bad_lines": "warn"})), (json!("int"), warnings.join("\n")));
    assert_eq!(logged(long, &json!({"on_bad_lines": "skip"})), (json!("int"), String::new()));
    let many = format!("a,b\n1,2\n{}", "1,2,3\n".repeat(30));
    let (_, log) = logged(&many, &json!({"on_bad_lines": "warn"}));
    assert_eq!(log.lines().count(), 11, "{log}");
    assert!(log.ends_with("`data.csv`: 30 rows have too many fields and are left out"), "{log}");
    let surplus = " WARN `data.csv`: 1 field at the end of each row has no name and is left out";
    assert_eq!(logged("a,b\n1,2,\n", &json!({"index_col": false})), (json!("int"), surplus.to_owned()));
}

#[test]
fn a_column_that_turns_out_to_be_text_late_is_read_again() {
    // More rows than are kept: whole numbers, numbers, flags and missing values, then a text.
    let mut text = String::from("early,int,float,flag,missing,stays\n");
    for row in 0..3000 {
        writeln!(text, "007,0{row},{row}.50,TRUE,,{row}").unwrap();
    }
    text.push_str("x,x,x,x,x,3000\n");
    let (_, log) = logged(&text, &json!({}));
    assert_eq!(log.lines().count(), 3, "{log}");
    let columns = show(&load(&text, &json!({})).unwrap().features);
    let cell = |column: usize, row: usize| columns[column]["values"][row].clone();
    let kinds: Vec<&str> = columns.as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text", "text", "text", "text", "text", "int"]);
    for row in [0, 999, 1000, 1001, 2999] {
        let expected = [json!("007"), json!(format!("0{row}")), json!(format!("{row}.50")), json!("TRUE"), Json::Null];
        for (column, expected) in expected.into_iter().enumerate() {
            assert_eq!(cell(column, row), expected, "row {row}");
        }
    }
    assert!((0..5).all(|column| cell(column, 3000) == "x"));
}

#[test]
fn names_a_file_that_is_a_header_alone() {
    let (_, said) = logged("a,b\n", &json!({}));
    assert_eq!(
        said,
        " WARN `data.csv`: no row follows the one with the column names; a file without column names needs `names`, or \
         `header: None`"
    );
    assert_eq!(logged("a,b\n1,2\n", &json!({})).1, "");
}
