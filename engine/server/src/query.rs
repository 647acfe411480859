//! Query strings and other encoded parts of URLs.

/// Returns the decoded pairs of a query string, in order; `+` is a blank, a name without `=` has an empty value.
///
/// # Errors
/// A `%` without two hexadecimal digits, bytes that are not UTF-8; in words.
pub fn decode(query: &str) -> Result<Vec<(String, String)>, String> {
    let is_wrong = |problem: &str| format!("the query string {problem}");
    let mut pairs = Vec::new();
    let mut rest = query.as_bytes();
    while let Some(first) = rest.first() {
        if *first == b'&' {
            rest = &rest[1..];
            continue;
        }
        let (name, behind) = decode_until(rest, |byte| matches!(byte, b'=' | b'&'), Plus::IsBlank).map_err(is_wrong)?;
        let value = behind.strip_prefix(b"=").unwrap_or_default();
        let (value, behind_value) = decode_until(value, |byte| byte == b'&', Plus::IsBlank).map_err(is_wrong)?;
        rest = if behind.first() == Some(&b'=') { behind_value } else { behind };
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// Returns a part of a URL with its `%` decoded.
///
/// # Errors
/// As [`decode`].
pub fn percent_decode(part: &str) -> Result<String, &'static str> {
    decode_until(part.as_bytes(), |_| false, Plus::IsPlus).map(|(decoded, _)| decoded)
}

/// What a `+` stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    IsPlus,
    IsBlank,
}

/// Decodes up to a byte that ends the part, and returns also what is left from there on.
fn decode_until(part: &[u8], ends: impl Fn(u8) -> bool, plus: Plus) -> Result<(String, &[u8]), &'static str> {
    const NO_DIGITS: &str = "holds a `%` without two hexadecimal digits";
    const SHORT: usize = 32;
    let mut decoded = Vec::with_capacity(part.len().min(SHORT));
    let mut rest = part;
    let stops = |byte: &u8| ends(*byte) || *byte == b'%' || *byte == b'+' && plus == Plus::IsBlank;
    loop {
        let (as_it_is, behind) = rest.split_at(rest.iter().position(stops).unwrap_or(rest.len()));
        decoded.extend_from_slice(as_it_is);
        let (byte, behind) = match behind {
            [b'%', high, low, behind @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, behind),
                _ => return Err(NO_DIGITS),
            },
            [b'%', ..] => return Err(NO_DIGITS),
            [b'+', behind @ ..] if plus == Plus::IsBlank => (b' ', behind),
            _ => {
                rest = behind;
                break;
            }
        };
        decoded.push(byte);
        rest = behind;
    }
    let decoded = String::from_utf8(decoded).map_err(|_| "is not UTF-8 once its `%` are decoded")?;
    Ok((decoded, rest))
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
        let cases: [(&str, &[(&str, &str)]); 10] = [
            ("", &[]),
            ("&", &[]),
            ("&a&&=&b==&", &[("a", ""), ("", ""), ("b", "=")]),
            ("c&d=1", &[("c", ""), ("d", "1")]),
            ("a=1&b=2", &[("a", "1"), ("b", "2")]),
            ("sepal%20length=6.3&sepal+width=%2b1", &[("sepal length", "6.3"), ("sepal width", "+1")]),
            ("a=b=c&&d", &[("a", "b=c"), ("d", "")]),
            ("=x", &[("", "x")]),
            ("gr%C3%B6%c3%9fe=1", &[("größe", "1")]),
            ("a%3D%26=%25", &[("a=&", "%")]),
        ];
        for (query, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            assert_eq!(decode(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn refuses_what_is_no_encoding() {
        for (query, expected) in
            [("a=%", "hexadecimal"), ("a=%4", "hexadecimal"), ("%zz=1", "hexadecimal"), ("a=%ff", "UTF-8")]
        {
            assert!(decode(query).unwrap_err().contains(expected), "{query}");
        }
    }
}
