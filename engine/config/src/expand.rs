//! Placeholders in the texts of RON files: `${here}`, `${environ.NAME}`, `${environ.NAME:-default}`, `$$`.

use std::ops::Range;

use palladium_value::{Code, Diagnostic, nearest};

use crate::environment::{Reader, Unread};

/// What a file may refer to.
pub(crate) struct Surroundings<'a> {
    /// The absolute directory of the file; missing where it is not UTF-8 or there is no file.
    pub(crate) here: Option<&'a str>,
    /// The environment.
    pub(crate) reader: &'a Reader,
}

/// A placeholder that could not be replaced: where it stands in the text, the finding and its label.
pub(crate) type Unreplaced = (Range<usize>, Diagnostic, &'static str);

/// Replaces the placeholders of a text, each once: what is put in is not looked at again.
///
/// As in a shell, `:-` also gives its default for a variable that is set and empty.
pub(crate) fn expand(text: &str, surroundings: &Surroundings<'_>) -> Result<String, Vec<Unreplaced>> {
    let mut expanded = String::with_capacity(text.len());
    let mut unreplaced = Vec::new();
    let mut rest = 0;
    while let Some(dollar) = text[rest..].find('$').map(|found| rest + found) {
        expanded.push_str(&text[rest..dollar]);
        let after = &text[dollar + 1..];
        if after.starts_with('$') {
            expanded.push('$');
            rest = dollar + 2;
        } else if let Some(inside) = after.strip_prefix('{') {
            let Some(length) = inside.find('}') else {
                unreplaced.push((dollar..dollar + 2, unclosed(), "opened here"));
                rest = dollar + 2;
                continue;
            };
            rest = dollar + 2 + length + 1;
            match replacement(&inside[..length], surroundings) {
                Ok(value) => expanded.push_str(&value),
                Err((diagnostic, label)) => unreplaced.push((dollar..rest, diagnostic, label)),
            }
        } else {
            expanded.push('$');
            rest = dollar + 1;
        }
    }
    expanded.push_str(&text[rest..]);
    if unreplaced.is_empty() { Ok(expanded) } else { Err(unreplaced) }
}

fn replacement(placeholder: &str, surroundings: &Surroundings<'_>) -> Result<String, (Diagnostic, &'static str)> {
    if placeholder == "here" {
        return surroundings.here.map(str::to_owned).ok_or_else(|| (no_directory(), "read here"));
    }
    let (name, default) = match placeholder.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (placeholder, None),
    };
    let name = name.strip_prefix("environ.").filter(|name| !name.is_empty());
    let (Some(name), false) = (name, placeholder.contains("${")) else { return Err((unknown(placeholder), "")) };
    match (surroundings.reader.read(name), default) {
        (Ok(value), Some(default)) if value.is_empty() || !surroundings.reader.is_set(name) => Ok(default.to_owned()),
        (Err(Unread::Unset), Some(default)) => Ok(default.to_owned()),
        (Ok(value), _) => Ok(value),
        (Err(why @ Unread::Unset), None) => {
            let diagnostic = surroundings.reader.unread(name, &why);
            Err((diagnostic.help(format!("`${{environ.{name}:-default}}` gives a default")), "read here"))
        }
        (Err(why), _) => Err((surroundings.reader.unread(name, &why), "read here")),
    }
}

/// The finding about `here` in a directory whose name is not UTF-8.
pub(crate) fn no_directory() -> Diagnostic {
    Diagnostic::new(Code::Syntax, "`here` cannot be used: the directory of this file has no UTF-8 name")
}

fn unclosed() -> Diagnostic {
    Diagnostic::new(Code::Syntax, "`${` is not closed by `}`").help("write `$$` for a dollar")
}

fn unknown(placeholder: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::Syntax, format!("unknown placeholder `${{{placeholder}}}`"))
        .note("known are `${here}`, `${environ.NAME}` and `${environ.NAME:-default}`; they do not nest");
    let (first, rest) = placeholder.split_once('.').unwrap_or((placeholder, ""));
    match nearest(first, ["here", "environ"]) {
        Some("here") if rest.is_empty() => return diagnostic.help("did you mean `${here}`?"),
        Some("environ") => {
            let name = if rest.is_empty() { "NAME" } else { rest };
            return diagnostic.help(format!("did you mean `${{environ.{name}}}`?"));
        }
        _ => {}
    }
    let bare = placeholder.strip_prefix("env.").unwrap_or(placeholder);
    let is_name = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name {
        return diagnostic.help(format!(
            "`${{environ.{bare}}}` reads the environment variable `{bare}`; `$${{{placeholder}}}` is the plain text"
        ));
    }
    diagnostic.help("write `$$` for a dollar")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Environment;

    fn check(text: &str) -> Result<String, Vec<(Range<usize>, Code)>> {
        let reader = Reader::new(Environment::from_iter([("A", "${here} $$ ä"), ("EMPTY", ""), ("B", "b")]));
        let surroundings = Surroundings { here: Some("/dir"), reader: &reader };
        expand(text, &surroundings)
            .map_err(|all| all.into_iter().map(|(range, diagnostic, _)| (range, diagnostic.code)).collect())
    }

    #[test]
    fn replaces_once() {
        let cases = [
            ("", ""),
            ("plain", "plain"),
            ("${here}/x", "/dir/x"),
            ("${environ.A}", "${here} $$ ä"),
            ("<${environ.B}${environ.B}>", "<bb>"),
            ("${environ.NO:-default}", "default"),
            ("${environ.NO:-}", ""),
            ("${environ.NO:-a:-b}", "a:-b"),
            ("${environ.B:-default}", "b"),
            ("${environ.EMPTY:-default}", "default"),
            ("${environ.EMPTY}", ""),
            ("$$", "$"),
            ("$${here}", "${here}"),
            ("$$$$", "$$"),
            ("$$${here}", "$/dir"),
            ("5 $ and $x", "5 $ and $x"),
            ("model-{version} {}", "model-{version} {}"),
            ("$", "$"),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn advises_what_may_be_meant() {
        let cases = [
            ("hree", "did you mean `${here}`?"),
            ("HERE", "did you mean `${here}`?"),
            ("environ", "did you mean `${environ.NAME}`?"),
            ("environ.", "did you mean `${environ.NAME}`?"),
            ("envrion.HOME", "did you mean `${environ.HOME}`?"),
            ("env.HOME", "`${environ.HOME}` reads the environment variable `HOME`; `$${env.HOME}` is the plain text"),
            ("HOME", "`${environ.HOME}` reads the environment variable `HOME`; `$${HOME}` is the plain text"),
            ("a b", "write `$$` for a dollar"),
        ];
        for (placeholder, help) in cases {
            assert_eq!(unknown(placeholder).help, [help], "{placeholder}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let cases = [
            ("a ${nope} b", vec![(2..9, Code::Syntax)]),
            ("${}", vec![(0..3, Code::Syntax)]),
            ("${environ.}", vec![(0..11, Code::Syntax)]),
            ("${here:-x}", vec![(0..10, Code::Syntax)]),
            ("${environ.NO}", vec![(0..13, Code::MissingEnv)]),
            ("ä${environ.NO} ${x}", vec![(2..15, Code::MissingEnv), (16..20, Code::Syntax)]),
            ("x ${here", vec![(2..4, Code::Syntax)]),
            ("${environ.NO:-${here}}", vec![(0..21, Code::Syntax)]),
        ];
        for (text, expected) in cases {
            assert_eq!(check(text), Err(expected), "{text}");
        }
    }
}
