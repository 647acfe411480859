//! Components in scripts: what each kind can do.

use std::borrow::Cow;
use std::sync::Arc;

use palladium_component::interfaces::{
    DatasetLoader, Estimator, FitContext, Metadata, Pairs, Persister, PredictRequest, PredictService, TrainedModel,
    Version,
};
use palladium_config::script::Opaque;
use rhai::{Dynamic, Engine, Map};

use crate::fault::{Answer, Fault, guarded};
use crate::handle::{Handle, component, dataset_argument, describe, model_argument, opaque};
use crate::models::{parameters, predict};
use crate::values::{Cell, from_json, to_json};

type Result<T> = std::result::Result<T, Box<rhai::EvalAltResult>>;

/// Registers the methods; `context` lets a fit hear that it is to stop.
pub(crate) fn register(engine: &mut Engine, context: &FitContext) {
    engine.register_fn("load", |of: &mut Opaque| -> Result<Dynamic> {
        guarded(|| Ok(opaque(component::<dyn DatasetLoader>(of, "load")?.load()?)))
    });
    let context = context.clone();
    engine.register_fn("fit", move |of: &mut Opaque, data: Dynamic| -> Result<Dynamic> {
        guarded(|| fit(of, &data, &context))
    });
    engine.register_fn("predict", |of: &mut Opaque, first: Dynamic, second: Dynamic| -> Result<Dynamic> {
        guarded(|| match Handle::of(of) {
            Handle::Model(model) => match second.as_map_ref() {
                Ok(named) => predict(&model, &first, &parameters(&named)?),
                Err(_) => Err(Fault::new(format!("the parameters are a map, this is {}", describe(&second)))),
            },
            _ => answer(of, &first, &second),
        })
    });
    register_persister(engine);
}

fn register_persister(engine: &mut Engine) {
    let persister = |of: &Opaque, method: &str| component::<dyn Persister>(of, method);
    engine.register_fn("list", move |of: &mut Opaque| -> Result<Dynamic> {
        guarded(|| {
            let models = persister(of, "list")?.list_models()?;
            Ok(Dynamic::from_array(models.iter().map(|model| metadata(&model.for_listing())).collect()))
        })
    });
    engine.register_fn("properties", move |of: &mut Opaque| -> Result<Dynamic> {
        guarded(|| {
            let properties = persister(of, "properties")?.list_properties()?;
            Ok(Dynamic::from_map(properties.into_iter().map(|(key, value)| (key.into(), value.into())).collect()))
        })
    });
    engine.register_fn("read", move |of: &mut Opaque| -> Result<Dynamic> {
        guarded(|| Ok(model(persister(of, "read")?.read(None)?)))
    });
    engine.register_fn("read", move |of: &mut Opaque, wanted: Dynamic| -> Result<Dynamic> {
        guarded(|| Ok(model(persister(of, "read")?.read(Some(version(&wanted)?))?)))
    });
    engine.register_fn("write", move |of: &mut Opaque, written: Dynamic| -> Result<Dynamic> {
        guarded(|| Ok(number(persister(of, "write")?.write(&*model_argument(&written)?)?)))
    });
    engine.register_fn("activate", move |of: &mut Opaque, wanted: Dynamic| -> Result<()> {
        guarded(|| Ok(persister(of, "activate")?.activate_as(version(&wanted)?, &palladium_runtime::origin("script"))?))
    });
    engine.register_fn("delete", move |of: &mut Opaque, wanted: Dynamic| -> Result<()> {
        guarded(|| Ok(persister(of, "delete")?.delete(version(&wanted)?)?))
    });
}

/// Returns a shared model as a value of scripts.
pub(crate) fn model(model: Arc<TrainedModel>) -> Dynamic {
    Dynamic::from(Opaque(model))
}

/// Returns a version as a value of scripts.
pub(crate) fn number(version: Version) -> Dynamic {
    Dynamic::from_int(i64::try_from(version.number()).unwrap_or(i64::MAX))
}

fn metadata(metadata: &Metadata) -> Dynamic {
    Dynamic::from_map(metadata.entries().map(|(key, value)| (key.into(), from_json(value))).collect())
}

/// Returns a version that was given as an argument: a number or its digits.
pub(crate) fn version(argument: &Dynamic) -> std::result::Result<Version, Fault> {
    match Cell::of(argument) {
        Some(Cell::Int(number)) => Ok(number.to_string().parse()?),
        Some(Cell::Text(text)) => Ok(text.parse()?),
        _ => Err(Fault::new(format!("a version is a whole number, this is {}", describe(argument)))),
    }
}

fn fit(of: &Opaque, data: &Dynamic, context: &FitContext) -> Answer {
    let estimator = component::<dyn Estimator>(of, "fit")?;
    let data = dataset_argument(data)?;
    let fitted = estimator.fit(&data, context)?;
    Ok(opaque(TrainedModel { model: fitted, columns: data.features.specs(), metadata: Metadata::default() }))
}

/// Answers a request as the service does over HTTP: a map is the query of a GET, a list of maps the body of a POST.
fn answer(of: &Opaque, model: &Dynamic, request: &Dynamic) -> Answer {
    let service = component::<dyn PredictService>(of, "predict")?;
    let model = model_argument(model)?;
    let request = match request.as_map_ref() {
        Ok(query) => PredictRequest { query: Cow::Owned(query_of(&query)?), ..PredictRequest::default() },
        Err(_) if request.is_array() => PredictRequest {
            body: Some(to_json(request)?.to_string().into_bytes().into()),
            ..PredictRequest::default()
        },
        Err(_) => {
            return Err(Fault::new(format!("a request is a map or a list of maps, this is {}", describe(request)))
                .help("a map is the query of a GET, a list of maps the body of a POST"));
        }
    };
    let response = service.predict(&model, &request)?;
    let json = serde_json::to_value(&response).map_err(|error| Fault::new(error.to_string()))?;
    Ok(from_json(&json))
}

fn query_of(query: &Map) -> std::result::Result<Pairs, Fault> {
    let pair = |(key, value): (&rhai::Identifier, &Dynamic)| {
        let text = match Cell::of(value) {
            Some(Cell::Bool(flag)) => flag.to_string(),
            Some(Cell::Int(number)) => number.to_string(),
            Some(Cell::Float(number)) => number.to_string(),
            Some(Cell::Text(text)) => text,
            Some(Cell::Missing) | None => {
                return Err(Fault::new(format!("`{key}` of the request is {}", describe(value)))
                    .help("a query holds flags, numbers and text"));
            }
        };
        Ok((key.to_string(), text))
    };
    query.iter().map(pair).collect()
}
