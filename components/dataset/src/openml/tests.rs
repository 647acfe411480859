use std::fs;
use std::path::Path;

use super::replay::{Answer, Replay};
use super::*;
use crate::testing::findings_alone;

const IRIS: &str = include_str!("../../tests/openml/iris.json");
const IRIS_LIST: &str = include_str!("../../tests/openml/iris_list.json");
const IRIS_SEVERAL: &str = include_str!("../../tests/openml/iris_several_list.json");
const IRIS_FILE: &str = include_str!("../../tests/openml/iris.arff");
const WINE: &str = include_str!("../../tests/openml/wine.json");
const WINE_LIST: &str = include_str!("../../tests/openml/wine_list.json");
const WINE_FILE: &str = include_str!("../../tests/openml/wine.arff");
const NONE: &str = include_str!("../../tests/openml/none.json");

const LIST: &str = "/api/v1/json/data/list/data_name";
const IRIS_PATH: &str = "/data/v1/download/61/iris.arff";
const WINE_PATH: &str = "/data/v1/download/4965268/wine.arff";

/// Starts a server that knows two data sets, one of which was deactivated.
fn recorded() -> Replay {
    let replay = Replay::start();
    replay.says(&format!("{LIST}/iris/limit/2/status/active"), 200, IRIS_LIST);
    replay.says(&format!("{LIST}/iris/limit/2/data_version/1"), 200, IRIS_LIST);
    replay.says("/api/v1/json/data/61", 200, IRIS);
    replay.says(IRIS_PATH, 200, IRIS_FILE);
    let wine = format!("{LIST}/wine-quality-red/limit/2");
    for path in ["status/active", "data_version/1", "data_version/9", "data_version/9/status/deactivated"] {
        replay.says(&format!("{wine}/{path}"), 412, NONE);
    }
    replay.says(&format!("{wine}/data_version/1/status/deactivated"), 200, WINE_LIST);
    replay.says("/api/v1/json/data/40691", 200, WINE);
    replay.says(WINE_PATH, 200, WINE_FILE);
    replay.says("/api/v1/json/data/7", 412, r#"{"error":{"code":"111","message":"Unknown dataset"}}"#);
    replay
}

fn loader(replay: &Replay, home: &Path) -> OpenMl {
    OpenMl {
        name: None,
        version: DataVersion::Active,
        data_id: None,
        target_column: Some(DEFAULT_TARGET.to_owned()),
        data_home: Some(home.join("openml")),
        cache: true,
        n_retries: 2,
        delay: 0.0,
        timeout: 30.0,
        max_size: Bytes(1 << 20),
        url: format!("{}/api/v1/json", replay.url),
    }
}

fn named(replay: &Replay, home: &Path, name: &str) -> OpenMl {
    OpenMl { name: Some(name.to_owned()), ..loader(replay, home) }
}

fn numbered(replay: &Replay, home: &Path, id: u32) -> OpenMl {
    OpenMl { data_id: Some(id), ..loader(replay, home) }
}

/// Returns what is wrong and why, as an operator reads it.
fn failure(loader: &OpenMl) -> String {
    let failure = loader.load().unwrap_err();
    let causes = palladium_component::value::with_causes(&failure);
    format!("{causes}; {}", failure.help().unwrap_or_default())
}

#[test]
fn a_data_set_is_found_by_its_name_its_version_and_its_number() {
    let replay = recorded();
    let home = || tempfile::tempdir().unwrap();
    let homes = [home(), home(), home()];
    let loaders = [
        named(&replay, homes[0].path(), "Iris"),
        OpenMl { version: DataVersion::Number(1), ..named(&replay, homes[1].path(), "iris") },
        numbered(&replay, homes[2].path(), 61),
    ];
    for loader in loaders {
        let data = loader.load().unwrap();
        let names: Vec<&str> = data.features.names().collect();
        assert_eq!(names, ["sepallength", "sepalwidth", "petallength", "petalwidth"]);
        let target = data.target().unwrap();
        assert_eq!((target.name.as_str(), target.kind(), data.n_rows()), ("class", ColumnType::Category, 150));
        assert_eq!(data.classes().unwrap().codes.len(), 150);
        assert_eq!(data.features.place(0).unwrap(), "version 1 of the data set `iris` (61), line 11");
    }
}

#[test]
fn what_was_downloaded_is_used_without_a_network_and_checked() {
    let (replay, home) = (recorded(), tempfile::tempdir().unwrap());
    let loader = named(&replay, home.path(), "iris");
    let first = loader.load().unwrap();
    assert_eq!(replay.asked().len(), 3, "{:?}", replay.asked());
    let offline = OpenMl { n_retries: 0, ..named(&replay, home.path(), "iris") };
    assert_eq!(offline.load().unwrap().to_table().unwrap(), first.to_table().unwrap());
    assert_eq!(replay.asked().len(), 3);

    let files = || fs::read_dir(home.path().join("openml")).unwrap().map(|file| file.unwrap().path());
    assert_eq!(files().count(), 3);
    for file in files() {
        fs::write(&file, "damaged").unwrap();
        assert_eq!(loader.load().unwrap().to_table().unwrap(), first.to_table().unwrap(), "{}", file.display());
    }
    assert_eq!(replay.asked().len(), 6);
    OpenMl { cache: false, ..named(&replay, home.path(), "iris") }.load().unwrap();
    assert_eq!(replay.asked().len(), 9, "nothing that is kept is used");
}

#[test]
fn ignored_columns_are_left_out_unless_they_are_the_target() {
    let (replay, home) = (recorded(), tempfile::tempdir().unwrap());
    let load = |target: Option<&str>| {
        let target_column = target.map(str::to_owned);
        let version = DataVersion::Number(1);
        let data = OpenMl { target_column, version, ..named(&replay, home.path(), "wine-quality-red") }.load().unwrap();
        let names: Vec<String> = data.features.names().map(str::to_owned).collect();
        (names.join(", "), data.target.map(|target| target.name))
    };
    let target = |name: &str| Some(name.to_owned());
    let all = "fixed acidity, alcohol, bottles, note";
    assert_eq!(load(Some(DEFAULT_TARGET)), (all.to_owned(), target("quality")));
    assert_eq!(load(Some("alcohol")), ("fixed acidity, bottles, note, quality".to_owned(), target("alcohol")));
    assert_eq!(load(Some("taster")), (format!("{all}, quality"), target("taster")));
    assert_eq!(load(None), (format!("{all}, quality"), None));
}

#[test]
fn unknown_data_sets_are_told_with_advice() {
    let (replay, home) = (recorded(), tempfile::tempdir().unwrap());
    replay.says(&format!("{LIST}/irsi/limit/2/status/active"), 412, NONE);
    let version = DataVersion::Number(9);
    let cases = [
        (named(&replay, home.path(), "irsi"), "OpenML has no active data set `irsi`"),
        (named(&replay, home.path(), "wine-quality-red"), "OpenML has no active data set `wine-quality-red`"),
        (
            OpenMl { version, ..named(&replay, home.path(), "wine-quality-red") },
            "OpenML has no version 9 of a data set `wine-quality-red`",
        ),
        (numbered(&replay, home.path(), 7), "OpenML has no data set with the number 7"),
    ];
    for (loader, expected) in cases {
        let failure = failure(&loader);
        assert!(failure.starts_with(expected) && failure.contains("https://www.openml.org/search"), "{failure}");
    }
    let several = Replay::start();
    several.says(&format!("{LIST}/iris/limit/2/status/active"), 200, IRIS_SEVERAL);
    several.says("/api/v1/json/data/61", 200, IRIS);
    several.says(IRIS_PATH, 200, IRIS_FILE);
    let home = tempfile::tempdir().unwrap();
    assert_eq!(named(&several, home.path(), "iris").load().unwrap().n_rows(), 150, "the first one is taken");
}

#[test]
fn broken_answers_and_files_are_told() {
    let body = |text: &str| vec![Answer::Body(200, text.into())];
    let described = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json: serde_json::Value = serde_json::from_str(IRIS).unwrap();
        change(&mut json["data_set_description"]);
        json.to_string()
    };
    let unchecked = described(&|json| json["md5_checksum"] = "".into());
    let broken = IRIS_FILE.replace("5.2,2.7,3.9,1.4,Iris-versicolor", "5.2,2.7,3.9,1.4,Iris-versicolour");
    assert_ne!(broken, IRIS_FILE);
    let line = broken.lines().position(|line| line.contains("versicolour")).unwrap() + 1;
    let cases: Vec<(&str, Option<String>, Vec<Answer>, String)> = vec![
        (
            "another checksum",
            None,
            body("@relation x"),
            "the file of version 1 of the data set `iris` (61) has the MD5 checksum ".to_owned(),
        ),
        (
            "a broken row",
            Some(unchecked.clone()),
            body(&broken),
            format!("version 1 of the data set `iris` (61), line {line}, column 17: `Iris-versicolour` is no value of"),
        ),
        (
            "another format",
            Some(described(&|json| json["format"] = "Sparse_ARFF".into())),
            Vec::new(),
            "version 1 of the data set `iris` (61) has the format `Sparse_ARFF`, and only ARFF".to_owned(),
        ),
        (
            "several targets",
            Some(described(&|json| json["default_target_attribute"] = "class,petalwidth".into())),
            body(IRIS_FILE),
            "version 1 of the data set `iris` (61) has several targets: `class`, `petalwidth`; name one".to_owned(),
        ),
        (
            "an unknown target",
            Some(described(&|json| json["default_target_attribute"] = "klass".into())),
            body(IRIS_FILE),
            "version 1 of the data set `iris` (61) has no column `klass` for the target; there are `sepal".to_owned(),
        ),
        (
            "too large",
            None,
            vec![Answer::Body(200, vec![b'x'; (1 << 20) + 1])],
            format!("`{{url}}{IRIS_PATH}` answers with more than 1048576 bytes; raise `max_size`"),
        ),
        (
            "cut each time",
            None,
            vec![Answer::Cut(IRIS_FILE.as_bytes()[..1000].to_vec())],
            format!("`{{url}}{IRIS_PATH}` cannot be read: "),
        ),
        (
            "an error of the server",
            None,
            vec![Answer::Body(500, br#"{"error":{"code":"1","message":"out\u0007 of order"}}"#.to_vec())],
            format!("`{{url}}{IRIS_PATH}` answered 500 Internal Server Error: out of order; "),
        ),
        (
            "a redirect to somebody else",
            None,
            vec![Answer::Redirect("http://openml.org.example.com/iris.arff".to_owned())],
            format!("`{{url}}{IRIS_PATH}` leads to `http://openml.org.example.com/iris.arff`, which is no server of"),
        ),
        (
            "data that are said to be elsewhere",
            Some(described(&|json| json["url"] = "https://example.com/iris.arff".into())),
            Vec::new(),
            "`https://example.com/iris.arff` leads to `https://example.com/iris.arff`, which is no".to_owned(),
        ),
        (
            "no JSON",
            Some("<html>".to_owned()),
            Vec::new(),
            "the answer of `{url}/api/v1/json/data/61` is not understood: expected value at line 1".to_owned(),
        ),
        (
            "no description",
            Some("{}".to_owned()),
            Vec::new(),
            "the answer of `{url}/api/v1/json/data/61` is not understood: it has no `data_set_description.".to_owned(),
        ),
    ];
    for (case, description, file, expected) in cases {
        let (replay, home) = (recorded(), tempfile::tempdir().unwrap());
        if let Some(description) = description {
            replay.says("/api/v1/json/data/61", 200, &description);
        }
        if !file.is_empty() {
            replay.on(IRIS_PATH, &file);
        }
        let failure = failure(&numbered(&replay, home.path(), 61));
        assert!(failure.starts_with(&expected.replace("{url}", &replay.url)), "{case}: {failure}");
    }
}

#[test]
fn a_file_with_another_checksum_is_not_kept() {
    let (replay, home) = (recorded(), tempfile::tempdir().unwrap());
    replay.on(IRIS_PATH, &[Answer::Body(200, b"@relation x".to_vec()), Answer::Body(200, IRIS_FILE.into())]);
    let loader = numbered(&replay, home.path(), 61);
    assert!(failure(&loader).contains("OpenML says"));
    assert_eq!(fs::read_dir(home.path().join("openml")).unwrap().count(), 1, "the description alone");
    assert_eq!(loader.load().unwrap().n_rows(), 150);
}

#[test]
fn a_killed_connection_is_made_again_and_redirects_stay_within_the_server() {
    let (replay, home) = (recorded(), tempfile::tempdir().unwrap());
    let cut = Answer::Cut(IRIS_FILE.as_bytes()[..2000].to_vec());
    let elsewhere = Answer::Redirect(format!("{}/moved/iris.arff", replay.url));
    replay.on(IRIS_PATH, &[cut, Answer::Body(503, Vec::new()), elsewhere]);
    replay.says("/moved/iris.arff", 200, IRIS_FILE);
    assert_eq!(numbered(&replay, home.path(), 61).load().unwrap().n_rows(), 150);
    let asked = replay.asked();
    assert_eq!(asked[1..], [IRIS_PATH, IRIS_PATH, IRIS_PATH, "/moved/iris.arff"]);

    let (replay, home) = (recorded(), tempfile::tempdir().unwrap());
    replay.on(IRIS_PATH, &[Answer::Redirect(format!("{}{IRIS_PATH}", replay.url))]);
    let failure = failure(&numbered(&replay, home.path(), 61));
    assert!(failure.contains("it leads from one address to the next"), "{failure}");
}

#[test]
fn arguments_are_checked() {
    let text = |text: &str| Data::Text(text.into());
    let (name, id) = (("name", text("iris")), ("data_id", Data::Int(61)));
    let cases = [
        (vec![], "one of `name` and `data_id` is needed"),
        (vec![name.clone(), id.clone()], "`data_id` stands in the place of `name`: give one of them"),
        (vec![id.clone(), ("version", Data::Int(1))], "`data_id` is the number of one version already"),
        (
            vec![name.clone(), ("version", Data::Int(0))],
            "`version` of `palladium.dataset.OpenML` has to be a whole number",
        ),
        (vec![name.clone(), ("version", text("newest"))], "`version` of `palladium.dataset.OpenML` has to be a whole"),
        (vec![("name", text("a/b"))], "`name` is no name that a data set of OpenML has"),
        (vec![("name", text(" "))], "`name` is no name that a data set of OpenML has"),
        (vec![name.clone(), ("url", text("ftp://x"))], "`url` is no address on the web without a user"),
        (vec![name.clone(), ("url", text("https://a:b@x"))], "`url` is no address on the web without a user"),
        (vec![name.clone(), ("max_size", text("0"))], "`max_size` of `palladium.dataset.OpenML` has to be a number of"),
    ];
    for (arguments, expected) in cases {
        let found = findings_alone("palladium.dataset.OpenML", &arguments);
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
    for arguments in [vec![name], vec![id]] {
        assert!(findings_alone("palladium.dataset.OpenML", &arguments).is_empty());
    }
}

#[test]
fn only_a_version_that_is_named_never_changes() {
    let (replay, home) = (Replay::start(), tempfile::tempdir().unwrap());
    let version = DataVersion::Number(1);
    assert_eq!(named(&replay, home.path(), "iris").inputs().unwrap(), None);
    assert_eq!(numbered(&replay, home.path(), 61).inputs().unwrap(), Some(Vec::new()));
    let fixed = OpenMl { version, ..named(&replay, home.path(), "iris") };
    assert_eq!(fixed.inputs().unwrap(), Some(Vec::new()));
}
