//! A predict service for tests, which does what its samples say.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use palladium_component::interfaces::Component;
use palladium_component::prelude::*;
use serde_json::Value as Json;

use crate::{App, Predictor};

/// Answers a sample with its field `x`, plus the parameter `add` if there is one, unless its field `do` says other.
#[derive(Default)]
pub struct Puppet {
    /// How many samples each request had.
    pub asked: Mutex<Vec<usize>>,
}

impl Lifecycle for Puppet {}

impl PredictService for Puppet {
    fn entry_point(&self) -> &str {
        "/predict"
    }

    fn model_persister(&self) -> Option<&Arc<dyn Persister>> {
        None
    }

    fn predict(&self, _: &Arc<TrainedModel>, request: &PredictRequest) -> Result<PredictResponse, PredictError> {
        let samples: Vec<Json> = serde_json::from_slice(request.body.as_ref().unwrap())
            .map_err(|_| PredictError::BadRequest("no list".to_owned()))?;
        self.asked.lock().unwrap().push(samples.len());
        let add: f64 = request.query("add").map_or(0.0, |text| text.parse().unwrap());
        let mut numbers = Vec::new();
        for (index, sample) in samples.iter().enumerate() {
            match sample["do"].as_str().unwrap_or_default() {
                "bad" => return Err(PredictError::BadRequest(format!("sample {}: it is bad", index + 1))),
                "refuse" => return Err(PredictError::refused("error", -1)),
                "fail" => return Err(PredictError::Internal(Failure::message("it is broken"))),
                "lose" => {}
                "panic" => panic!("told to panic"),
                _ => numbers.push(sample["x"].as_f64().unwrap_or(f64::NAN) + add),
            }
        }
        Ok(PredictResponse::Many(Predictions::Numbers(numbers)))
    }
}

struct Nothing;

impl Encode for Nothing {
    fn format(&self) -> FormatId {
        FormatId { name: "test.Nothing", version: 1 }
    }

    fn encode(&self, _: &mut dyn Write) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Model for Nothing {
    fn predict(&self, _: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        Err(PredictError::NoProbabilities)
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Has a model for so many reads.
struct Shelf(AtomicUsize);

impl Lifecycle for Shelf {}

impl Persister for Shelf {
    fn read(&self, _: Option<Version>) -> Result<Arc<TrainedModel>, PersistError> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| PersistError::Lookup("No model available".to_owned()))?;
        let (columns, metadata) = (Vec::new(), Metadata::default());
        Ok(Arc::new(TrainedModel { model: Box::new(Nothing), columns, metadata }))
    }

    fn write(&self, _: &TrainedModel) -> Result<Version, PersistError> {
        Ok(Version::FIRST)
    }

    fn activate(&self, _: Version) -> Result<(), PersistError> {
        Ok(())
    }

    fn delete(&self, _: Version) -> Result<(), PersistError> {
        Ok(())
    }

    fn list_models(&self) -> Result<Vec<Metadata>, PersistError> {
        Ok(Vec::new())
    }

    fn list_properties(&self) -> Result<BTreeMap<String, String>, PersistError> {
        Ok(BTreeMap::new())
    }
}

/// Returns a predictor that can read its model so often, and its service.
pub fn predictor(reads: usize) -> (Predictor, Arc<Puppet>) {
    let puppet = Arc::new(Puppet::default());
    let shelf = Arc::new(Shelf(AtomicUsize::new(reads)));
    let service: Arc<dyn PredictService> = Arc::clone(&puppet) as _;
    let components =
        vec![("predict_service", Component::PredictService(service)), ("model_persister", Component::Persister(shelf))];
    let app = App::of_components(components, Vec::new());
    (Predictor::of(&app, "predict_service").unwrap(), puppet)
}
