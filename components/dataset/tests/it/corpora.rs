//! Files that are odd or large.

use std::fmt::Write as _;
use std::io::{Seek, Write as _};

use palladium_component::data::arrow_array::cast::AsArray;
use serde_json::json;

use crate::harness::{cells, load, load_file, show};

#[test]
fn a_million_columns_make_a_table() {
    let mut text = String::new();
    for row in 0..3 {
        for column in 0..1_000_000 {
            let separator = if column == 0 { "" } else { "," };
            let value = if row == 0 { column } else { column % 10 + row };
            write!(text, "{separator}{value}").unwrap();
        }
        text.push('\n');
    }
    let dataset = load(&text, &json!({"target_column": 999_999})).unwrap();
    assert_eq!((dataset.features.n_columns(), dataset.n_rows()), (999_999, 2));
    assert_eq!(cells(&dataset.features.columns()[999_998]), [json!(9), json!(10)]);
}

#[test]
fn more_columns_than_any_table_has_are_refused() {
    let error = load(",".repeat(3_000_000), &json!({})).unwrap_err();
    assert!(error.starts_with("`data.csv`, line 1: the row has more than 1048576 fields"), "{error}");
    let error = load(format!("a,b\n1,2\n{}\n", ",".repeat(3_000_000)), &json!({})).unwrap_err();
    assert!(error.starts_with("`data.csv`, line 3: the row has more than 1048576 fields"), "{error}");
}

#[test]
fn a_field_of_a_hundred_megabytes_is_a_cell() {
    const LENGTH: usize = 100_000_000;
    for quote in ["", "\""] {
        let text = format!("a,b\n1,{quote}{}{quote}\n2,y\n", "x".repeat(LENGTH));
        let dataset = load(&text, &json!({})).unwrap();
        let texts = dataset.features.columns()[1].as_string::<i32>();
        assert_eq!((texts.value(0).len(), texts.value(1)), (LENGTH, "y"));
    }
}

#[test]
fn lines_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    let check = |beginning: &str, expected: &str| {
        // The rest of the file takes no room on the disk.
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(beginning.as_bytes()).unwrap();
        file.set_len(8 << 30).unwrap();
        file.rewind().unwrap();
        let error = load_file("palladium.dataset.CSV", &path, &json!({})).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    check("a,b\n1,2\n", "line 3: the row is longer than 128 MiB");
    check("a,b\n\"1\n\",\"", "line 3: the quote that opens field 2 is never closed");
}

#[test]
fn bytes_of_zero_are_characters() {
    let dataset = load(b"a,b\n\0,x\0y\n\"\0\",\0\n", &json!({})).unwrap();
    let expected = json!([
        {"name": "a", "type": "text", "values": ["\0", "\0"]},
        {"name": "b", "type": "text", "values": ["x\0y", "\0"]},
    ]);
    assert_eq!(show(&dataset.features), expected);
}

#[test]
fn text_of_another_encoding_is_an_error_or_decoded() {
    let latin = b"name,size\nM\xfcller,1\n\xd8rsted,2\n";
    let error = load(latin, &json!({})).unwrap_err();
    assert!(error.starts_with("`data.csv`, line 2: field 1 is not UTF-8 text"), "{error}");
    let dataset = load(latin, &json!({"encoding": "latin-1"})).unwrap();
    assert_eq!(cells(&dataset.features.columns()[0]), [json!("Müller"), json!("Ørsted")]);
    let error = load(b"a\nx\n\x81\n", &json!({"encoding": "shift_jis"})).unwrap_err();
    assert_eq!(
        error,
        "`data.csv`, line 3: the line is not Shift_JIS text\nhelp: say with `encoding` how the file is encoded"
    );
}

#[test]
fn marks_line_ends_and_quotes_of_all_sorts_together() {
    let text = "\u{feff}id,text\r\n1,\"a \"\"b\"\"\r\nc, d\"\r\n\r\n2,e\n3,\"\"\r4,f";
    let dataset = load(text, &json!({})).unwrap();
    let expected = json!([
        {"name": "id", "type": "int", "values": [1, 2, 3, 4]},
        {"name": "text", "type": "text", "values": ["a \"b\"\r\nc, d", "e", null, "f"]},
    ]);
    assert_eq!(show(&dataset.features), expected);
    let lines: Vec<String> = (0..4).map(|row| dataset.features.place(row).unwrap()).collect();
    let line = |place: &String| place.rsplit_once("line ").unwrap().1.to_owned();
    assert_eq!(lines.iter().map(line).collect::<Vec<_>>(), ["2", "5", "6", "7"]);
}
