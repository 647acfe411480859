//! Models in files of one folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use palladium_component::prelude::*;

use crate::file_like::{FileError, FileLike, Template};
use crate::folder::Folder;

/// Stores models in files of one folder.
///
/// With the path `models/model-{version}` the first model lies in `models/model-1.model`, and
/// `models/model-metadata.json` says which models there are, what is known about each of them and which one is active.
/// The folder has to exist. Several processes may use one store at once; a write waits up to thirty seconds for
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
/// Lists of models show the keys only, under `__attachments__`.
///
/// Models that Palladium for Python stored cannot be read: they are pickles, which can run any code. Their files end
/// in `.pkl.gz` and are never touched.
#[component(Persister, name = "palladium.persistence.File", check, lifecycle)]
pub struct File {
    /// The path of the files up to what is added to their names, with `{version}` in the last part. A relative path
    /// counts from the folder that the command runs in; `${here}/model-{version}` counts from the configuration file.
    path: String,
    #[state]
    formats: OnceLock<Arc<ModelFormats>>,
}

impl Lifecycle for File {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        // The formats are those of the binary: a second start has no others.
        self.formats.get_or_init(|| Arc::clone(context.formats));
        Ok(())
    }

    fn probe(&self) -> Result<Probe, Failure> {
        Ok(Probe::Found(self.files()?.probe()?))
    }
}

impl Persister for File {
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        let formats = self.formats.get().ok_or(FileError::NotInitialized)?;
        Ok(Arc::new(self.files()?.read(version, formats)?))
    }

    fn write(&self, model: &TrainedModel) -> Result<Version, PersistError> {
        Ok(self.files()?.write(model)?)
    }

    fn activate(&self, version: Version) -> Result<(), PersistError> {
        self.activate_as(version, &Origin::default())
    }

    fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
        Ok(self.files()?.activate(version, origin)?)
    }

    fn delete(&self, version: Version) -> Result<(), PersistError> {
        Ok(self.files()?.delete(version)?)
    }

    fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), PersistError> {
        Ok(self.files()?.delete_as(version, force, origin)?)
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        Ok(self.files()?.list_models()?)
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        Ok(self.files()?.list_properties()?)
    }

    fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, PersistError> {
        Ok(self.files()?.list_sizes()?)
    }

    fn history(&self) -> Result<Vec<Activation>, PersistError> {
        Ok(self.files()?.history()?)
    }

    fn upgrade(&self, from: Option<&Release>, to: Option<&Release>, origin: &Origin) -> Result<Upgraded, PersistError> {
        Ok(self.files()?.upgrade(from, to, origin)?)
    }
}

impl File {
    fn check(&self) -> Result<(), ArgumentError> {
        self.files().map(drop).map_err(|error| {
            let help = error.help().unwrap_or_default();
            ArgumentError::new("path", error.to_string()).help(help)
        })
    }

    /// Returns the store: the folder and the names of the files in it.
    fn files(&self) -> Result<FileLike<Folder>, FileError> {
        let path = Path::new(&self.path);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let folder = path.parent().unwrap_or(path);
        // A version in the name of a folder would need a folder for each version.
        let template = match Template::new(name) {
            Some(template) if self.path.ends_with(name) && !folder.display().to_string().contains("{version}") => {
                template
            }
            _ => return Err(FileError::Template),
        };
        let folder = Folder::new(folder.to_owned(), &template.metadata());
        Ok(FileLike::new(template, folder))
    }
}

#[cfg(test)]
mod tests;
