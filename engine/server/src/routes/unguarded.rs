//! Views that change something and that no decorator keeps other machines from.

use std::sync::Arc;

use palladium_component::value::{Code, Diagnostic, Span};

use super::Route;

/// Returns what is wrong with opening these routes at an address, with the places that make them.
pub(super) fn opened(routes: &[&Route], address: &str) -> Diagnostic {
    let shown = shown(routes);
    // Whatever stood behind `password:` would be taken for one, and hidden in the log.
    let message =
        format!("other machines could use {shown} on {address} without a password, as no decorator asks who it is");
    let mut places: Vec<&Span> = Vec::new();
    for span in routes.iter().filter_map(|route| route.span.as_ref()) {
        // A component may have several rules.
        if !places.iter().any(|place| is_same(place, span)) {
            places.push(span);
        }
    }
    let finding = Diagnostic::new(Code::BadArguments, message);
    let finding = places.into_iter().fold(finding, |finding, span| finding.at(span, ""));
    finding.help(
        "add a decorator that asks who it is to their lists (`server_fit_decorators` and the like), listen on this \
         machine alone (`--host`, `server.listen`), or say `allow_unauthenticated_admin: true` under the root key `server`",
    )
}

/// Returns the rules of routes, in one text.
pub(super) fn shown(routes: &[&Route]) -> String {
    routes.iter().map(|route| format!("`{}`", route.rule)).collect::<Vec<_>>().join(", ")
}

fn is_same(one: &Span, other: &Span) -> bool {
    Arc::ptr_eq(one.source(), other.source()) && one.range() == other.range()
}
