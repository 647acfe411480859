//! From a store of objects to a persister, written once for all stores.

use std::sync::{Arc, OnceLock};

use palladium_component::prelude::*;

use super::error::FileError;
use super::objects::Objects;
use super::template::Template;

/// A persister that keeps models as objects of a store: what differs from one such persister to the next.
/// [`persister_over_objects`] does the rest.
pub trait OverObjects: Send + Sync + 'static {
    /// The parameter that holds the template for the names of objects.
    const PARAMETER: &'static str = "path";

    /// What a template looks like, for whoever has written one without `{version}`.
    const EXAMPLE: &'static str;

    /// Whether the store belongs to this persister alone, and starts and ends with it.
    const OWNS_STORE: bool = true;

    /// Returns the template for the names of objects, as it was given.
    fn template(&self) -> &str;

    /// Makes the store, or takes it from an argument. It is called once, while a configuration is planned: nothing is
    /// opened or connected.
    ///
    /// # Errors
    /// Arguments from which no store can be made.
    fn store(&self) -> Result<Arc<dyn ArtifactStore>, ArgumentError>;

    /// Returns what is kept while the persister lives: a field with `#[state]`.
    fn kept(&self) -> &Kept;
}

/// What a persister over objects keeps while it lives.
#[derive(Default)]
pub struct Kept {
    objects: OnceLock<Objects>,
}

impl Kept {
    /// Returns the store of models, which is there since the arguments were checked.
    pub fn objects(&self) -> Result<&Objects, FileError> {
        self.objects.get().ok_or(FileError::NotInitialized)
    }
}

/// Checks the arguments of a persister, and makes what it keeps.
pub fn check<P: OverObjects>(persister: &P) -> Result<(), ArgumentError> {
    let template = Template::new(persister.template()).ok_or_else(|| {
        let message = format!("the name of the file in `{}` has to contain `{{version}}`", P::PARAMETER);
        ArgumentError::new(P::PARAMETER, message).help(format!("write for example `{}`", P::EXAMPLE))
    })?;
    let store = persister.store()?;
    store.check_name(template.as_str()).map_err(|failure| {
        let error = ArgumentError::new(P::PARAMETER, failure.to_string());
        failure.help().into_iter().fold(error, ArgumentError::help)
    })?;
    persister.kept().objects.get_or_init(|| Objects::new(template, store));
    Ok(())
}

/// Prepares a persister for use.
pub fn initialize<P: OverObjects>(persister: &P, context: &InitContext<'_>) -> Result<(), Failure> {
    let objects = persister.kept().objects()?;
    objects.set_formats(context.formats);
    if P::OWNS_STORE { objects.store().initialize(context) } else { Ok(()) }
}

/// Ends what a persister has started.
pub fn close<P: OverObjects>(persister: &P) {
    if P::OWNS_STORE
        && let Ok(objects) = persister.kept().objects()
    {
        objects.store().close();
    }
}

/// Makes a persister of a component that is [`OverObjects`], whose attribute says `check` and `lifecycle`.
macro_rules! persister_over_objects {
    ($component:ty) => {
        impl $component {
            fn check(&self) -> Result<(), ArgumentError> {
                $crate::file_like::persister::check(self)
            }

            fn objects(&self) -> Result<&$crate::file_like::objects::Objects, $crate::FileError> {
                $crate::file_like::persister::OverObjects::kept(self).objects()
            }
        }

        impl Lifecycle for $component {
            fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
                $crate::file_like::persister::initialize(self, context)
            }

            fn probe(&self) -> Result<Probe, Failure> {
                Ok(Probe::Found(self.objects()?.probe()?))
            }

            fn close(&self) {
                $crate::file_like::persister::close(self);
            }
        }

        $crate::persister::persister_by!($component, objects);
    };
}

pub(crate) use persister_over_objects;
