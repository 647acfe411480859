//! Every example below `configs` runs, and its RON and Rhai twins are one configuration.

use crate::process::{iris, repository, succeed};

#[test]
fn iris_fits_tests_and_lists_in_both_languages() {
    for file in ["config.ron", "config.rhai"] {
        let folder = iris();
        let elsewhere = tempfile::tempdir().unwrap();
        let config = folder.path().join(file).display().to_string();
        let run = |arguments: &[&str]| succeed(elsewhere.path(), &[arguments, &["--config", &config]].concat());

        assert_eq!(run(&["fit", "--evaluate"]), "train score: 0.95\ntest score: 0.98\nmodel version: 1 (active)\n");
        assert_eq!(run(&["fit", "--no-activate"]), "model version: 2 (not active)\n");
        assert_eq!(run(&["fit"]), "model version: 3 (active)\n");
        assert_eq!(run(&["test"]), "score: 0.98\n");
        assert_eq!(run(&["test", "--model-version", "1"]), "score: 0.98\n");

        let listing: serde_json::Value = serde_json::from_str(&run(&["list"])).unwrap();
        let versions: Vec<_> = listing["models"].as_array().unwrap().iter().map(|model| &model["version"]).collect();
        assert_eq!(versions, [1, 2, 3]);
        assert_eq!(listing["properties"]["active-model"], "3");
        assert_eq!(listing["models"][0]["score_test"], 0.98);
        assert_eq!(listing["models"][0]["score_train"], 0.95);
        assert!(elsewhere.path().read_dir().unwrap().next().is_none(), "paths of the example use `here`");
    }
}

#[test]
fn twins_are_one_configuration() {
    let mut count = 0;
    for folder in std::fs::read_dir(repository().join("configs")).unwrap() {
        let folder = folder.unwrap().path();
        let (ron, rhai) = (folder.join("config.ron"), folder.join("config.rhai"));
        if !folder.is_dir() {
            continue;
        }
        assert!(ron.exists() && rhai.exists(), "{} needs both languages", folder.display());
        let config = |file: &std::path::Path| -> serde_json::Value {
            let printed = succeed(&folder, &["config", "--format", "json", "--config", file.to_str().unwrap()]);
            serde_json::from_str(&printed).unwrap()
        };
        assert_eq!(config(&ron), config(&rhai), "{}", folder.display());
        succeed(&folder, &["check", "--config", ron.to_str().unwrap()]);
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn options_of_fit_have_their_effect() {
    let folder = iris();
    let config = folder.path().join("config.ron").display().to_string();
    let run = |arguments: &[&str]| succeed(folder.path(), &[arguments, &["--config", &config]].concat());
    assert_eq!(run(&["fit", "-n"]), "model not stored\n");
    assert_eq!(
        run(&["fit", "--save-if-better-than", "0.99"]),
        "train score: 0.95\ntest score: 0.98\nmodel not stored: its test score 0.98 is less than 0.99\n"
    );
    let listing: serde_json::Value = serde_json::from_str(&run(&["list"])).unwrap();
    assert_eq!(listing["models"], serde_json::json!([]));
    let stored = run(&["fit", "--save-if-better-than", "0.98"]);
    assert!(stored.ends_with("model version: 1 (active)\n"), "an equal score is good enough: {stored}");
}
