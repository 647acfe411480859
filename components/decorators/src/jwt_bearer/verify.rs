//! From a token to who brings it.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use palladium_component::interfaces::{Identity, ViewRequest};
use serde_json::Value as Json;
use tracing::field::display;

use super::keys::Found;
use super::source::KeySource;
use crate::claims::{Claims, scopes};

/// What a token has to say.
pub struct Expected {
    /// Who issued it.
    pub issuer: String,
    /// For whom.
    pub audience: Vec<String>,
    /// By what it may be signed.
    pub algorithms: Vec<Algorithm>,
    /// The seconds by which clocks may differ.
    pub leeway: u64,
    /// Further claims.
    pub required: Vec<String>,
    /// The claim that is the principal.
    pub principal: String,
}

/// Why nobody is let in; the words are shown to the caller and hold nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is no one token.
    Unclear,
    /// The token does not count.
    Invalid(&'static str),
    /// There are no keys.
    Unavailable,
}

/// Returns who brings a token with a request.
///
/// # Errors
/// It is not what is expected, or there are no keys to verify it with.
pub fn verify(
    request: &ViewRequest,
    token: &str,
    source: &KeySource,
    expected: &Expected,
) -> Result<Identity, Rejection> {
    let header = decode_header(token).map_err(|_| Rejection::Invalid("the token cannot be read"))?;
    if !expected.algorithms.contains(&header.alg) {
        return Err(Rejection::Invalid("the token is signed by an algorithm that is not allowed"));
    }
    // What a token declares critical has to be understood, and nothing of that kind is.
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err(Rejection::Invalid("the token has a header that is not understood"));
    }
    let unavailable = |failure| {
        let (request_id, trace_id) = (&request.request_id, request.trace_id().map(display));
        tracing::error!(target: "palladium::auth", request_id, trace_id, "tokens cannot be verified: {failure}");
        Rejection::Unavailable
    };
    let mut keys = source.keys().map_err(unavailable)?.ok_or(Rejection::Unavailable)?;
    let kid = header.kid.as_deref();
    if matches!(keys.find(kid, header.alg), Found::Nothing) {
        keys = source.newer(&keys).unwrap_or(keys);
    }
    match keys.find(kid, header.alg) {
        Found::Key(key) => identify(&claims(token, key, header.alg, expected)?, expected),
        Found::Nothing => Err(Rejection::Invalid("the token is signed with an unknown key")),
        Found::Several => Err(Rejection::Invalid("the token does not say with which key it is signed")),
    }
}

/// Returns the claims of a token whose signature, issuer, audience and times are right.
fn claims(token: &str, key: &DecodingKey, algorithm: Algorithm, expected: &Expected) -> Result<Claims, Rejection> {
    let mut validation = Validation::new(algorithm);
    validation.leeway = expected.leeway;
    validation.validate_nbf = true;
    validation.set_issuer(&[&expected.issuer]);
    validation.set_audience(&expected.audience);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let decoded = decode::<Claims>(token, key, &validation);
    decoded.map(|decoded| decoded.claims).map_err(|error| {
        let is_there = |name: &str| {
            let mut all = Validation::new(algorithm);
            (all.validate_exp, all.validate_aud) = (false, false);
            all.required_spec_claims.clear();
            decode::<Claims>(token, key, &all)
                .is_ok_and(|decoded| decoded.claims.get(name).is_some_and(|claim| !claim.is_null()))
        };
        Rejection::Invalid(match error.kind() {
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => "the signature of the token is wrong",
            ErrorKind::ExpiredSignature => "the token has expired",
            ErrorKind::ImmatureSignature => "the token is not valid yet",
            ErrorKind::InvalidIssuer => "the token comes from another issuer",
            ErrorKind::InvalidAudience => "the token is meant for another audience",
            ErrorKind::InvalidClaimFormat(name) => wrong_type(name),
            // So it is said also of claims that cannot be read.
            ErrorKind::MissingRequiredClaim(name) if is_there(name) => wrong_type(name),
            ErrorKind::MissingRequiredClaim(_) => "the token lacks a claim",
            _ => "the token cannot be read",
        })
    })
}

/// Returns what is said of a claim that is there and of another type than such claims are.
fn wrong_type(name: &str) -> &'static str {
    match name {
        "exp" => "the claim `exp` of the token is no time in seconds since 1970",
        "nbf" => "the claim `nbf` of the token is no time in seconds since 1970",
        "aud" => "the claim `aud` of the token is no text and no list of texts",
        "iss" => "the claim `iss` of the token is no text",
        _ => "a claim of the token is of a wrong type",
    }
}

fn identify(claims: &Claims, expected: &Expected) -> Result<Identity, Rejection> {
    let text = |name: &str| claims.get(name).and_then(Json::as_str);
    if text("iss") != Some(&expected.issuer) {
        return Err(Rejection::Invalid("the token comes from another issuer"));
    }
    if expected.required.iter().any(|name| claims.get(name).is_none_or(Json::is_null)) {
        return Err(Rejection::Invalid("the token lacks a claim"));
    }
    let principal = text(&expected.principal).filter(|name| Identity::is_principal(name));
    let principal = principal.ok_or(Rejection::Invalid("the token does not say who brings it"))?.to_owned();
    Ok(Identity { principal, scopes: scopes(claims) })
}
