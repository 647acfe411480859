//! Fitted models in scripts, and scoring.

use std::collections::BTreeMap;
use std::sync::Arc;

use palladium_component::data::arrow_array::Array as _;
use palladium_component::data::{Column, Dataset, Probabilities, Samples, Table};
use palladium_component::interfaces::{Parameter, Parameters, Scorer, TrainedModel};
use palladium_config::script::Opaque;
use rhai::{Dynamic, Engine, Map};

use crate::fault::{Answer, Fault, guarded};
use crate::handle::{Handle, component, dataset_argument, describe, held, model_argument, opaque};
use crate::tables::samples;
use crate::values::{Cell, column, from_json, label_name, predictions};

type Result<T> = std::result::Result<T, Box<rhai::EvalAltResult>>;

pub(crate) fn register(engine: &mut Engine) {
    engine.register_fn("predict", |of: &mut Opaque, rows: Dynamic| -> Result<Dynamic> {
        guarded(|| predict(&*fitted(of, "predict")?, &rows, &Parameters::new()))
    });
    engine.register_fn("predict_proba", |of: &mut Opaque, rows: Dynamic| -> Result<Dynamic> {
        guarded(|| predict_proba(&*fitted(of, "predict_proba")?, &rows, &Parameters::new()))
    });
    engine.register_fn("predict_proba", |of: &mut Opaque, rows: Dynamic, named: Map| -> Result<Dynamic> {
        guarded(|| predict_proba(&*fitted(of, "predict_proba")?, &rows, &parameters(&named)?))
    });
    engine.register_fn("score", |of: &mut Opaque, data: Dynamic| -> Result<Dynamic> {
        guarded(|| own_score(&*fitted(of, "score")?, &*dataset_argument(&data)?))
    });
    // Of a scorer the model and the data set, of a model the features and the target.
    engine.register_fn("score", |of: &mut Opaque, first: Dynamic, second: Dynamic| -> Result<Dynamic> {
        guarded(|| match Handle::of(of) {
            Handle::Model(model) => own_score(&model, &features_and_target(&first, &second)?),
            _ => score(of, &first, &second),
        })
    });
}

/// Returns a property of a model; nothing if it is none of its properties.
pub(crate) fn property(model: &TrainedModel, name: &str) -> Option<Dynamic> {
    Some(match name {
        "metadata" => {
            let entries = model.metadata.entries().map(|(key, value)| (key.into(), from_json(value)));
            Dynamic::from_map(entries.collect())
        }
        "columns" => Dynamic::from_array(model.columns.iter().map(|column| column.name.as_str().into()).collect()),
        "types" => {
            let types =
                model.columns.iter().map(|column| (column.name.as_str().into(), column.kind.to_string().into()));
            Dynamic::from_map(types.collect())
        }
        "name" => model.model.format().name.into(),
        other => match model.attribute(other)? {
            Parameter::Bool(flag) => Dynamic::from_bool(flag),
            Parameter::Int(number) => Dynamic::from_int(number),
            Parameter::Float(number) => Dynamic::from_float(number),
            Parameter::Text(text) => text.into(),
        },
    })
}

fn fitted(of: &Opaque, method: &str) -> std::result::Result<Arc<TrainedModel>, Fault> {
    match Handle::of(of) {
        Handle::Model(model) => Ok(model),
        other => Err(other.lacks(&format!("method `{method}` with these arguments"))),
    }
}

/// Returns keyword parameters of a prediction.
pub(crate) fn parameters(named: &Map) -> std::result::Result<Parameters, Fault> {
    let parameter = |(name, value): (&rhai::Identifier, &Dynamic)| {
        let parameter = match Cell::of(value) {
            Some(Cell::Bool(flag)) => Parameter::Bool(flag),
            Some(Cell::Int(number)) => Parameter::Int(number),
            Some(Cell::Float(number)) => Parameter::Float(number),
            Some(Cell::Text(text)) => Parameter::Text(text),
            Some(Cell::Missing) | None => {
                return Err(Fault::new(format!("the parameter `{name}` is {}", describe(value)))
                    .help("parameters are flags, numbers or text"));
            }
        };
        Ok((name.to_string(), parameter))
    };
    named.iter().map(parameter).collect::<std::result::Result<BTreeMap<_, _>, _>>()
}

/// Predicts: a list for many rows, one value for one map.
pub(crate) fn predict(model: &TrainedModel, rows: &Dynamic, parameters: &Parameters) -> Answer {
    let (table, is_one) = samples(rows)?;
    let answers = predictions(&model.predict(Samples::new(table), parameters)?);
    match is_one {
        true => Ok(answers.into_iter().next().unwrap_or_default()),
        false => Ok(Dynamic::from_array(answers)),
    }
}

/// Returns class probabilities: a table with a column for each class, a map for one map.
fn predict_proba(model: &TrainedModel, rows: &Dynamic, parameters: &Parameters) -> Answer {
    let (table, is_one) = samples(rows)?;
    let probabilities = model.predict_proba(Samples::new(table), parameters)?;
    let classes = probabilities_by_class(&probabilities);
    if is_one {
        let first =
            classes.into_iter().map(|(name, values)| (name.into(), values.into_iter().next().unwrap_or_default()));
        return Ok(Dynamic::from_map(first.collect()));
    }
    let columns = classes.into_iter().map(|(name, values)| {
        let made = column(&name, values.iter())?;
        Ok((name, made))
    });
    Ok(opaque(Table::new(columns.collect::<std::result::Result<_, Fault>>()?)?))
}

fn probabilities_by_class(probabilities: &Probabilities) -> Vec<(String, Vec<Dynamic>)> {
    let name = |index: usize| probabilities.labels.get(index).map_or_else(|| index.to_string(), label_name);
    let columns = probabilities.values.columns().into_iter().enumerate();
    columns.map(|(index, values)| (name(index), values.iter().copied().map(Dynamic::from_float).collect())).collect()
}

fn own_score(model: &TrainedModel, data: &Dataset) -> Answer {
    Ok(model.score(data)?.map_or(Dynamic::UNIT, Dynamic::from_float))
}

fn score(of: &Opaque, model: &Dynamic, data: &Dynamic) -> Answer {
    let scorer = component::<dyn Scorer>(of, "score")?;
    let (model, data) = (model_argument(model)?, dataset_argument(data)?);
    Ok(Dynamic::from_float(scorer.score(&model, &data)?))
}

/// Returns the data set that scripts get as two values.
fn features_and_target(features: &Dynamic, target: &Dynamic) -> std::result::Result<Dataset, Fault> {
    let (features, _) = samples(features)?;
    let target = match held(target) {
        Some(Handle::Column(column)) => (*column).clone(),
        _ => match target.as_array_ref() {
            Ok(values) => Column { name: "target".to_owned(), values: column("target", values.iter())? },
            Err(_) => {
                return Err(Fault::new(format!("the target is a column or a list, this is {}", describe(target))));
            }
        },
    };
    if target.values.len() != features.n_rows() {
        let (found, expected) = (target.values.len(), features.n_rows());
        return Err(Fault::new(format!("the target has {found} rows where the features have {expected}")));
    }
    Ok(Dataset { features, target: Some(target) })
}
