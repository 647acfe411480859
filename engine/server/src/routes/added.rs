//! The routes that views of the configuration add.

use std::collections::HashMap;
use std::sync::Arc;

use palladium_component::Failed;
use palladium_component::interfaces::{Failure, View, ViewFunction, ViewRule};
use palladium_component::value::{Code, Diagnostic, Diagnostics, Value, nearest};
use palladium_runtime::fit::{FitInputs, FitOptions};
use palladium_runtime::{App, JobError, Placed, root_keys};

use super::{Endpoint, Route, Routes};
use crate::changes::FIT_KEYS;
use crate::methods::Methods;
use crate::rule::Rule;
use crate::views::{self, Answers, ServerView, ViewRoute};

type Placement = Placed<dyn View>;

/// Adds the routes of all views; what is wrong with one is added to the findings.
pub(super) fn add(app: &App, routes: &mut Routes, persister_is_wrong: bool, findings: &mut Diagnostics) {
    let added = app.all::<dyn View>();
    let named = endpoints(&added, findings);
    let predictions = routes.served_predictions();
    for placed in &added {
        let answers = match resolve(placed, &named) {
            Ok(Some(answers)) => answers,
            // What it refers to has been reported where it is named.
            Ok(None) => continue,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        findings.extend(unmet(app, placed, &answers, persister_is_wrong));
        if let Answers::Own(view) = &answers {
            findings.extend(view.unmet(&predictions).map(|failure| of_failure(placed, &failure)));
            routes.views.push(Arc::clone(view));
        }
        let own = match &answers {
            Answers::Server(view) => view.decorator_list_name(),
            Answers::Function(_) | Answers::Own(_) => None,
        };
        let decorators = views::decorators(app, placed.component.decorator_list_name().or(own));
        for rule in placed.component.rules() {
            if let Some(finding) = conflict(placed, &rule.path, routes) {
                findings.push(finding);
                continue;
            }
            let names = rule.methods.iter().map(String::as_str);
            let methods = match &answers {
                // Who asks for the head alone does not mean to change anything.
                Answers::Server(view) if view.changes(false) => {
                    routes.doubts.extend(reached_by_reading(placed, *view, &rule.methods));
                    Methods::named(names)
                }
                _ => Methods::of(names),
            };
            let inside = rule.passes_on_to.as_deref().and_then(ServerView::find);
            let inside = views::decorators(app, inside.and_then(ServerView::decorator_list_name));
            let ViewRule { path: rule, changes, predicts, .. } = rule;
            let decorators = if predicts { views::decorators(app, None) } else { decorators.clone() };
            let (path, answers) = (rule.clone(), answers.clone());
            let route = ViewRoute { rule: path, answers, decorators, changes, predicts, inside };
            let endpoint = Endpoint::View(Arc::new(route));
            let (key, span) = (Some(placed.key.clone()), Some(placed.span.clone()));
            routes.insert(Route { rule, methods, endpoint, index: 0, key, span });
        }
    }
}

/// Returns what a view says itself that it lacks.
fn of_failure(placed: &Placement, failure: &Failure) -> Diagnostic {
    let finding = finding(placed, Code::BadArguments, failure.to_string()).at(&placed.span, "");
    match failure.help() {
        Some(help) => finding.help(help),
        None => finding,
    }
}

fn finding(placed: &Placement, code: Code, message: String) -> Diagnostic {
    Diagnostic::new(code, message).in_key(&placed.key)
}

/// Returns what answers by the function of a view; nothing where it has none or names none.
fn function(placed: &Placement) -> Option<Answers> {
    match placed.component.function()? {
        ViewFunction::Named { name, .. } => ServerView::find(name).map(Answers::Server),
        ViewFunction::Function(function) => Some(Answers::Function(Arc::clone(function))),
        ViewFunction::Own => Some(Answers::Own(Arc::clone(&placed.component))),
    }
}

/// Returns what views call what they answer with.
fn endpoints<'a>(views: &'a [Placement], findings: &mut Diagnostics) -> HashMap<&'a str, Option<Answers>> {
    let mut named: HashMap<&str, (Option<Answers>, &Placement)> = HashMap::new();
    for placed in views {
        let Some(name) = placed.component.endpoint().filter(|_| placed.component.function().is_some()) else {
            continue;
        };
        let answers = function(placed);
        let differs = |other: &Answers| answers.as_ref().is_some_and(|answers| !answers.is(other));
        if ServerView::of_endpoint(name).is_some_and(|view| differs(&Answers::Server(view))) {
            let message = format!("the endpoint `{name}` is that of a view of the server");
            let finding = finding(placed, Code::RouteConflict, message).at(&placed.span, "");
            findings.push(finding.help("give it another `endpoint`"));
            continue;
        }
        match named.get(name) {
            Some((other, first)) if other.as_ref().is_some_and(differs) => {
                let message = format!("two views have the endpoint `{name}`");
                let finding = finding(placed, Code::RouteConflict, message).at(&placed.span, "this one");
                findings.push(finding.also(&first.span, "the other one").help("give one of them another `endpoint`"));
            }
            Some(_) => {}
            None => drop(named.insert(name, (answers, placed))),
        }
    }
    named.into_iter().map(|(name, (answers, _))| (name, answers)).collect()
}

/// Returns what answers at a view; nothing where it refers to a view that is wrong itself.
fn resolve(placed: &Placement, named: &HashMap<&str, Option<Answers>>) -> Result<Option<Answers>, Diagnostic> {
    let known = || ServerView::ALL.iter().map(|view| view.name());
    let listed = || known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (placed.component.function(), placed.component.endpoint()) {
        (Some(ViewFunction::Named { name, span }), _) => match ServerView::find(name) {
            Some(view) => Ok(Some(Answers::Server(view))),
            None => {
                let finding = finding(placed, Code::BadArguments, format!("no view is named `{name}`"));
                Err(match nearest(name, known()) {
                    Some(near) => finding.at(span, format!("did you mean `{near}`?")),
                    None => finding.at(span, "").help(format!("the views are {}, or give a function", listed())),
                })
            }
        },
        (Some(_), _) => Ok(function(placed)),
        (None, Some(name)) => match (named.get(name), ServerView::of_endpoint(name)) {
            (Some(answers), _) => Ok(answers.clone()),
            (None, Some(view)) => Ok(Some(Answers::Server(view))),
            (None, None) => {
                let finding = finding(placed, Code::BadArguments, format!("no view has the endpoint `{name}`"));
                let endpoints = known().filter_map(|name| name.rsplit('.').next()).chain(named.keys().copied());
                let near = nearest(name, endpoints).map(|near| format!("did you mean `{near}`?"));
                let finding = finding.at(&placed.span, near.unwrap_or_default());
                Err(finding.help("without a `view_func` the endpoint is that of another rule, or of the server"))
            }
        },
        (None, None) => {
            Err(finding(placed, Code::BadArguments, "nothing answers at this rule".to_owned()).at(&placed.span, ""))
        }
    }
}

/// Returns why a view cannot have the rule it wants.
fn conflict(placed: &Placement, rule: &str, routes: &Routes) -> Option<Diagnostic> {
    let help = "give one of them another `rule`; methods of one rule stand in one list";
    let clash = |message: String| finding(placed, Code::RouteConflict, message);
    if !rule.starts_with('/') {
        let message = format!("a path begins with `/`, the rule `{rule}` does not");
        return Some(clash(message).at(&placed.span, "").help(format!("write `/{rule}`")));
    }
    let other = match Rule::parse(rule) {
        Some(parsed) => routes.with_parts.iter().find(|(other, _)| other.overlaps(&parsed)).map(|(_, other)| other),
        None => routes.by_path.get(rule),
    }?;
    let message = match (&other.span, &other.endpoint) {
        (None, _) => format!("the rule `{rule}` is a route of the server itself"),
        (Some(_), Endpoint::Predict(_)) => format!("the rule `{rule}` is the entry point of a predict service"),
        (Some(_), Endpoint::View(_)) if other.rule == rule => format!("two views have the rule `{rule}`"),
        (Some(_), Endpoint::View(_)) => format!("some paths fit both the rule `{rule}` and the rule `{}`", other.rule),
    };
    Some(match &other.span {
        Some(span) => clash(message).at(&placed.span, "this one").also(span, "the other one").help(help),
        None => clash(message).at(&placed.span, "").help("give it another `rule`"),
    })
}

/// Says that a view which changes something answers a method by which others read.
fn reached_by_reading(placed: &Placement, view: ServerView, methods: &[String]) -> Option<Diagnostic> {
    let method = methods.iter().find(|method| matches!(method.as_str(), "GET" | "HEAD"))?;
    let message = format!("`{}` changes something, and is reached by {method}", view.name());
    let finding = finding(placed, Code::BadArguments, message).at(&placed.span, "");
    Some(finding.help("browsers and proxies send that by themselves: have it answer `\"methods\": [\"POST\"]` alone"))
}

/// Returns what a view needs and the configuration has not.
fn unmet(app: &App, placed: &Placement, answers: &Answers, persister_is_wrong: bool) -> Option<Diagnostic> {
    let is_broken = |key: &str| app.root().get(key).is_some_and(Failed::is_in);
    match answers {
        Answers::Server(ServerView::Fit) if !persister_is_wrong && !FIT_KEYS.into_iter().any(is_broken) => {
            match FitInputs::of(app, &FitOptions::default()) {
                Err(JobError::Config(finding)) => Some(
                    Diagnostic { labels: Vec::new(), ..*finding }.at(&placed.span, "needed here").in_key(&placed.key),
                ),
                Ok(_) | Err(_) => None,
            }
        }
        Answers::Server(ServerView::Activate | ServerView::UpdateModelCache)
            if !persister_is_wrong && app.root().get(root_keys::PERSISTER).is_none_or(Value::is_null) =>
        {
            let key = root_keys::PERSISTER;
            let finding = finding(placed, Code::MissingKey, format!("this view has no models: there is no `{key}`"));
            Some(finding.at(&placed.span, "").help(format!("add `{key}` to the root of the configuration")))
        }
        _ => None,
    }
}
