//! Where a place in a text stands inside the literal that wrote the text.

use std::ops::Range;

use palladium_value::Span;

/// Returns the span of a range of a text that `literal` wrote: the very place where the two can be matched,
/// escapes counted, the whole literal otherwise.
pub(crate) fn place_in_literal(literal: &Span, text: &str, range: Range<usize>) -> Span {
    let start = literal.range().start;
    match (offset_in_literal(literal.text(), text, range.start), offset_in_literal(literal.text(), text, range.end)) {
        (Some(from), Some(to)) if from <= to => Span::new(literal.source(), start + from..start + to),
        _ => literal.clone(),
    }
}

/// Follows a literal and its text together up to an offset in the text.
fn offset_in_literal(literal: &str, text: &str, offset: usize) -> Option<usize> {
    let hashes = literal.trim_start_matches('r').bytes().take_while(|byte| *byte == b'#').count();
    let is_raw = hashes > 0 || literal.starts_with(['r', '`']);
    let opening = literal.find(['"', '`', '\''])? + 1;
    let mut rest = &literal[opening..];
    if literal.starts_with('`') {
        // The first line break of a Rhai text in backticks is not part of it.
        rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
    }
    for character in text.get(..offset)?.chars() {
        let width = match rest.chars().next()? {
            '\\' if !is_raw => escape_width(rest)?,
            written if written == character => written.len_utf8(),
            _ => return None,
        };
        rest = rest.get(width..)?;
    }
    Some(literal.len() - rest.len())
}

/// Returns the length of the escape at the start of `rest`, in RON or Rhai.
fn escape_width(rest: &str) -> Option<usize> {
    let kind = rest.chars().nth(1)?;
    Some(match kind {
        'x' => 4,
        'u' if rest[2..].starts_with('{') => rest.find('}')? + 1,
        'u' => 6,
        'U' => 10,
        _ => 1 + kind.len_utf8(),
    })
}

#[cfg(test)]
mod tests {
    use palladium_value::Source;

    use super::*;

    #[test]
    fn counts_escapes() {
        let cases = [
            (r#""abc""#, "abc", 1..2, "b"),
            (r#""a\nb""#, "a\nb", 2..3, "b"),
            (r#""\u{e4}ä\x41b""#, "ääAb", 5..6, "b"),
            (r#""\u00e4b""#, "äb", 2..3, "b"),
            ("r\"a\\b\"", "a\\b", 2..3, "b"),
            ("r##\"a\"#b\"##", "a\"#b", 3..4, "b"),
            ("`\nab`", "ab", 1..2, "b"),
            (r#""abc""#, "other", 1..2, r#""abc""#),
            (r#""ab""#, "ab", 0..9, r#""ab""#),
        ];
        for (literal, text, range, expected) in cases {
            let source = Source::new("x", format!("  {literal} "));
            let span = Span::new(&source, 2..2 + literal.len());
            assert_eq!(place_in_literal(&span, text, range).text(), expected, "{literal}");
        }
    }
}
