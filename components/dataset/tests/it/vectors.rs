//! What pandas makes of small files; `scripts/vectors/read_csv.py` writes the cases.

use serde_json::Value as Json;

use crate::harness::{load, show};

#[test]
fn agrees_with_pandas() {
    let vectors: Json = serde_json::from_str(include_str!("../vectors/csv.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() > 250);
    let wrong: Vec<String> = cases.iter().filter_map(|case| disagreement(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn disagreement(case: &Json) -> Result<(), String> {
    let content = match case["text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => hex::decode(case["base16"].as_str().unwrap()).unwrap(),
    };
    let loaded = load(content, &case["options"]);
    match (loaded, case.get("columns")) {
        (Err(_), None) => Ok(()),
        (Ok(dataset), Some(expected)) => {
            let found = show(&dataset.features);
            match is_near(&found, expected) {
                true => Ok(()),
                false => Err(format!("{}\n   found {found}\n  pandas {expected}", case["name"])),
            }
        }
        (Ok(_), None) => Err(format!("{}: pandas refuses it with {}", case["name"], case["error"])),
        (Err(error), Some(_)) => Err(format!("{}: {error}", case["name"])),
    }
}

/// Tells whether two trees are equal, numbers but for the last digit, which pandas does not always get right.
fn is_near(found: &Json, expected: &Json) -> bool {
    match (found, expected) {
        (Json::Array(found), Json::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| is_near(a, b))
        }
        (Json::Object(found), Json::Object(expected)) => {
            found.len() == expected.len() && found.iter().all(|(key, value)| is_near(value, &expected[key]))
        }
        (Json::Number(found), Json::Number(expected)) if found.is_f64() && expected.is_f64() => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            (found - expected).abs() <= expected.abs() * f64::EPSILON
        }
        _ => found == expected,
    }
}
