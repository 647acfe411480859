//! Projects that `palladium init` makes pass the check, fit and serve as they are.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::process::{Running, palladium, repository, succeed, text};

/// Fits a project and returns the answer of its service to the request that `init` suggested.
fn fit_and_ask(folder: &Path, printed: &str) -> serde_json::Value {
    assert!(succeed(folder, &["check", "--connect"]).contains("no findings"));
    let fitted = succeed(folder, &["fit", "--evaluate"]);
    assert!(fitted.ends_with("model version: 1 (active)\n"), "{fitted}");
    let score: f64 = fitted.lines().find_map(|line| line.strip_prefix("test score: ")).unwrap().parse().unwrap();
    assert!(score > 0.8, "{score}");
    let path = printed.lines().last().unwrap().split("5000").nth(1).unwrap().trim_end_matches('\'').to_owned();
    let mut command = palladium(folder);
    command.args(["serve", "--port", "0"]).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut process = Running(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().strip_prefix("listening on ").unwrap();
    let get = |path: &str| reqwest::blocking::get(format!("{base}{path}")).unwrap();
    let response = get(&path);
    assert_eq!(response.status(), 200);
    assert_eq!(get("/alive").status(), 200);
    response.json::<serde_json::Value>().unwrap()["result"].clone()
}

#[test]
fn the_iris_example_runs_in_both_languages() {
    for language in ["ron", "rhai"] {
        let folder = tempfile::tempdir().unwrap();
        let printed = succeed(folder.path(), &["init", "--language", language]);
        assert!(folder.path().join(format!("palladium-config.{language}")).exists());
        assert_eq!(fit_and_ask(folder.path(), &printed), "Iris-versicolor");
    }
}

#[test]
fn a_project_for_data_runs_in_both_languages() {
    for language in ["ron", "rhai"] {
        let folder = tempfile::tempdir().unwrap();
        let data = std::fs::read_to_string(repository().join("configs/iris/iris.data")).unwrap();
        let mut file = "sepal \"length\",${here},petal length,petal width,note,species\n".replace('"', "\"\"");
        file.insert(0, '"');
        file = file.replacen(",${here}", "\",${here}", 1);
        for (number, line) in data.lines().filter(|line| !line.is_empty()).enumerate() {
            let (features, species) = line.rsplit_once(',').unwrap();
            file.push_str(&format!("{features},\"note {number}, with comma\",{species}\n"));
        }
        std::fs::write(folder.path().join("flowers.csv"), &file).unwrap();
        let project = folder.path().join("a project");
        let arguments = ["init", "a project", "--data", "flowers.csv", "--target", "species", "--language", language];
        let printed = succeed(folder.path(), &arguments);
        assert!(printed.contains("column `note` is left out: text"), "{printed}");
        let config = std::fs::read_to_string(project.join(format!("palladium-config.{language}"))).unwrap();
        assert!(config.contains("// `note` is left out: text"), "{config}");
        assert_eq!(fit_and_ask(&project, &printed), "Iris-setosa");
        assert_eq!(std::fs::read_to_string(folder.path().join("flowers.csv")).unwrap(), file, "the data stay");

        let seeded = |seed: &str| {
            succeed(folder.path(), &[&arguments[..], &["--force", "--seed", seed]].concat());
            std::fs::read_to_string(project.join("test.csv")).unwrap()
        };
        assert_eq!(seeded("3"), seeded("3"));
        assert_ne!(seeded("3"), seeded("4"));
    }
}

#[test]
fn whole_numbers_are_classes_if_the_author_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..120).map(|row| format!("{},{}\n", row % 30 * 10, row % 30)).collect();
    std::fs::write(folder.path().join("data.csv"), format!("x,y\n{rows}")).unwrap();
    let arguments = ["init", "--data", "data.csv", "--target", "y"];
    let refused = palladium(folder.path()).args(arguments).output().unwrap();
    assert!(text(&refused.stderr).contains("--task classification"), "{}", text(&refused.stderr));
    assert!(!folder.path().join("train.csv").exists(), "nothing is written");
    succeed(folder.path(), &[&arguments[..], &["--task", "classification"]].concat());
    assert!(succeed(folder.path(), &["fit"]).contains("model version: 1"));
}

#[test]
fn text_in_another_encoding_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data.csv"), b"a,b\n1,x\n2,Stra\xdfe\n").unwrap();
    let refused = palladium(folder.path()).args(["init", "--data", "data.csv", "--target", "b"]).output().unwrap();
    let said = text(&refused.stderr);
    assert!(said.starts_with("error: `data.csv`, line 3: this is not UTF-8 text\n  help: save it as UTF-8"), "{said}");
}
