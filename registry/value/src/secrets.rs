//! What must not be shown: passwords and keys in URLs and what stands under keys such as `password`.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use percent_encoding::percent_decode_str;

/// What is shown in the place of a secret.
pub const HIDDEN: &str = "***";

/// Tells whether what stands under a key is a secret, by the last words of the key: `auth`, `db_password`,
/// `access_token`, `apiKey`, `secret_access_key`.
pub fn is_secret_key(key: &str) -> bool {
    const WORDS: [&str; 13] = [
        "auth",
        "cookie",
        "authorization",
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "apikey",
        "credential",
        "credentials",
        "bearer",
    ];
    const KEYS: [&str; 5] = ["api", "access", "private", "secret", "account"];
    let words = words(key);
    match words.as_slice() {
        [.., before, last] if last == "key" || last == "keys" => KEYS.contains(&before.as_str()),
        [.., last] => WORDS.contains(&last.as_str()),
        [] => false,
    }
}

/// Splits a key at underscores, other punctuation and where a capital follows a small letter.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for character in key.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && was_small) {
            words.push(String::new());
        }
        was_small = character.is_lowercase() || character.is_numeric();
        if let (true, Some(word)) = (character.is_alphanumeric(), words.last_mut()) {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns where the passwords of the URLs in a text stand: `scheme://user:password@host`, also where the scheme is
/// misspelt or missing.
pub fn url_passwords(text: &str) -> Vec<Range<usize>> {
    in_words(text, |word| password(word).into_iter().collect())
}

/// Returns where the secrets in the queries and the fragments of the URLs in a text stand:
/// `https://host/file?sig=secret`, `https://host/#access_token=secret`, also where the scheme is misspelt or missing.
pub fn query_secrets(text: &str) -> Vec<Range<usize>> {
    in_words(text, |word| query(word, password(word).as_ref()))
}

/// Returns where the passwords and the secrets in the queries and the fragments of the URLs in a text stand, in order
/// and apart.
pub fn url_secrets(text: &str) -> Vec<Range<usize>> {
    in_words(text, |word| {
        let password = password(word);
        let mut secrets = query(word, password.as_ref());
        secrets.extend(password);
        secrets.sort_by_key(|range| range.start);
        let mut apart: Vec<Range<usize>> = Vec::with_capacity(secrets.len());
        for range in secrets {
            match apart.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart
    })
}

/// Tells whether a character ends a word, which a URL is.
fn is_end(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '\\')
}

/// Returns what is found in each word of a text.
fn in_words(text: &str, find: impl Fn(&str) -> Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for word in text.split_inclusive(is_end) {
        found.extend(find(word).into_iter().map(|range| start + range.start..start + range.end));
        start += word.len();
    }
    found
}

/// Returns where the password stands in a word, which ends at its last `@`: a password may hold what should have been
/// written with `%`.
fn password(word: &str) -> Option<Range<usize>> {
    let at = word.rfind('@')?;
    let mut has_scheme = false;
    for (end, separator) in word[..at].match_indices("://") {
        let scheme = &word[..end];
        if !scheme.ends_with(|character: char| character.is_ascii_alphanumeric()) {
            continue;
        }
        has_scheme = true;
        let start = end + separator.len();
        let rest = &word[start..at];
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        // Only on the web does an `@` belong to a path.
        let is_web = (scheme.ends_with("http") || scheme.ends_with("https")) && !authority.is_empty();
        let Some(colon) = (if is_web { authority } else { rest }).find(':') else { continue };
        let has_port = authority.len() > colon + 1 && authority[colon + 1..].bytes().all(|byte| byte.is_ascii_digit());
        if !(is_web && has_port && authority.len() < rest.len()) {
            return (colon + 1 < rest.len()).then_some(start + colon + 1..at);
        }
    }
    let is_before_host = word[at + 1..].starts_with(|next: char| next.is_alphanumeric() || matches!(next, '[' | '$'));
    if has_scheme || !is_before_host { None } else { password_without_scheme(&word[..at]) }
}

/// Returns where the password stands in what comes before the `@` of a word without `://`. One that begins with `/` may
/// be the rest of a scheme, and is taken only if there is no other.
fn password_without_scheme(before: &str) -> Option<Range<usize>> {
    const NO_USERS: [&str; 3] = ["mailto", "file", "sqlite"];
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '%' | '}');
    let colons = || {
        before.match_indices(':').map(|(colon, _)| colon).filter(|colon| {
            let user = &before[..*colon];
            user.ends_with(is_part) && !NO_USERS.iter().any(|other| user.ends_with(other)) && colon + 1 < before.len()
        })
    };
    let colon = colons().find(|colon| !before[colon + 1..].starts_with('/')).or_else(|| colons().next())?;
    Some(colon + 1..before.len())
}

/// Returns where the secrets in the query and the fragment of a word stand. They begin at a `?` or `#` that has a path
/// or a host before it and is no part of the password; what closes a sentence or a bracket around the URL does not
/// belong to them.
fn query(word: &str, password: Option<&Range<usize>>) -> Vec<Range<usize>> {
    let is_in_password = |at: usize| password.is_some_and(|password| password.contains(&at));
    let path = word.find('/').unwrap_or(word.len());
    let mut marks = word.match_indices(['?', '#']).map(|(mark, _)| mark);
    let is_in_url = |mark: usize| path < mark || is_behind_host(word, mark);
    let Some(mark) = marks.find(|mark| !is_in_password(*mark) && is_in_url(*mark)) else { return Vec::new() };
    let is_fragment = word[mark..].starts_with('#');
    let mut start = mark + 1;
    let query = word[start..].trim_end_matches(|end: char| is_end(end) || ")]>,.;:!".contains(end));
    let mut secrets = Vec::new();
    for given in query.split('&') {
        let mut begin = start;
        // A query may have a fragment, either may be a path with a query, and a URL in them may have both again. Some
        // servers take `;` for `&`, others for a part of the value.
        for part in given.split(['?', '#', ';']) {
            let is_secret = |(name, value): &(&str, &str)| match path < begin {
                true => is_secret_parameter(name) || is_short_secret_parameter(name),
                // Without a path this may be code: `a.b?token==c`, `a.b#key=c`.
                false if value.starts_with('=') => false,
                false => is_secret_parameter(name) || !is_fragment && is_short_secret_parameter(name),
            };
            if let Some((_, value)) = part.split_once('=').filter(is_secret) {
                secrets.push(begin + part.len() - value.len()..start + given.len());
                break;
            }
            begin += part.len() + 1;
        }
        start += given.len() + 1;
    }
    secrets.retain(|range| range.start < range.end);
    secrets
}

/// Tells whether a `?` or `#` stands behind what is surely a host. Rhai has `?.` behind names of values, and `#` behind
/// the name of a file is a place in it.
fn is_behind_host(word: &str, mark: usize) -> bool {
    const FILES: [&str; 7] = [".md", ".py", ".rhai", ".ron", ".rs", ".rst", ".txt"];
    let is_part =
        |character: char| character.is_alphanumeric() || matches!(character, '.' | ':' | '-' | '_' | '[' | ']');
    let host = &word[word[..mark].trim_end_matches(is_part).len()..mark];
    let without_line = host.trim_end_matches(|end: char| end.is_ascii_digit() || end == ':');
    let is_code = match word[mark..].starts_with('#') {
        true => FILES.iter().any(|ending| without_line.ends_with(ending)),
        false => word[mark..].starts_with("?."),
    };
    !is_code && is_host(host)
}

/// Tells whether a text is surely a host: `localhost`, an address, a name with a dot whose last part begins with a
/// letter, or a name with a port.
fn is_host(text: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    let (name, has_port) = match text.rsplit_once(':') {
        Some((name, port)) if is_port(port) => (name, true),
        _ => (text, false),
    };
    if let Some((_, address)) = name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    // A key may stand before it.
    let name = name.rsplit(':').next().unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.starts_with(char::is_alphanumeric) || !name.ends_with(char::is_alphanumeric) {
        return false;
    }
    name == "localhost"
        || has_port && name.contains(char::is_alphabetic)
        || name.rsplit_once('.').is_some_and(|(_, last)| last.starts_with(char::is_alphabetic))
        || name.parse::<Ipv4Addr>().is_ok()
}

/// Tells whether what a query or a fragment gives under a name is a secret: `token`, `sig`, `X-Amz-Signature`,
/// `subscription-key`.
fn is_secret_parameter(name: &str) -> bool {
    const ENDS: [&str; 14] = [
        "accesskey",
        "accountkey",
        "apikey",
        "authorization",
        "credential",
        "jwt",
        "passwd",
        "password",
        "privatekey",
        "pwd",
        "secret",
        "signature",
        "subscriptionkey",
        "token",
    ];
    let letters = letters(name);
    letters == "sig" || ENDS.iter().any(|end| letters.ends_with(end))
}

/// Tells whether what a query gives under a name is a secret, for names that stand in much that is no URL.
fn is_short_secret_parameter(name: &str) -> bool {
    matches!(letters(name).as_str(), "auth" | "key" | "pass")
}

/// Returns the letters and digits of a parameter's name, in small letters. Servers decode its `%`.
fn letters(name: &str) -> String {
    let letters = percent_decode_str(name).filter(u8::is_ascii_alphanumeric);
    letters.map(|letter| char::from(letter.to_ascii_lowercase())).collect()
}

/// Returns a text with `***` in the place of the secrets of URLs. One that is covered or that is a variable's name,
/// `${…}`, stays.
pub fn mask_urls(text: &str) -> Cow<'_, str> {
    let mut secrets = url_secrets(text);
    secrets.retain(|range| covered_secret(&text[range.clone()]) != text[range.clone()]);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for range in secrets {
        masked.push_str(&text[done..range.start]);
        masked.push_str(HIDDEN);
        done = range.end;
    }
    masked.push_str(&text[done..]);
    Cow::Owned(masked)
}

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

fn covered_secret(secret: &str) -> String {
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

/// Returns where the literals under secret keys stand: `password: "…"`, `"auth": ("…", "…")`, `token = "…"`.
fn literals_of_secret_keys(text: &str) -> Vec<Range<usize>> {
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
    use super::*;

    #[test]
    fn knows_the_keys_of_secrets() {
        for key in [
            "auth",
            "password",
            "db_password",
            "DB_PASSWORD",
            "secret",
            "client-secret",
            "token",
            "accessToken",
            "api_key",
            "apiKey",
            "apikey",
            "api_keys",
            "aws_secret_access_key",
            "private_key",
            "Authorization",
            "Set-Cookie",
        ] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in
            ["", "author", "token_pattern", "key", "keys", "sort_key", "password_file", "auth_url", "C", "tokenizer"]
        {
            assert!(!is_secret_key(key), "{key}");
        }
    }

    #[test]
    fn masks_the_passwords_of_urls() {
        let cases = [
            ("postgres://user:canary@host/db", "postgres://user:***@host/db"),
            ("a mysql+x://u:can@ary@h:3306 b", "a mysql+x://u:***@h:3306 b"),
            ("x://u:ca/na#ry?@h", "x://u:***@h"),
            ("postgresql://ada:12/canary@127.0.0.1/db", "postgresql://ada:***@127.0.0.1/db"),
            ("x://:canary@h y://u:canary@h", "x://:***@h y://u:***@h"),
            ("url=\"s3://k:canary@h\", 'http://k:canary@h'", "url=\"s3://k:***@h\", 'http://k:***@h'"),
            ("postgresql://u:se#cr/et@pw@127.0.0.1:1/x", "postgresql://u:***@127.0.0.1:1/x"),
            ("postgres//u:canary@h/x", "postgres//u:***@h/x"),
            ("postgresql:/u:can@ary@h/x", "postgresql:/u:***@h/x"),
            ("postgresql:///u:canary@h/x", "postgresql:///u:***@h/x"),
            ("postgresql:u:canary@h/x", "postgresql:***@h/x"),
            ("://u:canary@h", "://u:***@h"),
            ("SQL(url: \"u:canary@h/x\") (u:canary@h)", "SQL(url: \"u:***@h/x\") (u:***@h)"),
            ("--set a.url=u-1.x:can:ary@h", "--set a.url=u-1.x:***@h"),
            ("https//u:canary@h/m-{version} u:/canary@h", "https//u:***@h/m-{version} u:***@h"),
            ("https:///u:canary@h https://u:can@ary@h", "https:///u:***@h https://u:***@h"),
            ("http://host:80/a@b http://host/a:b@c http://user@host sqlite:///a/b@c:d", ""),
            ("at 12:30 of ada@example.org: b mailto:ada@example.org git@h:a/b (?:a|b)@c a: @b file:/a@b :a@b", ""),
            ("a:@b u:${environ.X}@h ${environ.U}:***@h 0:(@ a:b@,", ""),
            ("u:canary@[::1]/x u:canary@${environ.HOST}/x", "u:***@[::1]/x u:***@${environ.HOST}/x"),
            ("http://host:80 x://u:@h x://u:***@h x://u:${environ.X}@h", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(mask_urls(text), if expected.is_empty() { text } else { expected });
        }
    }

    #[test]
    fn masks_the_secrets_in_the_queries_of_urls() {
        let cases = [
            ("https://host/a.csv?token=canary", "https://host/a.csv?token=***"),
            ("https://host/a?a=b&access_token=can%2Bary&c=d#e", "https://host/a?a=b&access_token=***&c=d#e"),
            (
                "https://h/a?sv=2021&se=2030-01-01T00%3A00%3A00Z&sr=b&sp=r&SIG=canary%3D",
                "https://h/a?sv=2021&se=2030-01-01T00%3A00%3A00Z&sr=b&sp=r&SIG=***",
            ),
            (
                "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4&X-Amz-Credential=canary/s3&X-Amz-Expires=60\
                 &X-Amz-Security-Token=canary==&x-amz-signature=canary",
                "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4&X-Amz-Credential=***&X-Amz-Expires=60\
                 &X-Amz-Security-Token=***&x-amz-signature=***",
            ),
            ("https://h/a?api_key=canary&ApiKey=canary&APIKEY=canary", "https://h/a?api_key=***&ApiKey=***&APIKEY=***"),
            ("https://h?key=/ https://h/?key=canary&pass=canary", "https://h?key=*** https://h/?key=***&pass=***"),
            ("https://h/a?client_secret=canary&AccountKey=can=ary", "https://h/a?client_secret=***&AccountKey=***"),
            (
                "(https://h/a?password=canary), <https://h/a?b=c&sig=canary>.",
                "(https://h/a?password=***), <https://h/a?b=c&sig=***>.",
            ),
            ("url=\"https://h/a?sig=canary\", 'h/a?sig=canary'", "url=\"https://h/a?sig=***\", 'h/a?sig=***'"),
            (
                "https:/h/a?sig=canary https//h/a?sig=canary GET /a?sig=canary",
                "https:/h/a?sig=*** https//h/a?sig=*** GET /a?sig=***",
            ),
            ("https://h/a?to=https://g/b?token=canary&b=c", "https://h/a?to=https://g/b?token=***&b=c"),
            ("https://h/a?token=can?ary", "https://h/a?token=***"),
            ("https://u:can?sig=a@h/a?sig=canary", "https://u:***@h/a?sig=***"),
            ("s3://b/a?token=c:an@ary&c=d", "s3://b/a?token=***&c=d"),
            ("https://h/a?sig=ca${environ.X}", "https://h/a?sig=***"),
            ("https://h/a?sig=${environ.X}&token=*** https://h/a?sig= https://h/a?sig=&b=c https://h/a?sig", ""),
            ("https://h/a?keys=1&sort_key=b&key_id=2&author=c&design=d&tokens=3&AWSAccessKeyId=4", ""),
            ("https://h/token=b?c=sig=d sig=a ?key=b a?key=b x ? key=b a/?", ""),
            ("https://host?token=canary&b=c s3://b?sig=canary", "https://host?token=***&b=c s3://b?sig=***"),
            (
                "example.org?b=c&token=canary url=h:8080?sig=canary localhost?key=canary [::1]?jwt=canary",
                "example.org?b=c&token=*** url=h:8080?sig=*** localhost?key=*** [::1]?jwt=***",
            ),
            ("https://u:can?sig=a@h?sig=canary", "https://u:***@h?sig=***"),
            (".?key=b a.?key=b :?key=b a:?key=b (.*?key=b a.b ?key=b a.b?c=token=d a.b?tokens=c", ""),
            (
                "https://h/a?b=c;token=canary https://h/a?b=c;d;key=can;ary&e=f",
                "https://h/a?b=c;token=*** https://h/a?b=c;d;key=***&e=f",
            ),
            ("https://h/a?token=can;ary&b=c h/a?b=c&amp;key=canary", "https://h/a?token=***&b=c h/a?b=c&amp;key=***"),
            ("/a?%74oken=canary&%53%69g=canary&b%5Fp%61ss=c&%6=d", "/a?%74oken=***&%53%69g=***&b%5Fp%61ss=c&%6=d"),
            ("example.org.?token=canary e.org.:80?b=c&sig=canary", "example.org.?token=*** e.org.:80?b=c&sig=***"),
            (
                "10.0.0.1?key=canary 10.0.0.1:80?key=canary [::1]:80?key=canary a.xn--p1ai?key=canary h.n2?key=canary",
                "10.0.0.1?key=*** 10.0.0.1:80?key=*** [::1]:80?key=*** a.xn--p1ai?key=*** h.n2?key=***",
            ),
            (
                "at:e.org?key=canary at:10.0.0.1?key=canary at:[::1]?key=canary",
                "at:e.org?key=*** at:10.0.0.1?key=*** at:[::1]?key=***",
            ),
            ("https://h?.b=c&key=canary h/?token==canary", "https://h?.b=c&key=*** h/?token=***"),
            ("if cfg.x?.token==y { a.b?.key=v cfg.x?.y?.token!=z cfg.x??key==y", ""),
            ("a.b?token==c a.b?b=c&key==d 3.5?key=1 12:30?key=b a:b?key=c a.b[0]?key=1 1.2.3?sig=b", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(mask_urls(text), if expected.is_empty() { text } else { expected });
        }
    }

    #[test]
    fn masks_the_secrets_in_the_fragments_of_urls() {
        let cases = [
            (
                "https://x/#access_token=canary&token_type=bearer&id_token=can.ary.",
                "https://x/#access_token=***&token_type=bearer&id_token=***.",
            ),
            ("https://x#access_token=canary x.org#sig=canary", "https://x#access_token=*** x.org#sig=***"),
            ("(https://x/a#state=b&access_token=canary)", "(https://x/a#state=b&access_token=***)"),
            ("https://x/a?b=c#access_token=canary", "https://x/a?b=c#access_token=***"),
            ("https://x/a?b=c&sig=canary#d&e=f", "https://x/a?b=c&sig=***&e=f"),
            ("https://x/a?token=canary#token=canary", "https://x/a?token=***"),
            ("https://x/#/a?token=canary https://x/#a#sig=canary", "https://x/#/a?token=*** https://x/#a#sig=***"),
            ("#https://x/a?token=canary ?https://x/#sig=canary", "#https://x/a?token=*** ?https://x/#sig=***"),
            ("https://u:can#sig=a@h/#sig=canary", "https://u:***@h/#sig=***"),
            ("https://x/#access_token=${environ.X}&sig=*** https://x/#sig= https://x/#sig=&b=c https://x/#sig", ""),
            ("#sig=b a#sig=b # sig=b a/b.md#token https://x/#a=sig=b https://x/#tokens=b&token_type=c #{key=b", ""),
            ("x.org#b=c&id_token=canary x.org?b#key=canary", "x.org#b=c&id_token=*** x.org?b#key=***"),
            ("https://x#key=canary x.org#https://y/#key=canary", "https://x#key=*** x.org#https://y/#key=***"),
            ("a.md#https://y/#sig=canary x/a.md#sig=canary", "a.md#https://y/#sig=*** x/a.md#sig=***"),
            ("main.rs:12#key=v main.rs:12:5#sig=v notes.md#token=a a.b#key=c a.b#c=d&pass=e h:80#auth=b", ""),
            ("a.b#token==c", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(mask_urls(text), if expected.is_empty() { text } else { expected });
        }
    }

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

    /// Looking at all of the rest of these texts again at each place takes from half a minute to days.
    #[test]
    fn long_texts_do_not_take_long() {
        let long = |before: &str, part: &str, length: usize| format!("{before}{}", part.repeat(length / part.len()));
        for part in ["x", "${"] {
            assert_eq!(mask_urls(&long("https://h/a?sig=", part, 4_000_000)), "https://h/a?sig=***");
        }
        assert_eq!(mask_urls(&long("h/?", "sig=x&", 6_000_000)), long("h/?", "sig=***&", 8_000_000));
        for part in ["://", "@", "http://h:1/", "a.b?b=", "a.b#"] {
            assert!(matches!(mask_urls(&long("", part, 500_000)), Cow::Borrowed(_)), "{part}");
        }
        for part in ["\n\\\"", "r#\"\n", "'\\\n", "\"", "a "] {
            let text = long("auth: (", part, 500_000);
            assert_eq!(covered(&text).len(), text.len(), "{part}");
        }
    }
}
