//! The secrets of URLs: passwords, and what stands in queries and fragments.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use percent_encoding::percent_decode_str;

use super::HIDDEN;
use super::covered::covered_secret;

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

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
