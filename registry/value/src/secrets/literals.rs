//! The literals under the keys of secrets, in the text of a configuration language.

use std::ops::Range;

use super::is_secret_key;

/// Returns where the literals under secret keys stand: `password: "…"`, `"auth": ("…", "…")`, `token = "…"`.
pub(super) fn literals_of_secret_keys(text: &str) -> Vec<Range<usize>> {
    let mut literals = Vec::new();
    let quotes = LastQuotes::of(text);
    let is_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    let mut from = 0;
    while let Some(start) = text[from..].find(is_word).map(|found| from + found) {
        let end = text[start..].find(|character| !is_word(character)).map_or(text.len(), |found| start + found);
        from = end;
        let is_headers = &text[start..end] == "headers";
        if is_headers || is_secret_key(&text[start..end]) {
            let behind = text[end..].trim_start_matches(['"', '\'', '`']).trim_start();
            let is_set = behind.starts_with(':') && !behind.starts_with("::")
                || behind.starts_with('=') && !behind.starts_with("==");
            if is_set {
                let value = behind[1..].trim_start();
                // Headers of requests are a map, which may say who sends them; a list under that key holds names.
                if is_headers && !value.trim_start_matches('#').starts_with('{') {
                    continue;
                }
                from = literals_of(text, text.len() - value.len(), &quotes, &mut literals).max(end);
            }
        }
    }
    literals
}

/// Adds the literals of the value that begins at `start`, and returns where it ends.
fn literals_of(text: &str, start: usize, quotes: &LastQuotes, literals: &mut Vec<Range<usize>>) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        if let Some((content, length)) = literal(text, at, quotes) {
            // A literal before a colon is a key, unless it has no end.
            if content.end == length || !rest[length..].trim_start().starts_with(':') {
                literals.push(at + content.start..at + content.end);
            }
            at += length;
        } else if character.is_ascii_digit() && !text[..at].ends_with(|before: char| before.is_alphanumeric()) {
            let length = rest.find(|digit: char| !digit.is_alphanumeric() && digit != '.').unwrap_or(rest.len());
            literals.push(at..at + length);
            at += length;
        } else if let Some(length) = word(rest, &text[..at]) {
            literals.push(at..at + length);
            at += length;
        } else {
            match character {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth <= 1 => return at,
                ')' | ']' | '}' => depth -= 1,
                ',' | ';' if depth == 0 => return at,
                _ => {}
            }
            at += character.len_utf8();
            continue;
        }
        if depth == 0 {
            // What is added to a literal may be another one; everything else ends the value.
            let next = text[at..].trim_start();
            match next.strip_prefix('+') {
                Some(next) => at = text.len() - next.len(),
                None => return at,
            }
        }
    }
    at
}

/// Returns the length of a word that a text begins with and that may be a text whose quotes were forgotten: no name of
/// a function, a module or a key, and not the end of another word.
fn word(text: &str, before: &str) -> Option<usize> {
    let is_part = |character: char| character.is_alphanumeric() || "_-!$%@".contains(character);
    if !text.starts_with(char::is_alphabetic) || before.ends_with(|character| is_part(character) || character == '.') {
        return None;
    }
    let length = text.find(|character| !is_part(character)).unwrap_or(text.len());
    let is_code = matches!(&text[..length], "true" | "false" | "None" | "Some" | "null" | "r" | "here" | "environ");
    let is_name = text[length..].trim_start().starts_with(['(', '.', ':', '#']);
    (!is_code && !is_name).then_some(length)
}

/// Where the last quotes stand that may end a literal. What ends one is looked for only where there is something, so
/// that many literals without an end do not take long.
#[derive(Default)]
struct LastQuotes {
    double: Option<usize>,
    single: Option<usize>,
    backtick: Option<usize>,
    /// The last `"` with so many `#` behind it, or more.
    raw: Vec<usize>,
}

impl LastQuotes {
    fn of(text: &str) -> LastQuotes {
        let mut quotes = LastQuotes::default();
        let mut is_escaped = false;
        for (at, character) in text.char_indices() {
            match character {
                '`' => quotes.backtick = Some(at),
                '\'' if !is_escaped => quotes.single = Some(at),
                '"' if !is_escaped => quotes.double = Some(at),
                _ => {}
            }
            if character == '"' {
                let hashes = text[at + 1..].bytes().take_while(|byte| *byte == b'#').count();
                quotes.raw.resize(quotes.raw.len().max(hashes + 1), at);
                quotes.raw[..=hashes].fill(at);
            }
            is_escaped = character == '\\' && !is_escaped;
        }
        quotes
    }
}

/// Returns the range of the content of the literal that begins at `at`, from there, and the length of the whole.
/// One without an end ends with its line.
fn literal(text: &str, at: usize, quotes: &LastQuotes) -> Option<(Range<usize>, usize)> {
    let rest = &text[at..];
    let hashes = rest.strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len());
    if let Some(hashes) = hashes.filter(|hashes| rest[1 + hashes..].starts_with('"')) {
        let start = hashes + 2;
        let closing = format!("\"{}", "#".repeat(hashes));
        let is_closed = quotes.raw.get(hashes).is_some_and(|last| at + start <= *last);
        let length = if is_closed { rest[start..].find(&closing) } else { None };
        return Some(match length {
            Some(length) => (start..start + length, start + length + closing.len()),
            None => until_line_end(rest, start),
        });
    }
    let quote = rest.chars().next()?;
    let last = match quote {
        '"' => quotes.double,
        '\'' => quotes.single,
        '`' => quotes.backtick,
        _ => return None,
    };
    let closed = if last.is_some_and(|last| at < last) { rest } else { "" };
    let mut is_escaped = false;
    for (at, character) in closed.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if quote != '`' => is_escaped = true,
            _ if character == quote => return Some((1..at, at + 1)),
            _ => {}
        }
    }
    Some(until_line_end(rest, 1))
}

/// Returns the range from `start` to the end of the line, and where that is.
fn until_line_end(text: &str, start: usize) -> (Range<usize>, usize) {
    let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    (start..end, end)
}

#[cfg(test)]
mod tests {
    use crate::secrets::covered;

    #[test]
    fn covers_literals_without_moving_anything() {
        let cases = [
            (r#"password: "canary", C: "x""#, r#"password: "******", C: "x""#),
            (r#""auth": ("user", "can\"ry"), "b": ("c", "d")"#, r#""auth": ("****", "*******"), "b": ("c", "d")"#),
            (r##"api_key: Some(r#"can"ry"#), b: "c""##, r##"api_key: Some(r#"******"#), b: "c""##),
            ("let token = `canary`; let x = 'a';", "let token = `******`; let x = 'a';"),
            (r#"token: "can" + "ary" + environ.X, y: "b""#, r#"token: "***" + "***" + environ.X, y: "b""#),
            (r#"token: "${environ.TOKEN}", y: "b""#, r#"token: "${environ.TOKEN}", y: "b""#),
            ("model.password=canary-1\"", "model.password=********\""),
            (r#"password: f(a::b, x.y), y: "b""#, r#"password: f(a::*, x.y), y: "b""#),
            (r#"password: 12345, y: 6"#, r#"password: *****, y: 6"#),
            (r#"auth: #{user: "a", password: "canary"}, b: "c""#, r#"auth: #{user: "*", password: "******"}, b: "c""#),
            (r#"headers: #{ "X-A": "canary" }, b: "c""#, r#"headers: #{ "X-A": "******" }, b: "c""#),
            (r#"headers: ["X-A"], b: "c""#, r#"headers: ["X-A"], b: "c""#),
            ("secret: \"cänäry", "secret: \"*·*·**"),
            (r#"url: "x://u:canary@h", y: "canary""#, r#"url: "x://u:******@h", y: "canary""#),
            (r#"url: "x://h/a?sig=canary&b=c", y: 1"#, r#"url: "x://h/a?sig=******&b=c", y: 1"#),
            (r#"if token == "x" { auth::f("y") }"#, r#"if token == "x" { auth::f("y") }"#),
            ("password: \"can\nary\", x: \"y\"", "password: \"***\n***\", x: \"y\""),
            ("auth: (\"can\\\"\nary\\\"\n)", "auth: (\"*****\n***\\\"\n)"),
            ("auth: (r##\"can\"#\nary, r#\"canary\"#)", "auth: (r##\"*****\n***, r#\"******\"#)"),
            ("token: r#\"canary\n: b token: 'canary\n: b", "token: r#\"******\n: b token: '******\n: b"),
            ("token: \"${environ.X}can${ary\"", "token: \"${environ.X}********\""),
        ];
        for (text, expected) in cases {
            let covered = covered(text);
            assert_eq!(covered, expected);
            assert_eq!((covered.len(), covered.chars().count()), (text.len(), text.chars().count()));
        }
    }

    /// Looking at all of the rest of these texts again at each place takes from half a minute to days.
    #[test]
    fn long_texts_do_not_take_long() {
        for part in ["\n\\\"", "r#\"\n", "'\\\n", "\"", "a "] {
            let text = format!("auth: ({}", part.repeat(500_000 / part.len()));
            assert_eq!(covered(&text).len(), text.len(), "{part}");
        }
    }
}
