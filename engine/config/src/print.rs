//! Writes trees as RON, so that they load back to the same tree, and as JSON.

use palladium_value::{Data, Map, Value};
use serde_json::Value as Json;

use crate::environment::{Piece, Redactor};

/// Returns a tree as RON; loaded again it gives the same tree, except that a function is the text
/// `<function NAME>`.
pub fn to_ron(value: &Value) -> String {
    redacted_ron(value, &Redactor::default())
}

/// Returns a tree as JSON: a factory stands under `__factory__`, infinities and NaN are null.
pub fn to_json(value: &Value) -> Json {
    redacted_json(value, &Redactor::default())
}

pub(crate) fn redacted_ron(value: &Value, redactor: &Redactor) -> String {
    let mut printer = Printer { out: String::new(), redactor };
    printer.value(value, 0, false);
    printer.out.push('\n');
    printer.out
}

pub(crate) fn redacted_json(value: &Value, redactor: &Redactor) -> Json {
    match &value.data {
        Data::Int(_) | Data::Float(_) => match hidden_number(value, redactor) {
            Some(hidden) => Json::from(hidden),
            None => value.to_json(),
        },
        Data::Text(text) => Json::from(redactor.redact(text)),
        Data::List(items) => items.iter().map(|item| redacted_json(item, redactor)).collect(),
        Data::Map(map) => {
            let entry = |(key, entry): (&String, &palladium_value::Entry)| {
                (redactor.redact(shown_key(key)).into_owned(), redacted_json(&entry.value, redactor))
            };
            Json::Object(map.iter().map(entry).collect())
        }
        Data::Null | Data::Bool(_) | Data::Function(_) | Data::Component(_) => value.to_json(),
    }
}

pub(crate) fn shown_key(key: &str) -> &str {
    if key == "!" { "__factory__" } else { key }
}

/// Returns the placeholder of a number that is the value of a variable.
fn hidden_number(value: &Value, redactor: &Redactor) -> Option<String> {
    let text = format!("{value:?}");
    match redactor.pieces(&text).as_slice() {
        [Piece::Variable(name)] => Some(format!("${{environ.{name}}}")),
        _ => None,
    }
}

struct Printer<'a> {
    out: String,
    redactor: &'a Redactor,
}

impl Printer<'_> {
    fn value(&mut self, value: &Value, depth: usize, is_script: bool) {
        match &value.data {
            Data::Function(_) => self.text(&format!("{value:?}"), false),
            Data::Null | Data::Component(_) => self.out.push_str("None"),
            Data::Bool(flag) => self.out.push_str(&flag.to_string()),
            Data::Int(_) | Data::Float(_) => match hidden_number(value, self.redactor) {
                Some(hidden) => self.out.push_str(&format!("\"{hidden}\"")),
                None => self.out.push_str(&format!("{value:?}")),
            },
            Data::Text(text) => self.text(text, is_script),
            Data::List(items) => self.list(items, depth),
            Data::Map(map) => self.map(map, depth),
        }
    }

    fn text(&mut self, text: &str, is_script: bool) {
        let redactor = self.redactor;
        self.out.push('"');
        for piece in redactor.pieces(text) {
            match piece {
                Piece::Plain(plain) => self.escaped(plain, !is_script),
                Piece::Variable(name) => self.out.push_str(&format!("${{environ.{name}}}")),
            }
        }
        self.out.push('"');
    }

    fn escaped(&mut self, text: &str, is_expanded: bool) {
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '$' if is_expanded => self.out.push_str("$$"),
                // Marks of direction and byte order would change how a terminal or editor shows the rest.
                _ if character.is_control()
                    || matches!(character, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') =>
                {
                    self.out.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
                }
                _ => self.out.push(character),
            }
        }
    }

    fn list(&mut self, items: &[Value], depth: usize) {
        self.out.push('[');
        let is_flat = items.iter().all(|item| !matches!(item.data, Data::List(_) | Data::Map(_)));
        for (index, item) in items.iter().enumerate() {
            if !is_flat {
                self.new_line(depth + 1);
            } else if index > 0 {
                self.out.push(' ');
            }
            self.value(item, depth + 1, false);
            if !is_flat || index + 1 < items.len() {
                self.out.push(',');
            }
        }
        if !is_flat {
            self.new_line(depth);
        }
        self.out.push(']');
    }

    fn map(&mut self, map: &Map, depth: usize) {
        self.out.push('{');
        for (key, entry) in map {
            self.new_line(depth + 1);
            self.out.push('"');
            let shown = self.redactor.redact(shown_key(key));
            self.escaped(&shown, false);
            self.out.push_str("\": ");
            self.value(&entry.value, depth + 1, key == "__rhai__");
            self.out.push(',');
        }
        if !map.is_empty() {
            self.new_line(depth);
        }
        self.out.push('}');
    }

    fn new_line(&mut self, depth: usize) {
        self.out.push('\n');
        self.out.push_str(&"    ".repeat(depth));
    }
}
