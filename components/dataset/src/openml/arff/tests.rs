use palladium_component::data::cell_text;

use super::*;

fn read_all(text: &str) -> Result<Table, ArffError> {
    read(text.as_bytes(), "the file", |_| true)
}

/// Returns the cells of each column, a missing one as nothing.
fn cells(table: &Table) -> Vec<Vec<Option<String>>> {
    let column = |column: &ArrayRef| (0..table.n_rows()).map(|row| cell_text(column, row)).collect();
    table.columns().iter().map(column).collect()
}

const EVERYTHING: &str = r#"% A comment, and a blank line

@RELATION 'every thing'
@attribute plain numeric
@Attribute 'with space' REAL
@attribute "in quotes" integer
@attribute fraction INTEGER
@attribute words string
@attribute choice {red, 'light blue', "it's", 50%}
@attribute day date 'yyyy-MM-dd'
@attribute moment DATE
@attribute instant date "yyyy-MM-dd'T'HH:mm:ssX"
  @data
% and another one
1, -2.5e3,3 ,1, 'a, b', red, 1970-01-02, 1970-01-01T00:00:01, 1970-01-01T01:00:00+0100
?,nan,4,2.5,?,'light blue','2000-02-29',?,?
,+1,5,?,'it\'s \\ \t \"x\"',"it's",?,?,?
.5,1,6,4,'?',50%,?,?,?
"#;

#[test]
fn every_type_and_all_the_quoting_is_read() {
    use ColumnType::{Category, Date, Float, Int, Text, Timestamp, TimestampUtc};

    let table = read_all(EVERYTHING).unwrap();
    let names = ["plain", "with space", "in quotes", "fraction", "words", "choice", "day", "moment", "instant"];
    assert_eq!(table.names().collect::<Vec<_>>(), names);
    let types: Vec<ColumnType> = table.specs().into_iter().map(|spec| spec.kind).collect();
    assert_eq!(types, [Float, Float, Int, Float, Text, Category, Date, Timestamp, TimestampUtc]);
    let some = |text: &str| Some(text.to_owned());
    let expected = [
        [some("1.0"), None, None, some("0.5")],
        [some("-2500.0"), None, some("1.0"), some("1.0")],
        [some("3"), some("4"), some("5"), some("6")],
        [some("1.0"), some("2.5"), None, some("4.0")],
        [some("a, b"), None, some("it's \\ \t \"x\""), some("?")],
        [some("red"), some("light blue"), some("it's"), some("50%")],
        [some("1970-01-02"), some("2000-02-29"), None, None],
        [some("1970-01-01T00:00:01"), None, None, None],
        [some("1970-01-01T00:00:00Z"), None, None, None],
    ];
    assert_eq!(cells(&table), expected);
    assert_eq!(table.place(1).as_deref(), Some("the file, line 16"));
}

#[test]
fn columns_that_nobody_wants_are_left_out_unread() {
    let text = "@attribute a numeric\n@attribute b numeric\n@data\r\n1,no number\r\n2,x\r\n";
    let table = read(text.as_bytes(), "the file", |name| name == "a").unwrap();
    assert_eq!(cells(&table), [[Some("1.0".to_owned()), Some("2.0".to_owned())]]);
}

#[test]
fn what_is_wrong_is_told_with_line_and_column() {
    let head = "@relation x\n@attribute n numeric\n@attribute c {a,b}\n@data\n";
    let rows = [
        ("1,a\nx,b\n", "line 6, column 1: `x` is no number of the attribute `n`"),
        ("1, c\n", "line 5, column 4: `c` is no value of the attribute `c`"),
        ("ä1,b\n", "line 5, column 1: `ä1` is no number of the attribute `n`"),
        ("1\n", "line 5, column 2: the row has 1 values, 2 are expected"),
        ("1,a,b\n", "line 5, column 4: a row has 2 values, and this one has more"),
        ("{0 1}\n", "line 5, column 1: rows in braces, which leave zeros out, are not supported"),
        ("1,'a\n", "line 5, column 3: the quote that opens here is never closed"),
        ("1,'a\\", "line 5, column 3: the quote that opens here is never closed"),
        ("1,'a' b\n", "line 5, column 7: a comma is expected behind what stands in quotes"),
        ("", "line 4, column 1: no row follows"),
    ];
    for (rows, expected) in rows {
        assert_eq!(read_all(&format!("{head}{rows}")).unwrap_err().to_string(), expected, "{rows}");
    }
    let heads = [
        ("@relation x\n", "line 2, column 1: the file ends before `@data`"),
        ("@data\n1\n", "line 1, column 1: no attribute is declared before the data"),
        (" <html>", "line 1, column 2: `@relation`, `@attribute` or `@data` is expected"),
        ("@attribute\n", "line 1, column 11: a name is expected"),
        (
            "@attribute a complex\n",
            "line 1, column 14: a type is expected: numeric, real, integer, string, date or values in braces",
        ),
        ("@attribute a relational\n", "line 1, column 14: tables within tables are not supported"),
        ("@attribute a numeric 1\n", "line 1, column 22: nothing is expected behind the type"),
        ("@attribute a {b,}\n", "line 1, column 17: a value is expected"),
        ("@attribute a {b,b}\n", "line 1, column 17: the value stands twice"),
        ("@attribute a {b,c\n", "line 1, column 18: the brace that opens the values is never closed"),
        ("@attribute a {b} c\n", "line 1, column 18: nothing is expected behind the values"),
        ("@attribute a date QQ\n", "line 1, column 19: the part `QQ` of a format of dates is not known"),
        ("@attribute a numeric\n@attribute 'a' real\n", "line 2, column 12: there are two attributes `a`"),
    ];
    for (text, expected) in heads {
        assert_eq!(read_all(text).unwrap_err().to_string(), expected, "{text}");
    }
    let latin = b"@relation x\n@attribute n\xe4 numeric\n";
    let error = read(&latin[..], "the file", |_| true).unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 13: here is no UTF-8 text");
}

#[test]
fn hostile_lines_end_with_an_error() {
    let long = "x".repeat(usize::try_from(LONGEST_LINE).unwrap() + 1);
    assert_eq!(read_all(&long).unwrap_err().to_string(), "line 1, column 1: the line is longer than 64 MiB");
    for text in
        ["@", "@attribute '", "@attribute a {", "@attribute a {'", "@attribute a date '", "\u{feff}", "'\\", "\0"]
    {
        assert!(read_all(text).is_err(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"(@attribute |@data\n|@relation |date |numeric|string\n|[ \n\t'"\\{},%?0-9a-cäß])*"#) {
        // Whether it is a table does not matter.
        let _ = read_all(&text);
    }
}
