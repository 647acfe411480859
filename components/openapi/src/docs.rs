//! The description of a service, as a document and as a page.

use std::sync::OnceLock;

use palladium_component::prelude::*;
use serde_json::json;

use crate::document::{Info, write};
use crate::page::{self, Page, answer_file};
use crate::path::{check_path, relative};

/// Describes the service in an OpenAPI document, and on a page.
///
/// ```ron
/// "docs": {
///     "!": "palladium.openapi.Docs",
/// }
/// ```
///
/// The entry may stand under any key; without it a service describes itself to nobody. The document at `/openapi.json`,
/// OpenAPI 3.1, has every route of the service with what it takes and answers: predict services with the names and
/// types of their mapping, the views of the server, and what the decorators of each route want and answer, such as how
/// to prove who calls. It is made for each request: where the model is in memory, it shows the labels of its classes.
/// Examples are made of the mapping, or are the `sample` of the predict service. `palladium openapi` prints the document
/// without serving.
///
/// The page at `/docs` is Swagger UI, on which requests can be tried out. All of its files are part of the program, and
/// it asks no other server.
///
/// Whoever reaches the routes reads what the service has, unless a decorator of the list refuses. Browsers ask for user
/// and password where that is `BasicAuth`; to one that wants a key or a token they cannot bring any.
#[component(View, name = "palladium.openapi.Docs", check, lifecycle)]
pub struct Docs {
    /// The path of the document, beginning with `/`.
    #[param(default = "/openapi.json")]
    rule: String,
    /// The path of the page, beginning with `/`; null for no page.
    #[param(default = "/docs")]
    docs_rule: Option<String>,
    /// What the service is called; without it `service_name` of the root key `service_metadata`, else `Palladium`.
    title: Option<String>,
    /// The version of the service; without it `service_version` of the root key `service_metadata`, else `0`.
    version: Option<String>,
    /// What there is to say about the service, in Markdown.
    description: Option<String>,
    /// The path under which a proxy in front shows the service, such as `/iris`.
    root_path: Option<String>,
    /// The root key of a list of decorators around the document and the page; the configuration may lack it.
    #[param(default = "docs_decorators")]
    decorator_list_name: String,
    #[state]
    named: OnceLock<Named>,
}

/// What the files of the page are for.
const FILE: &str = "Show a file of the page";

/// What the root key `service_metadata` calls the service.
#[derive(Default)]
struct Named {
    title: Option<String>,
    version: Option<String>,
}

impl Docs {
    fn check(&self) -> Result<(), ArgumentError> {
        check_path("rule", &self.rule)?;
        self.docs_rule.as_deref().map_or(Ok(()), |rule| check_path("docs_rule", rule))?;
        self.root_path.as_deref().map_or(Ok(()), |path| check_path("root_path", path))?;
        if self.docs_rule.as_ref() == Some(&self.rule) {
            return Err(ArgumentError::new("docs_rule", "the document and the page cannot have the same path"));
        }
        Ok(())
    }

    /// Returns the rule of the files that the page needs.
    fn files_rule(docs_rule: &str) -> String {
        format!("{}/<file>", docs_rule.trim_end_matches('/'))
    }

    fn write(&self, service: &dyn ServiceHandle) -> serde_json::Value {
        let named = self.named.get();
        let title = self.title.as_deref().or(named.and_then(|named| named.title.as_deref()));
        let version = self.version.as_deref().or(named.and_then(|named| named.version.as_deref()));
        let info = Info {
            title: title.unwrap_or("Palladium"),
            version: version.unwrap_or("0"),
            description: self.description.as_deref(),
            root_path: self.root_path.as_deref(),
        };
        write(&info, service)
    }
}

impl Lifecycle for Docs {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        let metadata = context.root.get("service_metadata");
        let text = |key: &str| metadata?.get(key)?.as_text().map(str::to_owned);
        let _ = self.named.set(Named { title: text("service_name"), version: text("service_version") });
        Ok(())
    }
}

impl View for Docs {
    fn rules(&self) -> Vec<ViewRule> {
        let mut rules = vec![ViewRule::new(self.rule.as_str(), &["GET"])];
        if let Some(docs_rule) = &self.docs_rule {
            rules.push(ViewRule::new(docs_rule.as_str(), &["GET"]));
            rules.push(ViewRule::new(Docs::files_rule(docs_rule), &["GET"]));
        }
        rules
    }

    fn decorator_list_name(&self) -> Option<&str> {
        Some(&self.decorator_list_name)
    }

    fn operations(&self, rule: &ViewRule, _: &dyn ServiceHandle) -> Vec<Operation> {
        let answer =
            |media_type: &str, schema| OperationContent { media_type: media_type.to_owned(), schema, example: None };
        let mut operation =
            Operation { method: "GET".to_owned(), group: "Documentation".to_owned(), ..Operation::default() };
        let text = |media_type| answer(media_type, json!({"type": "string"}));
        let (summary, status, content, headers) = match &rule.path {
            path if *path == self.rule => {
                let content = vec![OperationContent::json(json!({"type": "object"}))];
                ("Show this document", "The document.", content, vec![page::cache_header()])
            }
            path if Some(path) == self.docs_rule.as_ref() => {
                ("Show the page", "The page.", vec![text("text/html")], page::headers())
            }
            _ => (FILE, "The file.", page::media_types().map(text).collect(), page::file_headers()),
        };
        operation.summary = summary.to_owned();
        if summary == FILE {
            let mut known = OperationResponse::new(304, "The client has it.");
            known.headers.clone_from(&headers);
            let coding = OperationHeader::text("content-encoding", "How the file is compressed.").optional();
            operation.add(known);
            operation.add(OperationResponse {
                content,
                headers: [headers, vec![coding]].concat(),
                ..OperationResponse::new(200, status)
            });
            operation.add(OperationResponse::refusal(404, "The page has no such file."));
        } else {
            operation.add(OperationResponse { content, headers, ..OperationResponse::new(200, status) });
        }
        vec![operation]
    }

    fn document(&self, service: &dyn ServiceHandle) -> Option<Result<String, Failure>> {
        let document = serde_json::to_string_pretty(&self.write(service));
        Some(document.map_err(|error| Failure::message(error.to_string())))
    }

    fn answer(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        if service.rule() == self.rule {
            let mut response = ViewResponse::text(200, self.write(service).to_string());
            response.set_header("content-type", "application/json; charset=utf-8");
            response.set_header("cache-control", "no-cache");
            return Ok(response);
        }
        let docs_rule = self.docs_rule.as_deref().unwrap_or_default();
        if let Some(file) = request.part("file") {
            return answer_file(file, request);
        }
        let title = self.title.as_deref().or(self.named.get().and_then(|named| named.title.as_deref()));
        let page = Page {
            title: title.unwrap_or("Palladium"),
            document: &relative(docs_rule, &self.rule),
            folder: &relative(docs_rule, &Docs::files_rule(docs_rule).replace("<file>", "")),
        };
        Ok(page.answer())
    }
}
