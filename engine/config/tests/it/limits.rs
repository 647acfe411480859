//! Inputs that would cost too much end in a diagnostic.

use serde_json::{Value as Json, json};

use crate::support::{codes, in_both, load_texts};

#[test]
fn exponential_copies_are_refused() {
    let mut entries: Vec<(String, Json)> = vec![("k0".to_owned(), json!({"x": 1}))];
    for index in 1..64 {
        let copy = json!({"__copy__": format!("k{}", index - 1)});
        entries.push((format!("k{index}"), json!({"a": copy, "b": copy, "c": copy})));
    }
    let file = Json::Object(entries.into_iter().collect());
    assert_eq!(in_both(&[file]).unwrap_err(), ["too_large"]);
}

#[test]
fn trees_that_grow_deep_by_copying_are_refused() {
    let entry = |index: usize| (format!("k{index}"), json!({"x": {"__copy__": format!("k{}", index + 1)}}));
    let mut entries: Vec<(String, Json)> = (0..5_000).map(entry).collect();
    entries.push(("k5000".to_owned(), json!(1)));
    let file = Json::Object(entries.into_iter().collect());
    assert_eq!(in_both(&[file]).unwrap_err(), ["too_large"]);
}

#[test]
fn paths_through_many_copies_are_refused() {
    // Each path leads through the copy behind it, which leads through the next one.
    let entry = |index: usize| (format!("k{index}"), json!({"__copy__": format!("k{}.x", index + 1), "y": 1}));
    let mut entries: Vec<(String, Json)> = (0..100).map(entry).collect();
    entries.push(("k100".to_owned(), json!({"x": {"x": 1}})));
    let file = Json::Object(entries.into_iter().collect());
    let found = in_both(&[file]).unwrap_err();
    assert!(found.contains(&"too_large".to_owned()), "{found:?}");
}

#[test]
fn wide_files_load() {
    let entries: String = (0..10_000).map(|index| format!("\"key{index}\": {{\"x\": {index}}},\n")).collect();
    let copies: String =
        (0..1_000).map(|index| format!("\"copy{index}\": {{\"__copy__\": \"key{index}\"}},\n")).collect();
    let config = load_texts("ron", &[&format!("{{{entries}{copies}}}")]).unwrap();
    assert_eq!(config.root().as_map().unwrap().len(), 11_000);
    assert_eq!(config.root().get("copy999").unwrap().to_json(), json!({"x": 999}));
}

#[test]
fn files_that_nest_too_deeply_are_refused() {
    let deep = format!("(a: {}{})", "[".repeat(100), "]".repeat(100));
    assert_eq!(codes(&load_texts("ron", &[&deep]).unwrap_err()), ["too_large"]);
    let loop_text = "let a = []; for i in 0..200 { a = [a]; } #{ a: a }";
    assert_eq!(codes(&load_texts("rhai", &[loop_text]).unwrap_err()), ["too_large"]);
}

#[test]
fn very_many_mistakes_are_counted() {
    let entries: String =
        (0..3_000).map(|index| format!("\"key{index}\": {{\"__copy__\": \"kez{}\"}},\n", index + 1)).collect();
    let findings = load_texts("ron", &[&format!("{{{entries}}}")]).unwrap_err();
    assert_eq!(findings.0.len(), 1_001);
    assert_eq!(findings.0[1_000].message, "2000 more findings are not shown");
    // A nearer path is searched for some of them only, as that takes time.
    assert_eq!(findings.iter().filter(|finding| finding.help[0].starts_with("did you mean")).count(), 100);
}
