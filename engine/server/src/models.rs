//! The route `/list`: the models of the store.

use std::sync::Arc;

use actix_web::http::StatusCode;
use palladium_component::interfaces::{DecoratorList, Metadata, PersistError, Persister};
use palladium_component::value::with_causes;
use serde_json::json;

use crate::answer::{Refusal, guarded};

/// Lists what the root key `model_persister` holds.
pub struct ModelList {
    pub persister: Option<Arc<dyn Persister>>,
    pub decorators: DecoratorList,
}

const SAID: &str = "the models cannot be listed";

impl ModelList {
    /// Returns the metadata of all models, how many bytes each of them takes and the properties of the store, on a thread
    /// that may block.
    ///
    /// # Errors
    /// There is no store, or it fails.
    pub fn body(&self) -> Result<Vec<u8>, Refusal> {
        let Some(persister) = &self.persister else {
            let message = "the configuration has no `model_persister`, whose models are listed here";
            return Err(Refusal::said(StatusCode::SERVICE_UNAVAILABLE, -1, message));
        };
        let listed = guarded(|| list(persister.as_ref())).map_err(|panic| Refusal::unavailable(SAID, panic))?;
        listed.map_err(|error| Refusal::unavailable(SAID, with_causes(&error)))
    }
}

fn list(persister: &dyn Persister) -> Result<Vec<u8>, PersistError> {
    let models: Vec<Metadata> = persister.list_models()?.iter().map(Metadata::for_listing).collect();
    let properties = persister.list_properties()?;
    let sizes = persister.list_sizes()?;
    Ok(json!({"models": models, "properties": properties, "sizes": sizes}).to_string().into_bytes())
}
