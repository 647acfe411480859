//! Objects in buckets of services such as S3. What differs from one service to the next is how to reach it.

mod azure;
mod error;
mod gcs;
mod name;
mod probe;
mod reading;
mod s3;
mod writing;

pub use azure::{Azure, AzureIO};
pub use error::ObjectStorageError;
pub use gcs::{GCS, GCSIO};
pub use name::NameError;
pub use s3::{S3, S3IO};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use palladium_component::prelude::*;
use palladium_connect::{BlockingRuntime, Limits};
use tokio::runtime::Handle;

use crate::process_lock::ProcessLocks;
use name::Name;

/// A service that stores objects, as a configuration describes it.
pub trait Service: Send + Sync {
    /// What stands before the names of its objects when they are shown.
    const SCHEME: &'static str;

    /// Returns a client for a bucket; nothing is connected.
    ///
    /// # Errors
    /// The arguments do not make one.
    fn connect(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, ObjectStorageError>;

    /// Returns which of its states an object is in.
    fn revision(meta: &ObjectMeta) -> Option<Revision> {
        meta.e_tag.clone().map(Revision)
    }

    /// Returns how long is waited.
    fn limits(&self) -> Limits;

    /// Tells whether the service may be one that ignores conditions.
    fn is_doubtful(&self) -> bool {
        true
    }

    /// Tells whether a service is put up with that ignores conditions.
    fn is_unguarded(&self) -> bool {
        false
    }

    /// Returns what is kept between two calls.
    fn kept(&self) -> &Kept;
}

/// What is kept between two calls.
pub struct Kept {
    runtime: BlockingRuntime,
    /// A client for each bucket.
    buckets: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>,
    /// Whether conditions are honoured in the folders of which it was found out.
    probed: Mutex<BTreeMap<String, bool>>,
    locks: ProcessLocks,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept {
            runtime: BlockingRuntime::new("palladium-objects"),
            buckets: Mutex::default(),
            probed: Mutex::default(),
            locks: ProcessLocks::default(),
        }
    }
}

/// An object and what is needed to work on it.
pub struct Object<'a, S> {
    service: &'a S,
    handle: Handle,
    store: Arc<dyn ObjectStore>,
    name: Name,
}

impl<'a, S: Service> Object<'a, S> {
    /// Returns the object of a name.
    pub fn new(service: &'a S, name: &str) -> Result<Object<'a, S>, ObjectStorageError> {
        let name = Name::parse(name)?;
        let handle = service.kept().runtime.handle().map_err(ObjectStorageError::Runtime)?;
        let mut buckets = lock(&service.kept().buckets);
        let store = match buckets.get(&name.bucket) {
            Some(store) => Arc::clone(store),
            None => {
                let store = service.connect(&name.bucket)?;
                buckets.insert(name.bucket.clone(), Arc::clone(&store));
                store
            }
        };
        Ok(Object { service, handle, store, name })
    }

    /// Finds out whether the object can be looked for.
    pub fn reach(&self) -> Result<(), ObjectStorageError> {
        // The answer to HEAD does not say whether it is the object or the bucket that is missing.
        self.get().map(drop)
    }

    /// Returns how many bytes the object has.
    pub fn size(&self) -> Result<Option<u64>, ObjectStorageError> {
        match self.handle.block_on(self.store.head(&self.name.key)) {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Removes the object.
    pub fn remove(&self) -> Result<(), ObjectStorageError> {
        match self.handle.block_on(self.store.delete(&self.name.key)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Returns a lock where nothing else keeps writers apart.
    pub fn lock(&self) -> Result<Option<Box<dyn StoreLock>>, ObjectStorageError> {
        self.probe()?;
        Ok(self.service.is_unguarded().then(|| self.service.kept().locks.take()))
    }

    fn shown(&self) -> String {
        shown::<S>(&format!("{}/{}", self.name.bucket, self.name.key))
    }

    fn failed(&self, error: object_store::Error) -> ObjectStorageError {
        ObjectStorageError::of(self.shown(), error)
    }
}

/// Checks the name of an object.
pub fn check_name(name: &str) -> Result<(), Failure> {
    Name::parse(name).map_err(ObjectStorageError::from)?;
    Ok(())
}

/// Returns where an object lies.
pub fn shown<S: Service>(name: &str) -> String {
    format!("{}://{name}", S::SCHEME)
}

/// Makes a store of objects of a component that is a [`Service`].
macro_rules! artifact_store_of_service {
    ($component:ty) => {
        impl ArtifactStore for $component {
            fn check_name(&self, name: &str) -> Result<(), Failure> {
                $crate::object_storage::check_name(name)
            }

            fn shown(&self, name: &str) -> String {
                $crate::object_storage::shown::<Self>(name)
            }

            fn reach(&self, name: &str) -> Result<(), StoreError> {
                Ok($crate::object_storage::Object::new(self, name)?.reach()?)
            }

            fn lock(&self, name: &str) -> Result<Option<Box<dyn StoreLock>>, StoreError> {
                Ok($crate::object_storage::Object::new(self, name)?.lock()?)
            }

            fn open(&self, name: &str) -> Result<Option<StoredObject<'_>>, StoreError> {
                Ok($crate::object_storage::Object::new(self, name)?.open()?)
            }

            fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
                Ok($crate::object_storage::Object::new(self, name)?.size()?)
            }

            fn tail(&self, name: &str, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
                Ok($crate::object_storage::Object::new(self, name)?.tail(length)?)
            }

            fn list(&self, name: &str) -> Result<Option<Vec<ListedObject>>, StoreError> {
                Ok(Some($crate::object_storage::Object::new(self, name)?.list()?))
            }

            fn put(&self, name: &str, content: &dyn Content, expected: &Expected) -> Result<(), StoreError> {
                $crate::object_storage::Object::new(self, name)?.put(content, expected)
            }

            fn remove(&self, name: &str) -> Result<(), StoreError> {
                Ok($crate::object_storage::Object::new(self, name)?.remove()?)
            }
        }
    };
}

use artifact_store_of_service;

/// Locks; what a thread left that panicked is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
