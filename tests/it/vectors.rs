//! The language-neutral test cases of `tests/vectors/config.json`, from text to components, in RON and in Rhai.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use palladium_component::prelude::*;
use palladium_config::{Environment, Request};
use palladium_runtime::{component_of, plan_tree};
use serde_json::{Value as Json, json};

use crate::process::repository;

/// Takes any arguments and shows them.
#[component(
    Object,
    name = "test.Dummy",
    alias = "test.A",
    alias = "test.B",
    alias = "test.C",
    alias = "test.G",
    alias = "test.L0",
    alias = "test.L1",
    alias = "test.M",
    alias = "test.P",
    alias = "test.Search",
    alias = "test.Sub",
    alias = "test.T",
    alias = "test.Table",
    alias = "test.Z",
    lifecycle
)]
struct Dummy {
    /// Everything that was given.
    #[param(rest)]
    arguments: Map,
    #[state]
    initialized: Initialized,
}

/// When and under which key a component was initialized.
#[derive(Default)]
struct Initialized(OnceLock<(usize, KeyPath, usize)>);

static CLOCK: AtomicUsize = AtomicUsize::new(0);

impl Lifecycle for Dummy {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        let now = CLOCK.fetch_add(1, Ordering::SeqCst);
        let root_size = context.root.as_map().map_or(0, Map::len);
        let first = self.initialized.0.set((now, context.key.clone(), root_size));
        first.map_err(|_| Failure::message("initialized twice"))
    }
}

impl Object for Dummy {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// Returns its arguments as a map.
#[component(Function, name = "dict")]
struct Dict {
    /// Everything that was given.
    #[param(rest)]
    arguments: Map,
}

impl Function for Dict {
    fn call(&self) -> Result<Data, Failure> {
        Ok(Data::Map(self.arguments.clone()))
    }
}

/// A language that cases are written in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Language {
    Ron,
    Rhai,
}

impl Language {
    const ALL: [Language; 2] = [Language::Ron, Language::Rhai];

    fn extension(self) -> &'static str {
        match self {
            Language::Ron => "ron",
            Language::Rhai => "rhai",
        }
    }

    /// Writes a JSON value in the language.
    fn write(self, value: &Json) -> String {
        match value {
            Json::Null if self == Language::Ron => "None".to_owned(),
            Json::Null => "()".to_owned(),
            Json::Array(items) => {
                format!("[{}]", items.iter().map(|item| self.write(item)).collect::<Vec<_>>().join(", "))
            }
            Json::Object(map) => {
                let open = if self == Language::Ron { "{" } else { "#{" };
                let entries = map.iter().map(|(key, value)| format!("{}: {}", json!(key), self.write(value)));
                format!("{open}{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            scalar => scalar.to_string(),
        }
    }
}

fn value_of(json: &Json) -> Value {
    let data = match json {
        Json::String(text) => Data::Text(text.clone()),
        other => panic!("extra entries are text, not {other}"),
    };
    Value::new(data, Span::nowhere("test"))
}

fn request(case: &Json, language: Language, folder: &std::path::Path) -> Request {
    let files = case["files"].as_array().unwrap().iter().enumerate().map(|(index, file)| {
        let name = format!("file{index}.{}", language.extension());
        std::fs::write(folder.join(&name), language.write(file)).unwrap();
        name
    });
    let files: Vec<String> = files.collect();
    let extra = case["extra"].as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value_of(value)));
    Request {
        files: (!files.is_empty()).then(|| files.join(",")),
        extra: extra.collect(),
        directory: folder.to_owned(),
        environment: Environment::default(),
        ..Request::default()
    }
}

/// Shows a built tree as the cases do.
fn shown(value: &Value) -> Json {
    if let Some(Component::Object(object)) = component_of(value) {
        let arguments = &object.as_any().downcast_ref::<Dummy>().unwrap().arguments;
        let arguments: serde_json::Map<_, _> =
            arguments.iter().map(|(key, entry)| (key.clone(), shown(&entry.value))).collect();
        return json!({ "kwargs": arguments });
    }
    match &value.data {
        Data::Map(map) => map.iter().map(|(key, entry)| (key.clone(), shown(&entry.value))).collect(),
        Data::List(items) => items.iter().map(shown).collect(),
        _ => value.to_json(),
    }
}

/// Returns an expected tree without the names of its components, which all are one here.
fn unnamed(expected: &Json) -> Json {
    match expected {
        Json::Object(map) => map
            .iter()
            .filter(|(key, _)| *key != "$component")
            .map(|(key, value)| (key.clone(), unnamed(value)))
            .collect(),
        Json::Array(items) => items.iter().map(unnamed).collect(),
        scalar => scalar.clone(),
    }
}

/// Returns the own keys of the components in the order in which they were initialized.
fn initialized(app: &palladium_runtime::App) -> Vec<KeyPath> {
    let mut order: Vec<(usize, KeyPath)> = Vec::new();
    for placed in app.all::<dyn Object>() {
        let dummy = placed.component.as_any().downcast_ref::<Dummy>().unwrap();
        let (time, key, root_size) = dummy.initialized.0.get().expect("initialized");
        assert_eq!(key, &placed.key);
        assert_eq!(*root_size, app.root().as_map().unwrap().len(), "the whole configuration is handed over");
        order.push((*time, key.clone()));
    }
    order.sort();
    order.into_iter().map(|(_, key)| key).collect()
}

fn check(case: &Json, language: Language, registry: &Registry) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let request = request(case, language, folder.path());
    let loaded = palladium_config::load(&request);
    let planned = loaded.and_then(|config| plan_tree(config.root(), registry));
    let plan = match (planned, case.get("error")) {
        (Ok(_), Some(error)) => return Err(format!("no error, {error} was expected")),
        (Err(findings), None) => return Err(findings.to_string()),
        (Err(findings), Some(error)) => {
            let mentions: Vec<&str> =
                error["mentions"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
            let fits = |finding: &Diagnostic| {
                let text = finding.render(false);
                finding.code.as_str() == error["kind"] && mentions.iter().all(|word| text.contains(word))
            };
            return if findings.iter().any(fits) { Ok(()) } else { Err(findings.to_string()) };
        }
        (Ok(plan), None) => plan,
    };
    let (found, expected) = (shown(plan.root()), unnamed(&case["expect"]));
    if found != expected {
        return Err(format!("expected {expected:#}, found {found:#}"));
    }
    let app = palladium_runtime::build(plan, registry).map_err(|error| error.to_string())?;
    let order = initialized(&app);
    let children_first = |(index, key): (usize, &KeyPath)| {
        let inside = |other: &KeyPath| other != key && other.to_string().starts_with(&format!("{key}."));
        !order[index..].iter().any(inside)
    };
    if !order.iter().enumerate().all(children_first) {
        return Err(format!("children come before their parents, found {order:?}"));
    }
    if let Some(expected) = case.get("init_keys") {
        let found: Json = order.iter().map(|key| key.last().unwrap()).collect();
        // Rhai's maps keep their order where they are written literally, as here.
        if found != *expected {
            return Err(format!("expected the order {expected}, found {found}"));
        }
    }
    Ok(())
}

#[test]
fn every_case_passes_in_both_languages() {
    let text = std::fs::read_to_string(repository().join("tests/vectors/config.json")).unwrap();
    let cases: Vec<Json> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 45);
    let registry = Registry::linked().unwrap();
    let mut failures = Vec::new();
    for (case, language) in cases.iter().flat_map(|case| Language::ALL.map(|language| (case, language))) {
        if let Err(error) = check(case, language, &registry) {
            failures.push(format!("{} ({language:?}): {error}", case["name"]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
