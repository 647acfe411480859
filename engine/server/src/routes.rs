//! The route table: every path the service answers at.

mod added;
mod callers;
mod unguarded;

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use actix_web::http::Method;
use palladium_component::Failed;
use palladium_component::interfaces::{
    Authentication, DecoratorList, ErrorDetail, Object, Pairs, Persister, PredictService, RouteAnswer,
    ServedPredictions, ServedRoute, View,
};
use palladium_component::value::{Code, Diagnostic, Diagnostics, KeyPath, Span};
use palladium_runtime::{App, Placed, root_keys};

use crate::alive::Alive;
use crate::answer::Envelope;
use crate::away::Pace;
use crate::methods::Methods;
use crate::misfits::Asker;
use crate::models::ModelList;
use crate::observers::Observers;
use crate::predict::PredictRoute;
use crate::query::percent_decode;
use crate::ready::Needed;
use crate::rule::Rule;
use crate::settings::Settings;
use crate::views::{Answers, ServerView, ViewRoute, decorators};

/// Returns what is wrong with the routes of an application: rules and entry points that clash with each other or with
/// the service's own, unknown views, predict services and views without what they need, an ill-typed `alive`, `server`
/// or `service_metadata`, names that `/alive` requires and that are the key of no model persister, decorators that go by
/// who makes a request where nobody finds that out, views that change something by a GET. The components need not be
/// initialized.
pub fn check_routes(app: &App) -> Diagnostics {
    let (routes, mut findings) = Routes::examine(app);
    findings.extend(routes.alive.unknown.iter().cloned());
    findings.extend(routes.doubts);
    findings
}

/// Returns what keeps an application that is right otherwise from being served where the root key `server` says: views
/// that change something and would be open to other machines. The names of hosts are not looked up.
pub fn check_reach(app: &App) -> Diagnostics {
    let (routes, _) = Routes::examine(app);
    let reached = routes.settings.fixed.listen.iter().filter(|listen| listen.is_reached());
    let (reached, open) = (reached.map(ToString::to_string).collect::<Vec<_>>(), routes.open());
    match reached.is_empty() || open.is_empty() || routes.settings.allow_unauthenticated_admin {
        true => Diagnostics::default(),
        false => unguarded::opened(&open, &reached.join(", ")).into(),
    }
}

/// A path that the service answers at.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteInfo {
    /// The path, or the rule where parts of it stand for any text.
    pub path: String,
    /// The methods, separated by commas.
    pub methods: String,
    /// What answers: the dotted name of a view of the server, the name of a function; nothing for a predict service.
    pub view: Option<String>,
    /// The key of the component that answers or that added the route; nothing stands for the server itself.
    pub service: Option<KeyPath>,
    /// The key of the model persister whose models are used.
    pub persister: Option<KeyPath>,
    /// Whether requests may change something.
    pub changes: bool,
    /// Whether a decorator keeps those out who do not say who they are.
    pub authentication: Authentication,
}

/// Returns every path that an application answers at: those of the server first, then in the order of the
/// configuration. Wrong ones are left out; [`check_routes`] tells about them.
pub fn route_table(app: &App) -> Vec<RouteInfo> {
    let (routes, _) = Routes::examine(app);
    let info = |route: &Route| {
        let (view, persister) = match &route.endpoint {
            Endpoint::Predict(predict) => (None, key_of(app, &predict.persister)),
            Endpoint::View(view) => {
                let uses = match view.answers {
                    Answers::Server(ServerView::Alive | ServerView::Live | ServerView::Ready | ServerView::Jobs) => {
                        None
                    }
                    Answers::Server(_) => routes.list.persister.as_ref(),
                    Answers::Function(_) | Answers::Own(_) => None,
                };
                (Some(view.answers.name()), uses.and_then(|persister| key_of(app, persister)))
            }
        };
        let methods = route.methods.allow().to_owned();
        let (changes, authentication) = (route.changes(), route.authentication());
        let (path, service) = (route.rule.clone(), route.key.clone());
        RouteInfo { path, methods, view, service, persister, changes, authentication }
    };
    routes.all.iter().map(|route| info(route)).collect()
}

/// Returns the key of a persister of an application.
fn key_of(app: &App, persister: &Arc<dyn Persister>) -> Option<KeyPath> {
    let mut placed = app.all::<dyn Persister>().into_iter();
    placed.find(|placed| Arc::ptr_eq(&placed.component, persister)).map(|placed| placed.key)
}

/// What answers at a path.
pub enum Endpoint {
    View(Arc<ViewRoute>),
    Predict(Arc<PredictRoute>),
}

/// A path, and what answers there.
pub struct Route {
    pub rule: String,
    pub methods: Methods,
    pub endpoint: Endpoint,
    /// The position in the table.
    pub index: usize,
    /// The component that it is from, and where that is written; nothing stands for the server itself.
    key: Option<KeyPath>,
    span: Option<Span>,
}

impl Route {
    /// Returns the decorators of the view.
    pub fn decorators(&self) -> &DecoratorList {
        match &self.endpoint {
            Endpoint::View(view) => &view.decorators,
            Endpoint::Predict(predict) => &predict.decorators,
        }
    }

    /// Tells whether a request may change something and nothing asks who it is.
    pub fn is_open(&self) -> bool {
        self.changes() && self.authentication() == Authentication::None
    }

    /// Tells whether a decorator of the view, or of the one that it passes changes on to, asks who it is.
    fn authentication(&self) -> Authentication {
        let inside = match &self.endpoint {
            Endpoint::View(view) => view.inside.authentication(),
            Endpoint::Predict(_) => Authentication::None,
        };
        self.decorators().authentication().max(inside)
    }

    /// Tells whether a request may change something. What functions of the configuration do is theirs.
    fn changes(&self) -> bool {
        match &self.endpoint {
            Endpoint::Predict(_) => false,
            Endpoint::View(view) => match &view.answers {
                Answers::Server(answers) => answers.changes(self.methods.contains(&Method::DELETE)),
                Answers::Function(_) => false,
                Answers::Own(_) => view.changes,
            },
        }
    }

    /// Tells whether a request by this method may change something.
    pub fn changes_by(&self, method: &Method) -> bool {
        match &self.endpoint {
            Endpoint::View(view) => match &view.answers {
                Answers::Server(answers) => answers.changes(*method == Method::DELETE),
                Answers::Function(_) | Answers::Own(_) => self.changes(),
            },
            Endpoint::Predict(_) => false,
        }
    }

    /// Tells whether a component predicts here, which calls decorators itself.
    pub fn predicts(&self) -> bool {
        matches!(&self.endpoint, Endpoint::View(view) if view.predicts)
    }
}

/// The routes of a service.
pub struct Routes {
    pub alive: Arc<Alive>,
    pub list: Arc<ModelList>,
    pub settings: Settings,
    /// What is told about requests.
    pub observers: Arc<Observers>,
    /// How much the clients of predict services are told about errors, once it is known who they are.
    pub detail: Arc<OnceLock<ErrorDetail>>,
    /// The models that predict services need.
    pub needed: Vec<Needed>,
    /// The views that answer themselves.
    pub views: Vec<Arc<dyn View>>,
    /// What a service starts with all the same.
    doubts: Diagnostics,
    /// In the order of their making.
    all: Vec<Arc<Route>>,
    by_path: HashMap<String, Arc<Route>>,
    with_parts: Vec<(Rule, Arc<Route>)>,
}

/// The routes that every service has.
const OWN: [(&str, ServerView); 4] = [
    ("/alive", ServerView::Alive),
    ("/list", ServerView::List),
    ("/live", ServerView::Live),
    ("/ready", ServerView::Ready),
];

impl Routes {
    /// Returns the table of an application.
    ///
    /// # Errors
    /// As [`check_routes`].
    pub fn of(app: &App) -> Result<Routes, Diagnostics> {
        let routes = Routes::checked(app)?;
        routes.alive.observe();
        for doubt in routes.doubts.iter() {
            tracing::warn!(target: "palladium::server", "{}", doubt.in_one_line());
        }
        let rules: Vec<&str> = routes.all.iter().map(|route| route.rule.as_str()).collect();
        let (views, objects) = (app.all::<dyn View>(), app.all::<dyn Object>());
        let of_views = views.iter().filter_map(|placed| placed.component.observer(&rules));
        let of_objects = objects.iter().filter_map(|placed| placed.component.observer(&rules));
        routes.observers.set(of_views.chain(of_objects).collect());
        Ok(routes)
    }

    /// Returns the table of an application whose requests nobody is told about.
    ///
    /// # Errors
    /// As [`check_routes`].
    pub fn checked(app: &App) -> Result<Routes, Diagnostics> {
        match Routes::examine(app) {
            (routes, findings) if findings.is_empty() => Ok(routes),
            (_, findings) => Err(palladium_runtime::tidy(findings)),
        }
    }

    /// Returns the table with what is wrong with it.
    pub fn examine(app: &App) -> (Routes, Diagnostics) {
        let mut findings = Diagnostics::default();
        let alive = Arc::new(Alive::of(app, &mut findings));
        let settings = Settings::of(app, &mut findings);
        let envelope = Arc::new(envelope(app, &mut findings));
        let root_is_broken = app.root().get(root_keys::PERSISTER).is_some_and(Failed::is_in);
        let (root, root_is_wrong) = match app.find::<dyn Persister>(root_keys::PERSISTER) {
            Ok(root) => (root, root_is_broken),
            Err(_) if root_is_broken => (None, true),
            Err(finding) => {
                findings.push(finding);
                (None, true)
            }
        };
        let decorators_of_list = app.decorators().list(root_keys::LIST_DECORATORS);
        let list = Arc::new(ModelList { persister: root.clone(), decorators: decorators_of_list });
        let (all, by_path, with_parts) = (Vec::new(), HashMap::new(), Vec::new());
        let (observers, detail, needed, views) = (Arc::default(), Arc::default(), Vec::new(), Vec::new());
        let doubts = Diagnostics::default();
        let mut routes =
            Routes { alive, list, settings, observers, detail, needed, views, doubts, all, by_path, with_parts };
        for (rule, view) in OWN {
            let decorators = decorators(app, view.decorator_list_name());
            let answers = Answers::Server(view);
            let (path, inside) = (rule.to_owned(), self::decorators(app, None));
            let route = ViewRoute { rule: path, answers, decorators, changes: false, predicts: false, inside };
            let methods = Methods::of(["GET"]);
            let endpoint = Endpoint::View(Arc::new(route));
            routes.insert(Route { rule: rule.to_owned(), methods, endpoint, index: 0, key: None, span: None });
        }
        let mut places: HashMap<String, Span> = HashMap::new();
        for placed in app.all::<dyn PredictService>() {
            if let Some(finding) = routes.conflict(&placed, &places) {
                findings.push(finding);
                continue;
            }
            places.insert(placed.component.entry_point().to_owned(), placed.span.clone());
            match placed.component.model_persister().cloned().or_else(|| root.clone()) {
                Some(persister) => routes.predict(app, &envelope, placed, persister),
                None if root_is_wrong => {}
                None => findings.push(without_persister(&placed)),
            }
        }
        added::add(app, &mut routes, root_is_wrong, &mut findings);
        callers::check(app, &routes.all, &mut findings);
        (routes, findings)
    }

    /// Adds the route of a predict service.
    fn predict(
        &mut self,
        app: &App,
        envelope: &Arc<Envelope>,
        placed: Placed<dyn PredictService>,
        persister: Arc<dyn Persister>,
    ) {
        let key = key_of(app, &persister).unwrap_or_else(|| placed.key.clone());
        let decorators = app.decorators().list(placed.component.decorator_list_name());
        let (service, envelope) = (placed.component, Arc::clone(envelope));
        let rule = service.entry_point().to_owned();
        let (observers, detail) = (Arc::clone(&self.observers), Arc::clone(&self.detail));
        let (pace, index) = (Pace::default(), self.all.len());
        let lacks_model = AtomicBool::new(false);
        let route =
            PredictRoute { service, persister, envelope, decorators, observers, detail, pace, lacks_model, index };
        let route = Arc::new(route);
        self.needed.push(Needed {
            key,
            persister: Arc::clone(&route.persister),
            asker: Asker::new(placed.key.clone(), placed.span.clone(), Arc::clone(&route)),
        });
        let endpoint = Endpoint::Predict(route);
        let methods = Methods::of(["GET", "POST"]);
        self.insert(Route { rule, methods, endpoint, index, key: Some(placed.key), span: Some(placed.span) });
    }

    fn insert(&mut self, route: Route) {
        let route = Arc::new(Route { index: self.all.len(), ..route });
        match Rule::parse(&route.rule) {
            // An entry point is a path as it is.
            Some(rule) if matches!(route.endpoint, Endpoint::View(_)) => {
                self.with_parts.push((rule, Arc::clone(&route)));
            }
            _ => drop(self.by_path.insert(route.rule.clone(), Arc::clone(&route))),
        }
        self.all.push(route);
    }

    /// Returns what answers at a path, which may be written with `%`.
    pub fn find(&self, path: &str) -> Option<&Arc<Route>> {
        self.by_path.get(path).or_else(|| {
            let decoded = path.contains('%').then(|| percent_decode(path).ok()).flatten()?;
            self.by_path.get(&decoded)
        })
    }

    /// Returns what answers at a path by a rule with parts, and these.
    pub fn find_with_parts(&self, path: &str) -> Option<(&Arc<Route>, Pairs)> {
        self.with_parts.iter().find_map(|(rule, route)| rule.parts(path).map(|parts| (route, parts)))
    }

    /// Returns every route in the order of the table.
    pub fn all(&self) -> &[Arc<Route>] {
        &self.all
    }

    /// Returns every route as views see it.
    pub fn served(&self) -> Vec<ServedRoute> {
        let served = |route: &Arc<Route>| ServedRoute {
            path: route.rule.clone(),
            methods: route.methods.names().map(str::to_owned).collect(),
            answer: match &route.endpoint {
                Endpoint::Predict(_) => RouteAnswer::Predictions,
                Endpoint::View(view) => match &view.answers {
                    Answers::Server(view) => RouteAnswer::Server(view.name()),
                    Answers::Function(function) => RouteAnswer::Function(function.name().to_owned()),
                    Answers::Own(_) => RouteAnswer::Component,
                },
            },
            decorators: route.decorators().clone(),
            key: route.key.clone(),
        };
        self.all.iter().map(served).collect()
    }

    /// Returns the predict services as views see them.
    pub fn served_predictions(&self) -> Vec<ServedPredictions> {
        let served = |route: &Arc<Route>| match (&route.endpoint, &route.key) {
            (Endpoint::Predict(predict), Some(key)) => Some(ServedPredictions {
                key: key.clone(),
                service: Arc::clone(&predict.service),
                persister: Arc::clone(&predict.persister),
                route: route.index,
                detail: predict.detail(),
            }),
            _ => None,
        };
        self.all.iter().filter_map(served).collect()
    }

    /// Refuses to open views that change something to other machines, and warns where this one alone reaches them. Other
    /// machines are told no more about errors than they have to know. `reached` are the addresses that they reach.
    ///
    /// # Errors
    /// The views that would be open, and where the configuration has them.
    pub fn guard(&self, reached: Option<&str>) -> Result<(), Diagnostics> {
        self.detail.get_or_init(|| if reached.is_none() { ErrorDetail::Full } else { ErrorDetail::Codes });
        let open = self.open();
        match reached {
            _ if open.is_empty() => {}
            Some(address) if !self.settings.allow_unauthenticated_admin => {
                return Err(Diagnostics(vec![unguarded::opened(&open, address)]));
            }
            Some(_) | None => {
                let routes = unguarded::shown(&open);
                tracing::warn!(target: "palladium::server", "anybody who reaches the service may use {routes}: no decorator asks who it is");
            }
        }
        Ok(())
    }

    /// Returns those that change something without asking who it is.
    fn open(&self) -> Vec<&Route> {
        self.all.iter().map(Arc::as_ref).filter(|route| route.is_open()).collect()
    }

    /// Returns the rules, in one text.
    pub fn shown(&self) -> String {
        self.all.iter().map(|route| route.rule.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns why a service cannot have the entry point it wants.
    fn conflict(&self, placed: &Placed<dyn PredictService>, places: &HashMap<String, Span>) -> Option<Diagnostic> {
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
        self.by_path.contains_key(path).then(|| {
            let finding = finding(format!("the entry point `{path}` is a route of the server itself"));
            finding.at(&placed.span, "").help("give the predict service another `entry_point`")
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

fn without_persister(placed: &Placed<dyn PredictService>) -> Diagnostic {
    let key = root_keys::PERSISTER;
    Diagnostic::new(Code::MissingKey, format!("this predict service has no model: there is no `{key}`"))
        .at(&placed.span, "")
        .in_key(&placed.key)
        .help(format!("add `{key}` to the root of the configuration, or to the service"))
}
