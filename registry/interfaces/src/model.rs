//! Models: what fitting learned.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

use palladium_data::{ClassLabels, Column, Dataset, Predictions, Probabilities, Samples};
use palladium_value::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, PredictError};

/// What fitting learned: data that predicts. It is stored under its component's name and schema version.
pub trait Model: Encode + Send + Sync + 'static {
    /// Predicts for samples whose columns are those of the training data, in that order.
    ///
    /// # Errors
    /// Samples that the model cannot predict for.
    fn predict(&self, samples: &Samples, parameters: &Parameters) -> Result<Predictions, PredictError>;

    /// Tells whether it has class probabilities, so that [`Model::predict_proba`] is asked at all.
    fn has_probabilities(&self) -> bool {
        false
    }

    /// Returns class probabilities, samples × classes.
    ///
    /// # Errors
    /// As [`Model::predict`], and always where the model has no probabilities.
    fn predict_proba(&self, samples: &Samples, parameters: &Parameters) -> Result<Probabilities, PredictError> {
        let _ = (samples, parameters);
        Err(PredictError::NoProbabilities)
    }

    /// Returns what it predicts, for those who describe it: nothing where only a prediction can tell.
    fn output(&self) -> Option<ModelOutput<'_>> {
        None
    }

    /// Returns the names of the keyword parameters that predicting takes; it is given no others.
    fn parameters(&self) -> &[&str] {
        &[]
    }

    /// Returns a named attribute, which serves as default of the parameter of that name.
    fn attribute(&self, name: &str) -> Option<Parameter> {
        let _ = name;
        None
    }

    /// Returns how good the predictions are, higher is better: the accuracy for classes, R² for numbers; nothing
    /// where the model has no score of its own.
    ///
    /// # Errors
    /// Data without a target or with one of another type than the model was trained on.
    fn score(&self, data: &Dataset) -> Result<Option<f64>, Failure> {
        let predictions = self.predict(&Samples::new(data.features.clone()), &Parameters::new())?;
        let target = data.target()?;
        match &predictions {
            Predictions::Classes { labels, codes } => Ok(Some(accuracy(&labels.encode(target)?, codes))),
            Predictions::Numbers(numbers) => Ok(Some(r2(target, numbers, data)?)),
        }
    }

    /// Checks a decoded model: shapes agree, indices are in range, numbers are finite.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn check(&self) -> Result<(), String>;
}

/// What a model predicts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ModelOutput<'a> {
    /// One of these classes, whose order is that of the probabilities.
    Classes(&'a ClassLabels),
    /// A number.
    Number,
}

impl<'a> ModelOutput<'a> {
    /// Returns the classes, if it is one of some.
    pub fn classes(self) -> Option<&'a ClassLabels> {
        match self {
            ModelOutput::Classes(labels) => Some(labels),
            ModelOutput::Number => None,
        }
    }
}

/// Keyword parameters of a prediction.
pub type Parameters = BTreeMap<String, Parameter>;

/// The value of a keyword parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// A flag.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
}

/// Returns the share of rows whose prediction is the true class.
fn accuracy(truth: &[Option<u32>], codes: &[u32]) -> f64 {
    let hits = truth.iter().zip(codes).filter(|(truth, code)| **truth == Some(**code)).count();
    hits as f64 / truth.len() as f64
}

/// Returns the coefficient of determination, as scikit-learn's `r2_score`.
fn r2(target: &Column, predictions: &[f64], data: &Dataset) -> Result<f64, Failure> {
    let truth = data.numbers()?;
    let mean = truth.mean().ok_or_else(|| Failure::message(format!("target `{}` has no rows", target.name)))?;
    let residual: f64 = truth.iter().zip(predictions).map(|(truth, guess)| (truth - guess).powi(2)).sum();
    let total: f64 = truth.iter().map(|truth| (truth - mean).powi(2)).sum();
    Ok(match (residual == 0.0, total == 0.0) {
        (true, true) => 1.0,
        (false, true) => 0.0,
        _ => 1.0 - residual / total,
    })
}

/// Under which name and schema version a model is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatId {
    /// The component's name.
    pub name: &'static str,
    /// The version of the data's shape, from 1; it grows when older binaries could not read it any more.
    pub version: u32,
}

/// A model's serialized form. `#[component(Model, …)]` writes the implementation.
pub trait ModelFormat: Model + Serialize + DeserializeOwned {
    /// Name and schema version.
    const ID: FormatId;
}

/// Writes a model; implemented for everything that has a [`ModelFormat`].
pub trait Encode {
    /// Returns name and schema version.
    fn format(&self) -> FormatId;

    /// Writes the model as MessagePack with field names.
    ///
    /// # Errors
    /// The writer's.
    fn encode(&self, writer: &mut dyn Write) -> Result<(), EncodeError>;
}

/// A model could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the model `{name}` could not be written")]
pub struct EncodeError {
    name: &'static str,
    #[source]
    source: rmp_serde::encode::Error,
}

impl crate::Explain for EncodeError {}

impl<M: ModelFormat> Encode for M {
    fn format(&self) -> FormatId {
        M::ID
    }

    fn encode(&self, writer: &mut dyn Write) -> Result<(), EncodeError> {
        rmp_serde::encode::write_named(&mut { writer }, self).map_err(|source| EncodeError { name: M::ID.name, source })
    }
}

/// A stored model could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No linked component reads such models.
    #[error("no component of this binary reads models of `{name}`")]
    UnknownFormat {
        /// The name the model is stored under.
        name: String,
    },
    /// The model was written by a newer version of its component.
    #[error("the model of `{name}` has schema version {found}, this binary reads up to {known}")]
    NewerSchema {
        /// The name the model is stored under.
        name: String,
        /// The stored schema version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The bytes are not what the component wrote.
    #[error("the model of `{name}` cannot be decoded")]
    Malformed {
        /// The name the model is stored under.
        name: &'static str,
        /// Why.
        #[source]
        source: rmp_serde::decode::Error,
    },
    /// The model contradicts itself.
    #[error("the model of `{name}` contradicts itself: {reason}")]
    Inconsistent {
        /// The name the model is stored under.
        name: &'static str,
        /// How.
        reason: String,
    },
}

impl crate::Explain for DecodeError {
    fn help(&self) -> Option<String> {
        match self {
            DecodeError::UnknownFormat { .. } => {
                Some("use a binary that links the component family, `palladium components` lists this one's".into())
            }
            DecodeError::NewerSchema { .. } => {
                Some("use the version of palladium that wrote it, or a newer one".into())
            }
            DecodeError::Malformed { .. } | DecodeError::Inconsistent { .. } => None,
        }
    }
}

/// Reads a model of one type.
pub type Decode = fn(&mut dyn BufRead) -> Result<Box<dyn Model>, DecodeError>;

/// How stored models of one component are read.
#[derive(Debug)]
pub struct ModelDescriptor {
    /// Name and newest schema version.
    pub id: FormatId,
    /// The crate that holds it.
    pub krate: &'static str,
    /// Reads one; the reader is bounded by the caller.
    pub decode: Decode,
}

impl ModelDescriptor {
    /// Returns the descriptor of a model type.
    pub const fn of<M: ModelFormat>(krate: &'static str) -> ModelDescriptor {
        ModelDescriptor { id: M::ID, krate, decode: decode::<M> }
    }
}

/// How deep the data of a model may nest: as deep as JSON, where the library's own limit exhausts a thread's stack.
const MAX_DEPTH: usize = 128;

fn decode<M: ModelFormat>(reader: &mut dyn BufRead) -> Result<Box<dyn Model>, DecodeError> {
    let name = M::ID.name;
    let mut pieces = Pieces { reader, piece: Vec::new(), position: 0 };
    let mut deserializer = rmp_serde::Deserializer::new(&mut pieces);
    deserializer.set_max_depth(MAX_DEPTH);
    let model = M::deserialize(&mut deserializer).map_err(|source| DecodeError::Malformed { name, source })?;
    pieces.finish();
    model.check().map_err(|reason| DecodeError::Inconsistent { name, reason })?;
    Ok(Box::new(model))
}

/// How much of a model is copied at once.
const LONGEST_PIECE: usize = 1 << 16;

/// The bytes of a model piece by piece: a number is read without asking a reader of unknown type for its few bytes.
struct Pieces<'a> {
    reader: &'a mut dyn BufRead,
    /// What the reader holds, which it keeps until all of it is read.
    piece: Vec<u8>,
    position: usize,
}

impl Pieces<'_> {
    /// Lets the reader go on behind what was read.
    fn finish(self) {
        self.reader.consume(self.position);
    }

    #[cold]
    fn refill(&mut self) -> io::Result<()> {
        self.reader.consume(self.position);
        self.position = 0;
        self.piece.clear();
        let held = self.reader.fill_buf()?;
        self.piece.extend_from_slice(&held[..held.len().min(LONGEST_PIECE)]);
        Ok(())
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.piece.len() {
            self.refill()?;
        }
        let length = buffer.len().min(self.piece.len() - self.position);
        buffer[..length].copy_from_slice(&self.piece[self.position..self.position + length]);
        self.position += length;
        Ok(length)
    }

    #[inline]
    fn read_exact(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        if let Some(held) = self.piece.get(self.position..self.position + buffer.len()) {
            buffer.copy_from_slice(held);
            self.position += buffer.len();
            return Ok(());
        }
        while !buffer.is_empty() {
            match self.read(buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => buffer = &mut buffer[length..],
            }
        }
        Ok(())
    }
}

/// The models that a binary can decode, by name.
#[derive(Debug, Default)]
pub struct ModelFormats(BTreeMap<&'static str, &'static ModelDescriptor>);

impl ModelFormats {
    /// Returns the formats of these descriptors, whose names are unique.
    pub fn new(descriptors: impl IntoIterator<Item = &'static ModelDescriptor>) -> ModelFormats {
        ModelFormats(descriptors.into_iter().map(|descriptor| (descriptor.id.name, descriptor)).collect())
    }

    /// Reads a model that was stored under a name and schema version.
    ///
    /// # Errors
    /// An unknown name, a newer schema version, malformed or inconsistent data.
    pub fn decode(&self, name: &str, version: u32, reader: &mut dyn BufRead) -> Result<Box<dyn Model>, DecodeError> {
        let Some(descriptor) = self.0.get(name) else {
            return Err(DecodeError::UnknownFormat { name: name.to_owned() });
        };
        if version > descriptor.id.version {
            let known = descriptor.id.version;
            return Err(DecodeError::NewerSchema { name: name.to_owned(), found: version, known });
        }
        (descriptor.decode)(reader)
    }
}

impl Parameter {
    /// Returns a configuration value as parameter, if it is a flag, a number or a text.
    pub fn of(value: &Value) -> Option<Parameter> {
        value
            .as_bool()
            .map(Parameter::Bool)
            .or_else(|| value.as_int().map(Parameter::Int))
            .or_else(|| value.as_float().map(Parameter::Float))
            .or_else(|| value.as_text().map(|text| Parameter::Text(text.to_owned())))
    }
}
