//! The cases of `tests/vectors/config.json`, as RON and as Rhai, up to what is built from the tree.

use std::fs;

use serde_json::{Map, Value as Json, json};

use crate::support::{self, Folder};

/// Cases about the construction of components, which is not this crate's business.
const BUILT: [&str; 1] = ["unknown factory"];

#[test]
fn every_case_as_ron() {
    check("ron", &support::to_ron);
}

#[test]
fn every_case_as_rhai() {
    check("rhai", &support::to_rhai);
}

fn check(extension: &str, write: &dyn Fn(&Json) -> String) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/config.json");
    let cases: Vec<Json> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() >= 45);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        if BUILT.contains(&name) {
            continue;
        }
        let texts: Vec<String> = case["files"].as_array().unwrap().iter().map(write).collect();
        let names: Vec<String> = (0..texts.len()).map(|index| format!("{index}.{extension}")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
        let mut folder = Folder::new(&files);
        if let Some(extra) = case["extra"].as_object() {
            folder.extra = extra.iter().map(|(key, json)| (key.clone(), support::value(json))).collect();
        }
        let result = folder.load((!names.is_empty()).then(|| names.join(",")).as_deref());
        match (result, case.get("expect"), case.get("error")) {
            (Ok(config), Some(expected), None) => {
                let actual = expected_form(&config.root().to_json());
                assert_eq!(&actual, expected, "{name}");
                // The order counts as well, except where a script adds entries.
                if !texts.iter().any(|text| text.contains("__rhai__")) {
                    assert_eq!(actual.to_string(), expected.to_string(), "{name}");
                }
            }
            (Err(findings), None, Some(error)) => {
                assert_eq!(support::codes(&findings), [error["kind"].as_str().unwrap()], "{name}");
                for mention in error["mentions"].as_array().unwrap() {
                    assert!(findings.render(false).contains(mention.as_str().unwrap()), "{name}: {findings}");
                }
            }
            (result, ..) => panic!("{name}: {result:?}"),
        }
    }
}

/// Writes components as the cases do.
fn expected_form(json: &Json) -> Json {
    match json {
        Json::Array(items) => items.iter().map(expected_form).collect(),
        Json::Object(map) => {
            let arguments: Map<String, Json> = map
                .iter()
                .filter(|(key, _)| *key != "!")
                .map(|(key, json)| (key.clone(), expected_form(json)))
                .collect();
            match map.get("!").and_then(Json::as_str) {
                None | Some("dict") => Json::Object(arguments),
                Some(name) => json!({"$component": name, "kwargs": arguments}),
            }
        }
        other => other.clone(),
    }
}
