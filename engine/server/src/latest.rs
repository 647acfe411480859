//! Which service answers new requests. What jobs and requests of one before it do to a store is taken up by that one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use palladium_component::interfaces::{ModelCache, PersistError, Persister};
use palladium_component::value::with_causes;

use crate::answer::guarded;
use crate::service::Service;

/// The service that answers new requests, and how often any of them may have activated a model.
#[derive(Default)]
pub struct Latest {
    service: Mutex<Weak<Service>>,
    changes: AtomicU64,
}

impl Latest {
    /// Returns how often a model may have been activated.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Has another service answer new requests.
    pub fn set(&self, service: &Arc<Service>) {
        *self.service.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(service);
    }

    /// Notes that a service may have activated a model, or should have looked for one: where another one answers new
    /// requests, that looks too. It blocks.
    pub fn changed_by(&self, service: &Arc<Service>) {
        // In this order, so that whoever takes over meanwhile sees the change or is seen here.
        self.changes.fetch_add(1, Ordering::SeqCst);
        let latest = self.service.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        if let Some(latest) = latest.filter(|latest| !Arc::ptr_eq(latest, service)) {
            look(&latest);
        }
    }
}

/// Has every store that keeps its model in memory look for a new one. It blocks.
pub fn look(service: &Service) {
    let mut persisters: Vec<&Arc<dyn Persister>> = Vec::new();
    for persister in service.needed.iter().map(|needed| &needed.persister).chain(&service.list.persister) {
        if !persisters.iter().any(|known| Arc::ptr_eq(known, persister)) {
            persisters.push(persister);
        }
    }
    for persister in persisters {
        let why = match guarded(|| persister.cache().map(ModelCache::update)) {
            // In a store without an active model there is nothing to look for.
            Ok(None | Some(Ok(_) | Err(PersistError::Lookup(_)))) => continue,
            Ok(Some(Err(error @ PersistError::Failed(_)))) => with_causes(&error),
            Err(panic) => panic,
        };
        tracing::warn!(target: "palladium::server", "what was activated before the reload is not taken up: {why}");
    }
}
