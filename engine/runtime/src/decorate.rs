//! Decorators around the methods of components: every caller gets the decorated component.

mod function;
mod plain;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use palladium_component::data::Dataset;
use palladium_component::interfaces::{
    Activation, Arguments, Attachment, Component, Content, DatasetLoader, DecoratorList, Decorators, Failure,
    InitContext, Input, KeptData, Lifecycle, LoadProgress, Metadata, ModelCache, Origin, Orphan, PersistError,
    Persister, Probe, Refreshes, Release, StorePlace, TrainedModel, Upgraded, Version,
};
use palladium_component::value::KeyPath;

pub use function::{FunctionCall, FunctionDecorator, answer};

use crate::root_keys;

/// Returns a component of a kind whose methods are decorated in its decorated form, once, and every other as it is.
pub(crate) fn decorated(component: Component, key: &KeyPath, decorators: &Decorators) -> Component {
    match component {
        Component::DatasetLoader(inner) => {
            let load = decorators.list(root_keys::LOAD_DATA_DECORATORS);
            match load.is_empty() {
                true => Component::DatasetLoader(inner),
                false => Component::DatasetLoader(Arc::new(DecoratedLoader { inner, key: key.clone(), load })),
            }
        }
        Component::Persister(inner) => {
            let read = decorators.list(root_keys::READ_MODEL_DECORATORS);
            let write = decorators.list(root_keys::WRITE_MODEL_DECORATORS);
            match read.is_empty() && write.is_empty() {
                true => Component::Persister(inner),
                false => Component::Persister(Arc::new(DecoratedPersister { inner, key: key.clone(), read, write })),
            }
        }
        other => other,
    }
}

/// A dataset loader in the decorators of `load_data_decorators`.
struct DecoratedLoader {
    inner: Arc<dyn DatasetLoader>,
    key: KeyPath,
    load: DecoratorList,
}

impl Lifecycle for DecoratedLoader {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        self.inner.initialize(context)
    }

    fn probe(&self) -> Result<Probe, Failure> {
        self.inner.probe()
    }

    fn close(&self) {
        self.inner.close();
    }
}

impl DatasetLoader for DecoratedLoader {
    fn load(&self) -> Result<Dataset, Failure> {
        self.load_with_progress(&LoadProgress::default())
    }

    fn load_with_progress(&self, progress: &LoadProgress) -> Result<Dataset, Failure> {
        let load = || self.inner.load_with_progress(progress).map(Into::into);
        Ok(self.load.call(Some(&self.key), &Arguments::Nothing, load)?.try_into()?)
    }

    fn kept(&self) -> Option<KeptData> {
        self.inner.kept()
    }

    fn inputs(&self) -> Result<Option<Vec<Input>>, Failure> {
        self.inner.inputs()
    }
}

/// A persister in the decorators of `read_model_decorators` and `write_model_decorators`.
struct DecoratedPersister {
    inner: Arc<dyn Persister>,
    key: KeyPath,
    read: DecoratorList,
    write: DecoratorList,
}

impl Lifecycle for DecoratedPersister {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        self.inner.initialize(context)
    }

    fn probe(&self) -> Result<Probe, Failure> {
        self.inner.probe()
    }

    fn close(&self) {
        self.inner.close();
    }
}

impl Persister for DecoratedPersister {
    fn read(&self, version: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        if self.read.is_empty() {
            return self.inner.read(version);
        }
        let arguments = Arguments::Version(version);
        self.read.wrap(Some(&self.key), &arguments, || self.inner.read(version), PersistError::Failed)
    }

    /// Returns nothing where reading is decorated: decorators may block, so the model has to be read.
    fn at_hand(&self) -> Option<Result<Arc<TrainedModel>, PersistError>> {
        if self.read.is_empty() { self.inner.at_hand() } else { None }
    }

    fn in_memory(&self) -> Option<Arc<TrainedModel>> {
        self.inner.in_memory()
    }

    fn refreshes(&self) -> Option<Refreshes> {
        self.inner.refreshes()
    }

    fn cache(&self) -> Option<&dyn ModelCache> {
        self.inner.cache()
    }

    fn write(&self, model: &TrainedModel) -> Result<Version, PersistError> {
        if self.write.is_empty() {
            return self.inner.write(model);
        }
        let arguments = Arguments::Model(model);
        self.write.wrap(Some(&self.key), &arguments, || self.inner.write(model), PersistError::Failed)
    }

    fn check_writable(&self) -> Result<(), PersistError> {
        self.inner.check_writable()
    }

    fn activate(&self, version: Version) -> Result<(), PersistError> {
        self.inner.activate(version)
    }

    fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
        self.inner.activate_as(version, origin)
    }

    fn delete(&self, version: Version) -> Result<(), PersistError> {
        self.inner.delete(version)
    }

    fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), PersistError> {
        self.inner.delete_as(version, force, origin)
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        self.inner.list_models()
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        self.inner.list_properties()
    }

    fn exists(&self) -> Result<bool, PersistError> {
        self.inner.exists()
    }

    fn store_place(&self) -> Option<StorePlace> {
        self.inner.store_place()
    }

    fn list_sizes(&self) -> Result<BTreeMap<Version, u64>, PersistError> {
        self.inner.list_sizes()
    }

    fn versions(&self) -> Result<Vec<Version>, PersistError> {
        self.inner.versions()
    }

    /// Looks at what is stored, not at what decorators make of it.
    fn verify(&self, version: Version) -> Result<(), PersistError> {
        self.inner.verify(version)
    }

    fn digest(&self, version: Version) -> Result<Option<String>, PersistError> {
        self.inner.digest(version)
    }

    fn orphans(&self) -> Result<Vec<Orphan>, PersistError> {
        self.inner.orphans()
    }

    fn remove_orphans(&self) -> Result<Vec<Orphan>, PersistError> {
        self.inner.remove_orphans()
    }

    fn unlisted(&self) -> Result<Vec<Orphan>, PersistError> {
        self.inner.unlisted()
    }

    fn attachments(&self, version: Version) -> Result<Vec<Attachment>, PersistError> {
        self.inner.attachments(version)
    }

    fn read_attachment(&self, version: Version, name: &str, writer: &mut dyn Write) -> Result<(), PersistError> {
        self.inner.read_attachment(version, name, writer)
    }

    fn attach(&self, version: Version, name: &str, content: &dyn Content) -> Result<(), PersistError> {
        self.inner.attach(version, name, content)
    }

    fn detach(&self, version: Version, name: &str) -> Result<(), PersistError> {
        self.inner.detach(version, name)
    }

    fn history(&self) -> Result<Vec<Activation>, PersistError> {
        self.inner.history()
    }

    fn upgrade(&self, from: Option<&Release>, to: Option<&Release>, origin: &Origin) -> Result<Upgraded, PersistError> {
        self.inner.upgrade(from, to, origin)
    }
}
