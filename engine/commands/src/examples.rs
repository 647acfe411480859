//! Examples of components in both languages: that of the manual page, or one made of the parameters that are required.

use palladium_component::prelude::*;
use palladium_component::value::Span;
use palladium_runtime::root_keys::{self, Holds};

/// A configuration with one component, in both languages.
pub struct Example {
    /// Whether the manual page has it; otherwise it was made up.
    pub is_documented: bool,
    /// In RON.
    pub ron: String,
    /// In Rhai.
    pub rhai: String,
}

/// Returns the example of a component.
pub fn of(descriptor: &Descriptor, registry: &Registry) -> Example {
    let documented = block(descriptor.docs).and_then(|text| documented(descriptor, text));
    let (is_documented, ron, tree) = match documented {
        Some((ron, tree)) => (true, ron, tree),
        None => {
            let tree = entry(&root_key(descriptor.kind), made_up(descriptor, registry, 0));
            (false, palladium_config::to_ron(&tree).replace("__factory__", "!").replace("$${", "${"), tree)
        }
    };
    let mut rhai = String::new();
    write_rhai(&tree, 0, &mut rhai);
    Example { is_documented, ron: ron.trim_end().to_owned(), rhai }
}

/// Returns the first block of RON in a manual page.
fn block(docs: &str) -> Option<&str> {
    let (_, after) = docs.split_once("```ron\n")?;
    after.split_once("\n```").map(|(block, _)| block)
}

/// Makes a whole configuration of what a manual page shows: a configuration, an entry of one or a component alone.
fn documented(descriptor: &Descriptor, text: &str) -> Option<(String, Value)> {
    let inside = match text.trim_start().chars().next()? {
        '{' => None,
        '"' => Some(text.to_owned()),
        _ => Some(format!("\"{}\": {text}", root_key(descriptor.kind))),
    };
    let whole = match inside {
        None => text.to_owned(),
        Some(entries) => {
            let entries: Vec<String> =
                entries.trim_end_matches(',').lines().map(|line| format!("    {line}")).collect();
            format!("{{\n{},\n}}", entries.join("\n"))
        }
    };
    let tree = palladium_config::read_ron(descriptor.name, &whole).ok()?;
    Some((whole, tree))
}

/// Returns a root key that a component of a kind may stand under.
fn root_key(kind: Kind) -> String {
    let holds = |key: &&root_keys::RootKey| key.holds == Holds::Component(kind);
    match root_keys::ALL.iter().find(holds) {
        Some(key) => key.name.to_owned(),
        None if kind == Kind::Scorer => root_keys::SCORING.to_owned(),
        None => kind.as_str().replace(' ', "_"),
    }
}

/// Components inside of each other are made up to this depth.
const DEPTH: usize = 4;

fn made_up(descriptor: &Descriptor, registry: &Registry, depth: usize) -> Value {
    let mut map = Map::new();
    insert(&mut map, "!", value(Data::Text(descriptor.name.to_owned())));
    for param in descriptor.params.iter().filter(|param| param.is_required()) {
        insert(&mut map, param.name, argument(&param.kind, param.range.min, registry, depth));
    }
    value(Data::Map(map))
}

fn argument(kind: &ParamType, min: Option<f64>, registry: &Registry, depth: usize) -> Value {
    let inner = |kind| argument(kind, None, registry, depth);
    value(match kind {
        ParamType::Bool => Data::Bool(true),
        ParamType::Int => Data::Int(min.map_or(1, |min| min as i64)),
        ParamType::Float => Data::Float(min.unwrap_or(1.0)),
        ParamType::Text => Data::Text("text".to_owned()),
        ParamType::Function => {
            let function = registry.of_kind(Kind::Function).next();
            Data::Text(function.map_or("function", |descriptor| descriptor.name).to_owned())
        }
        ParamType::Choice(choices) => Data::Text(choices.first().copied().unwrap_or_default().to_owned()),
        ParamType::List(item) => Data::List(vec![inner(item)]),
        ParamType::Pair(first, second) => Data::List(vec![inner(first), inner(second)]),
        ParamType::Map(item) => return entry("name", inner(item)),
        ParamType::Record(record) => {
            let mut map = Map::new();
            for field in record.fields.iter().filter(|field| field.is_required()) {
                insert(&mut map, field.name, argument(&field.kind, field.range.min, registry, depth));
            }
            Data::Map(map)
        }
        ParamType::Component(kind) => match registry.of_kind(*kind).next() {
            Some(descriptor) if depth < DEPTH => return made_up(descriptor, registry, depth + 1),
            _ => Data::Null,
        },
        ParamType::OneOf(types) => return types.first().map_or_else(|| value(Data::Null), inner),
        ParamType::Optional(_) | ParamType::Any => Data::Null,
    })
}

fn value(data: Data) -> Value {
    Value::new(data, Span::nowhere("example"))
}

fn entry(key: &str, item: Value) -> Value {
    let mut map = Map::new();
    insert(&mut map, key, item);
    value(Data::Map(map))
}

fn insert(map: &mut Map, key: &str, item: Value) {
    map.insert(key.to_owned(), Entry { key_span: item.span.clone(), value: item });
}

/// Writes a value as Rhai.
fn write_rhai(value: &Value, depth: usize, out: &mut String) {
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"    ".repeat(depth));
    };
    match &value.data {
        Data::Text(text) => out.push_str(&rhai_text(text)),
        Data::List(items) => {
            let is_flat = items.iter().all(|item| !matches!(item.data, Data::List(_) | Data::Map(_)));
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                match is_flat {
                    false => new_line(out, depth + 1),
                    true if index > 0 => out.push(' '),
                    true => {}
                }
                write_rhai(item, depth + 1, out);
                if !is_flat || index + 1 < items.len() {
                    out.push(',');
                }
            }
            if !is_flat {
                new_line(out, depth);
            }
            out.push(']');
        }
        Data::Map(map) => {
            out.push_str("#{");
            for (key, entry) in map {
                new_line(out, depth + 1);
                out.push_str(&format!("{}: ", quoted(key)));
                write_rhai(&entry.value, depth + 1, out);
                out.push(',');
            }
            if !map.is_empty() {
                new_line(out, depth);
            }
            out.push('}');
        }
        Data::Bool(flag) => out.push_str(&flag.to_string()),
        Data::Int(_) | Data::Float(_) => out.push_str(&format!("{value:?}")),
        _ => out.push_str("()"),
    }
}

/// Returns a text as Rhai, with variables in the place of `${here}` and `${environ.NAME}`.
fn rhai_text(text: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        if !before.is_empty() {
            parts.push(quoted(before));
        }
        parts.push(name.to_owned());
        rest = after;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(quoted(rest));
    }
    parts.join(" + ")
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_expressions() {
        let cases = [
            ("plain \"q\"\n", r#""plain \"q\"\n""#),
            ("", r#""""#),
            ("${here}/x", r#"here + "/x""#),
            ("sqlite:///${here}/${environ.DB}", r#""sqlite:///" + here + "/" + environ.DB"#),
            ("${here", r#""${here""#),
        ];
        for (text, expected) in cases {
            assert_eq!(rhai_text(text), expected, "{text}");
        }
    }
}
