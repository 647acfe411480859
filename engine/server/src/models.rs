//! The route `/list`: the models of the store.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use palladium_component::interfaces::{PersistError, Persister};
use serde_json::json;

use crate::answer::{Refusal, chain, guarded, respond};

/// Lists what the root key `model_persister` holds.
pub struct ModelList {
    pub persister: Option<Arc<dyn Persister>>,
}

impl ModelList {
    /// Returns the metadata of all models and the properties of the store.
    ///
    /// # Errors
    /// There is no store, or it fails.
    pub async fn answer(&self) -> Result<HttpResponse, Refusal> {
        const SAID: &str = "the models cannot be listed";
        let Some(persister) = self.persister.clone() else {
            let message = "the configuration has no `model_persister`, whose models are listed here";
            return Err(Refusal::said(StatusCode::SERVICE_UNAVAILABLE, -1, message));
        };
        let listed = web::block(move || guarded(|| list(persister.as_ref()))).await;
        let listed = listed.map_err(|error| Refusal::unavailable(SAID, chain(&error)))?;
        let listed = listed.map_err(|panic| Refusal::unavailable(SAID, panic))?;
        let body = listed.map_err(|error| Refusal::unavailable(SAID, chain(&error)))?;
        Ok(respond(StatusCode::OK, body))
    }
}

fn list(persister: &dyn Persister) -> Result<Vec<u8>, PersistError> {
    let models = persister.list_models()?;
    let properties = persister.list_properties()?;
    Ok(json!({"models": models, "properties": properties}).to_string().into_bytes())
}
