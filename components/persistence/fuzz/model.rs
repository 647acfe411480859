//! A model with all sorts of data, and what has to hold of every artifact that is read.

use std::collections::BTreeMap;

use palladium_component::interfaces::{FormatId, ModelDescriptor, ModelFormat};
use palladium_component::prelude::*;
use palladium_persistence::artifact::{Limits, read, write};
use serde::{Deserialize, Serialize};

/// Limits that a hostile artifact reaches with few bytes.
const LIMITS: Limits = Limits { payload: 1 << 20 };

static DESCRIPTOR: ModelDescriptor = ModelDescriptor::of::<Tree>("fuzz");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    threshold: f64,
    counts: Vec<u64>,
    names: Vec<String>,
    leaves: BTreeMap<String, Option<(bool, i8)>>,
    children: Vec<Tree>,
}

impl ModelFormat for Tree {
    const ID: FormatId = FormatId { name: "fuzz.Tree", version: 1 };
}

impl Model for Tree {
    fn predict(&self, samples: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        Ok(Predictions::Numbers(vec![self.threshold; samples.n_rows()]))
    }

    fn check(&self) -> Result<(), String> {
        if self.threshold.is_nan() { Err("the threshold is no number".into()) } else { Ok(()) }
    }
}

/// Reads an artifact; what is read can be written, and that is read as the same.
pub fn check(bytes: &[u8]) {
    let formats = ModelFormats::new([&DESCRIPTOR]);
    let model = match read(&mut &*bytes, &formats, LIMITS) {
        Ok(model) => model,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let version = model.metadata.version().unwrap_or(Version::FIRST);
    let mut written = Vec::new();
    // Defaults and names can make it longer than the limit, and metadata a level deeper than JSON may be.
    if write(&model, version, &mut written).is_err() {
        return;
    }
    if let Ok(again) = read(&mut written.as_slice(), &formats, LIMITS) {
        let mut twice = Vec::new();
        write(&again, version, &mut twice).unwrap();
        assert_eq!(written, twice);
    }
}
