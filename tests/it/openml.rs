//! Data sets of OpenML, as commands use them: from a server that answers as OpenML once did, and then without it.

use crate::data::example;
use crate::process::{palladium, repository, text};

#[allow(dead_code, reason = "the tests of the loader have it answer in more ways")]
#[path = "../../components/dataset/src/openml/replay.rs"]
mod replay;

use replay::Replay;

#[test]
fn a_data_set_is_downloaded_once_and_fitted() {
    let replay = Replay::start();
    let recorded =
        |name: &str| std::fs::read_to_string(repository().join("components/dataset/tests/openml").join(name)).unwrap();
    let list = "/data/list/data_name/iris/limit/2/data_version/1";
    for (path, file) in
        [(list, "iris_list.json"), ("/data/61", "iris.json"), ("/data/v1/download/61/iris.arff", "iris.arff")]
    {
        replay.says(path, 200, &recorded(file));
    }
    let folder = example();
    let run = |language: &str, arguments: &[&str]| {
        let files = format!("config.{language},data/openml.{language}");
        let mut command = palladium(folder.path());
        command.args(arguments).args(["--config", &files]).env("OPENML_URL", &replay.url);
        command.env("XDG_CACHE_HOME", folder.path().join("caches")).env("NO_PROXY", "127.0.0.1");
        command.output().unwrap()
    };
    let first = run("ron", &["fit", "--evaluate"]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let printed = text(&first.stdout);
    assert!(printed.starts_with("train score: 0.9") && printed.contains("\ntest score: "), "{printed}");
    assert_eq!(replay.asked().len(), 3, "the second loader uses what the first one downloaded");

    replay.says(list, 503, "");
    let second = run("rhai", &["test"]);
    assert!(second.status.success(), "{}", text(&second.stderr));
    assert_eq!(replay.asked().len(), 3, "nobody is asked again");

    let anew =
        ["fit", "--set", "dataset_loader_train.impl.cache=false", "--set", "dataset_loader_train.impl.delay=0.0"];
    let third = run("ron", &anew);
    let said = text(&third.stderr);
    assert!(!third.status.success() && said.contains("answered 503"), "{said}");
}
