//! Texts whose secrets are covered and in which everything else stands where it stood.

use std::ops::Range;

use super::literals::literals_of_secret_keys;
use super::urls::url_secrets;

/// Returns a text of a configuration language with secrets covered, each character by one of the same length, so that
/// every place stays where it was. What reads a variable, `${…}`, is not covered.
pub(crate) fn covered(text: &str) -> String {
    let mut ranges = url_secrets(text);
    ranges.extend(literals_of_secret_keys(text));
    ranges.sort_by_key(|range| range.start);
    let mut covered = String::with_capacity(text.len());
    let mut done = 0;
    for range in ranges.into_iter().filter(|range| range.start < range.end) {
        let start = range.start.max(done);
        covered.push_str(&text[done..start]);
        covered.push_str(&covered_secret(&text[start..range.end.max(start)]));
        done = range.end.max(start);
    }
    covered.push_str(&text[done..]);
    covered
}

/// Returns a text with every letter and digit of some ranges covered; everything stands where it stands in the text.
pub(crate) fn covered_in(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    let mut covered = String::with_capacity(text.len());
    let mut done = 0;
    for range in ranges {
        let start = range.start.max(done);
        let end = range.end.max(start);
        covered.push_str(&text[done..start]);
        for part in text[start..end].split_inclusive(is_punctuation) {
            let letters = part.trim_end_matches(is_punctuation);
            covered.push_str(&covered_secret(letters));
            covered.push_str(&part[letters.len()..]);
        }
        done = end;
    }
    covered.push_str(&text[done..]);
    covered
}

/// Tells whether a character holds the parts of a value apart.
fn is_punctuation(character: char) -> bool {
    character.is_whitespace() || "()[]{}\"'`,:".contains(character)
}

/// Returns a secret with each character covered by one of the same length, but for what reads variables.
pub(super) fn covered_secret(secret: &str) -> String {
    let mut covered = String::with_capacity(secret.len());
    let behind_variables = secret.len() - secret.rfind('}').map_or(0, |last| last + 1);
    let mut rest = secret;
    while let Some(character) = rest.chars().next() {
        // Behind the last `}` none is looked for again and again.
        let variable = if rest.len() > behind_variables { rest.strip_prefix("${") } else { None };
        if let Some(end) = variable.and_then(|name| name.find('}')) {
            let length = "${".len() + end + 1;
            covered.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        covered.push(match (character, character.len_utf8()) {
            ('\n' | '\r', _) => character,
            (_, 1) => '*',
            (_, 2) => '·',
            (_, 3) => '•',
            _ => '𐄁',
        });
        rest = &rest[character.len_utf8()..];
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_texts_are_covered_too() {
        for text in [
            "password:",
            "password: r#",
            "password: r#\"a\né",
            "password: \"",
            "auth: ((((",
            "auth: \"\\",
            "token = 'é",
            "x://",
            "é://u:é@é",
            "/?sig=é?",
            "/?=&&=?sig=&",
            "/#é=#sig=é#&sig=",
            "é.é?sig=é",
        ] {
            assert_eq!(covered(text).len(), text.len(), "{text}");
        }
    }
}
