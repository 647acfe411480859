//! Compressed files, folders and patterns.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::harness::{load_file, show};

fn packed(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packed").join(file)
}

#[test]
fn compressed_files_are_unpacked() {
    let load = |file: &str, arguments| load_file("palladium.dataset.CSV", &packed(file), &arguments);
    let expected = show(&load("rows.csv", json!({})).unwrap().features);
    let folder = tempfile::tempdir().unwrap();
    for (extension, name) in [("gz", "gzip"), ("bz2", "bz2"), ("zip", "zip"), ("xz", "xz"), ("zst", "zstd")] {
        let file = format!("rows.csv.{extension}");
        assert_eq!(show(&load(&file, json!({})).unwrap().features), expected, "{file}");
        // Under another name the option tells.
        let renamed = folder.path().join("data.csv");
        std::fs::copy(packed(&file), &renamed).unwrap();
        let load = |arguments| load_file("palladium.dataset.CSV", &renamed, &arguments);
        assert_eq!(show(&load(json!({"compression": name})).unwrap().features), expected, "{name}");
        assert!(load(json!({"compression": "infer"})).is_err(), "{name}");
    }
}

#[test]
fn the_files_of_a_folder_or_pattern_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("a.csv", "x,y\n1,p\n2,q\n"), ("b.csv", "x,y\n3.5,r\n"), ("c.txt", "x,y\n,s\n")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let load = |path: &Path, arguments| load_file("palladium.dataset.CSV", path, &arguments);
    let expected = json!([
        {"name": "x", "type": "float", "values": [1.0, 2.0, 3.5, null]},
        {"name": "y", "type": "text", "values": ["p", "q", "r", "s"]},
    ]);
    assert_eq!(show(&load(folder.path(), json!({})).unwrap().features), expected);
    let dataset = load(&folder.path().join("*.csv"), json!({"nrows": 3, "target_column": "y"})).unwrap();
    assert_eq!(dataset.n_rows(), 3);
    assert!(dataset.features.place(2).unwrap().ends_with("b.csv`, line 2"), "{:?}", dataset.features.place(2));
    let error = load(&folder.path().join("*.dat"), json!({})).unwrap_err();
    assert!(error.starts_with("no file fits `"), "{error}");
}

/// Loads files of these contents that lie in one folder, and returns the columns.
fn load_all(factory: &str, contents: &[&str], arguments: Json) -> Result<Json, String> {
    let folder = tempfile::tempdir().unwrap();
    for (index, content) in contents.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{}.txt", index + 1)), content).unwrap();
    }
    let loaded = load_file(&format!("palladium.dataset.{factory}"), folder.path(), &arguments);
    let without_folder = |error: String| error.replace(&format!("{}/", folder.path().display()), "");
    loaded.map(|dataset| show(&dataset.features)).map_err(without_folder)
}

#[test]
fn a_column_in_which_all_is_missing_in_a_file_takes_the_type_of_the_others() {
    let columns = |kind, values: [Json; 2]| json!([{"name": "a", "type": "int", "values": [1, 2]}, {"name": "b", "type": kind, "values": values}]);
    let date = json!({"parse_dates": ["b"]});
    let cases = [
        ("CSV", ["a,b\n1,\n", "a,b\n2,x\n"], json!({}), columns("text", [json!(null), json!("x")])),
        ("CSV", ["a,b\n1,true\n", "a,b\n2,NA\n"], json!({}), columns("bool", [json!(true), json!(null)])),
        ("CSV", ["a,b\n1,\n", "a,b\n2,5\n"], json!({}), columns("float", [json!(null), json!(5.0)])),
        (
            "CSV",
            ["a,b\n1\n", "a,b\n2,2024-01-31\n"],
            date,
            columns("timestamp", [json!(null), json!("2024-01-31T00:00:00")]),
        ),
        (
            "JSONLines",
            ["{\"a\": 1, \"b\": null}", "{\"a\": 2, \"b\": \"x\"}"],
            json!({}),
            columns("text", [json!(null), json!("x")]),
        ),
        (
            "JSONLines",
            ["{\"a\": 1, \"b\": false}", "{\"a\": 2, \"b\": null}"],
            json!({}),
            columns("bool", [json!(false), json!(null)]),
        ),
    ];
    for (factory, contents, arguments, expected) in cases {
        assert_eq!(load_all(factory, &contents, arguments).unwrap(), expected, "{contents:?}");
    }
    let differing = load_all("CSV", &["a\n1\n", "a\nx\n"], json!({})).unwrap_err();
    assert!(differing.starts_with("column `a` holds text in `2.txt`, and whole numbers in `1.txt`"), "{differing}");
}

#[test]
fn a_file_without_rows_counts_where_another_has_some() {
    let expected = json!([{"name": "a", "type": "int", "values": [1]}, {"name": "b", "type": "text", "values": ["x"]}]);
    let (csv, json) = ("a,b\n1,x\n", "{\"a\": 1, \"b\": \"x\"}\n");
    let cases: [(&str, &[&str]); 6] = [
        ("CSV", &["a,b\n", csv]),
        ("CSV", &[csv, "a,b"]),
        ("CSV", &["a,b\n", csv, "a,b\n\n"]),
        ("JSONLines", &["", json]),
        ("JSONLines", &[json, "\n"]),
        ("JSON", &["[]", "[{\"a\": 1, \"b\": \"x\"}]"]),
    ];
    for (factory, contents) in cases {
        assert_eq!(load_all(factory, contents, json!({})).unwrap(), expected, "{contents:?}");
    }
    let nothing = json!([{"name": "a", "type": "float", "values": []}, {"name": "b", "type": "float", "values": []}]);
    assert_eq!(load_all("CSV", &["a,b\n", "a,b\n"], json!({})).unwrap(), nothing);
    let some = json!({"usecols": ["b"], "target_column": "b"});
    assert_eq!(load_all("CSV", &["a,b\n", csv], some).unwrap(), json!([]));
    let failures: [(&str, &[&str], &str); 2] = [
        ("CSV", &["a,c\n", csv], "`1.txt` and `2.txt` have different columns: `2.txt` lacks `c`, which `1.txt` has"),
        ("CSV", &["", csv], "`1.txt` is empty: it holds no row that is not blank or skipped"),
    ];
    for (factory, contents, expected) in failures {
        let error = load_all(factory, contents, json!({})).unwrap_err();
        assert_eq!(error.lines().next(), Some(expected));
    }
    let target = load_all("JSONLines", &["", "\n"], json!({"target_column": "a"})).unwrap_err();
    assert!(target.starts_with("`1.txt` is empty"), "{target}");
}
