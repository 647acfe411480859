//! Query strings and other encoded parts of URLs.

use palladium_component::interfaces::Pairs;

/// Returns the decoded pairs of a query string, in order; `+` is a blank, a name without `=` has an empty value.
///
/// # Errors
/// A `%` without two hexadecimal digits, bytes that are not UTF-8; in words.
pub fn decode(query: &str) -> Result<Pairs, String> {
    const FEW: usize = 8;
    let is_wrong = |problem: &str| format!("the query string {problem}");
    let mut rest = query.as_bytes();
    let n_expected = if rest.is_empty() { 0 } else { FEW };
    let (mut text, mut ends) = (Vec::with_capacity(rest.len()), Vec::with_capacity(n_expected));
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix(b"&") {
            rest = behind;
            continue;
        }
        rest = decode_until(rest, &mut text, |byte| matches!(byte, b'=' | b'&'), Plus::IsBlank).map_err(is_wrong)?;
        let end_of_name = text.len();
        if let Some(value) = rest.strip_prefix(b"=") {
            rest = decode_until(value, &mut text, |byte| byte == b'&', Plus::IsBlank).map_err(is_wrong)?;
        }
        ends.push((end_of_name, text.len()));
    }
    // A character may not begin in one part and end in the next.
    let pairs = String::from_utf8(text).ok().and_then(|text| Pairs::of(text, ends));
    pairs.ok_or_else(|| is_wrong(NO_UTF8))
}

const NO_UTF8: &str = "is not UTF-8 once its `%` are decoded";

/// Returns a part of a URL with its `%` decoded.
///
/// # Errors
/// As [`decode`].
pub fn percent_decode(part: &str) -> Result<String, &'static str> {
    let mut text = Vec::with_capacity(part.len());
    decode_until(part.as_bytes(), &mut text, |_| false, Plus::IsPlus)?;
    String::from_utf8(text).map_err(|_| NO_UTF8)
}

/// What a `+` stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    IsPlus,
    IsBlank,
}

/// Decodes up to a byte that ends the part, and returns what is left from there on.
fn decode_until<'a>(
    part: &'a [u8],
    decoded: &mut Vec<u8>,
    ends: impl Fn(u8) -> bool,
    plus: Plus,
) -> Result<&'a [u8], &'static str> {
    let mut rest = part;
    loop {
        let is_plain = |byte: &u8| *byte != b'%' && (*byte != b'+' || plus == Plus::IsPlus) && !ends(*byte);
        let n_plain = rest.iter().position(|byte| !is_plain(byte)).unwrap_or(rest.len());
        let (plain, behind) = rest.split_at(n_plain);
        decoded.extend_from_slice(plain);
        rest = match behind {
            [b'%', ..] => {
                let (byte, behind) = decode_escape(&behind[1..])?;
                decoded.push(byte);
                behind
            }
            [b'+', behind @ ..] if plus == Plus::IsBlank => {
                decoded.push(b' ');
                behind
            }
            ended => return Ok(ended),
        };
    }
}

/// Decodes the two digits behind a `%`, and returns what is behind them.
fn decode_escape(digits: &[u8]) -> Result<(u8, &[u8]), &'static str> {
    let byte = match digits {
        [high, low, behind @ ..] => hex(*high).zip(hex(*low)).map(|(high, low)| (high * 16 + low, behind)),
        _ => None,
    };
    byte.ok_or("holds a `%` without two hexadecimal digits")
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_pairs() {
        let cases: [(&str, &[(&str, &str)]); 12] = [
            ("", &[]),
            ("&", &[]),
            ("&a&&=&b==&", &[("a", ""), ("", ""), ("b", "=")]),
            ("c&d=1", &[("c", ""), ("d", "1")]),
            ("a=1&b=2", &[("a", "1"), ("b", "2")]),
            ("sepal%20length=6.3&sepal+width=%2b1", &[("sepal length", "6.3"), ("sepal width", "+1")]),
            ("a=b=c&&d", &[("a", "b=c"), ("d", "")]),
            ("=x", &[("", "x")]),
            ("gr%C3%B6%c3%9fe=1", &[("größe", "1")]),
            ("ö%c3%b6%3D%e2%82%ac%41=é+", &[("öö=€A", "é ")]),
            ("a=+%2B+&+=%20", &[("a", " + "), (" ", " ")]),
            ("a%3D%26=%25", &[("a=&", "%")]),
        ];
        for (query, expected) in cases {
            assert_eq!(decode(query), Ok(expected.iter().copied().collect()), "{query}");
        }
    }

    #[test]
    fn refuses_what_is_no_encoding() {
        for (query, expected) in
            [("a=%", "hexadecimal"), ("a=%4", "hexadecimal"), ("%zz=1", "hexadecimal"), ("a=%4é", "hexadecimal")]
        {
            assert!(decode(query).unwrap_err().contains(expected), "{query}");
        }
        for query in ["a=%ff", "a=%c3", "a=%c3x%b6", "a=%c3é", "%e2%82=1", "a=%41%b6", "%c3=%b6", "a=%c3&%b6=1"] {
            assert!(decode(query).unwrap_err().contains("UTF-8"), "{query}");
        }
    }
}
