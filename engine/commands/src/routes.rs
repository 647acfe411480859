//! The routes of a configuration, as commands print them.

use palladium_component::value::KeyPath;
use palladium_runtime::App;
use palladium_server::{RouteInfo, route_table};
use serde_json::{Value as Json, json};

/// Returns a line for each route: its path, its methods, what answers and the key of the component that it is from.
pub fn lines(app: &App) -> Vec<String> {
    let line = |route: RouteInfo| {
        let from = route.view.into_iter().chain(route.service.iter().map(|key| format!("`{key}`")));
        format!("{} ({}): {}", route.path, route.methods, from.collect::<Vec<_>>().join(", "))
    };
    route_table(app).into_iter().map(line).collect()
}

/// Returns the routes as JSON.
pub fn to_json(app: &App) -> Json {
    let key = |key: Option<KeyPath>| key.map(|key| key.to_string());
    let shown = |route: RouteInfo| {
        json!({
            "path": route.path,
            "methods": route.methods.split(", ").collect::<Vec<_>>(),
            "view": route.view,
            "component": key(route.service),
            "model_persister": key(route.persister),
        })
    };
    route_table(app).into_iter().map(shown).collect()
}
