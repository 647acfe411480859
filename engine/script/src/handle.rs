//! What an opaque value of a script holds: a component, a model, a data set, a table or a column.

use std::any::Any;
use std::sync::Arc;

use palladium_component::data::{Column, Dataset, Table};
use palladium_component::interfaces::{Component, Interface, TrainedModel};
use palladium_component::value::KeyPath;
use palladium_config::script::Opaque;
use palladium_runtime::App;
use rhai::Dynamic;

use crate::fault::Fault;
use crate::project::Project;

/// A component that stands in the configuration.
pub(crate) struct Placed {
    pub(crate) component: Component,
    pub(crate) path: KeyPath,
    pub(crate) project: Arc<Project>,
}

/// A component that a script made; it is closed when the script lets go of it.
pub(crate) struct Made {
    pub(crate) component: Component,
    pub(crate) name: &'static str,
    /// Keeps it open.
    pub(crate) _app: App,
    /// Keeps the components among its arguments open.
    pub(crate) _parts: rhai::Map,
}

/// What an opaque value holds.
pub(crate) enum Handle {
    Component(Component),
    Model(Arc<TrainedModel>),
    Dataset(Arc<Dataset>),
    Table(Arc<Table>),
    Column(Arc<Column>),
    Other,
}

impl Handle {
    pub(crate) fn of(opaque: &Opaque) -> Handle {
        let any = &opaque.0;
        if let Some(component) = component_in(any.as_ref()) {
            return Handle::Component(component.clone());
        }
        let model = Arc::clone(any).downcast().map(Handle::Model);
        let data = model.or_else(|any| any.downcast().map(Handle::Dataset));
        let table = data.or_else(|any| any.downcast().map(Handle::Table));
        table.or_else(|any| any.downcast().map(Handle::Column)).unwrap_or(Handle::Other)
    }

    /// Returns what it is in words, with its article.
    pub(crate) fn describe(&self) -> String {
        match self {
            Handle::Component(component) => component.kind().with_article(),
            Handle::Model(_) => "a fitted model".to_owned(),
            Handle::Dataset(_) => "a data set".to_owned(),
            Handle::Table(_) => "a table".to_owned(),
            Handle::Column(_) => "a column".to_owned(),
            Handle::Other => "a value of the host".to_owned(),
        }
    }

    /// Returns the error of a method that what is held does not have.
    pub(crate) fn lacks(&self, what: &str) -> Fault {
        let names = crate::methods::of(self).map(|method| format!("`{}`", method.signature)).collect::<Vec<_>>();
        let fault = Fault::new(format!("{} has no {what}", self.describe()));
        if names.is_empty() { fault } else { fault.help(format!("it has {}", names.join(", "))) }
    }
}

fn component_in(any: &(dyn Any + Send + Sync)) -> Option<&Component> {
    any.downcast_ref::<Component>()
        .or_else(|| any.downcast_ref::<Placed>().map(|placed| &placed.component))
        .or_else(|| any.downcast_ref::<Made>().map(|made| &made.component))
}

/// Returns the component of a kind that an opaque value holds.
pub(crate) fn component<I: Interface + ?Sized>(opaque: &Opaque, method: &str) -> Result<Arc<I>, Fault> {
    match Handle::of(opaque) {
        Handle::Component(component) => {
            I::of(&component).ok_or_else(|| Handle::Component(component).lacks(&format!("method `{method}`")))
        }
        other => Err(other.lacks(&format!("method `{method}`"))),
    }
}

/// Returns something as a value of scripts.
pub(crate) fn opaque<T: Send + Sync + 'static>(value: T) -> Dynamic {
    Dynamic::from(Opaque(Arc::new(value)))
}

/// Returns what an argument holds.
pub(crate) fn held(argument: &Dynamic) -> Option<Handle> {
    argument.read_lock::<Opaque>().map(|opaque| Handle::of(&opaque))
}

/// Returns a fitted model that was given as an argument.
pub(crate) fn model_argument(argument: &Dynamic) -> Result<Arc<TrainedModel>, Fault> {
    match held(argument) {
        Some(Handle::Model(model)) => Ok(model),
        _ => Err(Fault::new(format!("a fitted model is expected here, this is {}", describe(argument)))
            .help("`model.fit(data)` and `model_persister.read()` return one")),
    }
}

/// Returns a data set that was given as an argument.
pub(crate) fn dataset_argument(argument: &Dynamic) -> Result<Arc<Dataset>, Fault> {
    match held(argument) {
        Some(Handle::Dataset(data)) => Ok(data),
        _ => Err(Fault::new(format!("a data set is expected here, this is {}", describe(argument)))
            .help("a loader's `.load()` and `dataset(table, \"target\")` return one")),
    }
}

/// Returns what a value is in words, with its article.
pub(crate) fn describe(value: &Dynamic) -> String {
    if let Some(handle) = held(value) {
        return handle.describe();
    }
    match value.type_name() {
        "()" => "nothing".to_owned(),
        "array" => "a list".to_owned(),
        "map" => "a map".to_owned(),
        "string" | "char" => "text".to_owned(),
        "i64" => "a whole number".to_owned(),
        "f64" => "a number".to_owned(),
        "bool" => "a flag".to_owned(),
        "Fn" => "a function".to_owned(),
        "error" => "an error".to_owned(),
        other => format!("a value of type `{}`", other.rsplit("::").next().unwrap_or(other)),
    }
}
