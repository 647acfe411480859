//! Query strings and other encoded parts of URLs.

/// Returns the decoded pairs of a query string, in order; `+` is a blank, a name without `=` has an empty value.
///
/// # Errors
/// A `%` without two hexadecimal digits, bytes that are not UTF-8; in words.
pub fn decode(query: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode_form(name)?, decode_form(value)?))
        })
        .collect()
}

fn decode_form(part: &str) -> Result<String, String> {
    let decoded = match part.contains('+') {
        true => percent_decode(&part.replace('+', " ")),
        false => percent_decode(part),
    };
    decoded.map_err(|problem| format!("the query string {problem}"))
}

/// Returns a part of a URL with its `%` decoded.
///
/// # Errors
/// As [`decode`].
pub fn percent_decode(part: &str) -> Result<String, &'static str> {
    if !part.contains('%') {
        return Ok(part.to_owned());
    }
    let mut decoded = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let (plain, encoded) = rest.split_at(at);
        let Some([high, low]) = encoded.get(1..3).and_then(|digits| Some([hex(digits[0])?, hex(digits[1])?])) else {
            return Err("holds a `%` without two hexadecimal digits");
        };
        decoded.extend_from_slice(plain);
        decoded.push(high * 16 + low);
        rest = &encoded[3..];
    }
    decoded.extend_from_slice(rest);
    String::from_utf8(decoded).map_err(|_| "is not UTF-8 once its `%` are decoded")
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_pairs() {
        let cases: [(&str, &[(&str, &str)]); 7] = [
            ("", &[]),
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
