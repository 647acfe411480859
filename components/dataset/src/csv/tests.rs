//! What holds however a file is divided into blocks, and among threads.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use arrow_array::StringArray;
use proptest::collection::vec;
use proptest::prelude::*;

use super::block::Block;
use super::blocks::Blocks;
use super::dialect::Separator;
use super::load::load;
use super::options::{DateColumns, SeparatorOption};
use super::*;

/// Returns what options refer to for as long as a test may.
fn comma() -> &'static SeparatorOption {
    Box::leak(Box::new(SeparatorOption::Given(Separator::Text(b",".as_slice().into()))))
}

static SPACES: SeparatorOption = SeparatorOption::Given(Separator::Whitespace);

/// Returns the options of a loader that is given none.
fn options() -> Options<'static> {
    Options {
        target_column: None,
        names: None,
        separator: comma(),
        header: Header::Absent,
        nrows: None,
        skiprows: None,
        skipfooter: 0,
        skip_blank_lines: true,
        usecols: None,
        index_col: None,
        na_values: None,
        keep_default_na: true,
        na_filter: true,
        dtype: None,
        converters: None,
        true_values: None,
        false_values: None,
        parse_dates: &DateColumns::Never,
        dayfirst: false,
        thousands: None,
        decimal: Character(b'.'),
        comment: None,
        quotechar: Some(Character(b'"')),
        quoting: Quoting::Quoted,
        doublequote: true,
        escapechar: None,
        skipinitialspace: false,
        encoding: Encoding::Utf8,
        on_bad_lines: BadLines::Error,
    }
}

fn load_file(path: &std::path::Path, options: &Options<'_>, effort: Effort) -> Result<Table, String> {
    let source = Source::new(path.to_str().unwrap(), None).unwrap();
    let dataset = load(&source, Compression::Infer, options, effort, &LoadProgress::default());
    dataset.map(|dataset| dataset.features).map_err(|error| error.to_string())
}

fn load_text(text: &[u8], options: &Options<'_>, effort: Effort) -> Result<Table, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    load_file(file.path(), options, effort)
}

/// Returns a table with the places of its rows.
fn shown(loaded: Result<Table, String>) -> Option<(Table, Vec<Option<String>>)> {
    let table = loaded.ok()?;
    let line = |row| table.place(row).map(|place| place.rsplit(' ').next().unwrap_or_default().to_owned());
    let places = (0..table.n_rows()).map(line).collect();
    Some((table, places))
}

const WHOLE: Effort = Effort { block_size: 1 << 20, most_fields: 1 << 20, many_cells: 100_000, n_threads: 1 };

/// Divides a file into small blocks, of which some end early.
fn small(block_size: usize, n_threads: usize) -> Effort {
    Effort { block_size, most_fields: 2 * block_size, n_threads, ..WHOLE }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_division_makes_the_same_table(
        rows in vec(r##"([-.0-9]{1,6}|1|true|NA||x|"[a,\n"#\\\r]{0,5}"|é|  |#c|\\,),([0-9]{1,3}|1\.5|y|)(\n|\r\n|\n\n|\r)"##, 1..40),
        block_size in 1..64_usize,
        n_threads in 1..4_usize,
        variant in 0..8,
        limit in 1..20_usize,
    ) {
        let text = rows.concat();
        let lines = SkippedLines::Numbers(vec![1, 4, 9]);
        let plain = Options { on_bad_lines: BadLines::Skip, ..options() };
        let options = match variant {
            0 => plain,
            1 => Options { comment: Some(Character(b'#')), escapechar: Some(Character(b'\\')), ..plain },
            2 => Options { skiprows: Some(&lines), ..plain },
            3 => Options { nrows: Some(limit), ..plain },
            4 => Options { skipfooter: limit, ..plain },
            5 => Options { quoting: Quoting::Literal, ..plain },
            6 => Options { separator: &SPACES, skip_blank_lines: false, ..plain },
            _ => Options { on_bad_lines: BadLines::Error, ..plain },
        };
        let expected = shown(load_text(text.as_bytes(), &options, WHOLE));
        let found = shown(load_text(text.as_bytes(), &options, small(block_size, n_threads)));
        prop_assert_eq!(found, expected, "{:?}", text);
    }

    #[test]
    fn no_division_of_any_bytes_panics(bytes in vec(any::<u8>(), 0..300), block_size in 1..40_usize) {
        let effort = small(block_size, 3);
        let expected = shown(load_text(&bytes, &options(), WHOLE));
        prop_assert_eq!(shown(load_text(&bytes, &options(), effort)), expected);
    }
}

/// Numbers of all kinds in many blocks, then a text.
fn late_text(n_rows: usize) -> String {
    let mut text = String::new();
    for row in 0..n_rows {
        writeln!(text, "0{row},{row}.50,TRUE,,{row},x").unwrap();
    }
    text + "x,x,x,x,1,1\n"
}

#[test]
fn a_column_that_is_text_after_all_is_read_again() {
    let table = load_text(late_text(500).as_bytes(), &options(), small(100, 3)).unwrap();
    let kinds: Vec<ColumnType> = table.specs().into_iter().map(|spec| spec.kind).collect();
    let text = ColumnType::Text;
    assert_eq!(kinds, [text, text, text, text, ColumnType::Int, text]);
    let cells = |column: usize| table.columns()[column].as_any().downcast_ref::<StringArray>().unwrap();
    for row in 0..500 {
        let expected = [format!("0{row}"), format!("{row}.50"), "TRUE".to_owned()];
        assert_eq!([0, 1, 2].map(|column| cells(column).value(row)), expected.each_ref().map(String::as_str));
        assert!(cells(3).iter().nth(row).unwrap().is_none());
    }
    assert_eq!(table.text_cell("0").unwrap().rsplit_once(", ").unwrap().1, "`x`");
    assert!(table.text_cell("0").unwrap().contains("line 501"), "{:?}", table.text_cell("0"));
}

#[test]
fn a_compressed_file_is_read_again_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.csv.gz");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(late_text(300).as_bytes()).unwrap();
    std::fs::write(&path, packed.finish().unwrap()).unwrap();
    let small = small(100, 2);
    let expected = load_text(late_text(300).as_bytes(), &options(), WHOLE);
    assert_eq!(load_file(&path, &options(), small), expected);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_read_once() {
    use std::os::fd::AsRawFd;

    let (reader, mut writer) = std::io::pipe().unwrap();
    let text = late_text(500);
    writer.write_all(text.as_bytes()).unwrap();
    drop(writer);
    let path = format!("/dev/fd/{}", reader.as_raw_fd());
    let small = small(100, 2);
    let table = load_file(path.as_ref(), &options(), small);
    assert_eq!(table, load_text(text.as_bytes(), &options(), WHOLE));
}

/// Many short rows under a long header.
fn short_rows(n_columns: usize, n_rows: usize) -> String {
    let names: Vec<String> = (0..n_columns).map(|column| format!("c{column}")).collect();
    names.join(",") + "\n" + &"1\n".repeat(n_rows)
}

#[test]
fn blocks_of_rows_that_are_filled_up_are_short() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(short_rows(100, 5000).as_bytes()).unwrap();
    let source = Source::new(file.path().to_str().unwrap(), None).unwrap();
    let file = source.files().unwrap().remove(0);
    let effort = Effort { most_fields: 1050, ..WHOLE };
    let header = Options { header: Header::Infer, ..options() };
    let cases = [
        (header, 5000),
        (Options { nrows: Some(4000), ..header }, 4000),
        (Options { skipfooter: 1000, ..header }, 4000),
    ];
    for (options, expected) in cases {
        let input = file.open(Compression::Infer).unwrap().reader;
        let mut block = Block::default();
        let (mut blocks, _) = Blocks::open(input, &options, &file, effort, &mut block).unwrap();
        let (shape, mut n_rows) = (blocks.shape(), 1);
        while blocks.next(&mut block).unwrap() {
            block.split(file.name(), shape).unwrap();
            assert!((1..=10).contains(&block.rows.lines.n_rows()), "{}", block.rows.lines.n_rows());
            assert_eq!(block.bounds().len(), 100 * block.rows.lines.n_rows());
            assert_eq!(block.rows.lines.line(0), Some(n_rows + 2));
            n_rows += block.rows.lines.n_rows() as u64;
        }
        assert_eq!(n_rows, expected);
    }
}

#[test]
fn a_table_of_hardly_anything_but_what_rows_lack_is_refused() {
    let text = short_rows(1000, 200);
    let header = Options { header: Header::Infer, ..options() };
    for block_size in [100, 1 << 20] {
        let error = load_text(text.as_bytes(), &header, Effort { block_size, most_fields: 5000, ..WHOLE }).unwrap_err();
        let (_, error) = error.split_once("`: ").unwrap();
        assert_eq!(
            error,
            "the table would have 101000 cells and more, 1000 columns in the 101 rows so far, and these rows have 101 fields"
        );
    }
    let most = Options { nrows: Some(100), ..header };
    assert_eq!(load_text(text.as_bytes(), &most, WHOLE).unwrap().n_rows(), 100);
    let first = Columns::Positions(vec![0]);
    let table = load_text(text.as_bytes(), &Options { usecols: Some(&first), ..header }, WHOLE).unwrap();
    assert_eq!((table.n_rows(), table.names().collect::<Vec<_>>()), (200, vec!["c0"]));
}

/// A function of one value.
struct Native<F>(F);

impl<F: Fn(&Value) -> Result<Data, Box<Diagnostic>> + Send + Sync + 'static> Callable for Native<F> {
    fn name(&self) -> &str {
        "native"
    }

    fn parameters(&self) -> Option<Vec<String>> {
        Some(vec!["value".into()])
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        (self.0)(&arguments[0]).map(|data| Value::new(data, Span::nowhere("test")))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn function(body: impl Fn(&Value) -> Result<Data, Box<Diagnostic>> + Send + Sync + 'static) -> Callback {
    Callback(Arc::new(Native(body)))
}

fn table(columns: &[(&str, ArrayRef)]) -> Table {
    Table::new(columns.iter().map(|(name, column)| ((*name).to_owned(), Arc::clone(column))).collect()).unwrap()
}

#[test]
fn functions_convert_cells() {
    let length = function(|value| Ok(Data::Int(value.as_text().unwrap().len() as i64)));
    let half = function(|value| match value.as_text().unwrap().trim().parse::<i64>() {
        Ok(number) if number % 2 == 0 => Ok(Data::Int(number / 2)),
        Ok(number) => Ok(Data::Float(number as f64 / 2.0)),
        Err(_) => Ok(Data::Null),
    });
    let upper = function(|value| Ok(Data::Text(value.as_text().unwrap().to_uppercase())));
    let is_even = function(|value| Ok(Data::Bool(value.as_text().unwrap().ends_with(['0', '2', '4', '6', '8']))));
    let converters = IndexMap::from(
        [("0", length), ("1", half), ("2", upper), ("3", is_even)].map(|(name, function)| (name.to_owned(), function)),
    );
    let kind = Kinds::Everywhere(kind::Kind { name: "str".into(), goal: kind::Goal::Text });
    let options = Options { converters: Some(&converters), dtype: Some(&kind), ..options() };
    let text = "NA,2,a,2,7\n\"x,y\",3,\u{e9},3,8\n,x,,4,9\n";
    let expected = table(&[
        ("0", Arc::new(Int64Array::from(vec![2, 3, 0]))),
        ("1", Arc::new(Float64Array::from(vec![Some(1.0), Some(1.5), None]))),
        ("2", Arc::new(StringArray::from(vec!["A", "\u{c9}", ""]))),
        ("3", Arc::new(BooleanArray::from(vec![true, false, true]))),
        ("4", Arc::new(StringArray::from(vec!["7", "8", "9"]))),
    ]);
    for block_size in [8, 1 << 20] {
        let effort = small(block_size, 2);
        assert_eq!(load_text(text.as_bytes(), &options, effort).unwrap(), expected, "{block_size}");
    }
}

#[test]
fn functions_choose_lines_and_columns() {
    let odd = SkippedLines::Chosen(function(|value| Ok(Data::Bool(value.as_int().unwrap() % 2 == 1))));
    let short = Columns::Chosen(function(|value| Ok(Data::Bool(value.as_text().unwrap().len() == 1))));
    let options = Options { header: Header::Infer, skiprows: Some(&odd), usecols: Some(&short), ..options() };
    let found = load_text(b"a,bb,c\nx\n1,2,3\ny,y,y,y,y\n4,5,6\n", &options, WHOLE).unwrap();
    let expected = [
        ("a", Arc::new(Int64Array::from(vec![1, 4])) as ArrayRef),
        ("c", Arc::new(Int64Array::from(vec![3, 6])) as ArrayRef),
    ];
    assert_eq!(found, table(&expected));
}

#[test]
fn functions_that_fail_are_named_with_the_place() {
    let fails = || function(|_| Err(Box::new(Diagnostic::new(Code::BadArguments, "no"))));
    let list = || function(|_| Ok(Data::List(Vec::new())));
    let mixed = || function(|value| Ok(value.as_text().unwrap().parse().map_or(Data::Text("x".into()), Data::Int)));
    let check = |options: &Options<'_>, expected: &str| {
        for block_size in [2, 1 << 20] {
            let effort = small(block_size, 2);
            let error = load_text(b"a,b\n1,2\n3,x\n", options, effort).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    };
    let with = |function: Callback| IndexMap::from([("b".to_owned(), function)]);
    let header = Options { header: Header::Infer, ..options() };
    let converters = with(fails());
    let expected = "line 2, column `b`: the function of `converters` has failed: no";
    check(&Options { converters: Some(&converters), ..header }, expected);
    let converters = with(list());
    let expected = "line 2, column `b`: the function of `converters` returned a list, where a number, a flag, text or";
    check(&Options { converters: Some(&converters), ..header }, expected);
    let converters = with(mixed());
    check(
        &Options { converters: Some(&converters), ..header },
        "line 3: the function of `converters` makes a text of `x` in column `b`, and a number of the cells before it",
    );
    let skiprows = SkippedLines::Chosen(list());
    let expected = "line 1: the function of `skiprows` returned a list, where a flag is needed";
    check(&Options { skiprows: Some(&skiprows), ..header }, expected);
    let usecols = Columns::Chosen(fails());
    check(&Options { usecols: Some(&usecols), ..header }, "the function of `usecols` has failed: no");
}

#[test]
fn a_file_that_changes_between_two_passes_is_refused() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(late_text(500).as_bytes()).unwrap();
    let path = file.path().to_owned();
    let meddler = SkippedLines::Chosen(function(move |line| {
        if line.as_int() == Some(400) {
            let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(b"y,y,y,y,1,1\n").unwrap();
        }
        Ok(Data::Bool(false))
    }));
    let options = Options { skiprows: Some(&meddler), ..options() };
    let error = load_file(file.path(), &options, small(100, 2)).unwrap_err();
    assert_eq!(error, format!("`{}` was changed while it was read", file.path().display()));
}

#[test]
fn the_first_error_is_told() {
    let mut text = String::new();
    for row in 0..1000 {
        writeln!(text, "{row},{}", if row % 100 == 50 { "x" } else { "1" }).unwrap();
    }
    let kind = Kinds::Everywhere(kind::Kind { name: "float64".into(), goal: kind::Goal::Float { single: false } });
    let options = Options { dtype: Some(&kind), ..options() };
    for n_threads in 1..5 {
        let error = load_text(text.as_bytes(), &options, small(64, n_threads)).unwrap_err();
        assert!(error.contains("line 51: column `1` holds `x`"), "{error}");
    }
}
