//! The operations of the server's own views.

use palladium_component::interfaces::{
    Operation, OperationBody, OperationContent, OperationParameter, OperationResponse, ParameterPlace, error_schema,
};
use palladium_runtime::fit::FitOptions;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::changes::{ACTIVATE, FIT, JOBS};
use crate::given::{Taken, TakenKind};
use crate::service::Service;
use crate::views::ServerView;

/// What says in the schema of an object that it has no other properties.
pub const CLOSED: &str = "additionalProperties";

/// Returns what a method of a view takes and answers at a rule with these parts.
pub fn operation(view: ServerView, method: &str, parts: &[String], service: &Service) -> Operation {
    let group = if view.changes(method == "DELETE") || view == ServerView::Jobs { "Administration" } else { "State" };
    let mut operation = Operation { method: method.to_owned(), group: group.to_owned(), ..Operation::default() };
    match view {
        ServerView::Alive => alive(&mut operation, service),
        ServerView::List => {
            operation.summary = "List the models of the store".to_owned();
            operation.add(OperationResponse::new(200, "The models.").with_content(OperationContent::json(listing())));
            operation.add(OperationResponse::refusal(503, "The models cannot be listed."));
        }
        ServerView::Live => {
            operation.summary = "Tell whether the process works".to_owned();
            operation.add(OperationResponse::new(200, "It does.").with_content(OperationContent::json(status())));
        }
        ServerView::Ready => ready(&mut operation),
        ServerView::Fit => fit(&mut operation, parts),
        ServerView::UpdateModelCache => update_model_cache(&mut operation),
        ServerView::Activate => activate(&mut operation, parts),
        ServerView::Jobs => jobs(&mut operation, parts),
    }
    operation
}

fn alive(operation: &mut Operation, service: &Service) {
    operation.summary = "Tell the state of the service".to_owned();
    let mut properties = json!({
        "memory_usage": {"type": ["number", "null"], "description": "MiB"},
        "memory_usage_vms": {"type": ["number", "null"], "description": "MiB"},
        "palladium_version": {"type": "string"},
        "service_metadata": {"type": "object"},
        "process_metadata": {
            "type": "object",
            "required": ["jobs"],
            "properties": {"jobs": {"type": "object", "additionalProperties": job()}},
        },
    });
    let required: Vec<String> = properties.as_object().into_iter().flat_map(JsonMap::keys).cloned().collect();
    for name in service.alive.required() {
        properties[name] = json!({"anyOf": [required_model(), {"const": "N/A"}]});
    }
    let schema = json!({"title": "Alive", "type": "object", "required": required, "properties": properties});
    let answer = |status, description: &str| {
        OperationResponse::new(status, description).with_content(OperationContent::json(schema.clone()))
    };
    operation.add(answer(200, "It can do its work."));
    if service.alive.required().next().is_some() {
        operation.add(answer(503, "A model that is required is not there."));
    }
}

fn required_model() -> Json {
    json!({
        "title": "RequiredModel",
        "type": "object",
        "required": ["updated", "metadata"],
        "properties": {
            "updated": {"type": "string", "format": "date-time"},
            "metadata": model(),
            "refresh": {
                "type": "object",
                "properties": {
                    "last": {"type": "string"},
                    "error": {"type": "string"},
                    "failing_since": {"type": "string"},
                },
            },
        },
    })
}

fn ready(operation: &mut Operation) {
    operation.summary = "Tell whether the service should be sent requests".to_owned();
    operation.add(OperationResponse::new(200, "It should.").with_content(OperationContent::json(status())));
    let mut schema = error_schema();
    schema["title"] = json!("NotReady");
    schema["required"] = json!(["status", "error_code", "error_message", "reasons"]);
    schema["properties"]["reasons"] = json!({"type": "array", "items": {"type": "string"}});
    let not_ready = "A model is missing or cannot predict for a predict service, or the service is about to stop.";
    operation.add(OperationResponse::new(503, not_ready).with_content(OperationContent::json(schema)));
}

fn fit(operation: &mut Operation, parts: &[String]) {
    operation.summary = "Start a fit".to_owned();
    operation.description = "The fit runs as a job.".to_owned();
    take(operation, &FIT, parts);
    operation.add(started());
    operation.add(OperationResponse::refusal(400, "The options are unknown, or cannot be understood or met."));
    let mut running = OperationResponse::refusal(409, "Another fit is running.");
    let mut schema = error_schema();
    schema["title"] = json!("Running");
    schema["required"] = json!(["status", "error_code", "error_message", "job_id"]);
    schema["properties"]["job_id"] = json!({"type": "string"});
    running.content = vec![OperationContent::json(schema)];
    operation.add(running);
    operation.add(OperationResponse::refusal(503, "The job cannot be started."));
}

fn update_model_cache(operation: &mut Operation) {
    operation.summary = "Look for a newly activated model".to_owned();
    operation.description = "The look runs as a job. There are no parameters.".to_owned();
    take(operation, &[], &[]);
    operation.add(started());
    operation.add(OperationResponse::refusal(400, "A parameter is given."));
    operation.add(OperationResponse::refusal(503, "The job cannot be started."));
    let empty = OperationContent::json(json!({"type": "object", "maxProperties": 0}));
    operation.add(OperationResponse::new(503, "No model is kept in memory.").with_content(empty));
}

fn activate(operation: &mut Operation, parts: &[String]) {
    operation.summary = "Activate a model".to_owned();
    take(operation, &ACTIVATE, parts);
    operation.add(OperationResponse::new(200, "The models.").with_content(OperationContent::json(listing())));
    operation.add(OperationResponse::refusal(400, "The version is missing or is none, or a parameter is unknown."));
    operation.add(OperationResponse::refusal(404, "There is no such version."));
    operation.add(OperationResponse::refusal(503, "The model cannot be read or activated."));
}

fn jobs(operation: &mut Operation, parts: &[String]) {
    let is_delete = operation.method == "DELETE";
    let is_required = is_delete || parts.iter().any(|part| part == JOBS[0].name);
    take(operation, &JOBS.map(|taken| Taken { is_required, ..taken }), parts);
    operation.add(OperationResponse::refusal(400, "The id is missing or cannot be read, or a parameter is unknown."));
    operation.add(OperationResponse::refusal(404, "There is no such job."));
    if is_delete {
        operation.summary = "Cancel a job".to_owned();
        let asked = OperationResponse::new(202, "The job was asked to stop.");
        operation.add(asked.with_content(OperationContent::json(job())));
        return operation.add(OperationResponse::refusal(409, "The job is over or cannot be cancelled."));
    }
    let all = json!({
        "title": "Jobs",
        "type": "object",
        "required": ["jobs"],
        "properties": {"jobs": {"type": "object", "additionalProperties": job()}},
    });
    let (summary, schema) = match is_required {
        true => ("Show a job", job()),
        false => ("Show the jobs, or one", json!({"anyOf": [all, job()]})),
    };
    operation.summary = summary.to_owned();
    operation.add(OperationResponse::new(200, "What there is.").with_content(OperationContent::json(schema)));
}

fn started() -> OperationResponse {
    OperationResponse::new(200, "The job was started.").with_content(OperationContent::json(json!({
        "title": "Started",
        "type": "object",
        "required": ["job_id"],
        "properties": {"job_id": {"type": "string", "format": "uuid"}},
    })))
}

/// Has an operation take values: from the path where the rule has a part of that name, else from the body where the
/// method has one, else from the query string.
fn take(operation: &mut Operation, values: &[Taken], parts: &[String]) {
    let (in_path, others): (Vec<Taken>, Vec<Taken>) =
        values.iter().partition(|taken| parts.iter().any(|part| part == taken.name));
    operation.parameters.extend(in_path.iter().map(|taken| parameter(taken, ParameterPlace::Path)));
    if !["GET", "HEAD"].contains(&operation.method.as_str()) {
        operation.add(OperationResponse::refusal(415, "The body is encoded."));
    }
    if !["POST", "PUT", "PATCH"].contains(&operation.method.as_str()) {
        operation.parameters.extend(others.iter().map(|taken| parameter(taken, ParameterPlace::Query)));
        return;
    }
    if others.is_empty() {
        return;
    }
    let required: Vec<&str> = others.iter().filter(|taken| taken.is_required).map(|taken| taken.name).collect();
    let object = |may_be_null: bool| {
        let property = |taken: &Taken| {
            let mut schema = schema_of(taken);
            schema["description"] = json!(taken.description);
            if may_be_null && !taken.is_required {
                schema["type"] = json!([schema["type"], "null"]);
            }
            (taken.name.to_owned(), schema)
        };
        let properties: JsonMap<String, Json> = others.iter().map(property).collect();
        json!({"type": "object", "required": required, "properties": properties, CLOSED: false})
    };
    let form = "application/x-www-form-urlencoded".to_owned();
    let form = OperationContent { media_type: form, schema: object(false), example: None };
    let content = vec![form, OperationContent::json(object(true))];
    operation.body = Some(OperationBody { is_required: !required.is_empty(), content });
    let note = "What the body holds may also stand in the query string.";
    operation.description = format!("{} {note}", operation.description).trim().to_owned();
}

fn parameter(taken: &Taken, place: ParameterPlace) -> OperationParameter {
    OperationParameter {
        name: taken.name.to_owned(),
        place,
        is_required: taken.is_required || place == ParameterPlace::Path,
        description: taken.description.to_owned(),
        schema: schema_of(taken),
        example: None,
    }
}

fn schema_of(taken: &Taken) -> Json {
    match taken.kind {
        TakenKind::Flag => match default_of(taken.name) {
            Some(default) => json!({"type": "boolean", "default": default}),
            None => json!({"type": "boolean"}),
        },
        TakenKind::Number => json!({"type": "number"}),
        TakenKind::Version => json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX}),
        TakenKind::Job => json!({"type": "string", "minLength": 1}),
    }
}

fn default_of(option: &str) -> Option<bool> {
    let usual = FitOptions::default();
    let defaults = [("persist", usual.persist), ("activate", usual.activate), ("evaluate", usual.evaluate)];
    defaults.into_iter().find(|(name, _)| *name == option).map(|(_, default)| default)
}

fn status() -> Json {
    json!({
        "title": "Status",
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"const": "OK"}},
    })
}

fn listing() -> Json {
    json!({
        "title": "Listing",
        "type": "object",
        "required": ["models", "properties"],
        "properties": {
            "models": {"type": "array", "items": model()},
            "properties": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    })
}

fn model() -> Json {
    json!({
        "title": "Model",
        "description": "What is known about a model.",
        "type": "object",
        "properties": {"version": {"type": "integer"}},
    })
}

fn job() -> Json {
    json!({
        "title": "Job",
        "type": "object",
        "required": ["id", "func", "started", "status", "seconds"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "func": {"type": "string", "description": "The view that started it."},
            "started": {"type": "string", "format": "date-time"},
            "status": {"enum": ["running", "finished", "error", "cancelled"]},
            "seconds": {"type": "number"},
            "phase": {
                "type": "object",
                "required": ["name", "seconds"],
                "properties": {"name": {"type": "string"}, "seconds": {"type": "number"}},
            },
            "phases": {"type": "object", "additionalProperties": {"type": "number"}},
            "finished": {"type": "string", "format": "date-time"},
            "info": {"type": "string", "description": "What came of it."},
        },
    })
}
