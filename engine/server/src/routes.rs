//! The route table: every path the service answers at.

use std::collections::HashMap;
use std::sync::Arc;

use palladium_component::interfaces::{Persister, PredictService};
use palladium_component::value::{Code, Diagnostic, Diagnostics, Span};
use palladium_runtime::{App, Placed, root_keys};

use crate::alive::Alive;
use crate::answer::Envelope;
use crate::models::ModelList;
use crate::predict::PredictRoute;
use crate::query::percent_decode;

/// Returns what is wrong with the routes of an application: entry points that clash with each other or with the
/// service's own, predict services without a model persister, an ill-typed `alive` or `service_metadata`.
pub fn check_routes(app: &App) -> Diagnostics {
    Routes::of(app).err().unwrap_or_default()
}

/// What answers at a path.
pub enum Endpoint {
    Alive(Alive),
    List(ModelList),
    Predict(Arc<PredictRoute>),
}

/// The endpoints by path.
pub struct Routes {
    by_path: HashMap<String, Endpoint>,
}

const ALIVE: &str = "/alive";
const LIST: &str = "/list";

impl Endpoint {
    /// Returns the methods, as the header `allow` lists them.
    pub fn methods(&self) -> &'static str {
        match self {
            Endpoint::Alive(_) | Endpoint::List(_) => "GET, HEAD, OPTIONS",
            Endpoint::Predict(_) => "GET, HEAD, OPTIONS, POST",
        }
    }
}

impl Routes {
    /// Returns the table of an application.
    ///
    /// # Errors
    /// As [`check_routes`].
    pub fn of(app: &App) -> Result<Routes, Diagnostics> {
        let mut findings = Diagnostics::default();
        let alive = Alive::of(app, &mut findings);
        let envelope = Arc::new(envelope(app, &mut findings));
        let root = app.find::<dyn Persister>(root_keys::PERSISTER).unwrap_or_else(|finding| {
            findings.push(finding);
            None
        });
        let root_is_wrong = !findings.is_empty() && root.is_none();
        let list = ModelList { persister: root.clone() };
        let own = [(ALIVE, Endpoint::Alive(alive)), (LIST, Endpoint::List(list))];
        let mut by_path: HashMap<String, Endpoint> =
            own.into_iter().map(|(path, endpoint)| (path.to_owned(), endpoint)).collect();
        let mut places: HashMap<String, Span> = HashMap::new();
        for placed in app.all::<dyn PredictService>() {
            let path = placed.component.entry_point().to_owned();
            if let Some(finding) = conflict(&placed, &by_path, &places) {
                findings.push(finding);
                continue;
            }
            places.insert(path.clone(), placed.span.clone());
            match placed.component.model_persister().cloned().or_else(|| root.clone()) {
                Some(persister) => {
                    let (service, envelope) = (placed.component, Arc::clone(&envelope));
                    let route = PredictRoute { service, persister, envelope };
                    by_path.insert(path, Endpoint::Predict(Arc::new(route)));
                }
                None if root_is_wrong => {}
                None => findings.push(without_persister(&placed)),
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        if let Some(Endpoint::Alive(alive)) = by_path.get(ALIVE) {
            alive.observe();
        }
        Ok(Routes { by_path })
    }

    /// Returns what answers at a path, which may be written with `%`.
    pub fn find(&self, path: &str) -> Option<&Endpoint> {
        self.by_path.get(path).or_else(|| {
            let decoded = path.contains('%').then(|| percent_decode(path).ok()).flatten()?;
            self.by_path.get(&decoded)
        })
    }
}

fn envelope(app: &App, findings: &mut Diagnostics) -> Envelope {
    let value = app.root().get(root_keys::SERVICE_METADATA).filter(|value| !value.is_null());
    let map = value.and_then(|value| value.as_map());
    if let (Some(value), None) = (value, map) {
        let message = format!("the root key `{}` has to be a map", root_keys::SERVICE_METADATA);
        let finding = Diagnostic::new(Code::BadArguments, message);
        findings.push(finding.at_value(value, format!("this is {}", value.describe())));
    }
    Envelope::new(map)
}

/// Returns why a service cannot have the entry point it wants.
fn conflict(
    placed: &Placed<dyn PredictService>,
    taken: &HashMap<String, Endpoint>,
    places: &HashMap<String, Span>,
) -> Option<Diagnostic> {
    let path = placed.component.entry_point();
    let finding = |message: String| Diagnostic::new(Code::RouteConflict, message).in_key(&placed.key);
    if !path.starts_with('/') {
        let message = format!("a path begins with `/`, the entry point `{path}` does not");
        return Some(finding(message).at(&placed.span, ""));
    }
    if let Some(other) = places.get(path) {
        let finding = finding(format!("two predict services have the entry point `{path}`"));
        let finding = finding.at(&placed.span, "this one").also(other, "the other one");
        return Some(finding.help("give one of them another `entry_point`"));
    }
    taken.contains_key(path).then(|| {
        let finding = finding(format!("the entry point `{path}` is a route of the server itself"));
        finding.at(&placed.span, "").help("give the predict service another `entry_point`")
    })
}

fn without_persister(placed: &Placed<dyn PredictService>) -> Diagnostic {
    let key = root_keys::PERSISTER;
    Diagnostic::new(Code::MissingKey, format!("this predict service has no model: there is no `{key}`"))
        .at(&placed.span, "")
        .in_key(&placed.key)
        .help(format!("add `{key}` to the root of the configuration, or to the service"))
}
