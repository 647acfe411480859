//! Batches of a service that does what its rows say.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use palladium_component::value::with_causes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::puppet::predictor;

/// What came of rows.
#[derive(Debug, Default, PartialEq)]
struct Found {
    output: String,
    rejects: String,
    /// The report, or the error.
    said: String,
    /// How many samples each request had.
    asked: Vec<usize>,
    progress: Vec<u64>,
}

fn run(rows: &str, batch_size: usize, rejects: bool, cancelled: bool) -> Found {
    let (predictor, puppet) = predictor(1);
    let mut found = Found::default();
    let (mut output, mut rejected) = (Vec::new(), Vec::new());
    let sink = rejects.then(|| Sink { format: Format::COMMAS, writer: Box::new(&mut rejected) });
    let report = predict(
        &predictor,
        Input { name: "rows", content: Content::Ndjson(Box::new(rows.as_bytes())) },
        Sink { format: Format::Ndjson, writer: Box::new(&mut output) },
        sink,
        &BatchOptions { version: None, batch_size },
        &mut |n_rows| found.progress.push(n_rows),
        &AtomicBool::new(cancelled),
    );
    found.said = match report {
        Ok(report) => format!("{} and {}", report.predicted, report.rejected),
        Err(error) => error.to_string(),
    };
    found.output = String::from_utf8(output).unwrap();
    found.rejects = String::from_utf8(rejected).unwrap();
    found.asked = puppet.asked.lock().unwrap().clone();
    found
}

/// Returns so many rows, of which these do something.
fn rows(count: usize, doing: &[(usize, &str)]) -> String {
    let row = |index: usize| match doing.iter().find(|(row, _)| *row == index) {
        Some((_, what)) => format!("{{\"do\":\"{what}\"}}\n"),
        None => format!("{{\"x\":{index}}}\n"),
    };
    (0..count).map(row).collect()
}

#[test]
fn batches_are_full_but_for_the_last() {
    let found = run(&rows(5, &[]), 2, false, false);
    assert_eq!(found.asked, [2, 2, 1]);
    assert_eq!(found.progress, [2, 4, 5]);
    assert_eq!(found.said, "5 and 0");
    let expected: String = (0..5).map(|row| format!("{{\"x\":{row},\"prediction\":{row}.0}}\n")).collect();
    assert_eq!(found.output, expected);
    assert_eq!(run("", 2, true, false).said, "0 and 0");
}

#[test]
fn rows_that_are_refused_are_found_by_halves() {
    let found = run(&rows(8, &[(2, "bad"), (7, "refuse")]), 8, true, false);
    assert_eq!(found.said, "6 and 2");
    assert_eq!(
        found.rejects,
        "line,reason,row\n3,it is bad,\"{\"\"do\"\":\"\"bad\"\"}\"\n8,error (-1),\"{\"\"do\"\":\"\"refuse\"\"}\"\n"
    );
    assert_eq!(found.output.lines().count(), 6);
    assert!(found.output.ends_with("{\"x\":6,\"prediction\":6.0}\n"), "{}", found.output);
    assert_eq!(found.asked, [8, 4, 2, 2, 1, 1, 4, 2, 2, 1, 1]);

    // Lines that are no rows are rejected in their place.
    let found = run("no\n{\"do\":\"bad\"}\n[]\n{\"x\":1}\n", 8, true, false);
    let lines: Vec<&str> = found.rejects.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!((lines, found.said.as_str()), (vec!["line", "1", "2", "3"], "1 and 3"));
}

#[test]
fn the_first_row_that_is_refused_is_the_error() {
    let found = run(&rows(8, &[(3, "bad"), (5, "refuse")]), 8, false, false);
    assert_eq!(found.said, "`rows`, line 4: it is bad");
    assert_eq!(found.asked, [8, 4, 2, 2, 1, 1], "nobody asks about the rows behind it");
    let found = run(&(rows(2, &[(1, "bad")]) + "no\n"), 8, false, false);
    assert_eq!(found.said, "`rows`, line 2: it is bad");
}

#[test]
fn what_is_no_matter_of_a_row_is_no_reject() {
    for what in ["fail", "lose", "panic"] {
        let found = run(&rows(4, &[(1, what)]), 4, true, false);
        assert_eq!((found.said.as_str(), found.asked.len()), ("predicting failed", 1), "{what}");
        assert_eq!(found.rejects, "line,reason,row\n", "{what}");
    }
}

#[test]
fn nothing_is_asked_once_it_is_cancelled() {
    let found = run(&rows(4, &[]), 4, true, true);
    assert_eq!((found.said.as_str(), found.asked.len()), ("the prediction was interrupted", 0));
}

#[test]
fn long_rows_make_small_batches() {
    let long = "x".repeat(MAX_BYTES / 2);
    let rows = format!("{{\"x\":1,\"more\":\"{long}\"}}\n").repeat(5);
    assert_eq!(run(&rows, 1000, false, false).asked, [2, 2, 1]);
}

#[test]
fn rows_are_text() {
    let (predictor, _) = predictor(2);
    let cases: [(Format, &[u8], &str); 2] = [
        (Format::Ndjson, b"{\"x\":\"\xff\"}\n", "`rows`, line 1: the line is not UTF-8"),
        (Format::COMMAS, b"x,y\n1,\xff\n", "`rows`, line 2: `y` is not UTF-8"),
    ];
    for (format, rows, expected) in cases {
        let found = predict(
            &predictor,
            Input {
                name: "rows",
                content: if format == Format::COMMAS {
                    Content::Csv(Box::new(rows), b',')
                } else {
                    Content::Ndjson(Box::new(rows))
                },
            },
            Sink { format: Format::COMMAS, writer: Box::new(io::sink()) },
            None,
            &BatchOptions { version: None, batch_size: 10 },
            &mut |_| {},
            &AtomicBool::new(false),
        );
        assert_eq!(found.unwrap_err().to_string(), expected);
    }
}

/// Returns a Parquet file of these columns.
fn parquet(columns: Vec<(&str, ArrayRef)>) -> File {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let batch = batch.unwrap();
    let file = tempfile::tempfile().unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
    let mut writer = ArrowWriter::try_new(file.try_clone().unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

/// Predicts and returns what was written, the rejected rows and what was said.
fn convert(content: Content<'_>, format: Format, batch_size: usize) -> (Vec<u8>, String, String) {
    let (predictor, _) = predictor(1);
    let (mut output, mut rejected) = (Vec::new(), Vec::new());
    let report = predict(
        &predictor,
        Input { name: "rows", content },
        Sink { format, writer: Box::new(&mut output) },
        Some(Sink { format: Format::COMMAS, writer: Box::new(&mut rejected) }),
        &BatchOptions { version: None, batch_size },
        &mut |_| (),
        &AtomicBool::new(false),
    );
    let said = match report {
        Ok(report) => format!("{} and {}", report.predicted, report.rejected),
        Err(error) => with_causes(&error),
    };
    (output, String::from_utf8(rejected).unwrap(), said)
}

/// Returns the columns of a Parquet file.
fn columns(file: Vec<u8>) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).unwrap();
    let schema = Arc::clone(reader.schema());
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

#[test]
fn parquet_keeps_its_columns() {
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None, Some(1), Some(2)]));
    let words: ArrayRef = Arc::new(["a", "b", "a", "c"].into_iter().collect::<DictionaryArray<Int32Type>>());
    let does: ArrayRef = Arc::new(StringArray::from(vec![None, None, Some("bad"), None]));
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![0.5, f64::NAN, 2.0, 3.0]));
    let given = vec![("when", times), ("word", words), ("do", does), ("x", numbers)];
    let (written, rejected, said) = convert(Content::Parquet(parquet(given.clone())), Format::Parquet, 3);
    assert_eq!(said, "3 and 1");
    let lines: Vec<&str> = rejected.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(lines, ["line", "3"], "{rejected}");
    let found = columns(written);
    let names: Vec<String> = found.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["when", "word", "do", "x", "prediction"]);
    for (index, (name, array)) in given.iter().enumerate() {
        assert_eq!(found.column(index).data_type(), array.data_type(), "{name}");
    }
    let numbers = found.column(3).as_primitive::<Float64Type>();
    assert!(numbers.value(1).is_nan(), "it is as it was");
    assert_eq!((numbers.value(0), numbers.value(2)), (0.5, 3.0));
    let predictions: Vec<Option<f64>> = found.column(4).as_primitive::<Float64Type>().iter().collect();
    assert_eq!(predictions, [Some(0.5), None, Some(3.0)]);
}

#[test]
fn parquet_is_written_of_anything_and_read_for_anything() {
    let rows = "{\"x\":1,\"n\":\"a\",\"f\":true}\n{\"x\":2,\"n\":null,\"f\":false}\n{\"x\":3}\n";
    let (written, _, said) = convert(Content::Ndjson(Box::new(rows.as_bytes())), Format::Parquet, 2);
    assert_eq!(said, "3 and 0");
    let found = columns(written.clone());
    let types: Vec<String> = found.schema().fields().iter().map(|field| format!("{}", field.data_type())).collect();
    assert_eq!(types, ["Int64", "Utf8", "Boolean", "Float64"]);
    assert_eq!((found.column(0).null_count(), found.column(1).null_count(), found.num_rows()), (0, 2, 3));

    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&written).unwrap();
    let (_, _, said) = convert(Content::Parquet(file.try_clone().unwrap()), Format::COMMAS, 2);
    assert_eq!(said, "`rows` has a column `prediction` already, which the predictions would fill");
    let plain = parquet(vec![("x", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)]);
    let (csv, _, _) = convert(Content::Parquet(plain.try_clone().unwrap()), Format::COMMAS, 1);
    assert_eq!(String::from_utf8(csv).unwrap(), "x,prediction\n1,1.0\n2,2.0\n");
    let (ndjson, _, _) = convert(Content::Parquet(plain), Format::Ndjson, 10);
    assert_eq!(String::from_utf8(ndjson).unwrap(), "{\"x\":1,\"prediction\":1.0}\n{\"x\":2,\"prediction\":2.0}\n");

    let csv = Content::Csv(Box::new("x,y\n1,\n2,b\n".as_bytes()), b',');
    let found = columns(convert(csv, Format::Parquet, 10).0);
    assert!(found.schema().fields()[..2].iter().all(|field| *field.data_type() == DataType::Utf8));
    assert_eq!(found.num_rows(), 2);
}

#[test]
fn what_is_wrong_with_parquet_is_told() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"x,y\n1,2\n3,4\n").unwrap();
    let (_, _, said) = convert(Content::Parquet(file), Format::COMMAS, 10);
    assert_eq!(said, "`rows` is no Parquet file, or not a whole one");
    for (text, expected) in [
        ("PARE----PARE", "an encrypted Parquet file, which is not supported"),
        ("PARENT,CHILD\n1,2\n", "no Parquet file, or not a whole one"),
        ("PAREPAR1", "no Parquet file, or not a whole one"),
        ("PARE", "no Parquet file, or not a whole one"),
    ] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let (_, _, said) = convert(Content::Parquet(file), Format::COMMAS, 10);
        assert_eq!(said, format!("`rows` is {expected}"), "{text}");
    }
    let (empty, _, said) = convert(Content::Csv(Box::new("x\n".as_bytes()), b','), Format::Parquet, 1);
    assert_eq!((said.as_str(), columns(empty).num_rows()), ("0 and 0", 0));
}

#[test]
fn rows_that_would_change_in_parquet_are_refused() {
    let rows = "{\"x\":1,\"id\":1}\n{\"do\":\"bad\",\"id\":\"y\",\"more\":1}\n{\"x\":2,\"id\":2}\n\
                {\"x\":5.9,\"id\":3}\n{\"x\":3,\"id\":\"007\"}\n{\"x\":4,\"more\":1}\n{\"x\":5}\n";
    let (written, rejected, said) = convert(Content::Ndjson(Box::new(rows.as_bytes())), Format::Parquet, 3);
    assert_eq!(said, "3 and 4");
    let found: Vec<&str> = rejected.lines().skip(1).map(|line| line.split(';').next().unwrap()).collect();
    let whole = "has to be a 64-bit whole number, written without point, got";
    assert_eq!(found[1], format!("4,\"`x` {whole} 5.9"));
    assert_eq!(found[2], format!("5,\"`id` {whole} \"\"007\"\""));
    assert_eq!(found[3], "6,\"`more` has no column, got 1");
    let written = columns(written);
    let numbers = written.column(0).as_primitive::<Int64Type>();
    assert_eq!(numbers.values(), &[1, 2, 5]);
    assert_eq!(written.num_columns(), 3, "a row that is refused adds no column");

    // A batch of refused rows settles nothing.
    let rows = "{\"do\":\"bad\",\"x\":\"y\"}\n{\"x\":2.5}\n";
    let (written, _, said) = convert(Content::Ndjson(Box::new(rows.as_bytes())), Format::Parquet, 1);
    assert_eq!((said.as_str(), columns(written).column(0).as_primitive::<Float64Type>().value(0)), ("1 and 1", 2.5));
}
