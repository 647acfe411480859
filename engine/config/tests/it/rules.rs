//! The rules of merging and copying, each as a row, in both languages.

use serde_json::{Value as Json, json};

use crate::support::{in_both, load_texts, ron};

fn check(files: &[Json], expected: Json) {
    let actual = in_both(files).unwrap_or_else(|codes| panic!("{files:?}: {codes:?}"));
    assert_eq!(actual.to_string(), expected.to_string(), "{files:?}");
}

fn check_codes(files: &[Json], expected: &[&str]) {
    assert_eq!(in_both(files).expect_err("an error"), expected, "{files:?}");
}

#[test]
fn later_files_replace_top_level_keys_in_place() {
    check(&[json!({"a": 1, "b": 2}), json!({"c": 3, "a": {"x": 1}})], json!({"a": {"x": 1}, "b": 2, "c": 3}));
    check(&[json!({"a": {"x": 1}}), json!({"a": {"y": 2}}), json!({})], json!({"a": {"y": 2}}));
}

#[test]
fn paths_are_followed_through_maps_only() {
    check_codes(&[json!({"a": [1, 2], "b": {"__copy__": "a.0"}})], &["copy_target_missing"]);
    check_codes(&[json!({"a": 1, "b": {"__copy__": "a.x"}})], &["copy_target_missing"]);
    check(&[json!({"a": [1], "b": {"__copy__": "a.0", "__default__": 7}})], json!({"a": [1], "b": 7}));
    check(
        &[json!({"a": {"b": [1, {"c": 2}]}, "x": {"__copy__": "a.b"}})],
        json!({"a": {"b": [1, {"c": 2}]}, "x": [1, {"c": 2}]}),
    );
}

#[test]
fn the_whole_path_stands_in_one_source() {
    // The newer file has `a` but no `a.y`: the earlier one is asked for the whole path.
    check(
        &[json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": 5}, "b": {"__copy__": "a.y"}, "c": {"__copy__": "a.x"}})],
        json!({"a": {"x": 5}, "b": 2, "c": 5}),
    );
}

#[test]
fn a_copy_keeps_its_value_when_its_target_is_replaced() {
    check(
        &[json!({"a": 1, "b": {"__copy__": "a"}}), json!({"a": 2}), json!({"c": {"__copy__": "b"}})],
        json!({"a": 2, "b": 1, "c": 1}),
    );
}

#[test]
fn self_reference_extends_the_earlier_entry() {
    check(
        &[json!({"a": {"x": 1}}), json!({"a": {"__copy__": "a", "y": 2}}), json!({"a": {"__copy__": "a", "z": 3}})],
        json!({"a": {"x": 1, "y": 2, "z": 3}}),
    );
    check(
        &[
            json!({"a": {"n": {"x": 1, "y": 1}, "k": 0}}),
            json!({"a": {"__copy__": "a", "n": {"__copy__": "a.n", "x": 5}}}),
        ],
        json!({"a": {"n": {"x": 5, "y": 1}, "k": 0}}),
    );
    check(&[json!({"a": {"__copy__": "a", "__default__": null}})], json!({"a": null}));
    check(&[json!({"a": {"__copy__": "a", "__default__": {"x": 1}, "y": 2}})], json!({"a": {"x": 1, "y": 2}}));
}

#[test]
fn overrides_lie_over_a_copy() {
    check(
        &[json!({"a": {"x": 1, "y": {"z": 1}}, "b": {"__copy__": "a", "y": null, "w": [1]}})],
        json!({"a": {"x": 1, "y": {"z": 1}}, "b": {"x": 1, "y": null, "w": [1]}}),
    );
    for key in ["!", "__factory__"] {
        check(
            &[json!({"b": {"__copy__": "a", key: "test.B", "x": 2}, "a": {"__factory__": "test.A", "x": 1}})],
            json!({"b": {"!": "test.B", "x": 2}, "a": {"!": "test.A", "x": 1}}),
        );
    }
    check_codes(&[json!({"a": [1], "b": {"__copy__": "a", "x": 1}})], &["copy_not_a_map"]);
    check_codes(&[json!({"b": {"__copy__": "a", "__default__": 1, "x": 1}})], &["copy_not_a_map"]);
}

#[test]
fn defaults_stand_in_for_missing_targets() {
    check(&[json!({"a": {"__copy__": "no", "__default__": {"x": 1}, "y": 2}})], json!({"a": {"x": 1, "y": 2}}));
    check(
        &[json!({"a": {"__copy__": "no", "__default__": {"__copy__": "b"}, "y": 2}, "b": {"x": 1}})],
        json!({"a": {"x": 1, "y": 2}, "b": {"x": 1}}),
    );
    check(
        &[json!({"b": {"x": 1}, "a": {"__copy__": "b", "__default__": 1, "y": 2}})],
        json!({"b": {"x": 1}, "a": {"x": 1, "y": 2}}),
    );
    check(&[json!({"a": {"__copy__": "no", "__default__": {"!": "test.A"}}})], json!({"a": {"!": "test.A"}}));
    check_codes(&[json!({"a": {"__default__": 1}})], &["bad_arguments"]);
}

#[test]
fn chains_are_resolved_to_the_end_in_any_order() {
    for is_forward in [true, false] {
        let count = 2_000;
        let mut entries: Vec<(String, Json)> = (0..count)
            .map(|index| {
                (format!("k{index}"), json!({"__copy__": format!("k{}", index + 1), format!("o{}", index % 3): index}))
            })
            .collect();
        entries.push((format!("k{count}"), json!({"end": true})));
        if !is_forward {
            entries.reverse();
        }
        let file = Json::Object(entries.into_iter().collect());
        let resolved = in_both(&[file]).unwrap();
        assert_eq!(resolved["k0"], json!({"end": true, "o2": 2, "o1": 1, "o0": 0}));
    }
}

#[test]
fn paths_lead_through_other_copies() {
    check(
        &[json!({"c": {"__copy__": "a.x"}, "a": {"__copy__": "b"}, "b": {"x": {"y": 1}}, "d": {"__copy__": "a.x.y"}})],
        json!({"c": {"y": 1}, "a": {"x": {"y": 1}}, "b": {"x": {"y": 1}}, "d": 1}),
    );
    check(
        &[json!({"b": {"m": 1, "n": 2}}), json!({"a": {"__copy__": "b", "n": {"__copy__": "a.m"}}})],
        json!({"b": {"m": 1, "n": 2}, "a": {"m": 1, "n": 1}}),
    );
    check(
        &[json!({"a": {"__copy__": "no", "__default__": {"x": 1}}, "b": {"__copy__": "a.x"}})],
        json!({"a": {"x": 1}, "b": 1}),
    );
}

#[test]
fn cycles_are_errors() {
    let cycles = [
        json!({"a": {"__copy__": "b"}, "b": {"__copy__": "a"}}),
        json!({"a": {"__copy__": "b"}, "b": {"__copy__": "c"}, "c": {"__copy__": "a"}, "d": {"__copy__": "a.x"}}),
        json!({"a": {"x": {"__copy__": "a"}}}),
        json!({"a": {"x": [{"y": {"__copy__": "a.x"}}]}}),
        json!({"a": {"x": {"__copy__": "b"}}, "b": {"y": {"__copy__": "a"}}}),
        json!({"a": {"__copy__": "b", "n": {"__copy__": "a"}}, "b": {}}),
    ];
    for file in cycles {
        check_codes(std::slice::from_ref(&file), &["copy_cycle"]);
        check_codes(&[json!({"a": {"old": 1}}), file], &["copy_cycle"]);
    }
    check_codes(&[json!({"a": {"__copy__": "b.x"}, "b": {"__copy__": "a.y"}})], &["copy_cycle"]);
    check_codes(&[json!({"a": {"__copy__": "a.x"}})], &["copy_target_missing"]);
    check(&[json!({"a": {"x": {"y": 1}}}), json!({"a": {"__copy__": "a.x"}})], json!({"a": {"y": 1}}));
}

#[test]
fn copies_stand_in_lists_and_copy_lists() {
    check(
        &[json!({"l": [[{"__copy__": "m"}], {"__copy__": "m", "x": 2}], "m": {"x": 1}, "n": {"__copy__": "l"}})],
        json!({"l": [[{"x": 1}], {"x": 2}], "m": {"x": 1}, "n": [[{"x": 1}], {"x": 2}]}),
    );
}

#[test]
fn both_spellings_at_once_are_ambiguous() {
    for file in [
        json!({"a": {"!": "A", "__factory__": "B"}}),
        json!({"l": [[{"x": {"!": "A", "__factory__": "A"}}]]}),
        json!({"b": {}, "a": {"__copy__": "b", "!": "A", "__factory__": "B"}}),
    ] {
        check_codes(&[file], &["factory_ambiguous"]);
    }
    let findings = ron("(a: (b: Name(__factory__: \"other\")))").unwrap_err();
    assert!(findings.to_string().contains("`a.b`") && findings.to_string().contains("factory_ambiguous"), "{findings}");
}

#[test]
fn factories_are_named_by_text() {
    for name in [json!(1), json!(""), json!(" "), json!(null), json!({"x": 1}), json!(["A"])] {
        check_codes(&[json!({"a": [{"!": name}]})], &["bad_arguments"]);
    }
    check(
        &[json!({"name": "test.A", "a": {"!": {"__copy__": "name"}}})],
        json!({"name": "test.A", "a": {"!": "test.A"}}),
    );
}

#[test]
fn directives_do_not_stand_at_the_root() {
    for key in ["!", "__factory__", "__copy__", "__default__"] {
        check_codes(&[json!({"a": {"x": 1}}), json!({"b": 1, key: "a"})], &["root_directive"]);
    }
    assert_eq!(ron("Name(a: 1)").unwrap_err().0[0].code.as_str(), "root_directive");
    check(&[json!({"__mode__": "fit"})], json!({"__mode__": "fit"}));
}

#[test]
fn unknown_directives_beside_copy_are_errors() {
    check_codes(&[json!({"a": {}, "b": {"__copy__": "a", "__foo__": 1}})], &["bad_arguments"]);
    check_codes(&[json!({"a": {}, "b": {"__copy__": "a", "__override__": 1, "x": 1}})], &["bad_arguments"]);
    check_codes(&[json!({"b": {"__copy__": 5}})], &["bad_arguments"]);
    check_codes(&[json!({"a": 1, "b": {"__copy__": {"__copy__": "a"}}})], &["bad_arguments"]);
    check_codes(&[json!({"b": {"__copy__": ""}})], &["bad_arguments"]);
    check(&[json!({"a": {"__foo__": 1}})], json!({"a": {"__foo__": 1}}));
}

#[test]
fn one_failure_is_reported_once_and_hides_no_other() {
    let findings = in_both(&[
        json!({"a": {"__copy__": "nope"}, "b": {"__copy__": "a", "x": 1}, "c": {"__copy__": "a.x"}, "d": {"__copy__": "gone"}}),
        json!({"e": {"__copy__": "b"}, "f": {"__copy__": "missing"}, "g": {"__copy__": "a.deep.path"}}),
    ]);
    assert_eq!(findings.unwrap_err(), ["copy_target_missing"; 3]);
}

#[test]
fn copied_values_know_where_they_were_written_and_who_copied_them() {
    let config = ron("(a: (x: 1), b: {\"__copy__\": \"a\", \"y\": 2}, c: {\"__copy__\": \"b\"})").unwrap();
    let root = config.root();
    let copied = |path: &str| root.at(&palladium_value::KeyPath::parse(path)).unwrap().clone();
    let x = copied("c.x");
    assert_eq!(x.span.text(), "1");
    let by = x.copied.as_ref().unwrap();
    assert_eq!(by.by.text(), "\"__copy__\": \"b\"");
    assert_eq!(by.earlier.as_ref().unwrap().by.text(), "\"__copy__\": \"a\"");
    let y = copied("c.y");
    assert_eq!(y.span.text(), "2");
    assert!(y.copied.as_ref().unwrap().earlier.is_none());
    assert!(copied("b.y").copied.is_none() && copied("a.x").copied.is_none());
}

#[test]
fn tuples_and_structs_are_lists_and_maps() {
    let config = ron("(a: (1, B(x: (2,))), c: {\"__copy__\": \"a\"}, d: Some((y: None)))").unwrap();
    let expected = json!({"a": [1, {"!": "B", "x": [2]}], "c": [1, {"!": "B", "x": [2]}], "d": {"y": null}});
    assert_eq!(config.root().to_json(), expected);
}

#[test]
fn files_of_both_languages_mix() {
    let folder = crate::support::Folder::new(&[
        ("a.ron", "(base: (x: 1))"),
        ("b.rhai", "#{ more: #{ __copy__: \"base\", y: 2 } }"),
    ]);
    let config = folder.load(Some("a.ron,b.rhai")).unwrap();
    assert_eq!(config.root().to_json(), json!({"base": {"x": 1}, "more": {"x": 1, "y": 2}}));
    assert_eq!(load_texts("ron", &[]).unwrap().root().to_json(), json!({}));
}
