//! The components of a binary by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use palladium_interfaces::{Component, Kind, ModelFormats};
use palladium_value::{Code, Data, Diagnostic, Diagnostics, KeyPath, Map, Span, Value, nearest};

use crate::args::failed;
use crate::callback::ComponentFunction;
use crate::slice::{ENTRIES, Entry};
use crate::{Args, Descriptor, ParamType};

/// The components of a binary by name and alias, and the models it can decode.
#[derive(Debug)]
pub struct Registry {
    components: Vec<&'static Descriptor>,
    names: BTreeMap<&'static str, &'static Descriptor>,
    formats: Arc<ModelFormats>,
}

/// Crates that were linked together contradict each other.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct RegistryError {
    /// All contradictions.
    pub conflicts: Vec<Conflict>,
}

/// Two entries have one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name `{name}` is registered twice: {first} and {second}")]
pub struct Conflict {
    /// The name.
    pub name: String,
    /// Crate, file and line of the one.
    pub first: String,
    /// Crate, file and line of the other.
    pub second: String,
}

/// A name fits no component, or several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// It fits none.
    #[error("no component is named `{name}`")]
    Unknown {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<&'static str>,
    },
    /// It fits several.
    #[error("`{name}` is the last part of several names: {}", candidates.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The full names it fits.
        candidates: Vec<&'static str>,
    },
}

impl Registry {
    /// Gathers what is linked into this binary.
    ///
    /// # Errors
    /// Two entries with one name.
    pub fn linked() -> Result<Registry, RegistryError> {
        Registry::of(&ENTRIES)
    }

    fn of(entries: &'static [Entry]) -> Result<Registry, RegistryError> {
        let mut components = Vec::new();
        let mut models = Vec::new();
        for entry in entries {
            match entry {
                Entry::Component(descriptor) => components.push(*descriptor),
                Entry::Model(descriptor) => models.push(*descriptor),
            }
        }
        components.sort_by_key(|descriptor| (descriptor.name, descriptor.origin.krate, descriptor.origin.line));
        models.sort_by_key(|descriptor| (descriptor.id.name, descriptor.krate));

        let mut conflicts = Vec::new();
        let mut names = BTreeMap::new();
        let place = |descriptor: &Descriptor| {
            let origin = descriptor.origin;
            format!("{} {} ({}:{})", origin.krate, origin.version, origin.file, origin.line)
        };
        for descriptor in &components {
            for name in descriptor.names() {
                if let Some(first) = names.insert(name, *descriptor) {
                    let (first, second) = (place(first), place(descriptor));
                    conflicts.push(Conflict { name: name.to_owned(), first, second });
                }
            }
        }
        for pair in models.windows(2).filter(|pair| pair[0].id.name == pair[1].id.name) {
            let (first, second) = (pair[0].krate.to_owned(), pair[1].krate.to_owned());
            conflicts.push(Conflict { name: pair[0].id.name.to_owned(), first, second });
        }
        if !conflicts.is_empty() {
            return Err(RegistryError { conflicts });
        }
        Ok(Registry { components, names, formats: Arc::new(ModelFormats::new(models)) })
    }

    /// Returns all components, sorted by name.
    pub fn components(&self) -> &[&'static Descriptor] {
        &self.components
    }

    /// Returns the models that this binary can decode.
    pub fn formats(&self) -> &Arc<ModelFormats> {
        &self.formats
    }

    /// Finds a component by its name, an alias, or the last segment of one if no other component has that.
    ///
    /// # Errors
    /// The name fits no component, or several.
    pub fn find(&self, name: &str) -> Result<&'static Descriptor, NotFound> {
        if let Some(descriptor) = self.names.get(name) {
            return Ok(descriptor);
        }
        if name.contains('.') {
            return Err(self.unknown(name));
        }
        let last = |full: &str| full.rsplit('.').next() == Some(name);
        let fitting: Vec<_> =
            self.components.iter().filter(|descriptor| descriptor.names().any(last)).copied().collect();
        match fitting.as_slice() {
            [] => Err(self.unknown(name)),
            [descriptor] => Ok(descriptor),
            several => {
                let candidates = several.iter().map(|descriptor| descriptor.name).collect();
                Err(NotFound::Ambiguous { name: name.to_owned(), candidates })
            }
        }
    }

    fn unknown(&self, name: &str) -> NotFound {
        let near = nearest(name, self.names.keys().copied());
        NotFound::Unknown { name: name.to_owned(), near }
    }

    /// Constructs the component of a map whose entry `!` names it and whose other entries, with all components in
    /// them constructed, are its arguments. What is wrong is added to `findings`, and a place holder returned.
    pub fn construct(&self, mut map: Map, key: &KeyPath, span: &Span, findings: &mut Diagnostics) -> Value {
        let Some(factory) = map.shift_remove("!") else {
            return Value::new(Data::Map(map), span.clone());
        };
        let descriptor = match self.find(factory.value.as_text().unwrap_or_default()) {
            Ok(descriptor) => descriptor,
            Err(not_found) => {
                findings.push(not_found.diagnose(&factory.value).in_key(key));
                return failed(span);
            }
        };
        self.name_functions(descriptor, &mut map, key, findings);
        let made = make(descriptor, key, &factory.value.span, map, findings);
        made.map_or_else(|| failed(span), |data| Value::new(data, span.clone()))
    }

    /// Puts functions in the place of the names of components where a parameter takes a function.
    fn name_functions(&self, descriptor: &Descriptor, map: &mut Map, key: &KeyPath, findings: &mut Diagnostics) {
        for param in descriptor.params.iter().filter(|param| !param.rest) {
            for name in param.names() {
                if let Some(entry) = map.get_mut(name) {
                    self.name_function(param.kind, &mut entry.value, key, findings);
                }
            }
        }
    }

    fn name_function(&self, kind: ParamType, value: &mut Value, key: &KeyPath, findings: &mut Diagnostics) {
        match (kind, &mut value.data) {
            (ParamType::Function, Data::Text(name)) => match self.find(name) {
                Ok(descriptor) => {
                    let function = ComponentFunction::new(descriptor, key.clone(), value.span.clone());
                    value.data = Data::Function(Arc::new(function));
                }
                Err(not_found) => {
                    findings.push(not_found.diagnose(value).in_key(key));
                    value.data = failed(&value.span).data;
                }
            },
            (ParamType::Optional(inner), _) => self.name_function(*inner, value, key, findings),
            (ParamType::OneOf(types), Data::Text(_))
                if types.contains(&ParamType::Function) && !types.contains(&ParamType::Text) =>
            {
                self.name_function(ParamType::Function, value, key, findings);
            }
            (ParamType::List(inner), Data::List(items)) => {
                items.iter_mut().for_each(|item| self.name_function(*inner, item, key, findings));
            }
            (ParamType::Map(inner), Data::Map(map)) => {
                map.values_mut().for_each(|entry| self.name_function(*inner, &mut entry.value, key, findings));
            }
            _ => {}
        }
    }

    /// Returns the components of a kind, sorted by name.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &'static Descriptor> {
        self.components.iter().copied().filter(move |descriptor| descriptor.kind == kind)
    }
}

/// Constructs a component, or calls it if it is a function; what is wrong is added to `findings`.
pub(crate) fn make(
    descriptor: &'static Descriptor,
    key: &KeyPath,
    factory: &Span,
    arguments: Map,
    findings: &mut Diagnostics,
) -> Option<Data> {
    let mut args = Args::new(descriptor, key, factory.clone(), arguments);
    let made = match (descriptor.make)(&mut args) {
        Some(Component::Function(function)) => match function.call() {
            Ok(data) => Some(data),
            Err(failure) => {
                args.function_failed(&failure);
                None
            }
        },
        Some(component) => Some(Data::Component(Arc::new(component))),
        None => None,
    };
    findings.extend(args.into_findings());
    made
}

impl NotFound {
    /// Returns the diagnostic about a factory's name.
    pub fn diagnose(&self, factory: &Value) -> Diagnostic {
        match self {
            NotFound::Unknown { near, .. } => {
                let label = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
                Diagnostic::new(Code::UnknownComponent, self.to_string())
                    .at_value(factory, label)
                    .help("`palladium components` lists what this binary holds")
            }
            NotFound::Ambiguous { name, candidates } => {
                let message = format!("`{name}` is the last part of several names");
                let listed: Vec<String> = candidates.iter().map(|candidate| format!("`{candidate}`")).collect();
                Diagnostic::new(Code::FactoryAmbiguous, message)
                    .at_value(factory, "")
                    .help(format!("write the full name: {}", listed.join(" or ")))
            }
        }
    }
}
