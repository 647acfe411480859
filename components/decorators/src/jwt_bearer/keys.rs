//! The keys that tokens are verified with, each for the algorithms of its type alone.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value as Json;

/// Keys by their ids.
pub struct KeySet(Vec<Key>);

struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// What a set has for a token.
pub enum Found<'a> {
    /// This key.
    Key(&'a DecodingKey),
    /// No key of this id and algorithm.
    Nothing,
    /// Several keys, of which the token names none.
    Several,
}

impl KeySet {
    /// Reads a JSON Web Key Set. Keys of types that verify no token are left out, and so are secrets: a set is public.
    ///
    /// # Errors
    /// It is none, or has no key that is of use; in words.
    pub fn of_jwks(text: &str) -> Result<KeySet, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Json>,
        }
        let set: Set = serde_json::from_str(text).map_err(|_| "this is no JSON Web Key Set".to_owned())?;
        let keys: Vec<Key> =
            set.keys.into_iter().filter_map(|key| Key::of_jwk(&serde_json::from_value(key).ok()?)).collect();
        match keys.is_empty() {
            true => Err("the set holds no key that tokens are verified with".to_owned()),
            false => Ok(KeySet(keys)),
        }
    }

    /// Reads a public key in PEM.
    ///
    /// # Errors
    /// It is none; in words that show nothing of it.
    pub fn of_pem(text: &str) -> Result<KeySet, String> {
        let pem = text.as_bytes();
        let is_private = text.contains("PRIVATE KEY");
        let read = [DecodingKey::from_rsa_pem(pem), DecodingKey::from_ec_pem(pem), DecodingKey::from_ed_pem(pem)];
        let key = read.into_iter().flatten().next().filter(|_| !is_private);
        let key = key.ok_or_else(|| "this is no public key in PEM (`-----BEGIN PUBLIC KEY-----`)".to_owned())?;
        let algorithms = match (key.family(), key.try_get_as_bytes().map(<[u8]>::len)) {
            (AlgorithmFamily::Ec, Ok(P256)) => vec![Algorithm::ES256],
            (AlgorithmFamily::Ec, Ok(P384)) => vec![Algorithm::ES384],
            (AlgorithmFamily::Ec, _) => return Err("this is a key of a curve other than P-256 and P-384".to_owned()),
            (family, _) => family.algorithms().to_vec(),
        };
        Ok(KeySet(vec![Key { id: None, algorithms, key }]))
    }

    /// Returns the set of a secret.
    pub fn of_secret(secret: &str) -> KeySet {
        let algorithms = AlgorithmFamily::Hmac.algorithms().to_vec();
        KeySet(vec![Key { id: None, algorithms, key: DecodingKey::from_secret(secret.as_bytes()) }])
    }

    /// Returns the key for a token of this algorithm. A key without an id fits every id, a token without one every key.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Found<'_> {
        let fits = |key: &&Key| {
            let is_named = key.id.is_none() || id.is_none() || key.id.as_deref() == id;
            is_named && key.algorithms.contains(&algorithm)
        };
        let mut keys = self.0.iter().filter(fits);
        match (keys.next(), keys.next()) {
            (Some(key), None) => Found::Key(&key.key),
            (Some(_), Some(_)) => Found::Several,
            (None, _) => Found::Nothing,
        }
    }
}

/// The bytes of a point of a curve.
const P256: usize = 65;
const P384: usize = 97;

impl Key {
    fn of_jwk(jwk: &Jwk) -> Option<Key> {
        let common = &jwk.common;
        let verifies = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        let (family, of_type): (_, &[Algorithm]) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (AlgorithmFamily::Rsa, AlgorithmFamily::Rsa.algorithms()),
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => (AlgorithmFamily::Ec, &[Algorithm::ES256]),
                EllipticCurve::P384 => (AlgorithmFamily::Ec, &[Algorithm::ES384]),
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (AlgorithmFamily::Ed, &[Algorithm::EdDSA])
            }
            _ => return None,
        };
        let stated = match common.key_algorithm {
            Some(stated) => Some(Algorithm::try_from(stated).ok()?),
            None => None,
        };
        let algorithms: Vec<_> =
            of_type.iter().copied().filter(|one| stated.is_none_or(|stated| stated == *one)).collect();
        let key = DecodingKey::from_jwk(jwk).ok().filter(|key| key.family() == family)?;
        (verifies && !algorithms.is_empty()).then(|| Key { id: common.key_id.clone(), algorithms, key })
    }
}
