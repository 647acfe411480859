//! Functions of Rhai code as values of the tree.

use std::sync::Arc;
use std::thread;

use palladium_config::script::{Opaque, failed, from_dynamic, to_dynamic};
use palladium_config::{Config, Request, load};
use palladium_value::{Callable, Code, Data, Diagnostic, KeyPath, Source, Span, Value};

use crate::support::{Folder, rhai, ron};

fn function(config: &Config, path: &str) -> Arc<dyn Callable> {
    let value = config.root().at(&KeyPath::parse(path)).unwrap();
    Arc::clone(value.as_function().unwrap_or_else(|| panic!("{path} is {value:?}")))
}

fn int(number: i64) -> Value {
    Value::new(Data::Int(number), Span::nowhere("test"))
}

fn call(config: &Config, path: &str, arguments: &[i64]) -> Result<String, Box<Diagnostic>> {
    let value = function(config, path).call(arguments.iter().copied().map(int).collect())?;
    Ok(format!("{value:?}"))
}

#[test]
fn functions_and_closures_are_values() {
    let text = "
        const FACTOR = 10;
        let captured = 5;
        fn double(x) { x * 2 }
        fn with_constant(x) { helper(x) * global::FACTOR }
        fn helper(x) { x + 1 }
        #{
            double: double,
            pointer: Fn(\"double\"),
            constant: Fn(\"with_constant\"),
            closure: |a, b| a + b + captured,
            nothing: || (),
            map: |x| #{ a: [x, \"t\", 1.5] },
            native: Fn(\"max\"),
            list: [|x| x],
        }";
    let text = text.replace("double: double,", "").replace("native: Fn(\"max\"),", "");
    let config = rhai(&text).unwrap();
    let cases: [(&str, &[i64], &str); 6] = [
        ("pointer", &[4], "8"),
        ("constant", &[4], "50"),
        ("closure", &[1, 2], "8"),
        ("nothing", &[], "null"),
        ("map", &[1], "{\"a\": [1, \"t\", 1.5]}"),
        ("list.0", &[7], "7"),
    ];
    for (path, arguments, expected) in cases {
        assert_eq!(call(&config, path, arguments).unwrap(), expected, "{path}");
    }
    assert_eq!(function(&config, "pointer").name(), "double");
    assert_eq!(function(&config, "closure").name(), "closure");
    assert_eq!(function(&config, "closure").parameters().unwrap(), ["a", "b"]);
    assert_eq!(function(&config, "nothing").n_parameters(), Some(0));
}

#[test]
fn functions_see_the_modules_of_their_file() {
    let folder = Folder::new(&[
        ("a.rhai", "import \"lib/more\" as more;\n#{ f: |x| more::double(x), g: more::maker(3), h: more::broken() }"),
        (
            "lib/more.rhai",
            "export const K = 2;\nfn double(x) { x * global::K }\nfn maker(n) { |x| double(x) + n }\nfn broken() { |x| x.nope }",
        ),
    ]);
    let config = folder.load(Some("a.rhai")).unwrap();
    assert_eq!(call(&config, "f", &[4]).unwrap(), "8");
    assert_eq!(call(&config, "g", &[4]).unwrap(), "11");
    let failed = call(&config, "h", &[1]).unwrap_err();
    assert!(failed.labels[0].span.source().name().ends_with("more.rhai"), "{failed}");
    assert_eq!(failed.labels[0].span.start().line, 4);
}

#[test]
fn a_copied_function_is_the_same_function() {
    let config = Folder::new(&[("a.rhai", "#{ f: |x| x }"), ("b.ron", "(g: {\"__copy__\": \"f\"})")]);
    let config = config.load(Some("a.rhai,b.ron")).unwrap();
    assert_eq!(config.root().get("f"), config.root().get("g"));
    assert_ne!(rhai("#{ f: |x| x }").unwrap().root().get("f"), config.root().get("f"));
}

#[test]
fn scripts_add_functions_and_call_those_that_are_there() {
    let config = ron("(n: 2, __rhai__: \"C.f = |x| x * C.n; C.n = 3; fn g(x) { x + 1 } C.g = Fn(`g`);\")").unwrap();
    assert_eq!(call(&config, "f", &[5]).unwrap(), "15");
    assert_eq!(call(&config, "g", &[5]).unwrap(), "6");
    let folder = Folder::new(&[
        ("a.rhai", "#{ f: |x| x * 2, bad: |x| x.nope }"),
        ("b.ron", "(__rhai__: \"C.n = C.f.call(4); C.m = [1, 2].map(C.f);\")"),
        ("c.ron", "(__rhai__: \"\n  C.n = C.bad.call(4);\")"),
    ]);
    let config = folder.load(Some("a.rhai,b.ron")).unwrap();
    assert_eq!(config.root().get("n"), Some(&int(8)));
    assert_eq!(format!("{:?}", config.root().get("m").unwrap()), "[2, 4]");
    let alone = folder.load(Some("a.rhai")).unwrap();
    assert!(alone.root().get("f").unwrap().as_function().is_some());
    assert_eq!(call(&config, "f", &[5]).unwrap(), "10", "a function that no script changed stays");
    assert_eq!(config.root().get("f").unwrap().span.to_string(), "a.rhai:1:7", "and keeps its place");
    let findings = folder.load(Some("a.rhai,c.ron")).unwrap_err().to_string();
    assert!(findings.contains("a.rhai:1:29") && findings.contains("called from here"), "{findings}");
}

#[test]
fn failures_point_into_the_script() {
    let config = rhai("#{\n  f: |x| {\n    x.nope\n  },\n  g: |x| missing(x),\n  h: || { throw \"no\" },\n}").unwrap();
    let cases: [(&str, &[i64], &str); 3] =
        [("f", &[1], "0.rhai:3:7"), ("g", &[1], "0.rhai:5:10"), ("h", &[], "0.rhai:6:11")];
    for (path, arguments, place) in cases {
        let failed = call(&config, path, arguments).unwrap_err();
        assert_eq!(failed.code, Code::ScriptFailed);
        assert_eq!(failed.labels[0].span.to_string(), place, "{failed}");
    }
    let wrong = call(&config, "g", &[1, 2]).unwrap_err();
    assert_eq!(wrong.message, "`closure` takes 1 argument (`x`) and was called with 2");
    assert_eq!(wrong.labels[0].span.start().line, 5);
    let scripted = ron("(\n  __rhai__: \"C.f = |x| x.nope;\",\n)").unwrap();
    assert_eq!(call(&scripted, "f", &[1]).unwrap_err().labels[0].span.text(), "nope");
}

#[test]
fn each_call_has_the_limits_for_itself() {
    let config = rhai(
        "#{ busy: || { let n = 0; for i in 0..300000 { n += 1; } n }, endless: || { loop {} }, deep: |x| { let a = []; for i in 0..200 { a = [a]; } a }, rec: || { fn_rec() } } fn fn_rec() { fn_rec() }",
    );
    let config = match config {
        Ok(config) => config,
        Err(_) => rhai("fn again() { again() }\n#{ busy: || { let n = 0; for i in 0..300000 { n += 1; } n }, endless: || { loop {} }, deep: || { let a = []; for i in 0..200 { a = [a]; } a }, again: || again() }").unwrap(),
    };
    for _ in 0..10 {
        assert_eq!(call(&config, "busy", &[]).unwrap(), "300000", "operations of calls do not add up");
    }
    assert_eq!(call(&config, "endless", &[]).unwrap_err().code, Code::ScriptFailed);
    assert_eq!(call(&config, "again", &[]).unwrap_err().code, Code::ScriptFailed);
    assert_eq!(call(&config, "deep", &[]).unwrap_err().code, Code::TooLarge);
}

#[test]
fn many_threads_call_one_function() {
    let config =
        rhai("let base = [1, 2, 3]; #{ f: |x| { let sum = 0; for n in base { sum += n; } sum + x } }").unwrap();
    let shared = function(&config, "f");
    thread::scope(|scope| {
        for offset in 0..8_i64 {
            let shared = &shared;
            scope.spawn(move || {
                for number in 0..50 {
                    assert_eq!(shared.call(vec![int(offset + number)]).unwrap(), int(6 + offset + number));
                }
            });
        }
    });
}

#[test]
fn components_pass_through_functions_untouched() {
    let config = rhai("#{ f: |x| #{ back: x } }").unwrap();
    let component: Arc<dyn std::any::Any + Send + Sync> = Arc::new("inside");
    let value = Value::new(Data::Component(Arc::clone(&component)), Span::nowhere("test"));
    let returned = function(&config, "f").call(vec![value.clone()]).unwrap();
    assert_eq!(returned.get("back"), Some(&value));
    assert!(matches!(to_dynamic(&value).try_cast::<Opaque>(), Some(Opaque(same)) if Arc::ptr_eq(&same, &component)));
}

#[test]
fn an_engine_can_be_extended() {
    let folder = Folder::new(&[
        ("a.rhai", "import \"m\" as m; #{ f: |x| x.shout(), g: m::loud(), s: \"b\".shout() }"),
        ("m.rhai", "fn loud() { \"a\".shout() }"),
    ]);
    let request = Request {
        files: Some("a.rhai".to_owned()),
        directory: folder.path().to_owned(),
        extend: Some(Arc::new(|engine| {
            engine.register_fn("shout", |text: &str| text.to_uppercase());
            engine.register_fn("shout", |opaque: Opaque| {
                opaque.0.downcast_ref::<&str>().map_or(String::new(), |text| text.to_uppercase())
            });
        })),
        ..Request::default()
    };
    let config = load(&request).unwrap();
    assert_eq!(
        (config.root().get("g").unwrap().as_text(), config.root().get("s").unwrap().as_text()),
        (Some("A"), Some("B"))
    );
    let component = Value::new(Data::Component(Arc::new("inside")), Span::nowhere("test"));
    assert_eq!(function(&config, "f").call(vec![component]).unwrap().as_text(), Some("INSIDE"));
}

/// A function that is none of Rhai's.
struct Native;

impl Callable for Native {
    fn name(&self) -> &str {
        "native"
    }

    fn parameters(&self) -> Option<Vec<String>> {
        Some(vec!["x".to_owned()])
    }

    fn call(&self, arguments: Vec<Value>) -> Result<Value, Box<Diagnostic>> {
        let source = Source::new("native.txt", "here");
        match arguments.first().and_then(Value::as_int) {
            Some(number) => Ok(int(number + 1)),
            None => Err(Box::new(Diagnostic::new(Code::BadArguments, "no number").at(&Span::new(&source, 0..4), ""))),
        }
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

#[test]
fn functions_of_the_program_are_called_by_scripts() {
    let mut folder = Folder::new(&[
        ("a.ron", "(__rhai__: \"C.n = C.f.call(1); C.g = C.f;\")"),
        ("b.ron", "(__rhai__: \"C.f.call(`x`)\")"),
    ]);
    folder.extra = vec![("f".to_owned(), Value::new(Data::Function(Arc::new(Native)), Span::nowhere("test")))];
    let config = folder.load(Some("a.ron")).unwrap();
    assert_eq!(config.root().get("n"), Some(&int(2)));
    assert_eq!(config.root().get("g"), config.root().get("f"), "a function comes back as itself");
    let findings = folder.load(Some("b.ron")).unwrap_err().to_string();
    assert!(findings.contains("no number") && findings.contains("native.txt:1:1"), "{findings}");
}

#[test]
fn conversions_have_an_inverse() {
    let config = ron("(a: [1, 2.5, \"x\", None, true], b: (c: {}))").unwrap();
    let there_and_back = from_dynamic(&to_dynamic(config.root()), &Span::nowhere("test")).unwrap();
    assert_eq!(&there_and_back, config.root());
    let finding = failed(Diagnostic::new(Code::ScriptFailed, "text"));
    assert!(finding.to_string().contains("Runtime"), "{finding}");
}

#[test]
fn a_printed_function_says_so() {
    let config = rhai("fn score(m) { 1 } #{ f: Fn(\"score\"), g: || 1 }").unwrap();
    assert_eq!(config.to_json(), serde_json::json!({"f": "<function score>", "g": "<function closure>"}));
    assert!(config.to_ron().contains("\"f\": \"<function score>\""), "{}", config.to_ron());
}

#[test]
fn a_map_that_is_thrown_comes_with_the_finding() {
    let text = "
        fn inner(x) { throw #{ error_code: x, list: [1] }; }
        #{ map: |x| inner(x), text: |x| throw `text`, mistake: |x| x.y.z }";
    let config = rhai(text).unwrap();
    let thrown = |path: &str| {
        let finding = function(&config, path).call(vec![int(7)]).unwrap_err();
        assert!(!finding.labels.is_empty(), "{path}");
        finding.thrown.map(|thrown| format!("{thrown:?}"))
    };
    assert_eq!(thrown("map").as_deref(), Some("{\"error_code\": 7, \"list\": [1]}"));
    assert_eq!((thrown("text"), thrown("mistake")), (None, None));
}

#[test]
fn the_identity_of_a_function_is_another_one_when_it_may_do_something_else() {
    let identity = |text: &str, path: &str| function(&rhai(text).unwrap(), path).identity();
    let text = "const K = 1; fn f(x) { g(x) } fn g(x) { x + global::K } #{ f: Fn(\"f\"), g: Fn(\"g\"), c: |x| f(x) }";
    for path in ["f", "g", "c"] {
        let first = identity(text, path).unwrap();
        assert_eq!(identity(text, path), Some(first.clone()), "{path}");
        for (before, after) in [("x + global", "x - global"), ("K = 1", "K = 2")] {
            assert_ne!(identity(&text.replace(before, after), path), Some(first.clone()), "{path}: {after}");
        }
    }
    assert_ne!(identity(text, "f"), identity(text, "g"));
    let captured = "let k = 1; #{ c: |x| x + k }";
    assert_eq!(identity(captured, "c"), None, "what was captured may be anything");

    let folder = Folder::new(&[("m.rhai", "fn f(x) { 1 }"), ("a.rhai", "import \"m\" as m; #{ f: |x| m::f(x) }")]);
    let identity = || function(&folder.load(Some("a.rhai")).unwrap(), "f").identity().unwrap();
    let before = identity();
    std::fs::write(folder.path().join("m.rhai"), "fn f(x) { 2 }").unwrap();
    assert_ne!(identity(), before, "a module counts");
}
