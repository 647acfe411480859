//! Checks a whole configuration and constructs its components.

use std::sync::Arc;

use palladium_component::interfaces::{Blueprint, Component, Decorator, DecoratorList, Decorators, Kind, Mode};
use palladium_component::value::{Code, Data, Diagnostic, Diagnostics, Entry, KeyPath, Map, Span, Value};
use palladium_component::{Failed, Registry, describe};

use crate::App;
use crate::blueprint::blueprint;
use crate::decorate::{FunctionDecorator, decorated};
use crate::doubt;
use crate::root_keys::{self, Holds};

/// A checked configuration whose components are constructed and not yet initialized: nothing was opened, connected
/// or started for it.
#[derive(Debug)]
pub struct Plan {
    pub(crate) root: Value,
    pub(crate) components: Vec<Planned>,
    pub(crate) mode: Mode,
    pub(crate) decorators: Decorators,
    pub(crate) blueprint: Blueprint,
}

/// A component in construction order.
#[derive(Debug)]
pub(crate) struct Planned {
    pub key: KeyPath,
    pub span: Span,
    pub name: &'static str,
    pub component: Component,
}

impl Plan {
    /// Returns the tree with components in the place of their factories.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Returns the number of components.
    pub fn n_components(&self) -> usize {
        self.components.len()
    }

    /// Returns the keys of the components in the order of their construction: children before their parents.
    pub fn keys(&self) -> impl Iterator<Item = &KeyPath> {
        self.components.iter().map(|planned| &planned.key)
    }
}

/// Checks every factory name, kind and argument and constructs the components, children before their parents. The root
/// keys `copied` are kept for copies of them.
///
/// # Errors
/// All findings at once, in file order.
pub fn plan(root: &Value, copied: &[String], registry: &Registry) -> Result<Plan, Diagnostics> {
    let mut planner = Planner::new(registry);
    let built = planner.root(root, copied);
    planner.finish(root, built)
}

/// Does what [`plan`] does and returns what could be constructed together with the findings: an application whose
/// components are not initialized, for looking at and for further checks. `Failed` stands where a component is wrong.
pub fn inspect(root: &Value, copied: &[String], registry: &Registry) -> (App, Diagnostics) {
    let mut planner = Planner::new(registry);
    planner.findings = doubt::keys(root, registry);
    let root = planner.root(root, copied);
    let mode = planner.mode(&root);
    (App::not_started(root, planner.components, mode).decorated_by(planner.decorators), tidy(planner.findings))
}

/// Does what [`plan`] does for a tree whose root keys have no meaning, `__mode__` aside.
///
/// # Errors
/// All findings at once, in file order.
pub fn plan_tree(root: &Value, registry: &Registry) -> Result<Plan, Diagnostics> {
    let mut planner = Planner::new(registry);
    let built = planner.value(root, &KeyPath::root());
    planner.finish(root, built)
}

struct Planner<'a> {
    registry: &'a Registry,
    components: Vec<Planned>,
    decorators: Decorators,
    findings: Diagnostics,
}

impl<'a> Planner<'a> {
    fn new(registry: &'a Registry) -> Planner<'a> {
        let (components, decorators, findings) = (Vec::new(), Decorators::default(), Diagnostics::default());
        Planner { registry, components, decorators, findings }
    }

    /// Constructs the components of a tree, then those that root keys name in their own way.
    fn root(&mut self, root: &Value, copied: &[String]) -> Value {
        let mut first = self.decorator_lists(root);
        let mut built = self.value_after(root, &KeyPath::root(), &mut first);
        for key in root_keys::ALL {
            self.root_key(key, &mut built);
        }
        let named = self.named_decorator_lists(&mut built);
        self.findings.extend(doubt::lists(root, self.registry, &named, copied));
        built
    }

    fn finish(mut self, written: &Value, root: Value) -> Result<Plan, Diagnostics> {
        let mode = self.mode(&root);
        if !self.findings.is_empty() {
            return Err(tidy(self.findings));
        }
        let blueprint = blueprint(written, self.registry);
        Ok(Plan { root, components: self.components, mode, decorators: self.decorators, blueprint })
    }

    fn value(&mut self, value: &Value, key: &KeyPath) -> Value {
        self.value_after(value, key, &mut Map::new())
    }

    /// Constructs the components of a value, entries of which have been constructed before.
    fn value_after(&mut self, value: &Value, key: &KeyPath, done: &mut Map) -> Value {
        let data = match &value.data {
            Data::List(items) => {
                let items = items.iter().enumerate();
                Data::List(items.map(|(index, item)| self.value(item, &key.join(index.to_string()))).collect())
            }
            Data::Map(map) => {
                let entries = map.iter().map(|(name, entry)| {
                    let done = done.swap_remove(name);
                    let value = done.map_or_else(|| self.value(&entry.value, &key.join(name)), |done| done.value);
                    (name.clone(), Entry { key_span: entry.key_span.clone(), value })
                });
                let map: Map = entries.collect();
                match map.get("!") {
                    Some(_) => self.component(map, key, &value.span),
                    None => Data::Map(map),
                }
            }
            other => other.clone(),
        };
        Value { data, span: value.span.clone(), copied: value.copied.clone() }
    }

    fn component(&mut self, map: Map, key: &KeyPath, span: &Span) -> Data {
        let name = map.get("!").and_then(|entry| entry.value.as_text()).unwrap_or_default();
        let name = self.registry.find(name).map_or("", |descriptor| descriptor.name);
        let built = self.registry.construct(map, key, span, &mut self.findings);
        let Some(component) = component_of(&built) else { return built.data };
        // What belongs to a decorator is not decorated: it would be called inside the call that it decorates.
        let component = match key.segments().next().is_some_and(root_keys::is_decorators) {
            true => component.clone(),
            false => decorated(component.clone(), key, &self.decorators),
        };
        let data = Data::Component(Arc::new(component.clone()));
        self.components.push(Planned { key: key.clone(), span: span.clone(), name, component });
        data
    }

    fn mode(&mut self, root: &Value) -> Mode {
        match root.get(root_keys::MODE) {
            None => Mode::default(),
            Some(value) => match value.as_text() {
                Some("fit") => Mode::Fit,
                Some("serve") => Mode::Serve,
                _ => {
                    self.findings.push(wrong_root_key(root_keys::MODE, "`fit` or `serve`", value));
                    Mode::default()
                }
            },
        }
    }

    fn root_key(&mut self, key: &root_keys::RootKey, root: &mut Value) {
        let Some(entry) = root.as_map_mut().and_then(|map| map.get_mut(key.name)) else { return };
        if Failed::is_in(&entry.value) || (entry.value.is_null() && key.name != root_keys::MODE) {
            return;
        }
        match key.holds {
            Holds::Mode | Holds::Decorators => {}
            Holds::Map if entry.value.as_map().is_some() => {}
            Holds::Map => self.findings.push(wrong_root_key(key.name, "a map", &entry.value)),
            Holds::Component(kind) if component_of(&entry.value).is_some_and(|found| found.kind() == kind) => {}
            Holds::Component(kind) => {
                let finding = wrong_root_key(key.name, &kind.with_article(), &entry.value);
                self.findings.push(finding.help(listed(kind)));
            }
            Holds::Scoring => {
                let path = KeyPath::root().join(key.name);
                match &mut entry.value.data {
                    Data::Map(labels) if labels.is_empty() => {
                        let finding = wrong_root_key(key.name, "a scorer, or a map of at least one", &entry.value);
                        self.findings.push(finding.help("leave it out to have models scored by their own score"));
                    }
                    Data::Map(labels) => {
                        for (label, entry) in labels.iter_mut() {
                            self.scorer(&mut entry.value, &path.join(label));
                        }
                    }
                    _ => self.scorer(&mut entry.value, &path),
                }
            }
        }
    }

    /// Constructs the lists of decorators before everything that they decorate, and returns their entries.
    fn decorator_lists(&mut self, root: &Value) -> Map {
        let mut built = Map::new();
        for (name, entry) in root.as_map().into_iter().flatten().filter(|(name, _)| root_keys::is_decorators(name)) {
            let path = KeyPath::root().join(name);
            let mut value = self.value(&entry.value, &path);
            self.decorator_list(name, &path, &mut value);
            built.insert(name.clone(), Entry { key_span: entry.key_span.clone(), value });
        }
        built
    }

    /// Reads the lists that predict services and views name themselves, and returns their names.
    fn named_decorator_lists(&mut self, root: &mut Value) -> Vec<String> {
        let names: Vec<String> = self
            .components
            .iter()
            .filter_map(|planned| match &planned.component {
                Component::PredictService(service) => Some(service.decorator_list_name().to_owned()),
                Component::View(view) => view.decorator_list_name().map(str::to_owned),
                _ => None,
            })
            .collect();
        for name in names.iter().filter(|name| !root_keys::is_decorators(name)) {
            let Some(entry) = root.as_map_mut().and_then(|map| map.get_mut(name)) else { continue };
            self.decorator_list(name, &KeyPath::root().join(name), &mut entry.value);
        }
        names
    }

    /// Puts decorators in the place of their names and of functions, and keeps the list.
    fn decorator_list(&mut self, name: &str, key: &KeyPath, value: &mut Value) {
        if value.is_null() || (value.as_list().is_none() && Failed::is_in(value)) {
            return;
        }
        let Data::List(items) = &mut value.data else {
            self.findings.push(wrong_root_key(name, "a list of decorators", value));
            return;
        };
        let items = items.iter_mut().enumerate();
        let decorators = items.filter_map(|(index, item)| self.decorator(item, &key.join(index.to_string()))).collect();
        self.decorators.insert(DecoratorList::new(name, decorators));
    }

    fn decorator(&mut self, item: &mut Value, key: &KeyPath) -> Option<Arc<dyn Decorator>> {
        match &item.data {
            Data::Text(_) => {
                let factory = Entry { key_span: item.span.clone(), value: item.clone() };
                let span = item.span.clone();
                item.data = self.component(Map::from_iter([("!".to_owned(), factory)]), key, &span);
            }
            Data::Function(function) => match function.n_parameters() {
                None | Some(1) => {
                    let decorator: Arc<dyn Decorator> = Arc::new(FunctionDecorator::new(Arc::clone(function)));
                    item.data = Data::Component(Arc::new(Component::Decorator(decorator)));
                }
                Some(count) => {
                    let message = "a function that decorates has one parameter, the call";
                    let finding = Diagnostic::new(Code::BadArguments, message).in_key(key);
                    let finding = finding.at_value(item, format!("this one has {count}"));
                    self.findings.push(
                        finding.help("write `|wrapped| wrapped.proceed()`, and take arguments from what is wrapped"),
                    );
                    return None;
                }
            },
            _ => {}
        }
        if Failed::is_in(item) {
            return None;
        }
        match component_of(item) {
            Some(Component::Decorator(decorator)) => {
                let list = key.segments().next().unwrap_or_default();
                if decorator.wraps_only_views() && root_keys::wraps_no_view(list) {
                    self.findings.push(wraps_no_view(list, item, key));
                    return None;
                }
                Some(Arc::clone(decorator))
            }
            _ => {
                let message = format!("`{key}` has to be a decorator, the name of one or a function");
                let finding = Diagnostic::new(Code::BadArguments, message).in_key(key);
                self.findings.push(finding.at_value(item, format!("this is {}", describe(item))));
                None
            }
        }
    }

    /// Puts a scorer in the place of its name.
    fn scorer(&mut self, value: &mut Value, key: &KeyPath) {
        if component_of(value).is_some_and(|component| component.kind() == Kind::Scorer) {
            return;
        }
        if let Data::Function(function) = &value.data {
            if let Some(count) = function.n_parameters().filter(|count| *count != 3) {
                let finding = Diagnostic::new(Code::BadArguments, "a function that scores has three parameters")
                    .at_value(value, format!("this one has {count}"))
                    .in_key(key)
                    .help("write `|model, x, y| …`: the model, the features and the target");
                self.findings.push(finding);
            }
            return;
        }
        if value.as_text().is_none() {
            let finding = wrong_root_key(&key.to_string(), "the name of a scorer, a scorer or a function", value);
            self.findings.push(finding.help(listed(Kind::Scorer)));
            return;
        }
        let factory = Entry { key_span: value.span.clone(), value: value.clone() };
        let span = value.span.clone();
        value.data = self.component(Map::from_iter([("!".to_owned(), factory)]), key, &span);
        if component_of(value).is_some_and(|component| component.kind() != Kind::Scorer) {
            let finding = wrong_root_key(&key.to_string(), "the name of a scorer", value);
            self.findings.push(finding.help(listed(Kind::Scorer)));
        }
    }
}

/// Returns the component that a value holds.
pub fn component_of(value: &Value) -> Option<&Component> {
    match &value.data {
        Data::Component(component) => component.downcast_ref(),
        _ => None,
    }
}

fn listed(kind: Kind) -> String {
    format!("`palladium components` lists what there is under `{kind}`")
}

fn wrong_root_key(key: &str, expected: &str, value: &Value) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, format!("the root key `{key}` has to hold {expected}"))
        .at_value(value, format!("this is {}", describe(value)))
        .in_key(&KeyPath::parse(key))
}

fn wraps_no_view(list: &str, decorator: &Value, key: &KeyPath) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, format!("`{key}` decorates views, and `{list}` wraps none"))
        .at_value(decorator, "")
        .in_key(key)
        .help("move it to `predict_decorators`, `alive_decorators`, `list_decorators` or the list of another view")
}

/// Sorts findings by file and place, and keeps one of those that copies of one mistake make, which says where else
/// it stands.
pub fn tidy(findings: Diagnostics) -> Diagnostics {
    let mut kept: Vec<Diagnostic> = Vec::new();
    for finding in findings {
        let place = |finding: &Diagnostic| finding.labels.first().map(|label| label.span.to_string());
        let same = |other: &&mut Diagnostic| other.message == finding.message && place(other) == place(&finding);
        match kept.iter_mut().find(same) {
            Some(first) if first.key_path == finding.key_path => {}
            Some(first) => first.notes.extend(finding.key_path.map(|key| format!("also in `{key}`"))),
            None => kept.push(finding),
        }
    }
    let mut kept = Diagnostics(kept);
    kept.sort();
    kept
}
