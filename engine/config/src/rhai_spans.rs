//! Places in Rhai texts: what the syntax tree knows, widened from a position to the whole expression.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use palladium_value::{Source, Span};
use rhai::{AST, Expr, Position, Stmt};

use crate::literal::place_in_literal;

/// The offsets of the lines of a text; `Source` itself counts from the start each time.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Lines<'a> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines { text, starts: std::iter::once(0).chain(breaks.map(|(index, _)| index + 1)).collect() }
    }

    /// Returns the byte offset of a position; there is none where Rhai does not know it.
    pub(crate) fn offset(&self, position: Position) -> Option<usize> {
        let start = *self.starts.get(position.line()?.checked_sub(1)?)?;
        let line = &self.text[start..];
        let column = position.position().unwrap_or(1).saturating_sub(1);
        Some(start + line.char_indices().nth(column).map_or(line.len(), |(index, _)| index))
    }

    /// Returns the word, number, literal or sign at a position.
    pub(crate) fn token(&self, position: Position) -> Option<Range<usize>> {
        let mut start = self.offset(position)?;
        if self.text[start..].starts_with('.') {
            // Of a property the engine knows the place of the dot.
            start += 1;
        }
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else { return Some(start..start) };
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let length = if is_word(first) {
            rest.find(|character| !is_word(character)).unwrap_or(rest.len())
        } else {
            skip(rest).max(first.len_utf8())
        };
        Some(start..start + length)
    }
}

/// Code and where it is written.
#[derive(Clone)]
pub(crate) enum Written {
    /// A whole file.
    File(Arc<Source>),
    /// The text of a script, written by a literal of a file.
    Literal(String, Span),
}

impl Written {
    /// Returns the word, number, literal or sign at a position.
    pub(crate) fn place(&self, position: Position) -> Option<Span> {
        match self {
            Written::File(source) => Some(Span::new(source, Lines::new(source.text()).token(position)?)),
            Written::Literal(text, literal) => Some(place_in_literal(literal, text, Lines::new(text).token(position)?)),
        }
    }

    /// Returns the code.
    pub(crate) fn text(&self) -> &str {
        match self {
            Written::File(source) => source.text(),
            Written::Literal(text, _) => text,
        }
    }

    /// Returns all of it.
    pub(crate) fn whole(&self) -> Span {
        match self {
            Written::File(source) => Span::new(source, 0..source.text().len()),
            Written::Literal(_, literal) => literal.clone(),
        }
    }
}

/// What the syntax tree of a file says about where values come from.
pub(crate) struct Spans<'a> {
    source: &'a Arc<Source>,
    lines: Lines<'a>,
    /// The expressions that top-level variables begin with.
    variables: HashMap<&'a str, &'a Expr>,
    /// The expression whose value is the file's value.
    root: Option<&'a Expr>,
}

impl<'a> Spans<'a> {
    pub(crate) fn new(source: &'a Arc<Source>, ast: &'a AST) -> Spans<'a> {
        let mut variables = HashMap::new();
        let mut root = None;
        for statement in ast.statements() {
            root = match statement {
                Stmt::Expr(expr) => Some(&**expr),
                Stmt::Return(Some(expr), ..) => Some(&**expr),
                Stmt::Var(definition, ..) => {
                    variables.insert(definition.0.name.as_str(), &definition.1);
                    None
                }
                _ => None,
            };
        }
        Spans { source, lines: Lines::new(source.text()), variables, root }
    }

    /// Returns the expression that the file's value comes from.
    pub(crate) fn root(&self) -> Option<&'a Expr> {
        self.root.map(|root| self.resolve(root))
    }

    /// Returns the expression of a variable that is defined at top level, else the expression itself.
    pub(crate) fn resolve(&self, expr: &'a Expr) -> &'a Expr {
        let mut expr = expr;
        // Bounded, because a variable may be defined by its own earlier value.
        for _ in 0..8 {
            match expr {
                Expr::Variable(variable, ..) => match self.variables.get(variable.1.as_str()) {
                    Some(definition) => expr = definition,
                    None => break,
                },
                _ => break,
            }
        }
        expr
    }

    /// Returns the place of an expression.
    pub(crate) fn expression(&self, expr: &Expr) -> Option<Span> {
        let start = self.start(expr)?;
        Some(Span::new(self.source, start..start + expression_length(&self.source.text()[start..])))
    }

    /// Returns the place of the name or text at a position.
    pub(crate) fn token(&self, position: Position) -> Option<Span> {
        Some(Span::new(self.source, self.lines.token(position)?))
    }

    /// Returns where an expression begins; Rhai says where the operator of an operation stands.
    fn start(&self, expr: &Expr) -> Option<usize> {
        let own = self.lines.offset(expr.start_position());
        let first = match expr {
            Expr::FnCall(call, _) if call.op_token.is_some() => {
                call.args.first().and_then(|argument| self.start(argument))
            }
            _ => None,
        };
        match (own, first) {
            (Some(own), Some(first)) => Some(own.min(first)),
            (own, first) => own.or(first),
        }
    }
}

/// Returns the length of the expression at the start of a text: up to a comma, semicolon or closing bracket of
/// the surroundings, without the blanks and comments before it.
fn expression_length(text: &str) -> usize {
    // The parameters of a closure stand between bars, with commas of their own.
    let parameters = text.strip_prefix('|').and_then(|rest| rest.find('|')).map_or(0, |length| length + 2);
    let (mut at, mut end, mut depth) = (parameters, parameters, 0_usize);
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        if character.is_whitespace() {
            at += character.len_utf8();
            continue;
        }
        if rest.starts_with("//") || rest.starts_with("/*") {
            at += skip(rest);
            continue;
        }
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' | ';' if depth == 0 => break,
            _ => {}
        }
        at += skip(rest).max(character.len_utf8());
        end = at;
    }
    end
}

/// Returns the length of the comment, text or character at the start of `rest`, 0 if there is none.
fn skip(rest: &str) -> usize {
    let until = |from: usize, end: &str| {
        rest.get(from..).and_then(|inside| inside.find(end)).map_or(rest.len(), |found| from + found + end.len())
    };
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
    if hashes > 0 {
        let is_raw = rest[hashes..].starts_with('"');
        return if is_raw { until(hashes + 1, &format!("\"{}", "#".repeat(hashes))) } else { 0 };
    }
    match rest.chars().next() {
        Some('`') => until(1, "`"),
        Some(quote @ ('"' | '\'')) => {
            let mut characters = rest.char_indices().skip(1);
            while let Some((index, character)) = characters.next() {
                match character {
                    '\\' => drop(characters.next()),
                    _ if character == quote => return index + 1,
                    _ => {}
                }
            }
            rest.len()
        }
        _ => 0,
    }
}

/// Returns the length of a block comment, which may hold others.
fn block_comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if rest[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_expressions() {
        let cases = [
            ("1, 2", "1"),
            ("#{a: [1, 2]} , x", "#{a: [1, 2]}"),
            ("a + f(1, 2) // c\n}", "a + f(1, 2)"),
            ("\"a,\\\"b\", x", "\"a,\\\"b\""),
            ("`a,b`, x", "`a,b`"),
            ("'}', x", "'}'"),
            ("|a, b| a + b, x", "|a, b| a + b"),
            ("|| 1, x", "|| 1"),
            ("##\"a\"#,\"##, x", "##\"a\"#,\"##"),
            ("1 /* , /* ; */ , */ + 2;", "1 /* , /* ; */ , */ + 2"),
            ("", ""),
            ("\"open, ", "\"open, "),
            ("ä/* open", "ä"),
        ];
        for (text, expected) in cases {
            assert_eq!(&text[..expression_length(text)], expected, "{text}");
        }
    }
}
