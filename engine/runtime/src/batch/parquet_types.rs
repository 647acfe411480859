//! The types of Parquet columns that hold the fields of JSON objects. The first batch settles them; a later value that
//! the type of its column would change has no place in the file.

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};
use palladium_component::data::{ColumnSpec, ColumnType};

use super::fields::{Field as Member, elements, members};
use super::row::{Cells, Row};

/// Returns the columns that rows of JSON settle: those of their fields in the order in which they appear, of the type of
/// the first value, or of floating-point numbers where whole ones are mixed with others or a service needs them.
pub(super) fn columns<'r>(rows: impl Iterator<Item = &'r Row>, needed: &[ColumnSpec]) -> Schema {
    let mut kinds = Vec::new();
    for row in rows {
        if let Cells::Json(members) = &row.cells {
            widen_members(&mut kinds, members, &row.text);
        }
    }
    for (name, kind) in &mut kinds {
        let needed = needed.iter().find(|field| field.name == *name).map(|field| field.kind);
        match (&kind, needed) {
            (DataType::Null | DataType::Int64, Some(ColumnType::Float)) => *kind = DataType::Float64,
            (DataType::Null, Some(ColumnType::Int)) => *kind = DataType::Int64,
            (DataType::Null, Some(ColumnType::Bool)) => *kind = DataType::Boolean,
            (DataType::Null, Some(_)) => *kind = DataType::Utf8,
            _ => {}
        }
    }
    Schema::new(nullable(kinds))
}

/// Names and types of members.
type Kinds = Vec<(String, DataType)>;

fn nullable(kinds: Kinds) -> Fields {
    kinds.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect()
}

/// Widens types so that the members of an object fit; a type of another kind stays.
fn widen_members(kinds: &mut Kinds, members: &[Member], text: &str) {
    let mut next = 0;
    for member in members {
        let place = place(kinds.len(), next, |index| kinds[index].0 == member.name).unwrap_or_else(|| {
            kinds.push((member.name.clone(), DataType::Null));
            kinds.len() - 1
        });
        next = place + 1;
        let (_, kind) = &mut kinds[place];
        widen(kind, &text[member.value.clone()]);
    }
}

/// Returns where a name stands among so many, which is looked for from a place on: objects mostly have the same members
/// in the same order.
fn place(count: usize, next: usize, is_there: impl Fn(usize) -> bool) -> Option<usize> {
    let next = next.min(count);
    (next..count).chain(0..next).find(|index| is_there(*index))
}

/// Widens a type so that a value fits; a type of another kind stays.
fn widen(kind: &mut DataType, value: &str) {
    match (&*kind, first(value)) {
        (DataType::Null, b't' | b'f') => *kind = DataType::Boolean,
        (DataType::Null, b'"') => *kind = DataType::Utf8,
        (DataType::Null, b'-' | b'0'..=b'9') if value.parse::<i64>().is_ok() => *kind = DataType::Int64,
        (DataType::Null, b'-' | b'0'..=b'9') => *kind = DataType::Float64,
        (DataType::Int64, b'-' | b'0'..=b'9') if value.parse::<i64>().is_err() => *kind = DataType::Float64,
        (DataType::Null | DataType::List(_), b'[') => {
            let mut inner = match &*kind {
                DataType::List(element) => element.data_type().clone(),
                _ => DataType::Null,
            };
            let elements = elements(value).unwrap_or_default();
            elements.into_iter().for_each(|element| widen(&mut inner, &value[element]));
            *kind = DataType::List(Arc::new(Field::new_list_field(inner, true)));
        }
        (DataType::Null | DataType::Struct(_), b'{') => {
            let mut kinds: Kinds = match &*kind {
                DataType::Struct(fields) => {
                    fields.iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
                }
                _ => Kinds::new(),
            };
            widen_members(&mut kinds, &members(value).unwrap_or_default(), value);
            // Parquet has no objects without members.
            if !kinds.is_empty() {
                *kind = DataType::Struct(nullable(kinds));
            }
        }
        _ => {}
    }
}

fn first(value: &str) -> u8 {
    value.as_bytes().first().copied().unwrap_or_default()
}

/// Says which of the members of an object its column would change, and what can be done.
pub(super) fn check(columns: &Schema, members: &[Member], text: &str) -> Result<(), String> {
    check_members(columns.fields(), members, text).map_err(|Misfit { path, problem, is_of_first_rows }| {
        let path = path.trim_start_matches('.');
        let larger = if is_of_first_rows { ", and a larger `--batch-size` settles it by more rows" } else { "" };
        format!(
            "`{path}` {problem}; the first batch has settled the type of the Parquet column: NDJSON and CSV take any \
             value{larger}"
        )
    })
}

/// A value that does not fit.
struct Misfit {
    /// Where it stands.
    path: String,
    problem: String,
    /// Whether its column would have another type had it been in the first batch.
    is_of_first_rows: bool,
}

fn check_members(fields: &Fields, members: &[Member], text: &str) -> Result<(), Misfit> {
    let mut next = 0;
    for member in members {
        let value = &text[member.value.clone()];
        let place = place(fields.len(), next, |index| *fields[index].name() == member.name);
        let checked = match place {
            Some(index) => check_value(fields[index].data_type(), value),
            None => Err(Misfit {
                path: String::new(),
                problem: format!("has no column, got {}", shortened(value)),
                is_of_first_rows: true,
            }),
        };
        next = place.map_or(next, |index| index + 1);
        checked.map_err(|misfit| Misfit { path: format!(".{}{}", member.name, misfit.path), ..misfit })?;
    }
    Ok(())
}

fn check_value(kind: &DataType, value: &str) -> Result<(), Misfit> {
    let first = first(value);
    let is_number = matches!(first, b'-' | b'0'..=b'9');
    let expected = match kind {
        _ if first == b'n' => return Ok(()),
        DataType::Boolean if matches!(first, b't' | b'f') => return Ok(()),
        DataType::Utf8 if first == b'"' => {
            let is_whole = serde_json::from_str::<String>(value).is_ok();
            return if is_whole { Ok(()) } else { misfit("holds half a character".to_owned(), false) };
        }
        DataType::Int64 if value.parse::<i64>().is_ok() => return Ok(()),
        DataType::Float64 if is_number && is_kept(value) => return Ok(()),
        DataType::Float64 if is_number => {
            let problem = format!("has to be a number that 64 bits of floating point hold, got {}", shortened(value));
            return misfit(problem, false);
        }
        DataType::List(element) if first == b'[' => {
            let check = |(index, range): (usize, Range<usize>)| {
                check_value(element.data_type(), &value[range])
                    .map_err(|misfit| Misfit { path: format!("[{index}]{}", misfit.path), ..misfit })
            };
            return elements(value).unwrap_or_default().into_iter().enumerate().try_for_each(check);
        }
        DataType::Struct(fields) if first == b'{' => {
            return match members(value) {
                Some(members) => check_members(fields, &members, value),
                None => misfit("has a name with half a character".to_owned(), false),
            };
        }
        DataType::Null => "null",
        DataType::Boolean => "true or false",
        DataType::Int64 => "a 64-bit whole number, written without point",
        DataType::Float64 => "a number",
        DataType::List(_) => "a list",
        DataType::Struct(_) => "an object",
        _ => "text",
    };
    // An object without members settles nothing.
    let is_of_first_rows = match kind {
        DataType::Null => value.trim_matches(['{', '}']).trim_ascii() != "",
        DataType::Int64 => is_number && is_kept(value),
        _ => false,
    };
    misfit(format!("has to be {expected}, got {}", shortened(value)), is_of_first_rows)
}

fn misfit(problem: String, is_of_first_rows: bool) -> Result<(), Misfit> {
    Err(Misfit { path: String::new(), problem, is_of_first_rows })
}

/// Tells whether a floating-point number is what is written: whole numbers keep their digits, others are rounded as
/// everywhere.
fn is_kept(number: &str) -> bool {
    match number.contains(['.', 'e', 'E']) {
        true => number.parse::<f64>().is_ok_and(f64::is_finite),
        false => number.parse::<i128>().is_ok_and(|whole| (whole as f64) as i128 == whole),
    }
}

/// Returns the beginning of a value that is too long for a message.
fn shortened(value: &str) -> String {
    const SHOWN: usize = 60;
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::fields;
    use super::*;

    fn row(text: &str) -> Row {
        Row { line: 1, text: text.to_owned(), cells: Cells::Json(fields(text).unwrap()), origin: None }
    }

    fn checked(first: &[&str], needed: &[ColumnSpec], later: &str) -> String {
        let first: Vec<Row> = first.iter().map(|text| row(text)).collect();
        let columns = columns(first.iter(), needed);
        let reason = check(&columns, &fields(later).unwrap(), later).err().unwrap_or_default();
        reason
            .replace("; the first batch has settled the type of the Parquet column: NDJSON and CSV take any value", "")
    }

    #[test]
    fn later_values_fit_or_are_named() {
        const LARGER: &str = ", and a larger `--batch-size` settles it by more rows";
        let whole = "has to be a 64-bit whole number, written without point, got";
        let cases: [(&[&str], &str, String); 22] = [
            (&[r#"{"a":1}"#], r#"{"a":-9223372036854775808}"#, String::new()),
            (&[r#"{"a":1}"#], r#"{"a":null}"#, String::new()),
            (&[r#"{"a":1}"#], "{}", String::new()),
            (&[r#"{"a":1}"#], r#"{"a":2.75}"#, format!("`a` {whole} 2.75{LARGER}")),
            (&[r#"{"a":1}"#], r#"{"a":"007"}"#, format!("`a` {whole} \"007\"")),
            (&[r#"{"a":1}"#], r#"{"a":9223372036854775809}"#, format!("`a` {whole} 9223372036854775809")),
            (&[r#"{"a":1}"#, r#"{"a":2.5}"#], r#"{"a":1}"#, String::new()),
            (&[r#"{"a":0.1}"#], r#"{"a":9007199254740992}"#, String::new()),
            (
                &[r#"{"a":0.1}"#],
                r#"{"a":9007199254740993}"#,
                "`a` has to be a number that 64 bits of floating point hold, got 9007199254740993".to_owned(),
            ),
            (&[r#"{"a":0.1}"#], r#"{"a":"1"}"#, "`a` has to be a number, got \"1\"".to_owned()),
            (&[r#"{"a":1}"#, r#"{"a":"x"}"#], r#"{"a":"x"}"#, format!("`a` {whole} \"x\"")),
            (&[r#"{"a":"x"}"#], r#"{"a":1}"#, "`a` has to be text, got 1".to_owned()),
            (&[r#"{"a":"x"}"#], r#"{"a":"\ud800"}"#, "`a` holds half a character".to_owned()),
            (&[r#"{"a":true}"#], r#"{"a":1}"#, "`a` has to be true or false, got 1".to_owned()),
            (&[r#"{"a":null}"#], r#"{"a":5}"#, format!("`a` has to be null, got 5{LARGER}")),
            (&[r#"{"a":{}}"#], r#"{"a":{}}"#, "`a` has to be null, got {}".to_owned()),
            (&[r#"{"a":1}"#], r#"{"a":1,"b":[]}"#, format!("`b` has no column, got []{LARGER}")),
            (&[r#"{"a":[]}"#, r#"{"a":[1, 2]}"#], r#"{"a":[ 3 , null]}"#, String::new()),
            (&[r#"{"a":[1]}"#], r#"{"a":[1, 2.5]}"#, format!("`a[1]` {whole} 2.5{LARGER}")),
            (&[r#"{"a":[1]}"#], r#"{"a":1}"#, "`a` has to be a list, got 1".to_owned()),
            (&[r#"{"a":{"b":1}}"#, r#"{"a":{"c":[{"d":"x"}]}}"#], r#"{"a":{"c":[{"d":"y"}],"b":2}}"#, String::new()),
            (
                &[r#"{"a":{"b":1,"c":[{"d":"x"}]}}"#],
                r#"{"a":{"c":[{"d":0}]}}"#,
                "`a.c[0].d` has to be text, got 0".to_owned(),
            ),
        ];
        for (first, later, expected) in cases {
            assert_eq!(checked(first, &[], later), expected, "{first:?} {later}");
        }
    }

    #[test]
    fn what_a_service_needs_has_its_type() {
        let needed = [("a", ColumnType::Float), ("b", ColumnType::Text)]
            .map(|(name, kind)| ColumnSpec { name: name.to_owned(), kind });
        assert_eq!(checked(&[r#"{"a":1,"b":null}"#], &needed, r#"{"a":2.5,"b":"x"}"#), "");
        assert_eq!(checked(&[r#"{"a":null,"b":1}"#], &needed, r#"{"a":2.5,"b":2}"#), "");
        assert_eq!(checked(&[r#"{"a":"1.0"}"#], &needed, r#"{"a":"2.5"}"#), "");
    }

    #[test]
    fn long_values_are_shortened() {
        let found = checked(&[r#"{"a":1}"#], &[], &format!(r#"{{"a":"{}"}}"#, "ä".repeat(100)));
        assert!(found.ends_with(&format!("got \"{}…", "ä".repeat(59))), "{found}");
    }
}
