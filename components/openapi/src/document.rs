//! The OpenAPI document of a service.

use palladium_component::prelude::*;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::schemas::{Schemas, component_name, unique};
use crate::security::{Requirements, Schemes};

/// What is said about the service as a whole.
pub struct Info<'a> {
    pub title: &'a str,
    pub version: &'a str,
    pub description: Option<&'a str>,
    /// The path under which clients see the service.
    pub root_path: Option<&'a str>,
}

/// What holds for every route.
const EVERYWHERE: &str = "Errors of the service are JSON with `status`, `error_code` and `error_message`, and have the \
header `x-request-id`, by which the log is searched; a request may bring one of its own. HEAD is answered like GET where \
that changes nothing, OPTIONS with the header `Allow`, every other method with status 405 and every other path with \
status 404. A request whose head is too large is refused with status 431, and one whose head cannot be read with status 400, 408 or 431 and an empty \
body. The answer to a request with the header `traceparent` has `traceresponse`, which names the span of the request.";

/// Writes the document of a service.
pub fn write(info: &Info<'_>, service: &dyn ServiceHandle) -> Json {
    let mut document = Document::default();
    for (index, route) in service.routes().iter().enumerate() {
        document.add(route, service.operations(index));
    }
    document.finish(info)
}

/// A document that grows route by route.
#[derive(Default)]
struct Document {
    paths: JsonMap<String, Json>,
    schemas: Schemas,
    schemes: Schemes,
    headers: JsonMap<String, Json>,
    operation_ids: JsonMap<String, Json>,
    /// The groups of operations, in the order in which they came.
    groups: Vec<String>,
}

/// The groups that are shown before and after all others.
const FIRST: &str = "Predictions";
const LAST: [&str; 2] = ["Other", "Documentation"];

impl Document {
    fn add(&mut self, route: &ServedRoute, operations: Vec<Operation>) {
        for mut operation in operations {
            let path = path(&route.path, &operation.parts);
            let security = self.decorate(&mut operation, &route.decorators);
            let mut written = self.operation(&path, operation);
            let method = written.0.to_ascii_lowercase();
            written.1.extend(security.map(|security| ("security".to_owned(), security)));
            self.paths.entry(path).or_insert_with(|| json!({}))[method] = Json::Object(written.1);
        }
    }

    /// Adds what decorators take and answer, and returns how callers have to prove who they are.
    fn decorate(&mut self, operation: &mut Operation, decorators: &DecoratorList) -> Option<Json> {
        let mut requirements = Requirements::none();
        let mut scopes: Vec<String> = Vec::new();
        let own = std::mem::take(&mut operation.decorators);
        for docs in own.into_iter().chain(decorators.docs()) {
            let Some(docs) = docs else {
                operation.add(OperationResponse::unknown("A decorator may answer in another way."));
                continue;
            };
            docs.responses.into_iter().for_each(|response| operation.add(response));
            for response in &mut operation.responses {
                // A decorator that fails is answered for by the server, outside of all of them.
                let is_certain = response.status.is_some_and(|status| status != 500);
                let headers = docs.headers.iter().cloned();
                let headers = headers.map(|header| if is_certain { header } else { header.optional() });
                response.headers.extend(headers);
            }
            requirements.require(docs.security, &mut self.schemes);
            scopes.extend(docs.scopes);
        }
        requirements.finish(&scopes)
    }

    fn operation(&mut self, path: &str, operation: Operation) -> (String, JsonMap<String, Json>) {
        if !self.groups.contains(&operation.group) {
            self.groups.push(operation.group.clone());
        }
        let mut written = JsonMap::new();
        let mut insert = |key: &str, value: Json| drop(written.insert(key.to_owned(), value));
        insert("tags", json!([operation.group]));
        insert("summary", json!(operation.summary));
        if !operation.description.is_empty() {
            insert("description", json!(operation.description));
        }
        insert("operationId", json!(self.operation_id(&operation.method, path)));
        if !operation.parameters.is_empty() {
            insert("parameters", operation.parameters.into_iter().map(|given| self.parameter(given)).collect());
        }
        if let Some(body) = operation.body {
            insert("requestBody", json!({"required": body.is_required, "content": self.content(body.content)}));
        }
        let mut responses = operation.responses;
        responses.sort_by_key(|response| response.status.unwrap_or(u16::MAX));
        let responses: JsonMap<String, Json> = responses
            .into_iter()
            .map(|response| {
                let status = response.status.map_or_else(|| "default".to_owned(), |status| status.to_string());
                (status, self.response(response))
            })
            .collect();
        insert("responses", responses.into());
        (operation.method, written)
    }

    /// Returns a name for programs that no other operation has.
    fn operation_id(&mut self, method: &str, path: &str) -> String {
        let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let id = std::iter::once(method.to_ascii_lowercase()).chain(words.map(str::to_owned));
        let id = id.collect::<Vec<_>>().join("_");
        unique(&mut self.operation_ids, &id, json!([method, path]))
    }

    fn parameter(&mut self, parameter: OperationParameter) -> Json {
        let place = match parameter.place {
            ParameterPlace::Path => "path",
            ParameterPlace::Query => "query",
            ParameterPlace::Header => "header",
        };
        let schema = self.schemas.collect(parameter.schema);
        let mut written =
            json!({"name": parameter.name, "in": place, "required": parameter.is_required, "schema": schema});
        if !parameter.description.is_empty() {
            written["description"] = json!(parameter.description);
        }
        if let Some(example) = parameter.example {
            written["example"] = example;
        }
        written
    }

    fn content(&mut self, contents: Vec<OperationContent>) -> Json {
        let mut written = JsonMap::new();
        for content in contents {
            let mut body = json!({"schema": self.schemas.collect(content.schema)});
            if let Some(example) = content.example {
                body["example"] = example;
            }
            written.insert(content.media_type, body);
        }
        Json::Object(written)
    }

    fn response(&mut self, response: OperationResponse) -> Json {
        let mut written = json!({"description": response.description});
        let mut headers = JsonMap::new();
        for header in response.headers {
            let schema = self.schemas.collect(header.schema);
            let header_of =
                json!({"description": header.description, "required": header.is_required, "schema": schema});
            let name = unique(&mut self.headers, &component_name(&header.name), header_of);
            headers.insert(header.name, json!({"$ref": format!("#/components/headers/{name}")}));
        }
        if !headers.is_empty() {
            written["headers"] = Json::Object(headers);
        }
        if !response.content.is_empty() {
            written["content"] = self.content(response.content);
        }
        written
    }

    fn finish(mut self, info: &Info<'_>) -> Json {
        let allow = OperationHeader::text("allow", "The methods that are answered.");
        let method = OperationResponse::refusal(405, "The path is not answered by this method.").with_header(allow);
        let responses = json!({
            "HeadTooLarge": self.response(OperationResponse::refusal(431, "The head of the request is too large.")),
            "MethodNotAllowed": self.response(method),
            "NotFound": self.response(OperationResponse::refusal(404, "There is nothing at this path.")),
        });
        let description =
            info.description.map_or_else(|| EVERYWHERE.to_owned(), |text| format!("{text}\n\n{EVERYWHERE}"));
        let mut document = json!({
            "openapi": "3.1.0",
            "info": {"title": info.title, "version": info.version, "description": description},
        });
        if let Some(path) = info.root_path {
            document["servers"] = json!([{"url": path}]);
        }
        self.groups.sort_by_key(|group| (group != FIRST, LAST.iter().position(|last| group == last)));
        document["tags"] = self.groups.iter().map(|group| json!({"name": group})).collect();
        document["paths"] = Json::Object(self.paths);
        document["components"] =
            json!({"schemas": self.schemas.finish(), "responses": responses, "headers": self.headers});
        let schemes = self.schemes.finish();
        if !schemes.is_empty() {
            document["components"]["securitySchemes"] = Json::Object(schemes);
        }
        document
    }
}

/// Returns a rule as documents write it: `/jobs/<id>` as `/jobs/{id}`, or as `/jobs/7` where that part has this text.
fn path(rule: &str, parts: &[(String, String)]) -> String {
    let segment = |segment: &str| match segment.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(name) => match parts.iter().find(|(known, _)| known == name) {
            Some((_, text)) => percent_encode(text),
            None => format!("{{{name}}}"),
        },
        None => segment.to_owned(),
    };
    rule.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Returns a text as one segment of a path.
fn percent_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_for_any_text_or_for_a_certain_one() {
        let part = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        for (rule, parts, expected) in [
            ("/list", vec![], "/list"),
            ("/jobs/<id>", vec![], "/jobs/{id}"),
            ("/models/<name>/<version>", vec![part("name", "iris")], "/models/iris/{version}"),
            ("/models/<name>", vec![part("name", "a/{b} ü")], "/models/a%2F%7Bb%7D%20%C3%BC"),
        ] {
            assert_eq!(path(rule, &parts), expected);
        }
    }
}
