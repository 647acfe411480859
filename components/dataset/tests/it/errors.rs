//! The whole text of every error, with its help.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::harness::{construct, load, load_file, load_with, show};

fn refused(arguments: Json, expected: &str) {
    let mut all = json!({"path": "data.csv"});
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    let found = construct("palladium.dataset.CSV", &all).err().unwrap_or_else(|| "nothing".into());
    assert_eq!(found, expected, "{arguments}");
}

fn fails(content: impl AsRef<[u8]>, arguments: Json, expected: &str) {
    let found = match load(&content, &arguments) {
        Err(error) => error,
        Ok(dataset) => show(&dataset.features).to_string(),
    };
    assert_eq!(found, expected, "{:?} {arguments}", String::from_utf8_lossy(content.as_ref()));
}

#[test]
fn arguments_of_the_wrong_type() {
    let csv = |parameter: &str, expected: &str, found: &str| {
        format!("`{parameter}` of `palladium.dataset.CSV` has to be {expected}\nthis is {found}")
    };
    let separator = "a character that is no line break, or a regular expression";
    for value in ["", "\n", "\r"] {
        refused(json!({"sep": value}), &csv("sep", separator, "text"));
    }
    refused(json!({"sep": 1}), &csv("sep", "text or null", "a whole number"));
    refused(
        json!({"sep": "a(b"}),
        "`sep` of `palladium.dataset.CSV`: text of several characters is a regular expression, and this is none\n\
         unclosed group",
    );
    let character = "text of exactly one ASCII character that is no line break";
    for option in ["quotechar", "escapechar", "comment", "decimal", "thousands"] {
        for value in ["", "xy", "§", "\n"] {
            refused(json!({option: value}), &csv(option, character, "text"));
        }
    }
    let choice = |parameter: &str, expected: &str, said: &str| {
        format!("`{parameter}` of `palladium.dataset.CSV` has to be {expected}\n{said}")
    };
    let lines = "`error` or `warn` or `skip`";
    refused(json!({"on_bad_lines": "ignore"}), &choice("on_bad_lines", lines, "this is none of them"));
    let quoting = "a number from 0 to 3 or `QUOTE_MINIMAL` or `QUOTE_ALL` or `QUOTE_NONNUMERIC` or `QUOTE_NONE`";
    refused(json!({"quoting": 4}), &csv("quoting", quoting, "a whole number"));
    refused(json!({"quoting": "none"}), &choice("quoting", quoting, "this is none of them"));
    let encoding = "the name of an encoding such as `utf-8`, `latin-1`, `cp1252` or `utf-16`";
    refused(json!({"encoding": "elbonian"}), &csv("encoding", encoding, "text"));
    let near = |expected: String, near: &str| format!("{expected}; did you mean `{near}`?");
    refused(json!({"encoding": "uft-8"}), &near(csv("encoding", encoding, "text"), "utf-8"));
    let engines = "`c` or `python` or `pyarrow`";
    refused(json!({"engine": "rust"}), &choice("engine", engines, "this is none of them"));
    let meant = |near: &str| format!("this is none of them; did you mean `{near}`?");
    refused(json!({"engine": "pyarow"}), &choice("engine", engines, &meant("pyarrow")));
    refused(json!({"on_bad_lines": "wrn"}), &choice("on_bad_lines", lines, &meant("warn")));
    refused(json!({"index_col": true}), &csv("index_col", "a column, a list of columns or false", "a flag"));
    refused(
        json!({"index_col": -1}),
        &csv("index_col", "the name of a column or its position from 0", "a whole number"),
    );
    let kinds = "a type: `int64`, `Int64`, `float64`, `float32`, `bool`, `boolean`, `str`, `object`, `category`, `int`, \
                 `float`, `text`, `date`, `timestamp`, `timestamp_utc`";
    refused(json!({"dtype": "nonsense"}), &choice("dtype", kinds, "this is none of them"));
    refused(json!({"dtype": {"a": "nonsense"}}), &choice("dtype", kinds, "this is none of them"));
    refused(json!({"converters": {"a": 1}}), &csv("converters", "a function", "a whole number"));
    refused(json!({"parse_dates": "a"}), &csv("parse_dates", "a list of columns, true or false", "text"));
    let header = "`infer`, null or the number of a row from 0";
    refused(json!({"header": "first"}), &choice("header", header, "this is none of them"));
    refused(json!({"header": -1}), &csv("header", header, "a whole number"));
    refused(json!({"nrows": -1}), "`nrows` of `palladium.dataset.CSV` has to be at least 0\nout of range");
    let skiprows = "a number of lines from 0, or a list of line numbers from 0";
    refused(json!({"skiprows": -1}), &csv("skiprows", skiprows, "a whole number"));
    refused(json!({"skiprows": [1, "x"]}), &csv("skiprows", skiprows, "text"));
    let usecols = "a list of column names, or one of positions from 0";
    refused(json!({"usecols": 1}), &csv("usecols", usecols, "a whole number"));
    refused(json!({"usecols": ["a", 1]}), &csv("usecols", usecols, "a whole number"));
    refused(json!({"usecols": [1, "a"]}), &csv("usecols", usecols, "text"));
    refused(json!({"usecols": [-1]}), &csv("usecols", usecols, "a whole number"));
    let column = "text or a whole number from 0";
    refused(json!({"target_column": 1.5}), &csv("target_column", column, "a number"));
    refused(json!({"target_column": -1}), &csv("target_column", column, "a whole number"));
    refused(json!({"names": ["a", true]}), &csv("names", column, "a flag"));
    let marker = "a text or number that means a missing value, a list or a map of them";
    refused(json!({"na_values": true}), &csv("na_values", marker, "a flag"));
    refused(json!({"na_values": {"a": [null]}}), &csv("na_values", marker, "null"));
}

#[test]
fn arguments_that_are_unknown_or_missing() {
    refused(json!({"skip_rows": 1}), "`palladium.dataset.CSV` has no parameter `skip_rows`\ndid you mean `skiprows`?");
    refused(
        json!({"sep": ";", "delimiter": ";"}),
        "`delimiter` is another name of `sep`: give one of them\nremove one of them\nalso given",
    );
    let missing = construct("palladium.dataset.CSV", &json!({})).err().unwrap();
    assert_eq!(missing, "`palladium.dataset.CSV` needs `path`\n`path`, text, is missing");
}

#[test]
fn options_that_are_not_supported_say_why() {
    for (option, reason) in [
        ("ndarray", "leave it out; data keep their columns and types, and learners take what they need"),
        ("chunksize", "leave it out; a loader returns one table, `nrows` and `skiprows` choose a part of it"),
        ("iterator", "leave it out; a loader returns one table, `nrows` and `skiprows` choose a part of it"),
        ("storage_options", "say `storage` instead"),
        ("date_format", "leave it out; `parse_dates` knows the usual formats, with `dayfirst`; `converters` any other"),
        ("cache_dates", "leave it out; dates are read fast without a cache"),
        ("dtype_backend", "leave it out; there is one kind of columns, in which values of any type may be missing"),
        ("verbose", "leave it out; the log tells what is odd about a file"),
        ("delim_whitespace", "say `sep: \"\\\\s+\"` instead"),
    ] {
        let expected = format!("`palladium.dataset.CSV` has no parameter `{option}`\nit is gone\nhelp: {reason}");
        refused(json!({option: true}), &expected);
    }
    let csv = |option: &str, message: &str| format!("`{option}` of `palladium.dataset.CSV`: {message}");
    let unsupported = |option: &str, message: &str| csv(option, message) + "\nnot supported";
    let names = "name the compression alone: `infer` or `gzip` or `bz2` or `zip` or `xz` or `zstd` or null";
    let map = "a map of options for a compression is not supported, for files are only read";
    refused(json!({"compression": {"method": "gzip", "mtime": 1}}), &(csv("compression", map) + "\n" + names));
    let iconv = "convert the file to UTF-8, for instance with `iconv`";
    for (encoding, name) in
        [("cp437", "cp437"), ("IBM437", "cp437"), ("437", "cp437"), ("UTF_32", "utf-32"), ("utf-32-le", "utf-32-le")]
    {
        let message = format!("the encoding `{name}` is not supported\n{iconv}");
        refused(json!({"encoding": encoding}), &csv("encoding", &message));
    }
    let header = "a column of a table has one name, it cannot have one from each of several rows";
    refused(json!({"header": [0, 1]}), &unsupported("header", header));
    let combined = "several columns are not combined to one date; name each column that holds dates";
    refused(json!({"parse_dates": [["a", "b"]]}), &unsupported("parse_dates", combined));
    refused(json!({"parse_dates": {"c": ["a", "b"]}}), &unsupported("parse_dates", combined));
    let dates = "`datetime64[ns]` is no type to be read, for dates are written in many ways\nname the column in \
                 `parse_dates` instead";
    refused(json!({"dtype": {"a": "datetime64[ns]"}}), &csv("dtype", dates));
    let complex = "tables hold no columns of type `complex128`\nread it as `str`";
    refused(json!({"dtype": "complex128"}), &csv("dtype", complex));
}

#[test]
fn arguments_that_do_not_go_together() {
    let csv = |message: &str| format!("`palladium.dataset.CSV`: {message}");
    let names = |further: Json| {
        let mut all = json!({"names": ["alpha", "beta", "gamma"]});
        all.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        all
    };
    refused(json!({"path": ""}), &csv("`path` is empty, the name of a file is needed"));
    let empty = "`names` is empty\nhelp: leave it out to take the names from the header row, or give one name for \
                 each column";
    refused(json!({"names": []}), &csv(empty));
    refused(json!({"names": ["a", ""]}), &csv("name 2 of `names` is empty"));
    refused(json!({"names": ["a", "b", "a"]}), &csv("`names` has `a` twice"));
    refused(json!({"names": ["1", 1]}), &csv("`names` has `1` twice"));
    let empty = "`usecols` is empty, so that no column is read\nhelp: leave it out to read all columns";
    refused(json!({"usecols": []}), &csv(empty));
    refused(json!({"usecols": ["a", "a"]}), &csv("`usecols` has `a` twice"));
    refused(json!({"usecols": [1, 2, 1]}), &csv("`usecols` has position 1 twice"));
    refused(names(json!({"usecols": ["delta"]})), &csv("`delta` of `usecols` is not among `names`"));
    let unknown = "`alhpa` of `target_column` is not among `names`\nhelp: did you mean `alpha`?";
    refused(names(json!({"target_column": "alhpa"})), &csv(unknown));
    refused(names(json!({"target_column": 0})), &csv("`0` of `target_column` is not among `names`"));
    for (option, columns) in
        [("dtype", json!({"delta": "str"})), ("parse_dates", json!(["delta"])), ("index_col", json!("delta"))]
    {
        refused(names(json!({option: columns})), &csv(&format!("`delta` of `{option}` is not among `names`")));
    }
    refused(
        json!({"index_col": ["b", "a"], "target_column": "a"}),
        &csv("`index_col` makes the target `a` a label of the rows\nhelp: leave it out of `index_col`"),
    );
    refused(
        json!({"skipfooter": 1, "nrows": 2}),
        &csv("`skipfooter` and `nrows` do not go together: with `nrows` the end of the file is not read"),
    );
    refused(
        json!({"quotechar": null}),
        &csv(
            "`quotechar` is null, while quotes have a meaning\nhelp: say `quoting: \"QUOTE_NONE\"` where no field is \
             quoted",
        ),
    );
    for (arguments, first, second, character) in [
        (json!({"sep": "\""}), "quotechar", "sep", "\""),
        (json!({"sep": "#", "comment": "#"}), "comment", "sep", "#"),
        (json!({"quotechar": "'", "comment": "'"}), "comment", "quotechar", "'"),
        (json!({"decimal": ",", "thousands": ","}), "thousands", "decimal", ","),
    ] {
        refused(arguments, &csv(&format!("`{first}` and `{second}` are the same character, `{character}`")));
    }
    let unknown = "`bet` of `na_values` is not among `names`\nhelp: did you mean `beta`?";
    refused(names(json!({"na_values": {"bet": ["?"]}})), &csv(unknown));
    let left_out = |target: &str| {
        csv(&format!(
            "`usecols` leaves out the target `{target}`\nhelp: add it, the target is one of the columns to read"
        ))
    };
    refused(json!({"usecols": ["a"], "target_column": "b"}), &left_out("b"));
    refused(names(json!({"usecols": [0, 1], "target_column": "gamma"})), &left_out("gamma"));
    refused(json!({"usecols": [0, 1], "target_column": 2, "header": null}), &left_out("2"));
}

#[test]
fn paths_that_lead_to_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap().to_owned();
    std::fs::write(folder.path().join("iris.data"), "a\n1\n").unwrap();
    let check = |path: &Path, expected: &str| {
        let error = load_file("palladium.dataset.CSV", path, &json!({})).unwrap_err();
        assert_eq!(error.replace(&root, "ROOT"), expected);
    };
    check(&folder.path().join("irs.data"), "there is no file `ROOT/irs.data`\nhelp: did you mean `ROOT/iris.data`?");
    check(&folder.path().join("other"), "there is no file `ROOT/other`\nhelp: check `path`");
    check(
        &folder.path().join("x/iris.data"),
        "there is no file `ROOT/x/iris.data`\nhelp: there is no folder `ROOT/x` either",
    );
    check(&folder.path().join("iris.data/x"), "cannot read `ROOT/iris.data/x`");
    let here = std::env::current_dir().unwrap();
    let relative = format!(
        "there is no file `other.toml`\nhelp: the only file of this kind there is `Cargo.toml`; the path counts from the \
         folder that the command runs in, `{}`; `${{here}}/other.toml` counts from the configuration file",
        here.display()
    );
    check(Path::new("other.toml"), &relative);
    check(Path::new("Cargo.tom"), "there is no file `Cargo.tom`\nhelp: did you mean `Cargo.toml`?");
}

#[test]
fn files_that_are_not_tables() {
    let empty = "`data.csv` is empty: it holds no row that is not blank or skipped\nhelp: check `path` and `skiprows`";
    fails("", json!({}), empty);
    fails("\u{feff}\n \n\n", json!({}), empty);
    fails("a\n1\n", json!({"skiprows": 2}), empty);
    fails("", json!({"header": null}), empty);
    fails("a\n1\n", json!({"names": ["a"], "skiprows": [0, 1]}), empty);
    let counts = "help: `header` counts rows from 0, skipped and blank lines left out";
    fails(
        "a\n\n",
        json!({"header": 3}),
        &format!("`data.csv` has no row 3 to take the column names from: it has 1 row\n{counts}"),
    );
    fails(
        "a\nb\n",
        json!({"header": 2}),
        &format!("`data.csv` has no row 2 to take the column names from: it has 2 rows\n{counts}"),
    );
    let quote = "help: close it with another `\"`; a quote within quotes is written as two";
    fails(
        "a,b\n\"1\n\",\"x\n2,3\n",
        json!({}),
        &format!("`data.csv`, line 3: the quote that opens field 2 is never closed\n{quote}"),
    );
}

#[test]
fn rows_with_too_many_fields() {
    let correct = "help: correct the row; a field that holds the separator stands in quotes, and `skiprows` leaves \
                   lines out";
    let cases = [
        ("a,b\n1,2\n1,2,3\n", json!({}), "line 3: the row has 3 fields, where 2 are expected", correct),
        ("a,b\n1,2,\n", json!({}), "line 2: the row has 3 fields, where 2 are expected", correct),
        ("a\n1,2\n", json!({}), "line 2: the row has 2 fields, where 1 is expected", correct),
        // Lines are those of an editor, whatever is skipped, blank or quoted.
        (
            "x\r\n\r\na,b\r\n\"1\r\n\",2\r\n1,2,3\r\n",
            json!({"skiprows": 1}),
            "line 6: the row has 3 fields, where 2 are expected",
            correct,
        ),
        (
            "a,b\r\"1\n\r\",2\r1,2,3\r",
            json!({"usecols": ["a"]}),
            "line 5: the row has 3 fields, where 2 are expected",
            correct,
        ),
    ];
    for (text, arguments, expected, help) in cases {
        fails(text, arguments, &format!("`data.csv`, {expected}\n{help}"));
    }
}

#[test]
fn text_that_is_not_utf8() {
    let save = "help: say with `encoding` how the file is encoded, for instance `cp1252`";
    let cases: [(&[u8], &str); 4] = [
        (b"a,b\n\"x\ny\",gr\xfcn\n", "line 3: field 2 is not UTF-8 text"),
        (b"gr\xfcn\n1\n", "line 1: field 1 is not UTF-8 text"),
        // Two halves of one character in two fields.
        (b"a,b\n1,2\n\xc3,\xa9\n", "line 3: field 1 is not UTF-8 text"),
        (b"\xff\xfea\0\n\0", "line 1: field 1 is not UTF-8 text"),
    ];
    for (content, expected) in cases {
        fails(content, json!({}), &format!("`data.csv`, {expected}\n{save}"));
    }
    // What is skipped is not looked at.
    let dataset = load(b"gr\xfcn\na\n1\n", &json!({"skiprows": 1})).unwrap();
    assert_eq!(show(&dataset.features), json!([{"name": "a", "type": "int", "values": [1]}]));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv.gz");
    std::fs::write(&path, b"\x1f\x8b\x08\x00\x00").unwrap();
    let error = load_file("palladium.dataset.CSV", &path, &json!({})).unwrap_err();
    assert!(error.starts_with("`"), "{error}");
    let error = load_file("palladium.dataset.CSV", &path, &json!({"compression": null})).unwrap_err();
    assert!(error.ends_with("\nhelp: the file seems to be compressed: leave `compression` out, or say how"), "{error}");
}

#[test]
fn columns_that_are_not_there() {
    let cases = [
        (
            "alpha,beta\n1,2\n",
            json!({"target_column": "bta"}),
            "`data.csv` has no column `bta` for the target; there are `alpha`, `beta`\nhelp: did you mean `beta`?",
        ),
        (
            "alpha;beta\n1;2\n",
            json!({"target_column": "beta"}),
            "`data.csv` has no column `beta` for the target; there are `alpha;beta`\nhelp: is `sep` the character that \
             separates the fields of this file?",
        ),
        (
            "1,2\n",
            json!({"target_column": 4, "header": null}),
            "`data.csv` has no column `4` for the target; there are `0`, `1`",
        ),
        (
            "alpha,beta\n1,2\n",
            json!({"target_column": "beta", "usecols": [0]}),
            "`usecols` leaves out the target `beta` of `data.csv`; it chooses `alpha`\nhelp: add it to `usecols`",
        ),
        (
            "alpha,beta\n1,2\n",
            json!({"usecols": ["alpha", "gamma"]}),
            "`data.csv` has no column `gamma`, which `usecols` names; there are `alpha`, `beta`",
        ),
        (
            "alpha,beta\n1,2\n",
            json!({"na_values": {"alpah": ["?"]}}),
            "`data.csv` has no column `alpah`, which `na_values` names; there are `alpha`, `beta`\nhelp: did you mean \
             `alpha`?",
        ),
        (
            "alpha,beta\n1,2\n",
            json!({"dtype": {"alpah": "str"}}),
            "`data.csv` has no column `alpah`, which `dtype` names; there are `alpha`, `beta`\nhelp: did you mean \
             `alpha`?",
        ),
        (
            "alpha,beta\n1,2\n",
            json!({"index_col": 2}),
            "`data.csv`, line 1: the row has 2 fields, `index_col` has position 2\nhelp: positions count from 0",
        ),
        (
            "alpha,beta\n1,2\n",
            json!({"index_col": 1, "target_column": "beta"}),
            "`index_col` makes the target `beta` of `data.csv` a label of the rows, which the table leaves out\nhelp: \
             leave it out of `index_col`",
        ),
        (
            "x\nalpha,beta\n1,2\n",
            json!({"usecols": [0, 2], "header": 1}),
            "`data.csv`, line 2: the row has 2 fields, `usecols` has position 2\nhelp: positions count from 0",
        ),
    ];
    for (text, arguments, expected) in cases {
        fails(text, arguments, expected);
    }
    let many: Vec<String> = (0..22).map(|number| number.to_string()).collect();
    let listed: Vec<String> = many.iter().take(20).map(|name| format!("`{name}`")).collect();
    fails(
        many.join(",") + "\n" + &many.join(","),
        json!({"target_column": "y"}),
        &format!("`data.csv` has no column `y` for the target; there are {}, and 2 more", listed.join(", ")),
    );
}

#[test]
fn names_that_do_not_fit_the_fields() {
    let names = "help: give one name for each field";
    let cases = [
        ("1,2,3\n", json!({"names": ["a", "b"]}), "line 1: the row has 3 fields, `names` has 2 entries", names),
        ("\n1,2\n", json!({"names": ["a", "b", "c"]}), "line 2: the row has 2 fields, `names` has 3 entries", names),
        (
            "x,y\n1,2\n",
            json!({"names": ["a"], "header": 0}),
            "line 1: the row has 2 fields, `names` has 1 entry",
            names,
        ),
        (
            "1,2,3\n",
            json!({"names": ["a", "b"], "usecols": ["a", "b"]}),
            "line 1: the row has 3 fields, `names` has 2 entries",
            names,
        ),
        (
            "1;2;3\n",
            json!({"names": ["a", "b", "c"]}),
            "line 1: the row has 1 field, `names` has 3 entries",
            "help: is `sep` the character that separates the fields of this file?",
        ),
    ];
    for (text, arguments, expected, help) in cases {
        fails(text, arguments, &format!("`data.csv`, {expected}\n{help}"));
    }
}

#[test]
fn cells_of_another_type() {
    let correct = "help: correct the cell, or add its text to `na_values` if it means a missing value";
    let put = "help: put a value into the cell, or choose a type that may be missing, such as Int64, boolean or float";
    let cases = [
        (json!({"dtype": {"b": "int64"}}), "holds `x`, where `dtype` int64 needs a whole number", correct),
        (json!({"dtype": "Int64"}), "holds `x`, where `dtype` Int64 needs a whole number", correct),
        (
            json!({"dtype": {"b": "int8"}}),
            "holds `x`, where `dtype` int8 needs a whole number from -128 to 127",
            correct,
        ),
        (json!({"dtype": {"b": "float"}}), "holds `x`, where `dtype` float needs a number", correct),
        (json!({"dtype": {"b": "bool"}}), "holds `x`, where `dtype` bool needs a flag, 0 or 1", correct),
        (json!({"dtype": {"b": "date"}}), "holds `x`, where `dtype` date needs a date", correct),
        (json!({"parse_dates": ["b"]}), "holds `x`, where `parse_dates` needs a date or a time", correct),
        (
            json!({"dtype": {"b": "int64"}, "na_values": "x"}),
            "has no value, where `dtype` int64 needs a whole number",
            put,
        ),
    ];
    for (arguments, expected, help) in cases {
        // The cell stands on the line after that where its row begins.
        fails("a,b\n\"1\n\",x\n", arguments, &format!("`data.csv`, line 3: column `b` {expected}\n{help}"));
    }
    fails(
        "a\n300\n",
        json!({"dtype": "int8"}),
        &format!(
            "`data.csv`, line 2: column `a` holds `300`, where `dtype` int8 needs a whole number from -128 to 127\n{correct}"
        ),
    );
    fails(
        "a\n1\ntrue\n0\n",
        json!({"dtype": "bool"}),
        &format!(
            "`data.csv`, line 3: column `a` holds `true`, where `dtype` bool needs 0 or 1, as in other cells, or words in \
             all of them\n{correct}"
        ),
    );
    fails(
        "a\n2024-01-31T10:00Z\n2024-01-31\n",
        json!({"parse_dates": ["a"]}),
        "`data.csv`, line 3: column `a` holds `2024-01-31`, which has no time zone, where the dates before it have a time \
         zone\nhelp: write all of them alike, leave the column out of `parse_dates`, or convert it by `converters`",
    );
    let late = format!("b,a\n{}\"1\n2\",2024-01-31T10:00Z\n", "x,NA\ny,2024-01-31\n".repeat(20_000));
    fails(
        late,
        json!({"parse_dates": ["a"]}),
        "`data.csv`, line 40002: column `a` holds `2024-01-31T10:00Z`, which has a time zone, where the dates before it \
         have no time zone\nhelp: write all of them alike, leave the column out of `parse_dates`, or convert it by \
         `converters`",
    );
    fails(
        "a\n2024-01-31T10:00Z\n",
        json!({"dtype": "timestamp"}),
        &format!(
            "`data.csv`, line 2: column `a` holds `2024-01-31T10:00Z`, where `dtype` timestamp needs a date or a time \
             without a time zone\n{correct}"
        ),
    );
}

#[test]
fn no_rows_still_have_columns() {
    let data = load("a,b\n1,x\n2.5,y\n", &json!({"nrows": 0, "target_column": "b"})).unwrap();
    assert_eq!((data.n_rows(), data.target.unwrap().name.as_str()), (0, "b"));
    assert_eq!(show(&data.features), json!([{"name": "a", "type": "int", "values": []}]));
}

#[test]
fn only_null_means_no_target() {
    let target = |arguments: Json| {
        let dataset = load("1,x,2.5\n3,y,4.5\n", &arguments).unwrap();
        (dataset.target.map(|column| column.name), dataset.features.names().map(str::to_owned).collect::<Vec<_>>())
    };
    assert_eq!(target(json!({"header": null, "target_column": 0})), (Some("0".into()), vec!["1".into(), "2".into()]));
    assert_eq!(target(json!({"header": null, "target_column": "1"})), (Some("1".into()), vec!["0".into(), "2".into()]));
    assert_eq!(target(json!({"names": [7, "b", "c"], "target_column": 7})).0, Some("7".into()));
    assert_eq!(target(json!({"header": null, "target_column": null})).0, None);
    assert_eq!(
        target(json!({"header": null, "target_column": 2, "usecols": [2, 0]})),
        (Some("2".into()), vec!["0".into()])
    );
}

#[test]
fn the_old_name_separates_by_tabs() {
    let expected =
        json!([{"name": "a", "type": "int", "values": [1]}, {"name": "b,c", "type": "text", "values": ["x,y"]}]);
    let table = load_with("palladium.dataset.Table", "a\tb,c\n1\tx,y\n", &json!({})).unwrap();
    assert_eq!(show(&table.features), expected);
    let table = load_with("palladium.dataset.Table", "a;b,c\n1;x,y\n", &json!({"sep": ";"})).unwrap();
    assert_eq!(show(&table.features), expected);
}

#[test]
fn whole_numbers_beyond_64_bits_are_numbers() {
    let dataset = load("a,b\n1,-1\n9223372036854775808,-9223372036854775809\n", &json!({})).unwrap();
    let expected = json!([
        {"name": "a", "type": "float", "values": [1.0, 9_223_372_036_854_775_808.0]},
        {"name": "b", "type": "float", "values": [-1.0, -9_223_372_036_854_775_808.0]},
    ]);
    assert_eq!(show(&dataset.features), expected);
}
