//! What the routes take and answer, for documents.

use palladium_component::data::ColumnSpec;
use palladium_component::prelude::*;
use serde_json::{Value as Json, json};

use super::datatype::Datatype;
use super::request::JSON_LENGTH;
use super::response::{MODEL_VERSION, output_name};
use super::{Offered, OpenInference, Question};
use crate::field::FieldType;

const GROUP: &str = "Open Inference Protocol";

impl OpenInference {
    /// Returns what a route takes and answers. Predictions are shown for each model at a path of its own, since each has
    /// its own tensors and decorators.
    pub(super) fn describe_route(&self, rule: &ViewRule, service: &dyn ServiceHandle) -> Vec<Operation> {
        let Some(question) = self.question(&rule.path) else { return Vec::new() };
        let offered = self.offered(service.predict_services());
        let names: Vec<&str> = offered.iter().map(|offered| offered.name.as_str()).collect();
        let of_version = rule.path.contains("/<version>");
        let operations = match question {
            Question::Server => vec![server()],
            Question::Live => vec![live()],
            Question::Ready => vec![ready()],
            Question::Index => vec![index()],
            Question::Model => vec![model(&names)],
            Question::ModelReady => vec![model_ready(&names)],
            Question::Infer => offered.iter().map(|offered| infer(offered, service)).collect(),
        };
        operations.into_iter().map(|operation| if of_version { with_version(operation) } else { operation }).collect()
    }
}

/// Returns what every error holds.
pub fn error_content() -> OperationContent {
    OperationContent::json(json!({
        "title": "InferenceError",
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}},
    }))
}

fn problem(status: u16, description: &str) -> OperationResponse {
    OperationResponse { content: vec![error_content()], ..OperationResponse::refusal(status, description) }
}

fn operation(method: &str, summary: &str) -> Operation {
    Operation {
        method: method.to_owned(),
        summary: summary.to_owned(),
        group: GROUP.to_owned(),
        ..Operation::default()
    }
}

fn answer(description: &str, schema: Json) -> OperationResponse {
    OperationResponse::new(200, description).with_content(OperationContent::json(schema))
}

fn server() -> Operation {
    let mut operation = operation("GET", "Tell what the server is");
    operation.add(answer(
        "Its name, version and extensions of the protocol.",
        json!({
            "title": "ServerMetadata",
            "type": "object",
            "required": ["name", "version", "extensions"],
            "properties": {
                "name": {"type": "string"},
                "version": {"type": "string"},
                "extensions": {"type": "array", "items": {"type": "string"}},
            },
        }),
    ));
    operation
}

fn live() -> Operation {
    let mut operation = operation("GET", "Tell whether the process works");
    let properties = json!({"live": {"const": true}});
    operation.add(answer("It does.", json!({"type": "object", "required": ["live"], "properties": properties})));
    operation
}

fn ready() -> Operation {
    let mut operation = operation("GET", "Tell whether all models are ready");
    let properties = json!({"ready": {"const": true}});
    operation.add(answer("They are.", json!({"type": "object", "required": ["ready"], "properties": properties})));
    operation.add(not_ready("A model is missing or takes other columns than the fields of its predict service, or the service is about to stop.", "ServerNotReady", &["ready"]));
    operation
}

/// Returns the answer that something is not ready, which has these fields beside the error.
fn not_ready(description: &str, title: &str, fields: &[&str]) -> OperationResponse {
    let mut properties = json!({"error": {"type": "string"}, "ready": {"const": false}});
    if fields.contains(&"name") {
        properties["name"] = json!({"type": "string"});
    }
    let required = [&["error"], fields].concat();
    let schema = json!({"title": title, "type": "object", "required": required, "properties": properties});
    OperationResponse::new(503, description).with_content(OperationContent::json(schema))
}

fn index() -> Operation {
    let mut operation = operation("POST", "List the models with their versions");
    let filter = json!({
        "title": "ModelFilter",
        "type": "object",
        "properties": {"ready": {"type": "boolean", "default": false, "description": "Only those that are ready."}},
    });
    operation.body = Some(OperationBody { is_required: false, content: vec![OperationContent::json(filter)] });
    let listed = json!({
        "title": "ListedModel",
        "type": "object",
        "required": ["name", "version", "state", "reason"],
        "properties": {
            "name": {"type": "string"},
            "version": {"type": "string"},
            "state": {"enum": ["READY", "UNAVAILABLE"]},
            "reason": {"type": "string"},
        },
    });
    operation.add(answer("The models.", json!({"type": "array", "items": listed})));
    operation.add(problem(400, "The body is no filter."));
    operation.add(problem(415, "The body is encoded."));
    operation
}

fn model(names: &[&str]) -> Operation {
    let mut operation = with_name(operation("GET", "Tell what a model takes and answers"), names);
    let tensor = json!({
        "title": "TensorMetadata",
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": {"type": "string"},
            "datatype": datatype(),
            "shape": {"type": "array", "items": {"type": "integer", "minimum": -1}},
        },
    });
    operation.add(answer(
        "The model.",
        json!({
            "title": "ModelMetadata",
            "type": "object",
            "required": ["name", "versions", "platform", "inputs", "outputs"],
            "properties": {
                "name": {"type": "string"},
                "versions": {"type": "array", "items": {"type": "string"}},
                "platform": {"type": "string"},
                "inputs": {"type": "array", "items": tensor.clone()},
                "outputs": {"type": "array", "items": tensor},
            },
        }),
    ));
    operation.add(problem(404, "There is no such model."));
    operation.add(problem(503, "No version is active, or the model cannot be read."));
    operation
}

fn model_ready(names: &[&str]) -> Operation {
    let mut operation = with_name(operation("GET", "Tell whether a model is ready"), names);
    let properties = json!({"name": {"type": "string"}, "ready": {"const": true}});
    let required = ["name", "ready"];
    operation.add(answer("It is.", json!({"type": "object", "required": required, "properties": properties})));
    operation.add(problem(404, "There is no such model."));
    operation.add(not_ready(
        "No version is active, or it takes other columns than there are inputs.",
        "ModelNotReady",
        &required,
    ));
    operation.add(problem(503, "The store cannot be read."));
    operation
}

/// Returns what a prediction of a model takes and answers.
fn infer(offered: &Offered, service: &dyn ServiceHandle) -> Operation {
    let Offered { name, served, signature } = offered;
    let keywords = signature.parameters.iter().map(|spec| OperationParameter::of_column(spec, false, None));
    let mut operation = Operation {
        parts: vec![("name".to_owned(), name.clone())],
        description: format!(
            "A tensor for each field, or one whose columns are the fields in order; there may be {} samples.",
            service.max_rows()
        ),
        parameters: std::iter::once(json_length()).chain(keywords).collect(),
        body: Some(OperationBody {
            is_required: true,
            content: vec![
                OperationContent::json(request(signature)).with_example(example(offered)),
                bytes("The JSON, and behind it the elements of its tensors in bytes."),
            ],
        }),
        decorators: service.decorator_docs(served.service.decorator_list_name()),
        ..operation("POST", &format!("Predict by {name}"))
    };
    let length = OperationHeader::count(JSON_LENGTH, "How long the JSON is where bytes follow.").optional();
    let version = || OperationHeader::text(MODEL_VERSION, "The version of the model that was asked.").optional();
    let predicted = answer("The predictions.", response(signature)).with_header(length).with_header(version());
    operation.add(predicted.with_content(bytes("The JSON, and behind it the elements of the answer in bytes.")));
    for (status, description) in [
        (400, "The request cannot be understood."),
        (408, "The body took too long."),
        (413, "The body is too large, or has too many samples."),
        (415, "The body is neither JSON nor bytes, or is encoded."),
        (500, "The model refuses or fails."),
        (503, "There is no model, it cannot be read or does not fit the service, or predicting takes too long."),
    ] {
        operation.add(problem(status, description).with_header(version()));
    }
    if served.service.own_answers().refusals {
        let unknown = OperationResponse::unknown("A function of the configuration refuses the request.");
        operation.add(unknown.with_content(error_content()).with_header(version()));
    }
    operation
}

/// Returns an operation of a version that the path names.
fn with_version(mut operation: Operation) -> Operation {
    operation.summary.push_str(", in one version");
    operation.parameters.push(OperationParameter {
        name: "version".to_owned(),
        place: ParameterPlace::Path,
        is_required: true,
        description: "The version.".to_owned(),
        schema: json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX}),
        example: None,
    });
    operation.add(problem(404, "There is no such version."));
    operation
}

fn with_name(mut operation: Operation, names: &[&str]) -> Operation {
    let schema = if names.is_empty() { json!({"type": "string"}) } else { json!({"type": "string", "enum": names}) };
    operation.parameters.push(OperationParameter {
        name: "name".to_owned(),
        place: ParameterPlace::Path,
        is_required: true,
        description: "The name of the model.".to_owned(),
        schema,
        example: None,
    });
    operation
}

fn json_length() -> OperationParameter {
    OperationParameter {
        name: JSON_LENGTH.to_owned(),
        place: ParameterPlace::Header,
        is_required: false,
        description: "How long the JSON is where bytes follow.".to_owned(),
        schema: json!({"type": "integer", "minimum": 0}),
        example: None,
    }
}

fn bytes(description: &str) -> OperationContent {
    OperationContent {
        media_type: "application/octet-stream".to_owned(),
        schema: json!({"description": description}),
        example: None,
    }
}

fn datatype() -> Json {
    json!({"title": "Datatype", "enum": Datatype::ALL.map(|(name, _)| name)})
}

fn parameters() -> Json {
    json!({
        "title": "InferenceParameters",
        "type": "object",
        "additionalProperties": {"type": ["boolean", "number", "string"]},
    })
}

fn shape() -> Json {
    json!({"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 2})
}

fn request(signature: &Signature) -> Json {
    let names: Vec<&str> = signature.fields.iter().map(|spec| spec.name.as_str()).collect();
    let input = json!({
        "title": "InferenceInput",
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string"},
            "shape": shape(),
            "datatype": datatype(),
            "parameters": parameters(),
            "data": {"type": "array"},
        },
    });
    let output = json!({
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"const": output_name(signature)}, "parameters": parameters()},
    });
    json!({
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": parameters(),
            "inputs": {
                "type": "array",
                "items": input,
                "description": format!("The fields are {}.", names.join(", ")),
            },
            "outputs": {"type": "array", "items": output, "maxItems": 1},
        },
    })
}

fn response(signature: &Signature) -> Json {
    let output = json!({
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": {"const": output_name(signature)},
            "datatype": datatype(),
            "shape": shape(),
            "parameters": {
                "type": "object",
                "required": ["binary_data_size"],
                "properties": {"binary_data_size": {"type": "integer", "minimum": 0}},
            },
            "data": {"type": "array", "items": {"type": ["boolean", "null", "number", "string"]}},
        },
    });
    json!({
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string", "description": "That of the request."},
            "outputs": {"type": "array", "items": output, "minItems": 1, "maxItems": 1},
        },
    })
}

/// Returns a request for one sample.
fn example(offered: &Offered) -> Json {
    let Offered { served, signature, .. } = offered;
    let sample = served.service.sample().unwrap_or_else(|| signature.example());
    let input = |spec: &ColumnSpec| {
        let datatype = Datatype::of(FieldType::of(spec.kind)).name();
        json!({"name": spec.name, "shape": [1], "datatype": datatype, "data": [sample.get(&spec.name)]})
    };
    json!({"inputs": signature.fields.iter().map(input).collect::<Vec<_>>()})
}
