//! What the operations of a route take and answer, for documents about a service.
//!
//! Schemas are those of JSON Schema 2020-12. One with a `title` is shown under that name, once for all operations that
//! have the same.

use palladium_data::{ColumnSpec, ColumnType};
use serde_json::{Value as Json, json};

/// What one method of a route takes and answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operation {
    /// The method, in capitals.
    pub method: String,
    /// The parts of the rule that have a certain text here: names and texts. Operations of one method whose parts differ
    /// are shown at paths of their own.
    pub parts: Vec<(String, String)>,
    /// What it is for, in a few words.
    pub summary: String,
    /// What there is to say beside; Markdown.
    pub description: String,
    /// The group that it is shown in.
    pub group: String,
    /// What stands in the path, the query string and the headers.
    pub parameters: Vec<OperationParameter>,
    /// What stands in the body, where there is one.
    pub body: Option<OperationBody>,
    /// Every answer of the view itself, without those of decorators around it.
    pub responses: Vec<OperationResponse>,
    /// What decorators do that the view calls itself, inside of those of its route, the innermost first; nothing stands
    /// for one that may answer anything.
    pub decorators: Vec<Option<DecoratorDocs>>,
}

/// A parameter of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationParameter {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub place: ParameterPlace,
    /// Whether a request without it is refused.
    pub is_required: bool,
    /// What it means.
    pub description: String,
    /// Which values it may have.
    pub schema: Json,
    /// One of them.
    pub example: Option<Json>,
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterPlace {
    /// In the path, as a part of the rule.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationBody {
    /// Whether a request without it is refused.
    pub is_required: bool,
    /// What it may be, in one media type after the other.
    pub content: Vec<OperationContent>,
}

/// A body in one media type.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationContent {
    /// The media type, without parameters.
    pub media_type: String,
    /// What it holds.
    pub schema: Json,
    /// Such a body.
    pub example: Option<Json>,
}

/// An answer of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationResponse {
    /// The status; nothing stands for every other one.
    pub status: Option<u16>,
    /// When it is given.
    pub description: String,
    /// Its headers beside the usual ones.
    pub headers: Vec<OperationHeader>,
    /// What its body may be; nothing stands for any or none.
    pub content: Vec<OperationContent>,
}

/// A header of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationHeader {
    /// The name.
    pub name: String,
    /// What it says.
    pub description: String,
    /// Whether every such answer has it.
    pub is_required: bool,
    /// Which values it may have.
    pub schema: Json,
}

/// What a decorator around a view takes and answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecoratorDocs {
    /// Ways in which callers may prove who they are: one of these is needed where there are any.
    pub security: Vec<SecurityScheme>,
    /// What a caller has to be allowed to do.
    pub scopes: Vec<String>,
    /// The names of what else it takes from query strings and bodies for its own work, which has views that refuse
    /// unknown names let these pass. What it merely writes down is none of them.
    pub parameters: Vec<String>,
    /// The headers that it adds to answers, its own and those of the view.
    pub headers: Vec<OperationHeader>,
    /// What it answers in the place of the view.
    pub responses: Vec<OperationResponse>,
}

impl DecoratorDocs {
    /// Tells whether it takes a parameter of the query string or of the body.
    pub fn takes(&self, name: &str) -> bool {
        let is_key = |scheme: &SecurityScheme| scheme.credential.stands_in(ParameterPlace::Query, name);
        self.security.iter().any(is_key) || self.parameters.iter().any(|parameter| parameter == name)
    }
}

/// A way in which callers prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityScheme {
    /// A short name, made of letters.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// What is sent.
    pub credential: Credential,
}

/// What callers send to prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// User and password, in the header `authorization`.
    Basic,
    /// A token, in the header `authorization`.
    Bearer {
        /// What the token is, such as `JWT`.
        format: Option<String>,
    },
    /// A key.
    Key {
        /// Where it stands.
        place: ParameterPlace,
        /// The name of the header or the parameter.
        name: String,
    },
}

impl Credential {
    /// Returns the place and the name of what it stands in.
    pub fn stands(&self) -> (ParameterPlace, &str) {
        match self {
            Credential::Basic | Credential::Bearer { .. } => (ParameterPlace::Header, "authorization"),
            Credential::Key { place, name } => (*place, name),
        }
    }

    /// Tells whether it stands in the header or the parameter of this name; the case of headers does not count.
    pub fn stands_in(&self, place: ParameterPlace, name: &str) -> bool {
        let (own, known) = self.stands();
        let is_named = if own == ParameterPlace::Header { known.eq_ignore_ascii_case(name) } else { known == name };
        own == place && is_named
    }
}

impl Operation {
    /// Adds an answer, to that of the same status where there is one.
    pub fn add(&mut self, response: OperationResponse) {
        match self.responses.iter_mut().find(|known| known.status == response.status) {
            Some(known) => known.join(response),
            None => self.responses.push(response),
        }
    }
}

impl OperationParameter {
    /// Returns a parameter of the query string for a column.
    pub fn of_column(spec: &ColumnSpec, is_required: bool, example: Option<Json>) -> OperationParameter {
        OperationParameter {
            name: spec.name.clone(),
            place: ParameterPlace::Query,
            is_required,
            description: String::new(),
            schema: column_schema(spec.kind),
            example,
        }
    }
}

impl OperationContent {
    /// Returns JSON of a schema.
    pub fn json(schema: Json) -> OperationContent {
        OperationContent { media_type: "application/json".to_owned(), schema, example: None }
    }

    /// Returns plain text.
    pub fn text() -> OperationContent {
        OperationContent { media_type: "text/plain".to_owned(), schema: json!({"type": "string"}), example: None }
    }

    /// Gives an example.
    #[must_use]
    pub fn with_example(self, example: Json) -> OperationContent {
        OperationContent { example: Some(example), ..self }
    }
}

impl OperationResponse {
    /// Returns an answer of this status without headers and content.
    pub fn new(status: u16, description: impl Into<String>) -> OperationResponse {
        OperationResponse {
            status: Some(status),
            description: description.into(),
            headers: Vec::new(),
            content: Vec::new(),
        }
    }

    /// Returns the answer of whoever does not say what it answers.
    pub fn unknown(description: impl Into<String>) -> OperationResponse {
        OperationResponse { status: None, ..OperationResponse::new(0, description) }
    }

    /// Returns the answer to a request that is refused: the three fields of every error as JSON, and the id of the
    /// request as a header.
    pub fn refusal(status: u16, description: impl Into<String>) -> OperationResponse {
        let id = OperationHeader::text("x-request-id", "The id of the request, by which it is found in the log.");
        OperationResponse::new(status, description).with_header(id).with_content(OperationContent::json(error_schema()))
    }

    /// Says that an answer of this status may also be the other one.
    fn join(&mut self, other: OperationResponse) {
        if !self.description.contains(&other.description) {
            self.description = format!("{} {}", self.description, other.description).trim().to_owned();
        }
        for header in &mut self.headers {
            header.is_required &= other.headers.iter().any(|same| same.name == header.name && same.is_required);
        }
        for header in other.headers {
            if !self.headers.iter().any(|same| same.name == header.name) {
                self.headers.push(header.optional());
            }
        }
        // Without content it may be any.
        if self.content.is_empty() || other.content.is_empty() {
            self.content.clear();
        } else {
            other.content.into_iter().for_each(|content| self.join_content(content));
        }
    }

    fn join_content(&mut self, other: OperationContent) {
        let Some(known) = self.content.iter_mut().find(|known| known.media_type == other.media_type) else {
            return self.content.push(other);
        };
        if known.schema == other.schema {
            return;
        }
        match known.schema.get_mut("anyOf").and_then(Json::as_array_mut) {
            Some(schemas) if schemas.contains(&other.schema) => {}
            Some(schemas) => schemas.push(other.schema),
            None => known.schema = json!({"anyOf": [known.schema.clone(), other.schema]}),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, header: OperationHeader) -> OperationResponse {
        self.headers.push(header);
        self
    }

    /// Adds a body in a further media type.
    #[must_use]
    pub fn with_content(mut self, content: OperationContent) -> OperationResponse {
        self.content.push(content);
        self
    }
}

impl OperationHeader {
    /// Returns a header of text that every such answer has.
    pub fn text(name: &str, description: &str) -> OperationHeader {
        let schema = json!({"type": "string"});
        OperationHeader { name: name.to_owned(), description: description.to_owned(), is_required: true, schema }
    }

    /// Returns a header of a whole number that every such answer has.
    pub fn count(name: &str, description: &str) -> OperationHeader {
        OperationHeader { schema: json!({"type": "integer", "minimum": 0}), ..OperationHeader::text(name, description) }
    }

    /// Says that some answers lack it.
    #[must_use]
    pub fn optional(self) -> OperationHeader {
        OperationHeader { is_required: false, ..self }
    }
}

/// Returns the schema of a value for a column of this type.
pub fn column_schema(kind: ColumnType) -> Json {
    match kind {
        ColumnType::Float => json!({"type": "number"}),
        ColumnType::Int => json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX}),
        ColumnType::Bool => json!({"type": "boolean"}),
        ColumnType::Text | ColumnType::Category => json!({"type": "string"}),
        ColumnType::Date => json!({"type": "string", "format": "date"}),
        ColumnType::Timestamp | ColumnType::TimestampUtc => json!({"type": "string", "format": "date-time"}),
    }
}

/// Returns the schema of the three fields that every error has.
pub fn error_schema() -> Json {
    json!({
        "title": "Error",
        "type": "object",
        "required": ["status", "error_code", "error_message"],
        "properties": {
            "status": {"const": "ERROR"},
            "error_code": {"type": "integer"},
            "error_message": {"type": "string"},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_one_status_are_joined() {
        let mut operation = Operation::default();
        operation.add(OperationResponse::refusal(503, "There is no model."));
        let retry = OperationHeader::count("retry-after", "Seconds.");
        operation.add(OperationResponse::refusal(503, "Too much work.").with_header(retry));
        operation.add(OperationResponse::new(503, "Too much work.").with_content(OperationContent::text()));
        let empty = json!({"type": "object", "maxProperties": 0});
        operation.add(OperationResponse::new(503, "").with_content(OperationContent::json(empty.clone())));
        let [joined] = &operation.responses[..] else { panic!("{operation:?}") };
        assert_eq!(joined.description, "There is no model. Too much work.");
        let headers: Vec<_> = joined.headers.iter().map(|header| (header.name.as_str(), header.is_required)).collect();
        assert_eq!(headers, [("x-request-id", false), ("retry-after", false)]);
        let schemas: Vec<_> = joined.content.iter().map(|content| &content.schema).collect();
        assert_eq!(schemas, [&json!({"anyOf": [error_schema(), empty]}), &json!({"type": "string"})]);
        operation.add(OperationResponse::new(503, "Anything."));
        assert!(operation.responses[0].content.is_empty(), "what may be anything stays so");
    }
}
