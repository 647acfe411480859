//! `__rhai__`: what scripts change and what stays as it was.

use palladium_value::KeyPath;
use serde_json::{Value as Json, json};

use crate::support::{Folder, codes, in_both, ron};

fn check(files: &[Json], expected: Json) {
    let actual = in_both(files).unwrap_or_else(|codes| panic!("{files:?}: {codes:?}"));
    assert_eq!(actual.to_string(), expected.to_string(), "{files:?}");
}

#[test]
fn scripts_change_the_tree_in_place() {
    let cases = [
        (json!({"a": 1}), "C.a += 1; cfg[\"b\"] = config.a;", json!({"a": 2, "b": 2})),
        (json!({"a": 1, "b": 2}), "C.remove(\"a\");", json!({"b": 2})),
        (json!({"l": [1, 2]}), "C.l.push(3); C.l[0] = \"x\";", json!({"l": ["x", 2, 3]})),
        (json!({"l": [1, 2]}), "C.l.shift();", json!({"l": [2]})),
        (json!({"a": {"b": {"c": 1}}}), "C.a.b.c = #{z: 1, y: ()};", json!({"a": {"b": {"c": {"y": null, "z": 1}}}})),
        (json!({"a": {"x": 1}}), "C.b = C.a; C.b.x = 2;", json!({"a": {"x": 1}, "b": {"x": 2}})),
        (json!({"a": {"!": "test.A"}}), "C.a[\"!\"] = \"test.B\";", json!({"a": {"!": "test.B"}})),
        (json!({"a": 1}), "for key in C.keys() { C[key] = `${C[key]}!`; }", json!({"a": "1!"})),
        (json!({"a": 1}), "C.b = here.len() > 0 && !(\"NO\" in environ);", json!({"a": 1, "b": true})),
    ];
    for (mut file, script, expected) in cases {
        file["__rhai__"] = json!(script);
        check(&[file], expected);
    }
}

#[test]
fn children_run_before_their_parents_in_order() {
    let log = |name: &str| json!(format!("if \"log\" in C {{ C.log += \"{name}\"; }} else {{ C.log = \"{name}\"; }}"));
    check(
        &[json!({
            "__rhai__": log("r"),
            "b": {"__rhai__": log("b"), "x": {"__rhai__": log("x")}},
            "a": [{"__rhai__": log("0")}, {"__rhai__": log("1")}],
        })],
        json!({"b": {"x": {}}, "a": [{}, {}], "log": "xb01r"}),
    );
}

#[test]
fn a_later_file_replaces_the_script_of_an_earlier_one() {
    check(&[json!({"__rhai__": "C.a = 1;"}), json!({"__rhai__": "C.b = 2;"})], json!({"b": 2}));
    check(
        &[json!({"a": {"__rhai__": "C.a.n = 1;"}}), json!({"b": {"__copy__": "a"}})],
        json!({"a": {"n": 1}, "b": {}}),
    );
}

#[test]
fn directives_that_scripts_add_are_resolved() {
    check(
        &[json!({"a": {"x": 1}, "__rhai__": "C.b = #{\"__copy__\": \"a\", y: #{\"__factory__\": \"test.B\"}};"})],
        json!({"a": {"x": 1}, "b": {"x": 1, "y": {"!": "test.B"}}}),
    );
    let failing = [
        ("C.b = #{\"__copy__\": \"nope\"};", "copy_target_missing"),
        ("C.b = #{\"__factory__\": \"A\", \"!\": \"B\"};", "factory_ambiguous"),
        ("C[\"!\"] = \"A\";", "root_directive"),
        ("C.b = #{\"!\": \"\"};", "bad_arguments"),
        ("C.b = #{\"__rhai__\": \"\"};", "script_failed"),
        ("C.b = Fn(\"nope\");", "bad_arguments"),
        ("C = 5;", "not_a_map"),
        ("C.b = nope;", "script_failed"),
        ("C.b = ;", "script_failed"),
        ("C.b = environ.NO;", "missing_env"),
        ("loop {}", "script_failed"),
        ("let x = [C]; x[0].a = 1; throw x;", "script_failed"),
    ];
    for (script, code) in failing {
        assert_eq!(in_both(&[json!({"__rhai__": script})]).unwrap_err(), [code], "{script}");
    }
    assert_eq!(in_both(&[json!({"a": {"__rhai__": 5}})]).unwrap_err(), ["script_failed"]);
}

#[test]
fn unchanged_values_keep_their_places() {
    let text = "(\n  a: (x: 1, l: [1, 2]),\n  b: {\"__copy__\": \"a\"},\n  \"__rhai__\": \"C.a.x = 5; C.a.l.push(3); C.n = 1.0;\",\n)".replace("\"__rhai__\"", "__rhai__");
    let config = ron(&text).unwrap();
    let at = |path: &str| config.root().at(&KeyPath::parse(path)).unwrap();
    assert_eq!(at("a.l.1").span.text(), "2");
    assert_eq!(at("b.x").copied.as_ref().unwrap().by.text(), "\"__copy__\": \"a\"");
    assert_eq!(at("a.x").span.text(), at("n").span.text());
    assert!(at("a.l.2").span.text().starts_with("\"C.a.x"));
}

#[test]
fn errors_point_into_the_text_of_the_script() {
    for text in
        ["(__rhai__: \"let a = 1;\\nC.x = nope;\")", "(\n  __rhai__: r#\"\n    let a = 1;\n    C.x = nope;\n  \"#,\n)"]
    {
        let findings = ron(text).unwrap_err();
        assert_eq!(codes(&findings), ["script_failed"]);
        assert_eq!(findings.0[0].labels[0].span.text(), "nope", "{findings}");
    }
}

#[test]
fn scripts_find_modules_beside_their_file() {
    let folder =
        Folder::new(&[("sub/a.ron", "(__rhai__: \"import `m` as m; C.x = m::f();\")"), ("sub/m.rhai", "fn f() { 7 }")]);
    assert_eq!(folder.load(Some("sub/a.ron")).unwrap().root().to_json(), json!({"x": 7}));
}

#[test]
fn aliases_of_the_tree_do_not_lock_each_other() {
    let scripts = [
        "C.a = C; ",
        "C.a = [C, cfg];",
        "C.l = [1]; C.l.for_each(|| C.x = 1);",
        "let f = || C.y; C.y = 1; C.z = f.call();",
        "fn g(c) { c.q = 1; } g(C);",
    ];
    for script in scripts {
        // Whether it works or is an error: it comes back.
        let _ = in_both(&[json!({"__rhai__": script})]);
    }
}
