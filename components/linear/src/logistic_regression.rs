//! Logistic regression as a component.

use std::sync::Arc;

use palladium_component::prelude::*;
use serde::{Deserialize, Serialize};

use crate::kernel::{Interrupted, LogisticError, LogisticFit, LogisticParameters};
use crate::softmax_weights::SoftmaxWeights;

/// Logistic regression: a linear classifier for two or more classes that knows probabilities.
///
/// Each class has a score, a weighted sum of the feature columns and an intercept; the softmax of the scores are the
/// probabilities, and the most probable class is predicted. With two classes there is one score, that of the second.
///
/// Features are columns of numbers or flags without missing cells. Classes are texts, whole numbers or flags, at least
/// two of them; they are answered in the type they were given and in ascending order. Columns of very different size
/// make fitting slow and the penalty uneven: scale them to unit variance first.
///
/// Parameters and results are those of scikit-learn's `LogisticRegression` with the solver `lbfgs`. A fit that does not
/// converge within `max_iter` iterations is kept, with a warning in the log.
///
/// A model has its parameters as attributes, and with them `n_iter_`, the iterations that fitting took, and
/// `n_features_in_`, the number of columns. Its predictions take no parameters: `params` of a predict service get the
/// attributes where a request gives none, for a function `predict` of the service to use. Models that were stored by a
/// program that did not keep the parameters have the last two alone.
///
/// ```ron
/// "model": LogisticRegression(C: 0.3)
/// ```
#[component(Estimator, name = "palladium.linear.LogisticRegression", alias = "sklearn.linear_model.LogisticRegression")]
#[derive(Debug)]
pub struct LogisticRegression {
    /// Inverse of the strength of the penalty on squared coefficients: smaller values mean simpler models, larger ones
    /// follow the training data more closely.
    #[param(name = "C", default = 1.0, above = 0.0)]
    c: f64,
    /// Whether each class has an intercept. Without, scores are zero where all features are zero. Intercepts are not
    /// penalized.
    #[param(default = true)]
    fit_intercept: bool,
    /// The number of iterations after which fitting stops even if it has not converged.
    #[param(default = 100, min = 1)]
    max_iter: usize,
    /// Fitting has converged when no entry of the gradient of the mean loss is larger than this.
    #[param(default = 1e-4, above = 0.0)]
    tol: f64,
}

impl Estimator for LogisticRegression {
    fn fit(&self, data: &Dataset, context: &FitContext) -> Result<Box<dyn Model>, Failure> {
        // Where the target was forgotten, its column is among the features, and it is not they that are wrong.
        data.target()?;
        let (matrix, classes) = (data.numeric()?, data.classes()?);
        let parameters =
            LogisticParameters { c: self.c, fit_intercept: self.fit_intercept, max_iter: self.max_iter, tol: self.tol };
        let fit = parameters.fit_while(matrix.view(), classes.codes, classes.labels.len(), None, || context.check());
        match fit {
            Ok(LogisticFit { weights, n_iter, .. }) => {
                Ok(Box::new(LogisticModel { classes: classes.labels, weights, n_iter, parameters: Some(parameters) }))
            }
            Err(Interrupted::Failed(error)) => Err(error.into()),
            Err(Interrupted::Stopped(cancelled)) => Err(cancelled.into()),
        }
    }
}

impl Explain for LogisticError {
    fn help(&self) -> Option<String> {
        let help = match self {
            LogisticError::NoRows => "check that the loader's file or query holds rows",
            LogisticError::NoColumns => "give the loader columns besides the `target_column`",
            LogisticError::OneClass => {
                "check the `target_column`, and whether the rows are sorted by class and cut off, as by `nrows`"
            }
            LogisticError::Overflow => "remove outliers or divide the columns by a constant",
            _ => return None,
        };
        Some(help.to_owned())
    }
}

/// What logistic regression learned.
#[component(Model, name = "palladium.linear.LogisticRegression", version = 1)]
#[derive(Debug, Serialize, Deserialize)]
pub struct LogisticModel {
    /// The classes, in ascending order.
    classes: Arc<ClassLabels>,
    weights: SoftmaxWeights,
    /// Iterations that fitting took.
    n_iter: usize,
    /// How it was fitted; older models do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameters: Option<LogisticParameters>,
}

impl LogisticModel {
    /// Returns the samples as matrix with as many columns as there were in training.
    fn matrix(&self, samples: &Samples) -> Result<ndarray::Array2<f64>, PredictError> {
        let (expected, found) = (self.weights.n_columns(), samples.table().n_columns());
        if expected != found {
            let text = format!("the model was trained on {expected} columns, {found} were given");
            return Err(PredictError::Internal(Failure::message(text)));
        }
        Ok(samples.numeric()?)
    }
}

impl Model for LogisticModel {
    fn predict(&self, samples: &Samples, _parameters: &Parameters) -> Result<Predictions, PredictError> {
        let codes = self.weights.predict(self.matrix(samples)?.view());
        Ok(Predictions::Classes { labels: Arc::clone(&self.classes), codes })
    }

    fn has_probabilities(&self) -> bool {
        true
    }

    fn predict_proba(&self, samples: &Samples, _parameters: &Parameters) -> Result<Probabilities, PredictError> {
        let values = self.weights.probabilities(self.matrix(samples)?.view());
        Ok(Probabilities { labels: Arc::clone(&self.classes), values })
    }

    fn output(&self) -> Option<ModelOutput<'_>> {
        Some(ModelOutput::Classes(&self.classes))
    }

    fn attribute(&self, name: &str) -> Option<Parameter> {
        let count = |number: usize| i64::try_from(number).ok().map(Parameter::Int);
        match name {
            "n_iter_" => return count(self.n_iter),
            "n_features_in_" => return count(self.weights.n_columns()),
            _ => {}
        }
        let LogisticParameters { c, fit_intercept, max_iter, tol } = self.parameters?;
        match name {
            "C" => Some(Parameter::Float(c)),
            "fit_intercept" => Some(Parameter::Bool(fit_intercept)),
            "max_iter" => count(max_iter),
            "tol" => Some(Parameter::Float(tol)),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), String> {
        self.weights.check()?;
        if let Some(parameters) = self.parameters {
            parameters.check().map_err(|error| error.to_string())?;
        }
        if self.classes.len() != self.weights.n_classes() {
            return Err(format!("{} classes do not fit weights for {}", self.classes.len(), self.weights.n_classes()));
        }
        if !self.classes.is_ascending() {
            return Err("the classes are not in ascending order".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "palladium.linear.LogisticRegression";

    fn dataset(target: impl Array + 'static) -> Dataset {
        let feature = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
        let columns = vec![
            ("width".to_owned(), feature(vec![0.0, 0.2, 1.0, 1.2, 2.0, 2.2])),
            ("length".to_owned(), feature(vec![5.0, 4.8, 5.1, 5.0, 4.9, 5.2])),
            ("kind".to_owned(), Arc::new(target) as ArrayRef),
        ];
        Dataset::split(Table::new(columns).unwrap(), Some("kind")).unwrap()
    }

    fn construct(arguments: &[(&str, Data)]) -> Result<Arc<dyn Estimator>, String> {
        let span = Span::nowhere("test");
        let mut map = Map::new();
        for (name, data) in arguments {
            let value = Value::new(data.clone(), span.clone());
            map.insert((*name).to_owned(), Entry { key_span: span.clone(), value });
        }
        let registry = Registry::linked().unwrap();
        let (descriptor, key) = (registry.find(NAME).unwrap(), KeyPath::default());
        let mut args = Args::new(descriptor, &key, span, map);
        match (descriptor.make)(&mut args) {
            Some(component) => Ok(<dyn Estimator as Interface>::of(&component).unwrap()),
            None => Err(format!("{:?}", args.into_findings())),
        }
    }

    fn estimator() -> LogisticRegression {
        LogisticRegression { c: 100.0, fit_intercept: true, max_iter: 100, tol: 1e-4 }
    }

    fn fit(data: &Dataset) -> Box<dyn Model> {
        estimator().fit(data, &FitContext::default()).unwrap()
    }

    fn answers(model: &dyn Model, data: &Dataset) -> (String, String) {
        let samples = Samples::new(data.features.clone());
        let predictions = model.predict(&samples, &Parameters::new()).unwrap();
        let probabilities = model.predict_proba(&samples, &Parameters::new()).unwrap();
        (serde_json::to_string(&predictions).unwrap(), serde_json::to_string(&probabilities).unwrap())
    }

    #[test]
    fn answers_labels_in_the_type_they_were_given() {
        let cases = [
            (dataset(StringArray::from(vec!["c", "c", "a", "a", "b", "b"])), r#"["c","c","a","a","b","b"]"#),
            (dataset(Int64Array::from(vec![7, 7, -1, -1, 3, 3])), "[7,7,-1,-1,3,3]"),
            (dataset(Float64Array::from(vec![2.0, 2.0, 1.0, 1.0, 0.0, 0.0])), "[2.0,2.0,1.0,1.0,0.0,0.0]"),
            (
                dataset(BooleanArray::from(vec![true, true, true, false, false, false])),
                "[true,true,true,false,false,false]",
            ),
        ];
        for (data, expected) in cases {
            let model = fit(&data);
            assert_eq!(answers(model.as_ref(), &data).0, expected);
            assert_eq!(model.score(&data).unwrap(), Some(1.0));
            let labels = Classes::of(data.target().unwrap()).unwrap().labels;
            assert_eq!(model.output(), Some(ModelOutput::Classes(&labels)));
        }
    }

    #[test]
    fn a_stored_model_predicts_the_same() {
        let data = dataset(StringArray::from(vec!["c", "c", "a", "a", "b", "b"]));
        let model = fit(&data);
        let mut bytes = Vec::new();
        model.encode(&mut bytes).unwrap();
        let formats = Arc::clone(Registry::linked().unwrap().formats());
        let decoded = formats.decode(NAME, 1, &mut bytes.as_slice()).unwrap();
        assert_eq!(answers(decoded.as_ref(), &data), answers(model.as_ref(), &data));
        for length in 0..bytes.len() {
            assert!(formats.decode(NAME, 1, &mut &bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
    }

    #[test]
    fn parameters_are_attributes_and_older_models_have_none() {
        let data = dataset(Int64Array::from(vec![0, 0, 0, 1, 1, 1]));
        let estimator = LogisticRegression { c: 0.3, fit_intercept: false, max_iter: 7, tol: 1e-2 };
        let mut bytes = Vec::new();
        estimator.fit(&data, &FitContext::default()).unwrap().encode(&mut bytes).unwrap();
        let formats = Arc::clone(Registry::linked().unwrap().formats());
        let decoded = formats.decode(NAME, 1, &mut bytes.as_slice()).unwrap();
        let expected = [
            ("C", Some(Parameter::Float(0.3))),
            ("fit_intercept", Some(Parameter::Bool(false))),
            ("max_iter", Some(Parameter::Int(7))),
            ("tol", Some(Parameter::Float(1e-2))),
            ("n_features_in_", Some(Parameter::Int(2))),
            ("c", None),
        ];
        for (name, value) in expected {
            assert_eq!(decoded.attribute(name), value, "{name}");
        }
        let Some(Parameter::Int(1..=7)) = decoded.attribute("n_iter_") else { panic!("it takes some iterations") };

        let (classes, weights) = (Arc::new(ClassLabels::Int(vec![0, 1])), SoftmaxWeights::from_parts(1, vec![0.5; 2]));
        let broken = LogisticParameters { c: f64::NAN, ..LogisticParameters::default() };
        for (parameters, n_attributes) in [(None, Some(1)), (Some(broken), None)] {
            let model =
                LogisticModel { classes: Arc::clone(&classes), weights: weights.clone(), n_iter: 3, parameters };
            let mut bytes = Vec::new();
            model.encode(&mut bytes).unwrap();
            assert_eq!(bytes[0], if n_attributes.is_some() { 0x83 } else { 0x84 }, "the number of entries");
            let decoded = formats.decode(NAME, 1, &mut bytes.as_slice()).ok();
            let found = decoded.map(|model| ["C", "n_iter_"].iter().filter_map(|name| model.attribute(name)).count());
            assert_eq!(found, n_attributes);
        }
    }

    #[test]
    fn a_stored_model_that_contradicts_itself_is_refused() {
        let labels = |labels: &[i64]| Arc::new(ClassLabels::Int(labels.to_vec()));
        let weights = |n_outputs: usize, value| SoftmaxWeights::from_parts(1, vec![value; 2 * n_outputs]);
        let cases = [
            (labels(&[0, 1]), weights(1, f64::NAN), "has to be finite"),
            (labels(&[0, 1]), weights(3, 0.0), "2 classes do not fit weights for 3"),
            (labels(&[0]), weights(1, 0.0), "1 classes do not fit weights for 2"),
            (labels(&[1, 0]), weights(1, 0.0), "not in ascending order"),
            (labels(&[0, 1]), SoftmaxWeights::from_parts(2, vec![0.0; 4]), "4 weights do not fit 2 columns"),
        ];
        let formats = Arc::clone(Registry::linked().unwrap().formats());
        for (classes, weights, expected) in cases {
            let mut bytes = Vec::new();
            LogisticModel { classes, weights, n_iter: 1, parameters: None }.encode(&mut bytes).unwrap();
            let error = formats.decode(NAME, 1, &mut bytes.as_slice()).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn says_what_it_cannot_work_with() {
        let one_class = dataset(StringArray::from(vec!["a"; 6]));
        let error = estimator().fit(&one_class, &FitContext::default()).err().unwrap();
        assert!(error.to_string().contains("at least 2 classes"), "{error}");
        assert!(error.help().unwrap().contains("`target_column`"));

        let data = dataset(Int64Array::from(vec![0, 0, 0, 1, 1, 1]));
        let stopped = FitContext::cancelled_by(Arc::new(true.into()));
        assert_eq!(estimator().fit(&data, &stopped).err().unwrap().to_string(), "the fit was cancelled");

        let narrow = Samples::new(data.features.project(&[0]));
        let error = fit(&data).predict(&narrow, &Parameters::new()).unwrap_err();
        assert_eq!(error.to_string(), "the model was trained on 2 columns, 1 were given");
    }

    #[test]
    fn arguments_are_checked() {
        let data = dataset(Int64Array::from(vec![0, 0, 0, 1, 1, 1]));
        let good = [("C", Data::Float(0.3)), ("fit_intercept", Data::Bool(false)), ("max_iter", Data::Int(7))];
        let model = construct(&good).unwrap().fit(&data, &FitContext::default()).unwrap();
        assert_eq!(answers(model.as_ref(), &data).0, "[0,0,0,1,1,1]");
        construct(&[]).unwrap();
        let bad = [
            ("C", Data::Float(0.0), "greater than 0"),
            ("tol", Data::Float(0.0), "greater than 0"),
            ("max_iter", Data::Int(0), "at least 1"),
            ("penalty", Data::Text("l1".into()), "has no parameter `penalty`"),
        ];
        for (name, value, expected) in bad {
            let findings = construct(&[(name, value)]).err().unwrap();
            assert!(findings.contains(expected), "{findings}");
        }
    }
}
