//! Whether an input of the shell is complete, or goes on in the next line.

/// Tells whether brackets, texts or comments are still open at the end, or the last line ends in a sign that needs
/// something behind it.
pub fn is_incomplete(text: &str) -> bool {
    let mut depth = 0_i64;
    let mut rest = text;
    let mut last = ' ';
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => match comment(rest) {
                Some(length) => length,
                None => return true,
            },
            // An escaped text may go on in the next line only behind a backslash; else Rhai says what is wrong.
            '"' => match quoted(rest, '"') {
                Some(length) => length,
                None => return rest.trim_end_matches('\n').ends_with('\\'),
            },
            '\'' => quoted(rest, '\'').unwrap_or(1),
            '`' => match rest[1..].find('`') {
                Some(end) => end + 2,
                None => return true,
            },
            _ => {
                depth += match character {
                    '(' | '[' | '{' => 1,
                    ')' | ']' | '}' => -1,
                    _ => 0,
                };
                character.len_utf8()
            }
        };
        if !character.is_whitespace() && !rest.starts_with("//") && !rest.starts_with("/*") {
            last = character;
        }
        rest = &rest[length..];
    }
    let goes_on = matches!(last, '=' | '+' | '-' | '*' | '/' | '%' | ',' | '.' | '&' | '|' | '<' | '>');
    depth > 0 || (depth == 0 && goes_on)
}

/// Returns the length of a text in quotes, if it ends in its line.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '\n' => return None,
            _ if character == quote => return Some(index + 1),
            _ => {}
        }
    }
    None
}

/// Returns the length of a block comment, which may hold others.
fn comment(rest: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if rest[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_goes_on() {
        let complete = [
            "",
            "1 + 2",
            "let x = [1,\n2]",
            "f(\"(\")",
            "'('",
            "`{`",
            "// (",
            "1 // +",
            "/* ( */",
            "1 /* + */",
            "}",
            "\"open",
            "x = 'it",
            "let f = |x| x;",
            "\"a\\\"(\"",
        ];
        for text in complete {
            assert!(!is_incomplete(text), "{text}");
        }
        let incomplete = [
            "fn f() {",
            "[1,",
            "#{ a: (",
            "`text\n",
            "/* open",
            "/* /* */",
            "let x =",
            "a.",
            "1 +",
            "x // c\n + ",
            "let f = |x|",
        ];
        for text in incomplete {
            assert!(is_incomplete(text), "{text}");
        }
    }
}
