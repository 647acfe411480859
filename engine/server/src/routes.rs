//! The route table: every path the service answers at.

use std::collections::HashMap;
use std::sync::Arc;

use palladium_component::Failed;
use palladium_component::interfaces::{DecoratorList, Persister, PredictService};
use palladium_component::value::{Code, Diagnostic, Diagnostics, KeyPath, Span};
use palladium_runtime::{App, Placed, root_keys};

use crate::alive::Alive;
use crate::answer::Envelope;
use crate::models::ModelList;
use crate::predict::PredictRoute;
use crate::query::percent_decode;

/// Returns what is wrong with the routes of an application: entry points that clash with each other or with the
/// service's own, predict services without a model persister, an ill-typed `alive` or `service_metadata`, names that
/// `/alive` requires and that are the key of no model persister. The components need not be initialized.
pub fn check_routes(app: &App) -> Diagnostics {
    let (routes, mut findings) = Routes::examine(app);
    if let Some(Endpoint::Alive(alive)) = routes.by_path.get(ALIVE) {
        findings.extend(alive.unknown.iter().cloned());
    }
    findings
}

/// A path that the service answers at.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteInfo {
    /// The path.
    pub path: String,
    /// The methods, separated by commas.
    pub methods: &'static str,
    /// The key of the predict service that answers; nothing stands for the server itself.
    pub service: Option<KeyPath>,
    /// The key of the model persister whose models are used.
    pub persister: Option<KeyPath>,
}

/// Returns every path that an application answers at: those of the server first, then in the order of the
/// configuration. Wrong ones are left out; [`check_routes`] tells about them.
pub fn route_table(app: &App) -> Vec<RouteInfo> {
    let (routes, _) = Routes::examine(app);
    let persisters = app.all::<dyn Persister>();
    let key_of = |persister: &Arc<dyn Persister>| {
        let same = |placed: &&Placed<dyn Persister>| Arc::ptr_eq(&placed.component, persister);
        persisters.iter().find(same).map(|placed| placed.key.clone())
    };
    let services = app.all::<dyn PredictService>();
    let paths = [ALIVE, LIST].into_iter().chain(services.iter().map(|placed| placed.component.entry_point()));
    let info = |path: &str| {
        let endpoint = routes.by_path.get(path)?;
        let (service, persister) = match endpoint {
            Endpoint::Alive(_) => (None, None),
            Endpoint::List(list) => (None, list.persister.as_ref().and_then(key_of)),
            Endpoint::Predict(route) => {
                let same = |placed: &&Placed<dyn PredictService>| Arc::ptr_eq(&placed.component, &route.service);
                (services.iter().find(same).map(|placed| placed.key.clone()), key_of(&route.persister))
            }
        };
        Some(RouteInfo { path: path.to_owned(), methods: endpoint.methods(), service, persister })
    };
    let mut table: Vec<RouteInfo> = Vec::new();
    for route in paths.filter_map(info) {
        if !table.iter().any(|other| other.path == route.path) {
            table.push(route);
        }
    }
    table
}

/// What answers at a path.
pub enum Endpoint {
    Alive(Arc<Alive>),
    List(Arc<ModelList>),
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

    /// Returns the decorators of the view.
    pub fn decorators(&self) -> &DecoratorList {
        match self {
            Endpoint::Alive(alive) => &alive.decorators,
            Endpoint::List(list) => &list.decorators,
            Endpoint::Predict(route) => &route.decorators,
        }
    }
}

impl Routes {
    /// Returns the table of an application.
    ///
    /// # Errors
    /// As [`check_routes`].
    pub fn of(app: &App) -> Result<Routes, Diagnostics> {
        let (routes, findings) = Routes::examine(app);
        if !findings.is_empty() {
            return Err(findings);
        }
        if let Some(Endpoint::Alive(alive)) = routes.by_path.get(ALIVE) {
            alive.observe();
        }
        Ok(routes)
    }

    /// Returns the table with what is wrong with it.
    fn examine(app: &App) -> (Routes, Diagnostics) {
        let mut findings = Diagnostics::default();
        let alive = Alive::of(app, &mut findings);
        let envelope = Arc::new(envelope(app, &mut findings));
        let root_is_broken = app.root().get(root_keys::PERSISTER).is_some_and(Failed::is_in);
        let root = match app.find::<dyn Persister>(root_keys::PERSISTER) {
            Ok(root) => root,
            Err(_) if root_is_broken => None,
            Err(finding) => {
                findings.push(finding);
                None
            }
        };
        let root_is_wrong = root_is_broken || (!findings.is_empty() && root.is_none());
        let decorators = app.decorators().list(root_keys::LIST_DECORATORS);
        let list = ModelList { persister: root.clone(), decorators };
        let own = [(ALIVE, Endpoint::Alive(Arc::new(alive))), (LIST, Endpoint::List(Arc::new(list)))];
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
                    let decorators = app.decorators().list(placed.component.decorator_list_name());
                    let (service, envelope) = (placed.component, Arc::clone(&envelope));
                    let route = PredictRoute { service, persister, envelope, decorators };
                    by_path.insert(path, Endpoint::Predict(Arc::new(route)));
                }
                None if root_is_wrong => {}
                None => findings.push(without_persister(&placed)),
            }
        }
        (Routes { by_path }, findings)
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
        let message = format!("the root key `{}` has to hold a map", root_keys::SERVICE_METADATA);
        let finding = Diagnostic::new(Code::BadArguments, message).in_key(&KeyPath::parse(root_keys::SERVICE_METADATA));
        findings.push(finding.at_value(value, format!("this is {}", value.describe())));
    }
    Envelope::new(map, app.decorators().list(root_keys::GET_METADATA_DECORATORS))
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
        return Some(finding(message).at(&placed.span, "").help(format!("write `/{path}`")));
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
