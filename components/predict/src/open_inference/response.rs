//! Responses: predictions as a tensor, in JSON or in bytes.

use palladium_component::data::LabelRef;
use palladium_component::prelude::*;
use serde::{Serialize, Serializer};

use super::datatype::Datatype;
use super::problem::{Problem, json};
use super::request::{InferenceRequest, JSON_LENGTH, RequestParameters};

/// Returns the name of the one tensor that a predict service answers with.
pub fn output_name(signature: &Signature) -> &'static str {
    if signature.probabilities { "predict_proba" } else { "predict" }
}

/// Returns whether the elements of the answer are to be bytes.
///
/// # Errors
/// Another output is asked for, or one twice.
pub fn wants_bytes(request: &InferenceRequest, signature: &Signature) -> Result<bool, Problem> {
    const EACH: &str = "binary_data";
    let name = output_name(signature);
    let outputs = request.outputs.as_deref().unwrap_or_default();
    if let Some(other) = outputs.iter().find(|output| output.name != name) {
        let shown: String = other.name.chars().take(60).collect();
        return Err(Problem::bad_request(format!("there is no output {shown:?}, there is `{name}`")));
    }
    if outputs.len() > 1 {
        return Err(Problem::bad_request(format!("the output `{name}` is asked for twice")));
    }
    let none = RequestParameters::default();
    let own = outputs.first().map_or(&none, |output| &output.parameters).flag(EACH)?;
    let of_all = request.parameters.flag("binary_data_output")?;
    Ok(own.or(of_all).unwrap_or(false))
}

/// Returns the datatype of class labels.
pub fn datatype_of(labels: &ClassLabels) -> Datatype {
    match labels {
        ClassLabels::Bool(_) => Datatype::Bool,
        ClassLabels::Int(_) => Datatype::Int64,
        ClassLabels::Float(_) => Datatype::Fp64,
        ClassLabels::Text(_) => Datatype::Bytes,
    }
}

/// The header that names the version of the model that was asked, as other predictions have it.
pub const MODEL_VERSION: &str = "x-model-version";

/// The answer of a model as a tensor.
struct Tensor<'a> {
    datatype: Datatype,
    shape: Vec<usize>,
    elements: Elements<'a>,
}

/// The elements of an answer, row by row.
enum Elements<'a> {
    None,
    Predictions(&'a Predictions),
    Probabilities(&'a Probabilities),
}

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Elements::None => serializer.collect_seq(std::iter::empty::<()>()),
            Elements::Predictions(predictions) => predictions.serialize(serializer),
            Elements::Probabilities(probabilities) => serializer.collect_seq(&probabilities.values),
        }
    }
}

impl Elements<'_> {
    /// Returns the elements as bytes, the lowest of a number first.
    ///
    /// # Errors
    /// A prediction that is no class of the model.
    fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let numbers =
            |numbers: &mut dyn Iterator<Item = &f64>| numbers.flat_map(|number| number.to_le_bytes()).collect();
        let (labels, codes) = match self {
            Elements::None => return Ok(Vec::new()),
            Elements::Predictions(Predictions::Numbers(values)) => return Ok(numbers(&mut values.iter())),
            Elements::Probabilities(probabilities) => return Ok(numbers(&mut probabilities.values.iter())),
            Elements::Predictions(Predictions::Classes { labels, codes }) => (labels, codes),
        };
        let mut bytes = Vec::with_capacity(codes.len());
        for code in codes {
            match labels.get(*code as usize) {
                Some(LabelRef::Bool(flag)) => bytes.push(u8::from(flag)),
                Some(LabelRef::Int(number)) => bytes.extend(number.to_le_bytes()),
                Some(LabelRef::Float(number)) => bytes.extend(number.to_le_bytes()),
                Some(LabelRef::Text(text)) => {
                    let length = u32::try_from(text.len());
                    let length = length.map_err(|_| Failure::message("a class label is longer than 4 GiB"))?;
                    bytes.extend(length.to_le_bytes());
                    bytes.extend(text.bytes());
                }
                None => return Err(Failure::message(format!("the model predicts class {code} of {}", labels.len()))),
            }
        }
        Ok(bytes)
    }
}

/// Returns the tensor of what a predict service answered.
fn tensor<'a>(
    response: &'a PredictResponse,
    model: &TrainedModel,
    signature: &Signature,
) -> Result<Tensor<'a>, Failure> {
    Ok(match response {
        PredictResponse::One(predictions) | PredictResponse::Many(predictions) => Tensor {
            datatype: match predictions {
                Predictions::Classes { labels, .. } => datatype_of(labels),
                Predictions::Numbers(_) => Datatype::Fp64,
            },
            shape: vec![predictions.len()],
            elements: Elements::Predictions(predictions),
        },
        PredictResponse::OneProbabilities(probabilities) | PredictResponse::ManyProbabilities(probabilities) => {
            Tensor {
                datatype: Datatype::Fp64,
                shape: probabilities.values.shape().to_vec(),
                elements: Elements::Probabilities(probabilities),
            }
        }
        PredictResponse::Empty => {
            let (datatype, shape) = match model.model.output() {
                Some(ModelOutput::Classes(labels)) if signature.probabilities => {
                    (Datatype::Fp64, vec![0, labels.len()])
                }
                Some(ModelOutput::Classes(labels)) => (datatype_of(labels), vec![0]),
                Some(ModelOutput::Number) | None if signature.probabilities => (Datatype::Fp64, vec![0, 0]),
                Some(ModelOutput::Number) | None => (Datatype::Fp64, vec![0]),
            };
            Tensor { datatype, shape, elements: Elements::None }
        }
        PredictResponse::Own(_) => return Err(Failure::message("the predict service answers with no tensor")),
    })
}

#[derive(Serialize)]
struct Body<'a> {
    model_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: [Output<'a>; 1],
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinaryData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Elements<'a>>,
}

#[derive(Serialize)]
struct BinaryData {
    binary_data_size: usize,
}

/// What a response is about.
pub struct Answered<'a> {
    /// The name that the model was asked by.
    pub name: &'a str,
    pub model: &'a TrainedModel,
    pub signature: &'a Signature,
    /// The `id` of the request.
    pub id: Option<&'a str>,
    /// Whether the elements are bytes.
    pub bytes: bool,
}

impl Answered<'_> {
    /// Writes the response.
    ///
    /// # Errors
    /// A prediction that is no class of the model.
    pub fn write(&self, response: &PredictResponse) -> Result<ViewResponse, Problem> {
        let Tensor { datatype, shape, elements } = tensor(response, self.model, self.signature)?;
        let bytes = if self.bytes { Some(elements.to_bytes()?) } else { None };
        let output = Output {
            name: output_name(self.signature),
            datatype: datatype.name(),
            shape,
            parameters: bytes.as_ref().map(|bytes| BinaryData { binary_data_size: bytes.len() }),
            data: if self.bytes { None } else { Some(elements) },
        };
        let model_version = self.model.metadata.version().map(|version| version.to_string());
        let body = Body { model_name: self.name, model_version, id: self.id, outputs: [output] };
        let mut response = json(200, &body);
        if let Some(version) = body.model_version {
            response.set_header(MODEL_VERSION, version);
        }
        if let Some(bytes) = bytes {
            response.set_header("content-type", "application/octet-stream");
            response.set_header(JSON_LENGTH, response.body.len().to_string());
            response.body.extend(bytes);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use palladium_component::data::ndarray::array;

    use super::*;

    fn classes(labels: ClassLabels, codes: &[u32]) -> PredictResponse {
        PredictResponse::Many(Predictions::Classes { labels: Arc::new(labels), codes: codes.to_vec() })
    }

    #[test]
    fn answers_are_tensors_in_json_and_in_bytes() {
        let texts = ClassLabels::Text(vec!["a".into(), "ß".into()]);
        let probabilities = Probabilities { labels: Arc::new(texts.clone()), values: array![[0.25, 0.75], [1.0, 0.0]] };
        let reals = |numbers: &[f64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        let cases = [
            (classes(texts, &[1, 0]), "BYTES", vec![2], r#"["ß","a"]"#, vec![2, 0, 0, 0, 0xc3, 0x9f, 1, 0, 0, 0, b'a']),
            (classes(ClassLabels::Int(vec![-1, 7]), &[0]), "INT64", vec![1], "[-1]", vec![255; 8]),
            (classes(ClassLabels::Bool(vec![false, true]), &[1, 0]), "BOOL", vec![2], "[true,false]", vec![1, 0]),
            (classes(ClassLabels::Float(vec![0.0, 2.0]), &[1]), "FP64", vec![1], "[2.0]", reals(&[2.0])),
            (
                PredictResponse::Many(Predictions::Numbers(vec![1.5, f64::INFINITY])),
                "FP64",
                vec![2],
                "[1.5,null]",
                reals(&[1.5, f64::INFINITY]),
            ),
            (
                PredictResponse::ManyProbabilities(probabilities),
                "FP64",
                vec![2, 2],
                "[0.25,0.75,1.0,0.0]",
                reals(&[0.25, 0.75, 1.0, 0.0]),
            ),
        ];
        for (response, datatype, shape, elements, bytes) in cases {
            let (model, signature) = (super::super::tests::trained(3), super::super::tests::signature(false));
            let tensor = tensor(&response, &model, &signature).unwrap();
            assert_eq!((tensor.datatype.name(), &tensor.shape), (datatype, &shape));
            assert_eq!(serde_json::to_string(&tensor.elements).unwrap(), elements);
            assert_eq!(tensor.elements.to_bytes().unwrap(), bytes);
        }
        let wrong = classes(ClassLabels::Int(vec![1]), &[1]);
        let (model, signature) = (super::super::tests::trained(3), super::super::tests::signature(false));
        let error = tensor(&wrong, &model, &signature).unwrap().elements.to_bytes().unwrap_err();
        assert_eq!(error.to_string(), "the model predicts class 1 of 1");
    }
}
