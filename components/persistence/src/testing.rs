//! Models that only tests know, and a way to make components as a configuration does.
#![allow(dead_code, reason = "not every binary of tests needs everything")]

use std::sync::Arc;

use palladium_component::interfaces::Component;
use palladium_component::prelude::*;
use serde::{Deserialize, Serialize};

/// Predicts its one number for each sample; the others give it weight.
#[component(Model, name = "test.Constant", version = 1)]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// What is predicted.
    pub answer: f64,
    /// Ballast.
    pub ballast: Vec<u64>,
}

impl Model for Constant {
    fn predict(&self, samples: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        Ok(Predictions::Numbers(vec![self.answer; samples.n_rows()]))
    }

    fn check(&self) -> Result<(), String> {
        if self.answer.is_finite() { Ok(()) } else { Err("the answer is not finite".into()) }
    }
}

/// Returns a trained model that predicts a number.
pub fn constant(answer: f64, n_ballast: u64) -> TrainedModel {
    let mut metadata = Metadata::default();
    metadata.annotate("train_timestamp", "2026-11-23T12:00:00+00:00");
    // Numbers that look random, so that they cannot be compressed away.
    let ballast = (1..=n_ballast).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let columns = vec![ColumnSpec { name: "size".into(), kind: ColumnType::Float }];
    TrainedModel { model: Box::new(Constant { answer, ballast }), columns, metadata }
}

/// Holds bytes and nothing else.
#[component(Model, name = "test.Bulk", version = 1)]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Bulk {
    /// The bytes.
    #[serde(with = "as_bytes")]
    pub bytes: Vec<u8>,
}

impl Model for Bulk {
    fn predict(&self, samples: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        Ok(Predictions::Numbers(vec![self.bytes.len() as f64; samples.n_rows()]))
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Stores bytes in one piece and not number by number.
mod as_bytes {
    use std::fmt;

    use serde::de::{Deserializer, Visitor};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("bytes")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
            Ok(bytes)
        }
    }
}

/// Returns a model of so many bytes, which cannot be compressed.
pub fn bulky(size: usize) -> TrainedModel {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    let columns = vec![ColumnSpec { name: "size".into(), kind: ColumnType::Float }];
    TrainedModel { model: Box::new(Bulk { bytes }), columns, metadata: Metadata::default() }
}

/// Returns what a model of [`constant`] predicts.
pub fn answer(model: &TrainedModel) -> f64 {
    let column = Arc::new(Float64Array::from(vec![1.0])) as ArrayRef;
    let table = Table::new(vec![("size".into(), column)]).unwrap();
    match model.predict(Samples::new(table), &Parameters::new()).unwrap() {
        Predictions::Numbers(numbers) => numbers[0],
        Predictions::Classes { .. } => panic!("the model predicts numbers"),
    }
}

/// Returns the persister of a name with these arguments, or what is wrong with them.
pub fn persister(name: &str, arguments: &[(&str, Data)]) -> Result<Arc<dyn Persister>, String> {
    component(name, arguments).map(|component| as_persister(&component))
}

/// Returns the persister that a component is.
pub fn as_persister(component: &Data) -> Arc<dyn Persister> {
    let Data::Component(component) = component else { panic!("this is no component") };
    <dyn Persister as Interface>::of(component.downcast_ref::<Component>().unwrap()).unwrap()
}

/// Returns the component of a name as another component takes it for an argument, or what is wrong with its own.
pub fn component(name: &str, arguments: &[(&str, Data)]) -> Result<Data, String> {
    let span = Span::nowhere("test");
    let entry = |data: Data| Entry { key_span: span.clone(), value: Value::new(data, span.clone()) };
    let mut map = Map::new();
    map.insert("!".into(), entry(Data::Text(name.into())));
    map.extend(arguments.iter().map(|(name, data)| ((*name).to_owned(), entry(data.clone()))));
    let mut findings = Diagnostics::default();
    let registry = Registry::linked().unwrap();
    let made = registry.construct(map, &KeyPath::parse("model_persister"), &span, &mut findings);
    if !findings.is_empty() {
        return Err(findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>().join("\n"));
    }
    Ok(made.data)
}

/// Initializes a persister as a process does that works in this mode.
pub fn initialize(persister: &dyn Persister, mode: Mode) -> Result<(), Failure> {
    initialize_decorated(persister, mode, &Decorators::default())
}

/// Initializes a persister in a configuration with decorators.
pub fn initialize_decorated(persister: &dyn Persister, mode: Mode, decorators: &Decorators) -> Result<(), Failure> {
    let registry = Registry::linked().unwrap();
    let root = Value::new(Data::Null, Span::nowhere("test"));
    let key = KeyPath::parse("model_persister");
    persister.initialize(&InitContext {
        key: &key,
        mode,
        root: &root,
        blueprint: &Blueprint::default(),
        formats: registry.formats(),
        decorators,
    })
}
