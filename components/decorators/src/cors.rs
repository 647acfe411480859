//! Pages of other origins.

use palladium_component::ParamType;
use palladium_component::prelude::*;
use url::Url;

use crate::credentials::{Given, header};
use crate::plain::{HeaderName, is_token};
use crate::view::{add_to_header, answer, refusal, request_of};

/// Lets pages of other origins call from browsers (CORS).
///
/// ```ron
/// "predict_decorators": [
///     { "!": "palladium.decorators.BasicAuth", "users_file": "${here}/users" },
///     {
///         "!": "palladium.decorators.Cors",
///         "origins": ["https://dashboard.example.com"],
///         "headers": ["Authorization", "Content-Type"],
///         "credentials": true,
///     },
/// ]
/// ```
///
/// It stands last, so that it is outermost: what a browser asks before a request (a preflight, an OPTIONS without
/// credentials) is answered by it alone, with status 204 where origin, method and headers are allowed and 403 where they
/// are not, and refusals of other decorators can be read by the page too. `palladium check` finds one that stands before a
/// decorator which keeps out who does not say who they are, as that refuses a preflight. It keeps nobody from calling: it tells
/// browsers which pages may. Views that change something take requests from the pages of other sites only if it names
/// their origin, for which `*` does not do, or if they have a token or a key in a header.
#[component(Decorator, name = "palladium.decorators.Cors", check)]
pub struct Cors {
    /// The origins whose pages may call, such as `https://dashboard.example.com`, or `*` for all.
    origins: Texts,
    /// The methods with which they may call, such as `PUT`; those of HTTP may stand in small letters too.
    #[param(default = ["GET", "HEAD", "POST"])]
    methods: Methods,
    /// The headers that they may send beside those that are always allowed.
    #[param(default = ["Content-Type"])]
    headers: Vec<HeaderName>,
    /// The headers of the answer that they may read beside those that always are readable.
    #[param(default = [])]
    expose: Vec<HeaderName>,
    /// Whether browsers may send the credentials that they know for the service; not together with `*`.
    #[param(default = false)]
    credentials: bool,
    /// For how many seconds browsers remember what they were told.
    #[param(default = 600, max = 86400)]
    max_age: u64,
}

/// Methods as browsers write them.
struct Methods(Vec<String>);

impl FromArgument for Methods {
    const TYPE: ParamType = ParamType::List(&ParamType::Text);

    fn from_argument(value: &Value) -> Result<Methods, Mismatch> {
        const KNOWN: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
        let items = value.as_list().ok_or_else(|| Mismatch::wrong(Self::TYPE, value))?;
        if items.is_empty() {
            let label = "leave it out for `GET`, `HEAD` and `POST`".to_owned();
            return Err(Mismatch::Refused { message: "it names none".to_owned(), value: value.clone(), label });
        }
        let method = |item: &Value| {
            let method = item.as_text().filter(|text| is_token(text));
            let method = method.ok_or_else(|| Mismatch::wrong("the name of a method, such as `PUT`", item))?;
            let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(method));
            Ok(known.map_or(method, |known| *known).to_owned())
        };
        Ok(Methods(items.iter().map(method).collect::<Result<_, _>>()?))
    }
}

impl Cors {
    fn check(&self) -> Result<(), ArgumentError> {
        if self.origins.0.is_empty() {
            return Err(ArgumentError::new("origins", "`origins` names none"));
        }
        if self.allows_all() && self.credentials {
            let error = ArgumentError::new("credentials", "every page could act for whoever looks at it");
            return Err(error.help("name the origins, or leave `credentials` out"));
        }
        if let Some(pattern) = self.origins.0.iter().find(|origin| *origin != "*" && origin.contains('*')) {
            let error = ArgumentError::new("origins", format!("{pattern:?} is a pattern, which no origin is equal to"));
            return Err(error.help("name each origin, or write `*` alone for all of them"));
        }
        if let Some(odd) = self.origins.0.iter().find(|origin| *origin != "*" && !is_origin(origin)) {
            let error = ArgumentError::new("origins", format!("{odd:?} is no origin"));
            return Err(
                error.help("write scheme, host and port alone, as in `https://example.com:8443`, in lower case")
            );
        }
        Ok(())
    }

    fn allows_all(&self) -> bool {
        self.origins.0.iter().any(|origin| origin == "*")
    }

    /// Returns what the header `Access-Control-Allow-Origin` says to a page.
    fn allowed<'a>(&'a self, request: &ViewRequest) -> Option<&'a str> {
        let Given::This(origin) = header(request, "origin") else { return None };
        match self.allows_all() {
            true => Some("*"),
            // What is sent back is what the configuration says, not what the request does.
            false => self.origins.0.iter().map(String::as_str).find(|known| *known == origin),
        }
    }

    fn preflight(&self, request: &ViewRequest, method: &str) -> ViewResponse {
        let asked = request.header("access-control-request-headers").unwrap_or_default();
        let mut asked = asked.split(',').map(str::trim).filter(|name| !name.is_empty());
        let knows = |name: &str| self.headers.iter().any(|known| known.0.eq_ignore_ascii_case(name));
        let is_allowed = self.methods.0.iter().any(|known| known == method) && asked.all(knows);
        let mut response = match self.allowed(request).filter(|_| is_allowed) {
            None => refusal(request, 403, "pages of this origin may not make such a request"),
            Some(origin) => {
                let mut response = ViewResponse { status: 204, headers: Pairs::default(), body: Vec::new() };
                self.greet(&mut response, origin);
                response.set_header("access-control-allow-methods", self.methods.0.join(", "));
                response.set_header("access-control-allow-headers", names(&self.headers));
                response.set_header("access-control-max-age", self.max_age.to_string());
                response
            }
        };
        for name in ["origin", "access-control-request-method", "access-control-request-headers"] {
            add_to_header(&mut response, "vary", name);
        }
        response
    }

    fn greet(&self, response: &mut ViewResponse, origin: &str) {
        response.set_header("access-control-allow-origin", origin);
        if self.credentials {
            response.set_header("access-control-allow-credentials", "true");
        }
    }
}

/// Tells whether a text is an origin as browsers write it.
fn is_origin(text: &str) -> bool {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.is_some_and(|url| url.origin().ascii_serialization() == text)
}

fn names(headers: &[HeaderName]) -> String {
    headers.iter().map(|header| header.0.as_str()).collect::<Vec<_>>().join(", ")
}

impl Decorator for Cors {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let request = request_of(&call)?;
        let asked = request.header("access-control-request-method");
        if let ("OPTIONS", Some(method), Some(_)) = (&*request.method, asked, request.header("origin")) {
            return Ok(self.preflight(request, method).into());
        }
        let mut response = answer(call)?;
        add_to_header(&mut response, "vary", "origin");
        if let Some(origin) = self.allowed(request) {
            self.greet(&mut response, origin);
            if !self.expose.is_empty() {
                response.set_header("access-control-expose-headers", names(&self.expose));
            }
        }
        Ok(response.into())
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn answers_preflights(&self) -> bool {
        true
    }

    /// Those of `*` are not meant: it may not go with credentials.
    fn allows_origin(&self, origin: &str) -> bool {
        self.origins.0.iter().any(|known| known != "*" && known == origin)
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        let allowed = OperationHeader::text("access-control-allow-origin", "The pages that may read the answer.");
        let vary = OperationHeader::text("vary", "The headers of requests that change the answer.");
        let mut headers = vec![allowed.optional(), vary];
        if self.credentials {
            let text = "Whether those pages may read what is answered to credentials.";
            headers.push(OperationHeader::text("access-control-allow-credentials", text).optional());
        }
        if !self.expose.is_empty() {
            let text = "The headers of the answer that those pages may read.";
            headers.push(OperationHeader::text("access-control-expose-headers", text).optional());
        }
        Some(DecoratorDocs { headers, ..DecoratorDocs::default() })
    }

    fn needs_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{decorator, header, plan, request, through};

    const PAGE: &str = "https://a.example.com";

    #[test]
    fn every_header_that_it_adds_is_described() {
        let given = json!({"origins": PAGE, "credentials": true, "expose": ["X-Request-Id"]});
        for (given, n_headers) in [(given, 4), (json!({"origins": PAGE}), 2)] {
            let cors = decorator("Cors", &given);
            let answer = through(&[&cors], &request("GET", &[("origin", PAGE)]));
            let docs = cors.docs().unwrap();
            let described: Vec<&str> = docs.headers.iter().map(|header| header.name.as_str()).collect();
            for (name, _) in answer.headers.iter().filter(|(name, _)| *name != "content-type") {
                assert!(described.contains(&name), "{name} is not in {described:?}");
            }
            assert_eq!(described.len(), n_headers);
        }
    }

    #[test]
    fn preflights_are_answered() {
        let cors = decorator("Cors", &json!({"origins": [PAGE, "http://localhost:3000"], "credentials": true}));
        let ask = |origin: &str, method: &str, headers: &str| {
            let asked = [
                ("origin", origin),
                ("access-control-request-method", method),
                ("access-control-request-headers", headers),
            ];
            through(&[&cors], &request("OPTIONS", &asked))
        };
        let allowed = ask(PAGE, "POST", "content-type");
        assert_eq!((allowed.status, allowed.body.len()), (204, 0));
        for (name, value) in [
            ("access-control-allow-origin", PAGE),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET, HEAD, POST"),
            ("access-control-allow-headers", "content-type"),
            ("access-control-max-age", "600"),
            ("vary", "origin, access-control-request-method, access-control-request-headers"),
        ] {
            assert_eq!(header(&allowed, name), Some(value));
        }
        for (origin, method, headers) in [
            ("https://b.example.com", "POST", ""),
            ("https://a.example.com.evil.com", "POST", ""),
            ("http://a.example.com", "POST", ""),
            ("null", "POST", ""),
            ("*", "POST", ""),
            (PAGE, "DELETE", ""),
            (PAGE, "POST", "content-type, x-other"),
        ] {
            let refused = ask(origin, method, headers);
            assert_eq!((refused.status, header(&refused, "access-control-allow-origin")), (403, None), "{origin}");
        }
        let plain = through(&[&cors], &request("OPTIONS", &[("origin", PAGE)]));
        assert_eq!(plain.body, b"seen", "what is no preflight goes on");
    }

    #[test]
    fn methods_may_stand_in_small_letters() {
        let cors = decorator("Cors", &json!({"origins": PAGE, "methods": ["get", "Post", "patch", "report"]}));
        let ask = |method: &str| {
            let asked = [("origin", PAGE), ("access-control-request-method", method)];
            through(&[&cors], &request("OPTIONS", &asked))
        };
        for (method, status) in [("GET", 204), ("POST", 204), ("PATCH", 204), ("report", 204), ("REPORT", 403)] {
            assert_eq!(ask(method).status, status, "{method}");
        }
        assert_eq!(header(&ask("GET"), "access-control-allow-methods"), Some("GET, POST, PATCH, report"));
    }

    #[test]
    fn preflights_are_told_what_the_arguments_say() {
        let cors = decorator("Cors", &json!({"origins": PAGE, "methods": ["DELETE", "PUT"], "max_age": 7}));
        for (method, status) in [("DELETE", 204), ("PUT", 204), ("POST", 403)] {
            let asked = [("origin", PAGE), ("access-control-request-method", method)];
            let answer = through(&[&cors], &request("OPTIONS", &asked));
            let told = ["access-control-allow-methods", "access-control-max-age"].map(|name| header(&answer, name));
            let said = if status == 204 { [Some("DELETE, PUT"), Some("7")] } else { [None; 2] };
            assert_eq!((answer.status, told), (status, said), "{method}");
        }
    }

    #[test]
    fn pages_of_allowed_origins_may_read_the_answer() {
        let cors = decorator("Cors", &json!({"origins": PAGE, "expose": ["X-Request-Id"]}));
        let answer = through(&[&cors], &request("GET", &[("origin", PAGE)]));
        assert_eq!(header(&answer, "access-control-allow-origin"), Some(PAGE));
        assert_eq!(header(&answer, "access-control-expose-headers"), Some("x-request-id"));
        assert_eq!(header(&answer, "access-control-allow-credentials"), None);
        for origin in ["https://b.example.com", "null"] {
            let answer = through(&[&cors], &request("GET", &[("origin", origin)]));
            assert_eq!((answer.status, header(&answer, "access-control-allow-origin")), (200, None));
            assert_eq!(header(&answer, "vary"), Some("origin"));
        }
        let all = decorator("Cors", &json!({"origins": "*"}));
        let answer = through(&[&all], &request("GET", &[("origin", "https://b.example.com")]));
        assert_eq!(header(&answer, "access-control-allow-origin"), Some("*"));
    }

    #[test]
    fn named_origins_may_change_something() {
        let cors = decorator("Cors", &json!({"origins": [PAGE, "http://localhost:3000"]}));
        assert!(cors.allows_origin(PAGE) && cors.allows_origin("http://localhost:3000"));
        assert!(!cors.allows_origin("https://b.example.com") && !cors.allows_origin("null"));
        let all = decorator("Cors", &json!({"origins": ["*", PAGE]}));
        assert!(all.allows_origin(PAGE) && !all.allows_origin("https://b.example.com") && !all.allows_origin("*"));
    }

    #[test]
    fn arguments_are_checked() {
        for (arguments, said) in [
            (json!({"origins": []}), "names none"),
            (json!({"origins": "*", "credentials": true}), "every page"),
            (json!({"origins": "https://a.example.com/"}), "is no origin"),
            (json!({"origins": "https://A.example.com"}), "is no origin"),
            (json!({"origins": "https://a.example.com:443"}), "is no origin"),
            (json!({"origins": "null"}), "is no origin"),
            (json!({"origins": "https://a\r\nb: c"}), "is no origin"),
            (json!({"origins": "https://*.example.com"}), "is a pattern"),
            (json!({"origins": [PAGE, "https://a.example.com:*"]}), "is a pattern"),
            (json!({"origins": PAGE, "methods": ["GET, PUT"]}), "has to be the name of a method"),
            (json!({"origins": PAGE, "methods": []}), "`methods` of `palladium.decorators.Cors`: it names none"),
            (json!({"origins": PAGE, "headers": ["a\r\nb"]}), "`headers`"),
        ] {
            let findings = plan("Cors", &arguments).err().unwrap();
            assert!(findings.contains(said), "{findings}");
        }
    }
}
