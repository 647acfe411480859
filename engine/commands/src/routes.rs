//! The routes of a configuration, as commands print them.

use palladium_component::interfaces::Authentication;
use palladium_component::value::KeyPath;
use palladium_runtime::App;
use palladium_server::{RouteInfo, route_table};
use serde_json::{Value as Json, json};

/// Returns a line for each route: its path, its methods, what answers, the key of the component that it is from, and for
/// one that changes something who may use it.
pub fn lines(app: &App) -> Vec<String> {
    let line = |route: RouteInfo| {
        let from = route.view.into_iter().chain(route.service.iter().map(|key| format!("`{key}`")));
        let who = if route.changes { format!("; {}", who(route.authentication)) } else { String::new() };
        format!("{} ({}): {}{who}", route.path, route.methods, from.collect::<Vec<_>>().join(", "))
    };
    route_table(app).into_iter().map(line).collect()
}

/// Returns in words who may use a route.
fn who(authentication: Authentication) -> &'static str {
    match authentication {
        Authentication::None => "open to everybody",
        Authentication::Possible => "open to whom its functions let in",
        Authentication::Required => "open to those who say who they are",
    }
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
            "changes": route.changes,
            "authentication": match route.authentication {
                Authentication::None => "none",
                Authentication::Possible => "possible",
                Authentication::Required => "required",
            },
        })
    };
    route_table(app).into_iter().map(shown).collect()
}
