//! Everything that is wrong with a body: read once more, sample by sample, after reading it into columns has failed.

use std::fmt;

use palladium_component::prelude::*;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::convert::{Given, RANGE, cut, expected, is_accepted, refusal};
use crate::field::{Field, Mapping};
use crate::query::misspelt;
use crate::rows::{scalars, stop};

const LIST: &str = "a JSON list of objects";

/// Returns what is wrong with a body that has something wrong with it.
pub fn of(mapping: &Mapping, body: &[u8], limit: usize) -> PredictError {
    let (errors, row) = (InputErrors::default(), 0);
    let mut examining = Examining { mapping, errors, row, limit, field: None, is_told: false };
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = List(&mut examining).deserialize(&mut json).and_then(|()| json.end());
    if examining.row > limit {
        return PredictError::TooManyRows { limit };
    }
    if let Err(error) = read
        && !examining.is_told
    {
        examining.not_json(body, &error);
    }
    match examining.errors.is_empty() {
        // The bytes of a column of text are counted in 32 bits.
        true => PredictError::BadRequest("the body has more text than a column can hold".to_owned()),
        false => PredictError::Invalid(examining.errors),
    }
}

struct Examining<'m> {
    mapping: &'m Mapping,
    errors: InputErrors,
    /// The number of samples that were read.
    row: usize,
    limit: usize,
    /// The field whose value is being read.
    field: Option<usize>,
    /// Whether the parser was stopped by something that has been told.
    is_told: bool,
}

impl Examining<'_> {
    fn not_json(&mut self, body: &[u8], error: &serde_json::Error) {
        let whole = || not_a_body(body, error);
        let Some(field) = self.field else { return self.errors.push(whole) };
        let (row, field) = (Some(self.row + 1), &self.mapping.fields()[field]);
        let message = format!("the field `{}` is not JSON: {error}", field.name);
        let (expected, field) = (expected(field.kind, Given::Null).to_owned(), Some(field.name.clone()));
        self.errors.push(|| InputError { row, field, is_sent: true, expected, message, ..whole() });
    }

    /// Tells of a text that has an escape of half a character.
    fn bad_text(&mut self, error: &serde_json::Error) {
        let Some(field) = self.field.map(|field| &self.mapping.fields()[field]) else { return };
        let (code, row, is_sent, got) = (InputErrorCode::NotJson, Some(self.row + 1), true, error.to_string());
        let expected = expected(field.kind, Given::Null).to_owned();
        let message = format!("the text of the field `{}` is not JSON: {error}", field.name);
        self.errors.push(|| InputError { code, row, field: Some(field.name.clone()), is_sent, expected, got, message });
    }

    fn not_a_list<E: Error>(&mut self, given: Given<'_>) -> E {
        let (code, got) = (InputErrorCode::NotAList, given.to_string());
        let message = format!("the body has to be a list of objects, got {got}");
        let (row, field, is_sent, expected) = (None, None, false, LIST.to_owned());
        self.errors.push(|| InputError { code, row, field, is_sent, expected, got, message });
        self.is_told = true;
        stop()
    }

    fn not_an_object(&mut self, given: Given<'_>) {
        self.errors.push(|| not_an_object(self.row + 1, given));
    }

    /// Examines a sample by the names of its fields and those values that the mapping names.
    fn sample(&mut self, names: &[String], fields: &[bool]) {
        for (field, _) in self.mapping.fields().iter().zip(fields).filter(|(_, is_given)| !**is_given) {
            let instead = || misspelt(field, self.mapping, names.iter().map(String::as_str));
            self.errors.push(|| missing(Some(self.row + 1), field, "field", &instead()));
        }
    }
}

/// Returns the error of a body that is not JSON, or no list.
pub fn not_a_body(body: &[u8], error: &serde_json::Error) -> InputError {
    let (code, message, got) = if body.iter().all(u8::is_ascii_whitespace) {
        let message = "the body is empty, it has to be a JSON list of objects".to_owned();
        (InputErrorCode::NotJson, message, "nothing".to_owned())
    } else if error.is_data() || is_too_large(error) {
        (InputErrorCode::NotAList, format!("the body has to be a list of objects: {error}"), error.to_string())
    } else {
        (InputErrorCode::NotJson, format!("the body is not JSON: {error}"), error.to_string())
    };
    InputError { code, row: None, field: None, is_sent: false, expected: LIST.to_owned(), got, message }
}

/// Tells whether a parser has stopped at a number that is JSON, but that no float holds. Nothing but the text says so.
pub fn is_too_large(error: &serde_json::Error) -> bool {
    error.is_syntax() && error.to_string().starts_with("number out of range")
}

/// Returns the error of a field that holds a number that no float holds.
pub fn too_large(row: usize, field: &str) -> InputError {
    let field = cut(field).into_owned();
    InputError {
        code: InputErrorCode::WrongType,
        row: Some(row),
        is_sent: true,
        expected: RANGE.to_owned(),
        got: "a larger one".to_owned(),
        message: format!("the field `{field}` holds a number that is too large for a float"),
        field: Some(field),
    }
}

/// Returns the error of a sample that is no object.
pub fn not_an_object(row: usize, given: Given<'_>) -> InputError {
    let got = given.to_string();
    InputError {
        code: InputErrorCode::NotAnObject,
        row: Some(row),
        field: None,
        is_sent: false,
        expected: "an object".to_owned(),
        message: format!("a sample has to be an object, got {got}"),
        got,
    }
}

/// Returns the error of a field that is not there; `instead` ends the sentence.
pub fn missing(row: Option<usize>, field: &Field, what: &str, instead: &str) -> InputError {
    InputError {
        code: InputErrorCode::MissingField,
        row,
        field: Some(field.name.clone()),
        is_sent: false,
        expected: expected(field.kind, Given::Null).to_owned(),
        got: format!("nothing{instead}"),
        message: format!("the {what} `{}` is missing{instead}", field.name),
    }
}

/// Returns the error of a value that a field or parameter does not hold; `what` begins the sentence.
pub fn wrong(row: Option<usize>, field: &Field, given: Given<'_>, what: &str) -> InputError {
    InputError {
        code: InputErrorCode::WrongType,
        row,
        field: Some(field.name.clone()),
        is_sent: true,
        expected: expected(field.kind, given).to_owned(),
        got: given.to_string(),
        message: format!("{what}{}", refusal(field, given)),
    }
}

/// Returns the error of a field that is there twice.
pub fn twice(row: usize, name: &str) -> InputError {
    InputError {
        code: InputErrorCode::DuplicateField,
        row: Some(row),
        field: Some(cut(name).into_owned()),
        is_sent: true,
        expected: "the field once".to_owned(),
        got: "the field twice".to_owned(),
        message: format!("the field `{}` is given twice", cut(name)),
    }
}

/// The list.
struct List<'e, 'm>(&'e mut Examining<'m>);

impl List<'_, '_> {
    fn refuse<E: Error>(self, given: Given<'_>) -> Result<(), E> {
        Err(self.0.not_a_list(given))
    }
}

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut samples: A) -> Result<(), A::Error> {
        while samples.next_element_seed(Sample(&mut *self.0))?.is_some() {
            self.0.row += 1;
            if self.0.row > self.0.limit {
                return Err(stop());
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        // What breaks off is no object.
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.refuse(Given::Object)
    }

    scalars!(refuse);
}

/// One object, or what stands in its place.
struct Sample<'e, 'm>(&'e mut Examining<'m>);

impl Sample<'_, '_> {
    fn refuse<E: Error>(self, given: Given<'_>) -> Result<(), E> {
        self.0.not_an_object(given);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Sample<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Sample<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Sample(examining) = self;
        let mapping = examining.mapping;
        let mut is_given = vec![false; mapping.fields().len()];
        // Only those are compared with the names of fields that are missing.
        let mut unknown = Vec::new();
        let mut next = 0;
        while let Some(name) = entries.next_key::<String>()? {
            let Some(index) = mapping.position(&name, next) else {
                unknown.push(name);
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            examining.field = Some(index);
            if is_given[index] {
                entries.next_value::<IgnoredAny>()?;
                examining.errors.push(|| twice(examining.row + 1, &mapping.fields()[index].name));
            } else {
                entries.next_value_seed(Cell { examining: &mut *examining, index })?;
            }
            examining.field = None;
            is_given[index] = true;
            next = index + 1;
        }
        examining.sample(&unknown, &is_given);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.refuse(Given::List)
    }

    scalars!(refuse);
}

/// The value of a field.
struct Cell<'e, 'm> {
    examining: &'e mut Examining<'m>,
    index: usize,
}

impl Cell<'_, '_> {
    fn take<E: Error>(self, given: Given<'_>) -> Result<(), E> {
        let field = &self.examining.mapping.fields()[self.index];
        if !is_accepted(field.kind, given) {
            let row = self.examining.row + 1;
            self.examining.errors.push(|| wrong(Some(row), field, given, ""));
        }
        Ok(())
    }

    /// Takes a value that is known to be JSON but for the escapes of a text.
    fn take_json<E: Error>(self, json: &str) -> Result<(), E> {
        if json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
            && json.parse().is_ok_and(f64::is_infinite)
        {
            return self.take(Given::Huge(json));
        }
        let Cell { examining, index } = self;
        let read = serde_json::Deserializer::from_str(json).deserialize_any(Cell { examining: &mut *examining, index });
        if let Err(error) = read {
            examining.bad_text(&error);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Cell<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.take_json(<&RawValue>::deserialize(deserializer)?.get())
    }
}

impl<'de> Visitor<'de> for Cell<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a flag, a number or a text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.take(Given::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.take(Given::Object)
    }

    scalars!(take);
}
