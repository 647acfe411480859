//! Rhai files: what they may do, what they may not, and where their values stand.

use palladium_value::KeyPath;
use serde_json::json;

use crate::support::{Folder, codes, rhai};

#[test]
fn values_cross_the_border() {
    let cases = [
        ("()", json!(null)),
        ("true", json!(true)),
        ("-3", json!(-3)),
        ("9223372036854775807", json!(i64::MAX)),
        ("1e3", json!(1000.0)),
        ("0xff", json!(255)),
        ("1 + 2", json!(3)),
        ("1.5", json!(1.5)),
        ("'x'", json!("x")),
        ("`a${1 + 1}`", json!("a2")),
        ("[1, [2, #{b: 3}]]", json!([1, [2, {"b": 3}]])),
        ("if true { 1 } else { 2 }", json!(1)),
        ("(|| 5).call()", json!(5)),
        ("[1, 2, 3].filter(|x| x > 1)", json!([2, 3])),
        ("\"${here}\"", json!("${here}")),
        ("environ.get(\"NO\", 5)", json!(5)),
        ("environ.get(\"NAME\", 5)", json!("value")),
        ("[\"NAME\" in environ, \"NO\" in environ]", json!([true, false])),
        ("environ[\"NAME\"] + environ.NAME", json!("valuevalue")),
    ];
    for (text, expected) in cases {
        let text = format!("#{{ x: {text} }}");
        let folder = Folder::new(&[("a.rhai", text.as_str())]).with_variable("NAME", "value");
        let config = folder.load(Some("a.rhai")).unwrap_or_else(|findings| panic!("{text}: {findings}"));
        assert_eq!(config.root().to_json(), json!({ "x": expected }), "{text}");
    }
}

#[test]
fn what_is_no_configuration_is_refused() {
    let cases = [
        ("#{ x: Fn(\"double\") }", "bad_arguments"),
        ("#{ x: [1..5] }", "script_failed"),
        ("#{ x: environ }", "script_failed"),
        ("5", "not_a_map"),
        ("let x = #{ x: 1 };", "not_a_map"),
        ("", "not_a_map"),
        ("#{ x: 1, x: 2 }", "syntax"),
        ("#{ x: 99999999999999999999 }", "syntax"),
        ("#{ x: nope }", "script_failed"),
        ("#{ x: environ.NO }", "missing_env"),
        ("#{ x: -99999999999999999999 }", "syntax"),
        ("let x = #{ a: 1 }; #{ y: x.b }", "script_failed"),
        ("throw \"no\"", "script_failed"),
        ("#{ x: eval(\"1\") }", "syntax"),
        ("sleep(10); #{}", "script_failed"),
        ("sleep(10.5); #{}", "script_failed"),
        ("#{ x: timestamp() }", "script_failed"),
        ("import \"std\" as x; #{}", "script_failed"),
    ];
    for (text, code) in cases {
        assert_eq!(codes(&rhai(text).unwrap_err()), [code], "{text}");
    }
}

/// Each limit, and code that meets it: its code and a part of its message.
#[test]
fn every_limit_is_met() {
    let many = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<String>();
    let attacks = [
        ("RHAI_OPERATIONS", "loop { }".to_owned(), "script_failed", "more than 5000000 operations"),
        ("RHAI_CALL_LEVELS", "fn f() { f() } f();".to_owned(), "script_failed", "more than 64 function calls"),
        ("RHAI_TEXT_BYTES", "let s = \"aaaaaaaaaaaaaaaa\"; loop { s += s; }".to_owned(), "script_failed", "at most 16 mib"),
        ("RHAI_TEXT_BYTES", "let x = \"a\"; x.pad(1000000000, \"b\"); loop {}".to_owned(), "script_failed", "at most 16 mib"),
        ("RHAI_LIST_ITEMS", "let a = [1]; loop { a += a; }".to_owned(), "script_failed", "at most 200000 items"),
        ("RHAI_LIST_ITEMS", "let a = [1]; loop { a = [a]; }".to_owned(), "script_failed", ""),
        ("RHAI_MAP_ENTRIES", "let m = #{}; for i in 0..1000 { m[`${i}`] = i; } let n = #{}; for i in 0..300 { n[`${i}`] = m; } let o = #{}; o[`x`] = n;".to_owned(), "script_failed", "at most 200000 entries"),
        ("RHAI_LITERAL_ENTRIES", format!("#{{ {} }}", many(20_001, &|index| format!("k{index}: 1,"))), "too_large", "number of properties"),
        ("RHAI_VARIABLES", many(300, &|index| format!("let v{index} = 1;")), "script_failed", "more than 256 variables"),
        ("RHAI_FUNCTIONS", many(600, &|index| format!("fn f{index}() {{ 1 }}\n")), "too_large", "number of functions"),
        ("RHAI_EXPRESSION_DEPTH", format!("#{{ x: {}1{} }}", "(".repeat(5_000), ")".repeat(5_000)), "too_large", "complexity"),
        ("RHAI_FUNCTION_EXPRESSION_DEPTH", format!("fn f() {{ {}1{} }}", "(".repeat(40), ")".repeat(40)), "too_large", "complexity"),
    ];
    for (limit, text, code, mention) in attacks {
        let findings = rhai(&format!("{text}\n#{{}}")).expect_err(limit);
        assert_eq!(codes(&findings), [code], "{limit}: {findings}");
        let message = findings.0[0].message.to_lowercase();
        assert!(message.contains(mention), "{limit}: {message}");
    }
}

#[test]
fn more_modules_than_the_limit_are_refused() {
    let imports: String = (0..70).map(|index| format!("import \"m{index}\" as m{index};\n")).collect();
    let modules: Vec<(String, String)> = (0..70).map(|index| (format!("m{index}.rhai"), String::new())).collect();
    let text = format!("{imports}#{{}}");
    let mut files: Vec<(&str, &str)> = modules.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("a.rhai", &text));
    let findings = Folder::new(&files).load(Some("a.rhai")).unwrap_err();
    assert_eq!(codes(&findings), ["script_failed"]);
    assert!(findings.to_string().contains("odules"), "{findings}");
}

#[test]
fn an_evaluation_that_takes_too_long_is_stopped() {
    // Few operations, each of which takes its time.
    let text = "let a = []; a.pad(150000, 1); let n = 0; loop { let b = a; b.reverse(); b.sort(); n += 1; }\n#{}";
    let findings = rhai(text).unwrap_err();
    assert!(findings.0[0].message.contains("took longer than 15 seconds"), "{findings}");
}

#[cfg(target_os = "linux")]
#[test]
fn values_that_together_take_too_much_memory_are_stopped() {
    let text = "let s = \"x\"; s.pad(10000000, \"x\"); let m = #{}; for i in 0..100000 { m[`${i}`] = s + i; }\n#{}";
    let findings = rhai(text).unwrap_err();
    assert!(findings.0[0].message.contains("takes more than 1024 MiB of memory"), "{findings}");
}

#[test]
fn printed_lines_are_bounded() {
    let config = rhai("for i in 0..2000 { print(i) } #{}").unwrap();
    assert_eq!(config.printed().len(), 1_000);
    let config = rhai("let s = \"x\"; s.pad(600000, \"x\"); for i in 0..10 { print(s) } print(1); #{}").unwrap();
    let lengths: Vec<usize> = config.printed().iter().map(String::len).collect();
    assert_eq!(lengths, [600_000, 1]);
}

#[test]
fn literals_point_at_themselves_and_keep_their_order() {
    let text = "let common = #{ z: 1, a: [2, \"ä\"] };\ncommon.extra = 5;\n#{\n    zeta: common,\n    \"alpha\": 1 + 2, // why\n    beta: `x` ,\n}";
    let config = rhai(text).unwrap();
    let root = config.root();
    let keys: Vec<&String> = root.as_map().unwrap().keys().collect();
    assert_eq!(keys, ["zeta", "alpha", "beta"]);
    let inner: Vec<&String> = root.get("zeta").unwrap().as_map().unwrap().keys().collect();
    assert_eq!(inner, ["z", "a", "extra"]);
    let cases = [
        ("alpha", "1 + 2"),
        ("beta", "`x`"),
        ("zeta", "#{ z: 1, a: [2, \"ä\"] }"),
        ("zeta.z", "1"),
        ("zeta.a.1", "\"ä\""),
        ("zeta.extra", "#{ z: 1, a: [2, \"ä\"] }"),
    ];
    for (path, expected) in cases {
        assert_eq!(root.at(&KeyPath::parse(path)).unwrap().span.text(), expected, "{path}");
    }
    assert_eq!(root.as_map().unwrap()["alpha"].key_span.text(), "\"alpha\"");
    assert_eq!(root.as_map().unwrap()["beta"].key_span.to_string(), "0.rhai:6:5");
}

#[test]
fn a_variable_that_changed_does_not_point_at_its_old_value() {
    let config = rhai("let x = #{ a: 1 };\nx.a = 2;\nx").unwrap();
    assert_eq!(config.root().get("a").unwrap().span.text(), "#{ a: 1 }");
}

#[test]
fn modules_stand_beside_the_file() {
    let folder = Folder::new(&[
        ("a.rhai", "import \"lib/more\" as more;\n#{ x: more::double(21), here: more::PLACE == here }"),
        ("lib/more.rhai", "import \"base\" as base;\nfn double(x) { x * 2 }\nexport const PLACE = here;"),
        ("base.rhai", "export const X = 1;"),
    ]);
    let config = folder.load(Some("a.rhai")).unwrap();
    assert_eq!(config.root().to_json(), json!({"x": 42, "here": true}));
}

#[test]
fn modules_are_found_nowhere_else() {
    let cases = [
        ("../outside", "without `..`"),
        ("/etc/passwd", "without `..`"),
        ("linked", "leads out"),
        ("linked_folder/module", "leads out"),
        ("data.json", "only `.rhai`"),
        ("missing", "does not exist"),
        ("folder", "is a directory"),
        ("own", "imports itself"),
        ("", "without `..`"),
    ];
    for (name, expected) in cases {
        let text = format!("import \"{name}\" as x; #{{}}");
        let folder = Folder::new(&[
            ("inner/a.rhai", text.as_str()),
            ("outside.rhai", ""),
            ("inner/own.rhai", "import \"own\" as own;"),
            ("inner/folder.rhai/x", ""),
            ("inner/data.json", "{}"),
            ("other/module.rhai", ""),
        ]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            symlink("../outside.rhai", folder.path().join("inner/linked.rhai")).unwrap();
            symlink("../other", folder.path().join("inner/linked_folder")).unwrap();
        }
        let findings = folder.load(Some("inner/a.rhai")).unwrap_err();
        assert_eq!(codes(&findings), ["script_failed"], "{name}");
        assert!(findings.to_string().contains(expected), "{name}: {findings}");
    }
}

#[test]
fn errors_in_modules_point_into_them() {
    let folder = Folder::new(&[
        ("a.rhai", "import \"m\" as m;\n#{ x: m::fail(1) }"),
        ("m.rhai", "fn fail(x) {\n    x.nope()\n}"),
    ]);
    let findings = folder.load(Some("a.rhai")).unwrap_err();
    let labels = &findings.0[0].labels;
    assert_eq!(labels[0].span.start().line, 2);
    assert!(labels[0].span.source().name().ends_with("m.rhai"), "{findings}");
    assert_eq!(labels[1].span.to_string(), "a.rhai:2:10");
}

#[test]
fn printed_text_goes_to_the_caller() {
    let folder = Folder::new(&[("a.rhai", "print(\"hello \" + environ.SECRET); debug(1); #{}")])
        .with_variable("SECRET", "very-secret");
    assert_eq!(folder.load(Some("a.rhai")).unwrap().printed(), ["hello ${environ.SECRET}", "1"]);
}

#[test]
fn who_listens_hears_what_was_printed_and_what_functions_print_later() {
    use std::sync::{Arc, Mutex};
    let text = "print(\"loading\");\n#{ f: |x| { print(`${x} ${environ.SECRET}`); x } }";
    let folder = Folder::new(&[("a.rhai", text)]).with_variable("SECRET", "very-secret");
    let config = folder.load(Some("a.rhai")).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&heard);
    config.on_print(move |line| hearing.lock().unwrap().push(line.to_owned()));
    let palladium_value::Data::Function(function) = &config.root().get("f").unwrap().data else { panic!() };
    let argument = palladium_value::Value::new(palladium_value::Data::Int(1), palladium_value::Span::nowhere("test"));
    function.call(vec![argument]).unwrap();
    assert_eq!(*heard.lock().unwrap(), ["loading", "1 ${environ.SECRET}"]);
    assert!(config.printed().is_empty());
}
