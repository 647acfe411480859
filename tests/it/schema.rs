//! `palladium schema`: valid itself, it takes what is right and refuses what is not.

use serde_json::{Value as Json, json};

use crate::process::{iris, palladium, repository, succeed, text};

/// Returns whether a configuration fits the schema.
struct Schema {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    fn of_the_binary() -> Schema {
        let text = succeed(&repository(), &["schema"]);
        let schema: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.set_default_draft(boon::Draft::V2020_12);
        compiler.add_resource("schema.json", schema).unwrap();
        // Compiling checks the schema against the meta-schema.
        let index = compiler.compile("schema.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Schema { schemas, index }
    }

    fn takes(&self, configuration: &Json) -> bool {
        self.schemas.validate(configuration, self.index).is_ok()
    }
}

fn printed_iris() -> Json {
    let folder = iris();
    serde_json::from_str(&succeed(folder.path(), &["config", "--format", "json", "--config", "config.ron"])).unwrap()
}

#[test]
fn examples_fit_the_schema() {
    const VARIABLES: [&str; 2] = ["DASHBOARD_KEY", "OAUTH2_SECRET"];
    let schema = Schema::of_the_binary();
    assert!(schema.takes(&printed_iris()));
    let catalogue: Json = serde_json::from_str(&succeed(&repository(), &["components", "--format", "json"])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for component in catalogue["components"].as_array().unwrap() {
        let name = &component["name"];
        let (ron, rhai) = (folder.path().join("a.ron"), folder.path().join("a.rhai"));
        std::fs::write(&ron, component["example"]["ron"].as_str().unwrap()).unwrap();
        std::fs::write(&rhai, component["example"]["rhai"].as_str().unwrap()).unwrap();
        let load = |file: &str| -> Json {
            let mut command = palladium(folder.path());
            command.args(["config", "--format", "json", "--config", file]);
            let output = command.envs(VARIABLES.map(|name| (name, "0123456789abcdef"))).output().unwrap();
            assert!(output.status.success(), "{name}: {}", text(&output.stderr));
            serde_json::from_slice(&output.stdout).unwrap()
        };
        let example = load("a.ron");
        assert_eq!(example, load("a.rhai"), "the examples of {name} differ");
        assert!(schema.takes(&example), "the example of {name} does not fit the schema: {example:#}");
    }
}

#[test]
fn mistakes_do_not_fit_the_schema() {
    let schema = Schema::of_the_binary();
    let mistakes: &[(&str, Json)] = &[
        ("/dataset_loader_train/pathh", json!("x")),
        ("/dataset_loader_train/nrows", json!(-1)),
        ("/dataset_loader_train/nrows", json!("many")),
        ("/dataset_loader_train/__factory__", json!("palladium.dataset.CVS")),
        ("/dataset_loader_train/!", json!("palladium.dataset.CSV")),
        ("/model/C", json!(0)),
        ("/model/C", json!("0.3")),
        ("/model/__factory__", json!("palladium.dataset.CSV")),
        ("/model", json!(3)),
        ("/model_persister/impl", json!(null)),
        ("/model_persister/impl/url", json!(["x"])),
        ("/scoring", json!("palladium.metrics.acuracy")),
        ("/anything", json!({ "deep": [{ "!": "palladium.dataset.CVS" }] })),
        ("/__mode__", json!("train")),
        ("/logging", json!({ "levle": "info" })),
        ("/logging", json!({ "level": "loud" })),
        ("/logging", json!({ "filters": { "palladium::access": "yes" } })),
        ("/logging", json!({ "to": "a.log", "rotation": "weekly" })),
        ("/logging", json!({ "keep": 0 })),
        ("/logging", json!({ "to": "stdout" })),
        ("/alive", json!({ "process_store_required": "model" })),
        ("/alive", json!({ "process_store_required": [1] })),
        ("/fit_decorators", json!("x")),
        ("/fit_decorators", json!(["no.such.decorator"])),
        ("/fit_decorators", json!([{ "!": "palladium.dataset.CSV", "path": "x" }])),
    ];
    let changed = |path: &str, value: &Json| {
        let mut iris = printed_iris();
        let (parent, key) = path.rsplit_once('/').unwrap();
        iris.pointer_mut(parent).unwrap()[key] = value.clone();
        iris
    };
    for (path, value) in mistakes {
        assert!(!schema.takes(&changed(path, value)), "{path} = {value}");
    }
    let right: &[(&str, Json)] = &[
        ("/dataset_loader_train/nrows", json!(null)),
        ("/dataset_loader_train/nrows", json!({ "__copy__": "rows" })),
        ("/dataset_loader_train", json!({ "__copy__": "other", "pathh": 1 })),
        ("/model/__factory__", json!("LogisticRegression")),
        ("/model/__factory__", json!("sklearn.linear_model.LogisticRegression")),
        ("/scoring", json!({ "a": "palladium.metrics.accuracy", "b": { "!": "palladium.metrics.f1" } })),
        ("/anything", json!({ "deep": [{ "!": "palladium.dataset.CSV", "path": "x" }, 1] })),
        ("/__mode__", json!("fit")),
        ("/logging", json!({ "level": "debug", "filters": { "palladium::access": "info" }, "format": "json" })),
        ("/logging", json!({ "to": "a.log", "rotation": "daily", "keep": 7, "time": "local" })),
        ("/logging", json!({ "filter": "info,actix_server=warn", "keep": null, "to": "./stdout" })),
        ("/alive", json!({ "process_store_required": ["model_persister", { "__copy__": "name" }] })),
        ("/fit_decorators", json!([{ "__copy__": "mine" }])),
        ("/fit_decorators", json!([{ "!": "palladium.util.Partial", "func": "f" }])),
        ("/__rhai__", json!("cfg.x = 1;")),
    ];
    for (path, value) in right {
        assert!(schema.takes(&changed(path, value)), "{path} = {value}");
    }
}
