//! What holds for all inputs.

use palladium_config::{Environment, Redactor, Request, load, to_json, to_ron};
use palladium_value::{Data, Entry, Map, Span, Value};
use proptest::prelude::*;

use crate::support::{Folder, load_texts, rhai, ron};

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0)]
}

fn text() -> impl Strategy<Value = String> {
    let is_printed = |text: &String| !(text.contains(':') && text.contains('@'));
    prop_oneof![any::<String>(), "[$\\\\{}\"'a-z\n\t\u{0}\u{1b}#]*", Just("${here} $$".to_owned())]
        .prop_filter("what looks like the password of a URL is not printed", is_printed)
}

/// Returns keys that are no directives.
fn key() -> impl Strategy<Value = String> {
    let is_directive = |key: &str| key == "!" || (key.starts_with("__") && key.ends_with("__"));
    text().prop_filter("directives mean something", move |key| !is_directive(key))
}

fn plain(data: Data) -> Value {
    Value::new(data, Span::nowhere("test"))
}

fn map_of(entries: Vec<(String, Value)>) -> Value {
    let entry = |(key, value): (String, Value)| (key, Entry { key_span: Span::nowhere("test"), value });
    plain(Data::Map(entries.into_iter().map(entry).collect::<Map>()))
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(|flag| plain(if flag { Data::Bool(flag) } else { Data::Null })),
        any::<i64>().prop_map(|number| plain(Data::Int(number))),
        number().prop_map(|number| plain(Data::Float(number))),
        text().prop_map(|text| plain(Data::Text(text))),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| plain(Data::List(items))),
            prop::collection::vec((key(), inner), 0..5).prop_map(map_of),
        ]
    })
}

/// Writes a tree as Rhai.
fn to_rhai(value: &Value) -> String {
    match &value.data {
        Data::Null => "()".to_owned(),
        Data::Int(i64::MIN) => format!("({} - 1)", i64::MIN + 1),
        Data::Float(number) if number.is_nan() => "(0.0 / 0.0)".to_owned(),
        Data::Float(number) if number.is_infinite() => format!("({}1.0 / 0.0)", if *number < 0.0 { "-" } else { "" }),
        Data::Text(text) => rhai_text(text),
        Data::List(items) => format!("[{}]", items.iter().map(to_rhai).collect::<Vec<_>>().join(", ")),
        Data::Map(map) => {
            let entry = |(key, entry): (&String, &Entry)| format!("{}: {}", rhai_text(key), to_rhai(&entry.value));
            format!("#{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        _ => format!("{value:?}"),
    }
}

fn rhai_text(text: &str) -> String {
    let escaped = text.chars().map(|character| match character {
        '"' | '\\' => format!("\\{character}"),
        '\n' => "\\n".to_owned(),
        _ if character.is_control() => format!("\\U{:08x}", u32::from(character)),
        _ => character.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Compares more strictly than values do: the sign of zero and the order of keys count.
fn exactly(value: &Value) -> String {
    format!("{value:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn printed_trees_load_back(inner in tree()) {
        let root = map_of(vec![("x".to_owned(), inner)]);
        let config = ron(&to_ron(&root)).map_err(|findings| TestCaseError::fail(findings.to_string()))?;
        prop_assert_eq!(exactly(config.root()), exactly(&root));
    }

    #[test]
    fn both_languages_write_the_same_tree(inner in tree()) {
        let root = map_of(vec![("x".to_owned(), inner)]);
        let from_ron = ron(&to_ron(&root)).map_err(|findings| TestCaseError::fail(findings.to_string()))?;
        let from_rhai = rhai(&to_rhai(&root)).map_err(|findings| TestCaseError::fail(findings.to_string()))?;
        prop_assert_eq!(exactly(from_ron.root()), exactly(from_rhai.root()));
    }

    #[test]
    fn no_text_makes_a_panic(text in prop_oneof![any::<String>(), "[\\[\\](){}:,\"'#$a-zA-Z0-9!_ \n/*\\\\.+-]{0,80}"]) {
        for extension in ["ron", "rhai"] {
            if let Err(findings) = load_texts(extension, &[&text]) {
                prop_assert!(!findings.render(true).is_empty());
                prop_assert!(findings.iter().all(|finding| finding.to_json().is_object()));
            }
        }
    }

    #[test]
    fn pieces_of_real_files_make_no_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "(", ")", "{", "}", "[", "]", "#{", ",", ":", "\"a\"", "a", "b: ", "\"__copy__\": \"a\"", "\"!\": ", "1", "-",
            "1.5", "Name(", "Some(", "None", "\"${here}\"", "\"${x}\"", "r#\"", "\"#", "/*", "*/", "//", "\n", "'", "ä", "😀",
            "inf", "let x = ", ";", "|x|", "`", "${", "fn f() {", "import ", "0x", "\\u{", "b\"",
        ]), 0..25),
    ) {
        let text = parts.concat();
        for extension in ["ron", "rhai"] {
            if let Err(findings) = load_texts(extension, &[&text]) {
                prop_assert!(!findings.render(false).is_empty());
            }
        }
    }
}

/// Returns the beginning of a URL.
fn place() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec!["", "https://", "HTTP://", "s3://", "https//", "postgresql://u:canary@"]);
    let host = prop::sample::select(vec!["example.org", "localhost:80", "127.0.0.1", "[::1]:443"]);
    (scheme, host, "(/[a-z.%{}-]{0,8}){0,3}").prop_map(|(scheme, host, path)| format!("{scheme}{host}{path}"))
}

/// Returns what a URL has behind a `?` or `#`, and whether it is a secret.
fn given() -> impl Strategy<Value = (String, bool)> {
    let secret =
        prop::sample::select(vec!["token", "id_token", "sig", "X-Amz-Signature", "api-key", "KEY", "password"]);
    let innocent = prop::sample::select(vec!["token_type", "keys", "sort_key", "a", "signed", "tokens"]);
    prop_oneof![
        (secret, "canary[a-z0-9%/=+:.-]{0,8}").prop_map(|(name, value)| (format!("{name}={value}z"), true)),
        (innocent, "[a-z0-9%/=+:.-]{0,8}").prop_map(|(name, value)| (format!("{name}={value}z"), false)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn secrets_of_urls_are_covered_and_nothing_else(
        place in place(),
        query in prop::collection::vec(given(), 0..4),
        fragment in prop::collection::vec(given(), 0..4),
        before in "[a-z (<\"]{0,3}[ (<\"]",
        behind in "[.,;:!)>\" ]?( [a-z?#& ]*)?",
    ) {
        // A fragment behind a secret may belong to it.
        let fragment = if query.last().is_some_and(|(_, is_secret)| *is_secret) { Vec::new() } else { fragment };
        let mut url = place.clone();
        let mut shown = place.replace("canary", "***");
        for (mark, list) in [("?", &query), ("#", &fragment)] {
            for (index, (given, is_secret)) in list.iter().enumerate() {
                let mark = if index == 0 { mark } else { "&" };
                // `a.b#key=c` may be code where there is no path.
                let is_code = query.is_empty() && !url.contains('/') && given.starts_with("KEY=");
                url.extend([mark, given]);
                let covered = given.split_once('=').map(|(name, _)| format!("{name}=***"));
                shown.extend([mark, covered.as_ref().filter(|_| *is_secret && !is_code).unwrap_or(given)]);
            }
        }
        let (text, expected) = (format!("{before}{url}{behind}"), format!("{before}{shown}{behind}"));
        prop_assert_eq!(Redactor::default().redact(&text), expected.as_str());
    }
}

#[test]
fn secrets_are_printed_nowhere() {
    let folder = Folder::new(&[
        (
            "a.ron",
            "(url: \"db://user:${environ.PASSWORD}@host\", list: [\"${environ.PASSWORD}\"], other: \"sec\\\"ret$\")",
        ),
        ("b.rhai", "#{ port: parse_int(environ.PORT), plain: 12345, \"k\": environ.PASSWORD }"),
    ])
    .with_variable("PASSWORD", "sec\"ret$")
    .with_variable("PORT", "54321");
    let config = folder.load(Some("a.ron,b.rhai")).unwrap();
    for shown in [config.to_ron(), config.to_json().to_string(), config.redact("x sec\"ret$"), format!("{config:?}")] {
        assert!(shown.contains("${environ.PASSWORD}"), "{shown}");
        assert!(!shown.contains("ret$") && !shown.contains("54321"), "{shown}");
    }
    assert_eq!(config.root().get("list").unwrap().as_list().unwrap()[0].as_text(), Some("sec\"ret$"));
    // What is printed still loads to the same texts.
    let again = Folder::new(&[("c.ron", &config.to_ron())])
        .with_variable("PASSWORD", "sec\"ret$")
        .with_variable("PORT", "54321");
    let again = again.load(Some("c.ron")).unwrap();
    for key in ["url", "list", "other", "k", "plain"] {
        assert_eq!(again.root().get(key), config.root().get(key), "{key}");
    }
}

#[test]
fn findings_show_no_values_of_variables() {
    let texts = [
        "throw environ.SECRET",
        "#{ a: #{}[environ.SECRET].x }",
        "#{ a: parse_int(environ.SECRET) }",
        "#{ a: #{ \"__copy__\": environ.SECRET } }",
        "#{ a: #{ \"!\": \"A\", \"__rhai__\": `nope(\"${environ.SECRET}\")` } }",
    ];
    for text in texts {
        let folder = Folder::new(&[("a.rhai", text)]).with_variable("SECRET", "hunter2-secret");
        let findings = folder.load(Some("a.rhai")).unwrap_err();
        let json: String = findings.iter().map(|finding| finding.to_json().to_string()).collect();
        let shown = format!("{findings}{json}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn json_names_factories_in_full() {
    let config = ron("(a: Name(x: [B()]), b: inf)").unwrap();
    let expected = serde_json::json!({"a": {"__factory__": "Name", "x": [{"__factory__": "B"}]}, "b": null});
    assert_eq!(to_json(config.root()), expected);
    assert!(config.to_ron().contains("\"__factory__\": \"Name\""));
}

#[test]
fn the_environment_of_the_process_is_read_when_asked_for() {
    let folder = Folder::new(&[("a.ron", "(path: \"${environ.PATH}\")")]);
    let request = Request {
        files: Some("a.ron".to_owned()),
        directory: folder.path().to_owned(),
        environment: Environment::process(),
        ..Request::default()
    };
    assert_eq!(load(&request).unwrap().root().get("path").unwrap().as_text(), std::env::var("PATH").ok().as_deref());
}
