//! Query strings and other encoded parts of URLs.

/// Returns the decoded pairs of a query string, in order; `+` is a blank, a name without `=` has an empty value.
///
/// # Errors
/// A `%` without two hexadecimal digits, bytes that are not UTF-8; in words.
pub fn decode(query: &str) -> Result<Vec<(String, String)>, String> {
    let is_wrong = |problem: &str| format!("the query string {problem}");
    let mut pairs = Vec::new();
    let mut rest = query.as_bytes();
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix(b"&") {
            rest = behind;
            continue;
        }
        let (name, behind) = decode_until(rest, |byte| matches!(byte, b'=' | b'&'), Plus::IsBlank).map_err(is_wrong)?;
        let (value, behind) = match behind.strip_prefix(b"=") {
            Some(value) => decode_until(value, |byte| byte == b'&', Plus::IsBlank).map_err(is_wrong)?,
            None => (String::new(), behind),
        };
        pairs.push((name, value));
        rest = behind;
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
    const SHORT: usize = 32;
    let mut decoded = Vec::with_capacity(part.len().min(SHORT));
    let mut rest = part;
    while let [first, behind @ ..] = rest
        && !ends(*first)
    {
        rest = behind;
        decoded.push(match first {
            b'%' => {
                let (byte, behind) = decode_escape(rest)?;
                rest = behind;
                byte
            }
            b'+' if plus == Plus::IsBlank => b' ',
            byte => *byte,
        });
    }
    let decoded = String::from_utf8(decoded).map_err(|_| "is not UTF-8 once its `%` are decoded")?;
    Ok((decoded, rest))
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
            let expected: Vec<_> = expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            assert_eq!(decode(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn refuses_what_is_no_encoding() {
        for (query, expected) in
            [("a=%", "hexadecimal"), ("a=%4", "hexadecimal"), ("%zz=1", "hexadecimal"), ("a=%4é", "hexadecimal")]
        {
            assert!(decode(query).unwrap_err().contains(expected), "{query}");
        }
        for query in ["a=%ff", "a=%c3", "a=%c3x%b6", "a=%c3é", "%e2%82=1", "a=%41%b6"] {
            assert!(decode(query).unwrap_err().contains("UTF-8"), "{query}");
        }
    }
}
