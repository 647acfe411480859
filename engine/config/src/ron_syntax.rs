//! What is wrong in a text that is not RON, and what to write instead.
//!
//! The parser knows where it stopped. What was meant is read off the tokens around that place.

use std::ops::Range;
use std::sync::Arc;

use palladium_value::{Code, Diagnostic, Position, Source, Span};
use ron2::{Error, ErrorKind};

use crate::ron::span;

/// Returns the finding about a text that is not RON. `text` is that of the source as the parser has seen it.
pub(crate) fn syntax(source: &Arc<Source>, text: &str, error: &Error, is_file: bool) -> Diagnostic {
    let is_of_tokens = matches!(
        error.kind(),
        ErrorKind::Expected { .. } | ErrorKind::Eof | ErrorKind::UnexpectedChar(_) | ErrorKind::TrailingCharacters
    );
    let stopped = is_of_tokens.then(|| Stopped::new(source, text, error));
    let said = stopped.and_then(|stopped| {
        let begin = if is_file { stopped.beginning() } else { None };
        begin.or_else(|| stopped.spelling()).or_else(|| stopped.brackets())
    });
    said.unwrap_or_else(|| of_parser(source, error))
}

/// Says what the parser says.
fn of_parser(source: &Arc<Source>, error: &Error) -> Diagnostic {
    let place = span(source, error.span().start_offset..error.span().end_offset);
    let (message, label) = match error.kind() {
        ErrorKind::Expected { expected, context } => {
            let expected = if expected == "comma" { "`,`" } else { expected };
            let context = context.map(|context| format!(" in this {context}")).unwrap_or_default();
            let label = if expected == "value" { "expected here" } else { "expected before this" };
            (format!("expected {expected}{context}"), label)
        }
        ErrorKind::Eof => ("the file ends where a value is expected".to_owned(), "ends here"),
        ErrorKind::UnexpectedChar(character) => (format!("unexpected `{character}`"), "a value is expected here"),
        ErrorKind::TrailingCharacters => ("text after the end of the value".to_owned(), "the value ends before this"),
        ErrorKind::ExpectedStringEnd => ("text without closing quote".to_owned(), "opened here"),
        ErrorKind::UnclosedBlockComment => ("comment without `*/`".to_owned(), "opened here"),
        ErrorKind::InvalidEscape(why) => (format!("this escape is not known: {why}"), "in this text"),
        other => (other.to_string().to_lowercase(), ""),
    };
    let mut diagnostic = Diagnostic::new(Code::Syntax, message).at(&place, label);
    if matches!(error.kind(), ErrorKind::InvalidEscape(_)) {
        diagnostic = diagnostic.help(r#"known are `\n`, `\r`, `\t`, `\0`, `\\`, `\"`, `\x41` and `\u{1f600}`"#);
    }
    diagnostic
}

/// A token of a text and where it stands.
struct Token<'a> {
    text: &'a str,
    range: Range<usize>,
}

impl Token<'_> {
    fn is_name(&self) -> bool {
        !self.is_text() && self.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    }

    fn is_text(&self) -> bool {
        self.text.starts_with('"') || (self.text.starts_with('r') && self.text.ends_with(['"', '#']))
    }

    fn is_number(&self) -> bool {
        self.text.trim_start_matches(['+', '-']).starts_with(|first: char| first.is_ascii_digit())
    }
}

/// The tokens of a text, and the one at which the parser stopped.
struct Stopped<'a> {
    source: &'a Arc<Source>,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
    kind: &'a ErrorKind,
}

impl<'a> Stopped<'a> {
    fn new(source: &'a Arc<Source>, text: &'a str, error: &'a Error) -> Stopped<'a> {
        let tokens: Vec<Token<'_>> = ron2::__internal::Lexer::new(text)
            .map(|token| Token { text: token.text, range: token.span.start_offset..token.span.end_offset })
            .collect();
        let offset = error.span().start_offset;
        let kind = error.kind();
        let is_eof = matches!(kind, ErrorKind::Eof);
        let found = tokens.iter().position(|token| token.range.end > offset && !is_eof);
        let at = found.unwrap_or(tokens.len().saturating_sub(1));
        Stopped { source, text, tokens, at, kind }
    }

    /// Returns the token that stands so many behind the one at which the parser stopped.
    fn token(&self, ahead: isize) -> Option<&Token<'a>> {
        self.tokens.get(self.at.checked_add_signed(ahead)?)
    }

    fn text_at(&self, ahead: isize) -> &'a str {
        self.token(ahead).map_or("", |token| token.text)
    }

    /// Tells whether nothing stands between a token and the one before it.
    fn is_joined(&self, ahead: isize) -> bool {
        let before = self.token(ahead - 1).map(|token| token.range.end);
        before.is_some() && before == self.token(ahead).map(|token| token.range.start)
    }

    fn finding(&self, range: &Range<usize>, message: impl Into<String>, label: &str) -> Diagnostic {
        Diagnostic::new(Code::Syntax, message).at(&span(self.source, range.clone()), label)
    }

    /// Finds that the file is no map at all, but perhaps of another language.
    fn beginning(&self) -> Option<Diagnostic> {
        let (first, second) = (self.tokens.first()?, self.tokens.get(1).map_or("", |token| token.text));
        let is_other = !matches!(first.text, "" | "{" | "(" | "#" | "]" | "}" | ")") && !matches!(second, "(" | "{");
        if !is_other || !(self.at == 0 || matches!(self.kind, ErrorKind::TrailingCharacters)) {
            return None;
        }
        let help = match matches!(second, ":" | "=") && first.is_name() {
            true => format!("write `{{ \"{}\": … }}`", first.text),
            false => "write `{ \"key\": value }`".to_owned(),
        };
        let message = "a configuration file holds a map of RON, which begins with `{`";
        Some(self.finding(&first.range, message, "expected `{` before this").help(help))
    }

    /// Finds what other languages write in another way.
    fn spelling(&self) -> Option<Diagnostic> {
        let token = self.token(0)?;
        match token.text {
            "#" if self.text_at(1) == "{" && self.is_joined(1) => {
                let both = token.range.start..token.range.end + 1;
                Some(self.finding(&both, "a map of RON begins with `{`", "this is how Rhai begins one"))
            }
            "#" => Some(self.finding(&token.range, "unexpected `#`", "").help("comments begin with `//`")),
            "=" => self.equals_sign(token),
            "{" if self.is_joined(0) && self.token(-1).is_some_and(Token::is_name) => {
                let name = self.text_at(-1);
                let message = format!("the arguments of `{name}` stand in `(…)`");
                Some(self.finding(&token.range, message, "expected `(`").help(format!("write `{name}(name: value)`")))
            }
            "." if self.token(-1).is_some_and(Token::is_name) => Some(self.dotted_name()),
            ";" => {
                let finding = self.finding(&token.range, "unexpected `;`", "");
                Some(finding.help("entries and items have `,` between them"))
            }
            text if text.starts_with('\'') => Some(self.single_quotes(token)),
            _ if token.is_number() && self.is_decimal_comma() => {
                let range = self.token(-2)?.range.start..token.range.end;
                let help = format!("write `{}.{}`", self.text_at(-2), token.text);
                Some(self.finding(&range, "the decimal sign is a point", "").help(help))
            }
            text if self.is_joined(0) && self.token(-1).is_some_and(Token::is_number) && !is_sign(text) => {
                Some(self.no_number())
            }
            ":" if self.token(-1).is_some_and(Token::is_text) => self.quoted_name(self.token(-1)?),
            _ if token.is_text() && self.text_at(1) == ":" => self.quoted_name(token),
            text if is_unquoted(text) && matches!(self.kind, ErrorKind::UnexpectedChar(_)) => {
                let finding = self.finding(&token.range, format!("unexpected `{text}`"), "a value is expected here");
                Some(finding.help("text stands in double quotes: `\"…\"`"))
            }
            _ => None,
        }
    }

    fn equals_sign(&self, token: &Token<'_>) -> Option<Diagnostic> {
        let key = self.token(-1).filter(|key| key.is_name() || key.is_text())?;
        let finding = self.finding(&token.range, "`:` stands between a key and its value", "expected `:`");
        Some(finding.help(format!("write `{}: …`", key.text)))
    }

    /// Finds the quoted name of an argument.
    fn quoted_name(&self, name: &Token<'_>) -> Option<Diagnostic> {
        if self.innermost() != Some("(") || self.brackets().is_some() {
            return None;
        }
        let help = format!("write `{}: …`, or `{{…}}` instead of `(…)`", name.text.trim_matches('"'));
        Some(self.finding(&name.range, "names stand without quotes in `(…)`", "").help(help))
    }

    fn single_quotes(&self, token: &Token<'_>) -> Diagnostic {
        let start = token.range.start;
        let rest = &self.text[start + 1..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let message = "text stands in double quotes";
        let Some(length) = line.find('\'') else {
            return self.finding(&(start..start + 1), message, "").help("write `\"…\"`");
        };
        let (key, behind) = (&line[..length], line[length + 1..].trim_start());
        // What is no key may be a secret.
        let help = match behind.starts_with(':') {
            true => format!("write `\"{key}\": …`"),
            false => "write `\"…\"`".to_owned(),
        };
        self.finding(&(start..start + length + 2), message, "in single quotes").help(help)
    }

    /// Finds a name with dots, which only a text can hold.
    fn dotted_name(&self) -> Diagnostic {
        let start = self.token(-1).map_or(0, |token| token.range.start);
        let mut last = self.at;
        while self
            .tokens
            .get(last + 1)
            .is_some_and(|next| next.range.start == self.tokens[last].range.end && (next.text == "." || next.is_name()))
        {
            last += 1;
        }
        let range = start..self.tokens[last].range.end;
        let name = &self.text[range.clone()];
        if self.tokens.get(last + 1).is_some_and(|next| next.text == "(") {
            let arguments: String =
                self.names_in_brackets(last + 2).iter().map(|name| format!(", \"{name}\": …")).collect();
            let message = format!("the dotted name `{name}` cannot stand before `(…)`");
            return self.finding(&range, message, "").help(format!("write `{{\"!\": \"{name}\"{arguments}}}`"));
        }
        // It may be a secret.
        let help = "write `\"…\"` for text, `{\"!\": \"…\"}` for a component";
        self.finding(&range, "text stands in double quotes", "").help(help)
    }

    /// Returns the names of the first arguments from a token on.
    fn names_in_brackets(&self, from: usize) -> Vec<&str> {
        let mut depth = 0_usize;
        let mut names = Vec::new();
        for pair in self.tokens[from.min(self.tokens.len())..].windows(2) {
            match pair[0].text {
                ")" | "]" | "}" if depth == 0 => break,
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ if depth == 0 && pair[0].is_name() && pair[1].text == ":" => names.push(pair[0].text),
                _ => {}
            }
        }
        names
    }

    /// Tells whether the parser stopped at the digits behind the comma of `0,3`.
    fn is_decimal_comma(&self) -> bool {
        self.text_at(-1) == ","
            && self.is_joined(0)
            && self.is_joined(-1)
            && self.token(-2).is_some_and(Token::is_number)
            && self.text_at(0).bytes().all(|digit| digit.is_ascii_digit())
    }

    /// Finds a word that begins like a number.
    fn no_number(&self) -> Diagnostic {
        let start = self.token(-1).map_or(0, |token| token.range.start);
        let ends = |character: char| character.is_whitespace() || ",:()[]{}\"".contains(character);
        let rest = &self.text[start..];
        let range = start..start + rest.find(ends).unwrap_or(rest.len());
        let word = self.source.shown().get(range.clone()).unwrap_or_default();
        let help = match word.get(..2) {
            Some("0x" | "0X") => "the digits of `0x…` are 0 to 9 and a to f",
            Some("0o" | "0O") => "the digits of `0o…` are 0 to 7",
            Some("0b" | "0B") => "the digits of `0b…` are 0 and 1",
            _ => "text stands in double quotes: `\"…\"`",
        };
        self.finding(&range, format!("`{word}` is not a number"), "").help(help)
    }

    /// Returns the innermost bracket that is open where the parser stopped.
    fn innermost(&self) -> Option<&'a str> {
        let mut open = Vec::new();
        for token in &self.tokens[..self.at] {
            match token.text {
                "(" | "[" | "{" => open.push(token.text),
                ")" | "]" | "}" => _ = open.pop(),
                _ => {}
            }
        }
        open.last().copied()
    }

    /// Finds a bracket that nothing or the wrong bracket closes, if that is why the parser stopped.
    fn brackets(&self) -> Option<Diagnostic> {
        let mut open: Vec<&Token<'_>> = Vec::new();
        let mut innermost = None;
        let mut moved = None;
        for (index, token) in self.tokens.iter().enumerate() {
            if index == self.at {
                innermost = open.last().map(|opening| opening.range.start);
            }
            match token.text {
                "(" | "[" | "{" => open.push(token),
                ")" | "]" | "}" => match open.pop() {
                    Some(opening) if closing(opening.text) == token.text => {
                        moved = moved.or_else(|| self.is_moved(opening, token).then_some((opening, token)));
                    }
                    Some(opening) => return self.unclosed(opening, innermost, index),
                    None if index == self.at => {
                        let message = format!("`{}` closes nothing", token.text);
                        return Some(self.finding(&token.range, message, "").help("remove it, or open it above"));
                    }
                    None => return None,
                },
                _ => {}
            }
        }
        let finding =
            self.unclosed(open.last()?, innermost.or(open.last().map(|open| open.range.start)), usize::MAX)?;
        Some(match moved {
            Some((opening, closing)) => {
                let message = format!(
                    "this closes the `{}` of {}, which is indented otherwise",
                    opening.text,
                    self.line_and_column(opening)
                );
                finding.also(&span(self.source, closing.range.clone()), message)
            }
            None => finding,
        })
    }

    /// Finds that `opening` is not closed before the token `end`, which should have closed it.
    fn unclosed(&self, opening: &Token<'_>, innermost: Option<usize>, end: usize) -> Option<Diagnostic> {
        let (bracket, expected) = (opening.text, closing(opening.text));
        let token = self.token(0)?;
        let finding = if end == self.at {
            let message =
                format!("`{}` does not close the `{bracket}` of {}", token.text, self.line_and_column(opening));
            self.finding(&token.range, message, &format!("expected `{expected}`"))
        } else if self.at + 1 == self.tokens.len() {
            let end = self.text.trim_end().len();
            self.finding(&(end..end), format!("`{bracket}` is not closed"), &format!("ends here without `{expected}`"))
        } else if innermost == Some(opening.range.start) {
            let key = match (token.text, self.text_at(1)) {
                (":", _) => self.token(-1)?,
                (_, ":") => token,
                _ => return None,
            };
            let label = format!("expected `{expected}` before this");
            self.finding(&key.range, format!("`{bracket}` is not closed"), &label)
        } else {
            return None;
        };
        Some(finding.also(&span(self.source, opening.range.clone()), "opened here"))
    }

    /// Tells whether a bracket is closed at the beginning of a line with another indentation than its own.
    fn is_moved(&self, opening: &Token<'_>, closing: &Token<'_>) -> bool {
        let line = |offset: usize| self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let (first, last) = (line(opening.range.start), line(closing.range.start));
        let indentation = |start: usize| self.text[start..].find(|sign: char| !sign.is_whitespace()).unwrap_or(0);
        let begins_line = self.text[last..closing.range.start].trim().is_empty();
        first != last && begins_line && indentation(first) != indentation(last)
    }

    fn line_and_column(&self, token: &Token<'_>) -> String {
        let Position { line, column } = Span::new(self.source, token.range.clone()).start();
        format!("{line}:{column}")
    }
}

fn closing(opening: &str) -> &'static str {
    match opening {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

fn is_sign(text: &str) -> bool {
    matches!(text, "" | "," | ":" | "(" | ")" | "[" | "]" | "{" | "}" | "=" | "!" | "#") || text.starts_with('"')
}

/// Tells whether a token is a sign that begins no value of RON, such as the `/` of a path.
fn is_unquoted(text: &str) -> bool {
    text.chars().count() == 1 && !is_sign(text) && !text.starts_with(char::is_alphanumeric)
}
