//! Python's logging dictionary, which Palladium took: recognized, and answered with what stands for it here.

use palladium_component::value::{Code, Diagnostic, KeyPath, Map, Value};
use palladium_runtime::root_keys;

/// Keys of Python's schema that are none here.
const KEYS: [&str; 6] = ["version", "formatters", "handlers", "loggers", "root", "disable_existing_loggers"];

/// Returns the finding about a map that is Python's schema.
pub fn recognize(map: &Map) -> Option<Diagnostic> {
    let (_, entry) = map.iter().find(|(key, _)| KEYS.contains(&key.as_str()))?;
    let finding = Diagnostic::new(Code::BadArguments, "this is the logging schema of Python")
        .at(&entry.key_span, "this key belongs to it")
        .in_key(&KeyPath::parse(root_keys::LOGGING))
        .help(format!("write instead: {}", equivalent(map)));
    Some(finding)
}

/// Returns what stands for Python's schema, as RON.
fn equivalent(map: &Map) -> String {
    let loggers: Vec<(&str, &'static str)> = map
        .get("loggers")
        .and_then(|entry| entry.value.as_map())
        .into_iter()
        .flatten()
        .filter_map(|(name, entry)| Some((name.as_str(), level(entry.value.get("level")?)?)))
        .collect();
    let root = map.get("root").and_then(|entry| level(entry.value.get("level")?));
    let unnamed = loggers.iter().find(|(name, _)| name.is_empty()).map(|(_, level)| *level);
    let handlers = || map.get("handlers").and_then(|entry| entry.value.as_map()).into_iter().flatten();
    let handler = || handlers().find_map(|(_, entry)| level(entry.value.get("level")?));
    let mut parts = vec![format!("level: \"{}\"", root.or(unnamed).or_else(handler).unwrap_or("info"))];
    let named = loggers.iter().filter(|(name, _)| !name.is_empty());
    let named: Vec<String> = named.map(|(name, level)| format!("{:?}: \"{level}\"", name.replace('.', "::"))).collect();
    if !named.is_empty() {
        parts.push(format!("filters: {{{}}}", named.join(", ")));
    }
    if let Some((handler, file)) = handlers().find_map(|(_, entry)| Some((&entry.value, file(&entry.value)?))) {
        parts.push(format!("to: {file:?}"));
        if class(handler).contains("Rotating") {
            parts.push("rotation: \"daily\"".to_owned());
            let kept = handler.get("backupCount").and_then(Value::as_int).filter(|kept| *kept > 0);
            parts.extend(kept.map(|kept| format!("keep: {}", kept.saturating_add(1))));
        }
    }
    format!("`\"logging\": ({})`", parts.join(", "))
}

fn class(handler: &Value) -> &str {
    let class = ["class", "()", "!"].iter().find_map(|key| handler.get(key)?.as_text());
    class.unwrap_or_default()
}

fn file(handler: &Value) -> Option<&str> {
    handler.get("filename")?.as_text()
}

fn level(value: &Value) -> Option<&'static str> {
    if let Some(number) = value.as_int() {
        return Some(match number {
            0..=10 => "debug",
            11..=20 => "info",
            21..=30 => "warn",
            _ => "error",
        });
    }
    match value.as_text()?.to_uppercase().as_str() {
        "NOTSET" | "DEBUG" => Some("debug"),
        "INFO" => Some("info"),
        "WARN" | "WARNING" => Some("warn"),
        "ERROR" | "CRITICAL" | "FATAL" => Some("error"),
        _ => None,
    }
}
