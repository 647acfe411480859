//! Initializes a planned configuration.

use std::sync::Arc;

use palladium_component::Registry;
use palladium_component::interfaces::{InitContext, Mode, Persister};
use palladium_component::value::{Code, Diagnostic, KeyPath, Value, with_causes};

use crate::{App, Plan, blueprint};

/// Initializes the components of a plan in construction order.
///
/// # Errors
/// The first component that could not be initialized; those before it are closed.
pub fn build(plan: Plan, registry: &Registry) -> Result<App, Diagnostic> {
    let Plan { root, components, mode, decorators, blueprint } = plan;
    let app = App::new(root, components, mode).decorated_by(decorators);
    for (index, planned) in app.planned().iter().enumerate() {
        let (formats, decorators): (&Arc<_>, _) = (registry.formats(), app.decorators());
        let (key, root, blueprint) = (&planned.key, app.root(), &blueprint);
        let context = InitContext { key, mode, root, blueprint, formats, decorators };
        if let Err(failure) = planned.component.lifecycle().initialize(&context) {
            app.close_first(index);
            let message = format!("`{}` could not be initialized: {}", planned.name, with_causes(&failure));
            let diagnostic = Diagnostic::new(Code::InitFailed, message)
                .at(&planned.span, "")
                .in_key(&planned.key)
                .of_component(planned.name);
            return Err(failure.help().into_iter().fold(diagnostic, Diagnostic::help));
        }
    }
    Ok(app)
}

/// Initializes the model persisters of an application that is not started, and what they are made of, as for commands
/// that read models. `written` is the configuration without its components. A persister that cannot be initialized stays
/// as it is, and fails to read.
pub fn initialize_persisters(app: &App, written: &Value, registry: &Registry) {
    let blueprint = blueprint(written, registry);
    let persisters: Vec<KeyPath> = app.all::<dyn Persister>().into_iter().map(|placed| placed.key).collect();
    let is_of_one = |key: &KeyPath| persisters.iter().any(|persister| key.is_within(persister));
    for planned in app.planned().iter().filter(|planned| is_of_one(&planned.key)) {
        let (key, root, blueprint, mode) = (&planned.key, app.root(), &blueprint, Mode::Fit);
        let (formats, decorators): (&Arc<_>, _) = (registry.formats(), app.decorators());
        let context = InitContext { key, mode, root, blueprint, formats, decorators };
        if let Err(failure) = planned.component.lifecycle().initialize(&context) {
            tracing::debug!("`{}` is not initialized: {}", planned.key, with_causes(&failure));
        }
    }
}
