//! What holds for every table and for every file.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::harness::{load, show};

#[derive(Clone, Debug)]
enum Cells {
    Int(Vec<i64>),
    Float(Vec<Option<f64>>),
    Bool(Vec<Option<bool>>),
    Text(Vec<Option<String>>),
}

impl Cells {
    fn of(n_rows: usize) -> impl Strategy<Value = Cells> {
        let float = (-1e300..1e300f64).prop_union(-10.0..10.0f64);
        // Beginning with a letter that no number, flag or marker begins with.
        let text = "[xéß日][ -~\n\réß日\"',;]{0,8}";
        prop_oneof![
            vec(any::<i64>(), n_rows).prop_map(Cells::Int),
            vec(option::of(float), n_rows).prop_map(Cells::Float),
            vec(option::of(any::<bool>()), n_rows).prop_map(Cells::Bool),
            vec(option::of(text), n_rows).prop_map(Cells::Text),
        ]
    }

    fn written(&self, row: usize) -> String {
        match self {
            Cells::Int(cells) => cells[row].to_string(),
            Cells::Float(cells) => cells[row].map_or_else(String::new, |number| format!("{number:?}")),
            Cells::Bool(cells) => cells[row].map_or_else(String::new, |flag| flag.to_string()),
            Cells::Text(cells) => quoted(cells[row].as_deref().unwrap_or("")),
        }
    }

    fn shown(&self, name: &str) -> Json {
        let (kind, values) = match self {
            Cells::Int(cells) => ("int", json!(cells)),
            Cells::Float(cells) => ("float", json!(cells)),
            Cells::Bool(cells) => ("bool", json!(cells)),
            Cells::Text(cells) => ("text", json!(cells)),
        };
        let is_missing = values.as_array().unwrap().iter().all(Json::is_null);
        json!({"name": name, "type": if is_missing { "float" } else { kind }, "values": values})
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn tables() -> impl Strategy<Value = (usize, Vec<Cells>)> {
    (1..20usize, 1..5usize).prop_flat_map(|(n_rows, n_columns)| (Just(n_rows), vec(Cells::of(n_rows), n_columns)))
}

proptest! {
    #[test]
    fn what_is_written_is_loaded(
        (n_rows, columns) in tables(),
        ending in "\n|\r\n|\r",
        is_last_ended in any::<bool>(),
    ) {
        let names: Vec<String> = (0..columns.len()).map(|index| format!("column, {index}")).collect();
        let mut lines = vec![names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(",")];
        // One empty column alone would make blank lines.
        let key = |row: usize| format!(",{row}");
        lines[0].push_str(",key");
        lines.extend((0..n_rows).map(|row| {
            columns.iter().map(|cells| cells.written(row)).collect::<Vec<_>>().join(",") + &key(row)
        }));
        let mut text = lines.join(&ending);
        if is_last_ended {
            text.push_str(&ending);
        }
        let mut expected: Vec<Json> = columns.iter().zip(&names).map(|(cells, name)| cells.shown(name)).collect();
        expected.push(json!({"name": "key", "type": "int", "values": (0..n_rows).collect::<Vec<_>>()}));
        prop_assert_eq!(show(&load(&text, &json!({})).unwrap().features), Json::from(expected), "{:?}", text);
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = load(&bytes, &json!({"header": null}));
    }

    #[test]
    fn no_near_table_panics(
        text in r#"([-+.0-9eE"',\n\r \tTRUEtrueNAnax]|1\.5|True|NA|,|\n){0,80}"#,
        header in prop_oneof![Just(json!("infer")), Just(json!(null)), (0..3).prop_map(|row| json!(row))],
        skiprows in prop_oneof![Just(json!(null)), (0..3).prop_map(|count| json!(count)), Just(json!([0, 2]))],
        na_values in prop_oneof![Just(json!([])), Just(json!(1.5)), Just(json!(["x", 1]))],
    ) {
        let arguments = json!({"header": header, "skiprows": skiprows, "na_values": na_values});
        if let Ok(dataset) = load(&text, &arguments) {
            prop_assert!(dataset.n_rows() > 0 || !header.is_null());
        }
    }
}
