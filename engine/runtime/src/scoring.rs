//! How models are scored: by their own score or by what the root key `scoring` says.

use std::sync::Arc;

use palladium_component::data::Dataset;
use palladium_component::interfaces::{Failure, Interface, Scorer, TrainedModel};
use palladium_component::value::{Data, Entry, Value};

use crate::plan::component_of;
use crate::{App, root_keys};

/// How models are scored.
#[derive(Clone)]
pub enum Scoring {
    /// By their own score.
    OwnScore,
    /// By one scorer.
    One(Arc<dyn Scorer>),
    /// By several, each under a label; the first decides.
    Labelled(Vec<(String, Arc<dyn Scorer>)>),
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
        let scorer = |value: &Value| component_of(value).and_then(<dyn Scorer as Interface>::of);
        match app.root().get(root_keys::SCORING) {
            Some(value) => match &value.data {
                Data::Map(labels) => {
                    let labelled =
                        |(label, entry): (&String, &Entry)| scorer(&entry.value).map(|scorer| (label.clone(), scorer));
                    Scoring::Labelled(labels.iter().filter_map(labelled).collect())
                }
                _ => scorer(value).map_or(Scoring::OwnScore, Scoring::One),
            },
            None => Scoring::OwnScore,
        }
    }

    /// Scores a model; the first score is the one that decides. There is none where the model has no score of its
    /// own and no scorer is given.
    ///
    /// # Errors
    /// Data or a model that a scorer does not apply to.
    pub fn score(&self, model: &TrainedModel, data: &Dataset) -> Result<Vec<Score>, Failure> {
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
