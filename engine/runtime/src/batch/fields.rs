//! The fields of a JSON object as they are written: numbers keep all of their digits.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::line::not_json;

/// A field of an object, and where its value stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub name: String,
    pub value: Range<usize>,
}

/// Returns the fields of a text that is one JSON object.
///
/// # Errors
/// It is none, in words.
pub(super) fn fields(text: &str) -> Result<Vec<Field>, String> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| not_json(&error))?;
    let fields = if text.starts_with('{') { members(text) } else { None };
    fields.ok_or_else(|| "the line has to be a JSON object".to_owned())
}

/// Returns the members of a text that is known to be an object.
pub(super) fn members(text: &str) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    let mut at = 1;
    loop {
        at = behind_space(text, at);
        match text.as_bytes().get(at)? {
            b'}' => return Some(fields),
            b',' => at += 1,
            _ => {
                let (name, end) = value::<String>(text, at)?;
                let colon = behind_space(text, end);
                let start = behind_space(text, colon + 1);
                let (_, end) = value::<IgnoredAny>(text, start)?;
                fields.push(Field { name, value: start..end });
                at = end;
            }
        }
    }
}

/// Returns where the elements of a text stand that is known to be a list.
pub(super) fn elements(text: &str) -> Option<Vec<Range<usize>>> {
    let mut elements = Vec::new();
    let mut at = 1;
    loop {
        at = behind_space(text, at);
        match text.as_bytes().get(at)? {
            b']' => return Some(elements),
            b',' => at += 1,
            _ => {
                let (_, end) = value::<IgnoredAny>(text, at)?;
                elements.push(at..end);
                at = end;
            }
        }
    }
}

fn behind_space(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_ascii_start().len()
}

/// Returns the value that begins here, and where it ends.
fn value<'t, T: Deserialize<'t>>(text: &'t str, at: usize) -> Option<(T, usize)> {
    let mut values = serde_json::Deserializer::from_str(text.get(at..)?).into_iter();
    let value = values.next()?.ok()?;
    Some((value, at + values.byte_offset()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_are_written() {
        let text = r#"{ "a" : 12345678901234567890123 ,"b\n":[1,{"c":"},{"}],"":"x\"y" , "d":-1.50e0}"#;
        let found = fields(text).unwrap();
        let shown: Vec<(&str, &str)> =
            found.iter().map(|field| (field.name.as_str(), &text[field.value.clone()])).collect();
        let expected =
            [("a", "12345678901234567890123"), ("b\n", r#"[1,{"c":"},{"}]"#), ("", r#""x\"y""#), ("d", "-1.50e0")];
        assert_eq!(shown, expected);
        assert_eq!(fields("{}"), Ok(Vec::new()));
    }

    #[test]
    fn only_one_object_is_a_row() {
        let cases = [
            (r#"{"a":1},{"a":2}"#, "the line is not JSON: trailing characters at column 8"),
            (r#"{"a":1"#, "the line is not JSON: EOF while parsing an object at column 6"),
            ("[{}]", "the line has to be a JSON object"),
            ("1", "the line has to be a JSON object"),
            ("a,b", "the line is not JSON: expected value at column 1"),
        ];
        for (text, expected) in cases {
            assert_eq!(fields(text).unwrap_err(), expected, "{text}");
        }
    }
}
