//! Copies models from one store to another.

use std::sync::Arc;

use palladium_component::interfaces::{Failure, Metadata, Persister, TrainedModel, Version};
use tracing::info;

use crate::error::During;
use crate::lifecycle::active;
use crate::origin::origin;
use crate::root_keys::{EXPORT_PERSISTER, PERSISTER};
use crate::{App, JobError, Step};

/// The entry of the metadata that says which version a model was in the store that it came from.
pub const EXPORTED_FROM: &str = "exported_from_version";

/// Which models an export copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The active one.
    Active,
    /// This one.
    Version(Version),
    /// All of them, in the order of their versions.
    All,
}

/// A model that was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Its version in the store that it came from.
    pub from: Version,
    /// Its version in the other.
    pub to: Version,
    /// Whether it is the active one there now.
    pub activated: bool,
}

/// Copies models from `model_persister` to `model_persister_export`, which gives them new versions. With `activate`
/// the model becomes the active one there; of all models it is the one that is active here. `exported` is called for
/// each model that is there.
///
/// # Errors
/// A root key that is missing; a version that does not exist; the stores'. Models copied before that stay.
pub fn export(app: &App, wanted: Wanted, activate: bool, exported: &mut dyn FnMut(Exported)) -> Result<(), JobError> {
    let source = app.get::<dyn Persister>(PERSISTER)?;
    let target = app.get::<dyn Persister>(EXPORT_PERSISTER)?;
    let (versions, to_activate) = match wanted {
        Wanted::Active => (vec![None], None),
        Wanted::Version(version) => (vec![Some(version)], Some(version)),
        Wanted::All => {
            let models = source.list_models().during(Step::List)?;
            let active = active(source.as_ref()).during(Step::List)?;
            (models.iter().filter_map(Metadata::version).map(Some).collect(), active)
        }
    };
    for version in versions {
        let model = source.read(version).during(Step::Read)?;
        let activates = activate && (wanted == Wanted::Active || version == to_activate);
        let copied = copy(model, target.as_ref(), activates)?;
        info!("Exported model. New version number: {}", copied.to);
        exported(copied);
    }
    Ok(())
}

fn copy(model: Arc<TrainedModel>, target: &dyn Persister, activate: bool) -> Result<Exported, JobError> {
    let step = Step::Through("writing", EXPORT_PERSISTER);
    let unfit = |text: &str| JobError::Component { step: Step::Read, source: Failure::message(text) };
    let mut model =
        Arc::try_unwrap(model).map_err(|_| unfit("a decorator of `read_model_decorators` has kept the model"))?;
    let from = model.metadata.version().ok_or_else(|| unfit("the metadata of the model say no version"))?;
    model.metadata.annotate(EXPORTED_FROM, from.number());
    let to = target.write(&model).during(step)?;
    if activate {
        let by = origin("export");
        target.activate_as(to, &by).during(Step::Through("activating", EXPORT_PERSISTER))?;
    }
    Ok(Exported { from, to, activated: activate })
}
