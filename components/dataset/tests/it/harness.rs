//! Constructs loaders from arguments as JSON and shows data sets as JSON.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use palladium_component::data::arrow_array::cast::AsArray;
use palladium_component::data::arrow_array::types::{Float64Type, Int64Type};
use palladium_component::data::cell_text;
use palladium_component::prelude::*;
use palladium_dataset as _;
use serde_json::{Value as Json, json};

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::linked().unwrap());

/// Constructs a loader; the error is the text of all findings with their help.
pub fn construct(factory: &str, arguments: &Json) -> Result<Arc<dyn DatasetLoader>, String> {
    let mut arguments = arguments.clone();
    arguments.as_object_mut().unwrap().insert("!".into(), factory.into());
    let mut findings = Diagnostics::default();
    let value = build(to_value(&arguments), &mut findings);
    if !findings.is_empty() {
        let text = |finding: &Diagnostic| {
            let labels = finding.labels.iter().map(|label| label.text.clone()).filter(|text| !text.is_empty());
            let help = finding.help.iter().map(|help| format!("help: {help}"));
            std::iter::once(finding.message.clone()).chain(labels).chain(help).collect::<Vec<_>>().join("\n")
        };
        return Err(findings.iter().map(text).collect::<Vec<_>>().join("\n"));
    }
    Ok(Arc::<dyn DatasetLoader>::from_argument(&value).unwrap())
}

/// Loads a file of this content that is called `data.csv`; the error is the whole text with its help.
pub fn load(content: impl AsRef<[u8]>, arguments: &Json) -> Result<Dataset, String> {
    load_with("palladium.dataset.CSV", content, arguments)
}

/// Loads as [`load`] with the loader of a name.
pub fn load_with(factory: &str, content: impl AsRef<[u8]>, arguments: &Json) -> Result<Dataset, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    std::fs::write(&path, content).unwrap();
    load_file(factory, &path, arguments)
        .map_err(|error| error.replace(&format!("{}/", folder.path().to_str().unwrap()), ""))
}

/// Loads a file.
pub fn load_file(factory: &str, path: &Path, arguments: &Json) -> Result<Dataset, String> {
    let mut arguments = arguments.clone();
    arguments.as_object_mut().unwrap().insert("path".into(), path.to_str().unwrap().into());
    construct(factory, &arguments)?.load().map_err(|failure| match failure.help() {
        Some(help) => format!("{failure}\nhelp: {help}"),
        None => failure.to_string(),
    })
}

/// Makes components of all maps that name one, inner ones first.
fn build(value: Value, findings: &mut Diagnostics) -> Value {
    let Data::Map(map) = value.data else { return value };
    let built = |(key, entry): (String, Entry)| (key, Entry { value: build(entry.value, findings), ..entry });
    let map: Map = map.into_iter().map(built).collect();
    match map.contains_key("!") {
        true => REGISTRY.construct(map, &KeyPath::root(), &Span::nowhere("test"), findings),
        false => Value::new(Data::Map(map), value.span),
    }
}

fn to_value(json: &Json) -> Value {
    Value::of_json(json, &Span::nowhere("test"))
}

/// Shows a table as a list of `{name, type, values}`; an infinity is text.
pub fn show(table: &Table) -> Json {
    let columns = table.specs().into_iter().zip(table.columns());
    columns.map(|(spec, array)| json!({"name": spec.name, "type": spec.kind, "values": cells(array)})).collect()
}

/// Shows the cells of a column.
pub fn cells(array: &ArrayRef) -> Vec<Json> {
    match ColumnType::of(array.data_type()).unwrap() {
        ColumnType::Int => array.as_primitive::<Int64Type>().iter().map(Json::from).collect(),
        ColumnType::Bool => array.as_boolean().iter().map(Json::from).collect(),
        ColumnType::Float => array
            .as_primitive::<Float64Type>()
            .iter()
            .map(|cell| match cell {
                Some(number) if number.is_infinite() => Json::from(number.to_string()),
                other => Json::from(other),
            })
            .collect(),
        _ => (0..array.len()).map(|row| Json::from(cell_text(array, row))).collect(),
    }
}
