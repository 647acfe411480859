//! The RON reader: any text is read or refused, findings can be rendered, and what is printed loads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use palladium_config::{read_ron, to_ron};
use palladium_value::{Data, Value};

/// Tells whether a map names its factory in both ways, which is found out while files are merged.
fn names_twice(value: &Value) -> bool {
    match &value.data {
        Data::Map(map) => {
            let is_twice = map.contains_key("!") && map.contains_key("__factory__");
            is_twice || map.values().any(|entry| names_twice(&entry.value))
        }
        Data::List(items) => items.iter().any(names_twice),
        _ => false,
    }
}

fuzz_target!(|text: &str| match read_ron("fuzz.ron", text) {
    Ok(value) if names_twice(&value) => {}
    Ok(value) => {
        let printed = to_ron(&value);
        // What is printed names factories in one way only.
        let again = read_ron("printed.ron", &printed);
        assert!(again.is_ok_and(|again| to_ron(&again) == printed), "{printed}");
    }
    Err(findings) => {
        assert!(!findings.render(true).is_empty());
        assert!(findings.iter().all(|finding| finding.to_json().is_object()));
    }
});
