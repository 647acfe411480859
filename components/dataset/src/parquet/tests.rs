use std::path::{Path, PathBuf};

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, Int32Array, ListArray, TimestampNanosecondArray};

use super::*;
use crate::testing::{floats, ints, reading, texts, told};

/// Writes columns in groups of two rows.
fn write(folder: &Path, name: &str, columns: Vec<(&str, ArrayRef)>, compression: Compression) -> PathBuf {
    let path = folder.join(name);
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(2))
        .set_dictionary_enabled(false)
        .set_compression(compression)
        .build();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn columns() -> Vec<(&'static str, ArrayRef)> {
    let words: DictionaryArray<Int32Type> = [Some("x"), None, Some("y")].into_iter().collect();
    vec![
        ("a", Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]))),
        ("b", Arc::new(Float64Array::from(vec![0.5, 1.5, 2.5]))),
        ("word", Arc::new(words)),
        ("at", Arc::new(TimestampNanosecondArray::from(vec![1999, 0, 0]))),
        ("__index_level_0__", Arc::new(Int64Array::from(vec![7, 8, 9]))),
    ]
}

fn load(reading: &Reading<'_>) -> Result<Table, FormatError> {
    reading.load(read, &LoadProgress::default()).map(|data| data.to_table().unwrap())
}

/// Overwrites the pages of a column in a row group.
fn damage(path: &Path, group: usize, column: usize) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let (start, length) = reader.metadata().row_group(group).column(column).byte_range();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[start as usize..(start + length) as usize].fill(0xff);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn columns_and_rows_are_chosen() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(Default::default())] {
        let path = write(folder.path(), "a.parquet", columns(), compression);
        let whole = load(&reading(&path)).unwrap();
        let kinds: Vec<ColumnType> = whole.specs().iter().map(|spec| spec.kind).collect();
        let expected = [ColumnType::Int, ColumnType::Float, ColumnType::Category, ColumnType::Timestamp];
        assert_eq!((whole.n_rows(), kinds.as_slice()), (3, expected.as_slice()));
        assert_eq!(whole.place(2).unwrap(), format!("`{}`, row 3", path.display()));
        let chosen = ["b".to_owned(), "a".to_owned()];
        let some = Reading { columns: Some(&chosen), n_rows: Some(1), ..reading(&path) };
        let expected = Table::new(vec![floats("b", &[0.5]), ints("a", &[Some(1)])]).unwrap();
        assert_eq!(load(&some).unwrap(), expected);
        let labels = ["__index_level_0__".to_owned()];
        let labels = load(&Reading { columns: Some(&labels), ..reading(&path) }).unwrap();
        assert_eq!(labels, Table::new(vec![ints("__index_level_0__", &[Some(7), Some(8), Some(9)])]).unwrap());
    }
    let path = folder.path().join("a.parquet");
    let data = Reading { target_column: Some("a"), ..reading(&path) }.load(read, &LoadProgress::default()).unwrap();
    assert_eq!((data.target.unwrap().name, data.features.n_columns()), ("a".to_owned(), 3));
}

#[test]
fn what_is_not_asked_for_is_not_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.parquet", columns(), Compression::UNCOMPRESSED);
    damage(&path, 0, 1);
    damage(&path, 1, 0);
    let chosen = ["a".to_owned()];
    let first = Reading { columns: Some(&chosen), n_rows: Some(2), ..reading(&path) };
    assert_eq!(load(&first).unwrap(), Table::new(vec![ints("a", &[Some(1), None])]).unwrap());
    for wrong in [Reading { n_rows: None, ..first }, Reading { columns: None, ..first }, reading(&path)] {
        let (error, help) = told(&load(&wrong).unwrap_err());
        assert!(error.contains("cannot be read as Parquet: ") && help.is_some(), "{error}");
    }
}

#[test]
fn broken_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.parquet", columns(), Compression::SNAPPY);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, b"").unwrap();
    assert!(load(&reading(&path)).unwrap_err().to_string().ends_with("a.parquet` is empty"));
    for length in (1..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let (error, _) = told(&load(&reading(&path)).unwrap_err());
        assert!(error.contains("a.parquet` cannot be read as Parquet"), "{error}");
    }
    for (text, expected) in [
        ("PARE----PARE", "a.parquet` is encrypted, which is not supported"),
        ("PARENT,CHILD\n1,2\n", "a.parquet` cannot be read as Parquet"),
    ] {
        std::fs::write(&path, text).unwrap();
        let (error, help) = told(&load(&reading(&path)).unwrap_err());
        assert!(error.contains(expected) && help.is_some(), "{error}");
    }
    let mut n_wrong = 0;
    for position in (0..whole.len()).step_by(3) {
        let mut broken = whole.clone();
        broken[position] ^= 0xa5;
        std::fs::write(&path, &broken).unwrap();
        // Much of a file, such as its statistics, does not matter.
        n_wrong += usize::from(load(&reading(&path)).is_err());
    }
    assert!(n_wrong > whole.len() / 30, "{n_wrong} of {}", whole.len());
}

#[test]
fn columns_that_tables_do_not_hold_are_refused_unless_they_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
    let big = arrow_array::UInt64Array::from(vec![u64::MAX]);
    let (_, text) = texts("text", &["x"]);
    let columns: Vec<(&str, ArrayRef)> = vec![("list", Arc::new(list)), ("big", Arc::new(big)), ("text", text)];
    let path = write(folder.path(), "a.parquet", columns, Compression::UNCOMPRESSED);
    let cases = [
        ("list", "column `list` has the type List(Int32), which tables do not hold"),
        ("big", "column `big` holds `18446744073709551615` in row 1, which is no whole number"),
        ("txt", "has no column `txt`, which `columns` names; there are `list`, `big`, `text`"),
    ];
    for (name, expected) in cases {
        let chosen = [name.to_owned()];
        let (error, help) = told(&load(&Reading { columns: Some(&chosen), ..reading(&path) }).unwrap_err());
        assert!(error.contains(expected) && help.is_some(), "{error}");
    }
    let chosen = ["text".to_owned()];
    let text = load(&Reading { columns: Some(&chosen), ..reading(&path) }).unwrap();
    assert_eq!(text, Table::new(vec![texts("text", &["x"])]).unwrap());
    let (error, _) = told(
        &Reading { target_column: Some("tex"), ..reading(&path) }.load(read, &LoadProgress::default()).unwrap_err(),
    );
    assert!(error.contains("has no column `tex`, which `target_column` names"), "{error}");
}

#[test]
fn packed_files_and_folders_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.parquet", columns(), Compression::UNCOMPRESSED);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &std::fs::read(&path).unwrap()).unwrap();
    std::fs::write(folder.path().join("b.parquet.gz"), packed.finish().unwrap()).unwrap();
    let whole = load(&Reading { n_rows: Some(5), ..reading(folder.path()) }).unwrap();
    let places = [0, 4].map(|row| whole.place(row).unwrap());
    assert!(places[0].ends_with("a.parquet`, row 1") && places[1].ends_with("b.parquet.gz`, row 2"), "{places:?}");
    assert_eq!(whole.n_rows(), 5);
}

#[test]
fn empty_files_have_columns_and_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let none: Vec<(&str, ArrayRef)> = vec![("a", Arc::new(Float64Array::from(Vec::<f64>::new())))];
    let path = write(folder.path(), "a.parquet", none, Compression::UNCOMPRESSED);
    assert_eq!(load(&reading(&path)).unwrap(), Table::new(vec![floats("a", &[])]).unwrap());
}

/// The file of the example configurations, which pandas has written.
#[test]
fn files_of_pandas_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/data/iris.parquet");
    let table = load(&reading(&path)).unwrap();
    let kinds: Vec<ColumnType> = table.specs().iter().map(|spec| spec.kind).collect();
    assert_eq!(table.n_rows(), 150);
    assert_eq!(kinds, [[ColumnType::Float; 4].as_slice(), &[ColumnType::Category]].concat());
}
