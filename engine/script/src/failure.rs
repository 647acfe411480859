//! From errors of the engine to diagnostics that point into the script.

use std::collections::BTreeMap;
use std::sync::Arc;

use palladium_component::value::{Code, Diagnostic, Position as Place, Source, Span, nearest};
use palladium_config::script::{Failed, in_words, unknown};
use rhai::{EvalAltResult, ParseError, ParseErrorType, Position};

use crate::methods::{METHODS, Method, Of};
use crate::modules::Modules;

/// Where the code of a session stands.
pub(crate) struct Whereabouts<'a> {
    /// What is being evaluated.
    pub(crate) source: &'a Arc<Source>,
    /// The texts in which functions were defined.
    pub(crate) defined: &'a BTreeMap<String, Arc<Source>>,
    pub(crate) modules: &'a Modules,
    /// The names of variables.
    pub(crate) names: Vec<String>,
}

/// Returns the finding about a text that is not Rhai.
pub(crate) fn syntax(source: &Arc<Source>, error: &ParseError) -> Box<Diagnostic> {
    let finding = Diagnostic::new(Code::Syntax, our_words(&error.err_type().to_string()));
    let end = source.text().len();
    let span = span(source, error.position()).unwrap_or_else(|| Span::new(source, end..end));
    let finding = finding.at(&span, "");
    Box::new(match error.err_type() {
        ParseErrorType::UnexpectedEOF => finding.help("the text ends before its last expression does"),
        _ => finding,
    })
}

impl Whereabouts<'_> {
    /// Returns the finding about code that failed; nothing for one that was interrupted.
    pub(crate) fn failure(&self, error: EvalAltResult) -> Option<Box<Diagnostic>> {
        let mut text = Arc::clone(self.source);
        let mut callers: Vec<Span> = Vec::new();
        let mut error = error;
        let mut error = loop {
            match error {
                EvalAltResult::ErrorInFunctionCall(name, module, inner, position) => {
                    callers.extend(span(&text, position));
                    let defined = self.modules.source(&module).or_else(|| self.defined.get(&name).cloned());
                    text = defined.unwrap_or(text);
                    error = *inner;
                }
                EvalAltResult::ErrorInModule(path, inner, position) => {
                    callers.extend(span(&text, position));
                    text = self.modules.source(&path).unwrap_or(text);
                    error = *inner;
                }
                other => break other,
            }
        };
        let position = error.take_position();
        let finding = match error {
            EvalAltResult::ErrorTerminated(..) => return None,
            EvalAltResult::ErrorRuntime(token, _) if token.is::<Failed>() => token.cast::<Failed>().into_diagnostic(),
            EvalAltResult::ErrorParsing(kind, _) => Diagnostic::new(Code::Syntax, our_words(&kind.to_string())),
            EvalAltResult::ErrorFunctionNotFound(signature, _) => no_function(&signature),
            EvalAltResult::ErrorVariableNotFound(name, _) => self.unknown("variable", &name),
            EvalAltResult::ErrorPropertyNotFound(name, _) => self.unknown("entry", &name),
            EvalAltResult::ErrorAssignmentToConstant(name, _) => {
                Diagnostic::new(Code::ScriptFailed, format!("`{name}` cannot be changed"))
                    .help(format!("`let {name} = …` makes a variable of this name"))
            }
            EvalAltResult::ErrorRuntime(value, _) if !value.is_unit() => {
                let message = match value.into_string() {
                    Ok(message) => message,
                    Err(_) => "the script threw a value".to_owned(),
                };
                Diagnostic::new(Code::ScriptFailed, message)
            }
            other => Diagnostic::new(Code::ScriptFailed, our_words(&other.to_string())),
        };
        let own = span(&text, position);
        let mut places: Vec<Span> = own.into_iter().chain(callers.into_iter().rev()).collect();
        places.dedup_by_key(|place| place.to_string());
        let mut finding = finding;
        for place in places.iter().take(6) {
            finding = match finding.labels.is_empty() {
                true => finding.at(place, ""),
                false => finding.also(place, "called from here"),
            };
        }
        Some(Box::new(finding))
    }
}

impl Whereabouts<'_> {
    fn unknown(&self, what: &str, name: &str) -> Diagnostic {
        unknown(what, name, self.names.iter().map(String::as_str))
    }
}

/// Returns the finding about a call of something that is not there.
fn no_function(signature: &str) -> Diagnostic {
    let (name, arguments) = signature.split_once(" (").unwrap_or((signature, ""));
    let arguments = arguments.trim_end_matches(')');
    let given: Vec<&str> = arguments.split(", ").filter(|argument| !argument.is_empty()).collect();
    let words = |given: &[&str]| given.iter().map(|name| in_words(name)).collect::<Vec<_>>().join(", ");
    let message = match given.as_slice() {
        [] => format!("there is no function `{name}` without arguments"),
        [HOST] => format!("this value has no method `{name}` without arguments"),
        [HOST, rest @ ..] => format!("this value has no method `{name}` for {}", words(rest)),
        all => format!("there is no function or method `{name}` for {}", words(all)),
    };
    let finding = Diagnostic::new(Code::ScriptFailed, message);
    let called = || METHODS.iter().filter(|method| method.is_called());
    let same: Vec<&Method> = called().filter(|method| method.name() == name).collect();
    // What stands before a dot is an argument too.
    let is_method = arguments.starts_with(HOST);
    let fitting = same.iter().find(|method| (method.of != Of::Session) == is_method);
    if let Some(method) = fitting.or(same.first()) {
        return finding.help(format!("`{}`: {}", method.signature, method.docs));
    }
    match nearest(name, called().map(Method::name)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding,
    }
}

/// The name under which Rhai knows all our values.
const HOST: &str = "component";

/// Writes the engine's messages as ours are written.
fn our_words(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    let message = first + characters.as_str();
    if message.matches('\'').count().is_multiple_of(2) { message.replace('\'', "`") } else { message }
}

/// Returns the place of the word, number or sign at a position.
fn span(source: &Arc<Source>, position: Position) -> Option<Span> {
    let (line, column) = (position.line()?, position.position().unwrap_or(1));
    let mut start = source.offset(Place { line, column });
    if source.text()[start..].starts_with('.') {
        // Of a property the engine knows the place of the dot.
        start += 1;
    }
    let rest = &source.text()[start..];
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let length = match rest.find(|character| !is_word(character)).unwrap_or(rest.len()) {
        0 => first,
        length => length,
    };
    Some(Span::new(source, start..start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_called_on_what() {
        let cases = [
            ("lod (component)", "this value has no method `lod` without arguments", Some("did you mean `load`?")),
            ("zzzzzz ()", "there is no function `zzzzzz` without arguments", None),
            ("head (array, string)", "there is no function or method `head` for a list, text", Some("`head(rows)`")),
        ];
        for (signature, message, help) in cases {
            let finding = no_function(signature);
            assert_eq!(finding.message, message);
            match help {
                Some(help) => assert!(finding.help[0].starts_with(help), "{:?}", finding.help),
                None => assert!(finding.help.is_empty()),
            }
        }
    }
}
