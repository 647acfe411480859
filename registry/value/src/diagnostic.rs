//! What the author of a configuration reads when something in it is wrong.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::json;

use crate::{KeyPath, Span, Value, has_placeholder};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// The sort of a diagnostic: stable, for machines and for looking things up.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// Returns the code as it is printed.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }
        }
    };
}

codes! {
    /// A configuration file does not exist or cannot be read.
    FileNotFound = "file_not_found",
    /// A file is not RON or not Rhai.
    Syntax = "syntax",
    /// The value of a file is not a map.
    NotAMap = "not_a_map",
    /// An environment variable that a file reads is not set.
    MissingEnv = "missing_env",
    /// A `__copy__` names nothing.
    CopyTargetMissing = "copy_target_missing",
    /// A `__copy__` leads back to itself.
    CopyCycle = "copy_cycle",
    /// A `__copy__` has overrides and names something that is not a map.
    CopyNotAMap = "copy_not_a_map",
    /// One map names its factory twice, or a short name fits several components.
    FactoryAmbiguous = "factory_ambiguous",
    /// No linked component has this name.
    UnknownComponent = "unknown_component",
    /// A component's arguments are unknown, missing, ill-typed or out of range.
    BadArguments = "bad_arguments",
    /// A script stopped with an error.
    ScriptFailed = "script_failed",
    /// A directive stands where only entries may stand.
    RootDirective = "root_directive",
    /// A component could not be initialized.
    InitFailed = "init_failed",
    /// A key that a command needs is not there.
    MissingKey = "missing_key",
    /// Nothing reads a root key that is almost one with a meaning.
    MisspeltKey = "misspelt_key",
    /// A process asked for a second configuration.
    AlreadyInitialized = "already_initialized",
    /// A configuration is larger or deeper than the limits allow.
    TooLarge = "too_large",
    /// Two routes of the service are the same.
    RouteConflict = "route_conflict",
    /// What a component needs from outside is not there, does not answer or refuses.
    Unreachable = "unreachable",
}

/// A place in a source, with a word about it.
#[derive(Clone, Debug)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What there is to say about it; may be empty.
    pub text: String,
    /// Whether this is the place that the diagnostic is about.
    pub primary: bool,
}

/// One finding about a configuration: what is wrong, where, what was expected and what to do.
///
/// Names stand in backticks; messages start in lower case. Never put the value of an environment variable
/// or a secret into one: quote the place instead, the source text is shown with it.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The sort of the finding.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    /// The places that matter, the primary one first.
    pub labels: Vec<Label>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Vec<String>,
    /// Where in the tree the finding stands.
    pub key_path: Option<KeyPath>,
    /// The component it concerns.
    pub component: Option<String>,
    /// Whether it is about a value that stands for that of an environment variable that is not set: with the real
    /// value there might be nothing to find.
    pub is_uncertain: bool,
    /// The map that a script threw on purpose: whoever called its function may know what it means.
    pub thrown: Option<Box<Value>>,
    /// The error of a component that a script asked for something, and did not catch: whoever called its function may
    /// pass it on.
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Diagnostic {
    /// Returns a diagnostic without a place.
    pub fn new(code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
            key_path: None,
            component: None,
            is_uncertain: false,
            thrown: None,
            cause: None,
        }
    }

    /// Adds the place that the diagnostic is about.
    #[must_use]
    pub fn at(mut self, span: &Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span: span.clone(), text: text.into(), primary: true });
        self
    }

    /// Adds a place that explains it.
    #[must_use]
    pub fn also(mut self, span: &Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span: span.clone(), text: text.into(), primary: false });
        self
    }

    /// Adds the place of a value, and the `__copy__` directives that brought it to where it stands.
    #[must_use]
    pub fn at_value(mut self, value: &Value, text: impl Into<String>) -> Diagnostic {
        self = self.at(&value.span, text);
        self.is_uncertain |= has_placeholder(value);
        let mut copied = value.copied.as_deref();
        while let Some(copy) = copied {
            self = self.also(&copy.by, "copied here");
            copied = copy.earlier.as_deref();
        }
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help.push(help.into());
        self
    }

    /// Says where in the tree the finding stands.
    #[must_use]
    pub fn in_key(mut self, path: &KeyPath) -> Diagnostic {
        self.key_path = Some(path.clone());
        self
    }

    /// Says which component it concerns.
    #[must_use]
    pub fn of_component(mut self, name: impl Into<String>) -> Diagnostic {
        self.component = Some(name.into());
        self
    }

    /// Returns the diagnostic as text, with the quoted source, for a terminal.
    pub fn render(&self, color: bool) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(&self.message).id(self.code.as_str()));
        group = self.snippets().into_iter().fold(group, Group::element);
        let place = self.place();
        for note in place.iter().chain(&self.notes) {
            group = group.element(Level::NOTE.message(note));
        }
        for help in &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }

    /// Returns the diagnostic in one line without the quoted source, for a log:
    /// ``bad_arguments: no parameter `paht` (a.ron:2:5: did you mean `path`?)``.
    pub fn in_one_line(&self) -> String {
        let mut line = format!("{}: {}", self.code.as_str(), self.message);
        if let Some(label) = self.labels.iter().find(|label| label.primary) {
            let text = if label.text.is_empty() { String::new() } else { format!(": {}", label.text) };
            line.push_str(&format!(" ({}{text})", label.span));
        } else if let Some(key) = self.key_path.as_ref().filter(|path| !path.is_root()) {
            line.push_str(&format!(" (in `{key}`)"));
        }
        for part in self.notes.iter().chain(&self.help) {
            line.push_str(&format!("; {part}"));
        }
        line.replace('\n', " ")
    }

    /// Returns the snippets, one for each source, in the order in which the labels name them.
    fn snippets(&self) -> Vec<Snippet<'_, Annotation<'_>>> {
        let mut sources: Vec<&std::sync::Arc<crate::Source>> = Vec::new();
        for label in self.labels.iter().filter(|label| label.span.is_quotable()) {
            if !sources.iter().any(|source| std::sync::Arc::ptr_eq(source, label.span.source())) {
                sources.push(label.span.source());
            }
        }
        sources
            .into_iter()
            .map(|source| {
                let labels = self.labels.iter().filter(|label| std::sync::Arc::ptr_eq(label.span.source(), source));
                let annotations = labels.map(|label| {
                    let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                    let range = drawable(source.text(), label.span.range());
                    let text = (!label.text.is_empty()).then_some(label.text.as_str());
                    kind.span(range).label(text)
                });
                Snippet::source(source.shown()).path(source.name()).annotations(annotations)
            })
            .collect()
    }

    /// Says in words where the finding stands, as far as no snippet shows it.
    fn place(&self) -> Option<String> {
        let key = self.key_path.as_ref().filter(|path| !path.is_root()).map(|path| format!("in `{path}`"));
        let nowhere = self.labels.iter().find(|label| label.primary && !label.span.is_quotable());
        match (key, nowhere) {
            (Some(key), Some(label)) => Some(format!("{key}, from {}", label.span)),
            (Some(key), None) => Some(key),
            (None, Some(label)) => Some(format!("from {}", label.span)),
            (None, None) => None,
        }
    }

    /// Returns the diagnostic as a JSON object for editors and other programs; lines and columns count from 1.
    pub fn to_json(&self) -> serde_json::Value {
        let labels: Vec<_> = self
            .labels
            .iter()
            .map(|label| {
                let (start, end) = (label.span.start(), label.span.end());
                json!({
                    "file": label.span.source().name(),
                    "line": start.line, "column": start.column,
                    "end_line": end.line, "end_column": end.column,
                    "text": label.text,
                    "primary": label.primary,
                })
            })
            .collect();
        json!({
            "code": self.code.as_str(),
            "message": self.message,
            "key": self.key_path.as_ref().map(ToString::to_string),
            "component": self.component,
            "labels": labels,
            "notes": self.notes,
            "help": self.help,
        })
    }
}

/// Clips a range to its source and cuts a span of several lines down to its first line.
fn drawable(text: &str, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let start = range.start.min(text.len());
    let end = range.end.clamp(start, text.len());
    let end = text.get(start..end).and_then(|spanned| spanned.find('\n')).map_or(end, |newline| start + newline);
    start..end
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}

/// All findings of one run.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Tells whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the findings.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Sorts by place within each file; files stay in the order in which they first appear.
    pub fn sort(&mut self) {
        let mut files: Vec<String> = Vec::new();
        let mut keyed: Vec<_> = std::mem::take(&mut self.0)
            .into_iter()
            .map(|diagnostic| {
                let place =
                    diagnostic.labels.first().map(|label| (label.span.source().name(), label.span.range().start));
                let (file, offset) = place.unwrap_or(("", 0));
                let index = files.iter().position(|known| known == file).unwrap_or_else(|| {
                    files.push(file.to_owned());
                    files.len() - 1
                });
                ((index, offset), diagnostic)
            })
            .collect();
        keyed.sort_by_key(|(key, _)| *key);
        self.0 = keyed.into_iter().map(|(_, diagnostic)| diagnostic).collect();
    }

    /// Returns all findings as text, with a blank line between them.
    pub fn render(&self, color: bool) -> String {
        let rendered: Vec<_> = self.iter().map(|diagnostic| diagnostic.render(color)).collect();
        rendered.join("\n\n")
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        self.0.extend(diagnostics);
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    #[test]
    fn renders_labels_notes_and_help() {
        let source = Source::new("a.ron", "{\n    \"paht\": 1,\n}\n");
        let diagnostic = Diagnostic::new(Code::BadArguments, "`test.A` has no parameter `paht`")
            .at(&Span::new(&source, 6..12), "did you mean `path`?")
            .note("a fact")
            .help("some advice")
            .in_key(&KeyPath::parse("a.b"));
        let expected = "\
error[bad_arguments]: `test.A` has no parameter `paht`
 --> a.ron:2:5
  |
2 |     \"paht\": 1,
  |     ^^^^^^ did you mean `path`?
  |
  = note: in `a.b`
  = note: a fact
  = help: some advice";
        assert_eq!(diagnostic.render(false), expected);
        let line =
            "bad_arguments: `test.A` has no parameter `paht` (a.ron:2:5: did you mean `path`?); a fact; some advice";
        assert_eq!(diagnostic.in_one_line(), line);
        let keyed = Diagnostic::new(Code::MissingKey, "no\nkey").in_key(&KeyPath::parse("a.b"));
        assert_eq!(keyed.in_one_line(), "missing_key: no key (in `a.b`)");
    }

    #[test]
    fn renders_without_a_source() {
        let diagnostic = Diagnostic::new(Code::MissingKey, "no key `model`").at(&Span::nowhere("command line"), "");
        assert_eq!(diagnostic.render(false), "error[missing_key]: no key `model`\n |\n = note: from command line");
    }

    #[test]
    fn sorts_by_file_and_place() {
        let (a, b) = (Source::new("b.ron", "0123456789"), Source::new("a.ron", "0123456789"));
        let at = |source, offset| Diagnostic::new(Code::Syntax, "x").at(&Span::new(source, offset..offset + 1), "");
        let mut all = Diagnostics(vec![at(&a, 5), at(&b, 1), at(&a, 2)]);
        all.sort();
        let places: Vec<_> = all.iter().map(|finding| finding.labels[0].span.to_string()).collect();
        assert_eq!(places, ["b.ron:1:3", "b.ron:1:6", "a.ron:1:2"]);
    }
}
