//! Models as single objects: one for each model, one for each attachment, and one with what is known about all of them.
//! Where the objects lie is the business of an [`ArtifactStore`].

mod catalogue;
mod error;
mod fingerprint;
mod neighbours;
pub mod objects;
pub mod persister;
mod template;

pub use error::FileError;

use std::sync::Arc;

use palladium_component::prelude::*;

use persister::{Kept, OverObjects, persister_over_objects};

/// Stores models as objects of any store of objects.
///
/// With the path `models/model-{version}` the first model is the object `models/model-1.model`, and
/// `models/model-metadata.json` says which models there are, what is known about each of them and which one is active.
/// What a path is, `io` says: local files, addresses on a server, keys in a bucket. Several processes may use one store
/// at once. A process that is killed while it changes the store leaves it as it was before or as it should be
/// afterwards.
///
/// ```ron
/// {
///     "model_persister": {
///         "!": "palladium.persistence.FileLike",
///         "path": "${here}/model-{version}",
///         "io": {"!": "palladium.persistence.FileIO"},
///     },
/// }
/// ```
///
/// Version numbers count from 1 and are never given twice, also after the newest model was deleted.
///
/// Files may belong to a model: metadata entries whose keys begin with `attachments/` hold their content in base64.
/// The entry `attachments/notes.txt` of the first model becomes the object `models/model-1-notes.txt`, is an entry
/// again when the model is read, and is deleted with it. Letters, digits, spaces and `.`, `_`, `-` make the name.
/// Lists of models show the keys only, under `__attachments__`. Files can also be added to a stored model and taken from
/// it; the list says which ones it has.
#[component(Persister, name = "palladium.persistence.FileLike", check, lifecycle)]
pub struct FileLike {
    /// The name of the objects up to what is added to it, with `{version}` in the last part.
    path: String,
    /// Where the objects lie.
    io: Arc<dyn ArtifactStore>,
    #[state]
    kept: Kept,
}

impl OverObjects for FileLike {
    const EXAMPLE: &'static str = "${here}/model-{version}";
    /// The store is a component by itself, which others may use as well.
    const OWNS_STORE: bool = false;

    fn template(&self) -> &str {
        &self.path
    }

    fn store(&self) -> Result<Arc<dyn ArtifactStore>, ArgumentError> {
        Ok(Arc::clone(&self.io))
    }

    fn kept(&self) -> &Kept {
        &self.kept
    }
}

persister_over_objects!(FileLike);

#[cfg(test)]
mod faulty;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "../tests/faults/told.rs"]
#[allow(dead_code, reason = "what is told in errors is looked at elsewhere")]
mod told;
