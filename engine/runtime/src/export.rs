//! Copies models from one store to another.

use std::sync::Arc;

use palladium_component::interfaces::{Failure, Metadata, Persister, TrainedModel, Version};
use serde_json::Value as Json;
use tracing::info;

use crate::error::{During, read};
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

/// The entry of the metadata that says which checksum it had there.
pub const EXPORTED_DIGEST: &str = "exported_from_digest";

/// A model that the other store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Its version in the store that it came from.
    pub from: Version,
    /// Its version in the other.
    pub to: Version,
    /// Whether it was copied now; otherwise it was there already.
    pub copied: bool,
    /// Whether it is the active one there now.
    pub activated: bool,
}

/// Copies models from `model_persister` to `model_persister_export`, which gives them new versions. With `activate`
/// the model becomes the active one there; of all models it is the one that is active here. Of all models those are
/// not copied that the other store has from an earlier export. `exported` is called for each model that is there.
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
    let there = match wanted {
        Wanted::All => target.list_models().during(Step::Through("listing", EXPORT_PERSISTER))?,
        Wanted::Active | Wanted::Version(_) => Vec::new(),
    };
    let probed = match wanted {
        // Why there is none is told when it is read.
        Wanted::Active => active(source.as_ref()).unwrap_or_default(),
        Wanted::Version(_) | Wanted::All => versions.last().copied().flatten(),
    };
    if let Some(version) = probed {
        refuse_same(source.as_ref(), target.as_ref(), version)?;
    }
    for version in versions {
        let activates = activate && (wanted == Wanted::Active || version == to_activate);
        let earlier = version.map(|version| earlier(source.as_ref(), target.as_ref(), &there, version)).transpose()?;
        if let Some(found) = earlier.flatten() {
            if activates {
                activate_unless_active(target.as_ref(), found.to)?;
            }
            info!("Version {} is there already. Its version number: {}", found.from, found.to);
            exported(Exported { activated: activates, ..found });
            continue;
        }
        let model = read(source.as_ref(), version, Step::Read)?;
        let copied = copy(model, source.as_ref(), target.as_ref(), activates)?;
        info!("Exported model. New version number: {}", copied.to);
        exported(copied);
    }
    Ok(())
}

/// Refuses to copy a store into itself, which has the version with the checksum that no other model has. What the stores
/// fail at is told later.
fn refuse_same(source: &dyn Persister, target: &dyn Persister, version: Version) -> Result<(), JobError> {
    let Ok(Some(digest)) = source.digest(version) else { return Ok(()) };
    if !target.digest(version).is_ok_and(|found| found == Some(digest)) {
        return Ok(());
    }
    let source = Failure::with_help(
        format!("it is the store of `{PERSISTER}` or a copy of it: version {version} is there already"),
        format!("let `{EXPORT_PERSISTER}` name another store"),
    );
    Err(JobError::Component { step: Step::Through("writing", EXPORT_PERSISTER), source })
}

/// Returns which model of the other store is the copy of a version, if there is one: it says the version and the
/// checksum that it was copied from, and has the same attachments.
fn earlier(
    source: &dyn Persister,
    target: &dyn Persister,
    there: &[Metadata],
    version: Version,
) -> Result<Option<Exported>, JobError> {
    let says = |metadata: &Metadata, key: &str, value: Json| metadata.get(key) == Some(&value);
    let mut copies = there.iter().filter(|copy| says(copy, EXPORTED_FROM, version.number().into())).peekable();
    if copies.peek().is_none() {
        return Ok(None);
    }
    let Some(digest) = source.digest(version).during(Step::Read)? else { return Ok(None) };
    // The newest copy is the one that is looked for first.
    let copies: Vec<Version> = copies
        .filter(|copy| says(copy, EXPORTED_DIGEST, digest.as_str().into()))
        .filter_map(Metadata::version)
        .collect();
    // Of a store that cannot say which attachments there are it cannot be told.
    let Ok(attachments) = source.attachments(version) else { return Ok(None) };
    for to in copies.into_iter().rev() {
        if target.attachments(to).is_ok_and(|found| found == attachments) {
            return Ok(Some(Exported { from: version, to, copied: false, activated: false }));
        }
    }
    Ok(None)
}

fn activate_unless_active(target: &dyn Persister, version: Version) -> Result<(), JobError> {
    let step = Step::Through("activating", EXPORT_PERSISTER);
    if active(target).during(step)? == Some(version) {
        return Ok(());
    }
    target.activate_as(version, &origin("export")).during(step)
}

fn copy(
    model: Arc<TrainedModel>,
    source: &dyn Persister,
    target: &dyn Persister,
    activate: bool,
) -> Result<Exported, JobError> {
    let step = Step::Through("writing", EXPORT_PERSISTER);
    let unfit = |text: &str| JobError::Component { step: Step::Read, source: Failure::message(text) };
    let mut model =
        Arc::try_unwrap(model).map_err(|_| unfit("a decorator of `read_model_decorators` has kept the model"))?;
    let from = model.metadata.version().ok_or_else(|| unfit("the metadata of the model say no version"))?;
    model.metadata.annotate(EXPORTED_FROM, from.number());
    if let Some(digest) = source.digest(from).during(Step::Read)? {
        model.metadata.annotate(EXPORTED_DIGEST, digest);
    }
    let to = target.write(&model).during(step)?;
    if activate {
        let by = origin("export");
        target.activate_as(to, &by).during(Step::Through("activating", EXPORT_PERSISTER))?;
    }
    Ok(Exported { from, to, copied: true, activated: activate })
}
