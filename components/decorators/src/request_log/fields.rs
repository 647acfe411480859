//! What becomes of the fields of a request: those of the query string, of bodies, and of tensors.

use indexmap::IndexMap;
use palladium_component::ParamType;
use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::journal::grouped;
use crate::keyed_hash::KeyedHash;

/// What happens to a field, the strictest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Treatment {
    Keep,
    Hash,
    Drop,
}

impl FromArgument for Treatment {
    const TYPE: ParamType = ParamType::Choice(&["keep", "hash", "drop"]);

    fn from_argument(value: &Value) -> Result<Treatment, Mismatch> {
        match value.as_text() {
            Some("keep") => Ok(Treatment::Keep),
            Some("hash") => Ok(Treatment::Hash),
            Some("drop") => Ok(Treatment::Drop),
            _ => Err(Mismatch::wrong(Self::TYPE, value)),
        }
    }
}

/// How the fields of one request are treated.
pub struct Fields<'a> {
    /// What happens to the fields of these names.
    pub named: Option<&'a IndexMap<String, Treatment>>,
    /// What happens to all other ones.
    pub others: Treatment,
    /// How many samples are written.
    pub max_samples: usize,
    pub hash: &'a KeyedHash,
    /// Knows which parameters hold credentials.
    pub caller: &'a Caller,
}

impl Fields<'_> {
    /// Returns the fields of a query string.
    pub fn query(&self, query: &Pairs) -> Json {
        self.object(query.iter().map(|(name, value)| (name.to_owned(), json!(value))))
    }

    /// Returns the fields of a body; nothing stands for one that holds none.
    pub fn body(&self, request: &ViewRequest) -> Json {
        match serde_json::from_slice(json_of(request)) {
            Ok(Json::Object(object)) if has_tensors(&object) => self.inference(object),
            Ok(Json::Object(object)) => self.object(object),
            Ok(Json::Array(items)) => {
                let objects = items.into_iter().take(self.max_samples);
                let objects = objects.map(|item| match item {
                    Json::Object(object) => self.object(object),
                    _ => Json::Null,
                });
                objects.collect()
            }
            _ => Json::Null,
        }
    }

    /// Returns the fields of a request of the Open Inference Protocol.
    fn inference(&self, object: JsonMap<String, Json>) -> Json {
        let entry = |(name, value): (String, Json)| match (name.as_str(), value) {
            ("inputs", Json::Array(inputs)) => Some((name, self.tensors(inputs))),
            ("parameters", Json::Object(parameters)) => Some((name, self.object(parameters))),
            (_, value) => self.field(name, value),
        };
        object.into_iter().filter_map(entry).collect::<JsonMap<_, _>>().into()
    }

    /// Returns the samples of tensors by the names of these.
    fn tensors(&self, inputs: Vec<Json>) -> Json {
        let is_alone = inputs.len() == 1;
        grouped(inputs.into_iter().filter_map(|input| self.tensor(input, is_alone))).into()
    }

    fn tensor(&self, mut input: Json, is_alone: bool) -> Option<(String, Json)> {
        let name = input.get("name")?.as_str()?.to_owned();
        let tensor = Tensor::read(&mut input);
        let of_name = self.treatment(&name, &Json::Null);
        // A tensor that stands alone may have any name and hold all fields.
        let is_named = !is_alone || self.named.is_some_and(|named| named.contains_key(&name));
        let is_field = is_named && tensor.as_ref().is_some_and(|tensor| tensor.width == 1);
        let treatment = if is_field { of_name } else { of_name.max(self.strictest()) };
        let samples = tensor.map_or(Vec::new(), |tensor| tensor.samples(self.max_samples));
        match treatment {
            Treatment::Drop => None,
            _ if samples.is_empty() => Some((name, Json::Null)),
            Treatment::Hash => Some((name, samples.iter().map(|sample| self.hashed(sample)).collect())),
            Treatment::Keep => Some((name, samples.into())),
        }
    }

    fn object(&self, fields: impl IntoIterator<Item = (String, Json)>) -> Json {
        grouped(fields.into_iter().filter_map(|(name, value)| self.field(name, value))).into()
    }

    fn field(&self, name: String, value: Json) -> Option<(String, Json)> {
        match self.treatment(&name, &value) {
            Treatment::Keep => Some((name, value)),
            Treatment::Hash => Some((name, self.hashed(&value))),
            Treatment::Drop => None,
        }
    }

    /// Returns what happens to a field. A list or an object may hold any field within.
    fn treatment(&self, name: &str, value: &Json) -> Treatment {
        if self.caller.is_credential(ParameterPlace::Query, name) {
            return Treatment::Drop;
        }
        match self.named.and_then(|named| named.get(name)) {
            Some(treatment) => *treatment,
            None if value.is_array() || value.is_object() => self.strictest(),
            None => self.others,
        }
    }

    /// Returns what happens to the field that is protected most.
    fn strictest(&self) -> Treatment {
        self.named.into_iter().flat_map(IndexMap::values).copied().fold(self.others, Treatment::max)
    }

    fn hashed(&self, value: &Json) -> Json {
        const SHOWN: usize = 16;
        // A number in the query string and one in a body are the same value.
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let digits = hex::encode(self.hash.of(&[text.as_bytes()]));
        json!(format!("hash:{}", &digits[..SHOWN]))
    }
}

/// The elements of a tensor.
struct Tensor {
    /// The elements of each sample.
    width: usize,
    elements: Vec<Json>,
}

impl Tensor {
    /// Takes the elements of a tensor out of its JSON; nothing where they do not fit its shape, or are bytes behind it.
    fn read(input: &mut Json) -> Option<Tensor> {
        let shape: Vec<usize> = serde_json::from_value(input.get("shape")?.clone()).ok()?;
        let (n_samples, columns) = shape.split_first()?;
        let width = columns.iter().try_fold(1_usize, |width, columns| width.checked_mul(*columns))?;
        let mut elements = Vec::new();
        flatten(input.get_mut("data")?.take(), &mut elements);
        let fits = n_samples.checked_mul(width) == Some(elements.len()) && !elements.iter().any(Json::is_object);
        (fits && width > 0).then_some(Tensor { width, elements })
    }

    /// Returns the first samples: values, or lists of them where a sample has several.
    fn samples(self, max_samples: usize) -> Vec<Json> {
        let Tensor { width, mut elements } = self;
        elements.truncate(max_samples.saturating_mul(width));
        match width {
            1 => elements,
            _ => elements.chunks(width).map(Json::from).collect(),
        }
    }
}

/// Tells whether a body is one of the Open Inference Protocol: its fields are tensors with names.
fn has_tensors(body: &JsonMap<String, Json>) -> bool {
    let is_tensor = |input: &Json| input.get("name").is_some_and(Json::is_string);
    body.get("inputs").and_then(Json::as_array).is_some_and(|inputs| inputs.iter().all(is_tensor))
}

/// Returns the JSON of a body, behind which there may be the bytes of tensors.
fn json_of(request: &ViewRequest) -> &[u8] {
    let length = request.header("inference-header-content-length").and_then(|length| length.parse().ok());
    length.and_then(|length: usize| request.body.get(..length)).unwrap_or(&request.body)
}

fn flatten(value: Json, elements: &mut Vec<Json>) {
    match value {
        Json::Array(items) => items.into_iter().for_each(|item| flatten(item, elements)),
        element => elements.push(element),
    }
}
