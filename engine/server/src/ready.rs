//! The routes `/live` and `/ready`: whether the process works, and whether it should be sent requests.

use std::fmt::Display;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use palladium_component::interfaces::{Misfit, Persister};
use palladium_component::value::{KeyPath, with_causes};
use serde_json::json;

use crate::answer::{guarded, respond};
use crate::misfits::Asker;
use crate::service::Service;

/// A persister whose active model a predict service answers with.
pub struct Needed {
    pub key: KeyPath,
    pub persister: Arc<dyn Persister>,
    pub asker: Asker,
}

/// What there is of a model that is needed.
pub enum Found {
    /// No model.
    Nothing,
    /// A model whose first prediction is not over.
    Cold,
    /// A model that predicts for what the service makes of requests, as far as is known.
    Fits,
    /// One that cannot.
    Differs(Misfit),
}

/// Answers `/live`.
pub fn live() -> HttpResponse {
    respond(StatusCode::OK, br#"{"status":"OK"}"#.to_vec())
}

/// Answers `/ready`, on a thread that may block.
pub fn ready(service: &Service) -> HttpResponse {
    let reasons = missing(service);
    if reasons.is_empty() {
        return respond(StatusCode::OK, br#"{"status":"OK"}"#.to_vec());
    }
    let message = format!("the service is not ready: {}", reasons.join("; "));
    let body = json!({"status": "ERROR", "error_code": -1, "error_message": message, "reasons": reasons});
    respond(StatusCode::SERVICE_UNAVAILABLE, body.to_string().into_bytes())
}

/// Returns why the service is not ready, in words for everybody.
pub fn missing(service: &Service) -> Vec<String> {
    let mut reasons = Vec::new();
    if service.is_draining() {
        reasons.push("it is about to stop".to_owned());
    }
    let mut names: Vec<String> = service.alive.missing().collect();
    let (mut cold, mut misfits) = (Vec::new(), Vec::new());
    for needed in &service.needed {
        match needed.look() {
            Found::Nothing => names.push(needed.key.to_string()),
            Found::Cold => cold.push(needed.cold()),
            Found::Fits => {}
            Found::Differs(misfit) => {
                needed.warn(&misfit);
                misfits.push(needed.say(&misfit));
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    reasons.extend(names.iter().map(no_model));
    cold.dedup();
    reasons.extend(cold);
    reasons.extend(misfits);
    reasons
}

/// Says that there is no model of a persister.
pub fn no_model(persister: impl Display) -> String {
    format!("no model of `{persister}` is loaded")
}

impl Needed {
    /// Returns the key of the persister with the version that it has in memory, if it has one there.
    pub fn shown(&self) -> String {
        let model = guarded(|| self.persister.in_memory()).ok().flatten();
        match model.map(|model| model.metadata.version()) {
            Some(Some(version)) => format!("{} {version}", self.key),
            Some(None) => format!("{} without a version", self.key),
            None => format!("{} not in memory", self.key),
        }
    }

    /// Tells whether it has a model in memory.
    pub fn is_in_memory(&self) -> bool {
        guarded(|| self.persister.in_memory()).is_ok_and(|model| model.is_some())
    }

    /// Says that the model has not made its first prediction.
    pub fn cold(&self) -> String {
        format!("the model of `{}` makes its first prediction", self.key)
    }

    /// Looks what there is: in memory, or active in a store that is read for each request. It may block.
    pub fn look(&self) -> Found {
        let asked = guarded(|| {
            if let Some(model) = self.persister.look_in_memory() {
                return Ok(self.asker.judge(&model));
            }
            match self.persister.at_hand() {
                Some(read) => read.map(|model| self.asker.judge(&model)),
                None if self.persister.cache().is_some() => Ok(Found::Nothing),
                None => self.asker.look_in_store(),
            }
        });
        let why = match asked {
            Ok(Ok(found)) => return found,
            Ok(Err(error)) => with_causes(&error),
            Err(panic) => panic,
        };
        tracing::warn!(target: "palladium::server", "the model of `{}` is not there: {why}", self.key);
        Found::Nothing
    }
}
