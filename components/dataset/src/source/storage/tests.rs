use super::*;

fn value(entries: &[(&str, Data)]) -> Value {
    let nowhere = || Span::nowhere("test");
    let entry = |data: &Data| Entry { key_span: nowhere(), value: Value::new(data.clone(), nowhere()) };
    let map: Map = entries.iter().map(|(key, data)| ((*key).to_owned(), entry(data))).collect();
    Value::new(Data::Map(map), nowhere())
}

fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

#[test]
fn all_options_have_defaults_and_nothing_is_shown() {
    let default = Storage::default();
    assert_eq!((default.max_size, default.max_time.as_secs(), default.limits.retries), (16 << 30, 3600, 3));
    let secret = Storage::from_argument(&value(&[("secret_access_key", text("hush"))])).unwrap();
    assert_eq!(format!("{secret:?}"), "Storage { .. }");
    assert_eq!(secret.s3().secret_access_key.unwrap(), "hush");
}

#[test]
fn wrong_options_are_refused() {
    let cases: [(&str, Data, &str, &str); 5] = [
        ("endpont", text("x"), "there is no option `endpont`", "did you mean `endpoint`?"),
        ("timeout", Data::Int(0), "`timeout` has to be at least 0.1 and at most 3600", "out of range"),
        ("max_size", text("1 GB"), "`max_size` has to be a whole number", "this is text"),
        ("anonymous", Data::Int(1), "`anonymous` has to be a flag", "this is a whole number"),
        ("headers", Data::Int(1), "`headers` has to be a map of text", "this is a whole number"),
    ];
    for (key, data, expected, expected_label) in cases {
        match Storage::from_argument(&value(&[(key, data)])) {
            Err(Mismatch::Refused { message, label, .. }) => {
                assert!(message.starts_with(expected) && label == expected_label, "{message}: {label}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(
        Storage::from_argument(&Value::new(Data::Int(1), Span::nowhere("test"))),
        Err(Mismatch::Wrong { .. })
    ));
}
