//! The operations of predict services.

use palladium_component::data::{ClassLabels, ColumnSpec};
use palladium_component::interfaces::{
    ErrorDetail, InputErrorCode, InputErrors, Operation, OperationBody, OperationContent, OperationHeader,
    OperationParameter, OperationResponse, OwnAnswers, Signature, column_schema, error_schema,
};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::body_refusals;
use crate::answer::{Envelope, MODEL_VERSION, guarded};
use crate::body::NDJSON;
use crate::predict::PredictRoute;

/// How many class labels a document shows.
const SHOWN: usize = 20;

/// Returns GET and POST of a predict service, whose requests may have so many samples.
pub fn operations(route: &PredictRoute, max_rows: usize) -> Vec<Operation> {
    let answers = Answers::of(route);
    let signature = route.service.signature();
    let signature = signature.unwrap_or(Signature { fields: Vec::new(), parameters: Vec::new(), probabilities: false });
    let sample = route.service.sample().unwrap_or_else(|| signature.example());
    let field = |spec: &ColumnSpec| OperationParameter::of_column(spec, true, sample.get(&spec.name).cloned());
    let keywords = signature.parameters.iter().map(|spec| OperationParameter::of_column(spec, false, None));
    let keywords: Vec<OperationParameter> = keywords.collect();

    let mut get = Operation {
        method: "GET".to_owned(),
        summary: "Predict for one sample".to_owned(),
        description: "The sample stands in the query string. Parameters that are not listed are ignored.".to_owned(),
        parameters: signature.fields.iter().map(field).collect(),
        ..answers.common(&answers.to_one())
    };
    get.parameters.extend(keywords.iter().cloned());
    answers.add_own(&mut get, &answers.to_one());

    let item = sample_schema(&answers.name, &signature.fields);
    let line = json!(sample).to_string();
    let mut post = Operation {
        method: "POST".to_owned(),
        summary: "Predict for several samples".to_owned(),
        description: format!(
            "Each object of the list is a sample; there may be {max_rows}. Fields that are not listed are ignored, and \
             an empty list is answered with an empty one.\n\nA body of the type `{NDJSON}` has one sample a line, as \
             many as there are, and is answered line by line while it comes."
        ),
        parameters: keywords,
        body: Some(OperationBody {
            is_required: true,
            content: vec![
                OperationContent::json(json!({"type": "array", "items": item})).with_example(json!([sample])),
                lines(&item).with_example(json!(format!("{line}\n{line}\n"))),
            ],
        }),
        ..answers.common(&answers.to_many())
    };
    post.add(OperationResponse::new(200, "").with_header(model_version()).with_content(lines(&answers.line())));
    let encoded = OperationResponse::refusal(415, "The body is encoded.");
    for response in body_refusals().chain([encoded]) {
        post.add(answers.of_server(response));
    }
    let too_many = OperationResponse::refusal(413, format!("There are more than {max_rows} samples."));
    post.add(answers.of_server(too_many.with_header(model_version())));
    answers.add_own(&mut post, &answers.to_many());
    vec![get, post]
}

/// What a predict service answers.
struct Answers<'a> {
    envelope: &'a Envelope,
    /// How the schemas of the service are called.
    name: String,
    /// The schema of the result for one sample.
    result: Json,
    own: OwnAnswers,
    /// Whether the service says errors in its own way.
    changes_errors: bool,
    /// How much clients are told about errors; nothing where that is not decided yet.
    detail: Option<ErrorDetail>,
}

impl Answers<'_> {
    fn of(route: &PredictRoute) -> Answers<'_> {
        let (service, own) = (&route.service, route.service.own_answers());
        let classes = if own.predictions { None } else { classes(route) };
        Answers {
            envelope: &route.envelope,
            name: pascal(service.entry_point()),
            result: match own.responses {
                true => json!({}),
                false => result(service.signature().as_ref(), classes.as_ref()),
            },
            own,
            changes_errors: service.changes_error_responses(),
            detail: service.error_detail().or_else(|| route.detail.get().copied()),
        }
    }

    /// Returns what both operations answer.
    fn common(&self, answer: &OperationContent) -> Operation {
        let mut operation = Operation { group: "Predictions".to_owned(), ..Operation::default() };
        let answered = OperationResponse::new(200, "The prediction.").with_header(model_version());
        operation.add(answered.with_content(answer.clone()));
        for (status, description) in [(400, "The request cannot be understood."), (500, "The model refuses or fails.")]
        {
            operation.add(self.of_service(OperationResponse::refusal(status, description)));
        }
        let missing =
            "There is no model, it cannot be read or does not fit the service, or the prediction takes too long.";
        let unavailable = OperationResponse::refusal(503, missing).with_header(model_version());
        operation.add(self.of_server(unavailable));
        operation
    }

    /// Adds what functions of the configuration may answer.
    fn add_own(&self, operation: &mut Operation, answer: &OperationContent) {
        let answered = OperationResponse::new(200, "").with_header(model_version()).with_content(answer.clone());
        let refused = self.of_service(OperationResponse::refusal(400, ""));
        let own = [
            (self.own.responses, 200, answered),
            (self.changes_errors, 200, refused.clone()),
            (self.own.refusals, 400, refused),
        ];
        for (_, least, response) in own.into_iter().filter(|(is_possible, _, _)| *is_possible) {
            let known: Vec<u16> = operation.responses.iter().filter_map(|known| known.status).collect();
            for status in known.into_iter().filter(|status| *status >= least) {
                operation.add(OperationResponse { status: Some(status), ..response.clone() });
            }
            let description = "What a function of the configuration answers.".to_owned();
            operation.add(OperationResponse { status: None, description, ..response });
        }
    }

    /// Returns the answer to one sample.
    fn to_one(&self) -> OperationContent {
        self.answer("Answer", &self.result)
    }

    /// Returns the answer to a list of samples.
    fn to_many(&self) -> OperationContent {
        let results = json!({"type": "array", "items": self.result});
        self.answer("Answers", if self.own.responses { &self.result } else { &results })
    }

    fn answer(&self, kind: &str, result: &Json) -> OperationContent {
        OperationContent::json(json!({
            "title": format!("{}{kind}", self.name),
            "type": "object",
            "required": ["metadata", "result"],
            "properties": {"metadata": self.metadata(), "result": result},
        }))
    }

    /// Returns a refusal of the service itself: the fields of an error stand in the metadata.
    fn of_service(&self, response: OperationResponse) -> OperationResponse {
        let content = OperationContent::json(json!({
            "title": "PredictionError",
            "type": "object",
            "required": ["metadata"],
            "properties": {"metadata": self.error_metadata()},
        }));
        OperationResponse { content: vec![content], ..response.with_header(model_version()) }
    }

    /// Returns the answer of a server that has not asked the predict service: the fields of an error stand at the top
    /// and in the metadata.
    fn of_server(&self, response: OperationResponse) -> OperationResponse {
        let mut schema = error_schema();
        schema["title"] = json!("Refusal");
        schema["properties"]["metadata"] = self.error_metadata();
        OperationResponse { content: vec![OperationContent::json(schema)], ..response }
    }

    /// Returns the line that answers one of a stream.
    fn line(&self) -> Json {
        let mut error = self.error_fields(true);
        let number = |what: &str| json!({"type": "integer", "minimum": 1, "description": what});
        error.insert("row".to_owned(), number("The sample, from 1: blank lines are none."));
        error.insert("line".to_owned(), number("The line of the body, from 1."));
        error.remove("status");
        let answered = json!({"type": "object", "required": ["result"], "properties": {"result": self.result}});
        let required = ["error_code", "error_message", "row", "line"];
        let refused = json!({"type": "object", "required": required, "properties": error});
        json!({"title": format!("{}Line", self.name), "anyOf": [answered, refused]})
    }

    fn metadata(&self) -> Json {
        let fields = json!({"status": {"const": "OK"}, "error_code": {"const": 0}});
        self.with_service_metadata("Metadata", &["status", "error_code"], fields, self.own.responses)
    }

    fn error_metadata(&self) -> Json {
        let fields = Json::Object(self.error_fields(false));
        let required = ["status", "error_code", "error_message"];
        self.with_service_metadata("ErrorMetadata", &required, fields, self.changes_errors)
    }

    /// Returns the fields that an error has in the metadata, or in a line of a stream.
    fn error_fields(&self, is_of_line: bool) -> JsonMap<String, Json> {
        let Json::Object(mut fields) = error_schema()["properties"].take() else { return JsonMap::new() };
        if !self.changes_errors {
            let errors =
                json!({"type": "array", "maxItems": InputErrors::KEPT, "items": input_error(self.detail, is_of_line)});
            fields.insert("errors".to_owned(), errors);
            let count = json!({"type": "integer", "minimum": 1, "description": "The number of all errors."});
            fields.insert("error_count".to_owned(), count);
        }
        fields
    }

    /// Returns the schema of metadata with these fields, the version of the model and the fields of the root key
    /// `service_metadata`, whose values functions may replace where they are `open`.
    fn with_service_metadata(&self, title: &str, required: &[&str], fields: Json, is_open: bool) -> Json {
        let Some(metadata) = self.envelope.metadata() else { return json!({"title": title, "type": "object"}) };
        let mut properties = fields;
        properties["model_version"] = version_schema();
        for (name, value) in metadata.iter().filter(|_| !is_open) {
            properties[name] = json!({"examples": [value]});
            if let Some(kind) = kind(value) {
                properties[name]["type"] = json!(kind);
            }
        }
        json!({"title": title, "type": "object", "required": required, "properties": properties})
    }
}

/// Returns the schema of one thing that is wrong with a request, or with a line of a stream, which says itself which
/// sample it is.
fn input_error(detail: Option<ErrorDetail>, is_of_line: bool) -> Json {
    let codes: Vec<&str> = InputErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let mut required = vec!["code", "field"];
    let mut properties = json!({
        "code": {"enum": codes},
        "field": {"type": ["string", "null"], "description": "The field or parameter, if it is about one."},
    });
    if !is_of_line {
        required.insert(1, "row");
        properties["row"] =
            json!({"type": ["integer", "null"], "minimum": 1, "description": "The sample of a list, from 1."});
    }
    if detail != Some(ErrorDetail::Codes) {
        properties["expected"] = json!({"type": "string", "description": "What belongs there, in words."});
        properties["got"] = json!({"type": "string", "description": "What is there, in words."});
    }
    if detail == Some(ErrorDetail::Full) {
        required.extend(["expected", "got"]);
    }
    json!({"title": "InputError", "type": "object", "required": required, "properties": properties})
}

/// Returns lines, each of which is of this schema.
fn lines(schema: &Json) -> OperationContent {
    let text = json!({
        "type": "string",
        "description": "One JSON value a line.",
        "contentMediaType": NDJSON,
        "contentSchema": schema,
    });
    OperationContent { media_type: NDJSON.to_owned(), schema: text, example: None }
}

fn version_schema() -> Json {
    json!({"type": "integer", "minimum": 1, "description": "The version of the model that was asked."})
}

/// Returns the header that names the version of the model, which not every store gives.
fn model_version() -> OperationHeader {
    let text = OperationHeader::text(MODEL_VERSION.as_str(), "The version of the model that was asked.");
    OperationHeader { schema: json!({"type": "integer", "minimum": 1}), ..text }.optional()
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

fn sample_schema(name: &str, fields: &[ColumnSpec]) -> Json {
    let required: Vec<&str> = fields.iter().map(|spec| spec.name.as_str()).collect();
    let properties: JsonMap<String, Json> =
        fields.iter().map(|spec| (spec.name.clone(), column_schema(spec.kind))).collect();
    json!({"title": format!("{name}Sample"), "type": "object", "required": required, "properties": properties})
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
    use palladium_component::interfaces::DecoratorList;

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
    fn functions_open_what_they_can_change() {
        let envelope = Envelope::new(None, DecoratorList::new("none", Vec::new()));
        let with = |own: OwnAnswers, changes_errors: bool| {
            let (name, result) = ("A".to_owned(), json!({"type": "string"}));
            let answers = Answers { envelope: &envelope, name, result, own, changes_errors, detail: None };
            let mut operation = answers.common(&answers.to_one());
            answers.add_own(&mut operation, &answers.to_one());
            operation
        };
        let titles = |operation: &Operation, status: Option<u16>| {
            let response = operation.responses.iter().find(|response| response.status == status)?;
            let schema = &response.content[0].schema;
            let all = schema["anyOf"].as_array().map_or_else(|| vec![schema], |all| all.iter().collect());
            Some(all.into_iter().filter_map(|schema| schema["title"].as_str()).collect::<Vec<_>>().join(" "))
        };
        let none = OwnAnswers::default();
        let cases = [
            (none, false, ["AAnswer", "PredictionError", "Refusal"], None),
            (OwnAnswers { predictions: true, ..none }, false, ["AAnswer", "PredictionError", "Refusal"], None),
            (
                OwnAnswers { refusals: true, ..none },
                false,
                ["AAnswer", "PredictionError", "Refusal PredictionError"],
                Some("PredictionError"),
            ),
            (
                OwnAnswers { responses: true, ..none },
                false,
                ["AAnswer", "PredictionError AAnswer", "Refusal AAnswer"],
                Some("AAnswer"),
            ),
            (
                none,
                true,
                ["AAnswer PredictionError", "PredictionError", "Refusal PredictionError"],
                Some("PredictionError"),
            ),
        ];
        for (own, changes_errors, known, other) in cases {
            let operation = with(own, changes_errors);
            let found = [200, 400, 503].map(|status| titles(&operation, Some(status)).unwrap());
            assert_eq!(found, known, "{own:?}");
            assert_eq!(titles(&operation, None).as_deref(), other, "{own:?}");
        }
        let errors = |changes_errors| {
            let operation = with(none, changes_errors);
            operation.responses[1].content[0].schema["properties"]["metadata"]["properties"]["errors"].is_object()
        };
        assert!(errors(false) && !errors(true), "a function may have errors of its own");
    }

    #[test]
    fn errors_have_what_clients_are_told() {
        for (detail, required, has_words) in [
            (Some(ErrorDetail::Full), json!(["code", "row", "field", "expected", "got"]), true),
            (Some(ErrorDetail::Codes), json!(["code", "row", "field"]), false),
            (None, json!(["code", "row", "field"]), true),
        ] {
            let schema = input_error(detail, false);
            assert_eq!(schema["required"], required, "{detail:?}");
            assert_eq!(schema["properties"]["expected"].is_object(), has_words, "{detail:?}");
            let of_line = input_error(detail, true);
            let is_row = |name: &Json| name == "row";
            assert!(!of_line["required"].as_array().unwrap().iter().any(is_row), "{detail:?}");
            assert!(of_line["properties"].get("row").is_none(), "{detail:?}");
        }
    }

    #[test]
    fn paths_are_names() {
        for (path, expected) in [("/predict", "Predict"), ("/iris/v-1", "IrisV1"), ("/", ""), ("/a%20b", "A20b")] {
            assert_eq!(pascal(path), expected);
        }
    }
}
