//! The blueprint of a configuration.

use std::collections::BTreeMap;

use palladium_component::Registry;
use palladium_component::interfaces::Blueprint;
use palladium_component::value::{Data, Value};

/// Returns the blueprint of a configuration whose components are not constructed. A name that fits no component stays
/// as it is.
pub fn blueprint(root: &Value, registry: &Registry) -> Blueprint {
    let mut releases = BTreeMap::new();
    let mut root = root.clone();
    name_in_full(&mut root, registry, &mut releases);
    Blueprint::new(root, releases)
}

fn name_in_full(value: &mut Value, registry: &Registry, releases: &mut BTreeMap<&'static str, String>) {
    match &mut value.data {
        Data::List(items) => items.iter_mut().for_each(|item| name_in_full(item, registry, releases)),
        Data::Map(map) => {
            if let Some(factory) = map.get_mut("!")
                && let Some(Ok(descriptor)) = factory.value.as_text().map(|name| registry.find(name))
            {
                factory.value.data = Data::Text(descriptor.name.to_owned());
                let origin = descriptor.origin;
                releases.insert(descriptor.name, format!("{} {}", origin.krate, origin.version));
            }
            map.values_mut().for_each(|entry| name_in_full(&mut entry.value, registry, releases));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use palladium_component::interfaces::{DatasetLoader, Failure};
    use palladium_component::prelude::{Dataset, component};
    use palladium_component::value::{KeyPath, Span};
    use serde_json::json;

    use super::*;

    /// Loads nothing.
    #[component(DatasetLoader, name = "blueprint.Nothing")]
    pub struct Nothing {
        /// Another one.
        #[param(name = "impl")]
        other: Option<std::sync::Arc<dyn DatasetLoader>>,
    }

    impl DatasetLoader for Nothing {
        fn load(&self) -> Result<Dataset, Failure> {
            let nothing = Err(Failure::message("nothing"));
            self.other.as_ref().map_or(nothing, |other| other.load())
        }
    }

    #[test]
    fn factories_have_their_full_names_and_their_releases() {
        let root = json!({
            "a": {"!": "Nothing", "impl": {"!": "blueprint.Nothing"}},
            "b": [{"!": "Unknown", "x": 1}, "Nothing"],
        });
        let blueprint = blueprint(&Value::of_json(&root, &Span::nowhere("test")), &Registry::linked().unwrap());
        let expected = json!({
            "a": {"!": "blueprint.Nothing", "impl": {"!": "blueprint.Nothing"}},
            "b": [{"!": "Unknown", "x": 1}, "Nothing"],
        });
        assert_eq!(blueprint.root().to_json(), expected);
        let release = format!("palladium-runtime {}", env!("CARGO_PKG_VERSION"));
        assert_eq!(blueprint.release("blueprint.Nothing"), Some(release.as_str()));
        assert_eq!((blueprint.release("Unknown"), blueprint.release("Nothing")), (None, None));
        assert_eq!((blueprint.all("blueprint.Nothing").len(), blueprint.all("Unknown").len()), (2, 1));
        let inner = blueprint.root().at(&KeyPath::parse("a.impl")).unwrap();
        assert_eq!(inner.get("!").and_then(Value::as_text), Some("blueprint.Nothing"));
        assert!(!format!("{blueprint:?}").contains("Unknown"), "values are not shown");
    }
}
