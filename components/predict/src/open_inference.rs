//! The Open Inference Protocol, version 2, over HTTP.
//!
//! `request.rs` reads bodies, `samples.rs` turns their tensors into samples by the types of `datatype.rs`, `response.rs`
//! writes what models answer, `description.rs` tells what there is to ask, `versions.rs` keeps models of versions that
//! requests name, and `docs.rs` describes the routes. `object.rs` keeps lists from standing for objects of JSON.

mod datatype;
mod description;
mod docs;
mod object;
mod problem;
mod request;
mod response;
mod samples;
mod versions;

use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use palladium_component::prelude::*;
use palladium_component::value::nearest;

use self::problem::{Problem, refusal};
use self::request::{Body, InferenceRequest};
use self::response::{Answered, MODEL_VERSION, wants_bytes};
use self::versions::Versions;

/// Offers all predict services by the Open Inference Protocol, version 2, over HTTP.
///
/// ```ron
/// "open_inference": {
///     "!": "palladium.server.OpenInference",
///     "names": { "iris": "predict_service" },
/// }
/// ```
///
/// The entry may stand under any key. Clients of this protocol are those of KServe, Triton and MLServer. The routes,
/// below the `prefix`, are
/// - GET `/health/live` and `/health/ready`: whether the process works, and whether all models are there that predict
///   services need, and take their fields;
/// - GET the prefix itself: the name and version of the server, and which extensions of the protocol it knows;
/// - GET `/models/NAME` and `/models/NAME/ready`: what a model takes and answers, and whether there is an active one
///   that takes it;
/// - POST `/models/NAME/infer`: predictions;
/// - the last three with `/versions/VERSION` behind the name: those of this version instead of the active one;
/// - POST `/repository/index`: all models with their versions; `{"ready": true}` leaves out those without an active one.
///
/// Each predict service is a model, whose name is the key of the service in the configuration unless `names` gives it
/// others. One that cannot say which fields its requests have is not offered.
///
/// A request has a tensor for each field of the `mapping`, of shape `[n]` or `[n, 1]` for n samples, or one tensor of any
/// other name whose columns are the fields in order, of shape `[n, fields]`. The types are BOOL, UINT8 to UINT64, INT8 to
/// INT64, FP16, FP32 and FP64 for fields of the types `float` and `int`, whole numbers and BOOL for `bool`, and BYTES,
/// which are texts in UTF-8, for `str`; what a field cannot hold without loss, such as 1.5 in an `int`, is refused. The
/// `data` stand in one list or nested as the shape says. The `params` of the predict service may stand among the
/// `parameters` of the request, or else in the query string.
///
/// The answer is one tensor: `predict` of shape `[n]`, with the type of the classes (BYTES, INT64, FP64 or BOOL) or FP64
/// for numbers, or, where the predict service has `predict_proba`, `predict_proba` in FP64 of shape `[n, classes]`.
/// `model_version` says which version has answered. Numbers that are not finite are null in JSON.
///
/// Of the extensions of the protocol, tensors in bytes are known both ways: the header `Inference-Header-Content-Length`
/// says where the JSON ends, `binary_data_size` how many of the bytes behind it are those of a tensor, and `binary_data`
/// of an output or `binary_data_output` of a request asks for them in the answer. Shared memory, classification, texts in
/// base64 and compressed bodies are refused.
///
/// A prediction goes through the decorators of its predict service and counts as one of its own; all else goes through
/// `decorator_list_name`. Errors are `{"error": "…"}`, also for paths below the prefix that are no route, but for what
/// decorators answer in place of the view. How much is said of what is wrong with a request for predictions is up to
/// `errors` of the predict service: with `codes` it is a word such as `missing_value`. The header `x-model-version` of an
/// answer has the version too, also where the model is there and the request is refused. What takes longer than
/// `predict_timeout` of `server` is answered with 503.
#[component(View, name = "palladium.server.OpenInference", check)]
pub struct OpenInference {
    /// What the paths begin with; clients expect `/v2`.
    #[param(default = "/v2")]
    prefix: String,
    /// The names of models: a map from name to key of the predict service. A service may have several.
    names: Option<IndexMap<String, String>>,
    /// How many models are kept in memory of versions that requests name, beside the active ones. Further ones are read
    /// from the store one after the other, for each request where this is 0. A version that is deleted from the store may
    /// be answered for another ten seconds.
    #[param(default = 2, max = 1000)]
    keep_versions: usize,
    /// The root key of a list of decorators around everything but predictions; the configuration may lack it.
    #[param(default = "open_inference_decorators")]
    decorator_list_name: String,
    #[state]
    versions: Versions,
}

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Server,
    Live,
    Ready,
    Index,
    Model,
    ModelReady,
    Infer,
}

/// The routes: what stands behind the prefix, and the method.
const ROUTES: [(&str, &str, Question); 10] = [
    ("", "GET", Question::Server),
    ("/health/live", "GET", Question::Live),
    ("/health/ready", "GET", Question::Ready),
    ("/repository/index", "POST", Question::Index),
    ("/models/<name>", "GET", Question::Model),
    ("/models/<name>/ready", "GET", Question::ModelReady),
    ("/models/<name>/infer", "POST", Question::Infer),
    ("/models/<name>/versions/<version>", "GET", Question::Model),
    ("/models/<name>/versions/<version>/ready", "GET", Question::ModelReady),
    ("/models/<name>/versions/<version>/infer", "POST", Question::Infer),
];

/// A predict service as a model of the protocol.
struct Offered {
    name: String,
    served: ServedPredictions,
    signature: Signature,
}

impl OpenInference {
    fn check(&self) -> Result<(), ArgumentError> {
        let wrong = |message: String| Err(ArgumentError::new("prefix", message).help("clients expect `/v2`"));
        let allowed = |character: char| character.is_ascii_alphanumeric() || "/-._~".contains(character);
        if !self.prefix.starts_with('/') || self.prefix.ends_with('/') || self.prefix.contains("//") {
            return wrong(format!("`prefix` has to begin with `/` and to end with a name, this is `{}`", self.prefix));
        }
        if let Some(character) = self.prefix.chars().find(|character| !allowed(*character)) {
            return wrong(format!("`prefix` holds {character:?}; it is made of letters, digits and `/-._~`"));
        }
        match self.names().any(|(name, _)| name.is_empty()) {
            true => Err(ArgumentError::new("names", "a model has to have a name, one of `names` is empty")),
            false => Ok(()),
        }
    }

    /// Returns what is asked at a rule.
    fn question(&self, rule: &str) -> Option<Question> {
        let path = rule.strip_prefix(&self.prefix)?;
        ROUTES.into_iter().find(|(known, _, _)| *known == path).map(|(_, _, question)| question)
    }

    /// Returns the given names with the keys of their predict services.
    fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().flatten().map(|(name, key)| (name.as_str(), key.as_str()))
    }

    /// Returns all models.
    fn offered(&self, services: Vec<ServedPredictions>) -> Vec<Offered> {
        let mut offered = Vec::new();
        for served in services {
            let Some(signature) = served.service.signature() else { continue };
            for name in self.names_of(&served) {
                offered.push(Offered { name, served: served.clone(), signature: signature.clone() });
            }
        }
        offered
    }

    /// Returns the names of a predict service.
    fn names_of(&self, served: &ServedPredictions) -> Vec<String> {
        let key = served.key.to_string();
        let named = self.names().filter(|(_, named)| *named == key).map(|(name, _)| name.to_owned());
        let names: Vec<String> = named.collect();
        if names.is_empty() { vec![key] } else { names }
    }

    fn find(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<Offered, Problem> {
        let name = request.part("name").unwrap_or_default();
        let is_its = |served: &ServedPredictions| self.names_of(served).iter().any(|known| known == name);
        let served = service.predict_services().into_iter().find(is_its);
        let offered = served.and_then(|served| {
            let signature = served.service.signature()?;
            Some(Offered { name: name.to_owned(), served, signature })
        });
        offered.ok_or_else(|| {
            let shown: String = name.chars().take(60).collect();
            Problem::not_found(format!("there is no model {shown:?}"))
        })
    }

    /// Returns the model of the version that the request names, or the active one.
    fn model(&self, offered: &Offered, version: Option<Version>) -> Result<Arc<TrainedModel>, Problem> {
        let persister = &offered.served.persister;
        let read = match version {
            Some(version) => self.versions.read(persister, version, self.keep_versions),
            None => persister.at_hand().unwrap_or_else(|| persister.read(None)),
        };
        read.map_err(|error| match (error, version) {
            (PersistError::Lookup(_), Some(version)) => offered.has_no_version(&version.to_string()),
            (PersistError::Lookup(message), None) => match offered.served.detail {
                ErrorDetail::Full => Problem::Said { status: 503, message },
                ErrorDetail::Codes => Problem::Said { status: 503, message: "no_model".to_owned() },
            },
            (error, _) => Problem::unreadable(error),
        })
    }

    /// Answers a request for predictions, through the decorators of the predict service.
    fn infer(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let offered = match self.find(request, service) {
            Ok(offered) => offered,
            Err(problem) => return Ok(problem.respond(request)),
        };
        service.decorated(offered.served.service.decorator_list_name(), request, &mut |request| {
            if request.method == "OPTIONS" {
                let headers = Pairs::from_iter([("allow", "OPTIONS, POST")]);
                return ViewResponse { status: 200, headers, body: Vec::new() };
            }
            let predicted = self.predict(&offered, request, service);
            predicted.unwrap_or_else(|problem| problem.respond_with(offered.served.detail, request))
        })
    }

    fn predict(
        &self,
        offered: &Offered,
        request: &ViewRequest,
        service: &dyn ServiceHandle,
    ) -> Result<ViewResponse, Problem> {
        let model = self.model(offered, offered.version(request)?)?;
        let answered = offered.predict(&model, request, service);
        answered.or_else(|problem| {
            let mut response = problem.respond_with(offered.served.detail, request);
            if let Some(version) = model.metadata.version() {
                response.set_header(MODEL_VERSION, version.to_string());
            }
            Ok(response)
        })
    }
}

impl Offered {
    /// Answers by a model.
    fn predict(
        &self,
        model: &Arc<TrainedModel>,
        request: &ViewRequest,
        service: &dyn ServiceHandle,
    ) -> Result<ViewResponse, Problem> {
        let Offered { name, served, signature } = self;
        let started = Instant::now();
        let body = Body::read(request)?;
        let bytes = wants_bytes(&body.request, signature)?;
        let samples = samples::read(&body, &signature.fields)?;
        if samples.n_rows() > service.max_rows() {
            return Err(PredictError::TooManyRows { limit: service.max_rows() }.into());
        }
        let query = keyword_parameters(&body.request, signature, request)?;
        let predicted = served.service.predict_table(model, samples, &query);
        let response = predicted.map_err(|error| self.problem(model, error))?;
        let id = body.request.id.as_deref();
        let answered = Answered { name, model, signature, id, bytes }.write(&response)?;
        let (route, version, n_samples) = (served.route, model.metadata.version(), response.n_samples());
        service.predicted(&Predicted { route, version, n_samples, queued: Duration::ZERO, time: started.elapsed() });
        Ok(answered)
    }

    /// Returns why there is no prediction; a model that cannot predict for the service is no error within it.
    fn problem(&self, model: &TrainedModel, error: PredictError) -> Problem {
        match (error.is_of_model().then(|| self.served.service.misfit(model)).flatten(), error) {
            (None, error) => error.into(),
            (Some(misfit), PredictError::Internal(failure)) => Problem::Misfit { misfit, failure },
            (Some(misfit), error) => Problem::Misfit { misfit, failure: Failure::message(error.to_string()) },
        }
    }

    /// Returns the version that a request names.
    fn version(&self, request: &ViewRequest) -> Result<Option<Version>, Problem> {
        let parse = |text: &str| text.parse().map_err(|_| self.has_no_version(text));
        request.part("version").map(parse).transpose()
    }

    fn has_no_version(&self, version: &str) -> Problem {
        let shown: String = version.chars().take(60).collect();
        Problem::not_found(format!("the model `{}` has no version {shown:?}", self.name))
    }
}

/// Returns the keyword parameters of a prediction as pairs of a query string: those of the body first, which count.
fn keyword_parameters(body: &InferenceRequest, signature: &Signature, request: &ViewRequest) -> Result<Pairs, Problem> {
    let mut query = Pairs::default();
    for name in signature.parameters.iter().map(|parameter| &parameter.name) {
        let text = match body.parameters.get(name) {
            None => continue,
            Some(Some(Parameter::Bool(flag))) => flag.to_string(),
            Some(Some(Parameter::Int(number))) => number.to_string(),
            Some(Some(Parameter::Float(number))) => format!("{number:?}"),
            Some(Some(Parameter::Text(text))) => text.clone(),
            Some(None) => {
                let message = format!("the parameter `{name}` has to be a text, a number or a flag");
                return Err(Problem::bad_request(message));
            }
        };
        query.push(name, &text);
    }
    query.extend(&request.query);
    Ok(query)
}

impl View for OpenInference {
    fn rules(&self) -> Vec<ViewRule> {
        let rule = |(path, method, question): (&str, &str, Question)| ViewRule {
            predicts: question == Question::Infer,
            ..ViewRule::new(format!("{}{path}", self.prefix), &[method])
        };
        ROUTES.into_iter().map(rule).collect()
    }

    fn decorator_list_name(&self) -> Option<&str> {
        Some(&self.decorator_list_name)
    }

    fn answer(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let answered = match self.question(service.rule()) {
            Some(Question::Server) => Ok(description::server()),
            Some(Question::Live) => Ok(description::live()),
            Some(Question::Ready) => description::ready(request, service),
            Some(Question::Index) => self.index(request, service),
            Some(Question::Model) => self.describe(request, service),
            Some(Question::ModelReady) => self.model_ready(request, service),
            Some(Question::Infer) => return self.infer(request, service),
            None => Err(Problem::not_found("there is nothing at this path")),
        };
        Ok(answered.unwrap_or_else(|problem| problem.respond(request)))
    }

    fn operations(&self, rule: &ViewRule, service: &dyn ServiceHandle) -> Vec<Operation> {
        self.describe_route(rule, service)
    }

    fn refusal_content(&self) -> Option<OperationContent> {
        Some(docs::error_content())
    }

    fn refusal(&self, path: &str, status: u16, message: &str) -> Option<ViewResponse> {
        let behind = path.strip_prefix(&self.prefix)?;
        (behind.is_empty() || behind.starts_with('/')).then(|| refusal(status, message))
    }

    fn unmet(&self, services: &[ServedPredictions]) -> Option<Failure> {
        let keys: Vec<String> = services.iter().map(|served| served.key.to_string()).collect();
        for (name, key) in self.names() {
            let Some(position) = keys.iter().position(|known| known == key) else {
                let message = format!("the model `{name}` is the predict service `{key}`, which there is not");
                let near = nearest(key, keys.iter().map(String::as_str));
                let help = near.map_or_else(
                    || "`names` leads from names of models to keys of predict services".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                return Some(Failure::with_help(message, help));
            };
            if services[position].service.signature().is_none() {
                let message = format!("the predict service `{key}` does not say which fields its requests have");
                return Some(Failure::with_help(message, format!("leave `{name}` out of `names`")));
            }
        }
        let names: Vec<String> = services.iter().flat_map(|served| self.names_of(served)).collect();
        let taken = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name));
        taken.map(|(_, name)| {
            let message =
                format!("the model `{name}` would be two predict services: one has this key, `names` has another");
            Failure::with_help(message, "give both of them names, or choose another one")
        })
    }
}

#[cfg(test)]
mod tests;
