//! The console of a service.

use std::sync::{Arc, Mutex, PoisonError};

use palladium_component::prelude::*;

use crate::answer::refused;
use crate::traffic::Traffic;
use crate::{actions, api, docs, origin, page};

/// Shows a page in the browser from which the service is watched and changed.
///
/// ```ron
/// "console": {
///     "!": "palladium.console.Console",
///     "title": "Iris",
/// },
/// "console_decorators": [{
///     "!": "palladium.decorators.BasicAuth",
///     "users_file": "${here}/users",
/// }]
/// ```
///
/// The entry may stand under any key. The page shows
/// - the models of every store with their scores, times and sizes, which version is active and which ones were, and
///   everything that is known about one. A version can be activated, and the one that was active before can be again;
/// - the jobs of the service and how far they are. A fit can be started and cancelled, and a store that keeps its model
///   in memory can look for a new one. What the configuration has not got, such as data to fit on, is said in the place
///   of the button;
/// - the requests of the last minutes, those of the page itself aside: how many there were, how many were refused or
///   failed, and their times;
/// - a form for each predict service, made from its mapping, which its `sample` fills in on demand.
///
/// Everything belongs to the program: the page loads nothing from elsewhere. It can be used by keyboard alone.
///
/// Whoever reaches the page may do all that, unless a decorator of its list refuses. What is changed goes through the
/// decorators of the server's own views too (`activate_decorators`, `server_fit_decorators`, `jobs_decorators` and
/// `update_model_cache_decorators`), whether or not those have a route. On another address than that of this machine a
/// service does not start with a console where neither its list nor all of those ask who it is, unless
/// `allow_unauthenticated_admin` under the root key `server` is `true`. On this machine's own address what nobody asks
/// about is then changed only by a name of this machine such as `localhost`. Requests of other sites' pages, to which
/// browsers would add the password, are refused. The form sends its requests to the predict service itself, through
/// whatever stands in front of that.
///
/// A limit in the list has to leave the page room: it asks two things every two seconds while it is looked at.
#[component(View, name = "palladium.console.Console", check)]
pub struct Console {
    /// The path of the page, beginning with `/`. What the page consists of is below it.
    #[param(default = "/console")]
    rule: String,
    /// The root key of a list of decorators around the page and all that is below it; the configuration may lack it.
    #[param(default = "console_decorators")]
    decorator_list_name: String,
    /// What stands at the top of the page.
    #[param(default = "Palladium")]
    title: String,
    #[state]
    traffic: Mutex<Option<Arc<Traffic>>>,
}

/// What stands at the rule and below it.
#[derive(Clone, Copy)]
enum Part {
    Page,
    Style,
    Program,
    Icon,
    Service,
    Models,
    Model,
    Jobs,
    Traffic,
    Activate,
    Fit,
    Cancel,
    Refresh,
}

impl Part {
    const ALL: [Part; 13] = [
        Part::Page,
        Part::Style,
        Part::Program,
        Part::Icon,
        Part::Service,
        Part::Models,
        Part::Model,
        Part::Jobs,
        Part::Traffic,
        Part::Activate,
        Part::Fit,
        Part::Cancel,
        Part::Refresh,
    ];

    /// Returns the path below the rule.
    fn path(self) -> &'static str {
        match self {
            Part::Page => "",
            Part::Style => "console.css",
            Part::Program => "console.js",
            Part::Icon => "icon.svg",
            Part::Service => "api/service",
            Part::Models => "api/models",
            Part::Model => "api/model",
            Part::Jobs => "api/jobs",
            Part::Traffic => "api/traffic",
            Part::Activate => "api/activate",
            Part::Fit => "api/fit",
            Part::Cancel => "api/cancel",
            Part::Refresh => "api/refresh",
        }
    }

    /// Tells whether it changes something.
    fn changes(self) -> bool {
        matches!(self, Part::Activate | Part::Fit | Part::Cancel | Part::Refresh)
    }

    /// Returns the server's view that answers in its place.
    fn passes_on_to(self) -> Option<&'static str> {
        match self {
            Part::Activate => Some(actions::ACTIVATE),
            Part::Fit => Some(actions::FIT),
            Part::Cancel | Part::Jobs => Some(actions::JOBS),
            Part::Refresh => Some(actions::REFRESH),
            Part::Page | Part::Style | Part::Program | Part::Icon => None,
            Part::Service | Part::Models | Part::Model | Part::Traffic => None,
        }
    }
}

impl Console {
    fn check(&self) -> Result<(), ArgumentError> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.~".contains(letter);
        if !self.rule.starts_with('/') || !self.rule.chars().all(is_plain) || self.rule.contains("//") {
            let message = format!("`{}` is no path for a page", self.rule);
            let help = "write `/console`: a path begins with `/` and consists of letters, digits and `-_.~/`";
            return Err(ArgumentError::new("rule", message).help(help));
        }
        Ok(())
    }

    /// Returns the path of a part of the page.
    fn path_of(&self, part: Part) -> String {
        match part {
            Part::Page => self.rule.clone(),
            part => format!("{}/{}", self.rule.trim_end_matches('/'), part.path()),
        }
    }

    /// Returns what stands at a rule.
    fn part(&self, rule: &str) -> Option<Part> {
        Part::ALL.into_iter().find(|part| self.path_of(*part) == rule)
    }

    /// Answers a request for a part of the page.
    ///
    /// # Errors
    /// A decorator's.
    fn show(&self, part: Part, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        if part.changes()
            && let Err((status, message)) = origin::check(request)
        {
            return Ok(refused(status, message));
        }
        let decorators = || service.decorator_docs(&self.decorator_list_name);
        Ok(match part {
            Part::Page => page::page(request, &self.title, &self.rule),
            Part::Style => page::style(request),
            Part::Program => page::program(request),
            Part::Icon => page::icon(request),
            Part::Service => api::service(service),
            Part::Models => api::list(request, service),
            Part::Model => api::model(request, service, &decorators()).unwrap_or_else(|refusal| refusal),
            Part::Jobs => api::jobs(request, service)?,
            Part::Traffic => match self.traffic() {
                Some(traffic) => {
                    api::traffic(request, service, &traffic, &decorators()).unwrap_or_else(|refusal| refusal)
                }
                None => refused(503, "nothing is counted"),
            },
            Part::Activate => actions::activate(request, service, &decorators())?,
            Part::Fit => actions::fit(request, service)?,
            Part::Cancel => actions::cancel(request, service, &decorators())?,
            Part::Refresh => actions::refresh(request, service, &decorators())?,
        })
    }

    fn traffic(&self) -> Option<Arc<Traffic>> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl View for Console {
    fn rules(&self) -> Vec<ViewRule> {
        let rule = |part: Part| {
            let method = if part.changes() { "POST" } else { "GET" };
            let passes_on_to = part.passes_on_to().map(str::to_owned);
            ViewRule { changes: part.changes(), passes_on_to, ..ViewRule::new(self.path_of(part), &[method]) }
        };
        Part::ALL.into_iter().map(rule).collect()
    }

    fn decorator_list_name(&self) -> Option<&str> {
        Some(&self.decorator_list_name)
    }

    fn observer(&self, rules: &[&str]) -> Option<Arc<dyn Observer>> {
        let own: Vec<String> = self.rules().into_iter().map(|rule| rule.path).collect();
        let traffic = Arc::new(Traffic::new(rules, &own));
        *self.traffic.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&traffic));
        Some(traffic)
    }

    fn operations(&self, rule: &ViewRule, service: &dyn ServiceHandle) -> Vec<Operation> {
        let decorators = service.decorator_docs(&self.decorator_list_name);
        let operation = self.part(&rule.path).map(|part| match part {
            Part::Page => docs::file("Show the console", "text/html"),
            Part::Style => docs::file("Show how the console looks", "text/css"),
            Part::Program => docs::file("Show what the console does", "text/javascript"),
            Part::Icon => docs::file("Show the sign of the console", "image/svg+xml"),
            Part::Service => docs::service(),
            Part::Models => docs::models(),
            Part::Model => docs::model(),
            Part::Jobs => docs::jobs(service),
            Part::Traffic => docs::traffic(),
            Part::Activate => docs::activate(service, &decorators),
            Part::Fit => docs::fit(service),
            Part::Cancel => docs::cancel(service, &decorators),
            Part::Refresh => docs::refresh(service, &decorators),
        });
        let is_file = |part| matches!(part, Part::Page | Part::Style | Part::Program | Part::Icon);
        let is_file = self.part(&rule.path).is_some_and(is_file);
        operation.map(|operation| if is_file { operation } else { docs::guarded(operation) }).into_iter().collect()
    }

    fn answer(&self, request: &ViewRequest, service: &dyn ServiceHandle) -> Result<ViewResponse, Failure> {
        let mut response = match self.part(service.rule()) {
            Some(part) => self.show(part, request, service)?,
            None => refused(404, "there is nothing here"),
        };
        if response.status >= 400 {
            response.set_header("x-request-id", request.request_id.as_str());
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(rule: &str) -> Console {
        Console {
            rule: rule.to_owned(),
            decorator_list_name: "console_decorators".to_owned(),
            title: "Palladium".to_owned(),
            traffic: Mutex::default(),
        }
    }

    #[test]
    fn everything_is_below_the_rule_and_what_changes_something_says_so() {
        for (rule, expected) in [("/console", "/console/api/fit"), ("/a/b/", "/a/b/api/fit"), ("/", "/api/fit")] {
            let console = console(rule);
            assert!(console.check().is_ok(), "{rule}");
            let rules = console.rules();
            assert_eq!(rules[0].path, rule);
            let fit = rules.iter().find(|rule| rule.path == expected).unwrap();
            assert!(fit.changes && fit.methods == ["POST"]);
            assert!(rules.iter().all(|rule| rule.changes == rule.methods.contains(&"POST".to_owned())));
        }
        for rule in ["console", "", "/a b", "/<x>", "/a//b", "/a\"", "/ä", "/a?b"] {
            assert!(console(rule).check().is_err(), "{rule}");
        }
    }
}
