//! Tokens that carry their claims.

mod keys;
mod provider;
mod source;
mod verify;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use palladium_component::prelude::*;
use tracing::field::display;

use self::keys::KeySet;
use self::source::{KeySource, Published, Times};
use self::verify::{Expected, Rejection};
use crate::credentials::{Given, bearer};
use crate::plain::{QuotedText, Secret, ServiceUrl};
use crate::view::{described_bearer, later, refusal, request_of};
use crate::watched::{Watched, read};

/// Lets callers in who bring a signed token (JWT) of an identity provider.
///
/// A token has to be signed with a key of the provider, by one of `algorithms`, to come from `issuer`, to be meant for
/// `audience` and not to have expired. Everybody else gets status 401, and `WWW-Authenticate: Bearer` says why. A request
/// whose token cannot be read gets status 400 and the error `invalid_request`: one with several headers `Authorization`,
/// or where nothing follows `Bearer`, or what no token holds, such as a blank, or more than 16384 bytes.
///
/// ```ron
/// "predict_decorators": [{
///     "!": "palladium.decorators.JWTBearer",
///     "issuer": "https://idp.example.com/",
///     "audience": "iris",
///     "jwks_url": "https://idp.example.com/.well-known/jwks.json",
/// }]
/// ```
///
/// Exactly one of `jwks_url`, `jwks_file`, `public_key_file` and `secret` says where the keys come from. A set that is
/// fetched is kept: it is fetched again when it is older than `refresh` seconds, and when a token names a key that is
/// not in it, but after an attempt not for `pause` seconds; what was fetched before stays in use when that fails, and
/// status 503 is answered while nothing was ever fetched. Requests do not wait until a set is fetched again, except one
/// that finds it older than twice `refresh`, as after a quiet night, and those with an unknown key, which wait for
/// `timeout` seconds at most. Files are read again when they have changed. One that is deleted, cannot be read or holds no
/// key while the service runs leaves the keys of before in use, and the log says so as an error; the service does not
/// start with such a file. To let nobody in, put a public key into it whose private key nobody has.
///
/// A key verifies the algorithms of its own type alone, so that a public key is never taken for a secret. The algorithms
/// `HS256`, `HS384` and `HS512` need `secret`, and it needs them: whoever verifies with a secret can also sign. `none` is
/// no algorithm here.
///
/// The principal is the claim `principal_claim`, and the scopes for `RequireScope` are those of the claims `scope`,
/// `scp` and `permissions`: lists, or texts of words.
#[component(Decorator, name = "palladium.decorators.JWTBearer", check, lifecycle)]
pub struct JwtBearer {
    /// What the claim `iss` of a token has to be.
    issuer: String,
    /// A name or a list of names, one of which the claim `aud` of a token has to hold.
    audience: Texts,
    /// The algorithms that tokens may be signed by: `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`,
    /// `ES384`, `EdDSA`, `HS256`, `HS384`, `HS512`. Without it these are `RS256` and `ES256`, with `secret` `HS256`.
    algorithms: Option<Texts>,
    /// The address of the provider's key set: `https`, or `http` on this machine.
    jwks_url: Option<ServiceUrl>,
    /// A file with a key set.
    jwks_file: Option<PathBuf>,
    /// A file with one public key in PEM.
    public_key_file: Option<PathBuf>,
    /// A secret that is shared with whoever signs tokens, of at least 32 bytes: take it from the environment.
    secret: Option<Secret>,
    /// The seconds by which the clock of the provider may differ.
    #[param(default = 30, max = 600)]
    leeway: u64,
    /// Further claims that a token has to have.
    #[param(default = [])]
    required_claims: Vec<String>,
    /// The claim that is the principal.
    #[param(default = "sub")]
    principal_claim: String,
    /// The seconds after which a key set is fetched again.
    #[param(default = 300.0, min = 1.0, max = 31_536_000.0)]
    refresh: f64,
    /// The seconds after an attempt to fetch a key set in which there is no other.
    #[param(default = 10.0, min = 0.1, max = 3600.0)]
    pause: f64,
    /// The seconds that fetching a key set may take.
    #[param(default = 5.0, min = 0.1, max = 60.0)]
    timeout: f64,
    /// What `WWW-Authenticate` calls the service.
    realm: Option<QuotedText>,
    #[state]
    ready: OnceLock<(KeySource, Expected)>,
}

impl JwtBearer {
    fn check(&self) -> Result<(), ArgumentError> {
        let given =
            [self.jwks_url.is_some(), self.jwks_file.is_some(), self.public_key_file.is_some(), self.secret.is_some()];
        let wanted = match given.iter().filter(|given| **given).count() {
            0 => Some("is needed"),
            1 => None,
            _ => Some("can be given, not several"),
        };
        if let Some(wanted) = wanted {
            let message = format!("one of `jwks_url`, `jwks_file`, `public_key_file` and `secret` {wanted}");
            return Err(ArgumentError { parameter: None, message, help: None });
        }
        if self.issuer.is_empty() {
            return Err(ArgumentError::new("issuer", "`issuer` is empty"));
        }
        if self.audience.0.is_empty() || self.audience.0.iter().any(String::is_empty) {
            return Err(ArgumentError::new("audience", "`audience` is empty"));
        }
        self.algorithms().map(drop)
    }

    /// Returns the algorithms, which go with the keys.
    fn algorithms(&self) -> Result<Vec<Algorithm>, ArgumentError> {
        let Some(Texts(names)) = &self.algorithms else {
            return Ok(match self.secret {
                Some(_) => vec![Algorithm::HS256],
                None => vec![Algorithm::RS256, Algorithm::ES256],
            });
        };
        let wrong = |message: String| Err(ArgumentError::new("algorithms", message));
        if names.is_empty() {
            return wrong("no algorithm is left by which a token could be signed".to_owned());
        }
        let mut algorithms = Vec::new();
        for name in names {
            let Ok(algorithm) = name.parse::<Algorithm>() else {
                return wrong(format!("`{name}` is no algorithm that tokens can be signed by"));
            };
            match (algorithm.family() == AlgorithmFamily::Hmac, self.secret.is_some()) {
                (true, false) => return wrong(format!("`{name}` needs `secret`")),
                (false, true) => return wrong(format!("`{name}` needs a public key, and `secret` is given")),
                _ => algorithms.push(algorithm),
            }
        }
        Ok(algorithms)
    }

    fn times(&self) -> Times {
        let of = Duration::from_secs_f64;
        Times { timeout: of(self.timeout), refresh: of(self.refresh), pause: of(self.pause) }
    }

    fn source(&self) -> Result<KeySource, Failure> {
        if let Some(url) = &self.jwks_url {
            return Ok(KeySource::Url(Published::new(url.0.clone(), self.times()).into()));
        }
        if let Some(path) = &self.jwks_file {
            return Ok(KeySource::JwksFile(path.clone(), Watched::default()));
        }
        if let Some(path) = &self.public_key_file {
            return Ok(KeySource::PemFile(path.clone(), Watched::default()));
        }
        let secret = self.secret.as_ref().ok_or_else(|| Failure::message("there is no key"))?;
        Ok(KeySource::Secret(KeySet::of_secret(&secret.0).into()))
    }

    fn expected(&self) -> Result<Expected, Failure> {
        let algorithms = self.algorithms().map_err(|error| Failure::message(error.message))?;
        Ok(Expected {
            issuer: self.issuer.clone(),
            audience: self.audience.0.clone(),
            algorithms,
            leeway: self.leeway,
            required: self.required_claims.clone(),
            principal: self.principal_claim.clone(),
        })
    }

    fn refuse(&self, request: &ViewRequest, rejection: Option<Rejection>) -> ViewResponse {
        let realm = self.realm.as_ref().map(|realm| format!("realm=\"{}\"", realm.0));
        let (status, message, error) = match rejection {
            None => (401, "a token is needed", None),
            Some(Rejection::Unclear) => (400, "the request carries no token that can be read", Some("invalid_request")),
            Some(Rejection::Invalid(why)) => (401, why, Some("invalid_token")),
            Some(Rejection::Unavailable) => return later(request, 503, "tokens cannot be verified at present", 5),
        };
        let error = error.map(|error| format!("error=\"{error}\", error_description=\"{message}\""));
        let details: Vec<String> = realm.into_iter().chain(error).collect();
        let mut response = refusal(request, status, message);
        response.set_header("www-authenticate", format!("Bearer {}", details.join(", ")).trim_end());
        response
    }

    fn identify(&self, request: &ViewRequest) -> Result<Identity, Option<Rejection>> {
        let token = match bearer(request) {
            Given::This(token) => token,
            Given::Nothing => return Err(None),
            Given::Unclear => return Err(Some(Rejection::Unclear)),
        };
        let Some((source, expected)) = self.ready.get() else { return Err(Some(Rejection::Unavailable)) };
        verify::verify(request, token, source, expected).map_err(Some)
    }
}

impl Lifecycle for JwtBearer {
    fn initialize(&self, context: &InitContext<'_>) -> Result<(), Failure> {
        provider::install();
        let source = self.source()?;
        // A service is asked by the first request: it may start later than this one. Who fits needs no keys.
        if context.mode == Mode::Serve && !matches!(source, KeySource::Url(_)) {
            source.keys()?;
        }
        let _ = self.ready.set((source, self.expected()?));
        Ok(())
    }

    fn probe(&self) -> Result<Probe, Failure> {
        Ok(match self.source()? {
            KeySource::Secret(_) => Probe::Nothing,
            KeySource::JwksFile(path, _) => {
                read(&path, KeySet::of_jwks)?;
                Probe::Found(format!("the file `{}`", path.display()))
            }
            KeySource::PemFile(path, _) => {
                read(&path, KeySet::of_pem)?;
                Probe::Found(format!("the file `{}`", path.display()))
            }
            KeySource::Url(published) => {
                published.ask()?;
                Probe::Found("the key set of the identity provider".to_owned())
            }
        })
    }
}

impl Decorator for JwtBearer {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let request = request_of(&call)?;
        match self.identify(request) {
            Ok(identity) => {
                request.caller.identify(identity);
                call.proceed()
            }
            Err(rejection) => {
                if let Some(Rejection::Invalid(why)) = rejection {
                    let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
                    tracing::info!(target: "palladium::auth", request_id, trace_id, "{why}");
                }
                Ok(self.refuse(request, rejection).into())
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
                name: "jwt".to_owned(),
                description: format!("A token of the issuer {} for {}.", self.issuer, self.audience.0.join(" or ")),
                credential: Credential::Bearer { format: Some("JWT".to_owned()) },
            }],
            responses: described_bearer("Tokens cannot be verified at present."),
            ..DecoratorDocs::default()
        })
    }

    fn needs_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
