//! Which files are read, and what they see of their surroundings.

use std::fs;

use serde_json::json;

use crate::support::{Folder, codes, value};

#[test]
fn one_default_location_is_taken() {
    let folder =
        Folder::new(&[("etc/palladium-config.ron", "(a: \"${here}\")"), ("palladium-config.rhai", "#{b: here}")]);
    let config = folder.load(None).unwrap();
    assert_eq!(config.default_location(), Some("palladium-config.rhai"));
    let here = folder.path().canonicalize().unwrap();
    assert_eq!(config.root().to_json(), json!({"b": here}));
    assert_eq!(config.files(), [here.join("palladium-config.rhai")]);
}

#[test]
fn without_files_only_the_extra_entries_are_there() {
    let mut folder = Folder::new(&[]);
    folder.extra = vec![("__mode__".to_owned(), value(&json!("fit")))];
    let config = folder.load(None).unwrap();
    assert_eq!((config.root().to_json(), config.default_location()), (json!({"__mode__": "fit"}), None));
}

#[test]
fn files_see_and_replace_extra_entries() {
    let mut folder = Folder::new(&[("a.ron", "(two: \"2\", three: {\"__copy__\": \"one\"})")]);
    folder.extra = vec![("one".to_owned(), value(&json!(1))), ("two".to_owned(), value(&json!({"__copy__": "one"})))];
    assert_eq!(folder.load(Some("a.ron")).unwrap().root().to_json(), json!({"one": 1, "two": "2", "three": 1}));
}

#[test]
fn each_file_has_its_own_here() {
    let text = "(NAME: \"${here}/x\", env: \"${environ.ENV}\")";
    let folder = Folder::new(&[
        ("one/a.ron", &text.replace("NAME", "a")),
        ("two/b.ron", &text.replace("NAME", "b")),
        ("two/c.rhai", "#{c: here + \"/x\", env: environ.ENV}"),
    ])
    .with_variable("ENV", "value");
    let config = folder.load(Some(" one/a.ron, two/b.ron ,two/c.rhai,")).unwrap();
    let here = folder.path().canonicalize().unwrap();
    let expected = json!({"a": here.join("one/x"), "env": "value", "b": here.join("two/x"), "c": here.join("two/x")});
    assert_eq!(config.root().to_json(), expected);
    assert_eq!(config.files().len(), 3);
}

#[test]
fn what_is_not_a_readable_file_is_refused() {
    let folder = Folder::new(&[("directory.ron/x", ""), ("yaml.yaml", ""), ("none", "")]);
    fs::write(folder.path().join("latin.ron"), b"(a: \"\n\xe4\")").unwrap();
    let large = fs::File::create(folder.path().join("large.ron")).unwrap();
    large.set_len((16 << 20) + 1).unwrap();
    let cases = [
        ("directory.ron", "file_not_found"),
        ("yaml.yaml", "file_not_found"),
        ("none", "file_not_found"),
        ("missing.ron", "file_not_found"),
        ("no/such/directory.ron", "file_not_found"),
        ("latin.ron", "syntax"),
        ("large.ron", "too_large"),
    ];
    for (name, code) in cases {
        let findings = folder.load(Some(name)).unwrap_err();
        assert_eq!(codes(&findings), [code], "{name}");
        assert!(findings.to_string().contains(name), "{findings}");
    }
    assert_eq!(folder.load(Some("none,yaml.yaml")).unwrap_err().0.len(), 2);
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_not_opened() {
    let folder = Folder::new(&[]);
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.ron")).unwrap();
    let pipe = folder.path().join("pipe.ron");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for name in ["zero.ron", "pipe.ron"] {
        assert_eq!(codes(&folder.load(Some(name)).unwrap_err()), ["file_not_found"], "{name}");
    }
}

#[test]
fn every_file_is_read_before_the_findings_are_reported() {
    let folder = Folder::new(&[("a.ron", "(a: )"), ("b.rhai", "#{ b: }"), ("c.ron", "(c: \"${environ.NO}\")")]);
    let findings = folder.load(Some("a.ron,missing.ron,b.rhai,c.ron")).unwrap_err();
    let mut found = codes(&findings);
    found.sort();
    assert_eq!(found, ["file_not_found", "missing_env", "syntax", "syntax"]);
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let folder = Folder::new(&[("a.ron", "\u{feff}(a: 1)"), ("b.rhai", "\u{feff}#{b: 2}")]);
    assert_eq!(folder.load(Some("a.ron,b.rhai")).unwrap().root().to_json(), json!({"a": 1, "b": 2}));
}
