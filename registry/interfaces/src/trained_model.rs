//! A model together with what is known about it.

use palladium_data::{ColumnSpec, Dataset, Predictions, Probabilities, Samples};

use crate::{Failure, Metadata, Model, Parameter, Parameters, PredictError};

/// A model, the columns it was trained on and its metadata: what persisters store.
pub struct TrainedModel {
    /// The model.
    pub model: Box<dyn Model>,
    /// Names and types of the training columns, in order.
    pub columns: Vec<ColumnSpec>,
    /// What is known about it.
    pub metadata: Metadata,
}

impl TrainedModel {
    /// Predicts for samples, whose columns are matched with those of the training data.
    ///
    /// # Errors
    /// Columns that do not match, parameters that the model does not take, and the model's own.
    pub fn predict(&self, samples: Samples, parameters: &Parameters) -> Result<Predictions, PredictError> {
        self.check_parameters(parameters)?;
        self.model.predict(&samples.align(&self.columns)?, parameters)
    }

    /// Makes a first prediction, for a sample of zeros and empty texts, so that no request waits for what is done but once.
    ///
    /// # Errors
    /// Those of the model, which that sample may be wrong for.
    pub fn warm(&self) -> Result<(), PredictError> {
        self.predict(Samples::neutral(&self.columns)?, &Parameters::default()).map(drop)
    }

    /// Returns class probabilities for samples, whose columns are matched with those of the training data.
    ///
    /// # Errors
    /// As [`TrainedModel::predict`], and always where the model has no probabilities.
    pub fn predict_proba(&self, samples: Samples, parameters: &Parameters) -> Result<Probabilities, PredictError> {
        self.check_parameters(parameters)?;
        if !self.model.has_probabilities() {
            return Err(PredictError::NoProbabilities);
        }
        self.model.predict_proba(&samples.align(&self.columns)?, parameters)
    }

    /// Returns the model's own score on a data set, nothing where it has none.
    ///
    /// # Errors
    /// Columns or a target that do not match the training data.
    pub fn score(&self, data: &Dataset) -> Result<Option<f64>, Failure> {
        let features = Samples::new(data.features.clone()).align(&self.columns)?.table().clone();
        self.model.score(&Dataset { features, target: data.target.clone() })
    }

    /// Returns a named attribute of the model, which serves as default of the parameter of that name.
    pub fn attribute(&self, name: &str) -> Option<Parameter> {
        self.model.attribute(name)
    }

    fn check_parameters(&self, parameters: &Parameters) -> Result<(), PredictError> {
        let accepted = self.model.parameters();
        match parameters.keys().find(|name| !accepted.contains(&name.as_str())) {
            Some(name) => Err(PredictError::NoParameter { name: name.clone() }),
            None => Ok(()),
        }
    }
}
