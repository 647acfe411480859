//! Compressed files, folders and patterns.

use std::path::Path;

use serde_json::json;

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
