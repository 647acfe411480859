//! What the page and its interface take and answer, for documents.

use palladium_component::prelude::*;
use serde_json::{Value as Json, json};

use crate::actions::{ACTIVATE, FIT, JOBS, REFRESH};
use crate::origin::HEADER;
use crate::traffic::WINDOWS;

/// The headers of every answer, and what they say.
const HEADERS: [(&str, &str); 4] = [
    ("cache-control", "Whether the answer may be kept."),
    ("content-security-policy", "What the page may load and ask."),
    ("cross-origin-resource-policy", "That pages of other sites may not load it."),
    ("x-content-type-options", "That the content is of the type that is named."),
];

/// The further ones of a file.
const FILE_HEADERS: [(&str, &str); 2] = [
    ("etag", "The tag of the file, for `if-none-match`."),
    ("referrer-policy", "That other sites are not told where the page is."),
];

/// Returns a GET.
pub fn get(summary: &str) -> Operation {
    Operation {
        method: "GET".to_owned(),
        summary: summary.to_owned(),
        group: "Console".to_owned(),
        ..Operation::default()
    }
}

/// Returns a GET of a file, of which the browser may have what there is.
pub fn file(summary: &str, media_type: &str) -> Operation {
    let schema = json!({"type": "string"});
    let content = OperationContent { media_type: media_type.to_owned(), schema, example: None };
    let headers = || {
        let text = |(name, description)| OperationHeader::text(name, description);
        HEADERS.into_iter().chain(FILE_HEADERS).map(text).collect::<Vec<_>>()
    };
    let mut operation = get(summary);
    let found = OperationResponse { headers: headers(), ..OperationResponse::new(200, "The file.") };
    operation.add(found.with_content(content));
    operation.add(OperationResponse { headers: headers(), ..OperationResponse::new(304, "The client has it.") });
    operation
}

/// Adds the headers of the interface, also to what the decorators of a view answer in its place.
pub fn guarded(mut operation: Operation) -> Operation {
    let headers = HEADERS.into_iter().map(|(name, description)| OperationHeader::text(name, description).optional());
    operation.decorators.push(Some(DecoratorDocs { headers: headers.collect(), ..DecoratorDocs::default() }));
    operation
}

fn shown(summary: &str, description: &str, schema: Json) -> Operation {
    let mut operation = get(summary);
    operation.add(OperationResponse::new(200, description).with_content(OperationContent::json(schema)));
    operation
}

/// Returns the operation that shows what does not change while the service runs.
pub fn service() -> Operation {
    let columns = json!({
        "type": "array",
        "items": {
            "title": "Column",
            "type": "object",
            "required": ["name", "type"],
            "properties": {"name": {"type": "string"}, "type": {"enum": ColumnType::ALL}},
        },
    });
    let signature = json!({
        "type": ["object", "null"],
        "required": ["fields", "parameters", "probabilities"],
        "properties": {"fields": columns, "parameters": columns, "probabilities": {"type": "boolean"}},
    });
    let service = json!({
        "title": "ConsolePredictService",
        "type": "object",
        "required": ["key", "path", "persister", "signature", "sample", "classes"],
        "properties": {
            "key": {"type": "string"},
            "path": {"type": ["string", "null"]},
            "persister": {"type": ["string", "null"]},
            "signature": signature,
            "sample": {
                "description": "What the form is filled with: values by the names of the fields.",
                "type": ["object", "null"],
            },
            "classes": {"type": ["array", "null"]},
        },
    });
    let reason = json!({"type": ["string", "null"]});
    let schema = json!({
        "title": "ConsoleService",
        "type": "object",
        "required": ["version", "services", "minutes", "unmet"],
        "properties": {
            "version": {"type": "string"},
            "services": {"type": "array", "items": service},
            "minutes": {"type": "array", "items": {"type": "integer"}},
            "unmet": {
                "description": "Why something cannot be done.",
                "type": "object",
                "required": ["activate", "fit", "refresh"],
                "properties": {"activate": reason, "fit": reason, "refresh": reason},
            },
        },
    });
    shown("Show the service", "The service.", schema)
}

/// Returns the operation that shows the stores with their models.
pub fn models() -> Operation {
    let version = json!({"type": ["integer", "null"], "minimum": 1});
    let time = json!({"type": ["string", "null"]});
    let model = json!({
        "title": "ConsoleModel",
        "type": "object",
        "required": ["version", "created", "scores", "size", "fit_seconds", "rows"],
        "properties": {
            "version": version,
            "created": time,
            "scores": {"type": "object", "additionalProperties": {"type": "number"}},
            "size": {"type": ["integer", "null"]},
            "fit_seconds": {"type": ["number", "null"]},
            "rows": {"type": ["integer", "null"]},
        },
    });
    let activation = json!({
        "title": "Activation",
        "type": "object",
        "required": ["time", "from", "to", "principal", "command"],
        "properties": {
            "time": {"type": "string"},
            "from": version,
            "to": version,
            "principal": {"type": "string"},
            "command": {"type": "string"},
        },
    });
    let refresh = json!({
        "type": ["object", "null"],
        "properties": {"loaded": time, "last": time, "failing_since": time, "failures": {"type": "integer"}},
    });
    let store = json!({
        "title": "ConsoleStore",
        "type": "object",
        "required": ["key", "is_changeable", "is_cached", "in_memory", "refresh"],
        "properties": {
            "key": {"type": "string"},
            "is_changeable": {"type": "boolean"},
            "is_cached": {"type": "boolean"},
            "in_memory": version,
            "refresh": refresh,
            "active": version,
            "previous": version,
            "n_models": {"type": "integer"},
            "models": {"type": "array", "items": model},
            "history": {"type": ["array", "null"], "items": activation},
            "error": {"type": "string", "description": "Why the models of the store are not shown."},
        },
    });
    let schema = json!({
        "title": "ConsoleModels",
        "type": "object",
        "required": ["stores"],
        "properties": {"stores": {"type": "array", "items": store}},
    });
    shown("Show the models", "The stores with their models.", schema)
}

/// Returns the operation that shows one model.
pub fn model() -> Operation {
    let attachment = json!({
        "type": "object",
        "required": ["name", "size"],
        "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
    });
    let schema = json!({
        "title": "ConsoleModelDetail",
        "type": "object",
        "required": ["version", "metadata", "attachments"],
        "properties": {
            "version": {"type": "integer", "minimum": 1},
            "metadata": {"type": "object"},
            "attachments": {"type": ["array", "null"], "items": attachment},
        },
    });
    let mut operation = shown("Show a model", "Everything that is known about the model.", schema);
    operation.parameters = vec![
        query("store", true, "The key of the store.", json!({"type": "string"})),
        query("version", true, "The version.", version()),
    ];
    operation.add(OperationResponse::refusal(400, "The version is missing or is none."));
    operation.add(OperationResponse::refusal(404, "There is no such store or version."));
    operation.add(OperationResponse::refusal(503, "The store does not answer."));
    operation
}

/// Returns the operation that shows the jobs.
pub fn jobs(service: &dyn ServiceHandle) -> Operation {
    let shown = service.view_operation(JOBS, "GET").unwrap_or_default();
    Operation {
        parameters: Vec::new(),
        responses: shown.responses,
        decorators: shown.decorators,
        ..get("Show the jobs")
    }
}

/// Returns the operation that shows the requests of the last minutes.
pub fn traffic() -> Operation {
    let series = json!({"type": "array", "items": {"type": "number"}});
    let times = json!({"type": "array", "items": {"type": ["number", "null"]}});
    let (count, time) = (json!({"type": "integer", "minimum": 0}), json!({"type": ["number", "null"]}));
    let sum = json!({
        "title": "TrafficSum",
        "type": "object",
        "required": ["route", "requests", "refused", "failed", "samples", "p50", "p95", "p99"],
        "properties": {
            "route": {"type": "string"},
            "requests": count,
            "refused": count,
            "failed": count,
            "samples": count,
            "p50": time,
            "p95": time,
            "p99": time,
        },
    });
    let minutes: Vec<u64> = WINDOWS.iter().map(|(minutes, _)| *minutes).collect();
    let schema = json!({
        "title": "Traffic",
        "description": "Requests in a second, and times in milliseconds, step by step.",
        "type": "object",
        "required": [
            "minutes", "step", "begin", "started", "requests", "refused", "failed", "p50", "p95", "p99", "routes",
            "total", "in_memory",
        ],
        "properties": {
            "minutes": {"enum": minutes},
            "step": {"type": "integer", "description": "Seconds."},
            "begin": {"type": "integer", "description": "Seconds since 1970."},
            "started": {"type": "integer", "description": "Seconds since 1970."},
            "requests": series,
            "refused": series,
            "failed": series,
            "p50": times,
            "p95": times,
            "p99": times,
            "routes": {"type": "array", "items": sum},
            "total": sum,
            "in_memory": {"type": "object", "additionalProperties": {"type": ["integer", "null"]}},
        },
    });
    let mut operation = shown("Show the requests of the last minutes", "The requests.", schema);
    let window = "How many minutes; the nearest of those that there are is taken.";
    operation.parameters = vec![
        query("minutes", false, window, json!({"type": "integer", "minimum": 0, "examples": minutes})),
        query("route", false, "A route; without it all.", json!({"type": "string"})),
    ];
    operation.add(OperationResponse::refusal(400, "The minutes are no number, or a parameter is given twice."));
    operation.add(OperationResponse::refusal(503, "Nothing is counted."));
    operation
}

/// Returns the operation that activates a version.
pub fn activate(service: &dyn ServiceHandle, decorators: &[Option<DecoratorDocs>]) -> Operation {
    let active = json!({
        "type": ["integer", "null"],
        "description": "What was active when the user decided; another one is refused with status 409.",
    });
    let schema = json!({
        "title": "ConsoleActivation",
        "type": "object",
        "required": ["version"],
        "properties": {"version": version(), "active": active},
    });
    let schema = closed(schema, decorators);
    let mut operation = change("Activate a version", service.view_operation(ACTIVATE, "POST"), schema);
    operation.add(OperationResponse::refusal(409, "Another version is active meanwhile."));
    operation
}

/// Returns the operation that starts a fit.
pub fn fit(service: &dyn ServiceHandle) -> Operation {
    let passed = service.view_operation(FIT, "POST");
    let contents = passed.iter().filter_map(|passed| passed.body.as_ref()).flat_map(|body| &body.content);
    let options = contents.into_iter().find(|content| content.media_type == "application/json");
    let schema = options.map_or_else(|| json!({"type": "object"}), |content| content.schema.clone());
    change("Start a fit", passed, schema)
}

/// Returns the operation that asks a job to stop.
pub fn cancel(service: &dyn ServiceHandle, decorators: &[Option<DecoratorDocs>]) -> Operation {
    let schema = json!({
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string", "minLength": 1, "description": "That of the job."}},
    });
    change("Cancel a job", service.view_operation(JOBS, "DELETE"), closed(schema, decorators))
}

/// Returns the operation that has a store look for a new model.
pub fn refresh(service: &dyn ServiceHandle, decorators: &[Option<DecoratorDocs>]) -> Operation {
    let schema = closed(json!({"type": "object", "properties": {}}), decorators);
    change("Look for a newly activated model", service.view_operation(REFRESH, "POST"), schema)
}

/// Lets an object hold nothing else than its properties and what decorators look for, unless one may look for anything.
fn closed(mut schema: Json, decorators: &[Option<DecoratorDocs>]) -> Json {
    if decorators.iter().all(Option::is_some) {
        let names = decorators.iter().flatten().flat_map(|docs| &docs.parameters);
        for name in names {
            let property = &mut schema["properties"][name];
            if property.is_null() {
                *property = json!({});
            }
        }
        schema["additionalProperties"] = json!(false);
    }
    schema
}

/// Returns an operation that goes on to a view of the server, with a body of this schema.
fn change(summary: &str, passed: Option<Operation>, schema: Json) -> Operation {
    let passed = passed.unwrap_or_default();
    let header = OperationParameter {
        name: HEADER.to_owned(),
        place: ParameterPlace::Header,
        is_required: true,
        description: "Says that no page of another site sends the request.".to_owned(),
        schema: json!({"const": "1"}),
        example: None,
    };
    let mut operation = Operation {
        method: "POST".to_owned(),
        parameters: vec![header],
        body: Some(OperationBody { is_required: true, content: vec![OperationContent::json(schema)] }),
        responses: passed.responses,
        decorators: passed.decorators,
        ..get(summary)
    };
    operation.add(OperationResponse::refusal(400, "The body cannot be understood."));
    operation.add(OperationResponse::refusal(403, "Not the page of the console has sent the request."));
    operation.add(OperationResponse::refusal(415, "The body is not JSON."));
    operation
}

fn query(name: &str, is_required: bool, description: &str, schema: Json) -> OperationParameter {
    OperationParameter {
        name: name.to_owned(),
        place: ParameterPlace::Query,
        is_required,
        description: description.to_owned(),
        schema,
        example: None,
    }
}

fn version() -> Json {
    json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX})
}
