//! The iris example: what a project is without data of its own.

use crate::language::Language;
use crate::scaffold::File;

/// Returns the files of the example.
pub fn files(language: Language) -> Vec<File> {
    let config = match language {
        Language::Ron => include_str!("../../../configs/iris/config.ron"),
        Language::Rhai => include_str!("../../../configs/iris/config.rhai"),
    };
    vec![
        File { name: "iris.data", contents: include_bytes!("../../../configs/iris/iris.data").to_vec() },
        File { name: language.file(), contents: without_header(config).into_bytes() },
    ]
}

/// Returns a request for the service of the example.
pub fn request() -> String {
    "/predict?sepal%20length=6.3&sepal%20width=2.5&petal%20length=4.9&petal%20width=1.5".to_owned()
}

/// Replaces the comment at the top, which names the file as it lies in the repository.
fn without_header(config: &str) -> String {
    let body: Vec<&str> = config.lines().skip_while(|line| line.starts_with("//")).collect();
    format!(
        "// The iris example: CSV files, logistic regression, a SQLite store and a predict service.\n{}\n",
        body.join("\n")
    )
}
