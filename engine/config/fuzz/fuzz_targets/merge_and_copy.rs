//! Merging and copying: any files load or are refused, and no directive is left in what was loaded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use palladium_config::{Request, load};
use palladium_value::{Data, Value};

fn has_copy(value: &Value) -> bool {
    match &value.data {
        Data::Map(map) => map.contains_key("__copy__") || map.values().any(|entry| has_copy(&entry.value)),
        Data::List(items) => items.iter().any(has_copy),
        _ => false,
    }
}

fuzz_target!(|text: &str| {
    let folder = std::env::temp_dir().join(format!("palladium-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut names = Vec::new();
    for (index, file) in text.split("\n---\n").take(4).enumerate() {
        names.push(format!("{index}.ron"));
        // Scripts are bounded by time, which is not what this target is about.
        std::fs::write(folder.join(&names[index]), file.replace("__rhai__", "rhai")).unwrap();
    }
    let request = Request { files: Some(names.join(",")), directory: folder, ..Request::default() };
    match load(&request) {
        Ok(config) => assert!(!has_copy(config.root())),
        Err(findings) => assert!(!findings.render(false).is_empty()),
    }
});
