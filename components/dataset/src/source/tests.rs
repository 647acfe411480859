use std::io::Write;
use std::path::Path;

use super::compression::Format;
use super::*;
use crate::testing::{floats, ints, texts};

const PLAIN: &[u8] = include_bytes!("../../tests/packed/rows.csv");

/// Files that Python's modules and `zstd` have written, those of the first four in two parts one after another.
const PACKED: [(&str, &[u8]); 6] = [
    ("rows.csv.gz", include_bytes!("../../tests/packed/rows.csv.gz")),
    ("rows.csv.bz2", include_bytes!("../../tests/packed/rows.csv.bz2")),
    ("rows.csv.xz", include_bytes!("../../tests/packed/rows.csv.xz")),
    ("rows.csv.zst", include_bytes!("../../tests/packed/rows.csv.zst")),
    ("rows.csv.zip", include_bytes!("../../tests/packed/rows.csv.zip")),
    ("stored.zip", include_bytes!("../../tests/packed/stored.zip")),
];

fn source(path: &Path) -> Source {
    Source::new(path.to_str().unwrap(), None).unwrap()
}

fn only_file(path: &Path) -> SourceFile {
    source(path).files().unwrap().remove(0)
}

fn content(file: &SourceFile, compression: Compression) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    file.open(compression)?.reader.read_to_end(&mut bytes).map_err(|error| file.failed(error))?;
    Ok(bytes)
}

fn write(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

fn names(path: &Path, folder: &Path) -> Result<Vec<String>, SourceError> {
    let shown = |file: &SourceFile| file.name().trim_start_matches(&format!("{}/", folder.display())).to_owned();
    Ok(source(path).files()?.iter().map(shown).collect())
}

#[test]
fn every_format_is_unpacked_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    for (name, packed) in PACKED {
        let file = only_file(&write(folder.path(), name, packed));
        for _ in 0..2 {
            assert_eq!(content(&file, Compression::Infer).unwrap(), PLAIN, "{name}");
        }
        assert_eq!(content(&file, Compression::Plain).unwrap(), packed, "{name}");
        assert!(file.open(Compression::Infer).unwrap().file.is_none());
    }
    let renamed = only_file(&write(folder.path(), "rows", PACKED[0].1));
    assert_eq!(content(&renamed, Compression::Format(Format::Gzip)).unwrap(), PLAIN);
    let plain = only_file(&write(folder.path(), "rows.csv", PLAIN));
    let Opened { mut reader, file } = plain.open(Compression::Infer).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    file.unwrap().read_to_end(&mut first).unwrap();
    reader.read_to_end(&mut second).unwrap();
    assert!(first == PLAIN && second == PLAIN, "the reader and the file have positions of their own");
}

#[test]
fn files_that_break_off_or_are_broken_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, packed) in PACKED {
        for length in 0..packed.len() {
            let file = only_file(&write(folder.path(), name, &packed[..length]));
            match content(&file, Compression::Infer) {
                Err(SourceError::Truncated { .. } | SourceError::Corrupt { .. }) => {}
                // The first part is a whole file.
                Ok(read) => assert!(!read.is_empty() && PLAIN.starts_with(&read) && name != "rows.csv.zip", "{name}"),
                Err(error) => panic!("{name} of {length} bytes: {error}"),
            }
        }
        let mut broken = packed.to_vec();
        broken[packed.len() / 3] ^= 0x55;
        let file = only_file(&write(folder.path(), name, &broken));
        let error = content(&file, Compression::Infer).unwrap_err();
        assert!(matches!(error, SourceError::Truncated { .. } | SourceError::Corrupt { .. }), "{name}: {error}");
        assert!(error.help().is_some());
        let file = only_file(&write(folder.path(), name, b"a,b\n1,2\n"));
        let error = content(&file, Compression::Infer).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn archives_hold_exactly_one_file_that_can_be_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8], &str); 2] = [
        ("two.zip", include_bytes!("../../tests/packed/two.zip"), "two.zip` holds 2 files, exactly one is needed"),
        (
            "bzip2.zip",
            include_bytes!("../../tests/packed/bzip2.zip"),
            "bzip2.zip` is compressed by the method `Bzip2`, which is not supported",
        ),
    ];
    for (name, packed, expected) in cases {
        let error = content(&only_file(&write(folder.path(), name, packed)), Compression::Infer).unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(error.help().is_some());
    }
}

#[test]
fn unpacked_files_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let gzip = write(folder.path(), "rows.csv.gz", PACKED[0].1);
    let storage = |max_size| server::storage(&[("max_size", Data::Int(max_size))]);
    let file = |max_size| {
        let source = Source::new(gzip.to_str().unwrap(), Some(&storage(max_size))).unwrap();
        content(&source.files().unwrap()[0], Compression::Infer)
    };
    assert_eq!(file(PLAIN.len() as i64).unwrap(), PLAIN);
    let error = file(PLAIN.len() as i64 - 1).unwrap_err();
    assert!(error.to_string().ends_with("becomes larger than 293 bytes when it is unpacked"), "{error}");

    let mut zeros = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..100 {
        zeros.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = only_file(&write(folder.path(), "zeros.zst", &zeros.finish().unwrap()));
    let mut reader = bomb.open(Compression::Infer).unwrap().reader;
    let error = bomb.failed(std::io::copy(&mut reader, &mut std::io::sink()).unwrap_err());
    assert!(error.to_string().ends_with("becomes more than 2000 times larger when it is unpacked"), "{error}");
}

#[test]
fn folders_and_patterns_stand_for_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["b.csv", "a.csv", "c.txt", ".hidden.csv", "_SUCCESS", "deep/d.csv", "deep/er/e.csv", "[x].csv"] {
        write(root, name, b"");
    }
    let cases: [(&str, &[&str]); 9] = [
        ("", &["[x].csv", "a.csv", "b.csv", "c.txt"]),
        ("*.csv", &["[x].csv", "a.csv", "b.csv"]),
        ("[ab].csv", &["a.csv", "b.csv"]),
        ("?.csv", &["a.csv", "b.csv"]),
        ("[x].csv", &["[x].csv"]),
        ("*/*.csv", &["deep/d.csv"]),
        ("**/*.csv", &["[x].csv", "a.csv", "b.csv", "deep/d.csv", "deep/er/e.csv"]),
        ("a.csv", &["a.csv"]),
        ("absent.csv", &["absent.csv"]),
    ];
    for (path, expected) in cases {
        assert_eq!(names(&root.join(path), root).unwrap(), expected, "{path}");
    }
    let url = format!("file://{}/a.csv", root.display());
    assert_eq!(content(&Source::new(&url, None).unwrap().files().unwrap()[0], Compression::Infer).unwrap(), b"");
    std::fs::create_dir(root.join("empty")).unwrap();
    let wrong = [
        ("*.parquet", "no file fits `"),
        ("[a.csv", "is no pattern of files: "),
        ("empty", "there are no files in the folder `"),
    ];
    for (path, expected) in wrong {
        let error = source(&root.join(path)).files().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.help().is_some());
    }
    let error = only_file(&root.join("a.cvs")).open(Compression::Infer).err().unwrap();
    assert!(error.help().unwrap().contains("did you mean `"), "{:?}", error.help());
}

#[derive(Debug)]
struct Rows(String);

impl Provenance for Rows {
    fn place(&self, row: usize) -> String {
        format!("{}, row {row}", self.0)
    }

    fn text_cell(&self, _: &str) -> Option<String> {
        None
    }
}

/// Reads files that hold no more than the letter of a table below.
fn tables(names: &[&str], n_rows: Option<usize>) -> Result<Table, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    for (position, name) in names.iter().enumerate() {
        write(folder.path(), &format!("{position}-{name}"), b"");
    }
    source(folder.path()).read(n_rows, |file, left| {
        let name = file.name().trim_start_matches(folder.path().to_str().unwrap()).trim_start_matches('/');
        let columns = match &name[2..] {
            "ints" => vec![ints("a", &[Some(1), None]), texts("b", &["x", "y"])],
            "fractions" => vec![texts("b", &["z", "z"]), floats("a", &[0.5, 1.5])],
            "words" => vec![texts("a", &["one"]), texts("b", &["z"])],
            "missing" => vec![("a".to_owned(), Arc::new(Float64Array::new_null(1)) as ArrayRef), texts("b", &["z"])],
            "header" => vec![floats("b", &[]), floats("a", &[])],
            "empty" => {
                return Ok(Held::Nothing(Err(SourceError::NotATable {
                    file: name.to_owned(),
                    reason: DataError::NoRows,
                })));
            }
            _ => vec![ints("a", &[]), ints("c", &[])],
        };
        let table = Table::new(columns).unwrap();
        let table = table.slice(0, table.n_rows().min(left.unwrap_or(usize::MAX)));
        Ok(Held::Table(table.with_provenance(Arc::new(Rows(name.to_owned())))))
    })
}

#[test]
fn files_become_one_table() {
    let table = |a, b: &[&str]| Table::new(vec![a, texts("b", b)]).unwrap();
    let whole = table(ints("a", &[Some(1), None]), &["x", "y"]);
    assert_eq!(tables(&["ints"], None).unwrap(), whole);
    let both = tables(&["fractions", "ints"], Some(3)).unwrap();
    assert_eq!(both, Table::new(vec![texts("b", &["z", "z", "x"]), floats("a", &[0.5, 1.5, 1.0])]).unwrap());
    assert_eq!([1, 2].map(|row| both.place(row).unwrap()), ["0-fractions, row 1", "1-ints, row 0"]);
    assert_eq!(tables(&["ints", "words"], Some(2)).unwrap(), whole, "nothing is read after the last row");
    assert_eq!(tables(&["ints", "ints"], None).unwrap().specs()[0].kind, ColumnType::Int);
}

#[test]
fn a_column_in_which_all_is_missing_takes_the_type_of_the_other_files() {
    for names in [["missing", "words"], ["words", "missing"]] {
        let table = tables(&names, None).unwrap();
        assert_eq!((table.n_rows(), table.column_type(0)), (2, ColumnType::Text), "{names:?}");
    }
    assert_eq!(tables(&["missing", "ints"], None).unwrap().column_type(0), ColumnType::Float);
    let error = tables(&["missing", "ints", "words"], None).unwrap_err().to_string();
    assert!(error.contains("2-words`, and whole numbers in `") && error.ends_with("1-ints`"), "{error}");
}

#[test]
fn a_file_without_rows_counts_if_another_has_some() {
    let whole = tables(&["ints"], None).unwrap();
    let cases: [(&[&str], bool); 5] = [
        (&["empty", "ints"], true),
        (&["ints", "empty"], true),
        (&["header", "empty", "ints"], false),
        (&["ints", "header"], true),
        (&["empty", "ints", "empty"], true),
    ];
    for (names, is_first) in cases {
        let table = tables(names, None).unwrap();
        // The first file that knows its columns gives their order.
        let expected = if is_first { whole.clone() } else { whole.select(&["b", "a"]).unwrap() };
        assert_eq!(table, expected, "{names:?}");
    }
    for names in [["empty", "header"], ["header", "empty"]] {
        assert_eq!(tables(&names, None).unwrap().names().collect::<Vec<_>>(), ["b", "a"], "{names:?}");
    }
    assert!(tables(&["empty", "empty"], None).unwrap_err().to_string().starts_with("`0-empty`"));
}

#[test]
fn files_that_differ_are_named() {
    let cases = [
        (["ints", "words"], "column `a` holds text in `", "1-words`, and whole numbers in `"),
        (["words", "other"], "1-other` have different columns: `", "1-other` lacks `b`, which `"),
    ];
    for (names, first, second) in cases {
        let error = tables(&names, None).unwrap_err();
        assert!(error.to_string().contains(first) && error.to_string().contains(second), "{error}");
        assert!(error.help().is_some());
    }
}

#[test]
fn what_is_read_is_counted_and_data_depend_on_files_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [PACKED[0], PACKED[4], ("rows.csv", PLAIN)] {
        let path = write(folder.path(), name, bytes);
        let progress = LoadProgress::default();
        let _running = progress.begin("data");
        let source = source(&path).with_progress(&progress);
        assert_eq!(content(&source.files().unwrap()[0], Compression::Infer).unwrap(), PLAIN, "{name}");
        let (loading, length) = (progress.current().unwrap(), bytes.len() as u64);
        assert_eq!(loading.expected_bytes, Some(length), "{name}");
        // Of an archive the table of its members is not counted.
        assert!(loading.bytes == length || name.ends_with(".zip") && (1..length).contains(&loading.bytes), "{name}");
        assert_eq!(source.inputs().unwrap(), Some(vec![Input::File(path)]), "{name}");
    }
    let elsewhere = Source::new("https://host/rows.csv", None).unwrap();
    assert_eq!(elsewhere.inputs().unwrap(), None);
}
