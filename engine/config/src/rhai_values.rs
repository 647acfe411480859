//! How values come out of the Rhai engine: with the places of the expressions they come from.

use palladium_value::{Code, Data, Diagnostic, Entry, KeyPath, Map, Span, Value};
use rhai::{Dynamic, Expr, FnPtr};

use crate::limits;
use crate::rhai_functions::{Functions, function_data};
use crate::rhai_spans::Spans;
use crate::script::Opaque;

/// Turns the engine's values into ours.
pub(crate) struct Importer<'a> {
    /// Where values come from; scripts have no such knowledge.
    pub(crate) spans: Option<&'a Spans<'a>>,
    /// The code whose functions may be among the values.
    pub(crate) functions: Option<&'a Functions<'a>>,
    pub(crate) findings: Vec<Diagnostic>,
}

impl<'a> Importer<'a> {
    /// Converts a value; `expr` is the expression it probably comes from, `around` the nearest known place.
    pub(crate) fn value(
        &mut self,
        value: &Dynamic,
        expr: Option<&'a Expr>,
        around: &Span,
        path: &KeyPath,
        depth: usize,
    ) -> Value {
        let expr = self.origin(value, expr);
        let place = self.spans.zip(expr).and_then(|(spans, expr)| spans.expression(expr));
        let place = place.unwrap_or_else(|| around.clone());
        if depth > limits::TREE_DEPTH {
            let message = format!("more than {} lists and maps inside each other", limits::TREE_DEPTH);
            self.findings.push(Diagnostic::new(Code::TooLarge, message).at(&place, ""));
            return Value::new(Data::Null, place);
        }
        if let Ok(items) = value.as_array_ref() {
            let written = match expr {
                Some(Expr::Array(written, _)) if written.len() == items.len() => Some(&**written),
                _ => None,
            };
            let item = |(index, item): (usize, &Dynamic)| {
                let expr = written.and_then(|written| written.get(index));
                self.value(item, expr, &place, &path.join(index.to_string()), depth + 1)
            };
            return Value::new(Data::List(items.iter().enumerate().map(item).collect()), place.clone());
        }
        if let Ok(entries) = value.as_map_ref() {
            return Value::new(Data::Map(self.map(&entries, expr, &place, path, depth)), place);
        }
        let data = scalar(value).or_else(|| self.special(value)).unwrap_or_else(|| {
            self.findings.push(unsupported(value).at(&place, "").in_key(path));
            Data::Null
        });
        Value::new(data, place)
    }

    /// Returns a function or a component.
    fn special(&self, value: &Dynamic) -> Option<Data> {
        if let Some(pointer) = value.read_lock::<FnPtr>() {
            return function_data(&pointer, self.functions);
        }
        value.read_lock::<Opaque>().map(|opaque| Data::Component(std::sync::Arc::clone(&opaque.0)))
    }

    /// Returns the expression if the value can be what it says: variables change after they were defined.
    fn origin(&self, value: &Dynamic, expr: Option<&'a Expr>) -> Option<&'a Expr> {
        let expr = self.spans?.resolve(expr?);
        match expr {
            Expr::Map(..) => value.is_map().then_some(expr),
            Expr::Array(..) => value.is_array().then_some(expr),
            _ => match expr.get_literal_value(None).map(|literal| (scalar(&literal), scalar(value))) {
                Some((Some(literal), Some(value))) => is_same(&literal, &value).then_some(expr),
                Some((None, None)) | None => Some(expr),
                Some(_) => None,
            },
        }
    }

    /// Converts a map: the keys of the literal in their order, then the others in the engine's.
    fn map(&mut self, entries: &rhai::Map, expr: Option<&'a Expr>, place: &Span, path: &KeyPath, depth: usize) -> Map {
        let mut map = Map::with_capacity(entries.len());
        if let (Some(spans), Some(Expr::Map(written, _))) = (self.spans, expr) {
            for (name, expr) in &written.0 {
                if let Some(value) = entries.get(name.name.as_str()) {
                    let key_span = spans.token(name.pos).unwrap_or_else(|| place.clone());
                    let value = self.value(value, Some(expr), place, &path.join(&name.name), depth + 1);
                    map.insert(name.name.to_string(), Entry { key_span, value });
                }
            }
        }
        for (key, value) in entries {
            if !map.contains_key(key.as_str()) {
                let value = self.value(value, None, place, &path.join(key), depth + 1);
                map.insert(key.to_string(), Entry { key_span: place.clone(), value });
            }
        }
        map
    }
}

/// Returns what is neither list nor map, if a configuration can hold it.
pub(crate) fn scalar(value: &Dynamic) -> Option<Data> {
    if value.is_unit() {
        return Some(Data::Null);
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Some(Data::Text(text.to_string()));
    }
    let number = value.as_int().ok().map(Data::Int).or_else(|| value.as_float().ok().map(Data::Float));
    let flag = || value.as_bool().ok().map(Data::Bool);
    number.or_else(flag).or_else(|| value.as_char().ok().map(|character| Data::Text(character.to_string())))
}

/// Tells whether two scalars are the very same: a whole number is not a number with a fraction.
pub(crate) fn is_same(a: &Data, b: &Data) -> bool {
    match (a, b) {
        (Data::Null, Data::Null) => true,
        (Data::Bool(a), Data::Bool(b)) => a == b,
        (Data::Int(a), Data::Int(b)) => a == b,
        (Data::Float(a), Data::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Data::Text(a), Data::Text(b)) => a == b,
        _ => false,
    }
}

pub(crate) fn type_name(value: &Dynamic) -> String {
    match value.type_name() {
        "array" => "a list".to_owned(),
        "string" | "char" => "text".to_owned(),
        "i64" | "f64" => "a number".to_owned(),
        "bool" => "a flag".to_owned(),
        "Fn" => "a function".to_owned(),
        other => format!("a value of type `{}`", other.rsplit("::").next().unwrap_or(other)),
    }
}

fn unsupported(value: &Dynamic) -> Diagnostic {
    if let Some(pointer) = value.read_lock::<FnPtr>() {
        let message = format!("`{}` is no function of this code or of a module that it imports", pointer.fn_name());
        return Diagnostic::new(Code::BadArguments, message)
            .help("write a closure around it, such as `|x| name(x)`, or define the function");
    }
    Diagnostic::new(Code::ScriptFailed, format!("{} cannot stand in a configuration", type_name(value)))
        .note("a configuration holds null, flags, numbers, text, lists, maps and functions")
}
