//! The RON reader: any text is read or refused, findings can be rendered, and what is printed loads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use palladium_config::{read_ron, to_ron};

fuzz_target!(|text: &str| match read_ron("fuzz.ron", text) {
    Ok(value) => {
        let printed = to_ron(&value);
        let again = read_ron("printed.ron", &printed);
        assert!(again.is_ok_and(|again| again == value), "{printed}");
    }
    Err(findings) => {
        assert!(!findings.render(true).is_empty());
        assert!(findings.iter().all(|finding| finding.to_json().is_object()));
    }
});
