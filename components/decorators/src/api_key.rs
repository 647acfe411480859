//! Keys of programs.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use palladium_component::ParamType;
use palladium_component::prelude::*;
use palladium_component::value::has_placeholder;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;
use tracing::field::display;

use crate::credentials::{Given, bearer, header};
use crate::plain::{HeaderName, hidden, hidden_in, why_empty};
use crate::view::{described_401, refusal, request_of};

/// Lets programs with a key in.
///
/// Everybody else gets status 401. Each key has a name, which is what logs and limits further inside see as the
/// principal:
///
/// ```ron
/// "predict_decorators": [{
///     "!": "palladium.decorators.ApiKey",
///     "api_keys": {
///         "dashboard": "${environ.DASHBOARD_KEY}",
///         "nightly-job": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
///     },
///     "scopes": { "nightly-job": ["fit"] },
/// }]
/// ```
///
/// A key is given as text, which has to come from the environment, or as `sha256:` and the 64 hexadecimal digits of its
/// SHA-256, which may stand in the file: `printf %s "$KEY" | sha256sum` prints them. Such a digest is as good as its key
/// is random: draw keys, by `openssl rand -hex 32`, and do not think them up.
///
/// Clients send the key in the header `X-API-Key`; a request that carries several keys is refused. A key in the query
/// string ends up in histories and in the logs of proxies, so it counts only where `query_parameter` names one.
#[component(Decorator, name = "palladium.decorators.ApiKey", check)]
pub struct ApiKey {
    /// A map from the names of keys to the keys: text of at least 16 bytes from the environment, without blanks and line
    /// ends around it, or `sha256:` and a digest.
    api_keys: Keys,
    /// A map from the names of keys to what they may do, a scope or a list of scopes, for `RequireScope`.
    scopes: Option<IndexMap<String, Texts>>,
    /// The header that carries the key; null for none.
    #[param(default = "X-API-Key")]
    header: Option<HeaderName>,
    /// Whether a key may also come as the token of `Authorization: Bearer`.
    #[param(default = false)]
    bearer: bool,
    /// The parameter of the query string that may carry the key.
    query_parameter: Option<String>,
    /// Whom the keys identify, in their order.
    #[state]
    identities: OnceLock<Vec<Arc<Identity>>>,
}

/// Named keys by their digests.
struct Keys(Vec<(String, Digest)>);

/// A SHA-256, in words, since comparing bytes one by one takes longer than making it.
type Digest = [u64; 4];

/// What a key has to be at least as long as.
const SHORTEST: usize = 16;

impl FromArgument for Keys {
    const TYPE: ParamType = ParamType::Map(&ParamType::Text);

    fn from_argument(value: &Value) -> Result<Keys, Mismatch> {
        let map = value.as_map().ok_or_else(|| Mismatch::wrong(Self::TYPE, &hidden(value)))?;
        let mut keys: Vec<(String, Digest)> = Vec::new();
        for (name, entry) in map {
            let is_empty = entry.value.as_text() == Some("") && !has_placeholder(&entry.value);
            let wrong = |problem: &str| Mismatch::Refused {
                message: format!("the key of {name:?} {problem}"),
                value: hidden_in(&entry.value, value),
                label: if is_empty { why_empty(&entry.value) } else { String::new() },
            };
            let digest = digest_of(&entry.value).map_err(wrong)?;
            if let Some((other, _)) = keys.iter().find(|(_, known)| *known == digest && !has_placeholder(value)) {
                return Err(wrong(&format!("is also that of {other:?}")));
            }
            if name.is_empty() || name.chars().any(char::is_control) {
                return Err(wrong("has no name, or one with a control character"));
            }
            keys.push((name.clone(), digest));
        }
        Ok(Keys(keys))
    }
}

/// Returns the digest of a key as it is given.
fn digest_of(value: &Value) -> Result<Digest, &'static str> {
    let text = value.as_text().ok_or("is no text")?;
    if has_placeholder(value) {
        return Ok(sha256(text));
    }
    if text.is_empty() {
        return Err("is empty");
    }
    if let Some(digits) = text.strip_prefix("sha256:") {
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| "is not `sha256:` and 64 hexadecimal digits")?;
        return Ok(in_words(&digest));
    }
    // A key that is written into the file would be read by everybody who reads the file.
    if value.span.text().trim_matches(['"', '`']) == text {
        return Err("stands in the file: take it from the environment, or give `sha256:` and its digest");
    }
    if text.trim() != text {
        return Err("begins or ends with a blank or a line end, which clients cannot send: take it off");
    }
    if text.len() < SHORTEST {
        return Err("is shorter than 16 bytes");
    }
    Ok(sha256(text))
}

fn sha256(text: &str) -> Digest {
    in_words(digest(&SHA256, text.as_bytes()).as_ref())
}

/// Returns the 32 bytes of a digest in words.
fn in_words(bytes: &[u8]) -> Digest {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    words
}

impl Keys {
    /// Returns the position of a key; how long it takes says nothing about which one it is, or how near to one.
    fn find(&self, key: &str) -> Option<usize> {
        let digest = sha256(key);
        let mut found = None;
        for (position, (_, known)) in self.0.iter().enumerate() {
            if bool::from(known.ct_eq(&digest)) {
                found = Some(position);
            }
        }
        found
    }
}

impl ApiKey {
    fn check(&self) -> Result<(), ArgumentError> {
        if self.api_keys.0.is_empty() {
            let message = "`api_keys` holds no key, so nobody could get in".to_owned();
            return Err(ArgumentError { parameter: None, message, help: None });
        }
        if self.header.is_none() && !self.bearer && self.query_parameter.is_none() {
            let error = ArgumentError::new("header", "no place is left where a key may come from");
            return Err(error.help("name a `header`, or set `bearer` to true"));
        }
        if self.header.as_ref().is_some_and(|header| header.0 == "authorization") {
            let error = ArgumentError::new("header", "`Authorization` carries a scheme before the key");
            return Err(error.help("set `bearer` to true"));
        }
        if self.query_parameter.as_ref().is_some_and(String::is_empty) {
            let error = ArgumentError::new("query_parameter", "`query_parameter` is empty");
            return Err(error.help("name the parameter, or leave `query_parameter` out where none may carry the key"));
        }
        for (name, scopes) in self.scopes.iter().flatten() {
            if let Some(odd) = scopes.0.iter().find(|scope| !Identity::is_scope(scope)) {
                let message =
                    format!("{odd:?} of `{name}` is no scope, which is visible ASCII without blanks and quotes");
                return Err(
                    ArgumentError::new("scopes", message).help("several scopes are a list: `[\"read\", \"fit\"]`")
                );
            }
        }
        let unknown = |name: &&String| !self.api_keys.0.iter().any(|(known, _)| known == *name);
        match self.scopes.iter().flat_map(IndexMap::keys).find(unknown) {
            Some(name) => Err(ArgumentError::new("scopes", format!("no key has the name `{name}`"))),
            None => Ok(()),
        }
    }

    /// Returns the one key that a request carries.
    fn given<'a>(&self, request: &'a ViewRequest) -> Given<&'a str> {
        let of_header = self.header.as_ref().map_or(Given::Nothing, |name| header(request, &name.0));
        let of_bearer = if self.bearer { bearer(request) } else { Given::Nothing };
        let mut of_query = Given::Nothing;
        for value in self.query_parameter.iter().flat_map(|name| request.query.get_all(name)) {
            of_query = if of_query == Given::Nothing { Given::This(value) } else { Given::Unclear };
        }
        let mut all = [of_header, of_bearer, of_query].into_iter().filter(|given| *given != Given::Nothing);
        match (all.next(), all.next()) {
            (None, _) => Given::Nothing,
            (Some(given), None) => given,
            (Some(_), Some(_)) => Given::Unclear,
        }
    }

    /// Returns whom the keys identify, in their order.
    fn identities(&self) -> &[Arc<Identity>] {
        let identity = |name: &String| {
            let scopes = self.scopes.as_ref().and_then(|scopes| scopes.get(name)).cloned().unwrap_or_default().0;
            Arc::new(Identity { principal: name.clone(), scopes })
        };
        self.identities.get_or_init(|| self.api_keys.0.iter().map(|(name, _)| identity(name)).collect())
    }

    fn refuse(&self, request: &ViewRequest, message: &str) -> ViewResponse {
        let mut response = refusal(request, 401, message);
        response.set_header("www-authenticate", if self.bearer { "Bearer" } else { "ApiKey" });
        response
    }
}

impl Decorator for ApiKey {
    fn call(&self, call: Call<'_>) -> Result<Returned, Failure> {
        let request = request_of(&call)?;
        let key = match self.given(request) {
            Given::This(key) => key,
            Given::Nothing => return Ok(self.refuse(request, "a key is needed").into()),
            Given::Unclear => return Ok(self.refuse(request, "the key is given in more than one way").into()),
        };
        let Some(position) = self.api_keys.find(key) else {
            let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
            tracing::info!(target: "palladium::auth", request_id, trace_id, "a key is unknown");
            return Ok(self.refuse(request, "the key is unknown").into());
        };
        request.caller.identify(Arc::clone(&self.identities()[position]));
        call.proceed()
    }

    fn is_quick(&self) -> bool {
        true
    }

    fn authentication(&self) -> Authentication {
        Authentication::Required
    }

    fn wraps_only_views(&self) -> bool {
        true
    }

    fn docs(&self) -> Option<DecoratorDocs> {
        let scheme = |name: &str, credential| SecurityScheme {
            name: name.to_owned(),
            description: "A key.".to_owned(),
            credential,
        };
        let key = |place, name: &String| Credential::Key { place, name: name.clone() };
        let of_header = self.header.iter().map(|header| scheme("apiKey", key(ParameterPlace::Header, &header.0)));
        let of_bearer = self.bearer.then(|| scheme("apiKeyBearer", Credential::Bearer { format: None }));
        let of_query = self.query_parameter.iter().map(|name| scheme("apiKeyQuery", key(ParameterPlace::Query, name)));
        Some(DecoratorDocs {
            security: of_header.chain(of_bearer).chain(of_query).collect(),
            responses: vec![described_401("The key is missing or unknown.")],
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
    use crate::testing::{body, decorator, header as header_of, plan, request, through};

    const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const KEY: &str = "0123456789abcdef";

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn keys() -> serde_json::Value {
        json!({"plain": KEY, "hashed": DIGEST})
    }

    #[test]
    fn lets_keys_in_by_their_header() {
        let decorator = decorator("ApiKey", &json!({"api_keys": keys(), "scopes": {"hashed": ["a", "b"]}}));
        for (key, name, scopes) in [(KEY, "plain", &[] as &[&str]), ("test", "hashed", &["a", "b"])] {
            let request = request("GET", &[("x-api-key", key)]);
            assert_eq!(through(&[&decorator], &request).status, 200);
            let identity = request.caller.identity().unwrap();
            assert_eq!((identity.principal.as_str(), &identity.scopes), (name, &owned(scopes)));
        }
        let mut in_query = request("GET", &[]);
        in_query.query = Pairs::from_iter([("x-api-key", KEY)]);
        for request in [
            request("GET", &[]),
            request("GET", &[("x-api-key", "")]),
            request("GET", &[("x-api-key", "0123456789abcdeF")]),
            request("GET", &[("x-api-key", DIGEST)]),
            request("GET", &[("x-api-key", &DIGEST[7..])]),
            request("GET", &[("x-api-key", KEY), ("x-api-key", KEY)]),
            request("GET", &[("authorization", &format!("Bearer {KEY}"))]),
            in_query,
        ] {
            let answer = through(&[&decorator], &request);
            assert_eq!((answer.status, header_of(&answer, "www-authenticate")), (401, Some("ApiKey")));
            let fields: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
            assert_eq!((&fields["status"], &fields["error_code"]), (&json!("ERROR"), &json!(-1)));
            assert!(!body(&answer).contains(KEY) && request.caller.identity().is_none());
        }
    }

    #[test]
    fn other_places_count_where_they_are_asked_for() {
        let arguments = json!({"api_keys": keys(), "header": null, "bearer": true, "query_parameter": "key"});
        let decorator = decorator("ApiKey", &arguments);
        let with = |headers: &[(&str, &str)], query: &[&str]| {
            let mut request = request("GET", headers);
            request.query = query.iter().map(|key| ("key", key)).collect();
            through(&[&decorator], &request).status
        };
        let bearer = format!("Bearer {KEY}");
        assert_eq!(with(&[("authorization", &bearer)], &[]), 200);
        assert_eq!(with(&[], &[KEY]), 200);
        assert_eq!(with(&[("x-api-key", KEY)], &[]), 401);
        assert_eq!(with(&[("authorization", &bearer)], &[KEY]), 401, "two keys");
        assert_eq!(with(&[], &[KEY, KEY]), 401, "two keys");
    }

    #[test]
    fn arguments_are_checked_and_never_shown() {
        for (arguments, said) in [
            (json!({"api_keys": {}}), "holds no key"),
            (json!({"api_keys": {"a": ""}}), "the key of \"a\" is empty"),
            (json!({"api_keys": {"a": "canary"}}), "is shorter than 16 bytes"),
            (json!({"api_keys": {"a": "sha256:canary"}}), "64 hexadecimal digits"),
            (json!({"api_keys": {"a": KEY, "b": KEY}}), "is also that of"),
            (json!({"api_keys": ["canary"]}), "`api_keys`"),
            (json!({"api_keys": {"a": format!("canary-{KEY}\n")}}), "ends with a blank or a line end"),
            (json!({"api_keys": {"a": format!(" canary-{KEY}")}}), "ends with a blank or a line end"),
            (json!({"api_keys": keys(), "query_parameter": ""}), "`query_parameter` is empty"),
            (json!({"api_keys": keys(), "scopes": {"plain": "p x"}}), "\"p x\" of `plain` is no scope"),
            (json!({"api_keys": keys(), "scopes": {"plain": ["p", ""]}}), "\"\" of `plain` is no scope"),
            (json!({"api_keys": keys(), "header": null}), "no place is left"),
            (json!({"api_keys": keys(), "header": "Authorization"}), "carries a scheme"),
            (json!({"api_keys": keys(), "header": "a b"}), "the name of a header"),
            (json!({"api_keys": keys(), "scopes": {"other": "x"}}), "no key has the name `other`"),
        ] {
            let findings = plan("ApiKey", &arguments).err().unwrap();
            assert!(findings.contains(said) && !findings.contains("canary"), "{findings}");
        }
        let written = Value::new(Data::Text(KEY.to_owned()), Span::nowhere("test"));
        assert!(digest_of(&written).is_ok(), "it stands nowhere");
    }
}
