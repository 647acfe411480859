//! What callers may do.

use palladium_component::prelude::*;
use tracing::field::display;

use crate::view::{refusal, request_of};

/// Lets those in who may do what is asked for, by the scopes that another decorator has found out.
///
/// Everybody else gets status 403. It stands before the decorator that authenticates, which is further outside and
/// leaves the scopes of the caller:
///
/// ```ron
/// "predict_decorators": [
///     { "!": "palladium.decorators.RequireScope", "all_of": "predict" },
///     {
///         "!": "palladium.decorators.JWTBearer",
///         "issuer": "https://idp.example.com/",
///         "audience": "iris",
///         "jwks_url": "https://idp.example.com/keys",
///     },
/// ]
/// ```
///
/// Where nothing authenticates, nobody would get in: `palladium check` finds such a list, and a service with one does not
/// start. A function further outside may authenticate too: by `wrapped.identify("ada", ["predict"])` it says who calls and
/// what the caller may do, before `wrapped.proceed()`.
#[component(Decorator, name = "palladium.decorators.RequireScope", check)]
pub struct RequireScope {
    /// A scope or a list of scopes, each of which is needed.
    #[param(default = [])]
    all_of: Texts,
    /// A scope or a list of scopes, one of which is needed.
    #[param(default = [])]
    any_of: Texts,
}

impl RequireScope {
    fn check(&self) -> Result<(), ArgumentError> {
        for (parameter, scopes) in [("all_of", &self.all_of), ("any_of", &self.any_of)] {
            if let Some(odd) = scopes.0.iter().find(|scope| !Identity::is_scope(scope)) {
                let message = format!("{odd:?} is no scope, which is visible ASCII without blanks and quotes");
                return Err(ArgumentError::new(parameter, message));
            }
        }
        match self.all_of.0.is_empty() && self.any_of.0.is_empty() {
            true => Err(ArgumentError {
                parameter: None,
                message: "one of `all_of` and `any_of` is needed".to_owned(),
                help: None,
            }),
            false => Ok(()),
        }
    }

    fn admits(&self, scopes: &[String]) -> bool {
        let (all, any) = (&self.all_of.0, &self.any_of.0);
        all.iter().all(|scope| scopes.contains(scope))
            && (any.is_empty() || any.iter().any(|scope| scopes.contains(scope)))
    }
}

impl Decorator for RequireScope {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let request = request_of(&call)?;
        match request.caller.identity() {
            Some(identity) if self.admits(&identity.scopes) => return call.proceed(),
            Some(_) => {}
            None => {
                let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
                tracing::warn!(
                    target: "palladium::auth", request_id, trace_id,
                    "nobody has authenticated: a decorator that does stands behind `RequireScope` in the list",
                );
            }
        }
        let mut response = refusal(request, 403, "the scope of the caller is not sufficient");
        let needed = self.all_of.0.iter().chain(&self.any_of.0).map(String::as_str).collect::<Vec<_>>().join(" ");
        response.set_header("www-authenticate", format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\""));
        Ok(response.into())
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn authentication(&self) -> Authentication {
        Authentication::Required
    }

    fn identifies(&self) -> bool {
        false
    }

    fn goes_by_caller(&self) -> bool {
        true
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        let challenge = OperationHeader::text("www-authenticate", "Which scopes are needed.");
        let refused = OperationResponse::refusal(403, "The caller may not do this.").with_header(challenge);
        Some(DecoratorDocs {
            scopes: self.all_of.0.iter().chain(&self.any_of.0).cloned().collect(),
            responses: vec![refused],
            ..DecoratorDocs::default()
        })
    }

    fn needs_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{decorator, header, plan, request, through};

    #[test]
    fn admits_by_scopes() {
        let cases = [
            (json!({"all_of": ["a", "b"]}), "a b c", 200),
            (json!({"all_of": ["a", "b"]}), "a", 403),
            (json!({"all_of": "a"}), "ab", 403),
            (json!({"any_of": ["a", "b"]}), "b", 200),
            (json!({"any_of": ["a", "b"]}), "c", 403),
            (json!({"all_of": "a", "any_of": ["b", "c"]}), "a c", 200),
            (json!({"all_of": "a", "any_of": ["b", "c"]}), "a", 403),
        ];
        for (arguments, scopes, status) in cases {
            let request = request("GET", &[]);
            let scopes = scopes.split(' ').map(str::to_owned).collect();
            request.caller.identify(Identity { principal: "ada".to_owned(), scopes });
            assert_eq!(through(&[&decorator("RequireScope", &arguments)], &request).status, status, "{arguments}");
        }
        let nobody = through(&[&decorator("RequireScope", &json!({"any_of": "a"}))], &request("GET", &[]));
        assert_eq!(nobody.status, 403);
        assert_eq!(header(&nobody, "www-authenticate"), Some("Bearer error=\"insufficient_scope\", scope=\"a\""));
    }

    #[test]
    fn arguments_are_checked() {
        let cases = [
            (json!({}), "one of `all_of` and `any_of` is needed"),
            (json!({"all_of": "a b"}), "is no scope"),
            (json!({"any_of": ["\""]}), "no scope"),
        ];
        for (arguments, said) in cases {
            assert!(plan("RequireScope", &arguments).err().unwrap().contains(said), "{arguments}");
        }
    }
}
