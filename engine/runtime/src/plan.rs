//! Checks a whole configuration and constructs its components.

use palladium_component::interfaces::{Component, Kind, Mode};
use palladium_component::value::{Code, Data, Diagnostic, Diagnostics, Entry, KeyPath, Map, Span, Value};
use palladium_component::{Failed, Registry, describe};

use crate::root_keys::{self, Holds};

/// A checked configuration whose components are constructed and not yet initialized: nothing was opened, connected
/// or started for it.
#[derive(Debug)]
pub struct Plan {
    pub(crate) root: Value,
    pub(crate) components: Vec<Planned>,
    pub(crate) mode: Mode,
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

/// Checks every factory name, kind and argument and constructs the components, children before their parents.
///
/// # Errors
/// All findings at once, in file order.
pub fn plan(root: &Value, registry: &Registry) -> Result<Plan, Diagnostics> {
    let mut planner = Planner::new(registry);
    let mut built = planner.value(root, &KeyPath::root());
    for key in root_keys::ALL {
        planner.root_key(key, &mut built);
    }
    planner.finish(built)
}

/// Does what [`plan`] does for a tree whose root keys have no meaning, `__mode__` aside.
///
/// # Errors
/// All findings at once, in file order.
pub fn plan_tree(root: &Value, registry: &Registry) -> Result<Plan, Diagnostics> {
    let mut planner = Planner::new(registry);
    let built = planner.value(root, &KeyPath::root());
    planner.finish(built)
}

struct Planner<'a> {
    registry: &'a Registry,
    components: Vec<Planned>,
    findings: Diagnostics,
}

impl<'a> Planner<'a> {
    fn new(registry: &'a Registry) -> Planner<'a> {
        Planner { registry, components: Vec::new(), findings: Diagnostics::default() }
    }

    fn finish(mut self, root: Value) -> Result<Plan, Diagnostics> {
        let mode = self.mode(&root);
        if self.findings.is_empty() {
            return Ok(Plan { root, components: self.components, mode });
        }
        let mut findings = without_repetition(self.findings);
        findings.sort();
        Err(findings)
    }

    fn value(&mut self, value: &Value, key: &KeyPath) -> Value {
        let data = match &value.data {
            Data::List(items) => {
                let items = items.iter().enumerate();
                Data::List(items.map(|(index, item)| self.value(item, &key.join(index.to_string()))).collect())
            }
            Data::Map(map) => {
                let entries = map.iter().map(|(name, entry)| {
                    let value = self.value(&entry.value, &key.join(name));
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
        if let Some(component) = component_of(&built) {
            self.components.push(Planned { key: key.clone(), span: span.clone(), name, component: component.clone() });
        }
        built.data
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
            Holds::Mode => {}
            Holds::Map if entry.value.as_map().is_some() => {}
            Holds::Map => self.findings.push(wrong_root_key(key.name, "a map", &entry.value)),
            Holds::Component(kind) if component_of(&entry.value).is_some_and(|found| found.kind() == kind) => {}
            Holds::Component(kind) => {
                self.findings.push(wrong_root_key(key.name, &kind.with_article(), &entry.value));
            }
            Holds::Scoring => {
                let path = KeyPath::root().join(key.name);
                match &mut entry.value.data {
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

    /// Puts a scorer in the place of its name.
    fn scorer(&mut self, value: &mut Value, key: &KeyPath) {
        if component_of(value).is_some_and(|component| component.kind() == Kind::Scorer) {
            return;
        }
        if value.as_text().is_none() {
            self.findings.push(wrong_root_key(&key.to_string(), "the name of a scorer or a scorer", value));
            return;
        }
        let factory = Entry { key_span: value.span.clone(), value: value.clone() };
        let span = value.span.clone();
        value.data = self.component(Map::from_iter([("!".to_owned(), factory)]), key, &span);
        if component_of(value).is_some_and(|component| component.kind() != Kind::Scorer) {
            self.findings.push(wrong_root_key(&key.to_string(), "the name of a scorer", value));
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

fn wrong_root_key(key: &str, expected: &str, value: &Value) -> Diagnostic {
    Diagnostic::new(Code::BadArguments, format!("the root key `{key}` has to hold {expected}"))
        .at_value(value, format!("this is {}", describe(value)))
        .in_key(&KeyPath::parse(key))
}

/// Keeps one of the findings that copies of one mistake make, and says where else it stands.
fn without_repetition(findings: Diagnostics) -> Diagnostics {
    let mut kept: Vec<Diagnostic> = Vec::new();
    for finding in findings {
        let place = |finding: &Diagnostic| finding.labels.first().map(|label| label.span.to_string());
        let same = |other: &&mut Diagnostic| other.message == finding.message && place(other) == place(&finding);
        match kept.iter_mut().find(same) {
            Some(first) => first.notes.extend(finding.key_path.map(|key| format!("also in `{key}`"))),
            None => kept.push(finding),
        }
    }
    Diagnostics(kept)
}
