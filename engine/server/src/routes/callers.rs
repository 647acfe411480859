//! Decorators that go by who makes a request, in lists where nobody finds that out before them, decorators that answer
//! browsers and stand behind others that do not let those in, and decorators that are to write down by what others of their
//! list find it out.

use std::collections::BTreeSet;
use std::sync::Arc;

use palladium_component::Failed;
use palladium_component::interfaces::{
    Authentication, Component, Credential, Decorator, DecoratorList, ParameterPlace,
};
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
            let key = KeyPath::parse(name);
            for index in 0..items.len() {
                findings.0.extend(stranger(app, &key, items, index));
                findings.0.extend(unheard(app, &key, items, index));
                findings.0.extend(telltale(app, &key, items, index));
            }
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
    let name = component_name(app, &key);
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

/// Returns what is wrong with the decorator at a position of its list if browsers cannot reach it: they ask it without
/// credentials, which one further outside wants to have.
fn unheard(app: &App, list: &KeyPath, items: &[Value], index: usize) -> Option<Diagnostic> {
    let keeps_out = |decorator: &Arc<dyn Decorator>| decorator.authentication() == Authentication::Required;
    decorator(&items[index]).filter(|decorator| decorator.answers_preflights())?;
    let other = items[index + 1..].iter().find(|item| decorator(item).is_some_and(keeps_out))?;
    let key = list.join(index.to_string());
    let name = component_name(app, &key);
    let message = format!("`{name}` answers what browsers ask without credentials, which does not come to it");
    let finding = Diagnostic::new(Code::BadArguments, message).at_value(&items[index], "").in_key(&key);
    let finding = finding.of_component(name).also(&other.span, "this one, further outside, refuses it");
    Some(finding.help("the last decorator of a list is the outermost: let the two change places"))
}

/// Returns what is wrong with the decorator at a position of its list if it names a credential to be written down.
fn telltale(app: &App, list: &KeyPath, items: &[Value], index: usize) -> Option<Diagnostic> {
    let writes = decorator(&items[index])?;
    let (other, credential) = items.iter().find_map(|item| {
        let schemes = decorator(item)?.docs()?.security.into_iter();
        let is_written = |credential: &Credential| {
            let (place, name) = credential.stands();
            writes.writes_down(place, name)
        };
        Some((item, schemes.map(|scheme| scheme.credential).find(is_written)?))
    })?;
    let key = list.join(index.to_string());
    let name = component_name(app, &key);
    let (place, credential) = credential.stands();
    let place = if place == ParameterPlace::Header { "header" } else { "parameter" };
    let message =
        format!("`{name}` is to write down the {place} `{credential}`, which carries credentials and is not written");
    let finding = Diagnostic::new(Code::BadArguments, message).at_value(&items[index], "").in_key(&key);
    let finding = finding.of_component(name).also(&other.span, "this one reads them there");
    Some(finding.help(format!("leave `{credential}` out of its arguments")))
}

fn component_name<'a>(app: &'a App, key: &KeyPath) -> &'a str {
    app.components().find(|(placed, ..)| *placed == key).map_or("a decorator", |(_, name, _)| name)
}

fn decorator(item: &Value) -> Option<&Arc<dyn Decorator>> {
    match component_of(item) {
        Some(Component::Decorator(decorator)) => Some(decorator),
        _ => None,
    }
}
