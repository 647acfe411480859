//! Tokens that their provider is asked about.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use palladium_component::prelude::*;
use serde_json::Value as Json;
use tracing::field::display;
use url::form_urlencoded;

use crate::claims::{Claims, scopes, texts};
use crate::credentials::{Given, bearer};
use crate::expiring::Expiring;
use crate::gate::{Bounds, Gate};
use crate::keyed_hash::{Hash, KeyedHash};
use crate::plain::{QuotedText, ServiceUrl};
use crate::remote::{Remote, RemoteError, json};
use crate::view::{described_bearer, later, refusal, request_of};

/// Lets callers in whose token is active, as their identity provider says when it is asked (RFC 7662).
///
/// Everybody else gets status 401; status 503 is answered while the provider cannot be asked. A request whose token cannot
/// be read gets status 400 and the error `invalid_request`: one with several headers `Authorization`, or where nothing
/// follows `Bearer`, or what no token holds, such as a blank, or more than 16384 bytes.
///
/// ```ron
/// "predict_decorators": [{
///     "!": "palladium.decorators.OAuth2Introspection",
///     "endpoint": "https://idp.example.com/oauth2/introspect",
///     "client_id": "iris",
///     "client_secret": "${environ.OAUTH2_SECRET}",
/// }]
/// ```
///
/// What the provider said is known for `remember` seconds, but not longer than the token is valid; a token that is
/// revoked meanwhile is let in until then. Tokens are kept as keyed hashes. Signed tokens of which nobody is asked are
/// the business of `JWTBearer`.
///
/// The principal is the `username` of the token, else its `sub`, else its `client_id`; the scopes for `RequireScope` are
/// those of `scope`.
#[component(Decorator, name = "palladium.decorators.OAuth2Introspection", check, lifecycle)]
pub struct OAuth2Introspection {
    /// The address of the provider's introspection endpoint: `https`, or `http` on this machine.
    endpoint: ServiceUrl,
    /// The name by which this service is known to the provider.
    client_id: String,
    /// The secret that goes with it: take it from the environment.
    client_secret: String,
    /// A name or a list of names, one of which `aud` of a token has to hold.
    audience: Option<Texts>,
    /// What `iss` of a token has to be.
    issuer: Option<String>,
    /// How many seconds it is known what the provider said; 0 asks it with each request.
    #[param(default = 30.0, min = 0.0, max = 3600.0)]
    remember: f64,
    /// Of how many tokens that is known at most.
    #[param(default = 10000, min = 1)]
    max_remembered: usize,
    /// The seconds that asking the provider may take.
    #[param(default = 3.0, min = 0.1, max = 60.0)]
    timeout: f64,
    /// How many requests may ask the provider at once.
    #[param(default = 16, min = 1)]
    max_requests: usize,
    /// What `WWW-Authenticate` calls the service.
    realm: Option<QuotedText>,
    #[state]
    hash: OnceLock<KeyedHash>,
    #[state]
    known: Expiring<Hash, Option<Arc<Identity>>>,
    #[state]
    remote: Remote,
    #[state]
    gate: Gate,
}

impl OAuth2Introspection {
    fn check(&self) -> Result<(), ArgumentError> {
        for (name, text) in [("client_id", &self.client_id), ("client_secret", &self.client_secret)] {
            if text.is_empty() {
                let error = ArgumentError::new(name, format!("`{name}` is empty"));
                return Err(error.help("take it from a variable of the environment that is set and not empty"));
            }
        }
        let is_plain = |text: &str| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if !is_plain(&self.client_id) || !is_plain(&self.client_secret) {
            let message = "`client_id` or `client_secret` holds what is no visible ASCII letter".to_owned();
            let help = Some("look for a line end in the variable of the environment".to_owned());
            return Err(ArgumentError { parameter: None, message, help });
        }
        if self.audience.as_ref().is_some_and(|audience| audience.0.is_empty()) {
            return Err(ArgumentError::new("audience", "`audience` is empty"));
        }
        Ok(())
    }

    /// Returns who brings a token; nothing stands for one that is not active.
    ///
    /// # Errors
    /// The provider cannot be asked.
    fn identify(&self, token: &str) -> Result<Option<Arc<Identity>>, Unasked> {
        let hash = self.hash.get().ok_or(Unasked::Busy)?;
        let key = hash.of(&[token.as_bytes()]);
        let now = Instant::now();
        if let Some(known) = self.known.get(&key, now) {
            return Ok(known);
        }
        let claims = self.ask(token)?;
        let (identity, left) = self.judge(&claims, seconds_now());
        let lifetime = left.map_or(self.remember, |left| left.min(self.remember));
        if lifetime > 0.0 {
            self.known.insert(key, identity.clone(), now + Duration::from_secs_f64(lifetime), self.max_remembered);
        }
        Ok(identity)
    }

    fn ask(&self, token: &str) -> Result<Claims, Unasked> {
        const QUEUE: usize = 64;
        let timeout = Duration::from_secs_f64(self.timeout);
        let bounds = Bounds { most: self.max_requests, queue: QUEUE, wait: timeout };
        let _inside = self.gate.enter(bounds).ok_or(Unasked::Busy)?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "access_token")
            .finish();
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let url = &self.endpoint.0;
        let body = self.remote.ask(url, timeout, |client| {
            let request =
                client.post(url.clone()).basic_auth(encoded(&self.client_id), Some(encoded(&self.client_secret)));
            let request = request.header("accept", "application/json");
            request.header("content-type", "application/x-www-form-urlencoded").body(form)
        })?;
        Ok(json(url, &body, "an introspection response")?)
    }

    /// Returns who brings a token of these claims at a time, and for how many seconds that holds.
    fn judge(&self, claims: &Claims, now: f64) -> (Option<Arc<Identity>>, Option<f64>) {
        let expires = match claims.get("exp") {
            None | Some(Json::Null) => None,
            Some(time) => Some(time.as_f64().unwrap_or(0.0)),
        };
        let begins = claims.get("nbf").and_then(Json::as_f64).unwrap_or(0.0);
        let audience = texts(claims, "aud");
        let is_ours = self.audience.as_ref().is_none_or(|ours| ours.0.iter().any(|name| audience.contains(&&**name)));
        let text = |name: &str| claims.get(name).and_then(Json::as_str);
        let is_issued = self.issuer.as_deref().is_none_or(|issuer| text("iss") == Some(issuer));
        let is_active = claims.get("active") == Some(&Json::Bool(true));
        let is_valid = expires.is_none_or(|time| now < time) && begins <= now && is_ours && is_issued && is_active;
        let principal =
            ["username", "sub", "client_id"].into_iter().find_map(text).filter(|name| Identity::is_principal(name));
        let identity = principal
            .filter(|_| is_valid)
            .map(|principal| Arc::new(Identity { principal: principal.to_owned(), scopes: scopes(claims) }));
        let left = expires.filter(|_| identity.is_some()).map(|time| time - now);
        (identity, left)
    }

    fn refuse(&self, request: &ViewRequest, status: u16, message: &str, error: Option<&str>) -> ViewResponse {
        let realm = self.realm.as_ref().map(|realm| format!("realm=\"{}\"", realm.0));
        let error = error.map(|error| format!("error=\"{error}\", error_description=\"{message}\""));
        let details: Vec<String> = realm.into_iter().chain(error).collect();
        let mut response = refusal(request, status, message);
        response.set_header("www-authenticate", format!("Bearer {}", details.join(", ")).trim_end());
        response
    }
}

/// Why the provider was not asked.
#[derive(Debug, thiserror::Error)]
enum Unasked {
    #[error("too many requests are waiting for the provider")]
    Busy,
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

fn seconds_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

impl Lifecycle for OAuth2Introspection {
    fn initialize(&self, _: &InitContext<'_>) -> Result<(), Failure> {
        let _ = self.hash.set(KeyedHash::random()?);
        Ok(())
    }

    fn probe(&self) -> Result<Probe, Failure> {
        match self.ask("probe") {
            Ok(_) => Ok(Probe::Found("the introspection endpoint".to_owned())),
            Err(Unasked::Remote(error)) => Err(error.into()),
            Err(busy) => Err(Failure::message(busy.to_string())),
        }
    }
}

impl Decorator for OAuth2Introspection {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let request = request_of(&call)?;
        let token = match bearer(request) {
            Given::This(token) => token,
            Given::Nothing => return Ok(self.refuse(request, 401, "a token is needed", None).into()),
            Given::Unclear => {
                let message = "the request carries no token that can be read";
                return Ok(self.refuse(request, 400, message, Some("invalid_request")).into());
            }
        };
        match self.identify(token) {
            Ok(Some(identity)) => {
                request.caller.identify(identity);
                call.proceed()
            }
            Ok(None) => {
                let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
                tracing::info!(target: "palladium::auth", request_id, trace_id, "a token is not active");
                let message = "the token is not active, or is meant for another service";
                Ok(self.refuse(request, 401, message, Some("invalid_token")).into())
            }
            Err(error) => {
                let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
                tracing::error!(target: "palladium::auth", request_id, trace_id, "tokens cannot be checked: {error}");
                Ok(later(request, 503, "tokens cannot be checked at present", 5).into())
            }
        }
    }

    fn authentication(&self) -> Authentication {
        Authentication::Required
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        Some(DecoratorDocs {
            security: vec![SecurityScheme {
                name: "oauth2".to_owned(),
                description: "A token that the identity provider is asked about.".to_owned(),
                credential: Credential::Bearer { format: None },
            }],
            responses: described_bearer("Tokens cannot be checked at present."),
            ..DecoratorDocs::default()
        })
    }

    fn needs_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
