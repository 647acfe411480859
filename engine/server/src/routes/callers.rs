//! Decorators that go by who makes a request, in lists where nobody finds that out before them.

use std::collections::BTreeSet;
use std::sync::Arc;

use palladium_component::Failed;
use palladium_component::interfaces::{Component, Decorator, DecoratorList};
use palladium_component::value::{Code, Diagnostic, Diagnostics, KeyPath, Value};
use palladium_runtime::{App, component_of};

use super::Route;

/// Looks at the lists of decorators around routes; what is wrong with one is added to the findings.
pub(super) fn check(app: &App, routes: &[Arc<Route>], findings: &mut Diagnostics) {
    let lists = routes.iter().map(|route| route.decorators()).filter(|list| !list.is_empty());
    let names: BTreeSet<&str> = lists.map(DecoratorList::name).collect();
    for name in names {
        let items = app.root().get(name).and_then(Value::as_list).unwrap_or_default();
        // What cannot be made could be what is looked for.
        if !items.iter().any(Failed::is_in) {
            let found = (0..items.len()).filter_map(|index| stranger(app, &KeyPath::parse(name), items, index));
            findings.0.extend(found);
        }
    }
}

/// Returns what is wrong with the decorator at a position of its list, of which the last one is the outermost.
fn stranger(app: &App, list: &KeyPath, items: &[Value], index: usize) -> Option<Diagnostic> {
    let (inside, item, outside) = (&items[..index], &items[index], &items[index + 1..]);
    let identifies = |item: &&Value| decorator(item).is_some_and(|decorator| decorator.identifies());
    if !decorator(item)?.goes_by_caller() || outside.iter().any(|item| identifies(&item)) {
        return None;
    }
    let key = list.join(index.to_string());
    let name = app.components().find(|(placed, ..)| **placed == key).map_or("a decorator", |(_, name, _)| name);
    let message = format!("`{name}` goes by who makes a request, which no decorator further outside finds out");
    let finding = Diagnostic::new(Code::BadArguments, message).at_value(item, "").in_key(&key).of_component(name);
    Some(match inside.iter().find(identifies) {
        Some(other) => finding
            .also(&other.span, "this one finds it out, further inside")
            .help("the last decorator of a list is the outermost: let the two change places"),
        None => finding.help(
            "the last decorator of a list is the outermost: put one that asks who it is, such as by a password, a key \
             or a token, behind this one",
        ),
    })
}

fn decorator(item: &Value) -> Option<&Arc<dyn Decorator>> {
    match component_of(item) {
        Some(Component::Decorator(decorator)) => Some(decorator),
        _ => None,
    }
}
