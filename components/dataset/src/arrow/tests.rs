use std::path::{Path, PathBuf};

use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, Int32Array};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

use super::*;
use palladium_component::data::cell_text;

use crate::testing::{floats, ints, reading, told};

/// Returns two batches of two rows.
fn batches() -> Vec<RecordBatch> {
    let batch = |start: i32, words: [Option<&str>; 2]| {
        let words: DictionaryArray<Int32Type> = words.into_iter().collect();
        let columns: [(&str, ArrayRef); 3] = [
            ("a", Arc::new(Int32Array::from(vec![Some(start), None]))),
            ("b", Arc::new(Float64Array::from(vec![f64::from(start) + 0.5, 0.0]))),
            ("word", Arc::new(words)),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    vec![batch(1, [Some("x"), None]), batch(3, [Some("x"), Some("y")])]
}

fn written(is_file: bool, compression: Option<CompressionType>) -> Vec<u8> {
    let (batches, mut bytes) = (batches(), Vec::new());
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    if is_file {
        // A file holds one dictionary a column.
        let batches = [batches[0].clone(), batches[0].clone()];
        let mut writer = FileWriter::try_new_with_options(&mut bytes, &batches[0].schema(), options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    } else {
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, &batches[0].schema(), options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    }
    bytes
}

fn write(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("a.arrow");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn load(reading: &Reading<'_>) -> Result<Table, FormatError> {
    reading.load(read, &LoadProgress::default()).map(|data| data.to_table().unwrap())
}

#[test]
fn files_and_streams_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        for is_file in [true, false] {
            let path = write(folder.path(), &written(is_file, compression));
            let whole = load(&reading(&path)).unwrap();
            assert_eq!((whole.n_rows(), whole.n_columns()), (4, 3));
            assert_eq!(whole.specs()[2].kind, ColumnType::Category);
            let words: Vec<_> = (0..4).map(|row| cell_text(&whole.columns()[2], row)).collect();
            let second = if is_file { [Some("x"), None] } else { [Some("x"), Some("y")] };
            assert_eq!(words.iter().map(Option::as_deref).collect::<Vec<_>>()[2..], second);
            assert_eq!(whole.place(3).unwrap(), format!("`{}`, row 4", path.display()));
            let chosen = ["b".to_owned(), "a".to_owned()];
            let some = load(&Reading { columns: Some(&chosen), n_rows: Some(3), ..reading(&path) }).unwrap();
            let third = if is_file { 1 } else { 3 };
            let expected = Table::new(vec![
                floats("b", &[1.5, 0.0, third as f64 + 0.5]),
                ints("a", &[Some(1), None, Some(third)]),
            ]);
            assert_eq!(some, expected.unwrap());
        }
    }
}

#[test]
fn rows_after_the_last_one_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = written(true, None);
    let path = write(folder.path(), &whole[..whole.len() * 3 / 4]);
    assert!(matches!(load(&reading(&path)).unwrap_err(), FormatError::Truncated { .. }));
    let chosen = ["a".to_owned()];
    let first = load(&Reading { columns: Some(&chosen), n_rows: Some(1), ..reading(&path) }).unwrap();
    assert_eq!(first, Table::new(vec![ints("a", &[Some(1)])]).unwrap());
}

#[test]
fn broken_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for is_file in [true, false] {
        let whole = written(is_file, Some(CompressionType::ZSTD));
        assert!(load(&reading(&write(folder.path(), b""))).unwrap_err().to_string().ends_with("` is empty"));
        for length in 1..whole.len() {
            let path = write(folder.path(), &whole[..length]);
            match load(&reading(&path)) {
                Err(FormatError::Truncated { .. } | FormatError::Broken { .. }) => {}
                // The directory at the end of a file is not needed, and a stream may end after any message.
                Ok(table) => assert!(length > whole.len() / 2 || (!is_file && table.n_rows() < 4), "{length}"),
                Err(error) => panic!("{length}: {error}"),
            }
        }
        let mut n_wrong = 0;
        for position in (0..whole.len()).step_by(3) {
            let mut broken = whole.clone();
            broken[position] ^= 0xa5;
            n_wrong += usize::from(load(&reading(&write(folder.path(), &broken))).is_err());
        }
        assert!(n_wrong > whole.len() / 30, "{n_wrong} of {}", whole.len());
    }
    let (error, help) = told(&load(&reading(&write(folder.path(), b"FEA1 and so on"))).unwrap_err());
    assert!(error.contains("the first version of Feather") && help.is_some(), "{error}");
}

#[test]
fn sizes_that_a_file_only_names_take_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0; 2000]));
    let batch = RecordBatch::try_from_iter([("a", zeros)]).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
    let mut whole = Vec::new();
    let mut writer = StreamWriter::try_new_with_options(&mut whole, &batch.schema(), options).unwrap();
    writer.write(&batch).and_then(|()| writer.finish()).unwrap();
    drop(writer);
    assert_eq!(load(&reading(&write(folder.path(), &whole))).unwrap().n_rows(), 2000);
    // The size that a packed column is to have stands before it.
    let size = 16_000_u64.to_le_bytes();
    let positions: Vec<usize> = (0..whole.len() - 8).filter(|at| whole[*at..at + 8] == size).collect();
    let mut n_refused = 0;
    for position in positions {
        let mut bomb = whole.clone();
        bomb[position..position + 8].copy_from_slice(&(1_u64 << 45).to_le_bytes());
        let error = load(&reading(&write(folder.path(), &bomb)));
        n_refused += usize::from(matches!(error, Err(FormatError::TooLarge { .. })));
    }
    assert!(n_refused > 0);
}
