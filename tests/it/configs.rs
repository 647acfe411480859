//! Every example below `configs` runs, and its RON and Rhai twins are one configuration.

use std::path::{Path, PathBuf};

use crate::process::{iris, palladium, repository, succeed, text};

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

/// Returns the files below `configs` in RON, each of which has a twin in Rhai.
fn examples() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(repository().join("configs")).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.filter(|path| path.is_dir()).flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ron"));
    files.sort();
    files
}

#[test]
fn twins_are_one_configuration() {
    let examples = examples();
    assert!(examples.len() > 9);
    for ron in examples {
        let folder = ron.parent().unwrap();
        let config = |file: &Path| -> serde_json::Value {
            let printed = succeed(folder, &["config", "--format", "json", "--config", file.to_str().unwrap()]);
            serde_json::from_str(&printed).unwrap()
        };
        let rhai = ron.with_extension("rhai");
        assert!(rhai.exists(), "{} needs a twin", ron.display());
        assert_eq!(config(&ron), config(&rhai), "{}", ron.display());
        // A layer is checked over what it is a layer of.
        let whole = match ron.file_name().is_some_and(|name| name == "config.ron") {
            true => ron.display().to_string(),
            false => format!("{},{}", repository().join("configs/iris/config.ron").display(), ron.display()),
        };
        succeed(folder, &["check", "--config", &whole]);
    }
}

/// The layers of `configs/stores`, with the variable that names their server, if they have one.
const STORES: &[(&str, Option<&str>)] = &[
    ("sqlite", None),
    ("files", None),
    ("objects", None),
    ("postgresql", Some("PALLADIUM_TEST_POSTGRES")),
    ("mysql", Some("PALLADIUM_TEST_MYSQL")),
    ("web", Some("PALLADIUM_TEST_HTTP")),
    ("s3", Some("PALLADIUM_TEST_S3")),
    ("azure", Some("PALLADIUM_TEST_AZURE")),
];

/// Returns what a layer takes from the environment for a server of the tests; nothing where there is none.
#[expect(clippy::print_stdout, reason = "whoever reads the output needs to know what was not tested")]
fn variables(store: &str, server: Option<&str>) -> Option<Vec<(&'static str, String)>> {
    let Some(variable) = server else { return Some(Vec::new()) };
    let Some(url) = std::env::var(variable).ok().filter(|url| !url.is_empty()) else {
        let all = std::env::var("PALLADIUM_TEST_SERVERS").is_ok_and(|which| which == "all");
        assert!(!all, "`PALLADIUM_TEST_SERVERS` asks for all servers, and `{variable}` is missing");
        println!("left out: `{variable}` names no server");
        return None;
    };
    let password = |password: &str| ("STORE_PASSWORD", password.to_owned());
    Some(match store {
        "postgresql" | "mysql" => {
            let host = url.split_once('@').unwrap().1.split_once('/').unwrap().0;
            vec![("STORE_HOST", host.to_owned()), password("test-password")]
        }
        "s3" => vec![("STORE_URL", url), ("STORE_USER", "test".to_owned()), password("test")],
        _ => vec![("STORE_URL", url), password("test-password")],
    })
}

#[test]
fn models_are_kept_in_every_store() {
    for (store, server) in STORES {
        let Some(variables) = variables(store, *server) else { continue };
        let folder = iris();
        for language in ["ron", "rhai"] {
            let name = format!("{store}.{language}");
            std::fs::copy(repository().join("configs/stores").join(&name), folder.path().join(&name)).unwrap();
        }
        let run = |language: &str, arguments: &[&str]| {
            let files = format!("config.{language},{store}.{language}");
            let output = palladium(folder.path())
                .args(arguments)
                .args(["--config", &files])
                .envs(variables.iter().cloned())
                .output()
                .unwrap();
            assert!(output.status.success(), "{store} {arguments:?}: {}", text(&output.stderr));
            text(&output.stdout)
        };
        let active = |language: &str| -> u64 {
            let listing: serde_json::Value = serde_json::from_str(&run(language, &["list"])).unwrap();
            let versions: Vec<_> =
                listing["models"].as_array().unwrap().iter().map(|model| &model["version"]).collect();
            let active = listing["properties"]["active-model"].as_str().unwrap().parse().unwrap();
            assert!(versions.contains(&&serde_json::json!(active)), "{store}: {listing}");
            active
        };
        run("ron", &["fit"]);
        let first = active("ron");
        run("rhai", &["fit"]);
        assert_eq!(active("rhai"), first + 1, "{store}: both languages name the same store");
        run("ron", &["admin", "attach", &first.to_string(), "config.ron"]);
        run("ron", &["admin", "activate", "--previous"]);
        assert_eq!(active("rhai"), first, "{store}");
        assert_eq!(run("rhai", &["test"]), "score: 0.98\n", "{store}");
        run("rhai", &["admin", "delete", &first.to_string(), "--force"]);
        assert!(run("ron", &["admin", "verify"]).ends_with(": ok\n"), "{store}");
    }
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
