//! The one sample of a query string.

use palladium_component::prelude::*;
use palladium_component::value::nearest;

use crate::convert::{Given, cut};
use crate::faults::{missing, wrong};
use crate::field::{Field, Mapping};

/// Reads the sample of a query string.
///
/// # Errors
/// Features that are missing or cannot be converted.
pub fn read(mapping: &Mapping, request: &PredictRequest) -> Result<Table, PredictError> {
    let mut builders = mapping.builders();
    let mut errors = InputErrors::default();
    for (field, builder) in mapping.fields().iter().zip(&mut builders) {
        match request.query(&field.name) {
            None => errors.push(|| missing(None, field, "query parameter", &instead(field, mapping, request))),
            Some(text) if builder.push(Given::Text(text)).is_none() => {
                errors.push(|| wrong(None, field, Given::Text(text), ""));
            }
            Some(_) => {}
        }
    }
    if !errors.is_empty() {
        return Err(PredictError::Invalid(errors));
    }
    Ok(mapping.table(builders)?)
}

fn instead(field: &Field, mapping: &Mapping, request: &PredictRequest) -> String {
    misspelt(field, mapping, request.query.iter().map(|(name, _)| name))
}

/// Returns the name that was probably given for a missing one, as the end of a sentence.
pub fn misspelt<'a>(field: &Field, mapping: &Mapping, given: impl Iterator<Item = &'a str>) -> String {
    const COMPARED: usize = 100;
    let unknown = given.filter(|name| mapping.position(name, 0).is_none()).take(COMPARED);
    match nearest(&field.name, unknown.filter(|name| name.len() <= 2 * field.name.len() + 2)) {
        Some(near) => format!("; `{}` was given instead", cut(near)),
        None => String::new(),
    }
}
