//! Initializes a planned configuration.

use std::sync::Arc;

use palladium_component::Registry;
use palladium_component::interfaces::InitContext;
use palladium_component::value::{Code, Diagnostic, with_causes};

use crate::{App, Plan};

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
