//! The original's data, loaded as its first configuration does.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::harness::{cells, load_file};

fn species(further: &Json) -> BTreeMap<String, usize> {
    let mut arguments = json!({
        "names": ["sepal length", "sepal width", "petal length", "petal width", "species"],
        "target_column": "species",
    });
    arguments.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/iris/iris.data");
    let dataset = load_file("palladium.dataset.CSV", &path, &arguments).unwrap();
    assert_eq!(dataset.numeric().unwrap().ncols(), 4);
    assert_eq!(dataset.features.names().next(), Some("sepal length"));
    let mut counts = BTreeMap::new();
    for cell in cells(&dataset.target().unwrap().values) {
        *counts.entry(cell.as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

fn check(further: Json, [setosa, versicolor, virginica]: [usize; 3]) {
    let expected = [("Iris-setosa", setosa), ("Iris-versicolor", versicolor), ("Iris-virginica", virginica)];
    assert_eq!(species(&further), expected.map(|(name, count)| (name.to_owned(), count)).into(), "{further}");
}

#[test]
fn splits_as_the_original_does() {
    check(json!({"nrows": 100}), [31, 35, 34]);
    check(json!({"skiprows": 100}), [19, 15, 16]);
    check(json!({"nrows": null, "skiprows": 100}), [19, 15, 16]);
    check(json!({}), [50, 50, 50]);
}
