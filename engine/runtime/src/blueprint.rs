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
