//! What was probably meant by a name that Rhai code does not know, and by what is written as in another language.

use palladium_value::{Code, Diagnostic, nearest};
use rhai::Engine;

/// Returns the finding about a name that code does not know, with the nearest one that it knows.
pub fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    let finding = Diagnostic::new(Code::ScriptFailed, format!("there is no {what} `{name}`"));
    match nearest(name, known.into_iter().filter(|known| *known != name)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding,
    }
}

/// Returns the finding about a call of something that is not there for these arguments; `signature` is `name (types)`.
pub(crate) fn unknown_function(signature: &str, engine: &Engine, text: &str) -> Diagnostic {
    let (name, arguments) = signature.split_once(" (").unwrap_or((signature, ""));
    let arguments: Vec<&str> =
        arguments.trim_end_matches(')').split(", ").filter(|argument| !argument.is_empty()).map(in_words).collect();
    let given = match arguments.is_empty() {
        true => "without arguments".to_owned(),
        false => format!("for {}", arguments.join(", ")),
    };
    let message = format!("there is no function `{name}` {given}");
    let finding = Diagnostic::new(Code::ScriptFailed, message);
    let registered = engine.collect_fn_metadata(None, |function| Some(function.metadata.name.to_string()), true);
    let defined = declared(text, &["fn"]);
    let is_word = |name: &&str| name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let known: Vec<&str> = registered.iter().map(String::as_str).chain(defined).filter(is_word).collect();
    if known.contains(&name) {
        return finding.help("there is one of this name for other arguments");
    }
    match nearest(name, known.into_iter().filter(|known| !known.contains('$'))) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding,
    }
}

/// Returns Rhai's name of a type in our words.
pub fn in_words(name: &str) -> &str {
    match name.trim_start_matches("&mut ").rsplit("::").next().unwrap_or(name) {
        "array" | "Array" => "a list",
        "map" | "Map" => "a map",
        "string" | "char" | "&str | ImmutableString | String" | "ImmutableString" | "String" => "text",
        "i64" => "a whole number",
        "f64" => "a number",
        "bool" => "a flag",
        "()" => "nothing",
        "Fn" | "FnPtr" => "a function",
        "component" => "a component, model or table",
        other => other,
    }
}

/// Returns the names of the variables and parameters that code has.
pub(crate) fn variables(text: &str) -> Vec<&str> {
    let mut names = declared(text, &["let", "const", "for", "as"]);
    for part in text.split('|').skip(1).chain(text.split("fn ").skip(1).filter_map(parameters)) {
        if part.len() < 200 && part.chars().all(|sign| is_word(sign) || sign == ',' || sign == ' ') {
            names.extend(part.split(',').map(str::trim).filter(|name| !name.is_empty() && !name.contains(' ')));
        }
    }
    names
}

/// Returns what stands in the brackets behind the name of a function.
fn parameters(definition: &str) -> Option<&str> {
    Some(definition.split_once('(')?.1.split_once(')')?.0)
}

/// Returns the keys of the maps that code writes: the words and texts before colons.
pub(crate) fn keys(text: &str) -> Vec<&str> {
    let before_colons = text.split(':').map(|part| part.trim_end().trim_end_matches(['"', '\'']));
    before_colons
        .map(|part| &part[part.rfind(|sign| !is_word(sign)).map_or(0, |end| end + width(&part[end..]))..])
        .collect()
}

/// Returns the words that stand behind one of these.
fn declared<'a>(text: &'a str, keywords: &[&str]) -> Vec<&'a str> {
    let words: Vec<&str> = text.split(|sign| !is_word(sign)).filter(|word| !word.is_empty()).collect();
    words.windows(2).filter(|pair| keywords.contains(&pair[0])).map(|pair| pair[1]).collect()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn width(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// Returns the advice where the parser stopped at a colon that RON, JSON or Python would take there.
pub(crate) fn at_colon(text: &str, offset: usize) -> Option<String> {
    if !text.get(offset..)?.starts_with(':') {
        return None;
    }
    let (bracket, start) = innermost(&text[..offset])?;
    let before = &text[..start];
    match bracket {
        '{' if !before.ends_with('#') => Some("a map begins with `#{`".to_owned()),
        '(' => {
            let name = &before
                [before.rfind(|sign| !is_word(sign) && sign != '.').map_or(0, |end| end + width(&before[end..]))..];
            let key = text[..offset].rsplit(|sign| !is_word(sign)).next().unwrap_or_default();
            let is_name = name.starts_with(|first: char| first.is_alphabetic());
            is_name.then(|| format!("a component is a map in Rhai: `#{{ \"!\": \"{name}\", {key}: … }}`"))
        }
        _ => None,
    }
}

/// Returns the innermost bracket that is open at the end of a text, and where it stands.
fn innermost(text: &str) -> Option<(char, usize)> {
    let mut open = Vec::new();
    let mut signs = text.char_indices().peekable();
    while let Some((start, sign)) = signs.next() {
        match sign {
            '(' | '[' | '{' => open.push((sign, start)),
            ')' | ']' | '}' => _ = open.pop(),
            '"' | '\'' | '`' => {
                while let Some((_, inner)) = signs.next() {
                    match inner {
                        '\\' if sign != '`' => _ = signs.next(),
                        _ if inner == sign => break,
                        _ => {}
                    }
                }
            }
            '/' if text[start..].starts_with("//") => while signs.next_if(|(_, sign)| *sign != '\n').is_some() {},
            _ => {}
        }
    }
    open.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_names_of_a_text() {
        let text = "let a = 1; fn f(x, yy) { x } const B = |p, q| p; for i in 0..3 {} #{ model: 1, \"other\": 2 }";
        assert_eq!(variables(text), ["a", "B", "i", "p", "q", "x", "yy"]);
        assert_eq!(declared(text, &["fn"]), ["f"]);
        assert!(keys(text).contains(&"model") && keys(text).contains(&"other"), "{:?}", keys(text));
    }

    #[test]
    fn says_how_maps_and_components_are_written() {
        let cases = [
            ("{ \"a\": 1 }", Some("a map begins with `#{`")),
            ("#{ x: \"{(\", b: { a: 1 } }", Some("a map begins with `#{`")),
            ("#{ m: A.B(C: 1) }", Some("a component is a map in Rhai: `#{ \"!\": \"A.B\", C: … }`")),
            ("#{ a: 1 }", None),
            ("(a: 1)", None),
        ];
        for (text, expected) in cases {
            let offset = text.rfind(':').unwrap();
            assert_eq!(at_colon(text, offset).as_deref(), expected, "{text}");
        }
    }
}
