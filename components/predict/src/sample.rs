//! The sample that documents and forms show.

use palladium_component::ParamType;
use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json};

use crate::convert::{Given, refusal};
use crate::field::Mapping;

/// A sample as it stands in a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample(pub JsonMap<String, Json>);

impl FromArgument for Sample {
    const TYPE: ParamType = ParamType::Map(&ParamType::OneOf(&[ParamType::Float, ParamType::Text, ParamType::Bool]));

    fn from_argument(value: &Value) -> Result<Sample, Mismatch> {
        match value.as_map().map(|_| value.to_json()) {
            Some(Json::Object(sample)) => Ok(Sample(sample)),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

impl Sample {
    /// Checks that it has the fields of a mapping and no others, with values of their types.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, mapping: &Mapping) -> Result<(), ArgumentError> {
        let wrong = |message: String| ArgumentError::new("sample", message);
        for field in mapping.fields() {
            let value = self.0.get(&field.name);
            let value = value.ok_or_else(|| wrong(format!("`sample` lacks `{}` of the mapping", field.name)))?;
            let mut builder = crate::column::ColumnBuilder::new(field.kind);
            let given = given(value);
            builder.push(given).ok_or_else(|| wrong(format!("`sample`: {}", refusal(field, given))))?;
        }
        let is_unknown = |name: &&String| mapping.fields().iter().all(|field| field.name != **name);
        match self.0.keys().find(is_unknown) {
            Some(name) => Err(wrong(format!("`sample` has `{name}`, which the mapping does not name"))),
            None => Ok(()),
        }
    }
}

fn given(value: &Json) -> Given<'_> {
    match value {
        Json::Null => Given::Null,
        Json::Bool(flag) => Given::Bool(*flag),
        Json::String(text) => Given::Text(text),
        Json::Array(_) => Given::List,
        Json::Object(_) => Given::Object,
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Given::Int(number),
            (None, Some(number)) => Given::BigInt(number),
            (None, None) => number.as_f64().map_or(Given::Null, Given::Float),
        },
    }
}
