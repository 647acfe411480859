//! From a store of models to a persister: what is called of the one is called of the other.

/// Makes a persister of a component that has a method of this name, which returns the store of models or why there is
/// none. The store's methods are named as those of a persister.
macro_rules! persister_by {
    ($component:ty, $store:ident) => {
        impl Persister for $component {
            fn read(&self, version: Option<Version>) -> Result<std::sync::Arc<TrainedModel>, PersistError> {
                Ok(std::sync::Arc::new(self.$store()?.read(version)?))
            }

            fn write(&self, model: &TrainedModel) -> Result<Version, PersistError> {
                Ok(self.$store()?.write(model)?)
            }

            fn check_writable(&self) -> Result<(), PersistError> {
                Ok(self.$store()?.check_writable()?)
            }

            fn activate(&self, version: Version) -> Result<(), PersistError> {
                self.activate_as(version, &Origin::default())
            }

            fn activate_as(&self, version: Version, origin: &Origin) -> Result<(), PersistError> {
                Ok(self.$store()?.activate(version, origin)?)
            }

            fn delete(&self, version: Version) -> Result<(), PersistError> {
                Ok(self.$store()?.delete(version)?)
            }

            fn delete_as(&self, version: Version, force: bool, origin: &Origin) -> Result<(), PersistError> {
                Ok(self.$store()?.delete_as(version, force, origin)?)
            }

            fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
                Ok(self.$store()?.list_models()?)
            }

            fn list_properties(&self) -> Result<std::collections::BTreeMap<String, String>, PersistError> {
                Ok(self.$store()?.list_properties()?)
            }

            fn exists(&self) -> Result<bool, PersistError> {
                Ok(self.$store()?.exists()?)
            }

            fn store_place(&self) -> Option<StorePlace> {
                Some(self.$store().ok()?.store_place())
            }

            fn list_sizes(&self) -> Result<std::collections::BTreeMap<Version, u64>, PersistError> {
                Ok(self.$store()?.list_sizes()?)
            }

            fn versions(&self) -> Result<Vec<Version>, PersistError> {
                Ok(self.$store()?.versions()?)
            }

            fn verify(&self, version: Version) -> Result<(), PersistError> {
                Ok(self.$store()?.verify(version)?)
            }

            fn digest(&self, version: Version) -> Result<Option<String>, PersistError> {
                Ok(self.$store()?.digest(version)?)
            }

            fn orphans(&self) -> Result<Vec<Orphan>, PersistError> {
                Ok(self.$store()?.orphans()?)
            }

            fn remove_orphans(&self) -> Result<Vec<Orphan>, PersistError> {
                Ok(self.$store()?.remove_orphans()?)
            }

            fn unlisted(&self) -> Result<Vec<Orphan>, PersistError> {
                Ok(self.$store()?.unlisted()?)
            }

            fn attachments(&self, version: Version) -> Result<Vec<Attachment>, PersistError> {
                Ok(self.$store()?.attachments(version)?)
            }

            fn read_attachment(
                &self,
                version: Version,
                name: &str,
                writer: &mut dyn std::io::Write,
            ) -> Result<(), PersistError> {
                Ok(self.$store()?.read_attachment(version, name, writer)?)
            }

            fn attach(&self, version: Version, name: &str, content: &dyn Content) -> Result<(), PersistError> {
                Ok(self.$store()?.attach(version, name, content)?)
            }

            fn detach(&self, version: Version, name: &str) -> Result<(), PersistError> {
                Ok(self.$store()?.detach(version, name)?)
            }

            fn history(&self) -> Result<Vec<Activation>, PersistError> {
                Ok(self.$store()?.history()?)
            }

            fn upgrade(
                &self,
                from: Option<&Release>,
                to: Option<&Release>,
                origin: &Origin,
            ) -> Result<Upgraded, PersistError> {
                Ok(self.$store()?.upgrade(from, to, origin)?)
            }
        }
    };
}

pub(crate) use persister_by;
