//! Rhai over a loaded configuration: what `palladium shell` and `palladium run` can do, without a terminal.
//!
//! [`register`] gives an engine the methods of components, models, tables and data sets; the functions inside
//! configuration files get the same ones. A [`Session`] adds a configuration: its root keys as variables, its jobs,
//! and what earlier inputs defined. Nothing is printed here: values become text, errors become diagnostics.

mod complete;
mod components;
mod decorator;
mod failure;
mod fault;
mod handle;
mod input;
mod jobs;
mod limits;
mod methods;
mod models;
mod modules;
mod project;
mod session;
mod show;
mod source;
mod tables;
mod values;

use palladium_component::interfaces::FitContext;
use palladium_config::script::Opaque;
use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString};

pub use complete::Completion;
pub use input::is_incomplete;
pub use methods::{METHODS, Method, Of};
pub use project::Project;
pub use session::{Ended, Say, Session, Settings, Wanted};
pub use source::read;

/// Registers the methods of components, models, tables and data sets.
pub fn register(engine: &mut Engine) {
    register_with(engine, &FitContext::default());
}

/// Does what [`register`] does; fits stop where `context` says so.
pub(crate) fn register_with(engine: &mut Engine, context: &FitContext) {
    engine.register_type_with_name::<Opaque>("component");
    fault::register(engine);
    show::register(engine);
    tables::register(engine);
    models::register(engine);
    components::register(engine, context);
    decorator::register(engine);
    register_properties(engine);
}

/// Registers `value.name` and `value["name"]`.
fn register_properties(engine: &mut Engine) {
    for method in METHODS.iter().filter(|method| method.of != Of::Session && !method.is_called()) {
        let name = method.name();
        engine.register_get(name, move |of: &mut Opaque| -> Result<Dynamic, Box<EvalAltResult>> {
            fault::guarded(|| match (decorator::property(of, name), property(of, name)) {
                (Some(property), _) => property,
                (None, Some(value)) => Ok(value),
                (None, None) => project::argument(of, name),
            })
        });
    }
    engine.register_indexer_get(|of: &mut Opaque, name: ImmutableString| -> Result<Dynamic, Box<EvalAltResult>> {
        fault::guarded(|| match decorator::property(of, &name).or_else(|| tables::indexed(of, &name)) {
            Some(found) => found,
            None => property(of, &name).map_or_else(|| project::argument(of, &name), Ok),
        })
    });
}

fn property(of: &Opaque, name: &str) -> Option<Dynamic> {
    match handle::Handle::of(of) {
        handle::Handle::Model(model) => models::property(&model, name),
        other => tables::property(&other, name),
    }
}
