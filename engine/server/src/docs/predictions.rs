//! The operations of predict services.

use palladium_component::data::{ClassLabels, ColumnSpec, ColumnType};
use palladium_component::interfaces::{
    Operation, OperationBody, OperationContent, OperationParameter, OperationResponse, ParameterPlace, Signature,
    error_schema,
};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::body_refusals;
use crate::answer::{Envelope, guarded};
use crate::predict::PredictRoute;

/// How many class labels a document shows.
const SHOWN: usize = 20;

/// Returns GET and POST of a predict service.
pub fn operations(route: &PredictRoute) -> Vec<Operation> {
    let signature = route.service.signature();
    let classes = classes(route);
    let result = result(signature.as_ref(), classes.as_ref());
    let name = pascal(route.service.entry_point());
    let signature = signature.unwrap_or(Signature { fields: Vec::new(), parameters: Vec::new(), probabilities: false });
    let sample = route.service.sample().unwrap_or_else(|| sample(&signature.fields));
    let keywords: Vec<OperationParameter> =
        signature.parameters.iter().map(|spec| parameter(spec, false, None)).collect();

    let mut get = Operation {
        method: "GET".to_owned(),
        summary: "Predict for one sample".to_owned(),
        description: "The sample stands in the query string. Parameters that are not listed are ignored.".to_owned(),
        parameters: signature.fields.iter().map(|spec| parameter(spec, true, sample.get(&spec.name))).collect(),
        ..common(route, &format!("{name}Answer"), &result)
    };
    get.parameters.extend(keywords.iter().cloned());

    let samples = json!({"type": "array", "items": sample_schema(&name, &signature.fields)});
    let content = OperationContent::json(samples).with_example(json!([sample]));
    let results = json!({"type": "array", "items": result});
    let mut post = Operation {
        method: "POST".to_owned(),
        summary: "Predict for several samples".to_owned(),
        description:
            "Each object of the list is a sample. Fields that are not listed are ignored, and an empty list is \
                      answered with an empty one."
                .to_owned(),
        parameters: keywords,
        body: Some(OperationBody { is_required: true, content: vec![content] }),
        ..common(route, &format!("{name}Answers"), &results)
    };
    body_refusals().for_each(|response| post.add(both(&route.envelope, response)));
    vec![get, post]
}

/// Returns what both operations answer.
fn common(route: &PredictRoute, title: &str, result: &Json) -> Operation {
    let envelope = &route.envelope;
    let content = OperationContent::json(json!({
        "title": title,
        "type": "object",
        "required": ["metadata", "result"],
        "properties": {"metadata": metadata(envelope), "result": result},
    }));
    let mut operation = Operation { group: "Predictions".to_owned(), ..Operation::default() };
    operation.add(OperationResponse::new(200, "The prediction.").with_content(content));
    for (status, description) in [(400, "The request cannot be understood."), (500, "The model refuses or fails.")] {
        let mut response = OperationResponse::refusal(status, description);
        response.content = vec![OperationContent::json(json!({
            "title": "PredictionError",
            "type": "object",
            "required": ["metadata"],
            "properties": {"metadata": error_metadata(envelope)},
        }))];
        operation.add(response);
    }
    operation.add(both(envelope, OperationResponse::refusal(503, "There is no model, or it cannot be read.")));
    operation
}

/// Returns the answer of a server that has not asked the predict service: the fields of an error stand at the top and
/// in the metadata.
fn both(envelope: &Envelope, response: OperationResponse) -> OperationResponse {
    let mut schema = error_schema();
    schema["title"] = json!("Refusal");
    schema["properties"]["metadata"] = error_metadata(envelope);
    OperationResponse { content: vec![OperationContent::json(schema)], ..response }
}

fn metadata(envelope: &Envelope) -> Json {
    let fields = json!({"status": {"const": "OK"}, "error_code": {"const": 0}});
    with_service_metadata(envelope, "Metadata", &["status", "error_code"], fields)
}

fn error_metadata(envelope: &Envelope) -> Json {
    let fields = error_schema()["properties"].clone();
    with_service_metadata(envelope, "ErrorMetadata", &["status", "error_code", "error_message"], fields)
}

/// Returns the schema of metadata with these fields and those of the root key `service_metadata`.
fn with_service_metadata(envelope: &Envelope, title: &str, required: &[&str], fields: Json) -> Json {
    let Some(metadata) = envelope.metadata() else { return json!({"title": title, "type": "object"}) };
    let mut properties = fields;
    for (name, value) in metadata {
        properties[name] = json!({"examples": [value]});
        if let Some(kind) = kind(value) {
            properties[name]["type"] = json!(kind);
        }
    }
    json!({"title": title, "type": "object", "required": required, "properties": properties})
}

fn kind(value: &Json) -> Option<&'static str> {
    match value {
        Json::Null => None,
        Json::Bool(_) => Some("boolean"),
        Json::Number(_) => Some("number"),
        Json::String(_) => Some("string"),
        Json::Array(_) => Some("array"),
        Json::Object(_) => Some("object"),
    }
}

fn parameter(spec: &ColumnSpec, is_required: bool, example: Option<&Json>) -> OperationParameter {
    OperationParameter {
        name: spec.name.clone(),
        place: ParameterPlace::Query,
        is_required,
        description: String::new(),
        schema: schema_of(spec.kind),
        example: example.cloned(),
    }
}

fn schema_of(kind: ColumnType) -> Json {
    match kind {
        ColumnType::Float => json!({"type": "number"}),
        ColumnType::Int => json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX}),
        ColumnType::Bool => json!({"type": "boolean"}),
        ColumnType::Text => json!({"type": "string"}),
    }
}

fn sample_schema(name: &str, fields: &[ColumnSpec]) -> Json {
    let required: Vec<&str> = fields.iter().map(|spec| spec.name.as_str()).collect();
    let properties: JsonMap<String, Json> =
        fields.iter().map(|spec| (spec.name.clone(), schema_of(spec.kind))).collect();
    json!({"title": format!("{name}Sample"), "type": "object", "required": required, "properties": properties})
}

/// Returns a sample that the types alone are known of.
fn sample(fields: &[ColumnSpec]) -> JsonMap<String, Json> {
    let value = |kind| match kind {
        ColumnType::Float => json!(1.5),
        ColumnType::Int => json!(1),
        ColumnType::Bool => json!(true),
        ColumnType::Text => json!("text"),
    };
    fields.iter().map(|spec| (spec.name.clone(), value(spec.kind))).collect()
}

/// Returns the class labels of the active model, if it is in memory and has any.
fn classes(route: &PredictRoute) -> Option<ClassLabels> {
    guarded(|| route.persister.in_memory()?.model.output()?.classes().cloned()).ok()?
}

/// Returns the schema of the result for one sample. Labels are examples: another model may have others.
fn result(signature: Option<&Signature>, classes: Option<&ClassLabels>) -> Json {
    let Some(signature) = signature else { return json!({}) };
    if signature.probabilities {
        let description = "The probability of each class, in the order of the classes.";
        return json!({"type": "array", "items": {"type": ["number", "null"]}, "description": description});
    }
    let kind = match classes {
        None => return json!({"type": ["boolean", "null", "number", "string"]}),
        Some(ClassLabels::Bool(_)) => "boolean",
        Some(ClassLabels::Int(_)) => "integer",
        Some(ClassLabels::Float(_)) => "number",
        Some(ClassLabels::Text(_)) => "string",
    };
    let labels = classes.into_iter().flat_map(|classes| (0..classes.len()).filter_map(|code| classes.get(code)));
    let labels: Vec<Json> = labels.take(SHOWN).map(|label| json!(label)).collect();
    json!({"type": kind, "examples": labels})
}

/// Returns a path as the beginning of a name: `/iris/v-1` as `IrisV1`.
fn pascal(path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_type_of_the_labels() {
        let signature = Signature { fields: Vec::new(), parameters: Vec::new(), probabilities: false };
        let text = ClassLabels::Text(vec!["a".into(), "b".into()]);
        assert_eq!(result(Some(&signature), Some(&text)), json!({"type": "string", "examples": ["a", "b"]}));
        let many = ClassLabels::Int((0..1000).collect());
        assert_eq!(result(Some(&signature), Some(&many))["examples"].as_array().unwrap().len(), SHOWN);
        assert_eq!(result(Some(&signature), None)["type"], json!(["boolean", "null", "number", "string"]));
        let probabilities = Signature { probabilities: true, ..signature };
        assert_eq!(result(Some(&probabilities), Some(&text))["items"]["type"], json!(["number", "null"]));
        assert_eq!(result(None, Some(&text)), json!({}));
    }

    #[test]
    fn paths_are_names() {
        for (path, expected) in [("/predict", "Predict"), ("/iris/v-1", "IrisV1"), ("/", ""), ("/a%20b", "A20b")] {
            assert_eq!(pascal(path), expected);
        }
    }
}
