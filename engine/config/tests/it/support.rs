//! Folders with files, and the same tree written in both languages.

use std::fs;
use std::path::Path;

use palladium_config::{Config, Request, load};
use palladium_value::{Diagnostics, Span, Value};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// A folder with files in it.
pub struct Folder {
    pub directory: TempDir,
    /// What is set in the environment.
    pub environment: Vec<(String, String)>,
    /// The entries that the program adds.
    pub extra: Vec<(String, Value)>,
}

impl Folder {
    pub fn new(files: &[(&str, &str)]) -> Folder {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Folder { directory, environment: Vec::new(), extra: Vec::new() }
    }

    pub fn with_variable(mut self, name: &str, value: &str) -> Folder {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn load(&self, files: Option<&str>) -> Result<Config, Diagnostics> {
        load(&Request {
            files: files.map(str::to_owned),
            extra: self.extra.clone(),
            directory: self.path().to_owned(),
            environment: self.environment.iter().cloned().collect(),
            ..Request::default()
        })
    }
}

/// Loads texts as files of one language, in this order.
pub fn load_texts(extension: &str, texts: &[&str]) -> Result<Config, Diagnostics> {
    let names: Vec<String> = (0..texts.len()).map(|index| format!("{index}.{extension}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().copied()).collect();
    Folder::new(&files).load((!names.is_empty()).then(|| names.join(",")).as_deref())
}

/// Loads one RON text.
pub fn ron(text: &str) -> Result<Config, Diagnostics> {
    load_texts("ron", &[text])
}

/// Loads one Rhai text.
pub fn rhai(text: &str) -> Result<Config, Diagnostics> {
    load_texts("rhai", &[text])
}

/// Loads files given as JSON, written in both languages, and returns what both agree on.
pub fn in_both(files: &[Json]) -> Result<Json, Vec<String>> {
    let result = |extension: &str, write: &dyn Fn(&Json) -> String| {
        let texts: Vec<String> = files.iter().map(write).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        load_texts(extension, &texts).map(|config| config.root().to_json()).map_err(|all| codes(&all))
    };
    let (from_ron, from_rhai) = (result("ron", &to_ron), result("rhai", &to_rhai));
    assert_eq!(from_ron, from_rhai, "RON and Rhai disagree about {files:?}");
    from_ron
}

/// Returns the codes of findings.
pub fn codes(findings: &Diagnostics) -> Vec<String> {
    findings.iter().map(|finding| finding.code.as_str().to_owned()).collect()
}

/// Turns JSON into a value that stands nowhere.
pub fn value(json: &Json) -> Value {
    Value::of_json(json, &Span::nowhere("test"))
}

/// Writes JSON as RON, `__factory__` and `!` as they are.
pub fn to_ron(json: &Json) -> String {
    write(
        json,
        false,
        &|text, is_script| if is_script { quoted(text) } else { quoted(&text.replace('$', "$$")) },
        ("{", "None"),
    )
}

/// Writes JSON as Rhai.
pub fn to_rhai(json: &Json) -> String {
    write(json, false, &|text, _| quoted(text), ("#{", "()"))
}

fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn write(json: &Json, is_script: bool, text: &dyn Fn(&str, bool) -> String, marks: (&str, &str)) -> String {
    match json {
        Json::Null => marks.1.to_owned(),
        Json::String(plain) => text(plain, is_script),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| write(item, false, text, marks)).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(map) => {
            let entry = |(key, json): (&String, &Json)| {
                format!("{}: {}", quoted(key), write(json, key == "__rhai__", text, marks))
            };
            format!("{}{}}}", marks.0, map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
