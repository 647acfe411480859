//! Tokens, and the keys that they are signed with.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair as RsaPair, PublicKeyComponents};
use ring::signature::{self as schemes, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding};
use serde_json::{Value as Json, json};

/// An identity provider with a key of each type. That of RSA stands in a file, and is of use in these tests alone.
pub struct Signer {
    pub rsa: RsaPair,
    pub p256: EcdsaKeyPair,
    pub p384: EcdsaKeyPair,
    pub ed25519: Ed25519KeyPair,
}

/// The algorithms of public keys, and the ids of keys that they go with.
pub const PUBLIC: [(&str, &str); 9] = [
    ("RS256", "rsa"),
    ("RS384", "rsa"),
    ("RS512", "rsa"),
    ("PS256", "rsa"),
    ("PS384", "rsa"),
    ("PS512", "rsa"),
    ("ES256", "e"),
    ("ES384", "e384"),
    ("EdDSA", "ed"),
];

/// The algorithms of a secret.
pub const SECRET: [&str; 3] = ["HS256", "HS384", "HS512"];

/// A secret that is shared with whoever signs.
pub const SHARED: &str = "0123456789abcdef0123456789abcdef";

impl Signer {
    pub fn new() -> Signer {
        let text: String = include_str!("../test_key.txt").split_whitespace().collect();
        let rsa = RsaPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap();
        let random = SystemRandom::new();
        let of_curve = |algorithm: &'static EcdsaSigningAlgorithm| {
            let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap()
        };
        let p256 = of_curve(&schemes::ECDSA_P256_SHA256_FIXED_SIGNING);
        let p384 = of_curve(&schemes::ECDSA_P384_SHA384_FIXED_SIGNING);
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Signer { rsa, p256, p384, ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).unwrap() }
    }

    pub fn jwks(&self) -> Json {
        let rsa: PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        let (n, e) = (BASE64.encode(rsa.n), BASE64.encode(rsa.e));
        let coordinates = |point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            (BASE64.encode(x), BASE64.encode(y))
        };
        let (x, y) = coordinates(self.p256.public_key().as_ref());
        let (x384, y384) = coordinates(self.p384.public_key().as_ref());
        json!({"keys": [
            {"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": n, "e": e},
            {"kty": "EC", "kid": "e", "crv": "P-256", "x": x, "y": y},
            {"kty": "RSA", "kid": "encrypts", "use": "enc", "n": n, "e": e},
            {"kty": "oct", "kid": "o", "k": BASE64.encode(SHARED)},
            {"kty": "EC", "kid": "s", "crv": "secp256k1", "x": x, "y": y},
            {"kty": "new", "kid": "n"},
            {"kty": "RSA", "kid": "rsa", "n": n, "e": e},
            {"kty": "EC", "kid": "e384", "crv": "P-384", "x": x384, "y": y384},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": BASE64.encode(self.ed25519.public_key())},
        ]})
    }

    /// The public key of P-256 as a file holds it.
    pub fn pem(&self) -> String {
        pem("3059301306072a8648ce3d020106082a8648ce3d030107034200", self.p256.public_key().as_ref())
    }

    pub fn sign(&self, head: &Json, claims: &Json) -> String {
        let message = message(head, claims);
        let random = SystemRandom::new();
        let of_rsa = |scheme: &'static dyn RsaEncoding| {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(scheme, &random, message.as_bytes(), &mut signature).unwrap();
            signature
        };
        let signature = match head["alg"].as_str().unwrap() {
            "RS256" => of_rsa(&schemes::RSA_PKCS1_SHA256),
            "RS384" => of_rsa(&schemes::RSA_PKCS1_SHA384),
            "RS512" => of_rsa(&schemes::RSA_PKCS1_SHA512),
            "PS256" => of_rsa(&schemes::RSA_PSS_SHA256),
            "PS384" => of_rsa(&schemes::RSA_PSS_SHA384),
            "PS512" => of_rsa(&schemes::RSA_PSS_SHA512),
            "ES256" => self.p256.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            "ES384" => self.p384.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed25519.sign(message.as_bytes()).as_ref().to_vec(),
            other => panic!("no key signs by {other}"),
        };
        format!("{message}.{}", BASE64.encode(signature))
    }
}

/// Returns a public key in PEM, from the head of its SubjectPublicKeyInfo in hexadecimal digits and its bits.
pub fn pem(head: &str, bits: &[u8]) -> String {
    let encoded = STANDARD.encode([&hex::decode(head).unwrap(), bits].concat());
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

pub fn message(head: &Json, claims: &Json) -> String {
    format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()))
}

pub fn with_secret(head: &Json, claims: &Json, secret: &[u8]) -> String {
    let message = message(head, claims);
    let algorithm = match head["alg"].as_str() {
        Some("HS384") => ring::hmac::HMAC_SHA384,
        Some("HS512") => ring::hmac::HMAC_SHA512,
        _ => ring::hmac::HMAC_SHA256,
    };
    let key = ring::hmac::Key::new(algorithm, secret);
    format!("{message}.{}", BASE64.encode(ring::hmac::sign(&key, message.as_bytes())))
}
