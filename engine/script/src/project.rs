//! A loaded configuration as scripts see it: its root keys by name, its components where they stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use palladium_component::Registry;
use palladium_component::interfaces::Component;
use palladium_component::value::{Data, KeyPath, Value};
use palladium_config::Config;
use palladium_config::script::{Opaque, to_dynamic};
use palladium_runtime::{App, component_of};
use rhai::Dynamic;

use crate::fault::{Answer, Fault};
use crate::handle::{Handle, Placed, opaque};

/// A loaded configuration: what was written, and what was built from it.
pub struct Project {
    config: Config,
    app: Arc<App>,
    registry: Arc<Registry>,
    /// The components by their own keys.
    components: BTreeMap<KeyPath, Component>,
}

impl Project {
    /// Returns a project of a configuration and what was built from it.
    pub fn new(config: Config, app: Arc<App>, registry: Arc<Registry>) -> Project {
        let components = app.components().map(|(key, _, component)| (key.clone(), component.clone())).collect();
        Project { config, app, registry, components }
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns what was built from it.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Returns the components of this binary.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Returns the name of the component under a key.
    pub fn component_name(&self, path: &KeyPath) -> Option<&'static str> {
        self.app.components().find(|(key, ..)| *key == path).map(|(_, name, _)| name).filter(|name| !name.is_empty())
    }

    /// Returns the root keys, those of palladium's own use aside.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let keys = self.app.root().as_map().into_iter().flat_map(|map| map.keys().map(String::as_str));
        keys.filter(|key| !key.starts_with("__"))
    }
}

/// Returns the value under a root key.
pub(crate) fn root_value(project: &Arc<Project>, key: &str) -> Option<Dynamic> {
    let value = project.app.root().get(key)?;
    Some(built(project, value, &KeyPath::root().join(key)))
}

/// Returns the whole configuration as a map.
pub(crate) fn whole(project: &Arc<Project>) -> Dynamic {
    let keys = project.keys().filter_map(|key| Some((key.into(), root_value(project, key)?)));
    Dynamic::from_map(keys.collect())
}

/// Returns a value of the built tree.
fn built(project: &Arc<Project>, value: &Value, path: &KeyPath) -> Dynamic {
    match &value.data {
        Data::Map(map) => {
            let entries =
                map.iter().map(|(key, entry)| (key.as_str().into(), built(project, &entry.value, &path.join(key))));
            Dynamic::from_map(entries.collect())
        }
        Data::List(items) => {
            let items = items.iter().enumerate();
            Dynamic::from_array(
                items.map(|(index, item)| built(project, item, &path.join(index.to_string()))).collect(),
            )
        }
        _ => match component_of(value) {
            Some(component) => placed(project, component, path),
            None => to_dynamic(value),
        },
    }
}

fn placed(project: &Arc<Project>, component: &Component, path: &KeyPath) -> Dynamic {
    opaque(Placed { component: component.clone(), path: path.clone(), project: Arc::clone(project) })
}

/// Returns a value that was written as an argument of a component, with the components in it.
fn written(project: &Arc<Project>, value: &Value, path: &KeyPath) -> Dynamic {
    if let Some(component) = project.components.get(path) {
        return placed(project, component, path);
    }
    match &value.data {
        Data::Map(map) => {
            let entries =
                map.iter().map(|(key, entry)| (key.as_str().into(), written(project, &entry.value, &path.join(key))));
            Dynamic::from_map(entries.collect())
        }
        Data::List(items) => {
            let items = items.iter().enumerate();
            Dynamic::from_array(
                items.map(|(index, item)| written(project, item, &path.join(index.to_string()))).collect(),
            )
        }
        _ => to_dynamic(value),
    }
}

/// Returns an argument of a component that stands in the configuration; `model["C"]` and `model.C`.
pub(crate) fn argument(of: &Opaque, name: &str) -> Answer {
    let Some(component) = of.0.downcast_ref::<Placed>() else {
        return Err(Handle::of(of).lacks(&format!("`{name}`")));
    };
    let map = component.project.config.root().at(&component.path).and_then(Value::as_map);
    let entry = map.and_then(|map| map.get(name).filter(|_| name != "!"));
    entry.map(|entry| written(&component.project, &entry.value, &component.path.join(name))).ok_or_else(|| {
        let fault = Fault::new(format!("`{}` has no argument `{name}`", component.path));
        let given: Vec<&str> =
            map.into_iter().flat_map(|map| map.keys().map(String::as_str)).filter(|key| *key != "!").collect();
        match palladium_component::value::nearest(name, given.iter().copied()) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => Handle::of(of).lacks(&format!("method or argument `{name}`")),
        }
    })
}

/// Returns the arguments that are written for a component.
pub(crate) fn argument_names(of: &Opaque) -> Vec<String> {
    let component = of.0.downcast_ref::<Placed>();
    let map = component.and_then(|placed| placed.project.config.root().at(&placed.path)?.as_map());
    map.into_iter().flat_map(|map| map.keys()).filter(|key| *key != "!").cloned().collect()
}
