//! Requests that a page of another site has sent: browsers add passwords and certificates for the service to those too.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HOST, ORIGIN};
use actix_web::http::uri::Authority;
use palladium_component::interfaces::{Credential, DecoratorList, ParameterPlace};

use crate::answer::Refusal;

/// Checks that no page of another site has sent a request to a view in these decorators. A key or a token is none that a
/// browser adds by itself: who sends one knows it.
///
/// # Errors
/// A page has, as far as a browser says.
pub fn check(request: &HttpRequest, decorators: &DecoratorList) -> Result<(), Refusal> {
    if is_welcome(request, decorators) || has_key(request, decorators) {
        return Ok(());
    }
    let message = "a page of another site has sent this request, and browsers add passwords to those too: if it may, name \
                   its origin in a decorator of this view, such as `Cors`";
    Err(Refusal::said(StatusCode::FORBIDDEN, -1, message))
}

/// Tells whether a request comes from this site, from no page at all, or from one of an origin that a decorator names.
/// Programs that are no browsers say nothing.
pub fn is_welcome(request: &HttpRequest, decorators: &DecoratorList) -> bool {
    let origin = header(request, ORIGIN.as_str());
    let is_own = match (header(request, "sec-fetch-site"), origin) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").map(|(_, authority)| authority) == host(request),
        (None, None) => true,
    };
    is_own || origin.is_some_and(|origin| decorators.allow_origin(origin))
}

/// Returns the host that a request is for. HTTP/2 has it in the target.
pub fn host(request: &HttpRequest) -> Option<&str> {
    header(request, HOST.as_str()).or_else(|| request.uri().authority().map(Authority::as_str))
}

/// Tells whether a request has a token, or a key in a header where a decorator looks for one.
fn has_key(request: &HttpRequest, decorators: &DecoratorList) -> bool {
    let is_token = |value: &str| value.split(' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    if header(request, AUTHORIZATION.as_str()).is_some_and(is_token) {
        return true;
    }
    let credentials = decorators.docs().flatten().flat_map(|docs| docs.security).map(|scheme| scheme.credential);
    let mut names = credentials.filter_map(|credential| match credential {
        Credential::Key { place: ParameterPlace::Header, name } => Some(name),
        Credential::Key { .. } | Credential::Basic | Credential::Bearer { .. } => None,
    });
    names.any(|name| request.headers().contains_key(name))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::test::TestRequest;
    use palladium_component::interfaces::{
        Call, Decorator, DecoratorDocs, Failure, Lifecycle, Returned, SecurityScheme,
    };

    use super::*;

    /// Looks for a key in a header, and lets pages of one origin call.
    struct Guard;

    impl Lifecycle for Guard {}

    impl Decorator for Guard {
        fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
            call.proceed()
        }

        fn allows_origin(&self, origin: &str) -> bool {
            origin == "https://a.example"
        }

        fn docs(&self) -> Option<DecoratorDocs> {
            let credential = Credential::Key { place: ParameterPlace::Header, name: "X-Key".to_owned() };
            let security = vec![SecurityScheme { name: "key".to_owned(), description: String::new(), credential }];
            Some(DecoratorDocs { security, ..DecoratorDocs::default() })
        }
    }

    #[test]
    fn pages_of_other_sites_need_to_be_named_or_to_have_a_key() {
        const HOST: (&str, &str) = ("host", "models.example:5000");
        const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");
        const BASIC: (&str, &str) = ("authorization", "Basic YWRtaW46c2VjcmV0");
        // Without decorators, and with one that knows an origin and a header for keys.
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Headers<'_>, bool, bool); 16] = [
            (&[HOST], true, true),
            (&[HOST, BASIC], true, true),
            (&[HOST, BASIC, ("sec-fetch-site", "same-origin")], true, true),
            (&[HOST, BASIC, ("sec-fetch-site", "none")], true, true),
            (&[HOST, BASIC, ("origin", "http://models.example:5000")], true, true),
            (&[HOST, BASIC, ("sec-fetch-site", "same-origin"), ("origin", "https://proxy.example")], true, true),
            (&[HOST, BASIC, CROSS], false, false),
            (&[HOST, CROSS], false, false),
            (&[HOST, BASIC, ("sec-fetch-site", "same-site")], false, false),
            (&[HOST, BASIC, ("origin", "http://models.example")], false, false),
            (&[HOST, BASIC, ("origin", "null")], false, false),
            (&[HOST, BASIC, CROSS, ("origin", "https://b.example")], false, false),
            (&[HOST, BASIC, CROSS, ("origin", "https://a.example")], false, true),
            (&[HOST, BASIC, ("origin", "https://a.example")], false, true),
            (&[HOST, CROSS, ("x-key", "k")], false, true),
            (&[HOST, CROSS, ("authorization", "bearer abc")], true, true),
        ];
        let (none, one) = (DecoratorList::new("a", Vec::new()), DecoratorList::new("a", vec![Arc::new(Guard)]));
        for (headers, bare, guarded) in cases {
            let request = headers.iter().fold(TestRequest::default(), |request, header| request.insert_header(*header));
            let request = request.to_http_request();
            assert_eq!((check(&request, &none).is_ok(), check(&request, &one).is_ok()), (bare, guarded), "{headers:?}");
        }
    }
}
