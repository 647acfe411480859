//! Routes that a configuration adds to the service.

use std::sync::Arc;

use palladium_component::prelude::*;

/// Adds a route to the service.
///
/// ```ron
/// "flask_add_url_rules": [
///     {
///         "!": "palladium.server.add_url_rule",
///         "rule": "/fit",
///         "view_func": "palladium.server.fit",
///         "methods": ["POST"],
///     },
///     {
///         "!": "palladium.server.add_url_rule",
///         "rule": "/jobs/<id>",
///         "view_func": "palladium.server.jobs",
///         "methods": ["GET", "DELETE"],
///     },
/// ]
/// ```
///
/// The entry may stand under any key. The views of the server are
/// - `palladium.server.fit`: starts a fit and answers `{"job_id": …}`. It takes `persist`, `activate` and `evaluate`,
///   each `true` or `false`, and `persist_if_better_than`, a number; what is not given is as on the command line.
///   While a fit runs, another one is answered with status 409. What the job says warns of a model that it has
///   activated and that does not fit a predict service. In `server_fit_decorators`;
/// - `palladium.server.update_model_cache`: has the model persister look for a newly activated model and answers
///   `{"job_id": …}`, or status 503 if it keeps no model in memory. In `update_model_cache_decorators`;
/// - `palladium.server.activate`: activates the version `model_version` and answers like `/list`. In
///   `activate_decorators`;
/// - `palladium.server.jobs`: shows all jobs, or the one whose `id` is a part of the rule. A DELETE cancels a running
///   fit, which ends before its next step or iteration and stores nothing. One that loads data or looks for its store
///   ends at once, although the server that it waits for may say nothing: that work goes on by itself, and what comes of
///   it is dropped. Where four such pieces of work are going on, a further fit that is cancelled waits for its own, or
///   until one of them has ended; where none of them ends, start the service anew. In `jobs_decorators`;
/// - `palladium.server.list`, `palladium.server.alive`, `palladium.server.live`, `palladium.server.ready`: what the
///   service has at `/list`, `/alive`, `/live` and `/ready`, at another path.
///
/// What a view takes may stand in the query string, in the parts of the rule, or in the body, as a form or as a JSON
/// object; other parts of the rule stand for any text. A request with a parameter that neither the view nor a
/// decorator around it takes is answered with status 400. Where a function decorates the view, which may take any,
/// that is so only for names that are almost one of the view's.
///
/// A function of a Rhai configuration answers by itself. It is given the request, a map with `method`, `path`, `query`,
/// `headers`, `body`, `parts` if the rule has any, `peer`, the address that the connection comes from, `request_id`, and
/// `principal` and `scopes`, which are `()` and `[]` unless a decorator has found them out. It returns text, or a map with
/// `status`, `headers` and `body`:
///
/// ```rhai
/// "hello": #{
///     "!": "palladium.server.add_url_rule",
///     "rule": "/hello/<name>",
///     "view_func": |request| #{ body: `Hello, ${request.parts.name}!` },
/// }
/// ```
///
/// Views of the server that change something are open to whoever reaches them unless a decorator in their list refuses. On
/// another address than that of this machine a service does not start with such a view, unless its list has a decorator
/// that asks who it is (`BasicAuth`, `ApiKey`, `JWTBearer`, `OAuth2Introspection`, `RequireScope`) or a function, or
/// `allow_unauthenticated_admin` under the root key `server` is `true`. On this machine's own address such a view takes
/// requests to `localhost` or a loopback address alone, and none that a browser says a page of another site has sent,
/// with the same exceptions. A function is trusted to keep strangers out.
///
/// Browsers add passwords and certificates also to what a page of another site sends, so a view of the server that changes
/// something refuses such a request with status 403 whatever its decorators are: where `Sec-Fetch-Site` is neither
/// `same-origin` nor `none`, or without it `Origin` names another host than `Host`. A page is let in by a `Cors` of the
/// list that names its origin, and a request by its token or its key in a header. Programs, which send none of this, are
/// not concerned.
///
/// Routes that a function answers are not looked at: what it does is known to its author alone.
#[component(View, name = "palladium.server.add_url_rule", check)]
pub struct AddUrlRule {
    /// The path, beginning with `/`. A segment `<name>` stands for any text.
    rule: String,
    /// The name of the view, which further rules can give in place of a `view_func`. Without a `view_func` it names the
    /// view of another rule, or one of the server by the last part of its name, such as `fit`.
    endpoint: Option<String>,
    /// What answers: the name of a view of the server, or a function.
    view_func: Option<ViewFunc>,
    /// The methods that are answered; OPTIONS comes always, and HEAD with GET, but for views that change something: those
    /// answer HEAD where it is named, and `palladium check` advises against both.
    #[param(default = ["GET"])]
    methods: Methods,
    /// The root key of a list of decorators around the view, instead of the view's own list.
    decorator_list_name: Option<String>,
}

/// The name of a view or a function, and where it is written.
struct ViewFunc {
    what: NameOrFunction,
    span: Span,
}

enum NameOrFunction {
    Name(String),
    Function(Arc<dyn Callable>),
}

impl FromArgument for ViewFunc {
    const TYPE: ParamType = ParamType::OneOf(&[ParamType::Text, ParamType::Function]);

    fn from_argument(value: &Value) -> Result<ViewFunc, Mismatch> {
        let what = match &value.data {
            Data::Text(name) => NameOrFunction::Name(name.clone()),
            Data::Function(function) => NameOrFunction::Function(Arc::clone(function)),
            _ => return Err(Mismatch::wrong(Self::TYPE, value)),
        };
        Ok(ViewFunc { what, span: value.span.clone() })
    }
}

/// Methods in capitals, at least one.
struct Methods(Vec<String>);

impl FromArgument for Methods {
    const TYPE: ParamType = ParamType::List(&ParamType::Text);

    fn from_argument(value: &Value) -> Result<Methods, Mismatch> {
        const KNOWN: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
        let items = value.as_list().filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| Mismatch::wrong("a list of methods, such as `[\"POST\"]`", value))?;
        let method = |item: &Value| {
            let method = item.as_text().map(str::to_ascii_uppercase).filter(|method| KNOWN.contains(&method.as_str()));
            method.ok_or_else(|| Mismatch::wrong(format!("a list of {}", KNOWN.join(", ")), item))
        };
        Ok(Methods(items.iter().map(method).collect::<Result<_, _>>()?))
    }
}

impl AddUrlRule {
    fn check(&self) -> Result<(), ArgumentError> {
        check_rule(&self.rule)?;
        if let Some(ViewFunc { what: NameOrFunction::Function(function), .. }) = &self.view_func
            && let Some(count) = function.n_parameters().filter(|count| *count != 1)
        {
            let message = format!("a function that answers has one parameter, the request; this one has {count}");
            return Err(ArgumentError::new("view_func", message).help("write `|request| #{ body: \"…\" }`"));
        }
        if self.view_func.is_none() && self.endpoint.is_none() {
            let help = "name a view, such as `palladium.server.fit`, or give a function";
            return Err(ArgumentError::new("rule", "nothing answers at this rule without a `view_func`").help(help));
        }
        Ok(())
    }
}

fn check_rule(rule: &str) -> Result<(), ArgumentError> {
    let wrong = |message: String, help: &str| Err(ArgumentError::new("rule", message).help(help));
    let Some(path) = rule.strip_prefix('/') else {
        return wrong(format!("a path begins with `/`, the rule `{rule}` does not"), &format!("write `/{rule}`"));
    };
    let mut names: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        let name = segment.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        match name {
            None if segment.contains(['<', '>', '?', '#']) => {
                let help = "`/jobs/<id>` has the part `id`; a query string is no part of a rule";
                return wrong(format!("the segment `{segment}` of the rule is neither text nor `<name>`"), help);
            }
            Some(name) if name.is_empty() || !name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') => {
                let help = "names are made of letters, digits and `_`; converters such as `<int:id>` are not known";
                return wrong(format!("the segment `{segment}` of the rule has no name for its part"), help);
            }
            Some(name) if names.contains(&name) => {
                return wrong(format!("the rule has two parts of the name `{name}`"), "give one of them another name");
            }
            Some(name) => names.push(name),
            None => {}
        }
    }
    Ok(())
}

impl View for AddUrlRule {
    fn rules(&self) -> Vec<ViewRule> {
        vec![ViewRule { path: self.rule.clone(), methods: self.methods.0.clone(), ..ViewRule::default() }]
    }

    fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    fn decorator_list_name(&self) -> Option<&str> {
        self.decorator_list_name.as_deref()
    }

    /// Without a `view_func` it refers to the view that the endpoint names.
    fn function(&self) -> Option<ViewFunction<'_>> {
        self.view_func.as_ref().map(|ViewFunc { what, span }| match what {
            NameOrFunction::Name(name) => ViewFunction::Named { name, span },
            NameOrFunction::Function(function) => ViewFunction::Function(function),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_paths_with_named_parts() {
        for rule in ["/", "/fit", "/jobs/<id>", "/a/<b>/c/<d_1>", "/ä"] {
            assert!(check_rule(rule).is_ok(), "{rule}");
        }
        let cases = [
            ("fit", "a path begins with `/`, the rule `fit` does not"),
            ("", "a path begins with `/`, the rule `` does not"),
            ("/jobs/x<id>", "the segment `x<id>` of the rule is neither text nor `<name>`"),
            ("/a?b=c", "the segment `a?b=c` of the rule is neither text nor `<name>`"),
            ("/jobs/<int:id>", "the segment `<int:id>` of the rule has no name for its part"),
            ("/jobs/<>", "the segment `<>` of the rule has no name for its part"),
            ("/<a>/<a>", "the rule has two parts of the name `a`"),
        ];
        for (rule, expected) in cases {
            assert_eq!(check_rule(rule).unwrap_err().message, expected);
        }
    }

    #[test]
    fn methods_are_known_ones() {
        let span = || Span::nowhere("test");
        let text = |text: &str| Value::new(Data::Text(text.into()), span());
        let list = |items: &[&str]| {
            let items = items.iter().map(|item| text(item)).collect();
            Methods::from_argument(&Value::new(Data::List(items), span())).map(|methods| methods.0)
        };
        assert_eq!(list(&["post", "Get"]).unwrap(), ["POST", "GET"]);
        assert!(matches!(list(&[]), Err(Mismatch::Wrong { .. })));
        assert!(matches!(list(&["FETCH"]), Err(Mismatch::Wrong { .. })));
        assert!(matches!(Methods::from_argument(&text("GET")), Err(Mismatch::Wrong { .. })));
    }
}
