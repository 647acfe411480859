//! Every scorer, found and constructed by its name as a configuration does it, on models that answer what they are
//! given: the numbers are scikit-learn's (see `scripts/vectors/metrics.py`), the errors are ours.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::io::Write;
use std::sync::Arc;

use palladium_component::prelude::ndarray::{Array2, array};
use palladium_component::prelude::*;
use palladium_metrics as _;
use serde_json::Value as Json;

const TOLERANCE: f64 = 1e-10;

/// What a model of these tests answers.
#[derive(Clone)]
enum Answer {
    Predictions(Predictions),
    Probabilities(Probabilities),
}

/// A model that answers what it is given, whatever it is asked.
struct Fixed(Answer);

impl Encode for Fixed {
    fn format(&self) -> FormatId {
        FormatId { name: "test.Fixed", version: 1 }
    }

    fn encode(&self, _: &mut dyn Write) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Model for Fixed {
    fn predict(&self, _: &Samples, _: &Parameters) -> Result<Predictions, PredictError> {
        match &self.0 {
            Answer::Predictions(predictions) => Ok(predictions.clone()),
            Answer::Probabilities(_) => Err(PredictError::Internal(Failure::message("asked for predictions"))),
        }
    }

    fn has_probabilities(&self) -> bool {
        true
    }

    fn predict_proba(&self, _: &Samples, _: &Parameters) -> Result<Probabilities, PredictError> {
        match &self.0 {
            Answer::Probabilities(probabilities) => Ok(probabilities.clone()),
            Answer::Predictions(_) => Err(PredictError::NoProbabilities),
        }
    }

    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Scores with the scorer of a name such as `accuracy` or `top_k_accuracy k=1`.
fn score(name: &str, answer: &Answer, target: Option<ArrayRef>) -> Result<f64, Failure> {
    let scorer = scorer(name);
    let n_rows = target.as_ref().map_or(2, Array::len);
    let column = Arc::new(Float64Array::from(vec![0.0; n_rows])) as ArrayRef;
    let features = Table::new(vec![("x".into(), column)]).unwrap();
    let columns = features.specs();
    let target = target.map(|values| Column { name: "y".into(), values });
    let model = TrainedModel { model: Box::new(Fixed(answer.clone())), columns, metadata: Metadata::default() };
    scorer.score(&model, &Dataset { features, target })
}

fn scorer(name: &str) -> Arc<dyn Scorer> {
    let (name, k) = name.split_once(" k=").map_or((name, None), |(name, k)| (name, Some(k)));
    let descriptor = Registry::linked().unwrap().find(name).unwrap();
    let span = Span::nowhere("test");
    let mut arguments = Map::default();
    if let Some(k) = k {
        let value = Value::new(Data::Int(k.parse().unwrap()), span.clone());
        arguments.insert("k".into(), Entry { key_span: span.clone(), value });
    }
    let key = KeyPath::default();
    match (descriptor.make)(&mut Args::new(descriptor, &key, span, arguments)) {
        Some(Component::Scorer(scorer)) => scorer,
        _ => panic!("`{name}` is no scorer"),
    }
}

fn vectors(kind: &str) -> Vec<Json> {
    let vectors: Json = serde_json::from_str(include_str!("vectors/metrics.json")).unwrap();
    vectors[kind].as_array().unwrap().clone()
}

/// Returns labels or numbers of a vector as a column.
fn column(json: &Json) -> ArrayRef {
    let cells = json.as_array().unwrap();
    match &cells[0] {
        Json::Bool(_) => Arc::new(BooleanArray::from(cells.iter().map(Json::as_bool).collect::<Vec<_>>())),
        Json::String(_) => Arc::new(StringArray::from(cells.iter().map(Json::as_str).collect::<Vec<_>>())),
        Json::Number(number) if number.is_i64() => {
            Arc::new(Int64Array::from(cells.iter().map(Json::as_i64).collect::<Vec<_>>()))
        }
        _ => Arc::new(Float64Array::from(numbers(json))),
    }
}

fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn labels(json: &Json) -> Arc<ClassLabels> {
    Classes::of(&Column { name: "classes".into(), values: column(json) }).unwrap().labels
}

/// Compares all scores of a vector.
fn compare(case: &Json, answer: &Answer) {
    let target = column(&case["truth"]);
    for (name, expected) in case["scores"].as_object().unwrap() {
        let place = format!("`{name}` of {}", case["name"]);
        match (score(name, answer, Some(target.clone())), expected) {
            (Err(failure), Json::String(_)) => assert!(failure.help().is_some(), "{place}: {failure}"),
            (Err(failure), _) => panic!("{place}: {failure}"),
            (Ok(score), Json::Null) => assert!(score.is_nan(), "{place}: {score}"),
            (Ok(score), _) => {
                let expected = expected.as_f64().unwrap_or_else(|| panic!("{place}: {score}, should be refused"));
                let difference = (score - expected).abs();
                assert!(difference <= TOLERANCE * expected.abs().max(1.0), "{place}: {score}, not {expected}");
            }
        }
    }
}

#[test]
fn scores_of_predicted_classes_are_those_of_scikit_learn() {
    for case in vectors("classes") {
        let labels = labels(&case["classes"]);
        let predicted = labels.encode(&Column { name: "predicted".into(), values: column(&case["predicted"]) });
        let codes = predicted.unwrap().into_iter().map(Option::unwrap).collect();
        compare(&case, &Answer::Predictions(Predictions::Classes { labels, codes }));
    }
}

#[test]
fn scores_of_probabilities_are_those_of_scikit_learn() {
    for case in vectors("probabilities") {
        let rows: Vec<Vec<f64>> = case["probabilities"].as_array().unwrap().iter().map(numbers).collect();
        let labels = labels(&case["classes"]);
        let values = Array2::from_shape_vec((rows.len(), labels.len()), rows.concat()).unwrap();
        compare(&case, &Answer::Probabilities(Probabilities { labels, values }));
    }
}

#[test]
fn scores_of_numbers_are_those_of_scikit_learn() {
    for case in vectors("numbers") {
        compare(&case, &Answer::Predictions(Predictions::Numbers(numbers(&case["predicted"]))));
    }
}

#[test]
fn every_scorer_has_vectors() {
    let tested: Vec<String> = ["classes", "probabilities", "numbers"]
        .iter()
        .flat_map(|kind| vectors(kind)[0]["scores"].as_object().unwrap().keys().cloned().collect::<Vec<_>>())
        .collect();
    let registry = Registry::linked().unwrap();
    let scorers: Vec<_> = registry.of_kind(Kind::Scorer).collect();
    assert_eq!(scorers.len(), 37);
    for scorer in scorers {
        let short = scorer.name.strip_prefix("palladium.metrics.").unwrap();
        assert!(tested.iter().any(|name| name == short), "{short}");
        assert!(scorer.docs.lines().count() >= 3, "the manual page of `{short}` is a summary alone");
    }
    assert_eq!(registry.find("max_error").unwrap().name, "palladium.metrics.neg_max_error");
}

fn int(cells: &[i64]) -> Option<ArrayRef> {
    Some(Arc::new(Int64Array::from(cells.to_vec())))
}

fn float(cells: &[f64]) -> Option<ArrayRef> {
    Some(Arc::new(Float64Array::from(cells.to_vec())))
}

fn text(cells: &[&str]) -> Option<ArrayRef> {
    Some(Arc::new(StringArray::from(cells.to_vec())))
}

fn classes(known: &[i64], codes: &[u32]) -> Answer {
    let labels = Arc::new(ClassLabels::Int(known.to_vec()));
    Answer::Predictions(Predictions::Classes { labels, codes: codes.to_vec() })
}

fn predicted(numbers: &[f64]) -> Answer {
    Answer::Predictions(Predictions::Numbers(numbers.to_vec()))
}

fn probable(known: &[i64], values: Array2<f64>) -> Answer {
    Answer::Probabilities(Probabilities { labels: Arc::new(ClassLabels::Int(known.to_vec())), values })
}

/// Says in each case what is wrong and, in part, what to do about it; an empty help is none.
#[test]
fn refuses_what_does_not_fit() {
    let even = || array![[0.5, 0.5], [0.5, 0.5]];
    let cases = [
        ("accuracy", predicted(&[0.5, 1.0]), int(&[0, 1]), "the model predicts numbers, classes are needed", "`r2`"),
        ("r2", classes(&[0, 1], &[0, 1]), int(&[0, 1]), "the model predicts classes, numbers are needed", "`accuracy`"),
        ("roc_auc", classes(&[0, 1], &[0, 1]), int(&[0, 1]), "the model has no class probabilities", "`f1_macro`"),
        ("accuracy", classes(&[0, 1], &[0, 1]), None, "the data has no target: give the loader a `target_column`", ""),
        (
            "accuracy",
            classes(&[0, 1], &[0, 1]),
            text(&["0", "1"]),
            "column `y` holds text, a number, as in the training data, is needed",
            "of the type that the model was trained on",
        ),
        (
            "accuracy",
            classes(&[0, 1], &[0, 1]),
            float(&[0.0, 0.5]),
            "target `y` holds the number 0.5 in row 2: classes are whole numbers, flags or text; for a target of \
             measured numbers take a regressor",
            "numbers for a regressor",
        ),
        ("r2", predicted(&[0.5, 1.0]), text(&["a", "b"]), "column `y` holds text, a number is needed", "numbers for"),
        ("r2", predicted(&[]), float(&[]), "the data has no rows", ""),
        ("accuracy", classes(&[0, 1], &[]), int(&[]), "the data has no rows", ""),
        ("accuracy", classes(&[0, 1], &[0]), int(&[0, 1]), "there are 1 predictions for 2 rows", ""),
        ("r2", predicted(&[0.5]), int(&[0, 1]), "there are 1 predictions for 2 rows", ""),
        (
            "accuracy",
            classes(&[0, 1], &[0, 7]),
            int(&[0, 1]),
            "the model has 2 classes, but answers as if it had 8",
            "",
        ),
        (
            "roc_auc",
            probable(&[0, 1, 2], even()),
            int(&[0, 1]),
            "the model has 3 classes, but answers as if it had 2",
            "",
        ),
        (
            "neg_mean_absolute_error",
            predicted(&[0.5, f64::NAN]),
            int(&[0, 1]),
            "the model predicts NaN in row 2, where a finite number is needed",
            "an error of the model",
        ),
        (
            "neg_log_loss",
            probable(&[0, 1], array![[0.5, 0.5], [-0.5, 1.5]]),
            int(&[0, 1]),
            "the model gives the probability -0.5 in row 2, a number from 0 to 1 is needed",
            "an error of the model",
        ),
        (
            "top_k_accuracy",
            probable(&[0, 1], array![[0.5, f64::NAN], [0.5, 0.5]]),
            int(&[0, 1]),
            "the model gives the probability NaN in row 1, a number from 0 to 1 is needed",
            "an error of the model",
        ),
        (
            "roc_auc_ovo",
            probable(&[0, 1, 2], array![[0.5, 0.5, 0.5], [0.5, 0.5, 0.0]]),
            int(&[0, 1]),
            "the model's probabilities in row 1 sum to 1.5, 1 is needed",
            "an error of the model",
        ),
        (
            "neg_brier_score",
            probable(&[0, 1], even()),
            int(&[1, 8]),
            "the target holds the label `8` in row 2, for which the model has no probability",
            "holds every class",
        ),
        (
            "neg_log_loss",
            probable(&[0], array![[1.0], [1.0]]),
            int(&[0, 0]),
            "the model knows one class only, two are needed",
            "at least two classes",
        ),
        (
            "roc_auc",
            probable(&[0, 1, 2], array![[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]),
            int(&[0, 1]),
            "there are 3 classes, two are needed",
            "`roc_auc_ovr`",
        ),
        (
            "average_precision",
            probable(&[0, 2], even()),
            int(&[0, 2]),
            "none of the classes has the label 1, which marks the positive class",
            "`roc_auc`",
        ),
        (
            "jaccard",
            classes(&[0, 2], &[0, 1]),
            int(&[0, 2]),
            "none of the classes has the label 1, which marks the positive class",
            "`jaccard_macro`",
        ),
        (
            "f1",
            classes(&[0, 1], &[0, 1]),
            int(&[0, 2]),
            "there are 3 classes, two are needed",
            "take `f1_macro`, `f1_weighted` or `f1_micro`",
        ),
    ];
    for (name, answer, target, message, help) in cases {
        let failure = score(name, &answer, target).unwrap_err();
        assert_eq!(failure.to_string(), format!("no score `{name}`: {message}"));
        let found = failure.help().unwrap_or_default();
        assert!(found.contains(help) && found.is_empty() == help.is_empty(), "{name}: {found}");
    }
}

#[test]
fn whole_numbers_stand_for_floats_of_the_same_value() {
    assert_eq!(score("accuracy", &classes(&[0, 1], &[1, 1]), float(&[1.0, 0.0])).unwrap(), 0.5);
    assert_eq!(score("neg_max_error", &predicted(&[1.0, 2.5]), int(&[1, 2])).unwrap(), -0.5);
}
