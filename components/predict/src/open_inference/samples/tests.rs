//! Tables of requests and the samples that they are.

use palladium_component::data::arrow_array::RecordBatch;
use serde_json::{Value as Json, json};

use super::super::request::JSON_LENGTH;
use super::*;

/// Reads a request with bytes behind it for these fields, and shows its columns.
fn read_all(fields: &[(&str, ColumnType)], inputs: &Json, bytes: &[u8]) -> Result<Vec<String>, String> {
    let columns: Vec<ColumnSpec> =
        fields.iter().map(|(name, kind)| ColumnSpec { name: (*name).to_owned(), kind: *kind }).collect();
    let json = json!({"inputs": inputs, "more": [[1]]}).to_string().into_bytes();
    let headers = Pairs::from_iter([(JSON_LENGTH, json.len().to_string())]);
    let request = ViewRequest { headers, body: [&json, bytes].concat(), ..ViewRequest::default() };
    let table = Body::read(&request).and_then(|body| read(&body, &columns)).map_err(|problem| match problem {
        Problem::Wrong { status: 400, message, .. } => message,
        other => panic!("{other:?}"),
    })?;
    let batch: &RecordBatch = table.batch();
    let shown = |column: &ArrayRef| {
        let cells = Table::new(vec![("x".to_owned(), column.clone())]).unwrap();
        match cells.to_matrix() {
            Ok(matrix) => format!("{:?}", matrix.column(0).to_vec()),
            Err(_) => {
                let texts = column.as_any().downcast_ref::<StringArray>().unwrap();
                format!("{:?}", texts.iter().flatten().collect::<Vec<_>>())
            }
        }
    };
    Ok(batch.columns().iter().map(shown).collect())
}

const MIXED: [(&str, ColumnType); 4] =
    [("f", ColumnType::Float), ("i", ColumnType::Int), ("b", ColumnType::Bool), ("t", ColumnType::Text)];
const NUMBERS: [(&str, ColumnType); 2] = [("x", ColumnType::Float), ("y", ColumnType::Int)];

fn input(name: &str, shape: impl Into<Json>, datatype: &str, data: impl Into<Json>) -> Json {
    json!({"name": name, "shape": shape.into(), "datatype": datatype, "data": data.into()})
}

#[test]
fn a_tensor_for_each_field() {
    let request = json!([
        input("t", json!([2]), "BYTES", json!(["a", "ß"])),
        input("b", json!([2, 1]), "BOOL", json!([[true], [false]])),
        input("i", json!([2]), "UINT8", json!([7, 255])),
        input("f", json!([2, 1]), "FP32", json!([0.5, -1])),
    ]);
    let expected = ["[0.5, -1.0]", "[7.0, 255.0]", "[1.0, 0.0]", "[\"a\", \"ß\"]"];
    assert_eq!(read_all(&MIXED, &request, b"").unwrap(), expected);
}

#[test]
fn one_tensor_whose_columns_are_the_fields() {
    let of = |shape: Json, datatype: &str, data: Json| {
        read_all(&NUMBERS, &json!([input("input-0", shape, datatype, data)]), b"")
    };
    let expected = Ok(vec!["[1.5, 2.5]".to_owned(), "[3.0, 4.0]".to_owned()]);
    assert_eq!(of(json!([2, 2]), "FP64", json!([1.5, 3, 2.5, 4])), expected);
    assert_eq!(of(json!([2, 2]), "FP64", json!([[1.5, 3], [2.5, 4]])), expected);
    assert_eq!(of(json!([0, 2]), "INT8", json!([])), Ok(vec!["[]".to_owned(), "[]".to_owned()]));
    let one = [("t", ColumnType::Text)];
    let texts = json!([input("text", json!([2]), "BYTES", json!(["a", "b"]))]);
    assert_eq!(read_all(&one, &texts, b"").unwrap(), ["[\"a\", \"b\"]"]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let x = |datatype: &str, data: Json| input("x", json!([1]), datatype, data);
    let y = || input("y", json!([1]), "INT64", json!([1]));
    let matrix = |shape: Json, data: Json| json!([input("m", shape, "FP64", data)]);
    let nested = "the `data` of the input `m` are neither one list of elements nor nested as its shape [2, 2] says";
    let cases = [
        (json!([]), "the input `x` is missing"),
        (json!([x("FP64", json!([1]))]), "the input `y` is missing"),
        (json!([x("FP64", json!([1])), x("FP64", json!([1]))]), "the input `x` is given twice"),
        (json!([y(), input("z", json!([1]), "FP64", json!([1]))]), "there is no input `z`"),
        (json!([y(), input("x", json!([2]), "FP64", json!([1, 2]))]), "the input `y` has 1 rows, the input `x` has 2"),
        (json!([y(), input("x", json!([]), "FP64", json!([]))]), "the shape [], it has to be [n] or [n, 1]"),
        (json!([y(), input("x", json!([1, 2]), "FP64", json!([]))]), "the shape [1, 2], it has to be [n] or [n, 1]"),
        (json!([y(), x("FP8", json!([1]))]), "the input `x` has the datatype \"FP8\", the known ones are BOOL, UINT8"),
        (json!([y(), x("BYTES", json!(["1"]))]), "the input `x` has the datatype BYTES, the field `x` is FP64"),
        (json!([y(), x("FP64", json!([]))]), "the input `x` has 0 elements, its shape says 1"),
        (json!([y(), x("FP64", json!([1, 2]))]), "the input `x` has more elements than its shape says"),
        (json!([y(), x("FP64", json!(["1"]))]), "the input `x`, element 1: text \"1\" is not FP64"),
        (json!([y(), x("FP64", json!([null]))]), "the input `x`, element 1: null is not FP64"),
        (json!([y(), x("FP64", json!([{}]))]), "the input `x`, element 1: an object is not FP64"),
        (json!([y(), x("FP64", json!([[1]]))]), "the `data` of the input `x` are neither one list of elements nor"),
        (json!([y(), x("FP64", json!(7))]), "the body is no inference request"),
        (json!([y(), x("INT8", json!([300]))]), "the input `x`, element 1: the number 300 is not INT8"),
        (
            json!([y(), x("INT64", json!([9_007_199_254_740_993_i64]))]),
            "sample 1: `x` is a 64-bit floating point number, which cannot be the number 9007199254740993",
        ),
        (
            json!([y(), x("UINT64", json!([u64::MAX]))]),
            "sample 1: `x` is a 64-bit floating point number, which cannot be the number 18446744073709551615",
        ),
        (matrix(json!([2, 2]), json!([1, 2, 3, 4.5])), "sample 2: `y` has to be a whole number, got the number 4.5"),
        (matrix(json!([2, 2]), json!([1, 2, 3])), "the input `m` has 3 elements, its shape says 4"),
        (matrix(json!([2, 2]), json!([[1, 2], [3]])), nested),
        (matrix(json!([2, 2]), json!([[1, 2, 3], [4]])), nested),
        (matrix(json!([2, 2]), json!([[1, 2], 3, 4])), nested),
        (matrix(json!([2, 2]), json!([1, 2, [3, 4]])), nested),
        (matrix(json!([2, 2]), json!([[[1, 2], [3, 4]]])), nested),
        (matrix(json!([2, 2]), json!([[1, 2]])), "the input `m` has 2 elements, its shape says 4"),
        (matrix(json!([2, 3]), json!([])), "the shape [2, 3], it has to be [n, 2], or an input for each of `x`, `y`"),
        (matrix(json!([2]), json!([])), "the shape [2], it has to be [n, 2]"),
        (matrix(json!([u64::MAX, 2]), json!([])), "the input `m` has more elements than there can be"),
        (matrix(json!([1_u64 << 62, 2]), json!([])), "the input `m` has 0 elements, its shape says"),
    ];
    for (inputs, expected) in cases {
        let found = read_all(&NUMBERS, &inputs, b"").unwrap_err();
        assert!(found.contains(expected), "{inputs}: {found}");
    }
    let flags = [("b", ColumnType::Bool)];
    for (datatype, element, expected) in [
        ("INT8", json!(2), "sample 1: `b` has to be a flag such as true or false, got the number 2"),
        ("FP64", json!(1), "the input `b` has the datatype FP64, the field `b` is BOOL"),
    ] {
        let request = json!([input("b", json!([1]), datatype, json!([element]))]);
        assert_eq!(read_all(&flags, &request, b"").unwrap_err(), expected);
    }
}

#[test]
fn elements_may_be_bytes() {
    let bytes_of = |name: &str, datatype: &str, size: usize| json!({"name": name, "shape": [2], "datatype": datatype, "parameters": {"binary_data_size": size}});
    let all = json!([
        bytes_of("t", "BYTES", 11),
        input("i", json!([2]), "INT64", json!([1, 2])),
        bytes_of("b", "BOOL", 2),
        bytes_of("f", "FP32", 8),
    ]);
    let texts = b"\x01\x00\x00\x00a\x02\x00\x00\x00\xc3\x9f";
    let bytes = [&texts[..], &[1, 0], &1.5_f32.to_le_bytes(), &f32::NAN.to_le_bytes()].concat();
    let expected = ["[1.5, NaN]", "[1.0, 2.0]", "[1.0, 0.0]", "[\"a\", \"ß\"]"];
    assert_eq!(read_all(&MIXED, &all, &bytes).unwrap(), expected);

    let text = |bytes: &[u8]| {
        let request = json!([bytes_of("t", "BYTES", bytes.len())]);
        read_all(&[("t", ColumnType::Text)], &request, bytes)
    };
    assert_eq!(text(b"\0\0\0\0\x01\0\0\0x").unwrap(), ["[\"\", \"x\"]"]);
    for (bytes, expected) in [
        (&b""[..], "the input `t` has 0 elements, its shape says 2"),
        (b"\x01\0\0\0x", "the input `t` has 1 elements, its shape says 2"),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0", "the input `t` has bytes behind its 2 elements"),
        (b"\0\0\0", "the input `t` ends within element 1"),
        (b"\0\0\0\0\x02\0\0\0x", "the input `t` ends within element 2"),
        (b"\xff\xff\xff\xff", "the input `t` ends within element 1"),
        (b"\x01\0\0\0\xff\0\0\0\0", "the input `t`, element 1 is not UTF-8"),
    ] {
        assert_eq!(text(bytes).unwrap_err(), expected, "{bytes:?}");
    }
    let number = |datatype: &str, bytes: &[u8]| {
        let request = json!([bytes_of("x", datatype, bytes.len())]);
        read_all(&[("x", ColumnType::Float)], &request, bytes)
    };
    assert_eq!(number("INT16", &[1, 0, 255, 255]).unwrap(), ["[1.0, -1.0]"]);
    for (datatype, bytes, expected) in [
        ("INT16", vec![1, 0, 255], "the input `x` has 3 bytes, which are not 2 elements of INT16"),
        ("FP64", vec![0; 8], "the input `x` has 8 bytes, which are not 2 elements of FP64"),
        ("BOOL", vec![1, 2], "the input `x`, element 2: a flag is 0 or 1"),
    ] {
        assert_eq!(number(datatype, &bytes).unwrap_err(), expected);
    }
    let huge =
        json!([{"name": "x", "shape": [u64::MAX / 2], "datatype": "FP64", "parameters": {"binary_data_size": 0}}]);
    let found = read_all(&[("x", ColumnType::Float)], &huge, b"").unwrap_err();
    assert!(found.starts_with("the input `x` has 0 bytes, which are not"), "{found}");
}
