use std::path::{Path, PathBuf};

use super::*;
use crate::format::ReadFile;
use crate::testing::{floats, ints, reading, texts, told};

fn write(folder: &Path, content: &[u8]) -> PathBuf {
    let path = folder.join("a.json");
    std::fs::write(&path, content).unwrap();
    path
}

fn load(
    content: &[u8],
    read: ReadFile,
    columns: Option<&[String]>,
    n_rows: Option<usize>,
) -> Result<Table, FormatError> {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), content);
    let loaded = Reading { columns, n_rows, ..reading(&path) }.load(read, &LoadProgress::default());
    loaded.map(|data| data.to_table().unwrap())
}

fn table(columns: Vec<(String, ArrayRef)>) -> Table {
    Table::new(columns).unwrap()
}

const LINES: &str = "\u{feff}{\"a\": 1, \"b\": \"x\"}\r\n\n{\"b\": \"y\\n\\u00e9\", \"c\": true}\n  {\"a\": null}";

const ARRAY: &str = "\u{feff} [ {\"a\": 1, \"b\": \"x\"},\n{\"b\": \"y\\n\\u00e9\", \"c\": true} , {\"a\": null}\n]\n";

#[test]
fn objects_are_rows_and_keys_are_columns() {
    let flags = ("c".to_owned(), Arc::new(BooleanArray::from(vec![None, Some(true), None])) as ArrayRef);
    let words = ("b".to_owned(), Arc::new(StringArray::from(vec![Some("x"), Some("y\né"), None])) as ArrayRef);
    let expected = table(vec![ints("a", &[Some(1), None, None]), words, flags]);
    for (content, read) in [(LINES, read_lines as ReadFile), (ARRAY, read_array)] {
        assert_eq!(load(content.as_bytes(), read, None, None).unwrap(), expected);
        let chosen = ["b".to_owned(), "a".to_owned()];
        let some = load(content.as_bytes(), read, Some(&chosen), Some(1)).unwrap();
        assert_eq!(some, table(vec![texts("b", &["x"]), ints("a", &[Some(1)])]));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), LINES.as_bytes());
    let lines = reading(&path).load(read_lines, &LoadProgress::default()).unwrap().features;
    let places = [0, 1, 2].map(|row| lines.place(row).unwrap());
    assert!(places.iter().zip([1, 3, 4]).all(|(place, line)| place.ends_with(&format!("a.json`, line {line}"))));
    let path = write(folder.path(), ARRAY.as_bytes());
    let array = reading(&path).load(read_array, &LoadProgress::default()).unwrap().features;
    assert!(array.place(1).unwrap().ends_with("a.json`, row 2"));
}

#[test]
fn numbers_are_of_one_type() {
    let cases: [(&str, Vec<(String, ArrayRef)>); 6] = [
        ("{\"a\": 1}\n{\"a\": 0.5}", vec![floats("a", &[1.0, 0.5])]),
        ("{\"a\": 0.5}\n{\"a\": 1}", vec![floats("a", &[0.5, 1.0])]),
        ("{\"a\": 1.0}\n{\"a\": 1e3}", vec![floats("a", &[1.0, 1000.0])]),
        ("{\"a\": -9223372036854775808}", vec![ints("a", &[Some(i64::MIN)])]),
        ("{\"a\": 18446744073709551616}", vec![floats("a", &[18446744073709551616.0])]),
        ("{\"a\": null}", vec![("a".to_owned(), Arc::new(Float64Array::new_null(1)) as ArrayRef)]),
    ];
    for (content, expected) in cases {
        assert_eq!(load(content.as_bytes(), read_lines, None, None).unwrap(), table(expected), "{content}");
    }
    let none = Table::default();
    assert_eq!(load(b" [ ] ", read_array, None, None).unwrap(), none);
    assert_eq!(load(b"\n\n", read_lines, None, None).unwrap(), none);
}

#[test]
fn errors_name_line_and_column() {
    let deep = format!("{{\"a\": 1, \"b\": {}", "[".repeat(1_000_000));
    let lines: [(&str, &str); 11] = [
        ("{\"a\": 1}\n{\"a\": x}", "line 2, column 7: expected value"),
        ("{\"a\": 1} {\"a\": 2}", "line 1, column 10: trailing characters"),
        ("  {\"a\": 1\n", "line 1, column 9: EOF while parsing an object"),
        ("{\"a\": 1}\n  [1]", "line 2, column 3: a row is to be an object, this is none"),
        ("{\"a\": 1}\n{\"a\": \"x\"}", "line 2, column 9: column `a` holds a text, and whole numbers before"),
        ("{\"a\": true}\n{\"a\": 1.5}", "line 2, column 9: column `a` holds a number, and flags before"),
        ("{\"a\": [1]}", "line 1, column 7: column `a` holds a list, a number, a text or a flag is needed"),
        ("{\"a\": {}}", "line 1, column 8: column `a` holds an object, a number, a text or a flag is needed"),
        ("{\"a\": 1, \"a\": 2}", "line 1, column 12: the row has `a` twice"),
        ("{\"a\": NaN}", "line 1, column 7: expected value"),
        (&deep, "column `b` holds a list, a number"),
    ];
    let array: [(&str, &str); 8] = [
        ("{\"a\": 1}", "line 1, column 1: an array of objects is needed, this is none"),
        ("[\n {\"a\":\n 1,\n  \"b\": ?}]", "line 4, column 8: expected value"),
        ("[{\"a\": 1}\n {\"a\": 2}]", "line 2, column 2: expected `,` or `]`"),
        ("[{\"a\": 1},\n 2]", "line 2, column 2: a row is to be an object, this is none"),
        ("[{\"a\": 1},]", "line 1, column 11: a row is to be an object, this is none"),
        ("[{\"a\": 1}]\n[]", "line 2, column 1: nothing may follow the array"),
        ("[{\"a\": 1},\n{\"a\": \"}", "line 2, column 9: the file breaks off within the array"),
        ("[{\"a\": 1}", "line 1, column 10: the file breaks off within the array"),
    ];
    let cases = lines.iter().map(|case| (case, read_lines as ReadFile));
    for ((content, expected), read) in cases.chain(array.iter().map(|case| (case, read_array as ReadFile))) {
        let (error, help) = told(&load(content.as_bytes(), read, None, None).unwrap_err());
        assert!(error.contains(expected) && error.contains("a.json`, line "), "{error}");
        assert!(help.is_some(), "{error}");
    }
    let (error, _) = told(&load(b"{\"a\": \"\xff\"}", read_lines, None, None).unwrap_err());
    assert!(error.contains("line 1, column "), "{error}");
}

#[test]
fn nothing_is_told_where_columns_are_needed() {
    let chosen = ["a".to_owned()];
    for (content, read, columns) in [
        ("", read_array as ReadFile, None),
        (" \n", read_array, None),
        ("", read_lines, Some(&chosen[..])),
        ("\n", read_lines, Some(&chosen[..])),
    ] {
        let (error, help) = told(&load(content.as_bytes(), read, columns, None).unwrap_err());
        assert!(error.ends_with("a.json` is empty") && help.is_some(), "{error}");
    }
}

#[test]
fn columns_that_are_not_read_may_hold_anything() {
    let deep = format!("{{\"b\": {}{}, \"a\": 1}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let chosen = ["a".to_owned()];
    for (content, read) in [(deep.clone(), read_lines as ReadFile), (format!("[{deep}]"), read_array)] {
        assert_eq!(load(content.as_bytes(), read, Some(&chosen), None).unwrap(), table(vec![ints("a", &[Some(1)])]));
    }
    let chosen = ["aa".to_owned()];
    let (error, help) = told(&load(b"{\"a\": 1}", read_lines, Some(&chosen), None).unwrap_err());
    assert!(error.ends_with("has no column `aa`, which `columns` names; there are `a`"), "{error}");
    assert_eq!(help.unwrap(), "did you mean `a`?");
}

#[test]
fn rows_and_keys_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), format!("[{{\"a\": \"{}\"}}]", "x".repeat(100)).as_bytes());
    let source = crate::source::Source::new(path.to_str().unwrap(), None).unwrap();
    let file = &source.files().unwrap()[0];
    for layout in [Layout::Array, Layout::Lines] {
        let reader = file.open(crate::source::Compression::Infer).unwrap().reader;
        let (error, _) = told(&Records::new(file, reader, layout).limited(50).next().err().unwrap());
        assert!(error.contains("column") && error.ends_with("the row has more than 50 bytes"), "{error}");
    }
    let many: Vec<String> = (0..=100_000).map(|key| format!("\"k{key}\": 1")).collect();
    let many = format!("{{{}}}", many.join(", "));
    let (error, _) = told(&load(many.as_bytes(), read_lines, None, None).unwrap_err());
    assert!(error.contains("line 1, column ") && error.ends_with("more than 100000 keys together"), "{error}");
    let sparse: String = (0..4000).map(|key| format!("{{\"k{key}\": 1}}\n")).collect();
    let (error, help) = told(&load(sparse.as_bytes(), read_lines, None, None).unwrap_err());
    assert!(error.contains("line 3163, column 1: there are 3162 keys in 3163 rows so far"), "{error}");
    assert!(help.is_some());
}
