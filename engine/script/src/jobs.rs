//! What belongs to one session: the jobs of its configuration, and making components.

use std::sync::Arc;

use palladium_component::Registry;
use palladium_component::data::Table;
use palladium_component::data::arrow_array::{ArrayRef, StringArray};
use palladium_component::interfaces::{FitContext, Kind, LoadProgress, Mode};
use palladium_component::value::{Data, Diagnostics, Entry, Label, Map as ValueMap, Span, Value};
use palladium_config::script::{Opaque, from_dynamic};
use palladium_runtime::evaluate::evaluate;
use palladium_runtime::fit::{FitInputs, FitOptions, Outcome, fit};
use palladium_runtime::lineage::Sources;
use palladium_runtime::{Score, build, component_of, plan_tree, root_keys};
use rhai::{Array, Dynamic, Engine, ImmutableString, Map};

use crate::components::{number, version};
use crate::fault::{Answer, Fault, guarded};
use crate::handle::{Handle, Made, describe, held, opaque};
use crate::project::Project;
use crate::values::{Cell, known_keys};

type Result<T> = std::result::Result<T, Box<rhai::EvalAltResult>>;

/// The key under which a component that a script makes is built.
const MADE: &str = "component";

pub(crate) fn register(engine: &mut Engine, project: &Arc<Project>, context: &FitContext) {
    let (this, heard) = (Arc::clone(project), context.clone());
    engine.register_fn("fit", move || -> Result<Dynamic> { guarded(|| fit_job(&this, &Map::new(), &heard)) });
    let (this, heard) = (Arc::clone(project), context.clone());
    engine.register_fn("fit", move |options: Map| -> Result<Dynamic> { guarded(|| fit_job(&this, &options, &heard)) });
    let this = Arc::clone(project);
    engine.register_fn("test", move || -> Result<Dynamic> { guarded(|| test_job(&this, None)) });
    let this = Arc::clone(project);
    engine.register_fn("test", move |of: Dynamic| -> Result<Dynamic> { guarded(|| test_job(&this, Some(&of))) });
    let this = Arc::clone(project);
    engine.register_fn("component", move |name: ImmutableString| -> Result<Dynamic> {
        guarded(|| make(this.registry(), &name, &Map::new()))
    });
    let this = Arc::clone(project);
    engine.register_fn("component", move |name: ImmutableString, arguments: Map| -> Result<Dynamic> {
        guarded(|| make(this.registry(), &name, &arguments))
    });
    let this = Arc::clone(project);
    engine.register_fn("components", move || -> Result<Dynamic> { guarded(|| catalogue(this.registry())) });
}

/// Fits as the configuration says, and says what was done.
fn fit_job(project: &Project, options: &Map, context: &FitContext) -> Answer {
    known_keys(options, &["persist", "activate", "evaluate", "persist_if_better_than"])?;
    let flag = |name: &str, default: bool| match options.get(name) {
        None => Ok(default),
        Some(value) => value
            .as_bool()
            .map_err(|_| Fault::new(format!("the option `{name}` is `true` or `false`, this is {}", describe(value)))),
    };
    let usual = FitOptions::default();
    let threshold = match options.get("persist_if_better_than").map(|value| (value, Cell::of(value))) {
        None | Some((_, Some(Cell::Missing))) => None,
        Some((_, Some(Cell::Float(number)))) if !number.is_nan() => Some(number),
        Some((_, Some(Cell::Int(number)))) => Some(number as f64),
        Some((value, _)) => {
            let message = format!("the option `persist_if_better_than` is a number, this is {}", describe(value));
            return Err(Fault::new(message));
        }
    };
    let options = FitOptions {
        persist: flag("persist", usual.persist)?,
        activate: flag("activate", usual.activate)?,
        evaluate: flag("evaluate", usual.evaluate)?,
        persist_if_better_than: threshold,
    };
    let sources = Sources::of(project.config().to_json(), project.app(), project.registry());
    let inputs = FitInputs::of(project.app(), &options)?.with_sources(sources);
    let report = fit(&inputs, &options, context)?;

    let mut done = Map::new();
    let (stored, activated) = match report.outcome {
        Outcome::Persisted { version, activated } => (number(version), activated),
        Outcome::NotPersisted | Outcome::NotGoodEnough { .. } => (Dynamic::UNIT, false),
    };
    done.insert("version".into(), stored);
    done.insert("activated".into(), activated.into());
    add_scores(&mut done, "_train", &report.train_scores);
    add_scores(&mut done, "_test", &report.test_scores);
    done.insert("model".into(), opaque(report.model));
    Ok(Dynamic::from_map(done))
}

/// Adds the deciding score and all scores by their labels.
fn add_scores(map: &mut Map, what: &str, scores: &[Score]) {
    let Some(deciding) = scores.first() else { return };
    map.insert(format!("score{what}").into(), Dynamic::from_float(deciding.value));
    let labelled = scores.iter().map(|score| (score.label.as_str().into(), Dynamic::from_float(score.value)));
    map.insert(format!("scores{what}").into(), Dynamic::from_map(labelled.collect()));
}

/// Scores a version, or the active one.
fn test_job(project: &Project, of: Option<&Dynamic>) -> Answer {
    let wanted = match of {
        None => None,
        Some(value) if value.is_unit() => None,
        Some(value) => Some(version(value)?),
    };
    let evaluation = evaluate(project.app(), wanted, &LoadProgress::default())?;
    let mut done = Map::new();
    done.insert("version".into(), evaluation.version.map_or(Dynamic::UNIT, number));
    add_scores(&mut done, "", &evaluation.scores);
    Ok(Dynamic::from_map(done))
}

/// Makes a component from its name and its arguments, checked as in a configuration, and initializes it.
fn make(registry: &Registry, name: &str, arguments: &Map) -> Answer {
    let descriptor = registry.find(name).map_err(|error| match &error {
        palladium_component::NotFound::Unknown { near: Some(near), .. } => {
            Fault::new(error.to_string()).help(format!("did you mean `{near}`?"))
        }
        _ => Fault::new(error.to_string()).help("`components()` lists them"),
    })?;
    if arguments.contains_key("!") || arguments.contains_key("__factory__") {
        return Err(Fault::new("the arguments of a component do not name another one"));
    }
    let span = Span::nowhere("a script");
    let entry = |value: Value| Entry { key_span: span.clone(), value };
    let text = |text: &str| entry(Value::new(Data::Text(text.to_owned()), span.clone()));
    let bare = unwrapped(&Dynamic::from_map(arguments.clone()));
    let Data::Map(mut map) = from_dynamic(&bare, &span)?.data else {
        return Err(Fault::new("the arguments of a component are a map"));
    };
    map.insert("!".to_owned(), text(descriptor.name));
    let root = ValueMap::from_iter([
        (root_keys::MODE.to_owned(), text(&Mode::Fit.to_string())),
        (MADE.to_owned(), entry(Value::new(Data::Map(map), span.clone()))),
    ]);
    let plan = plan_tree(&Value::new(Data::Map(root), span.clone()), registry).map_err(placeless)?;
    let app = build(plan, registry).map_err(|finding| placeless(finding.into()))?;
    let built = app.root().get(MADE).cloned();
    match built.as_ref().and_then(component_of) {
        Some(component) => {
            let (component, parts) = (component.clone(), arguments.clone());
            Ok(opaque(Made { component, name: descriptor.name, _app: app, _parts: parts }))
        }
        // A function is called in its place.
        None => Ok(built.as_ref().map_or(Dynamic::UNIT, palladium_config::script::to_dynamic)),
    }
}

/// Returns findings about what stands in no text; the call that they are about gives them a place.
fn placeless(mut findings: Diagnostics) -> Fault {
    for finding in &mut findings.0 {
        let (shown, nowhere) =
            std::mem::take(&mut finding.labels).into_iter().partition(|label| label.span.is_quotable());
        finding.labels = shown;
        let texts = nowhere.into_iter().map(|label: Label| label.text).filter(|text| !text.is_empty());
        let (advice, facts): (Vec<String>, Vec<String>) = texts.partition(|text| text.ends_with('?'));
        finding.help.extend(advice);
        finding.notes.splice(0..0, facts);
        finding.key_path = None;
    }
    findings.into()
}

/// Puts bare components in the place of those that know where they come from.
fn unwrapped(value: &Dynamic) -> Dynamic {
    if let Ok(items) = value.as_array_ref() {
        return Dynamic::from_array(items.iter().map(unwrapped).collect::<Array>());
    }
    if let Ok(entries) = value.as_map_ref() {
        return Dynamic::from_map(entries.iter().map(|(key, value)| (key.clone(), unwrapped(value))).collect());
    }
    match held(value) {
        Some(Handle::Component(component)) => Dynamic::from(Opaque(Arc::new(component))),
        _ => value.clone(),
    }
}

/// Returns the components of this binary, commands aside, as a table.
fn catalogue(registry: &Registry) -> Answer {
    let listed: Vec<_> = registry.components().iter().filter(|descriptor| descriptor.kind != Kind::Command).collect();
    let texts = |text: fn(&palladium_component::Descriptor) -> String| -> ArrayRef {
        Arc::new(listed.iter().map(|descriptor| Some(text(descriptor))).collect::<StringArray>())
    };
    let columns = vec![
        ("name".to_owned(), texts(|descriptor| descriptor.name.to_owned())),
        ("kind".to_owned(), texts(|descriptor| descriptor.kind.to_string())),
        ("summary".to_owned(), texts(|descriptor| descriptor.summary().to_owned())),
    ];
    Ok(opaque(Table::new(columns)?))
}
