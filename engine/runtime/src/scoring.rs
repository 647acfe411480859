//! How models are scored: by their own score or by what the root key `scoring` says.

use std::sync::Arc;

use palladium_component::data::Dataset;
use palladium_component::interfaces::{Failure, Interface, Scorer, TrainedModel};
use palladium_component::value::{Callable, Code, Data, Diagnostic, Entry, Span, Value};

use crate::plan::component_of;
use crate::{App, root_keys};

/// How models are scored.
#[derive(Clone)]
pub enum Scoring {
    /// By their own score.
    OwnScore,
    /// By one scorer.
    One(Judge),
    /// By several, each under a label; the first decides.
    Labelled(Vec<(String, Judge)>),
}

/// What scores a model.
#[derive(Clone)]
pub enum Judge {
    /// A component.
    Scorer(Arc<dyn Scorer>),
    /// A function of the model, the features and the target, or null where there is none; it returns a number.
    Function(Arc<dyn Callable>),
}

/// A score under its label.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// `score`, or the label that the configuration gave it.
    pub label: String,
    /// How good the model is; greater is better.
    pub value: f64,
}

impl Scoring {
    /// Returns what the root key `scoring` says. Planning has put scorers in the place of their names.
    pub fn of(app: &App) -> Scoring {
        match app.root().get(root_keys::SCORING) {
            Some(value) => match &value.data {
                Data::Map(labels) => {
                    let labelled =
                        |(label, entry): (&String, &Entry)| Judge::of(&entry.value).map(|judge| (label.clone(), judge));
                    Scoring::Labelled(labels.iter().filter_map(labelled).collect())
                }
                _ => Judge::of(value).map_or(Scoring::OwnScore, Scoring::One),
            },
            None => Scoring::OwnScore,
        }
    }

    /// Scores a model; the first score is the one that decides. There is none where the model has no score of its
    /// own and no scorer is given.
    ///
    /// # Errors
    /// Data or a model that a scorer does not apply to.
    pub fn score(&self, model: &Arc<TrainedModel>, data: &Dataset) -> Result<Vec<Score>, Failure> {
        let plain = |value| Score { label: "score".to_owned(), value };
        match self {
            Scoring::OwnScore => Ok(model.score(data)?.map(plain).into_iter().collect()),
            Scoring::One(scorer) => Ok(vec![plain(scorer.score(model, data)?)]),
            Scoring::Labelled(scorers) => scorers
                .iter()
                .map(|(label, scorer)| Ok(Score { label: label.clone(), value: scorer.score(model, data)? }))
                .collect(),
        }
    }

    /// Tells whether models are scored by their own score.
    pub fn is_own_score(&self) -> bool {
        matches!(self, Scoring::OwnScore)
    }
}

impl Judge {
    fn of(value: &Value) -> Option<Judge> {
        match &value.data {
            Data::Function(function) => Some(Judge::Function(Arc::clone(function))),
            _ => component_of(value).and_then(<dyn Scorer as Interface>::of).map(Judge::Scorer),
        }
    }

    fn score(&self, model: &Arc<TrainedModel>, data: &Dataset) -> Result<f64, Failure> {
        let function = match self {
            Judge::Scorer(scorer) => return scorer.score(model, data),
            Judge::Function(function) => function,
        };
        let argument = |data| Value::new(data, Span::nowhere("the model that is scored"));
        let target = data.target.clone().map_or(Data::Null, |target| Data::Component(Arc::new(target)));
        let arguments = vec![
            argument(Data::Component(Arc::clone(model) as _)),
            argument(Data::Component(Arc::new(data.features.clone()))),
            argument(target),
        ];
        let value = function.call(arguments)?;
        value.as_float().ok_or_else(|| {
            let message = format!("`{}` has to return a number, the score", function.name());
            let finding = Diagnostic::new(Code::ScriptFailed, message);
            Box::new(finding.at(&value.span, format!("it returned {}", value.describe()))).into()
        })
    }
}
