//! What browsers are told not to do.

use palladium_component::prelude::*;

use crate::plain::HeaderText;
use crate::view::{answer, request_of};

/// Adds headers that keep browsers from doing harm with an answer.
///
/// ```ron
/// "predict_decorators": ["palladium.decorators.SecurityHeaders"]
/// ```
///
/// These are `X-Content-Type-Options: nosniff`, and those of the parameters below, each of which null leaves out. A
/// header that the view or a decorator further inside has set stays as it is. `Strict-Transport-Security` binds browsers
/// to TLS for a long time, so it is sent only where `hsts_max_age` asks for it: the service itself does not know whether
/// a proxy in front speaks TLS.
#[component(Decorator, name = "palladium.decorators.SecurityHeaders", check)]
pub struct SecurityHeaders {
    /// `X-Frame-Options`: who may show the answer in a frame.
    #[param(default = "DENY")]
    frame_options: Option<HeaderText>,
    /// `Referrer-Policy`: what is told to the pages that links lead to.
    #[param(default = "no-referrer")]
    referrer_policy: Option<HeaderText>,
    /// `Content-Security-Policy`: what the answer may load if it is shown as a page.
    #[param(default = "default-src 'none'; frame-ancestors 'none'")]
    content_security_policy: Option<HeaderText>,
    /// `Cache-Control`: who may keep the answer.
    #[param(default = "no-store")]
    cache_control: Option<HeaderText>,
    /// `Strict-Transport-Security`: for how many seconds browsers insist on TLS.
    hsts_max_age: Option<u64>,
    /// Whether that holds for all names below the one of the service too.
    #[param(default = false)]
    hsts_subdomains: bool,
}

impl SecurityHeaders {
    fn check(&self) -> Result<(), ArgumentError> {
        match self.hsts_subdomains && self.hsts_max_age.is_none() {
            true => Err(ArgumentError::new("hsts_subdomains", "`hsts_subdomains` is without effect")
                .help("give `hsts_max_age`")),
            false => Ok(()),
        }
    }
}

impl Decorator for SecurityHeaders {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        request_of(&call)?;
        let mut response = answer(call)?;
        let mut add = |name: &str, value: &str| {
            if response.header(name).is_none() {
                response.set_header(name, value);
            }
        };
        add("x-content-type-options", "nosniff");
        let given = [
            ("x-frame-options", &self.frame_options),
            ("referrer-policy", &self.referrer_policy),
            ("content-security-policy", &self.content_security_policy),
            ("cache-control", &self.cache_control),
        ];
        for (name, value) in given {
            value.iter().for_each(|value| add(name, &value.0));
        }
        if let Some(seconds) = self.hsts_max_age {
            let subdomains = if self.hsts_subdomains { "; includeSubDomains" } else { "" };
            add("strict-transport-security", &format!("max-age={seconds}{subdomains}"));
        }
        Ok(response.into())
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        let given = [
            ("x-frame-options", self.frame_options.is_some()),
            ("referrer-policy", self.referrer_policy.is_some()),
            ("content-security-policy", self.content_security_policy.is_some()),
            ("cache-control", self.cache_control.is_some()),
            ("strict-transport-security", self.hsts_max_age.is_some()),
        ];
        let names = std::iter::once("x-content-type-options")
            .chain(given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name));
        let headers = names.map(|name| OperationHeader::text(name, "What browsers are told not to do.")).collect();
        Some(DecoratorDocs { headers, ..DecoratorDocs::default() })
    }

    fn needs_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{decorator, header, plan, request, through, through_to};

    #[test]
    fn headers_are_added_and_none_is_replaced() {
        let usual = through(&[&decorator("SecurityHeaders", &json!({}))], &request("GET", &[]));
        for (name, value) in [
            ("x-content-type-options", Some("nosniff")),
            ("x-frame-options", Some("DENY")),
            ("referrer-policy", Some("no-referrer")),
            ("content-security-policy", Some("default-src 'none'; frame-ancestors 'none'")),
            ("cache-control", Some("no-store")),
            ("strict-transport-security", None),
        ] {
            assert_eq!(header(&usual, name), value);
        }
        let names = ["frame_options", "referrer_policy", "content_security_policy", "cache_control"];
        let headers = ["x-frame-options", "referrer-policy", "content-security-policy", "cache-control"];
        for (argument, given) in names.into_iter().zip(headers) {
            for value in [Some("other"), None] {
                let decorator = decorator("SecurityHeaders", &json!({argument: value}));
                let answer = through(&[&decorator], &request("GET", &[]));
                let changed: Vec<&str> =
                    headers.into_iter().filter(|name| header(&answer, name) != header(&usual, name)).collect();
                assert_eq!((header(&answer, given), changed), (value, vec![given]), "{argument}");
            }
        }
        let arguments = json!({"frame_options": null, "hsts_max_age": 60, "hsts_subdomains": true});
        let view = || {
            let mut response = ViewResponse::text(200, "");
            response.set_header("Cache-Control", "max-age=5");
            response
        };
        let answer = through_to(&[&decorator("SecurityHeaders", &arguments)], &request("GET", &[]), view);
        assert_eq!((header(&answer, "x-frame-options"), header(&answer, "cache-control")), (None, Some("max-age=5")));
        assert_eq!(header(&answer, "strict-transport-security"), Some("max-age=60; includeSubDomains"));
    }

    #[test]
    fn arguments_are_checked() {
        for arguments in [
            json!({"frame_options": "DENY\r\nx: y"}),
            json!({"content_security_policy": "a\nb"}),
            json!({"hsts_subdomains": true}),
            json!({"hsts_max_age": -1}),
        ] {
            assert!(plan("SecurityHeaders", &arguments).is_err(), "{arguments}");
        }
    }
}
