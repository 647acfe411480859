//! RON files: text to spanned values.
//!
//! The tree comes from `ron2`, whose nodes know where they stand. Maps `{…}` and structs `(…)` become maps,
//! lists and tuples lists, a named struct a map whose factory is the name, `Some(x)` is x, `None` and `()` are
//! null. Placeholders in texts are replaced, but not in keys and not in the text of a script.

use std::ops::Range;
use std::sync::Arc;

use palladium_value::{Code, Data, Diagnostic, Entry, Map, Source, Span, Value};
use ron2::ast::{AttributeContent, Document, Expr, Ident, NumberExpr, NumberKind, StructBody, StructField};

use crate::expand::{Surroundings, expand};
use crate::limits;
use crate::literal::place_in_literal;
use crate::ron_syntax::syntax;

/// The extensions of RON, which make no difference for a tree without types.
const EXTENSIONS: [&str; 4] = ["implicit_some", "unwrap_newtypes", "unwrap_variant_newtypes", "explicit_struct_names"];

/// Reads a RON text.
pub(crate) fn read(source: &Arc<Source>, surroundings: &Surroundings<'_>) -> Result<Value, Vec<Diagnostic>> {
    parse(source, source.text(), surroundings, true)
}

/// Reads the RON value that follows in a text from an offset on.
pub(crate) fn read_value(
    source: &Arc<Source>,
    start: usize,
    surroundings: &Surroundings<'_>,
) -> Result<Value, Vec<Diagnostic>> {
    // Blanks in the place of what stands before keep all offsets.
    let text = " ".repeat(start) + source.text().get(start..).unwrap_or_default();
    parse(source, &text, surroundings, false)
}

fn parse(
    source: &Arc<Source>,
    text: &str,
    surroundings: &Surroundings<'_>,
    is_file: bool,
) -> Result<Value, Vec<Diagnostic>> {
    check_size(source, text)?;
    let document = ron2::ast::parse_document(text).map_err(|error| vec![syntax(source, text, &error, is_file)])?;
    let mut reader = Reader { source, surroundings, findings: Vec::new() };
    let value = if is_file { reader.document(&document) } else { reader.single_value(&document) };
    if reader.findings.is_empty() { Ok(value) } else { Err(reader.findings) }
}

/// Refuses texts whose nesting or number of values would cost too much to parse.
///
/// The tokens are those that the parser sees, so nothing can hide from the count; the parser itself must never
/// meet its own limit of depth, because it does not come back from every text that reaches it.
fn check_size(source: &Arc<Source>, text: &str) -> Result<(), Vec<Diagnostic>> {
    let (mut depth, mut values) = (0_usize, 0_usize);
    for token in ron2::__internal::Lexer::new(text) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "," => {}
            _ => continue,
        }
        values += 1;
        let message = if depth > limits::FILE_DEPTH {
            format!("more than {} lists and maps inside each other", limits::FILE_DEPTH)
        } else if values > limits::FILE_VALUES {
            format!("more than {} values in one file", limits::FILE_VALUES)
        } else {
            continue;
        };
        let span = span(source, token.span.start_offset..token.span.end_offset);
        return Err(vec![Diagnostic::new(Code::TooLarge, message).at(&span, "here")]);
    }
    Ok(())
}

/// Returns a span that begins and ends between characters.
pub(crate) fn span(source: &Arc<Source>, range: Range<usize>) -> Span {
    let text = source.text();
    let mut start = range.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = range.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Span::new(source, start..end)
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    surroundings: &'a Surroundings<'a>,
    findings: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn span(&self, span_in_file: &ron2::Span) -> Span {
        span(self.source, span_in_file.start_offset..span_in_file.end_offset)
    }

    fn document(&mut self, document: &Document<'_>) -> Value {
        for attribute in &document.attributes {
            let is_extension = match &attribute.content {
                AttributeContent::Args(names) => names.iter().all(|name| EXTENSIONS.contains(&name.as_ref())),
                _ => false,
            };
            if attribute.name != "enable" || !is_extension {
                let message = match &*attribute.name {
                    "enable" => "unknown extension".to_owned(),
                    other => format!("unknown attribute `{other}`"),
                };
                let finding = Diagnostic::new(Code::Syntax, message).at(&self.span(&attribute.span), "");
                self.findings.push(finding.note("only RON's own extensions can be enabled, such as `implicit_some`"));
            }
        }
        match &document.value {
            Some(root) => {
                let value = self.value(root);
                if value.as_list().is_some() || (value.as_map().is_none() && self.findings.is_empty()) {
                    let message = format!("a configuration file holds a map, this is {}", value.describe());
                    let finding = Diagnostic::new(Code::NotAMap, message).at(&value.span, "expected a map");
                    self.findings.push(finding.help("write `{\"key\": value}` or `(key: value)`"));
                }
                value
            }
            None => {
                let end = self.source.text().len();
                let place = span(self.source, 0..end.min(1));
                let finding = Diagnostic::new(Code::NotAMap, "a configuration file holds a map, this one is empty");
                self.findings.push(finding.at(&place, "").help("write `{}` for no entries"));
                Value::new(Data::Null, place)
            }
        }
    }

    fn single_value(&mut self, document: &Document<'_>) -> Value {
        if let Some(value) = &document.value {
            return self.value(value);
        }
        let end = self.source.text().len();
        let place = span(self.source, end..end);
        let finding = Diagnostic::new(Code::Syntax, "the value is missing").at(&place, "");
        self.findings.push(finding.help("write a value of RON: `1.5`, `\"text\"`, `[1, 2]`, `None`"));
        Value::new(Data::Null, place)
    }

    fn value(&mut self, expr: &Expr<'_>) -> Value {
        let place = self.span(expr.span());
        let data = match expr {
            Expr::Unit(_) => Data::Null,
            Expr::Bool(flag) => Data::Bool(flag.value),
            Expr::Char(character) => Data::Text(character.value.to_string()),
            Expr::Number(number) => self.number(number, &place),
            Expr::String(text) => Data::Text(self.text(&text.value, &place)),
            Expr::Option(option) => match &option.value {
                Some(inner) => return self.value(&inner.expr),
                None => Data::Null,
            },
            Expr::Seq(list) => Data::List(list.items.iter().map(|item| self.value(&item.expr)).collect()),
            Expr::Tuple(tuple) => Data::List(tuple.elements.iter().map(|item| self.value(&item.expr)).collect()),
            Expr::Map(map) => {
                let mut entries = Map::with_capacity(map.entries.len());
                for entry in &map.entries {
                    if let Some(key) = self.key(&entry.key) {
                        let key_span = self.span(entry.key.span());
                        self.insert(&mut entries, key, key_span, &entry.value);
                    }
                }
                Data::Map(entries)
            }
            Expr::AnonStruct(fields) => {
                let mut entries = Map::with_capacity(fields.fields.len());
                self.fields(&mut entries, &fields.fields);
                Data::Map(entries)
            }
            Expr::Struct(named) => self.named(&named.name, named.body.as_ref()),
            Expr::Byte(_) | Expr::Bytes(_) => {
                let finding = Diagnostic::new(Code::Syntax, "a configuration has no byte strings");
                self.findings.push(finding.at(&place, "leave the `b` out"));
                Data::Null
            }
            Expr::Error(error) => {
                self.findings.push(syntax(self.source, self.source.text(), &error.error, true));
                Data::Null
            }
        };
        Value::new(data, place)
    }

    fn key(&mut self, key: &Expr<'_>) -> Option<String> {
        let (message, help) = match key {
            Expr::String(text) => return Some(text.value.clone()),
            Expr::Char(character) => return Some(character.value.to_string()),
            Expr::Struct(named) if named.body.is_none() => {
                let name = identifier(&named.name);
                let message = format!("the key `{name}` stands without quotes in `{{…}}`");
                (message, format!("write `\"{name}\": …`, or `(…)` instead of `{{…}}`"))
            }
            _ => ("a key is text".to_owned(), "write it in quotes".to_owned()),
        };
        let finding = Diagnostic::new(Code::Syntax, message).at(&self.span(key.span()), "").help(help);
        self.findings.push(finding);
        None
    }

    fn fields(&mut self, entries: &mut Map, fields: &[StructField<'_>]) {
        for field in fields {
            let key_span = self.span(&field.name.span);
            self.insert(entries, identifier(&field.name).to_owned(), key_span, &field.value);
        }
    }

    fn insert(&mut self, entries: &mut Map, key: String, key_span: Span, expr: &Expr<'_>) {
        let value = match (key.as_str(), expr) {
            // A script has placeholders of its own, and no variable's value shall become program text.
            ("__rhai__", Expr::String(text)) => Value::new(Data::Text(text.value.clone()), self.span(&text.span)),
            _ => self.value(expr),
        };
        if let Some(first) = entries.get(&key) {
            let finding = Diagnostic::new(Code::Syntax, format!("the key `{key}` stands twice in one map"))
                .at(&key_span, "given again here")
                .also(&first.key_span, "first given here");
            self.findings.push(finding);
        } else {
            entries.insert(key, Entry { key_span, value });
        }
    }

    /// A named struct is a factory with its arguments.
    fn named(&mut self, name: &Ident<'_>, body: Option<&StructBody<'_>>) -> Data {
        let place = self.span(&name.span);
        let bare = identifier(name);
        let factory = Value::new(Data::Text(bare.to_owned()), place.clone());
        let mut entries = Map::new();
        entries.insert("!".to_owned(), Entry { key_span: place.clone(), value: factory });
        match body {
            Some(StructBody::Fields(fields)) => self.fields(&mut entries, &fields.fields),
            Some(StructBody::Tuple(tuple)) if tuple.elements.is_empty() => {}
            Some(StructBody::Tuple(_)) => {
                let message = format!("the arguments of `{bare}` have no names");
                let finding = Diagnostic::new(Code::Syntax, message).at(&place, "");
                self.findings.push(finding.help(format!("write `{bare}(name: value)`")));
            }
            None => {
                let finding = Diagnostic::new(Code::Syntax, format!("the bare word `{bare}` is not a value"));
                let help = match bare {
                    "null" | "nil" | "none" | "NULL" | "Null" => "write `None`".to_owned(),
                    "True" | "TRUE" | "yes" | "on" => "write `true`".to_owned(),
                    "False" | "FALSE" | "no" | "off" => "write `false`".to_owned(),
                    "nan" => "write `NaN`".to_owned(),
                    _ => format!("write `\"{bare}\"` for text, `{bare}()` for a component without arguments"),
                };
                self.findings.push(finding.at(&place, "").help(help));
            }
        }
        Data::Map(entries)
    }

    fn text(&mut self, text: &str, place: &Span) -> String {
        expand(text, self.surroundings).unwrap_or_else(|unreplaced| {
            for (range, diagnostic, label) in unreplaced {
                self.findings.push(diagnostic.at(&place_in_literal(place, text, range), label));
            }
            String::new()
        })
    }

    fn number(&mut self, number: &NumberExpr<'_>, place: &Span) -> Data {
        let digits: String = number.raw.chars().filter(|character| *character != '_').collect();
        let data = match number.kind {
            NumberKind::Integer | NumberKind::NegativeInteger => whole_number(&digits).map(Data::Int),
            NumberKind::Float | NumberKind::SpecialFloat => {
                let digits = digits.strip_suffix("f32").or_else(|| digits.strip_suffix("f64")).unwrap_or(&digits);
                digits.parse().ok().map(Data::Float)
            }
        };
        data.unwrap_or_else(|| {
            let (message, help) = if number.kind == NumberKind::Float {
                (format!("`{}` is not a number", number.raw), "write `1.5`, `1e-3`, `inf` or `NaN`")
            } else {
                let range = "whole numbers lie between -9223372036854775808 and 9223372036854775807";
                (format!("the whole number `{}` is out of range", number.raw), range)
            };
            self.findings.push(Diagnostic::new(Code::Syntax, message).at(place, "").help(help));
            Data::Null
        })
    }
}

/// Returns a name without the mark of RON's raw identifiers, `r#`.
fn identifier<'a>(name: &'a Ident<'_>) -> &'a str {
    name.name.strip_prefix("r#").unwrap_or(&name.name)
}

/// Parses a whole number in any base, with or without RON's type suffix.
fn whole_number(digits: &str) -> Option<i64> {
    let (sign, magnitude) = match digits.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", digits.strip_prefix('+').unwrap_or(digits)),
    };
    let based = [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)]
        .into_iter()
        .find_map(|(prefix, base)| Some((magnitude.strip_prefix(prefix)?, base)));
    let (magnitude, base) = based.unwrap_or((magnitude, 10));
    let magnitude = match magnitude.find(['i', 'u']) {
        Some(suffix) => &magnitude[..suffix],
        None => magnitude,
    };
    i64::from_str_radix(&format!("{sign}{magnitude}"), base).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;

    fn parse(text: &str) -> Result<Value, Vec<Diagnostic>> {
        let reader = environment::Reader::new([("NAME", "value")].into_iter().collect());
        read(&Source::new("a.ron", text), &Surroundings { here: Some("/here"), reader: &reader })
    }

    #[test]
    fn reads_values() {
        let cases = [
            ("null", r#"None"#),
            ("null", "()"),
            ("true", "true"),
            ("3", "3"),
            ("3", "Some(3)"),
            ("3", "Some(Some(3))"),
            ("null", "Some(())"),
            ("null", "Some(None)"),
            ("-3", "-3"),
            ("3", "+3"),
            ("255", "0xff"),
            ("-8", "-0o10"),
            ("5", "0b101"),
            ("1000", "1_000"),
            ("7", "7u8"),
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("1.5", "1.5"),
            ("1000.0", "1e3"),
            ("2.0", "2.0f32"),
            ("-0.0", "-0.0"),
            ("inf", "inf"),
            ("-inf", "-inf"),
            ("NaN", "NaN"),
            (r#""x""#, "'x'"),
            (r#""a\nb""#, r#""a\nb""#),
            (r#""a\\nb""#, r##"r#"a\nb"#"##),
            (r#""/here/value""#, r#""${here}/${environ.NAME}""#),
            (r#""/here""#, r##"r#"${here}"#"##),
            (r#""${here}""#, r#""$${here}""#),
            (r#""model-{version}""#, r#""model-{version}""#),
            ("[1, 2]", "[1, 2,]"),
            ("[1, 2]", "(1, 2)"),
            ("[1]", "(1)"),
            ("[]", "[]"),
            ("{}", "{}"),
            (r#"{"a": 1}"#, "(a: 1)"),
            (r#"{"a": 1}"#, r#"{"a": 1}"#),
            (r#"{"a b": 1}"#, r#"{"a b": 1}"#),
            (r#"{"type": 1}"#, "(r#type: 1)"),
            (r#"{"!": "Name"}"#, "Name()"),
            (r#"{"!": "Name", "C": 0.3}"#, "Name(C: 0.3)"),
            (r#"{"!": "a.b.Name", "C": 1}"#, "r#a.b.Name(C: 1)"),
            (r#"{"__rhai__": "`${x}`"}"#, r#"{"__rhai__": "`${x}`"}"#),
            (r#"{"${here}": 1}"#, r#"{"${here}": 1}"#),
        ];
        for (expected, text) in cases {
            let root = parse(&format!("// comment\n{{\"x\": /* a /* b */ */ {text},}}")).unwrap_or_else(|all| {
                panic!("{text}: {}", all[0].render(false));
            });
            assert_eq!(format!("{:?}", root.get("x").unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn knows_where_everything_stands() {
        let text = "(\n  a: [10, \"ä\"],\n  b: Name(c: {\"d\": -1.5}),\n)";
        let root = parse(text).unwrap();
        let map = root.as_map().unwrap();
        assert_eq!(root.span.text(), text);
        assert_eq!(map["a"].key_span.text(), "a");
        assert_eq!(map["a"].value.span.text(), "[10, \"ä\"]");
        assert_eq!(map["a"].value.as_list().unwrap()[1].span.text(), "\"ä\"");
        let named = map["b"].value.as_map().unwrap();
        assert_eq!(named["!"].value.span.text(), "Name");
        assert_eq!(named["c"].value.get("d").unwrap().span.text(), "-1.5");
        assert_eq!(named["c"].value.as_map().unwrap()["d"].key_span.to_string(), "a.ron:3:15");
    }

    #[test]
    fn accepts_extensions_that_change_nothing() {
        assert!(parse("#![enable(implicit_some, unwrap_newtypes)]\n(a: 1)").is_ok());
        assert!(parse("#![enable(other)]\n(a: 1)").is_err());
    }

    #[test]
    fn finds_everything_that_is_wrong_in_one_file() {
        let text = r#"{"a": 99999999999999999999, "b": Nope, "a": "${nope}", "c": "${environ.NAMES}", d: 1, 5: 6}"#;
        let findings = parse(text).unwrap_err();
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, ["syntax", "syntax", "syntax", "syntax", "missing_env", "syntax", "syntax"]);
    }

    #[test]
    fn deep_and_wide_texts_are_refused_quickly() {
        let deep = |open: &str, close: &str, count| format!("[{}{}]", open.repeat(count), close.repeat(count));
        for (open, close) in [("[", "]"), ("(", ")"), ("{\"a\":", "}"), ("A(a:", ")"), ("Some(", ")"), ("[", "}")] {
            assert_eq!(parse(&deep(open, close, 100_000)).unwrap_err()[0].code, Code::TooLarge, "{open}");
            assert_eq!(parse(&deep(open, "", 500)).unwrap_err()[0].code, Code::TooLarge, "{open}");
        }
        assert!(parse(&format!("(a: {})", deep("[", "]", 60))).is_ok());
        assert!(parse(&deep("[", "}", 60)).is_err());
        assert_eq!(parse(&format!("[{}]", "1,".repeat(250_001))).unwrap_err()[0].code, Code::TooLarge);
    }
}
