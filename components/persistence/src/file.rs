//! Models in files of one folder.

use std::sync::Arc;

use palladium_component::prelude::*;

use crate::file_io::FileIO;
use crate::file_like::persister::{Kept, OverObjects, persister_over_objects};

/// Stores models in files of one folder.
///
/// With the path `models/model-{version}` the first model lies in `models/model-1.model`, and
/// `models/model-metadata.json` says which models there are, what is known about each of them and which one is active.
/// The folder has to exist, also for reading. Several processes may use one store at once; a write waits up to thirty seconds for
/// another. A process that is killed while it changes the store leaves it as it was before or as it should be
/// afterwards. Files are open to the user alone that the process runs as, and symbolic links are not followed.
///
/// ```ron
/// {
///     "model_persister": {
///         "!": "palladium.persistence.File",
///         "path": "${here}/model-{version}",
///     },
/// }
/// ```
///
/// Version numbers count from 1 and are never given twice, also after the newest model was deleted.
///
/// Files may belong to a model: metadata entries whose keys begin with `attachments/` hold their content in base64.
/// The entry `attachments/notes.txt` of the first model becomes the file `models/model-1-notes.txt`, is an entry
/// again when the model is read, and is deleted with it. Letters, digits, spaces and `.`, `_`, `-` make the name.
/// Lists of models show the keys only, under `__attachments__`. Files can also be added to a stored model and taken from
/// it; the list says which ones it has.
///
/// Models that Palladium for Python stored cannot be read: they are pickles, which can run any code. Their files end
/// in `.pkl.gz` and are never touched.
#[component(Persister, name = "palladium.persistence.File", check, lifecycle)]
pub struct File {
    /// The path of the files up to what is added to their names, with `{version}` in the last part. A relative path
    /// counts from the folder that the command runs in; `${here}/model-{version}` counts from the configuration file.
    path: String,
    #[state]
    kept: Kept,
}

impl OverObjects for File {
    const EXAMPLE: &'static str = "${here}/model-{version}";

    fn template(&self) -> &str {
        &self.path
    }

    fn store(&self) -> Result<Arc<dyn ArtifactStore>, ArgumentError> {
        Ok(Arc::new(FileIO::default()))
    }

    fn kept(&self) -> &Kept {
        &self.kept
    }
}

persister_over_objects!(File);

#[cfg(test)]
mod tests;
