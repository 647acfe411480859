//! Finds out what separates the fields of a line, as the Sniffer of Python's csv module does.

/// What is taken first where several characters could be meant.
const PREFERRED: [char; 5] = [',', '\t', ';', ' ', ':'];

/// Returns the character that separates the fields of a line; nothing if no character does.
///
/// Unlike Python's, it never takes a letter or a digit.
pub(crate) fn separator(line: &str) -> Option<char> {
    beside_quotes(line).or_else(|| most_frequent(line))
}

fn can_separate(character: char) -> bool {
    !character.is_alphanumeric() && !matches!(character, '_' | '"' | '\'' | '\n' | '\r')
}

/// Returns the character that most often stands right before or after a quoted field.
fn beside_quotes(line: &str) -> Option<char> {
    let characters: Vec<char> = line.trim_end_matches(['\r', '\n']).chars().collect();
    let mut counts: Vec<(char, usize)> = Vec::new();
    let mut count = |character: Option<&char>| {
        let Some(character) = character.copied().filter(|character| can_separate(*character)) else { return };
        match counts.iter_mut().find(|(known, _)| *known == character) {
            Some((_, count)) => *count += 1,
            None => counts.push((character, 1)),
        }
    };
    let mut at = 0;
    while at < characters.len() {
        let quote = characters[at];
        let before = at.checked_sub(1).map(|before| characters[before]);
        let opens = matches!(quote, '"' | '\'') && before.is_none_or(can_separate);
        let closes = characters[at + 1..].iter().position(|character| *character == quote).filter(|_| opens);
        let Some(length) = closes else {
            at += 1;
            continue;
        };
        let end = at + 1 + length;
        // A space between separator and quote belongs to neither.
        let is_padded = before == Some(' ') && at >= 2 && can_separate(characters[at - 2]);
        count(at.checked_sub(if is_padded { 2 } else { 1 }).map(|before| &characters[before]));
        count(characters.get(end + 1));
        at = end + 1;
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(character, _)| character)
}

/// Returns a preferred character that stands in the line, or else the most frequent one.
fn most_frequent(line: &str) -> Option<char> {
    let count = |character: char| line.matches(character).count();
    if let Some(preferred) = PREFERRED.into_iter().find(|character| count(*character) > 0) {
        return Some(preferred);
    }
    let candidates = line.chars().filter(|character| character.is_ascii() && can_separate(*character));
    candidates.max_by_key(|character| (count(*character), *character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_separators() {
        let cases = [
            ("a,b;c\n", Some(',')),
            ("a;b;c", Some(';')),
            ("a\tb c", Some('\t')),
            ("a b:c", Some(' ')),
            ("a|b|c-d", Some('|')),
            ("\"a,b\";\"c\";d", Some(';')),
            ("'a'|'b'", Some('|')),
            ("\"a\"", None),
            ("abc1_2", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(separator(line), expected, "{line:?}");
        }
    }
}
