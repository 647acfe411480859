//! The one sample of a query string.

use palladium_component::prelude::*;
use palladium_component::value::nearest;

use crate::convert::{Given, cut, refusal};
use crate::field::{Field, Mapping};

/// Reads the sample of a query string.
///
/// # Errors
/// A feature that is missing or cannot be converted.
pub fn read(mapping: &Mapping, request: &PredictRequest) -> Result<Table, PredictError> {
    let mut builders = mapping.builders();
    for (field, builder) in mapping.fields().iter().zip(&mut builders) {
        let text =
            request.query(&field.name).ok_or_else(|| PredictError::BadRequest(missing(field, mapping, request)))?;
        let given = Given::Text(text);
        builder.push(given).ok_or_else(|| PredictError::BadRequest(refusal(field, given)))?;
    }
    Ok(mapping.table(builders)?)
}

fn missing(field: &Field, mapping: &Mapping, request: &PredictRequest) -> String {
    let given = request.query.iter().map(|(name, _)| name.as_str());
    format!("the query parameter `{}` is missing{}", field.name, misspelt(field, mapping, given))
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
